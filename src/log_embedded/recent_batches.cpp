#include "log_embedded/recent_batches.hpp"

#include <algorithm>

#include <tidemill/base/assert.hpp>

namespace tidemill::embedded {
namespace {

std::size_t size_of(const StoredBatch& batch) { return batch.raw->size() + (batch.decoded ? batch.decoded->size_bytes : 0); }

}  // namespace

void RecentBatches::Of::add(StoredBatch batch) {
  all_.bytes_ += size_of(batch);
  batches_.push_back(std::move(batch));
  all_.order_.push_back(this);
  all_.evict();
}

StoredBatch* RecentBatches::Of::find(Offset offset) {
  if (batches_.empty() || offset < batches_.front().header.base_offset) return nullptr;
  const auto found = std::partition_point(batches_.begin(), batches_.end(),
                                          [&](const StoredBatch& batch) { return batch.header.last_offset() < offset; });
  return found == batches_.end() ? nullptr : &*found;
}

// What is evicted by it may be the batch itself: it is not touched again.
void RecentBatches::Of::decoded(const StoredBatch& batch) { all_.bytes_ += batch.decoded->size_bytes; }

void RecentBatches::Of::drop_before(Offset offset) {
  const auto keep = std::partition_point(batches_.begin(), batches_.end(),
                                         [&](const StoredBatch& batch) { return batch.header.last_offset() < offset; });
  auto left = keep - batches_.begin();
  if (left == 0) return;
  std::erase_if(all_.order_, [&, drop = left](const Of* of) mutable { return of == this && drop-- > 0; });
  for (; left > 0; --left) drop_first();
}

void RecentBatches::Of::clear() {
  if (batches_.empty()) return;
  std::erase(all_.order_, this);
  while (!batches_.empty()) drop_first();
}

void RecentBatches::Of::drop_first() {
  all_.bytes_ -= size_of(batches_.front());
  batches_.pop_front();
}

void RecentBatches::evict() {
  while (bytes_ > bytes_max_ && order_.size() > 1) {
    Of* oldest = order_.front();
    order_.pop_front();
    oldest->drop_first();
  }
}

}  // namespace tidemill::embedded
