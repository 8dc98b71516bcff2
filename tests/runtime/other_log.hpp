// OtherLog: an embedded log that says other things of itself, whose topics can be made to look otherwise, whose consumers tell
// errors on demand and whose producers have no room on demand: so the runtime's ways with a log like Kafka's are tested without one.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/log/log.hpp>

namespace tidemill::test {

class OtherLog final : public Log {
 public:
  /// Each thread a commit group, topics made by the operator, commits by the clock: as on Kafka.
  explicit OtherLog(std::shared_ptr<Log> log)
      : log_(std::move(log)), traits_(log_->traits()), admin_(log_->admin(), troubles_) {
    traits_.commit_group_span = LogTraits::CommitGroupSpan::kThread;
    traits_.creates_missing_topics = false;
    traits_.commits_are_cheap = false;
    traits_.description = "a log like Kafka";
  }
  [[nodiscard]] const LogTraits& traits() const override { return traits_; }
  [[nodiscard]] Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation,
                                                              const ClientProperties& properties) override {
    TIDEMILL_ASSIGN(std::unique_ptr<LogConsumer> below, log_->consumer(isolation, properties));
    return std::unique_ptr<LogConsumer>(new Consumer(std::move(below), troubles_));
  }
  [[nodiscard]] Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime deadline) override {
    TIDEMILL_ASSIGN(std::unique_ptr<CommitGroup> below, log_->commit_group(std::move(options), deadline));
    return std::unique_ptr<CommitGroup>(new Group(std::move(below), troubles_));
  }
  [[nodiscard]] Result<std::unique_ptr<Membership>> membership(std::string_view application_id) override {
    return log_->membership(application_id);
  }
  [[nodiscard]] LogAdmin& admin() override { return admin_; }

  /// How many partitions a topic seems to have; 0: it is not listed.
  void show_partitions(std::string topic, std::int32_t count) {
    const std::lock_guard lock(admin_.mutex);
    admin_.shown[std::move(topic)] = count;
  }
  /// The next poll of whoever reads the partition tells the error, once, beside all that there is to read. From a partition that is
  /// out of range nothing comes any more before somebody seeks. Then so many questions for offsets find the log out of reach.
  void tell(TopicPartition partition, Error error, int then_unavailable = 0) {
    const std::lock_guard lock(troubles_->mutex);
    troubles_->errors.push_back({std::move(partition), std::move(error)});
    troubles_->then_unavailable = then_unavailable;
  }

  /// Producers take nothing, as long as it says so.
  void set_full(bool full) { troubles_->full = full; }
  /// The next record for the topic is refused, once, with the error.
  void refuse_next(std::string topic, Error error) {
    const std::lock_guard lock(troubles_->mutex);
    troubles_->refusals[std::move(topic)] = std::move(error);
  }
  /// The next record for the topic is taken, and told to have not been delivered.
  void lose_next(std::string topic, Error error) {
    const std::lock_guard lock(troubles_->mutex);
    troubles_->losses[std::move(topic)] = std::move(error);
  }
  /// Consumers get nothing, as long as it says so.
  void hold_reads(bool held) { troubles_->held = held; }
  [[nodiscard]] std::uint64_t polls() const { return troubles_->polls; }
  /// How often the topics have been listed.
  [[nodiscard]] std::uint64_t lists() const { return admin_.lists; }

 private:
  struct Troubles {
    std::atomic<bool> full{false};
    std::atomic<bool> held{false};
    std::atomic<std::uint64_t> polls{0};
    std::mutex mutex;
    std::vector<PartitionError> errors;
    std::map<std::string, Error> refusals;  // by topic
    std::map<std::string, Error> losses;
    int then_unavailable = 0;
    int unavailable = 0;
  };
  class Consumer final : public LogConsumer {
   public:
    Consumer(std::unique_ptr<LogConsumer> below, std::shared_ptr<Troubles> troubles)
        : below_(std::move(below)), troubles_(std::move(troubles)) {}
    Result<void> assign(std::span<const std::pair<TopicPartition, Offset>> partitions) override {
      for (const auto& [partition, offset] : partitions) assigned_.push_back(partition);
      return below_->assign(partitions);
    }
    void unassign(std::span<const TopicPartition> partitions) override {
      for (const TopicPartition& partition : partitions) std::erase(assigned_, partition);
      below_->unassign(partitions);
    }
    Result<void> seek(const TopicPartition& partition, Offset offset) override {
      below_->resume(partition);
      return below_->seek(partition, offset);
    }
    void pause(const TopicPartition& partition) override { below_->pause(partition); }
    void resume(const TopicPartition& partition) override { below_->resume(partition); }
    Result<PollResult> poll(std::size_t bytes_max) override {
      ++troubles_->polls;
      if (troubles_->held) return PollResult{};
      TIDEMILL_ASSIGN(PollResult polled, below_->poll(bytes_max));
      const std::lock_guard lock(troubles_->mutex);
      for (auto error = troubles_->errors.begin(); error != troubles_->errors.end();) {
        if (std::find(assigned_.begin(), assigned_.end(), error->partition) == assigned_.end()) {
          ++error;
          continue;
        }
        if (error->error.kind == ErrorKind::kOffsetOutOfRange) {
          below_->pause(error->partition);
          std::erase_if(polled.batches, [&](const auto& batch) { return *batch->partition == error->partition; });
        }
        polled.errors.push_back(std::move(*error));
        error = troubles_->errors.erase(error);
        troubles_->unavailable = troubles_->then_unavailable;
      }
      return polled;
    }
    Result<Offset> position(const TopicPartition& partition) const override { return below_->position(partition); }
    bool caught_up(const TopicPartition& partition) const override { return below_->caught_up(partition); }
    std::optional<Offset> high_watermark(const TopicPartition& partition) const override {
      return below_->high_watermark(partition);
    }
    bool wait(MonotonicTime deadline) override { return below_->wait(deadline); }
    void wake() override { below_->wake(); }

   private:
    std::unique_ptr<LogConsumer> below_;
    std::shared_ptr<Troubles> troubles_;
    std::vector<TopicPartition> assigned_;
  };
  class Producer final : public LogProducer {
   public:
    Producer(std::unique_ptr<LogProducer> below, std::shared_ptr<Troubles> troubles)
        : below_(std::move(below)), troubles_(std::move(troubles)) {}
    Result<TopicHandle> topic(std::string_view name, MonotonicTime deadline) override {
      TIDEMILL_ASSIGN(const TopicHandle handle, below_->topic(name, deadline));
      names_[handle] = name;
      return handle;
    }
    std::int32_t partition_count(TopicHandle topic) const override { return below_->partition_count(topic); }
    SendStatus send(const ProducerRecord& record) override {
      if (troubles_->full) return SendStatus::kFull;
      const std::lock_guard lock(troubles_->mutex);
      const std::string& topic = names_.at(record.topic);
      refusal_ = take(troubles_->refusals, topic);
      if (refusal_) return SendStatus::kFailed;
      if (auto loss = take(troubles_->losses, topic)) {
        failures_.push_back({.partition = {topic, record.partition},
                             .cookie = record.cookie,
                             .error = *std::move(loss),
                             .timestamp = record.timestamp,
                             .key = to_owned(record.key),
                             .value = to_owned(record.value),
                             .headers = {}});
      }
      return below_->send(record);
    }
    const Error& last_error() const override { return refusal_ ? *refusal_ : below_->last_error(); }
    void dispatch() override { below_->dispatch(); }
    std::vector<DeliveryFailure> take_failures() override {
      std::vector<DeliveryFailure> failures = below_->take_failures();
      for (DeliveryFailure& own : std::exchange(failures_, {})) failures.push_back(std::move(own));
      return failures;
    }

   private:
    static std::optional<Error> take(std::map<std::string, Error>& from, const std::string& topic) {
      const auto taken = from.extract(topic);
      return taken ? std::optional(taken.mapped()) : std::nullopt;
    }
    std::unique_ptr<LogProducer> below_;
    std::shared_ptr<Troubles> troubles_;
    std::map<TopicHandle, std::string> names_;
    std::optional<Error> refusal_;
    std::vector<DeliveryFailure> failures_;
  };
  class Group final : public CommitGroup {
   public:
    Group(std::unique_ptr<CommitGroup> below, std::shared_ptr<Troubles> troubles)
        : below_(std::move(below)), troubles_(std::move(troubles)) {}
    std::unique_ptr<LogProducer> producer() override { return std::make_unique<Producer>(below_->producer(), troubles_); }
    std::unique_ptr<LogConsumer> consumer() override { return std::make_unique<Consumer>(below_->consumer(), troubles_); }
    Result<void> stage(std::span<const CommitPosition> positions) override { return below_->stage(positions); }
    Result<std::vector<WrittenPosition>> flush(MonotonicTime deadline) override { return below_->flush(deadline); }
    CommitResult commit(const MembershipToken& token, MonotonicTime deadline) override {
      return below_->commit(token, deadline);
    }
    CommitResult abort(MonotonicTime deadline) override { return below_->abort(deadline); }

   private:
    std::unique_ptr<CommitGroup> below_;
    std::shared_ptr<Troubles> troubles_;
  };
  struct Admin final : LogAdmin {
    Admin(LogAdmin& below, std::shared_ptr<Troubles> troubles) : below_(below), troubles_(std::move(troubles)) {}
    Result<std::vector<TopicDescription>> list_topics(MonotonicTime deadline) override {
      auto topics = below_.list_topics(deadline);
      const std::lock_guard lock(mutex);
      if (topics) {
        for (TopicDescription& topic : *topics) show(topic);
        std::erase_if(*topics, [](const TopicDescription& topic) { return topic.partitions == 0; });
      }
      ++lists;
      return topics;
    }
    Result<TopicDescription> describe_topic(std::string_view topic, MonotonicTime deadline) override {
      auto described = below_.describe_topic(topic, deadline);
      const std::lock_guard lock(mutex);
      if (described) show(*described);
      return described;
    }
    Result<void> create_topic(const TopicSpec& topic, MonotonicTime deadline) override {
      return below_.create_topic(topic, deadline);
    }
    Result<void> delete_topic(std::string_view topic, MonotonicTime deadline) override {
      return below_.delete_topic(topic, deadline);
    }
    Result<void> alter_topic(std::string_view topic, const TopicConfig& config, MonotonicTime deadline) override {
      return below_.alter_topic(topic, config, deadline);
    }
    Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition> partitions, MonotonicTime deadline) override {
      {
        const std::lock_guard lock(troubles_->mutex);
        if (std::exchange(troubles_->unavailable, std::max(0, troubles_->unavailable - 1)) > 0)
          return Error{ErrorKind::kUnavailable, "out of reach"};
      }
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
    std::shared_ptr<Troubles> troubles_;
    std::mutex mutex;
    std::map<std::string, std::int32_t> shown;
    std::atomic<std::uint64_t> lists{0};
  };
  std::shared_ptr<Log> log_;
  std::shared_ptr<Troubles> troubles_ = std::make_shared<Troubles>();
  LogTraits traits_;
  Admin admin_;
};

}  // namespace tidemill::test
