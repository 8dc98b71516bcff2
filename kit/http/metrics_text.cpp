#include "http/metrics_text.hpp"

#include <cctype>
#include <cmath>
#include <cstdio>
#include <map>
#include <string_view>

namespace kit {
namespace {

// `stream-task-metrics`, `dropped-records-total`: stream_task_metrics_dropped_records_total, as the JMX exporter spells them.
std::string name_of(const std::string& text) {
  std::string name = text;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char text[40];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

// Kafka Streams ends some names with "total" that go up and down.
bool is_counter(std::string_view name) {
  for (const std::string_view gauge :
       {"restore-remaining-records-total", "input-buffer-bytes-total", "cache-size-bytes-total"}) {
    if (name == gauge) return false;
  }
  return name.ends_with("total");
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string metrics_text(const std::string& prefix, const std::vector<tidemill::Metric>& metrics) {
  // The format wants the lines of a name behind one another.
  std::map<std::string, std::string> by_name;
  for (const tidemill::Metric& metric : metrics) {
    const std::string name = prefix + name_of(metric.group) + "_" + name_of(metric.name);
    std::string& text = by_name[name];
    if (text.empty()) text = "# TYPE " + name + (is_counter(metric.name) ? " counter\n" : " gauge\n");
    std::string labels;
    for (const auto& [key, value] : metric.tags) {
      labels += (labels.empty() ? "" : ",") + name_of(key) + "=\"" + escaped(value) + "\"";
    }
    text += name + (labels.empty() ? "" : "{" + labels + "}") + " " + number(metric.value) + "\n";
  }
  std::string all;
  for (const auto& [name, text] : by_name) all += text;
  return all;
}

}  // namespace kit
