// What passes through user code unhandled, up to the thread: the work since the last commit cannot be kept.
#pragma once

#include <tidemill/base/result.hpp>
#include <tidemill/processor/operator_node.hpp>

namespace tidemill::runtime {

/// The transaction is broken: abort it and go on from the last commit.
class TransactionBroken final : public FailedProcessingException {
 public:
  explicit TransactionBroken(Error error) : FailedProcessingException(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

/// Another instance has the tasks now.
class TaskMigrated final : public FailedProcessingException {
 public:
  explicit TaskMigrated(Error error) : FailedProcessingException(error.message), error_(std::move(error)) {}
  [[nodiscard]] const Error& error() const { return error_; }

 private:
  Error error_;
};

}  // namespace tidemill::runtime
