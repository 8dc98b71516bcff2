// word_count_client --config FILE: counts the words of `lines` into `word-counts`, through a repartition topic; for the tests
// that share, kill and hand over an application.
#include <atomic>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <stdexcept>

#include "client_program.hpp"

namespace {

using namespace tidemill;
using Text = std::string;

std::atomic<bool> fails{false};

std::vector<Text> words(const Text& line) {
  if (fails.exchange(false)) throw std::runtime_error("a failure that somebody asked for");
  std::istringstream in(line);
  std::vector<Text> result;
  for (Text word; in >> word;) result.push_back(word);
  return result;
}

/// WordCountClient.java builds the same.
Topology word_count() {
  StreamsBuilder builder;
  builder.stream<Text, Text>("lines")
      .flat_map_values(words)
      .group_by([](const auto&, const Text& word) { return word; })
      .count({.store_name = "counts"})
      .to_stream()
      .to("word-counts");
  return builder.build();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], "--config") != 0) {
    std::fprintf(stderr, "usage: word_count_client --config FILE\n");
    return 2;
  }
  return tidemill::run_client_program({.name = "WORD-COUNT-CLIENT", .topology = word_count, .fail_next = [] { fails = true; }},
                                      argv[2]);
}
