#include "log_embedded/owner_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tidemill::embedded {
namespace {

/// Until a new connection is tried again when the process has no descriptor left.
constexpr std::chrono::seconds kAcceptPause{1};

}  // namespace

Result<std::unique_ptr<OwnerServer>> OwnerServer::start(Log& log, std::shared_ptr<Engine> engine, std::string directory) {
  std::unique_ptr<OwnerServer> server(new OwnerServer(log, std::move(engine), std::move(directory)));
  TIDEMILL_ASSIGN(server->stop_, make_event());
  TIDEMILL_ASSIGN(server->listener_, listen_at(server->directory_, kOwnerSocketName));
  server->thread_ = std::thread([raw = server.get()] { raw->run(); });
  return server;
}

OwnerServer::~OwnerServer() {
  if (!thread_.joinable()) return;
  // While the directory still is this process's: the next owner's socket of that name must not be taken away.
  ::unlink((directory_ + "/" + std::string(kOwnerSocketName)).c_str());
  raise_event(stop_.number());
  thread_.join();
}

bool OwnerServer::accept_one() {
  Descriptor socket(::accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!socket) return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
  Result<Descriptor> event = make_event();
  if (!event) return false;
  if (sessions_.size() >= kSessionsMax) {
    const Error full{ErrorKind::kFull, "process " + std::to_string(::getpid()) + " serves " + std::to_string(kSessionsMax) +
                                           " connections already: end one of them"};
    (void)send_some(socket.number(), frame(encode_answer<Hello>(full))).has_value();
    return true;
  }
  sessions_.push_back(std::make_unique<OwnerSession>(log_, engine_, std::move(socket), *std::move(event)));
  return true;
}

void OwnerServer::run() {
  std::optional<MonotonicTime> accept_again;
  std::vector<pollfd> wanted;
  while (true) {
    const MonotonicTime now = engine_->clock.now().monotonic;
    if (accept_again && now >= *accept_again) accept_again.reset();
    std::optional<MonotonicTime> until = accept_again;
    bool busy = false;
    wanted = {{stop_.number(), POLLIN, 0}, {accept_again ? -1 : listener_.number(), POLLIN, 0}};
    for (const auto& session : sessions_) {
      wanted.push_back({session->socket(), session->interest(), 0});
      wanted.push_back({session->event(), POLLIN, 0});
      busy = busy || session->busy();
      if (const auto deadline = session->deadline(); deadline && (!until || *deadline < *until)) until = deadline;
    }
    const int timeout = busy ? 0 : until ? poll_timeout(now, *until) : -1;
    if (::poll(wanted.data(), wanted.size(), timeout) < 0 && errno != EINTR) return;
    if (wanted[0].revents != 0) return;
    const MonotonicTime then = engine_->clock.now().monotonic;
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      OwnerSession& session = *sessions_[i];
      const bool asked = wanted[2 + 2 * i].revents != 0 || wanted[3 + 2 * i].revents != 0 || session.busy() ||
                         (session.deadline() && *session.deadline() <= then);
      if (asked && !session.turn()) sessions_[i].reset();
    }
    std::erase(sessions_, nullptr);
    if (wanted[1].revents != 0 && !accept_one()) accept_again = then + kAcceptPause;
  }
}

}  // namespace tidemill::embedded
