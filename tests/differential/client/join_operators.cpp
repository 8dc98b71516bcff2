// Joins.
#include <tidemill/dsl/kstream_stream_joins.hpp>

#include "world.hpp"

namespace tidemill::differential {
namespace {

enum class JoinKind : std::uint8_t { kInner, kLeft, kOuter };
JoinKind kind_of(const json& step) {
  const std::string kind = text(step, "kind");
  return kind == "inner" ? JoinKind::kInner : kind == "left" ? JoinKind::kLeft : JoinKind::kOuter;
}
auto inner(JoinFunction f) {
  return [f](const Text& k, const Text& a, const Text& b) { return f(&k, &a, &b); };
}
auto left(JoinFunction f) {
  return [f](const Text* k, const Text& a, const Text* b) { return f(k, &a, b); };
}
auto outer(JoinFunction f) {
  return [f](const Text* k, const Text* a, const Text* b) { return f(k, a, b); };
}

JoinWindows join_windows(const json& from) {
  const auto size = milliseconds(from, "size");
  JoinWindows windows = from.value("eager", false)
                            ? JoinWindows::of_eager(size).grace(milliseconds(from, "grace"))
                            : JoinWindows::of_time_difference_and_grace(size, milliseconds(from, "grace"));
  if (from.contains("before")) windows = windows.before(milliseconds(from, "before"));
  if (from.contains("after")) windows = windows.after(milliseconds(from, "after"));
  return windows;
}
void stream_stream(World& world, const json& step) {
  const Stream& one = world.get<Stream>(step);
  const Stream& other = world.get<Stream>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  const JoinWindows windows = join_windows(step.at("windows"));
  const auto own = SerdeOf<Text>::serde();
  StreamJoined<Text, Text, Text> joined{.key_serde = own, .value_serde = own, .other_value_serde = own};
  if (step.contains("serdes")) {
    joined = {.key_serde = serde(step, "key"), .value_serde = serde(step, "value"), .other_value_serde = serde(step, "other")};
  }
  joined.name = text(step, "named");
  if (const auto store = step.find("store"); store != step.end()) {
    joined.store_name = text(*store, "name");
    joined.logging = store->value("log", true);
    joined.engine = engine(*store);
  }
  switch (kind_of(step)) {
    case JoinKind::kInner: return world.put(step, one.join(other, inner(f), windows, joined));
    case JoinKind::kLeft: return world.put(step, one.left_join(other, left(f), windows, joined));
    case JoinKind::kOuter: return world.put(step, one.outer_join(other, outer(f), windows, joined));
  }
}

void stream_table(World& world, const json& step) {
  const Stream& stream = world.get<Stream>(step);
  const Table& table = world.get<Table>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  Joined<Text, Text, Text> joined{.key_serde = serde(step, "key"),
                                  .value_serde = serde(step, "value"),
                                  .other_value_serde = serde(step, "other"),
                                  .name = text(step, "named")};
  if (step.contains("grace")) {
    if (!step.contains("serdes")) joined.key_serde = joined.value_serde = joined.other_value_serde = SerdeOf<Text>::serde();
    joined.grace_period = milliseconds(step, "grace");
  }
  if (kind_of(step) == JoinKind::kInner) return world.put(step, stream.join(table, inner(f), joined));
  world.put(step, stream.left_join(table, left(f), joined));
}

void stream_global_table(World& world, const json& step) {
  const Stream& stream = world.get<Stream>(step);
  const GlobalTable& table = world.get<GlobalTable>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  const MapFunction select = mapper(step.at("key"));
  if (kind_of(step) == JoinKind::kInner) {
    auto join = [f](const Text* k, const Text& a, const Text& b) { return f(k, &a, &b); };
    return world.put(step, stream.join(table, select, join, named(step)));
  }
  world.put(step, stream.left_join(table, select, left(f), named(step)));
}

// Joiners of tables see no key.
auto inner_rows(JoinFunction f) {
  return [f](const Text& a, const Text& b) { return f(nullptr, &a, &b); };
}
auto left_rows(JoinFunction f) {
  return [f](const Text& a, const Text* b) { return f(nullptr, &a, b); };
}
void table_table(World& world, const json& step) {
  const Table& one = world.get<Table>(step);
  const Table& other = world.get<Table>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  const auto options = materialized<Text, Text>(step);
  switch (kind_of(step)) {
    case JoinKind::kInner: return world.put(step, one.join(other, inner_rows(f), options));
    case JoinKind::kLeft: return world.put(step, one.left_join(other, left_rows(f), options));
    case JoinKind::kOuter: {
      auto outer_rows = [f](const Text* a, const Text* b) { return f(nullptr, a, b); };
      return world.put(step, one.outer_join(other, outer_rows, options));
    }
  }
}
void foreign_key(World& world, const json& step) {
  const Table& one = world.get<Table>(step);
  const Table& other = world.get<Table>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  auto extract = [select = mapper(step.at("key"))](const Text& k, const Text& v) { return select(&k, &v); };
  const TableJoined<Text, Text> joined{.name = text(step, "named")};
  auto options = materialized<Text, Text>(step);
  options.name.clear();
  if (kind_of(step) == JoinKind::kInner) return world.put(step, one.join(other, extract, inner_rows(f), joined, options));
  world.put(step, one.left_join(other, extract, left_rows(f), joined, options));
}

}  // namespace

void add_join_operators(Operators& operators) {
  operators["streamStreamJoin"] = stream_stream;
  operators["streamTableJoin"] = stream_table;
  operators["streamGlobalTableJoin"] = stream_global_table;
  operators["tableTableJoin"] = table_table;
  operators["foreignKeyJoin"] = foreign_key;
}

}  // namespace tidemill::differential
