-- What the calendar says now, out of everything that decrees ever said: tables only grow, the latest dated word holds.

-- The days off of every government from p_from to p_to, one row each: ids of the entries in force by kind and id, and
-- their names. National decrees are weighed among each other, and so are a government's own; in each the latest dated of
-- a day holds, and WORK among them takes the day back. A government's WORK also takes back the national day, unless a
-- decree dated later names it. Callers: the planner's functions, readers.
create or replace function hadir.calendar_in_force(p_from date, p_to date)
returns table (government bigint, day date, ids bigint[], names text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with word as (
    select c.government, c.day, c.id, c.kind, c.name, c.dated
    from (select c.*, rank() over (partition by c.government, c.day order by c.dated desc) as place
          from hadir.calendar_day c where c.day between p_from and p_to) c
    where c.place = 1
  ),
  back as (
    select w.government, w.day, max(w.dated) as dated from word w where w.kind = 'WORK' group by w.government, w.day
  )
  select g.id, w.day, array_agg(w.id order by w.kind, w.id), string_agg(w.name, ', ' order by w.kind, w.id)
  from hadir.government g
  join word w on w.government is null or w.government = g.id
  where not exists (select from back b where b.day = w.day and b.government is not distinct from w.government)
    and not exists (select from back b where b.day = w.day and b.government = g.id and b.dated >= w.dated)
  group by g.id, w.day
$$;

-- The days of periods from p_from to p_to: one row for each government, day and kind of period that covers it,
-- with the ids of the decrees' rows. Of several
-- decrees about the same kind and name, national or the government's own, the latest dated holds; of the same date the
-- government's own.
drop function if exists hadir.period_days(date, date);
create function hadir.period_days(p_from date, p_to date)
returns table (government bigint, day date, kind text, ids bigint[])
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select p.government, d::date, p.kind, array_agg(p.id order by p.id)
  from (select distinct on (g.id, c.kind, c.name) g.id as government, c.kind, c.id, c.first_day, c.last_day
        from hadir.government g
        join hadir.calendar_period c on c.government is null or c.government = g.id
        order by g.id, c.kind, c.name, c.dated desc, c.government nulls last) p
  cross join generate_series(greatest(p.first_day, p_from)::timestamp, least(p.last_day, p_to)::timestamp, interval '1 day') d
  group by p.government, d, p.kind
$$;

revoke all on function hadir.calendar_in_force(date, date), hadir.period_days(date, date) from public;
grant execute on function hadir.calendar_in_force(date, date), hadir.period_days(date, date) to hadir_reader, hadir_writer;
