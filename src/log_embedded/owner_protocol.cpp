#include "log_embedded/owner_protocol.hpp"

#include "log/record_batch_codec.hpp"
#include "log_embedded/wire.hpp"

namespace tidemill::embedded {
namespace {

// One list of fields per struct serves both directions: `wire(field)` writes it or reads it.
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  template <class Int>
    requires std::is_integral_v<Int>
  void operator()(Int value) { out_.number(value); }
  void operator()(bool value) { out_.number(static_cast<std::uint8_t>(value)); }
  void operator()(BytesView text) { out_.text(text); }
  template <class Item, class Each>
  void list(const std::vector<Item>& items, Each each) {
    out_.number(static_cast<std::uint32_t>(items.size()));
    for (const Item& item : items) each(item);
  }
  void config(const TopicConfig& config) {
    out_.number(static_cast<std::uint32_t>(config.size()));
    for (const auto& [key, value] : config) out_.text(key), out_.text(value);
  }
  template <class T, class Each>
  void maybe(const std::optional<T>& value, Each each) {
    (*this)(value.has_value());
    if (value) each(*value);
  }
  template <class Enum>
  void one_of(Enum value, Enum /*last*/) {
    out_.number(static_cast<std::uint8_t>(value));
  }

 private:
  WireWriter out_;
};

class Reader {
 public:
  explicit Reader(BytesView bytes) : in_(bytes) {}
  template <class Int>
    requires std::is_integral_v<Int>
  void operator()(Int& value) { value = in_.number<Int>(); }
  void operator()(bool& value) {
    const auto byte = in_.number<std::uint8_t>();
    value = byte == 1;
    if (byte > 1) malformed_ = true;
  }
  void operator()(std::string& text) { text = in_.text(); }
  template <class Item, class Each>
  void list(std::vector<Item>& items, Each each) {
    for (auto count = in_.count(); count > 0 && ok(); --count) each(items.emplace_back());
  }
  void config(TopicConfig& config) {
    for (auto count = in_.count(); count > 0 && ok(); --count) {
      std::string key(in_.text());
      config[std::move(key)] = in_.text();
    }
  }
  template <class T, class Each>
  void maybe(std::optional<T>& value, Each each) {
    bool there = false;
    (*this)(there);
    if (there) each(value.emplace());
  }
  template <class Enum>
  void one_of(Enum& value, Enum last) {
    const auto byte = in_.number<std::uint8_t>();
    if (byte > static_cast<std::uint8_t>(last)) malformed_ = true;
    value = malformed_ ? Enum{} : static_cast<Enum>(byte);
  }
  [[nodiscard]] bool ok() const { return in_.ok() && !malformed_; }
  [[nodiscard]] bool at_end() const { return in_.at_end() && !malformed_; }

 private:
  WireReader in_;
  bool malformed_ = false;
};

template <class T>
concept Named = std::is_same_v<std::remove_const_t<T>, DescribeTopic> || std::is_same_v<std::remove_const_t<T>, DeleteTopic>;

template <class Wire, class Tag, class Rep>
void fields(Wire& wire, StrongNumber<Tag, Rep>& number) {
  wire(number.value);
}
template <class Wire, class Tag, class Rep>
void fields(Wire& wire, const StrongNumber<Tag, Rep>& number) {
  wire(number.value);
}
/// The struct itself, or (for the writer) const.
template <class T, class Of>
concept Is = std::is_same_v<std::remove_const_t<T>, Of>;

template <class Wire, Is<TopicPartition> T>
void fields(Wire& wire, T& id) {
  wire(id.topic);
  fields(wire, id.partition);
}
template <class Wire, Is<std::string> T>
void fields(Wire& wire, T& text) {
  wire(text);
}
template <class Wire, Is<TopicDescription> T>
void fields(Wire& wire, T& topic) {
  wire(topic.name);
  wire(topic.partitions);
  wire.config(topic.config);
}
template <class Wire, Is<TopicSpec> T>
void fields(Wire& wire, T& topic) {
  wire(topic.name);
  wire(topic.partitions);
  wire(topic.replication_factor);
  wire.config(topic.config);
}
template <class Wire, Is<PartitionOffsets> T>
void fields(Wire& wire, T& offsets) {
  fields(wire, offsets.partition);
  fields(wire, offsets.start);
  fields(wire, offsets.last_stable);
  fields(wire, offsets.high_watermark);
  wire(offsets.size_bytes);
}
template <class Wire, Is<GroupMemberDescription> T>
void fields(Wire& wire, T& member) {
  wire(member.member_id);
  wire(member.client_id);
  wire(member.host);
  wire(member.assignment);
}
template <class Wire, Is<CommitPosition> T>
void fields(Wire& wire, T& position) {
  fields(wire, position.partition);
  fields(wire, position.offset);
  fields(wire, position.leader_epoch);
  wire(position.metadata);
}
template <class Wire, Is<WrittenPosition> T>
void fields(Wire& wire, T& written) {
  fields(wire, written.partition);
  fields(wire, written.next_offset);
  fields(wire, written.leader_epoch);
}
template <class Wire, Is<Error> T>
void fields(Wire& wire, T& error) {
  wire.one_of(error.kind, ErrorKind::kInternal);
  wire(error.message);
}
template <class Wire, class T>
void each_of(Wire& wire, T& items) {
  wire.list(items, [&](auto& item) { fields(wire, item); });
}
template <class Wire, Is<GroupDescription> T>
void fields(Wire& wire, T& group) {
  wire(group.group);
  wire(group.state);
  wire(group.generation);
  each_of(wire, group.members);
  each_of(wire, group.offsets);
}
template <class Wire, Is<PartitionRead> T>
void fields(Wire& wire, T& read) {
  fields(wire, read.position);
  wire(read.caught_up);
  wire.maybe(read.high_watermark, [&](auto& offset) { fields(wire, offset); });
  wire.list(read.batches, [&](auto& batch) { wire(batch); });
  wire.maybe(read.error, [&](auto& error) { fields(wire, error); });
}

template <class Wire, Is<Hello> T>
void fields(Wire& wire, T& hello) {
  wire(hello.version);
}
template <class Wire, Is<HelloAnswer> T>
void fields(Wire& wire, T& hello) {
  wire(hello.version);
  wire(hello.pid);
  wire(hello.default_partitions);
  wire.list(hello.cannot, [&](auto& thing) {
    wire(thing.first);
    wire(thing.second);
  });
}
template <class Wire, Is<Done> T>
void fields(Wire&, T&) {}
template <class Wire, Is<ListTopics> T>
void fields(Wire&, T&) {}
template <class Wire, Is<ListGroups> T>
void fields(Wire&, T&) {}
template <class Wire, Is<Flush> T>
void fields(Wire&, T&) {}
template <class Wire, Named T>
void fields(Wire& wire, T& request) {
  wire(request.topic);
}
template <class Wire, Is<CreateTopic> T>
void fields(Wire& wire, T& request) {
  fields(wire, request.topic);
}
template <class Wire, Is<AlterTopic> T>
void fields(Wire& wire, T& request) {
  wire(request.topic);
  wire.config(request.config);
}
template <class Wire, Is<AskOffsets> T>
void fields(Wire& wire, T& request) {
  each_of(wire, request.partitions);
}
template <class Wire, Is<AskOffsetForTime> T>
void fields(Wire& wire, T& request) {
  fields(wire, request.partition);
  fields(wire, request.timestamp);
}
template <class Wire, Is<DeleteRecords> T>
void fields(Wire& wire, T& request) {
  fields(wire, request.partition);
  fields(wire, request.before);
}
template <class Wire, Is<DescribeGroup> T>
void fields(Wire& wire, T& request) {
  wire(request.group);
}
template <class Wire, Is<Read> T>
void fields(Wire& wire, T& read) {
  wire.one_of(read.isolation, Isolation::kReadCommitted);
  wire(read.bytes_max);
  wire(read.wait_ms);
  wire.list(read.partitions, [&](auto& partition) {
    fields(wire, partition.first);
    fields(wire, partition.second);
  });
}
template <class Wire, Is<Produce> T>
void fields(Wire& wire, T& produce) {
  fields(wire, produce.partition);
  wire(produce.batch);
}
template <class Wire, class Item>
void fields(Wire& wire, std::vector<Item>& items) {
  each_of(wire, items);
}
template <class Wire, class Item>
void fields(Wire& wire, const std::vector<Item>& items) {
  each_of(wire, items);
}

template <std::size_t kIndex = 0>
Result<Request> decode_request_at(std::size_t index, Reader& in) {
  if constexpr (kIndex == std::variant_size_v<Request>) {
    return Error{ErrorKind::kInvalidArgument, "there is no request " + std::to_string(index) + " in this version"};
  } else {
    if (index != kIndex) return decode_request_at<kIndex + 1>(index, in);
    std::variant_alternative_t<kIndex, Request> request;
    fields(in, request);
    if (!in.at_end()) return Error{ErrorKind::kInvalidArgument, "a malformed request, number " + std::to_string(index)};
    return Request(std::move(request));
  }
}

}  // namespace

Bytes encode_request(const Request& request) {
  Bytes bytes;
  Writer out(bytes);
  out(static_cast<std::uint8_t>(request.index()));
  std::visit([&](const auto& alternative) { fields(out, alternative); }, request);
  return bytes;
}

Result<Request> decode_request(BytesView bytes) {
  if (bytes.empty()) return Error{ErrorKind::kInvalidArgument, "an empty request"};
  Reader in(bytes.substr(1));
  return decode_request_at(static_cast<unsigned char>(bytes.front()), in);
}

template <class Ask>
Bytes encode_answer(const Result<typename Ask::Answer>& answer) {
  Bytes bytes;
  Writer out(bytes);
  out(static_cast<std::uint8_t>(answer ? 0 : 1));
  if (answer) {
    fields(out, *answer);
  } else {
    fields(out, answer.error());
  }
  return bytes;
}

template <class Ask>
Result<typename Ask::Answer> decode_answer(BytesView bytes) {
  const Error malformed{ErrorKind::kCorruption, "the owner's answer is malformed: use the tool of the same version"};
  if (bytes.empty() || bytes.front() > 1 || bytes.front() < 0) return malformed;
  Reader in(bytes.substr(1));
  if (bytes.front() == 1) {
    Error error;
    fields(in, error);
    return in.at_end() ? error : malformed;
  }
  typename Ask::Answer answer{};
  fields(in, answer);
  if (!in.at_end()) return malformed;
  return answer;
}

#define TIDEMILL_OWNER_ANSWER(Ask)                                        \
  template Bytes encode_answer<Ask>(const Result<typename Ask::Answer>&); \
  template Result<typename Ask::Answer> decode_answer<Ask>(BytesView);
TIDEMILL_OWNER_ANSWER(Hello)
TIDEMILL_OWNER_ANSWER(ListTopics)
TIDEMILL_OWNER_ANSWER(DescribeTopic)
TIDEMILL_OWNER_ANSWER(CreateTopic)
TIDEMILL_OWNER_ANSWER(DeleteTopic)
TIDEMILL_OWNER_ANSWER(AlterTopic)
TIDEMILL_OWNER_ANSWER(AskOffsets)
TIDEMILL_OWNER_ANSWER(AskOffsetForTime)
TIDEMILL_OWNER_ANSWER(DeleteRecords)
TIDEMILL_OWNER_ANSWER(ListGroups)
TIDEMILL_OWNER_ANSWER(DescribeGroup)
TIDEMILL_OWNER_ANSWER(Read)
TIDEMILL_OWNER_ANSWER(Produce)
TIDEMILL_OWNER_ANSWER(Flush)
#undef TIDEMILL_OWNER_ANSWER

Bytes frame(BytesView body) {
  Bytes bytes;
  bytes.reserve(kOwnerFrameHeadBytes + body.size());
  append_big_endian(bytes, static_cast<std::uint32_t>(body.size()));
  bytes += body;
  return bytes;
}

Result<std::size_t> whole_frame(BytesView received, std::size_t bytes_max) {
  if (received.size() < kOwnerFrameHeadBytes) return std::size_t{0};
  const std::size_t length = load_big_endian<std::uint32_t>(received.data());
  if (length > bytes_max) {
    return Error{ErrorKind::kTooLarge,
                 "a message of " + std::to_string(length) + " bytes; at most " + std::to_string(bytes_max)};
  }
  return received.size() - kOwnerFrameHeadBytes < length ? 0 : kOwnerFrameHeadBytes + length;
}

Bytes batch_of(const RecordBatch& records) {
  BatchHeader header;
  if (!records.records.empty()) {
    header.base_offset = records.records.front().offset;
    header.last_offset_delta = static_cast<std::int32_t>(records.records.back().offset - header.base_offset);
  }
  header.leader_epoch = records.leader_epoch;
  return rewrite_batch(header, records.records, std::nullopt);
}

}  // namespace tidemill::embedded
