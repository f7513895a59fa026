-- plan × facts = attendance. Derivation reads the compiled plan (plan_member, plan_slot, plan_pattern, plan_session) and
-- the facts (checkin, placement, decided corrections and outages) and nothing else: no clock, no order of arrival, no
-- coordinates, so that any day can be derived again at any time with the same result, after erasure too. The door's own
-- verdict is not read; of what the door chose, its fence breaks ties between fences that are otherwise equal, and where the
-- point lies in it by the door's placement (checkin.first_inside) and the plan binds it, no placement is read.
--
-- Everybody's day is derived by hash joins in two halves, each a worker's, a few people's by index. Both are planned from the
-- same text: a function `language sql` that PostgreSQL puts in place of its call, p_half known when it is planned (null: a
-- few people), so that what does not apply falls away. Such functions pin no search_path (that would keep them from being put in place) and are called by
-- functions that do. A plan of everybody is made anew for each call, with nested loops off, because what came in today is
-- not in the statistics; one of few is kept for the session, because a supervisor's question is short.

-- Which of its times judges a check-in.
create or replace function hadir.judging_time(p_channel text, p_decides text[], p_fix_at timestamptz,
  p_message_at timestamptz, p_sent_at timestamptz, p_received_at timestamptz) returns text
language sql stable parallel safe
return case coalesce(p_decides[case p_channel when 'native' then 1 when 'owntracks' then 2 when 'osmand' then 3
                               when 'whatsapp' then 4 end], 'arrival')
  when 'fix' then case
    when p_channel = 'native'
      then case when p_sent_at - p_fix_at >= interval '0' and p_sent_at - p_fix_at <= interval '24 hours'
                then 'corrected' else 'stale' end
    when p_fix_at - p_received_at <= interval '60 seconds' then 'fix' else 'arrival' end
  when 'message' then case when p_message_at - p_received_at <= interval '60 seconds' then 'message' else 'arrival' end
  else 'arrival' end;
comment on function hadir.judging_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz) is
  'p_channel; p_decides: of the pattern of the arrival''s local day, null = arrival decides; the three claimed times and '
  'the arrival. Returns corrected (fix, corrected by when it was sent), fix, message, arrival, or stale (arrival, because '
  'the fix was not made at this attempt). The same arithmetic as directory_judge. Called by hadir.held.';

create or replace function hadir.judged_at(p_judging text, p_fix_at timestamptz, p_message_at timestamptz,
  p_sent_at timestamptz, p_received_at timestamptz) returns timestamptz
language sql stable parallel safe
return case p_judging when 'corrected' then p_fix_at + (p_received_at - p_sent_at)
                      when 'fix' then p_fix_at when 'message' then p_message_at else p_received_at end;
comment on function hadir.judged_at(text, timestamptz, timestamptz, timestamptz, timestamptz) is
  'The time that hadir.judging_time names. Called by hadir.held.';

-- The flags that follow from the times.
create or replace function hadir.time_flags(p_judging text, p_channel text, p_at timestamptz, p_fix_at timestamptz,
  p_message_at timestamptz, p_received_at timestamptz) returns text[]
language sql stable parallel safe
return case
  when p_judging = 'corrected' and p_received_at - p_at <= interval '5 minutes'
    and coalesce(p_fix_at - p_received_at <= interval '60 seconds', true) then '{}'
  else array_remove(array[
    case when p_judging = 'fix' and p_channel in ('owntracks', 'osmand') then 'device_clock' end,
    case when p_received_at - p_at > interval '5 minutes' then 'late_delivery' end,
    case when p_judging = 'stale' then 'stale_fix' end,
    case when coalesce(p_fix_at, p_message_at) - p_received_at > interval '60 seconds' then 'future_fix' end], null) end;
comment on function hadir.time_flags(text, text, timestamptz, timestamptz, timestamptz, timestamptz) is
  'p_judging: of hadir.judging_time; p_at: of hadir.judged_at. device_clock: the phone''s own clock judges; late_delivery: '
  'over 5 minutes after; stale_fix; future_fix: over a minute ahead of us. Called by hadir.held.';

create or replace function hadir.deciding_time(p_channel text, p_decides text[], p_fix_at timestamptz,
  p_message_at timestamptz, p_sent_at timestamptz, p_received_at timestamptz)
returns table (at timestamptz, source text, flags text[])
language sql stable
begin atomic
  select t.at, case j.judging when 'corrected' then 'fix' when 'stale' then 'arrival' else j.judging end,
    hadir.time_flags(j.judging, p_channel, t.at, p_fix_at, p_message_at, p_received_at)
  from (select hadir.judging_time(p_channel, p_decides, p_fix_at, p_message_at, p_sent_at, p_received_at) as judging) j
  cross join lateral (
    select hadir.judged_at(j.judging, p_fix_at, p_message_at, p_sent_at, p_received_at) as at) t;
end;
comment on function hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz) is
  'The three above together: the time that judges, which of the three it is (fix message arrival), the flags that follow.';

-- Verdict and minutes of a check-in within its session.
create or replace function hadir.session_verdict(p_counts_as text, p_at timestamptz, p_on_time_from timestamptz,
  p_on_time_until timestamptz) returns text
language sql stable parallel safe
return case when p_counts_as = 'in' and p_at >= p_on_time_until then 'late'
            when p_counts_as = 'out' and p_at < p_on_time_from then 'early'
            when p_at is not null then 'on_time' end;
comment on function hadir.session_verdict(text, timestamptz, timestamptz, timestamptz) is
  'A check-in at p_at inside the acceptance interval of a session. in: late from on_time_until; out: early before '
  'on_time_from; presence: on time. Null without a check-in. Called by hadir.judge and hadir.derive.';

create or replace function hadir.late_minutes(p_verdict text, p_at timestamptz, p_due timestamptz) returns int
language sql stable parallel safe
return case p_verdict when 'late' then greatest(0, floor(date_part('epoch', p_at - p_due) / 60))::int
                      when 'on_time' then 0 when 'early' then 0 end;
create or replace function hadir.early_minutes(p_verdict text, p_at timestamptz, p_due timestamptz) returns int
language sql stable parallel safe
return case p_verdict when 'early' then greatest(0, ceil(date_part('epoch', p_due - p_at) / 60))::int
                      when 'on_time' then 0 when 'late' then 0 end;
comment on function hadir.late_minutes(text, timestamptz, timestamptz) is
  'Whole minutes since due of a late check-in; 0 if it is not late, null outside of sessions.';
comment on function hadir.early_minutes(text, timestamptz, timestamptz) is
  'Started minutes to due of an early check-in; 0 if it is not early, null outside of sessions.';

-- All flags of a check-in: the door's are facts, those that follow from the plan are derived again. Few have any: call it
-- where there is something to sort.
create or replace function hadir.all_flags(p_door text[], p_time text[], p_uncertain boolean, p_differs boolean) returns text[]
language sql immutable
return array(
  select f.flag from (
    select unnest(p_door) as flag
    except select unnest('{device_clock,late_delivery,stale_fix,future_fix,uncertain_place,session_differs}'::text[])
    union select unnest(p_time)
    union select 'uncertain_place' where p_uncertain
    union select 'session_differs' where p_differs) f
  order by f.flag collate "C");
comment on function hadir.all_flags(text[], text[], boolean, boolean) is
  'Flags of the door, of hadir.time_flags; uncertain: the fence that decides holds the point by its accuracy only; differs: '
  'the client named another session. Sorted. Called by hadir.judge and hadir.derivation.';

-- Of a day's excuse, the code that covers a session.
create or replace function hadir.session_excuse(p_excuse text, p_session text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select split_part(e, ':', 1)
  from regexp_split_to_table(p_excuse, ';') e
  where p_session = any (string_to_array(split_part(e, ':', 2), ','))
  order by 1 limit 1
$$;
comment on function hadir.session_excuse(text, text) is
  'p_excuse: as in plan_pattern; p_session: a session''s code. Returns the absence code that covers it, or null. Called by '
  'hadir.derivation and hadir.recap_days.';

-- Who does what on which of the days: of everybody of a half, or as somebody worked it out before.
create or replace function hadir.planned(p_half int, p_days date[], p_plan hadir.person_day[])
returns setof hadir.person_day
language sql stable
as $$
  select x.person, x.day, x.unit, x.pattern from unnest(p_plan) x where p_half is null
  union all
  select m.person, o.day, m.unit, o.pattern
  from hadir.plan_member m
  join hadir.plan_slot o on o.pair = m.pair and o.day between m.first_day and m.last_day
  where p_half is not null and m.person % 2 <> 1 - p_half and o.day = any (p_days)
$$;
comment on function hadir.planned(int, date[], hadir.person_day[]) is
  'The rows of p_plan, or (p_half 0 or 1) of everybody with an even or an odd number on the days p_days. Put in place of '
  'its call by hadir.held and hadir.derivation.';

-- The same of a few people, looked up once for all that asks.
create or replace function hadir.plan_of(p_days date[], p_persons bigint[]) returns hadir.person_day[]
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
begin
  return array(
    select (m.person, o.day, m.unit, o.pattern)::hadir.person_day
    from hadir.plan_member m
    join hadir.plan_slot o on o.pair = m.pair and o.day between m.first_day and m.last_day
    where m.person = any (p_persons) and o.day = any (p_days));
end
$$;
comment on function hadir.plan_of(date[], bigint[]) is
  'What p_persons do on p_days, for hadir.planned. Called by hadir.judge_some and hadir.derive_some.';

-- From when to when the days reach: the outermost of their patterns and sessions. Too far is harmless.
create or replace function hadir.days_reach(p_government bigint, p_days date[], p_plan hadir.person_day[])
returns table (first timestamptz, last timestamptz)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_patterns bigint[];
begin
  if p_plan is null then
    v_patterns := array(select p.id from hadir.plan_pattern p where p.government = p_government and p.day = any (p_days));
  else
    v_patterns := array(select distinct x.pattern from unnest(p_plan) x);
  end if;
  return query
  select least(min(p.starts_at), min(s.accept_from)), greatest(max(p.ends_at), max(s.accept_until))
  from hadir.plan_pattern p left join hadir.plan_session s on s.pattern = p.id
  where p.id = any (v_patterns) and p.government = p_government;
end
$$;
comment on function hadir.days_reach(bigint, date[], hadir.person_day[]) is
  'The earliest and the latest instant of p_government''s local days p_days as planned in p_plan (null: everybody). '
  'Called by hadir.judge and hadir.derive.';

-- Check-ins that may belong to the time from p_first to p_last.
create or replace function hadir.arrivals(p_half int, p_government bigint, p_persons bigint[], p_first timestamptz,
                                          p_last timestamptz, p_as_of timestamptz)
returns setof hadir.checkin
language sql stable
as $$
  -- The judging time is never later than a minute after arrival, never earlier than all four of these, and seldom a day
  -- earlier than arrival (those few: for everybody by the index checkin_delivered_late, for a few people among theirs).
  select k.* from hadir.checkin k
  where (k.person % 2 <> 1 - p_half or p_half is null and k.person = any (p_persons)) and k.government = p_government
    and k.status = 'recorded'
    and k.received_at <= p_as_of and k.received_at >= p_first - interval '1 minute'
    and (k.received_at < p_last + interval '24 hours'
         or p_half is null and k.received_at - least(k.fix_at, k.message_at) > interval '24 hours')
    and least(k.received_at, k.fix_at, k.message_at, k.fix_at + (k.received_at - k.sent_at)) < p_last
  union all
  select k.* from hadir.checkin k
  where k.person % 2 <> 1 - p_half and k.government = p_government and k.status = 'recorded'
    and k.received_at <= p_as_of and k.received_at >= p_last + interval '24 hours'
    and k.received_at - least(k.fix_at, k.message_at) > interval '24 hours'
    and least(k.fix_at, k.message_at) < p_last
$$;
comment on function hadir.arrivals(int, bigint, bigint[], timestamptz, timestamptz, timestamptz) is
  'Recorded check-ins of p_persons (or everybody''s), arrived until p_as_of, whose judging time may lie between p_first and '
  'p_last. Put in place of its call by hadir.held.';

-- Check-ins of the asked days, each with the session that holds it and the fence that speaks for it.
--
-- The fence that speaks: inside before uncertain, bound before shared, then the door's own choice (it knew the distances,
-- which are erased one day), then the plan's order; where none holds the point, a bound one. Each placement is a list,
-- compared member by member, and the least speaks. Nothing is less than the door's own choice with the point inside it and
-- bound by the plan, which is how nearly everybody comes: then no placement is read.
create or replace function hadir.held(p_half int, p_government bigint, p_zone text, p_days date[], p_plan hadir.person_day[], p_persons bigint[],
                                      p_first timestamptz, p_last timestamptz, p_as_of timestamptz)
returns table (checkin uuid, person bigint, day date, unit bigint, pattern bigint, "position" int, at timestamptz, judging text,
  received_at timestamptz, flags text[], time_flags text[], session_claimed text, anywhere boolean, pattern_place text,
  fence bigint, relation text, class text, bound boolean, uncertain boolean)
language sql stable
as $$
  with mine as materialized (
    select * from hadir.planned(p_half, p_days, p_plan)
  ),
  rules as materialized (
    select p.id, p.starts_at, p.ends_at, p.anywhere, p.place, p.fences, p.uncertain_counts, p.decides
    from hadir.plan_pattern p
    where p.government = p_government and (p_half is not null or p.id = any (array(select x.pattern from unnest(p_plan) x)))
  ),
  hours as materialized (
    select s.pattern, s.position, s.accept_from, s.accept_until
    from hadir.plan_session s
    where s.government = p_government and (p_half is not null or s.pattern = any (array(select x.pattern from unnest(p_plan) x)))
  ),
  -- Fences that the plan may bind: all, or those of a few people's patterns and their homes.
  spots as (
    select f.id, f.kind, f.person from hadir.fence f
    where p_half is not null or f.id = any (array(select unnest(r.fences) from rules r))
      or f.person = any (case when exists (select from rules r where r.anywhere or r.place = 'WFH') then p_persons end)
    offset 0
  ),
  near as (
    select k.id, k.person, k.channel, k.fix_at, k.message_at, k.sent_at, k.received_at, k.flags, k.session_claimed,
      k.first_fence, k.first_inside, (k.received_at at time zone p_zone)::date as arrival_day
    from hadir.arrivals(p_half, p_government, p_persons, p_first, p_last, p_as_of) k
    offset 0
  ),
  -- The pattern of the day on which it arrived says which of its times judges it. (A full join whose other half is
  -- dropped is always made by hash, where a left join of rows that the planner thinks few would compare each with each.)
  judged as (
    select n.*, coalesce(d.unit, m.unit) as unit, p.id as pattern, p.starts_at, p.ends_at, p.anywhere, p.place, p.fences,
      p.uncertain_counts,
      hadir.judging_time(n.channel, case when p.id is not null then p.decides else (
          select q.decides from hadir.plan_pattern q where q.id = (
            select o.pattern from hadir.plan_slot o where o.day = n.arrival_day and o.pair = (
              select m.pair from hadir.plan_member m
              where m.person = n.person and n.arrival_day between m.first_day and m.last_day))) end,
        n.fix_at, n.message_at, n.sent_at, n.received_at) as judging
    from near n
    full join mine d on d.person = n.person and d.day = n.arrival_day
    -- Of everybody, many may have arrived on the day after: they are joined, not looked up.
    left join hadir.plan_member m on p_half is not null and m.person = case when d.person is null then n.person end
      and n.arrival_day between m.first_day and m.last_day and m.person % 2 <> 1 - p_half
    left join hadir.plan_slot o on p_half is not null and o.pair = m.pair and o.day = n.arrival_day
    left join rules p on p.id = coalesce(d.pattern, o.pattern)
    where coalesce(n.person, 0) <> 0
    offset 0
  ),
  timed as (
    select j.*, hadir.judged_at(j.judging, j.fix_at, j.message_at, j.sent_at, j.received_at) as at from judged j offset 0
  ),
  -- Nearly all lie in a session of the local day on which they arrived …
  tried as (
    select t.*, s.position, f.kind,
      -- … and in the fence that the door chose, which the plan binds …
      s.position is not null and f.kind <> 'area'
        and (f.id = any (t.fences) or (t.anywhere or t.place = 'WFH') and f.person is not distinct from t.person) as plain,
      -- … the others in a session of the local day of their time, else of a neighbour whose sessions reach so far; else in
      -- that day. Look-ups by key, one by one: they are few.
      case when s.position is null and t.at >= p_first and t.at < p_last then (
        select row(x.day, (x.member).unit, x.rules, x.position)::hadir.day_place
        from (
          select d.*, (select s.position from hadir.plan_session s
                       where s.pattern = (d.rules).id and s.accept_from <= t.at and s.accept_until > t.at) as position
          from (
            select n.*, (select p from hadir.plan_pattern p where p.id = (
                select o.pattern from hadir.plan_slot o where o.day = n.day and o.pair = (n.member).pair)) as rules
            from (
              select n.*, (select m from hadir.plan_member m
                           where m.person = t.person and n.day between m.first_day and m.last_day) as member
              from (select n.days, (t.at at time zone p_zone)::date + n.days as day
                    from (values (0), (-1), (1), (-2), (2)) n(days) offset 0) n
              offset 0) n
            offset 0) d
          where (d.rules).id is not null
          offset 0) x
        where x.position is not null or x.days = 0
        order by x.position is null, x.days <> 0, x.days
        limit 1) end as elsewhere
    from timed t
    left join hours s on s.pattern = t.pattern and s.accept_from <= t.at and s.accept_until > t.at
      and t.starts_at <= t.at and t.ends_at > t.at
    left join spots f on f.id = t.first_inside
    offset 0
  ),
  belongs as (
    select t.id, t.person, t.at, t.judging, t.received_at, t.flags, t.channel, t.fix_at, t.message_at, t.session_claimed,
      t.first_fence, t.first_inside, t.kind, t.plain,
      case when t.position is not null then t.arrival_day else (t.elsewhere).day end as day,
      case when t.position is not null then t.unit else (t.elsewhere).unit end as unit,
      case when t.position is not null then t.pattern else ((t.elsewhere).rules).id end as pattern,
      case when t.position is not null then t.position else (t.elsewhere).position end as position,
      case when t.position is not null then t.anywhere else ((t.elsewhere).rules).anywhere end as anywhere,
      case when t.position is not null then t.place else ((t.elsewhere).rules).place end as place,
      case when t.position is not null then t.fences else ((t.elsewhere).rules).fences end as fences,
      case when t.position is not null then t.uncertain_counts else ((t.elsewhere).rules).uncertain_counts end as uncertain_counts
    from tried t
    where case when t.position is not null then t.arrival_day = any (p_days)
               else (t.elsewhere).day = any (p_days) and ((t.elsewhere).rules).government = p_government end
    offset 0
  ),
  spoken as (
    select b.*,
      case when b.plain then null else (
        select min(array[case when l.decides then 0 else 1 end, case when l.relation = 'inside' then 0 else 1 end,
            case when l.bound then 0 else 1 end, case when l.fence = b.first_fence then 0 else 1 end,
            coalesce(array_position(b.fences, l.fence), 1000000), l.fence, -l.fence_version,
            case l.relation when 'inside' then 1 when 'uncertain' then 2 else 3 end,
            case l.kind when 'office' then 1 when 'site' then 2 when 'home' then 3 end])
        from (
          select a.*, a.kind <> 'area' and (a.relation = 'inside' or a.relation = 'uncertain' and b.uncertain_counts)
              and (a.bound or a.shared) as decides
          from (
            select l.fence, l.relation, l.fence_version, (l.fe).shared as shared, (l.fe).kind as kind,
              l.fence = any (b.fences) or (b.anywhere or b.place = 'WFH') is true
                and (l.fe).person is not distinct from b.person as bound
            from (select pl.fence, pl.relation, pl.fence_version,
                    (select fe from hadir.fence fe where fe.id = pl.fence) as fe
                  from hadir.placement pl where pl.checkin = b.id offset 0) l
            where (l.fe).id is not null
            offset 0) a
          offset 0) l
        where l.decides or l.bound) end as least
    from belongs b
    offset 0
  )
  select s.id, s.person, s.day, s.unit, s.pattern, s.position, s.at, s.judging, s.received_at, s.flags,
    hadir.time_flags(s.judging, s.channel, s.at, s.fix_at, s.message_at, s.received_at), s.session_claimed, s.anywhere, s.place,
    case when s.plain then s.first_inside else s.least[6] end,
    case when s.plain then 'inside' else (array['inside', 'uncertain', 'outside'])[s.least[8]] end,
    case when s.plain then case s.kind when 'office' then 'WFO' when 'site' then 'DL' when 'home' then 'WFH' end
         when s.least[1] = 0 then (array['WFO', 'DL', 'WFH'])[s.least[9]] end,
    case when s.plain then true else s.least[3] = 0 end,
    case when s.plain then false else s.least[8] = 2 and s.least[9] is not null end
  from spoken s
$$;
comment on function hadir.held(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz) is
  'Check-ins of p_persons (or everybody''s) that belong to the local days p_days: day, pattern, position of the session '
  '(null: none holds them), the time that judges and its flags; the pattern''s place; the fence that speaks (null: none is '
  'near), class: the place that it decides, if it does (an uncertain point only if the plan lets it count), bound: by the '
  'plan; uncertain: only its accuracy puts the point there. p_first, p_last: of hadir.days_reach. Put in place of its call '
  'by hadir.judged and hadir.derivation.';

-- Every check-in that touches the asked days, judged by itself.
create or replace function hadir.judged(p_half int, p_government bigint, p_zone text, p_days date[], p_plan hadir.person_day[],
  p_persons bigint[], p_first timestamptz, p_last timestamptz, p_as_of timestamptz)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language sql stable
as $$
  select h.checkin, h.person, h.day, h.position, s.session, s.code, s.label, s.counts_as, h.at,
    case h.judging when 'corrected' then 'fix' when 'stale' then 'arrival' else h.judging end, h.received_at,
    case when s.position is not null then v.verdict
         when exists (select from hadir.plan_session x where x.pattern = h.pattern) then 'outside_window'
         else 'not_expected' end,
    hadir.late_minutes(v.verdict, h.at, s.due), hadir.early_minutes(v.verdict, h.at, s.due),
    case when h.class is not null then h.class when h.anywhere then h.pattern_place end, h.fence,
    coalesce(h.relation, 'none'), h.anywhere or coalesce(h.class is not null and h.bound, false),
    hadir.all_flags(h.flags, h.time_flags, h.uncertain, h.session_claimed <> s.code)
  from hadir.held(p_half, p_government, p_zone, p_days, p_plan, p_persons, p_first, p_last, p_as_of) h
  left join hadir.plan_session s on s.pattern = h.pattern and s.position = h.position
  cross join lateral (
    select case when s.position is not null
                then hadir.session_verdict(s.counts_as, h.at, s.on_time_from, s.on_time_until) end as verdict) v
$$;
comment on function hadir.judged(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz) is
  'What hadir.judge answers. Put in place of its call by hadir.judge_all and hadir.judge_some.';

-- Attendance of the asked days.
create or replace function hadir.derivation(p_half int, p_government bigint, p_zone text, p_days date[], p_plan hadir.person_day[],
  p_persons bigint[], p_first timestamptz, p_last timestamptz, p_as_of timestamptz)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int, excuse text, corrected boolean)
language sql stable
as $$
  with rules as materialized (
    select p.id, p.place, p.reason, p.excuse, p.excused, p.anywhere
    from hadir.plan_pattern p
    where p.government = p_government and (p_half is not null or p.id = any (array(select x.pattern from unnest(p_plan) x)))
  ),
  hours as materialized (
    select s.*
    from hadir.plan_session s
    where s.government = p_government and (p_half is not null or s.pattern = any (array(select x.pattern from unnest(p_plan) x)))
  ),
  -- bit: of a session's position, the lowest outside of all.
  held as materialized (
    select h.*, 1 << coalesce(h.position, 0) as bit
    from hadir.held(p_half, p_government, p_zone, p_days, p_plan, p_persons, p_first, p_last, p_as_of) h
  ),
  -- Which sessions of a day somebody came to, a bit for each; whether to one of them more than once.
  came as materialized (
    select h.person, h.day, bit_or(h.bit) as bits, sum(h.bit) <> bit_or(h.bit) as crowded
    from held h group by h.person, h.day
  ),
  -- Where several compete: the one that counts first.
  rival as materialized (
    select h.checkin, (count(*) over (partition by h.person, h.day, h.bit) - 1)::int as others,
      row_number() over (
        partition by h.person, h.day, h.bit
        order by h.position is null or h.anywhere or coalesce(h.class is not null and h.bound, false) desc,
          case when s.counts_as = 'out' then h.at end desc nulls last, h.at, h.received_at, h.checkin) as rank
    from (select * from came c where c.crowded offset 0) c
    join held h on h.person = c.person and h.day = c.day
    left join hours s on s.pattern = h.pattern and s.position = h.position
  ),
  -- What was decided about a session of a day: the times at which he was there after all, the place that counts.
  claim as materialized (
    select c.person, c.day, c.session, min(c.claimed_at) as first, max(c.claimed_at) as last,
      (array_agg(c.place order by c.id desc) filter (where c.place is not null and c.kind <> 'wrong_place'))[1] as place,
      (array_agg(c.place order by c.id desc) filter (where c.kind = 'wrong_place'))[1] as moved
    from hadir.correction c
    where (c.person % 2 <> 1 - p_half or p_half is null and c.person = any (p_persons)) and c.government = p_government and c.day = any (p_days)
      and c.counts
    group by c.person, c.day, c.session
  ),
  -- When the service was away, by unit.
  away as materialized (
    select c.descendant as unit, range_agg(tstzrange(a.starts_at, a.ends_at)) as times
    from hadir.outage a join hadir.unit_closure c on c.ancestor = a.unit
    where a.government = p_government and a.status = 'approved' and a.starts_at < p_last and a.ends_at > p_first
    group by c.descendant
  ),
  -- One row per session that somebody came to, per day that has none, for what came in outside of all sessions …
  line as (
    select h.person, h.day, h.unit, h.pattern, h.position, h.checkin, h.at, h.judging, h.flags, h.time_flags, h.session_claimed,
      h.fence, h.relation, h.class, h.bound, h.uncertain, coalesce(r.others, 0) as others
    from held h
    full join rival r on r.checkin = h.checkin
    where coalesce(r.rank, 1) = 1
    union all
    -- … and for each session, or day that has none, that nobody came to.
    select d.person, d.day, d.unit, d.pattern, s.position, null, null, null, null, null, null, null, null, null, null, null, 0
    from (
      select e.person, e.day, e.unit, e.pattern, coalesce(c.bits, 0) as bits
      from hadir.planned(p_half, p_days, p_plan) e
      full join came c on c.person = e.person and c.day = e.day
      where coalesce(e.person, 0) <> 0
      offset 0) d
    left join hours s on s.pattern = d.pattern
    where d.bits & (1 << coalesce(s.position, 0)) = 0
  ),
  -- The check-in, or what a correction puts in its stead: that counts as inside the expected fence, and as any check-in
  -- only if it is the earlier (out: the later) or the other is outside.
  shown as (
    select n.*, p.place, p.reason, p.excuse, s.session, s.code, s.label, s.counts_as, s.accept_from, s.accept_until, s.due,
      s.on_time_from, s.on_time_until, s.code = any (p.excused) as excused, c.moved,
      case when n.class is not null then n.class when p.anywhere then p.place end as place_class, c.place as claimed_place,
      case when n.checkin is null or not (p.anywhere or coalesce(n.class is not null and n.bound, false)) then
             case s.counts_as when 'out' then c.last else c.first end
           when s.counts_as = 'out' then case when c.last > n.at then c.last end
           when c.first < n.at then c.first end as claimed,
      -- (A session cut short by the next day's may end before its on-time interval: nothing touches that.)
      case when a.times is not null then
        a.times && case s.counts_as when 'in' then tstzrange(s.accept_from, greatest(s.accept_from, s.on_time_until))
                                    when 'out' then tstzrange(least(s.on_time_from, s.accept_until), s.accept_until)
                                    else tstzrange(s.accept_from, s.accept_until) end end as away
    from line n
    join rules p on p.id = n.pattern
    left join hours s on s.pattern = n.pattern and s.position = n.position
    left join claim c on c.person = n.person and c.day = n.day and c.session = s.code
    left join away a on a.unit = n.unit
    offset 0
  ),
  -- What an outage touched is on time, what an absence covers is excused unless it was attended in time.
  ruled as (
    select v.*,
      case when v.session is null then v.first_verdict
           when v.first_verdict = 'on_time' then 'on_time'
           when v.away and v.first_verdict is not null then 'on_time'
           when v.excused then 'excused'
           when v.away then 'on_time'
           else v.first_verdict end as verdict
    from (
      select s.*,
        case when s.session is not null
               then hadir.session_verdict(s.counts_as, coalesce(s.claimed, s.at), s.on_time_from, s.on_time_until)
             when exists (select from hours x where x.pattern = s.pattern) then 'outside_window'
             else 'not_expected' end as first_verdict
      from shown s
      offset 0) v
    offset 0
  )
  select r.person, r.day, r.unit, r.pattern, r.place, r.reason, r.position, r.session, r.code, r.label, r.counts_as,
    r.accept_from, r.accept_until, r.due, r.on_time_from, r.on_time_until,
    case when r.claimed is null then r.checkin end, coalesce(r.claimed, r.at),
    case when r.claimed is not null then 'correction'
         else case r.judging when 'corrected' then 'fix' when 'stale' then 'arrival' else r.judging end end,
    r.verdict,
    case when r.verdict = 'excused' then 0 else hadir.late_minutes(r.verdict, coalesce(r.claimed, r.at), r.due) end,
    case when r.verdict = 'excused' then 0 else hadir.early_minutes(r.verdict, coalesce(r.claimed, r.at), r.due) end,
    case when r.claimed is not null then coalesce(r.moved, r.claimed_place, r.place)
         when r.checkin is not null then coalesce(r.moved, r.place_class)
         when r.verdict = 'on_time' then r.place end,
    case when r.claimed is null then r.fence end,
    case when r.claimed is not null or r.checkin is not null then
      case when r.claimed is null then coalesce(r.relation, 'none') else 'none' end end,
    case when r.claimed is null and r.moved is null and not coalesce(r.away, false)
           and (r.checkin is null or r.flags = '{}' and r.time_flags = '{}' and r.session_claimed is null
                                     and r.uncertain is not true) then '{}'
         else hadir.all_flags(
           case when r.claimed is null then r.flags end
             || case when r.claimed is not null or r.moved is not null and r.checkin is not null then '{corrected}'::text[] else '{}' end
             || case when r.verdict is distinct from r.first_verdict and r.verdict = 'on_time' then '{outage}'::text[] else '{}' end,
           case when r.claimed is null then r.time_flags end, r.claimed is null and r.uncertain,
           r.claimed is null and r.session_claimed <> r.code) end,
    r.others + case when r.claimed is not null and r.checkin is not null then 1 else 0 end,
    case when r.session is null then case when strpos(r.excuse, ':') = 0 then r.excuse end
         when r.excused then hadir.session_excuse(r.excuse, r.code) end,
    r.claimed is not null or r.moved is not null and r.checkin is not null
  from ruled r
$$;
comment on function hadir.derivation(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz) is
  'What hadir.derive answers. Put in place of its call by hadir.derive_all and hadir.derive_some.';

-- The two plans of each, see above.
create or replace function hadir.judge_half(p_half int, p_government bigint, p_from date, p_to date, p_as_of timestamptz)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp set plan_cache_mode = force_custom_plan
  set enable_nestloop = off set enable_mergejoin = off set jit = off set work_mem = '256MB'
as $$
#variable_conflict use_column
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  v_days  constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
  v_as_of constant timestamptz := coalesce(p_as_of, 'infinity');
  v_first timestamptz;
  v_last  timestamptz;
begin
  select r.first, r.last into v_first, v_last from hadir.days_reach(p_government, v_days, null) r;
  return query
  select * from hadir.judged(p_half, p_government, v_zone, v_days, null, null, v_first, v_last, v_as_of);
end
$$;
comment on function hadir.judge_half(int, bigint, date, date, timestamptz) is
  'Everybody with an even (0) or an odd (1) number: see hadir.judge_all, which calls it.';
create or replace function hadir.judge_all(p_government bigint, p_from date, p_to date, p_as_of timestamptz)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language plpgsql stable set search_path = pg_catalog, pg_temp set parallel_setup_cost = 0 set parallel_tuple_cost = 0
  set max_parallel_workers_per_gather = 1
as $$
begin
  return query
  select * from hadir.judge_half(0, p_government, p_from, p_to, p_as_of)
  union all
  select * from hadir.judge_half(1, p_government, p_from, p_to, p_as_of);
end
$$;
comment on function hadir.judge_all(bigint, date, date, timestamptz) is
  'Everybody: see hadir.judge, which calls it.';
create or replace function hadir.judge_some(p_government bigint, p_from date, p_to date, p_persons bigint[], p_as_of timestamptz)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  v_days  constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
  v_plan  constant hadir.person_day[] := hadir.plan_of(v_days, p_persons);
  v_as_of constant timestamptz := coalesce(p_as_of, 'infinity');
  v_first timestamptz;
  v_last  timestamptz;
begin
  select r.first, r.last into v_first, v_last from hadir.days_reach(p_government, v_days, v_plan) r;
  return query
  select * from hadir.judged(null, p_government, v_zone, v_days, v_plan, p_persons, v_first, v_last, v_as_of);
end
$$;
comment on function hadir.judge_some(bigint, date, date, bigint[], timestamptz) is
  'p_persons: see hadir.judge, which calls it.';
create or replace function hadir.judge(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                       p_as_of timestamptz default null)
returns table (checkin uuid, person bigint, day date, "position" int, session bigint, session_code text,
  session_label text, counts_as text, decided_at timestamptz, decided_by text, received_at timestamptz, verdict text,
  late_minutes int, early_minutes int, place text, fence bigint, relation text, expected boolean, flags text[])
language sql stable
as $$
  select * from hadir.judge_all(p_government, p_from, p_to, p_as_of) where p_persons is null
  union all
  select * from hadir.judge_some(p_government, p_from, p_to, p_persons, p_as_of) where p_persons is not null
$$;
comment on function hadir.judge(bigint, date, date, bigint[], timestamptz) is
  'Every recorded check-in that belongs to p_government''s local days p_from … p_to (of p_persons, null: everybody; arrived '
  'until p_as_of, null: all), judged by itself: its session (null: in none), the time that judges, verdict, minutes, place '
  'class, the fence that speaks, whether it lies where the plan expects it, flags. Row security of the caller decides what '
  'is seen. Called by hadir.rules_of and api.checkin_status.';

create or replace function hadir.derive_half(p_half int, p_government bigint, p_from date, p_to date, p_as_of timestamptz)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int, excuse text, corrected boolean)
language plpgsql stable parallel safe set search_path = pg_catalog, pg_temp set plan_cache_mode = force_custom_plan
  set enable_nestloop = off set enable_mergejoin = off set jit = off set work_mem = '256MB'
as $$
#variable_conflict use_column
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  v_days  constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
  v_as_of constant timestamptz := coalesce(p_as_of, 'infinity');
  v_first timestamptz;
  v_last  timestamptz;
begin
  select r.first, r.last into v_first, v_last from hadir.days_reach(p_government, v_days, null) r;
  return query
  select * from hadir.derivation(p_half, p_government, v_zone, v_days, null, null, v_first, v_last, v_as_of);
end
$$;
comment on function hadir.derive_half(int, bigint, date, date, timestamptz) is
  'Everybody with an even (0) or an odd (1) number: see hadir.derive_all, which calls it.';
create or replace function hadir.derive_all(p_government bigint, p_from date, p_to date, p_as_of timestamptz)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int, excuse text, corrected boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp set parallel_setup_cost = 0 set parallel_tuple_cost = 0
  set max_parallel_workers_per_gather = 1
as $$
begin
  return query
  select * from hadir.derive_half(0, p_government, p_from, p_to, p_as_of)
  union all
  select * from hadir.derive_half(1, p_government, p_from, p_to, p_as_of);
end
$$;
comment on function hadir.derive_all(bigint, date, date, timestamptz) is
  'Everybody: see hadir.derive, which calls it.';
create or replace function hadir.derive_some(p_government bigint, p_from date, p_to date, p_persons bigint[], p_as_of timestamptz)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int, excuse text, corrected boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_zone  constant text := (select g.zone from hadir.government g where g.id = p_government);
  v_days  constant date[] := array(select n::date from generate_series(p_from, p_to, interval '1 day') n);
  v_plan  constant hadir.person_day[] := hadir.plan_of(v_days, p_persons);
  v_as_of constant timestamptz := coalesce(p_as_of, 'infinity');
  v_first timestamptz;
  v_last  timestamptz;
begin
  select r.first, r.last into v_first, v_last from hadir.days_reach(p_government, v_days, v_plan) r;
  return query
  select * from hadir.derivation(null, p_government, v_zone, v_days, v_plan, p_persons, v_first, v_last, v_as_of);
end
$$;
comment on function hadir.derive_some(bigint, date, date, bigint[], timestamptz) is
  'p_persons: see hadir.derive, which calls it.';
create or replace function hadir.derive(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                       p_as_of timestamptz default null)
returns table (person bigint, day date, unit bigint, pattern bigint, expected_place text, plan_reason text,
  "position" int, session bigint, session_code text, session_label text, counts_as text,
  accept_from timestamptz, accept_until timestamptz, due timestamptz, on_time_from timestamptz, on_time_until timestamptz,
  checkin uuid, decided_at timestamptz, decided_by text, verdict text, late_minutes int, early_minutes int,
  place text, fence bigint, relation text, flags text[], others int, excuse text, corrected boolean)
language sql stable
as $$
  select * from hadir.derive_all(p_government, p_from, p_to, p_as_of) where p_persons is null
  union all
  select * from hadir.derive_some(p_government, p_from, p_to, p_persons, p_as_of) where p_persons is not null
$$;
comment on function hadir.derive(bigint, date, date, bigint[], timestamptz) is
  'Attendance of p_government''s local days p_from … p_to, for p_persons (null: everybody), from facts that arrived until '
  'p_as_of (null: all). One row per person, day and session with the check-in that counts (in, presence: the earliest; out: '
  'the latest; inside an expected fence first), verdict null where there is none; one row without session for a day '
  'without sessions (not_expected) and one for check-ins outside every window (outside_window, the earliest; others = how '
  'many more). Approved corrections count as a check-in (checkin null, decided_by correction) or move its place; what an '
  'outage touched is on_time (flag outage), what an absence covers is excused, unless it was attended in time. excuse: the '
  'code, of the session or of the whole day; corrected: flag corrected. Row security of the caller decides what is seen. '
  'Called by the api functions of presence, recap and nightly.';

-- Nobody but the api's owners calls any of these.
revoke all on function
  hadir.judging_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.judged_at(text, timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.time_flags(text, text, timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.session_verdict(text, timestamptz, timestamptz, timestamptz),
  hadir.late_minutes(text, timestamptz, timestamptz),
  hadir.early_minutes(text, timestamptz, timestamptz),
  hadir.all_flags(text[], text[], boolean, boolean),
  hadir.session_excuse(text, text),
  hadir.planned(int, date[], hadir.person_day[]),
  hadir.plan_of(date[], bigint[]),
  hadir.days_reach(bigint, date[], hadir.person_day[]),
  hadir.arrivals(int, bigint, bigint[], timestamptz, timestamptz, timestamptz),
  hadir.held(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.judged(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.derivation(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.judge_half(int, bigint, date, date, timestamptz),
  hadir.judge_all(bigint, date, date, timestamptz),
  hadir.judge_some(bigint, date, date, bigint[], timestamptz),
  hadir.judge(bigint, date, date, bigint[], timestamptz),
  hadir.derive_half(int, bigint, date, date, timestamptz),
  hadir.derive_all(bigint, date, date, timestamptz),
  hadir.derive_some(bigint, date, date, bigint[], timestamptz),
  hadir.derive(bigint, date, date, bigint[], timestamptz)
  from public;
grant execute on function
  hadir.judging_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.judged_at(text, timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.time_flags(text, text, timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.deciding_time(text, text[], timestamptz, timestamptz, timestamptz, timestamptz),
  hadir.session_verdict(text, timestamptz, timestamptz, timestamptz),
  hadir.late_minutes(text, timestamptz, timestamptz),
  hadir.early_minutes(text, timestamptz, timestamptz),
  hadir.all_flags(text[], text[], boolean, boolean),
  hadir.session_excuse(text, text),
  hadir.planned(int, date[], hadir.person_day[]),
  hadir.plan_of(date[], bigint[]),
  hadir.days_reach(bigint, date[], hadir.person_day[]),
  hadir.arrivals(int, bigint, bigint[], timestamptz, timestamptz, timestamptz),
  hadir.held(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.judged(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.derivation(int, bigint, text, date[], hadir.person_day[], bigint[], timestamptz, timestamptz, timestamptz),
  hadir.judge_half(int, bigint, date, date, timestamptz),
  hadir.judge_all(bigint, date, date, timestamptz),
  hadir.judge_some(bigint, date, date, bigint[], timestamptz),
  hadir.judge(bigint, date, date, bigint[], timestamptz),
  hadir.derive_half(int, bigint, date, date, timestamptz),
  hadir.derive_all(bigint, date, date, timestamptz),
  hadir.derive_some(bigint, date, date, bigint[], timestamptz),
  hadir.derive(bigint, date, date, bigint[], timestamptz)
  to hadir_reader, hadir_writer;

create or replace function hadir.derive_day(p_government bigint, p_from date, p_to date, p_persons bigint[] default null,
                                            p_as_of timestamptz default null)
returns table (person bigint, day date, unit bigint, expected_place text, plan_reason text, sessions int, attended int,
  first_in timestamptz, last_out timestamptz, late_minutes int, early_minutes int, places text[], flags text[],
  outside_window int, session_places jsonb, excuse text, unexcused boolean, evidence_missing jsonb, doubts text[])
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with session as materialized (
    select d.*, d.session is not null and d.verdict in ('on_time', 'late', 'early') as there
    from hadir.derive(p_government, p_from, p_to, p_persons, p_as_of) d
  ),
  sum as (
    select s.person, s.day, min(s.unit) as unit, min(s.pattern) as pattern, min(s.expected_place) as expected_place,
      min(s.plan_reason) as plan_reason, count(s.session)::int as sessions, count(*) filter (where s.there)::int as attended,
      count(*) filter (where s.session is not null and s.verdict is null) as missing,
      min(s.decided_at) filter (where s.counts_as = 'in') as first_in,
      max(s.decided_at) filter (where s.counts_as = 'out') as last_out,
      coalesce(sum(s.late_minutes), 0)::int as late_minutes, coalesce(sum(s.early_minutes), 0)::int as early_minutes,
      coalesce(array_agg(distinct s.place order by s.place) filter (where s.place is not null and s.session is not null), '{}') as places,
      array(select distinct f from unnest(string_to_array(string_agg(array_to_string(s.flags, ','), ','), ',')) f
            where f <> '' order by f) as flags,
      coalesce(sum(s.others + 1) filter (where s.verdict = 'outside_window'), 0)::int as outside_window,
      coalesce(jsonb_object_agg(s.session_code, s.place) filter (where s.there), '{}') as session_places,
      min(s.excuse) filter (where s.session is null) as excuse,
      coalesce(array_agg(s.session_code) filter (where s.there), '{}') as attended_codes
    from session s
    group by s.person, s.day
  )
  select n.person, n.day, n.unit, n.expected_place, n.plan_reason, n.sessions, n.attended, n.first_in, n.last_out,
    n.late_minutes, n.early_minutes, n.places, n.flags, n.outside_window, n.session_places, n.excuse,
    n.sessions > 0 and n.missing = n.sessions,
    hadir.evidence_lacks(p.evidence, a.locations, a.fenced, n.attended_codes, r.reports),
    coalesce(b.doubts, '{}')
  from sum n
  join hadir.plan_pattern p on p.id = n.pattern
  left join hadir.day_locations(p_government, p_from, p_to, p_persons, p_as_of) a on a.person = n.person and a.day = n.day
  left join hadir.day_reports(p_government, p_from, p_to, p_persons, p_as_of) r on r.person = n.person and r.day = n.day
  left join hadir.day_doubts(p_government, p_from, p_to, p_persons, p_as_of) b on b.person = n.person and b.day = n.day;
end
$$;
comment on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) is
  'The same as hadir.derive, one row per person and day: how many sessions were expected and attended (a correction or an '
  'outage counts), first in, last out, minutes in sum, place classes, flags, check-ins outside every window; session_places: '
  '{code: place} of what was attended; excuse: of the whole day; unexcused: all sessions of the day are missing; '
  'evidence_missing: what of plan_pattern.evidence is not there, with have = how many times it is ([]: complete); doubts: '
  'kinds of hadir.doubt of all its check-ins. Called by api functions.';
revoke all on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) from public;
grant execute on function hadir.derive_day(bigint, date, date, bigint[], timestamptz) to hadir_reader, hadir_writer;

-- A moment as RFC 3339 in a zone, whole seconds.
create or replace function hadir.rfc3339(p_at timestamptz, p_zone text) returns text
language sql stable
return to_char(p_at at time zone p_zone, 'YYYY-MM-DD"T"HH24:MI:SS')
  || case when p_at at time zone p_zone < p_at at time zone 'UTC'
          then to_char((p_at at time zone 'UTC') - (p_at at time zone p_zone), '-HH24:MI')
          else to_char((p_at at time zone p_zone) - (p_at at time zone 'UTC'), '+HH24:MI') end;
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
