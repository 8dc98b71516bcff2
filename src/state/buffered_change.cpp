#include "state/buffered_change.hpp"

#include <tidemill/state/state_store.hpp>

#include "base/endian.hpp"

namespace tidemill {
namespace {

constexpr std::int32_t kNull = -1;
constexpr std::int32_t kSameAsPrior = -2;

void append_sized(BytesView bytes, Bytes& out) {
  append_big_endian(out, static_cast<std::int32_t>(bytes.size()));
  out.append(bytes);
}
void append_optional(const OptionalBytes& bytes, Bytes& out) {
  if (bytes) return append_sized(*bytes, out);
  append_big_endian(out, kNull);
}

/// Java counts the units of UTF-16.
std::int64_t utf16_units(BytesView text) {
  std::int64_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

class Reader {
 public:
  explicit Reader(BytesView& bytes) : bytes_(bytes) {}
  template <class Int>
  Int number() {
    const Int value = load_big_endian<Int>(take(sizeof(Int)).data());
    return value;
  }
  BytesView sized() { return take(static_cast<std::size_t>(number<std::int32_t>())); }
  BytesView take(std::size_t size) {
    if (bytes_.size() < size) {
      throw StateStoreException(Error{ErrorKind::kCorruption, "a held-back change ends before its time"});
    }
    const BytesView taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  OptionalBytes optional(std::int32_t size) {
    if (size == kNull) return std::nullopt;
    return Bytes(take(static_cast<std::size_t>(size)));
  }

 private:
  BytesView& bytes_;
};

}  // namespace

void BufferedChange::set_context(const RecordContext& context) {
  timestamp = context.timestamp;
  offset = context.offset;
  source = context.source != nullptr ? std::optional(*context.source) : std::nullopt;
  headers = context.headers != nullptr ? *context.headers : Headers();
}
RecordContext BufferedChange::context() const {
  return {source ? &*source : nullptr, offset, timestamp, headers.empty() ? nullptr : &headers};
}

std::int64_t BufferedChange::memory_estimate() const {
  std::int64_t size = 8 + 8 + 4;  // timestamp, offset, partition
  if (source) size += utf16_units(source->topic);
  for (const Header& header : headers) {
    size += utf16_units(header.key) + static_cast<std::int64_t>(header.value ? header.value->size() : 0);
  }
  const auto size_of = [](const OptionalBytes& value) { return static_cast<std::int64_t>(value ? value->size() : 0); };
  size += size_of(prior) + size_of(new_value);
  if (old_value != prior) size += size_of(old_value);
  return size;
}

void append_buffered_change(const BufferedChange& change, Bytes& out) {
  append_big_endian(out, change.timestamp.value);
  append_big_endian(out, change.offset.value);
  append_sized(change.source ? BytesView(change.source->topic) : BytesView(), out);
  append_big_endian(out, change.source ? change.source->partition.value : std::int32_t{-1});
  append_big_endian(out, static_cast<std::int32_t>(change.headers.size()));
  for (const Header& header : change.headers) {
    append_sized(header.key, out);
    append_optional(header.value, out);
  }
  append_optional(change.prior, out);
  if (change.old_value && change.old_value == change.prior) {
    append_big_endian(out, kSameAsPrior);
  } else {
    append_optional(change.old_value, out);
  }
  append_optional(change.new_value, out);
}

BufferedChange take_buffered_change(BytesView& bytes) {
  Reader reader(bytes);
  BufferedChange change;
  change.timestamp = Timestamp(reader.number<std::int64_t>());
  change.offset = Offset(reader.number<std::int64_t>());
  std::string topic(reader.sized());
  const auto partition = reader.number<std::int32_t>();
  if (!topic.empty()) change.source = TopicPartition{std::move(topic), PartitionId(partition)};
  for (auto count = reader.number<std::int32_t>(); count > 0; --count) {
    std::string key(reader.sized());
    change.headers.add(std::move(key), reader.optional(reader.number<std::int32_t>()));
  }
  change.prior = reader.optional(reader.number<std::int32_t>());
  const auto old_size = reader.number<std::int32_t>();
  change.old_value = old_size == kSameAsPrior ? change.prior : reader.optional(old_size);
  change.new_value = reader.optional(reader.number<std::int32_t>());
  return change;
}

}  // namespace tidemill
