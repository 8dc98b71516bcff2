#include "run.hpp"

#ifdef TIDEMILL_ROCKSDB
#include <tidemill/adapters/rocksdb_stores.hpp>
#endif
#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/join_buffer.hpp>
#include <tidemill/state/versioned_bytes.hpp>
#include <tidemill/state/window_bytes.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

#include "world.hpp"

namespace tidemill::differential {
namespace {

/// A letter for each byte.
json letters(BytesView bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}
json letters(const OptionalBytes& bytes) { return bytes ? letters(BytesView(*bytes)) : json(); }
OptionalBytes bytes_of(const json& text) { return text.is_null() ? OptionalBytes() : OptionalBytes(text.get<std::string>()); }

json shown(const std::string& topic, const TestRecordBytes& record) {
  json headers = json::array();
  for (const Header& header : record.headers) headers.push_back({header.key, letters(header.value)});
  return {topic, letters(record.key), letters(record.value), record.timestamp.value, std::move(headers)};
}

const Operators& operators() {
  static const Operators all = [] {
    Operators made;
    add_stream_operators(made);
    add_table_operators(made);
    add_window_operators(made);
    add_join_operators(made);
    add_processor_operators(made);
    return made;
  }();
  return all;
}

Topology build(const json& scenario) {
  World world;
  for (const json& step : scenario.at("topology")) {
    const auto found = operators().find(step.at("op").get<std::string>());
    if (found == operators().end()) throw std::logic_error("there is no operator " + step.at("op").dump());
    found->second(world, step);
  }
  const json optimize = scenario.at("config").value("optimize", json(false));
  return world.builder.build(optimize.is_string() ? optimize.get<std::string>() : optimize.get<bool>() ? "all" : "none");
}

StreamsConfig config_of(const json& from) {
  StreamsConfig config{.application_id = "app", .statestore_cache_max_bytes = from.value("cache", std::size_t{0})};
  config.exactly_as_kafka_streams = true;
  const std::string emit = std::to_string(from.value("emit", 0));
  config.application["__emit.interval.ms.kstreams.windowed.aggregation__"] = emit;
  config.application["__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"] = emit;
  if (from.value("memory", false)) config.default_dsl_store = StoreEngineKind::kInMemory;
  config.errors_dead_letter_queue_topic_name = text(from, "dlq");
  if (text(from, "deserialization") == "continue") {
    config.deserialization_exception_handler = log_and_continue_on_deserialization_error(text(from, "dlq"));
  }
  if (text(from, "processing") == "continue") {
    config.processing_exception_handler = log_and_continue_on_processing_error(text(from, "dlq"));
  }
  if (text(from, "production") == "continue") {
    config.production_exception_handler = [](const ErrorHandlerContext&, const ProductionError&) {
      return HandlerResponse{.answer = HandlerAnswer::kResume};
    };
  }
#ifdef TIDEMILL_ROCKSDB
  if (from.value("rocksdb", false)) config.state_engine = rocksdb_stores();
#endif
  return config;
}

void take(TopologyTestDriver& driver, const json& input) {
  if (const auto topic = input.find("pipe"); topic != input.end()) {
    TestRecordBytes record{.key = bytes_of(input.at("k")),
                           .value = bytes_of(input.at("v")),
                           .headers = {},
                           .timestamp = Timestamp(input.at("ts").get<std::int64_t>())};
    if (const auto headers = input.find("h"); headers != input.end()) {
      for (const json& header : *headers) record.headers.add(header.at(0).get<std::string>(), bytes_of(header.at(1)));
    }
    driver.pipe(topic->get<std::string>(), std::move(record));
  } else if (const auto ms = input.find("advance"); ms != input.end()) {
    driver.advance_wall_clock_time(std::chrono::milliseconds(ms->get<std::int64_t>()));
  } else {
    driver.commit();
  }
}

json rows_of(StateStore& store) {
  json rows = json::array();
  for (auto row = store.range({}); row->valid(); row->next()) {
    BytesView key = row->key();
    json times = json::array();
    if (store.windows() != nullptr) {
      const auto split = split_window_key(key);
      key = split.key;
      times = {split.start.value};
    } else if (store.sessions() != nullptr) {
      const auto split = split_session_key(key);
      key = split.key;
      times = {split.session.start.value, split.session.end.value};
    }
    rows.push_back({letters(key), times, letters(row->value())});
  }
  return rows;
}

json end_of(TopologyTestDriver& driver) {
  json end;
  std::uint64_t dropped = 0;
  for (const auto& [reason, count] : driver.dropped_records()) dropped += count;
  end["dropped"] = dropped;
  json stores = json::object();
  for (const std::string& name : driver.state_store_names()) {
    StateStore* store = driver.state_store(name);
    if (store == nullptr || store->versioned() != nullptr) continue;
    if (ChangeBuffer* buffer = store->change_buffer()) {
      stores[name] = {buffer->records(), buffer->bytes(), buffer->min_time().value};
    } else if (JoinBuffer* waiting = store->join_buffer()) {
      stores[name] = {waiting->records()};
    } else {
      stores[name] = rows_of(*store);
    }
  }
  end["stores"] = std::move(stores);
  return end;
}

}  // namespace

json run(const json& scenario) {
  json answer = json::object();
  json* part = &answer;
  try {
    const json& config = scenario.at("config");
    Topology topology = build(scenario);
    answer["built"] = topology.describe();
    TopologyTestDriver driver(std::move(topology), config_of(config), Timestamp(config.value("clock", std::int64_t{0})));
    driver.commit_after_each_record(!config.value("commits", false));
    answer["steps"] = json::array();
    for (const json& input : scenario.at("input")) {
      part = &answer["steps"].emplace_back(json::object());
      take(driver, input);
      json& sent = (*part)["sent"] = json::array();
      for (const auto& [topic, record] : driver.take_sent()) sent.push_back(shown(topic, record));
    }
    part = &answer;
    answer["end"] = end_of(driver);
  } catch (const std::logic_error& error) {
    (*part)["error"] = {"logic", error.what()};
  } catch (const std::exception& error) {
    (*part)["error"] = {"run", error.what()};
  }
  return answer;
}

}  // namespace tidemill::differential
