#include "client_program.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>

#include <unistd.h>

#include <tidemill/adapters/kafka_log.hpp>

namespace tidemill {
namespace {

constexpr std::chrono::seconds kCloseTimeout{60};
/// Between the end of one Streams and the start of the next, so that a broker that is away is not beset.
constexpr timespec kPause{.tv_sec = 1, .tv_nsec = 0};
/// How the threads of a Streams tell the main thread of a new state.
constexpr int kStateChanged = SIGUSR1;
/// How a test asks for a stream thread more, or less, or for one that fails.
constexpr int kMoreThreads = SIGUSR2;
constexpr int kFewerThreads = SIGHUP;
constexpr int kFailNext = SIGALRM;

sigset_t signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, kStateChanged, kMoreThreads, kFewerThreads, kFailNext}) ::sigaddset(&set, signal);
  return set;
}
bool asks_to_stop(int signal) { return signal == SIGTERM || signal == SIGINT; }
int next_signal() {
  const sigset_t set = signals();
  siginfo_t info{};
  int signal = -1;
  while (signal < 0) signal = ::sigwaitinfo(&set, &info);
  return signal;
}
/// True: a signal in the meantime asks to stop.
bool pause_asked_to_stop() {
  const sigset_t set = signals();
  for (;;) {
    const int signal = ::sigtimedwait(&set, nullptr, &kPause);
    if (asks_to_stop(signal)) return true;
    if (signal < 0) return false;
  }
}

void say_owned_tasks(const Streams& streams) {
  std::string line = "owns";
  for (const ThreadMetadata& thread : streams.metadata_for_local_threads()) {
    for (const TaskMetadata& task : thread.tasks) {
      if (task.active) line += " " + to_string(task.id);
    }
  }
  std::printf("%s\n", line.c_str());
}

void change_threads(Streams& streams, bool more) {
  const auto changed = more ? streams.add_stream_thread() : streams.remove_stream_thread();
  const std::string which = changed ? changed->value_or("none") : to_string(changed.error());
  std::printf("%s %s\n", more ? "added" : "removed", which.c_str());
}

enum class LifeEnd : std::uint8_t { kStopped, kStuck, kFailed };

LifeEnd close(const ClientProgram& program, Streams& streams, std::optional<bool> leave_group = std::nullopt) {
  const Result<void> closed = streams.close({.timeout = kCloseTimeout, .leave_group = leave_group});
  if (closed) return LifeEnd::kStopped;
  std::printf("%s-EXCEPTION: %s\n", program.name.c_str(), to_string(closed.error()).c_str());
  return LifeEnd::kStuck;
}

/// One Streams from its start to its end.
LifeEnd live(const ClientProgram& program, StreamsConfig config) {
  Streams streams(program.topology(), std::move(config));
  streams.set_state_listener([](StreamsState now, StreamsState before) {
    std::printf("state %s -> %s\n", std::string(to_string(before)).c_str(), std::string(to_string(now)).c_str());
    ::kill(::getpid(), kStateChanged);
  });
  const auto failure_asked = std::make_shared<std::atomic<bool>>(false);
  streams.set_uncaught_exception_handler([failure_asked](const std::string& thread, const Error&) {
    if (!failure_asked->exchange(false)) return UncaughtExceptionAnswer::kShutdownClient;
    std::printf("replaced %s\n", thread.c_str());
    return UncaughtExceptionAnswer::kReplaceThread;
  });
  const Result<void> started = streams.start();
  while (started && streams.state() != StreamsState::kError) {
    const int signal = next_signal();
    if (signal == SIGTERM) return close(program, streams);
    if (signal == SIGINT) return close(program, streams, true);
    if (signal == kMoreThreads || signal == kFewerThreads) change_threads(streams, signal == kMoreThreads);
    if (signal == kFailNext && program.fail_next != nullptr) {
      *failure_asked = true;
      program.fail_next();
      std::printf("fails next\n");
    }
    if (streams.state() == StreamsState::kRunning) say_owned_tasks(streams);
  }
  const std::optional<Error> failure = started ? streams.error() : started.error();
  std::printf("%s-EXCEPTION: %s\n", program.name.c_str(), failure ? to_string(*failure).c_str() : "no reason given");
  return close(program, streams) == LifeEnd::kStuck ? LifeEnd::kStuck : LifeEnd::kFailed;
}

int run_lives(const ClientProgram& program, const std::map<std::string, std::string>& properties) {
  for (;;) {
    ConfigReading reading = read_config(properties);
    reading.config.log = kafka_log_of(reading);
    const LifeEnd end = live(program, std::move(reading.config));
    if (end == LifeEnd::kStuck) return 1;
    if (end == LifeEnd::kStopped || pause_asked_to_stop()) {
      std::printf("%s-CLOSED\n", program.name.c_str());
      return 0;
    }
  }
}

}  // namespace

std::shared_ptr<Log> kafka_log_of(const ConfigReading& reading) {
  KafkaLogOptions options;
  options.properties = reading.client;
  if (const auto servers = options.properties.extract("bootstrap.servers")) options.bootstrap_servers = servers.mapped();
  for (const auto& [key, value] : reading.config.consumer) options.properties["consumer." + key] = value;
  for (const auto& [key, value] : reading.config.producer) options.properties["producer." + key] = value;
  for (const auto& [key, value] : reading.config.admin) options.properties["admin." + key] = value;
  if (!reading.config.client_id.empty()) options.client_id = reading.config.client_id;
  return kafka_log(std::move(options));
}

int run_client_program(const ClientProgram& program, const std::string& config_file) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 12);
  // Before there are other threads, so that all of them leave these signals to this one.
  const sigset_t set = signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  try {
    std::map<std::string, std::string> properties = read_properties_file(config_file).value();
    for (const auto& [key, value] : program.settings) properties[key] = value;
    for (const std::string& warning : read_config(properties).warnings) std::fprintf(stderr, "%s\n", warning.c_str());
    return run_lives(program, properties);
  } catch (const std::exception& error) {
    std::printf("%s-EXCEPTION: %s\n", program.name.c_str(), error.what());
    return 2;
  }
}

}  // namespace tidemill
