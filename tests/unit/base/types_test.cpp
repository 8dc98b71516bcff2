#include <gmock/gmock.h>

#include <tidemill/base/types.hpp>

namespace tidemill {
namespace {

TEST(TaskId, IsReadFromItsText) {
  EXPECT_EQ(TaskId::parse("0_3"), (TaskId{0, 3}));
  EXPECT_EQ(TaskId::parse(to_string(TaskId{12, 2147483647})), (TaskId{12, 2147483647}));
}

TEST(TaskId, WhatIsNoneIsQuoted) {
  for (const char* text : {"", "_", "0", "0_", "_3", "0_3x", "a_3", "0_b", "-1_3", "0_-3", "0__3", " 0_3", "0_99999999999"}) {
    EXPECT_THAT(
        [&] { static_cast<void>(TaskId::parse(text)); },
        ::testing::ThrowsMessage<TaskIdFormatException>(::testing::StartsWith("\"" + std::string(text) + "\" is no task's id")))
        << text;
  }
}

}  // namespace
}  // namespace tidemill
