// Operators on tables of texts and of counts, and aggregations without windows.
#include <tidemill/dsl/cogrouped_stream.hpp>
#include <tidemill/dsl/kgrouped_table.hpp>
#include <tidemill/dsl/ktable_suppress.hpp>

#include "options.hpp"
#include "world.hpp"

namespace tidemill::differential {
namespace {

/// Of a source, whose name is not its table's.
Materialized<Text, Text> of_source(const json& step) {
  auto made = materialized<Text, Text>(step);
  made.name.clear();
  return made;
}
void table(World& world, const json& step) {
  world.put(step, world.builder.table<Text, Text>(step.at("topic").get<std::string>(), consumed(step), of_source(step)));
}
void global_table(World& world, const json& step) {
  world.put(step, world.builder.global_table<Text, Text>(step.at("topic").get<std::string>(), consumed(step), of_source(step)));
}
auto of_row(PredicateFunction predicate) {
  return [predicate](const Text& k, const Text& v) { return predicate(&k, &v); };
}
auto of_row(MapFunction mapper) {
  return [mapper](const Text& k, const Text& v) { return mapper(&k, &v); };
}
void filter(World& world, const json& step) {
  world.put(step, world.get<Table>(step).filter(of_row(predicate(step.at("f"))), materialized<Text, Text>(step)));
}
void filter_not(World& world, const json& step) {
  world.put(step, world.get<Table>(step).filter_not(of_row(predicate(step.at("f"))), materialized<Text, Text>(step)));
}
void map_values(World& world, const json& step) {
  world.put(step, world.get<Table>(step).map_values(of_row(mapper(step.at("f"))), materialized<Text, Text>(step)));
}
struct Transformer final : ValueTransformerWithKey<Text, Text, Text> {
  explicit Transformer(MapFunction mapper) : map(std::move(mapper)) {}
  MaybeText transform(const Text& key, const Text* value) override { return map(&key, value); }
  MapFunction map;
};
void transform_values(World& world, const json& step) {
  auto supplier = [map = mapper(step.at("f"))] { return std::make_unique<Transformer>(map); };
  world.put(step, world.get<Table>(step).transform_values(supplier, materialized<Text, Text>(step)));
}
void to_stream(World& world, const json& step) {
  const Table& table = world.get<Table>(step);
  if (step.contains("key")) {
    world.put(step, table.to_stream(mapper(step.at("key")), named(step)));
  } else {
    world.put(step, table.to_stream(named(step)));
  }
}
void suppress(World& world, const json& step) { world.put(step, world.get<Table>(step).suppress(suppressed(step))); }

void group_by(World& world, const json& step) {
  auto select = [key = mapper(step.at("key")), value = mapper(step.at("f"))](const Text& k, const Text& v) {
    return std::pair(key(&k, &v), value(&k, &v));
  };
  world.put(step, world.get<Table>(step).group_by(select, grouped(step)));
}
void group_count(World& world, const json& step) {
  world.put(step, world.get<TableGroup>(step).count(materialized<Text, Long>(step)));
}
void group_reduce(World& world, const json& step) {
  auto of_two = [](const std::string& name) {
    return [f = aggregator(name)](const Text& so_far, const Text& value) { return f(&value, so_far); };
  };
  world.put(step,
            world.get<TableGroup>(step).reduce(of_two(step.at("f")), of_two(step.at("minus")), materialized<Text, Text>(step)));
}
auto of_three(const std::string& name) {
  return [f = aggregator(name)](const Text&, const Text& value, const Text& so_far) { return f(&value, so_far); };
}
void group_aggregate(World& world, const json& step) {
  world.put(step, world.get<TableGroup>(step).aggregate(Text("_"), of_three(step.at("f")), of_three(step.at("minus")),
                                                        materialized<Text, Text>(step)));
}

void count(World& world, const json& step) { world.put(step, world.get<Group>(step).count(materialized<Text, Long>(step))); }
void reduce(World& world, const json& step) {
  auto f = [f = aggregator(step.at("f"))](const Text& so_far, const Text& value) { return f(&value, so_far); };
  world.put(step, world.get<Group>(step).reduce(f, materialized<Text, Text>(step)));
}
void aggregate(World& world, const json& step) {
  world.put(step, world.get<Group>(step).aggregate(Text("_"), of_three(step.at("f")), materialized<Text, Text>(step)));
}

void count_to_text(World& world, const json& step) {
  auto text_of = [](const Text&, const Long& count) { return "n" + std::to_string(count); };
  world.put(step, world.get<CountTable>(step).map_values(text_of, materialized<Text, Text>(step)));
}
void count_suppress(World& world, const json& step) { world.put(step, world.get<CountTable>(step).suppress(suppressed(step))); }
void count_filter(World& world, const json& step) {
  auto odd = [](const Text&, const Long& count) { return count % 2 != 0; };
  world.put(step, world.get<CountTable>(step).filter(odd, materialized<Text, Long>(step)));
}
void count_to(World& world, const json& step) {
  world.get<CountTable>(step).to_stream().to(step.at("topic").get<std::string>());
}

}  // namespace

void add_table_operators(Operators& operators) {
  operators["table"] = table;
  operators["globalTable"] = global_table;
  operators["tableFilter"] = filter;
  operators["tableFilterNot"] = filter_not;
  operators["tableMapValues"] = map_values;
  operators["transformValues"] = transform_values;
  operators["toStream"] = to_stream;
  operators["suppress"] = suppress;
  operators["tableGroupBy"] = group_by;
  operators["groupCount"] = group_count;
  operators["groupReduce"] = group_reduce;
  operators["groupAggregate"] = group_aggregate;
  operators["count"] = count;
  operators["reduce"] = reduce;
  operators["aggregate"] = aggregate;
  operators["countToText"] = count_to_text;
  operators["countSuppress"] = count_suppress;
  operators["countFilter"] = count_filter;
  operators["countTo"] = count_to;
}

}  // namespace tidemill::differential
