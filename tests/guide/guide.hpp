// What the programs made of the guide's pages have in common: records go through a topology, and what comes out is looked at.
#pragma once

#include <gtest/gtest.h>

#include <bitset>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include <tidemill/streams.hpp>
#include <tidemill/testing/mock_processor_context.hpp>
#include <tidemill/testing/topology_test_driver.hpp>

namespace guide {

class Run {
 public:
  explicit Run(void (*topology)(tidemill::StreamsBuilder&))
      : driver_(built(topology), {.application_id = "app"}, tidemill::Timestamp(0)) {}

  template <class K, class V>
  void put(const std::string& topic, std::optional<K> key, std::optional<V> value, std::int64_t time, const char* where) {
    SCOPED_TRACE(where);
    auto input = driver_.create_input_topic<K, V>(topic);
    ASSERT_NO_THROW(
        input.pipe_input(tidemill::TestRecord<K, V>{std::move(key), std::move(value), {}, tidemill::Timestamp(time)}));
  }
  template <class K, class V>
  void expect(const std::string& topic, std::optional<K> key, std::optional<V> value, std::optional<std::int64_t> time,
              const char* where) {
    SCOPED_TRACE(where);
    auto output = driver_.create_output_topic<K, V>(topic);
    ASSERT_FALSE(output.is_empty()) << "nothing more has come out on " << topic;
    const auto record = output.read_record();
    EXPECT_EQ(record.key, key);
    EXPECT_EQ(record.value, value);
    EXPECT_EQ(record.timestamp.value, time.value_or(record.timestamp.value));
  }
  void advance_wall_clock_time(std::int64_t milliseconds) {
    driver_.advance_wall_clock_time(std::chrono::milliseconds(milliseconds));
  }
  void expect_nothing_else() {
    for (const std::string& topic : driver_.produced_topic_names()) {
      if (topic.ends_with("-changelog") || topic.ends_with("-repartition") || topic.ends_with("-topic")) continue;
      EXPECT_EQ(driver_.queue_size(topic), 0U) << topic << " has more than the page says";
    }
  }

 private:
  static tidemill::Topology built(void (*topology)(tidemill::StreamsBuilder&)) {
    tidemill::StreamsBuilder builder;
    topology(builder);
    return builder.build();
  }
  tidemill::TopologyTestDriver driver_;
};

}  // namespace guide
