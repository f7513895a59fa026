-- The watch-list of discipline: who has unexcused days this year, the step of the government's table that they reach and the next one,
-- with the dates behind every count. Evidence for the superior who examines; nothing is imposed here. What counts is as
-- recap_discipline.sql says. Shapes and refusals as in reports.sql.

create or replace function hadir.report_year_asked(p_body jsonb, p_now timestamptz)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], persons bigint[], about jsonb, first_day date,
  last_day date, closed boolean, as_of timestamptz, complete boolean)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems constant jsonb := hadir.question_problems(p_body, '{"unit": "text", "government": "text", "date": "day"}');
begin
  if v_problems <> '[]' then
    return query select hadir.refusal(422, 'invalid', v_problems), null::bigint, null::text, null::bigint, null::bigint[], null::bigint[],
      null::jsonb, null::date, null::date, null::boolean, null::timestamptz, null::boolean;
  else
    return query
    select s.refusal, s.government, s.zone, s.unit, s.units, case when s.unit is not null then array(
        select o.person from hadir.posting o
        where o.unit = any (s.units) and o.kind = 'main' and o.valid_from <= s.last_day and (o.valid_to is null or o.valid_to >= s.last_day)) end,
      s.about, s.first_day, s.last_day, s.closed, s.as_of, s.complete
    from hadir.report_span(p_body, p_now, null, hadir.try_date(hadir.body_text(p_body, 'date')), 'date', 'date') s;
  end if;
end
$$;
comment on function hadir.report_year_asked(jsonb, timestamptz) is
  'p_body: as of hadir.report_span, and date (default: the local today, or the last frozen day): the year up to it. persons: who belongs to the units at the end. '
  'Called by the api functions of discipline.';

create or replace function hadir.dates_text(p_dates date[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(d::text, ' ' order by d) from unnest(p_dates) d
$$;

revoke all on function hadir.report_year_asked(jsonb, timestamptz), hadir.dates_text(date[]) from public;
grant execute on function hadir.report_year_asked(jsonb, timestamptz), hadir.dates_text(date[]) to hadir_reader;

set role hadir_reader;

create or replace function api.report_discipline_head(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a         record;
  v_minutes int;
begin
  select * into a from hadir.report_year_asked(p_body, p_now);
  if a.refusal is not null then
    return a.refusal;
  end if;
  select c.minutes_per_day into v_minutes from hadir.consequence_on(a.government, a.last_day) c;
  return hadir.report_head(a.government, a.zone, a.unit, a.about, a.closed, null, a.as_of, a.complete,
    jsonb_build_object('from', a.first_day, 'to', a.last_day, 'codes', '{}'::jsonb, 'minutes_per_day', v_minutes, 'note', hadir.say(
      'Bahan pemeriksaan bagi atasan langsung; laporan ini tidak menjatuhkan hukuman.',
      'For the direct superior to examine; this report imposes nothing.') || case when v_minutes is not null then format(hadir.say(
      ' %s menit terlambat dan pulang awal dihitung satu hari.', ' %s minutes of coming late and leaving early count as a day.'), v_minutes) else '' end));
end
$$;
comment on function api.report_discipline_head(jsonb, timestamptz) is
  'p_body: as in hadir.report_year_asked. The head of both reports of discipline, or {"error"}; minutes_per_day: what makes a day on the last '
  'one, null: that rule is off. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_discipline(jsonb, timestamptz);
create function api.report_discipline(p_body jsonb, p_now timestamptz)
returns table (no bigint, unit text, nip text, name text, grade text, post text, days int, absent_days int, minute_days int, minutes int,
  level text, sanction text, basis text, reached_on date, next_days int, next_sanction text, longest_run int, run_sanction text, run_basis text,
  run_reached_on date, next_run int, dates text, minute_dates text, run_dates text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a record;
begin
  select * into a from hadir.report_year_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  return query
  with listed as (
    select d.* from hadir.discipline(a.government, a.last_day, a.persons, a.closed) d
    where (d.days > 0 or d.longest_run > 0) and d.unit = any (a.units)
  ),
  -- Minutes count on the days of the rule.
  filled as (
    select d.person, sum(m.value::int)::int as minutes, string_agg(m.key || ' ' || m.value, ', ' order by m.key) as dates
    from listed d cross join lateral jsonb_each_text(d.minute_dates) m
    where m.key::date in (
      select g::date from generate_series(a.first_day::timestamp, a.last_day::timestamp, interval '1 day') g
      cross join lateral hadir.consequence_on(a.government, g::date) c where c.minutes_per_day is not null)
    group by d.person
  ),
  step as materialized (
    select s.* from hadir.steps_on(a.government, a.last_day) s
  )
  select row_number() over (order by d.days desc, d.longest_run desc, u.code collate "C", p.name collate "C", p.nip), u.code, p.nip, p.name, p.grade,
    p.post, d.days, d.absent_days, d.minute_days, coalesce(f.minutes, 0), d.step ->> 'level', d.step ->> 'sanction', d.step ->> 'basis',
    (d.step ->> 'reached_on')::date, n.from_days, n.sanction, d.longest_run, d.consecutive_step ->> 'sanction', d.consecutive_step ->> 'basis',
    (d.consecutive_step ->> 'reached_on')::date,
    (select min(s.from_days) from step s where s.consecutive and s.from_days > d.longest_run),
    hadir.dates_text(d.absent_dates),
    f.dates, hadir.dates_text(d.run_dates)
  from listed d
  left join filled f on f.person = d.person
  join hadir.person p on p.id = d.person
  join hadir.unit u on u.id = d.unit
  left join lateral (
    select s.from_days, s.sanction from step s where not s.consecutive and s.from_days > d.days order by s.from_days limit 1) n on true
  order by 1;
end
$$;
comment on function api.report_discipline(jsonb, timestamptz) is
  'p_body: as in hadir.report_year_asked. Who has unexcused days (days: absent_days and minute_days) or a row of them, most first: the '
  'highest step of either kind that is reached, and when; next_days, next_run: how many days the next step takes; every date behind the counts, '
  'minute_dates with their minutes, as far as the rule of minutes held. No row when the head is a refusal. Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_discipline_days(jsonb, timestamptz);
create function api.report_discipline_days(p_body jsonb, p_now timestamptz)
returns table (unit text, nip text, name text, day date, weekday text, absent boolean, minutes int, days int, "run" int)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a record;
begin
  select * into a from hadir.report_year_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  return query
  with counted as materialized (
    select d.*, max(d.days) over (partition by d.person) > 0 or max(d.run) over (partition by d.person) > 0 as listed
    from hadir.discipline_days(a.government, a.last_day, a.persons, a.closed) d
  ),
  rule as materialized (
    select g::date as day, c.minutes_per_day
    from generate_series(a.first_day::timestamp, a.last_day::timestamp, interval '1 day') g cross join lateral hadir.consequence_on(a.government, g::date) c
  )
  select u.code, p.nip, p.name, d.day, to_char(d.day, 'dy'), d.absent, case when r.minutes_per_day is not null then d.minutes end, d.days, d.run
  from counted d
  join hadir.person p on p.id = d.person
  join hadir.unit u on u.id = d.unit
  left join rule r on r.day = d.day
  where d.listed and d.unit = any (a.units) and (d.absent or r.minutes_per_day is not null)
  order by u.code collate "C", p.name collate "C", p.nip, d.day;
end
$$;
comment on function api.report_discipline_days(jsonb, timestamptz) is
  'p_body: as in hadir.report_year_asked. The days behind api.report_discipline: absent, or with minutes that count (null: the rule is off); days and run: what '
  'they had come to by then; days of the old year, with which a row began, have days 0. No row when the head is a refusal. Called by '
  'hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

revoke all on function
  api.report_discipline_head(jsonb, timestamptz), api.report_discipline(jsonb, timestamptz), api.report_discipline_days(jsonb, timestamptz)
  from public;
grant execute on function
  api.report_discipline_head(jsonb, timestamptz), api.report_discipline(jsonb, timestamptz), api.report_discipline_days(jsonb, timestamptz)
  to hadir_query, hadir_admin, hadir_nightly;

reset role;
