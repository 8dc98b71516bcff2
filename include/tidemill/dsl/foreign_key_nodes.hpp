// The typed half of a foreign-key join: what turns keys and values of both tables into bytes, and back. The messages between
// the two sides, and what is done with them, are in src/dsl/foreign_key_join.cpp.
#pragma once

#include <tidemill/dsl/table_map_node.hpp>
#include <tidemill/dsl/windowed_nodes.hpp>
#include <tidemill/serde/serdes.hpp>

namespace tidemill::detail {

class ForeignKeyTypes {
 public:
  struct Stamped {
    Bytes value;
    Timestamp timestamp;
  };
  virtual ~ForeignKeyTypes() = default;
  /// One per node: it holds what it has read.
  [[nodiscard]] virtual std::unique_ptr<ForeignKeyTypes> clone() const = 0;
  /// Before all else.
  virtual void open(const TaskContext& task) = 0;
  virtual void open_left(TaskContext& task) = 0;
  virtual void open_right(TaskContext& task) = 0;
  // The bytes of a key may depend on where it stands: as the key of a message (of its topic), or in a row of the store.

  /// Of the left table, as a row has it.
  virtual void encode_key(const void* key, Bytes& out) const = 0;
  virtual void encode_value(const void* value, Bytes& out) const = 0;
  /// As the key of a question. False: it has none.
  virtual bool foreign_key(const void* key, const void* value, Bytes& out) = 0;
  /// Of the right table, as a row has it.
  virtual void encode_right_key(const void* key, Bytes& out) const = 0;
  virtual void encode_right_value(const void* value, Bytes& out) const = 0;
  /// From the key of a question to that of a row.
  virtual void foreign_key_of_row(BytesView question, Bytes& out) const = 0;
  /// From the primary key of a row to the key of an answer.
  virtual void key_of_answer(BytesView primary, Bytes& out) const = 0;
  /// What the right table has now for the key of a question.
  [[nodiscard]] virtual std::optional<Stamped> right_value(BytesView question) = 0;
  /// What the left table has now for the key of an answer; false: nothing. Both are kept for what follows.
  virtual bool read_left(BytesView answer, Bytes& value) = 0;
  /// As a row has it.
  virtual void encode_key_of_left(Bytes& out) const = 0;
  /// As the key of a question. False: it has none.
  virtual bool foreign_key_of_left(Bytes& out) = 0;
  /// `joins` false: a tombstone.
  virtual void forward_joined(const WindowedNode& node, OptionalBytesView right, bool joins, const RecordContext& context) = 0;
};
/// What the serdes of a foreign-key join are told that they work for, as in Java: its two topics, and names that are no topics.
struct ForeignKeyTopics {
  /// Without the application's name.
  std::string registration = {};
  std::string response = {};
  std::string foreign_keys = {};
  std::string primary_keys = {};
  std::string hashed_values = {};
  [[nodiscard]] ForeignKeyTopics of(const std::string& application_id) const;
};

template <class V, class VO, class VR>
using ForeignJoiner = std::function<std::optional<VR>(const V&, const VO*)>;
template <class K, class V, class KO, class VO, class VR>
class TypedForeignKey final : public ForeignKeyTypes {
 public:
  struct Sides {
    GetterSupplier<K, V> left;
    GetterSupplier<KO, VO> right;
    Serde<K> key;
    Serde<V> value;
    Serde<KO> right_key;
    Serde<VO> right_value;
    ForeignKeyTopics topics;
  };
  TypedForeignKey(std::shared_ptr<const Sides> sides, TableMap<K, V, KO> extract, ForeignJoiner<V, VO, VR> joiner)
      : sides_(std::move(sides)), extract_(std::move(extract)), joiner_(std::move(joiner)) {}
  std::unique_ptr<ForeignKeyTypes> clone() const override {
    return std::unique_ptr<ForeignKeyTypes>(new TypedForeignKey(sides_, extract_, joiner_));
  }
  void open(const TaskContext& task) override { topics_ = sides_->topics.of(task.application_id()); }
  void open_left(TaskContext& task) override { left_ = sides_->left.make(task, view_of_table_joins(task)); }
  void open_right(TaskContext& task) override { right_ = sides_->right.make(task, view_of_table_joins(task)); }
  void encode_key(const void* key, Bytes& out) const override {
    sides_->key.serialize(topics_.primary_keys, *static_cast<const K*>(key), out);
  }
  void encode_value(const void* value, Bytes& out) const override {
    sides_->value.serialize(topics_.hashed_values, *static_cast<const V*>(value), out);
  }
  bool foreign_key(const void* key, const void* value, Bytes& out) override {
    const std::optional<KO> foreign = extract_(*static_cast<const K*>(key), *static_cast<const V*>(value));
    if (foreign) sides_->right_key.serialize(topics_.registration, *foreign, out);
    return foreign.has_value();
  }
  void encode_right_key(const void* key, Bytes& out) const override {
    sides_->right_key.serialize(topics_.foreign_keys, *static_cast<const KO*>(key), out);
  }
  void encode_right_value(const void* value, Bytes& out) const override {
    sides_->right_value.serialize(topics_.response, *static_cast<const VO*>(value), out);
  }
  void foreign_key_of_row(BytesView question, Bytes& out) const override {
    const KO foreign = sides_->right_key.deserialize(topics_.registration, question);
    encode_right_key(&foreign, out);
  }
  void key_of_answer(BytesView primary, Bytes& out) const override {
    sides_->key.serialize(topics_.response, sides_->key.deserialize(topics_.primary_keys, primary), out);
  }
  std::optional<Stamped> right_value(BytesView question) override {
    const auto found = right_->get(sides_->right_key.deserialize(topics_.registration, question));
    if (!found) return std::nullopt;
    Stamped stamped{{}, found->timestamp};
    sides_->right_value.serialize(topics_.response, found->value, stamped.value);
    return stamped;
  }
  bool read_left(BytesView answer, Bytes& value) override {
    key_.emplace(sides_->key.deserialize(topics_.response, answer));
    current_ = left_->get(*key_);
    if (current_) sides_->value.serialize(topics_.hashed_values, current_->value, value);
    return current_.has_value();
  }
  void encode_key_of_left(Bytes& out) const override { encode_key(&*key_, out); }
  bool foreign_key_of_left(Bytes& out) override { return current_ && foreign_key(&*key_, &current_->value, out); }
  void forward_joined(const WindowedNode& node, OptionalBytesView right, bool joins, const RecordContext& context) override {
    std::optional<VR> result;
    if (joins && current_) {
      std::optional<VO> theirs;
      if (right) theirs.emplace(sides_->right_value.deserialize(topics_.response, *right));
      result = joiner_(current_->value, theirs ? &*theirs : nullptr);
    }
    node.emit({&*key_, result ? &*result : nullptr, &context});
  }

 private:
  std::shared_ptr<const Sides> sides_;
  ForeignKeyTopics topics_;
  TableMap<K, V, KO> extract_;
  ForeignJoiner<V, VO, VR> joiner_;
  std::unique_ptr<ValueGetter<K, V>> left_;
  std::unique_ptr<ValueGetter<KO, VO>> right_;
  std::optional<K> key_;
  std::optional<ValueAndTimestamp<V>> current_;
};

/// A partitioner of keys as one of their bytes.
using MessagePartitioner = StreamPartitioner<ByteArray, ByteArray>;
/// Where questions go: the registration topic without the application's name in front, and what chooses its partitions; null:
/// the key does.
struct ForeignKeyQuestions {
  std::string topic;
  MessagePartitioner partitioner;
};

// The nodes of a foreign-key join; between them go keys and messages in bytes (ByteArray).
struct ForeignKeySide {
  bool left_join = false;
  /// The table that feeds the node keeps versions, and what is not the latest one changes nothing.
  bool latest_only = false;
  std::string subscriptions;  // store
};
[[nodiscard]] OperatorNode* new_subscription_send_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types);
[[nodiscard]] OperatorNode* new_subscription_receive_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types);
[[nodiscard]] OperatorNode* new_subscription_join_node(std::unique_ptr<ForeignKeyTypes> types);
[[nodiscard]] OperatorNode* new_foreign_table_join_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types);
template <class K>
MessagePartitioner by_decoded_key(const Serde<K>& serde, const StreamPartitioner<K, void>& partitioner) {
  if (!partitioner) return nullptr;
  return [=](std::string_view topic, const ByteArray* key, const ByteArray*, std::int32_t partitions) {
    std::optional<K> decoded;
    if (key != nullptr) decoded.emplace(serde.deserialize(topic, key->bytes));
    return partitioner(topic, decoded ? &*decoded : nullptr, nullptr, partitions);
  };
}
[[nodiscard]] OperatorNode* new_response_join_node(const ForeignKeySide& side, ForeignKeyQuestions questions,
                                                   std::unique_ptr<ForeignKeyTypes> types);
/// Sinks of the two topics. Without a partitioner, answers go to the partition that asked.
[[nodiscard]] OperatorNode* new_subscription_sink(std::string topic, MessagePartitioner partitioner);
[[nodiscard]] OperatorNode* new_response_sink(std::string topic, MessagePartitioner partitioner);
[[nodiscard]] OperatorNode* new_message_source();
[[nodiscard]] StoreSpec subscription_store(std::string name);
[[nodiscard]] EdgeType message_type();

}  // namespace tidemill::detail
