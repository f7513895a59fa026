"""What a superior is asked and told: corrections up to their last day and BKPSDM's word on them, doubts in words, and what
lateness and absence add up to. One small town in January 2026, five working days a week; Friday the 16th is a holiday."""
import csv, json, uuid
from harness import BUSINESS, TOP, House, Tests, epoch, wait_until

test = Tests()
UNITS = """code,name,kind,parent,government
CONTOH,Kabupaten Contoh,government,,CONTOH
DINAS,Dinas Contoh,opd,CONTOH,
BIDANG,Bidang Contoh,bidang,DINAS,
LAIN,Dinas Lain Contoh,opd,CONTOH,
"""
NAMES = ["kepala", "kabid", "lain", "bkpsdm", "telat", "alpa", "lupa", "ganti"] + [f"p{n}" for n in range(1, 10)] + [f"w{n}" for n in range(4)]
UNIT = {"kepala": "DINAS", "lain": "LAIN", "bkpsdm": "LAIN"}
KABID = "BIDANG"


def nip(who):
    return f"1980010120050110{NAMES.index(who) + 10:02}"


def call(house, token, method, path, body=None, language="en"):
    status, headers, answer = house.request(method, path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": language})
    return status, json.loads(answer)


def get(house, who, path, **more):
    status, answer = call(house, house.boss[who], "GET", path, **more)
    assert status == 200, (path, answer)
    return answer


def load(house):
    house.hadir("government", "add", "CONTOH", "Kabupaten Contoh", "--zone", "Asia/Makassar", "--whatsapp", BUSINESS)
    for what, name in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes"),
                       ("minute-classes", "minute-classes-permentan-68-2012"), ("discipline", "discipline-pp-94-2021"),
                       ("consequences", "consequences-permentan-68-2012")):
        house.hadir("import", what, f"{TOP}/sql/reference/{name}.csv")
    house.hadir("import", "units", house.write("units.csv", UNITS))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from\n" + "".join(
        f"{nip(who)},Contoh {who.title()},PNS,{UNIT.get(who, KABID)},2025-01-01\n" for who in NAMES)))
    house.hadir("import", "heads", house.write("heads.csv", "nip,unit,kind,from\n" + "".join(
        f"{nip(who)},{unit},head,2025-01-01\n" for who, unit in (("kepala", "DINAS"), ("kabid", "BIDANG"), ("lain", "LAIN")))))
    house.hadir("government", "set", "CONTOH", "correction_days=5")


def move(house, moment):
    house.set_clock(f"2026-01-{moment}:00+08:00")
    house.wait_live()
    wait_until("the day is planned", lambda: get(house, "telat", "/v1/me").get("reason") != "no_plan")
    house.doors_agree()


def comes(house, who, taken, lat=-2.5, lon=120.5, **more):
    """One check-in of January at DDTHH:MM:SS, sent now; its verdict, once the door has the plan of now."""
    found = {}

    def ask():  # the same again: the verdict as of now
        status, answer = house.checkin(house.boss[who], lat=lat, lon=lon, taken=f"2026-01-{taken}+08:00", id=id, sent=house.now(), **more)
        assert status == 200, answer
        found.update(answer)
        return answer["verdict"] != "pending"
    id = str(uuid.uuid4())
    wait_until("the door has the plan of now", ask)
    return found["verdict"]


def correction(house, who, day, **more):
    return call(house, house.boss[who], "POST", "/v1/corrections", {
        "day": f"2026-01-{day}", "session": "pagi", "kind": "forgotten", "claimed_at": f"2026-01-{day}T07:20:00+08:00", "note": "baterai habis", **more})


def decide(house, who, id, step, **more):
    return call(house, house.boss[who], "POST", f"/v1/corrections/{id}/decision", {"step": step, **more})


def session(house, who, day, code="pagi"):
    status, answer = house.presence(house.boss["kabid"], "BIDANG", f"2026-01-{day}")
    assert status == 200, answer
    return next(s for p in answer["people"] if p["nip"] == nip(who) for s in p["sessions"] if s["session"] == code)


@test
def ninety_minutes_on_five_days(house):
    """Monday 5 to Friday 9 January: one comes at 09:00 each day (TL3, 90 minutes), one never comes at all."""
    for day in ("05", "06", "07", "08", "09"):
        move(house, f"{day}T09:00")
        assert comes(house, "telat", f"{day}T09:00:00", lat=-2.5 - int(day) / 1000) == "late"
    move(house, "10T20:00")


def discipline(house, who):
    return next((p for p in get(house, "kabid", "/v1/reports/discipline?unit=BIDANG")["rows"] if p["nip"] == nip(who)), None)


@test
def four_hundred_and_fifty_minutes(house):
    """Off, as the file of reference has it: minutes make no day. On: one day, with the dates that made it."""
    wait_until("the last check-in is there", lambda: session(house, "telat", "09")["state"] == "late")
    assert discipline(house, "telat") is None and discipline(house, "alpa")["days"] == 5
    rule = "valid_from,absent_code,absent_percent,monthly_cap,minutes_per_day,basis\n2026-01-01,TK,4,100,450,Peraturan contoh\n"
    house.hadir("import", "consequences", house.write("on.csv", rule))
    row = discipline(house, "telat")
    assert (row["absent_days"], row["minute_days"], row["days"]) == (0, 1, 1), row
    assert row["minute_dates"] == ", ".join(f"2026-01-{d} 90" for d in ("05", "06", "07", "08", "09")), row
    listed = list(csv.DictReader(house.hadir("report", "discipline", "--unit", "BIDANG").stdout.splitlines()))
    assert {r["nip"]: (r["minutes"], r["minute_days"]) for r in listed}[nip("telat")] == ("450", "1"), listed
    month = get(house, "kabid", "/v1/reports/monthly?unit=BIDANG&month=2026-01")
    row = next(p for p in month["rows"] if p["nip"] == nip("telat"))
    assert {c: n for c, n in row["counts"].items() if n} == {"TL3": 5, "PSW4": 5} and row["deduction"] == 17.5, "5 × 1.5 for lateness, 5 × 2 for no afternoon"


@test
def corrections_until_the_last_day(house):
    """correction_days = 5: of Monday the 5th until Saturday the 10th, to its last minute; on the 11th no more, but the console."""
    move(house, "10T23:55")
    status, answer = correction(house, "lupa", "05")
    assert status == 201, answer
    house.last = answer["correction"]
    move(house, "11T00:05")
    for language, reason in (("en", "corrections are taken for 5 days, until 2026-01-10; ask BKPSDM"),
                             ("id", "batas pengajuan koreksi 5 hari, yaitu 2026-01-10; hubungi BKPSDM")):
        status, answer = call(house, house.boss["ganti"], "POST", "/v1/corrections", {
            "day": "2026-01-05", "session": "pagi", "kind": "forgotten", "claimed_at": "2026-01-05T07:20:00+08:00"}, language)
        assert status == 422 and answer["problems"] == [{"field": "day", "reason": reason}], answer
    assert correction(house, "ganti", "06")[0] == 201
    console = ("correction", "request", nip("ganti"), "--day", "2026-01-05", "--session", "pagi", "--kind", "forgotten", "--claimed-at",
               "2026-01-05T07:20:00+08:00")
    done = house.hadir(*console, check=False)
    assert done.returncode == 1 and "note: after 5 days: say why" in done.stderr, done.stderr
    house.hadir(*console, "--note", "dirawat, surat menyusul")
    # who asked in time is heard, whenever the superior decides
    status, answer = decide(house, "lain", house.last, "approved")
    assert status == 404, answer
    assert decide(house, "lupa", house.last, "approved")[0] == 403
    status, answer = decide(house, "kabid", house.last, "approved")
    assert status == 200 and answer["state"] == "approved", answer
    wait_until("it counts", lambda: session(house, "lupa", "05")["state"] == "on_time")
    assert session(house, "lupa", "05")["flags"] == ["corrected"], session(house, "lupa", "05")


@test
def bkpsdm_has_the_last_word_where_it_is_wanted(house):
    house.hadir("government", "set", "CONTOH", "confirms_corrections=ya")
    status, answer = correction(house, "lupa", "06")
    id = answer["correction"]
    assert decide(house, "bkpsdm", id, "confirmed")[0] == 409, "not before the superior"
    assert decide(house, "kabid", id, "approved")[0] == 200
    wait_until("approved is not yet confirmed", lambda: session(house, "lupa", "06")["state"] == "missing")
    status, answer = decide(house, "kabid", id, "confirmed")
    assert status == 403 and "BKPSDM" in answer["problems"][0]["reason"], answer
    assert decide(house, "bkpsdm", id, "confirmed")[1]["state"] == "confirmed"
    wait_until("confirmed counts", lambda: session(house, "lupa", "06")["state"] == "on_time")
    assert session(house, "lupa", "05")["state"] == "on_time", "what counted before goes on counting"
    status, answer = correction(house, "lupa", "07")
    id = answer["correction"]
    assert decide(house, "kabid", id, "approved")[0] == 200
    assert decide(house, "bkpsdm", id, "rejected")[0] == 422, "without a reason"
    assert decide(house, "bkpsdm", id, "rejected", reason="tidak ada bukti")[1]["state"] == "rejected"
    assert session(house, "lupa", "07")["state"] == "missing"
    mine = get(house, "lupa", "/v1/corrections")["corrections"]
    steps = {c["day"]: [(s["step"], s["capacity"]) for s in c["steps"]] for c in mine}
    assert steps == {"2026-01-05": [("requested", "self"), ("approved", "head")],
                     "2026-01-06": [("requested", "self"), ("approved", "head"), ("confirmed", "bkpsdm")],
                     "2026-01-07": [("requested", "self"), ("approved", "head"), ("rejected", "bkpsdm")]}, steps
    house.hadir("government", "set", "CONTOH", "confirms_corrections=tidak")


@test
def a_phone_is_replaced(house):
    """Its days without a phone are corrected; the new one speaks, the old one no more."""
    old = house.boss["ganti"]
    house.boss["ganti"] = house.known(house.enroll(nip("ganti"), "native", "--replace"))
    wait_until("the old phone is out", lambda: house.checkin(old)[0] == 401)
    status, answer = correction(house, "ganti", "09", kind="device", claimed_at="2026-01-09T07:25:00+08:00")
    assert status == 201, answer
    assert decide(house, "kabid", answer["correction"], "approved")[0] == 200
    wait_until("it counts", lambda: session(house, "ganti", "09")["state"] == "on_time")
    listed = get(house, "kabid", "/v1/corrections?unit=BIDANG&status=approved")["corrections"]
    assert [(c["nip"], c["kind"]) for c in listed if c["day"] == "2026-01-09"] == [(nip("ganti"), "device")], listed


def number(n):
    return f"62800222{n:05}"


def forwarded(house, n, location, **more):
    house.secret(number(n))
    status, headers, body = house.whatsapp({"messages": [dict({"from": number(n), "id": f"wamid.{n}", "type": "location",
        "timestamp": str(epoch("2026-01-14T07:10:00+08:00")), "location": location}, **more)]})
    assert status == 200, body


@test
def doubts_are_told_in_words(house):
    """Monday 12 to Wednesday 14 January. One repeats the same seven decimals on three days; p1 and p2 share seven decimals (told);
    p3 and p4 share six, two people at a desk (not told); p5's phone says mock; p6 is at 07:10 sixty kilometres from where he was
    at 07:05; p7's position is a day and an hour old, p8's from the day after; p9 was near p1, not at his point (not told)."""
    for n in range(4):
        house.hadir("enroll", nip(f"w{n}"), "--channel", "whatsapp", "--quiet", "--number", house.secret(number(n)))
    for day in ("12", "13", "14"):
        move(house, f"{day}T07:12")
        assert comes(house, "lupa", f"{day}T07:10:00", lat=-2.5123457, lon=120.5123457) == "on_time"
    for who, lat, lon in (("p1", -2.5623451, 120.3143451), ("p2", -2.5623451, 120.3143451), ("p3", -2.562346, 120.314346),
                          ("p4", -2.562346, 120.314346), ("p9", -2.5623452, 120.3143451)):
        assert comes(house, who, "14T07:10:00", lat=lat, lon=lon) == "on_time"
    comes(house, "p5", "14T07:10:00", mock=True, lat=-2.51111)
    comes(house, "p6", "14T07:05:00", lat=-2.52222)
    comes(house, "p6", "14T07:10:00", lat=-2.92222, lon=120.92222)
    comes(house, "p7", "13T06:00:00", lat=-2.53333)
    comes(house, "p8", "15T07:10:00", lat=-2.54444)
    forwarded(house, 0, {"latitude": -2.55, "longitude": 120.35, "name": "Kantor Contoh"})
    forwarded(house, 1, {"latitude": -2.551, "longitude": 120.351}, context={"forwarded": True, "from": number(2), "id": "wamid.x"})
    forwarded(house, 2, {"latitude": -2.552, "longitude": 120.352})
    wait_until("all are recorded", lambda: session(house, "w2", "14")["state"] == "on_time")
    before = get(house, "kabid", "/v1/reports/monthly?unit=BIDANG&month=2026-01")["rows"]

    house.hadir("doubts", "--unit", "BIDANG", "--day", "2026-01-14")
    told = {(d["nip"], d["kind"]): d["text"] for d in get(house, "kabid", "/v1/doubts?unit=BIDANG&from=2026-01-14")["doubts"]}
    old = "old position, or one whose age cannot be told"
    assert told == {
        (nip("lupa"), "same_point"): "exactly the same point (7 decimals) within 30 days: 0 other people, 2 other days of one's own",
        (nip("p1"), "same_point"): "exactly the same point (7 decimals) within 30 days: 1 other people, 0 other days of one's own",
        (nip("p2"), "same_point"): "exactly the same point (7 decimals) within 30 days: 1 other people, 0 other days of one's own",
        (nip("p5"), "mock"): "mock position, says the phone",
        (nip("p6"), "impossible_travel"): "impossible travel: more than 60 km within 6 minutes of the check-in before",
        (nip("p7"), "stale_fix"): old,
        (nip("p8"), "future_fix"): "position from the future", (nip("p8"), "stale_fix"): old,
        (nip("w0"), "picked_place"): "place picked from the map",
        (nip("w1"), "forwarded"): "forwarded message"}, told
    words = {d["text"] for d in get(house, "kabid", "/v1/doubts?unit=BIDANG&from=2026-01-14", language="id")["doubts"]}
    assert {"posisi tiruan menurut ponsel", "pesan diteruskan", "posisi bertanggal depan", "posisi lama, atau umurnya tidak dapat diketahui", "tempat dipilih di peta"} <= words, words
    assert call(house, house.boss["lain"], "GET", "/v1/doubts?unit=BIDANG&from=2026-01-14")[0] == 404
    assert session(house, "p5", "14")["doubts"] == ["mock"] and session(house, "p5", "14")["state"] == "on_time"
    assert session(house, "p7", "14")["decided_at"].startswith("2026-01-14T07:12"), "arrival decides about what is old"
    after = get(house, "kabid", "/v1/reports/monthly?unit=BIDANG&month=2026-01")["rows"]
    assert [{k: v for k, v in p.items() if k != "doubts"} for p in before] == [{k: v for k, v in p.items() if k != "doubts"} for p in after]
    shown = house.hadir("doubts", "--unit", "BIDANG", "--day", "2026-01-14").stdout
    assert "impossible travel: more than 60 km within 6 minutes" in shown and "120.9" not in shown, shown


@test
def doubts_with_six_decimals_need_three_others(house):
    """A third and a fourth at the point of p3 and p4: then it is told of those who come."""
    move(house, "15T07:12")
    for who in ("p3", "p4", "p7", "p8"):
        comes(house, who, "15T07:10:00", lat=-2.562346, lon=120.314346)
    wait_until("all are recorded", lambda: session(house, "p8", "15")["state"] == "on_time")
    house.hadir("doubts", "--unit", "BIDANG", "--day", "2026-01-15")
    told = {(d["nip"], d["kind"]): d["text"] for d in get(house, "kabid", "/v1/doubts?unit=BIDANG&from=2026-01-15")["doubts"]}
    assert {n for n, kind in told if kind == "same_point"} == {nip(w) for w in ("p3", "p4", "p7", "p8")}, told
    assert told[nip("p8"), "same_point"].startswith("exactly the same point (6 decimals) within 30 days: 3 other people"), told


@test
def ten_days_in_a_row_and_who_is_told(house):
    """Absent from Monday the 5th: three days on the 7th, four on the 8th, seven on the 13th, and ten in a row on Monday the 19th,
    over two weekends and the holiday of the 16th. The direct superior is told, and BKPSDM: not the head above him, not the head
    of another unit, not he himself."""
    move(house, "20T09:00")

    def nights():
        done = house.hadir("nightly", check=False)
        return done.returncode == 0 and "waiting" not in done.stdout + done.stderr
    wait_until("the days are closed", nights)
    row = discipline(house, "alpa")
    assert (row["days"], row["longest_run"], row["dates"][:10], row["dates"][-10:]) == (10, 10, "2026-01-05", "2026-01-19"), row
    assert row["sanction"] == "pernyataan tidak puas secara tertulis" and row["run_reached_on"] == "2026-01-19", row
    notices = [n for n in get(house, "kabid", "/v1/notices?unit=BIDANG")["notices"] if n["nip"] == nip("alpa")]
    assert {(n["from_days"], n["consecutive"], n["reached_on"]) for n in notices} == {
        (3, False, "2026-01-07"), (4, False, "2026-01-08"), (7, False, "2026-01-13"), (10, True, "2026-01-19")}, notices
    text = next(n["text"] for n in notices if n["consecutive"])
    assert text.startswith("Contoh Alpa was absent without excuse on 10 working days in a row up to 2026-01-19. PP 94/2021: berat,"), text
    for who, unit in (("lain", "BIDANG"), ("alpa", "BIDANG"), ("telat", "BIDANG")):
        assert call(house, house.boss[who], "GET", f"/v1/notices?unit={unit}")[0] == 404, who
    assert all(n["nip"] != nip("alpa") for n in get(house, "lain", "/v1/notices?unit=LAIN")["notices"])
    # the head of the division never came either: that is for the head of the office above, not for himself
    assert nip("kabid") not in {n["nip"] for n in get(house, "kabid", "/v1/notices?unit=BIDANG")["notices"]}
    above = {n["nip"] for n in get(house, "kepala", "/v1/notices?unit=DINAS")["notices"]}
    assert nip("kabid") in above and not above & {nip("kepala"), nip("alpa")}, above
    assert call(house, house.boss["kepala"], "POST", f"/v1/notices/{notices[0]['notice']}/seen", {})[0] == 404
    assert {nip("alpa"), nip("kabid")} <= {n["nip"] for n in get(house, "bkpsdm", "/v1/notices?unit=CONTOH")["notices"]}
    number = next(n["notice"] for n in notices if n["consecutive"])
    assert call(house, house.boss["lain"], "POST", f"/v1/notices/{number}/seen", {})[0] == 404
    assert call(house, house.boss["kabid"], "POST", f"/v1/notices/{number}/seen", {})[0] == 200


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("superior", example=False) as house:
        load(house)
        house.start(clock="2026-01-05T06:30:00+08:00")
        house.boss = {who: house.known(house.enroll(nip(who))) for who in NAMES if who[0] != "w" and who not in ("kepala", "kabid", "lain", "bkpsdm")}
        house.boss.update({who: house.known(house.grant(nip(who), role, unit)) for who, role, unit in (
            ("kepala", "supervisor", "DINAS"), ("kabid", "supervisor", "BIDANG"), ("lain", "supervisor", "LAIN"), ("bkpsdm", "bkpsdm", "CONTOH"))})
        code = test.main(house)
    raise SystemExit(code)
