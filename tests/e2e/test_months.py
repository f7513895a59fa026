"""A month as BKPSDM closes it: the nights freeze its days, the console closes it, a phone that was dead comes late, the
difference is told with its cause, and the month is closed again with a reason."""
import csv, os, uuid
from harness import House, Tests, wait_until

test = Tests()
LAST = "2025-12-31"


def nights(house):
    """Runs nightly until nothing is due: it waits for the spool to say that it is complete to the closing."""
    def ask():
        done = house.hadir("nightly", check=False)
        return done.returncode == 0 and "waiting" not in done.stdout + done.stderr and done
    return wait_until("nightly has closed what is over", ask, 60).stdout


def state(house):
    lines = house.hadir("month", "state", "2025-12", "--government", "LUTRA", "--csv").stdout.splitlines()
    return {row["day"]: (row["state"], row["version"]) for row in csv.DictReader(lines)}


@test
def a_month_is_closed_and_closed_again(house):
    tokens = [house.known(house.enroll(p["nip"])) for p in house.people[:2]]
    house.set_clock(f"{LAST}T07:10:00+08:00")
    house.wait_live()
    for token in tokens:
        wait_until("the day is planned", lambda: house.checkin(token)[1].get("verdict") == "on_time", 30)
    early = {"id": str(uuid.uuid4()), "taken_at": f"{LAST}T16:05:00+08:00", "lat": -2.562, "lon": 120.314, "accuracy_m": 10}
    refused = house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False)
    assert refused.returncode != 0 and "is not over" in refused.stderr, refused.stderr
    house.set_clock("2026-01-01T05:00:00+08:00")
    house.wait_live()
    nights(house)
    assert state(house)[LAST] == ("frozen", "1"), state(house)[LAST]
    assert "version 1" in house.hadir("month", "close", "2025-12", "--government", "LUTRA").stdout
    again = house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False)
    assert again.returncode != 0 and "nothing differs" in again.stderr, again.stderr

    # A phone that was dead delivers yesterday afternoon's check-in, 13 hours old by its own clock.
    status, answer = house.post(tokens[0], dict(early, sent_at=house.now()))[:2]
    assert status == 200 and answer["verdict"] == "on_time", answer
    wait_until("the difference shows", lambda: state(house)[LAST] == ("pending", "1"), 30)
    nights(house)
    assert not os.path.exists(f"{house.dir}/export/LUTRA/{LAST}.v2"), "the nightly run leaves a closed month alone"
    rows = list(csv.DictReader(house.hadir("differences", LAST, "--government", "LUTRA", "--csv").stdout.splitlines()))
    assert [(r["nip"], r["session"]) for r in rows] == [(house.people[0]["nip"], "sore")], rows
    assert "checkin" in rows[0]["causes"], rows
    assert house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False).returncode != 0, "a reason is asked for"
    done = house.hadir("month", "close", "2025-12", "--government", "LUTRA", "--reason", "presensi tertunda diterima")
    assert "version 2" in done.stdout, done.stdout
    assert state(house)[LAST] == ("frozen", "2")
    nights(house)
    with open(f"{house.dir}/export/LUTRA/{LAST}.v2/perbedaan.csv", encoding="utf-8-sig") as f:
        difference = list(csv.DictReader(f))
    assert {(r["nip"], r["session_code"], r["state"], r["change"], r["why"]) for r in difference} == {
        (house.people[0]["nip"], "sore", "missing", "before", "checkin"),
        (house.people[0]["nip"], "sore", "on_time", "after", "checkin")}, difference


@test
def a_decree_after_the_fact_waits_until_the_day_is_reopened(house):
    path = house.write("late.csv", "day,kind,name,basis,government,dated\n"
                       f"{LAST},REGIONAL,Hari Jadi,SK 9,LUTRA,2025-12-20\n", 0o644)
    house.hadir("import", "calendar", path)
    house.wait_live()
    assert state(house)[LAST] == ("frozen", "2"), "a frozen day keeps its rules"
    house.hadir("reopen", "--government", "LUTRA", "--from", LAST, "--reason", "libur ditetapkan menyusul")
    wait_until("reopened, it differs", lambda: state(house)[LAST] == ("pending", "2"), 30)
    rows = list(csv.DictReader(house.hadir("differences", LAST, "--government", "LUTRA", "--csv").stdout.splitlines()))
    assert len(rows) > 600 and all("rules" in r["causes"] for r in rows), rows[:2]


if __name__ == "__main__":
    with House("months") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
