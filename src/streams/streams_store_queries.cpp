// Questions to the stores of a running application, from any thread.
//
// A question goes to every stream thread's mailbox; the owner answers between two records. With read committed and an engine that has
// snapshots the owner only takes the snapshot, and who asked reads it; without them the owner answers right after a commit. A
// store that is being restored answers with what it has, which its position tells, unless the request wants tasks that run.
//
// The threads answer one after the other, so a task that moves may be with none of them when it is that one's turn. Always true: each
// partition of the store is in the answer, as a result or as a failure, but for those that other instances have. (Between two rebalances
// of several instances on Kafka a task is nobody's, and then it counts as another's as soon as the own threads run again.)
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "query/store_reader.hpp"
#include "streams/answers.hpp"
#include "streams/streams_impl.hpp"

namespace tidemill {
namespace {

/// Questions of an application that wait at once; an asker that has given up leaves its own in the mailboxes.
constexpr std::size_t kAsksMax = 4096;

/// A question, with its place among those that wait.
class Ask {
 public:
  Ask(StateQueryRequest asked, StoreQuery in_bytes, const Clock& watch, std::shared_ptr<std::atomic<std::size_t>> waiting)
      : request(std::move(asked)), query(std::move(in_bytes)), clock(&watch), waiting_(std::move(waiting)) {
    ++*waiting_;
  }
  ~Ask() { --*waiting_; }
  Ask(const Ask&) = delete;
  Ask& operator=(const Ask&) = delete;
  const StateQueryRequest request;
  const StoreQuery query;
  const Clock* const clock;

 private:
  std::shared_ptr<std::atomic<std::size_t>> waiting_;
};
struct PartitionPart {
  std::int32_t partition = 0;
  QueryResult<StoreRows> result;
  /// To be read by who asked.
  std::optional<CommittedStore> committed = std::nullopt;
};
using ThreadPart = std::vector<PartitionPart>;

/// Says where it was asked for, what was read, by whom, in which time.
class Watch {
 public:
  Watch(const StateQueryRequest& request, const Clock& clock, QueryResult<StoreRows>& result, std::string what)
      : wanted_(request.execution_info),
        clock_(clock),
        result_(result),
        what_(std::move(what)),
        begin_(clock.now().monotonic) {}
  ~Watch() {
    if (!wanted_) return;
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(clock_.now().monotonic - begin_);
    result_.add_execution_info(fmt::format("{} in {} us", what_, time.count()));
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  const bool wanted_;
  const Clock& clock_;
  QueryResult<StoreRows>& result_;
  std::string what_;
  MonotonicTime begin_;
};

/// `admitted`: by the request's bound. Else says so, of `what`.
bool within_bound(const StateQueryRequest& request, bool admitted, std::string_view what, QueryResult<StoreRows>& result) {
  if (admitted) return true;
  result.fail(FailureReason::kNotUpToBound,
              {ErrorKind::kUnavailable,
               fmt::format("{} \"{}\" has seen {}, which is not yet up to the bound {}", what, request.store_name,
                           to_string(result.position()), to_string(request.position_bound.position()))});
  return false;
}
bool within_bound(const StateQueryRequest& request, std::int32_t partition, QueryResult<StoreRows>& result) {
  return within_bound(request, request.position_bound.admits(result.position(), partition),
                      fmt::format("partition {} of store", partition), result);
}

/// False: the engine has no snapshots, so the owner has to answer right after a commit.
bool take_snapshot(const Ask& ask, runtime::StreamThread& thread, const runtime::StreamTask& task, runtime::TaskStore& store,
                   PartitionPart& part) {
  Result<std::unique_ptr<BytesSnapshot>> snapshot = store.engine->snapshot();
  if (!snapshot && snapshot.error().kind == ErrorKind::kUnsupported) return false;
  if (!snapshot) {
    part.result.fail(FailureReason::kStoreException, snapshot.error());
    return true;
  }
  part.result.set_staleness(thread.since_commit(ask.clock->now()));
  part.result.set_position(task.committed_position());
  if (within_bound(ask.request, part.partition, part.result)) {
    part.committed = CommittedStore{store.top->spec(), *std::move(snapshot), store.top->oldest_committed()};
  }
  return true;
}

void read_live(const Ask& ask, runtime::StreamThread& thread, const runtime::StreamTask& task, runtime::TaskStore& store,
               bool running, QueryResult<StoreRows>& result) {
  result.set_position(running ? task.processed_position() : store.engine->position());
  if (!running) result.set_staleness(QueryOutcome::kUnknownStaleness);
  if (!within_bound(ask.request, task.task_id().partition, result)) return;
  const Watch watch(ask.request, *ask.clock, result,
                    fmt::format("{} answered for task {}", thread.name(), to_string(task.task_id())));
  read_store(*store.top, ask.query, ask.request.bytes_max, result);
}

/// What a thread has of the store. nullopt: ask again right after a commit.
std::optional<ThreadPart> read_tasks(const Ask& ask, runtime::StreamThread& thread, bool at_commit) {
  ThreadPart parts;
  const StateQueryRequest& request = ask.request;
  // How many rows there are is an estimate, and always one of now.
  const bool live =
      at_commit || request.isolation == QueryIsolation::kReadUncommitted || ask.query.kind == StoreQuery::Kind::kCount;
  for (runtime::StreamTask* task : thread.tasks()) {
    const std::int32_t partition = task->task_id().partition;
    if (request.partitions && !request.partitions->contains(partition)) continue;
    for (runtime::TaskStore& store : task->stores()) {
      if (store.spec->name != request.store_name) continue;
      PartitionPart& part = parts.emplace_back();
      part.partition = partition;
      const bool running = task->state() == runtime::TaskState::kRunning;
      if (request.require_active && !running) {
        part.result.fail(
            FailureReason::kNotActive,
            {ErrorKind::kUnavailable, fmt::format("task {} of store \"{}\" does not run: it is {}", to_string(task->task_id()),
                                                  request.store_name, to_string(task->state()))});
      } else if (live || !running) {
        read_live(ask, thread, *task, store, running, part.result);
      } else if (!take_snapshot(ask, thread, *task, store, part)) {
        return std::nullopt;
      }
    }
  }
  return parts;
}

/// A task that moves from thread to thread meanwhile may answer twice; one that runs knows more than one that is being restored.
void add_better(StateQueryResult<StoreRows>& result, std::int32_t partition, QueryResult<StoreRows> answer) {
  const auto known = result.partition_results().find(partition);
  const bool worse = known != result.partition_results().end() && known->second.is_success() &&
                     (answer.is_failure() || answer.staleness() == QueryOutcome::kUnknownStaleness);
  if (!worse) result.add_result(partition, std::move(answer));
}

}  // namespace

QueryResult<StoreRows> Streams::Impl::query_global(const StateQueryRequest& request, const StoreQuery& query) const {
  QueryResult<StoreRows> result;
  const auto read = [&](LayeredStore& store, const Position& seen) {
    result.set_position(seen);
    if (!within_bound(request, request.position_bound.admits(seen), "global store", result)) return;
    const Watch watch(request, clock(), result, "the caller read the global store");
    read_store(store, query, request.bytes_max, result);
  };
  runtime::GlobalThread* const stores = global();
  if (stores != nullptr) result.set_staleness(stores->staleness());
  if (stores == nullptr || !stores->read(request.store_name, read)) {
    return QueryResult<StoreRows>::for_failure(FailureReason::kNotPresent,
                                               {ErrorKind::kUnavailable, "the global stores are not there yet"});
  }
  return result;
}

bool Streams::Impl::others_have_tasks(std::optional<std::uint64_t> settled, MonotonicTime deadline) const {
  if (!settled || settled_threads() != settled) return false;
  const std::size_t own = threads().size();
  {
    const std::lock_guard lock(mutex_);
    if (others_have_tasks_ && others_have_tasks_->first == *settled) return others_have_tasks_->second;
  }
  const auto group = config_.log->admin().describe_group(config_.application_id, deadline);
  if (!group || group->state != "Stable" || settled_threads() != settled) return false;
  const std::lock_guard lock(mutex_);
  others_have_tasks_ = {*settled, group->members.size() != own};
  return others_have_tasks_->second;
}

void Streams::Impl::explain_absent(const StateQueryRequest& request, std::optional<std::uint64_t> settled,
                                   MonotonicTime deadline, StateQueryResult<StoreRows>& result) const {
  const std::optional<StorePlace> place = store_place(request.store_name);
  std::set<std::int32_t> wanted = request.partitions.value_or(std::set<std::int32_t>());
  if (!request.partitions && place) {
    const bool complete = result.partition_results().size() >= static_cast<std::size_t>(place->partitions);
    if (complete || others_have_tasks(settled, deadline)) return;
    for (std::int32_t partition = 0; partition < place->partitions; ++partition) wanted.insert(partition);
  }
  for (const std::int32_t partition : wanted) {
    if (result.partition_results().contains(partition)) continue;
    if (place && (partition < 0 || partition >= place->partitions)) {
      result.add_result(partition,
                        QueryResult<StoreRows>::for_failure(
                            FailureReason::kDoesNotExist,
                            {ErrorKind::kNotFound, fmt::format("store \"{}\" has {} partitions, counted from 0: there is no {}",
                                                               request.store_name, place->partitions, partition)}));
    } else {
      result.add_result(partition,
                        QueryResult<StoreRows>::for_failure(
                            FailureReason::kNotPresent,
                            {ErrorKind::kUnavailable,
                             fmt::format("partition {} of store \"{}\" is not here now: another instance has it, or it is on "
                                         "its way",
                                         partition, request.store_name)}));
    }
  }
}

Result<StateQueryResult<StoreRows>> Streams::Impl::query_store(const StateQueryRequest& request,
                                                               const StoreQuery& query) const {
  TIDEMILL_TRY(check_known(request.store_name));
  if (query.needs_key() && !query.from) {
    return Error{ErrorKind::kInvalidArgument, fmt::format("{} of store \"{}\" names no key", query.name, request.store_name)};
  }
  const bool global = is_global(request.store_name);
  TIDEMILL_TRY(check_askable("store \"" + request.store_name + "\"", global ? OnStreamThread::kMay : OnStreamThread::kMayNot));
  if (!global) return query_threads(request, query);
  StateQueryResult<StoreRows> result;
  result.set_global_result(query_global(request, query));
  return result;
}

std::string Streams::Impl::topic_of_store(std::string_view name) const {
  const auto found = given_topology_->stores.find(name);
  if (found == given_topology_->stores.end()) return {};
  return given_topology_->store_topic(config_.application_id, found->second.spec);
}

Result<StateQueryResult<StoreRows>> Streams::Impl::query_threads(const StateQueryRequest& request,
                                                                 const StoreQuery& query) const {
  const MonotonicTime deadline = clock().now().monotonic + bounded(request.timeout);
  const std::optional<std::uint64_t> settled = settled_threads();
  const auto all = threads();
  auto ask = std::make_shared<const Ask>(request, query, clock(), asked_);
  if (*asked_ > kAsksMax) {
    return Error{ErrorKind::kFull, fmt::format("store \"{}\" was not asked: {} questions wait for an answer already",
                                               request.store_name, kAsksMax)};
  }
  const auto answers = std::make_shared<Answers<ThreadPart>>(all.size());
  for (const auto& thread : all) {
    thread->post([ask, reply = Reply<ThreadPart>(answers)](runtime::StreamThread& owner) mutable {
      if (!reply.wanted()) return;
      if (auto parts = read_tasks(*ask, owner, false)) return reply.give(*std::move(parts));
      owner.post([ask = std::move(ask), reply = std::move(reply)](
                     runtime::StreamThread& again) mutable { reply.give(*read_tasks(*ask, again, true)); },
                 true);
    });
  }
  if (!answers->wait(request.timeout)) {
    return Error{
        ErrorKind::kTimeout,
        fmt::format("store \"{}\" was not answered for in {} ms: a stream thread is busy, or its next commit is further away",
                    request.store_name, request.timeout.count())};
  }
  StateQueryResult<StoreRows> result;
  for (ThreadPart& parts : answers->take()) {
    for (PartitionPart& part : parts) {
      if (part.committed) {
        const Watch watch(request, clock(), part.result,
                          fmt::format("the caller read a snapshot of partition {}", part.partition));
        read_store(*std::move(part.committed), query, request.bytes_max, part.result);
      }
      add_better(result, part.partition, std::move(part.result));
    }
  }
  explain_absent(request, settled, deadline, result);
  return result;
}

}  // namespace tidemill
