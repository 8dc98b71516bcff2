#include <algorithm>
#include <mutex>
#include <tidemill/serde_registry/schema_registry.hpp>

namespace tidemill {
namespace {

class InMemorySchemaRegistry final : public SchemaRegistry {
 public:
  Result<SchemaId> register_schema(const std::string& subject, const Schema& schema) override {
    const std::lock_guard lock(mutex_);
    return add(subject, schema);
  }
  Result<RegisteredSchema> look_up(const std::string& subject, const Schema& schema) override {
    const std::lock_guard lock(mutex_);
    const auto& versions = subjects_[subject];
    for (std::size_t i = 0; i < versions.size(); ++i) {
      if (same(schemas_[versions[i] - 1U], schema)) return registered(versions, i);
    }
    return Error{ErrorKind::kNotFound, "schema not found under " + subject};
  }
  Result<RegisteredSchema> latest(const std::string& subject) override {
    const std::lock_guard lock(mutex_);
    const auto& versions = subjects_[subject];
    if (versions.empty()) return Error{ErrorKind::kNotFound, "there is no subject " + subject};
    return registered(versions, versions.size() - 1);
  }
  Result<Schema> schema(SchemaId id) override {
    const std::lock_guard lock(mutex_);
    if (id < 1 || static_cast<std::size_t>(id) > schemas_.size()) {
      return Error{ErrorKind::kNotFound, "there is no schema " + std::to_string(id)};
    }
    return schemas_[static_cast<std::size_t>(id) - 1];
  }

 private:
  using Versions = std::vector<std::size_t>;  // ids
  static bool same(const Schema& a, const Schema& b) { return a.type == b.type && a.text == b.text && a.imports == b.imports; }
  [[nodiscard]] RegisteredSchema registered(const Versions& versions, std::size_t at) const {
    return {static_cast<SchemaId>(versions[at]), static_cast<std::int32_t>(at + 1), schemas_[versions[at] - 1]};
  }
  SchemaId add(const std::string& subject, const Schema& schema) {
    for (const SchemaImport& import : schema.imports) {
      add(import.name, {.type = schema.type, .text = import.text, .record_name = {}, .imports = import.imports});
    }
    auto known = std::find_if(schemas_.begin(), schemas_.end(), [&](const Schema& other) { return same(other, schema); });
    if (known == schemas_.end()) known = schemas_.insert(known, schema);
    const auto id = static_cast<std::size_t>(known - schemas_.begin()) + 1;
    Versions& versions = subjects_[subject];
    if (std::find(versions.begin(), versions.end(), id) == versions.end()) versions.push_back(id);
    return static_cast<SchemaId>(id);
  }

  std::mutex mutex_;
  std::vector<Schema> schemas_;  // the id is the place, from 1
  std::map<std::string, Versions> subjects_;
};

}  // namespace

std::shared_ptr<SchemaRegistry> in_memory_schema_registry() { return std::make_shared<InMemorySchemaRegistry>(); }

}  // namespace tidemill
