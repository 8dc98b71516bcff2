#include <tidemill/adapters/embedded_log_files.hpp>

#include <algorithm>
#include <charconv>
#include <map>

#include "log/record_batch_codec.hpp"
#include "log_embedded/journal.hpp"

namespace tidemill {
namespace {

constexpr const char* kJournalFiles[] = {"journal/journal-a", "journal/journal-b"};

std::string type_name(embedded::JournalEntry::Type type) {
  using Type = embedded::JournalEntry::Type;
  switch (type) {
    case Type::kCheckpoint: return "checkpoint";
    case Type::kCommit: return "commit";
    case Type::kTopicCreated: return "topic created";
    case Type::kTopicDeleted: return "topic deleted";
    case Type::kTopicAltered: return "topic altered";
  }
  return "type " + std::to_string(static_cast<int>(type));
}

std::string codec_name(std::uint8_t codec) {
  constexpr const char* kNames[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  return codec < std::size(kNames) ? kNames[codec] : "codec " + std::to_string(codec);
}

JournalEntryInfo describe(const embedded::RawJournalEntry& raw, const embedded::JournalEntry& entry) {
  JournalEntryInfo info;
  info.position = raw.position;
  info.sequence = raw.sequence;
  info.size_bytes = raw.body.size();
  info.type = type_name(entry.type);
  info.next_producer_id = entry.next_producer_id;
  for (const embedded::PartitionEnd& end : entry.partitions) {
    JournaledEnd& row = info.partitions.emplace_back();
    row.partition = end.partition;
    row.end = end.end;
    row.log_start = end.log_start;
    row.leader_epoch = end.leader_epoch;
    row.batches = end.batches.size();
    for (const auto& batch : end.batches) row.batch_bytes += batch->size();
    if (end.batches.empty()) continue;
    if (const auto header = read_batch_header(*end.batches.front()); header && *header) row.first_offset = (*header)->base_offset;
  }
  for (const embedded::GroupOffset& offset : entry.offsets) info.offsets.push_back({offset.group, offset.position});
  info.topics = entry.topics;
  return info;
}

StoredBatchInfo describe(const BatchHeader& header, std::uint64_t position) {
  StoredBatchInfo info;
  info.position = position;
  info.size_bytes = header.total_bytes();
  info.base_offset = header.base_offset;
  info.last_offset = header.last_offset();
  info.leader_epoch = header.leader_epoch;
  info.producer_id = header.producer_id;
  info.producer_epoch = header.producer_epoch;
  info.base_sequence = header.base_sequence;
  info.record_count = header.record_count;
  info.base_timestamp = header.base_timestamp;
  info.max_timestamp = header.max_timestamp;
  info.transactional = header.transactional();
  info.control = header.control();
  info.compression = codec_name(header.codec());
  return info;
}

/// Reads the body: what is wrong with it, or its records and what it marks.
void look_into(StoredBatchInfo& info, const BatchHeader& header, Bytes raw, const std::shared_ptr<const TopicPartition>& partition) {
  if (header.control()) {
    const auto checked = check_batch_crc(header, raw);
    const auto type = checked ? read_control_type(raw) : Result<std::optional<ControlType>>(checked.error());
    if (!type) {
      info.problem = type.error();
      return;
    }
    info.marker = !*type ? "other" : **type == ControlType::kCommit ? "commit" : "abort";
  }
  auto records = decode_batch(std::make_shared<const Bytes>(std::move(raw)), 0, partition);
  if (records) {
    info.records = *std::move(records);
  } else {
    info.problem = records.error();
  }
}

}  // namespace

EmbeddedLogFiles::~EmbeddedLogFiles() = default;

Result<std::unique_ptr<EmbeddedLogFiles>> EmbeddedLogFiles::open(const std::string& directory) {
  std::unique_ptr<EmbeddedLogFiles> files(new EmbeddedLogFiles(real_storage(directory)));
  TIDEMILL_ASSIGN(const bool there, files->storage_->exists("journal"));
  if (!there) return Error{ErrorKind::kNotFound, "there is no log in " + directory};
  if (auto lock = files->storage_->lock("lock"); lock.has_value()) {
    files->lock_ = *std::move(lock);
  } else {
    files->unlocked_ = lock.error();
  }
  return files;
}

Result<std::vector<JournalFileInfo>> EmbeddedLogFiles::journal() const {
  std::vector<JournalFileInfo> result;
  std::vector<std::unique_ptr<File>> open_files;
  JournalFileInfo* current = nullptr;
  for (const char* path : kJournalFiles) {
    JournalFileInfo& info = result.emplace_back();
    info.path = path;
    auto file = storage_->open(path, OpenMode::kRead);
    open_files.push_back(file ? *std::move(file) : nullptr);
    if (!open_files.back()) {
      if (file.error().kind != ErrorKind::kNotFound) info.problem = file.error();
      continue;
    }
    TIDEMILL_ASSIGN(const std::vector<embedded::RawJournalEntry> entries,
                    embedded::read_journal_file(*open_files.back(), info.end));
    for (const embedded::RawJournalEntry& raw : entries) {
      const auto entry = embedded::decode_journal_entry(raw.body);
      if (!entry) {
        info.problem = entry.error();
        break;
      }
      info.entries.push_back(describe(raw, *entry));
    }
  }
  for (JournalFileInfo& info : result) {
    const bool newer = current == nullptr || current->entries.empty() ||
                       (!info.entries.empty() && info.entries.front().sequence > current->entries.front().sequence);
    if (newer) current = &info;
  }
  current->current = !current->entries.empty();
  if (!current->current || current->problem) return result;
  const auto index = static_cast<std::size_t>(current - result.data());
  TIDEMILL_ASSIGN(const auto cut_off, embedded::find_journal_entry(*open_files[index], current->end,
                                                                   current->entries.back().sequence));
  if (cut_off && cut_off->synced > current->entries.back().sequence) {
    current->problem = Error{ErrorKind::kCorruption,
                             "the entry at byte " + std::to_string(current->end) + " is damaged, though it was synced; "
                                 "whole ones follow (number " + std::to_string(cut_off->sequence) + " at byte " +
                                 std::to_string(cut_off->position) + ") and are lost with it"};
  }
  return result;
}

Result<std::vector<TopicPartition>> EmbeddedLogFiles::partitions() const {
  std::vector<TopicPartition> result;
  auto names = storage_->list("topics");
  if (!names && names.error().kind == ErrorKind::kNotFound) return result;
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const auto dash = name.rfind('-');
    std::int32_t number = 0;
    if (dash == std::string::npos) continue;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + dash + 1, end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end) continue;
    result.push_back({name.substr(0, dash), PartitionId(number)});
  }
  std::sort(result.begin(), result.end());
  return result;
}

Result<std::vector<StoredSegment>> EmbeddedLogFiles::segments(const TopicPartition& partition) const {
  const std::string directory = "topics/" + to_string(partition);
  TIDEMILL_ASSIGN(const std::vector<std::string> names, storage_->list(directory));
  std::vector<StoredSegment> result;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    StoredSegment segment{directory + "/" + name, Offset(0), 0};
    std::from_chars(name.data(), name.data() + name.size(), segment.base.value);
    auto file = storage_->open(segment.path, OpenMode::kRead);
    if (!file && file.error().kind == ErrorKind::kNotFound) continue;  // an owner has just removed it
    if (!file) return file.error();
    TIDEMILL_ASSIGN(segment.size_bytes, (*file)->size());
    result.push_back(std::move(segment));
  }
  return result;
}

Result<void> EmbeddedLogFiles::read(const TopicPartition& partition_in, const StoredSegment& segment,
                                    UniqueFunction<bool(const StoredBatchInfo&)> each, std::uint64_t from) const {
  const auto partition = std::make_shared<const TopicPartition>(partition_in);
  TIDEMILL_ASSIGN(const std::unique_ptr<File> file, storage_->open(segment.path, OpenMode::kRead));
  TIDEMILL_ASSIGN(const std::uint64_t size, file->size());
  Bytes head;
  for (std::uint64_t at = from; at < size;) {
    TIDEMILL_TRY(file->read_at(at, kBatchHeaderBytes, head));
    const auto header = read_batch_header(head);
    if (!header || !*header) {
      StoredBatchInfo unreadable;
      unreadable.position = at;
      unreadable.size_bytes = size - at;
      unreadable.problem = header ? Error{ErrorKind::kCorruption, "cut short: no whole header"} : header.error();
      (void)each(unreadable);
      return {};
    }
    StoredBatchInfo info = describe(**header, at);
    if (at + info.size_bytes > size) {
      info.problem = Error{ErrorKind::kCorruption, "cut short: " + std::to_string(size - at) + " of " +
                                                       std::to_string(info.size_bytes) + " bytes are there"};
      (void)each(info);
      return {};
    }
    Bytes raw;
    TIDEMILL_TRY(file->read_at(at, info.size_bytes, raw));
    look_into(info, **header, std::move(raw), partition);
    if (!each(info)) return {};
    at += info.size_bytes;
  }
  return {};
}

JournaledState journaled_state(const std::vector<JournalFileInfo>& journal) {
  std::map<std::string, TopicSpec> topics;
  std::map<TopicPartition, JournaledEnd> ends;
  std::map<std::pair<std::string, TopicPartition>, CommitPosition> offsets;
  for (const JournalFileInfo& file : journal) {
    if (!file.current) continue;
    for (const JournalEntryInfo& entry : file.entries) {
      for (const TopicSpec& topic : entry.topics) {
        if (entry.type != "topic deleted") {
          topics[topic.name] = topic;
          continue;
        }
        topics.erase(topic.name);
        std::erase_if(ends, [&](const auto& end) { return end.first.topic == topic.name; });
        std::erase_if(offsets, [&](const auto& offset) { return offset.first.second.topic == topic.name; });
      }
      for (const JournaledEnd& end : entry.partitions) {
        // The batches of several entries follow each other: what counts is from where on the journal has them all.
        JournaledEnd& known = ends[end.partition];
        const bool follows = known.first_offset && (end.batches == 0 ? end.end == known.end : end.first_offset == known.end);
        const std::optional<Offset> from = follows ? known.first_offset : end.first_offset;
        known = end;
        known.first_offset = from;
      }
      for (const JournaledGroupOffset& offset : entry.offsets) {
        offsets[{offset.group, offset.position.partition}] = offset.position;
      }
    }
  }
  JournaledState state;
  for (const auto& [name, topic] : topics) {
    state.topics.push_back(topic);
    for (std::int32_t p = 0; p < topic.partitions; ++p) {
      const TopicPartition id{name, PartitionId(p)};
      JournaledEnd& end = ends[id];
      end.partition = id;
      state.partitions.push_back(end);
    }
  }
  for (const auto& [key, position] : offsets) state.offsets.push_back({key.first, position});
  return state;
}

}  // namespace tidemill
