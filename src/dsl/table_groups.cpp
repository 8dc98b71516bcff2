// How a change of a table travels through the repartition topic of a group: Java's ChangedSerializer, byte for byte.
#include <tidemill/dsl/table_group_nodes.hpp>

#include <cstdint>

namespace tidemill::detail {
namespace {

// The byte at the end.
constexpr char kOldOnly = 0;
constexpr char kNewOnly = 1;
constexpr char kBoth = 2;
/// The same three with a byte in front that says whether the change is of the latest version.
constexpr char kWithLatest = 3;

void append_varint(std::int32_t value, Bytes& out) {
  auto bits = (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
  for (; bits >= 0x80; bits >>= 7) out += static_cast<char>((bits & 0x7f) | 0x80);
  out += static_cast<char>(bits);
}

[[noreturn]] void throw_no_change() {
  throw SerializationException("a table's repartition topic has a value that is no change");
}

std::size_t take_varint(BytesView& bytes) {
  std::uint32_t bits = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    if (bytes.empty()) throw_no_change();
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    bits |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return (bits >> 1) ^ (~(bits & 1) + 1);
  }
  throw_no_change();
}

}  // namespace

void append_change(OptionalBytesView new_value, OptionalBytesView old_value, Bytes& out) {
  if (new_value && old_value) append_varint(static_cast<std::int32_t>(new_value->size()), out);
  if (new_value) out.append(*new_value);
  if (old_value) out.append(*old_value);
  out += new_value && old_value ? kBoth : new_value ? kNewOnly : kOldOnly;
}

ChangeBytes split_change(BytesView bytes) {
  if (bytes.empty()) throw_no_change();
  ChangeBytes change;
  char kind = bytes.back();
  bytes.remove_suffix(1);
  if (kind >= kWithLatest) {
    if (bytes.empty()) throw_no_change();
    change.is_latest = bytes.back() != 0;
    bytes.remove_suffix(1);
    kind = static_cast<char>(kind - kWithLatest);
  }
  switch (kind) {
    case kOldOnly: change.old_value = bytes; break;
    case kNewOnly: change.new_value = bytes; break;
    case kBoth: {
      const std::size_t size = take_varint(bytes);
      if (size > bytes.size()) throw_no_change();
      change.new_value = bytes.substr(0, size);
      change.old_value = bytes.substr(size);
      break;
    }
    default: throw_no_change();
  }
  return change;
}

bool writes_changes_apart(const TaskContext& task) {
  const std::string* from = task.app_config("upgrade.from");
  // 3.5 is the first that reads both in one.
  return from != nullptr && (from->starts_with("2.") || (from->starts_with("3.") && from->size() == 3 && (*from)[2] < '5'));
}

}  // namespace tidemill::detail
