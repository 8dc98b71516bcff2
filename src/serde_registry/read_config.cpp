#include <charconv>
#include <tidemill/serde_registry/schema_registry.hpp>

namespace tidemill {
namespace {

/// Never the value: it may be a password.
Error wrong(const std::string& key, const std::string& why) { return {ErrorKind::kInvalidArgument, key + " " + why}; }

class Reader {
 public:
  explicit Reader(const std::map<std::string, std::string>& properties) : properties_(properties) {}

  [[nodiscard]] std::string text(const std::string& key) const {
    const auto found = properties_.find(key);
    return found == properties_.end() ? std::string() : found->second;
  }
  Result<void> number(const std::string& key, std::int64_t max, std::int64_t& into) const {
    const auto found = properties_.find(key);
    if (found == properties_.end()) return {};
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (error != std::errc{} || end != text.data() + text.size() || into < 0 || into > max) {
      return wrong(key, "must be a whole number from 0 to " + std::to_string(max));
    }
    return {};
  }
  Result<void> flag(const std::string& key, bool& into) const {
    const std::string value = text(key);
    if (value.empty()) return {};
    if (value != "true" && value != "false") return wrong(key, "must be true or false");
    into = value == "true";
    return {};
  }
  Result<void> duration(const std::string& key, std::chrono::milliseconds& into) const {
    constexpr std::int64_t kMax = 600'000;
    std::int64_t value = into.count();
    TIDEMILL_TRY(number(key, kMax, value));
    into = std::chrono::milliseconds(value);
    return {};
  }
  Result<void> subject(const std::string& key, SubjectName& into) const {
    const std::string value = text(key);
    const std::string name = value.substr(value.rfind('.') + 1);
    if (name.empty() || name == "TopicNameStrategy") return {};
    if (name == "RecordNameStrategy") {
      into = SubjectName::kRecord;
    } else if (name == "TopicRecordNameStrategy") {
      into = SubjectName::kTopicRecord;
    } else {
      return wrong(key, "must be TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy");
    }
    return {};
  }

 private:
  const std::map<std::string, std::string>& properties_;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    std::string part = list.substr(begin, end - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    if (!part.empty()) parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

Result<void> read_credentials(const Reader& reader, SchemaRegistryConfig& config) {
  const std::string source = reader.text("basic.auth.credentials.source");
  if (source == "USER_INFO") {
    config.user_info = reader.text("basic.auth.user.info");
    if (config.user_info.empty()) config.user_info = reader.text("schema.registry.basic.auth.user.info");
    if (config.user_info.empty())
      return wrong("basic.auth.credentials.source", "is USER_INFO, and basic.auth.user.info is empty");
  } else if (!source.empty() && source != "URL") {
    return wrong("basic.auth.credentials.source", "must be URL or USER_INFO");
  }
  const std::string bearer = reader.text("bearer.auth.credentials.source");
  if (bearer.empty()) return {};
  if (bearer != "STATIC_TOKEN") return wrong("bearer.auth.credentials.source", "must be STATIC_TOKEN");
  config.bearer_token = reader.text("bearer.auth.token");
  if (config.bearer_token.empty())
    return wrong("bearer.auth.credentials.source", "is STATIC_TOKEN, and bearer.auth.token is empty");
  return {};
}

}  // namespace

Result<SchemaRegistryReading> read_schema_registry_config(const std::map<std::string, std::string>& properties) {
  const Reader reader(properties);
  SchemaRegistryReading reading;
  SchemaRegistryConfig& config = reading.config;
  config.urls = split(reader.text("schema.registry.url"));
  if (config.urls.empty()) return wrong("schema.registry.url", "is missing");
  TIDEMILL_TRY(read_credentials(reader, config));
  config.ca_file = reader.text("schema.registry.ssl.truststore.location");
  if (const std::string type = reader.text("schema.registry.ssl.truststore.type"); !type.empty() && type != "PEM") {
    return wrong("schema.registry.ssl.truststore.type", "must be PEM");
  }
  TIDEMILL_TRY(reader.duration("http.connect.timeout.ms", config.connect_timeout));
  TIDEMILL_TRY(reader.duration("http.read.timeout.ms", config.read_timeout));
  TIDEMILL_TRY(reader.duration("retries.wait.ms", config.retry_wait));
  constexpr std::int64_t kRetriesMax = 10;
  constexpr std::int64_t kCapacityMax = 1'000'000;
  std::int64_t retries = config.retries;
  auto capacity = static_cast<std::int64_t>(config.cache_capacity);
  TIDEMILL_TRY(reader.number("max.retries", kRetriesMax, retries));
  TIDEMILL_TRY(reader.number("max.schemas.per.subject", kCapacityMax, capacity));
  config.retries = static_cast<int>(retries);
  config.cache_capacity = static_cast<std::size_t>(capacity);
  TIDEMILL_TRY(reader.flag("normalize.schemas", config.normalize));
  reading.key.part = RecordPart::kKey;
  for (RegistrySerdeOptions* options : {&reading.key, &reading.value}) {
    TIDEMILL_TRY(reader.flag("auto.register.schemas", options->auto_register));
    TIDEMILL_TRY(reader.flag("use.latest.version", options->use_latest_version));
  }
  TIDEMILL_TRY(reader.subject("key.subject.name.strategy", reading.key.subject));
  TIDEMILL_TRY(reader.subject("value.subject.name.strategy", reading.value.subject));
  return reading;
}

}  // namespace tidemill
