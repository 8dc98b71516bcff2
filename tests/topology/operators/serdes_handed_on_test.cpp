// Which serdes operators take for topics and changelogs where their options give none, or some: ../golden/serdes.txt is what Kafka
// Streams 4.2.0 makes of the topologies of java/SerdesHandedOn.java, title by title. A type that has no serde of its own goes on with
// the one that there is.
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include <tidemill/dsl/cogrouped_stream.hpp>
#include <tidemill/dsl/kgrouped_table.hpp>
#include <tidemill/dsl/ktable_suppress.hpp>

#include "shown.hpp"

namespace tidemill {
namespace {

/// Texts with a mark in front; what has none is read as it is.
template <class T>
Serde<T> marked_as(const char* mark) {
  return Serde<T>(
      [](const void* own, std::string_view, const T& value, Bytes& out) {
        out += *static_cast<const Text*>(own);
        out += value;
      },
      [](const void* own, std::string_view, BytesView bytes) {
        const Text& front = *static_cast<const Text*>(own);
        return T(Text(bytes.starts_with(front) ? bytes.substr(front.size()) : bytes));
      },
      std::make_shared<const Text>(mark));
}
Serde<Text> mark(const char* mark) { return marked_as<Text>(mark); }

Serde<Long> as_text() {
  return Serde<Long>([](const void*, std::string_view, const Long& number, Bytes& out) { out += "#" + std::to_string(number); },
                     [](const void*, std::string_view, BytesView bytes) { return Long{std::stoll(Text(bytes.substr(1)))}; });
}

std::map<Text, Texts> golden() {
  std::map<Text, Texts> blocks;
  std::ifstream in(GOLDEN "serdes.txt");
  Text title;
  for (Text line; std::getline(in, line);) {
    if (line.starts_with("##### ")) {
      title = line.substr(6);
      blocks[title];
    } else {
      blocks[title].push_back(line);
    }
  }
  return blocks;
}

Text printed(const std::optional<Bytes>& bytes) {
  if (!bytes) return "null";
  Text text;
  for (const char c : *bytes) text += c >= ' ' && c <= '~' ? c : '_';
  return text;
}

/// All that a topology sends for one record of each source.
template <class Make>
Texts sent(Make make, const char* optimization = "none") {
  StreamsBuilder builder;
  make(builder);
  const Topology topology = builder.build(optimization);
  const Text described = topology.describe();
  TopologyTestDriver driver(topology, {.application_id = "app", .statestore_cache_max_bytes = 0});
  const auto pipe = [&](const char* topic, const char* key, const char* value) {
    if (described.find("[" + Text(topic) + "]") == Text::npos) return;
    driver.create_input_topic<Text, Text>(topic).pipe_input(key, value, Timestamp(10));
  };
  pipe("two", "L:a", "W:b");
  pipe("one", "K:a", "V:a");
  Texts lines;
  for (const Text& topic : driver.produced_topic_names()) {
    while (const auto record = driver.read(topic)) {
      lines.push_back(topic + " " + printed(record->key) + "=" + printed(record->value));
    }
  }
  return lines;
}

using Make = std::function<void(StreamsBuilder&)>;
KStream<Text, Text> one(StreamsBuilder& b) {
  return b.stream<Text, Text>("one", {.key_serde = mark("K:"), .value_serde = mark("V:")});
}
Consumed<Text, Text> as_two() { return {.key_serde = mark("L:"), .value_serde = mark("W:")}; }
KStream<Text, Text> two(StreamsBuilder& b) { return b.stream<Text, Text>("two", as_two()); }
KTable<Text, Text> table(StreamsBuilder& b, const Materialized<Text, Text>& kept = {}) {
  return b.table<Text, Text>("one", {.key_serde = mark("K:"), .value_serde = mark("V:")}, kept);
}
KTable<Text, Text> other(StreamsBuilder& b) { return b.table<Text, Text>("two", as_two()); }

const auto kSum = [](const Long& a, const Long& b) { return a + b; };
const auto kKey = [](const Text& k, const Text&) { return k; };
const auto kValue = [](const Text&, const Text& v) { return v; };
const auto kSame = [](const Text& v) { return v; };
const auto kPair = [](const Text& k, const Text& v) { return std::pair(k, v); };
const auto kYes = [](const Text&) { return true; };
const auto kNo = [](const Text&) { return false; };
const auto kBoth = [](const Text& a, const Text& b) { return a + b; };
const auto kMaybe = [](const Text& a, const Text* b) { return a + (b == nullptr ? "null" : *b); };
const auto kEither = [](const Text* a, const Text* b) { return (a == nullptr ? "null" : *a) + (b == nullptr ? "null" : *b); };
const auto kFirst = [](const Text& a, const Text&) { return a; };
const auto kAll = [](const Text&, const Text& v, const Text& so_far) { return so_far + v; };
const auto kMerged = [](const Text&, const Text& a, const Text& b) { return a + b; };

TimeWindows windows() { return TimeWindows::of_size_with_no_grace(5ms); }
SessionWindows sessions() { return SessionWindows::of_inactivity_gap_with_no_grace(5ms); }
JoinWindows within() { return JoinWindows::of_time_difference_with_no_grace(5ms); }
Materialized<Text, Text> kept() { return {.store_name = "kept"}; }
Materialized<Text, Text> marked() { return {.store_name = "kept", .key_serde = mark("M:"), .value_serde = mark("N:")}; }
Suppressed held(const char* name) { return Suppressed::until_time_limit(100ms, BufferConfig::unbounded()).with_name(name); }
StreamJoined<Text, Text, Text> streams_marked() {
  return {.key_serde = mark("M:"), .value_serde = mark("N:"), .other_value_serde = mark("P:")};
}
Joined<Text, Text, Text> table_marked() {
  return {.key_serde = mark("M:"), .value_serde = mark("N:"), .other_value_serde = mark("P:")};
}
Grouped<Text, Text> grouped_as(const char* name) { return {.name = name, .key_serde = mark("G:"), .value_serde = mark("H:")}; }
Materialized<Text, Text> versions() { return {.store_name = "kept", .history = 100ms}; }
struct PassOn final : Processor<Text, Text, Text, Text> {
  void init(ProcessorContext<Text, Text>& given) override { context = &given; }
  void process(const Record<Text, Text>& record) override { context->forward(record); }
  ProcessorContext<Text, Text>* context = nullptr;
};
struct PassValueOn final : FixedKeyProcessor<Text, Text, Text> {
  void init(FixedKeyProcessorContext<Text, Text>& given) override { context = &given; }
  void process(const FixedKeyRecord<Text, Text>& record) override { context->forward(record); }
  FixedKeyProcessorContext<Text, Text>* context = nullptr;
};
struct PassRowOn final : ValueTransformerWithKey<Text, Text, Text> {
  std::optional<Text> transform(const Text&, const Text* value) override {
    return value == nullptr ? std::nullopt : std::optional(*value);
  }
};

const auto kRows = [] { return std::make_unique<PassRowOn>(); };

/// By title, as in golden/serdes.txt.
const std::map<Text, Make> kTopologies = {
    {"to", [](StreamsBuilder& b) { one(b).to("out"); }},
    {"to, key given", [](StreamsBuilder& b) { one(b).to("out", {.key_serde = mark("M:")}); }},
    {"filter", [](StreamsBuilder& b) { one(b).filter(kYes).to("out"); }},
    {"peek", [](StreamsBuilder& b) { one(b).peek([](const Text&) {}).to("out"); }},
    {"map", [](StreamsBuilder& b) { one(b).map(kPair).to("out"); }},
    {"map values", [](StreamsBuilder& b) { one(b).map_values(kSame).to("out"); }},
    {"flat map values", [](StreamsBuilder& b) { one(b).flat_map_values([](const Text& v) { return Texts{v}; }).to("out"); }},
    {"select key", [](StreamsBuilder& b) { one(b).select_key(kKey).to("out"); }},
    {"split",
     [](StreamsBuilder& b) {
       one(b).split({"s-"}).branch(kYes, {.consumer = [](const auto& stream) { stream.to("out"); }}).no_default_branch();
     }},
    {"merge", [](StreamsBuilder& b) { one(b).merge(two(b)).to("out"); }},
    {"process", [](StreamsBuilder& b) { one(b).process([] { return std::make_unique<PassOn>(); }).to("out"); }},
    {"process values",
     [](StreamsBuilder& b) { one(b).process_values([] { return std::make_unique<PassValueOn>(); }).to("out"); }},
    {"repartition", [](StreamsBuilder& b) { one(b).repartition().to("out"); }},
    {"repartition, named", [](StreamsBuilder& b) { one(b).repartition({.name = "r"}).to("out"); }},
    {"repartition, key given", [](StreamsBuilder& b) { one(b).repartition({.name = "r", .key_serde = mark("M:")}).to("out"); }},
    {"repartition, value given",
     [](StreamsBuilder& b) { one(b).repartition({.name = "r", .value_serde = mark("N:")}).to("out"); }},
    {"repartition of other keys", [](StreamsBuilder& b) { one(b).select_key(kKey).repartition().to("out"); }},

    {"to table", [](StreamsBuilder& b) { one(b).to_table().join(other(b), kBoth).to_stream().to("out"); }},
    {"to table, named", [](StreamsBuilder& b) { one(b).to_table({.name = "n"}).join(other(b), kBoth).to_stream().to("out"); }},
    {"to table, kept", [](StreamsBuilder& b) { one(b).to_table(kept()).to_stream().to("out"); }},
    {"to table, kept with serdes", [](StreamsBuilder& b) { one(b).to_table(marked()).to_stream().to("out"); }},
    {"to table, kept without a name",
     [](StreamsBuilder& b) { one(b).to_table({.key_serde = mark("M:")}).join(other(b), kBoth).to_stream().to("out"); }},
    {"to table of other keys", [](StreamsBuilder& b) { one(b).select_key(kKey).to_table().to_stream().to("out"); }},
    {"to table of other keys, kept", [](StreamsBuilder& b) { one(b).select_key(kKey).to_table(kept()).to_stream().to("out"); }},

    {"group by key", [](StreamsBuilder& b) { one(b).group_by_key().reduce(kBoth).to_stream().to("out"); }},
    {"group by key, named", [](StreamsBuilder& b) { one(b).group_by_key({.name = "g"}).reduce(kBoth).to_stream().to("out"); }},
    {"group by key, key given",
     [](StreamsBuilder& b) { one(b).group_by_key({.key_serde = mark("G:")}).reduce(kBoth).to_stream().to("out"); }},
    {"group by key, value given",
     [](StreamsBuilder& b) { one(b).group_by_key({.value_serde = mark("H:")}).reduce(kBoth).to_stream().to("out"); }},
    {"group by key, kept", [](StreamsBuilder& b) { one(b).group_by_key().reduce(kBoth, kept()).to_stream().to("out"); }},
    {"group by key, kept with serdes",
     [](StreamsBuilder& b) { one(b).group_by_key().reduce(kBoth, marked()).to_stream().to("out"); }},
    {"group by key, named, kept with serdes",
     [](StreamsBuilder& b) { one(b).group_by_key({.name = "g"}).reduce(kBoth, marked()).to_stream().to("out"); }},
    {"group by other keys",
     [](StreamsBuilder& b) { one(b).select_key(kKey).group_by_key().reduce(kBoth).to_stream().to("out"); }},
    {"group by other keys, named",
     [](StreamsBuilder& b) { one(b).select_key(kKey).group_by_key({.name = "g"}).reduce(kBoth).to_stream().to("out"); }},
    {"group by", [](StreamsBuilder& b) { one(b).group_by(kValue).reduce(kBoth).to_stream().to("out"); }},
    {"group by, named", [](StreamsBuilder& b) { one(b).group_by(kValue, {.name = "g"}).reduce(kBoth).to_stream().to("out"); }},
    {"group by, key given",
     [](StreamsBuilder& b) {
       one(b).group_by(kValue, {.name = "g", .key_serde = mark("G:")}).reduce(kBoth).to_stream().to("out");
     }},
    {"group by, kept with serdes",
     [](StreamsBuilder& b) { one(b).group_by(kValue).reduce(kBoth, marked()).to_stream().to("out"); }},
    {"count",
     [](StreamsBuilder& b) {
       one(b).group_by_key().count().map_values([](const Long&) { return Text("one"); }).to_stream().to("out");
     }},
    {"aggregate", [](StreamsBuilder& b) { one(b).group_by_key().aggregate(Text(), kAll).to_stream().to("out"); }},
    {"windows", [](StreamsBuilder& b) { one(b).group_by_key().windowed_by(windows()).reduce(kBoth).to_stream().to("out"); }},
    {"windows of a named group",
     [](StreamsBuilder& b) { one(b).group_by_key({.name = "g"}).windowed_by(windows()).reduce(kBoth); }},
    {"windows, key given",
     [](StreamsBuilder& b) {
       one(b).group_by_key({.key_serde = mark("G:")}).windowed_by(windows()).reduce(kBoth).to_stream().to("out");
     }},
    {"windows, aggregate",
     [](StreamsBuilder& b) { one(b).group_by_key().windowed_by(windows()).aggregate(Text(), kAll).to_stream().to("out"); }},
    {"windows to stream, kept",
     [](StreamsBuilder& b) {
       const auto all = [](const Windowed<Text>&, const Text&) { return true; };
       one(b).group_by_key().windowed_by(windows()).reduce(kBoth).filter(all).map_values(kSame).to_stream().to("out");
     }},
    {"sessions", [](StreamsBuilder& b) { one(b).group_by_key().windowed_by(sessions()).reduce(kBoth).to_stream().to("out"); }},
    {"sessions of a named group",
     [](StreamsBuilder& b) { one(b).group_by_key({.name = "g"}).windowed_by(sessions()).reduce(kBoth); }},
    {"cogroup", [](StreamsBuilder& b) { one(b).group_by_key().cogroup<Text>(kAll).aggregate(Text()).to_stream().to("out"); }},
    {"cogroup, kept with serdes",
     [](StreamsBuilder& b) { one(b).group_by_key().cogroup<Text>(kAll).aggregate(Text(), marked()).to_stream().to("out"); }},
    {"cogroup of other keys",
     [](StreamsBuilder& b) {
       auto groups = one(b).select_key(kKey).group_by_key().cogroup<Text>(kAll);
       groups.cogroup(two(b).group_by_key(), kAll).aggregate(Text()).to_stream().to("out");
     }},
    {"cogroup of windows",
     [](StreamsBuilder& b) { one(b).group_by_key().cogroup<Text>(kAll).windowed_by(windows()).aggregate(Text()); }},
    {"cogroup of sessions",
     [](StreamsBuilder& b) { one(b).group_by_key().cogroup<Text>(kAll).windowed_by(sessions()).aggregate(Text(), kMerged); }},

    {"join of streams", [](StreamsBuilder& b) { one(b).join(two(b), kBoth, within()).to("out"); }},
    {"join of streams, named",
     [](StreamsBuilder& b) { one(b).join(two(b), kBoth, within(), {.store_name = "kept"}).to("out"); }},
    {"join of streams, key given",
     [](StreamsBuilder& b) {
       one(b).join(two(b), kBoth, within(), {.key_serde = mark("M:"), .store_name = "kept"}).to("out");
     }},
    {"join of streams, values given",
     [](StreamsBuilder& b) {
       one(b).join(two(b), kBoth, within(), {.value_serde = mark("N:"), .other_value_serde = mark("P:")}).to("out");
     }},
    {"join of streams with other keys",
     [](StreamsBuilder& b) { one(b).select_key(kKey).join(two(b).select_key(kKey), kBoth, within()).to("out"); }},
    {"join of streams with other keys, serdes given",
     [](StreamsBuilder& b) {
       one(b).select_key(kKey).join(two(b).select_key(kKey), kBoth, within(), streams_marked()).to("out");
     }},
    {"left join of streams", [](StreamsBuilder& b) { one(b).left_join(two(b).filter(kNo), kMaybe, within()).to("out"); }},
    {"outer join of streams", [](StreamsBuilder& b) { one(b).outer_join(two(b).filter(kNo), kEither, within()).to("out"); }},
    {"join with a table", [](StreamsBuilder& b) { one(b).join(other(b), kBoth).to("out"); }},
    {"join with a table, key given",
     [](StreamsBuilder& b) { one(b).join(other(b), kBoth, {.key_serde = mark("M:")}).to("out"); }},
    {"join with a table by other keys", [](StreamsBuilder& b) { one(b).select_key(kKey).join(other(b), kBoth).to("out"); }},
    {"join with a table by other keys, named",
     [](StreamsBuilder& b) { one(b).select_key(kKey).join(other(b), kBoth, {.name = "j"}).to("out"); }},
    {"join with a table by other keys, serdes given",
     [](StreamsBuilder& b) { one(b).select_key(kKey).join(other(b), kBoth, table_marked()).to("out"); }},
    {"join with a table, grace",
     [](StreamsBuilder& b) { one(b).join(two(b).to_table(versions()), kBoth, {.name = "j", .grace_period = 5ms}).to("out"); }},
    {"join with a table, grace, serdes given",
     [](StreamsBuilder& b) {
       auto options = table_marked();
       options.name = "j";
       options.grace_period = 5ms;
       one(b).join(two(b).to_table(versions()), kBoth, options).to("out");
     }},
    {"join with a global table",
     [](StreamsBuilder& b) { one(b).join(b.global_table<Text, Text>("two", as_two()), kKey, kBoth).to("out"); }},

    {"table", [](StreamsBuilder& b) { table(b).to_stream().to("out"); }},
    {"table, kept", [](StreamsBuilder& b) { table(b, kept()).to_stream().to("out"); }},
    {"table, kept with serdes", [](StreamsBuilder& b) { table(b, marked()).to_stream().to("out"); }},
    {"table filter", [](StreamsBuilder& b) { table(b).filter(kYes).to_stream().to("out"); }},
    {"table filter, kept", [](StreamsBuilder& b) { table(b).filter(kYes, kept()).to_stream().to("out"); }},
    {"table filter, kept with serdes", [](StreamsBuilder& b) { table(b).filter(kYes, marked()).to_stream().to("out"); }},
    {"table map values", [](StreamsBuilder& b) { table(b).map_values(kSame).to_stream().to("out"); }},
    {"table map values, kept", [](StreamsBuilder& b) { table(b).map_values(kSame, kept()).to_stream().to("out"); }},
    {"table map values, kept with serdes",
     [](StreamsBuilder& b) { table(b).map_values(kSame, marked()).to_stream().to("out"); }},
    {"table transform values", [](StreamsBuilder& b) { table(b).transform_values(kRows).to_stream().to("out"); }},
    {"table transform values, kept", [](StreamsBuilder& b) { table(b).transform_values(kRows, kept()).to_stream().to("out"); }},
    {"suppress", [](StreamsBuilder& b) { table(b).suppress(held("kept")).to_stream().to("out"); }},
    {"suppress of a filter, kept",
     [](StreamsBuilder& b) { table(b).filter(kYes, kept()).suppress(held("held")).to_stream().to("out"); }},
    {"suppress of new values",
     [](StreamsBuilder& b) { table(b).map_values(kSame).suppress(held("kept")).to_stream().to("out"); }},
    {"join of tables", [](StreamsBuilder& b) { table(b).join(other(b), kBoth).to_stream().to("out"); }},
    {"join of tables, kept", [](StreamsBuilder& b) { table(b).join(other(b), kBoth, kept()).to_stream().to("out"); }},
    {"join of tables, kept with serdes",
     [](StreamsBuilder& b) { table(b).join(other(b), kBoth, marked()).to_stream().to("out"); }},
    {"join of tables, key given",
     [](StreamsBuilder& b) { table(b).join(other(b), kBoth, {.key_serde = mark("M:")}).to_stream().to("out"); }},
    {"foreign key join", [](StreamsBuilder& b) { table(b).join(other(b), kSame, kBoth, {.name = "j"}).to_stream().to("out"); }},
    {"foreign key join, kept",
     [](StreamsBuilder& b) { table(b).left_join(other(b), kSame, kMaybe, {.name = "j"}, kept()).to_stream().to("out"); }},
    {"foreign key join, kept with serdes",
     [](StreamsBuilder& b) { table(b).left_join(other(b), kSame, kMaybe, {.name = "j"}, marked()).to_stream().to("out"); }},
    {"table group by", [](StreamsBuilder& b) { table(b).group_by(kPair).reduce(kBoth, kFirst).to_stream().to("out"); }},
    {"table group by, named",
     [](StreamsBuilder& b) { table(b).group_by(kPair, {.name = "g"}).reduce(kBoth, kFirst).to_stream().to("out"); }},
    {"table group by, serdes given",
     [](StreamsBuilder& b) {
       const Grouped<Text, Text> options{.key_serde = mark("G:"), .value_serde = mark("H:")};
       table(b).group_by(kPair, options).reduce(kBoth, kFirst).to_stream().to("out");
     }},
    {"table group by, kept with serdes",
     [](StreamsBuilder& b) { table(b).group_by(kPair).reduce(kBoth, kFirst, marked()).to_stream().to("out"); }},
    {"optimized, two groups, the second with serdes",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey);
       s.group_by_key({.name = "a"}).reduce(kBoth);
       s.group_by_key(grouped_as("b")).reduce(kBoth);
     }},
    {"optimized, two groups, the first with serdes",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey);
       s.group_by_key(grouped_as("a")).reduce(kBoth);
       s.group_by_key({.name = "b"}).reduce(kBoth);
     }},
    {"optimized, one key and another value",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey);
       s.group_by_key().reduce(kBoth);
       s.group_by_key(grouped_as("b")).reduce(kBoth);
     }},
    {"optimized, a group and a join with a table",
     [](StreamsBuilder& b) {
       const auto s = one(b).map(kPair);
       s.group_by_key().reduce(kBoth);
       s.join(other(b), kBoth, table_marked()).to("out");
     }},
    {"optimized, a table and a group",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey);
       s.to_table(kept()).to_stream().to("out");
       s.group_by_key(grouped_as("g")).reduce(kBoth);
     }},
    {"optimized, behind a merge",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey).merge(two(b).select_key(kKey));
       s.group_by_key().reduce(kBoth);
       s.group_by_key(grouped_as("g")).reduce(kBoth);
     }},
    {"optimized, groups of counts",
     [](StreamsBuilder& b) {
       const auto s = one(b).group_by_key().count().to_stream().select_key([](const Text& k, const Long&) { return k; });
       s.group_by_key().reduce(kSum);
       s.group_by_key({.name = "g", .key_serde = mark("G:"), .value_serde = as_text()}).reduce(kSum);
     }},
    {"optimized, groups of counts of windows",
     [](StreamsBuilder& b) {
       const auto counts = one(b).group_by_key().windowed_by(windows()).count().to_stream();
       const auto s = counts.select_key([](const Windowed<Text>& k, const Long&) { return k.key; });
       s.group_by_key().reduce(kSum);
       s.group_by_key({.name = "g", .key_serde = mark("G:"), .value_serde = as_text()}).reduce(kSum);
     }},
    {"optimized, cogroup",
     [](StreamsBuilder& b) {
       const auto s = one(b).select_key(kKey);
       const auto groups = s.group_by_key({.name = "a"}).cogroup<Text>(kAll).cogroup(s.group_by_key(grouped_as("g")), kAll);
       groups.aggregate(Text()).to_stream().to("out");
     }},
    {"optimized, self join",
     [](StreamsBuilder& b) {
       const auto s = one(b);
       s.join(s, kBoth, within(), streams_marked()).to("out");
     }},
    {"optimized, table over its topic",
     [](StreamsBuilder& b) { table(b, kept()).filter(kYes, {.store_name = "again"}).to_stream().to("out"); }},
    {"table to stream with other keys",
     [](StreamsBuilder& b) { table(b).to_stream([](const Text& k, const Text*) { return k; }).to("out"); }},
};

TEST(SerdesHandedOn, AreThoseOfJavaInEveryTopic) {
  const auto expected = golden();
  EXPECT_EQ(expected.size(), kTopologies.size());
  for (const auto& [title, make] : kTopologies) {
    ASSERT_TRUE(expected.contains(title)) << title;
    EXPECT_EQ(sent(make, title.starts_with("optimized, ") ? "all" : "none"), expected.at(title)) << title;
  }
}

// Java has to fail: for a type that has no serde of its own, there is none by default.
TEST(SerdesHandedOn, ATypeWithoutOneGoesOnWithTheOneThatThereIs) {
  struct Opaque {
    explicit Opaque(Text given) : text(std::move(given)) {}
    Text text;
    operator const Text&() const { return text; }  // NOLINT: as a text, where one is written
  };
  const auto opaque = [](const char* mark) { return marked_as<Opaque>(mark); };
  using Stream = KStream<Opaque, Opaque>;
  const auto made = [&](const std::function<void(const Stream&, StreamsBuilder&)>& of) {
    return sent([&](StreamsBuilder& b) {
      of(b.stream<Opaque, Opaque>("one", {.key_serde = opaque("K:"), .value_serde = opaque("V:")}), b);
    });
  };
  const auto both = [](const Opaque& a, const Opaque& b) { return Opaque(a.text + b.text); };
  EXPECT_EQ(made([](const Stream& s, StreamsBuilder&) { s.repartition({.name = "r"}).to("out"); }),
            (Texts{"app-r-repartition K:a=V:a", "out K:a=V:a"}));
  EXPECT_EQ(made([](const Stream& s, StreamsBuilder&) { s.merge(s).to("out"); }), (Texts{"out K:a=V:a"}));
  EXPECT_EQ(made([](const Stream& s, StreamsBuilder&) { s.to_table({.store_name = "kept"}).to_stream().to("out"); }),
            (Texts{"app-kept-changelog K:a=V:a", "out K:a=V:a"}));
  EXPECT_EQ(made([&](const Stream& s, StreamsBuilder&) { s.group_by_key({.name = "g"}).reduce(both, {.store_name = "kept"}); }),
            (Texts{"app-kept-changelog K:a=V:a"}));
  EXPECT_EQ(made([&](const Stream& s, StreamsBuilder&) {
              const auto all = [](const Opaque&, const Opaque& v, const Text& so_far) { return so_far + v.text; };
              s.group_by_key({.name = "g"}).cogroup<Text>(all).aggregate(Text(), {.store_name = "kept"});
            }),
            (Texts{"app-kept-changelog K:a=a"}));
  EXPECT_EQ(made([&](const Stream& s, StreamsBuilder&) {
              const auto joined = s.join(s.filter([](const Opaque&) { return true; }), both, within(), {.store_name = "kept"});
              joined.map_values([](const Opaque& v) { return v.text; }).to("out");
            }),
            (Texts{"app-kept-other-join-store-changelog K:a____________=V:a",
                   "app-kept-this-join-store-changelog K:a____________=V:a", "out K:a=aa"}));
  EXPECT_EQ(sent([&](StreamsBuilder& b) {
              const auto table = b.table<Opaque, Opaque>("one", {.key_serde = opaque("K:"), .value_serde = opaque("V:")});
              table.filter([](const Opaque&) { return true; }, {.store_name = "kept"}).to_stream().to("out");
            }),
            (Texts{"app-kept-changelog K:a=V:a", "out K:a=V:a"}));
}

// The driver reads a store with the serdes that it has.
TEST(SerdesHandedOn, ADriverReadsStoresWithTheirSerdes) {
  StreamsBuilder builder;
  const auto stream = one(builder);
  stream.to_table(marked());
  const auto named = [](const char* name) {
    return Materialized<Text, Text>{.store_name = name, .key_serde = mark("M:"), .value_serde = mark("N:")};
  };
  stream.group_by_key().windowed_by(windows()).reduce(kBoth, named("windows"));
  stream.group_by_key().windowed_by(sessions()).reduce(kBoth, named("sessions"));
  auto history = named("versions");
  history.history = 100ms;
  stream.to_table(history);
  TopologyTestDriver driver(builder.build(), {.application_id = "app", .statestore_cache_max_bytes = 0});
  driver.create_input_topic<Text, Text>("one").pipe_input("K:a", "V:b", Timestamp(10));

  const Serde<Text> keys = mark("M:");
  const Serde<Text> values = mark("N:");
  EXPECT_EQ((driver.key_value_store<Text, Text>("kept", keys, values)->get("a")), "b");
  EXPECT_EQ((driver.key_value_store<Text, Text>("kept")->get("M:a")), "N:b") << "the types' own";
  const auto row = driver.timestamped_key_value_store<Text, Text>("kept", keys, values)->get("a");
  ASSERT_TRUE(row);
  EXPECT_EQ(row->value + "@" + std::to_string(row->timestamp.value), "b@10");
  driver.key_value_store<Text, Text>("kept", keys, values)->put("c", "d");
  EXPECT_EQ((driver.key_value_store<Text, Text>("kept")->get("M:c")), "N:d");
  EXPECT_EQ((driver.window_store<Text, Text>("windows", keys, values)->fetch("a", Timestamp(10))), "b");
  EXPECT_EQ((driver.timestamped_window_store<Text, Text>("windows", keys, values)->fetch("a", Timestamp(10))->value), "b");
  EXPECT_EQ((driver.session_store<Text, Text>("sessions", keys, values)->fetch_session("a", Timestamp(10), Timestamp(10))),
            "b");
  EXPECT_EQ((driver.versioned_store<Text, Text>("versions", keys, values)->get("a")->value), "b");
  EXPECT_EQ((driver.timestamped_key_value_store<Text, Text>("windows", keys, values)), nullptr);
}

}  // namespace
}  // namespace tidemill
