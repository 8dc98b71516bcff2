#include "http/metrics_text.hpp"

#include <cctype>
#include <cmath>
#include <cstdio>

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
  std::string text;
  for (const tidemill::Metric& metric : metrics) {
    text += prefix + name_of(metric.group) + "_" + name_of(metric.name);
    std::string labels;
    for (const auto& [key, value] : metric.tags) {
      labels += (labels.empty() ? "" : ",") + name_of(key) + "=\"" + escaped(value) + "\"";
    }
    if (!labels.empty()) text += "{" + labels + "}";
    text += " " + number(metric.value) + "\n";
  }
  return text;
}

}  // namespace kit
