// What a walk over a store's rows meets when the store is written meanwhile: on every engine, under a cache, and where a put
// removes another row.
#include <algorithm>
#include <set>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>

#include "engine_conformance.hpp"
#include "state/store_stack.hpp"

namespace tidemill::test {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Pair;

constexpr Direction kBothWays[] = {Direction::kForward, Direction::kReverse};
constexpr std::size_t kStepsMax = 100;  // of walks over a few rows: one that does not end fails instead

std::string keys_of(BytesIterator& rows) {
  std::string keys;
  for (; rows.valid(); rows.next()) keys += std::string(rows.key()) + " ";
  return keys;
}

/// Each key met goes, and another comes in front of the walk. The keys met.
template <class Store, class Put>
std::vector<std::string> move_rows_along(std::unique_ptr<BytesIterator> rows, Direction direction, Store& store, Put put) {
  std::vector<std::string> met;
  for (; rows->valid() && met.size() < kStepsMax; rows->next()) {
    const std::string& key = met.emplace_back(rows->key());
    put(store, key, std::nullopt);
    put(store, direction == Direction::kForward ? key + "x" : "a" + key, "moved");
  }
  return met;
}

std::vector<std::string> six_keys(Direction direction) {
  std::vector<std::string> keys{"k0", "k1", "k2", "k3", "k4", "k5"};
  if (direction == Direction::kReverse) std::reverse(keys.begin(), keys.end());
  return keys;
}

/// What a range of keys was when a walk began, and what has become of them.
class Expected {
 public:
  using Values = std::map<std::string, std::string>;
  Expected(const Values& now, const std::string& from, const std::string& to) {
    for (auto row = now.lower_bound(from); row != now.end() && row->first <= to; ++row) rows_[row->first] = {{row->second}};
  }
  void put(const std::string& key, const std::string& value) {
    if (const auto row = rows_.find(key); row != rows_.end()) row->second.values.insert(value);
  }
  void removed(const std::string& key) {
    if (const auto row = rows_.find(key); row != rows_.end()) row->second.removed = true;
  }
  void aborted(const Values& now) {
    for (auto& [key, row] : rows_) {
      const auto found = now.find(key);
      if (found == now.end()) row.removed = true;
      if (found != now.end()) row.values.insert(found->second);
    }
  }
  /// Empty, or what is wrong.
  [[nodiscard]] std::string check(std::vector<std::pair<std::string, std::string>> met, Direction direction) const {
    if (direction == Direction::kReverse) std::reverse(met.begin(), met.end());
    auto row = met.begin();
    for (const auto& [key, expected] : rows_) {
      if (row == met.end() || row->first != key) {
        if (!expected.removed) return "not met: " + key;
        continue;
      }
      if (!expected.values.contains(row->second)) return key + " never was " + row->second;
      ++row;
    }
    return row == met.end() ? "" : "met out of order, again, or though it was not there: " + row->first;
  }

 private:
  struct Row {
    std::set<std::string> values;
    bool removed = false;
  };
  std::map<std::string, Row> rows_;
};

}  // namespace

TEST_P(EngineConformance, AWalkThatPutsInFrontOfItselfEnds) {
  for (const Direction direction : kBothWays) {
    for (const bool committed : {false, true}) {
      ASSERT_TRUE(a().clear());
      for (const std::string& key : six_keys(direction)) put(a(), key, "1");
      if (committed) {
        commit(a(), 1);
        ASSERT_TRUE(a().flush());
      }
      const auto met = move_rows_along(
          a().range({.from = {}, .to = {}, .direction = direction}).value(), direction, a(),
          [](BytesStore& store, const std::string& key, OptionalBytesView value) { ASSERT_TRUE(store.put(key, value)); });
      EXPECT_EQ(met, six_keys(direction));
      EXPECT_EQ(all(a()).size(), 6U) << "the moved ones";
    }
  }
}

TEST_P(EngineConformance, AWalkMeetsTheKeysOfItsBeginningWhereverItIsPutTo) {
  for (const bool committed : {false, true}) {
    ASSERT_TRUE(a().clear());
    for (const char* key : {"b", "d", "f", "h"}) put(a(), key, "1");
    if (committed) {
      commit(a(), 1);
      ASSERT_TRUE(a().flush());
    }
    put(a(), "c", "uncommitted");
    remove(a(), "f");
    const auto forward = a().range({}).value();
    const auto reverse = a().range({.from = {}, .to = {}, .direction = Direction::kReverse}).value();
    const auto bounded = a().range({.from = "c", .to = "e"}).value();
    forward->next();  // at c
    put(a(), "c", "at the cursor");
    for (const char* key : {"a", "cc", "e", "f", "i"}) put(a(), key, "new");
    remove(a(), "d");
    put(a(), "d", "again");
    EXPECT_EQ(keys_of(*forward), "c d h ");
    EXPECT_EQ(keys_of(*reverse), "h d c b ");
    EXPECT_EQ(keys_of(*bounded), "c d ");
    EXPECT_EQ(keys_of(*a().range({}).value()), "a b c cc d e f h i ");
  }
}

TEST_P(EngineConformance, ACommitDuringAWalkChangesNothingInIt) {
  for (int i = 0; i < 1000; ++i) put(a(), "k" + std::to_string(i), "1");  // enough to be written by another thread
  const auto rows = a().range({}).value();
  for (int i = 0; i < 1000; ++i) put(a(), "k" + std::to_string(i) + "x", "2");
  commit(a(), 1);
  ASSERT_TRUE(a().flush());
  put(a(), "k5y", "3");
  commit(a(), 2);
  int met = 0;
  for (; rows->valid(); rows->next(), ++met) ASSERT_EQ(rows->value(), "1") << rows->key();
  EXPECT_EQ(met, 1000);
}

TEST_P(EngineConformance, AnAbortDuringAWalkBringsNothingNewIntoIt) {
  for (const char* key : {"a", "c", "e"}) put(a(), key, "committed");
  commit(a(), 1);
  put(a(), "b", "uncommitted");
  put(a(), "c", "uncommitted");
  const auto walk = a().range({}).value();
  put(a(), "d", "uncommitted");
  a().abort();
  put(a(), "d", "new");
  EXPECT_THAT(rows(a().range({}).value()),
              ElementsAre(Pair("a", "committed"), Pair("c", "committed"), Pair("d", "new"), Pair("e", "committed")));
  EXPECT_THAT(keys_of(*walk), AnyOf("a c e ", "a b c e "));
}

TEST_P(EngineConformance, AWalkMayOutliveItsStore) {
  for (const char* key : {"a", "b"}) put(a(), key, "1");
  const auto walk = a().range({}).value();
  stores_.clear();
  EXPECT_EQ(walk->key(), "a");
  if (engine_->persistent()) return;
  walk->next();
  EXPECT_FALSE(walk->valid());
}

TEST_P(EngineConformance, AWalkThatPutsUnderACacheEnds) {
  const RecordContext* const current = nullptr;
  for (const Direction direction : kBothWays) {
    for (const std::size_t cache_bytes :
         {std::size_t{300}, std::size_t{100000}}) {  // the first one writes what is put while the walk is under way
      reopen();
      ASSERT_TRUE(a().clear());
      ThreadCache cache(cache_bytes);
      StoreSpec spec;
      spec.name = "a";
      spec.caching = true;
      const auto store = make_state_store(spec, std::move(stores_.front()), nullptr, &cache, current);
      stores_.clear();
      for (const std::string& key : six_keys(direction)) store->put(key, "1", Timestamp(1));
      const auto met = move_rows_along(
          store->range({.from = {}, .to = {}, .direction = direction}), direction, *store,
          [](LayeredStore& into, const std::string& key, OptionalBytesView value) { into.put(key, value, Timestamp(2)); });
      EXPECT_EQ(met, six_keys(direction)) << "cache of " << cache_bytes;
    }
  }
}

TEST_P(EngineConformance, AWalkThatPutsWhereEachPutRemovesARowEnds) {
  const RecordContext* const current = nullptr;
  for (const Direction direction : kBothWays) {
    reopen();
    ASSERT_TRUE(a().clear());
    StoreSpec spec;
    spec.name = "a";
    spec.max_entries = 6;
    const auto store = make_state_store(spec, std::move(stores_.front()), nullptr, nullptr, current);
    stores_.clear();
    for (const std::string& key : six_keys(direction)) store->put(key, "1", Timestamp(1));
    const auto met = move_rows_along(store->range({.from = {}, .to = {}, .direction = direction}), direction, *store,
                                     [](LayeredStore& into, const std::string& key, OptionalBytesView value) {
                                       if (value) into.put(key, value, Timestamp(2));
                                     });
    EXPECT_EQ(met, six_keys(direction)) << "the one just met was the eldest each time";
  }
}

/// Whatever is done meanwhile: a walk meets each key of its beginning once, in order, with a value of then or later; a removed
/// one perhaps; no other.
TEST_P(EngineConformance, AnyWalkMeetsWhatWasThere) {
  const std::uint64_t seeds = engine_->persistent() ? 4 : 100;  // a flush takes its time
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    SeededRandom random(seed);
    const auto key = [&random] { return "key" + std::to_string(100 + random.next() % 200); };
    Expected::Values now;
    Expected::Values committed;
    std::int64_t offset = 0;
    ASSERT_TRUE(a().clear());
    for (int round = 0; round < 30; ++round) {
      const bool aborts = random.next() % 4 == 0;
      const auto change = [&](Expected* expected) {
        const std::string at = key();
        switch (random.next() % 50) {
          case 0:
          case 1:
            commit(a(), ++offset);
            committed = now;
            if (random.next() % 2 == 0) {
              ASSERT_TRUE(a().flush());
            }
            return;
          case 2:
            if (!aborts) return;
            a().abort();
            now = committed;
            if (expected != nullptr) expected->aborted(now);
            return;
          case 3: {
            const std::string to = at + "9";
            ASSERT_TRUE(a().remove_range(at, to));
            if (expected != nullptr) expected->removed(at);
            now.erase(at);
            return;
          }
          default: break;
        }
        if (random.next() % 3 == 0) {
          remove(a(), at);
          now.erase(at);
          if (expected != nullptr) expected->removed(at);
        } else {
          const std::string value = std::to_string(random.next() % 1000000);
          put(a(), at, value);
          now[at] = value;
          if (expected != nullptr) expected->put(at, value);
        }
      };
      for (int i = 0; i < 100; ++i) change(nullptr);
      if (aborts) {  // one that brings back what was removed before the walk may bring it into the walk
        commit(a(), ++offset);
        committed = now;
      }
      const std::string from = key();
      const std::string to = key();
      const Direction direction = kBothWays[random.next() % 2];
      Expected expected(now, from, to);
      Rows met;
      for (auto row = a().range({.from = from, .to = to, .direction = direction}).value(); row->valid(); row->next()) {
        met.emplace_back(row->key(), row->value());
        for (std::uint64_t changes = random.next() % 8; changes > 0; --changes) change(&expected);
      }
      ASSERT_EQ(expected.check(met, direction), "") << "seed " << seed << ", round " << round;
    }
  }
}

}  // namespace tidemill::test
