// The commands of `tidemill`. Each returns the exit status, 0 or (a violation was found) 1, or throws: see
// where.hpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "records.hpp"
#include "where.hpp"

namespace tool {

int list_topics(const Where& where, bool json);
int describe_topics(const Where& where, const std::vector<std::string>& topics, bool json);
/// All with the same `config`, KEY=VALUE each; ends at the first that cannot be made.
int create_topics(const Where& where, const std::vector<std::string>& topics, std::int32_t partitions,
                  const std::vector<std::string>& config);

/// With all their records; without `execute` shows what that would be.
int delete_topics(const Where& where, std::vector<std::string> topics, bool execute);

struct ProduceOptions {
  std::string topic;
  std::optional<std::string> key_separator;
  bool json = false;
  std::int32_t partition = -1;  // < 0: by key, or in turns
  Types types;
};
/// Standard input, a record a line. What has been read is handed on whenever the input pauses.
int produce(const Where& where, const ProduceOptions& options);

struct ConsumeOptions {
  std::string topic;
  bool from_beginning = false;
  bool committed = false;
  bool follow = false;
  bool json = false;
  std::int64_t max = -1;                 // < 0: no limit
  std::vector<std::int32_t> partitions;  // empty: all
  Types types;
};
int consume(const Where& where, const ConsumeOptions& options);

/// All of them, or the named one, with lags.
int groups(const Where& where, const std::string& group, bool json);
/// Throws with the nearest name when there is no such group.
[[nodiscard]] tidemill::GroupDescription describe_group(const Where& where, tidemill::Log& log, const std::string& group);

struct ResetOptions {
  std::string group;
  std::vector<std::string> topics;  // TOPIC or TOPIC:PARTITION,...
  // One of:
  std::optional<std::int64_t> to_offset;
  std::optional<std::int64_t> shift_by;
  bool to_earliest = false;
  bool to_latest = false;
  std::string to_datetime;
  bool execute = false;
  bool dry_run = false;
};
/// Moves the positions of a group that has no members; without `execute` shows what that would be.
int reset_group(const Where& where, const ResetOptions& options);

/// Reads the files of a data directory and says what is wrong with them; 1: something is.
int verify(const Where& where);

struct DumpOptions {
  std::string topic;  // empty: all
  std::int32_t partition = -1;
  bool journal = true;
  bool records = false;
  Types types;
};
int dump(const Where& where, const DumpOptions& options);

}  // namespace tool
