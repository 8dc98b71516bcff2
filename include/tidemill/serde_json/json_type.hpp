// JsonType: what the library knows of a C++ type to read it from JSON and to write it: a table that is made at compile time.
// Reader, writer and schema walk these tables and are compiled once, in the library; per type and field a program has only the
// few small functions that are below.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include <tidemill/serde_json/json_fields.hpp>

namespace tidemill::detail {

enum class JsonKind : std::uint8_t { kBool, kInteger, kNumber, kText, kName, kOptional, kList, kMap, kObject, kConverted };

struct JsonType;
/// By function, so that a type may contain lists of itself.
using JsonTypeOf = const JsonType& (*)();

struct JsonField {
  std::string_view name;
  JsonTypeOf type;
  void* (*member)(void* object);
  bool has_default;
};
struct JsonName {
  std::string_view name;
  std::int64_t value;
};
/// `key`: of a map's entry; null in a list.
using JsonVisit = void (*)(void* context, const std::string* key, const void* element);

/// What is not of its kind is null.
struct JsonType {
  JsonKind kind;
  std::uint8_t bytes = 0;  // of numbers
  bool is_signed = false;
  bool is_ordered = false;  // a map
  JsonTypeOf element = nullptr;
  /// An optional's content, or null.
  const void* (*content)(const void* optional) = nullptr;
  /// A new element at the end of a list, or an optional's content.
  void* (*append)(void* list) = nullptr;
  /// Null: the map has that key already.
  void* (*insert)(void* map, std::string&& key) = nullptr;
  void (*visit)(const void* container, void* context, JsonVisit) = nullptr;
  std::string_view title = {};
  std::span<const JsonField> fields = {};
  std::span<const JsonName> names = {};
  std::int64_t (*load)(const void* value) = nullptr;
  void (*store)(void* value, std::int64_t number) = nullptr;
  void (*convert_out)(const void* value, void* context, void (*use)(void* context, const void* other)) = nullptr;
  void (*convert_in)(void* value, void* context, void (*fill)(void* context, void* other)) = nullptr;
};

/// The reader notes in so many bits which fields have come.
inline constexpr std::size_t kJsonFieldsMax = 256;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
concept JsonMap = requires(T& map, std::string key) {
  requires std::is_same_v<typename T::key_type, std::string>;
  typename T::mapped_type;
  map.try_emplace(std::move(key)).second;
};
template <class T>
concept JsonList = !JsonMap<T> && requires(T & list) {
  typename T::value_type;
  { list.emplace_back() } -> std::same_as<typename T::value_type&>;
};
/// A map's order is the same for equal maps.
template <class T>
concept JsonOrdered = requires {
  typename T::key_compare;
};
template <class T>
concept JsonStruct = HasOwnJsonFields<T> || HasOtherJsonFields<T>;

template <class T>
constexpr const auto& json_fields_of() {
  if constexpr (HasOtherJsonFields<T>) {
    return JsonOf<T>::fields;
  } else {
    return T::json_fields;
  }
}
template <class T>
constexpr std::string_view json_title_of() {
  if constexpr (requires { JsonOf<T>::title; }) {
    return JsonOf<T>::title;
  } else if constexpr (requires { T::json_title; }) {
    return T::json_title;
  } else {
    return {};
  }
}

template <class T>
const JsonType& json_type();

template <class T, std::size_t I>
void* json_member(void* object) {
  return &(static_cast<T*>(object)->*std::get<I>(json_fields_of<T>()).member);
}
template <class T, class M>
constexpr JsonField json_field_row(const JsonMember<T, M>& field, void* (*member)(void*)) {
  return {field.name, &json_type<M>, member, field.has_default};
}
template <class T, std::size_t... I>
constexpr std::array<JsonField, sizeof...(I)> json_field_rows(std::index_sequence<I...>) {
  return {json_field_row(std::get<I>(json_fields_of<T>()), &json_member<T, I>)...};
}
template <class T>
inline constexpr auto kJsonFields =
    json_field_rows<T>(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(json_fields_of<T>())>>>());

template <class E>
constexpr auto json_name_rows() {
  std::array<JsonName, JsonOf<E>::names.size()> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = {JsonOf<E>::names[i].name, static_cast<std::int64_t>(JsonOf<E>::names[i].value)};
  }
  return rows;
}
template <class E>
inline constexpr auto kJsonNames = json_name_rows<E>();

template <class T>
constexpr JsonType make_json_conversion() {
  using As = typename JsonOf<T>::As;
  return {.kind = JsonKind::kConverted,
          .element = &json_type<As>,
          .convert_out =
              [](const void* value, void* context, void (*use)(void*, const void*)) {
                const As other = JsonOf<T>::to_json(*static_cast<const T*>(value));
                use(context, &other);
              },
          .convert_in =
              [](void* value, void* context, void (*fill)(void*, void*)) {
                As other{};
                fill(context, &other);
                *static_cast<T*>(value) = JsonOf<T>::from_json(other);
              }};
}

template <class T>
constexpr JsonType make_json_number() {
  static_assert(!std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> && !std::is_same_v<T, long double>,
                "JSON: take std::string for text, std::int8_t for a small number, double for a large one");
  if constexpr (std::is_floating_point_v<T>) {
    return {.kind = JsonKind::kNumber, .bytes = sizeof(T)};
  } else {
    // Unsigned ones go through the same functions, bit for bit.
    return {.kind = JsonKind::kInteger,
            .bytes = sizeof(T),
            .is_signed = std::is_signed_v<T>,
            .load = [](const void* value) { return static_cast<std::int64_t>(*static_cast<const T*>(value)); },
            .store = [](void* value, std::int64_t number) { *static_cast<T*>(value) = static_cast<T>(number); }};
  }
}

template <class T>
constexpr JsonType make_json_container() {
  using Element = typename T::value_type;
  if constexpr (JsonMap<T>) {
    return {.kind = JsonKind::kMap,
            .is_ordered = JsonOrdered<T>,
            .element = &json_type<typename T::mapped_type>,
            .insert = [](void* map, std::string&& key) -> void* {
              const auto [at, is_new] = static_cast<T*>(map)->try_emplace(std::move(key));
              return is_new ? &at->second : nullptr;
            },
            .visit =
                [](const void* map, void* context, JsonVisit visit) {
                  for (const auto& [key, element] : *static_cast<const T*>(map)) visit(context, &key, &element);
                }};
  } else {
    return {.kind = JsonKind::kList,
            .element = &json_type<Element>,
            .append = [](void* list) -> void* { return &static_cast<T*>(list)->emplace_back(); },
            .visit =
                [](const void* list, void* context, JsonVisit visit) {
                  for (const auto& element : *static_cast<const T*>(list)) visit(context, nullptr, &element);
                }};
  }
}

template <class T>
constexpr JsonType make_json_type() {
  if constexpr (HasJsonConversion<T>) {
    return make_json_conversion<T>();
  } else if constexpr (HasJsonNames<T>) {
    return {.kind = JsonKind::kName,
            .names = kJsonNames<T>,
            .load = [](const void* value) { return static_cast<std::int64_t>(*static_cast<const T*>(value)); },
            .store = [](void* value, std::int64_t number) { *static_cast<T*>(value) = static_cast<T>(number); }};
  } else if constexpr (JsonStruct<T>) {
    static_assert(kJsonFields<T>.size() <= kJsonFieldsMax, "JSON: a struct may have 256 fields");
    return {.kind = JsonKind::kObject, .title = json_title_of<T>(), .fields = kJsonFields<T>};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {.kind = JsonKind::kBool};
  } else if constexpr (std::is_arithmetic_v<T>) {
    return make_json_number<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {.kind = JsonKind::kText};
  } else if constexpr (kIsOptional<T>) {
    return {.kind = JsonKind::kOptional,
            .element = &json_type<typename T::value_type>,
            .content = [](const void* optional) -> const void* {
              const T& own = *static_cast<const T*>(optional);
              return own ? &*own : nullptr;
            },
            .append = [](void* optional) -> void* { return &static_cast<T*>(optional)->emplace(); }};
  } else if constexpr (JsonMap<T> || JsonList<T>) {
    return make_json_container<T>();
  } else {
    static_assert(
        JsonStruct<T>,
        "JSON: this type says nothing of itself: give the struct a field list (json_fields), or specialize JsonOf for "
        "it; a list of bool is a std::deque<bool>");
  }
}

template <class T>
const JsonType& json_type() {
  static constexpr JsonType type = make_json_type<T>();
  return type;
}

}  // namespace tidemill::detail
