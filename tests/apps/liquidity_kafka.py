#!/usr/bin/env python3
"""The same chain on a real Kafka: to its end, killed, by two instances, and without a broker.

usage: liquidity_kafka.py LIQUIDITY TIDEMILL   (TIDEMILL_BOOTSTRAP_SERVERS: a broker that has no lq.* topics yet)
"""
import json
import os
import signal
import socket
import subprocess
import sys

from program import Liquidity, http, transaction

DAY = 4000


def says(output, *parts):
    for part in parts:
        assert part in output, f"{part!r} is not in:\n{output}"


def configuration(app, name, **keys):
    path = app.path(name + ".properties")
    with open(path, "w", encoding="utf-8") as out:
        for key, value in {"state.dir": app.path(name + "-state"), "liquidity.partitions": 4, "num.stream.threads": 2,
                           "session.timeout.ms": 10000, "heartbeat.interval.ms": 1000, **keys}.items():
            out.write(f"{key}={value}\n")
    return path


def verified(app, config):
    status, output = app.call("verify", "--config", config)
    assert status == 0, output
    return output


def without_a_broker(app):
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        config = configuration(app, "nobody", **{"bootstrap.servers": address})
        status, output = app.call("verify", "--config", config)
        assert status == 2, output
        says(output, address, "does not answer", "bootstrap.servers")
        # Ctrl-C while it tries.
        run = app.start("run", "--config", config, "--no-http")
        run.wait_for("Connection refused")
        assert run.end(signal.SIGINT) == -signal.SIGINT, run.output


def main():
    servers = os.environ["TIDEMILL_BOOTSTRAP_SERVERS"]
    with Liquidity(*sys.argv[1:3]) as app:
        without_a_broker(app)
        print("ok  without a broker", flush=True)

        one = configuration(app, "one", **{"bootstrap.servers": servers})
        status, output = app.call("verify", "--config", one)
        assert status == 2 and "no liquidity chain" in output, output
        day = app.generate("day", DAY)
        once = ("run", "--config", one, "--input", day, "--once", "--no-http")
        status, output = app.call(*once)
        assert status == 0, output
        says(verified(app, one), f"{DAY} transactions, 0 refused, 0 repeated")
        status, output = app.call(*once)  # ended, and started again
        assert status == 0, output
        says(output, "0 transactions taken")
        print("ok  to its end, and again", flush=True)

        # The day goes on. Two instances; the one that feeds is killed in the midst of it and comes back.
        with open(day + "/transactions.ndjson", encoding="utf-8") as file:
            lines = file.readlines()
        more = [line.replace('"id":"t-1-', f'"id":"{part}-') for part in "uvw" for line in lines]
        with open(day + "/transactions.ndjson", "a", encoding="utf-8") as file:
            file.writelines(more)
        two = configuration(app, "two", **{"bootstrap.servers": servers})
        second = app.start("run", "--config", two, "--port", 0)
        url = second.url()
        first = app.start(*once)
        first.wait_for("the chain")
        first.end(signal.SIGKILL)
        status, output = app.call(*once)
        assert status == 0, output
        status, answer = http("POST", url + "/transactions", transaction("posted", ("A1-EUR-1", "EUR", -7), ("A2-EUR-1", "EUR", 7)))
        assert status == 201, answer
        status, state = http("GET", url + "/state")
        assert status == 200 and json.loads(state)["problem"] == "", state
        move = [app.tidemill, "groups", "reset", "liquidity", "--topic", "lq.transactions", "--to-earliest", "--execute",
                "--bootstrap-servers", servers]
        refused = subprocess.run(move, capture_output=True, text=True, check=False)
        assert refused.returncode == 1, refused
        says(refused.stderr, 'group "liquidity" is active')
        assert second.end(signal.SIGINT) == 0, second.output
        status, output = app.call(*once)
        assert status == 0, output
        says(verified(app, one), f"{4 * DAY + 1} transactions, 0 refused, 0 repeated")
        print("ok  two instances, one of them killed", flush=True)

        # Read once more from the beginning: all is known.
        subprocess.run(move, check=True, stdout=subprocess.DEVNULL)
        status, output = app.call(*once)
        assert status == 0, output
        says(verified(app, one), f"{4 * DAY + 1} transactions, 0 refused, 0 repeated")
        print("ok  read again from the beginning", flush=True)


main()
