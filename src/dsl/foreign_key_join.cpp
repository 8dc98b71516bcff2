// Foreign-key joins: a row of the left table names a row of the right one. The two may be anywhere, so they talk:
//
//   left row changes     --(foreign key: subscribe, with a hash of the row)-->  registration topic  -->  right side
//                                                                               it remembers who asked, and answers
//   result, if the row   <--(primary key: hash, right value)-- response topic <--  right side; again whenever its row changes
//   still has that hash
//
// A change of the foreign key takes back the old subscription and makes a new one. Answers to a row that has changed in the
// meantime have another hash and are dropped. Messages are Java's, byte for byte.
//
// Of an inner join, what is dropped may have been the only word that a result is gone: a row is deleted and comes again with a
// foreign key that nobody has, before the answer to its deletion is back; or the right row is deleted while the left one
// changes. Nobody says anything to a question about a right row that is not there. So where the dropped answer is that there is
// none, the left side asks once more about the row as it is now, and this time it wants an answer in any case (D-51).
#include <tidemill/dsl/foreign_key_nodes.hpp>

#include <map>

#include "dsl/foreign_key_messages.hpp"

namespace tidemill::detail {
namespace {

const Bytes& bytes_at(const void* pointer) { return static_cast<const ByteArray*>(pointer)->bytes; }

class SubscriptionSendNode final : public WindowedNode {
 public:
  SubscriptionSendNode(ForeignKeySide side, std::unique_ptr<ForeignKeyTypes> types)
      : side_(std::move(side)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SubscriptionSendNode(side_, types_->clone()));
  }
  void init() override { types_->open(task()); }
  void process(const ErasedRecord& record) override {
    const Change& change = *static_cast<const Change*>(record.value);
    if (side_.latest_only && !change.is_latest) return drop("out-of-order", record);
    key_.clear();
    types_->encode_key(record.key, key_);
    hash_.reset();
    if (change.new_value != nullptr) {
      Bytes row;
      types_->encode_value(change.new_value, row);
      hash_ = hash_of(row);
    }
    const OptionalBytes old_key = foreign_key(record, change.old_value);
    const OptionalBytes new_key = foreign_key(record, change.new_value);
    if (side_.left_join) {
      left_join(record, change, old_key, new_key);
    } else {
      inner_join(record, change, old_key, new_key);
    }
  }

 private:
  OptionalBytes foreign_key(const ErasedRecord& record, const void* value) {
    Bytes foreign;
    if (value == nullptr || !types_->foreign_key(record.key, value, foreign)) return std::nullopt;
    return foreign;
  }
  void left_join(const ErasedRecord& record, const Change& change, const OptionalBytes& old_key, const OptionalBytes& new_key) {
    if (change.old_value == nullptr && change.new_value == nullptr) return;
    if (old_key && old_key != new_key) send(record, old_key, Instruction::kDelete);
    send(record, new_key, Instruction::kAnswerAlways);  // without a key, too: the answer makes the result
  }
  void inner_join(const ErasedRecord& record, const Change& change, const OptionalBytes& old_key,
                  const OptionalBytes& new_key) {
    if (!new_key) {
      if (change.new_value != nullptr) drop("null-foreign-key", record);
      if (old_key) send(record, old_key, Instruction::kDeleteAndAnswer);
    } else if (old_key && old_key != new_key) {
      send(record, old_key, Instruction::kDelete);
      send(record, new_key, Instruction::kAnswerAlways);
    } else {
      send(record, new_key, Instruction::kAnswerWithRow);
    }
  }
  void send(const ErasedRecord& record, const OptionalBytes& foreign, Instruction instruction) {
    ByteArray message;
    append_subscription({instruction, to_view(hash_), key_, task().task_id().partition}, message.bytes);
    const ByteArray key{foreign.value_or(Bytes())};
    forward({foreign ? &key : nullptr, &message, record.context});
  }
  ForeignKeySide side_;
  std::unique_ptr<ForeignKeyTypes> types_;
  Bytes key_;
  OptionalBytes hash_;
};

/// Remembers who asked.
class SubscriptionReceiveNode final : public WindowedNode {
 public:
  SubscriptionReceiveNode(ForeignKeySide side, std::unique_ptr<ForeignKeyTypes> types)
      : side_(std::move(side)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SubscriptionReceiveNode(side_, types_->clone()));
  }
  void init() override {
    types_->open(task());
    store_ = &connected_store(side_.subscriptions);
  }
  void process(const ErasedRecord& record) override {
    const Bytes& message = bytes_at(record.value);
    const Subscription subscription = read_subscription(message);
    if (record.key == nullptr) {
      if (subscription.instruction != Instruction::kAnswerAlways) return drop("null-key", record);
      return forward(record);
    }
    Bytes foreign;
    types_->foreign_key_of_row(bytes_at(record.key), foreign);
    Bytes row;
    append_subscription_prefix(foreign, row);
    row.append(subscription.primary_key);
    const Timestamp time = record.context->timestamp;
    if (subscription.instruction == Instruction::kDelete || subscription.instruction == Instruction::kDeleteAndAnswer) {
      store_->put(row, std::nullopt, time);
    } else {
      Bytes value;
      append_timestamp(time, value);
      value.append(message);
      store_->put(row, BytesView(value), time);
    }
    forward(record);
  }

 private:
  ForeignKeySide side_;
  std::unique_ptr<ForeignKeyTypes> types_;
  StateStore* store_ = nullptr;
};

/// Answers who asks.
class SubscriptionJoinNode final : public WindowedNode {
 public:
  explicit SubscriptionJoinNode(std::unique_ptr<ForeignKeyTypes> types) : types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SubscriptionJoinNode(types_->clone()));
  }
  void init() override {
    types_->open(task());
    types_->open_right(task());
  }
  void process(const ErasedRecord& record) override {
    const Subscription subscription = read_subscription(bytes_at(record.value));
    std::optional<ForeignKeyTypes::Stamped> right;
    if (record.key != nullptr) right = types_->right_value(bytes_at(record.key));
    switch (subscription.instruction) {
      case Instruction::kDelete: return;
      case Instruction::kAnswerWithRow:
        if (!right) return;
        break;
      case Instruction::kDeleteAndAnswer:
      case Instruction::kAnswerAlways: break;
    }
    RecordContext context = *record.context;
    if (right) context.timestamp = std::max(context.timestamp, right->timestamp);
    const bool with_value = right && subscription.instruction != Instruction::kDeleteAndAnswer;
    const Response response = response_of(subscription, with_value ? OptionalBytesView(right->value) : std::nullopt);
    ByteArray key;
    types_->key_of_answer(subscription.primary_key, key.bytes);
    forward({&key, &response, &context});
  }

 private:
  std::unique_ptr<ForeignKeyTypes> types_;
};

/// Tells all who asked that the right row has changed.
class ForeignTableJoinNode final : public WindowedNode {
 public:
  ForeignTableJoinNode(ForeignKeySide side, std::unique_ptr<ForeignKeyTypes> types)
      : side_(std::move(side)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ForeignTableJoinNode(side_, types_->clone()));
  }
  void init() override {
    types_->open(task());
    store_ = &connected_store(side_.subscriptions);
  }
  void process(const ErasedRecord& record) override {
    if (record.key == nullptr) return drop("null-key", record);
    const Change& change = *static_cast<const Change*>(record.value);
    if (side_.latest_only && !change.is_latest) return drop("out-of-order", record);
    Bytes foreign;
    types_->encode_right_key(record.key, foreign);
    Bytes prefix;
    append_subscription_prefix(foreign, prefix);
    Bytes value;
    if (change.new_value != nullptr) types_->encode_right_value(change.new_value, value);
    for (const auto rows = prefix_scan(*store_, prefix); rows->valid(); rows->next()) {
      const Subscription subscription = read_subscription(split_timestamp(rows->value()).second);
      const Response response =
          response_of(subscription, change.new_value != nullptr ? OptionalBytesView(value) : std::nullopt);
      ByteArray key;
      types_->key_of_answer(rows->key().substr(prefix.size()), key.bytes);
      forward({&key, &response, record.context});
    }
  }

 private:
  ForeignKeySide side_;
  std::unique_ptr<ForeignKeyTypes> types_;
  StateStore* store_ = nullptr;
};

PartitionChoice choice_of(const MessagePartitioner& partitioner, const std::string& topic, const ByteArray* key,
                          TaskContext& task) {
  if (!partitioner) return {};
  auto chosen = partitioner(topic, key, nullptr, task.collector().partition_count(topic));
  if (!chosen) return {};
  return {PartitionChoice::Kind::kList, *std::move(chosen)};
}

/// Makes the result of an answer, if it is one to the row as it is now.
class ResponseJoinNode final : public WindowedNode {
 public:
  ResponseJoinNode(ForeignKeySide side, ForeignKeyQuestions questions, std::unique_ptr<ForeignKeyTypes> types)
      : side_(std::move(side)), questions_(std::move(questions)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ResponseJoinNode(side_, questions_, types_->clone()));
  }
  void init() override {
    types_->open(task());
    types_->open_left(task());
    questions_.topic = task().application_id() + "-" + questions_.topic;
    ask_again_ = !side_.left_join && !task().exactly_as_kafka_streams();
  }
  void process(const ErasedRecord& record) override {
    const auto [hash, right] = read_response(bytes_at(record.value));
    const BytesView key = bytes_at(record.key);
    Bytes row;
    const bool there = types_->read_left(key, row);
    const OptionalBytes now = there ? OptionalBytes(hash_of(row)) : std::nullopt;
    const auto asked = asked_.find(key);
    if (to_view(now) != hash) {
      drop("row-has-changed", record);
      if (ask_again_) look_after(key, now, asked, hash, right.has_value(), *record.context);
      return;
    }
    if (asked != asked_.end()) asked_.erase(asked);
    types_->forward_joined(*this, right, right || (side_.left_join && there), *record.context);
  }

 private:
  /// By primary key, the hash of the row that has been asked about again: one question at a time, however often the row changes.
  /// What matches forgets it. What is not remembered is only asked more often.
  using Asked = std::map<Bytes, Bytes, std::less<>>;
  static constexpr std::size_t kAskedMax = 100'000;

  void look_after(BytesView key, const OptionalBytes& now, Asked::iterator asked, OptionalBytesView hash, bool found,
                  const RecordContext& context) {
    if (asked != asked_.end()) {
      if (asked->second != hash) return;  // the answer to the question is still to come
      // The row has changed since it was asked about, and nothing has matched since. So what there is of a result is an older
      // row's, and goes: if the row of now has one, its own question, on its way, brings it. No second question, then: a row
      // that is never the same when it is read again would be asked about without end.
      asked_.erase(asked);
      return types_->forward_joined(*this, std::nullopt, false, context);
    }
    if (found) return;  // the row of now has its own question
    ByteArray foreign;
    if (!types_->foreign_key_of_left(foreign.bytes)) return types_->forward_joined(*this, std::nullopt, false, context);
    Bytes primary;
    types_->encode_key_of_left(primary);
    Bytes question;
    append_subscription({Instruction::kAnswerAlways, to_view(now), primary, task().task_id().partition}, question);
    task().collector().send(name(), questions_.topic, BytesView(foreign.bytes), BytesView(question), context,
                            choice_of(questions_.partitioner, questions_.topic, &foreign, task()));
    if (asked_.size() < kAskedMax) asked_.emplace(key, *now);
  }
  ForeignKeySide side_;
  ForeignKeyQuestions questions_;
  std::unique_ptr<ForeignKeyTypes> types_;
  bool ask_again_ = false;
  Asked asked_;
};

/// A question goes to where its row may be, an answer to who asked: to no partition it would be lost, to several it would be
/// taken for as many.
MessagePartitioner to_one_partition(MessagePartitioner partitioner) {
  if (!partitioner) return nullptr;
  return [chooser = std::move(partitioner)](std::string_view topic, const ByteArray* key, const ByteArray* value,
                                            std::int32_t partitions) {
    auto chosen = chooser(topic, key, value, partitions);
    if (chosen && chosen->size() != 1) {
      throw StreamsException("a partitioner of a foreign-key join gave " + std::to_string(chosen->size()) +
                             " partitions of topic \"" + std::string(topic) +
                             "\" for a message: it has to give exactly one, or none at all (std::nullopt) for the default");
    }
    return chosen;
  };
}

class ResponseSinkNode final : public OperatorNode {
 public:
  ResponseSinkNode(std::string topic, MessagePartitioner partitioner)
      : topic_(std::move(topic)), partitioner_(std::move(partitioner)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new ResponseSinkNode(topic_, partitioner_));
  }
  void init() override { topic_ = task().application_id() + "-" + topic_; }
  void process(const ErasedRecord& record) override {
    const Response& response = *static_cast<const Response*>(record.value);
    PartitionChoice choice = choice_of(partitioner_, topic_, static_cast<const ByteArray*>(record.key), task());
    if (!partitioner_ && response.partition) {
      choice = {PartitionChoice::Kind::kList, {PartitionId(*response.partition)}};
    }
    task().collector().send(name(), topic_, BytesView(bytes_at(record.key)), BytesView(response.bytes), *record.context,
                            choice);
  }

 private:
  std::string topic_;
  MessagePartitioner partitioner_;
};

}  // namespace

ForeignKeyTopics ForeignKeyTopics::of(const std::string& application_id) const {
  const std::string full = application_id + "-" + registration;
  return {.registration = full,
          .response = application_id + "-" + response,
          .foreign_keys = full + "-fk",
          .primary_keys = full + "-pk",
          .hashed_values = full + "-vh"};
}

OperatorNode* new_subscription_send_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types) {
  return new SubscriptionSendNode(side, std::move(types));
}
OperatorNode* new_subscription_receive_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types) {
  return new SubscriptionReceiveNode(side, std::move(types));
}
OperatorNode* new_subscription_join_node(std::unique_ptr<ForeignKeyTypes> types) {
  return new SubscriptionJoinNode(std::move(types));
}
OperatorNode* new_foreign_table_join_node(const ForeignKeySide& side, std::unique_ptr<ForeignKeyTypes> types) {
  return new ForeignTableJoinNode(side, std::move(types));
}
OperatorNode* new_response_join_node(const ForeignKeySide& side, ForeignKeyQuestions questions,
                                     std::unique_ptr<ForeignKeyTypes> types) {
  questions.partitioner = to_one_partition(std::move(questions.partitioner));
  return new ResponseJoinNode(side, std::move(questions), std::move(types));
}
OperatorNode* new_subscription_sink(std::string topic, MessagePartitioner partitioner) {
  return new SinkNode<ByteArray, ByteArray>(std::move(topic), true, nullptr, SerdeOf<ByteArray>::serde(),
                                            SerdeOf<ByteArray>::serde(), to_one_partition(std::move(partitioner)));
}
OperatorNode* new_response_sink(std::string topic, MessagePartitioner partitioner) {
  return new ResponseSinkNode(std::move(topic), to_one_partition(std::move(partitioner)));
}
OperatorNode* new_message_source() {
  return new TypedSourceNode<ByteArray, ByteArray>(SerdeOf<ByteArray>::serde(), SerdeOf<ByteArray>::serde());
}

StoreSpec subscription_store(std::string name) {
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kTimestampedKeyValue;
  return spec;
}
EdgeType message_type() { return stream_type<ByteArray, ByteArray>(); }

}  // namespace tidemill::detail
