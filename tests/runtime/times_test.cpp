// The time that processors are told: it is now's, and does not go back.
#include <algorithm>
#include <mutex>

#include "running.hpp"

namespace tidemill::test {
namespace {

using namespace std::chrono_literals;

/// Each record takes ten seconds; notes the times that it is given.
class Slow final : public Processor<std::string, std::string> {
 public:
  struct Seen {
    std::mutex mutex;
    std::vector<std::int64_t> times;
    std::size_t records = 0;
    std::size_t punctuations = 0;
  };
  Slow(ManualClock& clock, Seen& seen, PunctuationType type) : clock_(clock), seen_(seen), type_(type) {}
  void init(ProcessorContext<std::string, std::string>& context) override {
    context.schedule(1s, type_, [this, &context](Timestamp time) {
      if (type_ == PunctuationType::kWallClockTime) note(time);
      note(context.current_system_time());
      const std::lock_guard lock(seen_.mutex);
      ++seen_.punctuations;
    });
  }
  void process(const Record<std::string, std::string>&) override {
    clock_.advance(10s);
    note(context().current_system_time());
    const std::lock_guard lock(seen_.mutex);
    ++seen_.records;
  }

 private:
  void note(Timestamp time) {
    const std::lock_guard lock(seen_.mutex);
    seen_.times.push_back(time.value);
  }
  ManualClock& clock_;
  Seen& seen_;
  PunctuationType type_;
};

class Times : public testing::TestWithParam<PunctuationType> {};
INSTANTIATE_TEST_SUITE_P(Of, Times, testing::Values(PunctuationType::kWallClockTime, PunctuationType::kStreamTime),
                         [](const auto& type) { return type.index == 0 ? "WallClock" : "StreamTime"; });

TEST_P(Times, GoOnFromRecordsToPunctuations) {
  const auto log = in_memory_log({.default_partitions = 1});
  ASSERT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  constexpr std::size_t kRecords = 50;
  std::vector<Piped> records;
  for (std::size_t i = 0; i < kRecords; ++i)
    records.push_back({.key = "k", .value = "v", .timestamp = 1000 * (1 + static_cast<std::int64_t>(i) / 8)});
  produce(*log, "in", records);
  ManualClock clock(Timestamp(1'000'000));
  Slow::Seen seen;
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").process([&] { return std::make_unique<Slow>(clock, seen, GetParam()); });
  StreamsConfig with_clock = running_config(log);
  with_clock.clock = &clock;
  with_clock.poll = 1ms;
  Streams streams(builder.build(), with_clock);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(seen.mutex);
    return seen.records == kRecords && seen.punctuations > 0;
  }));
  EXPECT_TRUE(streams.close());
  EXPECT_TRUE(std::is_sorted(seen.times.begin(), seen.times.end()));
  if (GetParam() == PunctuationType::kWallClockTime) {
    EXPECT_GE(seen.times.back(), 1'000'000 + 40 * 10'000) << "of the punctuation behind the records";
  }
}

}  // namespace
}  // namespace tidemill::test
