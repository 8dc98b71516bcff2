// What this process has spent so far: CPU of all its threads, bytes given to write(2), memory.
#pragma once

#include <cstdint>

namespace tidemill_bench {

/// Nanoseconds of CPU, user and system, of all threads, dead ones too.
[[nodiscard]] double process_cpu_ns();
/// Bytes handed to write(2) and its like, whether or not they reached a disk; 0: the system does not say.
[[nodiscard]] std::uint64_t process_bytes_written();
[[nodiscard]] std::uint64_t resident_bytes();
[[nodiscard]] std::uint64_t peak_resident_bytes();

}  // namespace tidemill_bench
