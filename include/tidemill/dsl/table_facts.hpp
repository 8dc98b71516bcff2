// What the builder knows of a table, and later operators ask of it: whether it has a store, whether its old values are wanted.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tidemill/topology/topology_builder.hpp>

namespace tidemill::detail {

/// What later operators ask of a table; read when its step is written.
struct TableFacts {
  bool materialized = false;
  bool send_old_values = false;
  /// Options without a store's name were given: in Java such a table counts as one without versions, whatever it comes from.
  bool forgets_versions = false;
  StoreSpec store;
  /// Of windowed aggregations: how long behind its end a window takes records.
  std::optional<std::chrono::milliseconds> window_grace = {};
  /// Where the values of a table without a store come from: one table (a filter, a map) or two (a join). Empty: a source or an
  /// aggregation, which has a store wherever its values are asked for.
  std::vector<std::shared_ptr<TableFacts>> upstream;

  /// Old versions of its values are kept, so what comes out of order changes nothing downstream.
  [[nodiscard]] bool versioned() const;
  /// Somebody looks up its values.
  void materialize();
  /// Old values are wanted; `force`: also where a store has to be made for them. True: they come.
  bool enable_old_values(bool force);
};

/// Adds the store of a table that has one; what its node is connected to.
std::vector<std::string> add_store(TopologyBuilder& builder, const TableFacts& facts);
/// The store of that name in the task; `what` has none: StreamsException.
[[nodiscard]] StateStore& store_of_table(TaskContext& task, const std::string& name, const char* what);

}  // namespace tidemill::detail
