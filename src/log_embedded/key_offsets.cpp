#include "log_embedded/key_offsets.hpp"

#include <algorithm>

namespace tidemill::embedded {

void KeyOffsets::put(BytesView key, Offset offset) {
  if (const auto found = offsets_.find(key); found != offsets_.end()) {
    found->second = offset.value;
    return;
  }
  char* copy = room_for(key.size());
  std::copy(key.begin(), key.end(), copy);
  key_bytes_ += key.size();
  offsets_.emplace(std::string_view(copy, key.size()), offset.value);
}

char* KeyOffsets::room_for(std::size_t bytes) {
  if (bytes > kChunkBytes / 4) return large_.emplace_back(new char[bytes]).get();
  if (chunks_.empty() || chunk_left_ < bytes) {
    chunks_.emplace_back(new char[kChunkBytes]);
    chunk_left_ = kChunkBytes;
  }
  chunk_left_ -= bytes;
  return chunks_.back().get() + (kChunkBytes - chunk_left_ - bytes);
}

Offset KeyOffsets::find(BytesView key) const {
  const auto found = offsets_.find(key);
  return found == offsets_.end() ? kNoOffset : Offset(found->second);
}

}  // namespace tidemill::embedded
