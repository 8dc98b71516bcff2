#include "state_rocksdb/rocksdb_log.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "base/logging.hpp"

namespace tidemill::rocksdb_state {
namespace {

constexpr std::size_t kMessageMax = 1024;

class Messages final : public rocksdb::Logger {
 public:
  explicit Messages(std::string where) : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), where_(std::move(where)) {}

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override { Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments); }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, kMessageMax> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, arguments);
    std::string_view message(text.data());
    while (message.ends_with('\n')) message.remove_suffix(1);
    logger()->log(level >= rocksdb::InfoLogLevel::ERROR_LEVEL ? spdlog::level::warn : spdlog::level::trace, "{}: RocksDB: {}",
                  where_, message);
  }

 private:
  std::string where_;
};

}  // namespace

std::shared_ptr<rocksdb::Logger> rocksdb_log(std::string where) { return std::make_shared<Messages>(std::move(where)); }

}  // namespace tidemill::rocksdb_state
