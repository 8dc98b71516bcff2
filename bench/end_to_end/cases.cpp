#include "end_to_end/cases.hpp"

#include <map>
#include <memory>

#include "end_to_end/input_log.hpp"
#include "end_to_end/run_streams.hpp"
#include "floor/loops.hpp"

namespace tidemill_bench {
namespace {

using tidemill::Durability;
using tidemill::ProcessingGuarantee;
using tidemill::StoreEngineKind;

constexpr std::uint32_t kValueBytes = 100;

/// Both forms of one set of records, each made when first asked for.
class Input {
 public:
  Input(const Workspace& workspace, const EndToEndOptions& options, std::uint32_t keys)
      : workspace_(workspace),
        partitions_(options.partitions),
        set_{.records = options.records, .keys = keys, .value_bytes = kValueBytes} {}
  [[nodiscard]] const RecordSet& set() const { return set_; }
  const std::string& log() {
    if (log_.empty()) {
      log_ = workspace_.path("log-" + std::to_string(set_.keys));
      make_input_log(log_, set_, partitions_);
    }
    return log_;
  }
  const FloorInput& floor() {
    if (floor_.batches.empty()) floor_ = make_floor_input(set_);
    return floor_;
  }
  [[nodiscard]] const Workspace& workspace() const { return workspace_; }

 private:
  const Workspace& workspace_;
  std::int32_t partitions_;
  RecordSet set_;
  std::string log_;
  FloorInput floor_;
};

struct World {
  const char* name;
  ProcessingGuarantee guarantee;
  Durability durability;
};
constexpr World kWorlds[] = {
    {"at_least_once/process", ProcessingGuarantee::kAtLeastOnce, Durability::kProcess},
    {"at_least_once/power", ProcessingGuarantee::kAtLeastOnce, Durability::kPower},
    {"exactly_once/process", ProcessingGuarantee::kExactlyOnceV2, Durability::kProcess},
    {"exactly_once/power", ProcessingGuarantee::kExactlyOnceV2, Durability::kPower},
};

using Floor = std::function<Sample(const FloorInput&, const FloorOptions&)>;
using Build = std::function<tidemill::Topology(WarmUp&)>;

void add(Suite& suite, const std::string& name, const std::shared_ptr<Input>& input, const Build& build, const Floor& floor) {
  const std::uint64_t warm_up = input->set().records / 4;
  for (const World& world : kWorlds) {
    suite.add(
        "end_to_end/" + name + "/" + world.name,
        [=] {
          return run_streams({.input_log = input->log(),
                              .state = input->workspace().path("state"),
                              .durability = world.durability,
                              .guarantee = world.guarantee,
                              .records = input->set().records,
                              .warm_up = warm_up},
                             build);
        },
        [=] {
          return floor(input->floor(), {.directory = input->workspace().path(),
                                        .journal = world.durability == Durability::kPower,
                                        .warm_up = warm_up,
                                        .keys = input->set().keys});
        });
  }
}

}  // namespace

void add_end_to_end_cases(Suite& suite, const Workspace& workspace, const EndToEndOptions& options) {
  const auto few_keys = std::make_shared<Input>(workspace, options, 100'000);
  const auto many_keys = std::make_shared<Input>(workspace, options, 1'000'000);
  const auto count = [](StoreEngineKind engine, bool caching) {
    return [=](WarmUp& warm_up) { return keyed_count(warm_up, engine, caching); };
  };
  add(suite, "stateless", few_keys, stateless, [](const auto& in, const auto& how) { return floor_copy(in, how); });
  add(suite, "chain_of_four", few_keys, chain_of_four, [](const auto& in, const auto& how) { return floor_copy(in, how, 4); });
  for (const auto& [keys, input] : {std::pair("100k_keys", few_keys), std::pair("1M_keys", many_keys)}) {
    add(suite, std::string("count_in_memory/") + keys, input, count(StoreEngineKind::kInMemory, false), floor_count);
    add(suite, std::string("count_rocksdb/") + keys, input, count(StoreEngineKind::kPersistent, false), floor_count_rocksdb);
  }
  add(suite, "count_rocksdb_cached/100k_keys", few_keys, count(StoreEngineKind::kPersistent, true), floor_count);
  const auto in = [](tidemill::Topology (*build)(WarmUp&, StoreEngineKind), StoreEngineKind engine) {
    return [=](WarmUp& warm_up) { return build(warm_up, engine); };
  };
  add(suite, "windowed_count_in_memory/100k_keys", few_keys, in(windowed_count, StoreEngineKind::kInMemory),
      floor_windowed_count);
  add(suite, "windowed_count_rocksdb/100k_keys", few_keys, in(windowed_count, StoreEngineKind::kPersistent),
      floor_windowed_count_rocksdb);
  add(suite, "session_count_in_memory/100k_keys", few_keys, in(session_count, StoreEngineKind::kInMemory), floor_session_count);
  add(suite, "session_count_rocksdb/100k_keys", few_keys, in(session_count, StoreEngineKind::kPersistent), floor_session_count);
  add(suite, "join_of_streams_in_memory/100k_keys", few_keys, in(join_of_streams, StoreEngineKind::kInMemory),
      floor_join_of_streams);
  add(suite, "join_of_streams_rocksdb/100k_keys", few_keys, in(join_of_streams, StoreEngineKind::kPersistent),
      floor_join_of_streams);
}

}  // namespace tidemill_bench
