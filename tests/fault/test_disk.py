"""Disks that fail, fill up, forget and rot: what was acknowledged is there afterwards, once, and nothing else is.

Each fault of faults_disk.py once under load, then the oracle; then, check-in by check-in, what needs a known number of
them. One house, whose spool, directory and cluster lie on powerfs. HADIR_SEED replays."""
import json, os, pwd, subprocess, uuid
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
        wait_until("what can be read is in the database", lambda: house.health().get("spool_depth") == 0 and
                   not [f for f in os.listdir(f"{house.dir}/spool") if ".orphan." in f], 90)
        lost = phone.missing()
        named = [e for e in ("spool_unreadable", "spool_rows_unreadable", "spool_log_damaged", "spool_orphan_not_opened") if
                 f"event={e}" in house.log()[before:]]
        print(f"# {name} {how}: {len(lost)} of 30 cannot be read, {named}")
        # a log cut off at its end, and its last transaction, look as after a crash
        assert named or how == "cut" or len(lost) <= 2, f"{len(lost)} lost without a word: {house.log()[before:]}"
        odd = house.sql("select count(*) from hadir.checkin where status <> 'recorded'")
        assert odd == [["0"]], odd
        phone.checkins(1)


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
    tracer = subprocess.Popen(["strace", "-f", "-e", "trace=fdatasync,fsync", "-e", "inject=fdatasync,fsync:retval=0", "-o",
                               "/dev/null", "-p", str(run.role("ledger"))], stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:
        if "attached" in line:
            break
    phone.checkins(20)
    disk.cut_power(house, run.disk, run.rng, keep=0, cut_first=False)
    tracer.wait(30)
    tracer.stderr.close()
    house.start_database()
    house.start(wait=False)
    house.wait_ready()
    phone.checkins(1)  # goes behind everything that is still there
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
