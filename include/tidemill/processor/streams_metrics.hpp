// StreamsMetrics: what a processor counts itself. Its metrics stand among those of the library, with the names and tags that Kafka
// Streams gives them.
//
//   void init(ProcessorContext<K, V>& context) override {
//     rejected_ = context.metrics().add_rate_total_sensor("payments", "check", "rejected");
//   }
//   void process(...) override { ... rejected_.record(); }
//
// makes rejected-total and rejected-rate in the group stream-payments-metrics. A sensor belongs to the application and lives until
// it is removed: a processor that comes back (after an abort, on another thread) is given the same one again, and goes on counting.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tidemill/base/metric.hpp>

namespace tidemill {

class Clock;
class SensorRegistry;

/// What a metric says of the values that its sensor recorded. All but kTotal and kCount look back at most 60 seconds, in two
/// samples of 30, as Java's do; kRate is their sum, kEventRate their number, per second. Without a value in that time kAvg, kMax
/// and kMin are not a number.
enum class SensorStat : std::uint8_t { kTotal, kCount, kRate, kEventRate, kAvg, kMax, kMin };

struct MetricName {
  std::string name;
  std::string group;
  std::vector<std::pair<std::string, std::string>> tags = {};
};

/// A handle; copies mean the same sensor. Any thread; costs a lock and a look at the clock.
class Sensor {
 public:
  /// Of nothing: records nothing.
  Sensor() = default;
  /// One more metric of what is recorded; false: this sensor has it already. std::invalid_argument: another sensor has it, or this
  /// is the sensor of nothing.
  bool add(MetricName name, SensorStat stat) const;
  /// Its parents record it, too.
  void record(double value = 1) const;

 private:
  friend class SensorRegistry;
  friend class StreamsMetrics;
  struct State;
  explicit Sensor(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

/// A stream thread's way to the sensors of its application; ProcessingContext::metrics() gives it.
class StreamsMetrics {
 public:
  using Tags = std::vector<std::pair<std::string, std::string>>;
  StreamsMetrics(std::shared_ptr<SensorRegistry> sensors, std::string thread_id);

  /// Without metrics at first. The one of that name, if there is one already.
  Sensor add_sensor(const std::string& name, const std::vector<Sensor>& parents = {}) const;
  /// `<operation>-total` and `<operation>-rate`, in the group `stream-<scope>-metrics`, tagged with the thread, `<scope>-id` (the
  /// entity) and `tags`.
  Sensor add_rate_total_sensor(const std::string& scope, const std::string& entity, const std::string& operation,
                               const Tags& tags = {}) const;
  /// Besides those `<operation>-latency-avg` and `<operation>-latency-max`, of what is recorded.
  Sensor add_latency_rate_total_sensor(const std::string& scope, const std::string& entity, const std::string& operation,
                                       const Tags& tags = {}) const;
  /// Its metrics are gone; what it records from then on is seen by its parents only.
  void remove_sensor(const Sensor& sensor) const;

 private:
  std::shared_ptr<SensorRegistry> sensors_;
  std::string thread_id_;
};

/// All sensors of an application. Any thread.
class SensorRegistry {
 public:
  /// `clock` outlives the registry and its sensors.
  explicit SensorRegistry(const Clock& clock);
  ~SensorRegistry();
  [[nodiscard]] Sensor sensor(const std::string& name, const std::vector<Sensor>& parents);
  void remove(const Sensor& sensor);
  /// What all sensors say now.
  void report(std::vector<Metric>& out) const;

 private:
  friend class Sensor;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tidemill
