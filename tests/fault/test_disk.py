"""Disks that fail, fill up, forget and rot: what was acknowledged is there afterwards, once, and nothing else is.

Each fault of faults_disk.py once under load, then the oracle; then, check-in by check-in, what needs a known number of
them. One house, whose spool, directory and cluster lie on powerfs. HADIR_SEED replays."""
import json, os, pwd, re, subprocess, uuid
from datetime import datetime, timezone
import disk
import faults_disk
from fault import Run, load_all, wait_until
from harness import BUILD, Tests, free_port, receipt_bytes, run as command

test = Tests()


class Phone:
    """Remembers what it was told."""

    def __init__(self, house, token):
        self.house, self.token, self.told, self.unsure = house, token, {}, {}

    def say(self, item):
        status, _, body = self.house.request("POST", "/v1/checkins", json.dumps(item), {
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Accept-Language": "en"})
        return status, body

    def checkin(self, lat=None):
        """status; an acknowledged one is remembered."""
        item = {"id": str(uuid.uuid4()), "taken_at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "lat": -2.562, "lon": round(120.3 + len(self.told) / 1e5, 6), "accuracy_m": 10}
        status, body = self.say(item)
        if status == 200:
            self.told[item["id"]] = (item, json.loads(body)["checkin"], receipt_bytes(body))
        else:
            self.unsure[item["id"]] = item
        return status

    def checkins(self, count):
        for _ in range(count):
            assert self.checkin() == 200, self.house.log()[-2000:]

    def taken_again(self):
        """After a start the doors may not know yet whom the database knows: one more, as soon as it is taken."""
        wait_until("check-ins are taken again", lambda: self.checkin() == 200, 60)

    def missing(self):
        """Acknowledged ids that the database has not, or has otherwise; what it has too much is an error."""
        rows = self.house.sql(f"""select k.key, c.id, p.lon from hadir.checkin c join hadir.checkin_key k on k.checkin = c.id
            join hadir.checkin_position p on p.checkin = c.id where c.status = 'recorded' and
            c.device = (select id from hadir.device where token_hash = sha256('{self.token}'))""")
        got = {str(uuid.UUID(k.replace("\\x", ""))): (c, float(lon)) for k, c, lon in rows}
        assert len(got) == len(rows), "something is there twice"
        invented = set(got) - set(self.told) - set(self.unsure)
        assert not invented, invented
        for id, row in got.items():
            assert id not in self.told or row == (self.told[id][1], self.told[id][0]["lon"]), f"{id} is another: {row}"
        return sorted(set(self.told) - set(got))

    def retry_all(self):
        """The first receipt, byte for byte."""
        for item, checkin, receipt in self.told.values():
            status, body = self.say(item)
            assert status == 200 and json.loads(body)["status"] == "duplicate", (status, body)
            assert receipt_bytes(body) == receipt


def phone_of(house):
    house.start_database()
    if house.daemon is None:
        house.start(wait=False)
        house.wait_ready()
    house.wait_live(60)
    house.phones += 1
    return Phone(house, house.known(house.enroll(house.people[20 + house.phones]["nip"])))


@test
def faults_under_load(run):
    run.go(["power_cut", "spool_disk_full", "database_disk_full", "spool_sync_fails_once", "database_sync_fails_once",
            "spool_disk_read_only", "database_disk_read_only", "spool_rots", "directory_rots"])
    figures = run.finish()
    assert figures["acknowledged"] > 200, figures


@test
def what_is_in_the_spool_alone_survives_a_power_cut(run):
    house, phone = run.house, phone_of(run.house)
    phone.checkins(10)
    house.stop_database()
    phone.checkins(20)
    print(f"# {disk.cut_power(house, run.disk, run.rng)}")
    house.start_database()
    house.start(wait=False)
    wait_until("all of it is in the database", lambda: not phone.missing(), 60)
    house.wait_live(60)
    phone.retry_all()


@test
def what_rots_in_the_spool_alone_is_named_and_never_recorded_otherwise(run):
    """The database is away, so these check-ins are nowhere else; three times a file of the spool rots."""
    house = run.house
    for round in range(3):
        phone, before = phone_of(house), len(house.log())
        house.stop_database()
        phone.checkins(30)
        disk.kill_all(house)
        if round == 1:  # a log that went into its file
            command("sqlite3", f"{house.dir}/spool/spool.db", "pragma wal_checkpoint(truncate)", user=house.user)
        name = ["spool.db-wal", "spool.db", "spool.db-wal"][round]
        how = faults_disk.rot(run.rng, f"{house.dir}/spool/{name}")
        house.start_database()
        house.start(wait=False)
        house.wait_ready()
        run.recorded(90)
        lost = phone.missing()
        named = [e for e in ("spool_unreadable", "spool_rows_unreadable", "spool_log_damaged", "spool_orphan_not_opened") if
                 f"event={e}" in house.log()[before:]]
        print(f"# {name} {how}: {len(lost)} of 30 cannot be read, {named}")
        # a log cut off at its end, and its last transaction, look as after a crash
        assert named or how == "cut" or len(lost) <= 2, f"{len(lost)} lost without a word: {house.log()[before:]}"
        odd = house.sql("select count(*) from hadir.checkin where status <> 'recorded'")
        assert odd == [["0"]], odd
        phone.taken_again()


# ---- what somebody put there: valid, but not what was ----

def settled(phone, house):
    wait_until("all is in the database", lambda: not phone.missing() and house.health().get("spool_depth") == 0, 90)


def down(house):
    """hadird dies, all at once; its files stay as they are."""
    disk.kill_all(house, disk.family(house.daemon.pid))


def at_work(house, database=True):
    if database:
        house.start_database()
    house.start(wait=False)
    wait_until("the doors answer", lambda: faults_disk.asked(house) in (401, 503), 60)


FORGED = {"payload": "payload = substr(payload, 1, 25) || x'0900000000000000' || substr(payload, 34)",  # another person
          "received_us": "received_us = received_us - 3600000000", "id": "id = randomblob(16)", "body_hash": "body_hash = randomblob(32)",
          "key": "key = randomblob(16)", "kind": "kind = 2", "grp": "grp = grp + 1", "sum": "sum = randomblob(length(sum))"}


@test
def forged_rows_of_the_spool_are_named_and_never_recorded(run):
    """The database is away, hadird is down, and a field of one row of thirty is another: that row is never recorded, the rest is."""
    house, lost = run.house, {}
    for field in run.rng.sample(sorted(FORGED), 4):
        phone = phone_of(house)
        settled(phone, house)
        house.stop_database()
        phone.checkins(10)
        down(house)
        said = len(house.log())
        edited = command("sqlite3", f"{house.dir}/spool/spool.db", f"update row set {FORGED[field]} where seq = (select max(seq) - 5 from row); "
                         "select changes()", user=house.user).stdout.strip()
        assert edited == "1", (field, edited)
        at_work(house)
        house.wait_ready()
        run.recorded(90)
        gone = phone.missing()  # and asserts that nothing is there that nobody sent
        lost[field] = len(gone)
        assert len(gone) <= 1, f"{field}: {len(gone)} lost by one row"
        assert not gone or "event=spool_" in house.log()[said:], f"{field}: {len(gone)} lost without a word"
        phone.taken_again()
    print(f"# check-ins that cannot be believed any more, by the field that was forged: {lost}")
    assert house.sql("select count(*) from hadir.checkin where status <> 'recorded'") == [["0"]]


@test
def an_older_copy_of_the_spool_is_noticed(run):
    """What the database has stays, what only the copy has comes, nothing is there twice, and a retry is answered."""
    house, phone = run.house, phone_of(run.house)
    phone.checkins(5)
    settled(phone, house)
    down(house)
    folder, copy = os.path.realpath(f"{house.dir}/spool"), f"{house.dir}/spool.copy"
    house.as_user("cp", "-a", folder, copy)
    at_work(house)
    house.wait_live(60)
    phone.checkins(10)
    settled(phone, house)
    down(house)
    house.stop_database()
    for name in os.listdir(folder):
        os.unlink(f"{folder}/{name}")
    house.as_user("cp", "-a", f"{copy}/.", folder)
    said = len(house.log())
    at_work(house, database=False)
    phone.taken_again()  # on the old copy: its numbers are the database's for others
    house.doors_agree()
    phone.checkins(4)
    assert "event=ingest_ahead" not in house.log()[said:], "without a database nobody can know"
    house.start_database()
    wait_until("it is noticed", lambda: "event=ingest_ahead" in house.log()[said:], 90)
    wait_until("everything that was acknowledged is there", lambda: not phone.missing(), 90)
    for item, checkin, _ in list(phone.told.values()):
        status, body = phone.say(item)
        assert status == 200, (status, body)
    settled(phone, house)
    assert not phone.missing()


@test
def an_older_directory_put_back_says_no_to_nobody(run):
    """Valid files of an earlier day, everything down, the database away: whom they know is served, all others hear "later", never
    "unknown". With the database back the doors go on to the newest."""
    house, known = run.house, phone_of(run.house)
    folder, copy = os.path.realpath(f"{house.dir}/directory"), f"{house.dir}/directory.copy"
    settled(known, house)
    down(house)
    house.as_user("cp", "-a", folder, copy)
    at_work(house)
    house.wait_live(60)
    later = phone_of(house)
    later.checkins(1)
    newest = max(adopted(house.log()))
    down(house)
    house.stop_database()
    for name in os.listdir(folder):
        os.unlink(f"{folder}/{name}")
    house.as_user("cp", "-a", f"{copy}/.", folder)
    said = len(house.log())
    at_work(house, database=False)
    wait_until("whom the old files know is served", lambda: known.checkin() == 200, 60)
    house.doors_agree()
    for _ in range(5):
        assert known.checkin() == 200
        assert later.checkin() == 503 and faults_disk.asked(house) == 503, "an old directory says no"
    old = adopted(house.log()[said:])
    assert old and max(old) < newest, f"adopted {old}, the newest was {newest}"
    house.start_database()
    wait_until("the newest is back", lambda: later.checkin() == 200 and faults_disk.asked(house) == 401, 90)
    house.doors_agree()
    assert max(adopted(house.log()[said:])) >= newest
    for phone in (known, later):
        settled(phone, house)


def adopted(log):
    """Versions (epoch, number) that doors took, in order."""
    return [(int(a), int(b)) for a, b in re.findall(r"event=directory_adopted epoch=(\d+) number=(\d+)", log)]


@test
def a_second_daemon_on_the_spool_is_refused_and_the_first_goes_on(run):
    house, phone = run.house, phone_of(run.house)
    conf = "".join(f"{k} = {v}\n" for k, v in dict(house.conf, listen=f"127.0.0.1:{free_port()}",
                                                   admin_listen=f"127.0.0.1:{free_port()}").items() if v is not None)
    path, user = house.write("second.conf", "[hadird]\n" + conf), pwd.getpwnam(house.user)
    with open(f"{house.dir}/second.log", "wb") as log:
        second = subprocess.Popen([f"{BUILD}/daemon/hadird", "-c", path], stdout=log, stderr=log, cwd=house.dir, user=user.pw_uid,
                                  group=user.pw_gid, extra_groups=[])
    try:
        wait_until("it says why", lambda: "another hadird is using the spool" in open(log.name).read(), 60)
        phone.checkins(5)
    finally:
        second.terminate()
        second.wait(60)
    wait_until("the first goes on", lambda: not phone.missing(), 60)
    phone.retry_all()
    assert "event=serving" not in open(log.name).read()


@test
def a_daemon_that_does_not_sync_is_found_out(run):
    """The test's own proof: the same with an fdatasync that does nothing."""
    house, phone = run.house, phone_of(run.house)
    phone.checkins(1)
    wait_until("it is recorded", lambda: not phone.missing())
    house.stop_database()
    ledger = wait_until("there is a ledger", lambda: run.role("ledger"))
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:retval=0", "-o",
                               "/dev/null", "-p", str(ledger)], stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if "attached" in line:
            break
    phone.checkins(20)
    disk.cut_power(house, run.disk, run.rng, keep=0, cut_first=False)
    tracer.wait(120)
    tracer.stderr.close()
    house.start_database()
    house.start(wait=False)
    house.wait_ready()
    phone.taken_again()  # goes behind everything that is still there
    last = list(phone.told)[-1]
    wait_until("it is recorded", lambda: last not in phone.missing())
    assert len(phone.missing()) == 20, f"{len(phone.missing())} of 20 lost"


if __name__ == "__main__":
    if disk.missing():
        print(f"SKIP disk: {disk.missing()}\n0 passed, 0 failed, {len(test.tests)} skipped")
        raise SystemExit(0)
    load_all()
    with Run("disk", load={"rate": 200}) as run:
        run.house.phones = 0
        code = test.main(run)
    raise SystemExit(code)
