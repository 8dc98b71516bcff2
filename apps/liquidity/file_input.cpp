#include "liquidity/file_input.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "liquidity/appender.hpp"
#include "liquidity/input_lines.hpp"
#include "liquidity/input_position.hpp"
#include "liquidity/reference_rows.hpp"
#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

constexpr std::int64_t kLinesPerCommit = 5000;
constexpr std::int64_t kBytesPerCommit = std::int64_t{4} << 20;
/// What an older position keeps a checksum of.
constexpr std::int64_t kUnmarkedBytes = 4096;
constexpr std::size_t kExcerptBytes = 1000;
/// Of lines that are read again.
constexpr std::int64_t kUnknownInARow = 1000;
constexpr std::int64_t kLookUpEvery = 64;
/// Looking up can take its time: it is committed, and told, at the latest after so long.
constexpr std::chrono::milliseconds kLookUpCommitAge{500};

using Clock = std::chrono::steady_clock;

std::string at_line(const std::string& path, std::int64_t line) { return path + ":" + std::to_string(line); }

std::ifstream open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw BadInput(path + " cannot be opened (" + std::strerror(errno) +
                   "): the input directory holds accounts.ndjson, limits.ndjson and transactions.ndjson");
  }
  return in;
}

bool blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

/// Collects what is wrong with a set of reference data, and throws it all at once.
class Complaints {
 public:
  void add(const std::string& where, const std::string& what) {
    if (++count_ <= kMessagesMax) text_ += (text_.empty() ? "" : "\n  ") + where + ": " + what;
  }
  void raise_if_any() const {
    if (count_ == 0) return;
    throw BadInput("the reference data cannot be taken, and nothing of it has been:\n  " + text_ +
                   (count_ > kMessagesMax ? "\n  and " + std::to_string(count_ - kMessagesMax) + " more" : "") + "\nMend " +
                   (count_ == 1 ? "this line" : "these " + std::to_string(count_) + " lines") + " and start again.");
  }

 private:
  std::int64_t count_ = 0;
  std::string text_;
};

/// What is in the topics, what is news, and what contradicts.
class ReferenceData {
 public:
  explicit ReferenceData(tidemill::Log& log) : log_(log) {
    Reader reader;
    // What the chain passes over (reference_rows.hpp) is passed over here: a good row in the files is news then.
    read_topic(log, topics::kAccounts, [&](const TopicRecord& record) {
      const auto account = good<Account>(reader, record, topics::kAccounts);
      if (!account || !accounts_.emplace(account->account, *account).second) return;
      unnamed_accounts_.insert(account->account);
    });
    read_topic(log, topics::kLimits, [&](const TopicRecord& record) {
      const auto limit = good<Limit>(reader, record, topics::kLimits);
      if (!limit) return;
      limits_[std::string(*record.key)] = to_json(*limit);
      unnamed_limits_.emplace(*record.key);
    });
  }
  void add(const Account& account, const std::string& where) {
    unnamed_accounts_.erase(account.account);
    const auto [known, fresh] = accounts_.emplace(account.account, account);
    if (fresh) {
      news_.push_back({topics::kAccounts, account.account, to_json(account)});
    } else if (known->second != account) {
      complaints.add(where, "account " + account.account + " belongs to client " + known->second.client + " in " +
                                known->second.currency + "; neither can change: open another account");
    }
  }
  void add(const Limit& limit, const std::string& where) {
    const std::string key = client_key(limit.client, limit.currency);
    unnamed_limits_.erase(key);
    std::string json = to_json(limit);
    std::string& known = limits_[key];
    if (known == json) return;
    if (!known.empty()) {
      changes_.push_back(where + ": the floor of " + key + " is now " + std::to_string(limit.floor) +
                         "; it is in force from the next leg on");
    }
    known = json;
    news_.push_back({topics::kLimits, key, std::move(json)});
  }
  void commit() {
    complaints.raise_if_any();
    if (news_.empty()) return;
    Appender appender(log_, "liquidity-reference", Together::kAllOrNothing);
    const std::int64_t now = wall_time_ms();
    for (const News& news : news_) appender.append(news.topic, news.key, news.json, now);
    appender.commit();
  }
  /// What an operator may not have meant: floors that were changed, and what is known and in no line of these files.
  void tell(const std::string& directory, const Tell& tell) const {
    for (const std::string& row : bad_rows_) tell(row);
    if (bad_count_ > kMessagesMax) tell("and " + std::to_string(bad_count_ - kMessagesMax) + " more bad rows");
    for (std::size_t i = 0; i < std::min<std::size_t>(changes_.size(), kMessagesMax); ++i) tell(changes_[i]);
    if (changes_.size() > kMessagesMax)
      tell("and " + std::to_string(changes_.size() - kMessagesMax) + " more floors have changed");
    const auto unnamed = [&](const std::set<std::string>& keys, const char* file, const char* what, const char* stays) {
      if (keys.empty()) return;
      tell(directory + file + ": " + std::to_string(keys.size()) + " " + what + " taken before are not in it (" +
           *keys.begin() + (keys.size() > 1 ? ", ..." : "") + "); " + stays);
    };
    unnamed(unnamed_accounts_, "/accounts.ndjson", "accounts", "they stay open");
    unnamed(unnamed_limits_, "/limits.ndjson", "limits",
            "they stay in force: to lift one, give it a floor that cannot be reached");
  }
  Complaints complaints;

 private:
  struct News {
    const char* topic;
    std::string key;
    std::string json;
  };
  template <class Kind>
  std::optional<Kind> good(Reader& reader, const TopicRecord& record, const char* topic) {
    try {
      return row_of<Kind>(reader, record.key, record.value);
    } catch (const BadInput& problem) {
      if (++bad_count_ <= kMessagesMax) {
        bad_rows_.push_back(bad_row(topic, record.partition, record.offset, record.key, problem.what()));
      }
      return std::nullopt;
    }
  }
  tidemill::Log& log_;
  std::int64_t bad_count_ = 0;
  std::vector<std::string> bad_rows_;
  std::unordered_map<std::string, Account> accounts_;
  std::unordered_map<std::string, std::string> limits_;
  std::set<std::string> unnamed_accounts_;  // known, and not named by these files so far
  std::set<std::string> unnamed_limits_;
  std::vector<std::string> changes_;
  std::vector<News> news_;
};

template <class Add>
void read_lines(const std::string& path, ReferenceData& data, Add add) {
  std::ifstream in = open(path);
  std::string line;
  for (std::int64_t number = 1; std::getline(in, line); ++number) {
    std::string_view text = number == 1 ? without_byte_order_mark(line) : line;
    if (blank(text)) continue;
    try {
      add(text, at_line(path, number));
    } catch (const BadInput& problem) {
      data.complaints.add(at_line(path, number),
                          std::string(problem.what()) + (in.eof() ? " (the line has no end: is the file complete?)" : ""));
    }
  }
  if (in.bad()) throw BadInput(path + " cannot be read: " + std::strerror(errno));
}

/// transactions.ndjson on its way into the log.
class TransactionFile {
 public:
  TransactionFile(tidemill::Log& log, std::string path, const Tell& tell, const Judged& judged)
      : log_(log), path_(std::move(path)), tell_(tell), judged_(judged) {}

  FileSummary load(const std::function<bool(const FileProgress&)>& progress) {
    std::ifstream in = open(path_);
    in.seekg(0, std::ios::end);
    size_ = in.tellg();
    in.seekg(0);
    begin(in);
    summary_.before = trail_.lines();
    bool go_on = report(progress);
    InputLines lines(in, trail_);
    std::int64_t uncommitted = 0;
    std::int64_t committed_bytes = trail_.bytes();
    auto committed_at = Clock::now();
    // Without a first line there is no telling which file this is: it may be there the next time.
    while (go_on && appender_ && lines.next()) {
      if (!lines.ended() && leave_unfinished(lines)) break;
      const bool again = trail_.bytes() < again_until_;
      lines.add();
      take(lines.text(), again);
      const bool large = ++uncommitted >= kLinesPerCommit || trail_.bytes() - committed_bytes >= kBytesPerCommit;
      if (large || (again && Clock::now() - committed_at >= kLookUpCommitAge)) {
        commit();
        go_on = report(progress);
        uncommitted = 0;
        committed_bytes = trail_.bytes();
        committed_at = Clock::now();
      }
    }
    if (in.bad()) throw BadInput(path_ + " cannot be read: " + std::strerror(errno));
    if (uncommitted > 0) commit();
    (void)report(progress);
    tell_the_rest();
    return summary_;
  }

 private:
  // Finds out by its first line which file this is, and where to go on. (From a file with less than a whole line nothing
  // has been taken yet, or that line was whole.)
  void begin(std::ifstream& in) {
    std::string first;
    if (!std::getline(in, first)) return;
    input_ = "file-" + checksum_of(first);
    appender_ = std::make_unique<Appender>(log_, "liquidity-input-" + input_, Together::kAllOrNothing);
    const std::string absolute = std::filesystem::weakly_canonical(path_).string();
    auto known = read_position(log_, input_);
    const bool same_beginning = known.has_value();
    if (!known) known = read_position_at(log_, absolute);
    if (known) resume(in, *known, same_beginning);
    if (again_until_ > 0 && judged_.settle) judged_.settle();
    position_.source = path_;
    position_.path = absolute;
    begun_at_ = trail_.bytes();
  }
  // What was read is trusted as long as it is unchanged. From the first change on the lines are read again.
  void resume(std::ifstream& in, const InputPosition& known, bool same_beginning) {
    if (!known.marks) return resume_unmarked(in, known);
    trail_ = Trail(*known.marks, {known.done, known.lines, known.before});
    again_until_ = known.again_until;
    source_before_ = known.source;
    const Trail::Comparison found = trail_.compare(in);
    if (found.unchanged()) return;
    trail_.cut_back_to(found.same);
    read_again(change(known, found, same_beginning));
  }
  [[nodiscard]] std::string change(const InputPosition& known, const Trail::Comparison& found, bool same_beginning) const {
    const std::string taken = std::to_string(known.lines);
    if (!same_beginning) {
      return path_ + ": another file was read at this place before (" + taken +
             " lines), and the first line differs; this one is read from its beginning";
    }
    const std::int64_t first = found.same.lines + 1;
    const bool cut = size_ < found.differs.bytes;
    const std::int64_t last = cut ? known.lines : found.differs.lines;
    const std::string lines =
        last == first ? "line " + std::to_string(last) : "lines " + std::to_string(first) + " to " + std::to_string(last);
    if (cut) {
      return path_ + ": " + lines + " had been read, and what was there has been cut off or shortened since (" + taken +
             " lines were taken); it is read again from line " + std::to_string(first) + " on";
    }
    return path_ + ": a change in " + lines + ", after " + taken + " lines were taken; it is read again from line " +
           std::to_string(first) + " on";
  }
  // On record is only what stood right before the position.
  void resume_unmarked(std::ifstream& in, const InputPosition& known) {
    if (known.done > size_ || bytes_before(in, known.done) != known.before) {
      source_before_ = known.source;
      return read_again(path_ + ": begins like a file that was read before, but goes on differently; it is read from its "
                                "beginning");
    }
    for (InputLines lines(in, trail_); trail_.bytes() < known.done && lines.next();) lines.add();
  }
  std::string bytes_before(std::ifstream& in, std::int64_t end) {
    const auto length = std::min<std::int64_t>(end, kUnmarkedBytes);
    std::string bytes(static_cast<std::size_t>(length), '\0');
    in.clear();
    in.seekg(end - length);
    in.read(bytes.data(), length);
    return checksum_of(bytes);
  }
  void read_again(const std::string& what) {
    again_until_ = size_;
    tell_(what +
          ". What is known already has no second effect, and a transaction that was taken stays as it was: to correct it, "
          "add one with an id of its own at the end of the file.");
  }
  // The last line has no end. If it is a transaction all the same, nothing is missing.
  bool leave_unfinished(const InputLines& lines) {
    const std::string_view line = lines.text();
    if (blank(line)) return true;
    try {
      (void)reader_.transaction(line);
      return false;
    } catch (const BadInput&) {
      summary_.half_written = true;
      tell_(at_line(path_, lines.number()) + ": the last line is half-written (" + std::to_string(line.size()) +
            " bytes without an end): it is left for the next time");
      return true;
    }
  }
  void take(std::string_view line, bool again) {
    if (blank(line)) return;
    try {
      if (line.size() > kLineBytesMax) {
        throw BadInput("the line has " + std::to_string(line.size()) + " bytes, more than " + std::to_string(kLineBytesMax));
      }
      const Transaction transaction = reader_.transaction(line);
      if (again && is_known(transaction)) return;
      send(transaction.id, line, transaction.time_ms, {});
    } catch (const BadInput& problem) {
      const std::string where = at_line(path_, trail_.lines());
      tidemill::Headers headers;
      headers.add("input", where);
      // The chain refuses it, with the reason; of a line that fits into no record the beginning must do.
      const bool fits = line.size() <= kLineBytesMax;
      if (!fits) headers.add("cut", problem.what());
      const std::string_view value = fits ? line : line.substr(0, kExcerptBytes);
      if (again && was_refused(value)) return;
      tell_some(++summary_.malformed, where + ": " + problem.what() + "; refused");
      send(where, value, wall_time_ms(), headers.encode());
    }
    ++summary_.lines;
  }
  // Taken before: the line is passed over, and if it says something else now, the operator hears of it.
  bool is_known(const Transaction& transaction) {
    // To look up costs more than to send. Where nothing has been known for a while (another day's file), a line now and then
    // must do; what goes in again all the same has no second effect.
    const bool sampled = unknown_in_a_row_ >= kUnknownInARow && trail_.lines() % kLookUpEvery != 0;
    if (!judged_.seen || sampled || cannot_look_up_) return false;
    const Seen seen = judged_.seen(transaction.id);
    cannot_look_up_ = seen.fate == Seen::Fate::kCannotTell;  // not to be waited for at every line
    if (seen.fate != Seen::Fate::kTaken) {
      ++unknown_in_a_row_;
      return false;
    }
    unknown_in_a_row_ = 0;
    ++summary_.known;
    if (seen.contradicts(content_of(transaction))) {
      tell_some(++summary_.contradicting, at_line(path_, trail_.lines()) + ": transaction " + transaction.id +
                                              " was taken with another content; this line has no effect");
    }
    return true;
  }
  // Each dead letter of this file stands for one line that was refused before.
  bool was_refused(std::string_view value) {
    if (!dead_letters_) read_dead_letters();
    const auto found = dead_letters_->find(checksum_of(value));
    if (found == dead_letters_->end() || found->second == 0) return false;
    --found->second;
    ++summary_.known;
    return true;
  }
  void read_dead_letters() {
    dead_letters_.emplace();
    read_topic(log_, topics::kDeadLetters, [this](const TopicRecord& record) {
      const std::string where = record.header("input");
      const bool ours = where.starts_with(path_ + ":") || where.starts_with(source_before_ + ":");
      if (ours && record.value) ++(*dead_letters_)[checksum_of(*record.value)];
    });
    // The lines before those that are read now have their dead letters already.
    std::ifstream in = open(path_);
    Trail before;
    for (InputLines lines(in, before); before.bytes() < begun_at_ && lines.next();) {
      lines.add();
      std::string_view value = lines.text();
      if (value.size() > kLineBytesMax) value = value.substr(0, kExcerptBytes);
      const auto found = dead_letters_->find(checksum_of(value));
      if (found != dead_letters_->end() && found->second > 0) --found->second;
    }
  }
  void tell_some(std::int64_t count, const std::string& message) {
    if (count <= kMessagesMax) tell_(message);
  }
  void tell_the_rest() {
    const auto rest = [this](std::int64_t count, const char* what) {
      if (count > kMessagesMax) tell_(path_ + ": " + std::to_string(count - kMessagesMax) + " more " + what);
    };
    rest(summary_.malformed, "malformed lines, refused as well");
    rest(summary_.contradicting,
         "lines with the id of a transaction that was taken with another content, without effect as well");
  }
  void send(std::string_view key, std::string_view value, std::int64_t time_ms, std::string_view headers) {
    appender_->append(topics::kTransactions, key, value, time_ms, headers);
  }
  void commit() {
    const Trail::Mark end = trail_.end();
    position_.done = end.bytes;
    position_.lines = end.lines;
    position_.before = end.checksum;
    position_.marks = trail_.marks();
    position_.again_until = again_until_ > end.bytes ? again_until_ : 0;
    append_position(*appender_, input_, position_);
    appender_->commit();
  }
  bool report(const std::function<bool(const FileProgress&)>& progress) const {
    return progress({trail_.bytes(), size_, summary_});
  }

  tidemill::Log& log_;
  std::string path_;
  const Tell& tell_;
  const Judged& judged_;
  Reader reader_;
  std::string input_;
  std::unique_ptr<Appender> appender_;
  InputPosition position_;
  Trail trail_;
  std::int64_t size_ = 0;
  std::int64_t begun_at_ = 0;
  std::int64_t unknown_in_a_row_ = 0;
  bool cannot_look_up_ = false;
  std::int64_t again_until_ = 0;
  std::string source_before_;                                                  // how the file was named then
  std::optional<std::unordered_map<std::string, std::int64_t>> dead_letters_;  // checksums of lines, and how many are left
  FileSummary summary_;
};

}  // namespace

void load_reference_data(tidemill::Log& log, const std::string& directory, const Tell& tell) {
  ReferenceData data(log);
  Reader reader;
  read_lines(directory + "/accounts.ndjson", data,
             [&](std::string_view line, const std::string& where) { data.add(reader.account(line), where); });
  read_lines(directory + "/limits.ndjson", data,
             [&](std::string_view line, const std::string& where) { data.add(reader.limit(line), where); });
  data.commit();
  if (tell) data.tell(directory, tell);
}

void load_reference_data(tidemill::Log& log, const std::vector<Account>& accounts, const std::vector<Limit>& limits) {
  ReferenceData data(log);
  for (const Account& account : accounts) data.add(account, "account " + account.account);
  for (const Limit& limit : limits) data.add(limit, client_key(limit.client, limit.currency));
  data.commit();
}

FileSummary load_transactions(tidemill::Log& log, const std::string& directory, const Tell& tell,
                              const std::function<bool(const FileProgress&)>& progress, const Judged& judged) {
  return TransactionFile(log, directory + "/transactions.ndjson", tell, judged).load(progress);
}

}  // namespace liquidity
