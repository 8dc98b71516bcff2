#include "liquidity/file_input.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "liquidity/appender.hpp"
#include "liquidity/input_position.hpp"
#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

constexpr std::int64_t kLinesPerCommit = 5000;
constexpr std::int64_t kBytesPerCommit = std::int64_t{4} << 20;
constexpr std::size_t kFingerprintBytes = 4096;
constexpr std::size_t kExcerptBytes = 1000;

/// FNV-1a, in hexadecimal.
std::string fingerprint(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

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
std::string_view without_byte_order_mark(std::string_view line) {
  return line.starts_with("\xef\xbb\xbf") ? line.substr(3) : line;
}

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
    read_topic(log, topics::kAccounts, [&](const TopicRecord& record) {
      if (record.key && record.value) accounts_[std::string(*record.key)] = reader.account(*record.value);
    });
    read_topic(log, topics::kLimits, [&](const TopicRecord& record) {
      if (record.key && record.value) limits_[std::string(*record.key)] = *record.value;
    });
  }
  void add(const Account& account, const std::string& where) {
    const auto [known, fresh] = accounts_.emplace(account.account, account);
    if (fresh) {
      news_.push_back({topics::kAccounts, account.account, to_json(account)});
    } else if (known->second != account) {
      complaints.add(where, "account " + account.account + " belongs to client " + known->second.client + " in " +
                                known->second.currency + "; neither can change: open another account");
    }
  }
  void add(const Limit& limit) {
    const std::string key = client_key(limit.client, limit.currency);
    std::string json = to_json(limit);
    std::string& known = limits_[key];
    if (known == json) return;
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
  Complaints complaints;

 private:
  struct News {
    const char* topic;
    std::string key;
    std::string json;
  };
  tidemill::Log& log_;
  std::unordered_map<std::string, Account> accounts_;
  std::unordered_map<std::string, std::string> limits_;
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
  TransactionFile(tidemill::Log& log, std::string path, const Tell& tell) : log_(log), path_(std::move(path)), tell_(tell) {}

  FileSummary load(const std::function<bool(const FileProgress&)>& progress) {
    std::ifstream in = open(path_);
    in.seekg(0, std::ios::end);
    size_ = in.tellg();
    in.seekg(0);
    begin(in);
    summary_.before = position_.lines;
    bool go_on = report(progress);
    std::string line;
    std::int64_t uncommitted = 0;
    std::int64_t committed_bytes = position_.done;
    while (go_on && std::getline(in, line)) {
      const bool ended = !in.eof();
      if (!ended && leave_unfinished(line)) break;
      position_.done += static_cast<std::int64_t>(line.size()) + (ended ? 1 : 0);
      ++position_.lines;
      take(line);
      if (++uncommitted >= kLinesPerCommit || position_.done - committed_bytes >= kBytesPerCommit) {
        commit();
        go_on = report(progress);
        uncommitted = 0;
        committed_bytes = position_.done;
      }
    }
    if (in.bad()) throw BadInput(path_ + " cannot be read: " + std::strerror(errno));
    if (uncommitted > 0) commit();
    (void)report(progress);
    if (summary_.malformed > kMessagesMax) {
      tell_(path_ + ": " + std::to_string(summary_.malformed - kMessagesMax) + " more malformed lines, refused as well");
    }
    return summary_;
  }

 private:
  // Finds out by its first line which file this is, and where to go on. (From a file with less than a whole line nothing
  // has been taken yet, or that line was whole.)
  void begin(std::ifstream& in) {
    std::string first;
    if (!std::getline(in, first)) return;
    in.clear();
    in.seekg(0);
    input_ = "file-" + fingerprint(first);
    appender_ = std::make_unique<Appender>(log_, "liquidity-input-" + input_, Together::kAllOrNothing);
    const auto known = read_position(log_, input_);
    if (!known) return;
    if (known->done > size_ || bytes_before(in, known->done) != known->before) {
      tell_(path_ + " begins like a file that was read before, but goes on differently: it is read from its beginning; "
                    "transactions that are known already have no second effect");
    } else {
      position_ = *known;
    }
    in.clear();
    in.seekg(position_.done);
  }
  std::string bytes_before(std::ifstream& in, std::int64_t end) {
    const auto length = std::min<std::int64_t>(end, kFingerprintBytes);
    std::string bytes(static_cast<std::size_t>(length), '\0');
    in.clear();
    in.seekg(end - length);
    in.read(bytes.data(), length);
    return fingerprint(bytes);
  }
  // The last line has no end. If it is a transaction all the same, nothing is missing.
  bool leave_unfinished(std::string_view line) {
    if (blank(line)) return true;
    try {
      (void)reader_.transaction(position_.lines == 0 ? without_byte_order_mark(line) : line);
      return false;
    } catch (const BadInput&) {
      summary_.half_written = true;
      tell_(at_line(path_, position_.lines + 1) + ": the last line is half-written (" + std::to_string(line.size()) +
            " bytes without an end): it is left for the next time");
      return true;
    }
  }
  void take(std::string_view line) {
    if (position_.lines == 1) line = without_byte_order_mark(line);
    if (blank(line)) return;
    ++summary_.lines;
    try {
      if (line.size() > kLineBytesMax) {
        throw BadInput("the line has " + std::to_string(line.size()) + " bytes, more than " + std::to_string(kLineBytesMax));
      }
      const Transaction transaction = reader_.transaction(line);
      send(transaction.id, line, transaction.time_ms, {});
    } catch (const BadInput& problem) {
      const std::string where = at_line(path_, position_.lines);
      if (++summary_.malformed <= kMessagesMax) tell_(where + ": " + problem.what() + "; refused");
      tidemill::Headers headers;
      headers.add("input", where);
      // The chain refuses it, with the reason; of a line that fits into no record the beginning must do.
      const bool fits = line.size() <= kLineBytesMax;
      if (!fits) headers.add("cut", problem.what());
      send(where, fits ? line : line.substr(0, kExcerptBytes), wall_time_ms(), headers.encode());
    }
  }
  void send(std::string_view key, std::string_view value, std::int64_t time_ms, std::string_view headers) {
    appender_->append(topics::kTransactions, key, value, time_ms, headers);
  }
  void commit() {
    position_.source = path_;
    std::ifstream in = open(path_);
    position_.before = bytes_before(in, position_.done);
    append_position(*appender_, input_, position_);
    appender_->commit();
  }
  bool report(const std::function<bool(const FileProgress&)>& progress) const {
    return progress({position_.done, size_, summary_.lines, summary_.malformed});
  }

  tidemill::Log& log_;
  std::string path_;
  const Tell& tell_;
  Reader reader_;
  std::string input_;
  std::unique_ptr<Appender> appender_;
  InputPosition position_;
  std::int64_t size_ = 0;
  FileSummary summary_;
};

}  // namespace

void load_reference_data(tidemill::Log& log, const std::string& directory) {
  ReferenceData data(log);
  Reader reader;
  read_lines(directory + "/accounts.ndjson", data,
             [&](std::string_view line, const std::string& where) { data.add(reader.account(line), where); });
  read_lines(directory + "/limits.ndjson", data,
             [&](std::string_view line, const std::string&) { data.add(reader.limit(line)); });
  data.commit();
}

void load_reference_data(tidemill::Log& log, const std::vector<Account>& accounts, const std::vector<Limit>& limits) {
  ReferenceData data(log);
  for (const Account& account : accounts) data.add(account, "account " + account.account);
  for (const Limit& limit : limits) data.add(limit);
  data.commit();
}

FileSummary load_transactions(tidemill::Log& log, const std::string& directory, const Tell& tell,
                              const std::function<bool(const FileProgress&)>& progress) {
  return TransactionFile(log, directory + "/transactions.ndjson", tell).load(progress);
}

}  // namespace liquidity
