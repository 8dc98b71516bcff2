// The Kafka adapter's front: one KafkaLog makes consumers, commit groups and memberships, which share nothing but their
// options and what LiveMembers knows of them.
#include <tidemill/adapters/kafka_log.hpp>

#include <fmt/format.h>

#include "log/failed_log.hpp"
#include "log_kafka/kafka_admin.hpp"
#include "log_kafka/kafka_membership.hpp"

namespace tidemill {
namespace kafka {
namespace {

class KafkaLog final : public Log {
 public:
  explicit KafkaLog(std::shared_ptr<Shared> shared) : shared_(std::move(shared)), admin_(shared_) {
    traits_.commit_group_span = LogTraits::CommitGroupSpan::kThread;
    traits_.creates_missing_topics = false;
    traits_.default_partitions = 1;
    traits_.commits_are_cheap = false;
    traits_.description = shared_->description;
  }
  const LogTraits& traits() const override { return traits_; }
  Result<std::unique_ptr<LogConsumer>> consumer(Isolation isolation, const ClientProperties& properties) override {
    // Whose coordinator the client looks for; nothing else comes of it here.
    std::string group = shared_->options.client_id;
    for (const auto& [key, value] : properties) {
      if (key == "group.id") group = value;
    }
    TIDEMILL_ASSIGN(ConfPtr conf, KafkaConsumer::conf(shared_->options, isolation, group, properties));
    TIDEMILL_ASSIGN(std::unique_ptr<KafkaConsumer> made, KafkaConsumer::make(std::move(conf), shared_->description));
    return std::unique_ptr<LogConsumer>(std::move(made));
  }
  Result<std::unique_ptr<CommitGroup>> commit_group(CommitGroupOptions options, MonotonicTime deadline) override {
    return KafkaCommitGroup::open(shared_, std::move(options), deadline);
  }
  Result<std::unique_ptr<Membership>> membership(std::string_view application_id) override {
    return std::unique_ptr<Membership>(new KafkaMembership(shared_->connection, shared_->members, std::string(application_id)));
  }
  LogAdmin& admin() override { return admin_; }

 private:
  std::shared_ptr<Shared> shared_;
  LogTraits traits_;
  KafkaAdmin admin_;
};

Result<std::unique_ptr<Client>> reader(const Shared& shared, std::string_view isolation) {
  TIDEMILL_ASSIGN(ConfPtr conf, client_conf(shared.options, "admin.", {}, {},
                                            {{"enable.auto.commit", "false"}, {"isolation.level", std::string(isolation)}}));
  return Client::make(RD_KAFKA_CONSUMER, std::move(conf), shared.description);
}

}  // namespace
}  // namespace kafka

Result<std::shared_ptr<Log>> open_kafka_log(KafkaLogOptions options) {
  auto shared = std::make_shared<kafka::Shared>();
  TIDEMILL_ASSIGN(kafka::ConnectionConfig connection, kafka::connection_config(options));
  shared->connection = std::make_shared<const kafka::ConnectionConfig>(std::move(connection));
  shared->description = fmt::format("Kafka at {}", options.bootstrap_servers);
  shared->options = std::move(options);
  TIDEMILL_ASSIGN(shared->reader, kafka::reader(*shared, "read_uncommitted"));
  TIDEMILL_ASSIGN(shared->committed_reader, kafka::reader(*shared, "read_committed"));
  // Every kind of client once: a wrong property is told now, by name.
  TIDEMILL_TRY(kafka::client_conf(shared->options, "consumer.", {}, {}, {}));
  TIDEMILL_TRY(kafka::client_conf(shared->options, "producer.", {}, {}, {}));
  return std::shared_ptr<Log>(new kafka::KafkaLog(std::move(shared)));
}

std::shared_ptr<Log> kafka_log(KafkaLogOptions options) {
  auto opened = open_kafka_log(std::move(options));
  return opened ? std::move(opened).value() : failed_log(opened.error());
}

}  // namespace tidemill
