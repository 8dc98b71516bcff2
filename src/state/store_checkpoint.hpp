// StoreCheckpoint: what a store of one's own kind is given at a commit and hands back, as bytes that say whether they are whole.
#pragma once

#include <optional>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

struct StoreCheckpoint {
  ChangelogPosition changelog = {};
  Position position = {};
  bool operator==(const StoreCheckpoint&) const = default;
};

[[nodiscard]] Bytes encode_checkpoint(const StoreCheckpoint& checkpoint);
/// nullopt: these bytes are none, or of another version.
[[nodiscard]] std::optional<StoreCheckpoint> decode_checkpoint(BytesView bytes);

}  // namespace tidemill
