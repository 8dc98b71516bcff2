// OpenFiles alone, and a log that has more segments than it may have files open.
#include "log_embedded/open_files.hpp"

#include "world.hpp"

namespace tidemill::embedded {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::shared_ptr<File> make(OpenFiles& files, const std::string& name, BytesView text) {
  std::shared_ptr<File> file = files.open(name, OpenMode::kTruncate).value();
  file->write_at(0, text).value();
  return file;
}

Bytes text_of(const File& file) {
  Bytes text;
  file.read_at(0, 100, text).value();
  return text;
}

TEST(OpenFiles, HoldsNoMoreOpenThanItMayAndReadsThemAll) {
  const auto storage = memory_storage();
  OpenFiles files(*storage, 2);
  std::vector<std::shared_ptr<File>> all;
  for (const char* name : {"a", "b", "c", "d"}) {
    all.push_back(make(files, name, name));
    all.back()->sync().value();
    EXPECT_LE(files.open_count(), 2U);
  }
  EXPECT_EQ(text_of(*all[0]) + text_of(*all[1]) + text_of(*all[2]) + text_of(*all[3]), "abcd");
  EXPECT_EQ(files.open_count(), 2U);
  all.clear();
  EXPECT_EQ(files.open_count(), 0U);
}

TEST(OpenFiles, ClosesTheOneThatWasUsedLongestAgo) {
  const auto storage = memory_storage();
  OpenFiles files(*storage, 2);
  const auto a = make(files, "a", "a");
  a->sync().value();
  const auto b = make(files, "b", "b");
  b->sync().value();
  (void)text_of(*a);
  const auto c = make(files, "c", "c");
  // A file that has no name any more can be read only as long as it is open.
  storage->remove("a").value();
  storage->remove("b").value();
  EXPECT_EQ(text_of(*a), "a");
  Bytes text;
  EXPECT_EQ(b->read_at(0, 1, text).error().kind, ErrorKind::kNotFound);
}

TEST(OpenFiles, KeepsWhatIsNotSyncedOpen) {
  const auto storage = memory_storage();
  OpenFiles files(*storage, 1);
  const auto a = make(files, "a", "a");
  const auto b = make(files, "b", "b");
  const auto c = make(files, "c", "c");
  EXPECT_EQ(files.open_count(), 3U);
  for (const auto& file : {a, b, c}) file->sync().value();
  (void)make(files, "d", "d");
  EXPECT_EQ(files.open_count(), 0U);  // it was the last one, and is gone
  EXPECT_EQ(text_of(*a) + text_of(*b) + text_of(*c), "abc");
  EXPECT_EQ(files.open_count(), 1U);
}

TEST(OpenFiles, SaysWhenOneCannotBeOpenedAgainAndGoesOn) {
  simulation::SimulatedStorage storage(1);
  OpenFiles files(storage, 1);
  const auto a = make(files, "a", "a");
  a->sync().value();
  const auto b = make(files, "b", "b");
  storage.fail(1, {simulation::Operation::kOpen});
  Bytes text;
  EXPECT_FALSE(a->read_at(0, 1, text));
  EXPECT_EQ(text_of(*a), "a");
}

class LogOfManySegments : public testing::TestWithParam<Durability> {};

TEST_P(LogOfManySegments, WorksWithOneFileOpen) {
  test::World world({.durability = GetParam(), .segment_bytes = 1, .open_segments_max = 1});
  world.topic("t", {{"cleanup.policy", "compact"}, {"min.cleanable.dirty.ratio", "0"}});
  std::vector<test::Row> expected;
  for (std::int64_t i = 0; i < 20; ++i) {
    world.put("t", "k" + std::to_string(i % 7), BytesView("v"));
    expected.push_back({i, "k" + std::to_string(i % 7), "v"});
  }
  ASSERT_THAT(world.segments("t"), SizeIs(20));
  EXPECT_EQ(world.rows("t"), expected);
  world.background();  // the last segment is not compacted
  expected.erase(expected.begin(), expected.begin() + 12);
  EXPECT_EQ(world.rows("t"), expected);
  world.kill();
  EXPECT_EQ(world.rows("t"), expected);
  world.log().admin().delete_records({"t", PartitionId(0)}, Offset(19), world.deadline()).value();
  world.background();
  EXPECT_THAT(world.rows("t"), ElementsAre(expected.back()));
}

INSTANTIATE_TEST_SUITE_P(Durability, LogOfManySegments, testing::Values(Durability::kPower, Durability::kProcess));

}  // namespace
}  // namespace tidemill::embedded
