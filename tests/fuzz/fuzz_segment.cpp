// The bytes of a segment file: recovery ends in an error or with a partition whose ends are in order; a
// second recovery of what the first one left finds the same.
#include <cstdlib>
#include <tidemill/base/storage.hpp>

#include "checksums.hpp"
#include "log_embedded/partition_log.hpp"

using namespace tidemill;

namespace {

/// The partition as recovery finds it.
struct Recovered {
  Recovered(Storage& storage, Offset synced)
      : files(storage, 1),
        log(storage, {"t", PartitionId(0)}, std::make_shared<const TopicSettings>(), shared),
        result(log.recover({.log_start = Offset(0), .synced = synced, .deleted_to = Offset(0)})) {}
  embedded::OpenFiles files;
  embedded::PartitionLog::Shared shared{.files = files};
  embedded::PartitionLog log;
  Result<void> result;
};

void recover(std::string_view bytes, Offset synced) {
  const std::unique_ptr<Storage> storage = memory_storage();
  if (!storage->create_directories("topics/t-0")) std::abort();
  auto file = storage->open("topics/t-0/00000000000000000000.log", OpenMode::kCreate);
  if (!file || !(*file)->append(bytes)) std::abort();
  const Recovered first(*storage, synced);
  if (!first.result) return;
  if (first.log.log_start() > first.log.end() || first.log.end() < synced) std::abort();
  Recovered second(*storage, Offset(0));
  if (!second.result || second.log.end() > first.log.end()) std::abort();
  if (synced == Offset(0) && second.log.end() != first.log.end()) std::abort();
  const Offset middle(second.log.end().value / 2);
  if (!second.log.truncate(middle) || second.log.end() > middle) std::abort();
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
