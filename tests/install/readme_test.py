#!/usr/bin/env python3
"""The README keeps its word: its word count is the example that is built, and its commands do what it says.

usage: readme_test.py SOURCE_DIRECTORY BIN_DIRECTORY
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PATIENCE = 120


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def check_code(readme, source):
    """Every line of the first block, in this order, is in the example; the rest of the example is what the README leaves out."""
    block = blocks(readme, "cpp")[0]
    with open(os.path.join(source, "examples/word_count/main.cpp"), encoding="utf-8") as file:
        example = file.read()
    main = block[block.index("int main()"):]
    assert main in example, f"examples/word_count/main.cpp does not have the main() of README.md:\n{main}"
    for line in block[:block.index("int main()")].splitlines():
        assert line in example.splitlines(), f"examples/word_count/main.cpp does not have the line {line!r} of README.md"
    statements = [line for line in main.splitlines()[1:-1] if line.strip()]
    assert len(statements) <= 10, f"the word count of README.md has {len(statements)} lines"
    print("ok  the word count of README.md is examples/word_count")


def check_commands(readme, binaries):
    """The commands of the first shell block, typed in an empty directory."""
    block = next(b for b in blocks(readme, "sh") if "word_count" in b)
    work = tempfile.mkdtemp(prefix="tidemill-readme-")
    try:
        os.makedirs(os.path.join(work, "build/release"))
        os.symlink(binaries, os.path.join(work, "build/release/bin"))
        done = subprocess.run(["bash", "-e", "-c", block], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=PATIENCE, check=False)
        assert done.returncode == 0, f"status {done.returncode}: {done.stdout}\n{done.stderr}"
        for word, count in (("tide", 2), ("mill", 1)):
            assert re.search(rf'"key":"{word}".*"value":{count}\b', done.stdout), f"{word} is not counted to {count} in\n{done.stdout}"
    finally:
        shutil.rmtree(work)
    print("ok  the commands of README.md do what it says")


def check_links(readme, source):
    for target in re.findall(r"\]\(([^)#]+)\)", readme):
        assert os.path.exists(os.path.join(source, target)), f"README.md leads to {target}, which is not there"
    print("ok  the links of README.md lead somewhere")


def main():
    source, binaries = map(os.path.abspath, sys.argv[1:])
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    check_code(readme, source)
    check_links(readme, source)
    check_commands(readme, binaries)


main()
