// Which serdes Kafka Streams takes for topics and changelogs where an operator's options give none, or some. Sources have "K:" in
// front of keys and "V:" in front of values ("L:", "W:" the second one); the defaults have nothing. Its output is
// ../../golden/serdes.txt; ../serdes_handed_on_test.cpp builds the same topologies under the same titles.
//
//   java -cp "$(tools/kafka_jars)" tests/topology/operators/java/SerdesHandedOn.java > tests/topology/golden/serdes.txt
import java.time.Duration;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.state.*;

public final class SerdesHandedOn {
  static Serde<String> mark(String mark) {
    return Serdes.serdeFrom((topic, text) -> text == null ? null : (mark + text).getBytes(), (topic, bytes) -> {
      if (bytes == null) return null;
      String text = new String(bytes);
      return text.startsWith(mark) ? text.substring(mark.length()) : text;
    });
  }
  static Serde<Long> asText() {
    return Serdes.serdeFrom((topic, number) -> ("#" + number).getBytes(), (topic, bytes) -> Long.valueOf(new String(bytes, 1, bytes.length - 1)));
  }
  static final class World {
    final StreamsBuilder builder = new StreamsBuilder();
    KStream<String, String> one() { return builder.stream("one", Consumed.with(mark("K:"), mark("V:"))); }
    KStream<String, String> two() { return builder.stream("two", Consumed.with(mark("L:"), mark("W:"))); }
    KTable<String, String> table() { return builder.table("one", Consumed.with(mark("K:"), mark("V:"))); }
    KTable<String, String> other() { return builder.table("two", Consumed.with(mark("L:"), mark("W:"))); }
  }
  interface Make { void make(World world); }
  static void show(String title, Make make) {
    System.out.println("##### " + title);
    World world = new World();
    make.make(world);
    Properties config = new Properties();
    config.put("application.id", "app");
    config.put("bootstrap.servers", "none:1");
    config.put("statestore.cache.max.bytes", "0");
    config.put("default.key.serde", Serdes.StringSerde.class.getName());
    config.put("default.value.serde", Serdes.StringSerde.class.getName());
    config.put("topology.optimization", title.startsWith("optimized, ") ? "all" : "none");
    Topology topology = world.builder.build(config);
    String described = topology.describe().toString();
    try (TopologyTestDriver driver = new TopologyTestDriver(topology, config)) {
      for (String topic : new String[] {"two", "one"}) {
        if (!described.contains("[" + topic + "]")) continue;
        driver.createInputTopic(topic, new StringSerializer(), new StringSerializer())
            .pipeInput(topic.equals("one") ? "K:a" : "L:a", topic.equals("one") ? "V:a" : "W:b", 10);
      }
      for (String topic : new TreeSet<>(driver.producedTopicNames())) {
        if (topic.equals("one") || topic.equals("two")) continue;
        for (var record : driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer()).readRecordsToList())
          System.out.println(topic + " " + shown(record.key()) + "=" + shown(record.value()));
      }
    }
  }
  static String shown(byte[] bytes) {
    return bytes == null ? "null" : new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1).replaceAll("[^ -~]", "_");
  }

  static <V> Materialized<String, V, KeyValueStore<Bytes, byte[]>> kept() { return Materialized.as("kept"); }
  static Materialized<String, String, KeyValueStore<Bytes, byte[]>> marked() {
    return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("kept").withKeySerde(mark("M:")).withValueSerde(mark("N:"));
  }
  static TimeWindows windows() { return TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(5)); }
  static SessionWindows sessions() { return SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(5)); }
  static JoinWindows within() { return JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(5)); }
  static String both(String a, String b) { return a + b; }
  static String all(String key, String value, String soFar) { return soFar + value; }
  static final class PassOn implements Processor<String, String, String, String> {
    ProcessorContext<String, String> context;
    @Override
    public void init(ProcessorContext<String, String> given) { context = given; }
    @Override
    public void process(org.apache.kafka.streams.processor.api.Record<String, String> record) { context.forward(record); }
  }
  static final class PassValueOn implements FixedKeyProcessor<String, String, String> {
    FixedKeyProcessorContext<String, String> context;
    @Override
    public void init(FixedKeyProcessorContext<String, String> given) { context = given; }
    @Override
    public void process(FixedKeyRecord<String, String> record) { context.forward(record); }
  }
  static final class PassRowOn implements ValueTransformerWithKey<String, String, String> {
    @Override
    public void init(org.apache.kafka.streams.processor.ProcessorContext context) {}
    @Override
    public String transform(String key, String value) { return value; }
    @Override
    public void close() {}
  }

  public static void main(String[] arguments) {
    show("to", w -> w.one().to("out"));
    show("to, key given", w -> w.one().to("out", Produced.keySerde(mark("M:"))));
    show("filter", w -> w.one().filter((k, v) -> true).to("out"));
    show("peek", w -> w.one().peek((k, v) -> {}).to("out"));
    show("map", w -> w.one().map((k, v) -> KeyValue.pair(k, v)).to("out"));
    show("map values", w -> w.one().mapValues(v -> v).to("out"));
    show("flat map values", w -> w.one().flatMapValues(v -> java.util.List.of(v)).to("out"));
    show("select key", w -> w.one().selectKey((k, v) -> k).to("out"));
    show("split", w -> w.one().split(Named.as("s-")).branch((k, v) -> true, Branched.withConsumer(s -> s.to("out"))).noDefaultBranch());
    show("merge", w -> w.one().merge(w.two()).to("out"));
    show("process", w -> w.one().process(PassOn::new).to("out"));
    show("process values", w -> w.one().processValues(PassValueOn::new).to("out"));
    show("repartition", w -> w.one().repartition().to("out"));
    show("repartition, named", w -> w.one().repartition(Repartitioned.as("r")).to("out"));
    show("repartition, key given", w -> w.one().repartition(Repartitioned.<String, String>as("r").withKeySerde(mark("M:"))).to("out"));
    show("repartition, value given", w -> w.one().repartition(Repartitioned.<String, String>as("r").withValueSerde(mark("N:"))).to("out"));
    show("repartition of other keys", w -> w.one().selectKey((k, v) -> k).repartition().to("out"));

    show("to table", w -> w.one().toTable().join(w.other(), SerdesHandedOn::both).toStream().to("out"));
    show("to table, named", w -> w.one().toTable(Named.as("n")).join(w.other(), SerdesHandedOn::both).toStream().to("out"));
    show("to table, kept", w -> w.one().toTable(kept()).toStream().to("out"));
    show("to table, kept with serdes", w -> w.one().toTable(marked()).toStream().to("out"));
    show("to table, kept without a name", w -> w.one().toTable(Materialized.with(mark("M:"), null)).join(w.other(), SerdesHandedOn::both).toStream().to("out"));
    show("to table of other keys", w -> w.one().selectKey((k, v) -> k).toTable().toStream().to("out"));
    show("to table of other keys, kept", w -> w.one().selectKey((k, v) -> k).toTable(kept()).toStream().to("out"));

    show("group by key", w -> w.one().groupByKey().reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by key, named", w -> w.one().groupByKey(Grouped.as("g")).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by key, key given", w -> w.one().groupByKey(Grouped.keySerde(mark("G:"))).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by key, value given", w -> w.one().groupByKey(Grouped.valueSerde(mark("H:"))).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by key, kept", w -> w.one().groupByKey().reduce(SerdesHandedOn::both, kept()).toStream().to("out"));
    show("group by key, kept with serdes", w -> w.one().groupByKey().reduce(SerdesHandedOn::both, marked()).toStream().to("out"));
    show("group by key, named, kept with serdes", w -> w.one().groupByKey(Grouped.as("g")).reduce(SerdesHandedOn::both, marked()).toStream().to("out"));
    show("group by other keys", w -> w.one().selectKey((k, v) -> k).groupByKey().reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by other keys, named", w -> w.one().selectKey((k, v) -> k).groupByKey(Grouped.as("g")).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by", w -> w.one().groupBy((k, v) -> v).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by, named", w -> w.one().groupBy((k, v) -> v, Grouped.as("g")).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by, key given", w -> w.one().groupBy((k, v) -> v, Grouped.with("g", mark("G:"), null)).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("group by, kept with serdes", w -> w.one().groupBy((k, v) -> v).reduce(SerdesHandedOn::both, marked()).toStream().to("out"));
    show("count", w -> w.one().groupByKey().count().mapValues(v -> "one").toStream().to("out"));
    show("aggregate", w -> w.one().groupByKey().aggregate(() -> "", SerdesHandedOn::all).toStream().to("out"));
    show("windows", w -> w.one().groupByKey().windowedBy(windows()).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("windows of a named group", w -> w.one().groupByKey(Grouped.as("g")).windowedBy(windows()).reduce(SerdesHandedOn::both));
    show("windows, key given", w -> w.one().groupByKey(Grouped.keySerde(mark("G:"))).windowedBy(windows()).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("windows, aggregate", w -> w.one().groupByKey().windowedBy(windows()).aggregate(() -> "", SerdesHandedOn::all).toStream().to("out"));
    show("sessions", w -> w.one().groupByKey().windowedBy(sessions()).reduce(SerdesHandedOn::both).toStream().to("out"));
    show("sessions of a named group", w -> w.one().groupByKey(Grouped.as("g")).windowedBy(sessions()).reduce(SerdesHandedOn::both));
    show("cogroup", w -> w.one().groupByKey().<String>cogroup(SerdesHandedOn::all).aggregate(() -> "").toStream().to("out"));
    show("cogroup, kept with serdes", w -> w.one().groupByKey().<String>cogroup(SerdesHandedOn::all).aggregate(() -> "", marked()).toStream().to("out"));
    show("cogroup of other keys", w -> w.one().selectKey((k, v) -> k).groupByKey().<String>cogroup(SerdesHandedOn::all)
        .cogroup(w.two().groupByKey(), SerdesHandedOn::all).aggregate(() -> "").toStream().to("out"));
    show("cogroup of windows", w -> w.one().groupByKey().<String>cogroup(SerdesHandedOn::all).windowedBy(windows()).aggregate(() -> ""));
    show("cogroup of sessions", w -> w.one().groupByKey().<String>cogroup(SerdesHandedOn::all).windowedBy(sessions()).aggregate(() -> "", (k, a, b) -> a + b));

    show("join of streams", w -> w.one().join(w.two(), SerdesHandedOn::both, within()).to("out"));
    show("join of streams, named", w -> w.one().join(w.two(), SerdesHandedOn::both, within(), StreamJoined.as("kept")).to("out"));
    show("join of streams, key given", w -> w.one().join(w.two(), SerdesHandedOn::both, within(), StreamJoined.<String, String, String>as("kept").withKeySerde(mark("M:"))).to("out"));
    show("join of streams, values given", w -> w.one().join(w.two(), SerdesHandedOn::both, within(), StreamJoined.<String, String, String>with(null, mark("N:"), mark("P:"))).to("out"));
    show("join of streams with other keys", w -> w.one().selectKey((k, v) -> k).join(w.two().selectKey((k, v) -> k), SerdesHandedOn::both, within()).to("out"));
    show("join of streams with other keys, serdes given", w -> w.one().selectKey((k, v) -> k).join(w.two().selectKey((k, v) -> k), SerdesHandedOn::both, within(), StreamJoined.with(mark("M:"), mark("N:"), mark("P:"))).to("out"));
    show("left join of streams", w -> w.one().leftJoin(w.two().filter((k, v) -> false), SerdesHandedOn::both, within()).to("out"));
    show("outer join of streams", w -> w.one().outerJoin(w.two().filter((k, v) -> false), SerdesHandedOn::both, within()).to("out"));
    show("join with a table", w -> w.one().join(w.other(), SerdesHandedOn::both).to("out"));
    show("join with a table, key given", w -> w.one().join(w.other(), SerdesHandedOn::both, Joined.keySerde(mark("M:"))).to("out"));
    show("join with a table by other keys", w -> w.one().selectKey((k, v) -> k).join(w.other(), SerdesHandedOn::both).to("out"));
    show("join with a table by other keys, named", w -> w.one().selectKey((k, v) -> k).join(w.other(), SerdesHandedOn::both, Joined.as("j")).to("out"));
    show("join with a table by other keys, serdes given", w -> w.one().selectKey((k, v) -> k).join(w.other(), SerdesHandedOn::both, Joined.with(mark("M:"), mark("N:"), mark("P:"))).to("out"));
    show("join with a table, grace", w -> w.one().join(w.two().toTable(Materialized.as(Stores.persistentVersionedKeyValueStore("kept", Duration.ofMillis(100)))),
        SerdesHandedOn::both, Joined.<String, String, String>as("j").withGracePeriod(Duration.ofMillis(5))).to("out"));
    show("join with a table, grace, serdes given", w -> w.one().join(w.two().toTable(Materialized.as(Stores.persistentVersionedKeyValueStore("kept", Duration.ofMillis(100)))),
        SerdesHandedOn::both, Joined.with(mark("M:"), mark("N:"), mark("P:"), "j", Duration.ofMillis(5))).to("out"));
    show("join with a global table", w -> w.one().join(w.builder.globalTable("two", Consumed.with(mark("L:"), mark("W:"))), (k, v) -> k, SerdesHandedOn::both).to("out"));

    show("table", w -> w.table().toStream().to("out"));
    show("table, kept", w -> w.builder.table("one", Consumed.with(mark("K:"), mark("V:")), kept()).toStream().to("out"));
    show("table, kept with serdes", w -> w.builder.table("one", Consumed.with(mark("K:"), mark("V:")), marked()).toStream().to("out"));
    show("table filter", w -> w.table().filter((k, v) -> true).toStream().to("out"));
    show("table filter, kept", w -> w.table().filter((k, v) -> true, kept()).toStream().to("out"));
    show("table filter, kept with serdes", w -> w.table().filter((k, v) -> true, marked()).toStream().to("out"));
    show("table map values", w -> w.table().mapValues(v -> v).toStream().to("out"));
    show("table map values, kept", w -> w.table().mapValues(v -> v, kept()).toStream().to("out"));
    show("table map values, kept with serdes", w -> w.table().mapValues(v -> v, marked()).toStream().to("out"));
    show("table transform values", w -> w.table().transformValues(PassRowOn::new).toStream().to("out"));
    show("table transform values, kept", w -> w.table().transformValues(PassRowOn::new, kept()).toStream().to("out"));
    show("suppress", w -> w.table().suppress(Suppressed.<String>untilTimeLimit(Duration.ofMillis(100), Suppressed.BufferConfig.unbounded()).withName("kept")).toStream().to("out"));
    show("suppress of a filter, kept", w -> w.table().filter((k, v) -> true, kept()).suppress(Suppressed.<String>untilTimeLimit(Duration.ofMillis(100), Suppressed.BufferConfig.unbounded()).withName("held")).toStream().to("out"));
    show("suppress of new values", w -> w.table().mapValues(v -> v).suppress(Suppressed.<String>untilTimeLimit(Duration.ofMillis(100), Suppressed.BufferConfig.unbounded()).withName("kept")).toStream().to("out"));
    show("join of tables", w -> w.table().join(w.other(), SerdesHandedOn::both).toStream().to("out"));
    show("join of tables, kept", w -> w.table().join(w.other(), SerdesHandedOn::both, kept()).toStream().to("out"));
    show("join of tables, kept with serdes", w -> w.table().join(w.other(), SerdesHandedOn::both, marked()).toStream().to("out"));
    show("join of tables, key given", w -> w.table().join(w.other(), SerdesHandedOn::both, Materialized.<String, String, KeyValueStore<Bytes, byte[]>>with(mark("M:"), null)).toStream().to("out"));
    show("foreign key join", w -> w.table().join(w.other(), v -> v, SerdesHandedOn::both, TableJoined.as("j")).toStream().to("out"));
    show("foreign key join, kept", w -> w.table().leftJoin(w.other(), v -> v, SerdesHandedOn::both, TableJoined.as("j"), kept()).toStream().to("out"));
    show("foreign key join, kept with serdes", w -> w.table().leftJoin(w.other(), v -> v, SerdesHandedOn::both, TableJoined.as("j"), marked()).toStream().to("out"));
    show("table group by", w -> w.table().groupBy((k, v) -> KeyValue.pair(k, v)).reduce(SerdesHandedOn::both, (a, b) -> a).toStream().to("out"));
    show("table group by, named", w -> w.table().groupBy((k, v) -> KeyValue.pair(k, v), Grouped.as("g")).reduce(SerdesHandedOn::both, (a, b) -> a).toStream().to("out"));
    show("table group by, serdes given", w -> w.table().groupBy((k, v) -> KeyValue.pair(k, v), Grouped.with(mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both, (a, b) -> a).toStream().to("out"));
    show("table group by, kept with serdes", w -> w.table().groupBy((k, v) -> KeyValue.pair(k, v)).reduce(SerdesHandedOn::both, (a, b) -> a, marked()).toStream().to("out"));
    show("table to stream with other keys", w -> w.table().toStream((k, v) -> k).to("out"));
    show("windows to stream, kept", w -> w.one().groupByKey().windowedBy(windows()).reduce(SerdesHandedOn::both).filter((k, v) -> true).mapValues(v -> v).toStream().to("out"));
    showOptimized();
  }
  private static void showOptimized() {
    show("optimized, two groups, the second with serdes", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k);
      s.groupByKey(Grouped.as("a")).reduce(SerdesHandedOn::both);
      s.groupByKey(Grouped.with("b", mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both);
    });
    show("optimized, two groups, the first with serdes", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k);
      s.groupByKey(Grouped.with("a", mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both);
      s.groupByKey(Grouped.as("b")).reduce(SerdesHandedOn::both);
    });
    show("optimized, one key and another value", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k);
      s.groupByKey().reduce(SerdesHandedOn::both);
      s.groupByKey(Grouped.with("b", mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both);
    });
    show("optimized, a group and a join with a table", w -> {
      KStream<String, String> s = w.one().map((k, v) -> KeyValue.pair(k, v));
      s.groupByKey().reduce(SerdesHandedOn::both);
      s.join(w.other(), SerdesHandedOn::both, Joined.with(mark("M:"), mark("N:"), mark("P:"))).to("out");
    });
    show("optimized, a table and a group", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k);
      s.toTable(kept()).toStream().to("out");
      s.groupByKey(Grouped.with("g", mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both);
    });
    show("optimized, behind a merge", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k).merge(w.two().selectKey((k, v) -> k));
      s.groupByKey().reduce(SerdesHandedOn::both);
      s.groupByKey(Grouped.with("g", mark("G:"), mark("H:"))).reduce(SerdesHandedOn::both);
    });
    show("optimized, groups of counts", w -> {
      KStream<String, Long> s = w.one().groupByKey().count().toStream().selectKey((k, v) -> k);
      s.groupByKey().reduce(Long::sum);
      s.groupByKey(Grouped.with("g", mark("G:"), asText())).reduce(Long::sum);
    });
    show("optimized, groups of counts of windows", w -> {
      KStream<String, Long> s = w.one().groupByKey().windowedBy(windows()).count().toStream().selectKey((k, v) -> k.key());
      s.groupByKey().reduce(Long::sum);
      s.groupByKey(Grouped.with("g", mark("G:"), asText())).reduce(Long::sum);
    });
    show("optimized, cogroup", w -> {
      KStream<String, String> s = w.one().selectKey((k, v) -> k);
      s.groupByKey(Grouped.as("a")).<String>cogroup(SerdesHandedOn::all)
          .cogroup(s.groupByKey(Grouped.with("g", mark("G:"), mark("H:"))), SerdesHandedOn::all).aggregate(() -> "").toStream().to("out");
    });
    show("optimized, self join", w -> {
      KStream<String, String> s = w.one();
      s.join(s, SerdesHandedOn::both, within(), StreamJoined.with(mark("M:"), mark("N:"), mark("P:"))).to("out");
    });
    show("optimized, table over its topic", w -> w.builder.table("one", Consumed.with(mark("K:"), mark("V:")), kept())
        .filter((k, v) -> true, Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("again")).toStream().to("out"));
  }
  private SerdesHandedOn() {}
}
