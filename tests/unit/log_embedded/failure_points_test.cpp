// Every failure point: a script of everything that the log does, run with its n-th disk operation failing, for every n there
// is. What was reported as done must be there; a step that failed is done whole or not at all; and when the disk is well again
// (and, unless it was only full, the log has been opened again) the rest of the script ends as if nothing had happened.
#include <functional>

#include "world.hpp"

namespace tidemill {
namespace {

using simulation::Operation;
using test::Row;
using test::World;

const simulation::Operations kAll{Operation::kOpen,          Operation::kRead,        Operation::kWrite,
                                  Operation::kTruncate,      Operation::kPreallocate, Operation::kSync,
                                  Operation::kSyncDirectory, Operation::kName,        Operation::kLook};

struct Step {
  std::string name;
  /// Throws ResultException when something of it fails.
  std::function<void(World&)> run;
  /// It has been done, by what is there.
  std::function<bool(World&)> done;
};

std::vector<Row> without_offsets(std::vector<Row> rows) {
  for (Row& row : rows) row.offset = 0;
  return rows;
}
bool has_topic(World& world, const std::string& name) {
  return world.log().admin().describe_topic(name, world.deadline()).has_value();
}
bool ends_with(World& world, const std::string& topic, std::int32_t partition, const std::string& value) {
  const std::vector<Row> rows = world.rows(topic, partition);
  return !rows.empty() && rows.back().value == value;
}
bool never(World&) { return false; }

Step make_topic(std::string name, std::int32_t partitions, TopicConfig config) {
  return {"topic " + name, [=](World& world) { world.topic(name, config, partitions); },
          [=](World& world) { return has_topic(world, name); }};
}
Step put(std::string topic, std::string key, std::string value) {
  return {"put " + key + "=" + value, [=](World& world) { world.put(topic, key, BytesView(value)); },
          [=](World& world) { return ends_with(world, topic, 0, value); }};
}
void send_to_both(World& world, LogProducer& producer, const std::string& value) {
  for (const std::int32_t partition : {0, 1}) {
    world.send(producer, "events", BytesView("k"), BytesView(value), kNoTimestamp, partition);
  }
  world.send(producer, "balances", BytesView("t"), BytesView(value));
}
void expect(const CommitResult& result, CommitOutcome wanted) {
  if (result.outcome == wanted) return;
  throw ResultException(result.error.message.empty() ? Error{ErrorKind::kInternal, "another outcome"} : result.error);
}
Step commit(std::int64_t number) {
  const std::string value = "committed " + std::to_string(number);
  return {"commit " + std::to_string(number),
          [=](World& world) {
            const auto group = world.log().commit_group({.name = "app-1", .application_id = "app"}, world.deadline()).value();
            const auto producer = group->producer();
            send_to_both(world, *producer, value);
            const CommitPosition position{{"input", PartitionId(0)}, Offset(number), kNoLeaderEpoch, ""};
            group->stage({&position, 1}).value();
            (void)group->flush(world.deadline()).value();
            expect(group->commit({}, world.deadline()), CommitOutcome::kCommitted);
          },
          [=](World& world) {
            const bool zero = ends_with(world, "events", 0, value);
            EXPECT_EQ(ends_with(world, "events", 1, value), zero) << "half of a transaction";
            EXPECT_EQ(ends_with(world, "balances", 0, value), zero) << "half of a transaction";
            const auto group = world.log().admin().describe_group("app", world.deadline());
            const bool offset = group && !group->offsets.empty() && group->offsets.at(0).offset == Offset(number);
            EXPECT_EQ(offset, zero) << "outputs without offsets, or offsets without outputs";
            return zero;
          }};
}
Step abort() {
  return {"abort",
          [](World& world) {
            const auto group = world.transactional("app-1");
            const auto producer = group->producer();
            send_to_both(world, *producer, "aborted");
            (void)group->flush(world.deadline()).value();
            expect(group->abort(world.deadline()), CommitOutcome::kAborted);
          },
          never};
}
Step fence() {
  return {"fence",
          [](World& world) {
            const auto group = world.transactional("app-1");
            const auto producer = group->producer();
            send_to_both(world, *producer, "of a fenced one");
            (void)group->flush(world.deadline()).value();
            (void)world.transactional("app-1");
          },
          never};
}
Step background(std::chrono::hours later = {}) {
  return {"background",
          [=](World& world) {
            world.clock.advance(later);
            world.background();
          },
          never};
}
/// Of the process, in the midst of a transaction and of an append that nobody was told of.
Step kill() {
  return {"kill",
          [](World& world) {
            {
              const auto group = world.transactional("app-1");
              const auto producer = group->producer();
              send_to_both(world, *producer, "open");
              const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
              const auto other = plain->producer();
              world.put("events", "k", BytesView("in front of what is lost"));
              world.storage.power_off();
            }
            world.close();
            world.storage.restart();
            (void)world.open().value();
          },
          never};
}

std::vector<Step> script() {
  std::vector<Step> steps{
      make_topic("events", 2, {{"segment.bytes", "300"}}),
      make_topic("balances", 1,
                 {{"cleanup.policy", "compact"},
                  {"segment.bytes", "200"},
                  {"min.cleanable.dirty.ratio", "0"},
                  {"delete.retention.ms", "0"}}),
      make_topic("windows", 1, {{"retention.ms", "3600000"}, {"segment.bytes", "200"}}),
      commit(1),
      abort(),
      commit(2),
      put("windows", "w", "old"),
      put("windows", "w", "older"),
      put("balances", "a", "1"),
      put("balances", "a", "2"),
      put("balances", "b", "1"),
      fence(),
      background(),
      background(std::chrono::hours(2)),
      put("windows", "w", "new"),
      {"alter",
       [](World& world) {
         world.log().admin().alter_topic("events", {{"compression.type", "lz4"}}, world.deadline()).value();
       },
       [](World& world) {
         return world.log().admin().describe_topic("events", world.deadline()).value().config.contains("compression.type");
       }},
      kill(),
      commit(3),
      put("balances", "a", "3"),
      make_topic("short-lived", 1, {}),
      {"delete", [](World& world) { world.log().admin().delete_topic("short-lived", world.deadline()).value(); },
       [](World& world) { return !has_topic(world, "short-lived"); }},
      background(),
      {"close",
       [](World& world) {
         world.close();
         (void)world.open().value();
       },
       never},
      {"delete records",
       [](World& world) {
         const TopicPartition id{"events", PartitionId(1)};
         const Offset end = world.offsets("events", 1).high_watermark;
         world.log().admin().delete_records(id, end, world.deadline()).value();
       },
       [](World& world) { return world.rows("events", 1).empty(); }},
      commit(4),
      put("balances", "a", "4"),
      background(),
  };
  return steps;
}

struct State {
  std::vector<Row> events_0, events_1, windows;
  std::map<std::string, OptionalBytes> balances;
  std::vector<std::string> topics;
  bool operator==(const State&) const = default;
};
State state(World& world) {
  State state;
  state.events_0 = without_offsets(world.rows("events", 0));
  std::erase_if(state.events_0, [](const Row& row) { return row.value == "in front of what is lost"; });  // once or more
  state.events_1 = without_offsets(world.rows("events", 1));
  state.windows = without_offsets(world.rows("windows"));
  for (const Row& row : world.rows("balances")) state.balances[row.key] = row.value;
  for (const auto& topic : world.log().admin().list_topics(world.deadline()).value()) state.topics.push_back(topic.name);
  return state;
}

enum class Then : std::uint8_t { kKill, kPowerFailure };
struct Way {
  const char* name;
  Durability durability;
  ErrorKind error;
  bool for_good;
  Then then;
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class FailurePoints : public testing::TestWithParam<Way> {};

/// True: the failure came.
bool run_with_failure_at(std::uint64_t nth, const Way& way, const State& expected) {
  World world({.durability = way.durability, .recent_batches_bytes = 500}, nth);
  const std::vector<Step> steps = script();
  world.storage.fail(nth, kAll, way.for_good, way.error);
  bool reported = false;
  for (std::size_t i = 0; i < steps.size();) {
    std::optional<Error> error;
    try {
      steps[i].run(world);
    } catch (const ResultException& exception) {
      error = exception.error();
    }
    if (!error) {
      ++i;
      continue;
    }
    EXPECT_TRUE(world.storage.failed() && !reported) << steps[i].name << " failed without a reason: " << to_string(*error);
    if (!world.storage.failed() || std::exchange(reported, true)) return false;
    world.storage.clear_failure();
    const bool goes_on = error->kind == ErrorKind::kDiskFull && run_background(world.log()).has_value();
    if (!goes_on) {
      world.storage.power_off();
      world.close();
      way.then == Then::kKill ? world.storage.restart() : world.storage.power_on();
    }
    if (steps[i].done(world)) ++i;
  }
  const bool came = reported || world.storage.failed();
  if (!reported) {
    world.storage.clear_failure();
    EXPECT_TRUE(run_background(world.log()).has_value()) << "it is not well, though it reported nothing";
  }
  EXPECT_TRUE(state(world) == expected);
  world.reopen();
  EXPECT_TRUE(state(world) == expected) << "after it was opened again";
  return came;
}

TEST_P(FailurePoints, LoseNothingAndLeaveNothingHalfDone) {
  const Way& way = GetParam();
  State expected;
  std::uint64_t operations = 0;
  {
    World world({.durability = way.durability});
    for (const Step& step : script()) step.run(world);
    for (const Operation kind : kAll) operations += world.storage.operations(kind);
    expected = state(world);
    EXPECT_EQ(expected.events_1.size(), 1U);
    EXPECT_EQ(expected.windows.size(), 1U);
    EXPECT_EQ(expected.balances.at("a"), "4");
  }
  std::uint64_t nth = 0;
  std::uint64_t came = 0;
  do {
    SCOPED_TRACE("operation " + std::to_string(++nth) + " fails");
    if (!run_with_failure_at(nth, way, expected) || HasFailure()) break;
    ++came;
  } while (nth < 10 * operations);
  std::printf("%llu failure points\n", static_cast<unsigned long long>(came));
  EXPECT_GT(came, operations / 2);
}

INSTANTIATE_TEST_SUITE_P(
    AllWays, FailurePoints,
    testing::Values(Way{"OnceThenKilled", Durability::kPower, ErrorKind::kIo, false, Then::kKill},
                    Way{"OnceThenThePowerFails", Durability::kPower, ErrorKind::kIo, false, Then::kPowerFailure},
                    Way{"ForGoodThenThePowerFails", Durability::kPower, ErrorKind::kIo, true, Then::kPowerFailure},
                    Way{"DiskFullOnce", Durability::kPower, ErrorKind::kDiskFull, false, Then::kPowerFailure},
                    Way{"DiskFullForAWhile", Durability::kPower, ErrorKind::kDiskFull, true, Then::kKill},
                    Way{"OnceInProcessDurability", Durability::kProcess, ErrorKind::kIo, false, Then::kKill},
                    Way{"DiskFullInProcessDurability", Durability::kProcess, ErrorKind::kDiskFull, true, Then::kKill}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tidemill
