// The suite against Apache Kafka, at the broker that TIDEMILL_BOOTSTRAP_SERVERS names.
#include <cstdio>
#include <cstdlib>

#include <tidemill/adapters/kafka_log.hpp>

#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

class OnKafka final : public LogUnderTest {
 public:
  explicit OnKafka(std::string bootstrap_servers) : bootstrap_servers_(std::move(bootstrap_servers)) {}
  std::shared_ptr<Log> log() override {
    if (!log_) log_ = open_kafka_log({.bootstrap_servers = bootstrap_servers_, .client_id = "conformance"}).value();
    return log_;
  }
  /// The broker stays; what can be forgotten is what the client knows.
  bool reopen() override {
    log_.reset();
    return true;
  }

 private:
  std::string bootstrap_servers_;
  std::shared_ptr<Log> log_;
};

}  // namespace

std::unique_ptr<LogUnderTest> make_log_under_test() {
  const char* bootstrap_servers = std::getenv("TIDEMILL_BOOTSTRAP_SERVERS");
  if (bootstrap_servers == nullptr) {
    std::fprintf(stderr, "TIDEMILL_BOOTSTRAP_SERVERS is not set: it names the broker, as HOST:PORT\n");
    std::exit(2);
  }
  return std::make_unique<OnKafka>(bootstrap_servers);
}

}  // namespace tidemill::conformance
