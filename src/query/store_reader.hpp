// Asks one store a question: a live one, on the thread that owns it, or what its last commit left, on any thread.
#pragma once

#include <memory>

#include <tidemill/query/store_queries.hpp>

#include "state/store_stack.hpp"

namespace tidemill {

/// The rows, or the failure, into `result`; its position and age are the caller's.
void read_store(LayeredStore& store, const StoreQuery& query, std::size_t bytes_max, QueryResult<StoreRows>& result);

/// What the last commit left of a store.
struct CommittedStore {
  StoreSpec spec;
  std::unique_ptr<BytesSnapshot> snapshot;
  /// What is older was not found any more then.
  Timestamp oldest{INT64_MIN};
};
void read_store(CommittedStore store, const StoreQuery& query, std::size_t bytes_max, QueryResult<StoreRows>& result);

}  // namespace tidemill
