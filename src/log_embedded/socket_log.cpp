#include "log_embedded/socket_log.hpp"

#include <charconv>
#include <mutex>
#include <tidemill/base/clock.hpp>
#include <tidemill/base/storage.hpp>

#include "log_embedded/owner_channel.hpp"
#include "log_embedded/socket_commit_group.hpp"
#include "log_embedded/socket_consumer.hpp"

namespace tidemill::embedded {
namespace {

constexpr std::chrono::seconds kConnectPatience{10};

class SocketLog final : public Log, public LogAdmin {
 public:
  SocketLog(std::string directory, std::unique_ptr<OwnerChannel> channel)
      : directory_(std::move(directory)), channel_(std::move(channel)) {
    const HelloAnswer& owner = channel_->owner();
    traits_.creates_missing_topics = true;
    traits_.default_partitions = owner.default_partitions;
    traits_.cannot = owner.cannot;
    traits_.cannot.emplace_back("LogTransactions.*", "transactions need the process that owns the directory");
    traits_.cannot.emplace_back("LogMembership.*", "memberships need the process that owns the directory");
    traits_.description = "embedded log in " + directory_ + ", which process " + std::to_string(owner.pid) + " owns";
    traits_.directory = directory_;
  }

  const LogTraits& traits() const override { return traits_; }
  Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation, const ClientProperties&) override {
    TIDEMILL_ASSIGN(auto channel, connect());
    TIDEMILL_ASSIGN(Descriptor event, make_event());
    return std::unique_ptr<LogConsumer>(new SocketConsumer(std::move(channel), std::move(event), isolation));
  }
  Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime deadline) override {
    if (options.guarantee != ProcessingGuarantee::kAtLeastOnce || !options.application_id.empty()) {
      return cannot("a commit group with transactions or positions");
    }
    TIDEMILL_ASSIGN(auto channel, connect(deadline));
    return std::unique_ptr<CommitGroup>(new SocketCommitGroup(directory_, std::move(channel)));
  }
  Result<std::unique_ptr<Membership>> membership(std::string_view) override { return cannot("a membership"); }
  LogAdmin& admin() override { return *this; }

  Result<std::vector<TopicDescription>> list_topics(MonotonicTime deadline) override { return call(ListTopics{}, deadline); }
  Result<TopicDescription> describe_topic(std::string_view topic, MonotonicTime deadline) override {
    return call(DescribeTopic{std::string(topic)}, deadline);
  }
  Result<void> create_topic(const TopicSpec& topic, MonotonicTime deadline) override {
    TIDEMILL_TRY(call(CreateTopic{topic}, deadline));
    return {};
  }
  Result<void> delete_topic(std::string_view topic, MonotonicTime deadline) override {
    TIDEMILL_TRY(call(DeleteTopic{std::string(topic)}, deadline));
    return {};
  }
  Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime deadline) override {
    TIDEMILL_TRY(call(AlterTopic{std::string(topic), config}, deadline));
    return {};
  }
  Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions, MonotonicTime deadline) override {
    return call(AskOffsets{{partitions.begin(), partitions.end()}}, deadline);
  }
  Result<Offset> offset_for_time(const TopicPartition& partition, Timestamp timestamp, MonotonicTime deadline) override {
    return call(AskOffsetForTime{partition, timestamp}, deadline);
  }
  Result<void> delete_records(const TopicPartition& partition, Offset before, MonotonicTime deadline) override {
    TIDEMILL_TRY(call(DeleteRecords{partition, before}, deadline));
    return {};
  }
  Result<std::vector<std::string>> list_groups(MonotonicTime deadline) override { return call(ListGroups{}, deadline); }
  Result<GroupDescription> describe_group(std::string_view group, MonotonicTime deadline) override {
    return call(DescribeGroup{std::string(group)}, deadline);
  }

 private:
  /// One more connection to the owner that has answered before: that its socket is gone now means that it has ended.
  Result<std::unique_ptr<OwnerChannel>> connect(MonotonicTime deadline) const {
    auto channel = OwnerChannel::open(directory_, deadline);
    if (!channel && channel.error().kind == ErrorKind::kNotFound) {
      return Error{ErrorKind::kUnavailable,
                   "the process that owned " + directory_ + " has ended (" + channel.error().message + ")"};
    }
    return channel;
  }
  Result<std::unique_ptr<OwnerChannel>> connect() const { return connect(system_clock().now().monotonic + kConnectPatience); }
  Error cannot(const std::string& what) const {
    return Error{ErrorKind::kUnsupported, what + " can be had only in the process that owns " + directory_ +
                                              "; through its socket there are records, topics and groups to look at"};
  }
  template <class Ask>
  Result<typename Ask::Answer> call(const Ask& request, MonotonicTime deadline) {
    std::lock_guard guard(mutex_);
    return channel_->call(request, deadline);
  }

  std::string directory_;
  LogTraits traits_;
  std::mutex mutex_;
  std::unique_ptr<OwnerChannel> channel_;  // for the admin's calls
};

}  // namespace

int owner_pid(const std::string& directory) {
  const auto storage = real_storage(directory);
  const auto file = storage->open("lock", OpenMode::kRead);
  Bytes text;
  constexpr std::size_t kPidBytesMax = 32;
  int pid = 0;
  if (file && (*file)->read_at(0, kPidBytesMax, text)) {
    std::from_chars(text.data(), text.data() + text.size(), pid);
  }
  return pid;
}

Result<std::shared_ptr<Log>> open_socket_log(const std::string& directory, MonotonicTime deadline) {
  TIDEMILL_ASSIGN(auto channel, OwnerChannel::open(directory, deadline));
  return std::shared_ptr<Log>(new SocketLog(directory, std::move(channel)));
}

}  // namespace tidemill::embedded
