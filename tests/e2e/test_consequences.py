"""What attendance leads to: classes, a recap, discipline, doubt; through the console and over HTTPS."""
import csv, io, json
from harness import DAY, TOP, House, Tests, wait_until

test = Tests()


def at(hhmm, day=DAY):
    return f"{day}T{hhmm}:00+08:00"


def get(house, token, path):
    status, headers, answer = house.request("GET", path, None, {"Authorization": f"Bearer {token}", "Accept-Language": "en"})
    return status, json.loads(answer)


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


@test
def the_government_has_its_own_numbers(house):
    house.hadir("import", "minute-classes", f"{TOP}/sql/reference/minute-classes-permentan-68-2012.csv")
    house.hadir("import", "discipline", f"{TOP}/sql/reference/discipline-pp-94-2021.csv")
    house.hadir("import", "consequences", f"{TOP}/sql/reference/consequences-permentan-68-2012.csv")
    said = house.hadir("government", "set", "LUTRA", "correction_days=7", "closes_after=03:00").stdout
    assert "correction_days=7\n" in said and "closes_after=03:00\n" in said, said
    done = house.hadir("government", "set", "LUTRA", "correction_days=banyak", "warna=biru", check=False)
    assert done.returncode == 1 and "correction_days:" in done.stderr and "warna:" in done.stderr, done.stderr
    assert house.hadir("government", "set", "LUTRA", "correction_days=5").stdout == said.replace("correction_days=7", "correction_days=5")
    path = house.write("rules.csv", "valid_from,absent_code,absent_percent,monthly_cap,minutes_per_day\n2026-02-30,TK,4,100,\n2026-01-01,,x,100,0\n", 0o644)
    done = house.hadir("import", "consequences", path, check=False)
    assert done.returncode == 1 and ":2: valid_from" in done.stderr and ":3: minutes_per_day" in done.stderr and ":3: absent_code" in done.stderr, done.stderr
    path = house.write("classes.csv", "counts_as,code,from_minutes,percent,valid_from\nmasuk,TL1,1,0.5,2025-01-01\nin,TL1,1,x,2025-13-01\n", 0o644)
    done = house.hadir("import", "minute-classes", path, check=False)
    assert done.returncode == 1 and ":2: counts_as" in done.stderr and ":3: percent" in done.stderr and ":3: valid_from" in done.stderr, done.stderr


def nightly(house):
    """Until nothing waits for the spool to say that it is complete to the closing."""
    wait_until("the day is closed", lambda: "waiting" not in house.hadir("nightly").stdout, 60)


@test
def a_day_is_closed_and_counted(house):
    """One person 40 minutes late whose afternoon is missing, two at exactly the same point, nobody else."""
    late, twin, other = (p["nip"] for p in house.people[:3])
    unit = house.people[0]["unit"]
    tokens = [house.enroll(nip) for nip in (late, twin, other)]
    boss = house.grant(house.people[3]["nip"], unit=unit)
    for token in tokens + [boss]:
        house.known(token)
    house.set_clock(at("08:10"))
    assert house.checkin(tokens[0], lat=-2.5620001, lon=120.3141001, taken=at("08:10"), sent=at("08:10"))[0] == 200
    for token in tokens[1:]:
        assert house.checkin(token, lat=-2.5621234, lon=120.3141234, taken=at("08:10"), sent=at("08:10"))[0] == 200
    house.set_clock(at("09:00", "2025-12-30"))
    house.wait_live()
    nightly(house)
    rows = table(house.hadir("report", "monthly", "--unit", unit, "--month", DAY[:7]).stdout)
    row = {r["nip"]: r for r in rows}[late]
    # 40 minutes are TL2 (1 percent), the missing afternoon PSW4 (2 percent).
    assert (row["counts_TL2"], row["counts_PSW4"], row["deduction"], row["minutes_TL2"], row["working_days"]) == ("1", "1", "3.00", "40", "1"), row
    absent = [r for r in rows if r["absent_days"] == "1"]
    assert len(absent) == len(rows) - 3 and {r["deduction"] for r in absent} == {"4.00"}, rows
    assert {r["doubts"] for r in rows if r["nip"] in (twin, other)} == {"1"}, rows
    day, = table(house.hadir("report", "monthly-days", "--unit", unit, "--month", DAY[:7], "--nip", late).stdout)
    assert (day["day"], day["present"], day["codes"], day["percent_in"], day["percent_out"], day["percent"]) == (DAY, "true", "TL2 PSW4", "1", "2", "3"), day
    status, answer = get(house, boss, f"/v1/reports/monthly?unit={unit}&month={DAY[:7]}")
    assert status == 200 and {p["nip"]: p["deduction"] for p in answer["rows"]}[late] == 3, answer
    status, answer = get(house, tokens[0], f"/v1/recap/days?nip={late}&month={DAY[:7]}")
    assert status == 200 and answer["days"][0]["percent"] == 3, answer
    status, answer = get(house, boss, f"/v1/recap/days?nip={late}&month=Desember&closed=mungkin")
    assert status == 422 and {p["field"] for p in answer["problems"]} == {"month", "closed"}, answer


@test
def doubt_is_evidence(house):
    unit = house.people[0]["unit"]
    boss = house.grant(house.people[3]["nip"], unit=unit)
    house.known(boss)
    status, answer = get(house, boss, f"/v1/doubts?unit={unit}&from={DAY}")
    assert status == 200 and [d["kind"] for d in answer["doubts"]] == ["same_point"] * 2, answer
    rows = table(house.hadir("doubts", "--unit", unit, "--day", DAY, "--csv").stdout)
    assert {r["nip"] for r in rows} == {house.people[1]["nip"], house.people[2]["nip"]}, rows
    status, answer = house.presence(boss, unit=unit, day=DAY)
    told = {p["nip"] for p in answer["people"] for s in p["sessions"] if s["doubts"] == ["same_point"]}
    assert status == 200 and told == {house.people[1]["nip"], house.people[2]["nip"]}, answer
    assert "120.3" not in str(answer) + str(rows), "a doubt tells no place"


@test
def days_add_up_and_the_superior_is_told(house):
    unit, away = house.people[0]["unit"], house.people[4]["nip"]
    for day in ("2025-12-30", "2025-12-31"):
        house.set_clock(at("09:00", "2025-12-31" if day.endswith("30") else "2026-01-02"))
        house.wait_live()
        nightly(house)
    rows = table(house.hadir("report", "discipline", "--unit", unit, "--date", "2025-12-31", "--closed").stdout)
    row = {r["nip"]: r for r in rows}[away]
    assert row["days"] == row["longest_run"] == "3" and row["dates"] == "2025-12-29 2025-12-30 2025-12-31", row
    boss = house.grant(house.people[5]["nip"], unit=unit)
    house.known(boss)
    status, answer = get(house, boss, f"/v1/reports/discipline?unit={unit}&date=2025-12-31")
    assert status == 200 and {p["nip"]: p["sanction"] for p in answer["rows"] if p["days"] == 3}[away] == "teguran lisan", answer
    status, answer = get(house, boss, f"/v1/notices?unit={unit}")
    assert status == 200 and house.people[5]["nip"] not in {n["nip"] for n in answer["notices"]}, "nobody is told about himself"
    notice = next(n for n in answer["notices"] if n["nip"] == away)
    assert notice["reached_on"] == "2025-12-31" and notice["told_at"] is None, notice
    status, headers, body = house.request("POST", f"/v1/notices/{notice['notice']}/seen", "{}", {"Authorization": f"Bearer {boss}"})
    assert status == 200, body
    listed = table(house.hadir("notices", "--unit", unit, "--csv").stdout)
    assert {n["nip"]: n["told_to"] for n in listed}[away].startswith("access:"), listed
    other = next(n["notice"] for n in listed if n["told_to"] == "")
    assert house.hadir("notices", "seen", other).stdout == f"notice {other}: seen\n"
    assert "notice number 999999" in house.hadir("notices", "seen", "999999", check=False).stderr
    done = house.hadir("report", "discipline", "--unit", "TIDAK-ADA", check=False)
    assert done.returncode == 1 and "unit:" in done.stderr, done.stderr


@test
def nothing_in_the_log(house):
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("consequences", language="en") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
