// Values to JSON: golden text, and what has none.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "shapes.hpp"

namespace shapes {
namespace {

template <class T>
std::string refused(const T& value) {
  tidemill::Bytes out = "kept";
  try {
    tidemill::json_serde<T>().serialize("t", value, out);
  } catch (const tidemill::SerializationException& error) {
    EXPECT_EQ(out, "kept");
    return error.what();
  }
  return "written";
}

TEST(JsonWrite, IsGolden) {
  EXPECT_EQ(write(Payment{"p", {{"A", -5}, {"B", 5}}, "n", Mode::kBlock, {{"b", 2}, {"a", 1}}, 0.1}),
            R"({"id":"p","legs":[{"account":"A","amount":-5},{"account":"B","amount":5}],"note":"n","mode":"block",)"
            R"("tags":{"a":1,"b":2},"rate":0.1})");
  EXPECT_EQ(write(Numbers{-128, 255, INT32_MIN, UINT32_MAX, INT64_MIN, UINT64_MAX, 0.1F, 1e300, true}),
            R"({"tiny":-128,"byte":255,"middle":-2147483648,"natural":4294967295,"large":-9223372036854775808,)"
            R"("largest":18446744073709551615,"real":0.1,"wide":1e+300,"yes":true})");
  EXPECT_EQ(write(std::vector<Amount>{{5}}), R"(["5c"])");
  EXPECT_EQ(write(Point{1, -1}), R"({"x":1,"y":-1})");
  EXPECT_EQ(write(std::string("\"\\/\b\f\n\r\t\x01\x1f\x7f\u00e9")), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f\u00e9\"");
  EXPECT_EQ(write(std::optional<int>()), "null");
}

TEST(JsonWrite, LeavesOutNullsUnlessToldNotTo) {
  const Payment payment{"p", {}, std::nullopt, Mode::kMonitor, {}, 1};
  EXPECT_EQ(write(payment), R"({"id":"p","legs":[],"mode":"monitor","tags":{},"rate":1})");
  EXPECT_EQ(write(payment, {.nulls = tidemill::JsonNulls::kWrite}),
            R"({"id":"p","legs":[],"note":null,"mode":"monitor","tags":{},"rate":1})");
}

TEST(JsonWrite, GivesEqualMapsEqualBytes) {
  std::unordered_map<std::string, int> forth;
  std::unordered_map<std::string, int> back;
  back.rehash(1000);
  for (int i = 0; i < 100; ++i) forth.emplace(std::to_string(i), i), back.emplace(std::to_string(99 - i), 99 - i);
  EXPECT_EQ(write(forth), write(back));
  EXPECT_TRUE(write(forth).starts_with(R"({"0":0,"1":1,"10":10,)"));
}

TEST(JsonWrite, ComesBackTheSame) {
  const Payment payment{"p\n\u00e9\x01", {{"", INT64_MIN}}, "", Mode::kBlock, {{"\"", 0}}, 1.0 / 3};
  EXPECT_EQ(read<Payment>(write(payment)), payment);
  const Numbers numbers{-1, 200, 5, 6, INT64_MAX, UINT64_MAX, 1.0F / 3, std::numeric_limits<double>::denorm_min(), true};
  EXPECT_EQ(read<Numbers>(write(numbers)), numbers);
  const Tree tree{"a", {{"b", {{"c", {}}}}, {"d", {}}}};
  EXPECT_EQ(read<Tree>(write(tree)), tree);
}

TEST(JsonWrite, RefusesWhatJsonDoesNotHave) {
  EXPECT_EQ(refused(std::vector<double>{1, NAN}), "JSON: [1]: JSON has no number for infinity, nor for what is none");
  EXPECT_EQ(refused(std::vector<float>{INFINITY}), "JSON: [0]: JSON has no number for infinity, nor for what is none");
  EXPECT_EQ(refused(Leg{"\xff", 1}), "JSON: account: the text is not UTF-8");
  EXPECT_EQ(refused(std::map<std::string, int>{{"\xc0", 1}}).substr(0, 6), "JSON: ");
  EXPECT_EQ(refused(static_cast<Mode>(7)), "JSON: the value 7 has no name");
  Tree deep{"x", {}};
  for (int i = 0; i < 40; ++i) deep = Tree{"x", {deep}};
  EXPECT_THAT(refused(deep), testing::HasSubstr("more than 64 levels"));
}

TEST(JsonWrite, IsTheSerdeOfAStructWithFields) {
  static_assert(tidemill::HasSerde<Leg> && tidemill::HasSerde<Point>);
  tidemill::Bytes out;
  tidemill::SerdeOf<Leg>::serde().serialize("t", Leg{"A", 1}, out);
  EXPECT_EQ(out, R"({"account":"A","amount":1})");
}

}  // namespace
}  // namespace shapes
