// EmbeddedConsumer: a reader of the engine's partitions. See LogConsumer for the contract.
#pragma once

#include <map>
#include <set>

#include "log_embedded/engine.hpp"

namespace tidemill::embedded {

/// The producer ids of a commit group, shared with its consumers; guarded by the engine's mutex.
using ProducerIds = std::shared_ptr<std::set<std::int64_t>>;

class EmbeddedConsumer final : public LogConsumer {
 public:
  EmbeddedConsumer(std::shared_ptr<Engine> engine, Isolation isolation, ProducerIds own);
  ~EmbeddedConsumer() override;
  Result<void> assign(std::span<const std::pair<TopicPartition, Offset>> partitions) override;
  void unassign(std::span<const TopicPartition> partitions) override;
  Result<void> seek(const TopicPartition& partition, Offset offset) override;
  void pause(const TopicPartition& partition) override;
  void resume(const TopicPartition& partition) override;
  Result<PollResult> poll(std::size_t bytes_max) override;
  Result<Offset> position(const TopicPartition& partition) const override;
  bool caught_up(const TopicPartition& partition) const override;
  std::optional<Offset> high_watermark(const TopicPartition& partition) const override;
  bool wait(MonotonicTime deadline) override;
  void wake() override;
  /// Raises the event (see make_event()) too, whenever wait() would return; it outlives this consumer.
  void wake_through(int event);

 private:
  struct Assigned {
    PartitionLog* log = nullptr;
    Offset position;
    bool paused = false;
  };
  [[nodiscard]] bool something_to_read() const;

  std::shared_ptr<Engine> engine_;
  PartitionLog::Reader reader_;
  ProducerIds own_;
  std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
  std::map<TopicPartition, Assigned> assigned_;
  TopicPartition next_;  // where the next poll begins, so that all get their turn
};

}  // namespace tidemill::embedded
