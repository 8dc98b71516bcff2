#include "log/failed_log.hpp"

namespace tidemill {
namespace {

class FailedLog final : public Log, private LogAdmin {
 public:
  explicit FailedLog(Error error) : error_(std::move(error)) { traits_.description = "log that could not be opened"; }

  [[nodiscard]] const LogTraits& traits() const override { return traits_; }
  Result<std::unique_ptr<LogConsumer>> consumer(Isolation, const ClientProperties&) override { return error_; }
  Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions, MonotonicTime) override { return error_; }
  Result<std::unique_ptr<Membership>> membership(std::string_view) override { return error_; }
  LogAdmin& admin() override { return *this; }

 private:
  Result<std::vector<TopicDescription>> list_topics(MonotonicTime) override { return error_; }
  Result<TopicDescription> describe_topic(std::string_view, MonotonicTime) override { return error_; }
  Result<void> create_topic(const TopicSpec&, MonotonicTime) override { return error_; }
  Result<void> delete_topic(std::string_view, MonotonicTime) override { return error_; }
  Result<void> alter_topic(std::string_view, const TopicConfig&, MonotonicTime) override { return error_; }
  Result<std::vector<PartitionOffsets>> offsets(std::span<const TopicPartition>, MonotonicTime) override { return error_; }
  Result<Offset> offset_for_time(const TopicPartition&, Timestamp, MonotonicTime) override { return error_; }
  Result<void> delete_records(const TopicPartition&, Offset, MonotonicTime) override { return error_; }
  Result<std::vector<std::string>> list_groups(MonotonicTime) override { return error_; }
  Result<GroupDescription> describe_group(std::string_view, MonotonicTime) override { return error_; }

  Error error_;
  LogTraits traits_;
};

}  // namespace

std::shared_ptr<Log> failed_log(Error error) { return std::make_shared<FailedLog>(std::move(error)); }

}  // namespace tidemill
