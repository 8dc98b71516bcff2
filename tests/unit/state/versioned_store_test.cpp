// The versioned store over every engine, against plain lists of versions: what puts answer, what is found as of any time of the
// history, across commits, aborts and restarts; and that a put costs no more where a key has many versions.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include <gmock/gmock.h>

#include <tidemill/base/random.hpp>
#include <tidemill/state/versioned_bytes.hpp>

#include "engines.hpp"
#include "state/open_store.hpp"

namespace tidemill::test {
namespace {

struct Version {
  std::int64_t from;
  std::optional<std::string> value;
};
/// Of a key, newest first, as long as there is a store.
struct Versions {
  std::vector<Version> list;
  bool ended = false;  // something is known to end where the newest version begins

  std::int64_t put(std::int64_t from, const std::optional<std::string>& value) {
    const auto at = std::find_if(list.begin(), list.end(), [&](const Version& v) { return v.from <= from; });
    const std::int64_t answer = at == list.begin() ? VersionedBytesStore::kLatest : std::prev(at)->from;
    const bool replaces = at != list.end() && at->from == from;
    if (at == list.begin() && replaces && at->value && !value && !ended) {
      list.erase(at);
      ended = list.size() > 1 && list[1].value;
      return answer;
    }
    if (at == list.begin()) {
      ended = replaces ? ended || !at->value : at != list.end() && at->value;
    } else if (at - list.begin() == 1) {
      ended = true;
    }
    if (replaces) {
      at->value = value;
    } else {
      list.insert(at, {from, value});
    }
    return answer;
  }
  /// value@from-to
  [[nodiscard]] std::string as_of(std::int64_t time) const {
    std::int64_t to = -1;
    for (const Version& version : list) {
      if (version.from <= time) return version.value ? text(*version.value, version.from, to) : "";
      to = version.from;
    }
    return "";
  }
  [[nodiscard]] std::string between(std::int64_t from, std::int64_t to) const {
    std::string all;
    std::int64_t next = -1;
    for (const Version& version : list) {
      if (version.value && version.from <= to && (next == -1 || next > from)) all += text(*version.value, version.from, next);
      next = version.from;
    }
    return all;
  }
  static std::string text(const std::string& value, std::int64_t from, std::int64_t to) {
    return value + "@" + std::to_string(from) + "-" + std::to_string(to) + " ";
  }
};

class VersionedStores : public ::testing::TestWithParam<EngineUnderTest> {
 protected:
  VersionedStores() : directory_(::testing::TempDir() + "tidemill-versioned-" + random_uuid(system_random())) {
    spec_.name = "versions";
    spec_.kind = StoreKind::kVersionedKeyValue;
    spec_.engine = StoreEngineKind::kPersistent;
    spec_.logging = false;
    spec_.retention = std::chrono::hours(1);
  }
  ~VersionedStores() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open() {
    store_.reset();
    if (!engine_ || !engine_->persistent()) engine_ = GetParam().make();
    store_ = open_store({.spec = spec_, .engine = std::move(engine_->open(directory_, {&spec_, 1}).value().front())}, current_);
  }
  VersionedBytesStore& versioned() { return *store_->versioned(); }
  std::int64_t put(const std::string& key, std::int64_t from, const std::optional<std::string>& value) {
    return versioned().put_version(key, value ? OptionalBytesView(*value) : std::nullopt, Timestamp(from));
  }
  void commit() {
    store_->engine_store().commit({.offset = Offset(++offset_), .epoch = LeaderEpoch(1)}, {}).value();
    store_->committed();
  }
  void abort() {
    store_->drop_cache();
    store_->engine_store().abort();
  }
  static std::string text(const std::optional<VersionedBytesStore::Found>& found) {
    return found ? Versions::text(found->value, found->valid_from.value, found->valid_to.value) : "";
  }
  std::string between(const std::string& key, std::int64_t from, std::int64_t to) {
    std::string all;
    for (const auto& found : store_->versions(key, Timestamp(from), Timestamp(to))) all += text(found);
    return all;
  }
  std::size_t rows() {
    std::size_t count = 0;
    for (auto row = store_->engine_store().range({}).value(); row->valid(); row->next()) ++count;
    return count;
  }

  StoreSpec spec_;
  std::string directory_;
  std::shared_ptr<StateEngine> engine_;
  std::unique_ptr<LayeredStore> store_;
  const RecordContext* current_ = nullptr;
  std::int64_t offset_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Engines, VersionedStores, ::testing::ValuesIn(engines()), engine_name);

TEST_P(VersionedStores, FindWhatPlainListsHave) {
  // With the long history nothing is too old; of the short one there are many segments, and most are gone at the end.
  for (const std::int64_t history : {3'600'000, 20'000}) {
    SCOPED_TRACE(history);
    spec_.name = "versions" + std::to_string(history);
    spec_.retention = std::chrono::milliseconds(history);
    engine_.reset();
    std::filesystem::remove_all(directory_);
    open();
    SeededRandom random(static_cast<std::uint64_t>(history));
    std::map<std::string, Versions> now;
    auto committed = now;
    std::int64_t observed = -1;
    std::int64_t committed_observed = -1;
    std::int64_t newest = 0;
    for (int step = 0; step < 3000; ++step) {
      // Keys that begin with each other; times that meet often, and move on.
      const std::string key(1 + random.next() % 3, static_cast<char>('a' + random.next() % 2));
      newest += static_cast<std::int64_t>(random.next() % 100);
      const std::int64_t time =
          std::max<std::int64_t>(0, (newest - static_cast<std::int64_t>(random.next() % 25'000)) / 500 * 500);
      switch (random.next() % 20) {
        case 0:
          commit();
          committed = now;
          committed_observed = observed;
          break;
        case 1:
          abort();
          now = committed;
          observed = committed_observed;
          break;
        default: {
          std::optional<std::string> value;
          if (random.next() % 3 != 0) value = std::to_string(step);
          const bool late = time < observed - history;
          observed = std::max(observed, time);
          const std::int64_t answer = put(key, time, value);
          ASSERT_EQ(answer, late ? VersionedBytesStore::kNotPut : now[key].put(time, value)) << "step " << step;
        }
      }
      const std::int64_t from = std::max(time, observed - history);
      const std::string of(1 + random.next() % 3, static_cast<char>('a' + random.next() % 2));
      ASSERT_EQ(text(versioned().latest(of)), now[of].as_of(INT64_MAX)) << "step " << step;
      ASSERT_EQ(text(versioned().as_of(of, Timestamp(from))), now[of].as_of(from)) << "step " << step;
      const std::int64_t to = from + static_cast<std::int64_t>(random.next() % 5000);
      ASSERT_EQ(between(of, from, to), now[of].between(from, to)) << "step " << step;
    }
    const std::size_t all = rows();
    if (history == 20'000) {
      EXPECT_LT(all, 6U * 70U) << "there were versions of 300 times";
    }
    if (!engine_->persistent()) continue;
    commit();
    store_->engine_store().flush().value();
    open();
    EXPECT_EQ(rows(), all);
    for (const auto& [key, versions] : now) {
      EXPECT_EQ(text(versioned().latest(key)), versions.as_of(INT64_MAX));
      const std::int64_t time = observed - history;
      EXPECT_EQ(text(versioned().as_of(key, Timestamp(time))), versions.as_of(time));
      EXPECT_EQ(between(key, time, INT64_MAX), versions.between(time, INT64_MAX));
      EXPECT_EQ(text(versioned().as_of(key, Timestamp(0))), history == 20'000 ? "" : versions.as_of(0))
          << "gone with its segment";
    }
  }
}

/// java/JavaVersions.java made the file.
TEST_P(VersionedStores, AnswerAsJavas) {
  spec_.retention = std::chrono::seconds(5);
  open();
  const auto shown = [](const std::optional<VersionedBytesStore::Found>& found) {
    return found ? found->value + "@" + std::to_string(found->valid_from.value) : "-";
  };
  std::ifstream file(std::filesystem::path(TIDEMILL_JAVA) / "versions.txt");
  std::int64_t lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    SCOPED_TRACE("line " + std::to_string(lines + 1) + ": " + line);
    std::istringstream words(line);
    std::string key, value, asked, latest, as_of, all;
    std::int64_t time = 0, answer = 0, from = 0;
    words >> key >> time >> value >> answer >> asked >> from >> latest >> as_of;
    ASSERT_TRUE(words);
    ASSERT_EQ(put(key, time, value == "-" ? std::nullopt : std::optional(value)), answer);
    ASSERT_EQ(shown(versioned().latest(asked)), latest);
    ASSERT_EQ(shown(versioned().as_of(asked, Timestamp(from))), as_of);
    if (words >> all) {
      std::string ours = "[";
      for (const auto& found : store_->versions(asked, Timestamp(from), Timestamp(INT64_MAX))) {
        ours += shown(found) + "-" + std::to_string(found.valid_to.value) + ",";
      }
      ASSERT_EQ(ours + "]", all);
    }
    if (lines % 37 == 0) commit();
  }
  EXPECT_EQ(lines, 1000);
}

TEST_P(VersionedStores, AVersionIsFoundWhereItsNextOneBeginsManySegmentsLater) {
  open();
  put("k", 50, "one");
  put("k", 3'000'000, "two");
  EXPECT_EQ(between("k", 60, 100), "one@50-3000000 ");
  EXPECT_EQ(text(versioned().as_of("k", Timestamp(60))), "one@50-3000000 ");
}

TEST_P(VersionedStores, APutWritesNoMoreWhereAKeyHasManyVersions) {
  open();
  const auto written = [&](std::int64_t from) {
    const std::size_t before = store_->engine_store().uncommitted_bytes();
    put("k", from, std::string(40, 'v'));
    return store_->engine_store().uncommitted_bytes() - before;
  };
  const auto settle = [&] {
    commit();
    store_->engine_store().flush().value();
  };
  for (std::int64_t from = 0; from < 10; ++from) (void)written(from * 100);
  settle();
  const std::size_t of_few = written(1000);
  for (std::int64_t from = 11; from < 2000; ++from) (void)written(from * 100);
  settle();
  EXPECT_LE(written(200'000), of_few);
}

TEST_P(VersionedStores, ADeletedKeyGoesWithAllOfItsRowsWhenTheHistoryHasPassedIt) {
  open();
  for (std::int64_t from = 0; from < 10; ++from) put("gone", from, "v");
  put("gone", 10, std::nullopt);
  put("stays", 10, "v");
  EXPECT_GT(rows(), 10U);
  put("stays", 2 * 3'600'000, "w");
  EXPECT_EQ(rows(), 3U) << "the latest version of one key, the one before it, and how long segments are";
}

TEST_P(VersionedStores, FindWhatWasPutWhenTheirHistoryWasAnother) {
  open();
  put("k", 0, "taken back, with all that the first put wrote");
  abort();
  for (std::int64_t from = 1; from <= 100; ++from) put("k", from * 60'000, std::to_string(from));
  commit();
  store_->engine_store().flush().value();
  if (!engine_->persistent()) return;
  for (const std::int64_t minutes : {6000, 1, 120}) {
    spec_.retention = std::chrono::minutes(minutes);
    open();
    put("k", 50 * 60'000 + minutes, "late");  // nothing is late for who has just begun
    put("k", 101 * 60'000, "last");
    const std::int64_t oldest = std::max<std::int64_t>(101 - minutes, 60) * 60'000;
    for (std::int64_t from = oldest; from < 101 * 60'000; from += 60'000) {
      EXPECT_EQ(text(versioned().as_of("k", Timestamp(from + 1))),
                Versions::text(std::to_string(from / 60'000), from, from + 60'000));
    }
    EXPECT_EQ(text(versioned().latest("k")), Versions::text("last", 101 * 60'000, -1));
  }
}

}  // namespace
}  // namespace tidemill::test
