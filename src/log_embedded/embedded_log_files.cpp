#include <algorithm>
#include <charconv>
#include <map>
#include <tidemill/adapters/embedded_log_files.hpp>

#include "log_embedded/compactor.hpp"
#include "log_embedded/journal.hpp"
#include "log_embedded/socket_log.hpp"

namespace tidemill {
namespace {

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
  info.synced = raw.synced;
  info.size_bytes = raw.body.size();
  info.type = type_name(entry.type);
  info.next_producer_id = entry.next_producer_id;
  for (const embedded::PartitionEnd& end : entry.partitions) {
    JournaledEnd& row = info.partitions.emplace_back();
    row.partition = end.partition;
    row.end = end.end;
    row.log_start = end.log_start;
    row.cleaned = end.cleaned;
    row.leader_epoch = end.leader_epoch;
    row.batches = end.batches.size();
    for (const auto& batch : end.batches) row.batch_bytes += batch->size();
    if (end.batches.empty()) continue;
    if (const auto header = read_batch_header(*end.batches.front()); header && *header)
      row.first_offset = (*header)->base_offset;
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
void look_into(StoredBatchInfo& info, const BatchHeader& header, Bytes raw,
               const std::shared_ptr<const TopicPartition>& partition) {
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

/// The offset behind the last batch of the file.
Result<Offset> end_of(const File& file, const StoredSegment& segment) {
  embedded::SegmentScan scan(file, 0, segment.size_bytes);
  Offset end = segment.base;
  while (true) {
    TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
    if (!header) return end;
    end = header->last_offset() + 1;
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
    if (lock.error().kind == ErrorKind::kLocked) {
      files->unlocked_->message = "process " + std::to_string(embedded::owner_pid(directory)) + " owns " + directory;
    }
  }
  return files;
}

Result<std::vector<JournalFileInfo>> EmbeddedLogFiles::journal() const {
  std::unique_ptr<File> files[2];
  for (int which = 0; which < 2; ++which) {
    auto file = storage_->open(std::string("journal/") + embedded::kJournalFileNames[which], OpenMode::kRead);
    if (!file && file.error().kind != ErrorKind::kNotFound) return file.error();
    if (file) files[which] = *std::move(file);
  }
  TIDEMILL_ASSIGN(const embedded::JournalReading reading, embedded::read_journal("journal", files[0].get(), files[1].get()));
  std::vector<JournalFileInfo> result;
  for (int which = 0; which < 2; ++which) {
    const embedded::RawJournalFile& raw = reading.files[which];
    JournalFileInfo& info = result.emplace_back();
    info.path = raw.path;
    info.current = which == reading.newest && !raw.entries.empty();
    info.end = raw.end;
    info.torn = raw.torn;
    for (const embedded::RawJournalEntry& entry : raw.entries) {
      const auto decoded = embedded::decode_journal_entry(entry.body);
      if (!decoded) {
        info.problem = decoded.error().with_context(raw.path + ", entry " + std::to_string(entry.sequence));
        break;
      }
      info.entries.push_back(describe(entry, *decoded));
    }
    if (reading.damage && which == reading.damaged && !info.problem) info.problem = reading.damage;
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

// A finished compaction that was not put in its place yet (`<base>.swap`) stands for the segments that it
// covers, as it does for the next owner.
Result<std::vector<StoredSegment>> EmbeddedLogFiles::segments(const TopicPartition& partition) const {
  const std::string directory = "topics/" + to_string(partition);
  TIDEMILL_ASSIGN(const std::vector<std::string> names, storage_->list(directory));
  std::map<Offset, StoredSegment> result;
  for (const std::string_view suffix : {std::string_view(".log"), embedded::kSwapSuffix}) {
    for (const std::string& name : names) {
      if (!name.ends_with(suffix)) continue;
      StoredSegment segment{directory + "/" + name, Offset(0), 0};
      std::from_chars(name.data(), name.data() + name.size(), segment.base.value);
      auto file = storage_->open(segment.path, OpenMode::kRead);
      if (!file && file.error().kind == ErrorKind::kNotFound) continue;  // an owner has just removed it
      if (!file) return file.error();
      TIDEMILL_ASSIGN(segment.size_bytes, (*file)->size());
      if (suffix == embedded::kSwapSuffix) {
        TIDEMILL_ASSIGN(const Offset end, end_of(**file, segment));
        result.erase(result.lower_bound(segment.base), result.lower_bound(end));
      }
      result.insert_or_assign(segment.base, std::move(segment));
    }
  }
  std::vector<StoredSegment> sorted;
  for (auto& [base, segment] : result) sorted.push_back(std::move(segment));
  return sorted;
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
        // The batches of several entries follow each other: what counts is from where on the journal has them
        // all.
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
