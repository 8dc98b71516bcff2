// LogRecordCollector: takes what one task's sinks send to the thread's producer. It chooses partitions, asks the
// production exception handler when the log refuses a record, and sends dead letters.
//
// Topic names are looked up once and then found by comparing with the few names the task has used. A record's cookie
// says which task and which topic it came from, for failures that are reported later.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <tidemill/config/streams_config.hpp>

#include "runtime/producer_gate.hpp"

namespace tidemill::runtime {

class StreamTask;

/// Makes a topic that a record is for and that is not there; null in an environment where the operator makes topics.
using TopicMaker = UniqueFunction<Result<void>(const std::string& topic)>;

class LogRecordCollector final : public RecordCollector {
 public:
  LogRecordCollector(ProducerGate& gate, const Topology& topology, const StreamsConfig& config, const Clock& clock,
                     std::uint32_t task_number, TopicMaker* make_topic)
      : gate_(gate), topology_(topology), config_(config), clock_(clock), task_number_(task_number), make_topic_(make_topic) {}
  /// Before the first record.
  void attach(StreamTask& task) { task_ = &task; }

  void send(std::string_view node, std::string_view topic, OptionalBytesView key, OptionalBytesView value,
            const RecordContext& context, const PartitionChoice& choice) override;
  std::int32_t partition_count(std::string_view topic) override { return target(topic).partitions; }

  [[nodiscard]] bool has_written_to(std::string_view log_topic) const;
  /// A record of this collector was not delivered. Throws FailedProcessingException or TransactionBroken unless the handler says
  /// to go on without it.
  void delivery_failed(const DeliveryFailure& failure);

 private:
  struct Target {
    std::string name;      // as the topology says
    std::string log_name;  // as the log says
    TopicHandle handle = -1;
    std::int32_t partitions = 0;
    std::uint64_t incarnation = 0;
    std::uint32_t sticky_partition = 0;
    std::uint32_t sticky_count = 0;
  };
  static constexpr std::uint32_t kStickyRecords = 128;

  Target& target(std::string_view topic);
  void resolve(Target& target);
  void send_to(std::string_view node, Target& target, ProducerRecord& record);
  void failed(std::string_view node, const ProductionError& error);

  ProducerGate& gate_;
  const Topology& topology_;
  const StreamsConfig& config_;
  const Clock& clock_;
  std::uint32_t task_number_;
  TopicMaker* make_topic_;
  StreamTask* task_ = nullptr;
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace tidemill::runtime
