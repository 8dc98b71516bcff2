#include "liquidity/reference_rows.hpp"

#include <spdlog/spdlog.h>

#include "liquidity/formats.hpp"
#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

using Text = std::string;
using tidemill::Record;
using Row = tidemill::ValueAndTimestamp<Text>;

void check_key(const Record<Text, Text>& record, const Text& own) {
  if (!record.has_key() || record.key() != own) throw BadInput("the record's key is not " + own);
}

/// Throws BadInput unless `next` may follow `before`, the row in force.
void check(Reader& reader, const Record<Text, Text>& next, const Text* before, const Account*) {
  const Account account = reader.account(next.value());
  check_key(next, account.account);
  if (before == nullptr || account == reader.account(*before)) return;
  throw BadInput("an account keeps its client and currency");
}
void check(Reader& reader, const Record<Text, Text>& next, const Text*, const Limit*) {
  const Limit limit = reader.limit(next.value());
  check_key(next, client_key(limit.client, limit.currency));
}

bool readable(Reader& reader, const Text& row, const Account*) {
  try {
    (void)reader.account(row);
    return true;
  } catch (const BadInput&) {
    return false;
  }
}
bool readable(Reader& reader, const Text& row, const Limit*) {
  try {
    (void)reader.limit(row);
    return true;
  } catch (const BadInput&) {
    return false;
  }
}

template <class Kind>
class KeepGoodRows final : public tidemill::Processor<Text, Text> {
 public:
  KeepGoodRows(const char* store, std::shared_ptr<Counts> counts) : name_(store), counts_(std::move(counts)) {}
  void init(tidemill::ProcessorContext<Text, Text>& context) override { rows_ = context.key_value_store<Text, Row>(name_); }
  void process(const Record<Text, Text>& record) override {
    constexpr const Kind* kKind = nullptr;
    std::optional<Row> before;
    if (record.has_key()) before = rows_->get(record.key());
    if (before && !readable(reader_, before->value, kKind)) before.reset();
    try {
      if (!record.has_value()) throw BadInput("an empty record");
      check(reader_, record, before ? &before->value : nullptr, kKind);
    } catch (const BadInput& problem) {
      tell(record, problem.what());
      if (before || !record.has_key() || !record.has_value()) return;
    }
    rows_->put(record.key(), Row{record.value(), record.timestamp()});
  }

 private:
  void tell(const Record<Text, Text>& record, const char* reason) {
    ++counts_->bad_reference_rows;
    const auto at = context().record_metadata();
    spdlog::warn("{}, partition {}, offset {}, key {}: {}; this row has no effect, and a good one before it stays in force; to "
                 "mend it, produce a good one under the same key",
                 at->topic, at->partition.value, at->offset.value, record.has_key() ? record.key() : "(none)", reason);
  }
  const char* name_;
  std::shared_ptr<Counts> counts_;
  Reader reader_;
  std::unique_ptr<tidemill::KeyValueStore<Text, Row>> rows_;
};

template <class Kind>
void add(tidemill::StreamsBuilder& builder, const char* store, const char* topic, const std::shared_ptr<Counts>& counts) {
  tidemill::StoreSpec spec;
  spec.name = store;
  spec.kind = tidemill::StoreKind::kTimestampedKeyValue;
  spec.caching = false;
  builder.add_global_store<Text, Text>(spec, topic, {},
                                       [store, counts] { return std::make_unique<KeepGoodRows<Kind>>(store, counts); });
}

}  // namespace

void add_reference_tables(tidemill::StreamsBuilder& builder, const std::shared_ptr<Counts>& counts) {
  add<Account>(builder, kAccountsStore, topics::kAccounts, counts);
  add<Limit>(builder, kLimitsStore, topics::kLimits, counts);
}

}  // namespace liquidity
