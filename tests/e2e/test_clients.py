"""The foreign clients' doors: OwnTracks, OsmAnd in its forms (Traccar Client, GPSLogger), the WhatsApp webhook.

A wrong status blocks a phone's queue for weeks or costs a message (proto/PROTOCOL.md), so each status is asserted for
each client: delivered is 200 whatever was in it, a surely wrong credential is each client's own 4xx."""
import hashlib, hmac, json, urllib.parse
from harness import BUSINESS, DAY, House, Tests, basic, epoch, wait_until

test = Tests()


def at(hhmm):
    return f"{DAY}T{hhmm}:00+08:00"


def person(house):
    """NIP of somebody who was not used yet."""
    house.used = getattr(house, "used", 0) + 1
    return house.people[house.used]["nip"]


def known(house, channel):
    """A fresh device of a foreign channel, known to the doors, and whose it is."""
    nip = person(house)
    token = house.enroll(nip, channel)
    if channel == "owntracks":
        wait_until("the doors know it", lambda: house.owntracks(token, body="")[0] == 200)
        house.doors_agree()
    else:
        wait_until("the doors know it", lambda: house.osmand(token, lat=None, lon=None)[0] == 200)
        house.doors_agree()
    return nip, token


def facts(house, nip):
    """The person's check-ins: decided (local HH:MM), flags, in the order of the deciding time."""
    return [(r[0], set(filter(None, r[1].split(",")))) for r in house.sql(
        f"select to_char(c.decided_at at time zone 'Asia/Makassar', 'HH24:MI'), array_to_string(c.flags, ',') from hadir.checkin c "
        f"join hadir.person p on p.id = c.person where p.nip = '{nip}' and c.status = 'recorded' order by c.decided_at")]


def session(house, nip, code):
    status, answer = house.presence(house.supervisor)
    assert status == 200, answer
    return next(s for p in answer["people"] if p["nip"] == nip for s in p["sessions"] if s["session"] == code)


# ---- OwnTracks ----------------------------------------------------------------------------------------------------

@test
def owntracks_ignores_and_survives(house):
    nip, token = known(house, "owntracks")
    before = house.settled(house.token)
    kinds = ("transition", "waypoint", "waypoints", "status", "lwt", "cmd", "steps", "card", "encrypted", "request",
             "configuration", "beacon", "something_new")
    with house.counted(dropped__not_a_location=len(kinds) + 2):
        for kind in kinds:
            assert house.owntracks(token, body=json.dumps({"_type": kind, "lat": -2.5, "lon": 120.3, "tst": 1, "data": "x"})) == (
                200, b"[]"), kind
        assert house.owntracks(token, body="") == (200, b"[]")
        assert house.owntracks(token, body=" \n") == (200, b"[]")
    bad = {"refused__malformed": (b"{", b"nonsense", b"[]", '{"_type":"location"}', '{"lat":1,"lon":2}',
                                  '{"_type":"location","lat":"x","lon":1,"tst":1767000000}', "[" * 100),
           "refused__out_of_range": ('{"_type":"location","lat":91.0,"lon":120.3,"tst":%d}' % epoch(at("07:00")),
                                     '{"_type":"location","lat":0,"lon":0,"tst":%d}' % epoch(at("07:00")),
                                     '{"_type":"location","lat":-2.5,"lon":120.3,"tst":1}',
                                     '{"_type":"location","lat":1e400,"lon":120.3,"tst":1}')}
    with house.counted(**{reason: len(bodies) for reason, bodies in bad.items()}):
        for bodies in bad.values():
            for body in bodies:
                assert house.owntracks(token, body=body) == (200, b"[]"), body
    status, answer = house.owntracks(token, body=b" " * (300 * 1024))
    assert status == 200, (status, answer)
    after = house.settled(house.token)
    assert after == (before[0] + 1, before[1], before[2]), (before, after)


@test
def owntracks_credentials(house):
    nip, token = known(house, "owntracks")
    body = {"_type": "location", "lat": -2.5625, "lon": 120.3145, "tst": epoch(at("07:00")), "t": "u"}
    for headers in ({}, {"Authorization": "Bearer " + token}, {"Authorization": basic("p", "AAAAAAAAAAAAAAAAAAAAAA")},
                    {"Authorization": "Basic !!!"}, {"Authorization": basic("p", house.token)}):
        status, answer_headers, answer = house.request("POST", "/in/owntracks", json.dumps(body), headers)
        assert status == 401 and answer_headers["WWW-Authenticate"].startswith("Basic"), (headers, status)
    assert house.owntracks(token, lat=-2.5625, lon=120.3145, at=at("07:00"), user="somebody else") == (200, b"[]")
    house.hadir("revoke", nip)
    wait_until("the doors know", lambda: house.owntracks(token, body="")[0] == 401)
    house.doors_agree()
    with house.counted(refused__revoked=1, acknowledged=0):
        assert house.owntracks(token, at=at("07:01"))[0] == 401


@test
def a_deliberate_point_is_never_dropped(house):
    nip, token = known(house, "owntracks")
    assert house.owntracks(token, at=at("02:10"))[0] == 200  # far outside every window, by hand
    assert house.owntracks(token, at=at("07:00"), acc=None, created_at=epoch(at("07:00")))[0] == 200
    with house.counted(acknowledged__duplicate=1):
        assert house.owntracks(token, at=at("07:00"), acc=None, created_at=epoch(at("07:00")))[0] == 200
    wait_until("both are there", lambda: len(facts(house, nip)) == 2)
    (first, flags1), (second, flags2) = facts(house, nip)
    assert (first, second) == ("02:10", "07:00"), facts(house, nip)
    assert {"device_clock", "late_delivery"} <= flags1 and "automatic" not in flags1, flags1
    assert {"device_clock", "accuracy_unknown"} <= flags2, flags2


@test
def tracking_keeps_one_slot_and_drops_the_rest(house):
    nip, token = known(house, "owntracks")
    with house.counted(dropped__outside_interval=3, acknowledged=0):
        for hhmm in ("02:00", "02:30", "03:10"):
            assert house.owntracks(token, at=at(hhmm), t="p") == (200, b"[]")
    with house.counted(acknowledged__accepted=2, dropped__slot_taken=2):
        assert house.owntracks(token, at=at("07:00"), t="p")[0] == 200
        assert house.owntracks(token, at=at("07:05"), t="v")[0] == 200   # later: the slot has a better one
        assert house.owntracks(token, at=at("06:50"), t="t")[0] == 200   # earlier, delivered late: better
        assert house.owntracks(token, at=at("06:55"), t="p")[0] == 200
    wait_until("the earliest is recorded", lambda: [f[0] for f in facts(house, nip)][:1] == ["06:50"])
    assert [f[0] for f in facts(house, nip)] == ["06:50", "07:00"], facts(house, nip)
    assert all("automatic" in f[1] for f in facts(house, nip))
    pagi = session(house, nip, "pagi")
    assert pagi["state"] == "on_time" and "T06:50:00" in pagi["decided_at"], pagi


@test
def tracking_never_makes_an_early_leave(house):
    nip, token = known(house, "owntracks")
    house.set_clock(at("16:20"))
    house.wait_live()
    for hhmm in ("15:10", "15:50"):
        assert house.owntracks(token, at=at(hhmm), t="p")[0] == 200
    with house.counted(acknowledged__accepted=1, dropped__slot_taken=1):
        assert house.owntracks(token, at=at("16:05"), t="p")[0] == 200
        assert house.owntracks(token, at=at("16:15"), t="p")[0] == 200
    wait_until("it is recorded", lambda: any(f[0] == "16:05" for f in facts(house, nip)))
    sore = session(house, nip, "sore")
    assert sore["state"] == "on_time" and sore["early_minutes"] == 0 and "T16:05:00" in sore["decided_at"], sore


# ---- OsmAnd -------------------------------------------------------------------------------------------------------

@test
def osmand_in_all_its_forms(house):
    nip, token = known(house, "osmand")
    stamp = epoch(at("07:00"))
    with house.counted(acknowledged__accepted=1, acknowledged__duplicate=4):
        same = dict(lat=-2.5626, lon=120.3146, accuracy=None)
        assert house.osmand(token, timestamp=stamp, **same) == (200, b"")                    # old Android: POST, empty body
        assert house.osmand(token, timestamp=stamp * 1000, form=True, **same) == (200, b"")   # milliseconds, in a form
        assert house.osmand(token, timestamp="2025-12-28T23:00:00Z", method="GET", **same) == (200, b"")  # GPSLogger
        assert house.osmand(None, deviceid=token, timestamp=stamp, **same) == (200, b"")
        assert house.osmand(token, timestamp=stamp, lat=None, lon=None, location="-2.5626,120.3146", accuracy=None) == (200, b"")
    wait_until("one row", lambda: len(facts(house, nip)) == 1)
    assert facts(house, nip)[0] == ("07:00", {"automatic", "device_clock", "accuracy_unknown", "clock_simulated", "late_delivery"}), \
        facts(house, nip)
    nip, token = known(house, "osmand")
    assert house.traccar(token, at="2025-12-28T22:58:00.000Z") == (200, b"")
    assert house.traccar(token, at="2025-12-28T22:50:00.123Z", mock=True) == (200, b"")
    with house.counted(dropped__not_a_location=1):
        assert house.traccar(token, coords=False, event="heartbeat") == (200, b"")
    wait_until("both rows", lambda: len(facts(house, nip)) == 2)
    assert "mock" in facts(house, nip)[0][1] and "mock" not in facts(house, nip)[1][1], facts(house, nip)
    nip, token = known(house, "osmand")
    assert house.osmand(token, at=at("07:02"), accuracy="0.0", mock="true")[0] == 200
    wait_until("the row", lambda: len(facts(house, nip)) == 1)
    assert {"accuracy_unknown", "mock"} <= facts(house, nip)[0][1], facts(house, nip)


@test
def osmand_credentials_and_malformed(house):
    nip, token = known(house, "osmand")
    before = house.settled(house.token)
    for status, answer in (house.osmand("AAAAAAAAAAAAAAAAAAAAAA"), house.osmand("AAAAAAAAAAAAAAAAAAAAAA", method="GET"),
                           house.osmand("123456", form=True), house.osmand(None), house.osmand(house.token)):
        assert status == 400 and answer == b"", (status, answer)
    assert house.traccar("AAAAAAAAAAAAAAAAAAAAAA")[0] == 404
    assert house.traccar(house.token)[0] == 404
    assert house.request("POST", "/in/osmand", '{"location":{}}', {"Content-Type": "application/json"})[0] in (400, 404)
    assert house.request("POST", "/in/osmand", b"", {})[0] == 400
    bad = (dict(lat="x"), dict(lat=91), dict(lat=None), dict(lon="1e400"), dict(lat=0, lon=0), dict(timestamp="kemarin"),
           dict(timestamp="1"), dict(timestamp="2025-12-29 07:00:00"), dict(lat=None, lon=None, location="nowhere"))
    with house.counted(refused=len(bad) + 3, acknowledged=0):
        for change in bad:
            assert house.osmand(token, **change) == (200, b""), change
        for body in ({"device_id": token}, {"device_id": token, "location": {"coords": {"latitude": "x"}}},
                     {"device_id": token, "location": {"timestamp": "x", "coords": {"latitude": 1, "longitude": 2}}}):
            assert house.request("POST", "/in/osmand", json.dumps(body), {"Content-Type": "application/json"})[0] == 200, body
    assert house.request("POST", f"/in/osmand?id={token}", b"x" * 70000, {"Content-Type": "text/plain"})[0] == 200
    assert house.request("POST", "/in/osmand?id=unknown", b"x" * 70000, {"Content-Type": "text/plain"})[0] in (400, 413)
    house.hadir("revoke", nip)
    wait_until("the doors know", lambda: house.osmand(token, lat=None, lon=None)[0] == 400)
    house.doors_agree()
    assert house.osmand(token)[0] == 400 and house.traccar(token)[0] == 404
    after = house.settled(house.token)
    assert after == (before[0] + 1, before[1], before[2]), (before, after)


@test
def gpslogger_sends_files_again(house):
    nip, token = known(house, "osmand")
    with house.counted(dropped__outside_interval=6):
        for minute in range(3):
            for _ in range(2):  # auto-send repeats the whole file
                assert house.osmand(token, method="GET", at=at(f"02:{minute:02d}"), speed="0.0", batt=54)[0] == 200
    with house.counted(acknowledged__accepted=1, acknowledged__duplicate=1):
        for _ in range(2):
            assert house.osmand(token, method="GET", lat=-2.5627, lon=120.3147, at=at("07:03"), speed="0.0", altitude=39.5)[0] == 200
    wait_until("one row", lambda: len(facts(house, nip)) == 1)


# ---- WhatsApp -----------------------------------------------------------------------------------------------------

def number(n):
    return f"62800111{n:05d}"


def message(house, n, hhmm="07:00", lat=-2.5628, lon=120.3148, **more):
    house.secret(number(n)), house.secret(lat), house.secret(lon)
    got = {"from": number(n), "id": f"wamid.test.{n}.{hhmm}", "timestamp": str(epoch(at(hhmm))), "type": "location",
           "location": {"latitude": lat, "longitude": lon}}
    got.update(more)
    return {k: v for k, v in got.items() if v is not None}


def hook(house, *messages, **value):
    status, headers, body = house.whatsapp(dict({"messages": list(messages)} if messages else {}, **value))
    return status, body


def whatsapp_known(house, n, user_id=None):
    nip = person(house)
    more = ["--number", house.secret(number(n))] if n is not None else []
    house.hadir("enroll", nip, "--channel", "whatsapp", "--quiet", *more, *(["--user-id", house.secret(user_id)] if user_id else []))
    return nip


@test
def whatsapp_handshake_and_signature(house):
    def shake(**changes):
        query = {"hub.mode": "subscribe", "hub.verify_token": house.verify_token, "hub.challenge": "1158201444"}
        query.update(changes)
        return house.request("GET", "/in/whatsapp?" + urllib.parse.urlencode(query))
    status, headers, body = shake()
    assert (status, body) == (200, b"1158201444") and headers["Content-Type"].startswith("text/plain"), (status, body)
    for changes in ({"hub.verify_token": "wrong"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""},
                    {"hub.challenge": "<script>alert(1)</script>"}):
        assert shake(**changes)[0] == 403, changes
    assert house.request("GET", "/in/whatsapp")[0] == 403
    before = house.settled(house.token)
    body = json.dumps({"object": "whatsapp_business_account", "entry": []}).encode()
    right = "sha256=" + hmac.new(house.app_secret.encode(), body, hashlib.sha256).hexdigest()
    post = lambda headers, data=body: house.request("POST", "/in/whatsapp", data, headers)[0]
    with house.counted(refused__signature=5):
        assert post({}) == 401
        assert post({"X-Hub-Signature-256": right[:-1] + ("0" if right[-1] != "0" else "1")}) == 403
        assert post({"X-Hub-Signature-256": right.replace("sha256", "sha1")}) == 403
        assert post({"X-Hub-Signature-256": right}, body + b" ") == 403
        assert house.whatsapp({"messages": [message(house, 1)]}, secret="wrong")[0] == 403
    assert post({"X-Hub-Signature-256": right}) == 200
    for data in (b"{", b"[]", b'{"object":"page","entry":[]}', b'{"object":"whatsapp_business_account"}'):
        signed = "sha256=" + hmac.new(house.app_secret.encode(), data, hashlib.sha256).hexdigest()
        assert post({"X-Hub-Signature-256": signed}, data) == 200, data
    after = house.settled(house.token)
    assert after == (before[0] + 1, before[1], before[2]), (before, after)


@test
def whatsapp_messages_of_every_kind(house):
    nips = {n: whatsapp_known(house, n) for n in range(10, 16)}
    by_id = whatsapp_known(house, None, "ID.777000111222333")
    house.hadir("revoke", nips[15])
    wait_until("the doors know them all", lambda: hook(house, message(house, 10, "06:40"))[0] == 200 and facts(house, nips[10]))
    wait_until("the doors know the last", lambda: hook(house, message(house, 0, "06:40", **{
        "from": None, "from_user_id": "ID.777000111222333"}))[0] == 200 and facts(house, by_id))
    before = house.settled(house.token)
    with house.counted(dropped__text_message=1, dropped__unsupported_message=1, refused__revoked=1, refused__out_of_range=2,
                       refused__malformed=2, acknowledged__accepted=5, dropped__not_a_location=1):
        status, body = hook(
            house,
            message(house, 10),
            message(house, 11, location={"latitude": -2.5628, "longitude": 120.3148, "name": "Warung Contoh", "address": "Jalan 1"}),
            message(house, 12, context={"forwarded": True, "from": number(1), "id": "wamid.x"}),
            message(house, 13, context={"frequently_forwarded": True}),
            message(house, 0, "07:04", **{"from": None, "from_user_id": "ID.777000111222333"}),
            message(house, 15),                                                          # revoked
            message(house, 14, location={"latitude": 91, "longitude": 120}),
            message(house, 14, location={"latitude": 0, "longitude": 0}),
            message(house, 14, location=None),
            message(house, 14, timestamp="yesterday"),
            message(house, 14, type="text", location=None, text={"body": "hadir"}),
            message(house, 14, type="unsupported", location=None, errors=[{"code": 131051, "title": "Message type unknown"}]),
            message(house, 14, type="image", location=None, image={"id": "1"}))
        assert (status, body) == (200, b""), (status, body)
    wait_until("five more", lambda: house.rows()[0] == before[0] + 5)
    assert facts(house, nips[10]) == [("06:40", {"accuracy_unknown", "clock_simulated", "late_delivery"}),
                                      ("07:00", {"accuracy_unknown", "clock_simulated", "late_delivery"})], facts(house, nips[10])
    assert "picked_place" in facts(house, nips[11])[0][1]
    assert "forwarded" in facts(house, nips[12])[0][1] and "forwarded" in facts(house, nips[13])[0][1]
    assert [f[0] for f in facts(house, by_id)] == ["06:40", "07:04"]
    with house.counted(acknowledged__duplicate=1):
        assert hook(house, message(house, 10))[0] == 200
    with house.counted(refused__unknown_credential=1):  # somebody else's business number
        assert hook(house, message(house, 10, "07:09"), metadata={"phone_number_id": "999"})[0] == 200


@test
def whatsapp_statuses_and_errors_are_kept(house):
    before = house.settled(house.token)
    status, body = hook(house, statuses=[
        {"id": "wamid.s", "status": "delivered", "timestamp": str(epoch(at("07:00"))), "recipient_id": house.secret(number(10))},
        {"id": "wamid.s", "status": "read", "timestamp": str(epoch(at("07:01"))), "recipient_id": number(10)}],
        errors=[{"code": 130429, "title": "Rate limit hit"}],
        messages=[{"type": "system", "id": "wamid.sys", "timestamp": str(epoch(at("07:00"))), "from": number(10),
                   "system": {"type": "user_changed_number", "wa_id": house.secret(number(99)), "body": "changed"}}])
    assert (status, body) == (200, b"")
    wait_until("four events", lambda: house.rows()[2] == before[2] + 4)
    assert sorted(r[0] for r in house.sql("select kind from hadir.event order by id desc limit 4")) == [
        "error", "status", "status", "system"]
    assert house.rows()[:2] == before[:2]


@test
def whatsapp_large_and_many(house):
    nip = whatsapp_known(house, 20)
    wait_until("the doors know it", lambda: hook(house, message(house, 20, "06:40"))[0] == 200 and facts(house, nip))
    before = house.settled(house.token)
    filler = [{"from": number(20), "id": f"wamid.f{i}", "timestamp": str(epoch(at("07:00"))), "type": "text",
               "text": {"body": "x" * 4000}} for i in range(700)]
    with house.counted(dropped__text_message=700, acknowledged__accepted=1):
        assert hook(house, message(house, 20), *filler)[0] == 200  # about 2.9 MB
    wait_until("its one location", lambda: house.rows()[0] == before[0] + 1)
    # a hundred locations of strangers and one of ours, in one webhook
    with house.counted(unattributed=100, acknowledged__accepted=1):
        assert hook(house, *[message(house, 1000 + i) for i in range(100)], message(house, 20, "07:02"))[0] == 200
    wait_until("all are there", lambda: house.rows()[:2] == (before[0] + 2, before[1] + 100))
    big = b"x" * (3 * 1024 * 1024 + 1)
    signed = "sha256=" + hmac.new(house.app_secret.encode(), big, hashlib.sha256).hexdigest()
    status, headers, body, closed = house.raw(
        f"POST /in/whatsapp HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {signed}\r\nContent-Length: {len(big)}\r\n\r\n".encode())
    assert status == 413, status


@test
def a_stranger_waits_and_is_attached(house):
    n = 30
    before = house.settled(house.token)
    for minute in range(12):  # ten a day are kept
        assert hook(house, message(house, n, f"06:{10 + minute}"))[0] == 200
    assert hook(house, message(house, n, "06:10"))[0] == 200  # Meta delivers twice
    house.settled(house.token)
    wait_until("ten wait", lambda: house.rows()[1] == before[1] + 10)
    sent = house.now()
    nip = person(house)
    printed = house.hadir("enroll", nip, "--channel", "whatsapp", "--number", number(n)).stdout
    assert "10 locations already received" in printed, printed
    got = house.sql(f"select to_char(c.message_at at time zone 'Asia/Makassar', 'HH24:MI'), c.received_at < '{sent}' from "
                    f"hadir.checkin c join hadir.person p on p.id = c.person where p.nip = '{nip}' order by c.message_at")
    assert got == [[f"06:{10 + m}", "t"] for m in range(10)], got
    assert house.rows()[1] == before[1], "they still wait"
    pagi = session(house, nip, "pagi")
    assert pagi["state"] == "on_time" and "T06:10:00" in pagi["decided_at"], pagi
    wait_until("the doors know the number", lambda: hook(house, message(house, n, "07:01"))[0] == 200 and len(facts(house, nip)) == 11)


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("clients") as house:
        house.start(clock=at("07:12"))
        house.used = 2
        house.token = house.known(house.enroll(house.people[0]["nip"]))
        house.supervisor = house.known(house.grant(house.people[1]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
