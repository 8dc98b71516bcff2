// Kafka's dotted keys into StreamsConfig. One table says for every known key what it is; a key that is in no table is a
// warning that names the nearest one.
#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "config/durations.hpp"
#include "config/rules.hpp"

namespace tidemill {
namespace {

class Reader {
 public:
  Reader(const std::map<std::string, std::string>& properties, ConfigReading& reading)
      : properties_(properties), reading_(reading) {}

  void text(const std::string& key, std::string& out) {
    if (const std::string* value = find(key)) out = *value;
  }
  void number(const NumberRule& rule, StreamsConfig& config) {
    const std::string key(rule.key);
    if (const std::string* value = find(key)) rule.set(config, parse(key, *value));
  }
  template <class Enum>
  void choice(const std::string& key, Enum& out, std::initializer_list<std::pair<std::string_view, Enum>> values) {
    const std::string* value = find(key);
    if (value == nullptr) return;
    std::string allowed;
    for (const auto& [name, meaning] : values) {
      if (*value == name) {
        out = meaning;
        return;
      }
      allowed += allowed.empty() ? std::string(name) : fmt::format(", {}", name);
    }
    throw ConfigException(fmt::format("{}={}: must be one of {}", key, *value, allowed));
  }
  const std::string* find(const std::string& key) {
    known_.insert(key);
    const auto found = properties_.find(key);
    return found == properties_.end() ? nullptr : &found->second;
  }
  void truth(const std::string& key, bool& out) { choice(key, out, {{"true", true}, {"false", false}}); }
  /// Known, and without effect here; `unless`: the value that says nothing.
  void unused(std::initializer_list<std::string_view> keys, std::string_view why, std::string_view unless = {}) {
    for (const std::string_view key : keys) {
      const std::string* value = find(std::string(key));
      if (value != nullptr && (unless.empty() || *value != unless)) {
        reading_.warnings.push_back(fmt::format("{} is not used: {}", key, why));
      }
    }
  }
  /// Keys of one kind of client, which need no prefix as long as no other kind has them.
  void pass(std::initializer_list<std::string_view> keys, std::map<std::string, std::string>& to) {
    for (const std::string_view key : keys) {
      if (const std::string* value = find(std::string(key))) to.emplace(key, *value);
    }
  }
  void client(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
      if (const std::string* value = find(std::string(key))) reading_.client[std::string(key)] = *value;
    }
  }
  [[nodiscard]] const std::set<std::string>& known() const { return known_; }

 private:
  static std::int64_t parse(const std::string& key, const std::string& value) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) {
      throw ConfigException(fmt::format("{}={}: must be a whole number", key, value));
    }
    return number;
  }

  const std::map<std::string, std::string>& properties_;
  ConfigReading& reading_;
  std::set<std::string> known_;
};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// The last part of a Java class name: users paste `org.apache.kafka.streams...LogAndContinueExceptionHandler`.
std::string_view simple_name(std::string_view name) {
  const auto dot = name.find_last_of(".$");
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

void read_handlers(Reader& reader, StreamsConfig& config) {
  reader.text("errors.dead.letter.queue.topic.name", config.errors_dead_letter_queue_topic_name);
  const std::string& dead_letters = config.errors_dead_letter_queue_topic_name;
  for (const char* key : {"default.deserialization.exception.handler", "deserialization.exception.handler"}) {
    const std::string* value = reader.find(key);
    if (value == nullptr) continue;
    const std::string_view name = simple_name(*value);
    if (name == "LogAndContinueExceptionHandler") {
      config.deserialization_exception_handler = log_and_continue_on_deserialization_error(dead_letters);
    } else if (name == "LogAndFailExceptionHandler") {
      config.deserialization_exception_handler = log_and_fail_on_deserialization_error(dead_letters);
    } else {
      throw ConfigException(fmt::format("{}={}: from text only LogAndFailExceptionHandler and "
                                        "LogAndContinueExceptionHandler can be named; set your own in StreamsConfig",
                                        key, *value));
    }
  }
  if (const std::string* value = reader.find("processing.exception.handler")) {
    const std::string_view name = simple_name(*value);
    if (name == "LogAndContinueProcessingExceptionHandler") {
      config.processing_exception_handler = log_and_continue_on_processing_error(dead_letters);
    } else if (name == "LogAndFailProcessingExceptionHandler") {
      config.processing_exception_handler = log_and_fail_on_processing_error(dead_letters);
    } else {
      throw ConfigException(fmt::format("processing.exception.handler={}: from text only "
                                        "LogAndFailProcessingExceptionHandler and LogAndContinueProcessingExceptionHandler "
                                        "can be named; set your own in StreamsConfig",
                                        *value));
    }
  }
  for (const char* key : {"default.production.exception.handler", "production.exception.handler"}) {
    const std::string* value = reader.find(key);
    if (value != nullptr && simple_name(*value) != "DefaultProductionExceptionHandler") {
      throw ConfigException(fmt::format("{}={}: from text only DefaultProductionExceptionHandler can be named; set your own "
                                        "in StreamsConfig",
                                        key, *value));
    }
  }
  if (const std::string* value = reader.find("default.timestamp.extractor")) {
    const std::string_view name = simple_name(*value);
    if (name == "LogAndSkipOnInvalidTimestamp") {
      config.default_timestamp_extractor = log_and_skip_on_invalid_timestamp();
    } else if (name == "UsePartitionTimeOnInvalidTimestamp") {
      config.default_timestamp_extractor = use_partition_time_on_invalid_timestamp();
    } else if (name == "WallclockTimestampExtractor") {
      config.default_timestamp_extractor = wallclock_timestamp_extractor(system_clock());
    } else if (name != "FailOnInvalidTimestamp") {
      throw ConfigException(fmt::format("default.timestamp.extractor={}: from text FailOnInvalidTimestamp, "
                                        "LogAndSkipOnInvalidTimestamp, UsePartitionTimeOnInvalidTimestamp and "
                                        "WallclockTimestampExtractor can be named; set your own in StreamsConfig",
                                        *value));
    }
  }
}

void read_known(Reader& reader, ConfigReading& reading) {
  StreamsConfig& config = reading.config;
  for (const NumberRule& rule : number_rules()) reader.number(rule, config);
  reader.text("application.id", config.application_id);
  reader.choice(
      "processing.guarantee", config.processing_guarantee,
      {{"at_least_once", ProcessingGuarantee::kAtLeastOnce}, {"exactly_once_v2", ProcessingGuarantee::kExactlyOnceV2}});
  reader.text("state.dir", config.state_dir);
  reader.text("client.id", config.client_id);
  reader.text("application.server", config.application_server);
  reader.text("group.instance.id", config.group_instance_id);
  reader.choice("auto.offset.reset", config.auto_offset_reset,
                {{"earliest", OffsetReset::kEarliest}, {"latest", OffsetReset::kLatest}, {"none", OffsetReset::kNone}});
  reader.choice("default.dsl.store", config.default_dsl_store,
                {{"rocksDB", StoreEngineKind::kPersistent}, {"in_memory", StoreEngineKind::kInMemory}});
  if (const std::string* value = reader.find("dsl.store.suppliers.class")) {
    const std::string_view name = simple_name(*value);
    if (name != "InMemoryDslStoreSuppliers" && name != "RocksDBDslStoreSuppliers") {
      throw ConfigException(fmt::format("dsl.store.suppliers.class={}: from text only RocksDBDslStoreSuppliers and "
                                        "InMemoryDslStoreSuppliers can be named",
                                        *value));
    }
    config.default_dsl_store = name == "InMemoryDslStoreSuppliers" ? StoreEngineKind::kInMemory : StoreEngineKind::kPersistent;
  }
  reader.text("topology.optimization", config.topology_optimization);
  reader.truth("exactly.as.kafka.streams", config.exactly_as_kafka_streams);
  reader.truth("ensure.explicit.internal.resource.naming", config.ensure_explicit_internal_resource_naming);
  read_handlers(reader, config);
  reader.client({"bootstrap.servers", "security.protocol", "connections.max.idle.ms", "metadata.max.age.ms",
                 "receive.buffer.bytes", "send.buffer.bytes", "reconnect.backoff.ms", "reconnect.backoff.max.ms",
                 "retry.backoff.ms", "request.timeout.ms"});
  reader.pass({"acks", "linger.ms", "batch.size", "buffer.memory", "compression.type", "max.request.size", "retries",
               "delivery.timeout.ms", "max.in.flight.requests.per.connection", "enable.idempotence"},
              config.producer);
  reader.pass({"fetch.min.bytes", "fetch.max.bytes", "fetch.max.wait.ms", "max.partition.fetch.bytes", "max.poll.records",
               "check.crcs", "isolation.level", "client.rack"},
              config.consumer);
}

void read_unused(Reader& reader) {
  reader.unused({"enable.transactional.statestores"}, "stores always take over what is committed, and only then");
  reader.unused({"default.interactive.query.isolation.level"}, "each query says its isolation");
  reader.unused(
      {"default.key.serde", "default.value.serde", "default.list.key.serde.inner", "default.list.value.serde.inner",
       "default.list.key.serde.type", "default.list.value.serde.type", "windowed.inner.class.serde", "window.size.ms"},
      "serdes come from the C++ types, or from the options of an operator");
  reader.unused({"rocksdb.config.setter"},
                "it names a Java class; give rocksdb_stores() its options and set StreamsConfig::state_engine");
  reader.unused({"default.client.supplier"}, "it names a Java class; the log is given in StreamsConfig::log");
  reader.unused({"processor.wrapper.class"}, "it names a Java class; a ProcessorWrapper is given to StreamsBuilder::build()");
  reader.unused({"task.assignor.class"}, "it names a Java class; there is one assignor");
  reader.unused({"metric.reporters"}, "it names Java classes; Streams::metrics() is to be asked");
  reader.unused({"config.providers"}, "values are taken as they are written");
  reader.unused({"group.protocol"}, "groups speak the classic protocol", "classic");
  reader.unused({"acceptable.recovery.lag", "max.warmup.replicas", "probing.rebalance.interval.ms"},
                "tasks are not warmed up before they move");
  reader.unused({"rack.aware.assignment.tags", "rack.aware.assignment.strategy", "rack.aware.assignment.traffic_cost",
                 "rack.aware.assignment.non_overlap_cost"},
                "tasks are assigned without regard to racks");
  reader.unused({"allow.os.group.write.access"}, "directories are made as the process's umask says", "false");
  reader.unused({"built.in.metrics.version", "metrics.recording.level", "metrics.num.samples", "metrics.sample.window.ms"},
                "metrics are counters that cost the same at every level, and are read when asked for");
  reader.unused({"enable.metrics.push"}, "metrics are not pushed to brokers", "false");
  reader.unused({"metadata.recovery.strategy", "metadata.recovery.rebootstrap.trigger.ms"},
                "the client finds brokers again by its bootstrap servers");
  reader.unused({"state.cleanup.dir.max.age.ms", "topology.description.push.enabled", "dsl.store.format",
                 "processing.exception.handler.global.enabled", "metadata.cluster.check.enable"},
                "it is newer than Kafka Streams 4.2");
}

bool take_prefixed(const std::string& key, const std::string& value, ConfigReading& reading) {
  StreamsConfig& config = reading.config;
  const auto below = [&](std::string_view prefix, std::map<std::string, std::string>& to) {
    if (!key.starts_with(prefix) || key.size() == prefix.size()) return false;
    to[key.substr(prefix.size())] = value;
    return true;
  };
  if (below("main.consumer.", config.main_consumer) || below("restore.consumer.", config.restore_consumer) ||
      below("global.consumer.", config.global_consumer) || below("consumer.", config.consumer) ||
      below("producer.", config.producer) || below("admin.", config.admin) || below("topic.", config.topic)) {
    return true;
  }
  if (key.starts_with("ssl.") || key.starts_with("sasl.")) {
    reading.client[key] = value;
    return true;
  }
  if (key.starts_with("client.tag.")) {
    reading.warnings.push_back(fmt::format("{} is not used: tasks are assigned without regard to racks", key));
    return true;
  }
  if (key.starts_with("__") || key.starts_with("internal.")) {
    config.application[key] = value;
    return true;
  }
  return false;
}

/// Read from the same file by who uses a schema registry (read_schema_registry_config()); no mistakes.
bool is_schema_registrys(std::string_view key) {
  static const std::set<std::string_view> known = {
      "auto.register.schemas",   "use.latest.version",        "normalize.schemas",
      "max.schemas.per.subject", "key.subject.name.strategy", "value.subject.name.strategy",
      "http.connect.timeout.ms", "http.read.timeout.ms",      "max.retries",
      "retries.wait.ms"};
  return key.starts_with("schema.registry.") || key.starts_with("basic.auth.") || key.starts_with("bearer.auth.") ||
         known.contains(key);
}

/// Some of the clients' settings are the runtime's own business, with their prefix, too.
std::map<std::string, std::string> without_prefixes(std::map<std::string, std::string> properties) {
  const auto lift = [&](const std::string& prefix, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      if (const auto node = properties.extract(prefix + key)) properties[key] = node.mapped();
    }
  };
  for (const char* prefix : {"consumer.", "main.consumer."}) {
    lift(prefix,
         {"auto.offset.reset", "session.timeout.ms", "heartbeat.interval.ms", "max.poll.interval.ms", "group.instance.id"});
  }
  lift("producer.", {"transaction.timeout.ms"});
  return properties;
}

}  // namespace

ClientProperties consumer_properties(const StreamsConfig& config, const std::map<std::string, std::string>& over) {
  std::map<std::string, std::string> all = over;
  all.insert(config.consumer.begin(), config.consumer.end());
  return {all.begin(), all.end()};
}

ConfigReading read_config(const std::map<std::string, std::string>& given, bool strict) {
  ConfigReading reading;
  const std::map<std::string, std::string> properties = without_prefixes(given);
  Reader reader(properties, reading);
  read_known(reader, reading);
  read_unused(reader);
  // Who groups tables asks for it: earlier versions read other changes.
  reader.pass({"upgrade.from"}, reading.config.application);
  for (const auto& [key, value] : properties) {
    if (reader.known().contains(key) || take_prefixed(key, value, reading)) continue;
    if (is_schema_registrys(key)) {
      reading.config.application[key] = value;
      continue;
    }
    const auto nearer = [&name = key](const auto& a, const auto& b) { return edit_distance(name, a) < edit_distance(name, b); };
    const auto nearest = std::min_element(reader.known().begin(), reader.known().end(), nearer);
    const bool near = edit_distance(key, *nearest) <= std::max<std::size_t>(2, key.size() / 3);
    const std::string warning =
        fmt::format("unknown key {}: {}", key, near ? "the nearest known one is " + *nearest : "no known one is like it");
    if (strict) throw ConfigException(warning);
    reading.warnings.push_back(warning);
    reading.config.application[key] = value;
  }
  check_values(reading.config);
  reading.config = with_bounded_durations(std::move(reading.config));
  return reading;
}

}  // namespace tidemill
