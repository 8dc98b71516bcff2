// Expects: reduce(reducer): reducer must be callable as Value(const Value& so_far, const Value& value)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  (void)stream.group_by_key().reduce([](const Text&, const Text& value) { return std::vector<Text>{value}; });  // here
#else
  (void)stream.group_by_key().reduce([](const Text& so_far, const Text& value) { return so_far + value; });
#endif
}
