// SAYS: filter(predicate): the function must be callable with (const V&) or (const K&, const V&)
// A predicate of another type than the table's.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto table = builder.table<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  (void)table.filter([](int value) { return value > 0; });
#else
  (void)table.filter([](const Text& value) { return value.empty(); });
#endif
}
