#include <tidemill/dsl/stream_table_grace.hpp>

#include <tidemill/state/join_buffer.hpp>
#include <tidemill/state/state_store.hpp>

namespace tidemill::detail {
namespace {

/// Stands before the join, under its name and with its children.
class WaitingJoinNode final : public OperatorNode {
 public:
  WaitingJoinNode(std::shared_ptr<const OperatorNode> join, std::shared_ptr<const RecordCodec> codec, std::string buffer)
      : prototype_(std::move(join)), codec_(std::move(codec)), buffer_name_(std::move(buffer)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new WaitingJoinNode(prototype_, codec_, buffer_name_));
  }
  void init() override {
    buffer_ = connected_store(buffer_name_).join_buffer();
    if (buffer_ == nullptr) throw StreamsException("store \"" + buffer_name_ + "\" is no buffer of a join");
    join_ = prototype_->clone();
    join_->wire(
        {.task = &task(), .name = &name(), .children = {children().begin(), children().end()}, .stores = connected_stores()});
    join_->init();
  }
  void process(const ErasedRecord& record) override {
    // Without a key or a value there is nothing to wait for: the join drops it, or knows its result.
    if (record.key == nullptr || record.value == nullptr) return join_->process(record);
    key_.clear();
    value_.clear();
    // The serdes hear the name of the join, as in Java.
    codec_->encode(name(), record.key, record.value, key_, value_);
    if (!buffer_->put(key_, value_, *record.context)) return join_->process(record);
    buffer_->evict_due([this](const JoinBuffer::Waiting& waiting) {
      // Received, not processed: where an error is passed over, the record that waited is done with, and not given again.
      codec_->decode(name(), waiting.key, waiting.value, [&](const void* key, const void* value) {
        join_->receive({key, value, waiting.context});
      });
    });
  }
  void close() override {
    if (join_) join_->close();
  }

 private:
  std::shared_ptr<const OperatorNode> prototype_;
  std::shared_ptr<const RecordCodec> codec_;
  std::string buffer_name_;
  std::unique_ptr<OperatorNode> join_;
  JoinBuffer* buffer_ = nullptr;
  Bytes key_;
  Bytes value_;
};

/// The shortest history among the stores that the table's values come from.
std::optional<std::chrono::milliseconds> history_of(const TableFacts& table) {
  if (table.materialized) return table.store.retention;
  std::optional<std::chrono::milliseconds> shortest;
  for (const auto& from : table.upstream) {
    if (const auto history = history_of(*from); history && (!shortest || *history < *shortest)) shortest = history;
  }
  return shortest;
}

void make_wait(TopologyBuilder& builder, const JoinGrace& grace, TopologyBuilder::ProcessorSpec& join) {
  if (!grace.table->versioned()) {
    throw TopologyException("\"" + join.name +
                            "\" has a grace period, but its table keeps no versions: give the table a history "
                            "(Materialized{.history = ...})");
  }
  const auto history = history_of(*grace.table);
  if (history && *history < grace.period) {
    throw TopologyException("\"" + join.name + "\" has a grace period of " + std::to_string(grace.period.count()) +
                            " ms, but its table's history is " + std::to_string(history->count()) +
                            " ms: versions would be gone before the join asks for them");
  }
  StoreSpec buffer;
  buffer.name = join.name + "-Buffer";
  buffer.kind = StoreKind::kJoinBuffer;
  buffer.engine = StoreEngineKind::kPersistent;
  buffer.retention = grace.period;
  builder.add_state_store(buffer);
  join.stores.push_back(buffer.name);
  join.prototype =
      std::shared_ptr<const OperatorNode>(new WaitingJoinNode(std::move(join.prototype), grace.codec, buffer.name));
}

}  // namespace

void add_waiting_join(Draft& draft, TopologyBuilder::ProcessorSpec join, std::function<std::vector<std::string>()> stores,
                      JoinGrace grace) {
  draft.add([join = std::move(join), stores = std::move(stores), grace = std::move(grace)](TopologyBuilder& builder) {
    TopologyBuilder::ProcessorSpec waiting = join;
    waiting.stores = stores();
    make_wait(builder, grace, waiting);
    builder.add_processor(std::move(waiting));
  });
}

}  // namespace tidemill::detail
