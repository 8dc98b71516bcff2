// The client of a schema registry. One request at a time: threads that have the same question wait for the first one's answer and
// find it kept. Urls are asked in turn, beginning with the one that answered last; a server that is down or in trouble (5xx, 408,
// 429) is followed by the next one, and the whole round is repeated a bounded number of times. When nobody has answered, further
// questions fail at once for a moment, so that a stream of records does not wait once per record.
#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <tidemill/serde_registry/schema_registry.hpp>
#include <unordered_map>

#include "serde_registry/answers.hpp"
#include "serde_registry/http_transport.hpp"

namespace tidemill {
namespace registry {
namespace {

/// How long nobody is asked after nobody has answered.
constexpr std::chrono::milliseconds kQuietAfterFailure{1000};
/// However many urls and retries there are, no further one is tried after that.
constexpr std::chrono::seconds kCallTimeMax{30};
constexpr int kRetriesMax = 10;

/// The oldest make room. Thread-safe.
template <class Key, class Value>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t capacity) : capacity_(std::max<std::size_t>(capacity, 1)) {}
  [[nodiscard]] std::optional<Value> find(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = values_.find(key);
    return found == values_.end() ? std::nullopt : std::optional<Value>(found->second);
  }
  void keep(const Key& key, Value value) {
    const std::lock_guard lock(mutex_);
    if (!values_.emplace(key, std::move(value)).second) return;
    order_.push_back(key);
    if (order_.size() <= capacity_) return;
    values_.erase(order_.front());
    order_.pop_front();
  }

 private:
  mutable std::mutex mutex_;
  std::size_t capacity_;
  std::unordered_map<Key, Value> values_;
  std::deque<Key> order_;
};

void append_key(const std::string& part, std::string& key) { key += std::to_string(part.size()) + ":" + part; }
void append_key(const std::vector<SchemaImport>& imports, std::string& key) {
  for (const SchemaImport& import : imports) {
    append_key(import.name, key);
    append_key(import.text, key);
    append_key(import.imports, key);
    key += ';';
  }
}
std::string key_of(const std::string& subject, const Schema& schema) {
  std::string key;
  append_key(subject, key);
  key += to_string(schema.type);
  append_key(schema.text, key);
  append_key(schema.imports, key);
  return key;
}

class HttpSchemaRegistry final : public SchemaRegistry {
 public:
  HttpSchemaRegistry(SchemaRegistryConfig config, const std::vector<Url>& urls)
      : config_(std::move(config)),
        ids_(config_.cache_capacity),
        looked_up_(config_.cache_capacity),
        schemas_(config_.cache_capacity) {
    for (const Url& url : urls) {
      servers_.push_back(std::make_unique<HttpTransport>(
          url, TransportOptions{config_.connect_timeout, config_.read_timeout, authorization(url), config_.ca_file}));
      shown_.push_back(url.shown());
    }
  }

  Result<SchemaId> register_schema(const std::string& subject, const Schema& schema) override {
    const std::string key = key_of(subject, schema);
    if (auto known = ids_.find(key)) return *known;
    const std::lock_guard asking(asking_);
    if (auto known = ids_.find(key)) return *known;
    return register_now(subject, schema, key);
  }
  Result<RegisteredSchema> look_up(const std::string& subject, const Schema& schema) override {
    const std::string key = key_of(subject, schema);
    if (auto known = looked_up_.find(key)) return *known;
    const std::lock_guard asking(asking_);
    if (auto known = looked_up_.find(key)) return *known;
    return look_up_now(subject, schema, key, &HttpSchemaRegistry::look_up_import);
  }
  Result<RegisteredSchema> latest(const std::string& subject) override {
    const std::lock_guard asking(asking_);
    TIDEMILL_ASSIGN(const std::string body, ask("/subjects/" + percent_encoded(subject) + "/versions/latest", {}));
    return read_registered(body);
  }
  Result<Schema> schema(SchemaId id) override {
    if (auto known = schemas_.find(id)) return *known;
    const std::lock_guard asking(asking_);
    if (auto known = schemas_.find(id)) return *known;
    TIDEMILL_ASSIGN(const std::string body, ask("/schemas/ids/" + std::to_string(id), {}));
    TIDEMILL_ASSIGN(Schema schema, read_schema(body));
    schemas_.keep(id, schema);
    return schema;
  }

 private:
  using Reference = Result<nlohmann::json>;
  using ReferTo = Reference (HttpSchemaRegistry::*)(const SchemaImport&, SchemaType);

  [[nodiscard]] std::string authorization(const Url& url) const {
    if (!config_.bearer_token.empty()) return "Bearer " + config_.bearer_token;
    const std::string& user = config_.user_info.empty() ? url.user_info : config_.user_info;
    return user.empty() ? std::string() : "Basic " + base64(user);
  }

  Result<SchemaId> register_now(const std::string& subject, const Schema& schema, const std::string& key) {
    TIDEMILL_ASSIGN(const std::string question, question_of(schema, &HttpSchemaRegistry::register_import));
    TIDEMILL_ASSIGN(const std::string body, ask("/subjects/" + percent_encoded(subject) + "/versions" + query(), question));
    TIDEMILL_ASSIGN(const SchemaId id, read_id(body));
    ids_.keep(key, id);
    return id;
  }
  Result<RegisteredSchema> look_up_now(const std::string& subject, const Schema& schema, const std::string& key,
                                       ReferTo refer) {
    TIDEMILL_ASSIGN(const std::string question, question_of(schema, refer));
    TIDEMILL_ASSIGN(const std::string body, ask("/subjects/" + percent_encoded(subject) + query(), question));
    TIDEMILL_ASSIGN(RegisteredSchema registered, read_registered(body));
    looked_up_.keep(key, registered);
    return registered;
  }
  [[nodiscard]] std::string query() const { return config_.normalize ? "?normalize=true" : ""; }

  Result<std::string> question_of(const Schema& schema, ReferTo refer) {
    nlohmann::json question{{"schema", schema.text}};
    if (schema.type != SchemaType::kAvro) question["schemaType"] = to_string(schema.type);
    for (const SchemaImport& import : schema.imports) {
      TIDEMILL_ASSIGN(nlohmann::json reference, (this->*refer)(import, schema.type));
      question["references"].push_back(std::move(reference));
    }
    return question.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  /// Registered under its name; which version that is, only a look-up says.
  Reference register_import(const SchemaImport& import, SchemaType type) {
    const Schema schema{.type = type, .text = import.text, .record_name = {}, .imports = import.imports};
    const std::string key = key_of(import.name, schema);
    if (!ids_.find(key)) TIDEMILL_TRY(register_now(import.name, schema, key));
    return refer_to(import, schema, key, &HttpSchemaRegistry::register_import);
  }
  Reference look_up_import(const SchemaImport& import, SchemaType type) {
    const Schema schema{.type = type, .text = import.text, .record_name = {}, .imports = import.imports};
    return refer_to(import, schema, key_of(import.name, schema), &HttpSchemaRegistry::look_up_import);
  }
  Reference refer_to(const SchemaImport& import, const Schema& schema, const std::string& key, ReferTo refer) {
    std::optional<RegisteredSchema> known = looked_up_.find(key);
    if (!known) {
      TIDEMILL_ASSIGN(known, look_up_now(import.name, schema, key, refer));
    }
    return nlohmann::json{{"name", import.name}, {"subject", import.name}, {"version", known->version}};
  }

  /// The answer's body, or what is wrong. `asking_` is held.
  Result<std::string> ask(const std::string& path, const std::string& body) {
    const auto begin = now();
    if (failed_ && begin - *failed_ < kQuietAfterFailure) return last_failure_;
    const std::string what = std::string(body.empty() ? "GET " : "POST ") + path;
    Error last;
    for (int round = 0; round <= config_.retries && now() - begin < kCallTimeMax; ++round) {
      if (round > 0) std::this_thread::sleep_for(config_.retry_wait);
      for (std::size_t i = 0; i < servers_.size() && now() - begin < kCallTimeMax; ++i) {
        const std::size_t server = (preferred_ + i) % servers_.size();
        Result<Answer> answer = servers_[server]->ask(path, body);
        if (answer && answer->status == 200) {
          preferred_ = server;
          failed_.reset();
          return std::move(answer->body);
        }
        last = answer ? read_error(answer->status, answer->body).with_context(shown_[server] + ": " + what)
                      : answer.error().with_context(what);
        if (last.kind == ErrorKind::kUnavailable) continue;
        preferred_ = server;
        failed_.reset();
        return last;
      }
    }
    failed_ = now();
    last_failure_ = last;
    return last;
  }
  [[nodiscard]] MonotonicTime now() const { return config_.clock->now().monotonic; }

  const SchemaRegistryConfig config_;
  std::vector<std::string> shown_;

  std::mutex asking_;
  std::vector<std::unique_ptr<HttpTransport>> servers_;
  std::size_t preferred_ = 0;
  std::optional<MonotonicTime> failed_;
  Error last_failure_;

  BoundedMap<std::string, SchemaId> ids_;
  BoundedMap<std::string, RegisteredSchema> looked_up_;
  BoundedMap<SchemaId, Schema> schemas_;
};

}  // namespace
}  // namespace registry

Result<std::shared_ptr<SchemaRegistry>> http_schema_registry(SchemaRegistryConfig config) {
  const auto wrong = [](std::string why) { return Error{ErrorKind::kInvalidArgument, std::move(why)}; };
  if (config.urls.empty()) return wrong("a schema registry needs a url: schema.registry.url");
  if (config.retries < 0 || config.retries > registry::kRetriesMax) {
    return wrong("max.retries of the schema registry must be 0 to " + std::to_string(registry::kRetriesMax));
  }
  if (config.clock == nullptr) return wrong("a schema registry needs a clock");
  // It goes into a line of the request's head as it is.
  const auto in_no_token = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
  if (std::any_of(config.bearer_token.begin(), config.bearer_token.end(), in_no_token)) {
    return wrong(
        "the bearer token of the schema registry has a blank, a line end or another character in it that cannot be sent");
  }
  std::vector<registry::Url> urls;
  for (const std::string& text : config.urls) {
    TIDEMILL_ASSIGN(registry::Url url, registry::parse_url(text));
    if (!config.bearer_token.empty() && !(config.user_info.empty() && url.user_info.empty())) {
      return wrong("a schema registry takes a user's name and password or a bearer token, not both");
    }
    urls.push_back(std::move(url));
  }
  return std::shared_ptr<SchemaRegistry>(std::make_shared<registry::HttpSchemaRegistry>(std::move(config), urls));
}

}  // namespace tidemill
