"""A circular that is none of the five, written from hadir-policy(5) alone: checked, applied, and lived through for a week by an
office of six, with the head's list, the quota, the evidence and what the superior reads of it."""
import json, uuid
from harness import TOP, House, Tests, wait_until

test = Tests()
# Pejabat eselon III is not bound; e has no home that is known. The office is a circle of 100 m, homes are of 60 m.
PEOPLE = {"kabag": "III", "a": "", "b": "", "c": "", "d": "", "e": ""}
OFFICE, HOMES = (-2.5601, 120.3101), {"a": (-2.5801, 120.3301), "b": (-2.5901, 120.3401), "c": (-2.6001, 120.3501), "d": (-2.6101, 120.3601)}
AWAY = (-2.7001, 120.4001)
CIRCULAR = """; Surat Edaran 800/77/CONTOH, 12 Januari 2026 (rekaan): selasa dan kamis bergilir dari rumah, apel daring setiap hari
[policy]
number = SE 800/77/CONTOH
title = Kerja dari rumah bergilir dan apel daring
dated = 2026-01-12
valid_from = 2026-01-19
valid_to = 2026-01-23
grants = roster
max_elsewhere_days = 1
report_to = Kepala BKPSDM
report_by = 14:00

[scope kecuali pejabat]
echelons = II, III
exclude = ya

[day giliran]
weekdays = Selasa, Kamis
place = WFH
granted = ya

[day kantor]
weekdays = 1, 3, 5
place = WFO

[quota separuh]
measure = max_wfh
percent = 50
base = working
rounding = up

[evidence dua kali]
places = WFH
kind = location
times = 2

[evidence rencana]
places = WFH
kind = work_plan

[evidence hasil]
places = WFH
kind = work_report

[evidence apel]
places = WFH, WFO
kind = session
session = apel

[session apel]
label = Apel daring
counts_as = presence
accept_from = 07:00
accept_until = 07:15

[session pagi]
label = Pagi
counts_as = in
accept_from = 07:15
due = 07:30
on_time_until = 07:46
accept_until = 10:00

[session sore]
label = Sore
counts_as = out
accept_from = 15:00
due = 16:00
accept_until = 19:00
"""


def nip(who):
    return f"1980010120050110{list(PEOPLE).index(who) + 10}"


def call(house, token, method, path, body=None):
    status, headers, answer = house.request(method, path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


def circle(code, kind, at, radius, **more):
    return {"type": "Feature", "properties": dict(more, code=code, name=code.title(), kind=kind, radius_m=radius),
            "geometry": {"type": "Point", "coordinates": [at[1], at[0]]}}


def load(house):
    house.hadir("government", "add", "CONTOH", "Kabupaten Contoh", "--zone", "Asia/Makassar")
    for what, name in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes")):
        house.hadir("import", what, f"{TOP}/sql/reference/{name}.csv")
    house.hadir("import", "units", house.write("units.csv", "code,name,kind,parent,government\nCONTOH,Kabupaten Contoh,government,,CONTOH\n"
                                               "BAGIAN,Bagian Contoh,bagian,CONTOH,\n"))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from,echelon\n" + "".join(
        f"{nip(who)},Contoh {who.title()},PNS,BAGIAN,2025-01-01,{echelon}\n" for who, echelon in PEOPLE.items())))
    house.hadir("import", "heads", house.write("heads.csv", f"nip,unit,kind,from\n{nip('kabag')},BAGIAN,head,2025-01-01\n"))
    house.hadir("import", "fences", house.write("fences.geojson", json.dumps({"type": "FeatureCollection", "features": [
        circle("KANTOR", "office", OFFICE, 100, unit="BAGIAN")] + [
        circle(f"RUMAH-{who.upper()}", "home", at, 60, nip=nip(who)) for who, at in HOMES.items()]})))


def move(house, day, hhmm):
    house.set_clock(f"2026-01-{day}T{hhmm}:30+08:00")
    house.wait_live()
    wait_until("the day is planned", lambda: call(house, house.token["a"], "GET", "/v1/me")[1].get("reason") != "no_plan")
    house.doors_agree()


def comes(house, who, day, hhmm, at, *judged):
    """One check-in, sent now: session, verdict, minutes of lateness, place; asked again until the door has the plan of now."""
    id, got = str(uuid.uuid4()), []

    def ask():
        status, answer = house.checkin(house.token[who], lat=at[0], lon=at[1], taken=f"2026-01-{day}T{hhmm}:00+08:00", id=id, sent=house.now())
        assert status == 200, answer
        got[:] = [(answer["session"], answer["verdict"], answer["late_minutes"], answer["place"])]
        return got[0] == judged
    try:
        wait_until("judged", ask, 60)
    except AssertionError:
        raise AssertionError(f"{who} on {day} at {hhmm}: {got[0]}, not {judged}")


def sends(house, who, day, kind):
    status, answer = call(house, house.token[who], "POST", "/v1/work-reports", {"day": f"2026-01-{day}", "kind": kind, "text": "menyusun naskah contoh"})
    assert status == 201, answer


@test
def the_check_says_what_was_meant(house):
    path = house.write("keenam.conf", CIRCULAR)
    said = house.hadir("policy", "check", path).stdout
    for words in ("Binds 5 people", "Excluded: echelons II, III", "Monday, Wednesday, Friday: WFO (office)",
                  "Tuesday, Thursday: WFH (home), for whoever the head's shift list names", "Working days from Monday 19 January 2026 to Friday 23 January 2026: 5",
                  "at most 1 days away from the office a week", "WFH at most 50 % of each unit's people who work that day, rounded up; BAGIAN, 6 people: 3",
                  "Evidence on a day of WFH: location 2 times", "presence in the session apel", "Reported to Kepala BKPSDM, by 14:00",
                  "Pagi (pagi), accepted 07:15–10:00, due 07:30; late from 07:46"):
        assert words in said, (words, said)
    assert "SE 800/77/CONTOH applied, revision 1" in house.hadir("policy", "apply", path).stdout


@test
def the_heads_list_and_its_breaches(house):
    """Tuesday: four of six (the head is one of the unit, too) are one too many (three may). On Wednesday nobody may. A second day a week is one too many for a."""
    status, answer = call(house, house.head, "POST", "/v1/letters", {"unit": "BAGIAN", "kind": "roster", "number": "R/1", "dated": "2026-01-15", "orders": [
        {"place": "WFH", "people": [{"nip": nip(w), "days": [f"2026-01-{d}" for d in days]} for w, days in (
            ("a", (20, 22)), ("b", (20,)), ("c", (20,)), ("e", (20, 21)))]}]})
    found = {(b["measure"], b.get("day") or b.get("week"), b.get("nip"), b["have"], b["limit"]) for b in answer["breaches"]}
    assert status == 201 and found == {
        ("max_wfh", "2026-01-20", None, 4, 3), ("place_not_granted", "2026-01-21", nip("e"), 1, 0),
        ("max_elsewhere_days", "2026-01-19", nip("a"), 2, 1), ("max_elsewhere_days", "2026-01-19", nip("e"), 2, 1)}, answer
    status, refused = call(house, house.head, "POST", f"/v1/letters/{answer['letter']}/decision", {"step": "confirmed"})
    assert status == 409 and refused["code"] == "breaches" and len(refused["breaches"]) == 4, refused
    list = house.write("giliran.csv", "nip,day,place\n" + "".join(
        f"{nip(w)},2026-01-{d},WFH\n" for w, d in (("a", 20), ("b", 20), ("e", 20), ("c", 22), ("d", 22))))
    said = house.hadir("roster", list, "--unit", "BAGIAN", "--number", "R/2", "--dated", "2026-01-15").stdout
    assert "circular" not in said, said
    assert call(house, house.head, "POST", f"/v1/letters/{said.split()[1]}/decision", {"step": "confirmed"})[0] == 200


@test
def a_week_of_it(house):
    """a does all that is asked; b hands in no report on his day at home; e checks in at a home that nobody knows, hence
    nowhere; c comes to the office on his day at home and is simply there; d misses Monday's assembly."""
    move(house, "19", "07:50")
    for who in "abcde":
        if who != "d":
            comes(house, who, "19", "07:05", OFFICE, "apel", "on_time", 0, "WFO")
        comes(house, who, "19", "07:46" if who == "b" else "07:44", OFFICE, "pagi", *(("late", 16, "WFO") if who == "b" else ("on_time", 0, "WFO")))
    comes(house, "kabag", "19", "07:05", OFFICE, "pagi", "on_time", 0, "WFO")  # not bound: the working hours'
    move(house, "20", "07:50")
    for who in "ab":
        comes(house, who, "20", "07:10", HOMES[who], "apel", "on_time", 0, "WFH")
        comes(house, who, "20", "07:30", HOMES[who], "pagi", "on_time", 0, "WFH")
        sends(house, who, "20", "work_plan")
    comes(house, "e", "20", "07:30", AWAY, "pagi", "on_time", 0, None)
    comes(house, "c", "20", "07:30", OFFICE, "pagi", "on_time", 0, "WFO")
    comes(house, "d", "20", "07:30", HOMES["d"], "pagi", "on_time", 0, None)  # it is not his turn
    move(house, "20", "16:05")
    sends(house, "a", "20", "work_report")
    for who in "ab":
        comes(house, who, "20", "16:00", HOMES[who], "sore", "on_time", 0, "WFH")
    move(house, "22", "07:50")
    comes(house, "c", "22", "07:30", OFFICE, "pagi", "on_time", 0, "WFO")
    move(house, "26", "07:50")  # the week after: everything as ever
    comes(house, "b", "26", "07:44", OFFICE, "pagi", "late", 14, "WFO")
    comes(house, "a", "26", "07:05", HOMES["a"], "pagi", "on_time", 0, None)


@test
def the_superior_reads_the_week(house):
    """Missing evidence by days on which somebody was there: a none; b Tuesday's report; c both times the assembly; d Monday's and
    Tuesday's assembly; e Tuesday, at home without position, plan, report, assembly."""
    status, answer = call(house, house.head, "GET", "/v1/reports/monthly?unit=BAGIAN&month=2026-01")
    assert status == 200, answer
    got = {p["nip"]: (p["present_days"], p["wfo_days"], p["wfh_days"], p["evidence_missing"]) for p in answer["rows"]}
    wanted = {"a": (2, 1, 1, 0), "b": (2, 1, 1, 1), "c": (3, 3, 0, 2), "d": (2, 1, 0, 2), "e": (2, 1, 0, 1)}
    assert {w: got[nip(w)] for w in wanted} == wanted, got
    listed = house.hadir("policy", "list", "--csv").stdout
    assert "SE 800/77/CONTOH,CONTOH,2026-01-12,2026-01-19,2026-01-23" in listed, listed


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("sixth", example=False) as house:
        load(house)
        house.start(clock="2026-01-16T08:00:00+08:00")
        house.token = {who: house.known(house.enroll(nip(who))) for who in PEOPLE}
        house.head = house.known(house.grant(nip("kabag"), unit="BAGIAN"))
        code = test.main(house)
    raise SystemExit(code)
