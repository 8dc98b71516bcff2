#include "lines.hpp"

#include <tidemill/base/clock.hpp>
#include <tidemill/base/random.hpp>

namespace crash {

std::string line(std::uint64_t seed, std::uint64_t number) {
  tidemill::SeededRandom random(seed * 1'000'003 + number);
  std::string text;
  for (std::uint64_t words = 3 + random.below(4); words > 0; --words) {
    if (!text.empty()) text += ' ';
    text += "w" + std::to_string(random.below(200));
  }
  return text;
}

std::vector<Row> read_topic(tidemill::Log& log, const std::string& topic) {
  using namespace tidemill;
  const MonotonicTime deadline = system_clock().now().monotonic + std::chrono::seconds(30);
  const TopicDescription description = log.admin().describe_topic(topic, deadline).value();
  auto consumer = log.consumer(Isolation::kReadCommitted).value();
  std::vector<Row> rows;
  for (std::int32_t p = 0; p < description.partitions; ++p) {
    const TopicPartition id{topic, PartitionId(p)};
    const PartitionOffsets offsets = log.admin().offsets({&id, 1}, deadline).value().front();
    const std::pair<TopicPartition, Offset> from{id, offsets.start};
    consumer->assign({&from, 1}).value();
    while (consumer->position(id).value() < offsets.last_stable) {
      const PollResult polled = consumer->poll(std::size_t{4} << 20).value();
      for (const PartitionError& error : polled.errors) throw ResultException(error.error);
      for (const auto& batch : polled.batches) {
        for (const LogRecord& record : batch->records) {
          rows.push_back({p, std::string(record.key.value_or("")), std::string(record.value.value_or(""))});
        }
      }
    }
    consumer->unassign({&id, 1});
  }
  return rows;
}

}  // namespace crash
