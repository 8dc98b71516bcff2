#include <tidemill/query/queryable_stores.hpp>

namespace tidemill::detail {

Error StoreView::of_other_types(const std::string& why) const {
  return {ErrorKind::kInvalidArgument, "store \"" + name_ + "\" has other types than it is asked for: " + why};
}

}  // namespace tidemill::detail
