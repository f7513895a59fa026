"""What the figures share: a hadird in service with people and phones, processes whose CPU is counted, the load generator.

  with Town(b, people=1000, channels=("native", "owntracks"), doors=2) as town:    a House (tests/e2e/harness.py) that runs
      did = town.load(mode="fresh", connections=64)        the generator's figures (load.c), with what CPU it cost beside:
      did["hadird_s"], did["postgres_s"]                   … including the ingest of what it sent

CPU is that of a whole family: hadird and its children, PostgreSQL and its backends; a control group counts it exactly and
with those that ended. Where none can be made it is summed over /proc (hundredths of a second)."""
import base64, contextlib, hashlib, itertools, json, math, os, random, re, signal, struct, subprocess, time
from bench import TOP  # noqa: F401  first: it lets the next be found
from harness import BUILD, House, PGBIN, wait_until

# Two sessions on every day of the week: whatever day it is, a check-in now has a verdict.
HOURS = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,nip,valid_from,on_holidays
1-7,masuk,Masuk,in,00:00,,07:30,07:31,12:00,LUTRA,,2025-01-01,ya
1-7,pulang,Pulang,out,12:00,,16:00,,24:00,LUTRA,,2025-01-01,ya
"""
# As a database server for so many has it; everything about durability is as it comes.
POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
TICKS = os.sysconf("SC_CLK_TCK")


def cgroup_root():
    """Where the second version's hierarchy is mounted; None: nowhere that we may write."""
    with open("/proc/mounts") as f:
        mounts = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
    return next((m for m in mounts if os.access(m, os.W_OK)), None)


def family(pid):
    """pid and all that descend from it."""
    found = [pid]
    for p in found:
        with contextlib.suppress(OSError), open(f"/proc/{p}/task/{p}/children") as f:
            found += [int(c) for c in f.read().split()]
    return found


def cpu_of(pid):
    """Seconds of CPU, user and system, with the children that were waited for."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as f:
        return sum(int(v) for v in f.read().rpartition(")")[2].split()[11:15]) / TICKS
    return 0


class Group:
    """Processes whose CPU is counted together: those started inside `with group.inside()`, and theirs."""
    numbers = itertools.count(1)

    def __init__(self):
        self.path = self.pid = None
        root = cgroup_root()
        if root is not None:
            with contextlib.suppress(OSError):
                path = f"{root}/hadir-bench-{os.getpid()}-{next(self.numbers)}"
                os.mkdir(path)
                self.path = path

    @contextlib.contextmanager
    def inside(self):
        """This process joins for as long as it starts others."""
        if self.path is None:
            yield
            return
        home = self._home()
        self._join(self.path)
        try:
            yield
        finally:
            self._join(home)

    @staticmethod
    def _home():
        with open("/proc/self/cgroup") as f:
            return cgroup_root() + next(line for line in f if line.startswith("0::"))[3:].strip().rstrip("/")

    @staticmethod
    def _join(path):
        with open(f"{path}/cgroup.procs", "w") as f:
            f.write("0")

    def counts(self, pid):
        """The eldest of the family, for where no control group can be made."""
        self.pid = pid

    def pids(self):
        if self.path is None:
            return family(self.pid)
        with open(f"{self.path}/cgroup.procs") as f:
            return [int(p) for p in f]

    def cpu_s(self):
        if self.path is None:
            return sum(cpu_of(p) for p in family(self.pid))
        with open(f"{self.path}/cpu.stat") as f:
            return int(f.readline().split()[1]) / 1e6  # usage_usec

    def close(self):
        """After its processes have ended."""
        with contextlib.suppress(AssertionError, OSError):
            wait_until("the group is empty", lambda: self.path is None or not open(f"{self.path}/cgroup.procs").read(), 10)
        with contextlib.suppress(OSError):
            os.rmdir(self.path or "")


def token_of(rng):
    """As hadir enroll makes them."""
    return "A" + base64.urlsafe_b64encode(rng.randbytes(16)).decode().rstrip("=")[1:]


class Town(House):
    """people: each with a phone on every one of `channels`, in town.devices as load wants them. Runs at once, by the real clock,
    when `start`. Further words: configuration. Limits on requests are off, as everything comes from one address."""

    def __init__(self, b, people=1000, channels=("native",), start=True, name="bench", **conf):
        self.b, self.session, self.seeds = b, None, itertools.count(b.seed)
        self.hadird, self.postgres = Group(), Group()
        settings = {"simulated_clock": "no", "connections_max": "100000", "handshakes_max": "100000", "idle_timeout_ms": "600000"}
        try:
            with self.postgres.inside():
                super().__init__(name, **{**settings, **{k: str(v) for k, v in conf.items()}})
                for key, value in POSTGRES.items():
                    self.sql(f"alter system set {key} = '{value}'")
                self.stop_database("fast")
                self.start_database()
            with open(f"{self.dir}/data/postmaster.pid") as f:
                self.postgres.counts(int(f.readline()))
            self.populate(people, channels)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    def populate(self, people, channels):
        """The example's people and as many more as wanted; a phone a channel for each, by tokens from the seed."""
        self.hadir("import", "hours", self.write("hours.csv", HOURS))
        self.sql(f"""
insert into hadir.person (government, nip, name, category)
  select g.id, to_char(date '1970-01-01' + (n % 9000)::int, 'YYYYMMDD') || '201001' || '1' || lpad((n / 9000 + 900)::text, 3, '0'),
         'Pegawai ukur ' || n, 'PNS' from hadir.government g, generate_series(1, {people - len(self.people)}) n;
insert into hadir.posting (person, unit, valid_from)
  select p.id, u.ids[1 + p.id % cardinality(u.ids)], date '2025-01-01'
  from hadir.person p, (select array_agg(id) as ids from hadir.unit where kind <> 'government') u where p.name like 'Pegawai ukur%';""")
        rng = random.Random(self.b.seed)
        rows = []
        for n in range(1, people + 1):
            rows += [(n, channel, token_of(rng)) for channel in channels]
        given = "".join(f"{n}\t{c}\t\\\\x{hashlib.sha256(token.encode()).hexdigest()}\n" for n, c, token in rows)
        ids = self.sql(f"""
create temporary table phone (n bigint, channel text, hash bytea);
copy phone from stdin;
{given}\\.
insert into hadir.device (government, person, channel, token_hash, enrolled_at)
  select p.government, p.id, f.channel, f.hash, now() - interval '1 day'
  from phone f join (select *, row_number() over (order by id) as n from hadir.person) p using (n);
select f.n, f.channel, d.id from phone f join hadir.device d on d.token_hash = f.hash;
analyze;""")
        id_of = {(int(n), c): id for n, c, id in ids}
        self.tokens = [token for _, _, token in rows]
        self.devices = self.write("devices", "".join(f"{c} {id_of[n, c]} {token}\n" for n, c, token in rows))

    def add_fences(self, count):
        """Shared offices of 4 to 500 corners all over the regency, bound to nobody; as daemon/geo/shape.h lays them out."""
        rng, lines = random.Random(self.b.seed), []
        for n in range(count):
            corners, lon, lat, r = rng.randint(4, 500), rng.uniform(119.9, 120.9), rng.uniform(-3, -2), 10 ** rng.uniform(-4, -2.3)
            turns = [2 * math.pi * k / corners for k in range(corners)]
            points = [(lon + r * math.cos(a), lat + r * math.sin(a)) for a in turns]
            xs, ys = zip(*points)
            shape = struct.pack(f"<BBHIII4d2I{2 * corners + 2}d", 1, 2, 0, 1, 1, corners + 1, min(xs), min(ys), max(xs), max(ys),
                                0, corners + 1 | 1 << 31, *itertools.chain(*points, points[0]))
            lines.append(f"{n}\t\\\\x{shape.hex()}\n")
        self.sql(f"""
create temporary table drawn (n int, shape bytea);
copy drawn from stdin;
{"".join(lines)}\\.
insert into hadir.fence (government, code, name, kind, shared)
  select g.id, 'ukur-' || n, 'Kantor ukur ' || n, 'office', true from drawn, hadir.government g;
insert into hadir.fence_version (fence, version, shape)
  select f.id, 1, d.shape from drawn d join hadir.fence f on f.code = 'ukur-' || d.n;
analyze;""")

    def start(self, **kw):
        with self.hadird.inside():
            super().start(wait=False, **kw)
        self.hadird.counts(self.daemon.pid)
        self.wait_ready(180)
        self.wait_live(180)

    def ask(self, query):
        """One value, by a session that stays: psql's own start would count as PostgreSQL's work."""
        if self.session is None:
            argv = ["runuser", "-u", self.user, "--"] if os.getuid() == 0 else []
            self.session = subprocess.Popen([*argv, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-h", f"{self.dir}/pg", "-U", "postgres",
                                             "-d", "hadir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"{query};\n")
        self.session.stdin.flush()
        return self.session.stdout.readline().strip()

    def hang_up(self):
        """Ends ask's session, if there is one: before the database is stopped."""
        if self.session is not None:
            self.session.stdin.close()
            self.session.wait(20)
            self.session.stdout.close()
            self.session = None

    def recorded(self):
        """Everything acknowledged before now is in the database."""
        now = self.now()
        wait_until("everything is recorded", lambda: self.ask(
            f"select count(*) from hadir.ingest_mark where isfinite(complete_to) and complete_to > '{now}'") != "0", 600)

    def load(self, **options):
        """What the generator said, of a load on this hadird; with hadird_s and postgres_s: CPU until everything was recorded, roles_s, recorded_s after the last answer."""
        options = {"seconds": self.b.seconds, "seed": next(self.seeds), **options}
        self.recorded()
        before = []
        did = load(self.port, f"{self.dir}/secret/tls.crt", self.devices,
                   begins=lambda: before.extend((self.hadird.cpu_s(), self.postgres.cpu_s(), self.roles_s())), **options)
        answered = time.monotonic()
        self.recorded()
        did["recorded_s"] = time.monotonic() - answered
        did["hadird_s"], did["postgres_s"] = self.hadird.cpu_s() - before[0], self.postgres.cpu_s() - before[1]
        did["roles_s"] = {role: s - before[2].get(role, 0) for role, s in self.roles_s().items()}
        return did

    def roles_s(self):
        """CPU of hadird's children by role, doors together; in hundredths of a second."""
        found = {}
        for pid, name in self.children().items():
            role = re.sub(r"^hadird[:-]? ?|[0-9]+$", "", name)
            found[role] = found.get(role, 0) + cpu_of(pid)
        return found

    def close(self):
        try:
            self.hang_up()
            super().close()
        finally:
            self.hadird.close()
            self.postgres.close()


def load(port, ca, devices, begins=None, **options):
    """Runs load.c: mode="fresh", connections=64, rate=500 (without: closed), constant=True … Its last line. ca None: no TLS.
    begins is called when all is prepared."""
    argv = [f"{BUILD}/tests/bench/load", "--port", str(port), "--devices", devices, "--wait", *(["--ca", ca] if ca else ["--plain"])]
    if "rate" not in options and "morning" not in options:
        argv.append("--closed")
    for name, value in options.items():
        argv += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as generator:
        assert generator.stdout.readline() == "ready\n", f"{' '.join(argv)}: ended with {generator.wait()}"
        if begins is not None:
            begins()
        try:
            said = generator.communicate("go\n", timeout=900)[0]
        except BaseException:
            generator.kill()
            raise
    assert generator.returncode == 0, said
    return json.loads(said.splitlines()[-1])


@contextlib.contextmanager
def peer(*argv, port, **kw):
    """A server that stands as a yardstick, until the block ends: its Group, once the port answers."""
    import socket

    def answers():
        assert process.poll() is None, f"{argv[0]} ended with {process.returncode}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
    group = Group()
    with group.inside():
        process = subprocess.Popen(argv, **kw)
    group.counts(process.pid)
    try:
        wait_until(f"{argv[0]} answers", answers, 60)
        yield group
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        group.close()
