// Where the log is: a data directory or Kafka, as the command line says; and how both are opened.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <tidemill/log/log.hpp>

namespace tool {

/// Done wrong on the command line: status 2. Everything else that is thrown: status 1.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class Access { kRead, kWrite, kCreate /* also makes a log where there is none */ };

struct Where {
  std::string data;
  std::string bootstrap_servers;
  std::string command_config;  // a properties file for Kafka's clients
  std::int64_t timeout_seconds = 10;

  /// The deadline of one request to the log that begins now.
  [[nodiscard]] tidemill::MonotonicTime deadline() const;
  [[nodiscard]] std::chrono::milliseconds patience() const { return std::chrono::seconds(timeout_seconds); }
  /// Throws UsageError, or ResultException with what keeps it from being opened.
  [[nodiscard]] std::shared_ptr<tidemill::Log> open(Access access) const;
  /// Throws UsageError unless it is a data directory: `command` reads its files.
  void require_data(const std::string& command) const;
  /// The error's sentence, with what to look at when nobody answers.
  [[nodiscard]] std::string sentence(const tidemill::Error& error) const;
  /// The options that lead here, for a command to be typed.
  [[nodiscard]] std::string options() const;
};

/// The error of a topic that is not there, with the nearest name and how to make it; any other error as it
/// is.
[[nodiscard]] tidemill::Error explain(const Where& where, tidemill::Log& log, const std::string& topic, tidemill::Error error);
/// All partitions of the topic; throws what explain() says.
[[nodiscard]] std::vector<tidemill::TopicPartition> partitions_of(const Where& where, tidemill::Log& log,
                                                                  const std::string& topic);
/// The sentence for a partition that the topic does not have.
[[nodiscard]] std::string no_partition(const std::string& topic, std::size_t partitions, std::int32_t partition);
/// The one of `names` that takes the fewest changes of a letter to become `name`; empty: there are none, or
/// none is like it.
[[nodiscard]] std::string nearest(const std::string& name, const std::vector<std::string>& names);

}  // namespace tool
