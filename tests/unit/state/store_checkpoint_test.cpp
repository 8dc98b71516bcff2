// The checkpoint of a store of one's own kind: what is not whole is none.
#include <gtest/gtest.h>

#include "state/store_checkpoint.hpp"

namespace tidemill {
namespace {

const StoreCheckpoint kCheckpoint{.changelog = {.offset = Offset(7), .epoch = LeaderEpoch(2)},
                                  .position = {{"in", {{0, 41}, {3, 5}}}, {"more", {{0, 1}}}}};

TEST(StoreCheckpoint, ComesBackAsItWas) {
  for (const StoreCheckpoint& one : {kCheckpoint, StoreCheckpoint{}}) EXPECT_EQ(decode_checkpoint(encode_checkpoint(one)), one);
}

TEST(StoreCheckpoint, HasTheseBytes) {
  const StoreCheckpoint small{.changelog = {.offset = Offset(7), .epoch = LeaderEpoch(2)}, .position = {{"in", {{1, 5}}}}};
  using namespace std::string_literals;
  EXPECT_EQ(encode_checkpoint(small).substr(8), "\0\0\0\0\0\0\0\x7"s  // offset
                                                "\0\0\0\x2"s          // epoch
                                                "\0\0\0\x1"s          // topics
                                                "\0\0\0\x2"
                                                "in"s                   // the topic
                                                "\0\0\0\x1"s            // its partitions
                                                "\0\0\0\x1"s            // the partition
                                                "\0\0\0\0\0\0\0\x5"s);  // and its offset
  EXPECT_EQ(encode_checkpoint(small).substr(0, 4), "TMC1");
}

TEST(StoreCheckpoint, ShortenedOrChangedAnywhereItIsNone) {
  const Bytes whole = encode_checkpoint(kCheckpoint);
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(decode_checkpoint(whole.substr(0, size)), std::nullopt);
  EXPECT_EQ(decode_checkpoint(whole + '\0'), std::nullopt);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(decode_checkpoint(changed), std::nullopt) << at;
  }
}

}  // namespace
}  // namespace tidemill
