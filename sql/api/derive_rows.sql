-- plan × facts = attendance. Derivation reads the compiled plan (plan_day, plan_pattern, plan_session) and the facts
-- (checkin, placement) and nothing else: no clock, no order of arrival, no coordinates, so that any day can be derived
-- again at any time with the same result, after erasure too. The door's own verdict is not read; of what the door
-- chose, only its fence breaks ties between fences that are otherwise equal.

-- The time that judges a check-in, from its three times.
create or replace function hadir.deciding_time(p_channel text, p_decides text[], p_fix_at timestamptz,
  p_message_at timestamptz, p_sent_at timestamptz, p_received_at timestamptz)
returns table (at timestamptz, source text, flags text[])
language sql immutable
begin atomic
  select
    case j.judge when 'corrected' then p_fix_at + (p_received_at - p_sent_at)
                 when 'fix' then p_fix_at when 'message' then p_message_at else p_received_at end,
    case j.judge when 'corrected' then 'fix' when 'fix' then 'fix' when 'message' then 'message' else 'arrival' end,
    array_remove(array[
      case when w.wanted = 'fix' and p_channel in ('owntracks', 'osmand') and j.judge = 'fix' then 'device_clock' end,
      case when p_received_at - case j.judge when 'corrected' then p_fix_at + (p_received_at - p_sent_at)
             when 'fix' then p_fix_at when 'message' then p_message_at else p_received_at end > interval '5 minutes'
           then 'late_delivery' end,
      case when w.wanted = 'fix' and p_channel = 'native' and j.judge <> 'corrected' then 'stale_fix' end,
      case when j.ahead then 'future_fix' end], null)
  from (select coalesce(p_decides[array_position(array['native', 'owntracks', 'osmand', 'whatsapp'], p_channel)],
                        'arrival') as wanted) w
  cross join lateral (
    select case
        when w.wanted = 'fix' and p_channel = 'native' then
          case when p_sent_at - p_fix_at >= interval '0' and p_sent_at - p_fix_at <= interval '24 hours'
               then 'corrected' else 'arrival' end
        when w.wanted = 'fix' and p_fix_at - p_received_at <= interval '60 seconds' then 'fix'
        when w.wanted = 'message' and p_message_at - p_received_at <= interval '60 seconds' then 'message'
        else 'arrival' end as judge,
      coalesce(coalesce(p_fix_at, p_message_at) - p_received_at > interval '60 seconds', false) as ahead
  ) j;
end;
comment on function hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz) is
  'p_channel; p_decides: of the pattern of the arrival''s local day, null = arrival decides; the three claimed times and '
  'the arrival. Returns the time that judges, which of the three it is (fix message arrival), and the flags that follow. '
  'The same arithmetic as directory_judge. Called by hadir.derive.';
revoke all on function hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz) from public;
grant execute on function hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz)
  to hadir_reader, hadir_writer;

-- Verdict and minutes of a check-in within its session.
create or replace function hadir.session_verdict(p_counts_as text, p_at timestamptz, p_due timestamptz,
  p_on_time_from timestamptz, p_on_time_until timestamptz)
returns table (verdict text, late_minutes int, early_minutes int)
language sql immutable
begin atomic
  select case when p_counts_as = 'in' and p_at >= p_on_time_until then 'late'
              when p_counts_as = 'out' and p_at < p_on_time_from then 'early'
              else 'on_time' end,
         case when p_counts_as = 'in' and p_at >= p_on_time_until
              then greatest(0, floor(extract(epoch from p_at - p_due) / 60))::int else 0 end,
         case when p_counts_as = 'out' and p_at < p_on_time_from
              then greatest(0, ceil(extract(epoch from p_due - p_at) / 60))::int else 0 end;
end;
comment on function hadir.session_verdict(text, timestamptz, timestamptz, timestamptz, timestamptz) is
  'A check-in at p_at inside the acceptance interval of a session. in: late from on_time_until, whole minutes since due; '
  'out: early before on_time_from, started minutes to due; presence: on time. Called by hadir.derive.';
revoke all on function hadir.session_verdict(text, timestamptz, timestamptz, timestamptz, timestamptz) from public;
grant execute on function hadir.session_verdict(text, timestamptz, timestamptz, timestamptz, timestamptz)
  to hadir_reader, hadir_writer;

-- What of the plan and of the facts a derivation reads. Each of the three asks for everybody or for some in two
-- statements, because one with "null or" could not use the index of either; so all plans can be kept for the session,
-- and a supervisor's question is not planned anew each time.

-- From when to when the days reach: the outermost of their patterns and sessions.
create or replace function hadir.days_reach(p_government bigint, p_days date[], p_persons bigint[])
returns table (first timestamptz, last timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_patterns bigint[];
begin
  if p_persons is null then
    v_patterns := array(select p.id from hadir.plan_pattern p where p.government = p_government and p.day = any (p_days)
                        and exists (select from hadir.plan_day d where d.day = p.day and d.pattern = p.id));
  else
    v_patterns := array(select distinct d.pattern from hadir.plan_day d
                        where d.day = any (p_days) and d.person = any (p_persons));
  end if;
  return query
  select least(min(p.starts_at), min(s.accept_from)), greatest(max(p.ends_at), max(s.accept_until))
  from hadir.plan_pattern p left join hadir.plan_session s on s.pattern = p.id
  where p.id = any (v_patterns) and p.government = p_government;
end
$$;
comment on function hadir.days_reach(bigint, date[], bigint[]) is
  'The earliest and the latest instant of p_government''s local days p_days as planned for p_persons (null: everybody). '
  'Called by hadir.judge.';
revoke all on function hadir.days_reach(bigint, date[], bigint[]) from public;
grant execute on function hadir.days_reach(bigint, date[], bigint[]) to hadir_reader, hadir_writer;

-- Check-ins that may belong to the time from p_first to p_last.
create or replace function hadir.arrivals(p_government bigint, p_persons bigint[], p_first timestamptz, p_last timestamptz,
                                          p_as_of timestamptz)
returns table (id uuid, person bigint, channel text, fix_at timestamptz, message_at timestamptz, sent_at timestamptz,
  received_at timestamptz, flags text[], session_claimed text, first_fence bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  -- The judging time is never later than a minute after arrival, and
  -- seldom earlier than a day before it (those few: index checkin_delivered_late).
  v_from constant timestamptz := p_first - interval '1 minute';
  v_to   constant timestamptz := p_last + interval '24 hours';
  v_seen constant timestamptz := coalesce(p_as_of, 'infinity');
begin
  if p_persons is null then
    return query
    select k.id, k.person, k.channel, k.fix_at, k.message_at, k.sent_at, k.received_at, k.flags, k.session_claimed, k.first_fence
    from hadir.checkin k
    where k.government = p_government and k.status = 'recorded' and k.received_at <= v_seen
      and k.received_at >= v_from and k.received_at < v_to;
  else
    return query
    select k.id, k.person, k.channel, k.fix_at, k.message_at, k.sent_at, k.received_at, k.flags, k.session_claimed, k.first_fence
    from hadir.checkin k
    where k.person = any (p_persons) and k.government = p_government and k.status = 'recorded' and k.received_at <= v_seen
      and k.received_at >= v_from and k.received_at < v_to;
  end if;
  return query
  select k.id, k.person, k.channel, k.fix_at, k.message_at, k.sent_at, k.received_at, k.flags, k.session_claimed, k.first_fence
  from hadir.checkin k
  where k.government = p_government and k.status = 'recorded' and k.received_at <= v_seen
    and (p_persons is null or k.person = any (p_persons))
    and k.received_at - least(k.fix_at, k.message_at) > interval '24 hours' and k.received_at >= v_to;
end
$$;
comment on function hadir.arrivals(bigint, bigint[], timestamptz, timestamptz, timestamptz) is
  'Recorded check-ins of p_persons (null: everybody), arrived until p_as_of (null: all), whose judging time may lie between '
  'p_first and p_last. Called by hadir.judge.';
revoke all on function hadir.arrivals(bigint, bigint[], timestamptz, timestamptz, timestamptz) from public;
grant execute on function hadir.arrivals(bigint, bigint[], timestamptz, timestamptz, timestamptz) to hadir_reader, hadir_writer;

-- Whose day is planned how.
create or replace function hadir.planned(p_government bigint, p_days date[], p_persons bigint[])
returns table (person bigint, day date, unit bigint, id bigint, place text, reason text)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  if p_persons is null then
    return query
    select d.person, d.day, d.unit, p.id, p.place, p.reason
    from hadir.plan_pattern p join hadir.plan_day d on d.pattern = p.id and d.day = p.day
    where p.government = p_government and p.day = any (p_days) and d.day = any (p_days);
  else
    return query
    select d.person, d.day, d.unit, p.id, p.place, p.reason
    from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern and p.day = d.day
    where d.day = any (p_days) and p.day = any (p_days) and d.person = any (p_persons) and p.government = p_government;
  end if;
end
$$;
comment on function hadir.planned(bigint, date[], bigint[]) is
  'The planned days p_days of p_persons (null: everybody) with their patterns. Called by hadir.derive.';
revoke all on function hadir.planned(bigint, date[], bigint[]) from public;
grant execute on function hadir.planned(bigint, date[], bigint[]) to hadir_reader, hadir_writer;

-- Every check-in that touches the asked days, judged by itself.
create or replace function hadir.judge(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                       p_as_of timestamptz default null)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  -- As a list: (day, person) is then probed, not scanned.
  v_asked constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
  v_first timestamptz;
  v_last  timestamptz;
begin
  select r.first, r.last into v_first, v_last from hadir.days_reach(p_government, v_asked, p_persons) r;

  return query
  with near as materialized (
    select k.id, k.person, k.channel, k.fix_at, k.message_at, k.sent_at, k.received_at, k.flags, k.session_claimed,
      k.first_fence, (k.received_at at time zone v_zone)::date as arrival_day
    from hadir.arrivals(p_government, p_persons, v_first, v_last, p_as_of) k
  ),
  fact as materialized (
    select k.id, k.person, k.flags, k.session_claimed, k.first_fence, k.received_at, t.at, t.source,
      t.flags as time_flags, (t.at at time zone v_zone)::date as local_day
    from near k
    left join hadir.plan_day ad on ad.day = k.arrival_day and ad.person = k.person
      and ad.day = any (array(select n.arrival_day from near n group by n.arrival_day))
    left join hadir.plan_pattern ap on ap.id = ad.pattern
    cross join lateral hadir.deciding_time(k.channel, ap.decides, k.fix_at, k.message_at, k.sent_at, k.received_at) t
    where t.at >= v_first and t.at < v_last
  ),
  -- The session that holds the time: of its own local day, else of a neighbour whose sessions reach so far; else the day.
  held as materialized (
    select f.id, f.person, f.flags, f.session_claimed, f.first_fence, f.received_at, f.at, f.source, f.time_flags,
      h.day, h.pattern, h.position
    from fact f
    cross join lateral (
      (select d.day, d.pattern, s.position
       from hadir.plan_day d join hadir.plan_session s on s.pattern = d.pattern
       where d.day = f.local_day and d.person = f.person and s.accept_from <= f.at and s.accept_until > f.at limit 1)
      union all
      (select d.day, d.pattern, s.position
       from hadir.plan_day d join hadir.plan_session s on s.pattern = d.pattern
       where d.day = any (array[f.local_day - 1, f.local_day + 1, f.local_day - 2, f.local_day + 2])
         and d.person = f.person and s.accept_from <= f.at and s.accept_until > f.at limit 1)
      union all
      (select d.day, d.pattern, null::int from hadir.plan_day d where d.day = f.local_day and d.person = f.person limit 1)
      limit 1
    ) h
    where h.day = any (v_asked)
  )
  select r.id, r.person, r.day, r.position, s.session, s.code, s.label, s.counts_as, r.at, r.source, r.received_at,
    case when s.position is not null then v.verdict
         when exists (select from hadir.plan_session x where x.pattern = r.pattern) then 'outside_window'
         else 'not_expected' end,
    case when s.position is not null then v.late_minutes end, case when s.position is not null then v.early_minutes end,
    case when l.decides then l.class when p.anywhere then p.place end, l.fence, coalesce(l.relation, 'none'),
    p.anywhere or coalesce(l.decides and l.bound, false),
    array(select f.flag from (
        select unnest(r.flags) as flag
        except select unnest('{device_clock,late_delivery,stale_fix,future_fix,uncertain_place,session_differs}'::text[])
        union select unnest(r.time_flags)
        union select 'uncertain_place' where l.decides and l.relation = 'uncertain'
        union select 'session_differs' where r.session_claimed <> s.code) f
      order by f.flag collate "C")
  from held r
  join hadir.plan_pattern p on p.id = r.pattern and p.government = p_government
  left join hadir.plan_session s on s.pattern = r.pattern and s.position = r.position
  -- The fence that speaks for a check-in: inside before uncertain, bound before shared, then the door's own choice
  -- (it knew the distances, which are erased one day), then the plan's order; where none holds the point, a bound one.
  left join lateral (
    select pl.fence, pl.relation, w.decides, w.class, w.bound
    from hadir.placement pl
    join hadir.fence fe on fe.id = pl.fence
    cross join lateral (
      select b.bound, b.class,
        b.class is not null and pl.relation in ('inside', 'uncertain') and (b.bound or fe.shared) as decides
      from (select fe.id = any (p.fences)
                   or coalesce(fe.person = r.person and (p.anywhere or coalesce(p.place, '') = 'WFH'), false) as bound,
                   case fe.kind when 'office' then 'WFO' when 'site' then 'DL' when 'home' then 'WFH' end as class) b
    ) w
    where pl.checkin = r.id and (w.decides or w.bound)
    order by w.decides desc, pl.relation = 'inside' desc, w.bound desc, pl.fence = r.first_fence desc nulls last,
      array_position(p.fences, pl.fence) nulls last, pl.fence, pl.fence_version desc
    limit 1
  ) l on true
  cross join lateral hadir.session_verdict(s.counts_as, r.at, s.due, s.on_time_from, s.on_time_until) v;
end
$$;
comment on function hadir.judge(bigint, date, date, bigint[], timestamptz) is
  'Every recorded check-in that belongs to p_government''s local days p_from … p_to (of p_persons, null: everybody; arrived '
  'until p_as_of, null: all), judged by itself: its session (null: in none), the time that judges, verdict, minutes, place '
  'class, the fence that speaks, whether it lies where the plan expects it, flags. Row security of the caller decides what '
  'is seen. Called by hadir.derive and api.checkin_status.';
revoke all on function hadir.judge(bigint, date, date, bigint[], timestamptz) from public;
grant execute on function hadir.judge(bigint, date, date, bigint[], timestamptz) to hadir_reader, hadir_writer;

create or replace function hadir.derive(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                        p_as_of timestamptz default null)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_asked constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
begin
  return query
  with plan as materialized (
    select d.person, d.day, d.unit, d.id, d.place, d.reason,
      exists (select from hadir.plan_session s where s.pattern = d.id) as has_sessions
    from hadir.planned(p_government, v_asked, p_persons) d
  ),
  best as materialized (
    select distinct on (j.person, j.day, j.position) j.*,
      (count(*) over (partition by j.person, j.day, j.position) - 1)::int as others
    from hadir.judge(p_government, p_from, p_to, p_persons, p_as_of) j
    order by j.person, j.day, j.position, (j.position is null or j.expected) desc,
      case when j.counts_as = 'out' then j.decided_at end desc nulls last, j.decided_at, j.received_at, j.checkin
  )
  -- One row per session …
  select p.person, p.day, p.unit, p.id, p.place, p.reason, s.position, s.session, s.code, s.label, s.counts_as,
    s.accept_from, s.accept_until, s.due, s.on_time_from, s.on_time_until, b.checkin, b.decided_at, b.decided_by,
    b.verdict, b.late_minutes, b.early_minutes, b.place, b.fence, b.relation, coalesce(b.flags, '{}'), coalesce(b.others, 0)
  from plan p
  join hadir.plan_session s on s.pattern = p.id
  left join best b on b.person = p.person and b.day = p.day and b.position = s.position
  union all
  -- … and one for a day without sessions, or for what came in outside every window.
  select p.person, p.day, p.unit, p.id, p.place, p.reason, null, null, null, null, null,
    null, null, null, null, null, b.checkin, b.decided_at, b.decided_by,
    case when p.has_sessions then 'outside_window' else 'not_expected' end, null, null, b.place, b.fence, b.relation,
    coalesce(b.flags, '{}'), coalesce(b.others, 0)
  from plan p
  left join best b on b.person = p.person and b.day = p.day and b.position is null
  where not p.has_sessions or b.checkin is not null;
end
$$;
comment on function hadir.derive(bigint, date, date, bigint[], timestamptz) is
  'Attendance of p_government''s local days p_from … p_to, for p_persons (null: everybody), from facts that arrived until '
  'p_as_of (null: all). One row per person, day and session with the check-in that counts (in, presence: the earliest; out: '
  'the latest; inside an expected fence first), verdict null where there is none; one row without session for a day '
  'without sessions (not_expected) and one for check-ins outside every window (outside_window, the earliest; others = how '
  'many more). Row security of the caller decides what is seen. Called by the api functions of presence and nightly.';
revoke all on function hadir.derive(bigint, date, date, bigint[], timestamptz) from public;
grant execute on function hadir.derive(bigint, date, date, bigint[], timestamptz) to hadir_reader, hadir_writer;

create or replace function hadir.derive_day(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                            p_as_of timestamptz default null)
returns table (person bigint, day date, unit bigint, expected_place text, plan_reason text, sessions int, attended int,
  first_in timestamptz, last_out timestamptz, late_minutes int, early_minutes int, places text[], flags text[],
  outside_window int)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select d.person, d.day, min(d.unit), min(d.expected_place), min(d.plan_reason),
    count(d.session)::int, count(d.checkin) filter (where d.session is not null)::int,
    min(d.decided_at) filter (where d.counts_as = 'in'), max(d.decided_at) filter (where d.counts_as = 'out'),
    coalesce(sum(d.late_minutes), 0)::int, coalesce(sum(d.early_minutes), 0)::int,
    coalesce(array_agg(distinct d.place order by d.place) filter (where d.place is not null and d.session is not null), '{}'),
    array(select distinct f from unnest(string_to_array(string_agg(array_to_string(d.flags, ','), ','), ',')) f
          where f <> '' order by f),
    coalesce(sum(d.others + 1) filter (where d.verdict = 'outside_window'), 0)::int
  from hadir.derive(p_government, p_from, p_to, p_persons, p_as_of) d
  group by d.person, d.day;
end
$$;
comment on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) is
  'The same as hadir.derive, one row per person and day: how many sessions were expected and attended, first in, last out, '
  'minutes in sum, place classes, flags, check-ins outside every window. Called by api functions.';
revoke all on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) from public;
grant execute on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) to hadir_reader, hadir_writer;

-- A moment as RFC 3339 in a zone, whole seconds.
create or replace function hadir.rfc3339(p_at timestamptz, p_zone text) returns text
language sql stable
return to_char(p_at at time zone p_zone, 'YYYY-MM-DD"T"HH24:MI:SS')
  || case when p_at at time zone p_zone < p_at at time zone 'UTC' then '-' else '+' end
  || to_char(abs(extract(epoch from (p_at at time zone p_zone) - (p_at at time zone 'UTC')))::int / 3600, 'FM00') || ':'
  || to_char(abs(extract(epoch from (p_at at time zone p_zone) - (p_at at time zone 'UTC')))::int / 60 % 60, 'FM00');
comment on function hadir.rfc3339(timestamptz, text) is
  'p_at as RFC 3339 text in the zone p_zone, cut to seconds; null for null. Called by api functions.';
revoke all on function hadir.rfc3339(timestamptz, text) from public;
grant execute on function hadir.rfc3339(timestamptz, text) to hadir_reader, hadir_writer;

-- A moment as the ledger writes it: UTC with microseconds.
create or replace function hadir.utc_us(p_at timestamptz) returns text
language sql stable
return to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
comment on function hadir.utc_us(timestamptz) is
  'p_at as RFC 3339 text in UTC with microseconds; null for null. Called by api.receipt.';
revoke all on function hadir.utc_us(timestamptz) from public;
grant execute on function hadir.utc_us(timestamptz) to hadir_reader, hadir_writer;
