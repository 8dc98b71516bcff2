// vectors [OPTION...] FILE|DIR...: runs scenarios of the Java implementation against our topologies of the same id, and compares
// what it says of the topologies themselves. Options make another world of it; see world.hpp.
//
// Ends with `N passed, N failed, N skipped`; status 1 if any failed, 2 for a wrong command. What cannot be run, or names a
// topology that is not registered, has failed.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include <zlib.h>

#include "scenario.hpp"

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// Plain or gzip-compressed.
std::string read_file(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot be opened");
  std::string text;
  char buffer[1 << 16];
  int got = 0;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<std::size_t>(got));
  const bool bad = got < 0;
  gzclose(file);
  if (bad) throw std::runtime_error("cannot be read: the compressed data are damaged");
  return text;
}

std::vector<fs::path> files_below(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && (name.ends_with(".json") || name.ends_with(".json.gz"))) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Counts {
  int passed = 0;
  int failed = 0;
  int described = 0;  // topologies; not scenarios
  int unpromised = 0;
  int others = 0;  // files
};

/// What Java says of a topology: its text, stores, internal topics.
void describe_file(const fs::path& path, const json& content, Counts& counts) {
  const std::string id = content.value("id", "");
  const auto found = tidemill::vectors::registry().find(id);
  std::string difference = "the topology is not registered";
  if (found != tidemill::vectors::registry().end()) {
    try {
      difference = tidemill::vectors::compare_topology(found->second, content);
    } catch (const std::exception& error) {
      difference = error.what();
    }
  }
  if (difference.empty()) {
    ++counts.described;
    return;
  }
  ++counts.failed;
  std::printf("FAIL %s, %s: %s\n", path.c_str(), id.c_str(), difference.c_str());
}

/// Kafka Streams itself gives other results in this world.
bool is_unpromised(const tidemill::vectors::RegisteredTopology& registered, const tidemill::vectors::World& world) {
  return (world.restart_each && registered.forgets == tidemill::vectors::Forgets::kMoments) ||
         (world.last_values_only(registered.config) && !registered.shows_caches.empty()) ||
         !world.promises_nothing(registered.build(registered.config)).empty();
}

void run_file(const fs::path& path, const tidemill::vectors::World& world, Counts& counts) {
  json content;
  try {
    content = json::parse(read_file(path));
  } catch (const std::exception& error) {
    std::printf("FAIL %s: %s\n", path.c_str(), error.what());
    ++counts.failed;
    return;
  }
  const auto& known = tidemill::vectors::registry();
  if (content.is_object() && content.contains("describe")) {
    describe_file(path, content, counts);
    return;
  }
  if (!content.is_object() || !content.contains("scenarios")) {
    ++counts.others;
    return;
  }
  const std::string id = content.value("topology", "");
  const auto found = known.find(id);
  if (found == known.end()) {
    const auto count = static_cast<int>(content.at("scenarios").size());
    std::printf("FAIL %s: topology \"%s\" is not registered (%d scenarios)\n", path.c_str(), id.c_str(), count);
    counts.failed += count;
    return;
  }
  if (is_unpromised(found->second, world)) {
    counts.unpromised += static_cast<int>(content.at("scenarios").size());
    return;
  }
  for (const json& scenario : content.at("scenarios")) {
    std::string difference;
    try {
      difference = tidemill::vectors::run_scenario(found->second, scenario, world);
    } catch (const std::exception& error) {
      difference = error.what();
    }
    if (difference.empty()) {
      ++counts.passed;
      continue;
    }
    ++counts.failed;
    std::printf("FAIL %s, %s: %s\n", id.c_str(), scenario.value("name", "?").c_str(), difference.c_str());
  }
}

}  // namespace

namespace {
constexpr const char* kUsage =
    "usage: %s [OPTION...] FILE|DIR...\n"
    "Runs scenario files (*.json, *.json.gz) and says what differs.\n"
    "\n"
    "  --rocksdb       persistent stores on disk\n"
    "  --no-cache      without record caches: compares the last record of each key, and stores\n"
    "  --commit-each   a commit after each record: the same\n"
    "  --restart-each  a restart between any two records, but where a restart changes results in Java, too\n"
    "  --own-ways      as it is by default here, also where Java loses something: as without caches\n";
}  // namespace

int main(int argc, char** argv) {
  tidemill::vectors::World world;
  std::vector<const char*> paths;
  for (int i = 1; i < argc; ++i) {
    if (world.take(argv[i])) continue;
    if (std::string_view(argv[i]).starts_with("-")) {
      std::fprintf(stderr, kUsage, argv[0]);
      return 2;
    }
    paths.push_back(argv[i]);
  }
  if (paths.empty()) {
    std::fprintf(stderr, kUsage, argv[0]);
    return 2;
  }
  Counts counts;
  for (const char* path : paths) {
    if (!fs::exists(path)) {
      std::fprintf(stderr, "%s: no such file or directory\n", path);
      return 2;
    }
    for (const fs::path& file : files_below(path)) run_file(file, world, counts);
  }
  if (counts.described > 0) std::printf("%d topologies are as Java describes them\n", counts.described);
  if (counts.unpromised > 0) std::printf("%d scenarios have other results here in Java, too\n", counts.unpromised);
  if (counts.others > 0) {
    std::printf("%d files have no scenarios: an index, or byte formats, which the test `formats` looks at\n", counts.others);
  }
  std::printf("%d passed, %d failed, 0 skipped\n", counts.passed, counts.failed);
  return counts.failed == 0 && counts.passed + counts.described > 0 ? 0 : 1;
}
