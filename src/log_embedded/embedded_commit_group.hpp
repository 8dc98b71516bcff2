// EmbeddedCommitGroup: the transaction of all threads of one Streams, and their producers. See CommitGroup.
#pragma once

#include <algorithm>
#include <atomic>

#include "log_embedded/embedded_consumer.hpp"

namespace tidemill::embedded {

/// What the group's handles share; guarded by the engine's mutex.
struct GroupShared {
  std::string name;
  std::uint64_t number = 0;
  bool transactional = true;
  Compression compression = Compression::kNone;  // where a topic leaves it to the producer
  ProducerIds producers = std::make_shared<std::set<std::int64_t>>();
  /// Written since the last commit, flush or abort: where each partition ends for the group.
  std::map<PartitionLog*, Offset, PartitionOrder> written;
  std::vector<CommitPosition> staged;
  /// Grows at each abort: producers drop what they have not handed on. Read without the lock.
  std::atomic<std::uint64_t> aborts{0};
  /// A send failed: the transaction can only be aborted.
  std::optional<Error> broken;
};

class EmbeddedProducer final : public LogProducer {
 public:
  EmbeddedProducer(std::shared_ptr<Engine> engine, std::shared_ptr<GroupShared> group);
  ~EmbeddedProducer() override;
  Result<TopicHandle> topic(std::string_view name, MonotonicTime deadline) override;
  std::int32_t partition_count(TopicHandle topic) const override;
  SendStatus send(const ProducerRecord& record) override;
  const Error& last_error() const override { return last_error_; }
  void dispatch() override;
  std::vector<DeliveryFailure> take_failures() override { return std::exchange(failures_, {}); }

 private:
  struct Partition {
    explicit Partition(std::shared_ptr<BytesPool> buffers) : builder(std::move(buffers)) {}
    void sent_for(std::uint64_t cookie) {
      if (!cookies.empty() && cookies.back() == cookie) return;
      if (std::find(cookies.begin(), cookies.end(), cookie) == cookies.end()) cookies.push_back(cookie);
    }
    BatchBuilder builder;
    std::vector<std::uint64_t> cookies;  // of the records in it, each once: few, as few tasks write to one partition
    std::int32_t sequence = 0;
    bool waiting = false;  // has records, is in waiting_
  };
  struct KnownTopic {
    std::string name;
    PartitionLog::Settings settings;
    std::vector<Partition> partitions;
  };
  void append(KnownTopic& topic, std::int32_t partition);
  void drop_aborted();

  std::shared_ptr<Engine> engine_;
  std::shared_ptr<GroupShared> group_;
  std::int64_t producer_id_ = 0;
  std::vector<std::unique_ptr<KnownTopic>> topics_;
  std::vector<std::pair<KnownTopic*, std::int32_t>> waiting_;
  std::vector<DeliveryFailure> failures_;
  std::uint64_t aborts_seen_ = 0;
  Error last_error_;
};

class EmbeddedCommitGroup final : public CommitGroup {
 public:
  EmbeddedCommitGroup(std::shared_ptr<Engine> engine, CommitGroupOptions options);
  ~EmbeddedCommitGroup() override;
  /// Fences and aborts what an older group of this name left open.
  Result<void> open();
  std::unique_ptr<LogProducer> producer() override;
  std::unique_ptr<LogConsumer> consumer() override;
  Result<void> stage(std::span<const CommitPosition> positions) override;
  Result<std::vector<WrittenPosition>> flush(MonotonicTime deadline) override;
  CommitResult commit(const MembershipToken& token, MonotonicTime deadline) override;
  CommitResult abort(MonotonicTime deadline) override;

 private:
  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] CommitResult abort_locked(std::unique_lock<std::mutex>& lock);

  std::shared_ptr<Engine> engine_;
  CommitGroupOptions options_;
  std::shared_ptr<GroupShared> shared_ = std::make_shared<GroupShared>();
};

}  // namespace tidemill::embedded
