// The conformance suite of the log port: what every adapter promises, tested through the port alone.
//
// An adapter brings one source file that defines make_log_under_test() and links the suite's object library; see
// embedded_memory.cpp. A test that the adapter cannot pass by design is named, with the reason, in LogTraits::cannot
// (`LogTransactions.GroupReadsItsOwnRecordsAsWritten`) and shows as skipped. Topics, groups and application ids are unique
// to each test, so that all tests may share one broker. Nothing here asserts a time; deadlines only end a hang.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <tidemill/base/headers.hpp>
#include <tidemill/log/log.hpp>

namespace tidemill::conformance {

/// The adapter in its test world.
class LogUnderTest {
 public:
  virtual ~LogUnderTest() = default;
  [[nodiscard]] virtual std::shared_ptr<Log> log() = 0;
  /// Closes (all handles are gone) and opens the same log again. False: it cannot be closed from here.
  virtual bool reopen() { return false; }
  /// Makes retention and compaction happen now. False: it cannot be asked for.
  virtual bool run_background() { return false; }
};
/// Defined once by each adapter's program; called for each test.
std::unique_ptr<LogUnderTest> make_log_under_test();

/// A record with its own bytes, to compare.
struct OwnedRecord {
  Offset offset;
  Timestamp timestamp;
  OptionalBytes key;
  OptionalBytes value;
  Headers headers;
  bool operator==(const OwnedRecord&) const = default;
};

/// A member that does what a stream thread does: takes its events, gives up what it is asked to.
struct TestMember {
  std::unique_ptr<Membership> membership;
  std::set<TaskId> active;
  std::set<TaskId> standby;
  bool assigned = false;
  bool lost = false;
  bool shutdown_requested = false;
  /// Tasks whose revocation was announced, ever.
  std::set<TaskId> revoked;
  /// False: revocations stay unacknowledged.
  bool acknowledges = true;
};

class LogConformance : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] Log& log() { return *log_; }
  [[nodiscard]] static MonotonicTime deadline(std::chrono::milliseconds from_now = std::chrono::seconds(30));
  /// `name` made unique to this run of this test.
  [[nodiscard]] std::string unique(std::string_view name) const;
  /// Makes the topic and returns its (unique) name.
  std::string topic(std::string_view name, std::int32_t partitions = 1, TopicConfig config = {});
  /// All handles must be gone.
  bool reopen();
  bool run_background() { return under_test_->run_background(); }

  [[nodiscard]] std::unique_ptr<CommitGroup> group(std::string_view name,
                                                   ProcessingGuarantee guarantee = ProcessingGuarantee::kExactlyOnceV2,
                                                   std::string application_id = {});
  /// A group without transactions and application: how an application produces.
  [[nodiscard]] std::unique_ptr<CommitGroup> plain_producers() { return group("plain", ProcessingGuarantee::kAtLeastOnce); }
  /// Sends one record to the partition and dispatches it.
  void send(LogProducer& producer, const std::string& topic, OptionalBytesView key, OptionalBytesView value,
            std::int32_t partition = 0, Timestamp timestamp = Timestamp(1000), const Headers& headers = {});
  /// Produces values durably, outside of any transaction.
  void produce(const std::string& topic, std::initializer_list<std::string_view> values, std::int32_t partition = 0);
  void flush(CommitGroup& group);
  void commit(CommitGroup& group, const MembershipToken& token = {});

  [[nodiscard]] std::unique_ptr<LogConsumer> reader(const std::string& topic, Isolation isolation = Isolation::kReadCommitted,
                                                    std::int32_t partition = 0, Offset from = Offset(0));
  /// What is there up to the end that the consumer can see; waits until at least `count` records have come.
  [[nodiscard]] std::vector<OwnedRecord> read(LogConsumer& consumer, const TopicPartition& partition, std::size_t count);
  [[nodiscard]] std::vector<std::string> values(const std::string& topic, std::size_t count,
                                                Isolation isolation = Isolation::kReadCommitted, std::int32_t partition = 0,
                                                Offset from = Offset(0));
  [[nodiscard]] PartitionOffsets offsets(const std::string& topic, std::int32_t partition = 0);

  /// Joins the application with one stateless sub-topology of `partitions` tasks over `topic`.
  [[nodiscard]] TestMember join(const std::string& application_id, const std::string& topic, std::int32_t partitions,
                                std::string process_id, JoinMetadata metadata = {});
  /// Serves the members' events until `done`; fails the test when that does not come.
  void pump(std::initializer_list<TestMember*> members, const UniqueFunction<bool()>& done);
  static void serve(TestMember& member);
  [[nodiscard]] static CommitPosition position(const std::string& topic, std::int64_t offset, std::int32_t partition = 0,
                                               std::string metadata = {});

 private:
  std::unique_ptr<LogUnderTest> under_test_;
  std::shared_ptr<Log> log_;
  std::string suffix_;
};

}  // namespace tidemill::conformance
