"""Requests as no well-behaved client sends them, against a real hadird over TLS: what it answers, and that nothing but a whole,
unambiguous request reaches a handler."""
import collections, json, os, random, sys, uuid
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from framing import Line, parts, written
from framing_cases import CASES, chunk
from harness import DAY, House, Tests, receipt_bytes, wait_until
from peer import reload

test = Tests()
AT = f"{DAY}T07:00:00+08:00"
# What proxies, frameworks and caches elsewhere believe: who asks, from where, for what, by which method, with whose rights.
BELIEVED_ELSEWHERE = {
    "X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "203.0.113.8", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/v1/me",
    "Forwarded": "for=203.0.113.9;host=203.0.113.9;proto=http", "X-Real-IP": "203.0.113.10", "True-Client-IP": "203.0.113.11",
    "CF-Connecting-IP": "203.0.113.12", "X-Client-IP": "203.0.113.13", "X-Host": "203.0.113.14", "Via": "1.1 203.0.113.15",
    "X-HTTP-Method-Override": "GET", "X-HTTP-Method": "DELETE", "X-Method-Override": "PUT", "X-Original-URL": "/v1/me",
    "X-Rewrite-URL": "/v1/me", "X-Remote-User": "admin", "Remote-User": "admin", "X-Forwarded-User": "admin",
    "X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin", "Proxy-Authorization": "Basic YWRtaW46YWRtaW4=",
    "Cookie": "session=admin", "Accept-Encoding": "gzip", "Front-End-Https": "on", "Date": "Mon, 29 Dec 2025 03:00:00 GMT"}


def plain(answer):
    """An answer without what differs between any two."""
    status, headers, body = answer
    body = json.loads(body)
    for name in ("id", "checkin", "received_at", "receipt", "coordinate_salt", "decided_at", "recorded_to"):
        body.pop(name, None)
    return status, sorted((k, v) for k, v in headers.items() if k != "Date"), body


@test
def every_case_is_answered_as_it_should_and_nothing_else_is_done(house):
    before = house.settled(house.token)

    def one(case):
        p = parts(house)
        data = case.build(p) + (p.post("Connection: close", name="after") if case.tail else b"")
        with Line(house) as line:
            line.send(data)
            if not case.tail:
                line.end()
            try:
                return p, line.rest(case.bodiless), None
            except (AssertionError, OSError) as e:
                return p, [], f"{e!r} in {line.got[:300]!r}"
    total = sum(len(c.expect.statuses) for c in CASES)
    rows = sum(len(c.expect.rows) for c in CASES)
    counted = {"http_requests": total + 1, "refused__http": sum(c.expect.broken for c in CASES), "acknowledged__accepted": rows + 1}
    with house.counted(**counted):
        with ThreadPoolExecutor(16) as pool:
            done = list(pool.map(one, CASES))
        house.settled(house.other)
        found = written(house, [(c, p.ids) for c, (p, _, _) in zip(CASES, done)])
        wrong, clauses = [], collections.Counter()
        for i, (c, (p, got, trouble)) in enumerate(zip(CASES, done)):
            clauses[c.clause] += 1
            statuses = [s for s, _, _ in got]
            said = b" ".join(body for _, _, body in got)
            if trouble or statuses != c.expect.statuses or found[i] != c.expect.rows or "inner" in found[i]:
                wrong.append(f"{c.clause} {c.name}: answered {statuses} {trouble or ''}, rows {sorted(found[i])}; expected {c.expect} {said[:300]!r}")
            elif got and got[-1][1].get("connection") != "close":
                wrong.append(f"{c.clause} {c.name}: closed without saying so")
        assert not wrong, "\n" + "\n".join(wrong)
    now = house.settled(house.token)
    assert now[0] == before[0] + rows + 2 and now[1:] == before[1:], (before, now, rows)
    assert len(CASES) >= 150 and house.restarts() == 0
    print(f"# {len(CASES)} cases of {len(clauses)} clauses, {total} answers, {rows} check-ins, 0 others")
    if "--table" in sys.argv or os.environ.get("HADIR_TABLE"):
        for clause in sorted(clauses, key=lambda c: [int(x) if x.isdigit() else x for x in c.replace(".", " ").split()]):
            print(f"| {clause} | {clauses[clause]} |")


def in_two(house, data, cuts):
    """The same bytes on connections of their own, each cut elsewhere (a tuple of places); everybody's first part goes out before anybody's
    next one. Answers per cut."""
    def begin(places):
        line = Line(house)
        line.send(data[:places[0]])
        return line

    def on(args):
        line, places, i = args
        line.send(data[places[i]:places[i + 1] if i + 1 < len(places) else len(data)])

    def rest(line):
        with line:
            return line.rest()
    found = []
    with ThreadPoolExecutor(16) as pool:
        for at in range(0, len(cuts), 100):
            some = cuts[at:at + 100]
            lines = list(pool.map(begin, some))
            for i in range(max(map(len, some))):
                list(pool.map(on, [(l, c, i) for l, c in zip(lines, some) if i < len(c)]))
            found += pool.map(rest, lines)
    return found


@test
def where_the_bytes_are_cut_does_not_matter(house):
    """A pair (one with a length, one in chunks), cut at every byte, at random places and at all of them: the same two answers, the same
    two receipts."""
    p = parts(house)
    pair = p.post() + p.head("Transfer-Encoding: chunked", "Connection: close") + chunk(p.json("second")[:50]) + chunk(p.json("second")[50:]) + b"0\r\n\r\n"
    rng = random.Random(house.seed)
    cuts = [(i,) for i in range(1, len(pair))] + [tuple(sorted(rng.sample(range(1, len(pair)), 3))) for _ in range(100)]
    cuts.append(tuple(range(1, len(pair))))
    before = house.settled(house.token)
    with house.counted(acknowledged__accepted=2, acknowledged__duplicate=2 * len(cuts), refused__http=0, http_requests=2 * len(cuts) + 2):
        with Line(house) as line:
            line.send(pair)
            whole = line.rest()
        receipts = [receipt_bytes(body) for _, _, body in whole]
        for cut, got in zip(cuts, in_two(house, pair, cuts)):
            assert [(s, json.loads(b)["status"]) for s, _, b in got] == [(200, "duplicate")] * 2, (cut, got)
            assert [receipt_bytes(b) for _, _, b in got] == receipts, cut
    assert house.settled(house.token)[0] == before[0] + 3
    print(f"# one pair cut in {len(cuts)} ways, seed {house.seed}")


@test
def behind_a_fault_nothing_is_answered_wherever_the_bytes_are_cut(house):
    p = parts(house)
    data = p.post() + p.head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + p.inner
    cuts = [(i,) for i in range(1, len(data))]
    with house.counted(acknowledged__accepted=1, acknowledged__duplicate=len(cuts) - 1, refused__http=len(cuts), http_requests=2 * len(cuts)):
        for cut, got in zip(cuts, in_two(house, data, cuts)):
            assert [s for s, _, _ in got] == [200, 400], (cut, got)
    house.settled(house.token)
    assert written(house, [(None, p.ids)])[0] == {"first"}
    print(f"# a good one, a broken one and one behind it, cut in {len(cuts)} ways")


@test
def one_who_expects_gets_100_once_and_only_when_the_body_is_wanted(house):
    """RFC 9110 10.1.1, and what desync tools make of it: the interim answer comes before the body, never instead of or behind it."""
    p = parts(house)
    with Line(house) as line:
        line.send(p.head("Expect: 100-continue", f"Content-Length: {p.n}"))
        while b"\r\n\r\n" not in line.got:
            assert line.piece(), line.got
        assert line.got == b"HTTP/1.1 100 Continue\r\n\r\n", line.got
        line.send(p.json() + p.post("Expect: 100-continue", "Connection: close", name="second"))
        assert [s for s, _, _ in line.rest()] == [100, 200, 200], line.got
    for head in (p.head("Expect: 100-continue", f"Content-Length: {p.n}", line=b"POST /nowhere HTTP/1.1"),
                 p.head("Expect: 100-continue", f"Content-Length: {p.n}", auth=False), p.head("Expect: 100-continue", "Content-Length: 600000"),
                 p.head("Expect: 100-continue", f"Content-Length: {p.n}", line=b"POST /v1/checkins HTTP/1.0").replace(b"HTTP/1.1", b"HTTP/1.0")):
        with Line(house) as line:
            line.send(head)
            if b"HTTP/1.0" in head:  # an old one that knows no 100: the server waits silently for the body
                line.send(p.json())
            else:
                line.got = b""
            got = line.rest()
            assert [s for s, _, _ in got] in ([404], [401], [413], [200]), (head, got)
    house.settled(house.token)
    assert written(house, [(None, p.ids)])[0] == {"first", "second"}


@test
def who_is_told_to_wait_is_told_so_in_his_turn(house):
    """Over the limit the answer is early: the body that nobody wants is read away, the next request is a request of its own."""
    reload(house, rate_all=1)
    ps = [parts(house) for _ in range(30)]
    with Line(house) as line:
        line.send(b"".join(p.post() for p in ps[:-1]) + ps[-1].post("Connection: close"))
        got = line.rest()
    assert len(got) == len(ps) and {s for s, _, _ in got} == {200, 429}, [s for s, _, _ in got]
    reload(house, rate_all=0)
    house.settled(house.token)
    found = written(house, [(None, p.ids) for p in ps])
    assert [bool(found[i]) for i in range(len(ps))] == [s == 200 for s, _, _ in got], (found, got)


@test
def nobody_is_believed_who_speaks_for_another(house):
    """There is no configuration by which any of these is believed: with them every answer is what it is without them."""
    auth = {"Authorization": f"Bearer {house.other}", "Content-Type": "application/json"}

    def checkin(**more):
        body = json.dumps({"id": str(uuid.uuid4()), "taken_at": house.now(), "lat": -2.5624, "lon": 120.3144, "accuracy_m": 10})
        return house.request("POST", "/v1/checkins", body, {**auth, "Authorization": f"Bearer {house.token}", **more})
    ways = (checkin, lambda **more: house.request("GET", "/v1/me", headers={**auth, **more}),
            lambda **more: house.request("GET", "/v1/units/LUTRA/presence", headers={**auth, **more}),
            lambda **more: house.request("GET", "/v1/checkins", headers={**auth, **more}),
            lambda **more: house.request("GET", "/metrics", headers={**auth, **more}))
    sent = [{name: value} for name, value in BELIEVED_ELSEWHERE.items()]
    sent += [BELIEVED_ELSEWHERE, {"Host": "203.0.113.16"}, {"Host": "admin.example:443", **BELIEVED_ELSEWHERE}]
    with house.counted(acknowledged__accepted=len(sent) + 1):
        for way in ways:
            expected = plain(way())
            for more in sent:
                got = plain(way(**more))
                assert got == expected, (more, got, expected)
    said = " ".join(json.dumps(plain(way(**BELIEVED_ELSEWHERE))) for way in ways) + house.log()
    assert "203.0.113" not in said and "admin.example" not in said
    print(f"# {len(sent)} sets of fields, {len(ways)} requests each")


if __name__ == "__main__":
    with House("framing") as house:
        house.start(clock=AT)
        house.taken_at = house.now()
        house.seed = int(os.environ.get("HADIR_SEED") or random.SystemRandom().randrange(1 << 31))
        house.token, house.other = (house.known(house.enroll(house.people[i]["nip"])) for i in (0, 1))
        house.tracker = house.enroll(house.people[2]["nip"], "owntracks")
        wait_until("the doors know the tracker", lambda: house.owntracks(house.tracker, body="")[0] == 200)
        house.doors_agree()
        code = test.main(house)
    raise SystemExit(code)
