// Prints what Kafka Streams 4.2.0 makes of topologies whose key changes, optimized: describe(), and what is written to each topic,
// so that it can be seen which repartition topics take records without a key. Its output is golden/merged.txt. Run by hand:
//
//   javac -cp "$KAFKA/libs/*" Merged.java && java -cp "$KAFKA/libs/*:." Merged > ../golden/merged.txt
//
// `merged_repartitions_test.cpp` builds the same topologies under the same titles. The jar of kafka-streams-test-utils has to be
// among the others.
import java.time.Duration;
import java.util.*;
import java.util.function.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

public class Merged {
  static final Serde<String> S = Serdes.String();

  static void show(String title, String optimization, Consumer<StreamsBuilder> write) {
    System.out.println("##### " + title);
    final Properties config = new Properties();
    config.put("application.id", "app");
    config.put("bootstrap.servers", "unused:1");
    config.put("default.key.serde", Serdes.StringSerde.class);
    config.put("default.value.serde", Serdes.StringSerde.class);
    config.put("statestore.cache.max.bytes", "0");
    config.put("topology.optimization", optimization);
    final StreamsBuilder builder = new StreamsBuilder();
    write.accept(builder);
    final Topology topology;
    try {
      topology = builder.build(config);
    } catch (final RuntimeException e) {
      System.out.println(e.getClass().getSimpleName() + "\n");  // two repartitionings on one branch cannot be merged
      return;
    }
    System.out.print(topology.describe());
    try (TopologyTestDriver driver = new TopologyTestDriver(topology, config)) {
      final TestInputTopic<String, String> in = driver.createInputTopic("in", S.serializer(), S.serializer());
      in.pipeInput("k", "b", 1);
      in.pipeInput("k", "", 2);
      in.pipeInput("k", null, 3);
      in.pipeInput("k", "c", 4);
      for (final String topic : new TreeSet<>(driver.producedTopicNames())) {
        if (topic.endsWith("-changelog")) continue;
        System.out.print(topic + ":");
        for (final TestRecord<String, String> r : driver.createOutputTopic(topic, S.deserializer(), S.deserializer()).readRecordsToList()) {
          System.out.print(" " + r.key() + "=" + r.value());
        }
        System.out.println();
      }
    }
    System.out.println();
  }

  /** A new key from the value: none for an empty one. */
  static KStream<String, String> keyed(StreamsBuilder b) {
    return b.<String, String>stream("in").selectKey((k, v) -> v == null || v.isEmpty() ? null : v);
  }
  static <V> Materialized<String, V, KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>> as(String name) {
    return Materialized.as(name);
  }
  static String plus(String a, String b) { return a + "+" + b; }
  static KTable<String, String> reduce(KStream<String, String> s, String name) {
    return s.groupByKey().reduce((a, v) -> a + v, as(name));
  }

  public static void main(String[] args) {
    final String all = "all";
    final Map<String, BiConsumer<StreamsBuilder, String>> shown = new LinkedHashMap<>();
    shown.put("one", (b, o) -> reduce(keyed(b), "r").toStream().to("o"));
    shown.put("two without names", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.groupByKey().reduce((x, y) -> x + y).toStream().to("o");
      s.groupByKey().aggregate(() -> "", (k, v, a) -> a + v).toStream().to("p");
    });
    shown.put("two with names", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s, "r").toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("behind a filter, which has another sink", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      final KStream<String, String> f = s.filter((k, v) -> !"c".equals(v));
      f.to("filtered");
      reduce(f, "r").toStream().to("o");
      reduce(s, "q").toStream().to("p");
      s.to("all");
    });
    shown.put("behind two filters", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s.filter((k, v) -> true).peek((k, v) -> { }), "r").toStream().to("o");
      reduce(s.filter((k, v) -> false), "q").toStream().to("p");
    });
    shown.put("behind a change of the value", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s.mapValues(v -> v + "!"), "r").toStream().to("o");
      reduce(s.mapValues(v -> v + "?").filter((k, v) -> true), "q").toStream().to("p");
    });
    shown.put("the value changes first", (b, o) -> {
      final KStream<String, String> s = b.<String, String>stream("in").mapValues(v -> v).selectKey((k, v) -> v);
      reduce(s, "r").toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("inner join and reduce", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.join(b.<String, String>table("t"), Merged::plus).to("joined");
      reduce(s, "r").toStream().to("o");
    });
    shown.put("left join and reduce", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.leftJoin(b.<String, String>table("t"), Merged::plus).to("joined");
      reduce(s, "r").toStream().to("o");
    });
    shown.put("named left join", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.leftJoin(b.<String, String>table("t"), Merged::plus, Joined.as("j")).to("joined");
      reduce(s, "r").toStream().to("o");
    });
    shown.put("left join behind a table", (b, o) ->
        reduce(keyed(b), "r").toStream().leftJoin(b.<String, String>table("t"), Merged::plus).to("joined"));
    shown.put("left join of streams", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.leftJoin(b.<String, String>stream("other"), Merged::plus, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10))).to("joined");
      reduce(s, "r").toStream().to("o");
    });
    shown.put("inner join of streams, both keyed anew", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      final KStream<String, String> t = b.<String, String>stream("other").selectKey((k, v) -> v);
      s.join(t, Merged::plus, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(10))).to("joined");
      reduce(t, "r").toStream().to("o");
    });
    shown.put("merge of two that are keyed anew", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      final KStream<String, String> t = b.<String, String>stream("other").selectKey((k, v) -> v);
      final KStream<String, String> m = s.merge(t);
      reduce(m, "r").toStream().to("o");
      reduce(m, "q").toStream().to("p");
    });
    shown.put("merge of one that is keyed anew and one that is not", (b, o) -> {
      final KStream<String, String> m = keyed(b).merge(b.<String, String>stream("other"));
      reduce(m, "r").toStream().to("o");
      reduce(m, "q").toStream().to("p");
    });
    shown.put("merge, and one of the two by itself", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      final KStream<String, String> t = b.<String, String>stream("other").selectKey((k, v) -> v);
      reduce(s, "r").toStream().to("o");
      reduce(s.merge(t), "q").toStream().to("p");
    });
    shown.put("keyed anew twice", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s, "r").toStream().to("o");
      reduce(s.selectKey((k, v) -> "x"), "q").toStream().to("p");
    });
    shown.put("through a processor", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s.processValues(() -> new ContextualFixedKeyProcessor<String, String, String>() {
        @Override public void process(final FixedKeyRecord<String, String> r) { context().forward(r); }
      }), "r").toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("branches", (b, o) -> {
      final Map<String, KStream<String, String>> m = keyed(b).split(Named.as("br-")).branch((k, v) -> "b".equals(v), Branched.as("b"))
          .defaultBranch(Branched.as("rest"));
      reduce(m.get("br-b"), "r").toStream().to("o");
      reduce(m.get("br-rest"), "q").toStream().to("p");
    });
    shown.put("to table", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.toTable(as("t")).toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("repartition is never merged", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      reduce(s.repartition(Repartitioned.as("own")), "r").toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("repartition before a left join", (b, o) ->
        keyed(b).repartition(Repartitioned.as("own")).leftJoin(b.<String, String>table("t"), Merged::plus).to("joined"));
    shown.put("cogroup", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.groupByKey().<String>cogroup((k, v, a) -> a + v).aggregate(() -> "", as("c")).toStream().to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.put("windows", (b, o) -> {
      final KStream<String, String> s = keyed(b);
      s.groupByKey().windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10))).reduce((x, y) -> x + y, Materialized.as("w"))
          .toStream((k, v) -> k.key()).to("o");
      reduce(s, "q").toStream().to("p");
    });
    shown.forEach((title, write) -> {
      show(title, all, b -> write.accept(b, all));
      show(title + " (none)", "none", b -> write.accept(b, "none"));
    });
  }
}
