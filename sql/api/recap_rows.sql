-- Consequences, computed and never imposed: what attendance counts for, per person and day (hadir.recap_days), and summed
-- up (hadir.recap). Codes and percents are the government's own, as of the day (minute_class, absence_code, absence_percent,
-- consequence); the arithmetic is here, once, for attendance as derived now and as frozen.
--
-- A working day is a day with sessions, or one whose sessions a whole-day absence took away. On it
--   no session attended, none excused       the government's absent code and percent, once, instead of the sessions' own
--   late (in), early (out)                  the class of the minutes; below the lowest class nothing
--   a session missing, others not           the class with the highest percent of that kind of session
--   a whole-day absence                     its code, one day, its percent
--   a single session excused                its code, and of day and percent that session's share of the day's sessions
-- Present is who attended at least one session, or whose absence code is work (duty travel, training). The day counts once
-- under each place class that its sessions have: office in the morning and home in the afternoon is a day of both. A
-- check-in outside every expected fence has no class; one by a working code has the plan's.
-- Percents are points of the month's TPP: summed per calendar month, capped at what the government's monthly_cap is on its first day, rounded to two
-- decimals at the end.

-- No search_path of its own: so PostgreSQL puts it in place of its call, once per late or missing session.
create or replace function hadir.day_class(p_government bigint, p_day date, p_counts_as text, p_state text, p_minutes int)
returns table (code text, percent numeric)
language sql stable
as $$
  select c.code, c.percent
  from hadir.minute_class c
  where c.government = p_government and c.counts_as = p_counts_as
    and c.valid_from = (select max(l.valid_from) from hadir.minute_class l
                        where l.government = p_government and l.valid_from <= p_day)
    and (p_state = 'missing' or p_state in ('late', 'early') and c.from_minutes <= p_minutes)
  order by case when p_state = 'missing' then c.percent end desc nulls last, c.from_minutes desc
  limit 1
$$;
comment on function hadir.day_class(bigint, date, text, text, int) is
  'The class of a session by the government''s table of that day: counts_as (in, out, presence); state late or early with whole '
  'minutes, or missing (the highest percent). No row: on time, below the lowest class, or no table. Called by hadir.recap_days.';

-- The row that holds on a day. Who has none counts unexcused days as TK (tanpa keterangan), and deducts nothing for them.
create or replace function hadir.consequence_on(p_government bigint, p_day date) returns hadir.consequence
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c.*
  from (select c.* from hadir.consequence c where c.government = p_government and c.valid_from <= p_day
        union all
        select p_government, '-infinity', 'TK', 0, 100, null, '') c
  order by c.valid_from desc
  limit 1
$$;
comment on function hadir.consequence_on(bigint, date) is
  'Never null. Called by hadir.recap_days, hadir.recap, hadir.discipline_days.';

-- Since when the government has had the service: nobody was missing before. The oldest frozen day, for nightly begins with
-- the first check-in; before the first night the first check-in that the actor sees.
create or replace function hadir.service_began(p_government bigint) returns date
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select min(v.day) from hadir.attendance_version v where v.government = p_government),
    (select (c.received_at at time zone g.zone)::date
     from hadir.government g join hadir.checkin c on c.government = g.id and c.status = 'recorded'
     where g.id = p_government order by c.received_at limit 1))
$$;
comment on function hadir.service_began(bigint) is
  'The first local day that counts; null: none. Called by hadir.recap_sessions and api functions.';

-- Versions frozen later are not looked at: set by whoever writes down a version after the next one was frozen.
create or replace function hadir.frozen_to() returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(nullif(current_setting('hadir.frozen_to', true), '')::timestamptz, 'infinity')
$$;
comment on function hadir.frozen_to() is
  'The setting hadir.frozen_to, infinity without it: the newest version of a day or month is the newest frozen until then. Set by '
  'hadir_nightly. Called by hadir.frozen_days, hadir.report_day_asked, hadir.report_month_asked.';

-- The newest frozen version of each day that has one. (Two halves, of which one is not run: a few people's rows are found by the index.)
create or replace function hadir.frozen_days(p_government bigint, p_from date, p_to date, p_persons bigint[])
returns setof hadir.attendance
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with newest as materialized (
    select v.day, max(v.version) as version from hadir.attendance_version v
    where v.government = p_government and v.day between p_from and p_to and v.frozen_at <= hadir.frozen_to() group by v.day
  )
  select a.*
  from newest v
  join hadir.attendance a on a.government = p_government and a.day = v.day and a.version = v.version
  where p_persons is null
  union all
  select a.*
  from newest v
  join hadir.attendance a on a.government = p_government and a.day = v.day and a.version = v.version and a.person = any (p_persons)
  where p_persons is not null
$$;
comment on function hadir.frozen_days(bigint, date, date, bigint[]) is
  'Attendance of p_persons (null: everybody) on the local days p_from … p_to as last frozen, until hadir.frozen_to(). Called by hadir.recap_sessions, '
  'hadir.recap_doubts, hadir.evidence_gaps.';

drop function if exists hadir.recap_sessions(bigint, date, date, bigint[], boolean, timestamptz);
create function hadir.recap_sessions(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean,
                                     p_now timestamptz)
returns table (person bigint, day date, unit bigint, excuse text, expected_place text, "position" int, session_code text,
  counts_as text, state text, late_minutes int, early_minutes int, place text, work_minutes int)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_began  constant date := hadir.service_began(p_government);
  v_behind boolean;
begin
  select r.behind into v_behind
  from hadir.government g cross join lateral hadir.recorded_to(p_now, g.spool_patience) r where g.id = p_government and p_now is not null;
  if p_closed then
    return query
    select a.person, a.day, a.unit, a.excuse, a.expected_place,
      case when s.value ->> 'code' is not null then s.ordinality::int end, s.value ->> 'code', s.value ->> 'counts_as',
      s.value ->> 'state', (s.value ->> 'late_minutes')::int, (s.value ->> 'early_minutes')::int, s.value ->> 'place', a.work_minutes
    from hadir.frozen_days(p_government, p_from, p_to, p_persons) a
    cross join lateral jsonb_array_elements(a.sessions) with ordinality s;
  elsif v_began <= p_to then
    return query
    select d.person, d.day, d.unit, p.excuse, d.expected_place, d.position, d.session_code, d.counts_as,
      case when p_now is null then coalesce(d.verdict, 'missing')
           else hadir.presence_state(d.verdict, d.session, d.on_time_until, p_now, v_behind) end,
      d.late_minutes, d.early_minutes, d.place, p.work_minutes
    from hadir.derive(p_government, greatest(p_from, v_began), p_to, p_persons) d
    join hadir.plan_pattern p on p.id = d.pattern;
  end if;
end
$$;
comment on function hadir.recap_sessions(bigint, date, date, bigint[], boolean, timestamptz) is
  'Attendance of p_persons (null: everybody) on the local days p_from … p_to, a row per session (position null: none), either '
  'derived now (from the first day of the service on) or, p_closed, of hadir.frozen_days. excuse, work_minutes: of the day, as in plan_pattern. '
  'p_now: derived during the day, a session without check-in is not_yet_due or not_yet_known as in hadir.presence_state; null: missing. '
  'Called by hadir.recap_days.';

create or replace function hadir.recap_doubts(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, doubts int)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if p_closed then
    return query select a.person, a.day, cardinality(a.doubts) from hadir.frozen_days(p_government, p_from, p_to, p_persons) a where a.doubts <> '{}';
  else
    return query select d.person, d.day, cardinality(d.doubts) from hadir.day_doubts(p_government, p_from, p_to, p_persons, null) d;
  end if;
end
$$;
comment on function hadir.recap_doubts(bigint, date, date, bigint[], boolean) is
  'How many kinds of doubt there are about a day''s check-ins; no row: none. p_closed: as in hadir.recap_sessions. Called by hadir.recap_days.';

drop function if exists hadir.recap_days(bigint, date, date, bigint[], boolean, timestamptz);
create function hadir.recap_days(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean,
                                 p_now timestamptz default null)
returns table (person bigint, day date, unit bigint, present boolean, absent boolean, places text[], missing int,
  late_minutes int, early_minutes int, counted jsonb, percent numeric, outside_window int, doubts int, work_minutes int)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with session as materialized (
    select s.person, s.day, s.unit, s.expected_place, s.position, s.session_code, s.counts_as, s.place, s.work_minutes,
      case when s.state in ('missing', 'late', 'early') and x.code is not null then 'excused' else s.state end as state,
      case when s.state = 'late' then s.late_minutes when s.state = 'early' then s.early_minutes end as minutes,
      x.code as excuse, coalesce(a.working, false) as working, coalesce((
        select e.percent from hadir.absence_percent e
        where a.code is not null and e.government = p_government and e.code = a.code and e.valid_from <= s.day
        order by e.valid_from desc limit 1), 0) as percent,
      case when s.position is null and strpos(s.excuse, ':') = 0 then s.excuse end as whole
    from hadir.recap_sessions(p_government, p_from, p_to, p_persons, p_closed, p_now) s
    cross join lateral (
      select case when strpos(s.excuse, ':') > 0 then hadir.session_excuse(s.excuse, s.session_code) end as code) x
    left join hadir.absence_code a on a.government = p_government
      and a.code = coalesce(x.code, case when s.position is null then s.excuse end)
  ),
  day as materialized (
    select s.person, s.day, min(s.unit) as unit, count(s.position)::int as sessions,
      count(*) filter (where s.position is not null and s.state = 'missing')::int as missing,
      bool_or(s.state in ('on_time', 'late', 'early') and s.position is not null or s.working) as present,
      array_agg(distinct case when s.position is null then s.expected_place
                              else coalesce(s.place, case when s.working then s.expected_place end) end) filter (
        where s.state in ('on_time', 'late', 'early') and s.position is not null or s.working) as places,
      coalesce(sum(s.minutes) filter (where s.state = 'late'), 0)::int as late_minutes,
      coalesce(sum(s.minutes) filter (where s.state = 'early'), 0)::int as early_minutes,
      count(*) filter (where s.state = 'outside_window')::int as outside_window,
      min(s.work_minutes) as work_minutes, min(s.whole) as whole, min(s.percent) filter (where s.whole is not null) as whole_percent
    from session s
    group by s.person, s.day
    having count(s.position) > 0 or min(s.whole) is not null
  ),
  rule as materialized (
    select a.at::date as day, c.absent_code, c.absent_percent
    from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') a (at)
    cross join lateral hadir.consequence_on(p_government, a.at::date) c
  ),
  item as (
    select d.person, d.day, 'absent' as component, null::text as session, g.absent_code as code, null::int as minutes,
      1::numeric as days, g.absent_percent as percent
    from day d join rule g on g.day = d.day
    where d.sessions > 0 and d.missing = d.sessions
    union all
    select s.person, s.day, s.counts_as, s.session_code, c.code, s.minutes, null, c.percent
    from session s
    join day d on d.person = s.person and d.day = s.day and d.missing < d.sessions
    cross join lateral hadir.day_class(p_government, s.day, s.counts_as, s.state, s.minutes) c
    where s.position is not null and s.state in ('missing', 'late', 'early')
    union all
    select d.person, d.day, 'excuse', null, d.whole, null, 1, d.whole_percent from day d where d.sessions = 0
    union all
    select s.person, s.day, 'excuse', s.session_code, s.excuse, null, round(1::numeric / d.sessions, 4), s.percent / d.sessions
    from session s join day d on d.person = s.person and d.day = s.day
    where s.state = 'excused' and s.excuse is not null
  ),
  sum as (
    select i.person, i.day, sum(i.percent) as percent, jsonb_agg(jsonb_strip_nulls(jsonb_build_object('component', i.component,
        'session', i.session, 'code', i.code, 'minutes', i.minutes, 'days', trim_scale(i.days),
        'percent', trim_scale(round(i.percent, 4))))
        order by i.component, i.session) as counted
    from item i
    group by i.person, i.day
  )
  select d.person, d.day, d.unit, d.present, d.sessions > 0 and d.missing = d.sessions,
    coalesce(array_remove(d.places, null), '{}'), d.missing, d.late_minutes, d.early_minutes, coalesce(t.counted, '[]'),
    coalesce(t.percent, 0), d.outside_window, coalesce(b.doubts, 0), d.work_minutes
  from day d
  left join sum t on t.person = d.person and t.day = d.day
  left join hadir.recap_doubts(p_government, p_from, p_to, p_persons, p_closed) b on b.person = d.person and b.day = d.day;
end
$$;
comment on function hadir.recap_days(bigint, date, date, bigint[], boolean, timestamptz) is
  'The working days of p_persons (null: everybody) from p_from to p_to and what counts on each: counted is an array of '
  '{component (in, out, presence, absent, excuse), session, code, minutes, days, percent}, percent their sum; work_minutes: as in plan_pattern. p_closed, p_now: as in '
  'hadir.recap_sessions. Called by hadir.recap, hadir.discipline_days and api functions.';

create or replace function hadir.recap(p_government bigint, p_from date, p_to date, p_persons bigint[],
                                       p_closed boolean default false, p_units bigint[] default null)
returns table (person bigint, unit bigint, working_days int, present_days int, absent_days int, wfo_days int, wfh_days int,
  wfa_days int, dl_days int, missing_sessions int, late_minutes int, early_minutes int, counts jsonb, minutes jsonb,
  excuses jsonb, percents jsonb, deduction numeric, doubts int)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with day as materialized (
    select d.* from hadir.recap_days(p_government, p_from, p_to, p_persons, p_closed) d
    where p_units is null or d.unit = any (p_units)
  ),
  sum as (
    select d.person, (array_agg(d.unit order by d.day desc))[1] as unit, count(*)::int as working_days,
      count(*) filter (where d.present)::int as present_days, count(*) filter (where d.absent)::int as absent_days,
      count(*) filter (where 'WFO' = any (d.places))::int as wfo_days, count(*) filter (where 'WFH' = any (d.places))::int as wfh_days,
      count(*) filter (where 'WFA' = any (d.places))::int as wfa_days, count(*) filter (where 'DL' = any (d.places))::int as dl_days,
      sum(d.missing) filter (where not d.absent)::int as missing_sessions, sum(d.late_minutes)::int as late_minutes,
      sum(d.early_minutes)::int as early_minutes, sum(d.doubts)::int as doubts
    from day d
    group by d.person
  ),
  month as (
    select m.person, round(sum(least(m.percent, c.monthly_cap)), 2) as deduction
    from (select d.person, date_trunc('month', d.day::timestamp)::date as month, sum(d.percent) as percent from day d group by 1, 2) m
    join (select a.at::date as month, r.monthly_cap
          from generate_series(date_trunc('month', p_from::timestamp), p_to::timestamp, interval '1 month') a (at)
          cross join lateral hadir.consequence_on(p_government, a.at::date) r) c on c.month = m.month
    group by m.person
  ),
  item as (
    select d.person, i.component, i.code, count(*) as n, sum(i.minutes) as minutes, sum(i.days) as days, sum(i.percent) as percent
    from day d
    cross join lateral jsonb_to_recordset(d.counted) i (component text, code text, minutes int, days numeric, percent numeric)
    group by d.person, i.component, i.code
  ),
  code as (
    select i.person,
      jsonb_object_agg(i.code, i.n) filter (where i.component <> 'excuse') as counts,
      jsonb_object_agg(i.code, i.minutes) filter (where i.component <> 'excuse' and i.minutes is not null) as minutes,
      jsonb_object_agg(i.code, trim_scale(round(i.days, 2))) filter (where i.component = 'excuse') as excuses
    from item i
    group by i.person
  ),
  part as (
    select p.person, jsonb_object_agg(p.component, trim_scale(round(p.percent, 2))) as percents
    from (select i.person, i.component, sum(i.percent) as percent from item i group by i.person, i.component) p
    group by p.person
  )
  select s.person, s.unit, s.working_days, s.present_days, s.absent_days, s.wfo_days, s.wfh_days, s.wfa_days, s.dl_days,
    coalesce(s.missing_sessions, 0), s.late_minutes, s.early_minutes, coalesce(c.counts, '{}'), coalesce(c.minutes, '{}'),
    coalesce(c.excuses, '{}'), coalesce(p.percents, '{}'), m.deduction, s.doubts
  from sum s
  join month m on m.person = s.person
  left join code c on c.person = s.person
  left join part p on p.person = s.person;
end
$$;
comment on function hadir.recap(bigint, date, date, bigint[], boolean, bigint[]) is
  'hadir.recap_days summed up, a row per person who has a working day: days, and per code of late, early, missing and absent how '
  'often (counts) and how many minutes; per absence code the days (excuses); per component the percents before the cap; '
  'deduction: percent of TPP, capped per calendar month. missing_sessions without those of absent days. unit: the last one. '
  'p_units: only days in these units (null: all). Called by api functions.';

-- The circular that wants the evidence of a day, of those that speak there.
create or replace function hadir.evidence_policy(p_policies bigint[]) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.id from hadir.policy p where p.id = any (p_policies) and p.states_evidence
  order by p.rank desc, p.dated desc, p.valid_from desc, p.id desc limit 1
$$;

-- Days that want evidence, beside those on which nothing at all was there.
create or replace function hadir.evidence_days(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, unit bigint, policy bigint, missing jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  -- Most circulars want none, and then nothing is looked for.
  if not exists (select from hadir.plan_pattern p where p.government = p_government and p.day between p_from and p_to and p.evidence <> '[]') then
    return;
  elsif p_closed then
    return query
    with wanting as materialized (
      select p.id, hadir.evidence_policy(p.policies) as policy
      from hadir.plan_pattern p where p.government = p_government and p.day between p_from and p_to and p.evidence <> '[]')
    select a.person, a.day, a.unit, w.policy, a.evidence_missing
    from hadir.frozen_days(p_government, p_from, p_to, p_persons) a
    join wanting w on w.id = a.pattern
    where a.sessions @? '$[*] ? (@.code != null && @.state != "missing")';
  else
    return query
    with wanting as materialized (
      select p.id, hadir.evidence_policy(p.policies) as policy
      from hadir.plan_pattern p where p.government = p_government and p.day between p_from and p_to and p.evidence <> '[]')
    select d.person, d.day, d.unit, w.policy, d.evidence_missing
    from hadir.derive_day(p_government, greatest(p_from, hadir.service_began(p_government)), p_to, p_persons) d
    join hadir.plan_day n on n.person = d.person and n.day = d.day
    join wanting w on w.id = n.pattern
    where d.sessions > 0 and not d.unexcused;
  end if;
end
$$;
comment on function hadir.evidence_days(bigint, date, date, bigint[], boolean) is
  'The days on which p_persons (null: everybody) were there, or partly excused, where a circular (policy) wants evidence: missing as in '
  'hadir.derive_day. p_closed: as in hadir.recap_sessions. Called by hadir.evidence_gaps and reports of compliance.';

create or replace function hadir.evidence_gaps(p_government bigint, p_from date, p_to date, p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, unit bigint, missing jsonb)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select d.person, d.day, d.unit, d.missing
  from hadir.evidence_days(p_government, p_from, p_to, p_persons, p_closed) d where d.missing <> '[]'
$$;
comment on function hadir.evidence_gaps(bigint, date, date, bigint[], boolean) is
  'The days of hadir.evidence_days on which something is missing. Called by api.recap_days and reports.';

revoke all on function hadir.day_class(bigint, date, text, text, int),
  hadir.service_began(bigint), hadir.frozen_to(), hadir.consequence_on(bigint, date),
  hadir.recap_sessions(bigint, date, date, bigint[], boolean, timestamptz), hadir.recap_days(bigint, date, date, bigint[], boolean, timestamptz),
  hadir.recap(bigint, date, date, bigint[], boolean, bigint[]), hadir.evidence_gaps(bigint, date, date, bigint[], boolean),
  hadir.evidence_days(bigint, date, date, bigint[], boolean), hadir.evidence_policy(bigint[]),
  hadir.frozen_days(bigint, date, date, bigint[]), hadir.recap_doubts(bigint, date, date, bigint[], boolean) from public;
grant execute on function hadir.day_class(bigint, date, text, text, int),
  hadir.service_began(bigint), hadir.frozen_to(), hadir.consequence_on(bigint, date),
  hadir.recap_sessions(bigint, date, date, bigint[], boolean, timestamptz), hadir.recap_days(bigint, date, date, bigint[], boolean, timestamptz),
  hadir.recap(bigint, date, date, bigint[], boolean, bigint[]), hadir.evidence_gaps(bigint, date, date, bigint[], boolean),
  hadir.evidence_days(bigint, date, date, bigint[], boolean), hadir.evidence_policy(bigint[]),
  hadir.frozen_days(bigint, date, date, bigint[]), hadir.recap_doubts(bigint, date, date, bigint[], boolean) to hadir_reader, hadir_writer;
