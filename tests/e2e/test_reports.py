"""Reports: a day as it goes and closed, a month, in every format, over HTTPS and at the console; whose they are, and why there
is none."""
import csv, io, json, os, re, socket, subprocess, zipfile
from harness import BUILD, DAY, TOP, House, Tests, wait_until

test = Tests()
GOLDEN = f"{TOP}/tests/e2e/golden"
NEXT = "2025-12-30"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def at(hhmm, day=DAY):
    return f"{day}T{hhmm}:00+08:00"


def get(house, token, path, accept="application/json"):
    return house.request("GET", path, None, {"Authorization": f"Bearer {token}", "Accept-Language": "en", "Accept": accept})


def table(text, delimiter=","):
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def refused(house, token, path, status, code, accept="application/json"):
    got, headers, answer = get(house, token, path, accept)
    assert got == status and headers["content-type"] == "application/problem+json" and json.loads(answer)["code"] == code, (path, got, answer)
    return json.loads(answer)


def golden(name, text):
    """The report as it was looked at and found right; HADIR_GOLDEN=write keeps what it is now."""
    path = f"{GOLDEN}/{name}"
    if os.environ.get("HADIR_GOLDEN") == "write":
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w", newline="") as f:
            f.write(text)
    with open(path, newline="") as f:
        assert f.read() == text, f"{path} is not what the report is now; HADIR_GOLDEN=write, and look at the difference"


@test
def a_morning_at_the_example(house):
    house.hadir("import", "minute-classes", f"{TOP}/sql/reference/minute-classes-permentan-68-2012.csv")
    house.hadir("import", "consequences", f"{TOP}/sql/reference/consequences-permentan-68-2012.csv")
    house.hadir("government", "set", "LUTRA", "closes_after=03:00", "signing_place=Masamba")
    house.unit = house.people[0]["unit"]
    # A day with something of everything: leave, duty travel, half a day; ten on time, two late, one who leaves early.
    house.hadir("import", "absences", house.write("absences.csv", "nip,code,first_day,last_day,number\n" + "".join(
        f"{house.people[i]['nip']},{code},{DAY},{DAY},{i}\n" for i, code in ((20, "CT"), (21, "DL"), (22, "S"))), 0o644))
    tokens = [house.enroll(p["nip"]) for p in house.people[:13]]
    house.boss = house.grant(house.people[3]["nip"], unit=house.unit)
    for token in tokens + [house.boss]:
        house.known(token)
    house.phone = tokens[0]
    house.tokens = tokens
    house.set_clock(at("07:20"))
    for i, token in enumerate(tokens[3:]):
        assert house.checkin(token, lat=-2.5620 - i * 1e-6, taken=at("07:20"), sent=at("07:20"))[0] == 200
    house.set_clock(at("08:10"))
    for i, token in enumerate(tokens[:2]):
        assert house.checkin(token, lat=-2.5630 - i * 1e-6, taken=at("08:10"), sent=at("08:10"))[0] == 200
    house.set_clock(at("10:00"))
    house.wait_live()
    wait_until("all are recorded", lambda: house.value("select count(*) from hadir.checkin") == "12")
    wait_until("and the database is right to now", lambda: json.loads(get(house, house.boss, f"/v1/reports/daily?unit={house.unit}")[2])["complete"])
    status, headers, answer = get(house, house.boss, f"/v1/reports/daily?unit={house.unit}")
    day = json.loads(answer)
    assert status == 200 and headers["content-type"] == "application/json", (status, headers)
    assert (day["report"], day["edition"], day["date"], day["unit"]["code"]) == ("daily", "now", DAY, house.unit), day
    assert day["as_of"].startswith(f"{DAY}T10:00:"), day
    own = day["rows"][0]
    assert (own["unit"], own["level"], own["late"]) == (house.unit, 0, 2) and own["present"] >= 2, own
    assert own["expected"] == own["present"] + own["excused"] + own["missing"] + own["not_yet"], own
    status, headers, answer = get(house, house.boss, f"/v1/reports/daily-people?unit={house.unit}", "text/csv")
    assert status == 200 and headers["content-type"] == "text/csv; charset=utf-8", headers
    names = {r["nip"]: r for r in table(answer.decode())}
    assert names[house.people[0]["nip"]]["state"] == "late" and names[house.people[0]["nip"]]["late_minutes"] == "40", names
    assert sum(r["state"] == "missing" for r in names.values()) == own["missing"], names


@test
def why_there_is_none(house):
    unit, token = house.unit, house.boss
    refused(house, token, f"/v1/reports/weekly?unit={unit}", 404, "not_found")
    refused(house, token, "/v1/reports/daily?unit=TIDAK-ADA", 404, "not_found")
    refused(house, token, "/v1/reports/daily", 422, "invalid")
    refused(house, token, f"/v1/reports/daily?unit={unit}&month=2025-12", 422, "invalid")
    refused(house, token, f"/v1/reports/daily?unit={unit}&colour=blue", 400, "unknown_parameter")
    refused(house, token, f"/v1/reports/daily?unit={unit}&csv_dialect=excel-us", 400, "bad_dialect")
    refused(house, token, f"/v1/reports/daily?unit={unit}", 406, "not_acceptable", "image/png")
    problem = refused(house, token, f"/v1/reports/daily?unit={unit}&closed=ya", 409, "not_closed")
    assert "wait for its closing" in problem["problems"][0]["reason"], problem
    refused(house, token, f"/v1/reports/daily?unit={unit}&date=2025-11-01", 404, "nothing_to_report")
    refused(house, token, f"/v1/reports/monthly?unit={unit}&month=2026-05", 422, "invalid")
    refused(house, house.phone, f"/v1/reports/daily?unit={unit}", 403, "forbidden")
    out = f"{house.dir}/old.csv"
    house.write("old.csv", "what was there\n", 0o644)
    for words in (("daily", "--unit", "TIDAK-ADA"), ("daily", "--government", "LUTRA", "--date", "2031-01-01"), ("monthly", "--unit", unit, "--month", "2025-12", "--closed")):
        done = house.hadir("report", *words, "--out", out, check=False)
        assert done.returncode == 1 and done.stderr.startswith("hadir: "), done
    assert open(out).read() == "what was there\n" and not os.path.exists(out + ".part")
    done = house.hadir("report", "weekly", check=False)
    assert done.returncode == 2 and "hadir report lists them" in done.stderr, done
    assert "monthly-days" in house.hadir("report").stdout
    done = house.hadir("report", "daily", "--unit", unit, "--out", f"{house.dir}/no/such.csv", check=False)
    assert done.returncode == 1 and "No such file" in done.stderr, done
    done = subprocess.run((f"{BUILD}/daemon/hadir", "report", "daily", "--unit", unit), stdout=open("/dev/full", "w"), stderr=subprocess.PIPE, text=True, env=house.env,
                          user=house.user if os.getuid() == 0 else None)
    assert done.returncode == 1 and "No space left" in done.stderr, done
    assert house.hadir("report", "daily", "--unit", unit, "--format", "doc", check=False).returncode == 2


@test
def closed_it_is_the_same_everywhere(house):
    house.set_clock(at("16:10"))
    for i, token in enumerate(house.tokens[3:12]):
        assert house.checkin(token, lat=-2.5640 - i * 1e-6, taken=at("16:10"), sent=at("16:10"))[0] == 200
    house.set_clock(at("09:00", NEXT))
    house.wait_live()
    wait_until("the day is closed", lambda: house.hadir("nightly") and house.value("select count(*) from hadir.attendance_version") == "1")
    path = f"/v1/reports/daily?unit={house.unit}&date={DAY}&closed=ya"
    answer = get(house, house.boss, path, "text/csv")[2].decode()
    assert answer == house.hadir("report", "daily", "--unit", house.unit, "--date", DAY, "--closed").stdout.replace("\n", "\r\n"), answer
    sheets = [get(house, house.boss, path, XLSX)[2] for _ in range(2)]
    out = f"{house.dir}/daily.xlsx"
    assert sheets[0] == sheets[1] and zipfile.ZipFile(io.BytesIO(sheets[0])).testzip() is None
    house.hadir("report", "daily", "--government", "LUTRA", "--date", DAY, "--closed", "--out", out)
    assert zipfile.ZipFile(out).testzip() is None
    golden("daily.csv", house.hadir("report", "daily", "--government", "LUTRA", "--date", DAY, "--closed").stdout)


@test
def a_month(house):
    month = DAY[:7]
    rows = table(house.hadir("report", "monthly", "--government", "LUTRA", "--month", month).stdout)
    late = {r["nip"]: r for r in rows}[house.people[0]["nip"]]
    # 40 minutes are TL2 (1 percent), the missing afternoon PSW4 (2 percent).
    assert (late["counts_TL2"], late["minutes_TL2"], late["counts_PSW4"], late["percent_in"], late["percent_out"], late["deduction"]) == ("1", "40", "1", "1", "2", "3.00"), late
    assert [r["no"] for r in rows] == [str(i + 1) for i in range(len(rows))]
    golden("monthly.csv", house.hadir("report", "monthly", "--government", "LUTRA", "--month", month).stdout)
    days = table(house.hadir("report", "monthly-days", "--unit", house.unit, "--month", month, "--nip", late["nip"]).stdout)
    assert [(d["day"], d["weekday"], d["time_in"], d["codes"], d["present"]) for d in days] == [(DAY, "mon", "08:10", "TL2 PSW4", "true")], days
    answer = json.loads(get(house, house.boss, f"/v1/reports/monthly?unit={house.unit}&month={month}")[2])
    assert answer["signature"]["place"] == "Masamba" and answer["codes"]["counts"][0] == "TL1", answer
    assert {p["nip"]: p["counts"]["TL2"] for p in answer["rows"]}[late["nip"]] == 1, answer


@test
def a_long_one_comes_in_parts(house):
    """More than the desk may send ahead (4 × 64 KiB): the clerk waits by its pipe until the client took it."""
    chief = house.grant(house.people[4]["nip"], unit="LUTRA")
    house.known(chief)
    status, headers, answer = get(house, chief, f"/v1/reports/monthly?unit=LUTRA&month={DAY[:7]}")
    console = house.hadir("report", "monthly", "--unit", "LUTRA", "--month", DAY[:7], "--format", "json").stdout
    assert status == 200 and len(answer) > 300000 and json.loads(answer)["rows"] == json.loads(console)["rows"], len(answer)


@test
def an_indonesian_excel_opens_it(house):
    text = get(house, house.boss, f"/v1/reports/monthly?unit={house.unit}&month={DAY[:7]}&csv_dialect=excel-id", "text/csv")[2].decode()
    assert text.startswith("\ufeffNo;NIP;Name;"), text[:80]
    rows = table(text[1:], ";")
    row = {r["Name"]: r for r in rows}[house.people[0]["name"]]
    assert row["NIP"] == f'="{house.people[0]["nip"]}"' and row["Deduction %"] == "3,00" and row["TL2 times"] == "1", row


@test
def a_sheet_is_typed(house):
    status, headers, data = get(house, house.boss, f"/v1/reports/monthly?unit={house.unit}&month={DAY[:7]}", XLSX)
    assert status == 200 and headers["content-type"] == XLSX
    book = zipfile.ZipFile(io.BytesIO(data))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    nip = house.people[0]["nip"]
    assert re.search(f't="inlineStr"><is><t>{nip}</t>', sheet), "an NIP is text"
    assert 'state="frozen"' in sheet and "<autoFilter ref=" in sheet and 'orientation="landscape"' in sheet and "Page &amp;P of &amp;N" in sheet
    assert "_xlnm.Print_Titles" in book.read("xl/workbook.xml").decode()
    assert "Masamba, " in sheet and "NIP. " in sheet and "Monthly Attendance Recap" in sheet
    assert re.search(r'<row r="6".*?</row>', sheet).group(0).count("<v>") > 20, "numbers are numbers"


@test
def a_closed_month_stays(house):
    """As it was closed, whatever people are called since, byte by byte; a sheet, too."""
    house.set_clock("2026-01-02T09:00:00+08:00")
    house.wait_live()
    month = ("--government", "LUTRA", "--month", DAY[:7])
    wait_until("the month is closed", lambda: house.hadir("nightly") and house.hadir("month", "close", DAY[:7], "--government", "LUTRA", check=False).returncode == 0)
    nip = house.people[0]["nip"]
    files = []
    for day in ("2026-01-02", "2026-01-03"):
        files.append([])
        for ending in ("csv", "json", "xlsx"):
            out = f"{house.dir}/{day}.{ending}"
            house.hadir("report", "monthly", *month, "--closed", "--out", out)
            files[-1].append(open(out, "rb").read())
        house.sql(f"update hadir.person set name = 'Nama Lain', grade = 'IV/e' where nip = '{nip}'")
        house.set_clock("2026-01-03T09:00:00+08:00")
    assert files[0] == files[1] and b"Nama Lain" not in files[1][0]
    assert "Nama Lain" in house.hadir("report", "monthly", *month).stdout


@test
def a_client_that_left_ends_the_query(house):
    house.sql("""create or replace function hadir.report_spread(p_codes text[], p_map jsonb) returns numeric[] language plpgsql stable
                 as $$ begin perform pg_sleep(60); return '{}'; end $$""")
    running = "select count(*) from pg_stat_activity where state = 'active' and query like '%api.report_daily(%' and usename = 'hadir_query'"
    s = house.tls.wrap_socket(socket.create_connection(("127.0.0.1", house.port)), server_hostname="127.0.0.1")
    s.sendall(f"GET /v1/reports/daily?unit={house.unit} HTTP/1.1\r\nHost: localhost\r\nAccept: text/csv\r\nAuthorization: Bearer {house.boss}\r\n\r\n".encode())
    wait_until("the query runs", lambda: house.value(running) == "1")
    s.close()
    wait_until("it ended", lambda: house.value(running) == "0", deadline_s=10)
    assert get(house, house.boss, f"/v1/units/{house.unit}/presence")[0] == 200, "the desk is there"


if __name__ == "__main__":
    with House("reports", language="en") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
