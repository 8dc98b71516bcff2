// One RecordBatch v2, as it could come from a damaged segment or a broker: every view of every record is
// readable, and records that decode survive being encoded again, in every codec.
#include <cstdlib>
#include <tidemill/base/headers.hpp>

#include "checksums.hpp"
#include "log/record_batch_codec.hpp"

using namespace tidemill;

namespace {

std::size_t touch(const RecordBatch& batch) {
  std::size_t sum = 0;
  const auto read = [&sum](BytesView bytes) {
    for (const char byte : bytes) sum += static_cast<unsigned char>(byte);
  };
  for (const LogRecord& record : batch.records) {
    if (record.key) read(*record.key);
    if (record.value) read(*record.value);
    read(record.headers);
    (void)Headers::decode(record.headers);
  }
  return sum;
}

void encode_again(const RecordBatch& batch, Compression codec) {
  BatchBuilder builder;
  for (const LogRecord& record : batch.records) {
    builder.add(record.timestamp, record.key, record.value, record.headers);
  }
  if (builder.empty()) return;
  const auto memory = std::make_shared<const Bytes>(builder.seal({.compression = codec}));
  const auto again = decode_batch(memory, 0, batch.partition);
  if (!again || (*again)->records.size() != batch.records.size()) std::abort();
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const LogRecord& before = batch.records[i];
    const LogRecord& after = (*again)->records[i];
    if (before.key != after.key || before.value != after.value || before.headers != after.headers ||
        before.timestamp != after.timestamp) {
      std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  fuzz::mend_batches(bytes);
  (void)read_control_type(bytes);
  const auto partition = std::make_shared<const TopicPartition>(TopicPartition{"t", PartitionId(0)});
  const auto memory = std::make_shared<const Bytes>(std::move(bytes));
  const auto header = read_batch_header(*memory);
  const auto batch = decode_batch(memory, 0, partition);
  if (!batch) return 0;
  if (!header || !*header) std::abort();
  touch(**batch);
  if (size < 4096) {
    for (const Compression codec :
         {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
      encode_again(**batch, codec);
    }
  } else {
    encode_again(**batch, Compression::kNone);
  }
  return 0;
}
