// JSON of a topic, read as several types: what is taken is JSON for another parser, too, and comes back the same when it is
// written and read again.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <tidemill/serde_json/json_serde.hpp>
#include <vector>

using namespace tidemill;

namespace {

enum class Mode { kMonitor, kBlock };

struct Tree {
  std::string name;
  std::vector<Tree> children;
  std::optional<std::int8_t> small;
  std::map<std::string, std::uint64_t> counts;
  double rate = 0;
  float part = 0;
  bool yes = false;
  Mode mode = Mode::kMonitor;
  bool operator==(const Tree&) const = default;
  static constexpr auto json_fields =
      std::tuple(json_field("name", &Tree::name), json_field("children", &Tree::children).or_default(),
                 json_field("small", &Tree::small), json_field("counts", &Tree::counts).or_default(),
                 json_field("rate", &Tree::rate).or_default(), json_field("part", &Tree::part).or_default(),
                 json_field("yes", &Tree::yes).or_default(), json_field("mode", &Tree::mode).or_default());
};

/// Everything is passed over.
struct Nothing {
  bool operator==(const Nothing&) const = default;
  static constexpr std::tuple<> json_fields{};
};

/// Numbers of any size are JSON, but that parser stops at what no double holds.
bool is_json(BytesView text) {
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::out_of_range&) {
    return true;
  } catch (const nlohmann::json::parse_error&) {
    return false;
  }
}

template <class T>
void check(BytesView text, JsonOptions options) {
  const Serde<T> serde = json_serde<T>(options);
  std::optional<T> value;
  try {
    value = serde.deserialize("t", text);
  } catch (const SerializationException&) {
    return;
  }
  if (!is_json(text)) std::abort();
  Bytes written;
  serde.serialize("t", *value, written);
  if (!(serde.deserialize("t", written) == *value)) std::abort();
}

}  // namespace

template <>
struct tidemill::JsonOf<Mode> {
  static constexpr auto names = std::array{json_name("monitor", Mode::kMonitor), json_name("block", Mode::kBlock)};
};

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView text(reinterpret_cast<const char*>(data), size);
  check<Tree>(text, {});
  check<Tree>(text, {.unknown_fields = UnknownFields::kRefuse, .nulls = JsonNulls::kWrite});
  check<Nothing>(text, {});
  check<std::vector<std::optional<std::string>>>(text, {});
  check<std::int64_t>(text, {});
  check<double>(text, {});
  check<std::string>(text, {});
  return 0;
}
