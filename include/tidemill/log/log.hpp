// The log port: what Tidemill needs of a log, and all that it knows of one. Embedded and Kafka implement it; one
// conformance suite judges both. Applications produce and consume through it too.
#pragma once

#include <memory>
#include <string>

#include <tidemill/log/commit_group.hpp>
#include <tidemill/log/log_admin.hpp>
#include <tidemill/log/log_consumer.hpp>
#include <tidemill/log/log_producer.hpp>
#include <tidemill/log/membership.hpp>

namespace tidemill {

struct LogTraits {
  enum class CommitGroupSpan : std::uint8_t { kThread, kProcess };
  CommitGroupSpan commit_group_span = CommitGroupSpan::kThread;
  /// Topics that a topology names are made by the application; on Kafka the operator makes them.
  bool creates_missing_topics = false;
  std::int32_t default_partitions = 1;
  /// A commit is cheap and local: commit as soon as the queues are empty, and often while they are not.
  bool commits_are_cheap = false;
  /// A commit group that has written so many bytes commits before its interval is over; 0: as many as it likes.
  std::size_t transaction_bytes_max = 0;
  /// What else the adapter cannot do: names of conformance tests it skips, with the reason.
  std::vector<std::pair<std::string, std::string>> cannot;
  /// For messages: "embedded log in data/", "Kafka at 127.0.0.1:9092".
  std::string description;
  /// Where the log keeps its files; empty: not on this machine's disk.
  std::string directory;
};

/// Thread-safe. One Log may serve many Streams of different application ids.
class Log {
 public:
  virtual ~Log() = default;
  [[nodiscard]] virtual const LogTraits& traits() const = 0;
  /// `properties`: of this consumer, by the log's own names; a log without such things ignores them.
  [[nodiscard]] virtual Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation,
                                                                      const ClientProperties& properties = {}) = 0;
  /// Opens the group: fences and aborts a predecessor of the same name. With kAtLeastOnce there is no transaction:
  /// records are idempotent appends, there for good once flush() has answered (this is also how an application
  /// produces outside of a topology; with an empty application_id nothing can be staged).
  [[nodiscard]] virtual Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options,
                                                                          MonotonicTime deadline) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Membership>> membership(std::string_view application_id) = 0;
  [[nodiscard]] virtual LogAdmin& admin() = 0;
  /// What its buffers take in memory, for metrics; 0: not known.
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
};

}  // namespace tidemill
