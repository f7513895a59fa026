"""Reports: a day as it goes and closed, a month, in every format, over HTTPS and at the console; whose they are, and why there
is none."""
import csv, io, json, os, re, socket, subprocess, tempfile, unicodedata, zipfile
from harness import BUILD, DAY, TOP, House, Tests, wait_until

test = Tests()
GOLDEN = f"{TOP}/tests/e2e/golden"
NEXT = "2025-12-30"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


PDF = "application/pdf"


def timeless(text):
    """Without the minute at which it was closed, and how far apart things stand."""
    return re.sub(" {2,}", "  ", re.sub(r"closed (\S+) \d\d:\d\d", r"closed \1 hh:mm", text))


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


def pages(data):
    """A PDF's text as it stands on the pages, and their size."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as f:
        f.write(data)
        f.flush()
        text = subprocess.run(("pdftotext", "-layout", f.name, "-"), check=True, capture_output=True, text=True).stdout
        info = subprocess.run(("pdfinfo", f.name), check=True, capture_output=True, text=True).stdout
    assert re.search("Pages: *([0-9]+)", info).group(1) == str(text.count("\f")), info
    return text, re.search("Page size: *([0-9.]+) x ([0-9.]+)", info).groups()


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
    house.hadir("import", "discipline", f"{TOP}/sql/reference/discipline-pp-94-2021.csv")
    house.hadir("government", "set", "LUTRA", "closes_after=03:00", "signing_place=Masamba",
                "letterhead=PEMERINTAH KABUPATEN CONTOH|{unit}|Jalan Contoh Nomor 1, Telepon (0000) 000000 · contoh.go.id")
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
    assert done.returncode == 1 and "No space left on device; make room" in done.stderr, done
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
    for name in ("daily", "daily-people"):
        asked = f"/v1/reports/{name}?unit={house.unit}&date={DAY}&closed=ya"
        first, second = (get(house, house.boss, asked, PDF) for _ in range(2))
        assert first[0] == 200 and first[1]["content-type"] == PDF and first[2] == second[2], first[:2]
        golden(f"{name}.txt", timeless(pages(first[2])[0]))
        out = f"{house.dir}/{name}.pdf"
        subprocess.run((f"{BUILD}/daemon/hadir", "report", name, "--unit", house.unit, "--date", DAY, "--closed", "--out", out), check=True,
                       env={**house.env, "LC_ALL": "ja_JP.UTF-8", "PANGO_LANGUAGE": "ja", "HADIR_LANGUAGE": "id"}, user=house.user if os.getuid() == 0 else None)
        assert open(out, "rb").read() == first[2], "the same bytes at the console, whatever the language of whoever runs it"
    book = zipfile.ZipFile(io.BytesIO(sheets[0]))
    names = book.read("xl/worksheets/sheet2.xml").decode()
    assert 'name="daily-people"' in book.read("xl/workbook.xml").decode() and "Missing and late" in names
    assert house.people[0]["nip"] in names and ">late<" in names and ">excused<" not in names, names
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


def letter(house, number, kind, place, orders):
    path = house.write(f"{number.replace('/', '-')}.json", json.dumps({
        "unit": house.unit, "kind": kind, "number": number, "dated": NEXT, "orders": [{"place": place, "people": [
            {"nip": house.people[i]["nip"], "days": days} for i, days in orders.items()]}]}))
    return house.hadir("letter", "file", path).stdout.split()[1]


@test
def two_days_under_a_circular(house):
    """At home by letter, at most two of the seven of the unit (30 percent), with a report, and at the office at least once a week.
    T/1 sends three home on Tuesday, over the quota and with a reason, one of them on Wednesday, too; P/2 calls the second back on
    Wednesday; T/3, for Tuesday, is confirmed on Wednesday. Of the three one comes and reports, one comes only."""
    house.hadir("policy", "apply", house.write("contoh.conf", f"""[policy]
number = SE CONTOH 1/2025
title = Bekerja dari rumah bergantian
dated = 2025-12-20
valid_from = {NEXT}
valid_to = 2026-01-02
grants = letter
min_office_days = 1
[scope satu bagian]
units = {house.unit}
[day rumah]
weekdays = Senin-Jumat
place = WFH
anywhere = ya
granted = ya
[quota paling banyak]
measure = max_elsewhere
percent = 30
[evidence laporan]
places = WFH
kind = work_report
"""))
    home = letter(house, "T/1", "assignment", "WFH", {4: [NEXT, "2025-12-31"], 5: [NEXT, "2025-12-31", "2026-01-02"], 6: [NEXT]})
    done = house.hadir("letter", "confirm", home, check=False)
    assert done.returncode == 1 and "a reason must be given" in done.stderr, done
    house.hadir("letter", "confirm", home, "--reason", "renovasi ruang")
    house.hadir("letter", "confirm", letter(house, "P/2", "recall", "WFO", {5: ["2025-12-31"]}))
    late = letter(house, "T/3", "assignment", "WFH", {3: [NEXT]})
    wait_until("the planner knows", lambda: house.value(
        f"select count(*) from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.day = '{NEXT}' and p.place = 'WFH'") == "3")
    house.wait_live()
    for i in (4, 5):
        assert house.checkin(house.tokens[i], lat=-2.9, lon=120.9, taken=at("09:00", NEXT), sent=at("09:00", NEXT))[0] == 200
    house.hadir("work-report", "send", house.people[4]["nip"], "--day", NEXT, "--kind", "work_report", "--text", "Naskah selesai")
    house.set_clock(at("07:10", "2025-12-31"))
    house.wait_live()
    house.hadir("letter", "confirm", late, "--reason", "surat menyusul")
    assert house.checkin(house.tokens[5], lat=-2.5620, taken=at("07:10", "2025-12-31"), sent=at("07:10", "2025-12-31"))[0] == 200
    wait_until("both days are recorded", lambda: house.value("select count(*) from hadir.checkin") == "24")


@test
def paper_as_the_office_has_it(house):
    path = f"/v1/reports/monthly?unit={house.unit}&month={DAY[:7]}"
    sizes = set()
    for paper in ("A4", "A4-portrait", "A4-landscape", "F4-portrait", "F4-landscape", "F4"):
        house.hadir("government", "set", "LUTRA", f"paper={paper}")
        text, size = pages(get(house, house.boss, path, PDF)[2])
        assert paper in ("A4", "F4") or (float(size[0]) < float(size[1])) == paper.endswith("portrait"), (paper, size)
        sizes.add((paper[:2], *sorted(size)))
        assert "PEMERINTAH KABUPATEN CONTOH" in text and "page 1 of" in text and "Masamba, " in text
        last = text.rstrip("\f").split("\f")[-1]
        assert "NIP. " in last and house.people[12]["name"].split()[0] in text
    assert len(sizes) == 2, sizes
    done = house.hadir("government", "set", "LUTRA", "paper=A5", check=False)
    assert done.returncode == 1 and "A4 atau F4" in done.stderr, done


@test
def names_of_any_script_are_printed(house):
    names = {0: "محمد بن سعيد", 1: "Ñandú E\u0301lan", 2: "Ω Σωκράτης 😀", 5: "I Gusti Ngurah Agung Bagus Made Contoh yang Namanya Sangat Panjang Sekali, S.Sos., M.Si."}
    before = [(house.people[i]["nip"], house.people[i]["name"]) for i in names]
    for i, name in names.items():
        house.sql(f"update hadir.person set name = '{name}' where nip = '{house.people[i]['nip']}'")
    text = pages(get(house, house.boss, f"/v1/reports/monthly?unit={house.unit}&month={DAY[:7]}", PDF)[2])[0]
    for word in " ".join(names.values()).split():
        assert word in text.replace("\u202b", "").replace("\u202c", "") or unicodedata.normalize("NFC", word) in text, (word, text)
    for nip, name in before:
        house.sql(f"update hadir.person set name = '{name}' where nip = '{nip}'")


@test
def a_page_that_cannot_be(house):
    unit = house.unit
    out = f"{house.dir}/none.pdf"
    house.write("fonts.conf", f"<fontconfig><dir>{house.dir}/no-fonts</dir></fontconfig>", 0o644)
    for env, reason in ((dict(FONTCONFIG_FILE=f"{house.dir}/fonts.conf"), "install fonts-liberation"), (dict(TMPDIR="/nonexistent"), "could not be begun")):
        done = subprocess.run((f"{BUILD}/daemon/hadir", "report", "daily", "--unit", unit, "--out", out), capture_output=True, text=True,
                              env={**house.env, **env}, user=house.user if os.getuid() == 0 else None)
        assert done.returncode == 1 and reason in done.stderr and not os.path.exists(out), done
    done = subprocess.run((f"{BUILD}/daemon/hadir", "report", "daily", "--unit", unit, "--format", "pdf"), stdout=open("/dev/full", "w"), stderr=subprocess.PIPE,
                          text=True, env=house.env, user=house.user if os.getuid() == 0 else None)
    assert done.returncode == 1 and "No space left" in done.stderr, done


def cell(text, comma):
    """A cell as two programs may write it: numbers by their value, codes of many digits as they are, a guarded text bare."""
    text = re.sub(r'^="(.*)"$', r"\1", text)
    text = re.sub(r"^'(?=[=+@\t\r-])", "", text)
    number = text.replace(",", ".") if comma else text
    return float(number) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]+)?", number) else text


@test
def another_program_reads_the_sheets(house):
    """Every report's sheet through LibreOffice into CSV, beside our own CSV for people: every cell."""
    nip, name = house.people[1]["nip"], house.people[1]["name"]
    house.sql(f"update hadir.person set name = '=1+1 é محمد' where nip = '{nip}'")
    folder = f"{house.dir}/office"
    house.as_user("mkdir", folder)
    when = {"date": ("--date", DAY), "month": ("--month", DAY[:7]), "from": ("--from", DAY, "--to", DAY)}
    ours = {}
    for line in house.hadir("report").stdout.splitlines():
        report, members = line.split()[0], line[line.rindex("(") + 1:-1].split()
        ask = ("report", report, "--unit", house.unit, *next(when[m] for m in members if m in when))
        house.hadir(*ask, "--out", f"{folder}/{report}.xlsx")
        ours[report] = house.hadir(*ask, "--csv-dialect", "excel-id").stdout.lstrip("\ufeff")
    house.as_user("env", f"HOME={folder}", "soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to",
                  "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1", "--outdir", folder, *(f"{folder}/{r}.xlsx" for r in ours))
    assert len(ours) > 8, ours.keys()
    for report, text in ours.items():
        rows = [[cell(c, True) for c in row] for row in csv.reader(io.StringIO(text), delimiter=";")]
        with open(f"{folder}/{report}-{report}.csv", newline="") as f:
            sheet = [[cell(c, False) for c in row[:len(rows[0])]] for row in csv.reader(f)]
        assert sheet[4:4 + len(rows)] == rows, (report, next(pair for pair in zip(sheet[4:], rows) if pair[0] != pair[1]))
    with open(f"{folder}/daily-people-daily-people.csv") as f:
        assert "=1+1 é محمد" in f.read()
    house.sql(f"update hadir.person set name = '{name}' where nip = '{nip}'")


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
        for ending in ("csv", "json", "xlsx", "pdf"):
            out = f"{house.dir}/{day}.{ending}"
            house.hadir("report", "monthly", *month, "--closed", "--out", out)
            files[-1].append(open(out, "rb").read())
        house.sql(f"update hadir.person set name = 'Nama Lain', grade = 'IV/e' where nip = '{nip}'")
        house.set_clock("2026-01-03T09:00:00+08:00")
    assert files[0] == files[1] and b"Nama Lain" not in files[1][0]
    assert "Nama Lain" in house.hadir("report", "monthly", *month).stdout
    for name in ("monthly", "monthly-days"):
        golden(f"{name}.txt", timeless(pages(get(house, house.boss, f"/v1/reports/{name}?unit={house.unit}&month={DAY[:7]}&closed=ya", PDF)[2])[0]))


@test
def how_the_circular_was_kept(house):
    house.sql(f"update hadir.person set name = '{house.people[0]['name']}', grade = '{house.people[0]['grade']}' where nip = '{house.people[0]['nip']}'")
    house.set_clock("2026-01-05T09:00:00+08:00")
    house.wait_live()
    wait_until("the week is closed", lambda: house.hadir("nightly") and house.value("select max(day) from hadir.attendance_version") == "2026-01-04")
    week = ("--unit", house.unit, "--from", DAY, "--to", "2026-01-04", "--closed")
    for name in ("compliance", "compliance-people"):
        for ending in ("csv", "json"):
            golden(f"{name}.{ending}", house.hadir("report", name, *week, "--format", ending).stdout)
    rows = table(house.hadir("report", "compliance", *week).stdout)
    tuesday = {r["measure"]: r for r in rows if r["day"] == NEXT and r["policy"] != ""}
    # Three by T/1 and one by T/3, confirmed afterwards; 30 percent of seven is two.
    quota = tuesday["max_elsewhere"]
    assert (quota["have"], quota["limit"], quota["base"], quota["met"], quota["attended"]) == ("4", "2", "7", "false", "2"), quota
    assert (tuesday["evidence"]["have"], tuesday["evidence"]["note"]) == ("1", "work_report 1"), tuesday
    assert [r["note"].split(",")[0] for r in rows if r["measure"] == "late_letter"] == ["assignment T/3 (2025-12-30)"], rows
    assert [(r["day"], r["have"], r["attended"]) for r in rows if r["measure"] == "recall"] == [("2025-12-31", "1", "1")], rows
    path = f"/v1/reports/compliance?unit={house.unit}&from={DAY}&to=2026-01-04&closed=ya"
    assert get(house, house.boss, path, "text/csv")[2].decode() == house.hadir("report", "compliance", *week).stdout.replace("\n", "\r\n")
    sheet = zipfile.ZipFile(io.BytesIO(get(house, house.boss, path, XLSX)[2])).read("xl/worksheets/sheet1.xml").decode()
    assert "Quotas, weeks and letters are by rules and letters of when" in sheet and "most elsewhere" in sheet and "closed 2026-01-05" in sheet, sheet[:3000]
    refused(house, house.boss, f"/v1/reports/compliance?unit=BKPSDM&from={DAY}&to={NEXT}", 404, "not_found")
    refused(house, house.boss, f"/v1/reports/compliance?unit={house.unit}&from={NEXT}&to={DAY}", 422, "invalid")
    refused(house, house.boss, f"/v1/reports/compliance?unit={house.unit}&from={DAY}&to=2026-01-09", 422, "invalid")
    refused(house, house.boss, f"/v1/reports/compliance?unit={house.unit}&from=2025-11-01&to=2025-11-09", 404, "nothing_to_report")
    refused(house, house.boss, f"/v1/reports/compliance?unit={house.unit}&from={DAY}&to=2026-01-05&closed=ya", 409, "not_closed")
    refused(house, house.phone, f"/v1/reports/discipline?unit={house.unit}", 403, "forbidden")


@test
def one_day_against_another(house):
    days = ("--unit", house.unit, "--from", "2025-12-31", "--to", "2025-12-31", "--closed")
    golden("evaluation.csv", house.hadir("report", "evaluation", *days).stdout)
    answer = json.loads(house.hadir("report", "evaluation", *days, "--format", "json").stdout)
    assert answer["baseline"] is None and answer["note"].startswith("Nothing to compare") and {r["baseline_sample"] for r in answer["rows"]} == {0}, answer
    answer = json.loads(get(house, house.boss, f"/v1/reports/evaluation?unit={house.unit}&from=2026-01-05&to=2026-01-05")[2])
    assert answer["code"] == "nothing_to_report", answer
    house.set_clock("2026-01-06T09:00:00+08:00")
    house.wait_live()
    wait_until("Monday is closed", lambda: house.hadir("nightly") and house.value("select max(day) from hadir.attendance_version") == "2026-01-05")
    path = f"/v1/reports/evaluation?unit={house.unit}&from=2026-01-05&to=2026-01-05&closed=ya"
    answer = json.loads(get(house, house.boss, path)[2])
    golden("evaluation.json", get(house, house.boss, path)[2].decode())
    presence = answer["rows"][0]
    # On the Monday before six of seven had come, two of them late; nobody came on this one.
    assert answer["baseline"] == {"from": DAY, "to": DAY}, answer
    assert (presence["measure"], presence["value"], presence["sample"], presence["baseline"], presence["difference"]) == ("presence", 0, 7, 85.71, -85.71), presence
    refused(house, house.boss, path + "&baseline=2026-01-08", 422, "invalid")


@test
def whom_to_watch(house):
    year = ("--unit", house.unit, "--date", "2026-01-05", "--closed")
    old = ("--unit", house.unit, "--date", "2025-12-31", "--closed")
    for name, days in (("discipline", old), ("discipline-days", year)):
        golden(f"{name}.csv", house.hadir("report", name, *days).stdout)
        golden(f"{name}.json", house.hadir("report", name, *days, "--format", "json").stdout)
    rows = {r["nip"]: r for r in table(house.hadir("report", "discipline", *year).stdout)}
    # Tuesday and Wednesday of the old year, Friday and Monday of the new one: four in a row, two of this year.
    row = rows[house.people[0]["nip"]]
    assert (row["days"], row["longest_run"], row["sanction"], row["next_days"], row["next_sanction"]) == ("2", "4", "", "3", "teguran lisan"), row
    assert row["dates"] == "2026-01-02 2026-01-05" and row["run_dates"] == "2025-12-30 2025-12-31 2026-01-02 2026-01-05", row
    all_of_it = table(house.hadir("report", "discipline", "--government", "LUTRA", "--date", "2025-12-31", "--closed").stdout)
    reached = {r["nip"]: r for r in all_of_it}[house.people[40]["nip"]]
    assert (reached["sanction"], reached["reached_on"], reached["dates"]) == ("teguran lisan", "2025-12-31", f"{DAY} {NEXT} 2025-12-31"), reached
    # On Wednesday only the one who had been recalled came.
    assert house.hadir("report", "discipline-days", *old).stdout.count("2025-12-31") == 6
    text = pages(get(house, house.boss, f"/v1/reports/discipline?unit={house.unit}&date=2025-12-31&closed=ya", PDF)[2])[0]
    assert "this report imposes nothing" in text and "teguran" in text and text.count("2025-12-30") == 10, text


@test
def all_of_them_on_paper(house):
    """Wide as they are, with what must be read beside them."""
    week, day, year = f"from={DAY}&to=2026-01-04", "from=2026-01-05&to=2026-01-05", "date=2025-12-31"
    for name, when in (("compliance", week), ("compliance-people", week), ("evaluation", day), ("discipline", year), ("discipline-days", year)):
        status, headers, paper = get(house, house.boss, f"/v1/reports/{name}?unit={house.unit}&{when}&closed=ya", PDF)
        assert status == 200, (name, status, paper[:300])
        golden(f"{name}.txt", timeless(pages(paper)[0]))


@test
def a_client_that_left_ends_the_query(house):
    house.sql("""create or replace function hadir.report_spread(p_codes text[], p_map jsonb) returns numeric[] language plpgsql stable
                 as $$ begin perform pg_sleep(60); return '{}'; end $$""")
    running = "select count(*) from pg_stat_activity where state = 'active' and query like '%api.report_daily(%' and usename = 'hadir_query'"
    for accept in ("text/csv", PDF):
        s = house.tls.wrap_socket(socket.create_connection(("127.0.0.1", house.port)), server_hostname="127.0.0.1")
        s.sendall(f"GET /v1/reports/daily?unit={house.unit} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nAuthorization: Bearer {house.boss}\r\n\r\n".encode())
        wait_until("the query runs", lambda: house.value(running) == "1")
        s.close()
        wait_until("it ended", lambda: house.value(running) == "0")
    assert get(house, house.boss, f"/v1/units/{house.unit}/presence")[0] == 200, "the desk is there"


@test
def what_fails_before_the_first_byte_is_told(house):
    """Not as an answer that ends early: rows that the database refuses, and a machine without room for temporary files."""
    house.sql("""create or replace function hadir.report_spread(p_codes text[], p_map jsonb) returns numeric[] language plpgsql stable
                 as $$ begin raise exception 'broken'; end $$""")
    path = f"/v1/reports/daily?unit={house.unit}"
    for accept in ("text/csv", "application/json", PDF):
        refused(house, house.boss, path, 500, "internal", accept)
    house.stop()
    house.env["TMPDIR"] = "/nonexistent"
    house.start(clock="2026-01-06T10:00:00+08:00")
    house.known(house.boss)
    problem = refused(house, house.boss, path, 500, "internal", PDF)
    assert problem["detail"].startswith("the report could not be begun"), problem


@test
def what_takes_long_is_waited_for(house):
    """Longer than other requests may take: a sheet or paper begins when all its rows are there."""
    house.sql("""create or replace function hadir.report_spread(p_codes text[], p_map jsonb) returns numeric[] language plpgsql stable
                 as $$ begin perform pg_sleep(4); return '{}'; end $$""")
    del house.env["TMPDIR"]
    house.stop()
    house.conf["request_timeout_ms"] = "3000"
    house.write_conf()
    house.start(clock="2026-01-06T10:00:00+08:00")
    house.known(house.boss)
    status, headers, body = get(house, house.boss, f"/v1/reports/daily?unit={house.unit}", PDF)
    assert status == 200 and body.startswith(b"%PDF-"), (status, body[:200])


if __name__ == "__main__":
    with House("reports", language="en") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
