// dump: what lies in the files of a data directory, entry by entry and batch by batch, for an engineer in
// trouble. One line each, `name=value` words, so that grep helps.
#include <algorithm>
#include <cstdio>
#include <tidemill/adapters/embedded_log_files.hpp>

#include "commands.hpp"

namespace tool {
namespace {

long long number(std::int64_t value) { return value; }

bool wanted(const DumpOptions& options, const tidemill::TopicPartition& partition) {
  return (options.topic.empty() || partition.topic == options.topic) &&
         (options.partition < 0 || partition.partition.value == options.partition);
}

void print(const DumpOptions& options, const tidemill::JournalEntryInfo& entry) {
  std::printf("  entry=%llu byte=%llu size=%llu %s synced=%llu next_producer=%lld\n",
              static_cast<unsigned long long>(entry.sequence), static_cast<unsigned long long>(entry.position),
              static_cast<unsigned long long>(entry.size_bytes), entry.type.c_str(),
              static_cast<unsigned long long>(entry.synced), number(entry.next_producer_id));
  for (const auto& topic : entry.topics) {
    if (!options.topic.empty() && topic.name != options.topic) continue;
    std::printf("      topic=%s partitions=%d", topic.name.c_str(), topic.partitions);
    for (const auto& [key, value] : topic.config) std::printf(" %s=%s", key.c_str(), value.c_str());
    std::printf("\n");
  }
  for (const auto& end : entry.partitions) {
    if (!wanted(options, end.partition)) continue;
    std::printf("      partition=%s end=%lld start=%lld epoch=%d", to_string(end.partition).c_str(), number(end.end.value),
                number(end.log_start.value), end.leader_epoch.value);
    if (end.cleaned.value > 0) std::printf(" cleaned=%lld", number(end.cleaned.value));
    if (end.batches > 0) std::printf(" batches=%zu bytes=%llu", end.batches, static_cast<unsigned long long>(end.batch_bytes));
    std::printf("\n");
  }
  for (const auto& [group, position] : entry.offsets) {
    if (!wanted(options, position.partition)) continue;
    std::printf("      group=%s partition=%s offset=%lld epoch=%d metadata=\"%s\"\n", group.c_str(),
                to_string(position.partition).c_str(), number(position.offset.value), position.leader_epoch.value,
                to_text(tidemill::BytesView(position.metadata), "auto").c_str());
  }
}

void print(const DumpOptions& options, const std::vector<tidemill::JournalFileInfo>& journal) {
  for (const auto& file : journal) {
    std::printf("%s%s entries=%zu ends_at_byte=%llu%s\n", file.path.c_str(), file.current ? " current" : "",
                file.entries.size(), static_cast<unsigned long long>(file.end), file.torn ? " torn" : "");
    for (const auto& entry : file.entries) print(options, entry);
    if (file.problem) std::printf("  PROBLEM: %s\n", file.problem->message.c_str());
  }
}

void print(const DumpOptions& options, const tidemill::TopicPartition& partition, const tidemill::StoredBatchInfo& batch,
           const tidemill::JournaledEnd* journaled) {
  std::printf("    byte=%llu size=%llu", static_cast<unsigned long long>(batch.position),
              static_cast<unsigned long long>(batch.size_bytes));
  // A header that could not be read has said nothing.
  if (!batch.compression.empty()) {
    std::printf(" offsets=%lld..%lld records=%d epoch=%d producer=%lld producer_epoch=%d sequence=%d compression=%s "
                "time=%s..%s",
                number(batch.base_offset.value), number(batch.last_offset.value), batch.record_count, batch.leader_epoch.value,
                number(batch.producer_id), batch.producer_epoch, batch.base_sequence, batch.compression.c_str(),
                to_text(batch.base_timestamp).c_str(), to_text(batch.max_timestamp).c_str());
    if (batch.transactional) std::printf(" transactional");
    if (batch.control) std::printf(" control%s%s", batch.marker.empty() ? "" : "=", batch.marker.c_str());
    if (journaled == nullptr || batch.base_offset >= journaled->end) std::printf(" behind-the-last-commit");
  }
  if (batch.problem) {
    std::printf(" PROBLEM: %s\n", batch.problem->message.c_str());
  } else {
    std::printf(" crc=ok\n");
  }
  if (!options.records || batch.control || !batch.records) return;
  for (const auto& record : batch.records->records)
    std::printf("      %s\n", to_json_line(partition, record, options.types).c_str());
}

/// Throws unless something of what is wanted is in the journal or has files.
void require_any(const Where& where, const DumpOptions& options, const tidemill::JournaledState& state,
                 const std::vector<tidemill::TopicPartition>& partitions) {
  std::vector<std::string> topics;
  std::int32_t count = 0;  // of the wanted topic's partitions
  for (const auto& spec : state.topics) {
    topics.push_back(spec.name);
    if (options.topic.empty() || spec.name == options.topic) count = std::max(count, spec.partitions);
  }
  for (const auto& partition : partitions) {
    topics.push_back(partition.topic);
    if (options.topic.empty() || partition.topic == options.topic) count = std::max(count, partition.partition.value + 1);
  }
  if (!options.topic.empty() && std::find(topics.begin(), topics.end(), options.topic) == topics.end()) {
    const std::string near = nearest(options.topic, topics);
    throw std::runtime_error("there is no topic \"" + options.topic + "\" in " + where.data +
                             (near.empty() ? ": `tidemill topics list` shows all" : "; did you mean \"" + near + "\"?"));
  }
  if (options.partition < count || options.partition < 0) return;
  throw std::runtime_error(options.topic.empty()
                               ? "no topic in " + where.data + " has a partition " + std::to_string(options.partition)
                               : no_partition(options.topic, static_cast<std::size_t>(count), options.partition));
}

}  // namespace

int dump(const Where& where, const DumpOptions& options) {
  where.require_data("dump");
  const auto files = tidemill::EmbeddedLogFiles::open(where.data).value();
  if (files->unlocked())
    std::fprintf(stderr, "tidemill: %s; the files are read beside it\n", files->unlocked()->message.c_str());
  const auto journal = files->journal().value();
  const tidemill::JournaledState state = tidemill::journaled_state(journal);
  const std::vector<tidemill::TopicPartition> partitions = files->partitions().value();
  require_any(where, options, state, partitions);
  if (options.journal) print(options, journal);
  for (const auto& partition : partitions) {
    if (!wanted(options, partition)) continue;
    const tidemill::JournaledEnd* journaled = nullptr;
    for (const auto& end : state.partitions) journaled = end.partition == partition ? &end : journaled;
    if (journaled == nullptr) {
      std::printf("%s not in the journal\n", to_string(partition).c_str());
    } else {
      std::printf("%s start=%lld end=%lld epoch=%d\n", to_string(partition).c_str(), number(journaled->log_start.value),
                  number(journaled->end.value), journaled->leader_epoch.value);
    }
    const auto segments = files->segments(partition);
    if (!segments) {
      std::printf("  PROBLEM: %s\n", segments.error().message.c_str());
      continue;
    }
    for (const auto& segment : *segments) {
      std::printf("  %s size=%llu\n", segment.path.c_str(), static_cast<unsigned long long>(segment.size_bytes));
      const auto read = files->read(partition, segment, [&](const tidemill::StoredBatchInfo& batch) {
        print(options, partition, batch, journaled);
        return true;
      });
      if (!read) std::printf("  PROBLEM: %s\n", read.error().message.c_str());
    }
  }
  return 0;
}

}  // namespace tool
