#include "runtime/stream_thread.hpp"

#include <algorithm>
#include <utility>

#include <tidemill/base/assert.hpp>

#include "base/durations.hpp"
#include "base/logging.hpp"
#include "base/thrown_error.hpp"
#include "runtime/reader_properties.hpp"
#include "runtime/task_exceptions.hpp"
#include "state/thread_cache.hpp"

namespace tidemill::runtime {
namespace {

/// Upper bound of a wait when nothing says otherwise; every event wakes the thread earlier.
constexpr std::chrono::milliseconds kRestoreRetry{5};
constexpr std::chrono::seconds kLeaveTimeout{5};
constexpr std::chrono::seconds kDeadLettersTimeout{10};

}  // namespace

std::string_view to_string(ThreadState state) {
  switch (state) {
    case ThreadState::kCreated: return "CREATED";
    case ThreadState::kStarting: return "STARTING";
    case ThreadState::kPartitionsRevoked: return "PARTITIONS_REVOKED";
    case ThreadState::kPartitionsAssigned: return "PARTITIONS_ASSIGNED";
    case ThreadState::kRunning: return "RUNNING";
    case ThreadState::kPendingShutdown: return "PENDING_SHUTDOWN";
    case ThreadState::kDead: return "DEAD";
  }
  return "UNKNOWN";
}

ThreadShares thread_shares(const StreamsConfig& config, std::size_t threads, bool has_global_stores) {
  threads = std::max<std::size_t>(threads, 1);
  return {.cache_bytes = config.statestore_cache_max_bytes / (threads + (has_global_stores ? 1 : 0)),
          .input_bytes_max = std::max<std::size_t>(1, config.input_buffer_max_bytes / threads),
          .uncommitted_bytes_max = config.statestore_uncommitted_max_bytes / threads};
}

StreamThread::StreamThread(StreamThreadOptions options)
    : options_(std::move(options)),
      shares_(options_.shares),
      restorer_(*options_.log, *options_.clock, options_.restore_observer,
                reader_properties(*options_.config, options_.config->restore_consumer)),
      leave_group_(options_.join.instance_id.empty()) {
  commit_interval_ = options_.config->commit_interval;
  if (commit_interval_.count() < 0) {
    const bool exactly_once = options_.config->processing_guarantee == ProcessingGuarantee::kExactlyOnceV2;
    commit_interval_ = std::chrono::milliseconds(exactly_once ? 100 : 30000);
  }
  if (shares_.cache_bytes > 0) cache_ = std::make_unique<ThreadCache>(shares_.cache_bytes);
  if (options_.log->traits().creates_missing_topics) {
    make_topic_ = [this](const std::string& topic) {
      return options_.log->admin().create_topic({.name = topic, .partitions = -1, .replication_factor = -1, .config = {}},
                                                options_.clock->now().monotonic + std::chrono::seconds(30));
    };
  }
}

StreamThread::~StreamThread() { end_unrun(); }

void StreamThread::end_unrun() {
  if (!dead_) die();
}

Result<void> StreamThread::start() {
  set_state(ThreadState::kStarting);
  participant_ = options_.coordinator->join([this] { wake(); });
  open_handles();
  last_round_ = options_.clock->now().monotonic;
  return rejoin();
}

Result<void> StreamThread::rejoin() {
  // A static member is known again by its name.
  if (membership_ && options_.join.instance_id.empty()) membership_->leave(options_.clock->now().monotonic + kLeaveTimeout);
  membership_.reset();
  pending_assignment_.reset();
  rejoins_ = false;
  TIDEMILL_ASSIGN(membership_, options_.log->membership(options_.config->application_id));
  membership_->set_wake([this] { wake(); });
  return membership_->join(options_.join);
}

void StreamThread::open_handles() {
  group_ = options_.coordinator->group();
  if (!group_) return;
  {
    const std::lock_guard lock(mutex_);
    wake_target_.reset();
  }
  gate_.close();
  consumer_.reset();
  gate_.open(group_->producer(), options_.coordinator->incarnation());
  consumer_ = group_->consumer();
  const std::lock_guard lock(mutex_);
  wake_target_ = consumer_;
}

StreamThread::Step StreamThread::run_once(Now now) {
  {
    const std::lock_guard lock(mutex_);
    if (dead_) return {.alive = false, .wait_until = now.monotonic, .worked = false};
  }
  metrics_.rounds.add();
  try {
    return round(now);
  } catch (const TaskMigrated& migrated) {
    lose_tasks(migrated.error());
    rejoins_ = true;
  } catch (const TransactionBroken& broken) {
    want_abort_ = true;
    abort_reason_ = broken.error();
  } catch (const StateStoreException& error) {
    fail(error.error());
  } catch (const ResultException& error) {
    fail(error.error());
  } catch (const StreamsException& error) {
    fail(Error{ErrorKind::kInternal, error.what(), error.task_id()});
  } catch (...) {
    fail(Error{ErrorKind::kInternal, describe_exception(std::current_exception()).message});
  }
  return {.alive = true, .wait_until = now.monotonic, .worked = true};
}

StreamThread::Step StreamThread::round(Now now) {
  // At least a millisecond: a poll time of 0 must not make the thread spin.
  const auto poll_time = std::max(options_.config->poll, std::chrono::milliseconds(1));
  Step step{.alive = true, .wait_until = now.monotonic + poll_time, .worked = false};
  if (shut_down_ && !closing_) {
    closing_ = true;
    set_state(ThreadState::kPendingShutdown);
  }
  // Before it hears of its tasks: whoever asks would find those of which nothing is restored yet, though all may be there.
  run_mailbox();
  if (membership_ && !closing_) handle_events(now);
  standing_still_ = false;
  waits_for_room_ = false;
  if (coordinate(now, step)) return step;
  if (closing_ || revoking_ || tasks_lost_) {
    if (closing_) {
      die();
      return {.alive = false, .wait_until = now.monotonic, .worked = true};
    }
    finish_revocation(now);
  } else if (pending_assignment_) {
    const TasksAssigned assigned = *std::exchange(pending_assignment_, std::nullopt);
    assign(assigned, now);
  }
  bool worked = false;
  if (!gate_.is_open()) {
    // The group is gone, and nobody tries to get another: a thread that has replaced one that failed with the log. A round does,
    // or tells why not.
    options_.coordinator->request(RoundIntent::kAbort, Error{ErrorKind::kClosed, "the commit group is gone"});
    step.wait_until = now.monotonic;
    return step;
  }
  if (now.monotonic < resume_at_) {
    step.wait_until = resume_at_;
    return step;
  }
  take_shares();
  worked |= start_tasks(now);
  worked |= poll(now);
  worked |= shrink_cache();
  if (!paused_) {
    worked |= process(now);
    if (!gate_.spilled()) worked |= punctuate();
  }
  gate_.dispatch();
  gate_.drain(now.monotonic);
  resume_inputs();
  if (const Result<void> delivered = take_delivery_failures(); !delivered) throw TransactionBroken(delivered.error());
  commit_if_due(now, worked, step);
  if (worked) step.wait_until = now.monotonic;
  const bool asks_again = pending_assignment_ || some_out_of_range_;
  if (!restorer_.empty() || gate_.spilled() || asks_again)
    step.wait_until = std::min(step.wait_until, now.monotonic + kRestoreRetry);
  for (const auto& slot : slots_) {
    if (slot->phase == SlotPhase::kNeedsPositions) {
      step.wait_until = std::min(step.wait_until, now.monotonic + kRestoreRetry);
    }
    if (slot->phase != SlotPhase::kRunning || paused_ || gate_.spilled()) continue;
    if (const auto end = end_of_waiting(*slot, now)) step.wait_until = std::min(step.wait_until, *end);
    if (const Timestamp due = slot->task->next_wall_clock_punctuation(); due != kNoTimestamp) {
      const std::chrono::milliseconds in(due > now.wall ? due - now.wall : 0);
      step.wait_until = std::min(step.wait_until, now.monotonic + bounded(in));
    }
  }
  step.worked = worked;
  return step;
}

void StreamThread::wait(MonotonicTime deadline) {
  if (standing_still_ && participant_) {
    // Data must not wake it: it may not look at them before the round has ended.
    options_.coordinator->wait_while_standing_still(*participant_, deadline - options_.clock->now().monotonic);
  } else if (waits_for_room_) {
    options_.coordinator->wait_for_another_phase(deadline - options_.clock->now().monotonic);  // nor here
  } else if (consumer_) {
    consumer_->wait(deadline);
  } else {
    options_.coordinator->wait_for_another_phase(deadline - options_.clock->now().monotonic);
  }
}

void StreamThread::wake() {
  const std::lock_guard lock(mutex_);
  if (wake_target_) wake_target_->wake();
}

void StreamThread::shut_down(bool leave_group) {
  leave_group_ = leave_group;
  shut_down_ = true;
  wake();
}

// Membership

void StreamThread::handle_events(Now now) {
  for (MembershipEvent& event : membership_->events()) {
    if (const auto* assigned = std::get_if<TasksAssigned>(&event)) {
      if (revoking_ || tasks_lost_) {
        pending_assignment_ = *assigned;
      } else {
        pending_assignment_.reset();
        assign(*assigned, now);
      }
    } else if (const auto* revoked = std::get_if<TasksRevoked>(&event)) {
      set_state(ThreadState::kPartitionsRevoked);
      lock_waits_.clear();
      for (const auto& slot : slots_) {
        slot->revoked =
            slot->revoked || std::find(revoked->tasks.begin(), revoked->tasks.end(), slot->id) != revoked->tasks.end();
      }
      if (pending_assignment_) {  // given and taken back before it was begun
        std::erase_if(pending_assignment_->active, [&](const TaskId& id) {
          return std::find(revoked->tasks.begin(), revoked->tasks.end(), id) != revoked->tasks.end();
        });
      }
      revoking_ = true;
      if (dirty()) want_commit_ = true;
    } else if (auto* lost = std::get_if<TasksLost>(&event)) {
      pending_assignment_.reset();
      lock_waits_.clear();
      lose_tasks(lost->reason);
    } else if (std::holds_alternative<ApplicationShutdownRequested>(event)) {
      if (options_.on_application_shutdown) options_.on_application_shutdown();
    } else if (auto* hosts = std::get_if<GroupHosts>(&event)) {
      const std::lock_guard lock(mutex_);
      snapshot_.hosts = std::move(hosts->hosts);
    } else if (auto* failed = std::get_if<MembershipFailed>(&event)) {
      fail(failed->error);
    }
  }
}

void StreamThread::assign(const TasksAssigned& assigned, Now) {
  set_state(ThreadState::kPartitionsAssigned);
  for (const TaskId& id : assigned.active) {
    const bool known =
        std::any_of(slots_.begin(), slots_.end(), [&id](const auto& slot) { return slot->id == id && !slot->revoked; });
    if (!known && !create_task(id)) {
      pending_assignment_ = assigned;
      return;
    }
  }
  // What is not in the assignment has been revoked before; be sure of it.
  for (const auto& slot : slots_) {
    if (std::find(assigned.active.begin(), assigned.active.end(), slot->id) == assigned.active.end()) {
      slot->revoked = true;
      revoking_ = true;
      if (dirty()) want_commit_ = true;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    snapshot_.assigned = true;
  }
  publish();
}

void StreamThread::lose_tasks(const Error& reason) {
  logger()->warn("{}: the tasks are another's now: {}", options_.name, reason.message);
  await_assignment();
  tasks_lost_ = true;
  if (dirty()) {
    want_abort_ = true;
    abort_reason_ = reason;
  }
  for (const auto& slot : slots_) slot->revoked = true;
}

void StreamThread::await_assignment() {
  {
    const std::lock_guard lock(mutex_);
    snapshot_.assigned = false;
  }
  set_state(ThreadState::kPartitionsRevoked);
}

void StreamThread::finish_revocation(Now now) {
  if (tasks_lost_) {
    tasks_lost_ = false;
    const bool gives_back = revoking_;  // of what it was given since
    close_all_tasks();
    if (rejoins_) {
      if (const Result<void> joined = rejoin(); !joined) fail(joined.error());
    } else if (gives_back) {
      membership_->acknowledge_revoked();
    }
  } else {
    revoking_ = false;
    for (std::size_t i = 0; i < slots_.size();) {
      if (!slots_[i]->revoked) {
        ++i;
        continue;
      }
      close_task(*slots_[i]);
      slots_.erase(slots_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    membership_->acknowledge_revoked();
  }
  publish();
  if (pending_assignment_) {
    const TasksAssigned assigned = *std::exchange(pending_assignment_, std::nullopt);
    assign(assigned, now);
  }
}

void StreamThread::replan(std::shared_ptr<const Topology> topology, std::vector<SubtopologyTasks> tasks) {
  if (closing_) return;
  set_state(ThreadState::kPartitionsRevoked);
  close_all_tasks();
  publish();
  options_.topology = std::move(topology);
  options_.join.tasks = std::move(tasks);
  if (const Result<void> joined = rejoin(); !joined) fail(joined.error());
}

// Ends

void StreamThread::fail(Error error) {
  logger()->error("{}: {}", options_.name, error.message);
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = error;
  }
  want_commit_ = false;
  if (dirty()) {
    want_abort_ = true;
    abort_reason_ = error;
  }
  closing_ = true;
  set_state(ThreadState::kPendingShutdown);
}

void StreamThread::die() {
  close_all_tasks();
  participant_.reset();
  failure_letters_.write(*options_.log, *options_.topology, *options_.config, options_.name,
                         options_.clock->now().monotonic + kDeadLettersTimeout);
  const std::optional<Error> error = failure();
  const bool all_stop = error && options_.on_failure && options_.on_failure(*error);
  if (membership_) {
    if (all_stop) membership_->shutdown_application();
    // Leaving waits until the group has heard of it.
    if (leave_group_ || all_stop) membership_->leave(options_.clock->now().monotonic + kLeaveTimeout);
    membership_.reset();
  }
  std::vector<UniqueFunction<void(StreamThread&)>> jobs;
  {
    const std::lock_guard lock(mutex_);
    dead_ = true;
    wake_target_.reset();
    jobs = std::move(mailbox_);
    for (auto& job : committed_mailbox_) jobs.push_back(std::move(job));
    mailbox_.clear();
    committed_mailbox_.clear();
  }
  for (auto& job : jobs) job(*this);
  gate_.close();
  consumer_.reset();
  group_.reset();
  options_.coordinator.reset();
  publish();
  set_state(ThreadState::kDead);
}

std::vector<StreamTask*> StreamThread::running_tasks() {
  std::vector<StreamTask*> tasks;
  for (const auto& slot : slots_) {
    if (slot->phase == SlotPhase::kRunning) tasks.push_back(slot->task.get());
  }
  return tasks;
}
std::vector<StreamTask*> StreamThread::tasks() {
  std::vector<StreamTask*> tasks;
  for (const auto& slot : slots_) tasks.push_back(slot->task.get());
  return tasks;
}
bool StreamThread::has_tasks_that_do_not_run() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot->phase != SlotPhase::kRunning; });
}
std::chrono::milliseconds StreamThread::since_commit(Now now) const {
  if (!dirty()) return std::chrono::milliseconds(0);
  return std::chrono::ceil<std::chrono::milliseconds>(now.monotonic - last_round_);
}
bool StreamThread::dirty() const { return processed_since_commit_ || gate_.sent_bytes() > 0; }

}  // namespace tidemill::runtime
