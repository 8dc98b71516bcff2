// Commit groups of the embedded log: what an abort leaves, what their readers see, what a producer says of a batch that failed.
#include <thread>

#include "world.hpp"

namespace tidemill {
namespace {

using test::Row;
using test::World;
using testing::SizeIs;
using testing::UnorderedElementsAre;

TEST(EmbeddedCommitGroup, WhatAnAbortOfAtLeastOnceLeavesIsDurable) {
  World world;
  world.topic("t");
  const auto plain = world.group("g", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  world.send(*producer, "t", BytesView("k"), BytesView("v"));
  EXPECT_EQ(plain->abort(world.deadline()).outcome, CommitOutcome::kAborted);
  EXPECT_EQ(world.offsets("t").last_stable, world.offsets("t").high_watermark) << "else who restores from it waits for ever";
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "k", "v"}}));
}

TEST(EmbeddedCommitGroup, WhatItsEndOfAtLeastOnceLeavesIsDurable) {
  World world;
  world.topic("t");
  {
    const auto plain = world.group("g", ProcessingGuarantee::kAtLeastOnce);
    const auto producer = plain->producer();
    world.send(*producer, "t", BytesView("k"), BytesView("v"));
  }
  EXPECT_EQ(world.offsets("t").last_stable, world.offsets("t").high_watermark);
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "k", "v"}}));
}

TEST(EmbeddedCommitGroup, AnAbortOfAtLeastOnceOnAFullDiskIsMadeGoodLater) {
  World world;
  world.topic("t");
  const auto plain = world.group("g", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  world.send(*producer, "t", BytesView("k"), BytesView("v"));
  const auto transaction = world.transactional("tx");
  const auto other = transaction->producer();
  world.send(*other, "t", BytesView("k"), BytesView("never committed"));
  world.storage.set_capacity(world.storage.used());
  EXPECT_EQ(transaction->abort(world.deadline()).outcome, CommitOutcome::kUnknown) << "its marker does not fit";
  EXPECT_EQ(plain->abort(world.deadline()).outcome, CommitOutcome::kAborted);
  world.storage.set_capacity(std::nullopt);
  world.background();
  EXPECT_EQ(world.offsets("t").last_stable, world.offsets("t").high_watermark);
  EXPECT_EQ(world.rows("t"), (std::vector<Row>{{0, "k", "v"}}));
}

TEST(EmbeddedCommitGroup, AReaderBehindAnothersOpenTransactionHasCaughtUpAndWaits) {
  World world;
  world.topic("t");
  const auto other = world.transactional("other");
  const auto producer = other->producer();
  world.send(*producer, "t", BytesView("k"), BytesView("v"));
  const auto group = world.transactional("mine");
  const auto consumer = group->consumer();
  const std::pair<TopicPartition, Offset> start{{"t", PartitionId(0)}, Offset(0)};
  consumer->assign({&start, 1}).value();
  EXPECT_TRUE(consumer->wait({})) << "the assignment itself";
  EXPECT_THAT(consumer->poll(1000).value().batches, SizeIs(0));
  EXPECT_TRUE(consumer->caught_up(start.first));
  EXPECT_FALSE(consumer->wait({})) << "there is nothing to read";
  EXPECT_EQ(other->commit({}, world.deadline()).outcome, CommitOutcome::kCommitted);
  EXPECT_FALSE(consumer->caught_up(start.first));
  EXPECT_TRUE(consumer->wait({}));
  EXPECT_THAT(consumer->poll(1000).value().batches, SizeIs(1));
}

TEST(EmbeddedCommitGroup, AFailedBatchSaysWhoseRecordsWereInIt) {
  World world;
  world.topic("t");
  const auto plain = world.group("g", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  const TopicHandle topic = producer->topic("t", world.deadline()).value();
  const auto send = [&](std::uint64_t cookie) {
    EXPECT_EQ(producer->send({.topic = topic,
                              .partition = PartitionId(0),
                              .key = BytesView("k"),
                              .value = BytesView("v"),
                              .headers = {},
                              .cookie = cookie}),
              SendStatus::kAccepted);
  };
  send(1);
  producer->dispatch();
  EXPECT_THAT(producer->take_failures(), SizeIs(0));
  for (const std::uint64_t cookie : {7, 7, 9, 7}) send(cookie);
  world.log().admin().delete_topic("t", world.deadline()).value();
  producer->dispatch();
  std::vector<std::uint64_t> cookies;
  for (const DeliveryFailure& failure : producer->take_failures()) cookies.push_back(failure.cookie);
  EXPECT_THAT(cookies, UnorderedElementsAre(7, 9));
}

// For the thread sanitizer, and for a map that is rebuilt under a reader.
TEST(EmbeddedCommitGroup, AProducerIsAtWorkWhileTopicsComeAndGo) {
  World world;
  world.topic("t");
  const auto plain = world.group("", ProcessingGuarantee::kAtLeastOnce);
  const auto producer = plain->producer();
  std::thread changes([&] {
    for (int i = 0; i < 200; ++i) {
      const std::string name = "s" + std::to_string(i);
      world.topic(name);
      world.log().admin().alter_topic("t", {{"retention.ms", std::to_string(100'000 + i)}}, world.deadline()).value();
      world.log().admin().delete_topic(name, world.deadline()).value();
    }
  });
  for (int i = 0; i < 2000; ++i) world.send(*producer, "t", BytesView("k"), BytesView("v"));
  changes.join();
  (void)plain->flush(world.deadline()).value();
  EXPECT_THAT(world.rows("t"), SizeIs(2000));
}

}  // namespace
}  // namespace tidemill
