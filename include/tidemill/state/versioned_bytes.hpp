// What a versioned store does, in bytes: of each key the value that was valid at a time, back to the store's history.
//
// A put says from when on a value is valid; what follows it stays as it is. What is older than the history, seen from the
// newest put, is refused and counted as dropped, but is written to the changelog, as Java does. A key's latest value never
// grows too old. The changelog has plain values (null: deleted), each at the time from which it is valid.
#pragma once

#include <optional>

#include <tidemill/state/state_store.hpp>

namespace tidemill {

class VersionedBytesStore {
 public:
  /// What put_version() answers beside the time at which the next version begins.
  static constexpr std::int64_t kLatest = -1;
  static constexpr std::int64_t kNotPut = INT64_MIN;

  struct Found {
    Bytes value;
    Timestamp valid_from;
    /// kNoTimestamp: it is valid still.
    Timestamp valid_to = kNoTimestamp;
  };
  virtual ~VersionedBytesStore() = default;
  virtual std::int64_t put_version(BytesView key, OptionalBytesView value, Timestamp valid_from) = 0;
  /// The latest version; nullopt: there is none, or it is a deletion.
  virtual std::optional<Found> latest(BytesView key) = 0;
  /// nullopt also when the history does not reach back so far.
  virtual std::optional<Found> as_of(BytesView key, Timestamp time) = 0;
};

}  // namespace tidemill
