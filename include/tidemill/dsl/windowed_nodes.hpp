// Windowed aggregations: which windows a record belongs to, when they are closed and what is late is decided once, over bytes
// (src/dsl); a typed half knows key, value and aggregate.
#pragma once

#include <tidemill/dsl/aggregate_node.hpp>
#include <tidemill/dsl/options.hpp>
#include <tidemill/dsl/value_getter.hpp>
#include <tidemill/dsl/windows.hpp>
#include <tidemill/state/window_store.hpp>

namespace tidemill::detail {

/// The windows of an aggregation, and when they are passed on.
struct WindowPlan {
  enum class Kind : std::uint8_t { kTime, kUnlimited, kSliding, kSession } kind = Kind::kTime;
  /// Of a window; the time difference; the inactivity gap.
  std::chrono::milliseconds size{0};
  std::chrono::milliseconds advance{0};
  std::chrono::milliseconds grace{0};
  Timestamp start{0};                            // unlimited ones
  std::shared_ptr<const Windows> own = nullptr;  // what says which windows there are, where it is the user's
  EmitStrategy emit = EmitStrategy::kOnWindowUpdate;
  /// The aggregator sees records with a null value, too; else they are dropped.
  bool null_values = false;

  WindowPlan() = default;
  explicit WindowPlan(const TimeWindows& windows) : size(windows.size()), advance(windows.advance()), grace(windows.grace()) {}
  explicit WindowPlan(const UnlimitedWindows& windows) : kind(Kind::kUnlimited), size(INT64_MAX), start(windows.start()) {}
  explicit WindowPlan(const SlidingWindows& windows)
      : kind(Kind::kSliding), size(windows.time_difference()), grace(windows.grace()) {}
  explicit WindowPlan(const SessionWindows& windows)
      : kind(Kind::kSession), size(windows.inactivity_gap()), grace(windows.grace()) {}

  /// TopologyException for a size or a grace period that cannot be.
  explicit WindowPlan(std::shared_ptr<const Windows> windows);

  [[nodiscard]] bool sessions() const { return kind == Kind::kSession; }
  /// How long the store has to keep a window for it. TopologyException: longer than time goes.
  [[nodiscard]] std::chrono::milliseconds retention_min() const;
  /// Fills in kind, window size and retention. TopologyException: windows are dropped before they are closed.
  /// The store of such windows. TopologyException: what is wished does not fit.
  [[nodiscard]] StoreSpec store(StoreWishes wishes) const;
  /// TopologyException for windows that have no end.
  void set_emit(EmitStrategy strategy);
};

/// A node that passes on changes of windows.
class WindowedNode : public OperatorNode {
 public:
  void emit(const ErasedRecord& record) const { forward(record); }
};

/// The typed half of a windowed aggregation: an aggregate at work, and the way to and from bytes. `key` and `value` point to
/// what the stream has.
class WindowedAggregate {
 public:
  virtual ~WindowedAggregate() = default;
  [[nodiscard]] virtual std::unique_ptr<WindowedAggregate> clone() const = 0;
  /// `topic`: the store's.
  virtual void open(const std::string& topic) = 0;
  virtual void encode_key(const void* key, Bytes& out) const = 0;
  /// The aggregate at work is the stored one, or, of none, the initial one.
  virtual void start(OptionalBytesView stored) = 0;
  /// Two sessions become one.
  virtual void merge(const void* key, BytesView stored) = 0;
  /// Adds a record to the aggregate at work, which is appended to `out`; false: it is null now.
  virtual bool add(const void* key, const void* value, Bytes& out) = 0;
  /// The aggregate at work, and what it was before add().
  virtual void forward_added(const WindowedNode& node, const void* key, const Window& window, bool with_old,
                             const RecordContext& context) const = 0;
  virtual void forward_stored(const WindowedNode& node, BytesView key, const Window& window, OptionalBytesView now,
                              OptionalBytesView old, const RecordContext& context) const = 0;
};

template <class K, class V, class VR>
using WindowUpdate = std::function<std::optional<VR>(const K&, const V*, const std::optional<VR>& so_far)>;
/// Of two sessions that become one.
template <class K, class VR>
using SessionMerge = std::function<std::optional<VR>(const K&, const std::optional<VR>& so_far, const VR& stored)>;

template <class K, class V, class VR>
class TypedWindowedAggregate final : public WindowedAggregate {
 public:
  TypedWindowedAggregate(const Serde<K>& key_serde, const Serde<VR>& value_serde, WindowUpdate<K, V, VR> update,
                         AggregateStart<VR> init, SessionMerge<K, VR> merge)
      : key_serde_(key_serde),
        value_serde_(value_serde),
        update_(std::move(update)),
        init_(std::move(init)),
        merge_(std::move(merge)) {}
  std::unique_ptr<WindowedAggregate> clone() const override {
    return std::unique_ptr<WindowedAggregate>(new TypedWindowedAggregate(*this));
  }
  void open(const std::string& topic) override { topic_ = topic; }
  void encode_key(const void* key, Bytes& out) const override {
    key_serde_.serialize(topic_, *static_cast<const K*>(key), out);
  }
  void start(OptionalBytesView stored) override { now_ = stored ? decode(stored) : init_(); }
  void merge(const void* key, BytesView stored) override {
    now_ = merge_(*static_cast<const K*>(key), now_, value_serde_.deserialize(topic_, stored));
  }
  bool add(const void* key, const void* value, Bytes& out) override {
    old_ = std::move(now_);
    now_ = update_(*static_cast<const K*>(key), static_cast<const V*>(value), old_);
    if (now_) value_serde_.serialize(topic_, *now_, out);
    return now_.has_value();
  }
  void forward_added(const WindowedNode& node, const void* key, const Window& window, bool with_old,
                     const RecordContext& context) const override {
    const Windowed<K> windowed{*static_cast<const K*>(key), window};
    const Change change{now_ ? &*now_ : nullptr, with_old && old_ ? &*old_ : nullptr, true};
    node.emit({&windowed, &change, &context});
  }
  void forward_stored(const WindowedNode& node, BytesView key, const Window& window, OptionalBytesView now,
                      OptionalBytesView old, const RecordContext& context) const override {
    const Windowed<K> windowed{key_serde_.deserialize(topic_, key), window};
    const std::optional<VR> new_value = decode(now);
    const std::optional<VR> old_value = decode(old);
    const Change change{new_value ? &*new_value : nullptr, old_value ? &*old_value : nullptr, true};
    node.emit({&windowed, &change, &context});
  }

 private:
  [[nodiscard]] std::optional<VR> decode(OptionalBytesView stored) const {
    return stored ? std::optional<VR>(value_serde_.deserialize(topic_, *stored)) : std::nullopt;
  }
  Serde<K> key_serde_;
  Serde<VR> value_serde_;
  std::string topic_;
  WindowUpdate<K, V, VR> update_;
  AggregateStart<VR> init_;
  SessionMerge<K, VR> merge_;
  std::optional<VR> now_;
  std::optional<VR> old_;
};

/// The node of an aggregation over such windows.
[[nodiscard]] OperatorNode* new_windowed_aggregate(const WindowPlan& plan, std::shared_ptr<const TableFacts> facts,
                                                   std::unique_ptr<WindowedAggregate> aggregate);

/// Reads a windowed table's current value from its store.
template <class K, class V>
class WindowedGetter final : public ValueGetter<Windowed<K>, V> {
 public:
  WindowedGetter(StateStore& store, TableView view, Serde<K> key_serde, Serde<V> value_serde)
      : store_(store), view_(view), key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  std::optional<ValueAndTimestamp<V>> get(const Windowed<K>& key) override {
    key_.clear();
    key_serde_.serialize(store_.topic(), key.key, key_);
    row_.clear();
    if (store_.sessions() != nullptr) {
      append_session_key(key_, key.window, row_);
      if (!look_up()) return std::nullopt;
      return ValueAndTimestamp<V>{value_serde_.deserialize(store_.topic(), value_), key.window.end};
    }
    append_window_key(key_, key.window.start, 0, row_);
    if (!look_up()) return std::nullopt;
    const auto [timestamp, plain] = split_timestamp(value_);
    return ValueAndTimestamp<V>{value_serde_.deserialize(store_.topic(), plain), timestamp};
  }

 private:
  bool look_up() { return view_ == TableView::kLatest ? store_.get(row_, value_) : store_.get_forwarded(row_, value_); }
  StateStore& store_;
  TableView view_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
  Bytes key_;
  Bytes row_;
  Bytes value_;
};

template <class K, class V>
std::shared_ptr<GetterSupplier<Windowed<K>, V>> windowed_getter(std::shared_ptr<const TableFacts> facts, Serde<K> key_serde,
                                                                Serde<V> value_serde) {
  auto supplier = std::make_shared<GetterSupplier<Windowed<K>, V>>();
  supplier->make = [facts, key_serde, value_serde](TaskContext& task, TableView view) {
    StateStore& store = store_of_table(task, facts->store.name, "a windowed table");
    return std::unique_ptr<ValueGetter<Windowed<K>, V>>(new WindowedGetter<K, V>(store, view, key_serde, value_serde));
  };
  supplier->stores = store_of(std::move(facts));
  return supplier;
}

}  // namespace tidemill::detail
