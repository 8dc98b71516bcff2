#include "measure/start.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "end_to_end/input_log.hpp"
#include "end_to_end/topologies.hpp"

namespace tidemill_bench {

using namespace tidemill;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::int32_t kTasks = 8;
constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::seconds kIdle{1};

}  // namespace

StartFigures measure_start(const std::string& program, const std::string& directory) {
  std::filesystem::remove_all(directory);
  make_input_log(directory, {.records = 1, .keys = 1, .value_bytes = 100}, kTasks);
  const std::int64_t begun = Clock::now().time_since_epoch().count();
  const std::string command = fmt::format("'{}' start-child --dir '{}' --begun {}", program, directory, begun);
  FILE* const child = ::popen(command.c_str(), "r");
  if (child == nullptr) throw std::runtime_error("the program cannot be started: " + command);
  StartFigures figures;
  const int read = std::fscanf(child, "%lf %lf", &figures.first_output_ms, &figures.idle_mb);
  const int status = ::pclose(child);
  if (read != 2 || status != 0) throw std::runtime_error("the program ended early: " + command);
  return figures;
}

void start_child(const std::string& directory, std::int64_t begun_ns) {
  const std::shared_ptr<Log> log = embedded_log(directory);
  WarmUp warm_up(0);
  Streams streams(keyed_count(warm_up, StoreEngineKind::kPersistent, true), {.application_id = "start", .log = log});
  streams.start().value();
  const auto consumer = log->consumer(Isolation::kReadCommitted).value();
  std::vector<std::pair<TopicPartition, Offset>> partitions;
  for (std::int32_t i = 0; i < kTasks; ++i) partitions.push_back({{kOutputTopic, PartitionId(i)}, Offset(0)});
  consumer->assign(partitions).value();
  std::size_t seen = 0;
  while (seen == 0) {
    if (!consumer->wait(Clock::now() + kPatience)) throw std::runtime_error("there is no output");
    for (const RecordBatchPtr& batch : consumer->poll(1 << 20).value().batches) seen += batch->records.size();
  }
  const double first_ms = static_cast<double>(Clock::now().time_since_epoch().count() - begun_ns) / 1e6;
  std::this_thread::sleep_for(kIdle);  // what is measured: a while in which nothing happens
  fmt::print("{} {}\n", first_ms, static_cast<double>(resident_bytes()) / 1e6);
  streams.close().value();
}

}  // namespace tidemill_bench
