#include "runtime/commit_coordinator.hpp"

#include <algorithm>

#include <tidemill/base/assert.hpp>

#include "base/crash_point.hpp"
#include "base/logging.hpp"

namespace tidemill::runtime {
namespace {

/// How long one step may wait for deliveries; a step that ran out of it is simply repeated.
constexpr std::chrono::milliseconds kFlushStep{20};
constexpr std::chrono::seconds kSettleTimeout{30};
/// A log that does not give a group back for so long has failed for its threads.
constexpr std::chrono::minutes kReopenTimeout{5};

}  // namespace

CommitCoordinator::Participant::~Participant() {
  if (coordinator != nullptr) coordinator->leave(*this);
}

CommitCoordinator::CommitCoordinator(Log& log, const Clock& clock, CommitGroupOptions options)
    : log_(log), clock_(clock), options_(std::move(options)) {}

Result<void> CommitCoordinator::open(MonotonicTime deadline) {
  TIDEMILL_ASSIGN(std::unique_ptr<CommitGroup> group, log_.commit_group(options_, deadline));
  const std::lock_guard lock(mutex_);
  group_ = std::move(group);
  ++incarnation_;
  last_commit_ = clock_.now().monotonic;
  return {};
}

std::unique_ptr<CommitCoordinator::Participant> CommitCoordinator::join(UniqueFunction<void()> wake) {
  auto participant = std::make_unique<Participant>();
  participant->coordinator = this;
  participant->wake = std::move(wake);
  const std::lock_guard lock(mutex_);
  // A round that is past gathering goes on without the newcomer, which has nothing in it.
  participant->arrived = phase_ == RoundPhase::kGathering ? round_ - 1 : round_;
  participant->applied = participant->arrived;
  participants_.push_back(participant.get());
  return participant;
}

void CommitCoordinator::leave(Participant& participant) {
  const std::lock_guard lock(mutex_);
  std::erase(participants_, &participant);
  if (leader_ == &participant) {
    // Settling was left undone; another one takes over where it stood.
    leader_ = participants_.empty() ? nullptr : participants_.front();
    if (leader_ == nullptr) phase_ = RoundPhase::kNone;
  }
  if (phase_ == RoundPhase::kGathering) gathered_locked();
  if (phase_ == RoundPhase::kApplying &&
      std::all_of(participants_.begin(), participants_.end(), [this](auto* p) { return p->applied == round_; })) {
    phase_ = RoundPhase::kNone;
  }
  // Also a single one: what it waits for may have been this one's.
  changed_.notify_all();
  for (Participant* rest : participants_) rest->wake();
}

std::uint64_t CommitCoordinator::incarnation() const {
  const std::lock_guard lock(mutex_);
  return incarnation_;
}
std::shared_ptr<CommitGroup> CommitCoordinator::group() const {
  const std::lock_guard lock(mutex_);
  return group_;
}
std::uint64_t CommitCoordinator::rounds() const {
  const std::lock_guard lock(mutex_);
  return phase_ == RoundPhase::kNone || phase_ == RoundPhase::kApplying ? round_ : round_ - 1;
}

void CommitCoordinator::wait_while_standing_still(const Participant& participant, std::chrono::nanoseconds time_max) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time_max, [&] {
    const bool arrived = phase_ == RoundPhase::kGathering && participant.arrived == round_;
    const bool led = phase_ == RoundPhase::kSettling && leader_ != &participant;
    return !arrived && !led;
  });
}

void CommitCoordinator::wait_for_another_phase(std::chrono::nanoseconds time_max) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time_max, [this, before = phase_] { return phase_ != before; });
}

void CommitCoordinator::wake_all_locked() {
  changed_.notify_all();
  if (participants_.size() < 2) return;
  for (Participant* participant : participants_) participant->wake();
}

void CommitCoordinator::request(RoundIntent intent, const Error& reason) {
  const std::lock_guard lock(mutex_);
  if (phase_ == RoundPhase::kGathering) {
    if (intent == RoundIntent::kAbort && intent_ != RoundIntent::kAbort) {
      intent_ = intent;
      abort_reason_ = reason;
    }
    return;
  }
  if (phase_ == RoundPhase::kNone) begin_locked(intent, reason, nullptr);
}

void CommitCoordinator::begin_locked(RoundIntent intent, const Error& reason, Participant* leader) {
  phase_ = RoundPhase::kGathering;
  intent_ = intent;
  abort_reason_ = reason;
  ++round_;
  dirty_since_ = {};
  round_began_ = clock_.now().monotonic;
  leader_ = leader;
  wake_all_locked();
}

CommitCoordinator::View CommitCoordinator::view(const Participant& participant) {
  const std::lock_guard lock(mutex_);
  View view{.phase = phase_, .intent = intent_};
  view.must_arrive = phase_ == RoundPhase::kGathering && participant.arrived != round_;
  view.is_leader = phase_ == RoundPhase::kSettling && leader_ == &participant;
  view.must_apply = phase_ == RoundPhase::kApplying && participant.applied != round_;
  if (phase_ == RoundPhase::kApplying && !view.must_apply) view.phase = RoundPhase::kNone;
  // A round that this one never was in does not hold it up before the outcome; nothing of it can be in there.
  return view;
}

void CommitCoordinator::arrive(Participant& participant, MembershipToken token) {
  const std::lock_guard lock(mutex_);
  if (phase_ != RoundPhase::kGathering) return;
  participant.token = std::move(token);
  participant.arrived = round_;
  participant.handed_in = round_;
  gathered_locked();
}

void CommitCoordinator::gathered_locked() {
  if (participants_.empty()) {
    phase_ = RoundPhase::kNone;
    return;
  }
  if (!std::all_of(participants_.begin(), participants_.end(), [this](auto* p) { return p->arrived == round_; })) return;
  phase_ = RoundPhase::kSettling;
  if (leader_ == nullptr) leader_ = participants_.front();
  flushed_ = false;
  settled_ = false;
  needs_group_ = group_ == nullptr;
  settling_since_ = MonotonicTime{};
  outcome_ = {};
  if (intent_ == RoundIntent::kAbort) {
    outcome_.outcome = CommitOutcome::kAborted;
    outcome_.error = abort_reason_;
  }
  wake_all_locked();
}

bool CommitCoordinator::settle(Participant& participant, UniqueFunction<Result<void>()> check,
                               UniqueFunction<Result<void>(const MembershipToken&)> valid, Now now) {
  std::shared_ptr<CommitGroup> group;
  RoundIntent intent;
  std::vector<MembershipToken> others;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != RoundPhase::kSettling || leader_ != &participant) return true;
    group = group_;
    intent = intent_;
    for (const Participant* other : participants_) {
      if (other != &participant && other->handed_in == round_) others.push_back(other->token);
    }
    if (settling_since_ == MonotonicTime{}) settling_since_ = now.monotonic;
  }
  const auto took = [this](CommitResult result) {
    outcome_.outcome = result.outcome;
    if (result.outcome != CommitOutcome::kCommitted) {
      if (!result.error.message.empty() || outcome_.error.message.empty()) outcome_.error = result.error;
      logger()->warn("commit group {}: {}", options_.name, outcome_.error.message);
    }
    needs_group_ = result.outcome == CommitOutcome::kFenced || result.outcome == CommitOutcome::kUnknown;
    settled_ = true;
  };
  const auto abort = [&](const Error& reason) {
    outcome_.error = reason;
    CommitResult result = group->abort(clock_.now().monotonic + kSettleTimeout);
    if (result.outcome == CommitOutcome::kCommitted) result.outcome = CommitOutcome::kAborted;
    took(std::move(result));
  };
  if (!settled_ && !needs_group_) {
    if (intent == RoundIntent::kAbort) {
      abort(outcome_.error);
    } else {
      if (!flushed_) {
        Result<std::vector<WrittenPosition>> written = group->flush(clock_.now().monotonic + kFlushStep);
        if (written) {
          outcome_.written = *std::move(written);
          flushed_ = true;
          TIDEMILL_CRASH_POINT("commit.flushed");
        } else if (written.error().kind == ErrorKind::kTimeout && now.monotonic - settling_since_ < kSettleTimeout) {
          return false;
        } else if (written.error().kind == ErrorKind::kFenced || written.error().kind == ErrorKind::kStaleMember) {
          took({.outcome = CommitOutcome::kFenced, .error = written.error()});
        } else {
          abort(written.error());
        }
      }
      if (flushed_ && !settled_) {
        Result<void> good = check();
        for (const MembershipToken& token : others) {
          if (good) good = valid(token);
        }
        if (!good) abort(good.error());
      }
      if (flushed_ && !settled_) {
        took(group->commit(participant.token, clock_.now().monotonic + kSettleTimeout));
        TIDEMILL_CRASH_POINT("commit.committed");
      }
    }
  }
  if (needs_group_ && !reopen(now)) {
    if (!outcome_.log_failure) return false;
    outcome_.outcome = CommitOutcome::kUnknown;
  }
  const std::lock_guard lock(mutex_);
  phase_ = RoundPhase::kApplying;
  last_commit_ = now.monotonic;
  wake_all_locked();
  return true;
}

bool CommitCoordinator::reopen(Now now) {
  {
    const std::lock_guard lock(mutex_);
    group_.reset();
  }
  Result<std::unique_ptr<CommitGroup>> group = log_.commit_group(options_, clock_.now().monotonic + kSettleTimeout);
  if (!group) {
    logger()->warn("commit group {} cannot be opened again: {}", options_.name, group.error().message);
    if (!group.error().retriable() || now.monotonic - settling_since_ > kReopenTimeout) outcome_.log_failure = group.error();
    return false;
  }
  const std::lock_guard lock(mutex_);
  group_ = *std::move(group);
  ++incarnation_;
  needs_group_ = false;
  return true;
}

void CommitCoordinator::applied(Participant& participant, Now) {
  const std::lock_guard lock(mutex_);
  participant.applied = round_;
  participant.activity.dirty = false;
  if (std::all_of(participants_.begin(), participants_.end(), [this](auto* p) { return p->applied == round_; })) {
    phase_ = RoundPhase::kNone;
    round_took_ = clock_.now().monotonic - round_began_;
  }
}

CommitCoordinator::Advice CommitCoordinator::report(Participant& participant, Activity activity, Now now) {
  const std::lock_guard lock(mutex_);
  participant.activity = activity;
  if (phase_ != RoundPhase::kNone) return {};
  Activity all;
  for (const Participant* other : participants_) {
    all.idle = all.idle && other->activity.idle;
    all.dirty = all.dirty || other->activity.dirty;
    all.gathers = all.gathers || other->activity.gathers;
    all.keeps_up = all.keeps_up && other->activity.keeps_up;
  }
  if (!all.dirty || (all.gathers && !all.idle)) return {};
  if (dirty_since_ == MonotonicTime{}) dirty_since_ = now.monotonic;
  const MonotonicTime wanted = last_commit_ + kIdleCommitInterval;
  // Not from the last commit on: after a quiet time the first record of all would be committed halfway.
  const MonotonicTime busy = std::max(last_commit_, dirty_since_) + kBusyCommitShare * round_took_;
  const MonotonicTime due = all.idle ? wanted : std::max(wanted, busy);
  if (now.monotonic < due) return {.report_again = due, .drain = all.keeps_up && now.monotonic >= wanted};
  begin_locked(RoundIntent::kCommit, {}, &participant);
  return {.report_again = now.monotonic};
}

}  // namespace tidemill::runtime
