// log_owner DIRECTORY: owns an embedded log and does what standard input says, a command a line, answering
// each with `ok`, or `failed` and why. It begins with a line `ready` and ends with its input.
//
//   topic NAME PARTITIONS [KEY=VALUE...]     makes a topic
//   put TOPIC PARTITION KEY VALUE            a durable record; a key or value `-` is null
//   odd TOPIC                                one record whose key, value and headers are no text
//   begin TOPIC PARTITION VALUE              a record in a transaction that stays open
//   commit, abort                            end it
//   position GROUP TOPIC PARTITION OFFSET    a group's position
//   join GROUP, leave                        a member without tasks
//   background                               retention and compaction, now
#include <iostream>
#include <sstream>
#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/headers.hpp>

using namespace tidemill;

namespace {

MonotonicTime deadline() { return system_clock().now().monotonic + std::chrono::seconds(30); }

class Owner {
 public:
  explicit Owner(const std::string& directory) : log_(open_embedded_log(directory).value()) {}

  void run(std::istringstream& command) {
    std::string name;
    std::string topic;
    std::int32_t partition = 0;
    command >> name;
    if (name == "topic") {
      TopicSpec spec;
      command >> spec.name >> spec.partitions;
      for (std::string entry; command >> entry;)
        spec.config[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
      log_->admin().create_topic(spec, deadline()).value();
    } else if (name == "put") {
      std::string key;
      std::string value;
      command >> topic >> partition >> key >> value;
      put(topic, partition, key == "-" ? OptionalBytesView() : BytesView(key),
          value == "-" ? OptionalBytesView() : BytesView(value), {});
    } else if (name == "odd") {
      command >> topic;
      put(topic, 0, BytesView("\xff\x00k", 3), BytesView("\xc3\x28", 2),
          Headers{{"trace", Bytes("abc")}, {"raw", Bytes("\xfe\xff")}, {"none", std::nullopt}});
    } else if (name == "begin") {
      std::string value;
      command >> topic >> partition >> value;
      transaction_ = log_->commit_group({.name = "t", .application_id = {}}, deadline()).value();
      producer_ = transaction_->producer();
      send(*producer_, topic, partition, std::nullopt, BytesView(value), {});
      (void)transaction_->flush(deadline()).value();
    } else if (name == "commit" || name == "abort") {
      const CommitResult result = name == "commit" ? transaction_->commit({}, deadline()) : transaction_->abort(deadline());
      if (result.outcome != (name == "commit" ? CommitOutcome::kCommitted : CommitOutcome::kAborted))
        throw ResultException(result.error);
      producer_.reset();
      transaction_.reset();
    } else if (name == "position") {
      std::string group;
      std::int64_t offset = 0;
      command >> group >> topic >> partition >> offset;
      const CommitPosition position{{topic, PartitionId(partition)}, Offset(offset), kNoLeaderEpoch, "here"};
      log_->membership(group)
          .value()
          ->commit(std::span(&position, 1), {.group = group, .member_id = {}, .instance_id = {}}, deadline())
          .value();
    } else if (name == "join") {
      std::string group;
      command >> group;
      member_ = log_->membership(group).value();
      member_->join({}).value();
    } else if (name == "leave") {
      member_->leave(deadline());
      member_.reset();
    } else if (name == "background") {
      run_background(*log_).value();
    } else {
      throw std::runtime_error("there is no command " + name);
    }
  }

 private:
  static void send(LogProducer& producer, const std::string& topic, std::int32_t partition, OptionalBytesView key,
                   OptionalBytesView value, const Headers& headers) {
    const Bytes encoded = headers.encode();
    ProducerRecord record;
    record.topic = producer.topic(topic, deadline()).value();
    record.partition = PartitionId(partition);
    record.timestamp = Timestamp(1795593600123);
    record.key = key;
    record.value = value;
    record.headers = encoded;
    if (producer.send(record) != SendStatus::kAccepted) throw ResultException(producer.last_error());
    producer.dispatch();
  }
  void put(const std::string& topic, std::int32_t partition, OptionalBytesView key, OptionalBytesView value,
           const Headers& headers) {
    const auto group =
        log_->commit_group({.name = {}, .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce}, deadline())
            .value();
    const auto producer = group->producer();
    send(*producer, topic, partition, key, value, headers);
    (void)group->flush(deadline()).value();
  }

  std::shared_ptr<Log> log_;
  std::unique_ptr<CommitGroup> transaction_;
  std::unique_ptr<LogProducer> producer_;
  std::unique_ptr<Membership> member_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: log_owner DIRECTORY\n";
    return 2;
  }
  Owner owner(argv[1]);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    try {
      std::istringstream command(line);
      owner.run(command);
      std::cout << "ok" << std::endl;
    } catch (const std::exception& problem) {
      std::cout << "failed " << problem.what() << std::endl;
    }
  }
}
