"""Benchmarks written in SQL, each in a house with an empty migrated database and no daemon: compiling plan_day, and deriving a
closed day, beside a plain INSERT … SELECT of as many rows in the same run. Every step's milliseconds are noted."""
import re
from bench import figure
from harness import House, PGBIN, TOP
from town import POSTGRES


def steps(b, name):
    """[(title, [milliseconds of each statement])] in the script's order."""
    with House("bench", example=False) as house:
        for key, value in POSTGRES.items():
            house.sql(f"alter system set {key} = '{value}'")
        house.stop_database("fast")
        house.start_database()
        path = house.write("bench.sql", open(f"{TOP}/tests/bench/{name}.sql").read())
        done = house.as_user(f"{PGBIN}/psql", "-X", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir", "-v",
                             f"people={b.people}", "-f", path, timeout=1800)
    found, last = [], ""
    for line in done.stdout.splitlines():
        time = re.match(r"Time: ([0-9.]+) ms", line)
        if line.startswith("# "):
            found.append((line[2:], []))
        elif time and found and last not in ("SET", "RESET"):
            found[-1][1].append(float(time.group(1)))
        last = line
    for title, times in found:
        b.note(f"{title}: {' '.join(f'{t:.1f}' for t in times)} ms")
    return found


@figure("plan", unit="ms")
def plan(b):
    times = dict(steps(b, "plan"))
    first, plain = times["first compilation: every person, the whole window"], times["plain INSERT … SELECT of as many plan_day rows, for comparison"]
    yield first[0], plain[0]


@figure("derive", unit="ms")
def derive(b):
    (_, day), (_, plain), (_, again), *_ = steps(b, "derive")
    yield day[0], plain[0]
    yield again[0], again[1]
