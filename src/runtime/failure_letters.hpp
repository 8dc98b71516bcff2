// FailureLetters: the dead letters of the errors that end a thread. What its tasks have sent since the last commit is
// aborted then, so these are kept here, and written once that has been done: through a commit group of their own,
// without a transaction, so that neither the abort nor a successor takes them back.
//
// Owned by one StreamThread and used on its thread. Bounded by kLettersMax, and write() by its deadline. A letter is
// written once or, where the log does not take it, told in an error message with the place of its record.
#pragma once

#include <string>
#include <vector>

#include <tidemill/config/handlers.hpp>
#include <tidemill/config/streams_config.hpp>
#include <tidemill/log/log.hpp>
#include <tidemill/topology/topology.hpp>

namespace tidemill::runtime {

class FailureLetters {
 public:
  static constexpr std::size_t kLettersMax = 100;

  void keep(const ErrorHandlerContext& failed, const std::vector<DeadLetterRecord>& letters);
  [[nodiscard]] bool empty() const { return kept_.empty(); }
  /// Writes what is kept and forgets it. `name`: of the thread.
  void write(Log& log, const Topology& topology, const StreamsConfig& config, const std::string& name, MonotonicTime deadline);

 private:
  struct Kept {
    DeadLetterRecord letter;
    std::string place;  // of the record that failed
  };
  std::vector<Kept> kept_;
};

}  // namespace tidemill::runtime
