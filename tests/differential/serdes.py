"""Gives some topologies serdes of their own, so that it shows which an operator takes: "text" says that of the type, "tilde" and
"caret" are others. The options of a step that has no `serdes` say "text" where Java needs one."""
import random

OWN = ["tilde", "tilde", "caret", "text"]
SOURCES = {"stream", "streams", "streamPattern", "table", "globalTable"}
GROUPS = {"groupBy", "groupByKey"}
# How often options give any, and how often one of them.
OTHERS = {"to": 0.2, "repartition": 0.5, "tableGroupBy": 0.5, "windowGroupBy": 0.5, "streamTableJoin": 0.5}
OF_COUNTS = {"count", "groupCount", "windowedCount", "countFilter"}


def some(rng, parts, share):
    return {part: rng.choice(OWN) for part in parts if rng.random() < share}


def give_serdes(seed, steps):
    rng = random.Random(f"serdes of {seed}")  # the rest of a scenario stays what its seed gave before
    if rng.random() < 0.5:
        return
    for step in steps:
        op, parts = step["op"], ["key", "value"] + (["other"] if "oin" in step["op"] else [])
        if op in SOURCES:
            if "picky" not in step:
                step["serdes"] = some(rng, parts, 0.7)
        elif op in GROUPS or op == "streamStreamJoin":
            step["serdes"] = some(rng, parts, rng.choice([0, 0, 0.4, 1]))
        elif op in OTHERS and "picky" not in step and rng.random() < OTHERS[op]:
            step["serdes"] = some(rng, parts, 0.5)
        if "store" in step and op != "streamStreamJoin":
            step["store"]["serdes"] = some(rng, ["key"] if op in OF_COUNTS else ["key", "value"], 0.3)
            if "name" not in step["store"]:
                step["store"]["serdes"].setdefault("key", "text")  # something has to be said
