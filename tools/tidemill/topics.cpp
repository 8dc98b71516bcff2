#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"

namespace tool {
namespace {

using Json = nlohmann::ordered_json;

void describe(const tidemill::TopicDescription& topic, const std::vector<tidemill::PartitionOffsets>& partitions, bool json) {
  if (json) {
    Json rows = Json::array();
    for (const auto& row : partitions) {
      rows.push_back({{"partition", row.partition.partition.value},
                      {"start", row.start.value},
                      {"stable", row.last_stable.value},
                      {"end", row.high_watermark.value},
                      {"bytes", row.size_bytes}});
    }
    std::puts(Json{{"topic", topic.name}, {"config", topic.config}, {"partitions", std::move(rows)}}.dump().c_str());
    return;
  }
  std::printf("%s  %d partitions\n", topic.name.c_str(), topic.partitions);
  for (const auto& [key, value] : topic.config) std::printf("    %s=%s\n", key.c_str(), value.c_str());
  for (const auto& row : partitions) {
    std::printf("    partition %d: offsets %lld to %lld", row.partition.partition.value,
                static_cast<long long>(row.start.value), static_cast<long long>(row.high_watermark.value));
    if (row.last_stable != row.high_watermark)
      std::printf(", committed to %lld", static_cast<long long>(row.last_stable.value));
    if (row.size_bytes > 0) std::printf(", %llu bytes", static_cast<unsigned long long>(row.size_bytes));
    std::printf("\n");
  }
}

}  // namespace

int list_topics(const Where& where, bool json) {
  const auto log = where.open(Access::kRead);
  auto topics = log->admin().list_topics(where.deadline()).value();
  std::ranges::sort(topics, {}, &tidemill::TopicDescription::name);  // a broker gives them in no order
  std::size_t width = 0;
  for (const auto& topic : topics) width = std::max(width, topic.name.size());
  for (const auto& topic : topics) {
    if (json) {
      std::puts(Json{{"topic", topic.name}, {"partitions", topic.partitions}}.dump().c_str());
    } else {
      std::printf("%-*s  %d partitions\n", static_cast<int>(width), topic.name.c_str(), topic.partitions);
    }
  }
  return 0;
}

int describe_topics(const Where& where, const std::vector<std::string>& topics, bool json) {
  const auto log = where.open(Access::kRead);
  for (const std::string& topic : topics) {
    const auto description = log->admin().describe_topic(topic, where.deadline());
    if (!description) throw tidemill::ResultException(explain(where, *log, topic, description.error()));
    describe(*description, log->admin().offsets(partitions_of(where, *log, topic), where.deadline()).value(), json);
  }
  return 0;
}

int create_topics(const Where& where, const std::vector<std::string>& topics, std::int32_t partitions,
                  const std::vector<std::string>& config) {
  tidemill::TopicSpec spec;
  spec.partitions = partitions;
  for (const std::string& entry : config) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos) throw UsageError("--config " + entry + " is not KEY=VALUE");
    spec.config[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  const auto log = where.open(Access::kCreate);
  for (const std::string& topic : topics) {
    spec.name = topic;
    log->admin().create_topic(spec, where.deadline()).value();
  }
  return 0;
}

int delete_topics(const Where& where, std::vector<std::string> topics, bool execute) {
  const auto log = where.open(execute ? Access::kWrite : Access::kRead);
  std::ranges::sort(topics);
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  std::vector<std::int64_t> records;
  for (const std::string& topic : topics) {  // all of them are there, or none goes
    std::int64_t& sum = records.emplace_back();
    for (const auto& row : log->admin().offsets(partitions_of(where, *log, topic), where.deadline()).value()) {
      sum += row.high_watermark - row.start;
    }
  }
  for (std::size_t i = 0; i < topics.size(); ++i) {
    if (execute) log->admin().delete_topic(topics[i], where.deadline()).value();
    std::printf("%s  %lld offsets\n", topics[i].c_str(), static_cast<long long>(records[i]));
  }
  if (!execute) std::fprintf(stderr, "tidemill: nothing has been deleted: say --execute to do it\n");
  return 0;
}

}  // namespace tool
