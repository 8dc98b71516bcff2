// The JSON Schema of a field list.
#include <gmock/gmock.h>

#include "shapes.hpp"

namespace shapes {
namespace {

using tidemill::json_schema;

TEST(JsonSchema, IsGolden) {
  EXPECT_EQ(
      json_schema<Payment>().text,
      R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Payment","type":"object","additionalProperties":false,)"
      R"("properties":{"id":{"type":"string"},"legs":{"type":"array","items":{"type":"object","additionalProperties":false,)"
      R"("properties":{"account":{"type":"string"},"amount":{"type":"integer"}},"required":["account","amount"]}},)"
      R"("note":{"oneOf":[{"type":"null"},{"type":"string"}]},"mode":{"type":"string","enum":["monitor","block"]},)"
      R"("tags":{"type":"object","additionalProperties":{"type":"integer"}},"rate":{"type":"number"}},)"
      R"("required":["id","legs"]})");
  EXPECT_EQ(json_schema<Payment>().record_name, "Payment");
  EXPECT_EQ(json_schema<Payment>().type, tidemill::SchemaType::kJson);
  EXPECT_EQ(json_schema<std::vector<Amount>>().text,
            R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"array","items":{"type":"string"}})");
}

TEST(JsonSchema, ReferstoWhatHasATitle) {
  EXPECT_EQ(
      json_schema<Tree>().text,
      R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Tree","type":"object","additionalProperties":false,)"
      R"("properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#"}}},"required":["name"]})");
  EXPECT_EQ(
      json_schema<std::vector<Tree>>().text,
      R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"array","items":{"$ref":"#/definitions/Tree"},)"
      R"("definitions":{"Tree":{"title":"Tree","type":"object","additionalProperties":false,"properties":)"
      R"({"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#/definitions/Tree"}}},"required":["name"]}}})");
}

struct Nameless {
  std::vector<Nameless> more;
  static constexpr auto json_fields = std::tuple(json_field("more", &Nameless::more));
};

TEST(JsonSchema, NeedsANameForWhatContainsItself) {
  try {
    (void)json_schema<std::vector<Nameless>>();
    FAIL();
  } catch (const tidemill::SerializationException& error) {
    EXPECT_STREQ(error.what(), "JSON schema: a struct that contains itself needs a name: give it a json_title");
  }
}

}  // namespace
}  // namespace shapes
