// secure_client FILE [join | look-up] [--refused]: all that an application does with a broker, once, over the connections that the
// properties file asks for: joins a group (through our own client), looks the topic up, writes and commits a transaction with
// a position, reads it back (through librdkafka). Or only one of the first two. librdkafka tries again what was refused:
// who expects that waits less long with --refused.
//
// Says what it has done, or why not and ends with status 1.
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string_view>

#include <tidemill/base/clock.hpp>

#include "client_program.hpp"

namespace tidemill {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kPatienceWithRefusals{8};
const TopicPartition kPartition{"secrets", PartitionId(0)};

MonotonicTime soon() { return system_clock().now().monotonic + kPatience; }

/// A member of the group, once it was given its task.
class Member {
 public:
  Member(Log& log, const ConfigReading& reading) : membership_(log.membership(reading.config.application_id).value()) {
    membership_->set_wake([this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    });
    membership_
        ->join({.process_id = reading.config.client_id,
                .client_id = reading.config.client_id + "-StreamThread-1",
                .instance_id = {},
                .user_endpoint = {},
                .tasks = {{0, 1, false, {kPartition.topic}}},
                .task_offset_sums = {},
                .session_timeout = reading.config.session_timeout,
                .heartbeat_interval = reading.config.heartbeat_interval})
        .value();
    wait_for_task(soon());
  }
  ~Member() { membership_->leave(soon()); }
  Membership& operator*() { return *membership_; }

 private:
  void wait_for_task(MonotonicTime deadline) {
    while (true) {
      for (const MembershipEvent& event : membership_->events()) {
        const auto* assigned = std::get_if<TasksAssigned>(&event);
        if (assigned != nullptr && !assigned->active.empty()) return;
        if (const auto* failed = std::get_if<MembershipFailed>(&event)) throw ResultException(failed->error);
      }
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [&] { return std::exchange(woken_, false); })) {
        throw ResultException(Error{ErrorKind::kTimeout, "nothing was assigned"});
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::unique_ptr<Membership> membership_;  // wakes until it is gone
};

void write_and_commit(Log& log, Membership& membership, const ConfigReading& reading) {
  const std::string& name = reading.config.client_id;
  const auto group = log.commit_group({.name = name, .application_id = reading.config.application_id}, soon()).value();
  const auto producer = group->producer();
  const SendStatus sent = producer->send({.topic = producer->topic(kPartition.topic, soon()).value(),
                                          .partition = kPartition.partition,
                                          .key = BytesView(name),
                                          .value = BytesView("secret"),
                                          .headers = {}});
  if (sent != SendStatus::kAccepted) throw ResultException(producer->last_error());
  producer->dispatch();
  const CommitPosition position{kPartition, Offset(7), kNoLeaderEpoch, name};
  group->stage({&position, 1}).value();
  (void)group->flush(soon()).value();
  if (const CommitResult result = group->commit(membership.token(), soon()); result.outcome != CommitOutcome::kCommitted) {
    throw ResultException(result.error);
  }
  const auto committed = membership.committed({&kPartition, 1}, soon()).value();
  if (committed.size() != 1 || committed.front().offset != position.offset) {
    throw ResultException(Error{ErrorKind::kInternal, "the committed position is another"});
  }
}

/// Until the record with this client's name has come.
void read_back(Log& log, const std::string& name) {
  const auto consumer = log.consumer(Isolation::kReadCommitted).value();
  const std::pair<TopicPartition, Offset> start{kPartition, Offset(0)};
  consumer->assign({&start, 1}).value();
  const MonotonicTime deadline = soon();
  do {
    const PollResult polled = consumer->poll(std::size_t{1} << 20).value();
    for (const auto& failed : polled.errors) throw ResultException(failed.error);
    for (const RecordBatchPtr& batch : polled.batches) {
      for (const LogRecord& record : batch->records) {
        if (record.key && *record.key == name) return;
      }
    }
  } while (consumer->wait(deadline));
  throw ResultException(Error{ErrorKind::kTimeout, "what was committed has not come"});
}

void look_up(Log& log, std::chrono::seconds patience) {
  (void)log.admin().describe_topic(kPartition.topic, system_clock().now().monotonic + patience).value();
  std::printf("looked up\n");
}

void talk(const std::string& file, std::string_view part, std::chrono::seconds patience) {
  const ConfigReading reading = read_config(read_properties_file(file).value());
  const std::shared_ptr<Log> log = kafka_log_of(reading);
  if (part == "look-up") return look_up(*log, patience);
  Member member(*log, reading);
  std::printf("joined\n");
  if (part == "join") return;
  look_up(*log, patience);
  write_and_commit(*log, *member, reading);
  read_back(*log, reading.config.client_id);
  std::printf("committed and read\n");
}

}  // namespace
}  // namespace tidemill

int main(int argc, char** argv) {
  const bool refused = argc > 2 && std::string_view(argv[argc - 1]) == "--refused";
  const int words = refused ? argc - 1 : argc;
  const std::string_view part = words == 3 ? argv[2] : "";
  if (words < 2 || words > 3 || (words == 3 && part != "join" && part != "look-up")) {
    std::fprintf(stderr, "usage: secure_client FILE [join | look-up] [--refused]\n");
    return 2;
  }
  try {
    tidemill::talk(argv[1], part, refused ? tidemill::kPatienceWithRefusals : tidemill::kPatience);
  } catch (const std::exception& error) {
    std::printf("failed: %s\n", error.what());
    return 1;
  }
  return 0;
}
