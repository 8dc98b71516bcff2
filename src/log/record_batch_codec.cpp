#include "log/record_batch_codec.hpp"

#include <algorithm>
#include <limits>

#include <tidemill/base/assert.hpp>

#include "base/crc32c.hpp"
#include "base/endian.hpp"
#include "base/varint.hpp"
#include "log/compression.hpp"

namespace tidemill {
namespace {

// Where the fields are, counted from the batch's first byte.
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;  // the checksum covers from here to the end
constexpr std::size_t kLastOffsetDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kRecordCountAt = 57;
constexpr std::size_t kFirstRoomBytes = 256;
constexpr char kMagic = 2;
constexpr std::int64_t kRecordBytesMin = 7;

constexpr std::uint16_t kAppendTimeBit = 0x08;
constexpr std::uint16_t kTransactionalBit = 0x10;
constexpr std::uint16_t kControlBit = 0x20;
constexpr std::uint16_t kDeleteHorizonBit = 0x40;

Error corrupt(Offset base, std::string_view what) {
  return Error{ErrorKind::kCorruption, "record batch at offset " + std::to_string(base.value) + ": " + std::string(what)};
}

struct RecordReader {
  const char* in;
  const char* end;

  bool varint(std::int64_t& value) {
    in = read_varint(in, end, value);
    return in != nullptr;
  }
  bool bytes(OptionalBytesView& view) {
    std::int64_t size = 0;
    if (!varint(size)) return false;
    if (size == -1) {
      view = std::nullopt;
      return true;
    }
    if (size < 0 || size > end - in) return false;
    view = BytesView(in, static_cast<std::size_t>(size));
    in += size;
    return true;
  }
  // One whole record: length, attributes, deltas, key, value, headers up to the record's end.
  bool record(const BatchHeader& header, LogRecord& record) {
    std::int64_t length = 0;
    if (!varint(length) || length < 1 || length > end - in) return false;
    RecordReader body{in + 1, in + length};
    in += length;
    std::int64_t timestamp_delta = 0;
    std::int64_t offset_delta = 0;
    if (!body.varint(timestamp_delta) || !body.varint(offset_delta)) return false;
    if (offset_delta < 0 || offset_delta > header.last_offset_delta) return false;
    if (!body.bytes(record.key) || !body.bytes(record.value)) return false;
    const char* headers_begin = body.in;
    std::int64_t header_count = 0;
    // A header takes two bytes at least; the headers themselves are looked at by whoever decodes them.
    if (!body.varint(header_count) || header_count < 0 || header_count > (body.end - body.in) / 2) return false;
    if (header_count == 0 && body.in != body.end) return false;
    record.headers =
        header_count == 0 ? BytesView() : BytesView(headers_begin, static_cast<std::size_t>(body.end - headers_begin));
    record.offset = header.base_offset + offset_delta;
    record.timestamp = header.log_append_time()
                           ? header.max_timestamp
                           : Timestamp(static_cast<std::int64_t>(static_cast<std::uint64_t>(header.base_timestamp.value) +
                                                                 static_cast<std::uint64_t>(timestamp_delta)));
    return true;
  }
};

}  // namespace

Result<std::optional<BatchHeader>> read_batch_header(BytesView bytes) {
  if (bytes.size() < kBatchHeaderBytes) return std::optional<BatchHeader>();
  const char* at = bytes.data();
  BatchHeader header;
  header.base_offset = Offset(load_big_endian<std::int64_t>(at));
  header.length = load_big_endian<std::int32_t>(at + kLengthAt);
  header.leader_epoch = LeaderEpoch(load_big_endian<std::int32_t>(at + kLeaderEpochAt));
  header.crc = load_big_endian<std::uint32_t>(at + kCrcAt);
  header.attributes = load_big_endian<std::uint16_t>(at + kAttributesAt);
  header.last_offset_delta = load_big_endian<std::int32_t>(at + kLastOffsetDeltaAt);
  header.base_timestamp = Timestamp(load_big_endian<std::int64_t>(at + kBaseTimestampAt));
  header.max_timestamp = Timestamp(load_big_endian<std::int64_t>(at + kMaxTimestampAt));
  header.producer_id = load_big_endian<std::int64_t>(at + kProducerIdAt);
  header.producer_epoch = load_big_endian<std::int16_t>(at + kProducerEpochAt);
  header.base_sequence = load_big_endian<std::int32_t>(at + kBaseSequenceAt);
  header.record_count = load_big_endian<std::int32_t>(at + kRecordCountAt);
  if (at[kMagicAt] != kMagic) return corrupt(header.base_offset, "magic is not 2");
  // The offset behind the last one must be a number too.
  constexpr std::int64_t kOffsetMax = std::numeric_limits<std::int64_t>::max();
  if (header.base_offset.value < 0 || header.last_offset_delta < 0 || header.record_count < 0 ||
      header.base_offset.value >= kOffsetMax - header.last_offset_delta ||
      header.length < static_cast<std::int32_t>(kBatchHeaderBytes - 12)) {
    return corrupt(header.base_offset, "impossible header");
  }
  return std::optional<BatchHeader>(header);
}

Result<void> check_batch_crc(const BatchHeader& header, BytesView batch) {
  if (batch.size() != header.total_bytes()) return corrupt(header.base_offset, "cut short");
  if (crc32c(batch.substr(kAttributesAt)) != header.crc) return corrupt(header.base_offset, "checksum differs");
  return {};
}

Result<RecordBatchPtr> decode_batch(std::shared_ptr<const Bytes> memory, std::size_t begin,
                                    std::shared_ptr<const TopicPartition> partition) {
  const BytesView rest = BytesView(*memory).substr(std::min(begin, memory->size()));
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(rest));
  if (!header || rest.size() < header->total_bytes()) {
    return Error{ErrorKind::kCorruption, "record batch: cut short"};
  }
  const BytesView bytes = rest.substr(0, header->total_bytes());
  TIDEMILL_TRY(check_batch_crc(*header, bytes));

  std::shared_ptr<const Bytes> keeper = std::move(memory);
  BytesView records = bytes.substr(kBatchHeaderBytes);
  if (header->codec() != 0) {
    TIDEMILL_ASSIGN(Bytes plain, decompress(static_cast<Compression>(header->codec()), records));
    keeper = std::make_shared<const Bytes>(std::move(plain));
    records = *keeper;
  }
  if (header->record_count > static_cast<std::int64_t>(records.size()) / kRecordBytesMin) {
    return corrupt(header->base_offset, "more records than its bytes can hold");
  }
  auto batch = std::make_shared<RecordBatch>();
  batch->partition = std::move(partition);
  batch->leader_epoch = header->leader_epoch;
  batch->size_bytes = records.size() + static_cast<std::size_t>(header->record_count) * sizeof(LogRecord);
  batch->records.reserve(static_cast<std::size_t>(header->record_count));
  RecordReader reader{records.data(), records.data() + records.size()};
  Offset previous = header->base_offset - 1;
  for (std::int32_t i = 0; i < header->record_count; ++i) {
    LogRecord& record = batch->records.emplace_back();
    if (!reader.record(*header, record)) return corrupt(header->base_offset, "malformed record");
    if (record.offset <= previous) return corrupt(header->base_offset, "offsets do not grow");
    previous = record.offset;
  }
  if (reader.in != reader.end) return corrupt(header->base_offset, "bytes behind the last record");
  batch->memory = std::move(keeper);
  return RecordBatchPtr(std::move(batch));
}

Result<std::optional<ControlType>> read_control_type(BytesView batch) {
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(batch));
  if (!header || batch.size() < header->total_bytes()) return Error{ErrorKind::kCorruption, "control batch: cut short"};
  RecordReader reader{batch.data() + kBatchHeaderBytes, batch.data() + header->total_bytes()};
  LogRecord record;
  if (!reader.record(*header, record) || !record.key || record.key->size() < 4) {
    return corrupt(header->base_offset, "malformed control record");
  }
  const auto type = load_big_endian<std::int16_t>(record.key->data() + 2);
  if (type != 0 && type != 1) return std::optional<ControlType>();
  return std::optional<ControlType>(static_cast<ControlType>(type));
}

void set_base_offset(Bytes& batch, Offset base_offset, LeaderEpoch leader_epoch) {
  TIDEMILL_ASSERT(batch.size() >= kBatchHeaderBytes);
  store_big_endian(batch.data(), base_offset.value);
  store_big_endian(batch.data() + kLeaderEpochAt, leader_epoch.value);
}

namespace {

void finish_header(Bytes& batch, std::uint16_t attributes, std::int32_t last_offset_delta, Timestamp base_timestamp,
                   Timestamp max_timestamp, std::int64_t producer_id, std::int16_t producer_epoch, std::int32_t base_sequence,
                   std::int32_t record_count) {
  char* at = batch.data();
  store_big_endian(at, std::int64_t{0});
  store_big_endian(at + kLengthAt, static_cast<std::int32_t>(batch.size() - 12));
  store_big_endian(at + kLeaderEpochAt, std::int32_t{-1});
  at[kMagicAt] = kMagic;
  store_big_endian(at + kAttributesAt, attributes);
  store_big_endian(at + kLastOffsetDeltaAt, last_offset_delta);
  store_big_endian(at + kBaseTimestampAt, base_timestamp.value);
  store_big_endian(at + kMaxTimestampAt, max_timestamp.value);
  store_big_endian(at + kProducerIdAt, producer_id);
  store_big_endian(at + kProducerEpochAt, producer_epoch);
  store_big_endian(at + kBaseSequenceAt, base_sequence);
  store_big_endian(at + kRecordCountAt, record_count);
  store_big_endian(at + kCrcAt, crc32c(BytesView(batch).substr(kAttributesAt)));
}

}  // namespace

Bytes make_control_batch(ControlType type, std::int64_t producer_id, std::int16_t producer_epoch,
                         std::int32_t coordinator_epoch, Timestamp timestamp) {
  Bytes key;
  append_big_endian<std::int16_t>(key, 0);
  append_big_endian(key, static_cast<std::int16_t>(type));
  Bytes value;
  append_big_endian<std::int16_t>(value, 0);
  append_big_endian(value, coordinator_epoch);
  BatchBuilder builder;
  builder.add(timestamp, BytesView(key), BytesView(value), {});
  Bytes batch = builder.seal({.producer_id = producer_id, .producer_epoch = producer_epoch, .transactional = true});
  finish_header(batch, kTransactionalBit | kControlBit, 0, timestamp, timestamp, producer_id, producer_epoch, -1, 1);
  return batch;
}

void BatchBuilder::clear() {
  if (pool_ && !bytes_.empty()) pool_->give(std::move(bytes_));
  bytes_ = {};
  used_ = kBatchHeaderBytes;
  count_ = 0;
  last_delta_ = -1;
}

// The room is zeroed when it is made, not record by record.
void BatchBuilder::make_room(std::size_t bytes) {
  if (bytes_.empty() && pool_) bytes_ = pool_->take();
  if (bytes > bytes_.size()) bytes_.resize(std::max({bytes, bytes_.size() * 2, last_batch_bytes_, kFirstRoomBytes}));
}

void BatchBuilder::add(Timestamp timestamp, OptionalBytesView key, OptionalBytesView value, BytesView headers) {
  if (count_ == 0) base_timestamp_ = max_timestamp_ = timestamp;
  add_at(last_delta_ + 1, timestamp, key, value, headers);
}

void BatchBuilder::add_at(std::int32_t offset_delta, Timestamp timestamp, OptionalBytesView key, OptionalBytesView value,
                          BytesView headers) {
  TIDEMILL_ASSERT(offset_delta > last_delta_);
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  // Wraps around for times that are further apart than a number can say; the reader wraps back.
  const auto timestamp_delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(timestamp.value) -
                                                         static_cast<std::uint64_t>(base_timestamp_.value));
  const auto sized = [](OptionalBytesView bytes) {
    return bytes ? varint_size(static_cast<std::int64_t>(bytes->size())) + bytes->size() : 1;
  };
  const std::size_t body = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + sized(key) + sized(value) +
                           (headers.empty() ? 1 : headers.size());
  const std::size_t needed = used_ + varint_size(static_cast<std::int64_t>(body)) + body;
  if (needed > bytes_.size()) make_room(needed);
  char* out = bytes_.data() + used_;
  const auto write_bytes = [&out](OptionalBytesView bytes) {
    out = write_varint(out, bytes ? static_cast<std::int64_t>(bytes->size()) : -1);
    if (bytes) out = std::copy(bytes->begin(), bytes->end(), out);
  };
  out = write_varint(out, static_cast<std::int64_t>(body));
  *out++ = 0;
  out = write_varint(out, timestamp_delta);
  out = write_varint(out, offset_delta);
  write_bytes(key);
  write_bytes(value);
  if (headers.empty()) {
    *out++ = 0;
  } else {
    out = std::copy(headers.begin(), headers.end(), out);
  }
  used_ = needed;
  TIDEMILL_ASSERT(out == bytes_.data() + used_);
  last_delta_ = offset_delta;
  ++count_;
}

// The records behind room for a header; the builder is empty again.
Bytes BatchBuilder::take(Compression codec) {
  if (codec == Compression::kNone) {
    bytes_.resize(used_);
    last_batch_bytes_ = used_;
    return std::move(bytes_);
  }
  Bytes batch(kBatchHeaderBytes, '\0');
  batch += compress(codec, BytesView(bytes_).substr(0, used_).substr(kBatchHeaderBytes));
  return batch;
}

Bytes BatchBuilder::seal(const Seal& seal) {
  Bytes batch = take(seal.compression);
  const auto attributes =
      static_cast<std::uint16_t>(static_cast<std::uint16_t>(seal.compression) | (seal.transactional ? kTransactionalBit : 0));
  finish_header(batch, attributes, std::max(last_delta_, 0), count_ > 0 ? base_timestamp_ : kNoTimestamp,
                count_ > 0 ? max_timestamp_ : kNoTimestamp, seal.producer_id, seal.producer_epoch, seal.base_sequence, count_);
  clear();
  return batch;
}

Bytes rewrite_batch(const BatchHeader& header, std::span<const LogRecord> retained, std::optional<Timestamp> delete_horizon) {
  const bool empty = retained.empty();
  const Compression codec = empty ? Compression::kNone : static_cast<Compression>(header.codec());
  BatchBuilder builder;
  for (const LogRecord& record : retained) {
    if (builder.empty()) {
      builder.base_timestamp_ = delete_horizon.value_or(record.timestamp);
      builder.max_timestamp_ = record.timestamp;
    }
    builder.add_at(static_cast<std::int32_t>(record.offset - header.base_offset), record.timestamp, record.key, record.value,
                   record.headers);
  }
  Bytes batch = builder.take(codec);
  // A batch without records is part of no transaction: nobody would look for the marker of that.
  const std::uint16_t kept_bits = kAppendTimeBit | kControlBit | (empty ? 0 : kTransactionalBit);
  std::uint16_t attributes = header.attributes & kept_bits;
  attributes |= static_cast<std::uint16_t>(codec);
  if (delete_horizon && !empty) attributes |= kDeleteHorizonBit;
  const bool keeps_time = empty || header.log_append_time();
  finish_header(batch, attributes, header.last_offset_delta, empty ? kNoTimestamp : builder.base_timestamp_,
                keeps_time ? header.max_timestamp : builder.max_timestamp_, header.producer_id, header.producer_epoch,
                header.base_sequence, static_cast<std::int32_t>(retained.size()));
  set_base_offset(batch, header.base_offset, header.leader_epoch);
  return batch;
}

void set_append_time(Bytes& batch, Timestamp now) {
  TIDEMILL_ASSERT(batch.size() >= kBatchHeaderBytes);
  char* at = batch.data();
  store_big_endian(at + kAttributesAt,
                   static_cast<std::uint16_t>(load_big_endian<std::uint16_t>(at + kAttributesAt) | kAppendTimeBit));
  store_big_endian(at + kMaxTimestampAt, now.value);
  store_big_endian(at + kCrcAt, crc32c(BytesView(batch).substr(kAttributesAt)));
}

}  // namespace tidemill
