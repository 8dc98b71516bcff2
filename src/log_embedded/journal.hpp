// Journal: the one place where a commit becomes durable. An append-only sequence of checksummed entries in two
// preallocated files, used in turn: when one is full, a checkpoint of everything opens the other.
//
// Each entry has a number; within a file they have no gaps, so a stale entry of its former life ends the reading. An entry also says
// which entry was known to be synced when it was written: so a torn tail, which nobody was told of, is told from damage.
// append() is called under the log's lock; sync() beside it, by any thread: one fdatasync serves all who wait (group
// commit). After a failed sync the journal is broken for good: close, reopen, recover.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include <tidemill/base/storage.hpp>

#include "log_embedded/journal_entry.hpp"

namespace tidemill::embedded {

/// An entry as it lies in a file; its body is for decode_journal_entry().
struct RawJournalEntry {
  std::uint64_t position = 0;
  std::uint64_t sequence = 0;
  std::uint64_t synced = 0;  // the last entry that was known to be, when this one was written
  Bytes body;
};
struct RawJournalFile {
  std::string path;
  std::vector<RawJournalEntry> entries;  // from its beginning, whole and without a gap
  std::uint64_t end = 0;                 // where they end
  std::uint64_t size = 0;
  bool other_version = false;  // begins with an entry of another version
  bool torn = false;           // there is the beginning of the next entry
};
struct JournalReading {
  RawJournalFile files[2];
  int newest = 0;
  /// An entry that was synced is damaged, or is of another version: what can be read is not what was acknowledged.
  std::optional<Error> damage;
  int damaged = 0;  // which file

  [[nodiscard]] std::uint64_t last() const { return files[newest].entries.empty() ? 0 : files[newest].entries.back().sequence; }
};
inline constexpr const char* kJournalFileNames[] = {"journal-a", "journal-b"};
/// Reads both files (null: there is none) and says which one counts. An owner may be writing to them meanwhile.
[[nodiscard]] Result<JournalReading> read_journal(const std::string& directory, const File* a, const File* b);

class Journal {
 public:
  struct Options {
    std::string directory = "journal";
    std::uint64_t file_bytes = std::uint64_t{64} << 20;
    /// False: sync() does nothing, only checkpoints are synced (`process` durability).
    bool sync_appends = true;
    /// Entries are not synced, checkpoints are; for the test that must find the loss.
    bool skip_sync = false;
  };
  /// What was found, in order; the first one is a checkpoint, unless nothing was ever written.
  struct Found {
    std::unique_ptr<Journal> journal;
    std::vector<JournalEntry> entries;
    /// A tail that was torn, for people; empty: none.
    std::string torn;
  };
  /// kCorruption names the file and the byte: an entry is damaged that was synced, or is of another version.
  [[nodiscard]] static Result<Found> open(Storage& storage, Options options);

  /// An entry of so many bytes does not fit any more: call checkpoint() first. Reserves the place for it, if that is not done:
  /// kDiskFull leaves everything as it was.
  [[nodiscard]] Result<bool> full(std::size_t entry_bytes);
  /// Takes the place of both files on the disk now; as much of it as there is.
  [[nodiscard]] Result<void> reserve_both();
  /// More than half of the file is used.
  [[nodiscard]] bool half_full() const { return position_ > options_.file_bytes / 2; }
  /// No entry may be larger; what is, must be made durable by a checkpoint.
  [[nodiscard]] std::size_t entry_bytes_max() const;
  /// Writes the entry; its ticket is for sync(). On error nothing was written, or the journal is broken.
  [[nodiscard]] Result<std::uint64_t> append(const Bytes& encoded);
  /// Writes the checkpoint into the other file and syncs it; the caller has synced what it stands for.
  [[nodiscard]] Result<void> checkpoint(const Bytes& encoded);
  /// Returns when all entries up to the ticket are durable.
  [[nodiscard]] Result<void> sync(std::uint64_t ticket);
  /// Where sync() does nothing: returns when all that is written is durable, for an entry without which files would be missed.
  [[nodiscard]] Result<void> sync_anyway();
  [[nodiscard]] std::uint64_t last_ticket() const { return sequence_; }

 private:
  explicit Journal(Options options) : options_(std::move(options)) {}
  [[nodiscard]] Result<void> reserve(File& file, std::uint64_t bytes);
  [[nodiscard]] Result<void> write_entry(File& file, std::uint64_t position, const Bytes& encoded);

  Options options_;
  std::shared_ptr<File> files_[2];
  int current_ = 0;
  std::uint64_t position_ = 0;
  std::atomic<std::uint64_t> sequence_{0};  // of the last entry that is wholly written
  std::atomic<std::uint64_t> synced_{0};    // of the last entry that is durable

  std::mutex sync_mutex_;  // guards what follows
  std::condition_variable sync_done_;
  bool syncing_ = false;
  std::optional<Error> broken_;
};

}  // namespace tidemill::embedded
