#include <limits>
#include <tuple>

#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/windowed_stores.hpp"

namespace tidemill {
namespace {

constexpr std::size_t kSuffix = 12;  // i64 start, i32 sequence number

Timestamp start_of(BytesView row) { return split_window_key(row).start; }

class WindowStoreStack final : public SegmentedStore, public WindowBytesStore {
 public:
  using SegmentedStore::SegmentedStore;
  WindowBytesStore* windows() override { return this; }

  bool fetch(BytesView key, Timestamp start, Bytes& value) override { return rows_.get(row_of(key, start, kept_), value); }

  void put(BytesView key, OptionalBytesView value, Timestamp start, Timestamp timestamp) override {
    if (!rows_.spec().retain_duplicates) return rows_.put(row_of(key, start, 0), value, timestamp);
    // Two counters as in Java: a null is written to the changelog under a number of its own, and changes nothing here.
    logged_ = next(logged_);
    if (value) kept_ = next(kept_);
    Bytes logged;
    append_window_key(key, start, logged_, logged);
    if (!value && !by_time()) return rows_.log(logged, value, timestamp);  // never too late: on disk Java does not look
    rows_.put(row_of(key, start, kept_), logged, value, timestamp);
  }
  using SegmentedStore::put;

  std::unique_ptr<BytesIterator> fetch(const WindowRange& range) override {
    SegmentedRows::Scan scan;
    scan.from = range.from;
    scan.to = range.to;
    scan.direction = range.direction;
    scan.expired_too = range.expired_too;
    const bool one_key = range.from_key && range.to_key && *range.from_key == *range.to_key;
    if (range.from_key)
      scan.lower = one_key ? row_of(*range.from_key, std::max(range.from, Timestamp(0)), 0) : Bytes(*range.from_key);
    if (range.to_key) {
      scan.upper =
          one_key ? row_of(*range.to_key, range.to, std::numeric_limits<std::int32_t>::max()) : last_row_up_to(*range.to_key);
    }
    scan.accept = [from_key = to_owned(range.from_key), to_key = to_owned(range.to_key), from = range.from,
                   to = range.to](BytesView row) {
      const auto [key, start] = split_window_key(row);
      return start >= from && start <= to && (!from_key || key >= *from_key) && (!to_key || key <= *to_key);
    };
    if (!by_time() && !range.every_key) scan.repeats = {.behind = !range.to_key, .before = !range.from_key};
    if (by_time() && !one_key) {
      const bool forward = range.direction == Direction::kForward;
      scan.before = [forward](BytesView a, BytesView b) {
        const auto x = std::pair(start_of(a), a);
        const auto y = std::pair(start_of(b), b);
        return forward ? x < y : y < x;
      };
    }
    return rows_.scan(std::move(scan));
  }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    return fetch(WindowRange{.direction = range.direction, .every_key = true});
  }

 private:
  static std::int32_t next(std::int32_t number) { return number == std::numeric_limits<std::int32_t>::max() ? 0 : number + 1; }
  BytesView row_of(BytesView key, Timestamp start, std::int32_t sequence) {
    row_.clear();
    append_window_key(key, start, sequence, row_);
    return row_;
  }
  Bytes row_;
  std::int32_t logged_ = 0;
  std::int32_t kept_ = 0;
};

}  // namespace

std::chrono::milliseconds kept_until_closed(const StoreSpec& spec) {
  constexpr std::chrono::milliseconds kMin{60000};
  return spec.time_ordered ? std::max(spec.retention, kMin) : std::chrono::milliseconds(0);
}

void append_window_key(BytesView key, Timestamp start, std::int32_t sequence, Bytes& out) {
  out.append(key);
  append_big_endian(out, start.value);
  append_big_endian(out, sequence);
}

WindowRowKey split_window_key(BytesView row) {
  if (row.size() < kSuffix) {
    throw StateStoreException(Error{ErrorKind::kCorruption, "a window's row has a key of " + std::to_string(row.size()) +
                                                                " bytes; its last twelve are start and sequence number"});
  }
  return {row.substr(0, row.size() - kSuffix), Timestamp(load_big_endian<std::int64_t>(row.data() + row.size() - kSuffix))};
}

Bytes last_row_up_to(BytesView key) {
  // A row is a key and times, which begin with a byte up to 0x7f: of each shorter key the largest row is known.
  Bytes largest;
  for (std::size_t size = 0; size <= key.size(); ++size) {
    Bytes row(key.substr(0, size));
    row += '\x7f';
    row.append(19, '\xff');
    largest = std::max(largest, row);
  }
  return largest;
}

std::unique_ptr<LayeredStore> make_window_store(SegmentedOptions options, const RecordContext* const& current) {
  options.time_of = start_of;
  return std::unique_ptr<LayeredStore>(new WindowStoreStack(std::move(options), current));
}

}  // namespace tidemill
