"""Running hadird: what it refuses to start with, signals, reloads under load, metrics, health, the doctor."""
import contextlib, json, os, re, signal, socket, ssl, subprocess, threading, time, uuid
from harness import BUILD, DAY, TOP, House, Tests, epoch, free_port, run, wait_until

test = Tests()
AT = f"{DAY}T07:00:00+08:00"


def hadird(house, *args, conf="hadird.conf", timeout=120):
    """exit status and what it wrote, of a run that should end by itself"""
    done = run(f"{BUILD}/daemon/hadird", *args, "-c", f"{house.dir}/{conf}", check=False, env=house.env, user=house.user,
               timeout=timeout)
    return done.returncode, done.stdout + done.stderr


def other_conf(house, name, **changes):
    keep = dict(house.conf)
    house.write(name, "[hadird]\n" + "".join(f"{k} = {v}\n" for k, v in dict(keep, **changes).items() if v is not None))
    return name


@contextlib.contextmanager
def configured(house, **changes):
    """The house's own configuration with changes; as it was afterwards."""
    before = dict(house.conf)
    house.conf.update(changes)
    house.write_conf()
    try:
        yield
    finally:
        house.conf = before
        house.write_conf()


def certificate(house):
    with socket.create_connection(("127.0.0.1", house.port), timeout=60) as plain:
        with house.tls.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            return s.getpeercert(binary_form=True)


def logged(house, text, times=1):
    wait_until(f"the log says {text}", lambda: house.log().count(text) >= times)


@test
def the_check_lists_every_problem(house):
    code, said = hadird(house, "-n")
    assert code == 0, said
    house.write("bad.conf", "[hadird]\nlisten = nowhere\nadmin_listen = 0.0.0.0:8081\ndesks = 99\nlisten = 127.0.0.1:1\ncolour = red\n"
                "database = host=/tmp dbname=hadir user=me\nsimulated_clock = perhaps\nlanguage = fr\nno equals sign\n"
                "receipt_key = secret/receipt.key\nwhatsapp_app_secret = secret/whatsapp-app-secret\n[other]\nx = y\n")
    code, said = hadird(house, "-n", conf="bad.conf")
    assert code == 1, said
    for word in ("listen", "admin_listen", "desks", "colour", "database", "simulated_clock", "language", "spool_dir", "directory_dir",
                 "export_dir", "tls_certificate", "tls_key", "whatsapp_verify_token", "twice", "section", "key = value"):
        assert word in said, f"{word} is not named in\n{said}"
    assert len(said.splitlines()) >= 15 and re.search(r"bad\.conf:6: colour", said), said
    conf = other_conf(house, "worse.conf", tls_certificate="secret/none.crt", receipt_key="secret/tls.key", spool_dir="nowhere",
                      whatsapp_app_secret="secret/loose", whatsapp_verify_token="secret/empty", directory_dir="hadird.conf")
    house.write("secret/loose", "secret\n", 0o640)
    house.write("secret/empty", "\n")
    code, said = hadird(house, "-n", conf=conf)
    assert code == 1, said
    for word in ("none.crt", "receipt_key", "spool_dir", "chmod 600", "empty", "directory_dir"):
        assert word in said, f"{word} is not named in\n{said}"
    code, said = hadird(house, conf=conf)
    assert code == 1 and "chmod 600" in said, said
    assert hadird(house, "-n", conf="missing.conf")[0] == 1
    assert hadird(house, "--nonsense")[0] == 2


@test
def secrets_that_others_can_read_are_refused(house):
    for name in ("receipt.key", "tls.key", "whatsapp-app-secret", "whatsapp-verify-token"):
        path = f"{house.dir}/secret/{name}"
        for mode in (0o640, 0o604, 0o660):
            os.chmod(path, mode)
            code, said = hadird(house, "-n")
            assert code == 1 and name in said, f"{name} with mode {mode:o}: {said}"
        os.chmod(path, 0o600)
    assert hadird(house, "-n")[0] == 0


@test
def a_database_that_may_lose_what_it_said_is_refused(house):
    for setting, value in (("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")):
        house.sql(f"alter system set {setting} = {value}")
        house.stop_database("fast")
        house.start_database()
        code, said = hadird(house)
        assert code == 1 and "event=database_unsafe" in said and setting in said, f"{setting}: {said}"
        done = house.hadir("doctor", check=False)
        assert done.returncode == 1 and setting in done.stdout + done.stderr, done.stdout
        house.sql(f"alter system reset {setting}")
    house.stop_database("fast")
    house.start_database()


@test
def the_way_to_ready(house):
    house.start(clock=AT)
    house.token = house.known(house.enroll(house.people[0]["nip"]))
    assert house.admin("/readyz") == (200, "ready\n") and house.health()["status"] == "degraded"
    assert [r["code"] for r in house.health()["reasons"]] == ["clock_simulated"], house.health()
    assert house.health()["clock"] == "simulated" and "event=clock_simulated" in house.log()
    assert house.checkin(house.token)[1]["receipt"]["fact"]["clock"] == "simulated"
    for method, path, status in (("GET", "/", 404), ("POST", "/metrics", 405), ("GET", "/clock", 405), ("DELETE", "/healthz", 405)):
        assert house.admin(path, method)[0] == status, (method, path)
    for body in (b"", b"yesterday", b"2025-12-29T07:00:00", b"1999-01-01T00:00:00Z", b"x" * 2000):
        assert house.admin("/clock", "POST", body)[0] in (400, 413), body
    done = house.hadir("clock", "soon", check=False)
    assert done.returncode == 2, done.stderr
    done = house.hadir("clock", "1999-01-01T00:00:00Z", check=False)
    assert done.returncode == 1 and "refused: 400 the clock may be moved by 20 years at most" in done.stderr, done.stderr


@test
def a_second_daemon_on_the_spool_is_refused(house):
    conf = other_conf(house, "second.conf", listen=f"127.0.0.1:{free_port()}", admin_listen=f"127.0.0.1:{free_port()}")
    second = []  # it tries for a while: the first may be about to leave
    waiting = threading.Thread(target=lambda: second.append(hadird(house, conf=conf)), daemon=True)
    waiting.start()
    conf = other_conf(house, "third.conf", spool_dir="spool2")
    os.makedirs(f"{house.dir}/spool2", exist_ok=True)
    run("chown", house.user, f"{house.dir}/spool2")
    code, said = hadird(house, conf=conf)  # the address is taken
    assert code == 1 and "event=listen_failed" in said, said
    for _ in range(20):
        assert house.checkin(house.token)[0] == 200
    waiting.join(150)
    code, said = second[0]
    assert code == 1 and "event=ledger_cannot_start" in said and "spool" in said, said
    assert house.checkin(house.token)[0] == 200 and house.restarts() == 0


METRICS = {  # what the operator's dashboards ask for
    "hadir_received_total": "channel", "hadir_acknowledged_total": "status", "hadir_dropped_total": "reason",
    "hadir_refused_total": "reason", "hadir_busy_total": "reason", "hadir_unattributed_total": None, "hadir_spool_depth": None, "hadir_spool_files": "state",
    "hadir_spool_oldest_seconds": None, "hadir_spool_groups_total": None, "hadir_spool_group_rows_total": None,
    "hadir_spool_group_microseconds_total": None, "hadir_spool_group_last_microseconds": None, "hadir_spool_group_last_rows": None,
    "hadir_ingest_lag_milliseconds": None, "hadir_ingested_total": None, "hadir_directory_version": None,
    "hadir_directory_people": None, "hadir_database_up": "role", "hadir_restarts_total": None, "hadir_http_requests_total": None,
    "hadir_connections_open": None, "hadir_tls_handshake_failures_total": None}


@test
def metrics_are_prometheus_text(house):
    status, text = house.admin("/metrics")
    assert status == 200 and text.endswith("\n")
    kinds, samples, last = {}, {}, None
    for line in text.splitlines():
        if m := re.fullmatch(r"# HELP (\w+) (.+)", line):
            assert m.group(1) not in kinds, f"{m.group(1)} twice"
            last = m.group(1)
        elif m := re.fullmatch(r"# TYPE (\w+) (counter|gauge)", line):
            assert m.group(1) == last, line
            kinds[last] = m.group(2)
        else:
            m = re.fullmatch(r'(\w+)(?:\{((?:\w+="[^"\\]*",?)*)\})? (-?[0-9.e+]+)', line)
            assert m, f"no sample: {line}"
            assert m.group(1) == last and line.rpartition(" ")[0] not in samples, line
            samples[line.rpartition(" ")[0]] = float(m.group(3))
    for name, label in METRICS.items():
        mine = [s for s in samples if re.match(rf"{name}(\{{|$)", s)]
        assert mine, f"{name} is missing"
        assert (kinds[name] == "counter") == name.endswith("_total"), (name, kinds[name])
        assert label is None or all(f'{label}="' in s for s in mine), mine
    age = [s for s in samples if s.startswith("hadir_directory_age_seconds")]
    assert age and samples[age[0]] < 60, "the directory's age"
    roles = {m for s in samples for m in re.findall(r'role="([^"]+)"', s)}
    assert {"ledger", "planner", "supervisor"} <= roles and any("door" in r for r in roles) and any("desk" in r for r in roles), roles
    assert house.metric("hadir_directory_people") == 600


@test
def a_new_certificate_on_sighup(house):
    old = certificate(house)
    old_tls = house.tls
    house.make_certificate()  # the new pair lies there, unread
    house.tls, new_tls = old_tls, house.tls
    assert certificate(house) == old
    assert house.reload()
    house.tls = new_tls
    wait_until("the new one is served", lambda: certificate(house) != old)
    new = certificate(house)
    assert ssl.DER_cert_to_PEM_cert(new).strip() == open(f"{house.dir}/secret/tls.crt").read().strip()
    good = open(f"{house.dir}/secret/tls.crt").read(), open(f"{house.dir}/secret/tls.key").read()
    for broken in (("secret/tls.crt", "nonsense\n"), ("secret/tls.key", "nonsense\n"), ("secret/tls.crt", "")):
        house.write(*broken)
        assert not house.reload()
        assert certificate(house) == new and house.checkin(house.token)[0] == 200
        house.write("secret/tls.crt", good[0])
        house.write("secret/tls.key", good[1])
    house.write("hadird.conf", "[hadird]\nnonsense = 1\n")
    assert not house.reload()
    house.write_conf()
    assert house.reload()
    assert house.checkin(house.token)[0] == 200 and house.restarts() == 0


@test
def a_reload_under_load_loses_nothing(house):
    stop, answers, errors = threading.Event(), [], []

    def phone():
        while not stop.is_set():
            id = str(uuid.uuid4())
            try:
                status, answer = house.checkin(house.token, id=id, taken=AT)
                (answers if status == 200 else errors).append((id, status, answer))
            except Exception as e:
                errors.append((id, repr(e), None))
    crowd = [threading.Thread(target=phone, daemon=True) for _ in range(4)]
    for t in crowd:
        t.start()
    pids = set(house.children())
    for _ in range(12):
        count = len(answers)
        assert house.reload()
        wait_until("it goes on", lambda: len(answers) > count + 10)
    stop.set()
    for t in crowd:
        t.join(30)
    assert not errors, errors[:3]
    kept = {answer["checkin"] for id, status, answer in answers}
    wait_until("all are in the table", lambda: kept <= {r[0] for r in house.sql("select id from hadir.checkin")})
    now = house.children()
    stayed = [name for pid, name in now.items() if pid in pids]
    assert len(stayed) == 1 and "ledger" in stayed[0], f"only the ledger stays: {stayed} of {now}"
    assert house.restarts() == 0
    print(f"# {len(answers)} check-ins over twelve reloads")


@test
def fifty_reloads_in_a_row_leave_nothing_behind(house):
    held = lambda: len(os.listdir(f"/proc/{house.daemon.pid}/fd"))
    assert house.reload()
    before, from_here = held(), len(house.log())
    for i in range(50):
        house.daemon.send_signal(signal.SIGHUP)
        wait_until("it was handled", lambda: len(re.findall("event=reload_refused|event=reload generation", house.log()[from_here:])) > i)
    wait_until("the old generations are gone", lambda: len(house.children()) == 5)
    # a directory's delta or an administrator's connection more or less; fifty of anything left behind would be seen
    assert house.reload() and held() < before + 10, (before, held())
    assert house.checkin(house.token)[0] == 200
    # doors that end while a directory goes out to all are not mistaken for ones that hang
    assert "control_full" not in house.log()[from_here:] and house.restarts() == 0


@test
def a_full_disk_is_503_and_passes(house):
    with configured(house, spool_free_floor_mb="1048576"):
        assert house.reload()
        wait_until("the ledger refuses", lambda: house.checkin(house.token)[0] == 503)
        wait_until("the doors know", lambda: "spool_full" in {r["code"] for r in house.health()["reasons"]})
        status, headers, body = house.request("POST", "/v1/checkins", "{}", {"Authorization": f"Bearer {house.token}"})
        assert status == 503 and int(headers["Retry-After"]) > 0 and json.loads(body)["code"] == "unavailable"
        nip = house.people[1]["nip"]
        tracker = house.enroll(nip, "owntracks")
        wait_until("the tracker is known", lambda: house.owntracks(tracker)[0] == 503)
        assert house.whatsapp({"messages": []})[0] == 503
        assert house.admin("/healthz")[0] == 503 and house.health()["status"] == "failing"
        done = house.hadir("doctor", check=False)
        assert done.returncode == 1 and "spool_full" in done.stdout, done.stdout
    assert house.reload()
    wait_until("it takes check-ins again", lambda: house.checkin(house.token)[0] == 200)
    assert house.admin("/healthz")[0] == 200


@test
def a_database_that_turns_unsafe_is_not_used(house):
    house.sql("alter system set fsync = off")
    house.sql("select pg_reload_conf()")
    house.stop_database("fast")
    house.start_database()
    wait_until("health tells", lambda: "database_unsafe" in {r["code"] for r in house.health().get("reasons", [])})
    status, answer = house.checkin(house.token)
    assert status == 200, answer
    house.sql("alter system reset fsync")
    house.stop_database("fast")
    house.start_database()
    wait_until("it is recorded then", lambda: house.value(
        f"select count(*) from hadir.checkin where id = '{answer['checkin']}'") == "1", 60)
    house.wait_live(60)


@test
def the_doctor(house):
    done = house.hadir("doctor", check=False)
    said = done.stdout
    assert "clock_simulated" in said and done.returncode == 1, said  # a demonstration is never healthy
    wrong = [line for line in said.splitlines() if line.startswith("WRONG")]
    assert len(wrong) == 2 and any("598" in line for line in wrong), said  # most people have nothing to send with yet
    house.stop_database("fast")
    done = house.hadir("doctor", check=False)
    assert done.returncode == 1 and "PostgreSQL" in done.stdout and "→" in done.stdout, done.stdout
    wait_until("health tells", lambda: {"database_down_ledger", "database_down_planner", "database_down_desk", "database_down_operator"}
               <= {r["code"] for r in house.health()["reasons"]})
    known = set(re.findall(r"(?m)^## (.+)$", open(f"{TOP}/deploy/RUNBOOK.md").read()))
    known = {name for head in known for name in head.split(", ")}
    for r in house.health()["reasons"]:
        assert r["code"] in known, f"RUNBOOK.md has nothing under {r['code']}"
    house.start_database()
    house.wait_live(60)


@test
def sigterm_finishes_what_is_under_way(house):
    body = json.dumps({"id": str(uuid.uuid4()), "taken_at": AT, "lat": -2.562, "lon": 120.314, "accuracy_m": 5}).encode()
    head = (f"POST /v1/checkins HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.token}\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", house.port), timeout=60) as plain, \
            house.tls.wrap_socket(plain, server_hostname="127.0.0.1") as s:
        s.sendall(head)
        assert s.recv(100).startswith(b"HTTP/1.1 100")  # the door has the head and waits for the body
        house.daemon.send_signal(signal.SIGTERM)
        wait_until("it takes nothing new", lambda: "stopping" in {r["code"] for r in house.health().get("reasons", [])}
                   or house.admin("/readyz")[0] != 200)
        s.sendall(body)
        got = b""
        with contextlib.suppress(OSError):
            while piece := s.recv(65536):
                got += piece
    assert got.startswith(b"HTTP/1.1 200") and b'"status":"accepted"' in got, got
    assert house.daemon.wait(120) == 0
    house.daemon = None
    id = json.loads(got.split(b"\r\n\r\n", 1)[1])["checkin"]
    assert house.value(f"select count(*) from hadir.checkin where id = '{id}'") in ("0", "1")
    house.start(clock=AT)
    wait_until("it is recorded", lambda: house.value(f"select count(*) from hadir.checkin where id = '{id}'") == "1")
    assert house.stop(signal.SIGINT) == 0


@test
def without_the_simulated_clock_there_is_none(house):
    house.stop()
    with configured(house, simulated_clock="no"):
        house.start()
        assert house.admin("/clock", "POST", AT.encode())[0] == 404
        done = house.hadir("clock", AT, check=False)
        assert done.returncode == 1 and "simulated_clock" in done.stderr, done.stderr
        assert house.health()["clock"] in ("synchronised", "unsynchronised")
        assert abs(time.time() - epoch(house.now())) < 30
        status, answer = house.checkin(house.token, taken=house.now(), sent=house.now())
        assert status == 200 and "clock_simulated" not in answer["flags"], answer
        unsynchronised = house.health()["clock"] == "unsynchronised"
        assert ("clock_unsynchronised" in answer["flags"]) == unsynchronised, (answer, house.health())
        assert ("clock_unsynchronised" in {r["code"] for r in house.health()["reasons"]}) == unsynchronised
        assert answer["receipt"]["fact"]["clock"] == house.health()["clock"], answer["receipt"]
        assert house.stop() == 0


@test
def nothing_in_the_log(house):
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("operate") as house:
        code = test.main(house)
    raise SystemExit(code)
