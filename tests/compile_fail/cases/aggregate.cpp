// SAYS: aggregate(initial, aggregator): aggregator must be callable as Result(const Key&, const Value&, const Result& so_far)
// An aggregator as other libraries have it, without the key and with the result first.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.group_by_key().aggregate(std::int64_t{0}, [](std::int64_t so_far, const Text& value) {
    return so_far + static_cast<std::int64_t>(value.size());
  });
#else
  stream.group_by_key().aggregate(std::int64_t{0}, [](const Text&, const Text& value, std::int64_t so_far) {
    return so_far + static_cast<std::int64_t>(value.size());
  });
#endif
}
