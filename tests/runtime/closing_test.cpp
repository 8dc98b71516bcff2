// close() waits for what works, until its deadline; what does not return by then is named.
#include <atomic>

#include <gmock/gmock.h>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Text = std::string;

/// A lambda that does not return until the test says so.
class Stuck {
 public:
  void wait() {
    at_work = true;
    go_on.wait(false);
  }
  void release() {
    go_on = true;
    go_on.notify_all();
  }
  std::atomic<bool> at_work{false};
  std::atomic<bool> go_on{false};
};
Error close_while_stuck(Streams& streams, Stuck& stuck) {
  const bool reached = eventually([&] { return stuck.at_work.load(); });
  EXPECT_TRUE(reached);
  const Result<void> closed = streams.close({.timeout = 50ms});
  EXPECT_FALSE(closed);
  stuck.release();
  EXPECT_TRUE(streams.close());
  EXPECT_EQ(streams.state(), StreamsState::kNotRunning);
  return closed ? Error{} : closed.error();
}

TEST(Closing, CloseNamesTheLambdaThatDoesNotReturn) {
  const auto log = in_memory_log({.default_partitions = 6});
  Stuck stuck;
  Streams streams(counting_after([&](const Text&, const Text& value) {
                    if (value == "stuck") stuck.wait();
                  }),
                  running_config(log, 3));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "stuck", .partition = 4}});
  const Error error = close_while_stuck(streams, stuck);
  EXPECT_EQ(error.kind, ErrorKind::kTimeout);
  EXPECT_THAT(error.message, AllOf(HasSubstr("node \"fragile\" of task 0_4"), HasSubstr("close() again")));
}

class StuckTick : public Processor<Text, Text> {
 public:
  explicit StuckTick(Stuck& stuck) : stuck_(stuck) {}

 private:
  void init(ProcessorContext<Text, Text>& context) override {
    context.schedule(1s, PunctuationType::kStreamTime, [this](Timestamp) { stuck_.wait(); });
  }
  void process(const Record<Text, Text>&) override {}
  Stuck& stuck_;
};
TEST(Closing, CloseNamesThePunctuationThatDoesNotReturn) {
  const auto log = in_memory_log({.default_partitions = 2});
  Stuck stuck;
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").process([&stuck] { return std::make_unique<StuckTick>(stuck); }, {}, {"ticking"});
  Streams streams(builder.build(), running_config(log, 2));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "1", .partition = 1}});
  EXPECT_THAT(close_while_stuck(streams, stuck).message, HasSubstr("node \"ticking\" of task 0_1"));
}

class StuckKeep : public Processor<Text, Text> {
 public:
  explicit StuckKeep(Stuck& stuck) : stuck_(stuck) {}

 private:
  void process(const Record<Text, Text>&) override { stuck_.wait(); }
  Stuck& stuck_;
};
TEST(Closing, CloseNamesTheNodeOfTheGlobalThreadThatDoesNotReturn) {
  const auto log = in_memory_log({.default_partitions = 1});
  Stuck stuck;
  StreamsBuilder builder;
  builder.add_global_store<Text, Text>(Stores::in_memory_key_value_store("names"), "names-topic", {.name = "keep-names"},
                                       [&stuck] { return std::make_unique<StuckKeep>(stuck); });
  builder.stream<Text, Text>("in").to("out");
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "names-topic", {{.key = "a", .value = "Anna"}});
  EXPECT_THAT(close_while_stuck(streams, stuck).message,
              AllOf(HasSubstr("GlobalStreamThread"), HasSubstr("node \"keep-names\" of the global stores")));
}

TEST(Closing, AListenerThatDoesNotReturnIsNamed) {
  const auto log = in_memory_log({.default_partitions = 1});
  Stuck stuck;
  Streams streams(counting_after([](const Text&, const Text&) {}), running_config(log));
  streams.set_state_listener([&](StreamsState now, StreamsState) {
    if (now == StreamsState::kRunning) stuck.wait();
  });
  ASSERT_TRUE(streams.start());
  EXPECT_THAT(close_while_stuck(streams, stuck).message, HasSubstr("the state listener"));
}

}  // namespace
}  // namespace tidemill::test
