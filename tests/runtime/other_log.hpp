// OtherLog: an embedded log that says other things of itself, and whose topics can be made to look otherwise: so the runtime's
// ways with a log like Kafka's are tested without one.
#pragma once

#include <functional>

#include <tidemill/log/log.hpp>

namespace tidemill::test {

class OtherLog final : public Log {
 public:
  /// Each thread a commit group, topics made by the operator, commits by the clock: as on Kafka.
  explicit OtherLog(std::shared_ptr<Log> log) : log_(std::move(log)), traits_(log_->traits()), admin_(log_->admin()) {
    traits_.commit_group_span = LogTraits::CommitGroupSpan::kThread;
    traits_.creates_missing_topics = false;
    traits_.commit_when_idle = false;
    traits_.description = "a log like Kafka";
  }
  [[nodiscard]] const LogTraits& traits() const override { return traits_; }
  [[nodiscard]] Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation) override { return log_->consumer(isolation); }
  [[nodiscard]] Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime deadline) override {
    return log_->commit_group(std::move(options), deadline);
  }
  [[nodiscard]] Result<std::unique_ptr<Membership>> membership(std::string_view application_id) override {
    return log_->membership(application_id);
  }
  [[nodiscard]] LogAdmin& admin() override { return admin_; }

  /// How many partitions a topic seems to have; nullopt: as many as it has.
  void show_partitions(std::string topic, std::int32_t count) {
    const std::lock_guard lock(admin_.mutex);
    admin_.shown[std::move(topic)] = count;
  }

 private:
  struct Admin final : LogAdmin {
    explicit Admin(LogAdmin& below) : below_(below) {}
    Result<std::vector<TopicDescription>> list_topics(MonotonicTime deadline) override {
      auto topics = below_.list_topics(deadline);
      const std::lock_guard lock(mutex);
      if (topics) {
        for (TopicDescription& topic : *topics) show(topic);
      }
      return topics;
    }
    Result<TopicDescription> describe_topic(std::string_view topic, MonotonicTime deadline) override {
      auto described = below_.describe_topic(topic, deadline);
      const std::lock_guard lock(mutex);
      if (described) show(*described);
      return described;
    }
    Result<void> create_topic(const TopicSpec& topic, MonotonicTime deadline) override { return below_.create_topic(topic, deadline); }
    Result<void> delete_topic(std::string_view topic, MonotonicTime deadline) override { return below_.delete_topic(topic, deadline); }
    Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime deadline) override {
      return below_.alter_topic(topic, config, deadline);
    }
    Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions, MonotonicTime deadline) override {
      return below_.offsets(partitions, deadline);
    }
    Result<Offset> offset_for_time(const TopicPartition& partition, Timestamp timestamp, MonotonicTime deadline) override {
      return below_.offset_for_time(partition, timestamp, deadline);
    }
    Result<void> delete_records(const TopicPartition& partition, Offset before, MonotonicTime deadline) override {
      return below_.delete_records(partition, before, deadline);
    }
    Result<std::vector<std::string>> list_groups(MonotonicTime deadline) override { return below_.list_groups(deadline); }
    Result<GroupDescription> describe_group(std::string_view group, MonotonicTime deadline) override {
      return below_.describe_group(group, deadline);
    }
    void show(TopicDescription& topic) const {
      if (const auto found = shown.find(topic.name); found != shown.end()) topic.partitions = found->second;
    }
    LogAdmin& below_;
    std::mutex mutex;
    std::map<std::string, std::int32_t> shown;
  };
  std::shared_ptr<Log> log_;
  LogTraits traits_;
  Admin admin_;
};

}  // namespace tidemill::test
