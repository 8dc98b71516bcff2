// The stream threads of an application: how one comes, works, fails, is replaced and goes.
//
// There is one way in, make_host() and begin(), and one way out, the end of work(), at the start and at any time later. Whoever comes
// takes the lowest number that is free; whoever goes has committed, closed its tasks and left its commit group and its consumer group
// before. The budgets are shared out anew whenever the number of threads changes.
#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

/// For the global thread when the others have ended in error; close() waits as long as it was told.
constexpr std::chrono::seconds kGlobalStopTimeout{5};
/// For a broker when a thread comes.
constexpr std::chrono::seconds kJoinTimeout{60};

}  // namespace

thread_local Streams::Impl::Caller Streams::Impl::caller_;

// Coming

Result<std::shared_ptr<Streams::Impl::Host>> Streams::Impl::make_host(MonotonicTime deadline) {
  const Error closed{ErrorKind::kClosed, "the application ends"};
  auto host = std::make_shared<Host>();
  {
    const std::lock_guard lock(mutex_);
    if (!running_locked()) return closed;
    const auto is_taken = [this](std::int32_t number) {
      return std::any_of(hosts_.begin(), hosts_.end(), [number](const auto& other) {
        return other->number == number && other->phase != Host::Phase::kEnded;
      });
    };
    for (host->number = 1; is_taken(host->number);) ++host->number;
    host->name = fmt::format("{}-StreamThread-{}", client_id_, host->number);
    hosts_.push_back(host);
    ++thread_changes_;
    split_shares_locked();  // the others make room first
  }
  std::uint64_t plan = 0;
  Result<std::shared_ptr<runtime::StreamThread>> made = closed;
  try {
    auto coordinator = make_coordinator(host->number, deadline);
    made = coordinator ? make_thread(*host, *std::move(coordinator), plan)
                       : Result<std::shared_ptr<runtime::StreamThread>>(coordinator.error());
  } catch (...) {
    made = Error{ErrorKind::kInternal, host->name + " cannot be made: " + describe_exception(std::current_exception()).message};
  }
  if (!made) {
    drop(host);
    return made.error();
  }
  const std::shared_ptr<runtime::StreamThread> thread = *std::move(made);
  std::shared_ptr<const Topology> missed;
  std::vector<SubtopologyTasks> tasks;
  {
    const std::lock_guard lock(mutex_);
    host->thread = thread;
    host->phase = Host::Phase::kReady;
    if (!running_locked()) thread->shut_down(members_leave_locked());  // who stops them all has not seen it
    split_shares_locked();
    if (plan != plan_) missed = topology_, tasks = tasks_;
  }
  if (missed) thread->post([missed, tasks](runtime::StreamThread& owner) { owner.replan(missed, tasks); }, true);
  // Whoever pauses or resumes from now on tells it, too.
  for (bool told = !paused_; told != paused_;) thread->set_paused(told = paused_);
  return host;
}

Result<std::shared_ptr<runtime::CommitCoordinator>> Streams::Impl::make_coordinator(std::int32_t number,
                                                                                    MonotonicTime deadline) {
  const bool together = config_.log->traits().commit_group_span == LogTraits::CommitGroupSpan::kProcess;
  {
    const std::lock_guard lock(mutex_);
    if (together && coordinator_) return coordinator_;
  }
  CommitGroupOptions options{
      .name = fmt::format("{}-{}-{}", config_.application_id, directory_->process_id(), together ? 0 : number - 1),
      .application_id = config_.application_id,
      .guarantee = config_.processing_guarantee,
      .transaction_timeout = config_.transaction_timeout,
      .producer_properties = {config_.producer.begin(), config_.producer.end()},
      .consumer_properties = consumer_properties(config_, config_.main_consumer)};
  auto coordinator = std::make_shared<runtime::CommitCoordinator>(*config_.log, clock(), std::move(options));
  TIDEMILL_TRY(coordinator->open(deadline));
  if (together) {
    const std::lock_guard lock(mutex_);
    coordinator_ = coordinator;
  }
  return coordinator;
}

Result<std::shared_ptr<runtime::StreamThread>> Streams::Impl::make_thread(
    Host& host, std::shared_ptr<runtime::CommitCoordinator> coordinator, std::uint64_t& plan) {
  runtime::StreamThreadOptions options;
  {
    const std::lock_guard lock(mutex_);
    options.topology = topology_;
    options.join.tasks = tasks_;
    options.shares = shares_locked();
    plan = plan_;
  }
  options.name = host.name;
  options.streams_metrics = std::make_shared<StreamsMetrics>(sensors_, options.name);
  options.config = &config_;
  options.log = config_.log.get();
  options.clock = &clock();
  options.coordinator = std::move(coordinator);
  options.persistent_engine = persistent_engine_.get();
  options.memory_engine = memory_engine_.get();
  options.state_directory = directory_->path();
  options.directories = directory_.get();
  options.join.process_id = directory_->process_id();
  options.join.client_id = options.name;
  if (has_static_members()) {
    options.join.instance_id = fmt::format("{}-{}", config_.group_instance_id, host.number);
  }
  options.join.user_endpoint = config_.application_server;
  options.join.num_standby_replicas = config_.num_standby_replicas;
  options.join.task_offset_sums = directory_->task_offset_sums();
  options.join.session_timeout = config_.session_timeout;
  options.join.heartbeat_interval = config_.heartbeat_interval;
  options.join.max_poll_interval = config_.max_poll_interval;
  options.restore_observer = this;
  options.global_store = find_global_;
  options.on_state = [this](runtime::ThreadState) { thread_changed(); };
  options.on_failure = [this, &host](const Error& error) { return thread_failed(host, error); };
  options.on_application_shutdown = [this] {
    end_in_error({ErrorKind::kClosed, "another member asked the whole application to stop"});
  };
  auto thread = std::make_shared<runtime::StreamThread>(std::move(options));
  TIDEMILL_TRY(thread->start());
  return thread;
}

Result<void> Streams::Impl::begin(const std::shared_ptr<Host>& host) {
  {
    const std::lock_guard lock(mutex_);
    if (!running_locked()) return Error{ErrorKind::kClosed, "the application ends"};
    try {
      host->worker = std::thread([this, worker = host.get()] { work(*worker); });
    } catch (const std::system_error& error) {
      return Error{ErrorKind::kUnavailable, fmt::format("{} cannot be started: {}", host->name, error.what())};
    }
    host->phase = Host::Phase::kWorking;
    threads_begun_ = true;
    if (upkeeper_ == nullptr) upkeeper_ = host.get();
  }
  thread_changed();  // only now: the listener may take its time, or add and remove threads
  return {};
}

void Streams::Impl::drop(const std::shared_ptr<Host>& host) {
  leave_for_good(*host);
  std::shared_ptr<runtime::StreamThread> thread;
  {
    const std::lock_guard lock(mutex_);
    host->phase = Host::Phase::kMaking;  // so that close() waits
    thread.swap(host->thread);
  }
  if (thread) thread->end_unrun();
  thread.reset();
  {
    const std::lock_guard lock(mutex_);
    std::erase(hosts_, host);
    ++thread_changes_;
    split_shares_locked();
    changed_.notify_all();
  }
  thread_changed();
  finish();
}

Result<std::optional<std::string>> Streams::Impl::add_thread() {
  reap();
  {
    const std::lock_guard lock(mutex_);
    if (!threads_begun_ || !running_locked()) {
      logger()->warn("{}: no stream thread is added: the application is {}", config_.application_id, to_string(state_));
      return std::optional<std::string>();
    }
  }
  Result<std::shared_ptr<Host>> host = make_host(clock().now().monotonic + kJoinTimeout);
  Result<void> begun = host ? begin(*host) : Result<void>(host.error());
  if (!begun) {
    if (host) drop(*host);
    if (begun.error().kind == ErrorKind::kClosed) return std::optional<std::string>();
    return begun.error().with_context("a stream thread cannot be added");
  }
  logger()->info("{}: {} is there now, too", config_.application_id, (*host)->name);
  return std::optional((*host)->name);
}

// Working

void Streams::Impl::work(Host& host) {
  caller_ = {.impl = this, .host = &host};
  std::shared_ptr<runtime::StreamThread> thread;
  {
    const std::lock_guard lock(mutex_);
    thread = host.thread;
  }
  for (;;) {
    const Now now = clock().now();
    const runtime::StreamThread::Step step = thread->run_once(now);
    if (!step.alive) break;
    if (upkeeper_ == &host) keep_up(now);
    if (!step.worked && step.wait_until > now.monotonic) thread->wait(step.wait_until);
  }
  const std::optional<Error> failure = thread->failure();
  thread.reset();
  stopped(host);
  try {
    if (failure && host.answer == UncaughtExceptionAnswer::kReplaceThread) {
      replace(host, *failure);
    } else if (failure) {
      end_in_error(*failure);
    }
  } catch (...) {  // memory that is not there, as a rule
    end_in_error(
        {ErrorKind::kInternal, host.name + " cannot be replaced: " + describe_exception(std::current_exception()).message});
  }
  ended(host);
}

void Streams::Impl::keep_up(Now now) {
  try {
    upkeep(now);
  } catch (...) {
    logger()->error("{}: what is done now and then failed: {}", config_.application_id,
                    describe_exception(std::current_exception()).message);
  }
}

bool Streams::Impl::thread_failed(Host& host, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    ++failed_threads_;
  }
  host.answer = UncaughtExceptionAnswer::kShutdownClient;
  Error reason = error;
  if (uncaught_handler_) {
    const std::lock_guard lock(listener_mutex_);
    try {
      host.answer = uncaught_handler_(host.name, error);
    } catch (...) {
      // It has not answered: the answer that nothing is lost by.
      reason = error.with_context("the uncaught exception handler threw " +
                                  describe_exception(std::current_exception()).message + " when it was asked about");
    }
  }
  if (host.answer == UncaughtExceptionAnswer::kReplaceThread) {
    const std::lock_guard lock(mutex_);
    const auto pause = replacements_.next(clock().now().monotonic, sharers_locked());
    if (pause) {
      host.pause = *pause;
      logger()->warn("{}: {} has failed and is replaced in {} ms", config_.application_id, host.name, pause->count());
    } else {
      host.answer = UncaughtExceptionAnswer::kShutdownClient;
      reason = error.with_context(fmt::format("stream threads fail again as soon as they are replaced, {} times more than "
                                              "there are threads within {} s: a new thread "
                                              "does not mend this",
                                              ReplacementLimit::kRepeatedMax, ReplacementLimit::kWindow.count()));
    }
  }
  if (host.answer == UncaughtExceptionAnswer::kReplaceThread) {
    leave_for_good(host);
  } else {
    // The others are stopped before this one's tasks are free, so that they do not fail on the same record.
    end_in_error(reason);
  }
  return host.answer == UncaughtExceptionAnswer::kShutdownApplication;
}

/// Its number may be nobody's from now on, so that also a static member is not expected back: unless all end now, it leaves.
void Streams::Impl::leave_for_good(Host& host) {
  const std::lock_guard lock(mutex_);  // so that close() has the last word
  if (running_locked() && host.thread) host.thread->shut_down(true);
}

/// The others have its tasks meanwhile.
void Streams::Impl::replace(Host& host, const Error& failure) {
  {
    std::unique_lock lock(mutex_);
    if (host.leaves) return;
    changed_.wait_for(lock, host.pause, [this] { return !running_locked(); });
  }
  const Result<std::optional<std::string>> added = add_thread();
  if (!added || !*added) end_in_error(added ? failure : added.error());
}

void Streams::Impl::thread_changed() {
  {
    const std::lock_guard lock(mutex_);
    ++thread_changes_;
    bool all = true;
    bool some = false;
    for (const auto& host : hosts_) {
      if (host->phase >= Host::Phase::kStopped) continue;
      switch (host->thread ? host->thread->state() : runtime::ThreadState::kCreated) {
        case runtime::ThreadState::kRunning: some = true; break;
        case runtime::ThreadState::kPendingShutdown:
        case runtime::ThreadState::kDead: break;  // as in Kafka Streams: nobody waits for one that goes
        default: all = false;
      }
    }
    if (all && some && state_ == StreamsState::kRebalancing) change_state_locked(StreamsState::kRunning);
    if (!all && state_ == StreamsState::kRunning) change_state_locked(StreamsState::kRebalancing);
  }
  deliver_transitions();
}

std::size_t Streams::Impl::sharers_locked() const {
  return static_cast<std::size_t>(
      std::count_if(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->phase < Host::Phase::kStopped; }));
}

runtime::ThreadShares Streams::Impl::shares_locked() const {
  return runtime::thread_shares(config_, sharers_locked(), !given_topology_->global_nodes.empty());
}

void Streams::Impl::split_shares_locked() {
  for (const auto& host : hosts_) {
    if (host->thread) host->thread->set_shares(shares_locked());
  }
}

std::vector<std::shared_ptr<runtime::StreamThread>> Streams::Impl::threads() const {
  std::vector<std::shared_ptr<runtime::StreamThread>> result;
  const std::lock_guard lock(mutex_);
  for (const auto& host : hosts_) {
    if (host->thread) result.push_back(host->thread);
  }
  return result;
}

std::optional<std::uint64_t> Streams::Impl::settled_threads() const {
  const std::lock_guard lock(mutex_);
  for (const auto& host : hosts_) {
    if (host->phase == Host::Phase::kEnded) continue;
    if (host->phase != Host::Phase::kWorking || host->leaves) return std::nullopt;
    if (host->thread->state() != runtime::ThreadState::kRunning) return std::nullopt;
  }
  return thread_changes_;
}

// Going

Result<std::optional<std::string>> Streams::Impl::remove_thread(std::optional<std::chrono::milliseconds> timeout) {
  reap();
  const auto began = system_clock().now().monotonic;
  std::shared_ptr<Host> host;
  std::shared_ptr<runtime::StreamThread> thread;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Host> own;
    for (const auto& candidate : hosts_) {
      if (!running_locked() || candidate->phase != Host::Phase::kWorking || candidate->leaves) continue;
      const runtime::ThreadState its_state = candidate->thread->state();
      if (its_state == runtime::ThreadState::kPendingShutdown || its_state == runtime::ThreadState::kDead) continue;
      (caller_.host == candidate.get() ? own : host) = candidate;
      if (host) break;
    }
    if (!host) host = own;
    if (!host) {
      logger()->warn("{}: no stream thread is removed: the application is {}, and none is there that could be",
                     config_.application_id, to_string(state_));
      return std::optional<std::string>();
    }
    host->leaves = true;
    ++thread_changes_;
    thread = host->thread;
    thread->shut_down(true);  // before close() can say something else
  }
  logger()->info("{}: {} is removed", config_.application_id, host->name);
  if (must_not_wait()) return std::optional(host->name);
  {
    std::unique_lock lock(mutex_);
    const auto has_ended = [&host] { return host->phase == Host::Phase::kEnded; };
    if (timeout) {
      changed_.wait_for(lock, began + *timeout - system_clock().now().monotonic, has_ended);
    } else {
      changed_.wait(lock, has_ended);
    }
    if (!has_ended()) {
      const std::string busy = thread->busy_with();
      return Error{ErrorKind::kTimeout, fmt::format("{} has not ended within {} ms: it is in {}; it ends when that returns",
                                                    host->name, timeout->count(), busy.empty() ? "the library" : busy)};
    }
  }
  thread.reset();
  reap();
  return std::optional(host->name);
}

/// Its stream thread is dead: its tasks and its share are the others'.
void Streams::Impl::stopped(Host& host) {
  std::shared_ptr<runtime::StreamThread> gone;
  {
    const std::lock_guard lock(mutex_);
    host.phase = Host::Phase::kStopped;
    // Where all end, what they have done can still be asked.
    if (running_locked()) gone.swap(host.thread);
    if (upkeeper_ == &host) {
      const auto next =
          std::find_if(hosts_.begin(), hosts_.end(), [](const auto& other) { return other->phase == Host::Phase::kWorking; });
      upkeeper_ = next == hosts_.end() ? nullptr : next->get();
    }
    ++thread_changes_;
    split_shares_locked();
  }
  gone.reset();
  thread_changed();
}

/// The last thing a worker does: from then on it touches nothing of this.
void Streams::Impl::ended(Host& host) {
  finish();
  const std::lock_guard lock(mutex_);
  host.phase = Host::Phase::kEnded;
  changed_.notify_all();
}

void Streams::Impl::reap() {
  std::vector<std::shared_ptr<Host>> gone;
  {
    const std::lock_guard lock(mutex_);
    if (!running_locked()) return;  // close() does
    const auto first = std::stable_partition(hosts_.begin(), hosts_.end(),
                                             [](const auto& host) { return host->phase != Host::Phase::kEnded; });
    gone.assign(first, hosts_.end());
    hosts_.erase(first, hosts_.end());
  }
  for (const auto& host : gone) host->worker.join();
}

void Streams::Impl::end_in_error(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (!change_state_locked(StreamsState::kPendingError)) return;
    error_ = error;
  }
  deliver_transitions();
  logger()->error("{}: the application ends in ERROR: {}", config_.application_id, error.message);
  stop_threads();
  finish();
}

void Streams::Impl::finish() {
  {
    const std::lock_guard lock(mutex_);
    const bool works =
        std::any_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->phase < Host::Phase::kStopped; });
    const bool ends = state_ == StreamsState::kPendingError || (state_ == StreamsState::kPendingShutdown && ends_by_itself_);
    if (!ends || works) return;
  }
  if (global() != nullptr && !global()->is_caller()) static_cast<void>(global()->stop(kGlobalStopTimeout));
  if (!set_state(StreamsState::kError)) set_state(StreamsState::kNotRunning);
}

/// The embedded log knows none: all members are in its process.
bool Streams::Impl::has_static_members() const {
  return !config_.group_instance_id.empty() && config_.log->traits().commit_group_span == LogTraits::CommitGroupSpan::kThread;
}

/// Unless somebody has said so, static members stay in the group: they are expected back.
bool Streams::Impl::members_leave_locked() const { return leave_group_.value_or(!has_static_members()); }

void Streams::Impl::stop_threads() {
  const std::lock_guard lock(mutex_);
  for (const auto& host : hosts_) {
    if (host->thread) host->thread->shut_down(members_leave_locked());
  }
}

}  // namespace tidemill
