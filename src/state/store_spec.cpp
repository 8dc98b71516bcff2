#include <tidemill/state/store_spec.hpp>

namespace tidemill {

std::string_view to_string(StoreKind kind) {
  switch (kind) {
    case StoreKind::kKeyValue: return "key-value store without timestamps";
    case StoreKind::kTimestampedKeyValue: return "timestamped key-value store";
    case StoreKind::kWindow: return "window store without timestamps";
    case StoreKind::kTimestampedWindow: return "timestamped window store";
    case StoreKind::kSession: return "session store";
    case StoreKind::kVersionedKeyValue: return "versioned key-value store";
    case StoreKind::kChangeBuffer: return "buffer of suppress()";
    case StoreKind::kJoinBuffer: return "buffer of a join";
    case StoreKind::kCustom: return "store of its own kind";
  }
  return "store";
}

}  // namespace tidemill
