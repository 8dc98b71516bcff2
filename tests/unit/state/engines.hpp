// The engines that every test of stores runs over.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <tidemill/state/state_engine.hpp>
#ifdef TIDEMILL_ROCKSDB
#include <tidemill/adapters/rocksdb_stores.hpp>
#endif

namespace tidemill::test {

struct EngineUnderTest {
  const char* name = "";
  std::function<std::shared_ptr<StateEngine>()> make;
  friend std::ostream& operator<<(std::ostream& out, const EngineUnderTest& engine) { return out << engine.name; }
};

inline std::vector<EngineUnderTest> engines() {
  std::vector<EngineUnderTest> all{{"InMemory", in_memory_stores}};
#ifdef TIDEMILL_ROCKSDB
  all.push_back({"RocksDb", [] { return rocksdb_stores(); }});
  all.push_back({"RocksDbFlushedAtEveryCommit", [] { return rocksdb_stores({.flush_bytes = 1}); }});
  all.push_back({"RocksDbShortOfMemory", [] { return rocksdb_stores({.memory_bytes = std::size_t{64} << 10}); }});
#endif
  return all;
}
inline std::string engine_name(const ::testing::TestParamInfo<EngineUnderTest>& info) { return info.param.name; }

}  // namespace tidemill::test
