// The rows of a persistent store (docs/formats.md, Stores), against a row that was written down once and past the engine:
// RocksDB itself reads what the engine wrote and writes what the engine reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <tidemill/adapters/rocksdb_stores.hpp>

namespace tidemill {
namespace {

namespace fs = std::filesystem;

struct Format {
  int version;
  StoreKind kind;
  friend std::ostream& operator<<(std::ostream& out, const Format& format) { return out << format.version; }
};
const ChangelogPosition kChangelog{Offset(4711), LeaderEpoch(3)};
const Position kInput{{"invoices", {{2, 0}}}, {"orders", {{0, 12}, {5, std::int64_t{1} << 33}}}};

Bytes golden_row(const Format& format) {
  std::ifstream file(fs::path(TIDEMILL_GOLDEN) / ("meta-row-version-" + std::to_string(format.version)), std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

class RocksDbGolden : public testing::TestWithParam<Format> {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/tidemill-golden-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::unique_ptr<BytesStore> store() {
    if (!engine_) engine_ = rocksdb_stores();
    StoreSpec spec;
    spec.name = "balances";
    spec.kind = GetParam().kind;
    return std::move(engine_->open(directory_, {&spec, 1}).value().front());
  }
  /// Rows of the store's family as RocksDB has them.
  std::map<std::string, std::string> raw_rows() {
    std::map<std::string, std::string> rows;
    with_family([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
      const std::unique_ptr<rocksdb::Iterator> each(db.NewIterator({}, family));
      for (each->SeekToFirst(); each->Valid(); each->Next()) rows[each->key().ToString()] = each->value().ToString();
    });
    return rows;
  }
  void write_raw(const std::string& key, const std::string& value) {
    with_family([&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
      ASSERT_TRUE(db.Put({}, family, key, value).ok());
      ASSERT_TRUE(db.Flush({}, family).ok());
    });
  }

 private:
  template <class Work>
  void with_family(const Work& work) {
    rocksdb::DB* opened = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions(), directory_ + "/rocksdb",
                                  {{rocksdb::kDefaultColumnFamilyName, {}}, {"balances", {}}}, &families, &opened)
                    .ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    work(*db, families[1]);
    for (rocksdb::ColumnFamilyHandle* family : families) ASSERT_TRUE(db->DestroyColumnFamilyHandle(family).ok());
  }
  std::string directory_;
  std::shared_ptr<StateEngine> engine_;
};

INSTANTIATE_TEST_SUITE_P(Formats, RocksDbGolden,
                         testing::Values(Format{1, StoreKind::kTimestampedKeyValue}, Format{2, StoreKind::kVersionedKeyValue}),
                         testing::PrintToStringParamName());

TEST_P(RocksDbGolden, IsWritten) {
  {
    const auto balances = store();
    balances->put("A1", BytesView("12")).value();
    balances->put("gone", BytesView("0")).value();
    balances->commit({Offset(1), LeaderEpoch(3)}, {}).value();
    balances->put("gone", std::nullopt).value();
    balances->commit(kChangelog, kInput).value();
    balances->flush().value();
  }
  const std::map<std::string, std::string> expected{{"kA1", "12"}, {"m", golden_row(GetParam())}};
  EXPECT_EQ(raw_rows(), expected);
}

TEST_P(RocksDbGolden, IsRead) {
  (void)store();  // makes the family
  write_raw("m", golden_row(GetParam()));
  write_raw("kA1", "12");
  const auto balances = store();
  EXPECT_EQ(balances->durable_position(), kChangelog);
  EXPECT_EQ(balances->position(), kInput);
  Bytes value;
  EXPECT_TRUE(balances->get("A1", value).value());
  EXPECT_EQ(value, "12");
}

TEST(RocksDbFormat, OfAnotherKindOfStoreIsEmptied) {
  std::string directory = testing::TempDir() + "/tidemill-kinds-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const auto engine = rocksdb_stores();
  constexpr StoreKind kKinds[] = {StoreKind::kKeyValue, StoreKind::kTimestampedKeyValue,
                                  StoreKind::kWindow,   StoreKind::kTimestampedWindow,
                                  StoreKind::kSession,  StoreKind::kVersionedKeyValue};
  StoreSpec spec;
  spec.name = "changing";
  for (const StoreKind kind : kKinds) {
    spec.kind = kind;
    for (const bool again : {false, true}) {
      const auto store = std::move(engine->open(directory, {&spec, 1}).value().front());
      Bytes value;
      EXPECT_EQ(store->get("row", value).value(), again) << static_cast<int>(kind);
      EXPECT_EQ(store->durable_position() == kChangelog, again);
      store->put("row", BytesView("of its kind")).value();
      store->commit(kChangelog, kInput).value();
    }
  }
  fs::remove_all(directory);
}

}  // namespace
}  // namespace tidemill
