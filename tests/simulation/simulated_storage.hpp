// SimulatedStorage: a disk that keeps only what was promised to be kept, and fails when it is told to.
//
// What sync() has not covered is, at a power failure, kept or lost sector by sector; what sync_directory() has not covered
// (files and directories made, renamed, removed) is kept up to some operation of each directory, and no further. A failed
// sync leaves some sectors on the disk and forgets the others for good, as Linux does: a later sync that succeeds proves
// nothing. Everything follows from the seed.
//
// Not simulated: bits that rot, sectors that are half written, a disk that lies about a sync which it reports as done.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include <tidemill/base/random.hpp>
#include <tidemill/base/storage.hpp>

namespace tidemill::simulation {

enum class Operation : std::uint8_t { kOpen, kRead, kWrite, kTruncate, kPreallocate, kSync, kSyncDirectory, kName, kLook };
inline constexpr std::size_t kOperationKinds = 9;
std::string_view to_string(Operation operation);
using Operations = std::set<Operation>;

/// What has gone wrong so far, so that a test can say what it has tested.
struct FaultCounts {
  std::uint64_t failed_writes = 0;
  std::uint64_t failed_syncs = 0;
  std::uint64_t failed_others = 0;
  std::uint64_t disk_full = 0;
  std::uint64_t power_failures = 0;
  std::uint64_t process_deaths = 0;
  std::uint64_t lost_sectors = 0;
  std::uint64_t lost_names = 0;
  FaultCounts& operator+=(const FaultCounts& other);
};

class SimulatedStorage final : public Storage {
 public:
  static constexpr std::uint64_t kSectorBytes = 512;

  explicit SimulatedStorage(std::uint64_t seed);
  ~SimulatedStorage() override;

  /// The n-th operation (from 1) of these kinds from now on fails with that error; with `for_good` all later ones do, too.
  /// A write that fails has written some of its bytes.
  void fail(std::uint64_t nth, Operations kinds, bool for_good = false, ErrorKind error = ErrorKind::kIo);
  void clear_failure();
  /// Called at the beginning of every File::sync(), by whoever calls that; it may wait.
  void set_sync_hook(std::function<void()> hook) { sync_hook_ = std::move(hook); }
  /// True: the failure that was ordered has happened.
  [[nodiscard]] bool failed() const;
  /// Bytes that all files together may have; none: any number.
  void set_capacity(std::optional<std::uint64_t> bytes);
  [[nodiscard]] std::uint64_t used() const;
  [[nodiscard]] std::uint64_t operations(Operation kind) const;
  /// Files that were given a name that ends so.
  [[nodiscard]] std::uint64_t renamed_to(std::string_view suffix) const;
  [[nodiscard]] const FaultCounts& faults() const { return faults_; }

  /// From now on everything fails: whoever has files open can do no more harm. Then power_on() or restart().
  void power_off();
  /// The machine is back, with what the disk has kept.
  void power_on();
  /// Only the process has died: the operating system kept everything.
  void restart();

  [[nodiscard]] Result<std::unique_ptr<File>> open(std::string_view path, OpenMode mode) override;
  [[nodiscard]] Result<void> create_directories(std::string_view path) override;
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view path) const override;
  [[nodiscard]] Result<bool> exists(std::string_view path) const override;
  [[nodiscard]] Result<bool> is_directory(std::string_view path) const override;
  [[nodiscard]] Result<void> rename(std::string_view from, std::string_view to) override;
  [[nodiscard]] Result<void> remove(std::string_view path) override;
  [[nodiscard]] Result<void> remove_all(std::string_view path) override;
  [[nodiscard]] Result<void> sync_directory(std::string_view path) override;
  [[nodiscard]] Result<std::unique_ptr<DirectoryLock>> lock(std::string_view path) override;
  [[nodiscard]] Result<std::uint64_t> free_space() const override;
  [[nodiscard]] std::string real_path(std::string_view) const override { return {}; }

 private:
  /// `cached` is what a reader sees, `disk` what a power failure leaves; `dirty` are the sectors on their way.
  struct Inode {
    Bytes cached;
    Bytes disk;
    std::set<std::uint64_t> dirty;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;  // null: a directory
  struct NameChange {
    enum class Kind : std::uint8_t { kAdd, kRename, kRemove } kind;
    std::string path;
    std::string to;
    std::shared_ptr<Inode> inode;
  };
  class SimulatedFile;
  class SimulatedLock;

  /// Counts the operation; the error, if it is to fail.
  [[nodiscard]] Result<void> begin(Operation kind, std::string_view what) const;
  void change_names(NameChange change);
  static void apply(Names& names, const NameChange& change);
  [[nodiscard]] bool directory_locked(std::string_view path) const;
  [[nodiscard]] bool names_inside(std::string_view path) const;
  [[nodiscard]] std::uint64_t used_locked() const;
  /// How many of `more` bytes still fit.
  [[nodiscard]] std::uint64_t room(std::uint64_t more) const;
  void lose(Inode& inode);
  void lose_names();

  mutable std::mutex mutex_;
  mutable SeededRandom random_;
  Names cached_names_;
  Names disk_names_;
  std::vector<NameChange> pending_;
  std::set<std::string, std::less<>> locks_;
  std::uint64_t life_ = 0;  // grows with each power_on() and restart(); files and locks of an earlier one are dead
  bool off_ = false;
  std::optional<std::uint64_t> capacity_;
  mutable std::array<std::uint64_t, kOperationKinds> operations_{};
  std::vector<std::string> renamed_to_;
  Operations failing_;
  mutable std::uint64_t countdown_ = 0;
  bool for_good_ = false;
  ErrorKind error_ = ErrorKind::kIo;
  mutable bool failed_ = false;
  mutable FaultCounts faults_;
  std::function<void()> sync_hook_;
};

}  // namespace tidemill::simulation
