"""Draws scenarios: a topology that can be built, and inputs for its sources. A seed gives one scenario, always the same."""
import random

PREDICATES = ["all", "none", "value2", "value3", "key2", "present"]
MAPPERS = ["bang", "pair", "value", "first", "null3", "const", "key"]
KEYS = ["key", "first", "keyfirst", "keynull3", "const", "pair", "value"]
LISTS = ["letters", "twice", "some"]
AGGREGATORS = ["cat", "null4", "last", "max", "same", "minus"]
JOINERS = ["plus", "keyed", "left", "right", "null3"]

STEPS_MAX = 12
INPUTS_MAX = 60


class Draw:
    """One topology in the making. `pools`: handles by type."""

    def __init__(self, rng):
        self.rng, self.steps, self.pools, self.count = rng, [], {}, 0
        self.inputs = []  # topics that are piped into
        self.outputs = 0

    def new(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def one(self, pool):
        return self.rng.choice(self.pools[pool])

    def chance(self, share):
        return self.rng.random() < share

    def add(self, pool, step):
        """The step's handle goes into the pool."""
        step["as"] = self.new(pool)
        if self.chance(0.1):
            step["named"] = self.new("name")
        self.steps.append(step)
        self.pools.setdefault(pool, []).append(step["as"])
        return step


def stream(draw):
    topic = draw.new("in")
    if draw.inputs and draw.chance(0.1):
        again = [step["topic"] for step in draw.steps if step["op"] == "stream"]
        topic = draw.rng.choice(again) if again else topic
    else:
        draw.inputs.append(topic)
    draw.add("s", {"op": "stream", "topic": topic})


def to(draw):
    draw.outputs += 1
    draw.steps.append({"op": "to", "on": draw.one("s"), "topic": draw.rng.choice(["out1", "out2", draw.new("out")])})


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


# name: (pools that must not be empty, weight, rule)
RULES = {
    "stream": ((), 1, stream),
    "to": (("s",), 1, to),
    "through": (("s",), 0.3, through),
    "filter": (("s",), 1, on_stream("filter", PREDICATES)),
    "filterNot": (("s",), 0.5, on_stream("filterNot", PREDICATES)),
    "mapValues": (("s",), 1, on_stream("mapValues", MAPPERS)),
    "map": (("s",), 0.7, on_stream("map", MAPPERS, key=KEYS)),
    "flatMap": (("s",), 0.5, on_stream("flatMap", LISTS, key=KEYS)),
    "flatMapValues": (("s",), 0.5, on_stream("flatMapValues", LISTS)),
    "selectKey": (("s",), 1, on_stream("selectKey", KEYS)),
    "peek": (("s",), 0.3, on_stream("peek", None)),
    "repartition": (("s",), 0.4, on_stream("repartition", None)),
    "merge": (("s",), 0.6, merge),
    "split": (("s",), 0.4, split),
}


def draw_topology(rng):
    draw = Draw(rng)
    stream(draw)
    for _ in range(rng.randint(2, STEPS_MAX)):
        possible = [name for name, (pools, _, _) in RULES.items() if all(draw.pools.get(pool) for pool in pools)]
        name = rng.choices(possible, [RULES[name][1] for name in possible])[0]
        RULES[name][2](draw)
    if draw.outputs == 0:
        to(draw)
    return draw


def text(rng):
    return "".join(rng.choice("abcdef") for _ in range(rng.randint(1, 3)))


def draw_inputs(rng, topics):
    now = rng.choice([0, 5, 100_000, 1_700_000_000_000]) + rng.randint(0, 20_000)
    inputs = []
    for _ in range(rng.randint(3, INPUTS_MAX)):
        if rng.random() < 0.03:
            inputs.append({"advance": rng.choice([1, 500, 5_000, 60_000])})
            continue
        now += rng.choice([0, 1, 100, 1_000, rng.randint(0, 5_000), rng.randint(0, 10_000)])
        if rng.random() < 0.04:
            now += rng.choice([30_000, 61_000, 300_000])
        late = rng.choice([0, 0, 0, 0, rng.randint(0, 3_000), rng.randint(0, 20_000), rng.randint(0, 100_000)])
        one = {"pipe": rng.choice(topics), "k": None if rng.random() < 0.06 else rng.choice("abcde"),
               "v": None if rng.random() < 0.15 else text(rng), "ts": max(0, now - late)}
        if rng.random() < 0.1:
            one["h"] = [[rng.choice("xy"), None if rng.random() < 0.2 else text(rng)] for _ in range(rng.randint(1, 2))]
        inputs.append(one)
    return inputs


def draw_config(rng):
    config = {"clock": rng.choice([0, 1_000, 1_700_000_000_000])}
    if rng.random() < 0.3:
        config["optimize"] = True
    return config


def scenario(seed):
    rng = random.Random(seed)
    config = draw_config(rng)
    draw = draw_topology(rng)
    return {"seed": seed, "config": config, "topology": draw.steps, "input": draw_inputs(rng, draw.inputs)}
