// Expects: outer_join(table, joiner): joiner must be callable as NewValue(const Value*, const OtherValue*)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  auto left = builder.table<Text, Text>("l");
  (void)stream;
  left.outer_join(builder.table<Text, Text>("r"), [](const Text& a, const Text&) { return a; });  // here
#else
  auto left = builder.table<Text, Text>("l");
  (void)stream;
  left.outer_join(builder.table<Text, Text>("r"), [](const Text* a, const Text*) { return a != nullptr ? *a : Text(); });
#endif
}
