#!/usr/bin/env python3
"""A word count goes from Kafka Streams in Java to us and back, again and again, in the midst of its input.

Both run the same topology under the same application id, one after the other, each with its own state directory: what goes
over are the committed offsets, the changelog and the repartition topic. Ends are in order and by SIGKILL; Java comes back
to a state directory that knows an old part of a changelog that we have continued. In the end every word must have been
counted 1, 2, 3, ... without a gap or a repeat. The internal topics must be the same whoever makes them.

usage: handover.py --client WORD_COUNT_CLIENT [--seed N] [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import Harness, check, seeded  # noqa: E402
from word_count import APPLICATION, WordCount, read_arguments  # noqa: E402

PARTITIONS = 3
LINES_PER_TURN = 400
TURN_SECONDS = 120
SOURCE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "WordCountClient.java")
RUNNING = "REBALANCING -> RUNNING"


def group_state(harness):
    with harness.connect() as connection:
        return connection.group(APPLICATION)[0]


def internal_topics(harness, application):
    """{name without the application: (partitions, config)}"""
    with harness.connect() as connection:
        return {name[len(application):]: (partitions, connection.topic_config(name))
                for name, partitions in connection.topics().items() if name.startswith(application + "-")}


def same_internal_topics(harness, count, ours_command, java):
    """Each makes them for an application of its own."""
    theirs_id, ours_id = "topics-of-java", "topics-of-ours"
    theirs = java("topics-java", count.config("topics-java", application_id=theirs_id))
    ours = harness.spawn("topics-ours", ours_command(count.config("topics-ours", application_id=ours_id)))
    for child in (theirs, ours):
        child.wait_until_said(RUNNING)
        child.end()
    made, model = internal_topics(harness, ours_id), internal_topics(harness, theirs_id)
    harness.say(f"Java's internal topics: {model}")
    check(len(model) == 2, "Java made other topics than this test knows of")
    check(made == model, f"our internal topics are {made}, Java's are {model}")


def main():
    arguments = read_arguments(__doc__)
    client = os.path.abspath(arguments.client)
    chance = seeded(arguments.seed)
    with Harness("handover", keep=arguments.keep) as harness:
        classes = harness.compile_java(SOURCE)
        count = WordCount(harness, chance, PARTITIONS)
        count.make_topics()

        def java(name, config):
            return harness.java(name, "WordCountClient", config, class_path=classes)

        same_internal_topics(harness, count, lambda config: [client, "--config", config], java)

        theirs = java("java", count.config("java"))
        ours = harness.spawn("ours", [client, "--config", count.config("ours")], begin=False)
        turns = [(theirs, False), (ours, False), (theirs, False), (ours, True), (theirs, True), (ours, False), (theirs, False)]
        for number, (child, by_kill) in enumerate(turns, 1):
            before = count.committed()
            if not child.alive():
                child.start()
            count.write_until(lambda: count.committed() >= before + LINES_PER_TURN, TURN_SECONDS,
                              f"{child.name} to process {LINES_PER_TURN} lines from {before} on")
            if by_kill:
                child.kill()
            else:
                status = child.end()
                check(status == (143 if child is theirs else 0), f"{child.name} ended with {status}")
            # A live group takes members of one kind only; a killed one is a member until its session is over.
            harness.wait_for(lambda: group_state(harness) == "Empty", TURN_SECONDS, "the group to be empty")
            harness.say(f"turn {number}: {child.name}, {before} to {count.committed()} lines committed, ended "
                        f"{'by SIGKILL' if by_kill else 'in order'}")
        ours.start()
        count.finish()
        check(ours.end() == 0, "the last client did not end in order")
        harness.say(f"PASSED: {sum(count.expected.values())} words, each counted once")


if __name__ == "__main__":
    main()
