#include "log_kafka/kafka_membership.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <tidemill/base/clock.hpp>

#include "base/logging.hpp"

namespace tidemill::kafka {
namespace {

MonotonicTime now() { return system_clock().now().monotonic; }

/// Of no group: a broker takes a negative one for a commit without membership.
constexpr std::int32_t kNoGeneration = std::numeric_limits<std::int32_t>::max();

}  // namespace

KafkaMembership::KafkaMembership(std::shared_ptr<const ConnectionConfig> config, std::shared_ptr<LiveMembers> members,
                                 std::string group)
    : members_(members),
      group_(group),
      config_(config),
      coordinator_(config, group),
      offsets_(std::move(config), std::move(members), std::move(group)) {}

KafkaMembership::~KafkaMembership() { stop(); }

void KafkaMembership::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  coordinator_.interrupt();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  if (!member_id_.empty()) members_->remove(group_, member_id_);
}

Result<void> KafkaMembership::join(JoinMetadata metadata) {
  const std::lock_guard lock(mutex_);
  metadata_ = std::move(metadata);
  polled_ = now();
  if (thread_.joinable()) {
    ++round_;
    rejoin_ = true;
    changed_.notify_all();
  } else {
    thread_ = std::thread([this] { run(); });
  }
  return {};
}

// The stream thread's side

std::vector<MembershipEvent> KafkaMembership::events() {
  const std::lock_guard lock(mutex_);
  polled_ = now();
  changed_.notify_all();
  for (const MembershipEvent& event : events_) {
    if (const auto* revoked = std::get_if<TasksRevoked>(&event))
      announced_.insert(revoked->tasks.begin(), revoked->tasks.end());
  }
  lost_untold_ = false;
  return std::exchange(events_, {});
}

void KafkaMembership::acknowledge_revoked() {
  {
    const std::lock_guard lock(mutex_);
    if (announced_.empty()) return;
    for (const TaskId& task : announced_) {
      claimed_.erase(task);
      revoking_.erase(task);
    }
    announced_.clear();
    gave_up_ = true;
    if (revoking_.empty() && next_) {
      complete_locked();
      ++round_;
      rejoin_ = true;  // so that the others get what was given up
      changed_.notify_all();
    }
  }
  wake();
}

void KafkaMembership::set_wake(UniqueFunction<void()> wake) {
  const std::lock_guard lock(wake_mutex_);
  wake_ = std::move(wake);
}

void KafkaMembership::wake() {
  const std::lock_guard lock(wake_mutex_);
  if (wake_) wake_();
}

MembershipToken KafkaMembership::token_locked() const {
  return {.group = group_, .member_id = member_id_, .generation = generation_, .instance_id = metadata_.instance_id};
}
MembershipToken KafkaMembership::token() const {
  const std::lock_guard lock(mutex_);
  // The member may be back already, with other tasks or the same ones: what was done before is not for it to commit.
  if (lost_untold_) return {.group = group_, .member_id = "(lost)", .generation = kNoGeneration, .instance_id = ""};
  return token_locked();
}

Result<std::vector<CommitPosition>> KafkaMembership::committed(std::span<const TopicPartition> partitions,
                                                               MonotonicTime deadline) {
  return offsets_.committed(partitions, deadline);
}
Result<void> KafkaMembership::commit(std::span<const CommitPosition> positions, const MembershipToken& token,
                                     MonotonicTime deadline) {
  return offsets_.commit(positions, token, deadline);
}

void KafkaMembership::request_rebalance() {
  const std::lock_guard lock(mutex_);
  ++round_;
  rejoin_ = true;
  changed_.notify_all();
}

void KafkaMembership::shutdown_application() {
  const std::lock_guard lock(mutex_);
  shutdown_asked_ = true;
  ++round_;
  rejoin_ = true;
  changed_.notify_all();
}

bool KafkaMembership::in_group_locked(MembershipToken& token) const {
  token = token_locked();
  if (!token.member_id.empty()) return true;
  if (token.instance_id.empty()) return false;
  // A static member without an id: the group has it under the last one, or under one that an answer on its way would have
  // told. What is asked under the instance id alone is done to whoever has that now, be it another process: only in this case.
  if (join_unanswered_) return true;
  token.member_id = lost_member_id_;
  return !token.member_id.empty();
}

void KafkaMembership::leave(MonotonicTime deadline) {
  {
    std::unique_lock lock(mutex_);
    if (shutdown_asked_ && !ended_) changed_.wait_until(lock, deadline, [this] { return shutdown_told_ || ended_; });
  }
  stop();
  MembershipToken token;
  {
    const std::lock_guard lock(mutex_);
    if (!in_group_locked(token)) return;
  }
  Coordinator coordinator(config_, group_);
  const Result<LeaveAnswer> left = coordinator.ask(leave_group(token), deadline);
  if (!left) logger()->warn("group {}: the member could not say that it leaves: {}", group_, left.error().message);
  const bool gone = left && (left->error == BrokerError::kNone || left->error == BrokerError::kUnknownMemberId ||
                             left->error == BrokerError::kFencedInstanceId);
  if (left && !gone) {
    logger()->warn("group {}: the member was not let go: {}", group_, name(left->error));
  }
}

// The thread's side

void KafkaMembership::run() {
  Next next = Next::kJoin;
  while (next != Next::kEnd) {
    {
      std::unique_lock lock(mutex_);
      if (stopping_) break;
      if (now() - polled_ > metadata_.max_poll_interval) {  // out of the group until the stream thread is back
        changed_.wait(lock, [this] { return stopping_ || now() - polled_ <= metadata_.max_poll_interval; });
        next = Next::kJoin;
        continue;
      }
    }
    next = next == Next::kJoin ? join_once() : heartbeats();
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }
  wake();
}

KafkaMembership::Next KafkaMembership::fail(BrokerError error, std::string_view during) {
  switch (error) {
    case BrokerError::kRebalanceInProgress: return Next::kJoin;
    case BrokerError::kIllegalGeneration:
      lose(fmt::format("the group went on without this member ({})", during), false);
      return Next::kJoin;
    case BrokerError::kUnknownMemberId:
      lose(
          fmt::format("the group does not know this member any more ({}): it was silent for session.timeout.ms, or too slow to "
                      "join",
                      during),
          true);
      return Next::kJoin;
    default: break;
  }
  const bool unauthorized = error == BrokerError::kGroupAuthorizationFailed || error == BrokerError::kTopicAuthorizationFailed;
  std::string message = fmt::format("group {}: {} failed: {} ({})", group_, during, name(error), static_cast<int>(error));
  if (error == BrokerError::kFencedInstanceId) message += ": another live process uses the same group.instance.id";
  if (error == BrokerError::kInconsistentGroupProtocol)
    message += ": the group has members of another kind of program: stop them first (one that crashed is gone after "
               "session.timeout.ms)";
  if (error == BrokerError::kInvalidSessionTimeout) {
    message += ": session.timeout.ms is outside of the broker's group.min.session.timeout.ms and group.max.session.timeout.ms";
  }
  lose(message, true);
  {
    const std::lock_guard lock(mutex_);
    push_locked(MembershipFailed{{unauthorized ? ErrorKind::kUnauthorized : ErrorKind::kInvalidArgument, message}});
  }
  wake();
  return Next::kEnd;
}

KafkaMembership::Next KafkaMembership::join_once() {
  JoinRequest request;
  MonotonicTime deadline;
  {
    std::unique_lock lock(mutex_);
    const std::string member = member_id_;
    lock.unlock();
    if (!member.empty()) members_->wait_for_commits(group_, member);
    lock.lock();
    rejoin_ = false;
    shutdown_told_ = false;
    MemberState state{.metadata = metadata_,
                      .active = {claimed_.begin(), claimed_.end()},
                      .standby = standby_,
                      .generation = generation_,
                      .shutdown = shutdown_asked_,
                      .round = round_};
    request = {.group = group_,
               .session_timeout = metadata_.session_timeout,
               .rebalance_timeout = metadata_.max_poll_interval,
               .member_id = member_id_,
               .instance_id = metadata_.instance_id,
               .protocol = std::string(kProtocolName),
               .metadata = encode_subscription(state)};
    deadline = now() + metadata_.max_poll_interval + kJoinGrace;
    join_unanswered_ = true;
  }
  const Result<JoinAnswer> joined = coordinator_.ask(join_group(request), deadline);
  if (!joined) {
    if (joined.error().kind == ErrorKind::kClosed) return Next::kEnd;
    if (!joined.error().retriable()) {
      {
        const std::lock_guard lock(mutex_);
        push_locked(MembershipFailed{joined.error()});
      }
      wake();
      return Next::kEnd;
    }
    logger()->warn("group {}: joining takes long: {}", group_, joined.error().message);
    return Next::kJoin;
  }
  {
    const std::lock_guard lock(mutex_);
    join_unanswered_ = false;
    if (joined->error == BrokerError::kMemberIdRequired) {
      member_id_ = joined->member_id;
      return Next::kJoin;
    }
  }
  if (joined->error != BrokerError::kNone) return fail(joined->error, "JoinGroup");
  {
    const std::lock_guard lock(mutex_);
    if (member_id_ != joined->member_id && !member_id_.empty()) members_->remove(group_, member_id_);
    member_id_ = joined->member_id;
    generation_ = joined->generation;
    if (kept_since_ < 0) kept_since_ = generation_;
    members_->set(group_, member_id_, generation_, kept_since_);
  }
  return sync(*joined);
}

Result<std::vector<std::pair<std::string, Bytes>>> KafkaMembership::lead(const JoinAnswer& joined) const {
  std::map<std::string, MemberState> states;
  for (const JoinAnswer::Member& member : joined.members) {
    TIDEMILL_ASSIGN(states[member.member_id], decode_subscription(member.metadata));
  }
  std::vector<SubtopologyTasks> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks = metadata_.tasks;
  }
  for (const auto& [id, state] : states) {
    const bool same = std::equal(tasks.begin(), tasks.end(), state.metadata.tasks.begin(), state.metadata.tasks.end(),
                                 [](const SubtopologyTasks& a, const SubtopologyTasks& b) {
                                   return a.subtopology == b.subtopology && a.partitions == b.partitions;
                                 });
    if (!same) logger()->warn("group {}: member {} has another topology than its leader", group_, id);
  }
  std::vector<std::pair<std::string, Bytes>> result;
  for (const auto& [id, assigned] : share_out(states, tasks)) result.emplace_back(id, encode_assignment(assigned, tasks));
  return result;
}

KafkaMembership::Next KafkaMembership::sync(const JoinAnswer& joined) {
  std::vector<std::pair<std::string, Bytes>> assignments;
  if (joined.leader == joined.member_id) {
    Result<std::vector<std::pair<std::string, Bytes>>> led = lead(joined);
    if (!led) {
      {
        const std::lock_guard lock(mutex_);
        push_locked(MembershipFailed{led.error()});
      }
      wake();
      return Next::kEnd;
    }
    assignments = *std::move(led);
  }
  MembershipToken as_joined;
  {
    const std::lock_guard lock(mutex_);
    as_joined = token_locked();
  }
  const Result<SyncAnswer> synced = coordinator_.ask(sync_group(as_joined, assignments), now() + kSyncTimeout);
  if (!synced) {
    if (synced.error().kind == ErrorKind::kClosed) return Next::kEnd;
    return Next::kJoin;
  }
  if (synced->error != BrokerError::kNone) return fail(synced->error, "SyncGroup");
  Result<MemberTasks> tasks = decode_assignment(synced->assignment);
  if (!tasks) {
    {
      const std::lock_guard lock(mutex_);
      push_locked(MembershipFailed{tasks.error()});
    }
    wake();
    return Next::kEnd;
  }
  take_over(*std::move(tasks));
  return Next::kHeartbeat;
}

/// An assignment is there: what is not in it any more is given up first, then it holds.
void KafkaMembership::take_over(MemberTasks tasks) {
  {
    const std::lock_guard lock(mutex_);
    if (shutdown_asked_) shutdown_told_ = true;
    if (tasks.shutdown) push_locked(ApplicationShutdownRequested{});
    if (tasks.hosts != hosts_) {
      hosts_ = tasks.hosts;
      push_locked(GroupHosts{hosts_});
    }
    TasksRevoked revoked;
    for (const TaskId& task : claimed_) {
      const bool stays = std::find(tasks.active.begin(), tasks.active.end(), task) != tasks.active.end();
      if (!stays && revoking_.insert(task).second) revoked.tasks.push_back(task);
    }
    next_ = std::move(tasks);
    if (!revoked.tasks.empty()) push_locked(std::move(revoked));
    if (revoking_.empty()) complete_locked();
    changed_.notify_all();
  }
  wake();
}

void KafkaMembership::complete_locked() {
  MemberTasks tasks = *std::exchange(next_, std::nullopt);
  claimed_ = {tasks.active.begin(), tasks.active.end()};
  standby_ = tasks.standby;
  if (!gave_up_ && last_ && last_->active == tasks.active && last_->standby == tasks.standby) return;
  gave_up_ = false;
  push_locked(TasksAssigned{tasks.active, tasks.standby});
  last_ = std::move(tasks);
}

void KafkaMembership::lose(const std::string& why, bool forget_member) {
  {
    const std::lock_guard lock(mutex_);
    if (!member_id_.empty()) members_->remove(group_, member_id_);
    if (forget_member && !member_id_.empty()) lost_member_id_ = std::exchange(member_id_, {});
    generation_ = -1;
    kept_since_ = -1;
    const bool had = !claimed_.empty() || last_;
    claimed_.clear();
    standby_.clear();
    hosts_.clear();
    revoking_.clear();
    announced_.clear();
    next_.reset();
    last_.reset();
    gave_up_ = false;
    lost_untold_ = lost_untold_ || had;
    if (had) push_locked(TasksLost{{ErrorKind::kStaleMember, fmt::format("group {}: {}", group_, why)}});
  }
  wake();
}

void KafkaMembership::push_locked(MembershipEvent event) { events_.push_back(std::move(event)); }

KafkaMembership::Next KafkaMembership::heartbeats() {
  for (;;) {
    MembershipToken token;
    std::chrono::milliseconds session_timeout;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, now() + metadata_.heartbeat_interval, [this] { return stopping_ || rejoin_; });
      if (stopping_) return Next::kEnd;
      if (rejoin_) return Next::kJoin;
      token = token_locked();
      session_timeout = metadata_.session_timeout;
      if (now() - polled_ > metadata_.max_poll_interval) {
        lock.unlock();
        const bool is_static = !token.instance_id.empty();
        logger()->warn("group {}: the stream thread has not asked for its events for max.poll.interval.ms: it {}", group_,
                       is_static ? "falls silent, and the others have its tasks after session.timeout.ms" : "leaves the group");
        if (!is_static && !coordinator_.ask(leave_group(token), now() + session_timeout)) return Next::kJoin;
        lose("the stream thread was busy for longer than max.poll.interval.ms", true);
        return Next::kJoin;
      }
    }
    const Result<PlainAnswer> beat = coordinator_.ask(heartbeat(token), now() + session_timeout);
    if (!beat) {
      if (beat.error().kind == ErrorKind::kClosed) return Next::kEnd;
      logger()->warn("group {}: no heartbeat for session.timeout.ms: {}", group_, beat.error().message);
      continue;
    }
    if (beat->error != BrokerError::kNone) return fail(beat->error, "Heartbeat");
  }
}

}  // namespace tidemill::kafka
