// A restore that ends half-way must not have moved the store's position: the next one would begin behind what is missing.
#include <gmock/gmock.h>

#include <tidemill/state/change_buffer.hpp>
#include <tidemill/state/state_engine.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "base/endian.hpp"
#include "state/buffered_change.hpp"
#include "state/open_store.hpp"

namespace tidemill::test {
namespace {

/// An engine's store that refuses what is written after so many writes, and says what it has been told to be its position.
class RefusingStore final : public BytesStore {
 public:
  RefusingStore(std::unique_ptr<BytesStore> store, int& writes_left, Offset& position)
      : store_(std::move(store)), writes_left_(writes_left), position_(position) {}
  const std::string& name() const override { return store_->name(); }
  Result<bool> get(BytesView key, Bytes& value) override { return store_->get(key, value); }
  Result<void> put(BytesView key, OptionalBytesView value) override {
    TIDEMILL_TRY(write());
    return store_->put(key, value);
  }
  Result<std::unique_ptr<BytesIterator>> range(const BytesRange& range) override { return store_->range(range); }
  std::uint64_t approximate_num_entries() const override { return store_->approximate_num_entries(); }
  std::size_t uncommitted_bytes() const override { return store_->uncommitted_bytes(); }
  Result<void> commit(const ChangelogPosition& changelog, const Position& position) override {
    TIDEMILL_TRY(write());
    position_ = changelog.offset;
    return store_->commit(changelog, position);
  }
  void abort() override { store_->abort(); }
  Result<void> flush() override { return store_->flush(); }
  std::optional<ChangelogPosition> durable_position() const override { return store_->durable_position(); }
  const Position& position() const override { return store_->position(); }
  Result<void> restore(std::span<const std::pair<BytesView, OptionalBytesView>> rows,
                       const ChangelogPosition& changelog) override {
    TIDEMILL_TRY(write());
    position_ = changelog.offset;
    return store_->restore(rows, changelog);
  }
  Result<void> clear() override { return store_->clear(); }
  Result<std::unique_ptr<BytesSnapshot>> snapshot() override { return store_->snapshot(); }

 private:
  Result<void> write() {
    if (writes_left_-- > 0) return {};
    return Error{ErrorKind::kDiskFull, "the disk is full"};
  }
  std::unique_ptr<BytesStore> store_;
  int& writes_left_;
  Offset& position_;
};

class RestoredStores : public ::testing::TestWithParam<StoreKind> {};

TEST_P(RestoredStores, ArePositionedBehindARecordOnlyWhenTheyHaveIt) {
  StoreSpec spec;
  spec.name = "store";
  spec.kind = GetParam();
  spec.engine = StoreEngineKind::kPersistent;
  spec.retention = std::chrono::seconds(1);
  spec.segment_interval = std::chrono::milliseconds(100);
  std::vector<Bytes> keys;
  std::vector<Bytes> values;
  for (std::int64_t i = 0; i < 5; ++i) {
    Bytes& key = keys.emplace_back();
    if (spec.kind == StoreKind::kWindow || spec.kind == StoreKind::kTimestampedWindow)
      append_window_key("k", Timestamp(i * 700), 0, key);
    if (spec.kind == StoreKind::kSession) append_session_key("k", {Timestamp(i * 700), Timestamp(i * 700)}, key);
    if (key.empty()) key = "k" + std::to_string(i);
    append_big_endian(values.emplace_back("change"), i);
    if (spec.kind == StoreKind::kChangeBuffer) {
      values.back().clear();
      append_buffered_change({}, values.back());
      append_big_endian(values.back(), std::int64_t{i});
    }
  }
  const Bytes headers = logged_change_headers().encode();
  std::vector<ChangelogRecord> records;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    records.push_back({.key = keys[i],
                       .value = values[i],
                       .timestamp = Timestamp(static_cast<std::int64_t>(i) * 700),
                       .headers = spec.kind == StoreKind::kChangeBuffer ? BytesView(headers) : BytesView()});
  }
  const RecordContext* current = nullptr;
  bool done = false;
  int refused = 0;
  for (int writes = 0; !done; ++writes) {
    ASSERT_LT(writes, 100);
    int writes_left = writes;
    Offset position(0);
    auto engine = in_memory_stores()->open("", {&spec, 1}).value();
    const auto store = open_store(
        {.spec = spec, .engine = std::make_unique<RefusingStore>(std::move(engine.front()), writes_left, position)}, current);
    try {
      done = store->restore(records, {.offset = Offset(5), .epoch = LeaderEpoch(1)}).has_value();
    } catch (const StateStoreException& error) {
      EXPECT_EQ(error.error().kind, ErrorKind::kDiskFull);
    }
    EXPECT_EQ(position, Offset(done ? 5 : 0)) << "after " << writes << " writes";
    refused += done ? 0 : 1;
  }
  EXPECT_GT(refused, 0);
}

TEST(RestoredStores, AVersionedOneThatIsRebuiltTakesWhatIsOlderThanWhatItHadSeen) {
  StoreSpec spec;
  spec.name = "store";
  spec.kind = StoreKind::kVersionedKeyValue;
  spec.retention = std::chrono::seconds(1);
  const RecordContext* current = nullptr;
  auto engine = in_memory_stores()->open("", {&spec, 1}).value();
  const auto store = open_store({.spec = spec, .engine = std::move(engine.front())}, current);
  const ChangelogRecord late{.key = "new", .value = BytesView("1"), .timestamp = Timestamp(100'000)};
  ASSERT_TRUE(store->restore({&late, 1}, {.offset = Offset(1), .epoch = LeaderEpoch(1)}));
  ASSERT_TRUE(store->clear());
  const ChangelogRecord early{.key = "old", .value = BytesView("2"), .timestamp = Timestamp(10)};
  ASSERT_TRUE(store->restore({&early, 1}, {.offset = Offset(1), .epoch = LeaderEpoch(1)}));
  Bytes value;
  EXPECT_TRUE(store->get("old", value)) << "it is the latest value of its key";
  EXPECT_FALSE(store->get("new", value));
}

TEST(RestoredStores, AChangeBufferThatIsEmptiedKnowsThatItHoldsNothing) {
  StoreSpec spec;
  spec.name = "store";
  spec.kind = StoreKind::kChangeBuffer;
  const RecordContext* current = nullptr;
  auto engine = in_memory_stores()->open("", {&spec, 1}).value();
  const auto store = open_store({.spec = spec, .engine = std::move(engine.front())}, current);
  ChangeBuffer& buffer = *store->change_buffer();
  buffer.put(Timestamp(1), "k", BytesView("v"), std::nullopt, {});
  EXPECT_EQ(buffer.records(), 1);
  ASSERT_TRUE(store->clear());
  EXPECT_EQ(buffer.records(), 0);
  EXPECT_EQ(buffer.bytes(), 0);
  EXPECT_EQ(buffer.min_time(), kMaxTimestamp);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RestoredStores,
                         ::testing::Values(StoreKind::kKeyValue, StoreKind::kTimestampedKeyValue, StoreKind::kWindow,
                                           StoreKind::kTimestampedWindow, StoreKind::kSession, StoreKind::kVersionedKeyValue,
                                           StoreKind::kChangeBuffer),
                         [](const auto& info) { return "Kind" + std::to_string(static_cast<int>(info.param)); });

}  // namespace
}  // namespace tidemill::test
