#!/usr/bin/env python3
"""The guide keeps its word: makes a test program of each of its pages.

usage: pages.py PAGE.md OUT.cpp
       pages.py --proto PAGE.md OUT.proto    the page's ```proto block

A ```cpp block is the inside of a function that has `builder`, a StreamsBuilder; one that says `cpp top` is at the top of the
file, one that says `cpp global` before everything else and in no namespace. Where a ```records block follows, its records run
through the topology, line by line:

    > topic  key  value  @time       a record goes in (@time: 0 unless given)
    < topic  key  value  @time       this is the next one that comes out there (@time: not looked at unless given)
    wall +1000                       the clock goes on by so many milliseconds

Keys and values are "text", 'text with "quotes"', a whole number, or null. What comes out and is not in the block fails the test.
"""
import re
import sys

LITERAL = r"""("[^"]*"|'[^']*'|-?\d+|null)"""
LINE = re.compile(rf"\s*([<>])\s+(\S+)\s+{LITERAL}\s+{LITERAL}(?:\s+@(-?\d+))?\s*(?:#.*)?$")
# A function of a `cpp top` block, which nothing may call.
TOP_FUNCTION = re.compile(r"^[A-Za-z][\w:<>, ]* (\w+)\([^{}]*\) \{$", re.M)
WALL = re.compile(r"\s*wall\s+\+(\d+)\s*$")


def blocks(page):
    """(first line's number, language, text, the heading above) of each fenced block."""
    found, language, heading = [], None, "page"
    with open(page, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("```"):
                if language is None:
                    language, text, first = line[3:].strip(), "", number + 1
                else:
                    found.append((first, language, text, heading))
                    language = None
            elif language is not None:
                text += line
            elif line.startswith("#"):
                heading = line.strip("# \n").replace("`", "")
    assert language is None, f"{page}: a block has no end"
    return found


def type_of(literals, where):
    known = {"std::string" if text[0] in "\"'" else "std::int64_t" for text in literals if text != "null"}
    assert len(known) <= 1, f"{where}: the records of a topic have keys, or values, of two types"
    return known.pop() if known else "std::string"


def test_of(page, first, text, function):
    rows, types = [], {}
    for number, line in enumerate(text.splitlines(), first):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        wall = WALL.match(line)
        match = LINE.match(line)
        assert wall or match, f"{page}:{number}: not understood: {line}"
        if wall:
            rows.append((number, "wall", wall[1]))
            continue
        side, topic, key, value, time = match.groups()
        rows.append((number, side, topic, key, value, time))
        keys, values = types.setdefault(topic, ([], []))
        keys.append(key)
        values.append(value)
    types = {topic: (type_of(keys, page), type_of(values, page)) for topic, (keys, values) in types.items()}

    def optional(kind, literal):
        if literal.startswith("'"):
            literal = f'R"({literal[1:-1]})"'
        return "std::nullopt" if literal == "null" else f"{kind}({literal})"

    code = f"  guide::Run run({function});\n"
    for row in rows:
        if row[1] == "wall":
            code += f"  run.advance_wall_clock_time({row[2]});\n"
            continue
        number, side, topic, key, value, time = row
        key_type, value_type = types[topic]
        code += f'  run.{"put" if side == ">" else "expect"}<{key_type}, {value_type}>("{topic}", {optional(key_type, key)}, ' \
                f'{optional(value_type, value)}, {time or ("0" if side == ">" else "std::nullopt")}, "{page}:{number}");\n'
    return code + "  run.expect_nothing_else();\n"


def write_proto(page, out):
    found = [text for _, language, text, _ in blocks(page) if language == "proto"]
    assert len(found) == 1, f"{page}: has {len(found)} proto blocks"
    with open(out, "w", encoding="utf-8") as file:
        file.write(found[0])


def main():
    if sys.argv[1] == "--proto":
        return write_proto(*sys.argv[2:])
    page, out = sys.argv[1:]
    name = re.sub(r"\W", "_", page.split("/")[-1].removesuffix(".md"))
    all_blocks = blocks(page)
    body, top, number = "", "", 0
    for index, (first, language, text, heading) in enumerate(all_blocks):
        if language == "cpp global":
            top += f'#line {first} "{page}"\n{text}\n'
        if language == "cpp top":
            body += f'#line {first} "{page}"\n{text}\n'
            for function in TOP_FUNCTION.findall(text):
                body += f"[[maybe_unused]] const auto use_{function} = &{function};\n"
        if language != "cpp":
            continue
        number += 1
        function = f"topology_{number}"
        body += f'void {function}([[maybe_unused]] StreamsBuilder& builder) {{\n#line {first} "{page}"\n{text}}}\n'
        follows = all_blocks[index + 1] if index + 1 < len(all_blocks) else None
        if follows and follows[1] == "records":
            title = "".join(part.capitalize() for part in re.findall(r"[A-Za-z0-9]+", heading))
            body += f"TEST(Guide_{name}, {title}_{number}) {{\n{test_of(page, follows[0], follows[2], function)}}}\n"
        else:
            body += f"[[maybe_unused]] const auto use_{number} = &{function};\n"
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "guide.hpp"\n\n' + top + "using namespace tidemill;\nusing namespace std::chrono_literals;\n\n"
                   "namespace {\n" + body + "}  // namespace\n")


main()
