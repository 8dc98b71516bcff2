#!/usr/bin/env python3
"""Random topologies and inputs: this library's TopologyTestDriver against Kafka Streams'.

  differential.py --client build/release/bin/differential_client --minutes 60
  differential.py --client ... --first 4711 --count 1      once more what seed 4711 gives
  differential.py --client ... --scenario FILE             a scenario as it was printed
  differential.py --client ... --scenario FILE --record CASE   the same, and keeps it with Java's answer as cases/CASE.json
  differential.py --client ... --cases                     what cases/ has; needs no JDK

Each seed gives one scenario, which both sides run; everything that was sent, what the stores have and describe() says, dropped
records and errors have to be equal. A difference is shrunk and printed with its seed. Ends with how often each operator was
drawn; status 1 if there was a difference, 77 if there is no JDK.
"""
import argparse
import collections
import json
import os
import sys
import tempfile
import time

import grammar
import judge
from shrink import Shrinker
from sides import HERE, Pair, Side

CASES = os.path.join(HERE, "cases")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--client", required=True, help="the program differential_client")
    parser.add_argument("--first", type=int, help="the first seed; else one of the time of day")
    parser.add_argument("--count", type=int, help="so many scenarios")
    parser.add_argument("--minutes", type=float, help="for so long")
    parser.add_argument("--scenario", help="a file with one scenario instead")
    parser.add_argument("--record", metavar="CASE", help="keeps the scenario and Java's answer")
    parser.add_argument("--cases", action="store_true", help="runs what was kept")
    parser.add_argument("--keep-going", action="store_true", help="on after a difference")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--save", metavar="DIR", help="writes the smallest scenarios there")
    parser.add_argument("--show", action="store_true", help="print each scenario and both answers")
    return parser.parse_args()


def written(scenario):
    parts = [f'"config":{json.dumps(scenario["config"])}']
    for name in ("topology", "input"):
        parts.append(f'"{name}":[\n ' + ",\n ".join(json.dumps(one) for one in scenario[name]) + "]")
    return "{" + ",\n".join(parts) + "}"


def case_file(name):
    return os.path.join(CASES, name + ".json")


def record(name, scenario, java):
    """One line for each part of it."""
    steps = [{**step, "sent": [judge.letter(row) for row in step["sent"]]} if "sent" in step else step
             for step in java.get("steps", [])]
    with open(case_file(name), "w", encoding="utf-8") as file:
        parts = [f'"config":{json.dumps(scenario["config"])}', f'"built":{json.dumps(java.get("built"))}']
        for key, rows in (("topology", scenario["topology"]), ("input", scenario["input"]), ("steps", steps)):
            parts.append(f'"{key}":[\n ' + ",\n ".join(json.dumps(one) for one in rows) + "]")
        parts += [f'"{key}":{json.dumps(java[key])}' for key in ("end", "error") if key in java]
        file.write("{" + ",\n".join(parts) + "}\n")


def run_cases(client):
    """What was kept: our answers against Java's of then."""
    failed, names = [], sorted(os.listdir(CASES))
    with tempfile.TemporaryFile() as errors:
        ours = Side("ours", [client], errors)
        for name in names:
            with open(os.path.join(CASES, name), encoding="utf-8") as file:
                case = json.load(file)
            java = {key: case[key] for key in ("built", "steps", "end", "error") if case.get(key) is not None}
            difference = judge.compare(case, ours.run(case), java)
            if difference:
                failed.append(name)
                print(f"==== {name}: {difference.kind}\n{difference.text}")
        ours.close()
    print(f"{len(names) - len(failed)} cases equal, {len(failed)} different")
    return 1 if failed or not names else 0


class Run:
    def __init__(self, options, pair):
        self.options, self.pair = options, pair
        self.operators, self.outcomes, self.failed = collections.Counter(), collections.Counter(), []

    def differs(self, scenario):
        """The difference, and Java's answer."""
        ours, java = self.pair.run(scenario)
        if self.options.show:
            print(written(scenario), flush=True)
            print(json.dumps({"ours": ours, "java": java}, indent=1), flush=True)
        self.why = judge.known(java) or judge.known_of(scenario, java)
        return judge.compare(scenario, ours, java), java

    def take(self, seed, scenario):
        difference, java = self.differs(scenario)
        self.operators.update(judge.operators(scenario))
        self.outcomes["records in"] += len(scenario["input"])
        self.outcomes["records sent"] += sum(len(step.get("sent", [])) for step in java.get("steps", []))
        self.outcomes["scenarios"] += 1
        if self.why:
            self.outcomes[self.why] += 1
        elif "built" not in java:
            self.outcomes["topologies that both refuse"] += 1
        elif any("error" in step for step in java.get("steps", [])) or "error" in java:
            self.outcomes["errors that both raise"] += 1
        if difference is None:
            return
        self.failed.append(seed)
        print(f"\n==== seed {seed}: {difference.kind}\n{difference.text}", flush=True)
        if not self.options.no_shrink:
            smaller = Shrinker(lambda one: self.same(one, difference.kind)).shrink(scenario)
            print("==== the smallest scenario of this difference:")
            print(written(smaller), flush=True)
            if self.options.save:
                with open(os.path.join(self.options.save, f"{seed}.json"), "w", encoding="utf-8") as file:
                    file.write(written(smaller))
            found = self.differs(smaller)[0]
            print(found.text if found else "(gone)", flush=True)

    def same(self, scenario, kind):
        found = self.differs(scenario)[0]
        return found is not None and found.kind == kind

    def report(self):
        print("\noperators drawn: " + ", ".join(f"{name} {count}" for name, count in sorted(self.operators.items())))
        print(", ".join(f"{count} {name}" for name, count in self.outcomes.items()))
        print(f"{self.outcomes['scenarios'] - len(self.failed)} equal, {len(self.failed)} different"
              + (f": seeds {self.failed}" if self.failed else ""), flush=True)


def main():
    options = arguments()
    if options.cases:
        return run_cases(options.client)
    with Pair(options.client) as pair:
        run = Run(options, pair)
        if options.scenario:
            with open(options.scenario, encoding="utf-8") as file:
                scenario = json.load(file)
            run.take(options.scenario, scenario)
            if options.record:
                record(options.record, scenario, pair.run(scenario)[1])
        else:
            seed = options.first if options.first is not None else int(time.time()) * 1000
            print(f"first seed {seed} (repeat with --first {seed})", flush=True)
            end = time.monotonic() + options.minutes * 60 if options.minutes else None
            last = seed + options.count if options.count else None
            while (last is None or seed < last) and (end is None or time.monotonic() < end):
                run.take(seed, grammar.scenario(seed))
                seed += 1
                if run.failed and not options.keep_going:
                    break
                if run.outcomes["scenarios"] % 1000 == 0:
                    print(f"... {run.outcomes['scenarios']} scenarios, next seed {seed}", flush=True)
        run.report()
        return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
