// Records as JSON lines.
#pragma once

#include <tidemill/log/record_batch.hpp>

#include <string>

namespace tool {

/// {"partition":0,"offset":3,"timestamp":...,"key":...,"value":...,"headers":[[name,value]...]}; bytes are text where they are
/// UTF-8, else {"base64":"..."}; `type` reads them as a number.
std::string to_json_line(const tidemill::TopicPartition& partition, const tidemill::LogRecord& record,
                         const std::string& key_type, const std::string& value_type);

}  // namespace tool
