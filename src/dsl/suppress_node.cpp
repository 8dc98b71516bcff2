// suppress(): holds back a table's changes, so that of many updates of a key only the last one goes on.
//
//   until the window closes      updates  1 2 3 . . 4 | end + grace: 4 goes on, once
//   until a time limit           updates  1 . 2 . | limit behind 1: 2 goes on    3 . . | ...
//
// Time is that of the records: without new ones nothing goes on. A buffer with a bound lets the earliest go on early, or
// fails.
#include <tidemill/dsl/suppress_node.hpp>

#include <stdexcept>

namespace tidemill {

namespace {
void check_bound(std::int64_t bound, const char* what) {
  if (bound >= 0) return;
  throw std::invalid_argument("a buffer of at most " + std::to_string(bound) + " " + what +
                              ": a bound must not be negative; use unbounded() for none");
}
}  // namespace

BufferConfig BufferConfig::with_max_records(std::int64_t records) const {
  check_bound(records, "records");
  BufferConfig changed = *this;
  changed.records_ = records;
  return changed;
}
BufferConfig BufferConfig::with_max_bytes(std::int64_t bytes) const {
  check_bound(bytes, "bytes");
  BufferConfig changed = *this;
  changed.bytes_ = bytes;
  return changed;
}
BufferConfig BufferConfig::emit_early_when_full() const {
  BufferConfig changed = *this;
  changed.when_full_ = WhenFull::kEmitEarly;
  changed.early_asked_ = true;
  return changed;
}
BufferConfig BufferConfig::shut_down_when_full() const {
  BufferConfig changed = *this;
  changed.when_full_ = WhenFull::kShutDown;
  changed.early_asked_ = false;
  return changed;
}
BufferConfig BufferConfig::with_logging_disabled() const {
  BufferConfig changed = *this;
  changed.logging_ = false;
  return changed;
}
BufferConfig BufferConfig::with_logging_enabled(std::map<std::string, std::string> config) const {
  BufferConfig changed = *this;
  changed.logging_ = true;
  changed.log_config_ = std::move(config);
  return changed;
}

Suppressed Suppressed::until_window_closes(BufferConfig buffer) {
  if (buffer.emits_early()) {
    throw std::invalid_argument("until_window_closes() passes a window on once: its buffer cannot emit early when full; use "
                                "shut_down_when_full() or no bound");
  }
  Suppressed suppressed;
  suppressed.until_close_ = true;
  suppressed.buffer_ = buffer.shut_down_when_full();
  return suppressed;
}
Suppressed Suppressed::until_time_limit(std::chrono::milliseconds limit, BufferConfig buffer) {
  if (limit.count() < 0) throw std::invalid_argument("until_time_limit(): a limit must not be negative");
  Suppressed suppressed;
  suppressed.limit_ = limit;
  suppressed.buffer_ = std::move(buffer);
  return suppressed;
}
Suppressed Suppressed::with_name(std::string name) const {
  Suppressed named = *this;
  named.name_ = std::move(name);
  return named;
}

namespace detail {
namespace {

class SuppressNode final : public WindowedNode {
 public:
  SuppressNode(Suppressed suppressed, std::chrono::milliseconds wait, std::string store,
               std::shared_ptr<const SuppressTypes> types)
      : suppressed_(std::move(suppressed)), wait_(wait), store_(std::move(store)), types_(std::move(types)) {}
  std::unique_ptr<OperatorNode> clone() const override {
    return std::unique_ptr<OperatorNode>(new SuppressNode(suppressed_, wait_, store_, types_));
  }
  void init() override {
    StateStore& store = connected_store(store_);
    topic_ = store.topic();
    buffer_ = store.change_buffer();
    if (buffer_ == nullptr) throw StreamsException("store \"" + store_ + "\" holds back no changes");
  }

  void process(const ErasedRecord& record) override {
    observed_ = std::max(observed_, record.context->timestamp);
    hold_back(record);
    const Timestamp due = observed_ - wait_.count();
    const auto give = [this](const ChangeBuffer::Held& held) { go_on(held); };
    buffer_->evict_while([&] { return buffer_->min_time() <= due; }, give);
    if (!full()) return;
    if (suppressed_.buffer().when_full() == BufferConfig::WhenFull::kEmitEarly) {
      buffer_->evict_while([this] { return full(); }, give);
      return;
    }
    // As any error of a record: a processing exception handler may go on, and the buffer keeps what it has.
    throw StreamsException("processor \"" + name() + "\" holds back " + std::to_string(buffer_->records()) + " records (" +
                           std::to_string(buffer_->bytes()) +
                           " bytes), more than its buffer may: give it more, or let it emit early");
  }

 private:
  void hold_back(const ErasedRecord& record) {
    const Change& change = *static_cast<const Change*>(record.value);
    key_.clear();
    types_->encode_key(topic_, record.key, key_);
    const Timestamp time = suppressed_.until_close() ? types_->window_end(record.key) : record.context->timestamp;
    buffer_->put(time, key_, encode(change.new_value, new_value_), encode(change.old_value, old_value_), *record.context);
  }
  OptionalBytesView encode(const void* value, Bytes& out) const {
    if (value == nullptr) return std::nullopt;
    out.clear();
    types_->encode_value(topic_, value, out);
    return out;
  }
  /// Of a window that is closed nobody needs to hear that it is gone.
  void go_on(const ChangeBuffer::Held& held) {
    if (held.new_value || !suppressed_.until_close()) types_->forward(*this, topic_, held);
  }
  [[nodiscard]] bool full() const {
    return buffer_->records() > suppressed_.buffer().max_records() || buffer_->bytes() > suppressed_.buffer().max_bytes();
  }

  Suppressed suppressed_;
  std::chrono::milliseconds wait_;
  std::string store_;
  std::shared_ptr<const SuppressTypes> types_;
  std::string topic_;
  ChangeBuffer* buffer_ = nullptr;
  Timestamp observed_ = kNoTimestamp;
  Bytes key_;
  Bytes new_value_;
  Bytes old_value_;
};

std::optional<std::chrono::milliseconds> find_grace(const TableFacts& facts) {
  if (facts.window_grace) return facts.window_grace;
  std::optional<std::chrono::milliseconds> grace;
  for (const auto& table : facts.upstream) {
    if (const auto theirs = find_grace(*table); theirs && (!grace || *theirs > *grace)) grace = theirs;
  }
  return grace;
}

}  // namespace

OperatorNode* new_suppress_node(const Suppressed& suppressed, std::chrono::milliseconds wait, std::string store,
                                std::shared_ptr<const SuppressTypes> types) {
  return new SuppressNode(suppressed, wait, std::move(store), std::move(types));
}

StoreSpec suppress_store(const Suppressed& suppressed, std::string name) {
  StoreSpec spec;
  spec.name = std::move(name);
  spec.kind = StoreKind::kChangeBuffer;
  spec.engine = StoreEngineKind::kInMemory;
  spec.logging = suppressed.buffer().logging();
  spec.log_config = suppressed.buffer().log_config();
  return spec;
}

std::chrono::milliseconds window_grace(const TableFacts& facts) {
  if (const auto grace = find_grace(facts)) return *grace;
  throw TopologyException("suppress(until_window_closes): the table is not made by a windowed aggregation, so nothing says how "
                          "long its windows wait for late records");
}

}  // namespace detail

}  // namespace tidemill
