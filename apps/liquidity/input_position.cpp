#include "liquidity/input_position.hpp"

#include <nlohmann/json.hpp>

#include "liquidity/topics.hpp"

namespace liquidity {
namespace {

InputPosition parse(std::string_view text) {
  const auto json = nlohmann::json::parse(text);
  InputPosition position{
      .source = json.at("source"), .done = json.at("done"), .lines = json.at("lines"), .before = json.at("before")};
  position.path = json.value("path", "");
  position.again_until = json.value("again_until", std::int64_t{0});
  if (const auto marks = json.find("marks"); marks != json.end()) {
    position.marks.emplace();
    for (const auto& mark : *marks) position.marks->push_back({mark.at(0), mark.at(1), mark.at(2)});
  }
  return position;
}

std::optional<InputPosition> last_position(tidemill::Log& log, const std::function<bool(const TopicRecord&)>& wanted) {
  std::optional<InputPosition> position;
  read_topic(log, topics::kInputPositions, [&](const TopicRecord& record) {
    if (record.value && wanted(record)) position = parse(*record.value);
  });
  return position;
}

}  // namespace

std::optional<InputPosition> read_position(tidemill::Log& log, const std::string& input) {
  return last_position(log, [&](const TopicRecord& record) { return record.key == input; });
}

std::optional<InputPosition> read_position_at(tidemill::Log& log, const std::string& path) {
  return last_position(log, [&](const TopicRecord& record) { return parse(*record.value).path == path; });
}

void append_position(Appender& appender, const std::string& input, const InputPosition& position) {
  nlohmann::ordered_json json = {
      {"source", position.source}, {"done", position.done}, {"lines", position.lines}, {"before", position.before}};
  if (!position.path.empty()) json["path"] = position.path;
  if (position.again_until > 0) json["again_until"] = position.again_until;
  if (position.marks) {
    auto& marks = json["marks"] = nlohmann::ordered_json::array();
    for (const Trail::Mark& mark : *position.marks) {
      marks.push_back(nlohmann::ordered_json::array({mark.bytes, mark.lines, mark.checksum}));
    }
  }
  // File names may be any bytes; they are there for people only.
  const std::string text = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  appender.append(topics::kInputPositions, input, text, wall_time_ms());
}

}  // namespace liquidity
