#include "end_to_end/run_streams.hpp"

#include <filesystem>
#include <stdexcept>

#include "end_to_end/input_log.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;

constexpr std::chrono::minutes kPatience{10};

/// No two runs share an application: each finds no committed offsets and no state.
std::string new_application_id() {
  static int runs = 0;
  return "bench-" + std::to_string(++runs);
}

}  // namespace

Sample run_streams(const RunOptions& options, const std::function<Topology(WarmUp&)>& topology) {
  const std::shared_ptr<Log> log = embedded_log(options.input_log, {.durability = options.durability});
  WarmUp warm_up(options.warm_up);
  Streams streams(topology(warm_up), {.application_id = new_application_id(),
                                      .log = log,
                                      .processing_guarantee = options.guarantee,
                                      .state_dir = options.state});
  streams.start().value();
  const bool done = streams.wait_until_caught_up(kPatience);
  if (const auto error = streams.error()) throw ResultException(*error);
  if (!done) throw std::runtime_error("the application has not caught up in ten minutes");
  streams.close().value();
  const Sample sample = warm_up.end();
  if (warm_up.seen() != options.records) {
    throw std::runtime_error("the application saw " + std::to_string(warm_up.seen()) + " records of " +
                             std::to_string(options.records));
  }
  delete_written_topics(*log);
  std::filesystem::remove_all(options.state);
  return sample;
}

}  // namespace tidemill_bench
