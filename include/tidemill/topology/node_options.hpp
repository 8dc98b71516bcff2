// Options of a topology's sources and sinks, by name, with serdes that come from the type unless given.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <tidemill/processor/typed_nodes.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill {

/// A regular expression (ECMAScript) over whole topic names: a source reads all that match.
class TopicPattern {
 public:
  static TopicPattern compile(std::string expression) { return TopicPattern(Tag{}, std::move(expression)); }
  [[nodiscard]] const std::string& expression() const { return expression_; }

 private:
  struct Tag {};  // keeps lists of topics in braces from being taken for a pattern
  TopicPattern(Tag, std::string expression) : expression_(std::move(expression)) {}
  std::string expression_;
};

template <class K, class V>
struct SourceOptions {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  OffsetReset offset_reset = OffsetReset::kDefault;
  /// With OffsetReset::kByDuration: how far back.
  std::chrono::milliseconds reset_duration{0};
  std::shared_ptr<const TimestampExtractor> timestamp_extractor = nullptr;
};
template <class K, class V>
struct SinkOptions {
  std::optional<Serde<K>> key_serde = {};
  std::optional<Serde<V>> value_serde = {};
  StreamPartitioner<K, V> partitioner = nullptr;
};

namespace detail {
/// Why no topic can be called so; null: one can. The empty name is for the caller to judge.
[[nodiscard]] const char* unfit_for_topics(std::string_view name);
/// TopologyException: `where` names a topic that there cannot be.
void check_topic(std::string_view topic, std::string_view where);
[[noreturn]] void throw_no_serde(const char* what, TypeTag type);

/// TopologyException: `argument` of `where` is null.
[[noreturn]] void throw_null_function(std::string_view where, std::string_view argument);
template <class F>
void check_callable(const F& function, std::string_view where, std::string_view argument) {
  if constexpr (kMayBeNull<F>) {
    if (!static_cast<bool>(function)) throw_null_function(where, argument);
  }
}
template <class T>
Serde<T> serde_or_default(const std::optional<Serde<T>>& given, const char* what) {
  if (given) return *given;
  if constexpr (HasSerde<T>) {
    return SerdeOf<T>::serde();
  } else {
    throw_no_serde(what, type_tag<T>());
  }
}
template <class K, class V>
EdgeType stream_type() {
  return {type_tag<K>(), type_tag<V>(), false};
}
template <class K, class V>
EdgeType table_type() {
  return {type_tag<K>(), type_tag<V>(), true};
}
/// A prototype as the topology keeps it. Built as its base: decision "thin shim" (compile time).
inline std::shared_ptr<const OperatorNode> prototype(OperatorNode* node) {
  return std::shared_ptr<const OperatorNode>(std::unique_ptr<OperatorNode>(node));
}
}  // namespace detail

}  // namespace tidemill
