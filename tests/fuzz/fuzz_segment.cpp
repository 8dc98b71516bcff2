// The bytes of a segment file: recovery ends in an error or with a partition whose ends are in order; a
// second recovery of what the first one left finds the same.
#include <cstdlib>
#include <tidemill/base/storage.hpp>
#include <type_traits>

#include "checksums.hpp"
#include "log_embedded/partition_log.hpp"

using namespace tidemill;

namespace {

template <class Partition>
Partition make(Storage& storage) {
  const TopicPartition id{"t", PartitionId(0)};
  if constexpr (std::is_constructible_v<Partition, Storage&, TopicPartition, std::int64_t, bool>) {
    return Partition(storage, id, std::int64_t{1} << 30, false);
  } else {
    return Partition(storage, id, {});
  }
}

/// Nothing was ever deleted, where that is asked.
template <class Partition>
Result<void> recovered(Partition& partition, Offset verify_from) {
  if constexpr (requires { partition.recover(Offset(0), verify_from); }) {
    return partition.recover(Offset(0), verify_from);
  } else {
    return partition.recover(Offset(0), verify_from, Offset(0));
  }
}

void recover(std::string_view bytes, Offset verify_from) {
  const std::unique_ptr<Storage> storage = memory_storage();
  if (!storage->create_directories("topics/t-0")) std::abort();
  auto file = storage->open("topics/t-0/00000000000000000000.log", OpenMode::kCreate);
  if (!file || !(*file)->append(bytes)) std::abort();
  auto first = make<embedded::PartitionLog>(*storage);
  if (!recovered(first, verify_from)) return;
  if (first.log_start() > first.end()) std::abort();
  auto second = make<embedded::PartitionLog>(*storage);
  if (!recovered(second, Offset(0)) || second.end() > first.end()) std::abort();
  if (verify_from == Offset(0) && second.end() != first.end()) std::abort();
  const Offset middle(second.end().value / 2);
  if (!second.truncate(middle) || second.end() > middle) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  recover(bytes, Offset(0));
  fuzz::mend_batches(bytes);
  recover(bytes, Offset(0));
  recover(bytes, Offset(3));
  return 0;
}
