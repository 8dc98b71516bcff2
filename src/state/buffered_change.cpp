#include "state/buffered_change.hpp"

#include <fmt/format.h>

#include <tidemill/state/state_store.hpp>

#include "base/endian.hpp"

namespace tidemill {
namespace {

constexpr std::int32_t kNull = -1;
constexpr std::int32_t kSameAsPrior = -2;
/// Names the form of a changelog record's value.
constexpr const char* kVersionHeader = "v";
constexpr char kVersion = 3;

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

[[noreturn]] void throw_damaged(const char* what) {
  throw StateStoreException(Error{ErrorKind::kCorruption, std::string("a held-back change ") + what});
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
    if (bytes_.size() < size) throw_damaged("ends too early");
    const BytesView taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  OptionalBytes optional(std::int32_t size) {
    if (size == kNull) return std::nullopt;
    return Bytes(take(static_cast<std::size_t>(size)));
  }
  OptionalBytes optional() { return optional(number<std::int32_t>()); }
  void expect_end() const {
    if (!bytes_.empty()) throw_damaged("goes on behind its end");
  }

 private:
  BytesView& bytes_;
};

void take_context(Reader& reader, BufferedChange& change) {
  change.timestamp = Timestamp(reader.number<std::int64_t>());
  change.offset = Offset(reader.number<std::int64_t>());
  std::string topic(reader.sized());
  const auto partition = reader.number<std::int32_t>();
  if (!topic.empty()) change.source = TopicPartition{std::move(topic), PartitionId(partition)};
  for (auto count = reader.number<std::int32_t>(); count > 0; --count) {
    std::string key(reader.sized());
    change.headers.add(std::move(key), reader.optional());
  }
}
void take_old_and_new(Reader& reader, BufferedChange& change) {
  change.old_value = reader.optional();
  change.new_value = reader.optional();
}
/// Both in one array, with its length in front.
void take_sized_old_and_new(Reader& reader, BufferedChange& change) {
  BytesView both = reader.sized();
  Reader inner(both);
  take_old_and_new(inner, change);
  inner.expect_end();
}

BufferedChange take_change(Reader& reader) {
  BufferedChange change;
  take_context(reader, change);
  change.prior = reader.optional();
  const auto old_size = reader.number<std::int32_t>();
  change.old_value = old_size == kSameAsPrior ? change.prior : reader.optional(old_size);
  change.new_value = reader.optional();
  return change;
}

// The forms of a changelog record's value; see the header.

struct Logged {
  const ChangelogRecord& record;
  const Headers& headers;
  const OptionalBytes& held_prior;
};
using Form = LoggedChange(Reader& value, const Logged& logged);

LoggedChange form_0(Reader& value, const Logged& logged) {
  LoggedChange read;
  read.time = Timestamp(value.number<std::int64_t>());
  read.change.set_context({logged.record.changelog, logged.record.offset, logged.record.timestamp, &logged.headers});
  take_old_and_new(value, read.change);
  read.change.prior = logged.held_prior ? logged.held_prior : read.change.old_value;
  return read;
}
LoggedChange form_1(Reader& value, const Logged& logged) {
  LoggedChange read;
  read.time = Timestamp(value.number<std::int64_t>());
  take_context(value, read.change);
  take_sized_old_and_new(value, read.change);
  read.change.prior = logged.held_prior ? logged.held_prior : read.change.old_value;
  return read;
}
LoggedChange form_2(Reader& value, const Logged&) {
  LoggedChange read;
  take_context(value, read.change);
  take_sized_old_and_new(value, read.change);
  read.change.prior = value.optional();
  read.time = Timestamp(value.number<std::int64_t>());
  return read;
}
LoggedChange form_3(Reader& value, const Logged&) {
  LoggedChange read;
  read.change = take_change(value);
  read.time = Timestamp(value.number<std::int64_t>());
  return read;
}

Result<LoggedChange> read_whole(Form* form, const Logged& logged) {
  try {
    BytesView rest = *logged.record.value;
    Reader reader(rest);
    LoggedChange read = form(reader, logged);
    reader.expect_end();
    return read;
  } catch (const StateStoreException& error) {
    return error.error();
  }
}

/// 0: the header is not there.
Result<int> version_of(const Headers& headers) {
  const Header* header = headers.last(kVersionHeader);
  if (header == nullptr) return 0;
  const Bytes value = header->value.value_or(Bytes());
  if (value.size() == 1 && value[0] >= 1 && value[0] <= kVersion) return value[0];
  std::string shown;
  for (const char byte : value) shown += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return Error{ErrorKind::kUnsupported,
               fmt::format("a held-back change has version {}, but only versions up to {} can be read: a "
                           "newer program has written it",
                           shown.empty() ? "\"\"" : "0x" + shown, int{kVersion})};
}

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
  return take_change(reader);
}

Result<LoggedChange> read_logged_change(const ChangelogRecord& record, const OptionalBytes& held_prior) {
  TIDEMILL_ASSIGN(const Headers headers, Headers::decode(record.headers));
  TIDEMILL_ASSIGN(const int version, version_of(headers));
  const Logged logged{record, headers, held_prior};
  switch (version) {
    case 0: return read_whole(form_0, logged);
    case 1: return read_whole(form_1, logged);
    case 2:
      if (Result<LoggedChange> read = read_whole(form_2, logged)) return read;
      return read_whole(form_3, logged);
    default: return read_whole(form_3, logged);
  }
}

const Headers& logged_change_headers() {
  static const Headers headers{{kVersionHeader, Bytes(1, kVersion)}};
  return headers;
}

}  // namespace tidemill
