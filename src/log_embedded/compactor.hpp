// Compactor: one compaction of one partition, on the segments as they were when it began; it needs no lock.
//
// First the keys of the dirty part are read into a bounded table; then, from the partition's start on, each group of
// neighbouring segments that fit into one is written anew into a file beside them, and synced. install() puts the file into
// their place. A crash at any moment leaves either the old segments or the new one, see finish_compactions() in recovery:
// `<base>.cleaned` is not whole and is thrown away; `<base>.swap` is whole, and takes the place of all that it covers.
#pragma once

#include <atomic>

#include "log_embedded/compaction_filter.hpp"
#include "log_embedded/open_files.hpp"
#include "log_embedded/segment.hpp"

namespace tidemill::embedded {

inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";

struct CompactionInput {
  std::shared_ptr<const TopicPartition> partition;
  std::string directory;
  std::vector<Segment> segments;  // from the first one on; they share the files
  Offset end;                     // of the last of them
  Offset cleaned;                 // where the dirty part begins
  AbortedTransactions aborted;
  CompactionFilter::Rules rules;
  std::uint64_t segment_bytes = 0;
};

/// A new segment and the ones whose place it takes.
struct CompactedSegment {
  Segment segment;
  Offset end;
  std::vector<std::string> replaced;  // paths, oldest first
  std::uint64_t bytes_before = 0;
};

class Compactor {
 public:
  /// `stop` ends the work early, with kClosed.
  Compactor(Storage& storage, OpenFiles& files, CompactionInput input, std::size_t key_bytes_max,
            const std::atomic<bool>& stop);

  /// Where the partition is compacted up to when all groups have been installed. Call first, once.
  [[nodiscard]] Result<Offset> read_keys();
  /// The next group that becomes smaller, written and synced; nullopt: there is no more. Install it before the next call.
  [[nodiscard]] Result<std::optional<CompactedSegment>> next();
  /// Puts the new file into its place. On error the old segments are untouched, unless half_installed(): then only opening
  /// the log again puts it right.
  [[nodiscard]] Result<void> install(CompactedSegment& compacted);
  [[nodiscard]] bool half_installed() const { return half_installed_; }

 private:
  class Output;
  [[nodiscard]] std::size_t group_end(std::size_t first) const;
  [[nodiscard]] Offset end_of(std::size_t segment) const;
  [[nodiscard]] Result<std::optional<CompactedSegment>> write_group(std::size_t first, std::size_t behind);
  void discard(const CompactedSegment& compacted);
  [[nodiscard]] Result<void> filter_segment(const Segment& segment, bool last_of_group, Output& output);

  Storage& storage_;
  OpenFiles& files_;
  CompactionInput input_;
  const std::atomic<bool>& stop_;
  KeyOffsets keys_;
  CompactionFilter filter_;
  std::size_t next_ = 0;  // the first segment of the next group
  bool half_installed_ = false;
};

}  // namespace tidemill::embedded
