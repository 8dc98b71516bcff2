#include "floor/versions.hpp"

#include <iterator>
#include <map>
#include <string>

#include "floor/text_map.hpp"
#include "harness/keep.hpp"
#include "harness/process.hpp"

namespace tidemill_bench {
namespace {

using Versions = std::map<std::int64_t, std::string>;

std::size_t size_as_of(const Versions& versions, std::int64_t time) {
  const auto next = versions.upper_bound(time);
  return next == versions.begin() ? 0 : std::prev(next)->second.size();
}

}  // namespace

Sample floor_versions(const VersionsWork& work) {
  TextMap<Versions> keys;
  const std::string key = "a key of a store";
  const std::string value(kVersionBytes, 'v');
  std::int64_t newest = 0;
  const auto put_next = [&] {
    Versions& versions = keys[key];
    versions.insert_or_assign(versions.end(), newest += kVersionEvery, value);
    // The first version lasts until the second one begins.
    while (versions.size() > 1 && std::next(versions.begin())->first < newest - work.versions * kVersionEvery) {
      versions.erase(versions.begin());
    }
  };
  while (newest < work.versions * kVersionsPutFirst) put_next();
  std::size_t found = 0;
  const double before = process_cpu_ns();
  for (std::uint64_t i = 0; i < work.records; ++i) {
    switch (work.step) {
      case VersionsStep::kPut: put_next(); break;
      case VersionsStep::kLatePut: keys[key].insert_or_assign(newest - work.age(i) + kVersionEvery / 2, value); break;
      case VersionsStep::kGet: found += keys[key].rbegin()->second.size(); break;
      case VersionsStep::kGetAsOf: found += size_as_of(keys[key], newest - work.age(i)); break;
    }
  }
  keep(found);
  return {work.records, process_cpu_ns() - before, 0};
}

}  // namespace tidemill_bench
