// FakeBroker: a listening socket whose requests a test answers, one connection after the other or side by side. It knows frames,
// not what is in them.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "log_kafka/connection.hpp"

namespace tidemill::kafka::test {

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

class FakeBroker {
 public:
  /// The body of the answer; nullopt closes the connection. Called on a connection's own thread.
  using Answer = std::function<std::optional<Bytes>(ApiKey key)>;

  explicit FakeBroker(Answer answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] {
      while (true) {
        const int connection = ::accept(listener_, nullptr, nullptr);
        if (connection < 0) return;
        serving_.emplace_back([this, connection] { serve(connection); });
      }
    });
  }
  /// Its clients must be gone.
  ~FakeBroker() {
    ::shutdown(listener_, SHUT_RDWR);
    accepting_.join();
    for (std::thread& one : serving_) one.join();
    ::close(listener_);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  static bool receive(int connection, char* out, std::size_t size) {
    return ::recv(connection, out, size, MSG_WAITALL) == static_cast<ssize_t>(size);
  }
  void serve(int connection) const {
    char size[4];
    while (receive(connection, size, sizeof size)) {
      Bytes frame(load_big_endian<std::uint32_t>(size), '\0');
      if (!receive(connection, frame.data(), frame.size())) break;
      ProtocolReader header(frame);
      const auto key = static_cast<ApiKey>(header.number<std::int16_t>());
      (void)header.number<std::int16_t>();
      const auto correlation = header.number<std::int32_t>();
      const std::optional<Bytes> body = answer_(key);
      if (!body) break;
      ProtocolWriter answer;
      answer.number(static_cast<std::int32_t>(sizeof correlation + body->size()));
      answer.number(correlation);
      const Bytes bytes = answer.take() + *body;
      if (::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) break;
    }
    ::close(connection);
  }
  Answer answer_;
  int listener_;
  std::uint16_t port_ = 0;
  std::thread accepting_;
  std::vector<std::thread> serving_;
};

}  // namespace tidemill::kafka::test
