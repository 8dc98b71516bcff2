#include <tidemill/serde/windowed.hpp>

#include "base/endian.hpp"

namespace tidemill {

std::string to_string(const Windowed<std::string>& windowed) {
  return "[" + windowed.key + "@" + std::to_string(windowed.window.start.value) + "/" +
         std::to_string(windowed.window.end.value) + "]";
}

Timestamp window_end(Timestamp start, std::chrono::milliseconds size) {
  return start.value > INT64_MAX - size.count() ? kMaxTimestamp : start + size.count();
}

namespace detail {

void append_time(Timestamp time, Bytes& out) { append_big_endian(out, time.value); }

Timestamp time_at_end(BytesView bytes, std::size_t behind) {
  if (bytes.size() < behind + 8) {
    throw SerializationException("windowed key serde: a key of " + std::to_string(bytes.size()) +
                                 " bytes is too short for its window's times");
  }
  return Timestamp(load_big_endian<std::int64_t>(bytes.data() + bytes.size() - behind - 8));
}

}  // namespace detail

}  // namespace tidemill
