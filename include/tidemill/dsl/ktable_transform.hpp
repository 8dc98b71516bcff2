// KTable::transform_values(): a table's values through a class with state of its own.
//
// A table without a store of its own is computed wherever its values are looked up, there by another transformer: what it makes of
// a value should then depend on the value alone.
#pragma once

#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/table_node.hpp>
#include <tidemill/dsl/value_transformer.hpp>

namespace tidemill {

namespace detail {

template <class K, class V, class VR>
using TransformerSupplier = std::function<std::unique_ptr<ValueTransformerWithKey<K, V, VR>>()>;

/// A transformer at work, and the context that it keeps.
template <class K, class V, class VR>
class Transforming {
 public:
  Transforming(const TransformerSupplier<K, V, VR>& supplier, TaskContext& task, const std::string& name,
               const std::vector<std::string>& stores)
      : context_(task, name, stores), transformer_(supplier()) {
    if (transformer_ == nullptr) throw_no_processor(name);
    transformer_->init(context_.context());
  }
  [[nodiscard]] std::optional<VR> of(const K& key, const void* value) {
    return transformer_->transform(key, static_cast<const V*>(value));
  }
  void close() { transformer_->close(); }

 private:
  TransformerContext context_;
  std::unique_ptr<ValueTransformerWithKey<K, V, VR>> transformer_;
};

template <class K, class V, class VR>
class TableTransformNode final : public TableNode<K, VR> {
 public:
  TableTransformNode(std::shared_ptr<const TableFacts> facts, const Serde<K>& key_serde, const Serde<VR>& value_serde,
                     TransformerSupplier<K, V, VR> supplier)
      : TableNode<K, VR>(std::move(facts), key_serde, value_serde), supplier_(std::move(supplier)) {}
  TableTransformNode(const TableTransformNode& other) : TableNode<K, VR>(other), supplier_(other.supplier_) {}
  std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new TableTransformNode(*this)); }
  void init() override {
    TableNode<K, VR>::init();
    values_ = std::unique_ptr<Values>(new Values(supplier_, this->task(), this->name(), this->connected_stores()));
  }
  void process(const ErasedRecord& record) override {
    const K& key = *static_cast<const K*>(record.key);
    const Change& change = *static_cast<const Change*>(record.value);
    const std::optional<VR> now = values_->of(key, change.new_value);
    std::optional<VR> old;
    if (this->facts_->send_old_values) {
      if (this->facts_->materialized) {
        if (auto stored = this->table_.get(key)) old = std::move(stored->value);
      } else {
        old = values_->of(key, change.old_value);
      }
    }
    this->put_and_forward(key, now ? &*now : nullptr, old ? &*old : nullptr, record.context->timestamp, *record.context,
                          change.is_latest);
  }
  void close() override {
    if (values_) values_->close();
  }

 private:
  using Values = Transforming<K, V, VR>;
  TransformerSupplier<K, V, VR> supplier_;
  std::unique_ptr<Values> values_;
};

/// Looks a value up where the table has no store.
template <class K, class V, class VR>
class TransformedGetter final : public ValueGetter<K, VR> {
 public:
  TransformedGetter(std::unique_ptr<ValueGetter<K, V>> from, TaskContext& task, const TransformerSupplier<K, V, VR>& supplier,
                    const std::string& name, const std::vector<std::string>& stores)
      : from_(std::move(from)), task_(task), values_(supplier, task, name, stores) {}
  ~TransformedGetter() override { values_.close(); }
  std::optional<ValueAndTimestamp<VR>> get(const K& key) override { return transformed(key, from_->get(key)); }
  std::optional<ValueAndTimestamp<VR>> get_as_of(const K& key, Timestamp time) override {
    return transformed(key, from_->get_as_of(key, time));
  }

 private:
  std::optional<ValueAndTimestamp<VR>> transformed(const K& key, const std::optional<ValueAndTimestamp<V>>& value) {
    // Where the value came from is not known any more, but its time is.
    RecordContext context;
    if (value) context.timestamp = value->timestamp;
    const RecordContext* const outer = std::exchange(task_.current, &context);
    std::optional<VR> now;
    try {
      now = values_.of(key, value ? &value->value : nullptr);
    } catch (...) {
      task_.current = outer;
      throw;
    }
    task_.current = outer;
    if (!now) return std::nullopt;
    return ValueAndTimestamp<VR>{*std::move(now), context.timestamp};
  }
  std::unique_ptr<ValueGetter<K, V>> from_;
  TaskContext& task_;
  Transforming<K, V, VR> values_;
};

}  // namespace detail

template <class K, class V>
template <class VR>
KTable<K, VR> KTable<K, V>::transformed(std::function<std::unique_ptr<ValueTransformerWithKey<K, V, VR>>()> supplier,
                                        const Materialized<K, VR>& materialized, std::vector<std::string> stores,
                                        std::vector<StoreSpec> brought) const {
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_->facts};
  facts->materialized = !materialized.given_name().empty();
  facts->forgets_versions = materialized.given() && !facts->materialized;
  facts->store = detail::store_spec(materialized, materialized.given_name());
  if (facts->materialized) Draft::check_name(materialized.given_name());
  const std::string name = at_->draft->name_or_new(materialized.name, "KTABLE-TRANSFORMVALUES-");
  const auto& key = detail::given_or_inherited(materialized.key_serde, at_->key_serde);
  // The table has its parent's; its store has not.
  const Serde<K> key_serde =
      detail::serde_or_default(detail::given_or_own(materialized.key_serde, at_->key_serde), "the key type of the table");
  const Serde<VR> kept = detail::serde_if_kept(facts->materialized, materialized.value_serde, "the value type of the table");
  for (const StoreSpec& store : brought) stores.push_back(store.name);
  at_->draft->add_table({.name = name,
                         .prototype = prototype(new detail::TableTransformNode<K, V, VR>(facts, key_serde, kept, supplier)),
                         .parents = {at_->node},
                         .stores = stores,
                         .input = detail::table_type<K, V>(),
                         .output = detail::table_type<K, VR>()},
                        facts, std::move(brought));
  auto getter = std::make_shared<detail::GetterSupplier<K, VR>>();
  if (facts->materialized) {
    getter = detail::store_getter<K, VR>(facts, key_serde, kept);
  } else {
    getter->make = [=, from = at_->getter](TaskContext& task, detail::TableView view) {
      return std::unique_ptr<detail::ValueGetter<K, VR>>(
          new detail::TransformedGetter<K, V, VR>(from->make(task, view), task, supplier, name, stores));
    };
    getter->stores = detail::stores_of_both(at_->getter->stores, [stores] { return stores; });
  }
  return KTable<K, VR>({at_->draft, name, at_->sources, facts, getter, key, materialized.value_serde});
}

template <class K, class V>
template <class Supplier>
auto KTable<K, V>::transform_values(
    Supplier supplier, const Materialized<K, typename detail::SuppliedTransformer<Supplier>::Types::Value>& materialized,
    std::vector<std::string> stores) const {
  TIDEMILL_CHECK_COPYABLE("transform_values(supplier)", Supplier, supplier);
  static_assert(detail::SuppliesTransformer<Supplier>,
                "transform_values(supplier): supplier() must return a std::unique_ptr to a "
                "class derived from tidemill::ValueTransformerWithKey");
  if constexpr (detail::SuppliesTransformer<Supplier>) {
    using Types = typename detail::SuppliedTransformer<Supplier>::Types;
    constexpr bool kFits = std::is_same_v<typename Types::Key, K> && std::is_same_v<typename Types::ValueIn, V>;
    static_assert(
        kFits, "transform_values(supplier): the transformer takes other types of key and value than the table has: derive it "
               "from tidemill::ValueTransformerWithKey<Key, Value, NewValue> with the table's types");
    if constexpr (kFits) {
      std::vector<StoreSpec> brought = detail::stores_of(supplier);
      return transformed<typename Types::Value>([supplier]() mutable { return supplier(); }, materialized, std::move(stores),
                                                std::move(brought));
    }
  }
}

}  // namespace tidemill
