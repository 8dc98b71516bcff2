"""The two programs that run scenarios: one JSON object a line in, one out."""
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
TOOLS = os.path.join(HERE, "..", "..", "tools")
SKIPPED = 77
ANSWER_SECONDS = 120  # only ends a hang
ERROR_TAIL_BYTES = 2000
SCENARIOS_PER_PROCESS = 3000  # what an exception leaves open in Java adds up: behind 7,000 it can open no file any more


class Side:
    """One of the programs; begun again when it has died."""

    def __init__(self, name, command, errors):
        self.name, self.command, self.errors = name, command, errors
        self.process, self.rest = None, b""
        self.taken = 0

    def run(self, scenario):
        """The answer; one that only has an error when there is none."""
        self.taken += 1
        if self.taken % SCENARIOS_PER_PROCESS == 0:
            self.close()
            self.process = None
        if self.process is None:
            self.rest = b""
            self.errors.seek(0)
            self.errors.truncate()
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        line = json.dumps(scenario, separators=(",", ":")).encode() + b"\n"
        try:
            self.process.stdin.write(line)
            self.process.stdin.flush()
            return json.loads(self._line())
        except (BrokenPipeError, EOFError, TimeoutError) as error:
            self.process.kill()
            status = self.process.wait()
            self.process = None
            if isinstance(error, TimeoutError):
                return {"error": ["slow", f"{self.name} does not answer within {ANSWER_SECONDS} seconds"]}
            self.errors.seek(0)
            said = self.errors.read()[-ERROR_TAIL_BYTES:].decode(errors="replace")
            return {"error": ["died", f"{self.name} ended with {status}: {said}"]}

    def _line(self):
        out = self.process.stdout.fileno()
        while b"\n" not in self.rest:
            if not select.select([out], [], [], ANSWER_SECONDS)[0]:
                raise TimeoutError
            more = os.read(out, 1 << 20)
            if not more:
                raise EOFError
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.kill()
            self.process.wait()


def skip(why):
    print("#" * 78 + f"\n## SKIPPED: {why}\n" + "#" * 78, flush=True)
    sys.exit(SKIPPED)


class Pair:
    """Both, and the folder that they need. A context."""

    def __init__(self, client):
        self.client = client

    def __enter__(self):
        if shutil.which("javac") is None:
            skip("there is no javac here: apt-get install default-jdk-headless")
        jars = subprocess.run([os.path.join(TOOLS, "kafka_jars")], stdout=subprocess.PIPE, text=True, check=False)
        if jars.returncode == SKIPPED:
            skip("Apache Kafka's jars cannot be had, see above")
        jars.check_returncode()
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = tempfile.mkdtemp(prefix="tidemill-differential-", dir=memory)
        classes = os.path.join(self.directory, "classes")
        sources = os.path.join(HERE, "java")
        subprocess.run(["javac", "-nowarn", "-Xlint:-unchecked", "-d", classes, "-cp", jars.stdout.strip(),
                        *(os.path.join(sources, name) for name in sorted(os.listdir(sources)))],
                       check=True, stderr=subprocess.DEVNULL)
        java = ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                f"{jars.stdout.strip()}:{classes}", "DifferentialOracle", os.path.join(self.directory, "state")]
        self.ours = Side("ours", [self.client], self._errors("ours"))
        self.java = Side("Java", java, self._errors("java"))
        return self

    def _errors(self, name):
        return open(os.path.join(self.directory, name + ".err"), "w+b")  # noqa: SIM115, closed with the folder

    def run(self, scenario):
        """(ours, Java's)."""
        return self.ours.run(scenario), self.java.run(scenario)

    def __exit__(self, *_):
        self.ours.close()
        self.java.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return False
