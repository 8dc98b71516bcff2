// Murmur2 as Kafka's default partitioner has it: seed 0x9747b28c over the serialized key.
#pragma once

#include <cstdint>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

[[nodiscard]] std::int32_t murmur2(BytesView bytes);
/// The partition of a key among `partitions` (> 0): (murmur2 & 0x7fffffff) mod partitions.
[[nodiscard]] PartitionId partition_for_key(BytesView key, std::int32_t partitions);

}  // namespace tidemill
