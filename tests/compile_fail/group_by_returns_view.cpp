// Expects: group_by(selector): the selector must return the new key, of a type that is copyable and owns what it holds
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.group_by([](const Text& value) { return std::string_view(value).substr(0, 1); });  // here
#else
  (void)stream.group_by([](const Text& value) { return value.substr(0, 1); }).count();
#endif
}
