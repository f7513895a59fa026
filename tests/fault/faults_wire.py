"""Wires and databases that fail: between phones and doors, between hadird and PostgreSQL, and PostgreSQL itself.

The database's own wire is a Unix socket or TCP: neither alters nor loses bytes silently, so on it only what such wires do is
done (late, in pieces, broken off). Altered bytes are for TLS: phones_* here, and test_wire.py for a database behind TLS."""
import os, random, shutil, signal, socket, struct, subprocess, time
from contextlib import contextmanager, suppress
from disk import alive
from fault import Load, fault
from harness import PGBIN, free_port, run as command, wait_until
from proxy import Proxy, before_database

LONG = lambda: None if os.environ.get("HADIR_LONG") == "1" else "takes minutes: HADIR_LONG=1 asks for it"
INGEST = {"user": "hadir_intake", "match": "api.ingest_rows("}


def recorded_to(run):
    """How many rows the spools' marks speak of."""
    return int(run.house.value("select coalesce(sum(last_seq), 0) from hadir.ingest_mark"))


def goes_on(run):
    """Phones are answered, and what they are answered for reaches the tables."""
    run.recovered()
    wait_until("the database is there", lambda: database_answers(run.house), 120)
    before = recorded_to(run)
    run.load.wait_acknowledged(1)
    wait_until("check-ins reach the tables again", lambda: recorded_to(run) > before, 600)


def database_answers(house):
    return command(f"{PGBIN}/psql", "-X", "-q", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "hadir", "-c", "select 1", check=False,
                   user=house.user).returncode == 0


def end_sessions(house, how="terminate", users="hadir_%"):
    """Every connection of hadird ends (or what it asks is cancelled). How many."""
    return int(house.value(f"select count(pg_{how}_backend(pid)) from pg_stat_activity where usename like '{users}'", database="postgres"))


# ---- between phones and doors ----

DAMAGES = {"delay": {"ms": 300}, "drop": {}, "duplicate": {}, "corrupt": {}, "trickle": {"piece": 3, "ms": 1}, "half_close": {}, "reset": {}}


def phones_wire(do, more):
    def phones(run, rng):
        with Proxy(f"tcp:127.0.0.1:{(port := free_port())}", f"tcp:127.0.0.1:{run.house.port}", seed=rng.randrange(2**31)) as p:
            said, times = {}, rng.randrange(1, 4) if do == "drop" else rng.randrange(5, 20)  # after a drop both sides wait for long
            ledger = f"{run.house.dir}/ledger.{len(run.ledgers)}"
            run.ledgers.append(ledger)
            rule = p.rule(do, times=times, way=rng.choice(["up", "down", "both"]), chance=0.2, after=rng.randrange(4000), **more)
            load = Load(run.house, run.devices, ledger, rng.randrange(2**31), dict(run.options, connections=4, array=5), port)  # three bytes a ms
            try:
                wait_until(f"{do} happened", lambda: load.check() or p.fired(rule) == times, 90)
                load.wait_acknowledged(5)
                load.stop()
                said = {"times": times, "failures": load.numbers()["failures"]}
            finally:
                load.kill()
        return said
    phones.__doc__ = f"Phones behind a wire that does {do}."
    return phones


for _do, _more in DAMAGES.items():
    fault(f"phones_{_do}")(phones_wire(_do, _more))


# ---- between hadird and PostgreSQL ----

def database_wire(do, more):
    def wire(run, rng):
        times = rng.randrange(1, 4)
        with before_database(run.house, rng.randrange(2**31)) as p:
            end_sessions(run.house)
            rule = p.rule(do, times=times, **more(rng))
            wait_until(f"{do} happened", lambda: run.load.check() or p.fired(rule) == times, 120)
            p.clear()
            goes_on(run)
        goes_on(run)
        run.count("replies_lost_after_commit" if do == "lose_reply" else "database_connections_cut", times)
        return {"times": times}
    wire.__doc__ = f"The database's wire does {do}."
    return wire


for _do, _rules in {
        "lose_request": lambda rng: INGEST, "cut": lambda rng: INGEST, "lose_reply": lambda rng: INGEST,
        "late_reply": lambda rng: dict(INGEST, ms=rng.randrange(100, 2000)),
        "reset": lambda rng: {"way": rng.choice(["up", "down"]), "after": rng.randrange(20000)},
        "trickle": lambda rng: {"piece": rng.randrange(200, 2000), "ms": 1, "user": "hadir_intake"},
        "half_close": lambda rng: {"way": rng.choice(["up", "down"]), "after": rng.randrange(20000)}}.items():
    fault(f"database_{_do}")(database_wire(_do, _rules))


@fault("database_hole", needs=LONG)
def database_hole(run, rng):
    """Nobody is told that the wire is gone: hadird's own deadline must end it."""
    with before_database(run.house, rng.randrange(2**31)) as p:
        end_sessions(run.house)
        rule = p.rule("hole", way="down", user="hadir_intake", after=2000)
        wait_until("the wire is gone", lambda: run.load.check() or p.fired(rule) == 1, 120)
        goes_on(run)
    goes_on(run)


# ---- PostgreSQL ----

def stop_database(run, mode):
    run.house.stop_database(mode)
    run.count("database_crashes" if mode == "immediate" else "database_restarts")


@fault("database_stop")
def database_stop(run, rng):
    stop_database(run, "immediate")
    run.load.wait_acknowledged(rng.randrange(1, 100))
    run.house.start_database()
    goes_on(run)


@fault("database_restart")
def database_restart(run, rng):
    stop_database(run, "fast")
    run.house.start_database()
    goes_on(run)


@fault("database_backend_killed")
def database_backend_killed(run, rng):
    """PostgreSQL ends all sessions and recovers from its log."""
    pids = run.house.sql("select pid from pg_stat_activity where usename = 'hadir_intake'", database="postgres")
    if not pids:
        return {"nobody": True}
    with suppress(ProcessLookupError):  # it may have ended meanwhile
        os.kill(int(rng.choice(pids)[0]), signal.SIGKILL)
        run.count("database_crashes")
    goes_on(run)


def processes(house):
    with open(f"{house.dir}/data/postmaster.pid") as f:
        postmaster = int(f.readline())
    with open(f"/proc/{postmaster}/task/{postmaster}/children") as f:
        return postmaster, [int(p) for p in f.read().split()]


@fault("database_killed")
def database_killed(run, rng):
    """kill -9 of the postmaster: its children leave when they notice; until then no other one starts."""
    postmaster, children = processes(run.house)
    os.kill(postmaster, signal.SIGKILL)
    run.count("database_crashes")
    wait_until("its children left", lambda: not any(alive(p) for p in children), 120)
    run.load.wait_acknowledged(rng.randrange(1, 50))
    run.house.start_database()
    goes_on(run)


def hang(run, seconds):
    postmaster, children = processes(run.house)
    stopped = []
    try:
        for pid in [postmaster, *children]:
            with suppress(ProcessLookupError):  # one of the children ends now and then
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            run.load.wait_acknowledged(1)
            time.sleep(0.2)
    finally:
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    goes_on(run)
    return {"seconds": seconds}


@fault("database_hang")
def database_hang(run, rng):
    return hang(run, rng.choice([0.5, 1, 2, 4]))


@fault("database_hang_long", needs=LONG)
def database_hang_long(run, rng):
    """Over the server's timeouts (30 s), or over hadird's own deadline (120 s)."""
    return hang(run, rng.choice([35, 130]))


# ---- sessions ----

def open_session(path, user):
    """A connection with only as much of the protocol as it takes to hold a place: the socket, or None."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    try:
        s.connect(path)
        body = struct.pack("!I", 196608) + b"".join(w.encode() + b"\0" for w in ("user", user, "database", "hadir")) + b"\0"
        s.sendall(struct.pack("!I", len(body) + 4) + body)
        got = b""
        while (kind := ended(got)) == b"?" and (more := s.recv(65536)):
            got += more
        if kind == b"Z":
            return s
    except OSError:
        pass
    s.close()
    return None


def ended(got):
    """The kind of the last whole message that decides: Z ready, E refused; "?" while neither came."""
    while len(got) >= 5 and len(got) > (size := struct.unpack_from("!I", got, 1)[0]):
        if got[:1] in (b"Z", b"E"):
            return got[:1]
        got = got[size + 1:]
    return b"?"


@fault("connections_exhausted")
def connections_exhausted(run, rng):
    path, held = f"{run.house.dir}/pg/.s.PGSQL.5432", []
    try:
        def grab():
            while (s := open_session(path, "hadir_query")) is not None:
                held.append(s)
        grab()
        for _ in range(5):  # every place that hadird leaves is taken before it comes back
            end_sessions(run.house, users="hadir_intake")
            grab()
        run.load.wait_acknowledged(50)
        places = len(held)
    finally:
        for s in held:
            s.close()
    goes_on(run)
    return {"places": places}


@fault("connection_storm")
def connection_storm(run, rng):
    path = f"{run.house.dir}/pg/.s.PGSQL.5432"
    tried = 0
    for _ in range(rng.randrange(3, 8)):
        held = []
        for n in range(60):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            try:
                s.connect(path)
                held.append(s)
            except OSError:
                s.close()
            tried += 1
        end_sessions_if_possible(run.house)
        for s in held:
            s.close()
    goes_on(run)
    return {"tried": tried}


def end_sessions_if_possible(house):
    command(f"{PGBIN}/psql", "-X", "-q", "-h", f"{house.dir}/pg", "-U", "postgres", "-d", "postgres", "-c",
            "select pg_terminate_backend(pid) from pg_stat_activity where usename like 'hadir_%'", check=False, user=house.user)


@fault("sessions_ended")
def sessions_ended(run, rng):
    """pg_terminate_backend in the middle of batches."""
    ended = 0
    for _ in range(rng.randrange(2, 6)):
        busy = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'hadir_intake' and state = 'active'"
        for _ in range(50):
            if run.house.sql(busy, database="postgres"):
                ended += 1
                break
    end_sessions(run.house)
    goes_on(run)
    return {"in_the_middle": ended}


@fault("statements_cancelled")
def statements_cancelled(run, rng):
    """What statement_timeout does, whenever it likes."""
    poison = run.house.metric("hadir_ingest_poison_total")
    cancelled = sum(end_sessions(run.house, "cancel", "hadir_intake") for _ in range(rng.randrange(5, 20)))
    goes_on(run)
    assert run.house.metric("hadir_ingest_poison_total") == poison, "the database's trouble was taken for a row's"
    return {"cancelled": cancelled}


# ---- refusals inside api.ingest ----

TROUBLES = ("40001", "40P01", "57014", "55P03", "53100", "53200", "25006", "58030", "XX001")  # the database's, not a row's


@contextmanager
def trigger(house, sqlstate, share):
    house.sql(f"""create function hadir.trouble() returns trigger language plpgsql as $$ begin
                    if random() < {share} then raise exception 'made for a test' using errcode = '{sqlstate}'; end if; return null; end $$;
                  grant execute on function hadir.trouble() to public;
                  create trigger trouble after insert on hadir.checkin for each statement execute function hadir.trouble()""")
    try:
        yield
    finally:
        house.sql("drop trigger trouble on hadir.checkin; drop function hadir.trouble()")


@fault("ingest_refused")
def ingest_refused(run, rng):
    """Serialization failure, deadlock, statement_timeout, … raised in api.ingest after the rows were put in."""
    sqlstate, poison = rng.choice(TROUBLES), run.house.metric("hadir_ingest_poison_total")
    with trigger(run.house, sqlstate, 0.7):
        wait_until("batches were put off", lambda: f"event=ingest_put_off what=rows sqlstate={sqlstate}" in run.house.log(), 60)
        run.load.wait_acknowledged(20)
    goes_on(run)
    assert run.house.metric("hadir_ingest_poison_total") == poison, "the database's trouble was taken for a row's"
    return {"sqlstate": sqlstate}


@fault("ingest_deadlock")
def ingest_deadlock(run, rng):
    """A real one: PostgreSQL ends one of the two."""
    done = command(f"{PGBIN}/psql", "-X", "-q", "-h", f"{run.house.dir}/pg", "-U", "postgres", "-d", "hadir", check=False,
                   user=run.house.user, input="begin; lock table hadir.ingest_mark in exclusive mode; select pg_sleep(0.3);"
                   "lock table hadir.checkin in exclusive mode; commit;")
    goes_on(run)
    return {"ended": "ours" if "deadlock detected" in done.stderr else "hadird's or nobody's"}


@fault("database_read_only")
def database_read_only(run, rng):
    run.house.sql("alter database hadir set default_transaction_read_only = on", database="postgres")
    try:
        end_sessions(run.house)
        run.load.wait_acknowledged(50)
    finally:
        run.house.sql("alter database hadir set default_transaction_read_only = off", database="postgres")
    end_sessions(run.house)
    goes_on(run)


# ---- an older state ----

def sync(folder):
    """The copy is on the disk, also on one that may lose its power later."""
    for path, _, names in os.walk(folder):
        for name in [path] + [f"{path}/{n}" for n in names]:
            if not os.path.islink(name):
                fd = os.open(name, os.O_RDONLY)
                os.fsync(fd)
                os.close(fd)


def older_state(run, rng, down):
    house, data = run.house, os.path.realpath(f"{run.house.dir}/data")  # on a disk of faults_disk.py, perhaps
    kept = f"{data}.before"
    house.stop_database("fast")
    command("cp", "-a", data, kept)
    sync(kept)
    house.start_database()
    goes_on(run)
    run.load.wait_acknowledged(rng.randrange(20, 200))
    goes_on(run)
    before = recorded_to(run)
    if down:
        run.counters_complete = False
        house.stop()
    stop_database(run, "immediate")
    shutil.rmtree(data)
    os.rename(kept, data)
    house.start_database()
    lost = before - recorded_to(run)
    if down:
        house.start(wait=False)
        house.wait_ready()
    goes_on(run)
    wait_until("what the old state lacked is there again", lambda: recorded_to(run) >= before, 600)
    return {"rows_lost": lost}


@fault("database_restored")
def database_restored(run, rng):
    """A base copy of before is put back while hadird runs."""
    return older_state(run, rng, False)


@fault("database_restored_while_down")
def database_restored_while_down(run, rng):
    return older_state(run, rng, True)
