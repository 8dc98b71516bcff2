// Joins of two tables on their keys: an update of either side makes a new result.
#pragma once

#include <tidemill/dsl/ktable.hpp>

namespace tidemill {

#define TIDEMILL_CHECK_TABLE_JOINER(operation, F, A, B, form)                                                               \
  TIDEMILL_CHECK_COPYABLE(operation, F, joiner);                                                                            \
  static_assert(detail::MakesValue<F, A, B>, operation ": joiner must be callable as NewValue(" form "), and may return a " \
                                                       "std::optional of it")
#define TIDEMILL_CHECK_JOINED_TABLE(operation, KOther)                                                                      \
  static_assert(std::is_same_v<KOther, K>, operation ": the tables have different key types: give one of them the other's " \
                                                     "with group_by(), or join by a foreign key, (table, extract, joiner)")

template <class K, class V>
template <class VO, class F, class KO>
auto KTable<K, V>::join(const KTable<KO, VO>& other, F joiner,
                        const Materialized<K, typename detail::TableJoined<F, const V&, const VO&>::Type>& materialized) const {
  TIDEMILL_CHECK_JOINED_TABLE("join(table, joiner)", KO);
  TIDEMILL_CHECK_TABLE_JOINER("join(table, joiner)", F, const V&, const VO&, "const Value&, const OtherValue&");
  if constexpr (std::is_same_v<KO, K> && detail::MakesValue<F, const V&, const VO&>) {
    using VR = typename detail::TableJoined<F, const V&, const VO&>::Type;
    auto both = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(*mine, *theirs)); };
    return joined<VR, VO>(other, std::move(both), true, true, materialized);
  }
}
template <class K, class V>
template <class VO, class F, class KO>
auto KTable<K, V>::left_join(
    const KTable<KO, VO>& other, F joiner,
    const Materialized<K, typename detail::TableJoined<F, const V&, const VO*>::Type>& materialized) const {
  TIDEMILL_CHECK_JOINED_TABLE("left_join(table, joiner)", KO);
  TIDEMILL_CHECK_TABLE_JOINER("left_join(table, joiner)", F, const V&, const VO*, "const Value&, const OtherValue*");
  if constexpr (std::is_same_v<KO, K> && detail::MakesValue<F, const V&, const VO*>) {
    using VR = typename detail::TableJoined<F, const V&, const VO*>::Type;
    auto one = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(*mine, theirs)); };
    return joined<VR, VO>(other, std::move(one), true, false, materialized);
  }
}
template <class K, class V>
template <class VO, class F, class KO>
auto KTable<K, V>::outer_join(
    const KTable<KO, VO>& other, F joiner,
    const Materialized<K, typename detail::TableJoined<F, const V*, const VO*>::Type>& materialized) const {
  TIDEMILL_CHECK_JOINED_TABLE("outer_join(table, joiner)", KO);
  TIDEMILL_CHECK_TABLE_JOINER("outer_join(table, joiner)", F, const V*, const VO*, "const Value*, const OtherValue*");
  if constexpr (std::is_same_v<KO, K> && detail::MakesValue<F, const V*, const VO*>) {
    using VR = typename detail::TableJoined<F, const V*, const VO*>::Type;
    auto any = [joiner](const V* mine, const VO* theirs) mutable { return std::optional<VR>(joiner(mine, theirs)); };
    return joined<VR, VO>(other, std::move(any), false, false, materialized);
  }
}

template <class K, class V>
template <class VR, class VO>
KTable<K, VR> KTable<K, V>::joined(const KTable<K, VO>& other, detail::TableJoiner<V, VO, VR> joiner, bool needs_left,
                                   bool needs_right, const Materialized<K, VR>& materialized) const {
  Draft& draft = *at_->draft;
  draft.check_same(other.at_->draft, "join(table, joiner)");
  // A side that need not find the other one passes on its deletions, and has to know that there was something to delete.
  if (!needs_right) at_->facts->enable_old_values(true);
  if (!needs_left) other.at_->facts->enable_old_values(true);
  at_->facts->materialize();
  other.at_->facts->materialize();
  auto facts = std::make_shared<detail::TableFacts>();
  facts->upstream = {at_->facts, other.at_->facts};
  facts->materialized = materialized.given();
  if (facts->materialized) {
    facts->store = detail::store_spec(materialized, draft.store_name_or_new(materialized.given_name(), "KTABLE-MERGE-"));
  }
  const std::string merge = draft.name_or_new(materialized.name, "KTABLE-MERGE-");
  const std::string left = draft.name_or_new(materialized.name, "-join-this", "KTABLE-JOINTHIS-");
  const std::string right = draft.name_or_new(materialized.name, "-join-other", "KTABLE-JOINOTHER-");
  const auto& key = detail::given_or_inherited(materialized.key_serde, at_->key_serde);
  const Serde<K> key_serde = detail::serde_or_default(key, "the key type of the table");
  const Serde<VR> kept = detail::serde_if_kept(facts->materialized, materialized.value_serde, "the value type of the join");
  std::shared_ptr<detail::GetterSupplier<K, VR>> getter;
  if (facts->materialized) {
    getter = detail::store_getter<K, VR>(facts, key_serde, kept);
  } else {
    getter = std::make_shared<detail::GetterSupplier<K, VR>>();
    getter->make = [left_getter = at_->getter, right_getter = other.at_->getter, joiner, needs_left, needs_right](
                       TaskContext& task, detail::TableView view) {
      return std::unique_ptr<detail::ValueGetter<K, VR>>(new detail::JoinedGetter<K, V, VO, VR>(
          left_getter->make(task, view), right_getter->make(task, view), joiner, needs_left, needs_right));
    };
    getter->stores = detail::stores_of_both(at_->getter->stores, other.at_->getter->stores);
  }
  draft.copartition(at_->sources, other.at_->sources);
  draft.write_together(left, right);
  draft.add_processor({.name = left,
                       .prototype = prototype(new detail::TableJoinNode<K, V, VO, VR>(facts, 0, *other.at_->getter, joiner,
                                                                                      needs_left, needs_right)),
                       .parents = {at_->node},
                       .input = detail::table_type<K, V>(),
                       .output = detail::table_type<K, VR>()},
                      other.at_->getter->stores);
  detail::TableJoiner<VO, V, VR> mirrored = [joiner](const VO* theirs, const V* mine) { return joiner(mine, theirs); };
  draft.add_processor({.name = right,
                       .prototype = prototype(new detail::TableJoinNode<K, VO, V, VR>(
                           facts, 1, *at_->getter, std::move(mirrored), needs_right, needs_left)),
                       .parents = {other.at_->node},
                       .input = detail::table_type<K, VO>(),
                       .output = detail::table_type<K, VR>()},
                      at_->getter->stores);
  draft.add_table({.name = merge,
                   .prototype = prototype(new detail::TableMergeNode<K, VR>(facts, key_serde, kept)),
                   .parents = {left, right},
                   .input = detail::table_type<K, VR>(),
                   .output = detail::table_type<K, VR>()},
                  facts);
  std::set<std::string> sources = at_->sources;
  sources.insert(other.at_->sources.begin(), other.at_->sources.end());
  return KTable<K, VR>({at_->draft, merge, std::move(sources), facts, getter, key, materialized.value_serde});
}

}  // namespace tidemill
