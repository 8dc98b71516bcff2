#include "state/store_checkpoint.hpp"

#include "base/crc32c.hpp"
#include "base/endian.hpp"

namespace tidemill {
namespace {

constexpr BytesView kMagic = "TMC1";  // the last byte is the version
constexpr std::size_t kHeader = 4 + 4;

/// Takes from the front; what is not there makes it fail for good.
class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}
  template <class Int>
  [[nodiscard]] Int integer() {
    if (bytes_.size() < sizeof(Int)) return failed_ = true, Int{0};
    const Int value = load_big_endian<Int>(bytes_.data());
    bytes_.remove_prefix(sizeof(Int));
    return value;
  }
  [[nodiscard]] std::string text() {
    const auto size = integer<std::uint32_t>();
    if (bytes_.size() < size) return failed_ = true, std::string();
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return !failed_ && bytes_.empty(); }

 private:
  BytesView bytes_;
  bool failed_ = false;
};

}  // namespace

Bytes encode_checkpoint(const StoreCheckpoint& checkpoint) {
  Bytes body;
  append_big_endian(body, checkpoint.changelog.offset.value);
  append_big_endian(body, checkpoint.changelog.epoch.value);
  append_big_endian(body, static_cast<std::uint32_t>(checkpoint.position.size()));
  for (const auto& [topic, partitions] : checkpoint.position) {
    append_big_endian(body, static_cast<std::uint32_t>(topic.size()));
    body.append(topic);
    append_big_endian(body, static_cast<std::uint32_t>(partitions.size()));
    for (const auto& [partition, offset] : partitions) {
      append_big_endian(body, partition);
      append_big_endian(body, offset);
    }
  }
  Bytes bytes(kMagic);
  append_big_endian(bytes, crc32c(body));
  return bytes.append(body);
}

std::optional<StoreCheckpoint> decode_checkpoint(BytesView bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with(kMagic)) return std::nullopt;
  const BytesView body = bytes.substr(kHeader);
  if (load_big_endian<std::uint32_t>(bytes.data() + kMagic.size()) != crc32c(body)) return std::nullopt;
  Reader reader(body);
  StoreCheckpoint checkpoint;
  checkpoint.changelog.offset = Offset(reader.integer<std::int64_t>());
  checkpoint.changelog.epoch = LeaderEpoch(reader.integer<std::int32_t>());
  for (auto topics = reader.integer<std::uint32_t>(); topics > 0 && !reader.failed(); --topics) {
    auto& partitions = checkpoint.position[reader.text()];
    for (auto count = reader.integer<std::uint32_t>(); count > 0 && !reader.failed(); --count) {
      const auto partition = reader.integer<std::int32_t>();
      partitions[partition] = reader.integer<std::int64_t>();
    }
  }
  if (!reader.at_end() || checkpoint.changelog.offset.value < 0) return std::nullopt;
  return checkpoint;
}

}  // namespace tidemill
