"""Draws what goes into a topology: records, the configuration, and which functions throw."""

INPUTS_MAX = 60
LARGE_CACHE = 1_000_000
DEAD_LETTERS = "dlq"


def text(rng):
    return "".join(rng.choice("abcdef") for _ in range(rng.randint(1, 3)))


FUNCTIONS = ("f", "key", "merge", "minus")


def make_throw(rng, steps):
    """Some functions throw for some values. Not transformValues(): where it was to look a value up, Java goes on with a record that
    is none (D-31). Nor where a record has waited for its table: in Java it stays in the buffer (D-46)."""
    for step in steps:
        known = step["op"] == "transformValues" or step.get("grace") and step["op"] == "streamTableJoin"
        for name in FUNCTIONS:
            if name in step and rng.random() < 0.2 and not known:
                step[name] = "throws:" + step[name]
        for at, name in enumerate(step.get("fs", [])):
            if rng.random() < 0.1:
                step["fs"][at] = "throws:" + name


def draw_inputs(rng, draw, config):
    topics, commits = draw.inputs, config.get("commits", False)
    starts = [0, 5, 100_000]
    # Java's cache looks for closed windows in each segment since 1970: a minute of work.
    if not config.get("cache") or not any(step.get("emit") == "close" for step in draw.steps):
        starts.append(1_700_000_000_000)
    now = rng.choice(starts) + rng.randint(0, 20_000)
    inputs = []
    for _ in range(rng.randint(3, INPUTS_MAX)):
        if commits and rng.random() < 0.15:
            inputs.append({"commit": True})
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
        part = {"key": "k", "value": "v"}.get(draw.picky.get(one["pipe"]))
        if part and one[part] is not None and rng.random() < 0.2:
            one[part] = "!" + one[part]
        inputs.append(one)
    return inputs


OPTIMIZATIONS = ["reuse.ktable.source.topics", "merge.repartition.topics", "single.store.self.join"]


def draw_config(rng):
    config = {"clock": rng.choice([0, 1_000, 1_700_000_000_000])}
    if rng.random() < 0.3:
        config["optimize"] = rng.choice([True, True, *OPTIMIZATIONS, ",".join(rng.sample(OPTIMIZATIONS, 2))])
    if rng.random() < 0.4:
        config["memory"] = True
    elif rng.random() < 0.3:
        config["rocksdb"] = True
    if rng.random() < 0.4:
        config["cache"] = rng.choice([LARGE_CACHE, rng.randint(100, 3_000)])
        config["commits"] = rng.random() < 0.5
    if rng.random() < 0.3:
        config["emit"] = 1_000
    for name in ("deserialization", "processing"):
        if rng.random() < 0.15:
            config[name] = "continue" if rng.random() < 0.9 else "fail"
            if rng.random() < 0.5:
                config["dlq"] = DEAD_LETTERS
    if rng.random() < 0.1:
        config["production"] = "continue" if rng.random() < 0.8 else "fail"
    return config
