// The envelope, byte for byte as Confluent documents it.
#include <gmock/gmock.h>

#include <tidemill/serde_registry/wire_format.hpp>

namespace tidemill {
namespace {

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}
Bytes head(SchemaId id, const MessagePath& path) {
  Bytes out;
  append_envelope(id, path, out);
  return out;
}
std::string refusal(std::string_view hex, bool with_path) {
  const Bytes bytes = from_hex(hex);
  const auto envelope = read_envelope(bytes, with_path);
  if (envelope) return "taken";
  EXPECT_EQ(envelope.error().kind, ErrorKind::kCorruption);
  return envelope.error().message;
}

TEST(WireFormat, IsGolden) {
  EXPECT_EQ(head(1, {}), from_hex("0000000001"));
  EXPECT_EQ(head(0x01020304, {}), from_hex("0001020304"));
  EXPECT_EQ(head(7, {0}), from_hex("000000000700"));    // the short form of [0]
  EXPECT_EQ(head(7, {1}), from_hex("00000000070202"));  // one step, to 1
  EXPECT_EQ(head(7, {1, 0}), from_hex("0000000007040200"));
  EXPECT_EQ(head(7, {0, 0}), from_hex("0000000007040000"));
  EXPECT_EQ(head(7, {64, 300}), from_hex("0000000007048001d804"));
}

TEST(WireFormat, IsReadBack) {
  for (const MessagePath& path : {MessagePath{}, {0}, {1}, {0, 0}, {3, 2, 1, 0}, {INT32_MAX}}) {
    const Bytes bytes = head(12345678, path) + "tide";
    const Envelope envelope = read_envelope(bytes, !path.empty()).value();
    EXPECT_EQ(envelope.id, 12345678);
    EXPECT_EQ(envelope.path, path);
    EXPECT_EQ(envelope.content, "tide");
  }
  const Bytes long_form = from_hex("00000000070200ff");  // [0], written out
  EXPECT_EQ(read_envelope(long_form, true).value().path, MessagePath{0});
  EXPECT_EQ(read_envelope(long_form, true).value().content, "\xff");
}

TEST(WireFormat, RefusesTheRest) {
  EXPECT_EQ(refusal("", false), "not in a schema registry's envelope: 0 bytes, and it takes 5");
  EXPECT_EQ(refusal("00000000", false), "not in a schema registry's envelope: 4 bytes, and it takes 5");
  EXPECT_EQ(refusal("7b22612231", false), "not in a schema registry's envelope: the first byte is 123, not 0");
  EXPECT_EQ(refusal("0000000001", true), "not in a schema registry's envelope: the path of the message is cut off");
  EXPECT_EQ(refusal("000000000104", true), "not in a schema registry's envelope: the path of the message is cut off");
  EXPECT_EQ(refusal("000000000101", true), "not in a schema registry's envelope: the path of the message has -1 steps");
  EXPECT_EQ(refusal("00000000018201", true), "not in a schema registry's envelope: the path of the message has 65 steps");
  EXPECT_EQ(refusal("00000000010201", true), "not in a schema registry's envelope: the path of the message has a step to -1");
  EXPECT_EQ(refusal("000000000102ffffffffffffffffff01", true).substr(0, 71),
            "not in a schema registry's envelope: the path of the message has a step");
}

}  // namespace
}  // namespace tidemill
