#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include <tidemill/base/headers.hpp>
#include <tidemill/base/random.hpp>

#include "base/crc32c.hpp"
#include "base/endian.hpp"
#include "base/murmur2.hpp"
#include "base/varint.hpp"

namespace tidemill {
namespace {

std::string unhex(const std::string& hex) {
  std::string bytes;
  if (hex == "-") return bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

TEST(Murmur2, AgreesWithKafkasClient) {
  std::ifstream in(TIDEMILL_VECTORS);
  std::string line;
  int rows = 0;
  while (std::getline(in, line)) {
    if (line.starts_with("#")) continue;
    std::istringstream row(line);
    std::string hex;
    std::int32_t hash = 0;
    std::int32_t of3 = 0;
    std::int32_t of12 = 0;
    std::int32_t of100 = 0;
    ASSERT_TRUE(row >> hex >> hash >> of3 >> of12 >> of100) << line;
    const std::string key = unhex(hex);
    EXPECT_EQ(murmur2(key), hash) << hex;
    EXPECT_EQ(partition_for_key(key, 3), PartitionId(of3)) << hex;
    EXPECT_EQ(partition_for_key(key, 12), PartitionId(of12)) << hex;
    EXPECT_EQ(partition_for_key(key, 100), PartitionId(of100)) << hex;
    ++rows;
  }
  EXPECT_GT(rows, 100);
}

TEST(Crc32c, KnowsTheUsualVectors) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
}

TEST(Crc32c, TableAndInstructionAgreeAndContinue) {
  SeededRandom random(1);
  for (std::size_t size = 0; size < 300; ++size) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random.next()));
    const std::uint32_t table = detail::crc32c_table(bytes, 0);
    if (detail::have_sse42()) {
      EXPECT_EQ(detail::crc32c_sse42(bytes, 0), table);
    }
    const std::size_t cut = size == 0 ? 0 : random.below(size);
    EXPECT_EQ(crc32c(BytesView(bytes).substr(cut), crc32c(BytesView(bytes).substr(0, cut))), table);
  }
  for (const std::size_t size : {5'000U, 50'001U, 200'003U}) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(random.next()));
    EXPECT_EQ(crc32c(bytes), detail::crc32c_table(bytes, 0));
  }
}

TEST(Varint, ComesBackAndKnowsItsSize) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{63}, std::int64_t{-64}, std::int64_t{64},
        std::int64_t{300}, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    Bytes bytes;
    append_varint(bytes, value);
    EXPECT_EQ(bytes.size(), varint_size(value));
    std::int64_t read = 0;
    EXPECT_EQ(read_varint(bytes.data(), bytes.data() + bytes.size(), read), bytes.data() + bytes.size());
    EXPECT_EQ(read, value);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      EXPECT_EQ(read_varint(bytes.data(), bytes.data() + cut, read), nullptr);
    }
  }
  Bytes bytes;
  append_varint(bytes, -1);
  append_varint(bytes, 150);
  EXPECT_EQ(bytes, std::string("\x01\xac\x02"));
}

TEST(Varint, RefusesMoreThanSixtyFourBits) {
  const std::string eleven(10, '\x80');
  std::uint64_t value = 0;
  EXPECT_EQ(read_unsigned_varint(eleven.data(), eleven.data() + eleven.size(), value), nullptr);
  const std::string large = std::string(9, '\xff') + '\x02';
  EXPECT_EQ(read_unsigned_varint(large.data(), large.data() + large.size(), value), nullptr);
}

TEST(BigEndian, ComesBack) {
  Bytes bytes;
  append_big_endian<std::int32_t>(bytes, 0x01020304);
  append_big_endian<std::int64_t>(bytes, -2);
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x01\x02\x03\x04"));
  EXPECT_EQ(load_big_endian<std::int32_t>(bytes.data()), 0x01020304);
  EXPECT_EQ(load_big_endian<std::int64_t>(bytes.data() + 4), -2);
}

TEST(Headers, ComeBackFromTheirEncodedForm) {
  const Headers headers{{"a", "1"}, {"b", std::nullopt}, {"a", ""}};
  EXPECT_EQ(Headers::decode(headers.encode()).value(), headers);
  EXPECT_EQ(Headers().encode(), "");
  EXPECT_EQ(headers.last("a")->value, "");
  EXPECT_EQ(headers.last("none"), nullptr);
  Headers fewer = headers;
  fewer.remove("a");
  EXPECT_EQ(fewer, (Headers{{"b", std::nullopt}}));
}

TEST(Headers, RefuseWhatIsNotTheirs) {
  const Bytes whole = Headers{{"key", "value"}}.encode();
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    EXPECT_EQ(Headers::decode(BytesView(whole).substr(0, cut)).error().kind, ErrorKind::kCorruption);
  }
  EXPECT_FALSE(Headers::decode(whole + "x").has_value());
  Bytes many;
  append_varint(many, std::int64_t{1} << 40);
  EXPECT_FALSE(Headers::decode(many).has_value());
}

}  // namespace
}  // namespace tidemill
