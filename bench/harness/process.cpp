#include "harness/process.hpp"

#include <sys/resource.h>

#include <ctime>
#include <fstream>
#include <string>

namespace tidemill_bench {
namespace {

/// The number behind `name` in a file of `name: number` lines.
std::uint64_t field(const char* path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t number = 0;
  while (file >> word) {
    if (word == name && file >> number) return number;
  }
  return 0;
}

}  // namespace

double process_cpu_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}
std::uint64_t process_bytes_written() { return field("/proc/self/io", "wchar:"); }
std::uint64_t resident_bytes() { return field("/proc/self/status", "VmRSS:") * 1024; }
std::uint64_t peak_resident_bytes() { return field("/proc/self/status", "VmHWM:") * 1024; }

}  // namespace tidemill_bench
