// Prints what Kafka Streams 4.2.0 does where the other oracles do not look: what print() writes, which processors of which
// operators go through a ProcessorWrapper, which partitions a foreign-key join's messages go to, what metrics a processor of
// one's own counts. Its output is golden/surface.txt. Run by hand:
//
//   javac -cp "$KAFKA/libs/*" Surface.java && java -cp "$KAFKA/libs/*:." Surface > ../golden/surface.txt
//
// `surface_test.cpp` builds the same topologies under the same titles.
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import java.util.function.*;

public class Surface {
  static Serde<String> S = Serdes.String();
  static Serde<Long> L = Serdes.Long();

  public static class Seen implements ProcessorWrapper {
    static List<String> names = new ArrayList<>();
    public <KIn, VIn, KOut, VOut> WrappedProcessorSupplier<KIn, VIn, KOut, VOut> wrapProcessorSupplier(
        String name, ProcessorSupplier<KIn, VIn, KOut, VOut> supplier) {
      names.add(name);
      return ProcessorWrapper.asWrapped(supplier);
    }
    public <KIn, VIn, VOut> WrappedFixedKeyProcessorSupplier<KIn, VIn, VOut> wrapFixedKeyProcessorSupplier(
        String name, FixedKeyProcessorSupplier<KIn, VIn, VOut> supplier) {
      names.add(name + " fixed");
      return ProcessorWrapper.asWrappedFixedKey(supplier);
    }
  }
  static Properties config() {
    Properties p = new Properties();
    p.put("application.id", "app");
    p.put("bootstrap.servers", "nowhere:1");
    p.put("default.key.serde", Serdes.StringSerde.class);
    p.put("default.value.serde", Serdes.StringSerde.class);
    p.put("statestore.cache.max.bytes", "0");
    return p;
  }
  static void wrapped(String title, Consumer<StreamsBuilder> write) {
    Properties p = config();
    p.put(StreamsConfig.PROCESSOR_WRAPPER_CLASS_CONFIG, Seen.class);
    Seen.names.clear();
    System.out.println("##### wrapped " + title);
    StreamsBuilder b = new StreamsBuilder(new TopologyConfig(new StreamsConfig(p)));
    write.accept(b);
    b.build();
    for (String name : new TreeSet<>(Seen.names)) System.out.println(name);
  }
  static class Ends implements org.apache.kafka.streams.processor.api.Processor<String, String, String, String> {
    public void process(Record<String, String> record) {}
  }
  static class EndsFixed implements FixedKeyProcessor<String, String, String> {
    public void process(FixedKeyRecord<String, String> record) {}
  }

  static void wrappers() {
    wrapped("stateless", b -> {
      KStream<String, String> s = b.stream("in");
      s.filter((k, v) -> true).filterNot((k, v) -> false).map(KeyValue::pair).mapValues(v -> v).flatMap((k, v) -> List.of(KeyValue.pair(k, v)))
          .flatMapValues(v -> List.of(v)).selectKey((k, v) -> v).peek((k, v) -> {}).to("o");
      s.foreach((k, v) -> {});
      s.print(Printed.toSysOut());
      s.merge(b.stream("in2")).split().branch((k, v) -> true).defaultBranch();
      s.repartition().to("p");
      s.toTable().toStream().to("q");
    });
    wrapped("process", b -> {
      KStream<String, String> s = b.stream("in");
      s.process(() -> new Ends()).processValues(() -> new EndsFixed()).to("o");
    });
    wrapped("aggregations", b -> {
      KStream<String, String> s = b.stream("in");
      s.groupByKey().count().toStream().to("o", Produced.with(S, L));
      s.groupBy((k, v) -> v).reduce((x, y) -> y).toStream().to("p");
      s.groupByKey().aggregate(() -> "", (k, v, x) -> v).toStream().to("q");
      s.groupByKey().cogroup((String k, String v, String x) -> v).aggregate(() -> "").toStream().to("r");
    });
    wrapped("windows", b -> {
      KGroupedStream<String, String> g = b.<String, String>stream("in").groupByKey();
      g.windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).count().suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded())).toStream((k, v) -> k.key()).to("o", Produced.with(S, L));
      g.windowedBy(SlidingWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10))).reduce((x, y) -> y).toStream((k, v) -> k.key()).to("p");
      g.windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofMillis(10))).count().toStream((k, v) -> k.key()).to("q", Produced.with(S, L));
      g.cogroup((String k, String v, String x) -> v).windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).aggregate(() -> "").toStream((k, v) -> k.key()).to("r");
    });
    wrapped("tables", b -> {
      KTable<String, String> t = b.table("t");
      t.filter((k, v) -> true).mapValues(v -> v).toStream().to("o");
      t.transformValues(() -> new ValueTransformerWithKey<String, String, String>() {
        public void init(org.apache.kafka.streams.processor.ProcessorContext c) {}
        public String transform(String k, String v) { return v; }
        public void close() {}
      }).toStream().to("p");
      t.groupBy((k, v) -> KeyValue.pair(v, k)).count().toStream().to("q", Produced.with(S, L));
      t.suppress(Suppressed.untilTimeLimit(Duration.ofMillis(10), Suppressed.BufferConfig.unbounded())).toStream().to("r");
    });
    wrapped("table joins", b -> {
      KTable<String, String> t = b.table("t");
      KTable<String, String> u = b.table("u");
      t.join(u, (x, y) -> x).toStream().to("o");
      t.leftJoin(u, (x, y) -> x).toStream().to("p");
      t.outerJoin(u, (x, y) -> x).toStream().to("q");
      t.join(u, v -> v, (x, y) -> x).toStream().to("r");
    });
    wrapped("stream joins", b -> {
      KStream<String, String> s = b.stream("in");
      KStream<String, String> z = b.stream("in2");
      s.join(z, (x, y) -> x, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10))).to("o");
      s.leftJoin(z, (x, y) -> x, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10))).to("p");
      s.join(b.<String, String>table("t"), (x, y) -> x).to("q");
      s.leftJoin(b.<String, String>globalTable("g"), (k, v) -> v, (x, y) -> x).to("r");
    });
    wrapped("rekeyed", b -> {
      KStream<String, String> s = b.<String, String>stream("in").selectKey((k, v) -> v);
      s.groupByKey().count().toStream().to("o", Produced.with(S, L));
    });
    wrapped("global store", b -> {
      b.addGlobalStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("gs"), S, S).withLoggingDisabled(), "g",
          Consumed.with(S, S), () -> new org.apache.kafka.streams.processor.api.Processor<String, String, Void, Void>() { public void process(Record<String, String> r) {} });
      b.stream("in").to("o");
    });
    Properties p = config();
    p.put(StreamsConfig.PROCESSOR_WRAPPER_CLASS_CONFIG, Seen.class);
    Seen.names.clear();
    System.out.println("##### wrapped by hand");
    Topology topology = new Topology(new TopologyConfig(new StreamsConfig(p)));
    topology.addSource("source", "in").addProcessor("check", () -> new Ends(), "source").addSink("sink", "o", "check");
    for (String name : new TreeSet<>(Seen.names)) System.out.println(name);
  }

  interface Printing { void write(StreamsBuilder b, String file); }
  static void prints(String title, Serde<?> key, Serde<?> value, List<KeyValue<?, ?>> records, Printing write) throws Exception {
    Path file = Files.createTempFile("surface", ".txt");
    StreamsBuilder b = new StreamsBuilder();
    write.write(b, file.toString());
    System.out.println("##### " + title);
    try (TopologyTestDriver driver = new TopologyTestDriver(b.build(), config())) {
      @SuppressWarnings({"unchecked", "rawtypes"})
      TestInputTopic<Object, Object> in = driver.createInputTopic("in", (Serializer) key.serializer(), (Serializer) value.serializer());
      for (KeyValue<?, ?> r : records) in.pipeInput(r.key, r.value);
    }
    System.out.print(Files.readString(file));
    Files.delete(file);
  }
  static void printing() throws Exception {
    List<KeyValue<?, ?>> texts = List.of(KeyValue.pair("a", "one"), KeyValue.pair("b", null), KeyValue.pair(null, "three"));
    prints("print to a file", S, S, texts, (b, f) -> b.stream("in", Consumed.with(S, S)).print(Printed.toFile(f)));
    prints("print behind an operator", S, S, texts, (b, f) -> b.stream("in", Consumed.with(S, S)).mapValues(v -> v).print(Printed.toFile(f)));
    prints("print with label", S, S, texts, (b, f) -> b.stream("in", Consumed.with(S, S)).print(Printed.<String, String>toFile(f).withLabel("my label").withName("printer")));
    prints("print with mapper", S, S, texts, (b, f) -> b.stream("in", Consumed.with(S, S)).print(Printed.<String, String>toFile(f).withKeyValueMapper((k, v) -> k + "=" + v)));
    prints("print numbers", L, Serdes.Integer(), List.of(KeyValue.pair(-5L, 7)), (b, f) -> b.stream("in", Consumed.with(L, Serdes.Integer())).print(Printed.toFile(f)));
    List<KeyValue<?, ?>> doubles = new ArrayList<>();
    for (double d : new double[] {0, -0.0, 1, -1.5, 0.001, 0.00099, 1e7, 9999999, 12345678.9, 1e-10, 1e21, 1.7976931348623157E308, Double.NaN, Double.POSITIVE_INFINITY, 0.1, 100})
      doubles.add(KeyValue.pair(true, d));
    prints("print fractions", Serdes.Boolean(), Serdes.Double(), doubles, (b, f) -> b.stream("in", Consumed.with(Serdes.Boolean(), Serdes.Double())).print(Printed.toFile(f)));
    List<KeyValue<?, ?>> floats = new ArrayList<>();
    for (float d : new float[] {0, 1, 0.1f, 1e7f, 3.4e38f, 0.001f, 16777216f}) floats.add(KeyValue.pair((short) 3, d));
    prints("print small fractions", Serdes.Short(), Serdes.Float(), floats, (b, f) -> b.stream("in", Consumed.with(Serdes.Short(), Serdes.Float())).print(Printed.toFile(f)));
    prints("print others", Serdes.UUID(), Serdes.Bytes(), List.of(KeyValue.pair(UUID.fromString("00112233-4455-6677-8899-aabbccddeeff"), Bytes.wrap(new byte[] {'a', 0, (byte) 0xff, '\\', ' ', '~', 127}))),
        (b, f) -> b.stream("in", Consumed.with(Serdes.UUID(), Serdes.Bytes())).print(Printed.toFile(f)));
    prints("print windows", S, S, texts, (b, f) -> b.stream("in", Consumed.with(S, S)).groupByKey().windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofDays(100000))).count().toStream().print(Printed.toFile(f)));
    System.out.println("##### print names");
    StreamsBuilder b = new StreamsBuilder();
    KStream<String, String> s = b.stream("in");
    s.print(Printed.toSysOut());
    s.print(Printed.<String, String>toSysOut().withName("printer"));
    s.mapValues(v -> v).print(Printed.toSysOut());
    System.out.println(b.build().describe());
  }

  static void partitions() {
    System.out.println("##### partitions of a foreign-key join");
    StreamsBuilder b = new StreamsBuilder();
    KTable<String, String> t = b.table("t");
    KTable<String, String> u = b.table("u");
    StreamPartitioner<String, Void> mine = (topic, key, value, n) -> { System.out.println("mine " + topic + " " + key + " " + value + " " + n); return Optional.of(Set.of(0)); };
    StreamPartitioner<String, Void> theirs = (topic, key, value, n) -> { System.out.println("other " + topic + " " + key + " " + value + " " + n); return Optional.of(Set.of(0)); };
    t.leftJoin(u, v -> v.equals("none") ? null : v, (x, y) -> x + y, TableJoined.with(mine, theirs).withName("fk")).toStream().to("o");
    try (TopologyTestDriver driver = new TopologyTestDriver(b.build(), config())) {
      TestInputTopic<String, String> left = driver.createInputTopic("t", S.serializer(), S.serializer());
      TestInputTopic<String, String> right = driver.createInputTopic("u", S.serializer(), S.serializer());
      TestOutputTopic<String, String> out = driver.createOutputTopic("o", S.deserializer(), S.deserializer());
      right.pipeInput("r", "R");
      left.pipeInput("k", "r");
      left.pipeInput("k", "q");
      right.pipeInput("q", "Q");
      left.pipeInput("m", "none");
      left.pipeInput("k", (String) null);
      for (KeyValue<String, String> r : out.readKeyValuesToList()) System.out.println(r.key + " " + r.value);
    }
  }

  static class Counts implements org.apache.kafka.streams.processor.api.Processor<String, String, String, String> {
    Sensor plain, rate, latency;
    StreamsMetrics metrics;
    public void init(ProcessorContext<String, String> context) {
      metrics = context.metrics();
      plain = metrics.addSensor("plain", Sensor.RecordingLevel.INFO);
      plain.add(new MetricName("plain-total", "mine", "what I count", Map.of("who", "me")), new org.apache.kafka.common.metrics.stats.CumulativeSum());
      rate = metrics.addRateTotalSensor("scope", "entity", "operation", Sensor.RecordingLevel.INFO, "shop", "north");
      latency = metrics.addLatencyRateTotalSensor("scope", "entity", "slow", Sensor.RecordingLevel.INFO);
    }
    public void process(Record<String, String> record) { plain.record(2); rate.record(); latency.record(record.timestamp()); }
  }
  static void metrics() {
    System.out.println("##### metrics of a processor's own");
    Topology topology = new Topology();
    topology.addSource("source", "in").addProcessor("counts", () -> new Counts(), "source");
    try (TopologyTestDriver driver = new TopologyTestDriver(topology, config())) {
      TestInputTopic<String, String> in = driver.createInputTopic("in", S.serializer(), S.serializer());
      in.pipeInput("a", "b", 10);
      in.pipeInput("a", "b", 30);
      TreeSet<String> lines = new TreeSet<>();
      driver.metrics().forEach((name, metric) -> {
        if (name.group().contains("scope") || name.group().equals("mine"))
          lines.add(name.name() + " " + name.group() + " " + new TreeMap<>(name.tags()) + " \"" + name.description() + "\""
              + (name.name().contains("rate") ? "" : " " + metric.metricValue()));
      });
      lines.forEach(System.out::println);
    }
  }

  public static void main(String[] arguments) throws Exception {
    printing();
    wrappers();
    partitions();
    metrics();
  }
}
