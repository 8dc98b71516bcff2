"""What the harnesses of real-Kafka tests share: a broker of their own, children that are started, killed and ended, logs.

A Harness is a context: inside it the broker runs; at its end every child that is left is killed, the broker is stopped,
and if the test failed the ends of all logs are printed and the folder is kept. Children die with the harness, however it
ends. Nothing here asserts a time; deadlines only end a hang.
"""
import contextlib
import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "..", "tools")
sys.path.insert(0, TOOLS)
from kafka_wire import READ_COMMITTED, Connection, KafkaError, wait_for  # noqa: E402,F401

BROKER = os.path.join(TOOLS, "kafka_broker")
SKIPPED = 77
TAIL_LINES = 40
BROKER_LIFE_SECONDS = 3600
QUIET = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


class Failed(Exception):
    """The test's verdict."""


def check(condition, text):
    if not condition:
        raise Failed(text)


class Child:
    """One program over all its lives: they append to one log."""

    def __init__(self, harness, name, command, environment=None):
        self.name, self.command, self.environment = name, command, environment
        self.harness = harness
        self.log = os.path.join(harness.directory, name + ".log")
        self.process = None
        self.life_begins = 0
        self.lives = 0
        self.started_at = 0.0

    def start(self):
        check(not self.alive(), f"{self.name} runs already")
        self.lives += 1
        self.started_at = time.monotonic()
        with open(self.log, "ab") as log:
            log.write(f"---- life {self.lives}\n".encode())
            log.flush()
            self.life_begins = log.tell()
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            cwd=self.harness.directory, preexec_fn=die_with_parent,
                                            env={**os.environ, **(self.environment or {})})
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout):
        """Its exit status; Failed when it does not end."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {timeout} s") from None

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait(60)

    def end(self, timeout=90):
        """In order. Its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def lines(self, all_lives=False):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(0 if all_lives else self.life_begins)
            return log.read().splitlines()

    def said(self, text, all_lives=False):
        """The lines that hold the text."""
        return [line for line in self.lines(all_lives) if text in line]

    def wait_until_said(self, text, timeout=120):
        def said_or_dead():
            found = self.said(text)
            if not found and not self.alive():
                raise Failed(f"{self.name} ended with {self.process.returncode} and never said \"{text}\"")
            return found

        return self.harness.wait_for(said_or_dead, timeout, f"{self.name} to say \"{text}\"")[0]


def die_with_parent():
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


class Harness:
    def __init__(self, name, broker_arguments=None, keep=False):
        """`broker_arguments(directory)` gives more arguments for kafka_broker start."""
        self.name, self.keep = name, keep
        self.broker_arguments = broker_arguments or (lambda directory: [])
        self.directory = tempfile.mkdtemp(prefix=f"tidemill-{name}-")
        self.children = []
        self.begin = time.monotonic()
        self.address = None
        self.listeners = {}  # further ones, {protocol: address}

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
        try:
            addresses = self.broker("start", "--life", str(BROKER_LIFE_SECONDS),
                                    *self.broker_arguments(self.directory)).splitlines()
            self.address = addresses[0]
            self.listeners = dict(line.split() for line in addresses[1:])
        except BaseException:
            shutil.rmtree(self.directory)
            raise
        self.say(f"broker at {self.address}, everything in {self.directory}")
        return self

    def __exit__(self, kind, error, _):
        for child in self.children:
            if child.alive():
                child.process.kill()
                child.process.wait()
        self.broker("kill9")
        if kind is None and not self.keep:
            shutil.rmtree(self.directory)
            return False
        if kind is not None and kind is not KeyboardInterrupt:
            for child in self.children:
                self.print_tail(child.log)
            self.print_tail(os.path.join(self.directory, "broker", "broker.log"))
        print(f"everything is kept in {self.directory}", flush=True)
        if kind in (Failed, KafkaError):
            print(f"FAILED: {error}", flush=True)
            sys.exit(1)
        return False

    def broker(self, action, *arguments):
        """tools/kafka_broker ACTION for this harness's broker; its output."""
        command = [BROKER, action, "--dir", os.path.join(self.directory, "broker"), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode == SKIPPED:
            print(done.stdout, flush=True)
            sys.exit(SKIPPED)
        check(done.returncode == 0, f"kafka_broker {action} ended with {done.returncode}")
        return done.stdout

    def connect(self):
        return Connection(self.address)

    def spawn(self, name, command, environment=None, begin=True):
        child = Child(self, name, command, environment)
        self.children.append(child)
        return child.start() if begin else child

    def java(self, name, *arguments, jvm=(), class_path=""):
        """Starts a Java class of Kafka's jars, or of the class path that goes before them."""
        options = [f"--jvm={option}" for option in (*QUIET, *jvm)] + (["--class-path", class_path] if class_path else [])
        return self.spawn(name, [BROKER, "run", *options, *arguments])

    def compile_java(self, *sources):
        """The folder of their classes; ends with 77 where there is no compiler."""
        if shutil.which("javac") is None:
            print("#" * 78 + "\n## SKIPPED: there is a Java here, but no javac.\n" + "#" * 78, flush=True)
            sys.exit(SKIPPED)
        jars = subprocess.run([os.path.join(TOOLS, "kafka_jars")], stdout=subprocess.PIPE, text=True, check=True).stdout
        classes = os.path.join(self.directory, "classes")
        subprocess.run(["javac", "-d", classes, "-cp", jars.strip(), *sources], check=True)
        return classes

    def file(self, name, properties):
        """Writes a properties file; its path."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{key}={value}\n" for key, value in properties.items())
        return path

    def wait_for(self, condition, timeout, what):
        try:
            return wait_for(condition, timeout, what)
        except KafkaError as error:
            raise Failed(str(error)) from None

    def say(self, text):
        print(f"[{time.monotonic() - self.begin:6.1f}] {text}", flush=True)

    @staticmethod
    def print_tail(path):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as log:
            lines = log.readlines()
            print(f"==== the end of {path}\n" + "".join(lines[-TAIL_LINES:]), flush=True)


def seeded(seed):
    """A random.Random; without a seed one is drawn. The seed is printed, for the next run."""
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed} (repeat with --seed {seed})", flush=True)
    return random.Random(seed)
