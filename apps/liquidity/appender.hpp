// Appender: a way into the chain's input topics that waits instead of answering "full", and throws instead of failing.
//
// Used by one thread. After an exception make a new one: what was appended since the last commit() is not in the log
// (kAllOrNothing), or may be (kEachByItself).
#pragma once

#include <tidemill/log/log.hpp>

#include <map>
#include <memory>
#include <string>

namespace liquidity {

enum class Together {
  kAllOrNothing,  // a transaction: what is appended between two commits becomes visible at once, or never
  kEachByItself,  // records without a transaction; commit() waits until they are there for good
};

class Appender {
 public:
  /// Opening fences and aborts a predecessor of the same name (kAllOrNothing).
  Appender(tidemill::Log& log, const std::string& name, Together together);
  /// To the partition of the key. Waits for what was appended before where that makes room; throws kFull where it does not.
  void append(const char* topic, tidemill::BytesView key, tidemill::BytesView value, std::int64_t time_ms,
              tidemill::BytesView headers = {});
  /// What was appended is in the log for good.
  void commit();

 private:
  tidemill::TopicHandle handle(const char* topic);
  void flush();
  Together together_;
  std::unique_ptr<tidemill::CommitGroup> group_;
  std::unique_ptr<tidemill::LogProducer> producer_;
  std::map<std::string, tidemill::TopicHandle, std::less<>> handles_;
};

/// Milliseconds since 1970, now.
[[nodiscard]] std::int64_t wall_time_ms();

}  // namespace liquidity
