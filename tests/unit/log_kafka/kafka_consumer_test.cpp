// What a consumer tells of a partition's errors, against librdkafka's own imitation of a broker.
#include <array>

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <tidemill/adapters/kafka_log.hpp>
#include <tidemill/base/clock.hpp>

namespace tidemill::kafka {
namespace {

using namespace std::chrono_literals;

class ImitatedBroker {
 public:
  ImitatedBroker() {
    std::array<char, 512> why{};
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why.data(), why.size());
    cluster_ = rd_kafka_mock_cluster_new(client_, 1);
    EXPECT_EQ(rd_kafka_mock_topic_create(cluster_, "in", 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  ~ImitatedBroker() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(client_);
  }
  ImitatedBroker(const ImitatedBroker&) = delete;
  ImitatedBroker& operator=(const ImitatedBroker&) = delete;

  [[nodiscard]] std::string address() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  /// The next answers to Fetch.
  void fail_fetches(rd_kafka_resp_err_t first, rd_kafka_resp_err_t second) {
    constexpr std::int16_t kFetch = 1;
    rd_kafka_mock_push_request_errors(cluster_, kFetch, 2, first, second);
  }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

TEST(KafkaConsumer, TellsThatAPositionIsOutOfRangeAlsoWhenItHasToldAnotherErrorBefore) {
  ImitatedBroker broker;
  const auto log = open_kafka_log({.bootstrap_servers = broker.address()}).value();
  const auto consumer = log->consumer(Isolation::kReadCommitted).value();
  const std::pair<TopicPartition, Offset> from{{"in", PartitionId(0)}, Offset(0)};
  ASSERT_TRUE(consumer->assign({&from, 1}));
  const MonotonicTime deadline = system_clock().now().monotonic + 30s;
  std::vector<ErrorKind> told;
  const auto poll = [&] {
    for (const PartitionError& error : consumer->poll(1 << 20).value().errors) told.push_back(error.error.kind);
  };
  while (!consumer->caught_up(from.first) && consumer->wait(deadline)) poll();
  broker.fail_fetches(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
  while (told.size() < 2 && consumer->wait(deadline)) poll();
  EXPECT_EQ(told, (std::vector{ErrorKind::kUnauthorized, ErrorKind::kOffsetOutOfRange}));
}

}  // namespace
}  // namespace tidemill::kafka
