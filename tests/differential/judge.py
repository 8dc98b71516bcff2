"""Compares two answers."""
import collections
import re

# Of suppress(), Java writes what has changed in the order of a hash set.
SUPPRESSION = re.compile(r"app-KTABLE-SUPPRESS-STATE-STORE-\d+-changelog")


class Difference:
    """`kind` says where it is, so that shrinking does not slip from one difference to another."""

    def __init__(self, kind, text):
        self.kind, self.text = kind, text


# What Java's error says where it is no measure.
KNOWN_ERRORS = [
    # Here types bring their serdes along.
    (r"ClassCastException.*Serde", "Java knows no serde"),
    (r"NullPointerException: key cannot be null", "D-16: Java's left join with a grace period needs a key"),
    (r"Found a null keyChangingChild node", "D-17: Java refuses to merge repartition topics"),
    (r"Processor .*-repartition-filter is already added", "D-19: Java refuses a second cogroup of a named group"),
    (r"KTable source state store must implement", "D-20: Java cannot look up what a windowed cogroup made"),
    (r'Cannot invoke "\S+\.ValueAndTimestamp\.timestamp\(\)" because "windowBeingProcessed\.value" is null',
     "D-30: Java's sliding windows meet what the cache has as deleted"),
]


def known(java):
    """Why Java's answer is no measure from its error on; None: it is one."""
    if slow(java):
        return "Java needs more than two minutes"
    return next((why for part in (java, *java.get("steps", [])) if (why := known_error(part))), None)


def slow(answer):
    """Joins of joins make many records of one; which of the sides is at work for how long, nobody promises."""
    return answer.get("error", [""])[0] == "slow"


def known_error(part):
    for pattern, why in KNOWN_ERRORS:
        if "error" in part and re.search(pattern, part["error"][1], re.DOTALL):
            return why
    return None


def known_of(scenario, java):
    """Of errors that only tell together with the scenario."""
    groups = [name for step in scenario["topology"] for name in ([step["on"]] if "on" in step else step.get("groups", []))]
    twice = any("roupBy" in step["op"] and "named" in step and groups.count(step["as"]) > 1 for step in scenario["topology"])
    if twice and re.search("StateStore .* is not added yet", str(java.get("error"))):
        return "D-34: Java refuses a join with a table of a named group that is used once more"
    if "only supported for non-versioned KTables" in str(java.get("error")) and any(
            step["op"] == "windowSuppress" and is_windowed_cogroup(scenario, step["on"]) for step in scenario["topology"]):
        return "D-60: Java takes a windowed cogroup for versioned"
    return None


def is_windowed_cogroup(scenario, table):
    """Or what filters, maps, joins and suppressions make of one."""
    step = next(step for step in scenario["topology"] if step.get("as") == table)
    if step["op"] == "cogroup":
        return "windows" in step
    return step["op"] in ("windowFilter", "windowMapValues", "windowSuppress", "windowJoin") and any(
        is_windowed_cogroup(scenario, step[field]) for field in ("on", "with") if field in step)


def gives_up_waiting_records(scenario, found):
    """D-46: Java leaves a record whose join throws in the buffer, and joins it again."""
    throws = any(step["op"] == "streamTableJoin" and "grace" in step and step["f"].startswith("throws:")
                 for step in scenario["topology"])
    return throws and "-Buffer-changelog" in found.text


def subscribes_nowhere(java):
    """D-56: what a punctuation sends on to a foreign-key join, Java subscribes for the partition -1, and cannot answer."""
    return any("SUBSCRIPTION" in topic.upper() and str(value).endswith("\xff\xff\xff\xff")
               for topic, _, value, *_ in java.get("sent", []))


def compare(scenario, ours, java):
    """None, or the first Difference. Where Java's error is one that is `known`, only what was before it is compared."""
    if slow(java):
        return None
    if slow(ours):
        return Difference("slow", ours["error"][1])
    if "died" in (ours.get("error", [""])[0], java.get("error", [""])[0]):
        return Difference("died", f"ours: {ours.get('error')}\nJava: {java.get('error')}")
    if "built" not in java and (known_error(java) or known_of(scenario, java)):
        return None
    if ("built" in ours) != ("built" in java):
        return Difference("build", f"ours: {ours.get('error', 'built')}\nJava: {java.get('error', 'built')}")
    if "built" not in ours:
        return None
    if in_order(ours["built"]) != in_order(java["built"]):
        return Difference("describe", f"ours: {ours['built']}\nJava: {java['built']}")
    mine, theirs = ours.get("steps", []), java.get("steps", [])
    unordered = suppressions(scenario)
    for number, (one, other) in enumerate(zip(mine, theirs)):
        if known_error(other):
            return None
        found = compare_step(one, other, unordered)
        if found and (gives_up_waiting_records(scenario, found) or subscribes_nowhere(other)):
            return None
        if found:
            return Difference(found.kind, f"input {number}, {scenario['input'][number]}:\n{found.text}")
    if known_error(java):
        return None
    if len(mine) != len(theirs):
        return Difference("steps", f"ours has {len(mine)} steps, Java {len(theirs)}; "
                                   f"ours: {ours.get('error')}, Java: {java.get('error')}")
    if ("error" in ours) != ("error" in java):
        return Difference("end error", f"ours: {ours.get('error')}\nJava: {java.get('error')}")
    return compare_end(ours["end"], java["end"]) if "end" in ours else None


def suppressions(scenario):
    """Whether a topic is the changelog of one."""
    named = {f"app-{step['named']}-store-changelog" for step in scenario["topology"]
             if "uppress" in step["op"] and "named" in step}
    return lambda topic: topic in named or SUPPRESSION.fullmatch(topic)


def in_order(description):
    """describe() without the order of nodes and neighbours, which in Java is that of a tree whose keys change meanwhile."""
    parts = []
    for part in description.split("Sub-topology: ")[1:]:
        title, *lines = part.splitlines()
        nodes, node = [], None
        for line in lines:
            if line.startswith("      "):
                node.append(line[:10] + ", ".join(sorted(line[10:].split(", "))))
            elif line.strip():
                head, _, stores = line.partition(" (stores: [")
                node = [head, *sorted(stores.rstrip("])").split(", "))]
                nodes.append(node)
        parts.append([title, *sorted(nodes)])
    return parts


DEAD_LETTERS = "dlq"
SAME_HEADERS = ("topic", "partition", "offset")


def letter(row):
    """Of a dead letter what is the same: not the error's text, nor (D-9) key and value where processing failed."""
    topic, key, value, timestamp, headers = row
    if topic != DEAD_LETTERS:
        return row
    headers = [[name, said if name.rpartition(".")[2] in SAME_HEADERS or not name.startswith("__") else "*"]
               for name, said in headers]
    return [topic, "*", "*", timestamp, headers]


def compare_step(ours, java, unordered):
    if ("error" in ours) != ("error" in java):
        return Difference("error", f"ours: {ours.get('error', ours.get('sent'))}\nJava: {java.get('error', java.get('sent'))}")
    if "error" in ours:
        return None
    mine, theirs = ([letter(row) for row in side["sent"]] for side in (ours, java))
    loose = [sorted((row for row in rows if unordered(row[0])), key=repr) for rows in (mine, theirs)]
    if loose[0] != loose[1]:
        return Difference("sent", side_by_side(*loose))
    mine, theirs = ([row for row in rows if not unordered(row[0])] for rows in (mine, theirs))
    return None if mine == theirs else Difference("sent", side_by_side(mine, theirs))


def compare_end(ours, java):
    if ours["dropped"] != java["dropped"]:
        return Difference("dropped", f"dropped: ours {ours['dropped']}, Java {java['dropped']}")
    if sorted(ours["stores"]) != sorted(java["stores"]):
        return Difference("stores", f"stores: ours {sorted(ours['stores'])}, Java {sorted(java['stores'])}")
    for name, rows in java["stores"].items():
        if rows is None:
            continue
        mine = ours["stores"][name]
        if sorted(map(repr, mine)) != sorted(map(repr, rows)):
            return Difference("store", f"store {name}:\n{side_by_side(mine, rows)}")
    return None


def side_by_side(ours, java):
    at = next((i for i, (one, other) in enumerate(zip(ours, java)) if one != other), min(len(ours), len(java)))
    return (f"  the first {at} are equal, then\n" + "".join(f"  ours: {row}\n" for row in ours[at:])
            + "".join(f"  Java: {row}\n" for row in java[at:]))


def operators(scenario):
    """Names of what was drawn, with kinds."""
    names = collections.Counter()
    for step in scenario["topology"]:
        name = ":".join([step["op"], *(step[kind] for kind in ("kind", "emit") if kind in step)])
        if "keeps" in step:
            name += ":" + step["keeps"]["kind"]
        if "kind" in step.get("windows", {}):
            name += ":" + step["windows"]["kind"]
        names[name] += 1
        if "history" in step.get("store", {}):
            names["versioned store"] += 1
    return names
