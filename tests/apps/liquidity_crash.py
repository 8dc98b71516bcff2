#!/usr/bin/env python3
"""Kills the liquidity chain at random moments under load, starts it again, and has `verify` recompute everything.

usage: liquidity_crash.py LIQUIDITY [--kills N] [--seed S] [--transactions N]
The seed is printed; the same seed kills after the same delays.
"""
import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("liquidity")
parser.add_argument("--kills", type=int, default=12)
parser.add_argument("--seed", type=int, default=int(time.time()))
parser.add_argument("--transactions", type=int, default=0, help="0: enough for the kills")
options = parser.parse_args()
transactions = options.transactions or 20000 * options.kills
print(f"seed {options.seed}: repeat with --seed {options.seed} --kills {options.kills}", flush=True)
chance = random.Random(options.seed)
work = tempfile.mkdtemp(prefix="liquidity-crash-")
run = [options.liquidity, "run", "--data", f"{work}/data", "--input", f"{work}/in", "--once", "--no-http"]

subprocess.run([options.liquidity, "generate", "--seed", str(options.seed), "--transactions", str(transactions),
                "--out", f"{work}/in"], check=True)
kills = 0
while kills < options.kills:
    child = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = child.communicate(timeout=chance.uniform(0.15, 0.6))
        print(f"the chain ended before kill {kills + 1}, status {child.returncode}:\n{output.decode()}")
        if child.returncode != 0:
            sys.exit(1)
        break
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kills += 1

final = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240)
print(final.stdout.decode())
verdict = subprocess.run([options.liquidity, "verify", "--data", f"{work}/data"], stdout=subprocess.PIPE, timeout=120)
print(verdict.stdout.decode())
if final.returncode != 0 or verdict.returncode != 0:
    print(f"FAILED after {kills} kills; the data are in {work}")
    sys.exit(1)
if f"{transactions} transactions" not in verdict.stdout.decode():
    print(f"FAILED: not all of {transactions} transactions are in the log; the data are in {work}")
    sys.exit(1)
shutil.rmtree(work)
print(f"{kills} kills, nothing lost, nothing doubled")
