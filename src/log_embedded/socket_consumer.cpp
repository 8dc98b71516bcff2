#include "log_embedded/socket_consumer.hpp"

#include <algorithm>

#include "log/record_batch_codec.hpp"

namespace tidemill::embedded {

Result<void> SocketConsumer::assign(std::span<const std::pair<TopicPartition, Offset>> partitions) {
  for (const auto& [id, offset] : partitions) assigned_[id] = Assigned{.position = offset, .high_watermark = {}};
  changed_ = true;
  return {};
}

void SocketConsumer::unassign(std::span<const TopicPartition> partitions) {
  for (const TopicPartition& id : partitions) assigned_.erase(id);
  changed_ = true;
}

Result<void> SocketConsumer::seek(const TopicPartition& partition, Offset offset) {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) {
    return Error{ErrorKind::kInvalidArgument, "seek: " + to_string(partition) + " is not assigned to this consumer"};
  }
  found->second.position = offset;
  found->second.caught_up = false;
  changed_ = true;
  return {};
}

void SocketConsumer::pause(const TopicPartition& partition) {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end() || found->second.paused) return;
  found->second.paused = true;
  changed_ = true;
}
void SocketConsumer::resume(const TopicPartition& partition) {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end() || !found->second.paused) return;
  found->second.paused = false;
  changed_ = true;
}

void SocketConsumer::ask() {
  if (!arrived_.empty() || (!on_their_way_.empty() && !changed_)) return;
  Asked asked;
  for (const auto& [id, assigned] : assigned_) {
    if (!assigned.paused) asked.emplace_back(id, assigned.position);
  }
  if (asked.empty()) return;
  const auto wait = changed_ || progress_ ? std::chrono::milliseconds(0) : kOwnerReadWaitMax;
  channel_->ask(Read{isolation_, static_cast<std::uint32_t>(std::min<std::size_t>(bytes_max_, kOwnerReadBytesMax)),
                     static_cast<std::uint32_t>(wait.count()), asked});
  on_their_way_.push_back(std::move(asked));
  changed_ = false;
}

Result<bool> SocketConsumer::receive() {
  while (!on_their_way_.empty()) {
    TIDEMILL_ASSIGN(const std::optional<Bytes> body, channel_->next_answer());
    if (!body) break;
    TIDEMILL_ASSIGN(Read::Answer answer, decode_answer<Read>(*body));
    Arrived arrived{std::move(on_their_way_.front()), std::move(answer)};
    on_their_way_.pop_front();
    if (arrived.asked.size() != arrived.answer.size()) {
      return Error{ErrorKind::kCorruption, "the owner's answer is malformed: it is about other partitions"};
    }
    bool news = false;
    for (std::size_t i = 0; i < arrived.asked.size(); ++i) {
      news = news || arrived.answer[i].position != arrived.asked[i].second || arrived.answer[i].error;
    }
    progress_ = news;
    if (news) {
      arrived_.push_back(std::move(arrived));
    } else {
      PollResult nothing;
      apply(std::move(arrived), nothing);
    }
  }
  return !arrived_.empty();
}

// What was asked for before a change counts only for the partitions that the change did not touch. A position moves only over
// what the caller gets: behind a batch that cannot be read nothing is skipped.
void SocketConsumer::apply(Arrived arrived, PollResult& result) {
  for (std::size_t i = 0; i < arrived.asked.size(); ++i) {
    const auto& [id, from] = arrived.asked[i];
    const auto found = assigned_.find(id);
    if (found == assigned_.end() || found->second.paused || found->second.position != from) continue;
    PartitionRead& read = arrived.answer[i];
    Assigned& assigned = found->second;
    bool whole = true;
    assigned.high_watermark = read.high_watermark;
    const auto partition = std::make_shared<const TopicPartition>(id);
    for (Bytes& batch : read.batches) {
      auto records = decode_batch(std::make_shared<const Bytes>(std::move(batch)), 0, partition);
      if (!records) {
        read.error = records.error();
        whole = false;
        break;
      }
      if (!(*records)->records.empty()) assigned.position = (*records)->records.back().offset + 1;
      result.batches.push_back(*std::move(records));
    }
    if (whole) assigned.position = read.position;
    assigned.caught_up = whole && read.caught_up;
    if (read.error) result.errors.push_back({id, *std::move(read.error)});
  }
}

Result<PollResult> SocketConsumer::poll(std::size_t bytes_max) {
  bytes_max_ = bytes_max;
  PollResult result;
  TIDEMILL_ASSIGN(const bool news, receive());
  for (; news && !arrived_.empty(); arrived_.pop_front()) apply(std::move(arrived_.front()), result);
  ask();
  TIDEMILL_TRY(channel_->pump());
  return result;
}

Result<Offset> SocketConsumer::position(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  if (found == assigned_.end()) {
    return Error{ErrorKind::kInvalidArgument, "position: " + to_string(partition) + " is not assigned to this consumer"};
  }
  return found->second.position;
}

bool SocketConsumer::caught_up(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  return found != assigned_.end() && found->second.caught_up;
}

std::optional<Offset> SocketConsumer::high_watermark(const TopicPartition& partition) const {
  const auto found = assigned_.find(partition);
  return found == assigned_.end() ? std::nullopt : found->second.high_watermark;
}

bool SocketConsumer::wait(MonotonicTime deadline) {
  while (true) {
    const auto news = receive();
    if (!news || *news) return true;  // an error shows at the next poll, too
    ask();
    if (!channel_->pump()) return true;
    if (!channel_->wait(deadline, woken_.number())) return false;
    if (clear_event(woken_.number())) return true;
  }
}

}  // namespace tidemill::embedded
