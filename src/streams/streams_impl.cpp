#include "streams/streams_impl.hpp"

#include <algorithm>
#include <regex>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <tidemill/adapters/rocksdb_stores.hpp>
#include <tidemill/base/random.hpp>

namespace tidemill {
namespace {

constexpr std::string_view kDefaultStateDir = "/tmp/tidemill";
constexpr std::chrono::seconds kAdminTimeout{60};

bool good_name(std::string_view name) {
  return !name.empty() && name.size() <= 200 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == std::string_view::npos;
}

}  // namespace

Streams::Impl::Impl(Topology topology, StreamsConfig config)
    : config_(std::move(config)), topology_(std::make_shared<const Topology>(std::move(topology))) {
  if (config_.clock == nullptr) config_.clock = &system_clock();
  check_config();
  memory_engine_ = in_memory_stores();
  persistent_engine_ = config_.state_engine;
}

Streams::Impl::~Impl() {
  static_cast<void>(close({.timeout = std::chrono::hours(24 * 365), .leave_group = true}));
}

void Streams::Impl::check_config() const {
  if (!good_name(config_.application_id)) {
    throw ConfigException(fmt::format("application_id \"{}\": give the application a name of letters, digits, '.', '_' and "
                                      "'-'; it names its group, its internal topics and its state", config_.application_id));
  }
  if (!config_.log) {
    throw ConfigException("log is not set: .log = embedded_log(\"data\") for one process, kafka_log({...}) for Kafka");
  }
  if (config_.num_stream_threads < 1) throw ConfigException("num_stream_threads must be at least 1");
  if (config_.buffered_records_per_partition < 1) throw ConfigException("buffered_records_per_partition must be at least 1");
  if (config_.input_buffer_max_bytes == 0) throw ConfigException("input_buffer_max_bytes must be more than 0");
  if (config_.processing_guarantee == ProcessingGuarantee::kExactlyOnceV2 &&
      config_.commit_interval > config_.transaction_timeout) {
    throw ConfigException(fmt::format("commit_interval ({} ms) is longer than transaction_timeout ({} ms): a transaction would "
                                      "time out before it is committed", config_.commit_interval.count(),
                                      config_.transaction_timeout.count()));
  }
  if (topology_->subtopologies.empty() && topology_->global_nodes.empty()) {
    throw TopologyException("the topology reads no topic: add a stream, a table or a global table");
  }
}

bool Streams::Impl::has_persistent_stores() const {
  if (!persistent_engine_ || !persistent_engine_->persistent()) return false;
  return std::any_of(topology_->stores.begin(), topology_->stores.end(), [this](const auto& entry) {
    const StoreEngineKind kind = entry.second.spec.engine;
    return kind == StoreEngineKind::kPersistent ||
           (kind == StoreEngineKind::kDefault && config_.default_dsl_store != StoreEngineKind::kInMemory);
  });
}

Result<void> Streams::Impl::start() {
  if (!set_state(StreamsState::kRebalancing)) {
    return Error{ErrorKind::kInvalidArgument, "start() was called twice: a Streams runs once, make a new one"};
  }
  const auto failed = [this](Error error) {
    end_in_error(error);
    return error;
  };
#ifdef TIDEMILL_ROCKSDB
  if (!persistent_engine_) persistent_engine_ = rocksdb_stores();
#endif
  const LogTraits& traits = config_.log->traits();
  if (config_.state_dir == kDefaultStateDir && !traits.directory.empty()) config_.state_dir = traits.directory + "/state";
  const MonotonicTime deadline = clock().now().monotonic + kAdminTimeout;
  try {
    if (const Result<void> made = make_topics(deadline); !made) return failed(made.error());
  } catch (const TopologyException& error) {
    return failed({ErrorKind::kInvalidArgument, error.what()});
  }
  Result<ApplicationDirectory> directory = ApplicationDirectory::open(config_.state_dir, config_.application_id,
                                                                      has_persistent_stores(), system_random());
  if (!directory) return failed(directory.error());
  directory_ = *std::move(directory);
  client_id_ = config_.client_id.empty() ? config_.application_id + "-" + directory_->process_id() : config_.client_id;
  if (!topology_->global_nodes.empty()) {
    if (const Result<void> started = start_global(); !started) return failed(started.error());
  }
  if (topology_->subtopologies.empty()) {
    set_state(StreamsState::kRunning);
    return {};
  }
  for (std::int32_t i = 0; i < config_.num_stream_threads; ++i) {
    std::unique_lock lock(mutex_);
    Host& host = hosts_.emplace_back();
    lock.unlock();
    host.index = i;
    if (traits.commit_group_span == LogTraits::CommitGroupSpan::kProcess && i > 0) {
      host.coordinator = hosts_.front().coordinator;
    } else {
      CommitGroupOptions options{.name = fmt::format("{}-{}-{}", config_.application_id, directory_->process_id(), i),
                                 .application_id = config_.application_id,
                                 .guarantee = config_.processing_guarantee,
                                 .transaction_timeout = config_.transaction_timeout,
                                 .producer_properties = {config_.producer.begin(), config_.producer.end()},
                                 .consumer_properties = {config_.consumer.begin(), config_.consumer.end()}};
      host.coordinator = std::make_shared<runtime::CommitCoordinator>(*config_.log, clock(), std::move(options));
      if (const Result<void> opened = host.coordinator->open(deadline); !opened) {
        hosts_.pop_back();
        return failed(opened.error());
      }
    }
    Result<std::shared_ptr<runtime::StreamThread>> thread = make_thread(host);
    if (!thread) {
      hosts_.pop_back();
      return failed(thread.error());
    }
    lock.lock();
    host.thread = *std::move(thread);
  }
  for (Host& host : hosts_) host.worker = std::thread([this, &host] { work(host); });
  return {};
}

void Streams::Impl::resolve_patterns(const std::vector<TopicDescription>& topics) {
  const bool any = std::any_of(topology_->nodes.begin(), topology_->nodes.end(),
                               [](const NodeSpec& node) { return !node.topic_pattern.empty(); });
  if (!any) return;
  auto resolved = std::make_shared<Topology>(*topology_);
  for (NodeSpec& node : resolved->nodes) {
    if (node.topic_pattern.empty()) continue;
    const std::regex pattern(node.topic_pattern);
    for (const TopicDescription& topic : topics) {
      if (!std::regex_match(topic.name, pattern)) continue;
      node.topics.push_back(topic.name);
      for (Subtopology& subtopology : resolved->subtopologies) {
        if (std::find(subtopology.nodes.begin(), subtopology.nodes.end(), node.id) != subtopology.nodes.end()) {
          subtopology.source_topics.push_back(topic.name);
        }
      }
    }
  }
  topology_ = std::move(resolved);
}

Result<void> Streams::Impl::make_topics(MonotonicTime deadline) {
  const LogTraits& traits = config_.log->traits();
  TIDEMILL_ASSIGN(const std::vector<TopicDescription> topics, config_.log->admin().list_topics(deadline));
  resolve_patterns(topics);
  runtime::TopicPlanInput input{.application_id = config_.application_id,
                                .existing = {},
                                .default_partitions = traits.default_partitions,
                                .replication_factor = config_.replication_factor,
                                .overrides = config_.topic};
  for (const TopicDescription& topic : topics) input.existing[topic.name] = topic.partitions;
  runtime::TopicPlan plan = runtime::plan_topics(*topology_, input);
  if (!plan.missing.empty() && !traits.creates_missing_topics) {
    std::string list;
    for (const TopicSpec& topic : plan.missing) {
      list += fmt::format("{}{} ({} partition{} or more)", list.empty() ? "" : ", ", topic.name, topic.partitions,
                          topic.partitions == 1 ? "" : "s");
    }
    return Error{ErrorKind::kNotFound, fmt::format("topics that the topology names are not there: {}; create them and start "
                                                   "again ({})", list, traits.description)};
  }
  plan.internal.insert(plan.internal.end(), plan.missing.begin(), plan.missing.end());
  for (const TopicSpec& topic : plan.internal) {
    const Result<void> made = config_.log->admin().create_topic(topic, deadline);
    if (!made && made.error().kind != ErrorKind::kAlreadyExists) {
      return made.error().with_context(fmt::format("topic {} cannot be created", topic.name));
    }
  }
  tasks_ = std::move(plan.tasks);
  return {};
}

Result<void> Streams::Impl::start_global() {
  runtime::GlobalThreadOptions options{.topology = topology_,
                                       .config = &config_,
                                       .log = config_.log.get(),
                                       .clock = &clock(),
                                       .persistent_engine = persistent_engine_.get(),
                                       .memory_engine = memory_engine_.get(),
                                       .directory = directory_->path() + "/global",
                                       .on_failure = [this](const Error& error) { end_in_error(error); }};
  global_ = std::make_unique<runtime::GlobalThread>(std::move(options));
  TIDEMILL_TRY(global_->start());
  find_global_ = std::make_shared<UniqueFunction<StateStore*(std::string_view)>>(
      [this](std::string_view name) { return global_->find(name); });
  return {};
}

Result<std::shared_ptr<runtime::StreamThread>> Streams::Impl::make_thread(Host& host) {
  runtime::StreamThreadOptions options;
  {
    const std::lock_guard lock(mutex_);
    options.name = fmt::format("{}-StreamThread-{}", client_id_, next_thread_++);
  }
  options.topology = topology_;
  options.config = &config_;
  options.log = config_.log.get();
  options.clock = &clock();
  options.coordinator = host.coordinator;
  options.persistent_engine = persistent_engine_.get();
  options.memory_engine = memory_engine_.get();
  options.state_directory = directory_->path();
  options.join.process_id = directory_->process_id();
  options.join.client_id = options.name;
  if (!config_.group_instance_id.empty()) {
    options.join.instance_id = fmt::format("{}-{}", config_.group_instance_id, host.index + 1);
  }
  options.join.user_endpoint = config_.application_server;
  options.join.num_standby_replicas = config_.num_standby_replicas;
  options.join.tasks = tasks_;
  options.join.session_timeout = config_.session_timeout;
  options.join.heartbeat_interval = config_.heartbeat_interval;
  options.join.max_poll_interval = config_.max_poll_interval;
  const auto sharers = static_cast<std::size_t>(config_.num_stream_threads) + (global_ ? 1 : 0);
  options.cache_bytes = config_.statestore_cache_max_bytes / sharers;
  options.input_bytes_max =
      std::max<std::size_t>(1, config_.input_buffer_max_bytes / static_cast<std::size_t>(config_.num_stream_threads));
  options.restore_observer = this;
  options.global_store = find_global_;
  options.on_state = [this](runtime::ThreadState) { thread_changed(); };
  options.on_failure = [this, &host](const Error& error) { return thread_failed(host, error); };
  options.on_application_shutdown = [this] {
    end_in_error({ErrorKind::kClosed, "another member asked the whole application to stop"});
  };
  auto thread = std::make_shared<runtime::StreamThread>(std::move(options));
  TIDEMILL_TRY(thread->start());
  thread->set_paused(paused_);
  return thread;
}

// Threads

void Streams::Impl::work(Host& host) {
  for (;;) {
    std::shared_ptr<runtime::StreamThread> thread;
    {
      const std::lock_guard lock(mutex_);
      thread = host.thread;
    }
    for (;;) {
      const Now now = clock().now();
      const runtime::StreamThread::Step step = thread->run_once(now);
      if (!step.alive) break;
      if (!step.worked && step.wait_until > now.monotonic) thread->wait(step.wait_until);
    }
    const std::optional<Error> failure = thread->failure();
    if (!failure) break;
    const StreamsState now = state();
    const bool running = now == StreamsState::kRunning || now == StreamsState::kRebalancing;
    if (host.answer != UncaughtExceptionAnswer::kReplaceThread || !running) {
      end_in_error(*failure);
      break;
    }
    Result<std::shared_ptr<runtime::StreamThread>> replacement = make_thread(host);
    if (!replacement) {
      end_in_error(replacement.error());
      break;
    }
    const std::lock_guard lock(mutex_);
    host.thread = *std::move(replacement);
  }
  thread_ended(host);
}

bool Streams::Impl::thread_failed(Host& host, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    ++failed_threads_;
  }
  host.answer = UncaughtExceptionAnswer::kShutdownClient;
  if (uncaught_handler_) {
    const std::lock_guard lock(listener_mutex_);
    host.answer = uncaught_handler_(host.thread->name(), error);
  }
  // The others are stopped before this one's tasks are free, so that they do not fail on the same record.
  if (host.answer != UncaughtExceptionAnswer::kReplaceThread) end_in_error(error);
  return host.answer == UncaughtExceptionAnswer::kShutdownApplication;
}

void Streams::Impl::thread_changed() {
  bool all_running = true;
  for (const auto& thread : threads()) {
    all_running = all_running && thread->snapshot().state == runtime::ThreadState::kRunning;
  }
  const StreamsState now = state();
  if (all_running && now == StreamsState::kRebalancing) set_state(StreamsState::kRunning);
  if (!all_running && now == StreamsState::kRunning) set_state(StreamsState::kRebalancing);
}

void Streams::Impl::thread_ended(Host& host) {
  bool last = false;
  StreamsState now;
  {
    const std::lock_guard lock(mutex_);
    host.ended = true;
    last = std::all_of(hosts_.begin(), hosts_.end(), [](const Host& other) { return other.ended; });
    now = state_;
    changed_.notify_all();
  }
  if (last && now == StreamsState::kPendingError) {
    if (global_) global_->stop();
    set_state(StreamsState::kError);
  }
}

void Streams::Impl::end_in_error(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
  }
  if (!set_state(StreamsState::kPendingError)) return;
  stop_threads(true);
  if (hosts_.empty() || std::none_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.worker.joinable(); })) {
    set_state(StreamsState::kError);
  }
}

void Streams::Impl::stop_threads(bool leave_group) {
  for (const auto& thread : threads()) thread->shut_down(leave_group);
}

std::vector<std::shared_ptr<runtime::StreamThread>> Streams::Impl::threads() const {
  std::vector<std::shared_ptr<runtime::StreamThread>> result;
  const std::lock_guard lock(mutex_);
  for (const Host& host : hosts_) {
    if (host.thread) result.push_back(host.thread);
  }
  return result;
}

// State

bool Streams::Impl::set_state(StreamsState state) {
  using enum StreamsState;
  StreamsState before;
  {
    const std::lock_guard lock(mutex_);
    before = state_;
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
    changed_.notify_all();
  }
  spdlog::info("{}: {} -> {}", config_.application_id, to_string(before), to_string(state));
  if (state_listener_) {
    const std::lock_guard lock(listener_mutex_);
    state_listener_(state, before);
  }
  return true;
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
  return changed_.wait_for(lock, timeout, [this] {
    return state_ == StreamsState::kNotRunning || state_ == StreamsState::kError;
  });
}

void Streams::Impl::set_paused(bool paused) {
  paused_ = paused;
  for (const auto& thread : threads()) thread->set_paused(paused);
}

Result<void> Streams::Impl::close(CloseOptions options) {
  const bool first = set_state(StreamsState::kPendingShutdown);
  stop_threads(options.leave_group);
  {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_for(lock, options.timeout, [this] {
      return std::all_of(hosts_.begin(), hosts_.end(), [](const Host& host) { return host.ended || !host.worker.joinable(); });
    });
    if (!ended) {
      std::string stuck;
      for (const Host& host : hosts_) {
        if (host.ended) continue;
        const std::string busy = host.thread->busy_with();
        stuck += fmt::format("{}{} in {}", stuck.empty() ? "" : ", ", host.thread->name(),
                             busy.empty() ? "the library" : busy);
      }
      return Error{ErrorKind::kTimeout,
                   fmt::format("{} does not end: {} has not returned within {} ms; close() again to go on waiting",
                               config_.application_id, stuck, options.timeout.count())};
    }
  }
  for (Host& host : hosts_) {
    if (host.worker.joinable()) host.worker.join();
  }
  if (global_) global_->stop();
  std::vector<std::shared_ptr<runtime::StreamThread>> never_run;
  {
    // The threads' handles go before the log does.
    const std::lock_guard lock(mutex_);
    for (Host& host : hosts_) host.coordinator.reset();
  }
  for (Host& host : hosts_) {
    if (host.ended || !host.thread) continue;
    // start() failed after it was made: nobody has run it.
    std::shared_ptr<runtime::StreamThread> thread;
    const std::lock_guard lock(mutex_);
    thread.swap(host.thread);
    never_run.push_back(std::move(thread));
  }
  never_run.clear();
  directory_.reset();
  if (first) set_state(StreamsState::kNotRunning);
  return {};
}

}  // namespace tidemill
