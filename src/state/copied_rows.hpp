#pragma once

#include <utility>
#include <vector>

#include <tidemill/state/bytes_store.hpp>

namespace tidemill {

/// Rows copied out of a whole walk (whole_walk.hpp): it has not failed.
class CopiedRows final : public BytesIterator {
 public:
  using Rows = std::vector<std::pair<Bytes, Bytes>>;
  explicit CopiedRows(Rows rows) : rows_(std::move(rows)) {}
  static Rows copied(BytesIterator& row) {
    Rows rows;
    for (; row.valid(); row.next()) rows.emplace_back(row.key(), row.value());
    return rows;
  }

  [[nodiscard]] bool valid() const override { return at_ < rows_.size(); }
  [[nodiscard]] BytesView key() const override { return rows_[at_].first; }
  [[nodiscard]] BytesView value() const override { return rows_[at_].second; }
  void next() override { ++at_; }
  [[nodiscard]] Result<void> status() const override { return {}; }

 private:
  Rows rows_;
  std::size_t at_ = 0;
};

}  // namespace tidemill
