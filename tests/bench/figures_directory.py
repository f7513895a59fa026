"""How fast the plan reaches the doors: compiled, fetched and written; one person's change; everybody's."""
import re, time
from bench import figure
from harness import wait_until
from town import Town

def written(house):
    return re.findall(r"event=directory_written kind=(\w+) .*?people=(\d+).*?write_ms=(\d+)", house.log())


def until(b, what, ask, start):
    wait_until(what, ask, 300, 0.1)
    b.note(f"{what}: {time.monotonic() - start:.2f} s")


def note_files(b, house):
    for kind, people, ms in written(house):
        b.note(f"snapshot file: {kind}, {people} people, written in {ms} ms")


@figure("directory", unit="s", goal="≤ 3")
def directory(b):
    """From exec to a published plan, beside COPY of the same people's rows; then changes on their way, noted."""
    with Town(b, people=b.people, start=False, simulated_clock="yes") as house:
        token = house.tokens[0]
        start = time.monotonic()
        house.start()
        ours = time.monotonic() - start
        house.set_clock("2025-12-29T07:40:00+08:00")
        house.wait_live(180)
        start = time.monotonic()
        house.sql("\\copy (select * from api.directory_person) to /dev/null", user="hadir_planner")
        yield ours, time.monotonic() - start
        note_files(b, house)
        ask = lambda: house.checkin(token, lat=-2.9, lon=120.9)[1]
        wait_until("the plan is that of the new day", lambda: ask().get("verdict") not in (None, "pending"), 60)
        second = house.enroll(house.people[1]["nip"])
        start = time.monotonic()
        until(b, "a new token is known", lambda: house.checkin(second)[0] == 200, start)
        house.hadir("revoke", house.people[1]["nip"])
        start = time.monotonic()
        until(b, "a revoked token is refused", lambda: house.checkin(second)[0] == 401, start)
        wait_until("the spool is drained", lambda: house.health().get("spool_depth") == 0, 60)
        house.sql("update hadir.session set due = due + interval '30 minutes', on_time_until = on_time_until + interval '30 minutes' "
                  "where code in ('pagi', 'masuk')")
        start = time.monotonic()
        until(b, f"hours moved for all {b.people}: an answer by the new hours", lambda: ask()["verdict"] == "on_time", start)
        # The hardest there is: every person's own record. Seen by whoever a circular binds by category.
        house.sql("update hadir.person set category = case category when 'PNS' then 'PPPK' else 'PNS' end")
        start, before = time.monotonic(), len(written(house))
        until(b, f"every one of {b.people} in another category: published", lambda: len(written(house)) > before, start)
        note_files(b, house)
