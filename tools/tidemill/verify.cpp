// verify: what the journal says is there must be there, whole and in order, in the segments.
//
// Checked: the journal's entries; each partition's batches from its log start to its journaled end
// (checksums, framing, records, offsets without gap unless compacted, leader epochs, sequence numbers of
// producers, markers that end a transaction); groups' positions. What lies behind a journaled end is of no
// commit: the next owner cuts it off, and it is only mentioned. Beside an owner the files change while they
// are read: a problem counts when it is still there after the journal was read anew.
#include <algorithm>
#include <cstdio>
#include <map>
#include <tidemill/adapters/embedded_log_files.hpp>
#include <tidemill/base/storage.hpp>

#include "commands.hpp"

namespace tool {
namespace {

constexpr std::size_t kProblemsShown = 20;
constexpr int kLooks = 3;  // at a partition that changes while it is read

using tidemill::Offset;
using tidemill::StoredBatchInfo;

struct Findings {
  std::vector<std::string> problems;
  std::vector<std::string> notes;
  std::int64_t batches = 0;
  std::int64_t records = 0;
  std::uint64_t bytes = 0;

  void add(Findings other) {
    problems.insert(problems.end(), other.problems.begin(), other.problems.end());
    notes.insert(notes.end(), other.notes.begin(), other.notes.end());
    batches += other.batches;
    records += other.records;
    bytes += other.bytes;
  }
};

std::string text(Offset offset) { return std::to_string(offset.value); }

// Walks the batches of one partition up to its journaled end.
class PartitionCheck {
 public:
  PartitionCheck(const tidemill::EmbeddedLogFiles& files, const tidemill::JournaledEnd& journaled, bool compacted)
      : files_(files), journaled_(journaled), compacted_(compacted) {}

  Findings run() {
    const auto segments = files_.segments(journaled_.partition);
    if (!segments && segments.error().kind != tidemill::ErrorKind::kNotFound) {
      problem(segments.error().message);
      return std::move(findings_);
    }
    for (std::size_t i = 0; segments && !stopped_ && i < segments->size(); ++i) {
      const bool deleted = i + 1 < segments->size() && (*segments)[i + 1].base <= journaled_.log_start;
      if (!deleted) check_segment((*segments)[i]);
    }
    check_end();
    return std::move(findings_);
  }

 private:
  void check_segment(const tidemill::StoredSegment& segment) {
    if (!next_) {
      if (segment.base > journaled_.log_start && journaled_.end > journaled_.log_start) {
        problem("the offsets " + text(journaled_.log_start) + " to " + text(segment.base - 1) + " are missing at its front");
      }
      next_ = segment.base;
    } else if (segment.base != *next_ && segment.base < journaled_.end) {
      problem(segment.path + " begins at offset " + text(segment.base) + "; what is before it ends at " + text(*next_));
      next_ = segment.base;
    }
    const auto read = files_.read(journaled_.partition, segment, [&](const StoredBatchInfo& batch) {
      check_batch(segment, batch);
      return !stopped_;
    });
    if (!read) problem(read.error().message);
  }

  void check_batch(const tidemill::StoredSegment& segment, const StoredBatchInfo& batch) {
    const bool readable = batch.base_offset >= *next_ || !batch.problem;
    const Offset at = readable ? batch.base_offset : *next_;
    if (at >= journaled_.end || *next_ >= journaled_.end) {
      stopped_ = true;
      if (files_.unlocked()) return;  // its owner is writing on
      note("there are " + std::to_string(segment.size_bytes - batch.position) + " bytes behind the last commit, at byte " +
           std::to_string(batch.position) + " of " + segment.path + "; the next owner cuts them off");
      return;
    }
    const std::string where = segment.path + " byte " + std::to_string(batch.position) + " (offset " + text(at) + "): ";
    if (batch.problem) {
      problem(where + batch.problem->message);
      if (batch.base_offset < *next_ || batch.last_offset < batch.base_offset) {
        stopped_ = true;  // its header cannot be believed either
        unread_from_ = at;
        return;
      }
    }
    ++findings_.batches;
    findings_.bytes += batch.size_bytes;
    if (!batch.control) findings_.records += batch.record_count;
    if (!batch.problem) {
      check_order(where, batch);
      if (!compacted_) {
        check_sequence(where, batch);
        check_transaction(where, batch);
      }
    }
    next_ = batch.last_offset + 1;
  }

  void check_order(const std::string& where, const StoredBatchInfo& batch) {
    if (batch.base_offset < *next_) problem(where + "it should not come before offset " + text(*next_));
    if (batch.base_offset > *next_ && !compacted_)
      problem(where + "the offsets from " + text(*next_) + " on are missing before it");
    if (!compacted_ && batch.last_offset - batch.base_offset + 1 != batch.record_count) {
      problem(where + std::to_string(batch.record_count) + " records for the offsets to " + text(batch.last_offset));
    }
    if (batch.leader_epoch < epoch_) {
      problem(where + "leader epoch " + std::to_string(batch.leader_epoch.value) + " behind " + std::to_string(epoch_.value));
    }
    epoch_ = std::max(epoch_, batch.leader_epoch);
  }

  void check_sequence(const std::string& where, const StoredBatchInfo& batch) {
    if (batch.producer_id < 0 || batch.base_sequence < 0) return;
    const auto known = sequences_.find(batch.producer_id);
    if (known != sequences_.end() && known->second.first == batch.producer_epoch &&
        known->second.second != batch.base_sequence) {
      problem(where + "producer " + std::to_string(batch.producer_id) + " has sequence " + std::to_string(batch.base_sequence) +
              " where " + std::to_string(known->second.second) + " should follow");
    }
    const std::int64_t next = (static_cast<std::int64_t>(batch.base_sequence) + batch.record_count) & 0x7fffffff;
    sequences_[batch.producer_id] = {batch.producer_epoch, static_cast<std::int32_t>(next)};
  }

  void check_transaction(const std::string& where, const StoredBatchInfo& batch) {
    if (!batch.transactional) return;
    if (!batch.control) {
      open_.try_emplace(batch.producer_id, batch.base_offset);
      return;
    }
    if (open_.erase(batch.producer_id) == 0 && journaled_.log_start.value == 0) {
      problem(where + "a marker (" + batch.marker + ") of producer " + std::to_string(batch.producer_id) +
              ", which has no transaction here");
    }
  }

  void check_end() {
    const Offset end = next_.value_or(journaled_.log_start);
    if (end < journaled_.end && !unread_from_) {
      const std::string missing = "the segments end at offset " + text(end) + ", the last commit at " + text(journaled_.end);
      if (journaled_.first_offset && *journaled_.first_offset <= end) {
        note(missing + "; the journal holds the records between, and the next owner restores them");
      } else {
        problem(missing + ": the records between are lost");
      }
    } else if (unread_from_) {
      problem("what follows up to offset " + text(journaled_.end) + " was not looked at");
    }
    for (const auto& [producer, first] : open_) {
      if (!files_.unlocked() && !stopped_early()) {
        note("a transaction of producer " + std::to_string(producer) + " is open from offset " + text(first) +
             " on; the next owner aborts it");
      }
    }
  }
  [[nodiscard]] bool stopped_early() const { return unread_from_.has_value(); }

  void problem(const std::string& what) { findings_.problems.push_back(to_string(journaled_.partition) + ": " + what); }
  void note(const std::string& what) { findings_.notes.push_back(to_string(journaled_.partition) + ": " + what); }

  const tidemill::EmbeddedLogFiles& files_;
  const tidemill::JournaledEnd& journaled_;
  bool compacted_;
  Findings findings_;
  std::optional<Offset> next_;  // the offset that should follow
  std::optional<Offset> unread_from_;
  bool stopped_ = false;
  tidemill::LeaderEpoch epoch_{0};
  std::map<std::int64_t, std::pair<std::int16_t, std::int32_t>> sequences_;  // producer -> epoch, next sequence
  std::map<std::int64_t, Offset> open_;
};

/// Its offsets may have gaps.
bool compacted(const tidemill::JournaledState& state, const tidemill::JournaledEnd& journaled) {
  for (const auto& spec : state.topics) {
    const auto policy = spec.config.find("cleanup.policy");
    if (spec.name != journaled.partition.topic || policy == spec.config.end()) continue;
    if (policy->second.find("compact") != std::string::npos) return true;
  }
  return journaled.cleaned.value > 0;
}

const tidemill::JournaledEnd* find(const tidemill::JournaledState& state, const tidemill::TopicPartition& id) {
  for (const auto& end : state.partitions) {
    if (end.partition == id) return &end;
  }
  return nullptr;
}

Findings check_partition(const tidemill::EmbeddedLogFiles& files, const tidemill::JournaledState& state,
                         const tidemill::JournaledEnd& journaled) {
  Findings found = PartitionCheck(files, journaled, compacted(state, journaled)).run();
  for (int look = 1; look < kLooks && files.unlocked() && !found.problems.empty(); ++look) {
    const tidemill::JournaledState now = tidemill::journaled_state(files.journal().value());
    const tidemill::JournaledEnd* end = find(now, journaled.partition);
    if (end == nullptr) return {};  // deleted meanwhile
    found = PartitionCheck(files, *end, compacted(now, *end)).run();
  }
  return found;
}

Findings check_journal(const std::vector<tidemill::JournalFileInfo>& journal) {
  Findings found;
  bool any = false;
  for (const auto& file : journal) {
    if (file.problem) found.problems.push_back(file.problem->message);
    if (file.torn && file.current) {
      found.notes.push_back(file.path + ": the entry at byte " + std::to_string(file.end) +
                            " is torn and was never acknowledged; the next owner cuts it off");
    }
    if (!file.current) continue;
    any = true;
    if (file.entries.front().type != "checkpoint") {
      found.problems.push_back(file.path + ": its first entry is no checkpoint but a " + file.entries.front().type);
    }
  }
  if (!any) found.problems.push_back("journal: there is no entry that can be read");
  return found;
}

Findings check_groups(const tidemill::JournaledState& state) {
  Findings found;
  for (const auto& [group, position] : state.offsets) {
    const tidemill::JournaledEnd* end = find(state, position.partition);
    const std::string where = "group " + group + ": its position in " + to_string(position.partition);
    if (end == nullptr) {
      found.problems.push_back(where + " is in no partition of this log");
    } else if (position.offset > end->end) {
      found.problems.push_back(where + " is " + text(position.offset) + ", behind the partition's end " + text(end->end));
    }
  }
  return found;
}

/// What there is instead, when the journal is what is missing.
tidemill::Error without_journal(const Where& where, tidemill::Error error) {
  const auto names = tidemill::real_storage(where.data)->list("");
  if (error.kind != tidemill::ErrorKind::kNotFound || !names) return error;
  const auto topics = tidemill::real_storage(where.data)->list("topics");
  std::string found;
  for (const std::string& name : *names) found += (found.empty() ? "" : ", ") + name;
  error.message =
      where.data + " has no journal, so it is no log that can be opened; it has " + (found.empty() ? "nothing" : found);
  if (topics) {
    const auto deleted = [](const std::string& name) { return name.starts_with('~'); };
    error.message += "; in topics are " + std::to_string(topics->size() - std::ranges::count_if(*topics, deleted)) +
                     " partitions, and which of their records are committed was in the journal: bring it back from a copy";
  }
  return error;
}

}  // namespace

int verify(const Where& where) {
  where.require_data("verify");
  const auto opened = tidemill::EmbeddedLogFiles::open(where.data);
  if (!opened) throw tidemill::ResultException(without_journal(where, opened.error()));
  const auto& files = *opened;
  if (files->unlocked())
    std::fprintf(stderr, "tidemill: %s; the files are read beside it\n", files->unlocked()->message.c_str());
  const std::vector<tidemill::JournalFileInfo> journal = files->journal().value();
  const tidemill::JournaledState state = tidemill::journaled_state(journal);
  Findings found = check_journal(journal);
  for (const auto& journaled : state.partitions) found.add(check_partition(*files, state, journaled));
  found.add(check_groups(state));
  if (!files->unlocked()) {
    for (const auto& partition : files->partitions().value()) {
      if (find(state, partition) == nullptr) {
        found.notes.push_back(to_string(partition) + ": is not in the journal: left over from a creation or deletion");
      }
    }
  }
  for (const std::string& note : found.notes) std::printf("note: %s\n", note.c_str());
  for (std::size_t i = 0; i < std::min(kProblemsShown, found.problems.size()); ++i)
    std::printf("PROBLEM: %s\n", found.problems[i].c_str());
  if (found.problems.size() > kProblemsShown) std::printf("and %zu more\n", found.problems.size() - kProblemsShown);
  std::printf("%zu topics, %zu partitions, %lld batches, %lld records, %llu bytes: %zu problems\n", state.topics.size(),
              state.partitions.size(), static_cast<long long>(found.batches), static_cast<long long>(found.records),
              static_cast<unsigned long long>(found.bytes), found.problems.size());
  return found.problems.empty() ? 0 : 1;
}

}  // namespace tool
