// Builds one scenario's topology: each step is an operator on handles that earlier steps made, by name.
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

final class World {
  interface Operator { void apply(World world, JsonNode step); }
  static final Map<String, Operator> OPERATORS = new HashMap<>();
  static {
    StreamOperators.add(OPERATORS);
  }

  final StreamsBuilder builder;
  private final Map<String, Object> handles = new HashMap<>();

  World(StreamsBuilder builder) { this.builder = builder; }

  void apply(JsonNode step) {
    Operator operator = OPERATORS.get(step.get("op").asText());
    if (operator == null) throw new AssertionError("there is no operator " + step.get("op"));
    operator.apply(this, step);
  }
  @SuppressWarnings("unchecked")
  <H> H get(JsonNode step, String field) {
    Object handle = handles.get(step.get(field).asText());
    if (handle == null) throw new AssertionError("step " + step + ": no such handle");
    return (H) handle;
  }
  <H> H get(JsonNode step) { return get(step, "on"); }
  void put(JsonNode step, Object handle) { put(step.get("as").asText(), handle); }
  void put(String name, Object handle) { handles.put(name, handle); }

  // What options of steps mean.

  static String text(JsonNode step, String field) { return step.path(field).asText(""); }
  static Duration duration(JsonNode step, String field) { return Duration.ofMillis(step.path(field).asLong(0)); }
  static boolean isNamed(JsonNode step) { return step.has("named"); }
  static Named named(JsonNode step) { return Named.as(text(step, "named")); }
  static boolean isStored(JsonNode step) { return step.has("store"); }

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
      made = Materialized.as(name);
      String engine = text(store, "engine");
      if (engine.equals("memory")) made.withStoreType(BuiltInDslStoreSuppliers.IN_MEMORY);
      if (engine.equals("disk")) made.withStoreType(BuiltInDslStoreSuppliers.ROCKS_DB);
    }
    if (store.has("retention")) made.withRetention(duration(store, "retention"));
    if (!store.path("cache").asBoolean(true)) made.withCachingDisabled();
    if (!store.path("log").asBoolean(true)) made.withLoggingDisabled();
    return made;
  }
  static <K, V> Materialized<K, V, KeyValueStore<Bytes, byte[]>> keyValues(JsonNode step) { return materialized(step); }
}
