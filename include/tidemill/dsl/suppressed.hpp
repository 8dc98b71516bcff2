// Suppressed: what suppress() waits for, and how much it holds back.
//
//   counts.suppress(Suppressed::until_window_closes(BufferConfig::unbounded()))
//   balances.suppress(Suppressed::until_time_limit(10s, BufferConfig::max_records(1000).emit_early_when_full()))
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace tidemill {

class BufferConfig {
 public:
  enum class WhenFull : std::uint8_t { kEmitEarly, kShutDown };
  static BufferConfig unbounded() { return {}; }
  /// Full: the earliest go on early, unless shut_down_when_full() is asked for.
  static BufferConfig max_records(std::int64_t records) { return BufferConfig().with_max_records(records); }
  static BufferConfig max_bytes(std::int64_t bytes) { return BufferConfig().with_max_bytes(bytes); }
  [[nodiscard]] BufferConfig with_max_records(std::int64_t records) const;
  [[nodiscard]] BufferConfig with_max_bytes(std::int64_t bytes) const;
  [[nodiscard]] BufferConfig emit_early_when_full() const;
  /// The task fails with StreamsException.
  [[nodiscard]] BufferConfig shut_down_when_full() const;
  [[nodiscard]] BufferConfig with_logging_disabled() const;
  /// Of the changelog topic, on top of its defaults.
  [[nodiscard]] BufferConfig with_logging_enabled(std::map<std::string, std::string> config) const;

  [[nodiscard]] std::int64_t max_records() const { return records_; }
  [[nodiscard]] std::int64_t max_bytes() const { return bytes_; }
  [[nodiscard]] WhenFull when_full() const { return when_full_; }
  [[nodiscard]] bool emits_early() const { return early_asked_; }
  [[nodiscard]] bool logging() const { return logging_; }
  [[nodiscard]] const std::map<std::string, std::string>& log_config() const { return log_config_; }

 private:
  std::int64_t records_ = INT64_MAX;
  std::int64_t bytes_ = INT64_MAX;
  WhenFull when_full_ = WhenFull::kEmitEarly;
  bool early_asked_ = false;
  bool logging_ = true;
  std::map<std::string, std::string> log_config_;
};

class Suppressed {
 public:
  /// Of a table of windows: each window once, when stream time has passed its end and grace. A buffer with a bound shuts down
  /// when full; std::invalid_argument for one that emits early.
  static Suppressed until_window_closes(BufferConfig buffer);
  /// Of any table: a key's latest change, when that much stream time has passed since the one that was held back first.
  static Suppressed until_time_limit(std::chrono::milliseconds limit, BufferConfig buffer);
  [[nodiscard]] Suppressed with_name(std::string name) const;

  [[nodiscard]] bool until_close() const { return until_close_; }
  [[nodiscard]] std::chrono::milliseconds limit() const { return limit_; }
  [[nodiscard]] const BufferConfig& buffer() const { return buffer_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  bool until_close_ = false;
  std::chrono::milliseconds limit_{0};
  BufferConfig buffer_;
  std::string name_;
};

}  // namespace tidemill
