// Joins of two streams: records of equal key whose times are within a window of each other.
#pragma once

#include <tidemill/dsl/kstream_joins.hpp>
#include <tidemill/dsl/stream_join_nodes.hpp>

namespace tidemill {

namespace detail {

/// A joiner of an outer join takes both values as pointers, and may take the key in front.
template <class F, class K, class V, class VO>
inline constexpr bool kJoinsPointers = MakesValue<F, const V*, const VO*>;
template <class F, class K, class V, class VO>
inline constexpr bool kJoinsPointersWithKey = MakesValue<F, const K&, const V*, const VO*>;
template <class F, class K, class V, class VO>
inline constexpr bool kJoinsPointersWithKeyPointer = MakesValue<F, const K*, const V*, const VO*>;
template <class F, class K, class V, class VO>
concept OuterJoiner =
    kJoinsPointers<F, K, V, VO> || kJoinsPointersWithKey<F, K, V, VO> || kJoinsPointersWithKeyPointer<F, K, V, VO>;
template <class K, class V, class VO, class F>
decltype(auto) call_outer_joiner(F& joiner, const K* key, const V* value, const VO* other) {
  if constexpr (kJoinsPointers<F, K, V, VO>) {
    return joiner(value, other);
  } else if constexpr (kJoinsPointersWithKey<F, K, V, VO>) {
    return joiner(deref_or_default<K>(key), value, other);
  } else {
    return joiner(key, value, other);
  }
}
template <class F, class K, class V, class VO>
using OuterJoinResult =
    std::remove_cvref_t<decltype(call_outer_joiner<K, V, VO>(std::declval<F&>(), nullptr, nullptr, nullptr))>;

/// The store of a join's side. TopologyException: the given one keeps other windows than the join needs.
[[nodiscard]] StoreSpec join_window_store(const std::optional<StoreSpec>& given, std::string name, const JoinWindows& windows,
                                          StoreEngineKind engine, bool logging,
                                          const std::map<std::string, std::string>& config);
/// Where the records of a left or outer join wait.
[[nodiscard]] StoreSpec outer_join_store(std::string name, StoreEngineKind engine, bool logging,
                                         const std::map<std::string, std::string>& config);

}  // namespace detail

template <class K, class V>
template <class R, class VO>
KStream<K, detail::WithoutNull<R>> KStream<K, V>::stream_join(const KStream<K, VO>& other,
                                                              std::function<R(const K*, const V*, const VO*)> joiner,
                                                              const JoinWindows& windows, bool left_outer, bool right_outer,
                                                              const StreamJoined<K, V, VO>& joined) const {
  using VR = detail::WithoutNull<R>;
  at_->draft->check_same(other.handle().draft, "join(stream, joiner, windows)");
  const auto repartition_name = [&](const char* side) { return joined.name.empty() ? std::string() : joined.name + side; };
  const KStream from = repartitioned_for_join(repartition_name("-left"), joined.key_serde, joined.value_serde);
  const KStream<K, VO> with =
      other.repartitioned_for_join(repartition_name("-right"), joined.key_serde, joined.other_value_serde);
  Draft& draft = *at_->draft;
  draft.copartition(from.handle().sources, with.handle().sources);
  const std::string this_suffix = right_outer ? "-outer-this-join" : "-this-join";
  const std::string other_suffix = left_outer ? "-outer-other-join" : "-other-join";
  const std::string this_windowed = draft.name_or_new(joined.name, "-this-windowed", "KSTREAM-WINDOWED-");
  const std::string other_windowed = draft.name_or_new(joined.name, "-other-windowed", "KSTREAM-WINDOWED-");
  const std::string this_generated = draft.new_name(right_outer ? "KSTREAM-OUTERTHIS-" : "KSTREAM-JOINTHIS-");
  const std::string other_generated = draft.new_name(left_outer ? "KSTREAM-OUTEROTHER-" : "KSTREAM-JOINOTHER-");
  const std::string this_join = joined.name.empty() ? this_generated : joined.name + this_suffix;
  const std::string other_join = joined.name.empty() ? other_generated : joined.name + other_suffix;
  const std::string merge = draft.name_or_new(joined.name, "-merge", "KSTREAM-MERGE-");
  const auto store_name = [&](const std::string& generated, const std::string& suffix) {
    return (joined.store_name.empty() ? generated : joined.store_name + suffix) + "-store";
  };
  const StoreSpec this_store = detail::join_window_store(joined.this_store, store_name(this_generated, this_suffix), windows,
                                                         joined.engine, joined.logging, joined.log_config);
  const StoreSpec other_store = detail::join_window_store(joined.other_store, store_name(other_generated, other_suffix),
                                                          windows, joined.engine, joined.logging, joined.log_config);
  StoreSpec outer_store;
  if (left_outer && !windows.eager()) {
    const std::string suffix = std::string(right_outer ? "-outer" : "-left") + "-shared-join";
    std::string name = "KSTREAM-OUTERSHARED-" + this_generated.substr(this_generated.size() - 10);
    if (!joined.store_name.empty()) name = joined.store_name + suffix;
    if (joined.this_store) name = joined.this_store->name + suffix;
    outer_store = detail::outer_join_store(name + "-store", this_store.engine, joined.logging, joined.log_config);
  }
  const auto& result_key = detail::given_or_own(joined.key_serde, from.handle().key_serde);
  const Serde<K> key = detail::serde_or_default(result_key, "join(stream, joiner, windows): the key type of the stream");
  const Serde<V> value = detail::serde_or_default(detail::given_or_own(joined.value_serde, from.handle().value_serde),
                                                  "join(stream, joiner, windows): the value type of the stream");
  const Serde<VO> other_value =
      detail::serde_or_default(detail::given_or_own(joined.other_value_serde, with.handle().value_serde),
                               "join(stream, joiner, windows): the value type of the other stream");
  for (const std::string& node : {this_join, other_join, merge})
    draft.mark(node, {.joins_null_keys = left_outer || right_outer});
  detail::ValueJoiner<K, VO, V, R> swapped = [joiner](const K* k, const VO* theirs, const V* mine) -> R {
    return joiner(k, mine, theirs);
  };
  using Types = std::unique_ptr<detail::StreamJoinTypes>;
  const auto this_types = [=] { return Types(new detail::TypedStreamJoin<K, V, VO, R>(key, value, other_value, joiner)); };
  const auto other_types = [=] { return Types(new detail::TypedStreamJoin<K, VO, V, R>(key, other_value, value, swapped)); };
  std::shared_ptr<const OperatorNode> self_join;
  if constexpr (std::is_same_v<V, VO>) {  // one store has the values of both sides
    Types types(new detail::TypedStreamJoin<K, V, VO, R>(key, value, value, joiner));
    self_join = prototype(detail::new_self_join_node(windows, this_store.name, std::move(types)));
  }
  draft.add_stream_join({.this_windowed = this_windowed,
                         .other_windowed = other_windowed,
                         .this_join = this_join,
                         .other_join = other_join,
                         .merge = merge,
                         .self_join = std::move(self_join)});
  draft.write_together(this_join, other_join);
  draft.add([=, left = from.handle().node, right = with.handle().node](TopologyBuilder& builder) {
    const auto add = [&](const std::string& name, OperatorNode* node, const std::vector<std::string>& parents,
                         const std::vector<std::string>& stores, const EdgeType& in, const EdgeType& out) {
      builder.add_processor(
          {.name = name, .prototype = prototype(node), .parents = parents, .stores = stores, .input = in, .output = out});
    };
    const EdgeType this_type = detail::stream_type<K, V>();
    const EdgeType other_type = detail::stream_type<K, VO>();
    const EdgeType result = detail::stream_type<K, VR>();
    builder.add_state_store(this_store);
    add(this_windowed, detail::new_join_window_node(this_store.name, this_types()), {left}, {this_store.name}, this_type,
        this_type);
    builder.add_state_store(other_store);
    add(other_windowed, detail::new_join_window_node(other_store.name, other_types()), {right}, {other_store.name}, other_type,
        other_type);
    detail::StreamJoinSide side{.left = true,
                                .outer = left_outer,
                                .before = windows.before(),
                                .after = windows.after(),
                                .grace = windows.grace(),
                                .other_store = other_store.name,
                                .outer_store = outer_store.name};
    const auto stores_of = [&side] {
      std::vector<std::string> stores{side.other_store};
      if (!side.outer_store.empty()) stores.push_back(side.outer_store);
      return stores;
    };
    if (!outer_store.name.empty()) builder.add_state_store(outer_store);
    add(this_join, detail::new_stream_join_node(side, this_types()), {this_windowed}, stores_of(), this_type, result);
    side = {.left = false,
            .outer = right_outer,
            .before = windows.after(),
            .after = windows.before(),
            .grace = windows.grace(),
            .other_store = this_store.name,
            .outer_store = outer_store.name};
    add(other_join, detail::new_stream_join_node(side, other_types()), {other_windowed}, stores_of(), other_type, result);
    add(merge, new detail::PassThroughNode, {this_join, other_join}, {}, result, result);
  });
  std::set<std::string> sources = from.handle().sources;
  sources.insert(with.handle().sources.begin(), with.handle().sources.end());
  return KStream<K, VR>({at_->draft, merge, sources, false, result_key, {}});
}

template <class K, class V>
template <class VO, class F, class KO>
auto KStream<K, V>::join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                         const StreamJoined<K, V, VO>& joined) const {
  TIDEMILL_CHECK_STREAM_KEY("join(stream, joiner, windows)", KO);
  TIDEMILL_CHECK_JOINER("join(stream, joiner, windows)", F, const VO&, "const OtherValue&");
  if constexpr (std::is_same_v<KO, K> && detail::StreamJoiner<F, K, V, const VO&>) {
    using R = detail::JoinResult<F, K, V, const VO&>;
    auto both = [joiner](const K* key, const V* mine, const VO* theirs) mutable -> R {
      return detail::call_joiner<const VO&, K, V>(joiner, key, *mine, *theirs);
    };
    return stream_join<R, VO>(other, std::move(both), windows, false, false, joined);
  }
}
template <class K, class V>
template <class VO, class F, class KO>
auto KStream<K, V>::left_join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                              const StreamJoined<K, V, VO>& joined) const {
  TIDEMILL_CHECK_STREAM_KEY("left_join(stream, joiner, windows)", KO);
  TIDEMILL_CHECK_JOINER("left_join(stream, joiner, windows)", F, const VO*, "const OtherValue*");
  if constexpr (std::is_same_v<KO, K> && detail::StreamJoiner<F, K, V, const VO*>) {
    using R = detail::JoinResult<F, K, V, const VO*>;
    auto left = [joiner](const K* key, const V* mine, const VO* theirs) mutable -> R {
      return detail::call_joiner<const VO*, K, V>(joiner, key, *mine, theirs);
    };
    return stream_join<R, VO>(other, std::move(left), windows, true, false, joined);
  }
}
template <class K, class V>
template <class VO, class F, class KO>
auto KStream<K, V>::outer_join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                               const StreamJoined<K, V, VO>& joined) const {
  TIDEMILL_CHECK_STREAM_KEY("outer_join(stream, joiner, windows)", KO);
  TIDEMILL_CHECK_COPYABLE("outer_join(stream, joiner, windows)", F, joiner);
  static_assert(detail::OuterJoiner<F, K, V, VO>,
                "outer_join(stream, joiner, windows): joiner must be callable as NewValue(const Value*, const OtherValue*), "
                "either of which may be null, or with the stream's key, const Key&, in front");
  if constexpr (std::is_same_v<KO, K> && detail::OuterJoiner<F, K, V, VO>) {
    using R = detail::OuterJoinResult<F, K, V, VO>;
    auto outer = [joiner](const K* key, const V* mine, const VO* theirs) mutable -> R {
      return detail::call_outer_joiner<K, V, VO>(joiner, key, mine, theirs);
    };
    return stream_join<R, VO>(other, std::move(outer), windows, true, true, joined);
  }
}

}  // namespace tidemill
