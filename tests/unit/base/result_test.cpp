#include <tidemill/base/assert.hpp>
#include <tidemill/base/result.hpp>
#include <tidemill/base/types.hpp>
#include <tidemill/base/unique_function.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/thrown_error.hpp"

namespace tidemill {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Error{ErrorKind::kInvalidArgument, "odd"};
  return number / 2;
}
Result<int> quarter(int number) {
  TIDEMILL_ASSIGN(const int once, half(number));
  return half(once);
}

TEST(Result, PassesTheFirstErrorUp) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).error(), (Error{ErrorKind::kInvalidArgument, "odd"}));
}

TEST(Result, ThrowsWhenAskedForAValueThatIsNotThere) {
  EXPECT_EQ(half(4).value(), 2);
  try {
    (void)half(3).value();
    FAIL();
  } catch (const ResultException& exception) {
    EXPECT_EQ(exception.error().kind, ErrorKind::kInvalidArgument);
  }
}

TEST(Result, ValueOfATemporaryCanBeWalked) {
  const auto numbers = []() -> Result<std::vector<int>> { return std::vector<int>{1, 2, 3}; };
  int sum = 0;
  for (const int number : numbers().value()) sum += number;
  EXPECT_EQ(sum, 6);
}

TEST(Error, SaysWhatAndWhereAndWhetherToTryAgain) {
  const Error error{ErrorKind::kTimeout, "no answer"};
  EXPECT_EQ(error.with_context("commit").message, "commit: no answer");
  EXPECT_TRUE(error.retriable());
  EXPECT_FALSE((Error{ErrorKind::kFenced, ""}.retriable()));
  EXPECT_NE(to_string(error).find("no answer"), std::string::npos);
}

TEST(Types, PrintAsKafkaDoes) {
  EXPECT_EQ(to_string(TopicPartition{"orders", PartitionId(3)}), "orders-3");
  EXPECT_EQ(to_string(TaskId{1, 4}), "1_4");
}

TEST(UniqueFunction, HoldsWhatCannotBeCopied) {
  auto number = std::make_unique<int>(7);
  UniqueFunction<int(int)> function = [number = std::move(number)](int add) { return *number + add; };
  UniqueFunction<int(int)> moved = std::move(function);
  EXPECT_FALSE(function);  // NOLINT(bugprone-use-after-move): that it is empty is the point
  EXPECT_EQ(moved(3), 10);
}

TEST(AssertDeathTest, SaysWhatWasBelieved) {
  EXPECT_DEATH(TIDEMILL_ASSERT(1 + 1 == 3, "arithmetic"), "1 \\+ 1 == 3.*arithmetic");
}

TEST(DescribeException, NamesWhatIsNoExceptionToo) {
  const auto shown = [](auto thrown) {
    try {
      throw thrown;
    } catch (...) {
      const ThrownError error = describe_exception(std::current_exception());
      return error.type + ": " + error.message;
    }
  };
  EXPECT_EQ(shown(std::out_of_range("far")), "std::out_of_range: far");
  EXPECT_EQ(shown(std::string("words")), "std::string: words");
  EXPECT_EQ(shown("text"), "char const*: text");
  EXPECT_EQ(shown(42), "int: what was thrown is no std::exception");
}

}  // namespace
}  // namespace tidemill
