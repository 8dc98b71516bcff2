// Protobuf messages against the bytes of protobuf-java (java/Golden.java prints them), and the schema of their file.
#include <gmock/gmock.h>

#include <tidemill/serde_protobuf/protobuf_serde.hpp>

#include "order.pb.h"
#include "strict.pb.h"

namespace tidemill {
namespace {

using testing::HasSubstr;

static_assert(ProtobufMessage<shop::Order> && !ProtobufMessage<std::string> && HasSerde<shop::Order>);

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}
template <class M>
Bytes written(const M& message) {
  Bytes out;
  SerdeOf<M>::serde().serialize("t", message, out);
  return out;
}
template <class M>
std::string refusal(BytesView bytes) {
  try {
    (void)protobuf_serde<M>().deserialize("t", bytes);
  } catch (const SerializationException& error) {
    return error.what();
  }
  return "taken";
}

shop::Order full_order() {
  shop::Order order;
  order.set_id("o-1");
  auto& wheel = *order.add_lines();
  wheel.set_article("wheel");
  wheel.set_pieces(2);
  auto& mill = *order.add_lines();
  mill.set_article("mill");
  mill.set_pieces(-1);
  order.mutable_total()->set_currency("EUR");
  order.mutable_total()->set_minor(-12500);
  order.set_state(shop::PAID);
  (*order.mutable_counts())["b"] = -1;
  (*order.mutable_counts())["a"] = 1;
  order.set_rate(0);
  order.mutable_customer()->set_name("Ada");
  order.mutable_at()->set_seconds(1700000000);
  order.mutable_at()->set_nanos(5);
  for (const int delta : {1, -1, 300}) order.add_deltas(delta);
  return order;
}

TEST(Protobuf, HasJavasBytes) {
  EXPECT_EQ(written(shop::Order()), "");
  const Bytes java = from_hex(
      "0a036f2d3112090a05776865656c100212110a046d696c6c10ffffffffffffffffff011a090a0345555210a7c30120012a050a016110012a0e0a0162"
      "10ffffffffffffffffff013100000000000000003a050a034164614a080880e2cfaa06100552040201d804");
  EXPECT_EQ(written(full_order()), java);
  EXPECT_EQ(written(protobuf_serde<shop::Order>().deserialize("t", java)), java);
  shop::Order box;
  box.set_id("h\xc3\xa9");
  box.set_box(7);
  EXPECT_EQ(written(box), from_hex("0a0368c3a94507000000"));
}

TEST(Protobuf, AppendsAndKeepsUnknownFields) {
  Bytes out = "before";
  protobuf_serde<shop::Money>().serialize("t", full_order().total(), out);
  EXPECT_EQ(out, "before" + from_hex("0a0345555210a7c301"));
  const Bytes newer = from_hex("0a034555527a0178");  // field 15 is not known here
  EXPECT_EQ(written(protobuf_serde<shop::Money>().deserialize("t", newer)), newer);
}

TEST(Protobuf, RefusesWhatIsNoMessage) {
  EXPECT_EQ(refusal<shop::Order>(from_hex("0a05")), "Protobuf: shop.Order: these 2 bytes are no such message");
  EXPECT_NE(refusal<shop::Order>("\xff"), "taken");
  EXPECT_EQ(refusal<Strict>(""), "Protobuf: Strict: required fields are missing: id");
  Strict half;
  half.set_id("x");
  half.mutable_inner();
  try {
    (void)written(half);
    FAIL();
  } catch (const SerializationException& error) {
    EXPECT_STREQ(error.what(), "Protobuf: Strict: required fields are missing: inner.id");
  }
  Bytes deep;
  for (int i = 0; i < 200; ++i) {  // each level says how long the rest is, in two bytes that could be one
    const std::size_t rest = deep.size() + 3;
    deep = from_hex("0a0178") + Bytes{0x12, static_cast<char>(0x80 | (rest & 0x7f)), static_cast<char>(rest >> 7)} +
           from_hex("0a0178") + deep;
  }
  EXPECT_NE(refusal<Strict>(deep), "taken");
}

TEST(Protobuf, HasItsFileForASchema) {
  const Schema schema = protobuf_schema<shop::Order::Line>();
  EXPECT_EQ(schema.type, SchemaType::kProtobuf);
  EXPECT_EQ(schema.record_name, "shop.Order.Line");
  EXPECT_TRUE(schema.text.starts_with("syntax = \"proto3\";\n")) << schema.text;
  EXPECT_THAT(schema.text, HasSubstr("package shop;"));
  EXPECT_THAT(schema.text, HasSubstr("import \"money.proto\";"));
  EXPECT_THAT(schema.text, HasSubstr("message Note {"));
  ASSERT_EQ(schema.imports.size(), 1U);  // not google's
  EXPECT_EQ(schema.imports[0].name, "money.proto");
  EXPECT_THAT(schema.imports[0].text, HasSubstr("sint64 minor = 2;"));
}

TEST(Protobuf, KnowsWhereTheMessageIsInItsFile) {
  EXPECT_EQ(protobuf_schema_serde<shop::Customer>().path, (MessagePath{0}));
  EXPECT_EQ(protobuf_schema_serde<shop::Order>().path, (MessagePath{1}));
  EXPECT_EQ(protobuf_schema_serde<shop::Order::Line::Note>().path, (MessagePath{1, 0, 0}));
}

TEST(Protobuf, FindsMessagesInAnothersFile) {
  const auto serde = protobuf_schema_serde<shop::Order>();
  const MessageFinder finder = serde.finder;
  const std::string& text = serde.schema.text;
  EXPECT_EQ(finder.message_at(text, {1, 0, 0}).value(), "shop.Order.Line.Note");
  EXPECT_EQ(finder.path_of(text, "shop.Order.Line.Note").value(), (MessagePath{1, 0, 0}));
  EXPECT_EQ(finder.path_of(text, "shop.Order").value(), (MessagePath{1}));
  EXPECT_EQ(finder.message_at(text, {9}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(finder.message_at(text, {0, 0}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(finder.message_at(text, {-1}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(finder.message_at(text, {}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(finder.path_of(text, "shop.Ord").error().message, "the schema has no message shop.Ord");
  EXPECT_EQ(finder.path_of("syntax = \"proto3\"; message A { int32 x = }", "A").error().message,
            "the schema is no .proto file: line 1: Expected field number.");
  EXPECT_EQ(finder.path_of("syntax = \"proto3\"; message A { message B {} }", "A.B").value(), (MessagePath{0, 0}));
}

}  // namespace
}  // namespace tidemill
