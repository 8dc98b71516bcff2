#include "open_transactions.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "log/record_batch_codec.hpp"

namespace crash {

namespace fs = std::filesystem;

std::size_t open_transactions(const fs::path& log_directory) {
  std::size_t open_partitions = 0;
  if (!fs::exists(log_directory / "topics")) return 0;
  for (const auto& partition : fs::directory_iterator(log_directory / "topics")) {
    if (!partition.is_directory()) continue;
    std::vector<fs::path> segments;
    for (const auto& file : fs::directory_iterator(partition.path())) {
      if (file.path().extension() == ".log") segments.push_back(file.path());
    }
    std::sort(segments.begin(), segments.end());
    std::set<std::int64_t> open;
    for (const fs::path& path : segments) {
      std::ifstream file(path, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      for (std::size_t at = 0; at + tidemill::kBatchHeaderBytes <= bytes.size();) {
        const auto header = tidemill::read_batch_header(std::string_view(bytes).substr(at, tidemill::kBatchHeaderBytes));
        if (!header || !*header || at + (*header)->total_bytes() > bytes.size()) break;
        if ((*header)->transactional()) {
          if ((*header)->control()) {
            open.erase((*header)->producer_id);
          } else {
            open.insert((*header)->producer_id);
          }
        }
        at += (*header)->total_bytes();
      }
    }
    if (!open.empty()) ++open_partitions;
  }
  return open_partitions;
}

}  // namespace crash
