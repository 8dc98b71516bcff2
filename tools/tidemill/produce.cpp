// produce: lines of standard input to records. A batch is acknowledged, durably, whenever the input pauses
// and at its end, so a person who types and a pipe that streams are served alike.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <tidemill/base/partitioner.hpp>

#include "commands.hpp"

namespace tool {
namespace {

constexpr std::size_t kLineBytesMax = std::size_t{64} << 20;
/// Owners that may end, one behind the other, before the first record is sent.
constexpr int kOwnersMax = 100;

// Lines of standard input, with a look whether the next one is there already.
class Lines {
 public:
  /// False: the input has ended. Waits.
  bool next(std::string& line) {
    while (true) {
      const auto end = text_.find('\n', at_);
      if (end != std::string::npos) {
        line.assign(text_, at_, end - at_);
        at_ = end + 1;
        return true;
      }
      if (ended_) {
        line.assign(text_, at_);
        text_.clear();
        at_ = 0;
        return !line.empty();
      }
      fill();
    }
  }
  [[nodiscard]] bool pauses() const {
    if (ended_ || text_.find('\n', at_) != std::string::npos) return false;
    pollfd wanted{STDIN_FILENO, POLLIN, 0};
    return ::poll(&wanted, 1, 0) == 0;
  }

 private:
  void fill() {
    text_.erase(0, at_);
    at_ = 0;
    if (text_.size() > kLineBytesMax) {
      throw std::runtime_error("a line of more than " + std::to_string(kLineBytesMax) + " bytes on standard input");
    }
    std::array<char, 64 * 1024> bytes{};
    const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) return;
    if (got < 0) throw std::runtime_error(std::string("standard input: ") + std::strerror(errno));
    ended_ = got == 0;
    text_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  std::string text_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

NewRecord from_line(const std::string& line, const ProduceOptions& options) {
  if (options.json) return from_json_line(line, options.types);
  NewRecord record;
  std::string_view value = line;
  if (options.key_separator) {
    const auto at = line.find(*options.key_separator);
    if (at == std::string::npos) throw std::runtime_error("there is no \"" + *options.key_separator + "\" behind a key");
    record.key = from_text(line.substr(0, at), options.types.key);
    value.remove_prefix(at + options.key_separator->size());
  }
  record.value = from_text(std::string(value), options.types.value);
  return record;
}

// The producing end: sends, and says where it stands when something goes wrong.
class Sender {
 public:
  Sender(const Where& where, std::shared_ptr<tidemill::Log> log, const std::string& topic)
      : where_(where), log_(std::move(log)) {
    tidemill::CommitGroupOptions options;
    options.guarantee = tidemill::ProcessingGuarantee::kAtLeastOnce;
    group_ = log_->commit_group(options, where.deadline()).value();
    producer_ = group_->producer();
    const auto handle = producer_->topic(topic, where.deadline());
    if (!handle) throw tidemill::ResultException(explain(where, *log_, topic, handle.error()));
    topic_ = *handle;
    partitions_ = producer_->partition_count(topic_);
    name_ = topic;
  }

  /// Throws when the topic has no such partition.
  void require(std::int32_t partition) const {
    if (partition >= partitions_) {
      throw std::runtime_error(no_partition(name_, static_cast<std::size_t>(partitions_), partition));
    }
  }

  void send(const NewRecord& record, std::int32_t partition) {
    const tidemill::Bytes headers = record.headers.encode();
    tidemill::ProducerRecord out;
    out.topic = topic_;
    out.timestamp = record.timestamp;
    out.key = tidemill::to_view(record.key);
    out.value = tidemill::to_view(record.value);
    out.headers = headers;
    out.partition = tidemill::PartitionId(partition);
    if (partition < 0) {
      out.partition = record.key ? tidemill::partition_for_key(*record.key, partitions_)
                                 : tidemill::PartitionId(static_cast<std::int32_t>(turn_++ % partitions_));
    }
    tidemill::SendStatus status = producer_->send(out);
    if (status == tidemill::SendStatus::kFull) {
      flush();  // makes room by waiting, not by trying again and again
      status = producer_->send(out);
    }
    if (status == tidemill::SendStatus::kFull) throw std::runtime_error("the record is larger than the producer's buffers");
    if (status == tidemill::SendStatus::kFailed) throw tidemill::ResultException(producer_->last_error());
    ++sent_;
  }
  void flush() {
    if (acknowledged_ == sent_) return;
    producer_->dispatch();
    const auto flushed = group_->flush(where_.deadline());
    if (const auto failures = producer_->take_failures(); !failures.empty()) {
      throw tidemill::ResultException(failures.front().error);
    }
    if (!flushed) throw tidemill::ResultException(flushed.error());
    acknowledged_ = sent_;
  }
  [[nodiscard]] std::int64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::int64_t sent() const { return sent_; }

 private:
  const Where& where_;
  std::shared_ptr<tidemill::Log> log_;  // outlives what it gave
  std::string name_;
  std::unique_ptr<tidemill::CommitGroup> group_;
  std::unique_ptr<tidemill::LogProducer> producer_;
  tidemill::TopicHandle topic_ = -1;
  std::int32_t partitions_ = 0;
  std::int64_t turn_ = 0;
  std::int64_t sent_ = 0;
  std::int64_t acknowledged_ = 0;
};

/// Without the call that failed, which the log names: whoever writes lines made none.
std::string sentence_of(const std::exception& problem) {
  constexpr std::string_view kCall = "send: ";
  const auto* refused = dynamic_cast<const tidemill::ResultException*>(&problem);
  const std::string message = refused != nullptr ? refused->error().message : problem.what();
  return message.starts_with(kCall) ? message.substr(kCall.size()) : message;
}

/// Nothing has been sent yet, so an owner that ends meanwhile is no harm: the next one is asked, or the directory taken.
Sender connected(const Where& where, const ProduceOptions& options) {
  for (int owners = 1;; ++owners) {
    try {
      return Sender(where, where.open(Access::kWrite), options.topic);
    } catch (const tidemill::ResultException& gone) {
      const bool owned = !where.data.empty() && gone.error().kind == tidemill::ErrorKind::kUnavailable;
      if (!owned || owners == kOwnersMax) throw;
    }
  }
}

}  // namespace

int produce(const Where& where, const ProduceOptions& options) {
  Sender sender = connected(where, options);
  sender.require(options.partition);
  Lines lines;
  std::string line;
  std::int64_t number = 0;
  try {
    while (lines.next(line)) {
      ++number;
      try {
        const NewRecord record = from_line(line, options);
        const std::int32_t partition = options.partition >= 0 ? options.partition : record.partition.value_or(-1);
        sender.require(partition);
        sender.send(record, partition);
      } catch (const std::exception& problem) {
        sender.flush();  // what came before
        throw std::runtime_error("line " + std::to_string(number) + ": " + sentence_of(problem));
      }
      if (lines.pauses()) sender.flush();
    }
    sender.flush();
  } catch (const std::exception&) {
    const std::int64_t unknown = sender.sent() - sender.acknowledged();
    if (sender.sent() > 0) std::fprintf(stderr, "%lld records are there", static_cast<long long>(sender.acknowledged()));
    if (unknown > 0) std::fprintf(stderr, "; of %lld more it is not known", static_cast<long long>(unknown));
    if (sender.sent() > 0) std::fprintf(stderr, "\n");
    throw;
  }
  std::fprintf(stderr, "%lld records\n", static_cast<long long>(sender.acknowledged()));
  return 0;
}

}  // namespace tool
