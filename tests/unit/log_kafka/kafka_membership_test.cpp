// A member against a coordinator that says what the test wants: rebalances at moments that a real one hits rarely.
#include "log_kafka/kafka_membership.hpp"

#include <gmock/gmock.h>

#include <tidemill/base/clock.hpp>

#include "fake_broker.hpp"

namespace tidemill::kafka {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr TaskId kFirst{0, 0};
constexpr TaskId kSecond{0, 1};

/// A group of one member that another one leads.
class FakeGroup {
 public:
  FakeGroup() : broker_([this](ApiKey key) { return answer(key); }) {}

  [[nodiscard]] std::shared_ptr<const ConnectionConfig> config() const {
    ConnectionConfig config;
    config.bootstrap = {{"127.0.0.1", std::to_string(broker_.port())}};
    return std::make_shared<const ConnectionConfig>(std::move(config));
  }
  /// The member's next heartbeat begins a rebalance, whose outcome that is.
  void rebalance(std::vector<TaskId> active) {
    const std::lock_guard lock(mutex_);
    active_ = std::move(active);
    rebalancing_ = true;
  }
  /// Nobody's JoinGroup is answered any more.
  void fall_silent() {
    const std::lock_guard lock(mutex_);
    silent_ = true;
  }
  void await_join() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(joined_.wait_for(lock, std::chrono::seconds(60), [this] { return joins_ > 0; }));
  }
  /// How often somebody has left it.
  [[nodiscard]] int leaves() {
    const std::lock_guard lock(mutex_);
    return leaves_;
  }

 private:
  std::optional<Bytes> answer(ApiKey key) {
    const std::lock_guard lock(mutex_);
    if (key == ApiKey::kJoinGroup) {
      ++joins_;
      joined_.notify_all();
      if (silent_) return std::nullopt;
    }
    ProtocolWriter answer;
    answer.number<std::int32_t>(0);  // throttle time
    answer.number(static_cast<std::int16_t>(key == ApiKey::kHeartbeat && rebalancing_ ? BrokerError::kRebalanceInProgress
                                                                                      : BrokerError::kNone));
    switch (key) {
      case ApiKey::kFindCoordinator:
        answer.nullable_text(std::nullopt);
        answer.number<std::int32_t>(1);
        answer.text("127.0.0.1");
        answer.number<std::int32_t>(broker_.port());
        break;
      case ApiKey::kJoinGroup:
        answer.number<std::int32_t>(++generation_);
        answer.text(kProtocolName);
        answer.text("another");
        answer.text("member");
        answer.array(0);
        break;
      case ApiKey::kSyncGroup:
        rebalancing_ = false;
        answer.blob(encode_assignment({.active = active_, .standby = {}, .shutdown = false}, tasks_));
        break;
      case ApiKey::kLeaveGroup:
        ++leaves_;
        answer.array(0);
        break;
      default: break;
    }
    return answer.take();
  }
  const std::vector<SubtopologyTasks> tasks_{{.subtopology = 0, .partitions = 2, .stateful = false, .source_topics = {"t"}}};
  std::mutex mutex_;
  std::vector<TaskId> active_;
  bool rebalancing_ = false;
  std::int32_t generation_ = 0;
  bool silent_ = false;
  int joins_ = 0;
  int leaves_ = 0;
  std::condition_variable joined_;
  test::FakeBroker broker_;
};

/// The member's events of the next assignment.
class Member {
 public:
  explicit Member(FakeGroup& group, JoinMetadata metadata = {})
      : membership_(group.config(), std::make_shared<LiveMembers>(), "app") {
    membership_.set_wake([this] {
      const std::lock_guard lock(mutex_);
      ++wakes_;
      changed_.notify_all();
    });
    metadata.heartbeat_interval = std::chrono::milliseconds(1);
    membership_.join(std::move(metadata)).value();
  }
  /// Until the member has got an assignment it had not got yet.
  void await_assignment() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return wakes_ > 0; }));
    wakes_ = 0;
  }
  void acknowledge() {
    membership_.acknowledge_revoked();
    const std::lock_guard lock(mutex_);
    wakes_ = 0;
  }
  /// What it runs after these events; those that it must give up are in `revoked`.
  void hear() {
    assignments = 0;
    for (const MembershipEvent& event : membership_.events()) {
      if (const auto* assigned = std::get_if<TasksAssigned>(&event)) {
        runs = {assigned->active.begin(), assigned->active.end()};
        ++assignments;
      } else if (const auto* revoked = std::get_if<TasksRevoked>(&event)) {
        for (const TaskId& task : revoked->tasks) runs.erase(task);
      } else {
        ADD_FAILURE() << "event " << event.index();
      }
    }
  }
  /// Until it has lost its tasks, without asking for its events before.
  void await_loss() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return wakes_ > 0; }));
    lock.unlock();
    const std::vector<MembershipEvent> events = membership_.events();
    EXPECT_TRUE(!events.empty() && std::holds_alternative<TasksLost>(events.back()));
  }
  void leave() { membership_.leave(system_clock().now().monotonic + std::chrono::seconds(60)); }
  std::set<TaskId> runs;
  int assignments = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int wakes_ = 0;
  KafkaMembership membership_;
};

TEST(KafkaMembership, ATaskThatComesBackWhileItIsGivenUpIsAssignedAgain) {
  FakeGroup group;
  group.rebalance({kFirst, kSecond});
  Member member(group);
  member.await_assignment();
  member.hear();
  EXPECT_THAT(member.runs, ElementsAre(kFirst, kSecond));

  group.rebalance({kFirst});
  member.await_assignment();
  member.hear();
  EXPECT_THAT(member.runs, ElementsAre(kFirst)) << "the other one is closed";

  group.rebalance({kFirst, kSecond});  // while the member commits: it still claims both
  member.await_assignment();
  member.hear();
  EXPECT_EQ(member.assignments, 0);
  member.acknowledge();
  member.hear();
  EXPECT_THAT(member.runs, ElementsAre(kFirst, kSecond)) << "else nobody runs it, and the group believes that somebody does";
}

JoinMetadata static_member() {
  JoinMetadata metadata;
  metadata.instance_id = "desk-1";
  return metadata;
}

TEST(KafkaMembership, AStaticMemberLeavesOnlyWhenItIsToldTo) {
  FakeGroup group;
  group.rebalance({kFirst});
  {
    Member member(group, static_member());
    member.await_assignment();
  }
  EXPECT_EQ(group.leaves(), 0);
  Member member(group, static_member());
  member.await_assignment();
  member.leave();
  EXPECT_EQ(group.leaves(), 1);
}

TEST(KafkaMembership, AStaticMemberThatWasNotAnsweredLeavesUnderItsInstanceId) {
  for (const JoinMetadata& metadata : {JoinMetadata{}, static_member()}) {
    FakeGroup group;
    group.fall_silent();
    Member member(group, metadata);
    group.await_join();
    member.leave();
    EXPECT_EQ(group.leaves(), metadata.instance_id.empty() ? 0 : 1)
        << "the broker may have it, under an id that nobody here knows";
  }
}

TEST(KafkaMembership, AMemberWhoseThreadIsBusyForTooLongLeavesAndAStaticOneFallsSilent) {
  for (JoinMetadata metadata : {JoinMetadata{}, static_member()}) {
    const bool is_static = !metadata.instance_id.empty();
    metadata.max_poll_interval = std::chrono::seconds(2);  // for the join, which must be over by then
    FakeGroup group;
    group.rebalance({kFirst});
    Member member(group, metadata);
    member.await_assignment();
    member.await_loss();
    EXPECT_EQ(group.leaves(), is_static ? 0 : 1);
    member.leave();  // a static one under its instance id: it has no other any more
    EXPECT_EQ(group.leaves(), 1);
  }
}

}  // namespace
}  // namespace tidemill::kafka
