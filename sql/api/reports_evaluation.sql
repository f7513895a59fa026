-- Evaluation of a period: presence, places, punctuality, by unit, beside an earlier period of as many days on the same weekdays. Shapes
-- and refusals as in reports.sql.
--
-- Counted are person-days that hadir.recap_days has, working days alone; each share says of how many. A difference is of the two figures as
-- printed: percentage points, or minutes. Nothing is tested for significance: sizes are there to be looked at.
--
--   presence, absent, excuse    of working days: there; no session attended, none excused; not there, excused (whole or in part)
--   wfo wfh wfa dl elsewhere    of days on which they were there; a day at two places counts in both, elsewhere: in none
--   late_days, early_days       of days on which they were there
--   late_minutes, early_minutes minutes per day on which they were there

-- The earlier period: right before, in whole weeks, or from the week of a day on.
create or replace function hadir.report_baseline(p_body jsonb, p_government bigint, p_from date, p_to date, p_last date)
returns table (problems jsonb, first_day date, last_day date)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_asked constant date := hadir.try_date(hadir.body_text(p_body, 'baseline'));
  v_first constant date := case when v_asked is null then p_from - 7 * ((p_to - p_from) / 7 + 1)
                                else date_trunc('week', v_asked::timestamp)::date + extract(isodow from p_from)::int - 1 end;
  v_last  constant date := v_first + (p_last - p_from);
begin
  return query select hadir.problem_if(v_first + (p_to - p_from) >= p_from, 'baseline',
      hadir.say('masa pembanding harus selesai sebelum from', 'the earlier period must end before from')),
    case when v_last >= hadir.service_began(p_government) then greatest(v_first, hadir.service_began(p_government)) end, v_last;
end
$$;
comment on function hadir.report_baseline(jsonb, bigint, date, date, date) is
  'p_body: baseline (a day of its first week; none: right before). p_from … p_to: the period; p_last: as far as it is over. What is wrong; the '
  'days to compare with, as far as there was the service: first_day null: none. Called by hadir.report_evaluation_asked.';

create or replace function hadir.report_evaluation_asked(p_body jsonb, p_now timestamptz)
returns table (refusal jsonb, government bigint, zone text, unit bigint, units bigint[], persons bigint[], about jsonb, first_day date,
  last_day date, closed boolean, as_of timestamptz, complete boolean, before_first date, before_last date)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a      record;
  b      record;
  v_open date;
begin
  select null::jsonb as problems, null::date as first_day, null::date as last_day into b;
  select * into a from hadir.report_period_asked(p_body, p_now, '{"baseline": "day"}', 92);
  if a.refusal is null then
    select * into b from hadir.report_baseline(p_body, a.government, hadir.try_date(hadir.body_text(p_body, 'from')), hadir.try_date(hadir.body_text(p_body, 'to')), a.last_day);
    if b.problems <> '[]' then
      a.refusal := hadir.refusal(422, 'invalid', b.problems);
    elsif a.closed and b.first_day is not null then
      v_open := hadir.first_not_frozen(a.government, b.first_day, b.last_day);
      if v_open is not null then
        a.refusal := hadir.report_not_closed('baseline', v_open::text);
      end if;
    end if;
    if a.unit is not null then
      a.persons := array(
        select distinct o.person from hadir.posting o
        where o.unit = any (a.units) and o.kind = 'main' and o.valid_from <= a.last_day
          and (o.valid_to is null or o.valid_to >= least(a.first_day, b.first_day)));
    end if;
  end if;
  return query select a.refusal, a.government, a.zone, a.unit, a.units, a.persons, a.about, a.first_day, a.last_day, a.closed, a.as_of, a.complete,
    b.first_day, b.last_day;
end
$$;
comment on function hadir.report_evaluation_asked(jsonb, timestamptz) is
  'hadir.report_period_asked with baseline, at most 92 days; persons: of both periods; before_first null: nothing to compare. Called by '
  'api.report_evaluation and its head.';

revoke all on function hadir.report_baseline(jsonb, bigint, date, date, date), hadir.report_evaluation_asked(jsonb, timestamptz) from public;
grant execute on function hadir.report_baseline(jsonb, bigint, date, date, date), hadir.report_evaluation_asked(jsonb, timestamptz) to hadir_reader;

set role hadir_reader;

create or replace function api.report_evaluation_head(p_body jsonb, p_now timestamptz) returns jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  a record;
begin
  select * into a from hadir.report_evaluation_asked(p_body, p_now);
  return coalesce(a.refusal, hadir.report_head(a.government, a.zone, a.unit, a.about, a.closed, null, a.as_of, a.complete,
    jsonb_build_object('from', a.first_day, 'to', a.last_day, 'codes', '{}'::jsonb,
      'baseline', case when a.before_first is not null then jsonb_build_object('from', a.before_first, 'to', a.before_last) end,
      'note', case when a.before_first is null then hadir.say('Tidak ada pembanding: layanan belum berjalan pada masa itu.',
                                                              'Nothing to compare: the service had not begun then.')
                   else format(hadir.say('Dibandingkan dengan %s sampai %s.', 'Compared with %s to %s.'), a.before_first, a.before_last) end)));
end
$$;
comment on function api.report_evaluation_head(jsonb, timestamptz) is
  'p_body: as in hadir.report_evaluation_asked. The head, or {"error"}; baseline: {from, to}, or null: nothing to compare. Called by '
  'hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

drop function if exists api.report_evaluation(jsonb, timestamptz);
create function api.report_evaluation(p_body jsonb, p_now timestamptz)
returns table (unit text, unit_name text, level int, measure text, days bigint, value numeric, amount bigint, sample bigint, baseline_days bigint,
  baseline numeric, baseline_amount bigint, baseline_sample bigint, difference numeric)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  a record;
begin
  select * into a from hadir.report_evaluation_asked(p_body, p_now);
  if a.refusal is not null then
    return;
  end if;
  return query
  with day as materialized (
    select t.earlier, d.*
    from (values (false, a.first_day, a.last_day), (true, a.before_first, a.before_last)) t (earlier, first, last)
    cross join generate_series(t.first::timestamp, t.last::timestamp, interval '7 days') w
    cross join lateral (
      select d.unit, d.day, count(*) as days, count(*) filter (where d.present) as present, count(*) filter (where d.absent) as absent,
        count(*) filter (where not d.present and d.counted @> '[{"component": "excuse"}]') as excused,
        count(*) filter (where d.present and 'WFO' = any (d.places)) as wfo, count(*) filter (where d.present and 'WFH' = any (d.places)) as wfh,
        count(*) filter (where d.present and 'WFA' = any (d.places)) as wfa, count(*) filter (where d.present and 'DL' = any (d.places)) as dl,
        count(*) filter (where d.present and d.places = '{}') as elsewhere, count(*) filter (where d.late_minutes > 0) as late_days,
        sum(d.late_minutes) as late_minutes, count(*) filter (where d.early_minutes > 0) as early_days, sum(d.early_minutes) as early_minutes
      from hadir.recap_days(a.government, w::date, least(w::date + 6, t.last), a.persons, a.closed) d
      where d.unit = any (a.units)
      group by d.unit, d.day) d
  ),
  line as materialized (
    select l.line, l.code, l.name, l.level, l.path, d.earlier, count(distinct d.day) as working, sum(d.days)::bigint as days, sum(d.present)::bigint as present, sum(d.absent) as absent,
      sum(d.excused) as excused, sum(d.wfo) as wfo, sum(d.wfh) as wfh, sum(d.wfa) as wfa, sum(d.dl) as dl, sum(d.elsewhere) as elsewhere,
      sum(d.late_days) as late_days, sum(d.late_minutes) as late_minutes, sum(d.early_days) as early_days, sum(d.early_minutes) as early_minutes
    from hadir.report_lines(a.government, a.unit, a.units) l
    join day d on d.unit = l.unit
    group by l.line, l.code, l.name, l.level, l.path, d.earlier
  ),
  figure as (
    select l.line, l.code, l.name, l.level, l.path, l.earlier, l.working, m.turn, m.measure, m.amount, m.sample, round(m.scale * m.amount / nullif(m.sample, 0), 2) as value
    from line l
    cross join lateral (values
      (1, 'presence', l.present, l.days, 100.0), (2, 'absent', l.absent, l.days, 100), (3, 'excuse', l.excused, l.days, 100),
      (4, 'wfo', l.wfo, l.present, 100), (5, 'wfh', l.wfh, l.present, 100), (6, 'wfa', l.wfa, l.present, 100), (7, 'dl', l.dl, l.present, 100),
      (8, 'elsewhere', l.elsewhere, l.present, 100), (9, 'late_days', l.late_days, l.present, 100), (10, 'late_minutes', l.late_minutes, l.present, 1),
      (11, 'early_days', l.early_days, l.present, 100), (12, 'early_minutes', l.early_minutes, l.present, 1)) m (turn, measure, amount, sample, scale)
  )
  select coalesce(n.code, e.code), coalesce(n.name, e.name), coalesce(n.level, e.level), coalesce(n.measure, e.measure), coalesce(n.working, 0), n.value,
    coalesce(n.amount, 0)::bigint, coalesce(n.sample, 0), coalesce(e.working, 0), e.value, coalesce(e.amount, 0)::bigint, coalesce(e.sample, 0), n.value - e.value
  from (select * from figure f where not f.earlier) n
  full join (select * from figure f where f.earlier) e on e.line = n.line and e.turn = n.turn
  order by coalesce(n.path, e.path), coalesce(n.turn, e.turn);
end
$$;
comment on function api.report_evaluation(jsonb, timestamptz) is
  'p_body: as in hadir.report_evaluation_asked. A row per unit (with all below it, as in api.report_daily) and measure, as the file says: value = amount of '
  'sample in percent, or minutes each; sample: person-days, on as many working days (days); null: there were none; baseline…: of the earlier period. No row when the head is a refusal. '
  'Called by hadir_query with hadir.actor set, hadir_admin, hadir_nightly.';

revoke all on function
  api.report_evaluation_head(jsonb, timestamptz), api.report_evaluation(jsonb, timestamptz)
  from public;
grant execute on function
  api.report_evaluation_head(jsonb, timestamptz), api.report_evaluation(jsonb, timestamptz)
  to hadir_query, hadir_admin, hadir_nightly;

reset role;
