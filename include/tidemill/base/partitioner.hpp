// Where a keyed record goes: Kafka's default partitioner, for whoever produces beside a topology.
#pragma once

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/types.hpp>

namespace tidemill {

/// (murmur2 of the serialized key & 0x7fffffff) mod `partitions` (> 0).
[[nodiscard]] PartitionId partition_for_key(BytesView key, std::int32_t partitions);

}  // namespace tidemill
