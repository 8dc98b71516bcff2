#include <tidemill/dsl/value_getter.hpp>

namespace tidemill::detail {

TableStores store_of(std::shared_ptr<const TableFacts> facts) {
  return [facts = std::move(facts)] { return std::vector<std::string>{facts->store.name}; };
}
TableStores stores_of_both(TableStores left, TableStores right) {
  return [left = std::move(left), right = std::move(right)] {
    std::vector<std::string> stores = left();
    for (std::string& store : right()) stores.push_back(std::move(store));
    return stores;
  };
}

}  // namespace tidemill::detail
