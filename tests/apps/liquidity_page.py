#!/usr/bin/env python3
"""The live page in a real Chromium, compared with the topics.

usage: liquidity_page.py LIQUIDITY TIDEMILL [SCREENSHOT]
"""
import json
import signal
import sys

from browser import Browser, programs
from program import Liquidity, http, transaction

STAGES = ["lq.transactions", "lq.legs", "lq.account-balances", "lq.client-legs", "lq.client-balances", "lq.breaches",
          "lq.breach-clears", "lq.dlq"]
SHOWN = 40
KEPT = 50

# Everything that the page shows, read from its elements.
READ = """
  const text = selector => document.querySelector(selector).textContent;
  const rows = selector => [...document.querySelectorAll(selector)];
  return {
    tiles: Object.fromEntries(rows('.tile').map(t => [t.id, [t.querySelector('b').textContent, t.querySelector('small').textContent]])),
    stages: Object.fromEntries(rows('#stages tr').map(r => [r.dataset.key, [r.dataset.records, r.children[3].textContent]])),
    clients: rows('#clients tr').map(r => ({key: r.dataset.key, balance: r.dataset.balance, floor: r.dataset.floor,
      version: r.dataset.version, breached: r.className === 'breached', cells: [...r.children].map(c => c.textContent)})),
    events: rows('#events li').map(e => ({id: e.dataset.id, breach: e.classList.contains('breach'), balance: e.dataset.balance,
      transaction: e.dataset.transaction, text: e.textContent})),
    connection: text('#connection'), notice: text('#notice'), empty: document.getElementById('no-clients').hidden,
  };"""


def grouped(number):
    return f"{number:,}"


def money(minor):
    sign = "−" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100:,}.{abs(minor) % 100:02}"


def check(what, shown, expected):
    assert shown == expected, f"{what}: the page shows {shown!r}, the topics say {expected!r}"


def compare(page, topics):
    values = {topic: [(r["key"], json.loads(r["value"])) for r in records] for topic, records in topics.items()
              if topic not in ("lq.transactions", "lq.dlq")}
    for topic in STAGES:
        count = len(topics[topic])
        check(topic, page["stages"][topic], [str(count), grouped(count)])
    check("transactions", page["tiles"]["transactions"][0], grouped(len(topics["lq.transactions"])))
    check("breaches", page["tiles"]["breaches"],
          [grouped(len(topics["lq.breaches"])), grouped(len(topics["lq.breach-clears"])) + " cleared"])
    check("refused", page["tiles"]["refused"][0], grouped(len(topics["lq.dlq"])))

    floors = {key: limit["floor"] for key, limit in values["lq.limits"]}
    balances = dict(values["lq.client-balances"])
    opened = {key: breach["breach_id"] for key, breach in values["lq.breaches"]}
    cleared = {clear["breach_id"] for _, clear in values["lq.breach-clears"]}
    open_now = {key for key, breach in opened.items() if breach not in cleared}
    check("below their floor", page["tiles"]["open"], [grouped(len(open_now)), f"of {grouped(len(balances))} positions"])

    def used(key):
        return balances[key]["balance"] / floors[key] if key in floors else 0

    order = sorted(balances, key=lambda key: (key not in open_now, -used(key)))
    check("number of rows", len(page["clients"]), min(SHOWN, len(balances)))
    shown = [row["key"] for row in page["clients"]]
    check("the use of the floors, from row to row", [round(used(key), 6) for key in shown],
          [round(used(key), 6) for key in order[:SHOWN]])
    for row in page["clients"]:
        balance = balances[row["key"]]
        client, currency = row["key"].rsplit("/", 1)
        check(row["key"], [row["balance"], row["version"], row["breached"]],
              [str(balance["balance"]), str(balance["version"]), row["key"] in open_now])
        check(row["key"] + ", floor", row["floor"], str(floors.get(row["key"], "")))
        check(row["key"] + ", as text", row["cells"][:3],
              [client + currency, money(balance["balance"]), money(floors[row["key"]]) if row["key"] in floors else "none"])
        check(row["key"] + ", legs", row["cells"][4], grouped(balance["version"]))

    told = {(True, e["breach_id"]): e for _, e in values["lq.breaches"]}
    told |= {(False, e["breach_id"]): e for _, e in values["lq.breach-clears"]}
    check("number of events", len(page["events"]), min(KEPT, len(told)))
    for event in page["events"]:
        record = told[(event["breach"], event["id"])]
        check(event["id"], [event["balance"], event["transaction"]], [str(record["balance"]), record["transaction"]])
        for part in (record["client"], record["currency"], money(record["balance"]), money(record["floor"])):
            assert part in event["text"], f"{event['id']}: {part} is not in {event['text']!r}"


def main():
    chromium, chromedriver = programs()
    if not chromium or not chromedriver:
        print("#" * 80)
        print("## SKIPPED: there is no chromium and chromedriver here; `tools/setup test` installs them.")
        print("#" * 80)
        return 77
    with Liquidity(*sys.argv[1:3]) as app, Browser() as browser:
        data, day = app.path("data"), app.generate("day", 4000)
        with open(day + "/transactions.ndjson", "a", encoding="utf-8") as out:
            out.write("no transaction\n")
        run = app.start("run", "--data", data, "--input", day, "--port", 0)
        url = run.url()
        browser.go(url)
        browser.wait_for("document.getElementById('connection').textContent === 'live'")
        # All legs have gone through: the last stage has as many records as the input has legs.
        with open(day + "/transactions.ndjson", encoding="utf-8") as lines:
            legs = sum(line.count('"account"') for line in lines)
        every_leg = "document.querySelector('#stages tr[data-key=\"lq.client-balances\"]')?.dataset.records === args[0]"
        browser.wait_for(every_leg, str(legs))

        # A breach as it comes: a client is sent far below its floor, and back.
        status, answer = http("POST", url + "/transactions", transaction("far-down", ("A1-EUR-1", "EUR", -10**17 - 7),
                                                                         ("A2-EUR-1", "EUR", 10**17 + 7)))
        assert status == 201, answer
        arrived = "document.querySelector('#events li[data-transaction=\"' + args[0] + '\"]') !== null"
        browser.wait_for(arrived, "far-down")
        first = browser.run(READ)["clients"][0]
        check("the deepest below its floor", [first["key"], first["breached"]], ["C1/EUR", True])
        assert len(first["balance"]) > 17, f"the balance {first['balance']} has lost digits"
        browser.wait_for(every_leg, str(legs + 2))
        if len(sys.argv) > 3:
            browser.screenshot(sys.argv[3])
        page = browser.run(READ)
        check("connection", [page["connection"], page["notice"], page["empty"]], ["live", "", True])
        check("errors on the console", browser.console_errors(), [])
        outside = {u for u in browser.requests() if u.startswith(("http:", "https:", "ws:", "wss:")) and not u.startswith(url + "/")}
        check("outside requests", outside, set())

        # Killed and started again at its address, it is found again, with the same numbers.
        run.end(signal.SIGKILL)
        browser.wait_for("document.getElementById('connection').className === 'off'")
        run = app.start("run", "--data", data, "--port", url.rsplit(":", 1)[1])
        assert run.url() == url, run.output
        browser.wait_for("document.getElementById('connection').textContent === 'live'")
        browser.wait_for(every_leg, str(legs + 2))
        again = browser.run(READ)
        for fleeting in ("rate", "latency"):
            del again["tiles"][fleeting], page["tiles"][fleeting]
        for part in ("stages", "clients", "events", "tiles"):
            check(part + " after a kill", again[part], page[part])
        status = run.end(signal.SIGINT)
        assert status == 0, f"status {status}: {run.output}"

        topics = {topic: app.records(data, topic) for topic in [*STAGES, "lq.limits"]}
        compare(page, topics)
        app.verify(data)
        print(f"{len(page['clients'])} balances, {len(page['events'])} events and {len(STAGES)} stages are as in the topics")
    return 0


sys.exit(main())
