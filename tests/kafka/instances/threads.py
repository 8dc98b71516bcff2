#!/usr/bin/env python3
"""Stream threads of running instances come and go on Kafka, where each has a transaction and a member of its group for itself.

Two instances of the word count with `group.instance.id`, input all the while: one gets threads more and loses some, one of its
threads fails and is replaced, it loses all of them, and gets one again. The session timeout is longer than any wait here: what
moves does so because a member has left. At last one closes and comes back, whose member must have stayed; then it closes for
good. In the end every word must have been counted 1, 2, 3, ... without a gap or a repeat.

usage: threads.py --client WORD_COUNT_CLIENT [--seed N] [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from instances import PARTITIONS, SHARE_SECONDS, TASKS, owned, shared  # noqa: E402
from kafka_harness import Harness, check, seeded  # noqa: E402
from word_count import WordCount, read_arguments  # noqa: E402

SESSION_MS = 20 * 60 * 1000
PROGRESS_LINES = 100
CHANGE_SECONDS = 60


class Threads:
    def __init__(self, harness, count, client):
        self.harness, self.count = harness, count
        self.changing, self.steady = [
            harness.spawn(name, [client, "--config", count.config(name, group_instance_id=name, session_timeout_ms=SESSION_MS)])
            for name in ("one", "two")]

    def said(self, word):
        """What the changing instance has said behind the word, a line each."""
        return [line.removeprefix(word).strip() for line in self.changing.lines() if line.startswith(word)]

    def ask(self, number, word):
        """What it says to the signal."""
        before = len(self.said(word))
        self.changing.signal(number)
        self.harness.wait_for(lambda: len(self.said(word)) > before, CHANGE_SECONDS, f"\"{word} ...\" to be said")
        return self.said(word)[before]

    def add(self):
        return self.ask(signal.SIGUSR2, "added")

    def remove(self):
        return self.ask(signal.SIGHUP, "removed")

    def fail(self):
        """The name of the thread that failed, and is replaced."""
        before = len(self.said("replaced"))
        self.ask(signal.SIGALRM, "fails next")
        self.count.write_until(lambda: len(self.said("replaced")) > before, CHANGE_SECONDS, "a thread to fail")
        return self.said("replaced")[before]

    def members(self):
        """How many the changing instance has in the group."""
        with self.harness.connect() as connection:
            _, members = connection.group(self.count.application)
        return sum(client == self.changing.name for client, _ in members)

    def expect(self, condition, event):
        self.count.write_until(condition, SHARE_SECONDS, lambda: f"tasks to be shared after {event}, not as "
                               f"{sorted(owned(self.changing))} and {sorted(owned(self.steady))}")
        before = self.count.committed()
        self.count.write_until(lambda: self.count.committed() >= before + PROGRESS_LINES, SHARE_SECONDS,
                               f"progress after {event}")
        self.harness.say(f"{event}: {len(owned(self.changing))} and {len(owned(self.steady))} tasks, {self.members()} members")

    def expect_shared(self, threads, event):
        """One task in `threads + 1` is the steady one's."""
        both = [self.changing, self.steady]
        self.expect(lambda: shared(both) and len(owned(self.changing)) * (threads + 1) == len(TASKS) * threads, event)
        check(self.members() == threads, f"{self.members()} members where there are {threads} threads")

    def expect_steady_has_all(self, event):
        self.expect(lambda: owned(self.steady) == TASKS, event)
        check(self.members() == 0, f"{self.members()} members are left after {event}")


def come_and_go(threads):
    threads.expect_shared(1, "two started")
    for number in (2, 3):
        added = threads.add()
        check(added == f"one-StreamThread-{number}", f"thread {number} is called {added}")
    threads.expect_shared(3, "three threads against one")
    removed = threads.remove()
    check(removed == "one-StreamThread-1", f"{removed} was removed, which is not the oldest")
    threads.expect_shared(2, "one was removed")
    added = threads.add()
    check(added == removed, f"{added} was added where {removed} was free")
    threads.expect_shared(3, "it was added again")
    failed = threads.fail()
    threads.expect_shared(3, f"{failed} was replaced")
    for _ in range(3):
        removed = threads.remove()
        check(removed.startswith("one-StreamThread-"), f"removed: {removed}")
    check(threads.remove() == "none", "something was removed where nothing was")
    threads.expect_steady_has_all("all threads of one were removed")
    threads.add()
    threads.expect_shared(1, "one has a thread again")


def close_and_come_back(threads):
    one = threads.changing
    check(one.end() == 0, "one did not end in order")
    check(threads.members() == 1, "a member that is expected back has left")
    one.start()
    threads.expect_shared(1, "one came back")
    one.signal(signal.SIGINT)
    check(one.wait(90) == 0, "one did not end in order")
    threads.expect_steady_has_all("one left for good")


def main():
    arguments = read_arguments(__doc__)
    with Harness("threads", keep=arguments.keep) as harness:
        count = WordCount(harness, seeded(arguments.seed), PARTITIONS)
        count.make_topics()
        threads = Threads(harness, count, os.path.abspath(arguments.client))
        come_and_go(threads)
        close_and_come_back(threads)
        count.finish()
        check(threads.steady.end() == 0, "two did not end in order")
        for child in harness.children:
            check(not child.said("EXCEPTION", all_lives=True), f"{child.name} had an exception")
        harness.say(f"PASSED: {sum(count.expected.values())} words")


if __name__ == "__main__":
    main()
