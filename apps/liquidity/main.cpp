// liquidity: generates business days, runs them through the chain, and proves the result.
#include <CLI/CLI.hpp>

#include <http/server.hpp>
#include <tidemill/streams.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "liquidity/feed.hpp"
#include "liquidity/generator.hpp"
#include "liquidity/page.hpp"
#include "liquidity/topology.hpp"
#include "liquidity/verify.hpp"
#include "liquidity/view.hpp"

namespace {

using namespace liquidity;

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

struct RunOptions {
  std::string data;
  std::string input;
  bool once = false;
  bool generate = false;
  double pace = 200;
  bool no_http = false;
  int port = 8080;
  int threads = 1;
};

void print_progress(std::int64_t done, std::int64_t of) {
  if (of <= 0) return;
  constexpr int kWidth = 40;
  const int filled = static_cast<int>(done * kWidth / of);
  std::fprintf(stderr, "\rtransactions.ndjson [%s%s] %3d%%", std::string(static_cast<std::size_t>(filled), '#').c_str(),
               std::string(static_cast<std::size_t>(kWidth - filled), ' ').c_str(), static_cast<int>(done * 100 / of));
  if (done >= of) std::fprintf(stderr, "\n");
}

int print_verdict(const Verdict& verdict) {
  std::printf("%lld transactions, %lld refused; %lld legs over %lld accounts and %lld client positions; %lld breaches, %lld cleared\n",
              static_cast<long long>(verdict.transactions), static_cast<long long>(verdict.refused),
              static_cast<long long>(verdict.legs), static_cast<long long>(verdict.accounts),
              static_cast<long long>(verdict.clients), static_cast<long long>(verdict.breaches),
              static_cast<long long>(verdict.clears));
  if (verdict.violation.empty()) {
    std::printf("verified: every balance, breach and clear follows from the transactions\n");
    return 0;
  }
  std::printf("VIOLATION: %s\n", verdict.violation.c_str());
  return 1;
}

/// The page, its events, and POST /transactions, which answers when the transaction is in the log for good.
class Front {
 public:
  Front(const std::shared_ptr<tidemill::Log>& log, const tidemill::Streams& streams, Feed& feed, std::mutex& feed_mutex)
      : view_(log), feed_(feed), feed_mutex_(feed_mutex) {
    server_.get("/", [] { return kit::Response{200, kPage, "text/html; charset=utf-8"}; });
    server_.get("/state", [this] { return kit::Response{200, view_.json()}; });
    server_.events("/events", std::chrono::milliseconds(500), [this] { return view_.json(); });
    server_.post("/transactions", [this](const std::string& body) { return post(body); });
    server_.operations(streams);
  }
  int start(int port) { return server_.start(port); }

 private:
  kit::Response post(const std::string& body) {
    try {
      const Transaction transaction = Reader().transaction(body);
      std::lock_guard guard(feed_mutex_);
      feed_.add(transaction);
      feed_.commit();
      return {201, "{\"id\":" + nlohmann::json(transaction.id).dump() + "}"};
    } catch (const BadInput& problem) {
      return {400, nlohmann::json{{"error", problem.what()}}.dump()};
    }
  }
  View view_;
  Feed& feed_;
  std::mutex& feed_mutex_;
  kit::HttpServer server_;
};

// Generated days, one after the other, at `pace` transactions a second; goes on at the transaction where it stood.
void play(Feed& feed, std::mutex& feed_mutex, const RunOptions& options, Generator& generator) {
  constexpr std::int64_t kPerDay = 20000;
  const std::string name = "generated";
  std::int64_t made = feed.mark(name);
  for (std::int64_t i = 0; i < made; ++i) (void)generator.next();
  const auto begin = std::chrono::steady_clock::now();
  constexpr std::chrono::milliseconds kBeat{100};
  const auto per_beat = std::max<std::int64_t>(1, static_cast<std::int64_t>(options.pace / 10));
  for (std::int64_t beat = 1; interrupted == 0; ++beat) {
    {
      std::lock_guard guard(feed_mutex);
      for (std::int64_t i = 0; i < per_beat; ++i, ++made) feed.add(generator.next());
      feed.commit(name, made);
    }
    if (beat % 10 == 0) {
      std::fprintf(stderr, "\rday %lld: %lld transactions", static_cast<long long>(made / kPerDay + 1), static_cast<long long>(made));
    }
    std::this_thread::sleep_until(begin + beat * kBeat);
  }
  std::fprintf(stderr, "\n");
}

int run_chain(const RunOptions& options) {
  std::signal(SIGINT, interrupt);
  std::signal(SIGTERM, interrupt);
  auto log = tidemill::embedded_log(options.data);
  create_topics(*log);
  Feed feed(log);
  constexpr std::int64_t kPerDay = 20000;
  std::unique_ptr<Generator> generator;
  if (!options.input.empty()) feed.load_reference_data(options.input);
  if (options.generate) {
    generator = std::make_unique<Generator>(1, kPerDay);
    if (feed.mark("reference") == 0) {
      for (const Account& account : generator->accounts()) feed.add(account);
      for (const Limit& limit : generator->limits()) feed.add(limit);
      feed.commit("reference", 1);
    }
  }
  tidemill::StreamsConfig config;
  config.application_id = "liquidity";
  config.log = log;
  config.num_stream_threads = options.threads;
  tidemill::Streams streams(build_topology(), config);
  streams.start().value();
  const auto begin = std::chrono::steady_clock::now();
  std::mutex feed_mutex;
  std::unique_ptr<Front> front;
  if (!options.no_http) {
    front = std::make_unique<Front>(log, streams, feed, feed_mutex);
    const int port = front->start(options.port);
    if (port == 0) throw std::runtime_error("no free port from " + std::to_string(options.port) + " on: try --port or --no-http");
    std::fprintf(stderr, "\nThe page is at http://127.0.0.1:%d/\n\n", port);
  }
  std::int64_t lines = 0;
  if (!options.input.empty()) lines = feed.load_transactions(options.input, print_progress);
  if (options.generate) play(feed, feed_mutex, options, *generator);
  if (options.once) {
    constexpr std::chrono::milliseconds kPatience{600000};
    if (!streams.wait_until_caught_up(kPatience)) {
      std::fprintf(stderr, "liquidity: the chain did not catch up in %lld s\n", static_cast<long long>(kPatience.count() / 1000));
      return 1;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf("%lld transactions in %.1f s (%.0f a second)\n", static_cast<long long>(lines), seconds,
                static_cast<double>(lines) / std::max(seconds, 1e-9));
  } else if (!options.generate) {
    while (interrupted == 0 && !streams.wait_until_stopped(std::chrono::milliseconds(200))) {
    }
  }
  if (const auto error = streams.error()) {
    std::fprintf(stderr, "liquidity: %s\n", error->message.c_str());
    return 1;
  }
  front.reset();
  streams.close().value();
  return options.once ? print_verdict(verify(*log)) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A liquidity chain: transactions, account balances, client balances, limits, breaches; exactly once."};
  app.require_subcommand(1);

  std::uint64_t seed = 1;
  std::int64_t transactions = 100000;
  std::string out;
  CLI::App* generate = app.add_subcommand("generate", "Writes a business day as ndjson files");
  generate->add_option("--seed", seed, "The same seed gives the same bytes")->capture_default_str();
  generate->add_option("--transactions", transactions, "How many")->capture_default_str()->check(CLI::PositiveNumber);
  generate->add_option("--out", out, "Directory, made if missing")->required();

  RunOptions options;
  CLI::App* run = app.add_subcommand("run", "Runs the chain; started again, it goes on where it stood");
  run->add_option("--data", options.data, "Directory of the embedded log and the state")->required();
  run->add_option("--input", options.input, "Directory with accounts.ndjson, limits.ndjson, transactions.ndjson")
      ->check(CLI::ExistingDirectory);
  run->add_flag("--once", options.once, "Ends when the whole chain has caught up");
  run->add_flag("--generate", options.generate, "Plays generated days until Ctrl-C");
  run->add_option("--pace", options.pace, "Generated transactions a second")->capture_default_str()->check(CLI::PositiveNumber);
  run->add_option("--threads", options.threads, "Stream threads")->capture_default_str()->check(CLI::Range(1, 64));
  run->add_option("--port", options.port, "Page and API, on 127.0.0.1")->capture_default_str();
  run->add_flag("--no-http", options.no_http, "No page and API");

  std::string data;
  CLI::App* check = app.add_subcommand("verify", "Recomputes everything from the topics; status 1 and the first difference");
  check->add_option("--data", data, "Directory of a stopped run")->required();

  CLI11_PARSE(app, argc, argv);
  try {
    if (generate->parsed()) {
      generate_files(seed, transactions, out);
      return 0;
    }
    if (run->parsed()) return run_chain(options);
    auto log = tidemill::embedded_log(data, {.read_only = true});
    return print_verdict(verify(*log));
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "liquidity: %s\n", problem.what());
    return 1;
  }
}
