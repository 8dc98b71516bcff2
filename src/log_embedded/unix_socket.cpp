#include "log_embedded/unix_socket.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

namespace tidemill::embedded {
namespace {

constexpr int kBacklog = 16;
constexpr std::size_t kReceiveBytes = 64 * 1024;

Error system_error(const std::string& action, int code = errno) {
  ErrorKind kind = ErrorKind::kIo;
  if (code == ENOENT || code == ENOTDIR) kind = ErrorKind::kNotFound;
  if (code == EACCES || code == EPERM) kind = ErrorKind::kUnauthorized;
  if (code == ECONNREFUSED || code == EAGAIN) kind = ErrorKind::kUnavailable;
  if (code == EPIPE || code == ECONNRESET) kind = ErrorKind::kClosed;
  return Error{kind, action + ": " + std::strerror(code)};
}

// An address has room for about 100 bytes. A longer path is said in another way: by the descriptor of its
// directory.
struct Address {
  Descriptor directory;  // open as long as the address is used
  sockaddr_un socket{};
};

Result<Address> address_of(const std::string& directory, const std::string& name) {
  Address address;
  address.socket.sun_family = AF_UNIX;
  std::string path = directory + "/" + name;
  if (path.size() >= sizeof address.socket.sun_path) {
    address.directory = Descriptor(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.directory) return system_error("open directory " + directory);
    path = "/proc/self/fd/" + std::to_string(address.directory.number()) + "/" + name;
  }
  std::memcpy(address.socket.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<Descriptor> new_socket() {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return system_error("make a Unix socket");
  return socket;
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Descriptor> listen_at(const std::string& directory, std::string_view name) {
  const std::string path = directory + "/" + std::string(name);
  const std::string unfinished = path + ".new";
  TIDEMILL_ASSIGN(const Address address, address_of(directory, std::string(name) + ".new"));
  TIDEMILL_ASSIGN(Descriptor socket, new_socket());
  if (::unlink(unfinished.c_str()) != 0 && errno != ENOENT) return system_error("remove " + unfinished);
  // Linux gives the file the mode of the descriptor: it is never anybody else's to open.
  if (::fchmod(socket.number(), 0600) != 0) return system_error("restrict " + path);
  if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address.socket), sizeof address.socket) != 0) {
    return system_error("make the socket " + path);
  }
  if (::listen(socket.number(), kBacklog) != 0) return system_error("listen at " + path);
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return system_error("make the socket " + path);
  return socket;
}

Result<Descriptor> connect_to(const std::string& directory, std::string_view name) {
  TIDEMILL_ASSIGN(const Address address, address_of(directory, std::string(name)));
  TIDEMILL_ASSIGN(Descriptor socket, new_socket());
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address.socket), sizeof address.socket) != 0) {
    return system_error("connect to " + directory + "/" + std::string(name));
  }
  return socket;
}

Result<Descriptor> make_event() {
  Descriptor event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event) return system_error("make an event");
  return event;
}
void raise_event(int event) {
  const std::uint64_t one = 1;
  (void)!::write(event, &one, sizeof one);  // refused only when it is raised already
}
bool clear_event(int event) {
  std::uint64_t count = 0;
  return ::read(event, &count, sizeof count) == sizeof count;
}

Result<bool> receive_some(int socket, Bytes& received, std::size_t bytes_max) {
  bool any = false;
  char bytes[kReceiveBytes];
  for (std::size_t total = 0; total < bytes_max;) {
    const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return any;
    if (got <= 0 && any) return true;  // what has come counts first; the end is met again at the next call
    if (got < 0) return system_error("receive");
    if (got == 0) return Error{ErrorKind::kClosed, "receive: the other side is gone"};
    received.append(bytes, static_cast<std::size_t>(got));
    total += static_cast<std::size_t>(got);
    any = true;
  }
  return any;
}

Result<std::size_t> send_some(int socket, BytesView bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t now = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (now < 0 && errno == EINTR) continue;
    if (now < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (now < 0) return system_error("send");
    sent += static_cast<std::size_t>(now);
  }
  return sent;
}

int poll_timeout(MonotonicTime now, MonotonicTime deadline) {
  if (deadline <= now) return 0;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<int>(std::min<std::int64_t>(wait, std::numeric_limits<int>::max()));
}

}  // namespace tidemill::embedded
