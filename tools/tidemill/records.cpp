#include "records.hpp"

#include <tidemill/base/headers.hpp>

#include <bit>
#include <nlohmann/json.hpp>

namespace tool {
namespace {

using Json = nlohmann::ordered_json;

std::string base64(tidemill::BytesView bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

bool is_utf8(tidemill::BytesView bytes) {
  try {
    (void)Json(std::string(bytes)).dump();  // throws on invalid UTF-8
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

std::uint64_t big_endian(tidemill::BytesView bytes) {
  std::uint64_t number = 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

Json shown(tidemill::OptionalBytesView bytes, const std::string& type) {
  if (!bytes) return nullptr;
  if (type == "int64" && bytes->size() == 8) return static_cast<std::int64_t>(big_endian(*bytes));
  if (type == "int32" && bytes->size() == 4) return static_cast<std::int32_t>(big_endian(*bytes));
  if (type == "double" && bytes->size() == 8) return std::bit_cast<double>(big_endian(*bytes));
  if (is_utf8(*bytes)) return std::string(*bytes);
  return Json{{"base64", base64(*bytes)}};
}

}  // namespace

std::string to_json_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record,
                         const std::string& key_type, const std::string& value_type) {
  Json headers = Json::array();
  if (const auto decoded = tidemill::Headers::decode(record.headers)) {
    for (const tidemill::Header& header : *decoded) {
      headers.push_back(Json::array({shown(tidemill::BytesView(header.key), ""), shown(tidemill::to_view(header.value), "")}));
    }
  }
  return Json{{"partition", partition.partition.value}, {"offset", record.offset.value},
              {"timestamp", record.timestamp.value},    {"key", shown(record.key, key_type)},
              {"value", shown(record.value, value_type)}, {"headers", std::move(headers)}}
      .dump();
}

}  // namespace tool
