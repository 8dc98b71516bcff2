// How a type says what it is in JSON: one field list per struct, one list of names per enum; anything else by way of a type that
// can be had in JSON.
//
//   struct Payment {
//     std::string account;
//     std::int64_t amount = 0;
//     std::optional<std::string> note;                        // may be missing or null
//     Mode mode = Mode::kNormal;
//     static constexpr auto json_fields =
//         std::tuple(json_field("account", &Payment::account), json_field("amount", &Payment::amount),
//                    json_field("note", &Payment::note), json_field("mode", &Payment::mode).or_default());
//   };
//   template <>
//   struct tidemill::JsonOf<Mode> {                           // also where a struct is not yours: `fields` instead of `names`
//     static constexpr auto names = std::array{json_name("normal", Mode::kNormal), json_name("express", Mode::kExpress)};
//   };
//
// Members may be bool, integers, float, double, std::string, enums, structs, and std::optional, lists (std::vector, std::deque,
// std::list) and maps from std::string of these. `static constexpr std::string_view json_title` names a struct in its schema.
#pragma once

#include <array>
#include <string_view>
#include <tuple>

namespace tidemill {

template <class T, class M>
struct JsonMember {
  std::string_view name;
  M T::*member;
  bool has_default = false;
  /// The field may be missing: the member keeps what its initializer gave it.
  [[nodiscard]] constexpr JsonMember or_default() const { return {name, member, true}; }
};
template <class T, class M>
[[nodiscard]] constexpr JsonMember<T, M> json_field(std::string_view name, M T::*member) {
  return {name, member};
}

template <class E>
struct JsonEnumName {
  std::string_view name;
  E value;
};
template <class E>
[[nodiscard]] constexpr JsonEnumName<E> json_name(std::string_view name, E value) {
  return {name, value};
}

/// What a type is in JSON, where the type itself does not say so. Specialize it with one of
///   static constexpr auto names = std::array{json_name(...), ...};    an enum, as text
///   static constexpr auto fields = std::tuple(json_field(...), ...);  a struct that has no json_fields
///   using As = std::string; static As to_json(const T&); static T from_json(const As&);   another type's JSON; may throw
template <class T>
struct JsonOf {};

namespace detail {
template <class T>
concept HasOwnJsonFields = requires {
  T::json_fields;
};
template <class T>
concept HasOtherJsonFields = requires {
  JsonOf<T>::fields;
};
template <class T>
concept HasJsonNames = requires {
  JsonOf<T>::names;
};
template <class T>
concept HasJsonConversion = requires {
  typename JsonOf<T>::As;
};
}  // namespace detail

}  // namespace tidemill
