#!/usr/bin/env python3
"""bench_test.py BENCH: what others rely on in bench's output: the JSON lines, their names, the filter, the refusals."""
import json
import subprocess
import sys

bench = sys.argv[1]
FIELDS = {"name": str, "cpu_ns_per_record": (int, float), "floor_cpu_ns": (int, float), "ratio": (int, float), "records": int}


def run(*arguments):
    done = subprocess.run([bench, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def check(condition, sentence, *details):
    if not condition:
        sys.exit("\n".join([sentence, *map(str, details)]))


def check_lines(text, wanted):
    lines = [json.loads(line) for line in text.splitlines()]
    check(len(lines) > 0, "there is no line")
    for line in lines:
        check(set(line) == set(FIELDS), "a line has other fields", line)
        for field, kind in FIELDS.items():
            check(isinstance(line[field], kind), f"{field} is of another kind", line)
        check(wanted in line["name"], f"the filter {wanted} let this through", line)
        check(line["name"].startswith(("micro/", "end_to_end/")), "a name begins with neither micro/ nor end_to_end/", line)
        check(line["records"] > 0 and line["cpu_ns_per_record"] > 0 and line["floor_cpu_ns"] > 0, "nothing was measured", line)
        ratio = line["cpu_ns_per_record"] / line["floor_cpu_ns"]
        check(abs(line["ratio"] / ratio - 1) < 0.05, "the ratio is not that of its numbers", line)
    return {line["name"] for line in lines}


status, listed, errors = run("--list")
names = listed.split()
check(status == 0 and len(names) == len(set(names)) > 20, "--list", listed, errors)
for part in ("micro/operator_chain", "micro/one_more_stateless_operator", "micro/batch_encode", "micro/batch_decode",
             "micro/store_in_memory", "micro/store_rocksdb", "micro/record_cache", "micro/versioned_in_memory",
             "micro/versioned_rocksdb", "end_to_end/stateless", "end_to_end/count_in_memory/100k_keys",
             "end_to_end/count_in_memory/1M_keys", "end_to_end/count_rocksdb/100k_keys",
             "end_to_end/count_rocksdb/1M_keys", "end_to_end/chain_of_four", "end_to_end/windowed_count_in_memory/100k_keys",
             "end_to_end/windowed_count_rocksdb/100k_keys", "end_to_end/session_count_in_memory/100k_keys",
             "end_to_end/session_count_rocksdb/100k_keys", "end_to_end/join_of_streams_in_memory/100k_keys",
             "end_to_end/join_of_streams_rocksdb/100k_keys"):
    check(any(part in name for name in names), f"no row is named {part}", listed)
for world in ("at_least_once/process", "at_least_once/power", "exactly_once/process", "exactly_once/power"):
    check(any(name.endswith(world) for name in names), f"no row ends with {world}", listed)

for wanted in ("micro/", "stateless/", "count_in_memory/100k_keys/exactly_once", "count_rocksdb/100k_keys/exactly_once/process",
               "chain_of_four/at_least_once", "windowed_count_rocksdb/100k_keys/exactly_once/process",
               "session_count_in_memory/100k_keys/exactly_once/process",
               "join_of_streams_in_memory/100k_keys/exactly_once/process"):
    status, out, errors = run("--json", "--quick", wanted)
    check(status == 0, f"bench --json --quick {wanted} ends with {status}", out, errors)
    check(check_lines(out, wanted) == {name for name in names if wanted in name}, f"rows of {wanted} are missing", out)

status, out, errors = run("--quick", "micro/batch")
check(status == 0 and "micro/batch_encode" in out and "ratio" in out, "the table", out, errors)
status, out, errors = run("no-such-row")
check(status != 0 and "no-such-row" in errors and out == "", "a filter that picks nothing", out, errors)
status, out, errors = run("--no-such-flag")
check(status != 0 and "--no-such-flag" in errors, "an unknown flag", out, errors)
status, out, errors = run("--help")
check(status == 0 and "--json" in out, "--help", out, errors)
