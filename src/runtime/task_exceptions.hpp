// What passes through user code unhandled, up to the thread: the work since the last commit cannot be kept.
#pragma once

#include <tidemill/base/result.hpp>
#include <tidemill/processor/operator_node.hpp>

namespace tidemill::runtime {

/// The transaction is broken: abort it and go on from the last commit.
class TransactionBroken final : public StreamsException {
 public:
  explicit TransactionBroken(Error error) : StreamsException(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

/// Another instance has the tasks now.
class TaskMigrated final : public StreamsException {
 public:
  explicit TaskMigrated(Error error) : StreamsException(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

}  // namespace tidemill::runtime
