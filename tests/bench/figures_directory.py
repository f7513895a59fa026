"""How the plan reaches the doors: everybody's as a file, one person's change, and the file at hadird's start."""
import os, re, signal, statistics, time
from bench import figure
from harness import House, PGBIN, wait_until
from town import Town

VIEWS = ("person", "slot", "pattern", "token", "number", "fence", "business")


def written(house):
    """(kind, people, seconds until it was with the doors) of each file made so far."""
    found = re.findall(r"event=directory_written kind=(\w+) .*?people=(\d+).*?copy_ms=(\d+) write_ms=(\d+)", house.log())
    return [(kind, int(people), (int(copy) + int(write)) / 1000) for kind, people, copy, write in found]


def snapshot(house):
    """Seconds for everybody's file from the compiled plan. A planner that finds no file makes one."""
    os.unlink(f"{house.dir}/directory/directory.base")
    before = len(written(house))
    planner = next(pid for pid, name in house.children().items() if "planner" in name)
    os.kill(planner, signal.SIGKILL)
    wait_until("the file is written", lambda: len(written(house)) > before, 120)
    kind, people, took = written(house)[-1]
    assert kind == "base"
    return took


def copy_out(house):
    """Seconds for COPY of the same rows."""
    path = house.write("copy.sql", "".join(f"copy (select * from api.directory_{view}) to stdout;\n" for view in VIEWS))
    start = time.monotonic()
    house.as_user("sh", "-c", f"exec {PGBIN}/psql -X -q -h {house.dir}/pg -U hadir_planner -d hadir -f {path} >/dev/null")
    return time.monotonic() - start


def until_every_door(b, what, answers):
    """Notes how long after now the doors last answered by the old state; as many answers in a row as none of two doors misses."""
    start = last = time.monotonic()
    row = 0
    while row < 16:
        asked = time.monotonic()
        row = row + 1 if answers() else 0
        last = last if row else asked
        assert asked - start < 60, what
    b.note(f"{what}: every door answers by it after {last - start:.2f} s")


@figure("directory", unit="s", goal="≤ 3")
def directory(b):
    """Everybody's file from a compiled plan until the doors have it, beside COPY of the same rows by psql; then changes of one
    person on their way."""
    with Town(b, people=b.people) as house:
        yield from b.turns(lambda: snapshot(house), lambda: copy_out(house))
        size = os.stat(f"{house.dir}/directory/directory.base").st_size
        b.note(f"bytes mapped a person: {size / b.people:.0f} ({b.people} people with a phone each, {size} bytes)")
        nip, other = house.people[0]["nip"], house.people[1]["nip"]
        token = house.enroll(other)
        me = lambda t: house.request("GET", "/v1/me", headers={"Authorization": f"Bearer {t}"})
        until_every_door(b, "a phone enrolled", lambda: me(token)[0] == 200)
        house.hadir("revoke", other)
        until_every_door(b, "a phone revoked", lambda: me(token)[0] == 401)
        mine, old = house.enroll(nip), None
        until_every_door(b, "a second phone enrolled", lambda: me(mine)[0] == 200)
        old = me(mine)[2]
        house.sql(f"""
with w as (insert into hadir.working_hours (government, person, valid_from, weekdays)
  select government, id, date '2025-01-01', '{{1,2,3,4,5,6,7}}' from hadir.person where nip = '{nip}' returning id)
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select id, 'sendiri', 'Sendiri', 'in', '0:00', '0:00', '9:00', '9:01', '24:00' from w""")
        until_every_door(b, "one person's hours", lambda: me(mine)[2] != old)


def restart(house):
    """Seconds from exec until /readyz says 200 and until each of two doors surely answers check-ins, and hadird's CPU until then."""
    house.stop()
    before = house.hadird.cpu_s()
    with house.hadird.inside():
        start = time.monotonic()
        House.start(house, wait=False)
    house.hadird.counts(house.daemon.pid)
    wait_until("ready", lambda: house.admin("/readyz")[0] == 200, 60, 0.002)
    ready = time.monotonic() - start
    row = 0
    while row < 12:
        row = row + 1 if house.checkin(house.tokens[0])[0] == 200 else 0
        if row == 1:
            answered, cpu = time.monotonic() - start, house.hadird.cpu_s() - before
    return ready, answered, cpu


def restarts(b, people, database):
    with Town(b, people=people, start=False) as house:
        house.add_fences(10000)
        house.start()
        size = os.stat(f"{house.dir}/directory/directory.base").st_size
        b.note(f"{people} people, 10,000 fences of 4 to 500 corners: {size >> 20} MiB")
        if not database:
            house.stop()
            house.stop_database("fast")
            House.start(house, wait=False)
        measured = []
        for _ in range(b.pairs):
            measured.append(restart(house))
            yield measured[-1][0], None
        _, answered, cpu = (statistics.median(column) for column in zip(*measured))
        b.note(f"every door takes check-ins after {answered:.2f} s, which took {cpu:.2f} s of CPU in all processes")


@figure("start", unit="s", goal="≤ 1")
def start(b):
    """hadird from exec to ready with the directory of an earlier run."""
    yield from restarts(b, b.people, database=True)


@figure("start_without_database", unit="s", goal="≤ 1")
def start_without_database(b):
    yield from restarts(b, b.people, database=False)
