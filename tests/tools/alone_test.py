"""Nobody owns the directory: the tool takes its lock, and only create and produce change anything."""
import base64
import hashlib
import json
import os
import shutil
import subprocess
import unittest

from harness import PATIENCE, TIDEMILL, ToolTest


class Alone(ToolTest):
    def fingerprint(self):
        """Every file below the directory; the lock holds the last owner's pid."""
        files = {}
        for folder, _, names in os.walk(self.data):
            for name in names:
                path = os.path.join(folder, name)
                if name not in ("lock", "socket"):
                    with open(path, "rb") as file:
                        files[path] = hashlib.sha256(file.read()).hexdigest()
        return files

    def test_what_is_produced_is_consumed(self):
        self.assertIn("made a new log", self.done("topics", "create", "t", "--partitions", "1").err)
        self.assertEqual(self.done("produce", "t", stdin=b"one\ntwo\nno end of line").err, "3 records\n")
        records = self.done("consume", "t", "--from-beginning", "--json").json
        self.assertEqual([r["value"] for r in records], ["one", "two", "no end of line"])
        self.assertEqual([r["offset"] for r in records], [0, 1, 2])
        self.assertEqual([r["key"] for r in records], [None] * 3)
        self.assertEqual(records[0]["partition"], 0)
        self.assertEqual(records[0]["headers"], [])
        self.assertGreater(records[0]["timestamp"], 0)

    def test_a_record_is_a_line_of_text(self):
        self.prepared("topic t 1", "put t 0 k v", "put t 0 - -", "odd t")
        lines = self.done("consume", "t", "--from-beginning").lines
        self.assertEqual(lines[0], "0:0\t2026-11-25T08:00:00.123Z\tk\tv")
        self.assertEqual(lines[1], "0:1\t2026-11-25T08:00:00.123Z\tnull\tnull")
        self.assertEqual(lines[2].split("\t")[2:], ["base64:/wBr", "base64:wyg=", "trace=abc", "raw=base64:/v8=", "none=null"])

    def test_bytes_that_are_no_text_are_base64_in_json(self):
        self.prepared("topic t 1", "odd t")
        [record] = self.done("consume", "t", "--from-beginning", "--json").json
        self.assertEqual(record["key"], {"base64": "/wBr"})
        self.assertEqual(record["value"], {"base64": "wyg="})
        self.assertEqual(record["headers"], [["trace", "abc"], ["raw", {"base64": "/v8="}], ["none", None]])

    def test_what_is_text_is_what_utf8_says(self):
        self.done("topics", "create", "t", "--partitions", "1")
        heads = [bytes([byte]) for byte in range(0x7e, 0x100)]
        edges = [b"\xc0\x80", b"\xc1\xbf", b"\xc2\x80", b"\xe0\x9f\xbf", b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xed\xa0\x80",
                 b"\xef\xbf\xbf", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xe2\x82",
                 "tide \u20ac \U0001f30a \0 \" \\ \n".encode(), b"good \xc3\xa9 bad \xc3", b""]
        lines = [json.dumps({"value": {"base64": base64.b64encode(value).decode()}}) for value in heads + edges]
        self.done("produce", "t", "--json", stdin="\n".join(lines).encode())
        for value, shown in zip(heads + edges, self.values("t"), strict=True):
            try:
                self.assertEqual(shown, value.decode())
            except UnicodeDecodeError:
                self.assertEqual(shown, {"base64": base64.b64encode(value).decode()})

    def test_json_lines_can_be_produced_again(self):
        self.prepared("topic t 2", "topic u 2", "put t 1 k v", "put t 0 k -", "odd t")
        lines = self.done("consume", "t", "--from-beginning", "--json").out
        self.done("produce", "u", "--json", stdin=lines.encode())
        self.assertEqual(self.done("consume", "u", "--from-beginning", "--json").out, lines)

    def test_numbers_are_read_and_shown(self):
        self.done("topics", "create", "t", "--partitions", "1")
        types = ["--key-type", "int32", "--value-type", "int64"]
        self.done("produce", "t", "--key-separator", ":", *types, stdin=b"1:-5\n2:9000000000\n")
        records = self.done("consume", "t", "--from-beginning", "--json", *types).json
        self.assertEqual([(r["key"], r["value"]) for r in records], [(1, -5), (2, 9000000000)])
        self.assertIn("line 1: \"x\" is no int64", self.refused("produce", "t", "--value-type", "int64", stdin=b"x\n"))

    def test_keys_go_where_kafka_puts_them(self):
        self.done("topics", "create", "t", "--partitions", "8")
        self.done("produce", "t", "--key-separator", "=", stdin=b"the=1\ntide=2\nturns=3\nmill=4\nthe=5\n")
        records = self.done("consume", "t", "--from-beginning", "--json").json
        where = {(r["key"], r["partition"]) for r in records}
        self.assertEqual(where, {("the", 7), ("tide", 3), ("turns", 1), ("mill", 0)})

    def test_from_the_end_there_is_nothing(self):
        self.prepared("topic t 1", "put t 0 k v")
        answer = self.done("consume", "t", "--json")
        self.assertEqual(answer.out, "")
        self.assertIn("--from-beginning", answer.err)

    def test_max_and_partition_select(self):
        self.prepared("topic t 2", *[f"put t {i % 2} k {i}" for i in range(10)])
        self.assertEqual(len(self.values("t", "--max", "3")), 3)
        self.assertEqual(self.values("t", "--max", "0"), [])
        self.assertEqual(self.values("t", "--partition", "1"), ["1", "3", "5", "7", "9"])
        self.assertIn("partitions 0 to 1, no partition 7", self.refused("consume", "t", "--partition", "7"))

    def test_committed_leaves_out_what_was_aborted(self):
        self.prepared("topic t 1", "put t 0 - a", "begin t 0 b", "abort", "begin t 0 c", "commit")
        self.assertEqual(self.values("t"), ["a", "b", "c"])
        self.assertEqual(self.values("t", "--committed"), ["a", "c"])

    def test_follow_shows_what_is_there_and_goes_on_at_the_next_owner(self):
        self.prepared("topic t 1", "put t 0 - a", "put t 0 - b")
        follow = subprocess.Popen(self.command(["consume", "t", "--from-beginning", "--follow", "--max", "5"]), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(follow.stdout.close)
        self.addCleanup(follow.stderr.close)
        self.addCleanup(lambda: follow.poll() is None and (follow.kill(), follow.wait()))
        self.assertTrue(follow.stdout.readline().endswith("\ta\n"))
        self.assertTrue(follow.stdout.readline().endswith("\tb\n"))
        self.assertIn(f"nobody owns {self.data}: waits for a process that does", follow.stderr.readline())
        self.assertIsNone(follow.poll())
        self.done("produce", "t", stdin=b"c\n")  # owns it for a moment, and may be gone before it is asked
        owner = self.owner()
        owner.do("put t 0 - d")
        line = follow.stdout.readline()
        self.assertTrue(line.endswith("\tc\n"), line + (follow.stderr.read() if not line else ""))
        self.assertTrue(follow.stdout.readline().endswith("\td\n"))
        owner.kill()
        self.assertIn("has ended", follow.stderr.readline())  # said once, of this owner or of the one before
        self.owner().do("put t 0 - e")
        self.assertTrue(follow.stdout.readline().endswith("\te\n"))
        self.assertEqual(follow.wait(PATIENCE), 0)

    def test_verify_without_a_journal_says_what_there_is(self):
        self.assertIn("there is no log in " + self.data, self.refused("verify"))
        self.prepared("topic t 2", "put t 0 - a")
        shutil.rmtree(os.path.join(self.data, "journal"))
        said = self.refused("verify")
        self.assertIn(f"{self.data} has no journal", said)
        self.assertIn("it has lock, topics; in topics are 2 partitions", said)

    def test_an_unknown_command_is_named(self):
        self.assertIn('there is no command "frobnicate"', self.refused("frobnicate", status=2))

    def test_topics_are_made_together(self):
        self.done("topics", "create", "a", "--config", "cleanup.policy=compact", "b", "--partitions", "2")
        self.assertEqual(self.done("topics", "list").lines, ["a  2 partitions", "b  2 partitions"])
        self.assertIn('there is a topic "b" already', self.refused("topics", "create", "c", "b", "d"))
        self.assertEqual(self.done("topics", "list").lines[2:], ["c  8 partitions"])

    def test_topics_are_listed_and_described(self):
        self.done("topics", "create", "long-name", "--partitions", "2", "--config", "cleanup.policy=compact",
                  "--config", "retention.ms=1000")
        self.done("topics", "create", "t")
        self.done("produce", "long-name", "--partition", "1", "--key-separator", "=", stdin=b"k=x\n")
        self.assertIn("without a key", self.refused("produce", "long-name", stdin=b"x\n"))
        self.assertEqual(self.done("topics", "list").lines, ["long-name  2 partitions", "t          8 partitions"])
        self.assertEqual(self.done("topics", "list", "--json").json, [{"topic": "long-name", "partitions": 2}, {"topic": "t", "partitions": 8}])
        text = self.done("topics", "describe", "long-name").out
        self.assertIn("cleanup.policy=compact", text)
        self.assertIn("partition 1: offsets 0 to 1", text)
        [row] = self.done("topics", "describe", "long-name", "--json").json
        self.assertEqual(row["config"], {"cleanup.policy": "compact", "retention.ms": "1000"})
        self.assertEqual([p["end"] for p in row["partitions"]], [0, 1])

    def test_groups_are_shown_with_their_lag(self):
        self.prepared("topic t 2", "put t 0 - a", "put t 0 - b", "put t 0 - c", "position app t 0 1", "position other t 1 0")
        text = self.done("groups").out
        self.assertIn("app  Empty, generation 0, 0 members, lag 2\n    t-0  offset 1  lag 2\n", text)
        [app] = self.done("groups", "app", "--json").json
        self.assertEqual(app["positions"], [{"topic": "t", "partition": 0, "offset": 1, "lag": 2}])
        self.assertIn('no group "ap": did you mean "app"?', self.refused("groups", "ap"))

    def reset(self, *arguments):
        return self.done("groups", "reset", "app", *arguments).out

    def positions(self):
        [app] = self.done("groups", "app", "--json").json
        return {f"{at['topic']}-{at['partition']}": at["offset"] for at in app["positions"]}

    def test_a_record_that_a_group_cannot_get_past_is_skipped(self):
        self.prepared("topic t 2", "put t 0 - a", "put t 0 - poison", "put t 0 - c", "position app t 0 1", "position app t 1 0")
        before = self.fingerprint()
        dry = self.tool("groups", "reset", "app", "--topic", "t:0", "--shift-by", "1")
        self.assertEqual((dry.status, dry.out), (0, "t-0  offset 1 -> 2\n"))
        self.assertIn("nothing has been changed: say --execute", dry.err)
        self.assertEqual(self.fingerprint(), before)
        self.assertEqual(self.reset("--topic", "t:0", "--shift-by", "1", "--execute"), "t-0  offset 1 -> 2\n")
        self.assertEqual(self.positions(), {"t-0": 2, "t-1": 0})
        self.done("verify")

    def test_a_group_is_moved_to_wherever_is_asked_for(self):
        self.prepared("topic t 2", *["put t 0 - x"] * 5, "put t 1 - x", "position app t 0 2")
        for arguments, offsets in (
                (["--to-latest"], {"t-0": 5, "t-1": 1}),
                (["--to-earliest"], {"t-0": 0, "t-1": 0}),
                (["--to-offset", "3"], {"t-0": 3, "t-1": 1}),  # as near as there are records
                (["--shift-by", "-2"], {"t-0": 1, "t-1": 0}),
                (["--to-datetime", "2036-01-01T00:00:00.000"], {"t-0": 5, "t-1": 1}),
                (["--to-datetime", "2026-11-23T08:00:00.123+01:00"], {"t-0": 0, "t-1": 0})):
            self.reset("--topic", "t", *arguments, "--execute")
            self.assertEqual(self.positions(), offsets, arguments)
        self.reset("--topic", "t:1,0", "--to-offset", "1", "--execute")
        self.assertEqual(self.positions(), {"t-0": 1, "t-1": 1})

    def test_a_reset_that_cannot_be_says_why(self):
        self.prepared("topic t 2", "put t 0 - a", "position app t 0 1")
        for arguments, sentence in ((["ap", "--topic", "t", "--to-latest"], 'did you mean "app"?'),
                                    (["app", "--topic", "tt", "--to-latest"], 'no topic "tt"'),
                                    (["app", "--topic", "t:2", "--to-latest"], "the partitions 0 to 1, no partition 2"),
                                    (["app", "--topic", "t:1", "--shift-by", "1"], "has no position in t-1")):
            self.assertIn(sentence, self.refused("groups", "reset", *arguments, "--execute"))
        self.assertEqual(self.positions(), {"t-0": 1})

    def test_looking_changes_nothing(self):
        self.owner().do("topic t 1", "put t 0 - a", "begin t 0 b").kill()  # a transaction is open, nothing was closed
        before = self.fingerprint()
        self.assertEqual(self.values("t", "--committed"), ["a"])
        self.done("topics", "describe", "t")
        self.done("groups")
        self.done("verify")
        self.done("dump", "--records")
        self.assertEqual(self.fingerprint(), before)

    def test_an_unknown_topic_names_the_nearest_and_how_to_make_it(self):
        self.prepared("topic word-counts 1")
        for command in (["consume", "word-count"], ["produce", "word-count"], ["topics", "describe", "word-count"]):
            sentence = self.refused(*command)
            self.assertIn('there is no topic "word-count" in the embedded log in ' + self.data, sentence)
            self.assertIn('did you mean "word-counts"?', sentence)
            self.assertIn("tidemill topics create word-count --data " + self.data, sentence)

    def test_topics_that_cannot_be_are_refused(self):
        self.done("topics", "create", "t")
        self.assertIn("there is a topic \"t\" already", self.refused("topics", "create", "t"))
        self.assertIn("a name has", self.refused("topics", "create", "a/b"))
        self.assertIn("there is no configuration \"retention\"", self.refused("topics", "create", "u", "--config", "retention=1"))
        self.assertIn("is not KEY=VALUE", self.refused("topics", "create", "u", "--config", "retention", status=2))

    def test_topics_are_deleted_all_or_none_and_only_when_said(self):
        self.prepared("topic keep 1", "topic app-s-changelog 1", "put app-s-changelog 0 - a")
        self.assertIn("say --execute", self.done("topics", "delete", "app-s-changelog").err)
        self.assertIn('there is no topic "kep"', self.refused("topics", "delete", "app-s-changelog", "kep", "--execute"))
        self.assertEqual(self.values("app-s-changelog"), ["a"])
        self.assertEqual(self.done("topics", "delete", "app-s-changelog", "app-s-changelog", "--execute").out, "app-s-changelog  1 offsets\n")
        self.assertEqual([line.split()[0] for line in self.done("topics", "list").out.splitlines()], ["keep"])
        self.done("verify")

    def test_a_directory_without_a_log_is_an_error_and_stays_without(self):
        for command in (["topics", "list"], ["consume", "t"], ["produce", "t"], ["groups"], ["verify"], ["dump"]):
            self.assertIn("there is no log in " + self.data, self.refused(*command))
        self.assertFalse(os.path.exists(self.data))

    def test_a_directory_too_high_names_the_logs_below(self):
        self.prepared("topic t 1")
        done = subprocess.run([TIDEMILL, "topics", "list", "--data", self.root], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there are logs in " + self.data, done.stderr)

    def test_wrong_usage_is_status_2_and_a_sentence(self):
        for arguments, sentence in (
                ([], "which command? tidemill has topics, produce, consume, groups, verify, dump"),
                (["topics"], "which command? tidemill topics has list, describe, create"),
                (["frob"], 'there is no command "frob": tidemill has topics, '),
                (["topics", "frob"], 'there is no command "topics frob": tidemill topics has list, describe, create'),
                (["topics", "lst"], 'did you mean "topics list"?'),
                (["consume"], "topic is required"),
                (["consume", "t", "--frob"], "--frob"),
                (["consume", "t", "--max", "many"], "--max"),
                (["consume", "t", "--max", "-1"], '--max: "-1" is no whole number of 0 or more'),
                (["groups", "reset", "g", "--topic", "t"], "Say one of --to-offset N"),
                (["groups", "reset", "g", "--topic", "t", "--to-latest", "--to-earliest"], "Say one of --to-offset N"),
                (["groups", "reset", "g", "--topic", "t", "--to-offset", "-1"], "--to-offset"),
                (["groups", "reset", "g", "--to-latest"], "--topic is required"),
                (["groups", "reset", "g", "--topic", "t", "--to-datetime", "2026-11-31T08:00:00.000"], "is not like"),
                (["consume", "t", "--value-type", "text"], "--value-type"),
                (["topics", "create", "t", "--partitions", "0"], "--partitions"),
                (["consume", "t", "--command-config", "f"], "--command-config is for --bootstrap-servers"),
                (["consume", "t", "--bootstrap-servers", "127.0.0.1:1"], "two logs"),
                (["verify", "--bootstrap-servers", "127.0.0.1:1"], "reads the files of a data directory")):
            self.assertIn(sentence, self.refused(*arguments, status=2), arguments)
        nowhere = subprocess.run([TIDEMILL, "topics", "list"], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(nowhere.returncode, 2)
        self.assertIn("Say --data DIR or --bootstrap-servers HOST:PORT", nowhere.stderr)

    def test_help_says_what_there_is(self):
        text = self.done("--help").out
        for word in ("topics", "reset", "produce", "consume", "groups", "verify", "dump", "Exit status"):
            self.assertIn(word, text)
        for command in (["consume"], ["topics", "create"], ["dump"]):
            self.assertIn("--data DIR", self.done(*command, "--help").out)

    def test_half_written_input_says_which_line_and_keeps_what_came_before(self):
        self.done("topics", "create", "t", "--partitions", "1")
        self.assertIn("line 1: a timestamp is 0 or more",
                      self.refused("produce", "t", "--json", stdin=b'{"value":"a","timestamp":-5}\n'))
        sentence = self.refused("produce", "t", "--json", stdin=b'{"value":"a"}\n{"value":"b"\n')
        self.assertIn("line 2: not a JSON object", sentence)
        self.assertIn("1 records are there", sentence)
        self.assertEqual(self.values("t"), ["a"])
        for line, why in ((b'{"key":"k"}', 'no "value"'), (b'{"value":1}', "--value-type"), (b'{"value":"v","x":1}', '"x" is not a part'),
                          (b'{"value":{"base64":"?"}}', "base64"), (b'{"value":"v","partition":5}', "no partition 5"),
                          (b'{"value":"v","headers":[["a"]]}', "a pair")):
            self.assertIn(why, self.refused("produce", "t", "--json", stdin=line), line)
        self.assertEqual(self.values("t"), ["a"])

    def test_produce_counts_only_where_something_was_sent(self):
        self.done("topics", "create", "t", "--partitions", "1")
        sentence = self.refused("produce", "t", "--partition", "7", stdin=b"a\n")
        self.assertEqual(sentence, 'tidemill: topic "t" has only the partition 0, no partition 7\n')
        sentence = self.refused("produce", "t", "--json", stdin=b'{"value":"a"}\n{"value":"b","partition":5}\n')
        self.assertEqual(sentence, '1 records are there\ntidemill: line 2: topic "t" has only the partition 0, no partition 5\n')

    def test_a_directory_of_another_user_says_whose_it_is(self):
        self.prepared("topic t 1")
        if os.geteuid() != 0:
            self.skipTest("needs the superuser, to become somebody else")
        os.chmod(self.root, 0o755)
        os.chmod(self.data + "/journal", 0o700)
        done = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", *self.command(["topics", "list"])], capture_output=True,
                              text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1, done.stderr)
        for part in ("Permission denied", f"{self.data} belongs to root", "run it as root"):
            self.assertIn(part, done.stderr)

    def test_a_record_that_is_too_large_is_refused_with_its_limit(self):
        self.done("topics", "create", "t", "--partitions", "1", "--config", "max.message.bytes=1000")
        sentence = self.refused("produce", "t", stdin=b"a\n" + b"x" * 2000)
        self.assertIn("tidemill: line 2: a record of 2000 bytes", sentence)
        self.assertIn("1000", sentence)

    def test_an_output_that_cannot_be_written_is_an_error(self):
        self.prepared("topic t 1", "put t 0 - a")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(self.command(["consume", "t", "--from-beginning"]), stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output: No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
