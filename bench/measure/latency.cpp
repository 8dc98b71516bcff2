#include "measure/latency.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <thread>

#include <tidemill/base/partitioner.hpp>

#include "end_to_end/input_log.hpp"
#include "records.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;
using Clock = std::chrono::steady_clock;

constexpr std::int32_t kPartitions = 8;
constexpr std::uint32_t kKeys = 10'000;
constexpr std::size_t kPollBytes = std::size_t{1} << 20;
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::microseconds kLinger{100};  // so many records go out at once, as any producer's do; part of the latency

MonotonicTime in(std::chrono::nanoseconds time) { return Clock::now() + time; }

/// When a record was due, in front of its value.
void write_due(std::string& value, Clock::time_point due) {
  const std::int64_t nanoseconds = due.time_since_epoch().count();
  std::memcpy(value.data() + 1, &nanoseconds, sizeof nanoseconds);
}
std::int64_t read_due(BytesView value) {
  std::int64_t nanoseconds = 0;
  std::memcpy(&nanoseconds, value.data() + 1, sizeof nanoseconds);
  return nanoseconds;
}

/// Sends what is due, makes it durable, and looks again; never slower than the rate asks for.
void send_on_time(Log& log, std::uint64_t records, double per_second, Clock::time_point start) {
  const auto group =
      log.commit_group({.name = "sender", .application_id = "", .guarantee = ProcessingGuarantee::kAtLeastOnce}, in(kPatience))
          .value();
  const auto producer = group->producer();
  const TopicHandle topic = producer->topic(kInputTopic, in(kPatience)).value();
  RecordGenerator generator({.records = records, .keys = kKeys, .value_bytes = 100});
  std::uint64_t sent = 0;
  const auto due = [&](std::uint64_t number) {
    return start + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(number) * 1e9 / per_second));
  };
  while (sent < records) {
    std::this_thread::sleep_until(due(sent) + kLinger);
    const Clock::time_point now = Clock::now();
    for (; sent < records && due(sent) <= now; ++sent) {
      generator.next();
      std::string value(generator.value());
      write_due(value, due(sent));
      const ProducerRecord record{.topic = topic,
                                  .partition = partition_for_key(generator.key(), kPartitions),
                                  .timestamp = Timestamp(generator.timestamp()),
                                  .key = generator.key(),
                                  .value = BytesView(value),
                                  .headers = {}};
      if (producer->send(record) != SendStatus::kAccepted) throw ResultException(producer->last_error());
    }
    producer->dispatch();
    (void)group->flush(in(kPatience)).value();
  }
}

}  // namespace

Percentiles percentiles(std::vector<std::int64_t> nanoseconds) {
  if (nanoseconds.empty()) throw std::runtime_error("nothing has arrived");
  std::sort(nanoseconds.begin(), nanoseconds.end());
  const auto at = [&](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(nanoseconds.size())));
    return static_cast<double>(nanoseconds[std::max<std::size_t>(rank, 1) - 1]) / 1e6;
  };
  return {nanoseconds.size(), at(0.5), at(0.99), at(0.999), at(1)};
}

Percentiles measure_latency(const LatencyOptions& options, const Topology& topology) {
  const std::shared_ptr<Log> log = embedded_log(options.directory + "/log", {.durability = options.durability});
  log->admin().create_topic({.name = kInputTopic, .partitions = kPartitions, .config = {}}, in(kPatience)).value();
  log->admin().create_topic({.name = kOutputTopic, .partitions = kPartitions, .config = {}}, in(kPatience)).value();
  Streams streams(topology, {.application_id = "latency",
                             .log = log,
                             .processing_guarantee = options.guarantee,
                             .state_dir = options.directory + "/state"});
  streams.start().value();
  if (!streams.wait_until_caught_up(kPatience)) throw std::runtime_error("the application does not start");

  const auto consumer = log->consumer(Isolation::kReadCommitted).value();
  std::vector<std::pair<TopicPartition, Offset>> partitions;
  for (std::int32_t i = 0; i < kPartitions; ++i) partitions.push_back({{kOutputTopic, PartitionId(i)}, Offset(0)});
  consumer->assign(partitions).value();

  const auto records = static_cast<std::uint64_t>(options.records_per_second * (options.warm_up_seconds + options.seconds));
  const Clock::time_point start = Clock::now() + std::chrono::milliseconds(50);
  const std::int64_t counts_from =
      (start + std::chrono::nanoseconds(static_cast<std::int64_t>(options.warm_up_seconds * 1e9))).time_since_epoch().count();
  std::exception_ptr failure;
  std::thread sender([&] {
    try {
      send_on_time(*log, records, options.records_per_second, start);
    } catch (...) {
      failure = std::current_exception();
    }
  });
  std::vector<std::int64_t> latencies;
  latencies.reserve(records);
  std::uint64_t arrived = 0;
  while (arrived < records && consumer->wait(in(kPatience))) {
    const PollResult polled = consumer->poll(kPollBytes).value();
    const std::int64_t now = Clock::now().time_since_epoch().count();
    for (const RecordBatchPtr& batch : polled.batches) {
      arrived += batch->records.size();
      for (const LogRecord& record : batch->records) {
        const std::int64_t due = read_due(*record.value);
        if (due >= counts_from) latencies.push_back(now - due);
      }
    }
  }
  sender.join();
  if (failure) std::rethrow_exception(failure);
  streams.close().value();
  if (arrived != records) {
    throw std::runtime_error("only " + std::to_string(arrived) + " of " + std::to_string(records) + " records arrived");
  }
  return percentiles(std::move(latencies));
}

Percentiles measure_fdatasync(const std::string& directory, double seconds) {
  const std::string path = directory + "/sync";
  constexpr off_t kFileBytes = 64 << 20;
  const std::string page(4096, 'x');
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
  if (file < 0 || ::posix_fallocate(file, 0, kFileBytes) != 0) throw std::runtime_error("no file can be made in " + directory);
  std::vector<std::int64_t> times;
  const Clock::time_point end = Clock::now() + std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  for (off_t at = 0; Clock::now() < end; at = (at + 4096) % kFileBytes) {
    const Clock::time_point before = Clock::now();
    if (::pwrite(file, page.data(), page.size(), at) != 4096 || ::fdatasync(file) != 0) {
      throw std::runtime_error("a file in " + directory + " cannot be written and synced");
    }
    times.push_back((Clock::now() - before).count());
  }
  ::close(file);
  ::unlink(path.c_str());
  return percentiles(std::move(times));
}

}  // namespace tidemill_bench
