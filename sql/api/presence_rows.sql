-- A supervisor's question and one's own. Row security by hadir.actor decides what these functions find: they run as
-- hadir_reader, and the policies look at who logged in. Nothing here reads the clock: p_now is given. What a question asks
-- is plpgsql, which keeps its plans for the session.

-- How far the database is right. A spool that nobody heard of for the government's patience is not waited for; one at
-- 'infinity' is drained for good.
create or replace function hadir.recorded_to(p_now timestamptz, p_patience interval)
returns table (recorded_to timestamptz, behind boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  -- least() passes over null: no spool at all must not become "complete to now".
  return query
  select case when r.at is not null then least(r.at, p_now) end, coalesce(p_now - r.at > interval '1 second', true)
  from (
    select coalesce(min(m.complete_to) filter (where m.complete_to > p_now - p_patience), max(m.complete_to)) as at
    from hadir.ingest_mark m
    where isfinite(m.complete_to)
  ) r;
end
$$;
comment on function hadir.recorded_to(timestamptz, interval) is
  'p_now: the moment asked; p_patience: after which silence a spool is not waited for. Returns up to when everything that '
  'arrived is in the database (null: no spool was ever heard), and whether that is more than a second ago. Called by api '
  'functions.';
revoke all on function hadir.recorded_to(timestamptz, interval) from public;
grant execute on function hadir.recorded_to(timestamptz, interval) to hadir_reader, hadir_writer;

-- What a derived row means to somebody who asks at p_now.
create or replace function hadir.presence_state(p_verdict text, p_session bigint, p_on_time_until timestamptz,
                                                p_now timestamptz, p_behind boolean) returns text
language sql immutable
return case when p_verdict is not null then p_verdict
            when p_session is null then 'not_yet_known'
            when p_now < p_on_time_until then 'not_yet_due'
            when p_behind then 'not_yet_known'
            else 'missing' end;
comment on function hadir.presence_state(text, bigint, timestamptz, timestamptz, boolean) is
  'Verdict of the check-in that counts, else: not_yet_due before p_on_time_until, then not_yet_known while the database is '
  'behind, then missing. Without a plan: not_yet_known. Called by api functions.';
revoke all on function hadir.presence_state(text, bigint, timestamptz, timestamptz, boolean) from public;
grant execute on function hadir.presence_state(text, bigint, timestamptz, timestamptz, boolean) to hadir_reader, hadir_writer;

-- The rows that all questions share.
drop function if exists hadir.presence_of(bigint, bigint[], date, date, timestamptz);
create function hadir.presence_of(p_government bigint, p_persons bigint[], p_from date, p_to date, p_now timestamptz)
returns table (nip text, name text, unit_code text, unit_name text, category text, expected_place text, session_code text,
  session_label text, state text, reason text, checkin_id uuid, decided_at text, late_minutes int, early_minutes int,
  place text, fence text, relation text, flags text, doubts text, day date, "position" int, accept_from timestamptz, due timestamptz,
  accept_until timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_zone     text;
  v_patience interval;
  v_behind   boolean;
  v_began    date;       -- of the service; today at the latest
begin
  select g.zone, g.spool_patience into v_zone, v_patience from hadir.government g where g.id = p_government;
  select r.behind into v_behind from hadir.recorded_to(p_now, v_patience) r;
  -- Asked about days that are over only: today's question is short.
  if p_from < (p_now at time zone v_zone)::date then
    v_began := coalesce(hadir.service_began(p_government), (p_now at time zone v_zone)::date);
  end if;
  return query
  with derived as materialized (
    select * from hadir.derive_some(p_government, p_from, p_to, p_persons, null)
  ),
  -- Few fences, few doubts: looked up once each.
  named as materialized (
    select f.id, f.name from hadir.fence f where f.id = any (array(select distinct d.fence from derived d))
  ),
  doubted as materialized (
    select b.checkin, string_agg(b.kind, ',' order by b.kind) as kinds
    from hadir.doubt b where b.checkin = any (array(select d.checkin from derived d)) group by b.checkin
  )
  select pe.nip, pe.name, u.code, u.name, pe.category, d.expected_place, d.session_code, d.session_label,
    case when a.day::date < v_began then 'not_expected'
         when d.verdict = 'not_expected' and d.excuse is not null then 'excused'
         else hadir.presence_state(d.verdict, d.session, d.on_time_until, p_now, v_behind) end,
    case when a.day::date < v_began then 'no_service'
         when d.person is null then 'no_plan'
         when d.verdict = 'outside_window' then 'outside_window' || case when d.others > 0 then '+' || d.others else '' end
         when d.verdict in ('excused', 'not_expected') and d.excuse is not null
           then concat_ws(' ', d.excuse, case when d.session is null then d.plan_reason else ac.name end)
         when d.session is null then d.plan_reason end,
    d.checkin, hadir.rfc3339(d.decided_at, v_zone), d.late_minutes, d.early_minutes, d.place,
    n.name, d.relation, array_to_string(d.flags, ','), b.kinds, a.day::date, d.position, d.accept_from, d.due, d.accept_until
  from unnest(p_persons) as x(person)
  cross join generate_series(p_from, p_to, interval '1 day') as a(day)
  join hadir.person pe on pe.id = x.person
  left join derived d on d.person = x.person and d.day = a.day::date
  -- Whose plan is not compiled yet is looked up.
  join hadir.unit u on u.id = coalesce(d.unit, (
    select po.unit from hadir.posting po
    where po.person = x.person and po.kind = 'main' and po.valid_from <= a.day::date
      and (po.valid_to is null or po.valid_to >= a.day::date)))
  left join named n on n.id = d.fence
  left join doubted b on b.checkin = d.checkin
  left join hadir.absence_code ac on ac.government = p_government and ac.code = d.excuse;
end
$$;
comment on function hadir.presence_of(bigint, bigint[], date, date, timestamptz) is
  'Presence of p_persons on the local days p_from … p_to as known at p_now; one row per person, day and session. State '
  'excused: an absence covers the session or the day, reason: its code and name; not_expected with reason no_service: the day lies '
  'before the first that the government used the service. doubts: kinds found so far about the check-in that counts. Row '
  'security of the caller decides who is seen. Called by api.presence, api.me, api.my_attendance.';
revoke all on function hadir.presence_of(bigint, bigint[], date, date, timestamptz) from public;
grant execute on function hadir.presence_of(bigint, bigint[], date, date, timestamptz) to hadir_reader;

-- The unit by its code, if the actor may ask about it.
create or replace function hadir.asked_unit(p_unit text)
returns table (unit bigint, code text, name text, government bigint, government_code text, zone text, patience interval)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
begin
  return query
  select u.id, u.code, u.name, g.id, g.code, g.zone, g.spool_patience
  from hadir.unit u
  join hadir.government g on g.id = u.government
  where u.code = p_unit and u.id = any ((select hadir.visible_units())::bigint[]);
end
$$;
comment on function hadir.asked_unit(text) is
  'The unit with code p_unit when it lies in the actor''s subtree, else no row: unknown and invisible are the same. Called by '
  'api.presence_head and api.presence.';
revoke all on function hadir.asked_unit(text) from public;
grant execute on function hadir.asked_unit(text) to hadir_reader;

set role hadir_reader;

create or replace function api.presence_head(p_unit text, p_day date, p_now timestamptz)
returns table (unit_code text, unit_name text, government text, zone text, day date, recorded_to timestamptz, behind boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select u.code, u.name, u.government_code, u.zone, coalesce(p_day, (p_now at time zone u.zone)::date),
    r.recorded_to, r.behind
  from hadir.asked_unit(p_unit) u
  cross join lateral hadir.recorded_to(p_now, u.patience) r
  where not hadir.actor_rests(p_now)
$$;
comment on function api.presence_head(text, date, timestamptz) is
  'p_unit: unit code; p_day: null = the local today; p_now: the moment of asking. One row about the answer: unit, '
  'government, zone, day, how far the database is right; no row when the unit is unknown or not the actor''s. Called by '
  'hadir_query with hadir.actor set.';
revoke all on function api.presence_head(text, date, timestamptz) from public;
grant execute on function api.presence_head(text, date, timestamptz) to hadir_query;

drop function if exists api.presence(text, date, timestamptz);
create function api.presence(p_unit text, p_day date, p_now timestamptz)
returns table (nip text, name text, unit_code text, unit_name text, category text, expected_place text, session_code text,
  session_label text, state text, reason text, checkin_id uuid, decided_at text, late_minutes int, early_minutes int,
  place text, fence text, relation text, flags text, doubts text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_unit       bigint;
  v_government bigint;
  v_day        date;
  v_persons    bigint[];
begin
  select u.unit, u.government, coalesce(p_day, (p_now at time zone u.zone)::date) into v_unit, v_government, v_day
  from hadir.asked_unit(p_unit) u
  where not hadir.actor_rests(p_now);
  if v_unit is null then
    return;
  end if;
  select array_agg(po.person) into v_persons
  from hadir.unit_closure c
  join hadir.posting po on po.unit = c.descendant
  where c.ancestor = v_unit and po.kind = 'main' and po.valid_from <= v_day
    and (po.valid_to is null or po.valid_to >= v_day);
  return query
  select r.nip, r.name, r.unit_code, r.unit_name, r.category, r.expected_place, r.session_code, r.session_label, r.state,
    r.reason, r.checkin_id, r.decided_at, r.late_minutes, r.early_minutes, r.place, r.fence, r.relation, r.flags, r.doubts
  from hadir.presence_of(v_government, v_persons, v_day, v_day, p_now) r
  order by r.unit_code collate "C", r.name collate "C", r.nip, r.position nulls last;
end
$$;
comment on function api.presence(text, date, timestamptz) is
  'p_unit: unit code; p_day: null = the local today; p_now: the moment of asking. One row per person of the unit''s subtree '
  'and session (null: none that day, or check-ins outside every window), ordered by unit and name. No row when the unit is '
  'unknown or not the actor''s. Called by hadir_query with hadir.actor set.';
revoke all on function api.presence(text, date, timestamptz) from public;
grant execute on function api.presence(text, date, timestamptz) to hadir_query;

drop function if exists api.me(timestamptz);
create function api.me(p_now timestamptz)
returns table (nip text, name text, unit_code text, unit_name text, category text, expected_place text, session_code text,
  session_label text, state text, reason text, checkin_id uuid, decided_at text, late_minutes int, early_minutes int,
  place text, fence text, relation text, flags text, doubts text, day date, accept_from text, due text, accept_until text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.nip, r.name, r.unit_code, r.unit_name, r.category, r.expected_place, r.session_code, r.session_label, r.state,
    r.reason, r.checkin_id, r.decided_at, r.late_minutes, r.early_minutes, r.place, r.fence, r.relation, r.flags, r.doubts, r.day,
    hadir.rfc3339(r.accept_from, g.zone), hadir.rfc3339(r.due, g.zone), hadir.rfc3339(r.accept_until, g.zone)
  from hadir.person pe
  join hadir.government g on g.id = pe.government
  cross join lateral hadir.presence_of(g.id, array[pe.id], (p_now at time zone g.zone)::date,
                                       (p_now at time zone g.zone)::date, p_now) r
  where pe.id = (select hadir.actor_person())
  order by r.position nulls last
$$;
comment on function api.me(timestamptz) is
  'The actor''s own plan and presence of the local today, as api.presence has it; and when a check-in for the session is taken '
  '(accept_from … accept_until) and due. Called by hadir_query with hadir.actor set.';
revoke all on function api.me(timestamptz) from public;
grant execute on function api.me(timestamptz) to hadir_query;

drop function if exists api.my_attendance(date, timestamptz);
create function api.my_attendance(p_month date, p_now timestamptz)
returns table (nip text, name text, unit_code text, unit_name text, category text, expected_place text, session_code text,
  session_label text, state text, reason text, checkin_id uuid, decided_at text, late_minutes int, early_minutes int,
  place text, fence text, relation text, flags text, doubts text, day date)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.nip, r.name, r.unit_code, r.unit_name, r.category, r.expected_place, r.session_code, r.session_label, r.state,
    r.reason, r.checkin_id, r.decided_at, r.late_minutes, r.early_minutes, r.place, r.fence, r.relation, r.flags, r.doubts, r.day
  from hadir.person pe
  join hadir.government g on g.id = pe.government
  cross join lateral (
    select date_trunc('month', p_month::timestamp)::date as first,
      least((date_trunc('month', p_month::timestamp) + interval '1 month')::date - 1, (p_now at time zone g.zone)::date) as last
  ) m
  cross join lateral hadir.presence_of(g.id, array[pe.id], m.first, m.last, p_now) r
  where pe.id = (select hadir.actor_person()) and m.first <= m.last
  order by r.day, r.position nulls last
$$;
comment on function api.my_attendance(date, timestamptz) is
  'The actor''s own attendance of the month that holds p_month, up to the local today; columns of api.presence and day. '
  'Called by hadir_query with hadir.actor set.';
revoke all on function api.my_attendance(date, timestamptz) from public;
grant execute on function api.my_attendance(date, timestamptz) to hadir_query;

create or replace function api.checkin_status(p_id uuid)
returns table (id uuid, state text, received_at text, verdict text, late_minutes int, early_minutes int, place text,
  fence text, relation text, flags text, day date, session_code text, session_label text, decided_at text,
  decided_by text, reason text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_id uuid;
begin
  -- By the check-in's id, by a later acknowledgement's, by the native client's own.
  select c.id into v_id from hadir.checkin c where c.id = p_id;
  if v_id is null then
    select a.checkin into v_id from hadir.checkin_ack a where a.id = p_id;
  end if;
  if v_id is null then
    select k.checkin into v_id from hadir.checkin_key k
    where k.device = (select hadir.actor_id('device')) and k.key = uuid_send(p_id)
    order by k.claimed_at limit 1;
  end if;
  return query
  select c.id, 'recorded', hadir.rfc3339(c.received_at, g.zone),
    case when c.status = 'recorded' then coalesce(j.verdict, 'pending') end, j.late_minutes, j.early_minutes, j.place,
    fe.name, j.relation, array_to_string(coalesce(j.flags, c.flags), ','), j.day, j.session_code, j.session_label,
    hadir.rfc3339(coalesce(j.decided_at, c.decided_at), g.zone), coalesce(j.decided_by, c.decided_by), c.reason
  from hadir.checkin c
  join hadir.government g on g.id = c.government
  left join lateral hadir.judge(c.government,
      (least(c.fix_at, c.message_at, c.received_at) at time zone g.zone)::date - 2,
      (c.received_at at time zone g.zone)::date + 1, array[c.person]) j on j.checkin = c.id
  left join hadir.fence fe on fe.id = j.fence
  where c.id = v_id and c.person = (select hadir.actor_person());
end
$$;
comment on function api.checkin_status(uuid) is
  'p_id: a check-in''s id, or the native client''s own. One row when it is the actor''s own and in the database, with its '
  'verdict by the plan of now; else none. Called by hadir_query with hadir.actor set.';
revoke all on function api.checkin_status(uuid) from public;
grant execute on function api.checkin_status(uuid) to hadir_query;

reset role;
