// RocksDB's own messages, among the application's: errors as warnings, the rest as traces for who looks for them.
//
// Not in a file of its own, as RocksDB would have it: the writer of that file aborts the process when the disk is full
// (7.8.3, as Debian builds it: an assertion after the first write that failed).
#pragma once

#include <rocksdb/env.h>

#include <memory>
#include <string>

namespace tidemill::rocksdb_state {

/// `where` stands before every message.
std::shared_ptr<rocksdb::Logger> rocksdb_log(std::string where);

}  // namespace tidemill::rocksdb_state
