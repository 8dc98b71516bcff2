// OwnerServer: answers other processes about a log that this process owns, over a Unix socket in the log's directory.
//
// One thread serves a bounded number of sessions in turns and never waits for any of them; it ends with this object. The
// socket is the owner's user's alone (mode 0600). A socket that a dead owner left behind is replaced.
#pragma once

#include <thread>

#include "log_embedded/owner_session.hpp"

namespace tidemill::embedded {

class OwnerServer {
 public:
  static constexpr std::size_t kSessionsMax = 32;

  /// `log` must outlive the server; `directory` is the one it lies in.
  [[nodiscard]] static Result<std::unique_ptr<OwnerServer>> start(Log& log, std::shared_ptr<Engine> engine,
                                                                  std::string directory);
  ~OwnerServer();

 private:
  OwnerServer(Log& log, std::shared_ptr<Engine> engine, std::string directory)
      : log_(log), engine_(std::move(engine)), directory_(std::move(directory)) {}
  void run();
  /// False: no descriptor is left for another one.
  bool accept_one();

  Log& log_;
  std::shared_ptr<Engine> engine_;
  std::string directory_;
  Descriptor listener_;
  Descriptor stop_;
  std::vector<std::unique_ptr<OwnerSession>> sessions_;
  std::thread thread_;
};

}  // namespace tidemill::embedded
