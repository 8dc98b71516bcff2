#include "state_rocksdb/rocksdb_options.hpp"

#include <rocksdb/convenience.h>

namespace tidemill::rocksdb_state {
namespace {

constexpr const char* kMemory = "memory is one number for all stores, RocksDbOptions::memory_bytes";
constexpr const char* kPlace = "a task's state is in its directory, which is deleted as a whole";
constexpr const char* kOpening = "the library says when a database is new";
constexpr const char* kOrder = "rows are read in the order of their bytes, over the whole store";
constexpr const char* kKeeps = "a store keeps every row until it is deleted";
constexpr const char* kSnapshots = "committed reads need snapshots that do not change";

using Reasons = std::map<std::string, const char*>;
const Reasons& database_reasons() {
  static const Reasons kReasons{{"create_if_missing", kOpening},
                                {"create_missing_column_families", kOpening},
                                {"error_if_exists", kOpening},
                                {"db_write_buffer_size", kMemory},
                                {"db_paths", kPlace},
                                {"wal_dir", kPlace},
                                {"db_log_dir", kPlace},
                                {"unordered_write", kSnapshots}};
  return kReasons;
}
const Reasons& family_reasons() {
  constexpr const char* kTable = "it is set by RocksDbStoreOptions::table";
  static const Reasons kReasons{{"comparator", kOrder},
                                {"prefix_extractor", kOrder},
                                {"memtable", kOrder},
                                {"memtable_factory", kOrder},
                                {"compaction_style", kKeeps},
                                {"compaction_filter", kKeeps},
                                {"compaction_filter_factory", kKeeps},
                                {"inplace_update_support", kSnapshots},
                                {"cf_paths", kPlace},
                                {"table_factory", kTable},
                                {"block_based_table_factory", kTable},
                                {"plain_table_factory", kTable}};
  return kReasons;
}
const Reasons& table_reasons() {
  static const Reasons kReasons{{"block_cache", kMemory},
                                {"block_cache_compressed", kMemory},
                                {"persistent_cache", kMemory},
                                {"no_block_cache", kMemory},
                                {"cache_index_and_filter_blocks", kMemory}};
  return kReasons;
}
/// Of the styles, those that keep what was put are the user's to choose.
bool keeps_rows(const std::string& option, const std::string& text) {
  return option == "compaction_style" && (text == "kCompactionStyleLevel" || text == "kCompactionStyleUniversal");
}

template <class Options, class Read>
Result<void> read(const OptionTexts& texts, const std::string& whose, const Reasons& reasons, Options& options, Read from_map) {
  for (const auto& [option, text] : texts) {
    const auto reason = reasons.find(option);
    if (reason == reasons.end() || keeps_rows(option, text)) continue;
    return Error{ErrorKind::kInvalidArgument,
                 whose + ": the option \"" + option + "\" cannot be set to \"" + text + "\": " + reason->second};
  }
  rocksdb::ConfigOptions how;
  how.input_strings_escaped = false;
  how.ignore_unknown_options = false;
  Options changed;
  if (const rocksdb::Status status = from_map(how, options, texts, &changed); !status.ok()) {
    return Error{ErrorKind::kInvalidArgument, whose + ": RocksDB does not take the options: " + status.ToString()};
  }
  options = std::move(changed);
  return {};
}
std::unordered_map<std::string, std::string> unordered(const OptionTexts& texts) { return {texts.begin(), texts.end()}; }

}  // namespace

Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::DBOptions& options) {
  if (texts.empty()) return {};
  return read(texts, whose, database_reasons(), options, [](const auto& how, const auto& base, const auto& map, auto* out) {
    return rocksdb::GetDBOptionsFromMap(how, base, unordered(map), out);
  });
}
Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::ColumnFamilyOptions& options) {
  if (texts.empty()) return {};
  return read(texts, whose, family_reasons(), options, [](const auto& how, const auto& base, const auto& map, auto* out) {
    return rocksdb::GetColumnFamilyOptionsFromMap(how, base, unordered(map), out);
  });
}
Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::BlockBasedTableOptions& options) {
  if (texts.empty()) return {};
  return read(texts, whose, table_reasons(), options, [](const auto& how, const auto& base, const auto& map, auto* out) {
    return rocksdb::GetBlockBasedTableOptionsFromMap(how, base, unordered(map), out);
  });
}

}  // namespace tidemill::rocksdb_state
