// The micro rows: one part of the library alone beside the same work by hand.
#pragma once

#include "floor/versions.hpp"
#include "harness/suite.hpp"
#include "harness/workspace.hpp"

namespace tidemill_bench {

/// `records`: of a row whose step costs about 100 ns; cheaper and dearer ones take more and fewer.
void add_micro_cases(Suite& suite, const Workspace& workspace, std::uint64_t records);

/// `operators` stateless operators on 64-bit numbers, the last one a foreach.
[[nodiscard]] Sample run_operator_chain(std::uint64_t records, int operators);
[[nodiscard]] Sample run_batch_encode(std::uint64_t records);
[[nodiscard]] Sample run_batch_decode(std::uint64_t records);
[[nodiscard]] Sample run_store_in_memory(const std::vector<std::string>& keys);
[[nodiscard]] Sample run_store_rocksdb(const std::vector<std::string>& keys, const std::string& directory);
[[nodiscard]] Sample run_record_cache(const std::vector<std::string>& keys, std::uint64_t flush_every);
[[nodiscard]] Sample run_versions_in_memory(const VersionsWork& work);
[[nodiscard]] Sample run_versions_rocksdb(const VersionsWork& work, const std::string& directory);

}  // namespace tidemill_bench
