"""What PostgreSQL pays for a check-in, and how fast it takes in what waited for it. The yardstick of both: the same rows, as they
were recorded, in plain batches of 2,500 into copies of the four tables that hold a check-in (same columns, indexes, constraints,
partitions; the same cluster, so the same durability; no row security): INSERT … SELECT unnest(…), one prepared statement a table,
a transaction a batch, one connection."""
import contextlib, os, threading, time
from bench import figure
from harness import wait_until
from pq import Connection
from town import Town, load

PEOPLE = 20000
BATCH = 2500  # rows, at most, as hadird sends them
CONNECTIONS = 100
SPOOLED = int(os.environ.get("HADIR_BENCH_SPOOLED", "500000"))  # fewer for a try
FILLING = 16  # connections
ARRAY = 100  # check-ins in a request, so that filling the spool does not take longer than draining it
PLAIN = min(SPOOLED, 100000)  # of these rows go in by the yardstick
ARRIVING = 100  # new check-ins a second meanwhile
TABLES = {"checkin": "c.id", "checkin_key": "t.checkin", "checkin_position": "t.checkin", "placement": "t.checkin"}
COPIES = """
create schema bench;
do $$
declare
  t text;
  p record;
begin
  foreach t in array array['checkin', 'placement'] loop
    execute format('create table bench.%1$I (like hadir.%1$I including all)', t);
  end loop;
  execute 'create table bench.checkin_key (like hadir.checkin_key including all) partition by range (claimed_at)';
  execute 'create table bench.checkin_position (like hadir.checkin_position including all) partition by range (received_at)';
  for p in select i.inhparent::regclass::text as parent, c.relname, pg_get_expr(c.relpartbound, c.oid) as bound
           from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent in ('hadir.checkin_key'::regclass, 'hadir.checkin_position'::regclass) loop
    execute format('create table bench.%1$I (like hadir.%1$I including all)', p.relname);
    execute format('alter table %s attach partition bench.%I %s', replace(p.parent, 'hadir.', 'bench.'), p.relname, p.bound);
  end loop;
end
$$;"""


class Plain:
    """The yardstick."""

    def __init__(self, town):
        self.town = town
        town.sql(COPIES)
        self.connect()

    def connect(self):
        self.db = Connection(f"host={self.town.dir}/pg user=postgres dbname=hadir")
        self.db.sql("set jit = off")
        self.reads = {}
        for table, key in TABLES.items():
            columns = [(n.decode(), t.decode()) for n, t in self.db.sql(
                f"select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'hadir.{table}'::regclass "
                "and attnum > 0 and not attisdropped order by attnum")]
            names = ", ".join(n for n, _ in columns)
            # unnest takes arrays of arrays apart: a column of arrays travels as text.
            given = ", ".join(f"${i}::{'text' if t.endswith('[]') else t}[]" for i, (_, t) in enumerate(columns, 1))
            taken = ", ".join(f"u.{n}::{t}" if t.endswith("[]") else f"u.{n}" for n, t in columns)
            self.db.prepare(table, f"insert into bench.{table} ({names}) select {taken} from unnest({given}) u ({names})")
            shown = ", ".join(f"array_agg(t.{n}{'::text' if t.endswith('[]') else ''} order by c.seq)::text" for n, t in columns)
            self.reads[table] = (f"select {shown} from hadir.checkin c join hadir.{table} t on {key} = {'t.id' if table == 'checkin' else 'c.id'} "
                                 "where c.seq > {} and c.seq <= {}")

    def batches(self, after, to):
        """The rows with these numbers, ready to be sent."""
        return [{table: self.db.sql(read.format(seq, min(seq + BATCH, to)))[0] for table, read in self.reads.items()}
                for seq in range(after, to, BATCH)]

    def insert(self, batches):
        """Seconds, and PostgreSQL's microseconds of CPU a row."""
        before, start = self.town.postgres.cpu_s(), time.monotonic()
        for batch in batches:
            self.db.sql("begin")
            for table, arrays in batch.items():
                self.db.execute(table, arrays)
            self.db.sql("commit")
        return time.monotonic() - start, self.town.postgres.cpu_s() - before

    def close(self):
        self.db.close()


def last_seq(town):
    return int(town.ask("select coalesce(max(last_seq), 0) from hadir.ingest_mark"))


@figure("db_cpu", unit="µs", goal="≤ 1.8")
def db_cpu(b):
    """All of PostgreSQL: the planner's and the nightly's sessions, WAL writer, checkpointer, vacuum, too."""
    with Town(b, people=PEOPLE) as town:
        town.load(mode="kept", connections=CONNECTIONS, count=5000, seconds=60)
        plain = Plain(town)
        for _ in range(b.pairs):
            before = last_seq(town)
            did = town.load(mode="kept", connections=CONNECTIONS)
            ours = did["postgres_s"] * 1e6 / did["accepted"]
            batches = plain.batches(before, last_seq(town))
            _, cpu_s = plain.insert(batches)
            rows = sum(batch["checkin"][0].count(b",") + 1 for batch in batches)
            b.note(f"{did['accepted'] / did['seconds']:.0f}/s acknowledged, all recorded {did['recorded_s']:.1f} s after the last answer; "
                   f"hadird {did['hadird_s'] * 1e6 / did['accepted']:.0f} µs a check-in")
            yield ours, cpu_s * 1e6 / rows
        plain.close()


@contextlib.contextmanager
def arriving(town):
    """New check-ins, for as long as the block lasts and some seconds."""
    done = threading.Event()

    def phones():
        while not done.is_set():
            load(town.port, f"{town.dir}/secret/tls.crt", town.devices, mode="kept", connections=8, rate=ARRIVING, seconds=5, seed=next(town.seeds))
    thread = threading.Thread(target=phones)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@figure("drain_rate", unit="/s", goal="≥ 0.5")
def drain_rate(b):
    with Town(b, people=PEOPLE) as town:
        plain = None
        for _ in range(b.pairs):
            town.recorded()
            before = last_seq(town)
            if plain is not None:
                plain.close()
            town.hang_up()
            town.stop_database("fast")
            filled = 0
            while filled < SPOOLED:  # some are told to come again
                filled += load(town.port, f"{town.dir}/secret/tls.crt", town.devices, mode="kept", connections=FILLING, array=ARRAY,
                               count=-(-(SPOOLED - filled) // ARRAY), seconds=600, seed=next(town.seeds))["accepted"]
            with town.postgres.inside():
                town.start_database()
            cpu_s, start = town.postgres.cpu_s(), time.monotonic()
            with arriving(town):
                wait_until("what waited is recorded", lambda: last_seq(town) >= before + filled, 900, 0.2)
                seconds, cpu_s = time.monotonic() - start, town.postgres.cpu_s() - cpu_s
            if plain is None:
                plain = Plain(town)
            else:
                plain.connect()
            batches = plain.batches(before, before + PLAIN)
            plain_s, plain_cpu_s = plain.insert(batches)
            b.note(f"drained in {seconds:.1f} s, PostgreSQL {cpu_s * 1e6 / filled:.0f} µs a check-in; plain {plain_cpu_s * 1e6 / PLAIN:.0f} µs")
            yield filled / seconds, PLAIN / plain_s
        plain.close()
