#!/usr/bin/env python3
"""The program's HTTP server: where it listens, what it takes, what it refuses and how, what it says of itself.

usage: liquidity_http.py LIQUIDITY TIDEMILL [NAME...]   (NAMEs: only these checks)
"""
import http.client as http_client
import json
import os
import re
import signal
import socket

from program import PATIENCE, http, once, refused, run_checks, says, transaction

SMALL = 2000


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


def exchange(url, head, body=None):
    """All that comes back until the server closes; the body is sent on the answer to the head, if there is one to be sent."""
    host, port = re.fullmatch("http://([^:/]*):([0-9]*)", url).groups()
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        answer = b""
        try:
            if body is not None:
                answer += connection.recv(65536)
                connection.sendall(body.encode())
            while piece := connection.recv(65536):
                answer += piece
        except (BrokenPipeError, ConnectionResetError):
            if body is None:
                raise
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
        answer = exchange(url, head, body)
        says(answer, f"HTTP/1.1 {status} ", "Connection: close")
        assert answer.count("HTTP/1.1 ") == 1, f"{line} {headers}: {answer}"
    for length in ("Content-Length: x", "Content-Length: -5", "Content-Length: 5, 5", "X: y"):
        says(exchange(url, f"POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\n{length}\r\n\r\n", post("inner")),
             "HTTP/1.1 411 ", "say with Content-Length")
    # Where no such request is taken, it does not matter.
    for method in ("PUT", "DELETE", "PATCH"):
        says(exchange(url, f"{method} /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"), "HTTP/1.1 405 ", "Allow: POST",
             "Connection: close")
    # A chunk's size may be as long as its sender likes: nothing of it is read.
    chunked = "POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    says(exchange(url, chunked, "5;" + "a" * 100000), "HTTP/1.1 411 ")
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
    answer = exchange(url, "POST /transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{}")
    says(answer, "HTTP/1.1 408 ", "Connection: close", "has not come to its end in time")
    assert "Keep-Alive" not in answer, answer
    says(exchange(url, "POST /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\n{}"), "HTTP/1.1 404 ", "Connection: close")
    # HTTP/1.0 has no Host; where there is one, it counts.
    says(exchange(url, "GET /healthz HTTP/1.0\r\n\r\n"), "200 OK", '{"state":')
    says(exchange(url, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"), "200 OK")
    for wrong in ("HTTP/1.0\r\nHost: example.org", "HTTP/1.0\r\nOrigin: http://example.org", "HTTP/1.1\r\nConnection: close",
                  "HTTP/1.1\r\nConnection: close\r\nHost: example.org"):
        says(exchange(url, f"GET /healthz {wrong}\r\n\r\n"), "403 Forbidden", "answers requests to 127.0.0.1 only")
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
    says(text, "liquidity_transactions_total ", "liquidity_refused_total 0", "liquidity_repeated_total 0", "liquidity_contradicting_total 0", 'liquidity_stage_records_total{topic="lq.legs"}')
    assert run.end(signal.SIGINT) == 0, run.output


# In namespaces of our own: a small disk, and a directory that cannot be written.

run_checks([ports, posts, requests_in_refused_ones, odd_requests, rates_of_the_past, metrics])
