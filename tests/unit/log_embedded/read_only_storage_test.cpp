#include "log_embedded/read_only_storage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <tidemill/adapters/embedded_log.hpp>

namespace tidemill::embedded {
namespace {

using testing::ElementsAre;

class ReadOnlyStorage : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tidemill-read-only-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    disk_ = real_storage(root_);
    storage_ = read_only_storage(real_storage(root_));
  }
  void TearDown() override { disk_->remove_all("").value(); }
  void put(std::string_view path, std::string_view bytes) {
    (void)disk_->open(path, OpenMode::kTruncate).value()->append(bytes).value();
  }
  static std::string contents(Storage& storage, std::string_view path) {
    Bytes bytes;
    storage.open(path, OpenMode::kRead).value()->read_at(0, 100'000, bytes).value();
    return bytes;
  }
  /// Every file below, with what is in it; sockets and the lock's text are not the log's.
  void snapshot(const std::string& path, std::map<std::string, std::string>& files) {
    for (const std::string& name : disk_->list(path).value()) {
      const std::string whole = path.empty() ? name : path + "/" + name;
      if (whole == "lock" || whole == "socket") continue;
      if (disk_->is_directory(whole).value()) {
        files[whole] = "(directory)";
        snapshot(whole, files);
      } else {
        files[whole] = contents(*disk_, whole);
      }
    }
  }
  std::string root_;
  std::unique_ptr<Storage> disk_;
  std::unique_ptr<Storage> storage_;
};

TEST_F(ReadOnlyStorage, ShowsItsOwnWritesAndLeavesTheDiskAlone) {
  put("a", "hello world");
  auto file = storage_->open("a", OpenMode::kReadWrite).value();
  file->write_at(0, "J").value();
  EXPECT_EQ(file->append("!").value(), 11U);
  file->write_at(5000, "far").value();
  EXPECT_EQ(file->size().value(), 5003U);
  EXPECT_EQ(contents(*storage_, "a").substr(0, 13), std::string("Jello world!\0", 13));
  EXPECT_EQ(contents(*storage_, "a").substr(4998), std::string("\0\0far", 5));
  EXPECT_EQ(contents(*disk_, "a"), "hello world");
}

TEST_F(ReadOnlyStorage, WhatIsCutOffDoesNotComeBack) {
  put("a", std::string(10'000, 'x'));
  auto file = storage_->open("a", OpenMode::kReadWrite).value();
  file->write_at(100, "y").value();
  file->truncate(50).value();
  file->preallocate(200).value();
  EXPECT_EQ(contents(*storage_, "a"), std::string(50, 'x') + std::string(150, '\0'));
  EXPECT_EQ(contents(*disk_, "a"), std::string(10'000, 'x'));
}

TEST_F(ReadOnlyStorage, NamesAreMadeRenamedAndRemovedOnlyHere) {
  put("a", "1");
  put("b", "2");
  disk_->create_directories("full").value();
  put("full/c", "3");
  storage_->rename("a", "z").value();
  storage_->remove("b").value();
  storage_->remove_all("full").value();
  storage_->create_directories("made").value();
  (void)storage_->open("made/d", OpenMode::kCreate).value()->append("4").value();
  EXPECT_THAT(storage_->list("").value(), ElementsAre("made", "z"));
  EXPECT_THAT(storage_->list("made").value(), ElementsAre("d"));
  EXPECT_FALSE(storage_->exists("full/c").value());
  EXPECT_FALSE(storage_->open("a", OpenMode::kRead));
  EXPECT_FALSE(storage_->open("b", OpenMode::kReadWrite));
  EXPECT_EQ(contents(*storage_, "z"), "1");
  EXPECT_EQ(contents(*storage_, "made/d"), "4");
  EXPECT_THAT(disk_->list("").value(), ElementsAre("a", "b", "full"));
}

// An owner would cut the torn tail off and abort the open transaction; who only looks sees it that way and
// writes nothing.
TEST_F(ReadOnlyStorage, ALogThatIsOnlyLookedAtKeepsEveryByte) {
  const MonotonicTime deadline = system_clock().now().monotonic + std::chrono::seconds(30);
  {
    auto log = open_embedded_log(root_, {.background_thread = false}).value();
    log->admin().create_topic({.name = "t", .partitions = 1, .config = {}}, deadline).value();
    auto plain =
        log->commit_group({.name = "p", .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline)
            .value();
    auto producer = plain->producer();
    ProducerRecord record;
    record.topic = producer->topic("t", deadline).value();
    record.value = "kept";
    EXPECT_EQ(producer->send(record), SendStatus::kAccepted);
    producer->dispatch();
    (void)plain->flush(deadline).value();
  }
  const std::string segment = "topics/t-0/00000000000000000000.log";
  put(segment, contents(*disk_, segment) + "half of a batch");
  std::map<std::string, std::string> before;
  snapshot("", before);
  {
    auto log = open_embedded_log(root_, {.read_only = true}).value();
    auto consumer = log->consumer(Isolation::kReadCommitted).value();
    const std::pair<TopicPartition, Offset> from{{"t", PartitionId(0)}, Offset(0)};
    consumer->assign(std::span(&from, 1)).value();
    const PollResult polled = consumer->poll(1000).value();
    ASSERT_EQ(polled.batches.size(), 1U);
    EXPECT_EQ(polled.batches[0]->records[0].value, "kept");
    EXPECT_EQ(log->admin().delete_topic("t", deadline).error().kind, ErrorKind::kUnsupported);
  }
  std::map<std::string, std::string> after;
  snapshot("", after);
  EXPECT_EQ(after, before);
}

TEST_F(ReadOnlyStorage, ADirectoryWithoutALogIsNotMadeOne) {
  EXPECT_EQ(open_embedded_log(root_, {.read_only = true}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(open_embedded_log(root_ + "/none", {.read_only = true}).error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(disk_->list("").value(), ElementsAre());
}

}  // namespace
}  // namespace tidemill::embedded
