#include "serde_registry/http_transport.hpp"

#include <httplib.h>

#include <condition_variable>
#include <csignal>
#include <ctime>
#include <mutex>
#include <thread>

#include "base/durations.hpp"

namespace tidemill::registry {
namespace {

constexpr const char* kContentType = "application/vnd.schemaregistry.v1+json";
constexpr const char* kAccepted =
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json; q=0.9, application/json; q=0.5";

/// A server that hangs up on an encrypted connection must not end a program that does not ignore SIGPIPE. The library installs no
/// handlers, so the signal is held back for this thread, and taken away when it came.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    was_pending_ = sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;
  ~NoBrokenPipe() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

constexpr std::chrono::seconds kStopAgain{1};

/// Ends what the client is waiting for when it has not come in time. The client's own time-outs begin anew with every byte. A
/// thread of its own, for as long as one question takes: questions are few.
class Patience {
 public:
  Patience(httplib::Client& client, std::chrono::milliseconds time) : client_(client), thread_([this, time] { watch(time); }) {}
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  ~Patience() { end(); }
  /// True: it ran out.
  bool end() {
    {
      const std::lock_guard lock(mutex_);
      answered_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
    return ran_out_;
  }

 private:
  void watch(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, time, [this] { return answered_; })) return;
    ran_out_ = true;
    // Again and again: while a name is looked up, or a connection made, there is nothing to stop yet.
    while (!answered_) {
      lock.unlock();
      client_.stop();
      lock.lock();
      changed_.wait_for(lock, kStopAgain, [this] { return answered_; });
    }
  }

  httplib::Client& client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool answered_ = false;
  bool ran_out_ = false;  // read when the thread has ended
  std::thread thread_;
};

Error bad_url(const std::string& why) {
  // Not the url itself, which may hold a password.
  return {ErrorKind::kInvalidArgument, "a url of the schema registry " + why + ": http://host:port or https://host:port"};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}
std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

const char* sentence(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout: return "no connection could be made";
    case httplib::Error::Read: return "no answer came in time, or the connection ended before";
    case httplib::Error::Write: return "the connection ended before all was sent";
    case httplib::Error::SSLConnection: return "no encrypted connection could be made";
    case httplib::Error::SSLLoadingCerts: return "the certificates to trust could not be read";
    case httplib::Error::SSLServerVerification: return "the server's certificate is not trusted, or is another host's";
    default: return "the request failed";
  }
}

}  // namespace

std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return encoded;
}

Result<Url> parse_url(const std::string& text) {
  Url url;
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string::npos) return bad_url("has no scheme");
  url.scheme = text.substr(0, scheme_end);
  if (url.scheme != "http" && url.scheme != "https") return bad_url("has a scheme that is neither http nor https");
  const auto host_begin = scheme_end + 3;
  const auto path_begin = std::min(text.find('/', host_begin), text.size());
  std::string host = text.substr(host_begin, path_begin - host_begin);
  if (const auto at = host.rfind('@'); at != std::string::npos) {
    url.user_info = percent_decoded(host.substr(0, at));
    host.erase(0, at + 1);
  }
  if (host.empty() || host.find_first_of(" \t?#\\") != std::string::npos) return bad_url("has no host");
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    const std::string port = host.substr(colon + 1);
    if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(port) > 65535) {
      return bad_url("has a port that is none");
    }
  }
  url.host = std::move(host);
  url.path = text.substr(path_begin);
  while (url.path.ends_with('/')) url.path.pop_back();
  if (url.path.find_first_of(" ?#") != std::string::npos) return bad_url("has a question or a space in its path");
  return url;
}

struct HttpTransport::Impl {
  explicit Impl(const Url& url) : client(url.scheme + "://" + url.host), prefix(url.path), shown(url.shown()) {}
  httplib::Client client;
  std::string prefix;
  std::string shown;
  std::string authorization;
  std::chrono::milliseconds answer_time{};
};

HttpTransport::HttpTransport(const Url& url, const TransportOptions& options) : impl_(new Impl(url)) {
  impl_->client.set_connection_timeout(options.connect_timeout);
  impl_->client.set_read_timeout(options.read_timeout);
  impl_->client.set_write_timeout(options.read_timeout);
  impl_->client.set_keep_alive(true);
  impl_->client.set_follow_location(false);  // not with credentials
  impl_->client.set_url_encode(false);       // done already, where there is what needs it
  if (url.scheme == "https") {
    impl_->client.enable_server_certificate_verification(true);
    if (!options.ca_file.empty()) impl_->client.set_ca_cert_path(options.ca_file);
  }
  impl_->authorization = options.authorization;
  impl_->answer_time = bounded(bounded(options.connect_timeout) + 2 * bounded(options.read_timeout));
}
HttpTransport::~HttpTransport() {
  const NoBrokenPipe guard;
  impl_.reset();
}

Result<Answer> HttpTransport::ask(const std::string& path, const std::string& body) {
  const NoBrokenPipe guard;
  Answer answer;
  bool too_large = false;
  httplib::Request request;
  request.method = body.empty() ? "GET" : "POST";
  request.path = impl_->prefix + path;
  request.headers = {{"Accept", kAccepted}};
  if (!impl_->authorization.empty()) request.headers.emplace("Authorization", impl_->authorization);
  if (!body.empty()) {
    request.headers.emplace("Content-Type", kContentType);
    request.body = body;
  }
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    too_large = answer.body.size() + size > kAnswerBytesMax;
    if (!too_large) answer.body.append(data, size);
    return !too_large;
  };
  Patience patience(impl_->client, impl_->answer_time);
  const httplib::Result result = impl_->client.send(request);
  const bool too_slow = patience.end();
  if (result) {
    answer.status = result->status;
    return answer;
  }
  return Error{ErrorKind::kUnavailable, impl_->shown + ": " +
                                            (too_large  ? "the answer is too large"
                                             : too_slow ? "the answer does not come to its end"
                                                        : sentence(result.error()))};
}

}  // namespace tidemill::registry
