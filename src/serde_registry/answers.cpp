#include "serde_registry/answers.hpp"

#include <nlohmann/json.hpp>

namespace tidemill::registry {
namespace {

using nlohmann::json;

constexpr std::size_t kWordsMax = 500;

Error corrupt(const std::string& what) { return {ErrorKind::kCorruption, "the schema registry's answer " + what}; }

Result<json> parse(const std::string& body) {
  json parsed = json::parse(body, nullptr, false);
  if (!parsed.is_object()) return corrupt("is no JSON object");
  return parsed;
}
Result<std::int32_t> number(const json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_number_integer()) return corrupt(std::string("has no number ") + name);
  const auto value = field->is_number_unsigned() ? std::min<std::uint64_t>(field->get<std::uint64_t>(), UINT32_MAX)
                                                 : static_cast<std::uint64_t>(UINT32_MAX);
  if (value > INT32_MAX) return corrupt(std::string("has a number ") + name + " that cannot be");
  return static_cast<std::int32_t>(value);
}
Result<Schema> schema_in(const json& object) {
  Schema schema;
  const auto text = object.find("schema");
  if (text == object.end() || !text->is_string()) return corrupt("has no schema");
  schema.text = text->get<std::string>();
  const auto type = object.find("schemaType");
  if (type == object.end() || *type == "AVRO") {
    schema.type = SchemaType::kAvro;
  } else if (*type == "JSON") {
    schema.type = SchemaType::kJson;
  } else if (*type == "PROTOBUF") {
    schema.type = SchemaType::kProtobuf;
  } else {
    return corrupt("has a schemaType that is not known here");
  }
  return schema;
}

ErrorKind kind_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorKind::kUnauthorized;
    case 404: return ErrorKind::kNotFound;
    case 408:
    case 429: return ErrorKind::kUnavailable;
    default: return status >= 500 ? ErrorKind::kUnavailable : ErrorKind::kInvalidArgument;
  }
}

}  // namespace

Result<SchemaId> read_id(const std::string& body) {
  TIDEMILL_ASSIGN(const json object, parse(body));
  return number(object, "id");
}

Result<Schema> read_schema(const std::string& body) {
  TIDEMILL_ASSIGN(const json object, parse(body));
  return schema_in(object);
}

Result<RegisteredSchema> read_registered(const std::string& body) {
  TIDEMILL_ASSIGN(const json object, parse(body));
  RegisteredSchema registered;
  TIDEMILL_ASSIGN(registered.id, number(object, "id"));
  TIDEMILL_ASSIGN(registered.version, number(object, "version"));
  TIDEMILL_ASSIGN(registered.schema, schema_in(object));
  return registered;
}

Error read_error(int status, const std::string& body) {
  std::string words = "HTTP status " + std::to_string(status);
  const json object = json::parse(body, nullptr, false);
  if (object.is_object()) {
    if (const auto code = object.find("error_code"); code != object.end() && code->is_number_integer()) {
      words += ", error_code " + code->dump();
    }
    if (const auto message = object.find("message"); message != object.end() && message->is_string()) {
      words += ": " + message->get<std::string>().substr(0, kWordsMax);
    }
  }
  return {kind_of(status), words};
}

std::string base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(bytes.size() - i, 3);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8U | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= left ? kDigits[group >> (18 - 6 * j) & 63U] : '=';
  }
  return text;
}

}  // namespace tidemill::registry
