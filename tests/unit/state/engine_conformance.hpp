// What every StateEngine promises, written against the port alone; each engine runs it (engine_test.cpp).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engines.hpp"

namespace tidemill::test {

class EngineConformance : public ::testing::TestWithParam<EngineUnderTest> {
 protected:
  EngineConformance();
  ~EngineConformance() override;
  /// Opens the stores `a` and `b` of the test's task.
  void open();
  /// As after the process has ended in order or not: objects go, the directory stays.
  void reopen();
  BytesStore& a() { return *stores_.at(0); }
  BytesStore& b() { return *stores_.at(1); }
  static std::string get(BytesStore& store, const std::string& key);
  static void put(BytesStore& store, const std::string& key, const std::string& value);
  static void remove(BytesStore& store, const std::string& key);
  using Rows = std::vector<std::pair<std::string, std::string>>;
  static Rows rows(std::unique_ptr<BytesIterator> iterator);
  static Rows all(BytesStore& store, Direction direction = Direction::kForward);
  void commit(BytesStore& store, std::int64_t offset, const Position& position = {});

  std::shared_ptr<StateEngine> engine_;
  std::string directory_;
  std::vector<std::unique_ptr<BytesStore>> stores_;
};

}  // namespace tidemill::test
