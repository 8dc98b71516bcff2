// How a user's function takes its record, and what it makes of it.
//
// Null: a function that takes `const V&` is not called for a null value; one that takes `const V*` sees null. A null key
// reaches a function that takes `const K&` as a default K (records without key are common, and most functions ignore it); one
// that takes `(const K*, const V*)` sees it as null. A result of std::optional<T> makes a T, or null.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

namespace tidemill::detail {

template <class T>
const T& deref_or_default(const void* pointer) {
  if (pointer != nullptr) return *static_cast<const T*>(pointer);
  static const T kDefault{};
  return kDefault;
}

/// How a function wants its record: value, key and value, each by reference or pointer.
template <class F, class K, class V>
inline constexpr bool kTakesValue = requires(F& function, const V& value) {
  function(value);
};
template <class F, class K, class V>
inline constexpr bool kTakesKeyValue = requires(F& function, const K& key, const V& value) {
  function(key, value);
};
template <class F, class K, class V>
inline constexpr bool kTakesValuePointer = requires(F& function, const V* value) {
  function(value);
};
template <class F, class K, class V>
inline constexpr bool kTakesKeyValuePointer = requires(F& function, const K& key, const V* value) {
  function(key, value);
};
template <class F, class K, class V>
inline constexpr bool kTakesPointers = requires(F& function, const K* key, const V* value) {
  function(key, value);
};
template <class F, class K, class V>
concept RecordFunction = kTakesKeyValue<F, K, V> || kTakesValue<F, K, V> || kTakesKeyValuePointer<F, K, V> ||
    kTakesValuePointer<F, K, V> || kTakesPointers<F, K, V>;
/// References win: a generic `const auto&` also accepts a pointer, and means the value.
template <class F, class K, class V>
inline constexpr bool kSeesNull = !kTakesKeyValue<F, K, V> && !kTakesValue<F, K, V>;

template <class K, class V, class F>
decltype(auto) call(F& function, const void* key, const void* value) {
  if constexpr (kTakesKeyValue<F, K, V>) {
    return function(deref_or_default<K>(key), *static_cast<const V*>(value));
  } else if constexpr (kTakesValue<F, K, V>) {
    return function(*static_cast<const V*>(value));
  } else if constexpr (kTakesKeyValuePointer<F, K, V>) {
    return function(deref_or_default<K>(key), static_cast<const V*>(value));
  } else if constexpr (kTakesPointers<F, K, V>) {
    return function(static_cast<const K*>(key), static_cast<const V*>(value));
  } else {
    return function(static_cast<const V*>(value));
  }
}
/// Of a function that cannot be called it is anything, so that the static_assert behind the signature gets to say why.
template <bool kCallable, class K, class V, class F>
struct CallResultOf {
  using Type = V;
};
template <class K, class V, class F>
struct CallResultOf<true, K, V, F> {
  using Type = std::remove_cvref_t<decltype(call<K, V>(std::declval<F&>(), nullptr, nullptr))>;
};
template <class K, class V, class F>
using CallResult = typename CallResultOf<RecordFunction<F, K, V>, K, V, F>::Type;

/// std::optional<T> is a T that may be null.
template <class T>
struct Nullable {
  using Type = T;
  static const void* pointer(const T& value) { return &value; }
};
template <class T>
struct Nullable<std::optional<T>> {
  using Type = T;
  static const void* pointer(const std::optional<T>& value) { return value ? &*value : nullptr; }
};
template <class T>
using WithoutNull = typename Nullable<std::remove_cvref_t<T>>::Type;
template <class T>
const void* pointer_to(const T& value) {
  return Nullable<T>::pointer(value);
}
/// What a record function makes; where it cannot be called (a check says so), some type that leads to no second error.
template <class F, class K, class V>
struct MadeBy {
  using Type = V;
};
template <class F, class K, class V>
  requires(RecordFunction<F, K, V> && !std::is_void_v<CallResult<K, V, F>>)
struct MadeBy<F, K, V> {
  using Type = WithoutNull<CallResult<K, V, F>>;
};

}  // namespace tidemill::detail
