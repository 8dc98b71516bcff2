#include "liquidity/run.hpp"

#include <process/interrupt.hpp>
#include <process/progress.hpp>
#include <tidemill/streams.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "liquidity/file_input.hpp"
#include "liquidity/front.hpp"
#include "liquidity/player.hpp"
#include "liquidity/topology.hpp"

namespace liquidity {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long the chain may stand still before --once gives up.
constexpr std::chrono::minutes kStandstillMax{10};
/// How long --once waits for room on a full disk.
constexpr std::chrono::minutes kFullDiskMax{1};
constexpr milliseconds kLook{500};
/// A progress line may be as old as that.
constexpr milliseconds kStandingAge{100};
/// How long the input is begun again and again before that is told as the end, and the pause between two attempts.
constexpr std::chrono::minutes kFeedRetryMax{2};
constexpr std::chrono::seconds kFeedPause{1};
/// How long lines that are to be read again wait for the chain to have judged what went in before.
constexpr std::chrono::minutes kSettleMax{1};

std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

void check_input(const std::string& directory) {
  for (const char* name : {"accounts.ndjson", "limits.ndjson", "transactions.ndjson"}) {
    const std::string path = directory + "/" + name;
    const auto status = std::filesystem::status(path);
    if (std::filesystem::is_directory(status)) throw BadInput(path + " is a directory, not a file with a record in each line");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
      throw BadInput(path + " is no regular file: it is read from several places, which a pipe or a device does not allow");
    }
    if (!std::filesystem::exists(status)) {
      throw BadInput(path + " is missing: the input directory holds accounts.ndjson, limits.ndjson and transactions.ndjson");
    }
  }
}

std::int64_t count_records(tidemill::Log& log, const char* topic) {
  std::int64_t count = 0;
  read_topic(log, topic, [&](const TopicRecord&) { ++count; });
  return count;
}

/// How far the chain is, over all topics that it reads: offsets, so that a transaction's marker counts as a record.
struct Standing {
  std::int64_t done = 0;
  std::int64_t to_do = 0;
};
/// Asked of the log, at most every kStandingAge: what the threads tell of themselves lags behind while they have much to do.
class Chain {
 public:
  Chain(std::shared_ptr<tidemill::Log> log, std::string application)
      : log_(std::move(log)), application_(std::move(application)) {}
  Standing standing(bool now = false) {
    if (!now && looked_ && Clock::now() - *looked_ < kStandingAge) return last_;
    last_ = look().value_or(last_);
    looked_ = Clock::now();
    return last_;
  }

 private:
  std::optional<Standing> look() {
    if (partitions().empty()) return std::nullopt;
    const auto ends = log_->admin().offsets(partitions(), log_deadline());
    const auto group = log_->admin().describe_group(application_, log_deadline());
    const bool begun = group || group.error().kind == tidemill::ErrorKind::kNotFound;
    if (!ends || !begun) return std::nullopt;
    std::map<tidemill::TopicPartition, std::int64_t> done;
    if (group) {
      for (const auto& position : group->offsets) done[position.partition] = position.offset.value;
    }
    Standing standing;
    for (const auto& one : *ends) {
      standing.done += done[one.partition];
      standing.to_do += std::max<std::int64_t>(0, one.last_stable.value - done[one.partition]);
    }
    return standing;
  }
  /// Of all topics, or none when one of them cannot be described now.
  const std::vector<tidemill::TopicPartition>& partitions() {
    if (!partitions_.empty()) return partitions_;
    std::vector<tidemill::TopicPartition> all;
    for (const char* topic : {topics::kTransactions, topics::kLegs, topics::kClientLegs, topics::kClientBalances}) {
      const auto count = log_->admin().partition_count(topic, log_deadline());
      if (!count) return partitions_;
      for (std::int32_t p = 0; p < *count; ++p) all.push_back({topic, tidemill::PartitionId(p)});
    }
    return partitions_ = std::move(all);
  }
  std::shared_ptr<tidemill::Log> log_;
  std::string application_;
  std::vector<tidemill::TopicPartition> partitions_;
  std::optional<Clock::time_point> looked_;
  Standing last_;
};

class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options) {}

  int run() {
    if (!options_.input.empty()) check_input(options_.input);
    Connection connection = connect(options_.target, Access::kRun, [](const std::string& warning) {
      std::fprintf(stderr, "liquidity: %s\n", warning.c_str());
    });
    log_ = connection.config.log;
    chain_.emplace(log_, connection.config.application_id);
    create_topics(*log_, connection.topics);
    if (options_.once) refused_before_ = count_records(*log_, topics::kDeadLetters);
    if (!options_.input.empty()) {
      load_reference_data(*log_, options_.input, [](const std::string& note) { std::fprintf(stderr, "%s\n", note.c_str()); });
    }
    if (options_.generate) player().load_reference_data();
    // On a log of its own only a full disk keeps the chain waiting; who asked for an end wants to hear of it.
    if (options_.once && !options_.target.data.empty()) connection.config.task_timeout = kFullDiskMax;
    if (options_.threads > 0) connection.config.num_stream_threads = options_.threads;
    streams_.emplace(build_topology(counts_), std::move(connection.config));
    streams_->set_state_listener([this](tidemill::StreamsState now, tidemill::StreamsState) {
      if (now == tidemill::StreamsState::kError) interrupt_.wake();
    });
    streams_->start().value();
    interrupt_.listen();  // until here a signal ends the process at once, and nothing has to be closed
    if (options_.http) open_front();
    return work();
  }

 private:
  Player& player() {
    if (!player_) player_.emplace(*log_, PlayerOptions{.day_length = std::chrono::seconds(options_.day_seconds)});
    return *player_;
  }
  void open_front() {
    front_ = std::make_unique<Front>(log_, *streams_, counts_);
    std::printf("\nThe page is at http://127.0.0.1:%d/\n\n", front_->start(options_.port));
    std::fflush(stdout);
  }

  // Whatever goes wrong, the chain is closed in good order, and the reason is told once.
  int work() {
    std::optional<std::string> problem;
    std::optional<double> seconds;  // until all was done
    const auto begin = Clock::now();
    try {
      if (!options_.input.empty()) load();
      if (options_.generate && going_on()) play();
      if (options_.once && catch_up()) seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      if (!options_.once && !options_.generate) wait_for_the_end();
    } catch (const std::exception& failed) {
      problem = failed.what();
    }
    if (interrupt_.signal() != 0) std::fprintf(stderr, "\nStopping; a second Ctrl-C ends at once, and loses nothing either.\n");
    if (const auto error = streams_->error()) problem = error->message;  // the cause, if the input failed as well
    front_.reset();
    if (const auto closed = streams_->close(); !closed && !problem) problem = closed.error().message;
    if (problem) {
      std::fprintf(stderr, "liquidity: %s\n", problem->c_str());
      std::fprintf(stderr, "What is in the log stays; started again, the chain goes on where it stood.\n");
      return 1;
    }
    if (seconds) {
      print_summary(*seconds);
      return 0;
    }
    std::fprintf(stderr, "Stopped; started again, the chain goes on where it stood.\n");
    return options_.once ? 128 + interrupt_.signal() : 0;
  }

  [[nodiscard]] bool going_on() const { return !interrupt_.requested() && !streams_->error(); }

  // What feeds the chain outlives what passes (a broker that restarts, a transaction that took too long): it begins again, at
  // the position that is on record. `feed` calls its argument at every success.
  void feed(kit::Progress& progress, const std::function<void(const std::function<void()>&)>& feed) {
    auto last_success = Clock::now();
    while (true) {
      try {
        feed([&] { last_success = Clock::now(); });
        return;
      } catch (const tidemill::ResultException& failed) {
        const auto kind = failed.error().kind;
        const bool ends_it = kind == tidemill::ErrorKind::kFull && options_.once;  // who asked for an end wants to hear it
        const bool passes = kind == tidemill::ErrorKind::kTransactionAborted || (failed.error().retriable() && !ends_it);
        if (!passes || Clock::now() - last_success > kFeedRetryMax) throw;
        interrupt_.wait_for(kFeedPause);
        if (!going_on()) throw;
        progress.say(std::string(failed.what()) + ": tries again");
      }
    }
  }

  void load() {
    kit::Progress progress("transactions.ndjson");
    FileSummary reached;      // by all attempts
    std::int64_t bytes = -1;  // of the file, by all attempts
    const auto tell = [&](const std::string& message) { progress.say(message); };
    const Judged judged{[&] { settle(progress); }, seen_by(*streams_)};
    feed(progress, [&](const std::function<void()>& success) {
      const FileSummary begin = reached;
      const auto show = [&](const FileProgress& at) {
        if (at.bytes > bytes) success();
        if (bytes < 0) reached.before = at.so_far.before;
        bytes = std::max(bytes, at.bytes);
        reached.lines = begin.lines + at.so_far.lines;
        reached.malformed = begin.malformed + at.so_far.malformed;
        reached.known = begin.known + at.so_far.known;
        reached.contradicting = begin.contradicting + at.so_far.contradicting;
        progress.show(at.bytes, at.size,
                      grouped(reached.lines) + " taken, " + grouped(chain_->standing(at.bytes == at.size).to_do) +
                          " records in the chain");
        return going_on();
      };
      reached.half_written = load_transactions(*log_, options_.input, tell, show, judged).half_written;
    });
    taken_ = reached;
  }

  // Lines that are read again are passed over where the chain has judged them; what it has not by then goes in once more, and
  // has no second effect.
  void settle(kit::Progress& progress) {
    const auto begin = Clock::now();
    while (going_on() && !streams_->wait_until_caught_up(kLook)) {
      progress.show(0, 0, "waits for the chain: " + grouped(chain_->standing().to_do) + " records to go");
      if (Clock::now() - begin > kSettleMax) return;
    }
  }

  void play() {
    kit::Progress progress("playing");
    feed(progress, [&](const std::function<void()>& success) {
      player().play([&](Clock::time_point until) { return interrupt_.wait_until(until); },
                    [&](const std::string& time, std::int64_t made) {
                      success();
                      progress.show(0, 0,
                                    time.substr(0, 10) + " " + time.substr(11, 5) + ", " + grouped(made) + " transactions");
                    });
    });
  }

  bool catch_up() {
    kit::Progress progress("the chain");
    auto last_change = Clock::now();
    std::int64_t last_done = -1;
    std::int64_t first_done = -1;
    while (going_on()) {
      if (streams_->wait_until_caught_up(kLook)) {
        progress.show(1, 1, "has caught up");
        return true;
      }
      const Standing now = chain_->standing();
      if (first_done < 0) first_done = now.done;
      progress.show(now.done - first_done, now.done - first_done + now.to_do, grouped(now.to_do) + " records to go");
      if (now.done != last_done) last_change = Clock::now();
      last_done = now.done;
      if (Clock::now() - last_change > kStandstillMax) {
        throw std::runtime_error("the chain has stood still for " + std::to_string(kStandstillMax.count()) + " minutes, with " +
                                 grouped(now.to_do) + " records to go, in the state " +
                                 std::string(tidemill::to_string(streams_->state())));
      }
    }
    return false;
  }

  void wait_for_the_end() {
    constexpr std::chrono::hours kLong{24};
    while (going_on() && !interrupt_.wait_for(kLong)) {
    }
  }

  void print_summary(double seconds) {
    const auto number = [](std::int64_t n) { return grouped(n); };
    // What an earlier run has left to the chain may be among those that were refused, or repeated, in this one.
    const std::int64_t refused = count_records(*log_, topics::kDeadLetters);
    const std::int64_t repeated = counts_->repeated;
    const std::int64_t taken = std::max<std::int64_t>(0, taken_.lines - (refused - refused_before_) - repeated);
    std::printf("%s lines: %s transactions taken, %s refused", number(taken_.lines).c_str(), number(taken).c_str(),
                number(refused - refused_before_).c_str());
    if (repeated > 0) std::printf(", %s repeated", number(repeated).c_str());
    std::printf(" in %.1f s (%.0f a second)", seconds, static_cast<double>(taken_.lines) / std::max(seconds, 1e-9));
    if (taken_.before > 0) std::printf(", after %s lines before", number(taken_.before).c_str());
    if (taken_.malformed > 0) std::printf("; %s lines malformed", number(taken_.malformed).c_str());
    if (taken_.known > 0) std::printf("; %s lines known already", number(taken_.known).c_str());
    if (taken_.contradicting > 0) std::printf(", %s of them with another content", number(taken_.contradicting).c_str());
    if (taken_.half_written) std::printf("; 1 line half-written and left");
    std::printf("\n%s refused, %s breaches, %s of them cleared, in all\n", number(refused).c_str(),
                number(count_records(*log_, topics::kBreaches)).c_str(),
                number(count_records(*log_, topics::kBreachClears)).c_str());
  }

  RunOptions options_;
  kit::Interrupt interrupt_;
  std::shared_ptr<tidemill::Log> log_;
  std::optional<Chain> chain_;
  std::optional<Player> player_;
  std::optional<tidemill::Streams> streams_;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  std::unique_ptr<Front> front_;
  FileSummary taken_;
  std::int64_t refused_before_ = 0;
};

}  // namespace

int run(const RunOptions& options) { return Run(options).run(); }

}  // namespace liquidity
