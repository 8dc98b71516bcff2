// How an application begins: its topics, its directory, its global stores, its threads.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <tidemill/adapters/rocksdb_stores.hpp>
#include <tidemill/base/random.hpp>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "streams/streams_impl.hpp"
#include "topology/optimizations.hpp"

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
    logger()->warn(
        "{}: num.standby.replicas is {}, but standby tasks are not built yet: what is assigned as standby is left alone",
        config_.application_id, config_.num_standby_replicas);
  }
  const std::string& built_with = given_topology_->optimization;
  if (!built_with.empty() && read_optimizations(config_.topology_optimization) != built_with) {
    logger()->warn("{}: topology.optimization is {}, but the topology was built with {}: build(config.topology_optimization)",
                   config_.application_id, config_.topology_optimization, built_with);
  }
}

/// close() may come at any time, also from a listener within: each step looks whether there is still something to start.
Result<void> Streams::Impl::start() {
  const Error again{ErrorKind::kInvalidArgument,
                    "start() was called twice, or after close(): a Streams runs once, make a new one"};
  if (started_.exchange(true)) return again;
  const Lifecycle lifecycle(*this, std::nullopt);
  if (!set_state(StreamsState::kRebalancing)) return again;
  Result<void> started;
  try {
    started = start_all();
  } catch (...) {
    started = Error{ErrorKind::kInternal,
                    "the application cannot be started: " + describe_exception(std::current_exception()).message};
  }
  if (!started && started.error().kind != ErrorKind::kClosed) end_in_error(started.error());
  finish();
  return started;
}

Result<void> Streams::Impl::start_all() {
  warn_of_what_is_not_built();
#ifdef TIDEMILL_ROCKSDB
  if (!persistent_engine_) {
    auto engine = rocksdb_stores({.memory_bytes = state_engine_memory()});
    const std::lock_guard lock(mutex_);
    persistent_engine_ = std::move(engine);
  }
#endif
  const LogTraits& traits = config_.log->traits();
  if (config_.state_dir == kDefaultStateDir && !traits.directory.empty()) config_.state_dir = traits.directory + "/state";
  const MonotonicTime deadline = clock().now().monotonic + kAdminTimeout;
  Result<void> started = still_starting();
  if (started) started = make_topics(deadline);
  if (started) started = still_starting();
  if (started) started = open_directory();
  if (started && !topology_->global_nodes.empty()) started = start_global();
  if (started) started = still_starting();
  if (started && topology_->subtopologies.empty()) set_state(StreamsState::kRunning);
  if (started && !topology_->subtopologies.empty()) started = start_threads(deadline);
  return started;
}

Result<void> Streams::Impl::still_starting() const {
  const std::lock_guard lock(mutex_);
  if (running_locked()) return {};
  return Error{ErrorKind::kClosed, fmt::format("{} was closed while it started", config_.application_id)};
}

Streams::Impl::Plan Streams::Impl::plan(const std::vector<TopicDescription>& topics) const {
  Plan plan{.topology = given_topology_, .topics = {}};
  const auto reads_a_pattern = [](const NodeSpec& node) { return !node.topic_pattern.empty(); };
  if (std::any_of(given_topology_->nodes.begin(), given_topology_->nodes.end(), reads_a_pattern)) {
    std::set<std::string> own;  // no pattern means these
    for (const auto& [name, topic] : given_topology_->internal_topics) {
      own.insert(given_topology_->log_topic(config_.application_id, name));
    }
    std::vector<std::string> names;
    for (const TopicDescription& topic : topics) {
      if (!own.contains(topic.name)) names.push_back(topic.name);
    }
    plan.topology = std::make_shared<Topology>(given_topology_->reading(names));
  }
  runtime::TopicPlanInput input{.application_id = config_.application_id,
                                .existing = {},
                                .default_partitions = config_.log->traits().default_partitions,
                                .replication_factor = config_.replication_factor,
                                .overrides = config_.topic,
                                .additional_retention = config_.windowstore_changelog_additional_retention,
                                .exactly_as_kafka_streams = config_.exactly_as_kafka_streams,
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
    key_topics_ = std::move(needed.topics.key_topics);
  }
  next_refresh_ = clock().now().monotonic + config_.metadata_max_age;
  return {};
}

Result<void> Streams::Impl::create(const runtime::TopicPlan& plan, MonotonicTime deadline) {
  for (const auto* topics : {&plan.internal, &plan.missing}) {
    for (const TopicSpec& topic : *topics) {
      if (topics == &plan.missing) {  // a name that is written wrong shows here
        logger()->info("{}: topic {} is not there and is made, with {} partition(s)", config_.application_id, topic.name,
                       topic.partitions);
      }
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
      .on_failure = [this](const Error& error) { end_in_error(error); },
      .on_end = [this] { finish(); }};
  global_ = std::make_unique<runtime::GlobalThread>(std::move(options));
  global_made_ = true;
  TIDEMILL_TRY(still_starting());
  TIDEMILL_TRY(global_->start());
  find_global_ = std::make_shared<UniqueFunction<StateStore*(std::string_view)>>(
      [this](std::string_view name) { return global_->find(name); });
  global_started_ = true;
  return {};
}

Result<void> Streams::Impl::start_threads(MonotonicTime deadline) {
  std::vector<std::shared_ptr<Host>> made;
  Result<void> started;
  while (started && made.size() < static_cast<std::size_t>(config_.num_stream_threads)) {
    auto host = make_host(deadline);
    if (host) made.push_back(*std::move(host));
    else started = host.error();
  }
  std::size_t begun = 0;
  while (started && begun < made.size()) {
    started = begin(made[begun]);
    if (started) ++begun;
  }
  // Members that nobody runs would hold up the commits of those that run.
  for (; begun < made.size(); ++begun) drop(made[begun]);
  return started;
}

}  // namespace tidemill
