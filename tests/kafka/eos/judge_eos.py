#!/usr/bin/env python3
"""Kafka's EosTestDriver judges the eos_client while its instances are killed.

The driver writes for --seconds; --kills SIGKILLs fall on the instances, each back after 0-4 seconds, now and then without
its state directory; --stops stop an instance (SIGSTOP) for longer than its session lasts, so that it comes back as a
zombie whose tasks are others'; --broker-kills kill the broker and start it again. Then the driver is ended, the clients finish the input and are ended in order, and the
driver verifies every output record. Beyond what it says we require: the clients processed all of the input, `echo` is as
long as `data` in every partition (the driver overlooks a copy that is too short), and every client ended with status 0.

usage: judge_eos.py --client EOS_CLIENT | --java-client   [--form process|process-complex] [--instances N] [--seconds S]
                    [--kills N] [--stops N] [--broker-kills N] [--seed N] [--session-timeout MS] [--keep]
Status 77: no JDK, or no Maven to bring Kafka's jars.
"""
import argparse
import os
import re
import select
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "harness"))
from kafka_harness import BROKER, READ_COMMITTED, Failed, Harness, check, seeded  # noqa: E402

DRIVER = "org.apache.kafka.streams.tests.StreamsEosTest"
PARTITIONS = 5
SIMPLE_TOPICS = ["data", "echo", "min", "sum"]
COMPLEX_TOPICS = SIMPLE_TOPICS + ["repartition", "max", "cnt"]
STORES = {"process": [3, 7], "process-complex": [3, 7, 14, 18]}
RUNNING = "REBALANCING -> RUNNING"
RUNNING_SECONDS = 120   # so long a client may take to run again
CATCH_UP_SECONDS = 240  # so long the clients may take for what is left of the input
VERIFY_SECONDS = 700    # the verifier itself waits up to ten minutes
DOWN_SECONDS = 4.0
LOSES_STATE = 0.25      # chance that a killed client finds no state directory


class Client:
    """One instance: its program, its state directory, and what is to happen to it next."""

    def __init__(self, harness, number, arguments):
        self.harness = harness
        name = f"client-{number}"
        self.state = os.path.join(harness.directory, f"state-{number}")
        config = harness.file(name + ".properties", {
            "bootstrap.servers": harness.address, "client.id": name, "state.dir": self.state,
            "processing.guarantee": "exactly_once_v2", "group.protocol": "classic", "replication.factor": "1",
            "session.timeout.ms": str(arguments.session_timeout), "heartbeat.interval.ms": "1000",
            "auto.offset.reset": "earliest", "acks": "all"})
        command = [arguments.client, "--config", config, arguments.form]
        if arguments.java_client:
            command = [BROKER, "run", DRIVER, config, arguments.form]
        self.good_end = 143 if arguments.java_client else 0  # a JVM that SIGTERM ends says so
        self.child = harness.spawn(name, command)
        self.back_at = None       # killed: when it is to be started again
        self.continue_at = None   # stopped: when it is to go on

    def in_transaction(self):
        """Something of this instance's last tasks is written and not decided yet."""
        owned = [line.split()[1:] for line in self.child.lines() if line.startswith("owns ")]
        with self.harness.connect() as connection:
            stable = connection.offsets("echo", isolation=READ_COMMITTED)
            ends = connection.offsets("echo")
        return bool(owned) and any(stable[int(task.split("_")[1])] < ends[int(task.split("_")[1])] for task in owned[-1])

    def kill(self, down, without_state):
        """True: inside a transaction."""
        self.child.kill()
        inside = self.in_transaction()
        if without_state:
            shutil.rmtree(self.state, ignore_errors=True)
        self.back_at = time.monotonic() + down
        self.harness.say(f"SIGKILL {self.child.name}, back in {down:.1f} s{' without its state' if without_state else ''}"
                         f"{', inside a transaction' if inside else ''}")
        return inside

    def stop(self, seconds):
        self.child.signal(signal.SIGSTOP)
        self.continue_at = time.monotonic() + seconds
        self.harness.say(f"SIGSTOP {self.child.name} for {seconds:.1f} s")

    def attend(self):
        """Does what is due."""
        now = time.monotonic()
        if self.back_at is not None and now >= self.back_at:
            self.back_at = None
            self.child.start()
        if self.continue_at is not None and now >= self.continue_at:
            self.continue_at = None
            self.child.signal(signal.SIGCONT)
            self.harness.say(f"SIGCONT {self.child.name}")
        if self.up():
            status = self.child.process.poll()
            check(status is None, f"{self.child.name} ended by itself, with {status}")

    def up(self):
        return self.back_at is None and self.continue_at is None

    def next_moment(self):
        return min(moment for moment in (self.back_at, self.continue_at, float("inf")) if moment is not None)


def plan(chance, arguments):
    """[(moment, what)]: what happens over the driver's time, nothing in its first and last seconds."""
    def moments(number):
        span = arguments.seconds - 4
        return [2 + span * (i + chance.random()) / number for i in range(number)]

    return sorted([(at, "kill") for at in moments(arguments.kills)] + [(at, "stop") for at in moments(arguments.stops)] +
                  [(at, "broker") for at in moments(arguments.broker_kills)])


def torment(harness, clients, chance, arguments):
    """Follows the plan until the driver's time is over; then all are brought back."""
    begin = time.monotonic()
    todo = plan(chance, arguments)
    turns = []
    done = {"kill": 0, "inside": 0, "stop": 0, "broker": 0}
    while todo or time.monotonic() < begin + arguments.seconds:
        for client in clients:
            client.attend()
        due = todo and time.monotonic() >= begin + todo[0][0]
        candidates = [client for client in clients if client.up()]
        if due and todo[0][1] == "broker":
            todo.pop(0)
            harness.broker("kill9")
            harness.say("the broker was killed")
            harness.broker("restart")
            harness.say("the broker is back")
            done["broker"] += 1
        elif due and candidates:
            what = todo.pop(0)[1]
            # Everyone has a turn before anyone has the next.
            if not any(client in turns for client in candidates):
                turns = chance.sample(clients, len(clients))
            victim = next((client for client in turns if client in candidates), candidates[0])
            if victim in turns:
                turns.remove(victim)
            if what == "kill":
                done["inside"] += victim.kill(chance.uniform(0, DOWN_SECONDS), chance.random() < LOSES_STATE)
            else:
                victim.stop(arguments.session_timeout / 1000 + chance.uniform(2, 6))
            done[what] += 1
        else:
            moments = [begin + todo[0][0]] if todo and not due else [begin + arguments.seconds] if not todo else []
            pause_until(min(moments + [client.next_moment() for client in clients]), clients)
    while not all(client.up() for client in clients):
        pause_until(min(client.next_moment() for client in clients), clients)
        for client in clients:
            client.attend()
    return done


def pause_until(moment, clients):
    """Or until a client ends."""
    poll = select.poll()
    descriptors = [os.pidfd_open(client.child.process.pid) for client in clients if client.up()]
    try:
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        poll.poll(max(0.0, moment - time.monotonic()) * 1000 + 1)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def prepare_topics(harness, arguments):
    topics = [(name, PARTITIONS, {}) for name in (COMPLEX_TOPICS if arguments.form == "process-complex" else SIMPLE_TOPICS)]
    if arguments.java_client:
        # It would make them with three replicas.
        topics += [(f"EosTest-KSTREAM-AGGREGATE-STATE-STORE-{store:010}-changelog", PARTITIONS, {"cleanup.policy": "compact"})
                   for store in STORES[arguments.form]]
    with harness.connect() as connection:
        connection.create_topics(topics)


def written(harness):
    """{partition: records of `data`}."""
    with harness.connect() as connection:
        return connection.offsets("data")


def left_to_do(harness):
    """{partition: records of `data` that are not committed}, without those that are done."""
    with harness.connect() as connection:
        committed = connection.committed("EosTest")
    ends = written(harness)
    done = {partition: committed.get(("data", partition), (0, ""))[0] for partition in ends}
    return {partition: end - done[partition] for partition, end in ends.items() if done[partition] < end}


def finish_input(harness, clients):
    for client in clients:
        client.child.wait_until_said(RUNNING, RUNNING_SECONDS)
    try:
        harness.wait_for(lambda: not left_to_do(harness), CATCH_UP_SECONDS, "the clients to finish the input")
    except Failed as failure:
        raise Failed(f"{failure}: left are {left_to_do(harness)}") from None


def judge(harness, arguments, driver_config):
    verb = arguments.form.replace("process", "verify")
    verifier = harness.java("verify", DRIVER, driver_config, verb)
    status = verifier.wait(VERIFY_SECONDS)
    lines = verifier.lines()
    compared = [tuple(map(int, match.groups())) for match in
                (re.search(r"echo-(\d+) with (\d+), data-\1 with (\d+)", line) for line in lines) if match]
    for partition, echoed, given in compared:
        harness.say(f"echo-{partition}: {echoed} of {given}")
    check(status == 0 and any("ALL-RECORDS-DELIVERED" in line for line in lines[-3:]),
          f"the verifier ended with {status} and without ALL-RECORDS-DELIVERED")
    check(len(compared) == PARTITIONS, f"the verifier compared {len(compared)} partitions of echo")
    check(all(echoed == given for _, echoed, given in compared), "a copy is shorter than its original")
    ends = written(harness)
    given = {partition: given for partition, _, given in compared}
    check(given == ends, f"verified were {given}, written {ends}")
    return sum(ends.values())


def run(harness, arguments, chance):
    prepare_topics(harness, arguments)
    driver_config = harness.file("driver.properties", {"bootstrap.servers": harness.address, "group.protocol": "classic",
                                                       "processing.guarantee": "exactly_once_v2"})
    clients = [Client(harness, number, arguments) for number in range(1, arguments.instances + 1)]
    for client in clients:
        client.child.wait_until_said(RUNNING, RUNNING_SECONDS)
    harness.say("the clients run")
    driver = harness.java("driver", DRIVER, driver_config, "run")
    harness.wait_for(lambda: sum(written(harness).values()), 60, "the driver's first record")
    harness.say("the driver writes")
    done = torment(harness, clients, chance, arguments)
    driver.signal(signal.SIGTERM)
    driver.wait(60)
    harness.say("the driver has ended")
    finish_input(harness, clients)
    for client in clients:
        client.child.signal(signal.SIGTERM)
    for client in clients:
        status = client.child.wait(90)
        check(status == client.good_end, f"{client.child.name} ended with {status} after SIGTERM")
        check(client.child.said("EOS-TEST-CLIENT-CLOSED"), f"{client.child.name} did not close in order")
    harness.say("the clients have ended")
    records = judge(harness, arguments, driver_config)
    exceptions = sum(len(client.child.said("EOS-TEST-CLIENT-EXCEPTION", all_lives=True)) for client in clients)
    harness.say(f"PASSED: {records} records, {done['kill']} kills, {done['inside']} of them inside a transaction, "
                f"{done['stop']} stops, {done['broker']} deaths of the broker, {exceptions} exceptions that a client got over")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--client")
    parser.add_argument("--java-client", action="store_true")
    parser.add_argument("--form", choices=["process", "process-complex"], default="process")
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--stops", type=int, default=0)
    parser.add_argument("--broker-kills", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--session-timeout", type=int, default=10000)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if not arguments.client and not arguments.java_client:
        parser.error("--client EOS_CLIENT or --java-client")
    arguments.client = arguments.client and os.path.abspath(arguments.client)
    chance = seeded(arguments.seed)
    with Harness("eos", keep=arguments.keep) as harness:
        run(harness, arguments, chance)


if __name__ == "__main__":
    main()
