#include <tidemill/dsl/timestamped_table.hpp>

namespace tidemill::detail {

TableView view_of_table_joins(const TaskContext& task) {
  return task.exactly_as_kafka_streams() ? TableView::kLatest : TableView::kForwarded;
}

}  // namespace tidemill::detail
