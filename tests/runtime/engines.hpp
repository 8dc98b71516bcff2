// Tests of whole applications that run once with stores in memory and once over RocksDB.
#pragma once

#include <cstdlib>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include <tidemill/base/random.hpp>

#include "running.hpp"

namespace tidemill::test {

struct Engine {
  const char* name;
  StoreEngineKind kind;
};
/// Else gtest prints the bytes, padding included.
inline void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }
inline std::string name_of(const ::testing::TestParamInfo<Engine>& info) { return info.param.name; }

inline std::vector<Engine> all_engines() {
  std::vector<Engine> engines{{"InMemory", StoreEngineKind::kInMemory}};
#ifdef TIDEMILL_ROCKSDB
  engines.push_back({"RocksDb", StoreEngineKind::kPersistent});
#endif
  return engines;
}

class OverEngines : public ::testing::TestWithParam<Engine> {
 protected:
  StreamsConfig config(const std::shared_ptr<Log>& log, int threads = 1) const {
    StreamsConfig made = running_config(log, threads);
    made.state_dir = directory_;
    return made;
  }
  ~OverEngines() override { std::system(("rm -rf " + directory_).c_str()); }
  const std::string directory_ = ::testing::TempDir() + "tidemill-engines-" + random_uuid(system_random());
};

}  // namespace tidemill::test
