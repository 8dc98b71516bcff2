// A serde with the schema of what it writes: how a format (JSON, Protobuf, your own) and the schema registry's envelope meet,
// without one knowing the other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tidemill/base/result.hpp>
#include <tidemill/serde/serde.hpp>

namespace tidemill {

enum class SchemaType : std::uint8_t { kAvro, kJson, kProtobuf };
/// AVRO, JSON, PROTOBUF: as the registry names them.
[[nodiscard]] std::string_view to_string(SchemaType type);

/// A file that another one imports, and the files that it imports itself.
struct SchemaImport {
  std::string name = {};
  std::string text = {};
  std::vector<SchemaImport> imports = {};
  bool operator==(const SchemaImport&) const = default;
};

struct Schema {
  SchemaType type = SchemaType::kJson;
  std::string text = {};
  /// What it is a schema of, for subjects that are named after it. Empty: it has no name.
  std::string record_name = {};
  std::vector<SchemaImport> imports = {};
  bool operator==(const Schema&) const = default;
};

/// Where a message is in its file: its place among the messages of the file, then among those inside of that one, and so on.
/// Empty: the format has one type per file, and the envelope no such path.
using MessagePath = std::vector<std::int32_t>;

/// Questions to a schema that another program has registered; of formats with several messages in a file.
struct MessageFinder {
  Result<std::string> (*message_at)(std::string_view text, const MessagePath& path) = nullptr;
  Result<MessagePath> (*path_of)(std::string_view text, std::string_view message) = nullptr;
};

template <class T>
struct SchemaSerde {
  Serde<T> serde;
  Schema schema;
  MessagePath path = {};
  MessageFinder finder = {};
};

}  // namespace tidemill
