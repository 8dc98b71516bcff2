// How a stream thread takes part in the rounds of its commit group: flush caches, dispatch, stage, arrive; as the leader
// flush and commit; then either the stores take over what was written, or everything goes back to the last commit.
#include <algorithm>

#include <fmt/format.h>

#include "base/crash_point.hpp"
#include "base/logging.hpp"
#include "runtime/stream_thread.hpp"
#include "runtime/task_exceptions.hpp"
#include "state/thread_cache.hpp"

namespace tidemill::runtime {
namespace {

/// Another participant is waited for; its arrival wakes this thread, this is only the longest sleep.
constexpr std::chrono::milliseconds kStandStill{50};
constexpr std::chrono::milliseconds kGatherRetry{1};
/// Between two tries while the log has no room for what was sent.
constexpr std::chrono::milliseconds kRoomRetry{10};
/// A round in which the log takes nothing for so long is aborted, and tried again later; when closing it is the end.
constexpr std::chrono::seconds kNoRoomMax{10};
constexpr std::chrono::seconds kNoRoomWhenClosingMax{1};

}  // namespace

bool StreamThread::coordinate(Now now, Step& step) {
  for (;;) {
    if (want_abort_) {
      options_.coordinator->request(RoundIntent::kAbort, abort_reason_);
    } else if (want_commit_ || ((closing_ || revoking_) && dirty())) {
      options_.coordinator->request(RoundIntent::kCommit);
    }
    const CommitCoordinator::View view = options_.coordinator->view(*participant_);
    if (view.phase == RoundPhase::kNone) {
      if (options_.coordinator->incarnation() != gate_.incarnation()) open_handles();
      // Not over yet when what this one asked for has to wait for the end of another round.
      const bool waits = want_abort_ || ((closing_ || revoking_ || tasks_lost_) && dirty());
      if (waits) step.wait_until = now.monotonic + kGatherRetry;
      return waits;
    }
    if (view.must_arrive) {
      commit_started_ = options_.clock->now().monotonic;
      if (!gather(view.intent, now)) {
        waits_for_room_ = true;
        step.wait_until = now.monotonic + kRoomRetry;
        return true;
      }
      options_.coordinator->arrive(*participant_, membership_ ? membership_->token() : MembershipToken{});
      continue;
    }
    if (view.is_leader) {
      const auto valid = [this](const MembershipToken& token) {
        return membership_->commit({}, token, options_.clock->now().monotonic + std::chrono::seconds(5));
      };
      if (!options_.coordinator->settle(
              *participant_, [this] { return take_delivery_failures(); }, valid, now)) {
        step.wait_until = now.monotonic + kGatherRetry;
        return true;
      }
      continue;
    }
    if (view.must_apply) {
      const RoundOutcome outcome = options_.coordinator->outcome();
      options_.coordinator->applied(*participant_, now);
      apply(outcome, now);
      continue;
    }
    standing_still_ = true;
    step.wait_until = now.monotonic + kStandStill;
    return true;
  }
}

bool StreamThread::gather(RoundIntent intent, Now now) {
  if (intent == RoundIntent::kAbort || want_abort_) return true;
  try {
    if (dirty()) {
      for (const auto& slot : slots_) {
        if (slot->phase == SlotPhase::kRunning) slot->task->flush_caches();
      }
    }
    TIDEMILL_CRASH_POINT("commit.caches_flushed");
    gate_.dispatch();
    if (!gate_.drain(now.monotonic)) {
      const auto refused_for = gate_.refused_for(now.monotonic);
      // Without a transaction an abort takes nothing back: what has been written would be written again, to no avail.
      const bool transactional = options_.config->processing_guarantee == ProcessingGuarantee::kExactlyOnceV2;
      const std::chrono::nanoseconds most = transactional ? kNoRoomMax : options_.config->task_timeout;
      if (refused_for < (closing_ ? kNoRoomWhenClosingMax : most)) return false;
      throw TransactionBroken(
          {ErrorKind::kFull, fmt::format("{} has had no room for what was sent for {} ms", options_.log->traits().description,
                                         std::chrono::floor<std::chrono::milliseconds>(refused_for).count())});
    }
    gate_.dispatch();
    // Tasks that are lost are another's, whose positions are newer; where a thread failed, what it polled is processed by nobody.
    const bool stages = !tasks_lost_ && !failure();
    std::vector<CommitPosition> positions;
    for (const auto& slot : slots_) {
      if (stages && slot->phase == SlotPhase::kRunning) slot->task->positions(consumer_.get(), positions);
    }
    if (!positions.empty()) {
      if (const Result<void> staged = group_->stage(positions); !staged) {
        want_abort_ = true;
        abort_reason_ = staged.error();
        options_.coordinator->request(RoundIntent::kAbort, staged.error());
        return true;
      }
    }
    TIDEMILL_CRASH_POINT("commit.staged");
    return true;
  } catch (const TransactionBroken& broken) {
    abort_reason_ = broken.error();
  } catch (const TaskMigrated& migrated) {
    lose_tasks(migrated.error());
    rejoins_ = true;
    abort_reason_ = migrated.error();
  } catch (const StateStoreException& error) {
    fail(error.error());
    abort_reason_ = error.error();
  } catch (const StreamsException& error) {
    abort_reason_ = Error{ErrorKind::kInternal, error.what(), error.task_id()};
    fail(abort_reason_);
  } catch (const std::exception& error) {
    abort_reason_ = Error{ErrorKind::kInternal, error.what()};
    fail(abort_reason_);
  }
  want_abort_ = true;
  options_.coordinator->request(RoundIntent::kAbort, abort_reason_);
  return true;
}

void StreamThread::apply(const RoundOutcome& outcome, Now now) {
  last_round_ = now.monotonic;
  want_commit_ = false;
  want_abort_ = false;
  processed_since_commit_ = false;
  draining_ = false;  // the next round of run_once() resumes what it paused
  gate_.reset_counters();
  const auto took = static_cast<std::uint64_t>((options_.clock->now().monotonic - commit_started_).count());
  if (options_.coordinator->incarnation() != gate_.incarnation()) open_handles();
  if (outcome.outcome == CommitOutcome::kCommitted) {
    aborts_in_a_row_ = 0;
    metrics_.commits.add();
    metrics_.commit_nanoseconds.add(took);
    metrics_.commit_nanoseconds_max.raise_to(took);
    for (const auto& slot : slots_) {
      if (slot->phase != SlotPhase::kRunning) continue;
      if (const Result<void> committed = slot->task->commit(outcome.written); !committed) {
        fail(committed.error());
        return;
      }
    }
    publish_positions();
    run_mailbox();
    purge_repartition_topics(now);
    return;
  }
  aborted(outcome, now);
}

void StreamThread::aborted(const RoundOutcome& outcome, Now now) {
  metrics_.aborts.add();
  gate_.drop_spill();
  if (outcome.log_failure) {
    gate_.close();
    fail(*outcome.log_failure);
    return;
  }
  reset_tasks();
  if (outcome.outcome == CommitOutcome::kFenced) {
    logger()->warn("{}: the commit was refused, the tasks may be another's now: {}", options_.name, outcome.error.message);
    await_assignment();
    close_all_tasks();
    publish();
    if (!closing_) {
      if (const Result<void> joined = rejoin(); !joined) fail(joined.error());
    }
    return;
  }
  // A full disk or a log out of reach is tried again, ever more slowly, as long as task.timeout.ms allows.
  if (++aborts_in_a_row_ == 1) {
    first_abort_ = now.monotonic;
    return;
  }
  if (now.monotonic - first_abort_ > options_.config->task_timeout && !closing_) {
    fail(outcome.error.with_context("no commit has succeeded for task.timeout.ms"));
    return;
  }
  resume_at_ = now.monotonic + std::min(kAbortPauseMax, kAbortPauseMin * (1 << std::min(aborts_in_a_row_ - 2, 10)));
}

/// Back to the last commit. What was committed is read anew (positions, and the changelogs' tails), which is right after
/// an abort, after an unknown outcome, and where there is no transaction to abort.
void StreamThread::reset_tasks() {
  for (const auto& slot : slots_) {
    if (slot->phase == SlotPhase::kRestoring) restorer_.remove(*slot->task);
    if (slot->phase == SlotPhase::kRunning) {
      for (std::size_t i = 0; i < slot->task->input_count(); ++i) {
        if (consumer_) consumer_->unassign({&slot->task->input(i), 1});
        inputs_.erase(slot->task->input(i));
      }
    }
    slot->task->abort();
    slot->phase = SlotPhase::kNeedsPositions;
    slot->empty_since.assign(slot->task->input_count(), std::nullopt);
    slot->paused.assign(slot->task->input_count(), false);
  }
  publish();
}

Result<void> StreamThread::take_delivery_failures() {
  if (!gate_.is_open()) return {};
  for (const DeliveryFailure& failure : gate_.producer().take_failures()) {
    // A log that does not say whose record it was names the topic: then a task answers that has written there.
    const auto number = static_cast<std::uint32_t>(failure.cookie >> 32);
    const auto slot = std::find_if(slots_.begin(), slots_.end(), [&](const auto& candidate) {
      return failure.cookie == 0 ? candidate->collector->has_written_to(failure.partition.topic) : candidate->number == number;
    });
    const bool changelog = (failure.cookie & 0xffffffffU) == 0xffffffffU;
    if (slot == slots_.end() || changelog) return failure.error;
    try {
      (*slot)->collector->delivery_failed(failure);
    } catch (const TransactionBroken& broken) {
      return broken.error();
    } catch (const TaskMigrated& migrated) {
      return migrated.error();
    } catch (const std::exception& error) {
      fail(Error{ErrorKind::kInternal, error.what()});
      return Error{ErrorKind::kTransactionAborted, error.what()};
    }
  }
  return {};
}

void StreamThread::commit_if_due(Now now, bool worked, Step& step) {
  const std::size_t bytes_max = options_.log->traits().transaction_bytes_max;
  bool asked = bytes_max > 0 && gate_.sent_bytes() > bytes_max;
  std::size_t uncommitted = 0;
  bool queued = false;
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    asked |= slot->task->commit_requested();
    uncommitted += slot->task->uncommitted_bytes();
    queued |= slot->task->buffered_records() > 0;
    slot->task->metrics()->buffered_records.set(slot->task->buffered_records());
    slot->task->metrics()->buffered_bytes.set(slot->task->buffered_bytes());
  }
  if (cache_) {
    metrics_.cache_bytes.set(cache_->memory_bytes());
    metrics_.cache_counted.set(cache_->size_bytes());
  }
  asked |= uncommitted > shares_.uncommitted_bytes_max;
  const bool is_dirty = dirty();
  if (is_dirty && (asked || now.monotonic - last_round_ >= commit_interval_)) {
    want_commit_ = true;
    step.wait_until = now.monotonic;
    return;
  }
  if (is_dirty) step.wait_until = std::min(step.wait_until, last_round_ + commit_interval_);
  if (!options_.log->traits().commits_are_cheap) return;
  const CommitCoordinator::Advice advice = options_.coordinator->report(*participant_,
                                                                        {.idle = !worked && (!queued || paused_),
                                                                         .dirty = is_dirty,
                                                                         .gathers = cache_ && cache_->size_bytes() > 0,
                                                                         .keeps_up = keeps_up()},
                                                                        now);
  if (advice.report_again) step.wait_until = std::min(step.wait_until, *advice.report_again);
  if (advice.drain != draining_) {
    draining_ = advice.drain;
    draining_ ? pause_external_inputs() : resume_inputs();
  }
}

Offset StreamThread::next_offset(const StreamTask& task, std::size_t index) const {
  const RecordQueue& queue = task.queue(index);
  if (!queue.empty()) return queue.head().offset;
  const Result<Offset> position = consumer_->position(queue.partition());
  return position ? std::max(*position, queue.offset_consumed()) : queue.offset_consumed();
}

void StreamThread::publish_positions() {
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    TaskMetrics& metrics = *slot->task->metrics();
    for (std::size_t i = 0; i < slot->task->input_count(); ++i) {
      const Offset next = next_offset(*slot->task, i);
      if (next == kNoOffset) continue;
      metrics.position[i].set(static_cast<std::uint64_t>(next.value));
      if (const auto end = consumer_->high_watermark(slot->task->input(i))) {
        metrics.lag[i].set(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *end - next)));
      }
    }
  }
}

StreamThread::Standing StreamThread::standing() const {
  Standing standing{.clean = !dirty() && !closing_ && !revoking_ && !tasks_lost_ && !has_tasks_that_do_not_run(),
                    .has_records = false,
                    .processed = metrics_.processed.value(),
                    .next = {}};
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    standing.has_records |= slot->task->buffered_records() > 0;
    for (std::size_t i = 0; i < slot->task->input_count(); ++i) {
      standing.next.emplace_back(slot->task->input(i), next_offset(*slot->task, i));
    }
  }
  return standing;
}

/// What repartition topics hold below the committed offset has been consumed for good.
void StreamThread::purge_repartition_topics(Now now) {
  if (now.monotonic - last_purge_ < options_.config->repartition_purge_interval) return;
  last_purge_ = now.monotonic;
  for (const auto& slot : slots_) {
    if (slot->phase != SlotPhase::kRunning) continue;
    for (std::size_t i = 0; i < slot->task->input_count(); ++i) {
      const TopicPartition& partition = slot->task->input(i);
      const Offset committed = slot->task->committed_offset(i);
      if (committed.value <= 0 || !is_internal_topic(slot->task->source(i), partition.topic)) continue;
      const Result<void> deleted =
          options_.log->admin().delete_records(partition, committed, options_.clock->now().monotonic + std::chrono::seconds(5));
      if (!deleted) logger()->warn("{}: {} is not purged: {}", options_.name, to_string(partition), deleted.error().message);
    }
  }
}

}  // namespace tidemill::runtime
