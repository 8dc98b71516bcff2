// RocksDB's own options, as users give them: they arrive, and those that the library needs as they are do not.
#include <gmock/gmock.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/options_util.h>

#include <cstdlib>
#include <filesystem>

#include <tidemill/adapters/rocksdb_stores.hpp>

namespace tidemill {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<StoreSpec> kSpecs{{.name = "balances", .log_config = {}, .source_topic_as_changelog = {}},
                                    {.name = "limits", .log_config = {}, .source_topic_as_changelog = {}}};

class RocksDbOwnOptions : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/tidemill-options-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  /// Opens and closes; what RocksDB then says its options were.
  void open(RocksDbOptions options) {
    {
      auto stores = rocksdb_stores(std::move(options))->open(directory_, kSpecs);
      ASSERT_TRUE(stores) << stores.error().message;
      ASSERT_TRUE((*stores)[0]->put("k", "v"));
      ASSERT_TRUE((*stores)[0]->commit({}, {}));
      ASSERT_TRUE((*stores)[0]->flush());
    }
    rocksdb::ConfigOptions how;
    ASSERT_TRUE(rocksdb::LoadLatestOptions(how, directory_ + "/rocksdb", &database_, &families_).ok());
  }
  [[nodiscard]] const rocksdb::ColumnFamilyOptions& family(const std::string& name) const {
    for (const auto& one : families_) {
      if (one.name == name) return one.options;
    }
    throw std::invalid_argument(name);
  }
  [[nodiscard]] std::size_t block_size(const std::string& name) const {
    return family(name).table_factory->GetOptions<rocksdb::BlockBasedTableOptions>()->block_size;
  }
  /// What opening says with this option for "limits".
  std::string refusal(const std::string& option, const std::string& text, bool of_the_table = false) {
    return opening({.config_setter = [=](const std::string& store) {
      RocksDbStoreOptions options;
      if (store == "limits") (of_the_table ? options.table : options.column_family)[option] = text;
      return options;
    }});
  }
  std::string opening(RocksDbOptions options) {
    const auto stores = rocksdb_stores(std::move(options))->open(directory_, kSpecs);
    if (stores) return "it was taken";
    EXPECT_EQ(stores.error().kind, ErrorKind::kInvalidArgument);
    return stores.error().message;
  }

  std::string directory_;
  rocksdb::DBOptions database_;
  std::vector<rocksdb::ColumnFamilyDescriptor> families_;
};

TEST_F(RocksDbOwnOptions, EachStoreHasThoseThatItsSetterGives) {
  open({.database = {{"max_background_jobs", "5"}}, .config_setter = [](const std::string& store) {
          RocksDbStoreOptions options;
          if (store == "balances") {
            options.column_family = {{"num_levels", "5"}, {"compaction_style", "kCompactionStyleUniversal"}};
            options.table = {{"block_size", "16384"}};
          }
          return options;
        }});
  EXPECT_EQ(database_.max_background_jobs, 5);
  EXPECT_EQ(family("balances").num_levels, 5);
  EXPECT_EQ(family("balances").compaction_style, rocksdb::kCompactionStyleUniversal);
  EXPECT_EQ(block_size("balances"), 16384U);
  EXPECT_EQ(family("limits").num_levels, 7);
  EXPECT_EQ(block_size("limits"), 4096U);
}

TEST_F(RocksDbOwnOptions, WhatNobodySetsStaysTheLibrarys) {
  open({.database = {{"max_background_jobs", "5"}}, .config_setter = [](const std::string&) {
          return RocksDbStoreOptions{{{"num_levels", "5"}}, {{"block_size", "16384"}}};
        }});
  EXPECT_EQ(database_.max_open_files, 256);
  EXPECT_EQ(family("balances").max_write_buffer_number, 3);
  const auto* table = family("balances").table_factory->GetOptions<rocksdb::BlockBasedTableOptions>();
  EXPECT_TRUE(table->cache_index_and_filter_blocks);
  ASSERT_NE(table->filter_policy, nullptr);
}

TEST_F(RocksDbOwnOptions, WhatTheLibraryNeedsIsRefusedWithTheReason) {
  EXPECT_EQ(
      refusal("prefix_extractor", "fixed:4"),
      "RocksDB's options of store \"limits\": the option \"prefix_extractor\" cannot be set to \"fixed:4\": rows are read "
      "in the order of their bytes, over the whole store");
  EXPECT_THAT(refusal("compaction_style", "kCompactionStyleFIFO"), HasSubstr("a store keeps every row until it is deleted"));
  EXPECT_THAT(refusal("inplace_update_support", "true"), HasSubstr("committed reads need snapshots"));
  EXPECT_THAT(refusal("block_based_table_factory", "{block_size=1}"), HasSubstr("RocksDbStoreOptions::table"));
  EXPECT_THAT(refusal("block_cache", "1M", true), HasSubstr("RocksDbOptions::memory_bytes"));
  EXPECT_THAT(opening({.database = {{"wal_dir", "/elsewhere"}}}),
              AllOf(HasSubstr("RocksDbOptions::database: the option \"wal_dir\""), HasSubstr("deleted as a whole")));
}

TEST_F(RocksDbOwnOptions, WhatRocksDbDoesNotKnowIsNamed) {
  EXPECT_THAT(refusal("num_leevels", "5"), AllOf(HasSubstr("of store \"limits\""), HasSubstr("num_leevels")));
  EXPECT_THAT(refusal("num_levels", "many"), HasSubstr("num_levels"));
  EXPECT_THAT(
      opening({.config_setter = [](const std::string&) -> RocksDbStoreOptions { throw std::runtime_error("no idea"); }}),
      "RocksDbOptions::config_setter threw for store \"balances\": no idea");
}

}  // namespace
}  // namespace tidemill
