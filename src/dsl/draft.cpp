#include <tidemill/dsl/draft.hpp>

#include <algorithm>
#include <cstdio>

#include <tidemill/dsl/options.hpp>
#include <tidemill/dsl/stateless_nodes.hpp>
#include <tidemill/dsl/table_facts.hpp>

#include "dsl/build_order.hpp"
#include "dsl/repartitions.hpp"
#include "dsl/self_joins.hpp"
#include "topology/optimizations.hpp"

namespace tidemill {

std::string Draft::new_name(std::string_view prefix) {
  char index[16];
  std::snprintf(index, sizeof index, "%010d", index_++);
  return std::string(prefix) + index;
}
std::string Draft::name_or_new(const std::string& given, std::string_view prefix) { return name_or_new(given, {}, prefix); }
std::string Draft::name_or_new(const std::string& given, std::string_view suffix, std::string_view prefix) {
  std::string generated = new_name(prefix);
  if (given.empty()) return generated;
  check_name(given);
  return given + std::string(suffix);
}
std::string Draft::new_store_name(std::string_view prefix) { return new_name(std::string(prefix) + "STATE-STORE-"); }
std::string Draft::store_name_or_new(const std::string& given, std::string_view prefix) {
  if (given.empty()) return new_store_name(prefix);
  check_name(given);
  return given;
}

void Draft::check_name(const std::string& name) {
  if (const char* const why = detail::unfit_for_topics(name)) {
    throw TopologyException("the name \"" + name + "\" cannot be used: " + why + ", and topics are named after it");
  }
}

void Draft::add_processor(TopologyBuilder::ProcessorSpec processor) {
  add([processor = std::move(processor)](TopologyBuilder& builder) { builder.add_processor(processor); });
}
void Draft::add_merge(TopologyBuilder::ProcessorSpec processor) {
  mark(processor.name, {.merges = true});
  add([processor = std::move(processor)](TopologyBuilder& builder) {
    TopologyBuilder::ProcessorSpec merge = processor;
    if (builder.same_node(merge.parents.front(), merge.parents.back())) merge.parents.pop_back();
    builder.add_processor(std::move(merge));
  });
}
void Draft::add_stateful_processor(TopologyBuilder::ProcessorSpec processor, std::vector<StoreSpec> stores) {
  for (const StoreSpec& store : stores) processor.stores.push_back(store.name);
  add([processor = std::move(processor), stores = std::move(stores)](TopologyBuilder& builder) {
    for (const StoreSpec& store : stores) builder.add_state_store_once(store);
    builder.add_processor(processor);
  });
}
void Draft::add_processor(TopologyBuilder::ProcessorSpec processor, std::function<std::vector<std::string>()> stores) {
  add([processor = std::move(processor), stores = std::move(stores)](TopologyBuilder& builder) {
    TopologyBuilder::ProcessorSpec connected = processor;
    connected.stores = stores();
    builder.add_processor(std::move(connected));
  });
}
void Draft::add_table(TopologyBuilder::ProcessorSpec processor, std::shared_ptr<const detail::TableFacts> facts,
                      std::vector<StoreSpec> brought) {
  add([processor = std::move(processor), facts = std::move(facts), brought = std::move(brought)](TopologyBuilder& builder) {
    TopologyBuilder::ProcessorSpec connected = processor;
    connected.stores = detail::add_store(builder, *facts);
    for (const StoreSpec& store : brought) builder.add_state_store_once(store);
    connected.stores.insert(connected.stores.end(), processor.stores.begin(), processor.stores.end());
    builder.add_processor(std::move(connected));
  });
}
void Draft::add_sink(TopologyBuilder::Sink sink) {
  add([sink = std::move(sink)](TopologyBuilder& builder) { builder.add_sink(sink); });
}
void Draft::copartition(std::set<std::string> left, const std::set<std::string>& right) {
  left.insert(right.begin(), right.end());
  add([left = std::move(left)](TopologyBuilder& builder) {
    builder.copartition(std::vector<std::string>(left.begin(), left.end()));
  });
}

std::string Draft::add_repartition(Repartition repartition) {
  // Generated names are used only where the topic's own was generated; the indexes are burnt either way.
  const bool generated =
      repartition.prefix.starts_with("KSTREAM") && repartition.prefix.size() > 10 &&
      repartition.prefix.find_first_not_of("0123456789", repartition.prefix.size() - 10) == std::string::npos;
  check_name(repartition.prefix);
  std::string topic = repartition_topic(repartition.prefix);
  std::string sink = new_name("KSTREAM-SINK-");
  if (repartition.partitions && *repartition.partitions < 1) {
    throw TopologyException("repartition topic \"" + topic + "\": " + std::to_string(*repartition.partitions) +
                            " partitions: at least one");
  }
  std::string filter = new_name("KSTREAM-FILTER-");
  std::string source = new_name("KSTREAM-SOURCE-");
  if (!generated) {
    sink = topic + "-sink";
    filter = topic + "-filter";
    source = topic + "-source";
  }
  if (std::any_of(repartitions_.begin(), repartitions_.end(), [&](const auto& other) { return other.topic == topic; })) {
    const std::string again = " " + std::to_string(repartitions_.size());
    for (std::string* name : {&topic, &filter, &sink, &source}) *name += again;
  }
  repartitions_.push_back({topic, filter, sink, source, repartition.mergeable, repartition.partitions, repartition.serdes});
  // What it filters is known when all that is behind it is.
  add_processor({.name = filter,
                 .prototype = prototype(new detail::PassThroughNode),
                 .parents = {repartition.parent},
                 .input = repartition.type,
                 .output = repartition.type,
                 .fixed_key = true});
  add([=](TopologyBuilder& builder) {
    builder.add_internal_topic(topic, InternalTopicKind::kRepartition, repartition.partitions);
    builder.add_sink(
        {.name = sink, .topic = topic, .prototype = repartition.ends.sink, .parents = {filter}, .input = repartition.type});
    builder.add_source({.name = source, .topics = {topic}, .prototype = repartition.ends.source, .output = repartition.type});
  });
  return source;
}

void Draft::write_again(const std::string& source, const std::string& sink) {
  std::vector<std::string> nodes{sink, source};
  for (const RepartitionNodes& made : repartitions_) {
    if (made.source == source) nodes = {made.filter, made.sink, source};
  }
  add([this, nodes = std::move(nodes)](TopologyBuilder& builder) {
    written_again_.push_back({nodes, builder.nodes().size(), {}});
  });
}

void Draft::add(Step step) {
  if (built_) {
    throw TopologyException("an operator was added behind build(): the Topology that build() gave does not have it; "
                            "make all operators before, or begin with a new StreamsBuilder");
  }
  steps_.push_back(std::move(step));
}

void Draft::check_same(const std::shared_ptr<Draft>& other, std::string_view operation) const {
  if (other.get() == this) return;
  throw TopologyException(std::string(operation) +
                          ": the two are of different StreamsBuilders; make all of a topology with one of them");
}

Topology Draft::build(std::string_view optimization, std::shared_ptr<const ProcessorWrapper> wrapper) {
  if (std::exchange(built_, true)) {
    throw TopologyException(
        "build() of this StreamsBuilder has been called already: keep the Topology, it can be copied; where "
        "build() threw, mend what it said and begin with a new StreamsBuilder");
  }
  const std::optional<std::string> rules = read_optimizations(optimization);
  if (!rules) {
    throw TopologyException("build(\"" + std::string(optimization) + "\"): the optimization must be " +
                            std::string(kOptimizations));
  }
  TopologyBuilder builder;
  builder.set_processor_wrapper(std::move(wrapper));
  builder.set_optimization(*rules);
  for (const Step& step : steps_) step(builder);
  // None is behind it when the operator that wanted one has thrown.
  std::erase_if(written_again_, [&](const WrittenAgain& again) { return again.next >= builder.nodes().size(); });
  for (WrittenAgain& again : written_again_) again.before = builder.nodes()[again.next].name;
  const std::set<std::string> merged = detail::finish_repartitions(builder, traits_, repartitions_);
  std::erase_if(written_again_, [&](const WrittenAgain& again) { return merged.contains(again.nodes.back()); });
  for (WrittenAgain& again : written_again_) {
    for (std::string& node : again.nodes) node = plain_name(node);
  }
  detail::finish_build_order(builder, written_again_, together_);
  detail::finish_self_joins(builder, stream_joins_);
  // What handles still hold on to is their own; the steps hold functions of the user's.
  steps_.clear();
  return builder.build();
}

namespace detail {

template <>
const Named& no_options<Named>() {
  static const Named kNone;
  return kNone;
}

}  // namespace detail

}  // namespace tidemill
