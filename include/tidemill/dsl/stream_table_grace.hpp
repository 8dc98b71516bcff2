// A stream-table join that waits. The table keeps versions; a stream record meets the one of its own time when stream time is a
// grace period ahead, so that table records that come late are not missed:
//
//   grace 10 s      table   a=1 @1            a=2 @4 (late)
//                   stream         S @5                 . . .  T @15
//                   result                                     S+2 @5
//
// What comes later than the grace period joins at once. The typed join is the one without grace: it gets its records later.
#pragma once

#include <tidemill/dsl/draft.hpp>
#include <tidemill/dsl/table_facts.hpp>

namespace tidemill::detail {

/// A stream's records as bytes, where they wait.
class RecordCodec {
 public:
  using See = std::function<void(const void* key, const void* value)>;
  virtual ~RecordCodec() = default;
  // `topic`: what the serdes are told.
  virtual void encode(std::string_view topic, const void* key, const void* value, Bytes& key_out, Bytes& value_out) const = 0;
  /// What `see` is shown lives during the call.
  virtual void decode(std::string_view topic, BytesView key, BytesView value, const See& see) const = 0;
};
template <class K, class V>
class TypedRecordCodec final : public RecordCodec {
 public:
  TypedRecordCodec(Serde<K> key_serde, Serde<V> value_serde)
      : key_serde_(std::move(key_serde)), value_serde_(std::move(value_serde)) {}
  void encode(std::string_view topic, const void* key, const void* value, Bytes& key_out, Bytes& value_out) const override {
    key_serde_.serialize(topic, *static_cast<const K*>(key), key_out);
    value_serde_.serialize(topic, *static_cast<const V*>(value), value_out);
  }
  void decode(std::string_view topic, BytesView key, BytesView value, const See& see) const override {
    const K decoded_key = key_serde_.deserialize(topic, key);
    const V decoded_value = value_serde_.deserialize(topic, value);
    see(&decoded_key, &decoded_value);
  }

 private:
  Serde<K> key_serde_;
  Serde<V> value_serde_;
};

/// How a join waits.
struct JoinGrace {
  std::chrono::milliseconds period{0};
  std::shared_ptr<const RecordCodec> codec = nullptr;
  std::shared_ptr<const TableFacts> table = nullptr;
};
/// Adds the join with a buffer in front of it, and its store behind the others. TopologyException, when the topology is written: the
/// table keeps no versions, or not for as long as the grace period.
void add_waiting_join(Draft& draft, TopologyBuilder::ProcessorSpec join, std::function<std::vector<std::string>()> stores,
                      JoinGrace grace);

}  // namespace tidemill::detail
