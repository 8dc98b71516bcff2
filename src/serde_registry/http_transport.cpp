#include "serde_registry/http_transport.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <limits>
#include <new>

#include "base/durations.hpp"

namespace tidemill::registry {
namespace {

constexpr const char* kContentType = "Content-Type: application/vnd.schemaregistry.v1+json";
constexpr const char* kAccepted =
    "Accept: application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json; q=0.9, application/json; q=0.5";
/// Of all headers of one answer.
constexpr std::size_t kHeaderBytesMax = std::size_t{256} << 10;

/// A server that hangs up on an encrypted connection must not end a program that does not ignore SIGPIPE. The library changes no
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

struct FreeHeaders {
  void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeHeaders>;

void add(HeaderList& headers, const std::string& line) {
  curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  (void)headers.release();
  headers.reset(longer);
}

using Clock = std::chrono::steady_clock;

/// One request's answer as it comes in.
struct Incoming {
  std::chrono::milliseconds read_timeout;
  CURL* curl;
  Answer answer{};
  std::size_t header_bytes = 0;
  bool too_large = false;
  bool out_of_memory = false;
  Clock::time_point last_heard = Clock::now();

  [[nodiscard]] bool began() const { return header_bytes > 0; }
  [[nodiscard]] bool connected() const {
    curl_off_t since_begin = 0;
    return curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &since_begin) == CURLE_OK && since_begin > 0;
  }
  /// A pause is judged from when there is a connection; until then, that has its own time.
  [[nodiscard]] bool silent_for_too_long() {
    if (!began() && !connected()) last_heard = Clock::now();
    return Clock::now() - last_heard > read_timeout;
  }
  /// How much of it is taken: less than all ends the transfer.
  std::size_t heard(std::size_t size) {
    last_heard = Clock::now();
    return too_large || out_of_memory ? 0 : size;
  }
};

std::size_t on_header(char*, std::size_t, std::size_t size, void* to) {
  auto& incoming = *static_cast<Incoming*>(to);
  incoming.header_bytes += size;
  incoming.too_large = incoming.header_bytes > kHeaderBytesMax;
  return incoming.heard(size);
}
std::size_t on_body(char* data, std::size_t, std::size_t size, void* to) {
  auto& incoming = *static_cast<Incoming*>(to);
  std::string& body = incoming.answer.body;
  incoming.too_large = body.size() + size > kAnswerBytesMax;
  try {
    if (!incoming.too_large) body.append(data, size);
  } catch (const std::bad_alloc&) {  // not through the library's frames
    incoming.out_of_memory = true;
  }
  return incoming.heard(size);
}
int on_progress(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Incoming*>(of)->silent_for_too_long() ? 1 : 0;
}

const char* sentence(CURLcode code, const Incoming& incoming) {
  if (incoming.too_large) return "the answer is too large";
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return "no connection could be made";
    case CURLE_OPERATION_TIMEDOUT:
      if (!incoming.connected()) return "no connection could be made";
      return incoming.began() ? "the answer does not come to its end"
                              : "no answer came in time, or the connection ended before";
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR: return "no answer came in time, or the connection ended before";
    case CURLE_SEND_ERROR: return "the connection ended before all was sent";
    case CURLE_SSL_CONNECT_ERROR: return "no encrypted connection could be made";
    case CURLE_SSL_CACERT_BADFILE: return "the certificates to trust could not be read";
    case CURLE_PEER_FAILED_VERIFICATION: return "the server's certificate is not trusted, or is another host's";
    default: return "the request failed";
  }
}

/// As curl wants it: at least one millisecond (none would mean no limit), at most 24 days.
long time_limit(std::chrono::milliseconds time) {
  return static_cast<long>(std::clamp<std::chrono::milliseconds::rep>(time.count(), 1, std::numeric_limits<int>::max()));
}

struct FreeCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using CurlHandle = std::unique_ptr<CURL, FreeCurl>;

CurlHandle new_handle() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;  // once in a process
  CurlHandle curl(ready ? curl_easy_init() : nullptr);
  if (!curl) throw std::bad_alloc();
  return curl;
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
  CurlHandle curl = new_handle();
  std::string base;  // in front of every path
  std::string shown;
  std::string authorization;
  std::chrono::milliseconds read_timeout{};
};

HttpTransport::HttpTransport(const Url& url, const TransportOptions& options) : impl_(new Impl) {
  impl_->base = impl_->shown = url.shown();
  impl_->authorization = options.authorization;
  impl_->read_timeout = bounded(options.read_timeout);
  const auto connect_timeout = bounded(options.connect_timeout);
  CURL* curl = impl_->curl.get();
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT,
                   1L);  // a lookup of the host that takes longer goes on alone, until the resolver gives up
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");           // whatever the environment says
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);  // not with credentials
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);      // encoded already, where there is what needs it
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, time_limit(connect_timeout));
  // Of the whole: a pause's time begins anew with every byte.
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, time_limit(connect_timeout + 2 * impl_->read_timeout));
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_body);
  if (!options.ca_file.empty()) {  // these and no others
    curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
}
HttpTransport::~HttpTransport() {
  const NoBrokenPipe guard;
  impl_.reset();
}

Result<Answer> HttpTransport::ask(const std::string& path, const std::string& body) {
  const NoBrokenPipe guard;
  CURL* curl = impl_->curl.get();
  HeaderList headers;
  add(headers, kAccepted);
  if (!impl_->authorization.empty()) add(headers, "Authorization: " + impl_->authorization);
  if (body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else {
    add(headers, kContentType);
    add(headers, "Expect:");  // the body is sent at once
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  }
  Incoming incoming{.read_timeout = impl_->read_timeout, .curl = curl};
  const std::string url = impl_->base + path;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &incoming);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &incoming);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &incoming);
  const CURLcode code = curl_easy_perform(curl);
  if (incoming.out_of_memory || code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  if (code != CURLE_OK) return Error{ErrorKind::kUnavailable, impl_->shown + ": " + sentence(code, incoming)};
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  incoming.answer.status = static_cast<int>(status);
  return std::move(incoming.answer);
}

}  // namespace tidemill::registry
