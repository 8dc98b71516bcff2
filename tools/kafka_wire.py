"""Kafka's protocol, as much of it as looking after a test broker takes: topics, configs, offsets, groups, rights.

Old, non-flexible request versions that every broker since 2.1 and up to 4.x still answers; one connection, one request at
a time, every wait with a deadline. A test that sets up ten topics in a millisecond need not start a JVM for each, and what
it finds on the broker does not depend on the client that it judges. One node is assumed: it leads and coordinates all.
"""
import socket
import struct
import time

TOPIC_EXISTS = 36
NOT_YET = {3, 5, 6, 14, 15, 16}  # a topic, leader or coordinator that is about to be there: ask again
TOPIC_CONFIG = 1  # the source of a config entry that was set on the topic itself
READ_UNCOMMITTED, READ_COMMITTED = 0, 1
EARLIEST, LATEST = -2, -1
RETRY_PAUSE = 0.1
ACL_KINDS = {"topic": 2, "group": 3, "transactional_id": 5}
ACL_PATTERNS = {"literal": 3, "prefixed": 4}
ACL_OPERATIONS = {"read": 3, "write": 4, "create": 5, "delete": 6}
ACL_ALLOW = 3


class KafkaError(Exception):
    pass


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return value[0] if len(value) == 1 else value

    def raw(self, length):
        if length < 0:
            return None
        self.at += length
        return self.data[self.at - length:self.at]

    def text(self):
        data = self.raw(self.take("h"))
        return None if data is None else data.decode()

    def blob(self):
        return self.raw(self.take("i"))

    def array(self, item):
        return [item() for _ in range(max(0, self.take("i")))]


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value.encode())) + value.encode()


def array(items, encode):
    items = list(items)
    return struct.pack(">i", len(items)) + b"".join(encode(item) for item in items)


def i32(value):
    return struct.pack(">i", value)


class Connection:
    """`address` is HOST:PORT. OSError when the broker is out of reach; KafkaError when it refuses."""

    def __init__(self, address, timeout=30):
        host, port = address.rsplit(":", 1)
        self.timeout = timeout
        self.socket = socket.create_connection((host, int(port)), timeout)
        self.correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, api, version, body):
        self.correlation += 1
        frame = struct.pack(">hhi", api, version, self.correlation) + text("kafka_wire") + body
        self.socket.sendall(i32(len(frame)) + frame)
        reader = Reader(self._receive(struct.unpack(">i", self._receive(4))[0]))
        if reader.take("i") != self.correlation:
            raise KafkaError("an answer to another request")
        return reader

    def _receive(self, length):
        data = b""
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                raise ConnectionError("the broker closed the connection")
            data += part
        return data

    def until_ready(self, ask):
        """`ask` returns (error code, answer)."""
        deadline = time.monotonic() + self.timeout
        while True:
            code, answer = ask()
            if code == 0:
                return answer
            if code not in NOT_YET or time.monotonic() > deadline:
                raise KafkaError(f"error code {code}")
            time.sleep(RETRY_PAUSE)

    def brokers(self):
        """Ids of the brokers that serve."""
        reader = self.request(3, 1, i32(0))
        return reader.array(lambda: (reader.take("i"), reader.text(), reader.take("i"), reader.text())[0])

    def topics(self):
        """{name: partitions}, internal topics included."""
        reader = self.request(3, 1, i32(-1))
        reader.array(lambda: (reader.take("i"), reader.text(), reader.take("i"), reader.text()))
        reader.take("i")

        def partition():
            reader.take("hii")
            reader.array(lambda: reader.take("i"))
            reader.array(lambda: reader.take("i"))

        def topic():
            reader.take("h")
            name = reader.text()
            reader.take("b")
            return name, len(reader.array(partition))

        return dict(reader.array(topic))

    def create_topics(self, topics):
        """`topics`: (name, partitions, {config}) each. KafkaError names those that could not be made."""
        def encode(topic):
            name, partitions, config = topic
            return (text(name) + struct.pack(">ih", partitions, 1) + i32(0)
                    + array(config.items(), lambda entry: text(entry[0]) + text(entry[1])))

        reader = self.request(19, 2, array(topics, encode) + i32(int(self.timeout * 1000)) + b"\0")
        reader.take("i")
        answers = reader.array(lambda: (reader.text(), reader.take("h"), reader.text()))
        bad = [f"{name}: {'it exists' if code == TOPIC_EXISTS else message or code}" for name, code, message in answers if code]
        if bad:
            raise KafkaError("not created: " + ", ".join(bad))

    def create_acls(self, user, rights):
        """`rights`: (kind, name, "literal" or "prefixed", [operations]) each, from everywhere."""
        rows = [(kind, name, pattern, operation) for kind, name, pattern, operations in rights for operation in operations]

        def encode(row):
            kind, name, pattern, operation = row
            return (struct.pack(">b", ACL_KINDS[kind]) + text(name) + struct.pack(">b", ACL_PATTERNS[pattern])
                    + text("User:" + user) + text("*") + struct.pack(">bb", ACL_OPERATIONS[operation], ACL_ALLOW))

        reader = self.request(30, 1, array(rows, encode))
        reader.take("i")
        answers = reader.array(lambda: (reader.take("h"), reader.text()))
        bad = [f"{row}: {message or code}" for row, (code, message) in zip(rows, answers) if code]
        if bad:
            raise KafkaError("not granted: " + ", ".join(bad))

    def topic_config(self, name):
        """What was set on the topic itself; the broker's defaults are left out."""
        reader = self.request(32, 1, array([name], lambda n: b"\2" + text(n) + i32(-1)) + b"\0")
        reader.take("i")

        def entry():
            key, value = reader.text(), reader.text()
            source = reader.take("bbb")[1]
            reader.array(lambda: (reader.text(), reader.text(), reader.take("b")))
            return key, value, source

        def resource():
            code, message = reader.take("h"), reader.text()
            reader.take("b")
            reader.text()
            entries = reader.array(entry)
            if code:
                raise KafkaError(f"config of {name}: {message or code}")
            return {key: value for key, value, source in entries if source == TOPIC_CONFIG}

        return reader.array(resource)[0]

    def offsets(self, topic, at=LATEST, isolation=READ_UNCOMMITTED):
        """{partition: offset}; LATEST read committed is the last stable offset."""
        partitions = range(self.topics()[topic])

        def ask():
            body = i32(-1) + struct.pack(">b", isolation) + array(
                [topic], lambda name: text(name) + array(partitions, lambda p: struct.pack(">iq", p, at)))
            reader = self.request(2, 2, body)
            reader.take("i")
            rows = reader.array(lambda: (reader.text(), reader.array(lambda: reader.take("ihqq"))))[0][1]
            return max(row[1] for row in rows), {row[0]: row[3] for row in rows}

        return self.until_ready(ask)

    def _of_coordinator(self, group, ask):
        """Until somebody looks for a coordinator there is none, nor the topic that it keeps its groups in."""
        def find_and_ask():
            code = self.request(10, 0, text(group)).take("h")
            return ask() if code == 0 else (code, None)

        return self.until_ready(find_and_ask)

    def committed(self, group):
        """{(topic, partition): (offset, metadata)} of a group."""
        def ask():
            reader = self.request(9, 2, text(group) + i32(-1))

            def partition(name):
                number, offset, metadata, _ = reader.take("i"), reader.take("q"), reader.text(), reader.take("h")
                return (name, number), (offset, metadata)

            def topic():
                name = reader.text()
                return reader.array(lambda: partition(name))

            rows = [row for topic_rows in reader.array(topic) for row in topic_rows]
            return reader.take("h"), dict(rows)

        return self._of_coordinator(group, ask)

    def commit(self, group, topic, partition, offset):
        """As a client that is no member of the group."""
        def ask():
            rows = array([(partition, offset)], lambda row: struct.pack(">iq", *row) + text(None))
            body = text(group) + i32(-1) + text("") + struct.pack(">q", -1) + array([topic], lambda name: text(name) + rows)
            reader = self.request(8, 2, body)
            [(_, [(_, code)])] = reader.array(lambda: (reader.text(), reader.array(lambda: reader.take("ih"))))
            return code, None

        return self._of_coordinator(group, ask)

    def group(self, group):
        """(state, [(client id, assignment bytes)]) of a classic group."""
        def ask():
            reader = self.request(15, 0, array([group], text))

            def member():
                reader.text()
                client = reader.text()
                reader.text()
                reader.blob()
                return client, reader.blob()

            def described():
                code = reader.take("h")
                reader.text()
                state = reader.text()
                reader.text()
                reader.text()
                return code, (state, reader.array(member))

            return reader.array(described)[0]

        return self._of_coordinator(group, ask)


def wait_for(condition, timeout, what):
    """The first true answer of `condition`, asked again and again; KafkaError after `timeout` seconds, in the words of
    `what` (a text, or a function that makes it then)."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise KafkaError(f"waited {timeout} s in vain for {what() if callable(what) else what}")
        time.sleep(RETRY_PAUSE)
