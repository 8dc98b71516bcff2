// Ranges over stores of windows and sessions whose rows are not written yet; golden vectors judge them together with what is.
#include <gmock/gmock.h>

#include <tidemill/state/state_engine.hpp>
#include <tidemill/state/stores.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "state/open_store.hpp"
#include "state/segmented_rows.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Le;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Rows = std::vector<std::string>;

constexpr std::int64_t kSegment = 60000;
constexpr std::int64_t kNow = 28333333 * kSegment;

class CachedWindows : public ::testing::Test {
 protected:
  CachedWindows() {
    StoreSpec spec = Stores::persistent_window_store("w", std::chrono::milliseconds(kSegment), std::chrono::milliseconds(5000),
                                                     false, {.caching = true});
    auto engines = engine_->open("", {&spec, 1}).value();
    store_ = open_store({.spec = std::move(spec), .engine = std::move(engines.front()), .cache = &cache_}, current_);
    put("a", kNow - kSegment);
    put("b", kNow);
  }
  void put(BytesView key, std::int64_t start) {
    store_->windows()->put(key, BytesView("1"), Timestamp(start), Timestamp(start));
  }
  Rows fetch(const WindowRange& range) {
    Rows rows;
    for (const auto row = store_->windows()->fetch(range); row->valid(); row->next()) {
      rows.emplace_back(split_window_key(row->key()).key);
    }
    return rows;
  }
  std::shared_ptr<StateEngine> engine_ = in_memory_stores();
  ThreadCache cache_{100000};
  const RecordContext* current_ = nullptr;
  std::unique_ptr<LayeredStore> store_;
};

TEST_F(CachedWindows, ARangeWithBothKeysGivesEachRowOnce) {
  EXPECT_THAT(fetch({.from_key = "a", .to_key = "b", .from = Timestamp(kNow - kSegment)}), ElementsAre("a", "b"));
}

TEST_F(CachedWindows, WithoutALastKeyRowsComeAgainForEachSegmentBeforeTheirs) {
  EXPECT_THAT(fetch({.from_key = "a", .from = Timestamp(kNow - kSegment)}), ElementsAre("a", "b", "b"));
}

TEST_F(CachedWindows, WithoutAFirstKeyRowsComeAgainForEachSegmentBehindTheirs) {
  EXPECT_THAT(fetch({.to_key = "b", .from = Timestamp(kNow - kSegment)}), ElementsAre("a", "a", "b"));
  EXPECT_THAT(fetch({.to_key = "b", .from = Timestamp(kNow - kSegment), .direction = Direction::kReverse}),
              ElementsAre("b", "a", "a"));
}

TEST_F(CachedWindows, AllKeysGiveEachRowOnce) { EXPECT_THAT(fetch({.every_key = true}), ElementsAre("a", "b")); }

TEST_F(CachedWindows, ARangeFromTheBeginningOfTimeEnds) { EXPECT_THAT(fetch({.from_key = "a"}), SizeIs(Le(2 * 101))); }

TEST(CachedWindowsOfManySegments, WithoutALastKeyComeEachAtLeastOnceAndHideWhatIsWritten) {
  const RecordContext* current = nullptr;
  ThreadCache cache{100000};
  StoreSpec spec = Stores::persistent_window_store("w", std::chrono::hours(24), std::chrono::milliseconds(kSegment), false,
                                                   {.caching = true});
  spec.segment_interval = std::chrono::milliseconds(kSegment);
  auto engines = in_memory_stores()->open("", {&spec, 1}).value();
  const auto store = open_store({.spec = spec, .engine = std::move(engines.front()), .cache = &cache}, current);
  const auto put = [&](BytesView key, BytesView value, std::int64_t segment) {
    store->windows()->put(key, value, Timestamp(segment * kSegment), Timestamp(segment * kSegment));
  };
  const auto fetch = [&](Direction direction) {
    std::string found;
    for (auto row = store->windows()->fetch({.from_key = "a", .direction = direction}); row->valid(); row->next()) {
      found.append(split_window_key(row->key()).key).append("=").append(row->value()).append(" ");
    }
    return found;
  };
  put("k", "old", 0);
  store->flush_cache();
  put("k", "new", 0);
  put("l", "1", 1);
  put("z", "1", 150);
  EXPECT_THAT(fetch(Direction::kForward), StartsWith("k=new l=1 z=1 "));
  EXPECT_THAT(fetch(Direction::kReverse), ::testing::AllOf(StartsWith("z=1 "), ::testing::EndsWith(" l=1 k=new ")));
}

TEST(CachedSessions, AreNotAllLookedAtForThoseOfOneKey) {
  const RecordContext* current = nullptr;
  ThreadCache cache{1000000};
  StoreSpec spec = Stores::persistent_session_store("s", std::chrono::hours(2), {.caching = true});
  auto engines = in_memory_stores()->open("", {&spec, 1}).value();
  SegmentedRows rows({.spec = spec,
                      .engine = std::move(engines.front()),
                      .cache = &cache,
                      .on_expired = {},
                      .counters = std::make_shared<StoreCounters>(),
                      .time_of = [](BytesView row) { return split_session_key(row).session.end; }},
                     current);
  const auto row_of = [](const std::string& key, std::int64_t end) {
    Bytes row;
    append_session_key(key, {Timestamp(end), Timestamp(end)}, row);
    return row;
  };
  for (int key = 1000; key < 2000; ++key) rows.put(row_of(std::to_string(key), kNow), BytesView("1"), Timestamp(kNow));
  int looked_at = 0;
  const auto found = rows.scan({.lower = row_of("1500", 0),
                                .upper = row_of("1500", INT64_MAX),
                                .from = Timestamp(kNow - kSegment),  // and with no end, as a session's aggregation asks
                                .accept = [&](BytesView) { return ++looked_at > 0; }});
  ASSERT_TRUE(found->valid());
  EXPECT_EQ(split_session_key(found->key()).key, "1500");
  EXPECT_EQ(looked_at, 1);
}

}  // namespace
}  // namespace tidemill::test
