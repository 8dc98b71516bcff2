#include "where.hpp"

#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/clock.hpp>

#ifdef TIDEMILL_KAFKA
#include <tidemill/adapters/kafka_log.hpp>
#include <tidemill/config/streams_config.hpp>
#endif

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

namespace tool {
namespace {

using tidemill::Error;
using tidemill::ErrorKind;

/// A directory too high is a likely mistake: the logs that lie right below it.
std::string logs_below(const std::string& directory) {
  const auto storage = tidemill::real_storage(directory);
  const auto names = storage->list("");
  std::string found;
  if (!names) return found;
  for (const std::string& name : *names) {
    const auto journal = storage->is_directory(name + "/journal");
    if (journal && *journal) found += (found.empty() ? "" : ", ") + directory + "/" + name;
  }
  return found;
}

std::shared_ptr<tidemill::Log> open_data(const Where& where, Access access) {
  const auto storage = tidemill::real_storage(where.data);
  const auto there = storage->exists("journal");
  const bool is_new = there && !*there;
  if (is_new && access == Access::kWrite) {
    throw tidemill::ResultException(Error{ErrorKind::kNotFound, "there is no log in " + where.data});
  }
  auto log = tidemill::reach_embedded_log(where.data, {.read_only = access == Access::kRead}, where.patience());
  if (log && is_new) std::fprintf(stderr, "tidemill: made a new log in %s\n", where.data.c_str());
  if (!log && log.error().kind == ErrorKind::kNotFound) {
    Error error = log.error();
    if (const std::string below = logs_below(where.data); !below.empty()) error.message += "; there are logs in " + below;
    throw tidemill::ResultException(error);
  }
  return std::move(log).value();
}

std::shared_ptr<tidemill::Log> open_kafka([[maybe_unused]] const Where& where) {
#ifdef TIDEMILL_KAFKA
  tidemill::KafkaLogOptions options;
  options.bootstrap_servers = where.bootstrap_servers;
  options.client_id = "tidemill-tool";
  if (!where.command_config.empty()) options.properties = tidemill::read_properties_file(where.command_config).value();
  options.properties.erase("bootstrap.servers");  // the command line has said it
  return tidemill::open_kafka_log(std::move(options)).value();
#else
  throw UsageError("this tool was built without Kafka (TIDEMILL_KAFKA=OFF): it knows --data only");
#endif
}

/// Whose directory it is, and what somebody else can do.
std::string whose(const std::string& directory) {
  const auto name = [](uid_t user) {
    const passwd* found = ::getpwuid(user);
    return found != nullptr ? std::string(found->pw_name) : "user id " + std::to_string(user);
  };
  struct stat there {};
  if (::stat(directory.c_str(), &there) != 0) {
    return "The user " + name(::geteuid()) + " may not reach " + directory +
           ": run this as the user of the application that owns it";
  }
  return directory + " belongs to " + name(there.st_uid) + ", and this is " + name(::geteuid()) + ": run it as " +
         name(there.st_uid) + " (sudo -u " + name(there.st_uid) + "), or let " + name(::geteuid()) +
         " read and write what is in it";
}

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({changed, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

}  // namespace

tidemill::MonotonicTime Where::deadline() const { return tidemill::system_clock().now().monotonic + patience(); }

std::shared_ptr<tidemill::Log> Where::open(Access access) const {
  if (data.empty() == bootstrap_servers.empty()) {
    throw UsageError(data.empty() ? "where is the log? Say --data DIR or --bootstrap-servers HOST:PORT"
                                  : "--data and --bootstrap-servers are two logs: say one of them");
  }
  if (!data.empty() && !command_config.empty()) throw UsageError("--command-config is for --bootstrap-servers only");
  return data.empty() ? open_kafka(*this) : open_data(*this, access);
}

void Where::require_data(const std::string& command) const {
  if (!bootstrap_servers.empty()) throw UsageError(command + " reads the files of a data directory: say --data DIR");
  if (data.empty()) throw UsageError("where is the log? Say --data DIR");
}

std::string Where::sentence(const Error& error) const {
  if (!data.empty() && error.kind == ErrorKind::kUnauthorized) return error.message + "\n" + whose(data);
  const bool silent = error.kind == ErrorKind::kTimeout || error.kind == ErrorKind::kUnavailable;
  if (!silent || bootstrap_servers.empty()) return error.message;
  return error.message + "\nNo broker has answered within " + std::to_string(timeout_seconds) + " s: does one listen at " +
         bootstrap_servers + ", and does it want TLS or a password (--command-config)?";
}

std::string Where::options() const {
  if (!data.empty()) return "--data " + data;
  return "--bootstrap-servers " + bootstrap_servers + (command_config.empty() ? "" : " --command-config " + command_config);
}

std::string nearest(const std::string& name, const std::vector<std::string>& names) {
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return edit_distance(name, a) < edit_distance(name, b);
  };
  const auto found = std::min_element(names.begin(), names.end(), nearer);
  return found == names.end() || edit_distance(name, *found) > std::max(name.size(), found->size()) / 2 ? "" : *found;
}

tidemill::Error explain(const Where& where, tidemill::Log& log, const std::string& topic, Error error) {
  if (error.kind != ErrorKind::kNotFound) return error;
  error.message = "there is no topic \"" + topic + "\" in the " + log.traits().description;
  if (log.traits().description.starts_with("Kafka"))
    error.message = "there is no topic \"" + topic + "\" on " + log.traits().description;
  std::vector<std::string> names;
  if (const auto topics = log.admin().list_topics(where.deadline())) {
    for (const auto& known : *topics) names.push_back(known.name);
  }
  if (const std::string near = nearest(topic, names); !near.empty()) error.message += "; did you mean \"" + near + "\"?";
  error.message += "\nTo make it: tidemill topics create " + topic + " " + where.options();
  return error;
}

std::string no_partition(const std::string& topic, std::size_t partitions, std::int32_t partition) {
  return "topic \"" + topic + "\" has " +
         (partitions == 1 ? "only the partition 0" : "the partitions 0 to " + std::to_string(partitions - 1)) +
         ", no partition " + std::to_string(partition);
}

std::vector<tidemill::TopicPartition> partitions_of(const Where& where, tidemill::Log& log, const std::string& topic) {
  const auto description = log.admin().describe_topic(topic, where.deadline());
  if (!description) throw tidemill::ResultException(explain(where, log, topic, description.error()));
  std::vector<tidemill::TopicPartition> ids;
  for (std::int32_t p = 0; p < description->partitions; ++p) ids.push_back({topic, tidemill::PartitionId(p)});
  return ids;
}

}  // namespace tool
