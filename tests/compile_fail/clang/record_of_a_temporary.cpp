// Expects: temporary whose address is used as value of local variable 'out' will be destroyed at the end of the full-expression
#include <tidemill/dsl/streams_builder.hpp>
#pragma clang diagnostic error "-Wdangling"

using namespace tidemill;
using Text = std::string;

class Check : public Processor<Text, Text> {
  void process(const Record<Text, Text>& record) override {
#ifdef WRONG
    const auto out = record.with_value(record.value() + "!");  // here
#else
    const Text louder = record.value() + "!";
    const auto out = record.with_value(louder);
#endif
    context().forward(out);
    context().forward(record.with_value(record.value() + "?"));
  }
};
