// Expects: transform_values(supplier): the transformer takes other types of key and value than the table has
#include <tidemill/dsl/streams_builder.hpp>

using namespace tidemill;

template <class V>
class Length : public ValueTransformerWithKey<std::string, V, std::int64_t> {
 public:
  std::optional<std::int64_t> transform(const std::string&, const V* value) override { return value != nullptr ? 1 : 0; }
};

inline void build(StreamsBuilder& builder) {
  const auto names = builder.table<std::string, std::string>("names");
#ifdef WRONG
  (void)names.transform_values([] { return std::make_unique<Length<std::int64_t>>(); });  // here
#else
  (void)names.transform_values([] { return std::make_unique<Length<std::string>>(); });
#endif
}
