#include "log_embedded/journal_entry.hpp"

#include "log_embedded/wire.hpp"

namespace tidemill::embedded {
namespace {

void write(WireWriter& out, const TopicPartition& partition) {
  out.text(partition.topic);
  out.number(partition.partition.value);
}
TopicPartition read_partition(WireReader& in) {
  std::string topic(in.text());
  return {std::move(topic), PartitionId(in.number<std::int32_t>())};
}

}  // namespace

Bytes encode(const JournalEntry& entry) {
  Bytes bytes;
  WireWriter out(bytes);
  out.number(static_cast<std::uint8_t>(entry.type));
  out.number(entry.next_producer_id);
  out.number(static_cast<std::uint32_t>(entry.partitions.size()));
  for (const PartitionEnd& end : entry.partitions) {
    write(out, end.partition);
    out.number(end.end.value);
    out.number(end.log_start.value);
    out.number(end.cleaned.value);
    out.number(end.leader_epoch.value);
    out.number(static_cast<std::uint32_t>(end.batches.size()));
    for (const auto& batch : end.batches) out.text(*batch);
  }
  out.number(static_cast<std::uint32_t>(entry.offsets.size()));
  for (const GroupOffset& offset : entry.offsets) {
    out.text(offset.group);
    write(out, offset.position.partition);
    out.number(offset.position.offset.value);
    out.number(offset.position.leader_epoch.value);
    out.text(offset.position.metadata);
  }
  out.number(static_cast<std::uint32_t>(entry.topics.size()));
  for (const TopicSpec& topic : entry.topics) {
    out.text(topic.name);
    out.number(topic.partitions);
    out.number(static_cast<std::uint32_t>(topic.config.size()));
    for (const auto& [key, value] : topic.config) out.text(key), out.text(value);
  }
  return bytes;
}

Result<JournalEntry> decode_journal_entry(BytesView bytes) {
  WireReader in(bytes);
  JournalEntry entry;
  entry.type = static_cast<JournalEntry::Type>(in.number<std::uint8_t>());
  entry.next_producer_id = in.number<std::int64_t>();
  for (auto count = in.count(); count > 0 && in.ok(); --count) {
    PartitionEnd end;
    end.partition = read_partition(in);
    end.end = Offset(in.number<std::int64_t>());
    end.log_start = Offset(in.number<std::int64_t>());
    end.cleaned = Offset(in.number<std::int64_t>());
    end.leader_epoch = LeaderEpoch(in.number<std::int32_t>());
    for (auto batches = in.count(); batches > 0 && in.ok(); --batches) {
      end.batches.push_back(std::make_shared<const Bytes>(in.text()));
    }
    entry.partitions.push_back(std::move(end));
  }
  for (auto count = in.count(); count > 0 && in.ok(); --count) {
    GroupOffset offset;
    offset.group = in.text();
    offset.position.partition = read_partition(in);
    offset.position.offset = Offset(in.number<std::int64_t>());
    offset.position.leader_epoch = LeaderEpoch(in.number<std::int32_t>());
    offset.position.metadata = in.text();
    entry.offsets.push_back(std::move(offset));
  }
  for (auto count = in.count(); count > 0 && in.ok(); --count) {
    TopicSpec topic;
    topic.name = in.text();
    topic.partitions = in.number<std::int32_t>();
    for (auto keys = in.count(); keys > 0 && in.ok(); --keys) {
      std::string key(in.text());
      topic.config[std::move(key)] = in.text();
    }
    entry.topics.push_back(std::move(topic));
  }
  if (!in.at_end()) return Error{ErrorKind::kCorruption, "journal entry: malformed, or of a newer version"};
  return entry;
}

}  // namespace tidemill::embedded
