"""How fast the plan reaches the doors at 200,000 people: compiled, fetched and written; one person's change; everybody's.

Usage: HADIR_BUILD=build-release python3 tests/bench/directory_live.py [PEOPLE]. Prints one line a figure, beside a plain
COPY of the same rows by psql in the same run. A benchmark, not a test: it judges nothing."""
import re, sys, time
sys.path.insert(0, __import__("os").path.join(__import__("os").path.dirname(__import__("os").path.abspath(__file__)), "..", "e2e"))
from harness import House, wait_until

PEOPLE = int(sys.argv[1]) if len(sys.argv) > 1 else 200000
MANY = f"""
insert into hadir.person (government, nip, name, category)
  select g.id, to_char(date '1970-01-01' + (n % 9000)::int, 'YYYYMMDD') || '201001' || '1' || lpad((n / 9000 + 900)::text, 3, '0'),
         'Pegawai ukur ' || n, 'PNS' from hadir.government g, generate_series(0, {PEOPLE} - 601) n;
insert into hadir.posting (person, unit, valid_from)
  select p.id, u.ids[1 + p.id % cardinality(u.ids)], date '2025-01-01'
  from hadir.person p, (select array_agg(id) as ids from hadir.unit where kind <> 'government') u where p.name like 'Pegawai ukur%';
analyze;
"""


def written(house):
    return re.findall(r"event=directory_written kind=(\w+) .*?people=(\d+).*?write_ms=(\d+)", house.log())


def until(what, ask, start):
    wait_until(what, ask, 300, 0.1)
    print(f"{what}\t{time.monotonic() - start:.2f} s", flush=True)


with House("bench") as house:
    nip = house.people[0]["nip"]
    token = house.enroll(nip)
    house.sql(MANY)
    start = time.monotonic()
    house.start(wait=False)
    house.wait_ready(180)
    print(f"start, compile and publish {PEOPLE} people\t{time.monotonic() - start:.2f} s")
    house.set_clock("2025-12-29T07:40:00+08:00")
    house.wait_live(180)
    for kind, people, ms in written(house):
        print(f"snapshot file: {kind}, {people} people, written in\t{ms} ms")
    start = time.monotonic()
    house.sql("\\copy (select * from api.directory_person) to /dev/null", user="hadir_planner")
    print(f"yardstick: COPY of the same people's rows\t{time.monotonic() - start:.2f} s")
    ask = lambda: house.checkin(token, lat=-2.9, lon=120.9)[1]
    me = lambda: house.request("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})[0]
    wait_until("the plan is that of the new day", lambda: ask().get("verdict") not in (None, "pending"), 60)
    second = house.enroll(house.people[1]["nip"])
    start = time.monotonic()
    until("a new token is known", lambda: house.checkin(second)[0] == 200, start)
    house.hadir("revoke", house.people[1]["nip"])
    start = time.monotonic()
    until("a revoked token is refused", lambda: house.checkin(second)[0] == 401, start)
    wait_until("the spool is drained", lambda: house.health().get("spool_depth") == 0, 60)
    house.sql("update hadir.session set due = due + interval '30 minutes', on_time_until = on_time_until + interval '30 minutes' "
              "where code = 'pagi'")
    start = time.monotonic()
    until(f"hours moved for all {PEOPLE}: an answer by the new hours", lambda: ask()["verdict"] == "on_time", start)
    # The hardest there is: every person's own record. Seen by whoever a circular binds by category.
    house.sql("update hadir.person set category = case category when 'PNS' then 'PPPK' else 'PNS' end")
    start, before = time.monotonic(), len(written(house))
    until(f"every one of {PEOPLE} in another category: published", lambda: len(written(house)) > before, start)
    for kind, people, ms in written(house):
        print(f"snapshot file: {kind}, {people} people, written in\t{ms} ms")
