// Prints what Java's versioned store answers to puts and questions that come in no order, a line each: the key, time and value
// (-: null) of a put and what it answers; the key and time of the questions, the latest value, the one of that time, and now and
// then all versions from that time on, the newest first. Run by hand:
//   java -cp "$(tools/kafka_jars)" tests/unit/state/java/JavaVersions.java > tests/unit/state/java/versions.txt
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import java.util.Random;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.query.MultiVersionedKeyQuery;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.VersionedRecordIterator;

public class JavaVersions {
  static final long HISTORY = 5_000;
  static final int PUTS = 1_000;

  static class Nothing implements Processor<String, String, String, String> {
    @Override
    public void process(org.apache.kafka.streams.processor.api.Record<String, String> record) {}
  }

  static StreamsBuilder topology() {
    StreamsBuilder builder = new StreamsBuilder();
    builder.addStateStore(Stores.versionedKeyValueStoreBuilder(
        Stores.persistentVersionedKeyValueStore("versions", Duration.ofMillis(HISTORY)), Serdes.String(), Serdes.String()));
    builder.<String, String>stream("in").process(Nothing::new, "versions");
    return builder;
  }

  static String text(VersionedRecord<String> found) {
    return found == null ? "-" : found.value() + "@" + found.timestamp();
  }

  static String all(VersionedKeyValueStore<String, String> store, String key, long from) {
    MultiVersionedKeyQuery<String, String> query =
        MultiVersionedKeyQuery.<String, String>withKey(key).fromTime(Instant.ofEpochMilli(from));
    StringBuilder out = new StringBuilder(" [");
    try (VersionedRecordIterator<String> versions =
             ((StateStore) store).query(query, PositionBound.unbounded(), new QueryConfig(false)).getResult()) {
      while (versions.hasNext()) {
        VersionedRecord<String> version = versions.next();
        out.append(text(version)).append('-').append(version.validTo().orElse(-1L)).append(',');
      }
    }
    return out.append(']').toString();
  }

  public static void main(String[] args) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "versions");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class.getName());
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class.getName());
    try (TopologyTestDriver driver = new TopologyTestDriver(topology().build(), config)) {
      VersionedKeyValueStore<String, String> store = driver.getVersionedKeyValueStore("versions");
      Random random = new Random(1);
      long newest = 0;
      for (int i = 0; i < PUTS; ++i) {
        // Time stands nearly still, and then goes by quickly, so that keys are passed by the history.
        newest += random.nextInt(i % 200 < 150 ? 50 : 600);
        String key = "k" + random.nextInt(3);
        long time = Math.max(0, (newest - random.nextInt(7_000)) / 250 * 250);
        String value = random.nextInt(3) == 0 ? null : "" + i;
        long answer = store.put(key, value, time);
        String asked = "k" + random.nextInt(3);
        long from = Math.max(0, newest - random.nextInt(9_000));
        System.out.println(key + " " + time + " " + (value == null ? "-" : value) + " " + answer + " " + asked + " " + from + " "
            + text(store.get(asked)) + " " + text(store.get(asked, from)) + (i % 4 == 0 ? all(store, asked, from) : ""));
      }
    }
  }
}
