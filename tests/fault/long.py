#!/usr/bin/env python3
"""The long run: rounds of random faults under load until the minutes are over, each with a seed and a house of its own and the
oracle at its end. Totals are added to a state file, so that a run can be stopped and gone on with.

  HADIR_BUILD=DIR tests/fault/long.py [--minutes 10] [--seed N] [--state FILE] [--only a,b] [--faults 20]

--seed N: the first round's; the next ones' follow from it. A round that fails prints its seed and ends the run:
--seed THAT --rounds 1 replays it. --table prints the state as lines for RESULTS.md and does nothing else."""
import argparse, json, os, random, time
from fault import FAULTS, Run, load_all, seed_of


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--rounds", type=int, default=0)
    p.add_argument("--seed", type=int)
    p.add_argument("--state")
    p.add_argument("--only", default="")
    p.add_argument("--faults", type=int, default=20)
    p.add_argument("--table", action="store_true")
    return p.parse_args()


def read(path):
    if path and os.path.exists(path):
        with open(path) as f:
            return json.load(f)
    return {"rounds": 0, "seconds": 0, "totals": {}, "seeds": []}


def write(path, state):
    if path:
        with open(f"{path}.new", "w") as f:
            json.dump(state, f, indent=1)
        os.replace(f"{path}.new", path)


def table(state):
    print(f"| | total over {state['rounds']} rounds, {state['seconds'] / 3600:.1f} h |\n|---|---|")
    for name, n in sorted(state["totals"].items()):
        print(f"| {name} | {n:,} |")


def usable(only):
    load_all()
    names = [n for n in sorted(FAULTS) if not only or n in only.split(",")]
    for name in [n for n in names if FAULTS[n].needs and FAULTS[n].needs()]:
        print(f"SKIP {name}: {FAULTS[name].needs()}")
        names.remove(name)
    return names


def one_round(seed, names, faults, state):
    rng = random.Random(seed)
    with Run("long", seed=seed) as run:
        run.go([rng.choice(names) for _ in range(faults)])
        figures = run.finish()
    for name, n in [*figures.items(), *run.counts.items()]:
        state["totals"][name] = state["totals"].get(name, 0) + n


def main():
    args = parse()
    state = read(args.state)
    if args.table:
        return table(state)
    names, seeds = usable(args.only), random.Random(args.seed)
    seed = seed_of([]) if args.seed is None else args.seed
    started = time.monotonic()
    while True:
        begun = time.monotonic()
        one_round(seed, names, args.faults, state)
        state["rounds"] += 1
        state["seconds"] += time.monotonic() - begun
        state["seeds"] = (state["seeds"] + [seed])[-1000:]
        write(args.state, state)
        if state["rounds"] == args.rounds or time.monotonic() - started > args.minutes * 60:
            return table(state)
        seed = seeds.randrange(2**31)


if __name__ == "__main__":
    main()
