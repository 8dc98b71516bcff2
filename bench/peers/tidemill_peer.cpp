// Ours on Kafka, through the public API: what StreamsPeer.java does with Kafka Streams.
// usage: tidemill_peer BOOTSTRAP WORK(stateless|count|count-distinct) GUARANTEE(at_least_once|exactly_once) INPUT OUTPUT RECORDS STATE
//
// `count` goes through the record cache, `count-distinct` writes every count to RocksDB. Prints one JSON object; the first half
// of the records is warm-up.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <filesystem>

#include <tidemill/adapters/kafka_log.hpp>
#include <tidemill/streams.hpp>

#include "harness/process.hpp"

using namespace tidemill;
using namespace tidemill_bench;

namespace {

constexpr std::chrono::minutes kPatience{10};

struct Half {
  std::uint64_t left;
  double cpu_ns = 0;
  void see() {
    if (left > 0 && --left == 0) cpu_ns = process_cpu_ns();
  }
};

Topology build(const std::string& work, const std::string& input, const std::string& output, Half& half) {
  StreamsBuilder builder;
  auto stream = builder.stream<std::string, std::string>(input).peek([&half](const std::string&) { half.see(); });
  if (work == "stateless") {
    stream.filter([](const std::string& value) { return value.front() != 'z'; })
        .map_values([](const std::string& value) { return value; })
        .to(output);
  } else {
    stream.group_by_key().count({.store_name = "counts", .caching = work == "count"}).to_stream().to(output);
  }
  return builder.build();
}

int run_peer(char** argv) {
  const std::string work = argv[2];
  const std::uint64_t records = std::stoull(argv[6]);
  const std::string state = argv[7];
  const bool exactly_once = std::string(argv[3]) == "exactly_once";
  Half half{.left = records / 2};
  const double cpu_before = process_cpu_ns();
  Streams streams(
      build(work, argv[4], argv[5], half),
      {.application_id = std::string("tidemill-") + work + "-" + argv[3],
       .log = kafka_log({.bootstrap_servers = argv[1]}),
       .processing_guarantee = exactly_once ? ProcessingGuarantee::kExactlyOnceV2 : ProcessingGuarantee::kAtLeastOnce,
       .commit_interval = std::chrono::milliseconds(100),
       .state_dir = state,
       .producer = {{"linger.ms", "100"}, {"batch.size", "131072"}}});
  streams.start().value();
  const bool done = streams.wait_until_caught_up(kPatience);
  if (const auto error = streams.error()) throw ResultException(*error);
  if (!done) throw std::runtime_error("not caught up in ten minutes");
  streams.close().value();
  const double cpu_after = process_cpu_ns();
  if (half.left != 0) throw std::runtime_error("not half of the records were seen");
  const auto count = static_cast<double>(records);
  std::printf("{\"who\":\"tidemill\",\"work\":\"%s\",\"guarantee\":\"%s\",\"cpu_us_per_record\":%.3f,"
              "\"warm_cpu_us_per_record\":%.3f,\"records\":%llu,\"peak_mb\":%.0f}\n",
              work.c_str(), argv[3], (cpu_after - cpu_before) / count / 1e3, (cpu_after - half.cpu_ns) / (count / 2) / 1e3,
              static_cast<unsigned long long>(records), static_cast<double>(peak_resident_bytes()) / 1e6);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fputs("usage: tidemill_peer BOOTSTRAP WORK GUARANTEE INPUT OUTPUT RECORDS STATE\n", stderr);
    return 2;
  }
  spdlog::set_level(spdlog::level::off);
  try {
    return run_peer(argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tidemill_peer: %s\n", error.what());
    return 1;
  }
}
