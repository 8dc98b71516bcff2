// The least that a C++ user writes by hand against Kafka: consume by callback, copy each record into a produce call.
// usage: librdkafka_loop BOOTSTRAP INPUT OUTPUT PARTITIONS RECORDS     prints one JSON object
//
// At least once without commits, one thread of its own; what librdkafka's threads spend counts, too. The first half of the
// records is warm-up.
#include <librdkafka/rdkafka.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <utility>

#include "harness/process.hpp"

namespace {

constexpr int kServeMs = 100;
constexpr int kFlushMs = 60'000;

struct Loop {
  rd_kafka_t* producer = nullptr;
  rd_kafka_topic_t* output = nullptr;
  long records = 0;
  long seen = 0;
  double cpu_half = 0;
};

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "librdkafka_loop: %s: %s\n", what, why);
  std::exit(1);
}

rd_kafka_t* client(rd_kafka_type_t type, std::initializer_list<std::pair<const char*, std::string>> settings) {
  char why[512];
  rd_kafka_conf_t* const conf = rd_kafka_conf_new();
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) fail(key, why);
  }
  rd_kafka_t* const made = rd_kafka_new(type, conf, why, sizeof why);
  if (made == nullptr) fail("no client", why);
  return made;
}

void on_record(rd_kafka_message_t* message, void* opaque) {
  Loop& loop = *static_cast<Loop*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || loop.seen == loop.records) return;
  if (static_cast<const char*>(message->payload)[0] != 'z') {
    while (rd_kafka_produce(loop.output, message->partition, RD_KAFKA_MSG_F_COPY, message->payload, message->len, message->key,
                            message->key_len, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(loop.producer, kServeMs);
    }
  }
  if (++loop.seen == loop.records / 2) loop.cpu_half = tidemill_bench::process_cpu_ns();
  if (loop.seen % 1024 == 0) rd_kafka_poll(loop.producer, 0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) fail("usage", "librdkafka_loop BOOTSTRAP INPUT OUTPUT PARTITIONS RECORDS");
  const std::string bootstrap = argv[1];
  const int partitions = std::atoi(argv[4]);
  Loop loop;
  loop.records = std::atol(argv[5]);
  rd_kafka_t* const consumer =
      client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap}, {"check.crcs", "false"}, {"queued.min.messages", "100000"}});
  loop.producer = client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", bootstrap},
                                             {"linger.ms", "100"},
                                             {"batch.size", "131072"},
                                             {"enable.idempotence", "true"},
                                             {"queue.buffering.max.messages", "1000000"}});
  loop.output = rd_kafka_topic_new(loop.producer, argv[3], nullptr);
  rd_kafka_topic_t* const input = rd_kafka_topic_new(consumer, argv[2], nullptr);
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(consumer);
  for (int i = 0; i < partitions; ++i) {
    if (rd_kafka_consume_start_queue(input, i, RD_KAFKA_OFFSET_BEGINNING, queue) != 0) fail("consume", argv[2]);
  }
  const double cpu_before = tidemill_bench::process_cpu_ns();
  while (loop.seen < loop.records) rd_kafka_consume_callback_queue(queue, kServeMs, on_record, &loop);
  if (rd_kafka_flush(loop.producer, kFlushMs) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("flush", "records are left");
  const double cpu_after = tidemill_bench::process_cpu_ns();
  const auto records = static_cast<double>(loop.records);
  std::printf("{\"who\":\"librdkafka\",\"work\":\"stateless\",\"cpu_us_per_record\":%.3f,\"warm_cpu_us_per_record\":%.3f,"
              "\"records\":%ld,\"peak_mb\":%.0f}\n",
              (cpu_after - cpu_before) / records / 1e3, (cpu_after - loop.cpu_half) / (records / 2) / 1e3, loop.records,
              static_cast<double>(tidemill_bench::peak_resident_bytes()) / 1e6);
  std::fflush(stdout);
  ::_exit(0);  // closing the handles is not part of the work
}
