// Expects: group_by(selector): the function must be callable with (const V&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  (void)stream.group_by([](std::int64_t value) { return value; });  // here
#else
  (void)stream.group_by([](const Text& value) { return value; });
#endif
}
