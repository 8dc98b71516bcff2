// KTable::suppress().
#pragma once

#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/suppress_node.hpp>

namespace tidemill {

template <class K, class V>
KTable<K, V> KTable<K, V>::suppress(Suppressed suppressed) const {
  static_assert(detail::OwningType<K>);
  Draft& draft = *at_->draft;
  if (!suppressed.name().empty()) Draft::check_name(suppressed.name());
  const std::string name = suppressed.name().empty() ? draft.new_name("KTABLE-SUPPRESS-") : suppressed.name();
  const std::string store = suppressed.name().empty() ? draft.new_store_name("KTABLE-SUPPRESS-") : name + "-store";
  if (suppressed.until_close() && !detail::kIsWindowed<K>) {
    throw TopologyException("suppress(until_window_closes): the table \"" + at_->node + "\" has no windows");
  }
  const std::chrono::milliseconds wait = suppressed.until_close() ? detail::window_grace(*at_->facts) : suppressed.limit();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_->facts};
  facts->enable_old_values(true);
  const Serde<K> key_serde = detail::serde_or_default(at_->key_serde, "the key type of the table");
  const Serde<V> value_serde = detail::serde_or_default(at_->value_serde, "the value type of the table");
  const StoreSpec spec = detail::suppress_store(suppressed, store);
  at_->draft->add([=, parent = at_->node, from = at_->facts](TopologyBuilder& builder) {
    if (from->versioned()) {
      throw TopologyException("suppress(): the table \"" + parent +
                              "\" keeps versions, which may change out of order: suppress a table without a history");
    }
    builder.add_state_store(spec);
    std::shared_ptr<const detail::SuppressTypes> types(new detail::TypedSuppress<K, V>(key_serde, value_serde));
    builder.add_processor({.name = name,
                           .prototype = prototype(detail::new_suppress_node(suppressed, wait, store, types)),
                           .parents = {parent},
                           .stores = {store},
                           .input = detail::table_type<K, V>(),
                           .output = detail::table_type<K, V>()});
  });
  auto getter = std::make_shared<detail::GetterSupplier<K, V>>();
  getter->make = [from = at_->getter, store, key_serde, value_serde](TaskContext& task, detail::TableView view) {
    StateStore* buffer = task.store(store);
    if (buffer == nullptr || buffer->change_buffer() == nullptr) {
      throw StreamsException("a suppressed table has no buffer \"" + store + "\" in its task");
    }
    return std::unique_ptr<detail::ValueGetter<K, V>>(
        new detail::SuppressedGetter<K, V>(from->make(task, view), *buffer, key_serde, value_serde));
  };
  getter->stores = [from = at_->getter, store] {
    std::vector<std::string> stores = from->stores();
    stores.insert(stores.begin(), store);
    return stores;
  };
  return KTable<K, V>({at_->draft, name, at_->sources, facts, getter, at_->key_serde, at_->value_serde});
}

}  // namespace tidemill
