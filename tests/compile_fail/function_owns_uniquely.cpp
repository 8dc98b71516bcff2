// Expects: peek(action): the function must be copyable, each task has its own copy
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;
using Text = std::string;

void build(StreamsBuilder& builder) {
  auto stream = builder.stream<Text, Text>("in");
#ifdef WRONG
  auto counter = std::make_unique<int>(0);
  (void)stream.peek([counter = std::move(counter)](const Text&) { ++*counter; });  // here
#else
  auto counter = std::make_shared<int>(0);
  (void)stream.peek([counter](const Text&) { ++*counter; });
#endif
}
