// SAYS: map_values(mapper): the function must be callable with (const V&) or (const K&, const V&)
// A mapper with too many parameters.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto table = builder.table<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  (void)table.map_values([](const Text& key, const Text& value, int) { return key + value; });
#else
  (void)table.map_values([](const Text& key, const Text& value) { return key + value; });
#endif
}
