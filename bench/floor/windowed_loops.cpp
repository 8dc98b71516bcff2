// The loops that know time. Input comes in order of time, so a key has one open window and one open session.
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "floor/batch.hpp"
#include "floor/count_bytes.hpp"
#include "floor/loops.hpp"
#include "floor/raw_rocksdb.hpp"
#include "floor/text_map.hpp"
#include "floor/writer.hpp"

namespace tidemill_bench {
namespace {

/// The files of one run and the loop over its input; `work` gets each record.
class Run {
 public:
  Run(const FloorInput& input, const FloorOptions& options)
      : input_(input),
        journal_(options.journal ? std::make_unique<FloorJournal>(options.directory) : nullptr),
        out(options.directory + "/floor.out", journal_.get()),
        changelog(options.directory + "/floor.changelog", journal_.get()),
        meter_(options.warm_up) {}
  template <class Work>
  Sample over_all(Work work) {
    for (const std::string& batch : input_.batches) {
      std::uint64_t records = 0;
      for (FloorReader reader(batch); reader.next(); ++records) work(reader);
      meter_.processed(records);
    }
    changelog.flush();
    out.flush();
    return meter_.end();
  }

 private:
  const FloorInput& input_;
  std::unique_ptr<FloorJournal> journal_;

 public:
  FloorWriter out;
  FloorWriter changelog;

 private:
  FloorMeter meter_;
};

/// A key with numbers behind it, made in the same memory each time.
class LongKey {
 public:
  std::string_view with(std::string_view key, std::int64_t number) {
    text_.assign(key);
    text_.append(CountBytes(number).view());
    return text_;
  }
  std::string_view with(std::string_view key, std::int64_t first, std::int64_t second) {
    (void)with(key, first);
    text_.append(CountBytes(second).view());
    return text_;
  }

 private:
  std::string text_;
};

std::int64_t window_of(std::int64_t timestamp) { return timestamp - timestamp % kWindowSize; }

}  // namespace

Sample floor_windowed_count(const FloorInput& input, const FloorOptions& options) {
  Run run(input, options);
  TextMap<std::int64_t> counts;
  LongKey long_key;
  return run.over_all([&](const FloorReader& reader) {
    const std::string_view key = long_key.with(reader.key(), window_of(reader.timestamp()));
    auto found = counts.find(key);
    if (found == counts.end()) found = counts.emplace(std::string(key), 0).first;
    const CountBytes count(++found->second);
    run.changelog.add(reader.timestamp(), key, count.view());
    run.out.add(reader.timestamp(), key, count.view());
  });
}

Sample floor_windowed_count_rocksdb(const FloorInput& input, const FloorOptions& options) {
  Run run(input, options);
  RawRocksDb db(options.directory + "/floor.rocksdb");
  LongKey long_key;
  const Sample sample = run.over_all([&](const FloorReader& reader) {
    const std::string_view key = long_key.with(reader.key(), window_of(reader.timestamp()));
    const CountBytes count(db.count(key, reader.timestamp()));
    run.changelog.add(reader.timestamp(), key, count.view());
    run.out.add(reader.timestamp(), key, count.view());
  });
  db.close();
  return sample;
}

Sample floor_session_count(const FloorInput& input, const FloorOptions& options) {
  struct Session {
    std::int64_t start = 0;
    std::int64_t end = 0;
    std::int64_t count = 0;
  };
  Run run(input, options);
  TextMap<Session> sessions;
  sessions.reserve(options.keys);
  LongKey long_key;
  return run.over_all([&](const FloorReader& reader) {
    const std::int64_t now = reader.timestamp();
    auto found = sessions.find(reader.key());
    if (found == sessions.end()) found = sessions.emplace(std::string(reader.key()), Session{}).first;
    Session& session = found->second;
    if (session.count > 0 && now - session.end <= kSessionGap) {
      const std::string_view before = long_key.with(reader.key(), session.end, session.start);
      run.changelog.add(now, before, {});
      run.out.add(now, before, {});
    } else {
      session = {now, now, 0};
    }
    session.end = now;
    const CountBytes count(++session.count);
    const std::string_view after = long_key.with(reader.key(), session.end, session.start);
    run.changelog.add(now, after, count.view());
    run.out.add(now, after, count.view());
  });
}

Sample floor_join_of_streams(const FloorInput& input, const FloorOptions& options) {
  struct Value {
    std::int64_t timestamp = 0;
    std::string bytes;
  };
  struct Sides {
    std::deque<Value> side[2];
  };
  Run run(input, options);
  TextMap<std::unique_ptr<Sides>> keys;
  keys.reserve(options.keys);
  LongKey long_key;
  return run.over_all([&](const FloorReader& reader) {
    const std::int64_t now = reader.timestamp();
    auto found = keys.find(reader.key());
    if (found == keys.end()) found = keys.emplace(std::string(reader.key()), std::make_unique<Sides>()).first;
    const bool left = on_the_left(reader.value());
    std::deque<Value>& own = found->second->side[left ? 0 : 1];
    std::deque<Value>& other = found->second->side[left ? 1 : 0];
    while (!other.empty() && now - other.front().timestamp > kJoinWindow) other.pop_front();
    own.push_back({now, std::string(reader.value())});
    run.changelog.add(now, long_key.with(reader.key(), now), reader.value());
    for (const Value& match : other) run.out.add(now, reader.key(), left ? reader.value() : std::string_view(match.bytes));
  });
}

}  // namespace tidemill_bench
