// differential_client: reads scenarios, one JSON object a line, runs each with this library's TopologyTestDriver, and answers
// with one line each: what the topology says of itself, what was sent at each step, what the stores have in the end.
#include <cstdio>
#include <iostream>

#include "run.hpp"

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::string answer = tidemill::differential::run(nlohmann::json::parse(line)).dump();
    std::fwrite(answer.data(), 1, answer.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }
}
