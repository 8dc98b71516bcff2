#include <tidemill/serde_registry/wire_format.hpp>

#include "base/endian.hpp"
#include "base/varint.hpp"

namespace tidemill {
namespace {

constexpr char kMagic = 0;
constexpr std::size_t kHeadBytes = 1 + sizeof(SchemaId);

Error corrupt(std::string why) { return {ErrorKind::kCorruption, "not in a schema registry's envelope: " + std::move(why)}; }

}  // namespace

void append_envelope(SchemaId id, const MessagePath& path, Bytes& out) {
  out += kMagic;
  append_big_endian(out, id);
  if (path.empty()) return;
  if (path.size() == 1 && path[0] == 0) return append_varint(out, 0);
  append_varint(out, static_cast<std::int64_t>(path.size()));
  for (const std::int32_t index : path) append_varint(out, index);
}

Result<Envelope> read_envelope(BytesView bytes, bool with_path) {
  if (bytes.size() < kHeadBytes) {
    return corrupt(std::to_string(bytes.size()) + " bytes, and it takes " + std::to_string(kHeadBytes));
  }
  if (bytes[0] != kMagic) {
    return corrupt("the first byte is " + std::to_string(static_cast<unsigned char>(bytes[0])) + ", not 0");
  }
  Envelope envelope{load_big_endian<SchemaId>(bytes.data() + 1), {}, bytes.substr(kHeadBytes)};
  if (!with_path) return envelope;
  const char* at = envelope.content.data();
  const char* const end = at + envelope.content.size();
  std::int64_t count = 0;
  at = read_varint(at, end, count);
  if (at == nullptr) return corrupt("the path of the message is cut off");
  if (count < 0 || count > static_cast<std::int64_t>(kMessagePathMax)) {
    return corrupt("the path of the message has " + std::to_string(count) + " steps");
  }
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t index = 0;
    at = read_varint(at, end, index);
    if (at == nullptr) return corrupt("the path of the message is cut off");
    if (index < 0 || index > INT32_MAX) return corrupt("the path of the message has a step to " + std::to_string(index));
    envelope.path.push_back(static_cast<std::int32_t>(index));
  }
  if (count == 0) envelope.path = {0};
  envelope.content = BytesView(at, static_cast<std::size_t>(end - at));
  return envelope;
}

}  // namespace tidemill
