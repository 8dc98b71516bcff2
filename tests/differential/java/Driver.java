// TopologyTestDriver, opened up: records as bytes, all that was sent in the order of sending, and, if asked for, commits only
// when the scenario says so.
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.function.Function;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.internals.StreamTask;

final class Driver implements AutoCloseable {
  final TopologyTestDriver driver;
  final boolean commitsEach;
  private final List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();

  Driver(Topology topology, Properties properties, Instant start, boolean commitsEach) {
    driver = new TopologyTestDriver(topology, properties, start);
    this.commitsEach = commitsEach;
    set("outputRecordsByTopic", new Outputs());
  }
  /// Notes what is added to any topic.
  private final class Outputs extends HashMap<String, Queue<ProducerRecord<byte[], byte[]>>> {
    @Override
    public Queue<ProducerRecord<byte[], byte[]>> computeIfAbsent(
        String topic, Function<? super String, ? extends Queue<ProducerRecord<byte[], byte[]>>> ignored) {
      return super.computeIfAbsent(topic, t -> new LinkedList<>() {
        @Override
        public boolean add(ProducerRecord<byte[], byte[]> record) { return sent.add(record); }
      });
    }
  }
  List<ProducerRecord<byte[], byte[]>> takeSent() {
    List<ProducerRecord<byte[], byte[]>> all = new ArrayList<>(sent);
    sent.clear();
    return all;
  }
  void pipe(String topic, byte[] key, byte[] value, long timestamp, Headers headers) {
    if (commitsEach) {
      call("pipeRecord", topic, timestamp, key, value, headers);
      return;
    }
    TopicPartition input = (TopicPartition) call("getInputTopicOrPatternPartition", topic);
    TopicPartition global = ((Map<String, TopicPartition>) get("globalPartitionsByInputTopic")).get(topic);
    if (input == null && global == null) throw new IllegalArgumentException("Unknown topic: " + topic);
    if (input != null) {
      call("enqueueTaskRecord", topic, input, timestamp, key, value, headers);
      work();
    }
    if (global != null) call("processGlobalRecord", global, timestamp, key, value, headers);
  }
  void advance(long milliseconds) {
    if (commitsEach) {
      driver.advanceWallClockTime(Duration.ofMillis(milliseconds));
      return;
    }
    ((Time) get("mockWallClockTime")).sleep(milliseconds);
    if (task() != null) task().maybePunctuateSystemTime();
    work();
  }
  void commit() {
    if (task() == null) return;
    call("commit", task().prepareCommit(true));
    task().postCommit(true);
    work();
  }
  /// What was not committed cannot be passed on any more: Java complains.
  @Override
  public void close() {
    try {
      driver.close();
    } catch (RuntimeException ignored) {
      // the scenario is over
    }
  }

  /// As the driver's own, without its commits.
  private void work() {
    call("captureOutputsAndReEnqueueInternalResults");
    StreamTask task = task();
    if (task == null) return;
    task.resumePollingForPartitionsWithAvailableSpace();
    task.updateLags();
    long now = ((Time) get("mockWallClockTime")).milliseconds();
    while (task.hasRecordsQueued() && task.isProcessable(now)) {
      task.process(now);
      task.maybePunctuateStreamTime();
      call("captureOutputsAndReEnqueueInternalResults");
    }
  }
  private StreamTask task() { return (StreamTask) get("task"); }
  private static Field field(String name) {
    try {
      Field field = TopologyTestDriver.class.getDeclaredField(name);
      field.setAccessible(true);
      return field;
    } catch (NoSuchFieldException error) {
      throw new AssertionError(error);
    }
  }
  private Object get(String name) {
    try {
      return field(name).get(driver);
    } catch (IllegalAccessException error) {
      throw new AssertionError(error);
    }
  }
  private void set(String name, Object value) {
    try {
      field(name).set(driver, value);
    } catch (IllegalAccessException error) {
      throw new AssertionError(error);
    }
  }
  private static final Map<String, Method> METHODS = new HashMap<>();
  static {
    for (Method method : TopologyTestDriver.class.getDeclaredMethods()) {
      boolean ofBytes = method.getParameterCount() != 5 || method.getParameterTypes()[1] == long.class;
      if (!ofBytes && method.getName().equals("pipeRecord")) continue;
      method.setAccessible(true);
      METHODS.put(method.getName(), method);
    }
  }
  private Object call(String name, Object... arguments) {
    try {
      return METHODS.get(name).invoke(driver, arguments);
    } catch (InvocationTargetException error) {
      if (error.getCause() instanceof RuntimeException cause) throw cause;
      if (error.getCause() instanceof Error cause) throw cause;
      throw new AssertionError(error.getCause());
    } catch (IllegalAccessException error) {
      throw new AssertionError(error);
    }
  }
}
