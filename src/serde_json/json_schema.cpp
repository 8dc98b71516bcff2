// The JSON Schema (draft 7) of a table: closed objects, since the writer writes nothing but these fields. Structs with a title
// stand once, among the definitions; others where they are used.
#include <algorithm>
#include <tidemill/serde_json/json_serde.hpp>
#include <vector>

#include "serde_json/json_text.hpp"

namespace tidemill::detail {
namespace {

class SchemaWriter {
 public:
  explicit SchemaWriter(const JsonType& top) : top_(top) {}

  Bytes write() {
    Bytes out = R"({"$schema":"http://json-schema.org/draft-07/schema#",)";
    out += body(top_).substr(1);
    if (definitions_.empty()) return out;
    out.pop_back();
    out += R"(,"definitions":{)";
    for (std::size_t i = 0; i < definitions_.size(); ++i) {
      if (i > 0) out += ',';
      append_json_text(definitions_[i].type->title, out);
      out += ':' + definitions_[i].text;
    }
    return out + "}}";
  }

 private:
  struct Definition {
    const JsonType* type;
    Bytes text;
  };

  Bytes describe(const JsonType& type) {
    if (type.kind != JsonKind::kObject) return body(type);
    if (&type == &top_) return R"({"$ref":"#"})";
    if (type.title.empty()) return body(type);
    const auto known = std::find_if(definitions_.begin(), definitions_.end(),
                                    [&](const Definition& definition) { return definition.type->title == type.title; });
    if (known == definitions_.end()) {
      const std::size_t at = definitions_.size();
      definitions_.push_back({&type, {}});
      Bytes text = body(type);
      definitions_[at].text = std::move(text);
    } else if (known->type != &type) {
      throw SerializationException("JSON schema: two structs have the title " + std::string(type.title));
    }
    Bytes reference = R"({"$ref":)";
    append_json_text("#/definitions/" + std::string(type.title), reference);
    return reference + '}';
  }

  Bytes body(const JsonType& type) {
    switch (type.kind) {
      case JsonKind::kBool: return R"({"type":"boolean"})";
      case JsonKind::kInteger: return type.is_signed ? R"({"type":"integer"})" : R"({"type":"integer","minimum":0})";
      case JsonKind::kNumber: return R"({"type":"number"})";
      case JsonKind::kText: return R"({"type":"string"})";
      case JsonKind::kName: return names(type);
      case JsonKind::kOptional: return R"({"oneOf":[{"type":"null"},)" + describe(type.element()) + "]}";
      case JsonKind::kList: return R"({"type":"array","items":)" + describe(type.element()) + "}";
      case JsonKind::kMap: return R"({"type":"object","additionalProperties":)" + describe(type.element()) + "}";
      case JsonKind::kConverted: return describe(type.element());
      case JsonKind::kObject: break;
    }
    return object(type);
  }
  static Bytes names(const JsonType& type) {
    Bytes out = R"({"type":"string","enum":[)";
    for (std::size_t i = 0; i < type.names.size(); ++i) {
      if (i > 0) out += ',';
      append_json_text(type.names[i].name, out);
    }
    return out + "]}";
  }
  Bytes object(const JsonType& type) {
    if (std::find(open_.begin(), open_.end(), &type) != open_.end()) {
      throw SerializationException("JSON schema: a struct that contains itself needs a name: give it a json_title");
    }
    open_.push_back(&type);
    Bytes out = "{";
    if (!type.title.empty()) {
      out += R"("title":)";
      append_json_text(type.title, out);
      out += ',';
    }
    out += R"("type":"object","additionalProperties":false,"properties":{)";
    Bytes required;
    for (const JsonField& field : type.fields) {
      const JsonType& of_field = field.type();
      if (&field != type.fields.data()) out += ',';
      append_json_text(field.name, out);
      out += ':' + describe(of_field);
      if (field.has_default || of_field.kind == JsonKind::kOptional) continue;
      if (!required.empty()) required += ',';
      append_json_text(field.name, required);
    }
    open_.pop_back();
    return out + (required.empty() ? "}}" : R"(},"required":[)" + required + "]}");
  }

  const JsonType& top_;
  std::vector<const JsonType*> open_;
  std::vector<Definition> definitions_;
};

}  // namespace

Schema describe_json(const JsonType& type) {
  return {.type = SchemaType::kJson, .text = SchemaWriter(type).write(), .record_name = std::string(type.title)};
}

}  // namespace tidemill::detail
