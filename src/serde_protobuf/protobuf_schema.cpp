// The .proto text of a message's file, and questions to the text of another's.
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <climits>
#include <tidemill/serde_protobuf/protobuf_serde.hpp>

namespace tidemill::detail {
namespace {

namespace pb = google::protobuf;

/// A registry has these itself.
bool is_known_everywhere(std::string_view file) {
  return file.starts_with("google/protobuf/") || file.starts_with("google/type/") || file.starts_with("confluent/");
}

std::vector<SchemaImport> imports_of(const pb::FileDescriptor& file) {
  std::vector<SchemaImport> imports;
  for (int i = 0; i < file.dependency_count(); ++i) {
    const pb::FileDescriptor& imported = *file.dependency(i);
    if (is_known_everywhere(imported.name())) continue;
    imports.push_back({imported.name(), imported.DebugString(), imports_of(imported)});
  }
  return imports;
}

class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber, const std::string& message) override {
    if (text.empty()) text = "line " + std::to_string(line + 1) + ": " + message;
  }
  std::string text;
};

Result<pb::FileDescriptorProto> parse(std::string_view text) {
  pb::FileDescriptorProto file;
  FirstError errors;
  if (text.size() > INT_MAX) return Error{ErrorKind::kTooLarge, "the schema is too long for a .proto file"};
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokens(&stream, &errors);
  pb::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.Parse(&tokens, &file) || !errors.text.empty()) {
    return Error{ErrorKind::kInvalidArgument, "the schema is no .proto file: " + errors.text};
  }
  return file;
}

/// The messages in a file and those in a message are lists alike.
template <class List>
const pb::DescriptorProto* at(const List& messages, std::int32_t index) {
  return index >= 0 && index < messages.size() ? &messages.Get(index) : nullptr;
}

Result<std::string> message_at(std::string_view text, const MessagePath& path) {
  TIDEMILL_ASSIGN(const pb::FileDescriptorProto file, parse(text));
  std::string name = file.package();
  const pb::DescriptorProto* message = nullptr;
  for (const std::int32_t index : path) {
    message = message == nullptr ? at(file.message_type(), index) : at(message->nested_type(), index);
    if (message == nullptr) return Error{ErrorKind::kNotFound, "the schema has no message at that place"};
    name += (name.empty() ? "" : ".") + message->name();
  }
  if (message == nullptr) return Error{ErrorKind::kNotFound, "the path of the message is empty"};
  return name;
}

template <class List>
bool find(const List& messages, const std::string& prefix, std::string_view wanted, MessagePath& path) {
  for (int i = 0; i < messages.size(); ++i) {
    const std::string name = prefix + messages.Get(i).name();
    if (name != wanted && !wanted.starts_with(name + ".")) continue;
    path.push_back(i);
    if (name == wanted || find(messages.Get(i).nested_type(), name + ".", wanted, path)) return true;
    path.pop_back();
  }
  return false;
}
Result<MessagePath> path_in(std::string_view text, std::string_view message) {
  TIDEMILL_ASSIGN(const pb::FileDescriptorProto file, parse(text));
  MessagePath path;
  if (find(file.message_type(), file.package().empty() ? "" : file.package() + ".", message, path)) return path;
  return Error{ErrorKind::kNotFound, "the schema has no message " + std::string(message)};
}

}  // namespace

Schema describe_message(const pb::Descriptor& descriptor) {
  return {.type = SchemaType::kProtobuf,
          .text = descriptor.file()->DebugString(),
          .record_name = descriptor.full_name(),
          .imports = imports_of(*descriptor.file())};
}

MessagePath path_of(const pb::Descriptor& descriptor) {
  MessagePath path;
  for (const pb::Descriptor* message = &descriptor; message != nullptr; message = message->containing_type()) {
    path.push_back(message->index());
  }
  std::reverse(path.begin(), path.end());
  return path;
}

MessageFinder protobuf_finder() { return {message_at, path_in}; }

}  // namespace tidemill::detail
