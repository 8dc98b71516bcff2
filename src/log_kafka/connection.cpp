#include "log_kafka/connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <tidemill/base/clock.hpp>
#include <tidemill/base/random.hpp>

#include "log_kafka/sasl.hpp"

namespace tidemill::kafka {

class Connection::Tls {
 public:
  ~Tls() {
    if (ssl != nullptr) SSL_free(ssl);
    if (context != nullptr) SSL_CTX_free(context);
  }
  SSL_CTX* context = nullptr;
  SSL* ssl = nullptr;
};

namespace {

/// As OpenSSL's own, but a broker that has hung up is an error and no SIGPIPE, which would end a program without a handler.
int write_without_signal(BIO* bio, const char* bytes, int size) {
  int socket = -1;
  BIO_get_fd(bio, &socket);
  BIO_clear_retry_flags(bio);
  const auto written = static_cast<int>(::send(socket, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL));
  if (written <= 0 && BIO_sock_should_retry(written) != 0) BIO_set_retry_write(bio);
  return written;
}
BIO* socket_bio(int socket) {
  static BIO_METHOD* const method = [] {
    const BIO_METHOD* const own = BIO_s_socket();
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOCKET, "socket without signals");
    if (made == nullptr) return made;
    BIO_meth_set_read(made, BIO_meth_get_read(own));
    BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(own));
    BIO_meth_set_create(made, BIO_meth_get_create(own));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(own));
    BIO_meth_set_write(made, write_without_signal);
    return made;
  }();
  BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio != nullptr) BIO_set_fd(bio, socket, BIO_NOCLOSE);
  return bio;
}

std::string tls_reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  return code == 0                                  ? "the connection was closed"
         : ERR_reason_error_string(code) != nullptr ? ERR_reason_error_string(code)
                                                    : "an unknown TLS error";
}

}  // namespace

Connection::Connection(std::shared_ptr<const ConnectionConfig> config, std::string host, std::string port)
    : config_(std::move(config)),
      host_(std::move(host)),
      port_(std::move(port)),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

Connection::~Connection() {
  close();
  if (wake_ >= 0) ::close(wake_);
}

void Connection::interrupt() {
  interrupted_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
}

void Connection::close() {
  tls_.reset();
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

Error Connection::failed(std::string_view what) const {
  return {ErrorKind::kUnavailable, fmt::format("broker {}:{}: {}", host_, port_, what)};
}

Result<void> Connection::wait_for(short events, MonotonicTime deadline) {
  for (;;) {
    if (interrupted_) return Error{ErrorKind::kClosed, "the client is being closed"};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - system_clock().now().monotonic).count();
    if (left <= 0) return Error{ErrorKind::kTimeout, fmt::format("broker {}:{} did not answer in time", host_, port_)};
    pollfd fds[2] = {{socket_, events, 0}, {wake_, POLLIN, 0}};
    constexpr long kPollMax = 60'000;
    const int ready = ::poll(fds, 2, static_cast<int>(std::min(left, kPollMax)));
    if (ready < 0 && errno != EINTR) return failed(std::strerror(errno));
    if (ready > 0 && fds[0].revents != 0) return {};
  }
}

// Each address has its share of the time that is left: one that does not answer must not hide the others.
Result<void> Connection::connect(MonotonicTime deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host_.c_str(), port_.c_str(), &hints, &found); error != 0) {
    return failed(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  Error last = failed("no address");
  int left = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) ++left;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next, --left) {
    socket_ = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (socket_ < 0) {
      last = failed(std::strerror(errno));
      continue;
    }
    const int one = 1;
    (void)setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int error = ::connect(socket_, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      const MonotonicTime now = system_clock().now().monotonic;
      if (const Result<void> answered = wait_for(POLLOUT, now + (deadline - now) / left); !answered) {
        last = answered.error();
        close();
        if (last.kind == ErrorKind::kClosed) return last;
        continue;
      }
      socklen_t size = sizeof error;
      (void)getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return {};
    last = failed(std::strerror(error));
    close();
  }
  return last;
}

Result<void> Connection::open(MonotonicTime deadline) {
  TIDEMILL_TRY(connect(deadline));
  if (config_->tls) {
    auto tls = std::make_unique<Tls>();
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == nullptr) return failed(tls_reason());
    SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION);
    if (config_->verify_certificate) SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, nullptr);
    const bool trust = config_->ca_location.empty()
                           ? SSL_CTX_set_default_verify_paths(tls->context) == 1
                           : SSL_CTX_load_verify_locations(tls->context, config_->ca_location.c_str(), nullptr) == 1;
    if (!trust) return Error{ErrorKind::kInvalidArgument, "ssl.ca.location: " + tls_reason()};
    if (!config_->key_password.empty()) {
      SSL_CTX_set_default_passwd_cb_userdata(tls->context, const_cast<char*>(config_->key_password.c_str()));
    }
    if (!config_->certificate_location.empty() &&
        SSL_CTX_use_certificate_chain_file(tls->context, config_->certificate_location.c_str()) != 1) {
      return Error{ErrorKind::kInvalidArgument, "ssl.certificate.location: " + tls_reason()};
    }
    if (!config_->key_location.empty() &&
        SSL_CTX_use_PrivateKey_file(tls->context, config_->key_location.c_str(), SSL_FILETYPE_PEM) != 1) {
      return Error{ErrorKind::kInvalidArgument, "ssl.key.location: " + tls_reason()};
    }
    tls->ssl = SSL_new(tls->context);
    BIO* const bio = socket_bio(socket_);
    if (tls->ssl == nullptr || bio == nullptr) {
      BIO_free(bio);
      return failed(tls_reason());
    }
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_tlsext_host_name(tls->ssl, host_.c_str());
    if (config_->verify_certificate && config_->verify_host_name) SSL_set1_host(tls->ssl, host_.c_str());
    for (;;) {
      const int done = SSL_connect(tls->ssl);
      if (done == 1) break;
      const int error = SSL_get_error(tls->ssl, done);
      if (error == SSL_ERROR_WANT_READ) {
        TIDEMILL_TRY(wait_for(POLLIN, deadline));
      } else if (error == SSL_ERROR_WANT_WRITE) {
        TIDEMILL_TRY(wait_for(POLLOUT, deadline));
      } else if (const long verified = SSL_get_verify_result(tls->ssl); verified != X509_V_OK) {
        // Trying again does not help.
        return Error{ErrorKind::kUnauthorized,
                     fmt::format("broker {}:{}: its certificate is not accepted: {}; see ssl.truststore.location", host_, port_,
                                 X509_verify_cert_error_string(verified))};
      } else {
        return failed("TLS: " + tls_reason());
      }
    }
    tls_ = std::move(tls);
  }
  if (config_->sasl != SaslMechanism::kNone) return authenticate(deadline);
  return {};
}

Result<void> Connection::authenticate(MonotonicTime deadline) {
  const std::string_view mechanism = mechanism_name(config_->sasl);
  ProtocolWriter handshake;
  handshake.text(mechanism);
  const Result<Bytes> shaken = exchange(ApiKey::kSaslHandshake, 1, false, handshake.take(), deadline);
  if (!shaken) return shaken.error();
  ProtocolReader reader(*shaken);
  if (reader.number<std::int16_t>() != 0) {
    std::string known;
    for (std::size_t left = reader.array(); left > 0; --left) known += " " + reader.text();
    return Error{ErrorKind::kUnauthorized,
                 fmt::format("broker {}:{} does not take sasl.mechanism={}; it takes:{}", host_, port_, mechanism, known)};
  }
  const auto send = [&](std::string_view message) -> Result<std::string> {
    ProtocolWriter writer;
    writer.blob(message);
    TIDEMILL_ASSIGN(const Bytes answer, exchange(ApiKey::kSaslAuthenticate, 1, false, writer.take(), deadline));
    ProtocolReader read(answer);
    const auto error = read.number<std::int16_t>();
    const std::string text = read.text();
    std::string bytes(read.blob());
    if (!read.ok()) return failed("its answer to SaslAuthenticate cannot be read");
    if (error != 0) return Error{ErrorKind::kUnauthorized, fmt::format("broker {}:{}: {}", host_, port_, text)};
    return bytes;
  };
  if (config_->sasl == SaslMechanism::kPlain) {
    const Result<std::string> done = send(plain_message(config_->sasl_username, config_->sasl_password));
    return done ? Result<void>() : Result<void>(done.error());
  }
  ScramClient scram(config_->sasl, config_->sasl_username, config_->sasl_password, random_uuid(system_random()));
  TIDEMILL_ASSIGN(const std::string first, send(scram.first_message()));
  TIDEMILL_ASSIGN(const std::string proof, scram.final_message(first));
  TIDEMILL_ASSIGN(const std::string last, send(proof));
  return scram.verify(last);
}

Result<Bytes> Connection::call(ApiKey key, std::int16_t version, bool flexible, BytesView body, MonotonicTime deadline) {
  if (interrupted_) return Error{ErrorKind::kClosed, "the client is being closed"};
  if (socket_ < 0) {
    if (const Result<void> opened = open(deadline); !opened) {
      close();
      return opened.error();
    }
  }
  Result<Bytes> answer = exchange(key, version, flexible, body, deadline);
  if (!answer) close();
  return answer;
}

Result<Bytes> Connection::exchange(ApiKey key, std::int16_t version, bool flexible, BytesView body, MonotonicTime deadline) {
  ProtocolWriter header;
  header.number<std::int32_t>(0);  // the size, below
  header.number(static_cast<std::int16_t>(key));
  header.number(version);
  header.number(++correlation_);
  header.text(config_->client_id);  // never compact
  Bytes frame = header.take();
  if (flexible) frame.push_back(0);
  frame += body;
  store_big_endian(frame.data(), static_cast<std::int32_t>(frame.size() - 4));
  TIDEMILL_TRY(write_all(frame, deadline));
  char start[4];
  TIDEMILL_TRY(read_all(start, sizeof start, deadline));
  const auto size = load_big_endian<std::int32_t>(start);
  if (size < 4 || size > kResponseBytesMax) return failed(fmt::format("an answer of {} bytes is not possible", size));
  Bytes answer(static_cast<std::size_t>(size), '\0');
  TIDEMILL_TRY(read_all(answer.data(), answer.size(), deadline));
  if (load_big_endian<std::int32_t>(answer.data()) != correlation_) return failed("it answered another request");
  std::size_t begin = 4;
  if (flexible) {
    ProtocolReader tags(BytesView(answer).substr(begin), true);
    tags.end_struct();
    if (!tags.ok()) return failed("its answer cannot be read");
    ++begin;  // header version 1 of these answers carries no tags
  }
  return answer.substr(begin);
}

Result<void> Connection::write_all(BytesView bytes, MonotonicTime deadline) {
  while (!bytes.empty()) {
    if (tls_) {
      const int written = SSL_write(tls_->ssl, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 20)));
      if (written > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
        continue;
      }
      const int error = SSL_get_error(tls_->ssl, written);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return failed("TLS: " + tls_reason());
      TIDEMILL_TRY(wait_for(error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline));
      continue;
    }
    const ssize_t written = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN || errno == EINTR) {
      TIDEMILL_TRY(wait_for(POLLOUT, deadline));
    } else {
      return failed(std::strerror(errno));
    }
  }
  return {};
}

Result<void> Connection::read_all(char* out, std::size_t size, MonotonicTime deadline) {
  while (size > 0) {
    if (interrupted_) return Error{ErrorKind::kClosed, "the client is being closed"};
    if (tls_) {
      const int got = SSL_read(tls_->ssl, out, static_cast<int>(std::min<std::size_t>(size, 1 << 20)));
      if (got > 0) {
        out += got;
        size -= static_cast<std::size_t>(got);
        continue;
      }
      const int error = SSL_get_error(tls_->ssl, got);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return failed("TLS: " + tls_reason());
      TIDEMILL_TRY(wait_for(error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN, deadline));
      continue;
    }
    const ssize_t got = ::recv(socket_, out, size, 0);
    if (got > 0) {
      out += got;
      size -= static_cast<std::size_t>(got);
    } else if (got == 0) {
      return failed("it closed the connection");
    } else if (errno == EAGAIN || errno == EINTR) {
      TIDEMILL_TRY(wait_for(POLLIN, deadline));
    } else {
      return failed(std::strerror(errno));
    }
  }
  return {};
}

}  // namespace tidemill::kafka
