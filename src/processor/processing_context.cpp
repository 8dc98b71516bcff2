#include <tidemill/processor/processing_context.hpp>

namespace tidemill {

namespace detail {

void throw_missing_key() { throw StreamsException("the record has no key: ask has_key() first, or use key_or_null()"); }
void throw_missing_value() {
  throw StreamsException("the record has a null value: ask has_value() first, or use value_or_null()");
}

void throw_no_processor(const std::string& node) {
  throw StreamsException("the supplier of processor \"" + node +
                         "\" gave none: return a std::unique_ptr to a new one each time");
}
void throw_no_context() {
  throw StreamsException("a processor has no context before init(): nothing is there yet when it is made");
}

void ProcessorNodeBase::forward_to(std::string_view child, const ErasedRecord& record) const {
  OperatorNode::forward_to(child, record);
}

namespace {

bool is_custom(const StateStore& store) { return store.spec().kind == StoreKind::kCustom; }

struct FaceNames {
  const char* kind;
  const char* member;
};
FaceNames names_of(ProcessorNodeBase::Face face) {
  switch (face) {
    case ProcessorNodeBase::Face::kKeyValue: break;
    case ProcessorNodeBase::Face::kWindow: return {"window store", "window_store()"};
    case ProcessorNodeBase::Face::kSession: return {"session store", "session_store()"};
    case ProcessorNodeBase::Face::kVersioned: return {"versioned store", "versioned_store()"};
  }
  return {"key-value store", "key_value_store()"};
}
/// nullopt: processors have none for it.
std::optional<ProcessorNodeBase::Face> face_of(StoreKind kind) {
  switch (kind) {
    case StoreKind::kKeyValue:
    case StoreKind::kTimestampedKeyValue: return ProcessorNodeBase::Face::kKeyValue;
    case StoreKind::kWindow:
    case StoreKind::kTimestampedWindow: return ProcessorNodeBase::Face::kWindow;
    case StoreKind::kSession: return ProcessorNodeBase::Face::kSession;
    case StoreKind::kVersionedKeyValue: return ProcessorNodeBase::Face::kVersioned;
    case StoreKind::kChangeBuffer:
    case StoreKind::kJoinBuffer:
    case StoreKind::kCustom: break;
  }
  return std::nullopt;
}

}  // namespace

StateStore& ProcessorNodeBase::store_as(Face face, std::string_view name, bool timestamped) const {
  StateStore& store = connected_store(name);
  if (is_custom(store)) throw_wrong_store_type(name, names_of(face).kind);
  const std::optional<Face> own = face_of(store.spec().kind);
  // A versioned store is also one of keys and their latest values.
  if (own != face && !(own == Face::kVersioned && face == Face::kKeyValue)) {
    throw StreamsException("processor \"" + this->name() + "\": store \"" + std::string(name) + "\" is no " +
                           names_of(face).kind +
                           (own ? ", it is a " + std::string(names_of(*own).kind) + ": ask for it with " + names_of(*own).member
                                : ": it is an operator's own buffer, which nobody else reads"));
  }
  if (store.spec().timestamped() && !timestamped) {
    throw StreamsException("processor \"" + this->name() + "\": store \"" + std::string(name) +
                           "\" keeps a timestamp with each value: ask for ValueAndTimestamp<Value> instead of Value");
  }
  if (!store.spec().timestamped() && timestamped && face != Face::kSession && face != Face::kVersioned) {
    throw StreamsException("processor \"" + this->name() + "\": store \"" + std::string(name) +
                           "\" keeps no timestamps: ask for Value instead of ValueAndTimestamp<Value>");
  }
  return store;
}

CustomStore& ProcessorNodeBase::custom_store(std::string_view name, std::string_view asked) const {
  StateStore& store = connected_store(name);
  if (!is_custom(store)) throw_wrong_store_type(name, asked);
  if (CustomStore* const custom = store.custom()) return *custom;
  throw StreamsException("processor \"" + this->name() + "\": store \"" + std::string(name) +
                         "\" is a global one, which others write meanwhile: read it in read_custom_store<...>(\"" +
                         std::string(name) + "\", [](const auto& store) { ... })");
}

void ProcessorNodeBase::read_custom_store(std::string_view name, std::string_view asked,
                                          const std::function<void(const CustomStore&)>& job) const {
  StateStore& store = connected_store(name);
  if (!is_custom(store)) throw_wrong_store_type(name, asked);
  if (store.read_custom(job)) return;
  throw StreamsException("processor \"" + this->name() + "\": store \"" + std::string(name) + "\" is not open");
}

void ProcessorNodeBase::throw_wrong_store_type(std::string_view name, std::string_view asked) const {
  StateStore& store = connected_store(name);
  const std::string whose = "processor \"" + this->name() + "\": store \"" + std::string(name) + "\" ";
  const std::string wanted(asked);
  if (!is_custom(store)) {
    throw StreamsException(whose + "is one of the library's kinds, not a " + wanted +
                           ": ask for it with key_value_store(), window_store(), session_store() or versioned_store()");
  }
  const std::string declared(store.spec().custom.type());
  throw StreamsException(whose + "is declared as a " + declared + ", not a " + wanted + ": ask for custom_store<" + declared +
                         ">(\"" + std::string(name) + "\")");
}

RecordContext ProcessorNodeBase::context_of(Timestamp timestamp, const Headers& headers) const {
  if (timestamp.value < 0) {
    throw StreamsException("processor \"" + name() + "\" forwards a record with the negative timestamp " +
                           std::to_string(timestamp.value) + ": give it one with with_timestamp()");
  }
  RecordContext context = task().current != nullptr ? *task().current : RecordContext{};
  context.timestamp = timestamp;
  context.headers = &headers;
  return context;
}

}  // namespace detail

std::optional<RecordMetadata> ProcessingContext::record_metadata() const {
  const RecordContext* current = node_.task().current;
  if (current == nullptr || current->source == nullptr) return std::nullopt;
  return RecordMetadata{current->source->topic, current->source->partition, current->offset};
}

std::map<std::string, std::string> ProcessingContext::app_configs_with_prefix(std::string_view prefix) const {
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : app_configs()) {
    if (key.starts_with(prefix)) found[key.substr(prefix.size())] = value;
  }
  return found;
}

}  // namespace tidemill
