"""Produces and reads records over kafka_wire, so that what a test gives and finds does not pass through any client that it
judges. Uncompressed batches only; reading is read committed."""
import struct
import time

from kafka_wire import EARLIEST, READ_COMMITTED, KafkaError, array, i32, text

PARTITION_BYTES = 1 << 20
CONTROL, TRANSACTIONAL, COMPRESSION = 0x20, 0x10, 0x07
ABORT_MARKER = 0
BATCH_HEAD = ">qiibIhiqqqhii"
BEFORE_CRC = 21  # bytes in front of what the checksum covers
BEFORE_LENGTH = 12


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = value << 1 ^ value >> 63
    value &= (1 << 64) - 1
    data = b""
    while value > 0x7F:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value >> 1 ^ -(value & 1), at


def encode_batch(records):
    """`records`: (key or None, value or None), as bytes."""
    now = int(time.time() * 1000)
    body = b""
    for index, fields in enumerate(records):
        record = b"\0" + varint(0) + varint(index)
        for field in fields:
            record += varint(-1) if field is None else varint(len(field)) + field
        record += varint(0)
        body += varint(len(record)) + record
    covered = struct.pack(">hiqqqhii", 0, len(records) - 1, now, now, -1, -1, -1, len(records)) + body
    behind_length = struct.pack(">ibI", -1, 2, crc32c(covered)) + covered
    return struct.pack(">qi", 0, len(behind_length)) + behind_length


def decode_record(data, at):
    _, at = read_varint(data, at)
    at += 1
    _, at = read_varint(data, at)
    delta, at = read_varint(data, at)
    fields = []
    for _ in range(2):
        length, at = read_varint(data, at)
        fields.append(None if length < 0 else data[at:at + length])
        at += max(0, length)
    headers, at = read_varint(data, at)
    for _ in range(2 * headers):
        length, at = read_varint(data, at)
        at += max(0, length)
    return delta, fields, at


def decode_batches(data, aborted):
    """[(offset, key, value)] of committed records, and the offset behind the last whole batch (None: there is none)."""
    records, end, at = [], None, 0
    waiting = sorted(aborted, key=lambda entry: entry[1])
    aborting = set()
    size = struct.calcsize(BATCH_HEAD)
    while at + size <= len(data):
        base, length, _, _, _, attributes, last, _, _, producer, _, _, count = struct.unpack_from(BATCH_HEAD, data, at)
        if at + BEFORE_LENGTH + length > len(data):
            break
        end = base + last + 1
        while waiting and waiting[0][1] < end:
            aborting.add(waiting.pop(0)[0])
        place = at + size
        at += BEFORE_LENGTH + length
        if attributes & CONTROL:
            _, (key, _), _ = decode_record(data, place)
            if struct.unpack(">hh", key)[1] == ABORT_MARKER:
                aborting.discard(producer)
            continue
        if attributes & COMPRESSION:
            raise KafkaError("a compressed batch")
        if attributes & TRANSACTIONAL and producer in aborting:
            continue
        for _ in range(count):
            delta, (key, value), place = decode_record(data, place)
            records.append((base + delta, key, value))
    return records, end


def produce(connection, topic, partition, records):
    batch = encode_batch(records)
    body = text(None) + struct.pack(">hi", -1, 30000) + array(
        [topic], lambda name: text(name) + array([partition], lambda p: i32(p) + i32(len(batch)) + batch))

    def ask():
        reader = connection.request(0, 3, body)
        return reader.array(lambda: (reader.text(), reader.array(lambda: reader.take("ihqq"))))[0][1][0][1], None

    connection.until_ready(ask)


def fetch(connection, topic, partition, offset):
    body = struct.pack(">iiiib", -1, 0, 1, PARTITION_BYTES, READ_COMMITTED) + array(
        [topic], lambda name: text(name) + array([partition], lambda p: struct.pack(">iqi", p, offset, PARTITION_BYTES)))

    def ask():
        reader = connection.request(1, 4, body)
        reader.take("ii")
        reader.text()
        reader.take("i")
        _, code, _, _ = reader.take("ihqq")
        aborted = reader.array(lambda: reader.take("qq"))
        return code, (reader.blob() or b"", aborted)

    return decode_batches(*connection.until_ready(ask))


def read_all(connection, topic):
    """{partition: [(offset, key, value)]} up to the last stable offsets of now."""
    result = {}
    for partition, end in connection.offsets(topic, isolation=READ_COMMITTED).items():
        result[partition], at = [], connection.offsets(topic, at=EARLIEST)[partition]
        while at < end:
            records, behind = fetch(connection, topic, partition, at)
            if behind is None:
                raise KafkaError(f"{topic}-{partition}: nothing at {at}, before its end {end}")
            result[partition] += [record for record in records if at <= record[0] < end]
            at = behind
    return result
