// Operators on streams, and sources and sinks.
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Branched;
import org.apache.kafka.streams.kstream.BranchedKStream;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.processor.RecordContext;
import org.apache.kafka.streams.processor.TopicNameExtractor;

final class StreamOperators {
  static KStream<String, String> on(World w, JsonNode step) { return w.get(step); }
  static String f(JsonNode step) { return step.get("f").asText(); }

  /// A topic for each first letter of keys.
  record Chosen(String prefix) implements TopicNameExtractor<String, String> {
    @Override
    public String extract(String key, String value, RecordContext context) { return prefix + Functions.first(key); }
    @Override
    public String toString() { return "chosen"; }
  }
  static void add(Map<String, World.Operator> operators) {
    operators.put("stream", (w, s) -> {
      String topic = s.get("topic").asText();
      Consumed<String, String> consumed = World.consumed(s);
      w.put(s, consumed != null ? w.builder.stream(topic, consumed) : w.builder.<String, String>stream(topic));
    });
    operators.put("streamPattern", (w, s) -> {
      Pattern pattern = Pattern.compile(s.get("topic").asText());
      Consumed<String, String> consumed = World.consumed(s);
      w.put(s, consumed != null ? w.builder.stream(pattern, consumed) : w.builder.<String, String>stream(pattern));
    });
    operators.put("streams", (w, s) -> {
      List<String> topics = new ArrayList<>();
      s.get("topics").forEach(topic -> topics.add(topic.asText()));
      Consumed<String, String> consumed = World.consumed(s);
      w.put(s, consumed != null ? w.builder.stream(topics, consumed) : w.builder.<String, String>stream(topics));
    });
    operators.put("to", (w, s) -> {
      String topic = s.get("topic").asText();
      Produced<String, String> produced = Produced.with(World.serde(s, "key"), World.serde(s, "value"));
      if (World.isNamed(s)) produced = produced.withName(World.text(s, "named"));
      if (World.text(s, "picky").equals("value")) produced = produced.withValueSerde(Functions.pickyWriter());
      on(w, s).to(topic, produced);
    });
    operators.put("toChosen", (w, s) -> {
      Chosen chosen = new Chosen(s.get("topic").asText());
      if (World.isNamed(s)) on(w, s).to(chosen, Produced.as(World.text(s, "named")));
      else on(w, s).to(chosen);
    });
    operators.put("foreach", (w, s) -> {
      Functions.Predicate p = Functions.predicate(f(s));
      if (World.isNamed(s)) on(w, s).foreach((k, v) -> p.test(k, v), World.named(s));
      else on(w, s).foreach((k, v) -> p.test(k, v));
    });
    operators.put("through", (w, s) -> {
      String topic = s.get("topic").asText();
      on(w, s).to(topic);
      w.put(s, w.builder.<String, String>stream(topic));
    });
    operators.put("filter", (w, s) -> {
      Functions.Predicate p = Functions.predicate(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).filter(p::test, World.named(s)) : on(w, s).filter(p::test));
    });
    operators.put("filterNot", (w, s) -> {
      Functions.Predicate p = Functions.predicate(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).filterNot(p::test, World.named(s)) : on(w, s).filterNot(p::test));
    });
    operators.put("mapValues", (w, s) -> {
      Functions.Mapper m = Functions.mapper(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).mapValues(m::map, World.named(s)) : on(w, s).mapValues(m::map));
    });
    operators.put("map", (w, s) -> {
      Functions.Mapper key = Functions.mapper(World.text(s, "key")), value = Functions.mapper(f(s));
      w.put(s, World.isNamed(s)
          ? on(w, s).map((k, v) -> KeyValue.pair(key.map(k, v), value.map(k, v)), World.named(s))
          : on(w, s).map((k, v) -> KeyValue.pair(key.map(k, v), value.map(k, v))));
    });
    operators.put("flatMap", (w, s) -> {
      Functions.Mapper key = Functions.mapper(World.text(s, "key"));
      Functions.ListMapper values = Functions.listMapper(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).flatMap((k, v) -> pairs(key, values, k, v), World.named(s))
                                : on(w, s).flatMap((k, v) -> pairs(key, values, k, v)));
    });
    operators.put("flatMapValues", (w, s) -> {
      Functions.ListMapper m = Functions.listMapper(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).flatMapValues(m::map, World.named(s)) : on(w, s).flatMapValues(m::map));
    });
    operators.put("selectKey", (w, s) -> {
      Functions.Mapper m = Functions.mapper(f(s));
      w.put(s, World.isNamed(s) ? on(w, s).selectKey(m::map, World.named(s)) : on(w, s).selectKey(m::map));
    });
    operators.put("peek", (w, s) -> w.put(s, World.isNamed(s) ? on(w, s).peek((k, v) -> {}, World.named(s))
                                                              : on(w, s).peek((k, v) -> {})));
    operators.put("merge", (w, s) -> {
      KStream<String, String> other = w.get(s, "with");
      w.put(s, World.isNamed(s) ? on(w, s).merge(other, World.named(s)) : on(w, s).merge(other));
    });
    operators.put("repartition", (w, s) -> {
      Repartitioned<String, String> options = Repartitioned.with(World.serde(s, "key"), World.serde(s, "value"));
      if (World.isNamed(s)) options = options.withName(World.text(s, "named"));
      w.put(s, World.isNamed(s) || s.has("serdes") ? on(w, s).repartition(options) : on(w, s).repartition());
    });
    operators.put("split", StreamOperators::split);
    operators.put("toTable", (w, s) -> w.put(s, toTable(on(w, s), s)));
    operators.put("groupByKey", (w, s) -> w.put(s, grouped(s) == null ? on(w, s).groupByKey() : on(w, s).groupByKey(grouped(s))));
    operators.put("groupBy", (w, s) -> {
      Functions.Mapper m = Functions.mapper(f(s));
      w.put(s, grouped(s) == null ? on(w, s).groupBy(m::map) : on(w, s).groupBy(m::map, grouped(s)));
    });
  }
  /// Null: none. With serdes, if nothing is said of them.
  static Grouped<String, String> grouped(JsonNode s) {
    if (s.path("serdes").isObject() && s.path("serdes").isEmpty() && !World.isNamed(s)) return null;
    Grouped<String, String> grouped = s.has("serdes") ? Grouped.with(World.serde(s, "key"), World.serde(s, "value"))
                                                      : Grouped.with(Serdes.String(), Serdes.String());
    return World.isNamed(s) ? grouped.withName(World.text(s, "named")) : grouped;
  }
  static List<KeyValue<String, String>> pairs(Functions.Mapper key, Functions.ListMapper values, String k, String v) {
    List<KeyValue<String, String>> all = new ArrayList<>();
    for (String value : values.map(k, v)) all.add(KeyValue.pair(key.map(k, value), value));
    return all;
  }
  static Object toTable(KStream<String, String> on, JsonNode s) {
    if (World.isStored(s) && World.isNamed(s)) return on.toTable(World.named(s), World.keyValues(s));
    if (World.isStored(s)) return on.toTable(World.keyValues(s));
    return World.isNamed(s) ? on.toTable(World.named(s)) : on.toTable();
  }
  /// Branches `<as>0` (the default one), `<as>1`, ...
  static void split(World w, JsonNode s) {
    String name = s.get("as").asText();
    BranchedKStream<String, String> branches = on(w, s).split(Named.as(name + "-"));
    for (JsonNode one : s.get("fs")) {
      Functions.Predicate p = Functions.predicate(one.asText());
      branches = branches.branch(p::test);
    }
    Map<String, KStream<String, String>> made =
        s.path("default").asBoolean(true) ? branches.defaultBranch() : branches.noDefaultBranch();
    made.forEach((key, stream) -> w.put(name + key.substring(name.length() + 1), stream));
  }
  private StreamOperators() {}
}
