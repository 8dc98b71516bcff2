// tidemill: looks into a log and its groups, produces and consumes, checks and shows the files of a data
// directory.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "commands.hpp"

namespace {

constexpr const char* kDescription =
    "Looks into a Tidemill log: topics, records, groups, files.\n"
    "The log is a data directory (--data) or Apache Kafka (--bootstrap-servers). The application that owns a\n"
    "directory is asked; one that nobody owns is locked meanwhile, and only create and produce change it.";
constexpr const char* kFooter = "Exit status: 0 done; 1 failed, or verify has found a problem; 2 wrong usage.\n"
                                "Examples:\n"
                                "  tidemill topics list --data data\n"
                                "  tidemill produce lines --data data <<< \"the tide turns the mill\"\n"
                                "  tidemill consume word-counts --data data --from-beginning --committed --value-type int64\n"
                                "  tidemill groups --bootstrap-servers 127.0.0.1:9092\n"
                                "  tidemill verify --data data";

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

void add_where(CLI::App& command, tool::Where& where, bool kafka = true) {
  command.add_option("--data", where.data, "Directory of an embedded log")->type_name("DIR");
  command.add_option("--bootstrap-servers,--bootstrap-server", where.bootstrap_servers, "Brokers of a Kafka cluster")
      ->type_name("HOST:PORT,...")
      ->group(kafka ? "Options" : "");
  command
      .add_option("--command-config", where.command_config,
                  "Properties for Kafka's clients: security.protocol, sasl.*, ssl.*, ...")
      ->type_name("FILE")
      ->group(kafka ? "Options" : "");
  command.add_option("--timeout", where.timeout_seconds, "Seconds that the owner or the brokers may take to answer (10)")
      ->check(CLI::Range(1, 3600));
}

void add_types(CLI::App& command, tool::Types& types) {
  command.add_option("--key-type", types.key, "Keys are text (auto) or numbers of Kafka's serdes")
      ->check(CLI::IsMember(tool::kTypes));
  command.add_option("--value-type", types.value, "The same for values")->check(CLI::IsMember(tool::kTypes));
}

// The commands and their options; parse() says which one to run.
class CommandLine {
 public:
  CommandLine() {
    app_.require_subcommand(1);
    app_.fallthrough();
    app_.footer(kFooter);
    add_where(app_, where_);
    add_topics();
    add_records();
    add_groups();
    add_files();
  }
  std::function<int()>& parse(int argc, char** argv) {
    app_.parse(argc, argv);
    return run_;
  }
  [[nodiscard]] const tool::Where& where() const { return where_; }
  /// Prints the help that was asked for.
  int help(const CLI::Success& asked) { return app_.exit(asked); }
  [[nodiscard]] bool knows(const std::string& command) {
    return !app_.get_subcommands([&](const CLI::App* one) { return one->get_name() == command; }).empty();
  }

 private:
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& description, std::function<int()> run) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->callback([this, run = std::move(run)] { run_ = run; });
    return *command;
  }

  void add_topics() {
    CLI::App* topics = app_.add_subcommand("topics", "Topics: list, describe, create");
    topics->require_subcommand(1);
    CLI::App& list = add(*topics, "list", "All topics", [this] { return tool::list_topics(where_, json_); });
    list.add_flag("--json", json_, "JSON lines");
    CLI::App& describe = add(*topics, "describe", "Configuration, and offsets of every partition",
                             [this] { return tool::describe_topics(where_, names_, json_); });
    describe.add_option("topic", names_, "Which")->required();
    describe.add_flag("--json", json_, "JSON lines");
    CLI::App& create = add(*topics, "create", "New topics; with --data also a new log where there is none",
                           [this] { return tool::create_topics(where_, names_, partitions_, config_); });
    create.add_option("topic", names_, "Their names: letters, digits, '.', '_', '-'")->required();
    create.add_option("--partitions", partitions_, "How many; default: the log's own")->check(CLI::Range(1, 10000));
    create.add_option("--config", config_, "KEY=VALUE, for example cleanup.policy=compact; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    for (CLI::App* command : {&list, &describe, &create}) add_where(*command, where_);
  }

  void add_records() {
    CLI::App& produce =
        add(app_, "produce", "Records from standard input, one a line", [this] { return tool::produce(where_, produce_); });
    produce.add_option("topic", produce_.topic, "Where they go")->required();
    produce.add_option("--key-separator", produce_.key_separator, "What stands before it in a line is the key")
        ->type_name("TEXT");
    produce.add_flag("--json", produce_.json, "Lines as consume --json prints them: key, value, headers, timestamp, partition");
    produce.add_option("--partition", produce_.partition, "All into this one; default: by key, without a key in turns")
        ->check(CLI::NonNegativeNumber);
    add_types(produce, produce_.types);
    add_where(produce, where_);
    CLI::App& consume = add(app_, "consume", "Records, up to where the topic ends when the command begins",
                            [this] { return tool::consume(where_, consume_); });
    consume.add_option("topic", consume_.topic, "Whose records")->required();
    consume.add_flag("--from-beginning", consume_.from_beginning, "From the first record on; default: from the end on");
    consume.add_flag("--committed", consume_.committed, "Nothing of open or aborted transactions");
    consume.add_flag("--follow", consume_.follow,
                     "Goes on with what comes, through ends and starts of a directory's owner, until interrupted");
    consume.add_flag("--json", consume_.json,
                     "JSON lines: partition, offset, timestamp, key, value, headers; bytes that are no text "
                     "as {\"base64\":\"...\"}");
    consume.add_option("--max", consume_.max, "At most so many records")->check(CLI::NonNegativeNumber);
    consume.add_option("--partition", consume_.partitions, "Only this one; may be repeated")->check(CLI::NonNegativeNumber);
    add_types(consume, consume_.types);
    add_where(consume, where_);
  }

  void add_groups() {
    CLI::App& groups =
        add(app_, "groups", "Groups: members, committed positions, lag", [this] { return tool::groups(where_, name_, json_); });
    groups.add_option("group", name_, "Only this one");
    groups.add_flag("--json", json_, "JSON lines");
    add_where(groups, where_);
  }

  void add_files() {
    CLI::App& verify = add(app_, "verify", "Checks the files of a data directory: checksums, offsets, transactions, journal",
                           [this] { return tool::verify(where_); });
    CLI::App& dump = add(app_, "dump", "Shows the files of a data directory: journal entries and batches", [this] {
      dump_.journal = !no_journal_;
      return tool::dump(where_, dump_);
    });
    dump.add_option("--topic", dump_.topic, "Only this one");
    dump.add_option("--partition", dump_.partition, "Only the partitions of this number")->check(CLI::NonNegativeNumber);
    dump.add_flag("--no-journal", no_journal_, "Only the segments");
    dump.add_flag("--records", dump_.records, "The records of each batch, too, as JSON lines");
    add_types(dump, dump_.types);
    for (CLI::App* command : {&verify, &dump}) add_where(*command, where_, false);
  }

  CLI::App app_{kDescription, "tidemill"};
  std::function<int()> run_;
  tool::Where where_;
  bool json_ = false;
  std::string name_;
  std::vector<std::string> names_;
  std::vector<std::string> config_;
  std::int32_t partitions_ = -1;
  tool::ProduceOptions produce_;
  tool::ConsumeOptions consume_;
  tool::DumpOptions dump_;
  bool no_journal_ = false;
};

int fail(int status, const std::string& sentence) {
  std::fflush(stdout);
  std::fprintf(stderr, "tidemill: %s\n", sentence.c_str());
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  auto traces = spdlog::stderr_logger_mt("tidemill");  // standard output is for what was asked for
  traces->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(traces));
  CommandLine line;
  int status = kFailed;
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first.front() != '-' && !line.knows(first)) {
    return fail(kWrongUsage, "there is no command \"" + first + "\"\n--help says more");
  }
  try {
    status = line.parse(argc, argv)();
  } catch (const CLI::Success& asked) {
    return line.help(asked);
  } catch (const CLI::ParseError& wrong) {
    return fail(kWrongUsage, std::string(wrong.what()) + "\n--help says more");
  } catch (const tool::UsageError& wrong) {
    return fail(kWrongUsage, std::string(wrong.what()) + "\n--help says more");
  } catch (const tidemill::ResultException& problem) {
    return fail(kFailed, line.where().sentence(problem.error()));
  } catch (const std::exception& problem) {
    return fail(kFailed, problem.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(kFailed, std::string("standard output: ") + std::strerror(errno));
  return status;
}
