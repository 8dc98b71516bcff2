// One server, asked over HTTP or HTTPS: a request, an answer, or why there is none. One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <tidemill/base/result.hpp>

namespace tidemill::registry {

/// More than that is no answer of a registry's.
inline constexpr std::size_t kAnswerBytesMax = std::size_t{16} << 20;

struct Url {
  std::string scheme;
  std::string host;  // with its port, if it names one
  std::string path;  // in front of every request's; without a slash at its end
  std::string user_info;
  /// Without credentials.
  [[nodiscard]] std::string shown() const { return scheme + "://" + host + path; }
};
[[nodiscard]] Result<Url> parse_url(const std::string& text);
/// For a part of a path.
[[nodiscard]] std::string percent_encoded(std::string_view text);

struct TransportOptions {
  std::chrono::milliseconds connect_timeout;
  std::chrono::milliseconds read_timeout;
  std::string authorization;  // the header's value, or empty
  std::string ca_file;
};

struct Answer {
  int status = 0;
  std::string body;
};

class HttpTransport {
 public:
  HttpTransport(const Url& url, const TransportOptions& options);
  ~HttpTransport();
  /// A body that is not empty is posted. kUnavailable: no answer came, or not all of it in time (one that trickles may
  /// take twice the read timeout), or it was too large.
  [[nodiscard]] Result<Answer> ask(const std::string& path, const std::string& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::registry
