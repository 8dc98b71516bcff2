#include "harness/suite.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace tidemill_bench {
namespace {

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  const std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2;
}

struct Figures {
  std::uint64_t records = 0;
  double cpu_ns_per_record = 0;
  double bytes_per_record = 0;
};
Figures figures(const std::vector<Sample>& samples) {
  std::vector<double> cpu;
  for (const Sample& sample : samples) cpu.push_back(sample.cpu_ns_per_record());
  const Sample& last = samples.back();
  return {last.records, median(cpu), static_cast<double>(last.bytes_written) / static_cast<double>(last.records)};
}

}  // namespace

void Suite::add(std::string name, std::function<Sample()> ours, std::function<Sample()> floor) {
  if (name.find(options_.filter) == std::string::npos) return;
  cases_.push_back({std::move(name), std::move(ours), std::move(floor)});
}

void Suite::run() const {
  if (!options_.json) {
    fmt::print("{:<58} {:>10} {:>10} {:>7} {:>9} {:>15}\n", "", "CPU ns", "floor", "ratio", "records", "bytes written");
    fmt::print("{:<58} {:>10} {:>10} {:>7} {:>9} {:>15}\n", "name", "a record", "CPU ns", "", "", "a record/floor");
  }
  for (const Case& row : cases_) {
    std::vector<Sample> ours;
    std::vector<Sample> floor;
    for (int round = 0; round < options_.rounds; ++round) {
      floor.push_back(row.floor());
      ours.push_back(row.ours());
    }
    const Figures mine = figures(ours);
    const Figures least = figures(floor);
    const double ratio = mine.cpu_ns_per_record / least.cpu_ns_per_record;
    if (options_.json) {
      fmt::print("{{\"name\":\"{}\",\"cpu_ns_per_record\":{:.2f},\"floor_cpu_ns\":{:.2f},\"ratio\":{:.3f},\"records\":{}}}\n",
                 row.name, mine.cpu_ns_per_record, least.cpu_ns_per_record, ratio, mine.records);
    } else {
      fmt::print("{:<58} {:>10.1f} {:>10.1f} {:>7.2f} {:>9} {:>7.0f}/{:<7.0f}\n", row.name, mine.cpu_ns_per_record,
                 least.cpu_ns_per_record, ratio, mine.records, mine.bytes_per_record, least.bytes_per_record);
    }
    std::fflush(stdout);
  }
}

}  // namespace tidemill_bench
