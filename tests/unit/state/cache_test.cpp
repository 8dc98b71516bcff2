// The record cache's rules one by one; golden vectors judge them together.
#include <utility>

#include <gmock/gmock.h>

#include <tidemill/state/key_value_store.hpp>
#include <tidemill/state/state_engine.hpp>

#include "state/store_stack.hpp"

namespace tidemill::test {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class Changelog final : public ChangelogWriter {
 public:
  void append(const std::string&, BytesView key, OptionalBytesView value, Timestamp timestamp, const Headers&) override {
    written.push_back(Bytes(key) + "=" + (value ? Bytes(*value) : "null") + "@" + std::to_string(timestamp.value));
  }
  std::vector<std::string> written;
};

class CacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<LayeredStore> make(std::size_t bytes_max, StoreKind kind = StoreKind::kKeyValue) {
    if (!cache_) cache_ = std::make_unique<ThreadCache>(bytes_max);
    StoreSpec spec;
    spec.name = "store";
    spec.kind = kind;
    spec.caching = true;
    auto stores = engine_->open("", {&spec, 1}).value();
    return make_state_store(spec, std::move(stores.front()), &changelog_, cache_.get(), current_);
  }
  void listen(LayeredStore& store, bool old_values = false) {
    store.set_flush_listener(
        [this](const CacheFlush& flush) {
          forwarded_.push_back(Bytes(flush.key) + ":" + (flush.old_value ? Bytes(*flush.old_value) : "") + ">" +
                               (flush.new_value ? Bytes(*flush.new_value) : "null"));
        },
        old_values);
  }
  static void put(LayeredStore& store, const std::string& key, const std::string& value, std::int64_t time = 1) {
    store.put(key, BytesView(value), Timestamp(time));
  }
  std::shared_ptr<StateEngine> engine_ = in_memory_stores();
  std::unique_ptr<ThreadCache> cache_;
  Changelog changelog_;
  const RecordContext* current_ = nullptr;
  std::vector<std::string> forwarded_;
};

TEST_F(CacheTest, UpdatesOfAKeyCollapseAndLeaveInTheOrderOfTheirLastUpdate) {
  auto store = make(100000);
  listen(*store);
  put(*store, "a", "1", 1);
  put(*store, "b", "1", 2);
  put(*store, "a", "2", 3);
  EXPECT_TRUE(changelog_.written.empty());
  store->flush_cache();
  EXPECT_THAT(changelog_.written, ElementsAre("b=1@2", "a=2@3"));
  EXPECT_THAT(forwarded_, ElementsAre("b:>1", "a:>2"));
  store->flush_cache();
  EXPECT_EQ(changelog_.written.size(), 2U) << "nothing is written twice";
}

TEST_F(CacheTest, OldValuesAreThoseOfTheStoreAndADeletionOfNothingGoesNowhere) {
  auto store = make(100000);
  listen(*store, true);
  put(*store, "a", "1");
  store->flush_cache();
  put(*store, "a", "2");
  put(*store, "a", "3");
  put(*store, "b", "1");
  store->put("b", std::nullopt, Timestamp(9));
  store->flush_cache();
  EXPECT_THAT(forwarded_, ElementsAre("a:>1", "a:1>3"));
  store->put("a", std::nullopt, Timestamp(10));
  store->flush_cache();
  EXPECT_THAT(forwarded_.back(), "a:3>null");
  EXPECT_EQ(changelog_.written.back(), "a=null@10");
}

TEST_F(CacheTest, WhereNobodyListensEveryDeletionIsWritten) {
  auto store = make(100000);
  store->put("a", std::nullopt, Timestamp(1));
  store->flush_cache();
  EXPECT_THAT(changelog_.written, ElementsAre("a=null@1"));
}

TEST_F(CacheTest, OverBudgetTheLeastRecentlyUsedLeavesAndAllThatIsDirtyIsWrittenBehindIt) {
  auto store = make(200);  // an entry of one letter each costs 47
  listen(*store);
  Bytes value;
  put(*store, "a", "1");
  put(*store, "b", "1");
  put(*store, "c", "1");
  put(*store, "d", "1");
  EXPECT_TRUE(forwarded_.empty());
  EXPECT_TRUE(store->get("a", value));  // used again: b is the oldest now
  put(*store, "e", "1");
  EXPECT_THAT(forwarded_, ElementsAre("b:>1", "a:>1", "c:>1", "d:>1", "e:>1"));
  EXPECT_LE(cache_->size_bytes(), 200U);
  EXPECT_GT(cache_->memory_bytes(), cache_->size_bytes()) << "memory is counted as it is, the budget as Kafka Streams counts";
}

TEST_F(CacheTest, ReadsFillTheCacheAndRangesMergeIt) {
  auto store = make(100000);
  put(*store, "a", "1");
  put(*store, "c", "1");
  store->flush_cache();
  put(*store, "b", "2");
  store->put("c", std::nullopt, Timestamp(1));
  std::vector<std::pair<std::string, std::string>> rows;
  for (auto row = store->range({}); row->valid(); row->next()) rows.emplace_back(row->key(), row->value());
  EXPECT_THAT(rows, ElementsAre(Pair("a", "1"), Pair("b", "2")));
  rows.clear();
  for (auto row = store->range({.from = std::nullopt, .to = std::nullopt, .direction = Direction::kReverse}); row->valid();
       row->next()) {
    rows.emplace_back(row->key(), row->value());
  }
  EXPECT_THAT(rows, ElementsAre(Pair("b", "2"), Pair("a", "1")));
}

TEST_F(CacheTest, RangesFollowWhatComesAndGoes) {
  auto store = make(200);  // four entries
  const auto keys = [&](OptionalBytesView from = std::nullopt, OptionalBytesView to = std::nullopt) {
    std::string found;
    for (auto row = store->range({.from = from, .to = to}); row->valid(); row->next()) found += row->key();
    return found;
  };
  put(*store, "c", "1");
  put(*store, "a", "1");
  EXPECT_EQ(keys(), "ac");
  put(*store, "b", "1");
  EXPECT_EQ(keys("b", "c"), "bc");
  for (const char* key : {"d", "e", "f", "g"}) put(*store, key, "1");  // the first ones are in the store below only
  EXPECT_EQ(keys(), "abcdefg");
  store->put("f", std::nullopt, Timestamp(1));
  EXPECT_EQ(keys("e"), "eg");
  store->flush_cache();
  EXPECT_EQ(keys("e"), "eg");
}

TEST_F(CacheTest, TheOrderOfUpdatesHoldsHoweverOftenAKeyIsUpdated) {
  auto store = make(100000);
  for (int i = 0; i < 10000; ++i) put(*store, std::string(1, static_cast<char>('a' + i % 7 * 3 % 7)), std::to_string(i));
  put(*store, "d", "last");
  store->flush_cache();
  // Each key once, at the place of its last update.
  EXPECT_THAT(changelog_.written,
              ElementsAre("f=9993@1", "b=9994@1", "e=9995@1", "a=9996@1", "g=9998@1", "c=9999@1", "d=last@1"));
}

TEST_F(CacheTest, AnAbortDropsWhatWasNotWritten) {
  auto store = make(100000);
  put(*store, "a", "1");
  store->flush_cache();
  ASSERT_TRUE(store->engine_store().commit({}, {}));
  put(*store, "a", "2");
  store->drop_cache();
  store->engine_store().abort();
  Bytes value;
  ASSERT_TRUE(store->get("a", value));
  EXPECT_EQ(value, "1");
  store->flush_cache();
  EXPECT_EQ(changelog_.written.size(), 1U);
  EXPECT_EQ(cache_->size_bytes(), 1U + 1 + 24 + 21) << "only what was read again";
}

TEST_F(CacheTest, EntriesCarryTheContextOfTheirLastUpdate) {
  auto store = make(100000);
  const TopicPartition in{"in", PartitionId(3)};
  const Headers headers{{"h", "x"}};
  const RecordContext context{.source = &in, .offset = Offset(42), .timestamp = Timestamp(7), .headers = &headers};
  bool told = false;
  store->set_flush_listener(
      [&](const CacheFlush& flush) {
        told = true;
        EXPECT_EQ(*flush.context->source, in);
        EXPECT_EQ(flush.context->offset, Offset(42));
        EXPECT_EQ(*flush.context->headers, headers);
        EXPECT_EQ(flush.context->timestamp, Timestamp(9)) << "the update's own timestamp";
      },
      false);
  current_ = &context;
  put(*store, "a", "1", 9);
  current_ = nullptr;
  store->flush_cache();
  EXPECT_TRUE(told);
}

TEST_F(CacheTest, WhatIsDownstreamMayWriteTheSameKeysWhileTheyAreWritten) {
  auto store = make(100000);
  int rounds = 0;
  store->set_flush_listener(
      [&](const CacheFlush& flush) {
        forwarded_.push_back(Bytes(flush.key) + ">" + Bytes(*flush.new_value));
        if (flush.key == "a" && ++rounds == 1) {
          put(*store, "b", "again");
          put(*store, "c", "new");
        }
      },
      false);
  put(*store, "a", "1");
  put(*store, "b", "1");
  store->flush_cache();
  EXPECT_THAT(forwarded_, ElementsAre("a>1", "b>1"));
  store->flush_cache();
  EXPECT_THAT(forwarded_, ElementsAre("a>1", "b>1", "b>again", "c>new"));
}

TEST_F(CacheTest, AnEntryEvictedWhileAnotherIsWrittenIsStillWrittenExactlyOnce) {
  auto store = make(200);  // room for four entries of 47
  bool evicted = false;
  store->set_flush_listener(
      [&](const CacheFlush& flush) {
        forwarded_.push_back(Bytes(flush.key) + ">" + Bytes(*flush.new_value));
        if (flush.key != "a" || std::exchange(evicted, true)) return;
        // Four more take the places of all that is still to be written.
        for (const char* key : {"w", "x", "y", "z"}) put(*store, key, "1");
      },
      false);
  for (const char* key : {"a", "b", "c", "d"}) put(*store, key, "1");
  store->flush_cache();
  store->flush_cache();
  EXPECT_THAT(forwarded_, ElementsAre("a>1", "b>1", "c>1", "d>1", "w>1", "x>1", "y>1", "z>1"));
  EXPECT_THAT(changelog_.written, ElementsAre("a=1@1", "b=1@1", "c=1@1", "d=1@1", "w=1@1", "x=1@1", "y=1@1", "z=1@1"));
  Bytes value;
  for (const char* key : {"a", "b", "c", "d", "w", "x", "y", "z"})
    EXPECT_TRUE(store->engine_store().get(key, value).value()) << key;
}

TEST_F(CacheTest, WhatIsNotWrittenBecauseSomebodyDownstreamThrewIsWrittenLater) {
  auto store = make(100000);
  int fails = 1;
  store->set_flush_listener(
      [&](const CacheFlush& flush) {
        if (flush.key == "b" && fails-- > 0) throw std::runtime_error("not now");
        forwarded_.emplace_back(flush.key);
      },
      false);
  put(*store, "a", "1");
  put(*store, "b", "1");
  put(*store, "c", "1", 7);
  put(*store, "d", "1");
  EXPECT_THROW(store->flush_cache(), std::runtime_error);
  EXPECT_TRUE(store->cache_dirty());
  put(*store, "d", "2");
  store->flush_cache();
  EXPECT_FALSE(store->cache_dirty());
  EXPECT_THAT(forwarded_, ElementsAre("a", "c", "d"));
  EXPECT_THAT(changelog_.written, ElementsAre("a=1@1", "b=1@1", "c=1@7", "d=2@1"));
}

TEST_F(CacheTest, ALookFromOutsideWritesNothing) {
  auto store = make(300);
  listen(*store);
  for (int i = 0; i < 100; ++i) store->engine_store().put("k" + std::to_string(i), BytesView("below")).value();
  put(*store, "new", "1");
  Bytes value;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(store->look("k" + std::to_string(i), value));
  EXPECT_TRUE(store->look("new", value));
  EXPECT_EQ(value, "1");
  EXPECT_FALSE(store->look("unknown", value));
  EXPECT_TRUE(forwarded_.empty());
  EXPECT_TRUE(store->cache_dirty());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(store->get("k" + std::to_string(i), value));
  EXPECT_THAT(forwarded_, ElementsAre("new:>1")) << "the task's own reads do make room";
}

TEST_F(CacheTest, TheChangelogOfATimestampedStoreHasPlainValues) {
  auto store = make(100000, StoreKind::kTimestampedKeyValue);
  store->put("a", BytesView("\0\0\0\0\0\0\0\x05value", 13), Timestamp(1));
  store->flush_cache();
  EXPECT_THAT(changelog_.written, ElementsAre("a=value@5"));
}

/// Remembers up to where it was last asked for a range.
class AskedFor final : public StateStore {
 public:
  explicit AskedFor(StateStore& below) : below_(below) {}
  const StoreSpec& spec() const override { return below_.spec(); }
  bool get(BytesView key, Bytes& value) override { return below_.get(key, value); }
  void put(BytesView key, OptionalBytesView value, Timestamp timestamp) override { below_.put(key, value, timestamp); }
  std::unique_ptr<BytesIterator> range(const BytesRange& range) override {
    to = to_owned(range.to);
    return below_.range(range);
  }
  std::uint64_t approximate_num_entries() override { return below_.approximate_num_entries(); }
  bool set_flush_listener(CacheFlushListener, bool) override { return false; }
  void flush_cache() override {}
  OptionalBytes to;

 private:
  StateStore& below_;
};

TEST_F(CacheTest, APrefixScanAsksForNothingBehindThePrefix) {
  const auto store = make(100000);
  AskedFor asked(*store);
  for (const char* key : {"a", "aa", "ab", "ab\xff", "ac", "b", "\xff\xff", "\xff\xff\x01"}) put(*store, key, "1");
  const auto scan = [&](BytesView prefix) {
    std::vector<std::string> keys;
    for (const auto rows = prefix_scan(asked, prefix); rows->valid(); rows->next()) keys.emplace_back(rows->key());
    return keys;
  };
  EXPECT_THAT(scan("ab"), ElementsAre("ab", "ab\xff"));
  EXPECT_EQ(asked.to, "ac");
  EXPECT_THAT(scan("ab\xff"), ElementsAre("ab\xff"));
  EXPECT_EQ(asked.to, "ac");
  EXPECT_THAT(scan("\xff\xff"), ElementsAre("\xff\xff", "\xff\xff\x01"));
  EXPECT_EQ(asked.to, std::nullopt) << "no key is behind all of these";
  EXPECT_EQ(scan("").size(), 8U);
}

TEST_F(CacheTest, OneThatWasCutLetsGoOfTheLeastRecentlyUsedThatHasBeenWritten) {
  auto one = make(100000);
  auto other = make(100000);
  for (const char* key : {"a", "b", "c", "d"}) put(*one, key, "1");
  for (const char* key : {"a", "b"}) put(*other, key, "1");
  const std::size_t entry = cache_->size_bytes() / 6;
  cache_->resize(3 * entry);
  cache_->drop_what_is_too_much();
  EXPECT_EQ(cache_->size_bytes(), 6 * entry) << "nothing has been written";
  one->flush_cache();
  other->flush_cache();
  cache_->drop_what_is_too_much();
  EXPECT_EQ(cache_->size_bytes(), 3 * entry);
  Bytes value;
  for (LayeredStore* store : {one.get(), other.get()}) {
    EXPECT_TRUE(store->get("a", value));
    EXPECT_EQ(value, "1");
  }
}

}  // namespace
}  // namespace tidemill::test
