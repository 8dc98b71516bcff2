// Files into topics: nothing lost, nothing twice, and every bad line has its place told.
#include "chain.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "liquidity/input_position.hpp"

namespace liquidity {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LiquidityInput : public testing::Test {
 protected:
  LiquidityInput() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    write("accounts.ndjson", "{\"account\":\"A1\",\"client\":\"C1\",\"currency\":\"EUR\"}\n"
                             "{\"account\":\"B1\",\"client\":\"C2\",\"currency\":\"EUR\"}\n");
    write("limits.ndjson", "{\"client\":\"C1\",\"currency\":\"EUR\",\"floor\":-1000,\"mode\":\"monitor\"}\n");
    create_topics(*log_);
  }
  ~LiquidityInput() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::trunc) << text;
  }
  void append(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name, std::ios::app) << text;
  }
  static std::string line(const std::string& id) {
    return R"({"id":")" + id +
           R"(","time":"2026-11-23T08:00:00Z","value_date":"2026-11-23",)"
           R"("legs":[{"account":"A1","currency":"EUR","amount":-1},{"account":"B1","currency":"EUR","amount":1}]})";
  }
  FileSummary load() {
    messages_.clear();
    return load_transactions(
        *log_, directory_, [this](const std::string& message) { messages_.push_back(message); },
        [this](const FileProgress& at) {
          progress_ = at;
          return --loads_until_stop_ != 0;
        },
        judged_);
  }
  std::vector<std::string> keys() {
    std::vector<std::string> keys;
    for (const Copy& record : read_all(*log_, topics::kTransactions)) keys.push_back(record.key);
    std::sort(keys.begin(), keys.end());
    return keys;
  }
  std::string file(const std::string& rest) const { return directory_ + "/transactions.ndjson" + rest; }

  std::string directory_ = testing::TempDir() + "/liquidity-input-" + std::to_string(::getpid());
  std::shared_ptr<tidemill::Log> log_ = tidemill::in_memory_log();
  std::vector<std::string> messages_;
  FileProgress progress_;
  int loads_until_stop_ = -1;
  Judged judged_;
};

TEST_F(LiquidityInput, LeavesAFileThatGetsItsFirstLineMeanwhileForTheNextTime) {
  write("transactions.ndjson", "");
  const auto fill = [this, first = true](const FileProgress&) mutable {
    if (std::exchange(first, false)) append("transactions.ndjson", line("t-1") + "\n");
    return true;
  };
  EXPECT_EQ(load_transactions(
                *log_, directory_, [](const std::string&) {}, fill, judged_)
                .lines,
            0);
  EXPECT_EQ(load().lines, 1);
}

TEST_F(LiquidityInput, GoesOnWhereTheFileHasGrown) {
  write("transactions.ndjson", line("t-1") + "\n" + line("t-2") + "\n");
  EXPECT_EQ(load().lines, 2);
  EXPECT_EQ(load().lines, 0);
  append("transactions.ndjson", line("t-3") + "\n");
  const FileSummary summary = load();
  EXPECT_EQ(summary.lines, 1);
  EXPECT_EQ(summary.before, 2);
  EXPECT_THAT(keys(), ElementsAre("t-1", "t-2", "t-3"));
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(LiquidityInput, TellsPlaceAndReasonOfAMalformedLineAndPassesItOn) {
  write("transactions.ndjson", line("t-1") + "\n{\"id\":\"t-2\"\n\n" + line("t-3") + "\nnonsense\n");
  const FileSummary summary = load();
  EXPECT_EQ(summary.lines, 4);
  EXPECT_EQ(summary.malformed, 2);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr(file(":2: not valid JSON")), HasSubstr(file(":5: not valid JSON"))));
  EXPECT_THAT(keys(), ElementsAre(file(":2"), file(":5"), "t-1", "t-3"));
}

TEST_F(LiquidityInput, CountsMalformedLinesBeyondTheFirstTwenty) {
  std::string text;
  for (int i = 0; i < 25; ++i) text += "bad\n";
  write("transactions.ndjson", text);
  EXPECT_EQ(load().malformed, 25);
  ASSERT_EQ(messages_.size(), 21U);
  EXPECT_THAT(messages_.back(), HasSubstr("5 more malformed lines"));
  EXPECT_EQ(keys().size(), 25U);
}

TEST_F(LiquidityInput, LeavesAHalfWrittenLineForTheNextTime) {
  const std::string whole = line("t-2");
  write("transactions.ndjson", line("t-1") + "\n" + whole.substr(0, 40));
  const FileSummary summary = load();
  EXPECT_EQ(summary.lines, 1);
  EXPECT_TRUE(summary.half_written);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr(file(":2: the last line is half-written (40 bytes"))));
  append("transactions.ndjson", whole.substr(40) + "\n");
  EXPECT_EQ(load().lines, 1);
  EXPECT_THAT(keys(), ElementsAre("t-1", "t-2"));
}

TEST_F(LiquidityInput, TakesALastLineThatLacksOnlyItsEnd) {
  write("transactions.ndjson", line("t-1"));
  EXPECT_EQ(load().lines, 1);
  EXPECT_EQ(load().lines, 0);
  append("transactions.ndjson", "\n" + line("t-2") + "\r\n");
  EXPECT_EQ(load().lines, 1);
  EXPECT_THAT(keys(), ElementsAre("t-1", "t-2"));
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(LiquidityInput, NumbersLinesAsAnEditorDoesAlsoBehindOneThatGotItsEndLater) {
  write("transactions.ndjson", "\xef\xbb\xbf" + line("t-1"));
  EXPECT_EQ(load().lines, 1);
  append("transactions.ndjson", "\n{}\n");
  EXPECT_EQ(load().lines, 1);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr(file(":2: "))));
  EXPECT_EQ(load().before, 2);
}

TEST_F(LiquidityInput, TellsWhatHasComeToALineThatWasTakenWithoutItsEnd) {
  write("transactions.ndjson", line("t-1"));
  EXPECT_EQ(load().lines, 1);
  append("transactions.ndjson", "{}\n" + line("t-2") + "\n");
  (void)load();
  EXPECT_THAT(messages_, testing::Contains(HasSubstr(file(":1: "))));
  EXPECT_THAT(keys(), testing::IsSupersetOf({"t-1", "t-2"}));
}

TEST_F(LiquidityInput, ReadsAnotherFileFromItsBeginning) {
  write("transactions.ndjson", line("t-1") + "\n" + line("t-2") + "\n");
  (void)load();
  write("transactions.ndjson", line("u-1") + "\n");
  EXPECT_EQ(load().lines, 1);
  EXPECT_THAT(messages_, ElementsAre(AllOf(HasSubstr(file(": another file was read at this place before (2 lines)")),
                                           HasSubstr("read from its beginning"))));
  EXPECT_THAT(keys(), ElementsAre("t-1", "t-2", "u-1"));
  // And one that was read already.
  write("transactions.ndjson", line("t-1") + "\n" + line("t-2") + "\n");
  EXPECT_EQ(load().lines, 0);
  EXPECT_THAT(messages_, IsEmpty());
}

// A file of a hundred lines, of which some are malformed; the chain has judged them.
class LiquidityInputChanged : public LiquidityInput {
 protected:
  LiquidityInputChanged() {
    for (int i = 1; i <= 100; ++i) lines_.push_back(i % 10 == 0 ? "bad" : line("t-" + std::to_string(i)));
    rewrite();
    EXPECT_EQ(load().lines, 100);
    for (const Copy& record : read_all(*log_, topics::kTransactions)) {
      if (record.value != "bad") {
        seen_[record.key] = {Seen::Fate::kTaken, content_of(Reader().transaction(record.value)), ""};
        continue;
      }
      Appender appender(*log_, "chain", Together::kEachByItself);
      appender.append(topics::kDeadLetters, record.key, record.value, record.timestamp, record.headers.encode());
      appender.commit();
    }
    judged_.seen = [this](const std::string& id) { return seen_[id]; };
  }
  void rewrite() {
    std::string text;
    for (const std::string& one : lines_) text += one + "\n";
    write("transactions.ndjson", text);
  }
  FileSummary load_again() {
    rewrite();
    return load();
  }
  std::vector<std::string> lines_;
  std::map<std::string, Seen> seen_;
};

TEST_F(LiquidityInputChanged, TellsAnEditInTheMiddleAndTakesOnlyWhatIsNew) {
  lines_[19] = line("t-20");                                              // mended
  lines_[54] = lines_[54].replace(lines_[54].find("08:00"), 5, "09:00");  // was taken as it was
  const FileSummary summary = load_again();
  EXPECT_EQ(summary.lines, 1);
  EXPECT_EQ(summary.malformed, 0);
  EXPECT_EQ(summary.contradicting, 1);
  EXPECT_THAT(messages_, ElementsAre(AllOf(HasSubstr(file(": a change in lines 19 to 20, after 100 lines were taken")),
                                           HasSubstr("read again from line 19 on"), HasSubstr("id of its own")),
                                     HasSubstr(file(":55: transaction t-55 was taken with another content"))));
  EXPECT_EQ(keys().size(), 101U);
  EXPECT_EQ(load().lines, 0);
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(LiquidityInputChanged, CountsNoMalformedLineTwiceWhenTheFirstLineIsChanged) {
  lines_[0] = line("u-1");
  const FileSummary summary = load_again();
  EXPECT_EQ(summary.lines, 1);
  EXPECT_EQ(summary.malformed, 0);
  EXPECT_EQ(summary.known, 99);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("another file was read at this place before (100 lines)")));
  EXPECT_EQ(keys().size(), 101U);
}

TEST_F(LiquidityInputChanged, TakesALineThatWasInsertedAndOneMoreMalformedLine) {
  lines_.insert(lines_.begin() + 40, {line("u-1"), "bad"});
  const FileSummary summary = load_again();
  EXPECT_EQ(summary.lines, 2);
  EXPECT_EQ(summary.malformed, 1);
  EXPECT_EQ(keys().size(), 102U);
}

TEST_F(LiquidityInputChanged, TellsThatItWasCutShortAndGoesOnWhenItGrows) {
  lines_.resize(70);
  EXPECT_EQ(load_again().lines, 0);
  EXPECT_THAT(messages_, ElementsAre(AllOf(HasSubstr("lines 71 to 100 had been read"), HasSubstr("cut off or shortened"))));
  lines_.push_back(line("u-1"));
  EXPECT_EQ(load_again().lines, 1);
  EXPECT_EQ(keys().size(), 101U);
}

TEST_F(LiquidityInputChanged, LooksUpNothingAnyMoreWhenTheChainDoesNotAnswer) {
  std::int64_t looked_up = 0;
  judged_.seen = [&](const std::string&) {
    ++looked_up;
    return Seen{.fate = Seen::Fate::kCannotTell};
  };
  lines_[0] = line("u-1");
  EXPECT_EQ(load_again().lines, 90);
  EXPECT_EQ(looked_up, 1);
}

TEST_F(LiquidityInputChanged, LooksUpEveryLineOnlyAsLongAsSomeAreKnown) {
  std::int64_t looked_up = 0;
  judged_.seen = [&](const std::string& id) {
    ++looked_up;
    return seen_[id];
  };
  lines_.clear();
  for (int i = 0; i < 12800; ++i) lines_.push_back(line("v-" + std::to_string(i)));
  EXPECT_EQ(load_again().lines, 12800);
  EXPECT_GE(looked_up, 1000);
  EXPECT_LE(looked_up, 1000 + 200);
}

TEST_F(LiquidityInputChanged, PassesOverWhatIsKnownAlsoAfterAStopAmidReadingAgain) {
  for (int i = 0; i < 12000; ++i) lines_.push_back(line("v-" + std::to_string(i)));
  lines_.emplace_back("bad");
  lines_[0] = line("u-1");
  loads_until_stop_ = 2;
  const FileSummary first = load_again();
  EXPECT_GT(first.lines, 0);
  EXPECT_LT(first.lines, 12002);
  loads_until_stop_ = -1;
  EXPECT_EQ(first.lines + load().lines, 12002);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr(": not valid JSON")));
  EXPECT_EQ(keys().size(), 12102U);
}

TEST_F(LiquidityInput, TrustsAPositionOfBeforeThereWereMarks) {
  const std::string text = line("t-1") + "\n" + line("t-2") + "\n";
  write("transactions.ndjson", text);
  Appender appender(*log_, "old", Together::kAllOrNothing);
  InputPosition position{.source = file(""), .done = static_cast<std::int64_t>(text.size()), .lines = 2};
  position.before = checksum_of(text);
  append_position(appender, "file-" + checksum_of(line("t-1")), position);
  appender.commit();
  append("transactions.ndjson", line("t-3") + "\n");
  EXPECT_EQ(load().lines, 1);
  EXPECT_THAT(messages_, IsEmpty());
  EXPECT_THAT(keys(), ElementsAre("t-3"));
  EXPECT_EQ(load().lines, 0);
}

TEST(Trail, NarrowsAChangeOfOneByteDownHoweverLongTheFileIs) {
  Trail trail;
  std::string text;
  for (int i = 1; i <= 100000; ++i) {
    const std::string line = "line " + std::to_string(i);
    trail.add(line, true);
    text += line + "\n";
  }
  EXPECT_LE(trail.marks().size(), Trail::kMarksMax);
  const Trail read_back(trail.marks(), trail.end());
  std::istringstream same(text);
  EXPECT_TRUE(read_back.compare(same).unchanged());
  text[text.find("line 77777\n")] = 'L';
  std::istringstream changed(text);
  const Trail::Comparison found = read_back.compare(changed);
  EXPECT_LT(found.same.lines, 77777);
  EXPECT_GE(found.differs.lines, 77777);
  EXPECT_LE(found.differs.lines - found.same.lines, 100000 / (static_cast<std::int64_t>(Trail::kMarksMax) / 2) + 1);
}

TEST_F(LiquidityInput, StopsBetweenTwoCommitsAndGoesOnThere) {
  std::string text;
  for (int i = 0; i < 12000; ++i) text += line("t-" + std::to_string(i)) + "\n";
  write("transactions.ndjson", text);
  loads_until_stop_ = 2;
  const FileSummary first = load();
  EXPECT_GT(first.lines, 0);
  EXPECT_LT(first.lines, 12000);
  loads_until_stop_ = -1;
  EXPECT_EQ(first.lines + load().lines, 12000);
  EXPECT_EQ(keys().size(), 12000U);
  EXPECT_EQ(progress_.bytes, progress_.size);
}

TEST_F(LiquidityInput, PutsALineThatIsTooLongIntoTheDeadLettersInPart) {
  write("transactions.ndjson", std::string(1000000, 'x') + "\n" + line("t-2") + "\n");
  const FileSummary summary = load();
  EXPECT_EQ(summary.malformed, 1);
  EXPECT_THAT(messages_, ElementsAre(AllOf(HasSubstr(file(":1:")), HasSubstr("1000000 bytes"))));
  EXPECT_EQ(keys().size(), 2U);
}

TEST_F(LiquidityInput, TakesNothingOfBadReferenceDataAndNamesEveryLine) {
  append("accounts.ndjson", "{\"account\":\"A2\"}\nnonsense\n{\"account\":\"A1\",\"client\":\"C9\",\"currency\":\"EUR\"}\n");
  append("limits.ndjson", "{\"client\":\"C2\",\"currency\":\"EUR\",\"floor\":1.5}\n{\"client\":\"C2\",\"cur");
  try {
    load_reference_data(*log_, directory_);
    FAIL() << "nothing was complained about";
  } catch (const BadInput& problem) {
    EXPECT_THAT(problem.what(),
                AllOf(HasSubstr("accounts.ndjson:3: \"client\" is missing"), HasSubstr("accounts.ndjson:4: not valid JSON"),
                      HasSubstr("accounts.ndjson:5: account A1 belongs to client C1"),
                      HasSubstr("limits.ndjson:2: \"floor\" is not a whole number"), HasSubstr("limits.ndjson:3:"),
                      HasSubstr("the line has no end"), HasSubstr("these 5 lines")));
  }
  EXPECT_THAT(read_all(*log_, topics::kAccounts), IsEmpty());
}

TEST_F(LiquidityInput, TellsWhatHasChangedInReferenceDataAndWhatIsNotInItAnyMore) {
  const auto told = [this] {
    std::vector<std::string> told;
    load_reference_data(*log_, directory_, [&](const std::string& note) { told.push_back(note); });
    return told;
  };
  append("limits.ndjson", "{\"client\":\"C2\",\"currency\":\"EUR\",\"floor\":0}\n");
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_THAT(told(), IsEmpty());
  write("accounts.ndjson", "{\"account\":\"A1\",\"client\":\"C1\",\"currency\":\"EUR\"}\n");
  write("limits.ndjson", "{\"client\":\"C1\",\"currency\":\"EUR\",\"floor\":-2000}\n");
  EXPECT_THAT(told(),
              ElementsAre(HasSubstr("limits.ndjson:1: the floor of C1/EUR is now -2000"),
                          HasSubstr("accounts.ndjson: 1 accounts taken before are not in it (B1); they stay open"),
                          HasSubstr("limits.ndjson: 1 limits taken before are not in it (C2/EUR); they stay in force")));
}

TEST_F(LiquidityInput, PassesOverBadRowsOfReferenceDataAndNamesThem) {
  load_reference_data(*log_, directory_);
  Appender appender(*log_, "test", Together::kEachByItself);
  appender.append(topics::kAccounts, "A1", "garbage", 1);
  appender.append(topics::kLimits, "C1/USD", "{}", 1);
  appender.commit();
  std::vector<std::string> told;
  load_reference_data(*log_, directory_, [&](const std::string& note) { told.push_back(note); });
  EXPECT_THAT(told, ElementsAre(AllOf(HasSubstr("lq.accounts, partition "), HasSubstr(", offset "),
                                      HasSubstr("key A1: not valid JSON"), HasSubstr("produce a good one")),
                                HasSubstr("key C1/USD: \"client\" is missing")));
  EXPECT_EQ(read_all(*log_, topics::kAccounts).size(), 3U);
}

TEST_F(LiquidityInput, TakesReferenceDataOnlyWhereItIsNews) {
  load_reference_data(*log_, directory_);
  load_reference_data(*log_, directory_);
  EXPECT_EQ(read_all(*log_, topics::kAccounts).size(), 2U);
  EXPECT_EQ(read_all(*log_, topics::kLimits).size(), 1U);
  write("limits.ndjson", "{\"client\":\"C1\",\"currency\":\"EUR\",\"floor\":-2000}\n");
  load_reference_data(*log_, directory_);
  EXPECT_EQ(read_all(*log_, topics::kAccounts).size(), 2U);
  EXPECT_EQ(read_all(*log_, topics::kLimits).size(), 2U);
}

}  // namespace
}  // namespace liquidity
