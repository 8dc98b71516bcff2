// Aggregations over windows, cogroups, and operators on tables of windows.
#include <tidemill/dsl/cogrouped_stream.hpp>
#include <tidemill/dsl/kgrouped_table.hpp>
#include <tidemill/dsl/ktable_suppress.hpp>

#include "options.hpp"
#include "world.hpp"

namespace tidemill::differential {
namespace {

// These see null values.
auto reducer(const json& step) {
  return [f = aggregator(step.at("f"))](const Text& so_far, const Text* value) { return f(value, so_far); };
}
auto aggregate_function(const std::string& name) {
  return [f = aggregator(name)](const Text&, const Text* value, const Text& so_far) { return f(value, so_far); };
}
auto merger(const json& step) {
  return [f = aggregator(step.at("merge"))](const Text&, const Text& one, const Text& other) { return f(&other, one); };
}

/// `aggregate(stream)` of the windowed stream, whichever it is.
template <class Aggregate>
void windowed(World& world, const json& step, Aggregate aggregate) {
  const Group& group = world.get<Group>(step);
  const json& windows = step.at("windows");
  if (are_sessions(windows)) {
    world.put(step, aggregate(group.windowed_by(sessions(windows)).emit_strategy(emit(step))));
  } else {
    world.put(step,
              aggregate(with_windows(windows, [&](const auto& w) { return group.windowed_by(w); }).emit_strategy(emit(step))));
  }
}
void count(World& world, const json& step) {
  windowed(world, step, [&](const auto& stream) { return stream.count(materialized<Text, Long>(step)); });
}
void reduce(World& world, const json& step) {
  windowed(world, step, [&](const auto& stream) { return stream.reduce(reducer(step), materialized<Text, Text>(step)); });
}
WindowTable aggregated(const TimeWindowedKStream<Text, Text>& stream, const json& step) {
  return stream.aggregate(Text("_"), aggregate_function(step.at("f")), materialized<Text, Text>(step));
}
WindowTable aggregated(const SessionWindowedKStream<Text, Text>& stream, const json& step) {
  return stream.aggregate(Text("_"), aggregate_function(step.at("f")), merger(step), materialized<Text, Text>(step));
}
void aggregate(World& world, const json& step) {
  windowed(world, step, [&](const auto& stream) { return aggregated(stream, step); });
}

void cogroup(World& world, const json& step) {
  CogroupedKStream<Text, Text> all;
  const json& names = step.at("groups");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Group& group = world.get<Group>({{"on", names[i]}});
    all = all.cogroup(group, aggregate_function(step.at("fs")[i]));
  }
  const auto options = materialized<Text, Text>(step);
  if (!step.contains("windows")) return world.put(step, all.aggregate(Text("_"), options));
  const json& windows = step.at("windows");
  if (are_sessions(windows))
    return world.put(step, all.windowed_by(sessions(windows)).aggregate(Text("_"), merger(step), options));
  world.put(step, with_windows(windows, [&](const auto& w) { return all.windowed_by(w); }).aggregate(Text("_"), options));
}

// Tables of windows.

void filter(World& world, const json& step) {
  auto f = [f = predicate(step.at("f"))](const Key& k, const Text& v) { return f(&k.key, &v); };
  world.put(step, world.get<WindowTable>(step).filter(f, materialized<Key, Text>({{"named", text(step, "named")}})));
}
void map_values(World& world, const json& step) {
  auto f = [f = mapper(step.at("f"))](const Key& k, const Text& v) { return f(&k.key, &v); };
  world.put(step, world.get<WindowTable>(step).map_values(f, materialized<Key, Text>({{"named", text(step, "named")}})));
}
void suppress(World& world, const json& step) { world.put(step, world.get<WindowTable>(step).suppress(suppressed(step))); }
void to_stream(World& world, const json& step) {
  world.put(step, world.get<WindowTable>(step).to_stream([](const Key& key, const Text*) { return to_string(key); }));
}
void to(World& world, const json& step) { world.get<WindowTable>(step).to_stream().to(step.at("topic").get<std::string>()); }
void group_by(World& world, const json& step) {
  auto select = [key = mapper(step.at("key")), value = mapper(step.at("f"))](const Key& k, const Text& v) {
    return std::pair(key(&k.key, &v), value(&k.key, &v));
  };
  world.put(step, world.get<WindowTable>(step).group_by(select, grouped(step)));
}
void join(World& world, const json& step) {
  const WindowTable& left = world.get<WindowTable>(step);
  const WindowTable& right = world.get<WindowTable>(step, "with");
  const JoinFunction f = joiner(step.at("f"));
  const Materialized<Key, Text> options{.name = text(step, "named")};
  const std::string kind = text(step, "kind");
  if (kind == "inner") {
    world.put(step, left.join(
                        right, [f](const Text& a, const Text& b) { return f(nullptr, &a, &b); }, options));
  } else if (kind == "left") {
    world.put(step, left.left_join(
                        right, [f](const Text& a, const Text* b) { return f(nullptr, &a, b); }, options));
  } else {
    world.put(step, left.outer_join(
                        right, [f](const Text* a, const Text* b) { return f(nullptr, a, b); }, options));
  }
}

void count_to_text(World& world, const json& step) {
  auto text_of = [](const Key&, const Long& count) { return "n" + std::to_string(count); };
  world.put(step, world.get<WindowCountTable>(step).map_values(text_of));
}
void count_suppress(World& world, const json& step) {
  world.put(step, world.get<WindowCountTable>(step).suppress(suppressed(step)));
}
void count_to(World& world, const json& step) {
  world.get<WindowCountTable>(step).to_stream().to(step.at("topic").get<std::string>());
}

}  // namespace

void add_window_operators(Operators& operators) {
  operators["windowedCount"] = count;
  operators["windowedReduce"] = reduce;
  operators["windowedAggregate"] = aggregate;
  operators["cogroup"] = cogroup;
  operators["windowFilter"] = filter;
  operators["windowMapValues"] = map_values;
  operators["windowSuppress"] = suppress;
  operators["windowToStream"] = to_stream;
  operators["windowTo"] = to;
  operators["windowGroupBy"] = group_by;
  operators["windowJoin"] = join;
  operators["windowCountToText"] = count_to_text;
  operators["windowCountSuppress"] = count_suppress;
  operators["windowCountTo"] = count_to;
}

}  // namespace tidemill::differential
