"""Circulars through the command line: each of the files in sql/policies in a town of its own, told in words and applied;
the example of the manual page, which nobody wrote code for, as one more; and what is wrong told with file, line and key."""
import os, re
from harness import TOP, House, Tests

test = Tests()
POLICIES = f"{TOP}/sql/policies"
PAGE = f"{TOP}/deploy/man/hadir-policy.5"

UNITS = """code,name,kind,parent,service
PEMDA,Pemerintah Contoh,government,,
SETDA,Sekretariat Contoh,opd,PEMDA,support
BAPPEDA,Badan Perencanaan Contoh,opd,PEMDA,
BIDANG,Bidang Contoh,bidang,BAPPEDA,
RSUD,Rumah Sakit Contoh,opd,PEMDA,public
"""


def people():
    """Thirty made-up people: 6 in SETDA, 10 in BAPPEDA and 4 below it, 10 in RSUD; each unit's first has an echelon."""
    rows, n = ["nip,name,category,unit,from,grade,post,echelon"], 0
    for unit, count in (("SETDA", 6), ("BAPPEDA", 10), ("BIDANG", 4), ("RSUD", 10)):
        for i in range(count):
            n += 1
            pppk = i % 4 == 3
            nip = f"198001{n % 28 + 1:02d}{'202021' if pppk else '200501'}1{n:03d}"
            rows.append(f"{nip},Orang Contoh {n},{'PPPK' if pppk else 'PNS'},{unit},2020-01-01,,,{'III' if i == 0 else ''}")
    return "\n".join(rows) + "\n"


def found(said, *pieces):
    """Every piece is in the text, in this order."""
    at = 0
    for piece in pieces:
        here = said.find(piece, at)
        assert here >= 0, f"not in its place: {piece!r}\n{said}"
        at = here + len(piece)


class Town:
    """A database of its own in the house's cluster, with one government."""

    def __init__(self, house, name, zone):
        self.house, self.name = house, name
        house.sql(f"create database {name} owner hadir_owner", database="postgres")
        house.conf["database"] = f"host={house.dir}/pg dbname={name}"
        house.write_conf()
        house.migrate()
        house.hadir("government", "add", "CONTOH", "Pemerintah Contoh", "--zone", zone)
        for what, file in (("calendar", "holidays"), ("periods", "periods")):
            house.hadir("import", what, f"{TOP}/sql/reference/{file}.csv")
        with open(f"{TOP}/sql/reference/hours-perpres-21-2023.csv") as f:
            hours = re.sub(r"20\d\d-\d\d-\d\d", "2020-01-01", f.read())
        for what, text in (("hours", hours), ("units", UNITS), ("people", people())):
            house.hadir("import", what, house.write(f"{what}.csv", text))

    def words(self, file):
        return self.house.hadir("policy", "check", file).stdout

    def apply(self, file):
        return self.house.hadir("policy", "apply", file).stdout

    def value(self, text):
        return self.house.sql(text, database=self.name)[0][0]


@test
def standing_quota_and_overlay(house):
    town = Town(house, "sulsel", "Asia/Makassar")
    standing, overlay = f"{POLICIES}/sulsel-293-2025.conf", f"{POLICIES}/sulsel-19480-2025-12.conf"
    found(town.words(standing), "Circular 293/II/Tahun 2025, dated Friday 28 February 2025", "from Friday 28 February 2025 on",
          "Binds 30 people", "PNS 24, PPPK 6", "BAPPEDA Badan Perencanaan Contoh: 14", "RSUD Rumah Sakit Contoh: 10", "SETDA Sekretariat Contoh: 6",
          "WFA (elsewhere), any location, for whoever a letter of the head names", "30 people WFO; WFA where the head grants it",
          "at least 3 days at the office a week", "away from the office at most 30 % of each unit's people, rounded down; BAPPEDA, 10 people: 3")
    assert town.value("select count(*) from hadir.policy") == "0"
    assert "293/II/Tahun 2025 applied, revision 1" in town.apply(standing)
    assert "was applied already, revision 1" in town.apply(standing)
    found(town.words(overlay), "from Monday 29 December 2025 to Friday 2 January 2026", "Binds 20 people", "Excluded: public services",
          "Working days from Monday 29 December 2025 to Friday 2 January 2026: 4", "Wednesday 31 December 2025: 20 people WFA\n",
          "Friday 2 January 2026: 20 people WFA", "Beside 293/II/Tahun 2025", "20 people, 4 days", "this one decides place")
    assert "Thursday 1 January" not in town.words(overlay)
    town.apply(overlay)
    listed = house.hadir("policy", "list", "--csv").stdout
    found(listed, "100.3.4/19480/Biro Org,CONTOH,2025-12-18,2025-12-29,2026-01-02", "293/II/Tahun 2025,CONTOH,2025-02-28,2025-02-28,,")
    assert "removed" in house.hadir("policy", "remove", "100.3.4/19480/Biro Org").stdout
    again = house.hadir("policy", "remove", "100.3.4/19480/Biro Org", check=False)
    assert again.returncode == 1 and "there is no circular of that number" in again.stderr, again.stderr
    listed = house.hadir("policy", "list").stdout.splitlines()
    assert len(listed) == 2 and listed[0].split()[:3] == ["in", "force", "number"] and listed[1].split()[:2] == ["yes", "293/II/Tahun"], listed


@test
def three_quotas_and_a_roster(house):
    town = Town(house, "sultra", "Asia/Makassar")
    file = f"{POLICIES}/sultra-1586-2024-04.conf"
    found(town.words(file), "Working days from Tuesday 16 April 2024 to Wednesday 17 April 2024: 2",
          "Tuesday 16 April 2024: 30 people WFO; WFH where the head grants it",
          "WFH at most 50 %", "rounded up", "BAPPEDA, 10 people: 5", "WFH at least 50 %", "rounded down", "BAPPEDA, 10 people: 5",
          "WFO at least 50 %", "WFO at least 100 %", "only public services; RSUD, 10 people: 10")
    assert "the head's shift list" in town.words(file)
    town.apply(file)
    assert town.value("select count(*) from hadir.policy_quota") == "4"


@test
def reports_by_letter(house):
    town = Town(house, "malra", "Asia/Jayapura")
    file = f"{POLICIES}/malra-2737-2020.conf"
    found(town.words(file), "dated Friday 5 June 2020", "Reported to Bupati dan pejabat yang berwenang",
          "WFH (home), any location, for whoever a letter of the head names",
          "Evidence on a day of WFH, WFO: a health letter", "a work plan", "a report of results")
    town.apply(file)


@test
def weekly_pattern_with_exclusions(house):
    town = Town(house, "ternate", "Asia/Jayapura")
    file = f"{POLICIES}/ternate-84-2025.conf"
    found(town.words(file), "Reported to Wali Kota melalui BKPSDM", "Binds 17 people", "Excluded: public services",
          "Excluded: echelons I, II, III, IV", "Monday, Friday: WFO (office)", "Tuesday, Wednesday: WFH (home), any location, for whoever the head's shift list names",
          "Thursday: WFA (elsewhere), any location", "Evidence on a day of WFH: presence in the session pagi")
    town.apply(file)
    found(town.words(file), ": 17 people WFA")


@test
def blanket_with_locations_and_one_more_from_the_manual(house):
    town = Town(house, "lutra", "Asia/Makassar")
    file = f"{POLICIES}/luwu-utara-2025-12.conf"
    found(town.words(file), "Binds 30 people", "Wednesday 31 December 2025: 30 people WFA", "Evidence on a day of WFA: location 2 times",
          "Channel whatsapp: the time of the message decides")
    town.apply(file)
    with open(PAGE) as f:
        example = re.search(r"\.Bd -literal.*?\n(.*?)\n\.Ed", f.read(), re.S).group(1)
    sixth = house.write("keenam.conf", example + "\n", mode=0o644)
    found(town.words(sixth), "Circular SE 12/2026, dated Wednesday 28 January 2026: Jumat dari mana saja", "by 16:00 each day", "Binds 20 people",
          "Wednesday: WFH (home), any location, for whoever a letter of the head names", "Friday: WFA (elsewhere), any location",
          "Working days from Monday 2 February 2026 to Friday 27 February 2026: 8",
          "Wednesday 4 February 2026: 20 people WFO; WFH where the head grants it", "Friday 6 February 2026: 20 people WFA",
          "at least 3 days at the office", "WFH at most 25 % of each unit's people, rounded down; not for units of up to 3 people; BAPPEDA, 10 people: 2",
          "presence in the session siang", "a report of results",
          "Session in place of the working hours': pagi (pagi), accepted 06:00–11:00, due 07:30", "Siang (siang)", "sore (sore)")
    town.apply(sixth)
    assert town.value("select count(*) from hadir.session where policy is not null") == "3"
    assert town.value("select revision from hadir.policy where number = 'SE 12/2026'") == "1"
    changed = house.write("keenam.conf", example.replace("percent = 25", "percent = 30") + "\n", mode=0o644)
    found(town.words(changed), "Would replace revision 1", "Circular SE 12/2026", "WFH at most 30 %")
    assert "SE 12/2026 applied, revision 2" in town.apply(changed)
    found(town.words(changed), "Applied as it is (revision 2)")


@test
def problems_name_file_line_and_key(house):
    bad = house.write("salah.conf", """[policy]
number = SE 1
dated = 2026-02-30
valid_from = 2026-02-01
word
[scope a]
units = ENTAH
[day a]
weekdays = Senin
place = RUMAH
colour = red
""", mode=0o644)
    for what in ("check", "apply"):
        refused = house.hadir("policy", what, bad, check=False)
        assert refused.returncode == 1 and refused.stdout == "", refused.stdout
        for piece in (":5: not of the form key = value", ":3: dated: must be a day", ":7: units: unit ENTAH is unknown",
                      ":10: place: must be one of WFO, WFH, WFA, DL", ":11: colour: unknown in [day]"):
            assert f"{bad}{piece}" in refused.stderr, refused.stderr
        assert refused.stderr.count("\n") == 5 + (what == "apply"), refused.stderr
    # one bad file does not keep the other from being applied
    good = house.write("baik.conf", "[policy]\nnumber = SE 2\ndated = 2026-01-01\nvalid_from = 2026-01-05\naccuracy_cap_m = 30\n", mode=0o644)
    both = house.hadir("policy", "apply", bad, good, check=False)
    assert both.returncode == 1 and "SE 2 applied, revision 1" in both.stdout and "salah.conf: not applied" in both.stderr, both.stderr
    form = house.write("bentuk.conf", "number = 1\n[policy]\nnumber = SE 3\ndated = 2026-01-01\nvalid_from = 2026-01-05\naccuracy_cap_m = 30\n", mode=0o644)
    refused = house.hadir("policy", "apply", form, check=False)
    assert refused.returncode == 1 and f"{form}:1: number: stands before the first section" in refused.stderr, refused.stderr
    assert "SE 3" not in house.hadir("policy", "list").stdout
    assert house.hadir("policy", "check", f"{house.dir}/tiada.conf", check=False).returncode == 1
    for words in (("policy",), ("policy", "check"), ("policy", "remove"), ("policy", "rename", "x"), ("policy", "check", good, "--government", "CONTOH")):
        assert house.hadir(*words, check=False).returncode == 2, words
    sunday = house.write("minggu.conf", open(good).read() + "[day x]\nweekdays = 7\nplace = WFA\n", mode=0o644)
    found(house.hadir("policy", "check", sunday).stdout, "  WARNING: from ", "it has no working day: days off")
    house.conf["language"] = "id"
    house.write_conf()
    assert "tanggal harus berbentuk TTTT-BB-HH" in house.hadir("policy", "check", bad, check=False).stderr
    found(house.hadir("policy", "check", good).stdout, "Surat edaran SE 2, tanggal Kamis 1 Januari 2026", "Ketelitian yang diperhitungkan paling besar 30 meter")


@test
def no_file_in_the_folder_was_forgotten(house):
    with open(__file__) as f:
        here = f.read()
    for name in sorted(os.listdir(POLICIES)):
        assert name in here, f"{name} is applied in no town here"


if __name__ == "__main__":
    with House("policy", example=False) as house:
        code = test.main(house)
    raise SystemExit(code)
