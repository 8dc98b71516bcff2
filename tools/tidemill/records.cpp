#include "records.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>

namespace tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(tidemill::BytesView bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

tidemill::Bytes from_base64(std::string_view text) {
  tidemill::Bytes bytes;
  std::uint32_t group = 0;
  int bits = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    const auto digit = kDigits.find(c);
    if (digit == std::string_view::npos) throw std::runtime_error("\"base64\" has a '" + std::string(1, c) + "' in it");
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 0xff);
  }
  return bytes;
}

/// Well-formed, as JSON wants it: no longer form than needed, no surrogates, nothing above U+10FFFF.
bool is_utf8(tidemill::BytesView bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  for (std::size_t i = 0; i < bytes.size();) {
    const unsigned lead = byte(i);
    const std::size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (size == 0 || size > bytes.size() - i) return false;
    for (std::size_t k = 1; k < size; ++k) {
      unsigned low = 0x80;
      unsigned high = 0xbf;
      if (k == 1 && lead == 0xe0) low = 0xa0;
      if (k == 1 && lead == 0xed) high = 0x9f;
      if (k == 1 && lead == 0xf0) low = 0x90;
      if (k == 1 && lead == 0xf4) high = 0x8f;
      if (byte(i + k) < low || byte(i + k) > high) return false;
    }
    i += size;
  }
  return true;
}

std::uint64_t big_endian(tidemill::BytesView bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

tidemill::Bytes to_big_endian(std::uint64_t number, std::size_t size) {
  tidemill::Bytes bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[size - 1 - i] = static_cast<char>(number >> (8 * i) & 0xff);
  return bytes;
}

Json shown(tidemill::OptionalBytesView bytes, const std::string& type) {
  if (!bytes) return nullptr;
  if (type == "int64" && bytes->size() == 8) return static_cast<std::int64_t>(big_endian(*bytes));
  if (type == "int32" && bytes->size() == 4) return static_cast<std::int32_t>(big_endian(*bytes));
  if (type == "double" && bytes->size() == 8) return std::bit_cast<double>(big_endian(*bytes));
  if (is_utf8(*bytes)) return std::string(*bytes);
  return Json{{"base64", base64(*bytes)}};
}

tidemill::OptionalBytes read(const Json& json, const std::string& type, const std::string& name) {
  if (json.is_null()) return std::nullopt;
  if (json.is_string()) return from_text(json.get<std::string>(), type);
  if (json.is_number() && type != "auto") return from_text(json.dump(), type);
  if (json.is_object() && json.size() == 1 && json.contains("base64") && json["base64"].is_string()) {
    return from_base64(json["base64"].get<std::string>());
  }
  throw std::runtime_error("\"" + name + "\" must be a text, null or {\"base64\":\"...\"}" +
                           (json.is_number() ? "; a number needs a type, such as --" + name + "-type int64" : ""));
}

template <class Number>
Number number(const std::string& text, const std::string& type) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw std::runtime_error("\"" + text + "\" is no " + type);
  return value;
}

}  // namespace

tidemill::Bytes from_text(const std::string& text, const std::string& type) {
  if (type == "int64") return to_big_endian(static_cast<std::uint64_t>(number<std::int64_t>(text, type)), 8);
  if (type == "int32") return to_big_endian(static_cast<std::uint32_t>(number<std::int32_t>(text, type)), 4);
  if (type == "double") return to_big_endian(std::bit_cast<std::uint64_t>(number<double>(text, type)), 8);
  return text;
}

std::string to_text(tidemill::Timestamp timestamp) {
  constexpr std::int64_t kMillisecondsASecond = 1000;
  std::int64_t milliseconds = timestamp.value % kMillisecondsASecond;
  if (milliseconds < 0) milliseconds += kMillisecondsASecond;
  const std::time_t seconds = (timestamp.value - milliseconds) / kMillisecondsASecond;
  std::tm parts{};
  std::array<char, 64> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr || std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
    return std::to_string(timestamp.value);
  }
  const std::string digits = std::to_string(kMillisecondsASecond + milliseconds).substr(1);
  return text.data() + ("." + digits) + "Z";
}

std::string to_text(tidemill::OptionalBytesView bytes, const std::string& type) {
  const Json json = shown(bytes, type);
  if (!json.is_string()) return json.is_object() ? "base64:" + json["base64"].get<std::string>() : json.dump();
  std::string escaped;
  for (const char c : json.get_ref<const std::string&>()) {
    const auto at = std::string_view("\t\n\r\\").find(c);
    if (at == std::string_view::npos) {
      escaped += c;
    } else {
      escaped += std::string("\\") + "tnr\\"[at];
    }
  }
  return escaped;
}

std::string to_json_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record, const Types& types) {
  std::string line = "{\"partition\":" + std::to_string(partition.partition.value);
  line += ",\"offset\":" + std::to_string(record.offset.value);
  line += ",\"timestamp\":" + std::to_string(record.timestamp.value);
  line += ",\"key\":" + shown(record.key, types.key).dump();
  line += ",\"value\":" + shown(record.value, types.value).dump();
  line += ",\"headers\":[";
  if (const auto headers = tidemill::Headers::decode(record.headers)) {
    const char* between = "";
    for (const tidemill::Header& header : *headers) {
      line += std::exchange(between, ",");
      line += "[" + shown(tidemill::BytesView(header.key), "").dump() + ",";
      line += shown(tidemill::to_view(header.value), "").dump() + "]";
    }
  }
  return line + "]}";
}

std::string to_text_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record, const Types& types) {
  std::string line = std::to_string(partition.partition.value) + ":" + std::to_string(record.offset.value) + "\t" +
                     to_text(record.timestamp) + "\t" + to_text(record.key, types.key) + "\t" +
                     to_text(record.value, types.value);
  if (const auto headers = tidemill::Headers::decode(record.headers)) {
    for (const tidemill::Header& header : *headers) {
      line += "\t" + to_text(tidemill::BytesView(header.key), "") + "=" + to_text(tidemill::to_view(header.value), "");
    }
  }
  return line;
}

NewRecord from_json_line(const std::string& line, const Types& types) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) throw std::runtime_error("not a JSON object");
  NewRecord record;
  bool has_value = false;
  for (const auto& [name, value] : json.items()) {
    if (name == "partition" && value.is_number_integer()) {
      record.partition = number<std::int32_t>(value.dump(), "partition");
    } else if (name == "timestamp" && value.is_number_integer()) {
      record.timestamp = tidemill::Timestamp(value.get<std::int64_t>());
      if (record.timestamp < tidemill::kNoTimestamp) throw std::runtime_error("a timestamp is 0 or more; -1: now");
    } else if (name == "key") {
      record.key = read(value, types.key, name);
    } else if (name == "value") {
      record.value = read(value, types.value, name);
      has_value = true;
    } else if (name == "headers" && value.is_array()) {
      for (const Json& header : value) {
        const bool pair = header.is_array() && header.size() == 2;
        const auto key = pair ? read(header[0], "auto", "a header's name") : std::nullopt;
        if (!key) throw std::runtime_error("a header must be a pair [name, value]");
        record.headers.add(*key, read(header[1], "auto", "a header's value"));
      }
    } else if (name != "offset") {
      throw std::runtime_error("\"" + name + "\" is not a part of a record, or has a wrong type");
    }
  }
  if (!has_value) throw std::runtime_error("there is no \"value\"");
  return record;
}

}  // namespace tool
