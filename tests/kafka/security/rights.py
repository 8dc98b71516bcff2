#!/usr/bin/env python3
"""The rights that an application needs, and no others, to a broker that refuses everything else.

The word count runs as a user who may read its source topic, write to its sink topic, make, read, write and purge topics whose
names begin with its application id, be in its group, and write under transactional ids that begin with its application id. It
must count right, and have asked for nothing that the broker refused; but for the group, which it may be in only after it has
said that it may not.

usage: rights.py --client WORD_COUNT_CLIENT [--seed N] [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import Harness, check, seeded  # noqa: E402
from word_count import APPLICATION, WordCount, read_arguments  # noqa: E402

PARTITIONS = 3
LINES_EACH = 5  # batches
RUN_SECONDS = 120
USER, PASSWORD = "alice", "alice-has-a-secret"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
RIGHTS = [("topic", "lines", "literal", ["read"]),
          ("topic", "word-counts", "literal", ["write"]),
          ("topic", APPLICATION + "-", "prefixed", ["create", "read", "write", "delete"]),
          ("transactional_id", APPLICATION + "-", "prefixed", ["write"])]
GROUP_RIGHT = ("group", APPLICATION, "literal", ["read"])


def broker_arguments(_):
    """Whoever comes without a name, the harness and the broker itself, may do everything."""
    settings = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS", "sasl.enabled.mechanisms": "PLAIN",
                "listener.name.sasl_plaintext.plain.sasl.jaas.config":
                    f'{PLAIN} required username="broker" password="unused" user_{USER}="{PASSWORD}";'}
    return ["--listener", "SASL_PLAINTEXT", *(part for key, value in settings.items() for part in ("--set", f"{key}={value}"))]


def refused(harness):
    with open(os.path.join(harness.directory, "broker", "broker.log"), encoding="utf-8", errors="replace") as log:
        return [line.strip() for line in log if f"User:{USER} is Denied" in line]


def main():
    arguments = read_arguments(__doc__)
    with Harness("rights", broker_arguments, keep=arguments.keep) as harness:
        count = WordCount(harness, seeded(arguments.seed), PARTITIONS)
        count.make_topics()
        with harness.connect() as connection:
            connection.create_acls(USER, RIGHTS)
        config = count.config("alice", bootstrap_servers=harness.listeners["SASL_PLAINTEXT"],
                              security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN",
                              sasl_jaas_config=f'{PLAIN} required username="{USER}" password="{PASSWORD}";',
                              repartition_purge_interval_ms=200)
        client = harness.spawn("alice", [os.path.abspath(arguments.client), "--config", config])
        harness.say(client.wait_until_said(f"EXCEPTION: unauthorized: group {APPLICATION}", RUN_SECONDS))
        check(refused(harness), "the broker does not say whom it refuses")
        with harness.connect() as connection:
            connection.create_acls(USER, [GROUP_RIGHT])
        client.wait_until_said("REBALANCING -> RUNNING", RUN_SECONDS)
        for _ in range(2):  # the second time over a repartition topic that has been purged
            count.write(LINES_EACH)
            count.finish()
        check(client.end() == 0, "alice did not end in order")
        others = [line for line in refused(harness) if f"resource = Group:LITERAL:{APPLICATION} " not in line]
        check(not others, "refused: " + "; ".join(others))
        harness.say(f"PASSED: {sum(count.expected.values())} words")


if __name__ == "__main__":
    main()
