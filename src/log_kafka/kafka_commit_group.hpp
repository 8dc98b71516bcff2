// KafkaCommitGroup: the transaction of one stream thread, on a librdkafka producer of its own; without transactions, the
// idempotent producer and the positions that are committed plainly.
//
// A transaction begins with the first record or position after the last one ended. Delivery reports are served by dispatch(),
// flush(), commit() and abort(), on the calling thread; nothing else touches the producer, but stage() of another thread.
// What librdkafka calls fatal (fenced, or timed out at the coordinator) ends the group: open a new one of the same name.
#pragma once

#include <tidemill/log/commit_group.hpp>

#include "log_kafka/group_offsets.hpp"
#include "log_kafka/kafka_consumer.hpp"

namespace tidemill::kafka {

/// What all parts of one KafkaLog share.
struct Shared {
  KafkaLogOptions options;
  std::shared_ptr<const ConnectionConfig> connection;
  std::shared_ptr<LiveMembers> members = std::make_shared<LiveMembers>();
  std::string description;
  /// For metadata and offsets; reads nothing. Its committed twin knows the last stable offsets.
  std::unique_ptr<Client> reader;
  std::unique_ptr<Client> committed_reader;
};

/// The producer and what its delivery reports said; shared by the group and its handles.
class GroupProducer {
 public:
  /// Longest part of a wait for deliveries in one call to librdkafka.
  static constexpr std::chrono::milliseconds kServeMax{100};

  struct Topic {
    std::string name;
    TopicPtr handle;
    std::vector<std::int64_t> next_offset;  // by partition, of what was delivered since the last commit; -1: nothing
  };

  static Result<std::unique_ptr<GroupProducer>> make(const Shared& shared, const CommitGroupOptions& options);
  /// kNotFound.
  [[nodiscard]] Result<TopicHandle> topic(const Shared& shared, std::string_view name, MonotonicTime deadline);
  [[nodiscard]] Topic& at(TopicHandle topic) { return *topics_[static_cast<std::size_t>(topic)]; }
  [[nodiscard]] bool knows(TopicHandle topic) const { return topic >= 0 && static_cast<std::size_t>(topic) < topics_.size(); }
  SendStatus send(const ProducerRecord& record, Error& error);
  /// Begins the transaction unless one is open (or there are none).
  [[nodiscard]] Result<void> begin();
  /// Until all are delivered, or have failed.
  [[nodiscard]] Result<void> flush(MonotonicTime deadline);
  [[nodiscard]] std::vector<WrittenPosition> written() const;
  /// A transaction is over: what was written counts no more.
  void ended();
  [[nodiscard]] std::vector<DeliveryFailure> take_failures() { return std::exchange(failures_, {}); }
  void serve() { rd_kafka_poll(client_->get(), 0); }
  [[nodiscard]] rd_kafka_t* get() const { return client_->get(); }
  [[nodiscard]] const Client& client() const { return *client_; }
  [[nodiscard]] bool transactional() const { return transactional_; }
  [[nodiscard]] bool open() const { return open_; }
  /// Why the transaction cannot be committed any more; nullopt: it can.
  [[nodiscard]] const std::optional<Error>& broken() const { return broken_; }
  void break_with(Error error);
  /// Why it takes nothing more, ever; nullopt: it does. kFenced with transactions, kTransactionAborted without.
  [[nodiscard]] std::optional<Error> fatal() const;

 private:
  GroupProducer() = default;
  static void delivered(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);
  void delivered(const rd_kafka_message_t& message);

  bool transactional_ = false;
  bool open_ = false;
  std::optional<Error> broken_;
  std::vector<std::unique_ptr<Topic>> topics_;
  std::vector<DeliveryFailure> failures_;
  std::unique_ptr<Client> client_;  // first to go: its reports touch what stands above
};

class KafkaCommitGroup final : public CommitGroup {
 public:
  static constexpr std::chrono::seconds kLastAbortTimeout{5};

  static Result<std::unique_ptr<CommitGroup>> open(std::shared_ptr<Shared> shared, CommitGroupOptions options,
                                                   MonotonicTime deadline);
  /// Aborts what is open: it would hold readers back until its time-out.
  ~KafkaCommitGroup() override;
  std::unique_ptr<LogProducer> producer() override;
  std::unique_ptr<LogConsumer> consumer() override;
  Result<void> stage(std::span<const CommitPosition> positions) override;
  Result<std::vector<WrittenPosition>> flush(MonotonicTime deadline) override;
  CommitResult commit(const MembershipToken& token, MonotonicTime deadline) override;
  CommitResult abort(MonotonicTime deadline) override;

 private:
  KafkaCommitGroup(std::shared_ptr<Shared> shared, CommitGroupOptions options);
  [[nodiscard]] Result<void> init(MonotonicTime deadline);
  [[nodiscard]] Result<ConfPtr> consumer_conf() const;
  [[nodiscard]] CommitResult commit_plainly(const MembershipToken& token, std::span<const CommitPosition> positions,
                                            MonotonicTime deadline);
  [[nodiscard]] std::optional<CommitResult> send_offsets(const MembershipToken& token,
                                                         std::span<const CommitPosition> positions, MonotonicTime deadline);
  /// The transaction is aborted because of `error`; kFenced when the tasks are lost, too.
  [[nodiscard]] CommitResult abort_because(Error error, CommitOutcome outcome, MonotonicTime deadline);

  std::shared_ptr<Shared> shared_;
  CommitGroupOptions options_;
  std::shared_ptr<GroupProducer> producer_;
  GroupOffsets offsets_;
  std::mutex mutex_;  // guards what follows
  std::vector<CommitPosition> staged_;
};

}  // namespace tidemill::kafka
