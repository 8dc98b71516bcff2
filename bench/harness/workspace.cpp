#include "harness/workspace.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>

namespace tidemill_bench {

Workspace::Workspace(const std::string& parent) : path_(parent + "/tidemill-bench-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error("no folder can be made in " + parent + " (" + std::strerror(errno) + "): name another with --dir");
  }
}
Workspace::~Workspace() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tidemill_bench
