#!/usr/bin/env python3
"""What an operator does wrong, and what the world does to him: each gets a clear message, nothing hangs, nothing is lost.

usage: liquidity_operator.py LIQUIDITY TIDEMILL [NAME...]   (NAMEs: only these checks)
"""
import http.client as http_client
import json
import os
import re
import signal
import socket
import subprocess
import sys

from program import PATIENCE, Liquidity, http, transaction

SMALL = 2000
LARGE = 40000


def says(output, *parts):
    for part in parts:
        assert part in output, f"{part!r} is not in:\n{output}"


def refused(outcome, *parts):
    status, output = outcome
    assert status not in (0, None) and status > 0, f"status {status}: {output}"
    says(output, *parts)


def once(app, data, day, *more):
    return app.call("run", "--data", data, "--input", day, "--once", "--no-http", *more)


def complete(app, data, transactions):
    """Every transaction of the input is there, once, and all follows from them."""
    says(app.verify(data), f"{transactions} transactions, 0 refused, 0 repeated")


def wrong_usage(app):
    refused(app.call(), "subcommand")
    refused(app.call("frobnicate"), "frobnicate")
    refused(app.call("run", "--data", "x", "--frobnicate"), "--frobnicate")
    refused(app.call("run"), "--data DIR or --config FILE")
    refused(app.call("verify"), "--data DIR or --config FILE")
    refused(app.call("run", "--data", "x", "--config", "y"), "--data", "--config")
    refused(app.call("run", "--data", "x", "--port", "99999"), "--port")
    refused(app.call("generate", "--transactions", "0", "--out", "x"), "--transactions")
    refused(app.call("generate"), "--out")
    for wrong in ((), ("frobnicate",), ("run", "--data", "x", "--frobnicate"), ("generate",)):
        assert app.call(*wrong)[0] == 2, wrong
    status, output = app.call("--help")
    assert status == 0, output
    says(output, "generate", "run", "verify", "Exit status")
    status, output = app.call("run", "--help")
    assert status == 0, output
    says(output, "--data", "--config", "--input", "--once", "--port", "--no-http")


def missing_files(app):
    data = app.path("data")
    refused(app.call("run", "--data", data, "--input", app.path("nothing"), "--once"), app.path("nothing"))
    os.mkdir(app.path("empty"))
    refused(once(app, data, app.path("empty")), "accounts.ndjson is missing")
    assert not os.path.exists(data), "a log was made although the input is missing"
    refused(app.call("verify", "--data", data), f"there is no directory {data}")
    refused(app.call("verify", "--data", app.path("empty")), app.path("empty"))
    assert os.listdir(app.path("empty")) == [], "verify has made something in a directory that held nothing"
    day = app.generate("day", 10)
    refused(once(app, day + "/transactions.ndjson", day), "transactions.ndjson")
    refused(app.call("generate", "--transactions", 5, "--out", "/proc/nothing"), "/proc/nothing")


def configurations(app):
    def file(name, text):
        with open(app.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return app.path(name)

    refused(app.call("run", "--config", app.path("nothing")), app.path("nothing"))
    for command in ("run", "verify"):
        refused(app.call(command, "--config", file("no-servers", "num.stream.threads=2\n")), "bootstrap.servers is missing", "--data")
    refused(app.call("run", "--config", file("no-value", "bootstrap.servers\n")), "no-value:1", "key=value")


def owned_by_another(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    run = app.start("run", "--data", data, "--input", day, "--port", 0)
    run.url()
    for outcome in (once(app, data, day), app.call("verify", "--data", data)):
        refused(outcome, data, str(run.process.pid))
    assert run.end(signal.SIGINT) == 0, run.output
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, SMALL)


def open_files(pid):
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            pass  # closed meanwhile: the process is at work


def ports(app):
    day = app.generate("day", 10)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(app.call("run", "--data", app.path("data"), "--input", day, "--once", "--port", port),
                f"port {port} of 127.0.0.1 is in use", "--no-http")
    first = app.start("run", "--data", app.path("first"))
    second = app.start("run", "--data", app.path("second"))
    ports = [int(run.url().rsplit(":", 1)[1]) for run in (first, second)]
    assert ports[0] != ports[1] and all(8080 <= port < 8180 for port in ports), ports
    # On 127.0.0.1 and nowhere else.
    inodes = set(open_files(first.process.pid))
    listening = []
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{first.process.pid}/net/{table}", encoding="ascii") as rows:
            for row in list(rows)[1:]:
                cells = row.split()
                if cells[3] == "0A" and f"socket:[{cells[9]}]" in inodes:
                    listening.append(cells[1])
    assert listening == [f"0100007F:{ports[0]:04X}"], listening
    for run in (first, second):
        assert run.end(signal.SIGTERM) == 0, run.output


def bad_lines(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    path = day + "/transactions.ndjson"
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    half = lines[-1][:60]
    lines[4] = "{broken\n"
    lines[9] = lines[9].replace('"amount":', '"amount":x', 1)
    # One that is whole and wrong: the chain refuses it, not the reader of the file.
    wrong = transaction("unbalanced", ("A1-EUR-1", "EUR", 5))
    # Texts that are longer than a record may be, as they are key and value of one, or stand in a reason.
    lines[14] = transaction("i" * 600000, ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    lines[19] = transaction("long", ("A" * 550000, "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines([*lines[:-1], wrong + "\n", half])
    status, output = once(app, data, day)
    assert status == 0, output
    says(output, f"{path}:5: not valid JSON", f"{path}:10: not valid JSON", f"{path}:{SMALL + 1}: the last line is half-written",
         "2,000 transactions taken", "4 lines malformed", "1 line half-written", "5 refused", f"{path}:15: \"id\" has 600000 bytes", f"{path}:20: \"account\" has 550000 bytes")
    dead = {record["key"]: record for record in app.records(data, "lq.dlq")}
    assert set(dead) == {f"{path}:5", f"{path}:10", f"{path}:15", f"{path}:20", "unbalanced"}, set(dead)
    assert dead[f"{path}:5"]["value"] == "{broken", dead
    says(str(dead["unbalanced"]["headers"]), "reason", "do not sum to zero")
    # The writer goes on with its line.
    with open(path, "a", encoding="utf-8") as file:
        file.write(lines[-1][60:])
    status, output = once(app, data, day)
    assert status == 0, output
    says(output, "1 transactions taken", "after 2,000 lines before")
    says(app.verify(data), f"{SMALL + 1} transactions, 5 refused")


def bad_reference_data(app):
    data, day = app.path("data"), app.generate("day", 100)
    with open(day + "/accounts.ndjson", "a", encoding="utf-8") as file:
        file.write('{"account":"A-new"}\n')
    accounts = sum(1 for _ in open(day + "/accounts.ndjson", encoding="utf-8"))
    refused(once(app, data, day), f"accounts.ndjson:{accounts}: \"client\" is missing", "nothing of it has been")
    assert app.records(data, "lq.transactions") == []


def ended_and_started_again(app):
    data, day = app.path("data"), app.generate("day", SMALL)
    for taken in ("2,000", "0", "0"):
        status, output = once(app, data, day)
        assert status == 0, output
        says(output, f"{taken} transactions taken")
        complete(app, data, SMALL)


def progress(app):
    """While the input is taken, what the chain has still to do is no secret."""
    status, output = once(app, app.path("data"), app.generate("day", LARGE))
    assert status == 0, output
    says(output, "transactions.ndjson [##############################] 100%  40,000 taken")
    waiting = [int(number.replace(",", "")) for number in re.findall(r"taken, ([\d,]+) records in the chain", output)]
    assert max(waiting) > 0, output


def another_day(app):
    data = app.path("data")
    for seed in (1, 2):
        status, output = once(app, data, app.generate("day", SMALL, seed=1) if seed == 1 else next_day(app))
        assert status == 0, output
        says(output, "2,000 transactions taken")
    says(app.verify(data), f"{2 * SMALL} transactions, 0 refused")


def edited_in_the_middle(app):
    """What was read has been changed since: the operator hears of it, and nothing counts twice."""
    data, day = app.path("data"), app.generate("day", SMALL)
    path = day + "/transactions.ndjson"
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()

    def run(*parts):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines)
        status, output = once(app, data, day)
        assert status == 0, output
        says(output, *parts)

    whole = lines[99]
    lines[99] = lines[199] = "{broken\n"
    run("2,000 transactions taken", "2 lines malformed")
    lines[99] = whole
    lines[1499] = re.sub(r'"amount":(-?\d)', r'"amount":\g<1>0', lines[1499])
    run(f"{path}: a change in lines ", "after 2000 lines were taken", "is read again from line",
        f"{path}:1500: transaction ", "taken with another content", "1 transactions taken", "1,9", "lines known already, 1 of them with another content")
    lines.append(transaction("mended", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 4)) + "\n")
    run("1 transactions taken", "3 refused")
    lines[-1] = transaction("mended", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"  # was refused: is judged anew
    run("a change in ", "1 transactions taken", "3 refused")
    lines[0] = transaction("new-first", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)) + "\n"
    run("another file was read at this place before", "1 transactions taken", "2,000 lines known already")
    run("0 transactions taken")
    says(app.verify(data), f"{SMALL + 4} transactions, 3 refused, 0 repeated")


def next_day(app):
    """The same clients, other transactions, in the same place."""
    day = app.path("day")
    with open(day + "/transactions.ndjson", encoding="utf-8") as file:
        lines = [line.replace('"id":"t-1-', '"id":"u-1-') for line in file]
    with open(day + "/transactions.ndjson", "w", encoding="utf-8") as file:
        file.writelines(lines)
    return day


def interrupted(app):
    """Ctrl-C in the midst of --once, several times, then to the end."""
    data, day = app.path("data"), app.generate("day", LARGE)
    for number, marker in ((signal.SIGINT, r"[1-9]\d?%"), (signal.SIGTERM, "the chain"), (signal.SIGINT, "the chain")):
        run = app.start("run", "--data", data, "--input", day, "--once", "--no-http")
        run.wait_for(marker)
        status = run.end(number)
        if status == 0:  # it was faster
            break
        assert status == 128 + number, f"status {status}: {run.output}"
        says(run.output, "goes on where it stood")
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, LARGE)


def killed(app):
    """kill -9 again and again: the last balances are byte for byte those of a run that nobody touched."""
    day = app.generate("day", LARGE)
    status, output = once(app, app.path("whole"), day)
    assert status == 0, output
    data = app.path("data")
    for marker in ("transactions.ndjson", r"[1-9]\d?%", "[4-9]0%", "the chain", "the chain", "the chain.*%"):
        run = app.start("run", "--data", data, "--input", day, "--once", "--no-http")
        run.wait_for(marker)
        run.end(signal.SIGKILL)
    status, output = once(app, data, day)
    assert status == 0, output
    complete(app, data, LARGE)
    for topic in ("lq.account-balances", "lq.client-balances"):
        assert app.last(data, topic) == app.last(app.path("whole"), topic), topic


def posts(app):
    data, day = app.path("data"), app.generate("day", 100)
    run = app.start("run", "--data", data, "--input", day, "--port", 0)
    url = run.url()
    where = url + "/transactions"
    good = transaction("p-1", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5))

    def answers(outcome, status, *parts):
        assert outcome[0] == status, f"{outcome} is not {status}"
        says(outcome[1], *parts)

    answers(http("POST", where, good), 201, '{"id":"p-1"}')
    for spelled in (good, good, json.dumps({"note": "again", **json.loads(good)}, indent=1)):  # on its way, or judged
        answers(http("POST", where, spelled), 200, '{"id":"p-1","known":true}')
    answers(http("POST", where, good.replace("5}", "6}")), 409, "p-1 is known with another content")
    answers(http("POST", where, ""), 400, "error")
    answers(http("POST", where, "{"), 400, "not valid JSON")
    answers(http("POST", where, b"\xff\xfe{}"), 400, "not valid JSON")
    answers(http("POST", where, "[]"), 400, "not a JSON object")
    answers(http("POST", where, '{"id":"x"}'), 400, '\\"time\\" is missing')
    answers(http("POST", where, good.replace("-5", "-5.5")), 400, "whole number")
    answers(http("POST", where, good.replace('"value_date": "2026-11-23"', '"value_date": "soon"')), 400, "not a date like 2026-11-23")
    answers(http("POST", where, transaction("p-2", ("A1-EUR-1", "EUR", -5))), 422, "do not sum to zero")
    answers(http("POST", where, transaction("p-3", ("A1-EUR-1", "EUR", 2**63), ("A2-EUR-1", "EUR", -2**63))), 422, "overflows")
    answers(http("POST", where, transaction("p-4", ("A1-EUR-1", "EUR", -5), ("Z", "EUR", 5))), 201, "p-4")
    answers(http("POST", where, good + " " * 950000), 413, "more than")
    answers(http("POST", where, good + " " * 2000000), 413, "error")
    answers(http("POST", where, good, {"Origin": "http://example.org"}), 403, "error")
    answers(http("POST", where, good, {"Host": "example.org"}), 403, "error")
    answers(http("PUT", where, good), 405, "does not take such a request")
    answers(http("POST", url + "/nothing", good), 404, "error")
    answers(http("GET", url + "/nothing"), 404, "error")
    answers(http("GET", where), 405, "does not take such a request")
    answers(http("POST", url + "/healthz", "{}"), 405, "does not take such a request")
    host, port = re.fullmatch("http://([^:/]*):([0-9]*)", url).groups()
    idle = [socket.create_connection((host, int(port))) for _ in range(100)]
    answers(http("GET", url + "/healthz"), 200, "state")
    for connection in idle:
        connection.close()
    answers(http("GET", url + "/topology"), 200, "Sub-topology: 3")
    # What would become no record, or one that stops the chain.
    answers(http("POST", where, transaction("p-5", ("A" * 550000, "EUR", -5), ("A2-EUR-1", "EUR", 5))), 400, "has 550000 bytes")
    answers(http("POST", where, transaction("i" * 600000, ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5))), 400, "has 600000 bytes")
    many = [transaction(f"legs-{n}", *[("A1-EUR-1", "EUR", -1), ("A2-EUR-1", "EUR", 1)] * 2000) for n in range(3)]
    for body in many:
        answers(http("POST", where, body), 201)
    assert run.end(signal.SIGINT) == 0, run.output
    status, output = app.call("run", "--data", data, "--once", "--no-http")
    assert status == 0, output
    says(app.verify(data), f"{100 + 3 + 1 + 3} transactions, 3 refused, 0 repeated")
    refusals = {record["key"] for record in app.records(data, "lq.dlq")}
    assert refusals == {"p-2", "p-3", "p-4"}, refusals
    # What was taken is known after a start, too; what was refused is judged anew.
    run = app.start("run", "--data", data, "--port", 0)
    where = run.url() + "/transactions"
    run.wait_for("page is at")
    answers(http("POST", where, good), 200, "known")
    answers(http("POST", where, good.replace("2026-11-23T18", "2026-11-23T19")), 409, "needs an id of its own")
    answers(http("POST", where, transaction("p-4", ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5))), 201, "p-4")
    assert run.end(signal.SIGINT) == 0, run.output


def states(url, count):
    """The first states that the page is sent."""
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with connection.makefile(encoding="utf-8") as lines:
            found = []
            while len(found) < count:
                line = lines.readline()
                assert line, f"the stream has ended after {found}"
                if line.startswith("data: "):
                    found.append(json.loads(line[len("data: "):]))
            return found


def rates_of_the_past(app):
    """After a start nothing moves, whatever there is to read."""
    data, day = app.path("data"), app.generate("day", SMALL)
    assert once(app, data, day)[0] == 0
    run = app.start("run", "--data", data, "--port", 0)
    seen = states(run.url(), 8)
    transactions = next(stage for stage in seen[-1]["stages"] if stage["topic"] == "lq.transactions")
    assert seen[-1]["current"] and transactions["records"] == SMALL, seen[-1]
    rates = [[stage["rate"] for stage in state["stages"]] for state in seen]
    assert not any(map(any, rates)), rates
    assert run.end(signal.SIGINT) == 0, run.output


def raw(url, request):
    """All that comes back until the server closes."""
    host, port = re.fullmatch("http://([^:/]*):([0-9]*)", url).groups()
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(request.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer.decode()


def in_two_segments(url, head, body):
    """All that comes back when the body is sent on the answer to the head; the server may have closed by then."""
    host, port = re.fullmatch("http://([^:/]*):([0-9]*)", url).groups()
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536)
        try:
            connection.sendall(body.encode())
            while piece := connection.recv(65536):
                answer += piece
        except (BrokenPipeError, ConnectionResetError):
            pass
    return answer.decode()


def requests_in_refused_ones(app):
    """The body of a request that is refused is no request."""
    run = app.start("run", "--data", app.path("data"), "--port", 0)
    url = run.url()

    def post(identity, more=""):
        inner = transaction(identity, ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5))
        return f"POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(inner)}\r\n{more}\r\n{inner}"

    other_site = "Origin: http://example.org\r\nContent-Type: text/plain\r\n"
    cases = (("403", "POST /transactions", other_site), ("403", "HEAD /state", other_site),
             ("415", "POST /transactions", "Content-Type: multipart/form-data; boundary=x\r\n"),
             ("400", "GET /healthz", ""), ("400", "HEAD /healthz", ""), ("400", "OPTIONS /transactions", ""), ("400", "PRI /", ""),
             ("404", "POST /nothing", ""), ("405", "PUT /transactions", ""),
             ("414", "POST /" + "a" * 8150 * 2, ""), ("416", "POST /transactions", "Range: nonsense\r\n"),
             ("411", "POST /transactions", "Transfer-Encoding: chunked\r\n"), ("411", "POST /transactions", "Content-Length: 0\r\n"))
    for number, (status, line, headers) in enumerate(cases):
        body = post(f"inner-{number}")
        head = f"{line} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        answer = in_two_segments(url, head, body)
        says(answer, f"HTTP/1.1 {status} ", "Connection: close")
        assert answer.count("HTTP/1.1 ") == 1, f"{line} {headers}: {answer}"
    for length in ("Content-Length: x", "Content-Length: -5", "Content-Length: 5, 5", "X: y"):
        says(in_two_segments(url, f"POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n\r\n", post("inner")),
             "HTTP/1.1 411 ", "say with Content-Length")
    # A chunk's size may be as long as its sender likes: nothing of it is read.
    chunked = "POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    says(in_two_segments(url, chunked, "5;" + "a" * 100000), "HTTP/1.1 411 ")
    # Those that are as they should be share a connection.
    connection = http_client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
    for identity in ("good-1", "good-2"):
        connection.request("POST", "/transactions", transaction(identity, ("A1-EUR-1", "EUR", -5), ("A2-EUR-1", "EUR", 5)))
        answer = connection.getresponse()
        assert (answer.status, answer.will_close, answer.read()) == (201, False, b'{"id":"%s"}' % identity.encode())
    connection.close()
    assert run.end(signal.SIGINT) == 0, run.output
    posted = {record["key"] for record in app.records(app.path("data"), "lq.transactions")}
    assert posted == {"good-1", "good-2"}, posted


def odd_requests(app):
    run = app.start("run", "--data", app.path("data"), "--port", 0)
    url = run.url()
    # A body that is shorter than it claims.
    answer = raw(url, "POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{}")
    says(answer, "HTTP/1.1 408 ", "Connection: close", "has not come to its end in time")
    assert "Keep-Alive" not in answer, answer
    says(raw(url, "POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{}"), "HTTP/1.1 404 ", "Connection: close")
    # HTTP/1.0 has no Host; where there is one, it counts.
    says(raw(url, "GET /healthz HTTP/1.0\r\n\r\n"), "200 OK", '{"state":')
    says(raw(url, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"), "200 OK")
    for wrong in ("HTTP/1.0\r\nHost: example.org", "HTTP/1.0\r\nOrigin: http://example.org", "HTTP/1.1\r\nConnection: close",
                  "HTTP/1.1\r\nConnection: close\r\nHost: example.org"):
        says(raw(url, f"GET /healthz {wrong}\r\n\r\n"), "403 Forbidden", "answers requests to 127.0.0.1 only")
    assert run.end(signal.SIGINT) == 0, run.output


def metrics(app):
    day = app.generate("day", 500)
    run = app.start("run", "--data", app.path("data"), "--input", day, "--port", 0)
    url = run.url()
    run.wait_for("500 taken")
    status, text = http("GET", url + "/metrics")
    assert status == 200, text
    typed, name = set(), ""
    for line in text.splitlines():
        if line.startswith("#"):
            name = re.fullmatch(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)", line)[1]
            assert name not in typed, f"{name} has its lines in two places"
            typed.add(name)
            continue
        assert re.match("[a-zA-Z0-9_:]*", line)[0] == name, f"{line} after the type of {name}"
        assert re.fullmatch(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="[^"]*"(,[a-zA-Z_][a-zA-Z0-9_]*="[^"]*")*\})? \S+', line), line
    says(text, "liquidity_transactions_total ", "liquidity_refused_total 0", 'liquidity_stage_records_total{topic="lq.legs"}')
    assert run.end(signal.SIGINT) == 0, run.output


# In namespaces of our own: a small disk, and a directory that cannot be written.

def in_namespace(script, *arguments):
    """Status and output of a shell script that may mount; None where that is not allowed."""
    command = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*command, "sh", "-c", "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False).returncode != 0:
        return None
    done = subprocess.run([*command, "sh", "-c", script, "sh", *map(str, arguments)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600, check=False)
    return done.returncode, done.stdout


def skipped(what):
    print("#" * 80)
    print(f"## SKIPPED: {what}: user namespaces are not allowed here.")
    print("#" * 80)


def read_only_directory(app):
    day = app.generate("day", 100)
    os.mkdir(app.path("data"))
    outcome = in_namespace('mount --bind "$2" "$2" && mount -o remount,ro,bind "$2" && '
                           '"$1" run --data "$2/log" --input "$3" --once --no-http', app.liquidity, app.path("data"), day)
    if outcome is None:
        return skipped("a directory that is read-only")
    refused(outcome, app.path("data"), "Read-only file system")
    once(app, app.path("whole"), day)
    script = 'mount --bind "$4" "$4" && mount -o remount,ro,bind "$4" && "$1" verify --data "$4" && "$2" topics list --data "$4"; ' \
             '"$1" run --data "$4" --input "$3" --once --no-http; echo "run: $?"'
    outcome = in_namespace(script, app.liquidity, app.tidemill, day, app.path("whole"))
    says(outcome[1], "100 transactions, 0 refused", "lq.client-balances", "Read-only file system", "run: 1")
    return None


def full_disk(app):
    """A disk of 24 MB is too small for the day; the same disk, made larger, is not."""
    day = app.generate("day", LARGE)
    os.mkdir(app.path("disk"))
    script = """
      mount -t tmpfs -o size=24m tmpfs "$2" || exit 99
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "first: $?"
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "again: $?"
      mount -o remount,size=600m "$2" || exit 99
      "$1" run --data "$2/data" --input "$3" --once --no-http; echo "larger: $?"
      "$1" verify --data "$2/data"; echo "verify: $?"
    """
    outcome = in_namespace(script, app.liquidity, app.path("disk"), day)
    if outcome is None:
        return skipped("a full disk")
    says(outcome[1], "No space left on device", "first: 1\n", "again: 1\n", "larger: 0\n", f"{LARGE} transactions, 0 refused", "verify: 0\n")
    return None


CHECKS = [wrong_usage, missing_files, configurations, owned_by_another, ports, bad_lines, bad_reference_data,
          ended_and_started_again, progress, another_day, edited_in_the_middle, interrupted, killed, posts,
          requests_in_refused_ones, odd_requests, rates_of_the_past, metrics, read_only_directory, full_disk]


def main():
    wanted = sys.argv[3:]
    for check in CHECKS:
        if wanted and check.__name__ not in wanted:
            continue
        with Liquidity(*sys.argv[1:3]) as app:
            check(app)
        print(f"ok  {check.__name__}", flush=True)


main()
