// The typed half of stream-stream joins: to bytes and back, and the joiner. When two records meet, and when one that has met
// none goes on alone, is decided in src/dsl/stream_stream_join.cpp.
#pragma once

#include <tidemill/dsl/record_function.hpp>
#include <tidemill/dsl/windowed_nodes.hpp>
#include <tidemill/state/outer_join_store.hpp>

namespace tidemill::detail {

/// Of one side: `this` values are its own, `other` ones those of the other side.
class StreamJoinTypes {
 public:
  virtual ~StreamJoinTypes() = default;
  /// One per task: its joiner is the user's, and may be mutable.
  [[nodiscard]] virtual std::unique_ptr<StreamJoinTypes> clone() const = 0;
  /// What is encoded is of `own` and of `waiting`, other values come from `other`: the topics of these stores.
  virtual void open(const std::string& own, const std::string& other, const std::string& waiting) = 0;
  virtual void encode_key(const void* key, Bytes& out) const = 0;
  virtual void encode_value(const void* value, Bytes& out) const = 0;
  /// Of one that waits.
  virtual void encode_waiting_key(const void* key, Bytes& out) const = 0;
  virtual void encode_waiting(const void* value, Bytes& out) const = 0;
  /// `other` empty: alone.
  virtual void forward_joined(const WindowedNode& node, const void* key, const void* value, OptionalBytesView other,
                              const RecordContext& context) = 0;
  /// One that has waited: of this side or the other one.
  virtual void forward_alone(const WindowedNode& node, BytesView key, bool of_this_side, BytesView value,
                             const RecordContext& context) = 0;
  /// The other one is in front, as when it had come first.
  virtual void forward_swapped(const WindowedNode& node, const void* key, BytesView other, const void* value,
                               const RecordContext& context) = 0;
  /// The result of a record and itself, which is kept until it is passed on.
  virtual void join_itself(const void* key, const void* value) = 0;
  virtual void forward_itself(const WindowedNode& node, const void* key, const RecordContext& context) = 0;
};

/// `R` may be a std::optional.
template <class K, class VThis, class VOther, class R>
using ValueJoiner = std::function<R(const K*, const VThis*, const VOther*)>;
template <class K, class VThis, class VOther, class R>
class TypedStreamJoin final : public StreamJoinTypes {
 public:
  TypedStreamJoin(const Serde<K>& key_serde, const Serde<VThis>& value_serde, const Serde<VOther>& other_serde,
                  ValueJoiner<K, VThis, VOther, R> joiner)
      : key_serde_(key_serde), value_serde_(value_serde), other_serde_(other_serde), joiner_(std::move(joiner)) {}
  std::unique_ptr<StreamJoinTypes> clone() const override {
    return std::unique_ptr<StreamJoinTypes>(new TypedStreamJoin(*this));
  }
  void open(const std::string& own, const std::string& other, const std::string& waiting) override {
    own_ = own;
    other_ = other;
    waiting_ = waiting;
  }
  void encode_key(const void* key, Bytes& out) const override { key_serde_.serialize(own_, *static_cast<const K*>(key), out); }
  void encode_value(const void* value, Bytes& out) const override {
    value_serde_.serialize(own_, *static_cast<const VThis*>(value), out);
  }
  void encode_waiting_key(const void* key, Bytes& out) const override {
    key_serde_.serialize(waiting_, *static_cast<const K*>(key), out);
  }
  void encode_waiting(const void* value, Bytes& out) const override {
    value_serde_.serialize(waiting_, *static_cast<const VThis*>(value), out);
  }
  void forward_joined(const WindowedNode& node, const void* key, const void* value, OptionalBytesView other,
                      const RecordContext& context) override {
    std::optional<VOther> theirs;
    if (other) theirs.emplace(other_serde_.deserialize(other_, *other));
    forward(node, static_cast<const K*>(key), static_cast<const VThis*>(value), theirs ? &*theirs : nullptr, context);
  }
  void forward_alone(const WindowedNode& node, BytesView key, bool of_this_side, BytesView value,
                     const RecordContext& context) override {
    const K decoded = key_serde_.deserialize(waiting_, key);
    if (of_this_side) {
      const VThis mine = value_serde_.deserialize(waiting_, value);
      forward(node, &decoded, &mine, nullptr, context);
    } else {
      const VOther theirs = other_serde_.deserialize(waiting_, value);
      forward(node, &decoded, nullptr, &theirs, context);
    }
  }
  void forward_swapped(const WindowedNode& node, const void* key, BytesView other, const void* value,
                       const RecordContext& context) override {
    if constexpr (std::is_same_v<VThis, VOther>) {
      const VThis first = value_serde_.deserialize(own_, other);
      forward(node, static_cast<const K*>(key), &first, static_cast<const VOther*>(value), context);
    }
  }
  void join_itself(const void* key, const void* value) override {
    if constexpr (std::is_same_v<VThis, VOther>) {
      itself_.emplace(joiner_(static_cast<const K*>(key), static_cast<const VThis*>(value), static_cast<const VOther*>(value)));
    }
  }
  void forward_itself(const WindowedNode& node, const void* key, const RecordContext& context) override {
    node.emit({key, pointer_to(*itself_), &context});
  }

 private:
  void forward(const WindowedNode& node, const K* key, const VThis* mine, const VOther* theirs, const RecordContext& context) {
    const R joined = joiner_(key, mine, theirs);
    node.emit({key, pointer_to(joined), &context});
  }
  std::optional<R> itself_;
  // Topics.
  std::string own_;
  std::string other_;
  std::string waiting_;
  Serde<K> key_serde_;
  Serde<VThis> value_serde_;
  Serde<VOther> other_serde_;
  ValueJoiner<K, VThis, VOther, R> joiner_;
};

/// One side of a join.
struct StreamJoinSide {
  bool left = true;
  /// One of this side that meets none goes on alone.
  bool outer = false;
  std::chrono::milliseconds before{0};  // of this side
  std::chrono::milliseconds after{0};
  std::chrono::milliseconds grace{0};
  std::string other_store;
  /// Where records wait; empty: none waits.
  std::string outer_store;
};
/// Passes a record on, then puts it in this side's store.
[[nodiscard]] OperatorNode* new_join_window_node(std::string store, std::unique_ptr<StreamJoinTypes> types);
[[nodiscard]] OperatorNode* new_stream_join_node(const StreamJoinSide& side, std::unique_ptr<StreamJoinTypes> types);
/// A stream with itself, over one store.
[[nodiscard]] OperatorNode* new_self_join_node(const JoinWindows& windows, std::string store,
                                               std::unique_ptr<StreamJoinTypes> types);

}  // namespace tidemill::detail
