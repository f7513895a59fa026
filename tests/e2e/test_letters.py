"""A letter from the console to the door: filed, confirmed, and the same place is another place class; shift lists from CSV; two
heads who confirm at once."""
import json, os, re, subprocess, threading
from harness import DAY, EXAMPLE, PGBIN, TOP, House, Tests, wait_until

test = Tests()
AWAY = {"lat": -2.9, "lon": 120.9}
WITHIN_S = 60


def load(house):
    house.hadir("government", "add", "LUTRA", "Kabupaten contoh", "--zone", "Asia/Makassar")
    for what, path in (("calendar", f"{TOP}/sql/reference/holidays.csv"), ("periods", f"{TOP}/sql/reference/periods.csv"),
                       ("hours", f"{TOP}/sql/reference/hours-perpres-21-2023.csv"),
                       ("units", f"{EXAMPLE}/units.csv"), ("people", f"{EXAMPLE}/people.csv"), ("fences", f"{EXAMPLE}/fences.geojson")):
        house.hadir("import", what, path)
    # elsewhere by letter, at most 30 % of a unit: two of the seven of SETDA-PEM
    house.hadir("policy", "apply", house.write("uji.conf", """[policy]
number = UJI/1
dated = 2025-01-01
valid_from = 2025-01-01
grants = letter
[day di tempat lain]
weekdays = Senin-Jumat
place = WFA
anywhere = ya
granted = ya
[quota paling banyak]
measure = max_elsewhere
percent = 30
"""))
    house.nips = [r[0] for r in house.sql("select p.nip from hadir.person p join hadir.posting o on o.person = p.id join hadir.unit u "
                                          "on u.id = o.unit where u.code = 'SETDA-PEM' order by p.nip")]


def letter(house, number, nips, day=DAY, place="WFA", kind="assignment"):
    return house.write(f"{number.replace('/', '-')}.json", json.dumps({
        "unit": "SETDA-PEM", "kind": kind, "number": number, "dated": DAY, "title": "Uji", "orders": [
            {"place": place, "people": [{"nip": n, "days": [day]} for n in nips]}]}))


def filed(house, *args):
    out = house.hadir("letter", "file", letter(house, *args)).stdout
    return out.split()[1], out


def refused(house, *args):
    done = house.hadir(*args, check=False)
    assert done.returncode == 1, (args, done.stdout, done.stderr)
    return done.stderr + done.stdout


def session(house, supervisor, nip):
    status, answer = house.presence(supervisor, "SETDA-PEM")
    assert status == 200, answer
    person = next(p for p in answer["people"] if p["nip"] == nip)
    return next(s for s in person["sessions"] if s["session"] == "pagi")


def place(house, supervisor, nip):
    return session(house, supervisor, nip)["place"]


@test
def a_letter_makes_elsewhere_a_place(house):
    nip = house.nips[1]
    token, supervisor = house.known(house.enroll(nip)), house.known(house.grant(house.nips[0], unit="SETDA-PEM"))
    status, answer = house.checkin(token, **AWAY)
    assert status == 200 and answer["place"] is None, answer
    wait_until("presence has the check-in", lambda: place(house, supervisor, nip) in (None, ""), WITHIN_S)
    id, out = filed(house, "800/1", [nip])
    assert "in force when confirmed" in out and "circular" not in out, out
    status, answer = house.checkin(token, **AWAY)
    assert answer["place"] is None, "a filed letter is no letter yet"
    assert "confirmed" in house.hadir("letter", "confirm", id).stdout
    wait_until("the door knows the letter", lambda: house.checkin(token, **AWAY)[1]["place"] == "WFA", WITHIN_S)
    house.doors_agree()
    # what came before the letter is judged by it, too
    wait_until("presence by the letter", lambda: place(house, supervisor, nip) == "WFA", WITHIN_S)
    listed = house.hadir("letter", "list", "--unit", "LUTRA", "--from", DAY, "--to", DAY, "--csv").stdout.splitlines()
    assert len(listed) == 2 and listed[1].split(",")[:5] == [id, "confirmed", "assignment", "800/1", DAY], listed
    listed = house.hadir("letter", "list", "--unit", "LUTRA", "--from", DAY, "--to", DAY).stdout.splitlines()
    assert re.search(r"\bconfirmed +assignment +800/1 +" + DAY, listed[1]), listed
    assert "revoked" in house.hadir("letter", "revoke", id, "--reason", "selesai").stdout
    wait_until("the door knows it is revoked", lambda: house.checkin(token, **AWAY)[1]["place"] is None, WITHIN_S)
    house.doors_agree()


@test
def a_letter_filed_late_binds_its_places(house):
    nip, point = house.nips[4], {"lat": -2.7, "lon": 120.5}
    token, supervisor = house.known(house.enroll(nip)), house.known(house.grant(house.nips[0], unit="SETDA-PEM"))
    fences = house.write("site.geojson", json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"code": "TAPAK", "name": "Tapak uji", "kind": "site", "unit": "DISKAN", "radius_m": 200},
         "geometry": {"type": "Point", "coordinates": [point["lon"], point["lat"]]}}]}))
    house.hadir("import", "fences", fences)
    status, answer = house.checkin(token, **point)
    assert status == 200 and answer["place"] is None and answer["relation"] == "outside", answer
    body = house.write("travel.json", json.dumps({"unit": "SETDA", "kind": "travel", "number": "090/1", "dated": DAY, "orders": [
        {"fences": ["TAPAK"], "people": [{"nip": nip, "from": DAY, "to": "2025-12-31"}]}]}))
    house.hadir("letter", "confirm", house.hadir("letter", "file", body).stdout.split()[1])
    wait_until("the check-in of before is placed in the letter's fence", lambda: session(house, supervisor, nip)["fence"] == "Tapak uji", WITHIN_S)
    assert session(house, supervisor, nip)["place"] == "DL", session(house, supervisor, nip)
    wait_until("the door binds it", lambda: house.checkin(token, **point)[1]["fence"] == "Tapak uji", WITHIN_S)
    house.doors_agree()
    assert house.checkin(token, **AWAY)[1]["place"] is None, "travel is to its places"


@test
def problems_are_told_with_their_place(house):
    said = refused(house, "letter", "file", letter(house, "800/2", ["123"], "2025-02-30", "RUMAH"))
    for part in ("orders[0].place", "orders[0].people[0].days[0]"):
        assert part in said, said
    assert "no JSON" in refused(house, "letter", "file", house.write("x.json", "{"))
    assert "there is no letter number 999999" in refused(house, "letter", "confirm", "999999")
    assert house.hadir("letter", "confirm", "x", check=False).returncode == 2
    assert house.hadir("letter", "revoke", "1", check=False).returncode == 2


@test
def a_roster_comes_as_csv(house):
    a, b = house.nips[2:4]
    house.sql("""insert into hadir.working_hours (government, valid_from, weekdays, shift)
                 select id, '2025-01-01', '{1,2,3,4,5,6,7}', 'malam' from hadir.government""")
    bad = house.write("bad.csv", f"nip,day,shift,place\n{a},2025-12-30,malam,\n{b},2025-13-30,,WFO\n123,2025-12-30,siang,\n{a},2025-12-30,,WFO\n")
    said = refused(house, "roster", bad, "--unit", "SETDA-PEM", "--number", "R/1", "--dated", DAY)
    for part in (f"{bad}:3: days[0]: ", f"{bad}:4: nip: ", f"{bad}:4: shift: ", f"{bad}:5: days[0]: "):
        assert part in said, (part, said)
    good = house.write("good.csv", f"# regu\nnip,day,shift,place\n{a},2025-12-30,malam,\n{b},2025-12-31,malam,\n{b},2025-12-30,,WFO\n")
    out = house.hadir("roster", good, "--unit", "SETDA-PEM", "--number", "R/1", "--dated", DAY).stdout
    house.hadir("letter", "confirm", out.split()[1])
    assert house.sql("select o.shift, o.place, count(*) from hadir.letter l join hadir.letter_order o on o.letter = l.id join "
                     "hadir.assignment a on a.orders = o.id where l.number = 'R/1' group by 1, 2, o.id order by o.id") == [
        ["malam", "WFO", "2"], ["", "WFO", "1"]]
    house.hadir("letter", "revoke", out.split()[1], "--reason", "uji")


@test
def a_breach_needs_a_reason(house):
    id, out = filed(house, "800/3", house.nips[:3])
    assert "Unit SETDA-PEM, 2025-12-29: 3 of 7 people elsewhere (WFH/WFA), at most 2 (UJI/1): Pegawai" in out, out
    said = refused(house, "letter", "confirm", id)
    assert "a reason must be given" in said and "3 of 7 people" in said, said
    asked = ("letter", "breaches", "--unit", "SETDA", "--from", DAY, "--to", DAY)
    assert "nothing goes beyond" in house.hadir(*asked).stdout
    house.hadir("letter", "confirm", id, "--reason", "banjir")
    assert "3 of 7 people" in house.hadir(*asked).stdout
    assert house.sql("select reason, jsonb_array_length(breaches) from hadir.decision where step = 'confirmed' order by id desc limit 1") == [
        ["banjir", "1"]]
    house.hadir("letter", "revoke", id, "--reason", "surut")


class Session:
    """A psql that stays, as the console's user."""

    def __init__(self, house):
        argv = ["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []
        self.p = subprocess.Popen([*argv, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-h", f"{house.dir}/pg", "-U", "hadir_admin", "-d",
                                   "hadir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, sql):
        self.say(sql)
        return self.p.stdout.readline().strip()

    def say(self, sql):
        self.p.stdin.write(sql + "\n")
        self.p.stdin.flush()

    def close(self):
        self.p.stdin.close()
        self.p.wait(120)
        self.p.stdout.close()


def confirm(id):
    return f"select api.letter_decide('{{\"letter\": {id}, \"step\": \"confirmed\"}}', '{DAY} 09:00+08');"


@test
def two_heads_at_once_do_not_pass_a_quota_together(house):
    # each sends one of the two that may go; a third letter takes another week's
    first, second = filed(house, "800/4", house.nips[:2])[0], filed(house, "800/5", house.nips[2:3])[0]
    other = filed(house, "800/6", house.nips[3:4], "2026-01-05")[0]
    a, b, c = Session(house), Session(house), Session(house)
    try:
        a.say("begin;")
        assert json.loads(a.ask(confirm(first)))["step"] == "confirmed"
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(json.loads(b.ask(confirm(second)))))
        waiting.start()
        wait_until("the second waits for the first", lambda: house.value(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted") == "1")
        assert json.loads(c.ask(confirm(other)))["step"] == "confirmed", "another week does not wait"
        assert not answers
        a.say("commit;")
        waiting.join(20)
        assert answers and answers[0]["error"]["code"] == "breaches", answers
        assert answers[0]["error"]["breaches"][0]["have"] == 3, answers
    finally:
        for s in (a, b, c):
            s.close()
    assert house.sql("select number, status from hadir.letter where number in ('800/4', '800/5', '800/6') order by 1") == [
        ["800/4", "confirmed"], ["800/5", "filed"], ["800/6", "confirmed"]]
    # and where the first is undone, the second passes
    house.hadir("letter", "revoke", first, "--reason", "uji")
    house.hadir("letter", "confirm", second)


if __name__ == "__main__":
    with House("letters", example=False) as house:
        load(house)
        house.start()
        code = test.main(house)
    raise SystemExit(code)
