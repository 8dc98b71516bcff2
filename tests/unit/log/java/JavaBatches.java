// Prints record batches as Kafka's own classes write them, a line each: a name and the bytes in hexadecimal. Run by hand:
//   java -cp "$(tools/kafka_jars)" tests/unit/log/java/JavaBatches.java > tests/unit/log/java/batches.txt
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Set;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.CompressionType;
import org.apache.kafka.common.record.ControlRecordType;
import org.apache.kafka.common.record.EndTransactionMarker;
import org.apache.kafka.common.record.MemoryRecords;
import org.apache.kafka.common.record.MemoryRecordsBuilder;
import org.apache.kafka.common.record.MutableRecordBatch;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.record.RecordBatch;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.BufferSupplier;

public class JavaBatches {
  static final long BASE = 1000, TIME = 1_700_000_000_000L, PRODUCER = 4711;

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Six records; the third and the sixth are tombstones, the second has headers. */
  static ByteBuffer batch(CompressionType codec, TimestampType type, boolean transactional) {
    MemoryRecordsBuilder builder = MemoryRecords.builder(
        ByteBuffer.allocate(4096), RecordBatch.MAGIC_VALUE_V2, Compression.of(codec).build(), type, BASE, TIME + 500, PRODUCER,
        (short) 3, 20, transactional, false, 5);
    for (int i = 0; i < 6; ++i) {
      Header[] headers = i == 1 ? new Header[] {new RecordHeader("trace", utf8("abc")), new RecordHeader("null", (byte[]) null)}
                                : new Header[0];
      builder.append(TIME + i * 7, utf8("key-" + i), i % 3 == 2 ? null : utf8("a value, a value, a value"), headers);
    }
    return builder.build().buffer();
  }

  static ByteBuffer filter(ByteBuffer batch, Set<Long> retained, boolean marker) {
    MemoryRecords.RecordFilter filter = new MemoryRecords.RecordFilter(TIME + 10_000, 60_000) {
      @Override protected BatchRetentionResult checkBatchRetention(RecordBatch each) {
        return new BatchRetentionResult(BatchRetention.RETAIN_EMPTY, marker);
      }
      @Override protected boolean shouldRetainRecord(RecordBatch each, Record record) {
        return retained.contains(record.offset());
      }
    };
    ByteBuffer out = ByteBuffer.allocate(4096);
    MemoryRecords.readableRecords(batch.duplicate()).filterTo(filter, out, BufferSupplier.NO_CACHING);
    out.flip();
    return out;
  }

  static void print(String name, ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    System.out.println(name + " " + HexFormat.of().formatHex(bytes));
  }

  public static void main(String[] arguments) {
    for (CompressionType codec : new CompressionType[] {CompressionType.NONE, CompressionType.GZIP, CompressionType.SNAPPY,
                                                        CompressionType.LZ4, CompressionType.ZSTD}) {
      print(codec.name, batch(codec, TimestampType.CREATE_TIME, true));
    }
    print("append-time", batch(CompressionType.NONE, TimestampType.LOG_APPEND_TIME, false));
    ByteBuffer abort = MemoryRecords.withEndTransactionMarker(BASE, TIME, 5, PRODUCER, (short) 3,
                                                              new EndTransactionMarker(ControlRecordType.ABORT, 9)).buffer();
    print("abort", abort);
    ByteBuffer plain = batch(CompressionType.NONE, TimestampType.CREATE_TIME, true);
    print("kept-1-4", filter(plain, Set.of(BASE + 1, BASE + 4), false));
    print("kept-0-2-3", filter(plain, Set.of(BASE, BASE + 2, BASE + 3), false));
    print("kept-again", filter(filter(plain, Set.of(BASE, BASE + 2, BASE + 3), false), Set.of(BASE, BASE + 2), false));
    print("kept-append-time", filter(batch(CompressionType.NONE, TimestampType.LOG_APPEND_TIME, false), Set.of(BASE + 1), false));
    print("kept-nothing", filter(batch(CompressionType.NONE, TimestampType.CREATE_TIME, false), Set.of(), false));
    print("abort-with-horizon", filter(abort, Set.of(BASE), true));
  }
}
