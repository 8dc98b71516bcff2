// What a registry's answers say. They come from outside: anything may stand in them.
#pragma once

#include <string>
#include <tidemill/serde_registry/schema_registry.hpp>

namespace tidemill::registry {

/// kCorruption for a body that is not what it should be.
[[nodiscard]] Result<SchemaId> read_id(const std::string& body);
[[nodiscard]] Result<Schema> read_schema(const std::string& body);
[[nodiscard]] Result<RegisteredSchema> read_registered(const std::string& body);
/// Of a status that is not 200: the registry's own words and code, where it says any. kUnavailable: another one, or a later try, may
/// do better.
[[nodiscard]] Error read_error(int status, const std::string& body);

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace tidemill::registry
