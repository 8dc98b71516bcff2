#include "tidemill/testing/mock_processor_context.hpp"

#include <tidemill/processor/streams_metrics.hpp>
#include <tidemill/state/state_engine.hpp>
#include <tidemill/topology/topology.hpp>

#include "runtime/custom_store.hpp"
#include "state/open_store.hpp"

namespace tidemill {
namespace {

/// Where the processor stands: what it forwards is captured, to whichever child.
class MockNode final : public detail::ProcessorNodeBase {
 public:
  [[nodiscard]] std::unique_ptr<OperatorNode> clone() const override { return std::unique_ptr<OperatorNode>(new MockNode); }
  void process(const ErasedRecord& record) override { capture(record, nullptr); }
  void forward_to(std::string_view child, const ErasedRecord& record) const override {
    const std::string name(child);
    capture(record, &name);
  }
  std::function<void(const ErasedRecord&, const std::string*)> capture;
};

}  // namespace

struct MockTask::Impl final : TaskContext, RecordCollector {
  explicit Impl(MockContextOptions given)
      : options(std::move(given)), sensors(std::make_shared<SensorRegistry>(clock)), own_metrics(sensors, "mock") {
    if (options.config.application_id.empty()) options.config.application_id = "mock";
    // The node is its own child: what it forwards comes back to process().
    node.wire({.task = this, .name = &name, .children = {&node}, .stores = {}});
  }

  // TaskContext.
  [[nodiscard]] const std::string& application_id() const override { return options.config.application_id; }
  [[nodiscard]] const TaskId& task_id() const override { return options.task_id; }
  [[nodiscard]] StateStore* store(std::string_view which) override {
    for (const auto& one : stores) {
      if (one->spec().name == which) return one.get();
    }
    return nullptr;
  }
  // A node may use global stores without being connected to them.
  [[nodiscard]] StateStore* global_store(std::string_view which) override { return store(which); }
  [[nodiscard]] RecordCollector& collector() override { return *this; }
  [[nodiscard]] Timestamp stream_time() const override { return stream_now; }
  [[nodiscard]] Timestamp system_time() const override { return clock.now().wall; }
  void request_commit() override { committed = true; }
  Cancellable schedule(OperatorNode&, std::chrono::milliseconds interval, PunctuationType type, Timestamp start,
                       Punctuator punctuator) override {
    CapturedPunctuator one;
    one.interval_ = interval;
    one.type_ = type;
    one.start_ = start;
    one.punctuator_ = std::move(punctuator);
    punctuators.push_back(std::move(one));
    return Cancellable(punctuators.back().cancelled_);
  }
  void drop(std::string_view, std::string_view, const RecordContext&) override {}
  void handle_processing_exception(const OperatorNode&, const ErasedRecord*, std::exception_ptr error) override {
    std::rethrow_exception(error);
  }
  [[nodiscard]] const std::map<std::string, std::string>& app_configs() const override { return options.config.application; }
  [[nodiscard]] bool exactly_as_kafka_streams() const override { return options.config.exactly_as_kafka_streams; }
  [[nodiscard]] std::string state_directory() const override { return options.state_dir; }
  [[nodiscard]] const StreamsMetrics& streams_metrics() const override { return own_metrics; }
  [[nodiscard]] std::optional<std::int64_t> processor_metadata(std::string_view) const override { return std::nullopt; }
  void set_processor_metadata(std::string_view, std::int64_t) override {}

  // RecordCollector: a processor has no sinks.
  void send(std::string_view, std::string_view, OptionalBytesView, OptionalBytesView, const RecordContext&,
            const PartitionChoice&) override {}
  std::int32_t partition_count(std::string_view) override { return 1; }

  MockContextOptions options;
  const std::string name = "mock";
  ManualClock clock{Timestamp(0)};
  std::shared_ptr<SensorRegistry> sensors;
  StreamsMetrics own_metrics;
  Timestamp stream_now = kNoTimestamp;
  MockNode node;
  std::shared_ptr<StateEngine> engine = in_memory_stores();
  std::vector<std::unique_ptr<LayeredStore>> stores;
  std::vector<CapturedPunctuator> punctuators;
  TopicPartition source;
  RecordContext context;
  bool committed = false;
};

MockTask::MockTask(MockContextOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
MockTask::~MockTask() = default;

void MockTask::set_record_metadata(const std::string& topic, PartitionId partition, Offset offset) {
  impl_->source = {topic, partition};
  impl_->context = RecordContext{.source = &impl_->source, .offset = offset};
  impl_->current = &impl_->context;
}
void MockTask::set_current_system_time(Timestamp time) { impl_->clock.set_wall(time); }
void MockTask::set_current_stream_time(Timestamp time) { impl_->stream_now = time; }
void MockTask::add_state_store(StoreSpec store) {
  if (impl_->store(store.name) != nullptr) {
    throw TopologyException("a state store \"" + store.name + "\" has been added already: give one of them another name");
  }
  const std::string topic = Topology().store_topic(impl_->application_id(), store);
  std::unique_ptr<LayeredStore> opened;
  if (store.kind == StoreKind::kCustom) {
    opened = runtime::HostedStore::open({.spec = std::move(store),
                                         .task = impl_.get(),
                                         .changelog = nullptr,
                                         .directory = impl_->options.state_dir,
                                         .counters = std::make_shared<StoreCounters>()})
                 .value();
  } else {
    store.engine = StoreEngineKind::kInMemory;
    store.caching = false;
    store.logging = false;
    auto engine = std::move(impl_->engine->open({}, {&store, 1}).value().front());
    opened = open_store({.spec = std::move(store), .engine = std::move(engine)}, impl_->current);
  }
  opened->set_topic(topic);
  impl_->stores.push_back(std::move(opened));
}
std::vector<CapturedPunctuator>& MockTask::scheduled_punctuators() { return impl_->punctuators; }
bool MockTask::committed() const { return impl_->committed; }
void MockTask::reset_commit() { impl_->committed = false; }
std::vector<Metric> MockTask::sensor_metrics() const {
  std::vector<Metric> metrics;
  impl_->sensors->report(metrics);
  return metrics;
}
detail::ProcessorNodeBase& MockTask::node() { return impl_->node; }
void MockTask::set_capture(Capture capture) { impl_->node.capture = std::move(capture); }

}  // namespace tidemill
