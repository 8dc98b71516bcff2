// ChangeBuffer: what suppress() holds back: the latest change of each key, in the order of the time at which it may go on.
//
// In memory, and rebuilt from its changelog: at a commit, one record per key that changed since the last one, in Java's form
// (context, prior, old and new value, time), without a timestamp. A key that is held back keeps its place when it changes
// again. Sizes are Java's estimate. Its task's thread.
#pragma once

#include <functional>
#include <optional>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/record_context.hpp>

namespace tidemill {

class ChangeBuffer {
 public:
  /// One that goes on. Views live during the call.
  struct Held {
    BytesView key;
    OptionalBytesView new_value;
    OptionalBytesView old_value;
    const RecordContext* context = nullptr;
  };
  virtual ~ChangeBuffer() = default;
  virtual void put(Timestamp time, BytesView key, OptionalBytesView new_value, OptionalBytesView old_value,
                   const RecordContext& context) = 0;
  /// While `more()` says so, takes the first one out after giving it away.
  virtual void evict_while(const std::function<bool()>& more, const std::function<void(const Held&)>& give) = 0;
  /// kMaxTimestamp when there is nothing.
  [[nodiscard]] virtual Timestamp min_time() = 0;
  [[nodiscard]] virtual std::int64_t records() = 0;
  [[nodiscard]] virtual std::int64_t bytes() = 0;
  /// True: the key is held back, and `value` is what it was before (nullopt: it was not there).
  [[nodiscard]] virtual bool prior_value(BytesView key, OptionalBytes& value) = 0;
};

}  // namespace tidemill
