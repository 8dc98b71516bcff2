// Kafka Streams doing what tidemill_peer does.
// usage: StreamsPeer BOOTSTRAP WORK(stateless|count|count-distinct) GUARANTEE(at_least_once|exactly_once) INPUT OUTPUT RECORDS STATE
// Prints one JSON object; the first half of the records is warm-up.
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.KeyValueStore;

public class StreamsPeer {
  static final long PATIENCE_SECONDS = 600;

  static long cpuNanoseconds() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static long peakMegabytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) / 1000;
    }
    return -1;
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 7) {
      System.err.println("usage: StreamsPeer BOOTSTRAP WORK GUARANTEE INPUT OUTPUT RECORDS STATE");
      System.exit(2);
    }
    String work = arguments[1];
    String guarantee = arguments[2];
    String output = arguments[4];
    long records = Long.parseLong(arguments[5]);
    long cpuBefore = cpuNanoseconds();

    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "java-" + work + "-" + guarantee);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[6]);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, "100");
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        guarantee.equals("exactly_once") ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
    settings.put("auto.offset.reset", "earliest");
    settings.put("producer.linger.ms", "100");
    settings.put("producer.batch.size", "131072");

    AtomicLong seen = new AtomicLong();
    AtomicLong cpuHalf = new AtomicLong();
    CountDownLatch done = new CountDownLatch(1);
    StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> stream =
        builder.stream(arguments[3], Consumed.with(Serdes.String(), Serdes.String())).peek((key, value) -> {
          long number = seen.incrementAndGet();
          if (number == records / 2) cpuHalf.set(cpuNanoseconds());
          if (number == records) done.countDown();
        });
    if (work.equals("stateless")) {
      stream.filter((key, value) -> value.charAt(0) != 'z')
          .mapValues(value -> value)
          .to(output, Produced.with(Serdes.String(), Serdes.String()));
    } else {
      Materialized<String, Long, KeyValueStore<Bytes, byte[]>> counts = Materialized.as("counts");
      counts = work.equals("count") ? counts.withCachingEnabled() : counts.withCachingDisabled();
      stream.groupByKey().count(counts).toStream().to(output, Produced.with(Serdes.String(), Serdes.Long()));
    }
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.start();
    if (!done.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      System.err.println("StreamsPeer: only " + seen.get() + " of " + records + " records have come");
      System.exit(1);
    }
    streams.close(Duration.ofSeconds(60));
    long cpuAfter = cpuNanoseconds();
    System.out.printf("{\"who\":\"kafka-streams\",\"work\":\"%s\",\"guarantee\":\"%s\",\"cpu_us_per_record\":%.3f,"
            + "\"warm_cpu_us_per_record\":%.3f,\"records\":%d,\"peak_mb\":%d}%n",
        work, guarantee, (cpuAfter - cpuBefore) / 1e3 / records, (cpuAfter - cpuHalf.get()) / 1e3 / (records - records / 2),
        records, peakMegabytes());
    System.exit(0);
  }
}
