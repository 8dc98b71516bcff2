// write_segments DIR: fills an embedded log in DIR, then prints as JSON lines what its segment files hold by
// our own reading: one line a batch, and one a topic with the records and markers that must be there.
//
// For each codec three topics, over several segments: `plain-CODEC` (idempotent appends), `transactional-CODEC`
// (committed, aborted, and two writers mixed), and `compacted-CODEC`, the same but compacted: what must be there is
// what we find, which is less than was sent.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/headers.hpp>

#include "log/record_batch_codec.hpp"

namespace fs = std::filesystem;
using namespace tidemill;

namespace {

constexpr int kRounds = 12;
constexpr int kRecordsPerRound = 30;
const char* const kCodecs[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};

struct Counts {
  int records = 0;
  int commits = 0;
  int aborts = 0;
};

MonotonicTime deadline() { return system_clock().now().monotonic + std::chrono::seconds(30); }

void send_round(LogProducer& producer, TopicHandle topic, int round, bool all_have_keys, Counts& sent) {
  static const Bytes kHeaders = Headers{{"round", Bytes("x")}, {"null", std::nullopt}}.encode();
  for (int i = 0; i < kRecordsPerRound; ++i) {
    const std::string key = "key-" + std::to_string(i % 7);
    const std::string value(static_cast<std::size_t>(20 + i), static_cast<char>('a' + round % 26));
    const SendStatus status = producer.send({.topic = topic,
                                             .partition = PartitionId(0),
                                             .timestamp = Timestamp(1'700'000'000'000 + round * 1000 + i % 5),
                                             .key = i % 6 == 5 && !all_have_keys ? OptionalBytesView() : BytesView(key),
                                             .value = i % 10 == 9 ? OptionalBytesView() : BytesView(value),
                                             .headers = i % 3 == 0 ? BytesView(kHeaders) : BytesView()});
    if (status != SendStatus::kAccepted) throw ResultException(producer.last_error());
    ++sent.records;
  }
  producer.dispatch();
}

Counts plain(Log& log, const std::string& name) {
  auto group = log.commit_group({.name = "plain-" + name, .application_id = {}, .guarantee = ProcessingGuarantee::kAtLeastOnce},
                                deadline())
                   .value();
  auto producer = group->producer();
  const TopicHandle topic = producer->topic(name, deadline()).value();
  Counts sent;
  for (int round = 0; round < kRounds; ++round) {
    send_round(*producer, topic, round, false, sent);
    (void)group->flush(deadline()).value();
  }
  return sent;
}

Counts transactional(Log& log, const std::string& name) {
  auto one = log.commit_group({.name = "one-" + name, .application_id = {}}, deadline()).value();
  auto two = log.commit_group({.name = "two-" + name, .application_id = {}}, deadline()).value();
  auto producer_one = one->producer();
  auto producer_two = two->producer();
  const TopicHandle topic_one = producer_one->topic(name, deadline()).value();
  const TopicHandle topic_two = producer_two->topic(name, deadline()).value();
  const bool keys = name.starts_with("compacted");
  Counts sent;
  for (int round = 0; round < kRounds; ++round) {
    send_round(*producer_one, topic_one, round, keys, sent);
    (void)one->flush(deadline()).value();
    send_round(*producer_two, topic_two, round, keys, sent);
    (void)two->flush(deadline()).value();
    if (one->commit({}, deadline()).outcome != CommitOutcome::kCommitted) throw std::runtime_error("not committed");
    ++sent.commits;
    if (round % 3 == 1) {
      if (two->abort(deadline()).outcome != CommitOutcome::kAborted) throw std::runtime_error("not aborted");
      ++sent.aborts;
    } else {
      if (two->commit({}, deadline()).outcome != CommitOutcome::kCommitted) throw std::runtime_error("not committed");
      ++sent.commits;
    }
  }
  return sent;
}

const char* codec_name(std::uint8_t codec) {
  const char* const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  return codec < 5 ? names[codec] : "?";
}

void print_segment(const fs::path& path, Counts& found) {
  std::ifstream file(path, std::ios::binary);
  const auto bytes = std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  const auto partition = std::make_shared<const TopicPartition>(TopicPartition{"t", PartitionId(0)});
  for (std::size_t at = 0; at < bytes->size();) {
    const auto header = read_batch_header(BytesView(*bytes).substr(at)).value();
    if (!header) throw std::runtime_error(path.string() + " does not end with a whole batch");
    const auto batch = decode_batch(bytes, at, partition).value();
    const char* marker = "";
    if (!header->control()) found.records += static_cast<int>(batch->records.size());
    if (header->control() && !batch->records.empty()) {
      const auto type = read_control_type(BytesView(*bytes).substr(at, header->total_bytes())).value();
      marker = type == ControlType::kCommit ? "COMMIT" : type == ControlType::kAbort ? "ABORT" : "?";
      found.commits += type == ControlType::kCommit ? 1 : 0;
      found.aborts += type == ControlType::kAbort ? 1 : 0;
    }
    std::printf("{\"file\":\"%s\",\"base\":%lld,\"last\":%lld,\"records\":%zu,\"producer\":%lld,\"epoch\":%d,"
                "\"sequence\":%d,"
                "\"transactional\":%s,\"marker\":\"%s\",\"position\":%zu,\"size\":%zu,\"codec\":\"%s\",\"crc\":%u}\n",
                path.c_str(), static_cast<long long>(header->base_offset.value),
                static_cast<long long>(header->last_offset().value), batch->records.size(),
                static_cast<long long>(header->producer_id), header->producer_epoch, header->base_sequence,
                header->transactional() ? "true" : "false", marker, at, header->total_bytes(), codec_name(header->codec()),
                header->crc);
    at += header->total_bytes();
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_segments DIR\n");
    return 2;
  }
  std::map<std::string, Counts> topics;
  {
    const auto log = open_embedded_log(argv[1], {.background_thread = false}).value();
    for (const char* codec : kCodecs) {
      for (const std::string kind : {"plain", "transactional", "compacted"}) {
        const std::string name = kind + "-" + codec;
        TopicConfig config{{"compression.type", codec}, {"segment.bytes", "4096"}, {"min.cleanable.dirty.ratio", "0"}};
        if (kind == "compacted") config["cleanup.policy"] = "compact";
        log->admin().create_topic({.name = name, .partitions = 1, .config = config}, deadline()).value();
        topics[name] = name.starts_with("plain") ? plain(*log, name) : transactional(*log, name);
      }
    }
    run_background(*log).value();
  }
  for (const auto& [name, sent] : topics) {
    const fs::path folder = fs::path(argv[1]) / "topics" / (name + "-0");
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".log") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    Counts found;
    for (const fs::path& file : files) print_segment(file, found);
    const Counts& must = name.starts_with("compacted") ? found : sent;
    std::printf("{\"topic\":\"%s\",\"folder\":\"%s\",\"sent\":%d,\"records\":%d,\"commits\":%d,\"aborts\":%d}\n", name.c_str(),
                folder.c_str(), sent.records, must.records, must.commits, must.aborts);
  }
  return 0;
} catch (const std::exception& problem) {
  std::fprintf(stderr, "write_segments: %s\n", problem.what());
  return 1;
}
