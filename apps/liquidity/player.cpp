#include "liquidity/player.hpp"

#include "liquidity/appender.hpp"
#include "liquidity/file_input.hpp"
#include "liquidity/generator.hpp"
#include "liquidity/input_position.hpp"
#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

constexpr std::chrono::milliseconds kBeat{100};
constexpr const char* kLive = "live-";
constexpr double kBusinessMs = 11 * 3600000.0;
constexpr std::int64_t kNightMs = 3 * 3600000;  // no pause in a day is that long

}  // namespace

Player::Player(tidemill::Log& log, PlayerOptions options) : log_(log), options_(options) {}

void Player::load_reference_data() {
  const Generator generator(options_.seed, options_.per_day);
  liquidity::load_reference_data(log_, generator.accounts(), generator.limits());
}

void Player::play(const std::function<bool(std::chrono::steady_clock::time_point)>& wait,
                  const std::function<void(const std::string&, std::int64_t)>& tell) {
  const std::string input = "generated-" + std::to_string(options_.seed) + "-" + std::to_string(options_.per_day);
  Appender appender(log_, "liquidity-" + input, Together::kAllOrNothing);
  InputPosition position = read_position(log_, input).value_or(InputPosition{.source = "generated days"});
  Generator generator(options_.seed, options_.per_day);
  generator.skip_to(position.done);
  const auto make = [&generator] {
    Transaction made = generator.next();
    made.id = kLive + made.id;  // files of generated days have the generator's own
    return made;
  };
  Transaction next = make();

  // Business time runs faster than the clock; it jumps from one evening to the next morning.
  const double speed = kBusinessMs / static_cast<double>(options_.day_length.count());
  const double per_beat = static_cast<double>(kBeat.count()) * speed;
  auto business_time = static_cast<double>(next.time_ms);
  auto beat = std::chrono::steady_clock::now();
  do {
    business_time += per_beat;
    const std::int64_t done_before = position.done;
    while (static_cast<double>(next.time_ms) <= business_time) {
      appender.append(topics::kTransactions, next.id, to_json(next), next.time_ms);
      ++position.done;
      next = make();
      if (static_cast<double>(next.time_ms) - business_time > kNightMs) {
        business_time = static_cast<double>(next.time_ms) - per_beat;
      }
    }
    if (position.done > done_before) {
      append_position(appender, input, position);
      appender.commit();
    }
    tell(format_time(static_cast<std::int64_t>(business_time)), position.done);
    // After a pause (a laptop that slept) it goes on from here, not in a rush.
    beat = std::max(beat + kBeat, std::chrono::steady_clock::now());
  } while (!wait(beat));
}

}  // namespace liquidity
