#include "streams/application_directory.hpp"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr TaskId kFirst{.subtopology = 0, .partition = 1};
constexpr TaskId kSecond{.subtopology = 12, .partition = 0};

class ApplicationDirectoryTest : public ::testing::Test {
 protected:
  ~ApplicationDirectoryTest() override { std::filesystem::remove_all(state_dir_); }
  Result<std::unique_ptr<ApplicationDirectory>> open(bool persistent = true) {
    return ApplicationDirectory::open(state_dir_, "app", persistent, random_);
  }
  /// What a task with stores does with its folder.
  void use(ApplicationDirectory& directory, const TaskId& task) const {
    directory.claim(task);
    std::filesystem::create_directories(folder(task));
  }
  [[nodiscard]] std::string folder(const TaskId& task) const { return state_dir_ + "/app/" + to_string(task); }
  [[nodiscard]] static MonotonicTime at(std::chrono::milliseconds time) { return MonotonicTime{} + time; }
  SeededRandom random_{1};
  std::string state_dir_ = ::testing::TempDir() + "tidemill-application-" + random_uuid(system_random());
};

TEST_F(ApplicationDirectoryTest, KeepsTheProcessIdOverRestarts) {
  const std::string id = open().value()->process_id();
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(open().value()->process_id(), id);
  // As Kafka Streams may have written it.
  std::ofstream(state_dir_ + "/app/kafka-streams-process-metadata") << R"({ "version": 1, "processId" : "of another" })";
  EXPECT_EQ(open().value()->process_id(), "of another");
  std::ofstream(state_dir_ + "/app/kafka-streams-process-metadata") << "torn";
  EXPECT_EQ(open().value()->process_id().size(), 36U);
}

TEST_F(ApplicationDirectoryTest, BelongsToOneInstance) {
  const auto owner = open().value();
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kLocked);
  EXPECT_THAT(second.error().message, HasSubstr("give each instance its own state.dir"));
}

TEST_F(ApplicationDirectoryTest, WithoutPersistentStoresNothingIsWritten) {
  const auto directory = open(false).value();
  directory->claim(kFirst);
  directory->release(kFirst, 7);
  EXPECT_FALSE(std::filesystem::exists(state_dir_));
  EXPECT_THAT(directory->task_offset_sums(), IsEmpty());
}

TEST_F(ApplicationDirectoryTest, SaysHowFarTheStateOfEachTaskHasCome) {
  {
    const auto directory = open().value();
    use(*directory, kFirst);
    use(*directory, kSecond);
    directory->release(kFirst, 4711);
    std::filesystem::create_directories(state_dir_ + "/app/global");  // not a task
    std::filesystem::create_directories(state_dir_ + "/app/1_x");
  }
  EXPECT_THAT(open().value()->task_offset_sums(), ::testing::UnorderedElementsAre(Pair(kFirst, 4711), Pair(kSecond, 0)))
      << "the second was not released in order: there is state, nobody knows how much";
}

TEST_F(ApplicationDirectoryTest, DeletesWhatNobodyHasUsedForTheDelayAndNothingElse) {
  const auto directory = open().value();
  use(*directory, kFirst);
  use(*directory, kSecond);
  directory->release(kSecond, 1);
  EXPECT_EQ(directory->remove_unused(at(0ms), 100ms), 0U);
  EXPECT_EQ(directory->remove_unused(at(99ms), 100ms), 0U);
  EXPECT_TRUE(std::filesystem::exists(folder(kSecond)));
  EXPECT_EQ(directory->remove_unused(at(100ms), 100ms), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder(kSecond)));
  EXPECT_TRUE(std::filesystem::exists(folder(kFirst))) << "it is in use";
  // One that comes back has its delay again.
  directory->release(kFirst, 1);
  EXPECT_EQ(directory->remove_unused(at(200ms), 100ms), 0U);
  directory->claim(kFirst);
  EXPECT_EQ(directory->remove_unused(at(500ms), 100ms), 0U);
  directory->release(kFirst, 2);
  EXPECT_EQ(directory->remove_unused(at(501ms), 100ms), 0U);
  EXPECT_EQ(directory->remove_unused(at(601ms), 100ms), 1U);
  EXPECT_THAT(directory->task_offset_sums(), IsEmpty());
}

TEST_F(ApplicationDirectoryTest, WhoTriesATaskInVainLeavesItToItsOwner) {
  const auto directory = open().value();
  use(*directory, kFirst);
  directory->claim(kFirst);  // another thread, which finds the stores locked
  directory->release(kFirst, 0);
  EXPECT_EQ(directory->remove_unused(at(0ms), 0ms), 0U);
  EXPECT_TRUE(std::filesystem::exists(folder(kFirst)));
  directory->release(kFirst, 5);
  EXPECT_EQ(directory->remove_unused(at(0ms), 0ms), 1U);
}

}  // namespace
}  // namespace tidemill
