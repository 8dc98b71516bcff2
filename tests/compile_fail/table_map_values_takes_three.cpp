// Expects: map_values(mapper): the function must be callable with (const V&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto table = builder.table<Text, Text>("in");
#ifdef WRONG
  (void)table.map_values([](const Text& key, const Text& value, int) { return key + value; });  // here
#else
  (void)table.map_values([](const Text& key, const Text& value) { return key + value; });
#endif
}
