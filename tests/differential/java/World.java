// Builds one scenario's topology: each step is an operator on handles that earlier steps made, by name.
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.DslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

final class World {
  interface Operator { void apply(World world, JsonNode step); }
  static final Map<String, Operator> OPERATORS = new HashMap<>();
  static {
    StreamOperators.add(OPERATORS);
    TableOperators.add(OPERATORS);
    WindowOperators.add(OPERATORS);
    JoinOperators.add(OPERATORS);
    ProcessorOperators.add(OPERATORS);
  }

  final StreamsBuilder builder;
  private final Map<String, Object> handles = new HashMap<>();

  World(StreamsBuilder builder) { this.builder = builder; }

  /// Of the keys of tables of windows: of some of them Java forgets it.
  final Map<String, Serde<?>> serdes = new HashMap<>();

  void apply(JsonNode step) {
    Operator operator = OPERATORS.get(step.get("op").asText());
    if (operator == null) throw new AssertionError("there is no operator " + step.get("op"));
    operator.apply(this, step);
  }
  @SuppressWarnings("unchecked")
  <H> H handle(String name) {
    Object handle = handles.get(name);
    if (handle == null) throw new AssertionError("no such handle: " + name);
    return (H) handle;
  }
  <H> H get(JsonNode step, String field) { return handle(step.get(field).asText()); }
  <H> H get(JsonNode step) { return get(step, "on"); }
  void put(JsonNode step, Object handle) {
    put(step.get("as").asText(), handle);
    Serde<?> serde = serdes.get(step.path("on").asText());
    // Of windowed keys: behind these the keys are others.
    boolean otherKeys = List.of("windowToStream", "windowGroupBy").contains(text(step, "op"));
    if (serde != null && !otherKeys) serdes.put(step.get("as").asText(), serde);
  }
  void put(String name, Object handle) { handles.put(name, handle); }

  // What options of steps mean.

  static String text(JsonNode step, String field) { return step.path(field).asText(""); }
  static Duration duration(JsonNode step, String field) { return Duration.ofMillis(step.path(field).asLong(0)); }
  static boolean isNamed(JsonNode step) { return step.has("named"); }
  static Named named(JsonNode step) { return Named.as(text(step, "named")); }
  /// That of a part (key, value, other) of which the options say something; null: they do not.
  static Serde<String> serde(JsonNode options, String part) {
    JsonNode name = options.path("serdes").path(part);
    return name.isMissingNode() ? null : Functions.serde(name.asText());
  }
  /// What a source's step says of it: null, nothing.
  static Consumed<String, String> consumed(JsonNode step) {
    String picky = text(step, "picky");
    boolean timed = step.path("timed").asBoolean(false);
    if (!isNamed(step) && picky.isEmpty() && !timed && !step.has("serdes")) return null;
    Consumed<String, String> made = Consumed.with(picky.equals("key") ? Functions.picky() : serde(step, "key"),
                                                  picky.equals("value") ? Functions.picky() : serde(step, "value"));
    if (timed) made = made.withTimestampExtractor((r, time) -> Functions.time((String) r.value(), r.timestamp()));
    return isNamed(step) ? made.withName(text(step, "named")) : made;
  }
  static boolean isStored(JsonNode step) { return step.has("store"); }

  /// The call that a step's options ask for: with a name, a store, both.
  static Object choose(JsonNode step, Supplier<?> plain, Function<Named, ?> named, Supplier<?> stored, Function<Named, ?> both) {
    if (isStored(step)) return isNamed(step) ? both.apply(named(step)) : stored.get();
    return isNamed(step) ? named.apply(named(step)) : plain.get();
  }
  /// For calls that have no form with a name alone.
  static <K, V, S extends StateStore> Materialized<K, V, S> plain() { return Materialized.with(null, null); }

  /// `history` makes a versioned store of it, only of keys and values.
  @SuppressWarnings("unchecked")
  static <K, V, S extends StateStore> Materialized<K, V, S> materialized(JsonNode step) {
    JsonNode store = step.get("store");
    String name = text(store, "name");
    Materialized<K, V, S> made;
    if (store.has("history")) {
      made = (Materialized<K, V, S>) (Materialized<?, ?, ?>) Materialized.<K, V>as(
          Stores.persistentVersionedKeyValueStore(name, duration(store, "history")));
    } else {
      made = name.isEmpty() ? Materialized.with(null, null) : Materialized.as(name);
      if (store.has("engine")) made.withStoreType(engine(store));
    }
    made.withKeySerde((Serde<K>) (store.has("serdes") ? serde(store, "key") : Serdes.String()));
    if (store.path("serdes").has("value")) made.withValueSerde((Serde<V>) serde(store, "value"));
    if (store.has("retention")) made.withRetention(duration(store, "retention"));
    if (!store.path("cache").asBoolean(true)) made.withCachingDisabled();
    if (!store.path("log").asBoolean(true)) made.withLoggingDisabled();
    return made;
  }
  static DslStoreSuppliers engine(JsonNode store) {
    return text(store, "engine").equals("memory") ? BuiltInDslStoreSuppliers.IN_MEMORY : BuiltInDslStoreSuppliers.ROCKS_DB;
  }
  static <K, V> Materialized<K, V, KeyValueStore<Bytes, byte[]>> keyValues(JsonNode step) { return materialized(step); }
}
