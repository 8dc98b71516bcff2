// Repartition topics: which of them are one when topologies are optimized, and which take records without a key. golden/merged.txt
// is what Java says of the topologies of java/Merged.java, title by title.
#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

#include <fstream>
#include <map>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using Text = std::string;
using Write = void (*)(StreamsBuilder&);

std::map<std::string, std::string> golden() {
  std::map<std::string, std::string> blocks;
  std::ifstream in(GOLDEN "merged.txt");
  std::string title;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("##### ")) {
      title = line.substr(6);
    } else {
      blocks[title] += line + "\n";
    }
  }
  return blocks;
}

const auto kPlus = [](const Text& a, const Text& b) { return a + "+" + b; };
const auto kPlusLeft = [](const Text& a, const Text* b) { return a + "+" + (b == nullptr ? "null" : *b); };
const auto kValue = [](const Text* v) { return v == nullptr ? std::optional<Text>() : std::optional<Text>(*v); };

/// A new key from the value: none for an empty one.
KStream<Text, Text> keyed(StreamsBuilder& b) {
  return b.stream<Text, Text>("in").select_key(
      [](const Text* v) { return v == nullptr || v->empty() ? std::optional<Text>() : std::optional<Text>(*v); });
}
KStream<Text, Text> other_keyed(StreamsBuilder& b) { return b.stream<Text, Text>("other").select_key(kValue); }
KTable<Text, Text> reduce(const KStream<Text, Text>& s, const Text& name) {
  return s.group_by_key().reduce([](const Text& a, const Text& v) { return a + v; }, {.store_name = name});
}
void reduced(const KStream<Text, Text>& s, const Text& name, const Text& topic) { reduce(s, name).to_stream().to(topic); }

class Passing final : public FixedKeyProcessor<Text, Text> {
  void process(const FixedKeyRecord<Text, Text>& record) override { context().forward(record); }
};

const std::map<std::string, Write> kTopologies = {
    {"one", [](StreamsBuilder& b) { reduced(keyed(b), "r", "o"); }},
    {"two without names",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.group_by_key().reduce([](const Text& x, const Text& y) { return x + y; }).to_stream().to("o");
       s.group_by_key().aggregate(Text(), [](const Text&, const Text& v, const Text& a) { return a + v; }).to_stream().to("p");
     }},
    {"two with names",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s, "r", "o");
       reduced(s, "q", "p");
     }},
    {"behind a filter, which has another sink",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       auto f = s.filter([](const Text* v) { return v == nullptr || *v != "c"; });
       f.to("filtered");
       reduced(f, "r", "o");
       reduced(s, "q", "p");
       s.to("all");
     }},
    {"behind two filters",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s.filter([](const Text*) { return true; }).peek([](const Text*) {}), "r", "o");
       reduced(s.filter([](const Text*) { return false; }), "q", "p");
     }},
    {"behind a change of the value",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s.map_values([](const Text& v) { return v + "!"; }), "r", "o");
       reduced(s.map_values([](const Text& v) { return v + "?"; }).filter([](const Text*) { return true; }), "q", "p");
     }},
    {"the value changes first",
     [](StreamsBuilder& b) {
       auto s = b.stream<Text, Text>("in").map_values([](const Text& v) { return v; }).select_key(kValue);
       reduced(s, "r", "o");
       reduced(s, "q", "p");
     }},
    {"inner join and reduce",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.join(b.table<Text, Text>("t"), kPlus).to("joined");
       reduced(s, "r", "o");
     }},
    {"left join and reduce",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.left_join(b.table<Text, Text>("t"), kPlusLeft).to("joined");
       reduced(s, "r", "o");
     }},
    {"named left join",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.left_join(b.table<Text, Text>("t"), kPlusLeft, {.name = "j"}).to("joined");
       reduced(s, "r", "o");
     }},
    {"left join behind a table",
     [](StreamsBuilder& b) { reduce(keyed(b), "r").to_stream().left_join(b.table<Text, Text>("t"), kPlusLeft).to("joined"); }},
    {"left join of streams",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.left_join(b.stream<Text, Text>("other"), kPlusLeft, JoinWindows::of_time_difference_with_no_grace(10ms)).to("joined");
       reduced(s, "r", "o");
     }},
    {"inner join of streams, both keyed anew",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       auto t = other_keyed(b);
       s.join(t, kPlus, JoinWindows::of_time_difference_with_no_grace(10ms)).to("joined");
       reduced(t, "r", "o");
     }},
    {"merge of two that are keyed anew",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       auto m = s.merge(other_keyed(b));
       reduced(m, "r", "o");
       reduced(m, "q", "p");
     }},
    {"merge of one that is keyed anew and one that is not",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       auto m = s.merge(b.stream<Text, Text>("other"));
       reduced(m, "r", "o");
       reduced(m, "q", "p");
     }},
    {"merge, and one of the two by itself",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       auto t = other_keyed(b);
       reduced(s, "r", "o");
       reduced(s.merge(t), "q", "p");
     }},
    {"keyed anew twice",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s, "r", "o");
       reduced(s.select_key([](const Text*) { return Text("x"); }), "q", "p");
     }},
    {"through a processor",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s.process_values([] { return std::make_unique<Passing>(); }), "r", "o");
       reduced(s, "q", "p");
     }},
    {"branches",
     [](StreamsBuilder& b) {
       auto branches = keyed(b)
                           .split({"br-"})
                           .branch([](const Text* v) { return v != nullptr && *v == "b"; }, {.name = "b"})
                           .default_branch({.name = "rest"});
       reduced(branches.at("br-b"), "r", "o");
       reduced(branches.at("br-rest"), "q", "p");
     }},
    {"to table",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.to_table({.store_name = "t"}).to_stream().to("o");
       reduced(s, "q", "p");
     }},
    {"repartition is never merged",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       reduced(s.repartition({.name = "own"}), "r", "o");
       reduced(s, "q", "p");
     }},
    {"repartition before a left join",
     [](StreamsBuilder& b) {
       keyed(b).repartition({.name = "own"}).left_join(b.table<Text, Text>("t"), kPlusLeft).to("joined");
     }},
    {"cogroup",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.group_by_key()
           .cogroup<Text>([](const Text&, const Text& v, const Text& a) { return a + v; })
           .aggregate(Text(), {.store_name = "c"})
           .to_stream()
           .to("o");
       reduced(s, "q", "p");
     }},
    {"windows",
     [](StreamsBuilder& b) {
       auto s = keyed(b);
       s.group_by_key()
           .windowed_by(TimeWindows::of_size_with_no_grace(10ms))
           .reduce([](const Text& x, const Text& y) { return x + y; }, {.store_name = "w"})
           .to_stream([](const Windowed<Text>& key, const Text*) { return key.key; })
           .to("o");
       reduced(s, "q", "p");
     }},
};

Text shown(const OptionalBytes& bytes) { return bytes ? *bytes : "null"; }

/// As java/Merged.java prints it.
std::string told(Write write, const char* optimization) {
  StreamsBuilder builder;
  write(builder);
  Topology topology = builder.build(optimization);
  std::string text = topology.describe();
  StreamsConfig config;
  config.application_id = "app";
  config.statestore_cache_max_bytes = 0;
  TopologyTestDriver driver(std::move(topology), config);
  std::int64_t time = 0;
  for (const OptionalBytes& value : {OptionalBytes("b"), OptionalBytes(""), OptionalBytes(), OptionalBytes("c")}) {
    driver.pipe("in", {.key = "k", .value = value, .headers = {}, .timestamp = Timestamp(++time)});
  }
  for (const std::string& topic : driver.produced_topic_names()) {
    if (topic.ends_with("-changelog")) continue;
    text += topic + ":";
    while (const auto record = driver.read(topic)) text += " " + shown(record->key) + "=" + shown(record->value);
    text += "\n";
  }
  return text + "\n";
}

TEST(MergedRepartitions, AreThoseOfJava) {
  const auto java = golden();
  ASSERT_EQ(java.size(), 2 * kTopologies.size());
  for (const auto& [title, write] : kTopologies) {
    if (const std::string& text = java.at(title); text != "StreamsException\n\n") {
      EXPECT_EQ(told(write, "all"), text) << title;
    }
    EXPECT_EQ(told(write, "none"), java.at(title + " (none)")) << title << ", not optimized";
  }
}

// Java refuses to build it.
TEST(MergedRepartitions, MayHaveTheNameOfOneThatWasMergedAway) {
  StreamsBuilder builder;
  const auto texts = keyed(builder);
  texts.group_by_key({.name = "h"}).count({.store_name = "h"}).to_stream().to("h-counts");
  texts.group_by_key({.name = "g"}).count({.store_name = "g"}).to_stream().to("g-counts");
  const auto numbers =
      builder.stream<Text, std::int64_t>("numbers").select_key([](const Text& k, std::int64_t) { return k + k; });
  numbers.group_by_key({.name = "g"})
      .reduce([](std::int64_t a, std::int64_t b) { return a + b; }, {.store_name = "sums"})
      .to_stream()
      .to("sums-out");
  TopologyTestDriver driver(builder.build("all"));
  driver.create_input_topic<Text, Text>("in").pipe_input("k", "a");
  auto in = driver.create_input_topic<Text, std::int64_t>("numbers");
  in.pipe_input("k", 3);
  in.pipe_input("k", 4);
  auto sums = driver.create_output_topic<Text, std::int64_t>("sums-out");
  EXPECT_THAT(sums.read_key_value(), ::testing::Pair("kk", 3));
  EXPECT_THAT(sums.read_key_value(), ::testing::Pair("kk", 7));
  EXPECT_THAT((driver.create_output_topic<Text, std::int64_t>("g-counts").read_key_value()), ::testing::Pair("a", 1));
  EXPECT_TRUE(driver.produced_topic_names().contains("topology-test-driver-g-repartition"));
}

// Java refuses to build it. One way to the count is behind the first topic already, the other is not.
TEST(MergedRepartitions, OneThatAnotherWayLeadsToStays) {
  StreamsBuilder builder;
  const auto regrouped =
      keyed(builder)
          .to_table()
          .group_by([](const Text& k, const Text& v) { return std::pair(v, k); })
          .reduce([](const Text& a, const Text& b) { return a + b; }, [](const Text& a, const Text&) { return a; })
          .to_stream();
  const auto others = other_keyed(builder).filter([](const Text&) { return true; });
  others.merge(regrouped).group_by_key({.name = "both"}).count({.store_name = "both"}).to_stream().to("out");
  const std::string text = builder.build("all").describe();
  EXPECT_THAT(text, ::testing::HasSubstr("(topic: both-repartition)"));
}

TEST(MergedRepartitions, OfTwoOnOneBranchTheSecondFollowsTheFirst) {
  const std::string text = told(kTopologies.at("branches"), "all");
  EXPECT_THAT(text, ::testing::HasSubstr("app-r-repartition: b=b c=c\no: b=b\np: c=c\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("q-repartition")));
}

}  // namespace
}  // namespace tidemill
