// tidemill: looks into a log and its groups, produces and consumes, checks and shows the files of a data
// directory.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "commands.hpp"

namespace {

constexpr const char* kDescription =
    "Looks into a Tidemill log: topics, records, groups, files.\n"
    "The log is a data directory (--data) or Apache Kafka (--bootstrap-servers). The application that owns a\n"
    "directory is asked; one that nobody owns is locked meanwhile, and only create, produce and reset change it.";
constexpr const char* kFooter = "Exit status: 0 done; 1 failed, or verify has found a problem; 2 wrong usage.\n"
                                "Examples:\n"
                                "  tidemill topics list --data data\n"
                                "  tidemill produce lines --data data <<< \"the tide turns the mill\"\n"
                                "  tidemill consume word-counts --data data --from-beginning --committed --value-type int64\n"
                                "  tidemill groups --bootstrap-servers 127.0.0.1:9092\n"
                                "  tidemill groups reset my-app --topic lines:0 --shift-by 1 --data data\n"
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

/// A whole number, 0 or more.
CLI::Validator whole_from_zero() {
  return {[](std::string& text) {
            const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
            return digits ? std::string() : "\"" + text + "\" is no whole number of 0 or more";
          },
          "N"};
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
    try {
      app_.parse(argc, argv);
    } catch (const CLI::RequiredError&) {
      require_command(app_, "", app_.remaining(true));
      throw;
    }
    return run_;
  }
  [[nodiscard]] const tool::Where& where() const { return where_; }
  /// Prints the help that was asked for.
  int help(const CLI::Success& asked) { return app_.exit(asked); }
  /// What led to the command that was named, for "... --help".
  [[nodiscard]] std::string named() const {
    std::string all;
    for (const CLI::App* at = &app_; at != nullptr;) {
      all += (all.empty() ? "" : " ") + at->get_name();
      const auto chosen = at->get_subcommands();
      at = chosen.empty() ? nullptr : chosen.front();
    }
    return all;
  }

 private:
  CLI::App& add(CLI::App& parent, const std::string& name, const std::string& description, std::function<int()> run) {
    CLI::App* command = parent.add_subcommand(name, description);
    command->callback([this, run = std::move(run)] { run_ = run; });
    return *command;
  }

  // Throws UsageError with the commands that there are, where one was needed and none of them was named.
  static void require_command(CLI::App& app, const std::string& before, const std::vector<std::string>& rest) {
    if (const auto chosen = app.get_subcommands(); !chosen.empty()) {
      return require_command(*chosen.front(), before + chosen.front()->get_name() + " ", rest);
    }
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    if (names.empty() || app.get_require_subcommand_min() == 0) return;
    std::string known;
    for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
    const auto wrong = std::find_if(rest.begin(), rest.end(), [](const std::string& word) { return !word.starts_with('-'); });
    if (wrong == rest.end()) throw tool::UsageError("which command? tidemill " + before + "has " + known);
    const std::string near = tool::nearest(*wrong, names);
    throw tool::UsageError("there is no command \"" + before + *wrong + "\"" +
                           (near.empty() ? "" : " (did you mean \"" + before + near + "\"?)") + ": tidemill " + before +
                           "has " + known);
  }

  void add_topics() {
    CLI::App* topics = app_.add_subcommand("topics", "Topics: list, describe, create, delete");
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
    CLI::App& remove = add(*topics, "delete", "Topics with all their records: of an application that begins again, say",
                           [this] { return tool::delete_topics(where_, names_, execute_); });
    remove.add_option("topic", names_, "Which")->required();
    remove.add_flag("--execute", execute_, "Does it; without, only shows what would go");
    remove.footer(
        "An application begins again without its state when its internal topics (APPLICATION.ID-...-changelog, -repartition,\n"
        "-subscription-registration-topic, -subscription-response-topic) and its state directory are deleted, and its "
        "positions\n"
        "moved: tidemill groups reset APPLICATION.ID --topic INPUT --to-earliest.");
    for (CLI::App* command : {&list, &describe, &create, &remove}) add_where(*command, where_);
  }

  void add_records() {
    CLI::App& produce =
        add(app_, "produce", "Records from standard input, one a line", [this] { return tool::produce(where_, produce_); });
    produce.add_option("topic", produce_.topic, "Where they go")->required();
    produce.add_option("--key-separator", produce_.key_separator, "What stands before it in a line is the key")
        ->type_name("TEXT");
    produce.add_flag("--json", produce_.json, "Lines as consume --json prints them: key, value, headers, timestamp, partition");
    produce.add_option("--partition", produce_.partition, "All into this one; default: by key, without a key in turns")
        ->check(whole_from_zero());
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
    consume.add_option("--max", consume_.max, "At most so many records")->check(whole_from_zero());
    consume.add_option("--partition", consume_.partitions, "Only this one; may be repeated")->check(whole_from_zero());
    add_types(consume, consume_.types);
    add_where(consume, where_);
  }

  void add_groups() {
    CLI::App& groups = *app_.add_subcommand("groups", "Groups: members, committed positions, lag; reset moves positions");
    groups.add_option("group", name_, "Only this one");
    groups.add_flag("--json", json_, "JSON lines");
    CLI::App& reset =
        add(groups, "reset", "Moves the positions of a group that has no members: skips records, or reads them again",
            [this] { return tool::reset_group(where_, reset_); });
    groups.callback([this, &reset] {  // called after that of reset
      if (!reset.parsed()) run_ = [this] { return tool::groups(where_, name_, json_); };
    });
    reset.add_option("group", reset_.group, "Whose")->required();
    reset.add_option("--topic", reset_.topics, "All its partitions, or only those named; may be repeated")
        ->type_name("TOPIC[:P,...]")
        ->allow_extra_args(false)
        ->required();
    reset.add_option("--to-offset", reset_.to_offset, "To this offset")->check(whole_from_zero());
    reset.add_flag("--to-earliest", reset_.to_earliest, "To the first record that there is");
    reset.add_flag("--to-latest", reset_.to_latest, "Behind the last record");
    reset.add_option("--shift-by", reset_.shift_by, "So many offsets on, or back (-N); 1 skips a record")->type_name("N");
    reset
        .add_option("--to-datetime", reset_.to_datetime,
                    "To the first record of this time or later: 2026-11-23T08:00:00.000, in UTC")
        ->type_name("TIME");
    reset.add_flag("--execute", reset_.execute, "Does it; without, only shows what would change");
    reset.add_flag("--dry-run", reset_.dry_run, "Only shows what would change: the default");
    reset.footer(
        "An offset outside of the partition becomes the nearest that is inside. The state of the application is not turned\n"
        "back: what it has counted of records that are read again, it counts again, unless that is deleted: see topics "
        "delete.");
    for (CLI::App* command : {&groups, &reset}) add_where(*command, where_);
  }

  void add_files() {
    CLI::App& verify = add(app_, "verify", "Checks the files of a data directory: checksums, offsets, transactions, journal",
                           [this] { return tool::verify(where_); });
    CLI::App& dump = add(app_, "dump", "Shows the files of a data directory: journal entries and batches", [this] {
      dump_.journal = !no_journal_;
      return tool::dump(where_, dump_);
    });
    dump.add_option("--topic", dump_.topic, "Only this one");
    dump.add_option("--partition", dump_.partition, "Only the partitions of this number")->check(whole_from_zero());
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
  tool::ResetOptions reset_;
  bool no_journal_ = false;
  bool execute_ = false;
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
  try {
    status = line.parse(argc, argv)();
  } catch (const CLI::Success& asked) {
    return line.help(asked);
  } catch (const CLI::ParseError& wrong) {
    return fail(kWrongUsage, std::string(wrong.what()) + "\n`" + line.named() + " --help` says more");
  } catch (const tool::UsageError& wrong) {
    return fail(kWrongUsage, std::string(wrong.what()) + "\n`" + line.named() + " --help` says more");
  } catch (const tidemill::ResultException& problem) {
    return fail(kFailed, line.where().sentence(problem.error()));
  } catch (const std::exception& problem) {
    return fail(kFailed, problem.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(kFailed, std::string("standard output: ") + std::strerror(errno));
  return status;
}
