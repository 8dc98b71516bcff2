#include "http/server.hpp"

#include <httplib.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "http/metrics_text.hpp"

namespace kit {
namespace {

/// A connection on which nothing comes holds a worker for so long.
constexpr std::chrono::seconds kKeepAlive{1};
/// Nothing comes of a request that has begun: 408. And for how long a body may take that comes in small pieces.
constexpr std::chrono::seconds kReadTimeout{5};
constexpr std::chrono::seconds kBodyTimeMax{30};
constexpr std::chrono::seconds kWriteTimeout{10};

void answer(httplib::Response& out, const Response& response) {
  out.status = response.status;
  out.set_content(response.body, response.type.c_str());
}

bool announces_body(const httplib::Request& request) {
  const std::string length = request.get_header_value("Content-Length");
  return request.has_header("Transfer-Encoding") || length.find_first_not_of('0') != std::string::npos;
}

/// The rest of the request is not waited for: the connection ends with this answer. What refuses a request whose body has not
/// been read must go this way, or the library takes that body for the next request.
void answer_and_close(const httplib::Request& request, httplib::Response& out, Response response) {
  // The library looks into the request for whether the answer is to say so, and its requests are no constants.
  httplib::Request& asked = const_cast<httplib::Request&>(request);
  asked.headers.erase("Connection");
  asked.headers.emplace("Connection", "close");
  // Where no content may follow, the library keeps the connection.
  if (asked.method == "HEAD" && announces_body(request)) asked.method = "GET";
  out.status = response.status;
  out.set_content_provider(response.type.c_str(), [body = std::move(response.body)](std::size_t, httplib::DataSink& sink) {
    sink.write(body.data(), body.size());
    return false;  // and no more on this connection
  });
}

const char* meaning(int status) {
  switch (status) {
    case 400: return "this is no HTTP request that can be understood";
    case 404: return "there is nothing at this address";
    case 405: return "this address does not take such a request; Allow says which";
    case 408: return "the body has not come to its end in time";
    case 411: return "say with Content-Length, once and in digits, how long the body is; it cannot come in chunks";
    case 413: return "the body is too large: at most 1 MiB";
    case 414: return "the address is too long";
    default: return "the request cannot be answered";
  }
}

bool is_loopback(std::string host) {
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) host.resize(colon);
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

/// Not from a page of another site: a browser always says for which host a request is, and from where.
bool is_ours(const httplib::Request& request) {
  const std::string host = request.get_header_value("Host");
  const std::string origin = request.get_header_value("Origin");
  // HTTP/1.0 knows no Host.
  const bool needs_host = request.version != "HTTP/1.0" || !origin.empty();
  return request.has_header("Host") ? is_loopback(host) && (origin.empty() || origin == "http://" + host) : !needs_host;
}

/// Only a body whose length is known from the beginning is bounded, and ends where its sender says.
bool has_clear_length(const httplib::Request& request) {
  const std::string length = request.get_header_value("Content-Length");
  return !request.has_header("Transfer-Encoding") && request.get_header_value_count("Content-Length") == 1 && !length.empty() &&
         length.find_first_not_of("0123456789") == std::string::npos;
}

/// What is refused wherever it goes to.
std::optional<Response> refusal(const httplib::Request& request) {
  if (!is_ours(request)) {
    return error_response(
        403, "this server answers requests to 127.0.0.1 only (the header Host says so), and no other site's pages");
  }
  const std::string& method = request.method;
  const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
  if (may_have_body && !has_clear_length(request)) return error_response(411, meaning(411));
  // The library reads no other method's body.
  if (!may_have_body && announces_body(request)) return error_response(400, "a request with this method has no body");
  return std::nullopt;
}

/// Connections on their way to a worker. Workers are made as they are needed. When all are busy and kConnectionsWaitingMax wait,
/// no further connection is accepted.
class BoundedQueue final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> job) override {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return jobs_.size() < HttpServer::kConnectionsWaitingMax || ending_; });
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && workers_.size() < HttpServer::kWorkersMax) {
      try {
        workers_.emplace_back([this] { work(); });
      } catch (const std::system_error&) {  // no more threads for this process: those that there are do the work
        if (workers_.empty()) throw;
      }
    }
    job_.notify_one();
  }
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    job_.notify_all();
    room_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      ++idle_;
      job_.wait(lock, [this] { return !jobs_.empty() || ending_; });
      --idle_;
      if (jobs_.empty()) return;
      const std::function<void()> job = std::move(jobs_.front());
      jobs_.pop_front();
      room_.notify_one();
      lock.unlock();
      job();
    }
  }
  std::mutex mutex_;
  std::condition_variable job_;
  std::condition_variable room_;
  std::deque<std::function<void()>> jobs_;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace

Response error_response(int status, const std::string& what) { return {status, "{\"error\":\"" + escaped(what) + "\"}"}; }

struct HttpServer::Impl {
  httplib::Server server;
  std::thread thread;
  std::atomic<int> event_streams{0};
  std::map<std::string, std::string> allowed;  // the methods of each address
  std::mutex mutex;
  std::condition_variable changed;
  bool listening = false;
  bool stopping = false;

  void allow(const std::string& path, const std::string& methods) {
    std::string& all = allowed[path];
    all += (all.empty() ? "" : ", ") + methods;
  }
  /// True: it is the end.
  bool wait_for(std::chrono::milliseconds interval) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, interval, [this] { return stopping; });
  }
};

HttpServer::HttpServer() : impl_(new Impl) {
  httplib::Server& server = impl_->server;
  server.set_payload_max_length(kBodyBytesMax);
  server.set_keep_alive_timeout(kKeepAlive.count());
  server.set_read_timeout(kReadTimeout.count(), 0);
  server.set_write_timeout(kWriteTimeout.count(), 0);
  // Asked for when the server has begun to listen; stop() has no effect before.
  server.new_task_queue = [this] {
    const std::lock_guard lock(impl_->mutex);
    impl_->listening = true;
    impl_->changed.notify_all();
    return new BoundedQueue;
  };
  // Not SO_REUSEPORT: with it two servers could have the same port.
  server.set_socket_options([](int socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& out) {
    std::optional<Response> refused = refusal(request);
    if (!refused) return httplib::Server::HandlerResponse::Unhandled;
    // How long its body is does not matter where no such request is taken.
    const auto known = impl_->allowed.find(request.path);
    if (refused->status == 411 && known != impl_->allowed.end() && known->second.find(request.method) == std::string::npos) {
      refused = error_response(405, meaning(405));
      out.set_header("Allow", known->second);
    }
    answer_and_close(request, out, std::move(*refused));
    return httplib::Server::HandlerResponse::Handled;
  });
  server.set_error_handler([this](const httplib::Request& request, httplib::Response& out) {
    if (const auto known = impl_->allowed.find(request.path); out.status == 404 && known != impl_->allowed.end()) {
      out.status = 405;
      out.set_header("Allow", known->second);
    }
    // Refused by the library, which may not have read the body.
    if (out.body.empty() && !out.content_provider_) {
      answer_and_close(request, out, error_response(out.status, meaning(out.status)));
    }
  });
  server.set_exception_handler([](const httplib::Request&, httplib::Response& out, std::exception_ptr raised) {
    std::string what = "unknown";
    try {
      std::rethrow_exception(raised);
    } catch (const std::exception& problem) {
      what = problem.what();
    } catch (...) {
    }
    answer(out, error_response(500, what));
  });
}
HttpServer::~HttpServer() { stop(); }

void HttpServer::get(const std::string& path, std::function<Response()> handler) {
  impl_->allow(path, "GET, HEAD");
  impl_->server.Get(path, [handler](const httplib::Request&, httplib::Response& out) { answer(out, handler()); });
}
void HttpServer::post(const std::string& path, std::function<Response(const std::string&)> handler) {
  impl_->allow(path, "POST");
  // The body is read here, and not by the library, which takes what curl sends by default for a form of at most 8 KiB.
  impl_->server.Post(
      path, [handler](const httplib::Request& request, httplib::Response& out, const httplib::ContentReader& read) {
        if (request.is_multipart_form_data()) {
          return answer_and_close(request, out, error_response(415, "send the body itself, not a form"));
        }
        std::string body;
        const auto begin = std::chrono::steady_clock::now();
        auto last = begin;
        const bool whole = read([&](const char* data, std::size_t size) {
          body.append(data, size);
          last = std::chrono::steady_clock::now();
          return body.size() <= kBodyBytesMax && last - begin <= kBodyTimeMax;
        });
        if (whole) return answer(out, handler(body));
        const auto now = std::chrono::steady_clock::now();
        const bool too_large = body.size() > kBodyBytesMax || out.status == 413;
        const bool too_slow = now - last >= kReadTimeout || now - begin > kBodyTimeMax;
        const int status = too_large ? 413 : too_slow ? 408 : 400;
        answer_and_close(request, out,
                         error_response(status, status == 400 ? "the connection ended before the body did" : meaning(status)));
      });
}

void HttpServer::events(const std::string& path, std::chrono::milliseconds interval, std::function<std::string()> next) {
  impl_->allow(path, "GET, HEAD");
  impl_->server.Get(path, [this, interval, next](const httplib::Request&, httplib::Response& out) {
    if (++impl_->event_streams > kEventStreamsMax) {
      --impl_->event_streams;
      return answer(out, error_response(503, "too many event streams are open: close one"));
    }
    out.set_header("Cache-Control", "no-store");
    out.set_chunked_content_provider(
        "text/event-stream",
        [this, interval, next](std::size_t offset, httplib::DataSink& sink) {
          if (offset > 0 && impl_->wait_for(interval)) return false;
          const std::string data = next();
          const std::string event = data.empty() ? ":\n\n" : "data: " + data + "\n\n";
          return sink.write(event.data(), event.size());
        },
        [this](bool) { --impl_->event_streams; });
  });
}

void HttpServer::operations(const tidemill::Streams& streams, std::function<std::vector<tidemill::Metric>()> more) {
  const auto state = [&streams] { return std::string(tidemill::to_string(streams.state())); };
  get("/healthz", [state] {
    const std::string now = state();
    return Response{now == "ERROR" || now == "PENDING_ERROR" ? 503 : 200, "{\"state\":\"" + now + "\"}"};
  });
  get("/readyz", [state] {
    const std::string now = state();
    return Response{now == "RUNNING" ? 200 : 503, "{\"state\":\"" + now + "\"}"};
  });
  get("/topology", [&streams] { return Response{200, streams.topology().describe(), "text/plain; charset=utf-8"}; });
  get("/metrics", [&streams, more] {
    std::string text = metrics_text("kafka_streams_", streams.metrics());
    if (more) text += metrics_text("", more());
    return Response{200, text, "text/plain; version=0.0.4"};
  });
}

int HttpServer::start(int port, PortChoice choice) {
  constexpr int kPortMax = 65535;
  constexpr const char* kHost = "127.0.0.1";
  int bound = -1;
  if (port == 0) {
    bound = impl_->server.bind_to_any_port(kHost);
    if (bound < 0) throw std::runtime_error("no port is free on 127.0.0.1");
  }
  const int last = std::min(kPortMax, choice == PortChoice::kThis ? port : port + kPortsTried - 1);
  for (int tried = port; bound < 0 && tried <= last; ++tried) {
    if (impl_->server.bind_to_port(kHost, tried)) bound = tried;
  }
  if (bound < 0) {
    throw std::runtime_error(choice == PortChoice::kThis
                                 ? "port " + std::to_string(port) + " of 127.0.0.1 is in use (or not for you)"
                                 : "no port of 127.0.0.1 from " + std::to_string(port) + " to " + std::to_string(last) +
                                       " is free");
  }
  answer_the_rest();
  impl_->thread = std::thread([this] { impl_->server.listen_after_bind(); });
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [this] { return impl_->listening; });
  return bound;
}

// A body that nobody wants is not waited for.
void HttpServer::answer_the_rest() {
  const auto refuse = [this](const httplib::Request& request, httplib::Response& out, const httplib::ContentReader&) {
    const auto known = impl_->allowed.find(request.path);
    if (known != impl_->allowed.end()) out.set_header("Allow", known->second);
    const int status = known != impl_->allowed.end() ? 405 : 404;
    answer_and_close(request, out, error_response(status, meaning(status)));
  };
  impl_->server.Post(".*", refuse);
  impl_->server.Put(".*", refuse);
  impl_->server.Patch(".*", refuse);
  impl_->server.Delete(".*", refuse);
}

void HttpServer::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_all();
  if (!impl_->thread.joinable()) return;
  impl_->server.stop();
  impl_->thread.join();
}

}  // namespace kit
