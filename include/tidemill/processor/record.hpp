// Record<K, V>: a record as a processor meets it. A view of key, value and headers, valid during the call.
#pragma once

#include <string>

#include <tidemill/processor/operator_node.hpp>

#ifdef __clang__
#define TIDEMILL_LIFETIME [[clang::lifetimebound]]
#else
#define TIDEMILL_LIFETIME
#endif

namespace tidemill {

namespace detail {
[[noreturn]] void throw_missing_key();
[[noreturn]] void throw_missing_value();
[[noreturn]] void throw_no_processor(const std::string& node);
[[noreturn]] void throw_no_context();
}  // namespace detail

/// A view: what it is made of, and what the with_ functions are given, must live until forward() returns. (Clang says so where it does
/// not; GCC has no word for it.)
template <class K, class V>
class Record {
 public:
  Record(const K* key, const V* value, Timestamp timestamp, const Headers* headers = nullptr)
      : key_(key), value_(value), timestamp_(timestamp), headers_(headers) {}
  Record(const K& key TIDEMILL_LIFETIME, const V& value TIDEMILL_LIFETIME, Timestamp timestamp,
         const Headers* headers = nullptr)
      : Record(&key, &value, timestamp, headers) {}

  [[nodiscard]] bool has_key() const { return key_ != nullptr; }
  [[nodiscard]] bool has_value() const { return value_ != nullptr; }
  /// StreamsException where the record has none; ask has_key(), or use key_or_null().
  [[nodiscard]] const K& key() const {
    if (key_ == nullptr) [[unlikely]]
      detail::throw_missing_key();
    return *key_;
  }
  /// StreamsException for a null value; ask has_value(), or use value_or_null().
  [[nodiscard]] const V& value() const {
    if (value_ == nullptr) [[unlikely]]
      detail::throw_missing_value();
    return *value_;
  }
  [[nodiscard]] const K* key_or_null() const { return key_; }
  [[nodiscard]] const V* value_or_null() const { return value_; }
  [[nodiscard]] Timestamp timestamp() const { return timestamp_; }
  [[nodiscard]] const Headers& headers() const { return headers_ != nullptr ? *headers_ : Headers::none(); }

  template <class NewK>
  [[nodiscard]] Record<NewK, V> with_key(const NewK& key TIDEMILL_LIFETIME) const {
    return Record<NewK, V>(&key, value_, timestamp_, headers_);
  }
  template <class NewV>
  [[nodiscard]] Record<K, NewV> with_value(const NewV& value TIDEMILL_LIFETIME) const {
    return Record<K, NewV>(key_, &value, timestamp_, headers_);
  }
  /// The record with a null key, or a null value.
  template <class NewK>
  [[nodiscard]] Record<NewK, V> with_key_or_null(const NewK* key) const {
    return Record<NewK, V>(key, value_, timestamp_, headers_);
  }
  template <class NewV>
  [[nodiscard]] Record<K, NewV> with_value_or_null(const NewV* value) const {
    return Record<K, NewV>(key_, value, timestamp_, headers_);
  }
  [[nodiscard]] Record with_timestamp(Timestamp timestamp) const { return Record(key_, value_, timestamp, headers_); }
  [[nodiscard]] Record with_headers(const Headers& headers TIDEMILL_LIFETIME) const {
    return Record(key_, value_, timestamp_, &headers);
  }

 private:
  const K* key_;
  const V* value_;
  Timestamp timestamp_;
  const Headers* headers_;
};

struct RecordMetadata {
  std::string topic;
  PartitionId partition;
  Offset offset;
};

}  // namespace tidemill
