"""The calendar as three governments in three zones see it: working days of three years beside the vectors that were counted by
hand from the decrees, Ramadan at both its edges, a decree that comes later, a holiday of one government.

What is expected is written out here and not read from sql/reference: the vectors are those of the decrees' tables (national
holidays and collective leave off), for Monday to Friday; for six days the Saturdays of the month are added, less those that
a decree makes free: 29 March 2025, 21 March 2026, 6 February, 1 May and 25 December 2027."""
import csv, datetime, json, uuid
from harness import TOP, House, Tests, wait_until

test = Tests()
FIVE = {2025: (19, 20, 19, 16, 17, 18, 23, 20, 21, 23, 20, 21),
        2026: (20, 18, 17, 21, 16, 20, 23, 19, 22, 22, 21, 21),
        2027: (19, 19, 15, 22, 16, 21, 22, 21, 22, 21, 22, 22)}
SIX = {2025: (23, 24, 23, 20, 22, 22, 27, 25, 25, 27, 25, 25),
       2026: (25, 22, 20, 25, 21, 24, 27, 24, 26, 27, 25, 25),
       2027: (24, 22, 19, 26, 20, 25, 27, 25, 26, 26, 26, 25)}
ZONES = {"BARAT": ("Asia/Jakarta", "+07:00"), "TENGAH": ("Asia/Makassar", "+08:00"), "TIMUR": ("Asia/Jayapura", "+09:00")}
HOURS = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,valid_from,season,on_holidays
"""


def hours(unit, weekdays, come, leave, season="", holidays=""):
    """Two sessions of a day in the file's columns; come and leave as HH:MM."""
    h, m = come.split(":")
    return (f"{weekdays},pagi,Pagi,in,06:00,,{come},{h}:{int(m) + 1:02},11:00,{unit},2025-01-01,{season},{holidays}\n"
            f"{weekdays},sore,Sore,out,11:00,,{leave},,20:00,{unit},2025-01-01,{season},{holidays}\n")


def call(house, token, path, body=None):
    status, headers, answer = house.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


def table(house, *args):
    return list(csv.DictReader(house.hadir(*args, "--csv").stdout.splitlines()))


def load(house):
    units, people = "code,name,kind,parent,government\n", "nip,name,category,unit,from\n"
    for n, (land, (zone, _)) in enumerate(ZONES.items()):
        house.hadir("government", "add", land, f"Kabupaten Contoh {land.title()}", "--zone", zone)
        units += f"{land},Kabupaten Contoh {land.title()},government,,{land}\n"
        for m, part in enumerate(("KANTOR", "SEKOLAH", "RSUD")):
            units += f"{land[:3]}-{part},{part.title()} Contoh,opd,{land},{land}\n"
            people += f"19800101200501{1}{n}{m}1,Pegawai {land.title()} {part.title()},PNS,{land[:3]}-{part},2025-01-01\n"
    for what, path in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"),
                       ("absence-codes", "absence-codes")):
        house.hadir("import", what, f"{TOP}/sql/reference/{path}.csv")
    house.hadir("import", "units", house.write("units.csv", units))
    house.hadir("import", "people", house.write("people.csv", people))
    house.hadir("import", "hours", house.write("hours.csv", HOURS + "".join(
        hours(f"{land[:3]}-SEKOLAH", "1-6", "07:00", "13:00") + hours(f"{land[:3]}-SEKOLAH", "1-6", "07:30", "12:00", "RAMADAN")
        + hours(f"{land[:3]}-RSUD", "1-7", "07:00", "14:00", holidays="ya")
        + hours(f"{land[:3]}-RSUD", "1-7", "08:00", "14:00", "RAMADAN", "ya") for land in ZONES)))


def nip(land, part):
    return f"198001012005011{list(ZONES).index(land)}{('KANTOR', 'SEKOLAH', 'RSUD').index(part)}1"


def local(land, day, hhmm):
    return f"{day}T{hhmm}:00{ZONES[land][1]}"


def move(house, land, day, hhmm):
    """The clock shows that time in that government's zone, and the day is planned everywhere."""
    house.set_clock(local(land, day, hhmm))
    house.wait_live()
    for other in ZONES:
        wait_until("the day is planned", lambda: me(house, other, "RSUD").get("reason") != "no_plan")
        house.doors_agree()


def me(house, land, part):
    status, answer = call(house, house.token[land, part], "/v1/me")
    assert status == 200, answer
    return answer


def verdict(house, land, part):
    """Of a check-in now, once the door has the plan of now: its verdict and minutes of lateness."""
    item = {"id": str(uuid.uuid4()), "taken_at": house.now(), "lat": house.secret(-2.5), "lon": house.secret(120.5), "accuracy_m": 10}
    found = {}

    def ask():  # the same again: the verdict as of now
        status, answer = house.post(house.token[land, part], dict(item, sent_at=house.now()))
        assert status == 200, answer
        found.update(answer)
        return answer["verdict"] != "pending"
    wait_until("the door has the plan of now", ask)
    return found["verdict"], found["late_minutes"]


def working_days(house, land, year, month):
    """NIP -> working days of the month, as the personnel agency reads them."""
    status, answer = call(house, house.boss[land], f"/v1/reports/monthly?unit={land}&month={year}-{month:02}")
    assert status == 200, answer
    return {p["nip"]: p["working_days"] for p in answer["rows"]}


def a_year_is_counted(house, year, first, own=()):
    """On 4 January after it: a leave on its first working day, told only now, has the whole year placed again; then each month
    is read. own: (government, month, more) of what a government decreed for itself."""
    move(house, "TENGAH", f"{year + 1}-01-04", "09:00")
    house.hadir("import", "absences", house.write("late.csv", "nip,code,first_day\n" + "".join(
        f"{nip(land, part)},CT,{first}\n" for land in ZONES for part in ("KANTOR", "SEKOLAH"))))
    for land in ZONES:
        last = nip(land, "SEKOLAH")  # all of them come in one piece
        wait_until("the year is placed", lambda: working_days(house, land, year, 11).get(last, 0) > 15)
        for month in range(1, 13):
            more = sum(m for l, n, m in own if (l, n) == (land, month))
            got = working_days(house, land, year, month)
            assert got[nip(land, "KANTOR")] == FIVE[year][month - 1] + more, (land, year, month, got)
            assert got[last] == SIX[year][month - 1] + more, (land, year, month, got)
    rows = csv.DictReader(house.hadir("report", "monthly", "--government", "TIMUR", "--month", f"{year}-03", "--format", "csv").stdout.splitlines())
    assert {r["nip"]: r["working_days"] for r in rows}.items() >= {
        nip("TIMUR", "KANTOR"): str(FIVE[year][2]), nip("TIMUR", "SEKOLAH"): str(SIX[year][2])}.items()


@test
def decrees_add_up_to_the_vectors(house):
    """hadir calendar alone: of each month's weekdays those without a decree in force; 17 + 11, 17 + 8, 18 + 8 days are decreed."""
    for year, decreed in ((2025, ["CB"] * 11 + ["LN"] * 17), (2026, ["CB"] * 8 + ["LN"] * 17), (2027, ["CB"] * 8 + ["LN"] * 18)):
        for land in ZONES:
            rows = [r for r in table(house, "calendar", "--from", f"{year}-01-01", "--to", f"{year}-12-31", "--government", land)
                    if r["in_force"] == "true"]
            assert sorted(r["kind"] for r in rows) == decreed, (land, year, rows)
            off = {r["day"] for r in rows}
            days = [datetime.date(year, 1, 1) + datetime.timedelta(n) for n in range(365)]
            for vector, week in ((FIVE, 5), (SIX, 6)):
                got = tuple(sum(d.month == m and d.isoweekday() <= week and d.isoformat() not in off for d in days) for m in range(1, 13))
                assert got == vector[year], (land, year, week, got)
    assert [sum(v[y]) for v in (FIVE, SIX) for y in FIVE] == [237, 240, 242, 288, 291, 291]


@test
def the_first_year(house):
    """It begins on New Year's Day: nobody is expected, but for the hospital."""
    assert me(house, "TIMUR", "KANTOR")["reason"] == "Tahun Baru Masehi" and me(house, "TIMUR", "RSUD")["sessions"]
    for land in ZONES:
        assert verdict(house, land, "KANTOR") == ("not_expected", 0)
    a_year_is_counted(house, 2025, "2025-01-02")


@test
def ramadan_at_its_edges(house):
    """19 February to 20 March 2026, each zone by its own clock. On the day before 07:40 is ten minutes late (due 07:30); on the
    first day and on 17 March, the last before days off, 08:00 is due. The hospital works on: on 20 March at 07:40 still in
    Ramadan (08:00), on 21 March, Idulfitri, forty minutes late (07:00). On 25 March the office is back at 07:30. School: 07:00,
    in Ramadan 07:30."""
    expected = {"2026-02-18": {"KANTOR": ("late", 10), "SEKOLAH": ("late", 40), "RSUD": ("late", 40)},
                "2026-02-19": {"KANTOR": ("on_time", 0), "SEKOLAH": ("late", 10), "RSUD": ("on_time", 0)},
                "2026-03-17": {"KANTOR": ("on_time", 0), "SEKOLAH": ("late", 10), "RSUD": ("on_time", 0)},
                "2026-03-20": {"KANTOR": ("not_expected", 0), "SEKOLAH": ("not_expected", 0), "RSUD": ("on_time", 0)},
                "2026-03-21": {"KANTOR": ("not_expected", 0), "SEKOLAH": ("not_expected", 0), "RSUD": ("late", 40)},
                "2026-03-25": {"KANTOR": ("late", 10), "SEKOLAH": ("late", 40), "RSUD": ("late", 40)}}
    for day, parts in expected.items():
        for land in ("TIMUR", "TENGAH", "BARAT"):
            move(house, land, day, "07:40")
            for part, judged in parts.items():
                assert verdict(house, land, part) == judged, (day, land, part)
            if day == "2026-03-20":
                assert me(house, land, "KANTOR")["reason"] == "Cuti bersama Idulfitri", me(house, land, "KANTOR")
        due = {r["season"]: r["due"] for r in table(house, "hours", "--unit", "BAR-KANTOR", "--day", day) if r["counts_as"] == "in"}
        assert due == ({"RAMADAN": "08:00"} if "2026-02-19" <= day <= "2026-03-20" else {"": "07:30"}), (day, due)


@test
def a_decree_of_one_government(house):
    """21 April 2026, a Tuesday, is a day off in the middle; Friday 15 May, collective leave, is worked in the east."""
    path = house.write("own.csv", "day,kind,name,basis,government,dated\n2026-04-21,REGIONAL,Hari Jadi Contoh,SK 1,TENGAH,2026-03-30\n"
                                  "2026-05-15,WORK,Tetap bekerja,SK 2,TIMUR,2026-05-01\n")
    house.hadir("import", "calendar", path)
    move(house, "TENGAH", "2026-04-21", "07:40")
    assert me(house, "TENGAH", "KANTOR")["reason"] == "Hari Jadi Contoh" and not me(house, "TENGAH", "SEKOLAH")["sessions"]
    assert verdict(house, "TENGAH", "RSUD") == ("late", 40) and verdict(house, "TENGAH", "KANTOR")[0] == "not_expected"
    for land in ("BARAT", "TIMUR"):
        assert [s["session"] for s in me(house, land, "KANTOR")["sessions"]] == ["pagi", "sore"], land
        status, answer = call(house, house.token[land, "KANTOR"], "/v1/calendar?from=2026-04-21&to=2026-04-21")
        assert (status, answer["days"]) == (200, []), (land, answer)
    status, answer = call(house, house.token["TENGAH", "RSUD"], "/v1/calendar?from=2026-04-21&to=2026-04-21")
    assert [(d["kind"], d["government"], d["in_force"]) for d in answer["days"]] == [("REGIONAL", "TENGAH", True)], answer
    move(house, "TIMUR", "2026-05-15", "07:40")
    assert verdict(house, "TIMUR", "KANTOR") == ("late", 10)
    assert me(house, "TENGAH", "KANTOR")["reason"] == me(house, "BARAT", "SEKOLAH")["reason"] == "Cuti bersama Kenaikan Yesus Kristus"
    rows = table(house, "calendar", "--from", "2026-05-15", "--to", "2026-05-15", "--government", "TIMUR")
    assert {(r["kind"], r["in_force"]) for r in rows} == {("CB", "false"), ("WORK", "true")}, rows


@test
def the_second_year(house):
    a_year_is_counted(house, 2026, "2026-01-02", [("TENGAH", 4, -1), ("TIMUR", 5, 1)])


@test
def a_later_decree_moves_ramadan(house):
    """Estimated from Monday 8 February 2027; on that morning the decree becomes known that it begins on the 9th."""
    move(house, "TENGAH", "2027-02-08", "07:40")
    assert verdict(house, "TENGAH", "KANTOR") == ("on_time", 0)
    path = house.write("isbat.csv", "kind,name,first_day,last_day,dated,basis\nRAMADAN,Ramadan 1448 H,2027-02-09,2027-03-09,2027-02-07,Sidang isbat (contoh)\n")
    house.hadir("import", "periods", path)

    def morning():
        s = me(house, "TENGAH", "KANTOR")["sessions"][0]
        return s["state"], s["late_minutes"]
    wait_until("the morning is judged by the decree", lambda: morning() == ("late", 10))
    wait_until("and so is who comes now", lambda: verdict(house, "TENGAH", "KANTOR") == ("late", 10))
    rows = table(house, "calendar", "--from", "2027-02-08", "--to", "2027-02-09", "--periods", "--government", "BARAT")
    assert {(r["from"], r["dated"], r["in_force"]) for r in rows} == {
        ("2027-02-08", "2026-09-15", "false"), ("2027-02-09", "2027-02-07", "true")}, rows
    for day, judged in (("2027-02-09", ("on_time", 0)), ("2027-03-09", ("on_time", 0)), ("2027-03-10", ("late", 40))):
        move(house, "TENGAH", day, "07:40")
        assert verdict(house, "TENGAH", "RSUD") == judged, day


@test
def the_third_year(house):
    a_year_is_counted(house, 2027, "2027-01-04")


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("calendar", example=False) as house:
        load(house)
        house.start(clock="2025-01-01T09:00:00+08:00")
        house.token = {(land, part): house.known(house.enroll(nip(land, part))) for land in ZONES for part in ("KANTOR", "SEKOLAH", "RSUD")}
        house.boss = {land: house.known(house.grant(nip(land, "RSUD"), "bkpsdm", land)) for land in ZONES}
        code = test.main(house)
    raise SystemExit(code)
