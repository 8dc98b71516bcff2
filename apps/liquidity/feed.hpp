// Brings inputs into the chain's topics: reference data once, transactions exactly once (the position in the file is committed
// with the records), and single transactions from outside.
#pragma once

#include <tidemill/base/clock.hpp>
#include <tidemill/base/headers.hpp>
#include <tidemill/log/log.hpp>

#include <functional>
#include <memory>
#include <string>

#include "liquidity/formats.hpp"

namespace liquidity {

/// What was read of a topic, in the order of partition and offset, committed records only.
struct TopicRecord {
  tidemill::PartitionId partition;
  tidemill::Offset offset;
  tidemill::Timestamp timestamp;
  tidemill::OptionalBytes key;
  tidemill::OptionalBytes value;
  tidemill::Headers headers;
};
void read_topic(tidemill::Log& log, const std::string& topic, const std::function<void(TopicRecord&&)>& each);

/// Creates the input topics if they are missing.
void create_topics(tidemill::Log& log);

/// Owns the chain's input side. Used by one thread. Members throw BadInput for bad files, ResultException for the log.
class Feed {
 public:
  explicit Feed(std::shared_ptr<tidemill::Log> log);
  ~Feed();
  void add(const Account& account);
  void add(const Limit& limit);
  void add(const Transaction& transaction);
  /// Raw, as a user sent it: validation is the topology's.
  void add_raw_transaction(const std::string& key, const std::string& json, std::int64_t time_ms);
  /// Everything added so far is in the log for good, together with the mark under `name` (0: no mark).
  void commit(const std::string& name = {}, std::int64_t mark = 0);
  [[nodiscard]] std::int64_t mark(const std::string& name);

  /// accounts.ndjson and limits.ndjson of the directory, unless these very records are in the topics already.
  void load_reference_data(const std::string& directory);
  /// transactions.ndjson from where the last call stood; returns the number of lines fed. `progress(bytes, of)`.
  std::int64_t load_transactions(const std::string& directory,
                                 const std::function<void(std::int64_t, std::int64_t)>& progress);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace liquidity
