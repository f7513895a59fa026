"""The rules of attendance a second time: slow, simple, one person and one day at a time.

Written from the rules (comments of sql/migrations and sql/api, proto/PROTOCOL.md), not from the SQL, so that the two can
be compared. Reads the tables as rows of JSON, {"unit": [{"id": 1, …}, …], …}: dates as 2026-03-02, instants as RFC 3339,
local times as 07:30:00 or 30:00:00. Inside, an instant is whole microseconds since 1970, a local time whole
microseconds since midnight. Standard library only; knows no database.

  town = Town(tables)
  town.plan(person, day)        who must be where, when: None for whoever belongs nowhere that day
  town.attendance(person, day)  what became of it: one row per session, and one for what lies in none"""
import datetime
import functools
import zoneinfo

MINUTE = 60_000_000
HOUR = 60 * MINUTE
CHANNELS = ("native", "owntracks", "osmand", "whatsapp")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
ONE_DAY = datetime.timedelta(days=1)


def date(text):
    """'2026-03-02' as a date; None stays None."""
    return None if text is None else datetime.date.fromisoformat(text)


def instant(text):
    """RFC 3339 as microseconds since 1970; None stays None."""
    if text is None:
        return None
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - EPOCH) // datetime.timedelta(microseconds=1)


def clock(text):
    """'07:30:00', '30:00:00' or '1 day 06:00:00' as microseconds since midnight."""
    days, _, rest = text.rpartition(" ")
    hours, minutes, seconds = (rest.split(":") + ["0"])[:3]
    return ((int(days.split()[0]) * 24 if days else 0) + int(hours)) * HOUR + int(minutes) * MINUTE + round(float(seconds) * 1e6)


def moment(day, since_midnight, zone):
    """The instant of a local time of a day."""
    naive = datetime.datetime.combine(day, datetime.time()) + datetime.timedelta(microseconds=since_midnight)
    return (naive.replace(tzinfo=zoneinfo.ZoneInfo(zone)) - EPOCH) // datetime.timedelta(microseconds=1)


def local_day(at, zone):
    """The local day to which an instant belongs."""
    return (EPOCH + datetime.timedelta(microseconds=at)).astimezone(zoneinfo.ZoneInfo(zone)).date()


def covers(row, day, first="valid_from", last="valid_to"):
    """Both ends inclusive; no end is for ever."""
    return date(row[first]) <= day and (row[last] is None or day <= date(row[last]))


class Town:
    def __init__(self, tables):
        self.tables = tables
        self.by_id = {name: {r["id"]: r for r in rows if "id" in r} for name, rows in tables.items()}
        # What was worked out once is not worked out again; the rules do not depend on it.
        self.alone = functools.cache(self.alone)
        self.plan = functools.cache(self.plan)
        self.judged = functools.cache(self.judged)

    def rows(self, name, **where):
        return [r for r in self.tables.get(name, []) if all(r.get(k) == v for k, v in where.items())]

    def one(self, name, id):
        return self.by_id[name][id]

    # ------------------------------------------------------------------------------------------------- organisation
    def posting(self, person, day):
        """Where a person belongs: at most one main posting at a time."""
        for p in self.rows("posting", person=person, kind="main"):
            if covers(p, day):
                return p
        return None

    def upwards(self, unit):
        """The unit, then those above it."""
        while unit is not None:
            yield unit
            unit = self.one("unit", unit).get("parent")

    def service(self, unit):
        """Its own service class, else that of the unit above; at the top administration."""
        for u in self.upwards(unit):
            if self.one("unit", u).get("service"):
                return self.one("unit", u)["service"]
        return "administration"

    # ----------------------------------------------------------------------------------------------------- calendar
    def decreed(self, government, day):
        """The latest dated words of one lawgiver (None: the nation) about a day."""
        said = [c for c in self.tables.get("calendar_day", []) if c["government"] == government and date(c["day"]) == day]
        latest = max((c["dated"] for c in said), default=None)
        return [c for c in said if c["dated"] == latest]

    def holidays(self, government, day):
        """The entries that make this a day off. WORK takes a day back: the nation's its own, a government's its own and
        the nation's, unless the nation spoke later."""
        national, own = self.decreed(None, day), self.decreed(government, day)
        if any(c["kind"] == "WORK" for c in own):
            if national and national[0]["dated"] <= own[0]["dated"]:
                national = []
            own = []
        if any(c["kind"] == "WORK" for c in national):
            national = []
        return sorted(national + own, key=lambda c: (c["kind"], c["id"]))

    def seasons(self, government, day):
        """Kinds of the periods that cover the day. Of several of a kind and name the latest dated holds, of the same date
        the government's own."""
        best = {}
        for p in self.tables.get("calendar_period", []):
            if p["government"] in (None, government):
                weight = (p["dated"], p["government"] is not None)
                if weight > best.get((p["kind"], p["name"]), (("",), None))[0]:
                    best[p["kind"], p["name"]] = (weight, p)
        return {p["kind"] for _, p in best.values() if covers(p, day, "first_day", "last_day")}

    # ------------------------------------------------------------------------------------------------ working hours
    def levels(self, person, unit, government):
        """Whose hours could bind, nearest first: the person's own, those of the unit and of each above, the
        government's."""
        hours = self.rows("working_hours", government=government)
        yield [w for w in hours if w["person"] == person]
        for u in self.upwards(unit):
            yield [w for w in hours if w["unit"] == u]
        yield [w for w in hours if w["unit"] is None and w["person"] is None]

    def shift_hours(self, person, unit, government, day, shift):
        """Hours of a shift: nearest level that has them, latest valid_from. Neither weekday nor holiday is asked."""
        for level in self.levels(person, unit, government):
            level = [w for w in level if w.get("shift") == shift and covers(w, day)]
            if level:
                latest = max(w["valid_from"] for w in level)
                return [w for w in level if w["valid_from"] == latest]
        return []

    def ordinary_hours(self, person, unit, government, day):
        """Hours without shift: the nearest level with any row that covers the day; there those of a season before
        others, then the latest valid_from. None where no level has any; [] where the weekday is not named."""
        seasons = self.seasons(government, day)
        for level in self.levels(person, unit, government):
            level = [w for w in level if w.get("shift") is None and covers(w, day)
                     and (w.get("season") is None or w["season"] in seasons)]
            if level:
                level = [w for w in level if w.get("season")] or level
                latest = max(w["valid_from"] for w in level)
                return [w for w in level if w["valid_from"] == latest and day.isoweekday() in w["weekdays"]]
        return None

    # ---------------------------------------------------------------------------------------------------- circulars
    def matches(self, scope, person, unit):
        who = self.one("person", person)
        return ((scope["unit"] is None or scope["unit"] in self.upwards(unit))
                and (scope["categories"] is None or who["category"] in scope["categories"])
                and (scope["services"] is None or self.service(unit) in scope["services"])
                and (scope["echelons"] is None or who["echelon"] in scope["echelons"]))

    def circulars(self, person, unit, government, day):
        """Those in force that bind him, the highest precedence first: rank, later dated, later valid_from, later id. One
        with weekdays is silent on all others."""
        found = []
        for p in self.rows("policy", government=government):
            scopes = [s for s in self.rows("policy_scope", policy=p["id"]) if self.matches(s, person, unit)]
            silent = self.rows("policy_day", policy=p["id"]) and not self.days(p, day)
            if covers(p, day) and scopes and not any(s["exclude"] for s in scopes) and not silent:
                found.append(p)
        return sorted(found, key=lambda p: (p["rank"], p["dated"], p["valid_from"], p["id"]), reverse=True)

    def speaking(self, circulars, speaks):
        """The first circular that speaks of an aspect; None."""
        return next((p for p in circulars if speaks(p)), None)

    def days(self, policy, day):
        return [d for d in self.rows("policy_day", policy=policy["id"]) if day.isoweekday() in d["weekdays"]]

    def channels(self, circulars, government):
        """Which of the three times decides, per channel: the word of the first circular that speaks of any channel, else
        the government's, else arrival."""
        policy = self.speaking(circulars, lambda p: self.rows("policy_channel", policy=p["id"]))
        decides = []
        for channel in CHANNELS:
            words = self.rows("policy_channel", policy=policy["id"], channel=channel) if policy else []
            words = words + self.rows("channel_time", government=government, channel=channel)
            decides.append(words[0]["decides"] if words else "arrival")
        return policy, decides

    def evidence(self, circulars, place):
        """What a day at this place needs, by the first circular that states it."""
        policy = self.speaking(circulars, lambda p: p["states_evidence"])
        rows = self.rows("policy_evidence", policy=policy["id"]) if policy else []
        return policy, sorted((e["kind"], e["session"] or "", e["times"]) for e in rows if place in e["places"])

    # --------------------------------------------------------------------------------------------- letters, absences
    def order(self, person, day):
        """The order of the confirmed letter that holds: recall, travel, assignment, roster; then the later dated, the larger id."""
        weight = {"recall": 3, "travel": 2, "assignment": 1, "roster": 0}
        named = [(weight[letter["kind"]], letter["dated"], letter["id"], a["orders"])
                 for a in self.rows("assignment", person=person) if date(a["day"]) == day
                 for letter in [self.one("letter", a["letter"])] if letter["status"] == "confirmed"]
        return self.one("letter_order", max(named)[3]) if named else None

    def absences(self, person, day):
        """Approved ones: the whole-day one, and the sessions that others excuse {code of session: code}."""
        approved = [a for a in self.rows("absence", person=person, status="approved")
                    if covers(a, day, "first_day", "last_day")]
        whole = [a for a in approved if a["sessions"] is None]
        return whole, [a for a in approved if a["sessions"] is not None]

    # --------------------------------------------------------------------------------------------------------- plan
    def offices(self, unit):
        """The offices of the unit itself, else of the nearest above that has one; then the unit's own sites."""
        def standing(kind, u):
            return [f["id"] for f in self.rows("fence", kind=kind, unit=u) if f["removed_at"] is None]
        for u in self.upwards(unit):
            if standing("office", u):
                return sorted(standing("office", u)) + sorted(standing("site", unit))
        return sorted(standing("site", unit))

    def fences(self, unit, order):
        """A letter's fences come before the offices (WFO) or instead of them."""
        offices = self.offices(unit)
        if order is None or not order["fences"]:
            return offices
        if order["place"] != "WFO":
            return list(order["fences"])
        return list(order["fences"]) + [f for f in offices if f not in order["fences"]]

    def alone(self, person, day):
        """A person's day before it is cut against the next; None where he belongs nowhere."""
        posting = self.posting(person, day)
        if posting is None:
            return None
        unit = posting["unit"]
        government = self.one("government", self.one("unit", unit)["government"])
        gid, zone = government["id"], government["zone"]
        order = self.order(person, day)
        plan = {"unit": unit, "government": gid, "place": None, "anywhere": False, "policy": None, "policies": [],
                "sessions": [], "orders": None, "excuse": None, "excused": [], "evidence": [], "reason": None,
                "conflict": None, "works": False, "starts_at": moment(day, 0, zone), "ends_at": moment(day + ONE_DAY, 0, zone),
                "uncertain_counts": True, "break": 0, "periods": [], "cap": government["accuracy_cap_m"], "decides": self.channels([], gid)[1],
                "fences": self.fences(unit, None)}

        off = self.holidays(gid, day)
        shift = self.shift_hours(person, unit, gid, day, order["shift"]) if order and order["shift"] else []
        if any(not self.rows("session", working_hours=w["id"]) for w in shift):
            plan["reason"] = "free"  # the list's day off
            return plan
        hours = shift or self.ordinary_hours(person, unit, gid, day)
        if shift or hours and (not off or any(w["on_holidays"] for w in hours)):
            return self.working(plan, person, day, government, hours, bool(shift), order)
        plan["reason"] = ", ".join(c["name"] for c in off) if off else "free"
        return plan

    def working(self, plan, person, day, government, hours, on_shift, order):
        """Fills in a day on which there is work."""
        circulars = self.circulars(person, plan["unit"], government["id"], day)
        placed = self.speaking(circulars, lambda p: self.days(p, day))
        capped = self.speaking(circulars, lambda p: p["accuracy_cap_m"] is not None)
        doubted = self.speaking(circulars, lambda p: p["uncertain_counts"] is not None)
        timed = self.speaking(circulars, lambda p: p["own_sessions"])

        # The place: a letter's, else the circular's for everybody, else the government's. What is only granted holds
        # for nobody without a letter.
        stands = [d for d in self.days(placed, day) if not d["granted"]] if placed else []
        plan["place"] = government["default_place"]
        if order is not None:
            plan["orders"], plan["place"], plan["anywhere"] = order["id"], order["place"], order["anywhere"]
        elif stands:
            plan["place"], plan["anywhere"] = stands[0]["place"], stands[0]["anywhere"]
        plan["policy"] = placed["id"] if placed else None
        plan["cap"] = capped["accuracy_cap_m"] if capped else government["accuracy_cap_m"]
        plan["uncertain_counts"] = doubted["uncertain_counts"] if doubted else True
        told, plan["decides"] = self.channels(circulars, government["id"])
        wants, plan["evidence"] = self.evidence(circulars, plan["place"])
        plan["fences"] = self.fences(plan["unit"], order)
        plan["policies"] = sorted({p["id"] for p in (placed, capped, doubted, timed, told, wants) if p})

        plan["break"] = max(w["break_minutes"] for w in hours)
        plan["periods"] = sorted({w["season"] for w in hours if w.get("season")})
        # Hours of a shift go before a circular's sessions; a traveller's are hours of the zone he travels to.
        if timed is not None and not on_shift:
            sessions = self.rows("session", policy=timed["id"])
        else:
            sessions = [s for w in hours for s in self.rows("session", working_hours=w["id"])]
        zone = order["zone"] if order is not None and order["zone"] else government["zone"]
        plan["sessions"] = sorted((self.session(s, day, zone) for s in sessions),
                                  key=lambda s: (s["accept_from"], s["accept_until"], s["session"]))
        whole, single = self.absences(person, day)
        self.excuse(plan, whole, single)
        plan["works"] = not whole
        return plan

    def session(self, row, day, zone):
        times = {k: moment(day, clock(row[k]), zone)
                 for k in ("accept_from", "accept_until", "due", "on_time_from", "on_time_until")}
        return {"session": row["id"], "code": row["code"], "counts_as": row["counts_as"], **times}

    def excuse(self, plan, whole, single):
        """A whole-day absence takes the sessions away; one of single sessions only excuses them."""
        if whole:
            code = min(a["code"] for a in whole)
            row = self.rows("absence_code", government=plan["government"], code=code)[0]
            plan.update(sessions=[], excuse=code, reason=row["name"], place="DL" if row["working"] else None,
                        anywhere=False, evidence=[])
        elif single:
            plan["excuse"] = ";".join(a["code"] + ":" + ",".join(a["sessions"])
                                      for a in sorted(single, key=lambda a: (a["code"], a["id"])))
            plan["excused"] = sorted({s for a in single for s in a["sessions"]})

    def plan(self, person, day):
        """A person's day: the sessions cut so that no two accept at the same time; the earlier ends where the later
        begins, also where that is the next day's first."""
        plan, after = self.alone(person, day), self.alone(person, day + ONE_DAY)
        if plan is None:
            return None
        plan = dict(plan)
        reach = max((s["accept_until"] for s in plan["sessions"]), default=0)
        night = reach > plan["ends_at"] and after is not None and after["sessions"]
        begins = [s["accept_from"] for s in plan["sessions"]] + [after["sessions"][0]["accept_from"] if night else None]
        cut = [{**s, "accept_until": min([s["accept_until"]] + [b for b in (begins[n + 1], begins[-1]) if b is not None])}
               for n, s in enumerate(plan["sessions"])]
        plan["sessions"] = [s for s in cut if s["accept_from"] < s["accept_until"]]
        emptied = sorted(s["code"] for s in cut if s["accept_from"] >= s["accept_until"])
        plan["conflict"] = ", ".join(emptied) or None
        if not plan["sessions"] and plan["reason"] is None:
            plan["reason"] = "free"
        plan["work_minutes"] = self.work_minutes(plan)
        return plan

    def work_minutes(self, plan):
        """From the first arrival due to the last leave due, less the longest break of the day's hours; None where it has not both."""
        comes = [s["due"] for s in plan["sessions"] if s["counts_as"] == "in"]
        goes = [s["due"] for s in plan["sessions"] if s["counts_as"] == "out"]
        return max(0, (max(goes) - min(comes)) // MINUTE - plan["break"]) if comes and goes else None

    # ------------------------------------------------------------------------------------------------------- facts
    def deciding(self, fact):
        """The instant that judges a check-in, which of the three times it is, and the flags that follow. Native: the time
        of the fix, corrected by when the phone said it sent it; only if that was within 24 hours after the fix. Others:
        the fix or the message, unless it lies more than a minute ahead of the arrival. Else the arrival."""
        zone = self.one("government", fact["government"])["zone"]
        fix, message, sent, arrived = (instant(fact[k]) for k in ("fix_at", "message_at", "sent_at", "received_at"))
        plan = self.plan(fact["person"], local_day(arrived, zone))
        wanted = plan["decides"][CHANNELS.index(fact["channel"])] if plan else "arrival"
        at, source, flags = arrived, "arrival", set()
        if wanted == "fix" and fact["channel"] == "native":
            if fix is not None and sent is not None and 0 <= sent - fix <= 24 * HOUR:
                at, source = fix + (arrived - sent), "fix"
            else:
                flags.add("stale_fix")
        elif wanted == "fix" and fix is not None and fix - arrived <= MINUTE:
            at, source = fix, "fix"
            flags.add("device_clock")
        elif wanted == "message" and message is not None and message - arrived <= MINUTE:
            at, source = message, "message"
        if arrived - at > 5 * MINUTE:
            flags.add("late_delivery")
        claimed = fix if fix is not None else message
        if claimed is not None and claimed - arrived > MINUTE:
            flags.add("future_fix")
        return at, source, flags

    def holder(self, person, at, zone):
        """The day and session that hold an instant: its own local day first, then a neighbour whose sessions reach so
        far, else the day without a session. None where no day is planned."""
        day = local_day(at, zone)
        for d in (day, day - ONE_DAY, day + ONE_DAY, day - 2 * ONE_DAY, day + 2 * ONE_DAY):
            plan = self.plan(person, d)
            for s in plan["sessions"] if plan else []:
                if s["accept_from"] <= at < s["accept_until"]:
                    return d, s
        return (day, None) if self.plan(person, day) else None

    def placed(self, fact, plan):
        """The fence that speaks for a check-in: (relation, fence, place class, expected, inside a bound fence). Inside goes before uncertain,
        bound before shared, then the door's own choice, then the plan's order; where none holds the point, a bound one
        is told. Class: office WFO, site DL, home WFH; an area never sets a place. A home is bound where the plan says
        home or anywhere."""
        best = None
        for p in self.rows("placement", checkin=fact["id"]):
            fence = self.one("fence", p["fence"])
            home = fence["person"] == fact["person"] and (plan["anywhere"] or plan["place"] == "WFH")
            bound = fence["id"] in plan["fences"] or home
            kind = {"office": "WFO", "site": "DL", "home": "WFH"}.get(fence["kind"])
            counts = ("inside", "uncertain") if plan["uncertain_counts"] else ("inside",)
            holds = kind is not None and p["relation"] in counts and (bound or fence["shared"])
            if not (holds or bound):
                continue
            order = plan["fences"].index(fence["id"]) if fence["id"] in plan["fences"] else len(plan["fences"])
            weight = (not holds, p["relation"] != "inside", not bound, fence["id"] != fact["first_fence"], order, fence["id"],
                      -p["fence_version"])
            if best is None or weight < best[0]:
                best = (weight, p["relation"], fence["id"], kind if holds else None, holds and bound, holds)
        if best is None:
            return "none", None, plan["place"] if plan["anywhere"] else None, plan["anywhere"], False
        _, relation, fence, kind, expected, holds = best
        place = kind if holds else plan["place"] if plan["anywhere"] else None
        return relation, fence, place, plan["anywhere"] or expected, expected

    def verdict(self, session, at):
        """Verdict, late and early minutes of an instant that a session accepts. Late: from on_time_until, whole minutes
        since due. Early: before on_time_from, every minute to due that has begun."""
        if session["counts_as"] == "in" and at >= session["on_time_until"]:
            return "late", max(0, (at - session["due"]) // MINUTE), 0
        if session["counts_as"] == "out" and at < session["on_time_from"]:
            return "early", 0, max(0, -((at - session["due"]) // MINUTE))
        return "on_time", 0, 0

    def judged(self, person):
        """Every check-in of a person by itself."""
        return [j for fact in self.rows("checkin", person=person, status="recorded") for j in [self.judge(fact)] if j]

    def judge(self, fact):
        at, source, flags = self.deciding(fact)
        held = self.holder(fact["person"], at, self.one("government", fact["government"])["zone"])
        if held is None:
            return None
        day, session = held
        plan = self.plan(fact["person"], day)
        relation, fence, place, expected, bound = self.placed(fact, plan)
        derived = {"device_clock", "late_delivery", "stale_fix", "future_fix", "uncertain_place", "session_differs"}
        flags |= set(fact["flags"]) - derived
        if relation == "uncertain" and self.one("fence", fence)["kind"] != "area":
            flags.add("uncertain_place")
        if session is not None and fact["session_claimed"] not in (None, session["code"]):
            flags.add("session_differs")
        verdict, late, early = self.verdict(session, at) if session else (None, None, None)
        return {"checkin": fact["id"], "day": day, "session": session["code"] if session else None, "at": at,
                "source": source, "arrived": instant(fact["received_at"]), "verdict": verdict, "late": late, "early": early,
                "place": place, "fence": fence, "relation": relation, "expected": expected, "in_bound_fence": bound, "flags": sorted(flags)}

    # --------------------------------------------------------------------------------------------------- attendance
    def winner(self, judged, counts_as):
        """The check-in that counts: inside an expected fence first, then out the latest, in and presence the earliest."""
        sign = -1 if counts_as == "out" else 1
        return min(judged, key=lambda j: (counts_as is not None and not j["expected"], sign * j["at"], j["at"], j["arrived"],
                                          j["checkin"]), default=None)

    def attendance(self, person, day):
        """Rows of a person's day: each session with the check-in that counts; one for check-ins in no session."""
        plan = self.plan(person, day)
        if plan is None:
            return []
        judged = [j for j in self.judged(person) if j["day"] == day]
        rows = [self.row(person, day, plan, s, [j for j in judged if j["session"] == s["code"]]) for s in plan["sessions"]]
        stray = [j for j in judged if j["session"] is None]
        if stray or not plan["sessions"]:
            rows.append(self.shown(None, stray, self.winner(stray, None)))
            rows[-1]["verdict"] = "outside_window" if plan["sessions"] else "not_expected"
            rows[-1]["excuse"] = None if ":" in (plan["excuse"] or "") else plan["excuse"]
        return rows

    def shown(self, session, judged, best):
        """A row with the check-in that counts."""
        keys = ("checkin", "at", "source", "verdict", "late", "early", "place", "fence", "relation")
        row = {k: best[k] if best else None for k in keys}
        row.update(session=session, flags=list(best["flags"]) if best else [], others=max(0, len(judged) - 1), excuse=None,
                   corrected=False)
        return row

    def row(self, person, day, plan, session, judged):
        """A session: the check-in that counts, or what a correction puts in its stead; then what an outage touched is on
        time; then what an absence covers is excused, unless it was attended in time."""
        best = self.winner(judged, session["counts_as"])
        row = self.shown(session["code"], judged, best)
        self.correct(row, person, day, plan, session, best)
        first = row["verdict"]
        away = self.away(plan["unit"], session)
        if away and first is not None:
            row["verdict"] = "on_time"
        elif first != "on_time" and session["code"] in plan["excused"]:
            row["verdict"] = "excused"
        elif away:
            row.update(verdict="on_time", place=plan["place"])
        if row["verdict"] != first:
            row.update(late=0, early=0)
            row["flags"] = sorted(row["flags"] + ["outage"] * (row["verdict"] == "on_time"))
        row["excuse"] = self.excuses(plan, session["code"])
        return row

    def summed(self, person, day):
        """The day in one: sessions expected and attended (a correction or an outage counts), first in, last out, minutes, places,
        and what of the evidence is not there, with how many times it is."""
        plan, rows = self.plan(person, day), self.attendance(person, day)
        if plan is None:
            return None
        counts_as = {s["code"]: s["counts_as"] for s in plan["sessions"]}
        inside = [r for r in rows if r["session"]]
        there = {r["session"]: r["place"] for r in inside if r["verdict"] in ("on_time", "late", "early")}
        stray = sum(r["others"] + 1 for r in rows if r["verdict"] == "outside_window")

        def times(kind):
            return [r["at"] for r in inside if counts_as[r["session"]] == kind and r["at"] is not None]
        return {"sessions": len(inside), "attended": len(there), "first_in": min(times("in"), default=None),
                "last_out": max(times("out"), default=None), "late": sum(r["late"] or 0 for r in inside),
                "early": sum(r["early"] or 0 for r in inside), "outside_window": stray, "session_places": there,
                "places": sorted({r["place"] for r in inside if r["place"]}),
                "flags": sorted({f for r in rows for f in r["flags"]}),
                "excuse": rows[-1]["excuse"] if not inside else None,
                "unexcused": bool(inside) and all(r["verdict"] is None for r in inside),
                "missing": self.evidence_missing(person, day, plan, there)}

    def evidence_missing(self, person, day, plan, there):
        """location: so many check-ins of the day; fence: inside a fence bound to him; session: presence in it; else reports."""
        judged = [j for j in self.judged(person) if j["day"] == day]
        fenced = [j for j in judged if j["in_bound_fence"]]
        missing = []
        for kind, session, times in plan["evidence"]:
            have = {"location": len(judged), "fence": len(fenced), "session": int(session in there)}.get(
                kind, len(self.rows("work_report", person=person, day=str(day), kind=kind)))
            if have < times:
                missing.append((kind, session, times, have))
        return sorted(missing)

    def corrections(self, person, day, session):
        """Those that hold: approved, or confirmed where the government wanted that."""
        return [c for c in self.rows("correction", person=person, day=str(day), session=session) if c["counts"]]

    def correct(self, row, person, day, plan, session, best):
        """forgotten, device: he was there at claimed_at, at the place named or expected; it counts if there is no check-in
        inside an expected fence, or only a later one (out: an earlier). wrong_place: the check-in counts as at that place."""
        said = sorted(self.corrections(person, day, session["code"]), key=lambda c: c["id"])
        moved = [c["place"] for c in said if c["kind"] == "wrong_place"]
        there = [c for c in said if c["kind"] != "wrong_place"]
        out = session["counts_as"] == "out"
        at = (max if out else min)((instant(c["claimed_at"]) for c in there), default=None)
        if at is not None and (best is None or not best["expected"] or (at > best["at"] if out else at < best["at"])):
            verdict, late, early = self.verdict(session, at)
            named = [c["place"] for c in there if c["place"] is not None]
            row.update(checkin=None, at=at, source="correction", verdict=verdict, late=late, early=early, fence=None, relation="none",
                       place=([None] + moved)[-1] or ([None] + named)[-1] or plan["place"], flags=["corrected"], corrected=True,
                       others=row["others"] + (best is not None))
        elif moved and best is not None:
            row.update(place=moved[-1], flags=sorted(row["flags"] + ["corrected"]), corrected=True)

    def away(self, unit, session):
        """Whether an approved outage of the unit or one above touched the time in which the session is on time."""
        start = session["on_time_from"] if session["counts_as"] == "out" else session["accept_from"]
        end = session["on_time_until"] if session["counts_as"] == "in" else session["accept_until"]
        return start < end and any(instant(o["starts_at"]) < end and instant(o["ends_at"]) > start
                                   for o in self.rows("outage", status="approved") if o["unit"] in self.upwards(unit))

    # ----------------------------------------------------------------------------------------------------- breaches
    def placing(self, person, day):
        """The circular that decides a person's place on a day, whether he works or not; None."""
        unit = self.posting(person, day)["unit"]
        circulars = self.circulars(person, unit, self.one("unit", unit)["government"], day)
        found = self.speaking(circulars, lambda p: self.days(p, day))
        return found["id"] if found else None

    def breaches(self, government, first, last):
        """What the circulars do not allow from first to last: (policy, measure, unit, day or Monday, person, have, limit,
        base, people)."""
        units = [u["id"] for u in self.rows("unit", government=government)]
        found, weeks = set(), set()
        for n in range((last - first).days + 1):
            day = first + n * ONE_DAY
            for unit in units:
                people = [p["id"] for p in self.tables["person"] if (self.posting(p["id"], day) or {}).get("unit") == unit]
                found |= self.shares(unit, day, people)
                working = [p for p in people if self.plan(p, day)["works"]]
                found |= {b for p in working for b in self.sent(p, day)}
                weeks |= {(p, day - (day.isoweekday() - 1) * ONE_DAY) for p in working}
        return found | {b for person, monday in weeks for b in self.week(person, monday)}

    def shares(self, unit, day, people):
        """Quotas of a unit on a day. Its people, but those whose place another circular decides; a unit of at most `small`
        is exempt, and a day on which nobody whom the circular places works."""
        found = set()
        for policy in {self.placing(p, day) for p in people if self.plan(p, day)["works"]} - {None}:
            counted = [p for p in people if self.placing(p, day) in (policy, None)]
            places = {p: self.plan(p, day)["place"] for p in counted if self.plan(p, day)["works"]}
            for q in self.rows("policy_quota", policy=policy):
                if len(counted) <= q["small"] or q["services"] is not None and self.service(unit) not in q["services"]:
                    continue
                fits = {"max_elsewhere": ("WFH", "WFA"), "min_wfo": ("WFO",)}.get(q["measure"], ("WFH",))
                have = tuple(sorted(p for p in places if places[p] in fits))
                base = len(counted) if q["base"] == "posted" else len(places)
                limit = self.rounded(q["percent"] * base, q["rounding"])
                if len(have) > limit if q["measure"].startswith("max") else len(have) < limit:
                    found.add((policy, q["measure"], unit, str(day), None, len(have), limit, base, have))
        return found

    def rounded(self, hundredths, rounding):
        """Percent × base to people."""
        return {"down": hundredths // 100, "up": -(-hundredths // 100), "nearest": (hundredths + 50) // 100}[rounding]

    def week(self, person, monday):
        """A person's week: days worked under a circular, or under none; not those another decides, not duty (DL). It is a
        matter of the unit where the circular placed him last."""
        days = [monday + n * ONE_DAY for n in range(7)]
        worked = [(d, self.placing(person, d), self.plan(person, d)) for d in days if self.plan(person, d) and self.plan(person, d)["works"]]
        found = set()
        for id in {policy for _, policy, _ in worked} - {None}:
            policy, unit = self.one("policy", id), [plan["unit"] for _, p, plan in worked if p == id][-1]
            mine = [plan for _, p, plan in worked if p in (id, None) and plan["place"] != "DL"]
            office = sum(plan["place"] == "WFO" for plan in mine)
            away = sum(plan["place"] in ("WFH", "WFA") for plan in mine)
            least, most = policy["min_office_days"], policy["max_elsewhere_days"]
            if least is not None and office < min(least, len(mine)):
                found.add((id, "min_office_days", unit, str(monday), person, office, min(least, len(mine)), len(mine), ()))
            if most is not None and away > most:
                found.add((id, "max_elsewhere_days", unit, str(monday), person, away, most, len(mine), ()))
        return found

    def sent(self, person, day):
        """A letter sends him home or elsewhere, and the circular that decides his place does not name that place that day, or
        grants it by letters for each person and a shift list gave it. If the best circular that names it does not bind him, he is
        not eligible."""
        plan, placing = self.plan(person, day), self.placing(person, day)
        if plan["orders"] is None or plan["place"] not in ("WFH", "WFA"):
            return
        allow = [p for p in self.rows("policy", government=plan["government"]) if covers(p, day)
                 and any(d["place"] == plan["place"] for d in self.days(p, day))]
        if placing in [p["id"] for p in allow]:
            policy = self.one("policy", placing)
            granted = any(d["place"] == plan["place"] and d["granted"] for d in self.days(policy, day))
            order = self.one("letter_order", plan["orders"])
            if granted and policy["grants"] == "letter" and self.one("letter", order["letter"])["kind"] == "roster":
                yield placing, "place_not_granted", plan["unit"], str(day), person, 1, 0, 1, ()
            return
        best = max(allow, key=lambda p: (p["rank"], p["dated"], p["valid_from"], p["id"]), default=None)
        bind = [p["id"] for p in self.circulars(person, plan["unit"], plan["government"], day)]
        if best is not None and best["id"] not in bind:
            yield best["id"], "not_eligible", plan["unit"], str(day), person, 1, 0, 1, ()
        else:
            yield placing, "place_not_granted", plan["unit"], str(day), person, 1, 0, 1, ()

    # ------------------------------------------------------------------------------------------------- consequences
    def minute_class(self, government, day, counts_as, state, minutes):
        """The class of a late, early or missing session by the table in force on the day: of those whose minutes are reached
        the highest, for a missing session the costliest. None below the lowest."""
        table = [c for c in self.rows("minute_class", government=government) if c["valid_from"] <= str(day)]
        latest = max((c["valid_from"] for c in table), default=None)
        table = [c for c in table if c["valid_from"] == latest and c["counts_as"] == counts_as]
        if state == "missing":
            return min(table, key=lambda c: (-c["percent"], -c["from_minutes"]), default=None)
        return max((c for c in table if c["from_minutes"] <= minutes), key=lambda c: c["from_minutes"], default=None)

    def in_force(self, table, day, **which):
        """Of dated rows the one whose beginning is the latest that is not after the day; None if all begin later."""
        return max((r for r in self.rows(table, **which) if r["valid_from"] <= str(day)), key=lambda r: r["valid_from"], default=None)

    def counted(self, person, day):
        """What a working day counts for: None for a free one, else present, absent, places, minutes, and items (component,
        session, code, minutes, days, percent)."""
        plan, rows = self.plan(person, day), self.attendance(person, day)
        if plan is None or day < self.began(plan["government"]):
            return None
        government = self.one("government", plan["government"])
        codes = {c["code"]: {**c, "percent": (self.in_force("absence_percent", day, government=government["id"], code=c["code"]) or {"percent": 0})["percent"]}
                 for c in self.rows("absence_code", government=government["id"])}
        found = {"present": False, "absent": False, "places": set(), "missing": 0, "late": 0, "early": 0, "items": [],
                 "outside_window": sum(r["verdict"] == "outside_window" for r in rows)}
        sessions = {s["code"]: s for s in plan["sessions"]}
        if not sessions:
            if plan["excuse"] is None or ":" in plan["excuse"]:
                return None
            code = codes[plan["excuse"]]
            found["items"].append(("excuse", None, code["code"], None, 1, code["percent"]))
            if code["working"]:
                found.update(present=True, places={plan["place"]})
            return found

        states = {code: self.state(r, plan) for code, r in ((r["session"], r) for r in rows) if code}
        found["missing"] = sum(s == "missing" for s in states.values())
        found["absent"] = found["missing"] == len(states)
        if found["absent"]:
            rule = self.in_force("consequence", day, government=government["id"]) or {"absent_code": "TK", "absent_percent": 0}
            found["items"].append(("absent", None, rule["absent_code"], None, 1, rule["absent_percent"]))
        for r in rows:
            if r["session"]:
                self.count_session(found, plan, sessions[r["session"]], r, states[r["session"]], codes, day)
        found["places"].discard(None)
        return found

    def began(self, government):
        """The first day of the service: nobody was missing before."""
        zone = self.one("government", government)["zone"]
        arrived = [instant(c["received_at"]) for c in self.rows("checkin", government=government, status="recorded")]
        return local_day(min(arrived), zone) if arrived else datetime.date.max

    def excuses(self, plan, session):
        """Codes by which single sessions are excused, the first of them."""
        parts = [p.split(":") for p in (plan["excuse"] or "").split(";") if ":" in p]
        return min((code for code, covered in parts if session in covered.split(",")), default=None)

    def state(self, row, plan):
        """on_time, late, early, missing; what an absence covers is excused, unless it was attended in time."""
        state = row["verdict"] or "missing"
        return "excused" if state != "on_time" and self.excuses(plan, row["session"]) else state

    def count_session(self, found, plan, session, row, state, codes, day):
        """Adds a session of a day with work to what the day counts for."""
        code = codes.get(self.excuses(plan, session["code"]))
        if state in ("on_time", "late", "early"):
            found["present"] = True
            found["places"].add(row["place"] or (plan["place"] if code and code["working"] else None))
        if state in ("late", "early"):
            found[state] += row[state]
        if state == "excused":
            if code["working"]:
                found["present"] = True
                found["places"].add(row["place"] or plan["place"])
            share = len(plan["sessions"])
            found["items"].append(("excuse", session["code"], code["code"], None, round(1 / share, 4), code["percent"] / share))
        elif state != "on_time" and not found["absent"]:
            minutes = row[state] if state in ("late", "early") else None
            row = self.minute_class(plan["government"], day, session["counts_as"], state, minutes)
            if row:
                found["items"].append((session["counts_as"], session["code"], row["code"], minutes, None, row["percent"]))
