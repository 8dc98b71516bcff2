// crash_test (word-count | liquidity) --program PATH [--kills N] [--seed S] [--keep]
//
// Starts the application in a process of its own, under load, and ends that process with SIGKILL: at a random
// moment, or at a named point (between two writes of a commit, at a segment roll, at a store flush; see
// base/crash_point.hpp). Starts it again, kills it again. When it has come to the end of its input, what is
// in its topics is compared with the fold of the input; then a new directory and a new input follow, until
// there were enough kills. At the end: at least half of the kills fell inside a transaction (told by the
// segment files as the kill left them), and every named point was hit.
//
// The seed is printed; the same seed kills at the same points and after the same delays.
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>
#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/random.hpp>

#include "base/crash_point.hpp"
#include "lines.hpp"
#include "open_transactions.hpp"

namespace fs = std::filesystem;
using namespace tidemill;

namespace {

[[noreturn]] void give_up(const std::string& text) {
  std::printf("FAILED: %s\n", text.c_str());
  std::exit(1);
}

/// A program running with its output in a file.
class Child {
 public:
  Child(const std::vector<std::string>& command, const fs::path& output, const std::string& crash_point) {
    pid_ = ::fork();
    if (pid_ < 0) give_up("fork");
    if (pid_ > 0) return;
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, 1);
    ::dup2(file, 2);
    if (crash_point.empty()) {
      ::unsetenv("TIDEMILL_CRASH_POINT");
    } else {
      ::setenv("TIDEMILL_CRASH_POINT", crash_point.c_str(), 1);
    }
    std::vector<char*> arguments;
    for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  /// The status if the child ended within the time; else it still runs.
  std::optional<int> wait(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (true) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) return status;
      if (std::chrono::steady_clock::now() >= end) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  int kill() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Options {
  std::string application;
  std::string program;
  std::uint64_t kills = 100;
  std::uint64_t seed = 1;
  std::uint64_t input = 0;
  bool keep = false;
  std::uint64_t inside_percent = 50;
  bool need_points = true;
  bool verbose = false;
};

class CrashTest {
 public:
  explicit CrashTest(Options options) : options_(std::move(options)), random_(options_.seed) {
    char directory[] = "/tmp/tidemill-crash-XXXXXX";
    work_ = ::mkdtemp(directory);
    for (const std::string_view name : crash_points()) points_.emplace_back(name);
  }

  int run() {
    std::printf("seed %llu; to repeat: crash_test %s --program %s --kills %llu --seed %llu\n",
                static_cast<unsigned long long>(options_.seed), options_.application.c_str(), options_.program.c_str(),
                static_cast<unsigned long long>(options_.kills), static_cast<unsigned long long>(options_.seed));
    std::fflush(stdout);
    while (kills_ < options_.kills || (options_.need_points && !missing().empty() && series_ < 40)) series();
    std::printf("%llu kills in %llu inputs, %llu of them inside a transaction, %llu at named points:\n",
                static_cast<unsigned long long>(kills_), static_cast<unsigned long long>(series_),
                static_cast<unsigned long long>(inside_), static_cast<unsigned long long>(at_points_));
    for (const std::string& point : points_) {
      std::printf("  %-24s %llu\n", point.c_str(), static_cast<unsigned long long>(hits_[point]));
    }
    if (inside_ * 100 < kills_ * options_.inside_percent) {
      give_up("fewer than " + std::to_string(options_.inside_percent) + " % of the kills fell inside a transaction");
    }
    if (options_.need_points && !missing().empty()) give_up("never hit: " + missing().front());
    if (!options_.keep) fs::remove_all(work_);
    return 0;
  }

 private:
  [[nodiscard]] std::vector<std::string> missing() {
    std::vector<std::string> names;
    for (const std::string& point : points_) {
      if (hits_[point] == 0) names.push_back(point);
    }
    return names;
  }
  /// One directory and one input, killed again and again until its end is reached.
  void series() {
    directory_ = work_ / std::to_string(series_);
    input_seed_ = options_.seed * 1000 + series_;
    prepare();
    const std::uint64_t kills_here = std::min<std::uint64_t>(25, options_.kills > kills_ ? options_.kills - kills_ : 5);
    for (std::uint64_t i = 0; i < kills_here; ++i) {
      if (!kill_once()) break;
    }
    ++series_;
    finish();
    if (!options_.keep) fs::remove_all(directory_);
  }
  /// The points in a shuffled order, all of them before any comes again: the plan follows from the seed
  /// alone.
  std::string next_point() {
    // What only a start can hit is tried when the last kill left something to cut off, and was never hit so
    // far.
    if (last_open_ && hits_["recovery.truncated"] == 0) return "recovery.truncated";
    if (const auto never = missing(); kills_ >= options_.kills && !never.empty()) return never.front();
    if (deck_.empty()) {
      deck_ = points_;
      for (std::size_t i = deck_.size(); i > 1; --i) std::swap(deck_[i - 1], deck_[random_.below(i)]);
    }
    std::string point = deck_.back();
    deck_.pop_back();
    return point;
  }
  /// False: the application came to its end before it was killed.
  bool kill_once() {
    // One in three at the next named point, half somewhere in the midst of the work, however short its
    // transactions are, the others after a time.
    // A swap of compacted segments that was left half-done is finished by the next start only: not to be missed.
    const bool half_swapped = left_half_swapped_ && hits_["recovery.compaction_finished"] == 0;
    const std::uint64_t kind = half_swapped ? 0 : random_.below(6);
    static constexpr const char* kMidst[] = {"commit.flushed", "commit.staged", "segment.before_marker", "segment.appended"};
    std::string point;
    if (kind < 2) point = half_swapped ? "recovery.compaction_finished" : next_point();
    if (kind >= 2 && kind < 5) point = kMidst[random_.below(std::size(kMidst))];
    const bool rare = point.starts_with("segment.roll") || point.starts_with("store.") || point.starts_with("compaction.") ||
                      point == "journal.recycled";
    std::uint64_t nth = 1 + random_.below(rare ? 2 : kind < 2 ? 12 : point == "segment.appended" ? 250 : 15);
    if (point.starts_with("recovery.")) nth = 1;
    // Three in four while it works, one in four wherever its start has come to.
    const bool while_starting = random_.below(4) == 0;
    const auto delay = std::chrono::milliseconds(while_starting ? random_.below(250) : random_.below(300));
    Child child(command(), output(), point.empty() ? "" : point + ":" + std::to_string(nth));
    std::optional<int> status;
    if (!point.empty()) {
      status = child.wait(std::chrono::milliseconds(6000));
    } else {
      if (!while_starting) status = wait_until_it_works(child);
      if (!status) status = child.wait(delay);
    }
    const bool at_point = status.has_value() && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL && !point.empty();
    if (status && !at_point) {
      if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) fail("it failed by itself");
      return false;
    }
    if (!status) child.kill();
    ++kills_;
    if (at_point) ++hits_[point];
    left_half_swapped_ = at_point && (point == "compaction.swap_named" || point == "compaction.old_removed");
    if (at_point && kind < 2) ++at_points_;
    const std::size_t open = crash::open_transactions(log_directory());
    last_open_ = open > 0;
    if (last_open_) ++inside_;
    if (options_.verbose) {
      const std::string what =
          at_point ? point + ":" + std::to_string(nth)
                   : std::string(while_starting ? "starting + " : "working + ") + std::to_string(delay.count()) + " ms";
      std::printf("kill %llu: %s, %zu partitions with an open transaction\n", static_cast<unsigned long long>(kills_),
                  what.c_str(), open);
    }
    return true;
  }
  /// Until the start is behind it, and a little longer; its status if it ends before.
  std::optional<int> wait_until_it_works(Child& child) {
    const char* const started = word_count() ? "running" : "transactions.ndjson";
    for (int i = 0; i < 500; ++i) {
      if (const std::optional<int> status = child.wait(std::chrono::milliseconds(5))) return status;
      if (text_of(output()).find(started) != std::string::npos) return child.wait(std::chrono::milliseconds(40));
    }
    return std::nullopt;
  }
  void finish() {
    // The end is reached without a kill, or with one at a point that only the end reaches.
    Child child(command(), output(), "");
    const std::optional<int> status = child.wait(std::chrono::minutes(4));
    if (!status) {
      child.kill();
      fail("it does not come to its end");
    }
    if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) fail("it failed by itself");
    judge();
    std::printf("input %llu: %llu kills so far, %llu inside a transaction; nothing lost, nothing doubled\n",
                static_cast<unsigned long long>(series_), static_cast<unsigned long long>(kills_),
                static_cast<unsigned long long>(inside_));
    std::fflush(stdout);
  }
  [[noreturn]] void fail(const std::string& text) {
    std::printf("its output:\n%s\n", text_of(output()).c_str());
    give_up(text + "; kill " + std::to_string(kills_) + ", the data are in " + directory_.string());
  }

  [[nodiscard]] bool word_count() const { return options_.application == "word-count"; }
  [[nodiscard]] fs::path output() const { return work_ / "output"; }
  [[nodiscard]] fs::path log_directory() const { return word_count() ? directory_ : directory_ / "data"; }
  [[nodiscard]] std::uint64_t size() const { return options_.input > 0 ? options_.input : word_count() ? 150000 : 60000; }
  [[nodiscard]] std::vector<std::string> command() const {
    if (word_count()) {
      return {options_.program, directory_.string(), std::to_string(size()), std::to_string(input_seed_)};
    }
    return {options_.program, "run",      "--data", log_directory().string(), "--input", (directory_ / "in").string(),
            "--once",         "--no-http"};
  }
  void prepare() {
    fs::create_directories(directory_);
    if (word_count()) return;
    run_to_end({options_.program, "generate", "--seed", std::to_string(input_seed_), "--transactions", std::to_string(size()),
                "--out", (directory_ / "in").string()});
  }
  void run_to_end(const std::vector<std::string>& command) {
    Child child(command, output(), "");
    const std::optional<int> status = child.wait(std::chrono::minutes(4));
    if (!status || !WIFEXITED(*status) || WEXITSTATUS(*status) != 0) fail(command[1] + " failed");
  }
  void judge() {
    if (word_count()) return judge_words();
    run_to_end({options_.program, "verify", "--data", log_directory().string()});
    if (text_of(output()).find(std::to_string(size()) + " transactions") == std::string::npos) {
      fail("not all transactions of the input are in the log");
    }
  }
  void judge_words() {
    auto log = open_embedded_log(directory_.string(), {.background_thread = false}).value();
    std::map<std::string, std::int64_t> expected;
    for (std::uint64_t number = 0; number < size(); ++number) {
      std::istringstream words(crash::line(input_seed_, number));
      for (std::string word; words >> word;) ++expected[word];
    }
    std::set<std::string> lines;
    for (const auto& row : crash::read_topic(*log, "lines")) {
      if (!lines.insert(row.key).second) fail("line " + row.key + " is there twice: the test's input is wrong");
    }
    if (lines.size() != size()) fail("the input has " + std::to_string(lines.size()) + " lines");
    std::map<std::string, std::int64_t> found;
    for (const auto& row : crash::read_topic(*log, "word-counts")) {
      const std::int64_t next = ++found[row.key];
      std::int64_t count = 0;
      for (const char byte : row.value) count = count << 8 | static_cast<unsigned char>(byte);
      if (count != next) {
        fail("word-counts: " + row.key + " goes on with " + std::to_string(count) + " where " + std::to_string(next) +
             " must be");
      }
    }
    if (found != expected) fail("the counts are not the fold of the input");
    std::map<std::string, std::string> changelog;
    for (const auto& row : crash::read_topic(*log, "word-count-counts-changelog")) changelog[row.key] = row.value;
    for (const auto& [word, count] : expected) {
      std::int64_t stored = 0;
      for (const char byte : changelog[word]) stored = stored << 8 | static_cast<unsigned char>(byte);
      if (stored != count) fail("the changelog says " + std::to_string(stored) + " for " + word);
    }
  }

  Options options_;
  SeededRandom random_;
  fs::path work_;
  fs::path directory_;
  std::uint64_t input_seed_ = 0;
  std::uint64_t series_ = 0;
  std::uint64_t kills_ = 0;
  std::uint64_t inside_ = 0;
  bool last_open_ = false;          // the last kill fell inside a transaction
  bool left_half_swapped_ = false;  // and left compacted segments half in their place
  std::uint64_t at_points_ = 0;
  std::vector<std::string> points_;
  std::vector<std::string> deck_;
  std::map<std::string, std::uint64_t> hits_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Kills an application at random moments and at named points, and judges what is left"};
  Options options;
  app.add_option("application", options.application)->required()->check(CLI::IsMember({"word-count", "liquidity"}));
  app.add_option("--program", options.program, "What to start")->required()->check(CLI::ExistingFile);
  app.add_option("--kills", options.kills);
  app.add_option("--seed", options.seed);
  app.add_option("--input", options.input, "Lines or transactions of one input");
  app.add_option("--inside", options.inside_percent, "Percent of the kills that must fall inside a transaction");
  app.add_flag("--keep", options.keep, "Leaves the directories");
  app.add_flag("--verbose", options.verbose, "A line for each kill");
  bool any_points = false;
  app.add_flag("--any-points", any_points, "Named points may stay without a hit");
  CLI11_PARSE(app, argc, argv);
  options.need_points = !any_points;
  spdlog::set_level(spdlog::level::warn);
  return CrashTest(std::move(options)).run();
}
