// groups reset: where a group goes on, moved by hand; to skip a record that it cannot get past, or to read again.
//
// Shows what would change, and changes it with --execute only. All partitions or none: the new positions are one commit,
// which the log takes of a group without members alone, so a member that joins meanwhile makes it fail and nothing else.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "commands.hpp"

namespace tool {
namespace {

using tidemill::Offset;
using tidemill::TopicPartition;

struct Move {
  TopicPartition partition;
  std::optional<Offset> from;  // nullopt: the group has no position there
  Offset to;
};

/// Digits at `at`, as a number; throws UsageError.
int digits(const std::string& text, std::size_t at, std::size_t count) {
  int number = 0;
  const char* begin = text.data() + std::min(at, text.size());
  const char* end = text.data() + std::min(at + count, text.size());
  const auto [read, error] = std::from_chars(begin, end, number);
  if (static_cast<std::size_t>(end - begin) < count || error != std::errc() || read != end || *begin == '-') {
    throw UsageError("--to-datetime " + text + " is not like 2026-11-23T08:00:00.000 (UTC, or with +01:00 at its end)");
  }
  return number;
}

tidemill::Timestamp parse_datetime(const std::string& text) {
  const auto bad = [&]() -> void { (void)digits(text, text.size(), 1); };
  constexpr std::size_t kSeconds = 19;  // 2026-11-23T08:00:00
  const std::chrono::year_month_day date{std::chrono::year(digits(text, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(digits(text, 5, 2))),
                                         std::chrono::day(static_cast<unsigned>(digits(text, 8, 2)))};
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (!date.ok() || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' || hour > 23 ||
      minute > 59 || second > 59) {
    bad();
  }
  std::size_t at = kSeconds;
  int ms = 0;
  if (at < text.size() && text[at] == '.') {
    ms = digits(text, at + 1, 3);
    at += 4;
  }
  int zone = 0;  // minutes
  if (at < text.size() && text[at] == 'Z') {
    ++at;
  } else if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const bool colon = at + 3 < text.size() && text[at + 3] == ':';
    zone = digits(text, at + 1, 2) * 60 + digits(text, at + (colon ? 4 : 3), 2);
    if (text[at] == '-') zone = -zone;
    at += colon ? 6 : 5;
  }
  if (at != text.size()) bad();
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return tidemill::Timestamp((((days * 24 + hour) * 60 + minute - zone) * 60 + second) * 1000 + ms);
}

/// The partitions that TOPIC or TOPIC:PARTITION[,PARTITION...] names.
std::vector<TopicPartition> named_partitions(const Where& where, tidemill::Log& log, const std::string& text) {
  const auto colon = text.find(':');
  const std::string topic = text.substr(0, colon);
  const std::vector<TopicPartition> all = partitions_of(where, log, topic);
  if (colon == std::string::npos) return all;
  std::vector<TopicPartition> named;
  for (std::size_t at = colon; at != std::string::npos;) {
    const std::size_t end = text.find(',', at + 1);
    const std::string part = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    std::int32_t number = -1;
    const auto [read, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || read != part.data() + part.size() || number < 0) {
      throw UsageError("--topic " + text + ": \"" + part + "\" is no partition: TOPIC, TOPIC:0 or TOPIC:0,1");
    }
    if (static_cast<std::size_t>(number) >= all.size()) throw std::runtime_error(no_partition(topic, all.size(), number));
    named.push_back(all[static_cast<std::size_t>(number)]);
    at = end;
  }
  return named;
}

Offset wanted_offset(const Where& where, tidemill::Log& log, const ResetOptions& options, const Move& move,
                     const tidemill::PartitionOffsets& there) {
  if (options.to_offset) return Offset(*options.to_offset);
  if (options.to_earliest) return there.start;
  if (options.to_latest) return there.high_watermark;
  if (!options.to_datetime.empty()) {
    return log.admin().offset_for_time(move.partition, parse_datetime(options.to_datetime), where.deadline()).value();
  }
  if (!move.from) {
    throw std::runtime_error("group \"" + options.group + "\" has no position in " + to_string(move.partition) +
                             " that could be shifted: say --to-offset, --to-earliest, --to-latest or --to-datetime");
  }
  std::int64_t shifted = 0;
  const bool overflows = __builtin_add_overflow(move.from->value, *options.shift_by, &shifted);
  return overflows ? Offset(*options.shift_by < 0 ? 0 : there.high_watermark.value) : Offset(shifted);
}

std::vector<Move> plan(const Where& where, tidemill::Log& log, const ResetOptions& options,
                       const tidemill::GroupDescription& group) {
  std::vector<Move> moves;
  for (const std::string& text : options.topics) {
    for (const TopicPartition& partition : named_partitions(where, log, text)) moves.push_back({partition, std::nullopt, {}});
  }
  for (Move& move : moves) {
    for (const auto& position : group.offsets) {
      if (position.partition == move.partition) move.from = position.offset;
    }
    const auto there = log.admin().offsets(std::span(&move.partition, 1), where.deadline()).value().front();
    const Offset wanted = wanted_offset(where, log, options, move, there);
    move.to = std::clamp(wanted, there.start, there.high_watermark);
    if (move.to == wanted) continue;
    std::fprintf(stderr, "tidemill: %s has the offsets %lld to %lld: %lld becomes %lld\n", to_string(move.partition).c_str(),
                 static_cast<long long>(there.start.value), static_cast<long long>(there.high_watermark.value),
                 static_cast<long long>(wanted.value), static_cast<long long>(move.to.value));
  }
  return moves;
}

void require_empty(const tidemill::GroupDescription& group) {
  if (group.members.empty() && group.state != "Stable") return;
  throw std::runtime_error(
      "group \"" + group.group + "\" is active (" + group.state + ", " + std::to_string(group.members.size()) +
      " members): its positions can be moved only while nobody works in it; stop the application first (one that was "
      "killed is a member until its session.timeout.ms is over)");
}

void require_one_way(const ResetOptions& options) {
  const int ways = (options.to_offset ? 1 : 0) + (options.shift_by ? 1 : 0) + (options.to_earliest ? 1 : 0) +
                   (options.to_latest ? 1 : 0) + (options.to_datetime.empty() ? 0 : 1);
  if (ways != 1) {
    throw UsageError("where to? Say one of --to-offset N, --to-earliest, --to-latest, --shift-by N, --to-datetime TIME");
  }
  if (!options.to_datetime.empty()) (void)parse_datetime(options.to_datetime);
  if (options.execute && options.dry_run) throw UsageError("--execute and --dry-run exclude each other");
}

}  // namespace

int reset_group(const Where& where, const ResetOptions& options) {
  require_one_way(options);
  const auto log = where.open(options.execute ? Access::kWrite : Access::kRead);
  const tidemill::GroupDescription group = describe_group(where, *log, options.group);
  require_empty(group);
  const bool owned = !where.data.empty() && log->traits().commit_group_span != tidemill::LogTraits::CommitGroupSpan::kProcess;
  if (owned && options.execute) {
    throw std::runtime_error("positions can be moved only while no process owns the directory, but this is the " +
                             log->traits().description + ": stop that process first");
  }
  const std::vector<Move> moves = plan(where, *log, options, group);
  std::vector<tidemill::CommitPosition> positions;
  std::size_t width = 0;
  for (const Move& move : moves) {
    positions.push_back({move.partition, move.to, tidemill::kNoLeaderEpoch, ""});
    width = std::max(width, to_string(move.partition).size());
  }
  if (options.execute) {
    const auto membership = log->membership(options.group).value();
    const tidemill::MembershipToken nobody{.group = options.group, .member_id = {}, .instance_id = {}};
    const auto committed = membership->commit(positions, nobody, where.deadline());
    if (!committed && committed.error().kind == tidemill::ErrorKind::kStaleMember) {
      throw std::runtime_error("group \"" + options.group +
                               "\" has become active meanwhile, and nothing was moved: " + committed.error().message);
    }
    committed.value();
  }
  for (const Move& move : moves) {
    std::printf("%-*s  offset %s -> %lld\n", static_cast<int>(width), to_string(move.partition).c_str(),
                move.from ? std::to_string(move.from->value).c_str() : "-", static_cast<long long>(move.to.value));
  }
  if (!options.execute) std::fprintf(stderr, "tidemill: nothing has been changed: say --execute to do it\n");
  return 0;
}

}  // namespace tool
