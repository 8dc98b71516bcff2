#!/usr/bin/env python3
"""Misuse of the DSL gets a sentence: every case compiles right, and fails wrong, with the sentence of its static_assert.

usage: compile_fail.py COMPILER INCLUDE_DIRECTORIES(:) [CASE...]
A case is a file in cases/; its first line is `// SAYS: ` and the sentence, or its beginning; TIDEMILL_WRONG picks the wrong form.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HEADER = "tidemill/dsl/streams_builder.hpp"


def compile_case(command, path, *flags):
    done = subprocess.run([*command, "-fsyntax-only", *flags, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=300)
    return done.returncode, done.stdout


def check(command, path):
    with open(path, encoding="utf-8") as source:
        text = source.read()
    says = re.match(r"// SAYS: (.+)\n", text)
    if not says or "#ifdef TIDEMILL_WRONG" not in text:
        return "it has no `// SAYS: ` in its first line, or no TIDEMILL_WRONG"
    status, output = compile_case(command, path)
    if status != 0:
        return "the right form does not compile:\n" + output
    status, output = compile_case(command, path, "-DTIDEMILL_WRONG")
    if status == 0:
        return "the wrong form compiles"
    if says.group(1) not in output:
        return f"the wrong form does not say {says.group(1)!r}, but:\n{output}"
    # The user must see his own line.
    if os.path.basename(path) + ":" not in output:
        return "the message does not lead to the user's line:\n" + output
    return None


def main():
    compiler, includes, *wanted = sys.argv[1:]
    here = os.path.dirname(os.path.abspath(__file__))
    command = [compiler, "-std=c++20", *(f"-I{folder}" for folder in includes.split(":") if folder)]
    failed = 0
    paths = sorted(glob.glob(os.path.join(here, "cases", "*.cpp")))
    with tempfile.TemporaryDirectory() as folder:
        # Most of the time is the header's: it is compiled once.
        common = os.path.join(folder, "common.hpp")
        with open(common, "w", encoding="utf-8") as out:
            out.write(f"#include <{HEADER}>\n")
        subprocess.run([*command, "-x", "c++-header", common, "-o", common + ".gch"], check=True)
        command += ["-include", common]
        for path in paths:
            name = os.path.basename(path)[:-len(".cpp")]
            if wanted and name not in wanted:
                continue
            problem = check(command, path)
            print(f"{'ok' if problem is None else 'FAILED'}  {name}" + (f": {problem}" if problem else ""), flush=True)
            failed += problem is not None
    return 1 if failed or not paths else 0


sys.exit(main())
