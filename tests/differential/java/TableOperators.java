// Operators on tables of texts and of counts, and aggregations without windows.
import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KGroupedTable;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Predicate;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.ValueMapperWithKey;
import org.apache.kafka.streams.kstream.ValueTransformerWithKey;
import org.apache.kafka.streams.kstream.ValueTransformerWithKeySupplier;
import org.apache.kafka.streams.processor.ProcessorContext;

final class TableOperators {
  static KTable<String, String> on(World w, JsonNode step) { return w.get(step); }
  static KTable<String, Long> counts(World w, JsonNode step) { return w.get(step); }
  static KGroupedStream<String, String> group(World w, JsonNode step) { return w.get(step); }
  static KGroupedTable<String, String> tableGroup(World w, JsonNode step) { return w.get(step); }
  static String f(JsonNode step) { return step.get("f").asText(); }

  static void add(Map<String, World.Operator> operators) {
    operators.put("table", (w, s) -> {
      String topic = s.get("topic").asText();
      Consumed<String, String> consumed = World.consumed(s);
      if (consumed != null && World.isStored(s)) w.put(s, w.builder.table(topic, consumed, World.keyValues(s)));
      else if (consumed != null) w.put(s, w.builder.table(topic, consumed));
      else if (World.isStored(s)) w.put(s, w.builder.table(topic, World.<String, String>keyValues(s)));
      else w.put(s, w.builder.table(topic));
    });
    operators.put("globalTable", (w, s) -> {
      String topic = s.get("topic").asText();
      Consumed<String, String> consumed = World.consumed(s);
      if (consumed != null && World.isStored(s)) w.put(s, w.builder.globalTable(topic, consumed, World.keyValues(s)));
      else if (consumed != null) w.put(s, w.builder.globalTable(topic, consumed));
      else if (World.isStored(s)) w.put(s, w.builder.globalTable(topic, World.<String, String>keyValues(s)));
      else w.put(s, w.builder.globalTable(topic));
    });
    operators.put("tableFilter", (w, s) -> {
      Predicate<String, String> p = Functions.predicate(f(s))::test;
      KTable<String, String> on = on(w, s);
      w.put(s, World.choose(s, () -> on.filter(p), n -> on.filter(p, n), () -> on.filter(p, World.keyValues(s)),
                            n -> on.filter(p, n, World.keyValues(s))));
    });
    operators.put("tableFilterNot", (w, s) -> {
      Predicate<String, String> p = Functions.predicate(f(s))::test;
      KTable<String, String> on = on(w, s);
      w.put(s, World.choose(s, () -> on.filterNot(p), n -> on.filterNot(p, n), () -> on.filterNot(p, World.keyValues(s)),
                            n -> on.filterNot(p, n, World.keyValues(s))));
    });
    operators.put("tableMapValues", (w, s) -> {
      ValueMapperWithKey<String, String, String> m = Functions.mapper(f(s))::map;
      KTable<String, String> on = on(w, s);
      w.put(s, World.choose(s, () -> on.mapValues(m), n -> on.mapValues(m, n), () -> on.mapValues(m, World.keyValues(s)),
                            n -> on.mapValues(m, n, World.keyValues(s))));
    });
    operators.put("transformValues", (w, s) -> {
      Functions.Mapper m = Functions.mapper(f(s));
      ValueTransformerWithKeySupplier<String, String, String> t = () -> new Transformer(m);
      KTable<String, String> on = on(w, s);
      w.put(s, World.choose(s, () -> on.transformValues(t), n -> on.transformValues(t, n),
                            () -> on.transformValues(t, World.keyValues(s)),
                            n -> on.transformValues(t, World.keyValues(s), n)));
    });
    operators.put("toStream", (w, s) -> {
      if (s.has("key")) {
        Functions.Mapper key = Functions.mapper(World.text(s, "key"));
        w.put(s, World.isNamed(s) ? on(w, s).toStream((k, v) -> key.map(k, v), World.named(s))
                                  : on(w, s).toStream((k, v) -> key.map(k, v)));
      } else {
        w.put(s, World.isNamed(s) ? on(w, s).toStream(World.named(s)) : on(w, s).toStream());
      }
    });
    operators.put("suppress", (w, s) -> w.put(s, on(w, s).suppress(suppressed(s))));
    operators.put("tableGroupBy", (w, s) -> {
      Functions.Mapper key = Functions.mapper(World.text(s, "key")), value = Functions.mapper(f(s));
      KeyValueMapper<String, String, KeyValue<String, String>> m = (k, v) -> KeyValue.pair(key.map(k, v), value.map(k, v));
      w.put(s, grouped(s) == null ? on(w, s).groupBy(m) : on(w, s).groupBy(m, grouped(s)));
    });
    operators.put("groupCount", (w, s) -> {
      KGroupedTable<String, String> on = tableGroup(w, s);
      w.put(s, World.choose(s, on::count, on::count, () -> on.count(World.<String, Long>keyValues(s)),
                            n -> on.count(n, World.<String, Long>keyValues(s))));
    });
    operators.put("groupReduce", (w, s) -> {
      Reducer<String> plus = reducer(f(s)), minus = reducer(World.text(s, "minus"));
      KGroupedTable<String, String> on = tableGroup(w, s);
      w.put(s, World.choose(s, () -> on.reduce(plus, minus), n -> on.reduce(plus, minus, n, World.plain()),
                            () -> on.reduce(plus, minus, World.keyValues(s)),
                            n -> on.reduce(plus, minus, n, World.keyValues(s))));
    });
    operators.put("groupAggregate", (w, s) -> {
      Aggregator<String, String, String> plus = aggregator(f(s)), minus = aggregator(World.text(s, "minus"));
      KGroupedTable<String, String> on = tableGroup(w, s);
      w.put(s, World.choose(s, () -> on.aggregate(() -> "_", plus, minus), n -> on.aggregate(() -> "_", plus, minus, n),
                            () -> on.aggregate(() -> "_", plus, minus, World.keyValues(s)),
                            n -> on.aggregate(() -> "_", plus, minus, n, World.keyValues(s))));
    });
    operators.put("count", (w, s) -> {
      KGroupedStream<String, String> on = group(w, s);
      w.put(s, World.choose(s, on::count, on::count, () -> on.count(World.<String, Long>keyValues(s)),
                            n -> on.count(n, World.<String, Long>keyValues(s))));
    });
    operators.put("reduce", (w, s) -> {
      Reducer<String> r = reducer(f(s));
      KGroupedStream<String, String> on = group(w, s);
      w.put(s, World.choose(s, () -> on.reduce(r), n -> on.reduce(r, n, World.plain()), () -> on.reduce(r, World.keyValues(s)),
                            n -> on.reduce(r, n, World.keyValues(s))));
    });
    operators.put("aggregate", (w, s) -> {
      Aggregator<String, String, String> a = aggregator(f(s));
      KGroupedStream<String, String> on = group(w, s);
      w.put(s, World.choose(s, () -> on.aggregate(() -> "_", a), n -> on.aggregate(() -> "_", a, n, World.plain()),
                            () -> on.aggregate(() -> "_", a, World.keyValues(s)),
                            n -> on.aggregate(() -> "_", a, n, World.keyValues(s))));
    });
    operators.put("countToText", (w, s) -> {
      ValueMapperWithKey<String, Long, String> m = (k, v) -> v == null ? null : "n" + v;
      KTable<String, Long> on = counts(w, s);
      w.put(s, World.choose(s, () -> on.mapValues(m), n -> on.mapValues(m, n), () -> on.mapValues(m, World.keyValues(s)),
                            n -> on.mapValues(m, n, World.keyValues(s))));
    });
    operators.put("countSuppress", (w, s) -> w.put(s, counts(w, s).suppress(suppressed(s))));
    operators.put("countFilter", (w, s) -> {
      Predicate<String, Long> p = (k, v) -> v % 2 != 0;
      KTable<String, Long> on = counts(w, s);
      w.put(s, World.choose(s, () -> on.filter(p), n -> on.filter(p, n), () -> on.filter(p, World.<String, Long>keyValues(s).withValueSerde(Serdes.Long())),
                            n -> on.filter(p, n, World.<String, Long>keyValues(s).withValueSerde(Serdes.Long()))));
    });
    operators.put("countTo", (w, s) -> counts(w, s).toStream().to(s.get("topic").asText()));
  }
  /// Null: none.
  static Grouped<String, String> grouped(JsonNode s) {
    if (!World.isNamed(s) && World.serde(s, "key") == null && World.serde(s, "value") == null) return null;
    Grouped<String, String> grouped = Grouped.with(World.serde(s, "key"), World.serde(s, "value"));
    return World.isNamed(s) ? grouped.withName(World.text(s, "named")) : grouped;
  }
  static Reducer<String> reducer(String name) {
    Functions.Aggregator f = Functions.aggregator(name);
    return (soFar, value) -> f.apply(value, soFar);
  }
  static Aggregator<String, String, String> aggregator(String name) {
    Functions.Aggregator f = Functions.aggregator(name);
    return (key, value, soFar) -> f.apply(value, soFar);
  }
  record Transformer(Functions.Mapper mapper) implements ValueTransformerWithKey<String, String, String> {
    @Override
    public void init(ProcessorContext context) {}
    @Override
    public String transform(String key, String value) { return mapper.map(key, value); }
    @Override
    public void close() {}
  }
  /// Of any key: until a window closes only of a table of windows.
  @SuppressWarnings({"unchecked", "rawtypes"})
  static <K> Suppressed<K> suppressed(JsonNode s) {
    boolean early = World.text(s, "full").equals("emit");
    Suppressed.EagerBufferConfig eager = null;
    Suppressed.StrictBufferConfig strict = Suppressed.BufferConfig.unbounded();
    if (s.has("records")) eager = Suppressed.BufferConfig.maxRecords(s.get("records").asLong());
    if (s.has("bytes")) {
      eager = eager == null ? Suppressed.BufferConfig.maxBytes(s.get("bytes").asLong()) : eager.withMaxBytes(s.get("bytes").asLong());
    }
    Suppressed.BufferConfig buffer = eager == null ? strict : early || !s.has("full") ? eager : eager.shutDownWhenFull();
    if (early && eager != null) buffer = eager.emitEarlyWhenFull();
    if (!s.path("log").asBoolean(true)) buffer = buffer.withLoggingDisabled();
    Suppressed made = s.has("limit") ? Suppressed.untilTimeLimit(World.duration(s, "limit"), buffer)
                                     : Suppressed.untilWindowCloses((Suppressed.StrictBufferConfig) buffer);
    return World.isNamed(s) ? made.withName(World.text(s, "named")) : made;
  }
  private TableOperators() {}
}
