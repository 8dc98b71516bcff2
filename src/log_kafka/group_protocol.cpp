#include "log_kafka/group_protocol.hpp"

#include <algorithm>

#include "log/task_assignor.hpp"
#include "log_kafka/protocol.hpp"

namespace tidemill::kafka {
namespace {

constexpr std::int16_t kEnvelopeVersion = 1;
constexpr std::int16_t kVersion = 2;
/// A topology with more is refused, so that no member's bytes can fill another's memory.
constexpr std::int32_t kPartitionsMax = 1'000'000;

void write(ProtocolWriter& writer, const std::vector<TaskId>& tasks) {
  writer.array(tasks.size());
  for (const TaskId& task : tasks) {
    writer.number(task.subtopology);
    writer.number(task.partition);
  }
}
std::vector<TaskId> read_tasks(ProtocolReader& reader) {
  std::vector<TaskId> tasks;
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    const auto subtopology = reader.number<std::int32_t>();
    tasks.push_back({subtopology, reader.number<std::int32_t>()});
  }
  return tasks;
}

Error unreadable(std::string_view what) {
  return {ErrorKind::kUnsupported, "the group has a member whose " + std::string(what) +
                                       " cannot be read: another program, or another version of this one, is in the group"};
}

Bytes encode_user_data(const MemberState& state) {
  ProtocolWriter writer;
  writer.number(kVersion);
  writer.text(state.metadata.process_id);
  writer.text(state.metadata.client_id);
  writer.text(state.metadata.user_endpoint);
  writer.number(state.metadata.num_standby_replicas);
  writer.number(state.generation);
  writer.boolean(state.shutdown);
  writer.number(state.round);
  write(writer, state.active);
  write(writer, state.standby);
  writer.array(state.metadata.task_offset_sums.size());
  for (const auto& [task, sum] : state.metadata.task_offset_sums) {
    writer.number(task.subtopology);
    writer.number(task.partition);
    writer.number(sum);
  }
  writer.array(state.metadata.tasks.size());
  for (const SubtopologyTasks& tasks : state.metadata.tasks) {
    writer.number(tasks.subtopology);
    writer.number(tasks.partitions);
    writer.boolean(tasks.stateful);
    writer.array(tasks.source_topics.size());
    for (const std::string& topic : tasks.source_topics) writer.text(topic);
  }
  return writer.take();
}

}  // namespace

Bytes encode_subscription(const MemberState& state) {
  std::set<std::string_view> topics;  // all that the group commits offsets of: those of others would expire
  for (const SubtopologyTasks& tasks : state.metadata.tasks)
    topics.insert(tasks.source_topics.begin(), tasks.source_topics.end());
  ProtocolWriter writer;
  writer.number(kEnvelopeVersion);
  writer.array(topics.size());
  for (const std::string_view topic : topics) writer.text(topic);
  writer.blob(encode_user_data(state));
  writer.array(0);  // owned partitions: our claims are tasks
  return writer.take();
}

Result<MemberState> decode_subscription(BytesView bytes) {
  ProtocolReader envelope(bytes);
  (void)envelope.number<std::int16_t>();
  for (std::size_t topics = envelope.array(); envelope.ok() && topics > 0; --topics) (void)envelope.text();
  ProtocolReader reader(envelope.blob());
  MemberState state;
  if (!envelope.ok() || reader.number<std::int16_t>() != kVersion) return unreadable("subscription");
  state.metadata.process_id = reader.text();
  state.metadata.client_id = reader.text();
  state.metadata.user_endpoint = reader.text();
  state.metadata.num_standby_replicas = reader.number<std::int32_t>();
  state.generation = reader.number<std::int32_t>();
  state.shutdown = reader.boolean();
  state.round = reader.number<std::int32_t>();
  state.active = read_tasks(reader);
  state.standby = read_tasks(reader);
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    TaskId task;
    task.subtopology = reader.number<std::int32_t>();
    task.partition = reader.number<std::int32_t>();
    state.metadata.task_offset_sums.emplace_back(task, reader.number<std::int64_t>());
  }
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    SubtopologyTasks tasks;
    tasks.subtopology = reader.number<std::int32_t>();
    tasks.partitions = reader.number<std::int32_t>();
    tasks.stateful = reader.boolean();
    if (tasks.partitions < 0 || tasks.partitions > kPartitionsMax) return unreadable("subscription");
    for (std::size_t topics = reader.array(); reader.ok() && topics > 0; --topics) tasks.source_topics.push_back(reader.text());
    state.metadata.tasks.push_back(std::move(tasks));
  }
  if (!reader.at_end()) return unreadable("subscription");
  return state;
}

Bytes encode_assignment(const MemberTasks& tasks, const std::vector<SubtopologyTasks>& subtopologies) {
  std::map<std::string_view, std::vector<std::int32_t>> partitions;
  for (const TaskId& task : tasks.active) {
    for (const SubtopologyTasks& subtopology : subtopologies) {
      if (subtopology.subtopology != task.subtopology) continue;
      for (const std::string& topic : subtopology.source_topics) partitions[topic].push_back(task.partition);
    }
  }
  ProtocolWriter user_data;
  user_data.number(kVersion);
  user_data.boolean(tasks.shutdown);
  write(user_data, tasks.active);
  write(user_data, tasks.standby);
  user_data.array(tasks.hosts.size());
  for (const HostTasks& host : tasks.hosts) {
    user_data.text(host.endpoint);
    write(user_data, host.active);
    write(user_data, host.standby);
  }
  ProtocolWriter writer;
  writer.number(kEnvelopeVersion);
  writer.array(partitions.size());
  for (const auto& [topic, ids] : partitions) {
    writer.text(topic);
    writer.array(ids.size());
    for (const std::int32_t id : ids) writer.number(id);
  }
  writer.blob(user_data.take());
  return writer.take();
}

Result<MemberTasks> decode_assignment(BytesView bytes) {
  MemberTasks tasks;
  if (bytes.empty()) return tasks;
  ProtocolReader envelope(bytes);
  (void)envelope.number<std::int16_t>();
  for (std::size_t topics = envelope.array(); envelope.ok() && topics > 0; --topics) {
    (void)envelope.text();
    for (std::size_t left = envelope.array(); envelope.ok() && left > 0; --left) (void)envelope.number<std::int32_t>();
  }
  ProtocolReader reader(envelope.blob());
  if (!envelope.ok() || reader.number<std::int16_t>() != kVersion) return unreadable("assignment");
  tasks.shutdown = reader.boolean();
  tasks.active = read_tasks(reader);
  tasks.standby = read_tasks(reader);
  for (std::size_t left = reader.array(); reader.ok() && left > 0; --left) {
    HostTasks host;
    host.endpoint = reader.text();
    host.active = read_tasks(reader);
    host.standby = read_tasks(reader);
    tasks.hosts.push_back(std::move(host));
  }
  if (!reader.at_end()) return unreadable("assignment");
  return tasks;
}

std::map<std::string, MemberTasks> share_out(const std::map<std::string, MemberState>& members,
                                             const std::vector<SubtopologyTasks>& subtopologies) {
  // Who lost its claims without knowing it yet claims in an older generation: the younger claim counts.
  std::map<TaskId, std::string> owners;
  for (const auto& [id, state] : members) {
    for (const TaskId& task : state.active) {
      const auto [known, first] = owners.emplace(task, id);
      if (!first && state.generation > members.at(known->second).generation) known->second = id;
    }
  }
  std::vector<AssignorMember> candidates;
  std::int32_t standbys = 0;
  bool shutdown = false;
  for (const auto& [id, state] : members) {
    AssignorMember member{.member_id = id,
                          .process_id = state.metadata.process_id,
                          .previous_active = {},
                          .previous_standby = state.standby,
                          .task_offset_sums = state.metadata.task_offset_sums};
    for (const TaskId& task : state.active) {
      if (owners.at(task) == id) member.previous_active.push_back(task);
    }
    candidates.push_back(std::move(member));
    standbys = std::max(standbys, state.metadata.num_standby_replicas);
    shutdown = shutdown || state.shutdown;
  }
  std::map<std::string, MemberTasks> result;
  for (auto& [id, target] : assign_tasks(candidates, subtopologies, standbys)) {
    MemberTasks& tasks = result[id];
    tasks.shutdown = shutdown;
    tasks.standby = std::move(target.standby);
    for (const TaskId& task : target.active) {
      const auto owner = owners.find(task);
      if (owner == owners.end() || owner->second == id) tasks.active.push_back(task);
    }
  }
  std::vector<std::pair<std::string, MemberAssignment>> given;
  for (const auto& [id, tasks] : result) {
    given.emplace_back(members.at(id).metadata.user_endpoint, MemberAssignment{tasks.active, tasks.standby});
  }
  const std::vector<HostTasks> hosts = tasks_by_host(given);
  for (auto& [id, tasks] : result) tasks.hosts = hosts;
  return result;
}

}  // namespace tidemill::kafka
