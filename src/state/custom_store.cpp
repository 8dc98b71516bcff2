#include <tidemill/state/custom_store.hpp>

#include <tidemill/base/assert.hpp>
#include <tidemill/state/state_store.hpp>

namespace tidemill {

std::map<std::string, std::string> StateStoreContext::app_configs_with_prefix(std::string_view prefix) const {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : app_configs()) {
    if (key.starts_with(prefix)) found[key.substr(prefix.size())] = value;
  }
  return found;
}

void StateStoreContext::log_change(BytesView key, OptionalBytesView value) {
  const RecordContext* const record = record_context();
  log_change(key, value, record != nullptr ? record->timestamp : kNoTimestamp);
}

void CustomStore::restore(std::span<const ChangelogRecord> records) {
  if (records.empty()) return;
  throw StateStoreException(Error{ErrorKind::kUnsupported, "it has a changelog and does not read it: override restore(), or "
                                                           "declare the store with .logging = false"});
}

std::unique_ptr<CustomStore> CustomStoreFactory::make() const {
  TIDEMILL_ASSERT(make_ != nullptr, "a store of one's own kind has a factory: Stores::custom() gives it one");
  return (*make_)();
}

bool StateStore::read_custom(const std::function<void(const CustomStore&)>& job) {
  const CustomStore* const store = custom();
  if (store != nullptr) job(*store);
  return store != nullptr;
}

}  // namespace tidemill
