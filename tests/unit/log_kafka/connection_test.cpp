// A connection to a host that has a dead address, and to one that hangs up in the middle of a request.
#include "log_kafka/connection.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <future>

#include <tidemill/base/clock.hpp>

#include "fake_broker.hpp"

namespace tidemill::kafka {
namespace {

constexpr const char* kHostOfTwoAddresses = "two-addresses.test";
/// Ports on which its addresses differ here, as they do in their numbers elsewhere.
std::atomic<std::uint16_t> ports_of_two_addresses[2];

MonotonicTime in(std::chrono::seconds time) { return system_clock().now().monotonic + time; }

addrinfo* address_of(std::uint16_t port, addrinfo* next) {
  struct Owning {
    addrinfo info;
    sockaddr_in address;
  };
  auto* made = static_cast<Owning*>(std::calloc(1, sizeof(Owning)));
  made->address = test::loopback(port);
  made->info.ai_family = AF_INET;
  made->info.ai_socktype = SOCK_STREAM;
  made->info.ai_addr = reinterpret_cast<sockaddr*>(&made->address);
  made->info.ai_addrlen = sizeof made->address;
  made->info.ai_next = next;
  return &made->info;
}
bool is_ours(const addrinfo* found) {
  return reinterpret_cast<const char*>(found->ai_addr) == reinterpret_cast<const char*>(found) + sizeof(addrinfo);
}

}  // namespace
}  // namespace tidemill::kafka

// The resolver of this program knows one host more.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  using namespace tidemill::kafka;
  if (node != nullptr && std::strcmp(node, kHostOfTwoAddresses) == 0) {
    *found = address_of(ports_of_two_addresses[0], address_of(ports_of_two_addresses[1], nullptr));
    return 0;
  }
  static const auto system = reinterpret_cast<decltype(&getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return system(node, service, hints, found);
}
extern "C" void freeaddrinfo(addrinfo* found) {
  if (found == nullptr) return;
  if (!tidemill::kafka::is_ours(found)) {
    static const auto system = reinterpret_cast<decltype(&freeaddrinfo)>(::dlsym(RTLD_NEXT, "freeaddrinfo"));
    return system(found);
  }
  while (found != nullptr) std::free(std::exchange(found, found->ai_next));
}

namespace tidemill::kafka {
namespace {

/// Accepts nobody, and its queue is full: who connects hears nothing.
class BlackHole {
 public:
  BlackHole() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = test::loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 0), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    for (int& one : waiting_) {
      one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      (void)::connect(one, reinterpret_cast<sockaddr*>(&address), size);
    }
  }
  ~BlackHole() {
    for (const int one : waiting_) ::close(one);
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int listener_;
  int waiting_[4];
  std::uint16_t port_ = 0;
};

TEST(Connection, AnAddressThatDoesNotAnswerDoesNotHideTheNextOne) {
  const BlackHole black_hole;
  const test::FakeBroker broker([](ApiKey) { return Bytes("hello"); });
  ports_of_two_addresses[0] = black_hole.port();
  ports_of_two_addresses[1] = broker.port();
  Connection connection(std::make_shared<const ConnectionConfig>(), kHostOfTwoAddresses, "9092");
  const Result<Bytes> answer = connection.call(ApiKey::kApiVersions, 0, false, "", in(std::chrono::seconds(4)));
  EXPECT_EQ(answer ? *answer : answer.error().message, "hello");
}

std::atomic<int> pipe_signals{0};

/// A certificate that vouches for itself, and its key.
void identify(SSL_CTX* context) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  EXPECT_GT(X509_sign(certificate, key, EVP_sha256()), 0);
  EXPECT_EQ(SSL_CTX_use_certificate(context, certificate), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

// The first record of a long request meets a closed socket and is refused, the second one meets a broken one.
TEST(Connection, ATlsBrokerThatHangsUpIsAnErrorAndNoSignal) {
  struct sigaction before {};
  struct sigaction counting {};
  counting.sa_handler = [](int) { ++pipe_signals; };
  ASSERT_EQ(::sigaction(SIGPIPE, &counting, &before), 0);
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = test::loopback(0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  std::promise<void> hung_up;
  std::thread broker([&] {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    identify(context);
    SSL* ssl = SSL_new(context);
    const int socket = ::accept(listener, nullptr, nullptr);
    SSL_set_fd(ssl, socket);
    EXPECT_EQ(SSL_accept(ssl), 1);
    char request[4];
    EXPECT_EQ(SSL_read(ssl, request, sizeof request), 4);
    Bytes rest(load_big_endian<std::uint32_t>(request), '\0');
    EXPECT_EQ(SSL_read(ssl, rest.data(), static_cast<int>(rest.size())), static_cast<int>(rest.size()));
    ProtocolWriter answer;
    answer.number<std::int32_t>(4);
    answer.number<std::int32_t>(1);  // the first request's number
    const Bytes bytes = answer.take();
    EXPECT_EQ(SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())), static_cast<int>(bytes.size()));
    ::close(socket);
    SSL_free(ssl);
    SSL_CTX_free(context);
    hung_up.set_value();
  });
  ConnectionConfig config;
  config.tls = true;
  config.verify_certificate = false;
  Connection connection(std::make_shared<const ConnectionConfig>(config), "127.0.0.1", std::to_string(ntohs(address.sin_port)));
  EXPECT_TRUE(connection.call(ApiKey::kApiVersions, 0, false, "", in(std::chrono::seconds(60))).has_value());
  hung_up.get_future().wait();
  const Result<Bytes> answer =
      connection.call(ApiKey::kApiVersions, 0, false, Bytes(8 << 20, 'x'), in(std::chrono::seconds(60)));
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(pipe_signals, 0) << "one ends a program that does not expect it";
  broker.join();
  ::close(listener);
  ASSERT_EQ(::sigaction(SIGPIPE, &before, nullptr), 0);
}

}  // namespace
}  // namespace tidemill::kafka
