"""Letters, leave and their decisions over HTTPS, with the rights of whoever asks: what is decided changes what doors answer
and what superiors see; what is not one's own is not there; what is wrong is said at once; what may have been written is
never called safe to repeat."""
import contextlib, json, os, subprocess, threading, time
from harness import DAY, PGBIN, House, Tests, wait_until

test = Tests()
SOON_S = 60  # the promise is one second; a test machine that does several things at once is given more
UNIT, OTHER = "SETDA-HUKUM", "SETDA-KESRA"
AWAY = {"lat": -2.9, "lon": 120.9}


def call(house, token, method, path, body=None, language="en", **headers):
    """status, headers, answer of one request; body is sent as JSON unless it is text."""
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
    sent = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    if body is not None:
        sent["Content-Type"] = "application/json"
    sent.update({k.replace("_", "-"): v for k, v in headers.items()})
    status, got, answer = house.request(method, path, body, sent)
    return status, got, json.loads(answer) if answer else None


def good(house, token, method, path, body=None, status=200):
    got, headers, answer = call(house, token, method, path, body)
    assert got == status and headers["Content-Type"] == "application/json", (path, got, answer)
    return answer


def refused(house, token, method, path, body, status, code, **headers):
    got, head, answer = call(house, token, method, path, body, **headers)
    assert (got, answer.get("code")) == (status, code), (path, got, answer)
    assert head["Content-Type"] == "application/problem+json" and answer["status"] == status and answer["title"], answer
    return answer


def letter(number, nip, **more):
    return {"unit": UNIT, "kind": "recall", "number": number, "dated": "2025-12-20", "title": "Panggilan ke kantor (contoh)",
            "orders": [{"people": [{"nip": nip, "days": [DAY]}]}], **more}


@test
def a_letter_changes_the_answer(house):
    nip = house.members[1]
    token = house.known(house.enroll(nip))

    def place():
        status, answer = house.checkin(token, taken=f"{DAY}T07:20:00+08:00", **AWAY)
        assert status == 200, answer
        return answer["place"]
    assert place() == "WFA"
    filed = good(house, house.head, "POST", "/v1/letters", letter("800/1/CONTOH", nip), 201)
    id = filed["letter"]
    assert "status" not in filed and isinstance(filed["breaches"], list), filed
    again = refused(house, house.head, "POST", "/v1/letters", letter("800/1/CONTOH", nip), 422, "invalid")
    assert [p["field"] for p in again["problems"]] == ["number"], again
    assert place() == "WFA", "filed is not in force"
    assert good(house, house.head, "GET", f"/v1/letters/{id}/breaches")["letter"] == id
    # others: a head beside sees no letter, the person may not decide
    for method, path, body in (("GET", f"/v1/letters/{id}/breaches", None),
                               ("POST", f"/v1/letters/{id}/decision", {"step": "confirmed", "reason": "x"})):
        refused(house, house.beside, method, path, body, 404, "not_found")
    refused(house, house.beside, "GET", f"/v1/letters/{id}", None, 404, "not_found")
    assert call(house, token, "POST", f"/v1/letters/{id}/decision", {"step": "confirmed", "reason": "x"})[0] in (403, 404)
    assert place() == "WFA"
    good(house, house.head, "POST", f"/v1/letters/{id}/decision", {"step": "confirmed", "reason": "rapat di kantor"})
    start = time.monotonic()
    wait_until("the letter is in the answer", lambda: place() is None, SOON_S)
    print(f"# the answer changed {time.monotonic() - start:.2f} s after the decision")
    one = good(house, house.head, "GET", f"/v1/letters/{id}")["letters"][0]
    assert one["status"] == "confirmed" and one["orders"][0]["people"][0]["nip"] == nip, one
    assert [s["step"] for s in one["steps"]] == ["filed", "confirmed"] and one["steps"][1]["reason"] == "rapat di kantor", one
    found = good(house, house.head, "GET", f"/v1/letters?unit={UNIT}&from={DAY}&to={DAY}&status=confirmed")
    assert [l["letter"] for l in found["letters"]] == [id], found
    refused(house, house.head, "POST", f"/v1/letters/{id}/decision", {"step": "confirmed"}, 409, "wrong_state")
    why = refused(house, house.head, "POST", f"/v1/letters/{id}/decision", {"step": "revoked"}, 422, "invalid")
    assert why["problems"][0]["field"] == "reason", why
    good(house, house.head, "POST", f"/v1/letters/{id}/decision", {"step": "revoked", "reason": "rapat batal"})
    wait_until("the letter is out of the answer", lambda: place() == "WFA", SOON_S)


@test
def leave_is_asked_for_and_granted(house):
    nip = house.members[2]
    token = house.known(house.enroll(nip))

    def seen():
        status, answer = house.presence(house.head, UNIT)
        assert status == 200, answer
        p = next(p for p in answer["people"] if p["nip"] == nip)
        return {s["state"] for s in p["sessions"]} or {p["state"]}, p["reason"] if not p["sessions"] else None
    assert seen()[0] == {"not_yet_due"}, seen()
    asked = good(house, token, "POST", "/v1/absences", {"code": "CT", "first_day": DAY, "last_day": DAY, "note": "acara keluarga"}, 201)
    id = asked["absence"]
    mine = good(house, token, "GET", "/v1/absences")["absences"]
    assert [(a["absence"], a["nip"], a["status"]) for a in mine] == [(id, nip, "requested")], mine
    assert [a["absence"] for a in good(house, house.head, "GET", f"/v1/absences?unit={UNIT}&status=requested")["absences"]] == [id]
    approve = {"step": "approved"}
    refused(house, house.beside, "POST", f"/v1/absences/{id}/decision", approve, 404, "not_found")
    assert good(house, house.beside, "GET", "/v1/absences")["absences"] == []
    refused(house, house.beside, "GET", f"/v1/absences?unit={UNIT}", None, 404, "not_found")
    refused(house, token, "POST", f"/v1/absences/{id}/decision", approve, 403, "not_yours")
    refused(house, house.head, "POST", "/v1/absences/987654321/decision", approve, 404, "not_found")
    assert seen()[0] == {"not_yet_due"}
    assert good(house, house.head, "POST", f"/v1/absences/{id}/decision", approve)["state"] == "approved"
    wait_until("presence says why he is not there", lambda: seen() == ({"excused"}, "CT Cuti tahunan"), SOON_S)
    refused(house, house.head, "POST", f"/v1/absences/{id}/decision", approve, 409, "wrong_state")
    steps = good(house, token, "GET", "/v1/absences")["absences"][0]["steps"]
    assert [s["step"] for s in steps] == ["requested", "approved"], steps


@test
def corrections_outages_and_reports(house):
    """The day is DAY at 07:10: a forgotten check-in at 07:00, an outage until 07:05, a plan for the day."""
    nip = house.members[4]
    token = house.known(house.enroll(nip))
    forgotten = {"day": DAY, "session": "pagi", "kind": "forgotten", "claimed_at": f"{DAY}T07:00:00+08:00", "note": "baterai habis"}
    id = good(house, token, "POST", "/v1/corrections", forgotten, 201)["correction"]
    refused(house, token, "POST", f"/v1/corrections/{id}/decision", {"step": "approved"}, 403, "not_yours")
    refused(house, house.beside, "POST", f"/v1/corrections/{id}/decision", {"step": "approved"}, 404, "not_found")
    assert good(house, house.head, "POST", f"/v1/corrections/{id}/decision", {"step": "approved"})["state"] == "approved"
    one = good(house, token, "GET", "/v1/corrections")["corrections"]
    assert [(c["correction"], c["nip"], c["status"], c["note"]) for c in one] == [(id, nip, "approved", "baterai habis")], one

    away = {"unit": UNIT, "from": f"{DAY}T06:30:00+08:00", "to": f"{DAY}T07:05:00+08:00", "note": "jaringan putus"}
    why = refused(house, token, "POST", "/v1/outages", away, 404, "not_found")
    assert why["problems"] == [{"field": "unit", "reason": "the unit is unknown"}], why
    id = good(house, house.head, "POST", "/v1/outages", away, 201)["outage"]
    refused(house, house.head, "POST", f"/v1/outages/{id}/decision", {"step": "approved"}, 403, "not_yours")
    refused(house, house.beside, "POST", f"/v1/outages/{id}/decision", {"step": "approved"}, 404, "not_found")
    agency = house.known(house.grant(house.people[-1]["nip"], "bkpsdm", "LUTRA"))
    good(house, agency, "POST", f"/v1/outages/{id}/decision", {"step": "approved"})
    assert [(o["outage"], o["status"]) for o in good(house, house.head, "GET", "/v1/outages")["outages"]] == [(id, "approved")]
    beside = good(house, house.beside, "GET", "/v1/outages")["outages"]  # that there was one is no secret; where, is
    assert [(o["outage"], o["unit"]) for o in beside] == [(id, None)], beside

    id = good(house, token, "POST", "/v1/work-reports", {"day": DAY, "kind": "work_plan", "text": "Menyusun naskah"}, 201)["work_report"]
    seen = good(house, house.head, "GET", f"/v1/work-reports?unit={UNIT}&kind=work_plan")["work_reports"]
    assert [(w["work_report"], w["nip"], w["text"]) for w in seen] == [(id, nip, "Menyusun naskah")], seen
    assert good(house, house.beside, "GET", "/v1/work-reports")["work_reports"] == []
    # whoever may ask about the unit reads what its day comes to
    for path in (f"/v1/reports/daily-people?unit={UNIT}&date={DAY}", f"/v1/notices?unit={UNIT}",
                 f"/v1/doubts?unit={UNIT}&from={DAY}&to={DAY}"):
        unit = good(house, house.head, "GET", path)["unit"]
        assert UNIT in (unit, unit["code"] if "reports" in path else None), unit
        refused(house, house.beside, "GET", path, None, 404, "not_found")
    assert good(house, token, "GET", f"/v1/recap/days?nip={nip}&month={DAY[:7]}")["nip"] == nip
    refused(house, token, "GET", f"/v1/recap/days?nip={house.members[1]}&month={DAY[:7]}", None, 404, "not_found")
    why = refused(house, house.head, "GET", f"/v1/reports/discipline?unit={UNIT}&date=MMXXV&closed=perhaps", None, 422, "invalid")
    assert {p["field"] for p in why["problems"]} == {"date", "closed"}, why


ROUTES = [("POST", p) for p in ("/v1/letters", "/v1/absences", "/v1/corrections", "/v1/outages", "/v1/work-reports",
                                "/v1/letters/1/decision", "/v1/absences/1/decision", "/v1/corrections/1/decision",
                                "/v1/outages/1/decision", "/v1/notices/1/seen")] + \
         [("GET", p) for p in ("/v1/letters", "/v1/letters/1", "/v1/letters/1/breaches", "/v1/absences", "/v1/corrections",
                               "/v1/outages", "/v1/work-reports", f"/v1/breaches?unit={UNIT}&from={DAY}&to={DAY}", "/v1/heads",
                               f"/v1/notices?unit={UNIT}", f"/v1/doubts?unit={UNIT}&from={DAY}")]


@test
def every_address_says_what_is_wrong(house):
    large = "{\"a\":\"" + "x" * (256 << 10) + "\"}"
    for method, path in ROUTES:
        if method == "GET":
            status, headers, answer = call(house, house.beside, "GET", path)
            assert status in (200, 404) or answer["code"] == "invalid", (path, status, answer)
            join = "&" if "?" in path else "?"
            wrong = refused(house, house.beside, "GET", path + join + "colour=red", None, 422, "invalid")
            assert {"field": "colour", "reason": "is unknown"} in wrong["problems"], wrong
            refused(house, house.beside, "GET", path + join + "colour=red&colour=blue", None, 400, "repeated_parameter")
        else:
            wrong = refused(house, house.head, "POST", path, {"colour": "red"}, 422, "invalid")
            assert {"field": "colour", "reason": "is unknown"} in wrong["problems"], wrong
            assert len(wrong["problems"]) > 1 or path.endswith("/seen"), "all at once"
            assert wrong["detail"].startswith("The content"), wrong
            wrong = refused(house, house.head, "POST", path, {"colour": "red"}, 422, "invalid", language="id")
            assert {"field": "colour", "reason": "tidak dikenal"} in wrong["problems"], wrong
            for body, status, code in (("{", 400, "not_json"), ("[]", 400, "wrong_type"), ("", 400, "not_json"),
                                       ("{\"a\":1,\"a\":2}", 400, "not_json"), ("[" * 9 + "]" * 9, 400, "too_deep"),
                                       ("{\"a\":\"\\u0000\"}", 400, "not_json"), (large, 413, "too_large")):
                refused(house, house.head, "POST", path, body, status, code)
            refused(house, house.head, "POST", path, {}, 415, "unknown_media_type", Content_Type="text/csv")
            refused(house, house.head, "POST", path, {}, 415, "unknown_encoding", Content_Encoding="gzip")
            refused(house, house.head, "POST", path + "?x=1", {}, 400, "unknown_parameter")
        refused(house, "nobodynobodynobodynobo", method, path, {} if method == "POST" else None, 401, "unknown_token")
        assert house.request(method, path)[0] == 401
        refused(house, house.head, "PUT", path, {}, 405, "method_not_allowed")
    refused(house, house.head, "POST", "/v1/letters/1x/decision", {}, 404, "not_found")
    refused(house, house.head, "POST", "/v1/letters/5/decision", {"letter": 6, "step": "confirmed"}, 400, "unknown_member")


@test
def all_problems_of_a_letter_at_once(house):
    bad = letter("800/2/CONTOH", "123", kind="holiday", dated="2025-02-30")
    bad["orders"].append({"place": "MOON", "people": [{"nip": house.members[1], "days": [DAY, "x"], "hat": 1}]})
    said = {p["field"] for p in refused(house, house.head, "POST", "/v1/letters", bad, 422, "invalid")["problems"]}
    assert {"kind", "dated", "orders[1].place", "orders[1].people[0].hat"} <= said, said
    assert house.value("select count(*) from hadir.letter where number = '800/2/CONTOH'") == "0"


@contextlib.contextmanager
def held(house, table):
    """Nobody else writes the table."""
    argv = ["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []
    p = subprocess.Popen([*argv, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        p.stdin.write(f"begin; lock table {table} in share row exclusive mode; select 'held';\n")
        p.stdin.flush()
        assert p.stdout.readline().strip() == "held"
        yield
    finally:
        with contextlib.suppress(OSError):
            p.stdin.close()
        p.wait(120)
        p.stdout.close()


@test
def a_lost_answer_says_look_first(house):
    body = letter("800/3/CONTOH", house.members[1])
    kept = "select count(*) from hadir.letter where number = '800/3/CONTOH'"
    heard = []
    with held(house, "hadir.letter"):
        busy = call(house, house.head, "POST", "/v1/letters", body)  # gives up after the role's lock_timeout: surely undone
        assert busy[0] == 503 and busy[2]["code"] == "unavailable" and busy[1]["Retry-After"], busy
        writer = threading.Thread(target=lambda: heard.append(call(house, house.head, "POST", "/v1/letters", body)))
        writer.start()
        wait_until("the letter waits for the lock", lambda: house.value(
            "select count(*) from pg_stat_activity where usename = 'hadir_operator' and wait_event_type = 'Lock'") == "1")
        house.stop_database()
    writer.join(30)
    status, headers, answer = heard[0]
    assert status == 503 and answer["code"] == "outcome_unknown" and headers["Retry-After"] is None, (status, answer)
    refused(house, house.head, "POST", "/v1/letters", body, 503, "database_away")
    wait_until("health tells", lambda: "database_down_operator" in {r["code"] for r in house.health()["reasons"]})
    assert house.metric("hadir_outcome_unknown_total") == 1
    house.start_database()
    house.wait_live(60)
    assert house.value(kept) == "0"
    good(house, house.head, "POST", "/v1/letters", body, 201)
    assert house.value(kept) == "1"
    refused(house, house.head, "POST", "/v1/letters", body, 422, "invalid")


@test
def without_an_actor_nothing_is_there(house):
    for actor in ("", "access:999999", "device:0", "hadir"):
        for name, body in (("absences", "{}"), ("letters", "{}"), ("corrections", "{}"), ("outages", "{}"), ("work_reports", "{}")):
            got = json.loads(house.sql(f"begin; select set_config('hadir.actor', '{actor}', true); "
                                       f"select api.{name}('{body}', now()); commit;", user="hadir_query")[-1][0])
            assert not any(v for k, v in got.items() if isinstance(v, list)), (actor, name, got)
    written = "select count(*) from hadir.decision"
    before = house.value(written)
    for name, body in (("absence_request", f'{{"nip": "{house.members[1]}", "code": "CT", "first_day": "{DAY}"}}'),
                       ("letter_file", json.dumps(letter("800/4/CONTOH", house.members[1])))):
        got = json.loads(house.value(f"select api.{name}('{body}', now())", user="hadir_operator"))
        assert got["error"]["status"] in (403, 404, 422), got
    assert house.value(written) == before


@test
def a_revoked_right_decides_nothing(house):
    token = house.known(house.grant(house.members[3], "supervisor", UNIT))
    assert call(house, token, "GET", "/v1/letters")[0] == 200
    access = house.value("select max(id) from hadir.access")
    house.hadir("revoke", "--access", access)
    wait_until("the token is refused", lambda: call(house, token, "POST", "/v1/letters", {})[0] == 401, SOON_S)


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("rules") as house:
        house.members = [p["nip"] for p in house.people if p["unit"] == UNIT]
        house.start(clock=f"{DAY}T07:10:00+08:00")
        house.head = house.known(house.grant(house.members[0], "supervisor", UNIT))
        house.beside = house.known(house.grant(next(p["nip"] for p in house.people if p["unit"] == OTHER), "supervisor", OTHER))
        code = test.main(house)
    raise SystemExit(code)
