#include "runtime/offset_metadata.hpp"

#include <gtest/gtest.h>

namespace tidemill::runtime {
namespace {

// Texts that Kafka Streams 4.2 wrote.
TEST(OffsetMetadata, IsWrittenAsJavaWritesIt) {
  EXPECT_EQ(encode_offset_metadata(Timestamp(1700000000000), {}), "AgAAAYvP5WgA");
  EXPECT_EQ(encode_offset_metadata(kNoTimestamp, {}), "Av//////////");
  EXPECT_EQ(encode_offset_metadata(Timestamp(5), {{"store", 42}}), "AgAAAAAAAAAFAAAAAQAAAAVzdG9yZQAAAAAAAAAq");
}

TEST(OffsetMetadata, ComesBack) {
  const OffsetMetadata metadata{.partition_time = Timestamp(77), .processors = {{"a", -1}, {"longer name", 1234567}}};
  EXPECT_EQ(decode_offset_metadata(encode_offset_metadata(metadata.partition_time, metadata.processors)), metadata);
}

TEST(OffsetMetadata, WhatCannotBeReadIsNothing) {
  for (const char* text : {"", "!", "Aw==", "AgAA", "AgAAAAAAAAAFAAAAAQAAAAVz"}) {
    EXPECT_TRUE(decode_offset_metadata(text).processors.empty()) << text;
  }
  EXPECT_EQ(decode_offset_metadata("Aw==").partition_time, kNoTimestamp);
}

TEST(OffsetMetadata, ReadsVersionOne) {
  EXPECT_EQ(decode_offset_metadata("AQAAAYvP5WgA").partition_time, Timestamp(1700000000000));
}

}  // namespace
}  // namespace tidemill::runtime
