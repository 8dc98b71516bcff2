// The journal: opening any file ends in an error or with entries, and an entry that decodes is the same after
// being encoded.
#include <cstdlib>
#include <tidemill/base/storage.hpp>

#include "base/crc32c.hpp"
#include "base/endian.hpp"
#include "log_embedded/journal.hpp"

using namespace tidemill;

namespace {

void decode(BytesView bytes) {
  const auto entry = embedded::decode_journal_entry(bytes);
  if (!entry) return;
  const Bytes encoded = embedded::encode(*entry);
  const auto again = embedded::decode_journal_entry(encoded);
  if (!again || embedded::encode(*again) != encoded) std::abort();
}

void open(const std::string& bytes) {
  const std::unique_ptr<Storage> storage = memory_storage();
  if (!storage->create_directories("journal")) std::abort();
  auto file = storage->open("journal/journal-a", OpenMode::kCreate);
  if (!file || !(*file)->append(bytes)) std::abort();
  (void)embedded::Journal::open(*storage, {.directory = "journal", .file_bytes = 1 << 16});
}

/// Entries: magic, checksum of what is behind it, length, number, number synced, body.
void mend_entries(std::string& bytes) {
  constexpr std::size_t kPrefix = 28;
  for (std::size_t at = 0; at + kPrefix <= bytes.size();) {
    const std::size_t length = load_big_endian<std::uint32_t>(bytes.data() + at + 8);
    if (length > bytes.size() - at - kPrefix) return;
    const std::string_view all(bytes);
    const std::uint32_t of_prefix = crc32c(all.substr(at + 8, kPrefix - 8));
    store_big_endian(bytes.data() + at + 4, crc32c(all.substr(at + kPrefix, length), of_prefix));
    at += kPrefix + length;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 64 * 1024) return 0;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  decode(BytesView(bytes));
  if (bytes.size() > 28) decode(BytesView(bytes).substr(28));
  open(bytes);
  mend_entries(bytes);
  open(bytes);
  return 0;
}
