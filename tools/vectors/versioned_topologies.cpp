// The vectors' topologies with versioned tables.
#include <tidemill/dsl/streams_builder.hpp>

#include "registry.hpp"

namespace tidemill::vectors {
namespace {

using Long = std::int64_t;
using namespace std::chrono_literals;

class Commands final : public Processor<Text, Text> {
  void init(ProcessorContext<Text, Text>& context) override { store_ = context.versioned_store<Text, Text>("v"); }
  void process(const Record<Text, Text>& r) override {
    if (!r.has_value()) return;
    const Text answer = r.value() + "=" + run(split(r.value()));
    context().forward(r.with_value(answer));
  }
  static Text shown(const std::optional<VersionedRecord<Text>>& found) {
    return found ? found->value + "@" + std::to_string(found->timestamp.value) : "null";
  }
  Text run(const std::vector<Text>& c) {
    const auto time = [&c](std::size_t at) { return Timestamp(std::stoll(c.at(at))); };
    if (c[0] == "put") return std::to_string(store_->put(c.at(1), c.at(2).empty() ? nullptr : &c[2], time(3)));
    if (c[0] == "del") return shown(store_->remove(c.at(1), time(2)));
    if (c[0] == "get") return shown(store_->get(c.at(1)));
    if (c[0] == "asof") return shown(store_->get(c.at(1), time(2)));
    return "unsupported";
  }
  std::unique_ptr<VersionedKeyValueStore<Text, Text>> store_;
};

Topology store(const StreamsConfig&) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::persistent_versioned_key_value_store("v", 30s));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Commands>(); }, {"v"}).to("out");
  return builder.build();
}
Topology count(const StreamsConfig&) {
  StreamsBuilder builder;
  auto s = builder.stream<Text, Text>("in");
  s.group_by_key().count({.store_name = "vc", .history = 20s}).to_stream().to("out1");
  s.group_by_key()
      .reduce([](const Text& a, const Text& v) { return tail(a + "," + v); }, {.store_name = "vr", .history = 20s})
      .to_stream()
      .to("out2");
  return builder.build();
}
KTable<Text, Text> versioned(StreamsBuilder& builder, const char* topic, const char* name, std::chrono::milliseconds history) {
  return builder.table<Text, Text>(topic, {}, {.store_name = name, .history = history});
}
Topology table(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = versioned(builder, "in", "v", 20s);
  t.to_stream().to("out1");
  t.filter([](const Text& v) { return v.starts_with("a"); }, {.store_name = "vf", .history = 20s}).to_stream().to("out2");
  t.group_by([](const Text&, const Text& v) { return std::pair(first(v), v); })
      .count({.store_name = "c"})
      .to_stream()
      .to("out3");
  return builder.build();
}
Topology table_table(const StreamsConfig&) {
  StreamsBuilder builder;
  auto l = versioned(builder, "l", "l", 20s);
  auto r = versioned(builder, "r", "r", 20s);
  l.join(r, [](const Text& a, const Text& b) { return cat(&a, &b); }).to_stream().to("out-inner");
  l.left_join(r, [](const Text& a, const Text* b) { return cat(&a, b); }).to_stream().to("out-left");
  l.outer_join(r, cat).to_stream().to("out-outer");
  return builder.build();
}

Topology stream_table_grace(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = versioned(builder, "t", "v", 30s);
  builder.stream<Text, Text>("s")
      .left_join(t, [](const Text& a, const Text* b) { return cat(&a, b); }, {.name = "jg", .grace_period = 10s})
      .to("out");
  return builder.build();
}
Topology stream_table(const StreamsConfig&) {
  StreamsBuilder builder;
  auto t = versioned(builder, "t", "v", 20s);
  auto s = builder.stream<Text, Text>("s");
  s.join(t, [](const Text& a, const Text& b) { return cat(&a, &b); }).to("out1");
  s.left_join(t, [](const Text& a, const Text* b) { return cat(&a, b); }).to("out2");
  return builder.build();
}

}  // namespace

void add_versioned_topologies(Registry& registry) {
  registry["stream-table-grace"] = {stream_table_grace, plain()};
  registry["versioned-store"] = {store, plain()};
  registry["versioned-count"] = {count, plain()};
  registry["versioned-table"] = {table, plain()};
  registry["stream-table-versioned"] = {stream_table, plain()};
  registry["table-table-versioned"] = {table_table, plain()};
}

}  // namespace tidemill::vectors
