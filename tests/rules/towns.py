"""Random small towns: two governments, their units, people, rules and facts, as rows of the tables (see reference.py)."""
import datetime
import random

from reference import CHANNELS, EPOCH, HOUR, MINUTE, ONE_DAY, Town, moment

ZONES = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
PLACES = ("WFO", "WFH", "WFA", "DL")
SECOND = MINUTE // 60
# Days around which something turns over: years, months, a leap day, seasons.
TURNS = ("2025-12-31", "2026-01-01", "2026-02-18", "2026-03-20", "2026-04-30", "2027-02-28", "2028-02-29", "2026-08-17")
# Parts that can be left out, to find what a difference comes from.
PARTS = ("moves", "calendar", "hours", "policies", "letters", "absences", "corrections", "outages", "reports", "checkins")

# code, counts as, and the five times in minutes of the day: accept_from, on_time_from, due, on_time_until, accept_until.
TWO = (("pagi", "in", 360, 360, 450, 451, 720), ("sore", "out", 720, 960, 960, 1200, 1200))
THREE = (("pagi", "in", 360, 400, 450, 465, 690), ("siang", "presence", 660, 690, 720, 780, 810), ("sore", "out", 780, 900, 930, 1080, 1440))
NIGHT = (("masuk", "in", 1200, 1200, 1260, 1261, 1380), ("pulang", "out", 1740, 1860, 1860, 2040, 2040))
LATE = (("mulai", "in", 840, 840, 900, 905, 1080), ("selesai", "out", 1260, 1380, 1380, 1500, 1560))
ONCE = (("apel", "presence", 420, 420, 435, 480, 480),)
EDGE = (("awal", "in", 0, 0, 15, 16, 120), ("akhir", "out", 1380, 1439, 1439, 1440, 1440))
TEMPLATES = (TWO, TWO, TWO, THREE, NIGHT, LATE, ONCE, EDGE)


def stamp(at):
    """Microseconds since 1970 as RFC 3339."""
    return (EPOCH + datetime.timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def text_of(minutes):
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


class Maker:
    """Makes one town from a seed. `tables` grows; `first` and `last` are the days to derive, `as_of` an instant
    at which they are asked about, `today` the day on which the planner compiles."""

    def __init__(self, seed, parts=PARTS):
        self.rng = random.Random(seed)
        self.parts = parts
        self.by_and_by, self.asked_again = self.chance(0.3), self.chance(0.25)
        self.tables = {}
        middle = datetime.date.fromisoformat(self.rng.choice(TURNS)) if self.chance(0.7) else \
            datetime.date(2025, 1, 1) + datetime.timedelta(days=self.rng.randrange(1000))
        self.first = middle - datetime.timedelta(days=self.rng.randrange(2, 9))
        self.last = self.first + datetime.timedelta(days=self.rng.randrange(8, 14))
        self.today = self.last - datetime.timedelta(days=2)
        self.organisation()
        self.fences()
        self.as_of = moment(self.day(0, 0), self.rng.randrange(24) * HOUR, "UTC")
        for part in ("calendar", "hours", "policies", "letters", "absences", "corrections", "outages", "reports", "checkins"):
            if part in parts or part == "hours":
                getattr(self, part)()

    def add(self, table, **row):
        rows = self.tables.setdefault(table, [])
        rows.append(row)
        return row

    def new(self, table, **row):
        """With a number of its own."""
        return self.add(table, id=len(self.tables.get(table, [])) + 1, **row)["id"]

    def chance(self, p):
        return self.rng.random() < p

    def some(self, things, least=0, most=None):
        things = list(things)
        return self.rng.sample(things, min(len(things), self.rng.randint(least, len(things) if most is None else most)))

    def day(self, before=3, after=3):
        """A day of the span, or a little outside of it."""
        return self.first + datetime.timedelta(days=self.rng.randrange(-before, (self.last - self.first).days + after + 1))

    def term(self):
        """valid_from, valid_to: long, or beginning or ending within the span."""
        first = self.day() if self.chance(0.3) else self.first - datetime.timedelta(days=400)
        last = self.day() if self.chance(0.3) else None
        if last is not None and last < first:
            first, last = last, first
        return {"valid_from": str(first), "valid_to": last and str(last)}

    # ------------------------------------------------------------------------------------------------- organisation
    def organisation(self):
        for g, zone in enumerate(self.rng.sample(ZONES, 2), 1):
            self.add("government", id=g, code=f"gov{g}", name=f"Kota {g}", zone=zone, default_place=self.rng.choice(("WFO", "WFO", "WFO", "WFH")),
                     accuracy_cap_m=self.rng.choice((50, 100)), confirms_corrections=self.chance(0.3))
            self.minute_classes(g)
            for valid_from in self.dated():
                self.add("consequence", government=g, valid_from=valid_from, absent_code=self.rng.choice(("TK", "M")), absent_percent=self.rng.choice((3, 4)),
                         monthly_cap=100, basis="")
            for channel in self.some(CHANNELS, 1):
                self.add("channel_time", government=g, channel=channel, decides=self.rng.choice(("fix", "message", "arrival")))
            self.new("unit", government=g, code=f"g{g}", name=f"Unit {g}", parent=None, service=None)
        for n in range(self.rng.randint(0, 6)):
            above = self.rng.choice(self.tables["unit"])
            self.new("unit", government=above["government"], code=f"u{n}", name=f"Bidang {n}", parent=above["id"],
                     service=self.rng.choice((None, None, "public", "support", "administration")))
        for n in range(1, self.rng.randint(3, 12) + 1):
            government = self.rng.choice((1, 1, 2))
            self.add("person", id=n, government=government, nip=f"{n:018}", name=f"Pegawai {n}",
                     category=self.rng.choice(("PNS", "PPPK", "PPPK_PW")), echelon=self.rng.choice(("", "", "", "II", "III")))
            self.postings(n, government)

    def dated(self):
        """From when tables hold: one, or two of which the second begins within the span."""
        return [str(d) for d in sorted({self.first - datetime.timedelta(days=99), self.day()})[:self.rng.choice((1, 2))]]

    def minute_classes(self, government):
        for n, valid_from in enumerate(self.dated()):
            for counts_as, code in (("in", "TL"), ("out", "PSW")):
                for step, minutes in enumerate(self.rng.choice(((1, 31, 61, 91), (1, 16, 31), (10,))), 1):
                    self.add("minute_class", government=government, counts_as=counts_as, code=f"{code}{step}", from_minutes=minutes,
                             percent=step * (0.5 + n / 4), valid_from=valid_from)

    def units_of(self, government):
        return [u["id"] for u in self.tables["unit"] if u["government"] == government]

    def people_of(self, government):
        return [p["id"] for p in self.tables["person"] if p["government"] == government]

    def postings(self, person, government):
        """One posting for ever, or moves, gaps and an end within the span."""
        units = self.units_of(government)
        begin = self.first - datetime.timedelta(days=500)
        if "moves" not in self.parts or self.chance(0.6):
            self.new("posting", person=person, unit=self.rng.choice(units), valid_from=str(begin), valid_to=None, kind="main")
        else:
            cuts = sorted({self.day() for _ in range(self.rng.randint(1, 3))})
            for n, cut in enumerate(cuts):
                self.new("posting", person=person, unit=self.rng.choice(units), valid_from=str(begin), valid_to=str(cut), kind="main")
                begin = cut + datetime.timedelta(days=self.rng.choice((1, 1, 1, 3)))
                if n + 1 < len(cuts) and begin > cuts[n + 1]:
                    return
            if self.chance(0.8):
                self.new("posting", person=person, unit=self.rng.choice(units), valid_from=str(begin), valid_to=None, kind="main")
        if person == 1:
            self.new("posting", person=person, unit=self.rng.choice(units), valid_from=str(self.first), valid_to=None, kind="acting")

    def fences(self):
        def fence(government, kind, **row):
            self.new("fence", government=government, code=f"f{len(self.tables.get('fence', []))}", name="Pagar", kind=kind,
                     **{"unit": None, "person": None, "shared": False, "removed_at": None, **row})
        for u in self.tables["unit"]:
            for _ in range(self.rng.choice((0, 1, 1, 2))):
                fence(u["government"], "office", unit=u["id"], shared=self.chance(0.2),
                      removed_at=f"{self.first}T00:00:00Z" if self.chance(0.15) else None)
            if self.chance(0.3):
                fence(u["government"], "site", unit=u["id"])
        for p in self.some(self.tables["person"]):
            fence(p["government"], "home", person=p["id"])
        for g in (1, 2):
            fence(g, "office", shared=True)
            fence(g, "area", shared=True)

    # ---------------------------------------------------------------------------------------- calendar, working hours
    def calendar(self):
        for n in range(self.rng.randint(0, 8)):
            government = self.rng.choice((None, None, 1, 2))
            kind = self.rng.choice(("LN", "CB", "WORK") if government is None else ("LN", "REGIONAL", "REGIONAL", "WORK"))
            row = {"government": government, "day": str(self.day()), "kind": kind, "name": f"Hari {n}",
                   "dated": self.rng.choice(("2024-09-01", "2025-03-01", "2025-06-01"))}
            key = ("government", "day", "kind", "dated")
            if not any(all(c[k] == row[k] for k in key) for c in self.tables.get("calendar_day", [])):
                self.new("calendar_day", **row)
        for dated in self.some(("2024-09-01", "2025-03-01", "2025-06-01"), 0, 2):
            for government in self.some((None, 1), 1, 1 if self.chance(0.7) else 2):
                days = sorted((self.day(8, 8), self.day(8, 8)))
                self.new("calendar_period", government=government, kind="RAMADAN", name=self.rng.choice(("R1", "R1", "R2")),
                         first_day=str(days[0]), last_day=str(days[1]), dated=dated)

    def sessions(self, template, **owner):
        """The template's sessions, moved a little."""
        move, wider = self.rng.choice((0, 0, 30, 0 if template is EDGE else -30, 15)), self.rng.choice((0, 0, 0, 10))
        for code, counts_as, *times in template:
            accept_from, on_time_from, due, on_time_until, accept_until = (t + move for t in times)
            self.new("session", code=code, label=code.title(), counts_as=counts_as, accept_from=text_of(accept_from),
                     on_time_from=text_of(on_time_from), due=text_of(due), on_time_until=text_of(on_time_until + wider),
                     accept_until=text_of(accept_until + wider), **{"working_hours": None, "policy": None, **owner})

    def week(self, template, government, unit=None, person=None, season=None, term=None, on_holidays=None):
        """Hours of a week of five or six days; one of them, often Friday, with other sessions."""
        days = [1, 2, 3, 4, 5] + ([6] if self.chance(0.3) else []) + ([7] if self.chance(0.1) else [])
        other = [d for d in self.rng.choice(([5], [5], [], [1, 3])) if d in days]
        term, on_holidays = term or self.term(), self.chance(0.15) if on_holidays is None else on_holidays
        for weekdays, chosen in ((days, template), (other, self.rng.choice(TEMPLATES))):
            weekdays = [d for d in weekdays if weekdays is other or d not in other]
            if weekdays:
                self.hours_row(chosen, government, unit, person, weekdays, term, season, None, on_holidays)

    def hours_row(self, template, government, unit, person, weekdays, term, season, shift, on_holidays):
        row = {"government": government, "unit": unit, "person": person, "valid_from": term["valid_from"],
               "valid_to": term["valid_to"], "weekdays": weekdays, "season": season, "shift": shift}
        same = [w for w in self.tables.get("working_hours", []) if all(w[k] == row[k] for k in row if k not in ("weekdays", "valid_to"))
                and set(w["weekdays"]) & set(weekdays)]
        if not same:
            self.sessions(template, working_hours=self.new("working_hours", on_holidays=on_holidays, break_minutes=self.rng.choice((0, 30, 60, 90)), **row))

    def hours(self):
        for g in (1, 2):
            long = {"valid_from": str(self.first - datetime.timedelta(days=400)), "valid_to": None}
            self.week(TWO, g, term=long, on_holidays=False)
            if "hours" not in self.parts:
                continue
            for season in self.some((None, "RAMADAN"), 0, 2):
                self.week(self.rng.choice(TEMPLATES), g, season=season)
            for unit in self.some(self.units_of(g), 0, 2):
                self.week(self.rng.choice(TEMPLATES), g, unit=unit, season="RAMADAN" if self.chance(0.2) else None)
            for person in self.some(self.people_of(g), 0, 2):
                self.week(self.rng.choice(TEMPLATES), g, person=person)
            for shift, template in (("MALAM", NIGHT), ("SIANG", LATE), ("LIBUR", ())):
                for unit in [None] + self.some(self.units_of(g), 0, 1):
                    if self.chance(0.7):
                        self.hours_row(template, g, unit, None, [1], self.term(), None, shift, False)

    # ---------------------------------------------------------------------------------------------------- circulars
    def policies(self):
        for g in (1, 2):
            for n in range(self.rng.randint(0, 4)):
                own = self.chance(0.2)
                policy = self.new("policy", government=g, number=f"SE-{g}-{n}", dated=self.rng.choice(("2025-01-01", "2025-02-01")),
                                  rank=self.rng.choice((0, 0, 0, 1)), own_sessions=own, states_evidence=self.chance(0.4),
                                  accuracy_cap_m=self.rng.choice((None, None, 30, 200)),
                                  min_office_days=self.rng.choice((None, None, 2, 3)),
                                  max_elsewhere_days=self.rng.choice((None, None, 1, 2)),
                                  uncertain_counts=self.rng.choice((None, None, True, False)),
                                  grants=self.rng.choice(("letter", "roster")), **self.term())
                if own:
                    self.sessions(self.rng.choice(TEMPLATES), policy=policy)
                self.scopes(policy, g)
                self.policy_days(policy)
                self.quotas(policy)
                for channel in self.some(CHANNELS, 1) if self.chance(0.3) else []:
                    self.add("policy_channel", policy=policy, channel=channel, decides=self.rng.choice(("fix", "message", "arrival")))
                if self.tables["policy"][-1]["states_evidence"]:
                    for kind in self.some(("location", "fence", "session", "work_plan", "work_report", "health_letter"), 0, 3):
                        self.add("policy_evidence", policy=policy, places=sorted(self.some(PLACES, 1)), kind=kind,
                                 times=self.rng.choice((1, 2, 3)), session="pagi" if kind == "session" else None)

    def scopes(self, policy, government):
        for exclude in [False] * self.rng.randint(1, 2) + [True] * self.rng.choice((0, 0, 1)):
            self.new("policy_scope", policy=policy, exclude=exclude,
                     unit=self.rng.choice(self.units_of(government)) if self.chance(0.4 + exclude / 2) else None,
                     categories=sorted(self.some(("PNS", "PPPK", "PPPK_PW"), 1)) if self.chance(0.3) else None,
                     services=sorted(self.some(("public", "support", "administration"), 1)) if self.chance(0.2) else None,
                     echelons=sorted(self.some(("", "II", "III", "IV"), 1)) if self.chance(0.2) else None)

    def quotas(self, policy):
        for measure in self.some(("min_wfh", "max_wfh", "min_wfo", "max_elsewhere"), 0, 2):
            self.add("policy_quota", policy=policy, measure=measure, percent=self.rng.choice((0, 30, 50, 75, 100)),
                     rounding=self.rng.choice(("down", "up", "nearest")), base=self.rng.choice(("posted", "working")),
                     small=self.rng.choice((0, 0, 1, 2)),
                     services=sorted(self.some(("public", "support", "administration"), 1)) if self.chance(0.3) else None)

    def policy_days(self, policy):
        """Each weekday has one place for everybody at most; others may be granted besides."""
        free = self.some(range(1, 8), 3) if self.chance(0.8) else []
        while free:
            taken = sorted(free[:self.rng.randint(1, len(free))])
            free = [d for d in free if d not in taken]
            self.add("policy_day", policy=policy, weekdays=taken, place=self.rng.choice(PLACES), anywhere=self.chance(0.4),
                     granted=self.chance(0.3))
        if self.chance(0.3) and not any(d["policy"] == policy and d["place"] == "WFA" for d in self.tables.get("policy_day", [])):
            self.add("policy_day", policy=policy, weekdays=[1, 2, 3, 4, 5, 6, 7], place="WFA", anywhere=True, granted=True)

    # --------------------------------------------------------------------------------------------- letters, absences
    def letters(self):
        for n in range(self.rng.randint(0, 6)):
            g = self.rng.choice((1, 2))
            kind = self.rng.choice(("assignment", "travel", "recall", "roster", "roster"))
            letter = self.new("letter", government=g, unit=self.rng.choice(self.units_of(g)), kind=kind, number=f"ST-{n}",
                              dated=self.rng.choice(("2025-01-01", "2025-02-01")), filed_at="2025-02-01T00:00:00Z",
                              status=self.rng.choice(("confirmed", "confirmed", "confirmed", "filed", "revoked")))
            orders = [self.order(letter, kind, g) for _ in range(self.rng.randint(1, 2))]
            for person in self.some(self.people_of(g), 0, 4):
                for day in {self.day(1, 1) for _ in range(self.rng.randint(1, 5))}:
                    self.add("assignment", letter=letter, person=person, day=str(day), orders=self.rng.choice(orders))

    def order(self, letter, kind, government):
        fences = [f["id"] for f in self.tables["fence"] if f["government"] == government]
        return self.new("letter_order", letter=letter, place="WFO" if kind == "recall" else self.rng.choice(PLACES),
                        anywhere=self.chance(0.3),
                        shift=self.rng.choice(("MALAM", "SIANG", "LIBUR", "TIDAKADA")) if kind == "roster" else None,
                        zone=self.rng.choice(ZONES) if kind == "travel" and self.chance(0.7) else None,
                        fences=self.some(fences, 1, 2) if self.chance(0.4) else [])

    def absences(self):
        codes = (("CT", False), ("DL", True), ("I", False), ("S", False))
        for g in (1, 2):
            for code, working in codes:
                self.add("absence_code", government=g, code=code, name=f"Nama {code}", working=working)
                for valid_from in self.dated():
                    self.add("absence_percent", government=g, code=code, valid_from=valid_from, percent=self.rng.choice((0, 3)))
        for _ in range(self.rng.randint(0, 6)):
            who = self.rng.choice(self.tables["person"])
            days = sorted((self.day(), self.day())) if self.chance(0.3) else [self.day()] * 2
            self.new("absence", government=who["government"], person=who["id"], code=self.rng.choice(codes)[0],
                     first_day=str(days[0]), last_day=str(days[1]), asked_at="2025-02-01T00:00:00Z",
                     sessions=self.some(("pagi", "sore", "siang"), 1, 2) if self.chance(0.5) else None,
                     status=self.rng.choice(("approved", "approved", "approved", "requested", "revoked")))

    # ------------------------------------------------------------------------------------------ corrections, outages
    def corrections(self):
        town = Town(self.tables)
        for who in self.some(self.tables["person"], 0, 4):
            for day in {self.day(0, 0) for _ in range(self.rng.randint(1, 3))}:
                plan = town.plan(who["id"], day)
                for session in self.some(plan["sessions"] if plan else [], 0, 1) * self.rng.choice((1, 1, 2)):
                    self.correction(who, day, session)

    def correction(self, who, day, session):
        kind = self.rng.choice(("forgotten", "forgotten", "device", "wrong_place"))
        edge = session[self.rng.choice(("accept_from", "on_time_from", "due", "on_time_until"))] + self.offset()
        at = min(max(edge, session["accept_from"]), session["accept_until"] - SECOND)
        self.new("correction", government=who["government"], person=who["id"], day=str(day), session=session["code"], kind=kind,
                 claimed_at=None if kind == "wrong_place" else stamp(at),
                 place=self.rng.choice(PLACES if kind == "wrong_place" else (None, None, *PLACES)),
                 status=(status := self.rng.choice(("approved", "approved", "confirmed", "requested", "rejected"))),
                 counts=status == "confirmed" or status == "approved" and self.chance(0.7), asked_at="2025-02-01T00:00:00Z")

    def outages(self):
        town = Town(self.tables)
        for _ in range(self.rng.choice((0, 0, 1, 2))):
            who, day = self.rng.choice(self.tables["person"]), self.day(0, 0)
            plan = town.plan(who["id"], day)
            if plan is None or not plan["sessions"]:
                continue
            session = self.rng.choice(plan["sessions"])
            at = session[self.rng.choice(("accept_from", "on_time_from", "due", "on_time_until", "accept_until"))] + self.offset()
            self.new("outage", government=who["government"], unit=self.rng.choice(list(town.upwards(plan["unit"]))), starts_at=stamp(at),
                     ends_at=stamp(at + self.rng.choice((1, SECOND, 10 * MINUTE, 2 * HOUR, 30 * HOUR))), note="Gangguan",
                     status=self.rng.choice(("approved", "approved", "approved", "requested")), asked_at="2025-02-01T00:00:00Z")

    def reports(self):
        for _ in range(self.rng.randint(0, 12)):
            who = self.rng.choice(self.tables["person"])
            self.new("work_report", government=who["government"], person=who["id"], day=str(self.day(0, 0)), text="Selesai",
                     kind=self.rng.choice(("work_plan", "work_report", "health_letter")), sent_at="2025-02-01T00:00:00Z")

    # ---------------------------------------------------------------------------------------------------- check-ins
    def checkins(self):
        town = Town(self.tables)
        for p in self.tables["person"]:
            zone = self.tables["government"][p["government"] - 1]["zone"]
            for n in range((self.last - self.first).days + 3):
                day = self.first - ONE_DAY + n * ONE_DAY
                plan = town.plan(p["id"], day)
                edges = [s[k] for s in (plan["sessions"] if plan else [])
                         for k in ("accept_from", "accept_until", "due", "on_time_from", "on_time_until")]
                edges += [moment(day, 0, zone), moment(day, 8 * HOUR, zone)][:1 if edges and self.chance(0.8) else 2]
                for _ in range(self.rng.choice((0, 1, 2, 3))):
                    self.checkin(p, self.rng.choice(edges) + self.offset(), plan)

    def offset(self):
        near = (0, 0, 1, -1, SECOND, -SECOND, MINUTE, -MINUTE, MINUTE - 1, 31 * MINUTE, -31 * MINUTE)
        return self.rng.choice(near) if self.chance(0.8) else self.rng.randrange(-5 * HOUR, 5 * HOUR)

    def checkin(self, person, at, plan):
        """A check-in that is meant to count at that instant, and sometimes does not."""
        channel = self.rng.choice(CHANNELS)
        late = self.rng.choice((0, 0, SECOND, 5 * MINUTE, 5 * MINUTE + 1, 3 * HOUR, 24 * HOUR, 24 * HOUR + 1, 40 * HOUR, -MINUTE,
                                -MINUTE - 1))
        fix = message = sent = None
        if channel == "native":
            wrong = self.rng.choice((0, 0, 0, -2 * HOUR, 9 * HOUR))
            fix, sent = at + wrong, self.rng.choice((at + wrong + late, at + wrong + late, None))
            late = max(late, 0)
        elif channel == "whatsapp":
            message = self.rng.choice((at, at, at, None))
        else:
            fix = self.rng.choice((at, at, at, None))
        n = len(self.tables.get("checkin", [])) + 1
        id = f"00000000-0000-4000-8000-{self.rng.randrange(16 ** 12):012x}"
        flags = self.some(("mock", "device_clock", "accuracy_unknown", "uncertain_place"), 0, 2) if self.chance(0.2) else []
        fences = [f for f in self.tables["fence"] if f["government"] == person["government"]]
        likely = [f for f in fences if plan and f["id"] in plan["fences"] or f["person"] == person["id"]]
        met = self.some(likely, 0, 2) + (self.some(fences, 0, 2) if self.chance(0.3) else [])
        times = {"fix_at": fix, "message_at": message, "sent_at": sent, "received_at": at + late}
        placements = [dict(checkin=id, fence=fence, fence_version=version,
                           relation=self.rng.choice(("inside", "inside", "outside", "uncertain")))
                      for fence in sorted({f["id"] for f in met}) for version in ((1, 2) if self.chance(0.1) else (1,))]
        first = self.rng.choice(met)["id"] if met and self.chance(0.5) else None
        inside = any(p["fence"] == first and p["relation"] == "inside" for p in placements)
        self.add("checkin", id=id, spool="00000000-0000-0000-0000-00000000000a", seq=n, government=person["government"],
                 person=person["id"], channel=channel, flags=flags, status="rejected" if self.chance(0.03) else "recorded",
                 session_claimed=self.rng.choice((None, None, None, "pagi", "sore")), first_fence=first,
                 first_inside=first if inside and self.chance(0.8) else None,
                 **{k: v if v is None else stamp(v) for k, v in times.items()})
        for placement in placements:
            self.add("placement", **placement)
