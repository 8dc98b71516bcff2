// How an application begins: its topics, its directory, its global stores, its threads.
#include <algorithm>
#include <regex>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <tidemill/adapters/rocksdb_stores.hpp>
#include <tidemill/base/random.hpp>

#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

constexpr std::string_view kDefaultStateDir = "/tmp/tidemill";
constexpr std::chrono::seconds kAdminTimeout{60};

}  // namespace

bool Streams::Impl::has_persistent_stores() const {
  const bool engine = persistent_engine_ && persistent_engine_->persistent();
  return std::any_of(topology_->stores.begin(), topology_->stores.end(), [this, engine](const auto& entry) {
    const StoreEngineKind kind = entry.second.spec.engine;
    if (entry.second.spec.kind == StoreKind::kCustom) return kind == StoreEngineKind::kPersistent;
    if (!engine) return false;
    return kind == StoreEngineKind::kPersistent ||
           (kind == StoreEngineKind::kDefault && config_.default_dsl_store != StoreEngineKind::kInMemory);
  });
}

void Streams::Impl::warn_of_what_is_not_built() const {
  if (config_.num_standby_replicas > 0) {
    spdlog::warn(
        "{}: num.standby.replicas is {}, but standby tasks are not built yet: what is assigned as standby is left alone",
        config_.application_id, config_.num_standby_replicas);
  }
  if (config_.topology_optimization != "none") {
    spdlog::warn("{}: topology.optimization is {}, but topologies are not optimized yet", config_.application_id,
                 config_.topology_optimization);
  }
}

Result<void> Streams::Impl::start() {
  if (started_.exchange(true) || !set_state(StreamsState::kRebalancing)) {
    return Error{ErrorKind::kInvalidArgument,
                 "start() was called twice, or after close(): a Streams runs once, make a new one"};
  }
  warn_of_what_is_not_built();
#ifdef TIDEMILL_ROCKSDB
  if (!persistent_engine_) persistent_engine_ = rocksdb_stores({.memory_bytes = state_engine_memory()});
#endif
  const LogTraits& traits = config_.log->traits();
  if (config_.state_dir == kDefaultStateDir && !traits.directory.empty()) config_.state_dir = traits.directory + "/state";
  const MonotonicTime deadline = clock().now().monotonic + kAdminTimeout;
  Result<void> started = make_topics(deadline);
  if (started) started = open_directory();
  if (started && !topology_->global_nodes.empty()) started = start_global();
  if (started && topology_->subtopologies.empty()) set_state(StreamsState::kRunning);
  if (started && !topology_->subtopologies.empty()) started = start_threads(deadline);
  if (!started) end_in_error(started.error());
  return started;
}

Streams::Impl::Plan Streams::Impl::plan(const std::vector<TopicDescription>& topics) const {
  Plan plan{.topology = given_topology_, .topics = {}};
  const auto reads_a_pattern = [](const NodeSpec& node) { return !node.topic_pattern.empty(); };
  if (std::any_of(given_topology_->nodes.begin(), given_topology_->nodes.end(), reads_a_pattern)) {
    auto resolved = std::make_shared<Topology>(*given_topology_);
    for (NodeSpec& node : resolved->nodes) {
      if (node.topic_pattern.empty()) continue;
      const std::regex pattern(node.topic_pattern);
      for (const TopicDescription& topic : topics) {
        if (!std::regex_match(topic.name, pattern)) continue;
        node.topics.push_back(topic.name);
        for (Subtopology& part : resolved->subtopologies) {
          if (std::find(part.nodes.begin(), part.nodes.end(), node.id) != part.nodes.end())
            part.source_topics.push_back(topic.name);
        }
      }
    }
    plan.topology = std::move(resolved);
  }
  runtime::TopicPlanInput input{.application_id = config_.application_id,
                                .existing = {},
                                .default_partitions = config_.log->traits().default_partitions,
                                .replication_factor = config_.replication_factor,
                                .overrides = config_.topic,
                                .dead_letter_topic = config_.errors_dead_letter_queue_topic_name};
  for (const TopicDescription& topic : topics) input.existing[topic.name] = topic.partitions;
  plan.topics = runtime::plan_topics(*plan.topology, input);
  return plan;
}

Result<void> Streams::Impl::make_topics(MonotonicTime deadline) {
  const LogTraits& traits = config_.log->traits();
  TIDEMILL_ASSIGN(const std::vector<TopicDescription> topics, config_.log->admin().list_topics(deadline));
  Plan needed;
  try {
    needed = plan(topics);
  } catch (const TopologyException& error) {
    return Error{ErrorKind::kInvalidArgument, error.what()};
  }
  if (!needed.topics.missing.empty() && !traits.creates_missing_topics) {
    std::string list;
    for (const TopicSpec& topic : needed.topics.missing) {
      list += fmt::format("{}{} ({} partition{} or more)", list.empty() ? "" : ", ", topic.name, topic.partitions,
                          topic.partitions == 1 ? "" : "s");
    }
    return Error{ErrorKind::kNotFound, fmt::format("topics that the topology names are not there: {}; create them and start "
                                                   "again ({})",
                                                   list, traits.description)};
  }
  TIDEMILL_TRY(create(needed.topics, deadline));
  {
    const std::lock_guard lock(mutex_);
    topology_ = std::move(needed.topology);
    tasks_ = std::move(needed.topics.tasks);
  }
  next_refresh_ = clock().now().monotonic + config_.metadata_max_age;
  return {};
}

Result<void> Streams::Impl::create(const runtime::TopicPlan& plan, MonotonicTime deadline) {
  for (const auto* topics : {&plan.internal, &plan.missing}) {
    for (const TopicSpec& topic : *topics) {
      const Result<void> made = config_.log->admin().create_topic(topic, deadline);
      if (!made && made.error().kind != ErrorKind::kAlreadyExists) {
        return made.error().with_context(fmt::format("topic {} cannot be created", topic.name));
      }
    }
  }
  return {};
}

Result<void> Streams::Impl::open_directory() {
  TIDEMILL_ASSIGN(directory_, ApplicationDirectory::open(config_.state_dir, config_.application_id, has_persistent_stores(),
                                                         system_random()));
  const std::lock_guard lock(mutex_);
  client_id_ = config_.client_id.empty() ? config_.application_id + "-" + directory_->process_id() : config_.client_id;
  return {};
}

Result<void> Streams::Impl::start_global() {
  runtime::GlobalThreadOptions options{
      .topology = topology_,
      .config = &config_,
      .log = config_.log.get(),
      .clock = &clock(),
      .persistent_engine = persistent_engine_.get(),
      .memory_engine = memory_engine_.get(),
      .directory = directory_->path() + "/" + ApplicationDirectory::kGlobalFolder,
      .restore_observer = this,
      .streams_metrics = std::make_shared<StreamsMetrics>(sensors_, client_id_ + "-GlobalStreamThread"),
      .on_failure = [this](const Error& error) { end_in_error(error); }};
  global_ = std::make_unique<runtime::GlobalThread>(std::move(options));
  TIDEMILL_TRY(global_->start());
  find_global_ = std::make_shared<UniqueFunction<StateStore*(std::string_view)>>(
      [this](std::string_view name) { return global_->find(name); });
  global_started_ = true;
  return {};
}

Result<void> Streams::Impl::start_threads(MonotonicTime deadline) {
  for (std::int32_t i = 0; i < config_.num_stream_threads; ++i) {
    std::unique_lock lock(mutex_);
    Host& host = hosts_.emplace_back();
    lock.unlock();
    const auto give_up = [this](const Error& error) {
      const std::lock_guard guard(mutex_);
      hosts_.pop_back();
      return error;
    };
    host.index = i;
    if (config_.log->traits().commit_group_span == LogTraits::CommitGroupSpan::kProcess && i > 0) {
      host.coordinator = hosts_.front().coordinator;
    } else {
      CommitGroupOptions options{.name = fmt::format("{}-{}-{}", config_.application_id, directory_->process_id(), i),
                                 .application_id = config_.application_id,
                                 .guarantee = config_.processing_guarantee,
                                 .transaction_timeout = config_.transaction_timeout,
                                 .producer_properties = {config_.producer.begin(), config_.producer.end()},
                                 .consumer_properties = consumer_properties(config_, config_.main_consumer)};
      host.coordinator = std::make_shared<runtime::CommitCoordinator>(*config_.log, clock(), std::move(options));
      if (const Result<void> opened = host.coordinator->open(deadline); !opened) return give_up(opened.error());
    }
    Result<std::shared_ptr<runtime::StreamThread>> thread = make_thread(host);
    if (!thread) return give_up(thread.error());
    lock.lock();
    host.thread = *std::move(thread);
  }
  for (Host& host : hosts_) host.worker = std::thread([this, &host] { work(host); });
  return {};
}

Result<std::shared_ptr<runtime::StreamThread>> Streams::Impl::make_thread(Host& host) {
  runtime::StreamThreadOptions options;
  {
    const std::lock_guard lock(mutex_);
    options.name = fmt::format("{}-StreamThread-{}", client_id_, next_thread_++);
    options.topology = topology_;
    options.join.tasks = tasks_;
  }
  options.streams_metrics = std::make_shared<StreamsMetrics>(sensors_, options.name);
  options.config = &config_;
  options.log = config_.log.get();
  options.clock = &clock();
  options.coordinator = host.coordinator;
  options.persistent_engine = persistent_engine_.get();
  options.memory_engine = memory_engine_.get();
  options.state_directory = directory_->path();
  options.directories = directory_.get();
  options.join.process_id = directory_->process_id();
  options.join.client_id = options.name;
  if (!config_.group_instance_id.empty()) {
    options.join.instance_id = fmt::format("{}-{}", config_.group_instance_id, host.index + 1);
  }
  options.join.user_endpoint = config_.application_server;
  options.join.num_standby_replicas = config_.num_standby_replicas;
  options.join.task_offset_sums = directory_->task_offset_sums();
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

}  // namespace tidemill
