// differential_client: reads scenarios, one JSON object a line, runs each with this library's TopologyTestDriver, and answers
// with one line each: what the topology says of itself, what was sent at each step, what the stores have in the end.
#include <cstdio>
#include <iostream>

#include <spdlog/spdlog.h>

#include "run.hpp"

int main() {
  spdlog::set_level(spdlog::level::off);  // dropped records are told by their number
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::string answer = tidemill::differential::run(nlohmann::json::parse(line)).dump();
    std::fwrite(answer.data(), 1, answer.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }
}
