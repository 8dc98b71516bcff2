// The suite against the embedded log in memory.
#include <tidemill/adapters/embedded_log.hpp>

#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

class EmbeddedInMemory final : public LogUnderTest {
 public:
  std::shared_ptr<Log> log() override {
    if (!log_) log_ = open_embedded_log(*storage_, system_clock(), system_random(), {}).value();
    return log_;
  }
  bool reopen() override {
    log_.reset();
    return true;
  }
  bool run_background() override { return tidemill::run_background(*log_).has_value(); }

 private:
  std::unique_ptr<Storage> storage_ = memory_storage();
  std::shared_ptr<Log> log_;
};

}  // namespace

std::unique_ptr<LogUnderTest> make_log_under_test() { return std::make_unique<EmbeddedInMemory>(); }

}  // namespace tidemill::conformance
