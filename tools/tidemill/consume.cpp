#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "commands.hpp"

namespace tool {
namespace {

constexpr std::size_t kPollBytes = 4 << 20;

std::vector<tidemill::TopicPartition> wanted_partitions(const Where& where, tidemill::Log& log, const ConsumeOptions& options) {
  std::vector<tidemill::TopicPartition> all = partitions_of(where, log, options.topic);
  if (options.partitions.empty()) return all;
  std::vector<tidemill::TopicPartition> wanted;
  for (const std::int32_t partition : options.partitions) {
    if (partition < 0 || static_cast<std::size_t>(partition) >= all.size()) {
      throw std::runtime_error(no_partition(options.topic, all.size(), partition));
    }
    wanted.push_back(all[static_cast<std::size_t>(partition)]);
  }
  return wanted;
}

/// What has been read so far, over as many logs as it takes: who follows a directory reads it, lets it go, and goes on at
/// whatever process owns it next.
class Reading {
 public:
  Reading(const Where& where, const ConsumeOptions& options) : where_(where), options_(options) {}

  /// To the end that the log has now, or, with `follow`, on and on. True: all that was asked for has been shown.
  bool read(tidemill::Log& log, bool follow) {
    begin(log);
    while (!done() && (follow || !ends_.empty())) {
      const auto polled = consumer_->poll(kPollBytes).value();
      for (const auto& batch : polled.batches) print(*batch, follow);
      for (const auto& error : polled.errors) answer(log, error);
      for (auto& [partition, position] : positions_) {
        position = consumer_->position(partition).value();
        const auto end = ends_.find(partition);
        if (end != ends_.end() && position >= end->second) ends_.erase(end);
      }
      if (!polled.batches.empty() || done() || (!follow && ends_.empty())) continue;
      if (std::fflush(stdout) != 0) break;  // main says so
      if (!consumer_->wait(where_.deadline()) && !follow) {
        throw std::runtime_error("nothing came for " + std::to_string(where_.timeout_seconds) + " s from the " +
                                 log.traits().description + ", but the end is not reached");
      }
    }
    consumer_.reset();
    return done();
  }

 private:
  void begin(tidemill::Log& log) {
    using tidemill::Isolation;
    consumer_ = log.consumer(options_.committed ? Isolation::kReadCommitted : Isolation::kReadUncommitted).value();
    ends_.clear();
    std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
    for (const auto& offsets : log.admin().offsets(wanted_partitions(where_, log, options_), where_.deadline()).value()) {
      const tidemill::Offset end = options_.committed ? offsets.last_stable : offsets.high_watermark;
      const auto position = positions_.try_emplace(offsets.partition, options_.from_beginning ? offsets.start : end).first;
      from.emplace_back(*position);
      if (position->second < end) ends_[offsets.partition] = end;
    }
    consumer_->assign(from).value();
  }
  [[nodiscard]] bool done() const { return (options_.max >= 0 && count_ >= options_.max) || std::ferror(stdout) != 0; }
  void print(const tidemill::RecordBatch& batch, bool follow) {
    const auto end = ends_.find(*batch.partition);
    for (const auto& record : batch.records) {
      if (!follow && (end == ends_.end() || record.offset >= end->second)) return;
      if (options_.max >= 0 && count_ >= options_.max) return;
      const std::string line = options_.json ? to_json_line(*batch.partition, record, options_.types)
                                             : to_text_line(*batch.partition, record, options_.types);
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fputc('\n', stdout);
      ++count_;
    }
  }
  /// Records that retention takes while they are read are no error of who reads.
  void answer(tidemill::Log& log, const tidemill::PartitionError& error) {
    if (error.error.kind != tidemill::ErrorKind::kOffsetOutOfRange) throw tidemill::ResultException(error.error);
    const auto offsets = log.admin().offsets(std::span(&error.partition, 1), where_.deadline()).value().at(0);
    std::fprintf(stderr, "tidemill: %s; goes on at %lld\n", error.error.message.c_str(),
                 static_cast<long long>(offsets.start.value));
    consumer_->seek(error.partition, offsets.start).value();
  }

  const Where& where_;
  const ConsumeOptions& options_;
  std::unique_ptr<tidemill::LogConsumer> consumer_;
  std::map<tidemill::TopicPartition, tidemill::Offset> positions_;
  std::map<tidemill::TopicPartition, tidemill::Offset> ends_;  // of partitions that are not read to there yet
  std::int64_t count_ = 0;
};

/// Tells when a process has come to own the directory: each writes into the journal, and who only looks does not. No owner
/// since this was made is missed.
class Owners {
 public:
  explicit Owners(const std::string& directory) : changes_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    const std::string journal = directory + "/journal";
    if (changes_ < 0 || ::inotify_add_watch(changes_, journal.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
      const int code = errno;
      if (changes_ >= 0) ::close(changes_);
      throw std::runtime_error("watch " + journal + ": " + std::strerror(code));
    }
  }
  ~Owners() { ::close(changes_); }
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;

  /// Waits for one that has come since the last forget().
  void wait() const {
    pollfd wanted{changes_, POLLIN, 0};
    while (::poll(&wanted, 1, -1) < 0 && errno == EINTR) {
    }
  }
  void forget() const {
    std::array<char, 4096> events{};
    while (::read(changes_, events.data(), events.size()) > 0) {
    }
  }

 private:
  int changes_;
};

/// A directory is followed at its owner: held here, nothing new could come. While nobody owns it, it is let go, and looked
/// into again when somebody has: owners that come and go are too quick to be asked.
void follow_data(const Where& where, Reading& reading, std::shared_ptr<tidemill::Log> log) {
  using Span = tidemill::LogTraits::CommitGroupSpan;
  const Owners owners(where.data);
  bool told_gone = false;
  bool told_nobody = false;
  const auto tell = [&](bool& told, const std::string& sentence) {
    if (!std::exchange(told, true)) std::fprintf(stderr, "tidemill: %s\n", sentence.c_str());
  };
  while (true) {
    const bool nobody = log->traits().commit_group_span == Span::kProcess;
    try {
      if (reading.read(*log, !nobody)) return;
    } catch (const tidemill::ResultException& gone) {
      if (nobody || gone.error().kind != tidemill::ErrorKind::kUnavailable) throw;
      tell(told_gone, gone.error().message);
    }
    if (std::fflush(stdout) != 0) return;  // main says so
    log.reset();
    if (nobody) {  // else what the owner wrote at last is still to be read
      tell(told_nobody, "nobody owns " + where.data + ": waits for a process that does");
      owners.wait();
    }
    owners.forget();
    log = where.open(Access::kRead);
  }
}

}  // namespace

int consume(const Where& where, const ConsumeOptions& options) {
  auto log = where.open(Access::kRead);
  if (!options.from_beginning && !options.follow) {
    std::fprintf(stderr, "tidemill: begins and ends at the end, so there is nothing to show: say --from-beginning, "
                         "--follow or both\n");
  }
  Reading reading(where, options);
  if (options.follow && !where.data.empty()) {
    follow_data(where, reading, std::move(log));
  } else {
    reading.read(*log, options.follow);
  }
  return 0;
}

}  // namespace tool
