// Positions, outcomes, and the questions in bytes over all partitions together.
#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include <tidemill/query/store_queries.hpp>

namespace tidemill {

std::string to_string(const Position& position) {
  std::string text;
  for (const auto& [topic, partitions] : position) {
    std::string offsets;
    for (const auto& [partition, offset] : partitions) {
      offsets += fmt::format("{}{}: {}", offsets.empty() ? "" : ", ", partition, offset);
    }
    text += fmt::format("{}{}: {{{}}}", text.empty() ? "" : ", ", topic, offsets);
  }
  return "{" + text + "}";
}

namespace {

bool has_seen(const Position& seen, const std::string& topic, std::int32_t partition, std::int64_t offset) {
  const auto partitions = seen.find(topic);
  if (partitions == seen.end()) return false;
  const auto known = partitions->second.find(partition);
  return known != partitions->second.end() && known->second >= offset;
}

}  // namespace

bool PositionBound::admits(const Position& seen, std::int32_t partition) const {
  return std::all_of(position_.begin(), position_.end(), [&](const auto& bound) {
    const auto wanted = bound.second.find(partition);
    return wanted == bound.second.end() || has_seen(seen, bound.first, partition, wanted->second);
  });
}

bool PositionBound::admits(const Position& seen) const {
  return std::all_of(position_.begin(), position_.end(), [&](const auto& bound) {
    return std::all_of(bound.second.begin(), bound.second.end(),
                       [&](const auto& wanted) { return has_seen(seen, bound.first, wanted.first, wanted.second); });
  });
}

std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::kUnknownQueryType: return "UNKNOWN_QUERY_TYPE";
    case FailureReason::kNotActive: return "NOT_ACTIVE";
    case FailureReason::kNotUpToBound: return "NOT_UP_TO_BOUND";
    case FailureReason::kNotPresent: return "NOT_PRESENT";
    case FailureReason::kDoesNotExist: return "DOES_NOT_EXIST";
    case FailureReason::kStoreException: return "STORE_EXCEPTION";
  }
  return "?";
}

FailureReason QueryOutcome::failure_reason() const {
  static_cast<void>(failure_error());
  return *failure_;
}
const Error& QueryOutcome::failure_error() const {
  if (!failure_) detail::throw_result_exception({ErrorKind::kInvalidArgument, "the query did not fail: it has a result"});
  return error_;
}
void QueryOutcome::fail(FailureReason reason, Error error) {
  failure_ = reason;
  error_ = std::move(error);
}
void QueryOutcome::check_success() const {
  if (failure_) detail::throw_result_exception(error_.with_context(to_string(*failure_)));
}

Error detail::not_decoded(const StateQueryRequest& request, const StoreQuery& query, const char* what) {
  return {ErrorKind::kInvalidArgument, fmt::format("what store \"{}\" answers to {} is not of the types asked for: {}",
                                                   request.store_name, query.name, what)};
}

// All partitions together

namespace {

/// Adds the rows of one partition, which are in the order of their keys, to those of others: the whole is in that order, so that the
/// next page of a range begins behind the last key of this one.
void add_in_order(std::vector<StoreRow>& whole, std::vector<StoreRow>&& rows, Direction direction) {
  const auto before = static_cast<std::ptrdiff_t>(whole.size());
  whole.insert(whole.end(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  std::inplace_merge(whole.begin(), whole.begin() + before, whole.end(), [direction](const StoreRow& a, const StoreRow& b) {
    return direction == Direction::kForward ? a.key < b.key : b.key < a.key;
  });
}

}  // namespace

Result<StoreAnswer> StoreQueries::query_rows(std::string_view store, StoreQuery query, const QueryOptions& options) const {
  query.direction = options.direction;
  query.limit = options.limit;
  const bool by_key = query.kind == StoreQuery::Kind::kRange || query.kind == StoreQuery::Kind::kPrefix;
  StateQueryRequest request{.store_name = std::string(store),
                            .require_active = !options.stale_stores,
                            .isolation = options.isolation,
                            .timeout = options.timeout};
  if (options.partition) request.partitions = std::set<std::int32_t>{*options.partition};
  TIDEMILL_ASSIGN(StateQueryResult<StoreRows> found, query_store(request, query));
  StoreAnswer whole;
  bool here = false;
  const auto add = [&](QueryResult<StoreRows>& part) -> Result<void> {
    if (part.is_failure()) return part.failure_error();  // what the others have is not all
    here = true;
    StoreRows& rows = part.result();
    whole.count += rows.count;
    whole.timestamped = rows.timestamped;
    whole.staleness = std::max(whole.staleness, part.staleness());
    merge(whole.position, part.position());
    if (rows.custom) whole.custom.push_back(std::move(rows.custom));
    if (by_key) {
      add_in_order(whole.rows, std::move(rows.rows), options.direction);
    } else {
      whole.rows.insert(whole.rows.end(), std::make_move_iterator(rows.rows.begin()), std::make_move_iterator(rows.rows.end()));
    }
    return {};
  };
  if (found.global_result()) TIDEMILL_TRY(add(*found.global_result()));
  for (auto& [partition, part] : found.partition_results()) TIDEMILL_TRY(add(part));
  if (!here) {
    return Error{ErrorKind::kUnavailable,
                 fmt::format("store \"{}\" has no running task here: it is being restored, or other instances have it", store)};
  }
  if (options.limit > 0 && whole.rows.size() > options.limit) whole.rows.resize(options.limit);
  return whole;
}

Result<StoreAnswer> StoreQueries::query_get(std::string_view store, BytesView key, QueryIsolation isolation) const {
  return query_rows(store, {.kind = StoreQuery::Kind::kKey, .name = "get()", .from = Bytes(key)}, {.isolation = isolation});
}
Result<StoreAnswer> StoreQueries::query_range(std::string_view store, OptionalBytesView from, OptionalBytesView to,
                                              QueryOptions options) const {
  return query_rows(store, {.kind = StoreQuery::Kind::kRange, .name = "range()", .from = to_owned(from), .to = to_owned(to)},
                    options);
}
Result<StoreAnswer> StoreQueries::query_count(std::string_view store) const {
  return query_rows(store, {.kind = StoreQuery::Kind::kCount, .name = "count()"});
}

}  // namespace tidemill
