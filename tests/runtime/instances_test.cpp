// What instances of one application know of each other: who has which tasks, and where a key is. And what reaches the consumers
// that an application has besides those of its stream threads.
#include <mutex>

#include <gmock/gmock.h>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Text = std::string;

Topology counting() {
  StreamsBuilder builder;
  (void)builder.global_table<Text, Text>("names", {}, {.store_name = "names-store"});
  builder.stream<Text, Text>("in").group_by_key().count({.store_name = "counts"}).to_stream().to("out");
  return builder.build();
}

StreamsConfig at(const std::shared_ptr<Log>& log, const Text& address, int threads = 1) {
  StreamsConfig config = running_config(log, threads);
  config.application_server = address;
  config.state_dir = ::testing::TempDir() + "instances_" + std::to_string(::getpid()) + "_" + address;
  return config;
}
std::set<TopicPartition> of_in(const std::set<std::int32_t>& partitions) {
  std::set<TopicPartition> found;
  for (const std::int32_t partition : partitions) found.insert({"in", PartitionId(partition)});
  return found;
}

TEST(Instances, KnowWhatTheOthersHave) {
  const auto log = in_memory_log({.default_partitions = 6});
  Streams one(counting(), at(log, "one.example:8001", 2));
  Streams two(counting(), at(log, "two.example:8002"));
  ASSERT_TRUE(one.start());
  ASSERT_TRUE(one.wait_until_caught_up(20s));
  const auto alone = one.metadata_for_all_streams_clients().value();
  ASSERT_EQ(alone.size(), 1U);
  EXPECT_EQ(alone[0].host_info, (HostInfo{"one.example", 8001}));
  EXPECT_THAT(alone[0].state_store_names, ElementsAre("counts", "names-store"));
  EXPECT_EQ(alone[0].topic_partitions, of_in({0, 1, 2, 3, 4, 5}));
  ASSERT_TRUE(two.start());
  const auto shared = [&](const Streams& asked) {
    const auto all = asked.metadata_for_all_streams_clients();
    return all && all->size() == 2 && (*all)[0].topic_partitions.size() == 4 && (*all)[1].topic_partitions.size() == 2;
  };
  ASSERT_TRUE(eventually([&] { return shared(one) && shared(two); }));
  const auto all = one.metadata_for_all_streams_clients().value();
  EXPECT_EQ(all[1].host_info, (HostInfo{"two.example", 8002}));
  std::set<TopicPartition> together = all[0].topic_partitions;
  together.insert(all[1].topic_partitions.begin(), all[1].topic_partitions.end());
  EXPECT_EQ(together, of_in({0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(two.streams_metadata_for_store("counts").value().size(), 2U);
  EXPECT_EQ(two.streams_metadata_for_store("names-store").value().size(), 2U);
  EXPECT_EQ(two.streams_metadata_for_store("nothing").error().kind, ErrorKind::kNotFound);

  ASSERT_TRUE(eventually([&] { return one.state() == StreamsState::kRunning && two.state() == StreamsState::kRunning; }));
  for (int i = 0; i < 20; ++i) {
    const Text key = "k" + std::to_string(i);
    const auto asked = one.query_metadata_for_key("counts", key).value();
    const auto other = two.query_metadata_for_key("counts", key).value();
    EXPECT_EQ(asked.active_host, other.active_host) << key;
    EXPECT_EQ(asked.active_host.port, asked.here ? 8001 : 8002) << key;
    EXPECT_NE(asked.here, other.here) << key;
    EXPECT_THAT(asked.standby_hosts, IsEmpty());
  }

  ASSERT_TRUE(one.close());
  ASSERT_TRUE(eventually([&] {
    const auto left = two.metadata_for_all_streams_clients();
    return left && left->size() == 1 && (*left)[0].topic_partitions.size() == 6;
  }));
  EXPECT_EQ(one.metadata_for_all_streams_clients().error().kind, ErrorKind::kClosed);
}

TEST(Instances, WithoutAnAddressAreNotAmongThem) {
  const auto log = in_memory_log({.default_partitions = 2});
  Streams streams(counting(), running_config(log));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(streams.metadata_for_all_streams_clients().value(), IsEmpty());
  EXPECT_EQ(streams.query_metadata_for_key("counts", Text("k")).value().active_host, HostInfo::unavailable());
}

TEST(Instances, AnotherMembersAddressMayBeAnything) {
  const auto log = in_memory_log({.default_partitions = 2});
  Streams streams(counting(), at(log, "localhost:8001"));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  const std::unique_ptr<Membership> other = log->membership("app").value();
  ASSERT_TRUE(other->join({.process_id = "other",
                           .client_id = "other",
                           .instance_id = {},
                           .user_endpoint = "nonsense",
                           .tasks = {},
                           .task_offset_sums = {}}));
  ASSERT_TRUE(eventually([&] {
    const auto all = streams.metadata_for_all_streams_clients();
    return all && std::any_of(all->begin(), all->end(),
                              [](const StreamsMetadata& one) { return one.host_info == HostInfo::unavailable(); });
  }));
  EXPECT_TRUE(streams.query_metadata_for_key("counts", Text("k")));
  EXPECT_TRUE(streams.close());
}

TEST(HostInfo, IsReadFromAnEndpoint) {
  EXPECT_EQ(HostInfo::build_from_endpoint("localhost:80"), (HostInfo{"localhost", 80}));
  EXPECT_EQ(HostInfo::build_from_endpoint("[::1]:9092"), (HostInfo{"::1", 9092}));
  for (const char* text : {"", "localhost", ":80", "localhost:", "localhost:x", "localhost:70000", "localhost:80x"}) {
    EXPECT_THAT([&] { static_cast<void>(HostInfo::build_from_endpoint(text)); },
                ::testing::ThrowsMessage<ConfigException>(HasSubstr("host:port")))
        << text;
  }
  EXPECT_THROW(Streams(counting(), at(in_memory_log({}), "nowhere")), ConfigException);
}

TEST(Instances, AHeartbeatIsShorterThanASession) {
  StreamsConfig config = running_config(in_memory_log({}));
  config.session_timeout = 3s;
  EXPECT_THAT([&] { Streams(counting(), config); },
              ::testing::ThrowsMessage<ConfigException>(HasSubstr("must be shorter than session_timeout (3000 ms)")));
}

/// Remembers what its consumers are made with.
class RememberingLog final : public Log {
 public:
  explicit RememberingLog(std::shared_ptr<Log> log) : log_(std::move(log)) {}
  [[nodiscard]] const LogTraits& traits() const override { return log_->traits(); }
  [[nodiscard]] Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation,
                                                              const ClientProperties& properties) override {
    const std::lock_guard lock(mutex_);
    consumers_.push_back(properties);
    return log_->consumer(isolation, properties);
  }
  [[nodiscard]] Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime deadline) override {
    {
      const std::lock_guard lock(mutex_);
      main_ = options.consumer_properties;
    }
    return log_->commit_group(std::move(options), deadline);
  }
  [[nodiscard]] Result<std::unique_ptr<Membership>> membership(std::string_view application_id) override {
    return log_->membership(application_id);
  }
  [[nodiscard]] LogAdmin& admin() override { return log_->admin(); }
  [[nodiscard]] std::vector<ClientProperties> consumers() const {
    const std::lock_guard lock(mutex_);
    return consumers_;
  }
  [[nodiscard]] ClientProperties main() const {
    const std::lock_guard lock(mutex_);
    return main_;
  }

 private:
  std::shared_ptr<Log> log_;
  mutable std::mutex mutex_;
  std::vector<ClientProperties> consumers_;
  ClientProperties main_;
};

TEST(Consumers, EachKindHasItsOwnSettingsOverThoseOfAll) {
  const auto log = std::make_shared<RememberingLog>(in_memory_log({.default_partitions = 1}));
  StreamsConfig config = running_config(log);
  config.consumer = {{"a", "all"}, {"b", "all"}};
  config.main_consumer = {{"b", "main"}};
  config.restore_consumer = {{"b", "restore"}};
  config.global_consumer = {{"c", "global"}};
  Streams streams(counting(), config);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(log->main(), ElementsAre(Pair("a", "all"), Pair("b", "main")));
  EXPECT_THAT(log->consumers(),
              ::testing::IsSupersetOf(
                  {ClientProperties{{"a", "all"}, {"b", "restore"}, {"group.id", config.application_id}},
                   ClientProperties{{"a", "all"}, {"b", "all"}, {"c", "global"}, {"group.id", config.application_id}}}));
}

}  // namespace
}  // namespace tidemill::test
