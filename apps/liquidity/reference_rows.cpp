#include "liquidity/reference_rows.hpp"

#include <spdlog/spdlog.h>

#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

using Text = std::string;
using tidemill::Record;
using Row = tidemill::ValueAndTimestamp<Text>;

template <class Read, class Key>
auto checked(tidemill::OptionalBytesView key, tidemill::OptionalBytesView value, Read read, Key own_key) {
  if (!value) throw BadInput("an empty record");
  auto row = read(*value);
  if (key != own_key(row)) throw BadInput("the record's key is not " + own_key(row));
  return row;
}

void check_change(const Account& before, const Account& next) {
  if (next != before) throw BadInput("an account keeps its client and currency");
}
void check_change(const Limit&, const Limit&) {}

template <class Kind>
class KeepGoodRows final : public tidemill::Processor<Text, Text> {
 public:
  KeepGoodRows(const char* store, std::shared_ptr<Counts> counts) : name_(store), counts_(std::move(counts)) {}
  void init(tidemill::ProcessorContext<Text, Text>& context) override { rows_ = context.key_value_store<Text, Row>(name_); }
  void process(const Record<Text, Text>& record) override {
    const auto key = record.has_key() ? tidemill::OptionalBytesView(record.key()) : std::nullopt;
    const auto value = record.has_value() ? tidemill::OptionalBytesView(record.value()) : std::nullopt;
    const std::optional<Kind> in_force = row_in_force(key);
    try {
      const Kind next = row_of<Kind>(reader_, key, value);
      if (in_force) check_change(*in_force, next);
    } catch (const BadInput& problem) {
      tell(key, problem.what());
      if (in_force || !key || !value) return;
    }
    rows_->put(record.key(), Row{record.value(), record.timestamp()});
  }

 private:
  std::optional<Kind> row_in_force(tidemill::OptionalBytesView key) {
    const auto row = key ? rows_->get(Text(*key)) : std::nullopt;
    if (!row) return std::nullopt;
    try {
      return row_of<Kind>(reader_, key, tidemill::BytesView(row->value));
    } catch (const BadInput&) {
      return std::nullopt;
    }
  }
  void tell(tidemill::OptionalBytesView key, const char* reason) {
    ++counts_->bad_reference_rows;
    const auto at = context().record_metadata();
    spdlog::warn("{}", bad_row(at->topic, at->partition, at->offset, key, reason));
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

template <>
Account row_of<Account>(Reader& reader, tidemill::OptionalBytesView key, tidemill::OptionalBytesView value) {
  return checked(
      key, value, [&](std::string_view json) { return reader.account(json); }, [](const Account& row) { return row.account; });
}
template <>
Limit row_of<Limit>(Reader& reader, tidemill::OptionalBytesView key, tidemill::OptionalBytesView value) {
  return checked(
      key, value, [&](std::string_view json) { return reader.limit(json); },
      [](const Limit& row) { return client_key(row.client, row.currency); });
}

std::string bad_row(std::string_view topic, tidemill::PartitionId partition, tidemill::Offset offset,
                    tidemill::OptionalBytesView key, std::string_view reason) {
  return std::string(topic) + ", partition " + std::to_string(partition.value) + ", offset " + std::to_string(offset.value) +
         ", key " + std::string(key.value_or("(none)")) + ": " + std::string(reason) +
         "; this row has no effect, and a good one before it stays in force; to mend it, produce a good one under the same key";
}

void add_reference_tables(tidemill::StreamsBuilder& builder, const std::shared_ptr<Counts>& counts) {
  add<Account>(builder, kAccountsStore, topics::kAccounts, counts);
  add<Limit>(builder, kLimitsStore, topics::kLimits, counts);
}

}  // namespace liquidity
