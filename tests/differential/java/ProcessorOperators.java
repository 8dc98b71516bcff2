// Processors with stores: what a store reads back after what was put, and punctuations.
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.WindowStore;

final class ProcessorOperators {
  static final Duration RETENTION = Duration.ofMillis(60_000);
  static final Duration WINDOW = Duration.ofMillis(5_000);
  static final long BEFORE = 4_000;

  static StoreBuilder<?> store(JsonNode store) {
    String name = World.text(store, "name");
    boolean memory = World.text(store, "engine").equals("memory");
    var text = Serdes.String();
    StoreBuilder<?> made = switch (World.text(store, "kind")) {
      case "window" -> Stores.windowStoreBuilder(memory ? Stores.inMemoryWindowStore(name, RETENTION, WINDOW, false)
                                                        : Stores.persistentWindowStore(name, RETENTION, WINDOW, false), text, text);
      case "session" -> Stores.sessionStoreBuilder(
          memory ? Stores.inMemorySessionStore(name, RETENTION) : Stores.persistentSessionStore(name, RETENTION), text, text);
      case "versioned" -> Stores.versionedKeyValueStoreBuilder(Stores.persistentVersionedKeyValueStore(name, RETENTION), text, text);
      case "lru" -> Stores.keyValueStoreBuilder(Stores.lruMap(name, 2), text, text);
      default -> Stores.keyValueStoreBuilder(
          memory ? Stores.inMemoryKeyValueStore(name) : Stores.persistentKeyValueStore(name), text, text);
    };
    if (store.path("cache").asBoolean(false)) made.withCachingEnabled();
    if (!store.path("log").asBoolean(true)) made.withLoggingDisabled();
    return made;
  }

  /// Every record with a key is put; what is read back goes on, one record for each row.
  abstract static class Keeping extends ContextualProcessor<String, String, String, String> {
    final String store;
    Keeping(String store) { this.store = store; }
    @Override
    public void process(Record<String, String> record) {
      if (record.key() != null) keep(record);
    }
    abstract void keep(Record<String, String> record);
    void tell(Record<String, String> record, String key, String value) {
      context().forward(record.withKey(key).withValue(value));
    }
    void tellAll(Record<String, String> record, KeyValueIterator<Windowed<String>, String> rows) {
      try (rows) {
        rows.forEachRemaining(row -> tell(record, row.key.toString(), row.value));
      }
    }
  }
  static final class KeepingValues extends Keeping {
    final String order;
    final long interval;
    KeyValueStore<String, String> values;
    KeepingValues(String store, String order, long interval) {
      super(store);
      this.order = order;
      this.interval = interval;
    }
    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      values = context.getStateStore(store);
      if (interval == 0) return;
      context.schedule(Duration.ofMillis(Math.abs(interval)),
                       interval > 0 ? PunctuationType.STREAM_TIME : PunctuationType.WALL_CLOCK_TIME, time -> {
                         try (KeyValueIterator<String, String> rows = values.all()) {
                           rows.forEachRemaining(row -> context().forward(new Record<>(row.key, row.value, time)));
                         }
                       });
    }
    @Override
    void keep(Record<String, String> record) {
      tell(record, record.key(), values.get(record.key()));
      values.put(record.key(), record.value());
      try (KeyValueIterator<String, String> rows = switch (order) {
             case "all" -> values.all();
             case "reverse" -> values.reverseAll();
             case "range" -> values.range("b", "d");
             case "reverseRange" -> values.reverseRange("b", "d");
             default -> values.prefixScan(record.key(), Serdes.String().serializer());
           }) {
        while (rows.hasNext()) {
          KeyValue<String, String> row = rows.next();
          tell(record, row.key, row.value);
        }
      }
    }
  }
  static final class KeepingWindows extends Keeping {
    WindowStore<String, String> windows;
    KeepingWindows(String store) { super(store); }
    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      windows = context.getStateStore(store);
    }
    @Override
    void keep(Record<String, String> record) {
      windows.put(record.key(), record.value(), record.timestamp());
      Instant from = Instant.ofEpochMilli(Math.max(0, record.timestamp() - BEFORE));
      Instant to = Instant.ofEpochMilli(record.timestamp() + BEFORE);
      tellAll(record, windows.fetch(record.key(), record.key(), from, to));
      tellAll(record, windows.backwardFetch(record.key(), record.key(), from, to));
      tellAll(record, windows.fetchAll(from, to));
    }
  }
  static final class KeepingSessions extends Keeping {
    SessionStore<String, String> sessions;
    KeepingSessions(String store) { super(store); }
    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      sessions = context.getStateStore(store);
    }
    @Override
    void keep(Record<String, String> record) {
      long end = record.timestamp(), start = Math.max(0, end - BEFORE);
      sessions.put(new Windowed<>(record.key(), new SessionWindow(start, end)), record.value());
      tellAll(record, sessions.findSessions(record.key(), start, end + BEFORE));
      tellAll(record, sessions.fetch(record.key()));
    }
  }
  static final class KeepingVersions extends Keeping {
    VersionedKeyValueStore<String, String> versions;
    KeepingVersions(String store) { super(store); }
    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      versions = context.getStateStore(store);
    }
    @Override
    void keep(Record<String, String> record) {
      if (record.value() == null && record.timestamp() % 2 == 1) {
        show(record, versions.delete(record.key(), record.timestamp()));
      } else {
        tell(record, record.key(), String.valueOf(versions.put(record.key(), record.value(), record.timestamp())));
      }
      show(record, versions.get(record.key()));
      show(record, versions.get(record.key(), Math.max(0, record.timestamp() - BEFORE)));
    }
    void show(Record<String, String> record, VersionedRecord<String> found) {
      tell(record, record.key(), found == null ? null : found.value() + "@" + found.timestamp());
    }
  }
  /// Fills a global store.
  static final class Filling implements Processor<String, String, Void, Void> {
    final String store;
    KeyValueStore<String, String> values;
    Filling(String store) { this.store = store; }
    @Override
    public void init(ProcessorContext<Void, Void> context) { values = context.getStateStore(store); }
    @Override
    public void process(Record<String, String> record) {
      if (record.key() != null) values.put(record.key(), record.value());
    }
  }
  static final class LookingUp extends Keeping {
    KeyValueStore<String, String> values;
    LookingUp(String store) { super(store); }
    @Override
    public void init(ProcessorContext<String, String> context) {
      super.init(context);
      values = context.getStateStore(store);
    }
    @Override
    void keep(Record<String, String> record) {
      tell(record, record.key(), values.get(record.key()));
      try (KeyValueIterator<String, String> rows = values.all()) {
        while (rows.hasNext()) {
          KeyValue<String, String> row = rows.next();
          tell(record, row.key, row.value);
        }
      }
    }
  }
  /// Earlier by BEFORE, and with one header more.
  static final class Reshaping extends ContextualProcessor<String, String, String, String> {
    @Override
    public void process(Record<String, String> record) {
      RecordHeaders headers = new RecordHeaders(record.headers());
      headers.add("z", Functions.shown(record.key()).getBytes(StandardCharsets.UTF_8));
      context().forward(record.withTimestamp(Math.max(0, record.timestamp() - BEFORE)).withHeaders(headers));
    }
  }
  static final class Whence extends ContextualFixedKeyProcessor<String, String, String> {
    @Override
    public void process(FixedKeyRecord<String, String> record) {
      // In a punctuation Java has a record that is none: D-26.
      String where = context().recordMetadata().filter(m -> m.topic() != null).map(m -> m.topic() + m.offset()).orElse("");
      context().forward(record.withValue(Functions.tail(Functions.shown(record.value()) + "<" + where)));
    }
  }

  static void process(World w, JsonNode s) {
    KStream<String, String> on = w.get(s);
    JsonNode store = s.get("keeps");
    String name = World.text(store, "name");
    if (!store.path("shared").asBoolean(false)) w.builder.addStateStore(store(store));
    ProcessorSupplier<String, String, String, String> supplier = () -> switch (World.text(store, "kind")) {
      case "window" -> new KeepingWindows(name);
      case "session" -> new KeepingSessions(name);
      case "versioned" -> new KeepingVersions(name);
      default -> new KeepingValues(name, World.text(s, "order"), s.path("interval").asLong(0));
    };
    List<String> stores = new ArrayList<>(List.of(name));
    s.path("also").forEach(other -> stores.add(other.asText()));
    String[] names = stores.toArray(new String[0]);
    w.put(s, World.isNamed(s) ? on.process(supplier, World.named(s), names) : on.process(supplier, names));
  }
  static void add(Map<String, World.Operator> operators) {
    operators.put("process", ProcessorOperators::process);
    operators.put("addStore", (w, s) -> w.builder.addStateStore(store(s.get("keeps"))));
    operators.put("reshape", (w, s) -> {
      KStream<String, String> on = w.get(s);
      w.put(s, World.isNamed(s) ? on.process(Reshaping::new, World.named(s)) : on.process(Reshaping::new));
    });
    operators.put("globalStore", (w, s) -> {
      String name = World.text(s.get("keeps"), "name");
      Consumed<String, String> consumed = World.consumed(s);
      if (consumed == null) consumed = Consumed.with(Serdes.String(), Serdes.String());
      w.builder.addGlobalStore(store(s.get("keeps")), s.get("topic").asText(), consumed, () -> new Filling(name));
      w.put(s, name);
    });
    operators.put("lookUp", (w, s) -> {
      KStream<String, String> on = w.get(s);
      String name = w.get(s, "with");
      w.put(s, World.isNamed(s) ? on.process(() -> new LookingUp(name), World.named(s)) : on.process(() -> new LookingUp(name)));
    });
    operators.put("processValues", (w, s) -> {
      KStream<String, String> on = w.get(s);
      w.put(s, World.isNamed(s) ? on.processValues(Whence::new, World.named(s)) : on.processValues(Whence::new));
    });
  }
  private ProcessorOperators() {}
}
