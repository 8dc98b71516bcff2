#include "streams/streams_impl.hpp"
#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "config/rules.hpp"

#include <algorithm>
#include <limits>
#include <regex>

#include <fmt/format.h>

namespace tidemill {

Streams::Impl::Impl(Topology topology, StreamsConfig config)
    : config_(std::move(config)),
      given_topology_(std::make_shared<const Topology>(std::move(topology))),
      topology_(given_topology_) {
  if (config_.clock == nullptr) config_.clock = &system_clock();
  sensors_ = std::make_shared<SensorRegistry>(*config_.clock);
  check_config();
  memory_engine_ = in_memory_stores();
  persistent_engine_ = config_.state_engine;
}

/// What is left of the one number. A share without bound counts for nothing.
std::size_t Streams::Impl::state_engine_memory() const {
  if (config_.memory_max_bytes == 0) return StreamsConfig::kStateEngineMemory;
  std::size_t left = config_.memory_max_bytes;
  for (const std::size_t share :
       {config_.input_buffer_max_bytes, config_.statestore_cache_max_bytes, config_.statestore_uncommitted_max_bytes}) {
    if (share != std::numeric_limits<std::size_t>::max()) left -= std::min(left, share);
  }
  return left;
}

void Streams::Impl::check_names() const {
  std::string generated;
  // As the DSL makes them: "KSTREAM-JOINTHIS-0000000004-store", "orders-STATE-STORE-0000000000", "KSTREAM-MAP-0000000001".
  static const std::regex made("((KSTREAM|KTABLE|KGROUPED|COGROUPKSTREAM)-([A-Z-]+-)?|STATE-STORE-)[0-9]{10}(-|$)");
  const auto look_at = [&](const std::string& name, std::string_view what) {
    if (!std::regex_search(name, made)) return;
    generated += fmt::format("{}{} {}", generated.empty() ? "" : ", ", what, name);
  };
  for (const auto& [name, store] : given_topology_->stores) look_at(name, "store");
  for (const auto& [name, topic] : given_topology_->internal_topics) {
    if (topic.kind == InternalTopicKind::kRepartition) look_at(name.substr(0, name.rfind('-')), "repartition topic of");
  }
  if (generated.empty()) return;
  throw TopologyException(
      fmt::format("ensure.explicit.internal.resource.naming is set, and these names were generated: {}; give "
                  "them names with Materialized, Grouped, Repartitioned or Joined",
                  generated));
}

Streams::Impl::~Impl() { static_cast<void>(close({.timeout = std::chrono::hours(24 * 365)})); }

void Streams::Impl::check_config() const {
  tidemill::check_config(config_);
  if (!config_.log) {
    throw ConfigException("log is not set: .log = embedded_log(\"data\") for one process, kafka_log({...}) for Kafka");
  }
  if (!config_.application_server.empty()) static_cast<void>(HostInfo::build_from_endpoint(config_.application_server));
  if (state_engine_memory() < StreamsConfig::kStateEngineMemoryMin) {
    throw ConfigException(fmt::format(
        "memory.max.bytes={} is too small for its shares: input.buffer.max.bytes={}, statestore.cache.max.bytes={} and "
        "statestore.uncommitted.max.bytes={} have to leave at least {} to stores on disk: make it larger, or one of them "
        "smaller",
        config_.memory_max_bytes, config_.input_buffer_max_bytes, config_.statestore_cache_max_bytes,
        config_.statestore_uncommitted_max_bytes, StreamsConfig::kStateEngineMemoryMin));
  }
  if (config_.processing_guarantee == ProcessingGuarantee::kExactlyOnceV2 &&
      config_.commit_interval > config_.transaction_timeout) {
    throw ConfigException(fmt::format("commit.interval.ms={} is longer than transaction.timeout.ms={}: a transaction would "
                                      "time out before it is committed",
                                      config_.commit_interval.count(), config_.transaction_timeout.count()));
  }
  if (config_.heartbeat_interval >= config_.session_timeout) {
    throw ConfigException(fmt::format("heartbeat.interval.ms={} must be shorter than session.timeout.ms={}: the group would "
                                      "give up a member that is alive",
                                      config_.heartbeat_interval.count(), config_.session_timeout.count()));
  }
  if (config_.ensure_explicit_internal_resource_naming) check_names();
  if (topology_->subtopologies.empty() && topology_->global_nodes.empty()) {
    throw TopologyException("the topology reads no topic: add a stream, a table or a global table");
  }
}

// State

bool Streams::Impl::set_state(StreamsState state) {
  {
    const std::lock_guard lock(mutex_);
    if (!change_state_locked(state)) return false;
  }
  deliver_transitions();
  return true;
}

bool Streams::Impl::change_state_locked(StreamsState state) {
  using enum StreamsState;
  const StreamsState before = state_;
  const auto from = [before](std::initializer_list<StreamsState> allowed) {
    return std::find(allowed.begin(), allowed.end(), before) != allowed.end();
  };
  bool valid = false;
  switch (state) {
    case kCreated: break;
    case kRebalancing: valid = from({kCreated, kRunning}); break;
    case kRunning: valid = from({kRebalancing}); break;
    case kPendingShutdown: valid = from({kCreated, kRebalancing, kRunning}); break;
    case kNotRunning: valid = from({kPendingShutdown}); break;
    case kPendingError: valid = from({kRebalancing, kRunning}); break;
    case kError: valid = from({kPendingError}); break;
  }
  if (!valid) return false;
  state_ = state;
  transitions_.push_back({.now = state, .before = before});
  changed_.notify_all();
  return true;
}

/// Whoever finds nobody at it tells the listener, also what others add meanwhile; so the listener may call into this object.
void Streams::Impl::deliver_transitions() {
  std::unique_lock lock(mutex_);
  if (delivering_) return;
  delivering_ = true;
  deliverer_ = std::this_thread::get_id();
  while (!transitions_.empty()) {
    const Transition next = transitions_.front();
    lock.unlock();
    logger()->info("{}: {} -> {}", config_.application_id, to_string(next.before), to_string(next.now));
    try {
      if (state_listener_) state_listener_(next.now, next.before);
    } catch (...) {
      // It is told, not asked: the state is what it is, and the next change has to be told, too.
      logger()->error("{}: the state listener threw at {}: {}", config_.application_id, to_string(next.now),
                      describe_exception(std::current_exception()).message);
    }
    lock.lock();
    transitions_.pop_front();
    changed_.notify_all();
  }
  delivering_ = false;
  deliverer_ = {};
}

void Streams::Impl::check_not_started(const char* what) const {
  if (state() != StreamsState::kCreated) throw ConfigException(fmt::format("{} must be called before start()", what));
}

StreamsState Streams::Impl::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}
std::optional<Error> Streams::Impl::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

bool Streams::Impl::wait_until_stopped(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout,
                           [this] { return state_ == StreamsState::kNotRunning || state_ == StreamsState::kError; });
}

void Streams::Impl::set_paused(bool paused) {
  paused_ = paused;
  for (const auto& thread : threads()) thread->set_paused(paused);
}

Result<void> Streams::Impl::clean_up() {
  const StreamsState now = state();
  if (now != StreamsState::kCreated && now != StreamsState::kNotRunning && now != StreamsState::kError) {
    return Error{ErrorKind::kInvalidArgument,
                 fmt::format("clean_up(): {} is {}: close it first", config_.application_id, to_string(now))};
  }
  if (!has_persistent_stores()) return {};
  TIDEMILL_ASSIGN(const std::unique_ptr<ApplicationDirectory> directory,
                  ApplicationDirectory::open(config_.state_dir, config_.application_id, true, system_random()));
  return directory->remove_state();
}

Error Streams::Impl::not_ended(std::chrono::milliseconds timeout) const {
  std::string stuck;
  const auto add = [&](const std::string& thread, const std::string& busy) {
    stuck += fmt::format("{}{} in {}", stuck.empty() ? "" : ", ", thread, busy.empty() ? "the library" : busy);
  };
  {
    const std::lock_guard lock(mutex_);
    for (const auto& host : hosts_) {
      if (host->phase != Host::Phase::kEnded) add(host->name, host->thread ? host->thread->busy_with() : std::string());
    }
    if (!transitions_.empty()) add("a thread", "the state listener");
    const bool another = at_lifecycle_ != std::thread::id{} && at_lifecycle_ != std::this_thread::get_id();
    if (another) add("a thread", "start() or close()");
  }
  if (stuck.empty() && global_made_) add(client_id_ + "-GlobalStreamThread", global_->busy_with());
  return Error{ErrorKind::kTimeout,
               fmt::format("{} does not end: {} has not returned within {} ms; close() again to go on waiting",
                           config_.application_id, stuck, timeout.count())};
}

Streams::Impl::Lifecycle::Lifecycle(Impl& impl, std::optional<MonotonicTime> deadline) : impl_(impl) {
  std::unique_lock lock(impl.mutex_);
  const auto free = [&impl] { return impl.at_lifecycle_ == std::thread::id{}; };
  if (!deadline) {
    impl.changed_.wait(lock, free);
  } else if (!impl.changed_.wait_until(lock, *deadline, free)) {
    return;
  }
  impl.at_lifecycle_ = std::this_thread::get_id();
  entered_ = true;
}

void Streams::Impl::Lifecycle::leave() {
  if (!std::exchange(entered_, false)) return;
  const std::lock_guard lock(impl_.mutex_);
  impl_.at_lifecycle_ = {};
  impl_.changed_.notify_all();
}

bool Streams::Impl::must_not_wait() const {
  if (caller_.impl == this || (global() != nullptr && global()->is_caller())) return true;
  const std::lock_guard lock(mutex_);
  return at_lifecycle_ == std::this_thread::get_id() || deliverer_ == std::this_thread::get_id();
}

Result<void> Streams::Impl::close(CloseOptions options) {
  const MonotonicTime deadline = system_clock().now().monotonic + options.timeout;
  const auto left = [deadline] {
    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - system_clock().now().monotonic);
    return std::max(time, std::chrono::milliseconds(0));
  };
  const bool own_thread = must_not_wait();
  {
    const std::lock_guard lock(mutex_);
    if (own_thread) ends_by_itself_ = true;
    if (options.leave_group) leave_group_ = options.leave_group;
  }
  const bool first = set_state(StreamsState::kPendingShutdown);
  stop_threads();
  if (global_made_) global_->ask_to_stop();
  if (own_thread) {
    const StreamsState now = state();
    if (now == StreamsState::kError || now == StreamsState::kNotRunning) return {};
    return Error{ErrorKind::kTimeout,
                 fmt::format("{} begins to end; one of its own threads, in a listener or a processor, cannot "
                             "wait for that: close() on another one, or wait_until_stopped(), does",
                             config_.application_id)};
  }
  // start() sees the state and comes to an end; whoever else closes does the same work first.
  Lifecycle lifecycle(*this, deadline);
  if (!lifecycle) return not_ended(options.timeout);
  {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_for(lock, left(), [this] {
      return std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->phase == Host::Phase::kEnded; });
    });
    if (!ended) {
      lock.unlock();
      return not_ended(options.timeout);
    }
  }
  std::vector<std::thread> workers;
  std::shared_ptr<runtime::CommitCoordinator> coordinator;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& host : hosts_) {
      if (host->worker.joinable()) workers.push_back(std::move(host->worker));
    }
    coordinator.swap(coordinator_);
  }
  for (std::thread& worker : workers) worker.join();
  if (global_ && !global_->stop(left())) return not_ended(options.timeout);
  coordinator.reset();
  directory_.reset();
  lifecycle.leave();
  if (first || state() == StreamsState::kPendingShutdown) set_state(StreamsState::kNotRunning);
  std::unique_lock lock(mutex_);
  const bool told = changed_.wait_for(lock, left(), [this] { return transitions_.empty(); });
  lock.unlock();
  if (!told) return not_ended(options.timeout);
  return {};
}

}  // namespace tidemill
