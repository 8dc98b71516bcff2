// Batches against the bytes that Kafka's own classes write (java/JavaBatches.java).
#include "log/record_batch_codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include <tidemill/base/headers.hpp>

namespace tidemill {
namespace {

using testing::SizeIs;

constexpr std::int64_t kBase = 1000;
constexpr std::int64_t kTime = 1'700'000'000'000;
constexpr std::int64_t kProducer = 4711;

const std::map<std::string, Bytes>& java() {
  static const std::map<std::string, Bytes> kBatches = [] {
    std::map<std::string, Bytes> batches;
    std::ifstream file(TIDEMILL_JAVA_BATCHES);
    for (std::string name, hex; file >> name >> hex;) {
      Bytes bytes;
      for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
      batches[name] = std::move(bytes);
    }
    return batches;
  }();
  return kBatches;
}

struct Decoded {
  BatchHeader header;
  RecordBatchPtr batch;
};
Decoded decode(const Bytes& bytes) {
  return {read_batch_header(bytes).value().value(), decode_batch(std::make_shared<const Bytes>(bytes), 0, nullptr).value()};
}

/// What JavaBatches.java put into every batch.
Bytes ours(bool transactional, Compression codec = Compression::kNone) {
  const Bytes headers = Headers{{"trace", Bytes("abc")}, {"null", std::nullopt}}.encode();
  BatchBuilder builder;
  for (int i = 0; i < 6; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const BytesView value = "a value, a value, a value";
    builder.add(Timestamp(kTime + i * 7), BytesView(key), i % 3 == 2 ? OptionalBytesView() : value,
                i == 1 ? BytesView(headers) : BytesView());
  }
  Bytes batch = builder.seal({.producer_id = kProducer,
                              .producer_epoch = 3,
                              .base_sequence = 20,
                              .transactional = transactional,
                              .compression = codec});
  set_base_offset(batch, Offset(kBase), LeaderEpoch(5));
  return batch;
}

void expect_same_records(const RecordBatch& batch, const RecordBatch& expected) {
  ASSERT_EQ(batch.records.size(), expected.records.size());
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    EXPECT_EQ(batch.records[i].offset, expected.records[i].offset);
    EXPECT_EQ(batch.records[i].timestamp, expected.records[i].timestamp);
    EXPECT_EQ(batch.records[i].key, expected.records[i].key);
    EXPECT_EQ(batch.records[i].value, expected.records[i].value);
    EXPECT_EQ(batch.records[i].headers, expected.records[i].headers);
  }
}

Bytes rewritten(const Bytes& bytes, std::initializer_list<std::int64_t> offsets, std::optional<Timestamp> horizon = {}) {
  const Decoded decoded = decode(bytes);
  std::vector<LogRecord> retained;
  for (const LogRecord& record : decoded.batch->records) {
    if (std::find(offsets.begin(), offsets.end(), record.offset.value - kBase) != offsets.end()) retained.push_back(record);
  }
  return rewrite_batch(decoded.header, retained, horizon);
}

const Timestamp kHorizon(kTime + 10'000 + 60'000);

TEST(RecordBatch, IsWrittenAsJavaWritesIt) { EXPECT_EQ(ours(true), java().at("none")); }

TEST(RecordBatch, OfJavaIsReadInEveryCodec) {
  const Decoded expected = decode(ours(true));
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    SCOPED_TRACE(codec);
    const Decoded decoded = decode(java().at(codec));
    EXPECT_EQ(decoded.header.producer_id, kProducer);
    EXPECT_EQ(decoded.header.base_sequence, 20);
    EXPECT_TRUE(decoded.header.transactional());
    expect_same_records(*decoded.batch, *expected.batch);
  }
}

TEST(RecordBatch, IsReadAgainInEveryCodec) {
  const Decoded expected = decode(ours(true));
  for (const auto codec : {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    const Decoded decoded = decode(ours(true, codec));
    EXPECT_EQ(decoded.header.codec(), static_cast<std::uint8_t>(codec));
    expect_same_records(*decoded.batch, *expected.batch);
  }
}

TEST(RecordBatch, TakesTheTimeOfTheAppendAsInJava) {
  Bytes stamped = ours(false);
  set_append_time(stamped, Timestamp(kTime + 500));
  const Decoded decoded = decode(stamped);
  const Decoded expected = decode(java().at("append-time"));
  EXPECT_EQ(decoded.header.attributes, expected.header.attributes);
  EXPECT_EQ(decoded.header.max_timestamp, expected.header.max_timestamp);
  expect_same_records(*decoded.batch, *expected.batch);
}

TEST(RecordBatch, MarkersAreWrittenAsJavaWritesThem) {
  Bytes marker = make_control_batch(ControlType::kAbort, kProducer, 3, 9, Timestamp(kTime));
  set_base_offset(marker, Offset(kBase), LeaderEpoch(5));
  EXPECT_EQ(marker, java().at("abort"));
}

TEST(RecordBatch, IsRewrittenByCompactionAsByJavas) {
  const Bytes plain = ours(true);
  EXPECT_EQ(rewritten(plain, {1, 4}), java().at("kept-1-4"));
  EXPECT_EQ(rewritten(plain, {0, 2, 3}, kHorizon), java().at("kept-0-2-3")) << "with a tombstone, so with a delete horizon";
  EXPECT_EQ(rewritten(java().at("kept-0-2-3"), {0, 2}, kHorizon), java().at("kept-again"));
  EXPECT_EQ(rewritten(java().at("append-time"), {1}), java().at("kept-append-time"));
  EXPECT_EQ(rewritten(ours(false), {}), java().at("kept-nothing"));
  EXPECT_EQ(rewritten(java().at("abort"), {0}, kHorizon), java().at("abort-with-horizon"));
}

TEST(RecordBatch, KeepsCodecTimesAndOffsetsWhenItIsRewritten) {
  for (const auto codec : {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    const Decoded decoded = decode(rewritten(ours(true, codec), {0, 2, 3}, kHorizon));
    EXPECT_EQ(decoded.header.codec(), static_cast<std::uint8_t>(codec));
    EXPECT_EQ(decoded.header.delete_horizon(), kHorizon);
    EXPECT_EQ(decoded.header.last_offset(), Offset(kBase + 5));
    expect_same_records(*decoded.batch, *decode(java().at("kept-0-2-3")).batch);
  }
}

TEST(RecordBatch, WithoutRecordsIsPartOfNoTransaction) {
  const Decoded decoded = decode(rewritten(ours(true, Compression::kZstd), {}));
  EXPECT_THAT(decoded.batch->records, SizeIs(0));
  EXPECT_FALSE(decoded.header.transactional());
  EXPECT_EQ(decoded.header.codec(), 0);
  EXPECT_EQ(decoded.header.last_offset(), Offset(kBase + 5));
}

TEST(RecordBatch, HasNoDeleteHorizonUnlessItSaysSo) { EXPECT_EQ(decode(ours(true)).header.delete_horizon(), std::nullopt); }

}  // namespace
}  // namespace tidemill
