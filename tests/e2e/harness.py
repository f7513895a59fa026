"""What the end-to-end tests share: a throw-away PostgreSQL cluster, a hadird of this build, clients over TLS.

Everything lives in one temporary folder, listens on loopback and Unix sockets only, and is ended by its own process
id. Nothing sleeps to wait: `wait_until` asks again until a deadline."""
import base64, contextlib, csv, hashlib, hmac, http.client, json, os, pwd, random, re, shutil, signal, socket, ssl, subprocess, sys
import tempfile, time, urllib.parse, uuid
from datetime import datetime, timedelta

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PGBIN = "/usr/lib/postgresql/15/bin"
EXAMPLE = f"{TOP}/deploy/example"
BUILD = os.path.abspath(os.environ.get("HADIR_BUILD", f"{TOP}/build-test"))
ROLES = ["postgres", "hadir_owner", "hadir_query", "hadir_operator", "hadir_intake", "hadir_planner", "hadir_messenger",
         "hadir_nightly", "hadir_admin"]
BUSINESS = "100000000000001"
DAY = "2025-12-29"


def wait_until(what, ask, deadline_s=120, every_s=0.05):
    """Calls ask() until it gives something true; fails with `what` after the deadline, which is for a machine that does much else: what
    takes a second on a quiet one."""
    end = time.monotonic() + deadline_s
    while True:
        got = ask()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(every_s)


PORTS_HELD = []


def free_port():
    """A loopback port that nobody has, ours until this process ends: test files run beside each other. Below the
    kernel's own range, from which a client's connection could take it meanwhile; an abstract socket's name is the lock."""
    for port in random.SystemRandom().sample(range(15000, 30000), 1000):
        lock = socket.socket(socket.AF_UNIX)
        try:
            lock.bind(f"\0hadir-test-port-{port}")
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        PORTS_HELD.append(lock)
        return port
    raise AssertionError("no free port")


def run(*argv, input=None, check=True, env=None, user=None, timeout=300, cwd=None):
    if user is not None and os.getuid() == 0:
        argv = ("runuser", "-u", user, "--", *argv)
    done = subprocess.run(argv, capture_output=True, text=True, input=input, env=env, timeout=timeout,
                          cwd=cwd)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class Keeper:
    """Of systemd what hadird uses: it hears notifications, keeps descriptors (one, as FileDescriptorStoreMax= has it) and gives
    them to the next hadird. Set house.keeper before house.start."""

    def __init__(self, house):
        self.path, self.kept = f"{house.dir}/notify", {}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)

    def hear(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data, fds, _, _ = socket.recv_fds(self.socket, 4096, 4)
                said = dict(line.split("=", 1) for line in data.decode().splitlines())
                if "FDSTOREREMOVE" in said and said["FDNAME"] in self.kept:
                    os.close(self.kept.pop(said["FDNAME"]))
                if "FDSTORE" in said:
                    assert not self.kept, "there is room for one"
                    self.kept[said["FDNAME"]], = fds

    def given(self):
        """What goes before hadird's command, the descriptors and the environment that go with it."""
        self.hear()
        env = {"NOTIFY_SOCKET": self.path}
        if not self.kept:
            return [], [], env
        (name, fd), = self.kept.items()
        return ["bash", "-c", f'LISTEN_PID=$$ exec "$@" 3<&{fd} {fd}<&-', "give"], [fd], {**env, "LISTEN_FDS": "1", "LISTEN_FDNAMES": name}

    def close(self):
        self.socket.close()
        for fd in self.kept.values():
            os.close(fd)


class House:
    """A temporary folder with a cluster, a configuration and (when started) a hadird."""

    def __init__(self, name, example=True, **conf):
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.dir = tempfile.mkdtemp(prefix=f"hadir-{name}-")
        if os.getuid() == 0:
            shutil.chown(self.dir, self.user, self.user)
        self.port, self.admin_port = free_port(), free_port()
        self.daemon = None
        self.spoken = set()  # tokens, numbers and coordinates that went over the wire: no log may hold them
        self.log_path = f"{self.dir}/hadird.log"
        self.daemon_env = {}  # of hadird alone, beside env
        self.keeper = None  # a Keeper, to have one
        self.env = dict(os.environ, HADIR_CONF=f"{self.dir}/hadird.conf", HADIR_LANGUAGE="en")
        self.tls = ssl.create_default_context()
        self.conf = {
            "admin_listen": f"127.0.0.1:{self.admin_port}", "database": f"host={self.dir}/pg dbname=hadir",
            "directory_dir": "directory", "doors": "2", "desks": "1",
            "export_certificate": "secret/export.crt", "export_dir": "export", "export_key": "secret/export.key",
            "listen": f"127.0.0.1:{self.port}", "public_url": f"https://127.0.0.1:{self.port}",
            "receipt_key": "secret/receipt.key", "simulated_clock": "yes", "spool_dir": "spool", "spool_free_floor_mb": "16",
            # tests are noisier than any phone; what the limits do is tests/security/test_slow.py's
            "rate_address": "0", "rate_all": "0", "rate_failures": "0", "rate_token": "0",
            "language": "en", "tls_certificate": "secret/tls.crt", "tls_key": "secret/tls.key",
            "whatsapp_app_secret": "secret/whatsapp-app-secret", "whatsapp_verify_token": "secret/whatsapp-verify-token"}
        self.conf.update(conf)
        try:
            self.make_files()
            self.make_cluster()
            self.migrate()
            if example:
                self.load_example()
        except BaseException:
            self.close()  # nobody else knows of the cluster
            raise

    # ---- files ----------------------------------------------------------------------------------------------------
    def as_user(self, *argv, **kw):
        return run(*argv, user=self.user, **kw)

    def write(self, path, text, mode=0o600):
        full = f"{self.dir}/{path}"
        with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
            f.write(text)
        os.chmod(full, mode)
        if os.getuid() == 0:
            shutil.chown(full, self.user, self.user)
        return full

    def write_conf(self):
        self.write("hadird.conf", "[hadird]\n" + "".join(f"{k} = {v}\n" for k, v in self.conf.items() if v is not None))

    def make_certificate(self):
        self.as_user("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                     "-subj", "/CN=hadir test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                     f"{self.dir}/secret/tls.key", "-out", f"{self.dir}/secret/tls.crt")
        self.tls = ssl.create_default_context(cafile=f"{self.dir}/secret/tls.crt")

    def make_files(self):
        for d in ("secret", "spool", "directory", "export", "pg"):
            self.as_user("mkdir", "-m", "0700", f"{self.dir}/{d}")
        self.make_certificate()
        self.app_secret, self.verify_token = "test-app-secret", "test-verify-token"
        self.write("secret/whatsapp-app-secret", self.app_secret + "\n")
        self.write("secret/whatsapp-verify-token", self.verify_token + "\n")
        self.write_conf()
        self.hadir("keygen", f"{self.dir}/secret/receipt.key", f"{self.dir}/secret/receipt.pub")
        self.hadir("export-keygen", f"{self.dir}/secret/export.key", f"{self.dir}/secret/export.crt", "--name", "Kabupaten contoh")

    # ---- the cluster ----------------------------------------------------------------------------------------------
    def make_cluster(self):
        data = f"{self.dir}/data"
        self.as_user(f"{PGBIN}/initdb", "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--auth=trust", "-N")
        with open(f"{data}/pg_hba.conf", "w") as f:
            f.write("local all all trust\n")
        with open(f"{data}/postgresql.conf", "a") as f:
            f.write(f"listen_addresses=''\nunix_socket_directories='{self.dir}/pg'\nmax_connections=60\n"
                    "shared_buffers=64MB\nlog_min_duration_statement=5000\n")
        self.start_database()
        self.psql_file("postgres", f"{TOP}/sql/bootstrap.sql")
        self.sql("create database hadir owner hadir_owner", database="postgres")

    def start_database(self):
        """Starts the cluster if it does not run. A postmaster that was killed seems to run until init has buried it."""
        def buried():
            try:
                with open(f"{self.dir}/data/postmaster.pid") as f, open(f"/proc/{int(f.readline())}/stat") as stat:
                    return stat.read().rpartition(")")[2].split()[0] != "Z"
            except (FileNotFoundError, ProcessLookupError):
                return True
        wait_until("the last postmaster is buried", buried, 120)
        if run(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "status", check=False, user=self.user).returncode == 0:
            return
        self.as_user(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "-l", f"{self.dir}/pg.log", "-w", "-t", "180", "start")

    def stop_database(self, mode="immediate"):
        self.as_user(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "-m", mode, "-w", "-t", "180", "stop")

    def psql_file(self, database, path):
        self.as_user(f"{PGBIN}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", f"{self.dir}/pg", "-U", "postgres", "-d",
                     database, "-f", path)

    def sql(self, text, database="hadir", user="postgres"):
        """Rows of text fields."""
        out = self.as_user(f"{PGBIN}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", f"{self.dir}/pg", "-U", user, "-d",
                           database, "-A", "-t", "-F", "\x1f", input=text).stdout
        return [line.split("\x1f") for line in out.splitlines() if line]

    def value(self, text, **kw):
        return self.sql(text, **kw)[0][0]

    def migrate(self):
        self.hadir("migrate", "--sql", f"{TOP}/sql")

    def load_example(self):
        self.hadir("government", "add", "LUTRA", "Kabupaten contoh", "--zone", "Asia/Makassar", "--whatsapp", BUSINESS)
        for what, path in (("calendar", f"{TOP}/sql/reference/holidays.csv"),
                           ("periods", f"{TOP}/sql/reference/periods.csv"),
                           ("hours", f"{TOP}/sql/reference/hours-perpres-21-2023.csv"),
                           ("absence-codes", f"{TOP}/sql/reference/absence-codes.csv"),
                           ("units", f"{EXAMPLE}/units.csv"), ("people", f"{EXAMPLE}/people.csv"),
                           ("fences", f"{EXAMPLE}/fences.geojson")):
            self.hadir("import", what, path)
        self.hadir("policy", "apply", f"{TOP}/sql/policies/luwu-utara-2025-12.conf")
        with open(f"{EXAMPLE}/people.csv", newline="") as f:
            self.people = list(csv.DictReader(f))

    # ---- programs -------------------------------------------------------------------------------------------------
    def hadir(self, *args, check=True, **kw):
        return run(f"{BUILD}/daemon/hadir", *args, check=check, env=self.env, user=self.user, **kw)

    def hadir_short_of_disk(self, bytes, *args):
        """The limit on file sizes stands in for the disk: writing fails in the middle of a file."""
        argv = (["runuser", "-u", self.user, "--"] if os.getuid() == 0 else []) + [f"{BUILD}/daemon/hadir", *args]
        full = ("import os, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); n = int(sys.argv[1]); "
                "resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); os.execvp(sys.argv[2], sys.argv[2:])")
        return run(sys.executable, "-c", full, str(bytes), *argv, env=self.env, check=False)

    def demoted(self):
        """For Popen: as self.user."""
        if os.getuid() != 0:
            return {}
        user = pwd.getpwnam(self.user)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def start(self, wait=True, clock=f"{DAY}T07:00:00+08:00"):
        self.log_file = open(self.log_path, "ab")
        argv = [*os.environ.get("HADIRD_UNDER", "").split(), f"{BUILD}/daemon/hadird", "-c", f"{self.dir}/hadird.conf"]
        before, fds, env = self.keeper.given() if self.keeper else ([], [], {})
        self.daemon = subprocess.Popen([*before, *argv], stdout=self.log_file, stderr=self.log_file, cwd=self.dir, pass_fds=fds,
                                       env={**self.env, **self.daemon_env, **env}, **self.demoted())
        if wait:
            self.wait_ready()
            if clock and self.conf["simulated_clock"] == "yes":
                self.set_clock(clock)
                self.wait_live()

    def wait_ready(self, deadline_s=120):
        wait_until("hadird is ready", lambda: self.daemon.poll() is not None or self.admin("/readyz")[0] == 200, deadline_s)
        if self.daemon.poll() is not None:
            raise AssertionError(f"hadird ended with {self.daemon.returncode}\n{self.log()}")
        self.doors_agree()

    def wait_live(self, deadline_s=120):
        """The directory is confirmed and everything received is recorded."""
        def back():
            h = self.health()
            return h.get("status") in ("ok", "degraded") and not {r["code"] for r in h["reasons"]} - {
                "clock_simulated", "clock_unsynchronised", "spool_broken"}
        wait_until("health is back", back, deadline_s)

    def doors_agree(self, deadline_s=10):
        """Every door answers by the newest directory that was published. What one of them answers, the next request may not meet:
        the kernel chooses the door. Asked of the log, and not waited for any longer: a door may be refused a directory."""
        def agree():
            log = self.log()
            since = log[max(0, log.rfind("event=directory_published")):]
            published = re.match(r"event=directory_published kind=\w+ number=(\d+)", since)
            doors = [pid for pid, name in self.children().items() if name.startswith("door")]
            return published is None or all(re.search(rf"\[{pid}\] event=directory_adopted epoch=\d+ number={published[1]} ", since) for pid in doors)
        with contextlib.suppress(AssertionError):
            wait_until("the doors agree", agree, deadline_s)

    def reload(self):
        """SIGHUP, and what came of it: true when the new generation alone serves, false when it was refused."""
        before, old = len(self.log()), {pid for pid, name in self.children().items() if name != "ledger"}
        self.daemon.send_signal(signal.SIGHUP)
        came = wait_until("the log says what came of the reload", lambda: re.search(
            "event=reload_(failed|refused)|event=reload generation", self.log()[before:]))[0]
        if came != "event=reload generation":
            return False

        def alone():  # the log tells of the reload before the first new process is there
            now, health = self.children(), self.health()
            return not old & now.keys() and len(now) > len(old) and (
                health.get("status") in ("ok", "degraded") or "spool_full" in str(health))  # full is what one test makes it
        wait_until("the new generation alone serves", alone, 60)
        self.doors_agree()
        return True

    def set_clock(self, rfc3339):
        self.hadir("clock", rfc3339)

    def tick(self, seconds):
        """Moves the simulated clock on."""
        now = datetime.fromisoformat(self.now().replace("Z", "+00:00"))
        self.set_clock((now + timedelta(seconds=seconds)).isoformat())

    def stop(self, sig=signal.SIGTERM, deadline_s=120):
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(sig)
        code = self.daemon.wait(deadline_s)
        self.daemon = None
        self.log_file.close()
        return code

    def children(self):
        """pid -> role name of hadird's children, by their log role: from /proc, the supervisor sets each one's name."""
        found = {}
        for line in open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children").read().split():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found[int(line)] = open(f"/proc/{line}/comm").read().strip()
        return found

    def close(self):
        try:
            if self.daemon is not None and self.daemon.poll() is None:
                self.daemon.kill()
                self.daemon.wait(120)
            if self.keeper is not None:
                self.keeper.close()
        finally:
            run(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "-m", "immediate", "-w", "stop", check=False, user=self.user)
            if os.environ.get("HADIR_KEEP") != "1":
                shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if exc[0] is not None and self.daemon is not None:
            print(self.log()[-4000:])
        self.close()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    # ---- talking --------------------------------------------------------------------------------------------------
    def admin(self, path, method="GET", body=None):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def health(self):
        status, body = self.admin("/healthz")
        return json.loads(body) if body.startswith("{") else {}

    def metrics(self):
        """The lines of /metrics; no answer is not taken for zeros."""
        return wait_until("the metrics are told", lambda: [a for a in [self.admin("/metrics")] if a[0] == 200])[0][1].splitlines()

    def metric(self, name, **labels):
        """Sum of a metric's samples that carry these labels."""
        total = 0
        for line in self.metrics():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total += float(value)
        return total

    def counters(self):
        """Every sample of /metrics summed over roles: name, or name{reason="x"} as its own labels have it."""
        found = {}
        for line in self.metrics():
            if line and not line.startswith("#"):
                head, _, value = line.rpartition(" ")
                name, _, labels = head.partition("{")
                labels = ",".join(l for l in re.findall(r'\w+="[^"]*"', labels) if not l.startswith("role="))
                key = f"{name}{{{labels}}}" if labels else name
                found[key] = found.get(key, 0) + float(value)
        return found

    @contextlib.contextmanager
    def counted(self, deadline_s=60, **expected):
        """These counters grow by exactly that much inside the block. Names: dropped__slot_taken=1 is
        hadir_dropped_total{reason="slot_taken"}, unattributed=2 is hadir_unattributed_total."""
        def value(name):
            metric, _, label = name.partition("__")
            what = {"received": "channel", "acknowledged": "status"}.get(metric, "reason")
            now = self.counters()
            return sum(v for k, v in now.items() if k == f"hadir_{metric}_total"
                       or (not label and k.startswith(f"hadir_{metric}_total{{"))) if not label \
                else now.get(f'hadir_{metric}_total{{{what}="{label}"}}', 0)
        before = {n: value(n) for n in expected}
        yield
        with contextlib.suppress(AssertionError):
            wait_until("counters", lambda: all(value(n) - before[n] >= expected[n] for n in expected), deadline_s)
        got = {n: int(value(n) - before[n]) for n in expected}
        assert got == expected, f"counters grew by {got}, expected {expected}"

    def raw(self, data, timeout=60):
        """Bytes as they are, over TLS; what came back until the other end closed or one answer was whole:
        status, headers (lower case), body, closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as plain, \
                self.tls.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            s.settimeout(timeout)
            with contextlib.suppress(OSError):
                s.sendall(data)
            got, need = b"", None
            while need is None or len(got) < need:
                try:
                    piece = s.recv(65536)
                except (ConnectionError, ssl.SSLError):
                    piece = b""
                if not piece:
                    break
                got += piece
                if need is None and b"\r\n\r\n" in got:
                    head = got.split(b"\r\n\r\n")[0].decode()
                    length = re.search(r"(?im)^content-length: (\d+)", head)
                    need = len(head) + 4 + int(length.group(1) if length else 0)
            if not got:
                return 0, {}, b"", True
            head, _, body = got.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = {k.strip().lower(): v.strip() for k, _, v in (l.partition(":") for l in lines[1:])}
            closed = headers.get("connection", "").lower() == "close"
            return int(lines[0].split()[1]), headers, body, closed

    def request(self, method, path, body=None, headers=None, timeout=60):
        """status, headers, body of one request on a connection of its own."""
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def enroll(self, nip, channel="native", *more):
        return self.secret(self.hadir("enroll", nip, "--channel", channel, "--quiet", *more).stdout.strip())

    def grant(self, nip, role="supervisor", unit="LUTRA"):
        return self.secret(self.hadir("grant", nip, role, "--unit", unit, "--quiet").stdout.strip())

    def secret(self, text):
        if len(str(text)) >= 6:
            self.spoken.add(str(text))
        return text

    def checkin(self, token, lat=-2.562, lon=120.314, taken=None, id=None, sent=None, **more):
        self.secret(lat), self.secret(lon)
        item = {"id": id or str(uuid.uuid4()), "taken_at": taken or self.now(), "lat": lat, "lon": lon, "accuracy_m": 10}
        if sent:
            item["sent_at"] = sent
        item.update(more)
        return self.post(token, item)

    def post(self, token, item, language="en"):
        status, headers, body = self.request("POST", "/v1/checkins", json.dumps(item), {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept-Language": language})
        return status, json.loads(body) if body else None

    def now(self):
        return wait_until("hadird tells the time", lambda: self.health().get("now"))

    def known(self, token, deadline_s=120):
        """Waits until the doors know a fresh token."""
        wait_until("the doors know the token", lambda: self.request("GET", "/v1/me", headers={
            "Authorization": f"Bearer {token}"})[0] not in (401, 503), deadline_s)
        self.doors_agree()
        return token

    def owntracks(self, token, lat=-2.5621, lon=120.3141, at=None, t="u", user="p", body=None, **more):
        """One OwnTracks message; `at` is RFC 3339. status, body."""
        if body is None:
            item = {"_type": "location", "lat": self.secret(lat), "lon": self.secret(lon), "tst": epoch(at or self.now()), "acc": 12,
                    "tid": "p1", "t": t, "batt": 71, "conn": "m"}
            item.update(more)
            body = json.dumps(item)
        status, headers, answer = self.request("POST", "/in/owntracks", body, {
            "Authorization": basic(user, token), "Content-Type": "application/json; charset=utf-8",
            "X-Limit-U": "user", "X-Limit-D": "device"})
        return status, answer

    def osmand(self, token, lat=-2.5622, lon=120.3142, at=None, method="POST", form=False, **more):
        """Traccar Client below 9 (all in the URL), GPSLogger (GET) or a form. status, body."""
        pairs = {"id": token, "lat": self.secret(lat), "lon": self.secret(lon), "timestamp": epoch(at or self.now()),
                 "accuracy": 11.0}
        pairs.update(more)
        text = urllib.parse.urlencode({k: v for k, v in pairs.items() if v is not None})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, answer = self.request("POST", "/in/osmand", text, kind) if form else \
            self.request(method, f"/in/osmand?{text}", b"" if method == "POST" else None, kind if method == "POST" else {})
        return status, answer

    def traccar(self, token, lat=-2.5623, lon=120.3143, at=None, coords=True, **location):
        """Traccar Client from 9 on. status, body."""
        place = {"timestamp": at or self.now(), "is_moving": False, "event": "motionchange",
                 "battery": {"level": 0.81, "is_charging": False}, "activity": {"type": "still"}, "extras": {}}
        if coords:
            place["coords"] = {"latitude": self.secret(lat), "longitude": self.secret(lon), "accuracy": 9.5, "speed": -1,
                               "heading": -1, "altitude": 41.2}
        place.update(location)
        status, headers, answer = self.request("POST", "/in/osmand", json.dumps(
            {"device_id": token, "location": place, "_": "&id=&lat=&lon="}), {"Content-Type": "application/json"})
        return status, answer

    def rows(self):
        """How many facts there are: check-ins, unattributed locations, events."""
        return tuple(int(v) for v in self.sql("select (select count(*) from hadir.checkin), (select count(*) from "
                                              "hadir.unattributed), (select count(*) from hadir.event)")[0])

    def settled(self, token):
        """Everything sent before this is in the database: one more check-in went the same way behind it. Rows now."""
        status, answer = self.checkin(token)
        assert status == 200, (status, answer)
        id = answer["checkin"]
        wait_until("the last check-in is in the database",
                   lambda: self.value(f"select count(*) from hadir.checkin where id = '{id}'") == "1")
        return self.rows()

    @contextlib.contextmanager
    def ingest_held_up(self):
        """Reads go on, nothing can be written to hadir.checkin."""
        argv = ["runuser", "-u", self.user, "--"] if os.getuid() == 0 else []
        p = subprocess.Popen([*argv, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-h", f"{self.dir}/pg", "-U", "postgres", "-d",
                              "hadir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            p.stdin.write("begin; lock table hadir.checkin in share row exclusive mode; select 'held';\n")
            p.stdin.flush()
            assert p.stdout.readline().strip() == "held"
            yield
        finally:
            p.stdin.close()  # end of input: psql leaves, the transaction is undone
            p.wait(120)
            p.stdout.close()

    def silent(self):
        """What may not be in a log is not in it. Returns what is."""
        log = self.log() + "".join(open(p, errors="replace").read() for p in [f"{self.dir}/pg.log"] if os.path.exists(p))
        return sorted(s for s in self.spoken if s in log)

    def restarts(self):
        return int(self.metric("hadir_restarts_total"))

    def presence(self, token, unit="LUTRA", day=DAY, accept="application/json"):
        status, headers, body = self.request("GET", f"/v1/units/{unit}/presence?date={day}", headers={
            "Authorization": f"Bearer {token}", "Accept": accept})
        return status, (json.loads(body) if accept.endswith("json") else body.decode())

    def whatsapp(self, value, secret=None):
        body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
            {"field": "messages", "value": dict({"messaging_product": "whatsapp", "metadata": {
                "display_phone_number": "6280000000000", "phone_number_id": BUSINESS}}, **value)}]}]}).encode()
        key = (secret or self.app_secret).encode()
        return self.request("POST", "/in/whatsapp", body, {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()})


def epoch(rfc3339):
    return int(datetime.fromisoformat(rfc3339.replace("Z", "+00:00")).timestamp())


def receipt_bytes(body):
    """The receipt of an answer to one check-in, byte for byte."""
    start, end = body.index(b'"receipt":') + 10, body.index(b',"coordinate_salt"')
    return body[start:end]


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Tests:
    """Collects and counts: each test is a function; one house per module. Ends with the plain line."""

    def __init__(self):
        self.tests = []

    def __call__(self, f):
        self.tests.append(f)
        return f

    def main(self, *args):
        passed = failed = 0
        wanted = sys.argv[1:]
        for t in self.tests:
            if wanted and t.__name__ not in wanted:
                continue
            started = time.monotonic()
            try:
                t(*args)
                passed += 1
                print(f"ok {t.__name__} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception as e:  # a failed test must not hide the others
                failed += 1
                import traceback
                traceback.print_exc(file=sys.stdout)
                print(f"FAIL {t.__name__}: {e}", flush=True)
        print(f"{passed} passed, {failed} failed")
        return 1 if failed or not passed else 0
