// The applications' HTTP server: routes, server-sent events, health and metrics, on 127.0.0.1 and nowhere else.
//
// Handlers run on the server's threads (at most kWorkersMax of them, of which kEventStreamsMax may be event streams) and must not block
// for long; what they throw becomes a 500 with the text. Bodies are bounded, in size and in time (408), and say how long they are
// (411). Requests that a web page of another origin makes in a visitor's browser are refused. The connection of a request that is
// refused before its body has been read ends with the answer. Errors are JSON: {"error":"..."}.
#pragma once

#include <tidemill/streams.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kit {

struct Response {
  int status = 200;
  std::string body = {};
  std::string type = "application/json";
};
/// {"error":"..."}
[[nodiscard]] Response error_response(int status, const std::string& what);

enum class PortChoice {
  kThis,        // 0: any free one
  kThisOrNext,  // the first free one from it on; kPortsTried are tried
};

class HttpServer {
 public:
  static constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20;
  static constexpr std::size_t kWorkersMax = 128;
  static constexpr int kEventStreamsMax = 12;
  static constexpr int kConnectionsWaitingMax = 64;
  static constexpr int kPortsTried = 100;

  HttpServer();
  /// Stops.
  ~HttpServer();
  /// Routes are added before start().
  void get(const std::string& path, std::function<Response()> handler);
  void post(const std::string& path, std::function<Response(const std::string& body)> handler);
  /// A stream of events: `next()` gives the data of the next one (empty: nothing new); asked at once and then every
  /// `interval`.
  void events(const std::string& path, std::chrono::milliseconds interval, std::function<std::string()> next);
  /// /healthz, /readyz, /topology and /metrics (Prometheus text) of a running application, which must outlive the server.
  /// `more`: the application's own metrics; each name is prefixed with its group.
  void operations(const tidemill::Streams& streams, std::function<std::vector<tidemill::Metric>()> more = nullptr);
  /// Returns the port; throws std::runtime_error when there is none.
  int start(int port, PortChoice choice);
  void stop();

 private:
  void answer_the_rest();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kit
