// floor: the floors alone, without a line of the library in the process.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "floor/loops.hpp"
#include "harness/workspace.hpp"

using namespace tidemill_bench;

int main(int argc, char** argv) {
  CLI::App app{"CPU per record of the least program that does the work: check, decode, (count,) encode, checksum, write."};
  RecordSet set{.records = 2'000'000, .keys = 100'000, .value_bytes = 100};
  std::string work = "copy";
  std::string directory = "/tmp";
  bool journal = false;
  app.add_option("work", work, "copy, chain (four copies), count, count-rocksdb")
      ->check(CLI::IsMember({"copy", "chain", "count", "count-rocksdb"}));
  app.add_option("--records", set.records)->check(CLI::PositiveNumber);
  app.add_option("--keys", set.keys)->check(CLI::PositiveNumber);
  app.add_option("--value-bytes", set.value_bytes)->check(CLI::Range(1, 16384));
  app.add_option("--dir", directory, "Where the files go")->check(CLI::ExistingDirectory);
  app.add_flag("--journal", journal, "Writes all once more and syncs it, as durability `power` does");
  CLI11_PARSE(app, argc, argv);
  const Workspace workspace(directory);
  const FloorInput input = make_floor_input(set);
  const FloorOptions options{workspace.path(), journal, set.records / 4, set.keys};
  Sample sample;
  if (work == "copy") sample = floor_copy(input, options);
  if (work == "chain") sample = floor_copy(input, options, 4);
  if (work == "count") sample = floor_count(input, options);
  if (work == "count-rocksdb") sample = floor_count_rocksdb(input, options);
  fmt::print("{{\"name\":\"floor/{}\",\"cpu_ns_per_record\":{:.1f},\"records\":{},\"bytes_written\":{}}}\n", work,
             sample.cpu_ns_per_record(), sample.records, sample.bytes_written);
}
