// SocketCommitGroup: appends records to a log that another process owns: plain and at least once, without a
// transaction. See CommitGroup; what it has of transactions and positions answers kUnsupported.
//
// Batches go out as they are dispatched; flush() waits until the owner has made them durable.
#pragma once

#include <deque>
#include <mutex>

#include "log/record_batch_codec.hpp"
#include "log_embedded/owner_channel.hpp"

namespace tidemill::embedded {

/// What the group's handles share: the channel, and what is not answered yet.
struct SocketPipe {
  std::mutex mutex;
  std::unique_ptr<OwnerChannel> channel;
  struct Outstanding {
    TopicPartition partition;
    std::size_t bytes = 0;
    std::shared_ptr<std::vector<DeliveryFailure>> failures;  // of the producer that sent it; null: a flush
  };
  std::deque<Outstanding> outstanding;
  std::size_t outstanding_bytes = 0;
  std::vector<WrittenPosition> flushed;  // the last flush's answer
  /// A send failed, or the connection: everything since the last flush may be there or not.
  std::optional<Error> broken;

  void ask(const Request& request, Outstanding what);
  /// Sends what goes, takes what has been answered; never waits.
  void pump();
  /// Pumps until everything is answered. kTimeout says who does not answer; what broke the pipe is an error
  /// as well.
  [[nodiscard]] Result<void> drain(MonotonicTime deadline);

 private:
  [[nodiscard]] Result<void> take(const Outstanding& what, const Bytes& answer);
};

class SocketProducer final : public LogProducer {
 public:
  explicit SocketProducer(std::shared_ptr<SocketPipe> pipe) : pipe_(std::move(pipe)) {}
  Result<TopicHandle> topic(std::string_view name, MonotonicTime deadline) override;
  std::int32_t partition_count(TopicHandle topic) const override;
  SendStatus send(const ProducerRecord& record) override;
  const Error& last_error() const override { return last_error_; }
  void dispatch() override;
  std::vector<DeliveryFailure> take_failures() override;

 private:
  struct KnownTopic {
    std::string name;
    std::size_t batch_bytes_max = 0;
    std::vector<BatchBuilder> partitions;
  };
  void seal(const KnownTopic& topic, BatchBuilder& partition, std::int32_t index);
  SendStatus fail(ErrorKind kind, std::string message);

  std::shared_ptr<SocketPipe> pipe_;
  std::shared_ptr<std::vector<DeliveryFailure>> failures_ = std::make_shared<std::vector<DeliveryFailure>>();
  std::vector<KnownTopic> topics_;
  Error last_error_;
};

class SocketCommitGroup final : public CommitGroup {
 public:
  SocketCommitGroup(std::string directory, std::unique_ptr<OwnerChannel> channel) : directory_(std::move(directory)) {
    pipe_->channel = std::move(channel);
  }
  std::unique_ptr<LogProducer> producer() override;
  std::unique_ptr<LogConsumer> consumer() override;
  Result<void> stage(std::span<const CommitPosition> positions) override;
  Result<std::vector<WrittenPosition>> flush(MonotonicTime deadline) override;
  CommitResult commit(const MembershipToken& token, MonotonicTime deadline) override;
  /// Begins anew with another connection; what was sent may be there.
  CommitResult abort(MonotonicTime deadline) override;

 private:
  std::string directory_;
  std::shared_ptr<SocketPipe> pipe_ = std::make_shared<SocketPipe>();
};

}  // namespace tidemill::embedded
