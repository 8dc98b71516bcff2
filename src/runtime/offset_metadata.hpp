// The text that travels with a committed offset, as Kafka Streams writes it: Base64 of a version byte (2), the
// partition time, and the processors' metadata (count, then key and value). It survives restarts and moves.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include <tidemill/base/types.hpp>

namespace tidemill::runtime {

using ProcessorMetadata = std::map<std::string, std::int64_t, std::less<>>;

struct OffsetMetadata {
  Timestamp partition_time = kNoTimestamp;
  ProcessorMetadata processors;
  bool operator==(const OffsetMetadata&) const = default;
};

std::string encode_offset_metadata(Timestamp partition_time, const ProcessorMetadata& processors);
/// Reads versions 1 and 2. What cannot be read is nothing: an unknown time, no processors.
OffsetMetadata decode_offset_metadata(std::string_view text);

}  // namespace tidemill::runtime
