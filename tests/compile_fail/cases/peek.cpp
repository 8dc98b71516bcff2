// SAYS: peek(action): the function must be callable with (const V&) or (const K&, const V&)
// An action on a pointer that it could write through.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.peek([](Text*) {});
#else
  stream.peek([](const Text&, const Text&) {});
#endif
}
