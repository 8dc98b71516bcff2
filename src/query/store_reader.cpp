#include "query/store_reader.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/thrown_error.hpp"
#include "state/open_store.hpp"

namespace tidemill {
namespace {

/// What a row takes beside its bytes.
constexpr std::size_t kRowOverhead = sizeof(StoreRow);

/// A snapshot as an engine's store, so that the layers of every kind of store can stand on it. Nobody writes.
class SnapshotStore final : public BytesStore {
 public:
  SnapshotStore(std::string name, std::unique_ptr<BytesSnapshot> snapshot)
      : name_(std::move(name)), snapshot_(std::move(snapshot)) {}
  const std::string& name() const override { return name_; }
  Result<bool> get(BytesView key, Bytes& value) override { return snapshot_->get(key, value); }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override { return snapshot_->range(range); }
  Result<void> put(BytesView, OptionalBytesView) override { return read_only(); }
  std::uint64_t approximate_num_entries() const override { return 0; }
  std::size_t uncommitted_bytes() const override { return 0; }
  Result<void> commit(const ChangelogPosition&, const Position&) override { return read_only(); }
  void abort() override {}
  Result<void> flush() override { return {}; }
  std::optional<ChangelogPosition> durable_position() const override { return std::nullopt; }
  const Position& position() const override { return snapshot_->position(); }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>>, const ChangelogPosition&) override {
    return read_only();
  }
  Result<void> clear() override { return read_only(); }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override { return read_only(); }

 private:
  [[nodiscard]] static Error read_only() { return {ErrorKind::kUnsupported, "a snapshot is not written"}; }
  std::string name_;
  std::unique_ptr<BytesSnapshot> snapshot_;
};

std::string_view questions_to(StoreKind kind) {
  switch (kind) {
    case StoreKind::kKeyValue: return "KeyQuery or RangeQuery";
    case StoreKind::kTimestampedKeyValue: return "KeyQuery, RangeQuery, TimestampedKeyQuery or TimestampedRangeQuery";
    case StoreKind::kWindow:
    case StoreKind::kTimestampedWindow: return "WindowKeyQuery, or WindowRangeQuery without a key";
    case StoreKind::kSession: return "WindowRangeQuery with a key";
    case StoreKind::kVersionedKeyValue: return "VersionedKeyQuery or MultiVersionedKeyQuery";
    case StoreKind::kCustom: return "QueryableCustomStore, or with questions that its query() answers";
    case StoreKind::kChangeBuffer:
    case StoreKind::kJoinBuffer: break;
  }
  return "nothing";
}

bool is_key_value(StoreKind kind) { return kind == StoreKind::kKeyValue || kind == StoreKind::kTimestampedKeyValue; }

/// Reads one store for one question. Rows that have become too old are left out; a snapshot cannot tell by itself.
class Reader {
 public:
  Reader(LayeredStore& store, const StoreQuery& query, std::size_t bytes_max, Timestamp oldest)
      : store_(store), query_(query), bytes_max_(bytes_max), oldest_(oldest) {}

  void read(QueryResult<StoreRows>& result) {
    if (!known()) return result.fail(FailureReason::kUnknownQueryType, unknown());
    try {
      if (query_.kind == Kind::kCustom) return ask_custom(result);
      rows_.timestamped = store_.spec().timestamped();
      if (const Result<void> read = read_rows(); !read) return result.fail(FailureReason::kStoreException, read.error());
    } catch (const StateStoreException& error) {
      return result.fail(FailureReason::kStoreException, error.error());
    } catch (...) {  // of a store of one's own; the thread that answers has records to process
      return result.fail(FailureReason::kStoreException,
                         Error{ErrorKind::kInternal, describe_exception(std::current_exception()).message});
    }
    result = QueryResult<StoreRows>(std::move(result), std::move(rows_));
  }

 private:
  using Kind = StoreQuery::Kind;

  [[nodiscard]] bool known() const {
    if (query_.with_timestamp && !store_.spec().timestamped()) return false;
    switch (query_.kind) {
      case Kind::kCustom: return store_.spec().kind == StoreKind::kCustom;
      case Kind::kCount: return store_.spec().kind != StoreKind::kCustom;
      case Kind::kKey:
      case Kind::kRange:
      case Kind::kPrefix: return is_key_value(store_.spec().kind);
      case Kind::kWindows: return store_.windows() != nullptr;
      case Kind::kSessions: return store_.sessions() != nullptr;
      case Kind::kVersion:
      case Kind::kVersions: return store_.versioned() != nullptr;
    }
    return false;
  }
  [[nodiscard]] Error unknown() const {
    const StoreKind kind = store_.spec().kind;
    return {
        ErrorKind::kUnsupported,
        fmt::format("store \"{}\" is a {} and does not know {}{}: ask it with {}", store_.name(), to_string(kind), query_.name,
                    query_.with_timestamp && query_.kind >= Kind::kWindows ? " of ValueAndTimestamp" : "", questions_to(kind))};
  }

  Result<void> read_rows() {
    switch (query_.kind) {
      case Kind::kCount: rows_.count = store_.approximate_num_entries(); return {};
      case Kind::kKey: return read_key();
      case Kind::kRange:
        return take(store_.range({.from = to_view(query_.from), .to = to_view(query_.to), .direction = query_.direction}),
                    [](StoreRow&) { return true; });
      case Kind::kPrefix: return take(prefix_scan(store_, *query_.from), [](StoreRow&) { return true; });
      case Kind::kWindows: return read_windows();
      case Kind::kSessions: return read_sessions();
      case Kind::kVersion: return read_version();
      case Kind::kVersions: return read_versions();
      case Kind::kCustom: break;
    }
    return {};
  }
  void ask_custom(QueryResult<StoreRows>& result) {
    CustomAnswer answer;
    if (!store_.read_custom([&](const CustomStore& store) { answer = query_.custom(store); })) {
      return result.fail(
          FailureReason::kNotActive,
          {ErrorKind::kUnavailable, fmt::format("store \"{}\" is not open now: it begins anew after an abort", store_.name())});
    }
    if (answer.value == nullptr) {
      const std::string why =
          answer.unknown.empty() ? fmt::format("its query() leaves {} unanswered", query_.name) : "it " + answer.unknown;
      return result.fail(FailureReason::kUnknownQueryType,
                         {ErrorKind::kUnsupported, fmt::format("store \"{}\" is declared as a {}: {}", store_.name(),
                                                               store_.spec().custom.type(), why)});
    }
    rows_.custom = std::move(answer.value);
    result = QueryResult<StoreRows>(std::move(result), std::move(rows_));
  }
  Result<void> read_key() {
    Bytes value;
    bool found = false;
    if (query_.skip_cache) {
      TIDEMILL_ASSIGN(found, store_.engine_store().get(*query_.from, value));
    } else {
      found = store_.look(*query_.from, value);
    }
    return found ? add({.key = *query_.from, .value = std::move(value)}) : Result<void>();
  }
  Result<void> read_windows() {
    const std::chrono::milliseconds size = store_.spec().window_size;
    auto rows = store_.windows()->fetch(WindowRange{.from_key = to_view(query_.from),
                                                    .to_key = to_view(query_.to),
                                                    .from = query_.time_from,
                                                    .to = query_.time_to,
                                                    .direction = query_.direction,
                                                    .every_key = !query_.from && !query_.to});
    return take(std::move(rows), [this, size](StoreRow& row) {
      const auto [key, start] = split_window_key(row.key);
      row.window = {start, window_end(start, size)};
      row.key.resize(key.size());
      return start >= oldest_;
    });
  }
  Result<void> read_sessions() {
    auto rows = store_.sessions()->find_sessions(SessionRange{.from_key = to_view(query_.from),
                                                              .to_key = to_view(query_.to),
                                                              .earliest_end = query_.time_from,
                                                              .latest_start = query_.time_to,
                                                              .direction = query_.direction});
    return take(std::move(rows), [this](StoreRow& row) {
      const auto [key, session] = split_session_key(row.key);
      row.window = session;
      row.key.resize(key.size());
      return session.end >= oldest_;
    });
  }
  Result<void> read_version() {
    auto found = store_.versioned()->as_of(*query_.from, query_.time_to);
    if (!found || (found->valid_to != kNoTimestamp && query_.time_to < oldest_)) return {};
    return add_version(*std::move(found));
  }
  Result<void> read_versions() {
    if (query_.time_to < query_.time_from) {
      return Error{ErrorKind::kInvalidArgument, fmt::format("{} from {} to {}: the times are the wrong way round", query_.name,
                                                            query_.time_from.value, query_.time_to.value)};
    }
    auto found = store_.versions(*query_.from, query_.time_from, query_.time_to);
    if (query_.time_to < oldest_) std::erase_if(found, [](const auto& version) { return version.valid_to != kNoTimestamp; });
    if (query_.direction == Direction::kForward) std::reverse(found.begin(), found.end());
    for (auto& version : found) TIDEMILL_TRY(add_version(std::move(version)));
    return {};
  }
  Result<void> add_version(VersionedBytesStore::Found found) {
    return add({.key = *query_.from, .value = std::move(found.value), .window = {found.valid_from, found.valid_to}});
  }

  template <class Accept>
  Result<void> take(std::unique_ptr<BytesIterator> rows, Accept accept) {
    for (; rows->valid() && (query_.limit == 0 || rows_.rows.size() < query_.limit); rows->next()) {
      StoreRow row{.key = Bytes(rows->key()), .value = Bytes(rows->value())};
      if (accept(row)) TIDEMILL_TRY(add(std::move(row)));
    }
    return rows->status();
  }
  Result<void> add(StoreRow row) {
    bytes_ += row.key.size() + row.value.size() + kRowOverhead;
    if (bytes_ > bytes_max_) {
      return Error{
          ErrorKind::kTooLarge,
          fmt::format("the answer of store \"{}\" to {} has more than {} bytes of one partition: narrow its bounds, set a "
                      "limit, or raise bytes_max",
                      store_.name(), query_.name, bytes_max_)};
    }
    rows_.rows.push_back(std::move(row));
    return {};
  }

  LayeredStore& store_;
  const StoreQuery& query_;
  std::size_t bytes_max_;
  Timestamp oldest_;
  StoreRows rows_;
  std::size_t bytes_ = 0;
};

}  // namespace

void read_store(LayeredStore& store, const StoreQuery& query, std::size_t bytes_max, QueryResult<StoreRows>& result) {
  Reader(store, query, bytes_max, Timestamp(INT64_MIN)).read(result);
}

void read_store(CommittedStore store, const StoreQuery& query, std::size_t bytes_max, QueryResult<StoreRows>& result) {
  const RecordContext* const nothing = nullptr;
  try {
    std::string name = store.spec.name;
    std::unique_ptr<BytesStore> engine(new SnapshotStore(std::move(name), std::move(store.snapshot)));
    const auto view = open_store({.spec = std::move(store.spec), .engine = std::move(engine)}, nothing);
    Reader(*view, query, bytes_max, store.oldest).read(result);
  } catch (const StateStoreException& error) {
    result.fail(FailureReason::kStoreException, error.error());
  }
}

}  // namespace tidemill
