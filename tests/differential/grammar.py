"""Draws scenarios: a topology that can be built, and inputs for its sources. A seed gives one scenario, always the same."""
import random

from inputs import LARGE_CACHE, draw_config, draw_inputs, make_throw
from serdes import give_serdes
from shrink import makes, reads

PREDICATES = ["all", "none", "value2", "value3", "key2", "present"]
MAPPERS = ["bang", "pair", "value", "first", "null3", "const", "key"]
KEYS = ["key", "first", "keyfirst", "keynull3", "const", "pair", "value"]
LISTS = ["letters", "twice", "some"]
AGGREGATORS = ["cat", "null4", "last", "max", "same", "minus"]
MERGERS = ["cat", "last", "max", "same", "minus"]  # none that gives null: D-21
JOINERS = ["plus", "keyed", "left", "right", "null3"]

STEPS_MAX = 12


class Draw:
    """One topology in the making. `pools`: handles by type."""

    def __init__(self, rng, bad_records, picky_writers):
        self.rng, self.steps, self.pools, self.count = rng, [], {}, 0
        self.inputs = []  # topics that are piped into
        self.outputs = 0
        self.versioned = set()  # tables with a versioned store
        self.bad_records, self.picky_writers = bad_records, picky_writers
        self.picky = {}  # topics of which some keys, or values, cannot be read
        self.read = set()  # handles that something was done with
        self.named_groups = 0.1
        self.kept = []  # stores of processors

    def new(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def one(self, pool):
        """Rather one that nothing was done with yet."""
        fresh = [name for name in self.pools[pool] if name not in self.read]
        name = self.rng.choice(fresh if fresh and self.chance(0.5) else self.pools[pool])
        self.read.add(name)
        return name

    def chance(self, share):
        return self.rng.random() < share

    def add(self, pool, step):
        """The step's handle goes into the pool."""
        step["as"] = self.new(pool)
        if step["op"] not in UNNAMED and self.chance(self.named_groups if step["op"] in GROUPINGS else 0.1):
            step["named"] = self.new("name")
        self.steps.append(step)
        self.pools.setdefault(pool, []).append(step["as"])
        return step


def store(draw, history=False, retention=None, named=0.7):
    """Options of a store, or none."""
    if draw.chance(0.5):
        return {}
    made = {"name": draw.new("store")} if draw.chance(named) or history else {}
    if draw.chance(0.2):
        made["cache"] = False
    if draw.chance(0.1):
        made["log"] = False
    if history and draw.chance(0.3):
        made["history"] = draw.rng.choice([1_000, 10_000, 60_000])
    elif draw.chance(0.3):
        made["engine"] = draw.rng.choice(["memory", "disk"])
    if retention and draw.chance(0.3):
        made["retention"] = retention + draw.rng.choice([0, 1_000, 60_000])
    return {"store": made}


def stream(draw):
    topic = draw.new("in")
    if draw.inputs and draw.chance(0.1):
        again = [step["topic"] for step in draw.steps if step["op"] == "stream"]
        topic = draw.rng.choice(again) if again else topic
    else:
        draw.inputs.append(topic)
    draw.add("s", {"op": "stream", "topic": topic, **picky(draw, [topic])})


def streams(draw):
    topics = [draw.new("in") for _ in range(draw.rng.randint(2, 3))]
    draw.inputs += topics
    draw.add("s", {"op": "streams", "topics": topics, **picky(draw, topics)})


def picky(draw, topics):
    """Now and then a source that cannot read all of its records; what reads a topic again has no say."""
    if any(topic in draw.picky for topic in topics):
        return {}
    part = draw.rng.choice(["key", "value", "value"]) if draw.bad_records and draw.chance(0.5) else None
    draw.picky.update(dict.fromkeys(topics, part))
    if part:
        return {"picky": part}
    return {"timed": True} if draw.chance(0.05) else {}  # not both: D-40


def stream_pattern(draw):
    name = draw.new("in")
    topic = name + "-a"  # one of it: all that a pattern matches are one partition in Java's driver, with one count of offsets
    draw.inputs.append(topic)
    draw.add("s", {"op": "streamPattern", "topic": name + "-.*", **picky(draw, [topic])})


def through_pattern(draw):
    """To a topic that a pattern matches, which nothing reads that is in front of it: it would go round without end."""
    name = draw.new("mid")
    draw.outputs += 1
    draw.steps.append({"op": "to", "on": draw.one("s"), "topic": name + "-a"})
    draw.add("s", {"op": "streamPattern", "topic": name + "-.*"})


def global_store(draw):
    topic = draw.new("in")
    draw.inputs.append(topic)
    keeps = {"name": draw.new("store"), "kind": "values", "log": False}
    if draw.chance(0.5):
        keeps["engine"] = "memory"
    draw.add("globalstore", {"op": "globalStore", "topic": topic, "keeps": keeps, **picky(draw, [topic])})


def look_up(draw):
    draw.add("s", {"op": "lookUp", "on": draw.one("s"), "with": draw.one("globalstore")})


def to(draw):
    draw.outputs += 1
    step = {"op": "to", "on": draw.one("s"), "topic": draw.rng.choice(["out1", "out2", draw.new("out")])}
    if draw.picky_writers and draw.chance(0.3):
        step["picky"] = "value"
    draw.steps.append(step)


def to_chosen(draw):
    draw.outputs += 1
    draw.steps.append({"op": "toChosen", "on": draw.one("s"), "topic": draw.new("out") + "-"})


def foreach(draw):
    draw.steps.append({"op": "foreach", "on": draw.one("s"), "f": draw.rng.choice(PREDICATES)})


def to_stream(draw):
    step = {"op": "toStream", "on": draw.one("t")}
    if draw.chance(0.1):
        step["key"] = draw.rng.choice(KEYS)
    draw.add("s", step)


def through(draw):
    draw.add("s", {"op": "through", "on": draw.one("s"), "topic": draw.new("mid")}).pop("named", None)


def on_stream(op, functions, **more):
    def rule(draw):
        step = {"op": op, "on": draw.one("s")}
        if functions:
            step["f"] = draw.rng.choice(functions)
        for name, choices in more.items():
            step[name] = draw.rng.choice(choices)
        draw.add("s", step)
    return rule


def merge(draw):
    draw.add("s", {"op": "merge", "on": draw.one("s"), "with": draw.one("s")})


def split(draw):
    count = draw.rng.randint(1, 3)
    step = {"op": "split", "on": draw.one("s"), "fs": [draw.rng.choice(PREDICATES) for _ in range(count)],
            "default": draw.chance(0.7), "as": draw.new("b")}
    draw.steps.append(step)
    first = 0 if step["default"] else 1
    draw.pools["s"] += [step["as"] + str(number) for number in range(first, count + 1)]


def source(pool, op, **options):
    def rule(draw):
        topic = draw.new("in")
        draw.inputs.append(topic)
        step = draw.add(pool, {"op": op, "topic": topic, **picky(draw, [topic]), **store(draw, **options)})
        if "history" in step.get("store", {}):
            draw.versioned.add(step["as"])
    return rule


def made(pool, op, on, has_store=False, history=False, **choices):
    """An operator with one input; each of `choices` is a field and what it may be."""
    def rule(draw):
        step = {"op": op, "on": draw.one(on)}
        for name, values in choices.items():
            step[name] = draw.rng.choice(values)
        if has_store:
            step.update(store(draw, history=history))
        draw.add(pool, step)
        if "history" in step.get("store", {}):
            draw.versioned.add(step["as"])
    return rule


def sink(op, on):
    def rule(draw):
        draw.outputs += 1
        draw.steps.append({"op": op, "on": draw.one(on), "topic": draw.new("out")})
    return rule


SIZES = [1, 1_000, 5_000, 10_000, 20_000]
GRACES = [0, 0, 1_000, 5_000, 30_000]


def windows(draw, closing=False):
    kind = draw.rng.choice(["tumbling", "hopping", "sliding", "session"] + ([] if closing or draw.chance(0.8) else ["unlimited"]))
    made_of = {"kind": kind, "size": draw.rng.choice(SIZES), "grace": draw.rng.choice(GRACES)}
    if kind == "hopping":
        made_of["advance"] = max(1, made_of["size"] // draw.rng.choice([2, 3, 4]))
    if kind == "unlimited":
        made_of = {"kind": kind, "start": draw.rng.choice([0, 5_000, 100_000])}
    return made_of


def windowed(pool, op, **choices):
    def rule(draw):
        closing = draw.chance(0.25)
        step = {"op": op, "on": draw.one("group"), "windows": windows(draw, closing)}
        if closing:
            step["emit"] = "close"
        for name, values in choices.items():
            step[name] = draw.rng.choice(values)
        step.update(store(draw, retention=step["windows"].get("size", 0) + step["windows"].get("grace", 0)))
        draw.add(pool, step)
    return rule


def cogroup(draw):
    groups = list(dict.fromkeys(draw.one("group") for _ in range(draw.rng.randint(1, 3))))
    step = {"op": "cogroup", "groups": groups, "fs": [draw.rng.choice(AGGREGATORS) for _ in groups]}
    if draw.chance(0.4):
        step.update(store(draw))
        draw.add("t", step)
        return
    step["windows"] = windows(draw)
    step["merge"] = draw.rng.choice(MERGERS)
    step.update(store(draw, retention=step["windows"].get("size", 0) + step["windows"].get("grace", 0)))
    draw.add("w", step)


def suppress(pool, op, closes):
    def rule(draw):
        step = {"op": op, "on": draw.one(pool)}
        if not closes or draw.chance(0.3):
            step["limit"] = draw.rng.choice([0, 1, 1_000, 5_000, 20_000])
        bounds = draw.rng.choice([(), (), ("records",), ("bytes",), ("records", "bytes")])
        for bound in bounds:
            step[bound] = draw.rng.randint(1, 4) if bound == "records" else draw.rng.choice([50, 150, 400])
        if bounds:
            step["full"] = "emit" if "limit" in step and draw.chance(0.8) else "shut"
        if draw.chance(0.1):
            step["log"] = False
        draw.add(pool, step)
    return rule


def join(pool, op, on, other, kinds, **choices):
    def rule(draw):
        step = {"op": op, "on": draw.one(on), "with": draw.one(other), "kind": draw.rng.choice(kinds),
                "f": draw.rng.choice(JOINERS)}
        for name, values in choices.items():
            step[name] = draw.rng.choice(values)
        if op == "streamStreamJoin":
            join_windows(draw, step)
        if op in ("tableTableJoin", "foreignKeyJoin"):
            step.update(store(draw))
        if op == "streamTableJoin" and step["with"] in draw.versioned and draw.chance(0.5):
            step["grace"] = draw.rng.choice([0, 500, 1_000])
        draw.add(pool, step)
    return rule


def join_windows(draw, step):
    made_of = {"size": draw.rng.choice([0, *SIZES]), "grace": draw.rng.choice(GRACES)}
    if draw.chance(0.2):
        made_of["before"] = draw.rng.choice([0, 500, 8_000])
    if draw.chance(0.2):
        made_of["after"] = draw.rng.choice([0, 500, 8_000])
    if draw.chance(0.1):
        made_of["eager"] = True
    step["windows"] = made_of
    if draw.chance(0.3):
        step["store"] = {"name": draw.new("store")}
        if draw.chance(0.3):
            step["store"]["engine"] = draw.rng.choice(["memory", "disk"])
        if draw.chance(0.2):
            step["store"]["log"] = False


def stores_above(draw, handle):
    """What processors in front of the handle keep: they walk over it while it is at work (D-41)."""
    wanted, stores = {handle}, set()
    for step in reversed(draw.steps):
        if wanted & makes(step):
            wanted |= reads(step)
            if "keeps" in step:
                stores.add(step["keeps"]["name"])
    return stores


def process(draw):
    keeps = {"name": draw.new("store"), "kind": draw.rng.choice(["values", "values", "lru", "window", "session", "versioned"])}
    if draw.chance(0.4) and keeps["kind"] not in ("lru", "versioned"):
        keeps["engine"] = "memory"
    if draw.chance(0.3) and keeps["kind"] == "values":
        keeps["cache"] = True
    if draw.chance(0.1):
        keeps["log"] = False
    on = draw.one("s")
    above = stores_above(draw, on)
    # Nor one with a cache, which is flushed before what its second user makes comes to it: D-37.
    free = [other for other in draw.kept if other["name"] not in above and not other.get("cache")]
    if free and draw.chance(0.2):
        keeps = {**draw.rng.choice(free), "shared": True}
    elif draw.chance(0.2):
        draw.steps.insert(0, {"op": "addStore", "keeps": keeps})
        draw.kept.append(keeps)
        keeps = {**keeps, "shared": True}
    else:
        draw.kept.append(keeps)
    step = {"op": "process", "on": on, "keeps": keeps}
    others = [other["name"] for other in draw.kept if other["name"] != keeps["name"]]
    if others and draw.chance(0.3):
        step["also"] = draw.rng.sample(others, draw.rng.randint(1, len(others)))
    if keeps["kind"] in ("values", "lru"):
        # Backwards Java shows what a cache has as deleted, with a null value: D-24.
        orders = ["all", "range", "prefix"] if "cache" in keeps else ["all", "range", "prefix", "reverse", "reverseRange"]
        step["order"] = draw.rng.choice(orders)
        if draw.chance(0.3):
            step["interval"] = draw.rng.choice([1_000, 10_000, -500, -10_000])  # negative: of the wall clock
    draw.add("s", step)


OUTER, LEFT = ["inner", "left", "outer"], ["inner", "left"]

# name: (pools that must not be empty, weight, rule)
RULES = {
    "stream": ((), 0.7, stream),
    "streamPattern": ((), 0.15, stream_pattern),
    "streams": ((), 0.15, streams),
    "to": (("s",), 1, to),
    "toChosen": (("s",), 0.1, to_chosen),
    "foreach": (("s",), 0.1, foreach),
    "throughPattern": (("s",), 0.1, through_pattern),
    "globalStore": ((), 0.15, global_store),
    "lookUp": (("s", "globalstore"), 2, look_up),
    "through": (("s",), 0.3, through),
    "filter": (("s",), 0.6, on_stream("filter", PREDICATES)),
    "filterNot": (("s",), 0.3, on_stream("filterNot", PREDICATES)),
    "mapValues": (("s",), 0.6, on_stream("mapValues", MAPPERS)),
    "map": (("s",), 0.5, on_stream("map", MAPPERS, key=KEYS)),
    "flatMap": (("s",), 0.3, on_stream("flatMap", LISTS, key=KEYS)),
    "flatMapValues": (("s",), 0.3, on_stream("flatMapValues", LISTS)),
    "selectKey": (("s",), 0.7, on_stream("selectKey", KEYS)),
    "peek": (("s",), 0.2, on_stream("peek", None)),
    "repartition": (("s",), 0.4, on_stream("repartition", None)),
    "merge": (("s",), 0.5, merge),
    "split": (("s",), 0.3, split),
    "process": (("s",), 0.8, process),
    "processValues": (("s",), 0.2, on_stream("processValues", None)),
    "reshape": (("s",), 0.2, on_stream("reshape", None)),
    "table": ((), 0.8, source("t", "table", history=True)),
    "globalTable": ((), 0.5, source("global", "globalTable", named=1)),
    "toTable": (("s",), 0.8, made("t", "toTable", "s", has_store=True, history=True)),
    "toStream": (("t",), 1.2, to_stream),
    "tableFilter": (("t",), 0.6, made("t", "tableFilter", "t", has_store=True, f=PREDICATES)),
    "tableFilterNot": (("t",), 0.3, made("t", "tableFilterNot", "t", has_store=True, f=PREDICATES)),
    "tableMapValues": (("t",), 0.6, made("t", "tableMapValues", "t", has_store=True, f=MAPPERS)),
    "transformValues": (("t",), 0.4, made("t", "transformValues", "t", has_store=True, f=MAPPERS)),
    "suppress": (("t",), 0.5, suppress("t", "suppress", False)),
    "tableGroupBy": (("t",), 0.7, made("tgroup", "tableGroupBy", "t", f=MAPPERS, key=KEYS)),
    "groupCount": (("tgroup",), 0.8, made("c", "groupCount", "tgroup", has_store=True)),
    "groupReduce": (("tgroup",), 0.8, made("t", "groupReduce", "tgroup", has_store=True, f=AGGREGATORS, minus=AGGREGATORS)),
    "groupAggregate": (("tgroup",), 0.8, made("t", "groupAggregate", "tgroup", has_store=True, f=AGGREGATORS,
                                              minus=AGGREGATORS)),
    "groupByKey": (("s",), 1, made("group", "groupByKey", "s")),
    "groupBy": (("s",), 0.7, made("group", "groupBy", "s", f=KEYS)),
    "count": (("group",), 0.7, made("c", "count", "group", has_store=True, history=True)),
    "reduce": (("group",), 0.7, made("t", "reduce", "group", has_store=True, history=True, f=AGGREGATORS)),
    "aggregate": (("group",), 0.7, made("t", "aggregate", "group", has_store=True, history=True, f=AGGREGATORS)),
    "windowedCount": (("group",), 1.5, windowed("wc", "windowedCount")),
    "windowedReduce": (("group",), 1.5, windowed("w", "windowedReduce", f=AGGREGATORS)),
    "windowedAggregate": (("group",), 1.5, windowed("w", "windowedAggregate", f=AGGREGATORS, merge=MERGERS)),
    "cogroup": (("group",), 1, cogroup),
    "countToText": (("c",), 0.8, made("t", "countToText", "c", has_store=True)),
    "countSuppress": (("c",), 0.5, suppress("c", "countSuppress", False)),
    "countFilter": (("c",), 0.4, made("c", "countFilter", "c", has_store=True)),
    "countTo": (("c",), 0.8, sink("countTo", "c")),
    "windowFilter": (("w",), 0.5, made("w", "windowFilter", "w", f=PREDICATES)),
    "windowMapValues": (("w",), 0.5, made("w", "windowMapValues", "w", f=MAPPERS)),
    "windowSuppress": (("w",), 1.5, suppress("w", "windowSuppress", True)),
    "windowToStream": (("w",), 0.8, made("s", "windowToStream", "w")),
    "windowTo": (("w",), 1.2, sink("windowTo", "w")),
    "windowGroupBy": (("w",), 0.7, made("tgroup", "windowGroupBy", "w", f=MAPPERS, key=KEYS)),
    "windowJoin": (("w",), 0.9, join("w", "windowJoin", "w", "w", OUTER)),
    "windowCountToText": (("wc",), 0.8, made("w", "windowCountToText", "wc")),
    "windowCountSuppress": (("wc",), 1.2, suppress("wc", "windowCountSuppress", True)),
    "windowCountTo": (("wc",), 1, sink("windowCountTo", "wc")),
    "streamStreamJoin": (("s",), 1.2, join("s", "streamStreamJoin", "s", "s", OUTER)),
    "streamTableJoin": (("s", "t"), 1.2, join("s", "streamTableJoin", "s", "t", LEFT)),
    "streamGlobalTableJoin": (("s", "global"), 2, join("s", "streamGlobalTableJoin", "s", "global", LEFT, key=KEYS)),
    "tableTableJoin": (("t",), 1, join("t", "tableTableJoin", "t", "t", OUTER)),
    "foreignKeyJoin": (("t",), 1, join("t", "foreignKeyJoin", "t", "t", LEFT,
                                       key=["first", "null3", "keyfirst", "const", "value"])),
}
GROUPINGS = {"groupBy", "groupByKey", "tableGroupBy", "windowGroupBy"}
UNNAMED = {"windowToStream", "windowCountToText", "through"}  # Java has no form with a name alone, or takes it for something else


# Each scenario has more of one theme, so that what needs several steps comes up often enough.
THEMES = {
    "all": (),
    "windows": ("windowed", "cogroup", "window"),
    "counts": ("count", "reduce", "aggregate", "groupCount", "groupReduce", "groupAggregate", "windowedCount", "windowCount"),
    "stream joins": ("streamStreamJoin", "selectKey", "repartition"),
    "table joins": ("table", "toTable", "tableTableJoin", "foreignKeyJoin", "streamTableJoin", "streamGlobalTableJoin"),
    "tables": ("table", "toTable", "tableGroupBy", "groupReduce", "groupAggregate", "suppress", "transformValues"),
    "processors": ("process",),
    "groups used again": ("group", "count", "reduce", "aggregate", "windowed", "table", "toTable", "tableTableJoin"),
}
OF_THE_THEME = 6
MANY, MANY_MAX = {"process", "lookUp", "flatMap", "flatMapValues", "merge", "streamStreamJoin"}, 4
STREAM_JOINS_MAX = 3


def see(draw):
    """What was drawn and nothing reads goes to topics of its own."""
    for pool, rule in (("t", "toStream"), ("c", "countTo"), ("w", "windowTo"), ("wc", "windowCountTo"), ("s", "to")):
        for name in [name for name in draw.pools.get(pool, []) if name not in draw.read]:
            if draw.chance(0.8):
                draw.read |= {other for other in draw.pools[pool] if other != name}
                draw.read.discard(name)
                RULES[rule][2](draw)


def draw_topology(rng, config):
    # D-35: what the one handler refuses, Java asks the other one about.
    picky_writers = config.get("production") == "continue" or "production" in config and config.get("processing") != "continue"
    draw = Draw(rng, "deserialization" in config, picky_writers)
    RULES[rng.choice(["stream", "stream", "stream", "table"])][2](draw)
    about = rng.choice([*THEMES, "windows"])
    theme = THEMES[about]
    if about == "groups used again":
        draw.named_groups = 0.8
    if about in ("windows", "counts", "groups used again"):
        for name in (["stream"] if "s" not in draw.pools else []) + [rng.choice(["groupByKey", "groupBy"])]:
            RULES[name][2](draw)
    for _ in range(rng.randint(2, STEPS_MAX)):
        possible = [name for name, (pools, _, _) in RULES.items() if all(draw.pools.get(pool) for pool in pools)]
        # What gives many records for one must not stand in a long row.
        possible = [name for name in possible if name not in MANY or sum(step["op"] in MANY for step in draw.steps) < MANY_MAX]
        if sum(step["op"] == "streamStreamJoin" for step in draw.steps) >= STREAM_JOINS_MAX:
            possible = [name for name in possible if name != "streamStreamJoin"]
        name = rng.choices(possible, [RULES[name][1] * (OF_THE_THEME if name.startswith(theme) else 1) for name in possible])[0]
        RULES[name][2](draw)
    see(draw)
    return draw


UNLIKE = ("table", "toTable", "globalTable", "process", "addStore", "globalStore", "lookUp")


def evicts_alike(step):
    """Not so: what Java evicts while it evicts (D-22), tables of topics (D-23), windows (D-25), what reads stores, and global
    stores, which in Java's driver have the task's cache."""
    return "oin" not in step["op"] and "windows" not in step and step["op"] not in UNLIKE


def scenario(seed):
    rng = random.Random(seed)
    config = draw_config(rng)
    draw = draw_topology(rng, config)
    if "processing" in config:
        make_throw(rng, draw.steps)
    if config.get("cache", 0) < LARGE_CACHE and not all(evicts_alike(step) for step in draw.steps):
        config["cache"] = LARGE_CACHE if "cache" in config else 0
    if config.get("deserialization") != "continue":
        for step in draw.steps:  # Java's driver goes on past what a global store cannot read, whatever the handler is
            if step["op"] in ("globalTable", "globalStore") and step.pop("picky", None):
                draw.picky[step["topic"]] = None
    inputs = draw_inputs(rng, draw, config)
    give_serdes(seed, draw.steps)
    return {"seed": seed, "config": config, "topology": draw.steps, "input": inputs}
