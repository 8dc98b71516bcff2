// Expects: process(supplier): supplier() must return a std::unique_ptr to a class derived from tidemill::Processor
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

class Check : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override { context().forward(record); }
};
class CheckNumber : public Processor<Text, std::int64_t> {
  void process(const Record<Text, std::int64_t>& record) override { context().forward(record); }
};

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  stream.process([] { return Check(); });  // here
#else
  stream.process([] { return std::make_unique<Check>(); });
#endif
}
