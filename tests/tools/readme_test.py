"""The lines of the README that feed and watch the word count, as they stand there, in a directory of their own."""
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import unittest

PATIENCE = 60


class Readme(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="tidemill-readme-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        os.makedirs(os.path.join(self.root, "build/release/bin"))
        for program in ("WORD_COUNT", "TIDEMILL"):
            os.symlink(os.environ[program], os.path.join(self.root, "build/release/bin", os.path.basename(os.environ[program])))

    def start(self, line):
        """A line that ends with '&': goes on when the program says that it runs, where a person would look up."""
        program = subprocess.Popen(shlex.split(line.split("&")[0]), cwd=self.root, stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(lambda: program.poll() is None and program.kill())
        for said in program.stdout:
            if "-> RUNNING" in said:
                break
        while self.run_line("build/release/bin/tidemill topics describe word-counts --data data").returncode != 0:
            self.assertIsNone(program.poll())
        return program

    def run_line(self, line):
        return subprocess.run(["bash", "-c", line], cwd=self.root, capture_output=True, text=True, timeout=PATIENCE)

    def test_the_word_count_is_fed_and_watched(self):
        with open(os.environ["README"], encoding="utf-8") as file:
            blocks = re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.S | re.M)
        [block] = [text for language, text in blocks if not language and "tidemill produce" in text]
        started = []
        out = ""
        for line in block.splitlines():
            if "&  " in line:
                started.append(self.start(line))
            elif line == "kill %1; wait":
                program = started.pop()
                program.terminate()
                self.assertEqual(program.wait(PATIENCE), 0)
            else:
                done = self.run_line(line)
                self.assertEqual(done.returncode, 0, line + "\n" + done.stderr)
                out += done.stdout
        self.assertEqual(started, [])
        counts = {tuple(line.split("\t")[2:]) for line in out.splitlines()}
        self.assertEqual(counts, {("the", "2"), ("tide", "1"), ("turns", "1"), ("mill", "1")})


if __name__ == "__main__":
    unittest.main()
