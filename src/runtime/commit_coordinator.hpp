// CommitCoordinator: lets the threads of one commit group commit, or abort, as one. It owns the CommitGroup and
// replaces it when it is fenced or its outcome unknown.
//
// A round: somebody asks (kGathering), every participant stops between two records, hands in what it has and arrives;
// one of them, the leader, settles the transaction (kSettling); every participant then takes over the outcome (kApplying),
// and the next round may begin. Nobody waits in here: a participant steps through the phases from its run_once(), and
// is woken when a phase changes. Participants are used by their threads; the coordinator is thread-safe.
// Always true: between the first arrival and the outcome no participant processes anything; an outcome is applied by
// each participant before it sends again.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <tidemill/base/clock.hpp>
#include <tidemill/log/log.hpp>

namespace tidemill::runtime {

enum class RoundPhase : std::uint8_t { kNone, kGathering, kSettling, kApplying };
enum class RoundIntent : std::uint8_t { kCommit, kAbort };

struct RoundOutcome {
  CommitOutcome outcome = CommitOutcome::kCommitted;
  Error error;
  std::vector<WrittenPosition> written;
  /// The log gives no group any more: nothing can be committed, and each thread fails with it.
  std::optional<Error> log_failure;
};

class CommitCoordinator {
 public:
  static constexpr std::chrono::milliseconds kIdleCommitInterval{1};
  /// A log whose commits cost little is committed to more often than the commit interval asks for, also while there is more to
  /// do: so many times the time that the last round took lie between two rounds.
  static constexpr int kBusyCommitShare = 20;

  /// What a participant tells of itself between rounds.
  struct Activity {
    bool idle = true;      // has nothing to do
    bool dirty = false;    // has done something since the last commit
    bool gathers = false;  // would rather wait for the commit interval: its record cache is in use
    bool keeps_up = true;  // has processed all that there was from outside the group
  };
  struct Advice {
    std::optional<MonotonicTime> report_again;  // nullopt: no need
    /// A commit is wanted, and all that is left to do is on its way inside the group: take nothing new from outside, and the
    /// commit can have it all.
    bool drain = false;
  };

  class Participant {
   public:
    /// Leaves; what it sent and did not commit must have been aborted.
    ~Participant();

   private:
    friend class CommitCoordinator;
    CommitCoordinator* coordinator = nullptr;
    UniqueFunction<void()> wake;
    std::uint64_t arrived = 0;    // number of the last round
    std::uint64_t handed_in = 0;  // the same; a newcomer has handed in nothing in a round that it missed
    MembershipToken token;        // with which it arrived
    std::uint64_t applied = 0;
    Activity activity;
  };

  CommitCoordinator(Log& log, const Clock& clock, CommitGroupOptions options);

  /// Opens the group; participants may join before.
  [[nodiscard]] Result<void> open(MonotonicTime deadline);
  /// `wake` is called from any thread.
  [[nodiscard]] std::unique_ptr<Participant> join(UniqueFunction<void()> wake);
  /// Grows whenever the group has been replaced: producers and consumers of before are void.
  [[nodiscard]] std::uint64_t incarnation() const;
  /// Handles of the present incarnation; null while there is no group.
  [[nodiscard]] std::shared_ptr<CommitGroup> group() const;

  /// Begins a round unless one is under way. An abort turns a commit that is being gathered into an abort.
  void request(RoundIntent intent, const Error& reason = {});
  /// What `participant` has to do now.
  struct View {
    RoundPhase phase = RoundPhase::kNone;  // kNone: go on processing
    RoundIntent intent = RoundIntent::kCommit;
    bool must_arrive = false;  // kGathering, and not arrived yet
    bool is_leader = false;    // kSettling
    bool must_apply = false;   // kApplying, and not applied yet
  };
  [[nodiscard]] View view(const Participant& participant);
  /// `token`: as it was when the participant staged. What it staged may be committed only as long as this one is good, not by
  /// one that it was given later, with other tasks.
  void arrive(Participant& participant, MembershipToken token);
  /// The leader's step: flush, commit or abort, and a new group where needed. True: the outcome is there.
  /// `check` runs between flush and commit (deliveries that failed), `valid` for each other participant's token; an error
  /// aborts.
  bool settle(Participant& participant, UniqueFunction<Result<void>()> check,
              UniqueFunction<Result<void>(const MembershipToken&)> valid, Now now);
  /// What all have to take over; call applied() afterwards.
  [[nodiscard]] const RoundOutcome& outcome() const { return outcome_; }
  void applied(Participant& participant, Now now);

  /// For a log with commits_are_cheap. Begins a round when something was done and the last commit is kIdleCommitInterval ago,
  /// where nobody has anything to do, or kBusyCommitShare times what it took after something was done again, where nobody gathers.
  Advice report(Participant& participant, Activity activity, Now now);
  /// Waits, at most so long, while the participant has to stand still. Only for threads of their own.
  void wait_while_standing_still(const Participant& participant, std::chrono::nanoseconds time_max);
  /// Waits, at most so long, until the round is in another phase.
  void wait_for_another_phase(std::chrono::nanoseconds time_max);
  /// Number of rounds that have ended.
  [[nodiscard]] std::uint64_t rounds() const;

 private:
  void leave(Participant& participant);
  void wake_all_locked();
  void begin_locked(RoundIntent intent, const Error& reason, Participant* leader);
  void gathered_locked();
  bool reopen(Now now);

  Log& log_;
  const Clock& clock_;
  const CommitGroupOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Participant*> participants_;
  std::shared_ptr<CommitGroup> group_;
  std::uint64_t incarnation_ = 0;
  RoundPhase phase_ = RoundPhase::kNone;
  RoundIntent intent_ = RoundIntent::kCommit;
  Error abort_reason_;
  std::uint64_t round_ = 0;  // the present one, or the last
  Participant* leader_ = nullptr;
  MonotonicTime last_commit_{};
  MonotonicTime dirty_since_{};  // the first report after the last round
  MonotonicTime round_began_{};
  std::chrono::nanoseconds round_took_{0};  // the last one that was applied
  // The leader's own while settling.
  bool flushed_ = false;
  bool needs_group_ = false;
  bool settled_ = false;
  MonotonicTime settling_since_{};
  RoundOutcome outcome_;
};

}  // namespace tidemill::runtime
