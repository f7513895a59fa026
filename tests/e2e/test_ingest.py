"""From the spool to the tables, seen from outside: a row that no table takes, a spool that knows nothing of before, a
spool that knows less than the database, and the moments at which two transactions meet."""
import contextlib, json, os, shutil, subprocess, uuid
from harness import BUSINESS, DAY, PGBIN, House, Tests, receipt_bytes, wait_until
from test_outage import AT, fresh, in_table

test = Tests()


def verify(house, text):
    path = house.write("one.receipt", text)
    return house.hadir("verify-receipt", path, "--key", f"{house.dir}/secret/receipt.pub", check=False)


def recorded(house, id):
    return house.sql(f"select status, reason, sqlstate, person is not null from hadir.checkin where id = '{id}'")


def restart(house, between=lambda: None):
    assert house.stop() == 0
    between()
    house.start(clock=None)
    house.set_clock(AT)
    house.wait_live()


@contextlib.contextmanager
def session(house, user):
    """A psql that stays; say(sql) gives what came back up to its end."""
    argv = ["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []
    p = subprocess.Popen([*argv, f"{PGBIN}/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", f"{house.dir}/pg", "-U",
                          user, "-d", "hadir"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def begin(sql):
        p.stdin.write(f"{sql};\n\\echo ---\n")
        p.stdin.flush()

    def end():
        lines = []
        while (line := p.stdout.readline()) not in ("---\n", ""):
            lines.append(line.strip())
        return lines
    p.begin, p.end = begin, end
    p.say = lambda sql: (begin(sql), end())[1]
    try:
        yield p
    finally:
        p.stdin.close()
        p.wait(120)
        p.stdout.close()


def blocked(house, application):
    return house.value("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and usename = "
                       f"'{application}'") != "0"


def row(seq, **more):
    """A row as the ledger sends it."""
    return dict({"seq": seq, "kind": "checkin", "id": str(uuid.uuid4()), "government": 1, "person": 0, "device": 0, "channel": "whatsapp",
                 "key": uuid.uuid4().hex, "body_hash": "ab" * 32, "salt": "cd" * 16, "received_at": "2025-12-29T00:00:00Z",
                 "clock_state": "synchronised", "lat": -2.5, "lon": 120.3, "flags": []}, **more)


def ingest(spool, *rows):
    return f"select api.ingest('{spool}', {rows[-1]['seq']}, '2025-12-29T00:00:01Z', '{json.dumps(rows)}')"


@test
def one_poisonous_row_gets_a_status_and_a_reason(house):
    phone = fresh(house, 0)
    # A table that refuses one row: as any defect of a derived column, a type or a constraint would.
    house.sql("""create function hadir.refuse() returns trigger language plpgsql as $$ begin
                   raise exception 'no % here', new.note using errcode = 'check_violation'; end $$;
                 grant execute on function hadir.refuse() to public;
                 create trigger refuse before insert on hadir.checkin for each row
                   when (new.note = 'poison' and new.status = 'recorded') execute function hadir.refuse()""")
    try:
        poison = house.metric("hadir_ingest_poison_total")
        with house.ingest_held_up():  # so that all of it is one batch
            phone.checkin()
            for n in range(25):
                bad = phone.checkin(note="poison") if n == 17 else phone.checkin(note=f"good {n}")
                bad_one = bad if n == 17 else bad_one if n > 17 else None
        wait_until("all of it is in the table", lambda: house.value(
            f"select count(*) from hadir.checkin where id in ({','.join(repr(a['checkin']) for _, _, a in phone.kept.values())})") == "26")
        assert recorded(house, bad_one[2]["checkin"]) == [["rejected", "no poison here", "23514", "t"]]
        states = house.sql(f"select status, count(*) from hadir.checkin where id in "
                           f"({','.join(repr(a['checkin']) for _, _, a in phone.kept.values())}) group by 1 order by 1")
        assert states == [["recorded", "25"], ["rejected", "1"]], states
        assert house.metric("hadir_ingest_poison_total") == poison + 1
        # acknowledged is acknowledged: the same receipt again, from the spool and from the table
        phone.retry_all()
        again = house.hadir("receipt", bad_one[2]["checkin"]).stdout.encode().rstrip(b"\n")
        assert again == bad_one[1], f"another receipt\n{bad_one[1]}\n{again}"
        assert verify(house, again.decode()).returncode == 0
        status, answer = phone.state(bad_one[0]["id"])
        assert status == 200, (status, answer)
        phone.checkin(note="after")
        wait_until("it goes on", lambda: house.value("select count(*) from hadir.checkin where note = 'after'") == "1")
        house.wait_live()
    finally:
        house.sql("drop trigger refuse on hadir.checkin; drop function hadir.refuse()")
    phone.leave()


@test
def a_spool_that_knows_nothing_of_before(house):
    """Another hadird, or a retry after the spool's 8 days: acknowledged anew, one check-in all the same."""
    phone = fresh(house, 1)
    item, first, answer = phone.checkin()
    wait_until("it is in the table", lambda: in_table(house, phone))
    phone.leave()

    def new_spool():
        os.rename(f"{house.dir}/spool", f"{house.dir}/spool.other")
        house.as_user("mkdir", "-m", "0700", f"{house.dir}/spool")
    restart(house, new_spool)
    status, body = phone.say(dict(item, sent_at=house.now()), fresh=True)
    again = json.loads(body)
    assert status == 200 and again["checkin"] != answer["checkin"], again
    wait_until("the second acknowledgement is there", lambda: house.sql(
        f"select checkin, fact ->> 'same_body' from hadir.checkin_ack where id = '{again['checkin']}'") == [[answer["checkin"], "true"]])
    assert in_table(house, phone), "but no second check-in"
    for id, receipt in ((answer["checkin"], first), (again["checkin"], receipt_bytes(body))):
        stored = house.hadir("receipt", id).stdout.encode().rstrip(b"\n")
        assert stored == receipt, f"another receipt\n{receipt}\n{stored}"
        assert verify(house, stored.decode()).returncode == 0
    held = house.value(f"select fact::text from hadir.checkin_ack where id = '{again['checkin']}'")
    assert not any(word in held for word in (str(item["lat"]), '"salt"', '"raw"', '"key":"', "distance_m")), held
    status, state = phone.state(again["checkin"])
    assert status == 200, (status, state)


@test
def a_spool_that_knows_less_than_the_database(house):
    """The host's files come from an older backup, the database went on: no number of a row may hide another row."""
    phone = fresh(house, 2)
    for _ in range(3):
        phone.checkin()
    wait_until("they are in the table", lambda: in_table(house, phone))
    phone.leave()
    spool, before = f"{house.dir}/spool", f"{house.dir}/spool.before"
    restart(house, lambda: shutil.copytree(spool, before, copy_function=shutil.copy2))
    for _ in range(5):
        phone.checkin()
    wait_until("they are in the table", lambda: in_table(house, phone))
    phone.leave()

    def put_back():
        house.stop_database("fast")
        shutil.rmtree(spool)
        os.rename(before, spool)
        if os.getuid() == 0:
            shutil.chown(spool, house.user, house.user)
            for name in os.listdir(spool):
                shutil.chown(f"{spool}/{name}", house.user, house.user)
    assert house.stop() == 0
    put_back()
    house.start(clock=None)
    house.set_clock(AT)
    for _ in range(3):  # taken without the database: their numbers are those of the lost ones
        phone.checkin()
    house.start_database()
    wait_until("all is in the table, once", lambda: in_table(house, phone))
    assert house.metric("hadir_ingest_poison_total") == 0
    house.wait_live()
    assert house.value("select count(*) from hadir.ingest_mark where complete_to = 'infinity'") == "1", "nobody waits for the old name"
    phone.checkin()
    wait_until("it goes on", lambda: in_table(house, phone))
    phone.leave()


@test
def the_slot_of_tracking_survives_the_ledger(house):
    token = house.enroll(house.people[3]["nip"], "osmand")
    wait_until("the doors know it", lambda: house.osmand(token, lat=None, lon=None)[0] == 200)
    house.doors_agree()
    at = lambda time: f"{DAY}T{time}:00+08:00"
    with house.counted(acknowledged__accepted=1):
        assert house.osmand(token, at=at("06:40"))[0] == 200
    killed = [os.kill(pid, 9) for pid, role in house.children().items() if "ledger" in role]
    assert len(killed) == 1
    wait_until("the ledger is back", lambda: house.restarts() > 0 and house.admin("/readyz")[0] == 200)
    with house.counted(dropped__slot_taken=1):
        wait_until("it is answered", lambda: house.osmand(token, at=at("06:45"))[0] == 200)
    with house.counted(acknowledged__accepted=1):
        assert house.osmand(token, at=at("06:35"))[0] == 200, "an earlier one is better"
    house.wait_live()


@test
def a_location_that_meets_its_senders_enrolment_is_attached(house):
    number, spool = "6281100099901", str(uuid.uuid4())
    government = int(house.value("select id from hadir.government where phone_number_id = '" + BUSINESS + "'"))
    with session(house, "hadir_intake") as taking, session(house, "hadir_admin") as enrolling:
        taking.say("begin")
        assert taking.say(ingest(spool, row(1, kind="unattributed", government=government, sender=number,
                                            message_at="2025-12-28T23:59:00Z"))) == ["1"]
        enrolling.begin(f"select attached from api.enroll('{house.people[4]['nip']}', 'whatsapp', '', null, '{number}', null, now())")
        wait_until("the enrolment waits for the row", lambda: blocked(house, "hadir_admin"))
        taking.say("commit")
        assert enrolling.end() == ["1"], "the row is nobody's and will be erased"
    assert house.value(f"select count(*) from hadir.unattributed where sender = '{number}'") == "0"


@test
def a_key_of_next_month_meets_the_months_partition(house):
    spool, other = str(uuid.uuid4()), str(uuid.uuid4())
    device = house.sql(f"select id, person, government from hadir.device limit 1")[0]
    whose = dict(zip(("device", "person", "government"), map(int, device)))
    ahead = row(1, fix_at="2026-03-01T00:10:00Z", received_at="2026-02-28T23:50:00Z", **whose)
    with session(house, "hadir_intake") as first, session(house, "hadir_intake") as second:
        first.say("begin")
        assert first.say(ingest(spool, ahead)) == ["1"]
        second.begin(ingest(other, row(1, received_at="2026-03-01T00:00:01Z", **whose)))
        wait_until("the month's first row waits", lambda: blocked(house, "hadir_intake"))
        first.say("commit")
        assert second.end() == ["1"], "the month cannot begin"
        assert second.say(ingest(other, dict(ahead, seq=2, id=str(uuid.uuid4())))) == ["1"]
    assert house.sql(f"select k.tableoid::regclass, (select count(*) from hadir.checkin_ack a where a.checkin = k.checkin) "
                     f"from hadir.checkin_key k where k.checkin = '{ahead['id']}'") == [["hadir.checkin_key_202603", "1"]]


@test
def nothing_in_the_log(house):
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("ingest") as house:
        house.start(clock=AT)
        house.everything = house.known(house.grant(house.people[0]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
