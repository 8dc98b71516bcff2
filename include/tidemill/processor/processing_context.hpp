// ProcessingContext: a processor's way to its task, but for forwarding, which depends on what it may forward.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include <tidemill/processor/record.hpp>
#include <tidemill/processor/streams_metrics.hpp>
#include <tidemill/state/custom_store.hpp>
#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/versioned_store.hpp>
#include <tidemill/state/window_store.hpp>

namespace tidemill {

namespace detail {
/// Untyped half of a processor's node, so that contexts can reach what OperatorNode protects.
class ProcessorNodeBase : public OperatorNode {
 public:
  using OperatorNode::connected_store;
  using OperatorNode::forward;
  /// Virtual for who stands in for children.
  virtual void forward_to(std::string_view child, const ErasedRecord& record) const;
  /// What a processor asks for a store as.
  enum class Face : std::uint8_t { kKeyValue, kWindow, kSession, kVersioned };
  /// The connected store, if it is of that kind, and keeps timestamps where the processor asks for them and only there.
  [[nodiscard]] StateStore& store_as(Face face, std::string_view name, bool timestamped) const;
  /// A connected store of one's own kind, one of this task; `asked` is for sentences.
  [[nodiscard]] CustomStore& custom_store(std::string_view name, std::string_view asked) const;
  void read_custom_store(std::string_view name, std::string_view asked,
                         const std::function<void(const CustomStore&)>& job) const;
  [[noreturn]] void throw_wrong_store_type(std::string_view name, std::string_view asked) const;
  /// The current record's context with another timestamp and other headers.
  [[nodiscard]] RecordContext context_of(Timestamp timestamp, const Headers& headers) const;
};
template <class V>
inline constexpr bool kIsTimestamped = false;
template <class V>
inline constexpr bool kIsTimestamped<ValueAndTimestamp<V>> = true;
}  // namespace detail

/// Lives as long as the processor; used on its thread.
class ProcessingContext {
 public:
  explicit ProcessingContext(detail::ProcessorNodeBase& node) : node_(node) {}

  /// The typed face of a connected store (V: ValueAndTimestamp<...> for a store that keeps timestamps, as tables do).
  /// StreamsException names the remedy when it is not connected or of another kind.
  template <class K, class V>
  [[nodiscard]] std::unique_ptr<KeyValueStore<K, V>> key_value_store(std::string_view name,
                                                                     Serde<K> key_serde = SerdeOf<K>::serde(),
                                                                     Serde<V> value_serde = SerdeOf<V>::serde()) const {
    return std::unique_ptr<KeyValueStore<K, V>>(new KeyValueStore<K, V>(
        store_as<V>(Face::kKeyValue, name), std::move(key_serde), std::move(value_serde), node_.task().current));
  }
  /// The same for window stores (ValueAndTimestamp<...> for those of windowed aggregations) and session stores.
  template <class K, class V>
  [[nodiscard]] std::unique_ptr<WindowStore<K, V>> window_store(std::string_view name, Serde<K> key_serde = SerdeOf<K>::serde(),
                                                                Serde<V> value_serde = SerdeOf<V>::serde()) const {
    return std::unique_ptr<WindowStore<K, V>>(new WindowStore<K, V>(store_as<V>(Face::kWindow, name), std::move(key_serde),
                                                                    std::move(value_serde), node_.task().current));
  }
  template <class K, class V>
  [[nodiscard]] std::unique_ptr<VersionedKeyValueStore<K, V>> versioned_store(
      std::string_view name, Serde<K> key_serde = SerdeOf<K>::serde(), Serde<V> value_serde = SerdeOf<V>::serde()) const {
    return std::unique_ptr<VersionedKeyValueStore<K, V>>(
        new VersionedKeyValueStore<K, V>(store_as<V>(Face::kVersioned, name), std::move(key_serde), std::move(value_serde)));
  }
  template <class K, class V>
  [[nodiscard]] std::unique_ptr<SessionStore<K, V>> session_store(std::string_view name,
                                                                  Serde<K> key_serde = SerdeOf<K>::serde(),
                                                                  Serde<V> value_serde = SerdeOf<V>::serde()) const {
    return std::unique_ptr<SessionStore<K, V>>(new SessionStore<K, V>(store_as<V>(Face::kSession, name), std::move(key_serde),
                                                                      std::move(value_serde), node_.task().current));
  }

  /// A connected store of one's own kind: of the type that was declared, or a base of it.
  template <class Store>
  [[nodiscard]] Store& custom_store(std::string_view name) const {
    auto* const store = dynamic_cast<Store*>(&node_.custom_store(name, type_tag<Store>()->name));
    if (store == nullptr) node_.throw_wrong_store_type(name, type_tag<Store>()->name);
    return *store;
  }
  /// Runs `fn(const Store&)` on it; of a global store, which others write and read, under the lock of all global stores, so `fn` should
  /// be short. Gives what `fn` gives.
  template <class Store, class F>
  auto read_custom_store(std::string_view name, F&& fn) const {
    using Answer = std::decay_t<std::invoke_result_t<F&, const Store&>>;
    static_assert(!std::is_pointer_v<Answer> && !std::is_same_v<Answer, std::string_view>,
                  "read_custom_store(name, fn): fn must return a value, for the store may change later");
    std::optional<std::conditional_t<std::is_void_v<Answer>, bool, Answer>> answer;
    node_.read_custom_store(name, type_tag<Store>()->name, [&](const CustomStore& any) {
      const auto* const store = dynamic_cast<const Store*>(&any);
      if (store == nullptr) node_.throw_wrong_store_type(name, type_tag<Store>()->name);
      if constexpr (std::is_void_v<Answer>) {
        fn(*store);
      } else {
        answer.emplace(fn(*store));
      }
    });
    if constexpr (!std::is_void_v<Answer>) return *std::move(answer);
  }

  [[nodiscard]] const std::string& application_id() const { return node_.task().application_id(); }
  [[nodiscard]] const TaskId& task_id() const { return node_.task().task_id(); }
  /// Where the record at work came from; empty in punctuations.
  [[nodiscard]] std::optional<RecordMetadata> record_metadata() const;
  [[nodiscard]] Timestamp current_stream_time() const { return node_.task().stream_time(); }
  /// The clock as it was read for the record or punctuation at work: within one it stands still.
  [[nodiscard]] Timestamp current_system_time() const { return node_.task().system_time(); }
  /// The punctuator gets the time at which it runs: stream time or the clock's. `start`: the time that the schedule is
  /// aligned to; none: stream time from 0, the clock from now.
  Cancellable schedule(std::chrono::milliseconds interval, PunctuationType type, Punctuator punctuator,
                       Timestamp start = kNoTimestamp) const {
    return node_.task().schedule(node_, interval, type, start, std::move(punctuator));
  }
  /// Asks for a commit soon.
  void commit() const { node_.task().request_commit(); }
  /// A key of the configuration's `application` part; null: not set.
  [[nodiscard]] const std::string* app_config(std::string_view key) const { return node_.task().app_config(key); }
  /// Makes metrics of one's own.
  [[nodiscard]] const StreamsMetrics& metrics() const { return node_.task().streams_metrics(); }
  /// All of them, and those that begin with the prefix, without it.
  [[nodiscard]] const std::map<std::string, std::string>& app_configs() const { return node_.task().app_configs(); }
  [[nodiscard]] std::map<std::string, std::string> app_configs_with_prefix(std::string_view prefix) const;
  /// The task's own directory; it is there only when the task has stores on disk.
  [[nodiscard]] std::string state_dir() const { return node_.task().state_directory(); }

 protected:
  detail::ProcessorNodeBase& node_;

 private:
  using Face = detail::ProcessorNodeBase::Face;
  template <class V>
  [[nodiscard]] StateStore& store_as(Face face, std::string_view name) const {
    return node_.store_as(face, name, detail::kIsTimestamped<V>);
  }
};

}  // namespace tidemill
