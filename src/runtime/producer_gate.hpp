// ProducerGate: a thread's way out to the log. It never waits and never loses a record: what the producer has no room
// for is kept in a spill, in order, and handed on before anything else.
//
// Used on its thread. While spilled() the thread does not take another record, so the spill is bounded by what one
// record, one punctuation or one cache flush sends (kSpillBytesMax; more ends the task with an error). How long the log has
// taken nothing of it is known (refused_for()): whoever waits for room gives up by that.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include <tidemill/base/clock.hpp>
#include <tidemill/log/log.hpp>

namespace tidemill::runtime {

class ProducerGate {
 public:
  static constexpr std::size_t kSpillBytesMax = std::size_t{256} << 20;

  void open(std::unique_ptr<LogProducer> producer, std::uint64_t incarnation);
  void close();
  [[nodiscard]] LogProducer& producer() { return *producer_; }
  [[nodiscard]] bool is_open() const { return producer_ != nullptr; }
  /// Grows when the producer is replaced: topic handles of before are void.
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }

  /// Throws TransactionBroken or TaskMigrated; another refusal (too large, ...) is returned.
  [[nodiscard]] Result<void> send(const ProducerRecord& record) {
    if (spill_.empty()) [[likely]] {
      const SendStatus status = producer_->send(record);
      if (status == SendStatus::kAccepted) [[likely]] {
        sent_bytes_ += record.key.value_or(BytesView()).size() + record.value.value_or(BytesView()).size() +
                       record.headers.size() + kRecordOverhead;
        return {};
      }
      if (status == SendStatus::kFailed) return refused();
    }
    return spill(record);
  }
  void dispatch() {
    if (producer_) producer_->dispatch();
  }
  [[nodiscard]] bool spilled() const { return !spill_.empty(); }
  /// Hands spilled records on; true: none is left. Throws as send().
  bool drain(MonotonicTime now);
  /// How long the log has taken none of what is spilled, by the times given to drain(); zero: nothing is spilled.
  [[nodiscard]] std::chrono::nanoseconds refused_for(MonotonicTime now) const;
  /// Bytes sent since reset_counters().
  [[nodiscard]] std::size_t sent_bytes() const { return sent_bytes_; }
  void reset_counters() { sent_bytes_ = 0; }
  /// After an abort.
  void drop_spill();

 private:
  static constexpr std::size_t kRecordOverhead = 16;
  struct Spilled {
    ProducerRecord record;  // its views are filled in when it is sent
    OptionalBytes key;
    OptionalBytes value;
    Bytes headers;
  };
  Result<void> refused();
  Result<void> spill(const ProducerRecord& record);

  std::unique_ptr<LogProducer> producer_;
  std::uint64_t incarnation_ = 0;
  std::deque<Spilled> spill_;
  std::size_t spill_bytes_ = 0;
  std::size_t sent_bytes_ = 0;
  std::optional<MonotonicTime> refused_since_;  // nothing has been taken since
};

}  // namespace tidemill::runtime
