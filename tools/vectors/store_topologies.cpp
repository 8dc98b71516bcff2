// Processors that take their record's value for a command to a store and forward what it answers.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

template <class V>
Text shown(const std::optional<V>& value);
template <>
Text shown(const std::optional<Text>& value) {
  return value ? *value : "null";
}
template <>
Text shown(const std::optional<ValueAndTimestamp<Text>>& value) {
  return value ? value->value + "@" + std::to_string(value->timestamp.value) : "null";
}
template <class V>
Text listed(KeyValueIterator<Text, V> rows) {
  Text list;
  for (; rows.valid(); rows.next()) list += (list.empty() ? "" : ";") + rows.key() + "=" + shown(std::optional(rows.value()));
  return list;
}

template <class V>
class Commands : public Processor<Text, Text> {
  void init(ProcessorContext<Text, Text>& context) override { store_ = context.key_value_store<Text, V>("kv"); }
  void process(const Record<Text, Text>& r) override {
    if (!r.has_value()) return;
    const Text answer = r.value() + "=" + run(split(r.value()));
    context().forward(r.with_value(answer));
  }
  static V value_of(const std::vector<Text>& c, std::size_t at) {
    if constexpr (std::is_same_v<V, Text>) {
      return c.at(at);
    } else {
      return {c.at(at), Timestamp(std::stoll(c.at(at + 1)))};
    }
  }
  Text run(const std::vector<Text>& c) {
    const auto bound = [&c](std::size_t at) { return at < c.size() && !c[at].empty() ? &c[at] : nullptr; };
    const Text& op = c.front();
    if (op == "put") return store_->put(c.at(1), value_of(c, 2)), "ok";
    if (op == "pia") return shown(store_->put_if_absent(c.at(1), value_of(c, 2)));
    if (op == "del") return shown(store_->remove(c.at(1)));
    if (op == "get") return shown(store_->get(c.at(1)));
    if (op == "range") return listed(store_->range(bound(1), bound(2)));
    if (op == "rrange") return listed(store_->reverse_range(bound(1), bound(2)));
    if (op == "prefix") return listed(store_->prefix_scan(c.at(1)));
    if (op == "all") return listed(store_->all());
    if (op == "rall") return listed(store_->reverse_all());
    if (op == "putall") {
      std::vector<std::pair<Text, V>> entries;
      for (std::size_t i = 1; i + 1 < c.size(); i += 2) entries.emplace_back(c[i], value_of(c, i + 1));
      return store_->put_all(entries), "ok";
    }
    return "unsupported";
  }
  std::unique_ptr<KeyValueStore<Text, V>> store_;
};

template <class V>
Topology commands(StoreSpec store) {
  StreamsBuilder builder;
  builder.add_state_store(std::move(store));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Commands<V>>(); }, {"kv"}).to("out");
  return builder.build();
}
Topology kv_rocksdb(const StreamsConfig&) { return commands<Text>(Stores::persistent_key_value_store("kv")); }
Topology kv_in_memory(const StreamsConfig&) { return commands<Text>(Stores::in_memory_key_value_store("kv")); }
Topology kv_lru(const StreamsConfig&) { return commands<Text>(Stores::lru_map("kv", 3)); }
Topology kv_cached(const StreamsConfig&) { return commands<Text>(Stores::persistent_key_value_store("kv", {.caching = true})); }
Topology kv_timestamped(const StreamsConfig&) {
  return commands<ValueAndTimestamp<Text>>(Stores::persistent_timestamped_key_value_store("kv"));
}

}  // namespace

void add_store_topologies(Registry& registry) {
  registry["kv-rocksdb"] = {kv_rocksdb, plain()};
  registry["kv-in-memory"] = {kv_in_memory, plain()};
  registry["kv-lru"] = {kv_lru, plain()};
  registry["kv-cached"] = {kv_cached, cached(), false};
  registry["kv-cached-reverse"] = {kv_cached, cached(), false};
  registry["kv-timestamped"] = {kv_timestamped, plain()};
}

}  // namespace tidemill::vectors
