#include "simulation.hpp"

#include <cstdio>
#include <unordered_set>

#include <tidemill/adapters/embedded_log.hpp>

#include "hand_made.hpp"
#include "instance.hpp"

namespace tidemill::simulation {
namespace {

constexpr std::uint64_t kLines = 300;
constexpr std::int32_t kPartitions = 2;
constexpr std::uint64_t kStepsMax = 60000;
constexpr std::uint64_t kQuietSteps = 400;
/// Threads that come or go in one run, and how many an instance has then at most.
constexpr int kThreadChanges = 30;
constexpr std::size_t kThreadsMax = 4;
const std::vector<std::string> kOutputs{"word-counts", "letter-sums"};

using test::FunctionNode;
using test::HandMade;

/// lines "id words..." -> words | words -> counts -> word-counts | counts by letter -> sums -> letter-sums
std::shared_ptr<Topology> chain(bool cached_sums) {
  const auto split = [](FunctionNode& node, const ErasedRecord& record) {
    const std::string& line = test::value_of(record);
    for (std::size_t at = line.find(' ') + 1; at < line.size();) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      const std::string word = line.substr(at, end - at);
      node.emit(&word, &word, *record.context);
      at = end + 1;
    }
  };
  const auto by_letter = [](FunctionNode& node, const ErasedRecord& record) {
    const std::string letter = test::key_of(record).substr(0, 1);
    node.emit(&letter, &test::value_of(record), *record.context);
  };
  StoreSpec counts = test::text_store("counts");
  counts.engine = StoreEngineKind::kPersistent;
  StoreSpec sums = test::text_store("sums");
  sums.caching = cached_sums;
  return HandMade()
      .repartition("words-repartition")
      .repartition("letters-repartition")
      .source("lines-source", {"lines"})
      .processor("split", split, {"lines-source"})
      .sink("words-sink", "words-repartition", {"split"})
      .subtopology()
      .store(std::move(counts))
      .source("words-source", {"words-repartition"})
      .processor("count", test::counting("counts"), {"words-source"}, {"counts"})
      .sink("counts-sink", "word-counts", {"count"})
      .processor("by-letter", by_letter, {"count"})
      .sink("letters-sink", "letters-repartition", {"by-letter"})
      .subtopology()
      .store(std::move(sums))
      .source("letters-source", {"letters-repartition"})
      .processor("sum", test::counting("sums"), {"letters-source"}, {"sums"})
      .sink("sums-sink", "letter-sums", {"sum"})
      .build();
}

struct Row {
  std::string key;
  std::string value;
  bool operator==(const Row&) const = default;
};
using Rows = std::vector<Row>;

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options)
      : options_(options),
        random_(options.seed * 2654435761u + 17),
        storage_(options.seed ^ 0x5bd1e995u),
        log_random_(options.seed + 1),
        thread_random_(options.seed * 40503u + 5) {
    report_.fault = static_cast<Fault>(options.seed % kFaultKinds);
    if (options.skip_sync) report_.fault = Fault::kPowerFailure;
    power_ = options.skip_sync || random_.below(4) != 0;
    log_options_.durability = power_ ? Durability::kPower : Durability::kProcess;
    log_options_.default_partitions = kPartitions;
    log_options_.background_thread = false;
    log_options_.segment_bytes = static_cast<std::int64_t>(2000 + random_.below(20000));
    log_options_.open_segments_max = 1 + random_.below(16);
    log_options_.unsafe_skip_sync_for_tests = options.skip_sync;
    topology_ = chain(random_.below(2) == 0);
    cache_bytes_ = random_.below(2) * 10000;
    fault_step_ = 100 + random_.below(2500);
    second_fault_after_ = 1 + random_.below(400);
    fault_nth_ = 1 + random_.below(100);
    constexpr std::uint64_t kEvery[] = {0, 800, 100};
    thread_change_every_ = kEvery[thread_random_.below(3)];
    if (thread_change_every_ == 0) thread_changes_left_ = 0;
  }

  SimulationReport run() {
    reopen(false);
    while (report_.violation.empty() && !done()) {
      if (++report_.steps > kStepsMax) {
        if (log_) check_contents();
        fail("stuck: " + std::to_string(acknowledged_.size()) + " lines in, " + progress());
        break;
      }
      step();
    }
    if (report_.violation.empty()) check();
    report_.faults = storage_.faults();
    report_.compacted_segments = storage_.renamed_to(".log");
    instances_.clear();
    second_owner_.reset();
    input_.reset();
    log_.reset();
    return report_;
  }

 private:
  void say(const std::string& text) const {
    if (options_.verbose) std::fprintf(stderr, "%6llu %s\n", static_cast<unsigned long long>(report_.steps), text.c_str());
  }
  void fail(const std::string& text) {
    report_.violation += (report_.violation.empty() ? "" : "; ") + text;
    say("VIOLATION " + text);
  }
  [[nodiscard]] MonotonicTime deadline() const { return clock_.now().monotonic + std::chrono::seconds(10); }

  // The world.
  void step() {
    clock_.advance(std::chrono::microseconds(random_.below(2000)));
    inject();
    if (!log_) return reopen(false);
    if (thread_changes_left_ > 0 && thread_random_.below(thread_change_every_) == 0) change_threads();
    if (!log_) return;
    const std::uint64_t what = random_.below(100);
    if (what < 4) return produce();
    if (what < 5) {
      if (const auto done = run_background(*log_); !done) {
        say("background: " + done.error().message);
        // A log that has failed is opened again by the operator, who reads its messages.
        const auto made = log_->admin().create_topic({.name = "lines", .partitions = kPartitions, .config = {}}, deadline());
        if (!made && made.error().kind != ErrorKind::kAlreadyExists && made.error().kind != ErrorKind::kDiskFull) die();
      }
      return;
    }
    run_thread();
  }

  void run_thread() {
    if (second_owner_ && random_.below(3) == 0 && second_owner_->thread_count() > 0)
      second_owner_->step(random_.below(second_owner_->thread_count()));
    const std::size_t which = random_.below(2);
    if (which == asleep_) return;
    if (which >= instances_.size() || !instances_[which]) return start_instance(which);
    Instance& instance = *instances_[which];
    if (instance.thread_count() == 0) {
      if (thread_changes_left_ == 0) add_thread(which);
      return;
    }
    const bool worked = instance.step(random_.below(instance.thread_count()));
    quiet_ = worked ? 0 : quiet_ + 1;
    if (instance.failed()) give_up(which);
  }
  void give_up(std::size_t which) {
    say("instance " + std::to_string(which) + " failed: " + instances_[which]->state());
    instances_[which].reset();
    // A process whose log is broken ends as a whole; one whose task failed is started again.
    if (random_.below(2) == 0) die();
  }

  void change_threads() {
    const std::size_t which = thread_random_.below(2);
    if (which == asleep_ || which >= instances_.size() || !instances_[which]) return;
    --thread_changes_left_;
    Instance& instance = *instances_[which];
    const bool adds = instance.staying_count() == 0 || thread_random_.below(2) == 0;
    if (adds && instance.thread_count() < kThreadsMax) return add_thread(which);
    if (instance.staying_count() == 0) return;
    say("a thread of instance " + std::to_string(which) + " is removed");
    instance.remove_thread();
    ++report_.threads_removed;
    quiet_ = 0;
  }
  void add_thread(std::size_t which) {
    say("a thread of instance " + std::to_string(which) + " is added");
    ++report_.threads_added;
    quiet_ = 0;
    if (const auto added = instances_[which]->add_thread(); !added) give_up(which);
  }

  void start_instance(std::size_t which) {
    instances_.resize(2);
    InstanceOptions options;
    options.process_id = "p" + std::to_string(which);
    options.state_directory = "state-" + options.process_id + directory_suffix_[which];
    options.threads = which == 0 ? 1 : 2;
    options.seed = random_.next();
    options.cache_bytes = cache_bytes_;
    options.topology = topology_;
    options.engine.unsafe_commit_before_journal = options_.stores_before_journal;
    auto instance = Instance::start(log_, storage_, clock_, options);
    ++report_.restarts;
    quiet_ = 0;
    if (instance) {
      instances_[which] = *std::move(instance);
      return;
    }
    say("instance " + std::to_string(which) + " does not start: " + instance.error().message);
    die();
  }

  /// Everything in the process ends at once.
  void drop_all() {
    storage_.power_off();
    instances_.clear();
    second_owner_.reset();
    input_.reset();
    log_.reset();
  }
  void die() {
    if (log_) remember_outputs();
    drop_all();
    storage_.restart();
    quiet_ = 0;
  }
  void lose_power() {
    if (log_) remember_outputs();
    drop_all();
    storage_.power_on();
    if (!power_) seen_.clear(), may_lose_acknowledged_ = true;
    quiet_ = 0;
    say("power failure");
  }
  void reopen(bool must) {
    auto log = open_embedded_log(storage_, clock_, log_random_, log_options_);
    if (!log) {
      say("log does not open: " + log.error().message);
      if (must || (!full_ && ++failed_opens_ > 20)) fail("the log does not open: " + log.error().message);
      storage_.power_off();
      storage_.restart();
      return;
    }
    log_ = *std::move(log);
    for (const char* topic : {"lines", "word-counts", "letter-sums"}) {
      const auto made = log_->admin().create_topic({.name = topic, .partitions = kPartitions, .config = {}}, deadline());
      if (!made && made.error().kind != ErrorKind::kAlreadyExists) return die();
    }
    check_seen("after it was opened again");
  }

  void produce() {
    if (acknowledged_.size() >= kLines || attempts_ > 100 * kLines) return;
    if (!input_) {
      auto group = log_->commit_group({.name = "input", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce},
                                      deadline());
      if (!group) return die();
      input_ = *std::move(group);
      producer_ = input_->producer();
    }
    const auto handle = producer_->topic("lines", deadline());
    if (!handle) return fail("topic lines is gone: " + handle.error().message);
    static const char* const kWords[] = {"ant", "ape", "asp", "bat", "bee", "cat", "cod", "cow", "dog", "doe", "eel", "elk"};
    std::vector<std::string> ids;
    for (std::uint64_t count = 1 + random_.below(8); count > 0; --count) {
      const std::string id = std::to_string(++attempts_);
      std::string line = id;
      for (std::uint64_t words = 1 + random_.below(3); words > 0; --words) line += std::string(" ") + kWords[random_.below(12)];
      const auto status = producer_->send({.topic = *handle,
                                           .partition = PartitionId(static_cast<std::int32_t>(random_.below(kPartitions))),
                                           .timestamp = clock_.now().wall,
                                           .key = BytesView(id),
                                           .value = BytesView(line),
                                           .headers = {},
                                           .cookie = 0});
      if (status == SendStatus::kAccepted) ids.push_back(id);
    }
    producer_->dispatch();
    const bool failures = !producer_->take_failures().empty();
    const auto flushed = input_->flush(deadline());
    if (flushed && !failures) {
      acknowledged_.insert(ids.begin(), ids.end());
      quiet_ = 0;
      return;
    }
    producer_.reset();
    input_.reset();
    say("input not acknowledged: " + (flushed ? std::string("delivery failed") : flushed.error().message));
    if (++failed_inputs_ > 3) {  // as an application would: end, and let it be started again
      failed_inputs_ = 0;
      die();
    }
  }

  // Faults.
  void inject() {
    if (report_.steps != fault_step_ && report_.steps != fault_step_ + second_fault_after_) return;
    report_.steps == fault_step_ ? first_fault() : second_fault();
    quiet_ = 0;
  }
  void first_fault() {
    say("fault: " + std::string(to_string(report_.fault)));
    switch (report_.fault) {
      case Fault::kPowerFailure: return lose_power();
      case Fault::kPowerFailureInRecovery: {
        lose_power();
        storage_.fail(fault_nth_ % 40 + 1, {Operation::kWrite, Operation::kSync, Operation::kTruncate, Operation::kName}, true);
        auto log = open_embedded_log(storage_, clock_, log_random_, log_options_);
        if (log) (*log).reset();
        storage_.clear_failure();
        return lose_power();
      }
      case Fault::kProcessDeathThenPowerFailure: return die();
      case Fault::kFailedWrite:
        return storage_.fail(fault_nth_, {Operation::kWrite, Operation::kOpen, Operation::kName, Operation::kTruncate});
      case Fault::kFailedSync:
      case Fault::kFailedSyncThenPowerFailure:
        return storage_.fail(fault_nth_ % 20 + 1, {Operation::kSync, Operation::kSyncDirectory});
      case Fault::kDiskFull: full_ = true; return storage_.set_capacity(storage_.used() + random_.below(4000));
      case Fault::kInstanceDeath:
        ++report_.instance_deaths;
        if (const std::size_t which = random_.below(2); which < instances_.size()) instances_[which].reset();
        return;
      case Fault::kZombie: {  // its poll interval passes, its tasks become the other's; then it goes on where it stood
        asleep_ = random_.below(2);
        ++report_.zombies;
        clock_.advance(std::chrono::seconds(3));
        if (log_) (void)run_background(*log_).has_value();
        return;
      }
      case Fault::kSecondOwner: {  // its successor runs already, on another disk; the two fence each other until it ends
        const std::size_t which = random_.below(2);
        if (which >= instances_.size() || !instances_[which]) return;
        ++report_.second_owners;
        second_owner_ = std::move(instances_[which]);
        directory_suffix_[which] = "-next";
        return;
      }
    }
  }
  void second_fault() {
    switch (report_.fault) {
      case Fault::kProcessDeathThenPowerFailure:
      case Fault::kFailedSyncThenPowerFailure: storage_.clear_failure(); return lose_power();
      case Fault::kDiskFull: full_ = false; return storage_.set_capacity(std::nullopt);
      case Fault::kZombie: asleep_.reset(); return;
      case Fault::kSecondOwner: second_owner_.reset(); return;
      default: return storage_.clear_failure();
    }
  }

  // What is there.
  std::optional<Rows> read(const std::string& topic, std::int32_t partition) {
    auto consumer = log_->consumer(Isolation::kReadCommitted);
    if (!consumer) return std::nullopt;
    const TopicPartition id{topic, PartitionId(partition)};
    const auto offsets = log_->admin().offsets({&id, 1}, deadline());
    if (!offsets) return std::nullopt;
    const std::pair<TopicPartition, Offset> from{id, offsets->front().start};
    if (!(*consumer)->assign({&from, 1})) return std::nullopt;
    Rows rows;
    while (!(*consumer)->caught_up(id)) {
      const auto polled = (*consumer)->poll(std::size_t{1} << 20);
      if (!polled || !polled->errors.empty()) {
        say(to_string(id) + ": " + (polled ? polled->errors.front().error : polled.error()).message);
        return std::nullopt;
      }
      for (const auto& batch : polled->batches) {
        for (const auto& record : batch->records) {
          rows.push_back({std::string(record.key.value_or("")), std::string(record.value.value_or(""))});
        }
      }
      if (polled->batches.empty()) break;
    }
    return rows;
  }
  void remember_outputs() {
    for (const std::string& topic : kOutputs) {
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        if (auto rows = read(topic, p)) seen_[topic + std::to_string(p)] = std::move(*rows);
      }
    }
  }
  void check_seen(const std::string& when) {
    for (const std::string& topic : kOutputs) {
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        const auto& seen = seen_[topic + std::to_string(p)];
        const auto rows = read(topic, p);
        if (!rows) continue;  // a disk that fails while it is read
        if (rows->size() < seen.size() || !std::equal(seen.begin(), seen.end(), rows->begin())) {
          fail(topic + "-" + std::to_string(p) + " has lost committed records " + when + ": " + std::to_string(seen.size()) +
               " were seen, " + std::to_string(rows->size()) + " are there");
        }
      }
    }
  }
  std::size_t count(const std::string& topic) {
    std::size_t records = 0;
    for (std::int32_t p = 0; p < kPartitions; ++p) records += read(topic, p).value_or(Rows{}).size();
    return records;
  }
  std::string progress() {
    if (!log_) return "no log";
    std::string text = std::to_string(count("lines")) + " lines, " + std::to_string(count("word-counts")) + " word counts, " +
                       std::to_string(count("letter-sums")) + " letter sums are there";
    const auto topics = log_->admin().list_topics(deadline());
    for (const TopicDescription& topic : topics ? *topics : std::vector<TopicDescription>{}) {
      for (std::int32_t p = 0; p < topic.partitions; ++p) {
        const TopicPartition id{topic.name, PartitionId(p)};
        const auto offsets = log_->admin().offsets({&id, 1}, deadline());
        if (!offsets) continue;
        text += "; " + to_string(id) + " ends at " + std::to_string(offsets->front().high_watermark.value) + ", stable " +
                std::to_string(offsets->front().last_stable.value);
        const auto member = log_->membership("app");
        if (!member) continue;
        const auto committed = (*member)->committed({&id, 1}, deadline());
        if (committed && !committed->empty()) text += ", committed " + std::to_string(committed->front().offset.value);
      }
    }
    for (const auto& instance : instances_) text += instance ? "; instance: " + instance->state() : "; no instance";
    return text;
  }

  bool done() {
    if (acknowledged_.size() < kLines || quiet_ < kQuietSteps || !log_) return false;
    if (report_.steps <= fault_step_ + second_fault_after_) return false;
    if (instances_.size() < 2 || !instances_[0] || !instances_[1]) return false;
    if (instances_[0]->staying_count() == 0 || instances_[1]->staying_count() == 0) return false;
    quiet_ = 0;  // look again later
    std::size_t words = 0;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      const auto rows = read("lines", p);
      if (!rows) return false;
      for (const Row& row : *rows) words += static_cast<std::size_t>(std::count(row.value.begin(), row.value.end(), ' '));
    }
    return count("word-counts") >= words && count("letter-sums") >= words;
  }

  void check() {
    check_contents();
    if (!report_.violation.empty()) return;
    check_stores();
    if (!report_.violation.empty() || random_.below(2) == 0) return;
    // And once more, after the lights went out on all of it.
    if (!power_) return;
    lose_power();
    reopen(true);
    if (log_) check_contents();
  }

  void check_contents() {
    std::map<std::string, std::int64_t> expected;
    std::unordered_set<std::string> ids;
    for (std::int32_t p = 0; p < kPartitions; ++p) {
      const auto rows = read("lines", p);
      if (!rows) return fail("lines cannot be read");
      for (const Row& row : *rows) {
        if (!ids.insert(row.key).second) return fail("line " + row.key + " is there twice");
        ++report_.records;
        for (std::size_t at = row.value.find(' '); at != std::string::npos; at = row.value.find(' ', at + 1)) {
          const std::size_t end = std::min(row.value.find(' ', at + 1), row.value.size());
          ++expected["word " + row.value.substr(at + 1, end - at - 1)];
          ++expected["letter " + row.value.substr(at + 1, 1)];
        }
      }
    }
    if (!may_lose_acknowledged_) {
      for (const std::string& id : acknowledged_) {
        if (!ids.contains(id)) return fail("line " + id + " was acknowledged and is not there");
      }
    }
    std::map<std::string, std::int64_t> found;
    for (const std::string& topic : kOutputs) {
      const std::string kind = topic == "word-counts" ? "word " : "letter ";
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        const auto rows = read(topic, p);
        if (!rows) return fail(topic + " cannot be read");
        for (const Row& row : *rows) {
          const std::int64_t next = ++found[kind + row.key];
          if (row.value != std::to_string(next)) {
            return fail(topic + "-" + std::to_string(p) + ", record " + std::to_string(&row - rows->data()) + ": " + row.key +
                        " goes on with " + row.value + " where " + std::to_string(next) + " must be");
          }
        }
      }
    }
    for (const auto& [name, count] : expected) {
      if (found[name] != count) {
        fail(name + " was counted to " + std::to_string(found[name]) + ", the input says " + std::to_string(count));
      }
    }
    if (report_.violation.empty()) check_seen("at the end");
  }

  void check_stores() {
    for (const std::string store : {"counts", "sums"}) {
      std::map<std::string, std::string> changelog;
      for (std::int32_t p = 0; p < kPartitions; ++p) {
        const auto rows = read("app-" + store + "-changelog", p);
        if (!rows) return fail("the changelog of " + store + " cannot be read");
        for (const Row& row : *rows) changelog[row.key] = row.value;
      }
      std::map<std::string, std::string> contents;
      for (const auto& instance : instances_) {
        if (instance) contents.merge(instance->contents(store));
      }
      for (const auto& [key, value] : changelog) {
        if (contents[key] == value) continue;
        return fail("store " + store + " has \"" + contents[key] + "\" for " + key + ", the fold of its changelog \"" + value +
                    "\"");
      }
      if (contents != changelog) return fail("store " + store + " has keys that its changelog does not have");
    }
  }

  SimulationOptions options_;
  SimulationReport report_;
  SeededRandom random_;
  SimulatedStorage storage_;
  SeededRandom log_random_;
  SeededRandom thread_random_;
  std::uint64_t thread_change_every_ = 0;  // steps, on average
  int thread_changes_left_ = kThreadChanges;
  ManualClock clock_{Timestamp(1'000'000'000)};
  EmbeddedLogOptions log_options_;
  bool power_ = true;
  bool may_lose_acknowledged_ = false;
  std::shared_ptr<Topology> topology_;
  std::size_t cache_bytes_ = 0;
  std::uint64_t fault_step_ = 0;
  std::uint64_t second_fault_after_ = 0;
  std::uint64_t fault_nth_ = 0;
  std::shared_ptr<Log> log_;
  std::unique_ptr<CommitGroup> input_;
  std::unique_ptr<LogProducer> producer_;
  std::vector<std::unique_ptr<Instance>> instances_;
  std::optional<std::size_t> asleep_;
  std::unique_ptr<Instance> second_owner_;
  std::string directory_suffix_[2];
  std::set<std::string> acknowledged_;
  std::uint64_t attempts_ = 0;
  std::uint64_t quiet_ = 0;
  bool full_ = false;
  int failed_opens_ = 0;
  int failed_inputs_ = 0;
  std::map<std::string, Rows> seen_;
};

}  // namespace

std::string_view to_string(Fault fault) {
  constexpr std::string_view kNames[] = {"power failure",
                                         "power failure in recovery",
                                         "process death, then power failure",
                                         "failed write",
                                         "failed sync",
                                         "failed sync, then power failure",
                                         "disk full",
                                         "instance death",
                                         "zombie",
                                         "second owner of a transactional id"};
  return kNames[static_cast<std::size_t>(fault)];
}

SimulationReport simulate(const SimulationOptions& options) { return Simulation(options).run(); }

}  // namespace tidemill::simulation
