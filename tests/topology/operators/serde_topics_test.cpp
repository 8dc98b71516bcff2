// What serdes are told that they work for: names of topics, by which a schema registry tells one schema from another. Expected is
// what Kafka Streams 4.2.0 told recording serdes for the same topologies and records (java/SerdeTopics.java).
#include <map>

#include <gmock/gmock.h>

#include "behind_the_topic.hpp"
#include "shown.hpp"

namespace tidemill {
namespace {

using test::behind_the_topic;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Topics = std::map<Text, std::set<Text>>;

/// Text; says what it was told.
class Recorded {
 public:
  explicit Recorded(Topics& topics) : topics_(topics) {}
  Serde<Text> operator()(const char* who) const {
    struct State {
      Topics& topics;
      Text who;
    };
    return {[](const void* state, std::string_view topic, const Text& value, Bytes& out) {
              const State& own = *static_cast<const State*>(state);
              own.topics[own.who].insert(Text(topic));
              out += value;
            },
            [](const void* state, std::string_view topic, BytesView bytes) {
              const State& own = *static_cast<const State*>(state);
              own.topics[own.who].insert(Text(topic));
              return Text(bytes);
            },
            std::shared_ptr<const State>(new State{topics_, who})};
  }

 private:
  Topics& topics_;
};

using Make = std::function<void(StreamsBuilder&, const Recorded&)>;
/// By serde, what it was told.
Topics told(const Make& make, const std::vector<Text>& inputs, std::string_view optimization = "none") {
  Topics topics;
  {
    StreamsBuilder builder;
    make(builder, Recorded(topics));
    TopologyTestDriver driver(builder.build(optimization), at_once());
    std::int64_t time = 0;
    const auto pipe = [&](const Text& topic, const Text& key, const std::optional<Text>& value, std::int64_t when) {
      driver.create_input_topic<Text, Text>(topic).pipe_input({.key = key, .value = value, .timestamp = Timestamp(when)});
    };
    for (const Text& topic : inputs) {
      for (const char* key : {"a", "b", "a"}) {
        pipe(topic, key, "v" + Text(key) + std::to_string(time % 3), time);
        time += 7;
      }
    }
    for (const Text& topic : inputs) pipe(topic, "zz", "vz", 100000);
    for (const Text& topic : inputs) pipe(topic, "a", std::nullopt, 100001);
  }
  return topics;
}
const auto kAppend = [](const Text& a, const Text& b) { return a + b; };
Materialized<Text, Text> store(const Recorded& serde) {
  return {.store_name = "st", .key_serde = serde("mk"), .value_serde = serde("mv")};
}
Consumed<Text, Text> consumed(const Recorded& serde) { return {.key_serde = serde("ck"), .value_serde = serde("cv")}; }

TEST(SerdeTopics, OfATableAreItsSourceAndItsChangelog) {
  const Make table = [](StreamsBuilder& builder, const Recorded& serde) {
    builder.table<Text, Text>("t", consumed(serde), store(serde));
  };
  EXPECT_THAT(told(table, {"t"}),
              ElementsAre(Pair("ck", ElementsAre("app-st-changelog", "t")), Pair("cv", ElementsAre("app-st-changelog", "t"))));
  EXPECT_THAT(told(table, {"t"}, "all"), ElementsAre(Pair("ck", ElementsAre("t")), Pair("cv", ElementsAre("t"))));
  const Make unlogged = [](StreamsBuilder& builder, const Recorded& serde) {
    builder.table<Text, Text>("t", consumed(serde), {.store_name = "st", .logging = false});
  };
  EXPECT_EQ(told(unlogged, {"t"}), told(table, {"t"}));
  const Make global = [](StreamsBuilder& builder, const Recorded& serde) {
    builder.global_table<Text, Text>("t", consumed(serde), store(serde));
  };
  EXPECT_EQ(told(global, {"t"}), told(table, {"t"}, "all"));
}

TEST(SerdeTopics, OfAggregationsAreTheirChangelogs) {
  const auto in = ElementsAre("s");
  const auto changelog = ElementsAre("app-st-changelog");
  const auto grouped = [](StreamsBuilder& builder, const Recorded& serde) {
    return builder.stream<Text, Text>("s", consumed(serde))
        .group_by_key({.key_serde = serde("gk"), .value_serde = serde("gv")});
  };
  const Make plain = [&](StreamsBuilder& builder, const Recorded& serde) {
    grouped(builder, serde).reduce(kAppend, store(serde));
  };
  EXPECT_THAT(told(plain, {"s"}), ElementsAre(Pair("ck", in), Pair("cv", in), Pair("mk", changelog), Pair("mv", changelog)));
  const Make sessions = [&](StreamsBuilder& builder, const Recorded& serde) {
    grouped(builder, serde).windowed_by(SessionWindows::of_inactivity_gap_with_no_grace(10ms)).reduce(kAppend, store(serde));
  };
  EXPECT_EQ(told(sessions, {"s"}), told(plain, {"s"}));
  const Make suppressed = [&](StreamsBuilder& builder, const Recorded& serde) {
    grouped(builder, serde)
        .windowed_by(TimeWindows::of_size_with_no_grace(10ms))
        .reduce(kAppend, store(serde))
        .suppress(Suppressed::until_window_closes(BufferConfig::unbounded()).with_name("sup"))
        .to_stream()
        .foreach ([](const Windowed<Text>&, const Text&) {});
  };
  const auto both = ElementsAre("app-st-changelog", "app-sup-store-changelog");
  EXPECT_THAT(told(suppressed, {"s"}), ElementsAre(Pair("ck", in), Pair("cv", in), Pair("mk", both), Pair("mv", both)));
}

TEST(SerdeTopics, OfAGroupedTableAreItsRepartitionTopicToo) {
  const Make group = [](StreamsBuilder& builder, const Recorded& serde) {
    builder.table<Text, Text>("t", consumed(serde))
        .group_by([](const Text& k, const Text& v) { return std::pair(v, k); },
                  Grouped<Text, Text>{.name = "grp", .key_serde = serde("gk"), .value_serde = serde("gv")})
        .reduce(
            kAppend, [](const Text& a, const Text&) { return a; }, store(serde));
  };
  const auto table = ElementsAre("app-t-STATE-STORE-0000000000-changelog", "t");
  const auto sent = ElementsAre("app-grp-repartition");
  const auto kept = ElementsAre("app-st-changelog");
  EXPECT_THAT(told(group, {"t"}), ElementsAre(Pair("ck", table), Pair("cv", table), Pair("gk", sent), Pair("gv", sent),
                                              Pair("mk", kept), Pair("mv", kept)));
}

TEST(SerdeTopics, OfAStreamJoinAreThoseOfItsStores) {
  const Make join = [](StreamsBuilder& builder, const Recorded& serde) {
    builder.stream<Text, Text>("s", consumed(serde))
        .outer_join(builder.stream<Text, Text>("r", consumed(serde)),
                    [](const Text* a, const Text* b) { return Text(a ? *a : "") + (b ? *b : ""); },
                    JoinWindows::of_time_difference_with_no_grace(10ms),
                    {.key_serde = serde("jk"),
                     .value_serde = serde("jv"),
                     .other_value_serde = serde("jo"),
                     .name = "j",
                     .store_name = "js"});
  };
  const Text outer = "app-js-outer-";
  const Text other = outer + "other-join-store-changelog";
  const Text shared = outer + "shared-join-store-changelog";
  const Text own = outer + "this-join-store-changelog";
  EXPECT_THAT(told(join, {"s", "r"}),
              ElementsAre(Pair("ck", ElementsAre("r", "s")), Pair("cv", ElementsAre("r", "s")),
                          Pair("jk", ElementsAre(other, shared, own)), Pair("jo", ElementsAre(other, shared)),
                          Pair("jv", ElementsAre(shared, own))));
}

TEST(SerdeTopics, OfAForeignKeyJoinAreItsMessages) {
  const Make join = [](StreamsBuilder& builder, const Recorded& serde) {
    const auto left = builder.table<Text, Text>("l", {.key_serde = serde("lk"), .value_serde = serde("lv")});
    const auto right = builder.table<Text, Text>("r", {.key_serde = serde("rk"), .value_serde = serde("rv")});
    left.join(
        right, [](const Text& v) { return v.substr(1, 1); }, kAppend, TableJoined<Text, Text>{.name = "fj"}, store(serde));
  };
  const Text asked = "app-fj-subscription-registration-topic";
  const Text answered = "app-fj-subscription-response-topic";
  const Text lefts = "app-l-STATE-STORE-0000000000-changelog";
  const Text rights = "app-r-STATE-STORE-0000000003-changelog";
  const Topics all = told(join, {"l", "r", "l"});
  EXPECT_THAT(all.at("lk"), ElementsAre(asked + "-pk", answered, lefts, "l"));
  EXPECT_THAT(all.at("lv"), ElementsAre(asked + "-vh", lefts, "l"));
  EXPECT_THAT(all.at("rk"), ElementsAre(asked, asked + "-fk", rights, "r"));
  EXPECT_THAT(all.at("rv"), ElementsAre(answered, rights, "r"));
  EXPECT_THAT(all.at("mv"), ElementsAre("app-st-changelog"));
}

TEST(SerdeTopics, OfAJoinThatWaitsAreItsName) {
  const Make join = [](StreamsBuilder& builder, const Recorded& serde) {
    const auto table = builder.table<Text, Text>("t", {.key_serde = serde("rk"), .value_serde = serde("rv")},
                                                 {.store_name = "vs", .history = 1000ms});
    builder.stream<Text, Text>("s", consumed(serde))
        .join(table, kAppend, {.key_serde = serde("jk"), .value_serde = serde("jv"), .name = "jn", .grace_period = 10ms});
  };
  const auto waits = ElementsAre("jn");
  const auto table = ElementsAre("app-vs-changelog", "t");
  EXPECT_THAT(told(join, {"t", "s"}), ElementsAre(Pair("ck", ElementsAre("s")), Pair("cv", ElementsAre("s")), Pair("jk", waits),
                                                  Pair("jv", waits), Pair("rk", table), Pair("rv", table)));
}

Texts keys(TopologyTestDriver& driver, const Text& topic) {
  Texts keys;
  for (auto record = driver.read(topic); record; record = driver.read(topic)) keys.push_back(record->key.value());
  return keys;
}

// java/TopicKeys.java
TEST(SerdeTopics, MayMakeOtherBytesOfAKeyInAForeignKeyJoin) {
  for (const bool left_join : {false, true}) {
    SCOPED_TRACE(left_join);
    StreamsBuilder builder;
    const auto left = builder.table<Text, Text>("l", {.key_serde = behind_the_topic()});
    const auto right = builder.table<Text, Text>("r", {.key_serde = behind_the_topic()});
    const auto of = [](const Text& v) { return v; };
    const TableJoined<Text, Text> named{.name = "fj"};
    (left_join ? left.left_join(
                     right, of, [](const Text& a, const Text* b) { return a + (b ? *b : "-"); }, named)
               : left.join(right, of, kAppend, named))
        .to_stream()
        .to("out", {.key_serde = SerdeOf<Text>::serde()});
    TopologyTestDriver driver(builder.build(), at_once());
    auto lefts = driver.create_input_topic<Text, Text>("l");
    auto rights = driver.create_input_topic<Text, Text>("r");
    lefts.pipe_input("l|a", "k", at(1ms));
    for (const char* value : {"1", "2"}) rights.pipe_input("r|k", value, at(2ms));
    lefts.pipe_input("l|a", "other", at(3ms));
    rights.pipe_input("r|k", "3", at(4ms));
    EXPECT_EQ(all_of<Text>(driver),
              left_join ? (Texts{"a=k-@1", "a=k1@2", "a=k2@2", "a=other-@3"}) : (Texts{"a=k1@2", "a=k2@2", "a=null@3"}));
    const Text asked = "app-fj-subscription-registration-topic";
    EXPECT_THAT(keys(driver, asked), ElementsAre(asked + "|k", asked + "|k", asked + "|other"));
    const Text answered = "app-fj-subscription-response-topic";
    EXPECT_THAT(keys(driver, answered), Each(answered + "|a"));
    const auto row = [&](const Text& foreign) {
      const Text key = asked + "-fk|" + foreign;
      return Text(3, '\0') + static_cast<char>(key.size()) + key + asked + "-pk|a";
    };
    EXPECT_THAT(keys(driver, "app-fj-subscription-store-changelog"), UnorderedElementsAre(row("k"), row("k"), row("other")));
  }
}

TEST(SerdeTopics, MayMakeOtherBytesOfAKeyInAJoinOfStreams) {
  StreamsBuilder builder;
  const Consumed<Text, Text> read{.key_serde = behind_the_topic()};
  const auto joined = [](const Text* a, const Text* b) { return (a ? *a : "-") + (b ? *b : "-"); };
  builder.stream<Text, Text>("s", read)
      .outer_join(builder.stream<Text, Text>("r", read), joined, JoinWindows::of_time_difference_with_no_grace(10ms),
                  {.key_serde = behind_the_topic()})
      .to("out", {.key_serde = SerdeOf<Text>::serde()});
  TopologyTestDriver driver(builder.build(), at_once());
  auto own = driver.create_input_topic<Text, Text>("s");
  auto other = driver.create_input_topic<Text, Text>("r");
  own.pipe_input("s|k", "A", at(1ms));
  other.pipe_input("r|k", "B", at(2ms));
  own.pipe_input("s|alone", "C", at(3ms));
  own.pipe_input("s|later", "D", at(100ms));
  EXPECT_EQ(all_of<Text>(driver), (Texts{"k=AB@2", "alone=C-@3"}));
}

}  // namespace
}  // namespace tidemill
