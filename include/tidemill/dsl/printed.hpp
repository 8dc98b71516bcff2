// print(): a line for each record, `[label]: key, value`, with keys and values in Java's text.
//
// A type of one's own has the text that `std::string to_string(const T&)` in its namespace gives.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tidemill/processor/operator_node.hpp>
#include <tidemill/serde/serdes.hpp>
#include <tidemill/serde/windowed.hpp>
#include <tidemill/state/key_value_store.hpp>

namespace tidemill::detail {

void append_text(const std::string& value, std::string& out);
void append_text(bool value, std::string& out);
void append_text(float value, std::string& out);
void append_text(double value, std::string& out);
void append_text(const Uuid& value, std::string& out);
void append_text(const ByteArray& value, std::string& out);
template <std::integral T>
  requires(!std::same_as<T, bool>)
void append_text(T value, std::string& out) { out += std::to_string(value); }

template <class T>
inline constexpr bool kHasText = requires(const T& value, std::string& out) {
  append_text(value, out);
}
|| requires(const T& value) {
  { to_string(value) } -> std::convertible_to<std::string>;
};
template <class T>
inline constexpr bool kHasText<Windowed<T>> = kHasText<T>;
template <class T>
inline constexpr bool kHasText<ValueAndTimestamp<T>> = kHasText<T>;
template <class T>
inline constexpr bool kHasText<std::vector<T>> = kHasText<T>;
template <class T>
inline constexpr bool kHasText<std::optional<T>> = kHasText<T>;
template <class A, class B>
inline constexpr bool kHasText<std::pair<A, B>> = kHasText<A>&& kHasText<B>;

template <class T>
struct Text {
  static void append(const T& value, std::string& out) {
    if constexpr (requires { append_text(value, out); }) append_text(value, out);
    else out += to_string(value);
  }
};
template <class T>
struct Text<Windowed<T>> {
  static void append(const Windowed<T>& value, std::string& out) {
    out += "[";
    Text<T>::append(value.key, out);
    out += "@" + std::to_string(value.window.start.value) + "/" + std::to_string(value.window.end.value) + "]";
  }
};
template <class T>
struct Text<ValueAndTimestamp<T>> {
  static void append(const ValueAndTimestamp<T>& value, std::string& out) {
    out += "<";
    Text<T>::append(value.value, out);
    out += "," + std::to_string(value.timestamp.value) + ">";
  }
};
template <class T>
struct Text<std::optional<T>> {
  static void append(const std::optional<T>& value, std::string& out) {
    if (value) Text<T>::append(*value, out);
    else out += "null";
  }
};
template <class T>
struct Text<std::vector<T>> {
  static void append(const std::vector<T>& values, std::string& out) {
    out += "[";
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i > 0) out += ", ";
      Text<T>::append(values[i], out);
    }
    out += "]";
  }
};
template <class A, class B>
struct Text<std::pair<A, B>> {
  static void append(const std::pair<A, B>& value, std::string& out) {
    out += "KeyValue(";
    Text<A>::append(value.first, out);
    out += ", ";
    Text<B>::append(value.second, out);
    out += ")";
  }
};

/// What a line says of a record; null pointers: no key, a null value.
using RecordText = std::function<void(const void* key, const void* value, std::string& out)>;
[[noreturn]] void throw_no_text(TypeTag key, TypeTag value);
template <class K, class V>
RecordText record_text() {
  if constexpr (kHasText<K> && kHasText<V>) {
    return [](const void* key, const void* value, std::string& out) {
      const auto append = [&out](const auto* what) {
        if (what != nullptr) Text<std::remove_cvref_t<decltype(*what)>>::append(*what, out);
        else out += "null";
      };
      append(static_cast<const K*>(key));
      out += ", ";
      append(static_cast<const V*>(value));
    };
  } else {
    throw_no_text(type_tag<K>(), type_tag<V>());
  }
}

/// `file` empty: standard output. Throws TopologyException when the file cannot be written.
[[nodiscard]] OperatorNode* new_print_node(const std::string& file, const std::string& label, RecordText text);

}  // namespace tidemill::detail
