#include "http/server.hpp"

#include <httplib.h>

#include <atomic>
#include <cctype>
#include <thread>

namespace kit {
namespace {

constexpr std::size_t kBodyBytesMax = 1 << 20;
constexpr int kWorkers = 16;
constexpr int kEventStreamsMax = 8;
constexpr int kPortsTried = 100;

void answer(httplib::Response& out, Response response) {
  out.status = response.status;
  out.set_content(std::move(response.body), response.type.c_str());
}

// `stream-task-metrics`, `dropped-records-total` as the JMX exporter spells them: kafka_streams_..., underscores, lower case.
std::string prometheus_name(const std::string& group, const std::string& name) {
  std::string text = "kafka_streams_" + group + "_" + name;
  for (char& c : text) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return text;
}
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string metrics_text(const tidemill::Streams& streams) {
  std::string text;
  for (const tidemill::Metric& metric : streams.metrics()) {
    text += prometheus_name(metric.group, metric.name);
    std::string labels;
    for (const auto& [key, value] : metric.tags) {
      std::string label = key;
      for (char& c : label) c = c == '-' ? '_' : c;
      labels += (labels.empty() ? "" : ",") + label + "=\"" + escaped(value) + "\"";
    }
    if (!labels.empty()) text += "{" + labels + "}";
    text += " " + std::to_string(metric.value) + "\n";
  }
  return text;
}

}  // namespace

struct HttpServer::Impl {
  httplib::Server server;
  std::thread thread;
  std::atomic<bool> stopping{false};
  std::atomic<int> event_streams{0};
};

HttpServer::HttpServer() : impl_(new Impl) {
  impl_->server.set_payload_max_length(kBodyBytesMax);
  impl_->server.new_task_queue = [] { return new httplib::ThreadPool(kWorkers); };
  impl_->server.set_exception_handler([](const httplib::Request&, httplib::Response& out, std::exception_ptr raised) {
    std::string what = "unknown";
    try {
      std::rethrow_exception(raised);
    } catch (const std::exception& problem) {
      what = problem.what();
    } catch (...) {
    }
    answer(out, {500, std::string("{\"error\":\"") + escaped(what) + "\"}"});
  });
}
HttpServer::~HttpServer() { stop(); }

void HttpServer::get(const std::string& path, std::function<Response()> handler) {
  impl_->server.Get(path.c_str(), [handler](const httplib::Request&, httplib::Response& out) { answer(out, handler()); });
}
void HttpServer::post(const std::string& path, std::function<Response(const std::string&)> handler) {
  impl_->server.Post(path.c_str(), [handler](const httplib::Request& request, httplib::Response& out) {
    answer(out, handler(request.body));
  });
}

void HttpServer::events(const std::string& path, std::chrono::milliseconds interval, std::function<std::string()> next) {
  impl_->server.Get(path.c_str(), [this, interval, next](const httplib::Request&, httplib::Response& out) {
    if (impl_->event_streams >= kEventStreamsMax) {
      return answer(out, {503, "{\"error\":\"too many event streams are open: close one\"}"});
    }
    ++impl_->event_streams;
    out.set_header("Cache-Control", "no-store");
    out.set_chunked_content_provider(
        "text/event-stream",
        [this, interval, next](std::size_t, httplib::DataSink& sink) {
          if (impl_->stopping) return false;
          const std::string data = next();
          const std::string event = data.empty() ? ":\n\n" : "data: " + data + "\n\n";
          if (!sink.write(event.data(), event.size())) return false;
          std::this_thread::sleep_for(interval);
          return true;
        },
        [this](bool) { --impl_->event_streams; });
  });
}

void HttpServer::operations(const tidemill::Streams& streams) {
  const auto state = [&streams] { return std::string(tidemill::to_string(streams.state())); };
  get("/healthz", [state] {
    const std::string now = state();
    return Response{now == "ERROR" ? 503 : 200, "{\"state\":\"" + now + "\"}"};
  });
  get("/readyz", [state] {
    const std::string now = state();
    return Response{now == "RUNNING" ? 200 : 503, "{\"state\":\"" + now + "\"}"};
  });
  get("/topology", [&streams] { return Response{200, streams.topology().describe(), "text/plain"}; });
  get("/metrics", [&streams] { return Response{200, metrics_text(streams), "text/plain; version=0.0.4"}; });
}

int HttpServer::start(int port) {
  for (int tried = 0; tried < kPortsTried; ++tried, ++port) {
    if (!impl_->server.bind_to_port("127.0.0.1", port)) continue;
    impl_->thread = std::thread([this] { impl_->server.listen_after_bind(); });
    return port;
  }
  return 0;
}

void HttpServer::stop() {
  impl_->stopping = true;
  impl_->server.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace kit
