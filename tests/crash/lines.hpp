// The input of the crash test's word count, and how its topics are read back; shared by the child and its
// judge.
#pragma once

#include <cstdint>
#include <string>
#include <tidemill/log/log.hpp>
#include <vector>

namespace crash {

inline constexpr std::int32_t kPartitions = 4;

/// Line `number` of the input that belongs to `seed`: three to six words out of 200.
std::string line(std::uint64_t seed, std::uint64_t number);

struct Row {
  std::int32_t partition = 0;
  std::string key;
  std::string value;
};
/// All committed records, partition by partition.
std::vector<Row> read_topic(tidemill::Log& log, const std::string& topic);

}  // namespace crash
