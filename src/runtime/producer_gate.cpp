#include "runtime/producer_gate.hpp"

#include <fmt/format.h>

#include "runtime/task_exceptions.hpp"

namespace tidemill::runtime {

void ProducerGate::open(std::unique_ptr<LogProducer> producer, std::uint64_t incarnation) {
  producer_ = std::move(producer);
  incarnation_ = incarnation;
  drop_spill();
  sent_bytes_ = 0;
}

void ProducerGate::close() {
  producer_.reset();
  drop_spill();
}

void ProducerGate::drop_spill() {
  spill_.clear();
  spill_bytes_ = 0;
  refused_since_.reset();
}

Result<void> ProducerGate::refused() {
  const Error& error = producer_->last_error();
  switch (error.kind) {
    case ErrorKind::kFenced:
    case ErrorKind::kStaleMember: throw TaskMigrated(error);
    case ErrorKind::kTransactionAborted: throw TransactionBroken(error);
    default: return error;
  }
}

Result<void> ProducerGate::spill(const ProducerRecord& record) {
  Spilled spilled{
      .record = record, .key = to_owned(record.key), .value = to_owned(record.value), .headers = Bytes(record.headers)};
  const std::size_t bytes = (spilled.key ? spilled.key->size() : 0) + (spilled.value ? spilled.value->size() : 0) +
                            spilled.headers.size() + sizeof(Spilled);
  if (spill_bytes_ + bytes > kSpillBytesMax) {
    return Error{ErrorKind::kFull,
                 fmt::format("the producer takes nothing while one record's outputs are over {} bytes: make the "
                             "producer's buffer larger or the outputs of one record fewer",
                             kSpillBytesMax)};
  }
  spill_bytes_ += bytes;
  sent_bytes_ += bytes;
  spill_.push_back(std::move(spilled));
  return {};
}

bool ProducerGate::drain(MonotonicTime now) {
  while (!spill_.empty()) {
    Spilled& first = spill_.front();
    first.record.key = to_view(first.key);
    first.record.value = to_view(first.value);
    first.record.headers = first.headers;
    const SendStatus status = producer_->send(first.record);
    if (status == SendStatus::kFull) {
      producer_->dispatch();
      if (!refused_since_) refused_since_ = now;
      return false;
    }
    refused_since_.reset();
    if (status == SendStatus::kFailed) {
      if (const Result<void> result = refused(); !result) throw TransactionBroken(result.error());
    }
    spill_.pop_front();
  }
  spill_bytes_ = 0;
  return true;
}

std::chrono::nanoseconds ProducerGate::refused_for(MonotonicTime now) const {
  return refused_since_ ? now - *refused_since_ : std::chrono::nanoseconds(0);
}

}  // namespace tidemill::runtime
