#include "log_embedded/journal.hpp"

#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "base/endian.hpp"

namespace tidemill::embedded {
namespace {

// An entry on disk: magic u32, checksum u32 (of all behind it), length u32 of the body, number u64, body.
constexpr std::uint32_t kMagic = 0x544d4a31;  // "TMJ1"
constexpr std::size_t kPrefixBytes = 20;
constexpr std::size_t kChecksumFrom = 8;
constexpr std::uint32_t kBodyBytesMax = std::uint32_t{1} << 31;

/// The entry at the position; nullopt: there is none that is whole.
Result<std::optional<RawJournalEntry>> entry_at(const File& file, std::uint64_t position) {
  Bytes prefix;
  TIDEMILL_TRY(file.read_at(position, kPrefixBytes, prefix));
  if (prefix.size() < kPrefixBytes || load_big_endian<std::uint32_t>(prefix.data()) != kMagic) {
    return std::optional<RawJournalEntry>();
  }
  const auto checksum = load_big_endian<std::uint32_t>(prefix.data() + 4);
  const auto length = load_big_endian<std::uint32_t>(prefix.data() + 8);
  TIDEMILL_ASSIGN(const std::uint64_t size, file.size());
  if (length > kBodyBytesMax || position + kPrefixBytes + length > size) return std::optional<RawJournalEntry>();
  RawJournalEntry entry{position, load_big_endian<std::uint64_t>(prefix.data() + 12), {}};
  TIDEMILL_TRY(file.read_at(position + kPrefixBytes, length, entry.body));
  const std::uint32_t actual = crc32c(entry.body, crc32c(BytesView(prefix).substr(kChecksumFrom)));
  if (entry.body.size() != length || actual != checksum) return std::optional<RawJournalEntry>();
  return std::optional<RawJournalEntry>(std::move(entry));
}

}  // namespace

Result<std::vector<RawJournalEntry>> read_journal_file(const File& file, std::uint64_t& end) {
  std::vector<RawJournalEntry> entries;
  end = 0;
  while (true) {
    TIDEMILL_ASSIGN(std::optional<RawJournalEntry> entry, entry_at(file, end));
    if (!entry || (!entries.empty() && entry->sequence != entries.back().sequence + 1)) break;
    end += kPrefixBytes + entry->body.size();
    entries.push_back(*std::move(entry));
  }
  return entries;
}

Result<std::optional<RawJournalEntry>> find_journal_entry(const File& file, std::uint64_t from, std::uint64_t newer_than) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
  Bytes magic(sizeof kMagic, '\0');
  store_big_endian(magic.data(), kMagic);
  Bytes chunk;
  for (std::uint64_t at = from;; at += chunk.size() - magic.size() + 1) {
    TIDEMILL_TRY(file.read_at(at, kChunkBytes, chunk));
    if (chunk.size() < magic.size()) return std::optional<RawJournalEntry>();
    for (std::size_t found = chunk.find(magic); found != Bytes::npos; found = chunk.find(magic, found + 1)) {
      TIDEMILL_ASSIGN(std::optional<RawJournalEntry> entry, entry_at(file, at + found));
      if (entry && entry->sequence > newer_than) return entry;
    }
  }
}

std::string Journal::path(int which) const { return options_.directory + (which == 0 ? "/journal-a" : "/journal-b"); }

Result<Journal::Found> Journal::open(Storage& storage, Options options) {
  TIDEMILL_TRY(storage.create_directories(options.directory));
  Found found;
  found.journal = std::unique_ptr<Journal>(new Journal(std::move(options)));
  Journal& journal = *found.journal;
  std::vector<RawJournalEntry> best;
  for (int which = 0; which < 2; ++which) {
    TIDEMILL_ASSIGN(std::unique_ptr<File> file, storage.open(journal.path(which), OpenMode::kCreate));
    journal.files_[which] = std::move(file);
    std::uint64_t end = 0;
    TIDEMILL_ASSIGN(std::vector<RawJournalEntry> entries, read_journal_file(*journal.files_[which], end));
    if (entries.empty()) continue;
    if (!best.empty() && best.front().sequence > entries.front().sequence) continue;
    best = std::move(entries);
    journal.current_ = which;
    journal.position_ = end;
  }
  TIDEMILL_TRY(storage.sync_directory(journal.options_.directory));
  for (const RawJournalEntry& raw : best) {
    TIDEMILL_ASSIGN(JournalEntry entry, decode_journal_entry(raw.body));
    found.entries.push_back(std::move(entry));
    journal.sequence_ = raw.sequence;
  }
  journal.synced_ = journal.sequence_.load();
  return found;
}

bool Journal::full(std::size_t entry_bytes) const {
  return position_ > 0 && position_ + kPrefixBytes + entry_bytes > options_.file_bytes;
}

Result<void> Journal::write_entry(File& file, std::uint64_t position, const Bytes& encoded) {
  Bytes entry(kPrefixBytes, '\0');
  store_big_endian(entry.data(), kMagic);
  store_big_endian(entry.data() + 8, static_cast<std::uint32_t>(encoded.size()));
  store_big_endian(entry.data() + 12, sequence_.load() + 1);
  const std::uint32_t checksum = crc32c(encoded, crc32c(BytesView(entry).substr(kChecksumFrom)));
  store_big_endian(entry.data() + 4, checksum);
  entry += encoded;
  TIDEMILL_TRY(file.write_at(position, entry));
  sequence_.fetch_add(1);
  return {};
}

Result<std::uint64_t> Journal::append(const Bytes& encoded) {
  TIDEMILL_CRASH_POINT("journal.before_append");
  TIDEMILL_TRY(write_entry(*files_[current_], position_, encoded));
  position_ += kPrefixBytes + encoded.size();
  TIDEMILL_CRASH_POINT("journal.appended");
  return sequence_.load();
}

Result<void> Journal::checkpoint(const Bytes& encoded) {
  std::unique_lock lock(sync_mutex_);
  sync_done_.wait(lock, [&] { return !syncing_; });
  if (broken_) return *broken_;
  const int other = 1 - current_;
  File& file = *files_[other];
  TIDEMILL_ASSIGN(const std::uint64_t size, file.size());
  if (size < options_.file_bytes) {
    if (auto reserved = file.preallocate(options_.file_bytes);
        !reserved && reserved.error().kind != ErrorKind::kDiskFull) {
      return reserved.error();
    }
  }
  TIDEMILL_TRY(write_entry(file, 0, encoded));
  if (!options_.skip_sync) {
    if (auto synced = file.sync(); !synced) {
      broken_ = synced.error().with_context("the journal could not be synced; close the log and open it again");
      return *broken_;
    }
  }
  current_ = other;
  position_ = kPrefixBytes + encoded.size();
  synced_ = sequence_;
  TIDEMILL_CRASH_POINT("journal.recycled");
  return {};
}

Result<void> Journal::sync(std::uint64_t ticket) {
  std::unique_lock lock(sync_mutex_);
  while (true) {
    if (broken_) return *broken_;
    if (synced_ >= ticket) return {};
    if (syncing_) {
      sync_done_.wait(lock);
      continue;
    }
    syncing_ = true;
    const std::uint64_t target = sequence_;  // all that is written by now: one sync serves whoever waits for it
    const std::shared_ptr<File> file = files_[current_];
    lock.unlock();
    const Result<void> result = options_.skip_sync || !options_.sync_appends ? Result<void>() : file->sync();
    lock.lock();
    syncing_ = false;
    if (!result) {
      broken_ = result.error().with_context("the journal could not be synced; close the log and open it again");
    } else {
      synced_ = std::max(synced_, target);
    }
    sync_done_.notify_all();
    TIDEMILL_CRASH_POINT("journal.synced");
  }
}

}  // namespace tidemill::embedded
