"""Requests as no well-behaved client sends them, against a real hadird over TLS: what it answers, and that nothing but a whole,
unambiguous request reaches a handler."""
import json, os, sys, uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import DAY, House, Tests, wait_until

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
        house.token, house.other = (house.known(house.enroll(house.people[i]["nip"])) for i in (0, 1))
        code = test.main(house)
    raise SystemExit(code)
