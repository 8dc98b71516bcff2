// Stores that are neither keys and values nor segments.
#pragma once

#include "state/open_store.hpp"

namespace tidemill {

[[nodiscard]] std::unique_ptr<LayeredStore> make_change_buffer(OpenStore options);
[[nodiscard]] std::unique_ptr<LayeredStore> make_versioned_store(OpenStore options);
/// `rows`: a store of keys and values, without a cache.
[[nodiscard]] std::unique_ptr<LayeredStore> make_join_buffer(std::unique_ptr<LayeredStore> rows);
/// `lists`: a store of keys and values.
[[nodiscard]] std::unique_ptr<LayeredStore> make_list_store(std::unique_ptr<LayeredStore> lists);

}  // namespace tidemill
