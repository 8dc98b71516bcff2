// What is the same for every type in the envelope. Answers are kept in lists that only grow, to a bound, and are read without a lock:
// a topology's threads share its serdes.
#include <tidemill/serde_registry/registry_serde.hpp>

#include <array>
#include <atomic>
#include <mutex>

namespace tidemill::detail {
namespace {

template <class Entry>
class Kept {
 public:
  template <class Wanted>
  [[nodiscard]] const Entry* find(const Wanted& wanted) const {
    for (const auto& slot : slots_) {
      const Entry* entry = slot.load(std::memory_order_acquire);
      if (entry == nullptr || wanted(*entry)) return entry;
    }
    return nullptr;
  }
  void keep(Entry entry) {
    const std::lock_guard lock(mutex_);
    if (owned_.size() == slots_.size()) return;
    owned_.push_back(std::make_unique<Entry>(std::move(entry)));
    slots_[owned_.size() - 1].store(owned_.back().get(), std::memory_order_release);
  }

 private:
  std::array<std::atomic<const Entry*>, kRegistryAnswersKept> slots_{};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Entry>> owned_;
};

struct TopicHead {
  std::string topic;
  Bytes head;
};
struct KnownMessage {
  SchemaId id;
  MessagePath path;
};

}  // namespace

struct RegistryEnvelope::Impl {
  std::shared_ptr<SchemaRegistry> registry;
  Schema schema;
  MessagePath path;
  MessageFinder finder;
  RegistrySerdeOptions options;
  mutable Kept<TopicHead> heads;
  mutable Kept<KnownMessage> messages;

  [[nodiscard]] std::string subject(std::string_view topic) const {
    if (options.subject == SubjectName::kTopic) {
      return std::string(topic) + (options.part == RecordPart::kKey ? "-key" : "-value");
    }
    if (schema.record_name.empty()) {
      throw SerializationException(
          "schema registry: the subject is to be the record's name, and the schema has none (in JSON: json_title)");
    }
    return options.subject == SubjectName::kRecord ? schema.record_name : std::string(topic) + "-" + schema.record_name;
  }

  Result<Bytes> head(const std::string& subject) const {
    Bytes head;
    if (!options.use_latest_version) {
      if (options.auto_register) {
        TIDEMILL_ASSIGN(const SchemaId id, registry->register_schema(subject, schema));
        append_envelope(id, path, head);
      } else {
        TIDEMILL_ASSIGN(const RegisteredSchema known, registry->look_up(subject, schema));
        append_envelope(known.id, path, head);
      }
      return head;
    }
    TIDEMILL_ASSIGN(const RegisteredSchema latest, registry->latest(subject));
    if (latest.schema.type != schema.type) {
      return Error{ErrorKind::kInvalidArgument, "the latest schema of " + subject + " is of type " +
                                                    std::string(to_string(latest.schema.type)) + ", not " +
                                                    std::string(to_string(schema.type))};
    }
    MessagePath there = path;
    if (!path.empty() && finder.path_of != nullptr) {
      TIDEMILL_ASSIGN(there, finder.path_of(latest.schema.text, schema.record_name));
    }
    append_envelope(latest.id, there, head);
    return head;
  }

  /// The record holds the message that this serde reads, and not another one of the file.
  void check_message(std::string_view topic, const Envelope& envelope) const {
    const auto same = [&](const KnownMessage& known) { return known.id == envelope.id && known.path == envelope.path; };
    if (messages.find(same) != nullptr || finder.message_at == nullptr) return;
    const auto refuse = [&](const std::string& why) {
      throw SerializationException("schema registry: a record of " + std::string(topic) + " with the schema " +
                                   std::to_string(envelope.id) + ": " + why);
    };
    const Result<Schema> writers = registry->schema(envelope.id);
    if (!writers) return refuse(to_string(writers.error()));
    if (writers->type != schema.type) {
      refuse("is of type " + std::string(to_string(writers->type)) + ", not " + std::string(to_string(schema.type)));
    }
    const Result<std::string> name = finder.message_at(writers->text, envelope.path);
    if (!name) return refuse(name.error().message);
    if (*name != schema.record_name) refuse("is a " + *name + ", not a " + schema.record_name);
    messages.keep({envelope.id, envelope.path});
  }
};

RegistryEnvelope::RegistryEnvelope(std::shared_ptr<SchemaRegistry> registry, Schema schema, MessagePath path,
                                   MessageFinder finder, RegistrySerdeOptions options)
    : impl_(new Impl{std::move(registry), std::move(schema), std::move(path), finder, options, {}, {}}) {}
RegistryEnvelope::~RegistryEnvelope() = default;

void RegistryEnvelope::begin(std::string_view topic, Bytes& out) const {
  const TopicHead* known = impl_->heads.find([&](const TopicHead& entry) { return entry.topic == topic; });
  if (known != nullptr) {
    out += known->head;
    return;
  }
  Result<Bytes> head = impl_->head(impl_->subject(topic));
  if (!head) {
    throw SerializationException("schema registry: a record for " + std::string(topic) + ": " + to_string(head.error()));
  }
  out += *head;
  impl_->heads.keep({std::string(topic), *std::move(head)});
}

BytesView RegistryEnvelope::open(std::string_view topic, BytesView bytes) const {
  const Result<Envelope> envelope = read_envelope(bytes, !impl_->path.empty());
  if (!envelope) {
    throw SerializationException("schema registry: a record of " + std::string(topic) + ": " + envelope.error().message);
  }
  if (!impl_->path.empty()) impl_->check_message(topic, *envelope);
  return envelope->content;
}

}  // namespace tidemill::detail
