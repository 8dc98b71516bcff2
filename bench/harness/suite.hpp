// A Case is one line of the bench: our program and its floor on the same records. A Suite runs cases: ours and floor in
// turns, several rounds, the median of each; so that what else the machine does hits both.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tidemill_bench {

/// What one run cost, behind its warm-up.
struct Sample {
  std::uint64_t records = 0;
  double cpu_ns = 0;
  std::uint64_t bytes_written = 0;
  [[nodiscard]] double cpu_ns_per_record() const { return cpu_ns / static_cast<double>(records); }
};

struct Case {
  std::string name;
  std::function<Sample()> ours;
  std::function<Sample()> floor;
};

struct SuiteOptions {
  std::string filter;
  bool json = false;
  int rounds = 3;
};

class Suite {
 public:
  explicit Suite(SuiteOptions options) : options_(std::move(options)) {}
  /// Left out when the filter does not pick it, so that nothing is prepared for it.
  void add(std::string name, std::function<Sample()> ours, std::function<Sample()> floor);
  [[nodiscard]] const std::vector<Case>& cases() const { return cases_; }
  /// Prints a line per case as soon as it is known.
  void run() const;

 private:
  SuiteOptions options_;
  std::vector<Case> cases_;
};

}  // namespace tidemill_bench
