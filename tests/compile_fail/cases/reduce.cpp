// SAYS: reduce(reducer): reducer must be callable as Value(const Value& so_far, const Value& value)
// A reducer into another type: that is what aggregate() is for.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.group_by_key().reduce([](int so_far, const Text& value) { return so_far + static_cast<int>(value.size()); });
#else
  stream.group_by_key().reduce([](const Text& so_far, const Text& value) { return so_far + value; });
#endif
}
