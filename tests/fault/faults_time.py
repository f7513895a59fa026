"""What happens on a busy morning without anything being broken: edits, a new certificate, a hundred of the same at once, a night's
export by day, and everybody's queue at once, and a wall clock that jumps."""
import json, os, re, signal, socket, ssl, threading, time, uuid
from datetime import date, timedelta
from fault import Load, fault
from faults_wire import goes_on
from harness import EXAMPLE, TOP, receipt_bytes, wait_until

PHONES = int(os.environ.get("HADIR_PHONES", "300"))
OVER_S = int(os.environ.get("HADIR_OVER", str(max(1, PHONES // 100))))


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

# ---- the clock ----

@fault("clock_jumps")
def clock_jumps(run, rng):
    """Days on, years back, a leap second, and right again; nothing that waits may notice, nothing may be lost."""
    jumps, looks = [], run.clock.looks()
    connections = run.load.numbers()["failures"]
    try:
        # Further back only where nobody vouches for the clock: what is said by the true time would else be of the future.
        back = [-3600] if run.house.health().get("clock") == "synchronised" else [-86400, -3 * 86400, -30 * 86400, -50 * 365 * 86400]
        for _ in range(rng.randrange(2, 6)):
            jumps.append(rng.choice([-61, -3, -0.5, *back, 0.5, 3, 61, 3600, 86400, 3 * 86400]))
            run.clock.offset(jumps[-1])
            run.load.wait_acknowledged(20)
        run.clock.offset(0)
        run.clock.leap_at(int(time.time()))
        run.load.wait_acknowledged(20)
    finally:
        run.clock.offset(0)
        run.clock.leap_at(0)
    assert run.clock.looks() > looks, "hadird's clock is another one"
    # what was killed or reloaded before may still end connections by itself
    assert not set(run.done) <= {"clock_jumps"} or run.load.numbers()["failures"] == connections, "a connection ended because of the clock"
    goes_on(run)
    return {"jumps_s": jumps}


# ---- the same, a hundred times ----

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
    with socket.create_connection(("127.0.0.1", house.port), timeout=60) as plain, \
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
    refused = house.log().count("event=config_problem")
    os.kill(house.daemon.pid, signal.SIGHUP)
    wait_until("it is refused", lambda: house.log().count("event=config_problem") > refused)
    run.load.wait_acknowledged(10)
    assert served(house) == before, "a broken certificate was taken"
    house.write("secret/tls.crt", chain)
    house.write("secret/tls.key", key)

    def asked():  # again, while an earlier generation still drains
        os.kill(house.daemon.pid, signal.SIGHUP)
        return house.log().count("event=reload generation") > reloads
    reloads = house.log().count("event=reload generation")
    wait_until("it is taken", asked, 120, 1)
    wait_until("the new one is served", lambda: chain.startswith(served(house)), 60)
    house.tls = ssl.create_default_context(cafile=f"{house.dir}/secret/ca.crt")
    goes_on(run)


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


class Asker(threading.Thread):
    """Checks in at one point, again and again, and keeps what it was told: key -> check-in, answer, receipt."""

    def __init__(self, house, token, at):
        super().__init__(daemon=True)
        self.house, self.token, self.at, self.told, self.over, self.error = house, token, at, {}, threading.Event(), None

    def run(self):
        try:
            while not self.over.is_set():
                self.ask(uuid.uuid4())
        except Exception as e:
            self.error = e

    def ask(self, key):
        self.told[key.hex] = None  # unknown
        now = self.house.now()
        status, _, body = self.house.request("POST", "/v1/checkins", json.dumps(
            {"id": str(key), "taken_at": now, "sent_at": now, "lat": self.at[0], "lon": self.at[1], "accuracy_m": 10}), {
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
        if status == 200:
            a = json.loads(body)
            self.told[key.hex] = a["checkin"], (a["session"], a["verdict"], a["place"], a["fence"], a["relation"]), receipt_bytes(body).decode()

    def write_ledger(self, run):
        """So that the oracle knows of them (the body hash is the database's: phones prove those)."""
        keys = run.house.sql("select encode(k.key, 'hex'), k.device, encode(k.body_hash, 'hex'), round(extract(epoch from c.fix_at) * 1e6) from "
                             f"hadir.checkin_key k join hadir.checkin c on c.id = k.checkin where encode(k.key, 'hex') = any ('{{{','.join(self.told)}}}')")
        run.ledgers.append(f"{run.house.dir}/ledger.{len(run.ledgers)}")
        with open(run.ledgers[-1], "w") as f:
            for key, device, hash, claimed in keys:
                f.write(f"sent {key} 1 {device} {hash} {claimed} {self.at[0]} {self.at[1]} good\n")
                if self.told[key]:
                    f.write(f"ack {key} {self.told[key][0]} 200 {self.told[key][2]}\n")
        return {key for key, *_ in keys}


# Two paths of the derivation, everybody at once and person by person, over one snapshot: what differs.
DIFFERENT = """with g as (select id, now() - interval '2 days' as since from hadir.government limit 1), p as (select array_agg(id) as all from hadir.person),
  whole as (select j.* from g, lateral hadir.judge(g.id, g.since::date, g.since::date + 3) j),
  single as (select j.* from g, p, lateral hadir.judge(g.id, g.since::date, g.since::date + 3, p.all) j)
select (select count(*) from whole), (select count(*) from (table whole except table single) x), (select count(*) from (table single except table whole) x)"""


def consistent(house, asker):
    """What one version of the directory told is always the same. How many versions, and what the fence was."""
    told = {t[0]: t[1] for t in asker.told.values() if t}
    by = {}
    for id, epoch, number in house.sql("select id, directory_epoch, directory_number from hadir.checkin where id = any "
                                       f"('{{{','.join(told)}}}')"):
        by.setdefault((epoch, number), set()).add(told[id])
    mixed = {k: v for k, v in by.items() if len(v) > 1}
    assert not mixed, f"one version, several answers: {mixed}"
    return len(by), {answer[3] for answers in by.values() for answer in answers}


@fault("plan_edited")
def plan_edited(run, rng):
    """Two offices trade places in one import, the circular is applied again with another text, a right comes and goes; somebody
    stands in the same place all the while. Then the derivation is computed anew by both its paths."""
    house, edits = run.house, rng.randrange(1, 3)
    with open(f"{TOP}/sql/policies/luwu-utara-2025-12.conf") as f:
        policy = f.read()
    asker = Asker(house, house.known(house.enroll(house.people[15]["nip"])), (-2.562, 120.314))
    asker.start()
    try:
        for n in range(edits):
            house.hadir("import", "fences", house.write("edited.geojson", fences(n % 2 == 0)))
            house.hadir("policy", "apply", house.write("edited.conf", policy.replace("times = 2", f"times = {1 + n % 2}")))
            token = house.known(house.grant(house.people[20 + n]["nip"]))
            house.hadir("revoke", "--token", token, check=False)
            heard = len(asker.told) + 20
            wait_until("somebody stands there", lambda: asker.error or len(asker.told) >= heard, 60)
        house.hadir("import", "fences", house.write("edited.geojson", fences(False)))
        house.hadir("policy", "apply", house.write("edited.conf", policy))
    finally:
        asker.over.set()
        asker.join(60)
    assert asker.error is None, asker.error
    goes_on(run)
    known = {key for key, t in asker.told.items() if t}
    wait_until("all of it is recorded", lambda: int(house.value("select count(*) from hadir.checkin_key where encode(key, 'hex') = any "
                                                                f"('{{{','.join(known)}}}')")) == len(known), 600)
    assert known <= asker.write_ledger(run)
    versions, told = consistent(house, asker)
    assert len(told) == 2, f"the offices did not trade places: {told}"
    [(judged, *different)] = house.sql(DIFFERENT)
    assert different == ["0", "0"], f"of {judged} judged, {different} differ between the two paths"
    return {"edits": edits, "versions": versions, "fences": told, "judged": int(judged)}


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


def as_installed(house, names):
    """These settings have hadir's own defaults, or what the house had (a second call)."""
    before = {n: house.conf.get(n) for n in names}
    reloads = house.log().count("event=reload generation")
    house.conf.update(names)
    house.write_conf()

    def asked():  # again, while an earlier generation still drains
        os.kill(house.daemon.pid, signal.SIGHUP)
        return house.log().count("event=reload generation") > reloads
    wait_until("the configuration is taken", asked, 120, 1)
    return before


@fault("everybody_at_once")
def everybody_at_once(run, rng):
    """HADIR_PHONES phones (300), each offline for three days, deliver two check-ins a day, from a hundred addresses, within HADIR_OVER
    seconds (a second for 100 phones), under the limits that hadir comes with. The others go on meanwhile."""
    if not hasattr(run, "crowd"):
        run.crowd = enroll_everybody(run, PHONES)
    before = as_installed(run.house, dict.fromkeys(("rate_address", "rate_all", "rate_failures", "rate_token")))
    peak, shed = peak_memory_mb(run.house), run.house.counters()
    run.ledgers.append(f"{run.house.dir}/ledger.{len(run.ledgers)}")
    load = Load(run.house, run.crowd, run.ledgers[-1], rng.randrange(2**31), {"over": OVER_S}, run.port, "queues")
    try:
        wait_until("every queue is delivered", lambda: load.check() or load.process.poll() is not None, 600 + 4 * OVER_S, 0.2)
        load.check()
    finally:
        load.kill()
    n = load.numbers()
    assert n["acknowledged"] + n["again"] >= PHONES * 6 and n["refused"] == 0, n
    shed = {k: int(v - shed.get(k, 0)) for k, v in run.house.counters().items() if re.match("hadir_(connections_shed|connections_timeout|accept_pauses|limited|busy)", k) and
            v > shed.get(k, 0)}
    print(f"# {load.output.strip()}\n# {shed}; peak MB before {peak}, after {peak_memory_mb(run.house)}", flush=True)
    as_installed(run.house, before)
    goes_on(run)
    return {"acknowledged": n["acknowledged"], "busy": n["busy"]}
