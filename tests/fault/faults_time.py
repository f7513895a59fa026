"""What happens on a busy morning without anything being broken: edits, a new certificate, a hundred of the same at once, a night's
export by day, and everybody's queue at once, and a wall clock that jumps."""
import json, os, signal, socket, ssl, time
from datetime import date, timedelta
from fault import Load, fault
from faults_wire import goes_on
from harness import EXAMPLE, TOP, wait_until

PHONES = int(os.environ.get("HADIR_PHONES", "300"))


def extra_load(run, rng, devices=None, deadline_s=240, **options):
    """More phones beside the others until their count is reached and all of it is known. Their numbers."""
    ledger = f"{run.house.dir}/ledger.{len(run.ledgers)}"
    run.ledgers.append(ledger)
    load = Load(run.house, devices or run.devices, ledger, rng.randrange(2**31), dict(run.options, **options), run.port)
    try:
        wait_until("all of it is made up", lambda: load.check() or load.process.poll() is not None, deadline_s)
        load.stop()
        return load.numbers()
    finally:
        load.kill()


@fault("duplicates_by_the_hundred")
def duplicates_by_the_hundred(run, rng):
    n = extra_load(run, rng, times=100, duplicates=20, connections=100, array=1, count=100)
    assert n["again"] >= 100, n
    goes_on(run)
    return {"requests": n["requests"], "again": n["again"]}


# ---- the certificate ----

def new_certificate(house):
    """Another key and certificate, issued by the first one, which the phones trust."""
    at = f"{house.dir}/secret"
    if not os.path.exists(f"{at}/ca.crt"):
        house.as_user("cp", f"{at}/tls.crt", f"{at}/ca.crt")
        house.as_user("cp", f"{at}/tls.key", f"{at}/ca.key")
    house.as_user("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=hadir test", "-keyout",
                  f"{at}/next.key", "-out", f"{at}/next.csr")
    house.write("secret/next.ext", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    house.as_user("openssl", "x509", "-req", "-in", f"{at}/next.csr", "-CA", f"{at}/ca.crt", "-CAkey", f"{at}/ca.key", "-days", "20",
                  "-set_serial", str(int.from_bytes(os.urandom(8), "big")), "-extfile", f"{at}/next.ext", "-out", f"{at}/next.crt")
    with open(f"{at}/next.crt") as f, open(f"{at}/ca.crt") as ca:
        chain = f.read() + ca.read()
    with open(f"{at}/next.key") as f:
        return chain, f.read()


def served(house):
    """The certificate a new connection is shown."""
    context = ssl.create_default_context(cafile=f"{house.dir}/secret/ca.crt")
    with socket.create_connection(("127.0.0.1", house.port), timeout=30) as plain, \
            context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
        return ssl.DER_cert_to_PEM_cert(s.getpeercert(True))


@fault("certificate_changed")
def certificate_changed(run, rng):
    """First a certificate that is none, which must change nothing; then another good one."""
    house = run.house
    chain, key = new_certificate(house)
    with open(f"{house.dir}/secret/tls.crt") as f:
        old = f.read()
    before = served(house)
    house.write("secret/tls.crt", "no certificate\n")
    refused = house.log().count("event=reload_refused")
    os.kill(house.daemon.pid, signal.SIGHUP)
    run.load.wait_acknowledged(10)
    assert served(house) == before, "a broken certificate was taken"
    house.write("secret/tls.crt", chain)
    house.write("secret/tls.key", key)
    os.kill(house.daemon.pid, signal.SIGHUP)
    wait_until("the new one is served", lambda: served(house) == chain[:len(served(house))], 60)
    house.tls = ssl.create_default_context(cafile=f"{house.dir}/secret/ca.crt")
    goes_on(run)
    return {"refused": house.log().count("event=reload_refused") - refused}


# ---- edits ----

def fences(swapped):
    """The example's, with the first two offices in each other's place or not."""
    with open(f"{EXAMPLE}/fences.geojson") as f:
        all = json.load(f)
    a, b = all["features"][:2]
    if swapped:
        a["geometry"], b["geometry"] = b["geometry"], a["geometry"]
    all["features"] = [a, b]
    return json.dumps(all)


@fault("plan_edited")
def plan_edited(run, rng):
    """Fences trade places, the circular is applied again with another text, somebody's right comes and goes."""
    house, edits = run.house, rng.randrange(2, 5)
    with open(f"{TOP}/sql/policies/luwu-utara-2025-12.conf") as f:
        policy = f.read()
    for n in range(edits):
        house.hadir("import", "fences", house.write("edited.geojson", fences(n % 2 == 0)))
        house.hadir("policy", "apply", house.write("edited.conf", policy.replace("times = 2", f"times = {1 + n % 2}")))
        token = house.known(house.grant(house.people[20 + n]["nip"]))
        house.hadir("revoke", "--token", token, check=False)
        run.load.wait_acknowledged(10)
    house.hadir("import", "fences", house.write("edited.geojson", fences(False)))
    house.hadir("policy", "apply", house.write("edited.conf", policy))
    goes_on(run)
    return {"edits": edits}


@fault("nightly_by_day")
def nightly_by_day(run, rng):
    done = [run.house.hadir("nightly", check=False) for _ in range(2)]
    assert all(d.returncode == 0 or "another nightly run" in d.stderr for d in done), [d.stderr for d in done]
    goes_on(run)


# ---- everybody's queue ----

def peak_memory_mb(house):
    """Role -> the most that was ever resident."""
    peaks = {}
    for pid, name in {**house.children(), house.daemon.pid: "supervisor"}.items():
        with open(f"/proc/{pid}/status") as f:
            kb = [int(line.split()[1]) for line in f if line.startswith("VmHWM")]
        peaks[name] = max(peaks.get(name, 0), *(k // 1024 for k in kb))
    return peaks


def enroll_everybody(run, count):
    """A phone each for so many people; a devices file for phones."""
    house = run.house
    unit = house.people[0]["unit"]
    nips = [f"{date(1970, 1, 1) + timedelta(n // 900):%Y%m%d}2010011{n % 900 + 1:03d}" for n in range(count)]
    house.hadir("import", "people", house.write("crowd.csv", "nip,name,category,unit,from\n" + "".join(
        f"{n},Warga Contoh {i},PNS,{unit},2025-01-01\n" for i, n in enumerate(nips))), timeout=600)
    said = house.hadir("enroll", "--csv", house.write("crowd-phones.csv", "nip,channel\n" + "".join(f"{n},native\n" for n in nips)),
                       timeout=1200).stdout
    ids = dict(house.sql("select p.nip, d.id from hadir.device d join hadir.person p on p.id = d.person where p.name like 'Warga Contoh %'"))
    rows = [line.split(",") for line in said.splitlines()[1:]]
    house.known(rows[-1][3], 120)
    return house.write("crowd-devices", "".join(f"native {ids[nip]} {token}\n" for nip, _, _, token in rows))


@fault("everybody_at_once")
def everybody_at_once(run, rng):
    """HADIR_PHONES phones deliver three days of queue: two check-ins a day, in one request each, all connections at once."""
    if not hasattr(run, "crowd"):
        run.crowd = enroll_everybody(run, PHONES)
    before = peak_memory_mb(run.house)
    n = extra_load(run, rng, run.crowd, 600, connections=min(PHONES, 10000), array=6, native=100, owntracks=0, whatsapp=0, duplicates=0,
                   fresh=0, bad=0, leave=0, back=3 * 86400, count=PHONES * 6)
    assert n["acknowledged"] >= PHONES * 6 and n["unknown"] == 0, n
    goes_on(run)
    print(f"# {PHONES} phones: {n}; peak MB before {before}, after {peak_memory_mb(run.house)}", flush=True)
    return {"acknowledged": n["acknowledged"], "busy": n["busy"]}


# ---- the clock ----

@fault("clock_jumps")
def clock_jumps(run, rng):
    """Days on, days back, a leap second, and right again; nothing that waits may notice."""
    jumps, looks = [], run.clock.looks()
    connections = run.load.numbers()["failures"]
    try:
        for _ in range(rng.randrange(2, 6)):
            jumps.append(rng.choice([-1, 1]) * rng.choice([0.5, 3, 61, 3600, 86400, 3 * 86400]))
            run.clock.offset(jumps[-1])
            run.load.wait_acknowledged(20)
        run.clock.offset(0)
        run.clock.leap_at(int(time.time()))
        run.load.wait_acknowledged(20)
    finally:
        run.clock.offset(0)
        run.clock.leap_at(0)
    assert run.clock.looks() > looks, "hadird's clock is another one"
    assert run.load.numbers()["failures"] == connections, "a connection ended because of the clock"
    goes_on(run)
    return {"jumps_s": jumps}
