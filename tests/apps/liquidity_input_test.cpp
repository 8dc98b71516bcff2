// Files into topics: nothing lost, nothing twice, and every bad line has its place told.
#include "chain.hpp"

#include <filesystem>
#include <fstream>

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
        });
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
};

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

TEST_F(LiquidityInput, ReadsAnotherFileFromItsBeginning) {
  write("transactions.ndjson", line("t-1") + "\n" + line("t-2") + "\n");
  (void)load();
  write("transactions.ndjson", line("u-1") + "\n");
  EXPECT_EQ(load().lines, 1);
  // The same beginning, but not the same file.
  write("transactions.ndjson", line("t-1") + "\n" + line("x-2") + "\n");
  EXPECT_EQ(load().lines, 2);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("from its beginning")));
  EXPECT_THAT(keys(), ElementsAre("t-1", "t-1", "t-2", "u-1", "x-2"));
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
