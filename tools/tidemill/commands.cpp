#include "commands.hpp"

#include <tidemill/base/clock.hpp>
#include <tidemill/base/partitioner.hpp>

#include <cstdio>
#include <iostream>
#include <map>

#include "records.hpp"

namespace tool {
namespace {

constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kPollBytes = 4 << 20;

tidemill::MonotonicTime deadline() { return tidemill::system_clock().now().monotonic + kPatience; }

std::vector<tidemill::TopicPartition> partitions_of(tidemill::Log& log, const std::string& topic) {
  const auto description = log.admin().describe_topic(topic, deadline()).value();
  std::vector<tidemill::TopicPartition> ids;
  for (std::int32_t p = 0; p < description.partitions; ++p) ids.push_back({topic, tidemill::PartitionId(p)});
  return ids;
}

void print_topic(const tidemill::TopicDescription& topic, bool with_config) {
  std::printf("%-50s %4d partitions", topic.name.c_str(), topic.partitions);
  if (with_config) {
    for (const auto& [key, value] : topic.config) std::printf("\n    %s=%s", key.c_str(), value.c_str());
  }
  std::printf("\n");
}

}  // namespace

int list_topics(tidemill::Log& log) {
  for (const auto& topic : log.admin().list_topics(deadline()).value()) print_topic(topic, false);
  return 0;
}

int describe_topic(tidemill::Log& log, const std::string& topic) {
  print_topic(log.admin().describe_topic(topic, deadline()).value(), true);
  for (const auto& offsets : log.admin().offsets(partitions_of(log, topic), deadline()).value()) {
    std::printf("    partition %d: offsets %lld to %lld, stable %lld, %llu bytes\n", offsets.partition.partition.value,
                static_cast<long long>(offsets.start.value), static_cast<long long>(offsets.high_watermark.value),
                static_cast<long long>(offsets.last_stable.value), static_cast<unsigned long long>(offsets.size_bytes));
  }
  return 0;
}

int create_topic(tidemill::Log& log, const std::string& topic, std::int32_t partitions,
                 const std::vector<std::string>& config) {
  tidemill::TopicSpec spec;
  spec.name = topic;
  spec.partitions = partitions;
  for (const std::string& entry : config) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos) throw std::runtime_error("--config " + entry + " is not KEY=VALUE");
    spec.config[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  log.admin().create_topic(spec, deadline()).value();
  return 0;
}

int produce(tidemill::Log& log, const std::string& topic, const std::optional<std::string>& separator) {
  tidemill::CommitGroupOptions options;
  options.guarantee = tidemill::ProcessingGuarantee::kAtLeastOnce;
  auto group = log.commit_group(options, deadline()).value();
  auto producer = group->producer();
  auto handle = producer->topic(topic, deadline());
  if (!handle && handle.error().kind == tidemill::ErrorKind::kNotFound) {
    throw std::runtime_error(handle.error().message + ": make it with `tidemill topics create " + topic + "`");
  }
  tidemill::ProducerRecord record;
  record.topic = handle.value();
  const std::int32_t partitions = producer->partition_count(record.topic);
  std::string line;
  std::int64_t count = 0;
  while (std::getline(std::cin, line)) {
    std::string key;
    record.key.reset();
    tidemill::BytesView value = line;
    if (separator) {
      const auto at = line.find(*separator);
      if (at == std::string::npos) throw std::runtime_error("line " + std::to_string(count + 1) + " has no \"" + *separator + "\"");
      key = line.substr(0, at);
      record.key = key;
      value.remove_prefix(at + separator->size());
    }
    record.value = value;
    record.partition = record.key ? tidemill::partition_for_key(*record.key, partitions)
                                  : tidemill::PartitionId(static_cast<std::int32_t>(count % partitions));
    tidemill::SendStatus status;
    while ((status = producer->send(record)) == tidemill::SendStatus::kFull) producer->dispatch();
    if (status == tidemill::SendStatus::kFailed) throw tidemill::ResultException(producer->last_error());
    ++count;
  }
  producer->dispatch();
  (void)group->flush(deadline()).value();
  std::fprintf(stderr, "%lld records\n", static_cast<long long>(count));
  return 0;
}

int consume(tidemill::Log& log, const ConsumeOptions& options) {
  const auto isolation = options.committed ? tidemill::Isolation::kReadCommitted : tidemill::Isolation::kReadUncommitted;
  auto consumer = log.consumer(isolation).value();
  std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
  std::map<tidemill::TopicPartition, tidemill::Offset> ends;
  for (const auto& offsets : log.admin().offsets(partitions_of(log, options.topic), deadline()).value()) {
    const tidemill::Offset end = options.committed ? offsets.last_stable : offsets.high_watermark;
    const tidemill::Offset begin = options.from_beginning ? offsets.start : end;
    from.emplace_back(offsets.partition, begin);
    if (begin < end) ends[offsets.partition] = end;
  }
  consumer->assign(from).value();
  std::int64_t count = 0;
  while (options.follow || !ends.empty()) {
    const auto polled = consumer->poll(kPollBytes).value();
    for (const auto& error : polled.errors) throw tidemill::ResultException(error.error);
    for (const auto& batch : polled.batches) {
      const auto end = ends.find(*batch->partition);
      for (const auto& record : batch->records) {
        if (!options.follow && (end == ends.end() || record.offset >= end->second)) continue;
        if (options.max >= 0 && count >= options.max) return 0;
        std::puts(to_json_line(*batch->partition, record, options.key_type, options.value_type).c_str());
        ++count;
      }
    }
    for (auto end = ends.begin(); end != ends.end();) {
      end = consumer->position(end->first).value() >= end->second ? ends.erase(end) : std::next(end);
    }
    if (polled.batches.empty() && (options.follow || !ends.empty())) {
      std::fflush(stdout);
      if (!consumer->wait(deadline()) && !options.follow) throw std::runtime_error("nothing came for 30 s, but the end is not reached");
    }
  }
  return 0;
}

int groups(tidemill::Log& log, const std::string& group) {
  for (const std::string& name : log.admin().list_groups(deadline()).value()) {
    if (!group.empty() && name != group) continue;
    const auto description = log.admin().describe_group(name, deadline()).value();
    std::printf("%s  %s, generation %d, %zu members\n", name.c_str(), description.state.c_str(), description.generation,
                description.members.size());
    for (const auto& member : description.members) {
      std::printf("    member %s: %s\n", member.member_id.c_str(), member.assignment.c_str());
    }
    for (const auto& position : description.offsets) {
      const auto offsets = log.admin().offsets(std::span(&position.partition, 1), deadline());
      const std::string lag = offsets ? std::to_string(offsets->front().high_watermark - position.offset) : "-";
      std::printf("    %-40s offset %12lld  lag %s\n", to_string(position.partition).c_str(),
                  static_cast<long long>(position.offset.value), lag.c_str());
    }
  }
  return 0;
}

int verify(tidemill::Log& log) {
  std::int64_t records = 0;
  std::int64_t problems = 0;
  for (const auto& topic : log.admin().list_topics(deadline()).value()) {
    auto consumer = log.consumer(tidemill::Isolation::kReadUncommitted).value();
    std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
    std::map<tidemill::TopicPartition, tidemill::Offset> ends;
    for (const auto& offsets : log.admin().offsets(partitions_of(log, topic.name), deadline()).value()) {
      from.emplace_back(offsets.partition, offsets.start);
      if (offsets.start < offsets.high_watermark) ends[offsets.partition] = offsets.high_watermark;
    }
    consumer->assign(from).value();
    while (!ends.empty()) {
      const auto polled = consumer->poll(kPollBytes).value();
      for (const auto& batch : polled.batches) records += static_cast<std::int64_t>(batch->records.size());
      for (const auto& error : polled.errors) {
        std::printf("%s: %s\n", to_string(error.partition).c_str(), error.error.message.c_str());
        ++problems;
        ends.erase(error.partition);
        consumer->pause(error.partition);
      }
      for (auto end = ends.begin(); end != ends.end();) {
        end = consumer->position(end->first).value() >= end->second ? ends.erase(end) : std::next(end);
      }
    }
  }
  std::printf("%lld records read, %lld problems\n", static_cast<long long>(records), static_cast<long long>(problems));
  return problems == 0 ? 0 : 1;
}

}  // namespace tool
