"""Kafka that is not there, and configurations that cannot be: a sentence, in bounded time."""
import os
import subprocess
import tempfile
import unittest

from harness import PATIENCE, TIDEMILL

NOBODY = "127.0.0.1:1"


class NoBroker(unittest.TestCase):
    def refused(self, *arguments, status=1):
        done = subprocess.run([TIDEMILL, *arguments, "--bootstrap-servers", NOBODY], input="", capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_is_a_sentence_of_every_command(self):
        for command in (["topics", "list"], ["topics", "describe", "t"], ["topics", "create", "t"], ["produce", "t"],
                        ["consume", "t", "--from-beginning"], ["groups"]):
            sentence = self.refused(*command, "--timeout", "1")
            self.assertIn("tidemill: Kafka at " + NOBODY, sentence)
            self.assertIn(f"No broker has answered within 1 s: does one listen at {NOBODY}", sentence)

    def config(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".properties", delete=False)
        self.addCleanup(os.remove, file.name)
        file.write(text)
        file.close()
        return file.name

    def test_wrong_properties_are_named(self):
        self.assertIn("no-such.properties", self.refused("topics", "list", "--command-config", "no-such.properties"))
        self.assertIn(":1: a line must be key=value", self.refused("topics", "list", "--command-config", self.config("nonsense\n")))
        self.assertIn("sasl.machanism", self.refused("topics", "list", "--command-config", self.config("sasl.machanism=PLAIN\n")))
        self.assertIn("SASL_FOO", self.refused("topics", "list", "--command-config", self.config("security.protocol=SASL_FOO\n")))


if __name__ == "__main__":
    unittest.main()
