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

-- Derives a day once, into pg_temp.derived, for what reads it several times. attendance_unstage drops it.
create or replace function hadir.attendance_stage(p_government bigint, p_day date) returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  create temporary table derived as select d.* from hadir.derive(p_government, p_day, p_day) d;
  create index on pg_temp.derived (person);
  analyze pg_temp.derived;
end
$$;
create or replace function hadir.attendance_unstage() returns void
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  drop table pg_temp.derived;
end
$$;

-- What makes two derivations of a day the same: everything but names and labels and ids that a renewed plan gives anew.
create or replace function hadir.attendance_digest() returns bytea
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select sha256(convert_to(coalesce(string_agg(
      concat_ws('|', d.person, d.unit, coalesce(d.expected_place, '-'), coalesce(d.plan_reason, '-'),
        coalesce(d.session_code, '-'), coalesce(d.verdict, 'missing'), coalesce(d.checkin::text, '-'),
        coalesce(extract(epoch from d.decided_at)::text, '-'), coalesce(d.late_minutes, 0), coalesce(d.early_minutes, 0),
        coalesce(d.place, '-'), coalesce(d.fence, 0), coalesce(d.relation, '-'), array_to_string(d.flags, ','), d.others),
      e'\n' order by d.person, d.position nulls last), ''), 'UTF8'))
    from pg_temp.derived d);
end
$$;
comment on function hadir.attendance_digest() is
  'SHA-256 over the attendance in pg_temp.derived, without names. Called by nightly and closing.';

-- The staged day as hadir.attendance keeps it, a row per person.
create or replace function hadir.attendance_rows()
returns table (person bigint, unit bigint, expected_place text, reason text, pattern bigint, excuse text, sessions jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select x.person, min(x.unit), min(x.expected_place), min(x.plan_reason), min(x.pattern), min(p.excuse),
    jsonb_agg(jsonb_build_object('session', x.session, 'code', x.session_code, 'label', x.session_label,
      'counts_as', x.counts_as, 'state', coalesce(x.verdict, 'missing'),
      'reason', case when x.verdict = 'outside_window'
                       then 'outside_window' || case when x.others > 0 then '+' || x.others else '' end
                     when x.session is null then x.plan_reason end,
      'checkin', x.checkin, 'decided_at', x.decided_at, 'late_minutes', x.late_minutes,
      'early_minutes', x.early_minutes, 'place', x.place, 'fence', x.fence, 'fence_name', fe.name,
      'relation', x.relation, 'flags', to_jsonb(x.flags)) order by x.position nulls last)
  from pg_temp.derived x
  join hadir.plan_pattern p on p.id = x.pattern
  left join hadir.fence fe on fe.id = x.fence
  group by x.person;
end
$$;

-- How the staged day differs from its newest version, session by session, and why: a check-in that came since, another
-- letter, an absence, a correction, an outage, a posting, other rules (a day reopened), else another fence or placement.
create or replace function hadir.attendance_changes(p_government bigint, p_day date)
returns table (person bigint, session text, before jsonb, after jsonb, causes text[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with last as (
    select v.version, v.frozen_at from hadir.attendance_version v
    where v.government = p_government and v.day = p_day order by v.version desc limit 1
  ),
  old as (
    select a.person, a.unit, a.pattern, s.value as s, a.expected_place as place, a.reason
    from last l
    join hadir.attendance a on a.government = p_government and a.day = p_day and a.version = l.version
    cross join lateral jsonb_array_elements(a.sessions) s
  ),
  new as (
    select r.person, r.unit, r.pattern, s.value as s, r.expected_place as place, r.reason
    from hadir.attendance_rows() r cross join lateral jsonb_array_elements(r.sessions) s
  ),
  pair as (
    select coalesce(n.person, o.person) as person, coalesce(n.s ->> 'code', o.s ->> 'code') as session,
           o.s - '{session,label,fence_name}'::text[] || jsonb_build_object('expected_place', o.place, 'unit', o.unit, 'reason', coalesce(o.s ->> 'reason', o.reason)) as before,
           n.s - '{session,label,fence_name}'::text[] || jsonb_build_object('expected_place', n.place, 'unit', n.unit, 'reason', coalesce(n.s ->> 'reason', n.reason)) as after
    from old o full join new n on n.person = o.person and coalesce(n.s ->> 'code', '') = coalesce(o.s ->> 'code', '')
  ),
  -- The plan of each person then and now.
  turn as (
    select coalesce(n.person, o.person) as person,
      case when o.unit <> n.unit or o.person is null or n.person is null then 'posting' end as posting,
      case when b.orders is distinct from a.orders then
        'letter ' || coalesce((select l.number from hadir.letter_order r join hadir.letter l on l.id = r.letter
                               where r.id = coalesce(b.orders, a.orders)), '') end as letter,
      case when b.excuse is distinct from a.excuse then 'absence ' || coalesce(b.excuse, a.excuse) end as absence,
      a.id is distinct from b.id as replanned
    from (select distinct person, unit, pattern from old) o
    full join (select distinct person, unit, pattern from new) n on n.person = o.person
    left join hadir.plan_pattern a on a.id = o.pattern
    left join hadir.plan_pattern b on b.id = n.pattern
  )
  select c.person, c.session, c.before, c.after,
    coalesce(nullif(array_remove(array[
      case when (c.after ->> 'checkin') is distinct from (c.before ->> 'checkin') and c.after ->> 'checkin' is not null then 'checkin' end,
      t.letter, t.absence,
      case when c.after -> 'flags' ? 'corrected' and not coalesce(c.before -> 'flags' ? 'corrected', false) then 'correction' end,
      case when c.after -> 'flags' ? 'outage' and not coalesce(c.before -> 'flags' ? 'outage', false) then 'outage' end,
      t.posting,
      case when t.replanned and coalesce(t.letter, t.absence, t.posting) is null then 'rules' end], null), '{}'), '{placement}')
  from pair c
  join turn t on t.person = c.person
  where c.before is distinct from c.after;
end
$$;
comment on function hadir.attendance_changes(bigint, date) is
  'What pg_temp.derived changes of the day''s newest version. person, session: code or null; before, after: the session as '
  'kept (null: was or is not there); causes: checkin, letter NUMBER, absence CODE, correction, outage, posting, rules, '
  'placement. Called by nightly and closing.';

-- Is the day's month closed? Then only the next closing of the month makes versions.
create or replace function hadir.month_is_closed(p_government bigint, p_day date) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from hadir.month_version m where m.government = p_government and m.month = date_trunc('month', p_day::timestamp)::date)
$$;

revoke all on function hadir.attendance_stage(bigint, date), hadir.attendance_unstage(), hadir.attendance_digest(),
  hadir.attendance_rows(), hadir.attendance_changes(bigint, date), hadir.month_is_closed(bigint, date) from public;
grant execute on function hadir.attendance_stage(bigint, date), hadir.attendance_unstage(), hadir.attendance_digest(),
  hadir.attendance_rows(), hadir.attendance_changes(bigint, date), hadir.month_is_closed(bigint, date) to hadir_reader, hadir_writer;

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
      (select 'waiting for spool ' || string_agg(b.spool::text || ' (complete to '
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

-- By which rules and fences a day was derived, as an array of {kind, name, version}.
create or replace function hadir.rules_of(p_government bigint, p_day date) returns jsonb
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with pattern as (
    select p.policies, p.hours, p.calendar, p.orders from hadir.plan_pattern p
    where p.government = p_government and p.day = p_day
      and p.id in (select d.pattern from hadir.plan_day d where d.day = p_day)
  ),
  used as (
    select 'policy' as kind, o.number as name, o.dated || '.' || o.revision as version
    from hadir.policy o where o.id in (select unnest(p.policies) from pattern p)
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
    select 'fence', f.code, max(l.fence_version)::text
    from hadir.judge(p_government, p_day, p_day) j
    join hadir.placement l on l.checkin = j.checkin and l.fence = j.fence
    join hadir.fence f on f.id = j.fence
    group by f.code
  )
  select coalesce(jsonb_agg(jsonb_build_object('kind', u.kind, 'name', u.name, 'version', u.version)
                            order by u.kind collate "C", u.name collate "C"), '[]')
  from used u
$$;
comment on function hadir.rules_of(bigint, date) is
  'Policies, working hours, calendar entries of the day''s patterns, and the fence versions that its check-ins were placed '
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
  perform hadir.attendance_stage(p_government, p_day);
  v_digest := hadir.attendance_digest();
  if v_old = v_digest then
    perform hadir.attendance_unstage();
    return v_version;
  end if;
  v_version := coalesce(v_version, 0) + 1;

  insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, recorded_to, late_spools, rules, digest,
                                        changes)
  select p_government, p_day, v_version, p_now, v_closes,
    (select r.recorded_to from hadir.recorded_to(p_now, g.spool_patience) r),
    array(select b.spool::text from hadir.spools_behind(v_closes, p_now, g.spool_patience, c_memory) b),
    hadir.rules_of(p_government, p_day), v_digest,
    case when v_version = 1 then '[]' else coalesce((
      select jsonb_agg(jsonb_build_object('person', c.person, 'session', c.session, 'causes', c.causes) order by c.person, c.session)
      from hadir.attendance_changes(p_government, p_day) c), '[]') end
  from hadir.government g where g.id = p_government;

  insert into hadir.attendance (government, day, version, person, unit, unit_code, unit_name, nip, name, category,
    expected_place, reason, pattern, excuse, sessions)
  select p_government, p_day, v_version, d.person, d.unit, u.code, u.name, pe.nip, pe.name, pe.category,
    d.expected_place, d.reason, d.pattern, d.excuse, d.sessions
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
