// Records of a topic as texts, so that a test shows input and output side by side.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace tidemill {

using Text = std::string;
using Long = std::int64_t;
using Texts = std::vector<std::string>;
using namespace std::chrono_literals;

inline Timestamp at(std::chrono::milliseconds time) { return Timestamp(time.count()); }

inline Text shown(const Text& text) { return text; }
inline Text shown(const Long& number) { return std::to_string(number); }
template <class T>
Text shown(const std::optional<T>& value) {
  return value ? shown(*value) : "null";
}

/// `key=value@timestamp` of each record that has come since.
template <class V>
Texts all_of(TopologyTestDriver& driver, const char* topic = "out") {
  Texts texts;
  for (const auto& record : driver.create_output_topic<Text, V>(topic).read_records_to_list()) {
    texts.push_back(shown(record.key) + "=" + shown(record.value) + "@" + std::to_string(record.timestamp.value));
  }
  return texts;
}

/// `key=value@timestamp` of each row of a store, by key.
template <class V>
Texts kept(TopologyTestDriver& driver, const char* store) {
  Texts texts;
  const auto rows = driver.timestamped_key_value_store<Text, V>(store);
  for (auto row = rows->all(); row.valid(); row.next()) {
    texts.push_back(row.key() + "=" + shown(row.value().value) + "@" + std::to_string(row.value().timestamp.value));
  }
  return texts;
}

/// `a;b` is a and b: what one record brings comes before the caches are flushed; `-` is null.
inline std::vector<std::optional<Text>> parts(const Text& bundle) {
  std::vector<std::optional<Text>> parts;
  for (std::size_t from = 0; from < bundle.size();) {
    const std::size_t to = std::min(bundle.find(';', from), bundle.size());
    const Text part = bundle.substr(from, to - from);
    parts.push_back(part == "-" ? std::nullopt : std::optional(part));
    from = to + 1;
  }
  return parts;
}

/// A table of windows as a stream of texts: `[key@start/end]`.
template <class V>
void to_out(const KTable<Windowed<Text>, V>& table) {
  table.to_stream([](const Windowed<Text>& key, const V*) { return to_string(key); }).to("out");
}

inline std::uint64_t dropped(const TopologyTestDriver& driver, const std::string& reason) {
  const auto counts = driver.dropped_records();
  const auto found = counts.find(reason);
  return found == counts.end() ? 0 : found->second;
}

/// Closed windows and unmatched records are looked for with each record, not once in a second.
inline StreamsConfig at_once() {
  StreamsConfig config;
  config.application_id = "app";
  config.application["__emit.interval.ms.kstreams.windowed.aggregation__"] = "0";
  config.application["__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"] = "0";
  return config;
}

}  // namespace tidemill
