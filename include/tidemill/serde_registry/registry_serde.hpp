// A serde in the schema registry's envelope: what any SchemaSerde writes (JSON's, Protobuf's, your own), with the id of its schema
// in front.
//
//   const auto registry = http_schema_registry({.urls = {"http://localhost:8081"}}).value();
//   builder.stream<std::string, Payment>("payments", {.value_serde = registry_serde(registry, json_schema_serde<Payment>())});
//
// The registry is asked when the first record of a topic is written, on the thread that writes it; reading asks only where a file
// holds several messages and the schema is another one's: then the message must have the name of the one that is read. What goes
// wrong is a SerializationException, with the registry's words.
#pragma once

#include <tidemill/serde_registry/schema_registry.hpp>

namespace tidemill {

/// Topics that a serde knows the id for without asking the registry's cache; and other programs' schemas that it knows to hold its
/// message. Beyond that it asks.
inline constexpr std::size_t kRegistryAnswersKept = 64;

namespace detail {

class RegistryEnvelope {
 public:
  RegistryEnvelope(std::shared_ptr<SchemaRegistry> registry, Schema schema, MessagePath path, MessageFinder finder,
                   RegistrySerdeOptions options);
  ~RegistryEnvelope();
  RegistryEnvelope(const RegistryEnvelope&) = delete;
  RegistryEnvelope& operator=(const RegistryEnvelope&) = delete;
  /// Both from any thread; both throw SerializationException.
  void begin(std::string_view topic, Bytes& out) const;
  [[nodiscard]] BytesView open(std::string_view topic, BytesView bytes) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

template <class T>
struct RegistryState {
  RegistryEnvelope envelope;
  Serde<T> inner;
};

}  // namespace detail

template <class T>
Serde<T> registry_serde(std::shared_ptr<SchemaRegistry> registry, SchemaSerde<T> serde, RegistrySerdeOptions options = {}) {
  using State = detail::RegistryState<T>;
  return {[](const void* state, std::string_view topic, const T& value, Bytes& out) {
            const State& own = *static_cast<const State*>(state);
            own.envelope.begin(topic, out);
            own.inner.serialize(topic, value, out);
          },
          [](const void* state, std::string_view topic, BytesView bytes) {
            const State& own = *static_cast<const State*>(state);
            return own.inner.deserialize(topic, own.envelope.open(topic, bytes));
          },
          std::shared_ptr<const void>(
              new State{{std::move(registry), std::move(serde.schema), std::move(serde.path), serde.finder, options},
                        std::move(serde.serde)})};
}

}  // namespace tidemill
