// Player: generated business days, one after the other, at a pace that one can watch. It goes on at the transaction where it
// stood, whatever ended it.
#pragma once

#include <tidemill/log/log.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace liquidity {

struct PlayerOptions {
  std::uint64_t seed = 1;
  std::int64_t per_day = 20000;
  /// How long a business day (7 to 18 o'clock) takes.
  std::chrono::milliseconds day_length{120000};
};

class Player {
 public:
  Player(tidemill::Log& log, PlayerOptions options);
  /// Before the first play(): the clients and their limits.
  void load_reference_data();
  /// Plays until `wait(until)` says that it is to stop. `tell(time of day, transactions so far)` after each beat.
  void play(const std::function<bool(std::chrono::steady_clock::time_point until)>& wait,
            const std::function<void(const std::string& time, std::int64_t made)>& tell);

 private:
  tidemill::Log& log_;
  PlayerOptions options_;
};

}  // namespace liquidity
