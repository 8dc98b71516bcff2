#!/usr/bin/env python3
"""Kafka's own DumpLogSegments reads our segment files and must find what we find: every batch valid, the same offsets,
producers, codecs and checksums; as many records and markers as were sent, or as compaction left.

usage: dump_log_segments.py WRITE_SEGMENTS KAFKA_JARS
Status 77 (skipped): no JDK, or no Maven to bring Kafka's jars.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile

write_segments, kafka_jars = sys.argv[1:3]
jars = subprocess.run([kafka_jars], stdout=subprocess.PIPE, text=True)
if jars.returncode != 0:
    print("#" * 78 + "\n## SKIPPED: without a JDK and Maven Kafka cannot read our segments.\n" + "#" * 78, flush=True)
    sys.exit(77 if jars.returncode == 77 else 1)

work = tempfile.mkdtemp(prefix="tidemill-dump-")
ours = [json.loads(line) for line in subprocess.run([write_segments, work + "/log"], stdout=subprocess.PIPE, text=True,
                                                    check=True).stdout.splitlines()]
topics = [line for line in ours if "topic" in line]
batches = {(line["file"], line["position"]): line for line in ours if "file" in line}
files = sorted({file for file, _ in batches})
dump = subprocess.run(
    ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars.stdout.strip(), "kafka.tools.DumpLogSegments",
     "--deep-iteration", "--files", ",".join(files)],
    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
problems = []


def check(condition, text):
    if not condition:
        problems.append(text)


check(dump.returncode == 0, f"DumpLogSegments ended with {dump.returncode}")
file = None
batch = None
gap = ""  # the file with the gaps that follow
seen = set()
records = {}
markers = {}
for line in dump.stdout.splitlines():
    if line.startswith("Dumping "):
        file = line[len("Dumping "):]
    elif line.startswith("baseOffset:"):
        theirs = dict(re.findall(r"(\w+): (\S+)", line))
        batch = batches.get((file, int(theirs["position"])))
        where = f"{file} at {theirs['position']}"
        if batch is None:
            problems.append(f"{where}: a batch that we do not see: {line}")
            continue
        seen.add((file, batch["position"]))
        check(theirs["isvalid"] == "true", f"{where}: not valid: {line}")
        for name, value in {"baseOffset": batch["base"], "lastOffset": batch["last"], "count": batch["records"],
                            "baseSequence": batch["sequence"], "producerId": batch["producer"],
                            "producerEpoch": batch["epoch"], "isTransactional": str(batch["transactional"]).lower(),
                            "isControl": str(batch["marker"] != "").lower(), "size": batch["size"], "magic": 2,
                            "compresscodec": batch["codec"], "crc": batch["crc"]}.items():
            check(theirs.get(name) == str(value), f"{where}: {name} is {theirs.get(name)}, ours {value}")
    elif line.startswith("|"):
        folder = file.rsplit("/", 1)[0]
        marker = re.search(r"endTxnMarker: (\w+)", line)
        if marker:
            markers[folder, marker[1]] = markers.get((folder, marker[1]), 0) + 1
            check(batch is not None and marker[1] == batch["marker"], f"{file}: marker {line}, ours {batch}")
        else:
            records[folder] = records.get(folder, 0) + 1
    elif line.startswith("Non-consecutive offsets in "):
        gap = line[len("Non-consecutive offsets in "):]
        check("/compacted-" in gap, line)
    elif re.fullmatch(r" +\d+ is followed by \d+", line):
        check("/compacted-" in gap, f"{gap}: {line}")
    elif not line.startswith("Log starting offset:") and line.strip():
        problems.append(f"{file}: {line}")
check(seen == set(batches), f"{len(batches) - len(seen)} of our {len(batches)} batches were not shown")
for topic in topics:
    folder = topic["folder"]
    check(records.get(folder, 0) == topic["records"],
          f"{topic['topic']}: {records.get(folder, 0)} records, must be {topic['records']}")
    check(not topic["topic"].startswith("compacted") or topic["records"] < topic["sent"], f"{topic['topic']} is not compacted")
    for type, name in (("COMMIT", "commits"), ("ABORT", "aborts")):
        check(markers.get((folder, type), 0) == topic[name],
              f"{topic['topic']}: {markers.get((folder, type), 0)} {type} markers, must be {topic[name]}")
codecs = {batch["codec"] for batch in batches.values()}
check(codecs == {"none", "gzip", "snappy", "lz4", "zstd"}, f"not every codec was there: {codecs}")
if problems:
    print("\n".join(problems[:30]))
    print(f"FAILED: {len(problems)} differences; the data are in {work}")
    sys.exit(1)
shutil.rmtree(work)
print(f"{len(files)} segments, {len(batches)} batches, {sum(records.values())} records, {sum(markers.values())} markers: "
      "as Kafka reads them")
