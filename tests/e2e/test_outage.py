"""PostgreSQL away, and PostgreSQL back as it once was: phones do not notice, and nothing acknowledged is lost.

The last two tests are the backups and restores of deploy/RUNBOOK.md, step by step: a dump, and a copy of the files."""
import http.client, json, os, shutil, signal, time, uuid
from harness import DAY, PGBIN, TOP, House, Tests, receipt_bytes, run, wait_until

test = Tests()
AT = f"{DAY}T07:00:00+08:00"


class Phone:
    """One connection kept open; every check-in it was told is safe."""

    def __init__(self, house, token):
        self.house, self.token, self.kept = house, token, {}
        self.connection = None

    def say(self, item, fresh=False):
        body = json.dumps(item)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept-Language": "en"}
        if fresh:
            status, _, answer = self.house.request("POST", "/v1/checkins", body, headers)
            return status, answer
        if self.connection is None:
            self.connection = http.client.HTTPSConnection("127.0.0.1", self.house.port, context=self.house.tls, timeout=60)
        self.connection.request("POST", "/v1/checkins", body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def leave(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def checkin(self, **more):
        n = len(self.kept)
        item = {"id": str(uuid.uuid4()), "taken_at": AT, "sent_at": self.house.now(), "lat": round(-2.562 - n / 1e6, 6),
                "lon": 120.314, "accuracy_m": 10, **more}
        self.house.secret(item["lat"])
        status, answer = self.say(item)
        assert status == 200, (status, answer)
        self.kept[item["id"]] = (item, receipt_bytes(answer), json.loads(answer))
        return self.kept[item["id"]]

    def retry_all(self):
        """The first receipt, byte for byte, over a connection of its own each time."""
        for id, (item, receipt, answer) in self.kept.items():
            status, again = self.say(dict(item, sent_at=self.house.now()), fresh=True)
            assert status == 200 and json.loads(again)["status"] == "duplicate", again
            assert receipt_bytes(again) == receipt, f"another receipt than the first\n{receipt}\n{receipt_bytes(again)}"

    def state(self, id):
        status, _, body = self.house.request("GET", f"/v1/checkins/{id}", headers={"Authorization": f"Bearer {self.token}"})
        return status, json.loads(body)


def in_table(house, phone):
    """Every kept check-in once, with its times, and nothing else of the phone."""
    rows = house.sql(f"""select k.key, c.id, to_char(c.received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                         to_char(c.fix_at at time zone 'Asia/Makassar', 'YYYY-MM-DD"T"HH24:MI:SS"+08:00"'), c.status
                         from hadir.checkin c join hadir.checkin_key k on k.checkin = c.id
                         where c.device = (select id from hadir.device where token_hash = sha256('{phone.token}'))""")
    got = {str(uuid.UUID(key.replace("\\x", ""))): rest for key, *rest in rows}
    assert len(got) == len(rows), "something is there twice"
    return len(got) == len(phone.kept) and all(
        got.get(id) == [answer["checkin"], answer["received_at"], item["taken_at"], "recorded"]
        for id, (item, receipt, answer) in phone.kept.items())


def fresh(house, i):
    house.start_database()  # a test that failed may have left it stopped
    return Phone(house, house.known(house.enroll(house.people[i]["nip"])))


@test
def phones_do_not_notice_an_outage(house):
    phone = fresh(house, 0)
    before = phone.checkin()
    wait_until("it is recorded", lambda: phone.state(before[0]["id"])[1].get("state") == "recorded")
    house.stop_database("immediate")
    until = time.monotonic() + float(os.environ.get("HADIR_OUTAGE_S", "0"))  # 3600: the hour of the design
    while len(phone.kept) < 21 or time.monotonic() < until:
        phone.checkin()
        time.sleep(1 if until > time.monotonic() else 0)
    print(f"# {len(phone.kept) - 1} check-ins acknowledged while the database was away")
    phone.retry_all()
    last = list(phone.kept.values())[-1]
    for name in (last[0]["id"], last[2]["checkin"]):
        status, answer = phone.state(name)
        assert status == 200 and answer["state"] == "received", (status, answer)
    status, answer = phone.state(str(uuid.uuid4()))
    assert status == 503, "nobody knows whether the database has it"
    assert house.presence(house.everything)[0] == 503
    down = {"database_down_ledger", "database_down_planner", "database_down_desk", "database_down_operator"}
    wait_until("health names all of them", lambda: down <= {r["code"] for r in house.health()["reasons"]})
    assert house.admin("/readyz")[0] == 200 and house.health()["status"] == "degraded"
    wait_until("metrics tell", lambda: house.metric("hadir_database_up") == 0 and house.metric("hadir_spool_depth") >= 20)
    house.start_database()
    start = time.monotonic()
    wait_until("all is in the table, once, with its times", lambda: in_table(house, phone))
    print(f"# all in the table {time.monotonic() - start:.2f} s after the database was back")
    for name in (last[0]["id"], last[2]["checkin"]):
        status, answer = phone.state(name)
        assert status == 200 and answer["state"] in ("recorded", "decided") and answer["verdict"] == "on_time", answer
    assert phone.state(str(uuid.uuid4()))[0] == 404
    other = fresh(house, 1)
    assert other.state(last[2]["checkin"])[0] == 404, "another one's check-in is nobody's"
    phone.retry_all()
    house.wait_live()
    phone.leave()


@test
def a_restart_without_the_database(house):
    phone = fresh(house, 2)
    phone.checkin()
    wait_until("it is in the table", lambda: in_table(house, phone))
    house.stop_database("immediate")
    phone.checkin()
    phone.leave()
    assert house.stop() == 0
    house.start(clock=None)
    house.set_clock(AT)
    reasons = {r["code"] for r in house.health()["reasons"]}
    assert "directory_unconfirmed" in reasons, reasons
    first = phone.checkin()[2]
    assert first["verdict"] == "on_time" and first["session"] == "pagi" and first["place"] == "WFO", first
    phone.retry_all()
    # who is not known now may have been enrolled meanwhile: come again, on every channel
    status, headers, body = house.request("POST", "/v1/checkins", "{}", {"Authorization": "Bearer AAAAAAAAAAAAAAAAAAAAAA"})
    assert status == 503 and int(headers["Retry-After"]) > 0 and json.loads(body)["code"] == "unavailable", (status, body)
    assert house.owntracks("AAAAAAAAAAAAAAAAAAAAAA")[0] == 503
    assert house.osmand("AAAAAAAAAAAAAAAAAAAAAA")[0] == 503
    assert house.traccar("AAAAAAAAAAAAAAAAAAAAAA")[0] == 503
    assert house.whatsapp({"messages": [{"from": "6280000999999", "id": "wamid.o", "type": "location", "timestamp": "1766962800",
                                         "location": {"latitude": -2.5, "longitude": 120.3}}]})[0] == 200
    house.start_database()
    wait_until("all is in the table", lambda: in_table(house, phone))
    house.wait_live()
    wait_until("now it is sure", lambda: house.owntracks("AAAAAAAAAAAAAAAAAAAAAA")[0] == 401)
    phone.retry_all()
    phone.leave()


@test
def a_lock_that_lasts_makes_nothing_poisonous(house):
    phone = fresh(house, 3)
    with house.ingest_held_up():
        phone.checkin()
        # the server ends the waiting statement after its lock_timeout; that is no fault of the row
        wait_until("a batch was put off", lambda: "event=ingest_put_off" in house.log().split("event=ready")[-1], 120)
        phone.checkin()
        phone.retry_all()
    wait_until("both are recorded", lambda: in_table(house, phone))
    assert house.metric("hadir_ingest_poison_total") == 0
    phone.leave()


def ago(house, phone, back_up, restore):
    """Back up, go on, put the old state back: everything acknowledged since is sent again."""
    for _ in range(3):
        phone.checkin()
    wait_until("they are recorded", lambda: in_table(house, phone))
    back_up()
    for _ in range(10):
        phone.checkin()
    wait_until("they are recorded", lambda: in_table(house, phone))
    lost = phone.checkin  # while the database is away, too
    replays = house.metric("hadir_ingest_replays_total")
    restore(lost)
    wait_until("everything is there again", lambda: in_table(house, phone), 90)
    house.wait_live(90)
    assert house.metric("hadir_ingest_replays_total") > replays, "nothing was replayed"
    phone.retry_all()
    phone.checkin()
    wait_until("it goes on", lambda: in_table(house, phone))
    phone.leave()


@test
def a_dump_is_put_back_and_replayed(house):
    """RUNBOOK.md: Backup, Restore."""
    phone, dump = fresh(house, 4), f"{house.dir}/hadir.dump"
    where = ["-h", f"{house.dir}/pg", "-U", "postgres"]

    def back_up():
        house.as_user(f"{PGBIN}/pg_dump", *where, "-Fc", "-d", "hadir", "-f", dump)

    def restore(checkin):
        house.sql("drop database hadir with (force)", database="postgres")
        checkin()
        house.psql_file("postgres", f"{TOP}/sql/bootstrap.sql")
        house.sql("create database hadir owner hadir_owner", database="postgres")
        house.as_user(f"{PGBIN}/pg_restore", *where, "-d", "hadir", "--exit-on-error", dump)
        house.migrate()
        checkin()
    ago(house, phone, back_up, restore)
    # the restored database is guarded as the old one was
    assert house.sql("select count(*) from api.presence('LUTRA', '2025-12-29', now())", user="hadir_query")[0][0] == "0"
    done = run(f"{PGBIN}/psql", "-X", "-q", "-h", f"{house.dir}/pg", "-U", "hadir_query", "-d", "hadir", "-c",
               "select * from hadir.checkin", check=False, user=house.user)
    assert done.returncode != 0 and "permission denied" in done.stderr, done.stderr


@test
def the_files_of_before_are_put_back_and_replayed(house):
    phone, data, kept = fresh(house, 5), f"{house.dir}/data", f"{house.dir}/data.before"

    def back_up():
        house.stop_database("fast")
        shutil.copytree(data, kept, copy_function=shutil.copy2)
        if os.getuid() == 0:
            run("chown", "-R", f"{house.user}:", kept)
        house.start_database()
        house.wait_live()
        known = house.known(house.enroll(house.people[6]["nip"]))  # the old state will not know this one
        back_up.token = known

    def restore(checkin):
        house.stop_database("immediate")
        checkin()
        shutil.rmtree(data)
        os.rename(kept, data)
        house.start_database()
    ago(house, phone, back_up, restore)
    wait_until("a token of the lost time is unknown", lambda: house.checkin(back_up.token)[0] == 401)
    house.known(house.enroll(house.people[7]["nip"]))  # the directory moves on from the older number


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


@test
def who_is_in_a_file_set_aside_is_not_missing(house):
    """While the database is away the ledger begins another spool three times; the youngest of the old ones cannot be copied at first."""
    phones, absent = [fresh(house, n) for n in range(10, 14)], house.people[14]["nip"]
    house.wait_live(90)
    house.set_clock(AT)
    house.stop_database("immediate")
    for n, phone in enumerate(phones[:3]):
        phone.checkin()
        phone.leave()
        house.write("spool/spool.failed", "")
        os.kill(next(pid for pid, role in house.children().items() if "ledger" in role), signal.SIGKILL)
        wait_until("another spool", lambda: house.metric("hadir_spool_files", state="set_aside") == n + 1)
        wait_until("and a ledger", lambda: house.admin("/readyz")[0] == 200)
    phones[3].checkin()
    copy = sorted(f for f in os.listdir(f"{house.dir}/spool") if f.endswith(".orphan.db"))[-1].replace(".orphan.", ".copy.")
    os.mkdir(f"{house.dir}/spool/{copy}")
    house.set_clock(f"{DAY}T09:00:00+08:00")

    def mornings():
        status, answer = house.presence(house.everything)
        assert status in (200, 503), answer
        found = {p["nip"]: s["state"] for p in answer.get("people", []) for s in p["sessions"] if s["session"] == "pagi"}
        assert "missing" not in found.values(), [nip for nip in found if found[nip] == "missing"]
        return [found.get(nip) for nip in [house.people[n]["nip"] for n in range(10, 14)] + [absent]]

    def heard():
        return house.value("select max(seen_at) from hadir.ingest_mark")

    house.start_database()
    wait_until("all is there but what cannot be read yet", lambda: mornings() == ["on_time"] * 2 + ["not_yet_known", "on_time", "not_yet_known"])
    for _ in range(3):
        last = heard()
        wait_until("the ledger says again how far it is", lambda: heard() != last)
        assert mornings()[2:] == ["not_yet_known", "on_time", "not_yet_known"]
    assert "spool_set_aside" in {r["code"] for r in house.health()["reasons"]}
    os.rmdir(f"{house.dir}/spool/{copy}")
    house.stop_database("immediate")
    house.start_database()  # it looks again
    wait_until("the last is drained", lambda: all(in_table(house, phone) for phone in phones))
    house.wait_live(90)
    status, answer = house.presence(house.everything)
    assert [s["state"] for p in answer["people"] if p["nip"] == absent for s in p["sessions"]] == ["missing", "not_yet_due"], answer


if __name__ == "__main__":
    with House("outage") as house:
        house.start(clock=AT)
        house.everything = house.known(house.grant(house.people[0]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
