// Reads changelogs of suppress(), as JavaHeldBack.java prints them, and prints each record with what Java's buffer holds when it has
// restored it: a line for each change in the order of time, and a total. One more changelog, `mixed`, has each record in the form of
// another version. Run by hand, as that file says.
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.internals.Change;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.apache.kafka.streams.state.internals.InMemoryTimeOrderedKeyValueChangeBuffer;
import org.apache.kafka.streams.state.internals.Maybe;
import org.apache.kafka.test.MockInternalProcessorContext;
import org.apache.kafka.test.MockRecordCollector;

public class JavaBufferReader {
  static byte[] bytes(String word) {
    return word.equals("-") ? null : HexFormat.of().parseHex(word.substring(1));
  }
  static String hex(byte[] bytes) {
    return bytes == null ? "-" : "x" + HexFormat.of().formatHex(bytes);
  }
  static String hex(String text) {
    return text == null ? "-" : hex(text.getBytes(StandardCharsets.UTF_8));
  }

  static ConsumerRecord<byte[], byte[]> parse(String line) {
    String[] words = line.split(" ");
    RecordHeaders headers = new RecordHeaders();
    if (!words[5].equals("-")) headers.add("v", bytes(words[5]));
    return new ConsumerRecord<>("app-held-store-changelog", 0, Long.parseLong(words[1]), Long.parseLong(words[2]),
        TimestampType.CREATE_TIME, -1, -1, bytes(words[3]), bytes(words[4]), headers, Optional.empty());
  }

  static class Buffer {
    final InMemoryTimeOrderedKeyValueChangeBuffer<String, String, Change<String>> buffer =
        new InMemoryTimeOrderedKeyValueChangeBuffer.Builder<>("held-store", Serdes.String(), Serdes.String()).build();
    final RecordBatchingStateRestoreCallback restore;

    Buffer() throws Exception {
      Properties config = new Properties();
      config.put("application.id", "app");
      config.put("bootstrap.servers", "-:1");
      File directory = Files.createTempDirectory("buffer").toFile();
      MockInternalProcessorContext<?, ?> context = new MockInternalProcessorContext<>(config, new TaskId(0, 0), directory);
      context.setRecordCollector(new MockRecordCollector());
      buffer.init(context, buffer);
      restore = (RecordBatchingStateRestoreCallback) context.stateRestoreCallback("held-store");
    }

    /// Prints all, and empties it.
    void print() {
      String total = "total " + buffer.numRecords() + " " + buffer.bufferSize() + " " + buffer.minTimestamp();
      while (buffer.numRecords() > 0) {
        long time = buffer.minTimestamp();
        int count = buffer.numRecords();
        // The prior value is asked for while the change is there: its key is known when it is given out, so it is asked beforehand.
        List<String> priors = priors();
        buffer.evictWhile(() -> buffer.numRecords() == count, held -> {
          Change<String> change = held.record().value();
          ProcessorRecordContext from = held.recordContext();
          StringBuilder headers = new StringBuilder();
          for (Header header : from.headers()) headers.append(' ').append(hex(header.key())).append('=').append(hex(header.value()));
          System.out.println("held " + time + " " + hex(held.key()) + " " + prior(priors, held.key()) + " " + hex(change.oldValue) + " "
              + hex(change.newValue) + " " + from.timestamp() + " " + from.offset() + " " + from.topic() + " " + from.partition()
              + headers);
        });
      }
      System.out.println(total);
    }
    List<String> priors() {
      List<String> found = new ArrayList<>();
      for (String key : new String[] {"a", "b", "c", "d", "e", "\u00fc"}) {
        Maybe<ValueAndTimestamp<String>> prior = buffer.priorValueForBuffered(key);
        if (!prior.isDefined()) continue;
        found.add(key + " " + hex(prior.getNullableValue() == null ? null : prior.getNullableValue().value()));
      }
      return found;
    }
    static String prior(List<String> priors, String key) {
      for (String prior : priors) if (prior.startsWith(key + " ")) return prior.substring(key.length() + 1);
      throw new IllegalStateException("no prior value of " + key);
    }
  }

  static void restore(String name, List<String> lines) throws Exception {
    System.out.println("changelog " + name);
    for (int end = 1; end <= lines.size(); ++end) {
      System.out.println(lines.get(end - 1));
      Buffer buffer = new Buffer();
      for (String line : lines.subList(0, end)) buffer.restore.restoreBatch(Collections.singletonList(parse(line)));
      buffer.print();
    }
  }

  public static void main(String[] args) throws Exception {
    List<String> names = new ArrayList<>();
    List<List<String>> changelogs = new ArrayList<>();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line; (line = in.readLine()) != null;) {
      if (line.startsWith("changelog ")) {
        names.add(line.substring("changelog ".length()));
        changelogs.add(new ArrayList<>());
      } else {
        changelogs.get(changelogs.size() - 1).add(line);
      }
    }
    for (int i = 0; i < names.size(); ++i) restore(names.get(i), changelogs.get(i));
    List<String> mixed = new ArrayList<>();
    for (int i = 0; i < changelogs.get(0).size(); ++i) mixed.add(changelogs.get(i % changelogs.size()).get(i));
    restore("mixed", mixed);
    // What it refuses.
    for (String version : new String[] {"x", "x00", "x04", "x0303"}) {
      String[] words = changelogs.get(changelogs.size() - 1).get(0).split(" ");
      words[5] = version;
      try {
        new Buffer().restore.restoreBatch(Collections.singletonList(parse(String.join(" ", words))));
        System.out.println("takes " + version);
      } catch (IllegalArgumentException expected) {
        System.out.println("refuses " + version);
      }
    }
    System.exit(0);
  }
}
