#include "instance.hpp"

#include <algorithm>

#include "runtime/topic_plan.hpp"

namespace tidemill::simulation {
namespace {

constexpr std::chrono::seconds kPatience{10};

}  // namespace

Result<std::unique_ptr<Instance>> Instance::start(std::shared_ptr<Log> log, Storage& storage, const Clock& clock,
                                                  const InstanceOptions& options) {
  std::unique_ptr<Instance> instance(new Instance);
  Instance& self = *instance;
  self.log_ = std::move(log);
  self.clock_ = &clock;
  self.config_.application_id = "app";
  self.config_.num_stream_threads = options.threads;
  self.config_.statestore_cache_max_bytes = options.cache_bytes;
  self.config_.repartition_purge_interval = std::chrono::milliseconds(50);
  self.config_.max_poll_interval = std::chrono::seconds(2);
  self.config_.session_timeout = std::chrono::seconds(1);
  self.persistent_ = std::make_unique<FlushingEngine>(storage, options.seed, options.engine);
  self.memory_ = in_memory_stores();

  const auto deadline = [&] { return clock.now().monotonic + kPatience; };
  runtime::TopicPlanInput input;
  input.application_id = self.config_.application_id;
  input.default_partitions = 2;
  TIDEMILL_ASSIGN(const std::vector<TopicDescription> topics, self.log_->admin().list_topics(deadline()));
  for (const TopicDescription& topic : topics) input.existing[topic.name] = topic.partitions;
  const runtime::TopicPlan plan = runtime::plan_topics(*options.topology, input);
  for (const std::vector<TopicSpec>* specs : {&plan.missing, &plan.internal}) {
    for (const TopicSpec& topic : *specs) TIDEMILL_TRY(self.log_->admin().create_topic(topic, deadline()));
  }

  self.coordinator_ =
      std::make_shared<runtime::CommitCoordinator>(*self.log_, clock,
                                                   CommitGroupOptions{.name = "app-" + options.process_id + "-0",
                                                                      .application_id = "app",
                                                                      .guarantee = ProcessingGuarantee::kExactlyOnceV2});
  TIDEMILL_TRY(self.coordinator_->open(deadline()));
  self.options_ = options;
  self.tasks_ = plan.tasks;
  for (int i = 0; i < options.threads; ++i) TIDEMILL_TRY(self.add_thread());
  return instance;
}

Instance::~Instance() {
  threads_.clear();
  coordinator_.reset();
}

Result<void> Instance::add_thread() {
  const auto is_taken = [this](int number) {
    return std::any_of(threads_.begin(), threads_.end(), [number](const Worker& one) { return one.number == number; });
  };
  int number = 1;
  while (is_taken(number)) ++number;
  runtime::StreamThreadOptions thread;
  thread.name = options_.process_id + "-StreamThread-" + std::to_string(number);
  thread.topology = options_.topology;
  thread.config = &config_;
  thread.log = log_.get();
  thread.clock = clock_;
  thread.coordinator = coordinator_;
  thread.persistent_engine = persistent_.get();
  thread.memory_engine = memory_.get();
  thread.state_directory = options_.state_directory;
  thread.join.process_id = options_.process_id;
  thread.join.client_id = thread.name;
  thread.join.tasks = tasks_;
  thread.join.max_poll_interval = config_.max_poll_interval;
  thread.join.session_timeout = config_.session_timeout;
  thread.shares = runtime::thread_shares(config_, threads_.size() + 1);
  threads_.push_back({.number = number, .thread = std::make_unique<runtime::StreamThread>(std::move(thread))});
  split_shares();
  return threads_.back().thread->start();
}

void Instance::remove_thread() {
  const auto stays = std::find_if(threads_.begin(), threads_.end(), [](const Worker& one) { return !one.leaves; });
  if (stays == threads_.end()) return;
  stays->leaves = true;
  stays->thread->shut_down(true);
}

std::size_t Instance::staying_count() const {
  return static_cast<std::size_t>(
      std::count_if(threads_.begin(), threads_.end(), [](const Worker& one) { return !one.leaves; }));
}

void Instance::split_shares() {
  for (const Worker& one : threads_) one.thread->set_shares(runtime::thread_shares(config_, threads_.size()));
}

bool Instance::step(std::size_t thread) {
  const bool worked = threads_[thread].thread->run_once(clock_->now()).worked;
  const bool gone = threads_[thread].thread->state() == runtime::ThreadState::kDead && !threads_[thread].thread->failure();
  if (gone) {
    threads_.erase(threads_.begin() + static_cast<std::ptrdiff_t>(thread));
    split_shares();
  }
  return worked || gone;
}

bool Instance::failed() const {
  return std::any_of(threads_.begin(), threads_.end(), [](const Worker& one) {
    return one.thread->state() == runtime::ThreadState::kDead && one.thread->failure();
  });
}
std::string Instance::state() const {
  for (const auto& [number, leaves, thread] : threads_) {
    if (const auto error = thread->failure()) return to_string(*error);
  }
  std::string text;
  for (const auto& [number, leaves, thread] : threads_) {
    const runtime::ThreadSnapshot snapshot = thread->snapshot();
    text += (text.empty() ? "" : ", ") + std::string(to_string(snapshot.state));
    for (const auto& task : snapshot.tasks)
      text += " " + to_string(task.id) + ":" + std::string(runtime::to_string(task.state));
  }
  return text;
}

std::map<std::string, std::string> Instance::contents(std::string_view store) {
  std::map<std::string, std::string> rows;
  for (const auto& [number, leaves, thread] : threads_) {
    for (runtime::StreamTask* task : thread->running_tasks()) {
      StateStore* found = task->store(store);
      if (found == nullptr) continue;
      for (auto row = found->range({}); row->valid(); row->next()) rows[std::string(row->key())] = std::string(row->value());
    }
  }
  return rows;
}

}  // namespace tidemill::simulation
