// Serde<T>: how values of T become bytes and come back. A small value: two functions and an optional shared state.
//
// Null never reaches a serde: a null key or value has null bytes. The topic is for serdes that look up a schema.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

/// Bytes that are not a T, or a T that has no bytes. Goes to the deserialization (or production) handler.
class SerializationException : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
/// std::invalid_argument: a serde has been made of something that cannot be called.
[[noreturn]] void throw_null_serde(bool serialize);
/// For what is never asked, because nothing of it is kept.
struct NeverAsked {};
/// What a serde holds whatever its type; copied and dropped out of line, as options and handles do that at every operator.
class SerdeBase {
 public:
  explicit SerdeBase(std::shared_ptr<const void> state) noexcept;
  SerdeBase(const SerdeBase& other) noexcept;
  SerdeBase(SerdeBase&& other) noexcept;
  SerdeBase& operator=(const SerdeBase& other) noexcept;
  SerdeBase& operator=(SerdeBase&& other) noexcept;
  ~SerdeBase();

 protected:
  std::shared_ptr<const void> state_;
  std::size_t partition_suffix_ = 0;
};
}  // namespace detail

template <class T>
class Serde : private detail::SerdeBase {
 public:
  /// Appends to `out`. May throw SerializationException.
  using Serialize = void (*)(const void* state, std::string_view topic, const T& value, Bytes& out);
  using Deserialize = T (*)(const void* state, std::string_view topic, BytesView bytes);

  /// std::invalid_argument: either function is null.
  Serde(Serialize serialize, Deserialize deserialize, std::shared_ptr<const void> state = nullptr)
      : SerdeBase(std::move(state)), serialize_(serialize), deserialize_(deserialize) {
    if (serialize_ == nullptr || deserialize_ == nullptr) detail::throw_null_serde(serialize_ == nullptr);
  }
  explicit Serde(detail::NeverAsked) noexcept : SerdeBase(nullptr), serialize_(nullptr), deserialize_(nullptr) {}

  void serialize(std::string_view topic, const T& value, Bytes& out) const { serialize_(state_.get(), topic, value, out); }
  [[nodiscard]] T deserialize(std::string_view topic, BytesView bytes) const {
    return deserialize_(state_.get(), topic, bytes);
  }
  /// How many bytes at the end of a key say nothing of its partition: a window's times.
  [[nodiscard]] std::size_t partition_suffix() const { return partition_suffix_; }
  [[nodiscard]] Serde partitioned_without_suffix(std::size_t bytes) const {
    Serde changed = *this;
    changed.partition_suffix_ = bytes;
    return changed;
  }

 private:
  Serialize serialize_;
  Deserialize deserialize_;
};

/// The serde that a type brings along: specialize it, with `static Serde<T> serde()`, for your own types.
/// Built in: those of Java (<tidemill/serde/serdes.hpp>).
template <class T>
struct SerdeOf;

template <class T>
concept HasSerde = requires {
  {SerdeOf<T>::serde()};
};

}  // namespace tidemill
