#include "log_kafka/kafka_admin.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <tidemill/base/assert.hpp>

#include "base/logging.hpp"
#include "log/topic_config.hpp"

namespace tidemill::kafka {
namespace {

constexpr std::int64_t kLatest = -1;  // ListOffsets' times
constexpr std::int64_t kEarliest = -2;
/// For the brokers to know the leaders of a topic that has just been made, and between two questions.
constexpr std::chrono::seconds kLeaderPatience{5};
constexpr std::chrono::milliseconds kLeaderPause{100};

struct QueueDestroy {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct EventDestroy {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using EventPtr = std::unique_ptr<rd_kafka_event_t, EventDestroy>;
template <class T, void (*Destroy)(T*)>
struct Destroyer {
  void operator()(T* object) const { Destroy(object); }
};
using OptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>>;
using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>>;
using DeleteTopicPtr = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroyer<rd_kafka_DeleteTopic_t, rd_kafka_DeleteTopic_destroy>>;
using DeleteRecordsPtr =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<rd_kafka_DeleteRecords_t, rd_kafka_DeleteRecords_destroy>>;
using ConfigPtr =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>>;

/// Sends one admin request and waits for its answer: `send` gets the options and the queue to answer to.
template <class Send>
Result<EventPtr> ask(const Client& client, rd_kafka_admin_op_t operation, MonotonicTime deadline, std::string_view what,
                     Send send) {
  const std::unique_ptr<rd_kafka_queue_t, QueueDestroy> queue(rd_kafka_queue_new(client.get()));
  const OptionsPtr options(rd_kafka_AdminOptions_new(client.get(), operation));
  std::array<char, 256> text{};
  const int patience = std::max(1, milliseconds_until(deadline));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), patience, text.data(), text.size());
  send(options.get(), queue.get());
  constexpr int kGrace = 1000;  // librdkafka itself answers when the request has timed out
  EventPtr event(rd_kafka_queue_poll(queue.get(), patience + kGrace));
  if (!event) return client.failed(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  if (const rd_kafka_resp_err_t error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Error failed = client.failed(error, what);
    if (const char* reason = rd_kafka_event_error_string(event.get()); reason != nullptr)
      failed.message += fmt::format(": {}", reason);
    return failed;
  }
  return event;
}

Result<void> answer_of(const Client& client, const rd_kafka_topic_result_t** results, std::size_t count,
                       std::string_view what) {
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Error failed = client.failed(error, what);
    const char* reason = rd_kafka_topic_result_error_string(results[i]);
    if (reason != nullptr) failed.message = fmt::format("{}: {}: {}", client.description(), what, reason);
    return failed;
  }
  return {};
}

std::string topic_named(std::string_view topic) { return fmt::format("topic \"{}\"", topic); }

}  // namespace

Result<std::vector<TopicDescription>> KafkaAdmin::list_topics(MonotonicTime deadline) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client().get(), 1, nullptr, &metadata, milliseconds_until(deadline));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client().failed(error, "the topics cannot be listed");
  std::vector<TopicDescription> result;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& topic = metadata->topics[i];
    const bool internal = std::string_view(topic.topic).starts_with("__");
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && !internal) result.push_back({topic.topic, topic.partition_cnt, {}});
  }
  rd_kafka_metadata_destroy(metadata);
  return result;
}

Result<TopicDescription> KafkaAdmin::describe_topic(std::string_view topic, MonotonicTime deadline) {
  TopicDescription result{std::string(topic), 0, {}};
  TIDEMILL_ASSIGN(result.partitions, client().partition_count(topic, deadline));
  Result<TopicConfig> config = config_of(result.name, deadline);
  if (!config && config.error().kind == ErrorKind::kUnauthorized) {
    logger()->debug("{}: described without its configuration: {}", topic_named(topic), config.error().message);
    return result;
  }
  TIDEMILL_ASSIGN(result.config, std::move(config));
  return result;
}

Result<std::int32_t> KafkaAdmin::partition_count(std::string_view topic, MonotonicTime deadline) {
  return client().partition_count(topic, deadline);
}

Result<TopicConfig> KafkaAdmin::config_of(const std::string& topic, MonotonicTime deadline) {
  const ConfigPtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* raw = resource.get();
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline, topic_named(topic),
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_DescribeConfigs(client().get(), &raw, 1, options, queue);
                                            }));
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  TopicConfig config;
  for (std::size_t i = 0; i < count; ++i) {
    if (const rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[i]); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return client().failed(error, topic_named(topic));
    }
    std::size_t entries = 0;
    const rd_kafka_ConfigEntry_t** entry = rd_kafka_ConfigResource_configs(resources[i], &entries);
    for (std::size_t e = 0; e < entries; ++e) {
      if (rd_kafka_ConfigEntry_source(entry[e]) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) continue;
      const char* value = rd_kafka_ConfigEntry_value(entry[e]);
      config[rd_kafka_ConfigEntry_name(entry[e])] = value == nullptr ? "" : value;
    }
  }
  return config;
}

Result<void> KafkaAdmin::create_topic(const TopicSpec& topic, MonotonicTime deadline) {
  TIDEMILL_TRY(read_topic({topic.name, topic.partitions, topic.replication_factor, {}}));  // the broker checks the rest
  std::array<char, 512> text{};
  const int partitions = topic.partitions <= 0 ? -1 : topic.partitions;
  const int replicas = topic.replication_factor <= 0 ? -1 : topic.replication_factor;
  const NewTopicPtr made(rd_kafka_NewTopic_new(topic.name.c_str(), partitions, replicas, text.data(), text.size()));
  if (!made) return Error{ErrorKind::kInvalidArgument, fmt::format("{}: {}", topic_named(topic.name), text.data())};
  for (const auto& [key, value] : topic.config) rd_kafka_NewTopic_set_config(made.get(), key.c_str(), value.c_str());
  rd_kafka_NewTopic_t* raw = made.get();
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline, topic_named(topic.name),
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_CreateTopics(client().get(), &raw, 1, options, queue);
                                            }));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  TIDEMILL_TRY(answer_of(client(), results, count, topic_named(topic.name)));
  // The controller knows it; the brokers hear of it a little later, and there is nothing to wait on.
  for (;;) {
    const Result<std::int32_t> seen = client().partition_count(topic.name, deadline);
    if (seen && *seen > 0) return {};
    if (system_clock().now().monotonic + kAppearPause > deadline) {
      return Error{ErrorKind::kTimeout,
                   fmt::format("{}: {} was created but does not appear", client().description(), topic_named(topic.name))};
    }
    std::this_thread::sleep_for(kAppearPause);
  }
}

Result<void> KafkaAdmin::delete_topic(std::string_view topic, MonotonicTime deadline) {
  const DeleteTopicPtr gone(rd_kafka_DeleteTopic_new(std::string(topic).c_str()));
  rd_kafka_DeleteTopic_t* raw = gone.get();
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline, topic_named(topic),
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_DeleteTopics(client().get(), &raw, 1, options, queue);
                                            }));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return answer_of(client(), results, count, topic_named(topic));
}

// This librdkafka only has the request that sets the whole configuration, so what was set before goes along.
// AlterConfigs replaces a topic's whole configuration, so what is not altered is read and written again: of two that alter a topic
// at the same time, one may undo the other's. IncrementalAlterConfigs has no such gap; librdkafka 2.0.2 does not have it.
Result<void> KafkaAdmin::alter_topic(std::string_view name, const TopicConfig& config, MonotonicTime deadline) {
  const std::string topic(name);
  TIDEMILL_ASSIGN(TopicConfig whole, config_of(topic, deadline));
  for (const auto& [key, value] : config) whole[key] = value;
  const ConfigPtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  for (const auto& [key, value] : whole) rd_kafka_ConfigResource_set_config(resource.get(), key.c_str(), value.c_str());
  rd_kafka_ConfigResource_t* raw = resource.get();
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_ALTERCONFIGS, deadline, topic_named(topic),
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_AlterConfigs(client().get(), &raw, 1, options, queue);
                                            }));
  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(resources[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    Error failed = client().failed(error, topic_named(topic));
    if (const char* reason = rd_kafka_ConfigResource_error_string(resources[i])) failed.message += fmt::format(": {}", reason);
    return failed;
  }
  return {};
}

Result<std::vector<Offset>> KafkaAdmin::offsets_at(const Client& client, std::span<const TopicPartition> partitions,
                                                   std::int64_t time, MonotonicTime deadline) {
  // A topic that has just been made: its brokers do not know yet who leads.
  const auto leads_nobody = [](rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
  };
  const MonotonicTime patience = std::min(deadline, system_clock().now().monotonic + kLeaderPatience);
  PartitionListPtr list;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (;;) {
    list.reset(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const TopicPartition& id : partitions) {
      rd_kafka_topic_partition_list_add(list.get(), id.topic.c_str(), id.partition.value)->offset = time;
    }
    error = rd_kafka_offsets_for_times(client.get(), list.get(), milliseconds_until(deadline));
    bool again = leads_nobody(error);
    for (int i = 0; i < list->cnt; ++i) again = again || leads_nobody(list->elems[i].err);
    if (!again || system_clock().now().monotonic + kLeaderPause > patience) break;
    std::this_thread::sleep_for(kLeaderPause);
  }
  if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
    // So librdkafka calls partitions that have no leader now, too: those come back.
    for (const TopicPartition& id : partitions) {
      TIDEMILL_ASSIGN(const std::int32_t count, client.partition_count(id.topic, deadline));
      if (id.partition.value >= count) return client.failed(error, to_string(id));
    }
    return Error{ErrorKind::kUnavailable, fmt::format("{}: {} and others have no leader now: are their brokers up?",
                                                      client.description(), to_string(partitions.front()))};
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client.failed(error, "offsets cannot be read");
  std::vector<Offset> result;
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    if (answer.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return client.failed(answer.err, fmt::format("{}-{}", answer.topic, answer.partition));
    }
    result.push_back(Offset(answer.offset));
  }
  return result;
}

Result<std::vector<PartitionOffsets>> KafkaAdmin::offsets(std::span<const TopicPartition> partitions, MonotonicTime deadline) {
  std::vector<PartitionOffsets> result;
  if (partitions.empty()) return result;
  // The stable end first: the other one is then never below it.
  TIDEMILL_ASSIGN(const std::vector<Offset> start, offsets_at(*shared_->reader, partitions, kEarliest, deadline));
  TIDEMILL_ASSIGN(const std::vector<Offset> stable, offsets_at(*shared_->committed_reader, partitions, kLatest, deadline));
  TIDEMILL_ASSIGN(const std::vector<Offset> high, offsets_at(*shared_->reader, partitions, kLatest, deadline));
  for (std::size_t i = 0; i < partitions.size(); ++i) result.push_back({partitions[i], start[i], stable[i], high[i], 0});
  return result;
}

Result<Offset> KafkaAdmin::offset_for_time(const TopicPartition& partition, Timestamp timestamp, MonotonicTime deadline) {
  TIDEMILL_ASSIGN(const std::vector<Offset> found,
                  offsets_at(*shared_->reader, {&partition, 1}, std::max<std::int64_t>(0, timestamp.value), deadline));
  if (found.front().value >= 0) return found.front();
  TIDEMILL_ASSIGN(const std::vector<Offset> end, offsets_at(*shared_->reader, {&partition, 1}, kLatest, deadline));
  return end.front();
}

Result<void> KafkaAdmin::delete_records(const TopicPartition& partition, Offset before, MonotonicTime deadline) {
  const PartitionListPtr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition.value)->offset = before.value;
  const DeleteRecordsPtr records(rd_kafka_DeleteRecords_new(list.get()));
  rd_kafka_DeleteRecords_t* raw = records.get();
  const std::string what = fmt::format("records of {} before offset {}", to_string(partition), before.value);
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_DELETERECORDS, deadline, what,
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_DeleteRecords(client().get(), &raw, 1, options, queue);
                                            }));
  const rd_kafka_topic_partition_list_t* answers =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  for (int i = 0; i < answers->cnt; ++i) {
    if (answers->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return client().failed(answers->elems[i].err, what);
  }
  return {};
}

Result<std::vector<std::string>> KafkaAdmin::list_groups(MonotonicTime deadline) {
  constexpr std::string_view kWhat = "the groups cannot be listed";
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, deadline, kWhat,
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_ListConsumerGroups(client().get(), options, queue);
                                            }));
  const rd_kafka_ListConsumerGroups_result_t* listed = rd_kafka_event_ListConsumerGroups_result(event.get());
  std::size_t count = 0;
  const rd_kafka_error_t** errors = rd_kafka_ListConsumerGroups_result_errors(listed, &count);
  if (count > 0) return client().failed(errors[0], kWhat);
  const rd_kafka_ConsumerGroupListing_t** groups = rd_kafka_ListConsumerGroups_result_valid(listed, &count);
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; ++i) result.emplace_back(rd_kafka_ConsumerGroupListing_group_id(groups[i]));
  return result;
}

Result<GroupDescription> KafkaAdmin::describe_group(std::string_view name, MonotonicTime deadline) {
  const std::string group(name);
  const std::string what = fmt::format("group {}", group);
  const char* raw = group.c_str();
  TIDEMILL_ASSIGN(const EventPtr event, ask(client(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, deadline, what,
                                            [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                              rd_kafka_DescribeConsumerGroups(client().get(), &raw, 1, options, queue);
                                            }));
  std::size_t count = 0;
  const rd_kafka_ConsumerGroupDescription_t** groups =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) return client().failed(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, what);
  if (const rd_kafka_error_t* error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
      error != nullptr && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client().failed(error, what);
  }
  GroupDescription result{.group = group,
                          .state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0])),
                          .generation = -1,
                          .members = {},
                          .offsets = {}};
  if (result.state == "Dead") {
    return Error{ErrorKind::kNotFound, fmt::format("there is no group \"{}\" in {}", group, client().description())};
  }
  for (std::size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); ++i) {
    const rd_kafka_MemberDescription_t* member = rd_kafka_ConsumerGroupDescription_member(groups[0], i);
    GroupMemberDescription described{.member_id = rd_kafka_MemberDescription_consumer_id(member),
                                     .client_id = rd_kafka_MemberDescription_client_id(member),
                                     .host = rd_kafka_MemberDescription_host(member),
                                     .assignment = {}};
    const rd_kafka_MemberAssignment_t* assignment = rd_kafka_MemberDescription_assignment(member);
    const rd_kafka_topic_partition_list_t* partitions =
        assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
    for (int p = 0; partitions != nullptr && p < partitions->cnt; ++p) {
      described.assignment += fmt::format("{}{}-{}", described.assignment.empty() ? "" : " ", partitions->elems[p].topic,
                                          partitions->elems[p].partition);
    }
    result.members.push_back(std::move(described));
  }
  GroupOffsets offsets(shared_->connection, shared_->members, group);
  TIDEMILL_ASSIGN(result.offsets, offsets.all_committed(deadline));
  return result;
}

}  // namespace tidemill::kafka
