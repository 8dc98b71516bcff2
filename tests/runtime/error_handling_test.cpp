// What goes wrong with one record: handlers, dead letters, counters, through the running application.
#include <atomic>

#include <gmock/gmock.h>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Text = std::string;
using Long = std::int64_t;

Bytes eight(Long number) {
  Bytes bytes;
  SerdeOf<Long>::serde().serialize({}, number, bytes);
  return bytes;
}
Text header(const Taken& record, const char* name) {
  const Header* found = record.headers.last(name);
  return found != nullptr && found->value ? Text(*found->value) : "missing";
}

/// A text that cannot be encoded, and one that cannot be decoded.
struct Picky {
  Text text;
};
}  // namespace
}  // namespace tidemill::test

template <>
struct tidemill::SerdeOf<tidemill::test::Picky> {
  static Serde<test::Picky> serde() {
    return {[](const void*, std::string_view, const test::Picky& value, Bytes& out) {
              if (value.text == "unwritable") throw std::domain_error("this text has no bytes");  // any exception will do
              out += value.text;
            },
            [](const void*, std::string_view, BytesView bytes) {
              if (bytes == "unreadable") throw std::out_of_range("these bytes are no text");  // any exception will do
              return test::Picky{std::string(bytes)};
            }};
  }
};

namespace tidemill::test {
namespace {

Topology numbers_doubled() {
  StreamsBuilder builder;
  builder.stream<Text, Long>("in", {.name = "numbers"})
      .map_values(
          [](Long value) {
            if (value == 13) throw std::domain_error("13 brings bad luck");
            return value * 2;
          },
          {"double"})
      .to("out", {.name = "doubled"});
  return builder.build();
}

TEST(ErrorHandling, ARecordThatCannotBeDecodedEndsTheApplicationByDefaultWithAHint) {
  const auto log = in_memory_log({.default_partitions = 1});
  Streams streams(numbers_doubled(), running_config(log));
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "not eight bytes"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("source \"numbers\""), HasSubstr("offset 0 of in-0"),
                                              HasSubstr("deserialization.exception.handler")));
}

TEST(ErrorHandling, GoneOnPastBadRecordsTheyAreInTheDeadLetterTopicAndCounted) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsConfig config = running_config(log);
  config.errors_dead_letter_queue_topic_name = "letters";
  config.deserialization_exception_handler = log_and_continue_on_deserialization_error("letters");
  config.processing_exception_handler = log_and_continue_on_processing_error("letters");
  Streams streams(numbers_doubled(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in",
          {{.key = "a", .value = eight(1), .timestamp = 10},
           {.key = "b", .value = "short", .timestamp = 20},
           {.key = "c", .value = eight(13), .timestamp = 30},
           {.key = "d", .value = eight(4), .timestamp = 40}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(std::pair("a", eight(2)), std::pair("d", eight(8))));
  const std::vector<Taken> letters = consume(*log, "letters");
  ASSERT_EQ(letters.size(), 2U);
  EXPECT_EQ(letters[0].key, "b");
  EXPECT_EQ(letters[0].value, "short");
  EXPECT_EQ(letters[0].timestamp, 20);
  EXPECT_THAT(header(letters[0], "__streams.errors.exception"), HasSubstr("SerializationException"));
  EXPECT_THAT(header(letters[0], "__streams.errors.message"), HasSubstr("size of data is 5"));
  EXPECT_EQ(header(letters[0], "__streams.errors.topic"), "in");
  EXPECT_EQ(header(letters[0], "__streams.errors.partition"), "0");
  EXPECT_EQ(header(letters[0], "__streams.errors.offset"), "1");
  EXPECT_EQ(letters[1].key, "c");
  EXPECT_EQ(letters[1].value, eight(13)) << "the input as it was read";
  EXPECT_THAT(header(letters[1], "__streams.errors.exception"), HasSubstr("domain_error"));
  EXPECT_EQ(header(letters[1], "__streams.errors.message"), "13 brings bad luck");
  EXPECT_THAT(header(letters[1], "__streams.errors.stacktrace"), HasSubstr("double"));
  EXPECT_EQ(header(letters[1], "__streams.errors.offset"), "2");
  EXPECT_EQ(metric(streams, "dropped-records-total"), 2);
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "deserialization-error"}), 1);
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "processing-error"}), 1);
}

TEST(ErrorHandling, NoHandlerIsAskedToDropWhatThereWasNoMemoryFor) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .peek(
          [](const Text& value) {
            if (value == "too much") throw std::bad_alloc();
          },
          {"hungry"})
      .to("out");
  StreamsConfig config = running_config(log);
  config.errors_dead_letter_queue_topic_name = "letters";
  config.deserialization_exception_handler = log_and_continue_on_deserialization_error("letters");
  config.processing_exception_handler = log_and_continue_on_processing_error("letters");
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"a", "fine"}, {"b", "too much"}, {"c", "never seen"}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message,
              AllOf(HasSubstr("processor \"hungry\" of task 0_0 is out of memory at offset 1 of in-0")));
  EXPECT_TRUE(consume(*log, "letters").empty());
  EXPECT_TRUE(last_values(*log, "out").empty()) << "what was done in the same commit interval is undone with it";
}

TEST(ErrorHandling, HandlersSeeWhereARecordCameFromAndWhereItFailed) {
  const auto log = in_memory_log({.default_partitions = 3});
  StreamsConfig config = running_config(log);
  std::mutex mutex;
  std::vector<ErrorHandlerContext> seen;
  const auto keep = [&](const ErrorHandlerContext& context, const HandledError&) {
    const std::lock_guard lock(mutex);
    seen.push_back(context);
    return HandlerResponse{.answer = HandlerAnswer::kResume};
  };
  config.deserialization_exception_handler = keep;
  config.processing_exception_handler = keep;
  Streams streams(numbers_doubled(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in",
          {{.key = "a", .value = "bad", .timestamp = 7, .partition = 2},
           {.key = "b", .value = eight(13), .timestamp = 8, .partition = 2}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].processor_node_id, "numbers");
  EXPECT_EQ(seen[0].source_raw_value, "bad");
  EXPECT_EQ(seen[1].processor_node_id, "double");
  EXPECT_EQ(seen[1].topic, "in");
  EXPECT_EQ(seen[1].partition, PartitionId(2));
  EXPECT_EQ(seen[1].offset, Offset(1));
  EXPECT_EQ(seen[1].timestamp, Timestamp(8));
  EXPECT_EQ(to_string(seen[1].task_id), "0_2");
  EXPECT_EQ(seen[1].source_raw_key, "b");
  EXPECT_TRUE(consume(*log, "letters").empty());
}

TEST(ErrorHandling, AHandlerThatThrowsIsNamed) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsConfig config = running_config(log);
  config.processing_exception_handler = [](const ErrorHandlerContext&, const HandledError&) -> HandlerResponse {
    throw std::runtime_error("the handler is broken");
  };
  Streams streams(numbers_doubled(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = eight(13)}});
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message, AllOf(HasSubstr("processing exception handler threw"), HasSubstr("node \"double\""),
                                              HasSubstr("the handler is broken")));
}

Topology picky_copy() {
  StreamsBuilder builder;
  builder.stream<Text, Picky>("in", {.name = "source"})
      .map_values([](const Picky& value) { return value.text == "write" ? Picky{"unwritable"} : value; })
      .to("out", {.name = "sink"});
  return builder.build();
}

TEST(ErrorHandling, ASerdeMayThrowWhatItLikes) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsConfig config = running_config(log);
  config.deserialization_exception_handler = log_and_continue_on_deserialization_error("letters");
  Streams streams(picky_copy(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "a", .value = "unreadable"}, {.key = "b", .value = "fine"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(std::pair("b", "fine")));
  EXPECT_THAT(header(consume(*log, "letters").at(0), "__streams.errors.exception"), HasSubstr("out_of_range"));
}

TEST(ErrorHandling, WhatASinkCannotEncodeIsAProductionError) {
  const auto log = in_memory_log({.default_partitions = 1});
  {
    Streams streams(picky_copy(), running_config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{.key = "a", .value = "write"}});
    ASSERT_TRUE(streams.wait_until_stopped(20s));
    EXPECT_THAT(streams.error()->message,
                AllOf(HasSubstr("sink \"sink\""), HasSubstr("cannot encode a record for topic \"out\""),
                      HasSubstr("this text has no bytes")));
  }
  StreamsConfig config = running_config(log);
  std::atomic<bool> serialization{false};
  config.production_exception_handler = [&](const ErrorHandlerContext& context, const ProductionError& error) {
    serialization = error.serialization;
    EXPECT_EQ(context.processor_node_id, "sink");
    EXPECT_EQ(error.topic, "out");
    return HandlerResponse{
        .answer = HandlerAnswer::kResume,
        .dead_letters = {make_dead_letter("letters", context, {.exception = "E", .message = error.error.message})}};
  };
  Streams streams(picky_copy(), config);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_TRUE(serialization);
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "serialization-error"}), 1);
  const std::vector<Taken> letters = consume(*log, "letters");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].value, "write") << "the input record";
}

TEST(ErrorHandling, ARecordThatTheLogRefusesGoesToTheProductionHandler) {
  const auto log = in_memory_log({.default_partitions = 1});
  ASSERT_TRUE(log->admin().create_topic(
      {.name = "out", .partitions = 1, .replication_factor = -1, .config = {{"max.message.bytes", "1000"}}}, soon()));
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map_values([](const Text& value) { return value == "large" ? Text(5000, 'x') : value; })
      .to("out", {.name = "sink"});
  const Topology topology = builder.build();
  {
    Streams streams(topology, running_config(log));
    ASSERT_TRUE(streams.start());
    produce(*log, "in", {{.key = "a", .value = "small"}, {.key = "b", .value = "large"}});
    ASSERT_TRUE(streams.wait_until_stopped(20s));
    EXPECT_THAT(streams.error()->message,
                AllOf(HasSubstr("sink \"sink\" of task 0_0 cannot write to topic \"out\""), HasSubstr("max.message.bytes")));
  }
  StreamsConfig config = running_config(log);
  config.production_exception_handler = [](const ErrorHandlerContext&, const ProductionError& error) {
    EXPECT_EQ(error.error.kind, ErrorKind::kTooLarge);
    EXPECT_EQ(error.key, "b");
    EXPECT_EQ(error.value->size(), 5000U);
    EXPECT_EQ(error.partition, PartitionId(0));
    return HandlerResponse{.answer = HandlerAnswer::kResume};
  };
  Streams streams(topology, config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{.key = "c", .value = "small"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(last_values(*log, "out"), ElementsAre(std::pair("a", "small"), std::pair("c", "small")));
  EXPECT_EQ(metric(streams, "dropped-records-by-reason-total", {"reason", "production-error"}), 1);
}

/// Where a handler answers "fail", under both guarantees: what the task has sent goes with the abort, its letter does not.
class LettersOfAFailure : public ::testing::TestWithParam<ProcessingGuarantee> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  }
  StreamsConfig failing() {
    StreamsConfig config = running_config(log);
    config.processing_guarantee = GetParam();
    return config;
  }
  void run_until_it_fails(const Topology& topology, const StreamsConfig& config) {
    Streams streams(topology, config);
    ASSERT_TRUE(streams.start());
    ASSERT_TRUE(streams.wait_until_stopped(20s));
    ASSERT_EQ(streams.state(), StreamsState::kError);
  }
  [[nodiscard]] std::vector<Taken> letters(Isolation isolation) const { return consume(*log, "letters", isolation); }

  std::shared_ptr<Log> log = in_memory_log({.default_partitions = 1});
};
INSTANTIATE_TEST_SUITE_P(Guarantees, LettersOfAFailure,
                         ::testing::Values(ProcessingGuarantee::kAtLeastOnce, ProcessingGuarantee::kExactlyOnceV2),
                         [](const auto& guarantee) {
                           return guarantee.param == ProcessingGuarantee::kAtLeastOnce ? "AtLeastOnce" : "ExactlyOnce";
                         });

TEST_P(LettersOfAFailure, OneThatAProcessorThrewIsWrittenOnce) {
  produce(*log, "in", {{.key = "a", .value = eight(1)}, {.key = "b", .value = eight(13), .timestamp = 20}});
  StreamsConfig config = failing();
  config.errors_dead_letter_queue_topic_name = "letters";
  run_until_it_fails(numbers_doubled(), config);
  ASSERT_EQ(letters(Isolation::kReadUncommitted).size(), 1U);
  const std::vector<Taken> written = letters(Isolation::kReadCommitted);
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].key, "b");
  EXPECT_EQ(written[0].value, eight(13));
  EXPECT_EQ(written[0].timestamp, 20);
  EXPECT_EQ(header(written[0], "__streams.errors.message"), "13 brings bad luck");
  EXPECT_EQ(header(written[0], "__streams.errors.offset"), "1");
  if (GetParam() == ProcessingGuarantee::kExactlyOnceV2) {
    EXPECT_TRUE(consume(*log, "out").empty()) << "what came before it is taken back";
  }
  run_until_it_fails(numbers_doubled(), config);
  EXPECT_EQ(letters(Isolation::kReadUncommitted).size(), 2U) << "one for each time that it failed";
}

TEST_P(LettersOfAFailure, OneThatASourceCannotDecodeIsWrittenOnce) {
  produce(*log, "in", {{.key = "a", .value = eight(1)}, {.key = "b", .value = "short"}});
  StreamsConfig config = failing();
  config.deserialization_exception_handler = log_and_fail_on_deserialization_error("letters");
  run_until_it_fails(numbers_doubled(), config);
  ASSERT_EQ(letters(Isolation::kReadUncommitted).size(), 1U);
  const std::vector<Taken> written = letters(Isolation::kReadCommitted);
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].value, "short");
  EXPECT_EQ(header(written[0], "__streams.errors.offset"), "1");
}

TEST_P(LettersOfAFailure, OneThatTheLogRefusesIsWrittenOnce) {
  ASSERT_TRUE(log->admin().create_topic(
      {.name = "out", .partitions = 1, .replication_factor = -1, .config = {{"max.message.bytes", "1000"}}}, soon()));
  produce(*log, "in", {{.key = "a", .value = "small"}, {.key = "b", .value = "large"}});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in")
      .map_values([](const Text& value) { return value == "large" ? Text(5000, 'x') : value; })
      .to("out");
  StreamsConfig config = failing();
  config.errors_dead_letter_queue_topic_name = "letters";
  run_until_it_fails(builder.build(), config);
  ASSERT_EQ(letters(Isolation::kReadUncommitted).size(), 1U);
  const std::vector<Taken> written = letters(Isolation::kReadCommitted);
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].value, "large") << "the input record";
  EXPECT_THAT(header(written[0], "__streams.errors.message"), HasSubstr("max.message.bytes"));
}

TEST_P(LettersOfAFailure, ThoseThatOneHandlerGivesAreAllWrittenAlsoWithoutKey) {
  produce(*log, "in", {{.key = "b", .value = eight(13)}});
  ASSERT_TRUE(log->admin().create_topic({.name = "letters", .partitions = 3, .replication_factor = -1, .config = {}}, soon()));
  StreamsConfig config = failing();
  config.processing_exception_handler = [](const ErrorHandlerContext&, const HandledError& error) {
    HandlerResponse response{.answer = HandlerAnswer::kFail};
    const DeadLetterRecord letter{
        .topic = "letters", .key = {}, .value = error.message, .headers = {}, .timestamp = Timestamp(1)};
    response.dead_letters.assign(6, letter);
    return response;
  };
  run_until_it_fails(numbers_doubled(), config);
  const std::vector<Taken> written = letters(Isolation::kReadCommitted);
  ASSERT_EQ(written.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(written[i].partition, static_cast<std::int32_t>(i / 2)) << "one after the other";
}

TEST_P(LettersOfAFailure, OneThatCannotBeWrittenDoesNotHideTheFailure) {
  ASSERT_TRUE(log->admin().create_topic(
      {.name = "letters", .partitions = 1, .replication_factor = -1, .config = {{"max.message.bytes", "100"}}}, soon()));
  produce(*log, "in", {{.key = "b", .value = eight(13)}});
  StreamsConfig config = failing();
  config.errors_dead_letter_queue_topic_name = "letters";
  Streams streams(numbers_doubled(), config);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message, HasSubstr("13 brings bad luck"));
  EXPECT_TRUE(letters(Isolation::kReadUncommitted).empty());
}

class Misuses : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
    if (record.value() == "store") static_cast<void>(context().key_value_store<Text, Text>("elsewhere"));
    if (record.value() == "kind") static_cast<void>(context().key_value_store<Text, Text>("stamped"));
    if (record.value() == "child") context().forward(record, "nobody");
    if (record.value() == "time") context().forward(record.with_timestamp(Timestamp(-5)));
    if (record.value() == "interval") context().schedule(0ms, PunctuationType::kStreamTime, [](Timestamp) {});
    if (record.value() == "key") static_cast<void>(Record<Text, Text>(nullptr, nullptr, Timestamp(0)).key());
  }
};
TEST(ErrorHandling, MisuseOfTheProcessorApiIsASentenceThatNamesTheNodeAndTheRemedy) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.add_state_store(Stores::in_memory_key_value_store("elsewhere"));
  builder.add_state_store(Stores::in_memory_timestamped_key_value_store("stamped"));
  auto in = builder.stream<Text, Text>("in");
  in.process([] { return std::make_unique<Misuses>(); }, {"stamped"}, {"misuser"}).to("out", {.name = "sink"});
  in.process([] { return std::make_unique<Misuses>(); }, {"elsewhere"}, {"other"});
  StreamsConfig config = running_config(log);
  std::map<Text, Text> said;
  config.processing_exception_handler = [&](const ErrorHandlerContext& context, const HandledError& error) {
    if (context.processor_node_id == "misuser") said[*context.source_raw_value] = error.message;
    return HandlerResponse{.answer = HandlerAnswer::kResume};
  };
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  produce(*log, "in", {{"k", "store"}, {"k", "kind"}, {"k", "child"}, {"k", "time"}, {"k", "interval"}, {"k", "key"}});
  ASSERT_TRUE(streams.wait_until_caught_up(20s));
  EXPECT_THAT(said["store"], HasSubstr("store \"elsewhere\" is not connected to processor \"misuser\": name it in process(..., "
                                       "{\"elsewhere\"}); connected: stamped"));
  EXPECT_THAT(said["kind"], HasSubstr("processor \"misuser\": store \"stamped\" keeps a timestamp with each value: ask for "
                                      "ValueAndTimestamp<Value>"));
  EXPECT_THAT(said["child"], HasSubstr("processor \"misuser\" has no child \"nobody\"; its children: sink"));
  EXPECT_THAT(said["time"], HasSubstr("processor \"misuser\" forwards a record with the negative timestamp -5"));
  EXPECT_THAT(said["interval"], HasSubstr("processor \"misuser\" schedules a punctuation every 0 ms"));
  EXPECT_THAT(said["key"], HasSubstr("the record has no key: ask has_key() first"));
}

class FailsInInit : public Processor<Text, Text> {
  void init(ProcessorContext<Text, Text>&) override { throw std::runtime_error("no configuration"); }
  void process(const Record<Text, Text>&) override {}
};
TEST(ErrorHandling, AnInitThatThrowsIsNamed) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").process([] { return std::make_unique<FailsInInit>(); }, {}, {"unset"});
  Streams streams(builder.build(), running_config(log));
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(streams.wait_until_stopped(20s));
  EXPECT_THAT(streams.error()->message,
              AllOf(HasSubstr("processor \"unset\" of task 0_0: init() threw"), HasSubstr("no configuration")));
}

TEST(ErrorHandling, ATimestampFromTheFutureIsBounded) {
  const auto log = in_memory_log({.default_partitions = 1});
  StreamsBuilder builder;
  builder.stream<Text, Text>("in").to("out");
  ManualClock clock(Timestamp(1'000'000));
  StreamsConfig config = running_config(log);
  config.errors_dead_letter_queue_topic_name = "letters";
  config.timestamp_after_max = 1h;
  config.clock = &clock;
  Streams streams(builder.build(), config);
  ASSERT_TRUE(streams.start());
  const std::int64_t hour = 3'600'000;
  produce(*log, "in",
          {{.key = "a", .value = "now", .timestamp = 1'000'000},
           {.key = "b", .value = "in an hour", .timestamp = 1'000'000 + hour},
           {.key = "c", .value = "later", .timestamp = 1'000'001 + hour},
           {.key = "d", .value = "past", .timestamp = 0}});
  ASSERT_TRUE(eventually([&] { return metric(streams, "process-total", {"task-id", "0_0"}) == 4; }));
  ASSERT_TRUE(streams.close());
  EXPECT_THAT(last_values(*log, "out"), ::testing::SizeIs(3));
  const std::vector<Taken> letters = consume(*log, "letters");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].key, "c");
  EXPECT_THAT(header(letters[0], "__streams.errors.message"), HasSubstr("3600001 ms ahead of the clock"));
}

}  // namespace
}  // namespace tidemill::test
