"""What the rules come to, as people see it: a town in January 2026, over HTTPS and with hadir. Seconds at the edge, an office and
a home on one day, a health letter, a delegate, breaches that arise later, a night without the service, versions of the rules."""
import csv, json, os, uuid
from harness import BUSINESS, TOP, House, Tests, epoch, wait_until

test = Tests()
OFFICE, HOME = (-2.5601, 120.3101), (-2.5801, 120.3301)
UNITS = """code,name,kind,parent,government
CONTOH,Kabupaten Contoh,government,,CONTOH
BAGIAN,Bagian Contoh,bagian,CONTOH,
TIM,Tim Contoh,bagian,CONTOH,
RSUD,Rumah Sakit Contoh,opd,CONTOH,
"""
PEOPLE = {"kabag": "BAGIAN", "wakil": "BAGIAN", "dua": "BAGIAN", "a": "BAGIAN", "b": "BAGIAN", "ketua": "TIM", "t1": "TIM", "t2": "TIM",
          "t3": "TIM", "direktur": "RSUD", "suster": "RSUD", "perawat": "RSUD", "bidan": "RSUD", "tata": "RSUD", "pusat": "CONTOH"}
CIRCULAR = """[policy]
number = UJI/1
dated = 2026-01-02
valid_from = 2026-01-02
grants = letter
[day di rumah]
weekdays = Senin-Jumat
place = WFH
granted = ya
[quota di luar]
measure = max_elsewhere
percent = {percent}
[evidence sehat]
places = WFH
kind = health_letter
"""
# The night: 20:00 to 07:00 on the day after. LEPAS: a day off.
NIGHT = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,nip,valid_from,shift
,masuk,Masuk,in,19:00,,20:00,20:01,24:00,RSUD,,2025-01-01,MALAM
,pulang,Pulang,out,29:00,,31:00,,33:00,RSUD,,2025-01-01,MALAM
,,,,,,,,,RSUD,,2025-01-01,LEPAS
"""


def nip(who):
    return f"1980010120050110{list(PEOPLE).index(who) + 10}"


def number(who):
    return f"628000033{list(PEOPLE).index(who) + 1000}"


def circle(code, kind, at, **more):
    return {"type": "Feature", "properties": dict(more, code=code, name=code.title(), kind=kind, radius_m=60),
            "geometry": {"type": "Point", "coordinates": [at[1], at[0]]}}


def load(house):
    house.hadir("government", "add", "CONTOH", "Kabupaten Contoh", "--zone", "Asia/Makassar", "--whatsapp", BUSINESS)
    for what, name in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes")):
        house.hadir("import", what, f"{TOP}/sql/reference/{name}.csv")
    house.hadir("import", "units", house.write("units.csv", UNITS))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from\n" + "".join(
        f"{nip(who)},Contoh {who.title()},PNS,{unit},2025-01-01\n" for who, unit in PEOPLE.items())))
    house.hadir("import", "heads", house.write("heads.csv", "nip,unit,kind,from\n" + "".join(
        f"{nip(who)},{PEOPLE[who]},head,2025-01-01\n" for who in ("kabag", "ketua", "direktur"))))
    house.hadir("import", "hours", house.write("night.csv", NIGHT))
    house.hadir("import", "calendar", house.write("day.csv", "day,kind,name,basis,government,dated\n"
                                                  "2026-01-09,REGIONAL,Hari Jadi Contoh,SK Contoh 1,CONTOH,2025-12-01\n"))
    house.hadir("import", "fences", house.write("fences.geojson", json.dumps({"type": "FeatureCollection", "features": [
        circle("KANTOR", "office", OFFICE, unit="CONTOH", shared=True), circle("RUMAH", "home", HOME, nip=nip("dua"))]})))
    house.hadir("government", "set", "CONTOH", "correction_days=10")
    apply(house, 50)
    letter(house, "800/1", "BAGIAN", "05", "dua")


def apply(house, percent):
    return house.hadir("policy", "apply", house.write("uji.conf", CIRCULAR.format(percent=percent))).stdout


def letter(house, number, unit, day, *people):
    """A letter home, confirmed by the console without a reason: nothing goes beyond the circular."""
    path = house.write("letter.json", json.dumps({"unit": unit, "kind": "assignment", "number": number, "dated": "2026-01-02", "orders": [
        {"place": "WFH", "people": [{"nip": nip(who), "days": [f"2026-01-{day}"]} for who in people]}]}))
    house.hadir("letter", "confirm", house.hadir("letter", "file", path).stdout.split()[1])


def call(house, who, method, path, body=None):
    status, headers, answer = house.request(method, path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {house.token[who]}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


def get(house, who, path):
    status, answer = call(house, who, "GET", path)
    assert status == 200, (path, answer)
    return answer


def move(house, moment):
    house.set_clock(f"2026-01-{moment}:00+08:00")
    house.wait_live()
    for who in PEOPLE:
        wait_until("the day is planned", lambda: get(house, who, "/v1/me").get("reason") != "no_plan")
        house.doors_agree()


def comes(house, who, taken, at, *judged):
    """One check-in, sent now, is judged so: session, verdict, place; asked again until the door has the plan of now."""
    id, got = str(uuid.uuid4()), []

    def ask():
        status, answer = house.checkin(house.token[who], lat=at[0], lon=at[1], taken=f"2026-01-{taken}+08:00", id=id, sent=house.now())
        assert status == 200, answer
        got[:] = [(answer["session"], answer["verdict"], answer["place"])]
        return got[0] == judged
    try:
        wait_until("judged", ask, 60)
    except AssertionError:
        raise AssertionError(f"{who} at {taken}: {got[0]}, not {judged}")


def sessions(house, boss, who, day):
    """What the superior sees: by code, each session."""
    unit = PEOPLE[boss]
    status, answer = house.presence(house.boss[boss], unit, f"2026-01-{day}")
    assert status == 200, answer
    return {s["session"]: s for p in answer["people"] if p["nip"] == nip(who) for s in p["sessions"]}


def states(house, boss, who, day):
    return {code: (s["state"], s["late_minutes"] or s["early_minutes"] or 0) for code, s in sessions(house, boss, who, day).items()}


def ask(house, boss, method, path, body=None):
    status, headers, answer = house.request(method, path, None if body is None else json.dumps(body), {
        "Authorization": f"Bearer {house.boss[boss]}", "Content-Type": "application/json", "Accept-Language": "en"})
    return status, json.loads(answer)


@test
def the_last_second_and_the_first(house):
    """The hours as shipped: due 07:30. The message's own second decides in WhatsApp, that of the fix in OwnTracks."""
    move(house, "05T08:00")
    for who, at, judged in (("t1", "07:30:59", ("on_time", 0)), ("t2", "07:31:00", ("late", 1))):
        phone = house.enroll(nip(who), "owntracks")
        wait_until("the doors know it", lambda: house.owntracks(phone, at=f"2026-01-05T{at}+08:00")[0] == 200)
        house.doors_agree()
        wait_until("it is recorded", lambda: states(house, "ketua", who, "05")["pagi"] == judged)
    for who, at in (("a", "07:30:59"), ("b", "07:31:00")):
        house.hadir("enroll", nip(who), "--channel", "whatsapp", "--quiet", "--number", house.secret(number(who)))

        def sent():
            status, headers, body = house.whatsapp({"messages": [{"from": number(who), "id": f"wamid.{uuid.uuid4()}", "type": "location", "timestamp":
                str(epoch(f"2026-01-05T{at}+08:00")), "location": {"latitude": house.secret(-2.5601), "longitude": house.secret(120.3101)}}]})
            assert status == 200, body
            return states(house, "kabag", who, "05")["pagi"][0] in ("on_time", "late")
        wait_until("it is recorded", sent)
    assert states(house, "kabag", "a", "05")["pagi"] == ("on_time", 0) and states(house, "kabag", "b", "05")["pagi"] == ("late", 1)


def day(house, who, day):
    """His day as the recap of the month tells it, and the month."""
    unit = PEOPLE[who]
    of = f"unit={unit}&month=2026-01&nip={nip(who)}"
    status, days = ask(house, "pusat", "GET", f"/v1/reports/monthly-days?{of}")
    assert status == 200, days
    status, month = ask(house, "pusat", "GET", f"/v1/reports/monthly?{of}")
    assert status == 200, month
    return next(d for d in days["rows"] if d["day"] == f"2026-01-{day}"), month["rows"][0]


@test
def an_office_in_the_morning_and_a_home_in_the_afternoon(house):
    comes(house, "dua", "05T07:20:00", OFFICE, "pagi", "on_time", "WFO")
    move(house, "05T16:10")
    comes(house, "dua", "05T16:05:00", HOME, "sore", "on_time", "WFH")
    wait_until("both are recorded", lambda: states(house, "kabag", "dua", "05") == {"pagi": ("on_time", 0), "sore": ("on_time", 0)})
    assert [s["place"] for s in sessions(house, "kabag", "dua", "05").values()] == ["WFO", "WFH"]
    move(house, "06T09:00")
    one, month = day(house, "dua", "05")
    assert one["places"].split() == ["WFH", "WFO"] and (one["time_in"], one["time_out"]) == ("07:20", "16:05"), one
    assert [month[k] for k in ("working_days", "present_days", "wfo_days", "wfh_days", "wfa_days", "absent_days")] == [1, 1, 1, 1, 0, 0], month


@test
def a_health_letter_is_missing_until_it_is_sent(house):
    one, month = day(house, "dua", "05")
    assert one["evidence_missing"] == "health_letter 0/1" and month["evidence_missing"] == 1, (one, month)
    other, month = day(house, "a", "05")
    assert not other["evidence_missing"] and month["evidence_missing"] == 0, "at the office nothing is asked for"
    sick = {"day": "2026-01-05", "kind": "health_letter", "document": "SKD contoh 3"}
    assert call(house, "dua", "POST", "/v1/work-reports", dict(sick, kind="work_report"))[0] == 201
    assert day(house, "dua", "05")[0]["evidence_missing"] == "health_letter 0/1", "another kind is none"
    assert call(house, "dua", "POST", "/v1/work-reports", sick)[0] == 201
    one, month = day(house, "dua", "05")
    assert not one["evidence_missing"] and month["evidence_missing"] == 0, (one, month)


def correction(house, who, session="sore", at="16:10"):
    status, answer = call(house, who, "POST", "/v1/corrections", {
        "day": "2026-01-05", "session": session, "kind": "forgotten", "claimed_at": f"2026-01-05T{at}:00+08:00", "note": "baterai habis"})
    assert status == 201, answer
    return answer["correction"]


def decide(house, boss, id):
    status, answer = ask(house, boss, "POST", f"/v1/corrections/{id}/decision", {"step": "approved"})
    return status, answer.get("code") or answer["state"]


@test
def a_delegate_decides_on_his_days(house):
    """On Tuesday the 6th, of his unit's people: not of himself, not of the head whom he stands in for."""
    mine, heads, early, late, other = (correction(house, who) for who in ("wakil", "kabag", "a", "b", "t1"))
    house.hadir("head", nip("wakil"), "--unit", "BAGIAN", "--kind", "delegate", "--from", "2026-01-06", "--to", "2026-01-06")
    assert "delegate" in house.hadir("head", "list", "--unit", "BAGIAN", "--day", "2026-01-06").stdout
    assert decide(house, "wakil", early) == (200, "approved")
    wait_until("it counts", lambda: states(house, "kabag", "a", "05")["sore"] == ("on_time", 0))
    for id in (mine, heads):
        assert decide(house, "wakil", id) == (403, "not_yours")
    assert decide(house, "wakil", other) == (404, "not_found"), "another unit's"
    steps = get(house, "a", "/v1/corrections")["corrections"][0]["steps"]
    assert [(s["step"], s["capacity"]) for s in steps] == [("requested", "self"), ("approved", "delegate")], steps
    move(house, "07T09:00")
    status, code = decide(house, "wakil", late)
    assert (status, code) in ((403, "not_yours"), (404, "not_found")), (status, code)
    wait_until("nothing has come of it", lambda: states(house, "kabag", "b", "05")["sore"][0] == "missing")
    assert decide(house, "kabag", late) == (200, "approved"), "the head decides as before"
    assert decide(house, "kabag", mine) == (200, "approved") and decide(house, "kabag", heads) == (403, "not_yours")


def nights(house):
    """Runs nightly until nothing waits."""
    def run():
        done = house.hadir("nightly", check=False)
        return done.returncode == 0 and "waiting" not in done.stdout + done.stderr
    wait_until("the days are closed", run)


def breaches(house, boss):
    status, answer = ask(house, boss, "GET", f"/v1/notices?unit={PEOPLE[boss]}")
    assert status == 200, answer
    return {n["text"] for n in answer["notices"] if n["kind"] == "breach"}


@test
def a_breach_that_arises_later_is_told(house):
    """Half of four may be at home: two on the 14th, one on the 15th. Then one of the four moves away; then the half becomes 30 %."""
    letter(house, "800/2", "TIM", "14", "t1", "t2")
    letter(house, "800/3", "TIM", "15", "t1")
    nights(house)
    assert breaches(house, "ketua") == set()
    house.hadir("import", "people", house.write("move.csv", f"nip,name,category,unit,from\n{nip('t3')},Contoh T3,PNS,BAGIAN,2026-01-12\n"))
    nights(house)
    told = {"Unit TIM, 2026-01-14: 2 of 3 people elsewhere (WFH/WFA), at most 1 (UJI/1): Contoh T1, Contoh T2"}
    assert breaches(house, "ketua") == told, breaches(house, "ketua")
    assert "UJI/1 applied, revision 2" in apply(house, 30)
    nights(house)
    told.add("Unit TIM, 2026-01-15: 1 of 3 people elsewhere (WFH/WFA), at most 0 (UJI/1): Contoh T1")
    assert breaches(house, "ketua") == told, breaches(house, "ketua")
    listed = csv.DictReader(house.hadir("notices", "--unit", "TIM", "--csv").stdout.splitlines())
    assert {n["text"] for n in listed} == told
    status, answer = ask(house, "pusat", "GET", "/v1/notices?unit=CONTOH")
    assert {n["text"] for n in answer["notices"]} == told and breaches(house, "kabag") == set(), answer


@test
def a_night_without_the_service(house):
    """From Wednesday the 7th at 20:00 to Thursday at 07:00; the service is away from 19:50 to 20:30. One comes when it is back and
    leaves too early, one comes in time, one is not seen; who works by day may leave until 20:00. Elsewhere nothing changes."""
    path = house.write("list.csv", "nip,day,shift\n" + "".join(f"{nip(who)},2026-01-07,MALAM\n{nip(who)},2026-01-08,LEPAS\n" for who in ("suster", "perawat", "bidan")))
    house.hadir("letter", "confirm", house.hadir("roster", path, "--unit", "RSUD", "--number", "TB/1", "--dated", "2026-01-05").stdout.split()[1])
    move(house, "07T20:35")
    comes(house, "suster", "07T20:31:00", OFFICE, "masuk", "late", "WFO")
    comes(house, "perawat", "07T19:40:00", OFFICE, "masuk", "on_time", "WFO")
    move(house, "08T07:30")
    comes(house, "suster", "08T06:30:00", OFFICE, "pulang", "early", "WFO")
    comes(house, "perawat", "08T07:05:00", OFFICE, "pulang", "on_time", "WFO")
    move(house, "08T09:30")
    before = {"suster": {"masuk": ("late", 31), "pulang": ("early", 30)}, "perawat": {"masuk": ("on_time", 0), "pulang": ("on_time", 0)},
              "bidan": {"masuk": ("missing", 0), "pulang": ("missing", 0)}}
    wait_until("the night is known", lambda: {who: states(house, "direktur", who, "07") for who in before} == before)
    nobody = {"pagi": ("missing", 0), "sore": ("missing", 0)}
    wait_until("so is the day", lambda: states(house, "direktur", "tata", "07") == states(house, "ketua", "t1", "07") == nobody)
    away = {"unit": "RSUD", "from": "2026-01-07T19:50:00+08:00", "to": "2026-01-07T20:30:00+08:00", "note": "jaringan putus"}
    status, answer = ask(house, "direktur", "POST", "/v1/outages", away)
    assert status == 201, answer
    decision = f"/v1/outages/{answer['outage']}/decision"
    assert ask(house, "direktur", "POST", decision, {"step": "approved"})[0] == 403, "not who asked"
    assert states(house, "direktur", "suster", "07") == before["suster"], "asked for is not decided"
    assert ask(house, "pusat", "POST", decision, {"step": "approved"})[0] == 200
    after = {who: {**kept, "masuk": ("on_time", 0)} for who, kept in before.items()}
    wait_until("it counts", lambda: {who: states(house, "direktur", who, "07") for who in before} == after)
    flags = {who: ["outage" in s["flags"] for s in sessions(house, "direktur", who, "07").values()] for who in before}
    assert flags == {"suster": [True, False], "perawat": [False, False], "bidan": [True, False]}, flags
    assert states(house, "direktur", "tata", "07") == {**nobody, "sore": ("on_time", 0)}, "ten minutes of it were his"
    assert states(house, "ketua", "t1", "07") == nobody, "another unit's"
    house.hadir("outage", "declare", "--unit", "RSUD", "--from", "2026-01-08T06:45:00+08:00", "--to", "2026-01-08T07:10:00+08:00", "--note", "listrik")
    wait_until("the morning, too", lambda: states(house, "direktur", "suster", "07") == before["perawat"])


def rules(house, day):
    """(kind, name, version) in the manifest of a closed day; the name of hours without their number."""
    with open(f"{house.dir}/export/CONTOH/2026-01-{day}/manifest.json") as f:
        return {(r["kind"], r["name"].split(" #")[0], r["version"]) for r in json.load(f)["rules"]}


@test
def a_closed_day_names_the_versions_of_its_rules(house):
    """Monday the 5th by the circular as it was, also in its next version; Thursday the 8th by its revision and by new hours of TIM;
    Friday the 9th a holiday."""
    house.hadir("import", "hours", house.write("new.csv", """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,valid_from,basis
1-5,pagi,Pagi,in,06:00,,08:00,08:01,12:00,TIM,2026-01-08,Peraturan Contoh 2
1-5,sore,Sore,out,12:00,,16:00,,20:00,TIM,2026-01-08,Peraturan Contoh 2
"""))
    move(house, "12T09:00")
    nights(house)
    shipped, first, second = ("working_hours", "Perpres 21/2023", "2025-01-01"), ("policy", "UJI/1", "2026-01-02.1"), ("policy", "UJI/1", "2026-01-02.2")
    new, holiday = ("working_hours", "Peraturan Contoh 2", "2026-01-08"), ("calendar", "REGIONAL Hari Jadi Contoh", "SK Contoh 1")
    told = {d: rules(house, d) for d in ("05", "08", "09")}
    every = {shipped, first, second, new, holiday}
    assert told["05"] & every == {shipped, first}, told["05"]
    assert told["08"] & every == {shipped, second, new}, told["08"]
    assert holiday in told["09"], told["09"]
    assert not os.path.exists(f"{house.dir}/export/CONTOH/2026-01-05.v2"), "a later revision is no matter of a closed day"
    assert decide(house, "ketua", get(house, "t1", "/v1/corrections")["corrections"][0]["correction"]) == (200, "approved")
    nights(house)
    assert rules(house, "05.v2") == told["05"], rules(house, "05.v2") ^ told["05"]
    house.hadir("reopen", "--government", "CONTOH", "--from", "2026-01-05", "--reason", "uji")
    assert decide(house, "ketua", correction(house, "t2")) == (200, "approved")
    nights(house)
    assert rules(house, "05.v3") & every == {shipped, second}, "who reopens a day wants the rules of now"


@test
def every_quota_is_told_before_the_head_confirms(house):
    """The team has three. One at home where all should be; two at the office where all should be; two at home where a third may be."""
    for day, measure, percent, people, told in (
            ("10", "min_wfh", 100, ("t1",), "1 of 3 people at home (WFH), at least 3 (UJI/min_wfh)"),
            ("11", "min_wfo", 100, ("t1",), "2 of 3 people at the office (WFO), at least 3 (UJI/min_wfo)"),
            ("12", "max_wfh", 34, ("t1", "t2"), "2 of 3 people at home (WFH), at most 1 (UJI/max_wfh)")):
        path = house.write("quota.conf", f"""[policy]
number = UJI/{measure}
dated = 2026-01-20
valid_from = 2026-02-{day}
valid_to = 2026-02-{day}
grants = letter
[day di rumah]
weekdays = Senin-Jumat
place = WFH
granted = ya
[quota uji]
measure = {measure}
percent = {percent}
rounding = down
""")
        assert "applied" in house.hadir("policy", "apply", path).stdout
        status, answer = ask(house, "ketua", "POST", "/v1/letters", {
            "unit": "TIM", "kind": "assignment", "number": f"900/{measure}", "dated": "2026-01-20", "title": "Bekerja dari rumah",
            "orders": [{"place": "WFH", "people": [{"nip": nip(who), "days": [f"2026-02-{day}"]} for who in people]}]})
        assert status == 201, answer
        status, answer = ask(house, "ketua", "POST", f"/v1/letters/{answer['letter']}/decision", {"step": "confirmed"})
        assert status == 409 and f"Unit TIM, 2026-02-{day}: {told}" in [b["text"] for b in answer["breaches"]], answer


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("seen", example=False) as house:
        load(house)
        house.start(clock="2026-01-05T06:30:00+08:00")
        house.token = {who: house.enroll(nip(who)) for who in PEOPLE}
        house.boss = {who: house.known(house.grant(nip(who), role, PEOPLE[who])) for who, role in (
            ("kabag", "supervisor"), ("ketua", "supervisor"), ("direktur", "supervisor"), ("wakil", "supervisor"), ("pusat", "bkpsdm"))}
        for token in house.token.values():
            house.known(token)
        code = test.main(house)
    raise SystemExit(code)
