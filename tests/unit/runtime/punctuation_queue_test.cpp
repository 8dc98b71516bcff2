#include "runtime/punctuation_queue.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace tidemill::runtime {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

class NoNode final : public OperatorNode {
 public:
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override { return std::make_unique<NoNode>(); }
  void process(const ErasedRecord&) override {}
};

struct Fixture : ::testing::Test {
  NoNode node;
  PunctuationQueue queue;
  std::vector<std::int64_t> calls;
  void run(std::int64_t now) {
    queue.run(Timestamp(now), [&](PunctuationQueue::Schedule& schedule) { schedule.punctuator(Timestamp(now)); });
  }
};
using PunctuationQueueTest = Fixture;

TEST_F(PunctuationQueueTest, CollapsesMissedIntervalsToOneCallOnItsOwnGrid) {
  queue.add(node, Timestamp(0), 10ms, [&](Timestamp now) { calls.push_back(now.value); });
  for (const std::int64_t now : {3, 9, 10, 47, 49, 50}) run(now);
  EXPECT_THAT(calls, ElementsAre(3, 10, 47, 50));
}

TEST_F(PunctuationQueueTest, ATimeNearTheLastThereIsEndsTheSchedule) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  queue.add(node, Timestamp(0), 10ms, [&](Timestamp now) { calls.push_back(now.value); });
  queue.add(node, Timestamp(std::numeric_limits<std::int64_t>::min()), 10ms, [&](Timestamp) { calls.push_back(-1); });
  for (const std::int64_t now : {kLast - 20, kLast - 1, kLast}) run(now);
  EXPECT_THAT(calls, ElementsAre(-1, kLast - 20, kLast - 1, -1));
  EXPECT_EQ(queue.next(), kNoTimestamp);
}

TEST_F(PunctuationQueueTest, APunctuatorMayCancelItself) {
  Cancellable self;
  self = queue.add(node, Timestamp(0), 10ms, [&](Timestamp now) {
    calls.push_back(now.value);
    self.cancel();
  });
  run(5);
  run(50);
  EXPECT_THAT(calls, ElementsAre(5));
}

TEST_F(PunctuationQueueTest, APunctuatorMayScheduleAnother) {
  queue.add(node, Timestamp(0), 100ms,
            [&](Timestamp) { queue.add(node, Timestamp(7), 100ms, [&](Timestamp now) { calls.push_back(-now.value); }); });
  run(5);
  run(8);
  EXPECT_THAT(calls, ElementsAre(-8));
}

}  // namespace
}  // namespace tidemill::runtime
