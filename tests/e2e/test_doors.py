"""Our own API's door: what it refuses, in which words, and that nothing refused leaves a trace: no row, no restart, no
line in the log from which a person could be found.

Each bad request is written out whole. Codes, fields and statuses are the contract of proto/openapi.yaml."""
import json, uuid
from harness import DAY, House, Tests, receipt_bytes, wait_until

test = Tests()
AT = f"{DAY}T07:00:00+08:00"


def item(**changes):
    good = {"id": str(uuid.uuid4()), "taken_at": AT, "lat": -2.5624, "lon": 120.3144, "accuracy_m": 10}
    good.update(changes)
    return {k: v for k, v in good.items() if v != "left out"}


def send(house, body, language="en", token=None, **headers):
    data = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return house.request("POST", "/v1/checkins", data, {
        "Authorization": f"Bearer {token or house.token}", "Content-Type": "application/json",
        "Accept-Language": language, **headers})


def problem(answer, status, code, field=None):
    """A problem document (RFC 9457) with that code, which names the field and says why in words."""
    got, headers, body = answer
    assert got == status, (got, body)
    assert headers["Content-Type"] == "application/problem+json", headers["Content-Type"]
    p = json.loads(body)
    assert p["status"] == status and p["code"] == code, p
    assert p.get("field", "") == (field or ""), p
    assert p["title"] and len(p["detail"]) > 5, p
    return p


BAD = [  # what is sent, code, field
    (b"{lat: here}", "not_json", None),
    (b"", "not_json", None),
    (b"\xff\xfe{}", "not_json", None),
    (json.dumps(item(lat="@")).replace('"@"', "-2.5\0"), "not_json", None),
    (json.dumps(item()) + " {}", "not_json", None),
    ('{"id":"a","id":"b"}', "not_json", None),
    ('"hadir"', "wrong_type", None),
    ("[]", "missing_field", "0"),
    (item(lat="here"), "wrong_type", "lat"),
    (item(lon=None), "wrong_type", "lon"),
    (item(lat=True), "wrong_type", "lat"),
    (item(accuracy_m="9"), "wrong_type", "accuracy_m"),
    (item(taken_at=1767000000), "wrong_type", "taken_at"),
    (item(mock="yes"), "wrong_type", "mock"),
    (item(id=7), "wrong_type", "id"),
    (json.dumps(item(lat="@")).replace('"@"', "NaN"), "not_finite", "lat"),
    (json.dumps(item(lat="@")).replace('"@"', "Infinity"), "not_finite", "lat"),
    (json.dumps(item(lat="@")).replace('"@"', "-Infinity"), "not_finite", "lat"),
    (json.dumps(item(lat="@")).replace('"@"', "1e400"), "not_finite", "lat"),
    (json.dumps(item(accuracy_m="@")).replace('"@"', "1" + "0" * 400), "out_of_range", "accuracy_m"),
    (item(lat=90.0001), "out_of_range", "lat"),
    (item(lat=-91), "out_of_range", "lat"),
    (item(lon=180.5), "out_of_range", "lon"),
    (item(lon=-1e300), "out_of_range", "lon"),
    (item(accuracy_m=-1), "out_of_range", "accuracy_m"),
    (item(altitude_m=99999), "out_of_range", "altitude_m"),
    (item(lat=0, lon=0), "both_zero", "lat"),
    (item(lat=-0.0, lon=0.0), "both_zero", "lat"),
    (item(taken_at="2025-12-29T07:00:00"), "time_without_zone", "taken_at"),
    (item(sent_at="2025-12-29 07:00"), "bad_time", "sent_at"),
    (item(taken_at="2025-02-30T07:00:00Z"), "bad_time", "taken_at"),
    (item(taken_at="kemarin"), "bad_time", "taken_at"),
    (item(taken_at="2025-09-01T07:00:00+08:00"), "time_out_of_range", "taken_at"),
    (item(taken_at="2026-01-15T07:00:00+08:00"), "time_out_of_range", "taken_at"),
    (item(id="left out"), "missing_field", "id"),
    (item(taken_at="left out"), "missing_field", "taken_at"),
    (item(lat="left out"), "missing_field", "lat"),
    (item(id="not-a-uuid"), "bad_uuid", "id"),
    (item(id="00000000-0000-0000-0000-000000000000"), "bad_uuid", "id"),
    (item(latitude=-2.5), "unknown_member", "latitude"),
    (item(verdict="on_time"), "unknown_member", "verdict"),
    (item(note="x" * 501), "too_long", "note"),
    (item(session="p" * 2000), "too_long", "session"),
    ('{"id":' + "[" * 40 + "]" * 40 + "}", "too_deep", None),
    ([item() for _ in range(101)], "too_many_items", None),
]


@test
def bad_input_is_named_in_two_languages(house):
    before = house.settled(house.token)
    for sent, code, field in BAD:
        english = problem(send(house, sent, "en"), 400, code, field)
        indonesian = problem(send(house, sent, "id, en;q=0.5"), 400, code, field)
        assert english["detail"] != indonesian["detail"], english
        if field and field != "0":
            assert field in english["detail"] and field in indonesian["detail"], (english, indonesian)
    status, headers, body = send(house, BAD[0][0], "id")
    assert headers["Content-Language"] == "id" and "bukan" in json.loads(body)["detail"]
    status, headers, body = send(house, BAD[0][0], "fr")  # neither: the configured one
    assert headers["Content-Language"] == "en"
    after = house.settled(house.token)
    assert after == (before[0] + 1, before[1], before[2]), (before, after)
    print(f"# {len(BAD)} kinds of bad input, twice each")


@test
def refusals_are_counted_by_reason(house):
    with house.counted(refused__out_of_range=2, refused__malformed=2, refused__too_large=1, refused__unknown_credential=1,
                       acknowledged=0):
        send(house, item(lat=91))
        send(house, item(lat=0, lon=0))
        send(house, b"{")
        send(house, item(nonsense=1))
        send(house, item(note="x" * 600))
        send(house, item(), token="AAAAAAAAAAAAAAAAAAAAAA")


@test
def arrays_answer_each_item(house):
    before = house.settled(house.token)
    taken = item()
    mixed = [item(), item(lat=91), item(id="nonsense"), taken, item(surplus=1), item(lat="left out"), 5]
    status, headers, body = send(house, mixed)
    answers = json.loads(body)
    assert status == 200 and len(answers) == 7, (status, answers)
    assert [a["status"] for a in answers] == ["accepted", "refused", "refused", "accepted"] + ["refused"] * 3, answers
    assert [a["problem"]["code"] for a in answers if a["status"] == "refused"] == [
        "out_of_range", "bad_uuid", "unknown_member", "missing_field", "wrong_type"], answers
    assert [a["problem"]["field"] for a in answers if a["status"] == "refused"] == [
        "1/lat", "2/id", "4/surplus", "5/lat", "6"], answers
    assert [a.get("id") for a in answers[:4]] == [mixed[0]["id"], mixed[1]["id"], None, taken["id"]], answers
    assert all(a["receipt"] and a["checkin"] for a in answers if a["status"] == "accepted")

    status, headers, body = send(house, [dict(taken), dict(taken, lat=-2.9001), item()])
    answers = json.loads(body)
    assert [a["status"] for a in answers] == ["duplicate", "conflict", "accepted"], answers
    assert answers[1]["problem"]["code"] == "conflict" and answers[1]["checkin"] is None, answers
    status, headers, body = send(house, [item(id=taken["id"], lat=91)] * 2)
    assert status == 200 and [a["status"] for a in json.loads(body)] == ["refused"] * 2
    status, headers, body = send(house, [item() for _ in range(100)])
    assert status == 200 and {a["status"] for a in json.loads(body)} == {"accepted"}
    after = house.settled(house.token)
    assert after == (before[0] + 2 + 1 + 100 + 1, before[1], before[2]), (before, after)


@test
def duplicates_and_conflicts(house):
    first = item(sent_at=AT)
    status, headers, body = send(house, first)
    answer = json.loads(body)
    assert status == 200 and answer["status"] == "accepted", answer
    assert answer["flags"].count("clock_simulated") == 1 and "simulated" in receipt_bytes(body).decode(), answer
    for again in (first, dict(first, sent_at=f"{DAY}T07:00:30+08:00"), item(**{k: v for k, v in first.items() if k != "sent_at"})):
        status, headers, repeated = send(house, again)
        assert status == 200 and json.loads(repeated)["status"] == "duplicate", repeated
        assert receipt_bytes(repeated) == receipt_bytes(body), "another receipt than the first"
        assert json.loads(repeated)["checkin"] == answer["checkin"]
    problem(send(house, dict(first, lat=-2.9002)), 409, "conflict", "id")
    problem(send(house, dict(first, note="lain"), "id"), 409, "conflict", "id")
    # the same id by another device is another check-in
    status, headers, other = send(house, first, token=house.other)
    assert status == 200 and json.loads(other)["status"] == "accepted", other


@test
def credentials(house):
    body = json.dumps(item())
    problem(house.request("POST", "/v1/checkins", body, {"Accept-Language": "en"}), 401, "missing_token")
    problem(house.request("POST", "/v1/checkins", body, {"Authorization": "Basic eDp5"}), 401, "missing_token")
    problem(send(house, body, token="AAAAAAAAAAAAAAAAAAAAAA"), 401, "unknown_token")
    problem(send(house, body, token="x" * 5000), 401, "unknown_token")
    problem(send(house, body, token=house.tracker), 401, "wrong_channel")
    problem(send(house, body, token=house.supervisor), 403, "forbidden")
    status, headers, _ = send(house, body, token="AAAAAAAAAAAAAAAAAAAAAA")
    assert headers["WWW-Authenticate"].startswith("Bearer"), dict(headers)
    nip = house.people[9]["nip"]
    token = house.known(house.enroll(nip))
    assert send(house, item(), token=token)[0] == 200
    house.hadir("revoke", nip)
    wait_until("the doors know of the revocation", lambda: send(house, item(), token=token)[0] == 401)
    house.doors_agree()
    with house.counted(refused__revoked=2):
        problem(send(house, item(), token=token), 401, "revoked")
        problem(send(house, item(), "id", token=token), 401, "revoked")


@test
def methods_and_paths(house):
    auth = {"Authorization": f"Bearer {house.token}", "Accept-Language": "en"}
    for method, path, allow in (("GET", "/v1/checkins", "POST"), ("PUT", "/v1/checkins", "POST"), ("DELETE", "/v1/me", "GET"),
                                ("POST", "/v1/units/LUTRA/presence", "GET"), ("PATCH", "/in/owntracks", "POST")):
        answer = house.request(method, path, "{}", auth)
        problem(answer, 405, "method_not_allowed")
        assert allow in answer[1]["Allow"], dict(answer[1])
    for path in ("/", "/v1", "/v1/checkin", "/v1/checkins/", "/v2/checkins", "/v1/units//presence", "/in/telegram", "/etc/passwd",
                 "/../../etc/passwd", "/v1/checkins/a/b"):
        problem(house.request("GET", path, headers=auth), 404, "not_found")
        problem(house.request("POST", path, "{}", auth), 404, "not_found")
    for query, code, field in (("date=2025-02-30", "bad_date", "date"), ("date=", "bad_date", "date"),
                               ("tanggal=2025-12-29", "unknown_parameter", "tanggal"),
                               ("date=2025-12-29&date=2025-12-30", "repeated_parameter", "date"), ("date=%ff", "bad_query", None), ("date=%zz", "bad_request", None)):
        problem(house.request("GET", f"/v1/units/LUTRA/presence?{query}", headers={
            "Authorization": f"Bearer {house.supervisor}", "Accept-Language": "en"}), 400, code, field)
    problem(house.request("GET", "/v1/me/attendance", headers=auth), 400, "missing_month", "month")
    problem(house.request("GET", "/v1/me/attendance?month=2025-13", headers=auth), 400, "bad_month", "month")


def head(house, *lines, method="POST", path="/v1/checkins", version="HTTP/1.1"):
    return "\r\n".join([f"{method} {path} {version}", f"Host: 127.0.0.1:{house.port}", f"Authorization: Bearer {house.token}",
                        *lines, "", ""]).encode()


@test
def sizes(house):
    over = 512 * 1024 + 1
    status, headers, body, closed = house.raw(head(house, f"Content-Length: {over}"))
    assert status == 413 and json.loads(body)["code"] == "too_large" and closed, (status, body)
    status, headers, body, closed = house.raw(head(house, f"Content-Length: {over}") + b"x" * over)
    assert status == 413 and json.loads(body)["code"] == "too_large", (status, body)
    chunks = b"".join(b"8000\r\n" + b" " * 0x8000 + b"\r\n" for _ in range(17))
    status, headers, body, closed = house.raw(head(house, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
    assert status == 413 and closed, (status, body)
    status, headers, body, closed = house.raw(head(house, "X-Long: " + "x" * 17000, "Content-Length: 0"))
    assert status == 431 and closed, (status, body)
    status, headers, body, closed = house.raw(head(house, *[f"X-{i}: y" for i in range(80)], "Content-Length: 0"))
    assert status == 431 and closed, (status, body)
    status, headers, body, closed = house.raw(head(house, "Content-Length: 0", path="/" + "a" * 9000))
    assert status == 414 and closed, (status, body)


@test
def broken_http_is_400_and_the_end(house):
    good = json.dumps(item()).encode()
    n = len(good)
    for name, data in (
            ("bare LF", head(house, f"Content-Length: {n}").replace(b"\r\n", b"\n") + good),
            ("two lengths", head(house, f"Content-Length: {n}", f"Content-Length: {n + 1}") + good),
            ("length and chunked", head(house, f"Content-Length: {n}", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
            ("folded line", head(house, "X-A: b", " c", f"Content-Length: {n}") + good),
            ("NUL", head(house, "X-A: \0", f"Content-Length: {n}") + good),
            ("no host", head(house, f"Content-Length: {n}").replace(b"Host", b"Hast") + good),
            ("negative length", head(house, "Content-Length: -1") + good),
            ("blank before colon", head(house, "X-A : b", f"Content-Length: {n}") + good),
            ("chunk size", head(house, "Transfer-Encoding: chunked") + b"zz\r\n" + good),
            ("chunk overflow", head(house, "Transfer-Encoding: chunked") + b"fffffffffffffffff\r\n" + good),
            ("no request", b"\x16\x03\x01 hello\r\n\r\n")):
        status, headers, body, closed = house.raw(data)
        assert status == 400 and closed, (name, status, body)
        assert json.loads(body)["code"] == "bad_request", (name, body)
    assert house.raw(head(house, "Content-Length: 0", version="HTTP/2.0"))[0] == 505
    assert house.raw(head(house, "Expect: coffee", f"Content-Length: {n}") + good)[0] == 417
    assert house.raw(head(house, "Transfer-Encoding: gzip") + good)[0] in (400, 501)
    status, headers, body, closed = house.raw(head(house, f"Content-Length: {n}") + good)  # and the good one still works
    assert status == 200 and not closed, (status, body)


@test
def one_connection_many_requests(house):
    good = [json.dumps(item()).encode() for _ in range(3)]
    pipelined = b"".join(head(house, f"Content-Length: {len(g)}") + g for g in good[:2])
    pipelined += head(house, "Transfer-Encoding: chunked", "Connection: close") + b"".join(
        b"%x\r\n%s\r\n" % (len(p), p) for p in (good[2][:7], good[2][7:])) + b"0\r\n\r\n"
    import socket
    with socket.create_connection(("127.0.0.1", house.port), timeout=60) as plain, \
            house.tls.wrap_socket(plain, server_hostname="127.0.0.1") as s:
        s.sendall(pipelined)
        got = b""
        while piece := s.recv(65536):
            got += piece
    assert got.count(b"HTTP/1.1 200 ") == 3 and got.count(b'","status":"accepted","received_at"') == 3, got[:600]


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"
    assert "event=" in house.log()


if __name__ == "__main__":
    with House("doors") as house:
        house.start(clock=AT)
        house.token, house.other = (house.known(house.enroll(house.people[i]["nip"])) for i in (0, 1))
        house.tracker = house.enroll(house.people[2]["nip"], "owntracks")
        house.supervisor = house.known(house.grant(house.people[3]["nip"]))
        wait_until("the doors know the tracker", lambda: house.owntracks(house.tracker, body="")[0] == 200)
        house.doors_agree()
        house.secret("-2.5624"), house.secret("120.3144")
        code = test.main(house)
    raise SystemExit(code)
