"""Disks that fill up, go read-only, fail a sync, forget what was not synced, and files that rot.

The first of these faults moves spool, directory and cluster of the run's house onto powerfs (disk.py), in a restart; from then
on they lie there."""
import contextlib, http.client, math, os, signal, time
import disk
from fault import fault
from harness import wait_until


def on(run):
    """The run's PowerDisk; moves the house onto one."""
    if not hasattr(run, "disk"):
        run.counters_complete = False
        run.house.stop()
        run.house.stop_database("fast")
        run.disk = disk.move_onto(run.house)
        start(run)
        run.recovered()
    return run.disk


def start(run):
    run.house.start_database()
    run.house.start(wait=False)
    run.house.wait_ready()


def database_log(run):
    with open(f"{run.house.dir}/pg.log", errors="replace") as f:
        return f.read()


def database_back(run):
    """It answers. It may be dying still, be recovering, or be down for good."""
    def there():
        log = database_log(run)
        if log.rfind("PANIC:") > log.rfind("ready to accept") and disk.postmaster(run.house):
            return False
        with contextlib.suppress(AssertionError):
            run.house.start_database()
            return run.house.value("select 1")
    wait_until("the database answers", there, 120, 0.5)


def said(house, event, before):
    return f"event={event}" in house.log()[before:]


@fault("power_cut", needs=disk.missing)
def power_cut(run, rng):
    d = on(run)
    run.counters_complete = False
    run.load.wait_in_flight()
    done = disk.cut_power(run.house, d, rng)
    start(run)
    run.recovered()
    run.count("power_cuts")
    return done


@fault("spool_disk_full", needs=disk.missing)
def spool_disk_full(run, rng):
    d, how = on(run), rng.choice([1, 2])  # the file cannot grow; the folder says so beforehand
    before = len(run.house.log())
    d.tell(f"nospace {how} /spool")
    try:
        wait_until("the spool is full", lambda: said(run.house, "spool_full", before), 90)
        assert run.house.admin("/readyz")[0] != 0 and run.role("ledger"), "a full disk is nothing to die of"
    finally:
        d.tell("nospace 0")
    run.recovered()
    assert "event=spool_failed" not in run.house.log()[before:]
    return {"how": how}


def database_meets(run, what, words):
    """The disk of the database is so until its log says that it has met it and more check-ins were taken."""
    d = on(run)
    before, then = d.state()["failed"], len(database_log(run))
    d.tell(f"{what} 1 /data")
    try:
        wait_until("the database met it", lambda: words in database_log(run)[then:] or run.load.check(), 90)
        run.load.wait_acknowledged(20)
    finally:
        d.tell(f"{what} 0")
    database_back(run)
    run.recovered()
    return {"failed": d.state()["failed"] - before}


@fault("database_disk_full", needs=disk.missing)
def database_disk_full(run, rng):
    return database_meets(run, "nospace", "No space left")


@fault("spool_disk_read_only", needs=disk.missing)
def spool_disk_read_only(run, rng):
    d = on(run)
    before = len(run.house.log())
    d.tell("readonly 1 /spool")
    try:
        wait_until("the ledger gave up", lambda: said(run.house, "spool_failed", before), 90)
        wait_until("and says why it cannot start", lambda: said(run.house, "spool_not_started", before), 90)
    finally:
        d.tell("readonly 0")
    run.recovered()
    run.set_aside += 1
    return {}


@fault("database_disk_read_only", needs=disk.missing)
def database_disk_read_only(run, rng):
    return database_meets(run, "readonly", "Read-only")


@fault("spool_sync_fails_once", needs=disk.missing)
def spool_sync_fails_once(run, rng):
    """A failed fsync, write or read of the spool: the ledger dies without another answer, the next one starts anew."""
    d, what = on(run), rng.choice(["failsync 1", "failwrite 1"])
    before, told = len(run.house.log()), -math.inf
    run.set_aside += 1

    def gave_up():
        """A write over a page's end may reach powerfs in two pieces: when the second is refused, SQLite hears of a short write and
        writes the rest, rightly. Hence told again."""
        nonlocal told
        if said(run.house, "spool_failed", before):
            return True
        if time.monotonic() - told > 5:
            d.tell(f"{what} /spool.db")
            told = time.monotonic()
    wait_until("the ledger gave up", gave_up, 90)
    wait_until("its file is set aside", lambda: said(run.house, "spool_set_aside", before), 90)
    run.recovered()
    wait_until("and drained", lambda: said(run.house, "spool_orphan_drained", before), 600)
    if rng.random() < 0.5:  # what the failed sync lost is lost now
        run.counters_complete = False
        disk.cut_power(run.house, d, rng)
        start(run)
        run.recovered()
        run.count("power_cuts")
    return {"what": what}


@fault("database_sync_fails_once", needs=disk.missing)
def database_sync_fails_once(run, rng):
    d = on(run)
    then = len(database_log(run))
    d.tell("failsync 1 /data/pg_wal")
    wait_until("the database met it", lambda: "PANIC:" in database_log(run)[then:], 90)
    run.load.wait_acknowledged(20)
    if rng.random() < 0.5:
        run.counters_complete = False
        disk.cut_power(run.house, d, rng)
        start(run)
        run.count("power_cuts")
    database_back(run)
    run.recovered()
    return {}


def rot(rng, path):
    """Some damage to a file. What was done."""
    size = os.path.getsize(path)
    how = rng.choice(["flip", "flip", "zero", "cut", "noise"]) if size else "none"
    with open(path, "r+b") as f:
        if how == "cut":
            f.truncate(rng.randrange(size))
        for _ in range(rng.choice([1, 1, 5, 50]) if how == "flip" else how in ("zero", "noise")):
            at = rng.randrange(size)
            f.seek(at)
            old = f.read(1 if how == "flip" else 4096)
            f.seek(at)
            f.write(bytes([old[0] ^ 1 << rng.randrange(8)]) if how == "flip" else bytes(len(old)) if how == "zero" else rng.randbytes(len(old)))
    return how


@fault("spool_rots")
def spool_rots(run, rng):
    """While hadird is down, and everything in the spool is in the database: so nothing may be missing or otherwise after."""
    house = run.house
    run.load.process.send_signal(signal.SIGSTOP)
    try:
        run.recorded()
        run.counters_complete = False
        disk.kill_all(house, disk.family(house.daemon.pid))
        name = rng.choice(["spool.db", "spool.db-wal"])
        name = name if os.path.exists(f"{house.dir}/spool/{name}") else "spool.db"
        how = rot(rng, f"{house.dir}/spool/{name}")
    finally:
        run.load.process.send_signal(signal.SIGCONT)
    run.set_aside += 1
    house.start(wait=False)
    house.wait_ready()
    run.recovered()
    return {"file": name, "how": how}


def asked(house):
    """What a door says to a token nobody has; 0: nothing."""
    try:
        return house.request("GET", "/v1/me", headers={"Authorization": "Bearer AAAAAAAAAAAAAAAAAAAAAA"})[0]
    except (OSError, http.client.HTTPException):
        return 0


@fault("directory_rots")
def directory_rots(run, rng):
    """The snapshot on disk is damaged, gone, or an older one, while everything is down; with the database away nobody gets a
    wrong answer, with it back all is as before."""
    house = run.house
    run.counters_complete = False
    disk.kill_all(house, disk.family(house.daemon.pid))
    files = [f for f in os.listdir(f"{house.dir}/directory") if os.path.isfile(f"{house.dir}/directory/{f}")]
    how = rng.choice(["gone", "rot", "rot"])
    for name in files:
        path = f"{house.dir}/directory/{name}"
        if how == "gone":
            os.unlink(path)
        else:
            rot(rng, path)
    away = rng.random() < 0.5
    if away:
        house.stop_database()
    house.start(wait=False)
    if away:
        wait_until("doors answer, and not that they know better", lambda: asked(house) == 503, 60)
        house.start_database()
    run.recovered()
    return {"how": how, "files": files, "away": away}
