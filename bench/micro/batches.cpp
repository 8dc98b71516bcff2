#include "harness/keep.hpp"
#include "harness/process.hpp"
#include "log/record_batch_codec.hpp"
#include "micro/cases.hpp"
#include "records.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;

constexpr std::size_t kBatchBytes = 128 * 1024;
constexpr std::size_t kRoom = 512;

bool full(const BatchBuilder& builder) { return builder.size_bytes() + kRoom > kBatchBytes; }

}  // namespace

Sample run_batch_encode(std::uint64_t records) {
  RecordGenerator source({.records = 1000, .keys = 100'000, .value_bytes = 100});
  source.next();
  const std::shared_ptr<BytesPool> pool = BytesPool::create();
  BatchBuilder builder(pool);
  std::size_t bytes = 0;
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < records; ++i) {
    builder.add(Timestamp(source.timestamp() + static_cast<std::int64_t>(i / 100)), source.key(), source.value(), {});
    if (full(builder)) bytes += pool->share(builder.seal({}))->size();
  }
  bytes += builder.seal({}).size();
  keep(bytes);
  return {records, process_cpu_ns() - before, 0};
}

Sample run_batch_decode(std::uint64_t records) {
  RecordGenerator source({.records = 10'000, .keys = 100'000, .value_bytes = 100});
  BatchBuilder builder;
  while (!full(builder) && !source.done()) {
    source.next();
    builder.add(Timestamp(source.timestamp()), source.key(), source.value(), {});
  }
  const auto sealed = std::make_shared<const Bytes>(builder.seal({}));
  const auto partition = std::make_shared<const TopicPartition>(TopicPartition{"in", PartitionId(0)});
  std::size_t bytes = 0;
  std::uint64_t seen = 0;
  const double before = process_cpu_ns();
  while (seen < records) {
    const RecordBatchPtr batch = decode_batch(sealed, 0, partition).value();
    for (const LogRecord& record : batch->records) bytes += record.key->size() + record.value->size();
    seen += batch->records.size();
  }
  keep(bytes);
  return {seen, process_cpu_ns() - before, 0};
}

}  // namespace tidemill_bench
