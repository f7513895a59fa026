-- Closing days. A closed day is frozen as a numbered version of its attendance; later facts or a changed plan make the
-- next number, never another content under an old one. `hadir nightly` asks what is due, freezes, writes, records.

-- When a local day closes: closes_after behind the last acceptance interval of the patterns that anybody has that day,
-- not before the day itself is over. Null: nobody has a plan.
create or replace function hadir.day_closes(p_government bigint, p_day date) returns timestamptz
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select greatest(max(p.ends_at), max(s.accept_until) + max(g.closes_after))
  from hadir.government g
  join hadir.plan_pattern p on p.government = g.id and p.day = p_day
  left join hadir.plan_session s on s.pattern = p.id
  where g.id = p_government
    and p.id in (select d.pattern from hadir.plan_day d where d.day = p_day)
$$;
comment on function hadir.day_closes(bigint, date) is
  'The instant at which p_government''s local day p_day closes; null when nobody has a plan for it. Called by nightly.';
revoke all on function hadir.day_closes(bigint, date) from public;
grant execute on function hadir.day_closes(bigint, date) to hadir_reader, hadir_writer;

-- Derives a day of p_persons (null: everybody) once, for what reads it several times: pg_temp.derived, as hadir.derive answers, and pg_temp.derived_proof,
-- who lacks evidence or is in doubt. attendance_unstage drops both.
drop function if exists hadir.attendance_stage(bigint, date);
create or replace function hadir.attendance_stage(p_government bigint, p_day date, p_persons bigint[] default null) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanting bigint[];
begin
  create temporary table derived as select d.* from hadir.derive(p_government, p_day, p_day, p_persons) d;
  create index on pg_temp.derived (person);
  analyze pg_temp.derived;
  -- Most circulars want nothing, and few check-ins are doubtful: only whose day it is about is looked at.
  v_wanting := array(select distinct d.person from pg_temp.derived d join hadir.plan_pattern p on p.id = d.pattern where p.evidence <> '[]');
  create temporary table derived_proof as
  select n.person, coalesce(e.missing, '[]') as evidence_missing, coalesce(b.doubts, '{}') as doubts
  from (select distinct d.person from pg_temp.derived d) n
  left join (
    select w.person, hadir.evidence_lacks(p.evidence, a.locations, a.fenced, w.attended, r.reports) as missing
    from (select d.person, min(d.pattern) as pattern,
            coalesce(array_agg(d.session_code) filter (where d.session is not null and d.verdict in ('on_time', 'late', 'early')), '{}') as attended
          from pg_temp.derived d where d.person = any (v_wanting) group by d.person) w
    join hadir.plan_pattern p on p.id = w.pattern
    left join hadir.day_locations(p_government, p_day, p_day, v_wanting, null) a on a.person = w.person
    left join hadir.day_reports(p_government, p_day, p_day, v_wanting, null) r on r.person = w.person
  ) e on e.person = n.person
  left join hadir.day_doubts(p_government, p_day, p_day, p_persons, null) b on b.person = n.person
  where e.missing <> '[]' or b.doubts is not null;
end
$$;
create or replace function hadir.attendance_unstage() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  drop table pg_temp.derived, pg_temp.derived_proof;
end
$$;

-- What makes two derivations of a day the same: everything that is kept but names and labels and ids that a renewed plan
-- gives anew.
create or replace function hadir.attendance_digest() returns bytea
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select sha256(convert_to(coalesce(string_agg(l.line, e'\n' order by l.person, l.turn, l.position nulls last), ''), 'UTF8'))
    from (
      select d.person, 1 as turn, d.position,
        concat_ws('|', d.person, d.unit, coalesce(d.expected_place, '-'), coalesce(d.plan_reason, '-'), coalesce(d.excuse, '-'),
          coalesce(d.session_code, '-'), coalesce(d.counts_as, '-'), coalesce(d.verdict, 'missing'), coalesce(d.checkin::text, '-'),
          coalesce(extract(epoch from d.decided_at)::text, '-'), coalesce(d.late_minutes, 0), coalesce(d.early_minutes, 0),
          coalesce(d.place, '-'), coalesce(d.fence, 0), coalesce(d.relation, '-'), array_to_string(d.flags, ','),
          case when d.verdict = 'outside_window' then d.others end, p.work_minutes) as line
      from pg_temp.derived d join hadir.plan_pattern p on p.id = d.pattern
      union all
      select p.person, 2, null, concat_ws('|', p.person, p.evidence_missing, array_to_string(p.doubts, ',')) from pg_temp.derived_proof p) l);
end
$$;
comment on function hadir.attendance_digest() is
  'SHA-256 over the staged attendance, without names. Called by nightly and closing.';

-- The staged day as hadir.attendance keeps it, a row per person.
drop function if exists hadir.attendance_rows();
create function hadir.attendance_rows()
returns table (person bigint, unit bigint, expected_place text, reason text, pattern bigint, excuse text, sessions jsonb,
  work_minutes int, evidence_missing jsonb, doubts text[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select r.*, coalesce(f.evidence_missing, '[]'), coalesce(f.doubts, '{}')
  from (
    select x.person, min(x.unit), min(x.expected_place), min(x.plan_reason), min(x.pattern), min(p.excuse),
      -- In words as hadir.presence_of has them.
      jsonb_agg(jsonb_build_object('session', x.session, 'code', x.session_code, 'label', x.session_label,
        'counts_as', x.counts_as,
        'state', case when x.verdict = 'not_expected' and x.excuse is not null then 'excused' else coalesce(x.verdict, 'missing') end,
        'reason', case when x.verdict = 'outside_window'
                         then 'outside_window' || case when x.others > 0 then '+' || x.others else '' end
                       when x.verdict in ('excused', 'not_expected') and x.excuse is not null
                         then concat_ws(' ', x.excuse, case when x.session is null then x.plan_reason else c.name end)
                       when x.session is null then x.plan_reason end,
        'checkin', x.checkin, 'decided_at', x.decided_at, 'late_minutes', x.late_minutes,
        'early_minutes', x.early_minutes, 'place', x.place, 'fence', x.fence, 'fence_name', fe.name,
        'relation', x.relation, 'flags', to_jsonb(x.flags)) order by x.position nulls last),
      min(p.work_minutes)
    from pg_temp.derived x
    join hadir.plan_pattern p on p.id = x.pattern
    left join hadir.fence fe on fe.id = x.fence
    left join hadir.absence_code c on c.government = p.government and c.code = x.excuse
    group by x.person) r (person, unit, expected_place, reason, pattern, excuse, sessions, work_minutes)
  left join pg_temp.derived_proof f on f.person = r.person;
end
$$;

-- ---- What changed, and why

-- A check-in that was not in the database when a version was frozen: beyond what its spool had been read to, or of a device
-- enrolled since.
create or replace function hadir.came_after(p_checkin uuid, p_version hadir.attendance_version) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from hadir.checkin k
    where k.id = p_checkin
      and (k.seq > coalesce(((p_version).read_to ->> k.spool::text)::bigint, 0)
           or exists (select from hadir.device d where d.id = k.device and d.enrolled_at > (p_version).frozen_at)))
$$;
comment on function hadir.came_after(uuid, hadir.attendance_version) is 'False for null. Called by hadir.session_causes.';

-- What was decided since a version was frozen, and touches a person's day: words of hadir.attendance_changes.
create or replace function hadir.causes_decided(p_version hadir.attendance_version)
returns table (kind text, ref bigint, person bigint, unit bigint, session text, word text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with step as (
    select distinct d.subject, d.ref from hadir.decision d
    where d.at > (p_version).frozen_at and d.step in ('approved', 'confirmed', 'rejected', 'revoked')
  )
  -- ref: the order by which a pattern names the letter.
  select 'letter', a.orders, a.person, null::bigint, null::text, 'letter ' || l.number
  from step s join hadir.letter l on l.id = s.ref join hadir.assignment a on a.letter = l.id and a.day = (p_version).day
  where s.subject = 'letter' and l.government = (p_version).government
  union all
  select 'absence', a.id, a.person, null, x.session, 'absence ' || a.code
  from step s join hadir.absence a on a.id = s.ref and (p_version).day between a.first_day and a.last_day
  left join lateral unnest(a.sessions) x (session) on true
  where s.subject = 'absence' and a.government = (p_version).government
  union all
  select 'correction', c.id, c.person, null, c.session, 'correction'
  from step s join hadir.correction c on c.id = s.ref and c.day = (p_version).day
  where s.subject = 'correction' and c.government = (p_version).government
  union all
  select 'outage', o.id, null, u.descendant, null, 'outage'
  from step s join hadir.outage o on o.id = s.ref join hadir.unit_closure u on u.ancestor = o.unit
  where s.subject = 'outage' and o.government = (p_version).government
    and o.starts_at < (p_version).closed_at
    and o.ends_at > (select (p_version).day::timestamp at time zone g.zone from hadir.government g where g.id = (p_version).government)
$$;
comment on function hadir.causes_decided(hadir.attendance_version) is
  'Letters by order and person, absences by person (session null: the whole day), corrections by person and session, outages by '
  'unit. Called by hadir.attendance_changes.';

-- Was the day reopened since? Then its plan may be by other rules.
create or replace function hadir.reopened_after(p_version hadir.attendance_version) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from hadir.reopening r
    where r.government = (p_version).government and r.at > (p_version).frozen_at
      and (p_version).day between r.first_day and r.last_day)
$$;

-- A plan of a person's day against another: which parts differ.
create or replace function hadir.plan_turn(p_before bigint, p_after bigint, out orders bigint[], out excuse boolean, out rules boolean,
                                           out differs boolean)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case when b.orders is distinct from a.orders then array_remove(array[a.orders, b.orders], null) else '{}' end,
    b.excuse is distinct from a.excuse,
    (a.hours, a.calendar, a.periods, a.policies) is distinct from (b.hours, b.calendar, b.periods, b.policies),
    (a.place, a.anywhere, a.accuracy_cap_m, a.decides, a.sessions, a.fences, a.reason, a.hours, a.calendar, a.periods, a.policies, a.orders,
     a.excuse, a.evidence, a.uncertain_counts)
    is distinct from (b.place, b.anywhere, b.accuracy_cap_m, b.decides, b.sessions, b.fences, b.reason, b.hours, b.calendar, b.periods,
     b.policies, b.orders, b.excuse, b.evidence, b.uncertain_counts)
  from (select) x
  left join hadir.plan_pattern a on a.id = p_before
  left join hadir.plan_pattern b on b.id = p_after
$$;
comment on function hadir.plan_turn(bigint, bigint) is
  'Ids of patterns, null: none. orders: those of which only one plan has it; excuse, rules (hours, calendar, circulars), differs '
  '(anything). Called by hadir.attendance_changes.';

-- How the staged day differs from its newest version, session by session, and why; p_persons as it was staged.
drop function if exists hadir.attendance_changes(bigint, date);
create or replace function hadir.attendance_changes(p_government bigint, p_day date, p_persons bigint[] default null)
returns table (person bigint, session text, before jsonb, after jsonb, causes text[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_last     hadir.attendance_version;
  v_reopened boolean;
begin
  select v.* into v_last from hadir.attendance_version v
  where v.government = p_government and v.day = p_day order by v.version desc limit 1;
  v_reopened := hadir.reopened_after(v_last);
  return query
  with old as (
    select a.person, a.unit, a.pattern, s.value as s,
      jsonb_build_object('expected_place', a.expected_place, 'unit', a.unit, 'reason', coalesce(s.value ->> 'reason', a.reason),
                         'work_minutes', a.work_minutes, 'evidence_missing', a.evidence_missing, 'doubts', a.doubts) as day
    from hadir.attendance a cross join lateral jsonb_array_elements(a.sessions) s
    where a.government = p_government and a.day = p_day and a.version = v_last.version
      and (p_persons is null or a.person = any (p_persons))
  ),
  new as (
    select r.person, r.unit, r.pattern, s.value as s,
      jsonb_build_object('expected_place', r.expected_place, 'unit', r.unit, 'reason', coalesce(s.value ->> 'reason', r.reason),
                         'work_minutes', r.work_minutes, 'evidence_missing', r.evidence_missing, 'doubts', r.doubts) as day
    from hadir.attendance_rows() r cross join lateral jsonb_array_elements(r.sessions) s
  ),
  pair as materialized (
    select coalesce(n.person, o.person) as person, coalesce(n.s ->> 'code', o.s ->> 'code') as session,
      o.unit as old_unit, n.unit as new_unit, o.pattern as old_pattern, n.pattern as new_pattern,
      o.s - '{session,label,fence_name}'::text[] || o.day as before, n.s - '{session,label,fence_name}'::text[] || n.day as after
    from old o full join new n on n.person = o.person and coalesce(n.s ->> 'code', '') = coalesce(o.s ->> 'code', '')
  ),
  -- The plan of each person whose day differs, then and now; few plans, many people.
  turn as materialized (
    select p.person, max(p.old_pattern) as before, max(p.new_pattern) as after, max(p.old_unit) is distinct from max(p.new_unit) as posting
    from pair p where p.person in (select c.person from pair c where c.before is distinct from c.after)
    group by p.person
  ),
  plan as materialized (
    select t.before, t.after, x.* from (select distinct t.before, t.after from turn t) t cross join lateral hadir.plan_turn(t.before, t.after) x
  ),
  change as materialized (
    select c.person, c.session, c.before, c.after, t.posting, x.orders, x.excuse, x.rules, x.differs, coalesce(c.new_unit, c.old_unit) as unit,
      c.before -> 'flags' ? 'corrected' or c.after -> 'flags' ? 'corrected' as corrected,
      c.before -> 'flags' ? 'outage' or c.after -> 'flags' ? 'outage' as away,
      (c.before ->> 'checkin')::uuid as old_checkin, (c.after ->> 'checkin')::uuid as new_checkin
    from pair c join turn t on t.person = c.person
    join plan x on x.before is not distinct from t.before and x.after is not distinct from t.after
    where c.before is distinct from c.after
  ),
  decided as materialized (select d.* from hadir.causes_decided(v_last) d),
  touched as (
    select c.person, c.session, array_agg(distinct d.word order by d.word) as words
    from change c join decided d on d.person = c.person
    where d.kind = 'letter' and d.ref = any (c.orders)
      or d.kind = 'absence' and c.excuse and (d.session is null or d.session = c.session)
      or d.kind = 'correction' and d.session = c.session and c.corrected
    group by c.person, c.session
  ),
  named as (
    select c.person, c.session, c.before, c.after, c.differs, c.old_checkin, c.new_checkin,
      array_remove(
        case when c.new_checkin is distinct from c.old_checkin and hadir.came_after(c.new_checkin, v_last)
               or c.after ->> 'state' = 'outside_window' and c.before ->> 'reason' is distinct from c.after ->> 'reason'
                  and exists (select from hadir.judge(p_government, p_day, p_day, array[c.person]) j
                              where j.position is null and hadir.came_after(j.checkin, v_last)) then '{checkin}'::text[] else '{}' end
        || t.words
        || array[case when c.away and c.unit in (select d.unit from decided d where d.kind = 'outage') then 'outage' end,
                 case when c.posting then 'posting' end, case when v_reopened and c.differs and c.rules then 'rules' end,
                 case when coalesce(c.before -> 'evidence_missing', '[]') <> coalesce(c.after -> 'evidence_missing', '[]') then 'evidence' end,
                 case when coalesce(c.before -> 'doubts', '[]') <> coalesce(c.after -> 'doubts', '[]') then 'doubt' end], null) as words
    from change c
    left join touched t on t.person = c.person and t.session is not distinct from c.session
  )
  select n.person, n.session, n.before, n.after, case
    when n.words <> '{}' then n.words
    when n.differs and v_reopened then '{rules}'
    when n.differs then '{plan}'
    when n.old_checkin is null and n.new_checkin is not null then '{checkin}'
    when n.new_checkin is distinct from n.old_checkin or n.before -> 'fence' is distinct from n.after -> 'fence'
      or n.before -> 'relation' is distinct from n.after -> 'relation' then '{placement}'
    else '{other}' end
  from named n;
end
$$;
comment on function hadir.attendance_changes(bigint, date, bigint[]) is
  'What the staged day changes of its newest version. person, session: code or null; before, after: the session as kept, with '
  'what is kept of the day (null: was or is not there); causes, of facts since that version was frozen: checkin (one that came '
  'later), letter NUMBER, absence CODE, correction, outage (decided since, for this person and day), posting (another unit), rules '
  '(reopened since), evidence, doubt; and where none of these: plan (another plan for this person), placement (another fence, the same '
  'facts), other. Called by nightly and closing.';

-- Is the day's month closed? Then only the next closing of the month makes versions.
create or replace function hadir.month_is_closed(p_government bigint, p_day date) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from hadir.month_version m where m.government = p_government and m.month = date_trunc('month', p_day::timestamp)::date)
$$;

revoke all on function hadir.attendance_stage(bigint, date, bigint[]), hadir.attendance_unstage(), hadir.attendance_digest(),
  hadir.attendance_rows(), hadir.attendance_changes(bigint, date, bigint[]), hadir.month_is_closed(bigint, date),
  hadir.came_after(uuid, hadir.attendance_version), hadir.causes_decided(hadir.attendance_version),
  hadir.reopened_after(hadir.attendance_version), hadir.plan_turn(bigint, bigint) from public;
grant execute on function hadir.attendance_stage(bigint, date, bigint[]), hadir.attendance_unstage(), hadir.attendance_digest(),
  hadir.attendance_rows(), hadir.attendance_changes(bigint, date, bigint[]), hadir.month_is_closed(bigint, date),
  hadir.came_after(uuid, hadir.attendance_version), hadir.causes_decided(hadir.attendance_version),
  hadir.reopened_after(hadir.attendance_version), hadir.plan_turn(bigint, bigint) to hadir_reader, hadir_writer;

-- Spools that have not told everything up to an instant, oldest first. waited: heard of recently enough to be waited for.
create or replace function hadir.spools_behind(p_instant timestamptz, p_now timestamptz, p_patience interval, p_memory interval)
returns table (spool uuid, complete_to timestamptz, waited boolean)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select m.spool, m.complete_to, p_now - m.complete_to < p_patience
  from hadir.ingest_mark m
  where isfinite(m.complete_to) and m.complete_to < p_instant and m.complete_to > p_instant - p_memory
  order by m.complete_to, m.spool
$$;
comment on function hadir.spools_behind(timestamptz, timestamptz, interval, interval) is
  'Spools complete to less than p_instant but not older than p_memory before it; waited while unheard for less than '
  'p_patience at p_now. Called by nightly.';
revoke all on function hadir.spools_behind(timestamptz, timestamptz, interval, interval) from public;
grant execute on function hadir.spools_behind(timestamptz, timestamptz, interval, interval) to hadir_reader, hadir_writer;

set role hadir_reader;

create or replace function api.nightly_due(p_now timestamptz)
returns table (government bigint, code text, zone text, day date, blocked text, late_spools text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- How far back later facts and later plans are looked for.
  c_memory constant interval := '40 days';
  v record;
  v_same boolean;
begin
  for v in
    select g.id, g.code, g.zone, c.day, c.closes, g.spool_patience, last.digest
    from hadir.government g
    -- Before its first check-in a government had no service: nobody was missing then.
    cross join lateral (
      select (k.received_at at time zone g.zone)::date as day from hadir.checkin k
      where k.government = g.id and k.status = 'recorded' order by k.received_at limit 1
    ) began
    cross join lateral generate_series(
      greatest(began.day, ((p_now - c_memory) at time zone g.zone)::date)::timestamp,
      ((p_now at time zone g.zone)::date)::timestamp, interval '1 day') a(at)
    cross join lateral (select a.at::date as day, hadir.day_closes(g.id, a.at::date) as closes offset 0) c
    left join lateral (
      select v.digest from hadir.attendance_version v
      where v.government = g.id and v.day = c.day order by v.version desc limit 1
    ) last on true
    where c.closes <= p_now and not (last.digest is not null and hadir.month_is_closed(g.id, c.day))
    order by g.code collate "C", c.day
  loop
    if v.digest is not null then
      perform hadir.attendance_stage(v.id, v.day);
      v_same := v.digest = hadir.attendance_digest();
      perform hadir.attendance_unstage();
      continue when v_same;
    end if;
    return query
    select v.id, v.code, v.zone, v.day,
      (select hadir.say('menunggu spool ', 'waiting for spool ') || string_agg(b.spool::text || hadir.say(' (lengkap sampai ', ' (complete to ')
         || to_char(b.complete_to at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ')', ', ')
       from hadir.spools_behind(v.closes, p_now, v.spool_patience, c_memory) b where b.waited),
      coalesce((select string_agg(b.spool::text, ',')
       from hadir.spools_behind(v.closes, p_now, v.spool_patience, c_memory) b where not b.waited), '');
  end loop;
end
$$;
comment on function api.nightly_due(timestamptz) is
  'p_now: the moment of the run. The local days that have closed and are not frozen, or whose derivation differs from their '
  'last version (not those of a closed month). blocked: why the day must still wait (a spool heard of within the government''s patience is not complete '
  'to the closing), else null; late_spools: spools no longer waited for, to be named. Ordered by government and day. '
  'Called by hadir_nightly.';
revoke all on function api.nightly_due(timestamptz) from public;
grant execute on function api.nightly_due(timestamptz) to hadir_nightly;

reset role;

-- By which rules and fences a day was derived, as an array of {kind, name, version}. A closed day keeps its plan when a circular gets
-- another revision: of the patterns that the version before had, those that it told; a reopened day's are new.
create or replace function hadir.rules_of(p_government bigint, p_day date) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with pattern as (
    select p.id, p.policies, p.hours, p.calendar, p.periods, p.orders from hadir.plan_pattern p
    where p.government = p_government and p.day = p_day
      and p.id in (select d.pattern from hadir.plan_day d where d.day = p_day)
  ),
  told as (
    select distinct a.pattern, r ->> 'name' as name, r ->> 'version' as version
    from (select v from hadir.attendance_version v where v.government = p_government and v.day = p_day order by v.version desc limit 1) l
    join hadir.attendance a on a.government = p_government and a.day = p_day and a.version = (l.v).version
    cross join jsonb_array_elements((l.v).rules) r
    where r ->> 'kind' = 'policy' and not hadir.reopened_after(l.v)
  ),
  used as (
    select 'policy' as kind, o.number as name, coalesce(t.version, o.dated || '.' || o.revision) as version
    from (select p.id, unnest(p.policies) as policy from pattern p) p
    join hadir.policy o on o.id = p.policy
    left join told t on t.pattern = p.id and t.name = o.number
    union
    select 'letter', l.number, l.dated::text
    from hadir.letter l join hadir.letter_order r on r.letter = l.id where r.id in (select p.orders from pattern p)
    union
    select 'working_hours', coalesce(nullif(w.basis, ''), 'hours') || ' #' || w.id, w.valid_from::text
    from hadir.working_hours w where w.id in (select unnest(p.hours) from pattern p)
    union
    select 'calendar', c.kind || ' ' || c.name, coalesce(nullif(c.basis, ''), c.day::text)
    from hadir.calendar_day c where c.id in (select unnest(p.calendar) from pattern p)
    union
    select 'period', c.kind || ' ' || c.name, c.dated::text
    from hadir.calendar_period c where c.id in (select unnest(p.periods) from pattern p)
    union
    select 'fence', f.code, max(l.fence_version)::text
    from hadir.judge(p_government, p_day, p_day) j
    join hadir.placement l on l.checkin = j.checkin and l.fence = j.fence
    join hadir.fence f on f.id = j.fence
    group by f.code
  )
  select coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'name', u.name, 'version', u.version)
                            order by u.kind collate "C", u.name collate "C", u.version collate "C"), '[]')
  from used u
$$;
comment on function hadir.rules_of(bigint, date) is
  'Policies, letters, working hours, calendar entries and periods of the day''s patterns, and the fence versions that its check-ins were placed '
  'by. Called by hadir.freeze.';
revoke all on function hadir.rules_of(bigint, date) from public;
grant execute on function hadir.rules_of(bigint, date) to hadir_writer;

create or replace function hadir.freeze(p_government bigint, p_day date, p_now timestamptz) returns int
language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  c_memory  constant interval := '40 days';
  v_closes  timestamptz;
  v_version int;
  v_old     bytea;
  v_digest  bytea;
  v_read_to jsonb;
begin
  perform pg_advisory_xact_lock(hashtextextended('hadir.freeze ' || p_government || ' ' || p_day, 0));
  v_closes := hadir.day_closes(p_government, p_day);
  if v_closes is null or v_closes > p_now then
    raise exception 'freeze: day % of government % has not closed', p_day, p_government
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  select v.version, v.digest into v_version, v_old
  from hadir.attendance_version v
  where v.government = p_government and v.day = p_day order by v.version desc limit 1;
  -- Before the facts are read: what comes between is in them, and does no harm.
  select coalesce(jsonb_object_agg(m.spool, m.last_seq), '{}') into v_read_to from hadir.ingest_mark m;
  perform hadir.attendance_stage(p_government, p_day);
  v_digest := hadir.attendance_digest();
  if v_old = v_digest then
    perform hadir.attendance_unstage();
    return v_version;
  end if;
  v_version := coalesce(v_version, 0) + 1;

  insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, recorded_to, late_spools, rules, digest,
                                        read_to, changes)
  select p_government, p_day, v_version, p_now, v_closes,
    (select r.recorded_to from hadir.recorded_to(p_now, g.spool_patience) r),
    array(select b.spool::text from hadir.spools_behind(v_closes, p_now, g.spool_patience, c_memory) b),
    hadir.rules_of(p_government, p_day), v_digest, v_read_to,
    case when v_version = 1 then '[]' else coalesce((
      select jsonb_agg(jsonb_build_object('person', c.person, 'session', c.session, 'causes', c.causes) order by c.person, c.session)
      from hadir.attendance_changes(p_government, p_day) c), '[]') end
  from hadir.government g where g.id = p_government;

  insert into hadir.attendance (government, day, version, person, unit, unit_code, unit_name, nip, name, category,
    expected_place, reason, pattern, excuse, sessions, work_minutes, evidence_missing, doubts)
  select p_government, p_day, v_version, d.person, d.unit, u.code, u.name, pe.nip, pe.name, pe.category,
    d.expected_place, d.reason, d.pattern, d.excuse, d.sessions, d.work_minutes, d.evidence_missing, d.doubts
  from hadir.attendance_rows() d
  join hadir.person pe on pe.id = d.person
  join hadir.unit u on u.id = d.unit;
  perform hadir.attendance_unstage();
  return v_version;
end
$$;
comment on function hadir.freeze(bigint, date, timestamptz) is 'api.nightly_freeze''s work; called by api.month_close, too.';
revoke all on function hadir.freeze(bigint, date, timestamptz) from public;
grant execute on function hadir.freeze(bigint, date, timestamptz) to hadir_writer;

set role hadir_writer;

create or replace function api.nightly_freeze(p_government bigint, p_day date, p_now timestamptz) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_version int;
begin
  -- Not while its month is being closed, nor another version once it is: the month names the versions it has.
  perform pg_advisory_xact_lock_shared(hashtextextended(
    'hadir.month ' || p_government || ' ' || date_trunc('month', p_day::timestamp)::date, 0));
  if hadir.month_is_closed(p_government, p_day) then
    select max(v.version) into v_version from hadir.attendance_version v where v.government = p_government and v.day = p_day;
  end if;
  return coalesce(v_version, hadir.freeze(p_government, p_day, p_now));
end
$$;
comment on function api.nightly_freeze(bigint, date, timestamptz) is
  'Freezes the attendance of a closed day as the next version, if it differs from the last; returns the version that holds '
  'it now. Refuses a day that has not closed at p_now; spools that were not waited for are kept with the version. '
  'Called by hadir_nightly.';
revoke all on function api.nightly_freeze(bigint, date, timestamptz) from public;
grant execute on function api.nightly_freeze(bigint, date, timestamptz) to hadir_nightly;

reset role;
