"""What a check-in costs a door: on a fresh TLS connection, on one with a ticket, on a kept one; and what an idle one holds."""
import contextlib, json, os, re, shutil, signal, statistics, subprocess
from bench import TOP, figure
from harness import BUILD, EXAMPLE, PGBIN, Keeper, free_port, run, wait_until
from town import Town, load, peer

PEERS = f"{TOP}/tests/bench/peers"
CONNECTIONS = 64  # that load keeps in flight in the figures of fresh connections
DOORS = 2
PEOPLE = 1000  # and phones
KEPT = 100     # connections
IDLE = 10000
ANSWER_BYTES = 1500  # about what a door's answer has


def spent(did):
    """Microseconds a check-in, by who."""
    each = 1e6 / did["accepted"]
    roles = ", ".join(f"{role} {s * each:.0f}" for role, s in sorted(did["roles_s"].items(), key=lambda r: -r[1]) if s * each >= 0.5)
    return f"hadird {did['hadird_s'] * each:.0f} µs ({roles}), PostgreSQL {did['postgres_s'] * each:.0f} µs a check-in"


def fresh(town, b, mode="fresh", **options):
    """Microseconds of CPU of all our processes a check-in; PostgreSQL's are noted beside."""
    did = town.load(mode=mode, connections=CONNECTIONS, **options)
    assert did["refused"] == did["failed"] == 0, did
    b.note(f"{mode}: {spent(did)} at {did['accepted'] / did['seconds']:.0f}/s; {did['resumed']} of {did['handshakes']} handshakes resumed, "
           f"{did['busy']} busy, {did['shed']} shed")
    return did["hadird_s"] * 1e6 / did["accepted"]


def constant(b, town, group, port, mode="fresh", **options):
    """Microseconds of CPU that a peer used for a request."""
    before = []
    did = load(port, f"{town.dir}/secret/tls.crt", town.devices, begins=lambda: before.append(group.cpu_s()), mode=mode,
               connections=CONNECTIONS, seconds=b.seconds, constant=True, **options)
    assert did["refused"] == did["failed"] == 0, did
    return (group.cpu_s() - before[0]) * 1e6 / did["accepted"]


@contextlib.contextmanager
def bare(town, processes=DOORS):
    port = free_port()
    secret = f"{town.dir}/secret/tls"
    with peer(f"{BUILD}/tests/bench/bare", str(port), f"{secret}.crt", f"{secret}.key", str(processes), str(ANSWER_BYTES), port=port) as group:
        yield group, port


@contextlib.contextmanager
def nginx(town):
    """Its group, its port."""
    port, folder = free_port(), f"{town.dir}/nginx"
    filled = {"processes": DOORS, "folder": folder, "port": port, "certificate": f"{town.dir}/secret/tls.crt",
              "key": f"{town.dir}/secret/tls.key", "answer": "." * ANSWER_BYTES}
    os.makedirs(folder, exist_ok=True)
    if os.getuid() == 0:
        shutil.chown(folder, town.user)
    with open(f"{PEERS}/nginx.conf") as f:
        text = f.read()
    for key, value in filled.items():
        text = text.replace(f"@{key}@", str(value))
    with peer("nginx", "-c", town.write("nginx/nginx.conf", text), "-e", "stderr", port=port, **town.demoted()) as group:
        yield group, port


@figure("fresh_cpu", unit="µs", goal="≤ 1.20")
def fresh_cpu(b):
    with Town(b, people=PEOPLE, doors=DOORS) as town, bare(town) as (group, port):
        yield from b.turns(lambda: fresh(town, b), lambda: constant(b, town, group, port))


@figure("fresh_cpu_nginx", unit="µs", goal="≤ 1.25")
def fresh_cpu_nginx(b):
    with Town(b, people=PEOPLE, doors=DOORS) as town, nginx(town) as (group, port):
        yield from b.turns(lambda: fresh(town, b), lambda: constant(b, town, group, port))


@figure("doors", unit="µs", goal="–")
def doors(b):
    """What a check-in costs with four doors, beside one: doors share nothing, so that more of them only cool each other's caches where
    there are fewer cores than doors. Two doors, and the bare server with as many processes, stand in the notes."""
    with contextlib.ExitStack() as stack:
        towns = {n: stack.enter_context(Town(b, people=PEOPLE, name=f"doors{n}", doors=n)) for n in (1, 2, 4)}

        def measured(n):
            town = towns[n]
            did = town.load(mode="fresh", connections=CONNECTIONS)
            assert did["refused"] == did["failed"] == 0, did
            with bare(town, processes=n) as (group, port):
                least = constant(b, town, group, port)
            b.note(f"{n} door{'s' if n > 1 else ''}: {spent(did)} at {did['accepted'] / did['seconds']:.0f}/s, p50 {did['p50_ms']:.0f} ms; "
                   f"the bare server with {n}: {least:.0f} µs")
            return did["hadird_s"] * 1e6 / did["accepted"]

        def four():
            measured(2)
            return measured(4)
        yield from b.turns(four, lambda: measured(1))


@figure("returning_cpu", unit="µs", goal="≤ 0.8")
def returning_cpu(b):
    """Tickets are kept between runs, used once each; which door a phone comes back to is the kernel's choice."""
    with Town(b, people=PEOPLE, doors=DOORS, start=False) as town:
        town.keeper = Keeper(town)
        town.start()
        tickets = f"{town.dir}/tickets"
        town.load(mode="resumed", count=PEOPLE, seconds=600, tickets=tickets)
        yield from b.turns(lambda: fresh(town, b, mode="resumed", tickets=tickets), lambda: fresh(town, b))
        note_bare(b, town)
        for pid in [p for p, name in town.children().items() if "door" in name]:
            os.kill(pid, signal.SIGKILL)
        wait_until("every door is there again", lambda: town.restarts() == DOORS and town.admin("/readyz")[0] == 200, 60)
        note_resumed(b, town, tickets, "after each door had died")
        town.stop()
        town.start()
        note_resumed(b, town, tickets, "after hadird itself was restarted, as under systemd")


def note_bare(b, town):
    """What a ticket saves when there is nothing but TLS: ours can save no more than that."""
    with bare(town) as (group, port):
        tickets = f"{town.dir}/tickets-bare"
        load(port, f"{town.dir}/secret/tls.crt", town.devices, mode="resumed", count=PEOPLE, seconds=600, constant=True, tickets=tickets)
        pairs = list(b.turns(lambda: constant(b, town, group, port, mode="resumed", tickets=tickets), lambda: constant(b, town, group, port)))
    back, full = (statistics.median(side) for side in zip(*pairs))
    b.note(f"the bare server: {back:.0f} µs with a ticket, {full:.0f} µs without, {back / full:.2f}")


def note_resumed(b, town, tickets, when):
    did = town.load(mode="resumed", count=PEOPLE, seconds=600, tickets=tickets, connections=8)
    b.note(f"{when}: {did['resumed']} of {did['handshakes']} handshakes resumed")


# ---- kept connections --------------------------------------------------------------------------------------------------

def kept(town, b, seconds=None):
    """Check-ins a second over 100 kept connections, committed to the spool and answered with verdict and receipt."""
    did = town.load(mode="kept", connections=KEPT, seconds=seconds or b.seconds)
    assert did["refused"] == did["failed"] == 0, did
    rate = did["accepted"] / did["seconds"]
    b.note(f"kept: {rate:.0f}/s, p99 {did['p99_ms']:.1f} ms; {spent(did)}, the generator {did['cpu_s'] * 1e6 / did['accepted']:.0f}; counted until all was "
           f"in the database {did['accepted'] / (did['seconds'] + did['recorded_s']):.0f}/s")
    return rate


@contextlib.contextmanager
def node(town):
    """A port of the typical service, its packages installed into the build folder."""
    folder, port = f"{BUILD}/tests/bench/node", free_port()
    os.makedirs(folder, exist_ok=True)
    for name in ("package.json", "server.js"):
        shutil.copy(f"{PEERS}/node/{name}", folder)
    run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent", cwd=folder, timeout=300)
    with open(f"{EXAMPLE}/fences.geojson") as f:
        fences = f.read().replace("'", "''")
    with open(f"{PEERS}/node/setup.sql") as f:
        town.sql(f.read().replace(":'fences'", f"'{fences}'"))
    with peer("node", f"{folder}/server.js", str(port), f"{town.dir}/pg", port=port, env={**os.environ, "NODE_ENV": "production"}) as group:
        yield group, port


@figure("keepalive_rate", unit="/s", goal="≥ 4")
def keepalive_rate(b):
    with Town(b, people=PEOPLE, doors=DOORS) as town, node(town) as (group, port):
        def theirs():
            before = group.cpu_s(), town.postgres.cpu_s()
            did = load(port, None, town.devices, mode="kept", connections=KEPT, seconds=b.seconds, constant=True)
            assert did["refused"] == did["failed"] == did["busy"] == 0, did
            each = 1e6 / did["accepted"]
            b.note(f"node: {did['accepted'] / did['seconds']:.0f}/s, p99 {did['p99_ms']:.1f} ms; node {(group.cpu_s() - before[0]) * each:.0f} µs, "
                   f"PostgreSQL {(town.postgres.cpu_s() - before[1]) * each:.0f} µs a check-in")
            return did["accepted"] / did["seconds"]
        yield from b.turns(lambda: kept(town, b), theirs)


@figure("keepalive_vs_pgbench", unit="/s", goal="≥ 1.4")
def keepalive_vs_pgbench(b):
    with Town(b, people=PEOPLE, doors=DOORS) as town:
        town.sql("create schema bench; create sequence bench.seq cache 50")
        script = town.write("pgbench.sql", open(f"{PEERS}/pgbench.sql").read())

        def theirs():
            before = town.postgres.cpu_s()
            told = town.as_user(f"{PGBIN}/pgbench", "-n", "-M", "prepared", "-c", "8", "-j", str(os.cpu_count()), "-T", str(b.seconds), "-f", script,
                                "-h", f"{town.dir}/pg", "-U", "postgres", "hadir", timeout=600).stdout
            rows = int(re.search(r"actually processed: (\d+)", told).group(1))
            tps = float(re.search(r"tps = ([0-9.]+)", told).group(1))
            b.note(f"pgbench: {tps:.0f}/s, PostgreSQL {(town.postgres.cpu_s() - before) * 1e6 / rows:.0f} µs a row")
            return tps
        yield from b.turns(lambda: kept(town, b), theirs)


# ---- idle ones ---------------------------------------------------------------------------------------------------------

def pss_bytes(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:")) << 10
    return total


def held_bytes(b, port, town, pids, **options):
    """Bytes that these processes grow by for each of IDLE connections that have had one answer and stay."""
    before = pss_bytes(pids())
    argv = [f"{BUILD}/tests/bench/load", "--port", str(port), "--ca", f"{town.dir}/secret/tls.crt", "--devices", town.devices, "--mode", "kept",
            "--connections", str(IDLE), "--rate", "1000", "--seconds", str(IDLE // 500), "--count", str(IDLE), "--wait", *[f"--{o}" for o in options]]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        holder.stdin.write("\n")
        holder.stdin.flush()
        did = json.loads(holder.stdout.readline())
        after = pss_bytes(pids())
        holder.stdin.close()
    assert did["accepted"] == IDLE, did
    return (after - before) / IDLE


@figure("idle_memory", unit="B", goal="≤ 1.15")
def idle_memory(b):
    """Each time in new processes: what was freed once is not given back."""
    with Town(b, people=PEOPLE, doors=DOORS, head_timeout_ms=600000) as town:
        def ours():
            town.stop()
            town.start()
            town.load(mode="fresh", count=DOORS * 50, seconds=600, connections=8)
            return held_bytes(b, town.port, town, lambda: [p for p, name in town.children().items() if "door" in name])

        def theirs():
            with nginx(town) as (group, port):
                load(port, f"{town.dir}/secret/tls.crt", town.devices, mode="fresh", count=DOORS * 50, seconds=600, connections=8, constant=True)
                return held_bytes(b, port, town, group.pids, constant=True)
        yield from b.turns(ours, theirs)
