#include "log_kafka/sasl.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <charconv>

#include <fmt/format.h>

namespace tidemill::kafka {
namespace {

const EVP_MD* digest(SaslMechanism mechanism) { return mechanism == SaslMechanism::kScramSha512 ? EVP_sha512() : EVP_sha256(); }

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string hmac(const EVP_MD* md, std::string_view key, std::string_view text) {
  std::string result(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(md, key.data(), static_cast<int>(key.size()), bytes(text), text.size(), reinterpret_cast<unsigned char*>(result.data()),
       &size);
  result.resize(size);
  return result;
}

std::string hash(const EVP_MD* md, std::string_view text) {
  std::string result(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(result.data()), &size, md, nullptr);
  result.resize(size);
  return result;
}

std::string to_base64(std::string_view text) {
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()), bytes(text), static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
  return result;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  std::string result(text.size() / 4 * 3 + 1, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()), bytes(text), static_cast<int>(text.size()));
  if (size < 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  result.resize(static_cast<std::size_t>(size) - padding);
  return result;
}

/// The value of `name=` in a list of comma-separated attributes.
std::string_view attribute(std::string_view list, char name) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    if (item.size() >= 2 && item[0] == name && item[1] == '=') return item.substr(2);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return {};
}

Error refused(std::string_view why) {
  return {ErrorKind::kUnauthorized, fmt::format("SCRAM: the broker's message is not valid: {}", why)};
}

}  // namespace

std::string_view mechanism_name(SaslMechanism mechanism) {
  switch (mechanism) {
    case SaslMechanism::kPlain: return "PLAIN";
    case SaslMechanism::kScramSha256: return "SCRAM-SHA-256";
    case SaslMechanism::kScramSha512: return "SCRAM-SHA-512";
    case SaslMechanism::kNone: break;
  }
  return "";
}

std::string plain_message(std::string_view username, std::string_view password) {
  std::string message(1, '\0');
  message += username;
  message.push_back('\0');
  message += password;
  return message;
}

ScramClient::ScramClient(SaslMechanism mechanism, std::string username, std::string password, std::string nonce)
    : mechanism_(mechanism), username_(std::move(username)), password_(std::move(password)), nonce_(std::move(nonce)) {}

std::string ScramClient::first_message() {
  std::string name;
  for (const char c : username_) {
    if (c == ',') {
      name += "=2C";
    } else if (c == '=') {
      name += "=3D";
    } else {
      name.push_back(c);
    }
  }
  first_bare_ = "n=" + name + ",r=" + nonce_;
  return "n,," + first_bare_;
}

Result<std::string> ScramClient::final_message(std::string_view server_first) {
  if (const std::string_view error = attribute(server_first, 'e'); !error.empty()) {
    return Error{ErrorKind::kUnauthorized, fmt::format("SCRAM: the broker refused: {}", error)};
  }
  const std::string_view nonce = attribute(server_first, 'r');
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size()) return refused("its nonce does not continue ours");
  const std::optional<std::string> salt = from_base64(attribute(server_first, 's'));
  if (!salt) return refused("no salt");
  const std::string_view count = attribute(server_first, 'i');
  int iterations = 0;
  const auto parsed = std::from_chars(count.data(), count.data() + count.size(), iterations);
  if (parsed.ec != std::errc() || iterations < 1 || iterations > kIterationsMax) return refused("the iteration count");
  const EVP_MD* md = digest(mechanism_);
  const int size = EVP_MD_get_size(md);
  std::string salted(static_cast<std::size_t>(size), '\0');
  PKCS5_PBKDF2_HMAC(password_.data(), static_cast<int>(password_.size()), bytes(*salt), static_cast<int>(salt->size()),
                    iterations, md, size, reinterpret_cast<unsigned char*>(salted.data()));
  const std::string client_key = hmac(md, salted, "Client Key");
  const std::string without_proof = fmt::format("c=biws,r={}", nonce);
  const std::string auth = fmt::format("{},{},{}", first_bare_, server_first, without_proof);
  std::string proof = hmac(md, hash(md, client_key), auth);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
  server_signature_ = hmac(md, hmac(md, salted, "Server Key"), auth);
  return without_proof + ",p=" + to_base64(proof);
}

Result<void> ScramClient::verify(std::string_view server_final) const {
  if (const std::string_view error = attribute(server_final, 'e'); !error.empty()) {
    return Error{ErrorKind::kUnauthorized, fmt::format("SCRAM: the broker refused: {}", error)};
  }
  const std::optional<std::string> signature = from_base64(attribute(server_final, 'v'));
  if (!signature || signature->size() != server_signature_.size() ||
      CRYPTO_memcmp(signature->data(), server_signature_.data(), signature->size()) != 0) {
    return Error{ErrorKind::kUnauthorized, "SCRAM: the broker does not know the password: it may be an impostor"};
  }
  return {};
}

}  // namespace tidemill::kafka
