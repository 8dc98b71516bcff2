// Operators that keep nothing: what goes on of each record, under which key and with which time, and what null does. A function
// that takes pointers sees what Java's sees; one that takes references is not called for a null value (D-2).
#include <gtest/gtest.h>

#include "shown.hpp"

namespace tidemill {
namespace {

using MaybeText = std::optional<Text>;
using MaybePair = std::pair<MaybeText, MaybeText>;
using Names = std::set<std::string>;

MaybeText maybe(const Text* text) { return text == nullptr ? std::nullopt : MaybeText(*text); }
Text or_null(const Text* text) { return text == nullptr ? "null" : *text; }

/// Records with and without key and value.
void pipe_all(TopologyTestDriver& driver) {
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(1s));
  in.pipe_input("b", "2", at(2s));
  in.pipe_input("a", std::nullopt, at(3s));
  in.pipe_value("4", at(4s));
  in.pipe_input({.key = std::nullopt, .value = std::nullopt, .timestamp = at(5s)});
}

struct Outcome {
  Texts out;
  std::uint64_t dropped_nulls = 0;
};
/// What `write`, which makes a stream of the input, makes of them.
template <class V = Text, class Write>
Outcome made_by(Write write) {
  StreamsBuilder builder;
  write(builder.stream<Text, Text>("in")).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  return {all_of<V>(driver), dropped(driver, "null-value")};
}
using Stream = const KStream<Text, Text>&;

TEST(Filter, LetsThroughWhatItsPredicateSaysYesTo) {
  EXPECT_EQ(made_by([](Stream s) {
              return s.filter([](const Text* k, const Text* v) { return or_null(k) == "a" || or_null(v) == "4"; });
            }).out,
            (Texts{"a=1@1000", "a=null@3000", "null=4@4000"}));
  EXPECT_EQ(made_by([](Stream s) { return s.filter([](const Text* v) { return v == nullptr; }); }).out,
            (Texts{"a=null@3000", "null=null@5000"}));
}

TEST(Filter, OfValuesLetsTombstonesThrough) {
  const Outcome values = made_by([](Stream s) { return s.filter([](const Text& v) { return v == "1"; }); });
  EXPECT_EQ(values.out, (Texts{"a=1@1000", "a=null@3000", "null=null@5000"}));
  EXPECT_EQ(values.dropped_nulls, 0U);
  // No key is an empty one, to who takes a reference (D-7).
  EXPECT_EQ(made_by([](Stream s) { return s.filter([](const Text& k, const Text&) { return k.empty(); }); }).out,
            (Texts{"a=null@3000", "null=4@4000", "null=null@5000"}));
}

TEST(FilterNot, LetsThroughWhatItsPredicateSaysNoTo) {
  EXPECT_EQ(made_by([](Stream s) { return s.filter_not([](const Text* k, const Text*) { return or_null(k) == "a"; }); }).out,
            (Texts{"b=2@2000", "null=4@4000", "null=null@5000"}));
  EXPECT_EQ(made_by([](Stream s) { return s.filter_not([](const Text& v) { return v == "1"; }); }).out,
            (Texts{"b=2@2000", "a=null@3000", "null=4@4000", "null=null@5000"}));
}

TEST(MapValues, MakesANewValueUnderTheSameKey) {
  EXPECT_EQ(made_by([](Stream s) {
              return s.map_values([](const Text* v) -> MaybeText {
                if (v == nullptr) return "none";
                return *v == "2" ? std::nullopt : MaybeText(*v + *v);
              });
            }).out,
            (Texts{"a=11@1000", "b=null@2000", "a=none@3000", "null=44@4000", "null=none@5000"}));
  EXPECT_EQ(made_by<Long>([](Stream s) {
              return s.map_values([](const Text& k, const Text& v) { return static_cast<Long>(k.size()) + std::stol(v); });
            }).out,
            (Texts{"a=2@1000", "b=3@2000", "a=null@3000", "null=4@4000", "null=null@5000"}));
}

TEST(Map, MakesANewKeyAndANewValue) {
  EXPECT_EQ(
      made_by([](Stream s) { return s.map([](const Text* k, const Text* v) { return MaybePair(maybe(v), maybe(k)); }); }).out,
      (Texts{"1=a@1000", "2=b@2000", "null=a@3000", "4=null@4000", "null=null@5000"}));
  const Outcome lengths = made_by<Long>(
      [](Stream s) { return s.map([](const Text& k, const Text& v) { return std::pair(v, static_cast<Long>(k.size())); }); });
  EXPECT_EQ(lengths.out, (Texts{"1=1@1000", "2=1@2000", "4=0@4000"}));
  EXPECT_EQ(lengths.dropped_nulls, 2U);
}

TEST(FlatMap, MakesAsManyRecordsAsItLikes) {
  EXPECT_EQ(made_by([](Stream s) {
              return s.flat_map([](const Text* k, const Text* v) {
                std::vector<MaybePair> pairs;
                const int count = v == nullptr ? 1 : std::stoi(*v) / 2;
                for (int i = 0; i < count; ++i) pairs.emplace_back(or_null(k) + std::to_string(i), maybe(v));
                return pairs;
              });
            }).out,
            (Texts{"b0=2@2000", "a0=null@3000", "null0=4@4000", "null1=4@4000", "null0=null@5000"}));
  const Outcome twice = made_by([](Stream s) {
    return s.flat_map([](const Text& k, const Text& v) { return std::vector{std::pair(k, v), std::pair(v, k)}; });
  });
  EXPECT_EQ(twice.out, (Texts{"a=1@1000", "1=a@1000", "b=2@2000", "2=b@2000", "=4@4000", "4=@4000"}));
  EXPECT_EQ(twice.dropped_nulls, 2U);
}

TEST(FlatMapValues, MakesAsManyValuesAsItLikes) {
  EXPECT_EQ(made_by([](Stream s) {
              return s.flat_map_values([](const Text* v) {
                return v == nullptr ? std::vector<MaybeText>{std::nullopt, "x"} : std::vector<MaybeText>{*v};
              });
            }).out,
            (Texts{"a=1@1000", "b=2@2000", "a=null@3000", "a=x@3000", "null=4@4000", "null=null@5000", "null=x@5000"}));
  const Outcome repeated = made_by([](Stream s) {
    return s.flat_map_values([](const Text& k, const Text& v) { return std::vector<Text>(std::stoul(v) / 2, k + v); });
  });
  EXPECT_EQ(repeated.out, (Texts{"b=b2@2000", "null=4@4000", "null=4@4000"}));
  EXPECT_EQ(repeated.dropped_nulls, 2U);
}

TEST(SelectKey, MakesANewKeyUnderTheSameValue) {
  EXPECT_EQ(made_by([](Stream s) { return s.select_key([](const Text* v) { return maybe(v); }); }).out,
            (Texts{"1=1@1000", "2=2@2000", "null=null@3000", "4=4@4000", "null=null@5000"}));
  const Outcome joined = made_by([](Stream s) { return s.select_key([](const Text& k, const Text& v) { return k + v; }); });
  EXPECT_EQ(joined.out, (Texts{"a1=1@1000", "b2=2@2000", "4=4@4000"}));
  EXPECT_EQ(joined.dropped_nulls, 2U);
}

TEST(Peek, SeesEachRecordBeforeItGoesOn) {
  const Texts all = {"a=1@1000", "b=2@2000", "a=null@3000", "null=4@4000", "null=null@5000"};
  Texts seen;
  EXPECT_EQ(made_by([&seen](Stream s) {
              return s.peek([&seen](const Text* k, const Text* v) { seen.push_back(or_null(k) + "=" + or_null(v)); })
                  .map_values([&seen](const Text* v) {
                    seen.push_back("then " + or_null(v));
                    return maybe(v);
                  });
            }).out,
            all);
  EXPECT_EQ(seen,
            (Texts{"a=1", "then 1", "b=2", "then 2", "a=null", "then null", "null=4", "then 4", "null=null", "then null"}));

  Texts values;
  EXPECT_EQ(made_by([&values](Stream s) { return s.peek([&values](const Text& v) { values.push_back(v); }); }).out, all);
  EXPECT_EQ(values, (Texts{"1", "2", "4"}));
}

TEST(ForEach, SeesEachRecordAndEndsThere) {
  Texts seen;
  Texts values;
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.foreach ([&seen](const Text* k, const Text* v) { seen.push_back(or_null(k) + "=" + or_null(v)); });
  in.foreach ([&values](const Text& k, const Text& v) { values.push_back(k + "=" + v); });
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(seen, (Texts{"a=1", "b=2", "a=null", "null=4", "null=null"}));
  EXPECT_EQ(values, (Texts{"a=1", "b=2", "=4"}));
  EXPECT_EQ(driver.produced_topic_names(), Names());
}

TEST(Stateless, OperatorsKeepTimeAndHeaders) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .filter([](const Text&) { return true; })
      .map_values([](const Text& v) { return v + "!"; })
      .map([](const Text& k, const Text& v) { return std::pair(v, k); })
      .flat_map_values([](const Text& v) {
        return std::vector{v, v + v};
      })
      .flat_map([](const Text& k, const Text& v) { return std::vector{std::pair(v, k)}; })
      .peek([](const Text&) {})
      .select_key([](const Text& k, const Text&) { return k + "?"; })
      .merge(builder.stream<Text, Text>("other"))
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  const Headers headers = {{"h", "1"}, {"none", std::nullopt}, {"h", "2"}};
  driver.create_input_topic<Text, Text>("in").pipe_input({"k", "v", headers, at(7ms)});
  auto out = driver.create_output_topic<Text, Text>("out");
  EXPECT_EQ(out.read_record(), (TestRecord<Text, Text>{"k?", "v!", headers, at(7ms)}));
  EXPECT_EQ(out.read_record(), (TestRecord<Text, Text>{"kk?", "v!", headers, at(7ms)}));
  EXPECT_TRUE(out.is_empty());
}

// ---------------------------------------------------------------- split

Names names_of(const BranchedKStream<Text, Text>::Streams& streams) {
  Names names;
  for (const auto& [name, stream] : streams) names.insert(name);
  return names;
}

TEST(Split, GivesARecordToTheFirstBranchThatTakesIt) {
  StreamsBuilder builder;
  const auto streams = builder.stream<Text, Text>("in")
                           .split({"s-"})
                           .branch([](const Text& v) { return v.starts_with("a"); }, {.name = "a"})
                           .branch([](const Text& k, const Text& v) { return k.size() + v.size() == 3; })
                           .branch([](const Text* v) { return v == nullptr; }, {.name = "none"})
                           .default_branch();
  EXPECT_EQ(names_of(streams), (Names{"s-0", "s-2", "s-a", "s-none"}));
  for (const auto& [name, stream] : streams) stream.to(name);
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "ab", at(1s));
  in.pipe_input("k", "bb", at(2s));
  in.pipe_input("k", "ccc", at(3s));
  in.pipe_input("k", std::nullopt, at(4s));
  in.pipe_value("x", at(5s));
  EXPECT_EQ(all_of<Text>(driver, "s-a"), (Texts{"k=ab@1000"}));
  EXPECT_EQ(all_of<Text>(driver, "s-2"), (Texts{"k=bb@2000"}));
  EXPECT_EQ(all_of<Text>(driver, "s-none"), (Texts{"k=null@4000"}));
  EXPECT_EQ(all_of<Text>(driver, "s-0"), (Texts{"k=ccc@3000", "null=x@5000"}));
}

TEST(Split, LosesWhatNoBranchTakes) {
  StreamsBuilder builder;
  const auto streams = builder.stream<Text, Text>("in")
                           .split()
                           .branch([](const Text& v) { return v == "1"; })
                           .branch([](const Text& v) { return v == "2"; }, {.name = "two"})
                           .no_default_branch();
  EXPECT_EQ(names_of(streams), (Names{"KSTREAM-BRANCH-00000000011", "KSTREAM-BRANCH-0000000001two"}));
  for (const auto& [name, stream] : streams) stream.to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "2", at(1ms));
  in.pipe_input("k", "3", at(2ms));
  in.pipe_input("k", std::nullopt, at(3ms));
  in.pipe_input("k", "1", at(4ms));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=2@1", "k=1@4"}));
  EXPECT_EQ(driver.dropped_records().size(), 0U) << "which is no drop";
}

TEST(Split, GivesATombstoneToTheDefaultBranchWhereNoPredicateSeesIt) {
  StreamsBuilder builder;
  const auto streams =
      builder.stream<Text, Text>("in").split({"s-"}).branch([](const Text&) { return true; }).default_branch({.name = "rest"});
  streams.at("s-1").to("values");
  streams.at("s-rest").to("rest");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(all_of<Text>(driver, "values"), (Texts{"a=1@1000", "b=2@2000", "null=4@4000"}));
  EXPECT_EQ(all_of<Text>(driver, "rest"), (Texts{"a=null@3000", "null=null@5000"}));
}

TEST(Split, HandsABranchToAFunctionOrAConsumer) {
  StreamsBuilder builder;
  const auto streams = builder.stream<Text, Text>("in")
                           .split({"s-"})
                           .branch([](const Text& v) { return v == "c"; }, {.consumer = [](Stream s) { s.to("consumed"); }})
                           .branch([](const Text& v) { return v == "f"; },
                                   {.function = [](Stream s) { return s.map_values([](const Text& v) { return v + "!"; }); }})
                           .default_branch({.name = "rest", .consumer = [](Stream s) { s.to("rest"); }});
  EXPECT_EQ(names_of(streams), (Names{"s-2"}));
  streams.at("s-2").to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("k", "c", at(1ms));
  in.pipe_input("k", "f", at(2ms));
  in.pipe_input("k", "x", at(3ms));
  EXPECT_EQ(all_of<Text>(driver, "consumed"), (Texts{"k=c@1"}));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=f!@2"}));
  EXPECT_EQ(all_of<Text>(driver, "rest"), (Texts{"k=x@3"}));
}

// ---------------------------------------------------------------- merge, repartition, to

TEST(Merge, GivesTheRecordsOfBothAsTheyCome) {
  StreamsBuilder builder;
  const auto louder = builder.stream<Text, Text>("other").map_values([](const Text& v) { return v + "!"; });
  builder.stream<Text, Text>("in").merge(louder).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  auto in = driver.create_input_topic<Text, Text>("in");
  in.pipe_input("a", "1", at(3s));
  driver.create_input_topic<Text, Text>("other").pipe_input("b", "2", at(1s));
  in.pipe_input("c", std::nullopt, at(2s));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1@3000", "b=2!@1000", "c=null@2000"}));
}

TEST(Merge, HasToBeRepartitionedWhereTheKeyOfOneHasChanged) {
  StreamsBuilder builder;
  const auto rekeyed = builder.stream<Text, Text>("other").select_key([](const Text& v) { return v; });
  builder.stream<Text, Text>("in").merge(rekeyed).group_by_key().count({.store_name = "counts"}).to_stream().to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  driver.create_input_topic<Text, Text>("in").pipe_input("a", "1", at(3s));
  driver.create_input_topic<Text, Text>("other").pipe_input("b", "a", at(1s));
  EXPECT_EQ(all_of<Long>(driver), (Texts{"a=1@3000", "a=2@3000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-counts-changelog", "app-counts-repartition", "out"}));
}

TEST(Repartition, WritesAlsoAnUnchangedKeyToATopic) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").repartition({.name = "again"}).to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(all_of<Text>(driver, "app-again-repartition"), (Texts{"a=1@1000", "b=2@2000", "a=null@3000"}));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1@1000", "b=2@2000", "a=null@3000"}));
  EXPECT_EQ(driver.produced_topic_names(), (Names{"app-again-repartition", "out"}));
  EXPECT_EQ(driver.dropped_records().size(), 0U) << "what has no key is left out silently";
}

TEST(Repartition, NeedNotBeDoneAgain) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .select_key([](const Text& v) { return v; })
      .repartition({.number_of_partitions = 3})
      .group_by_key()
      .count({.store_name = "counts"})
      .to_stream()
      .to("out");
  const Topology topology = builder.build();
  EXPECT_EQ(topology.internal_topics.at("KSTREAM-REPARTITION-0000000002-repartition").partitions, 3);
  TopologyTestDriver driver(topology, at_once());
  pipe_all(driver);
  EXPECT_EQ(all_of<Long>(driver), (Texts{"1=1@1000", "2=1@2000", "4=1@4000"}));
  EXPECT_EQ(driver.produced_topic_names(),
            (Names{"app-KSTREAM-REPARTITION-0000000002-repartition", "app-counts-changelog", "out"}));
}

TEST(Repartition, AsksItsPartitionerForEachRecordWithAKey) {
  Texts asked;
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .repartition({.name = "again",
                    .partitioner =
                        [&asked](std::string_view topic, const Text* k, const Text* v, std::int32_t partitions) {
                          asked.push_back(Text(topic) + " " + or_null(k) + " " + or_null(v) + " " + std::to_string(partitions));
                          return std::optional(std::vector{PartitionId(0)});
                        }})
      .to("out");
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(asked, (Texts{"app-again-repartition a 1 1", "app-again-repartition b 2 1", "app-again-repartition a null 1"}));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"a=1@1000", "b=2@2000", "a=null@3000"}));
}

TEST(To, AsksForTheTopicOfEachRecord) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to([](const Text*, const Text* v, const RecordContext& context) {
    if (v == nullptr) return Text("none");
    return "to-" + *v + "-" + context.source->topic + std::to_string(context.timestamp.value);
  });
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(driver.produced_topic_names(), (Names{"none", "to-1-in1000", "to-2-in2000", "to-4-in4000"}));
  EXPECT_EQ(all_of<Text>(driver, "none"), (Texts{"a=null@3000", "null=null@5000"}));
  EXPECT_EQ(all_of<Text>(driver, "to-1-in1000"), (Texts{"a=1@1000"}));
  EXPECT_EQ(all_of<Text>(driver, "to-4-in4000"), (Texts{"null=4@4000"}));
}

TEST(To, WritesWithTheSerdesThatItIsGiven) {
  const Serde<Text> quoted([](const void*, std::string_view, const Text& text, Bytes& out) { out += "'" + text + "'"; },
                           [](const void*, std::string_view, BytesView bytes) { return Text(bytes); });
  StreamsBuilder builder;
  const auto in = builder.stream<Text, Text>("in");
  in.to("keys", {.key_serde = quoted});
  in.to("values", {.value_serde = quoted});
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(all_of<Text>(driver, "keys"),
            (Texts{"'a'=1@1000", "'b'=2@2000", "'a'=null@3000", "null=4@4000", "null=null@5000"}));
  EXPECT_EQ(all_of<Text>(driver, "values"),
            (Texts{"a='1'@1000", "b='2'@2000", "a=null@3000", "null='4'@4000", "null=null@5000"}));
}

TEST(To, DropsWhatItsPartitionerWantsNowhere) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out", {.partitioner = [](std::string_view, const Text* k, const Text*,
                                                                std::int32_t) -> std::optional<std::vector<PartitionId>> {
                                        if (or_null(k) == "a") return std::vector<PartitionId>{};
                                        return std::nullopt;
                                      }});
  TopologyTestDriver driver(builder.build(), at_once());
  pipe_all(driver);
  EXPECT_EQ(all_of<Text>(driver), (Texts{"b=2@2000", "null=4@4000", "null=null@5000"}));
  EXPECT_EQ(driver.dropped_records(), (std::map<std::string, std::uint64_t>{{"partitioner-says-none", 2}}));
}

}  // namespace
}  // namespace tidemill
