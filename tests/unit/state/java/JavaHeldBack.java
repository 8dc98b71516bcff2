// Prints what suppress() writes to its changelog, a record a line: offset, timestamp, key, value and the header `v` (x and hex; -: none),
// for JavaBufferReader.java. Each of these versions of Kafka Streams writes another form of the value:
//
//   2.1.1  none    2.2.1  1    2.3.0  2    2.4.1  3, but says 2    2.8.2  3
//
// Run by hand, with the jars of the version (a pom whose one dependency is kafka-streams-test-utils, mvn dependency:copy-dependencies):
//   for version in 2.1.1 2.2.1 2.3.0 2.4.1 2.8.2; do
//     echo "changelog $version"; java -cp "$version/lib/*" tests/unit/state/java/JavaHeldBack.java
//   done | java -cp "$(tools/kafka_jars)" tests/unit/state/java/JavaBufferReader.java > tests/unit/state/java/held_back.txt
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.test.ConsumerRecordFactory;

public class JavaHeldBack {
  // Time, key, value; the time passes the limit at 1020. Records at a time with a 3 have headers.
  static final String[][] INPUT = {{"0", "a", "one"}, {"10", "b", "uno"}, {"20", "a", "two"}, {"30", "c", ""},
      {"40", "c", "drei"}, {"50", "b", null}, {"1020", "d", "first"}, {"1030", "a", "three"}, {"1035", "e", "gone"},
      {"1045", "e", null}, {"1050", "a", "four"}, {"1060", "\u00fc", "last"}};

  static String hex(byte[] bytes) {
    if (bytes == null) return "-";
    StringBuilder out = new StringBuilder("x");
    for (byte b : bytes) out.append(String.format("%02x", b));
    return out.toString();
  }

  static Headers headers(String time) {
    Headers headers = new RecordHeaders();
    if (!time.contains("3")) return headers;
    headers.add("h", new byte[] {1, 2});
    headers.add("\u00fc", new byte[0]);
    return headers;
  }

  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "-:1");
    config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/held-back-" + System.nanoTime());
    StreamsBuilder builder = new StreamsBuilder();
    builder.table("in", Consumed.with(Serdes.String(), Serdes.String()))
        .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(1000), Suppressed.BufferConfig.unbounded()).withName("held"))
        .toStream()
        .to("out", Produced.with(Serdes.String(), Serdes.String()));
    long offset = 0;
    try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), config)) {
      ConsumerRecordFactory<String, String> records =
          new ConsumerRecordFactory<>("in", new StringSerializer(), new StringSerializer());
      for (String[] record : INPUT) {
        driver.pipeInput(records.create("in", record[1], record[2], headers(record[0]), Long.parseLong(record[0])));
        for (;;) {
          ProducerRecord<byte[], byte[]> out =
              driver.readOutput("app-held-store-changelog", new ByteArrayDeserializer(), new ByteArrayDeserializer());
          if (out == null) break;
          Header version = out.headers().lastHeader("v");
          long time = out.timestamp() == null ? 1_700_000_000_000L + offset : out.timestamp();
          System.out.println("record " + offset++ + " " + time + " " + hex(out.key()) + " " + hex(out.value()) + " "
              + (version == null ? "-" : hex(version.value())));
        }
      }
    }
  }
}
