#include "runtime/topic_plan.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <tidemill/state/window_bytes.hpp>

#include "base/saturating_sum.hpp"

namespace tidemill::runtime {
namespace {

constexpr const char* kRetention = "retention.ms";
constexpr const char* kCompactionLag = "min.compaction.lag.ms";

class Planner {
 public:
  Planner(const Topology& topology, const TopicPlanInput& input) : topology_(topology), input_(input) {}

  TopicPlan plan() {
    read_known();
    // Each pass settles at least one more topic of a chain; a chain is no longer than the topics there are.
    for (std::size_t pass = 0; pass <= topology_.internal_topics.size() + 1; ++pass) {
      bool changed = derive_repartition_counts();
      for (const Subtopology& subtopology : topology_.subtopologies) {
        for (const auto& group : subtopology.copartition_groups) changed |= equalize(group);
      }
      if (!changed) break;
    }
    check_copartitioning();
    return result();
  }

 private:
  [[nodiscard]] bool is_repartition(const std::string& topic) const {
    const auto found = topology_.internal_topics.find(topic);
    return found != topology_.internal_topics.end() && found->second.kind != InternalTopicKind::kChangelog;
  }
  [[nodiscard]] std::int32_t count(const std::string& topic) const {
    const auto found = counts_.find(topic);
    return found == counts_.end() ? 0 : found->second;
  }
  bool set(const std::string& topic, std::int32_t count) {
    std::int32_t& known = counts_[topic];
    if (known == count) return false;
    known = count;
    return true;
  }

  void read_known() {
    for (const auto& [name, topic] : topology_.internal_topics) {
      if (topic.partitions) {
        counts_[name] = *topic.partitions;
        fixed_.insert(name);
      }
    }
    const auto user_topic = [this](const std::string& topic) {
      if (topology_.is_internal(topic)) return;
      const auto existing = input_.existing.find(topic);
      if (existing != input_.existing.end()) {
        counts_[topic] = existing->second;
      } else {
        missing_.insert(topic);
      }
    };
    for (const Subtopology& subtopology : topology_.subtopologies) {
      for (const std::string& topic : subtopology.source_topics) user_topic(topic);
      for (const std::string& topic : subtopology.sink_topics) user_topic(topic);
    }
    for (const std::int32_t id : topology_.global_nodes) {
      for (const std::string& topic : topology_.nodes[static_cast<std::size_t>(id)].topics) user_topic(topic);
    }
    if (!input_.dead_letter_topic.empty()) user_topic(input_.dead_letter_topic);
    // What is missing has the count of its co-partition group, else the default.
    for (const std::string& topic : missing_) {
      std::int32_t count = 0;
      for (const Subtopology& subtopology : topology_.subtopologies) {
        for (const auto& group : subtopology.copartition_groups) {
          if (std::find(group.begin(), group.end(), topic) == group.end()) continue;
          for (const std::string& other : group) count = std::max(count, this->count(other));
        }
      }
      wanted_[topic] = count > 0 ? count : input_.default_partitions;
    }
    for (const auto& [topic, count] : wanted_) counts_[topic] = count;
  }

  bool derive_repartition_counts() {
    bool changed = false;
    for (const auto& [name, topic] : topology_.internal_topics) {
      if (!is_repartition(name) || fixed_.contains(name)) continue;
      std::int32_t largest = 0;
      for (const Subtopology& subtopology : topology_.subtopologies) {
        const auto& sinks = subtopology.sink_topics;
        if (std::find(sinks.begin(), sinks.end(), name) == sinks.end()) continue;
        for (const std::string& source : subtopology.source_topics) largest = std::max(largest, count(source));
      }
      if (largest > 0) changed |= set(name, largest);
    }
    return changed;
  }

  bool equalize(const std::vector<std::string>& group) {
    std::int32_t external = 0;
    std::int32_t explicit_count = 0;
    std::int32_t largest = 0;
    for (const std::string& topic : group) {
      if (!is_repartition(topic)) external = std::max(external, count(topic));
      const auto internal = topology_.internal_topics.find(topic);
      if (internal != topology_.internal_topics.end() && internal->second.partitions) {
        explicit_count = *internal->second.partitions;
      }
      largest = std::max(largest, count(topic));
    }
    const std::int32_t wanted = external > 0 ? external : explicit_count > 0 ? explicit_count : largest;
    bool changed = false;
    for (const std::string& topic : group) {
      const auto internal = topology_.internal_topics.find(topic);
      if (internal == topology_.internal_topics.end() || internal->second.partitions || wanted == 0) continue;
      if (external > 0 || explicit_count > 0) fixed_.insert(topic);
      changed |= set(topic, wanted);
    }
    return changed;
  }

  void check_copartitioning() const {
    for (const Subtopology& subtopology : topology_.subtopologies) {
      for (const auto& group : subtopology.copartition_groups) {
        std::string counts;
        bool equal = true;
        for (const std::string& topic : group) {
          equal = equal && count(topic) == count(group.front());
          counts += fmt::format("{}{} has {}", counts.empty() ? "" : ", ", topic, count(topic));
        }
        if (!equal) {
          throw TopologyException(fmt::format("topics that are joined must have equal partition counts: {}; repartition one "
                                              "of them with repartition(), or make the counts equal",
                                              counts));
        }
      }
    }
  }

  [[nodiscard]] TopicSpec internal_spec(const InternalTopic& topic, std::int32_t partitions) const {
    TopicSpec spec{.name = topology_.log_topic(input_.application_id, topic.name),
                   .partitions = partitions,
                   .replication_factor = input_.replication_factor,
                   .config = topic.config};
    const auto store = topology_.stores.find(topic.store);
    const StoreSpec* const kept = store != topology_.stores.end() ? &store->second.spec : nullptr;
    for (const auto& [key, value] : input_.overrides) {
      // How long a changelog is needed follows from its store; only the store itself may say otherwise.
      const bool needed = kept != nullptr && (key == kRetention || key == kCompactionLag) && topic.config.contains(key);
      if (!needed && (kept == nullptr || !kept->log_config.contains(key))) spec.config[key] = value;
    }
    if (kept != nullptr && kept->windowed() && !kept->log_config.contains(kRetention)) {
      const std::int64_t longer = input_.exactly_as_kafka_streams ? 0 : kept_until_closed(*kept).count();
      const std::int64_t retention = saturating_sum(kept->retention.count(), longer);
      spec.config[kRetention] = std::to_string(saturating_sum(retention, input_.additional_retention.count()));
    }
    return spec;
  }

  [[nodiscard]] TopicPlan result() const {
    TopicPlan plan;
    std::map<std::string, std::int32_t> store_tasks;
    for (const Subtopology& subtopology : topology_.subtopologies) {
      SubtopologyTasks tasks{
          .subtopology = subtopology.id, .partitions = 0, .stateful = !subtopology.stores.empty(), .source_topics = {}};
      for (const std::string& topic : subtopology.source_topics) {
        tasks.partitions = std::max(tasks.partitions, count(topic));
        tasks.source_topics.push_back(topology_.log_topic(input_.application_id, topic));
      }
      std::sort(tasks.source_topics.begin(), tasks.source_topics.end());
      for (const std::string& store : subtopology.stores) store_tasks[store] = tasks.partitions;
      plan.tasks.push_back(std::move(tasks));
    }
    for (const auto& [store, placed] : store_tasks) {
      KeyTopic most;
      for (const std::string& topic : topology_.topics_to_store(store)) {
        if (count(topic) > most.partitions) most = {topology_.log_topic(input_.application_id, topic), count(topic)};
      }
      if (most.partitions > 0) plan.key_topics.emplace(store, std::move(most));
    }
    for (const auto& [name, topic] : topology_.internal_topics) {
      const std::int32_t partitions = topic.kind == InternalTopicKind::kChangelog ? store_tasks[topic.store] : count(name);
      if (partitions <= 0) {
        throw TopologyException(fmt::format("the partition count of the internal topic \"{}\" cannot be found: nothing that "
                                            "is read leads to it",
                                            name));
      }
      TopicSpec spec = internal_spec(topic, partitions);
      const auto existing = input_.existing.find(spec.name);
      if (existing == input_.existing.end()) {
        plan.internal.push_back(std::move(spec));
      } else if (existing->second != partitions) {
        throw TopologyException(fmt::format("the internal topic \"{}\" has {} partitions and {} are needed: the input topics "
                                            "or the topology have changed; reset the application or delete the topic",
                                            spec.name, existing->second, partitions));
      }
    }
    for (const auto& [topic, partitions] : wanted_) {
      plan.missing.push_back(
          {.name = topic, .partitions = partitions, .replication_factor = input_.replication_factor, .config = {}});
    }
    return plan;
  }

  const Topology& topology_;
  const TopicPlanInput& input_;
  std::map<std::string, std::int32_t> counts_;
  std::set<std::string> fixed_;  // not to be derived
  std::set<std::string> missing_;
  std::map<std::string, std::int32_t> wanted_;
};

}  // namespace

TopicPlan plan_topics(const Topology& topology, const TopicPlanInput& input) { return Planner(topology, input).plan(); }

}  // namespace tidemill::runtime
