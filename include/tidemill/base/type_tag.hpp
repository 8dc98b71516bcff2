// TypeTag: identity and name of a C++ type, without RTTI in the record path.
#pragma once

#include <string_view>

namespace tidemill {

struct TypeInfo {
  std::string_view name;
};
using TypeTag = const TypeInfo*;
namespace detail {
template <class T>
constexpr std::string_view type_name() {
  std::string_view text = __PRETTY_FUNCTION__;
  const auto begin = text.find("T = ") + 4;
  return text.substr(begin, text.find_first_of(";]", begin) - begin);
}
template <class T>
inline constexpr TypeInfo kTypeInfo{type_name<T>()};
}  // namespace detail
template <class T>
constexpr TypeTag type_tag() {
  return &detail::kTypeInfo<T>;
}

}  // namespace tidemill
