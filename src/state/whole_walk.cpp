#include "state/whole_walk.hpp"

#include <string>

#include <tidemill/state/state_store.hpp>

namespace tidemill {
namespace {

[[noreturn]] void raise(const Error& error, std::string_view store) {
  throw StateStoreException(Error(error).with_context("store \"" + std::string(store) + "\""));
}

class WholeWalk final : public BytesIterator {
 public:
  WholeWalk(std::string_view store, std::unique_ptr<BytesIterator> rows) : store_(store), rows_(std::move(rows)) {}
  bool valid() const override {
    if (rows_->valid()) return true;
    if (const Result<void> status = rows_->status(); !status) raise(status.error(), store_);
    return false;
  }
  BytesView key() const override { return rows_->key(); }
  BytesView value() const override { return rows_->value(); }
  void next() override { rows_->next(); }
  Result<void> status() const override { return rows_->status(); }

 private:
  std::string store_;
  std::unique_ptr<BytesIterator> rows_;
};

}  // namespace

std::unique_ptr<BytesIterator> whole_walk(std::string_view store, Result<std::unique_ptr<BytesIterator>> rows) {
  if (!rows) raise(rows.error(), store);
  return std::make_unique<WholeWalk>(store, *std::move(rows));
}

}  // namespace tidemill
