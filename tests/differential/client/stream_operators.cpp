// Operators on streams, and sources and sinks.
#include "world.hpp"

namespace tidemill::differential {
namespace {

Produced<Text, Text> produced(const json& step) {
  Produced<Text, Text> made{.key_serde = serde(step, "key"), .value_serde = serde(step, "value"), .name = text(step, "named")};
  if (text(step, "picky") == "value") made.value_serde = picky_writer();
  return made;
}

void stream(World& world, const json& step) {
  world.put(step, world.builder.stream<Text, Text>(step.at("topic").get<std::string>(), consumed(step)));
}
void stream_pattern(World& world, const json& step) {
  const auto pattern = TopicPattern::compile(step.at("topic").get<std::string>());
  world.put(step, world.builder.stream<Text, Text>(pattern, consumed(step)));
}
void to(World& world, const json& step) { world.get<Stream>(step).to(step.at("topic").get<std::string>(), produced(step)); }
void streams(World& world, const json& step) {
  world.put(step, world.builder.stream<Text, Text>(step.at("topics").get<std::vector<std::string>>(), consumed(step)));
}
/// A topic for each first letter of keys.
void to_chosen(World& world, const json& step) {
  const auto choose = [prefix = text(step, "topic")](const Text* key, const Text*, const RecordContext&) {
    return prefix + shown(key).substr(0, 1);
  };
  world.get<Stream>(step).to(TopicNameExtractor<Text, Text>{.extract = choose, .description = "chosen"}, produced(step));
}
void foreach (World& world, const json& step) {
  auto action = [f = predicate(step.at("f"))](const Text* k, const Text* v) { static_cast<void>(f(k, v)); };
  world.get<Stream>(step).foreach (action, named(step));
}
void through(World& world, const json& step) {
  const std::string topic = step.at("topic").get<std::string>();
  world.get<Stream>(step).to(topic);
  world.put(step, world.builder.stream<Text, Text>(topic));
}
void filter(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).filter(predicate(step.at("f")), named(step)));
}
void filter_not(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).filter_not(predicate(step.at("f")), named(step)));
}
void map_values(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).map_values(mapper(step.at("f")), named(step)));
}
void map(World& world, const json& step) {
  auto both = [key = mapper(step.at("key")), value = mapper(step.at("f"))](const Text* k, const Text* v) {
    return std::pair(key(k, v), value(k, v));
  };
  world.put(step, world.get<Stream>(step).map(both, named(step)));
}
void flat_map(World& world, const json& step) {
  auto list = [key = mapper(step.at("key")), values = list_mapper(step.at("f"))](const Text* k, const Text* v) {
    std::vector<std::pair<MaybeText, Text>> all;
    for (const Text& value : values(k, v)) all.emplace_back(key(k, &value), value);
    return all;
  };
  world.put(step, world.get<Stream>(step).flat_map(list, named(step)));
}
void flat_map_values(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).flat_map_values(list_mapper(step.at("f")), named(step)));
}
void select_key(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).select_key(mapper(step.at("f")), named(step)));
}
void peek(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).peek([](const Text*, const Text*) {}, named(step)));
}
void merge(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).merge(world.get<Stream>(step, "with"), named(step)));
}
void repartition(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).repartition(
                      {.name = text(step, "named"), .key_serde = serde(step, "key"), .value_serde = serde(step, "value")}));
}
/// Branches `<as>0` (the default one), `<as>1`, ...
void split(World& world, const json& step) {
  const std::string name = step.at("as").get<std::string>();
  auto branches = world.get<Stream>(step).split({name + "-"});
  for (const json& one : step.at("fs")) branches.branch(predicate(one));
  for (auto& [key, branch] : step.value("default", true) ? branches.default_branch() : branches.no_default_branch()) {
    world.put_as(name + key.substr(name.size() + 1), branch);
  }
}
void to_table(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).to_table(materialized<Text, Text>(step)));
}
/// With serdes, if nothing is said of them.
Grouped<Text, Text> grouped_stream(const json& step) {
  auto made = grouped(step);
  if (!step.contains("serdes")) made.key_serde = made.value_serde = SerdeOf<Text>::serde();
  return made;
}
void group_by_key(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).group_by_key(grouped_stream(step)));
}
void group_by(World& world, const json& step) {
  world.put(step, world.get<Stream>(step).group_by(mapper(step.at("f")), grouped_stream(step)));
}

}  // namespace

void add_stream_operators(Operators& operators) {
  operators["stream"] = stream;
  operators["streamPattern"] = stream_pattern;
  operators["streams"] = streams;
  operators["to"] = to;
  operators["toChosen"] = to_chosen;
  operators["foreach"] = foreach;
  operators["through"] = through;
  operators["filter"] = filter;
  operators["filterNot"] = filter_not;
  operators["mapValues"] = map_values;
  operators["map"] = map;
  operators["flatMap"] = flat_map;
  operators["flatMapValues"] = flat_map_values;
  operators["selectKey"] = select_key;
  operators["peek"] = peek;
  operators["merge"] = merge;
  operators["repartition"] = repartition;
  operators["split"] = split;
  operators["toTable"] = to_table;
  operators["groupByKey"] = group_by_key;
  operators["groupBy"] = group_by;
}

}  // namespace tidemill::differential
