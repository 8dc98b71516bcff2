#include "engine_conformance.hpp"

#ifdef TIDEMILL_ROCKSDB
#include <rocksdb/db.h>

#include <tidemill/adapters/rocksdb_stores.hpp>
#endif

namespace tidemill::test {

INSTANTIATE_TEST_SUITE_P(InMemory, EngineConformance, ::testing::Values(EngineUnderTest{"in memory", in_memory_stores}),
                         [](const auto&) { return "Engine"; });

#ifdef TIDEMILL_ROCKSDB
INSTANTIATE_TEST_SUITE_P(RocksDb, EngineConformance,
                         ::testing::Values(EngineUnderTest{"RocksDB", [] { return rocksdb_stores(); }},
                                           EngineUnderTest{"RocksDB, flushed all the time",
                                                           [] { return rocksdb_stores({.flush_bytes = 1}); }}),
                         [](const auto& info) { return info.index == 0 ? "Engine" : "FlushedAllTheTime"; });

class RocksDbFormat : public ::testing::Test {
 protected:
  std::string directory_ = ::testing::TempDir() + "tidemill-format";
  std::vector<StoreSpec> specs_ = std::vector<StoreSpec>(2);
  RocksDbFormat() {
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
#endif

}  // namespace tidemill::test
