#include "state/whole_walk.hpp"

#include <gmock/gmock.h>

#include <tidemill/state/state_store.hpp>

namespace tidemill {
namespace {

/// Two rows, and then the disk fails.
class Failing final : public BytesIterator {
 public:
  bool valid() const override { return at_ < 2; }
  BytesView key() const override { return at_ == 0 ? "a" : "b"; }
  BytesView value() const override { return "1"; }
  void next() override { ++at_; }
  Result<void> status() const override {
    if (valid()) return {};
    return Error{ErrorKind::kIo, "a block cannot be read"};
  }

 private:
  int at_ = 0;
};

TEST(WholeWalk, SaysThatItEndedBecauseTheDiskFailed) {
  const auto rows = whole_walk("counts", std::unique_ptr<BytesIterator>(new Failing));
  ASSERT_TRUE(rows->valid());
  rows->next();
  ASSERT_TRUE(rows->valid());
  EXPECT_EQ(rows->key(), "b");
  rows->next();
  try {
    static_cast<void>(rows->valid());
    FAIL() << "two rows are not all";
  } catch (const StateStoreException& failed) {
    EXPECT_THAT(failed.what(), testing::AllOf(testing::HasSubstr("counts"), testing::HasSubstr("a block cannot be read")));
  }
}

TEST(WholeWalk, SaysThatItCannotBegin) {
  EXPECT_THROW(static_cast<void>(whole_walk("counts", Error{ErrorKind::kIo, "no"})), StateStoreException);
}

}  // namespace
}  // namespace tidemill
