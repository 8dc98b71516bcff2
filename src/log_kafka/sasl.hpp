// The client's side of SASL PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677): texts in, texts out, no I/O.
#pragma once

#include <string>

#include <tidemill/base/result.hpp>

#include "log_kafka/client_config.hpp"

namespace tidemill::kafka {

[[nodiscard]] std::string_view mechanism_name(SaslMechanism mechanism);
[[nodiscard]] std::string plain_message(std::string_view username, std::string_view password);

class ScramClient {
 public:
  /// The server may ask for as many rounds as it likes; more than this is an attack on our processor.
  static constexpr int kIterationsMax = 1'000'000;

  /// `nonce`: printable, no comma, unique to this exchange.
  ScramClient(SaslMechanism mechanism, std::string username, std::string password, std::string nonce);
  [[nodiscard]] std::string first_message();
  /// The answer to the server's first message.
  [[nodiscard]] Result<std::string> final_message(std::string_view server_first);
  /// Whether the server knows the password too.
  [[nodiscard]] Result<void> verify(std::string_view server_final) const;

 private:
  SaslMechanism mechanism_;
  std::string username_;
  std::string password_;
  std::string nonce_;
  std::string first_bare_;
  std::string server_signature_;
};

}  // namespace tidemill::kafka
