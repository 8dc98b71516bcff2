// Expects: join(global_table, selector, joiner): selector must be callable as GlobalKey(const Key&, const Value&)
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  auto table = builder.global_table<std::int64_t, Text>("g");
  const auto joiner = [](const Text& a, const Text& b) { return a + b; };
  const auto selector = [](const Text& value) { return value; };
  stream.join(table, selector, joiner);  // here
#else
  auto table = builder.global_table<std::int64_t, Text>("g");
  stream.join(
      table, [](const Text& value) { return std::int64_t(value.size()); }, [](const Text& a, const Text& b) { return a + b; });
#endif
}
