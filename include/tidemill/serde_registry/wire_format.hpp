// The schema registry's envelope: a zero byte, the schema's id in four bytes, big-endian; where a schema's file holds several
// messages (Protobuf) the path to the message, as varints in zigzag form: how many, then each. The path [0] is a single zero.
#pragma once

#include <tidemill/serde/schema.hpp>

namespace tidemill {

using SchemaId = std::int32_t;

/// How deep messages may be inside of messages.
inline constexpr std::size_t kMessagePathMax = 64;

/// Empty `path`: the format has none.
void append_envelope(SchemaId id, const MessagePath& path, Bytes& out);

struct Envelope {
  SchemaId id = 0;
  MessagePath path = {};
  BytesView content;
};
/// kCorruption, with a sentence, for bytes that are in no envelope. `content` is a part of `bytes`.
[[nodiscard]] Result<Envelope> read_envelope(BytesView bytes, bool with_path);

}  // namespace tidemill
