// JSON and Protobuf in the envelope: over HTTP, in memory, and against bytes made by hand from the documented format.
#include <gmock/gmock.h>

#include <tidemill/serde_json/json_serde.hpp>
#include <tidemill/serde_protobuf/protobuf_serde.hpp>
#include <tidemill/serde_registry/registry_serde.hpp>

#include "fake_registry.hpp"
#include "order.pb.h"

namespace tidemill {
namespace {

struct Payment {
  std::string account;
  std::int64_t amount = 0;
  bool operator==(const Payment&) const = default;
  static constexpr std::string_view json_title = "Payment";
  static constexpr auto json_fields =
      std::tuple(json_field("account", &Payment::account), json_field("amount", &Payment::amount));
};
struct Nameless {
  int x = 0;
  static constexpr auto json_fields = std::tuple(json_field("x", &Nameless::x));
};

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}
template <class T>
Bytes written(const Serde<T>& serde, const T& value, std::string_view topic = "t") {
  Bytes out;
  serde.serialize(topic, value, out);
  return out;
}
template <class F>
std::string refusal(F&& call) {
  try {
    call();
  } catch (const SerializationException& error) {
    return error.what();
  }
  return "taken";
}
std::shared_ptr<SchemaRegistry> client_of(const fake::Registry& fake) {
  SchemaRegistryConfig config;
  config.urls = {fake.url()};
  config.retry_wait = std::chrono::milliseconds(1);
  return http_schema_registry(config).value();
}

TEST(RegistrySerde, WritesJsonAsDocumented) {
  fake::Registry fake;
  const auto serde = registry_serde(client_of(fake), json_schema_serde<Payment>());
  const Bytes bytes = written(serde, {"A", 5}, "payments");
  EXPECT_EQ(bytes, from_hex("0000000001") + R"({"account":"A","amount":5})");
  EXPECT_EQ(serde.deserialize("payments", bytes), (Payment{"A", 5}));
  EXPECT_EQ(written(serde, {"B", 6}, "payments").substr(0, 5), bytes.substr(0, 5));
  const auto asked = fake.asked();
  ASSERT_EQ(asked.size(), 1U);  // once per topic, and not at all to read
  EXPECT_EQ(asked[0].target, "/subjects/payments-value/versions");
  EXPECT_EQ(nlohmann::json::parse(asked[0].body["schema"].get<std::string>())["title"], "Payment");
  // Of anybody's schema.
  EXPECT_EQ(serde.deserialize("payments", from_hex("0000ffffff") + R"({"account":"A","amount":5,"new":1})"), (Payment{"A", 5}));
}

TEST(RegistrySerde, WritesProtobufAsDocumented) {
  fake::Registry fake;
  const auto client = client_of(fake);
  shop::Customer customer;
  customer.set_name("Ada");
  const auto customers = registry_serde(client, protobuf_schema_serde<shop::Customer>());
  // money.proto has the id 1, for its import.
  EXPECT_EQ(written(customers, customer), from_hex("0000000002"
                                                   "00"
                                                   "0a03416461"));
  EXPECT_EQ(customers
                .deserialize("t", from_hex("0000000002"
                                           "00"
                                           "0a03416461"))
                .name(),
            "Ada");
  shop::Order::Line line;
  line.set_article("a");
  const auto lines = registry_serde(client, protobuf_schema_serde<shop::Order::Line>());
  EXPECT_EQ(written(lines, line), from_hex("0000000002"
                                           "040200"
                                           "0a0161"));
  EXPECT_EQ(lines.deserialize("t", written(lines, line)).article(), "a");
}

TEST(RegistrySerde, RefusesAnotherMessageOfTheFile) {
  fake::Registry fake;
  const auto client = client_of(fake);
  const auto customers = registry_serde(client, protobuf_schema_serde<shop::Customer>());
  const auto orders = registry_serde(client, protobuf_schema_serde<shop::Order>());
  const Bytes bytes = written(customers, shop::Customer());
  EXPECT_EQ(refusal([&] { (void)orders.deserialize("t", bytes); }),
            "schema registry: a record of t with the schema 2: is a shop.Customer, not a shop.Order");
  EXPECT_THAT(refusal([&] { (void)orders.deserialize("t", from_hex("000000006300")); }),
              testing::HasSubstr("error_code 40403"));
  // A file of another program's, in which the message stands elsewhere.
  const Schema theirs{.type = SchemaType::kProtobuf,
                      .text = "syntax = \"proto3\"; package shop; message A {} message B {} message Order { string id = 1; }",
                      .record_name = {},
                      .imports = {}};
  const SchemaId id = client->register_schema("x", theirs).value();
  Bytes other;
  append_envelope(id, {2}, other);
  EXPECT_EQ(orders.deserialize("t", other + from_hex("0a0178")).id(), "x");
  const std::size_t before = fake.asked().size();
  EXPECT_EQ(orders.deserialize("t", other + from_hex("0a0179")).id(), "y");
  EXPECT_EQ(fake.asked().size(), before);
  const SchemaId json = client->register_schema("y", json_schema<Payment>()).value();
  Bytes wrong;
  append_envelope(json, {0}, wrong);
  EXPECT_THAT(refusal([&] { (void)orders.deserialize("t", wrong); }), testing::HasSubstr("is of type JSON, not PROTOBUF"));
}

TEST(RegistrySerde, NamesSubjectsInThreeWays) {
  fake::Registry fake;
  const auto client = client_of(fake);
  const auto subject = [&](RegistrySerdeOptions options) {
    (void)written(registry_serde(client_of(fake), json_schema_serde<Payment>(), options), Payment{}, "t");
    return fake.asked().back().target;
  };
  EXPECT_EQ(subject({.part = RecordPart::kKey}), "/subjects/t-key/versions");
  EXPECT_EQ(subject({.subject = SubjectName::kRecord}), "/subjects/Payment/versions");
  EXPECT_EQ(subject({.subject = SubjectName::kTopicRecord}), "/subjects/t-Payment/versions");
  EXPECT_THAT(refusal([&] {
                (void)written(registry_serde(client, json_schema_serde<Nameless>(), {.subject = SubjectName::kRecord}),
                              Nameless{});
              }),
              testing::HasSubstr("json_title"));
}

TEST(RegistrySerde, RegistersNothingUnlessItMay) {
  fake::Registry fake;
  const auto client = client_of(fake);
  const auto careful = registry_serde(client, json_schema_serde<Payment>(), {.auto_register = false});
  EXPECT_THAT(refusal([&] { (void)written(careful, Payment{}); }), testing::HasSubstr("error_code 40401"));
  EXPECT_EQ(fake.asked().back().target, "/subjects/t-value");
  (void)client->register_schema("t-value", {.type = SchemaType::kJson, .text = "{}", .record_name = {}, .imports = {}}).value();
  EXPECT_EQ(client->register_schema("t-value", json_schema<Payment>()).value(), 2);
  EXPECT_EQ(written(careful, Payment{}).substr(0, 5), from_hex("0000000002"));
}

TEST(RegistrySerde, WritesUnderTheLatestVersion) {
  const auto registry = in_memory_schema_registry();
  const auto latest = registry_serde(registry, protobuf_schema_serde<shop::Order>(), {.use_latest_version = true});
  EXPECT_THAT(refusal([&] { (void)written(latest, shop::Order()); }), testing::HasSubstr("there is no subject t-value"));
  (void)registry->register_schema("t-value", json_schema<Payment>()).value();
  EXPECT_THAT(refusal([&] { (void)written(latest, shop::Order()); }), testing::HasSubstr("is of type JSON, not PROTOBUF"));
  const Schema theirs{.type = SchemaType::kProtobuf,
                      .text = "syntax = \"proto3\"; package shop; message A {} message B {} message Order { string id = 1; }",
                      .record_name = {},
                      .imports = {}};
  (void)registry->register_schema("t-value", theirs).value();
  EXPECT_EQ(written(latest, shop::Order()), from_hex("0000000002"
                                                     "0204"));
}

TEST(RegistrySerde, SaysWhatIsInNoEnvelope) {
  const auto serde = registry_serde(in_memory_schema_registry(), json_schema_serde<Payment>());
  EXPECT_EQ(refusal([&] { (void)serde.deserialize("t", R"({"account":"A","amount":5})"); }),
            "schema registry: a record of t: not in a schema registry's envelope: the first byte is 123, not 0");
}

TEST(RegistrySerde, KnowsMoreTopicsThanItKeeps) {
  fake::Registry fake;
  const auto serde = registry_serde(client_of(fake), json_schema_serde<Payment>());
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kRegistryAnswersKept + 5; ++i) {
      EXPECT_EQ(written(serde, Payment{}, "t" + std::to_string(i)).substr(0, 5), from_hex("0000000001"));
    }
  }
  EXPECT_EQ(fake.asked().size(), kRegistryAnswersKept + 5);
}

TEST(RegistrySerde, IsSharedByThreads) {
  fake::Registry fake;
  const auto serde = registry_serde(client_of(fake), protobuf_schema_serde<shop::Customer>());
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, copy = serde] {
      for (int j = 0; j < 200; ++j) {
        const Bytes bytes = written(copy, shop::Customer(), "t" + std::to_string(j % 3));
        (void)copy.deserialize("t", bytes);
        good += bytes == from_hex("000000000200") ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
}

}  // namespace
}  // namespace tidemill
