#!/usr/bin/env python3
"""The five circulars at work: scenarios/NAME.md tells what happens and why, NAME.csv what must come out, both by hand.

  HADIR_BUILD=DIR tests/rules/scenarios.py [NAME …]

Each scenario gets a database of its own in one scratch cluster. It is set up as an administrator would, by the console
(NAME.json: files of the imports, circulars of sql/policies; steps: letters, absences …, api functions in the order of
their times), its check-ins (NAME-checkins.csv) go in through api.ingest, and the days are planned and derived. Then the
same tables are read by reference.py, which must say the same. Last line: N passed, M failed."""
import csv
import datetime
import glob
import hashlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, f"{TOP}/tests/e2e")
from harness import House  # noqa: E402
from reference import ONE_DAY, Town, date, instant  # noqa: E402

SPOOL = "00000000-0000-0000-0000-00000000000a"
# What reference.py reads, from the database, as it wants it.
TABLES = ("government", "unit", "person", "posting", "fence", "calendar_day", "calendar_period", "working_hours", "session", "policy",
          "policy_scope", "policy_day", "policy_channel", "policy_evidence", "channel_time", "letter", "letter_order", "assignment",
          "absence_code", "absence", "correction", "outage", "work_report", "checkin", "placement")


def rows_of(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


class Scenario:
    def __init__(self, house, name):
        self.house, self.name = house, name
        with open(f"{HERE}/scenarios/{name}.json") as f:
            self.data = json.load(f)
        self.code, self.title, self.zone = self.data["government"]
        self.first, self.last = map(date, self.data["days"])
        self.nip = {line.split(",")[0]: line.split(",")[1] for line in self.data["people"]}
        self.wrong = []
        self.wants_evidence = "missing" in rows_of(f"{HERE}/scenarios/{name}.csv")[0]

    def sql(self, text, **kw):
        return self.house.sql(text, database=self.name, **kw)

    def value(self, text, **kw):
        return self.sql(text, **kw)[0][0]

    # ------------------------------------------------------------------------------------------------------ setting up
    def file(self, source, suffix):
        """A file of the repository, or lines that stand here, as a path the console can read."""
        if isinstance(source, str):
            return f"{TOP}/{source}"
        lines = [",".join(self.nip.get(cell, cell) for cell in line.split(",")) for line in source]
        return self.house.write(f"{self.name}-{suffix}", "\n".join(lines) + "\n")

    def people(self, lines):
        kept = ["nip,name,category,unit,from,echelon"] + [line.split(",", 1)[1] for line in lines]
        self.house.hadir("import", "people", self.file(kept, "people.csv"))

    def fences(self):
        """Small circles; where check-ins lie is told by their placements, not by coordinates."""
        features = []
        for n, (code, owner) in enumerate(self.data["fences"].items()):
            whose = {"kind": "home", "nip": self.nip[owner]} if owner in self.nip else {"kind": "office", "unit": owner}
            features.append({"type": "Feature", "geometry": {"type": "Point", "coordinates": [120 + n / 10, -2]},
                             "properties": {"code": code, "name": code, "radius_m": 50, **whose}})
        path = self.house.write(f"{self.name}.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
        self.house.hadir("import", "fences", path)

    def set_up(self):
        hadir = self.house.hadir
        hadir("government", "add", self.code, self.title, "--zone", self.zone)
        hadir("import", "units", self.file(self.data["units"], "units.csv"))
        self.people(self.data["people"])
        self.fences()
        for source in self.data["calendar"]:
            hadir("import", "calendar", self.file(source, "calendar.csv"))
        hadir("import", "periods", f"{TOP}/sql/reference/periods.csv")
        for source in self.data["hours"]:
            hadir("import", "hours", self.file(source, "hours.csv"))
        hadir("import", "absence-codes", f"{TOP}/sql/reference/absence-codes.csv")
        for path in self.data["policies"]:
            hadir("policy", "apply", f"{TOP}/{path}")

    # ----------------------------------------------------------------------------------------------------------- steps
    def named(self, body):
        """People by their NIP in place of the short names of this scenario; '@': what the step before made."""
        if isinstance(body, dict):
            return {k: self.named(v) for k, v in body.items()}
        if isinstance(body, list):
            return [self.named(v) for v in body]
        return self.made if body == "@" else self.nip.get(body, body) if isinstance(body, str) else body

    def compile(self):
        return self.value(f"select hadir.plan_compile('{self.first - ONE_DAY}', '{self.last + ONE_DAY}')")

    def steps(self):
        self.compile()
        for at, function, body, *expected in self.data["steps"]:
            if function == "people":
                self.people(body)
                self.compile()
                continue
            text = json.dumps(self.named(body)).replace("'", "''")
            answer = json.loads(self.value(f"select api.{function}('{text}', '{at}')", user="hadir_admin"))
            kind = function.split("_")[0]
            if kind in answer and not isinstance(answer[kind], dict):
                self.made = answer[kind]
            status = answer.get("status") or answer["error"]["status"]
            if expected and isinstance(expected[0], int):
                self.expect(f"{at} {function}", status, expected[0])
            elif status not in (200, 201):
                self.wrong.append(f"{at} {function}: {answer}")
            elif expected:
                self.expect(f"{at} {function} breaches", self.breaches(answer), sorted(expected[0]))
            self.compile()

    def breaches(self, answer):
        short = {nip: name for name, nip in self.nip.items()}
        return sorted(f"{b['measure']} {short[b['nip']] if b.get('nip') else b['unit']}" for b in answer["breaches"])

    def expect(self, what, got, wanted):
        if got != wanted:
            self.wrong.append(f"{what}: {got}, expected {wanted}")

    # ------------------------------------------------------------------------------------------------------- check-ins
    def moment(self, day, time):
        """Local time of a day as RFC 3339."""
        hour = [int(part) for part in time.split(":")] + [0]
        zone = {"Asia/Jakarta": 7, "Asia/Makassar": 8, "Asia/Jayapura": 9}[self.zone]
        return datetime.datetime.combine(date(day), datetime.time(*hour[:3]), datetime.timezone(datetime.timedelta(hours=zone)))

    def checkins(self):
        person = dict(self.sql("select nip, id from hadir.person"))
        fence = {code: int(id) for code, id in self.sql("select code, id from hadir.fence")}
        government = int(self.value("select id from hadir.government"))
        rows = []
        for line in rows_of(f"{HERE}/scenarios/{self.name}-checkins.csv"):
            for day in line["day"].split():
                for who in line["people"].split():
                    rows.append(self.fact(len(rows) + 1, government, int(person[self.nip[who]]), day, line, fence))
        text = json.dumps(rows).replace("'", "''")
        self.sql(f"select api.ingest('{SPOOL}', {len(rows)}, '{rows[-1]['received_at']}', '{text}')", user="hadir_intake")

    def fact(self, seq, government, person, day, line, fence):
        """A row of the spool: sent at once, received at once, unless the line says when it arrived. Placed against every
        fence: inside the one named (with ~: too near to its boundary to tell), outside the others."""
        at = self.moment(day, line["at"]).isoformat()
        arrived = self.moment(day, line["arrived"]).isoformat() if line["arrived"] else at
        whatsapp = line["channel"] == "whatsapp"

        def digest(word, size):
            return hashlib.sha256(f"{self.name} {word} {seq}".encode()).hexdigest()[:size]
        where = line["where"].rstrip("~")
        placements = [{"fence": id, "version": 1, "metres": -5 if code == where else 5000,
                       "relation": "outside" if code != where else "uncertain" if line["where"].endswith("~") else "inside"}
                      for code, id in fence.items()]
        return {"seq": seq, "kind": "checkin", "id": "-".join(digest("id", 32)[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))),
                "government": government, "person": person, "device": person, "channel": line["channel"], "key": digest("key", 32),
                "body_hash": digest("body", 64), "salt": digest("salt", 32), "fix_at": None if whatsapp else at,
                "message_at": at if whatsapp else None, "sent_at": None if whatsapp else at, "received_at": arrived,
                "clock_error_us": 1500, "clock_state": "synchronised", "clock_offset_us": 0, "decided_at": at, "decided_by": "fix",
                "lat": -2.0, "lon": 120.0, "accuracy_m": 8, "flags": [], "automatic": False, "first": {}, "placements": placements,
                "tree": {"size": 1, "index": 0, "path": "", "root": "cd" * 32, "signature": "ef" * 64, "key": "0123456789abcdef"}}

    # ------------------------------------------------------------------------------------------------------ attendance
    def cell(self, verdict, late, early, at, place, flags):
        """How NAME.csv writes a check-in."""
        clock = at[:5] if at.endswith(":00") else at
        minutes = f"+{late}" if late else f"-{early}" if early else ""
        return " ".join([f"{verdict}{minutes}".strip(), clock, place or "-", *flags]).strip()

    def by_sql(self):
        """(day, person) -> {place, why, session: cell, else: cell} as hadir.derive has it."""
        short = {nip: name for name, nip in self.nip.items()}
        found = {}
        for row in self.sql(f"""
            select r from hadir.government g, lateral (
              select jsonb_build_object('nip', e.nip, 'day', d.day, 'place', d.expected_place, 'why', d.plan_reason, 'session', d.session_code,
                'verdict', d.verdict, 'late', d.late_minutes, 'early', d.early_minutes, 'others', d.others, 'got', d.place, 'flags', d.flags,
                'excused', d.session_code = any (p.excused), 'at', to_char(d.decided_at at time zone g.zone, 'HH24:MI:SS')) as r
              from hadir.derive(g.id, '{self.first}', '{self.last}') d join hadir.person e on e.id = d.person
              join hadir.plan_pattern p on p.id = d.pattern) x"""):
            r = json.loads(row[0])
            day = found.setdefault((r["day"], short[r["nip"]]), {"place": r["place"] or "-", "why": r["why"] or ""})
            flags = [f for f in r["flags"] if f != "clock_simulated"]
            if r["session"] is None:
                if r["at"]:
                    day["else"] = self.cell("", 0, 0, r["at"], r["got"], flags + ([f"+{r['others']}"] if r["others"] else []))
            else:
                day[r["session"]] = self.cell(r["verdict"], r["late"], r["early"], r["at"], r["got"], flags) if r["at"] else \
                    "excused" if r["excused"] else "-"
        if self.wants_evidence:
            for day, nip, missing in self.sql(f"""
                select d.day, e.nip, string_agg(m ->> 'kind' || coalesce(' ' || (m ->> 'session'), '') || ' ' || (m ->> 'have') || '/' || (m ->> 'times'), ', ' order by m ->> 'kind')
                from hadir.government g, lateral hadir.derive_day(g.id, '{self.first}', '{self.last}') d
                join hadir.person e on e.id = d.person, jsonb_array_elements(d.evidence_missing) m group by d.day, e.nip"""):
                found[day, short[nip]]["missing"] = missing
        return found

    def by_hand(self):
        found = {}
        for row in rows_of(f"{HERE}/scenarios/{self.name}.csv"):
            for who in row["people"].split():
                found[row["day"], who] = {k: v for k, v in row.items() if k not in ("day", "people") and (v or k in ("place", "why"))}
        return found

    def by_reference(self):
        """The same from reference.py, reading the tables."""
        pairs = ", ".join(f"'{t}', (select coalesce(jsonb_agg(to_jsonb(r)), '[]') from hadir.{t} r)" for t in TABLES)
        self.tables = json.loads(self.value(f"set timezone = 'UTC'; select jsonb_build_object({pairs})"))
        town, found = Town(self.tables), {}
        for who, nip in self.nip.items():
            id = next(p["id"] for p in self.tables["person"] if p["nip"] == nip)
            for n in range((self.last - self.first).days + 1):
                day = self.first + n * ONE_DAY
                plan = town.plan(id, day)
                if plan is not None:
                    found[str(day), who] = self.day_of(plan, town.attendance(id, day), town.summed(id, day)["missing"], day)
        return found

    def day_of(self, plan, rows, missing, day):
        found = {"place": plan["place"] or "-", "why": plan["reason"] if plan["reason"] != "free" else "Bukan hari kerja"}
        found["why"] = found["why"] or ""
        if self.wants_evidence and missing:
            found["missing"] = ", ".join(f"{kind} {session}".strip() + f" {have}/{times}" for kind, session, times, have in missing)
        for r in rows:
            key = r["session"] or "else"
            if r["at"] is None:
                if r["session"]:
                    found[key] = "excused" if r["session"] in plan["excused"] else "-"
                continue
            local = (r["at"] - instant(self.moment(str(day), "00:00").isoformat())) // 1_000_000
            clock = f"{local // 3600:02}:{local // 60 % 60:02}:{local % 60:02}"
            flags = r["flags"] + ([f"+{r['others']}"] if r["others"] and not r["session"] else [])
            found[key] = self.cell(r["verdict"] if r["session"] else "", r["late"], r["early"], clock, r["place"], flags)
        return found

    def run(self):
        self.set_up()
        self.steps()
        self.checkins()
        hand, sql = self.by_hand(), self.by_sql()
        self.compare("SQL", hand, sql)
        self.compare("the reference", hand, self.by_reference())
        self.expect("rows that change when compiled again", self.compile(), "0")
        self.compare("SQL again", sql, self.by_sql())
        return self.wrong

    def compare(self, who, wanted, got):
        for key in sorted(set(wanted) | set(got)):
            a, b = wanted.get(key), got.get(key)
            if a != b:
                keys = [k for k in {**(a or {}), **(b or {})} if (a or {}).get(k) != (b or {}).get(k)]
                self.wrong.append(f"{' '.join(key)}: " + "; ".join(f"{k}: '{(b or {}).get(k)}' by {who}, '{(a or {}).get(k)}' by hand"
                                                                   for k in keys))


def main():
    names = sys.argv[1:] or sorted(os.path.basename(p)[:-5] for p in glob.glob(f"{HERE}/scenarios/*.json"))
    passed = failed = 0
    with House("rules", example=False) as house:
        for name in names:
            house.sql(f"create database {name} owner hadir_owner", database="postgres")
            house.conf["database"] = f"host={house.dir}/pg dbname={name}"
            house.write_conf()
            house.migrate()
            wrong = Scenario(house, name).run()
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"# scenario {name}: {'as worked out by hand' if not wrong else f'{len(wrong)} differences'}")
            for line in wrong[:20]:
                print(f"#   {line}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
