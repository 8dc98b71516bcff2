// KafkaConsumer: reads assigned partitions through one librdkafka consumer that is in no group.
//
// Each partition has a librdkafka queue of its own, bounded by queued.max.messages.kbytes; librdkafka's threads fill it, and
// poll() copies out of it (callback and copy is the cheapest way of this librdkafka). So a paused partition simply is not read,
// and nothing that was fetched is fetched again. A seek takes the partition out and puts it in again, which makes librdkafka
// drop what it had.
//
// "Caught up" is librdkafka's end-of-partition event: it comes when a fetch at the position had nothing, which for read
// committed means the last stable offset. The event also says the position behind markers and aborted records.
// Used by one thread, but for wake() and librdkafka's own "queue has something" callbacks, which only set flags.
#pragma once

#include <atomic>
#include <condition_variable>

#include <tidemill/log/log_consumer.hpp>

#include "log_kafka/client.hpp"

namespace tidemill::kafka {

class KafkaConsumer final : public LogConsumer {
 public:
  /// Records are gathered in blocks of this size (a larger record has a block of its own).
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  /// How long a wait leaves the queues of silent partitions alone.
  static constexpr std::chrono::milliseconds kRenewInterval{100};

  /// kInvalidArgument says which property is wrong.
  static Result<ConfPtr> conf(const KafkaLogOptions& options, Isolation isolation, std::string_view group,
                              const Properties& more);
  static Result<std::unique_ptr<KafkaConsumer>> make(ConfPtr conf, const std::string& description);
  ~KafkaConsumer() override;
  Result<void> assign(std::span<const std::pair<TopicPartition, Offset>> partitions) override;
  void unassign(std::span<const TopicPartition> partitions) override;
  Result<void> seek(const TopicPartition& partition, Offset offset) override;
  void pause(const TopicPartition& partition) override;
  void resume(const TopicPartition& partition) override;
  Result<PollResult> poll(std::size_t bytes_max) override;
  Result<Offset> position(const TopicPartition& partition) const override;
  bool caught_up(const TopicPartition& partition) const override;
  /// Of a read-committed consumer this librdkafka only knows the last stable offset.
  std::optional<Offset> high_watermark(const TopicPartition& partition) const override;
  bool wait(MonotonicTime deadline) override;
  void wake() override;

 private:
  struct Signal {
    std::mutex mutex;
    std::condition_variable changed;
    bool woken = false;        // guarded
    std::uint64_t filled = 0;  // guarded: how often a queue went from empty to not empty
    void raise();
  };
  /// A queue of librdkafka's, which says so when it is no longer empty. Lives as long as the client.
  struct Queue {
    ~Queue();
    rd_kafka_queue_t* handle = nullptr;
    Signal* signal = nullptr;
    std::atomic<bool> ready{true};
  };
  struct Assigned {
    std::shared_ptr<const TopicPartition> id;
    Queue* queue = nullptr;
    Offset position;
    bool paused = false;
    bool at_end = false;
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR_NO_ERROR;  // said so; what librdkafka repeats is not news
    bool alive = false;  // has given a record or its end since it was assigned: the queue is the right one
  };
  /// What the callback of one poll() works with.
  struct Reading {
    KafkaConsumer* consumer = nullptr;
    Assigned* assigned = nullptr;
    PollResult* result = nullptr;
    std::size_t bytes = 0;
    std::size_t bytes_max = 0;
    bool full = false;
    std::shared_ptr<RecordBatch> batch;
    std::shared_ptr<Bytes> block;
  };

  KafkaConsumer() = default;
  static void on_message(rd_kafka_message_t* message, void* reading);
  static bool is_news(rd_kafka_resp_err_t before, rd_kafka_resp_err_t now);
  static void on_event(rd_kafka_message_t* message, void* consumer);
  static void add(Reading& reading, const rd_kafka_message_t& message);
  static void end_batch(Reading& reading);
  [[nodiscard]] std::unique_ptr<Queue> watch(rd_kafka_queue_t* handle);
  /// The partition's queue; null: librdkafka has none for it.
  [[nodiscard]] Queue* queue_of(const TopicPartition& partition);
  /// A partition that is taken away before librdkafka knows its topic is another one when it comes back, with another queue;
  /// nobody ever fills the first one. So until a partition has given something, its queue is asked for again and again.
  /// True: there are such partitions.
  bool renew_silent_queues();
  static void empty(const Queue& queue);
  [[nodiscard]] Result<void> add_to_client(std::span<const std::pair<TopicPartition, Offset>> partitions);
  [[nodiscard]] Result<void> take_from_client(std::span<const TopicPartition> partitions);
  [[nodiscard]] bool something_to_read() const;

  Signal signal_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Queue> events_;
  /// Of each partition that ever was assigned: what still comes after it was taken away must not stay in there, see ~.
  std::map<TopicPartition, std::unique_ptr<Queue>> queues_;
  std::map<TopicPartition, Assigned> assigned_;
  TopicPartition next_;  // where the next poll begins, so that all get their turn
};

}  // namespace tidemill::kafka
