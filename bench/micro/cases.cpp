#include "micro/cases.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "floor/micro_loops.hpp"
#include "records.hpp"

namespace tidemill_bench {
namespace {

constexpr int kOperators = 8;
constexpr int kMoreOperators = 8;
constexpr std::uint64_t kFlushEvery = 10'000;

/// Keys at random from a set, made when first asked for.
class Keys {
 public:
  Keys(std::uint64_t records, std::uint32_t keys) : set_{.records = records, .keys = keys, .value_bytes = 0} {}
  const std::vector<std::string>& get() {
    if (keys_.empty()) {
      for (RecordGenerator generator(set_); !generator.done();) {
        generator.next();
        keys_.emplace_back(generator.key());
      }
    }
    return keys_;
  }

 private:
  RecordSet set_;
  std::vector<std::string> keys_;
};

/// What each of so many operators more costs.
template <class Chain>
Sample one_more(std::uint64_t records, const Chain& chain) {
  const Sample few = chain(records, kOperators);
  const Sample many = chain(records, kOperators + kMoreOperators);
  return {records, (many.cpu_ns - few.cpu_ns) / kMoreOperators, 0};
}

/// Of a key with so many versions, which must not matter.
void add_versions(Suite& suite, const std::string& directory, std::uint64_t records) {
  for (const auto& [count, versions] : {std::pair("1k", 1'000), std::pair("8k", 8'000), std::pair("100k", 100'000)}) {
    for (const auto& [name, step] : {std::pair("put", VersionsStep::kPut), std::pair("late_put", VersionsStep::kLatePut),
                                     std::pair("get", VersionsStep::kGet), std::pair("get_as_of", VersionsStep::kGetAsOf)}) {
      const VersionsWork work{.step = step, .versions = versions, .records = records};
      const std::string row = fmt::format("/{}_versions/{}", count, name);
      suite.add(
          "micro/versioned_in_memory" + row, [=] { return run_versions_in_memory(work); },
          [=] { return floor_versions(work); });
      suite.add(
          "micro/versioned_rocksdb" + row, [=] { return run_versions_rocksdb(work, directory); },
          [=] { return floor_versions(work); });
    }
  }
}

}  // namespace

void add_micro_cases(Suite& suite, const Workspace& workspace, std::uint64_t records) {
  const std::string directory = workspace.path();
  suite.add(
      "micro/operator_chain", [=] { return run_operator_chain(4 * records, kOperators); },
      [=] { return floor_operator_chain(4 * records, kOperators); });
  suite.add(
      "micro/one_more_stateless_operator", [=] { return one_more(4 * records, run_operator_chain); },
      [=] { return one_more(4 * records, floor_operator_chain); });
  suite.add(
      "micro/batch_encode", [=] { return run_batch_encode(4 * records); }, [=] { return floor_batch_encode(4 * records); });
  suite.add(
      "micro/batch_decode", [=] { return run_batch_decode(4 * records); }, [=] { return floor_batch_decode(4 * records); });
  const auto keys = std::make_shared<Keys>(records, 100'000);
  suite.add(
      "micro/store_in_memory", [=] { return run_store_in_memory(keys->get()); },
      [=] { return floor_store_in_memory(keys->get()); });
  const auto fewer = std::make_shared<Keys>(records / 5, 100'000);
  suite.add(
      "micro/store_rocksdb", [=] { return run_store_rocksdb(fewer->get(), directory); },
      [=] { return floor_store_rocksdb(fewer->get(), directory); });
  const auto hot = std::make_shared<Keys>(records, 10'000);
  suite.add(
      "micro/record_cache", [=] { return run_record_cache(hot->get(), kFlushEvery); },
      [=] { return floor_record_cache(hot->get(), kFlushEvery); });
  add_versions(suite, directory, records / 50);
}

}  // namespace tidemill_bench
