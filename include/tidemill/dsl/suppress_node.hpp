// The typed half of suppress(): to bytes and back. What is held back and when it goes on is decided in src/dsl/suppress_node.cpp.
#pragma once

#include <tidemill/dsl/suppressed.hpp>
#include <tidemill/dsl/windowed_nodes.hpp>
#include <tidemill/state/change_buffer.hpp>

namespace tidemill::detail {

template <class K>
inline constexpr bool kIsWindowed = false;
template <class K>
inline constexpr bool kIsWindowed<Windowed<K>> = true;

class SuppressTypes {
 public:
  virtual ~SuppressTypes() = default;
  // `topic`: the buffer's.
  virtual void encode_key(std::string_view topic, const void* key, Bytes& out) const = 0;
  virtual void encode_value(std::string_view topic, const void* value, Bytes& out) const = 0;
  /// kNoTimestamp: the key is of no window.
  [[nodiscard]] virtual Timestamp window_end(const void* key) const = 0;
  virtual void forward(const WindowedNode& node, std::string_view topic, const ChangeBuffer::Held& held) const = 0;
};

template <class K, class V>
class TypedSuppress final : public SuppressTypes {
 public:
  TypedSuppress(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  void encode_key(std::string_view topic, const void* key, Bytes& out) const override {
    key_serde_.serialize(topic, *static_cast<const K*>(key), out);
  }
  void encode_value(std::string_view topic, const void* value, Bytes& out) const override {
    value_serde_.serialize(topic, *static_cast<const V*>(value), out);
  }
  Timestamp window_end(const void* key) const override {
    if constexpr (kIsWindowed<K>) return static_cast<const K*>(key)->window.end;
    return kNoTimestamp;
  }
  void forward(const WindowedNode& node, std::string_view topic, const ChangeBuffer::Held& held) const override {
    const K key = key_serde_.deserialize(topic, held.key);
    const std::optional<V> now = decode(topic, held.new_value);
    const std::optional<V> old = decode(topic, held.old_value);
    const Change change{now ? &*now : nullptr, old ? &*old : nullptr, true};
    node.emit({&key, &change, held.context});
  }

 private:
  [[nodiscard]] std::optional<V> decode(std::string_view topic, OptionalBytesView bytes) const {
    return bytes ? std::optional<V>(value_serde_.deserialize(topic, *bytes)) : std::nullopt;
  }
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// `wait`: how long behind its time a change goes on.
[[nodiscard]] OperatorNode* new_suppress_node(const Suppressed& suppressed, std::chrono::milliseconds wait, std::string store,
                                              std::shared_ptr<const SuppressTypes> types);
/// The buffer's store.
[[nodiscard]] StoreSpec suppress_store(const Suppressed& suppressed, std::string name);
/// How long the windows of this table, or of those it is made of, wait for late records. TopologyException: it has none.
[[nodiscard]] std::chrono::milliseconds window_grace(const TableFacts& facts);

/// What a suppressed table has now: what has not gone on yet counts as it was before.
template <class K, class V>
class SuppressedGetter final : public ValueGetter<K, V> {
 public:
  SuppressedGetter(std::unique_ptr<ValueGetter<K, V>> from, StateStore& buffer, Serde<K> key_serde, Serde<V> value_serde)
      : from_(std::move(from)),
        buffer_(*buffer.change_buffer()),
        topic_(buffer.topic()),
        key_serde_(std::move(key_serde)),
        value_serde_(std::move(value_serde)) {}
  std::optional<ValueAndTimestamp<V>> get(const K& key) override {
    Bytes bytes;
    key_serde_.serialize(topic_, key, bytes);
    OptionalBytes prior;
    if (!buffer_.prior_value(bytes, prior)) return from_->get(key);
    if (!prior) return std::nullopt;
    return ValueAndTimestamp<V>{value_serde_.deserialize(topic_, *prior), kNoTimestamp};
  }

 private:
  std::unique_ptr<ValueGetter<K, V>> from_;
  ChangeBuffer& buffer_;
  const std::string& topic_;
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

}  // namespace tidemill::detail
