"""The frame of the benchmarks: figures, each measured in turns with its yardstick, and the table of RESULTS.md.

  @figure("fresh_cpu", unit="µs", goal="≤ 1.20")
  def fresh_cpu(b):                      b: Bench. Gives pairs (ours, yardstick); None for a yardstick that there is none of
      with Town(b, people=1000) as town:
          yield from b.turns(lambda: ours(town), lambda: theirs(town))

`tests/bench/run NAME…` prints a line a figure, `name<TAB>ours<TAB>yardstick<TAB>ratio<TAB>unit`: medians over the pairs; ratio is
the median of the pairs' own ratios. Lines that begin with `# ` explain: what b.note() said, the settings. Figures are in
figures_*.py of this folder, by subject; what they share (a town under load, CPU, the generator) in town.py. A benchmark
judges nothing: the goals stand beside the figures. --save writes the figures measured, and what was noted, into RESULTS.md
between its two marker lines and leaves the rows of other figures and all prose as they are."""
import argparse, datetime, glob, importlib, os, re, resource, signal, statistics, subprocess, sys, traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, f"{TOP}/tests/e2e", f"{TOP}/tests/fault"]
RESULTS = f"{HERE}/RESULTS.md"
BEGIN, END = "<!-- figures: written by tests/bench/run --save -->", "<!-- end of figures -->"
HEAD = ["| figure | ours | yardstick | ratio | unit | goal | pairs | measured |", "|---|---:|---:|---:|---|---|---:|---|"]
FIGURES = {}  # name -> function; .unit, .goal


def figure(name, unit, goal="–"):
    def register(f):
        assert name not in FIGURES, name
        f.unit, f.goal, FIGURES[name] = unit, goal, f
        return f
    return register


def load_all():
    for path in sorted(glob.glob(f"{HERE}/figures_*.py")):
        importlib.import_module(os.path.basename(path)[:-3])
    return FIGURES


class Bench:
    """What a figure is given. seconds: how long one turn of one side is measured; people: of the large towns; rate, seed: of
    the load."""

    def __init__(self, pairs, seconds, people, seed):
        self.pairs, self.seconds, self.people, self.seed = pairs, seconds, people, seed
        self.notes = []

    def turns(self, ours, yardstick):
        """Pairs of what the two functions return; who begins changes from pair to pair."""
        for n in range(self.pairs):
            if n % 2 == 0:
                mine = ours()
                yield mine, yardstick()
            else:
                other = yardstick()
                yield ours(), other

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            print(f"# {text}", flush=True)


def shown(value):
    """Three digits that count; a whole number from 100 on."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def measure(name, b):
    """The figure's row, as texts."""
    f, b.notes = FIGURES[name], []
    pairs = list(f(b))
    assert pairs, f"{name} has measured nothing"
    ours = statistics.median(p[0] for p in pairs)
    both = [p for p in pairs if p[1]]
    yardstick = statistics.median(p[1] for p in both) if both else None
    ratio = statistics.median(p[0] / p[1] for p in both) if both else None
    if len(pairs) > 1:
        b.note(f"pairs: {' '.join(f'{shown(o)}/{shown(y)}' for o, y in pairs)}")
    print("\t".join((name, shown(ours), shown(yardstick), shown(ratio), f.unit)), flush=True)
    return [f"`{name}`", shown(ours), shown(yardstick), shown(ratio), f.unit, f.goal, str(len(pairs)), when()]


# ---- what was measured on what -----------------------------------------------------------------------------------------

def said(*argv):
    """The first line that a program says, or nothing when it is not there."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
    except FileNotFoundError:
        return None
    lines = (done.stdout + done.stderr).splitlines()
    return lines[0].strip() if lines else None


def machine():
    """One line a fact; no names of hosts, no paths."""
    with open("/proc/cpuinfo") as f:
        model = re.search("model name\\s*: (.*)", f.read())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    programs = (("/usr/lib/postgresql/15/bin/postgres", "--version"), ("openssl", "version"), ("nginx", "-v"), ("node", "--version"),
                ("cc", "--version"))
    yield f"{os.cpu_count()} cores of {model.group(1) if model else os.uname().machine}, {memory} GiB, Linux {os.uname().release}"
    yield "; ".join(f"{os.path.basename(argv[0])}: {said(*argv) or 'none'}" for argv in programs)


def when():
    """The day, and the commit where one is known; whether there is more than that, RESULTS.md apart."""
    commit = said("git", "-C", TOP, "rev-parse", "--short", "HEAD")
    if not commit or "fatal" in commit:
        return f"{datetime.date.today()}"
    more = said("git", "-C", TOP, "status", "--porcelain", "--", ".", ":!tests/bench/RESULTS.md")
    return f"{datetime.date.today()} {commit}" + ("-dirty" if more else "")


# ---- RESULTS.md --------------------------------------------------------------------------------------------------------

def read_results():
    """What stands before and after the markers; between them: the machine's lines, rows by name, notes by name."""
    with open(RESULTS) as f:
        before, rest = f.read().split(f"{BEGIN}\n")
    old, after = rest.split(f"{END}\n")
    here, rows, told, name = [], {}, {}, None
    for line in filter(None, old.splitlines()):
        row, about = re.match(r"\| `(\w+)`", line), re.match(r"`(\w+)`:", line)
        name = about.group(1) if about else name
        if row:
            rows[row.group(1)] = line
        elif name is not None:
            told.setdefault(name, []).append(line)
        elif line.startswith("* "):
            here.append(line[2:])
    return before, after, here, rows, told


def save(name, row, notes, command):
    """One machine, one table: rows that were measured on another, or with other versions, go."""
    before, after, here, rows, told = read_results()
    if here != list(machine()):
        rows, told = {}, {}
    rows[name] = "| " + " | ".join(row) + " |"
    told[name] = [f"`{name}`: `{command}`", *(f"* {text}" for text in notes)]
    order = [n for n in FIGURES if n in rows]
    lines = [*(f"* {line}" for line in machine()), "", *HEAD, *(rows[n] for n in order)]
    for n in order:
        lines += ["", told[n][0], "", *told[n][1:]] if len(told[n]) > 1 else ["", told[n][0]]
    with open(RESULTS, "w") as f:
        f.write("\n".join((before + BEGIN, *lines, END)) + "\n" + after)


def main():
    load_all()
    p = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__.split("\n", 1)[0])
    p.add_argument("names", nargs="*", metavar="NAME", help="all, when none is named")
    p.add_argument("--list", action="store_true", help="names, units and goals")
    p.add_argument("--pairs", type=int, default=5)
    p.add_argument("--seconds", type=int, default=10, help="that one turn of one side is measured (10)")
    p.add_argument("--people", type=int, default=200000, help="of the large towns (200000)")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--save", action="store_true", help="into tests/bench/RESULTS.md")
    o = p.parse_args()
    if o.list:
        for name, f in FIGURES.items():
            print(f"{name}\t{f.unit}\t{f.goal}")
        return 0
    unknown = [n for n in o.names if n not in FIGURES]
    if unknown:
        p.error(f"no figure is called {', '.join(unknown)}; there are: {' '.join(FIGURES)}")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started ends with it
    failed = []
    for line in (*machine(), when()):
        print(f"# {line}", flush=True)
    for name in o.names or FIGURES:
        b = Bench(o.pairs, o.seconds, o.people, o.seed)
        try:
            row = measure(name, b)
        except Exception:  # the others are still wanted
            traceback.print_exc()
            failed.append(name)
            continue
        if o.save:
            save(name, row, b.notes, f"tests/bench/run {name} --pairs {o.pairs} --seconds {o.seconds} --people {o.people}")
    if failed:
        print(f"# failed: {' '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    import bench  # the one that figures register with
    sys.exit(bench.main())
