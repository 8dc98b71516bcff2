"""The liquidity program as an operator uses it, and its topics as the tool shows them."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

PATIENCE = 300  # seconds; nothing here takes that long unless it hangs


class Running:
    """`liquidity run ...`, with everything it says."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        errors="replace", start_new_session=True, **options)
        self.output = ""
        self.changed = threading.Condition()
        self.ended = False
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.output += line
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def wait_for(self, pattern):
        """The match, as soon as the output has it."""
        with self.changed:
            self.changed.wait_for(lambda: re.search(pattern, self.output) or self.ended, PATIENCE)
            found = re.search(pattern, self.output)
        assert found, f"the program has not said {pattern!r}, but:\n{self.output}"
        return found

    def url(self):
        return self.wait_for(r"http://127\.0\.0\.1:\d+").group(0)

    def signal(self, number):
        self.process.send_signal(number)

    def end(self, number=None):
        """Sends the signal, if any, and returns the exit status."""
        if number is not None:
            self.signal(number)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the program does not end; it has said:\n{self.output}") from None
        self.reader.join()
        return status


class Liquidity:
    def __init__(self, liquidity, tidemill):
        self.liquidity = os.path.abspath(liquidity)
        self.tidemill = os.path.abspath(tidemill)
        self.work = tempfile.mkdtemp(prefix="tidemill-liquidity-")
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for running in self.running:
            if running.process.poll() is None:
                running.end(signal.SIGKILL)
        if kind is None:
            shutil.rmtree(self.work)
        else:
            print(f"the data are in {self.work}", flush=True)

    def path(self, name):
        return os.path.join(self.work, name)

    def call(self, *arguments, **options):
        """Runs to the end; status and everything it said."""
        done = subprocess.run([self.liquidity, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=PATIENCE, **options)
        return done.returncode, done.stdout

    def generate(self, name, transactions, seed=1):
        status, output = self.call("generate", "--seed", seed, "--transactions", transactions, "--out", self.path(name))
        assert status == 0, output
        return self.path(name)

    def start(self, *arguments, **options):
        running = Running([self.liquidity, *map(str, arguments)], **options)
        self.running.append(running)
        return running

    def records(self, data, topic):
        """All committed records of a topic, as the tool shows them."""
        done = subprocess.run([self.tidemill, "consume", topic, "--data", data, "--from-beginning", "--committed", "--json"],
                              stdout=subprocess.PIPE, text=True, check=True, timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def last(self, data, topic):
        """The last value of every key, as text."""
        return {record["key"]: record["value"] for record in self.records(data, topic)}

    def verify(self, data):
        status, output = self.call("verify", "--data", data)
        assert status == 0, output
        return output


_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def http(method, url, body=None, headers=None):
    """Status and body."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with _direct.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as problem:
        return problem.code, problem.read().decode()


def transaction(identity, *legs):
    return json.dumps({"id": identity, "time": "2026-11-23T18:00:00.000Z", "value_date": "2026-11-23",
                       "legs": [dict(zip(("account", "currency", "amount"), leg)) for leg in legs]})


def says(output, *parts):
    for part in parts:
        assert part in output, f"{part!r} is not in:\n{output}"


def refused(outcome, *parts):
    status, output = outcome
    assert status not in (0, None) and status > 0, f"status {status}: {output}"
    says(output, *parts)


def once(app, data, day, *more):
    return app.call("run", "--data", data, "--input", day, "--once", "--no-http", *more)


def run_checks(checks):
    """The checks that the command line names, else all, each with a place of its own: LIQUIDITY TIDEMILL [NAME...]."""
    wanted = sys.argv[3:]
    for check in checks:
        if wanted and check.__name__ not in wanted:
            continue
        with Liquidity(*sys.argv[1:3]) as app:
            check(app)
        print(f"ok  {check.__name__}", flush=True)
