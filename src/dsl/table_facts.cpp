#include <tidemill/dsl/table_facts.hpp>

namespace tidemill::detail {

bool TableFacts::versioned() const {
  if (materialized) return store.kind == StoreKind::kVersionedKeyValue;
  return upstream.size() == 1 && !forgets_versions && upstream.front()->versioned();
}
void TableFacts::materialize() {
  if (materialized) return;
  if (upstream.empty()) materialized = true;
  for (const auto& table : upstream) table->materialize();
}
bool TableFacts::enable_old_values(bool force) {
  if (send_old_values) return true;
  if (upstream.size() == 2) {
    for (const auto& table : upstream) table->enable_old_values(true);
  } else if (!materialized) {
    if (!upstream.empty() ? !upstream.front()->enable_old_values(force) : !force) return false;
    if (upstream.empty()) materialized = true;
  }
  send_old_values = true;
  return true;
}
std::vector<std::string> add_store(TopologyBuilder& builder, const TableFacts& facts) {
  if (!facts.materialized) return {};
  builder.add_state_store(facts.store);
  return {facts.store.name};
}
StateStore& store_of_table(TaskContext& task, const std::string& name, const char* what) {
  StateStore* const store = task.store(name);
  if (store == nullptr) throw StreamsException(std::string(what) + " has no store \"" + name + "\" in its task");
  return *store;
}

}  // namespace tidemill::detail
