"""The same commands on a real broker, whose address is in TIDEMILL_BOOTSTRAP_SERVERS."""
import json
import os
import subprocess
import sys
import unittest
import uuid

from harness import PATIENCE, TIDEMILL

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))
from kafka_wire import Connection  # noqa: E402

BROKER = os.environ["TIDEMILL_BOOTSTRAP_SERVERS"]


class OnKafka(unittest.TestCase):
    def setUp(self):
        self.topic = "tool-" + uuid.uuid4().hex

    def tool(self, *arguments, stdin=""):
        return subprocess.run([TIDEMILL, *arguments, "--bootstrap-servers", BROKER], input=stdin, capture_output=True, text=True, timeout=PATIENCE)

    def done(self, *arguments, stdin=""):
        done = self.tool(*arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_is_produced_is_consumed(self):
        self.done("topics", "create", self.topic, "--partitions", "3", "--config", "retention.ms=100000")
        names = [line.split()[0] for line in self.done("topics", "list").splitlines()]
        self.assertIn(self.topic, names)
        self.assertEqual(names, sorted(names))
        self.done("produce", self.topic, "--key-separator", ":", stdin="".join(f"k{i}:v{i}\n" for i in range(100)))
        lines = self.done("consume", self.topic, "--from-beginning", "--committed", "--json").splitlines()
        records = [json.loads(line) for line in lines]
        self.assertEqual({(r["key"], r["value"]) for r in records}, {(f"k{i}", f"v{i}") for i in range(100)})
        self.assertEqual(len(self.done("consume", self.topic, "--from-beginning", "--max", "7").splitlines()), 7)
        text = self.done("topics", "describe", self.topic)
        self.assertIn("retention.ms=100000", text)
        self.assertIn("partition 2: offsets 0 to ", text)

    def test_json_lines_carry_headers_and_nulls(self):
        self.done("topics", "create", self.topic, "--partitions", "1")
        line = {"partition": 0, "offset": 0, "timestamp": 1795593600123, "key": {"base64": "/wBr"}, "value": None,
                "headers": [["trace", "abc"], ["none", None]]}
        self.done("produce", self.topic, "--json", stdin=json.dumps(line) + "\n")
        self.assertEqual(json.loads(self.done("consume", self.topic, "--from-beginning", "--json")), line)

    def test_follow_goes_on(self):
        self.done("topics", "create", self.topic, "--partitions", "1")
        self.done("produce", self.topic, stdin="old\n")
        follow = subprocess.Popen([TIDEMILL, "consume", self.topic, "--from-beginning", "--follow", "--bootstrap-servers", BROKER],
                                  stdout=subprocess.PIPE, text=True)
        try:
            self.assertIn("\told", follow.stdout.readline())
            self.done("produce", self.topic, stdin="new\n")
            self.assertIn("\tnew", follow.stdout.readline())
        finally:
            follow.terminate()
            follow.wait()
            follow.stdout.close()

    def test_an_unknown_topic_names_the_nearest(self):
        self.done("topics", "create", self.topic)
        for command in (["consume", self.topic[:-1]], ["produce", self.topic[:-1]], ["topics", "describe", self.topic[:-1]]):
            done = self.tool(*command)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f'did you mean "{self.topic}"?', done.stderr)
            self.assertIn("--bootstrap-servers " + BROKER, done.stderr)

    def test_groups_are_listed(self):
        self.done("groups")
        done = self.tool("groups", "no-such-group")
        self.assertEqual(done.returncode, 1)
        self.assertIn('there is no group "no-such-group"', done.stderr)

    def positions(self, group):
        [described] = [json.loads(line) for line in self.done("groups", group, "--json").splitlines()]
        return {at["partition"]: at["offset"] for at in described["positions"]}

    def test_positions_of_a_group_without_members_are_moved(self):
        group = "group-" + uuid.uuid4().hex
        self.done("topics", "create", self.topic, "--partitions", "1")
        self.done("produce", self.topic, stdin="a\nb\nc\n")
        with Connection(BROKER) as broker:
            broker.commit(group, self.topic, 0, 0)
        reset = ["groups", "reset", group, "--topic", self.topic]
        self.assertEqual(self.done(*reset, "--to-offset", "1"), f"{self.topic}-0  offset 0 -> 1\n")
        self.assertEqual(self.positions(group), {0: 0})
        self.done(*reset, "--to-offset", "1", "--execute")
        self.assertEqual(self.positions(group), {0: 1})
        self.done(*reset, "--shift-by", "1", "--execute")
        self.assertEqual(self.positions(group), {0: 2})
        self.done(*reset, "--to-latest", "--execute")
        self.assertEqual(self.positions(group), {0: 3})


if __name__ == "__main__":
    unittest.main()
