// What the segment files say of a log whose process was killed.
#pragma once

#include <cstddef>
#include <filesystem>

namespace crash {

/// Transactions that have records in the segment files below `log_directory` and no marker behind them: the
/// kill fell inside of them. (One whose records were all still in memory is not counted.)
std::size_t open_transactions(const std::filesystem::path& log_directory);

}  // namespace crash
