// A store of at most so many keys: a put that makes it one too many evicts the key that was read or put longest ago.
//
// Lies below the cache, so what the cache answers is no use, as in Java. An abort gives the order of the last commit back. After a
// restore the order is that of the puts in the changelog.
#pragma once

#include <memory>

#include <tidemill/base/unique_function.hpp>
#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

/// Told of each key that is evicted, before the put that evicts it returns.
using Evicted = UniqueFunction<void(BytesView key)>;

[[nodiscard]] std::unique_ptr<BytesStore> make_lru_store(std::unique_ptr<BytesStore> rows, std::size_t entries_max,
                                                         Evicted evicted);

}  // namespace tidemill
