// Counts words: the first program. Alone it keeps everything in the directory `data`.
#include <tidemill/streams.hpp>

#include <string>
#include <vector>

using namespace tidemill;

static std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> result;
  std::string word;
  for (const char c : line + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      result.push_back(std::move(word));
      word.clear();
    }
  }
  return result;
}

int main() {
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("lines")
      .flat_map_values([](const std::string& line) { return words(line); })
      .group_by([](const auto&, const std::string& word) { return word; })
      .count({.store_name = "counts"})
      .to_stream()
      .to("word-counts");
  return run(builder.build(), {.application_id = "word-count", .log = embedded_log("data")});
}
