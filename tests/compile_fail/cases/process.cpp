// SAYS: process(supplier): supplier() must return a std::unique_ptr to a Processor of this stream's key and value
// A processor of other values than the stream's.
#include <string>

#include <tidemill/dsl/streams_builder.hpp>

using Text = std::string;

template <class V>
struct Work final : tidemill::Processor<Text, V> {
  void process(const tidemill::Record<Text, V>& record) override { this->context().forward(record); }
};

void topology(tidemill::StreamsBuilder& builder) {
  const auto stream = builder.stream<Text, Text>("in");
#ifdef TIDEMILL_WRONG
  stream.process([] { return std::unique_ptr<Work<int>>(new Work<int>); });
#else
  stream.process([] { return std::unique_ptr<Work<Text>>(new Work<Text>); });
#endif
}
