"""People, their devices, and who may ask about whom: imports, moves, enrolment, revocation in every door, presence."""
import base64, csv, io, json, os, re, stat, time, urllib.parse
from harness import BUILD, DAY, EXAMPLE, TOP, House, Tests, epoch, run, wait_until

test = Tests()
SOON_S = 60  # the promise is one second; a test machine that does several things at once is given more. Measured below.


def at(hhmm):
    return f"{DAY}T{hhmm}:00+08:00"


def file(house, name, text):
    return house.write(name, text, 0o644)


def refused(house, what, path, *expected, more=()):
    """The import fails, names every expected (line, word), and loads nothing."""
    counts = "select (select count(*) from hadir.unit), (select count(*) from hadir.person), (select count(*) from hadir.posting), " \
             "(select count(*) from hadir.fence), (select count(*) from hadir.fence_version), (select count(*) from hadir.session), " \
             "(select count(*) from hadir.policy), (select count(*) from hadir.calendar_day)"
    before = house.sql(counts)
    done = house.hadir("import", what, path, *more, check=False)
    said = done.stderr + done.stdout
    assert done.returncode == 1, (done.returncode, said)
    for line, word in expected:
        assert re.search(rf"(?m)^.*{os.path.basename(path)}.*\b{line}\b.*{word}", said), f"no line {line} with {word!r} in\n{said}"
    assert house.sql(counts) == before, "something was loaded"
    return said


@test
def imports_list_every_problem_and_load_nothing(house):
    nip = house.people[0]["nip"]
    refused(house, "units", file(house, "units.csv", "code,name,kind,parent\nNEW1,Baru,opd,LUTRA\nNEW2,,opd,LUTRA\n"
                                 "NEW3,Tanpa induk,opd,TIDAK-ADA\nNEW1,Dua kali,opd,LUTRA\n"),
            (3, "name"), (4, "parent"), (5, "code"))
    good = "199001012020121999,Pegawai Uji,PNS,SETDA,2025-01-01,,"
    said = refused(house, "people", file(house, "people.csv", "nip,name,category,unit,from,grade,post\n" + good + "\n"
                   "12345,NIP pendek,PNS,SETDA,2025-01-01,,\n"
                   "199001012020121998,Unit asing,PNS,TIDAK-ADA,2025-01-01,,\n"
                   "199001012020121997,Kategori asing,HONORER,SETDA,2025-01-01,,\n"
                   "199001012020121996,Tanggal asing,PNS,SETDA,2025-02-30,,\n"
                   "199001012020121995,,PNS,SETDA,2025-01-01,,\n"
                   + good + "\n"), (3, "nip"), (4, "unit"), (5, "category"), (6, "from"), (7, "name"), (8, "nip"))
    assert "nothing was loaded" in said, said
    refused(house, "people", file(house, "form.csv", "nip,name,category,unit,from\n1,2\n1,2,3,4,5,6\n"), (2, "column"), (3, "column"))
    refused(house, "people", file(house, "head.csv", "nip,nama,category,unit,from\n"), (1, "nama"))
    refused(house, "people", file(house, "quote.csv", f'nip,name,category,unit,from\n{nip},"never closed,PNS,SETDA,2025-01-01\n'), (2, ""))
    refused(house, "calendar", file(house, "calendar.csv", "day,kind,name,dated,basis\n2026-13-01,LN,Salah,2025-09-19,x\n"
                                    "2026-01-02,XX,Salah,,x\n"), (2, "day"), (3, "kind"), (3, "dated"))
    refused(house, "periods", file(house, "periods.csv", "kind,name,first_day,last_day,dated\n"
                                   "RAMADAN,Ramadan lain,2026-03-01,2026-03-02,2026-01-01\n"), (2, "Ramadan 1447 H"))
    refused(house, "hours", file(house, "hours.csv",
            "weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until\n"
            "1-9,pagi,Pagi,in,05:00,05:00,07:30,07:31,11:00\n1-4,pagi,Pagi,in,05:00,05:00,07:30,07:31,04:00\n"
            "1-4,pagi,Pagi,masuk,05:00,05:00,07:30,07:31,11:00\n1-4,pagi,Pagi,in,25,05:00,07:30,07:31,11:00\n"),
            (2, "weekdays"), (4, "counts_as"), (5, "accept_from"))


# What a file of three faulty lines (2 to 4) is: the fields that are named, line by line.
THREE_FAULTS = {
    "units": ("code,name,kind,parent,service\nX,,opd,SETDA,\nY/!,Contoh,opd,SETDA,\nZ,Contoh,opd,TIADA,umum\n", "2 name,3 code,4 parent,4 service"),
    "people": ("nip,name,category,unit,from\n123,Contoh,PNS,SETDA,2025-01-01\n198001012005011501,Contoh,HONOR,SETDA,2025-01-01\n"
               "198001012005011502,Contoh,PNS,TIADA,2025-02-30\n", "2 nip,3 category,4 from,4 unit"),
    "heads": ("nip,unit,kind,from\n123,SETDA,head,2025-01-01\n{nip},TIADA,head,2025-01-01\n{nip},SETDA,boss,2025-13-01\n", "2 nip,3 unit,4 from,4 kind"),
    "calendar": ("day,kind,name,dated,government\n2026-02-30,LN,x,2026-01-01,\n2026-02-03,LIBUR,x,2026-01-01,\n2026-02-03,REGIONAL,,2026-01-41,TIADA\n",
                 "2 day,3 kind,4 dated,4 government,4 name"),
    "periods": ("kind,name,first_day,last_day,dated\nRAMADAN,x,2028-03-01,2028-02-01,2026-01-01\nRAMADAN,,2028-03-01,2028-03-02,2026-01-01\n"
                "puasa,x,2028-13-01,2028-03-02,x\n", "2 last_day,3 name,4 dated,4 first_day,4 kind"),
    "hours": ("weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,valid_from\n1-9,pagi,P,in,06:00,,07:00,07:01,09:00,"
              "SETDA,2026-01-01\n1,pagi,P,masuk,06:00,,07:00,07:01,09:00,SETDA,2026-01-01\n2,pagi,P,in,06:00,,25:99,07:01,09:00,TIADA,2026-01-32\n",
              "2 weekdays,3 counts_as,4 due,4 unit,4 valid_from"),
    "minute-classes": ("counts_as,code,from_minutes,percent,valid_from\nmasuk,TL1,1,1,2026-01-01\nin,TL2,x,1,2026-01-01\nin,,1,101,2026-02-30\n",
                       "2 counts_as,3 from_minutes,4 code,4 percent,4 valid_from"),
    "consequences": ("valid_from,absent_code,absent_percent,monthly_cap\n2026-02-30,TK,3,100\n2026-01-01,,3,100\n2026-01-02,TK,x,1000\n",
                     "2 valid_from,3 absent_code,4 absent_percent,4 monthly_cap"),
    "discipline": ("from_days,level,sanction,valid_from,consecutive\nx,ringan,s,2026-01-01,tidak\n3,,,2026-01-01,tidak\n4,ringan,s,2026-02-30,mungkin\n",
                   "2 from_days,3 level,3 sanction,4 consecutive,4 valid_from"),
    "absence-codes": ("code,name,working,percent,needs_document,valid_from\n,x,ya,0,tidak,2026-01-01\nXX,,boleh,0,tidak,2026-01-01\n"
                      "YY,x,ya,200,perlu,2026-02-30\n", "2 code,3 name,3 working,4 needs_document,4 percent,4 valid_from"),
    "absences": ("nip,code,first_day,last_day\n123,CT,2026-01-05,\n{nip},XX,2026-01-05,\n{nip},CT,2026-01-08,2026-01-05\n", "2 nip,3 code,4 last_day")}
ID_WORDS = re.compile(r"\b(harus|tidak|sudah|dan|bukan|angka)\b")


@test
def every_import_lists_its_problems_by_line_in_the_readers_language(house):
    for language in ("en", "id"):
        house.conf["language"] = language
        house.write_conf()
        for what, (text, fields) in THREE_FAULTS.items():
            path = file(house, "three.csv", text.replace("{nip}", house.people[0]["nip"]))
            lines = refused(house, what, path).splitlines()
            found = [re.match(r".*three\.csv:(\d+): (\w+): (.+)", l) for l in lines]
            assert ",".join(f"{m[1]} {m[2]}" for m in found if m) == fields, (what, lines)
            for m in found:
                assert m is None or bool(ID_WORDS.search(m[3].replace("ya or tidak", ""))) == (language == "id"), (what, language, m[0])
    house.conf["language"] = "en"
    house.write_conf()


@test
def the_manual_s_examples_of_hours_load(house):
    with open(f"{TOP}/deploy/man/hadir-hours.5") as page:
        examples = re.findall(r"(?ms)^\.Bd -literal\n(.*?)^\.Ed$", page.read())
    assert len(examples) == 2
    for text in examples:
        house.hadir("import", "hours", file(house, "example.csv", text))
    assert house.sql("select w.shift, count(*) from hadir.working_hours w join hadir.unit u on u.id = w.unit "
                     "join hadir.session s on s.working_hours = w.id group by 1 order by 1") == [["MALAM", "2"], ["", "3"]]


@test
def one_run_lists_what_form_and_database_find(house):
    said = refused(house, "units", file(house, "both.csv", "\ufeff# made by \"hand\"\r\ncode,name,kind,parent\r\nNEW1,Baru\r\n"
                                        "NEW2,Baru,opd,TIDAK-ADA\r\nNEW3,Baik,opd,LUTRA\r\n\r\n#\"\r\n"), (3, "column"), (4, "parent"))
    assert "2 problems; nothing was loaded" in said, said
    refused(house, "units", file(house, "twice.csv", "code,code,name,kind\nNEW1,NEW1,Baru,opd\n"), (1, "twice"))
    for empty in ("", "\ufeff", "# only a comment", "\n\n"):
        refused(house, "units", file(house, "empty.csv", empty))
    ring = [[120.31, -2.56], [120.32, -2.56], [120.32, -2.57], [120.31, -2.56]]
    said = refused(house, "fences", file(house, "both.geojson", json.dumps({"type": "FeatureCollection", "features": [
        feature({"type": "Polygon", "coordinates": [ring[:-1]]}, "A"),
        feature({"type": "Polygon", "coordinates": [ring]}, "B", unit="TIDAK-ADA")]})), (1, ""), (2, "unit"))
    assert "2 problems; nothing was loaded" in said, said


def feature(geometry, code="UJI", **properties):
    return {"type": "Feature", "geometry": geometry,
            "properties": dict({"code": code, "name": "Uji", "kind": "office", "unit": "SETDA"}, **properties)}


@test
def fences_that_are_not_valid_are_named(house):
    ring = [[120.31, -2.56], [120.32, -2.56], [120.32, -2.57], [120.31, -2.57], [120.31, -2.56]]
    polygon = lambda *rings: {"type": "Polygon", "coordinates": list(rings)}
    bad = [feature(polygon(ring), "A"),                                                                # 1: good
           feature(polygon([ring[0], ring[2], ring[1], ring[3], ring[0]]), "B"),                       # 2: crosses itself
           feature(polygon(ring[:-1] + [[120.315, -2.565]]), "C"),                                     # 3: open
           feature(polygon([[120.31, -95.0], [120.32, -95.0], [120.32, -94.0], [120.31, -95.0]]), "D"),  # 4: out of range
           feature({"type": "Point", "coordinates": [120.31, -2.56]}, "E"),                            # 5: no radius
           feature({"type": "LineString", "coordinates": ring}, "F"),                                  # 6
           feature(polygon([[179.5, 1.0], [-179.5, 1.0], [-179.5, 2.0], [179.5, 1.0]]), "G"),          # 7: antimeridian
           feature({"type": "Point", "coordinates": [120.31, -2.56]}, "H", radius_m=50, shared="yes")]  # 8: a text for a truth
    path = file(house, "bad.geojson", json.dumps({"type": "FeatureCollection", "features": bad}))
    house.env["HADIR_LANGUAGE"] = "id"  # of commands without a configuration; this one has one, from the first word on
    said = refused(house, "fences", path, *[(n, "") for n in range(2, 9)])
    house.env["HADIR_LANGUAGE"] = "en"
    assert "feature 2" in said and "fitur" not in said, said
    assert not re.search(r"feature 1\b", said), said
    good = file(house, "good.geojson", json.dumps({"type": "FeatureCollection", "features": [bad[0]]}))
    for crs in ("EPSG:999999", "nonsense"):
        done = house.hadir("import", "fences", good, "--crs", crs, check=False)
        assert done.returncode == 1 and crs in done.stderr, done.stderr
    refused(house, "fences", file(house, "unit.geojson", json.dumps({"type": "FeatureCollection", "features": [
        feature(polygon(ring), "H", unit="TIDAK-ADA"), feature(polygon(ring), "I", kind="castle")]})), (1, "unit"), (2, "kind"))
    # The same square in UTM zone 51 S (EPSG:32751) lands where it lies, to the centimetre.
    utm = [[200856.868, 9716727.362], [201969.740, 9716729.693], [201972.058, 9715623.157], [200859.195, 9715620.817],
           [200856.868, 9716727.362]]
    moved = file(house, "utm.geojson", json.dumps({"type": "FeatureCollection", "features": [
        feature(polygon(utm), "UTM", unit=None, nip=house.people[5]["nip"], kind="home", name="Rumah uji")]}))
    house.hadir("import", "fences", moved, "--crs", "EPSG:32751")
    house.hadir("import", "fences", moved, "--crs", "EPSG:32751")  # again: the same version
    assert house.value("select version from hadir.fence where code = 'UTM'") == "1"
    token = house.known(house.enroll(house.people[5]["nip"]))
    house.sql("insert into hadir.policy (government, number, dated, valid_from, valid_to) values "
              f"(1, 'SE-UJI-WFH', '{DAY}', '{DAY}', '{DAY}')")
    house.sql("insert into hadir.policy_day (policy, weekdays, place) select id, '{1,2,3,4,5,6,7}', 'WFH' from hadir.policy "
              "where number = 'SE-UJI-WFH'")
    house.sql("insert into hadir.policy_scope (policy) select id from hadir.policy where number = 'SE-UJI-WFH'")
    centre = {"lat": -2.565, "lon": 120.315}
    answer = wait_until("the doors know the home", lambda: [a for s, a in [house.checkin(token, **centre)] if a["fence"] == "Rumah uji"])[0]
    assert answer["place"] == "WFH" and answer["relation"] == "inside" and -560 < answer["distance_m"] < -545, answer
    edge = house.checkin(token, lat=-2.565, lon=120.3101)[1]  # 11.1 m inside the western edge
    assert edge["relation"] == "inside" and -11.3 < edge["distance_m"] < -11.0, edge
    house.sql("delete from hadir.policy where number = 'SE-UJI-WFH'")
    house.hadir("revoke", house.people[5]["nip"])


@test
def an_import_says_what_was_new(house):
    """Everything once more leaves everything as it is; of what a file brings it says how much was new, how much changed."""
    reference = f"{TOP}/sql/reference"
    head, person = house.people[10]["nip"], house.people[11]["nip"]
    mine = {"discipline": f"{reference}/discipline-pp-94-2021.csv",
            "minute-classes": f"{reference}/minute-classes-permentan-68-2012.csv",
            "consequences": f"{reference}/consequences-permentan-68-2012.csv",
            "heads": file(house, "kepala.csv", f"nip,unit,kind,from\n{head},{house.people[10]['unit']},head,2025-01-01\n"),
            "absences": file(house, "cuti.csv", f"nip,code,first_day,sessions,number\n{person},CT,2026-02-02,,1\n{person},CT,2026-02-03,pagi sore,2\n")}
    for what, path in mine.items():
        rows = sum(1 for line in open(path) if line.strip() and not line.startswith("#")) - 1
        assert house.hadir("import", what, path).stdout == f"{what}: {rows} rows new, 0 changed, 0 unchanged\n", what
    for what, path in dict(mine, calendar=f"{reference}/holidays.csv", periods=f"{reference}/periods.csv",
                           hours=f"{reference}/hours-perpres-21-2023.csv", units=f"{EXAMPLE}/units.csv", people=f"{EXAMPLE}/people.csv",
                           fences=f"{EXAMPLE}/fences.geojson", **{"absence-codes": f"{reference}/absence-codes.csv"}).items():
        said = house.hadir("import", what, path).stdout
        assert re.fullmatch(f"{what}: 0 rows new, 0 changed, [1-9][0-9]* unchanged\n", said), said
    units = file(house, "unit.csv", "code,name,kind,parent\nSETDA-PEM,Bagian contoh,bagian,SETDA\nBARU-1,Unit baru,bagian,SETDA\n")
    assert house.hadir("import", "units", units).stdout == "units: 1 rows new, 1 changed, 0 unchanged\n"
    heading = "weekdays,session,label,counts_as,accept_from,on_time_from,due,on_time_until,accept_until,unit,valid_from,shift\n"
    off = file(house, "lepas.csv", heading + ",,,,,,,,,SETDA,2025-01-01,LEPAS\n")  # a day off is a row, too
    on = file(house, "sif.csv", heading + ",masuk,,in,06:00,,07:00,,09:00,SETDA,2025-01-01,LEPAS\n"
              ",pulang,,out,12:00,,14:00,,16:00,SETDA,2025-01-01,LEPAS\n")
    said = [house.hadir("import", "hours", path).stdout for path in (off, off, on, off)]
    assert said == [f"hours: {counts}\n" for counts in ("1 rows new, 0 changed, 0 unchanged", "0 rows new, 0 changed, 1 unchanged",
                                                        "2 rows new, 0 changed, 0 unchanged", "0 rows new, 1 changed, 0 unchanged")], said


@test
def a_move_is_a_new_posting(house):
    who = house.people[20]
    old, new = who["unit"], next(p["unit"] for p in house.people if p["unit"] not in (who["unit"], "LUTRA"))
    path = file(house, "move.csv", f"nip,name,category,unit,from\n{who['nip']},{who['name']},{who['category']},{new},{DAY}\n")
    assert house.hadir("import", "people", path).stdout == "people: 0 rows new, 1 changed, 0 unchanged\n"
    postings = house.sql(f"select u.code, p.valid_from, p.valid_to from hadir.posting p join hadir.unit u on u.id = p.unit "
                         f"join hadir.person e on e.id = p.person where e.nip = '{who['nip']}' order by p.valid_from")
    assert [p[0] for p in postings] == [old, new] and postings[0][2] == "2025-12-28" and postings[1][1:] == [DAY, ""], postings

    def units(day):
        status, answer = house.presence(house.everything, day=day)
        assert status == 200, answer
        return {p["unit"] for p in answer["people"] if p["nip"] == who["nip"]}
    assert units("2025-12-23") == {old}, units("2025-12-23")
    wait_until("the plan follows", lambda: units(DAY) == {new})
    assert units("2025-12-23") == {old}
    assert house.hadir("import", "people", path).stdout == "people: 0 rows new, 0 changed, 1 unchanged\n"
    assert int(house.value(f"select count(*) from hadir.posting p join hadir.person e on e.id = p.person where e.nip = '{who['nip']}'")) == 2


@test
def enrolment_prints_what_a_phone_needs(house):
    url = house.conf["public_url"]
    printed = {c: house.hadir("enroll", house.people[30 + i]["nip"], "--channel", c, "--label", "hp biru").stdout
               for i, c in enumerate(("native", "owntracks", "osmand"))}
    for channel, text in printed.items():
        token = re.search(r"(?m): ([A-Za-z0-9_-]{22})$", text).group(1)
        house.secret(token)
        assert house.people[30]["name"][:7] in text and token in text and "█" in text and "▄" in text, text
        stored = house.sql(f"select d.label, encode(d.token_hash, 'hex'), strpos(d::text, '{token}') from hadir.device d "
                           f"where d.channel = '{channel}' order by d.id desc limit 1")[0]
        import hashlib
        assert stored == ["hp biru", hashlib.sha256(token.encode()).hexdigest(), "0"], stored
        printed[channel] = (text, token)
    text, token = printed["owntracks"]
    config = json.loads(base64.b64decode(re.search(r"owntracks:///config\?inline=(\S+)", text).group(1)))
    assert config["url"] == f"{url}/in/owntracks" and config["password"] == token and config["mode"] == 3, config
    wait_until("it works", lambda: house.owntracks(token, body="")[0] == 200)
    text, token = printed["osmand"]
    assert f"{url}/in/osmand" in text and f"id={token}" in text and "%LAT" in text and "%TIMESTAMP" in text, text
    text, token = printed["native"]
    assert f"{url}/v1/checkins" in text and f"Bearer {token}" in text and f"{url}/#token={token}" in text, text
    for wrong in (["000000000000000000", "--channel", "native"], [house.people[33]["nip"], "--channel", "whatsapp"],
                  [house.people[33]["nip"], "--channel", "native", "--number", "6280000"],
                  [house.people[33]["nip"], "--channel", "telegram"], [house.people[33]["nip"]]):
        assert house.hadir("enroll", *wrong, check=False).returncode != 0, wrong


@test
def a_sheet_for_a_whole_office(house):
    unit = "INSPEKTORAT"
    count = int(house.value(f"select count(*) from hadir.posting p join hadir.unit u on u.id = p.unit where u.code = '{unit}' "
                            f"and p.valid_to is null and p.kind = 'main'"))
    assert count > 0
    out = f"{house.dir}/sheet.html"
    house.hadir("enroll", "--unit", unit, "--channel", "owntracks", "--sheet", out)
    assert stat.S_IMODE(os.stat(out).st_mode) == 0o600
    page = open(out).read()
    tokens = re.findall(r"Token: <code>([A-Za-z0-9_-]{22})</code>", page)
    assert page.count("<section>") == count == len(set(tokens)) and page.count("<svg") == count, (count, len(tokens))
    for t in tokens:
        house.secret(t)
    wait_until("the doors know them", lambda: all(house.owntracks(t, body="")[0] == 200 for t in tokens))
    devices = house.value("select count(*) from hadir.device")
    again = house.hadir("enroll", "--unit", unit, "--channel", "owntracks", "--sheet", out, check=False)
    assert again.returncode == 1 and "exists" in again.stderr, again.stderr
    assert house.value("select count(*) from hadir.device") == devices, "people were enrolled without anybody knowing their tokens"


@test
def no_token_is_valid_that_nobody_can_read(house):
    active = lambda: int(house.value("select count(*) from hadir.device where revoked_at is null"))
    before, out = active(), f"{house.dir}/never.html"
    # the last of an office cannot be bound: then nobody is, and no page is left
    house.sql("create function public.sour() returns trigger language plpgsql as $$ begin if (select count(*) from hadir.device "
              f"where revoked_at is null) > {before} then raise 'sour'; end if; return new; end $$; "
              "create trigger sour before insert on hadir.device for each row execute function public.sour()")
    try:
        done = house.hadir("enroll", "--unit", "INSPEKTORAT", "--channel", "native", "--sheet", out, check=False)
    finally:
        house.sql("drop trigger sour on hadir.device; drop function public.sour()")
    assert done.returncode == 1 and "sour" in done.stderr, (done.returncode, done.stderr)
    assert active() == before and not os.path.exists(out)
    # what cannot be printed is taken back
    many = file(house, "many.csv", "# \"office\"\nnip,channel\n" + "".join(f"{p['nip']},native\n" for p in house.people[40:43]))
    for args in (["--csv", many], [house.people[40]["nip"], "--channel", "native", "--quiet"]):
        done = run("sh", "-c", 'exec "$@" > /dev/full', "sh", f"{BUILD}/daemon/hadir", "enroll", *args, env=house.env,
                   user=house.user, check=False)
        assert done.returncode == 1 and "revoked again" in done.stderr, (args, done.stderr)
        assert active() == before, args
    said = list(csv.DictReader(io.StringIO(house.hadir("enroll", "--csv", many).stdout)))
    assert len(said) == 3 and all(len(house.secret(r["token"])) == 22 for r in said) and active() == before + 3, len(said)


@test
def revocation_bites_in_every_door(house):
    nip, number = house.people[40]["nip"], house.secret("628999000111222")
    native, owntracks, osmand = (house.enroll(nip, c) for c in ("native", "owntracks", "osmand"))
    house.hadir("enroll", nip, "--channel", "whatsapp", "--number", number)
    ask = house.known(house.grant(nip, "operator", "SETDA"))
    place = {"latitude": -2.5629, "longitude": 120.3149}

    def whatsapp(n):
        before = house.metric("hadir_refused_total", reason="revoked")
        house.whatsapp({"messages": [{"from": number, "id": f"wamid.r{n}", "timestamp": str(epoch(at("07:00"))), "type": "location",
                                      "location": place}]})
        return house.metric("hadir_refused_total", reason="revoked") > before
    doors = {
        "native": (lambda n: house.checkin(native)[0], 200, 401),
        "owntracks": (lambda n: house.owntracks(owntracks, at=at("07:00"))[0], 200, 401),
        "osmand": (lambda n: house.osmand(osmand, at=at("07:00"))[0], 200, 400),
        "osmand json": (lambda n: house.traccar(osmand, at=at("07:00"))[0], 200, 404),
        "whatsapp": (whatsapp, False, True),
        "questions": (lambda n: house.presence(ask, "SETDA")[0], 200, 401)}
    for name, (send, good, bad) in doors.items():
        wait_until(f"{name} works", lambda: send("before") == good)
    house.hadir("revoke", nip)
    access = house.value(f"select a.id from hadir.access a join hadir.person p on p.id = a.person where p.nip = '{nip}' "
                         "and a.revoked_at is null")
    house.hadir("revoke", "--access", access)
    start = time.monotonic()
    for name, (send, good, bad) in doors.items():
        wait_until(f"{name} refuses", lambda: send("after") == bad, SOON_S)
        print(f"# {name} refuses {time.monotonic() - start:.2f} s after the command")
    house.doors_agree()
    # Each connection of these may land in another door process.
    for n in range(12):
        assert [send(f"{n}") for send, good, bad in doors.values()] == [bad for send, good, bad in doors.values()], n
    assert house.hadir("revoke", nip, check=False).returncode == 1, "nothing was left to revoke"
    one = house.known(house.enroll(nip))
    two = house.known(house.enroll(nip))
    device = house.value(f"select max(d.id) from hadir.device d join hadir.person p on p.id = d.person where p.nip = '{nip}'")
    house.hadir("revoke", "--device", device)
    wait_until("the second device is refused", lambda: house.checkin(two)[0] == 401, SOON_S)
    assert house.checkin(one)[0] == 200, "another device of the person was revoked with it"


@test
def a_second_phone_stays_or_replaces(house):
    nip, stays = house.people[45]["nip"], "Earlier native devices of this person stay valid: "
    bind = lambda *more: house.hadir("enroll", nip, "--channel", "native", "--quiet", *more)
    ids = lambda: [r[0] for r in house.sql(f"select d.id from hadir.device d join hadir.person p on p.id = d.person where p.nip = '{nip}' "
                                           "and d.revoked_at is null order by d.id")]
    first, tracker = bind(), house.enroll(nip, "owntracks")
    second = bind()
    one, owntracks, two = ids()
    assert first.stderr == "" and second.stderr.startswith(f"{stays}{one}. "), second.stderr
    old = [house.known(house.secret(d.stdout.strip())) for d in (first, second)]
    third = bind("--replace")
    three = ids()[-1]
    assert third.stderr == f"Earlier devices revoked: {one}, {two}\n" and ids() == [owntracks, three], (third.stderr, ids())
    assert bind("--replace").stderr == f"Earlier devices revoked: {three}\n" and bind("--label", "dua").stderr.startswith(stays)
    for token in old:
        wait_until("it is refused", lambda: house.checkin(token)[0] == 401, SOON_S)
    assert house.owntracks(tracker, body="")[0] == 200, "another channel's was ended with it"
    many = file(house, "two.csv", f"nip,channel\n{nip},native\n{house.people[46]['nip']},native\n")
    done = house.hadir("enroll", "--csv", many)
    assert "1 people have an earlier device on that channel" in done.stderr and len(ids()) == 4, done.stderr
    assert house.hadir("enroll", "--csv", many, "--replace", check=False).returncode == 2, "not for many"
    # What could not be told ends nobody's phone.
    before = ids()
    done = run("sh", "-c", 'exec "$@" > /dev/full', "sh", f"{BUILD}/daemon/hadir", "enroll", nip, "--channel", "native", "--replace",
               env=house.env, user=house.user, check=False)
    assert done.returncode == 1 and "revoked again" in done.stderr and ids() == before, done.stderr
    house.hadir("revoke", nip)


@test
def a_supervisor_sees_his_subtree_alone(house):
    sight = house.known(house.grant(house.people[50]["nip"], "supervisor", "SETDA"))
    status, answer = house.presence(sight, "SETDA")
    assert status == 200 and answer["unit"]["code"] == "SETDA", answer
    below = {r[0] for r in house.sql("select d.code from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor "
                                     "join hadir.unit d on d.id = c.descendant where a.code = 'SETDA'")}
    assert {p["unit"] for p in answer["people"]} <= below and len({p["unit"] for p in answer["people"]}) > 1
    assert house.presence(sight, "SETDA-HUKUM")[0] == 200
    answers = {}
    for unit in ("BKPSDM", "LUTRA", "NEVER-HEARD-OF", "setda", "%2e%2e", "'; drop table hadir.unit; --"):
        status, headers, body = house.request("GET", f"/v1/units/{urllib.parse.quote(unit, safe='%')}/presence?date={DAY}", headers={
            "Authorization": f"Bearer {sight}", "Accept-Language": "en"})
        answers[unit] = (status, headers["Content-Type"], body)
    assert set(answers.values()) == {answers["BKPSDM"]} and answers["BKPSDM"][0] == 404, answers
    # Row security alone says the same: no C in between.
    access = house.value("select max(id) from hadir.access")
    seen = "begin; select set_config('hadir.actor', '{}', true); select count(*) from api.presence('{}', '2025-12-29', now()); commit;"
    assert int(house.sql(seen.format(f"access:{access}", "SETDA"), user="hadir_query")[-1][0]) > 0
    for actor, unit in ((f"access:{access}", "BKPSDM"), ("", "SETDA"), ("access:999999", "SETDA"), ("device:1", "SETDA")):
        assert house.sql(seen.format(actor, unit), user="hadir_query")[-1][0] == "0", (actor, unit)
    device = house.known(house.enroll(house.people[50]["nip"]))
    status, answer = house.presence(device, "SETDA")
    assert status == 403 and answer["code"] == "forbidden", answer
    assert house.request("GET", f"/v1/units/SETDA/presence")[0] == 401
    status, headers, body = house.request("GET", "/v1/me", headers={"Authorization": f"Bearer {device}"})
    me = json.loads(body)
    assert status == 200 and me["nip"] == house.people[50]["nip"] and [s["session"] for s in me["sessions"]] == ["pagi", "sore"], me
    assert me["date"] == "2025-12-29" and {s["session"]: (s["accept_from"], s["due"], s["accept_until"]) for s in me["sessions"]}["pagi"] == (
        "2025-12-29T06:00:00+08:00", "2025-12-29T07:30:00+08:00", "2025-12-29T12:00:00+08:00"), me


@test
def json_and_csv_agree(house):
    token = house.known(house.enroll(house.people[60]["nip"]))
    assert house.checkin(token)[0] == 200
    wait_until("it is seen", lambda: any(p["nip"] == house.people[60]["nip"] and p["sessions"][0]["checkin"]
                                         for p in house.presence(house.everything)[1]["people"]))
    status, answer = house.presence(house.everything)
    status_csv, text = house.presence(house.everything, accept="text/csv")
    assert status == status_csv == 200
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    wide = [(p, s) for p in answer["people"] for s in p["sessions"]]
    assert len(answer["people"]) == len({p["nip"] for p in house.people}) == 600 and len(rows) == len(wide), (len(rows), len(wide))
    for row, (p, s) in zip(rows, wide):
        flat = {"nip": p["nip"], "name": p["name"], "unit_code": p["unit"], "category": p["category"], "session": s["session"],
                "state": s["state"], "decided_at": s["decided_at"] or "", "late_minutes": str(s["late_minutes"] or 0),
                "early_minutes": str(s["early_minutes"] or 0), "place": s["place"] or "", "fence": s["fence"] or "",
                "flags": ",".join(s["flags"]), "doubts": ",".join(s["doubts"]), "checkin_id": s["checkin"] or ""}
        row["late_minutes"], row["early_minutes"] = row["late_minutes"] or "0", row["early_minutes"] or "0"
        assert {k: row[k] for k in flat} == flat, (row, flat)
    counted = {}
    for p, s in wide:
        counted[s["state"]] = counted.get(s["state"], 0) + 1
    assert answer["counts"] == counted, (answer["counts"], counted)
    status, answer = house.presence(house.everything, day="2025-12-25")  # Christmas: nobody is expected, and why
    assert status == 200 and {p["state"] for p in answer["people"]} <= {"not_expected", "excused"}, answer["counts"]
    assert all(p["reason"] for p in answer["people"])


@test
def missing_only_when_it_is_sure(house):
    token = house.known(house.enroll(house.people[70]["nip"]))
    absent, present = house.people[71]["nip"], house.people[70]["nip"]

    def states():
        status, answer = house.presence(house.everything)
        assert status == 200, answer
        by = {p["nip"]: {s["session"]: s["state"] for s in p["sessions"]} for p in answer["people"]}
        return by[absent]["pagi"], by[present]["pagi"], by[absent]["sore"], answer["complete"]
    assert states()[0] == "not_yet_due", states()
    house.set_clock(at("08:00"))
    wait_until("it is known that he is missing", lambda: states() == ("missing", "missing", "not_yet_due", True))
    with house.ingest_held_up():
        status, answer = house.checkin(token, taken=at("07:20"), sent=house.now())
        assert status == 200 and answer["verdict"] == "on_time", answer
        wait_until("nobody is called missing", lambda: states() == ("not_yet_known", "not_yet_known", "not_yet_due", False))
        told = house.presence(house.everything)[1]["recorded_to"]
        assert epoch(told) <= epoch(answer["received_at"]) + 1, (told, answer["received_at"])
    start = time.monotonic()
    wait_until("it is right again", lambda: states() == ("missing", "on_time", "not_yet_due", True), SOON_S)
    print(f"# presence is right {time.monotonic() - start:.2f} s after ingest may go on")
    # and in ordinary times, from the answer on:
    for i in (72, 73, 74):
        one = house.known(house.enroll(house.people[i]["nip"]))
        assert house.checkin(one, taken=at("07:20"), sent=house.now())[0] == 200
        start = time.monotonic()
        wait_until("presence has it", lambda: next(p for p in house.presence(house.everything)[1]["people"]
                                                   if p["nip"] == house.people[i]["nip"])["sessions"][0]["state"] == "on_time", SOON_S)
        print(f"# presence has it {time.monotonic() - start:.2f} s after the answer")


@test
def nothing_in_the_log_and_nobody_died(house):
    assert house.restarts() == 0
    assert not house.silent(), f"in the log: {house.silent()}"


if __name__ == "__main__":
    with House("people") as house:
        house.start(clock=at("07:05"))
        house.everything = house.known(house.grant(house.people[0]["nip"]))
        code = test.main(house)
    raise SystemExit(code)
