// Connection: one TCP or TLS connection to a broker, authenticated, for requests that librdkafka does not send. One request
// at a time, each with a deadline; after any error the connection is closed and the next call opens it anew.
//
// Used by one thread, but for interrupt().
#pragma once

#include <atomic>
#include <memory>

#include "log_kafka/client_config.hpp"
#include "log_kafka/protocol.hpp"

namespace tidemill::kafka {

enum class ApiKey : std::int16_t {
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kSaslAuthenticate = 36,
};

class Connection {
 public:
  /// Larger answers are refused: nothing that a broker sends may fill the memory.
  static constexpr std::int32_t kResponseBytesMax = 100 << 20;

  Connection(std::shared_ptr<const ConnectionConfig> config, std::string host, std::string port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends a request and returns its answer without headers. kUnavailable: no connection, or it broke; the request may have
  /// had its effect. kTimeout; kUnauthorized.
  [[nodiscard]] Result<Bytes> call(ApiKey key, std::int16_t version, bool flexible, BytesView body, MonotonicTime deadline);
  /// From any thread: a call that waits ends with kClosed, and so do all later ones.
  void interrupt();
  [[nodiscard]] const std::string& host() const { return host_; }

 private:
  class Tls;
  [[nodiscard]] Result<void> open(MonotonicTime deadline);
  [[nodiscard]] Result<void> connect(MonotonicTime deadline);
  [[nodiscard]] Result<void> authenticate(MonotonicTime deadline);
  [[nodiscard]] Result<Bytes> exchange(ApiKey key, std::int16_t version, bool flexible, BytesView body, MonotonicTime deadline);
  [[nodiscard]] Result<void> write_all(BytesView bytes, MonotonicTime deadline);
  [[nodiscard]] Result<void> read_all(char* out, std::size_t size, MonotonicTime deadline);
  [[nodiscard]] Result<void> wait_for(short events, MonotonicTime deadline);
  [[nodiscard]] Error failed(std::string_view what) const;
  void close();

  std::shared_ptr<const ConnectionConfig> config_;
  std::string host_;
  std::string port_;
  int socket_ = -1;
  int wake_ = -1;  // eventfd
  std::unique_ptr<Tls> tls_;
  std::int32_t correlation_ = 0;
  std::atomic<bool> interrupted_{false};
};

}  // namespace tidemill::kafka
