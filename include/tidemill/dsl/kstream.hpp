// KStream<K, V>: a record stream. A small handle to a node of the draft: copy it, name it, give it to functions.
//
// Functions may take the value, key and value, or (to see null values) the value as a pointer; see record_function.hpp.
#pragma once

#include <tidemill/dsl/checks.hpp>
#include <tidemill/dsl/draft.hpp>
#include <tidemill/dsl/stateless_nodes.hpp>
#include <tidemill/dsl/stream_table_join_node.hpp>
#include <tidemill/dsl/windows.hpp>
#include <tidemill/processor/fixed_key_processor.hpp>
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
/// What of a record an operator may change.
enum class Changes : std::uint8_t { kNothing, kKey, kValue };
/// Whether something can stand behind it.
enum class Goes : std::uint8_t { kOn, kNoFurther };
}  // namespace detail

template <class K, class V>
class KStream {
  TIDEMILL_CHECK_TYPES("KStream<Key, Value>", K, V);

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
  [[gnu::noinline]] explicit KStream(Handle handle) : at_(new Handle(std::move(handle))) {}
  // Compiled once for its types: a topology copies and drops a handle with every operator.
  [[gnu::noinline]] KStream(const KStream&) = default;
  [[gnu::noinline]] KStream(KStream&&) noexcept = default;
  [[gnu::noinline]] KStream& operator=(const KStream&) = default;
  [[gnu::noinline]] KStream& operator=(KStream&&) noexcept = default;
  [[gnu::noinline]] ~KStream() = default;

  template <class F>
  [[gnu::noinline]] KStream filter(F predicate, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("filter(predicate)", Predicate, F, predicate, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else
      return same(named, "KSTREAM-FILTER-", detail::function_node(&detail::filter_record<true, K, V, F>, std::move(predicate)));
  }
  template <class F>
  [[gnu::noinline]] KStream filter_not(F predicate, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("filter_not(predicate)", Predicate, F, predicate, "the predicate must return a bool");
    if constexpr (!detail::Predicate<F, K, V>) return *this;
    else
      return same(named, "KSTREAM-FILTER-",
                  detail::function_node(&detail::filter_record<false, K, V, F>, std::move(predicate)));
  }
  template <class F>
  [[gnu::noinline]] auto map_values(F mapper, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("map_values(mapper)", Mapper, F, mapper,
                          "the mapper must return the new value, of a type that is copyable and owns what it holds "
                          "(std::string instead of std::string_view), or a std::optional of it");
    if constexpr (detail::Mapper<F, K, V>) {
      using VR = detail::WithoutNull<detail::CallResult<K, V, F>>;
      return next<K, VR>(named, "KSTREAM-MAPVALUES-",
                         detail::function_node(&detail::map_record_value<K, V, F>, std::move(mapper)), detail::Changes::kValue);
    }
  }
  /// The mapper returns a container of values.
  template <class F>
  [[gnu::noinline]] auto flat_map_values(F mapper, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("flat_map_values(mapper)", ListMapper, F, mapper,
                          "the mapper must return a container of values (a text is a container of characters: "
                          "return a std::vector of texts)");
    if constexpr (detail::ListMapper<F, K, V>) {
      using VR = detail::WithoutNull<detail::ElementOf<detail::CallResult<K, V, F>>>;
      return next<K, VR>(named, "KSTREAM-FLATMAPVALUES-",
                         detail::function_node(&detail::flat_map_record_value<K, V, F>, std::move(mapper)),
                         detail::Changes::kValue);
    }
  }
  /// The mapper returns a std::pair of key and value.
  template <class F>
  [[gnu::noinline]] auto map(F mapper, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("map(mapper)", PairMapper, F, mapper,
                          "the mapper must return a std::pair of key and value; to change the value alone, use map_values()");
    if constexpr (detail::PairMapper<F, K, V>) {
      using Pair = detail::CallResult<K, V, F>;
      return next<detail::WithoutNull<typename Pair::first_type>, detail::WithoutNull<typename Pair::second_type>>(
          named, "KSTREAM-MAP-", detail::function_node(&detail::map_record<K, V, F>, std::move(mapper)), detail::Changes::kKey);
    }
  }
  /// The mapper returns a container of std::pair.
  template <class F>
  [[gnu::noinline]] auto flat_map(F mapper, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("flat_map(mapper)", PairListMapper, F, mapper,
                          "the mapper must return a container of std::pair of key and value");
    if constexpr (detail::PairListMapper<F, K, V>) {
      using Pair = detail::ElementOf<detail::CallResult<K, V, F>>;
      return next<detail::WithoutNull<typename Pair::first_type>, detail::WithoutNull<typename Pair::second_type>>(
          named, "KSTREAM-FLATMAP-", detail::function_node(&detail::flat_map_record<K, V, F>, std::move(mapper)),
          detail::Changes::kKey);
    }
  }
  template <class F>
  [[gnu::noinline]] auto select_key(F selector, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_RESULT("select_key(selector)", Mapper, F, selector,
                          "the selector must return the new key, of a type that is copyable and owns what it holds, or a "
                          "std::optional of it");
    if constexpr (detail::Mapper<F, K, V>) {
      using KR = detail::WithoutNull<detail::CallResult<K, V, F>>;
      return keyed<KR>(named, detail::function_node(&detail::select_record_key<K, V, F>, std::move(selector)));
    }
  }
  template <class F>
  [[gnu::noinline]] KStream peek(F action, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_FUNCTION("peek(action)", F, action);
    if constexpr (!detail::RecordFunction<F, K, V>) return *this;
    else return same(named, "KSTREAM-PEEK-", detail::function_node(&detail::peek_at_record<K, V, F>, std::move(action)));
  }
  template <class F>
  [[gnu::noinline]] void foreach (F action, const Named& named = detail::no_options<Named>()) const {
    TIDEMILL_CHECK_FUNCTION("foreach(action)", F, action);
    if constexpr (detail::RecordFunction<F, K, V>) {
      (void)next<K, V>(named, "KSTREAM-FOREACH-", detail::function_node(&detail::peek_at_record<K, V, F>, std::move(action)),
                       detail::Changes::kNothing, detail::Goes::kNoFurther);
    }
  }
  /// A line for each record, `[label]: key, value`, as Java prints them; for looking, not for keeping. TopologyException: the file
  /// cannot be written, or there is no text of the types (then give a `key_value_mapper`). A line that cannot be written is
  /// the processing handler's.
  void print(const Printed<K, V>& printed = detail::no_options<Printed<K, V>>()) const;
  KStream merge(const KStream& other, const Named& named = detail::no_options<Named>()) const;
  template <class KO, class VO>
  KStream merge(const KStream<KO, VO>&, const Named& = detail::no_options<Named>()) const {
    static_assert(std::is_same_v<KStream<KO, VO>, KStream>, "merge(other): the other stream has other types of key and value "
                                                            "than this one: map() either first");
    return *this;
  }
  /// The first predicate that says yes decides; see BranchedKStream.
  BranchedKStream<K, V> split(const Named& named = detail::no_options<Named>()) const;

  /// Always through an internal topic.
  KStream repartition(const Repartitioned<K, V>& options = detail::no_options<Repartitioned<K, V>>()) const;
  [[gnu::noinline]] void to(std::string_view topic,
                            const Produced<K, V>& produced = detail::no_options<Produced<K, V>>()) const;
  /// The topic of each record: a function `(const K*, const V*, const RecordContext&) -> std::string`, or with a name for
  /// describe() a TopicNameExtractor.
  [[gnu::noinline]] void to(const TopicNameExtractor<K, V>& topic,
                            const Produced<K, V>& produced = detail::no_options<Produced<K, V>>()) const;
  template <class F>
    requires std::is_invocable_r_v<std::string, F&, const K*, const V*, const RecordContext&>
  void to(F topic, const Produced<K, V>& produced = detail::no_options<Produced<K, V>>()) const {
    to(TopicNameExtractor<K, V>{.extract = std::move(topic)}, produced);
  }
  KTable<K, V> to_table(const Materialized<K, V>& materialized = detail::no_options<Materialized<K, V>>()) const;

  KGroupedStream<K, V> group_by_key(const Grouped<K, V>& grouped = detail::no_options<Grouped<K, V>>()) const;
  template <class F>
  [[gnu::noinline]] auto group_by(F selector,
                                  const Grouped<typename detail::MadeBy<F, K, V>::Type, V>& grouped =
                                      detail::no_options<Grouped<typename detail::MadeBy<F, K, V>::Type, V>>()) const;

  /// `joiner(const V&, const VT&)` or `(const K&, const V&, const VT&)`.
  template <class VT, class F, class KT>
  [[gnu::noinline]] auto join(const KTable<KT, VT>& table, F joiner,
                              const Joined<K, V, VT>& joined = detail::no_options<Joined<K, V, VT>>()) const;
  /// `joiner(const V&, const VT*)`, `(const K&, const V&, const VT*)`, or, to see a missing key, `(const K*, const V&, const VT*)`.
  template <class VT, class F, class KT>
  [[gnu::noinline]] auto left_join(const KTable<KT, VT>& table, F joiner,
                                   const Joined<K, V, VT>& joined = detail::no_options<Joined<K, V, VT>>()) const;
  /// `selector(const K&, const V&)` gives the look-up key; joiners as above.
  template <class KT, class VT, class Select, class F>
  [[gnu::noinline]] auto join(const GlobalKTable<KT, VT>& table, Select selector, F joiner,
                              const Named& named = detail::no_options<Named>()) const;
  template <class KT, class VT, class Select, class F>
  [[gnu::noinline]] auto left_join(const GlobalKTable<KT, VT>& table, Select selector, F joiner,
                                   const Named& named = detail::no_options<Named>()) const;

  /// Records of equal key that are within the window of each other; joiners as with a table, `other` values of the other stream.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                              const StreamJoined<K, V, VO>& joined = detail::no_options<StreamJoined<K, V, VO>>()) const;
  /// One of this stream that meets none goes on alone, when its window has closed.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto left_join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                                   const StreamJoined<K, V, VO>& joined = detail::no_options<StreamJoined<K, V, VO>>()) const;
  /// So does one of the other stream: `joiner(const V*, const VO*)`, or with the key in front.
  template <class VO, class F, class KO>
  [[gnu::noinline]] auto outer_join(const KStream<KO, VO>& other, F joiner, const JoinWindows& windows,
                                    const StreamJoined<K, V, VO>& joined = detail::no_options<StreamJoined<K, V, VO>>()) const;

  /// `supplier()` returns a std::unique_ptr to a Processor<K, V, KOut, VOut> or a class derived from one.
  template <class Supplier>
  auto process(Supplier supplier, std::vector<std::string> stores = {}, const Named& named = detail::no_options<Named>()) const;
  /// `supplier()` returns a std::unique_ptr to a FixedKeyProcessor<K, V, VOut> or a class derived from one.
  template <class Supplier>
  auto process_values(Supplier supplier, std::vector<std::string> stores = {},
                      const Named& named = detail::no_options<Named>()) const;

  [[nodiscard]] const Handle& handle() const { return *at_; }

 private:
  template <class, class>
  friend class KStream;
  template <class, class>
  friend class KGroupedStream;
  template <class KR>
  [[gnu::noinline]] KGroupedStream<KR, V> grouped_by(OperatorNode* selector, const Grouped<KR, V>& grouped) const;
  template <class KR, class VR>
  [[gnu::noinline]] KStream<KR, VR> next(const Named& named, std::string_view prefix, OperatorNode* node,
                                         detail::Changes changes, detail::Goes goes = detail::Goes::kOn) const;
  template <class KR>
  [[gnu::noinline]] KStream<KR, V> keyed(const Named& named, OperatorNode* selector) const {
    auto stream = next<KR, V>(named, "KSTREAM-KEY-SELECT-", selector, detail::Changes::kKey);
    stream.at_->value_serde = at_->value_serde;
    return stream;
  }
  [[gnu::noinline]] KStream same(const Named& named, std::string_view prefix, OperatorNode* node) const {
    auto stream = next<K, V>(named, prefix, node, detail::Changes::kNothing);
    stream.at_->value_serde = at_->value_serde;
    return stream;
  }
  /// This stream behind an internal topic of the prefix, if its key may have changed.
  /// Serdes, if none are given: the types' own.
  KStream repartitioned(const std::string& prefix, const std::optional<Serde<K>>& key,
                        const std::optional<Serde<V>>& value) const;
  /// The same for a join; `name`: the join's own, empty: none. Serdes, if none are given: those of the stream.
  KStream repartitioned_for_join(const std::string& name, const std::optional<Serde<K>>& key,
                                 const std::optional<Serde<V>>& value) const;
  KStream through_topic(Draft::Repartition repartition, const std::optional<Serde<K>>& key,
                        const std::optional<Serde<V>>& value, StreamPartitioner<K, V> partitioner = nullptr) const;
  template <class R, class VT>
  [[gnu::noinline]] KStream<K, detail::WithoutNull<R>> table_join(const KTable<K, VT>& table,
                                                                  detail::StreamTableJoiner<K, V, VT, R> joiner, bool left,
                                                                  const Joined<K, V, VT>& joined) const;
  template <class R, class KT, class VT>
  [[gnu::noinline]] KStream<K, detail::WithoutNull<R>> global_table_join(const GlobalKTable<KT, VT>& table,
                                                                         detail::LookupKey<K, V, KT> select,
                                                                         detail::StreamTableJoiner<K, V, VT, R> joiner,
                                                                         bool left, const Named& named) const;
  template <class R, class VO>
  [[gnu::noinline]] KStream<K, detail::WithoutNull<R>> stream_join(const KStream<K, VO>& other,
                                                                   std::function<R(const K*, const V*, const VO*)> joiner,
                                                                   const JoinWindows& windows, bool left_outer,
                                                                   bool right_outer,
                                                                   const StreamJoined<K, V, VO>& joined) const;
  void sink(std::string_view topic, const TopicNameExtractor<K, V>& chooser, const Produced<K, V>& produced) const;

  /// One pointer, and never changed once it is shared: what a function that builds a topology has to carry is little to its
  /// compiler.
  std::shared_ptr<Handle> at_;
};

}  // namespace tidemill
