// A store of a bounded number of keys: which one goes, what the changelog is told, and what an abort and a restore bring back.
#include <gmock/gmock.h>

#include <tidemill/state/state_engine.hpp>
#include <tidemill/state/stores.hpp>

#include "state/open_store.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;

class Changelog final : public ChangelogWriter {
 public:
  void append(const std::string&, BytesView key, OptionalBytesView value, Timestamp timestamp, const Headers&) override {
    written.push_back(Bytes(key) + "=" + (value ? Bytes(*value) : "null") + "@" + std::to_string(timestamp.value));
  }
  std::vector<std::string> written;
};

class LruTest : public ::testing::Test {
 protected:
  std::unique_ptr<LayeredStore> make(std::size_t entries, StoreOptions options = {}) {
    StoreSpec spec = Stores::lru_map("lru", entries, std::move(options));
    auto engines = engine_->open("", {&spec, 1}).value();
    return open_store(
        {.spec = std::move(spec), .engine = std::move(engines.front()), .changelog = &changelog_, .cache = &cache_}, current_);
  }
  static void put(LayeredStore& store, const std::string& key, std::int64_t time) {
    store.put(key, BytesView("1"), Timestamp(time));
  }
  static bool get(LayeredStore& store, const std::string& key) {
    Bytes value;
    return store.get(key, value);
  }
  static std::string keys(LayeredStore& store) {
    std::string keys;
    for (const auto row = store.range({}); row->valid(); row->next()) keys += row->key();
    return keys;
  }
  std::shared_ptr<StateEngine> engine_ = in_memory_stores();
  ThreadCache cache_{100000};
  Changelog changelog_;
  const RecordContext* current_ = nullptr;
};

TEST_F(LruTest, EvictsTheKeyUsedLongestAgoWithATombstoneBeforeThePut) {
  auto store = make(2);
  put(*store, "a", 1);
  put(*store, "b", 2);
  EXPECT_TRUE(get(*store, "a"));
  put(*store, "c", 3);
  EXPECT_EQ(keys(*store), "ac");
  EXPECT_THAT(changelog_.written, ElementsAre("a=1@1", "b=1@2", "b=null@3", "c=1@3"));
}

TEST_F(LruTest, NeitherAWalkNorAVainLookUpIsAUse) {
  auto store = make(2);
  put(*store, "a", 1);
  put(*store, "b", 2);
  EXPECT_EQ(keys(*store), "ab");
  EXPECT_FALSE(get(*store, "z"));
  put(*store, "c", 3);
  EXPECT_EQ(keys(*store), "bc");
}

TEST_F(LruTest, ADeletionMakesRoom) {
  auto store = make(2);
  put(*store, "a", 1);
  put(*store, "b", 2);
  store->put("a", std::nullopt, Timestamp(3));
  put(*store, "c", 4);
  EXPECT_EQ(keys(*store), "bc");
  store->put("nothing", std::nullopt, Timestamp(5));
  EXPECT_THAT(changelog_.written, ElementsAre("a=1@1", "b=1@2", "a=null@3", "c=1@4", "nothing=null@5"));
}

TEST_F(LruTest, AnAbortGivesBackTheOrderOfUseToo) {
  auto store = make(2);
  put(*store, "a", 1);
  put(*store, "b", 2);
  ASSERT_TRUE(store->engine_store().commit({}, {}));
  EXPECT_TRUE(get(*store, "a"));
  put(*store, "c", 3);  // evicts b
  put(*store, "d", 4);  // and then a
  store->drop_cache();
  store->engine_store().abort();
  EXPECT_EQ(keys(*store), "ab");
  put(*store, "e", 5);
  EXPECT_EQ(keys(*store), "be");
}

TEST_F(LruTest, IsRestoredInTheOrderOfThePuts) {
  auto store = make(2);
  const auto restored = [&](BytesView key, OptionalBytesView value) {
    const ChangelogRecord record{key, value, Timestamp(1)};
    ASSERT_TRUE(store->restore({&record, 1}, {}));
  };
  restored("a", "1");
  restored("b", "1");
  restored("a", "2");
  put(*store, "c", 3);
  EXPECT_EQ(keys(*store), "ac");
}

TEST_F(LruTest, WhatIsTooMuchForASmallerStoreIsNotRestored) {
  auto store = make(1);
  const std::vector<ChangelogRecord> records{{"a", "1", Timestamp(1)}, {"b", "1", Timestamp(2)}};
  ASSERT_TRUE(store->restore(records, {}));
  EXPECT_EQ(keys(*store), "b");
  EXPECT_TRUE(changelog_.written.empty());
}

TEST_F(LruTest, WhatIsPutOnceMoreIsRestoredAlthoughASmallerStoreHadEvictedIt) {
  auto store = make(2);
  const std::vector<ChangelogRecord> records{{"a", "1", Timestamp(1)},
                                             {"b", "1", Timestamp(2)},
                                             {"c", "1", Timestamp(3)},
                                             {"d", "1", Timestamp(4)},
                                             {"a", "2", Timestamp(5)}};
  ASSERT_TRUE(store->restore(records, {}));
  EXPECT_EQ(keys(*store), "ad");
  put(*store, "e", 6);
  EXPECT_EQ(keys(*store), "ae");
}

TEST_F(LruTest, IsBelowTheCache) {
  auto store = make(1, {.caching = true});
  put(*store, "a", 1);
  put(*store, "b", 2);
  EXPECT_EQ(keys(*store), "ab");  // not written yet
  store->flush_cache();
  EXPECT_THAT(changelog_.written, ElementsAre("a=1@1", "a=null@2", "b=1@2"));
}

TEST_F(LruTest, KeepsAtLeastOneEntry) { EXPECT_THROW((void)Stores::lru_map("lru", 0), std::invalid_argument); }

}  // namespace
}  // namespace tidemill::test
