// What Kafka Streams tells serdes that they work for. Prints, by topology, each serde with the topics it was told of: what
// ../serde_topics_test.cpp expects.
//
//   java -cp "$(tools/kafka_jars)" tests/topology/operators/java/SerdeTopics.java
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.*;

public final class SerdeTopics {
  private static final TreeMap<String, TreeSet<String>> TOLD = new TreeMap<>();

  private static Serde<String> serde(String who) {
    return Serdes.serdeFrom(
        (topic, value) -> {
          TOLD.computeIfAbsent(who, w -> new TreeSet<>()).add(topic);
          return value == null ? null : value.getBytes();
        },
        (topic, bytes) -> {
          TOLD.computeIfAbsent(who, w -> new TreeSet<>()).add(topic);
          return bytes == null ? null : new String(bytes);
        });
  }

  private static Consumed<String, String> consumed() {
    return Consumed.with(serde("ck"), serde("cv"));
  }

  private static <S extends StateStore> Materialized<String, String, S> store() {
    return Materialized.<String, String, S>as("st").withKeySerde(serde("mk")).withValueSerde(serde("mv"));
  }

  private static void told(String what, String optimization, List<String> inputs, BiConsumer<StreamsBuilder, String> make) {
    TOLD.clear();
    StreamsBuilder builder = new StreamsBuilder();
    make.accept(builder, what);
    Properties config = new Properties();
    config.put("application.id", "app");
    config.put("bootstrap.servers", "none:1");
    config.put("topology.optimization", optimization);
    try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(config), config)) {
      long time = 0;
      for (String topic : inputs) {
        for (String key : new String[] {"a", "b", "a"}) {
          pipe(driver, topic, key, "v" + key + time % 3, time);
          time += 7;
        }
      }
      for (String topic : inputs) pipe(driver, topic, "zz", "vz", 100000);
      for (String topic : inputs) pipe(driver, topic, "a", null, 100001);
    }
    System.out.println("== " + what + " (" + optimization + ")");
    TOLD.forEach((who, topics) -> System.out.println("   " + who + " " + topics));
  }

  private static void pipe(TopologyTestDriver driver, String topic, String key, String value, long time) {
    driver.createInputTopic(topic, new StringSerializer(), new StringSerializer()).pipeInput(key, value, time);
  }

  private static KGroupedStream<String, String> grouped(StreamsBuilder builder) {
    return builder.stream("s", consumed()).groupByKey(Grouped.with(serde("gk"), serde("gv")));
  }

  public static void main(String[] arguments) {
    for (String optimization : new String[] {"none", "all"}) {
      told("table", optimization, List.of("t"),
          (builder, what) -> builder.table("t", consumed(), SerdeTopics.<KeyValueStore<Bytes, byte[]>>store()));
    }
    told("table without a log", "none", List.of("t"),
        (builder, what) -> builder.table("t", consumed(), SerdeTopics.<KeyValueStore<Bytes, byte[]>>store().withLoggingDisabled()));
    told("global table", "none", List.of("t"),
        (builder, what) -> builder.globalTable("t", consumed(), SerdeTopics.<KeyValueStore<Bytes, byte[]>>store()));
    told("reduce", "none", List.of("s"),
        (builder, what) -> grouped(builder).reduce(String::concat, SerdeTopics.<KeyValueStore<Bytes, byte[]>>store()));
    told("reduce of sessions", "none", List.of("s"), (builder, what) -> grouped(builder)
        .windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(10)))
        .reduce(String::concat, SerdeTopics.<SessionStore<Bytes, byte[]>>store()));
    told("reduce of windows, suppressed", "none", List.of("s"), (builder, what) -> grouped(builder)
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10)))
        .reduce(String::concat, SerdeTopics.<WindowStore<Bytes, byte[]>>store())
        .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()).withName("sup"))
        .toStream()
        .foreach((key, value) -> { }));
    told("grouped table", "none", List.of("t"), (builder, what) -> builder.table("t", consumed())
        .groupBy((key, value) -> KeyValue.pair(value, key), Grouped.with("grp", serde("gk"), serde("gv")))
        .reduce(String::concat, (a, b) -> a, SerdeTopics.<KeyValueStore<Bytes, byte[]>>store()));
    told("outer join of streams", "none", List.of("s", "r"), (builder, what) -> builder.stream("s", consumed())
        .outerJoin(builder.stream("r", consumed()), (a, b) -> a + b,
            JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10)),
            StreamJoined.with(serde("jk"), serde("jv"), serde("jo")).withName("j").withStoreName("js")));
    told("foreign-key join", "none", List.of("l", "r", "l"), (builder, what) -> {
      KTable<String, String> left = builder.table("l", Consumed.with(serde("lk"), serde("lv")));
      KTable<String, String> right = builder.table("r", Consumed.with(serde("rk"), serde("rv")));
      left.join(right, value -> value.substring(1, 2), String::concat, TableJoined.as("fj"),
          SerdeTopics.<KeyValueStore<Bytes, byte[]>>store());
    });
    told("join of a stream with a table of versions, with grace", "none", List.of("t", "s"), (builder, what) -> {
      KTable<String, String> table = builder.table("t", Consumed.with(serde("rk"), serde("rv")),
          Materialized.as(Stores.persistentVersionedKeyValueStore("vs", Duration.ofMillis(1000))));
      builder.stream("s", consumed()).join(table, String::concat,
          Joined.with(serde("jk"), serde("jv"), serde("jo"), "jn", Duration.ofMillis(10)));
    });
  }
}
