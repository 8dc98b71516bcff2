// JSON to values: what is taken, and in which words the rest is refused.
#include <gmock/gmock.h>

#include "shapes.hpp"

namespace shapes {
namespace {

using testing::HasSubstr;
using tidemill::UnknownFields;

constexpr tidemill::JsonOptions kStrict{.unknown_fields = UnknownFields::kRefuse};

TEST(JsonRead, TakesEveryShape) {
  const Payment payment = read<Payment>(R"( {"legs": [{"amount": -5, "account": "A"}, {"account":"B","amount":5}],
      "id":"p\u00e9\n", "note":null, "mode":"block", "tags":{"a b":1,"":-2}, "rate":1e-3} )");
  EXPECT_EQ(payment, (Payment{"p\u00e9\n", {{"A", -5}, {"B", 5}}, std::nullopt, Mode::kBlock, {{"a b", 1}, {"", -2}}, 0.001}));
  EXPECT_EQ(read<Payment>(R"({"id":"","legs":[],"note":"x"})"), (Payment{"", {}, "x", Mode::kMonitor, {}, 0.5}));
  EXPECT_EQ(read<Point>(R"({"y":2,"x":1})"), (Point{1, 2}));
  EXPECT_EQ(read<std::vector<Amount>>(R"(["12c","-3c"])"), (std::vector<Amount>{{12}, {-3}}));
  EXPECT_EQ((read<std::unordered_map<std::string, Tree>>(R"({"a":{"name":"n","children":[{"name":"m"}]}})")).at("a"),
            (Tree{"n", {{"m", {}}}}));
  EXPECT_EQ(read<std::deque<bool>>("[true,false ]"), (std::deque<bool>{true, false}));
  EXPECT_EQ((read<std::vector<std::optional<int>>>("[1,null]")), (std::vector<std::optional<int>>{1, std::nullopt}));
}

TEST(JsonRead, TakesOneTokenAsADocument) {
  EXPECT_EQ(read<std::int64_t>(" 42\n"), 42);
  EXPECT_EQ(read<std::string>(R"("a\"b")"), "a\"b");
  EXPECT_EQ(read<bool>("true"), true);
  EXPECT_EQ(read<std::optional<int>>("null"), std::nullopt);
  EXPECT_EQ(read<Mode>(R"("monitor")"), Mode::kMonitor);
  EXPECT_THAT(refusal<std::int64_t>("4 2"), HasSubstr("something follows"));
  EXPECT_THAT(refusal<std::string>(R"("a" "b")"), HasSubstr("something follows"));
  EXPECT_THAT(refusal<std::string>(R"("a"})"), HasSubstr("something follows"));
  EXPECT_THAT(refusal<bool>("true,"), HasSubstr("something follows"));
}

TEST(JsonRead, HoldsTheRangeOfEveryNumber) {
  const Numbers low =
      read<Numbers>(R"({"tiny":-128,"byte":0,"middle":-2147483648,"natural":0,"large":-9223372036854775808,"largest":0})");
  EXPECT_EQ(low.tiny, -128);
  EXPECT_EQ(low.middle, INT32_MIN);
  EXPECT_EQ(low.large, INT64_MIN);
  const Numbers high = read<Numbers>(
      R"({"tiny":127,"byte":255,"middle":2147483647,"natural":4294967295,"large":9223372036854775807,"largest":18446744073709551615})");
  EXPECT_EQ(high.byte, 255);
  EXPECT_EQ(high.natural, UINT32_MAX);
  EXPECT_EQ(high.large, INT64_MAX);
  EXPECT_EQ(high.largest, UINT64_MAX);
  for (const char* wrong : {R"({"tiny":128})", R"({"tiny":-129})", R"({"byte":256})", R"({"byte":-1})",
                            R"({"middle":2147483648})", R"({"natural":4294967296})", R"({"large":9223372036854775808})",
                            R"({"large":-9223372036854775809})", R"({"largest":18446744073709551616})", R"({"largest":-1})"}) {
    EXPECT_THAT(refusal<Numbers>(wrong), HasSubstr("does not fit")) << wrong;
  }
  EXPECT_EQ(refusal<Numbers>(R"({"byte":-1})"), "JSON: byte (byte 8): -1 does not fit: 8 bits, without a sign");
  for (const char* wrong : {"1.5", "1.0", "1e3", "\"1\"", "true", "[1]", "{}", "01", "+1", "1.", "0x10", "--1", "NaN"}) {
    EXPECT_THAT(refusal<std::vector<int>>("[" + std::string(wrong) + "]"), HasSubstr("where a whole number must be")) << wrong;
  }
}

TEST(JsonRead, TakesRealNumbers) {
  EXPECT_EQ(read<std::vector<double>>("[0,-0.5,1e2,1E+2,0.1,1.7976931348623157e308,5e-324]"),
            (std::vector<double>{0, -0.5, 100, 100, 0.1, 1.7976931348623157e308, 5e-324}));
  EXPECT_EQ(read<float>("0.1"), 0.1F);
  EXPECT_THAT(refusal<double>("1e400"), HasSubstr("too large"));
  EXPECT_THAT(refusal<float>("1e40"), HasSubstr("too large"));
  for (const char* wrong : {"nan", "inf", "Infinity", ".5", "1.", "1e", "-", "0x1p3", "1_0"}) {
    EXPECT_NE(refusal<double>(wrong), "taken") << wrong;
  }
}

TEST(JsonRead, SaysWhere) {
  EXPECT_EQ(refusal<Payment>(R"({"id":"p","legs":[{"account":"A","amount":1},{"account":"B","amount":1.5}]})"),
            "JSON: legs[1].amount (byte 69): 1.5, where a whole number must be");
  EXPECT_EQ(refusal<Payment>(R"({"id":"p","legs":[],"tags":{"a":true}})"),
            "JSON: tags[\"a\"] (byte 32): true, where a whole number must be");
  EXPECT_EQ(refusal<Payment>(R"({"id":"p"})"), "JSON: legs (byte 0): the field is missing");
  EXPECT_EQ(refusal<Payment>(R"({"id":null,"legs":[]})"), "JSON: id (byte 6): null, where a text must be");
  EXPECT_EQ(refusal<Payment>(R"([])"), "JSON: byte 0: a list, where an object must be");
  EXPECT_EQ(refusal<Payment>(R"({"id":"p","legs":[],"mode":"bloc"})"),
            "JSON: mode (byte 27): \"bloc\" is none of monitor, block");
  EXPECT_EQ(refusal<std::vector<Amount>>(R"(["1c","2"])"), "JSON: [1] (byte 6): an amount ends with c");
  EXPECT_EQ(refusal<std::vector<Amount>>(R"(["1c",2])"), "JSON: [1] (byte 6): 2, where a text must be");
  EXPECT_EQ(refusal<Payment>(""), "JSON: byte 0: there is no JSON, only emptiness");
  EXPECT_EQ(refusal<Payment>(R"({"id":"p","legs":[],"id":"q"})"), "JSON: id (byte 25): the field is there twice");
  EXPECT_EQ((refusal<std::map<std::string, int>>(R"({"a":1,"a":2})")), "JSON: [\"a\"] (byte 11): the key is there twice");
}

TEST(JsonRead, PassesOverUnknownFieldsUnlessToldNotTo) {
  const char* more = R"({"id":"p","new":{"a":[1,2.5e3,null,true,"\u0041",{}]},"legs":[],"big":123456789012345678901234567890})";
  EXPECT_EQ(read<Payment>(more).id, "p");
  EXPECT_EQ(refusal<Payment>(more, kStrict), "JSON: [\"new\"] (byte 16): there is no such field");
  // What is passed over is JSON all the same.
  for (const char* wrong : {"{\"a\":[1,2}}", "tru", "01", "1.", "[1 2]", "{\"a\" 1}", "{1:2}", "[1,]", "{\"a\":1,}", "\"\\x\"",
                            "\"\\ud800\"", "nulll", "'a'", "[", "}", ""}) {
    EXPECT_NE(refusal<Leg>(R"({"account":"A","amount":1,"x":)" + std::string(wrong) + "}"), "taken") << wrong;
  }
}

TEST(JsonRead, RefusesWhatIsNoJson) {
  for (const char* wrong :
       {"{", "{\"account\":\"A\",\"amount\":1", "{\"account\":\"A\",\"amount\":1}}", "{\"account\":\"A\" \"amount\":1}",
        "{\"account\":\"A\",\"amount\":1} x", "{\"account\":\"A\",\"amount\":1}{}", "{\"account\":\"A\",\"amount\":1,}",
        "{\"account\":\"\xff\",\"amount\":1}", "{\"account\":\"a\nb\",\"amount\":1}", "{\"account\":\"a,\"amount\":1}",
        "\xef\xbb\xbf{\"account\":\"A\",\"amount\":1}", "{account:\"A\",\"amount\":1}", "{\"account\":\"A\",\"amount\":1]"}) {
    EXPECT_NE(refusal<Leg>(wrong), "taken") << wrong;
  }
  EXPECT_THAT(refusal<Leg>("{\"account\":\"\xff\",\"amount\":1}"), HasSubstr("not UTF-8"));
}

TEST(JsonRead, HasABoundInDepth) {
  const auto nested = [](int levels) {
    std::string text;
    for (int i = 0; i < levels; ++i) text += R"({"name":"n","children":[)";
    for (int i = 0; i < levels; ++i) text += "]}";
    return text;
  };
  EXPECT_EQ(refusal<Tree>(nested(tidemill::kJsonDepthMax / 2)), "taken");
  EXPECT_THAT(refusal<Tree>(nested(tidemill::kJsonDepthMax / 2 + 1)), HasSubstr("more than 64 levels"));
  EXPECT_THAT(refusal<Leg>(R"({"x":)" + std::string(100000, '[')), HasSubstr("JSON"));
  EXPECT_THAT(refusal<Leg>(R"({"x":)" + std::string(70, '[') + std::string(70, ']') + "}"), HasSubstr("more than 64 levels"));
}

/// A conversion that reads JSON itself.
struct Nested {
  Leg leg;
};

}  // namespace
}  // namespace shapes

template <>
struct tidemill::JsonOf<shapes::Nested> {
  using As = std::string;
  static As to_json(const shapes::Nested& nested) { return shapes::write(nested.leg); }
  static shapes::Nested from_json(const As& text) { return {shapes::read<shapes::Leg>(text)}; }
};

namespace shapes {
namespace {

TEST(JsonRead, ReadsInsideOfAConversion) {
  const std::string inner = R"(["{\"account\":\"A\",\"amount\":1}","{\"account\":\"B\",\"amount\":2}"])";
  const auto both = read<std::vector<Nested>>(inner);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[1].leg, (Leg{"B", 2}));
  EXPECT_EQ(refusal<std::vector<Nested>>(R"(["{}"])"), "JSON: [0] (byte 1): JSON: account (byte 0): the field is missing");
}

TEST(JsonRead, GivesBackMemoryAndGoesOn) {
  const std::string large = "\"" + std::string(std::size_t{3} << 20, 'x') + "\"";
  EXPECT_EQ(read<std::string>(large).size(), large.size() - 2);
  EXPECT_EQ(read<std::string>("\"y\""), "y");
  EXPECT_EQ(read<std::string>(large).size(), large.size() - 2);
}

}  // namespace
}  // namespace shapes
