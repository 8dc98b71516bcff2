// make_fuzz_corpus FOLDER: writes a small seed corpus for each fuzzer, made with the library itself.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <tidemill/adapters/embedded_log.hpp>
#include <tidemill/base/headers.hpp>

#include "log/record_batch_codec.hpp"
#include "log_embedded/owner_protocol.hpp"

namespace fs = std::filesystem;
using namespace tidemill;

namespace {

void write(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

const Bytes kHeaders = Headers{{"trace", Bytes("abc")}, {"empty", Bytes()}, {"null", std::nullopt}}.encode();

Bytes batch(Compression codec, bool transactional, std::int32_t records) {
  BatchBuilder builder;
  for (std::int32_t i = 0; i < records; ++i) {
    const std::string key = "key-" + std::to_string(i % 3);
    builder.add(Timestamp(1'700'000'000'000 + i), BytesView(key), i % 4 == 3 ? OptionalBytesView() : BytesView("a value"),
                i % 2 == 0 ? BytesView() : BytesView(kHeaders));
  }
  return builder.seal({.producer_id = transactional ? 7 : kNoProducerId,
                       .producer_epoch = static_cast<std::int16_t>(transactional ? 0 : -1),
                       .base_sequence = transactional ? 0 : -1,
                       .transactional = transactional,
                       .compression = codec});
}

void batches(const fs::path& folder) {
  const char* names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
  for (int codec = 0; codec < 5; ++codec) {
    write(folder / "record_batch" / names[codec], batch(static_cast<Compression>(codec), codec % 2 == 1, 5));
  }
  write(folder / "record_batch" / "commit", make_control_batch(ControlType::kCommit, 7, 0, 0, Timestamp(1)));
}

void segments(const fs::path& folder) {
  for (const ControlType end : {ControlType::kCommit, ControlType::kAbort}) {
    Bytes all;
    std::int64_t offset = 0;
    const auto add = [&](Bytes bytes, std::int64_t records) {
      set_base_offset(bytes, Offset(offset), LeaderEpoch(0));
      all += bytes;
      offset += records;
    };
    add(batch(Compression::kNone, false, 3), 3);
    add(batch(Compression::kLz4, true, 4), 4);
    add(make_control_batch(end, 7, 0, 0, Timestamp(2)), 1);
    add(batch(Compression::kNone, true, 2), 2);  // left open
    write(folder / "segment" / (end == ControlType::kCommit ? "committed" : "aborted"), all);
    write(folder / "segment" / (end == ControlType::kCommit ? "cut" : "cut-aborted"), all.substr(0, all.size() - 20));
  }
}

/// The front of the journal that a small log leaves behind.
void journal(const fs::path& folder) {
  const fs::path work = fs::temp_directory_path() / "tidemill-make-fuzz-corpus";
  for (const Durability durability : {Durability::kPower, Durability::kProcess}) {
    fs::remove_all(work);
    {
      const auto log = open_embedded_log(work.string(), {.durability = durability, .background_thread = false}).value();
      const MonotonicTime deadline = system_clock().now().monotonic + std::chrono::seconds(10);
      log->admin().create_topic({.name = "t", .partitions = 2, .config = {{"cleanup.policy", "compact"}}}, deadline).value();
      auto group = log->commit_group({.name = "g-1", .application_id = "g"}, deadline).value();
      auto producer = group->producer();
      const TopicHandle topic = producer->topic("t", deadline).value();
      for (int i = 0; i < 2; ++i) {
        (void)producer->send(
            {.topic = topic, .partition = PartitionId(i), .key = BytesView("k"), .value = BytesView("v"), .headers = {}});
        producer->dispatch();
        (void)group->flush(deadline);
        (void)group->commit({}, deadline);
      }
    }
    for (const char* name : {"journal-a", "journal-b"}) {
      std::ifstream file(work / "journal" / name, std::ios::binary);
      std::string bytes(16384, '\0');
      file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
      bytes.resize(static_cast<std::size_t>(file.gcount()));
      bytes.resize(bytes.find_last_not_of('\0') + 1 + (bytes.empty() ? 0 : 4));
      if (bytes.size() > 8) {
        write(folder / "journal" / (std::string(durability == Durability::kPower ? "power-" : "process-") + name), bytes);
      }
    }
  }
  fs::remove_all(work);
}

void json(const fs::path& folder) {
  const auto line = [&](const char* name, const char* text) { write(folder / "liquidity_json" / name, text); };
  line("account", R"(a{"account":"A1","client":"C1","currency":"EUR"})");
  line("limit", R"(l{"client":"C1","currency":"EUR","floor":-1000000,"mode":"monitor"})");
  line("transaction",
       R"(t{"id":"t-1","time":"2026-11-23T08:00:00.123Z","value_date":"2026-11-23","legs":[)"
       R"({"account":"A1","currency":"EUR","amount":-12500},{"account":"B7","currency":"EUR","amount":12500}]})");
  line("leg", R"(g{"transaction":"t","account":"A","client":"C","currency":"EUR","amount":5})");
  line("balance", R"(b{"account":"A1","client":"C1","currency":"EUR","balance":-12500,"version":1})");
  line("breach", R"(r{"breach_id":"x","client":"C1","currency":"EUR","floor":-1,"balance":-2,"transaction":"t-1"})");
  line("escapes", R"(a{"account":"\u0001\"\\\ud83d\ude00","client":"C\n","currency":"\u00e9"})");
  line("overflow", R"(l{"client":"C1","currency":"EUR","floor":99999999999999999999})");
  line("half", R"(t{"id":"t-1","time":"2026-11-23T08:)");
}

void json_serde(const fs::path& folder) {
  const auto line = [&](const char* name, const char* text) { write(folder / "json_serde" / name, text); };
  line("tree", R"({"name":"a","children":[{"name":"b"},{"name":"c","small":null}],"small":-128,"counts":{"x":1,"y":2}})");
  line("numbers", R"({"name":"\u00e9\n","rate":-1.5e-3,"part":0.1,"yes":true,"mode":"block"})");
  line("unknown", R"({"name":"","other":{"a":[1,2.5,null,true,"\ud83d\ude00",{}],"b":123456789012345678901234567890}})");
  line("list", R"(["a",null,"\"\\/\b\f\t"])");
  line("number", " -9223372036854775808 ");
  line("real", "1.7976931348623157e308");
  line("text", R"("tide")");
  line("half", R"({"name":"a","children":[{"name":)");
  line("crossed", R"({"name":"a","other":[1,{"b":2]}})");
}

void registry(const fs::path& all) {
  const fs::path folder = all / "registry";
  const auto head = [](std::string_view path) { return Bytes("\0\0\0\0\7", 5) + Bytes(path); };
  write(folder / "json", head(R"({"a":1})"));
  write(folder / "first-message", head(std::string_view("\0\x0a\1x", 4)));
  write(folder / "inner-message", head(std::string_view("\4\2\0\x0a\1x", 6)));
  write(folder / "long-form", head(std::string_view("\2\0", 2)));
  write(folder / "cut", head("\4\2"));
  write(folder / "id", R"({"id":7})");
  write(folder / "schema", R"({"schema":"{\"type\":\"string\"}","schemaType":"JSON","references":[]})");
  write(folder / "registered", R"({"subject":"s","version":2,"id":7,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\";"})");
  write(folder / "error", R"({"error_code":40403,"message":"Schema not found"})");
}

/// A request and an answer of each kind that the owner's socket knows.
void owner_protocol(const fs::path& all) {
  namespace owner = embedded;
  const fs::path folder = all / "owner_protocol";
  const TopicPartition id{"t", PartitionId(1)};
  const TopicConfig config{{"cleanup.policy", "compact"}, {"retention.ms", "1"}};
  const auto ask = [&](const char* name, const owner::Request& request) {
    write(folder / name, owner::encode_request(request));
  };
  ask("ask-hello", owner::Hello{});
  ask("ask-topics", owner::ListTopics{});
  ask("ask-describe", owner::DescribeTopic{"t"});
  ask("ask-create", owner::CreateTopic{{.name = "t", .partitions = 3, .config = config}});
  ask("ask-alter", owner::AlterTopic{"t", config});
  ask("ask-offsets", owner::AskOffsets{{id, id}});
  ask("ask-time", owner::AskOffsetForTime{id, Timestamp(7)});
  ask("ask-delete", owner::DeleteRecords{id, Offset(9)});
  ask("ask-groups", owner::ListGroups{});
  ask("ask-group", owner::DescribeGroup{"g"});
  ask("ask-read", owner::Read{Isolation::kReadCommitted, 1000, 500, {{id, Offset(3)}, {{"u", PartitionId(0)}, Offset(0)}}});
  ask("ask-produce", owner::Produce{id, batch(Compression::kNone, false, 2)});
  ask("ask-flush", owner::Flush{});
  write(folder / "hello", owner::encode_answer<owner::Hello>(owner::HelloAnswer{1, 4711, 8, {{"A.b", "why"}}}));
  write(folder / "topics",
        owner::encode_answer<owner::ListTopics>(std::vector<TopicDescription>{{"t", 3, config}, {"u", 1, {}}}));
  write(folder / "offsets",
        owner::encode_answer<owner::AskOffsets>(std::vector<PartitionOffsets>{{id, Offset(1), Offset(2), Offset(3), 400}}));
  write(folder / "group", owner::encode_answer<owner::DescribeGroup>(GroupDescription{
                              "g", "Stable", 2, {{"m", "c", "h", "0_0"}}, {{id, Offset(5), LeaderEpoch(1), "x"}}}));
  write(folder / "read", owner::encode_answer<owner::Read>(std::vector<owner::PartitionRead>{
                             {Offset(9), true, Offset(9), {batch(Compression::kNone, false, 2)}, std::nullopt},
                             {Offset(0), false, std::nullopt, {}, Error{ErrorKind::kNotFound, "gone"}}}));
  write(folder / "flushed", owner::encode_answer<owner::Flush>(std::vector<WrittenPosition>{{id, Offset(4), LeaderEpoch(0)}}));
  write(folder / "error", owner::encode_answer<owner::Flush>(Error{ErrorKind::kDiskFull, "no"}));
  write(folder / "frame", owner::frame(owner::encode_request(owner::Hello{})));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_fuzz_corpus FOLDER\n");
    return 2;
  }
  const fs::path folder = argv[1];
  write(folder / "headers" / "three", kHeaders);
  write(folder / "headers" / "none", "");
  batches(folder);
  segments(folder);
  journal(folder);
  json(folder);
  json_serde(folder);
  registry(folder);
  owner_protocol(folder);
  return 0;
}
