#include "registry.hpp"

namespace tidemill::vectors {

const Registry& registry() {
  static const Registry all = [] {
    Registry made;
    add_stateless_topologies(made);
    add_table_topologies(made);
    add_join_topologies(made);
    add_processor_topologies(made);
    add_store_topologies(made);
    return made;
  }();
  return all;
}

StreamsConfig plain() { return {.application_id = "app", .statestore_cache_max_bytes = 0}; }

StreamsConfig cached(std::size_t bytes) { return {.application_id = "app", .statestore_cache_max_bytes = bytes}; }

Text n(const Text* text) { return text == nullptr ? "null" : *text; }
Text cat(const Text* a, const Text* b) { return n(a) + "+" + n(b); }
Text tail(const Text& text) { return text.size() <= 16 ? text : text.substr(text.size() - 16); }
Text first(const Text& text) { return text.empty() ? "_" : text.substr(0, 1); }

}  // namespace tidemill::vectors
