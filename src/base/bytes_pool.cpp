#include "base/bytes_pool.hpp"

#include <utility>

namespace tidemill {

Bytes BytesPool::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return {};
  Bytes bytes = std::move(free_.back());  // the one used last: it may still be in the processor's cache
  free_.pop_back();
  free_bytes_ -= bytes.capacity();
  return bytes;
}

void BytesPool::give(Bytes bytes) {
  const std::lock_guard lock(mutex_);
  if (free_bytes_ + bytes.capacity() > kBytesMax) return;
  free_bytes_ += bytes.capacity();
  free_.push_back(std::move(bytes));
}

std::shared_ptr<const Bytes> BytesPool::share(Bytes bytes) {
  struct Lent {
    Lent(std::shared_ptr<BytesPool> pool_in, Bytes bytes_in) : pool(std::move(pool_in)), bytes(std::move(bytes_in)) {}
    ~Lent() { pool->give(std::move(bytes)); }
    std::shared_ptr<BytesPool> pool;
    Bytes bytes;
  };
  auto lent = std::make_shared<Lent>(shared_from_this(), std::move(bytes));
  return {lent, &lent->bytes};
}

}  // namespace tidemill
