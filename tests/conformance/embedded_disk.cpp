// The suite against the embedded log on disk; TIDEMILL_DURABILITY=process runs it in that durability.
#include <cstdlib>

#include <tidemill/adapters/embedded_log.hpp>

#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

class EmbeddedOnDisk final : public LogUnderTest {
 public:
  EmbeddedOnDisk() {
    std::string pattern = testing::TempDir() + "/tidemill-conformance-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~EmbeddedOnDisk() override {
    log_.reset();
    (void)real_storage(directory_)->remove_all("").has_value();
  }
  std::shared_ptr<Log> log() override {
    const char* durability = std::getenv("TIDEMILL_DURABILITY");
    EmbeddedLogOptions options;
    if (durability != nullptr && std::string(durability) == "process") options.durability = Durability::kProcess;
    if (!log_) log_ = open_embedded_log(directory_, options).value();
    return log_;
  }
  bool reopen() override {
    log_.reset();
    return true;
  }
  bool run_background() override { return tidemill::run_background(*log_).has_value(); }

 private:
  std::string directory_;
  std::shared_ptr<Log> log_;
};

}  // namespace

std::unique_ptr<LogUnderTest> make_log_under_test() { return std::make_unique<EmbeddedOnDisk>(); }

}  // namespace tidemill::conformance
