// What a directory of input files holds, brought into the chain's topics.
//
// Reference data (accounts.ndjson, limits.ndjson) goes in whole or not at all, and only where it is news.
// transactions.ndjson goes in exactly once: how far it has been read is committed with the records, with a trail of
// checksums over all that was read (trail.hpp). A file that has only grown is read on from where it ended, another file
// from its beginning. A file that was changed in what had been read is read again from the change on, and the operator
// hears of it; lines that were taken or refused before are then passed over. Lines that are no transactions go in, too:
// the chain refuses them, with the reason, to its dead letters.
#pragma once

#include <tidemill/log/log.hpp>

#include <cstdint>
#include <functional>
#include <string>

#include "liquidity/formats.hpp"
#include "liquidity/seen.hpp"

namespace liquidity {

/// Says something to the operator.
using Tell = std::function<void(const std::string&)>;

/// accounts.ndjson and limits.ndjson. BadInput names every line that is wrong (the first kMessagesMax of them), and then
/// nothing has been taken: a line that is no account, an account that changes its client or currency. Tells which floors
/// have changed, and what was taken before and is in no line any more.
void load_reference_data(tidemill::Log& log, const std::string& directory, const Tell& tell = nullptr);
/// The same checks for a whole set that is at hand.
void load_reference_data(tidemill::Log& log, const std::vector<Account>& accounts, const std::vector<Limit>& limits);

struct FileSummary {
  std::int64_t lines = 0;          // taken by this call, empty ones not counted
  std::int64_t malformed = 0;      // of them, in the dead letters soon
  std::int64_t before = 0;         // taken by earlier calls
  std::int64_t known = 0;          // read again, taken or refused by earlier calls; not in `lines`
  std::int64_t contradicting = 0;  // of the known ones: with another content than was taken
  bool half_written = false;       // the last line has no end and is no transaction yet: left for the next time
};
/// What is in the log for good.
struct FileProgress {
  std::int64_t bytes = 0;  // of the file
  std::int64_t size = 0;
  FileSummary so_far = {};
};
/// What the chain has made of earlier lines; asked where lines are read again. Without it they all go in again, and
/// the chain ignores what it knows.
struct Judged {
  std::function<void()> settle;  // waits until the chain has judged what it was given
  SeenLookup seen;
};
/// Ends early when `progress` (called after each commit) answers false. Throws BadInput for a file that cannot be read.
[[nodiscard]] FileSummary load_transactions(tidemill::Log& log, const std::string& directory, const Tell& tell,
                                            const std::function<bool(const FileProgress&)>& progress,
                                            const Judged& judged = {});

inline constexpr int kMessagesMax = 20;
/// A longer line cannot become a record; it is refused, and its beginning goes to the dead letters.
inline constexpr std::size_t kLineBytesMax = 900 * 1024;

}  // namespace liquidity
