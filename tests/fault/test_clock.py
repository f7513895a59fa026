"""Moments that only a moved clock has: midnight in three zones at once at a month's turn whose partitions are missing, a second
that is none, 2038, and a webhook that comes a week late and backwards, twice."""
import contextlib, os, sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from harness import BUSINESS, TOP, House, Tests, wait_until  # noqa: E402

test = Tests()
LANDS = {"BARAT": "Asia/Jakarta", "TENGAH": "Asia/Makassar", "TIMUR": "Asia/Jayapura"}
PEOPLE = {"barat": "BARAT", "tengah": "TENGAH", "timur": "TIMUR", "cepat": "TENGAH", "lambat": "TENGAH"}
# Every day: leaving until midnight to the second, coming from midnight on.
HOURS = """weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,government,valid_from
1-7,dini,Dini,in,00:00,,01:00,01:01,02:00,{land},2025-01-01
1-7,malam,Malam,out,22:00,,23:00,,24:00,{land},2025-01-01
"""


def nip(who):
    return f"1980010120050110{list(PEOPLE).index(who) + 10}"


def number(who):
    return f"62800004400{list(PEOPLE).index(who)}"


def load(house):
    for land, zone in LANDS.items():
        house.hadir("government", "add", land, f"Kabupaten Contoh {land.title()}", "--zone", zone,
                    *(["--whatsapp", BUSINESS] if land == "TENGAH" else []))
    for what in ("calendar", "holidays"), ("periods", "periods"), ("absence-codes", "absence-codes"):
        house.hadir("import", what[0], f"{TOP}/sql/reference/{what[1]}.csv")
    house.hadir("import", "units", house.write("units.csv", "code,name,kind,parent,government\n" + "".join(
        f"{land},Kabupaten Contoh {land.title()},government,,{land}\n" for land in LANDS)))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from\n" + "".join(
        f"{nip(who)},Contoh {who.title()},PNS,{land},2025-01-01\n" for who, land in PEOPLE.items())))
    for land in LANDS:
        house.hadir("import", "hours", house.write("hours.csv", HOURS.format(land=land)))


def expected(moment, zone):
    """Day, session, verdict, minutes of one check-in, from the hours above."""
    local = moment.astimezone(ZoneInfo(zone))
    day, second = local.date().isoformat(), local.hour * 3600 + local.minute * 60 + local.second
    if second < 7200:
        return day, "dini", "on_time" if second < 3660 else "late", 0 if second < 3660 else (second - 3600) // 60
    if second >= 22 * 3600:
        early = 23 * 3600 - second
        return day, "malam", "early" if early > 0 else "on_time", -(-early // 60) if early > 0 else 0
    return day, None, "outside_window", 0


def at(moment):
    return moment.isoformat().replace("+00:00", "Z")


def comes(house, who, moment):
    """One check-in taken at that moment, by a channel whose fix time decides to the second."""
    wait_until("the doors know the day", lambda: "no_plan" not in str(house.request("GET", "/v1/me", headers={
        "Authorization": f"Bearer {house.token[who]}"})[2]))
    house.doors_agree()
    assert house.owntracks(house.tracks[who], at=at(moment))[0] == 200
    return who, moment


def partitions(house, month):
    return [name for (name,) in house.sql(f"select c.relname from pg_class c where c.relkind = 'r' and c.relname like '%\\_{month}'")]


def said(house, who, moment, columns, source):
    return house.sql(f"select {columns} from hadir.checkin c join hadir.person p on p.id = c.person {source} where p.nip = '{nip(who)}' "
                     f"and c.fix_at = timestamptz '{at(moment)}'")


def placed(house):
    """Without its placement a check-in is derived as one that is nowhere."""
    wait_until("nothing waits for its placement", lambda: house.value("select count(*) from api.placements_wanted(1)") == "0", 60)


def by_the_door(house, who, moment):
    return said(house, who, moment, "c.first_day, c.first_session_code, c.first_verdict, c.first_late_minutes + c.first_early_minutes", "")


def by_derivation(house, who, moment):
    return said(house, who, moment, "j.day, j.session_code, j.verdict, coalesce(j.late_minutes, 0) + coalesce(j.early_minutes, 0)",
                "join lateral hadir.judge(c.government, date '2026-01-30', date '2026-02-02') j on j.checkin = c.id")


@test
def midnight_in_three_zones_while_the_months_partitions_are_missing(house):
    """January ends in the east first. UTC, by which partitions are cut, turns eight hours later in the middle."""
    kept = []
    for hour in (15, 16, 17):
        turn = datetime(2026, 1, 31, hour, tzinfo=timezone.utc)
        house.set_clock(at(turn + timedelta(seconds=1)))
        for moment in (turn - timedelta(seconds=1), turn):
            kept += [comes(house, who, moment) for who in ("barat", "tengah", "timur")]
    utc = datetime(2026, 2, 1, tzinfo=timezone.utc)
    wait_until("they are recorded", lambda: house.value("select count(*) from hadir.checkin") == str(len(kept)))
    house.sql("alter database hadir connection limit 0", database="postgres")  # nobody but us comes in after the start
    house.stop_database()
    house.set_clock(at(utc - timedelta(seconds=1)))
    ids = [house.checkin(house.token["tengah"], lat=-2.5, lon=120.5, taken=at(utc - timedelta(seconds=1)))[1]["checkin"]]
    house.set_clock(at(utc + timedelta(seconds=1)))
    ids += [house.checkin(house.token["tengah"], lat=-2.5, lon=120.5, taken=at(utc))[1]["checkin"]]
    house.start_database()
    for table in partitions(house, "202602"):  # the planner may have made them
        if house.value(f"select count(*) from hadir.{table}") == "0":
            house.sql(f"drop table hadir.{table}")
    house.sql("alter database hadir connection limit -1", database="postgres")
    names = ", ".join(f"'{i}'" for i in ids)
    wait_until("both sides of the turn are recorded", lambda: house.value(
        f"select count(*) from hadir.checkin c join hadir.checkin_key k on k.checkin = c.id join hadir.checkin_position p on p.checkin = c.id "
        f"where c.id in ({names})") == "2", 60)
    house.wait_live()
    placed(house)
    assert [t for (t,) in house.sql(f"select k.tableoid::regclass from hadir.checkin_key k where k.checkin in ({names}) order by k.claimed_at")] == \
        ["hadir.checkin_key_202601", "hadir.checkin_key_202602"]
    for who, moment in kept:
        day, session, verdict, minutes = expected(moment, LANDS[PEOPLE[who]])
        for judge in (by_the_door, by_derivation):
            got = judge(house, who, moment)
            assert got == [[day, session or "", verdict, str(minutes)]], (judge.__name__, who, at(moment), got)
    assert house.metric("hadir_ingest_poison_total") == 0


@test
def a_leap_second_is_no_time(house):
    """No clock of ours shows one (the kernel repeats 23:59:59: faults_time.py), so no phone can mean it."""
    rows = house.rows()
    status, answer = house.checkin(house.token["barat"], lat=-2.5, lon=120.5, taken="2026-01-31T23:59:60Z")
    assert status in (400, 422) and "taken_at" in str(answer), answer
    assert house.settled(house.token["barat"]) == (rows[0] + 1, *rows[1:])


@test
def past_2038(house):
    """2^31 seconds; hadir clock goes no further than 20 years, so that 2106 cannot be visited."""
    turn, kept = datetime(2038, 1, 19, 3, 14, 7, tzinfo=timezone.utc), {}
    house.set_clock(at(turn + timedelta(seconds=2)))
    for moment in (turn, turn + timedelta(seconds=1)):
        status, answer = house.checkin(house.token["tengah"], lat=-2.5, lon=120.5, taken=at(moment))
        assert status == 200 and answer["received_at"] >= at(turn), answer
        kept[answer["checkin"]] = at(moment)
        assert house.owntracks(house.tracks["tengah"], at=at(moment))[0] == 200

    def fixes(channel):
        return house.sql("select id, to_char(fix_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from hadir.checkin where "
                         f"channel = '{channel}' and received_at > timestamptz '2038-01-01' order by 2")
    wait_until("they are recorded", lambda: len(fixes("native")) == len(fixes("owntracks")) == 2)
    assert dict(fixes("native")) == kept and [t for _, t in fixes("owntracks")] == sorted(kept.values())
    for id in kept:
        receipt = house.write("one.receipt", house.hadir("receipt", id).stdout)
        assert house.hadir("verify-receipt", receipt, "--key", f"{house.dir}/secret/receipt.pub", check=False).returncode == 0
    house.wait_live()
    assert house.metric("hadir_ingest_poison_total") == 0


def message(who, moment):
    return {"from": number(who), "id": f"wamid.{who}.{int(moment.timestamp())}", "type": "location", "timestamp": str(int(moment.timestamp())),
            "location": {"latitude": -2.5, "longitude": 120.5}}


def attendance(house, who, first, last):
    """What the days come to: everything but who, which check-in, and that it came late."""
    return house.sql(f"""select d.day, d.session_code, d.verdict, d.late_minutes, d.early_minutes, d.place, d.decided_at, d.others
        from hadir.person p join hadir.government g on g.code = 'TENGAH',
        lateral hadir.derive(g.id, date '{first}', date '{last}', array[p.id]) d where p.nip = '{nip(who)}' order by 1, 2""")


@test
def webhooks_a_week_late_and_backwards_come_to_the_same(house):
    zone = ZoneInfo("Asia/Makassar")
    moments = [datetime(2026, 3, day, *time, tzinfo=zone) for day in (2, 3, 4) for time in ((0, 50), (1, 30), (22, 30), (23, 10))]
    for moment in moments:
        house.set_clock((moment + timedelta(seconds=5)).isoformat())
        assert house.whatsapp({"messages": [message("cepat", moment)]})[0] == 200
    house.set_clock((moments[0] + timedelta(days=7, minutes=-1)).isoformat())
    late = [message("lambat", m) for m in reversed(moments)]
    half = len(late) // 2
    for again in range(2):  # each by itself, then the rest in one, and all of it again
        for m in late[:half]:
            assert house.whatsapp({"messages": [m]})[0] == 200
        assert house.whatsapp({"messages": late[half:]})[0] == 200

    def count(who):
        return int(house.value(f"select count(*) from hadir.checkin c join hadir.person p on p.id = c.person where p.nip = '{nip(who)}' "
                               "and c.received_at >= timestamptz '2026-03-01'"))
    wait_until("all of it is recorded", lambda: count("cepat") == count("lambat") == len(moments))
    house.settled(house.token["barat"])
    assert count("lambat") == len(moments), "something is there twice"
    placed(house)

    def days():
        return [attendance(house, who, "2026-03-02", "2026-03-04") for who in ("cepat", "lambat")]
    with contextlib.suppress(AssertionError):
        wait_until("the days are planned and derived", lambda: days()[0] == days()[1] and len(days()[0]) == 6)
    early, late = days()
    assert early == late and [r[2] for r in early] == ["on_time", "on_time"] * 3, (early, late)


@test
def nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("clock", example=False) as house:
        load(house)
        house.start(clock="2026-01-31T22:00:00+08:00")
        house.token = {who: house.enroll(nip(who)) for who in PEOPLE}
        house.tracks = {who: house.enroll(nip(who), "owntracks") for who in PEOPLE}
        for who in ("cepat", "lambat"):
            house.hadir("enroll", nip(who), "--channel", "whatsapp", "--number", number(who), "--quiet")
        house.known(house.token["lambat"])
        code = test.main(house)
    raise SystemExit(code)
