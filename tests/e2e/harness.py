"""What the end-to-end tests share: a throw-away PostgreSQL cluster, a hadird of this build, clients over TLS.

Everything lives in one temporary folder, listens on loopback and Unix sockets only, and is ended by its own process
id. Nothing sleeps to wait: `wait_until` asks again until a deadline."""
import base64, contextlib, csv, hashlib, hmac, http.client, json, os, pwd, shutil, signal, socket, ssl, subprocess, sys
import tempfile, time, urllib.parse, uuid

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PGBIN = "/usr/lib/postgresql/15/bin"
EXAMPLE = f"{TOP}/deploy/example"
BUILD = os.path.abspath(os.environ.get("HADIR_BUILD", f"{TOP}/build-test"))
ROLES = ["postgres", "hadir_owner", "hadir_query", "hadir_operator", "hadir_intake", "hadir_planner", "hadir_messenger",
         "hadir_nightly", "hadir_admin"]
BUSINESS = "100000000000001"
DAY = "2025-12-29"


def wait_until(what, ask, deadline_s=30, every_s=0.05):
    """Calls ask() until it gives something true; fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        got = ask()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(every_s)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*argv, input=None, check=True, env=None, user=None, timeout=120):
    if user is not None and os.getuid() == 0:
        argv = ("runuser", "-u", user, "--", *argv)
    done = subprocess.run(argv, capture_output=True, text=True, input=input, env=env, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


class House:
    """A temporary folder with a cluster, a configuration and (when started) a hadird."""

    def __init__(self, name, example=True, **conf):
        self.user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self.dir = tempfile.mkdtemp(prefix=f"hadir-{name}-")
        if os.getuid() == 0:
            shutil.chown(self.dir, self.user, self.user)
        self.port, self.admin_port = free_port(), free_port()
        self.daemon = None
        self.log_path = f"{self.dir}/hadird.log"
        self.env = dict(os.environ, HADIR_CONF=f"{self.dir}/hadird.conf", HADIR_LANGUAGE="en")
        self.tls = ssl.create_default_context()
        self.conf = {
            "admin_listen": f"127.0.0.1:{self.admin_port}", "database": f"host={self.dir}/pg dbname=hadir",
            "directory_dir": "directory", "doors": "2", "desks": "1", "export_dir": "export",
            "listen": f"127.0.0.1:{self.port}", "public_url": f"https://127.0.0.1:{self.port}",
            "receipt_key": "secret/receipt.key", "simulated_clock": "yes", "spool_dir": "spool", "spool_free_floor_mb": "16",
            "language": "en", "tls_certificate": "secret/tls.crt", "tls_key": "secret/tls.key",
            "whatsapp_app_secret": "secret/whatsapp-app-secret", "whatsapp_verify_token": "secret/whatsapp-verify-token"}
        self.conf.update(conf)
        self.make_files()
        self.make_cluster()
        self.migrate()
        if example:
            self.load_example()

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
        self.as_user(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "-l", f"{self.dir}/pg.log", "-w", "-t", "60", "start")

    def stop_database(self, mode="immediate"):
        self.as_user(f"{PGBIN}/pg_ctl", "-D", f"{self.dir}/data", "-m", mode, "-w", "stop")

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
                           ("hours", f"{TOP}/sql/reference/hours-perpres-21-2023.csv"),
                           ("units", f"{EXAMPLE}/units.csv"), ("people", f"{EXAMPLE}/people.csv"),
                           ("fences", f"{EXAMPLE}/fences.geojson"),
                           ("policies", f"{TOP}/sql/policies/luwu-utara-2025-12.csv")):
            self.hadir("import", what, path)
        with open(f"{EXAMPLE}/people.csv", newline="") as f:
            self.people = list(csv.DictReader(f))

    # ---- programs -------------------------------------------------------------------------------------------------
    def hadir(self, *args, check=True, **kw):
        return run(f"{BUILD}/daemon/hadir", *args, check=check, env=self.env, user=self.user, **kw)

    def start(self, wait=True, clock=f"{DAY}T07:00:00+08:00"):
        self.log_file = open(self.log_path, "ab")
        argv = [f"{BUILD}/daemon/hadird", "-c", f"{self.dir}/hadird.conf"]
        if os.getuid() == 0:
            user = pwd.getpwnam(self.user)
            demote = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        else:
            demote = {}
        self.daemon = subprocess.Popen(argv, stdout=self.log_file, stderr=self.log_file, env=self.env, cwd=self.dir, **demote)
        if wait:
            self.wait_ready()
            if clock and self.conf["simulated_clock"] == "yes":
                self.set_clock(clock)
                self.wait_live()

    def wait_ready(self, deadline_s=60):
        wait_until("hadird is ready", lambda: self.daemon.poll() is not None or self.admin("/readyz")[0] == 200, deadline_s)
        if self.daemon.poll() is not None:
            raise AssertionError(f"hadird ended with {self.daemon.returncode}\n{self.log()}")

    def wait_live(self, deadline_s=30):
        """The directory is confirmed and everything received is recorded."""
        wait_until("health is back", lambda: self.health().get("status") in ("ok", "degraded")
                   and not {r["code"] for r in self.health().get("reasons", [])} - {"clock_simulated", "clock_unsynchronised"}, deadline_s)

    def set_clock(self, rfc3339):
        self.hadir("clock", rfc3339)

    def stop(self, sig=signal.SIGTERM, deadline_s=40):
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
            with contextlib.suppress(FileNotFoundError):
                found[int(line)] = open(f"/proc/{line}/comm").read().strip()
        return found

    def close(self):
        try:
            if self.daemon is not None and self.daemon.poll() is None:
                self.daemon.kill()
                self.daemon.wait(20)
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
            c = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
            c.request(method, path, body)
            r = c.getresponse()
            return r.status, r.read().decode()
        except OSError:
            return 0, ""

    def health(self):
        status, body = self.admin("/healthz")
        return json.loads(body) if body.startswith("{") else {}

    def metric(self, name, **labels):
        """Sum of a metric's samples that carry these labels."""
        total = 0
        for line in self.admin("/metrics")[1].splitlines():
            head, _, value = line.rpartition(" ")
            if head.split("{")[0] == name and all(f'{k}="{v}"' in head for k, v in labels.items()):
                total += float(value)
        return total

    def request(self, method, path, body=None, headers=None, timeout=30):
        """status, headers, body of one request on a connection of its own."""
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def enroll(self, nip, channel="native", *more):
        return self.hadir("enroll", nip, "--channel", channel, "--quiet", *more).stdout.strip()

    def grant(self, nip, role="supervisor", unit="LUTRA"):
        return self.hadir("grant", nip, role, "--unit", unit, "--quiet").stdout.strip()

    def checkin(self, token, lat=-2.562, lon=120.314, taken=None, id=None, sent=None, **more):
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
        return self.health()["now"]

    def known(self, token, deadline_s=20):
        """Waits until the doors know a fresh token."""
        wait_until("the doors know the token", lambda: self.request("GET", "/v1/me", headers={
            "Authorization": f"Bearer {token}"})[0] != 401, deadline_s)
        return token

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
