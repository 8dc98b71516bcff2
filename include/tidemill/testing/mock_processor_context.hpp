// MockProcessorContext: a processor under test by itself, without topology and task. What it forwards and schedules is kept for the
// test to look at; time stands where the test puts it.
//
//   MockProcessorContext<std::string, std::int64_t> context;
//   context.add_state_store(Stores::in_memory_key_value_store("sums"));
//   Sum sum;
//   context.init(sum);
//   sum.process(Record<std::string, std::int64_t>("a", 5, Timestamp(10)));
//   EXPECT_EQ(context.forwarded().at(0).value, 5);
//
// For a processor among others, with caches, commits and restarts, there is TopologyTestDriver. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/base/metric.hpp>
#include <tidemill/config/streams_config.hpp>
#include <tidemill/processor/processor.hpp>
#include <tidemill/state/store_spec.hpp>

namespace tidemill {

/// A schedule that a processor has asked for.
class CapturedPunctuator {
 public:
  /// kNoTimestamp: none was given.
  [[nodiscard]] Timestamp start_time() const { return start_; }
  [[nodiscard]] std::chrono::milliseconds interval() const { return interval_; }
  [[nodiscard]] PunctuationType type() const { return type_; }
  /// Runs it as if it were that time; the mock's clocks stay.
  void punctuate(Timestamp time) { punctuator_(time); }
  void cancel() { *cancelled_ = true; }
  [[nodiscard]] bool cancelled() const { return *cancelled_; }

 private:
  friend class MockTask;
  Timestamp start_ = kNoTimestamp;
  std::chrono::milliseconds interval_{0};
  PunctuationType type_ = PunctuationType::kStreamTime;
  Punctuator punctuator_;
  std::shared_ptr<bool> cancelled_ = std::make_shared<bool>(false);
};

/// A record that was forwarded, copied.
template <class K, class V>
struct CapturedForward {
  std::optional<K> key;
  std::optional<V> value;
  Timestamp timestamp = kNoTimestamp;
  Headers headers = {};
  /// None: to all children.
  std::optional<std::string> child_name = {};
  /// A view of it, as a processor would get it.
  [[nodiscard]] Record<K, V> record() const {
    return Record<K, V>(key ? &*key : nullptr, value ? &*value : nullptr, timestamp, &headers);
  }
};

/// Options of a MockProcessorContext; without an application id it is "mock".
struct MockContextOptions {
  StreamsConfig config = {};
  TaskId task_id = {};
  std::string state_dir = {};
};

/// The half that knows no types; used through MockProcessorContext.
class MockTask {
 public:
  explicit MockTask(MockContextOptions options);
  ~MockTask();
  MockTask(const MockTask&) = delete;
  MockTask& operator=(const MockTask&) = delete;

  /// Where the records that follow are said to come from; their timestamps and headers are their own.
  void set_record_metadata(const std::string& topic, PartitionId partition, Offset offset);
  void set_current_system_time(Timestamp time);
  void set_current_stream_time(Timestamp time);
  /// In memory, without cache and changelog. TopologyException: it has one of that name.
  void add_state_store(StoreSpec store);
  /// In the order of schedule().
  [[nodiscard]] std::vector<CapturedPunctuator>& scheduled_punctuators();
  [[nodiscard]] bool committed() const;
  void reset_commit();
  /// What the processor counts itself.
  [[nodiscard]] std::vector<Metric> sensor_metrics() const;

 protected:
  using Capture = std::function<void(const ErasedRecord& record, const std::string* child)>;
  /// The node that the context speaks for.
  [[nodiscard]] detail::ProcessorNodeBase& node();
  void set_capture(Capture capture);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// K and V: what the processor forwards.
template <class K, class V>
class MockProcessorContext : public MockTask, public ProcessorContext<K, V> {
 public:
  explicit MockProcessorContext(MockContextOptions options = {})
      : MockTask(std::move(options)), ProcessorContext<K, V>(MockTask::node()) {
    set_capture([this](const ErasedRecord& record, const std::string* child) {
      CapturedForward<K, V> one{.key = {}, .value = {}, .timestamp = record.context->timestamp};
      if (record.key != nullptr) one.key = *static_cast<const K*>(record.key);
      if (record.value != nullptr) one.value = *static_cast<const V*>(record.value);
      if (record.context->headers != nullptr) one.headers = *record.context->headers;
      if (child != nullptr) one.child_name = *child;
      forwarded_.push_back(std::move(one));
    });
  }

  /// Gives the processor this context, which has to outlive it, and calls its init().
  template <class KIn, class VIn>
  void init(Processor<KIn, VIn, K, V>& processor) {
    processor.context_ = this;
    processor.init(*this);
  }
  [[nodiscard]] const std::vector<CapturedForward<K, V>>& forwarded() const { return forwarded_; }
  /// What that child would have got: what went to it alone, and what went to all.
  [[nodiscard]] std::vector<CapturedForward<K, V>> forwarded(std::string_view child) const {
    std::vector<CapturedForward<K, V>> found;
    for (const auto& one : forwarded_) {
      if (!one.child_name || *one.child_name == child) found.push_back(one);
    }
    return found;
  }
  void reset_forwards() { forwarded_.clear(); }

 private:
  std::vector<CapturedForward<K, V>> forwarded_;
};

}  // namespace tidemill
