// Expects: count: a store's name is one of the options: count({.store_name = "name"})
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

inline void build(StreamsBuilder& builder) {
  const auto words = builder.stream<std::string, std::string>("words").group_by_key();
#ifdef WRONG
  static_cast<void>(words.count("counts"));  // here
#else
  static_cast<void>(words.count({.store_name = "counts"}));
  static_cast<void>(words.count({.caching = false}));
  static_cast<void>(words.count({}));
#endif
}
