#include "scenario.hpp"

#include <algorithm>
#include <regex>

#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/versioned_bytes.hpp>
#include <tidemill/state/window_bytes.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace tidemill::vectors {
namespace {

using nlohmann::json;
using Sent = std::vector<std::pair<std::string, TestRecordBytes>>;

Bytes from_base64(const std::string& text) {
  static const std::string kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  Bytes bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const auto at = kLetters.find(c);
    if (at == std::string::npos) throw std::runtime_error("not base64: " + text);
    bits = (bits << 6) | static_cast<std::uint32_t>(at);
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xff);
  }
  return bytes;
}
OptionalBytes blob(const json& value) {
  if (value.is_string() && value.get<std::string>() == "*") return "(any)";
  return value.is_null() ? OptionalBytes() : OptionalBytes(from_base64(value.get<std::string>()));
}

std::string shown(const OptionalBytes& bytes) {
  if (!bytes) return "null";
  std::string text = "\"";
  for (const char c : *bytes) {
    char hex[5];
    if (c >= ' ' && c < 127) {
      text += c;
    } else {
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += hex;
    }
  }
  return text + "\"";
}
std::string shown(const std::string& topic, const TestRecordBytes& record) {
  std::string text = topic + " " + shown(record.key) + "=" + shown(record.value) + " @" + std::to_string(record.timestamp.value);
  for (const Header& header : record.headers) text += " " + header.key + ":" + shown(header.value);
  return text;
}

TestRecordBytes record_of(const json& step) {
  TestRecordBytes record{.key = blob(step.at("k")), .value = blob(step.at("v")), .headers = {}, .timestamp = kNoTimestamp};
  if (!step.at("ts").is_null()) record.timestamp = Timestamp(step.at("ts").get<std::int64_t>());
  if (const auto headers = step.find("h"); headers != step.end()) {
    for (const json& header : *headers) record.headers.add(header.at(0).get<std::string>(), blob(header.at(1)));
  }
  return record;
}

bool same_headers(const json& expected, const Headers& actual) {
  const auto found = expected.find("h");
  const std::size_t count = found == expected.end() ? 0 : found->size();
  if (count != actual.size()) return false;
  std::size_t at = 0;
  for (const Header& header : actual) {
    const json& wanted = (*found)[at++];
    if (wanted.at(0).get<std::string>() != header.key) return false;
    if (wanted.at(1).is_string() && wanted.at(1).get<std::string>() == "*") continue;
    if (blob(wanted.at(1)) != header.value) return false;
  }
  return true;
}
bool same(const json& expected, const std::string& topic, const TestRecordBytes& actual) {
  if (expected.at("t").get<std::string>() != topic || blob(expected.at("k")) != actual.key ||
      blob(expected.at("v")) != actual.value || !same_headers(expected, actual.headers)) {
    return false;
  }
  return expected.at("ts").is_null() ? actual.timestamp == kNoTimestamp
                                     : expected.at("ts").get<std::int64_t>() == actual.timestamp.value;
}

/// Takes the records of unordered topics out of both sides, comparing them as sets.
std::string compare(const json& step, Sent sent, const std::vector<std::string>& unordered) {
  std::vector<const json*> wanted;
  std::vector<const json*> loose;
  const auto is_loose = [&](const std::string& topic) { return std::find(unordered.begin(), unordered.end(), topic) != unordered.end(); };
  if (const auto out = step.find("out"); out != step.end()) {
    for (const json& record : *out) (is_loose(record.at("t").get<std::string>()) ? loose : wanted).push_back(&record);
  }
  std::size_t at = 0;
  for (const auto& [topic, record] : sent) {
    if (is_loose(topic)) {
      const auto match = std::find_if(loose.begin(), loose.end(), [&](const json* one) { return same(*one, topic, record); });
      if (match == loose.end()) return "not expected: " + shown(topic, record);
      loose.erase(match);
      continue;
    }
    if (at == wanted.size()) return "one more than expected: " + shown(topic, record);
    if (!same(*wanted[at], topic, record)) {
      return "sent " + shown(topic, record) + ", expected " + shown(wanted[at]->at("t").get<std::string>(), record_of(*wanted[at]));
    }
    ++at;
  }
  if (at < wanted.size()) {
    return "not sent: " + shown(wanted[at]->at("t").get<std::string>(), record_of(*wanted[at]));
  }
  return loose.empty() ? "" : "not sent: " + shown(loose[0]->at("t").get<std::string>(), record_of(*loose[0]));
}

std::uint64_t dropped(const TopologyTestDriver& driver) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : driver.dropped_records()) sum += count;
  return sum;
}

std::string compare_versions(VersionedBytesStore& store, const std::string& name, const json& rows) {
  const auto shown_version = [](const auto& found) {
    return found ? shown(found->value) + "@" + std::to_string(found->valid_from.value) : std::string("null");
  };
  const auto wanted_version = [](const json& version) {
    return version.is_null() ? std::string("null") : shown(blob(version.at("v"))) + "@" + version.at("ts").dump();
  };
  for (const json& row : rows) {
    const Bytes key = blob(row.at("k")).value();
    if (const std::string ours = shown_version(store.latest(key)); ours != wanted_version(row.at("latest"))) {
      return "store " + name + " has for " + shown(key) + " the latest version " + ours + ", expected " + row.at("latest").dump();
    }
    for (const json& at : row.at("asof")) {
      const std::string ours = shown_version(store.as_of(key, Timestamp(at.at(0).get<std::int64_t>())));
      if (ours != wanted_version(at.at(1))) return "store " + name + " has for " + shown(key) + " at " + at.dump() + ": " + ours;
    }
  }
  return {};
}

std::string compare_store(TopologyTestDriver& driver, const std::string& name, const json& wanted) {
  const auto kind = wanted.find("kind");
  StateStore* store = driver.state_store(name);
  if (store == nullptr) return "store " + name + " is not there";
  if (ChangeBuffer* buffer = store->change_buffer()) {
    if (buffer->records() == wanted.at("records").get<std::int64_t>() && buffer->bytes() == wanted.at("bytes").get<std::int64_t>() &&
        buffer->min_time().value == wanted.at("min_time").get<std::int64_t>()) {
      return {};
    }
    return "buffer " + name + " has " + std::to_string(buffer->records()) + " records, " + std::to_string(buffer->bytes()) +
           " bytes, from " + std::to_string(buffer->min_time().value) + " on; expected " + wanted.dump();
  }
  if (store->versioned() != nullptr) return compare_versions(*store->versioned(), name, wanted.at("entries"));
  const bool windows = store->windows() != nullptr;
  const bool sessions = store->sessions() != nullptr;
  if (!windows && !sessions && kind != wanted.end() && kind->get<std::string>() != "kv" &&
      kind->get<std::string>() != "timestamped-kv") {
    return "stores of kind " + kind->get<std::string>() + " cannot be compared yet";
  }
  const json& rows = wanted.is_array() ? wanted : wanted.at("entries");
  std::size_t at = 0;
  for (auto row = store->range({}); row->valid(); row->next(), ++at) {
    if (at == rows.size()) return "store " + name + " has more rows: " + shown(Bytes(row->key()));
    const json& expected = rows[at];
    Bytes value(row->value());
    if (store->spec().timestamped()) {
      const auto [timestamp, plain] = split_timestamp(value);
      if (!expected.contains("ts") || expected.at("ts").get<std::int64_t>() != timestamp.value) {
        return "store " + name + ", row " + std::to_string(at) + ": timestamp " + std::to_string(timestamp.value);
      }
      value = Bytes(plain);
    }
    BytesView key = row->key();
    bool times = true;
    if (windows) {
      const auto split = split_window_key(key);
      key = split.key;
      times = expected.at("start").get<std::int64_t>() == split.start.value;
    } else if (sessions) {
      const auto split = split_session_key(key);
      key = split.key;
      times = expected.at("start").get<std::int64_t>() == split.session.start.value &&
              expected.at("end").get<std::int64_t>() == split.session.end.value;
    }
    if (!times || blob(expected.at("k")) != Bytes(key) || blob(expected.at("v")) != value) {
      return "store " + name + ", row " + std::to_string(at) + ": " + shown(Bytes(row->key())) + "=" + shown(value);
    }
  }
  return at == rows.size() ? "" : "store " + name + " has " + std::to_string(at) + " rows, expected " + std::to_string(rows.size());
}

std::string compare_end(TopologyTestDriver& driver, const json& end) {
  if (const auto wanted = end.find("dropped"); wanted != end.end() && wanted->get<std::uint64_t>() != dropped(driver)) {
    return "dropped " + std::to_string(dropped(driver)) + ", expected " + wanted->dump();
  }
  const auto committed = driver.committed_metadata();
  if (const auto wanted = end.find("committed"); wanted != end.end()) {
    for (const auto& [topic, text] : wanted->items()) {
      // A pattern stands for the topics that match it.
      const auto found = std::find_if(committed.begin(), committed.end(), [pattern = std::regex(topic)](const auto& entry) {
        return std::regex_match(entry.first, pattern);
      });
      const std::string ours = found == committed.end() ? "nothing" : found->second;
      if (ours != text.get<std::string>()) return "committed metadata of " + topic + ": " + ours + ", expected " + text.dump();
    }
  }
  if (const auto stores = end.find("stores"); stores != end.end()) {
    for (const auto& [name, rows] : stores->items()) {
      if (std::string difference = compare_store(driver, name, rows); !difference.empty()) return difference;
    }
  }
  return {};
}

}  // namespace

std::string run_scenario(const RegisteredTopology& registered, const json& scenario, const std::vector<std::string>& unordered) {
  TopologyTestDriver driver(registered.build(registered.config), registered.config,
                            Timestamp(scenario.at("wall_clock").get<std::int64_t>()));
  driver.commit_after_each_record(registered.commit_after_each_record);
  std::uint64_t expected_dropped = 0;
  std::size_t number = 0;
  for (const json& step : scenario.at("steps")) {
    const std::string at = "step " + std::to_string(++number) + ": ";
    const std::string op = step.at("op").get<std::string>();
    bool raised = false;
    try {
      if (op == "pipe") {
        driver.pipe(step.at("t").get<std::string>(), record_of(step));
      } else if (op == "advance") {
        driver.advance_wall_clock_time(std::chrono::milliseconds(step.at("ms").get<std::int64_t>()));
      } else if (op == "commit") {
        driver.commit();
      } else if (op == "restart") {
        // Java's driver, set up anew, knows the processors' metadata, but no time of a partition.
        driver.restart(TopologyTestDriver::PartitionTimes::kForgotten);
      } else {
        return at + "\"" + op + "\" cannot be run yet";
      }
    } catch (const std::invalid_argument&) {
      throw;
    } catch (const std::exception& error) {
      if (!step.contains("raises")) return at + "raised " + error.what();
      raised = true;
    }
    if (step.contains("raises")) return raised ? "" : at + "did not raise " + step.at("raises").dump();
    if (std::string difference = compare(step, driver.take_sent(), unordered); !difference.empty()) return at + difference;
    if (const auto count = step.find("dropped"); count != step.end()) expected_dropped = count->get<std::uint64_t>();
    if (dropped(driver) != expected_dropped) {
      return at + "dropped " + std::to_string(dropped(driver)) + ", expected " + std::to_string(expected_dropped);
    }
  }
  if (const auto end = scenario.find("end"); end != scenario.end()) {
    if (std::string difference = compare_end(driver, *end); !difference.empty()) return "end: " + difference;
  }
  return {};
}

}  // namespace tidemill::vectors
