#include "log_embedded/segment.hpp"

#include <algorithm>
#include <cstdio>

namespace tidemill::embedded {
namespace {

constexpr std::uint64_t kIndexEveryBytes = 64 * 1024;
constexpr std::size_t kAheadBytes = 64 * 1024;

}  // namespace

std::string segment_name(Offset base) {
  char name[32];
  std::snprintf(name, sizeof name, "%020lld.log", static_cast<long long>(base.value));
  return name;
}

Error damaged(const std::string& path, std::uint64_t position, const std::string& how) {
  return Error{ErrorKind::kCorruption, path + ": the batch at byte " + std::to_string(position) + " is damaged: " + how};
}

void Segment::added(const BatchHeader& header) {
  if (index.empty() || bytes >= index.back().second + kIndexEveryBytes) index.emplace_back(header.base_offset, bytes);
  if (first_timestamp == kNoTimestamp) first_timestamp = header.max_timestamp;
  max_timestamp = std::max(max_timestamp, header.max_timestamp);
  newest_record = std::max(newest_record, header.newest_record());
  bytes += header.total_bytes();
}

Result<std::uint64_t> Segment::position_of(Offset offset) const {
  const auto row = std::partition_point(index.begin(), index.end(), [&](const auto& entry) { return entry.first <= offset; });
  SegmentScan scan(*file, row == index.begin() ? 0 : (row - 1)->second, bytes);
  while (true) {
    TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, scan.next());
    if (header && header->last_offset() < offset) continue;
    if (!header && scan.position() < bytes) return damaged(path, scan.position(), "its header is not one");
    return scan.position();
  }
}

Result<std::optional<StoredBatch>> Segment::find(Offset offset, BytesPool& buffers) const {
  std::uint64_t position = next_to_find.second;
  if (next_to_find.first != offset) {
    TIDEMILL_ASSIGN(position, position_of(offset));
  }
  if (position >= bytes) return std::optional<StoredBatch>();
  Bytes raw;
  TIDEMILL_TRY(file->read_at(position, kBatchHeaderBytes, raw));
  TIDEMILL_ASSIGN(const std::optional<BatchHeader> header, read_batch_header(raw));
  if (!header) return damaged(path, position, "the file is shorter than it was");
  raw = buffers.take();
  TIDEMILL_TRY(file->read_at(position, header->total_bytes(), raw));
  next_to_find = {header->last_offset() + 1, position + header->total_bytes()};
  return std::optional<StoredBatch>(StoredBatch{*header, buffers.share(std::move(raw)), nullptr});
}

Result<BytesView> SegmentScan::bytes(std::uint64_t position, std::size_t size) {
  if (position < ahead_from_ || position + size > ahead_from_ + ahead_.size()) {
    TIDEMILL_TRY(file_.read_at(position, std::max(size, std::min<std::size_t>(kAheadBytes, to_ - position)), ahead_));
    ahead_from_ = position;
  }
  return BytesView(ahead_).substr(position - ahead_from_, size);
}

Result<std::optional<BatchHeader>> SegmentScan::next() {
  at_ = next_;
  if (to_ - at_ < kBatchHeaderBytes) return std::optional<BatchHeader>();
  TIDEMILL_ASSIGN(const BytesView head, bytes(at_, kBatchHeaderBytes));
  const auto header = read_batch_header(head);
  if (!header || !*header || (*header)->total_bytes() > to_ - at_) return std::optional<BatchHeader>();
  next_ = at_ + (*header)->total_bytes();
  return *header;
}

Result<BytesView> SegmentScan::batch() { return bytes(at_, next_ - at_); }

}  // namespace tidemill::embedded
