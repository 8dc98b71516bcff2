// Transactions: all or nothing, seen by others only when committed, and only one instance of a name can write.
#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogTransactions : public LogConformance {};

TEST_F(LogTransactions, ShowNothingToReadersOfCommittedBeforeTheCommit) {
  const std::string orders = topic("orders");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  send(*producer, orders, "k", "a");
  flush(*group);
  EXPECT_THAT(values(orders, 0), IsEmpty());
  EXPECT_THAT(values(orders, 1, Isolation::kReadUncommitted), ElementsAre("a"));
  commit(*group);
  EXPECT_THAT(values(orders, 1), ElementsAre("a"));
}

TEST_F(LogTransactions, CommitOverSeveralPartitionsAtOnce) {
  const std::string orders = topic("orders", 3);
  const std::string audit = topic("audit");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  for (int p = 0; p < 3; ++p) send(*producer, orders, "k", "order", p);
  send(*producer, audit, "k", "audited");
  commit(*group);
  for (int p = 0; p < 3; ++p) EXPECT_THAT(values(orders, 1, Isolation::kReadCommitted, p), ElementsAre("order"));
  EXPECT_THAT(values(audit, 1), ElementsAre("audited"));
}

TEST_F(LogTransactions, AreNeverSeenOnceAborted) {
  const std::string orders = topic("orders");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  send(*producer, orders, "k", "dropped");
  flush(*group);
  EXPECT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
  send(*producer, orders, "k", "kept");
  commit(*group);
  EXPECT_THAT(values(orders, 1), ElementsAre("kept"));
  EXPECT_THAT(values(orders, 2, Isolation::kReadUncommitted), ElementsAre("dropped", "kept"));
}

TEST_F(LogTransactions, AbortDropsAlsoWhatWasNotFlushed) {
  const std::string orders = topic("orders");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  ProducerRecord record;
  record.topic = producer->topic(orders, deadline()).value();
  record.timestamp = Timestamp(1);
  record.value = "dropped";
  ASSERT_EQ(producer->send(record), SendStatus::kAccepted);
  EXPECT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
  send(*producer, orders, "k", "kept");
  commit(*group);
  EXPECT_THAT(values(orders, 1), ElementsAre("kept"));
}

TEST_F(LogTransactions, OfTwoWritersMixWithoutHarm) {
  const std::string orders = topic("orders");
  const auto one = group("one");
  const auto two = group("two");
  const auto producer_one = one->producer();
  const auto producer_two = two->producer();
  for (int round = 0; round < 3; ++round) {
    send(*producer_one, orders, "k", "one-" + std::to_string(round));
    flush(*one);
    send(*producer_two, orders, "k", "two-" + std::to_string(round));
    flush(*two);
  }
  commit(*one);
  EXPECT_EQ(two->abort(deadline()).outcome, CommitOutcome::kAborted);
  EXPECT_THAT(values(orders, 3), ElementsAre("one-0", "one-1", "one-2"));
}

TEST_F(LogTransactions, ThatAreOpenHoldBackWhatComesAfter) {
  const std::string orders = topic("orders");
  const auto slow = group("slow");
  const auto fast = group("fast");
  const auto slow_producer = slow->producer();
  const auto fast_producer = fast->producer();
  send(*slow_producer, orders, "k", "first");
  flush(*slow);
  send(*fast_producer, orders, "k", "second");
  commit(*fast);
  EXPECT_THAT(values(orders, 0), IsEmpty());
  EXPECT_EQ(offsets(orders).last_stable, Offset(0));
  EXPECT_GE(offsets(orders).high_watermark, Offset(2));
  commit(*slow);
  EXPECT_THAT(values(orders, 2), ElementsAre("first", "second"));
}

TEST_F(LogTransactions, LeaveThePositionBehindTheirMarker) {
  const std::string orders = topic("orders");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  send(*producer, orders, "k", "a");
  commit(*group);
  const TopicPartition id{orders, PartitionId(0)};
  const auto consumer = reader(orders);
  EXPECT_EQ(read(*consumer, id, 1).size(), 1U);
  EXPECT_EQ(consumer->position(id).value(), Offset(2));
  EXPECT_EQ(offsets(orders).high_watermark, Offset(2));
}

TEST_F(LogTransactions, OfAReopenedGroupFenceAndAbortThePredecessor) {
  const std::string orders = topic("orders");
  const auto zombie = group("writer");
  const auto zombie_producer = zombie->producer();
  send(*zombie_producer, orders, "k", "zombie's");
  flush(*zombie);
  const auto successor = group("writer");
  const auto producer = successor->producer();
  send(*producer, orders, "k", "successor's");
  commit(*successor);
  EXPECT_THAT(values(orders, 1), ElementsAre("successor's"));

  const auto handle = zombie_producer->topic(orders, deadline());
  if (handle) {
    ProducerRecord record;
    record.topic = *handle;
    record.timestamp = Timestamp(1);
    record.value = "zombie's too";
    (void)zombie_producer->send(record);
    zombie_producer->dispatch();
  }
  if (const auto flushed = zombie->flush(deadline()); flushed.has_value()) {
    EXPECT_EQ(zombie->commit({}, deadline()).outcome, CommitOutcome::kFenced);
  } else {
    EXPECT_EQ(flushed.error().kind, ErrorKind::kFenced) << flushed.error().message;
  }
  send(*producer, orders, "k", "the end");
  commit(*successor);
  EXPECT_THAT(values(orders, 2), ElementsAre("successor's", "the end"));
}

TEST_F(LogTransactions, GroupReadsItsOwnRecordsAsWritten) {
  if (log().traits().commit_group_span != LogTraits::CommitGroupSpan::kProcess) {
    GTEST_SKIP() << "a commit group of this log is one thread";
  }
  const std::string repartition = topic("repartition");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  const auto consumer = group->consumer();
  const TopicPartition id{repartition, PartitionId(0)};
  const std::pair<TopicPartition, Offset> start{id, Offset(0)};
  consumer->assign(std::span(&start, 1)).value();
  send(*producer, repartition, "k", "a");
  EXPECT_EQ(read(*consumer, id, 1).size(), 1U);
  EXPECT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
  consumer->seek(id, Offset(0)).value();
  EXPECT_THAT(read(*consumer, id, 0), IsEmpty());
  send(*producer, repartition, "k", "b");
  const auto records = read(*consumer, id, 1);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].value, "b");
}

TEST_F(LogTransactions, GroupDoesNotReadOthersOpenRecords) {
  const std::string orders = topic("orders");
  const auto one = group("one");
  const auto two = group("two");
  const auto producer = one->producer();
  const auto consumer = two->consumer();
  const TopicPartition id{orders, PartitionId(0)};
  const std::pair<TopicPartition, Offset> start{id, Offset(0)};
  consumer->assign(std::span(&start, 1)).value();
  send(*producer, orders, "k", "a");
  flush(*one);
  EXPECT_THAT(read(*consumer, id, 0), IsEmpty());
  commit(*one);
  EXPECT_EQ(read(*consumer, id, 1).size(), 1U);
}

TEST_F(LogTransactions, FlushSaysWhereWhatWasWrittenEnds) {
  const std::string orders = topic("orders", 2);
  const auto group = this->group("writer");
  const auto producer = group->producer();
  send(*producer, orders, "k", "a", 1);
  send(*producer, orders, "k", "b", 1);
  const auto written = group->flush(deadline()).value();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].partition, (TopicPartition{orders, PartitionId(1)}));
  EXPECT_EQ(written[0].next_offset, Offset(2));
  EXPECT_EQ(group->commit({}, deadline()).outcome, CommitOutcome::kCommitted);
}

TEST_F(LogTransactions, WithNothingInThemCommitToo) {
  const auto group = this->group("writer");
  commit(*group);
  commit(*group);
  EXPECT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
}

TEST_F(LogTransactions, FollowOneAnotherInOrder) {
  const std::string orders = topic("orders");
  const auto group = this->group("writer");
  const auto producer = group->producer();
  std::vector<std::string> expected;
  for (int i = 0; i < 30; ++i) {
    send(*producer, orders, "k", std::to_string(i));
    if (i % 5 == 4) {
      flush(*group);
      ASSERT_EQ(group->abort(deadline()).outcome, CommitOutcome::kAborted);
    } else {
      commit(*group);
      expected.push_back(std::to_string(i));
    }
  }
  EXPECT_EQ(values(orders, expected.size()), expected);
}

TEST_F(LogTransactions, AreAbortedWhenTheirProcessIsGone) {
  const std::string orders = topic("orders");
  {
    const auto group = this->group("writer");
    const auto producer = group->producer();
    send(*producer, orders, "k", "committed");
    commit(*group);
    send(*producer, orders, "k", "lost");
    flush(*group);
  }
  (void)reopen();
  const auto successor = group("writer");
  const auto producer = successor->producer();
  send(*producer, orders, "k", "after");
  commit(*successor);
  EXPECT_THAT(values(orders, 2), ElementsAre("committed", "after"));
}

}  // namespace
}  // namespace tidemill::conformance
