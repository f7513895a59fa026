"""Text that others act upon: formulas in sheets, line ends and terminal escapes in logs, listings, pages and mail. Names and codes
with control characters are refused where they come in; what is text for a spreadsheet stays text there; what is shown is shown."""
import csv, io, json, os, pty, re, select, socket, subprocess, threading, zipfile
import peer  # noqa: F401 (puts tests/e2e on the path)
from harness import BUILD, BUSINESS, DAY, TOP, House, Tests, run, wait_until

test = Tests()
FORMULAS = {"198001012005011010": "=HYPERLINK(\"http://x\";\"A\")", "198001012005011011": "+62 Contoh", "198001012005011012": "-2+3 Contoh",
            "198001012005011013": "@SUM(A1) Contoh", "198001012005011014": "<script>alert(1)</script>", "198001012005011015": "A\",\"B' Contoh"}
UNIT = "=1+1 & <b>Dinas</b>"
ACTS = {"escape": "\x1b[31mmerah", "bell": "a\x07b", "C1": "a\x9b31mb", "backspace": "a\x08b", "carriage return": "a\rb", "line": "a\nb", "tab": "\ta",
        "override": "a\u202eb", "isolate": "a\u2066b", "mark": "a\u200fb", "letter mark": "a\u061cb", "BOM inside": "a\ufeffb", "line separator": "a\u2028b", "delete": "a\x7fb"}


def call(house, token, method, path, body=None, accept=None):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"}
    headers.update({"Accept": accept} if accept else {})
    status, answered, answer = house.request(method, path, None if body is None else json.dumps(body), headers)
    return status, answer


def people(name):
    return f'nip,name,category,unit,from\n198001012005011030,"{name}",PNS,DINAS,2025-01-01\n'


@test
def names_that_act_are_refused(house):
    for what, text in ACTS.items():
        for kind, content in (("people", people(text)), ("units", f'code,name,kind,parent,government\nX,"{text}",opd,CONTOH,\n')):
            done = house.hadir("import", kind, house.write("bad.csv", content), check=False)
            assert done.returncode == 1 and "column name holds something invisible" in done.stderr, (what, kind, done.stderr)
            assert text not in done.stderr and done.stderr.count("\n") <= 2, what
    assert house.value("select count(*) from hadir.person where nip = '198001012005011030'") == "0"


@test
def names_of_every_script_are_taken(house):
    """Combining marks, joiners and non-joiners are letters' own business; writing from the right needs no mark."""
    for name in ("Zoe\u0308 N\u0303", "\ua9b2\ua9a4\ua9d9\ua9c0", "\u0645\u062d\u0645\u062f", "\u0646\u0627\u0645\u0647\u200c\u0647\u0627", "\u0d28\u0d4d\u200d"):
        house.hadir("import", "people", house.write("good.csv", people(name)))
        assert house.value("select name from hadir.person where nip = '198001012005011030'") == name
        status, answer = call(house, house.head, "POST", "/v1/work-reports", {"nip": "198001012005011010", "day": DAY, "kind": "work_report", "text": name})
        assert status == 201, answer
    house.sql("delete from hadir.posting where person = (select id from hadir.person where nip = '198001012005011030'); "
              "delete from hadir.person where nip = '198001012005011030'")


@test
def requests_that_act_are_refused(house):
    letter = {"unit": "DINAS", "kind": "assignment", "number": "1", "dated": DAY, "orders": [{"place": "DL", "people": [{"nip": "198001012005011010", "days": [DAY]}]}]}
    for what, text in ACTS.items():
        if what in ("line", "tab", "carriage return"):
            continue  # notes have lines
        for path, body in (("/v1/letters", {**letter, "title": text}), ("/v1/letters", {**letter, "orders": [{"place": text}]}),
                           ("/v1/work-reports", {"nip": "198001012005011010", "day": DAY, "kind": "work_report", "text": text}),
                           ("/v1/absences", {"nip": "198001012005011010", "code": "CT", "first_day": DAY, "note": text})):
            status, answer = call(house, house.head, "POST", path, body)
            assert status == 400 and json.loads(answer)["code"] == "control_character", (what, path, answer)
            assert text.encode() not in answer
    status, answer = call(house, house.head, "POST", "/v1/letters", {**letter, "title": "=1+1|cmd", "document": "@x", "number": "+7/-"})
    assert status == 201, answer
    status, answer = call(house, house.head, "POST", "/v1/work-reports", {"nip": "198001012005011010", "day": DAY, "kind": "work_report", "text": "=2+2\r\nsatu\tdua"})
    assert status == 201, answer


@test
def a_sheet_has_no_formula(house):
    """CSV, of both dialects: no field of text begins as a formula. XLSX: no formula cell, no relation to elsewhere. JSON and PDF: as it is."""
    for path in ("/v1/reports/daily-people?unit=DINAS", "/v1/reports/daily?unit=DINAS", "/v1/units/DINAS/presence",
                 "/v1/reports/daily-people?unit=DINAS&csv_dialect=excel-id"):
        status, body = call(house, house.head, "GET", path, accept="text/csv")
        assert status == 200, body
        fields = [f for row in csv.reader(io.StringIO(body.decode("utf-8-sig")), delimiter=";" if "excel" in path else ",") for f in row]
        assert len(fields) > 20, body
        assert not [f for f in fields if f[:1] in tuple("=+-@\t\r") and not re.fullmatch(r"-?[\d.,]*|=\"\d+\"", f)], fields  # a NIP is told as text
        assert any(f.startswith("'=") for f in fields), path
    for path in ("/v1/reports/daily-people?unit=DINAS", "/v1/reports/daily?unit=DINAS"):
        status, body = call(house, house.head, "GET", path, accept="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        assert status == 200
        with zipfile.ZipFile(io.BytesIO(body)) as z:
            for name in z.namelist():
                text = z.read(name).decode()
                assert not re.search(r"<f[ >/]|<hyperlink|TargetMode=\"External\"|<ddeLink", text), name
        status, body = call(house, house.head, "GET", path, accept="application/pdf")
        assert status == 200 and not re.search(rb"/(JavaScript|JS|Launch|URI|OpenAction|EmbeddedFile)\b", body)
    status, body = call(house, house.head, "GET", "/v1/reports/daily-people?unit=DINAS")
    names = {row["name"] for row in json.loads(body)["rows"]}
    assert set(FORMULAS.values()) <= names, names


@test
def a_page_has_no_element_of_a_name(house):
    house.hadir("enroll", "--unit", "DINAS", "--channel", "native", "--sheet", f"{house.dir}/sheet.html")
    page = open(f"{house.dir}/sheet.html").read()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page and "<b>Dinas" not in page and oct(os.stat(f"{house.dir}/sheet.html").st_mode)[-3:] == "600"
    assert set(re.findall(r"<([a-z0-9]+)", page)) <= {"html", "meta", "title", "style", "p", "section", "svg", "path", "rect", "div", "h2", "code", "g", "link"}, "no other element"


def on_a_terminal(house, *words):
    """What a terminal is sent by a command."""
    master, slave = pty.openpty()
    argv = (["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []) + [f"{BUILD}/daemon/hadir", *words]
    p = subprocess.Popen(argv, env=house.env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    got = b""
    while True:
        if not select.select([master], [], [], 60)[0]:
            raise AssertionError("the command hangs")
        try:
            piece = os.read(master, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        got += piece
    os.close(master)
    p.wait(120)
    return got


@test
def a_terminal_gets_no_escape(house):
    """Rows of before these were refused, or written by hand: written directly."""
    for n, text in enumerate(t for t in ACTS.values() if "\n" not in t):
        house.sql(f"insert into hadir.letter (government, unit, kind, number, dated, title, filed_at) select u.government, u.id, 'assignment', "
                  f"E'9{n}/' || {sql(text)}, '{DAY}', {sql(text)}, now() from hadir.unit u where u.code = 'DINAS'")
    house.sql(f"update hadir.person set name = {sql(ACTS['escape'])} where nip = '198001012005011015'")
    for words in (("letter", "list", "--unit", "DINAS"), ("head", "list"), ("absence", "list", "--unit", "DINAS"), ("report-work", "list", "--unit", "DINAS")):
        shown = on_a_terminal(house, *words).decode(errors="surrogateescape")
        bad = [c for c in shown if c != "\n" and c != "\r" and (ord(c) < 32 or 0x7f <= ord(c) <= 0x9f or c in "\u202e\u2066\u200f\ufeff\u2028")]
        assert not bad, (words, bad, shown[:300])
    assert "merah" in on_a_terminal(house, "letter", "list", "--unit", "DINAS").decode(errors="replace"), "the rest is shown"


def sql(text):
    return "U&'" + "".join(c if c.isalnum() else f"\\{ord(c):04x}" for c in text) + "'"


@test
def a_log_line_stays_one(house):
    """What comes from outside reaches the log quoted, or not at all."""
    lines = house.log().count("\n")
    for text in ("a%0d%0aevent=forged", "%1b%5b31m", "%e2%80%ae"):
        house.request("GET", f"/v1/{text}")
        house.request("GET", f"/v1/reports/{text}?unit={text}", headers={"Authorization": f"Bearer {house.head}"})
        house.request("POST", "/v1/letters", json.dumps({"title": text}), {"Authorization": f"Bearer {house.head}", "User-Agent": "x\x1b[31m"})
    log = house.log()
    assert "event=forged" not in log and not re.search(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f\u202e]", log), "no control character"
    assert all(re.match(r"\d{4}-\d\d-\d\dT\S+ (debug|info|warn|error) ", line) for line in log.splitlines() if "==" not in line), [
        line for line in log.splitlines() if not re.match(r"\d{4}-", line)][:3]
    assert lines <= log.count("\n")


@test
def a_mail_has_the_headers_it_was_given(house):
    """A target's address with a line end is refused; a government's name of a report does not reach a header at all."""
    for bad in ("a@example.go.id\r\nBcc: b@example.go.id", "a@example.go.id\nX: y", "a@example.go.id\rX: y"):
        done = house.hadir("target", "add", "CONTOH", "surat", "smtp://127.0.0.1", "--to", bad, "--from", "hadir@example.go.id", check=False)
        assert done.returncode != 0, (bad, done.stdout)
    assert house.value("select count(*) from hadir.export_target") == "0"


if __name__ == "__main__":
    with House("text", example=False) as house:
        house.hadir("government", "add", "CONTOH", "@Kabupaten <i>Contoh</i>", "--zone", "Asia/Makassar", "--whatsapp", BUSINESS)
        for what, file in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes")):
            house.hadir("import", what, f"{TOP}/sql/reference/{file}.csv")
        house.hadir("import", "units", house.write("units.csv", f'code,name,kind,parent,government\nCONTOH,@Kabupaten,government,,CONTOH\nDINAS,"{UNIT}",opd,CONTOH,\n'))
        out = io.StringIO()
        w = csv.writer(out)
        w.writerow(["nip", "name", "category", "unit", "from"])
        for nip, name in [*FORMULAS.items(), ("198001012005011020", "Kepala Contoh")]:
            w.writerow([nip, name, "PNS", "DINAS", "2025-01-01"])
        house.hadir("import", "people", house.write("people.csv", out.getvalue()))
        house.start()
        house.head = house.known(house.grant("198001012005011020", "supervisor", "DINAS"))
        token = house.known(house.enroll("198001012005011020"))
        house.settled(token)
        code = test.main(house)
    raise SystemExit(code)
