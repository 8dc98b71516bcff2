// The applications' HTTP server: routes, server-sent events, health and metrics, on 127.0.0.1.
//
// Handlers run on the server's threads (at most kWorkers at once, of which kEventStreamsMax may be event streams); they must not
// block for long. Bodies are bounded. Binding wider than loopback is not offered here.
#pragma once

#include <tidemill/streams.hpp>

#include <functional>
#include <memory>
#include <string>

namespace kit {

struct Response {
  int status = 200;
  std::string body = {};
  std::string type = "application/json";
};

class HttpServer {
 public:
  HttpServer();
  /// Stops.
  ~HttpServer();
  void get(const std::string& path, std::function<Response()> handler);
  void post(const std::string& path, std::function<Response(const std::string& body)> handler);
  /// A stream of events: `next()` gives the data of the next one (empty: nothing new); asked every `interval`.
  void events(const std::string& path, std::chrono::milliseconds interval, std::function<std::string()> next);
  /// /healthz, /readyz, /topology and /metrics (Prometheus text) of a running application, which must outlive the server.
  void operations(const tidemill::Streams& streams);
  /// The first free port from `port` on (at most 100 are tried); returns it, 0 if there is none.
  int start(int port);
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kit
