// Protobuf as a serde: any class that protoc has generated, and the file that it comes from as a schema. Whose messages
// they are includes their headers; this one names Protobuf's classes and includes nothing of it.
//
// Messages are written in the canonical order of their maps' keys, so that equal ones have equal bytes within a program (Protobuf
// promises no more: between versions it may change, so a key is better a plain type). A message without a required field is neither
// written nor read; unknown fields stay in it.
#pragma once

#include <type_traits>

#include <tidemill/serde/schema.hpp>

namespace google::protobuf {
class Descriptor;
class MessageLite;
}  // namespace google::protobuf

namespace tidemill {

template <class M>
concept ProtobufMessage = std::is_base_of_v<google::protobuf::MessageLite, M>;

namespace detail {
void write_message(const google::protobuf::MessageLite& message, Bytes& out);
void read_message(google::protobuf::MessageLite& message, BytesView bytes);
[[nodiscard]] Schema describe_message(const google::protobuf::Descriptor& descriptor);
[[nodiscard]] MessagePath path_of(const google::protobuf::Descriptor& descriptor);
[[nodiscard]] MessageFinder protobuf_finder();
}  // namespace detail

template <ProtobufMessage M>
Serde<M> protobuf_serde() {
  return {[](const void*, std::string_view, const M& message, Bytes& out) { detail::write_message(message, out); },
          [](const void*, std::string_view, BytesView bytes) {
            M message;
            detail::read_message(message, bytes);
            return message;
          }};
}

/// The file of the message, as text, with the files that it imports; those of google/protobuf and google/type every registry
/// has. The record's name is the message's full one. Not for the lite runtime, which does not know its files.
template <ProtobufMessage M>
Schema protobuf_schema() {
  return detail::describe_message(*M::descriptor());
}

/// For the schema registry.
template <ProtobufMessage M>
SchemaSerde<M> protobuf_schema_serde() {
  return {protobuf_serde<M>(), protobuf_schema<M>(), detail::path_of(*M::descriptor()), detail::protobuf_finder()};
}

/// A generated message is Protobuf wherever no other serde is given.
template <ProtobufMessage M>
struct SerdeOf<M> {
  static Serde<M> serde() { return protobuf_serde<M>(); }
};

}  // namespace tidemill
