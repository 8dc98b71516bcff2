#include <tidemill/serde/list_serde.hpp>

#include "base/endian.hpp"

namespace tidemill::detail {
namespace {

constexpr char kFixed = 0;
constexpr char kWithLengths = 1;
constexpr std::int32_t kNull = -1;

SerializationException no_list(const std::string& why) { return SerializationException("these bytes are no list: " + why); }

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}
  BytesView take(std::size_t size) {
    if (bytes_.size() < size) {
      throw no_list(std::to_string(size) + " bytes are to follow and " + std::to_string(bytes_.size()) + " do");
    }
    const BytesView taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::int32_t number() { return load_big_endian<std::int32_t>(take(sizeof(std::int32_t)).data()); }
  /// Of things that take at least so many bytes each: more than there can be is refused before room is made for them.
  std::size_t count(std::size_t bytes_each) {
    const std::int32_t number_of = number();
    if (number_of < 0 || static_cast<std::size_t>(number_of) > bytes_.size() / bytes_each) {
      throw no_list("it says that " + std::to_string(number_of) + " elements follow, in " + std::to_string(bytes_.size()) +
                    " bytes");
    }
    return static_cast<std::size_t>(number_of);
  }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  BytesView bytes_;
};

std::vector<OptionalBytesView> read_fixed(Reader& reader, std::size_t fixed_bytes) {
  if (fixed_bytes == 0) throw no_list("its elements have no lengths, and their type has no fixed one");
  std::vector<std::size_t> nulls(reader.count(sizeof(std::int32_t)));
  for (std::size_t& index : nulls) index = static_cast<std::size_t>(static_cast<std::uint32_t>(reader.number()));
  const std::int32_t size = reader.number();
  if (size < 0 || static_cast<std::size_t>(size) < nulls.size()) throw no_list("it has more null elements than elements");
  std::vector<OptionalBytesView> elements;
  std::size_t next_null = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(size); ++i) {
    if (next_null < nulls.size() && nulls[next_null] == i) {
      ++next_null;
      elements.emplace_back();
    } else {
      elements.emplace_back(reader.take(fixed_bytes));
    }
  }
  if (next_null != nulls.size()) throw no_list("its null elements are not in order, or behind its end");
  return elements;
}

std::vector<OptionalBytesView> read_with_lengths(Reader& reader) {
  std::vector<OptionalBytesView> elements(reader.count(sizeof(std::int32_t)));
  for (OptionalBytesView& element : elements) {
    const std::int32_t size = reader.number();
    if (size == kNull) continue;
    if (size < 0) throw no_list("the length of an element is " + std::to_string(size));
    element = reader.take(static_cast<std::size_t>(size));
  }
  return elements;
}

}  // namespace

void write_list(const std::vector<OptionalBytes>& elements, bool fixed, Bytes& out) {
  const auto number = [&out](std::size_t value) { append_big_endian(out, static_cast<std::int32_t>(value)); };
  out += fixed ? kFixed : kWithLengths;
  if (fixed) {
    std::size_t nulls = 0;
    for (const OptionalBytes& element : elements) nulls += element ? 0 : 1;
    number(nulls);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (!elements[i]) number(i);
    }
  }
  number(elements.size());
  for (const OptionalBytes& element : elements) {
    if (!fixed) append_big_endian(out, element ? static_cast<std::int32_t>(element->size()) : kNull);
    if (element) out += *element;
  }
}

std::vector<OptionalBytesView> read_list(BytesView bytes, std::size_t fixed_bytes) {
  Reader reader(bytes);
  const char strategy = reader.take(1).front();
  if (strategy != kFixed && strategy != kWithLengths)
    throw no_list("it begins with " + std::to_string(static_cast<int>(strategy)));
  std::vector<OptionalBytesView> elements = strategy == kFixed ? read_fixed(reader, fixed_bytes) : read_with_lengths(reader);
  if (!reader.at_end()) throw no_list("there are bytes behind its end");
  return elements;
}

void throw_null_element() {
  throw SerializationException("the list has a null element: read it as std::vector<std::optional<...>>");
}

}  // namespace tidemill::detail
