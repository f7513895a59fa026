"""A month as BKPSDM closes it: the nights freeze its days, the console closes it, a phone that was dead comes late, the
difference is told with its cause, and the month is closed again with a reason."""
import csv, json, os, shutil, uuid
from harness import House, Tests, wait_until

test = Tests()
LAST = "2025-12-31"


def nights(house):
    """Runs nightly until nothing is due: it waits for the spool to say that it is complete to the closing."""
    def ask():
        done = house.hadir("nightly", check=False)
        return done.returncode == 0 and "waiting" not in done.stdout + done.stderr and done
    return wait_until("nightly has closed what is over", ask, 60).stdout


def state(house):
    lines = house.hadir("month", "state", "2025-12", "--government", "LUTRA", "--csv").stdout.splitlines()
    return {row["day"]: (row["state"], row["version"]) for row in csv.DictReader(lines)}


@test
def a_month_is_closed_and_closed_again(house):
    tokens = [house.known(house.enroll(p["nip"])) for p in house.people[:2]]
    house.set_clock(f"{LAST}T07:10:00+08:00")
    house.wait_live()
    for token in tokens:
        wait_until("the day is planned", lambda: house.checkin(token)[1].get("verdict") == "on_time")
    early = {"id": str(uuid.uuid4()), "taken_at": f"{LAST}T16:05:00+08:00", "lat": -2.562, "lon": 120.314, "accuracy_m": 10}
    refused = house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False)
    assert refused.returncode != 0 and "is not over" in refused.stderr, refused.stderr
    house.set_clock("2026-01-01T05:00:00+08:00")
    house.wait_live()
    nights(house)
    assert state(house)[LAST] == ("frozen", "1"), state(house)[LAST]
    assert "version 1" in house.hadir("month", "close", "2025-12", "--government", "LUTRA").stdout
    again = house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False)
    assert again.returncode != 0 and "nothing differs" in again.stderr, again.stderr

    # A phone that was dead delivers yesterday afternoon's check-in, 13 hours old by its own clock.
    status, answer = house.post(tokens[0], dict(early, sent_at=house.now()))[:2]
    assert status == 200 and answer["verdict"] == "on_time", answer
    wait_until("the difference shows", lambda: state(house)[LAST] == ("pending", "1"))
    nights(house)
    assert not os.path.exists(f"{house.dir}/export/LUTRA/{LAST}.v2"), "the nightly run leaves a closed month alone"
    rows = list(csv.DictReader(house.hadir("differences", LAST, "--government", "LUTRA", "--csv").stdout.splitlines()))
    assert [(r["nip"], r["session"]) for r in rows] == [(house.people[0]["nip"], "sore")], rows
    assert "checkin" in rows[0]["causes"], rows
    assert house.hadir("month", "close", "2025-12", "--government", "LUTRA", check=False).returncode != 0, "a reason is asked for"
    done = house.hadir("month", "close", "2025-12", "--government", "LUTRA", "--reason", "presensi tertunda diterima")
    assert "version 2" in done.stdout, done.stdout
    assert state(house)[LAST] == ("frozen", "2")
    nights(house)
    with open(f"{house.dir}/export/LUTRA/{LAST}.v2/perbedaan.csv", encoding="utf-8-sig") as f:
        difference = list(csv.DictReader(f))
    assert {(r["nip"], r["session_code"], r["state"], r["change"], r["why"]) for r in difference} == {
        (house.people[0]["nip"], "sore", "missing", "before", "checkin"),
        (house.people[0]["nip"], "sore", "on_time", "after", "checkin")}, difference


def published(house):
    top = f"{house.dir}/export/LUTRA"
    return {os.path.relpath(os.path.join(at, f), top): open(os.path.join(at, f), "rb").read() for at, _, files in os.walk(top) for f in files}


@test
def closed_months_are_published(house):
    """Each version with its reports, of the government and of each unit, signed and in the chain of its days; later ones change none."""
    files = published(house)
    assert {n.split("/")[0] for n in files} >= {"2025-12", "2025-12.v2"}, sorted({n.split("/")[0] for n in files})
    manifest = json.loads(files["2025-12.v2/manifest.json"])
    assert (manifest["month"], manifest["version"], "day" in manifest) == ("2025-12", 2, False)
    assert {"day": LAST, "version": "2"} in manifest["days"] and LAST in json.loads(files["2025-12/manifest.json"])["days"][-1].values()
    unit = house.people[0]["unit"]
    for name in ("monthly", "monthly-days", f"monthly-unit-{unit}", "compliance", "compliance-people", "evaluation", "discipline", "discipline-days"):
        assert {n.rpartition(".")[2] for n in files if n.startswith(f"2025-12.v2/{name}.")} >= {"csv", "xlsx", "json"}, name
    for scope, name in ((("--unit", unit), f"monthly-unit-{unit}"), (("--government", "LUTRA"), "monthly")):
        said = house.hadir("report", "monthly", *scope, "--month", "2025-12", "--closed").stdout.replace("\n", "\r\n")
        assert files[f"2025-12.v2/{name}.csv"].decode() == said, name
    late = lambda v: {r["nip"]: r["present"] + r["time_out"] for r in csv.DictReader(files[f"2025-12{v}/monthly-days.csv"].decode().splitlines())
                      if r["day"] == LAST}[house.people[0]["nip"]]
    assert (late(""), late(".v2")) == ("true", "true16:05"), (late(""), late(".v2"))
    done = house.hadir("verify", f"{house.dir}/export", "--certificate", f"{house.dir}/secret/export.crt")
    assert ", 2 months, " in done.stdout.splitlines()[-1] and done.stdout.splitlines()[-1].endswith("; 0 faults"), done.stdout
    done = house.hadir("verify", f"{house.dir}/export/LUTRA/2025-12", "--certificate", f"{house.dir}/secret/export.crt")
    assert done.stdout.startswith("0 days, 1 months, "), done.stdout
    # Lost, also what later versions followed, and made again: a full disk leaves nothing half, the next run the same bytes.
    house.sql("delete from hadir.export_run where period = '2025-12'")
    for name in ("2025-12", "2025-12.v2"):
        shutil.rmtree(f"{house.dir}/export/LUTRA/{name}")
    done = house.hadir_short_of_disk(8192, "nightly")
    assert done.returncode == 1 and "/.2025-12.part/monthly." in done.stderr and "File too large" in done.stderr, done.stderr
    left = {n: c for n, c in published(house).items() if not n.startswith(".")}
    assert left == {n: c for n, c in files.items() if not n.startswith("2025-12/") and not n.startswith("2025-12.v2/")}
    # A month that cannot be published holds up no day that was frozen after it.
    house.sql(f"delete from hadir.export_run where (period, version) = ('{LAST}', 2)")
    shutil.rmtree(f"{house.dir}/export/LUTRA/{LAST}.v2")
    house.as_user("mkdir", "-p", f"{house.dir}/export/LUTRA/.2025-12.part/not-ours")
    done = house.hadir("nightly", check=False)
    assert done.returncode == 1 and "not-ours" in done.stderr and os.path.exists(f"{house.dir}/export/LUTRA/{LAST}.v2"), done
    house.as_user("rmdir", f"{house.dir}/export/LUTRA/.2025-12.part/not-ours")
    nights(house)
    again = published(house)
    assert sorted(again) == sorted(files) and [n for n in files if again[n] != files[n]] == [], [n for n in files if again.get(n) != files[n]]


@test
def a_decree_after_the_fact_waits_until_the_day_is_reopened(house):
    path = house.write("late.csv", "day,kind,name,basis,government,dated\n"
                       f"{LAST},REGIONAL,Hari Jadi,SK 9,LUTRA,2025-12-20\n", 0o644)
    house.hadir("import", "calendar", path)
    house.wait_live()
    assert state(house)[LAST] == ("frozen", "2"), "a frozen day keeps its rules"
    house.hadir("reopen", "--government", "LUTRA", "--from", LAST, "--reason", "libur ditetapkan menyusul")
    wait_until("reopened, it differs", lambda: state(house)[LAST] == ("pending", "2"))
    rows = list(csv.DictReader(house.hadir("differences", LAST, "--government", "LUTRA", "--csv").stdout.splitlines()))
    assert len(rows) > 600 and all("rules" in r["causes"] for r in rows), rows[:2]


def ask(house, token, path, body=None):
    status, headers, answer = house.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body),
                                            {"Authorization": f"Bearer {token}", "Accept-Language": "en"})
    return status, json.loads(answer)


@test
def bkpsdm_asks_over_http_and_the_night_closes(house):
    unit = house.people[0]["unit"]
    agency, boss = house.known(house.grant(house.people[5]["nip"], "bkpsdm")), house.known(house.grant(house.people[4]["nip"], unit=unit))
    status, answer = ask(house, boss, f"/v1/months/2025-12?unit={unit}")
    assert status == 200 and answer["version"] == 2 and {"day": LAST, "state": "pending", "version": 2} in answer["days"], answer
    status, answer = ask(house, boss, f"/v1/differences?unit={unit}&day={LAST}")
    assert status == 200 and len(answer["differences"]) > 3 and all("rules" in d["causes"] for d in answer["differences"]), answer
    assert ask(house, boss, f"/v1/months/2025-12?unit=LUTRA")[0] == 404
    status, answer = ask(house, agency, "/v1/months/2025-12/closing", {})
    assert status == 422 and answer["problems"][0]["field"] == "reason", answer
    assert ask(house, boss, "/v1/months/2025-12/closing", {"reason": "x"})[1]["code"] == "not_yours"
    status, answer = ask(house, agency, "/v1/months/2025-12/closing", {"reason": "libur menyusul"})
    assert (status, answer["state"]) == (201, "asked"), answer
    assert ask(house, agency, "/v1/months/2025-12/closing", {"reason": "x"})[1]["code"] == "wrong_state"
    assert state(house)[LAST] == ("pending", "2"), "until the night"
    assert "closing was asked for" in house.hadir("month", "state", "2025-12", "--government", "LUTRA").stdout
    assert "LUTRA 2025-12 is closed, version 3" in house.hadir("nightly").stdout
    assert os.path.exists(f"{house.dir}/export/LUTRA/{LAST}.v3") and os.path.exists(f"{house.dir}/export/LUTRA/2025-12.v3"), "and published"
    assert ask(house, agency, "/v1/months/2025-12/closing", {"reason": "lagi"})[0] == 201
    assert "is not closed: is closed, and nothing differs" in house.hadir("nightly").stdout
    assert "closing was refused" in house.hadir("month", "state", "2025-12", "--unit", unit).stdout
    status, answer = ask(house, agency, f"/v1/months/2025-12?unit={unit}")
    assert [(s["step"], s["capacity"]) for s in answer["steps"]][-4:] == [
        ("asked", "bkpsdm"), ("closed", "bkpsdm"), ("asked", "bkpsdm"), ("refused", "console")], answer
    assert ask(house, boss, "/v1/reopenings", {"from": LAST, "to": LAST, "reason": "x"})[0] == 403
    assert ask(house, agency, "/v1/reopenings", {"from": LAST, "to": LAST, "reason": "jam salah"})[0] == 200
    said = house.hadir("month", "close", "2025-12", "--government", "LUTRA", "--reason", "x", "--as", "1", check=False)
    assert said.returncode == 1 and "the NIP is unknown" in said.stderr, said.stderr


@test
def circulars_heads_calendar_and_hours_over_http(house):
    unit = house.people[0]["unit"]
    operator, token = house.known(house.grant(house.people[6]["nip"], "operator")), house.known(house.enroll(house.people[7]["nip"]))
    circular = {"sections": [{"section": "policy", "pairs": [{"key": k, "value": v} for k, v in (
        ("number", "UJI/9 a"), ("dated", "2026-01-01"), ("valid_from", "2026-01-05"))]},
        {"section": "day Jumat", "pairs": [{"key": "weekdays", "value": "Jumat"}, {"key": "place", "value": "WFA"}]}]}
    status, answer = ask(house, operator, "/v1/policies/check", circular)
    assert status == 200 and any("Friday: WFA" in line for line in answer["lines"]), answer
    assert ask(house, operator, "/v1/policies")[1]["policies"] == ask(house, token, "/v1/policies")[1]["policies"]
    assert ask(house, token, "/v1/policies", circular)[1]["code"] == "not_yours"
    assert ask(house, operator, "/v1/policies", circular)[0] == 201
    status, answer = ask(house, operator, "/v1/policies", {"sections": [{"section": "policy"}]})
    assert status == 422 and answer["problems"][0]["field"] == "sections[0].pairs", answer
    listed = [p for p in ask(house, token, "/v1/policies?in_force=tidak")[1]["policies"] if p["number"] == "UJI/9 a"]
    assert listed and listed[0]["scope"] == ["Scope: the whole government"] and not listed[0]["in_force"], listed
    assert "UJI/9 a" in house.hadir("policy", "list").stdout
    assert ask(house, operator, "/v1/policies/removal", {"number": "UJI/9 a"})[0] == 200
    assert ask(house, operator, "/v1/policies/removal", {"number": "UJI/9 a"})[0] == 404

    head = {"nip": house.people[8]["nip"], "unit": unit, "kind": "acting", "from": "2026-01-05", "to": "2026-01-09"}
    assert ask(house, operator, "/v1/heads", dict(head, nip=house.people[6]["nip"]))[0] == 403
    assert ask(house, token, "/v1/heads", head)[0] in (403, 422), "a phone names nobody"
    status, answer = ask(house, operator, "/v1/heads", head)
    assert status == 201 and answer["kind"] == "acting", answer
    assert head["nip"] in house.hadir("head", "list", "--unit", unit, "--day", "2026-01-06").stdout

    status, answer = ask(house, token, "/v1/calendar?from=2025-12-25&to=2026-01-01")
    assert {d["day"] for d in answer["days"] if d["in_force"]} >= {"2025-12-25", "2026-01-01", LAST}, answer
    assert ask(house, token, "/v1/calendar?from=2025-12-25")[0] == 422
    rows = list(csv.DictReader(house.hadir("calendar", "--from", LAST, "--to", LAST, "--csv").stdout.splitlines()))
    assert [(r["kind"], r["name"], r["basis"], r["in_force"]) for r in rows] == [("REGIONAL", "Hari Jadi", "SK 9", "true")], rows
    assert "RAMADAN" in house.hadir("calendar", "--from", "2025-01-01", "--to", "2025-12-31", "--periods").stdout
    unit = house.people[7]["unit"]
    status, answer = ask(house, token, f"/v1/hours?unit={unit}")
    assert status == 200 and {h["session"] for h in answer["hours"]} == {"pagi", "sore"}, answer
    # What is printed can be loaded, and changes nothing.
    path = house.write("hours.csv", house.hadir("hours", "--unit", unit, "--csv").stdout, 0o644)
    house.hadir("import", "hours", path)
    assert ask(house, token, f"/v1/hours?unit={unit}")[1] == answer


if __name__ == "__main__":
    with House("months") as house:
        house.start()
        code = test.main(house)
    raise SystemExit(code)
