"""The fault engine: a house under load, faults one after the other, the oracle at the end.

  @fault("name")                registers def f(run, rng): causes one fault while load is on, brings the house back to
                                running (run.recovered()), returns a short dict of what it did
  Run(name, seed, **load)       a house with enrolled phones; `with` starts load, leaving it ends all
  run.go(names)                 these faults in this order, each under load; then run.finish(): the load ends, the oracle checks

Fault modules are faults_*.py of this folder; load_all() imports them. HADIR_SEED and --seed N replay a run. The options of
the load are those of phones.c (connections=16, array=20, …); load={"connections": 4} changes some."""
import glob, importlib, mmap, os, random, signal, struct, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e"), os.path.join(os.path.dirname(HERE), "rules")]
from harness import BUILD, House, wait_until  # noqa: E402
import oracle  # noqa: E402
from points import Points  # noqa: E402
from wallclock import WallClock  # noqa: E402

FAULTS = {}  # name -> function; .needs: None or a function that tells why it cannot be done here
NUMBERS = ("requests", "sent", "acknowledged", "again", "refused", "in_flight", "unknown", "connections", "failures", "busy")
LOAD = {"connections": 16, "array": 20, "fresh": 3, "duplicates": 5, "bad": 2, "leave": 50, "native": 70, "owntracks": 20, "whatsapp": 10}
HOURS = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,nip,valid_from,on_holidays
1-7,masuk,Masuk,in,00:00,,07:30,07:31,12:00,LUTRA,,2025-01-01,ya
1-7,pulang,Pulang,out,12:00,,16:00,,24:00,LUTRA,,2025-01-01,ya
"""
PEOPLE = 300  # enrolled, each on every channel


def fault(name, needs=None):
    """needs: a function that returns why the fault cannot be caused here, or nothing."""
    def register(f):
        assert name not in FAULTS, name
        f.needs, FAULTS[name] = needs, f
        return f
    return register


def load_all():
    for path in sorted(glob.glob(f"{HERE}/faults_*.py")):
        importlib.import_module(os.path.basename(path)[:-3])
    return FAULTS


def seed_of(argv=sys.argv):
    """--seed N, HADIR_SEED, or a new one."""
    if "--seed" in argv:
        return int(argv[argv.index("--seed") + 1])
    return int(os.environ.get("HADIR_SEED") or random.SystemRandom().randrange(2**31))


class Load:
    """One running phones, or queues."""

    def __init__(self, house, devices, ledger, seed, options, port=None, program="phones"):
        argv = [f"{BUILD}/tests/fault/{program}", "--seed", str(seed), "--port", str(port or house.port), "--ca", f"{house.dir}/secret/tls.crt",
                "--devices", devices, "--ledger", ledger]
        argv += ["--app-secret", house.app_secret] if program == "phones" else []
        for name, value in options.items():
            argv += [f"--{name}", str(value)]
        self.ledger, self.output = ledger, ""
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wait_until(f"{program} has its ledger", lambda: self.process.poll() is not None or (
            os.path.exists(f"{ledger}.numbers") and os.path.getsize(f"{ledger}.numbers") == 4096))
        self.check()
        with open(f"{ledger}.numbers", "rb") as f:
            self.page = mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ)

    def check(self):
        if self.process.poll() is not None and not self.output:
            self.output = self.process.stdout.read()
            assert self.process.returncode == 0, f"phones ended with {self.process.returncode}: {self.output[-1500:]}"

    def numbers(self):
        return dict(zip(NUMBERS, struct.unpack_from(f"={len(NUMBERS)}Q", self.page)))

    def acknowledged(self):
        """Answers of acknowledgement so far, first ones and repeated ones."""
        n = self.numbers()
        return n["acknowledged"] + n["again"]

    def wait_acknowledged(self, more=1, deadline_s=90):
        want = self.acknowledged() + more

        def there():
            self.check()
            return self.acknowledged() >= want
        wait_until(f"{more} more are acknowledged ({self.numbers()})", there, deadline_s)

    def wait_in_flight(self, deadline_s=60):
        wait_until("a request is in flight", lambda: self.check() or self.numbers()["in_flight"] > 0, deadline_s, 0.0005)

    def stop(self, deadline_s=240):
        """Nothing new; what is unknown goes again until it is known, but for what is left on purpose."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.output += self.process.communicate(timeout=deadline_s)[0]
        except subprocess.TimeoutExpired:
            raise AssertionError(f"phones still waits for answers: {self.numbers()}")
        assert self.process.returncode == 0, f"phones ended with {self.process.returncode}: {self.output[-1500:]}"

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(120)
        self.process.stdout.close()


class Run:
    """A house under load. seed: of everything random; counts: what happened, by name.
    set_aside: how often a fault may have made the ledger begin another spool file. points: the control page of points.c, clock:
    of wallclock.c. port: where phones connect (a proxy's), None: hadird's."""

    def __init__(self, name, seed=None, load=None, conf=None, port=None):
        self.seed = seed_of() if seed is None else seed
        self.rng = random.Random(self.seed)
        self.counts, self.done = {}, []
        self.set_aside, self.port = 0, port
        self.options = dict(LOAD, **(load or {}))
        self.ledgers, self.counters_complete = [], True
        print(f"# seed {self.seed}", flush=True)
        # a killed supervisor forgets a simulated clock
        self.house = House(f"fault-{name}", **dict({"simulated_clock": "no"}, **(conf or {})))
        try:
            self.points, self.clock = Points(self.house), WallClock(self.house)
            self.house.start()
            self.enroll()
        except BaseException:
            self.house.close()
            raise
        self.load = None

    def enroll(self):
        """Phones of the first people; sessions on every day of the week, that no day of a run is without."""
        h, chosen = self.house, self.house.people[:PEOPLE]
        self.people, self.units, self.unit = [p["nip"] for p in chosen], {p["nip"]: p["unit"] for p in chosen}, chosen[0]["unit"]
        h.hadir("import", "hours", h.write("hours.csv", HOURS))
        self.supervisor = h.grant(self.people[0])
        number = {nip: f"62800000{n + 1000}" for n, nip in enumerate(self.people)}
        path = h.write("phones.csv", "".join(f"{nip},{c},{number[nip] if c == 'whatsapp' else ''}\n" for nip in self.people
                                             for c in ("owntracks", "whatsapp", "native")))
        enrolled = [line.split(",") for line in h.hadir("enroll", "--csv", path).stdout.splitlines()[1:]]
        lines = [f"{c} {device} {number[nip] if c == 'whatsapp' else token}" for nip, c, device, token in enrolled]
        self.last = enrolled[-1][3]  # each is a transaction: who knows this one knows all
        self.devices = h.write("devices", "\n".join(lines) + "\n")
        h.known(self.last)

    def start_load(self, **more):
        """More phones (a ledger each); run.load is the newest."""
        ledger = f"{self.house.dir}/ledger.{len(self.ledgers)}"
        self.ledgers.append(ledger)
        self.load = Load(self.house, self.devices, ledger, self.rng.randrange(2**31), dict(self.options, **more), self.port)
        return self.load

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    # ---- helpers of faults ----
    def recovered(self, deadline_s=120):
        """The service answers, and goes on acknowledging."""
        wait_until("the service answers again", lambda: self.house.admin("/readyz")[0] == 200, deadline_s)
        self.load.wait_acknowledged(1, deadline_s)

    def recorded(self, deadline_s=600):
        """What was acknowledged before now is in the database: no file waits to be drained, and the live one's mark says so. The
        gauge spool_depth does not: it is of the live file alone, and 0 in a ledger that has just started."""
        house, now = self.house, self.house.now()
        wait_until("everything is recorded", lambda: not glob.glob(f"{house.dir}/spool/*.orphan.db") and house.value(
            f"select count(*) from hadir.ingest_mark where isfinite(complete_to) and complete_to > '{now}'") != "0", deadline_s, 0.5)

    def role(self, name):
        """pid of a role: ledger, planner, messenger, door or desk (one of them)."""
        found = [pid for pid, comm in self.house.children().items() if name in comm]
        return self.rng.choice(found) if found else None

    def restart_supervisor(self):
        """After its death."""
        self.counters_complete = False  # they died with it
        self.house.log_file.close()
        self.house.start(wait=False)
        self.house.wait_ready()

    # ---- the course ----
    def __enter__(self):
        self.start_load()
        try:
            self.load.wait_acknowledged(20)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *exc):
        if self.load is not None:
            self.load.kill()
        try:
            if exc[0] is not None:
                print(f"# seed {self.seed}, done: {self.done}\n{self.house.health()}\n{self.house.log()[-4000:]}", flush=True)
        finally:
            self.house.close()

    def cause(self, name):
        f = FAULTS[name]
        self.load.wait_acknowledged(1)
        self.load.wait_in_flight()
        outstanding = self.load.numbers()["in_flight"] > 0
        start = time.monotonic()
        said = f(self, random.Random(self.rng.randrange(2**31))) or {}
        self.count(name)
        self.count("outstanding", 1 if outstanding else 0)
        self.done.append(name)
        print(f"# {name} {said} ({time.monotonic() - start:.1f} s)", flush=True)

    def go(self, names):
        for name in names:
            self.cause(name)

    def balance(self):
        """The load pauses until every request has its answer; the counters are held against the ledgers."""
        self.load.process.send_signal(signal.SIGUSR1)
        wait_until("all is answered", lambda: self.load.check() or not (self.load.numbers()["in_flight"] or self.load.numbers()["unknown"]), 120)
        assert self.counters_complete, "a supervisor has died: its counters are gone"
        print(f"# {oracle.balance(self)}", flush=True)
        self.load.process.send_signal(signal.SIGUSR1)

    def finish(self, least=0):
        """Ends the load, waits until all is recorded, asks the oracle. Returns its figures. least: more than so many must
        have been acknowledged, and some of them again."""
        self.load.stop()
        self.recorded()
        self.house.wait_live(180)
        figures = oracle.check(self)
        print(f"# {self.load.output.strip()}\n# {figures} {self.counts}", flush=True)
        assert least == 0 or (figures["same_receipt_again"] > 0 and figures["acknowledged"] > least), figures
        return figures
