#include "runtime/stream_task.hpp"

#include <gmock/gmock.h>

#include "hand_made.hpp"

namespace tidemill::runtime {
namespace {

using namespace std::chrono_literals;
using test::FunctionNode;
using test::HandMade;
using test::key_of;
using test::value_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A task without a log: batches are made by hand, what is sent is kept as text.
struct Bench : RecordCollector, ChangelogWriter {
  ManualClock clock{Timestamp(5000)};
  StreamsConfig config;
  std::shared_ptr<StateEngine> engine = in_memory_stores();
  std::unique_ptr<StreamTask> task;
  std::vector<std::string> sent;
  std::vector<std::string> changes;
  std::vector<Headers> headers;
  std::map<std::string, std::int64_t> next_offset;
  std::function<void(std::string_view)> on_send;  // before it is kept

  Bench() { config.application_id = "app"; }
  void make(const std::shared_ptr<Topology>& topology, std::span<const CommitPosition> committed = {}) {
    StreamTaskOptions options{.id = {.subtopology = 0, .partition = 0},
                              .topology = topology,
                              .part = whole_part(*topology),
                              .config = &config,
                              .clock = &clock,
                              .collector = this,
                              .changelog = this,
                              .memory_engine = engine.get(),
                              .directory = {},
                              .inputs = {},
                              .global_store = nullptr};
    task = StreamTask::create(std::move(options)).value();
    task->read_metadata(committed);
    task->initialize();
  }
  void pipe(const std::string& topic, const std::string& key, const std::string& value, std::int64_t timestamp,
            const Headers& with = Headers::none()) {
    pipe_encoded(topic, key, value, timestamp, with.encode());
  }
  void pipe_encoded(const std::string& topic, const std::string& key, const std::string& value, std::int64_t timestamp,
                    const Bytes& encoded_headers) {
    struct Memory {
      std::string key, value, headers;
    };
    auto memory = std::make_shared<Memory>(Memory{key, value, encoded_headers});
    auto batch = std::make_shared<RecordBatch>();
    batch->partition = std::make_shared<const TopicPartition>(TopicPartition{topic, PartitionId(0)});
    batch->records.push_back({.offset = Offset(next_offset[topic]++),
                              .timestamp = Timestamp(timestamp),
                              .key = BytesView(memory->key),
                              .value = BytesView(memory->value),
                              .headers = memory->headers});
    batch->size_bytes = 10;
    batch->memory = memory;
    for (std::size_t i = 0; i < task->input_count(); ++i) {
      if (task->input(i).topic == topic) task->add(i, batch);
    }
  }
  void run() {
    while (task->process(clock.now())) {
    }
  }
  void send(std::string_view, std::string_view topic, OptionalBytesView key, OptionalBytesView value,
            const RecordContext& context, const PartitionChoice&) override {
    if (on_send) on_send(topic);
    sent.push_back(std::string(topic) + ":" + std::string(key.value_or("null")) + "=" + std::string(value.value_or("null")) +
                   "@" + std::to_string(context.timestamp.value));
    headers.push_back(context.headers != nullptr ? *context.headers : Headers());
  }
  std::int32_t partition_count(std::string_view) override { return 1; }
  void append(const std::string& store, BytesView key, OptionalBytesView value, Timestamp, const Headers&) override {
    changes.push_back(store + ":" + std::string(key) + "=" + std::string(value.value_or("null")));
  }
};

FunctionNode::Function pass() {
  return [](FunctionNode& node, const ErasedRecord& record) { node.emit(&key_of(record), &value_of(record), *record.context); };
}

TEST(StreamTask, TakesTheRecordWithTheSmallestTimestampAmongItsQueues) {
  Bench bench;
  bench.make(HandMade().source("a", {"a"}).source("b", {"b"}).sink("out", "out", {"a", "b"}).build());
  bench.pipe("a", "k", "1", 10);
  bench.pipe("a", "k", "2", 30);
  bench.pipe("b", "k", "3", 20);
  bench.pipe("b", "k", "4", 5);
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("out:k=1@10", "out:k=3@20", "out:k=4@5", "out:k=2@30"));
  EXPECT_EQ(bench.task->stream_time(), Timestamp(30));
}

TEST(StreamTask, PassesHeadersOn) {
  Bench bench;
  bench.make(HandMade().source("a", {"a"}).sink("out", "out", {"a"}).build());
  bench.pipe("a", "k", "1", 10, {{"trace", "x"}});
  bench.pipe("a", "k", "2", 10);
  bench.run();
  EXPECT_EQ(bench.headers[0], (Headers{{"trace", "x"}}));
  EXPECT_TRUE(bench.headers[1].empty());
}

TEST(StreamTask, StreamTimePunctuationsRunBetweenRecords) {
  Bench bench;
  const auto init = [](FunctionNode& node, const ErasedRecord&) {
    node.task().schedule(node, 10ms, PunctuationType::kStreamTime, kNoTimestamp, [&node](Timestamp now) {
      const std::string key = "tick";
      const std::string value = std::to_string(now.value);
      const RecordContext context{.timestamp = now};
      node.emit(&key, &value, context);
    });
  };
  bench.make(HandMade().source("a", {"a"}).processor("p", pass(), {"a"}, {}, init).sink("out", "out", {"p"}).build());
  for (const int time : {3, 8, 12, 55}) bench.pipe("a", "k", "v", time);
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("out:k=v@3", "out:tick=3@3", "out:k=v@8", "out:k=v@12", "out:tick=12@12", "out:k=v@55",
                                      "out:tick=55@55"));
}

TEST(StreamTask, WallClockPunctuationsFireAfterTheirInterval) {
  Bench bench;
  int fired = 0;
  const auto init = [&fired](FunctionNode& node, const ErasedRecord&) {
    node.task().schedule(node, 10ms, PunctuationType::kWallClockTime, kNoTimestamp, [&fired](Timestamp) { ++fired; });
  };
  bench.make(HandMade().source("a", {"a"}).processor("p", pass(), {"a"}, {}, init).build());
  EXPECT_FALSE(bench.task->punctuate_wall_clock(bench.clock.now()));
  bench.clock.advance(10ms);
  EXPECT_TRUE(bench.task->punctuate_wall_clock(bench.clock.now()));
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(bench.task->dirty());
}

TEST(StreamTask, ARecordThatCannotBeDecodedFailsWithAHintUnlessTheHandlerGoesOn) {
  Bench strict;
  strict.make(HandMade().source("a", {"a"}).sink("out", "out", {"a"}).build());
  strict.pipe("a", "k", "bad", 10);
  try {
    strict.run();
    FAIL();
  } catch (const StreamsException& error) {
    EXPECT_THAT(error.what(), HasSubstr("source \"a\" cannot decode the record at offset 0 of a-0"));
    EXPECT_THAT(error.what(), HasSubstr("set deserialization.exception.handler"));
  }
  Bench bench;
  bench.config.deserialization_exception_handler = log_and_continue_on_deserialization_error("dlq");
  bench.make(HandMade().source("a", {"a"}).sink("out", "out", {"a"}).build());
  bench.pipe("a", "k", "bad", 10, {{"trace", "x"}});
  bench.pipe("a", "k", "good", 4);
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("dlq:k=bad@10", "out:k=good@4"));
  EXPECT_EQ(bench.task->metrics()->dropped.total(), 1U);
  EXPECT_EQ(bench.task->stream_time(), Timestamp(4)) << "a dropped record does not move the time";
  const Headers& headers = bench.headers[0];
  EXPECT_EQ(headers.last("trace")->value, "x");
  EXPECT_EQ(headers.last("__streams.errors.topic")->value, "a");
  EXPECT_EQ(headers.last("__streams.errors.partition")->value, "0");
  EXPECT_EQ(headers.last("__streams.errors.offset")->value, "0");
  EXPECT_EQ(headers.last("__streams.errors.message")->value, "\"bad\" is not a text");
  EXPECT_EQ(headers.size(), 7U);
}

TEST(StreamTask, AfterContinueSiblingBranchesStillGetTheRecord) {
  Bench bench;
  bench.config.processing_exception_handler = log_and_continue_on_processing_error("dlq");
  const auto boom = [](FunctionNode&, const ErasedRecord&) { throw std::runtime_error("boom"); };
  bench.make(HandMade()
                 .source("a", {"a"})
                 .processor("bad", boom, {"a"})
                 .processor("good", pass(), {"a"})
                 .sink("out", "out", {"good"})
                 .build());
  bench.pipe("a", "k", "v", 10);
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("dlq:k=v@10", "out:k=v@10"));
  EXPECT_EQ(bench.headers[0].last("__streams.errors.message")->value, "boom");
  EXPECT_EQ(bench.task->metrics()->dropped.total(), 1U);
}

TEST(StreamTask, ADeadLetterThatIsRefusedItselfHasNoDeadLetters) {
  Bench bench;
  std::vector<std::string> asked;
  bench.config.production_exception_handler = [&](const ErrorHandlerContext&, const ProductionError& error) {
    asked.push_back(error.topic);
    return HandlerResponse{
        .answer = HandlerAnswer::kResume,
        .dead_letters = {{.topic = "letters", .key = {}, .value = {}, .headers = {}, .timestamp = Timestamp(1)}}};
  };
  bench.make(HandMade().source("a", {"a"}).sink("out", "out", {"a"}).build());
  bench.on_send = [&](std::string_view topic) {
    const ProductionError refused{.topic = std::string(topic), .error = {ErrorKind::kInvalidArgument, "too large"}};
    EXPECT_TRUE(bench.task->goes_on_after("out", refused));
  };
  bench.pipe("a", "k", "1", 10);
  bench.pipe("a", "k", "2", 20);
  bench.run();
  EXPECT_THAT(asked, ElementsAre("out", "letters", "out", "letters"));
  EXPECT_EQ(bench.task->metrics()->dropped.total(), 4U);
}

TEST(StreamTask, AWallClockScheduleMayBeLongerThanTimeIs) {
  Bench bench;
  const auto init = [](FunctionNode& node, const ErasedRecord&) {
    node.task().schedule(node, std::chrono::milliseconds::max(), PunctuationType::kWallClockTime, kNoTimestamp,
                         [](Timestamp) { FAIL(); });
  };
  bench.make(HandMade().source("a", {"a"}).processor("p", pass(), {"a"}, {}, init).build());
  EXPECT_FALSE(bench.task->punctuate_wall_clock(bench.clock.now()));
}

TEST(StreamTask, PositionsCarryPartitionTimeAndProcessorMetadataOverARestart) {
  const auto remember = [](FunctionNode& node, const ErasedRecord& record) {
    node.task().set_processor_metadata("emitted", record.context->timestamp.value);
  };
  const auto topology = HandMade().source("a", {"a"}).processor("p", remember, {"a"}).build();
  Bench bench;
  bench.make(topology);
  bench.pipe("a", "k", "v", 10);
  bench.pipe("a", "k", "v", 7);
  bench.run();
  std::vector<CommitPosition> positions;
  bench.task->positions(nullptr, positions);
  ASSERT_EQ(positions.size(), 1U);
  EXPECT_EQ(positions[0].offset, Offset(2));
  EXPECT_EQ(decode_offset_metadata(positions[0].metadata),
            (OffsetMetadata{.partition_time = Timestamp(10), .processors = {{"emitted", 7}}}));
  ASSERT_TRUE(bench.task->commit({}));
  EXPECT_FALSE(bench.task->dirty());
  Bench again;
  again.make(topology, positions);
  EXPECT_EQ(again.task->stream_time(), Timestamp(10));
  EXPECT_EQ(again.task->processor_metadata("emitted"), 7);
}

TEST(StreamTask, AbortGoesBackToTheLastCommit) {
  Bench bench;
  bench.make(HandMade()
                 .store(test::text_store("s"))
                 .source("a", {"a"})
                 .processor("count", test::counting("s"), {"a"}, {"s"})
                 .sink("out", "out", {"count"})
                 .build());
  bench.pipe("a", "k", "v", 10);
  bench.run();
  ASSERT_TRUE(bench.task->commit({}));
  bench.pipe("a", "k", "v", 20);
  bench.pipe("a", "k", "v", 30);
  bench.task->process(bench.clock.now());
  bench.task->abort();
  EXPECT_EQ(bench.task->buffered_records(), 0U);
  EXPECT_EQ(bench.task->state(), TaskState::kRestoring);
  bench.task->initialize();
  bench.pipe("a", "k", "v", 20);
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("out:k=1@10", "out:k=2@20", "out:k=2@20"));
}

TEST(StreamTask, HeadersThatCannotBeReadAreTheDeserializationHandlersAffair) {
  Bench bench;
  std::vector<std::string> asked;
  bench.config.deserialization_exception_handler = [&](const ErrorHandlerContext& context, const HandledError& error) {
    asked.push_back(std::to_string(context.offset.value) + ": " + error.message);
    return HandlerResponse{.answer = HandlerAnswer::kResume};
  };
  bench.make(HandMade().source("a", {"a"}).sink("out", "out", {"a"}).build());
  bench.pipe_encoded("a", "k", "1", 10, "\x7f");
  bench.pipe("a", "k", "2", 20, {{"trace", "x"}});
  bench.run();
  EXPECT_THAT(bench.sent, ElementsAre("out:k=2@20"));
  EXPECT_THAT(asked, ElementsAre(HasSubstr("0: its headers: ")));
}

TEST(StreamTask, KnowsAfterARestartHowFarEachInputHasBeenSeen) {
  Bench bench;
  const auto topology = HandMade().source("a", {"a"}).source("b", {"b"}).sink("out", "out", {"a", "b"}).build();
  const std::vector<CommitPosition> committed{
      {.partition = {"a", PartitionId(0)}, .offset = Offset(5), .leader_epoch = kNoLeaderEpoch, .metadata = {}},
      {.partition = {"b", PartitionId(0)}, .offset = Offset(7), .leader_epoch = kNoLeaderEpoch, .metadata = {}}};
  bench.make(topology, committed);
  bench.next_offset["a"] = 5;
  bench.pipe("a", "k", "1", 10);
  bench.run();
  EXPECT_EQ(bench.task->processed_position(), (Position{{"a", {{0, 5}}}, {"b", {{0, 6}}}}));
  bench.task->abort();
  bench.task->read_metadata(committed);
  bench.task->initialize();
  EXPECT_EQ(bench.task->processed_position(), (Position{{"a", {{0, 4}}}, {"b", {{0, 6}}}}));
}

}  // namespace
}  // namespace tidemill::runtime
