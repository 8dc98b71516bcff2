// Stores whose rows live in segments, over every engine: what a plain map would find, by any walk, across commits, aborts,
// flushes and restarts; and what becomes of segments when time moves on.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>
#include <tidemill/state/window_bytes.hpp>

#include "engines.hpp"
#include "state/open_store.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kSegment = 100;
constexpr std::int64_t kRetention = 300;

class WindowedStores : public ::testing::TestWithParam<EngineUnderTest> {
 protected:
  WindowedStores() : directory_(::testing::TempDir() + "tidemill-windowed-" + random_uuid(system_random())) {
    spec_.name = "windows";
    spec_.kind = StoreKind::kWindow;
    spec_.logging = false;
    spec_.retention = std::chrono::milliseconds(kRetention);
    spec_.segment_interval = std::chrono::milliseconds(kSegment);
  }
  ~WindowedStores() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  LayeredStore& store() {
    if (!store_) open();
    return *store_;
  }
  void open() {
    store_.reset();
    if (!engine_ || !engine_->persistent()) engine_ = GetParam().make();
    spec_.engine = on_disk() ? StoreEngineKind::kPersistent : StoreEngineKind::kInMemory;
    auto stores = engine_->open(directory_, {&spec_, 1}).value();
    store_ = open_store(
        {.spec = spec_, .engine = std::move(stores.front()), .cache = cache_.get(), .on_expired = [this] { ++expired_; }},
        current_);
  }
  [[nodiscard]] bool on_disk() const { return engine_->persistent(); }
  // As the task does it.
  void commit() {
    store().flush_cache();
    store().engine_store().commit({.offset = Offset(++offset_), .epoch = LeaderEpoch(1)}, {}).value();
    store().committed();
  }
  void abort() {
    store().drop_cache();
    store().engine_store().abort();
  }
  void put(const std::string& key, std::int64_t start, OptionalBytesView value) {
    store().windows()->put(key, value, Timestamp(start), Timestamp(start));
  }
  /// key@start=value of each row of a walk.
  std::vector<std::string> walk(const WindowRange& range) {
    std::vector<std::string> found;
    for (auto row = store().windows()->fetch(range); row->valid(); row->next()) {
      const auto [key, start] = split_window_key(row->key());
      found.push_back(text(Bytes(key), start.value, Bytes(row->value())));
    }
    return found;
  }
  static std::string text(const std::string& key, std::int64_t start, const std::string& value) {
    return key + "@" + std::to_string(start) + "=" + value;
  }
  /// How many rows the engine has.
  std::size_t rows() {
    std::size_t count = 0;
    for (auto row = store().engine_store().range({}).value(); row->valid(); row->next()) ++count;
    return count;
  }

  StoreSpec spec_;
  std::string directory_;
  std::shared_ptr<StateEngine> engine_;
  std::unique_ptr<ThreadCache> cache_;
  std::unique_ptr<LayeredStore> store_;
  const RecordContext* current_ = nullptr;
  std::int64_t offset_ = 0;
  int expired_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Engines, WindowedStores, ::testing::ValuesIn(engines()), engine_name);

TEST_P(WindowedStores, AnyWalkFindsWhatAPlainMapHas) {
  spec_.retention = std::chrono::hours(1);
  for (const bool cached : {false, true}) {
    store_.reset();
    spec_.caching = cached;
    cache_ = cached ? std::make_unique<ThreadCache>(std::size_t{4} << 10) : nullptr;
    open();
    store().engine_store().clear().value();
    SeededRandom random(cached ? 2 : 1);
    using Rows = std::map<std::pair<std::string, std::int64_t>, std::string>;
    Rows now;
    Rows committed;
    const auto key = [&] { return std::string(1 + random.next() % 2, static_cast<char>('a' + random.next() % 4)); };
    const auto time = [&] { return static_cast<std::int64_t>(random.next() % 1000); };
    for (int step = 0; step < 3000; ++step) {
      switch (random.next() % 50) {
        case 0:
          commit();
          committed = now;
          break;
        case 1:
          abort();
          now = committed;
          break;
        case 2:
          commit();
          committed = now;
          store().engine_store().flush().value();
          break;
        case 3:
          if (!on_disk()) break;
          commit();
          committed = now;
          store().engine_store().flush().value();
          open();
          break;
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
        case 9: {
          const std::string one = key();
          WindowRange range{.from = Timestamp(time()), .to = Timestamp(time())};
          if (random.next() % 4 == 0) range.to = kMaxTimestamp;
          range.direction = random.next() % 2 == 0 ? Direction::kForward : Direction::kReverse;
          const std::string other = key();
          const bool single = random.next() % 2 == 0;
          range.from_key = one;
          range.to_key = single ? one : other;
          std::vector<std::string> expected;
          for (const auto& [row, value] : now) {
            if (row.first < *range.from_key || row.first > *range.to_key) continue;
            if (row.second < range.from.value || row.second > range.to.value) continue;
            expected.push_back(text(row.first, row.second, value));
          }
          std::vector<std::string> found = walk(range);
          if (!single) {
            std::sort(expected.begin(), expected.end());
            std::sort(found.begin(), found.end());
          } else if (range.direction == Direction::kReverse) {
            std::reverse(expected.begin(), expected.end());
          }
          ASSERT_EQ(found, expected) << "step " << step << (cached ? ", cached" : "");
          break;
        }
        case 10:
        case 11:
        case 12:
        case 13:
        case 14: {
          const std::pair row(key(), time());
          put(row.first, row.second, std::nullopt);
          now.erase(row);
          break;
        }
        default: {
          const std::pair row(key(), time());
          put(row.first, row.second, BytesView(std::to_string(step)));
          now[row] = std::to_string(step);
        }
      }
      const std::pair row(key(), time());
      Bytes value;
      const auto expected = now.find(row);
      ASSERT_EQ(store().windows()->fetch(row.first, Timestamp(row.second), value), expected != now.end()) << "step " << step;
      if (expected != now.end()) {
        ASSERT_EQ(value, expected->second);
      }
    }
  }
}

TEST_P(WindowedStores, OneThatWasJustOpenedIsReadWithoutALookAtEverySegmentSince1970) {
  constexpr std::int64_t kToday = 1'795'000'000'000;
  put("a", kToday, BytesView("1"));
  put("b", kToday + kSegment, BytesView("2"));
  commit();
  store().engine_store().flush().value();
  if (on_disk()) open();
  const std::vector<std::string> both{text("a", kToday, "1"), text("b", kToday + kSegment, "2")};
  EXPECT_EQ(walk({}), both);
  EXPECT_EQ(walk({.direction = Direction::kReverse}), (std::vector<std::string>{both[1], both[0]}));
  EXPECT_EQ(walk({.from = Timestamp(0), .to = Timestamp(kToday)}), std::vector<std::string>{both[0]});
}

TEST_P(WindowedStores, ASegmentGoesWhenTimeHasPassedItByTheRetention) {
  for (std::int64_t start = 0; start < 500; start += 50) put("k", start, "1");
  commit();
  store().engine_store().flush().value();
  for (std::int64_t start = 500; start < 1000; start += 50) put("k", start, "1");
  EXPECT_EQ(rows(), 8U) << "950 less 300 is in the segment of 600";
  EXPECT_THAT(walk({.from_key = "k", .to_key = "k", .to = Timestamp(700)}), ElementsAre("k@700=1"));
  commit();
  EXPECT_EQ(rows(), 8U);
  store().engine_store().flush().value();
  if (!on_disk()) return;
  open();
  EXPECT_EQ(rows(), 8U) << "and does not come back";
}

TEST_P(WindowedStores, WhatIsDroppedInATransactionThatIsTakenBackIsThereAgain) {
  for (std::int64_t start = 0; start < 300; start += 50) put("k", start, "1");
  commit();
  store().engine_store().flush().value();
  put("k", 250, "2");
  put("k", 10'000, "1");
  EXPECT_EQ(rows(), 1U);
  put("l", 10'000, "1");
  abort();
  EXPECT_EQ(rows(), 6U);
  EXPECT_THAT(walk({.from_key = "k", .to_key = "k"}),
              ElementsAre("k@0=1", "k@50=1", "k@100=1", "k@150=1", "k@200=1", "k@250=1"));
  // The same records again, as a task reads them after an abort.
  put("k", 250, "2");
  put("k", 10, "again");
  EXPECT_EQ(expired_, 0) << "time went back as well";
  EXPECT_THAT(walk({.from_key = "k", .to_key = "k", .to = Timestamp(20)}), ElementsAre("k@0=1", "k@10=again"));
  put("k", 10'000, "1");
  commit();
  EXPECT_EQ(rows(), 1U);
  put("k", 10, "late");
  EXPECT_EQ(expired_, 1);
}

TEST_P(WindowedStores, ARestoreKeepsWhatIsLiveAndDropsTheRest) {
  std::vector<Bytes> keys;
  for (std::int64_t start = 0; start < 1000; start += 50) append_window_key("k", Timestamp(start), 0, keys.emplace_back());
  const auto restore = [&](std::size_t from, std::size_t to) {
    std::vector<ChangelogRecord> records;
    for (std::size_t i = from; i < to; ++i) records.push_back({.key = keys[i], .value = "1", .timestamp = Timestamp(0)});
    store().restore(records, {.offset = Offset(static_cast<std::int64_t>(to)), .epoch = LeaderEpoch(1)}).value();
  };
  restore(0, 10);
  EXPECT_EQ(rows(), 8U) << "450 less 300 is in the segment of 100";
  restore(10, 20);
  EXPECT_EQ(rows(), 8U);
  EXPECT_EQ(store().engine_store().uncommitted_bytes(), 0U);
  abort();
  EXPECT_EQ(rows(), 8U) << "what was restored is committed";
  put("k", 1, "late");
  EXPECT_EQ(expired_ > 0, true) << "an abort does not go behind a restore";
  if (!on_disk()) return;
  store().engine_store().flush().value();
  EXPECT_EQ(store().engine_store().durable_position()->offset, Offset(20));
}

TEST_P(WindowedStores, SessionsAreFoundByTheirTimesAsInAPlainList) {
  spec_.kind = StoreKind::kSession;
  spec_.retention = std::chrono::hours(1);
  open();
  SeededRandom random(7);
  std::map<std::tuple<std::string, std::int64_t, std::int64_t>, std::string> now;
  auto committed = now;
  for (int step = 0; step < 1500; ++step) {
    const std::string key(1 + random.next() % 2, static_cast<char>('a' + random.next() % 3));
    const auto start = static_cast<std::int64_t>(random.next() % 800);
    const std::int64_t end = start + static_cast<std::int64_t>(random.next() % 150);
    const Window session{Timestamp(start), Timestamp(end)};
    switch (random.next() % 12) {
      case 0:
        commit();
        committed = now;
        break;
      case 1:
        abort();
        now = committed;
        break;
      case 2:
        if (now.empty()) break;
        store().sessions()->remove_session(
            std::get<0>(now.begin()->first),
            {Timestamp(std::get<2>(now.begin()->first)), Timestamp(std::get<1>(now.begin()->first))}, Timestamp(0));
        now.erase(now.begin());
        break;
      case 3:
      case 4:
      case 5: {
        std::vector<std::string> expected;
        for (const auto& [row, value] : now) {
          if (std::get<0>(row) != key || std::get<1>(row) < start || std::get<2>(row) > end) continue;
          expected.push_back(text(key, std::get<1>(row), value));
        }
        std::vector<std::string> found;
        for (auto row = store().sessions()->find_sessions(
                 {.from_key = key, .to_key = key, .earliest_end = Timestamp(start), .latest_start = Timestamp(end)});
             row->valid(); row->next()) {
          const auto [of, times] = split_session_key(row->key());
          found.push_back(text(Bytes(of), times.end.value, Bytes(row->value())));
        }
        ASSERT_EQ(found, expected) << "step " << step;
        break;
      }
      default:
        store().sessions()->put_session(key, BytesView(std::to_string(step)), session, Timestamp(0));
        now[{key, end, start}] = std::to_string(step);
    }
  }
}

TEST(WindowedStoresInMemory, LetTheirRowsGoByTheRetentionHoweverShortItIs) {
  StoreSpec spec;
  spec.name = "windows";
  spec.kind = StoreKind::kWindow;
  spec.engine = StoreEngineKind::kInMemory;
  spec.retention = std::chrono::seconds(1);
  const RecordContext* current = nullptr;
  auto engines = in_memory_stores()->open("", {&spec, 1}).value();
  const auto store = open_store({.spec = spec, .engine = std::move(engines.front())}, current);
  for (std::int64_t second = 0; second < 50; ++second) {
    store->windows()->put("k", BytesView("1"), Timestamp(second * 1000), Timestamp(second * 1000));
  }
  std::vector<std::int64_t> starts;
  for (auto row = store->engine_store().range({}).value(); row->valid(); row->next()) {
    starts.push_back(split_window_key(row->key()).start.value);
  }
  EXPECT_THAT(starts, ElementsAre(48'000, 49'000));
}

}  // namespace
}  // namespace tidemill::test
