// Lists against the bytes of Java's ListSerde (4.2.0), and what is no list.
#include <gmock/gmock.h>

#include <tidemill/serde/list_serde.hpp>

namespace tidemill {
namespace {

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}
template <class T>
void expect_java(const std::vector<T>& list, std::string_view hex) {
  const Serde<std::vector<T>> serde = SerdeOf<std::vector<T>>::serde();
  Bytes bytes;
  serde.serialize("t", list, bytes);
  EXPECT_EQ(bytes, from_hex(hex));
  EXPECT_EQ(serde.deserialize("t", from_hex(hex)), list);
}
std::string refusal(std::string_view hex) {
  try {
    (void)SerdeOf<std::vector<std::int32_t>>::serde().deserialize("t", from_hex(hex));
  } catch (const SerializationException& error) {
    return error.what();
  }
  return "taken";
}

TEST(ListSerde, HasJavasBytes) {
  expect_java<std::int32_t>({1, 2, 3}, "000000000000000003000000010000000200000003");
  expect_java<std::optional<std::int32_t>>({1, std::nullopt, 3, std::nullopt},
                                           "00000000020000000100000003000000040000000100000003");
  expect_java<std::int64_t>({-1}, "000000000000000001ffffffffffffffff");
  expect_java<std::int16_t>({7}, "0000000000000000010007");
  expect_java<double>({1.5}, "0000000000000000013ff8000000000000");
  expect_java<float>({1.5F}, "0000000000000000013fc00000");
  expect_java<std::string>({"a", "", "bcd"}, "010000000300000001610000000000000003626364");
  expect_java<std::optional<std::string>>({"a", std::nullopt}, "01000000020000000161ffffffff");
  expect_java<bool>({true, false}, "010000000200000001010000000100");
  expect_java<ByteArray>({{Bytes("\x01\x02", 2)}}, "0100000001000000020102");
  expect_java<Uuid>({{{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2}}},
                    "00000000000000000130303030303030302d303030302d303030312d303030302d303030303030303030303032");
  expect_java<std::string>({}, "0100000000");
  expect_java<std::int32_t>({}, "000000000000000000");
  expect_java<std::vector<std::int32_t>>({{1}, {}}, "01000000020000000d0000000000000000010000000100000009000000000000000000");
}

TEST(ListSerde, RefusesWhatIsNoList) {
  EXPECT_EQ(refusal(""), "these bytes are no list: 1 bytes are to follow and 0 do");
  EXPECT_EQ(refusal("02"), "these bytes are no list: it begins with 2");
  EXPECT_EQ(refusal("00000000000000000200000001"), "these bytes are no list: 4 bytes are to follow and 0 do");
  EXPECT_EQ(refusal("000000000000000001000000010a"), "these bytes are no list: there are bytes behind its end");
  EXPECT_EQ(refusal("007fffffff"), "these bytes are no list: it says that 2147483647 elements follow, in 0 bytes");
  EXPECT_EQ(refusal("017fffffff00000000"), "these bytes are no list: it says that 2147483647 elements follow, in 4 bytes");
  EXPECT_EQ(refusal("00000000010000000500000001"), "these bytes are no list: 4 bytes are to follow and 0 do");
  EXPECT_EQ(refusal("0100000001fffffffe"), "these bytes are no list: the length of an element is -2");
  EXPECT_EQ(refusal("0000000001000000000000000200000001"),
            "the list has a null element: read it as std::vector<std::optional<...>>");
}

}  // namespace
}  // namespace tidemill
