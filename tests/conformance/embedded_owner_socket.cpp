// The suite over the socket of an embedded log's owner: what another process can do is the same there.
#include <cstdlib>
#include <tidemill/adapters/embedded_log.hpp>

#include "conformance_suite.hpp"

namespace tidemill::conformance {
namespace {

class ThroughTheOwner final : public LogUnderTest {
 public:
  ThroughTheOwner() {
    std::string pattern = testing::TempDir() + "/tidemill-conformance-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~ThroughTheOwner() override {
    owner_.reset();
    (void)real_storage(directory_)->remove_all("").has_value();
  }
  std::shared_ptr<Log> log() override {
    if (!owner_) owner_ = open_embedded_log(directory_).value();
    return reach_embedded_log(directory_, {.read_only = true}, std::chrono::seconds(30)).value();
  }
  bool reopen() override {
    owner_.reset();
    return true;
  }
  bool run_background() override { return tidemill::run_background(*owner_).has_value(); }

 private:
  std::string directory_;
  std::shared_ptr<Log> owner_;
};

}  // namespace

std::unique_ptr<LogUnderTest> make_log_under_test() { return std::make_unique<ThroughTheOwner>(); }

}  // namespace tidemill::conformance
