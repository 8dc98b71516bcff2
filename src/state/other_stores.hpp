// Stores that are neither keys and values nor segments.
#pragma once

#include "state/open_store.hpp"

namespace tidemill {

[[nodiscard]] std::unique_ptr<LayeredStore> make_change_buffer(OpenStore options);
[[nodiscard]] std::unique_ptr<LayeredStore> make_versioned_store(OpenStore options);
/// `lists`: a store of keys and values.
[[nodiscard]] std::unique_ptr<LayeredStore> make_list_store(std::unique_ptr<LayeredStore> lists);

}  // namespace tidemill
