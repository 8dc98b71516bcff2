"""Makes a scenario smaller while the same difference stays."""
import copy

RUNS_MAX = 600
ENDS = {"to", "wto", "cto", "wcto"}


class Shrinker:
    def __init__(self, differs):
        """`differs(scenario)`: the kind of difference is still there."""
        self.differs, self.runs = differs, 0

    def shrink(self, scenario):
        before = None
        while before != scenario and self.runs < RUNS_MAX:
            before = scenario
            scenario = self._drop_inputs(scenario)
            scenario = self._drop_steps(scenario)
            scenario = self._drop_options(scenario)
        return scenario

    def _still(self, scenario):
        self.runs += 1
        return self.runs <= RUNS_MAX and self.differs(scenario)

    def _drop_inputs(self, scenario):
        size = max(1, len(scenario["input"]) // 2)
        while True:
            at = 0
            while at < len(scenario["input"]):
                smaller = {**scenario, "input": scenario["input"][:at] + scenario["input"][at + size:]}
                if self._still(smaller):
                    scenario = smaller
                else:
                    at += size
            if size == 1:
                return scenario
            size //= 2

    def _drop_steps(self, scenario):
        at = len(scenario["topology"]) - 1
        while at >= 0:
            for smaller in (without(scenario, at), bypassed(scenario, at)):
                if smaller is not None and smaller["topology"] and self._still(smaller):
                    scenario = smaller
                    break
            at = min(at, len(scenario["topology"])) - 1
        return scenario

    def _drop_options(self, scenario):
        for at, step in enumerate(scenario["topology"]):
            for path in [(name,) for name in ("named", "store", "suffix", "emit", "h", "picky", "timed", "also")] + [
                    ("store", name) for name in ("cache", "log", "engine", "retention", "history")] + [
                    (*of, "serdes", part) for of in ((), ("store",)) for part in ("key", "value", "other")] + [
                    ("serdes",), ("store", "serdes")]:
                smaller = removed(scenario, at, path)
                if smaller is not None and self._still(smaller):
                    scenario = smaller
        for name in list(scenario["config"]):
            smaller = {**scenario, "config": {k: v for k, v in scenario["config"].items() if k != name}}
            if self._still(smaller):
                scenario = smaller
        for at, one in enumerate(scenario["input"]):
            if "h" in one:
                smaller = copy.deepcopy(scenario)
                del smaller["input"][at]["h"]
                if self._still(smaller):
                    scenario = smaller
        return scenario


def reads(step):
    handles = {step[field] for field in ("on", "with") if field in step}
    return handles | set(step.get("groups", []))


def makes(step):
    if step["op"] == "split":
        return {step["as"] + str(number) for number in range(len(step["fs"]) + 1)}
    return {step["as"]} if "as" in step else set()


def without(scenario, at):
    """Without the step and all that needs it."""
    gone, kept = set(), []
    for number, step in enumerate(scenario["topology"]):
        if number == at or reads(step) & gone:
            gone |= makes(step)
        else:
            kept.append(step)
    topics = {step["topic"] for step in kept if "topic" in step and "on" not in step}
    topics |= {topic.replace(".*", "a") for topic in topics}
    topics |= {topic for step in kept for topic in step.get("topics", [])}
    return {**scenario, "topology": kept, "input": [one for one in scenario["input"] if one.get("pipe", None) in topics
                                                    or "pipe" not in one]}


def bypassed(scenario, at):
    """Its readers read what it read; where that is of another type, the scenario fails to build on both sides alike."""
    step = scenario["topology"][at]
    if "on" not in step or "as" not in step or step["op"] == "split":
        return None
    smaller = copy.deepcopy(scenario)
    del smaller["topology"][at]
    for later in smaller["topology"][at:]:
        for field in ("on", "with"):
            if later.get(field) == step["as"]:
                later[field] = step["on"]
        if "groups" in later:
            later["groups"] = [step["on"] if one == step["as"] else one for one in later["groups"]]
    return smaller


def removed(scenario, at, path):
    step = scenario["topology"][at]
    for name in path[:-1]:
        step = step.get(name, {})
    if path[-1] not in step:
        return None
    smaller = copy.deepcopy(scenario)
    step = smaller["topology"][at]
    for name in path[:-1]:
        step = step[name]
    del step[path[-1]]
    return smaller
