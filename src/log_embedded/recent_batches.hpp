// RecentBatches: the newest batches of all partitions, in memory, for readers that follow. One bound for the whole log: the
// batch that was appended first, whichever partition's it is, goes first.
//
// Called under the log's lock. Always true: a partition's batches here are contiguous and reach up to its end.
#pragma once

#include <cstddef>
#include <deque>

#include "log_embedded/segment.hpp"

namespace tidemill::embedded {

class RecentBatches {
 public:
  explicit RecentBatches(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  [[nodiscard]] std::size_t size_bytes() const { return bytes_; }

  /// The batches of one partition; the part that PartitionLog holds.
  class Of {
   public:
    explicit Of(RecentBatches& all) : all_(all) {}
    ~Of() { clear(); }
    Of(const Of&) = delete;
    Of& operator=(const Of&) = delete;

    void add(StoredBatch batch);
    /// The first batch that ends at the offset or behind it, if the offset is not before all of them; else null.
    [[nodiscard]] StoredBatch* find(Offset offset);
    [[nodiscard]] const StoredBatch* find(Offset offset) const { return const_cast<Of*>(this)->find(offset); }
    /// Its records have been decoded: they count, too.
    void decoded(const StoredBatch& batch);
    void drop_before(Offset offset);
    void clear();

   private:
    friend class RecentBatches;
    void drop_first();
    RecentBatches& all_;
    std::deque<StoredBatch> batches_;
  };

 private:
  void evict();
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::deque<Of*> order_;  // an entry per batch, oldest first
};

}  // namespace tidemill::embedded
