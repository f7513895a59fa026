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

-- What makes two derivations of a day the same: everything but names and labels and ids that a renewed plan gives anew.
create or replace function hadir.attendance_digest(p_government bigint, p_day date) returns bytea
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select sha256(convert_to(coalesce(string_agg(
    concat_ws('|', d.person, d.unit, coalesce(d.expected_place, '-'), coalesce(d.plan_reason, '-'),
      coalesce(d.session_code, '-'), coalesce(d.verdict, 'missing'), coalesce(d.checkin::text, '-'),
      coalesce(extract(epoch from d.decided_at)::text, '-'), coalesce(d.late_minutes, 0), coalesce(d.early_minutes, 0),
      coalesce(d.place, '-'), coalesce(d.fence, 0), coalesce(d.relation, '-'), array_to_string(d.flags, ','), d.others),
    e'\n' order by d.person, d.position nulls last), ''), 'UTF8'))
  from hadir.derive(p_government, p_day, p_day) d
$$;
comment on function hadir.attendance_digest(bigint, date) is
  'SHA-256 over the derived attendance of a government''s day, without names. Called by nightly.';
revoke all on function hadir.attendance_digest(bigint, date) from public;
grant execute on function hadir.attendance_digest(bigint, date) to hadir_reader, hadir_writer;

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
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  -- How far back later facts and later plans are looked for.
  c_memory constant interval := '40 days';
begin
  return query
  select g.id, g.code, g.zone, c.day,
    (select 'waiting for spool ' || string_agg(b.spool::text || ' (complete to '
       || to_char(b.complete_to at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ')', ', ')
     from hadir.spools_behind(c.closes, p_now, g.spool_patience, c_memory) b where b.waited),
    coalesce((select string_agg(b.spool::text, ',')
     from hadir.spools_behind(c.closes, p_now, g.spool_patience, c_memory) b where not b.waited), '')
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
  where c.closes <= p_now
    and case when last.digest is null then true else last.digest <> hadir.attendance_digest(g.id, c.day) end
  order by g.code collate "C", c.day;
end
$$;
comment on function api.nightly_due(timestamptz) is
  'p_now: the moment of the run. The local days that have closed and are not frozen, or whose derivation differs from their '
  'last version. blocked: why the day must still wait (a spool heard of within the government''s patience is not complete '
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
    select p.policy, p.hours, p.calendar from hadir.plan_pattern p
    where p.government = p_government and p.day = p_day
      and p.id in (select d.pattern from hadir.plan_day d where d.day = p_day)
  ),
  used as (
    select 'policy' as kind, o.number as name, o.dated::text as version
    from hadir.policy o where o.id in (select p.policy from pattern p)
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
  'by. Called by api.nightly_freeze.';
revoke all on function hadir.rules_of(bigint, date) from public;
grant execute on function hadir.rules_of(bigint, date) to hadir_writer;

set role hadir_writer;

create or replace function api.nightly_freeze(p_government bigint, p_day date, p_now timestamptz) returns int
language plpgsql security definer set search_path = pg_catalog, pg_temp
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
    raise exception 'nightly_freeze: day % of government % has not closed', p_day, p_government
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  select v.version, v.digest into v_version, v_old
  from hadir.attendance_version v
  where v.government = p_government and v.day = p_day order by v.version desc limit 1;
  v_digest := hadir.attendance_digest(p_government, p_day);
  if v_old = v_digest then
    return v_version;
  end if;
  v_version := coalesce(v_version, 0) + 1;

  insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, recorded_to, late_spools, rules, digest)
  select p_government, p_day, v_version, p_now, v_closes,
    (select r.recorded_to from hadir.recorded_to(p_now, g.spool_patience) r),
    array(select b.spool::text from hadir.spools_behind(v_closes, p_now, g.spool_patience, c_memory) b),
    hadir.rules_of(p_government, p_day), v_digest
  from hadir.government g where g.id = p_government;

  insert into hadir.attendance (government, day, version, person, unit, unit_code, unit_name, nip, name, category,
    expected_place, reason, pattern, sessions)
  select p_government, p_day, v_version, d.person, d.unit, u.code, u.name, pe.nip, pe.name, pe.category,
    d.expected_place, d.plan_reason, d.pattern, d.sessions
  from (
    select x.person, min(x.unit) as unit, min(x.expected_place) as expected_place, min(x.plan_reason) as plan_reason,
      min(x.pattern) as pattern,
      jsonb_agg(jsonb_build_object('session', x.session, 'code', x.session_code, 'label', x.session_label,
        'counts_as', x.counts_as, 'state', coalesce(x.verdict, 'missing'),
        'reason', case when x.verdict = 'outside_window'
                         then 'outside_window' || case when x.others > 0 then '+' || x.others else '' end
                       when x.session is null then x.plan_reason end,
        'checkin', x.checkin, 'decided_at', x.decided_at, 'late_minutes', x.late_minutes,
        'early_minutes', x.early_minutes, 'place', x.place, 'fence', x.fence, 'fence_name', fe.name,
        'relation', x.relation, 'flags', to_jsonb(x.flags)) order by x.position nulls last) as sessions
    from hadir.derive(p_government, p_day, p_day) x
    left join hadir.fence fe on fe.id = x.fence
    group by x.person
  ) d
  join hadir.person pe on pe.id = d.person
  join hadir.unit u on u.id = d.unit;
  return v_version;
end
$$;
comment on function api.nightly_freeze(bigint, date, timestamptz) is
  'Freezes the attendance of a closed day as the next version, if it differs from the last; returns the version that holds '
  'it now. Refuses a day that has not closed at p_now; spools that were not waited for are kept with the version. '
  'Called by hadir_nightly.';
revoke all on function api.nightly_freeze(bigint, date, timestamptz) from public;
grant execute on function api.nightly_freeze(bigint, date, timestamptz) to hadir_nightly;

reset role;
