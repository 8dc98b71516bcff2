// The templates that <tidemill/dsl/common_types.hpp> promises are here.
#define TIDEMILL_COMMON_TYPES
#include <tidemill/dsl/common_types.hpp>
