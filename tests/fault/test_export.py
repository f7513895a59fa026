"""A day from phones to its signed folder, with deaths on the way: what nightly publishes is what the slow second program makes of the
raw rows, the counters balance over the deaths of roles, and nightly, killed, without room or run twice at once, publishes whole
or not at all. Short in CI as it is; HADIR_SEED replays, HADIR_KILLS is how often nightly is killed (5)."""
import contextlib, csv, http.client, os, pwd, random, shutil, signal, subprocess, time, uuid
from datetime import date, datetime, timedelta
import disk
from fault import oracle, seed_of
from harness import BUILD, DAY, House, Tests, run, wait_until

test = Tests()
FOLDER = f"export/LUTRA/{DAY}"


class Told:
    """What was sent to this supervisor, and what it answered."""
    tried = acknowledged = 0


def say(house, token, **item):
    """Until it is acknowledged, whoever dies."""
    id = str(uuid.UUID(int=house.rng.getrandbits(128)))

    def acknowledged():
        house.told.tried += 1
        try:
            return house.checkin(token, id=id, **item)[0] == 200
        except (OSError, ValueError, http.client.HTTPException):
            return False
    wait_until("it is acknowledged", acknowledged, 90, 0.05)
    house.told.acknowledged += 1


def balanced(house, exactly):
    """An answer may be counted and not heard, by the death of who counted it; never the other way round."""
    received, acknowledged = (int(house.metric(f"hadir_{n}_total", **l)) for n, l in (("received", {"channel": "native"}), ("acknowledged", {})))
    figures = f"told {house.told.acknowledged}, acknowledged {acknowledged}, received {received}, tried {house.told.tried}"
    print(f"# {figures}")
    assert house.told.acknowledged <= acknowledged <= received <= house.told.tried, figures
    assert not exactly or house.told.acknowledged == acknowledged == received, figures


@test
def a_day_of_check_ins_over_deaths(house):
    for hour, minutes in (("07:45", 60), ("16:40", 90)):
        now = datetime.fromisoformat(f"{DAY}T{hour}:00+08:00")
        house.set_clock(now.isoformat())
        for n, token in enumerate(house.tokens):
            if n % 4 == 1:  # whoever it is, what counters lived in the shared page lives on
                role = house.rng.choice(["ledger", "door", "desk", "planner"])
                with contextlib.suppress(ProcessLookupError):
                    os.kill(house.rng.choice(wait_until(f"there is a {role}", lambda: [
                        p for p, name in house.children().items() if role in name])), signal.SIGKILL)
            taken = now - timedelta(seconds=house.rng.randrange(minutes * 60))
            say(house, token, taken=taken.isoformat(), sent=now.isoformat(), lat=house.rng.choice([-2.562, -2.5, -2.5621]))
    balanced(house, exactly=False)


@test
def a_supervisors_death_loses_the_counters_and_nothing_else(house):
    """They are a page of its memory: metrics begin anew, as Prometheus expects of a counter. Rows and receipts do not."""
    rows = house.settled(house.tokens[0])
    disk.kill_all(house, disk.family(house.daemon.pid))
    house.start(clock=f"{DAY}T16:45:00+08:00")
    house.told = Told()
    assert house.metric("hadir_acknowledged_total") == 0
    for token in house.tokens[:5]:
        say(house, token, taken=f"{DAY}T16:30:00+08:00", sent=f"{DAY}T16:45:00+08:00")
    balanced(house, exactly=True)
    assert len(house.settled(house.tokens[0])) >= len(rows)


def names(house):
    at = f"{house.dir}/export/LUTRA"
    return sorted(f for f in os.listdir(at) if not f.startswith(".")) if os.path.isdir(at) else []


def everything(house):
    return {f: open(f"{house.dir}/{FOLDER}/{f}", "rb").read() for f in os.listdir(f"{house.dir}/{FOLDER}")}


def is_whole(house):
    done = run(f"{BUILD}/daemon/hadir", "verify", f"{house.dir}/export", "--certificate", f"{house.dir}/secret/export.crt", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def nightly(house, **env):
    """One whole run; a session of one that was killed may hold the lock for a moment."""
    def done():
        house.env, kept = dict(house.env, **env), house.env
        try:
            d = house.hadir("nightly", check=False)
        finally:
            house.env = kept
        return None if "waiting" in d.stdout or "another nightly run" in d.stderr else d
    return wait_until("nightly had its turn", done, 90)


@test
def without_room_nothing_is_published_and_the_next_run_completes(house):
    """A real ENOSPC, for the folder itself and for TMPDIR."""
    user = pwd.getpwnam(house.user)
    house.set_clock(f"{date.fromisoformat(DAY) + timedelta(days=1)}T05:00:00+08:00")
    if os.getuid() != 0 or run("unshare", "-m", "true", check=False).returncode != 0:
        return print("# not root, or may not mount: no small disk here")
    small = f"{house.dir}/export"
    os.makedirs(small, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"size=12k,uid={user.pw_uid},gid={user.pw_gid},mode=0755", "none", small)
    try:
        done = nightly(house)
        assert done.returncode == 1 and "No space left" in done.stderr, (done.stdout, done.stderr)
        assert not names(house), names(house)
        run("mount", "-o", "remount,size=64m", small)
        os.mkdir(f"{house.dir}/small")
        run("mount", "-t", "tmpfs", "-o", f"size=4k,uid={user.pw_uid},gid={user.pw_gid},mode=0700", "none", f"{house.dir}/small")
        try:
            with open(f"{house.dir}/small/full", "wb", 0) as f:
                f.write(bytes(4096))
            done = nightly(house, TMPDIR=f"{house.dir}/small")
            assert done.returncode == 0 or not names(house), (done.stderr, names(house))
            print(f"# TMPDIR full: exit {done.returncode} {done.stderr.strip()[:150]!r}")
        finally:
            run("umount", f"{house.dir}/small")
        assert nightly(house).returncode == 0 and names(house) == [DAY], names(house)
        is_whole(house)
        whole = everything(house)
    finally:
        run("umount", small)
    house.sql("delete from hadir.export_run")  # as after that disk was lost
    assert nightly(house).returncode == 0 and everything(house) == whole, "other bytes"


@test
def what_is_published_is_what_the_rows_say(house):
    """semua.csv of the day against tests/rules/reference.py over the raw rows."""
    assert nightly(house).returncode == 0
    is_whole(house)
    ids = {nip: int(id) for nip, id in house.sql(f"select nip, id from hadir.person where nip in ({','.join(repr(n) for n in house.nips)})")}
    town, day, rows = oracle.town_of(house, ids.values()), date.fromisoformat(DAY), 0
    with open(f"{house.dir}/{FOLDER}/semua.csv", encoding="utf-8-sig", newline="") as f:
        published = list(csv.DictReader(f))
    for nip, person in ids.items():
        got = [[r["session_code"] or None, r["checkin_id"] or None, int(r["late_minutes"] or 0), int(r["early_minutes"] or 0), r["place"] or None]
               for r in published if r["nip"] == nip and (r["session_code"] or r["checkin_id"])]
        want = [[r["session"], r["checkin"], r["late"] or 0, r["early"] or 0, r["place"] or None] for r in town.attendance(person, day)
                if r["session"] or r["checkin"]]
        assert got == want, f"{nip}: published {got}, recomputed {want}"
        rows += sum(1 for r in got if r[1])
    print(f"# {len(ids)} people, {rows} rows with a check-in, all as recomputed")
    assert rows > len(ids)


@test
def killed_anywhere_the_next_run_completes(house):
    """kill -9 at random moments of a run, and twice at once each time."""
    whole, midway, user = everything(house), 0, pwd.getpwnam(house.user)
    house.sql("delete from hadir.export_run")
    shutil.rmtree(f"{house.dir}/export/LUTRA")
    begun = time.monotonic()
    assert nightly(house).returncode == 0 and everything(house) == whole
    took = time.monotonic() - begun
    for _ in range(int(os.environ.get("HADIR_KILLS", 5))):
        house.sql("delete from hadir.export_run")
        shutil.rmtree(f"{house.dir}/export/LUTRA")
        two = [subprocess.Popen([f"{BUILD}/daemon/hadir", "nightly"], env=house.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                user=user.pw_uid, group=user.pw_gid, extra_groups=[]) for _ in range(2)]
        time.sleep(house.rng.random() * took)
        for p in two:
            midway += p.poll() is None
            p.kill()
            p.wait(120)
        assert names(house) in ([], [DAY]), names(house)
        if names(house):
            assert everything(house) == whole
        assert nightly(house).returncode == 0 and names(house) == [DAY]
        assert everything(house) == whole, "other bytes"
        is_whole(house)
    assert not [f for f in os.listdir(f"{house.dir}/export/LUTRA") if f.startswith(".")], "remains"
    print(f"# {midway} runs were killed midway")


if __name__ == "__main__":
    seed = seed_of()
    print(f"# seed {seed}")
    with House("export") as house:
        house.rng, house.told = random.Random(seed), Told()
        house.start(clock=f"{DAY}T06:00:00+08:00")
        house.nips = [p["nip"] for p in house.people[:10]]
        house.tokens = [house.enroll(nip) for nip in house.nips]
        for token in house.tokens:
            house.known(token)
        code = test.main(house)
    raise SystemExit(code)
