// What Java's suppress reads of changelog records in all forms that it has ever written. Run by hand, with the jars of Kafka Streams 4.2.0
// and Kafka's clients on the class path; it prints logged_changes.txt: form, prior value held before, the record's value as hexadecimal
// digits, then what was read: time, context (timestamp, offset, topic-partition), headers, prior, old, new.
package org.apache.kafka.streams.state.internals;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;

public class LoggedChanges {
    static byte[] bytes(String text) { return text == null ? null : text.getBytes(StandardCharsets.UTF_8); }
    static String text(byte[] bytes) { return bytes == null ? "null" : "'" + new String(bytes, StandardCharsets.UTF_8) + "'"; }
    static void add(ByteBuffer out, byte[] value) {
        if (value == null) out.putInt(-1);
        else out.putInt(value.length).put(value);
    }
    static byte[] legacy(byte[] old, byte[] now) {
        final ByteBuffer out = ByteBuffer.allocate(100);
        add(out, old);
        add(out, now);
        return taken(out);
    }
    static byte[] taken(ByteBuffer out) {
        out.flip();
        final byte[] result = new byte[out.remaining()];
        out.get(result);
        return result;
    }
    static byte[] form(int form, long time, byte[] context, byte[] prior, byte[] old, byte[] now) {
        final ByteBuffer out = ByteBuffer.allocate(500);
        switch (form) {
            case 0: out.putLong(time).put(legacy(old, now)); break;
            case 1: out.putLong(time).put(context); add(out, legacy(old, now)); break;
            case 2: out.put(context); add(out, legacy(old, now)); add(out, prior); out.putLong(time); break;
        }
        return taken(out);
    }
    static void show(String form, byte[] held, byte[] value) {
        final RecordHeaders headers = new RecordHeaders();
        if (form.equals("0")) headers.add("own", bytes("header"));
        final ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>("app-s-changelog", 3, 77, 12345, TimestampType.CREATE_TIME, 1,
            value.length, bytes("key"), value, headers, Optional.empty());
        final Bytes key = Bytes.wrap(bytes("key"));
        final var read = switch (form) {
            case "0" -> TimeOrderedKeyValueBufferChangelogDeserializationHelper.deserializeV0(record, key, held);
            case "1" -> TimeOrderedKeyValueBufferChangelogDeserializationHelper.deserializeV1(record, key, held);
            case "2" -> TimeOrderedKeyValueBufferChangelogDeserializationHelper.duckTypeV2(record, key);
            default -> TimeOrderedKeyValueBufferChangelogDeserializationHelper.deserializeV3(record, key);
        };
        final BufferValue change = read.bufferValue();
        final ProcessorRecordContext context = change.context();
        final StringBuilder shown = new StringBuilder();
        for (final Header header : context.headers()) shown.append(header.key()).append("=").append(text(header.value())).append(";");
        System.out.println(form + " " + text(held) + " " + HexFormat.of().formatHex(value) + " " + read.time() + " " + context.timestamp() + " "
            + context.offset() + " " + context.topic() + "-" + context.partition() + " [" + shown + "] " + text(change.priorValue()) + " "
            + text(change.oldValue()) + " " + text(change.newValue()));
    }
    public static void main(String[] args) {
        final RecordHeaders headers = new RecordHeaders();
        headers.add("h", bytes("x")).add("n", null);
        final ProcessorRecordContext[] contexts = {
            new ProcessorRecordContext(1000, 7, 0, "topic", new RecordHeaders()),
            new ProcessorRecordContext(2000, 8, 5, "other", headers)};
        final String[][] values = {{null, null, "a"}, {null, "a", "bb"}, {"p", "a", "bb"}, {"p", "p", "bb"}, {"p", "a", null}, {"", "", ""}};
        for (final ProcessorRecordContext context : contexts) {
            for (final String[] value : values) {
                final byte[] prior = bytes(value[0]);
                final byte[] old = bytes(value[1]);
                final byte[] now = bytes(value[2]);
                for (final byte[] held : new byte[][] {null, bytes("held")}) {
                    show("0", held, form(0, 4711, null, prior, old, now));
                    show("1", held, form(1, 4711, context.serialize(), prior, old, now));
                }
                show("2", null, form(2, 4711, context.serialize(), prior, old, now));
                final ByteBuffer third = new BufferValue(prior, old, now, context).serialize(Long.BYTES);
                third.putLong(4711);
                show("2", null, third.array());
                show("3", null, third.array());
            }
        }
    }
}
