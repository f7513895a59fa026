"""Working hours as the people of three governments meet them: six days and Friday's own hours, three sessions a day, part-time
by name, shifts over midnight by a list over a six-day week, New Year in three zones, a journey into another zone, a move in
the middle of the month. Nothing is read from the database: check-ins, /v1/me, presence and the recap say it."""
import json, uuid
from harness import TOP, House, Tests, wait_until

test = Tests()
ZONES = {"BARAT": ("Asia/Jakarta", "+07:00"), "TENGAH": ("Asia/Makassar", "+08:00"), "TIMUR": ("Asia/Jayapura", "+09:00")}
UNITS = """code,name,kind,parent,government
BARAT,Kabupaten Contoh Barat,government,,BARAT
TENGAH,Kabupaten Contoh Tengah,government,,TENGAH
TIMUR,Kabupaten Contoh Timur,government,,TIMUR
KANTOR,Kantor Contoh,opd,TENGAH,TENGAH
SEKOLAH,Sekolah Contoh,opd,TENGAH,TENGAH
RSUD,Rumah Sakit Contoh,opd,TENGAH,TENGAH
RSUD-B,Rumah Sakit Contoh Barat,opd,BARAT,BARAT
RSUD-T,Rumah Sakit Contoh Timur,opd,TIMUR,TIMUR
"""
PEOPLE = {"kantor": ("198001012005011001", "KANTOR"), "guru": ("198001012005011002", "SEKOLAH"), "paruh": ("198001012025211003", "SEKOLAH"),
          "suster": ("198001012005012004", "RSUD"), "perawat": ("198001012005011005", "RSUD"), "tata": ("198001012005011006", "RSUD"),
          "kepala": ("198001012005011007", "RSUD"), "pindah": ("198001012005011008", "KANTOR"), "dinas": ("198001012005011009", "KANTOR"),
          "barat": ("198001012005011010", "RSUD-B"), "timur": ("198001012005011011", "RSUD-T"),
          "kantor-b": ("198001012005011012", "BARAT"), "kantor-t": ("198001012005011013", "TIMUR")}
# The school: six days, three times a day, a quarter of an hour's grace; on Friday until 11:30 and twice only. The hospital's
# office: six days until 14:00. Its shifts: SIANG 14:00-21:00, MALAM 21:00 to 07:00 on the day after, LEPAS a day off. Part-time: Monday,
# Wednesday and Saturday, 08:00-12:00.
HOURS = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,nip,valid_from,shift
"1-4,6",pagi,Pagi,in,06:00,,07:00,07:16,09:00,SEKOLAH,,2025-01-01,
"1-4,6",siang,Siang,presence,12:00,,,,13:30,SEKOLAH,,2025-01-01,
"1-4,6",sore,Sore,out,13:30,,14:00,,17:00,SEKOLAH,,2025-01-01,
5,pagi,Pagi,in,06:00,,07:00,07:16,09:00,SEKOLAH,,2025-01-01,
5,sore,Sore,out,10:30,,11:30,,17:00,SEKOLAH,,2025-01-01,
"1,3,6",pagi,Pagi,in,07:00,,08:00,08:01,10:00,,198001012025211003,2025-01-01,
"1,3,6",sore,Sore,out,11:00,,12:00,,14:00,,198001012025211003,2025-01-01,
"""
SHIFTS = """1-6,pagi,Pagi,in,06:00,,07:00,07:01,10:00,{u},,2025-01-01,
1-6,sore,Sore,out,12:00,,14:00,,17:00,{u},,2025-01-01,
,masuk,Masuk,in,13:00,,14:00,14:01,17:00,{u},,2025-01-01,SIANG
,pulang,Pulang,out,19:00,,21:00,,23:00,{u},,2025-01-01,SIANG
,masuk,Masuk,in,20:00,,21:00,21:01,24:00,{u},,2025-01-01,MALAM
,pulang,Pulang,out,29:00,,31:00,,33:00,{u},,2025-01-01,MALAM
,,,,,,,,,{u},,2025-01-01,LEPAS
"""


def call(house, token, method, path, body=None):
    status, headers, answer = house.request(method, path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


def load(house):
    for land, (zone, _) in ZONES.items():
        house.hadir("government", "add", land, f"Kabupaten Contoh {land.title()}", "--zone", zone)
    for what, path in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes")):
        house.hadir("import", what, f"{TOP}/sql/reference/{path}.csv")
    house.hadir("import", "units", house.write("units.csv", UNITS))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from\n" + "".join(
        f"{n},Contoh {name.title()},{'PPPK_PW' if name == 'paruh' else 'PNS'},{unit},2025-01-01\n" for name, (n, unit) in PEOPLE.items())))
    house.hadir("import", "hours", house.write("hours.csv", HOURS + "".join(SHIFTS.format(u=u) for u in ("RSUD", "RSUD-B", "RSUD-T"))))


def nip(who):
    return PEOPLE[who][0]


def move(house, moment):
    house.set_clock(moment)
    house.wait_live()
    for who in PEOPLE:
        wait_until("the day is planned", lambda: me(house, who).get("reason") != "no_plan")
        house.doors_agree()


def me(house, who):
    status, answer = call(house, house.token[who], "GET", "/v1/me")
    assert status == 200, answer
    return answer


def sessions(house, who):
    return [s["session"] for s in me(house, who)["sessions"]]


def comes(house, who, moment, *judged, zone="+08:00"):
    """One check-in taken at that moment and sent now is judged so: day, session, verdict, minutes; asked again until the door has
    the plan of now. What passes between asking for the time and arrival counts to the moment: seconds stand on the side of an
    edge where that changes nothing."""
    got, id = [], str(uuid.uuid4())

    def ask():  # the same again: the verdict as of now
        status, answer = house.checkin(house.token[who], lat=-2.5, lon=120.5, taken=moment + zone, id=id, sent=house.now())
        assert status == 200, answer
        got[:] = [(answer["day"], answer["session"], answer["verdict"], answer["late_minutes"] + answer["early_minutes"])]
        return got[0] == judged
    try:
        wait_until("the door judges by the plan", ask, 60)
    except AssertionError:
        raise AssertionError(f"{who} at {moment}: {got[0]}, not {judged}")


@test
def new_year_in_three_zones(house):
    """Nights of 31 December that end on New Year's Day belong to the old year, each by its own clock; the office of the east is
    in the new year when those of the middle and the west are still in the old one. Friday 2 January is worked."""
    for who, unit, zone in (("barat", "RSUD-B", "+07:00"), ("suster", "RSUD", "+08:00"), ("timur", "RSUD-T", "+09:00")):
        path = house.write("list.csv", f"nip,day,shift\n{nip(who)},2025-12-31,MALAM\n{nip(who)},2026-01-01,LEPAS\n")
        out = house.hadir("roster", path, "--unit", unit, "--number", f"TB/{unit}", "--dated", "2025-12-20").stdout
        house.hadir("letter", "confirm", out.split()[1])
    for who in ("guru", "kantor"):
        house.checkin(house.token[who])  # until the first night is closed, days count from the first check-in that one sees
    move(house, "2025-12-31T21:05:00+09:00")
    comes(house, "timur", "2025-12-31T21:00:10", "2025-12-31", "masuk", "on_time", 0, zone="+09:00")
    move(house, "2025-12-31T23:30:00+08:00")
    assert me(house, "kantor-t")["reason"] == "Tahun Baru Masehi" and sessions(house, "kantor") == sessions(house, "kantor-b") == ["pagi", "sore"]
    comes(house, "kantor-t", "2026-01-01T00:29:00", "2026-01-01", None, "not_expected", 0, zone="+09:00")
    comes(house, "kantor", "2025-12-31T23:29:00", "2025-12-31", None, "outside_window", 0)
    comes(house, "kantor-b", "2025-12-31T22:29:00", "2025-12-31", None, "outside_window", 0, zone="+07:00")
    comes(house, "suster", "2025-12-31T21:00:10", "2025-12-31", "masuk", "on_time", 0)
    comes(house, "barat", "2025-12-31T21:01:00", "2025-12-31", "masuk", "late", 1, zone="+07:00")
    move(house, "2026-01-01T07:05:00+07:00")
    assert me(house, "timur")["state"] == me(house, "suster")["state"] == me(house, "barat")["state"] == "not_expected"
    comes(house, "timur", "2026-01-01T06:59:00", "2025-12-31", "pulang", "early", 1, zone="+09:00")
    comes(house, "timur", "2026-01-01T07:00:00", "2025-12-31", "pulang", "on_time", 0, zone="+09:00")
    comes(house, "suster", "2026-01-01T07:00:00", "2025-12-31", "pulang", "on_time", 0)
    comes(house, "barat", "2026-01-01T06:30:00", "2025-12-31", "pulang", "early", 30, zone="+07:00")
    comes(house, "tata", "2026-01-01T07:00:00", "2026-01-01", None, "not_expected", 0)
    move(house, "2026-01-02T09:00:00+09:00")
    for who, zone, hour in (("kantor-t", "+09:00", "07:40"), ("kantor", "+08:00", "07:40"), ("kantor-b", "+07:00", "06:40")):
        comes(house, who, f"2026-01-02T{hour}:00", "2026-01-02", "pagi", "late" if hour > "07:30" else "on_time", 10 if hour > "07:30" else 0, zone=zone)

    def kept(who):
        status, answer = call(house, house.token[who], "GET", "/v1/me/attendance?month=2025-12")
        return [(s["session"], s["state"], s["late_minutes"] or s["early_minutes"] or 0) for d in answer["days"] if d["date"] == "2025-12-31" for s in d["sessions"]
                if s["session"]]
    wait_until("the night is December's", lambda: kept("barat") == [("masuk", "late", 1), ("pulang", "early", 30)])
    assert kept("timur") == kept("suster") == [("masuk", "on_time", 0), ("pulang", "on_time", 0)], (kept("timur"), kept("suster"))


@test
def saturday_and_fridays_own_hours(house):
    """Friday 9 and Saturday 10 January 2026."""
    move(house, "2026-01-09T11:30:30+08:00")
    assert sessions(house, "guru") == ["pagi", "sore"] and sessions(house, "kantor") == ["pagi", "sore"]
    comes(house, "guru", "2026-01-09T11:29:20", "2026-01-09", "sore", "early", 1)
    comes(house, "guru", "2026-01-09T11:30:00", "2026-01-09", "sore", "on_time", 0)
    comes(house, "kantor", "2026-01-09T11:30:00", "2026-01-09", "pagi", "late", 240)
    assert sessions(house, "paruh") == [] and me(house, "paruh")["state"] == "not_expected"
    move(house, "2026-01-10T07:16:10+08:00")
    assert sessions(house, "guru") == ["pagi", "siang", "sore"] and sessions(house, "tata") == ["pagi", "sore"]
    assert sessions(house, "kantor") == [] and sessions(house, "paruh") == ["pagi", "sore"]
    comes(house, "guru", "2026-01-10T07:15:20", "2026-01-10", "pagi", "on_time", 0)
    comes(house, "guru", "2026-01-10T07:16:00", "2026-01-10", "pagi", "late", 16)
    comes(house, "tata", "2026-01-10T07:01:00", "2026-01-10", "pagi", "late", 1)
    comes(house, "kantor", "2026-01-10T07:16:00", "2026-01-10", None, "not_expected", 0)
    comes(house, "paruh", "2026-01-10T07:16:00", "2026-01-10", "pagi", "on_time", 0)
    move(house, "2026-01-10T14:00:10+08:00")
    comes(house, "guru", "2026-01-10T11:00:00", "2026-01-10", None, "outside_window", 0)
    comes(house, "guru", "2026-01-10T13:29:20", "2026-01-10", "siang", "on_time", 0)
    comes(house, "guru", "2026-01-10T13:30:00", "2026-01-10", "sore", "early", 30)
    comes(house, "guru", "2026-01-10T14:00:00", "2026-01-10", "sore", "on_time", 0)

    def seen():
        return [(s["session"], s["state"], s["late_minutes"], s["early_minutes"]) for s in me(house, "guru")["sessions"]]
    wait_until("three sessions are kept, the earliest in and the latest out count", lambda: seen() == [
        ("pagi", "on_time", 0, 0), ("siang", "on_time", 0, 0), ("sore", "on_time", 0, 0), (None, "outside_window", None, None)])


@test
def part_time_and_a_move(house):
    """The part-timer's own three days; who moves on Monday 12 January from the office (five days) to the school (six)."""
    house.hadir("import", "people", house.write("move.csv", "nip,name,category,unit,from\n"
                f"{nip('pindah')},Contoh Pindah,PNS,SEKOLAH,2026-01-12\n"))
    for day, part, moved in (("2026-01-12", ["pagi", "sore"], ["pagi", "siang", "sore"]), ("2026-01-13", [], ["pagi", "siang", "sore"]),
                             ("2026-01-14", ["pagi", "sore"], ["pagi", "siang", "sore"])):
        move(house, f"{day}T06:30:00+08:00")
        wait_until("the plan of that day", lambda: (sessions(house, "paruh"), sessions(house, "pindah")) == (part, moved))
        assert sessions(house, "kantor") == ["pagi", "sore"]


def present(house, who, day, unit):
    """What the superior of the unit sees of somebody that day: (session, state) pairs; None if he is not listed."""
    status, answer = house.presence(house.boss[unit], unit, day)
    assert status == 200, answer
    found = [p for p in answer["people"] if p["nip"] == nip(who)]
    return [(s["session"], s["state"]) for s in found[0]["sessions"] if s["session"]] if found else None


@test
def nights_by_the_heads_list_over_a_six_day_week(house):
    """Wednesday 14 to Sunday 18 January 2026; Friday the 16th is a holiday, the week of the hospital's office has six days. The
    head files the list himself; somebody beside him may not."""
    def order(who, shift, *days):
        return {"shift": shift, "people": [{"nip": nip(who), "days": [f"2026-01-{d}" for d in days]}]}
    roster = {"unit": "RSUD", "kind": "roster", "number": "800/7/JAGA", "dated": "2026-01-10", "title": "Daftar jaga contoh", "orders": [
        order("suster", "MALAM", 14, 15, 17), order("suster", "LEPAS", 16, 18), order("perawat", "MALAM", 16), order("perawat", "LEPAS", 14, 17),
        order("perawat", "SIANG", 15, 18)]}
    status, answer = call(house, house.boss["SEKOLAH"], "POST", "/v1/letters", roster)
    assert status in (404, 422) and answer["problems"][0]["field"] == "unit", answer
    status, answer = call(house, house.boss["RSUD"], "POST", "/v1/letters", dict(roster, orders=roster["orders"] + [order("tata", "PAGI", 14)]))
    assert status == 422 and answer["problems"][0]["field"] == "orders[5].shift", answer
    status, answer = call(house, house.boss["RSUD"], "POST", "/v1/letters", roster)
    assert status == 201 and answer["breaches"] == [], answer
    status, answer = call(house, house.boss["RSUD"], "POST", f"/v1/letters/{answer['letter']}/decision", {"step": "confirmed"})
    assert status == 200, answer
    wait_until("the list is planned", lambda: (sessions(house, "suster"), sessions(house, "perawat")) == (["masuk", "pulang"], []))
    assert sessions(house, "tata") == ["pagi", "sore"]
    night = ("masuk", "on_time", 0)
    move(house, "2026-01-14T21:00:30+08:00")
    comes(house, "suster", "2026-01-14T21:00:10", "2026-01-14", *night)
    move(house, "2026-01-15T21:01:10+08:00")
    comes(house, "suster", "2026-01-15T07:00:00", "2026-01-14", "pulang", "on_time", 0)
    comes(house, "suster", "2026-01-15T21:01:00", "2026-01-15", "masuk", "late", 1)
    comes(house, "perawat", "2026-01-15T13:59:00", "2026-01-15", "masuk", "on_time", 0)
    comes(house, "perawat", "2026-01-15T20:30:00", "2026-01-15", "pulang", "early", 30)
    move(house, "2026-01-16T21:00:30+08:00")
    assert sessions(house, "suster") == [] and me(house, "tata")["reason"] == "Isra Mikraj Nabi Muhammad SAW"
    comes(house, "suster", "2026-01-16T07:00:00", "2026-01-15", "pulang", "on_time", 0)
    comes(house, "perawat", "2026-01-16T21:00:10", "2026-01-16", *night)
    comes(house, "tata", "2026-01-16T07:00:00", "2026-01-16", None, "not_expected", 0)
    move(house, "2026-01-17T21:00:30+08:00")
    comes(house, "perawat", "2026-01-17T07:00:00", "2026-01-16", "pulang", "on_time", 0)
    comes(house, "suster", "2026-01-17T21:00:10", "2026-01-17", *night)
    move(house, "2026-01-18T15:00:00+08:00")
    assert sessions(house, "tata") == sessions(house, "guru") == [] and sessions(house, "perawat") == ["masuk", "pulang"], "Sunday"
    comes(house, "suster", "2026-01-18T07:00:00", "2026-01-17", "pulang", "on_time", 0)
    comes(house, "perawat", "2026-01-18T14:05:00", "2026-01-18", "masuk", "late", 5)
    wait_until("the head sees the nights under their days", lambda: present(house, "suster", "2026-01-17", "RSUD") ==
               [("masuk", "on_time"), ("pulang", "on_time")])
    assert present(house, "suster", "2026-01-15", "RSUD") == [("masuk", "late"), ("pulang", "on_time")]
    assert present(house, "perawat", "2026-01-16", "RSUD") == [("masuk", "on_time"), ("pulang", "on_time")]
    assert present(house, "suster", "2026-01-16", "RSUD") == present(house, "perawat", "2026-01-17", "RSUD") == []


@test
def who_moved_is_with_the_one_and_then_with_the_other(house):
    """Friday the 9th at the office, Monday the 12th and Saturday the 17th at the school. Working days of January until Saturday:
    office 2, 5-9 = 6; school 12-15, 17 (the 16th is a holiday) = 5; the part-timer 3, 5, 7, 10, 12, 14, 17 = 7."""
    assert present(house, "pindah", "2026-01-09", "KANTOR") == [("pagi", "missing"), ("sore", "missing")]
    assert present(house, "pindah", "2026-01-09", "SEKOLAH") is None and present(house, "pindah", "2026-01-12", "KANTOR") is None
    assert present(house, "pindah", "2026-01-17", "SEKOLAH") == [(s, "missing") for s in ("pagi", "siang", "sore")]
    days = {}
    for unit in ("KANTOR", "SEKOLAH"):
        status, answer = call(house, house.boss[unit], "GET", f"/v1/reports/monthly?unit={unit}&month=2026-01")
        assert status == 200, answer
        days[unit] = {p["nip"]: p["working_days"] for p in answer["rows"]}
    assert (days["KANTOR"][nip("pindah")], days["SEKOLAH"][nip("pindah")], days["SEKOLAH"][nip("paruh")]) == (6, 5, 7), days


@test
def a_journey_keeps_the_workplaces_clock_or_takes_the_letters(house):
    """To Jakarta: on Tuesday the 20th 07:30 is due by the clock of the workplace, on the 21st by that of Jakarta, an hour later."""
    for number, day, order in (("090/1", "2026-01-20", {}), ("090/2", "2026-01-21", {"zone": "Asia/Jakarta"})):
        path = house.write("dinas.json", json.dumps({"unit": "KANTOR", "kind": "travel", "number": number, "dated": "2026-01-15", "orders": [
            dict(order, people=[{"nip": nip("dinas"), "days": [day]}])]}))
        house.hadir("letter", "confirm", house.hadir("letter", "file", path).stdout.split()[1])
    move(house, "2026-01-20T09:00:00+08:00")
    comes(house, "dinas", "2026-01-20T06:40:00", "2026-01-20", "pagi", "late", 10, zone="+07:00")
    move(house, "2026-01-21T09:00:00+08:00")
    assert me(house, "dinas")["expected_place"] == "DL"
    comes(house, "dinas", "2026-01-21T07:40:00", "2026-01-21", "pagi", "late", 10, zone="+07:00")
    comes(house, "dinas", "2026-01-21T07:30:30", "2026-01-21", "pagi", "on_time", 0, zone="+07:00")
    comes(house, "kantor", "2026-01-21T08:30:00", "2026-01-21", "pagi", "late", 60)
    move(house, "2026-01-21T16:30:00+07:00")
    comes(house, "dinas", "2026-01-21T15:30:00", "2026-01-21", "sore", "early", 30, zone="+07:00")
    comes(house, "dinas", "2026-01-21T16:00:00", "2026-01-21", "sore", "on_time", 0, zone="+07:00")


@test
def hours_that_are_printed_can_be_loaded(house):
    before = house.hadir("hours", "--unit", "RSUD", "--day", "2026-01-20", "--csv").stdout
    assert ",LEPAS," in before, before
    house.hadir("import", "hours", house.write("again.csv", before))
    assert house.hadir("hours", "--unit", "RSUD", "--day", "2026-01-20", "--csv").stdout == before


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("hours", example=False) as house:
        load(house)
        house.start(clock="2025-12-31T09:00:00+08:00")
        house.token = {who: house.known(house.enroll(nip(who))) for who in PEOPLE}
        house.boss = {unit: house.known(house.grant(nip(who), unit=unit)) for unit, who in (
            ("KANTOR", "kantor"), ("SEKOLAH", "guru"), ("RSUD", "kepala"))}
        code = test.main(house)
    raise SystemExit(code)
