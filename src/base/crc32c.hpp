// CRC-32C (Castagnoli), the checksum of RecordBatch v2 and of our journal. SSE4.2 where the processor has it, else a table;
// chosen once, at the first call.
#pragma once

#include <cstdint>

#include <tidemill/base/bytes.hpp>

namespace tidemill {

/// Continues `crc`, the checksum of what came before (0 at the beginning).
[[nodiscard]] std::uint32_t crc32c(BytesView bytes, std::uint32_t crc = 0);

namespace detail {
[[nodiscard]] std::uint32_t crc32c_table(BytesView bytes, std::uint32_t crc);
[[nodiscard]] std::uint32_t crc32c_sse42(BytesView bytes, std::uint32_t crc);  // only where have_sse42()
[[nodiscard]] bool have_sse42();
}  // namespace detail

}  // namespace tidemill
