#include "state_rocksdb/rocksdb_instance.hpp"

#include "base/endian.hpp"
#include "state/segmented_rows.hpp"

namespace tidemill::rocksdb_state {
namespace {

/// RocksDB has no code for it. Its own words at their place, because a path may have a lock in its name.
bool is_held_lock(std::string_view text) {
  return text.starts_with("IO error: While lock file: ") || text.starts_with("IO error: lock hold by current process");
}

}  // namespace

Error translate(const rocksdb::Status& status, const std::string& what) {
  ErrorKind kind = ErrorKind::kIo;
  if (status.IsCorruption()) kind = ErrorKind::kCorruption;
  if (status.IsNoSpace()) kind = ErrorKind::kDiskFull;
  if (status.IsIOError() && is_held_lock(status.ToString())) kind = ErrorKind::kLocked;
  std::string said = what + ": " + status.ToString();
  if (kind == ErrorKind::kCorruption) said.append(kDeleteDamaged);
  return Error{kind, std::move(said)};
}

Instance::~Instance() {
  for (rocksdb::ColumnFamilyHandle* family : families) (void)db->DestroyColumnFamilyHandle(family);
  if (db) (void)db->Close();
}

namespace {

/// The kind's number; where rows lie in segments, with the segments' length above it.
std::uint32_t with_segments(std::uint32_t kind, const StoreSpec& spec) {
  constexpr unsigned kKindBits = 4;
  const auto length = static_cast<std::uint64_t>(segment_interval_of(spec));
  return kind | static_cast<std::uint32_t>((length ^ length >> 28) << kKindBits);
}

}  // namespace

std::uint32_t format_of(const StoreSpec& spec) {
  switch (spec.kind) {
    case StoreKind::kTimestampedKeyValue: return 1;
    case StoreKind::kVersionedKeyValue: return 2;  // once 1, with all versions of a key in one row
    case StoreKind::kKeyValue: return 3;
    case StoreKind::kWindow: return with_segments(4, spec);
    case StoreKind::kTimestampedWindow: return with_segments(5, spec);
    case StoreKind::kSession: return with_segments(6, spec);
    case StoreKind::kChangeBuffer:
    case StoreKind::kJoinBuffer:
    case StoreKind::kCustom: break;
  }
  return 7;
}

Bytes encode(const Meta& meta) {
  Bytes out;
  append_big_endian(out, meta.format);
  append_big_endian(out, meta.changelog.offset.value);
  append_big_endian(out, meta.changelog.epoch.value);
  append_big_endian(out, static_cast<std::uint32_t>(meta.position.size()));
  for (const auto& [topic, partitions] : meta.position) {
    append_big_endian(out, static_cast<std::uint32_t>(topic.size()));
    out += topic;
    append_big_endian(out, static_cast<std::uint32_t>(partitions.size()));
    for (const auto& [partition, offset] : partitions) append_big_endian(out, partition), append_big_endian(out, offset);
  }
  return out;
}

std::optional<Meta> decode(BytesView in, std::uint32_t format) {
  const auto has = [&](std::size_t bytes) { return in.size() >= bytes; };
  const auto number = [&]<class Int>(Int) {
    const Int value = load_big_endian<Int>(in.data());
    in.remove_prefix(sizeof(Int));
    return value;
  };
  Meta meta;
  if (!has(20) || number(std::uint32_t{}) != format) return std::nullopt;
  meta.format = format;
  meta.changelog.offset = Offset(number(std::int64_t{}));
  meta.changelog.epoch = LeaderEpoch(number(std::int32_t{}));
  for (auto topics = number(std::uint32_t{}); topics > 0; --topics) {
    if (!has(4)) return std::nullopt;
    const auto size = number(std::uint32_t{});
    if (!has(std::size_t{size} + 4)) return std::nullopt;
    auto& partitions = meta.position[std::string(in.substr(0, size))];
    in.remove_prefix(size);
    for (auto count = number(std::uint32_t{}); count > 0; --count) {
      if (!has(12)) return std::nullopt;
      const auto partition = number(std::int32_t{});
      partitions[partition] = number(std::int64_t{});
    }
  }
  return meta;
}

namespace {

class RowIterator : public BytesIterator {
 public:
  RowIterator(std::shared_ptr<Instance> instance, std::unique_ptr<rocksdb::Iterator> rows, const BytesRange& range)
      : instance_(std::move(instance)),
        rows_(std::move(rows)),
        forward_(range.direction == Direction::kForward),
        from_(range.from ? row_of(*range.from) : Bytes(1, kRowPrefix)),
        to_(range.to ? std::optional<Bytes>(row_of(*range.to)) : std::nullopt) {
    if (forward_) {
      rows_->Seek(from_);
    } else if (to_) {
      rows_->SeekForPrev(*to_);
    } else {
      rows_->SeekForPrev(Bytes(1, kRowPrefix + 1));
    }
  }
  bool valid() const override {
    if (!rows_->Valid() || rows_->key().empty() || rows_->key()[0] != kRowPrefix) return false;
    return forward_ ? (!to_ || view(rows_->key()) <= *to_) : view(rows_->key()) >= from_;
  }
  BytesView key() const override { return view(rows_->key()).substr(1); }
  BytesView value() const override { return view(rows_->value()); }
  void next() override { forward_ ? rows_->Next() : rows_->Prev(); }
  Result<void> status() const override {
    if (!rows_->status().ok()) return translate(rows_->status(), "range");
    return {};
  }

 private:
  std::shared_ptr<Instance> instance_;  // outlives its iterators

 protected:
  std::unique_ptr<rocksdb::Iterator> rows_;

 private:
  bool forward_;
  Bytes from_;
  std::optional<Bytes> to_;
};

}  // namespace

std::unique_ptr<BytesIterator> iterate(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family,
                                       const rocksdb::Snapshot* snapshot, const BytesRange& range) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::unique_ptr<rocksdb::Iterator> rows(instance->db->NewIterator(options, family));
  return std::unique_ptr<BytesIterator>(new RowIterator(std::move(instance), std::move(rows), range));
}

/// Gives its iterator back.
class SpareIterator::Rows final : public RowIterator {
 public:
  Rows(std::shared_ptr<SpareIterator> spare, std::unique_ptr<rocksdb::Iterator> rows, const BytesRange& range)
      : RowIterator(spare->instance_, std::move(rows), range), generation_(spare->generation_), spare_(std::move(spare)) {}
  ~Rows() override {
    if (generation_ == spare_->generation_ && rows_->status().ok()) spare_->unused_ = std::move(rows_);
  }

 private:
  std::uint64_t generation_;
  std::shared_ptr<SpareIterator> spare_;
};

SpareIterator::SpareIterator(std::shared_ptr<Instance> instance, rocksdb::ColumnFamilyHandle* family)
    : instance_(std::move(instance)), family_(family) {}

std::unique_ptr<BytesIterator> SpareIterator::iterate(const std::shared_ptr<SpareIterator>& spare, const BytesRange& range) {
  std::unique_ptr<rocksdb::Iterator> rows = std::move(spare->unused_);
  if (!rows) rows.reset(spare->instance_->db->NewIterator({}, spare->family_));
  return std::unique_ptr<BytesIterator>(new Rows(spare, std::move(rows), range));
}

void SpareIterator::forget() {
  unused_.reset();
  ++generation_;
}

}  // namespace tidemill::rocksdb_state
