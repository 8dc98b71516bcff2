// Where an application's stores are: who may be asked now, which partition has a key, how far the stores here have come.
#include <algorithm>

#include <fmt/format.h>

#include <tidemill/base/partitioner.hpp>

#include "streams/answers.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

constexpr std::chrono::seconds kLagsTimeout{30};

/// A store's partition as its owner sees it.
struct LocalStore {
  std::string store;
  std::int32_t partition = 0;
  TopicPartition changelog;
  /// nullopt: it has everything.
  std::optional<Offset> current;
};
using LocalStores = std::vector<LocalStore>;

/// What another member of the group says may be anything.
HostInfo address_of(const HostTasks& host) try {
  return HostInfo::build_from_endpoint(host.endpoint);
} catch (const ConfigException&) {
  return HostInfo::unavailable();
}

LocalStores local_stores(runtime::StreamThread& thread) {
  LocalStores found;
  const std::vector<runtime::StoreRestore> restoring = thread.snapshot().restoring;
  for (runtime::StreamTask* task : thread.tasks()) {
    for (const runtime::TaskStore& store : task->stores()) {
      if (store.changelog.topic.empty()) continue;
      LocalStore& one =
          found.emplace_back(LocalStore{store.spec->name, task->task_id().partition, store.changelog, std::nullopt});
      if (task->state() == runtime::TaskState::kRunning) continue;
      one.current = store.changelog_position.offset;
      for (const runtime::StoreRestore& restore : restoring) {
        if (restore.changelog == store.changelog) one.current = restore.current;
      }
    }
  }
  return found;
}

}  // namespace

Result<void> Streams::Impl::check_known(const std::string& store) const {
  if (given_topology_->stores.contains(store)) return {};
  std::string names;
  for (const auto& [name, known] : given_topology_->stores) names += (names.empty() ? "" : ", ") + name;
  return Error{ErrorKind::kNotFound,
               fmt::format("there is no store \"{}\"; the topology has: {}", store, names.empty() ? "none" : names)};
}

Result<void> Streams::Impl::check_askable(std::string_view what, OnStreamThread allowed) const {
  const StreamsState now = state();
  if (now == StreamsState::kCreated) {
    return Error{ErrorKind::kUnavailable, fmt::format("{} is not there yet: start() first", what)};
  }
  if (now != StreamsState::kRunning && now != StreamsState::kRebalancing) {
    return Error{ErrorKind::kClosed, fmt::format("{} is not there any more: the application is {}", what, to_string(now))};
  }
  const bool on_global_thread = global() != nullptr && global()->is_caller();
  if (on_global_thread || (allowed == OnStreamThread::kMayNot && caller_.impl == this)) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("{} was asked on a {} thread, which would wait for itself: ask on "
                                                          "another thread, or connect the store to the processor",
                                                          what, on_global_thread ? "global" : "stream")};
  }
  return {};
}

std::optional<Streams::Impl::StorePlace> Streams::Impl::store_place(const std::string& store) const {
  const std::lock_guard lock(mutex_);
  for (const SubtopologyTasks& tasks : tasks_) {
    const bool has_store =
        std::any_of(topology_->subtopologies.begin(), topology_->subtopologies.end(), [&](const Subtopology& one) {
          return one.id == tasks.subtopology && std::find(one.stores.begin(), one.stores.end(), store) != one.stores.end();
        });
    if (has_store) return StorePlace{.subtopology = tasks.subtopology, .partitions = tasks.partitions};
  }
  return std::nullopt;
}

bool Streams::Impl::is_global(const std::string& store) const { return given_topology_->stores.find(store)->second.global; }

Result<runtime::KeyTopic> Streams::Impl::key_topic(const std::string& store) const {
  TIDEMILL_TRY(check_known(store));
  const std::string what = "store \"" + store + "\"";
  TIDEMILL_TRY(check_askable(what, OnStreamThread::kMay));
  if (is_global(store)) return runtime::KeyTopic{.name = topic_of_store(store)};
  const std::lock_guard lock(mutex_);
  if (tasks_.empty()) return Error{ErrorKind::kUnavailable, what + " is not there yet: its topics have not been looked at"};
  const auto found = key_topics_.find(store);
  if (found == key_topics_.end())
    return Error{ErrorKind::kUnavailable, what + " is not there yet: no topic is there that leads to it"};
  return found->second;
}

Result<KeyQueryMetadata> Streams::Impl::place_of_key(const std::string& store, BytesView key) const {
  TIDEMILL_ASSIGN(const runtime::KeyTopic topic, key_topic(store));
  if (is_global(store)) return KeyQueryMetadata{.partition = -1, .here = global() != nullptr};
  const StorePlace place = store_place(store).value();
  KeyQueryMetadata found{.partition = partition_for_key(key, topic.partitions).value};
  for (const auto& thread : threads()) {
    for (const runtime::TaskSnapshot& task : thread->snapshot().tasks) {
      const bool has_key = task.id.subtopology == place.subtopology && task.id.partition == found.partition;
      found.here = found.here || (has_key && task.state == runtime::TaskState::kRunning);
    }
  }
  const TaskId owner{place.subtopology, found.partition};
  for (const HostTasks& host : hosts()) {
    const HostInfo address = address_of(host);
    if (std::binary_search(host.active.begin(), host.active.end(), owner)) found.active_host = address;
    if (std::binary_search(host.standby.begin(), host.standby.end(), owner)) found.standby_hosts.push_back(address);
  }
  return found;
}

/// All threads are told the same; one that has just joined may not have been told yet.
std::vector<HostTasks> Streams::Impl::hosts() const {
  for (const auto& thread : threads()) {
    if (auto told = thread->snapshot().hosts; !told.empty()) return told;
  }
  return {};
}

Result<std::vector<StreamsMetadata>> Streams::Impl::all_metadata() const {
  TIDEMILL_TRY(check_askable("what the instances have", OnStreamThread::kMay));
  const std::vector<HostTasks> all = hosts();
  const std::lock_guard lock(mutex_);
  std::vector<StreamsMetadata> result;
  for (const HostTasks& host : all) {
    StreamsMetadata found{.host_info = address_of(host)};
    const auto add = [&](const std::vector<TaskId>& given, std::set<std::string>& stores,
                         std::set<TopicPartition>& partitions) {
      for (const TaskId& id : given) {
        const auto part = runtime::subtopology_part(*topology_, id.subtopology);
        stores.insert(part.stores.begin(), part.stores.end());
        for (const SubtopologyTasks& tasks : tasks_) {
          if (tasks.subtopology != id.subtopology) continue;
          for (const std::string& topic : tasks.source_topics) partitions.insert({topic, PartitionId(id.partition)});
        }
      }
    };
    add(host.active, found.state_store_names, found.topic_partitions);
    add(host.standby, found.standby_state_store_names, found.standby_topic_partitions);
    for (const auto& [name, store] : topology_->stores) {
      if (store.global) found.state_store_names.insert(name);
    }
    result.push_back(std::move(found));
  }
  return result;
}

Result<std::vector<StreamsMetadata>> Streams::Impl::metadata_of_store(const std::string& store) const {
  TIDEMILL_TRY(check_known(store));
  TIDEMILL_ASSIGN(std::vector<StreamsMetadata> all, all_metadata());
  std::erase_if(all, [&store](const StreamsMetadata& one) {
    return !one.state_store_names.contains(store) && !one.standby_state_store_names.contains(store);
  });
  return all;
}

Result<StoreLags> Streams::Impl::store_lags() const {
  TIDEMILL_TRY(check_askable("what the stores lack"));
  const auto all = threads();
  const auto answers = std::make_shared<Answers<LocalStores>>(all.size());
  for (const auto& thread : all) {
    thread->post(
        [reply = Reply<LocalStores>(answers)](runtime::StreamThread& owner) mutable { reply.give(local_stores(owner)); });
  }
  if (!answers->wait(kLagsTimeout)) {
    return Error{ErrorKind::kTimeout, "nobody knows what the stores lack: a stream thread is busy"};
  }
  LocalStores stores;
  std::vector<TopicPartition> changelogs;
  for (LocalStores& part : answers->take()) {
    for (LocalStore& store : part) {
      changelogs.push_back(store.changelog);
      stores.push_back(std::move(store));
    }
  }
  TIDEMILL_ASSIGN(const std::vector<PartitionOffsets> ends,
                  config_.log->admin().offsets(changelogs, clock().now().monotonic + kLagsTimeout));
  StoreLags lags;
  for (const LocalStore& store : stores) {
    for (const PartitionOffsets& end : ends) {
      if (end.partition != store.changelog) continue;
      lags[store.store][store.partition] = {store.current.value_or(end.high_watermark), end.high_watermark};
    }
  }
  return lags;
}

}  // namespace tidemill
