#!/usr/bin/env python3
"""Makes random small towns, lets SQL plan and derive them, and compares every person's every day with reference.py.

  tests/rules/random_towns.py [--towns N] [--seed S] [--seconds N] [--without PART[,PART]] [--sql FOLDER]

One scratch cluster, one transaction per town, rolled back. Town i of seed S is made from 'S:i', so `--seed S:i` makes
that one alone. A town that differs is made as small as it can be and still differ, and printed.
Last line: N passed, M failed."""
import argparse
import collections
import contextlib
import json
import signal
import sys
import time

from database import TOP, Database
from reference import ONE_DAY, Town, date, instant
from towns import PARTS, Maker

# Tables in the order in which rows can be put in.
EARLY = ("government", "channel_time", "unit", "person", "posting", "fence", "working_hours")
LATER = ("calendar_day", "calendar_period", "policy", "policy_scope", "policy_day", "policy_channel", "policy_evidence", "policy_quota", "session",
         "letter", "letter_order", "assignment", "absence_code", "absence_percent", "absence", "minute_class", "consequence", "correction", "outage", "work_report", "checkin", "placement")
# (table, column) -> the table it points to, for making a town smaller.
REFERENCES = {("policy_scope", "policy"): "policy", ("policy_day", "policy"): "policy", ("policy_channel", "policy"): "policy",
              ("policy_evidence", "policy"): "policy", ("policy_quota", "policy"): "policy", ("session", "policy"): "policy", ("session", "working_hours"): "working_hours",
              ("letter_order", "letter"): "letter", ("assignment", "letter"): "letter", ("assignment", "orders"): "letter_order",
              ("assignment", "person"): "person", ("absence", "person"): "person", ("correction", "person"): "person", ("outage", "unit"): "unit", ("work_report", "person"): "person", ("posting", "person"): "person",
              ("checkin", "person"): "person", ("working_hours", "person"): "person", ("fence", "person"): "person",
              ("placement", "checkin"): "checkin", ("placement", "fence"): "fence", ("posting", "unit"): "unit", ("fence", "unit"): "unit",
              ("unit", "parent"): "unit", ("working_hours", "unit"): "unit", ("policy_scope", "unit"): "unit", ("letter", "unit"): "unit"}

PLAN = """select coalesce(jsonb_agg(jsonb_build_object('person', d.person, 'day', d.day, 'unit', d.unit, 'government', p.government,
  'place', p.place, 'anywhere', p.anywhere, 'cap', p.accuracy_cap_m, 'decides', p.decides, 'fences', p.fences,
  'starts_at', hadir.epoch_us(p.starts_at), 'ends_at', hadir.epoch_us(p.ends_at), 'conflict', p.conflict, 'policy', p.policy,
  'policies', p.policies, 'orders', p.orders, 'excuse', p.excuse, 'excused', p.excused, 'evidence', p.evidence,
  'uncertain_counts', p.uncertain_counts, 'reason', p.reason, 'work_minutes', p.work_minutes,
  'periods', array(select distinct c.kind from hadir.calendar_period c where c.id = any (p.periods) order by c.kind),
  'sessions', (select coalesce(jsonb_agg(jsonb_build_object('session', s.session, 'code', s.code, 'counts_as', s.counts_as,
     'accept_from', hadir.epoch_us(s.accept_from), 'accept_until', hadir.epoch_us(s.accept_until), 'due', hadir.epoch_us(s.due),
     'on_time_from', hadir.epoch_us(s.on_time_from), 'on_time_until', hadir.epoch_us(s.on_time_until)) order by s.position), '[]')
     from hadir.plan_session s where s.pattern = p.id))), '[]')
  from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.day between {first} and {last};"""
ROWS = """select coalesce(jsonb_agg(jsonb_build_object('person', d.person, 'day', d.day, 'session', d.session_code, 'checkin', d.checkin,
  'at', hadir.epoch_us(d.decided_at), 'source', d.decided_by, 'verdict', d.verdict, 'late', d.late_minutes, 'early', d.early_minutes,
  'place', d.place, 'fence', d.fence, 'relation', d.relation, 'flags', d.flags, 'others', d.others,
  'excuse', d.excuse, 'corrected', d.corrected)), '[]')
  from hadir.government g, hadir.derive(g.id, {first}, {last}, {persons}, {as_of}) d;"""
JUDGED = """select coalesce(jsonb_agg(jsonb_build_object('person', j.person, 'day', j.day, 'session', j.session_code, 'checkin', j.checkin,
  'at', hadir.epoch_us(j.decided_at), 'source', j.decided_by, 'arrived', hadir.epoch_us(j.received_at), 'verdict', j.verdict,
  'late', j.late_minutes, 'early', j.early_minutes, 'place', j.place, 'fence', j.fence, 'relation', j.relation,
  'expected', j.expected, 'flags', j.flags)), '[]')
  from hadir.government g, hadir.judge(g.id, {first}, {last}, {persons}) j;"""

SUMMED = """select coalesce(jsonb_agg(jsonb_build_object('person', d.person, 'day', d.day, 'sessions', d.sessions, 'attended', d.attended,
  'first_in', hadir.epoch_us(d.first_in), 'last_out', hadir.epoch_us(d.last_out), 'late', d.late_minutes, 'early', d.early_minutes,
  'outside_window', d.outside_window, 'session_places', d.session_places, 'places', d.places, 'flags', d.flags, 'excuse', d.excuse,
  'unexcused', d.unexcused, 'missing', d.evidence_missing)), '[]') from hadir.government g, hadir.derive_day(g.id, {first}, {last}) d;"""
COUNTED = """select coalesce(jsonb_agg(jsonb_build_object('person', r.person, 'day', r.day, 'present', r.present, 'absent', r.absent,
  'places', r.places, 'missing', r.missing, 'late', r.late_minutes, 'early', r.early_minutes, 'outside_window', r.outside_window,
  'items', r.counted)), '[]') from hadir.government g, hadir.recap_days(g.id, {first}, {last}, null, false) r;"""
BREACHES = """select coalesce(jsonb_agg(jsonb_build_array(b.policy, b.measure, b.unit, coalesce(b.day, b.week), b.person, b.have, b.limit,
  b.base, b.people)), '[]') from hadir.government g, hadir.breaches_of(g.id, {first}, {last}, array(select id from hadir.unit
  where government = g.id), null) b;"""
SERVES = "select jsonb_object_agg(id, serves) from hadir.unit;"


def put(tables, names):
    """INSERTs of a town's rows."""
    for name in names:
        if tables.get(name):
            columns = ", ".join(tables[name][0])
            yield (f"insert into hadir.{name} ({columns}) overriding system value select {columns} from "
                   f"jsonb_populate_recordset(null::hadir.{name}, $town${json.dumps(tables[name])}$town$);")


def put_late(town):
    """A town as it comes about: the planner has compiled a part of it when the rest is put in and decided. What is noted as
    dirty must then lead to the plan of the whole."""
    late = {t: [r["id"] for r in town.tables.get(t, []) if r["id"] % 2] for t in ("policy", "posting", "calendar_day", "working_hours")}
    first, then = {}, {}
    for name in (*EARLY, *LATER):
        for row in town.tables.get(name, []):
            whose = (row["id"] in late[name] if name in late else False) or row.get("policy") in late["policy"] \
                or row.get("working_hours") in late["working_hours"]
            undecided = {"letter": {"status": "filed"}, "absence": {"status": "requested"}}.get(name, {})
            (then if whose else first).setdefault(name, []).append({**row, **undecided})
    refresh = ("set session authorization hadir_planner;", f"select number from api.plan_refresh('{town.today} 12:00Z');",
               "reset session authorization;")
    decided = [f"update hadir.{t} set status = '{r['status']}' where id = {r['id']};"
               for t in ("letter", "absence") for r in town.tables.get(t, [])]
    window = {"first": f"date '{town.today - 8 * ONE_DAY}'", "last": f"date '{town.today + ONE_DAY}'"}
    return [*put(first, (*EARLY, *LATER)), *refresh, *put(then, (*EARLY, *LATER)), *decided, *refresh, PLAN.format(**window)]


def script(town):
    """What SQL is asked about a town (in every other one that comes about by and by, first the planner's plan): the plan, the attendance of all, also by name, of one, as of an instant, each check-in, also by name; and, in every
    fourth town, plan and attendance once more."""
    wide = {"first": f"date '{town.first - 2 * ONE_DAY}'", "last": f"date '{town.last + 5 * ONE_DAY}'"}
    days = {"first": f"date '{town.first}'", "last": f"date '{town.last}'"}
    compile = f"select hadir.plan_compile({wide['first']}, {wide['last']});"
    one = f"array[{town.tables['person'][0]['id']}]::bigint[]"
    each = "array(select id from hadir.person)"
    everybody = ROWS.format(persons="null", as_of="null", **days)
    then = ROWS.format(persons="null", as_of=f"hadir.from_epoch_us({town.as_of})", **days)
    asked = [compile, PLAN.format(**wide), everybody,
             ROWS.format(persons=one, as_of="null", **days), SERVES, JUDGED.format(persons="null", **days), then, COUNTED.format(**days), BREACHES.format(**days),
             SUMMED.format(**days), ROWS.format(persons=each, as_of="null", **days), JUDGED.format(persons=each, **days)]
    again = [compile, PLAN.format(**wide), everybody] if town.asked_again else []
    made = put_late(town) if town.by_and_by else put(town.tables, (*EARLY, *LATER))
    return "\n".join(["begin;", *made, *asked, *again, "rollback;"])


def by_day(rows):
    found = collections.defaultdict(list)
    for r in rows:
        found[r["person"], r["day"]].append(r)
    return found


def plan_of_sql(row):
    """A row of PLAN as reference.py has it."""
    row = {**row, "evidence": sorted((e["kind"], e.get("session") or "", e["times"]) for e in row["evidence"]),
           "policies": sorted(row["policies"])}
    return {k: v for k, v in row.items() if k not in ("person", "day", "reason")}


def differences(town, database):
    """What SQL and the reference say differently about a town, as lines; [] where they agree."""
    answer = database.ask(script(town))
    wrong = [line for line in answer if "ERROR" in line]
    if wrong:
        return [wrong[0]]
    plan, rows, rows_of_one, serves, judged, rows_then, counted, breaches, summed, rows_of_each, judged_of_each, *again = \
        map(json.loads, answer[1 + 3 * town.by_and_by:])

    def sort(answer, only=None):
        return sorted((json.dumps(r, sort_keys=True) for r in answer if only in (None, r["person"])))
    found = []
    if again and (again[0] != 0 or by_day(plan) != by_day(again[1])):
        found.append(f"compiled again, {again[0]} rows of the plan are others")
    if again and sort(rows) != sort(again[2]):
        found.append("derived again, the attendance is another")
    if sort(rows, town.tables["person"][0]["id"]) != sort(rows_of_one):
        found.append("derived for one person, the attendance is another")
    if sort(rows) != sort(rows_of_each):
        found.append("derived for everybody by name, the attendance is another")
    if sort(judged) != sort(judged_of_each):
        found.append("judged for everybody by name, the check-ins are others")

    reference = Town(town.tables)
    found += [f"unit {u} serves {reference.service(int(u))} here, {s} in SQL" for u, s in serves.items() if reference.service(int(u)) != s]
    ours = {b for g in (1, 2) for b in reference.breaches(g, town.first, town.last)}
    theirs = {(*b[:8], tuple(sorted(b[8]))) for b in breaches}
    found += [f"breach only here: {b}" for b in sorted(ours - theirs, key=str)]
    found += [f"breach only in SQL: {b}" for b in sorted(theirs - ours, key=str)]
    arrived = [c for c in town.tables.get("checkin", []) if instant(c["received_at"]) <= town.as_of]
    then = Town({**town.tables, "checkin": arrived})
    wide = (town.first - 2 * ONE_DAY, town.last + 5 * ONE_DAY)
    window = (town.today - 8 * ONE_DAY, town.today + ONE_DAY)
    for person in (p["id"] for p in town.tables["person"]):
        found += compare_plan(reference, person, wide, by_day(plan))
        if town.by_and_by:
            found += (f"by the planner: {line}" for line in compare_plan(reference, person, window, by_day(json.loads(answer[2]))))
        found += compare_judged(reference, person, town, by_day(judged))
        found += compare_rows(reference, person, town, by_day(rows))
        found += compare_summed(reference, person, town, by_day(summed))
        found += compare_counted(reference, person, town, by_day(counted))
        found += (f"as of an instant: {line}" for line in compare_rows(then, person, town, by_day(rows_then)))
    return found


def compare_judged(reference, person, town, judged):
    """Each check-in by itself, also those that do not count."""
    days = {str(town.first + n * ONE_DAY) for n in range((town.last - town.first).days + 1)}
    ours = {j["checkin"]: j for j in reference.judged(person) if str(j["day"]) in days}
    theirs = {j["checkin"]: j for (who, _), rows in judged.items() if who == person for j in rows}
    for id in sorted(set(ours) | set(theirs)):
        a, b = ours.get(id), theirs.get(id)
        if a is None or b is None:
            yield f"check-in {id} of {person}: {'not judged' if a is None else a['day']} here, {'not judged' if b is None else b['day']} in SQL"
            continue
        b = {k: v for k, v in b.items() if k != "person"}
        for key in ("day", *b):
            if str(a[key]) != str(b[key]) and (key, a["session"]) != ("verdict", None):
                yield f"check-in {id} of {person}: {key}: {a[key]} here, {b[key]} in SQL"


def compare_plan(reference, person, days, planned):
    day, last = days
    while day <= last:
        ours, theirs = reference.plan(person, day), planned.get((person, str(day)), [])
        if (ours is None) != (theirs == []) or len(theirs) > 1:
            yield f"plan of {person} on {day}: {'none' if ours is None else 'one'} here, {len(theirs)} in SQL"
        elif ours is not None:
            told = theirs[0]["reason"]
            reason = ours.pop("reason", None) if isinstance(ours, dict) else None
            theirs = plan_of_sql(theirs[0])
            if (reason is None) != (told is None) or reason not in (None, "free", told):
                yield f"plan of {person} on {day}: reason: {reason} here, {told} in SQL"
            for key in (k for k in ours if k not in ("works", "break")):
                if ours[key] != theirs.get(key):
                    yield f"plan of {person} on {day}: {key}: {ours[key]} here, {theirs.get(key)} in SQL"
            ours["reason"] = reason
        day += ONE_DAY


def compare_rows(reference, person, town, derived):
    day = town.first
    while day <= town.last:
        ours = reference.attendance(person, day)
        theirs = [{k: v for k, v in r.items() if k not in ("person", "day")} for r in derived.get((person, str(day)), [])]
        for session in sorted({r["session"] or "" for r in ours + theirs}):
            a, b = ([r for r in rows if (r["session"] or "") == session] for rows in (ours, theirs))
            if a != b:
                a, b = (a or [{}])[0], (b or [{}])[0]
                keys = [k for k in {**a, **b} if a.get(k) != b.get(k)]
                yield (f"attendance of {person} on {day}, {session or 'no session'}: "
                       + "; ".join(f"{k}: {a.get(k, 'nothing')} here, {b.get(k, 'nothing')} in SQL" for k in keys))
        day += ONE_DAY


def compare_summed(reference, person, town, summed):
    """The day in one."""
    day = town.first
    while day <= town.last:
        ours, theirs = reference.summed(person, day), (summed.get((person, str(day))) or [None])[0]
        if (ours is None) != (theirs is None):
            yield f"day {day} of {person}: {'nothing' if ours is None else 'a row'} here, the opposite in SQL"
        elif ours:
            theirs["missing"] = sorted((e["kind"], e.get("session") or "", e["times"], e["have"]) for e in theirs["missing"])
            theirs["places"] = sorted(theirs["places"])
            for key in ours:
                if ours[key] != theirs[key]:
                    yield f"day {day} of {person}: {key}: {ours[key]} here, {theirs[key]} in SQL"
        day += ONE_DAY


def compare_counted(reference, person, town, counted):
    """What each working day counts for."""
    day = town.first
    while day <= town.last:
        ours, theirs = reference.counted(person, day), counted.get((person, str(day)), [])
        theirs = {k: v for k, v in theirs[0].items() if k not in ("person", "day")} if theirs else None
        if ours and theirs:
            items = [(i["component"], i.get("session"), i["code"], i.get("minutes"), i.get("days"), i["percent"]) for i in theirs["items"]]
            theirs = {**theirs, "items": sorted(map(str, items)), "places": sorted(theirs["places"])}
            near = [(*i[:4], i[4] and number(i[4]), number(i[5])) for i in ours["items"]]
            ours = {**ours, "items": sorted(map(str, near)), "places": sorted(ours["places"])}
        if ours != theirs:
            keys = [k for k in ours if ours[k] != theirs[k]] if ours and theirs else ["day"]
            yield f"recap of {person} on {day}: " + "; ".join(
                f"{k}: {(ours or {}).get(k)} here, {(theirs or {}).get(k)} in SQL" for k in keys)
        day += ONE_DAY


def number(value):
    """As JSON from SQL: four decimals, whole numbers without any."""
    value = round(value, 4)
    return int(value) if value == int(value) else value


def without(tables, table, row):
    """The tables without a row and without all that points to it."""
    gone = {table: [row]}
    left = {name: [r for r in rows if r is not row] for name, rows in tables.items()}
    again = True
    while again:
        again = False
        for (name, column), target in REFERENCES.items():
            ids = {r["id"] for r in gone.get(target, []) if "id" in r}
            drop = [r for r in left.get(name, []) if r.get(column) in ids and r.get(column) is not None]
            if drop:
                gone.setdefault(name, []).extend(drop)
                left[name] = [r for r in left[name] if r not in drop]
                again = True
    return left


def smaller(town, database, most=400):
    """Takes rows away as long as the town still differs."""
    for table in ("person", "checkin", "correction", "outage", "work_report", "letter", "absence", "policy", "assignment", "posting", "working_hours", "unit", "calendar_day",
                  "calendar_period", "policy_scope", "policy_day", "policy_evidence", "policy_quota", "policy_channel", "channel_time", "session",
                  "fence", "placement", "letter_order"):
        for row in list(town.tables.get(table, [])):
            before = town.tables
            if row not in before[table] or most <= 0 or table == "person" and len(before[table]) == 1:
                continue
            most -= 1
            town.tables = without(before, table, row)
            try:
                keeps = [d for d in differences(town, database) if "ERROR" not in d]
            except (KeyError, IndexError, ValueError):
                keeps = []
            if not keeps:
                town.tables = before
    return town


def report(name, town, found, database):
    print(f"# town {name} ({town.first} … {town.last}) differs in {len(found)} places")
    for line in found[:6]:
        print(f"#   {line}")
    if "ERROR" not in found[0]:
        smaller(town, database)
        print("# the same, smaller:")
        for line in differences(town, database)[:6]:
            print(f"#   {line}")
    for table, rows in town.tables.items():
        for row in rows if "ERROR" not in found[0] and table not in ("absence_code", "absence_percent") else []:
            print(f"#     {table} " + " ".join(f"{k}={v}" for k, v in row.items() if v not in (None, [], "")))


def ask_to_stop(*_):
    raise KeyboardInterrupt


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("--towns", type=int, default=40)
    asked.add_argument("--seed", default="hadir")
    asked.add_argument("--seconds", type=int, help="begin no further town after that")
    asked.add_argument("--without", default="")
    asked.add_argument("--sql", default=f"{TOP}/sql")
    asked.add_argument("--show", type=int, default=3, help="how many differing towns are printed")
    asked = asked.parse_args()
    parts = [p for p in PARTS if p not in asked.without.split(",")]
    names = [asked.seed] if ":" in asked.seed else [f"{asked.seed}:{i}" for i in range(asked.towns)]
    started, agreed, days, rows = time.monotonic(), 0, 0, 0
    failed = []
    signal.signal(signal.SIGTERM, ask_to_stop)
    with Database(asked.sql) as database, contextlib.suppress(KeyboardInterrupt):
        for name in names:
            if asked.seconds and time.monotonic() - started > asked.seconds:
                break
            town = Maker(name, parts)
            found = differences(town, database)
            days += len(town.tables["person"]) * ((town.last - town.first).days + 1)
            rows += len(town.tables.get("checkin", []))
            agreed += not found
            if found:
                failed.append(name)
                if len(failed) <= asked.show:
                    report(name, town, found, database)
    if failed:
        print(f"# differing: {' '.join(failed[:20])}")
    print(f"# seed {asked.seed}: {agreed} of {agreed + len(failed)} towns agree ({days} person-days, {rows} check-ins, "
          f"{time.monotonic() - started:.0f} s)")
    print(f"{1 if not failed else 0} passed, {1 if failed else 0} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
