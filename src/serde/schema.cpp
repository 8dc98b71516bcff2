#include <tidemill/serde/schema.hpp>

namespace tidemill {

std::string_view to_string(SchemaType type) {
  switch (type) {
    case SchemaType::kAvro: return "AVRO";
    case SchemaType::kJson: return "JSON";
    case SchemaType::kProtobuf: return "PROTOBUF";
  }
  return "unknown";
}

}  // namespace tidemill
