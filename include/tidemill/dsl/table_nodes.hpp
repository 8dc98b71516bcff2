// The operators that keep or read tables: source table, aggregations, filters and maps of tables, joins.
//
// On a table edge a record's value is a Change. A table with a store forwards through the store's cache where it has one
// (then when the entry is written), else at once.
#pragma once

#include <functional>

#include <tidemill/dsl/stateless_nodes.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/versioned_bytes.hpp>
#include <tidemill/topology/topology_builder.hpp>

namespace tidemill::detail {

/// What later operators ask of a table; read when its step is written.
struct TableFacts {
  bool materialized = false;
  bool send_old_values = false;
  /// Options without a store's name were given: in Java such a table counts as one without versions, whatever it comes from.
  bool forgets_versions = false;
  StoreSpec store;
  /// Of windowed aggregations: how long behind its end a window takes records.
  std::optional<std::chrono::milliseconds> window_grace = {};
  /// Where the values of a table without a store come from: one table (a filter, a map) or two (a join). Empty: a source or an
  /// aggregation, which has a store wherever its values are asked for.
  std::vector<std::shared_ptr<TableFacts>> upstream;

  /// Old versions of its values are kept, so what comes out of order changes nothing downstream.
  [[nodiscard]] bool versioned() const;
  /// Somebody looks up its values.
  void materialize();
  /// Old values are wanted; `force`: also where a store has to be made for them. True: they come.
  bool enable_old_values(bool force);
};

/// Adds the store of a table that has one; what its node is connected to.
std::vector<std::string> add_store(TopologyBuilder& builder, const TableFacts& facts);
/// The store of that name in the task; `what` has none: StreamsException.
[[nodiscard]] StateStore& store_of_table(TaskContext& task, const std::string& name, const char* what);

// What is typed by key and value is compiled once for them: the user's functions come to these nodes erased. Only the stateless
// operators of streams are classes of their functions; here a call is little beside a store.
template <class K, class V, class VR>
using AggregateUpdate = std::function<std::optional<VR>(const K&, const V&, const std::optional<VR>& so_far)>;
template <class VR>
using AggregateStart = std::function<std::optional<VR>()>;
template <class K, class V, class VR>
using TableMap = std::function<std::optional<VR>(const K&, const V&)>;
/// Called with what is there of both sides.
template <class VThis, class VOther, class VR>
using TableJoiner = std::function<std::optional<VR>(const VThis*, const VOther*)>;
/// `R` may be a std::optional.
template <class K, class V, class VT, class R>
using StreamTableJoiner = std::function<R(const K*, const V&, const VT*)>;
/// The key to look up; null: the record's own.
template <class K, class V, class KT>
using LookupKey = std::function<std::optional<KT>(const K*, const V&)>;

inline Timestamp later(Timestamp a, Timestamp b) { return a < b ? b : a; }

/// What one sees of a table whose changes wait in a cache.
enum class TableView : std::uint8_t {
  kLatest,     // the newest values, also of changes that nobody has been told of yet
  kForwarded,  // what has been passed on
};
/// That of the joins of tables. What they make of both sides stays right only when they see of the other one what it has told
/// them: else a row that is deleted before it was passed on would leave its joined rows behind, and two rows that are deleted
/// together would each find the other gone and say nothing. Java's is kLatest.
[[nodiscard]] TableView view_of_table_joins(const TaskContext& task);

/// A timestamped key-value store as the DSL's nodes use it: typed, with its cache's forwarding.
template <class K, class V>
class TimestampedTable {
 public:
  using Old = std::optional<ValueAndTimestamp<V>>;
  TimestampedTable(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}

  void open(StateStore& store) {
    store_ = &store;
    versions_ = store.versioned();
  }
  /// `forward(key, Change, context)` for entries that the cache writes. True: there is a cache.
  template <class Forward>
  bool forward_through_cache(bool send_old_values, Forward forward) {
    cached_ = store_->set_flush_listener(
        [this, forward](const CacheFlush& flush) {
          const K key = key_serde_.deserialize(store_->topic(), flush.key);
          const Old now = decode(flush.new_value);
          const Old old = decode(flush.old_value);
          const Change change{now ? &now->value : nullptr, old ? &old->value : nullptr, true};
          RecordContext context = *flush.context;
          if (now) context.timestamp = now->timestamp;
          forward(key, change, context);
        },
        send_old_values);
    return cached_;
  }
  [[nodiscard]] bool cached() const { return cached_; }
  [[nodiscard]] Old get(const K& key, TableView view = TableView::kLatest) {
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    if (versions_ != nullptr) return found(versions_->latest(key_bytes_));
    const bool there =
        view == TableView::kLatest ? store_->get(key_bytes_, value_bytes_) : store_->get_forwarded(key_bytes_, value_bytes_);
    if (!there) return std::nullopt;
    return decode(BytesView(value_bytes_));
  }
  /// What was valid at that time, of a versioned store; else what is.
  [[nodiscard]] Old get_as_of(const K& key, Timestamp time) {
    if (versions_ == nullptr) return get(key);
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    return found(versions_->as_of(key_bytes_, time));
  }
  enum class Put : std::uint8_t { kLatest, kOlder, kRefused };
  /// `record_time`: that of the record at work, under which a deletion is written to the changelog, as Java does.
  Put put(const K& key, const V* value, Timestamp timestamp, Timestamp record_time) {
    key_bytes_.clear();
    key_serde_.serialize(store_->topic(), key, key_bytes_);
    value_bytes_.clear();
    if (value != nullptr && versions_ == nullptr) append_timestamp(timestamp, value_bytes_);
    if (value != nullptr) value_serde_.serialize(store_->topic(), *value, value_bytes_);
    const OptionalBytesView bytes = value != nullptr ? OptionalBytesView(value_bytes_) : std::nullopt;
    if (versions_ == nullptr) {
      store_->put(key_bytes_, bytes, value != nullptr ? timestamp : record_time);
      return Put::kLatest;
    }
    const std::int64_t answer = versions_->put_version(key_bytes_, bytes, timestamp);
    return answer == VersionedBytesStore::kNotPut   ? Put::kRefused
           : answer == VersionedBytesStore::kLatest ? Put::kLatest
                                                    : Put::kOlder;
  }

 private:
  [[nodiscard]] Old decode(OptionalBytesView stored) const {
    if (!stored) return std::nullopt;
    const auto [timestamp, plain] = split_timestamp(*stored);
    return ValueAndTimestamp<V>{value_serde_.deserialize(store_->topic(), plain), timestamp};
  }
  [[nodiscard]] Old found(std::optional<VersionedBytesStore::Found> version) const {
    if (!version) return std::nullopt;
    return ValueAndTimestamp<V>{value_serde_.deserialize(store_->topic(), version->value), version->valid_from};
  }
  StateStore* store_ = nullptr;
  VersionedBytesStore* versions_ = nullptr;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Bytes key_bytes_;
  Bytes value_bytes_;
  bool cached_ = false;
};

/// A node that owns a table's store (or, without one, only passes changes on).
template <class K, class V>
class TableNode : public OperatorNode {
 public:
  TableNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<V>& value_serde)
      : facts_(std::move(facts)), table_(key_serde, value_serde) {}
  void init() override {
    if (!facts_->materialized) return;
    table_.open(connected_store(facts_->store.name));
    table_.forward_through_cache(facts_->send_old_values,
                                 [this](const K& key, const Change& change, const RecordContext& context) {
                                   forward({&key, &change, &context});
                                 });
  }

 protected:
  /// Puts, and forwards unless the cache will.
  void put_and_forward(const K& key, const V* value, const V* old_value, Timestamp timestamp, const RecordContext& context,
                       bool latest = true) {
    if (facts_->materialized) {
      const auto put = table_.put(key, value, timestamp, context.timestamp);
      if (table_.cached() || put == TimestampedTable<K, V>::Put::kRefused) return;
      latest = put == TimestampedTable<K, V>::Put::kLatest;
    }
    const Change change{value, facts_->send_old_values ? old_value : nullptr, latest};
    RecordContext changed = context;
    changed.timestamp = timestamp;
    forward({&key, &change, &changed});
  }
  std::shared_ptr<const TableFacts> facts_;
  TimestampedTable<K, V> table_;
};

/// A stream read as a table: table(), to_table(), global_table().
template <class K, class V>
class TableSourceNode final : public TableNode<K, V> {
 public:
  using TableNode<K, V>::TableNode;
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableSourceNode(*this)); }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return this->drop("null-key", record);
    const K& key = *static_cast<const K*>(record.key);
    std::optional<ValueAndTimestamp<V>> old;
    if (this->facts_->materialized && this->facts_->send_old_values) old = this->table_.get(key);
    this->put_and_forward(key, static_cast<const V*>(record.value), old ? &old->value : nullptr, record.context->timestamp,
                          *record.context);
  }
};

/// aggregate, reduce, count.
template <class K, class V, class VR>
class AggregateNode final : public TableNode<K, VR> {
 public:
  AggregateNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
                AggregateUpdate<K, V, VR> update, AggregateStart<VR> start)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), update_(std::move(update)), start_(std::move(start)) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new AggregateNode(*this)); }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr || record.value == nullptr) return this->drop("null-key-or-value", record);
    const K& key = *static_cast<const K*>(record.key);
    const V& value = *static_cast<const V*>(record.value);
    std::optional<ValueAndTimestamp<VR>> old = this->table_.get(key);
    // The first aggregate of a key sends the initializer's value as the old one, as Java does.
    std::optional<VR> before = old ? std::optional<VR>(std::move(old->value)) : start_();
    const Timestamp timestamp = old ? later(old->timestamp, record.context->timestamp) : record.context->timestamp;
    const std::optional<VR> after = update_(key, value, before);
    this->put_and_forward(key, after ? &*after : nullptr, before ? &*before : nullptr, timestamp, *record.context);
  }

 private:
  AggregateUpdate<K, V, VR> update_;
  AggregateStart<VR> start_;
};

/// filter, filter_not and map_values of a table: null in, null out.
template <class K, class V, class VR>
class TableMapNode final : public TableNode<K, VR> {
 public:
  TableMapNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
               TableMap<K, V, VR> map, bool filter)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), map_(std::move(map)), filter_(filter) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableMapNode(*this)); }
  void process(const ErasedRecord& record) override {
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    const std::optional<VR> now = mapped(key, change.new_value);
    std::optional<VR> old;
    if (this->facts_->send_old_values) {
      if (this->facts_->materialized) {
        if (auto stored = this->table_.get(key)) old = std::move(stored->value);
      } else {
        old = mapped(key, change.old_value);
      }
      if (filter_ && !now && !old && !this->facts_->upstream.front()->versioned()) return;
    }
    this->put_and_forward(key, now ? &*now : nullptr, old ? &*old : nullptr, record.context->timestamp, *record.context,
                          change.is_latest);
  }

 private:
  std::optional<VR> mapped(const K& key, const void* value) {
    if (value == nullptr) return std::nullopt;
    return map_(key, *static_cast<const V*>(value));
  }
  TableMap<K, V, VR> map_;
  bool filter_;
};

/// to_stream: the new value goes on alone.
class ToStreamNode final : public OperatorNode {
 public:
  std::unique_ptr<OperatorNode> clone() const override;
  void process(const ErasedRecord& record) override {
    forward({record.key, static_cast<const Change*>(record.value)->new_value, record.context});
  }
};

/// Reads another table's current value: from its store, or computed from the table it comes from.
template <class K, class V>
class ValueGetter {
 public:
  virtual ~ValueGetter() = default;
  [[nodiscard]] virtual std::optional<ValueAndTimestamp<V>> get(const K& key) = 0;
  /// What was valid at that time, where the table keeps versions; else what is.
  [[nodiscard]] virtual std::optional<ValueAndTimestamp<V>> get_as_of(const K& key, Timestamp) { return get(key); }
};
/// Stores that the user of a table's values has to be connected to; asked when the topology is written.
using TableStores = std::function<std::vector<std::string>()>;
[[nodiscard]] TableStores store_of(std::shared_ptr<const TableFacts> facts);
[[nodiscard]] TableStores stores_of_both(TableStores left, TableStores right);
template <class K, class V>
struct GetterSupplier {
  std::function<std::unique_ptr<ValueGetter<K, V>>(TaskContext&, TableView)> make;
  TableStores stores;
};

template <class K, class V>
class StoreGetter final : public ValueGetter<K, V> {
 public:
  StoreGetter(StateStore& store, TableView view, Serde<K> key_serde, Serde<V> value_serde)
      : table_(std::move(key_serde), std::move(value_serde)), view_(view) {
    table_.open(store);
  }
  std::optional<ValueAndTimestamp<V>> get(const K& key) override { return table_.get(key, view_); }
  std::optional<ValueAndTimestamp<V>> get_as_of(const K& key, Timestamp time) override { return table_.get_as_of(key, time); }

 private:
  TimestampedTable<K, V> table_;
  TableView view_;
};
/// Of a join without a store of its own: joins what both sides have now.
template <class K, class V, class VO, class VR>
class JoinedGetter final : public ValueGetter<K, VR> {
 public:
  JoinedGetter(std::unique_ptr<ValueGetter<K, V>> left, std::unique_ptr<ValueGetter<K, VO>> right,
               TableJoiner<V, VO, VR> joiner, bool needs_left, bool needs_right)
      : left_(std::move(left)),
        right_(std::move(right)),
        joiner_(std::move(joiner)),
        needs_left_(needs_left),
        needs_right_(needs_right) {}
  std::optional<ValueAndTimestamp<VR>> get(const K& key) override {
    const auto mine = left_->get(key);
    if (!mine && needs_left_) return std::nullopt;
    const auto theirs = right_->get(key);
    if ((!theirs && needs_right_) || (!mine && !theirs)) return std::nullopt;
    std::optional<VR> joined = joiner_(mine ? &mine->value : nullptr, theirs ? &theirs->value : nullptr);
    if (!joined) return std::nullopt;
    const Timestamp timestamp = later(mine ? mine->timestamp : kNoTimestamp, theirs ? theirs->timestamp : kNoTimestamp);
    return ValueAndTimestamp<VR>{*std::move(joined), timestamp};
  }

 private:
  std::unique_ptr<ValueGetter<K, V>> left_;
  std::unique_ptr<ValueGetter<K, VO>> right_;
  TableJoiner<V, VO, VR> joiner_;
  bool needs_left_;
  bool needs_right_;
};
template <class K, class V, class VR>
class MappedGetter final : public ValueGetter<K, VR> {
 public:
  MappedGetter(std::unique_ptr<ValueGetter<K, V>> from, TableMap<K, V, VR> map)
      : from_(std::move(from)), map_(std::move(map)) {}
  std::optional<ValueAndTimestamp<VR>> get(const K& key) override { return mapped(key, from_->get(key)); }
  std::optional<ValueAndTimestamp<VR>> get_as_of(const K& key, Timestamp time) override {
    return mapped(key, from_->get_as_of(key, time));
  }

 private:
  std::optional<ValueAndTimestamp<VR>> mapped(const K& key, std::optional<ValueAndTimestamp<V>> value) {
    if (!value) return std::nullopt;
    std::optional<VR> mapped = map_(key, value->value);
    if (!mapped) return std::nullopt;
    return ValueAndTimestamp<VR>{*std::move(mapped), value->timestamp};
  }
  std::unique_ptr<ValueGetter<K, V>> from_;
  TableMap<K, V, VR> map_;
};

/// stream-table and stream-global-table join.
template <class K, class V, class KT, class VT, class R>
class StreamTableJoinNode final : public OperatorNode {
 public:
  StreamTableJoinNode(GetterSupplier<KT, VT> supplier, LookupKey<K, V, KT> select, StreamTableJoiner<K, V, VT, R> joiner,
                      bool left)
      : supplier_(std::move(supplier)), select_(std::move(select)), joiner_(std::move(joiner)), left_(left) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new StreamTableJoinNode(supplier_, select_, joiner_, left_));
  }
  void init() override { getter_ = supplier_.make(task(), TableView::kLatest); }
  void process(const ErasedRecord& record) override {
    if (record.value == nullptr) return drop("null-value", record);
    const V& value = *static_cast<const V*>(record.value);
    std::optional<KT> selected;
    const KT* const key = look_up_key(static_cast<const K*>(record.key), value, selected);
    if (key == nullptr && !left_) return drop("null-key", record);
    std::optional<ValueAndTimestamp<VT>> other;
    if (key != nullptr) other = getter_->get_as_of(*key, record.context->timestamp);
    if (!other && !left_) return;
    const R joined = joiner_(static_cast<const K*>(record.key), value, other ? &other->value : nullptr);
    forward({record.key, pointer_to(joined), record.context});
  }

 private:
  const KT* look_up_key(const K* own, const V& value, std::optional<KT>& selected) {
    if constexpr (std::is_same_v<K, KT>) {
      if (!select_) return own;
    }
    selected = select_(own, value);
    return selected ? &*selected : nullptr;
  }
  GetterSupplier<KT, VT> supplier_;
  LookupKey<K, V, KT> select_;
  StreamTableJoiner<K, V, VT, R> joiner_;
  bool left_;
  std::unique_ptr<ValueGetter<KT, VT>> getter_;
};

/// One side of a table-table join.
template <class K, class VThis, class VOther, class VR>
class TableJoinNode final : public OperatorNode {
 public:
  /// This side's value (the other's) has to be there for a result. `side`: this one among the joined tables of `facts`.
  TableJoinNode(std::shared_ptr<const TableFacts> facts, std::size_t side, GetterSupplier<K, VOther> supplier,
                TableJoiner<VThis, VOther, VR> joiner, bool needs_this, bool needs_other)
      : facts_(std::move(facts)),
        side_(side),
        supplier_(std::move(supplier)),
        joiner_(std::move(joiner)),
        needs_this_(needs_this),
        needs_other_(needs_other) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new TableJoinNode(facts_, side_, supplier_, joiner_, needs_this_, needs_other_));
  }
  void init() override {
    getter_ = supplier_.make(task(), view_of_table_joins(task()));
    // Of a side that keeps versions, what is not the latest one changes nothing.
    latest_only_ = facts_->upstream[side_]->versioned();
  }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return drop("null-key", record);
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    if (latest_only_ && !change.is_latest) return drop("out-of-order", record);
    const auto other = getter_->get(key);
    if (!other && needs_other_) return;
    const VOther* other_value = other ? &other->value : nullptr;
    const std::optional<VR> now = join(static_cast<const VThis*>(change.new_value), other_value);
    std::optional<VR> old;
    if (facts_->send_old_values) old = join(static_cast<const VThis*>(change.old_value), other_value);
    if (!needs_other_ && !now && change.old_value == nullptr && change.new_value == nullptr && !other) return;
    const Change result{now ? &*now : nullptr, old ? &*old : nullptr, change.is_latest};
    RecordContext context = *record.context;
    if (other) context.timestamp = later(context.timestamp, other->timestamp);
    forward({record.key, &result, &context});
  }

 private:
  std::optional<VR> join(const VThis* mine, const VOther* other) {
    if ((mine == nullptr && needs_this_) || (mine == nullptr && other == nullptr)) return std::nullopt;
    return joiner_(mine, other);
  }
  std::shared_ptr<const TableFacts> facts_;
  std::size_t side_;
  GetterSupplier<K, VOther> supplier_;
  TableJoiner<VThis, VOther, VR> joiner_;
  bool needs_this_;
  bool needs_other_;
  bool latest_only_ = false;
  std::unique_ptr<ValueGetter<K, VOther>> getter_;
};

/// Where both sides of a table-table join meet; keeps the result where it is materialized.
template <class K, class V>
class TableMergeNode final : public TableNode<K, V> {
 public:
  using TableNode<K, V>::TableNode;
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableMergeNode(*this)); }
  void process(const ErasedRecord& record) override {
    const Change& change = *static_cast<const Change*>(record.value);
    this->put_and_forward(*static_cast<const K*>(record.key), static_cast<const V*>(change.new_value),
                          static_cast<const V*>(change.old_value), record.context->timestamp, *record.context);
  }
};

}  // namespace tidemill::detail
