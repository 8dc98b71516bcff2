// Records as a person or a script meets them: JSON lines, lines of text; and back.
#pragma once

#include <optional>
#include <string>
#include <tidemill/base/headers.hpp>
#include <tidemill/log/record_batch.hpp>
#include <vector>

namespace tool {

/// How bytes are shown and read: text, or a big-endian number of Kafka's serdes.
inline const std::vector<std::string> kTypes = {"auto", "int64", "int32", "double"};
struct Types {
  std::string key = "auto";
  std::string value = "auto";
};

/// {"partition":0,"offset":3,"timestamp":...,"key":...,"value":...,"headers":[[name,value]...]}; bytes are
/// text where they are UTF-8, else {"base64":"..."}; a type shows them as a number where they have its size.
[[nodiscard]] std::string to_json_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record,
                                       const Types& types);
/// PARTITION:OFFSET, time, key, value and, if any, headers, with tabs between; tabs, line ends and '\' in
/// them are escaped.
[[nodiscard]] std::string to_text_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record,
                                       const Types& types);
/// 2026-11-23T08:00:00.123Z
[[nodiscard]] std::string to_text(tidemill::Timestamp timestamp);
/// As in a text line.
[[nodiscard]] std::string to_text(tidemill::OptionalBytesView bytes, const std::string& type);

/// A record to be produced.
struct NewRecord {
  std::optional<std::int32_t> partition;
  tidemill::Timestamp timestamp = tidemill::kNoTimestamp;
  tidemill::OptionalBytes key;
  tidemill::OptionalBytes value;
  tidemill::Headers headers;
};
/// What to_json_line() makes; all but "value" may be left out, "offset" is not looked at. Throws
/// std::runtime_error: what is wrong.
[[nodiscard]] NewRecord from_json_line(const std::string& line, const Types& types);
/// The bytes that the text stands for. Throws std::runtime_error when it is no such number.
[[nodiscard]] tidemill::Bytes from_text(const std::string& text, const std::string& type);

}  // namespace tool
