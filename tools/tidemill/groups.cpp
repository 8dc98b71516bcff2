#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"

namespace tool {
namespace {

using Json = nlohmann::ordered_json;

struct Lag {
  tidemill::CommitPosition position;
  std::optional<std::int64_t> records;  // to the end of the partition; nullopt: it is gone
};

std::vector<Lag> lags_of(const Where& where, tidemill::Log& log, const tidemill::GroupDescription& group) {
  std::vector<Lag> lags;
  for (const auto& position : group.offsets) {
    const auto offsets = log.admin().offsets(std::span(&position.partition, 1), where.deadline());
    if (!offsets && offsets.error().kind != tidemill::ErrorKind::kNotFound) throw tidemill::ResultException(offsets.error());
    std::optional<std::int64_t> records;
    if (offsets) records = std::max<std::int64_t>(offsets->front().high_watermark - position.offset, 0);
    lags.push_back({position, records});
  }
  return lags;
}

void print_json(const tidemill::GroupDescription& group, const std::vector<Lag>& lags) {
  Json members = Json::array();
  for (const auto& member : group.members) {
    members.push_back(
        {{"member", member.member_id}, {"client", member.client_id}, {"host", member.host}, {"assignment", member.assignment}});
  }
  Json positions = Json::array();
  for (const Lag& lag : lags) {
    positions.push_back({{"topic", lag.position.partition.topic},
                         {"partition", lag.position.partition.partition.value},
                         {"offset", lag.position.offset.value},
                         {"lag", lag.records ? Json(*lag.records) : Json()}});
  }
  std::puts(Json{{"group", group.group},
                 {"state", group.state},
                 {"generation", group.generation},
                 {"members", std::move(members)},
                 {"positions", std::move(positions)}}
                .dump()
                .c_str());
}

void print_text(const tidemill::GroupDescription& group, const std::vector<Lag>& lags) {
  std::int64_t total = 0;
  std::size_t width = 0;
  for (const Lag& lag : lags) {
    total += lag.records.value_or(0);
    width = std::max(width, to_string(lag.position.partition).size());
  }
  std::printf("%s  %s, generation %d, %zu members, lag %lld\n", group.group.c_str(), group.state.c_str(), group.generation,
              group.members.size(), static_cast<long long>(total));
  for (const auto& member : group.members) {
    std::printf("    member %s%s%s: %s\n", member.member_id.c_str(), member.host.empty() ? "" : " at ", member.host.c_str(),
                member.assignment.c_str());
  }
  for (const Lag& lag : lags) {
    std::printf("    %-*s  offset %lld  lag %s\n", static_cast<int>(width), to_string(lag.position.partition).c_str(),
                static_cast<long long>(lag.position.offset.value), lag.records ? std::to_string(*lag.records).c_str() : "-");
  }
}

}  // namespace

tidemill::GroupDescription describe_group(const Where& where, tidemill::Log& log, const std::string& group) {
  const std::vector<std::string> names = log.admin().list_groups(where.deadline()).value();
  if (std::find(names.begin(), names.end(), group) != names.end()) {
    return log.admin().describe_group(group, where.deadline()).value();
  }
  const std::string near = nearest(group, names);
  throw std::runtime_error("there is no group \"" + group + "\": " +
                           (!near.empty()   ? "did you mean \"" + near + "\"?"
                            : names.empty() ? "there are no groups at all"
                                            : "`tidemill groups` shows all"));
}

int groups(const Where& where, const std::string& wanted, bool json) {
  const auto log = where.open(Access::kRead);
  std::vector<tidemill::GroupDescription> all;
  if (wanted.empty()) {
    std::vector<std::string> names = log->admin().list_groups(where.deadline()).value();
    std::ranges::sort(names);  // a broker gives them in no order
    for (const std::string& name : names) {
      all.push_back(log->admin().describe_group(name, where.deadline()).value());
    }
  } else {
    all.push_back(describe_group(where, *log, wanted));
  }
  for (const auto& group : all) {
    const std::vector<Lag> lags = lags_of(where, *log, group);
    json ? print_json(group, lags) : print_text(group, lags);
  }
  return 0;
}

}  // namespace tool
