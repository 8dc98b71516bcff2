#include <tidemill/adapters/rocksdb_stores.hpp>

#include <filesystem>

#include "harness/keep.hpp"
#include "harness/process.hpp"
#include "micro/cases.hpp"
#include "state/thread_cache.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;

constexpr std::uint64_t kCommitEvery = 10'000;
constexpr std::size_t kCacheBytes = std::size_t{10} << 20;

/// A get and a put for each key, a commit now and then, all on the disk in the end.
Sample get_and_put(StateEngine& engine, const std::vector<std::string>& keys, const std::string& directory) {
  const StoreSpec spec{.name = "counts", .log_config = {}, .source_topic_as_changelog = {}};
  std::vector<std::unique_ptr<BytesStore>> stores = engine.open(directory, {&spec, 1}).value();
  BytesStore& store = *stores.front();
  const std::string value(16, 'v');
  std::string read;
  std::int64_t seen = 0;
  const double before = process_cpu_ns();
  for (const std::string& key : keys) {
    (void)store.get(key, read).value();
    store.put(key, BytesView(value)).value();
    if (++seen % static_cast<std::int64_t>(kCommitEvery) == 0) {
      store.commit({.offset = Offset(seen), .epoch = LeaderEpoch(0)}, {}).value();
    }
  }
  store.commit({.offset = Offset(seen), .epoch = LeaderEpoch(0)}, {}).value();
  store.flush().value();
  keep(read);
  return {keys.size(), process_cpu_ns() - before, 0};
}

}  // namespace

Sample run_store_in_memory(const std::vector<std::string>& keys) { return get_and_put(*in_memory_stores(), keys, ""); }

Sample run_store_rocksdb(const std::vector<std::string>& keys, const std::string& directory) {
  const std::string place = directory + "/stores";
  const Sample sample = get_and_put(*rocksdb_stores(), keys, place);
  std::filesystem::remove_all(place);
  return sample;
}

Sample run_record_cache(const std::vector<std::string>& keys, std::uint64_t flush_every) {
  std::size_t written = 0;
  ThreadCache whole(kCacheBytes);
  NamedCache cache(whole, [&written](const NamedCache::Write& entry) { written += entry.value->size(); });
  const TopicPartition source{"in", PartitionId(0)};
  const std::string value(16, 'v');
  std::string read;
  std::int64_t seen = 0;
  const double before = process_cpu_ns();
  for (const std::string& key : keys) {
    if (const OptionalBytes* known = cache.find(key)) read.assign(**known);
    const RecordContext context{.source = &source, .offset = Offset(seen), .timestamp = Timestamp(seen), .headers = nullptr};
    cache.put(key, BytesView(value), context);
    if (++seen % static_cast<std::int64_t>(flush_every) == 0) cache.flush();
  }
  keep(read);
  keep(written);
  return {keys.size(), process_cpu_ns() - before, 0};
}

}  // namespace tidemill_bench
