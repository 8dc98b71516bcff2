// A walk over a store's rows ends because there are no more, or because the disk failed; who walks cannot tell, and half of what
// there is must never be taken for all. So a walk that ends with a failure says so here, once for all who walk.
#pragma once

#include <memory>
#include <string_view>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

/// The same rows; StateStoreException, with the store's name, where `rows` is an error or ends with one.
[[nodiscard]] std::unique_ptr<BytesIterator> whole_walk(std::string_view store, Result<std::unique_ptr<BytesIterator>> rows);

}  // namespace tidemill
