// Operators as a task has them, without the task: cloned from a topology, wired, and called.
#include <tidemill/base/clock.hpp>
#include <tidemill/dsl/streams_builder.hpp>

#include <stdexcept>

#include "harness/keep.hpp"
#include "harness/process.hpp"
#include "micro/cases.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;

/// The least that nodes need of their task.
class BareTask final : public TaskContext {
 public:
  const std::string& application_id() const override { return application_; }
  const TaskId& task_id() const override { return id_; }
  StateStore* store(std::string_view) override { return nullptr; }
  StateStore* global_store(std::string_view) override { return nullptr; }
  RecordCollector& collector() override { throw std::logic_error("a chain without sinks"); }
  Timestamp stream_time() const override { return kNoTimestamp; }
  Timestamp system_time() const override { return kNoTimestamp; }
  void request_commit() override {}
  Cancellable schedule(OperatorNode&, std::chrono::milliseconds, PunctuationType, Timestamp, Punctuator) override { return {}; }
  void drop(std::string_view, std::string_view, const RecordContext&) override {}
  void handle_processing_exception(const OperatorNode&, const ErasedRecord*, std::exception_ptr error) override {
    std::rethrow_exception(error);
  }
  const std::map<std::string, std::string>& app_configs() const override { return none_; }
  bool exactly_as_kafka_streams() const override { return false; }
  std::string state_directory() const override { return {}; }
  const StreamsMetrics& streams_metrics() const override { return metrics_; }
  std::optional<std::int64_t> processor_metadata(std::string_view) const override { return std::nullopt; }
  void set_processor_metadata(std::string_view, std::int64_t) override {}

 private:
  std::string application_ = "bench";
  std::map<std::string, std::string> none_;
  StreamsMetrics metrics_{std::make_shared<SensorRegistry>(system_clock()), "bench"};
  TaskId id_;
};

Topology chain(int operators, std::int64_t& sum) {
  StreamsBuilder builder;
  auto stream = builder.stream<std::int64_t, std::int64_t>("in");
  for (int i = 0; i + 1 < operators; ++i) {
    stream = stream.map_values([](const std::int64_t& value) { return value + 1; });
  }
  stream.foreach ([&sum](const std::int64_t& value) { sum += value; });
  return builder.build();
}

}  // namespace

Sample run_operator_chain(std::uint64_t records, int operators) {
  std::int64_t sum = 0;
  const Topology topology = chain(operators, sum);
  BareTask task;
  std::vector<std::unique_ptr<OperatorNode>> nodes;
  for (const NodeSpec& spec : topology.nodes) nodes.push_back(spec.prototype->clone());
  for (const NodeSpec& spec : topology.nodes) {
    OperatorNode::Wiring wiring{.task = &task, .name = &spec.name, .children = {}, .stores = {}};
    for (const std::int32_t child : spec.children) wiring.children.push_back(nodes[static_cast<std::size_t>(child)].get());
    nodes[static_cast<std::size_t>(spec.id)]->wire(std::move(wiring));
  }
  OperatorNode& first = *nodes.at(1);  // behind the source
  const RecordContext context{.source = nullptr, .offset = Offset(0), .timestamp = Timestamp(0), .headers = nullptr};
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < records; ++i) {
    const auto number = static_cast<std::int64_t>(i);
    first.receive({&number, &number, &context});
  }
  keep(sum);
  return {records, process_cpu_ns() - before, 0};
}

}  // namespace tidemill_bench
