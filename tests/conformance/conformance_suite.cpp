#include "conformance_suite.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include <tidemill/base/clock.hpp>
#include <tidemill/base/random.hpp>

namespace tidemill::conformance {
namespace {

constexpr std::chrono::milliseconds kPumpPause{2};

/// `LogTransactions.*` names a whole suite.
bool names(std::string_view pattern, std::string_view test) {
  if (!pattern.ends_with(".*")) return pattern == test;
  return test.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::string test_name() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  return std::string(info->test_suite_name()) + "." + info->name();
}

}  // namespace

void LogConformance::SetUp() {
  under_test_ = make_log_under_test();
  log_ = under_test_->log();
  suffix_ = std::to_string(system_random().below(1'000'000'000));
  for (const auto& [name, reason] : log_->traits().cannot) {
    if (names(name, test_name())) GTEST_SKIP() << reason;
  }
}

void LogConformance::TearDown() {
  log_.reset();
  under_test_.reset();
}

MonotonicTime LogConformance::deadline(std::chrono::milliseconds from_now) { return system_clock().now().monotonic + from_now; }

std::string LogConformance::unique(std::string_view name) const { return std::string(name) + "-" + suffix_; }

std::string LogConformance::topic(std::string_view name, std::int32_t partitions, TopicConfig config) {
  std::string full = unique(name);
  log()
      .admin()
      .create_topic({.name = full, .partitions = partitions, .replication_factor = -1, .config = std::move(config)}, deadline())
      .value();
  return full;
}

bool LogConformance::reopen() {
  log_.reset();
  const bool reopened = under_test_->reopen();
  log_ = under_test_->log();
  return reopened;
}

std::unique_ptr<CommitGroup> LogConformance::group(std::string_view name, ProcessingGuarantee guarantee,
                                                   std::string application_id) {
  CommitGroupOptions options;
  options.name = unique(name);
  options.application_id = std::move(application_id);
  options.guarantee = guarantee;
  return log().commit_group(std::move(options), deadline()).value();
}

void LogConformance::send(LogProducer& producer, const std::string& topic, OptionalBytesView key, OptionalBytesView value,
                          std::int32_t partition, Timestamp timestamp, const Headers& headers) {
  const TopicHandle handle = producer.topic(topic, deadline()).value();
  const Bytes encoded = headers.encode();
  const ProducerRecord record{.topic = handle,
                              .partition = PartitionId(partition),
                              .timestamp = timestamp,
                              .key = key,
                              .value = value,
                              .headers = encoded,
                              .cookie = 1};
  SendStatus status = producer.send(record);
  for (const MonotonicTime end = deadline(); status == SendStatus::kFull && system_clock().now().monotonic < end;) {
    producer.dispatch();
    std::this_thread::sleep_for(kPumpPause);
    status = producer.send(record);
  }
  ASSERT_EQ(status, SendStatus::kAccepted) << producer.last_error().message;
  producer.dispatch();
}

void LogConformance::produce(const std::string& topic, std::initializer_list<std::string_view> values, std::int32_t partition) {
  const auto producers = plain_producers();
  const auto producer = producers->producer();
  for (const std::string_view value : values) send(*producer, topic, std::nullopt, value, partition);
  flush(*producers);
}

void LogConformance::flush(CommitGroup& group) {
  const auto flushed = group.flush(deadline());
  ASSERT_TRUE(flushed.has_value()) << flushed.error().message;
}

void LogConformance::commit(CommitGroup& group, const MembershipToken& token) {
  flush(group);
  const CommitResult result = group.commit(token, deadline());
  ASSERT_EQ(result.outcome, CommitOutcome::kCommitted) << result.error.message;
}

std::unique_ptr<LogConsumer> LogConformance::reader(const std::string& topic, Isolation isolation, std::int32_t partition,
                                                    Offset from) {
  auto consumer = log().consumer(isolation).value();
  const std::pair<TopicPartition, Offset> start{{topic, PartitionId(partition)}, from};
  consumer->assign(std::span(&start, 1)).value();
  return consumer;
}

std::vector<OwnedRecord> LogConformance::read(LogConsumer& consumer, const TopicPartition& partition, std::size_t count) {
  std::vector<OwnedRecord> records;
  constexpr std::size_t kPollBytes = 1 << 20;
  for (const MonotonicTime end = deadline(); system_clock().now().monotonic < end;) {
    const PollResult polled = consumer.poll(kPollBytes).value();
    for (const PartitionError& error : polled.errors) {
      ADD_FAILURE() << to_string(error.partition) << ": " << error.error.message;
      return records;
    }
    for (const RecordBatchPtr& batch : polled.batches) {
      if (*batch->partition != partition) continue;
      for (const LogRecord& record : batch->records) {
        records.push_back({record.offset, record.timestamp, to_owned(record.key), to_owned(record.value),
                           Headers::decode(record.headers).value()});
      }
    }
    if (!polled.batches.empty()) continue;
    if (records.size() >= count && consumer.caught_up(partition)) return records;
    consumer.wait(deadline(std::chrono::milliseconds(20)));
  }
  ADD_FAILURE() << records.size() << " records of " << to_string(partition) << "; expected " << count;
  return records;
}

std::vector<std::string> LogConformance::values(const std::string& topic, std::size_t count, Isolation isolation,
                                                std::int32_t partition, Offset from) {
  const auto consumer = reader(topic, isolation, partition, from);
  std::vector<std::string> result;
  for (const OwnedRecord& record : read(*consumer, {topic, PartitionId(partition)}, count)) {
    result.push_back(record.value.value_or("(null)"));
  }
  return result;
}

PartitionOffsets LogConformance::offsets(const std::string& topic, std::int32_t partition) {
  const TopicPartition id{topic, PartitionId(partition)};
  return log().admin().offsets(std::span(&id, 1), deadline()).value().at(0);
}

TestMember LogConformance::join(const std::string& application_id, const std::string& topic, std::int32_t partitions,
                                std::string process_id, JoinMetadata metadata) {
  TestMember member;
  member.membership = log().membership(application_id).value();
  metadata.process_id = std::move(process_id);
  if (metadata.client_id.empty()) metadata.client_id = metadata.process_id + "-StreamThread-1";
  if (metadata.tasks.empty()) metadata.tasks.push_back({0, partitions, false, {topic}});
  member.membership->join(std::move(metadata)).value();
  return member;
}

void LogConformance::serve(TestMember& member) {
  for (const MembershipEvent& event : member.membership->events()) {
    if (const auto* assigned = std::get_if<TasksAssigned>(&event)) {
      member.active = {assigned->active.begin(), assigned->active.end()};
      member.standby = {assigned->standby.begin(), assigned->standby.end()};
      member.assigned = true;
    } else if (const auto* revoked = std::get_if<TasksRevoked>(&event)) {
      for (const TaskId& task : revoked->tasks) {
        member.revoked.insert(task);
        if (member.acknowledges) member.active.erase(task);
      }
      if (member.acknowledges) member.membership->acknowledge_revoked();
    } else if (std::holds_alternative<TasksLost>(event)) {
      member.active.clear();
      member.lost = true;
    } else if (std::holds_alternative<ApplicationShutdownRequested>(event)) {
      member.shutdown_requested = true;
    } else if (const auto* failed = std::get_if<MembershipFailed>(&event)) {
      ADD_FAILURE() << failed->error.message;
    }
  }
}

void LogConformance::pump(std::initializer_list<TestMember*> members, const UniqueFunction<bool()>& done) {
  for (const MonotonicTime end = deadline(); system_clock().now().monotonic < end;) {
    for (TestMember* member : members) serve(*member);
    if (done()) return;
    std::this_thread::sleep_for(kPumpPause);
  }
  FAIL() << "the group did not get there";
}

CommitPosition LogConformance::position(const std::string& topic, std::int64_t offset, std::int32_t partition,
                                        std::string metadata) {
  return {{topic, PartitionId(partition)}, Offset(offset), kNoLeaderEpoch, std::move(metadata)};
}

}  // namespace tidemill::conformance
