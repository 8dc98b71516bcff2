// The types that the tests of JSON read and write.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <stdexcept>
#include <tidemill/serde_json/json_serde.hpp>
#include <unordered_map>
#include <vector>

namespace shapes {

using tidemill::json_field;

enum class Mode { kMonitor = 3, kBlock = -1 };

struct Leg {
  std::string account;
  std::int64_t amount = 0;
  bool operator==(const Leg&) const = default;
  static constexpr auto json_fields = std::tuple(json_field("account", &Leg::account), json_field("amount", &Leg::amount));
};

struct Payment {
  std::string id;
  std::vector<Leg> legs;
  std::optional<std::string> note;
  Mode mode = Mode::kMonitor;
  std::map<std::string, std::int32_t> tags;
  double rate = 0.5;
  bool operator==(const Payment&) const = default;
  static constexpr std::string_view json_title = "Payment";
  static constexpr auto json_fields =
      std::tuple(json_field("id", &Payment::id), json_field("legs", &Payment::legs), json_field("note", &Payment::note),
                 json_field("mode", &Payment::mode).or_default(), json_field("tags", &Payment::tags).or_default(),
                 json_field("rate", &Payment::rate).or_default());
};

struct Numbers {
  std::int8_t tiny = 0;
  std::uint8_t byte = 0;
  std::int32_t middle = 0;
  std::uint32_t natural = 0;
  std::int64_t large = 0;
  std::uint64_t largest = 0;
  float real = 0;
  double wide = 0;
  bool yes = false;
  bool operator==(const Numbers&) const = default;
  static constexpr auto json_fields =
      std::tuple(json_field("tiny", &Numbers::tiny).or_default(), json_field("byte", &Numbers::byte).or_default(),
                 json_field("middle", &Numbers::middle).or_default(), json_field("natural", &Numbers::natural).or_default(),
                 json_field("large", &Numbers::large).or_default(), json_field("largest", &Numbers::largest).or_default(),
                 json_field("real", &Numbers::real).or_default(), json_field("wide", &Numbers::wide).or_default(),
                 json_field("yes", &Numbers::yes).or_default());
};

/// A list of itself.
struct Tree {
  std::string name;
  std::vector<Tree> children;
  bool operator==(const Tree&) const = default;
  static constexpr std::string_view json_title = "Tree";
  static constexpr auto json_fields =
      std::tuple(json_field("name", &Tree::name), json_field("children", &Tree::children).or_default());
};

/// Of somebody else's.
struct Point {
  int x = 0;
  int y = 0;
  bool operator==(const Point&) const = default;
};
/// In JSON by way of a text: minor units with two digits.
struct Amount {
  std::int64_t cents = 0;
  bool operator==(const Amount&) const = default;
};

}  // namespace shapes

template <>
struct tidemill::JsonOf<shapes::Mode> {
  static constexpr auto names =
      std::array{json_name("monitor", shapes::Mode::kMonitor), json_name("block", shapes::Mode::kBlock)};
};
template <>
struct tidemill::JsonOf<shapes::Point> {
  static constexpr auto fields = std::tuple(json_field("x", &shapes::Point::x), json_field("y", &shapes::Point::y));
};
template <>
struct tidemill::JsonOf<shapes::Amount> {
  using As = std::string;
  static As to_json(const shapes::Amount& amount) { return std::to_string(amount.cents) + "c"; }
  static shapes::Amount from_json(const As& text) {
    if (!text.ends_with('c')) throw std::invalid_argument("an amount ends with c");
    return {std::stoll(text)};
  }
};

namespace shapes {

template <class T>
T read(std::string_view text, tidemill::JsonOptions options = {}) {
  return tidemill::json_serde<T>(options).deserialize("t", text);
}
template <class T>
std::string refusal(std::string_view text, tidemill::JsonOptions options = {}) {
  try {
    (void)read<T>(text, options);
  } catch (const tidemill::SerializationException& error) {
    return error.what();
  }
  return "taken";
}
template <class T>
std::string write(const T& value, tidemill::JsonOptions options = {}) {
  tidemill::Bytes out = "before";
  tidemill::json_serde<T>(options).serialize("t", value, out);
  return out.substr(6);
}

}  // namespace shapes
