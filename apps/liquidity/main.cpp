// liquidity: generates business days, runs them through the chain, and proves the result.
#include <CLI/CLI.hpp>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "liquidity/generator.hpp"
#include "liquidity/run.hpp"
#include "liquidity/verify.hpp"

namespace {

using namespace liquidity;

constexpr int kCannotTell = 2;
constexpr int kWrongUsage = 2;
constexpr std::int64_t kTransactionsMax = 1'000'000'000'000;

int print_verdict(const Verdict& verdict) {
  if (!verdict.unfinished.empty()) {
    std::printf("NOT VERIFIED: %s\n", verdict.unfinished.c_str());
    return 1;
  }
  const auto number = [](std::int64_t n) { return static_cast<long long>(n); };
  std::printf("%lld transactions, %lld refused, %lld repeated; %lld legs over %lld accounts and %lld client positions; "
              "%lld breaches, %lld cleared\n",
              number(verdict.transactions), number(verdict.refused), number(verdict.repeated), number(verdict.legs),
              number(verdict.accounts), number(verdict.clients), number(verdict.breaches), number(verdict.clears));
  if (verdict.contradicting > 0) {
    std::printf("%lld of another content than the transaction that was taken under their id, without effect\n",
                number(verdict.contradicting));
  }
  if (verdict.bad_reference_rows > 0) {
    std::printf("%lld bad rows of accounts and limits, without effect; the first: %s\n", number(verdict.bad_reference_rows),
                verdict.first_bad_reference_row.c_str());
  }
  if (verdict.violation.empty()) {
    std::printf("verified: every balance, breach, clear and refusal follows from the transactions\n");
    return 0;
  }
  std::printf("VIOLATION: %s\n", verdict.violation.c_str());
  return 1;
}

/// --data DIR or --config FILE, one of them.
void add_target(CLI::App* command, Target& target) {
  CLI::Option* data = command->add_option("--data", target.data, "Directory of the embedded log and the state");
  CLI::Option* config =
      command->add_option("--config", target.config_file, "File with Kafka's dotted keys; bootstrap.servers names the brokers");
  data->excludes(config);
  command->final_callback([command, &target] {
    if (target.data.empty() && target.config_file.empty()) {
      throw CLI::RequiredError(command->get_name() + ": --data DIR or --config FILE");
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A liquidity chain: transactions, account balances, client balances, limits, breaches; exactly once."};
  app.require_subcommand(1);
  app.footer("Exit status: 0 in good order; 1 failed, or verify has found a difference; 2 wrong usage, or verify could not "
             "look; 128 + n run --once was ended by signal n.");

  std::uint64_t seed = 1;
  std::int64_t transactions = 100000;
  std::string out;
  CLI::App* generate =
      app.add_subcommand("generate", "Writes a business day: accounts, limits and transactions as ndjson files");
  generate->add_option("--seed", seed, "The same seed gives the same bytes")
      ->capture_default_str()
      ->check(CLI::Validator(
          [](const std::string& text) {
            return text.starts_with('-') ? "is " + text + ", and seeds are whole numbers from 0 on" : std::string();
          },
          "FROM 0"));
  generate->add_option("--transactions", transactions, "How many")
      ->capture_default_str()
      ->check(CLI::Range(std::int64_t{1}, kTransactionsMax));
  generate->add_option("--out", out, "Directory, made if missing")->required();

  RunOptions options;
  CLI::App* run_command =
      app.add_subcommand("run", "Runs the chain; started again after any kind of end, it goes on where it stood");
  add_target(run_command, options.target);
  run_command->add_option("--input", options.input, "Directory with accounts.ndjson, limits.ndjson, transactions.ndjson")
      ->check(CLI::ExistingDirectory);
  run_command->add_flag("--once", options.once, "Ends when the whole chain has caught up");
  CLI::Option* generating = run_command->add_flag("--generate", options.generate, "Plays generated days until Ctrl-C");
  generating->excludes("--once");
  run_command->add_option("--day-seconds", options.day_seconds, "How long a generated day takes")
      ->capture_default_str()
      ->check(CLI::Range(1, 86400));
  run_command->add_option("--threads", options.threads, "Stream threads; default: as configured, or 1")
      ->check(CLI::Range(1, 64));
  CLI::Option* port = run_command
                          ->add_option("--port", options.port,
                                       "Of the page and API, on 127.0.0.1; 0: any free one; "
                                       "default: 8080, or the next free one")
                          ->check(CLI::Range(0, 65535));
  bool no_http = false;
  run_command->add_flag("--no-http", no_http, "No page and API")->excludes(port);

  bool look_only = false;
  run_command->add_flag("--look-only", look_only, "Looks at this command line, and does nothing");

  Target target;
  CLI::App* verify_command =
      app.add_subcommand("verify", "Recomputes everything from the topics of a stopped run; status 1 and the first difference");
  add_target(verify_command, target);

  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first.front() != '-' && first != "generate" && first != "run" && first != "verify") {
    std::fprintf(stderr, "There is no command \"%s\": generate, run or verify\nRun with --help for more information.\n",
                 first.c_str());
    return kWrongUsage;
  }
  if (first.starts_with('-') && first != "-h" && first != "--help") {
    std::fprintf(
        stderr,
        "\"%s\" stands where a command should: generate, run or verify come first\nRun with --help for more information.\n",
        first.c_str());
    return kWrongUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? 0 : kWrongUsage;
  }
  if (look_only) return 0;
  spdlog::set_default_logger(spdlog::stderr_color_mt("liquidity"));
  spdlog::set_level(spdlog::level::warn);
  const bool looking = verify_command->parsed();
  try {
    if (generate->parsed()) {
      generate_files(seed, transactions, out);
      return 0;
    }
    int status = 0;
    if (looking) {
      const Connection connection = connect(target, Access::kLook);
      status = print_verdict(verify(*connection.config.log, connection.config.application_id));
    } else {
      options.http = !no_http;
      status = run(options);
    }
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    throw std::runtime_error("standard output cannot be written: what was to be told is lost");
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "liquidity: %s\n", problem.what());
    return looking ? kCannotTell : 1;
  }
}
