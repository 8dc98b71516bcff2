// tidemill: looks into a log and its groups, produces and consumes.
#include <CLI/CLI.hpp>

#include <tidemill/adapters/embedded_log.hpp>

#include <cstdio>

#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app{"Looks into a Tidemill log: topics, records, groups. Exit status 0: done; 1: failed; others: wrong usage."};
  app.require_subcommand(1);
  app.fallthrough();
  std::string data;
  app.add_option("--data", data, "Directory of an embedded log")->required();

  CLI::App* topics = app.add_subcommand("topics", "list, describe, create");
  topics->require_subcommand(1);
  CLI::App* list = topics->add_subcommand("list", "All topics");
  std::string topic;
  CLI::App* describe = topics->add_subcommand("describe", "One topic: configuration and offsets");
  describe->add_option("topic", topic)->required();
  std::int32_t partitions = -1;
  std::vector<std::string> config;
  CLI::App* create = topics->add_subcommand("create", "A new topic");
  create->add_option("topic", topic)->required();
  create->add_option("--partitions", partitions, "Default: the log's")->check(CLI::Range(1, 10000));
  create->add_option("--config", config, "KEY=VALUE, for example cleanup.policy=compact; may be repeated");

  CLI::App* produce = app.add_subcommand("produce", "Records from standard input, one a line");
  std::optional<std::string> separator;
  produce->add_option("topic", topic)->required();
  produce->add_option("--key-separator", separator, "What stands before it is the key");

  tool::ConsumeOptions options;
  CLI::App* consume = app.add_subcommand("consume", "Records as JSON lines, to the end offsets of now");
  consume->add_option("topic", options.topic)->required();
  consume->add_flag("--from-beginning", options.from_beginning);
  consume->add_flag("--committed", options.committed, "Only what is committed");
  consume->add_flag("--follow", options.follow, "Goes on until interrupted");
  bool json = true;
  consume->add_flag("--json", json, "JSON lines (there is no other form yet)");
  consume->add_option("--max", options.max, "At most so many records")->check(CLI::NonNegativeNumber);
  const auto types = CLI::IsMember({"auto", "int64", "int32", "double"});
  consume->add_option("--key-type", options.key_type, "How to show keys")->check(types);
  consume->add_option("--value-type", options.value_type, "How to show values")->check(types);

  std::string group;
  CLI::App* groups = app.add_subcommand("groups", "Groups, their members, offsets and lag");
  groups->add_option("group", group, "Only this one");
  CLI::App* verify = app.add_subcommand("verify", "Reads every record; checksums are checked on the way");

  CLI11_PARSE(app, argc, argv);
  try {
    const bool writes = create->parsed() || produce->parsed();
    auto log = tidemill::reach_embedded_log(data, {.read_only = !writes}, std::chrono::seconds(10)).value();
    if (list->parsed()) return tool::list_topics(*log);
    if (describe->parsed()) return tool::describe_topic(*log, topic);
    if (create->parsed()) return tool::create_topic(*log, topic, partitions, config);
    if (produce->parsed()) return tool::produce(*log, topic, separator);
    if (consume->parsed()) return tool::consume(*log, options);
    if (groups->parsed()) return tool::groups(*log, group);
    if (verify->parsed()) return tool::verify(*log);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "tidemill: %s\n", problem.what());
    return 1;
  }
  return 0;
}
