#!/usr/bin/env python3
"""The long run: rounds of random faults under load until the minutes are over, each with a seed and a house of its own and the
oracle at its end. Totals are added to a state file, so that a run can be stopped and gone on with.

  HADIR_BUILD=DIR tests/fault/long.py [--minutes 10] [--seed N] [--state FILE] [--only a,b] [--faults 20] [--rate 0]
  HADIR_BUILD=DIR tests/fault/long.py --soak 30 [--state FILE]      load without faults; resident memory of each role over time
  tests/fault/long.py --table --state FILE                          the totals as lines for RESULTS.md

--seed N: the first round's; the next ones' follow from it. A round that fails prints its seed and ends the run:
--seed THAT --rounds 1 replays it. --rate: check-ins a second; 0: as many as are answered, which is more than the database takes,
so that a round ends with waiting for it. Beside the totals of the counts (kills, database_crashes, power_cuts …) the table has
acknowledged, and lost, doubled and invented: a round in which the oracle finds one ends the run, and adds it."""
import argparse, json, os, random, re, time
from fault import FAULTS, Run, load_all, seed_of

LOAD = {"connections": 32, "array": 100}
FAULTY = {"lost": r"(\d+) acknowledged check-ins are not in the table", "doubled": r"twice: (\d+)", "invented": r"nobody sent (\d+)"}


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--rounds", type=int, default=0)
    p.add_argument("--seed", type=int)
    p.add_argument("--state")
    p.add_argument("--only", default="")
    p.add_argument("--faults", type=int, default=20)
    p.add_argument("--soak", type=float, default=0)
    p.add_argument("--rate", type=int, default=0)
    p.add_argument("--table", action="store_true")
    return p.parse_args()


def read(path):
    if path and os.path.exists(path):
        with open(path) as f:
            return json.load(f)
    return {"rounds": 0, "seconds": 0, "totals": dict.fromkeys(FAULTY, 0), "seeds": [], "soaks": []}


def write(path, state):
    if path:
        with open(f"{path}.new", "w") as f:
            json.dump(state, f, indent=1)
        os.replace(f"{path}.new", path)


def table(state):
    print(f"| in {state['rounds']} rounds, {state['seconds'] / 3600:.1f} h | |\n|---|---|")
    for name, n in sorted(state["totals"].items()):
        print(f"| {name} | {n:,} |")
    for soak in state["soaks"]:
        print(f"\nSoak of {soak['minutes']} min, {soak['acknowledged']:,} acknowledged:\n\n| role | MiB at the start | at the end | MiB an hour, "
              "second half |\n|---|---|---|---|")
        for role, (first, last, slope) in sorted(soak["roles"].items()):
            print(f"| {role} | {first:.1f} | {last:.1f} | {slope:+.2f} |")


def usable(only):
    load_all()
    names = [n for n in sorted(FAULTS) if not only or n in only.split(",")]
    for name in [n for n in names if FAULTS[n].needs and FAULTS[n].needs()]:
        print(f"SKIP {name}: {FAULTS[name].needs()}")
        names.remove(name)
    return names


def add(state, figures):
    for name, n in figures.items():
        state["totals"][name] = state["totals"].get(name, 0) + n


def one_round(seed, names, faults, rate, state):
    rng = random.Random(seed)
    with Run("long", seed=seed, load=dict(LOAD, rate=rate)) as run:
        try:
            run.go([rng.choice(names) for _ in range(faults)])
            add(state, run.finish())
        except AssertionError as e:
            for name, words in FAULTY.items():
                add(state, {name: int(n) for n in re.findall(words, str(e))})
            raise
        finally:
            add(state, run.counts)


# ---- memory ----

def resident(house):
    """role -> MiB; the supervisor's, and each child's by its name."""
    found = {}
    for pid, name in [(house.daemon.pid, "supervisor"), *house.children().items()]:
        with open(f"/proc/{pid}/statm") as f:
            found[name] = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return found


def slope(points):
    """MiB an hour by least squares; points: (seconds, MiB)."""
    n, sx, sy = len(points), sum(x for x, y in points), sum(y for x, y in points)
    sxx, sxy = sum(x * x for x, y in points), sum(x * y for x, y in points)
    return 3600 * (n * sxy - sx * sy) / (n * sxx - sx * sx) if n > 1 and n * sxx != sx * sx else 0.0


def soak(seed, minutes, rate, state):
    samples, start = {}, time.monotonic()
    with Run("soak", seed=seed, load=dict(LOAD, rate=rate or 150, connections=8, array=20)) as run:
        while time.monotonic() - start < minutes * 60:
            for role, mib in resident(run.house).items():
                samples.setdefault(role, []).append((time.monotonic() - start, mib))
            time.sleep(5)  # the interval of the samples
        figures = run.finish()
    add(state, figures)
    state["soaks"].append({"minutes": minutes, "seed": run.seed, "acknowledged": figures["acknowledged"], "roles": {
        role: (got[0][1], got[-1][1], slope(got[len(got) // 2:])) for role, got in samples.items()}})


def main():
    args = parse()
    state = read(args.state)
    if args.table:
        return table(state)
    names, seeds = usable(args.only), random.Random(args.seed)
    seed = seed_of([]) if args.seed is None else args.seed
    started, rounds = time.monotonic(), 0
    while True:
        begun = time.monotonic()
        try:
            soak(seed, args.soak, args.rate, state) if args.soak else one_round(seed, names, args.faults, args.rate, state)
        finally:
            state["rounds"] += 1
            state["seconds"] += time.monotonic() - begun
            state["seeds"] = (state["seeds"] + [seed])[-1000:]
            write(args.state, state)
        rounds += 1
        if args.soak or rounds == args.rounds or time.monotonic() - started > args.minutes * 60:
            return table(state)
        seed = seeds.randrange(2**31)


if __name__ == "__main__":
    main()
