// Aggregations over windows, cogroups, and operators on tables of windows.
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.util.Map;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Aggregator;
import org.apache.kafka.streams.kstream.CogroupedKStream;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.KeyValueMapper;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Merger;
import org.apache.kafka.streams.kstream.Predicate;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Reducer;
import org.apache.kafka.streams.kstream.SessionWindowedKStream;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.SlidingWindows;
import org.apache.kafka.streams.kstream.TimeWindowedCogroupedKStream;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.UnlimitedWindows;
import org.apache.kafka.streams.kstream.ValueJoiner;
import org.apache.kafka.streams.kstream.ValueMapperWithKey;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.kstream.internals.AbstractStream;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.WindowStore;

final class WindowOperators {
  static KGroupedStream<String, String> group(World w, JsonNode step) { return w.get(step); }
  static KTable<Windowed<String>, String> on(World w, JsonNode step) { return w.get(step); }
  static KTable<Windowed<String>, Long> counts(World w, JsonNode step) { return w.get(step); }
  static String f(JsonNode step) { return step.get("f").asText(); }
  static boolean areSessions(JsonNode windows) { return World.text(windows, "kind").equals("session"); }
  static SessionWindows sessions(JsonNode w) {
    return SessionWindows.ofInactivityGapAndGrace(World.duration(w, "size"), World.duration(w, "grace"));
  }
  static SlidingWindows sliding(JsonNode w) {
    return SlidingWindows.ofTimeDifferenceAndGrace(World.duration(w, "size"), World.duration(w, "grace"));
  }
  static UnlimitedWindows unlimited(JsonNode w) {
    return UnlimitedWindows.of().startOn(Instant.ofEpochMilli(w.path("start").asLong(0)));
  }
  static TimeWindows time(JsonNode w) {
    TimeWindows windows = TimeWindows.ofSizeAndGrace(World.duration(w, "size"), World.duration(w, "grace"));
    return w.has("advance") ? windows.advanceBy(World.duration(w, "advance")) : windows;
  }
  static EmitStrategy emit(JsonNode step) {
    return World.text(step, "emit").equals("close") ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate();
  }
  static TimeWindowedKStream<String, String> windowed(World w, JsonNode s) {
    JsonNode windows = s.get("windows");
    TimeWindowedKStream<String, String> stream = switch (World.text(windows, "kind")) {
      case "sliding" -> group(w, s).windowedBy(sliding(windows));
      case "unlimited" -> group(w, s).windowedBy(unlimited(windows));
      default -> group(w, s).windowedBy(time(windows));
    };
    return stream.emitStrategy(emit(s));
  }
  static SessionWindowedKStream<String, String> sessioned(World w, JsonNode s) {
    return group(w, s).windowedBy(sessions(s.get("windows"))).emitStrategy(emit(s));
  }
  static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> windowStore(JsonNode s) { return World.materialized(s); }
  static <V> Materialized<String, V, SessionStore<Bytes, byte[]>> sessionStore(JsonNode s) { return World.materialized(s); }

  static Object count(World w, JsonNode s) {
    if (areSessions(s.get("windows"))) {
      SessionWindowedKStream<String, String> on = sessioned(w, s);
      return World.choose(s, on::count, on::count, () -> on.count(WindowOperators.<Long>sessionStore(s)),
                          n -> on.count(n, WindowOperators.<Long>sessionStore(s)));
    }
    TimeWindowedKStream<String, String> on = windowed(w, s);
    return World.choose(s, on::count, on::count, () -> on.count(WindowOperators.<Long>windowStore(s)),
                        n -> on.count(n, WindowOperators.<Long>windowStore(s)));
  }
  static Object reduce(World w, JsonNode s) {
    Reducer<String> r = TableOperators.reducer(f(s));
    if (areSessions(s.get("windows"))) {
      SessionWindowedKStream<String, String> on = sessioned(w, s);
      return World.choose(s, () -> on.reduce(r), n -> on.reduce(r, n), () -> on.reduce(r, sessionStore(s)),
                          n -> on.reduce(r, n, sessionStore(s)));
    }
    TimeWindowedKStream<String, String> on = windowed(w, s);
    return World.choose(s, () -> on.reduce(r), n -> on.reduce(r, n), () -> on.reduce(r, windowStore(s)),
                        n -> on.reduce(r, n, windowStore(s)));
  }
  static Merger<String, String> merger(JsonNode s) {
    Functions.Aggregator f = Functions.aggregator(World.text(s, "merge"));
    return (key, one, other) -> f.apply(other, one);
  }
  static Object aggregate(World w, JsonNode s) {
    Aggregator<String, String, String> a = TableOperators.aggregator(f(s));
    if (areSessions(s.get("windows"))) {
      SessionWindowedKStream<String, String> on = sessioned(w, s);
      Merger<String, String> m = merger(s);
      return World.choose(s, () -> on.aggregate(() -> "_", a, m), n -> on.aggregate(() -> "_", a, m, n),
                          () -> on.aggregate(() -> "_", a, m, WindowOperators.<String>sessionStore(s)),
                          n -> on.aggregate(() -> "_", a, m, n, WindowOperators.<String>sessionStore(s)));
    }
    TimeWindowedKStream<String, String> on = windowed(w, s);
    return World.choose(s, () -> on.aggregate(() -> "_", a), n -> on.aggregate(() -> "_", a, n),
                        () -> on.aggregate(() -> "_", a, WindowOperators.<String>windowStore(s)),
                        n -> on.aggregate(() -> "_", a, n, WindowOperators.<String>windowStore(s)));
  }
  /// Should Java forget which keys a table of windows has.
  static void rememberKeys(World w, JsonNode s) {
    JsonNode windows = s.get("windows");
    Serde<String> given = World.serde(s.path("store"), "key"), text = given == null ? Serdes.String() : given;
    w.serdes.put(s.get("as").asText(), areSessions(windows)
        ? new WindowedSerdes.SessionWindowedSerde<>(text)
        : new WindowedSerdes.TimeWindowedSerde<>(text, windows.path("size").asLong()));
  }
  static Object cogroup(World w, JsonNode s) {
    CogroupedKStream<String, String> all = null;
    for (int i = 0; i < s.get("groups").size(); ++i) {
      KGroupedStream<String, String> group = w.handle(s.get("groups").get(i).asText());
      Aggregator<String, String, String> a = TableOperators.aggregator(s.get("fs").get(i).asText());
      all = all == null ? group.cogroup(a) : all.cogroup(group, a);
    }
    CogroupedKStream<String, String> on = all;
    if (!s.has("windows")) {
      return World.choose(s, () -> on.aggregate(() -> "_"), n -> on.aggregate(() -> "_", n),
                          () -> on.aggregate(() -> "_", World.<String, String>keyValues(s)),
                          n -> on.aggregate(() -> "_", n, World.keyValues(s)));
    }
    JsonNode windows = s.get("windows");
    rememberKeys(w, s);
    if (areSessions(windows)) {
      var sessioned = on.windowedBy(sessions(windows));
      Merger<String, String> m = merger(s);
      return World.choose(s, () -> sessioned.aggregate(() -> "_", m), n -> sessioned.aggregate(() -> "_", m, n),
                          () -> sessioned.aggregate(() -> "_", m, WindowOperators.<String>sessionStore(s)),
                          n -> sessioned.aggregate(() -> "_", m, n, WindowOperators.<String>sessionStore(s)));
    }
    TimeWindowedCogroupedKStream<String, String> windowed = switch (World.text(windows, "kind")) {
      case "sliding" -> on.windowedBy(sliding(windows));
      case "unlimited" -> on.windowedBy(unlimited(windows));
      default -> on.windowedBy(time(windows));
    };
    return World.choose(s, () -> windowed.aggregate(() -> "_"), n -> windowed.aggregate(() -> "_", n),
                        () -> windowed.aggregate(() -> "_", WindowOperators.<String>windowStore(s)),
                        n -> windowed.aggregate(() -> "_", n, WindowOperators.<String>windowStore(s)));
  }

  /// With the keys' serde that was remembered, if Java has forgotten it.
  @SuppressWarnings("unchecked")
  static <V> void to(World w, JsonNode s, KTable<Windowed<String>, V> table) {
    String topic = s.get("topic").asText();
    Serde<Windowed<String>> remembered = (Serde<Windowed<String>>) w.serdes.get(s.get("on").asText());
    if (((AbstractStream<?, ?>) table).keySerde() != null) table.toStream().to(topic);
    else table.toStream().to(topic, Produced.keySerde(remembered));
  }
  static void put(World w, JsonNode s, Object table) {
    rememberKeys(w, s);
    w.put(s, table);
  }
  static void add(Map<String, World.Operator> operators) {
    operators.put("windowedCount", (w, s) -> put(w, s, count(w, s)));
    operators.put("windowedReduce", (w, s) -> put(w, s, reduce(w, s)));
    operators.put("windowedAggregate", (w, s) -> put(w, s, aggregate(w, s)));
    operators.put("cogroup", (w, s) -> w.put(s, cogroup(w, s)));
    operators.put("windowFilter", (w, s) -> {
      Functions.Predicate f = Functions.predicate(f(s));
      Predicate<Windowed<String>, String> p = (k, v) -> f.test(k.key(), v);
      w.put(s, World.isNamed(s) ? on(w, s).filter(p, World.named(s)) : on(w, s).filter(p));
    });
    operators.put("windowMapValues", (w, s) -> {
      Functions.Mapper f = Functions.mapper(f(s));
      ValueMapperWithKey<Windowed<String>, String, String> m = (k, v) -> f.map(k.key(), v);
      w.put(s, World.isNamed(s) ? on(w, s).mapValues(m, World.named(s)) : on(w, s).mapValues(m));
    });
    operators.put("windowSuppress", (w, s) -> w.put(s, on(w, s).suppress(TableOperators.suppressed(s))));
    operators.put("windowToStream", (w, s) -> w.put(s, on(w, s).toStream((k, v) -> k.toString())));
    operators.put("windowTo", (w, s) -> to(w, s, on(w, s)));
    operators.put("windowGroupBy", (w, s) -> {
      Functions.Mapper key = Functions.mapper(World.text(s, "key")), value = Functions.mapper(f(s));
      KeyValueMapper<Windowed<String>, String, KeyValue<String, String>> m =
          (k, v) -> KeyValue.pair(key.map(k.key(), v), value.map(k.key(), v));
      Grouped<String, String> grouped = TableOperators.grouped(s);
      w.put(s, grouped == null ? on(w, s).groupBy(m) : on(w, s).groupBy(m, grouped));
    });
    operators.put("windowJoin", (w, s) -> {
      KTable<Windowed<String>, String> on = on(w, s), with = w.get(s, "with");
      Functions.Joiner f = Functions.joiner(f(s));
      ValueJoiner<String, String, String> j = (a, b) -> f.join(null, a, b);
      w.put(s, switch (World.text(s, "kind")) {
        case "inner" -> World.isNamed(s) ? on.join(with, j, World.named(s)) : on.join(with, j);
        case "left" -> World.isNamed(s) ? on.leftJoin(with, j, World.named(s)) : on.leftJoin(with, j);
        default -> World.isNamed(s) ? on.outerJoin(with, j, World.named(s)) : on.outerJoin(with, j);
      });
    });
    operators.put("windowCountToText", (w, s) -> w.put(s, counts(w, s).mapValues(v -> v == null ? null : "n" + v)));
    operators.put("windowCountSuppress", (w, s) -> w.put(s, counts(w, s).suppress(TableOperators.suppressed(s))));
    operators.put("windowCountTo", (w, s) -> to(w, s, counts(w, s)));
  }
  private WindowOperators() {}
}
