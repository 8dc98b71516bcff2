// Read-only views of a store over all its partitions that run here, by the type of store: get and range, fetch and find_sessions.
// Any thread, while the store is written; each call asks anew. V may be ValueAndTimestamp<V>, where the store has timestamps.
#pragma once

#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tidemill/query/queries.hpp>

namespace tidemill {

/// What a view answers.
template <class T>
struct QueryAnswer {
  T value;
  Position position;
  std::chrono::milliseconds staleness{0};
};

namespace detail {
/// A view's store, and the questions of all views; outlives neither the application nor its handle.
class StoreView {
 public:
  StoreView(const StoreQueries& streams, std::string name)
      : streams_(&streams), name_(std::move(name)), topic_(streams.topic_of_store(name_)) {}
  [[nodiscard]] Result<StoreAnswer> ask(StoreQuery query, const QueryOptions& options) const {
    return streams_->query_rows(name_, std::move(query), options);
  }
  /// What the store's serdes are told.
  [[nodiscard]] const std::string& topic() const { return topic_; }
  /// The answer, read by the question `typed`; kInvalidArgument: what the store has is not of these types.
  template <class Q>
  [[nodiscard]] Result<QueryAnswer<typename Q::Answer>> ask(const Q& typed, const StoreQuery& query,
                                                            const QueryOptions& options) const {
    TIDEMILL_ASSIGN(StoreAnswer answer, ask(query, options));
    const StoreRows rows{.rows = std::move(answer.rows), .timestamped = answer.timestamped, .topic = topic_};
    try {
      return QueryAnswer<typename Q::Answer>{
          .value = typed.read(rows), .position = std::move(answer.position), .staleness = answer.staleness};
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      return of_other_types(error.what());
    }
  }

 private:
  [[nodiscard]] Error of_other_types(const std::string& why) const;
  const StoreQueries* streams_;
  std::string name_;
  std::string topic_;
};
/// Lets a function of the asker's run only while the asker waits for it: it may have hold of what is the asker's.
class WhileAsked {
 public:
  /// False: nobody waits any more.
  template <class F>
  bool run(F&& fn) {
    const std::shared_lock lock(mutex_);
    if (!over_) fn();
    return !over_;
  }
  void end() {
    const std::unique_lock lock(mutex_);
    over_ = true;
  }

 private:
  std::shared_mutex mutex_;
  bool over_ = false;
};
template <class K>
std::optional<K> to_optional(const K* key) {
  return key != nullptr ? std::optional<K>(*key) : std::nullopt;
}
}  // namespace detail

/// Keys and values.
template <class K, class V>
class QueryableStore {
 public:
  using Rows = std::vector<std::pair<K, V>>;
  QueryableStore(const StoreQueries& streams, std::string name, Serde<K> key_serde = SerdeOf<K>::serde(),
                 Serde<V> value_serde = SerdeOf<V>::serde())
      : view_(streams, std::move(name)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  [[nodiscard]] Result<QueryAnswer<std::optional<V>>> get(const K& key, const QueryOptions& options) const {
    const KeyQuery<K, V> query{.key = key, .key_serde = key_serde_, .value_serde = value_serde_};
    return view_.ask(query, query.in_bytes(view_.topic()), options);
  }
  [[nodiscard]] Result<QueryAnswer<std::optional<V>>> get(const K& key,
                                                          QueryIsolation isolation = QueryIsolation::kReadUncommitted) const {
    return get(key, QueryOptions{.isolation = isolation});
  }
  /// In the order of the keys' bytes, whichever partitions they are in. Null: open.
  [[nodiscard]] Result<QueryAnswer<Rows>> range(const K* from, const K* to, const QueryOptions& options = {}) const {
    const RangeQuery<K, V> query{.lower = detail::to_optional(from),
                                 .upper = detail::to_optional(to),
                                 .order = options.direction,
                                 .limit = options.limit,
                                 .key_serde = key_serde_,
                                 .value_serde = value_serde_};
    return view_.ask(query, query.in_bytes(view_.topic()), options);
  }
  [[nodiscard]] Result<QueryAnswer<Rows>> all(const QueryOptions& options = {}) const {
    return range(nullptr, nullptr, options);
  }
  /// Keys whose bytes begin so, in their order.
  [[nodiscard]] Result<QueryAnswer<Rows>> prefix_scan(BytesView prefix, const QueryOptions& options = {}) const {
    const RangeQuery<K, V> rows{.limit = options.limit, .key_serde = key_serde_, .value_serde = value_serde_};
    StoreQuery query = rows.in_bytes(view_.topic());
    query.kind = StoreQuery::Kind::kPrefix;
    query.name = "prefix_scan()";
    query.from = Bytes(prefix);
    return view_.ask(rows, query, options);
  }
  template <class P>
    requires HasSerde<P>
  [[nodiscard]] Result<QueryAnswer<Rows>> prefix_scan(const P& prefix, const QueryOptions& options = {}) const {
    Bytes bytes;
    SerdeOf<P>::serde().serialize({}, prefix, bytes);
    return prefix_scan(BytesView(bytes), options);
  }
  /// As approximate_num_entries() of the store.
  [[nodiscard]] Result<QueryAnswer<std::uint64_t>> count(const QueryOptions& options = {}) const {
    TIDEMILL_ASSIGN(StoreAnswer answer, view_.ask({.kind = StoreQuery::Kind::kCount, .name = "count()"}, options));
    return QueryAnswer<std::uint64_t>{
        .value = answer.count, .position = std::move(answer.position), .staleness = answer.staleness};
  }

 private:
  detail::StoreView view_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// Windows, by the time of their start. Directions are those of QueryOptions.
template <class K, class V>
class QueryableWindowStore {
 public:
  using Windows = std::vector<std::pair<Timestamp, V>>;
  using Rows = std::vector<std::pair<Windowed<K>, V>>;
  QueryableWindowStore(const StoreQueries& streams, std::string name, Serde<K> key_serde = SerdeOf<K>::serde(),
                       Serde<V> value_serde = SerdeOf<V>::serde())
      : view_(streams, std::move(name)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  /// The value of the key's window that starts then.
  [[nodiscard]] Result<QueryAnswer<std::optional<V>>> fetch(const K& key, Timestamp start,
                                                            const QueryOptions& options = {}) const {
    TIDEMILL_ASSIGN(QueryAnswer<Windows> windows, fetch(key, start, start, options));
    QueryAnswer<std::optional<V>> one{.value = {}, .position = std::move(windows.position), .staleness = windows.staleness};
    if (!windows.value.empty()) one.value = std::move(windows.value.front().second);
    return one;
  }
  [[nodiscard]] Result<QueryAnswer<Windows>> fetch(const K& key, Timestamp from, Timestamp to,
                                                   const QueryOptions& options = {}) const {
    const WindowKeyQuery<K, V> query{
        .key = key, .time_from = from, .time_to = to, .key_serde = key_serde_, .value_serde = value_serde_};
    return view_.ask(query, query.in_bytes(view_.topic()), options);
  }
  /// Null keys are open.
  [[nodiscard]] Result<QueryAnswer<Rows>> fetch(const K* from_key, const K* to_key, Timestamp from, Timestamp to,
                                                const QueryOptions& options = {}) const {
    const WindowRangeQuery<K, V> query{.time_from = from, .time_to = to, .key_serde = key_serde_, .value_serde = value_serde_};
    StoreQuery bytes = query.in_bytes(view_.topic());
    bytes.from = detail::key_bytes(key_serde_, view_.topic(), detail::to_optional(from_key));
    bytes.to = detail::key_bytes(key_serde_, view_.topic(), detail::to_optional(to_key));
    return view_.ask(query, bytes, options);
  }
  [[nodiscard]] Result<QueryAnswer<Rows>> fetch_all(Timestamp from, Timestamp to, const QueryOptions& options = {}) const {
    return fetch(nullptr, nullptr, from, to, options);
  }
  [[nodiscard]] Result<QueryAnswer<Rows>> all(const QueryOptions& options = {}) const {
    return fetch_all(Timestamp(0), kMaxTimestamp, options);
  }

 private:
  detail::StoreView view_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// Sessions. Directions are those of QueryOptions.
template <class K, class V>
class QueryableSessionStore {
 public:
  using Rows = std::vector<std::pair<Windowed<K>, V>>;
  QueryableSessionStore(const StoreQueries& streams, std::string name, Serde<K> key_serde = SerdeOf<K>::serde(),
                        Serde<V> value_serde = SerdeOf<V>::serde())
      : view_(streams, std::move(name)), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  [[nodiscard]] Result<QueryAnswer<std::optional<V>>> fetch_session(const K& key, Timestamp start, Timestamp end,
                                                                    const QueryOptions& options = {}) const {
    // Sessions of a key do not overlap: of those that touch these times one at most has both.
    TIDEMILL_ASSIGN(QueryAnswer<Rows> sessions, find_sessions(key, end, start, options));
    QueryAnswer<std::optional<V>> one{.value = {}, .position = std::move(sessions.position), .staleness = sessions.staleness};
    for (auto& [session, value] : sessions.value) {
      if (session.window == Window{start, end}) one.value = std::move(value);
    }
    return one;
  }
  /// Sessions that end at `earliest_end` or later and start at `latest_start` or earlier.
  [[nodiscard]] Result<QueryAnswer<Rows>> find_sessions(const K& key, Timestamp earliest_end, Timestamp latest_start,
                                                        const QueryOptions& options = {}) const {
    return find_sessions(&key, &key, earliest_end, latest_start, options);
  }
  /// Null keys are open.
  [[nodiscard]] Result<QueryAnswer<Rows>> find_sessions(const K* from_key, const K* to_key, Timestamp earliest_end,
                                                        Timestamp latest_start, const QueryOptions& options = {}) const {
    const WindowRangeQuery<K, V> query{.key_serde = key_serde_, .value_serde = value_serde_};
    return view_.ask(query,
                     {.kind = StoreQuery::Kind::kSessions,
                      .name = "find_sessions()",
                      .with_timestamp = detail::kWithTimestamp<V>,
                      .from = detail::key_bytes(key_serde_, view_.topic(), detail::to_optional(from_key)),
                      .to = detail::key_bytes(key_serde_, view_.topic(), detail::to_optional(to_key)),
                      .time_from = earliest_end,
                      .time_to = latest_start},
                     options);
  }
  [[nodiscard]] Result<QueryAnswer<Rows>> fetch(const K& key, const QueryOptions& options = {}) const {
    return find_sessions(key, Timestamp(0), kMaxTimestamp, options);
  }
  [[nodiscard]] Result<QueryAnswer<Rows>> fetch(const K* from_key, const K* to_key, const QueryOptions& options = {}) const {
    return find_sessions(from_key, to_key, Timestamp(0), kMaxTimestamp, options);
  }

 private:
  detail::StoreView view_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// Stores of one's own kind: a view of one's own, with functions of the domain, has one of these.
template <class Store>
class QueryableCustomStore {
  template <class F>
  using AnswerOf = std::decay_t<std::invoke_result_t<const F&, const Store&>>;

 public:
  QueryableCustomStore(const StoreQueries& streams, std::string name) : view_(streams, std::move(name)) {}

  /// Runs `fn(const Store&)` on each partition that runs here, and gives what it gave, in the order of the partitions. It runs on the
  /// thread that owns the store, between two records, so it should be short; several may run it at once, on stores of their own.
  /// Once read() has returned nobody runs it any more: where one runs still at the time-out, read() waits for it to return, so it must
  /// not wait for the caller. What it gives must own what it holds, and has no other bound. kUnsupported: the store is of another type.
  template <class F>
  [[nodiscard]] Result<QueryAnswer<std::vector<AnswerOf<F>>>> read(const F& fn, const QueryOptions& options = {}) const {
    using Answer = AnswerOf<F>;
    static_assert(!std::is_void_v<Answer> && !std::is_pointer_v<Answer> && !std::is_same_v<Answer, std::string_view>,
                  "QueryableCustomStore::read(fn): fn must return a value, for the store changes after it");
    const auto asked = std::make_shared<detail::WhileAsked>();
    struct End {
      ~End() { asked.end(); }
      detail::WhileAsked& asked;
    } const end{*asked};
    const auto run = [asked, &fn](const CustomStore& any) {
      CustomAnswer answer;
      const auto* const store = dynamic_cast<const Store*>(&any);
      if (store == nullptr) {
        answer.unknown = "is not a " + std::string(type_tag<Store>()->name);
      } else if (!asked->run([&] { answer.value = std::make_shared<Answer>(fn(*store)); })) {
        answer.unknown = "was asked too late";
      }
      return answer;
    };
    TIDEMILL_ASSIGN(StoreAnswer found,
                    view_.ask({.kind = StoreQuery::Kind::kCustom, .name = "read()", .custom = run}, options));
    QueryAnswer<std::vector<Answer>> answers{.value = {}, .position = std::move(found.position), .staleness = found.staleness};
    for (const auto& one : found.custom) answers.value.push_back(std::move(*static_cast<Answer*>(one.get())));
    return answers;
  }

 private:
  detail::StoreView view_;
};

/// The views by Kafka Streams' names.
struct QueryableStoreTypes {
  template <class K, class V>
  using KeyValueStore = QueryableStore<K, V>;
  template <class K, class V>
  using TimestampedKeyValueStore = QueryableStore<K, ValueAndTimestamp<V>>;
  template <class K, class V>
  using WindowStore = QueryableWindowStore<K, V>;
  template <class K, class V>
  using TimestampedWindowStore = QueryableWindowStore<K, ValueAndTimestamp<V>>;
  template <class K, class V>
  using SessionStore = QueryableSessionStore<K, V>;
  template <class Store>
  using Custom = QueryableCustomStore<Store>;
};

}  // namespace tidemill
