#!/usr/bin/env python3
"""What an application says, and does not do, when the world is not ready for it.

No broker at its address: it says so, does not hang, and still ends in order. Topics that are not there: one sentence
lists all of them with the counts needed; once they are made it goes on by itself. A broker that dies for good: SIGTERM
still ends it.

usage: troubles.py --client WORD_COUNT_CLIENT [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import argparse
import os
import random
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import Harness, check  # noqa: E402
from word_count import WordCount  # noqa: E402

PARTITIONS = 2
SAID_SECONDS = 150
END_SECONDS = 150
EXCEPTION = "WORD-COUNT-CLIENT-EXCEPTION"
CLOSED = "WORD-COUNT-CLIENT-CLOSED"


def dead_address():
    """Nobody listens there: the port is bound, but that is all."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound, f"127.0.0.1:{bound.getsockname()[1]}"


def ends_in_order(child):
    status = child.end(END_SECONDS)
    check(status == 0 and child.said(CLOSED), f"{child.name} ended with {status}, {'not ' * (not child.said(CLOSED))}closed")


def nobody_there(harness, client, count):
    bound, address = dead_address()
    child = harness.spawn("nobody", [client, "--config", count.config("nobody", bootstrap_servers=address)])
    line = child.wait_until_said(EXCEPTION, SAID_SECONDS)
    harness.say(f"no broker: {line}")
    check(address in line, "the sentence does not name the address")
    ends_in_order(child)
    bound.close()


def topics_missing(harness, client, count):
    child = harness.spawn("missing", [client, "--config", count.config("missing")])
    line = child.wait_until_said(EXCEPTION, SAID_SECONDS)
    harness.say(f"no topics: {line}")
    for topic in ("lines (1 partition", "word-counts (1 partition"):
        check(topic in line, f"the sentence does not say: {topic}")
    count.make_topics()
    child.wait_until_said("REBALANCING -> RUNNING", SAID_SECONDS)
    count.write()
    count.finish()
    harness.say("the topics were made, and it went on")
    return child


def broker_gone(harness, child):
    harness.broker("kill9")
    ends_in_order(child)
    harness.say("ended in order without its broker")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--client", required=True)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    client = os.path.abspath(arguments.client)
    with Harness("troubles", keep=arguments.keep) as harness:
        count = WordCount(harness, random.Random(1), PARTITIONS)
        nobody_there(harness, client, count)
        broker_gone(harness, topics_missing(harness, client, count))
        harness.say("PASSED")


if __name__ == "__main__":
    main()
