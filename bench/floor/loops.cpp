#include "floor/loops.hpp"

#include <memory>
#include <optional>

#include "floor/batch.hpp"
#include "floor/count_bytes.hpp"
#include "floor/text_map.hpp"
#include "floor/writer.hpp"

namespace tidemill_bench {
FloorInput make_floor_input(const RecordSet& set) {
  FloorInput input;
  FloorBatch batch;
  RecordGenerator records(set);
  const auto seal = [&] {
    input.batches.emplace_back(batch.seal());
    batch.clear();
  };
  while (!records.done()) {
    records.next();
    batch.add(records.timestamp(), records.key(), records.value());
    ++input.records;
    if (batch.full()) seal();
  }
  if (!batch.empty()) seal();
  return input;
}

Sample floor_copy(const FloorInput& input, const FloorOptions& options, int hops) {
  std::optional<FloorJournal> journal;
  if (options.journal) journal.emplace(options.directory);
  const auto copy = [](std::string_view batch, FloorWriter& to) {
    std::uint64_t records = 0;
    for (FloorReader reader(batch); reader.next(); ++records) {
      if (reader.value().front() != 'z') to.add(reader.timestamp(), reader.key(), reader.value());
    }
    return records;
  };
  std::vector<std::unique_ptr<FloorWriter>> writers;  // the last hop first
  for (int hop = hops; hop > 0; --hop) {
    FloorWriter* const next = writers.empty() ? nullptr : writers.back().get();
    std::function<void(std::string_view)> hand_on;
    if (next != nullptr) hand_on = [&copy, next](std::string_view sealed) { copy(sealed, *next); };
    writers.push_back(std::make_unique<FloorWriter>(options.directory + "/floor.out" + std::to_string(hop),
                                                    journal ? &*journal : nullptr, std::move(hand_on)));
  }
  FloorMeter meter(options.warm_up);
  for (const std::string& batch : input.batches) meter.processed(copy(batch, *writers.back()));
  for (auto writer = writers.rbegin(); writer != writers.rend(); ++writer) (*writer)->flush();
  return meter.end();
}

Sample floor_count(const FloorInput& input, const FloorOptions& options) {
  std::optional<FloorJournal> journal;
  if (options.journal) journal.emplace(options.directory);
  FloorWriter out(options.directory + "/floor.out", journal ? &*journal : nullptr);
  FloorWriter changelog(options.directory + "/floor.changelog", journal ? &*journal : nullptr);
  TextMap<std::int64_t> counts;
  counts.reserve(options.keys);
  FloorMeter meter(options.warm_up);
  for (const std::string& batch : input.batches) {
    std::uint64_t records = 0;
    for (FloorReader reader(batch); reader.next(); ++records) {
      auto found = counts.find(reader.key());
      if (found == counts.end()) found = counts.emplace(std::string(reader.key()), 0).first;
      const CountBytes count(++found->second);
      changelog.add(reader.timestamp(), reader.key(), count.view());
      out.add(reader.timestamp(), reader.key(), count.view());
    }
    meter.processed(records);
  }
  changelog.flush();
  out.flush();
  return meter.end();
}

}  // namespace tidemill_bench
