"""What the tests of the command-line tool share: the tool, an owner of a directory, a directory of its own for each test."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

TIDEMILL = os.environ["TIDEMILL"]
LOG_OWNER = os.environ["LOG_OWNER"]
# Ends a hang; nothing is judged by it.
PATIENCE = 60


class Answer:
    """What one call of the tool said: status, standard output and error."""

    def __init__(self, done):
        self.status = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def json(self):
        return [json.loads(line) for line in self.lines]


class Owner:
    """A process that owns the directory; see log_owner.cpp."""

    def __init__(self, directory):
        self.process = subprocess.Popen([LOG_OWNER, directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        assert self.process.stdout.readline() == "ready\n"

    def do(self, *commands):
        for command in commands:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
            assert answer == "ok\n", f"{command}: {answer}"
        return self

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0
        self.process.stdout.close()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidemill-tool-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.data = os.path.join(self.root, "data")

    def owner(self):
        owner = Owner(self.data)
        self.addCleanup(lambda: owner.process.poll() is None and owner.kill())
        return owner

    def prepared(self, *commands):
        """The directory as an owner leaves it that did this and ended."""
        self.owner().do(*commands).close()

    def command(self, arguments):
        return [TIDEMILL, *arguments, "--data", self.data]

    def tool(self, *arguments, stdin=b""):
        done = subprocess.run(self.command(arguments), input=stdin, capture_output=True, timeout=PATIENCE)
        return Answer(done)

    def done(self, *arguments, stdin=b""):
        """The call must succeed."""
        answer = self.tool(*arguments, stdin=stdin)
        self.assertEqual(answer.status, 0, answer.err)
        return answer

    def refused(self, *arguments, status=1, stdin=b""):
        """The call must fail with this status and one `tidemill: sentence`, which is returned."""
        answer = self.tool(*arguments, stdin=stdin)
        self.assertEqual(answer.status, status, answer.out + answer.err)
        self.assertEqual(answer.out, "")
        self.assertIn("tidemill: ", answer.err)
        return answer.err

    def values(self, topic, *arguments):
        records = self.done("consume", topic, "--from-beginning", "--json", *arguments).json
        return [record["value"] for record in records]
