"""A process owns the directory: the tool asks it, and says so clearly when there is no answer."""
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import unittest

from harness import PATIENCE, Owner, ToolTest


class AnOwner(ToolTest):
    def follow(self, *arguments):
        process = subprocess.Popen(self.command(["consume", *arguments, "--follow"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: process.poll() is None and (process.kill(), process.wait()))
        return process

    def test_is_asked_for_everything(self):
        owner = self.owner().do("topic t 2", "put t 0 k a", "odd t", "position app t 0 1")
        self.assertEqual(self.done("topics", "list").lines, ["t  2 partitions"])
        self.assertIn("partition 0: offsets 0 to 2", self.done("topics", "describe", "t").out)
        records = self.done("consume", "t", "--from-beginning", "--json").json
        self.assertEqual(records[0]["value"], "a")
        self.assertEqual(records[1]["headers"], [["trace", "abc"], ["raw", {"base64": "/v8="}], ["none", None]])
        self.assertIn("lag 1", self.done("groups", "app").out)
        self.done("topics", "create", "u", "--partitions", "1")
        self.done("produce", "u", stdin=b"x\ny\n")
        owner.do("put u 0 - z")  # one log: the owner goes on behind what the tool wrote
        self.assertEqual(self.values("u"), ["x", "y", "z"])
        owner.close()
        self.assertEqual(self.values("u"), ["x", "y", "z"])

    def test_positions_are_moved_only_while_nobody_owns_the_directory(self):
        owner = self.owner().do("topic t 1", "put t 0 - a", "position app t 0 1", "join app")
        reset = ["groups", "reset", "app", "--topic", "t", "--to-earliest"]
        for arguments in (reset, [*reset, "--execute"]):
            # The member does not take its events, so it is not known to have its tasks.
            self.assertIn('group "app" is active (CompletingRebalance, 1 members)', self.refused(*arguments))
        owner.do("leave")
        self.assertEqual(self.done(*reset).out, "t-0  offset 1 -> 0\n")
        self.assertIn(f"process {owner.pid} owns: stop that process first", self.refused(*reset, "--execute"))
        owner.close()
        self.done(*reset, "--execute")
        self.assertIn("t-0  offset 0  lag 1", self.done("groups", "app").out)

    def test_gives_much_in_order(self):
        self.owner().do("topic t 3")
        lines = "".join(f"{i % 3}:{i:07d}{'x' * 100}\n" for i in range(60000))
        self.done("produce", "t", "--key-separator", ":", stdin=lines.encode())
        records = self.done("consume", "t", "--from-beginning", "--json").json
        self.assertEqual(len(records), 60000)
        for key in "012":
            numbers = [int(r["value"][:7]) for r in records if r["key"] == key]
            self.assertEqual(numbers, sorted(numbers))
            self.assertEqual(len(numbers), 20000)

    def test_shows_open_transactions_only_to_who_wants_them(self):
        owner = self.owner().do("topic t 1", "put t 0 - a", "begin t 0 b")
        self.assertEqual(self.values("t", "--committed"), ["a"])
        self.assertEqual(self.values("t"), ["a", "b"])
        owner.do("commit")
        self.assertEqual(self.values("t", "--committed"), ["a", "b"])

    def test_keeps_the_directory_when_its_lock_file_is_removed(self):
        owner = self.owner().do("topic t 1", "put t 0 - a")
        os.remove(os.path.join(self.data, "lock"))
        self.done("produce", "t", stdin=b"asked\n")  # of the owner, not written beside it
        owner.do("put t 0 - b")
        owner.do("position app t 0 1")
        reset = self.refused("groups", "reset", "app", "--topic", "t", "--to-earliest", "--execute")
        self.assertIn(f"process {owner.pid} owns: stop that process first", reset)
        owner.close()
        self.assertEqual(self.values("t"), ["a", "asked", "b"])

    def test_is_followed(self):
        owner = self.owner().do("topic t 2", "put t 0 - old")
        follow = self.follow("t", "--from-beginning", "--committed")
        self.assertIn("\told", follow.stdout.readline())
        owner.do("put t 1 - new")
        self.assertIn("\tnew", follow.stdout.readline())
        owner.do("begin t 0 later", "commit", "begin t 0 never", "abort", "put t 0 - last")
        self.assertIn("\tlater", follow.stdout.readline())
        self.assertIn("\tlast", follow.stdout.readline())
        self.done("produce", "t", stdin=b"from a tool\n")
        self.assertIn("\tfrom a tool", follow.stdout.readline())

    def test_is_followed_from_the_end_up_to_a_number_of_records(self):
        owner = self.owner().do("topic t 1", "put t 0 - old")
        follow = self.follow("t", "--from-beginning", "--max", "2")
        self.assertIn("\told", follow.stdout.readline())
        owner.do("put t 0 - new")
        self.assertIn("\tnew", follow.stdout.readline())
        self.assertEqual(follow.wait(PATIENCE), 0)

    def test_that_is_killed_is_told_to_who_follows(self):
        owner = self.owner().do("topic t 1", "put t 0 - a")
        follow = self.follow("t", "--from-beginning")
        self.assertIn("\ta", follow.stdout.readline())
        owner.kill()
        self.assertIn(f"process {owner.pid}, which owns {self.data}, has ended the connection", follow.stderr.readline())
        self.assertEqual(self.values("t"), ["a"])  # the socket that it left behind is in nobody's way
        self.owner().do("put t 0 - b")
        self.assertEqual(self.values("t"), ["a", "b"])
        self.assertIn("\tb", follow.stdout.readline())

    def test_that_comes_and_goes_is_followed(self):
        self.done("topics", "create", "t", "--partitions", "1")
        follow = self.follow("t", "--from-beginning")
        other = self.follow("t", "--from-beginning")
        for i in range(20):
            self.done("produce", "t", stdin=f"r{i}\n".encode())
        for follower in (follow, other):
            for i in range(20):
                self.assertEqual(follower.stdout.readline().split("\t")[-1], f"r{i}\n")
        self.owner().do("put t 0 - last").close()
        self.assertIn("\tlast", follow.stdout.readline())
        follow.kill()
        self.assertLessEqual(len(follow.stderr.readlines()), 2)  # what it waits for is said once

    def test_that_is_stopped_is_given_up(self):
        owner = self.owner().do("topic t 1")
        os.kill(owner.pid, signal.SIGSTOP)
        try:
            sentence = self.refused("topics", "list", "--timeout", "1")
        finally:
            os.kill(owner.pid, signal.SIGCONT)
        self.assertIn(f"process {owner.pid} owns {self.data} and cannot be asked", sentence)
        self.assertIn("does not answer", sentence)
        self.done("topics", "list")

    def test_that_serves_no_socket_is_named(self):
        self.prepared("topic t 1")
        with open(os.path.join(self.data, "lock"), "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate()
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            for command in (["topics", "list"], ["produce", "t"], ["topics", "create", "u"]):
                sentence = self.refused(*command, "--timeout", "1")
                self.assertIn(f"process {os.getpid()} owns {self.data} and cannot be asked", sentence)

    def false_owner(self, answer):
        """Has the lock, takes one connection, reads its request, says `answer` and hangs up."""
        self.prepared("topic t 1")
        lock = open(os.path.join(self.data, "lock"), "r+")
        self.addCleanup(lock.close)
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(self.data, "socket"))
        listener.listen()

        def serve():
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(answer)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)

    def test_that_ends_before_a_record_is_sent_is_no_harm(self):
        self.prepared("topic t 1")
        real = os.path.join(self.root, "real")
        shutil.copytree(self.data, real, ignore=shutil.ignore_patterns("socket"))
        speaker = Owner(real)
        self.addCleanup(lambda: speaker.process.poll() is None and speaker.kill())
        lock = open(os.path.join(self.data, "lock"), "r+")
        fcntl.flock(lock, fcntl.LOCK_EX)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.data, "socket"))
        listener.listen()

        def serve():  # says hello as an owner does, and is gone by then
            connection, _ = listener.accept()
            with socket.socket(socket.AF_UNIX) as asked:
                asked.connect(os.path.join(real, "socket"))
                asked.sendall(connection.recv(1000))
                hello = asked.recv(1000)
            os.remove(os.path.join(self.data, "socket"))
            listener.close()
            lock.close()
            connection.sendall(hello)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        self.addCleanup(thread.join)
        self.done("produce", "t", stdin=b"x\ny\n")
        self.assertEqual(self.values("t"), ["x", "y"])
        speaker.close()

    def test_that_dies_in_the_middle_of_an_answer_is_an_error(self):
        self.false_owner(struct.pack(">I", 1000) + b"\0half")
        self.assertIn("has ended the connection", self.refused("topics", "list", "--timeout", "1"))

    def test_that_talks_nonsense_is_an_error(self):
        self.false_owner(struct.pack(">I", 4) + b"junk")
        self.assertIn("malformed", self.refused("topics", "list", "--timeout", "5"))

    def test_that_claims_too_much_is_an_error(self):
        self.false_owner(b"\xff\xff\xff\xff")
        self.assertIn("a message of 4294967295 bytes", self.refused("topics", "list", "--timeout", "5"))

    def test_is_the_tool_itself_while_it_produces(self):
        self.done("topics", "create", "t", "--partitions", "1")
        produce = subprocess.Popen(self.command(["produce", "t"]), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(produce.stderr.close)
        produce.stdin.write(b"typed\n")
        produce.stdin.flush()
        try:
            while self.values("t") != ["typed"]:  # each call has the lock before the other, or asks it
                pass
            follow = self.follow("t", "--from-beginning")
            self.assertIn("\ttyped", follow.stdout.readline())
            produce.stdin.write(b"again\n")
            produce.stdin.flush()
            self.assertIn("\tagain", follow.stdout.readline())
        finally:
            produce.stdin.close()
            produce.wait(PATIENCE)

    def test_lets_the_files_be_read_beside_it(self):
        owner = self.owner().do("topic t 1", "put t 0 - a", "begin t 0 b")
        answer = self.done("verify")
        self.assertIn(f"process {owner.pid}", answer.err)
        self.assertIn("0 problems", answer.out)
        self.assertIn("offsets=0..0", self.done("dump").out)


if __name__ == "__main__":
    unittest.main()
