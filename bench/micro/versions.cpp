#include <tidemill/adapters/rocksdb_stores.hpp>

#include <filesystem>

#include "harness/keep.hpp"
#include "harness/process.hpp"
#include "micro/cases.hpp"
#include "state/open_store.hpp"

namespace tidemill_bench {
namespace {

using namespace tidemill;

constexpr std::int64_t kCommitEvery = 1'000;

/// A key whose history has so many versions, one every `kVersionEvery` ms.
class VersionedKey {
 public:
  VersionedKey(StateEngine& engine, const std::string& directory, std::int64_t versions)
      : store_(open(engine, directory, versions)), versions_(*store_->versioned()) {
    while (newest_ < versions * kVersionsPutFirst) put_next();
    settle();
  }
  void put_next() { put(newest_ += kVersionEvery); }
  void put(std::int64_t from) {
    versions_.put_version(key_, BytesView(value_), Timestamp(from));
    if (++puts_ % kCommitEvery == 0) commit();
  }
  [[nodiscard]] std::size_t get() { return size_of(versions_.latest(key_)); }
  [[nodiscard]] std::size_t get_as_of(std::int64_t time) { return size_of(versions_.as_of(key_, Timestamp(time))); }
  [[nodiscard]] std::int64_t newest() const { return newest_; }
  /// All on the disk.
  void settle() {
    commit();
    store_->engine_store().flush().value();
  }

 private:
  static std::unique_ptr<LayeredStore> open(StateEngine& engine, const std::string& directory, std::int64_t versions) {
    StoreSpec spec;
    spec.name = "versions";
    spec.kind = StoreKind::kVersionedKeyValue;
    spec.logging = false;
    spec.retention = std::chrono::milliseconds(versions * kVersionEvery);
    std::unique_ptr<BytesStore> rows = std::move(engine.open(directory, {&spec, 1}).value().front());
    static const RecordContext* const nothing = nullptr;
    return open_store({.spec = std::move(spec), .engine = std::move(rows)}, nothing);
  }
  void commit() {
    store_->engine_store().commit({.offset = Offset(puts_), .epoch = LeaderEpoch(0)}, {}).value();
    store_->committed();
  }
  static std::size_t size_of(const std::optional<VersionedBytesStore::Found>& found) { return found ? found->value.size() : 0; }

  std::unique_ptr<LayeredStore> store_;
  VersionedBytesStore& versions_;
  std::string key_ = "a key of a store";
  std::string value_ = std::string(kVersionBytes, 'v');
  std::int64_t newest_ = 0;
  std::int64_t puts_ = 0;
};

Sample run(StateEngine& engine, const std::string& directory, const VersionsWork& work) {
  VersionedKey key(engine, directory, work.versions);
  std::size_t found = 0;
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < work.records; ++i) {
    switch (work.step) {
      case VersionsStep::kPut: key.put_next(); break;
      case VersionsStep::kLatePut: key.put(key.newest() - work.age(i) + kVersionEvery / 2); break;
      case VersionsStep::kGet: found += key.get(); break;
      case VersionsStep::kGetAsOf: found += key.get_as_of(key.newest() - work.age(i)); break;
    }
  }
  key.settle();
  keep(found);
  return {work.records, process_cpu_ns() - before, 0};
}

}  // namespace

Sample run_versions_in_memory(const VersionsWork& work) { return run(*in_memory_stores(), "", work); }

Sample run_versions_rocksdb(const VersionsWork& work, const std::string& directory) {
  const std::string place = directory + "/versions";
  const Sample sample = run(*rocksdb_stores(), place, work);
  std::filesystem::remove_all(place);
  return sample;
}

}  // namespace tidemill_bench
