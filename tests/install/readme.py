#!/usr/bin/env python3
"""The README keeps its word: its code compiles and is the example that is built, its commands do what it says.

usage: readme.py code SOURCE_DIRECTORY OUT_DIRECTORY     writes the README's programs, whole, for the build to compile
       readme.py check SOURCE_DIRECTORY BIN_DIRECTORY
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

PATIENCE = 120
WORDS = "std::vector<std::string> words(const std::string& line);\n"


def blocks(readme):
    """(language, text) of every fenced block."""
    found, language = [], None
    for line in readme.splitlines(keepends=True):
        if line.startswith("```"):
            if language is None:
                language, text = line[3:].strip(), ""
            else:
                found.append((language, text))
                language = None
        elif language is not None:
            text += line
    return found


def code(readme, out):
    """The word count as it stands there, and the same with what the README says of Kafka."""
    programs = [text for language, text in blocks(readme) if language == "cpp"]
    begin, end = programs[0].split("int main()")
    embedded = begin + WORDS + "int main()" + end
    include, statement = programs[1].split("...\n")
    kafka = include + re.sub(r"  return run\(.*?\);\n", lambda _: statement, embedded, flags=re.S)
    assert "embedded_log" in embedded and "kafka_log(" in kafka and "embedded_log(" not in kafka, kafka
    os.makedirs(out, exist_ok=True)
    for name, text in (("word_count", embedded), ("word_count_kafka", kafka)):
        with open(os.path.join(out, name + ".cpp"), "w", encoding="utf-8") as file:
            file.write(text)


def check_example(readme, source):
    text = next(text for language, text in blocks(readme) if language == "cpp")
    with open(os.path.join(source, "examples/word_count/main.cpp"), encoding="utf-8") as file:
        example = file.read()
    main = text[text.index("int main()"):]
    assert main in example, f"examples/word_count/main.cpp does not have the main() of README.md:\n{main}"
    statements = [line for line in main.splitlines()[1:-1] if line.strip()]
    assert len(statements) <= 10, f"the word count of README.md has {len(statements)} lines"
    with open(os.path.join(source, "tests/install/consumer/CMakeLists.txt"), encoding="utf-8") as file:
        consumer = [line.strip() for line in file]
    for line in next(text for language, text in blocks(readme) if language == "cmake").splitlines():
        line = line.split("#")[0].strip().replace("my_app", "consumer")
        assert line in consumer, f"tests/install/consumer does not have the line {line!r} of README.md"
    print("ok  the word count of README.md is examples/word_count")


def check_commands(readme, binaries):
    """The commands, typed in an empty directory."""
    commands = next(text for language, text in blocks(readme) if language in ("", "sh") and "word_count" in text)
    work = tempfile.mkdtemp(prefix="tidemill-readme-")
    try:
        os.makedirs(os.path.join(work, "build/release"))
        os.symlink(binaries, os.path.join(work, "build/release/bin"))
        done = subprocess.run(["bash", "-e", "-c", commands], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE, check=False, start_new_session=True)
        said = f"status {done.returncode}; its output:\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, said
        for word, count in (("the", 2), ("tide", 1), ("turns", 1), ("mill", 1)):
            assert f"\t{word}\t{count}\n" in done.stdout, f"{word} is not counted to {count}; {said}"
    finally:
        shutil.rmtree(work)
    print("ok  the commands of README.md do what it says")


def check_links(readme, source):
    prose = re.sub(r"```.*?```", "", readme, flags=re.S)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert os.path.exists(os.path.join(source, target)), f"README.md leads to {target}, which is not there"
    print("ok  the links of README.md lead somewhere")


def main():
    what, source, folder = sys.argv[1:]
    with open(os.path.join(source, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    if what == "code":
        return code(readme, folder)
    check_example(readme, source)
    check_links(readme, source)
    check_commands(readme, os.path.abspath(folder))


main()
