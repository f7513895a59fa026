"""The example's morning, played as the quickstart plays it, and the night after it: what hadir nightly publishes, that it
publishes the same bytes however often it is killed, and what a fact that comes later does.

What is expected of each person is deploy/example/replay/expected.csv, written by hand."""
import csv, hashlib, io, json, os, random, shutil, signal, subprocess, time
from harness import BUILD, DAY, EXAMPLE, House, Tests, run, wait_until

test = Tests()
KILLS = int(os.environ.get("HADIR_NIGHTLY_KILLS", "15"))
SEED = int(os.environ.get("HADIR_SEED", str(random.SystemRandom().randrange(2**31))))
ODD = {  # names that a spreadsheet would take for formulas -> NIP
    "=cmd|' /C calc'!A0": "199001012020121901", "+62 811": "199001012020121902", "-2.5": "199001012020121903",
    "@SUM(A1:A9)": "199001012020121904", 'Siti "Ani", S.Sos; M.Si': "199001012020121905"}


def play(house, verb):
    done = house.as_user("python3", f"{EXAMPLE}/replay/play", "--url", house.conf["public_url"], "--ca",
                         f"{house.dir}/secret/tls.crt", "--hadir", f"env HADIR_CONF={house.dir}/hadird.conf {BUILD}/daemon/hadir",
                         "--secret", f"{house.dir}/secret/whatsapp-app-secret", "--state", f"{house.dir}/demo", verb,
                         check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def published(house, name=None):
    """path -> bytes of everything published so far, or of one folder."""
    top = f"{house.dir}/export/LUTRA" + (f"/{name}" if name else "")
    return {os.path.relpath(os.path.join(at, f), top): open(os.path.join(at, f), "rb").read()
            for at, _, files in os.walk(top) for f in files}


def table(content):
    text = content.decode()
    assert "\r\n" in text and "\n" not in text.replace("\r\n", ""), "RFC 4180 has CRLF"
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def nightly(house):
    """A killed run's lock lasts until the server has noticed: that is the only reason to fail, and to try again."""
    done = wait_until("nightly may run", lambda: [d for d in [house.hadir("nightly", check=False)]
                                                  if d.returncode == 0 or "another nightly run" not in d.stderr])[0]
    assert done.returncode == 0, done.stderr
    return done.stdout


def closed(house, name=DAY):
    """Runs nightly until the day is there: it waits for the spool to say that it is complete to the closing."""
    def attempt():
        nightly(house)
        return os.path.exists(f"{house.dir}/export/LUTRA/{name}/manifest.json")
    wait_until(f"{name} is published", attempt)


@test
def the_morning_is_as_expected(house):
    print(play(house, "enrol"), end="")
    start = time.monotonic()
    said = play(house, "send")
    print(f"# {said.splitlines()[-1]}, {time.monotonic() - start:.0f} s")
    house.set_clock("2025-12-30T01:00:00+08:00")  # over, not closed
    said = play(house, "check")
    print(f"# {said.splitlines()[-1]}")
    assert "1200 sessions, 0 not as expected" in said, said
    assert house.restarts() == 0
    refused = {k: v for k, v in house.counters().items() if k.startswith(("hadir_refused_total", "hadir_dropped_total"))}
    for reason in ("malformed", "out_of_range", "revoked", "signature"):
        assert refused[f'hadir_refused_total{{reason="{reason}"}}'] > 0, refused
    for reason in ("outside_interval", "text_message"):
        assert refused[f'hadir_dropped_total{{reason="{reason}"}}'] > 0, refused


@test
def the_night_publishes_what_was_expected(house):
    assert "nothing is to be published" in nightly(house), "the day is not over"
    assert not os.path.exists(f"{house.dir}/export/LUTRA/{DAY}")
    house.set_clock("2025-12-30T05:00:00+08:00")
    closed(house)
    files = published(house, DAY)
    manifest = json.loads(files["manifest.json"])
    assert manifest["format"] == "hadir-nightly-1" and manifest["government"] == "LUTRA" and manifest["day"] == DAY
    assert manifest["version"] == 1 and manifest["previous_manifest_sha256"] is None
    assert manifest["closed_at"] == "2025-12-29T18:00:00Z", manifest["closed_at"]  # six hours after the last interval
    assert {f["name"] for f in manifest["files"]} == set(files) - {"manifest.json", "manifest.json.p7s"}
    whole = table(files["semua.csv"])
    for f in manifest["files"]:
        content = files[f["name"]]
        assert hashlib.sha256(content).hexdigest() == f["sha256"], f["name"]
        assert len(content) == f["bytes"], f["name"]
        assert not f["name"].endswith(".csv") or len(table(content)) == f["rows"], f["name"]
    reports = {n for n in files if n.startswith("daily")}
    assert reports >= {"daily.csv", "daily.xlsx", "daily-people.csv", "daily-people.xlsx"}, reports
    for report in ("daily", "daily-people"):
        said = house.hadir("report", report, "--government", "LUTRA", "--date", DAY, "--closed").stdout
        assert files[f"{report}.csv"].decode() == said.replace("\n", "\r\n"), report
    units = {}
    for name, content in files.items():
        if name.startswith("unit-"):
            rows = table(content)
            code = {r["unit_code"] for r in rows}
            assert len(code) == 1 and name == f"unit-{code.pop()}.csv", name
            units[name] = rows
    assert [r for name in sorted(units, key=lambda n: n[5:-4]) for r in units[name]] == whole, "the units do not make the whole"
    kinds = {r["kind"] for r in manifest["rules"]}
    assert {"policy", "working_hours", "fence"} <= kinds, kinds
    assert [r["version"] for r in manifest["rules"] if r["kind"] == "policy"] == ["2025-12-18.1"]

    by = {(r["nip"], r["session_code"]): r for r in whole}
    assert len(by) == len(whole) == 2 * (600 + len(ODD)), len(whole)
    with open(f"{EXAMPLE}/replay/expected.csv") as f:
        expected = list(csv.DictReader(line for line in f if not line.startswith("#")))
    wrong = []
    for line in expected:
        first, _, last = line["people"].partition("-")
        for n in range(int(first), int(last or first) + 1):
            row = by[house.people[n - 1]["nip"], line["session"]]
            flags = {x for x in row["flags"].split(",") if x and not x.startswith("clock_")}
            got = (row["state"], row["late_minutes"] or "0", row["early_minutes"] or "0", row["place"], flags)
            want = (line["state"], line["late"] or "0", line["early"] or "0", line["place"], set(filter(None, line["flags"].split("+"))))
            if got[:3] != want[:3] or (line["state"] != "missing" and got != want):
                wrong.append((n, line["session"], got, want))
    assert not wrong, wrong[:5]


@test
def formulas_are_guarded_and_numbers_are_not(house):
    text = published(house, DAY)["semua.csv"].decode()
    rows = {r["nip"]: r for r in table(text.encode())}
    for name, nip in ODD.items():
        guarded = name if name[0] not in "=+-@" else "'" + name
        assert rows[nip]["name"] == guarded, rows[nip]["name"]
    for r in table(text.encode()):
        assert r["late_minutes"].isdigit() or r["late_minutes"] == "", r
        assert r["nip"].isdigit() and len(r["nip"]) == 18, r
        for cell in r.values():
            assert not cell or cell[0] not in "=+-@\t\r", cell
    status, csv_text = house.presence(house.everything, accept="text/csv")
    seen = {r["nip"]: r["name"] for r in csv.DictReader(io.StringIO(csv_text))}
    assert status == 200 and seen[ODD["-2.5"]] == "'-2.5", seen[ODD["-2.5"]]
    status, answer = house.presence(house.everything)
    assert {p["name"] for p in answer["people"]} >= set(ODD), "JSON needs no guard"


@test
def running_again_changes_nothing(house):
    before = published(house)
    inodes = {f: os.stat(f"{house.dir}/export/LUTRA/{f}").st_ino for f in before}
    for _ in range(2):
        assert "nothing is to be published" in nightly(house)
    assert published(house) == before
    assert inodes == {f: os.stat(f"{house.dir}/export/LUTRA/{f}").st_ino for f in before}, "files were written again"
    assert not [f for f in os.listdir(f"{house.dir}/export/LUTRA") if f.startswith(".")], "leftovers"


def forget(house):
    """As if the night had not been: no frozen day, nothing published."""
    house.sql("truncate hadir.export_run; truncate hadir.attendance; truncate hadir.attendance_version")
    shutil.rmtree(f"{house.dir}/export/LUTRA", ignore_errors=True)


@test
def killed_anywhere_it_ends_with_the_same_bytes(house):
    undisturbed = published(house)
    rng = random.Random(SEED)
    start = time.monotonic()
    nightly_argv = [f"{BUILD}/daemon/hadir", "nightly"]
    forget(house)
    closed(house)
    takes = time.monotonic() - start
    assert published(house) == undisturbed, "a second undisturbed run differs"
    killed = cut = 0
    for _ in range(KILLS):
        if rng.random() < 0.5:
            forget(house)
        else:  # between the rename and its record
            house.sql("truncate hadir.export_run")
        for _ in range(3):
            p = subprocess.Popen((["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []) + nightly_argv, env=house.env,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(rng.random() * takes)  # a random moment of its work, not a wait for anything
            if p.poll() is None:
                os.killpg(p.pid, signal.SIGKILL)
                killed += 1
            else:
                takes *= 0.8  # it is quicker than the one that was measured
            p.wait(120)
            done = os.path.exists(f"{house.dir}/export/LUTRA/{DAY}/manifest.json")
            cut += 0 if done else 1
            if done:
                assert published(house, DAY) == {os.path.relpath(f, DAY): c for f, c in undisturbed.items()}, "half a folder"
        closed(house)
        assert published(house) == undisturbed, "other bytes after a kill"
        assert house.value("select count(*) from hadir.attendance_version") == "1"
        assert house.value("select count(*) from hadir.export_run") == "1"
        assert os.listdir(f"{house.dir}/export/LUTRA") == [DAY], os.listdir(f"{house.dir}/export/LUTRA")
    print(f"# seed {SEED}: {killed} kills, {cut} of them before the folder was there; undisturbed {takes:.2f} s")
    assert killed >= KILLS and cut > 0, "the kills hit nothing"


@test
def two_at_once_do_not_disturb_each_other(house):
    before = published(house)
    house.sql("truncate hadir.export_run")
    argv = (["runuser", "-u", house.user, "--"] if os.getuid() == 0 else []) + [f"{BUILD}/daemon/hadir", "nightly"]
    several = [subprocess.Popen(argv, env=house.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(p.communicate(timeout=120), p.returncode) for p in several]
    assert 0 in {code for _, code in ended}, ended
    assert all(code == 0 or "another nightly run" in err for (out, err), code in ended), ended
    closed(house)
    assert published(house) == before


@test
def a_later_fact_makes_a_second_version(house):
    first = published(house)
    who = house.people[197]  # 198: revoked before the morning, hence missing
    token = house.known(house.enroll(who["nip"]))
    status, answer = house.checkin(token, lat=-2.9, lon=120.9, taken=f"{DAY}T07:20:00+08:00", sent=house.now())
    assert status == 200 and answer["verdict"] == "on_time" and "late_delivery" in answer["flags"], answer
    wait_until("it is recorded", lambda: house.value(f"select count(*) from hadir.checkin where id = '{answer['checkin']}'") == "1")
    closed(house, f"{DAY}.v2")
    now = published(house)
    assert {f: c for f, c in now.items() if not f.startswith(f"{DAY}.v2/")} == first, "a published file was rewritten"
    files = published(house, f"{DAY}.v2")
    manifest = json.loads(files["manifest.json"])
    assert manifest["version"] == 2
    assert manifest["previous_manifest_sha256"] == hashlib.sha256(first[f"{DAY}/manifest.json"]).hexdigest()
    difference = table(files["perbedaan.csv"])
    # What the day lacks as evidence stands in each of its rows: the afternoon's changes in that alone.
    assert [(r["change"], r["nip"], r["session_code"], r["state"], r["evidence_missing"]) for r in difference] == [
        ("before", who["nip"], "pagi", "missing", "location 0/2"), ("after", who["nip"], "pagi", "on_time", "location 1/2"),
        ("before", who["nip"], "sore", "missing", "location 0/2"), ("after", who["nip"], "sore", "missing", "location 1/2")], difference
    assert difference[1]["checkin_id"] == answer["checkin"] and difference[1]["place"] == "WFA", difference[1]
    changed = [(a, b) for a, b in zip(table(first[f"{DAY}/semua.csv"]), table(files["semua.csv"])) if a != b]
    assert len(changed) == 2 and {b["nip"] for _, b in changed} == {who["nip"]}, changed
    entry = next(f for f in manifest["files"] if f["name"] == "perbedaan.csv")
    assert entry["rows"] == 4 and entry["sha256"] == hashlib.sha256(files["perbedaan.csv"]).hexdigest(), entry
    nightly(house)
    assert published(house) == now and sorted(os.listdir(f"{house.dir}/export/LUTRA")) == [DAY, f"{DAY}.v2"]


@test
def one_government_does_not_keep_another_waiting(house):
    house.hadir("government", "add", "AAA", "Uji", "--zone", "Asia/Makassar")
    house.sql("insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, rules, digest) "
              f"select id, '{DAY}', 1, '{DAY}T20:00:00Z', '{DAY}T17:00:00Z', '[]', '' from hadir.government where code = 'AAA'")
    house.sql("delete from hadir.export_run where version = 2")
    recorded = lambda: house.sql("select g.code, e.version from hadir.export_run e join hadir.government g on g.id = e.government "
                                 "order by 1, 2")
    before, in_the_way = published(house), house.write("export/AAA", "no folder")
    done = house.hadir("nightly", check=False)
    assert done.returncode == 1 and "export/AAA" in done.stderr, (done.returncode, done.stdout, done.stderr)
    assert recorded() == [["LUTRA", "1"], ["LUTRA", "2"]] and published(house) == before, recorded()
    os.unlink(in_the_way)
    nightly(house)
    assert recorded() == [["AAA", "1"], ["LUTRA", "1"], ["LUTRA", "2"]], recorded()
    assert os.listdir(f"{house.dir}/export/AAA") == [DAY] and published(house) == before


@test
def what_was_published_verifies(house):
    done = house.hadir("verify", f"{house.dir}/export/LUTRA", "--certificate", f"{house.dir}/secret/export.crt")
    files = len([f for f in published(house) if not f.endswith(("manifest.json", ".p7s"))])
    assert done.stdout.splitlines()[-1] == f"2 days, 0 months, {files} files, 2 validly signed; 0 faults", done.stdout


@test
def nothing_in_the_log_and_nobody_died(house):
    with open(f"{house.dir}/demo/tokens.csv", newline="") as f:
        house.spoken |= {r["token"] for r in csv.DictReader(f) if r["token"]}
    house.spoken |= {f"6280000{n:06d}" for n in range(441, 601)}
    assert len(house.spoken) > 500
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("morning") as house:
        house.as_user("mkdir", "-m", "0700", f"{house.dir}/demo")
        text = io.StringIO(newline="")
        w = csv.writer(text)
        w.writerow(["nip", "name", "category", "unit", "from"])
        for name, nip in ODD.items():
            w.writerow([nip, name, "PNS", "SETDA", "2025-01-01"])
        house.hadir("import", "people", house.write("odd.csv", text.getvalue(), 0o644))
        house.start(clock=f"{DAY}T06:45:00+08:00")
        house.everything = house.known(house.grant(house.people[0]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
