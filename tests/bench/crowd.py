"""What benchmarks share: a house with many enrolled people, and the generator (load.c) as a process.

  with crowd(10000) as house:           a running hadird, the real clock, sessions all day long on every day of the week
      house.devices                     the generator's file, "CHANNEL DEVICE TOKEN" a line
      with Load(house, mode="fresh", rate=500, seconds=10) as load:
          load.go()                     begins; before it everything is prepared and costs nothing more
          figures = load.wait()         the generator's JSON
  load(house, **options)                the same in one

People, postings and devices are written by SQL as `hadir import` and `hadir enroll` write them, because a hundred thousand
enrolments are. They all belong to one office (SETDA), in whose fence load.c's points lie."""
import hashlib, json, os, secrets, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, *(os.path.join(os.path.dirname(HERE), d) for d in ("e2e", "fault"))]
from fault import HOURS  # noqa: E402
from harness import BUILD, House, wait_until  # noqa: E402,F401

UNIT = "SETDA"
PEOPLE = """
create temporary table crowd (n int, native text, owntracks text);
\\copy crowd from '{file}'
insert into hadir.person (government, nip, name, category)
  select g.id, to_char(date '1970-01-01' + n / 900, 'YYYYMMDD') || '2010011' || lpad((n % 900 + 1)::text, 3, '0'), 'Warga Contoh ' || n, 'PNS'
  from hadir.government g, crowd;
insert into hadir.posting (person, unit, valid_from)
  select p.id, u.id, date '2025-01-01' from hadir.person p, hadir.unit u where p.name like 'Warga Contoh %' and u.code = '{unit}';
insert into hadir.device (government, person, channel, token_hash, enrolled_at)
  select p.government, p.id, k.channel, decode(k.hash, 'hex'), now()
  from crowd c join hadir.person p on p.name = 'Warga Contoh ' || c.n,
       lateral (values ('native', c.native), ('owntracks', c.owntracks)) k (channel, hash);
analyze;
"""


def enroll_crowd(house, count):
    """So many people with a phone of each kind; sets house.devices and house.token, one of the people's."""
    tokens = [(secrets.token_hex(11), secrets.token_hex(11)) for _ in range(count)]
    hashed = house.write("crowd.tsv", "".join(f"{n}\t" + "\t".join(hashlib.sha256(t.encode()).hexdigest() for t in pair) + "\n"
                                              for n, pair in enumerate(tokens)))
    house.write("crowd.sql", PEOPLE.format(file=hashed, unit=UNIT))
    house.psql_file("hadir", f"{house.dir}/crowd.sql")
    rows = house.sql("select substr(p.name, 14)::int, d.channel, d.id from hadir.device d join hadir.person p on p.id = d.person "
                     "where p.name like 'Warga Contoh %' order by 2, 1")
    house.devices = house.write("devices", "".join(f"{c} {id} {tokens[int(n)][c == 'owntracks']}\n" for n, c, id in rows))
    house.token = tokens[-1][0]


def crowd(count, name="bench", doors=2, before=None, start=True, **conf):
    """A House, to be used with `with`. before(house): called before hadird starts. conf: hadird's."""
    house = House(name, **dict({"simulated_clock": "no", "doors": str(doors)}, **conf))
    try:
        house.hadir("import", "hours", house.write("hours.csv", HOURS))
        enroll_crowd(house, count)
        if before is not None:
            before(house)
        if start:
            house.start(wait=False)
            house.wait_ready(300)
            house.known(house.token, 300)
    except BaseException:
        house.close()
        raise
    return house


class Load:
    """One generator. Options are load.c's, with _ for -; True: a word alone. port, ca: of another peer than hadird."""

    def __init__(self, house, port=None, ca=None, devices=None, **options):
        options = {"connections": None, **options}
        argv = [f"{BUILD}/tests/bench/load", "--port", str(port or house.port), "--devices", devices or house.devices, "--wait"]
        argv += [] if options.get("plain") else ["--ca", ca or f"{house.dir}/secret/tls.crt"]
        for name, value in options.items():
            if value is not None and value is not False:
                argv += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        assert self.process.stdout.readline() == "ready\n", f"the generator did not begin: {' '.join(argv)}"

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def wait(self, deadline_s=300):
        said, _ = self.process.communicate(timeout=deadline_s)
        assert self.process.returncode == 0, said
        return json.loads(said.splitlines()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self.process.stdin.close()
        self.process.stdout.close()


def load(house, **options):
    with Load(house, **options) as generator:
        generator.go()
        return generator.wait()
