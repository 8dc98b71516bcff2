#include "instance.hpp"

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
  for (int i = 1; i <= options.threads; ++i) {
    runtime::StreamThreadOptions thread;
    thread.name = options.process_id + "-StreamThread-" + std::to_string(i);
    thread.topology = options.topology;
    thread.config = &self.config_;
    thread.log = self.log_.get();
    thread.clock = &clock;
    thread.coordinator = self.coordinator_;
    thread.persistent_engine = self.persistent_.get();
    thread.memory_engine = self.memory_.get();
    thread.state_directory = options.state_directory;
    thread.join.process_id = options.process_id;
    thread.join.client_id = thread.name;
    thread.join.tasks = plan.tasks;
    thread.join.max_poll_interval = self.config_.max_poll_interval;
    thread.join.session_timeout = self.config_.session_timeout;
    thread.cache_bytes = options.cache_bytes;
    self.threads_.push_back(std::make_unique<runtime::StreamThread>(std::move(thread)));
    TIDEMILL_TRY(self.threads_.back()->start());
  }
  return instance;
}

Instance::~Instance() {
  threads_.clear();
  coordinator_.reset();
}

bool Instance::step(std::size_t thread) { return threads_[thread]->run_once(clock_->now()).worked; }

bool Instance::failed() const {
  for (const auto& thread : threads_) {
    if (thread->snapshot().state == runtime::ThreadState::kDead) return true;
  }
  return false;
}
std::string Instance::state() const {
  for (const auto& thread : threads_) {
    if (const auto error = thread->failure()) return to_string(*error);
  }
  std::string text;
  for (const auto& thread : threads_) {
    const runtime::ThreadSnapshot snapshot = thread->snapshot();
    text += (text.empty() ? "" : ", ") + std::string(to_string(snapshot.state));
    for (const auto& task : snapshot.tasks)
      text += " " + to_string(task.id) + ":" + std::string(runtime::to_string(task.state));
  }
  return text;
}

std::map<std::string, std::string> Instance::contents(std::string_view store) {
  std::map<std::string, std::string> rows;
  for (const auto& thread : threads_) {
    for (runtime::StreamTask* task : thread->running_tasks()) {
      StateStore* found = task->store(store);
      if (found == nullptr) continue;
      for (auto row = found->range({}); row->valid(); row->next()) rows[std::string(row->key())] = std::string(row->value());
    }
  }
  return rows;
}

}  // namespace tidemill::simulation
