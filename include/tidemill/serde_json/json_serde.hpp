// JSON as a serde: types with a field list (<tidemill/serde_json/json_fields.hpp>) are JSON objects on topics.
//
// Reading is strict about the text (RFC 8259, UTF-8, every field at most once, whole numbers within their type's range, at most
// kJsonDepthMax levels) and about required fields; it ignores unknown fields unless it is told not to. An error says where: the
// path of the field and the byte. Writing is compact, in the order of the list, and of equal values the same bytes, so that JSON
// can be a key; what is nullopt is left out.
#pragma once

#include <tidemill/serde/schema.hpp>
#include <tidemill/serde_json/json_type.hpp>

namespace tidemill {

inline constexpr int kJsonDepthMax = 64;

enum class UnknownFields : std::uint8_t { kIgnore, kRefuse };
enum class JsonNulls : std::uint8_t { kLeaveOut, kWrite };

struct JsonOptions {
  UnknownFields unknown_fields = UnknownFields::kIgnore;
  /// A member that is nullopt: no field, or a field that is null.
  JsonNulls nulls = JsonNulls::kLeaveOut;
};

namespace detail {
/// Both throw SerializationException; `out` is then what it was, and the value is of no use.
void write_json(const JsonType& type, const void* value, const JsonOptions& options, Bytes& out);
void read_json(const JsonType& type, void* value, const JsonOptions& options, BytesView text);
[[nodiscard]] Schema describe_json(const JsonType& type);
}  // namespace detail

template <class T>
Serde<T> json_serde(JsonOptions options = {}) {
  return {[](const void* state, std::string_view, const T& value, Bytes& out) {
            detail::write_json(detail::json_type<T>(), &value, *static_cast<const JsonOptions*>(state), out);
          },
          [](const void* state, std::string_view, BytesView bytes) {
            T value{};
            detail::read_json(detail::json_type<T>(), &value, *static_cast<const JsonOptions*>(state), bytes);
            return value;
          },
          std::shared_ptr<const void>(new JsonOptions(options))};
}

/// The JSON Schema (draft 7) of what such a serde writes; its name is the struct's json_title. Throws SerializationException for
/// a type that contains itself and has no title.
template <class T>
Schema json_schema() {
  return detail::describe_json(detail::json_type<T>());
}

/// For the schema registry.
template <class T>
SchemaSerde<T> json_schema_serde(JsonOptions options = {}) {
  return {json_serde<T>(options), json_schema<T>()};
}

/// A struct with a field list is JSON wherever no other serde is given.
template <class T>
  requires detail::JsonStruct<T>
struct SerdeOf<T> {
  static Serde<T> serde() { return json_serde<T>(); }
};

}  // namespace tidemill
