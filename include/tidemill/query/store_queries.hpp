// StoreQueries: questions to state stores from any thread. A question is typed (queries.hpp) or in bytes (StoreQuery); what answers
// knows bytes only.
//
// `streams.query({.store_name = "counts"}, KeyQuery<std::string, std::int64_t>{.key = "a"})`
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <tidemill/query/query_result.hpp>
#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/custom_store.hpp>

namespace tidemill {

/// Uncommitted (live): what the owner sees now, caches included; asked of the owner between two records. Committed: what the last
/// commit left; on a snapshot where the engine has one (RocksDB), else at the owner's next commit.
enum class QueryIsolation : std::uint8_t { kReadUncommitted, kReadCommitted };

/// Of which store a question is asked, and what an answer must be like.
struct StateQueryRequest {
  /// How long a stream thread may take to come to it.
  static constexpr std::chrono::milliseconds kTimeout{30000};
  /// Rows of one partition, with what holds them.
  static constexpr std::size_t kBytesMax = std::size_t{64} << 20;

  std::string store_name;
  /// nullopt: all that are here.
  std::optional<std::set<std::int32_t>> partitions = std::nullopt;
  PositionBound position_bound = PositionBound::unbounded();
  /// Else stores that are being restored answer, too, with what they have.
  bool require_active = false;
  bool execution_info = false;
  QueryIsolation isolation = QueryIsolation::kReadUncommitted;
  std::chrono::milliseconds timeout = kTimeout;
  std::size_t bytes_max = kBytesMax;
};

/// What a store of one's own kind answers; without a value the store does not know the question, and `unknown` may say why.
struct CustomAnswer {
  std::shared_ptr<void> value;
  std::string unknown = {};
};
/// Asks it, on the thread that owns it; of several partitions perhaps on several threads at once.
using CustomQuestion = std::function<CustomAnswer(const CustomStore&)>;

/// A question in bytes.
struct StoreQuery {
  enum class Kind : std::uint8_t {
    kKey,  // `from`
    kRange,
    kPrefix,  // `from`
    kCount,
    kWindows,   // that start in the times
    kSessions,  // that end at time_from or later and start at time_to or earlier
    kVersion,   // of `from`: the one valid at time_to
    kVersions,  // of `from`: those valid in the times
    kCustom,    // of a store of one's own kind: `custom`
  };
  Kind kind = Kind::kRange;
  [[nodiscard]] bool needs_key() const { return kind == Kind::kKey || kind == Kind::kVersion || kind == Kind::kVersions; }
  /// For sentences.
  std::string_view name = "a range of keys";
  /// Of stores without timestamps the question is unknown.
  bool with_timestamp = false;
  bool skip_cache = false;
  OptionalBytes from = std::nullopt;
  OptionalBytes to = std::nullopt;
  Timestamp time_from{0};
  Timestamp time_to = kMaxTimestamp;
  Direction direction = Direction::kForward;
  /// At most so many rows of each partition; 0: no limit.
  std::size_t limit = 0;
  CustomQuestion custom = nullptr;
};

/// A row of a store. The value is in the store's form.
struct StoreRow {
  Bytes key;
  Bytes value;
  /// Its window or session; from when to when a version is valid (kNoTimestamp: still).
  Window window = {kNoTimestamp, kNoTimestamp};
};
struct StoreRows {
  std::vector<StoreRow> rows;
  std::uint64_t count = 0;
  /// The values have eight bytes of timestamp in front.
  bool timestamped = false;
  /// Of a store of one's own kind.
  std::shared_ptr<void> custom = nullptr;
  /// What the serdes are told: StateStore::topic().
  std::string topic = {};
};

struct QueryOptions {
  QueryIsolation isolation = QueryIsolation::kReadUncommitted;
  Direction direction = Direction::kForward;
  /// At most so many rows, of all partitions together; 0: no limit.
  std::size_t limit = 0;
  /// nullopt: all that are here.
  std::optional<std::int32_t> partition = std::nullopt;
  /// Stores that are being restored answer, too.
  bool stale_stores = false;
  /// How long a stream thread may take to come to it.
  std::chrono::milliseconds timeout = StateQueryRequest::kTimeout;
};
/// The answers of all partitions together, one partition's rows after the other's.
struct StoreAnswer {
  std::vector<StoreRow> rows;
  std::uint64_t count = 0;  // of query_count()
  bool timestamped = false;
  std::vector<std::shared_ptr<void>> custom = {};  // of stores of one's own kind
  /// Which input the answer has seen.
  Position position;
  /// Of the partition that is furthest behind; see QueryOutcome::staleness().
  std::chrono::milliseconds staleness{0};
};

class StoreQueries {
 public:
  virtual ~StoreQueries() = default;
  /// kNotFound: no such store. kUnavailable: not started. kClosed: stopped. kTimeout: a thread was busy for too long.
  [[nodiscard]] virtual Result<StateQueryResult<StoreRows>> query_store(const StateQueryRequest& request,
                                                                        const StoreQuery& query) const = 0;
  /// What the serdes of the store are told that its bytes belong to (StateStore::topic()); empty: there is no such store.
  [[nodiscard]] virtual std::string topic_of_store(std::string_view name) const = 0;
  /// The same, typed: `query` is one of queries.hpp, or of a type of one's own that has an `Answer`, for the stores of one's own kind
  /// that know it (CustomStore::query()).
  template <class Q>
  [[nodiscard]] Result<StateQueryResult<typename Q::Answer>> query(const StateQueryRequest& request, const Q& query) const;

  /// A view: one of queryable_stores.hpp, or a class of one's own that is made from this and a name.
  template <class View>
  [[nodiscard]] View store(std::string name) const {
    return View(*this, std::move(name));
  }

  /// In bytes, over all partitions that run here. kUnavailable: none does.
  [[nodiscard]] Result<StoreAnswer> query_rows(std::string_view store, StoreQuery query,
                                               const QueryOptions& options = {}) const;
  [[nodiscard]] Result<StoreAnswer> query_get(std::string_view store, BytesView key,
                                              QueryIsolation isolation = QueryIsolation::kReadUncommitted) const;
  /// Bounds are inclusive, nullopt is open; per task in key order.
  [[nodiscard]] Result<StoreAnswer> query_range(std::string_view store, OptionalBytesView from, OptionalBytesView to,
                                                QueryOptions options = {}) const;
  /// As approximate_num_entries() of the store.
  [[nodiscard]] Result<StoreAnswer> query_count(std::string_view store) const;

 protected:
  StoreQueries() = default;
  StoreQueries(StoreQueries&&) = default;
  StoreQueries& operator=(StoreQueries&&) = default;
};

namespace detail {
/// A row that the question's serdes do not take.
[[nodiscard]] Error not_decoded(const StateQueryRequest& request, const StoreQuery& query, const char* what);

template <class Q>
QueryResult<typename Q::Answer> decode(const StateQueryRequest& request, const StoreQuery& asked, const Q& query,
                                       std::string_view topic, QueryResult<StoreRows> rows) {
  if (rows.is_success()) {
    try {
      rows.result().topic = topic;
      typename Q::Answer answer = query.read(rows.result());
      return {std::move(rows), std::move(answer)};
    } catch (const std::exception& error) {
      rows.fail(FailureReason::kStoreException, not_decoded(request, asked, error.what()));
    }
  }
  return {std::move(rows), {}};
}
template <class Q>
concept AsksBytes = requires(const Q& query) {
  { query.in_bytes(std::string_view()) } -> std::same_as<StoreQuery>;
};
template <class Q>
StoreQuery question_of(const Q& query, std::string_view topic) {
  if constexpr (AsksBytes<Q>) {
    return query.in_bytes(topic);
  } else {
    static_assert(
        !requires { query.in_bytes(); }, "in_bytes() of a query takes the store's topic: in_bytes(std::string_view)");
    return {.kind = StoreQuery::Kind::kCustom,
            .name = type_tag<Q>()->name,
            .custom = [question = std::make_shared<const Q>(query)](const CustomStore& store) {
              CustomQuery asked(*question);
              store.query(asked);
              return CustomAnswer{.value = asked.answer()};
            }};
  }
}
template <class Q>
QueryResult<typename Q::Answer> answer_of(const StateQueryRequest& request, const StoreQuery& asked, const Q& query,
                                          std::string_view topic, QueryResult<StoreRows> found) {
  if constexpr (AsksBytes<Q>) {
    return decode(request, asked, query, topic, std::move(found));
  } else {
    if (found.is_failure()) return {std::move(found), {}};
    const std::shared_ptr<void> answer = std::move(found.result().custom);
    return {std::move(found), std::move(*static_cast<typename Q::Answer*>(answer.get()))};
  }
}
}  // namespace detail

template <class Q>
Result<StateQueryResult<typename Q::Answer>> StoreQueries::query(const StateQueryRequest& request, const Q& query) const {
  const std::string topic = topic_of_store(request.store_name);
  const StoreQuery asked = detail::question_of(query, topic);
  TIDEMILL_ASSIGN(StateQueryResult<StoreRows> rows, query_store(request, asked));
  StateQueryResult<typename Q::Answer> typed;
  for (auto& [partition, one] : rows.partition_results()) {
    typed.add_result(partition, detail::answer_of(request, asked, query, topic, std::move(one)));
  }
  if (rows.global_result()) {
    typed.set_global_result(detail::answer_of(request, asked, query, topic, *std::move(rows.global_result())));
  }
  return typed;
}

}  // namespace tidemill
