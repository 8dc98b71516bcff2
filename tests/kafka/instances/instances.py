#!/usr/bin/env python3
"""Instances of one application share its tasks, take over from one that is killed, and outlive their broker's death.

Three instances of the word count, input all the while: each task is owned by exactly one of them and nobody is idle; one
is killed and the others have its tasks; it comes back and has work again; one leaves in order; the broker is killed and
started again. In the end every word must have been counted 1, 2, 3, ... without a gap or a repeat; at least once, each
must have been counted at least as often as it was written.

usage: instances.py --client WORD_COUNT_CLIENT [--guarantee exactly_once_v2] [--seed N] [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import Harness, check, seeded  # noqa: E402
from word_count import WordCount  # noqa: E402

PARTITIONS = 6
TASKS = {f"{subtopology}_{partition}" for subtopology in (0, 1) for partition in range(PARTITIONS)}
SHARE_SECONDS = 120
PROGRESS_LINES = 200


def owned(child):
    """The tasks that an instance says it owns."""
    said = child.said("owns")
    return set(said[-1].split()[1:]) if said else set()


def shared(children):
    """Every task has one owner, and every instance has some."""
    shares = [owned(child) for child in children]
    return all(shares) and set().union(*shares) == TASKS and sum(map(len, shares)) == len(TASKS)


class Instances:
    def __init__(self, harness, count, client, guarantee):
        self.harness, self.count = harness, count
        self.all = [harness.spawn(f"instance-{number}", [client, "--config", count.config(
            f"instance-{number}", processing_guarantee=guarantee)]) for number in (1, 2, 3)]

    def expect_shared(self, children, event):
        self.count.write_until(lambda: shared(children), SHARE_SECONDS, lambda: f"tasks to be shared after {event}, not as "
                               f"{ {child.name: sorted(owned(child)) for child in children} }")
        before = self.count.committed()
        self.count.write_until(lambda: self.count.committed() >= before + PROGRESS_LINES, SHARE_SECONDS,
                               f"progress after {event}")
        self.harness.say(f"{event}: " + ", ".join(f"{child.name} owns {len(owned(child))}" for child in children))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--client", required=True)
    parser.add_argument("--guarantee", choices=["exactly_once_v2", "at_least_once"], default="exactly_once_v2")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    chance = seeded(arguments.seed)
    with Harness("instances", keep=arguments.keep) as harness:
        count = WordCount(harness, chance, PARTITIONS)
        count.make_topics()
        instances = Instances(harness, count, os.path.abspath(arguments.client), arguments.guarantee)
        one, two, three = instances.all
        instances.expect_shared([one, two, three], "three started")
        victim = chance.choice(instances.all)
        others = [child for child in instances.all if child is not victim]
        victim.kill()
        instances.expect_shared(others, f"{victim.name} was killed")
        victim.start()
        instances.expect_shared(instances.all, f"{victim.name} came back")
        leaver = chance.choice(others)
        check(leaver.end() == 0, f"{leaver.name} did not end in order")
        rest = [child for child in instances.all if child is not leaver]
        instances.expect_shared(rest, f"{leaver.name} left")
        harness.broker("kill9")
        harness.say("the broker was killed")
        harness.broker("restart")
        instances.expect_shared(rest, "the broker came back")
        count.finish(at_least_once=arguments.guarantee == "at_least_once")
        for child in rest:
            check(child.end() == 0, f"{child.name} did not end in order")
        exceptions = sum(len(child.said("CLIENT-EXCEPTION", all_lives=True)) for child in instances.all)
        harness.say(f"PASSED: {sum(count.expected.values())} words, {exceptions} exceptions that an instance got over")


if __name__ == "__main__":
    main()
