// JoinBuffer: stream records that wait for a table, in the order of their time.
//
// Rows and changelog are Java's: a byte 0, i64 time, key, i32 number; context and value. A record waits until a newer one is a
// grace period ahead of it; one that is already that late does not wait. Its task's thread.
#pragma once

#include <functional>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/record_context.hpp>

namespace tidemill {

class JoinBuffer {
 public:
  /// One whose time has come. Views live during the call.
  struct Waiting {
    BytesView key;
    BytesView value;
    const RecordContext* context = nullptr;
  };
  virtual ~JoinBuffer() = default;
  /// False: it is late, and has not been kept.
  virtual bool put(BytesView key, BytesView value, const RecordContext& context) = 0;
  /// Takes out what is due, each after it has been given away.
  virtual void evict_due(const std::function<void(const Waiting&)>& give) = 0;
  [[nodiscard]] virtual std::int64_t records() = 0;
};

}  // namespace tidemill
