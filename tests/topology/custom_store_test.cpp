// Stores of one's own kind in a topology: declared, connected, typed, logged, rebuilt; and what is said of wrong uses.
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/processor/fixed_key_processor.hpp>
#include <tidemill/testing/mock_processor_context.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace tidemill {
namespace {

using Text = std::string;
using Long = std::int64_t;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

/// Documents by word. Keys of the changelog: word, a zero byte, document.
class WordIndex : public CustomStore {
 public:
  void add(const Text& word, const Text& document) {
    if (!documents_[word].insert(document).second) return;
    context().log_change(word + '\0' + document, BytesView("1"));
  }
  void remove(const Text& word, const Text& document) {
    if (documents_[word].erase(document) > 0) context().log_change(word + '\0' + document, std::nullopt);
  }
  [[nodiscard]] std::set<Text> find(const Text& word) const {
    const auto found = documents_.find(word);
    return found == documents_.end() ? std::set<Text>() : found->second;
  }
  void init(StateStoreContext& context) override {
    EXPECT_EQ(name(), "index");
    EXPECT_FALSE(is_open());
    EXPECT_EQ(context.application_id(), "topology-test-driver");
  }
  void restore(std::span<const ChangelogRecord> records) override {
    for (const ChangelogRecord& record : records) {
      const auto zero = record.key.find('\0');
      std::set<Text>& documents = documents_[Text(record.key.substr(0, zero))];
      const Text document(record.key.substr(zero + 1));
      if (record.value) documents.insert(document);
      else documents.erase(document);
    }
  }

 private:
  std::map<Text, std::set<Text>> documents_;
};

/// Splits each document into words, and says how many documents have each of them now.
class Indexer : public Processor<Text, Text, Text, Long> {
 public:
  void init(ProcessorContext<Text, Long>& context) override { index_ = &context.custom_store<WordIndex>("index"); }
  void process(const Record<Text, Text>& record) override {
    EXPECT_TRUE(index_->is_open());
    index_->add(record.value(), record.key());
    const Long count = static_cast<Long>(index_->find(record.value()).size());
    context().forward(record.with_key(record.value()).with_value(count));
  }

 private:
  WordIndex* index_ = nullptr;
};
/// Brings its store along.
struct IndexerSupplier {
  std::unique_ptr<Indexer> operator()() const { return std::make_unique<Indexer>(); }
  [[nodiscard]] std::vector<StoreSpec> stores() const { return {Stores::custom<WordIndex>("index")}; }
};

Topology indexing(CustomStoreOptions options = {}) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<WordIndex>("index", std::move(options)));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Indexer>(); }, {"index"}).to("out");
  return builder.build();
}

TEST(CustomStore, IsUsedByItsTypeLoggedAndRebuilt) {
  TopologyTestDriver driver(indexing());
  auto in = driver.create_input_topic<Text, Text>("in");
  auto out = driver.create_output_topic<Text, Long>("out");
  in.pipe_input("d-1", "tide", Timestamp(5));
  in.pipe_input("d-2", "tide", Timestamp(7));
  in.pipe_input("d-1", "mill", Timestamp(6));
  EXPECT_THAT(out.read_key_values_to_list(), ElementsAre(Pair("tide", 1), Pair("tide", 2), Pair("mill", 1)));
  driver.restart();
  WordIndex& index = *driver.custom_store<WordIndex>("index");
  EXPECT_THAT(index.find("tide"), ElementsAre("d-1", "d-2"));
  EXPECT_THAT(index.find("mill"), ElementsAre("d-1"));
  in.pipe_input("d-3", "tide");
  EXPECT_EQ(out.read_value(), 3);
}

TEST(CustomStore, WritesItsChangesWithTheTimeOfTheRecordAtWork) {
  TopologyTestDriver driver(indexing());
  driver.create_input_topic<Text, Text>("in").pipe_input("d-1", "tide", Timestamp(5));
  auto changelog = driver.create_output_topic<Text, Text>("topology-test-driver-index-changelog");
  const TestRecord<Text, Text> change = changelog.read_record();
  EXPECT_EQ(change.key, Text("tide") + '\0' + "d-1");
  EXPECT_EQ(change.value, "1");
  EXPECT_EQ(change.timestamp, Timestamp(5));
  EXPECT_TRUE(changelog.is_empty());
}

TEST(CustomStore, IsDescribedAndHasAChangelogTopicLikeAnyOther) {
  const Topology topology = indexing({.log_config = {{"segment.bytes", "1000"}}});
  EXPECT_THAT(topology.describe(), HasSubstr("(stores: [index])"));
  const InternalTopic& changelog = topology.internal_topics.at("index-changelog");
  EXPECT_EQ(changelog.config.at("cleanup.policy"), "compact");
  EXPECT_EQ(changelog.config.at("segment.bytes"), "1000");
  EXPECT_TRUE(indexing({.logging = false}).internal_topics.empty());
}

TEST(CustomStore, MayBeBroughtAlongBySeveralSuppliers) {
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").process(IndexerSupplier()).to("out");
  builder.stream<Text, Text>("more").process(IndexerSupplier()).to("out");
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<Text, Text>("in").pipe_input("d-1", "tide");
  driver.create_input_topic<Text, Text>("more").pipe_input("d-2", "tide");
  EXPECT_THAT(driver.custom_store<WordIndex>("index")->find("tide"), ElementsAre("d-1", "d-2"));
}

TEST(CustomStore, OfAnotherFactoryIsAnotherStore) {
  const Text with = "state";
  const auto one = [with] { return std::make_unique<WordIndex>(); };
  EXPECT_EQ(Stores::custom<WordIndex>("index"), Stores::custom<WordIndex>("index"));
  EXPECT_FALSE(Stores::custom<WordIndex>("index", one) == Stores::custom<WordIndex>("index", one));
  const StoreSpec spec = Stores::custom<WordIndex>("index", one);
  EXPECT_EQ(spec, StoreSpec(spec));
  TopologyBuilder builder;
  builder.add_state_store_once(spec);
  builder.add_state_store_once(spec);
  EXPECT_THROW(builder.add_state_store_once(Stores::custom<WordIndex>("index")), TopologyException);
}

// ---------------------------------------------------------------- wrong uses

/// Runs `use` with the context of a processor that is connected to a WordIndex "index" and a key-value store "rows".
Text said_of(const std::function<void(ProcessorContext<Text, Text>&)>& use) {
  class Uses : public Processor<Text, Text> {
   public:
    explicit Uses(std::function<void(ProcessorContext<Text, Text>&)> use) : use_(std::move(use)) {}
    void process(const Record<Text, Text>&) override { use_(context()); }

   private:
    std::function<void(ProcessorContext<Text, Text>&)> use_;
  };
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<WordIndex>("index"));
  builder.add_state_store(Stores::in_memory_key_value_store("rows"));
  builder.stream<Text, Text>("in").process([&use] { return std::make_unique<Uses>(use); }, {"index", "rows"}, {.name = "user"});
  TopologyTestDriver driver(builder.build());
  try {
    driver.create_input_topic<Text, Text>("in").pipe_input("a", "b");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}
class Filter : public CustomStore {};

TEST(CustomStore, AskedForByAnotherTypeNamesBoth) {
  EXPECT_THAT(said_of([](auto& context) { (void)context.template custom_store<Filter>("index"); }),
              AllOf(HasSubstr("processor \"user\": store \"index\" is declared as a "), HasSubstr("WordIndex, not a "),
                    HasSubstr("Filter: ask for custom_store<")));
  EXPECT_THAT(said_of([](auto& context) { (void)context.template custom_store<WordIndex>("rows"); }),
              AllOf(HasSubstr("store \"rows\" is one of the library's kinds"), HasSubstr("key_value_store()")));
  EXPECT_THAT(said_of([](auto& context) { (void)context.template key_value_store<Text, Text>("index"); }),
              AllOf(HasSubstr("store \"index\" is declared as a "), HasSubstr("ask for custom_store<")));
  EXPECT_THAT(said_of([](auto& context) { (void)context.template versioned_store<Text, Text>("index"); }),
              HasSubstr("\"index\""));
  EXPECT_THAT(said_of([](auto& context) { (void)context.template custom_store<WordIndex>("indexes"); }),
              HasSubstr("store \"indexes\" is not connected to processor \"user\""));
  EXPECT_EQ(said_of([](auto& context) { (void)context.template custom_store<CustomStore>("index"); }), "nothing was thrown")
      << "a base of the declared type will do";
}

TEST(CustomStore, AskedOfTheDriverByAnotherTypeNamesBoth) {
  TopologyTestDriver driver(indexing());
  EXPECT_EQ(driver.custom_store<WordIndex>("nothing"), nullptr);
  try {
    (void)driver.custom_store<Filter>("index");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("store \"index\" is declared as a"), HasSubstr("WordIndex, not a")));
  }
}

TEST(CustomStore, MayNotLogWhenItsLoggingIsOff) {
  TopologyTestDriver driver(indexing({.logging = false}));
  try {
    driver.create_input_topic<Text, Text>("in").pipe_input("d-1", "tide");
    FAIL();
  } catch (const StateStoreException& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("store \"index\" ("), HasSubstr("log_change(), and its logging is off")));
  }
}

/// What a driver's start, a record and a restart say of a store of this type.
template <class Store>
Text said_by(CustomStoreOptions options = {}) {
  class Uses : public Processor<Text, Text> {
   public:
    void process(const Record<Text, Text>&) override { context().template custom_store<Store>("store").use(); }
  };
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<Store>("store", options));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Uses>(); }, {"store"});
  try {
    TopologyTestDriver driver(builder.build());
    driver.create_input_topic<Text, Text>("in").pipe_input("a", "b");
    driver.restart();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}
struct Logs : CustomStore {
  void use() { context().log_change("k", BytesView("v")); }
};

TEST(CustomStore, ThatHasAChangelogHasToReadIt) {
  EXPECT_THAT(said_by<Logs>(), AllOf(HasSubstr("store \"store\" ("), HasSubstr("override restore()")));
}

struct LogsWhileItRestores : Logs {
  void restore(std::span<const ChangelogRecord>) override { use(); }
};
struct LogsAtInit : Logs {
  void init(StateStoreContext&) override { use(); }
};
TEST(CustomStore, MayNotLogBeforeItIsUsed) {
  EXPECT_THAT(said_by<LogsWhileItRestores>(), HasSubstr("log_change() within restore()"));
  EXPECT_THAT(said_by<LogsAtInit>(), HasSubstr("log_change() within init()"));
}

struct AsksForADirectory : Logs {
  void init(StateStoreContext& context) override { (void)context.state_dir(); }
};
TEST(CustomStore, GetsADirectoryOnlyWhereItIsDeclaredPersistent) {
  EXPECT_THAT(said_by<AsksForADirectory>(), HasSubstr("is not declared persistent"));
}

struct ThrowsAtInit : Logs {
  void init(StateStoreContext&) override { throw std::runtime_error("no memory left"); }
};
struct ThrowsAtCommit : Logs {
  void commit(BytesView) override { throw std::runtime_error("no room left"); }
};
struct ThrowsAtFlush : Logs {
  void flush() override { throw std::runtime_error("no patience left"); }
};
struct ThrowsAtClose : Logs {
  void restore(std::span<const ChangelogRecord>) override {}
  void close() override { throw std::runtime_error("of no importance"); }
};
TEST(CustomStore, WhatAMemberThrowsIsToldWithTheStoresName) {
  EXPECT_THAT(said_by<ThrowsAtInit>(),
              AllOf(HasSubstr("store \"store\""), HasSubstr("init() threw std::runtime_error: no memory left")));
  EXPECT_THAT(said_by<ThrowsAtCommit>(),
              AllOf(HasSubstr("store \"store\""), HasSubstr("commit() threw std::runtime_error: no room left")));
  EXPECT_THAT(said_by<ThrowsAtFlush>(),
              AllOf(HasSubstr("store \"store\""), HasSubstr("flush() threw std::runtime_error: no patience left")));
  EXPECT_EQ(said_by<ThrowsAtClose>(), "nothing was thrown");
}

TEST(CustomStore, WhoseFactoryGivesNothingIsRefused) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<WordIndex>("index", [] { return std::unique_ptr<WordIndex>(); }));
  builder.stream<Text, Text>("in").process([] { return std::make_unique<Indexer>(); }, {"index"});
  try {
    TopologyTestDriver driver(builder.build());
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("store \"index\""), HasSubstr("its factory gives null")));
  }
}

// ---------------------------------------------------------------- its life

/// Writes down what it is told, by name.
class Diary : public CustomStore {
 public:
  explicit Diary(std::vector<Text>& entries) : entries_(entries) { entries_.push_back("made"); }
  ~Diary() override { entries_.push_back("gone"); }
  void hold(const Text& key) { held_ = key; }
  void init(StateStoreContext&) override { entries_.push_back("init"); }
  void restore(std::span<const ChangelogRecord> records) override {
    entries_.push_back("restore " + std::to_string(records.size()));
  }
  void flush() override {
    entries_.push_back("flush");
    if (!held_.empty()) context().log_change(held_, BytesView("held back"), Timestamp(3));
    held_.clear();
  }
  void commit(BytesView) override { entries_.push_back("commit"); }
  void close() override { entries_.push_back("close"); }

 private:
  std::vector<Text>& entries_;
  Text held_;
};

TEST(CustomStore, IsMadeInitializedFlushedCommittedAndClosedInOrder) {
  class Holds : public Processor<Text, Text> {
   public:
    explicit Holds(std::vector<Text>& entries) : entries_(entries) {}
    void init(ProcessorContext<Text, Text>& context) override {
      entries_.push_back("processor");
      diary_ = &context.custom_store<Diary>("diary");
    }
    void process(const Record<Text, Text>& record) override { diary_->hold(record.key()); }
    void close() override { entries_.push_back("processor closes"); }

   private:
    std::vector<Text>& entries_;
    Diary* diary_ = nullptr;
  };
  std::vector<Text> entries;
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<Diary>("diary", [&entries] { return std::make_unique<Diary>(entries); }));
  builder.stream<Text, Text>("in").process([&entries] { return std::make_unique<Holds>(entries); }, {"diary"});
  TopologyTestDriver driver(builder.build());
  EXPECT_THAT(std::exchange(entries, {}), ElementsAre("made", "init", "processor"));
  driver.create_input_topic<Text, Text>("in").pipe_input("a", "b");
  EXPECT_THAT(std::exchange(entries, {}), ElementsAre("flush", "commit"));
  auto changelog = driver.create_output_topic<Text, Text>("topology-test-driver-diary-changelog");
  EXPECT_EQ(changelog.read_record(), (TestRecord<Text, Text>{.key = "a", .value = "held back", .timestamp = Timestamp(3)}));
  driver.restart();
  EXPECT_THAT(std::exchange(entries, {}),
              ElementsAre("flush", "processor closes", "close", "gone", "made", "init", "restore 1", "processor"));
  driver.close();
  EXPECT_THAT(entries, ElementsAre("flush", "processor closes", "close", "gone"));
}

TEST(CustomStore, IsFlushedBehindTheCachesThatWriteToIt) {
  class Holds : public Processor<Text, Text, Text, Text> {
   public:
    explicit Holds(bool goes_on) : goes_on_(goes_on) {}
    void process(const Record<Text, Text>& record) override {
      if (goes_on_) context().forward(record);
      else context().custom_store<Diary>("diary").hold(record.value());
    }

   private:
    bool goes_on_;
  };
  std::vector<Text> entries;
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<Diary>("diary", [&entries] { return std::make_unique<Diary>(entries); }));
  // The store is the first, and what is behind the cached count writes to it.
  builder.stream<Text, Text>("in")
      .process([] { return std::make_unique<Holds>(true); }, {"diary"})
      .group_by_key()
      .count({.store_name = "counts"})
      .to_stream()
      .map_values([](Long count) { return std::to_string(count); })
      .process([] { return std::make_unique<Holds>(false); }, {"diary"});
  TopologyTestDriver driver(builder.build(), {.application_id = "app", .statestore_cache_max_bytes = 100'000});
  driver.commit_after_each_record(false);
  auto in = driver.create_input_topic<Text, Text>("in");
  auto changelog = driver.create_output_topic<Text, Text>("app-diary-changelog");
  in.pipe_input("a", "x");
  in.pipe_input("a", "y");
  EXPECT_TRUE(changelog.is_empty());
  entries.clear();
  driver.commit();
  EXPECT_THAT(entries, ElementsAre("flush", "commit"));
  EXPECT_THAT(changelog.read_key_value(), Pair("2", "held back"));
}

TEST(CustomStore, WorksInAProcessorUnderTestAlone) {
  MockProcessorContext<Text, Long> context(MockContextOptions{.config = {.application_id = "topology-test-driver"}});
  context.add_state_store(Stores::custom<WordIndex>("index"));
  Indexer indexer;
  context.init(indexer);
  indexer.process(Record<Text, Text>("d-1", "tide", Timestamp(1)));
  indexer.process(Record<Text, Text>("d-2", "tide", Timestamp(2)));
  EXPECT_EQ(context.forwarded().at(1).value, 2);
}

// ---------------------------------------------------------------- where a topic is the changelog

/// Names by id; everywhere the same code.
class Names : public CustomStore {
 public:
  void put(const Text& id, const Text* name) {
    if (name != nullptr) names_[id] = *name;
    else names_.erase(id);
    context().log_change(id, name != nullptr ? OptionalBytesView(*name) : std::nullopt);
  }
  [[nodiscard]] Text get(const Text& id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? "?" : found->second;
  }
  void restore(std::span<const ChangelogRecord> records) override {
    for (const ChangelogRecord& record : records) names_[Text(record.key)] = Text(record.value.value_or("gone"));
  }

 private:
  std::map<Text, Text> names_;
};
class Feeds : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
    context().custom_store<Names>("names").put(record.key(), record.value_or_null());
  }
};
class Looks : public FixedKeyProcessor<Text, Text, Text> {
  void process(const FixedKeyRecord<Text, Text>& record) override {
    const Text name =
        context().read_custom_store<Names>("names", [&](const Names& names) { return names.get(record.value()); });
    context().forward(record.with_value(name));
  }
};

TEST(CustomStore, MayBeAGlobalOneWhichOthersReadInAFunction) {
  StreamsBuilder builder;
  builder.add_global_store(Stores::custom<Names>("names"), "people", Consumed<Text, Text>{},
                           [] { return std::make_unique<Feeds>(); });
  builder.stream<Text, Text>("in").process_values([] { return std::make_unique<Looks>(); }).to("out");
  TopologyTestDriver driver(builder.build());
  auto people = driver.create_input_topic<Text, Text>("people");
  auto in = driver.create_input_topic<Text, Text>("in");
  auto out = driver.create_output_topic<Text, Text>("out");
  people.pipe_input("1", "Anna");
  in.pipe_input("k", "1");
  in.pipe_input("k", "2");
  EXPECT_EQ(out.read_value(), "Anna");
  EXPECT_EQ(out.read_value(), "?");
  EXPECT_EQ(driver.custom_store<Names>("names")->get("1"), "Anna");
}

TEST(CustomStore, MayHaveATopicAsItsChangelog) {
  TopologyBuilder builder;
  builder.add_read_only_state_store<Text, Text>(Stores::custom<Names>("names"), "people-source", "people", "people-feed",
                                                [] { return std::make_unique<Feeds>(); });
  TopologyTestDriver driver(builder.build());
  driver.create_input_topic<Text, Text>("people").pipe_input("1", "Anna");
  EXPECT_THAT(driver.produced_topic_names(), IsEmpty());
  driver.restart();
  EXPECT_EQ(driver.custom_store<Names>("names")->get("1"), "Anna");
}

}  // namespace
}  // namespace tidemill
