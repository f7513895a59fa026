-- Unexcused days of a calendar year against the government's steps of discipline (PP 94/2021 and its like). Computed, never
-- imposed: the direct superior is told once, examines, and whoever is competent decides.
--
-- An unexcused day is a working day on which every session is missing and none is excused (recap_rows.sql). With the
-- minutes rule (consequence.minutes_per_day) the late and early minutes of the year add a day each time they fill it up:
-- each day's minutes as a part of what makes a day by the rule of that day, nothing while the rule is off. The rule takes
-- 7.5 hours for a day because that is a day's work without its break (Perpres 21/2023: 37.5 hours in five days), so late and
-- early minutes of one day are never more than its working minutes: who comes and leaves around noon misses a day, not 8.5 hours.
-- Where in the day the break lies is not known, so nothing else is taken off.
-- In a row: unexcused working days that follow each other; days off between them do not matter, a day attended or excused
-- ends the row, New Year does not.

drop function if exists hadir.discipline_days(bigint, date, bigint[], boolean);
create function hadir.discipline_days(p_government bigint, p_as_of date, p_persons bigint[], p_closed boolean)
returns table (person bigint, day date, unit bigint, absent boolean, minutes int, days int, "run" int, run_first date)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_year    constant date := date_trunc('year', p_as_of::timestamp)::date;
  -- How far into the old year a row of days is followed back.
  c_before  constant int := 60;
  -- Everybody's days are too many at a time.
  v_days    constant int := case when p_persons is null then 7 else 1000 end;
  v_persons bigint[] := p_persons;
begin
  -- Of everybody few were ever absent, and where no minutes count the others have nothing.
  if p_persons is null and p_closed and not exists (
      select from generate_series(v_year::timestamp, p_as_of::timestamp, interval '1 day') a (at)
      cross join lateral hadir.consequence_on(p_government, a.at::date) c where c.minutes_per_day is not null) then
    v_persons := array(
      select distinct a.person from hadir.attendance a
      where a.government = p_government and a.day between v_year - c_before and p_as_of
        and a.sessions @? '$[*] ? (@.code != null)' and not a.sessions @? '$[*] ? (@.code != null && @.state != "missing")');
  end if;
  return query
  with rule as materialized (
    select a.at::date as day, c.minutes_per_day
    from generate_series(v_year::timestamp, p_as_of::timestamp, interval '1 day') a (at)
    cross join lateral hadir.consequence_on(p_government, a.at::date) c
  ),
  day as (
    select d.person, d.day, d.unit, d.absent, least(d.late_minutes + d.early_minutes, d.work_minutes) as minutes,
      row_number() over (partition by d.person order by d.day)
        - count(*) filter (where d.absent) over (partition by d.person order by d.day) as island
    from generate_series((v_year - c_before)::timestamp, p_as_of::timestamp, make_interval(days => v_days)) w
    cross join lateral hadir.recap_days(p_government, w::date, least(w::date + v_days - 1, p_as_of), v_persons, p_closed) d
  ),
  series as (
    select d.person, d.day, d.unit, d.absent, d.minutes,
      (count(*) filter (where d.absent and d.day >= v_year) over so_far
        -- (Rounded: 450 times a 450th is a whole day.)
        + coalesce(floor(round(sum(d.minutes::numeric / r.minutes_per_day) over so_far, 9)), 0))::int as days,
      case when d.absent then count(*) filter (where d.absent) over (partition by d.person, d.island order by d.day) else 0 end::int as run,
      case when d.absent then min(d.day) filter (where d.absent) over (partition by d.person, d.island) end as run_first,
      case when d.absent then max(d.day) filter (where d.absent) over (partition by d.person, d.island) end as run_last
    from day d
    left join rule r on r.day = d.day
    window so_far as (partition by d.person order by d.day)
  )
  select s.person, s.day, s.unit, s.absent, s.minutes, s.days, s.run, s.run_first
  from series s
  where s.day >= v_year and (s.absent or s.minutes > 0) or s.run_last >= v_year;
end
$$;
comment on function hadir.discipline_days(bigint, date, bigint[], boolean) is
  'The days of p_as_of''s year up to it that count against p_persons (null: everybody): absent, or with minutes; and those of the old year '
  'that a row of the new one began with. days: how many unexcused days there were by then, run: how many of them in a row, since run_first. '
  'p_closed: as in hadir.recap_sessions; of everybody, frozen, without a rule of minutes, who was never absent has no row. Called by '
  'hadir.discipline_steps, hadir.discipline and api.report_discipline_days.';

-- The table of steps that holds on a day.
create or replace function hadir.steps_on(p_government bigint, p_day date) returns setof hadir.discipline_step
language sql stable
as $$
  select s.* from hadir.discipline_step s
  where s.government = p_government
    and s.valid_from = (select max(l.valid_from) from hadir.discipline_step l where l.government = p_government and l.valid_from <= p_day)
$$;
comment on function hadir.steps_on(bigint, date) is 'Put in place of its call by hadir.discipline_steps.';

-- Every step that somebody has reached, and when.
create or replace function hadir.discipline_steps(p_government bigint, p_as_of date, p_persons bigint[], p_closed boolean)
returns table (person bigint, consecutive boolean, from_days int, level text, sanction text, basis text, reached_on date,
  unit bigint, days int)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select distinct on (d.person, s.consecutive, s.from_days) d.person, s.consecutive, s.from_days, s.level, s.sanction, s.basis,
    d.day, d.unit, case when s.consecutive then d.run else d.days end
  from hadir.discipline_days(p_government, p_as_of, p_persons, p_closed) d
  cross join lateral hadir.steps_on(p_government, d.day) s
  where s.from_days <= case when s.consecutive then d.run else d.days end and d.day >= date_trunc('year', p_as_of::timestamp)
  order by d.person, s.consecutive, s.from_days, d.day
$$;
comment on function hadir.discipline_steps(bigint, date, bigint[], boolean) is
  'The steps of discipline that p_persons (null: everybody) reached in p_as_of''s year until then: the day, the unit where he was, '
  'and what he had that day. Called by api.discipline_notice.';

drop function if exists hadir.discipline(bigint, date, bigint[], boolean);
create function hadir.discipline(p_government bigint, p_as_of date, p_persons bigint[], p_closed boolean default false)
returns table (person bigint, unit bigint, absent_days int, minutes int, minute_days int, days int, longest_run int,
  absent_dates date[], run_dates date[], minute_dates jsonb, step jsonb, consecutive_step jsonb)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with any_day as materialized (
    select * from hadir.discipline_days(p_government, p_as_of, p_persons, p_closed)
  ),
  day as (
    select * from any_day d where d.day >= date_trunc('year', p_as_of::timestamp)
  ),
  -- The longest row of each, the first of several.
  longest as (
    select distinct on (d.person) d.person, d.run_first, d.day as run_last from day d where d.run > 0 order by d.person, d.run desc, d.day
  ),
  row as (
    select l.person, array_agg(d.day order by d.day) as dates
    from longest l join any_day d on d.person = l.person and d.absent and d.day between l.run_first and l.run_last
    group by l.person
  ),
  sum as (
    select d.person, (array_agg(d.unit order by d.day desc))[1] as unit, count(*) filter (where d.absent)::int as absent_days,
      sum(d.minutes)::int as minutes, max(d.days) as days, max(d.run) as longest_run,
      coalesce(array_agg(d.day order by d.day) filter (where d.absent), '{}') as absent_dates,
      coalesce(jsonb_object_agg(d.day, d.minutes) filter (where d.minutes > 0), '{}') as minute_dates
    from day d
    group by d.person
  ),
  step as materialized (
    select distinct on (d.person, t.consecutive, t.from_days) d.person, t.consecutive, t.from_days, t.level, t.sanction, t.basis, d.day as reached_on
    from day d cross join lateral hadir.steps_on(p_government, d.day) t
    where t.from_days <= case when t.consecutive then d.run else d.days end
    order by d.person, t.consecutive, t.from_days, d.day
  )
  select s.person, s.unit, s.absent_days, s.minutes, s.days - s.absent_days, s.days, s.longest_run, s.absent_dates,
    coalesce(w.dates, '{}'), s.minute_dates,
    (select jsonb_build_object('from_days', t.from_days, 'level', t.level, 'sanction', t.sanction, 'basis', t.basis, 'reached_on', t.reached_on)
     from step t where t.person = s.person and not t.consecutive order by t.from_days desc limit 1),
    (select jsonb_build_object('from_days', t.from_days, 'level', t.level, 'sanction', t.sanction, 'basis', t.basis, 'reached_on', t.reached_on)
     from step t where t.person = s.person and t.consecutive order by t.from_days desc limit 1)
  from sum s
  left join row w on w.person = s.person;
end
$$;
comment on function hadir.discipline(bigint, date, bigint[], boolean) is
  'p_as_of''s year up to it, a row per person who has unexcused days or minutes: absent_days and their dates, minutes by date and '
  'the days they make (minute_days), days: both; longest_run: most in a row, run_dates: which; the highest step reached by days and the one by '
  'days in a row, null: none. p_closed: as in hadir.recap_sessions. Called by api functions.';

revoke all on function hadir.steps_on(bigint, date), hadir.discipline_days(bigint, date, bigint[], boolean),
  hadir.discipline_steps(bigint, date, bigint[], boolean), hadir.discipline(bigint, date, bigint[], boolean) from public;
grant execute on function hadir.steps_on(bigint, date), hadir.discipline_days(bigint, date, bigint[], boolean),
  hadir.discipline_steps(bigint, date, bigint[], boolean), hadir.discipline(bigint, date, bigint[], boolean)
  to hadir_reader, hadir_writer;
