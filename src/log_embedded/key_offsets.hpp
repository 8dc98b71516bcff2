// KeyOffsets: for each key the offset of its last record, as compaction has seen it. Bounded in bytes: a log with more keys
// is compacted in several passes.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string_view>
#include <vector>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill::embedded {

class KeyOffsets {
 public:
  explicit KeyOffsets(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  /// Offsets must grow from call to call.
  void put(BytesView key, Offset offset);
  /// Over the bound; it still takes the rest of the batch at hand.
  [[nodiscard]] bool full() const { return bytes() >= bytes_max_; }
  [[nodiscard]] std::size_t bytes() const { return key_bytes_ + offsets_.size() * kEntryBytes; }
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }
  /// The last offset of the key; kNoOffset: not seen.
  [[nodiscard]] Offset find(BytesView key) const;
  /// Behind the last record that was looked at, with a key or without.
  [[nodiscard]] Offset end() const { return end_; }
  void set_end(Offset end) { end_ = end; }

 private:
  static constexpr std::size_t kEntryBytes = 48;  // view, offset, control byte, and what the table keeps free
  static constexpr std::size_t kChunkBytes = 64 * 1024;
  std::size_t bytes_max_;
  std::size_t key_bytes_ = 0;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<std::unique_ptr<char[]>> large_;  // keys that would waste a chunk
  std::size_t chunk_left_ = 0;
  [[nodiscard]] char* room_for(std::size_t bytes);
  absl::flat_hash_map<std::string_view, std::int64_t> offsets_;
  Offset end_{0};
};

}  // namespace tidemill::embedded
