// Expects: aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, const Result& so_far)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  const auto add = [](const Text&, const Text& value, const Text& so_far) { return so_far + value; };
  (void)stream.group_by_key().aggregate(0, add);  // here
#else
  (void)stream.group_by_key().aggregate(Text(),
                                        [](const Text&, const Text& value, const Text& so_far) { return so_far + value; });
#endif
}
