// A program that a harness starts, kills, starts again and ends, while Kafka's own programs judge what it did.
//
// It says what it does on standard output, a line at a time, flushed at once: each change of state (`OLD -> NEW`), the tasks
// it owns whenever it is running (`owns 0_0 0_3`), what went wrong. Nothing but SIGTERM (or SIGINT) ends it: when its
// Streams ends in an error it says NAME-EXCEPTION, closes it and builds the next one in the same process. On SIGTERM it
// closes within a minute, says NAME-CLOSED, and its status is 0; on SIGINT the same, and its members leave their group for good.
//
// Further signals (and what it says): SIGUSR2 adds a stream thread (`added NAME`), SIGHUP removes one (`removed NAME`), SIGALRM
// has the next record fail in the user's code (`fails next`), where the program can; the thread that fails by it is replaced
// (`replaced NAME`).
#pragma once

#include <map>
#include <memory>
#include <string>

#include <tidemill/streams.hpp>

namespace tidemill {

struct ClientProgram {
  /// Begins the lines that a harness waits for: "EOS-TEST-CLIENT".
  std::string name;
  Topology (*topology)();
  /// Kafka's keys, stronger than those of the file.
  std::map<std::string, std::string> settings = {};
  /// Has the topology throw at its next record. Any thread.
  void (*fail_next)() = nullptr;
};
/// The Kafka log that a properties file asks for.
[[nodiscard]] std::shared_ptr<Log> kafka_log_of(const ConfigReading& reading);

/// main() of such a program, for `--config FILE`: its exit status. 2: the file or what it says cannot be.
int run_client_program(const ClientProgram& program, const std::string& config_file);

}  // namespace tidemill
