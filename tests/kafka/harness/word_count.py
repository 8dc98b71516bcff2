"""A word count that several programs work on at once or after one another: its topics, its input, and the one right output:
for every word the numbers 1, 2, 3, ... in this order, in one partition."""
import argparse
import collections
import os
import struct

from kafka_harness import check
from kafka_records import produce, read_all

APPLICATION = "word-count"
VOCABULARY = [f"word-{number}" for number in range(60)]
WORDS_PER_LINE = 4
LINES_PER_BATCH = 20


def read_arguments(usage):
    """Of a test with one client program."""
    parser = argparse.ArgumentParser(usage=usage)
    parser.add_argument("--client", required=True)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


class WordCount:
    def __init__(self, harness, chance, partitions, application=APPLICATION):
        self.harness, self.chance, self.partitions, self.application = harness, chance, partitions, application
        self.expected = collections.Counter()
        self.written = 0  # lines

    def make_topics(self):
        with self.harness.connect() as connection:
            connection.create_topics([(name, self.partitions, {}) for name in ("lines", "word-counts")])

    def config(self, name, **more):
        """The properties file of one instance; `_` in a key stands for `.`."""
        settings = {"application.id": self.application, "bootstrap.servers": self.harness.address, "client.id": name,
                    "state.dir": os.path.join(self.harness.directory, "state-" + name), "replication.factor": "1",
                    "processing.guarantee": "exactly_once_v2", "commit.interval.ms": "200",
                    "statestore.cache.max.bytes": "0", "session.timeout.ms": "6000", "heartbeat.interval.ms": "500",
                    "auto.offset.reset": "earliest"}
        settings.update({key.replace("_", "."): value for key, value in more.items()})
        return self.harness.file(name + ".properties", settings)

    def write(self, batches=1):
        with self.harness.connect() as connection:
            for _ in range(batches):
                lines = []
                for _ in range(LINES_PER_BATCH):
                    words = self.chance.choices(VOCABULARY, k=WORDS_PER_LINE)
                    self.expected.update(words)
                    lines.append((None, " ".join(words).encode()))
                self.written += len(lines)
                produce(connection, "lines", self.chance.randrange(self.partitions), lines)

    def committed(self):
        """Lines that the application has done with."""
        with self.harness.connect() as connection:
            committed = connection.committed(self.application)
        return sum(max(0, offset) for (topic, _), (offset, _) in committed.items() if topic == "lines")

    def write_until(self, condition, timeout, what):
        """Goes on writing, a little at a time."""
        def write_and_ask():
            self.write()
            return condition()

        return self.harness.wait_for(write_and_ask, timeout, what)

    def counts(self):
        with self.harness.connect() as connection:
            return read_all(connection, "word-counts")

    def finish(self, timeout=180, at_least_once=False):
        """Waits until every word that was written is counted, and checks that it was counted right."""
        total = sum(self.expected.values())

        def counted():
            return sum(len(records) for records in self.counts().values()) >= total

        self.harness.wait_for(counted, timeout, f"{total} counts")
        lines = self.written
        self.harness.wait_for(lambda: self.committed() >= lines, timeout, f"{lines} lines to be committed")
        self.verify(at_least_once)

    def verify(self, at_least_once):
        seen = collections.defaultdict(list)
        homes = collections.defaultdict(set)
        for partition, records in self.counts().items():
            for _, key, value in records:
                word = key.decode()
                seen[word].append(struct.unpack(">q", value)[0])
                homes[word].add(partition)
        for word, count in self.expected.items():
            check(len(homes[word]) == 1, f"{word} is in partitions {homes[word]}")
            if at_least_once:
                check(seen[word][-1] >= count, f"{word}: {count} times written, {seen[word][-1]} times counted")
                continue
            right = list(range(1, count + 1))
            if seen[word] != right:
                at = next((i for i, pair in enumerate(zip(seen[word], right)) if pair[0] != pair[1]),
                          min(len(seen[word]), count))
                check(False, f"{word}: {count} times written, {len(seen[word])} counts, of which number {at + 1} is wrong: "
                             f"...{seen[word][max(0, at - 2):at + 3]}...")
        check(set(seen) == set(self.expected), f"words that nobody wrote: {set(seen) - set(self.expected)}")
