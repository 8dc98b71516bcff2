// Joins of two tables on their keys: an update of either side makes a new result.
#pragma once

#include <tidemill/dsl/ktable.hpp>

namespace tidemill {

#define TIDEMILL_CHECK_TABLE_JOINER(operation, F, A, B, form)                                                           \
  TIDEMILL_CHECK_COPYABLE(operation, F);                                                                                \
  static_assert(std::is_invocable_v<F&, A, B>, operation ": joiner must be callable as NewValue(" form "), and may return a " \
                                                         "std::optional of it")

template <class K, class V>
template <class VO, class F>
auto KTable<K, V>::join(const KTable<K, VO>& other, F joiner,
                        Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type> materialized) const {
  TIDEMILL_CHECK_TABLE_JOINER("join(table, joiner)", F, const V&, const VO&, "const Value&, const OtherValue&");
  if constexpr (std::is_invocable_v<F&, const V&, const VO&>) {
    using VR = typename detail::TableJoined<F, const V&, const VO&>::Type;
    auto both = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(*mine, *theirs)); };
    return joined<VR>(other, std::move(both), true, true, std::move(materialized));
  }
}
template <class K, class V>
template <class VO, class F>
auto KTable<K, V>::left_join(const KTable<K, VO>& other, F joiner,
                             Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type> materialized) const {
  TIDEMILL_CHECK_TABLE_JOINER("left_join(table, joiner)", F, const V&, const VO*, "const Value&, const OtherValue*");
  if constexpr (std::is_invocable_v<F&, const V&, const VO*>) {
    using VR = typename detail::TableJoined<F, const V&, const VO*>::Type;
    auto one = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(*mine, theirs)); };
    return joined<VR>(other, std::move(one), true, false, std::move(materialized));
  }
}
template <class K, class V>
template <class VO, class F>
auto KTable<K, V>::outer_join(const KTable<K, VO>& other, F joiner,
                              Materialized<K, typename detail::TableJoined<F, const V*, const VO*>::Type> materialized) const {
  TIDEMILL_CHECK_TABLE_JOINER("outer_join(table, joiner)", F, const V*, const VO*, "const Value*, const OtherValue*");
  if constexpr (std::is_invocable_v<F&, const V*, const VO*>) {
    using VR = typename detail::TableJoined<F, const V*, const VO*>::Type;
    auto any = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(mine, theirs)); };
    return joined<VR>(other, std::move(any), false, false, std::move(materialized));
  }
}

template <class K, class V>
template <class VR, class VO, class F>
KTable<K, VR> KTable<K, V>::joined(const KTable<K, VO>& other, F joiner, bool needs_left, bool needs_right,
                                   Materialized<K, VR> materialized) const {
  Draft& draft = *at_.draft;
  // A side that need not find the other one passes on its deletions, and has to know that there was something to delete.
  if (!needs_right) at_.facts->enable_old_values(true);
  if (!needs_left) other.at_.facts->enable_old_values(true);
  at_.facts->materialize();
  other.at_.facts->materialize();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_.facts, other.at_.facts};
  facts->materialized = materialized.given();
  if (facts->materialized) {
    facts->store = detail::store_spec(materialized, draft.store_name_or_new(materialized.store_name, "KTABLE-MERGE-"));
  }
  const std::string merge = draft.name_or_new(materialized.name, "KTABLE-MERGE-");
  const std::string left = draft.name_or_new(materialized.name, "-join-this", "KTABLE-JOINTHIS-");
  const std::string right = draft.name_or_new(materialized.name, "-join-other", "KTABLE-JOINOTHER-");
  const Serde<K> key_serde = detail::serde_or_default(
      materialized.key_serde ? materialized.key_serde : at_.key_serde, "the key type of the table");
  const Serde<VR> kept = detail::serde_if_kept(facts->materialized, materialized.value_serde, "the value type of the join");
  auto mirrored = [joiner](const VO* theirs, const V* mine) mutable { return joiner(mine, theirs); };
  draft.copartition(at_.sources, other.at_.sources);
  draft.add([=, left_parent = at_.node, right_parent = other.at_.node, left_getter = at_.getter,
             right_getter = other.at_.getter](TopologyBuilder& builder) {
    builder.add_processor(
        {.name = left,
         .prototype = prototype(new detail::TableJoinNode<K, V, VO, VR, F>(facts, *right_getter, joiner, needs_left, needs_right,
                                                                           facts->upstream[0]->versioned())),
         .parents = {left_parent}, .stores = right_getter->stores(),
         .input = detail::table_type<K, V>(), .output = detail::table_type<K, VR>()});
    builder.add_processor(
        {.name = right,
         .prototype = prototype(new detail::TableJoinNode<K, VO, V, VR, decltype(mirrored)>(
             facts, *left_getter, mirrored, needs_right, needs_left, facts->upstream[1]->versioned())),
         .parents = {right_parent}, .stores = left_getter->stores(),
         .input = detail::table_type<K, VO>(), .output = detail::table_type<K, VR>()});
    builder.add_processor({.name = merge,
                           .prototype = prototype(new detail::TableMergeNode<K, VR>(facts, key_serde, kept)),
                           .parents = {left, right}, .stores = detail::add_store(builder, *facts),
                           .input = detail::table_type<K, VR>(), .output = detail::table_type<K, VR>()});
  });
  std::set<std::string> sources = at_.sources;
  sources.insert(other.at_.sources.begin(), other.at_.sources.end());
  auto getter = std::make_shared<detail::GetterSupplier<K, VR>>();
  if (facts->materialized) {
    getter = detail::store_getter<K, VR>(facts, key_serde, kept);
  } else {
    getter->make = [left_getter = at_.getter, right_getter = other.at_.getter, joiner, needs_left,
                    needs_right](TaskContext& task) {
      return std::unique_ptr<detail::ValueGetter<K, VR>>(new detail::JoinedGetter<K, V, VO, VR, F>(
          left_getter->make(task), right_getter->make(task), joiner, needs_left, needs_right));
    };
    getter->stores = [left_getter = at_.getter, right_getter = other.at_.getter] {
      std::vector<std::string> stores = left_getter->stores();
      for (std::string& store : right_getter->stores()) stores.push_back(std::move(store));
      return stores;
    };
  }
  return KTable<K, VR>({at_.draft, merge, std::move(sources), facts, getter, at_.key_serde, materialized.value_serde});
}

}  // namespace tidemill
