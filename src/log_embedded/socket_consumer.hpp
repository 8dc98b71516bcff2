// SocketConsumer: reads the partitions of a log that another process owns. See LogConsumer for the contract.
//
// One read is always on its way: the owner keeps it until there is something to say, so a reader that has
// caught up waits without asking again and again. A change of the assignment sends the next one at once,
// which ends the kept one.
#pragma once

#include <deque>
#include <map>

#include "log_embedded/owner_channel.hpp"

namespace tidemill::embedded {

class SocketConsumer final : public LogConsumer {
 public:
  SocketConsumer(std::unique_ptr<OwnerChannel> channel, Descriptor woken, Isolation isolation)
      : channel_(std::move(channel)), woken_(std::move(woken)), isolation_(isolation) {}

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
  void wake() override { raise_event(woken_.number()); }

 private:
  struct Assigned {
    Offset position;
    bool paused = false;
    bool caught_up = false;
    std::optional<Offset> high_watermark;
  };
  using Asked = std::vector<std::pair<TopicPartition, Offset>>;
  struct Arrived {
    Asked asked;
    Read::Answer answer;
  };
  /// Sends a read, unless the one on its way asks for the right thing.
  void ask();
  /// Takes what has been answered. True: the next poll has something to say.
  [[nodiscard]] Result<bool> receive();
  void apply(Arrived arrived, PollResult& result);

  std::unique_ptr<OwnerChannel> channel_;
  Descriptor woken_;
  Isolation isolation_;
  std::map<TopicPartition, Assigned> assigned_;
  std::deque<Asked> on_their_way_;
  bool changed_ = false;         // since the last read was sent
  bool progress_ = false;        // the last answer had something
  std::size_t bytes_max_ = 1;    // of the last poll; before the first one a batch will do
  std::deque<Arrived> arrived_;  // positions move when a poll hands it over
};

}  // namespace tidemill::embedded
