// What a process says to the one that owns a directory, and what that one answers, over the socket in the
// directory.
//
// A frame is a big-endian u32 length and so many bytes. A request's first byte is its number in Request; an
// answer's first byte is 0, and then what was asked for, or 1, an ErrorKind and a sentence. Records travel as
// RecordBatch v2, uncompressed. Both sides take the other's bytes for a stranger's: sizes are bounded, counts
// are believed only as far as the bytes go.
#pragma once

#include <chrono>
#include <tidemill/log/log.hpp>
#include <variant>

namespace tidemill::embedded {

inline constexpr std::uint32_t kOwnerProtocolVersion = 1;
/// A batch of the largest record of a topic with default max.message.bytes fits sixteen times.
inline constexpr std::size_t kOwnerRequestBytesMax = std::size_t{16} << 20;
/// What one answer holds beside the first batch; that one may be as large as decompression allows.
inline constexpr std::size_t kOwnerReadBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kOwnerAnswerBytesMax = std::size_t{320} << 20;
/// How long the owner keeps a read waiting for something to come.
inline constexpr std::chrono::milliseconds kOwnerReadWaitMax{30000};
inline constexpr std::string_view kOwnerSocketName = "socket";

/// Requests, each with its Answer.
struct HelloAnswer {
  std::uint32_t version = kOwnerProtocolVersion;
  std::int64_t pid = 0;
  std::int32_t default_partitions = 1;
  std::vector<std::pair<std::string, std::string>> cannot;  // of the owner's LogTraits
};
struct Hello {
  using Answer = HelloAnswer;
  std::uint32_t version = kOwnerProtocolVersion;
};
struct Done {};
struct ListTopics {
  using Answer = std::vector<TopicDescription>;
};
struct DescribeTopic {
  using Answer = TopicDescription;
  std::string topic;
};
struct CreateTopic {
  using Answer = Done;
  TopicSpec topic;
};
struct DeleteTopic {
  using Answer = Done;
  std::string topic;
};
struct AlterTopic {
  using Answer = Done;
  std::string topic;
  TopicConfig config;
};
struct AskOffsets {
  using Answer = std::vector<PartitionOffsets>;
  std::vector<TopicPartition> partitions;
};
struct AskOffsetForTime {
  using Answer = Offset;
  TopicPartition partition;
  Timestamp timestamp;
};
struct DeleteRecords {
  using Answer = Done;
  TopicPartition partition;
  Offset before;
};
struct ListGroups {
  using Answer = std::vector<std::string>;
};
struct DescribeGroup {
  using Answer = GroupDescription;
  std::string group;
};
/// One partition after a read, in the order of the request.
struct PartitionRead {
  Offset position;
  bool caught_up = false;
  std::optional<Offset> high_watermark;
  std::vector<Bytes> batches;
  std::optional<Error> error;
};
/// A session's second read ends its first one, if that still waits.
struct Read {
  using Answer = std::vector<PartitionRead>;
  Isolation isolation = Isolation::kReadCommitted;
  std::uint32_t bytes_max = 0;
  /// When there is nothing to say, how long to wait for it.
  std::uint32_t wait_ms = 0;
  std::vector<std::pair<TopicPartition, Offset>> partitions;
};
/// Answered when the owner has the records; they are durable once a Flush is answered.
struct Produce {
  using Answer = Done;
  TopicPartition partition;
  Bytes batch;
};
struct Flush {
  using Answer = std::vector<WrittenPosition>;
};
using Request = std::variant<Hello, ListTopics, DescribeTopic, CreateTopic, DeleteTopic, AlterTopic, AskOffsets,
                             AskOffsetForTime, DeleteRecords, ListGroups, DescribeGroup, Read, Produce, Flush>;

[[nodiscard]] Bytes encode_request(const Request& request);
/// kInvalidArgument: not a request of this version.
[[nodiscard]] Result<Request> decode_request(BytesView bytes);

template <class Ask>
[[nodiscard]] Bytes encode_answer(const Result<typename Ask::Answer>& answer);
/// The answer, or the owner's error; kCorruption: not an answer to this.
template <class Ask>
[[nodiscard]] Result<typename Ask::Answer> decode_answer(BytesView bytes);

/// Length in front; and back: the first whole frame's size, 0: not all of it is there. kTooLarge: more than
/// `bytes_max`.
[[nodiscard]] Bytes frame(BytesView body);
[[nodiscard]] Result<std::size_t> whole_frame(BytesView received, std::size_t bytes_max);
inline constexpr std::size_t kOwnerFrameHeadBytes = 4;

/// Records as one uncompressed batch whose offsets, timestamps and headers are theirs.
[[nodiscard]] Bytes batch_of(const RecordBatch& records);

}  // namespace tidemill::embedded
