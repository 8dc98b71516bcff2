// The members of KStream that need more than one line; its joins are in kstream_joins.hpp.
#pragma once

#include <tidemill/dsl/branched_kstream.hpp>
#include <tidemill/dsl/cogrouped_stream.hpp>
#include <tidemill/dsl/kgrouped_stream.hpp>
#include <tidemill/dsl/kgrouped_table.hpp>
#include <tidemill/dsl/kstream_joins.hpp>
#include <tidemill/dsl/kstream_stream_joins.hpp>
#include <tidemill/dsl/ktable.hpp>
#include <tidemill/dsl/ktable_suppress.hpp>
#include <tidemill/dsl/kwindowed_stream.hpp>
#include <tidemill/dsl/printed.hpp>
#include <tidemill/dsl/table_source_node.hpp>

namespace tidemill {

template <class K, class V>
template <class KR, class VR>
KStream<KR, VR> KStream<K, V>::next(const Named& named, std::string_view prefix, OperatorNode* node, detail::Changes changes,
                                    detail::Goes goes) const {
  const bool key_changes = changes == detail::Changes::kKey;
  auto made = prototype(node);
  const std::string name = at_->draft->name_or_new(named.name, prefix);
  at_->draft->mark(name, {.changes_key = key_changes, .changes_value = changes == detail::Changes::kValue});
  at_->draft->add_processor({.name = name,
                             .prototype = std::move(made),
                             .parents = {at_->node},
                             .input = detail::stream_type<K, V>(),
                             .output = detail::stream_type<KR, VR>(),
                             .fixed_key = !key_changes && goes == detail::Goes::kOn});
  typename KStream<KR, VR>::Handle handle{at_->draft, name, at_->sources, at_->repartition_required || key_changes};
  if constexpr (std::is_same_v<K, KR>) {
    if (!key_changes) handle.key_serde = at_->key_serde;
  }
  return KStream<KR, VR>(std::move(handle));
}

template <class K, class V>
void KStream<K, V>::print(const Printed<K, V>& printed) const {
  detail::RecordText text;
  if (printed.key_value_mapper) {
    text = [mapper = printed.key_value_mapper](const void* key, const void* value, std::string& out) {
      out += mapper(static_cast<const K*>(key), static_cast<const V*>(value));
    };
  } else {
    text = detail::record_text<K, V>();
  }
  (void)next<K, V>({printed.name}, "KSTREAM-PRINTER-",
                   detail::new_print_node(printed.file, printed.label.empty() ? at_->node : printed.label, std::move(text)),
                   detail::Changes::kNothing, detail::Goes::kNoFurther);
}

template <class K, class V>
KStream<K, V> KStream<K, V>::merge(const KStream& other, const Named& named) const {
  at_->draft->check_same(other.at_->draft, "merge(other)");
  const std::string name = at_->draft->name_or_new(named.name, "KSTREAM-MERGE-");
  at_->draft->add_merge({.name = name,
                         .prototype = prototype(new detail::PassThroughNode),
                         .parents = {at_->node, other.at_->node},
                         .input = detail::stream_type<K, V>(),
                         .output = detail::stream_type<K, V>()});
  Handle handle{at_->draft, name, at_->sources, at_->repartition_required || other.at_->repartition_required};
  handle.sources.insert(other.at_->sources.begin(), other.at_->sources.end());
  handle.key_serde = detail::given_or_own({}, at_->key_serde);
  handle.value_serde = detail::given_or_own({}, at_->value_serde);
  return KStream(std::move(handle));
}

template <class K, class V>
BranchedKStream<K, V> KStream<K, V>::split(const Named& named) const {
  const std::string name = at_->draft->name_or_new(named.name, "KSTREAM-BRANCH-");
  auto branches = std::make_shared<detail::BranchNode::Branches>();
  at_->draft->add_processor({.name = name,
                             .prototype = prototype(new detail::BranchNode(branches)),
                             .parents = {at_->node},
                             .input = detail::stream_type<K, V>(),
                             .output = detail::stream_type<K, V>()});
  return BranchedKStream<K, V>(*at_, name, branches);
}

namespace detail {
template <class T>
const Serde<T>& serde_at(const void* serde) {
  return *static_cast<const Serde<T>*>(serde);
}
template <class T>
std::shared_ptr<const void> kept_serde(const std::optional<Serde<T>>& serde) {
  return serde ? std::make_shared<const Serde<T>>(*serde) : nullptr;
}
template <class K, class V>
[[gnu::noinline]] Draft::RepartitionEnds repartition_ends(const std::string& topic, const void* key, const void* value,
                                                          const StreamPartitioner<K, V>& partitioner) {
  std::optional<Serde<K>> key_serde;
  std::optional<Serde<V>> value_serde;
  if (key != nullptr) key_serde = serde_at<K>(key);
  if (value != nullptr) value_serde = serde_at<V>(value);
  const Serde<K> sent_key = serde_or_default(key_serde, "the key type of the stream");
  const Serde<V> sent = serde_or_default(value_serde, "the value type of the stream");
  return {prototype(new SinkNode<K, V>(topic, true, nullptr, sent_key, sent, partitioner)),
          prototype(new TypedSourceNode<K, V>(sent_key, sent))};
}
}  // namespace detail

template <class K, class V>
KStream<K, V> KStream<K, V>::through_topic(Draft::Repartition repartition, const std::optional<Serde<K>>& key,
                                           const std::optional<Serde<V>>& value, StreamPartitioner<K, V> partitioner) const {
  const std::string topic = Draft::repartition_topic(repartition.prefix);
  repartition.parent = at_->node;
  repartition.type = detail::stream_type<K, V>();
  repartition.serdes = {detail::kept_serde(key), detail::kept_serde(value),
                        [partitioner = std::move(partitioner)](const std::string& sent_to, const void* k, const void* v) {
                          return detail::repartition_ends<K, V>(sent_to, k, v, partitioner);
                        }};
  repartition.ends = repartition.serdes.ends(topic, repartition.serdes.key.get(), repartition.serdes.value.get());
  const std::string source = at_->draft->add_repartition(std::move(repartition));
  return KStream({at_->draft, source, {source}, false, key, value});
}

template <class K, class V>
KStream<K, V> KStream<K, V>::repartitioned(const std::string& prefix, const std::optional<Serde<K>>& key,
                                           const std::optional<Serde<V>>& value) const {
  if (!at_->repartition_required) return *this;
  Draft::Repartition repartition;
  repartition.prefix = prefix;
  return through_topic(std::move(repartition), key, value);
}

template <class K, class V>
KStream<K, V> KStream<K, V>::repartition(const Repartitioned<K, V>& options) const {
  Draft::Repartition repartition;
  repartition.prefix = options.name.empty() ? at_->draft->new_name("KSTREAM-REPARTITION-") : options.name;
  repartition.partitions = options.number_of_partitions;
  repartition.mergeable = false;
  auto stream = through_topic(std::move(repartition), detail::given_or_own(options.key_serde, at_->key_serde),
                              detail::given_or_inherited(options.value_serde, at_->value_serde), options.partitioner);
  stream.at_->key_serde = detail::given_or_inherited(options.key_serde, at_->key_serde);
  return stream;
}

template <class K, class V>
void KStream<K, V>::sink(std::string_view topic, const TopicNameExtractor<K, V>& chooser,
                         const Produced<K, V>& produced) const {
  const std::string name = at_->draft->name_or_new(produced.name, "KSTREAM-SINK-");
  const auto& key = detail::given_or_inherited(produced.key_serde, at_->key_serde);
  const auto& value = detail::given_or_inherited(produced.value_serde, at_->value_serde);
  at_->draft->add_sink(
      {.name = name,
       .topic = std::string(topic),
       .extractor_description = chooser.description,
       .prototype = prototype(new SinkNode<K, V>(
           std::string(topic), false, chooser.extract, detail::serde_or_default(key, "to(topic): the key type of the stream"),
           detail::serde_or_default(value, "to(topic): the value type of the stream"), produced.partitioner, true)),
       .parents = {at_->node},
       .input = detail::stream_type<K, V>()});
}
template <class K, class V>
void KStream<K, V>::to(std::string_view topic, const Produced<K, V>& produced) const {
  detail::check_topic(topic, "to(topic)");
  sink(topic, {}, produced);
}
template <class K, class V>
void KStream<K, V>::to(const TopicNameExtractor<K, V>& topic, const Produced<K, V>& produced) const {
  detail::check_callable(topic.extract, "to(topic)", "topic.extract");
  sink({}, topic, produced);
}

template <class K, class V>
KTable<K, V> KStream<K, V>::to_table(const Materialized<K, V>& materialized) const {
  const std::string name = at_->draft->name_or_new(materialized.name, "KSTREAM-TOTABLE-");
  auto facts = std::make_shared<detail::TableFacts>();
  facts->materialized = !materialized.given_name().empty();
  facts->store = detail::store_spec(materialized, at_->draft->store_name_or_new(materialized.given_name(), "KSTREAM-TOTABLE-"));
  const auto& key = detail::given_or_inherited(materialized.key_serde, at_->key_serde);
  const auto& value = detail::given_or_inherited(materialized.value_serde, at_->value_serde);
  const KStream from = repartitioned(name, key, value);
  const bool own = materialized.given();
  const Serde<K> kept_key = detail::serde_or_default(own ? detail::given_or_own(materialized.key_serde, at_->key_serde) : key,
                                                     "the key type of the stream");
  const Serde<V> kept = detail::serde_or_default(own ? detail::given_or_own(materialized.value_serde, at_->value_serde) : value,
                                                 "the value type of the stream");
  at_->draft->add_table({.name = name,
                         .prototype = prototype(new detail::TableSourceNode<K, V>(facts, kept_key, kept)),
                         .parents = {from.at_->node},
                         .input = detail::stream_type<K, V>(),
                         .output = detail::table_type<K, V>()},
                        facts);
  return KTable<K, V>(
      {at_->draft, name, from.at_->sources, facts, detail::store_getter<K, V>(facts, kept_key, kept), key, value});
}

template <class K, class V>
template <class Supplier>
auto KStream<K, V>::process(Supplier supplier, std::vector<std::string> stores, const Named& named) const {
  TIDEMILL_CHECK_COPYABLE("process(supplier)", Supplier, supplier);
  static_assert(detail::SuppliesProcessor<Supplier>, "process(supplier): supplier() must return a std::unique_ptr to a class "
                                                     "derived from tidemill::Processor");
  if constexpr (detail::SuppliesProcessor<Supplier>) {
    using Types = detail::SuppliedTypes<Supplier>;
    using KR = typename Types::Key;
    using VR = typename Types::Value;
    constexpr bool kFits = std::is_same_v<typename Types::KeyIn, K> && std::is_same_v<typename Types::ValueIn, V>;
    static_assert(kFits,
                  "process(supplier): the processor takes other types of key and value than the stream has: derive it from "
                  "tidemill::Processor<Key, Value, ...> with the stream's types");
    // A named processor burns no index, as in Java.
    if (!named.name.empty()) Draft::check_name(named.name);
    const std::string name = named.name.empty() ? at_->draft->new_name("KSTREAM-PROCESSOR-") : named.name;
    at_->draft->add_stateful_processor(
        {.name = name,
         .prototype = prototype(new ProcessorNode<typename Types::KeyIn, typename Types::ValueIn, KR, VR, Supplier>(supplier)),
         .parents = {at_->node},
         .stores = std::move(stores),
         .input = detail::stream_type<K, V>(),
         .output = detail::stream_type<KR, VR>()},
        detail::stores_of(supplier));
    return KStream<KR, VR>({at_->draft, name, at_->sources, true, {}, {}});
  }
}

template <class K, class V>
template <class Supplier>
auto KStream<K, V>::process_values(Supplier supplier, std::vector<std::string> stores, const Named& named) const {
  TIDEMILL_CHECK_COPYABLE("process_values(supplier)", Supplier, supplier);
  static_assert(detail::SuppliesFixedKeyProcessor<Supplier>,
                "process_values(supplier): supplier() must return a std::unique_ptr to a class derived from "
                "tidemill::FixedKeyProcessor; a tidemill::Processor, which may change the key, goes to process()");
  if constexpr (detail::SuppliesFixedKeyProcessor<Supplier>) {
    using Types = detail::SuppliedFixedKeyTypes<Supplier>;
    using VR = typename Types::Value;
    constexpr bool kFits = std::is_same_v<typename Types::Key, K> && std::is_same_v<typename Types::ValueIn, V>;
    static_assert(kFits,
                  "process_values(supplier): the processor takes other types of key and value than the stream has: derive it "
                  "from tidemill::FixedKeyProcessor<Key, Value, ...> with the stream's types");
    if (!named.name.empty()) Draft::check_name(named.name);
    const std::string name = named.name.empty() ? at_->draft->new_name("KSTREAM-PROCESSVALUES-") : named.name;
    at_->draft->add_stateful_processor(
        {.name = name,
         .prototype =
             prototype(new FixedKeyProcessorNode<typename Types::Key, typename Types::ValueIn, VR, Supplier>(supplier)),
         .parents = {at_->node},
         .stores = std::move(stores),
         .input = detail::stream_type<K, V>(),
         .output = detail::stream_type<K, VR>(),
         .fixed_key = true},
        detail::stores_of(supplier));
    return KStream<K, VR>({at_->draft, name, at_->sources, at_->repartition_required, at_->key_serde, {}});
  }
}

}  // namespace tidemill
