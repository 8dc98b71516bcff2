// plan_topics(): which topics an application needs, with how many partitions, and which tasks follow from them. A pure
// function of the topology and of what is there.
//
// The rules are Kafka Streams': the external topics of a co-partition group have equal counts; repartition topics adopt
// them, or an explicit count, or the largest count of what is written into them; changelogs have one partition per task.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <tidemill/log/log_admin.hpp>
#include <tidemill/log/membership.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill::runtime {

struct TopicPlanInput {
  std::string application_id;
  /// Topics on the log and their partitions.
  std::map<std::string, std::int32_t> existing;
  std::int32_t default_partitions = 1;
  std::int16_t replication_factor = -1;
  /// topic.* of the configuration.
  std::map<std::string, std::string> overrides;
  /// windowstore.changelog.additional.retention.ms
  std::chrono::milliseconds additional_retention{std::chrono::hours(24)};
  /// Else changelogs keep what a store keeps until it is emitted (D-52).
  bool exactly_as_kafka_streams = false;
  /// Empty: none.
  std::string dead_letter_topic = {};
};

/// Where a store's keys are: the topic by which they are partitioned, as on the log.
struct KeyTopic {
  std::string name;
  std::int32_t partitions = 0;
};

struct TopicPlan {
  /// Internal topics that are not there.
  std::vector<TopicSpec> internal;
  /// Topics that the topology reads or writes by name, that are the user's and not there, with the count needed.
  std::vector<TopicSpec> missing;
  std::vector<SubtopologyTasks> tasks;
  /// Of each store that is not global and that records come to: of Topology::topics_to_store() the one with most partitions.
  std::map<std::string, KeyTopic> key_topics;
};

/// TopologyException when the counts contradict each other.
TopicPlan plan_topics(const Topology& topology, const TopicPlanInput& input);

}  // namespace tidemill::runtime
