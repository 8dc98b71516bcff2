// The client against a registry of our own: what is asked, what is kept, and every way in which it can go wrong.
#include <gmock/gmock.h>

#include <cstdio>
#include <tidemill/serde_registry/schema_registry.hpp>

#include "fake_registry.hpp"

namespace tidemill {
namespace {

using testing::HasSubstr;
using testing::Not;

const Schema kNumber{.type = SchemaType::kJson, .text = R"({"type":"number"})", .record_name = {}, .imports = {}};
const Schema kText{.type = SchemaType::kJson, .text = R"({"type":"string"})", .record_name = {}, .imports = {}};

SchemaRegistryConfig config_for(std::vector<std::string> urls) {
  SchemaRegistryConfig config;
  config.urls = std::move(urls);
  config.retry_wait = std::chrono::milliseconds(1);
  return config;
}
std::shared_ptr<SchemaRegistry> client_of(const fake::Registry& fake) {
  return http_schema_registry(config_for({fake.url()})).value();
}
/// A port that is taken and where nobody listens.
class Nowhere {
 public:
  Nowhere() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  Nowhere(const Nowhere&) = delete;
  Nowhere& operator=(const Nowhere&) = delete;
  ~Nowhere() { ::close(socket_); }
  [[nodiscard]] int socket() const { return socket_; }
  std::string url;

 private:
  int socket_;
};

TEST(HttpSchemaRegistry, RegistersOnceAndKnowsTheIdThen) {
  fake::Registry fake;
  const auto client = client_of(fake);
  EXPECT_EQ(client->register_schema("a/b-value", kNumber).value(), 1);
  EXPECT_EQ(client->register_schema("a/b-value", kNumber).value(), 1);
  EXPECT_EQ(client->register_schema("other", kText).value(), 2);
  EXPECT_EQ(client->register_schema("other", kNumber).value(), 1);
  const auto asked = fake.asked();
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].method, "POST");
  EXPECT_EQ(asked[0].target, "/subjects/a%2Fb-value/versions");
  EXPECT_EQ(asked[0].content_type, "application/vnd.schemaregistry.v1+json");
  EXPECT_THAT(asked[0].accept, HasSubstr("application/vnd.schemaregistry.v1+json"));
  EXPECT_EQ(asked[0].authorization, "");
  EXPECT_EQ(asked[0].body, (nlohmann::json{{"schema", kNumber.text}, {"schemaType", "JSON"}}));
}

TEST(HttpSchemaRegistry, LooksUpLatestAndById) {
  fake::Registry fake;
  const auto client = client_of(fake);
  EXPECT_EQ(client->look_up("s", kNumber).error().kind, ErrorKind::kNotFound);
  (void)client->register_schema("s", kNumber).value();
  (void)client->register_schema("s", kText).value();
  EXPECT_EQ(client->look_up("s", kText).value().id, 2);
  EXPECT_EQ(client->look_up("s", kText).value().version, 2);
  EXPECT_EQ(client->latest("s").value().id, 2);
  EXPECT_EQ(client->latest("s").value().schema, kText);
  EXPECT_EQ(client->schema(1).value(), kNumber);
  EXPECT_EQ(client->schema(1).value(), kNumber);
  EXPECT_EQ(client->schema(9).error().kind, ErrorKind::kNotFound);
  std::map<std::string, int> times;
  for (const auto& asked : fake.asked()) ++times[asked.method + " " + asked.target];
  EXPECT_EQ(times["POST /subjects/s"], 2);  // not found, found; then kept
  EXPECT_EQ(times["GET /schemas/ids/1"], 1);
  EXPECT_EQ(times["GET /subjects/s/versions/latest"], 2);  // it may change
}

TEST(HttpSchemaRegistry, RegistersImportsAndRefersToThem) {
  fake::Registry fake;
  const auto client = client_of(fake);
  const Schema order{.type = SchemaType::kProtobuf,
                     .text = "order",
                     .record_name = {},
                     .imports = {{"money.proto", "money", {{"base.proto", "base", {}}}}, {"base.proto", "base", {}}}};
  EXPECT_EQ(client->register_schema("orders-value", order).value(), 3);
  const auto asked = fake.asked();
  ASSERT_EQ(asked.size(), 5U);  // base and where it is, money and where it is, the order
  EXPECT_EQ(asked[0].target, "/subjects/base.proto/versions");
  EXPECT_EQ(asked[1].target, "/subjects/base.proto");
  EXPECT_EQ(asked[2].target, "/subjects/money.proto/versions");
  EXPECT_EQ(asked[2].body["references"],
            nlohmann::json::parse(R"([{"name":"base.proto","subject":"base.proto","version":1}])"));
  EXPECT_EQ(asked[4].target, "/subjects/orders-value/versions");
  EXPECT_EQ(asked[4].body["schemaType"], "PROTOBUF");
  EXPECT_EQ(asked[4].body["references"], nlohmann::json::parse(R"([{"name":"money.proto","subject":"money.proto","version":1},
                                      {"name":"base.proto","subject":"base.proto","version":1}])"));
  // Another client, which must not register, finds all of it.
  EXPECT_EQ(client_of(fake)->look_up("orders-value", order).value().id, 3);
}

TEST(HttpSchemaRegistry, PassesTheRegistrysWordsOn) {
  fake::Registry fake;
  const auto client = client_of(fake);
  const auto refusal = [&](int status, std::string body) {
    fake.tell({status, std::move(body), false});
    return client->register_schema("s", kNumber).error();
  };
  Error error = refusal(409, R"({"error_code":409,"message":"Schema being registered is incompatible"})");
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(error.message, fake.url() + ": POST /subjects/s/versions: HTTP status 409, error_code 409: " +
                               "Schema being registered is incompatible");
  error = refusal(422, R"({"error_code":42201,"message":"Invalid schema"})");
  EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("error_code 42201: Invalid schema"));
  EXPECT_EQ(refusal(401, R"({"error_code":401,"message":"Unauthorized"})").kind, ErrorKind::kUnauthorized);
  EXPECT_EQ(refusal(404, "<html>nothing</html>").kind, ErrorKind::kNotFound);
  EXPECT_EQ(refusal(301, "").kind, ErrorKind::kInvalidArgument);
  EXPECT_EQ(refusal(200, "[]").kind, ErrorKind::kCorruption);
  EXPECT_EQ(refusal(200, R"({"id":"1"})").kind, ErrorKind::kCorruption);
  EXPECT_EQ(refusal(200, R"({"id":-1})").kind, ErrorKind::kCorruption);
  EXPECT_EQ(refusal(200, R"({"id":99999999999})").kind, ErrorKind::kCorruption);
  EXPECT_EQ(refusal(200, std::string(100000, '[')).kind, ErrorKind::kCorruption);
  EXPECT_EQ(fake.asked().size(), 10U);  // none of these is asked twice
  EXPECT_EQ(client->register_schema("s", kNumber).value(), 1);
}

TEST(HttpSchemaRegistry, TriesAgainWhenTheServerIsInTrouble) {
  fake::Registry fake;
  const auto client = client_of(fake);
  fake.tell({500, R"({"error_code":50001,"message":"Error in the backend data store"})", false});
  fake.tell({429, "", false});
  EXPECT_EQ(client->register_schema("s", kNumber).value(), 1);
  EXPECT_EQ(fake.asked().size(), 3U);
}

TEST(HttpSchemaRegistry, GivesUpAndIsQuietForAMoment) {
  fake::Registry fake;
  ManualClock clock;
  SchemaRegistryConfig config = config_for({fake.url()});
  config.clock = &clock;
  const auto client = http_schema_registry(config).value();
  for (int i = 0; i < 3; ++i) fake.tell({503, R"({"error_code":50003,"message":"no leader"})", false});
  const Error error = client->register_schema("s", kNumber).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("error_code 50003: no leader"));
  EXPECT_EQ(fake.asked().size(), 3U);
  EXPECT_EQ(client->register_schema("s", kNumber).error(), error);
  EXPECT_EQ(client->schema(1).error(), error);
  EXPECT_EQ(fake.asked().size(), 3U);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(client->register_schema("s", kNumber).value(), 1);
}

TEST(HttpSchemaRegistry, AsksTheNextUrlWhenOneIsDown) {
  fake::Registry fake;
  const Nowhere nowhere;
  const auto client = http_schema_registry(config_for({nowhere.url, fake.url()})).value();
  EXPECT_EQ(client->register_schema("s", kNumber).value(), 1);
  EXPECT_EQ(client->register_schema("s", kText).value(), 2);
  EXPECT_EQ(fake.asked().size(), 2U);
  SchemaRegistryConfig alone = config_for({nowhere.url});
  const Error error = http_schema_registry(alone).value()->register_schema("s", kNumber).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_EQ(error.message, "POST /subjects/s/versions: " + alone.urls[0] + ": no connection could be made");
}

TEST(HttpSchemaRegistry, DoesNotWaitForASlowAnswer) {
  fake::Registry slow;
  fake::Registry quick;
  slow.tell({200, R"({"id":9})", true});
  SchemaRegistryConfig config = config_for({slow.url(), quick.url()});
  config.read_timeout = std::chrono::milliseconds(50);
  const auto client = http_schema_registry(config).value();
  EXPECT_EQ(client->register_schema("s", kNumber).value(), 1);
  slow.release();
}

/// Answers with headers, one after the other and with a pause in between, until the client hangs up.
class EndlessHeaders {
 public:
  explicit EndlessHeaders(std::chrono::milliseconds pause) {
    EXPECT_EQ(::listen(place_.socket(), 1), 0);
    thread_ = std::thread([this, pause] {
      const int client = ::accept(place_.socket(), nullptr, nullptr);
      std::string text = "HTTP/1.1 200 OK\r\n";
      while (::send(client, text.data(), text.size(), MSG_NOSIGNAL) > 0) {
        text = "A: " + std::string(1000, 'b') + "\r\n";
        std::this_thread::sleep_for(pause);
      }
      ::close(client);
    });
  }
  EndlessHeaders(const EndlessHeaders&) = delete;
  EndlessHeaders& operator=(const EndlessHeaders&) = delete;
  ~EndlessHeaders() { thread_.join(); }
  [[nodiscard]] const std::string& url() const { return place_.url; }

 private:
  Nowhere place_;
  std::thread thread_;
};

Error error_of_endless_headers(std::chrono::milliseconds pause, std::chrono::milliseconds read_timeout) {
  const EndlessHeaders fake(pause);
  SchemaRegistryConfig config = config_for({fake.url()});
  config.retries = 0;
  config.connect_timeout = std::chrono::milliseconds(50);
  config.read_timeout = read_timeout;
  return http_schema_registry(config).value()->register_schema("s", kNumber).error();
}
TEST(HttpSchemaRegistry, BoundsHeaders) {
  const Error error = error_of_endless_headers(std::chrono::milliseconds(0), std::chrono::minutes(1));
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("the answer is too large"));
}
TEST(HttpSchemaRegistry, DoesNotReadHeadersForEver) {
  const Error error = error_of_endless_headers(std::chrono::milliseconds(10), std::chrono::milliseconds(100));
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("the answer does not come to its end"));
}

TEST(HttpSchemaRegistry, BoundsAnAnswer) {
  fake::Registry fake;
  SchemaRegistryConfig config = config_for({fake.url()});
  config.retries = 0;
  fake.tell({200, R"({"id":1,"x":")" + std::string(std::size_t{17} << 20, 'x') + "\"}", false});
  const Error error = http_schema_registry(config).value()->register_schema("s", kNumber).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("the answer is too large"));
}

TEST(HttpSchemaRegistry, ForgetsTheOldest) {
  fake::Registry fake;
  SchemaRegistryConfig config = config_for({fake.url()});
  config.cache_capacity = 2;
  const auto client = http_schema_registry(config).value();
  for (const char* subject : {"a", "b", "c"}) (void)client->register_schema(subject, kNumber).value();
  EXPECT_EQ(fake.asked().size(), 3U);
  (void)client->register_schema("c", kNumber).value();
  EXPECT_EQ(fake.asked().size(), 3U);
  (void)client->register_schema("a", kNumber).value();
  EXPECT_EQ(fake.asked().size(), 4U);
}

TEST(HttpSchemaRegistry, SaysWhoItIsAndTellsNobodyElse) {
  fake::Registry fake;
  SchemaRegistryConfig config = config_for({"http://ada:p%40ss@" + fake.address() + "/"});
  fake.tell({401, R"({"error_code":401,"message":"no"})", false});
  const Error error = http_schema_registry(config).value()->latest("s").error();
  EXPECT_EQ(fake.asked()[0].authorization, "Basic YWRhOnBAc3M=");  // ada:p@ss
  EXPECT_THAT(error.message, Not(HasSubstr("ada")));
  EXPECT_THAT(error.message, Not(HasSubstr("ss@")));
  config.user_info = "bob:secret";
  (void)http_schema_registry(config).value()->latest("s");
  EXPECT_EQ(fake.asked()[1].authorization, "Basic Ym9iOnNlY3JldA==");
  SchemaRegistryConfig bearer = config_for({fake.url()});
  bearer.bearer_token = "t0ken";
  (void)http_schema_registry(bearer).value()->latest("s");
  EXPECT_EQ(fake.asked()[2].authorization, "Bearer t0ken");
  const Nowhere nowhere;
  SchemaRegistryConfig down = config_for({nowhere.url});
  down.urls[0].insert(7, "ada:hush@");
  EXPECT_THAT(http_schema_registry(down).value()->latest("s").error().message, Not(HasSubstr("hush")));
}

TEST(HttpSchemaRegistry, RefusesWhatCannotBe) {
  const auto refusal = [](SchemaRegistryConfig config) {
    const auto client = http_schema_registry(std::move(config));
    return client ? "taken" : client.error().message;
  };
  EXPECT_THAT(refusal({}), HasSubstr("schema.registry.url"));
  for (const char* url : {"localhost:8081", "ftp://ada:hush@x", "http://", "http://ada:hush@", "http://x:99999",
                          "http://x:", "http://x y", "http://x/p?q=hush"}) {
    const std::string words = refusal(config_for({url}));
    EXPECT_THAT(words, HasSubstr("a url of the schema registry")) << url;
    EXPECT_THAT(words, Not(HasSubstr("hush")));
  }
  SchemaRegistryConfig both = config_for({"http://ada:x@h"});
  both.bearer_token = "t";
  EXPECT_THAT(refusal(both), HasSubstr("not both"));
  for (const char* token : {"hush\n", "hush\r\nX-Other: 1", "hu sh", "hush\x7f"}) {
    SchemaRegistryConfig bearer = config_for({"http://h"});
    bearer.bearer_token = token;
    EXPECT_THAT(refusal(bearer), AllOf(HasSubstr("bearer token"), Not(HasSubstr("hush")))) << token;
  }
  EXPECT_EQ(refusal(config_for({"https://[::1]:8081/prefix/"})), "taken");
}

TEST(HttpSchemaRegistry, SpeaksTlsToWhomItTrusts) {
  const fake::Certificate certificate;
  const std::string file = testing::TempDir() + "fake-registry-ca.pem";
  certificate.write(file);
  fake::Registry fake(&certificate);
  SchemaRegistryConfig config = config_for({fake.url()});
  config.retries = 0;
  const Error error = http_schema_registry(config).value()->register_schema("s", kNumber).error();
  EXPECT_EQ(error.kind, ErrorKind::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("certificate is not trusted"));
  EXPECT_TRUE(fake.asked().empty());
  config.ca_file = file;
  EXPECT_EQ(http_schema_registry(config).value()->register_schema("s", kNumber).value(), 1);
  std::remove(file.c_str());
}

TEST(InMemorySchemaRegistry, HasOneIdPerSchemaAndVersionsPerSubject) {
  const auto registry = in_memory_schema_registry();
  EXPECT_EQ(registry->register_schema("a", kNumber).value(), 1);
  EXPECT_EQ(registry->register_schema("b", kText).value(), 2);
  EXPECT_EQ(registry->register_schema("b", kNumber).value(), 1);
  EXPECT_EQ(registry->register_schema("b", kNumber).value(), 1);
  EXPECT_EQ(registry->latest("b").value().version, 2);
  EXPECT_EQ(registry->look_up("b", kText).value().version, 1);
  EXPECT_EQ(registry->look_up("a", kText).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(registry->schema(2).value(), kText);
  EXPECT_EQ(registry->schema(3).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace tidemill
