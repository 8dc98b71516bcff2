// Functions that cannot be called are found when the topology is built: the sentence names the operator and the argument.
#include <gmock/gmock.h>

#include <tidemill/dsl/cogrouped_stream.hpp>
#include <tidemill/dsl/streams_builder.hpp>

namespace tidemill {
namespace {

using Text = std::string;
using ::testing::StartsWith;

/// What building says; empty: it is built.
std::string error_of(const std::function<void(StreamsBuilder&)>& build) {
  StreamsBuilder builder;
  try {
    build(builder);
    (void)builder.build();
  } catch (const TopologyException& error) {
    return error.what();
  }
  return {};
}
std::string error_of_stream(const std::function<void(const KStream<Text, Text>&)>& build) {
  return error_of([&](StreamsBuilder& builder) { build(builder.stream<Text, Text>("in")); });
}
std::string error_of_table(const std::function<void(const KTable<Text, Text>&)>& build) {
  return error_of([&](StreamsBuilder& builder) { build(builder.table<Text, Text>("in")); });
}

template <class Signature>
using Empty = std::function<Signature>;
using ToText = Empty<Text(const Text&)>;
using TwoToText = Empty<Text(const Text&, const Text&)>;
using ThreeToText = Empty<Text(const Text&, const Text&, const Text&)>;
const TwoToText kJoin = [](const Text& left, const Text& right) { return left + right; };
const ThreeToText kAdd = [](const Text&, const Text& value, const Text& so_far) { return so_far + value; };

TEST(NullFunctions, AreRefusedByTheOperatorsOfAStream) {
  using Stream = const KStream<Text, Text>&;
  bool (*const no_predicate)(const Text&) = nullptr;
  void (*const no_action)(const Text&) = nullptr;
  EXPECT_EQ(
      error_of_stream([&](Stream s) { (void)s.filter(no_predicate); }),
      "filter(predicate): predicate is null: an empty std::function or a null pointer cannot be called, give it a function");
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.filter(Empty<bool(const Text&)>()); }),
              StartsWith("filter(predicate): predicate is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { (void)s.filter_not(no_predicate); }),
              StartsWith("filter_not(predicate): predicate is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.map_values(ToText()); }),
              StartsWith("map_values(mapper): mapper is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.flat_map_values(Empty<std::vector<Text>(const Text&)>()); }),
              StartsWith("flat_map_values(mapper): mapper is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.map(Empty<std::pair<Text, Text>(const Text&)>()); }),
              StartsWith("map(mapper): mapper is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.flat_map(Empty<std::vector<std::pair<Text, Text>>(const Text&)>()); }),
              StartsWith("flat_map(mapper): mapper is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.select_key(ToText()); }),
              StartsWith("select_key(selector): selector is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.group_by(ToText()); }),
              StartsWith("group_by(selector): selector is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { (void)s.peek(no_action); }), StartsWith("peek(action): action is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { s.foreach (no_action); }), StartsWith("foreach(action): action is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { (void)s.split().branch(no_predicate).no_default_branch(); }),
              StartsWith("branch(predicate): predicate is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.process(Empty<std::unique_ptr<Processor<Text, Text>>()>()); }),
              StartsWith("process(supplier): supplier is null"));
  EXPECT_THAT(error_of_stream(
                  [](Stream s) { (void)s.process_values(Empty<std::unique_ptr<FixedKeyProcessor<Text, Text, Text>>()>()); }),
              StartsWith("process_values(supplier): supplier is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { s.to(Empty<Text(const Text*, const Text*, const RecordContext&)>()); }),
              StartsWith("to(topic): topic.extract is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { s.to(TopicNameExtractor<Text, Text>()); }),
              StartsWith("to(topic): topic.extract is null"));
}

TEST(NullFunctions, AreRefusedByTheOperatorsOfATable) {
  using Table = const KTable<Text, Text>&;
  EXPECT_THAT(error_of_table([](Table t) { (void)t.filter(Empty<bool(const Text&)>()); }),
              StartsWith("filter(predicate): predicate is null"));
  EXPECT_THAT(error_of_table([](Table t) { (void)t.filter_not(Empty<bool(const Text&)>()); }),
              StartsWith("filter_not(predicate): predicate is null"));
  EXPECT_THAT(error_of_table([](Table t) { (void)t.map_values(ToText()); }), StartsWith("map_values(mapper): mapper is null"));
  EXPECT_THAT(error_of_table([](Table t) {
                (void)t.transform_values(Empty<std::unique_ptr<ValueTransformerWithKey<Text, Text, Text>>()>());
              }),
              StartsWith("transform_values(supplier): supplier is null"));
  EXPECT_THAT(error_of_table([](Table t) { (void)t.to_stream(Empty<Text(const Text*)>()); }),
              StartsWith("select_key(selector): selector is null"));
  EXPECT_THAT(error_of_table([](Table t) { (void)t.group_by(Empty<std::pair<Text, Text>(const Text&)>()); }),
              StartsWith("group_by(selector): selector is null"));
}

TEST(NullFunctions, AreRefusedByJoins) {
  const auto error = [](const auto& join) {
    return error_of([&](StreamsBuilder& builder) {
      join(builder.stream<Text, Text>("left"), builder.stream<Text, Text>("right"), builder.table<Text, Text>("table"),
           builder.table<Text, Text>("other"), builder.global_table<Text, Text>("global"));
    });
  };
  const auto windows = JoinWindows::of_time_difference_with_no_grace(std::chrono::seconds(1));
  using Left = Empty<Text(const Text&, const Text*)>;
  using Outer = Empty<Text(const Text*, const Text*)>;
  using Stream = const KStream<Text, Text>&;
  using Table = const KTable<Text, Text>&;
  using Global = const GlobalKTable<Text, Text>&;
  EXPECT_THAT(error([](Stream s, Stream, Table t, Table, Global) { (void)s.join(t, TwoToText()); }),
              StartsWith("join(table, joiner): joiner is null"));
  EXPECT_THAT(error([](Stream s, Stream, Table t, Table, Global) { (void)s.left_join(t, Left()); }),
              StartsWith("left_join(table, joiner): joiner is null"));
  EXPECT_THAT(error([](Stream s, Stream, Table, Table, Global g) { (void)s.join(g, ToText(), kJoin); }),
              StartsWith("join(global_table, selector, joiner): selector is null"));
  EXPECT_THAT(error([](Stream s, Stream, Table, Table, Global g) {
                (void)s.left_join(
                    g, [](const Text& value) { return value; }, Left());
              }),
              StartsWith("left_join(global_table, selector, joiner): joiner is null"));
  EXPECT_THAT(error([&](Stream s, Stream o, Table, Table, Global) { (void)s.join(o, TwoToText(), windows); }),
              StartsWith("join(stream, joiner, windows): joiner is null"));
  EXPECT_THAT(error([&](Stream s, Stream o, Table, Table, Global) { (void)s.left_join(o, Left(), windows); }),
              StartsWith("left_join(stream, joiner, windows): joiner is null"));
  EXPECT_THAT(error([&](Stream s, Stream o, Table, Table, Global) { (void)s.outer_join(o, Outer(), windows); }),
              StartsWith("outer_join(stream, joiner, windows): joiner is null"));
  EXPECT_THAT(error([](Stream, Stream, Table t, Table o, Global) { (void)t.join(o, TwoToText()); }),
              StartsWith("join(table, joiner): joiner is null"));
  EXPECT_THAT(error([](Stream, Stream, Table t, Table o, Global) { (void)t.left_join(o, Left()); }),
              StartsWith("left_join(table, joiner): joiner is null"));
  EXPECT_THAT(error([](Stream, Stream, Table t, Table o, Global) { (void)t.outer_join(o, Outer()); }),
              StartsWith("outer_join(table, joiner): joiner is null"));
  EXPECT_THAT(error([](Stream, Stream, Table t, Table o, Global) { (void)t.join(o, ToText(), kJoin); }),
              StartsWith("join(table, extract, joiner): extract is null"));
  EXPECT_THAT(error([](Stream, Stream, Table t, Table o, Global) {
                (void)t.left_join(
                    o, [](const Text& value) { return value; }, Left());
              }),
              StartsWith("left_join(table, extract, joiner): joiner is null"));
}

TEST(NullFunctions, AreRefusedByAggregations) {
  using Stream = const KStream<Text, Text>&;
  const auto times = TimeWindows::of_size_with_no_grace(std::chrono::seconds(1));
  const auto sessions = SessionWindows::of_inactivity_gap_with_no_grace(std::chrono::seconds(1));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.group_by_key().reduce(TwoToText()); }),
              StartsWith("reduce(reducer): reducer is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.group_by_key().aggregate(Text(), ThreeToText()); }),
              StartsWith("aggregate(initial, aggregator): aggregator is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { (void)s.group_by_key().windowed_by(times).reduce(TwoToText()); }),
              StartsWith("reduce(reducer): reducer is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) { (void)s.group_by_key().windowed_by(times).aggregate(Text(), ThreeToText()); }),
              StartsWith("aggregate(initial, aggregator): aggregator is null"));
  EXPECT_THAT(
      error_of_stream([&](Stream s) { (void)s.group_by_key().windowed_by(sessions).aggregate(Text(), kAdd, ThreeToText()); }),
      StartsWith("aggregate(initial, aggregator, merger): merger is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.group_by_key().cogroup<Text>(ThreeToText()).aggregate(Text()); }),
              StartsWith("cogroup(group, aggregator): aggregator is null"));
  EXPECT_THAT(error_of_stream([&](Stream s) {
                (void)s.group_by_key().cogroup<Text>(kAdd).windowed_by(sessions).aggregate(Text(), ThreeToText());
              }),
              StartsWith("aggregate(initial, merger): merger is null"));
  EXPECT_THAT(error_of_stream([](Stream s) { (void)s.group_by_key().windowed_by(std::shared_ptr<const Windows>()); }),
              StartsWith("windowed_by(): there are no windows in the pointer"));
  using Table = const KTable<Text, Text>&;
  const auto grouped = [](Table t) {
    return t.group_by([](const Text& key, const Text& value) { return std::pair(key, value); });
  };
  EXPECT_THAT(error_of_table([&](Table t) { (void)grouped(t).reduce(TwoToText(), kJoin); }),
              StartsWith("reduce(adder, subtractor): adder is null"));
  EXPECT_THAT(error_of_table([&](Table t) { (void)grouped(t).reduce(kJoin, TwoToText()); }),
              StartsWith("reduce(adder, subtractor): subtractor is null"));
  EXPECT_THAT(error_of_table([&](Table t) { (void)grouped(t).aggregate(Text(), ThreeToText(), kAdd); }),
              StartsWith("aggregate(initial, adder, subtractor): adder is null"));
  EXPECT_THAT(error_of_table([&](Table t) { (void)grouped(t).aggregate(Text(), kAdd, ThreeToText()); }),
              StartsWith("aggregate(initial, adder, subtractor): subtractor is null"));
}

TEST(NullFunctions, AreRefusedByATopologyMadeByHand) {
  using Supplier = Empty<std::unique_ptr<Processor<Text, Text>>()>;
  const auto error = [](const std::function<void(TopologyBuilder&)>& build) -> std::string {
    TopologyBuilder builder;
    builder.add_source<Text, Text>("in", {"in"});
    try {
      build(builder);
    } catch (const TopologyException& thrown) {
      return thrown.what();
    }
    return {};
  };
  EXPECT_THAT(error([](TopologyBuilder& b) { b.add_processor("check", Supplier(), {"in"}); }),
              StartsWith("processor \"check\": supplier is null"));
  EXPECT_THAT(error([](TopologyBuilder& b) {
                b.add_global_store<Text, Text>(Stores::in_memory_key_value_store("all"), "source", "topic", "feed", Supplier());
              }),
              StartsWith("processor \"feed\": supplier is null"));
  EXPECT_THAT(error([](TopologyBuilder& b) {
                b.add_read_only_state_store<Text, Text>(Stores::in_memory_key_value_store("all"), "source", "topic", "feed",
                                                        Supplier());
              }),
              StartsWith("processor \"feed\": supplier is null"));
  EXPECT_THAT(error([](TopologyBuilder& b) { b.add_sink<Text, Text>("out", TopicNameExtractor<Text, Text>(), {"in"}); }),
              StartsWith("sink \"out\": topic.extract is null"));
  EXPECT_THAT(error([](TopologyBuilder& b) { b.add_processor({.name = "check", .prototype = nullptr, .parents = {"in"}}); }),
              StartsWith("processor \"check\": prototype is null"));
  EXPECT_THAT(error([](TopologyBuilder& b) { b.add_source({.name = "more", .topics = {"more"}, .prototype = nullptr}); }),
              StartsWith("source \"more\": prototype is null"));
  EXPECT_THAT(
      error([](TopologyBuilder& b) { b.add_sink({.name = "out", .topic = "out", .prototype = nullptr, .parents = {"in"}}); }),
      StartsWith("sink \"out\": prototype is null"));
}

TEST(NullFunctions, MakeNoSerde) {
  const Serde<Text> text = SerdeOf<Text>::serde();
  const auto error = [](Serde<Text>::Serialize serialize, Serde<Text>::Deserialize deserialize) -> std::string {
    try {
      (void)Serde<Text>(serialize, deserialize);
    } catch (const std::invalid_argument& thrown) {
      return thrown.what();
    }
    return {};
  };
  EXPECT_THAT(error(nullptr, nullptr), StartsWith("Serde(serialize, deserialize): serialize is null"));
  EXPECT_THAT(error([](const void*, std::string_view, const Text& value, Bytes& out) { out += value; }, nullptr),
              StartsWith("Serde(serialize, deserialize): deserialize is null"));
}

TEST(NullFunctions, AreWhatALambdaWithoutCapturesIsNot) {
  EXPECT_EQ(error_of_stream([](const KStream<Text, Text>& s) {
              s.filter([](const Text&) { return true; }).map_values([](const auto& value) { return value; }).to("out");
            }),
            "");
  const Empty<bool(const Text&)> full = [](const Text&) { return true; };
  EXPECT_EQ(error_of_stream([&](const KStream<Text, Text>& s) { s.filter(full).to("out"); }), "");
}

}  // namespace
}  // namespace tidemill
