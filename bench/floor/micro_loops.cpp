#include "floor/micro_loops.hpp"

#include <list>
#include <memory>

#include "floor/batch.hpp"
#include "floor/raw_rocksdb.hpp"
#include "floor/text_map.hpp"
#include "harness/keep.hpp"
#include "harness/process.hpp"
#include "records.hpp"

namespace tidemill_bench {
namespace {

class Step {
 public:
  virtual ~Step() = default;
  virtual void process(const std::int64_t& key, const std::int64_t& value) = 0;
  std::unique_ptr<Step> next;
};
template <class Function>
class StepOf final : public Step {
 public:
  explicit StepOf(Function function) : function_(function) {}
  void process(const std::int64_t& key, const std::int64_t& value) override {
    const std::int64_t made = function_(value);
    if (next != nullptr) next->process(key, made);
  }

 private:
  Function function_;
};
template <class Function>
std::unique_ptr<Step> step(Function function) {
  return std::make_unique<StepOf<Function>>(function);
}

}  // namespace

Sample floor_operator_chain(std::uint64_t records, int operators) {
  std::int64_t sum = 0;
  std::unique_ptr<Step> first;
  std::unique_ptr<Step>* end = &first;
  for (int i = 0; i + 1 < operators; ++i) {
    *end = step([](std::int64_t value) { return value + 1; });
    end = &(*end)->next;
  }
  *end = step([&sum](std::int64_t value) { return sum += value; });
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < records; ++i) {
    const auto number = static_cast<std::int64_t>(i);
    first->process(number, number);
  }
  keep(sum);
  return {records, process_cpu_ns() - before, 0};
}

Sample floor_batch_encode(std::uint64_t records) {
  RecordGenerator source({.records = 1000, .keys = 100'000, .value_bytes = 100});
  source.next();
  FloorBatch batch;
  std::size_t bytes = 0;
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < records; ++i) {
    batch.add(source.timestamp() + static_cast<std::int64_t>(i / 100), source.key(), source.value());
    if (!batch.full()) continue;
    bytes += batch.seal().size();
    batch.clear();
  }
  bytes += batch.seal().size();
  keep(bytes);
  return {records, process_cpu_ns() - before, 0};
}

Sample floor_batch_decode(std::uint64_t records) {
  RecordGenerator source({.records = 10'000, .keys = 100'000, .value_bytes = 100});
  FloorBatch batch;
  while (!batch.full() && !source.done()) {
    source.next();
    batch.add(source.timestamp(), source.key(), source.value());
  }
  const std::string sealed(batch.seal());
  std::size_t bytes = 0;
  std::uint64_t seen = 0;
  const double before = process_cpu_ns();
  while (seen < records) {
    for (FloorReader reader(sealed); reader.next(); ++seen) bytes += reader.key().size() + reader.value().size();
  }
  keep(bytes);
  return {seen, process_cpu_ns() - before, 0};
}

Sample floor_store_in_memory(const std::vector<std::string>& keys) {
  TextMap<std::string> rows;
  const std::string value(16, 'v');
  std::string read;
  const double before = process_cpu_ns();
  for (const std::string& key : keys) {
    auto found = rows.find(key);
    if (found != rows.end()) {
      read.assign(found->second);
      found->second.assign(value);
    } else {
      rows.emplace(key, value);
    }
  }
  keep(read);
  return {keys.size(), process_cpu_ns() - before, 0};
}

Sample floor_store_rocksdb(const std::vector<std::string>& keys, const std::string& directory) {
  RawRocksDb db(directory + "/floor.rocksdb");
  const std::string value(16, 'v');
  std::string read;
  const double before = process_cpu_ns();
  for (const std::string& key : keys) {
    (void)db.get(key, read);
    db.put(key, value);
  }
  db.close();
  keep(read);
  return {keys.size(), process_cpu_ns() - before, 0};
}

Sample floor_record_cache(const std::vector<std::string>& keys, std::uint64_t flush_every) {
  struct Entry {
    std::string value;
    bool dirty = false;
    std::list<const std::string*>::iterator recent;
  };
  TextMap<std::unique_ptr<Entry>> entries;
  std::list<const std::string*> recent;
  std::vector<Entry*> dirty;
  const std::string value(16, 'v');
  std::string read;
  std::size_t written = 0;
  std::uint64_t seen = 0;
  const double before = process_cpu_ns();
  for (const std::string& key : keys) {
    auto found = entries.find(key);
    if (found == entries.end()) {
      found = entries.emplace(key, std::make_unique<Entry>()).first;
      found->second->recent = recent.insert(recent.begin(), &key);
    } else {
      read.assign(found->second->value);
    }
    Entry& entry = *found->second;
    recent.splice(recent.begin(), recent, entry.recent);
    entry.value.assign(value);
    if (!entry.dirty) {
      entry.dirty = true;
      dirty.push_back(&entry);
    }
    if (++seen % flush_every != 0) continue;
    for (Entry* row : dirty) {
      written += row->value.size();
      row->dirty = false;
    }
    dirty.clear();
  }
  keep(read);
  keep(written);
  return {keys.size(), process_cpu_ns() - before, 0};
}

}  // namespace tidemill_bench
