"""Leave, corrections, outages, reports, heads: the way of a request from a phone over its superior, and the console's commands."""
import concurrent.futures, json
from harness import DAY, EXAMPLE, House, Tests

test = Tests()


def call(house, token, method, path, body=None):
    status, headers, answer = house.request(method, path, json.dumps(body) if body is not None else None,
                                            {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


def said(house, *args, code=0):
    """What a command says; it must end with that code."""
    done = house.hadir(*args, check=False)
    assert done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
    return done.stdout + done.stderr


def made(text, what):
    """The number in 'absence 7: requested'."""
    word, number = text.splitlines()[-1].replace(":", "").split()[:2]
    assert word == what, text
    return number


@test
def leave_goes_from_a_phone_over_the_superior(house):
    boss, person, stand_in = (p["nip"] for p in house.people[:3])
    unit = house.people[0]["unit"]
    assert {p["unit"] for p in house.people[:3]} == {unit}
    phone, head, acting = house.enroll(person), house.grant(boss, unit=unit), house.grant(stand_in, unit=unit)
    stranger = house.grant(house.people[-1]["nip"], unit=house.people[-1]["unit"])
    for token in (phone, head, acting, stranger):
        house.known(token)
    for _ in range(2):
        said(house, "import", "heads", f"{EXAMPLE}/heads.csv")
    said(house, "head", stand_in, "--unit", unit, "--kind", "acting", "--from", DAY, "--to", DAY)
    listed = said(house, "head", "list", "--unit", unit, "--day", DAY, "--csv")
    assert f"{unit},head,2020-01-01,,{boss}" in listed and f"acting,{DAY},{DAY},{stand_in}" in listed, listed

    status, answer = call(house, phone, "POST", "/v1/absences", {"code": "CS", "first_day": "2026-01-05", "last_day": "2026-01-04"})
    assert status == 422 and {p["field"] for p in answer["problems"]} == {"last_day", "document"}, answer
    status, answer = call(house, phone, "POST", "/v1/absences", {"code": "CT", "first_day": "2026-01-05", "last_day": "2026-01-06"})
    assert status == 201 and answer["state"] == "requested", (status, answer)
    absence = answer["absence"]
    where = f"/v1/absences/{absence}/decision"
    assert call(house, stranger, "POST", where, {"step": "approved"})[0] == 404
    assert call(house, phone, "POST", where, {"step": "approved"})[0] == 403
    status, answer = call(house, head, "POST", where, {"step": "approved"})
    assert status == 403, (status, answer)  # somebody acts for him that day
    status, answer = call(house, acting, "POST", where, {"step": "approved"})
    assert status == 200 and answer["state"] == "approved", answer
    assert call(house, acting, "POST", where, {"step": "approved"})[0] == 409
    status, answer = call(house, head, "GET", f"/v1/absences?unit={unit}")
    steps = [(s["step"], s["capacity"]) for s in answer["absences"][0]["steps"]]
    assert steps == [("requested", "self"), ("approved", "acting")], answer
    table = said(house, "absence", "list", "--unit", unit, "--csv")
    assert f"{person}" in table and "CT,2026-01-05,2026-01-06" in table and "approved" in table, table
    assert made(said(house, "absence", "revoke", str(absence), "--reason", "dinas mendadak"), "absence") == str(absence)
    assert "revoked" in said(house, "absence", "approve", str(absence), code=1)
    assert boss in said(house, "head", house.people[4]["nip"], "--unit", unit, "--kind", "head", "--from", "2026-02-01")  # ended by it
    said(house, "absence", "approve", "first", code=2)
    said(house, "absence", "shelve", str(absence), code=2)


@test
def the_same_request_from_many_at_once_is_kept_once(house):
    phone = house.known(house.enroll(house.people[6]["nip"]))
    absence = {"code": "CT", "first_day": "2026-01-12", "last_day": "2026-01-13"}
    correction = {"day": DAY, "session": "pagi", "kind": "device", "claimed_at": f"{DAY}T07:10:00+08:00"}
    for path, body in (("/v1/absences", absence), ("/v1/corrections", correction)):
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda _: call(house, phone, "POST", path, body)[0], range(24)))
        assert answers.count(201) == 1 and set(answers) <= {201, 422}, (path, answers)


@test
def the_console_files_and_imports(house):
    nip, other = house.people[3]["nip"], house.people[4]["nip"]
    absence = made(said(house, "absence", "request", nip, "--code", "I", "--first-day", "2026-01-05", "--sessions", "pagi sore",
                        "--note", "keluarga"), "absence")
    assert "sessions" not in said(house, "absence", "approve", absence)
    assert house.value("select array_to_string(sessions, ' ') from hadir.absence where id = " + absence) == "pagi sore"
    path = house.write("absences.csv", f"nip,code,first_day,last_day,number\n{other},DL,2026-01-05,2026-01-07,ST-1\n"
                       f"{other},CT,2026-01-07,2026-01-08,\n{other},XX,2026-02-30,,\n", 0o644)
    answer = said(house, "import", "absences", path, code=1)
    assert ":3: first_day" in answer and ":4: first_day" in answer and house.value("select count(*) from hadir.absence where code = 'DL'") == "0", answer
    path = house.write("absences.csv", f"nip,code,first_day,last_day,number\n{other},DL,2026-01-05,2026-01-07,ST-1\n", 0o644)
    said(house, "import", "absences", path)
    said(house, "import", "absences", path)
    assert house.value("select count(*) from hadir.absence where code = 'DL' and status = 'approved'") == "1"


@test
def people_read_words_programs_codes(house):
    """Lists in Indonesian: headings and states in words, columns one below the other, lists with commas; CSV has the codes."""
    unit, nip = house.people[0]["unit"], house.people[1]["nip"]
    said(house, "absence", "request", nip, "--code", "CT", "--first-day", "2026-03-02", "--sessions", "pagi sore", "--number", "1")
    house.conf["language"] = "id"
    house.write_conf()
    try:
        table = said(house, "absence", "list", "--nip", nip, "--from", "2026-03-01").splitlines()
        assert table[0].split() == ["no.", "NIP", "nama", "unit", "kode", "hari", "pertama", "hari", "terakhir", "sesi", "nomor", "dokumen",
                                    "keadaan"], table
        assert "pagi, sore" in table[1] and table[1].endswith("  diajukan") and "[" not in table[1] and "\t" not in table[1], table
        assert table[0].index("NIP") == table[1].index(nip) and table[0].index("sesi") == table[1].index("pagi, sore"), table
        assert "requested" in said(house, "absence", "list", "--nip", nip, "--from", "2026-03-01", "--csv")
        number = table[1].split()[0]
        assert said(house, "absence", "approve", number) == f"ketidakhadiran {number}: disetujui\n"
        assert "keadaannya disetujui" in said(house, "absence", "reject", number, "--reason", "x", code=1)
        for what, word in (("absence", "ketidakhadiran"), ("correction", "koreksi"), ("outage", "gangguan"), ("letter", "surat")):
            step = "confirm" if what == "letter" else "approve"
            assert f"tidak ada {word} nomor 999999" in said(house, what, step, "999999", code=1)
        heads = said(house, "head", "list", "--unit", unit)
        assert " kepala " in heads and " Plt. " in heads and " head " not in heads, heads
    finally:
        house.conf["language"] = "en"
        house.write_conf()


@test
def corrections_and_outages(house):
    person, unit = house.people[5]["nip"], house.people[5]["unit"]
    phone = house.enroll(person)
    house.known(phone)
    body = {"day": DAY, "session": "pagi", "kind": "forgotten", "claimed_at": f"{DAY}T07:01:00+08:00", "note": "ponsel mati"}
    status, answer = call(house, phone, "POST", "/v1/corrections", dict(body, session="siang"))
    assert status == 422 and answer["problems"][0]["field"] == "session", answer
    status, answer = call(house, phone, "POST", "/v1/corrections", body)
    assert status == 201, (status, answer)
    assert "approved" in said(house, "correction", "approve", str(answer["correction"]))
    assert "confirmation" in said(house, "correction", "confirm", str(answer["correction"]), code=1)
    listed = said(house, "correction", "list", "--nip", person)
    assert "forgotten" in listed and "approved" in listed, listed
    assert "kind" in said(house, "correction", "request", person, "--day", DAY, "--session", "pagi", "--kind", "guess", code=1)
    number = made(said(house, "outage", "declare", "--unit", unit, "--from", f"{DAY}T06:30:00+08:00", "--to", f"{DAY}T08:00:00+08:00",
                       "--note", "jaringan putus"), "outage")
    assert house.value(f"select string_agg(step || ' ' || capacity, ', ' order by id) from hadir.decision where subject = 'outage' and ref = {number}") \
        == "requested console, approved console"
    status, answer = call(house, phone, "GET", "/v1/outages?status=approved")
    assert status == 200 and [o["status"] for o in answer["outages"]] == ["approved"] and "note" not in answer["outages"][0], answer
    assert "revoked" in said(house, "outage", "revoke", number, "--reason", "keliru")
    assert number in said(house, "outage", "list", "--status", "revoked")
    status, answer = call(house, phone, "POST", "/v1/work-reports", {"day": DAY, "kind": "work_plan", "text": "rapat"})
    assert status == 201, answer
    said(house, "work-report", "send", person, "--day", DAY, "--kind", "work_report", "--document", "arsip/7")
    listed = said(house, "work-report", "list", "--nip", person, "--csv")
    assert "work_plan," in listed and ",rapat" in listed and ",arsip/7," in listed, listed


if __name__ == "__main__":
    with House("excuses", language="en") as house:
        house.start(clock=f"{DAY}T09:00:00+08:00")
        code = test.main(house)
    raise SystemExit(code)
