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
    std::size_t punctuations = 0;
  };
  Slow(ManualClock& clock, Seen& seen) : clock_(clock), seen_(seen) {}
  void init(ProcessorContext<std::string, std::string>& context) override {
    context.schedule(1s, PunctuationType::kWallClockTime, [this, &context](Timestamp time) {
      note(time);
      note(context.current_system_time());
      const std::lock_guard lock(seen_.mutex);
      ++seen_.punctuations;
    });
  }
  void process(const Record<std::string, std::string>&) override {
    clock_.advance(10s);
    note(context().current_system_time());
  }

 private:
  void note(Timestamp time) {
    const std::lock_guard lock(seen_.mutex);
    seen_.times.push_back(time.value);
  }
  ManualClock& clock_;
  Seen& seen_;
};

TEST(Times, GoOnFromRecordsToPunctuations) {
  const auto log = in_memory_log({.default_partitions = 1});
  ASSERT_TRUE(log->admin().create_topic({.name = "in", .partitions = 1, .replication_factor = -1, .config = {}}, soon()));
  const std::vector<Piped> records(50, Piped{.key = "k", .value = "v"});
  produce(*log, "in", records);
  ManualClock clock(Timestamp(1'000'000));
  Slow::Seen seen;
  StreamsBuilder builder;
  builder.stream<std::string, std::string>("in").process([&] { return std::make_unique<Slow>(clock, seen); });
  StreamsConfig with_clock = running_config(log);
  with_clock.clock = &clock;
  with_clock.poll = 1ms;
  Streams streams(builder.build(), with_clock);
  ASSERT_TRUE(streams.start());
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(seen.mutex);
    return seen.times.size() - 2 * seen.punctuations == records.size() && seen.punctuations > 0;
  }));
  EXPECT_TRUE(streams.close());
  EXPECT_TRUE(std::is_sorted(seen.times.begin(), seen.times.end()));
  EXPECT_GE(seen.times.back(), 1'000'000 + 40 * 10'000) << "of the punctuation behind the records";
}

}  // namespace
}  // namespace tidemill::test
