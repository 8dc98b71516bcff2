#include "liquidity/input_position.hpp"

#include <nlohmann/json.hpp>

#include "liquidity/topics.hpp"

namespace liquidity {

std::optional<InputPosition> read_position(tidemill::Log& log, const std::string& input) {
  std::optional<InputPosition> position;
  read_topic(log, topics::kInputPositions, [&](const TopicRecord& record) {
    if (record.key != input || !record.value) return;
    const auto json = nlohmann::json::parse(*record.value);
    position = InputPosition{json.at("source"), json.at("done"), json.at("lines"), json.at("before")};
  });
  return position;
}

void append_position(Appender& appender, const std::string& input, const InputPosition& position) {
  const nlohmann::ordered_json json = {
      {"source", position.source}, {"done", position.done}, {"lines", position.lines}, {"before", position.before}};
  // File names may be any bytes; they are there for people only.
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  appender.append(topics::kInputPositions, input, text, wall_time_ms());
}

}  // namespace liquidity
