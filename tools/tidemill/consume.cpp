#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

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
      throw std::runtime_error("topic \"" + options.topic + "\" has the partitions 0 to " + std::to_string(all.size() - 1) +
                               ", no partition " + std::to_string(partition));
    }
    wanted.push_back(all[static_cast<std::size_t>(partition)]);
  }
  return wanted;
}

class Reading {
 public:
  Reading(const Where& where, tidemill::Log& log, const ConsumeOptions& options)
      : where_(where), log_(log), options_(options) {
    using tidemill::Isolation;
    consumer_ = log.consumer(options.committed ? Isolation::kReadCommitted : Isolation::kReadUncommitted).value();
    std::vector<std::pair<tidemill::TopicPartition, tidemill::Offset>> from;
    for (const auto& offsets : log.admin().offsets(wanted_partitions(where, log, options), where.deadline()).value()) {
      const tidemill::Offset end = options.committed ? offsets.last_stable : offsets.high_watermark;
      const tidemill::Offset begin = options.from_beginning ? offsets.start : end;
      if (options.follow || begin < end) from.emplace_back(offsets.partition, begin);
      if (begin < end) ends_[offsets.partition] = end;
    }
    consumer_->assign(from).value();
  }

  void run() {
    while (!done()) {
      const auto polled = consumer_->poll(kPollBytes).value();
      for (const auto& batch : polled.batches) print(*batch);
      for (const auto& error : polled.errors) answer(error);
      for (auto end = ends_.begin(); end != ends_.end();) {
        end = consumer_->position(end->first).value() >= end->second ? ends_.erase(end) : std::next(end);
      }
      if (!polled.batches.empty() || done()) continue;
      if (std::fflush(stdout) != 0) return;  // main says so
      if (!consumer_->wait(where_.deadline()) && !options_.follow) {
        throw std::runtime_error("nothing came for " + std::to_string(where_.timeout_seconds) + " s from the " +
                                 log_.traits().description + ", but the end is not reached");
      }
    }
  }

 private:
  [[nodiscard]] bool done() const {
    return (options_.max >= 0 && count_ >= options_.max) || (!options_.follow && ends_.empty()) || std::ferror(stdout) != 0;
  }
  void print(const tidemill::RecordBatch& batch) {
    const auto end = ends_.find(*batch.partition);
    for (const auto& record : batch.records) {
      if (!options_.follow && (end == ends_.end() || record.offset >= end->second)) return;
      if (options_.max >= 0 && count_ >= options_.max) return;
      const std::string line = options_.json ? to_json_line(*batch.partition, record, options_.types)
                                             : to_text_line(*batch.partition, record, options_.types);
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fputc('\n', stdout);
      ++count_;
    }
  }
  /// Records that retention takes while they are read are no error of who reads.
  void answer(const tidemill::PartitionError& error) {
    if (error.error.kind != tidemill::ErrorKind::kOffsetOutOfRange) throw tidemill::ResultException(error.error);
    const auto offsets = log_.admin().offsets(std::span(&error.partition, 1), where_.deadline()).value().at(0);
    std::fprintf(stderr, "tidemill: %s; goes on at %lld\n", error.error.message.c_str(), static_cast<long long>(offsets.start.value));
    consumer_->seek(error.partition, offsets.start).value();
  }

  const Where& where_;
  tidemill::Log& log_;
  const ConsumeOptions& options_;
  std::unique_ptr<tidemill::LogConsumer> consumer_;
  std::map<tidemill::TopicPartition, tidemill::Offset> ends_;  // of partitions that are not read to there yet
  std::int64_t count_ = 0;
};

}  // namespace

int consume(const Where& where, const ConsumeOptions& options) {
  const auto log = where.open(Access::kRead);
  if (!options.from_beginning && !options.follow) {
    std::fprintf(stderr, "tidemill: begins and ends at the end, so there is nothing to show: say --from-beginning, --follow or both\n");
  }
  Reading(where, *log, options).run();
  return 0;
}

}  // namespace tool
