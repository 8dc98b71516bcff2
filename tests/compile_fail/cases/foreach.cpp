// SAYS: foreach(action): the function must be callable with (const V&) or (const K&, const V&)
// An action that wants to change key and value.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.foreach ([](Text&, Text&) {});
#else
  stream.foreach ([](const Text*) {});
#endif
}
