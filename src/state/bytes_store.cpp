#include <algorithm>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

void merge(Position& into, const Position& other) {
  for (const auto& [topic, partitions] : other) {
    auto& known = into[topic];
    for (const auto& [partition, offset] : partitions) {
      std::int64_t& seen = known.try_emplace(partition, offset).first->second;
      seen = std::max(seen, offset);
    }
  }
}

Result<void> BytesStore::remove_range(BytesView from, BytesView to) {
  std::vector<Bytes> keys;
  {
    TIDEMILL_ASSIGN(const auto rows, range({.from = from, .to = to}));
    for (; rows->valid(); rows->next()) {
      if (rows->key() < to) keys.emplace_back(rows->key());
    }
    TIDEMILL_TRY(rows->status());
  }
  for (const Bytes& key : keys) TIDEMILL_TRY(put(key, std::nullopt));
  return {};
}

}  // namespace tidemill
