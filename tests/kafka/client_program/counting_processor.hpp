// CountingProcessor counts the records of its task and says so every 100: `processed 300 records from topic=data`.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include <tidemill/processor/processor.hpp>

namespace tidemill {

template <class K, class V>
class CountingProcessor final : public Processor<K, V> {
 public:
  explicit CountingProcessor(std::string topic) : topic_(std::move(topic)) {}
  void process(const Record<K, V>&) override {
    if (++records_ % kSaidEvery != 0) return;
    std::printf("processed %lld records from topic=%s\n", static_cast<long long>(records_), topic_.c_str());
  }

 private:
  static constexpr std::int64_t kSaidEvery = 100;
  std::string topic_;
  std::int64_t records_ = 0;
};

}  // namespace tidemill
