#include "log_embedded/journal.hpp"

#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "base/crc32c.hpp"
#include "base/endian.hpp"

namespace tidemill::embedded {
namespace {

// An entry on disk: magic u32, checksum u32 (of all behind it), length u32 of the body, number u64, synced u64, body.
constexpr std::uint32_t kMagic = 0x544d4a32;  // "TMJ2"
constexpr std::uint32_t kMagicOfAnyVersion = 0x544d4a00;
constexpr std::size_t kPrefixBytes = 28;
constexpr std::size_t kChecksumFrom = 8;
constexpr std::uint64_t kNumbersOfOneOwner = 0xffffffffU;  // the upper half of a number grows with each opening
constexpr std::uint64_t kFileBytesMin = std::uint64_t{1} << 20;
constexpr std::uint32_t kBodyBytesMax = std::uint32_t{1} << 31;

/// The whole entry at the position, if there is one; `begun`: the number of one that begins there.
Result<std::optional<RawJournalEntry>> read_entry(const File& file, std::uint64_t at, std::uint64_t size,
                                                  std::uint64_t& begun) {
  Bytes prefix;
  TIDEMILL_TRY(file.read_at(at, kPrefixBytes, prefix));
  if (prefix.size() < kPrefixBytes || load_big_endian<std::uint32_t>(prefix.data()) != kMagic)
    return std::optional<RawJournalEntry>();
  const auto checksum = load_big_endian<std::uint32_t>(prefix.data() + 4);
  const auto length = load_big_endian<std::uint32_t>(prefix.data() + 8);
  RawJournalEntry entry{
      at, load_big_endian<std::uint64_t>(prefix.data() + 12), load_big_endian<std::uint64_t>(prefix.data() + 20), {}};
  begun = entry.sequence;
  if (length > kBodyBytesMax || at + kPrefixBytes + length > size) return std::optional<RawJournalEntry>();
  TIDEMILL_TRY(file.read_at(at + kPrefixBytes, length, entry.body));
  const std::uint32_t actual = crc32c(entry.body, crc32c(BytesView(prefix).substr(kChecksumFrom)));
  if (entry.body.size() != length || actual != checksum) return std::optional<RawJournalEntry>();
  return std::optional<RawJournalEntry>(std::move(entry));
}

Result<RawJournalFile> read_file(const File* there, std::string path) {
  RawJournalFile raw;
  raw.path = std::move(path);
  if (there == nullptr) return raw;
  const File& file = *there;
  TIDEMILL_ASSIGN(raw.size, file.size());
  while (true) {
    std::uint64_t begun = 0;
    TIDEMILL_ASSIGN(std::optional<RawJournalEntry> entry, read_entry(file, raw.end, raw.size, begun));
    const bool follows = raw.entries.empty() || begun == raw.entries.back().sequence + 1;
    if (!entry || !follows) {
      raw.torn = !raw.entries.empty() && follows;
      break;
    }
    raw.end += kPrefixBytes + entry->body.size();
    raw.entries.push_back(*std::move(entry));
  }
  Bytes magic;
  TIDEMILL_TRY(file.read_at(0, 4, magic));
  if (magic.size() == 4) {
    const auto found = load_big_endian<std::uint32_t>(magic.data());
    raw.other_version = found != kMagic && (found & 0xffffff00U) == kMagicOfAnyVersion;
  }
  return raw;
}

/// A whole entry behind the ones that could be read, with a number above `last`: then what lies between is not a torn tail if
/// that entry knows that it was synced.
Result<std::optional<RawJournalEntry>> find_entry_behind(const File& file, const RawJournalFile& raw, std::uint64_t last) {
  constexpr std::uint64_t kChunkBytes = std::uint64_t{1} << 20;
  const char magic[] = {'T', 'M', 'J', '2'};
  Bytes chunk;
  for (std::uint64_t from = raw.end + 1; from < raw.size; from += kChunkBytes) {
    TIDEMILL_TRY(file.read_at(from, kChunkBytes + sizeof magic - 1, chunk));
    for (std::size_t at = chunk.find(magic, 0, sizeof magic); at != Bytes::npos; at = chunk.find(magic, at + 1, sizeof magic)) {
      std::uint64_t begun = 0;
      TIDEMILL_ASSIGN(std::optional<RawJournalEntry> entry, read_entry(file, from + at, raw.size, begun));
      if (entry && entry->sequence > last) return entry;
    }
  }
  return std::optional<RawJournalEntry>();
}

Error damaged_entry(const RawJournalFile& raw, const std::string& how) {
  return Error{ErrorKind::kCorruption, raw.path + ": the entry at byte " + std::to_string(raw.end) +
                                           " is damaged, though it was synced: " + how + "; restore the file from a copy"};
}

}  // namespace

Result<JournalReading> read_journal(const std::string& directory, const File* a, const File* b) {
  const File* const files[] = {a, b};
  JournalReading reading;
  for (int which = 0; which < 2; ++which) {
    RawJournalFile& raw = reading.files[which];
    TIDEMILL_ASSIGN(raw, read_file(files[which], directory + "/" + kJournalFileNames[which]));
    if (raw.other_version) {
      reading.damage = Error{ErrorKind::kCorruption, raw.path + " is of another version of this program, which must open it"};
      reading.damaged = which;
    }
  }
  const auto first = [](const RawJournalFile& raw) { return raw.entries.empty() ? 0 : raw.entries.front().sequence; };
  reading.newest = first(reading.files[1]) > first(reading.files[0]) ? 1 : 0;
  if (reading.damage || files[reading.newest] == nullptr) return reading;
  // Both files are made before the first entry, and one that does not begin with it follows what the other one has or had.
  const RawJournalFile& newest = reading.files[reading.newest];
  const RawJournalFile& other = reading.files[1 - reading.newest];
  const bool missing = files[1 - reading.newest] == nullptr;
  if (first(newest) > 0 && (missing || (first(newest) > 1 && other.size == 0))) {
    reading.damage =
        Error{ErrorKind::kCorruption, other.path + (missing ? " is missing" : " is empty") +
                                          ", and with it perhaps the last commits: restore the directory journal from a copy"};
    reading.damaged = 1 - reading.newest;
    return reading;
  }
  const std::uint64_t last = reading.last();
  TIDEMILL_ASSIGN(const auto behind, find_entry_behind(*files[reading.newest], newest, last));
  if (behind && behind->synced > last) {
    std::uint64_t begun = 0;
    TIDEMILL_ASSIGN(const auto since, read_entry(*files[reading.newest], newest.end, newest.size, begun));
    const bool written_since = since && since->sequence == last + 1;  // by an owner, while this was read
    if (!written_since) {
      reading.damage = damaged_entry(newest, "entry " + std::to_string(behind->sequence) + " behind it says so");
      reading.damaged = reading.newest;
    }
  } else if (other.entries.empty() && !missing) {
    // Its checkpoint cannot be read. If something was written behind that, it was not torn: it was synced first.
    TIDEMILL_ASSIGN(const auto later, find_entry_behind(*files[1 - reading.newest], other, last));
    if (later) {
      reading.damage = damaged_entry(other, "it is a checkpoint, and entry " + std::to_string(later->sequence) + " follows it");
      reading.damaged = 1 - reading.newest;
    }
  }
  return reading;
}

Result<Journal::Found> Journal::open(Storage& storage, Options options) {
  TIDEMILL_TRY(storage.create_directories(options.directory));
  Found found;
  found.journal = std::unique_ptr<Journal>(new Journal(std::move(options)));
  Journal& journal = *found.journal;
  const std::string& directory = journal.options_.directory;
  const auto path = [&](int which) { return directory + "/" + kJournalFileNames[which]; };
  for (int which = 0; which < 2; ++which) {
    TIDEMILL_ASSIGN(const bool exists, storage.exists(path(which)));
    if (!exists) continue;
    TIDEMILL_ASSIGN(journal.files_[which], storage.open(path(which), OpenMode::kReadWrite));
  }
  TIDEMILL_ASSIGN(const JournalReading reading, read_journal(directory, journal.files_[0].get(), journal.files_[1].get()));
  if (reading.damage) return *reading.damage;
  for (int which = 0; which < 2; ++which) {
    if (journal.files_[which]) continue;
    TIDEMILL_ASSIGN(journal.files_[which], storage.open(path(which), OpenMode::kCreate));
  }
  TIDEMILL_TRY(storage.sync_directory(directory));
  journal.current_ = reading.newest;
  const RawJournalFile& newest = reading.files[reading.newest];
  if (newest.torn) {
    found.torn = newest.path + ": the entry at byte " + std::to_string(newest.end) +
                 ", the last one, is torn and was never acknowledged; it is cut off";
  }
  journal.position_ = newest.end;
  for (const RawJournalEntry& raw : newest.entries) {
    auto entry = decode_journal_entry(raw.body);
    if (!entry) return entry.error().with_context(newest.path + ", entry " + std::to_string(raw.sequence));
    found.entries.push_back(*std::move(entry));
  }
  // What the last owner wrote and nobody can read any more may have had higher numbers: they never come again.
  const std::uint64_t last = reading.last();
  journal.sequence_ = journal.synced_ = last == 0 ? 0 : last | kNumbersOfOneOwner;
  return found;
}

std::size_t Journal::entry_bytes_max() const {
  return std::min<std::uint64_t>(options_.file_bytes, kBodyBytesMax) - kPrefixBytes;
}

// On a disk that is too full for the whole file the journal makes do with less, and is checkpointed more often.
Result<void> Journal::reserve(File& file, std::uint64_t bytes) {
  TIDEMILL_ASSIGN(const std::uint64_t size, file.size());
  if (size >= std::max(options_.file_bytes, bytes)) return {};
  auto reserved = file.preallocate(std::max(options_.file_bytes, bytes));
  if (reserved || reserved.error().kind != ErrorKind::kDiskFull) return reserved;
  options_.file_bytes = std::min(options_.file_bytes, std::max(size, kFileBytesMin));
  return size >= bytes ? Result<void>() : file.preallocate(bytes);
}

Result<void> Journal::reserve_both() {
  for (const auto& file : files_) {
    if (auto reserved = reserve(*file, 0); !reserved && reserved.error().kind != ErrorKind::kDiskFull) return reserved;
  }
  return {};
}

Result<bool> Journal::full(std::size_t entry_bytes) {
  const std::uint64_t end = position_ + kPrefixBytes + entry_bytes;
  if (position_ > 0 && end > options_.file_bytes) return true;
  if (auto reserved = reserve(*files_[current_], end); !reserved) {
    // The other file may have its place already.
    TIDEMILL_ASSIGN(const std::uint64_t other, files_[1 - current_]->size());
    if (position_ > 0 && other >= options_.file_bytes) return true;
    return reserved.error();
  }
  return false;
}

Result<void> Journal::write_entry(File& file, std::uint64_t position, const Bytes& encoded) {
  Bytes entry(kPrefixBytes, '\0');
  store_big_endian(entry.data(), kMagic);
  store_big_endian(entry.data() + 8, static_cast<std::uint32_t>(encoded.size()));
  store_big_endian(entry.data() + 12, sequence_.load() + 1);
  store_big_endian(entry.data() + 20, options_.skip_sync ? 0 : synced_.load());
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
  TIDEMILL_TRY(reserve(file, kPrefixBytes + encoded.size()));
  TIDEMILL_TRY(write_entry(file, 0, encoded));
  if (auto synced = file.sync(); !synced) {
    broken_ = synced.error().with_context("the journal could not be synced; close the log and open it again");
    return *broken_;
  }
  current_ = other;
  position_ = kPrefixBytes + encoded.size();
  synced_ = sequence_.load();
  TIDEMILL_CRASH_POINT("journal.recycled");
  return {};
}

// synced_ stays as it is: a later entry's word that this one was synced would be true, but is needed for nothing.
Result<void> Journal::sync_anyway() {
  if (options_.sync_appends) return {};
  std::unique_lock lock(sync_mutex_);
  if (broken_) return *broken_;
  if (auto synced = files_[current_]->sync(); !synced) {
    broken_ = synced.error().with_context("the journal could not be synced; close the log and open it again");
    return *broken_;
  }
  return {};
}

Result<void> Journal::sync(std::uint64_t ticket) {
  std::unique_lock lock(sync_mutex_);
  while (true) {
    if (broken_) return *broken_;
    if (synced_ >= ticket) return {};
    if (!options_.sync_appends) return {};
    if (syncing_) {
      sync_done_.wait(lock);
      continue;
    }
    syncing_ = true;
    const std::uint64_t target = sequence_;  // all that is written by now: one sync serves whoever waits for it
    const std::shared_ptr<File> file = files_[current_];
    lock.unlock();
    const Result<void> result = options_.skip_sync ? Result<void>() : file->sync();
    lock.lock();
    syncing_ = false;
    if (!result) {
      broken_ = result.error().with_context("the journal could not be synced; close the log and open it again");
    } else {
      synced_ = std::max(synced_.load(), target);
    }
    sync_done_.notify_all();
    TIDEMILL_CRASH_POINT("journal.synced");
  }
}

}  // namespace tidemill::embedded
