// The embedded log's front: the Log, its admin, its memberships, and the functions that open it.
#include <tidemill/adapters/embedded_log.hpp>

#include <unistd.h>

#include <filesystem>
#include <optional>

#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"
#include "log/failed_log.hpp"
#include "log_embedded/embedded_commit_group.hpp"
#include "log_embedded/engine.hpp"
#include "log_embedded/owner_server.hpp"
#include "log_embedded/owner_watch.hpp"
#include "log_embedded/read_only_storage.hpp"
#include "log_embedded/socket_log.hpp"

namespace tidemill {
namespace embedded {
namespace {

class EmbeddedMembership final : public Membership {
 public:
  EmbeddedMembership(std::shared_ptr<Engine> engine, std::string application_id)
      : engine_(std::move(engine)), application_id_(std::move(application_id)) {}
  ~EmbeddedMembership() override { leave({}); }

  Result<void> join(JoinMetadata metadata) override {
    std::lock_guard guard(engine_->mutex);
    if (!member_id_.empty()) group().leave(member_id_);
    metadata_ = std::move(metadata);
    member_id_ = metadata_.client_id + "-" + random_uuid(engine_->random);
    group().join(member_id_, metadata_, engine_->clock.now().monotonic);
    joined_ = true;
    install_wake();
    return {};
  }
  std::vector<MembershipEvent> events() override {
    std::lock_guard guard(engine_->mutex);
    if (!joined_) return {};
    const MonotonicTime now = engine_->clock.now().monotonic;
    group().expire(now);
    if (group().find(member_id_) == nullptr) {
      const std::string lost_member = member_id_;
      member_id_ = metadata_.client_id + "-" + random_uuid(engine_->random);
      group().join(member_id_, metadata_, now);  // a new member, without the tasks of the old one
      install_wake();
      std::vector<MembershipEvent> lost;
      lost.emplace_back(TasksLost{Error{ErrorKind::kStaleMember, "member " + lost_member +
                                                                     " did not call for longer than "
                                                                     "max.poll.interval.ms and has lost its tasks"}});
      return lost;
    }
    return group().take_events(member_id_, now);
  }
  void acknowledge_revoked() override {
    std::lock_guard guard(engine_->mutex);
    group().acknowledge_revoked(member_id_);
  }
  void set_wake(UniqueFunction<void()> wake) override {
    std::lock_guard guard(engine_->mutex);
    wake_ = std::make_shared<UniqueFunction<void()>>(std::move(wake));
    install_wake();
  }
  MembershipToken token() const override {
    std::lock_guard guard(engine_->mutex);
    MembershipToken token{application_id_, member_id_, -1, {}};
    const auto found = engine_->groups.find(application_id_);
    if (found != engine_->groups.end()) {
      if (const auto* member = found->second.find(member_id_)) token.generation = member->generation;
    }
    return token;
  }
  Result<std::vector<CommitPosition>> committed(std::span<const TopicPartition> partitions, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    std::vector<CommitPosition> result;
    for (const TopicPartition& id : partitions) {
      const auto found = group().offsets.find(id);
      if (found != group().offsets.end()) result.push_back(found->second);
    }
    return result;
  }
  Result<void> commit(std::span<const CommitPosition> positions, const MembershipToken& token, MonotonicTime) override {
    std::unique_lock lock(engine_->mutex);
    TIDEMILL_TRY(group().check(token));
    if (positions.empty()) return engine_->writable();  // whether the token is good is all that was asked
    std::vector<GroupOffset> offsets;
    for (const CommitPosition& position : positions) offsets.push_back({application_id_, position});
    return engine_->commit(lock, {}, std::move(offsets), {}, ControlType::kCommit);
  }
  void request_rebalance() override {
    std::lock_guard guard(engine_->mutex);
    group().rebalance();
  }
  void shutdown_application() override {
    std::lock_guard guard(engine_->mutex);
    group().shutdown_application();
  }
  void leave(MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    if (joined_) group().leave(member_id_);
    joined_ = false;
  }

 private:
  GroupState& group() { return engine_->groups[application_id_]; }
  void install_wake() {
    GroupState::Member* member = group().find(member_id_);
    if (member != nullptr && wake_) member->wake = [wake = wake_] { (*wake)(); };
  }
  std::shared_ptr<Engine> engine_;
  std::string application_id_;
  std::string member_id_;
  JoinMetadata metadata_;
  bool joined_ = false;
  std::shared_ptr<UniqueFunction<void()>> wake_;
};

class EmbeddedLog final : public Log, public LogAdmin {
 public:
  explicit EmbeddedLog(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  Engine& engine() { return *engine_; }
  /// Answers other processes from now on; without it the log is as good, only nobody can look into it.
  void serve(const std::string& directory) {
    auto server = OwnerServer::start(*this, engine_, directory);
    if (server) {
      server_ = *std::move(server);
    } else {
      logger()->warn("{}: other processes cannot ask about it: {}", traits().description, server.error().message);
    }
  }

  const LogTraits& traits() const override { return engine_->traits; }
  std::size_t memory_bytes() const override {
    const std::lock_guard guard(engine_->mutex);
    return engine_->memory_bytes();
  }
  Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation, const ClientProperties&) override {
    return std::unique_ptr<LogConsumer>(new EmbeddedConsumer(engine_, isolation, nullptr));
  }
  Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime) override {
    auto group = std::unique_ptr<EmbeddedCommitGroup>(new EmbeddedCommitGroup(engine_, std::move(options)));
    TIDEMILL_TRY(group->open());
    return std::unique_ptr<CommitGroup>(std::move(group));
  }
  Result<std::unique_ptr<Membership>> membership(std::string_view application_id) override {
    return std::unique_ptr<Membership>(new EmbeddedMembership(engine_, std::string(application_id)));
  }
  LogAdmin& admin() override { return *this; }

  Result<std::vector<TopicDescription>> list_topics(MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    std::vector<TopicDescription> result;
    for (const auto& [name, topic] : engine_->topics) result.push_back(describe(topic));
    return result;
  }
  Result<TopicDescription> describe_topic(std::string_view name, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    TIDEMILL_ASSIGN(const Topic* topic, engine_->topic(name));
    return describe(*topic);
  }
  Result<void> create_topic(const TopicSpec& topic, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    return engine_->create_topic(topic);
  }
  Result<void> delete_topic(std::string_view topic, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    return engine_->delete_topic(topic);
  }
  Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    return engine_->alter_topic(topic, config);
  }
  Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    std::vector<PartitionOffsets> result;
    for (const TopicPartition& id : partitions) {
      TIDEMILL_ASSIGN(const PartitionLog* log, engine_->partition(id));
      result.push_back({id, log->log_start(), log->last_stable(), log->end(), log->size_bytes()});
    }
    return result;
  }
  Result<Offset> offset_for_time(const TopicPartition& id, Timestamp timestamp, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    TIDEMILL_ASSIGN(PartitionLog * log, engine_->partition(id));
    return log->offset_for_time(timestamp);
  }
  Result<void> delete_records(const TopicPartition& id, Offset before, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    TIDEMILL_ASSIGN(PartitionLog * log, engine_->partition(id));
    return engine_->delete_records(*log, before);
  }
  Result<std::vector<std::string>> list_groups(MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    std::vector<std::string> result;
    for (const auto& [name, group] : engine_->groups) result.push_back(name);
    return result;
  }
  Result<GroupDescription> describe_group(std::string_view name, MonotonicTime) override {
    std::lock_guard guard(engine_->mutex);
    const auto found = engine_->groups.find(name);
    if (found == engine_->groups.end()) {
      return Error{ErrorKind::kNotFound, "there is no group \"" + std::string(name) + "\" in the " + traits().description};
    }
    const GroupState& group = found->second;
    const char* const state = group.members().empty() ? "Empty" : group.settled() ? "Stable" : "CompletingRebalance";
    GroupDescription result{std::string(name), state, group.generation(), {}, {}};
    for (const auto& [id, member] : group.members()) {
      std::string tasks;
      for (const TaskId& task : member.owned) tasks += (tasks.empty() ? "" : " ") + to_string(task);
      result.members.push_back({id, member.metadata.client_id, "", tasks});
    }
    for (const auto& [id, position] : group.offsets) result.offsets.push_back(position);
    return result;
  }

 private:
  static TopicDescription describe(const Topic& topic) { return {topic.spec.name, topic.spec.partitions, topic.spec.config}; }
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<OwnerServer> server_;  // ends first
};

}  // namespace
}  // namespace embedded

namespace {

Result<std::shared_ptr<Log>> open_now(const std::string& directory, const EmbeddedLogOptions& options) {
  const std::string description = "embedded log in " + directory;
  auto storage = real_storage(directory);
  if (options.read_only) {
    TIDEMILL_ASSIGN(const bool there, storage->exists("journal"));
    if (!there) {
      TIDEMILL_ASSIGN(const bool lock, storage->exists("lock"));
      if (lock) TIDEMILL_TRY(storage->lock("lock"));  // an owner may be about to make it
      return Error{ErrorKind::kNotFound, "there is no log in " + directory};
    }
    storage = embedded::read_only_storage(std::move(storage));
  }
  Storage& files = *storage;
  auto engine = embedded::Engine::open(std::move(storage), files, system_clock(), system_random(), options, description);
  if (!engine) {
    std::error_code unknown;
    if (std::filesystem::is_directory(directory, unknown)) return engine.error();
    return engine.error().with_context("the directory of the " + description + " cannot be made: give it another one");
  }
  auto log = std::make_shared<embedded::EmbeddedLog>(*std::move(engine));
  if (!options.read_only && options.background_thread) log->serve(directory);
  return std::shared_ptr<Log>(std::move(log));
}

}  // namespace

Result<std::shared_ptr<Log>> open_embedded_log(std::string directory, EmbeddedLogOptions options) {
  if (directory.empty()) {
    return Error{ErrorKind::kInvalidArgument,
                 "an embedded log needs a directory, and this one's name is empty; in_memory_log() has none"};
  }
  const MonotonicTime deadline = system_clock().now().monotonic + options.lock_wait;
  std::optional<embedded::OwnerWatch> watch;
  while (true) {
    auto opened = open_now(directory, options);
    if (opened || opened.error().kind != ErrorKind::kLocked) return opened;
    const int owner = embedded::owner_pid(directory);
    if (owner == ::getpid()) return opened;  // this process will not end for its own sake
    if (!watch) {                            // from here on no change is missed: look once more
      watch.emplace(directory);
      continue;
    }
    if (!watch->wait(owner, deadline)) return opened;
  }
}

Result<std::shared_ptr<Log>> open_embedded_log(Storage& storage, const Clock& clock, Random& random,
                                               EmbeddedLogOptions options) {
  TIDEMILL_ASSIGN(auto engine, embedded::Engine::open(nullptr, storage, clock, random, options, "embedded log"));
  return std::shared_ptr<Log>(new embedded::EmbeddedLog(std::move(engine)));
}

std::shared_ptr<Log> embedded_log(std::string directory, EmbeddedLogOptions options) {
  auto opened = open_embedded_log(std::move(directory), options);
  return opened ? std::move(opened).value() : failed_log(opened.error());
}

std::shared_ptr<Log> in_memory_log(EmbeddedLogOptions options) {
  auto storage = memory_storage();
  Storage& files = *storage;
  auto engine =
      embedded::Engine::open(std::move(storage), files, system_clock(), system_random(), options, "embedded log in memory");
  return std::shared_ptr<Log>(new embedded::EmbeddedLog(std::move(engine).value()));
}

Result<void> run_background(Log& log) {
  auto* own = dynamic_cast<embedded::EmbeddedLog*>(&log);
  if (own == nullptr) return Error{ErrorKind::kInvalidArgument, "run_background: not an embedded log"};
  std::unique_lock lock(own->engine().mutex);
  return own->engine().background(lock);
}

}  // namespace tidemill
