// A World builds one scenario's topology: each step is an operator on handles that earlier steps made, by name. All keys and
// values are texts, or counts and windows of them, so that each operator of the DSL is instantiated once.
#pragma once

#include <any>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include <tidemill/dsl/streams_builder.hpp>
#include <tidemill/processor/timestamp_extractor.hpp>

#include "functions.hpp"

namespace tidemill::differential {

using nlohmann::json;
using Long = std::int64_t;
using Key = Windowed<Text>;
using Stream = KStream<Text, Text>;
using Table = KTable<Text, Text>;
using CountTable = KTable<Text, Long>;
using WindowTable = KTable<Key, Text>;
using WindowCountTable = KTable<Key, Long>;
using GlobalTable = GlobalKTable<Text, Text>;
using Group = KGroupedStream<Text, Text>;
using TableGroup = KGroupedTable<Text, Text>;

class World {
 public:
  /// std::invalid_argument for a handle that is not there, or of another type.
  template <class Handle>
  const Handle& get(const json& step, const char* field = "on") const {
    const std::string name = step.at(field).get<std::string>();
    const auto found = handles_.find(name);
    const Handle* handle = found == handles_.end() ? nullptr : std::any_cast<Handle>(&found->second);
    if (handle == nullptr) throw std::invalid_argument("step " + step.dump() + ": no such handle: " + name);
    return *handle;
  }
  template <class Handle>
  void put(const json& step, Handle handle) {
    put_as(step.at("as").get<std::string>(), std::move(handle));
  }
  template <class Handle>
  void put_as(const std::string& name, Handle handle) {
    handles_.insert_or_assign(name, std::any(std::move(handle)));
  }

  StreamsBuilder builder;

 private:
  std::map<std::string, std::any> handles_;
};

using Operator = void (*)(World& world, const json& step);
using Operators = std::map<std::string, Operator>;
void add_stream_operators(Operators& operators);
void add_table_operators(Operators& operators);
void add_window_operators(Operators& operators);
void add_join_operators(Operators& operators);
void add_processor_operators(Operators& operators);

// What options of steps mean.

inline std::chrono::milliseconds milliseconds(const json& from, const char* field) {
  return std::chrono::milliseconds(from.value(field, std::int64_t{0}));
}
inline std::string text(const json& step, const char* field) { return step.value(field, std::string()); }
inline Named named(const json& step) { return {.name = text(step, "named")}; }
class TimeOfValue final : public TimestampExtractor {
  Timestamp extract(const RawRecord& record, Timestamp) const override {
    const auto value = record.value ? MaybeText(std::in_place, record.value->begin(), record.value->end()) : MaybeText();
    return Timestamp(time_of(value ? &*value : nullptr, record.context->timestamp.value));
  }
};
/// That of a part (key, value, other) of which the options say something.
inline std::optional<Serde<Text>> serde(const json& options, const char* part) {
  const json none = json::object();
  const std::string name = text(options.value("serdes", none), part);
  return name.empty() ? std::nullopt : std::optional(serde(name));
}
inline Consumed<Text, Text> consumed(const json& step) {
  Consumed<Text, Text> made{.key_serde = serde(step, "key"), .value_serde = serde(step, "value"), .name = text(step, "named")};
  if (text(step, "picky") == "key") made.key_serde = picky();
  if (text(step, "picky") == "value") made.value_serde = picky();
  if (step.value("timed", false)) made.timestamp_extractor = std::make_shared<TimeOfValue>();
  return made;
}
inline Grouped<Text, Text> grouped(const json& step) {
  return {.name = text(step, "named"), .key_serde = serde(step, "key"), .value_serde = serde(step, "value")};
}
inline StoreEngineKind engine(const json& store) {
  const std::string kind = text(store, "engine");
  return kind.empty()       ? StoreEngineKind::kDefault
         : kind == "memory" ? StoreEngineKind::kInMemory
                            : StoreEngineKind::kPersistent;
}
template <class K, class V>
Materialized<K, V> materialized(const json& step) {
  Materialized<K, V> made;
  made.name = text(step, "named");
  const auto store = step.find("store");
  if (store == step.end()) return made;
  made.store_name = text(*store, "name");
  if constexpr (std::is_same_v<K, Text>) {
    made.key_serde = store->contains("serdes") ? serde(*store, "key") : SerdeOf<Text>::serde();
  }
  if constexpr (std::is_same_v<V, Text>) made.value_serde = serde(*store, "value");
  made.caching = store->value("cache", true);
  made.logging = store->value("log", true);
  made.engine = engine(*store);
  made.retention = milliseconds(*store, "retention");
  made.history = milliseconds(*store, "history");
  return made;
}

}  // namespace tidemill::differential
