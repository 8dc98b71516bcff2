// The records of a benchmark, the same for ours and for the floor: `key-0000042` from a set of keys, a value of text,
// timestamps one millisecond apart per hundred records. Seeded: the n-th record of a set is always the same.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace tidemill_bench {

struct RecordSet {
  std::uint64_t records = 0;
  std::uint32_t keys = 0;
  std::uint32_t value_bytes = 100;
};

// What the windowed rows do with them, in milliseconds.
inline constexpr std::int64_t kWindowSize = 1000;
inline constexpr std::int64_t kSessionGap = 500;
inline constexpr std::int64_t kJoinWindow = 500;
/// On which side of the join a value is.
[[nodiscard]] inline bool on_the_left(std::string_view value) { return value.front() < 'm'; }

class RecordGenerator {
 public:
  explicit RecordGenerator(const RecordSet& set) : set_(set), value_(set.value_bytes, 'a') {}

  [[nodiscard]] bool done() const { return made_ == set_.records; }
  /// The views live until the next call.
  void next() {
    const std::uint64_t random = step();
    key_size_ =
        static_cast<std::size_t>(std::snprintf(key_, sizeof key_, "key-%07u", static_cast<unsigned>(random % set_.keys)));
    if (!value_.empty()) value_[made_ % value_.size()] = static_cast<char>('a' + random % 25);
    timestamp_ = kFirstTimestamp + static_cast<std::int64_t>(made_ / 100);
    ++made_;
  }
  [[nodiscard]] std::string_view key() const { return {key_, key_size_}; }
  [[nodiscard]] std::string_view value() const { return value_; }
  [[nodiscard]] std::int64_t timestamp() const { return timestamp_; }

 private:
  static constexpr std::int64_t kFirstTimestamp = 1'700'000'000'000;
  // xorshift64
  std::uint64_t step() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  RecordSet set_;
  std::uint64_t made_ = 0;
  std::uint64_t state_ = 88172645463325252ULL;
  char key_[32] = {};
  std::size_t key_size_ = 0;
  std::string value_;
  std::int64_t timestamp_ = 0;
};

}  // namespace tidemill_bench
