#include <memory>
#include <optional>

#include "floor/count_bytes.hpp"
#include "floor/loops.hpp"
#include "floor/raw_rocksdb.hpp"
#include "floor/writer.hpp"

namespace tidemill_bench {

Sample floor_count_rocksdb(const FloorInput& input, const FloorOptions& options) {
  std::optional<FloorJournal> journal;
  if (options.journal) journal.emplace(options.directory);
  FloorWriter out(options.directory + "/floor.out", journal ? &*journal : nullptr);
  FloorWriter changelog(options.directory + "/floor.changelog", journal ? &*journal : nullptr);
  RawRocksDb db(options.directory + "/floor.rocksdb");

  FloorMeter meter(options.warm_up);
  for (const std::string& batch : input.batches) {
    std::uint64_t records = 0;
    for (FloorReader reader(batch); reader.next(); ++records) {
      const std::int64_t count = db.count(reader.key(), reader.timestamp());
      changelog.add(reader.timestamp(), reader.key(), CountBytes(count).view());
      out.add(reader.timestamp(), reader.key(), CountBytes(count).view());
    }
    meter.processed(records);
  }
  changelog.flush();
  out.flush();
  db.close();
  return meter.end();
}

}  // namespace tidemill_bench
