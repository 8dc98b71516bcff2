// RocksDB's own options as users give them: by name and text. What the library's promises stand on is refused, with the reason.
#pragma once

#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <map>
#include <string>

#include <tidemill/base/result.hpp>

namespace tidemill::rocksdb_state {

using OptionTexts = std::map<std::string, std::string>;
/// Each changes `options`; kInvalidArgument names the option that is refused or unknown, or whose text cannot be. `whose`:
/// in front of the sentence.
[[nodiscard]] Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::DBOptions& options);
[[nodiscard]] Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::ColumnFamilyOptions& options);
[[nodiscard]] Result<void> apply(const OptionTexts& texts, const std::string& whose, rocksdb::BlockBasedTableOptions& options);

}  // namespace tidemill::rocksdb_state
