// Result<T>: what a call that may fail in normal life returns. Below the erasure line nothing throws; the caller
// looks at the result, answers it where something can be done, or passes it up with one more sentence.
//
// Member names are those of std::expected, which is to replace it (C++23).
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <tidemill/base/types.hpp>

namespace tidemill {

enum class ErrorKind : std::uint8_t {
  kInvalidArgument,  // the caller asked for something that cannot be: a bad name, a bad configuration
  kNotFound,         // no such topic, partition, store, group, file
  kAlreadyExists,
  kCorruption,  // bytes that should be ours are not: a wrong checksum in the middle of a log
  kIo,          // the operating system refused; after a failed fsync the only way on is to reopen
  kDiskFull,
  kLocked,       // another process or thread owns it
  kFenced,       // a newer instance took over; nothing of this one will be accepted any more
  kStaleMember,  // the membership token is of an old generation: the tasks are lost
  kOffsetOutOfRange,
  kTimeout,             // the deadline passed; the outcome may be unknown where the docstring says so
  kUnavailable,         // broker or coordinator out of reach for now
  kFull,                // a bounded queue or buffer is full for now
  kTransactionAborted,  // the transaction cannot be committed; abort it and go on from the last commit
  kUnauthorized,
  kUnsupported,  // this adapter cannot do it; see LogTraits
  kTooLarge,
  kClosed,
  kInternal,
};
std::string_view to_string(ErrorKind kind);

/// What happened, where, and what to do. `message` is one or more sentences for a person.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  /// Of a task that failed: which one.
  std::optional<TaskId> task = {};

  /// The same call may succeed later.
  [[nodiscard]] bool retriable() const;
  /// The same error with one more sentence of context in front: `context: message`.
  [[nodiscard]] Error with_context(std::string_view context) const;
  bool operator==(const Error&) const = default;
};
/// `kind: message`
std::string to_string(const Error& error);

/// Thrown by Result::value() when there is none.
class ResultException : public std::runtime_error {
 public:
  explicit ResultException(Error error);
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

namespace detail {
[[noreturn]] void throw_result_exception(const Error& error);
}

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: converts on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: converts on purpose

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const { return *std::get_if<1>(&state_); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }
  /// The value, or ResultException.
  T& value() & { return check(), **this; }
  const T& value() const& { return check(), **this; }
  /// By value, so that `for (auto& x : call().value())` does not dangle.
  T value() && { return check(), std::move(**this); }

 private:
  void check() const {
    if (!has_value()) detail::throw_result_exception(error());
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: converts on purpose

  [[nodiscard]] bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  [[nodiscard]] const Error& error() const { return *error_; }
  void value() const {
    if (error_) detail::throw_result_exception(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace tidemill

/// Returns the error of `expression` from the enclosing function, if it is one.
#define TIDEMILL_TRY(expression)                                                                     \
  do {                                                                                               \
    if (auto tidemill_try_ = (expression); !tidemill_try_.has_value()) return tidemill_try_.error(); \
  } while (false)
/// `TIDEMILL_ASSIGN(auto x, call())`: x is the value, or the enclosing function returns the error.
#define TIDEMILL_ASSIGN(declaration, expression) \
  TIDEMILL_ASSIGN_(declaration, expression, TIDEMILL_CONCAT_(tidemill_result_, __LINE__))
#define TIDEMILL_ASSIGN_(declaration, expression, name) \
  auto name = (expression);                             \
  if (!name.has_value()) return name.error();           \
  declaration = *std::move(name)
#define TIDEMILL_CONCAT_(a, b) TIDEMILL_CONCAT2_(a, b)
#define TIDEMILL_CONCAT2_(a, b) a##b
