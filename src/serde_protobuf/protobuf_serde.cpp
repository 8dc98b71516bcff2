#include <tidemill/serde_protobuf/protobuf_serde.hpp>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>

#include <climits>

namespace tidemill::detail {
namespace {

namespace pb = google::protobuf;

SerializationException refused(const pb::MessageLite& message, const std::string& why) {
  return SerializationException("Protobuf: " + message.GetTypeName() + ": " + why);
}

}  // namespace

void write_message(const pb::MessageLite& message, Bytes& out) {
  if (!message.IsInitialized()) throw refused(message, "required fields are missing: " + message.InitializationErrorString());
  const std::size_t size = message.ByteSizeLong();
  if (size > INT_MAX) throw refused(message, std::to_string(size) + " bytes are more than a message may have");
  out.reserve(out.size() + size);
  pb::io::StringOutputStream stream(&out);
  pb::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
}

void read_message(pb::MessageLite& message, BytesView bytes) {
  if (bytes.size() > INT_MAX) throw refused(message, std::to_string(bytes.size()) + " bytes are more than a message may have");
  if (!message.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw refused(message, "these " + std::to_string(bytes.size()) + " bytes are no such message");
  }
  if (!message.IsInitialized()) throw refused(message, "required fields are missing: " + message.InitializationErrorString());
}

}  // namespace tidemill::detail
