"""How hadird bears what it is asked for: the latency at half of what it can do, what is left of it when five times as much comes, and a
regency's whole morning."""
import contextlib, os
from bench import figure
from figures_door import CONNECTIONS, DOORS, bare, spent
from town import Town, family, load

SHARE = 0.25       # of one core, that hadird has in the storm
PERIOD_US = 10000
PEOPLE = 20000
CARRIERS = 1000    # addresses that a storm comes from
RETRIES = 3        # of a phone that was shed or heard 503, after a second, two, four
REGENCY = 10000    # people, in its morning:
MINUTES = 60       # of which half come in the last five …
PLAYED_S = 30
LOST = 4           # answers of each phone in the storm: everybody sends five times
OFFLINE = 10       # percent who come back online, by the hundred within a second


def rate_of(did):
    return did["accepted"] / did["seconds"]


def told(did):
    return (f"{rate_of(did):.0f}/s accepted, p50 {did['p50_ms']:.1f}, p99 {did['p99_ms']:.1f}, most {did['max_ms']:.0f} ms; {did['sent']} requests, "
            f"{did['shed']} shed before TLS, {did['busy']} busy, {did['failed']} failed, generator {did['cpu_s']:.1f} s of CPU, {did['behind_ms']:.0f} ms behind")


@figure("latency_p99", unit="ms", goal="≤ yardstick + 10 ms")
def latency_p99(b):
    with Town(b, people=PEOPLE, doors=DOORS) as town, bare(town) as (_, port):
        full = rate_of(town.load(mode="fresh", connections=CONNECTIONS))
        half = int(full / 2)
        b.note(f"full load {full:.0f} check-ins a second, generator and PostgreSQL on the same machine; measured at {half}")

        def ours():
            did = town.load(mode="fresh", rate=half)
            b.note(f"hadird: {told(did)}")
            return did["p99_ms"]

        def theirs():
            did = load(port, f"{town.dir}/secret/tls.crt", town.devices, mode="fresh", rate=half, constant=True, seconds=b.seconds)
            b.note(f"bare: {told(did)}")
            return did["p99_ms"]
        yield from b.turns(ours, theirs)


# ---- a storm -----------------------------------------------------------------------------------------------------------

def quota_folder():
    """Where a control group of the processor can be made: its parent and what writes a share; None: nowhere."""
    with open("/proc/mounts") as f:
        mounts = [line.split()[1:4] for line in f]
    for at, kind, words in mounts:
        if kind == "cgroup" and "cpu" in words.split(",") and os.access(at, os.W_OK):
            return at, {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(int(SHARE * PERIOD_US))}
    for at, kind, _ in mounts:
        if kind == "cgroup2" and os.access(at, os.W_OK) and "cpu" in open(f"{at}/cgroup.controllers").read().split():
            return at, {"cpu.max": f"{int(SHARE * PERIOD_US)} {PERIOD_US}"}
    return None


@contextlib.contextmanager
def quota(b, town):
    """hadird and its children have SHARE of a core until the block ends; where no group can be made, one core alone."""
    folder, pids = quota_folder(), family(town.daemon.pid)
    if folder is None:
        b.note("no control group can be made here: hadird has the last core, generator and PostgreSQL run on all of them")
        for pid in pids:
            os.sched_setaffinity(pid, {os.cpu_count() - 1})
        yield
        return
    home, (at, values) = {pid: group_of(pid, folder[0]) for pid in pids}, folder
    path = f"{at}/hadir-bench-storm-{os.getpid()}"
    os.mkdir(path)
    try:
        for name, value in values.items():
            write(f"{path}/{name}", value)
        for pid in pids:
            write(f"{path}/cgroup.procs", str(pid))
        b.note(f"hadird has {SHARE} of a core ({PERIOD_US / 1000:.0f} ms periods), {DOORS} doors; generator and PostgreSQL are outside of it")
        yield
    finally:
        for pid in family(town.daemon.pid):
            write(f"{home.get(pid, at)}/cgroup.procs", str(pid))
        os.rmdir(path)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def group_of(pid, root):
    """The folder of the process in this hierarchy."""
    with open(f"/proc/{pid}/cgroup") as f:
        lines = [line.rstrip("\n").split(":", 2) for line in f]
    return root + next((at for _, kinds, at in lines if "cpu" in kinds.split(",")), next((at for _, kinds, at in lines if not kinds), "/"))


@figure("storm_goodput", unit="check-ins/s", goal="≥ 0.7, p99 of the accepted ≤ 1 s")
def storm_goodput(b):
    with Town(b, people=PEOPLE, doors=DOORS, connections_max=20000, handshakes_max=512) as town, quota(b, town):
        full = []

        def capacity():
            did = town.load(mode="fresh", connections=CONNECTIONS, addresses=CARRIERS)
            full.append(rate_of(did))
            b.note(f"capacity: {told(did)}")
            return full[-1]

        def storm():
            did = town.load(mode="fresh", rate=int(5 * full[-1]), retries=RETRIES, addresses=CARRIERS, connections=20000)
            b.note(f"storm: {told(did)}")
            return rate_of(did)
        capacity()
        yield from b.turns(storm, capacity)


# ---- a morning ---------------------------------------------------------------------------------------------------------

@figure("morning", unit="ms", goal="≤ 1 s, all recorded once")
def morning(b):
    yield from a_morning(b, 0)


@figure("morning_storm", unit="ms", goal="all recorded once")
def morning_storm(b):
    yield from a_morning(b, LOST)


def a_morning(b, lost):
    """p99 of the answers, each from its attempt; whoever is shed or told to wait comes again until it is known. So fast the
    last minutes are all that two cores take with the generator on them; five times as much comes when answers are lost. The same
    morning, of the seed, in every turn; --seconds says nothing here."""
    played = {"mode": "fresh", "morning": REGENCY, "minutes": MINUTES, "seconds": PLAYED_S, "burst": OFFLINE, "retries": 40, "lost": lost,
              "addresses": CARRIERS, "connections": 20000, "seed": b.seed}
    faster = MINUTES * 60 / PLAYED_S
    b.note(f"{REGENCY} people, {MINUTES} minutes in {PLAYED_S} s, {faster:.0f} times as fast as it is: half of them come at "
           f"{REGENCY / 2 / 300 * faster:.0f}/s, really at {REGENCY / 2 / 300:.0f}/s; {OFFLINE} % were offline, by the hundred within a second; "
           f"{lost} answers to each phone are lost")

    def heard(who, did):
        b.note(f"{who}: {told(did)}; {did['accepted']} accepted, {did['sent'] - REGENCY} went again, {did['peak']} in one second at most, p99 from "
               f"the first attempt {did['first_p99_ms']:.0f} ms")
        return did["p99_ms"]

    with Town(b, people=REGENCY, doors=DOORS, connections_max=20000, handshakes_max=512) as town, bare(town) as (_, port):
        def ours():
            began = town.now()
            repeated = town.metric("hadir_acknowledged_total", status="duplicate")
            did = town.load(**played)
            repeated = town.metric("hadir_acknowledged_total", status="duplicate") - repeated
            recorded = town.ask("select concat_ws(' ', count(*), count(distinct person)) from hadir.checkin "
                                f"where status = 'recorded' and received_at >= '{began}'")
            assert did["accepted"] == REGENCY and recorded == f"{REGENCY} {REGENCY}", f"{recorded} check-ins and people are recorded: {did}"
            b.note(f"{spent(did)}; {repeated:.0f} answered as known already; each of the {REGENCY} recorded once, the last "
                   f"{did['recorded_s']:.1f} s after its answer")
            return heard("hadird", did)

        def theirs():
            return heard("bare", load(port, f"{town.dir}/secret/tls.crt", town.devices, constant=True, **played))
        yield from b.turns(ours, theirs)
