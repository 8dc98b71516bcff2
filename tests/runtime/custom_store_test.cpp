// Stores of one's own kind in a running application: restored after a crash, made anew after an abort, on disk and in memory; asked
// from other threads.
#include <atomic>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Text = std::string;
using Long = std::int64_t;

/// What the stores of a test have lived through; the stores are made and used on the threads of tasks.
struct Lives {
  std::atomic<int> made{0};
  std::atomic<int> closed{0};
  std::atomic<int> restored{0};
  std::atomic<int> found{0};  // that had a checkpoint
};

struct SumOf {
  using Answer = Long;
  Text key;
};
struct Unheard {
  using Answer = Long;
};

/// Sums by key, in a map.
class Sums : public CustomStore {
 public:
  explicit Sums(Lives& lives) : lives_(lives) { ++lives_.made; }
  Long add(const Text& key, Long amount) {
    const Long sum = sums_[key] += amount;
    context().log_change(key, BytesView(std::to_string(sum)));
    return sum;
  }
  [[nodiscard]] Long sum(const Text& key) const {
    const auto found = sums_.find(key);
    return found == sums_.end() ? 0 : found->second;
  }
  [[nodiscard]] const std::map<Text, Long>& all() const { return sums_; }
  void restore(std::span<const ChangelogRecord> records) override {
    lives_.restored += static_cast<int>(records.size());
    for (const ChangelogRecord& record : records) sums_[Text(record.key)] = std::stoll(Text(record.value.value_or("0")));
  }
  void close() override { ++lives_.closed; }
  void query(CustomQuery& query) const override {
    query.answer<SumOf>([this](const SumOf& asked) {
      if (asked.key == "broken") throw std::runtime_error("the index is torn");
      return sum(asked.key);
    });
  }

 protected:
  Lives& lives_;
  std::map<Text, Long> sums_;
};

/// The same, with a file that is written whole at each commit: sums and checkpoint change together.
class SumsOnDisk : public Sums {
 public:
  using Sums::Sums;
  void init(StateStoreContext& context) override {
    file_ = context.state_dir() + "/sums";
    std::ifstream in(file_, std::ios::binary);
    std::size_t size = 0;
    if (!(in >> size)) return;
    in.get();
    checkpoint_.emplace(size, '\0');
    in.read(checkpoint_->data(), static_cast<std::streamsize>(size));
    Text key;
    for (Long sum = 0; in >> key >> sum;) sums_[key] = sum;
    ++lives_.found;
  }
  void commit(BytesView checkpoint) override {
    {
      std::ofstream out(file_ + ".new", std::ios::binary);
      out << checkpoint.size() << ' ' << checkpoint;
      for (const auto& [key, sum] : sums_) out << '\n' << key << ' ' << sum;
    }
    std::rename((file_ + ".new").c_str(), file_.c_str());
  }
  std::optional<Bytes> committed() override { return checkpoint_; }

 private:
  Text file_;
  std::optional<Bytes> checkpoint_;
};

/// Adds the record's value to its key's sum and sends the sum on. A value "fail" makes it fail once, after the sum has changed.
template <class Store>
class Adds : public Processor<Text, Text> {
 public:
  explicit Adds(std::atomic<bool>& fails) : fails_(fails) {}
  void init(ProcessorContext<Text, Text>& context) override { sums_ = &context.custom_store<Store>("sums"); }
  void process(const Record<Text, Text>& record) override {
    const bool bad = record.value() == "fail";
    const Text sum = std::to_string(sums_->add(record.key(), bad ? 1'000'000 : std::stoll(record.value())));
    if (bad && fails_.exchange(false)) throw std::runtime_error("as it was told to");
    context().forward(record.with_value(sum));
  }

 private:
  std::atomic<bool>& fails_;
  Store* sums_ = nullptr;
};

template <class Store>
Topology adding(Lives& lives, std::atomic<bool>& fails, CustomStoreOptions options = {}) {
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<Store>(
      "sums", [&lives] { return std::make_unique<Store>(lives); }, std::move(options)));
  builder.stream<Text, Text>("in").process([&fails] { return std::make_unique<Adds<Store>>(fails); }, {"sums"}).to("out");
  return builder.build();
}
template <class Store>
std::map<Text, Long> all_sums(const Streams& streams) {
  std::map<Text, Long> all;
  const auto answer = QueryableCustomStore<Store>(streams, "sums").read([](const Store& store) { return store.all(); });
  for (const auto& part : answer.value().value) all.insert(part.begin(), part.end());
  return all;
}

class Directory {
 public:
  Directory() : path_(::testing::TempDir() + "custom-store-" + random_uuid(system_random())) {}
  ~Directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const Text& path() const { return path_; }

 private:
  Text path_;
};

TEST(CustomStore, InMemoryIsRestoredWholeAfterARestart) {
  const auto log = in_memory_log({.default_partitions = 2});
  Lives lives;
  std::atomic<bool> fails{false};
  {
    Streams streams(adding<Sums>(lives, fails), running_config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{"a", "1"}, {"b", "2"}, {"a", "3"}, {"b", "4"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_THAT(all_sums<Sums>(streams), ElementsAre(Pair("a", 4), Pair("b", 6)));
    ASSERT_TRUE(streams.close());
  }
  EXPECT_EQ(lives.made, 2);
  EXPECT_EQ(lives.closed, 2);
  Streams streams(adding<Sums>(lives, fails), running_config(log));
  std::atomic<Long> told{0};
  streams.set_restore_listener(
      {.on_start = nullptr, .on_batch = nullptr, .on_end = [&](const RestoreProgress& p, std::int64_t total) {
         EXPECT_EQ(p.store, "sums");
         told += total;
       }});
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(told, 4);
  EXPECT_EQ(lives.restored, 4);
  EXPECT_THAT(all_sums<Sums>(streams), ElementsAre(Pair("a", 4), Pair("b", 6)));
  EXPECT_THAT(last_values(*log, "app-sums-changelog"), ElementsAre(Pair("a", "4"), Pair("b", "6")));
}

template <class Store>
void fails_once_and_goes_on(CustomStoreOptions options, const Text& state_dir, Lives& lives) {
  const auto log = in_memory_log({.default_partitions = 1});
  std::atomic<bool> fails{true};
  StreamsConfig config = running_config(log);
  config.state_dir = state_dir;
  Streams streams(adding<Store>(lives, fails, options), config);
  streams.set_uncaught_exception_handler([](const auto&...) { return UncaughtExceptionAnswer::kReplaceThread; });
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}, {"b", "2"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  produce(*log, "in", {{"a", "10"}, {"b", "fail"}, {"a", "100"}});
  ASSERT_TRUE(eventually([&] { return last_values(*log, "out")["a"] == "111"; }));
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  // What was done before the failure, and taken back, is counted once.
  EXPECT_THAT(all_sums<Store>(streams), ElementsAre(Pair("a", 111), Pair("b", 1'000'002)));
  EXPECT_THAT(last_values(*log, "app-sums-changelog"), ElementsAre(Pair("a", "111"), Pair("b", "1000002")));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(Pair("a", "111"), Pair("b", "1000002")));
  EXPECT_FALSE(fails);
  ASSERT_TRUE(streams.close());
  EXPECT_GE(lives.made, 2);
  EXPECT_EQ(lives.made, lives.closed) << "each is closed once";
}

TEST(CustomStore, InMemoryIsMadeAnewAfterAnAbort) {
  Lives lives;
  fails_once_and_goes_on<Sums>({}, "/nowhere", lives);
  EXPECT_GE(lives.restored, 2);
}

TEST(CustomStore, OnDiskGoesBackToItsLastCommitAfterAnAbort) {
  const Directory directory;
  Lives lives;
  fails_once_and_goes_on<SumsOnDisk>({.persistent = true}, directory.path(), lives);
  EXPECT_GE(lives.found, 1);
}

TEST(CustomStore, OnDiskGoesOnWhereItsCheckpointStands) {
  const Directory directory;
  const auto log = in_memory_log({.default_partitions = 1});
  Lives lives;
  std::atomic<bool> fails{false};
  StreamsConfig config = running_config(log);
  config.state_dir = directory.path();
  const auto run = [&](const std::vector<Piped>& records) {
    Streams streams(adding<SumsOnDisk>(lives, fails, {.persistent = true}), config);
    ASSERT_TRUE(streams.start());
    produce(*log, "in", records);
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(streams.close());
  };
  run({{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(lives.found, 0);
  run({{"a", "3"}});
  EXPECT_EQ(lives.found, 1);
  EXPECT_EQ(lives.restored, 0) << "all of its changelog was in the file";
  EXPECT_THAT(last_values(*log, "app-sums-changelog"), ElementsAre(Pair("a", "4"), Pair("b", "2")));

  // A file of before the last commit, as after a crash between the log's commit and the store's: the tail is read.
  const Text file = directory.path() + "/app/0_0/stores/sums/data/sums";
  std::filesystem::copy_file(file, file + ".old");
  run({{"b", "5"}});
  std::filesystem::rename(file + ".old", file);
  run({{"a", "5"}});
  EXPECT_EQ(lives.restored, 1);
  EXPECT_THAT(last_values(*log, "app-sums-changelog"), ElementsAre(Pair("a", "9"), Pair("b", "7")));
}

TEST(CustomStore, OnDiskWithoutAWholeCheckpointIsRebuilt) {
  const Directory directory;
  const auto log = in_memory_log({.default_partitions = 1});
  Lives lives;
  std::atomic<bool> fails{false};
  StreamsConfig config = running_config(log);
  config.state_dir = directory.path();
  const auto run = [&](const std::vector<Piped>& records) {
    Streams streams(adding<SumsOnDisk>(lives, fails, {.persistent = true}), config);
    ASSERT_TRUE(streams.start());
    produce(*log, "in", records);
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    ASSERT_TRUE(streams.close());
  };
  run({{"a", "1"}, {"b", "2"}});
  const Text file = directory.path() + "/app/0_0/stores/sums/data/sums";
  {
    std::fstream damaged(file, std::ios::binary | std::ios::in | std::ios::out);
    damaged.seekp(12);
    damaged.put('?');
  }
  std::ofstream(directory.path() + "/app/0_0/stores/sums/data/of-no-use") << "left from something else";
  run({{"a", "3"}});
  EXPECT_EQ(lives.restored, 2) << "whole";
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/app/0_0/stores/sums/data/of-no-use"));
  EXPECT_THAT(last_values(*log, "app-sums-changelog"), ElementsAre(Pair("a", "4"), Pair("b", "2")));

  // Of a log that has less than the store: a lost future.
  const auto other = in_memory_log({.default_partitions = 1});
  config.log = other;
  Streams streams(adding<SumsOnDisk>(lives, fails, {.persistent = true}), config);
  ASSERT_TRUE(streams.start());
  produce(*other, "in", {{"c", "1"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(all_sums<SumsOnDisk>(streams), ElementsAre(Pair("c", 1)));
}

/// Keeps its files, and does not know of checkpoints.
class Forgetful : public Sums {
 public:
  using Sums::Sums;
  void init(StateStoreContext& context) override {
    std::ifstream in(context.state_dir() + "/sums");
    Text key;
    for (Long sum = 0; in >> key >> sum;) sums_[key] = sum;
    directory_ = context.state_dir();
  }
  void close() override {
    std::ofstream out(directory_ + "/sums");
    for (const auto& [key, sum] : sums_) out << key << ' ' << sum << '\n';  // also what was never committed
    Sums::close();
  }

 private:
  Text directory_;
};
TEST(CustomStore, OnDiskThatKnowsNoCheckpointsIsSlowAndNotWrong) {
  const Directory directory;
  Lives lives;
  fails_once_and_goes_on<Forgetful>({.persistent = true}, directory.path(), lives);
  EXPECT_GE(lives.restored, 2);
}

TEST(CustomStore, IsForgottenByCleanUp) {
  const Directory directory;
  const auto log = in_memory_log({.default_partitions = 1});
  Lives lives;
  std::atomic<bool> fails{false};
  StreamsConfig config = running_config(log);
  config.state_dir = directory.path();
  Streams streams(adding<SumsOnDisk>(lives, fails, {.persistent = true}), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  ASSERT_TRUE(streams.close());
  EXPECT_TRUE(std::filesystem::exists(directory.path() + "/app/0_0/stores/sums/data/sums"));
  ASSERT_TRUE(streams.clean_up());
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/app/0_0"));
}

// ---------------------------------------------------------------- questions

/// A view of one's own: functions of the domain over all partitions.
class Totals {
 public:
  Totals(const StoreQueries& streams, Text name) : sums_(streams, std::move(name)) {}
  [[nodiscard]] Long of(const Text& key) const {
    Long total = 0;
    for (const Long sum : sums_.read([&key](const Sums& sums) { return sums.sum(key); }).value().value) total += sum;
    return total;
  }

 private:
  QueryableStoreTypes::Custom<Sums> sums_;
};

TEST(CustomStore, IsReadByAViewOfItsOwnFromAnyThread) {
  const auto log = in_memory_log({.default_partitions = 2});
  Lives lives;
  std::atomic<bool> fails{false};
  Streams streams(adding<Sums>(lives, fails), running_config(log, 2));
  const auto totals = streams.store<Totals>("sums");
  const QueryableCustomStore<Sums> sums(streams, "sums");
  const auto all = [](const Sums& store) { return store.all(); };
  EXPECT_EQ(sums.read(all).error().kind, ErrorKind::kUnavailable) << "not started";
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1", 1, 0}, {"b", "2", 1, 1}, {"c", "3", 1, 1}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_EQ(totals.of("a"), 1);
  EXPECT_EQ(totals.of("c"), 3);
  for (const QueryIsolation isolation : {QueryIsolation::kReadUncommitted, QueryIsolation::kReadCommitted}) {
    const auto answer = sums.read(all, {.isolation = isolation}).value();
    EXPECT_THAT(answer.value, ElementsAre(ElementsAre(Pair("a", 1)), ElementsAre(Pair("b", 2), Pair("c", 3))));
    EXPECT_THAT(answer.position.at("in"), ElementsAre(Pair(0, 0), Pair(1, 1)));
  }
  EXPECT_THAT(sums.read(all, {.partition = 1}).value().value, ElementsAre(ElementsAre(Pair("b", 2), Pair("c", 3))));
  EXPECT_THAT(sums.read([](const Sums&) -> int { throw std::runtime_error("torn"); }).error().message, HasSubstr("torn"));
  EXPECT_EQ(streams.query({.store_name = "sums"}, SumOf{.key = "b"}).value().partition_results().size(), 2U);

  const auto wrong = QueryableCustomStore<SumsOnDisk>(streams, "sums").read([](const SumsOnDisk&) { return 1; });
  EXPECT_EQ(wrong.error().kind, ErrorKind::kUnsupported);
  EXPECT_THAT(wrong.error().message,
              AllOf(HasSubstr("store \"sums\" is declared as a "), HasSubstr("it is not a "), HasSubstr("SumsOnDisk")));
  EXPECT_THAT(QueryableCustomStore<Sums>(streams, "nothing").read(all).error().message,
              HasSubstr("there is no store \"nothing\""));
  EXPECT_THAT((QueryableStore<Text, Long>(streams, "sums").get("a").error().message),
              AllOf(HasSubstr("store of its own kind"), HasSubstr("QueryableCustomStore")));
  ASSERT_TRUE(streams.close());
  EXPECT_EQ(sums.read(all).error().kind, ErrorKind::kClosed);
}

TEST(CustomStore, AnswersQuestionsOfTypesOfItsOwnWithItsPosition) {
  const auto log = in_memory_log({.default_partitions = 1});
  Lives lives;
  std::atomic<bool> fails{false};
  Streams streams(adding<Sums>(lives, fails), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}, {"a", "2"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const auto result = streams.query({.store_name = "sums", .execution_info = true}, SumOf{.key = "a"}).value();
  const auto& one = result.partition_results().at(0);
  EXPECT_EQ(one.result(), 3);
  EXPECT_THAT(one.position().at("in"), ElementsAre(Pair(0, 1)));
  EXPECT_EQ(one.execution_info().size(), 1U);

  const auto ahead =
      streams.query({.store_name = "sums", .position_bound = PositionBound::at({{"in", {{0, 7}}}})}, SumOf{.key = "a"});
  EXPECT_EQ(ahead.value().partition_results().at(0).failure_reason(), FailureReason::kNotUpToBound);

  const auto unheard = streams.query({.store_name = "sums"}, Unheard{}).value();
  EXPECT_EQ(unheard.partition_results().at(0).failure_reason(), FailureReason::kUnknownQueryType);
  EXPECT_THAT(unheard.partition_results().at(0).failure_message(),
              AllOf(HasSubstr("Sums: its query() leaves "), HasSubstr("Unheard unanswered")));
  const auto torn = streams.query({.store_name = "sums"}, SumOf{.key = "broken"}).value();
  EXPECT_EQ(torn.partition_results().at(0).failure_reason(), FailureReason::kStoreException);
  EXPECT_THAT(torn.partition_results().at(0).failure_message(), HasSubstr("the index is torn"));
  const auto rows = streams.query({.store_name = "sums"}, KeyQuery<Text, Long>{.key = "a"}).value();
  EXPECT_EQ(rows.partition_results().at(0).failure_reason(), FailureReason::kUnknownQueryType);
  EXPECT_EQ(streams.state(), StreamsState::kRunning) << "a question harms nobody";
}

TEST(CustomStore, KnowsNoQuestionsWhereItIsOfTheLibrarysKinds) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"});
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const auto result = streams.query({.store_name = "counts"}, SumOf{.key = "a"}).value();
  EXPECT_THAT(result.partition_results().at(0).failure_message(),
              AllOf(HasSubstr("timestamped key-value store and does not know "), HasSubstr("SumOf")));
}

TEST(CustomStore, WhatAskersLeaveBehindIsNotRun) {
  const auto log = in_memory_log({.default_partitions = 1});
  Lives lives;
  std::atomic<bool> fails{false};
  std::atomic<bool> busy{false};
  std::atomic<bool> released{false};
  StreamsBuilder builder;
  builder.add_state_store(Stores::custom<Sums>("sums", [&lives] { return std::make_unique<Sums>(lives); }));
  builder.stream<Text, Text>("in")
      .peek([&](const Text&, const Text&) {
        busy = true;
        released.wait(false);
      })
      .process([&fails] { return std::make_unique<Adds<Sums>>(fails); }, {"sums"});
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "1"}});
  ASSERT_TRUE(eventually([&] { return busy.load(); }));
  int asked = 0;
  const QueryableCustomStore<Sums> sums(streams, "sums");
  EXPECT_EQ(sums.read([&asked](const Sums&) { return ++asked; }, {.timeout = 1ms}).error().kind, ErrorKind::kTimeout);
  released = true;
  released.notify_all();
  EXPECT_TRUE(sums.read([](const Sums&) { return 0; })) << "behind the first one";
  EXPECT_EQ(asked, 0);
}

// ---------------------------------------------------------------- global ones

class Feeds : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
    context().custom_store<SumsOnDisk>("rates").add(record.key(), std::stoll(record.value()));
  }
};
class Looks : public Processor<Text, Text> {
 public:
  void init(ProcessorContext<Text, Text>& context) override {
    EXPECT_THROW((void)context.custom_store<SumsOnDisk>("rates"), StreamsException) << "others write it";
  }
  void process(const Record<Text, Text>& record) override {
    const Long rate =
        context().read_custom_store<SumsOnDisk>("rates", [&](const auto& rates) { return rates.sum(record.value()); });
    context().forward(record.with_value(std::to_string(rate)));
  }
};

TEST(CustomStore, MayBeGlobalFollowItsTopicAndGoOnAfterARestart) {
  const Directory directory;
  const auto log = in_memory_log({.default_partitions = 2});
  Lives lives;
  const auto topology = [&lives] {
    StreamsBuilder builder;
    builder.add_global_store(
        Stores::custom<SumsOnDisk>("rates", [&lives] { return std::make_unique<SumsOnDisk>(lives); }, {.persistent = true}),
        "rates-in", Consumed<Text, Text>{}, [] { return std::make_unique<Feeds>(); });
    builder.stream<Text, Text>("in").process([] { return std::make_unique<Looks>(); }).to("out");
    return builder.build();
  };
  StreamsConfig config = running_config(log);
  config.state_dir = directory.path();
  for (int run = 1; run <= 2; ++run) {
    Streams streams(topology(), config);
    ASSERT_TRUE(streams.start());
    produce(*log, "rates-in", {{"eur", "3", 1, 0}, {"usd", "4", 1, 1}});
    const QueryableCustomStore<SumsOnDisk> rates(streams, "rates");
    const auto all = [&] { return rates.read([](const SumsOnDisk& store) { return store.all(); }).value().value.at(0); };
    ASSERT_TRUE(eventually([&] { return all() == std::map<Text, Long>{{"eur", 3 * run}, {"usd", 4 * run}}; }));
    produce(*log, "in", {{"k", "usd"}});
    ASSERT_TRUE(streams.wait_until_caught_up(20s));
    EXPECT_EQ(last_values(*log, "out")["k"], std::to_string(4 * run));
    ASSERT_TRUE(streams.close());
    EXPECT_EQ(lives.found, run - 1);
  }
}

}  // namespace
}  // namespace tidemill::test
