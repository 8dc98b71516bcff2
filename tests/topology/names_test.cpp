// Names of nodes, stores and internal topics under every option that changes them: golden/names.txt is what Java says for
// the topologies of java/Names.java, title by title.
#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/processor/timestamp_extractor.hpp>

#include <fstream>
#include <map>

namespace tidemill {
namespace {

using Text = std::string;
using Write = void (*)(StreamsBuilder&);

std::map<std::string, std::string> golden() {
  std::map<std::string, std::string> blocks;
  std::ifstream in(GOLDEN "names.txt");
  std::string title;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("##### ")) {
      title = line.substr(6);
    } else if (!line.starts_with("[")) {  // names of branches
      blocks[title] += line + "\n";
    }
  }
  return blocks;
}

KStream<Text, Text> in(StreamsBuilder& b) { return b.stream<Text, Text>("in"); }
KTable<Text, Text> table(StreamsBuilder& b, const char* topic = "t") { return b.table<Text, Text>(topic); }
/// A serde given, as Materialized.with() gives it, and no name.
template <class V = Text>
Materialized<Text, V> unnamed() {
  return {.value_serde = SerdeOf<V>::serde()};
}
const auto kFirst = [](const Text& a, const Text&) { return a; };
const auto kLeft = [](const Text& a, const Text*) { return a; };
const auto kValue = [](const Text& v) { return v; };
const auto kYes = [](const Text&) { return true; };
class Ends : public Processor<Text, Text> {
  void process(const Record<Text, Text>&) override {}
};
const auto kRekeyed = [](StreamsBuilder& b) { return in(b).select_key(kValue); };

const std::map<std::string, Write> kTopologies = {
    {"table named consumed", [](StreamsBuilder& b) { b.table<Text, Text>("t", {.name = "x"}).to_stream().to("o"); }},
    {"table named consumed + mat",
     [](StreamsBuilder& b) { b.table<Text, Text>("t", {.name = "x"}, {.store_name = "st"}).to_stream().to("o"); }},
    {"global named consumed",
     [](StreamsBuilder& b) {
       (void)b.global_table<Text, Text>("t", {.name = "x"});
       in(b).to("o");
     }},
    {"table+stream same topic",
     [](StreamsBuilder& b) {
       (void)b.table<Text, Text>("t", {}, {.store_name = "st"});
       b.stream<Text, Text>("t").to("o");
     }},
    {"stream+table same topic",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>("t").to("o");
       b.table<Text, Text>("t", {}, {.store_name = "st"}).to_stream().to("p");
     }},
    {"table twice",
     [](StreamsBuilder& b) {
       b.table<Text, Text>("t", {}, {.store_name = "st"}).to_stream().to("o");
       b.table<Text, Text>("t", {}, {.store_name = "st2"}).to_stream().to("p");
     }},
    {"overlap",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>({"a", "b"}).to("o");
       b.stream<Text, Text>("a").to("p");
     }},
    {"pattern overlap",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>(TopicPattern::compile("a.*")).to("o");
       b.stream<Text, Text>("a").to("p");
     }},
    {"reset differs",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>("a", {.offset_reset = OffsetReset::kLatest}).to("o");
       b.stream<Text, Text>("a").to("p");
     }},
    {"extractor differs",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>("a", {.timestamp_extractor = log_and_skip_on_invalid_timestamp()}).to("o");
       b.stream<Text, Text>("a").to("p");
     }},
    {"stream twice named",
     [](StreamsBuilder& b) {
       b.stream<Text, Text>("a", {.name = "one"}).to("o");
       b.stream<Text, Text>("a", {.name = "two"}).map_values(kValue).to("p");
     }},
    {"count mat no name", [](StreamsBuilder& b) { in(b).group_by_key().count(unnamed<std::int64_t>()).to_stream().to("o"); }},
    {"count named", [](StreamsBuilder& b) { in(b).group_by_key().count({.name = "cn"}).to_stream().to("o"); }},
    {"count named + mat no name",
     [](StreamsBuilder& b) {
       auto options = unnamed<std::int64_t>();
       options.name = "cn";
       in(b).group_by_key().count(options).to_stream().to("o");
     }},
    {"reduce mat no name", [](StreamsBuilder& b) { in(b).group_by_key().reduce(kFirst, unnamed()).to_stream().to("o"); }},
    {"aggregate mat no name",
     [](StreamsBuilder& b) {
       in(b)
           .group_by_key()
           .aggregate(
               Text(), [](const Text&, const Text&, const Text& so_far) { return so_far; }, unnamed())
           .to_stream()
           .to("o");
     }},
    {"filter mat no name", [](StreamsBuilder& b) { table(b).filter(kYes, unnamed()).to_stream().to("o"); }},
    {"filter named mat no name",
     [](StreamsBuilder& b) {
       auto options = unnamed();
       options.name = "f";
       table(b).filter(kYes, options).to_stream().to("o");
     }},
    {"mapValues mat no name", [](StreamsBuilder& b) { table(b).map_values(kValue, unnamed()).to_stream().to("o"); }},
    {"join",
     [](StreamsBuilder& b) {
       auto t = table(b);
       t.join(table(b, "u"), kFirst).to_stream().to("o");
     }},
    {"join mat no name",
     [](StreamsBuilder& b) {
       auto t = table(b);
       t.join(table(b, "u"), kFirst, unnamed()).to_stream().to("o");
     }},
    {"join mat name",
     [](StreamsBuilder& b) {
       auto t = table(b);
       t.join(table(b, "u"), kFirst, {.store_name = "j"}).to_stream().to("o");
     }},
    {"join named mat name",
     [](StreamsBuilder& b) {
       auto t = table(b);
       t.left_join(table(b, "u"), kLeft, {.store_name = "j", .name = "nm"}).to_stream().to("o");
     }},
    {"join of join",
     [](StreamsBuilder& b) {
       auto t = table(b);
       auto joined = t.join(table(b, "u"), kFirst);
       joined.join(table(b, "w"), kFirst).to_stream().to("o");
     }},
    {"join of filter",
     [](StreamsBuilder& b) {
       auto t = table(b).filter(kYes).map_values(kValue);
       t.left_join(table(b, "w"), kLeft).to_stream().to("o");
     }},
    {"self join filtered",
     [](StreamsBuilder& b) {
       auto t = table(b);
       t.left_join(t.filter(kYes), kLeft).to_stream().to("o");
     }},
    {"toTable mat no name", [](StreamsBuilder& b) { in(b).to_table(unnamed()).to_stream().to("o"); }},
    {"toTable named", [](StreamsBuilder& b) { in(b).to_table({.name = "tt"}).to_stream().to("o"); }},
    {"toTable named rekeyed", [](StreamsBuilder& b) { kRekeyed(b).to_table({.name = "tt"}).to_stream().to("o"); }},
    {"toTable rekeyed mat", [](StreamsBuilder& b) { kRekeyed(b).to_table({.store_name = "m"}).to_stream().to("o"); }},
    {"toTable joined",
     [](StreamsBuilder& b) {
       auto t = in(b).to_table();
       t.join(table(b, "u"), kFirst).to_stream().to("o");
     }},
    {"table toStream mapper named",
     [](StreamsBuilder& b) {
       table(b).to_stream([](const Text* value) { return value == nullptr ? Text() : *value; }, {"n"}).to("o");
     }},
    {"global join named",
     [](StreamsBuilder& b) {
       auto s = in(b);
       s.join(b.global_table<Text, Text>("g"), kValue, kFirst, {"gj"}).to("o");
     }},
    {"global join",
     [](StreamsBuilder& b) {
       auto s = in(b);
       auto joined = s.join(b.global_table<Text, Text>("g"), kValue, kFirst);
       joined.left_join(b.global_table<Text, Text>("g2", {}, {.store_name = "gs"}), kValue, kLeft).to("o");
     }},
    {"stream table join named, not rekeyed",
     [](StreamsBuilder& b) {
       auto s = in(b);
       s.join(table(b), kFirst, {.name = "jn"}).to("o");
     }},
    {"merge named, split named",
     [](StreamsBuilder& b) {
       auto s = in(b);
       const auto branches = s.merge(b.stream<Text, Text>("in2"), {"mg"})
                                 .split({"sp-"})
                                 .branch(kYes, {.name = "a"})
                                 .branch(kYes)
                                 .default_branch({.name = "d"});
       EXPECT_EQ(branches.size(), 3U);
       branches.at("sp-a").to("oa");
       branches.at("sp-d").to("od");
     }},
    {"split default unnamed", [](StreamsBuilder& b) { (void)in(b).split().branch(kYes).default_branch(); }},
    {"groupBy named", [](StreamsBuilder& b) { in(b).group_by(kValue, {.name = "gg"}).count().to_stream().to("o"); }},
    {"groupByKey shared repartition",
     [](StreamsBuilder& b) {
       auto g = kRekeyed(b).group_by_key({.name = "gg"});
       g.count().to_stream().to("o");
       g.reduce(kFirst).to_stream().to("p");
     }},
    {"groupByKey generated shared",
     [](StreamsBuilder& b) {
       auto g = kRekeyed(b).group_by_key();
       g.count().to_stream().to("o");
       g.reduce(kFirst).to_stream().to("p");
     }},
    {"repartition partitions", [](StreamsBuilder& b) { in(b).repartition({.number_of_partitions = 3}).to("o"); }},
    {"process stores",
     [](StreamsBuilder& b) {
       b.add_state_store(Stores::in_memory_key_value_store("st"));
       in(b).process([] { return std::make_unique<Ends>(); }, {"st"}, {"pp"}).group_by_key().count().to_stream().to("o");
     }},
    {"unused store",
     [](StreamsBuilder& b) {
       b.add_state_store(Stores::in_memory_key_value_store("st"));
       in(b).to("o");
     }},
    {"two reps same name",
     [](StreamsBuilder& b) {
       auto s = kRekeyed(b);
       (void)s.group_by_key({.name = "x"}).count();
       (void)s.group_by_key({.name = "x"}).count();
     }},
    {"bad name", [](StreamsBuilder& b) { in(b).filter(kYes, {"a b"}).to("o"); }},
    {"global store named consumed",
     [](StreamsBuilder& b) {
       b.add_global_store<Text, Text>(Stores::in_memory_key_value_store("gs"), "g", {.name = "x"},
                                      [] { return std::make_unique<Ends>(); });
       in(b).to("o");
     }},
    {"grouped count twice, not rekeyed",
     [](StreamsBuilder& b) {
       auto g = in(b).group_by_key({.name = "gg"});
       g.count().to_stream().to("o");
       g.reduce(kFirst).to_stream().to("p");
     }},
    {"repartition named, sink named",
     [](StreamsBuilder& b) { in(b).repartition({.name = "r", .number_of_partitions = 2}).to("o", {.name = "snk"}); }},
    {"left join of outer join, materialized in between",
     [](StreamsBuilder& b) {
       auto t = table(b);
       auto joined = t.outer_join(table(b, "u"), [](const Text*, const Text*) { return Text(); }, {.store_name = "j"});
       joined.left_join(table(b, "w"), kLeft).to_stream().to("o");
     }},
    {"stream joined with filtered table",
     [](StreamsBuilder& b) {
       auto s = in(b);
       s.left_join(table(b).filter(kYes).map_values(kValue, {.store_name = "m"}), kLeft).to("o");
     }},
    {"two joins of a rekeyed stream",
     [](StreamsBuilder& b) {
       auto s = kRekeyed(b);
       s.join(table(b), kFirst).to("o");
       s.left_join(table(b, "u"), kLeft).to("p");
     }},
    {"rekeyed, merged, counted",
     [](StreamsBuilder& b) {
       auto s = kRekeyed(b);
       s.merge(b.stream<Text, Text>("in2")).group_by_key().count().to_stream().to("o");
     }},
    {"count to table to count",
     [](StreamsBuilder& b) {
       in(b)
           .group_by_key()
           .count({.store_name = "c1"})
           .to_stream()
           .map([](const Text& k, const std::int64_t& v) { return std::pair(std::to_string(v), k); })
           .group_by_key()
           .count({.store_name = "c2"})
           .to_stream()
           .to("o");
     }},
    {"mapValues after selectKey then join",
     [](StreamsBuilder& b) {
       auto t = table(b);
       kRekeyed(b).map_values(kValue).join(t, kFirst).to("o");
     }},
};

TEST(Names, AreThoseOfJavaUnderEveryOption) {
  const auto expected = golden();
  EXPECT_EQ(expected.size(), kTopologies.size());
  for (const auto& [title, write] : kTopologies) {
    ASSERT_TRUE(expected.contains(title)) << title;
    std::string theirs = expected.at(title);
    std::string ours;
    try {
      StreamsBuilder builder;
      write(builder);
      ours = builder.build().describe();
    } catch (const TopologyException& error) {
      EXPECT_TRUE(theirs.find("TopologyException") != std::string::npos) << title << ": " << error.what();
      continue;
    }
    while (ours.ends_with('\n')) ours.pop_back();
    while (theirs.ends_with('\n')) theirs.pop_back();
    EXPECT_EQ(ours, theirs) << title;
  }
}

template <class W>
std::string refusal(const W& write) {
  try {
    StreamsBuilder builder;
    write(builder);
    (void)builder.build();
  } catch (const TopologyException& error) {
    return error.what();
  }
  return "nothing was refused";
}
struct Payment {
  std::int64_t amount = 0;
};
TEST(Names, ATypeWithoutSerdeIsNamed) {
  EXPECT_THAT(refusal([](StreamsBuilder& b) {
                in(b).map_values([](const Text& text) { return Payment{static_cast<std::int64_t>(text.size())}; }).to("o");
              }),
              ::testing::AllOf(::testing::StartsWith("to(topic): the value type of the stream, "),
                               ::testing::HasSubstr("Payment, has no serde")));
}

TEST(Names, ARefusalNamesTheNodesAndTheRemedy) {
  EXPECT_EQ(
      refusal(kTopologies.at("table twice")),
      "topic \"t\" is read by source \"KSTREAM-SOURCE-0000000000\" already; \"KSTREAM-SOURCE-0000000004\" cannot read it, "
      "too: use one source for both");
  EXPECT_EQ(refusal(kTopologies.at("overlap")),
            "sources \"KSTREAM-SOURCE-0000000000\" and \"KSTREAM-SOURCE-0000000002\" read some topics in common and some not: "
            "read each topic once, and merge() the streams");
  EXPECT_EQ(refusal(kTopologies.at("pattern overlap")),
            "topic \"a\" of source \"KSTREAM-SOURCE-0000000002\" matches the pattern a.* of source "
            "\"KSTREAM-SOURCE-0000000000\": a topic can be read by one source only; make the pattern narrower");
  EXPECT_EQ(refusal(kTopologies.at("bad name")), "the name \"a b\" cannot be used: names of topics are made of letters, "
                                                 "digits, '.', '_' and '-', and topics are named after "
                                                 "it");
  EXPECT_EQ(refusal([](StreamsBuilder& b) {
              b.table<Text, Text>("a", {}, {.store_name = "old", .history = std::chrono::milliseconds(-1)});
            }),
            "store \"old\" keeps what is up to -1 ms old: a retention or a history must not be negative");
  EXPECT_EQ(refusal([](StreamsBuilder& b) { b.stream<Text, Text>("a").to(""); }),
            "to(topic): the topic \"\" cannot be: a topic has a name");
  EXPECT_EQ(
      refusal([](StreamsBuilder& b) { b.stream<Text, Text>("a b").to("c"); }),
      "source \"KSTREAM-SOURCE-0000000000\": the topic \"a b\" cannot be: names of topics are made of letters, digits, '.', "
      "'_' and '-'");
  EXPECT_EQ(refusal([](StreamsBuilder& b) {
              b.stream<Text, Text>("a").to("o");
              b.stream<Text, std::int64_t>("a").to("p");
            }).substr(0, 100),
            "sources \"KSTREAM-SOURCE-0000000000\" and \"KSTREAM-SOURCE-0000000002\" read the same topics as stream<s");
  EXPECT_EQ(
      refusal([](StreamsBuilder& b) { in(b).process([] { return std::make_unique<Ends>(); }, {"limits"}, {"check"}).to("o"); }),
      "processor \"check\" names the state store \"limits\", which has not been added (yet)");
  EXPECT_EQ(refusal([](StreamsBuilder& b) { in(b).repartition({.name = "r", .number_of_partitions = 0}).to("o"); }),
            "repartition topic \"r-repartition\": 0 partitions: at least one");
  StreamsBuilder misspelt;
  in(misspelt).to("o");
  EXPECT_THROW(static_cast<void>(misspelt.build("alll")), TopologyException);
  EXPECT_EQ(refusal([](StreamsBuilder& b) { b.stream<Text, Text>(TopicPattern::compile("a(")).to("o"); }).substr(0, 70),
            "source \"KSTREAM-SOURCE-0000000000\": \"a(\" is not a regular expression: ");
}

TEST(Names, WhatIsOfTwoBuildersCannotBePutTogether) {
  StreamsBuilder other;
  const auto foreign = other.stream<Text, Text>("theirs");
  const auto foreign_table = other.table<Text, Text>("their-table");
  const auto pair = [](const Text& a, const Text& b) { return a + b; };
  const auto add = [](const Text&, const Text& value, const Text& so_far) { return so_far + value; };
  const auto two = ::testing::HasSubstr("the two are of different StreamsBuilders");
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { in(b).merge(foreign).to("o"); }), two);
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { in(b).join(foreign_table, pair).to("o"); }), two);
  EXPECT_THAT(refusal([&](StreamsBuilder& b) {
                in(b).join(foreign, pair, JoinWindows::of_time_difference_with_no_grace(std::chrono::milliseconds(5))).to("o");
              }),
              two);
  EXPECT_THAT(refusal([&](StreamsBuilder& b) { b.table<Text, Text>("t").join(foreign_table, pair).to_stream().to("o"); }), two);
  EXPECT_THAT(refusal([&](StreamsBuilder& b) {
                in(b).group_by_key().cogroup<Text>(add).cogroup(foreign.group_by_key(), add).aggregate("");
              }),
              two);
}

TEST(Names, ABuilderBuildsOnce) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out");
  const Topology topology = builder.build();
  EXPECT_THROW(static_cast<void>(builder.build()), TopologyException);
}

}  // namespace
}  // namespace tidemill
