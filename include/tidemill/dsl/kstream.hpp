// KStream<K, V>: a record stream. A small handle to a node of the draft: copy it, name it, give it to functions.
//
// Functions may take the value, key and value, or (to see null values) the value as a pointer; see stateless_nodes.hpp.
#pragma once

#include <tidemill/dsl/draft.hpp>
#include <tidemill/dsl/stateless_nodes.hpp>
#include <tidemill/dsl/table_nodes.hpp>
#include <tidemill/processor/processor.hpp>

namespace tidemill {

template <class K, class V>
class KTable;
template <class K, class V>
class GlobalKTable;
template <class K, class V>
class KGroupedStream;
template <class K, class V>
class BranchedKStream;

namespace detail {
template <class P>
struct ProcessorTypes;
template <class KIn, class VIn, class KOut, class VOut>
struct ProcessorTypes<Processor<KIn, VIn, KOut, VOut>> {
  using Key = KOut;
  using Value = VOut;
};
template <class KIn, class VIn, class KOut, class VOut>
Processor<KIn, VIn, KOut, VOut> processor_base(const Processor<KIn, VIn, KOut, VOut>*);
template <class K, class V>
EdgeType stream_type() {
  return {type_tag<K>(), type_tag<V>(), false};
}
template <class K, class V>
EdgeType table_type() {
  return {type_tag<K>(), type_tag<V>(), true};
}
template <class T>
using ElementOf = std::remove_cvref_t<decltype(*std::begin(std::declval<T&>()))>;
}  // namespace detail

#define TIDEMILL_CHECK_FUNCTION(operation, F) \
  static_assert(detail::RecordFunction<F, K, V>, \
                operation ": the function must be callable with (const V&) or (const K&, const V&), or, to see nulls, " \
                          "with (const V*), (const K&, const V*) or (const K*, const V*)")

template <class K, class V>
class KStream {
 public:
  struct Handle {
    std::shared_ptr<Draft> draft;
    std::string node;
    std::set<std::string> sources;
    bool repartition_required = false;
    std::optional<Serde<K>> key_serde = {};
    std::optional<Serde<V>> value_serde = {};
    /// The source behind the repartition topic of the last join; later joins without a name of their own use it, too, as in
    /// Java.
    std::shared_ptr<std::string> join_source = std::make_shared<std::string>();
  };
  explicit KStream(Handle handle) : at_(std::move(handle)) {}

  template <class F>
  KStream filter(F predicate, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("filter(predicate)", F);
    return same(named, "KSTREAM-FILTER-", new detail::FilterNode<K, V, F>(std::move(predicate), true));
  }
  template <class F>
  KStream filter_not(F predicate, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("filter_not(predicate)", F);
    return same(named, "KSTREAM-FILTER-", new detail::FilterNode<K, V, F>(std::move(predicate), false));
  }
  template <class F>
  auto map_values(F mapper, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("map_values(mapper)", F);
    using VR = detail::WithoutNull<detail::CallResult<K, V, F>>;
    return next<K, VR>(named, "KSTREAM-MAPVALUES-", new detail::MapValuesNode<K, V, F>(std::move(mapper)), false);
  }
  template <class F>
  auto flat_map_values(F mapper, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("flat_map_values(mapper)", F);
    using VR = detail::WithoutNull<detail::ElementOf<detail::CallResult<K, V, F>>>;
    return next<K, VR>(named, "KSTREAM-FLATMAPVALUES-", new detail::FlatMapValuesNode<K, V, F>(std::move(mapper)),
                       false);
  }
  /// The mapper returns a std::pair of key and value.
  template <class F>
  auto map(F mapper, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("map(mapper)", F);
    using Pair = detail::CallResult<K, V, F>;
    return next<detail::WithoutNull<typename Pair::first_type>, detail::WithoutNull<typename Pair::second_type>>(
        named, "KSTREAM-MAP-", new detail::MapNode<K, V, F>(std::move(mapper)), true);
  }
  /// The mapper returns a container of std::pair.
  template <class F>
  auto flat_map(F mapper, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("flat_map(mapper)", F);
    using Pair = detail::ElementOf<detail::CallResult<K, V, F>>;
    return next<detail::WithoutNull<typename Pair::first_type>, detail::WithoutNull<typename Pair::second_type>>(
        named, "KSTREAM-FLATMAP-", new detail::FlatMapNode<K, V, F>(std::move(mapper)), true);
  }
  template <class F>
  auto select_key(F selector, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("select_key(selector)", F);
    using KR = detail::WithoutNull<detail::CallResult<K, V, F>>;
    return next<KR, V>(named, "KSTREAM-KEY-SELECT-", new detail::SelectKeyNode<K, V, F>(std::move(selector)), true);
  }
  template <class F>
  KStream peek(F action, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("peek(action)", F);
    return same(named, "KSTREAM-PEEK-", new detail::PeekNode<K, V, F>(std::move(action)));
  }
  template <class F>
  void foreach (F action, Named named = {}) const {
    TIDEMILL_CHECK_FUNCTION("foreach(action)", F);
    (void)same(named, "KSTREAM-FOREACH-", new detail::PeekNode<K, V, F>(std::move(action)));
  }
  KStream merge(const KStream& other, Named named = {}) const;
  /// The first predicate that says yes decides; see BranchedKStream.
  BranchedKStream<K, V> split(Named named = {}) const;

  /// Always through an internal topic.
  KStream repartition(Repartitioned<K, V> options = {}) const;
  void to(std::string topic, Produced<K, V> produced = {}) const;
  /// The topic of each record: `chooser(key or null, value or null, context) -> std::string`.
  void to(typename detail::SinkNode<K, V>::TopicChooser chooser, Produced<K, V> produced = {}) const;
  KTable<K, V> to_table(Materialized<K, V> materialized = {}) const;

  KGroupedStream<K, V> group_by_key(Grouped<K, V> grouped = {}) const;
  template <class F>
  auto group_by(F selector, Grouped<detail::WithoutNull<detail::CallResult<K, V, F>>, V> grouped = {}) const;

  /// `joiner(const V&, const VT&)`.
  template <class VT, class F>
  auto join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined = {}) const;
  /// `joiner(const V&, const VT*)`.
  template <class VT, class F>
  auto left_join(const KTable<K, VT>& table, F joiner, Joined<K, V, VT> joined = {}) const;
  /// `selector(const K&, const V&)` gives the look-up key; `joiner(const V&, const VT&)`.
  template <class KT, class VT, class Select, class F>
  auto join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named = {}) const;
  template <class KT, class VT, class Select, class F>
  auto left_join(const GlobalKTable<KT, VT>& table, Select selector, F joiner, Named named = {}) const;

  /// `supplier()` returns a std::unique_ptr to a Processor<K, V, KOut, VOut> or a class derived from one.
  template <class Supplier>
  auto process(Supplier supplier, std::vector<std::string> stores = {}, Named named = {}) const;

  [[nodiscard]] const Handle& handle() const { return at_; }

 private:
  template <class, class>
  friend class KStream;
  template <class, class>
  friend class KGroupedStream;
  template <class KR, class VR>
  KStream<KR, VR> next(const Named& named, std::string_view prefix, OperatorNode* node, bool key_changes,
                       std::vector<std::string> stores = {}) const;
  KStream same(const Named& named, std::string_view prefix, OperatorNode* node) const {
    auto stream = next<K, V>(named, prefix, node, false);
    stream.at_.value_serde = at_.value_serde;
    return stream;
  }
  [[nodiscard]] Serde<K> key_serde(const std::optional<Serde<K>>& given) const {
    return detail::serde_or_default(given ? given : at_.key_serde, "the key type of the stream");
  }
  [[nodiscard]] Serde<V> value_serde(const std::optional<Serde<V>>& given) const {
    return detail::serde_or_default(given ? given : at_.value_serde, "the value type of the stream");
  }
  /// This stream behind an internal topic of the prefix, if its key may have changed.
  KStream repartitioned(const std::string& prefix, const std::optional<Serde<K>>& key,
                        const std::optional<Serde<V>>& value) const;
  /// The same for a join; `name`: the join's own, empty: none.
  KStream repartitioned_for_join(const std::string& name, const std::optional<Serde<K>>& key,
                                 const std::optional<Serde<V>>& value) const;
  KStream through_topic(Draft::Repartition repartition, const Serde<K>& key, const Serde<V>& value) const;
  template <class KT, class VT, class VR, class Select, class F>
  KStream<K, VR> table_join(const char* prefix, const std::string& name, detail::GetterSupplier<KT, VT> getter,
                            Select select, F joiner, bool left, const std::set<std::string>* table_sources) const;
  void sink(std::string topic, typename detail::SinkNode<K, V>::TopicChooser chooser, Produced<K, V> produced) const;

  Handle at_;
};

/// split(): `.branch(predicate, name)` returns the branch's stream; records that no branch takes go to default_branch(), or
/// nowhere. Branch names are the splitter's name and the branch's (or its index from 1; the default's is 0).
template <class K, class V>
class BranchedKStream {
 public:
  BranchedKStream(typename KStream<K, V>::Handle at, std::string name,
                  std::shared_ptr<std::vector<detail::BranchNode::Predicate>> predicates,
                  std::shared_ptr<std::vector<std::string>> names)
      : at_(std::move(at)), name_(std::move(name)), predicates_(std::move(predicates)), names_(std::move(names)) {}
  template <class F>
  KStream<K, V> branch(F predicate, Named named = {}) {
    TIDEMILL_CHECK_FUNCTION("branch(predicate)", F);
    predicates_->push_back([predicate](const void* key, const void* value) mutable {
      if constexpr (!detail::kSeesNull<F, K, V>) {
        if (value == nullptr) return false;
      }
      return static_cast<bool>(detail::call<K, V>(predicate, key, value));
    });
    return child(named.name.empty() ? std::to_string(predicates_->size()) : named.name);
  }
  KStream<K, V> default_branch(Named named = {}) { return child(named.name.empty() ? "0" : named.name); }

 private:
  KStream<K, V> child(const std::string& suffix) {
    const std::string name = name_ + suffix;
    names_->push_back(name);
    (void)at_.draft->new_name("");  // an index per branch, used or not
    at_.draft->add_processor({.name = name, .prototype = prototype(new detail::PassThroughNode), .parents = {name_},
                              .input = detail::stream_type<K, V>(), .output = detail::stream_type<K, V>()});
    typename KStream<K, V>::Handle handle = at_;
    handle.node = name;
    return KStream<K, V>(std::move(handle));
  }
  typename KStream<K, V>::Handle at_;
  std::string name_;
  std::shared_ptr<std::vector<detail::BranchNode::Predicate>> predicates_;
  std::shared_ptr<std::vector<std::string>> names_;
};

/// A stream grouped by its key, ready to be aggregated into a table.
template <class K, class V>
class KGroupedStream {
 public:
  KGroupedStream(KStream<K, V> stream, Grouped<K, V> grouped) : stream_(std::move(stream)), grouped_(std::move(grouped)) {}
  KTable<K, std::int64_t> count(Materialized<K, std::int64_t> materialized = {}) const;
  /// `reducer(const V& so_far, const V& value) -> V`; the first value of a key is taken as it is.
  template <class F>
  KTable<K, V> reduce(F reducer, Materialized<K, V> materialized = {}) const;
  /// `initializer() -> VR`, `aggregator(const K&, const V&, const VR& so_far) -> VR or std::optional<VR>` (none deletes).
  template <class VR, class F>
  KTable<K, VR> aggregate(VR initial, F aggregator, Materialized<K, VR> materialized = {}) const;

 private:
  template <class VR, class F, class Init>
  KTable<K, VR> aggregate_into(const char* prefix, F update, Init init, Materialized<K, VR> materialized) const;
  KStream<K, V> stream_;
  Grouped<K, V> grouped_;
};

}  // namespace tidemill
