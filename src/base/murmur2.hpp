// Murmur2 as Kafka's default partitioner has it: seed 0x9747b28c over the serialized key.
#pragma once

#include <cstdint>

#include <tidemill/base/bytes.hpp>
#include <tidemill/base/partitioner.hpp>

namespace tidemill {

[[nodiscard]] std::int32_t murmur2(BytesView bytes);
}  // namespace tidemill
