// Workspace: a directory of this run alone, gone when the object is.
#pragma once

#include <string>

namespace tidemill_bench {

class Workspace {
 public:
  /// A new folder below `parent`. std::runtime_error when there can be none.
  explicit Workspace(const std::string& parent);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace tidemill_bench
