"""A town for the tests of rights: two governments, a small tree of units, one person for every way to stand to another. Every
person, unit and row has words of its own, so that an answer tells of whom it speaks.

    CONTOH ─ DINAS ─ BIDANG ─ SEKSI          orang, teman, wakil in BIDANG; bawah in SEKSI; samping in RUAS; atasan in DINAS
                   └ RUAS                    TIMUR ─ TDINAS is the other government, timur its person
           └ LAIN                            kabid, kadis, kasi, karuas, kalain, ktimur lead BIDANG, DINAS, SEKSI, RUAS, LAIN, TIMUR"""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import BUSINESS, TOP, wait_until

DAY = "2026-01-07"
CLOCK = f"{DAY}T09:00:00+08:00"
UNITS = {"CONTOH": ("government", "", "CONTOH"), "DINAS": ("opd", "CONTOH", ""), "BIDANG": ("bidang", "DINAS", ""),
         "SEKSI": ("seksi", "BIDANG", ""), "RUAS": ("bidang", "DINAS", ""), "LAIN": ("opd", "CONTOH", ""),
         "TIMUR": ("government", "", "TIMUR"), "TDINAS": ("opd", "TIMUR", "")}
PEOPLE = {"orang": "BIDANG", "teman": "BIDANG", "bawah": "SEKSI", "atasan": "DINAS", "samping": "RUAS", "timur": "TDINAS",
          "kabid": "BIDANG", "kadis": "DINAS", "kasi": "SEKSI", "karuas": "RUAS", "kalain": "LAIN", "ktimur": "TIMUR", "wakil": "BIDANG",
          "bekas": "LAIN", "juru": "LAIN", "bkpsdm": "LAIN"}
HEADS = (("kabid", "BIDANG", "head", ""), ("kadis", "DINAS", "head", ""), ("kasi", "SEKSI", "head", ""), ("karuas", "RUAS", "head", ""),
         ("kalain", "LAIN", "head", ""), ("ktimur", "TIMUR", "head", ""), ("wakil", "BIDANG", "delegate", ""),
         ("bekas", "BIDANG", "delegate", "2025-12-31"))
IN_BIDANG, IN_DINAS = ("BIDANG", "SEKSI"), ("DINAS", "BIDANG", "SEKSI", "RUAS")
# Of each role: the units that it may ask about, and who holds it.
ROLES = {"person": ((), "orang"), "colleague": ((), "teman"), "head": (IN_BIDANG, "kabid"), "delegate": (IN_BIDANG, "wakil"),
         "operator": (IN_BIDANG, "juru"), "expired": ((), "bekas"), "above": (IN_DINAS, "kadis"), "below": (("SEKSI",), "kasi"),
         "sibling": (("RUAS",), "karuas"), "other": (("TIMUR", "TDINAS"), "ktimur"),
         "bkpsdm": (("CONTOH", "LAIN") + IN_DINAS, "bkpsdm")}
NO_ROLES = ("none", "wrong", "revoked", "owntracks", "osmand")
# Whom a target of the table means: the person and his unit.
TARGETS = {"own": "orang", "same": "teman", "below": "bawah", "above": "atasan", "sibling": "samping", "other": "timur"}
# Nobody: unit, NIP, number, check-in. The first is well-formed.
NOBODY = {"unknown": ("NIHIL", "199999999999999999", "888888888888", "00000000-0000-4000-8000-00000000dead"),
          "malformed": ("BI'--DANG", "19a'--", "1x", "zzzzzzzz-0000-4000-8000-000000000001"),
          "huge": ("B" * 99, "9" * 99, "9" * 40, "0" * 99), "negative": ("-1", "-1", "-1", "-1"), "zero": ("0", "0", "0", "0")}
ROWS = ("absence", "correction", "outage", "letter", "notice")


def nip(who):
    return f"1980010120050110{list(PEOPLE).index(who) + 10:02}"


def name(who):
    return f"Contoh {who.title()}"


def unit_name(code):
    return f"Kantor {code.title()} Ujian"


def load(house):
    house.hadir("government", "add", "CONTOH", unit_name("CONTOH"), "--zone", "Asia/Makassar", "--whatsapp", BUSINESS)
    house.hadir("government", "add", "TIMUR", unit_name("TIMUR"), "--zone", "Asia/Jayapura", "--whatsapp", "100000000000002")
    for what, file in (("calendar", "holidays"), ("periods", "periods"), ("hours", "hours-perpres-21-2023"), ("absence-codes", "absence-codes"),
                       ("minute-classes", "minute-classes-permentan-68-2012"), ("discipline", "discipline-pp-94-2021"),
                       ("consequences", "consequences-permentan-68-2012")):
        house.hadir("import", what, f"{TOP}/sql/reference/{file}.csv")
    house.hadir("import", "units", house.write("units.csv", "code,name,kind,parent,government\n" + "".join(
        f"{code},{unit_name(code)},{kind},{parent},{land}\n" for code, (kind, parent, land) in UNITS.items())))
    house.hadir("import", "people", house.write("people.csv", "nip,name,category,unit,from\n" + "".join(
        f"{nip(who)},{name(who)},PNS,{unit},2025-01-01\n" for who, unit in PEOPLE.items())))
    house.hadir("import", "heads", house.write("heads.csv", "nip,unit,kind,from,to\n" + "".join(
        f"{nip(who)},{unit},{kind},2025-01-01,{to}\n" for who, unit, kind, to in HEADS)))


def tokens(house):
    """Of each role of the table, its token."""
    found = {"person": house.enroll(nip("orang")), "colleague": house.enroll(nip("teman")), "owntracks": house.enroll(nip("orang"), "owntracks"),
             "osmand": house.enroll(nip("orang"), "osmand"), "none": None, "wrong": "A" * 22}
    for role, who, kind, unit in (("head", "kabid", "supervisor", "BIDANG"), ("above", "kadis", "supervisor", "DINAS"),
                                  ("below", "kasi", "supervisor", "SEKSI"), ("sibling", "karuas", "supervisor", "RUAS"),
                                  ("other", "ktimur", "supervisor", "TIMUR"), ("delegate", "wakil", "supervisor", "BIDANG"),
                                  ("expired", "bekas", "supervisor", "BIDANG"), ("operator", "juru", "operator", "BIDANG"),
                                  ("bkpsdm", "bkpsdm", "bkpsdm", "CONTOH"), ("revoked", "kabid", "supervisor", "BIDANG")):
        found[role] = house.grant(nip(who), kind, unit)
    house.hadir("revoke", "--access", house.value("select max(id) from hadir.access"))
    return found


def actors(house, tokens):
    """Of each role that has a token, its name as a desk gives it to the database."""
    rows = house.sql("select 'device:' || id, encode(token_hash, 'hex') from hadir.device union all "
                     "select 'access:' || id, encode(token_hash, 'hex') from hadir.access")
    import hashlib
    by_hash = {h: actor for actor, h in rows}
    return {role: by_hash.get(hashlib.sha256(t.encode()).hexdigest()) for role, t in tokens.items() if t}


def rows(house):
    """One row of each kind about each target, written directly; {kind: {target: id}}. Each has words that name its target."""
    for n, kind in enumerate(ROWS):  # numbers that no status or date holds
        house.sql(f"alter table hadir.{kind} alter column id restart with {7000000 + 100000 * n}")
    found = {kind: {} for kind in ROWS}
    for target, who in TARGETS.items():
        of = f"(select id from hadir.person where nip = '{nip(who)}')"
        land = f"(select government from hadir.person where nip = '{nip(who)}')"
        unit = f"(select id from hadir.unit where code = '{PEOPLE[who]}')"
        text = f"""
with a as (insert into hadir.absence (government, person, code, first_day, last_day, note, asked_at)
  values ({land}, {of}, 'CT', '2026-01-12', '2026-01-12', 'alasan {who}', '{CLOCK}') returning id),
c as (insert into hadir.correction (government, person, day, session, kind, claimed_at, note, asked_at)
  values ({land}, {of}, '2026-01-06', 'pagi', 'forgotten', '2026-01-06 07:20+08', 'lupa {who}', '{CLOCK}') returning id),
o as (insert into hadir.outage (government, unit, starts_at, ends_at, note, asked_at)
  values ({land}, {unit}, '2026-01-06 07:00+08', '2026-01-06 08:00+08', 'padam {who}', '{CLOCK}') returning id),
l as (insert into hadir.letter (government, unit, kind, number, dated, title, status, filed_at)
  values ({land}, {unit}, 'assignment', '094/{who}', '2026-01-05', 'tugas {who}', 'confirmed', '{CLOCK}') returning id),
lo as (insert into hadir.letter_order (letter, place) select id, 'DL' from l returning id, letter),
la as (insert into hadir.assignment (letter, person, day, orders) select letter, {of}, '2026-01-13', id from lo returning letter),
n as (insert into hadir.notice (government, person, unit, year, consecutive, from_days, level, sanction, basis, days, reached_on, found_at)
  values ({land}, {of}, {unit}, 2026, false, 3, 'ringan', 'teguran {who}', 'contoh', 3, '2026-01-06', '{CLOCK}') returning id),
w as (insert into hadir.work_report (government, person, day, kind, text, sent_at)
  values ({land}, {of}, '2026-01-06', 'work_report', 'hasil {who}', '{CLOCK}') returning id)
select a.id, c.id, o.id, l.id, n.id from a, c, o, l, n;
"""
        for kind, id in zip(ROWS, house.sql(text)[0]):
            found[kind][target] = id
    return found


def target_words(target, ids):
    """What {unit}, {nip}, {absence} … of a line of the table stand for."""
    if target in TARGETS:
        who = TARGETS[target]
        return {"unit": PEOPLE[who], "nip": nip(who), **{kind: ids[kind][target] for kind in (*ROWS, "checkin")}}
    unit, number, row, checkin = NOBODY[target]
    return {"unit": unit, "nip": number, "checkin": checkin, **{kind: row for kind in ROWS}}


def seen(role):
    """The people of whom the role may read. Whoever ever held an office of a unit is seen there, too."""
    units, holder = ROLES[role]
    return {holder} | {who for who, unit in PEOPLE.items() if unit in units} | {who for who, unit, *_ in HEADS if unit in units}


def words(who):
    """What tells of the person."""
    return [nip(who), name(who)] + [f"{what} {who}" for what in ("alasan", "lupa", "padam", "tugas", "teguran", "hasil")] + [f"094/{who}"]


def hidden_words(role):
    """What no answer to the role may contain."""
    units, holder = ROLES.get(role, ((), None))
    land = {unit for unit, (kind, *_) in UNITS.items() if kind == "government"}
    about = [w for who in PEOPLE if role not in ROLES or who not in seen(role) for w in words(who)]
    shown = set(units) | {PEOPLE.get(holder)} | (land - {"TIMUR"} if role != "other" else land - {"CONTOH"})
    return about + [unit_name(unit) for unit in UNITS if unit not in shown]
