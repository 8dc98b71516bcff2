// Window and Windowed<K>: what windowed aggregations have for keys, and how such keys are written on topics.
//
// A time window's key is the plain key's bytes and the window's start; its end follows from the windows' size. A session's is
// the plain key's bytes, the end and the start. Both as Java writes them.
#pragma once

#include <chrono>
#include <utility>

#include <tidemill/base/types.hpp>
#include <tidemill/serde/serde.hpp>

namespace tidemill {

/// Time windows do not contain their end; sliding and session windows do.
struct Window {
  Timestamp start{0};
  Timestamp end{0};
  auto operator<=>(const Window&) const = default;
};

template <class K>
struct Windowed {
  K key;
  Window window;
  auto operator<=>(const Windowed&) const = default;
};

/// `[key@start/end]`.
[[nodiscard]] std::string to_string(const Windowed<std::string>& windowed);

/// The largest timestamp there is: the end of windows without one.
inline constexpr Timestamp kMaxTimestamp{INT64_MAX};
/// Where a window of that size ends: never behind kMaxTimestamp.
[[nodiscard]] Timestamp window_end(Timestamp start, std::chrono::milliseconds size);

namespace detail {
inline constexpr std::size_t kTimeSuffix = 8;      // start
inline constexpr std::size_t kSessionSuffix = 16;  // end, start
void append_time(Timestamp time, Bytes& out);
/// The eight bytes at the end, `behind` bytes of others after them; SerializationException when there are too few.
[[nodiscard]] Timestamp time_at_end(BytesView bytes, std::size_t behind);
template <class K>
struct WindowedState {
  Serde<K> inner;
  std::chrono::milliseconds size{0};
};
}  // namespace detail

/// Keys of time and sliding windows. `size`: of the windows, for who reads such keys.
template <class K>
Serde<Windowed<K>> time_windowed_serde(Serde<K> inner, std::chrono::milliseconds size) {
  using State = detail::WindowedState<K>;
  Serde<Windowed<K>> serde(
      [](const void* state, std::string_view topic, const Windowed<K>& value, Bytes& out) {
        static_cast<const State*>(state)->inner.serialize(topic, value.key, out);
        detail::append_time(value.window.start, out);
      },
      [](const void* state, std::string_view topic, BytesView bytes) {
        const auto& own = *static_cast<const State*>(state);
        const Timestamp start = detail::time_at_end(bytes, 0);
        return Windowed<K>{own.inner.deserialize(topic, bytes.substr(0, bytes.size() - detail::kTimeSuffix)),
                           {start, window_end(start, own.size)}};
      },
      std::shared_ptr<const void>(new State{std::move(inner), size}));
  return serde.partitioned_without_suffix(detail::kTimeSuffix);
}
template <class K>
  requires HasSerde<K> Serde<Windowed<K>> time_windowed_serde(std::chrono::milliseconds size) {
    return time_windowed_serde<K>(SerdeOf<K>::serde(), size);
  }

/// Keys of session windows.
template <class K>
Serde<Windowed<K>> session_windowed_serde(Serde<K> inner) {
  using State = detail::WindowedState<K>;
  Serde<Windowed<K>> serde(
      [](const void* state, std::string_view topic, const Windowed<K>& value, Bytes& out) {
        static_cast<const State*>(state)->inner.serialize(topic, value.key, out);
        detail::append_time(value.window.end, out);
        detail::append_time(value.window.start, out);
      },
      [](const void* state, std::string_view topic, BytesView bytes) {
        const Window window{detail::time_at_end(bytes, 0), detail::time_at_end(bytes, 8)};
        return Windowed<K>{
            static_cast<const State*>(state)->inner.deserialize(topic, bytes.substr(0, bytes.size() - detail::kSessionSuffix)),
            window};
      },
      std::shared_ptr<const void>(new State{std::move(inner), {}}));
  return serde.partitioned_without_suffix(detail::kSessionSuffix);
}
template <class K>
  requires HasSerde<K> Serde<Windowed<K>> session_windowed_serde() { return session_windowed_serde<K>(SerdeOf<K>::serde()); }

}  // namespace tidemill
