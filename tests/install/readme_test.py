#!/usr/bin/env python3
"""The README keeps its word: its word count is the example that is built, and its links lead somewhere. (Its commands are typed by
the tests of the command-line tool.)

usage: readme_test.py SOURCE_DIRECTORY
"""
import os
import re
import sys


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


def check_links(readme, source):
    text = re.sub(r"```.*?```", "", readme, flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert os.path.exists(os.path.join(source, target)), f"README.md leads to {target}, which is not there"
    print("ok  the links of README.md lead somewhere")


def main():
    source = os.path.abspath(sys.argv[1])
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    check_code(readme, source)
    check_links(readme, source)


main()
