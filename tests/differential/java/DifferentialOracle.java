// Reads scenarios, one JSON object a line, runs each with Kafka Streams' TopologyTestDriver, and answers with one line each, in
// the form that `run.hpp` says.
//
//   java -cp <jars>:<classes> DifferentialOracle STATE_DIR
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyConfig;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.LogAndContinueExceptionHandler;
import org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler;
import org.apache.kafka.streams.errors.ProductionExceptionHandler;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.internals.TimeOrderedKeyValueBuffer;
import org.apache.kafka.streams.state.internals.WrappedStateStore;

public final class DifferentialOracle {
  private static final ObjectMapper JSON = new ObjectMapper();

  public static void main(String[] arguments) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    int runs = 0;
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      // A folder for each: what an exception left open stays locked.
      File directory = new File(arguments[0], String.valueOf(runs++));
      out.println(JSON.writeValueAsString(run(JSON.readTree(line), directory.getPath())));
      try {
        Utils.delete(directory);
      } catch (IOException ignored) {
        // what an exception left open still writes
      }
      out.flush();
    }
  }

  static ObjectNode run(JsonNode scenario, String directory) {
    ObjectNode answer = JSON.createObjectNode();
    ObjectNode part = answer;
    JsonNode config = scenario.get("config");
    Properties properties = properties(config, directory);
    try {
      World world = new World(new StreamsBuilder(new TopologyConfig(new StreamsConfig(properties))));
      for (JsonNode step : scenario.get("topology")) world.apply(step);
      Topology topology = world.builder.build(properties);
      answer.put("built", topology.describe().toString());
      Instant start = Instant.ofEpochMilli(config.path("clock").asLong(0));
      try (Driver driver = new Driver(topology, properties, start, !config.path("commits").asBoolean(false))) {
        ArrayNode steps = answer.putArray("steps");
        for (JsonNode input : scenario.get("input")) {
          part = steps.addObject();
          take(driver, input);
          ArrayNode sent = part.putArray("sent");
          for (ProducerRecord<byte[], byte[]> record : driver.takeSent()) sent.add(shown(record));
        }
        part = answer;
        answer.set("end", end(driver));
      }
    } catch (RuntimeException error) {
      part.putArray("error").add(error.getClass().getSimpleName()).add(String.valueOf(reasons(error)));
    }
    return answer;
  }

  static String reasons(Throwable error) {
    StringBuilder text = new StringBuilder();
    for (Throwable at = error; at != null; at = at.getCause()) text.append(at).append("; ");
    return text.toString();
  }

  static Properties properties(JsonNode config, String directory) {
    Properties properties = new Properties();
    properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
    properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "127.0.0.1:9");
    properties.put(StreamsConfig.STATE_DIR_CONFIG, directory);
    properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, config.path("cache").asLong(0));
    properties.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, config.path("emit").asLong(0));
    properties.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX,
                   config.path("emit").asLong(0));
    if (config.has("optimize")) {
      JsonNode rules = config.get("optimize");
      properties.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, rules.isTextual() ? rules.asText() : StreamsConfig.OPTIMIZE);
    }
    if (config.path("production").asText("").equals("continue")) {
      properties.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, LeaveOut.class);
    }
    if (config.path("deserialization").asText("").equals("continue")) {
      properties.put(StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, LogAndContinueExceptionHandler.class);
    }
    if (config.path("processing").asText("").equals("continue")) {
      properties.put(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, GoOn.class);
    }
    if (config.has("dlq")) properties.put(StreamsConfig.ERRORS_DEAD_LETTER_QUEUE_TOPIC_NAME_CONFIG, config.get("dlq").asText());
    if (config.path("memory").asBoolean(false)) {
      properties.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG, BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
    }
    return properties;
  }

  /// Goes on after what is the record's fault, not where Java has no serde.
  public static final class GoOn extends LogAndContinueProcessingExceptionHandler {
    @Override
    public Response handleError(ErrorHandlerContext context, Record<?, ?> record, Exception error) {
      for (Throwable at = error; at != null; at = at.getCause()) {
        if (at instanceof ClassCastException || at instanceof NullPointerException) return Response.fail();
      }
      return super.handleError(context, record, error);
    }
  }
  /// Goes on without what cannot be written.
  public static final class LeaveOut implements ProductionExceptionHandler {
    @Override
    public Response handleSerializationError(ErrorHandlerContext context, ProducerRecord record, Exception error,
                                             SerializationExceptionOrigin origin) {
      return Response.resume();
    }
    @Override
    public void configure(Map<String, ?> configs) {}
  }
  static byte[] bytes(JsonNode text) { return text.isNull() ? null : text.asText().getBytes(StandardCharsets.ISO_8859_1); }
  static String letters(byte[] bytes) { return bytes == null ? null : new String(bytes, StandardCharsets.ISO_8859_1); }

  static void take(Driver driver, JsonNode input) {
    if (input.has("pipe")) {
      RecordHeaders headers = new RecordHeaders();
      for (JsonNode header : input.path("h")) headers.add(header.get(0).asText(), bytes(header.get(1)));
      driver.pipe(input.get("pipe").asText(), bytes(input.get("k")), bytes(input.get("v")), input.get("ts").asLong(), headers);
    } else if (input.has("advance")) {
      driver.advance(input.get("advance").asLong());
    } else {
      driver.commit();
    }
  }
  static ArrayNode shown(ProducerRecord<byte[], byte[]> record) {
    ArrayNode row = JSON.createArrayNode().add(record.topic()).add(letters(record.key())).add(letters(record.value()));
    if (record.timestamp() == null) row.add(-1L);
    else row.add(record.timestamp());
    ArrayNode headers = row.addArray();
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(letters(header.value()));
    return row;
  }

  static ObjectNode end(Driver driver) {
    ObjectNode end = JSON.createObjectNode();
    long[] dropped = {0};
    driver.driver.metrics().forEach((name, metric) -> {
      if (name.name().equals("dropped-records-total") && name.group().equals("stream-task-metrics")) {
        dropped[0] += Math.round((Double) metric.metricValue());
      }
    });
    end.put("dropped", dropped[0]);
    ObjectNode stores = end.putObject("stores");
    for (Map.Entry<String, StateStore> entry : driver.driver.getAllStateStores().entrySet()) {
      if (entry.getValue() instanceof VersionedKeyValueStore) continue;
      try {
        stores.set(entry.getKey(), rows(entry.getValue()));
      } catch (IllegalArgumentException error) {
        stores.putNull(entry.getKey());  // a join's windows of size 0, which Java cannot list
      }
    }
    return end;
  }
  @SuppressWarnings("unchecked")
  static ArrayNode rows(StateStore store) {
    ArrayNode rows = JSON.createArrayNode();
    if (store instanceof TimeOrderedKeyValueBuffer<?, ?, ?> buffer) {
      rows.add(buffer.numRecords());
      if (store.getClass().getSimpleName().startsWith("InMemory")) rows.add(buffer.bufferSize()).add(buffer.minTimestamp());
      return rows;
    }
    StateStore bytes = ((WrappedStateStore<?, ?, ?>) store).wrapped();
    if (bytes instanceof WindowStore) {
      try (KeyValueIterator<Windowed<Bytes>, byte[]> all = ((WindowStore<Bytes, byte[]>) bytes).all()) {
        all.forEachRemaining(row -> row(rows, row.key.key(), row.value).add(row.key.window().start()));
      }
    } else if (bytes instanceof SessionStore) {
      try (KeyValueIterator<Windowed<Bytes>, byte[]> all = ((SessionStore<Bytes, byte[]>) bytes).fetch(null, null)) {
        all.forEachRemaining(
            row -> row(rows, row.key.key(), row.value).add(row.key.window().start()).add(row.key.window().end()));
      }
    } else {
      try (KeyValueIterator<Bytes, byte[]> all = ((KeyValueStore<Bytes, byte[]>) bytes).all()) {
        while (all.hasNext()) {
          KeyValue<Bytes, byte[]> row = all.next();
          row(rows, row.key, row.value);
        }
      }
    }
    return rows;
  }
  /// The row's times, to be filled in.
  static ArrayNode row(ArrayNode rows, Bytes key, byte[] value) {
    ArrayNode row = rows.addArray();
    row.add(letters(key.get()));
    ArrayNode times = row.addArray();
    row.add(letters(value));
    return times;
  }
  private DifferentialOracle() {}
}
