#!/usr/bin/env python3
"""What an operator does wrong, and what the world does to him: each gets a clear message, nothing hangs, nothing is lost.

usage: liquidity_operator.py LIQUIDITY TIDEMILL [NAME...]   (NAMEs: only these checks)
"""
import os
import re
import shutil
import signal
import subprocess

from program import once, refused, run_checks, says, transaction

SMALL = 2000
LARGE = 40000


def complete(app, data, transactions):
    """Every transaction of the input is there, once, and all follows from them."""
    says(app.verify(data), f"{transactions} transactions, 0 refused, 0 repeated")


def wrong_usage(app):
    refused(app.call(), "subcommand")
    refused(app.call("frobnicate"), "frobnicate")
    refused(app.call("run", "--data", "x", "--frobnicate"), "--frobnicate")
    refused(app.call("run"), "--data DIR or --config FILE")
    refused(app.call("verify"), "--data DIR or --config FILE")
    refused(app.call("run", "--data", "x", "--config", "y"), "--data", "--config")
    refused(app.call("run", "--data", "x", "--port", "99999"), "--port")
    refused(app.call("generate", "--transactions", "0", "--out", "x"), "--transactions")
    refused(app.call("generate"), "--out")
    refused(app.call("generate", "--seed", "-1", "--out", app.path("x")), "--seed")
    assert not os.path.exists(app.path("x"))
    assert app.call("run", "--data", app.path("x"), "--once", "--look-only") == (0, "")
    assert not os.path.exists(app.path("x"))
    for wrong in ((), ("frobnicate",), ("run", "--data", "x", "--frobnicate"), ("generate",)):
        assert app.call(*wrong)[0] == 2, wrong
    status, output = app.call("--help")
    assert status == 0, output
    says(output, "generate", "run", "verify", "Exit status")
    status, output = app.call("run", "--help")
    assert status == 0, output
    says(output, "--data", "--config", "--input", "--once", "--port", "--no-http")


def missing_files(app):
    data = app.path("data")
    refused(app.call("run", "--data", data, "--input", app.path("nothing"), "--once"), app.path("nothing"))
    os.mkdir(app.path("empty"))
    refused(once(app, data, app.path("empty")), "accounts.ndjson is missing")
    assert not os.path.exists(data), "a log was made although the input is missing"
    refused(app.call("verify", "--data", data), f"there is no directory {data}")
    refused(app.call("verify", "--data", app.path("empty")), app.path("empty"))
    assert os.listdir(app.path("empty")) == [], "verify has made something in a directory that held nothing"
    day = app.generate("day", 10)
    refused(once(app, day + "/transactions.ndjson", day), "transactions.ndjson")
    refused(app.call("generate", "--transactions", 5, "--out", "/proc/nothing"), "/proc/nothing")
    transactions = day + "/transactions.ndjson"
    os.remove(transactions)
    os.mkdir(transactions)
    refused(once(app, data, day), f"{transactions} is a directory")
    os.rmdir(transactions)
    os.mkfifo(transactions)
    refused(once(app, data, day), f"{transactions} is no regular file")


def configurations(app):
    def file(name, text):
        with open(app.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return app.path(name)

    refused(app.call("run", "--config", app.path("nothing")), app.path("nothing"))
    for command in ("run", "verify"):
        refused(app.call(command, "--config", file("no-servers", "num.stream.threads=2\n")), "bootstrap.servers is missing", "--data")
    refused(app.call("run", "--config", file("no-value", "bootstrap.servers\n")), "no-value:1", "key=value")
    refused(app.call("run", "--config", app.work), f"{app.work} is a directory")
    # What is wrong with the file is told before any broker is asked.
    wrong = file("wrong", "bootstrap.servers=127.0.0.1:1\nnum.stream.thread=2\nprocessing.guarantee=at_least_once\n")
    status, output = app.call("run", "--config", wrong)
    if "without the Kafka adapter" not in output:
        refused((status, output), "num.stream.thread", "the chain is exactly-once or nothing")


def owned_by_another(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    run = app.start("run", "--data", data, "--input", day, "--port", 0)
    run.url()
    for outcome in (once(app, data, day), app.call("verify", "--data", data)):
        refused(outcome, data, str(run.process.pid))
    assert run.end(signal.SIGINT) == 0, run.output
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, SMALL)


def run_script(app):
    """./run --once makes its directory anew, but not under somebody who is at work on it, and not for a wrong command line."""
    root = app.path("clone")
    os.makedirs(root + "/tools")
    os.makedirs(root + "/build/release/bin")
    shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../run"), root + "/run")
    for tool in ("setup", "build"):
        with open(f"{root}/tools/{tool}", "w", encoding="utf-8") as out:
            out.write("#!/bin/sh\n")
        os.chmod(f"{root}/tools/{tool}", 0o755)
    os.symlink(app.liquidity, root + "/build/release/bin/liquidity")

    def run(*arguments):
        done = subprocess.run([root + "/run", "--once", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=600, check=False)
        return done.returncode, done.stdout

    data, day = root + "/data/once", app.generate("day", SMALL)
    assert once(app, data, day)[0] == 0
    refused(run("--foo"), "--foo")
    owner = app.start("run", "--data", data, "--port", 0)
    owner.url()
    refused(run(), "Another process is at work on data/once")
    assert owner.end(signal.SIGINT) == 0, owner.output
    complete(app, data, SMALL)
    status, output = run()
    assert status == 0, output
    says(output, "100,000 transactions taken, 0 refused", "verified: ")


def bad_rows(app):
    """A row of reference data that cannot be read stops nothing, and is named."""
    data, day = app.path("data"), app.generate("day", SMALL)
    assert once(app, data, day)[0] == 0
    for topic, row in (("lq.accounts", "A2-EUR-1:garbage"), ("lq.limits", "C1/EUR:garbage")):
        subprocess.run([app.tidemill, "produce", topic, "--key-separator", ":", "--data", data], input=row + "\n", text=True,
                       check=True, stdout=subprocess.PIPE)
    with open(day + "/transactions.ndjson", "a", encoding="utf-8") as file:
        file.write(transaction("later", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n")
        file.write(transaction("later", ("A1-EUR-1", "EUR", -6), ("A2-EUR-1", "EUR", 6)) + "\n")
        file.write(transaction("later", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n")
    status, output = once(app, data, day)
    assert status == 0, output
    for key in ("lq.accounts, partition ", "lq.limits, partition ", "key A2-EUR-1: not valid JSON", "key C1/EUR: not valid JSON"):
        assert output.count(key) >= 2, f"not told by the reader of the input and by the chain: {key}: {output}"
    says(output, "3 lines: 1 transactions taken, 1 refused, 1 repeated")
    says(app.verify(data), "1 refused, 1 repeated", "1 of another content", "2 bad rows of accounts and limits, without effect")


def bad_lines(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    path = day + "/transactions.ndjson"
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    half = lines[-1][:60]
    lines[4] = "{broken\n"
    lines[9] = lines[9].replace('"amount":', '"amount":x', 1)
    # One that is whole and wrong: the chain refuses it, not the reader of the file.
    wrong = transaction("unbalanced", ("A1-EUR-1", "EUR", 5))
    # Texts that are longer than a record may be, as they are key and value of one, or stand in a reason.
    lines[14] = transaction("i" * 600000, ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    lines[19] = transaction("long", ("A" * 550000, "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines([*lines[:-1], wrong + "\n", half])
    status, output = once(app, data, day)
    assert status == 0, output
    says(output, f"{path}:5: not valid JSON", f"{path}:10: not valid JSON", f"{path}:{SMALL + 1}: the last line is half-written",
         "2,000 lines: 1,995 transactions taken, 5 refused", "4 lines malformed", "1 line half-written", "5 refused", f"{path}:15: \"id\" has 600000 bytes", f"{path}:20: \"account\" has 550000 bytes")
    dead = {record["key"]: record for record in app.records(data, "lq.dlq")}
    assert set(dead) == {f"{path}:5", f"{path}:10", f"{path}:15", f"{path}:20", "unbalanced"}, set(dead)
    assert dead[f"{path}:5"]["value"] == "{broken", dead
    says(str(dead["unbalanced"]["headers"]), "reason", "do not sum to zero")
    # The writer goes on with its line.
    with open(path, "a", encoding="utf-8") as file:
        file.write(lines[-1][60:])
    status, output = once(app, data, day)
    assert status == 0, output
    says(output, "1 transactions taken", "after 2,000 lines before")
    says(app.verify(data), f"{SMALL + 1} transactions, 5 refused")


def bad_reference_data(app):
    data, day = app.path("data"), app.generate("day", 100)
    with open(day + "/accounts.ndjson", "a", encoding="utf-8") as file:
        file.write('{"account":"A-new"}\n')
    accounts = sum(1 for _ in open(day + "/accounts.ndjson", encoding="utf-8"))
    refused(once(app, data, day), f"accounts.ndjson:{accounts}: \"client\" is missing", "nothing of it has been")
    assert app.records(data, "lq.transactions") == []


def ended_and_started_again(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    for taken in ("2,000", "0", "0"):
        status, output = once(app, data, day)
        assert status == 0, output
        says(output, f"{taken} transactions taken")
        complete(app, data, SMALL)


def progress(app):
    """While the input is taken, what the chain has still to do is no secret."""
    status, output = once(app, app.path("data"), app.generate("day", LARGE))
    assert status == 0, output
    says(output, "transactions.ndjson [##############################] 100%  40,000 taken")
    waiting = [int(number.replace(",", "")) for number in re.findall(r"taken, ([\d,]+) records in the chain", output)]
    assert max(waiting) > 0, output


def another_day(app):
    data = app.path("data")
    for seed in (1, 2):
        status, output = once(app, data, app.generate("day", SMALL, seed=1) if seed == 1 else next_day(app))
        assert status == 0, output
        says(output, "2,000 transactions taken")
    says(app.verify(data), f"{2 * SMALL} transactions, 0 refused")


def played(app):
    """Days that are played have ids of their own, beside those of a file."""
    data = app.path("data")
    run = app.start("run", "--data", data, "--generate", "--day-seconds", 60, "--no-http")
    run.wait_for(r"playing.*[1-9][\d,]* transactions")
    assert run.end(signal.SIGINT) == 0, run.output
    ids = [record["key"] for record in app.records(data, "lq.transactions")]
    assert ids and all(name.startswith("live-t-1-") for name in ids), ids[:5]


def edited_in_the_middle(app):
    """What was read has been changed since: the operator hears of it, and nothing counts twice."""
    data, day = app.path("data"), app.generate("day", SMALL)
    path = day + "/transactions.ndjson"
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()

    def run(*parts):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        status, output = once(app, data, day)
        assert status == 0, output
        says(output, *parts)

    whole = lines[99]
    lines[99] = lines[199] = "{broken\n"
    run("1,998 transactions taken, 2 refused", "2 lines malformed")
    lines[99] = whole
    lines[1499] = re.sub(r'"amount":(-?\d)', r'"amount":\g<1>0', lines[1499])
    run(f"{path}: a change in lines ", "after 2000 lines were taken", "is read again from line",
        f"{path}:1500: transaction ", "taken with another content", "1 transactions taken", "1,9", "lines known already, 1 of them with another content")
    lines.append(transaction("mended", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 4)) + "\n")
    run("0 transactions taken, 1 refused", "3 refused")
    lines[-1] = transaction("mended", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"  # was refused: is judged anew
    run("a change in ", "1 transactions taken", "3 refused")
    lines[0] = transaction("new-first", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    run("another file was read at this place before", "1 transactions taken", "2,000 lines known already")
    run("0 transactions taken")
    says(app.verify(data), f"{SMALL + 4} transactions, 3 refused, 0 repeated")


def next_day(app):
    """The same clients, other transactions, in the same place."""
    day = app.path("day")
    with open(day + "/transactions.ndjson", encoding="utf-8") as file:
        lines = [line.replace('"id":"t-1-', '"id":"u-1-') for line in file]
    with open(day + "/transactions.ndjson", "w", encoding="utf-8") as file:
        file.writelines(lines)
    return day


def interrupted(app):
    """Ctrl-C in the midst of --once, several times, then to the end."""
    data, day = app.path("data"), app.generate("day", LARGE)
    for number, marker in ((signal.SIGINT, r"[1-9]\d?%"), (signal.SIGTERM, "the chain"), (signal.SIGINT, "the chain")):
        run = app.start("run", "--data", data, "--input", day, "--once", "--no-http")
        run.wait_for(marker)
        status = run.end(number)
        if status == 0:  # it was faster
            break
        assert status == 128 + number, f"status {status}: {run.output}"
        says(run.output, "goes on where it stood")
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, LARGE)


def killed(app):
    """kill -9 again and again: the last balances are byte for byte those of a run that nobody touched."""
    day = app.generate("day", LARGE)
    status, output = once(app, app.path("whole"), day)
    assert status == 0, output
    data = app.path("data")
    for marker in ("transactions.ndjson", r"[1-9]\d?%", "[4-9]0%", "the chain", "the chain", "the chain.*%"):
        run = app.start("run", "--data", data, "--input", day, "--once", "--no-http")
        run.wait_for(marker)
        run.end(signal.SIGKILL)
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, LARGE)
    for topic in ("lq.account-balances", "lq.client-balances"):
        assert app.last(data, topic) == app.last(app.path("whole"), topic), topic


def in_namespace(script, *arguments):
    """Status and output of a shell script that may mount; None where that is not allowed."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False).returncode != 0:
        return None
    done = subprocess.run([*command, "sh", "-c", script, "sh", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600, check=False)
    return done.returncode, done.stdout


def skipped(what):
    print("#" * 80)
    print(f"## SKIPPED: {what}: user namespaces are not allowed here.")
    print("#" * 80)


def read_only_directory(app):
    day = app.generate("day", 100)
    os.mkdir(app.path("data"))
    outcome = in_namespace('mount --bind "$2" "$2" && mount -o remount,ro,bind "$2" && '
                           '"$1" run --data "$2/log" --input "$3" --once --no-http', app.liquidity, app.path("data"), day)
    if outcome is None:
        return skipped("a directory that is read-only")
    refused(outcome, app.path("data"), "Read-only file system")
    once(app, app.path("whole"), day)
    script = 'mount --bind "$4" "$4" && mount -o remount,ro,bind "$4" && "$1" verify --data "$4" && "$2" topics list --data "$4"; ' \
             '"$1" run --data "$4" --input "$3" --once --no-http; echo "run: $?"'
    outcome = in_namespace(script, app.liquidity, app.tidemill, day, app.path("whole"))
    says(outcome[1], "100 transactions, 0 refused", "lq.client-balances", "Read-only file system", "run: 1")
    return None


def full_disk(app):
    """A disk of 24 MB is too small for the day; the same disk, made larger, is not."""
    day = app.generate("day", LARGE)
    os.mkdir(app.path("disk"))
    script = """
      mount -t tmpfs -o size=24m tmpfs "$2" || exit 99
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "first: $?"
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "again: $?"
      mount -o remount,size=600m "$2" || exit 99
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "larger: $?"
      "$1" verify --data "$2/data"; echo "verify: $?"
    """
    outcome = in_namespace(script, app.liquidity, app.path("disk"), day)
    if outcome is None:
        return skipped("a full disk")
    says(outcome[1], "No space left on device", "first: 1\n", "again: 1\n", "larger: 0\n", f"{LARGE} transactions, 0 refused", "verify: 0\n")
    return None


run_checks([wrong_usage, missing_files, configurations, owned_by_another, run_script, bad_rows, bad_lines, bad_reference_data,
            ended_and_started_again, progress, another_day, played, edited_in_the_middle, interrupted, killed, read_only_directory,
            full_disk])
