// What comes back of a question: of each partition of the store an answer or the reason why there is none, each with its
// position and how old it may be.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/query/position_bound.hpp>

namespace tidemill {

/// Why a partition has no answer; to_string() gives Kafka Streams' names.
enum class FailureReason : std::uint8_t {
  kUnknownQueryType,  // a store of this kind does not know the question
  kNotActive,         // the task does not run (yet), and the request wants one that does
  kNotUpToBound,      // the store has not seen what the request wants it to have seen
  kNotPresent,        // the partition is not here: ask the instance that has it, or later
  kDoesNotExist,      // the store has fewer partitions
  kStoreException,    // the store failed, or the rows are not of the types asked for, or too many
};
std::string_view to_string(FailureReason reason);

/// What is known of an answer but the answer.
class QueryOutcome {
 public:
  /// Of a store that is being restored: nobody knows how far behind it is.
  static constexpr std::chrono::milliseconds kUnknownStaleness = std::chrono::milliseconds::max();

  [[nodiscard]] bool is_success() const { return !failure_; }
  [[nodiscard]] bool is_failure() const { return failure_.has_value(); }
  /// Of a failure; ResultException when there is none.
  [[nodiscard]] FailureReason failure_reason() const;
  [[nodiscard]] const std::string& failure_message() const { return failure_error().message; }
  [[nodiscard]] const Error& failure_error() const;
  /// Which input the answer has seen.
  [[nodiscard]] const Position& position() const { return position_; }
  /// Zero for live reads of running tasks; for committed ones the time since the last commit, where something has been processed
  /// since; for global stores the time since they had read everything.
  [[nodiscard]] std::chrono::milliseconds staleness() const { return staleness_; }
  /// Where it was asked for: who answered, from what, in which time.
  [[nodiscard]] const std::vector<std::string>& execution_info() const { return execution_info_; }

  // For who answers.
  void fail(FailureReason reason, Error error);
  void set_position(Position position) { position_ = std::move(position); }
  void set_staleness(std::chrono::milliseconds staleness) { staleness_ = staleness; }
  void add_execution_info(std::string line) { execution_info_.push_back(std::move(line)); }

 protected:
  void check_success() const;

 private:
  std::optional<FailureReason> failure_;
  Error error_;
  Position position_;
  std::chrono::milliseconds staleness_{0};
  std::vector<std::string> execution_info_;
};

template <class R>
class QueryResult : public QueryOutcome {
 public:
  QueryResult() = default;
  QueryResult(QueryOutcome outcome, R result) : QueryOutcome(std::move(outcome)), result_(std::move(result)) {}
  [[nodiscard]] static QueryResult for_result(R result) { return QueryResult({}, std::move(result)); }
  [[nodiscard]] static QueryResult for_failure(FailureReason reason, Error error) {
    QueryResult failed;
    failed.fail(reason, std::move(error));
    return failed;
  }
  /// ResultException, with the failure's sentence, when there is none.
  [[nodiscard]] const R& result() const& { return check_success(), result_; }
  [[nodiscard]] R& result() & { return check_success(), result_; }
  [[nodiscard]] R result() && { return check_success(), std::move(result_); }

 private:
  R result_{};
};

template <class R>
class StateQueryResult {
 public:
  /// By partition; of a request for all partitions those that are here, and as kNotPresent those on their way from one of this
  /// instance's threads to another. What other instances have is left out.
  [[nodiscard]] const std::map<std::int32_t, QueryResult<R>>& partition_results() const { return partitions_; }
  [[nodiscard]] std::map<std::int32_t, QueryResult<R>>& partition_results() { return partitions_; }
  /// Of a global store, which has no partitions of its own.
  [[nodiscard]] const std::optional<QueryResult<R>>& global_result() const { return global_; }
  [[nodiscard]] std::optional<QueryResult<R>>& global_result() { return global_; }
  /// The one partition (or global store) that failed or has something to say; null: none has. ResultException: several have.
  [[nodiscard]] const QueryResult<R>* only_partition_result() const {
    const QueryResult<R>* only = global_ ? &*global_ : nullptr;
    for (const auto& [partition, one] : partitions_) {
      if (one.is_success() && is_empty(one.result())) continue;
      if (only != nullptr) detail::throw_result_exception(several());
      only = &one;
    }
    return only;
  }
  /// What all answers together have seen.
  [[nodiscard]] Position position() const {
    Position all;
    if (global_) merge(all, global_->position());
    for (const auto& [partition, one] : partitions_) merge(all, one.position());
    return all;
  }
  void add_result(std::int32_t partition, QueryResult<R> result) { partitions_.insert_or_assign(partition, std::move(result)); }
  void set_global_result(QueryResult<R> result) { global_ = std::move(result); }

 private:
  template <class T>
  static bool is_empty(const std::optional<T>& result) {
    return !result;
  }
  template <class T>
  static bool is_empty(const std::vector<T>& result) {
    return result.empty();
  }
  template <class T>
  static bool is_empty(const T&) {
    return false;
  }
  static Error several() {
    return {ErrorKind::kInvalidArgument,
            "more than one partition has an answer: look at partition_results(), or ask fewer partitions"};
  }
  std::map<std::int32_t, QueryResult<R>> partitions_;
  std::optional<QueryResult<R>> global_;
};

}  // namespace tidemill
