#include "runtime/failure_letters.hpp"

#include <utility>

#include <fmt/format.h>

#include <tidemill/base/partitioner.hpp>

#include "base/logging.hpp"
#include "log/plain_writing.hpp"

namespace tidemill::runtime {
namespace {

std::string place(const ErrorHandlerContext& context) {
  if (context.topic.empty())
    return fmt::format("node \"{}\" of task {}", context.processor_node_id, to_string(context.task_id));
  return fmt::format("offset {} of {}-{}", context.offset.value, context.topic, context.partition.value);
}

/// Accepted, or why not. `turn` chooses the partition of a letter without key.
Result<void> send(Log& log, LogProducer& producer, const std::string& topic, const DeadLetterRecord& letter, std::uint64_t turn,
                  MonotonicTime deadline) {
  TIDEMILL_ASSIGN(const TopicHandle handle, find_or_make_topic(log, producer, topic, deadline));
  const std::int32_t partitions = producer.partition_count(handle);
  const Bytes headers = letter.headers.empty() ? Bytes() : letter.headers.encode();
  switch (producer.send({.topic = handle,
                         .partition = letter.key ? partition_for_key(*letter.key, partitions)
                                                 : PartitionId(static_cast<std::int32_t>(turn) % partitions),
                         .timestamp = letter.timestamp,
                         .key = to_view(letter.key),
                         .value = to_view(letter.value),
                         .headers = headers,
                         .cookie = turn + 1})) {
    case SendStatus::kAccepted: return {};
    case SendStatus::kFull: return Error{ErrorKind::kFull, "the producer's buffers are full"};
    case SendStatus::kFailed: return producer.last_error();
  }
  return {};
}

}  // namespace

void FailureLetters::keep(const ErrorHandlerContext& failed, const std::vector<DeadLetterRecord>& letters) {
  for (const DeadLetterRecord& letter : letters) {
    if (kept_.size() == kLettersMax) {
      logger()->error("a dead letter for {} of {} is lost: {} others wait already", letter.topic, place(failed), kLettersMax);
      return;
    }
    kept_.push_back({letter, place(failed)});
  }
}

void FailureLetters::write(Log& log, const Topology& topology, const StreamsConfig& config, const std::string& name,
                           MonotonicTime deadline) {
  const std::vector<Kept> letters = std::exchange(kept_, {});
  if (letters.empty()) return;
  const auto lost = [&](const Kept& kept, const Error& error) {
    logger()->error("{}: the dead letter for {} of {} may be lost: {}", name, kept.letter.topic, kept.place, error.message);
  };
  const Result<std::unique_ptr<CommitGroup>> group =
      plain_commit_group(log, {config.producer.begin(), config.producer.end()}, deadline);
  if (!group) {
    for (const Kept& kept : letters) lost(kept, group.error());
    return;
  }
  const std::unique_ptr<LogProducer> producer = (*group)->producer();
  std::vector<bool> waits(letters.size(), false);  // accepted, and not known to have failed
  const auto flush = [&] {
    producer->dispatch();
    const Result<std::vector<WrittenPosition>> flushed = (*group)->flush(deadline);
    const std::vector<DeliveryFailure> failures = producer->take_failures();
    for (std::size_t i = 0; i < letters.size(); ++i) {
      if (!waits[i]) continue;
      // A failure whose cookie the log does not give back may be any letter's.
      const DeliveryFailure* failed = nullptr;
      for (const DeliveryFailure& failure : failures) {
        if (failure.cookie == 0 || failure.cookie == i + 1) failed = &failure;
      }
      if (failed != nullptr) {
        lost(letters[i], failed->error);
      } else if (!flushed) {
        lost(letters[i], flushed.error());
      }
    }
    waits.assign(letters.size(), false);
  };
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const DeadLetterRecord& letter = letters[i].letter;
    const std::string topic = topology.log_topic(config.application_id, letter.topic);
    Result<void> sent = send(log, *producer, topic, letter, i, deadline);
    if (!sent && sent.error().kind == ErrorKind::kFull) {
      flush();  // makes room by waiting
      sent = send(log, *producer, topic, letter, i, deadline);
    }
    if (!sent) lost(letters[i], sent.error());
    waits[i] = static_cast<bool>(sent);
  }
  flush();
}

}  // namespace tidemill::runtime
