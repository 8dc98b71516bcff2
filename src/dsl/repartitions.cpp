#include "dsl/repartitions.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <set>

#include <tidemill/dsl/stateless_nodes.hpp>

namespace tidemill::detail {
namespace {

using Index = std::size_t;

/// A node, or the three of a repartitioning.
struct Operator {
  std::string name;  // of a repartitioning: its source's
  Draft::Traits traits = {};
  const Draft::RepartitionNodes* repartition = nullptr;
  std::vector<Index> parents = {};
  std::vector<Index> children = {};
  bool gone = false;
};

class Repartitions {
 public:
  Repartitions(TopologyBuilder& builder, const std::map<std::string, Draft::Traits>& traits,
               const std::vector<Draft::RepartitionNodes>& repartitions)
      : builder_(builder), repartitions_(repartitions) {
    for (const NodeSpec& node : builder.nodes()) specs_.emplace(node.name, &node);
    read(traits);
  }
  std::set<std::string> finish() {
    if (builder_.optimizes("merge.repartition.topics")) merge_topics();
    write();
    return merged_;
  }

 private:
  using Is = std::function<bool(Index)>;

  // The graph.

  void read(const std::map<std::string, Draft::Traits>& traits) {
    std::map<std::string, Index> places;
    std::map<std::string, const Draft::RepartitionNodes*> by_source;
    std::map<std::string, Index> internal_sinks;
    for (const Draft::RepartitionNodes& nodes : repartitions_) by_source[nodes.source] = &nodes;
    const auto inner = [this](const std::string& name) {
      return std::any_of(repartitions_.begin(), repartitions_.end(),
                         [&](const auto& nodes) { return nodes.filter == name || nodes.sink == name; });
    };
    for (const NodeSpec& node : builder_.nodes()) {
      if (inner(node.name)) continue;
      const Index place = operators_.size();
      places[node.name] = place;
      order_.push_back(place);
      Operator& added = operators_.emplace_back();
      added.name = node.name;
      if (const auto found = traits.find(node.name); found != traits.end()) added.traits = found->second;
      if (const auto found = by_source.find(node.name); found != by_source.end()) added.repartition = found->second;
      const NodeSpec& first = added.repartition != nullptr ? *specs_.at(added.repartition->filter) : node;
      for (const std::int32_t parent : first.parents) {
        link(places.at(builder_.nodes()[static_cast<std::size_t>(parent)].name), place);
      }
      if (node.kind == NodeKind::kSink && builder_.is_internal(node.sink_topic)) internal_sinks[node.sink_topic] = place;
      link_across_topics(node, place, internal_sinks);
    }
  }
  /// What an operator sends itself (a foreign-key join's messages, the changes of a grouped table) leads on, in Java's graph, too.
  void link_across_topics(const NodeSpec& node, Index place, const std::map<std::string, Index>& internal_sinks) {
    for (const std::string& topic : node.topics) {
      if (const auto sink = internal_sinks.find(topic); sink != internal_sinks.end()) link(sink->second, place);
    }
  }
  void link(Index parent, Index child) {
    std::vector<Index>& parents = operators_[child].parents;
    if (std::find(parents.begin(), parents.end(), parent) != parents.end()) return;
    parents.push_back(parent);
    operators_[parent].children.push_back(child);
  }
  bool unlink(Index parent, Index child) {
    std::erase(operators_[child].parents, parent);
    return std::erase(operators_[parent].children, child) > 0;
  }
  [[nodiscard]] bool has_parent(Index child, Index parent) const {
    const std::vector<Index>& parents = operators_[child].parents;
    return std::find(parents.begin(), parents.end(), parent) != parents.end();
  }
  /// Upwards, from the operator itself; of several parents that which Java finds.
  [[nodiscard]] std::optional<Index> find_up(Index from, const Is& is) const {
    if (is(from)) return from;
    std::optional<Index> found;
    for (const Index parent : operators_[from].parents) {
      if (is(parent)) return parent;
      found = find_up(parent, is);
    }
    return found;
  }

  // Merging.

  /// A change of the key (or a merge behind several), and the repartitionings that lead back to it.
  struct Group {
    Index changer;
    std::vector<Index> repartitions = {};
  };

  [[nodiscard]] std::vector<Group> groups() const {
    std::vector<Group> groups;
    for (const Index place : order_) {
      const Operator& at = operators_[place];
      if (at.traits.changes_key) {
        groups.push_back({place});
      } else if (at.repartition != nullptr && at.repartition->mergeable) {
        const auto changer = find_up(place, [this](Index i) { return operators_[i].traits.changes_key; });
        const auto change =
            find_up(place, [this](Index i) { return operators_[i].traits.changes_key || operators_[i].traits.changes_value; });
        if (!changer || changer != change) continue;
        std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
          return group.changer == *changer;
        })->repartitions.push_back(place);
      }
    }
    gather_behind_merges(groups);
    return groups;
  }
  /// Where all that leads back to a change of the key passes a merge, the topic is behind the merge: one for all streams merged.
  void gather_behind_merges(std::vector<Group>& groups) const {
    std::vector<Group> gathered;
    std::vector<Index> replaced;
    for (const Index place : order_) {
      if (!operators_[place].traits.merges) continue;
      Group& group = gathered.emplace_back(Group{place});
      for (const Group& one : groups) {
        const bool all_behind = std::all_of(one.repartitions.begin(), one.repartitions.end(), [&](Index repartition) {
          return find_up(repartition, [&](Index i) { return has_parent(i, place); }).has_value();
        });
        if (!all_behind || !find_up(place, [&](Index i) { return has_parent(i, one.changer); })) continue;
        for (const Index repartition : one.repartitions) {
          if (std::find(group.repartitions.begin(), group.repartitions.end(), repartition) == group.repartitions.end()) {
            group.repartitions.push_back(repartition);
          }
        }
        replaced.push_back(one.changer);
      }
    }
    groups.insert(groups.end(), gathered.begin(), gathered.end());
    std::erase_if(groups, [&](const Group& group) {
      return std::find(replaced.begin(), replaced.end(), group.changer) != replaced.end();
    });
  }

  /// Of two on one branch the second finds it moved already; Java refuses such a topology. Nothing comes to it from elsewhere, nor
  /// with another key.
  [[nodiscard]] bool is_all_behind(Index merged, Index repartition) const {
    const std::vector<Index>& parents = operators_[repartition].parents;
    return !parents.empty() && std::all_of(parents.begin(), parents.end(), [&](Index parent) {
      return parent == merged || (!operators_[parent].traits.changes_key && is_all_behind(merged, parent));
    });
  }

  void merge_topics() {
    for (const Group& group : groups()) {
      if (group.repartitions.empty()) continue;
      const Index merged = add_merged(group);
      for (const Index repartition : group.repartitions) {
        if (const auto branch = find_up(repartition, [&](Index i) { return has_parent(i, group.changer); })) {
          unlink(group.changer, *branch);
          link(merged, *branch);
        } else if (!is_all_behind(merged, repartition)) {
          continue;  // another way leads to it, too: it stays what it is
        }
        remove(repartition, merged);
      }
      link(group.changer, merged);
    }
  }
  /// The first one's topic, written to right behind the change of the key.
  Index add_merged(const Group& group) {
    const Draft::RepartitionNodes& first = *operators_[group.repartitions.front()].repartition;
    const std::string topic = Draft::plain_name(first.topic);
    // One that has been merged with others may have the name, too: apart until plain_name().
    const std::string apart = " merged-" + std::to_string(added_.size());
    added_.push_back(std::make_unique<Draft::RepartitionNodes>(Draft::RepartitionNodes{
        topic, topic + "-filter" + apart, topic + "-sink" + apart, topic + "-source" + apart, false, {}, {}}));
    const Draft::RepartitionNodes& nodes = *added_.back();
    NodeSpec& sink = changed_.emplace_back(*specs_.at(first.sink));
    NodeSpec& source = changed_.emplace_back(*specs_.at(first.source));
    give_first_serdes(group, topic, sink, source);
    specs_.emplace(nodes.filter, specs_.at(first.filter));
    specs_.emplace(nodes.sink, &sink);
    specs_.emplace(nodes.source, &source);
    const Index place = operators_.size();
    operators_.push_back({.name = nodes.source, .repartition = &nodes});
    order_.insert(std::next(std::find(order_.begin(), order_.end(), group.changer)), place);
    return place;
  }
  /// The first key's that is given and the first value's, which may be another one's: as in Java.
  void give_first_serdes(const Group& group, const std::string& topic, NodeSpec& sink, NodeSpec& source) const {
    Draft::RepartitionSerdes given = operators_[group.repartitions.front()].repartition->serdes;
    const auto own = given;
    for (const Index place : group.repartitions) {
      const Draft::RepartitionNodes& nodes = *operators_[place].repartition;
      if (!(specs_.at(nodes.sink)->input == sink.input)) continue;
      if (given.key == nullptr) given.key = nodes.serdes.key;
      if (given.value == nullptr) given.value = nodes.serdes.value;
    }
    if (given.key == own.key && given.value == own.value) return;
    Draft::RepartitionEnds ends = given.ends(topic, given.key.get(), given.value.get());
    sink.prototype = std::move(ends.sink);
    source.prototype = std::move(ends.source);
  }
  void remove(Index repartition, Index merged) {
    const std::vector<Index> parents = operators_[repartition].parents;
    const std::vector<Index> children = operators_[repartition].children;
    for (const Index child : children) {
      for (const Index parent : parents) link(parent, child);
    }
    for (const Index parent : parents) unlink(parent, repartition);
    for (const Index child : children) unlink(repartition, child);
    operators_[repartition].gone = true;
    merged_.insert(operators_[repartition].name);
    instead_[operators_[repartition].name] = Draft::plain_name(operators_[merged].name);
  }

  // Back to nodes.

  [[nodiscard]] bool null_keys_wanted_behind(Index place, std::map<Index, bool>& known) const {
    if (const auto found = known.find(place); found != known.end()) return found->second;
    bool wanted = false;
    for (const Index child : operators_[place].children) {
      wanted |= operators_[child].traits.joins_null_keys || null_keys_wanted_behind(child, known);
    }
    return known[place] = wanted;
  }
  /// Nodes of one name are refused like any others.
  static void check_read_once(const std::string& topic, const std::string& source,
                              std::map<std::string, std::string>& readers) {
    const auto [found, added] = readers.emplace(topic, source);
    if (added || found->second == source) return;
    throw TopologyException("topic \"" + topic + "\" is read by source \"" + found->second + "\" already; \"" + source +
                            "\" cannot read it, too: give the group, or the store, of one of them another name");
  }
  void write() {
    std::vector<TopologyBuilder::Placed> placed;
    std::map<Index, bool> known;
    std::map<std::string, std::string> readers;
    const auto add = [&](const std::string& name, std::vector<std::string> parents) -> NodeSpec& {
      TopologyBuilder::Placed& one = placed.emplace_back(TopologyBuilder::Placed{*specs_.at(name), std::move(parents)});
      one.spec.name = Draft::plain_name(name);
      return one.spec;
    };
    for (const Draft::RepartitionNodes& nodes : repartitions_) builder_.remove_internal_topic(nodes.topic);
    for (const Index place : order_) {
      const Operator& at = operators_[place];
      if (at.gone) continue;
      std::vector<std::string> parents;
      for (const Index parent : at.parents) {
        if (specs_.at(operators_[parent].name)->kind == NodeKind::kSink) continue;  // its topic is in between
        parents.push_back(Draft::plain_name(operators_[parent].name));
      }
      if (at.repartition == nullptr) {
        add(at.name, std::move(parents));
        continue;
      }
      NodeSpec& filter = add(at.repartition->filter, std::move(parents));
      if (null_keys_wanted_behind(place, known)) {
        filter.prototype = prototype(new PassThroughNode);
      } else {
        filter.prototype = prototype(new NullKeyFilterNode);
      }
      const std::string topic = Draft::plain_name(at.repartition->topic);
      add(at.repartition->sink, {Draft::plain_name(at.repartition->filter)}).sink_topic = topic;
      NodeSpec& source = add(at.repartition->source, {});
      source.topics = {topic};
      builder_.add_internal_topic(topic, InternalTopicKind::kRepartition, at.repartition->partitions);
      check_read_once(topic, source.name, readers);
      instead_.emplace(at.repartition->source, source.name);
    }
    builder_.replace_nodes(std::move(placed), instead_);
  }

  TopologyBuilder& builder_;
  const std::vector<Draft::RepartitionNodes>& repartitions_;
  std::map<std::string, const NodeSpec*> specs_;
  std::deque<NodeSpec> changed_;
  std::vector<Operator> operators_;
  std::vector<Index> order_;  // in which they are written
  std::vector<std::unique_ptr<Draft::RepartitionNodes>> added_;
  std::set<std::string> merged_;
  std::map<std::string, std::string> instead_;  // sources -> what is read instead, or what they are called now
};

}  // namespace

std::set<std::string> finish_repartitions(TopologyBuilder& builder, const std::map<std::string, Draft::Traits>& traits,
                                          const std::vector<Draft::RepartitionNodes>& repartitions) {
  return repartitions.empty() ? std::set<std::string>() : Repartitions(builder, traits, repartitions).finish();
}

}  // namespace tidemill::detail
