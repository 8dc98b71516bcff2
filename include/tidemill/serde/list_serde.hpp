// Lists, byte for byte as Java's ListSerde writes them: which elements are null, how many there are, then each one, with its
// length in front unless the type has a fixed one (Java: Short, Integer, Long, Float, Double, UUID).
//
//   builder.stream<std::string, std::vector<std::int64_t>>("amounts")
//
// std::vector<std::optional<T>> where elements may be null; reading null elements into a std::vector<T> is a
// SerializationException.
#pragma once

#include <optional>
#include <vector>

#include <tidemill/serde/serdes.hpp>

namespace tidemill {

namespace detail {

template <class T>
inline constexpr std::size_t kFixedListBytes = 0;
template <>
inline constexpr std::size_t kFixedListBytes<std::int16_t> = 2;
template <>
inline constexpr std::size_t kFixedListBytes<std::int32_t> = 4;
template <>
inline constexpr std::size_t kFixedListBytes<std::int64_t> = 8;
template <>
inline constexpr std::size_t kFixedListBytes<float> = 4;
template <>
inline constexpr std::size_t kFixedListBytes<double> = 8;
template <>
inline constexpr std::size_t kFixedListBytes<Uuid> = 36;

void write_list(const std::vector<OptionalBytes>& elements, bool fixed, Bytes& out);
/// `fixed_bytes`: of an element, where the list was written so.
[[nodiscard]] std::vector<OptionalBytesView> read_list(BytesView bytes, std::size_t fixed_bytes);
[[noreturn]] void throw_null_element();

template <class T>
struct ListState {
  Serde<T> inner;
  std::size_t fixed_bytes;
};

}  // namespace detail

/// `fixed_bytes`: what each element takes where all take the same, and Java's serializer of them is one of those that say so; 0:
/// lengths are written.
template <class T>
Serde<std::vector<std::optional<T>>> nullable_list_serde(Serde<T> inner, std::size_t fixed_bytes = 0) {
  using State = detail::ListState<T>;
  using List = std::vector<std::optional<T>>;
  return {[](const void* state, std::string_view topic, const List& list, Bytes& out) {
            const auto& own = *static_cast<const State*>(state);
            std::vector<OptionalBytes> elements(list.size());
            for (std::size_t i = 0; i < list.size(); ++i) {
              if (list[i]) own.inner.serialize(topic, *list[i], elements[i].emplace());
            }
            detail::write_list(elements, own.fixed_bytes > 0, out);
          },
          [](const void* state, std::string_view topic, BytesView bytes) {
            const auto& own = *static_cast<const State*>(state);
            List list;
            for (const OptionalBytesView& element : detail::read_list(bytes, own.fixed_bytes)) {
              list.push_back(element ? std::optional<T>(own.inner.deserialize(topic, *element)) : std::nullopt);
            }
            return list;
          },
          std::shared_ptr<const void>(new State{std::move(inner), fixed_bytes})};
}

template <class T>
Serde<std::vector<T>> list_serde(Serde<T> inner, std::size_t fixed_bytes = 0) {
  using State = detail::ListState<T>;
  using List = std::vector<T>;
  return {[](const void* state, std::string_view topic, const List& list, Bytes& out) {
            const auto& own = *static_cast<const State*>(state);
            std::vector<OptionalBytes> elements(list.size());
            for (std::size_t i = 0; i < list.size(); ++i) own.inner.serialize(topic, list[i], elements[i].emplace());
            detail::write_list(elements, own.fixed_bytes > 0, out);
          },
          [](const void* state, std::string_view topic, BytesView bytes) {
            const auto& own = *static_cast<const State*>(state);
            List list;
            for (const OptionalBytesView& element : detail::read_list(bytes, own.fixed_bytes)) {
              if (!element) detail::throw_null_element();
              list.push_back(own.inner.deserialize(topic, *element));
            }
            return list;
          },
          std::shared_ptr<const void>(new State{std::move(inner), fixed_bytes})};
}

template <class T>
  requires HasSerde<T>
struct SerdeOf<std::vector<T>> {
  static Serde<std::vector<T>> serde() { return list_serde<T>(SerdeOf<T>::serde(), detail::kFixedListBytes<T>); }
};
template <class T>
  requires HasSerde<T>
struct SerdeOf<std::vector<std::optional<T>>> {
  static Serde<std::vector<std::optional<T>>> serde() {
    return nullable_list_serde<T>(SerdeOf<T>::serde(), detail::kFixedListBytes<T>);
  }
};

}  // namespace tidemill
