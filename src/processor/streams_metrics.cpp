#include <tidemill/processor/streams_metrics.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <stdexcept>

#include <tidemill/base/clock.hpp>

namespace tidemill {
namespace {

constexpr std::int64_t kSampleMs = 30000;
constexpr std::size_t kSamples = 2;

/// One metric: what it says is made of all values, or of those of the last samples.
class Measure {
 public:
  Measure(MetricName name, SensorStat stat, Timestamp now) : name_(std::move(name)), stat_(stat) {
    samples_.fill({.since = now, .sum = 0, .extreme = empty(), .count = 0});
  }
  [[nodiscard]] const MetricName& name() const { return name_; }

  void record(double value, Timestamp now) {
    total_ += stat_ == SensorStat::kCount ? 1 : value;
    if (now - samples_[current_].since >= kSampleMs) {
      current_ = (current_ + 1) % kSamples;
      samples_[current_] = {.since = now, .sum = 0, .extreme = empty(), .count = 0};
    }
    Sample& sample = samples_[current_];
    sample.sum += value;
    ++sample.count;
    sample.extreme = stat_ == SensorStat::kMin ? std::min(sample.extreme, value) : std::max(sample.extreme, value);
  }

  [[nodiscard]] double value(Timestamp now) const {
    if (stat_ == SensorStat::kTotal || stat_ == SensorStat::kCount) return total_;
    Sample all{.since = now, .sum = 0, .extreme = empty(), .count = 0};
    for (const Sample& sample : samples_) {
      if (now - sample.since >= static_cast<std::int64_t>(kSamples) * kSampleMs) continue;
      all.since = std::min(all.since, sample.since);
      all.sum += sample.sum;
      all.count += sample.count;
      all.extreme = stat_ == SensorStat::kMin ? std::min(all.extreme, sample.extreme) : std::max(all.extreme, sample.extreme);
    }
    const double seconds = static_cast<double>(window(now - all.since)) / 1000;
    if (stat_ == SensorStat::kRate) return all.sum / seconds;
    if (stat_ == SensorStat::kEventRate) return static_cast<double>(all.count) / seconds;
    if (all.count == 0) return std::nan("");
    return stat_ == SensorStat::kAvg ? all.sum / static_cast<double>(all.count) : all.extreme;
  }

 private:
  struct Sample {
    Timestamp since;
    double sum;
    double extreme;
    std::int64_t count;
  };
  [[nodiscard]] double empty() const { return stat_ == SensorStat::kMin ? INFINITY : -INFINITY; }
  /// What a rate is divided by: as if all samples but the current one had been whole.
  static std::int64_t window(std::int64_t elapsed) {
    const std::int64_t whole = elapsed / kSampleMs;
    constexpr auto kWhole = static_cast<std::int64_t>(kSamples) - 1;
    return whole < kWhole ? elapsed + (kWhole - whole) * kSampleMs : elapsed;
  }

  MetricName name_;
  SensorStat stat_;
  double total_ = 0;
  std::array<Sample, kSamples> samples_{};
  std::size_t current_ = 0;
};

}  // namespace

struct SensorRegistry::State {
  explicit State(const Clock& its_clock) : clock(its_clock) {}
  const Clock& clock;
  mutable std::mutex mutex;  // of the sensors' measures, too: they are recorded by few threads, and seldom read
  std::map<std::string, std::shared_ptr<Sensor::State>> sensors;
};
struct Sensor::State {
  std::string name;
  std::vector<Sensor> parents;
  std::weak_ptr<SensorRegistry::State> registry;
  std::vector<Measure> measures;  // guarded by the registry's mutex
};

bool Sensor::add(MetricName name, SensorStat stat) const {
  const auto registry = state_ ? state_->registry.lock() : nullptr;
  if (!registry) throw std::invalid_argument("a metric \"" + name.name + "\" needs a sensor: make one with add_sensor()");
  const std::lock_guard lock(registry->mutex);
  const auto has = [&name](const State& sensor) {
    return std::any_of(sensor.measures.begin(), sensor.measures.end(), [&name](const Measure& measure) {
      return measure.name().name == name.name && measure.name().group == name.group && measure.name().tags == name.tags;
    });
  };
  if (has(*state_)) return false;
  for (const auto& [other, sensor] : registry->sensors) {
    if (has(*sensor)) {
      throw std::invalid_argument("the sensor \"" + other + "\" has a metric \"" + name.name + "\" of the group \"" +
                                  name.group + "\" with these tags already");
    }
  }
  state_->measures.emplace_back(std::move(name), stat, registry->clock.now().wall);
  return true;
}

void Sensor::record(double value) const {
  const auto registry = state_ ? state_->registry.lock() : nullptr;
  if (!registry) return;
  const Timestamp now = registry->clock.now().wall;
  {
    const std::lock_guard lock(registry->mutex);
    for (Measure& measure : state_->measures) measure.record(value, now);
  }
  for (const Sensor& parent : state_->parents) parent.record(value);
}

SensorRegistry::SensorRegistry(const Clock& clock) : state_(std::make_shared<State>(clock)) {}
SensorRegistry::~SensorRegistry() = default;

Sensor SensorRegistry::sensor(const std::string& name, const std::vector<Sensor>& parents) {
  const std::lock_guard lock(state_->mutex);
  auto& found = state_->sensors[name];
  if (!found) {
    found = std::make_shared<Sensor::State>();
    found->name = name;
    found->parents = parents;
    found->registry = state_;
  }
  return Sensor(found);
}
void SensorRegistry::remove(const Sensor& sensor) {
  if (!sensor.state_) return;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->sensors.find(sensor.state_->name);
  if (found == state_->sensors.end() || found->second != sensor.state_) return;
  found->second->measures.clear();
  state_->sensors.erase(found);
}
void SensorRegistry::report(std::vector<Metric>& out) const {
  const Timestamp now = state_->clock.now().wall;
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, sensor] : state_->sensors) {
    for (const Measure& measure : sensor->measures) {
      out.push_back({measure.name().group, measure.name().name, measure.name().tags, measure.value(now)});
    }
  }
}

StreamsMetrics::StreamsMetrics(std::shared_ptr<SensorRegistry> sensors, std::string thread_id)
    : sensors_(std::move(sensors)), thread_id_(std::move(thread_id)) {}

Sensor StreamsMetrics::add_sensor(const std::string& name, const std::vector<Sensor>& parents) const {
  return sensors_->sensor(name, parents);
}

namespace {

MetricName name_of(const std::string& metric, const std::string& thread, const std::string& scope, const std::string& entity,
                   const StreamsMetrics::Tags& tags) {
  MetricName name{.name = metric, .group = "stream-" + scope + "-metrics", .tags = {{"thread-id", thread}}};
  name.tags.emplace_back(scope + "-id", entity);
  name.tags.insert(name.tags.end(), tags.begin(), tags.end());
  return name;
}

}  // namespace

Sensor StreamsMetrics::add_rate_total_sensor(const std::string& scope, const std::string& entity, const std::string& operation,
                                             const Tags& tags) const {
  const Sensor sensor = add_sensor("external." + thread_id_ + ".entity." + entity + ".sensor." + operation);
  sensor.add(name_of(operation + "-rate", thread_id_, scope, entity, tags), SensorStat::kEventRate);
  sensor.add(name_of(operation + "-total", thread_id_, scope, entity, tags), SensorStat::kCount);
  return sensor;
}
Sensor StreamsMetrics::add_latency_rate_total_sensor(const std::string& scope, const std::string& entity,
                                                     const std::string& operation, const Tags& tags) const {
  const Sensor sensor = add_sensor("external." + thread_id_ + ".entity." + entity + ".sensor." + operation);
  sensor.add(name_of(operation + "-latency-avg", thread_id_, scope, entity, tags), SensorStat::kAvg);
  sensor.add(name_of(operation + "-latency-max", thread_id_, scope, entity, tags), SensorStat::kMax);
  sensor.add(name_of(operation + "-rate", thread_id_, scope, entity, tags), SensorStat::kEventRate);
  sensor.add(name_of(operation + "-total", thread_id_, scope, entity, tags), SensorStat::kCount);
  return sensor;
}
void StreamsMetrics::remove_sensor(const Sensor& sensor) const { sensors_->remove(sensor); }

}  // namespace tidemill
