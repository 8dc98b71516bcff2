// The formats of docs/formats.md, against directories that were written once: they are read, and the same work writes the
// same bytes. TIDEMILL_WRITE_GOLDEN=1 writes them anew: only for a new version, into a new folder.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "world.hpp"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using test::Row;
using test::World;

/// Path below the log's directory -> bytes; the journal without the zeros behind its last entry.
using Files = std::map<std::string, Bytes>;

fs::path folder(Durability durability) {
  return fs::path(TIDEMILL_GOLDEN) / (durability == Durability::kPower ? "version-2-power" : "version-2-process");
}

/// A little of everything that leaves something on the disk; ends without closing, with a transaction open.
void work(World& world) {
  world.topic("orders", {{"compression.type", "uncompressed"}}, 2);
  world.topic("balances", {{"cleanup.policy", "compact"},
                           {"segment.bytes", "300"},
                           {"min.cleanable.dirty.ratio", "0"},
                           {"delete.retention.ms", "1000"}});
  world.topic("short-lived");
  world.put("short-lived", "k", BytesView("v"));
  for (int i = 0; i < 3; ++i) world.put("orders", "order-" + std::to_string(i), BytesView("a value"));
  {
    const auto group = world.log().commit_group({.name = "app-1", .application_id = "app"}, world.deadline()).value();
    const auto producer = group->producer();
    world.send(*producer, "orders", BytesView("committed"), BytesView("value"), Timestamp(1234), 1);
    world.send(*producer, "balances", BytesView("a"), BytesView("1"));
    const CommitPosition position{{"orders", PartitionId(0)}, Offset(2), LeaderEpoch(0), "metadata"};
    group->stage({&position, 1}).value();
    (void)group->flush(world.deadline()).value();
    ASSERT_EQ(group->commit({}, world.deadline()).outcome, CommitOutcome::kCommitted);
    world.send(*producer, "orders", BytesView("aborted"), BytesView("value"), Timestamp(1235), 1);
    world.send(*producer, "balances", BytesView("a"), BytesView("aborted"));
    ASSERT_EQ(group->abort(world.deadline()).outcome, CommitOutcome::kAborted);
  }
  for (const char* value : {"2", "3"}) world.put("balances", "a", BytesView(value));
  world.put("balances", "b", BytesView("1"));
  world.put("balances", "b", std::nullopt);
  for (const char* value : {"4", "5", "6"}) world.put("balances", "a", BytesView(value));
  world.log().admin().delete_topic("short-lived", world.deadline()).value();
  world.log().admin().alter_topic("orders", {{"retention.ms", "315360000000"}}, world.deadline()).value();
  world.background();
  world.log().admin().delete_records({"orders", PartitionId(0)}, Offset(1), world.deadline()).value();
  world.put("balances", "c", BytesView("1"));
  const auto open = world.transactional("open");
  const auto producer = open->producer();
  world.send(*producer, "orders", BytesView("open"), BytesView("value"));
  world.put("orders", "last", BytesView("value"));
  world.kill();
}

void collect(const Storage& storage, const std::string& path, Files& files) {
  for (const std::string& name : storage.list(path).value()) {
    const std::string full = path.empty() ? name : path + "/" + name;
    if (storage.is_directory(full).value()) {
      collect(storage, full, files);
      continue;
    }
    const auto file = const_cast<Storage&>(storage).open(full, OpenMode::kRead).value();
    file->read_at(0, file->size().value(), files[full]).value();
    constexpr std::size_t kZerosOfAnEntry = 16;  // the last one may end in some
    if (full.starts_with("journal/")) files[full].resize(files[full].find_last_not_of('\0') + 1 + kZerosOfAnEntry);
  }
}

Files golden(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[fs::relative(entry.path(), folder).string()] = Bytes(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

void expect_what_was_written(World& world) {
  EXPECT_EQ(world.rows("orders"),
            (std::vector<Row>{{1, "order-1", "a value"}, {2, "order-2", "a value"}, {4, "last", "value"}}));
  EXPECT_EQ(world.rows("orders", 1), (std::vector<Row>{{0, "committed", "value"}}));
  std::map<std::string, OptionalBytes> balances;
  for (const Row& row : world.rows("balances")) balances[row.key] = row.value;
  balances.erase("b");  // its tombstone may be gone
  EXPECT_EQ(balances, (std::map<std::string, OptionalBytes>{{"a", "6"}, {"c", "1"}}));
  EXPECT_EQ(world.offsets("orders").start, Offset(1));
  const auto topics = world.log().admin().list_topics(world.deadline()).value();
  ASSERT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics[1].config.at("retention.ms"), "315360000000");
  const auto group = world.log().admin().describe_group("app", world.deadline()).value();
  ASSERT_EQ(group.offsets.size(), 1U);
  EXPECT_EQ(group.offsets[0], (CommitPosition{{"orders", PartitionId(0)}, Offset(2), LeaderEpoch(0), "metadata"}));
}

class Golden : public testing::TestWithParam<Durability> {};

TEST_P(Golden, IsWrittenByteForByte) {
  World world({.durability = GetParam()});
  work(world);
  Files files;
  collect(world.storage, "", files);
  if (std::getenv("TIDEMILL_WRITE_GOLDEN") != nullptr) {
    for (const auto& [path, bytes] : files) {
      fs::create_directories((folder(GetParam()) / path).parent_path());
      std::ofstream(folder(GetParam()) / path, std::ios::binary) << bytes;
    }
  }
  const Files expected = golden(folder(GetParam()));
  for (const auto& [path, bytes] : expected) EXPECT_EQ(files[path], bytes) << path;
  EXPECT_EQ(files.size(), expected.size());
  expect_what_was_written(world);
}

TEST_P(Golden, IsRead) {
  World world({.durability = GetParam()});
  for (const auto& [path, bytes] : golden(folder(GetParam()))) {
    world.storage.create_directories(path.substr(0, path.rfind('/'))).value();
    (void)world.storage.open(path, OpenMode::kCreate).value()->append(bytes).value();
  }
  expect_what_was_written(world);
}

INSTANTIATE_TEST_SUITE_P(Version2, Golden, testing::Values(Durability::kPower, Durability::kProcess),
                         [](const auto& info) { return info.param == Durability::kPower ? "Power" : "Process"; });

}  // namespace
}  // namespace tidemill
