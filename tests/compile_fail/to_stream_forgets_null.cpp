// Expects: to_stream(selector): a deleted row goes on under its new key and has no value
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

inline void build(StreamsBuilder& builder) {
  const auto rows = builder.table<Text, Text>("rows");
#ifdef WRONG
  rows.to_stream([](const Text& key, const Text& value) { return key + value; }).to("out");  // here
#else
  rows.to_stream([](const Text& key, const Text* value) { return value == nullptr ? key : key + *value; }).to("out");
#endif
}
