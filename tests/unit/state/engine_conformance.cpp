#include "engine_conformance.hpp"

#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

namespace tidemill::test {

using ::testing::ElementsAre;
using ::testing::Pair;

EngineConformance::EngineConformance()
    : engine_(GetParam().make()), directory_(::testing::TempDir() + "tidemill-engine-" + random_uuid(system_random())) {
  open();
}
EngineConformance::~EngineConformance() {
  stores_.clear();
  engine_.reset();
  std::filesystem::remove_all(directory_);
}
void EngineConformance::open() {
  std::vector<StoreSpec> specs(2);
  specs[0].name = "a";
  specs[1].name = "b";
  stores_ = engine_->open(directory_, specs).value();
}
void EngineConformance::reopen() {
  stores_.clear();
  engine_ = GetParam().make();
  open();
}
std::string EngineConformance::get(BytesStore& store, const std::string& key) {
  Bytes value = "untouched";
  if (store.get(key, value).value()) return value;
  EXPECT_EQ(value, "untouched");
  return "-";
}
void EngineConformance::put(BytesStore& store, const std::string& key, const std::string& value) {
  ASSERT_TRUE(store.put(key, BytesView(value)));
}
void EngineConformance::remove(BytesStore& store, const std::string& key) { ASSERT_TRUE(store.put(key, std::nullopt)); }
EngineConformance::Rows EngineConformance::rows(std::unique_ptr<BytesIterator> iterator) {
  Rows found;
  for (; iterator->valid(); iterator->next()) found.emplace_back(iterator->key(), iterator->value());
  EXPECT_TRUE(iterator->status());
  return found;
}
EngineConformance::Rows EngineConformance::all(BytesStore& store, Direction direction) {
  return rows(store.range({.from = std::nullopt, .to = std::nullopt, .direction = direction}).value());
}
void EngineConformance::commit(BytesStore& store, std::int64_t offset, const Position& position) {
  ASSERT_TRUE(store.commit({.offset = Offset(offset), .epoch = LeaderEpoch(1)}, position));
}

TEST_P(EngineConformance, WhatIsPutIsReadAtOnceAndADeletionHidesIt) {
  put(a(), "k", "1");
  EXPECT_EQ(get(a(), "k"), "1");
  EXPECT_EQ(get(b(), "k"), "-") << "stores do not share keys";
  put(a(), "k", "2");
  EXPECT_EQ(get(a(), "k"), "2");
  commit(a(), 1);
  EXPECT_EQ(get(a(), "k"), "2");
  remove(a(), "k");
  EXPECT_EQ(get(a(), "k"), "-");
  put(a(), "", "empty key");
  put(a(), "empty value", "");
  EXPECT_THAT(all(a()), ElementsAre(Pair("", "empty key"), Pair("empty value", "")));
}

TEST_P(EngineConformance, RangesAreInKeyOrderBothWaysWithInclusiveAndOpenBounds) {
  for (const char* key : {"c", "a", "\xff\xff", "b", "bb"}) put(a(), key, key);
  commit(a(), 1);
  put(a(), "ab", "uncommitted");
  remove(a(), "b");
  EXPECT_THAT(all(a()), ElementsAre(Pair("a", "a"), Pair("ab", "uncommitted"), Pair("bb", "bb"), Pair("c", "c"),
                                    Pair("\xff\xff", "\xff\xff")));
  EXPECT_THAT(all(a(), Direction::kReverse), ElementsAre(Pair("\xff\xff", "\xff\xff"), Pair("c", "c"), Pair("bb", "bb"),
                                                         Pair("ab", "uncommitted"), Pair("a", "a")));
  const auto range = [&](OptionalBytesView from, OptionalBytesView to, Direction direction = Direction::kForward) {
    std::string keys;
    for (const auto& [key, value] : rows(a().range({.from = from, .to = to, .direction = direction}).value()))
      keys += key + " ";
    return keys;
  };
  EXPECT_EQ(range("ab", "bb"), "ab bb ");
  EXPECT_EQ(range("ab", "bb", Direction::kReverse), "bb ab ");
  EXPECT_EQ(range(std::nullopt, "b"), "a ab ");
  EXPECT_EQ(range("b", std::nullopt, Direction::kReverse), "\xff\xff c bb ");
  EXPECT_EQ(range("c", "a"), "");
}

TEST_P(EngineConformance, ARangeIsRemovedAtOnceAndIsThereAgainAfterAnAbort) {
  for (const char* key : {"a", "b", "c", "d"}) put(a(), key, "flushed");
  commit(a(), 1);
  ASSERT_TRUE(a().flush());
  put(a(), "bb", "committed");
  put(a(), "c", "committed");
  commit(a(), 2);
  put(a(), "bc", "put before");
  ASSERT_TRUE(a().remove_range("b", "d"));
  EXPECT_GT(a().uncommitted_bytes(), 0U);
  const auto check = [&] {
    EXPECT_THAT(all(a()), ElementsAre(Pair("a", "flushed"), Pair("c", "put after"), Pair("d", "flushed")));
    EXPECT_THAT(all(a(), Direction::kReverse), ElementsAre(Pair("d", "flushed"), Pair("c", "put after"), Pair("a", "flushed")));
    for (const char* key : {"b", "bb", "bc"}) EXPECT_EQ(get(a(), key), "-") << key;
    EXPECT_EQ(get(a(), "c"), "put after");
  };
  put(a(), "c", "put after");
  check();
  if (const auto snapshot = a().snapshot()) {
    EXPECT_EQ(rows((*snapshot)->range({}).value()).size(), 5U) << "the last commit's";
    Bytes value;
    EXPECT_TRUE((*snapshot)->get("b", value).value());
    check();
  }
  a().abort();
  EXPECT_EQ(a().uncommitted_bytes(), 0U);
  EXPECT_THAT(all(a()), ElementsAre(Pair("a", "flushed"), Pair("b", "flushed"), Pair("bb", "committed"), Pair("c", "committed"),
                                    Pair("d", "flushed")));
  ASSERT_TRUE(a().remove_range("b", "c"));
  ASSERT_TRUE(a().remove_range("c", "d"));
  ASSERT_TRUE(a().remove_range("d", "b"));
  put(a(), "c", "put after");
  commit(a(), 3);
  check();
  ASSERT_TRUE(a().flush());
  check();
  reopen();
  if (engine_->persistent()) check();
}

TEST_P(EngineConformance, AnIteratorMayBeWrittenUnder) {
  for (int i = 0; i < 10; ++i) put(a(), "k" + std::to_string(i), "old");
  commit(a(), 1);
  int seen = 0;
  for (auto row = a().range({}).value(); row->valid(); row->next(), ++seen) remove(a(), Bytes(row->key()));
  EXPECT_EQ(seen, 10) << "what was there when the walk began is met once";
  EXPECT_THAT(all(a()), ElementsAre());
}

TEST_P(EngineConformance, AbortGoesBackToTheLastCommit) {
  put(a(), "kept", "1");
  put(a(), "gone later", "1");
  commit(a(), 5);
  put(a(), "kept", "2");
  put(a(), "kept", "3");
  put(a(), "new", "1");
  remove(a(), "gone later");
  EXPECT_GT(a().uncommitted_bytes(), 0U);
  a().abort();
  EXPECT_EQ(a().uncommitted_bytes(), 0U);
  EXPECT_THAT(all(a()), ElementsAre(Pair("gone later", "1"), Pair("kept", "1")));
}

TEST_P(EngineConformance, AbortTakesBackEverythingThatWasDoneToOneKey) {
  put(a(), "comes and goes", "a longer value than the others have");
  put(a(), "empty", "");
  commit(a(), 5);
  remove(a(), "comes and goes");
  put(a(), "comes and goes", "2");
  remove(a(), "comes and goes");
  put(a(), "empty", "3");
  put(a(), "new", "4");
  remove(a(), "new");
  remove(a(), "never there");
  EXPECT_THAT(all(a()), ElementsAre(Pair("empty", "3")));
  a().abort();
  EXPECT_THAT(all(a()), ElementsAre(Pair("comes and goes", "a longer value than the others have"), Pair("empty", "")));
}

TEST_P(EngineConformance, EveryWriteCountsAsUncommittedUntilTheCommit) {
  EXPECT_EQ(a().uncommitted_bytes(), 0U);
  put(a(), "key", std::string(1000, 'x'));
  EXPECT_GE(a().uncommitted_bytes(), 1003U);
  commit(a(), 1);
  EXPECT_EQ(a().uncommitted_bytes(), 0U);
}

TEST_P(EngineConformance, ACommitRemembersTheInputItHasSeen) {
  const Position position{{"in", {{0, 7}, {3, 9}}}};
  put(a(), "k", "1");
  commit(a(), 1, position);
  EXPECT_EQ(a().position(), position);
  EXPECT_EQ(b().position(), Position());
}

TEST_P(EngineConformance, ClearDropsEverything) {
  put(a(), "k", "1");
  commit(a(), 3, {{"in", {{0, 1}}}});
  ASSERT_TRUE(a().flush());
  put(a(), "l", "1");
  ASSERT_TRUE(a().clear());
  EXPECT_THAT(all(a()), ElementsAre());
  EXPECT_EQ(a().uncommitted_bytes(), 0U);
  EXPECT_FALSE(a().durable_position());
  EXPECT_EQ(a().position(), Position());
  reopen();
  EXPECT_THAT(all(a()), ElementsAre());
}

TEST_P(EngineConformance, RestoreLoadsInBulk) {
  std::vector<std::string> texts;
  for (int i = 0; i < 500; ++i) texts.push_back("key" + std::to_string(i % 400));
  std::vector<std::pair<BytesView, OptionalBytesView>> batch;
  for (const std::string& text : texts) batch.emplace_back(text, BytesView(text));
  batch.emplace_back("key7", std::nullopt);
  ASSERT_TRUE(a().restore(batch, {.offset = Offset(501), .epoch = LeaderEpoch(2)}));
  EXPECT_EQ(all(a()).size(), 399U);
  EXPECT_EQ(get(a(), "key7"), "-");
  put(a(), "key7", "again");
  a().abort();
  EXPECT_EQ(get(a(), "key7"), "-") << "what was restored is committed";
}

TEST_P(EngineConformance, WhatWasFlushedIsThereAfterARestartWithItsPositions) {
  const Position position{{"in", {{0, 41}}}};
  for (int i = 0; i < 1000; ++i) put(a(), "k" + std::to_string(i), std::to_string(i));
  commit(a(), 1000, position);
  ASSERT_TRUE(a().flush());
  put(a(), "k1", "never committed");
  const auto durable = a().durable_position();
  reopen();
  if (!engine_->persistent()) {
    EXPECT_FALSE(a().durable_position()) << "nothing survives, and that is said";
    EXPECT_THAT(all(a()), ElementsAre());
    return;
  }
  ASSERT_TRUE(durable && a().durable_position());
  EXPECT_EQ(*a().durable_position(), (ChangelogPosition{.offset = Offset(1000), .epoch = LeaderEpoch(1)}));
  EXPECT_EQ(a().position(), position);
  EXPECT_EQ(all(a()).size(), 1000U);
  EXPECT_EQ(get(a(), "k1"), "1");
}

TEST_P(EngineConformance, ASnapshotShowsTheLastCommitWhileTheOwnerGoesOn) {
  for (int i = 0; i < 1000; ++i) put(a(), "k" + std::to_string(i), "1");  // enough to be written by another thread
  commit(a(), 1, {{"in", {{0, 1}}}});
  for (int i = 0; i < 1000; ++i) put(a(), "k" + std::to_string(i), "2");
  const auto snapshot = a().snapshot();
  if (!snapshot) {
    EXPECT_EQ(snapshot.error().kind, ErrorKind::kUnsupported);
    return;
  }
  const auto check = [&] {
    Bytes value;
    ASSERT_TRUE((*snapshot)->get("k7", value).value());
    EXPECT_EQ(value, "1");
    EXPECT_FALSE((*snapshot)->get("later", value).value());
    EXPECT_EQ(rows((*snapshot)->range({.from = "k10", .to = "k11"}).value()).size(), 12U);
    EXPECT_EQ((*snapshot)->position(), (Position{{"in", {{0, 1}}}}));
  };
  check();
  put(a(), "later", "1");
  commit(a(), 2, {{"in", {{0, 2}}}});
  ASSERT_TRUE(a().flush());
  check();
  EXPECT_EQ(get(a(), "k7"), "2");
}

/// Any sequence of operations leaves the store as a plain map would be.
TEST_P(EngineConformance, BehavesAsAPlainMapWithCommits) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SeededRandom random(seed);
    std::map<std::string, std::string> now;
    std::map<std::string, std::string> committed;
    ASSERT_TRUE(a().clear());
    std::int64_t offset = 0;
    for (int step = 0; step < 2000; ++step) {
      const std::string key = "key" + std::to_string(random.next() % 300);
      switch (random.next() % 40) {
        case 0:
          commit(a(), ++offset);
          committed = now;
          break;
        case 1:
          a().abort();
          now = committed;
          break;
        case 2: ASSERT_TRUE(a().flush()) << seed; break;
        case 3: {
          const Rows found = all(a());
          ASSERT_EQ(std::vector(now.begin(), now.end()),
                    (std::vector<std::pair<const std::string, std::string>>(found.begin(), found.end())))
              << "seed " << seed << ", step " << step;
          break;
        }
        case 9: {
          const std::string to = "key" + std::to_string(random.next() % 300);
          ASSERT_TRUE(a().remove_range(key, to));
          if (key < to) now.erase(now.lower_bound(key), now.lower_bound(to));
          break;
        }
        case 10:
          if (const auto snapshot = a().snapshot()) {
            const Rows found = rows((*snapshot)->range({.from = key, .to = std::nullopt}).value());
            ASSERT_EQ(found, Rows(committed.lower_bound(key), committed.end())) << "seed " << seed << ", step " << step;
          }
          break;
        case 11: {
          Rows found = rows(a().range({.from = std::nullopt, .to = key, .direction = Direction::kReverse}).value());
          std::reverse(found.begin(), found.end());
          ASSERT_EQ(found, Rows(now.begin(), now.upper_bound(key))) << "seed " << seed << ", step " << step;
          break;
        }
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
          remove(a(), key);
          now.erase(key);
          break;
        default: put(a(), key, std::to_string(step)); now[key] = std::to_string(step);
      }
      const auto expected = now.find(key);
      ASSERT_EQ(get(a(), key), expected == now.end() ? "-" : expected->second) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace tidemill::test
