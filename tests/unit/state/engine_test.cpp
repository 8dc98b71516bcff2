#include "engine_conformance.hpp"

#include <tidemill/state/window_bytes.hpp>

#include "state/open_store.hpp"

#ifdef TIDEMILL_ROCKSDB
#include <rocksdb/db.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#endif

namespace tidemill::test {

INSTANTIATE_TEST_SUITE_P(Engines, EngineConformance, ::testing::ValuesIn(engines()), engine_name);

#ifdef TIDEMILL_ROCKSDB
class RocksDbFormat : public ::testing::Test {
 protected:
  std::string directory_ = ::testing::TempDir() + "tidemill-format";
  std::vector<StoreSpec> specs_ = std::vector<StoreSpec>(2);
  ~RocksDbFormat() override { std::filesystem::remove_all(directory_); }
  RocksDbFormat() {
    std::filesystem::remove_all(directory_);
    specs_[0].name = "damaged";
    specs_[1].name = "sound";
  }
  /// Both stores with a row, flushed.
  void write() {
    auto stores = rocksdb_stores()->open(directory_, specs_).value();
    for (auto& store : stores) {
      store->put("k", BytesView("v")).value();
      store->commit({.offset = Offset(9), .epoch = LeaderEpoch(1)}, {}).value();
      store->flush().value();
    }
  }
  /// Overwrites a store's meta row, as another version might have written it.
  void damage(const std::string& meta) {
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const char* name : {"default", "damaged", "sound"}) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, directory_ + "/rocksdb", families, &handles, &db).ok());
    ASSERT_TRUE(db->Put({}, handles[1], "m", meta).ok());
    for (auto* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
    (void)db->Close();
    delete db;
  }
};

TEST_F(RocksDbFormat, AnUnknownFormatIsEmptiedAndRestoredFromItsChangelogAndTheOtherStoreStays) {
  for (const std::string& meta : {std::string("\0\0\0\x63newer format", 16), std::string("x"), std::string()}) {
    write();
    damage(meta);
    auto stores = rocksdb_stores()->open(directory_, specs_).value();
    Bytes value;
    EXPECT_FALSE(stores[0]->durable_position()) << "read the changelog from its beginning";
    EXPECT_FALSE(stores[0]->get("k", value).value());
    EXPECT_EQ(stores[1]->durable_position()->offset, Offset(9));
    EXPECT_TRUE(stores[1]->get("k", value).value());
  }
}

TEST_F(RocksDbFormat, AVersionedStoreOfTheFirstFormatIsRestoredFromItsChangelog) {
  write();
  specs_[0].kind = StoreKind::kVersionedKeyValue;
  {
    auto stores = rocksdb_stores()->open(directory_, specs_).value();
    Bytes value;
    EXPECT_FALSE(stores[0]->durable_position()) << "read the changelog from its beginning";
    EXPECT_FALSE(stores[0]->get("k", value).value());
    EXPECT_TRUE(stores[1]->durable_position());
  }
  write();
  EXPECT_EQ(rocksdb_stores()->open(directory_, specs_).value()[0]->durable_position()->offset, Offset(9));
}

// The rows of another length would not be found, or make all that comes late.
TEST_F(RocksDbFormat, AWindowStoreWithSegmentsOfAnotherLengthIsRestoredFromItsChangelog) {
  StoreSpec spec{.name = "windows", .kind = StoreKind::kWindow, .log_config = {}, .source_topic_as_changelog = {}};
  const RecordContext* const current = nullptr;
  const Timestamp now(1'790'000'000'000);
  Bytes value;
  for (const int seconds : {300, 301, 600, 480}) {
    spec.retention = std::chrono::seconds(seconds);
    for (const bool kept : {false, true}) {
      auto engines = rocksdb_stores()->open(directory_, {&spec, 1}).value();
      const auto store =
          open_store({.spec = spec, .engine = std::move(engines.front()), .kept_longer = std::chrono::minutes(5)}, current);
      EXPECT_EQ(store->engine_store().durable_position().has_value(), kept);
      EXPECT_EQ(store->windows()->fetch("k", now, value), kept);
      store->windows()->put("k", BytesView("v"), now, now);
      EXPECT_TRUE(store->windows()->fetch("k", now, value));
      store->engine_store().commit({.offset = Offset(9), .epoch = LeaderEpoch(1)}, {}).value();
      store->engine_store().flush().value();
    }
  }
}

TEST_F(RocksDbFormat, FlushesAtLeastEverySoManyBytesSoThatARestartReadsLittle) {
  // Ends every round without a last flush: memtables are lost, as in a crash. A flush is RocksDB's to do, behind the commits, so
  // how far it has come when a round ends is not certain; that rounds of ten flushes each get forward is.
  const std::string value(1000, 'x');
  constexpr std::int64_t kFar = 2000;
  std::int64_t durable = 0;
  for (std::int64_t commit = 1; durable < kFar;) {
    {
      auto stores = rocksdb_stores({.flush_bytes = std::size_t{100} << 10})->open(directory_, specs_).value();
      for (const std::int64_t end = commit + 10; commit < end; ++commit) {
        for (int i = 0; i < 110; ++i) stores[1]->put("key" + std::to_string(commit * 110 + i), BytesView(value)).value();
        stores[1]->commit({.offset = Offset(commit * 100), .epoch = LeaderEpoch(1)}, {}).value();
      }
    }
    auto stores = rocksdb_stores()->open(directory_, specs_).value();
    if (const auto position = stores[1]->durable_position()) durable = position->offset.value;
    ASSERT_EQ(durable % 100, 0) << "a position that no commit had";
  }
}

/// What stores on disk hold in memory between a commit and the database.
class Gathered : public ::testing::Test {
 protected:
  ~Gathered() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<BytesStore> open(StateEngine& engine) const {
    const StoreSpec spec{.name = "store", .log_config = {}, .source_topic_as_changelog = {}};
    return std::move(engine.open(directory_, {&spec, 1}).value().front());
  }
  static void put(BytesStore& store, int first, int count) {
    for (int i = first; i < first + count; ++i) store.put("key" + std::to_string(i), BytesView(kValue)).value();
  }
  static void commit(BytesStore& store, std::int64_t offset) {
    store.commit({.offset = Offset(offset), .epoch = LeaderEpoch(1)}, {}).value();
  }
  static bool has(BytesStore& store, int key) {
    Bytes value;
    return store.get("key" + std::to_string(key), value).value();
  }
  static constexpr BytesView kValue = "a value that is no short text, but one of fifty byte";
  std::string directory_ = ::testing::TempDir() + "tidemill-gathered-" + std::to_string(::getpid());
};

TEST_F(Gathered, IsMemoryOfTheEngineAndStaysWithinItsShare) {
  constexpr std::size_t kMemoryBytes = 8 << 20;
  const auto engine = rocksdb_stores({.memory_bytes = kMemoryBytes});
  EXPECT_EQ(engine->memory_bytes_max(), kMemoryBytes);
  auto store = open(*engine);
  const std::size_t before = engine->memory_bytes();
  put(*store, 0, 1000);
  EXPECT_EQ(engine->memory_bytes(), before) << "what is uncommitted is counted elsewhere";
  commit(*store, 1);
  EXPECT_GT(engine->memory_bytes(), before + 1000 * kValue.size());
  EXPECT_LT(engine->memory_bytes(), before + 300'000) << "a memtable would have taken half a megabyte at once";
  for (int i = 1; i < 100; ++i) {
    put(*store, i * 1000, 1000);
    commit(*store, i + 1);
    // Beside it RocksDB may be behind with its memtables.
    EXPECT_LE(engine->memory_bytes(), kMemoryBytes * 5 / 4);
  }
  store.reset();
  EXPECT_LT(engine->memory_bytes(), 1 << 20) << "all of it goes with the store";
}

TEST_F(Gathered, IsDurableWhenFlushedAndAtTheEnd) {
  const auto engine = rocksdb_stores();
  {
    auto store = open(*engine);
    put(*store, 0, 10);
    commit(*store, 10);
    store->put("key3", std::nullopt).value();
    put(*store, 10, 10);
    commit(*store, 20);
    put(*store, 20, 10);
    store->flush().value();
    EXPECT_EQ(store->durable_position()->offset, Offset(20)) << "in the middle of a transaction";
    EXPECT_TRUE(has(*store, 25));
    store->abort();
    EXPECT_FALSE(has(*store, 25));
    put(*store, 30, 10);
    commit(*store, 30);
  }
  auto store = open(*engine);
  EXPECT_EQ(store->durable_position()->offset, Offset(30));
  EXPECT_TRUE(has(*store, 2));
  EXPECT_FALSE(has(*store, 3));
  EXPECT_TRUE(has(*store, 15));
  EXPECT_FALSE(has(*store, 25));
  EXPECT_TRUE(has(*store, 35));
}

TEST_F(Gathered, RowsThatTheDatabaseHasAsWellAreNotCountedTwice) {
  const auto engine = rocksdb_stores();
  auto store = open(*engine);
  put(*store, 0, 2000);
  commit(*store, 1);
  EXPECT_EQ(store->approximate_num_entries(), 2000U);
  store->flush().value();
  put(*store, 0, 2000);
  EXPECT_NEAR(static_cast<double>(store->approximate_num_entries()), 2000, 50);
  commit(*store, 2);
  put(*store, 1000, 2000);
  EXPECT_NEAR(static_cast<double>(store->approximate_num_entries()), 3000, 500);
  store->abort();
  for (int i = 0; i < 2000; ++i) store->put("key" + std::to_string(i), std::nullopt).value();
  EXPECT_NEAR(static_cast<double>(store->approximate_num_entries()), 0, 50);
}

TEST_F(Gathered, ASnapshotInTheMiddleOfATransactionHasWhatWasCommitted) {
  const auto engine = rocksdb_stores();
  auto store = open(*engine);
  put(*store, 0, 1000);
  commit(*store, 1);
  put(*store, 1000, 500);
  store->put("key7", BytesView("2")).value();
  store->put("key8", std::nullopt).value();
  const auto snapshot = store->snapshot().value();
  const auto again = store->snapshot().value();
  store->put("key9", BytesView("2")).value();
  for (const auto& one : {snapshot.get(), again.get()}) {
    for (int key = 0; key < 1500; ++key) {
      Bytes value;
      ASSERT_EQ(one->get("key" + std::to_string(key), value).value(), key < 1000) << key;
      if (key < 1000) {
        ASSERT_EQ(value, kValue);
      }
    }
    int rows = 0;
    for (auto row = one->range({.from = "key7", .to = "key8"}).value(); row->valid(); row->next()) ++rows;
    EXPECT_EQ(rows, 112);
  }
  EXPECT_FALSE(has(*store, 8));
  store->abort();
  EXPECT_TRUE(has(*store, 8));
  Bytes value;
  ASSERT_TRUE(store->get("key7", value).value());
  EXPECT_EQ(value, kValue);
  EXPECT_FALSE(has(*store, 1000));
}

TEST_F(Gathered, WhatCannotBeWrittenIsSaidAgainAndCanBeReadStill) {
  {
    const auto engine = rocksdb_stores();
    auto store = open(*engine);
    put(*store, 0, 10);
    commit(*store, 1);
    store->flush().value();
    put(*store, 10, 1000);
    commit(*store, 2);
    // A disk that takes no file of more than so many bytes.
    ::rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
    const ::rlimit small{.rlim_cur = 8192, .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Result<void> first = store->flush();
    put(*store, 2000, 1000);
    commit(*store, 3);
    const Result<void> second = store->flush();
    const Result<void> third = store->commit({.offset = Offset(4), .epoch = LeaderEpoch(1)}, {});
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, signal_before);
    for (const auto* outcome : {&first, &second, &third}) {
      ASSERT_FALSE(*outcome);
      EXPECT_NE(outcome->error().message.find("store \"store\": "), std::string::npos) << outcome->error().message;
      EXPECT_NE(outcome->error().message.find("File too large"), std::string::npos) << outcome->error().message;
    }
    EXPECT_EQ(store->durable_position()->offset, Offset(1));
    EXPECT_TRUE(has(*store, 500));
    EXPECT_TRUE(has(*store, 2500));
  }
  const auto engine = rocksdb_stores();
  const auto store = open(*engine);
  EXPECT_EQ(store->durable_position()->offset, Offset(1)) << "and the rest is in the changelog";
  EXPECT_TRUE(has(*store, 5));
  EXPECT_FALSE(has(*store, 500));
}
#endif

}  // namespace tidemill::test
