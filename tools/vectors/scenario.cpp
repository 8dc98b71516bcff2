#include "scenario.hpp"

#include <algorithm>
#include <limits>
#include <regex>
#include <set>
#include <tuple>

#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/join_buffer.hpp>
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
  std::string text =
      topic + " " + shown(record.key) + "=" + shown(record.value) + " @" + std::to_string(record.timestamp.value);
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
using Topics = std::set<std::string>;
/// The key of a row that is one of several, without its number.
OptionalBytes without_number(OptionalBytes key) {
  constexpr std::size_t kNumber = 4;
  if (key && key->size() >= kNumber) key->resize(key->size() - kNumber);
  return key;
}
/// `numbered`: changelogs of which the numbers in the keys do not matter.
bool same(const json& expected, const std::string& topic, const TestRecordBytes& actual, const Topics& numbered) {
  const OptionalBytes key = blob(expected.at("k"));
  const bool same_key = numbered.contains(topic) ? without_number(key) == without_number(actual.key) : key == actual.key;
  if (expected.at("t").get<std::string>() != topic || !same_key || blob(expected.at("v")) != actual.value ||
      !same_headers(expected, actual.headers)) {
    return false;
  }
  return expected.at("ts").is_null() ? actual.timestamp == kNoTimestamp
                                     : expected.at("ts").get<std::int64_t>() == actual.timestamp.value;
}

/// Takes the records of unordered topics out of both sides, comparing them as sets.
std::string compare(const json& step, const Sent& sent, const std::vector<std::string>& unordered, const Topics& numbered) {
  std::vector<const json*> wanted;
  std::vector<const json*> loose;
  const auto is_loose = [&](const std::string& topic) {
    return std::find(unordered.begin(), unordered.end(), topic) != unordered.end();
  };
  if (const auto out = step.find("out"); out != step.end()) {
    for (const json& record : *out) (is_loose(record.at("t").get<std::string>()) ? loose : wanted).push_back(&record);
  }
  std::size_t at = 0;
  for (const auto& [topic, record] : sent) {
    if (is_loose(topic)) {
      const auto match = std::find_if(loose.begin(), loose.end(), [&, &topic = topic, &record = record](const json* one) {
        return same(*one, topic, record, numbered);
      });
      if (match == loose.end()) return "not expected: " + shown(topic, record);
      loose.erase(match);
      continue;
    }
    if (at == wanted.size()) return "one more than expected: " + shown(topic, record);
    if (!same(*wanted[at], topic, record, numbered)) {
      return "sent " + shown(topic, record) + ", expected " +
             shown(wanted[at]->at("t").get<std::string>(), record_of(*wanted[at]));
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
      return "store " + name + " has for " + shown(key) + " the latest version " + ours + ", expected " +
             row.at("latest").dump();
    }
    for (const json& at : row.at("asof")) {
      const std::string ours = shown_version(store.as_of(key, Timestamp(at.at(0).get<std::int64_t>())));
      if (ours != wanted_version(at.at(1)))
        return "store " + name + " has for " + shown(key) + " at " + at.dump() + ": " + ours;
    }
  }
  return {};
}

/// The keys of the rows that a store was given, by its changelog.
using Written = std::map<OptionalBytes, std::string>;

/// From when on windows are compared, of start or end, where caches are written at other times than in the scenario: a cache
/// has what the store beneath has dropped already. The store's time is that of the newest row that it was ever given.
Timestamp kept_since(const StateStore& store, bool sessions, const Written& written) {
  Timestamp newest{0};
  for (const auto& [key, text] : written) {
    if (!key) continue;
    newest = std::max(newest, sessions ? split_session_key(*key).session.end : split_window_key(*key).start);
  }
  return newest - store.spec().retention.count() + 1;
}
json rows_since(const json& rows, bool sessions, Timestamp since) {
  json kept = json::array();
  for (const json& row : rows) {
    if (row.at(sessions ? "end" : "start").get<std::int64_t>() >= since.value) kept.push_back(row);
  }
  return kept;
}

/// `written`: caches are written at other times than in the scenario; null: at the same.
std::string compare_store(TopologyTestDriver& driver, const std::string& name, const json& wanted, const Written* written) {
  const auto kind = wanted.find("kind");
  StateStore* store = driver.state_store(name);
  if (store == nullptr) return "store " + name + " is not there";
  if (ChangeBuffer* buffer = store->change_buffer()) {
    if (buffer->records() == wanted.at("records").get<std::int64_t>() &&
        buffer->bytes() == wanted.at("bytes").get<std::int64_t>() &&
        buffer->min_time().value == wanted.at("min_time").get<std::int64_t>()) {
      return {};
    }
    return "buffer " + name + " has " + std::to_string(buffer->records()) + " records, " + std::to_string(buffer->bytes()) +
           " bytes, from " + std::to_string(buffer->min_time().value) + " on; expected " + wanted.dump();
  }
  if (JoinBuffer* buffer = store->join_buffer()) {
    if (buffer->records() == wanted.at("records").get<std::int64_t>()) return {};
    return "buffer " + name + " has " + std::to_string(buffer->records()) + " records, expected " + wanted.dump();
  }
  if (store->versioned() != nullptr) return compare_versions(*store->versioned(), name, wanted.at("entries"));
  const bool windows = store->windows() != nullptr;
  const bool sessions = store->sessions() != nullptr;
  if (!windows && !sessions && kind != wanted.end() && kind->get<std::string>() != "kv" &&
      kind->get<std::string>() != "timestamped-kv") {
    return "stores of kind " + kind->get<std::string>() + " cannot be compared yet";
  }
  json rows = wanted.is_array() ? wanted : wanted.at("entries");
  Timestamp since{0};
  if (written != nullptr && (windows || sessions)) {
    since = kept_since(*store, sessions, *written);
    rows = rows_since(rows, sessions, since);
  }
  std::size_t at = 0;
  for (auto row = store->range({}); row->valid(); row->next()) {
    if (windows && split_window_key(row->key()).start < since) continue;
    if (sessions && split_session_key(row->key()).session.end < since) continue;
    if (at == rows.size()) return "store " + name + " has more rows: " + shown(Bytes(row->key()));
    const json& expected = rows[at++];
    Bytes value(row->value());
    if (store->spec().timestamped()) {
      const auto [timestamp, plain] = split_timestamp(value);
      if (!expected.contains("ts") || expected.at("ts").get<std::int64_t>() != timestamp.value) {
        return "store " + name + ", row " + std::to_string(at - 1) + ": timestamp " + std::to_string(timestamp.value);
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
      return "store " + name + ", row " + std::to_string(at - 1) + ": " + shown(Bytes(row->key())) + "=" + shown(value);
    }
  }
  return at == rows.size() ? ""
                           : "store " + name + " has " + std::to_string(at) + " rows, expected " + std::to_string(rows.size());
}

/// `counts`: also what only holds in the scenario's own world: dropped records, committed metadata.
/// `written`: what was written to topics, where caches are written at other times; null: at the same.
std::string compare_end(TopologyTestDriver& driver, const json& end, bool counts,
                        const std::map<std::string, Written>* written) {
  if (const auto wanted = end.find("dropped");
      counts && wanted != end.end() && wanted->get<std::uint64_t>() != dropped(driver)) {
    return "dropped " + std::to_string(dropped(driver)) + ", expected " + wanted->dump();
  }
  const auto committed = driver.committed_metadata();
  if (const auto wanted = end.find("committed"); counts && wanted != end.end()) {
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
      static const Written kNothing;
      const Written* of_store = nullptr;
      if (written != nullptr) {
        const auto found = written->find("app-" + name + "-changelog");
        of_store = found == written->end() ? &kNothing : &found->second;
      }
      if (std::string difference = compare_store(driver, name, rows, of_store); !difference.empty()) return difference;
    }
  }
  return {};
}

}  // namespace

namespace {

/// What is piped into a driver step by step, and what comes of it.
class Run {
 public:
  Run(const RegisteredTopology& registered, const json& scenario, const World& world)
      : scenario_(scenario),
        unordered_(registered.unordered_topics),
        world_(world),
        last_values_only_(world.last_values_only(registered.config)),
        forgets_(registered.forgets),
        numbered_(world.restart_each ? numbered_changelogs(registered) : Topics()),
        driver_(registered.build(registered.config), world.config(registered.config),
                Timestamp(scenario.at("wall_clock").get<std::int64_t>())) {
    driver_.commit_after_each_record(registered.commit_after_each_record || world.commit_each);
  }
  std::string difference() {
    const json& steps = scenario_.at("steps");
    for (std::size_t number = 0; number < steps.size(); ++number) {
      const json& step = steps[number];
      const std::string at = "step " + std::to_string(number + 1) + ": ";
      const std::string raised = take(step);
      if (step.contains("raises")) return raised.empty() ? at + "did not raise " + step.at("raises").dump() : "";
      if (!raised.empty()) return at + "raised " + raised;
      if (std::string difference = compare_step(step); !difference.empty()) return at + difference;
      if (world_.restart_each && step.at("op") == "pipe" && may_restart(number)) restart();
    }
    if (last_values_only_) driver_.commit();
    if (std::string difference = compare_last_values(); !difference.empty()) return "end: " + difference;
    const auto end = scenario_.find("end");
    if (end == scenario_.end()) return {};
    const auto* written = last_values_only_ ? &theirs_ : nullptr;
    std::string difference = compare_end(driver_, *end, !last_values_only_ && !world_.restart_each, written);
    return difference.empty() ? "" : "end: " + difference;
  }

 private:
  /// Empty, or what it raised.
  std::string take(const json& step) {
    const std::string op = step.at("op").get<std::string>();
    try {
      if (op == "pipe") {
        driver_.pipe(step.at("t").get<std::string>(), record_of(step));
      } else if (op == "advance") {
        driver_.advance_wall_clock_time(std::chrono::milliseconds(step.at("ms").get<std::int64_t>()));
      } else if (op == "commit") {
        driver_.commit();
      } else if (op == "restart") {
        // Java's driver, set up anew, knows the processors' metadata, but no time of a partition.
        driver_.restart(TopologyTestDriver::PartitionTimes::kForgotten);
      } else {
        throw std::invalid_argument("\"" + op + "\" cannot be run yet");
      }
    } catch (const StreamsException& error) {  // anything else is an error of ours, whatever is expected
      return error.what();
    }
    return {};
  }
  std::string compare_step(const json& step) {
    Sent sent = driver_.take_sent();
    if (last_values_only_) {
      remember(step, sent);
      return {};
    }
    if (std::string difference = compare(step, sent, unordered_, numbered_); !difference.empty()) return difference;
    if (const auto count = step.find("dropped"); count != step.end()) expected_dropped_ = count->get<std::uint64_t>();
    if (!world_.restart_each && dropped(driver_) != expected_dropped_) {
      return "dropped " + std::to_string(dropped(driver_)) + ", expected " + std::to_string(expected_dropped_);
    }
    return {};
  }
  static Topics numbered_changelogs(const RegisteredTopology& registered) {
    Topics topics;
    for (const auto& [name, store] : registered.build(registered.config).stores) {
      if (store.spec.retain_duplicates) topics.insert("app-" + name + "-changelog");
    }
    return topics;
  }
  /// Behind the step of that number Kafka Streams, too, has the same results with a restart as without.
  [[nodiscard]] bool may_restart(std::size_t number) const {
    if (forgets_ == Forgets::kNothing) return true;
    return time_goes_on_behind(number) && (forgets_ != Forgets::kNumbers || !comes_again_behind(number));
  }
  /// Of each topic the next record, one that no operator drops for having no key or value, is as late as any before it.
  [[nodiscard]] bool time_goes_on_behind(std::size_t number) const {
    const json& steps = scenario_.at("steps");
    std::int64_t newest = std::numeric_limits<std::int64_t>::min();
    std::set<std::string> gone_on;
    for (std::size_t at = 0; at < steps.size(); ++at) {
      const json& step = steps[at];
      if (step.at("op") != "pipe") continue;
      const bool first = at > number && gone_on.insert(step.at("t").get<std::string>()).second;
      if (first && (time_of(step) < newest || step.at("k").is_null() || step.at("v").is_null())) return false;
      newest = std::max(newest, time_of(step));
    }
    return true;
  }
  /// A record has the topic, key and time of one that has been there: which would take its number, and its place. Where the
  /// scenario has a restart of its own, any two of the same are such.
  [[nodiscard]] bool comes_again_behind(std::size_t number) const {
    const json& steps = scenario_.at("steps");
    const bool restarts = std::any_of(steps.begin(), steps.end(), [](const json& step) { return step.at("op") == "restart"; });
    std::set<std::tuple<std::string, std::string, std::int64_t>> seen;
    for (std::size_t at = 0; at < steps.size(); ++at) {
      const json& step = steps[at];
      if (step.at("op") != "pipe") continue;
      const auto place = std::tuple(step.at("t").get<std::string>(), step.at("k").dump(), time_of(step));
      if ((at > number || restarts) && seen.contains(place)) return true;
      if (at <= number || restarts) seen.insert(place);
    }
    return false;
  }
  static std::int64_t time_of(const json& step) { return step.at("ts").is_null() ? -1 : step.at("ts").get<std::int64_t>(); }
  void restart() {
    driver_.restart();
    Sent sent = driver_.take_sent();
    if (last_values_only_) remember(json::object(), sent);
  }

  using Last = std::map<std::string, Written>;
  void remember(const json& step, const Sent& sent) {
    for (const auto& [topic, record] : sent) ours_[topic][record.key] = told(topic, record);
    if (const auto out = step.find("out"); out != step.end()) {
      for (const json& record : *out) {
        const std::string topic = record.at("t").get<std::string>();
        theirs_[topic][blob(record.at("k"))] = told(topic, record_of(record));
      }
    }
  }
  /// A cache keeps a deletion of what is not there to itself, and gives headers to results that have none otherwise.
  static std::string told(const std::string& topic, TestRecordBytes record) {
    record.headers = {};
    if (!record.value) record.timestamp = kNoTimestamp;
    return shown(topic, record);
  }
  std::string compare_last_values() {
    if (!last_values_only_) return {};
    remember(json::object(), driver_.take_sent());
    for (const auto& [topic, records] : theirs_) {
      for (const auto& [key, text] : records) {
        const std::string& last = ours_[topic][key];
        if (last != text) return "sent last " + (last.empty() ? "nothing" : last) + ", expected " + text;
      }
    }
    return {};
  }

  const json& scenario_;
  const std::vector<std::string>& unordered_;
  const World& world_;
  bool last_values_only_;
  Forgets forgets_;
  Topics numbered_;
  TopologyTestDriver driver_;
  std::uint64_t expected_dropped_ = 0;
  Last ours_;
  Last theirs_;
};

}  // namespace

std::string run_scenario(const RegisteredTopology& registered, const json& scenario, const World& world) {
  return Run(registered, scenario, world).difference();
}

}  // namespace tidemill::vectors
