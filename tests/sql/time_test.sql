-- Where time turns over: midnight in three zones, ends of months and years, the edges of Ramadan, decrees after the fact,
-- a move in mid-month, a head whose place another takes. The same facts, read again after each change of the rules.
begin;
select no_plan();
set client_min_messages = warning;
create schema t;
grant usage on schema t to public;

insert into hadir.government (id, code, name, zone) overriding system value
values (1, 'barat', 'Kota Barat', 'Asia/Jakarta'), (2, 'tengah', 'Kota Tengah', 'Asia/Makassar'), (3, 'timur', 'Kota Timur', 'Asia/Jayapura');
insert into hadir.unit (id, government, code, name, parent) overriding system value
values (10, 1, 'B', 'Barat', null), (20, 2, 'T', 'Tengah', null), (21, 2, 'T1', 'Bidang 1', 20), (22, 2, 'T2', 'Bidang 2', 20), (30, 3, 'U', 'Timur', null);
insert into hadir.person (id, government, nip, name, category) overriding system value
select p, p / 100, lpad(p::text, 18, '9'), 'Pegawai ' || p, 'PNS' from unnest(array[101, 201, 202, 203, 204, 301]) p;
insert into hadir.posting (person, unit, valid_from) values (101, 10, '2020-01-01'), (201, 21, '2020-01-01'), (203, 20, '2020-01-01'), (204, 21, '2020-01-01'), (301, 30, '2020-01-01');
-- 202 moves in mid-month.
insert into hadir.posting (person, unit, valid_from, valid_to) values (202, 21, '2020-01-01', '2026-04-15'), (202, 22, '2026-04-16', null);
insert into hadir.fence (id, government, code, name, kind, unit) overriding system value
values (61, 2, 'kantor-1', 'Kantor 1', 'office', 21), (62, 2, 'kantor-2', 'Kantor 2', 'office', 22);

-- Hours from minutes of the day: accept_from, due, accept_until of in and out; a minute of grace.
create function t.hours(p_government bigint, p_unit bigint, p_weekdays int[], p_season text, p_shift text, variadic p_minutes int[]) returns void
language sql as $$
  with w as (
    insert into hadir.working_hours (government, unit, valid_from, weekdays, season, shift)
    values (p_government, p_unit, '2020-01-01', p_weekdays, p_season, p_shift) returning id
  )
  insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select w.id, v.* from w, (values
    ('pagi', 'Pagi', 'in', p_minutes[1] * interval '1 min', p_minutes[1] * interval '1 min', p_minutes[2] * interval '1 min',
     (p_minutes[2] + 1) * interval '1 min', p_minutes[3] * interval '1 min'),
    ('sore', 'Sore', 'out', p_minutes[4] * interval '1 min', p_minutes[5] * interval '1 min', p_minutes[5] * interval '1 min',
     p_minutes[6] * interval '1 min', p_minutes[6] * interval '1 min')) v
$$;
select t.hours(g, null, '{1,2,3,4,5}', null, null, 360, 450, 720, 720, 960, 1200) from generate_series(1, 3) g;
select t.hours(2, null, '{1,2,3,4,5}', 'RAMADAN', null, 360, 480, 720, 720, 900, 1200);
select t.hours(2, null, '{1,2,3,4,5,6,7}', null, 'MALAM', 1200, 1260, 1380, 1740, 1860, 2040);
select t.hours(2, 22, '{1,2,3,4,5}', null, null, 420, 510, 720, 720, 1020, 1200);

-- A check-in by arrival, wherever that is in the world, inside a fence or nowhere.
create function t.in(p_person bigint, p_at text, p_fence bigint default null) returns void language plpgsql as $$
declare
  v_id uuid := md5(p_person || p_at)::uuid;
begin
  insert into hadir.checkin (id, spool, seq, government, person, channel, received_at)
  values (v_id, '00000000-0000-0000-0000-00000000000a', (select count(*) from hadir.checkin), p_person / 100, p_person, 'whatsapp', p_at::timestamptz);
  insert into hadir.placement (checkin, fence, fence_version, relation) select v_id, p_fence, 1, 'inside' where p_fence is not null;
end $$;
create function t.compile(p_from date, p_to date) returns bigint language sql as $$ select hadir.plan_compile(p_from, p_to) $$;
-- A person's day in a line: reason, or the sessions with what counted, in the local time of his government.
create function t.day(p_person bigint, p_day date) returns text language sql stable as $$
  select string_agg(concat_ws(' ', coalesce(d.session_code, '(' || d.plan_reason || ')', '-'), d.verdict, case when d.late_minutes > 0 then '+' || d.late_minutes end,
    case when d.early_minutes > 0 then '-' || d.early_minutes end, to_char(d.decided_at at time zone g.zone, 'DD HH24:MI:SS')), ', ' order by d.position nulls last)
  from hadir.government g, hadir.derive(g.id, p_day, p_day, array[p_person]) d where g.id = p_person / 100
$$;

-- ------------------------------------------------------------------------------------------ midnight in three zones
-- The last day of a year, a Wednesday; the next is a holiday, the one after a Friday.
insert into hadir.calendar_day (day, kind, name, dated) values ('2026-01-01', 'LN', 'Tahun Baru Masehi', '2025-09-19');
select t.compile('2025-12-29', '2026-01-07') \g /dev/null
select results_eq($$select p.starts_at, p.ends_at from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern
  where d.day = '2025-12-31' and d.person in (101, 201, 301) order by d.person$$,
  $$values (timestamptz '2025-12-30 17:00Z', timestamptz '2025-12-31 17:00Z'), ('2025-12-30 16:00Z', '2025-12-31 16:00Z'),
           ('2025-12-30 15:00Z', '2025-12-31 15:00Z')$$, 'the same day begins an hour earlier in each zone to the east');
select t.in(p, '2025-12-31 15:59:59.999999Z'), t.in(p, '2025-12-31 16:00:00Z') from unnest(array[101, 201, 301]) p \g /dev/null
select is(t.day(101, '2025-12-31'), 'pagi, sore, - outside_window 31 22:59:59', 'in the west both are of the old year');
select is((select others from hadir.derive(1, '2025-12-31', '2025-12-31') where verdict = 'outside_window'), 1, 'both');
select is(t.day(101, '2026-01-01'), '(Tahun Baru Masehi) not_expected', 'and none of the new');
select is(t.day(201, '2025-12-31'), 'pagi, sore, - outside_window 31 23:59:59', 'in the middle one of the old');
select is(t.day(201, '2026-01-01'), '(Tahun Baru Masehi) not_expected 01 00:00:00', 'and one of the new, to the microsecond');
select is(t.day(301, '2025-12-31'), 'pagi, sore', 'in the east none of the old');
select is(t.day(301, '2026-01-01'), '(Tahun Baru Masehi) not_expected 01 00:59:59', 'both of the new');

-- ------------------------------------------------------------------------- from the last day of the year to the second
insert into hadir.letter (id, government, unit, kind, number, dated, status, filed_at) overriding system value
values (1, 2, 20, 'roster', 'DJ-1', '2025-12-20', 'confirmed', '2025-12-20 08:00Z');
insert into hadir.letter_order (id, letter, place, shift) overriding system value values (1, 1, 'WFO', 'MALAM');
insert into hadir.assignment (letter, person, day, orders) values (1, 203, '2025-12-31', 1), (1, 203, '2026-01-01', 1), (1, 202, '2026-04-15', 1), (1, 201, '2028-02-29', 1);
select t.compile('2025-12-29', '2026-01-07') \g /dev/null
select t.in(203, '2025-12-31 20:50+08'), t.in(203, '2026-01-01 07:05+08'), t.in(203, '2026-01-01 21:00:59+08'), t.in(203, '2026-01-02 05:40+08'),
       t.in(203, '2026-01-02 07:10+08'), t.in(203, '2026-01-02 16:00+08') \g /dev/null
select is(t.day(203, '2025-12-31'), 'pagi on_time 31 20:50:00, sore on_time 01 07:05:00', 'a night that ends in the new year is of the old');
select is(t.day(203, '2026-01-01'), 'pagi on_time 01 21:00:59, sore early -80 02 05:40:00', 'a shift on the holiday, cut where the next day begins');
select is(t.day(203, '2026-01-02'), 'pagi on_time 02 07:10:00, sore on_time 02 16:00:00', 'the second is an ordinary day');
select is(t.day(201, '2026-01-02'), 'pagi, sore', 'for all');
select is(t.day(201, '2026-01-03'), '(Bukan hari kerja) not_expected', 'and then it is Saturday');

-- The shift's hours end with the year: a list that still names it leaves the Saturday free, and nobody is counted on it.
insert into hadir.assignment (letter, person, day, orders) values (1, 203, '2026-01-03', 1);
insert into hadir.policy (id, government, number, dated, valid_from) overriding system value values (1, 2, 'SE-1', '2025-12-01', '2026-01-03');
insert into hadir.policy_scope (policy) values (1);
insert into hadir.policy_day (policy, weekdays, place) values (1, '{6}', 'WFO');
insert into hadir.policy_quota (policy, measure, percent) values (1, 'min_wfh', 100);
select t.compile('2026-01-02', '2026-01-03') \g /dev/null
select is(t.day(203, '2026-01-03'), 'pagi, sore', 'the shift is on a Saturday, too');
select is((select count(*) from hadir.breaches_of(2, '2026-01-03', '2026-01-03', '{20,21,22}', null)), 1::bigint, 'and counted');
update hadir.working_hours set valid_to = '2026-01-02' where shift = 'MALAM';
select t.compile('2026-01-02', '2026-01-03') \g /dev/null
select is(t.day(203, '2026-01-03'), '(Bukan hari kerja) not_expected', 'no longer, when its hours have ended');
select is((select count(*) from hadir.breaches_of(2, '2026-01-03', '2026-01-03', '{20,21,22}', null)), 0::bigint, 'nor counted');
update hadir.working_hours set valid_to = null where shift = 'MALAM';
delete from hadir.policy;
delete from hadir.assignment where day = '2026-01-03';
select t.compile('2026-01-02', '2026-01-03') \g /dev/null

-- A leap day's night ends in March.
select t.compile('2028-02-27', '2028-03-02') \g /dev/null
select t.in(201, '2028-02-29 21:01+08'), t.in(201, '2028-03-01 05:59:59+08'), t.in(201, '2028-03-01 06:00+08') \g /dev/null
select is(t.day(201, '2028-02-28'), 'pagi, sore', 'the month has one day more');
select is(t.day(201, '2028-02-29'), 'pagi late +1 29 21:01:00, sore early -61 01 05:59:59', 'the leap day and its night');
select is(t.day(201, '2028-03-01'), 'pagi on_time 01 06:00:00, sore', 'the next month begins with its first session');

-- ------------------------------------------------------------------------------------------------ Ramadan's edges
insert into hadir.calendar_period (kind, name, first_day, last_day, dated) values ('RAMADAN', 'Ramadan 1447 H', '2026-02-18', '2026-03-19', '2025-09-19');
select t.compile('2026-02-16', '2026-03-25') \g /dev/null
select t.in(201, d || ' 07:45+08'), t.in(201, d || ' 15:00+08')
from unnest(array['2026-02-17', '2026-02-18', '2026-02-19', '2026-03-19', '2026-03-20']) d \g /dev/null
create function t.edges() returns text[] language sql as $$
  select array_agg(t.day(201, d) order by d) from unnest(array[date '2026-02-17', '2026-02-18', '2026-02-19', '2026-03-19', '2026-03-20']) d
$$;
select is(t.edges(), '{"pagi late +15 17 07:45:00, sore early -60 17 15:00:00","pagi on_time 18 07:45:00, sore on_time 18 15:00:00",
  "pagi on_time 19 07:45:00, sore on_time 19 15:00:00","pagi on_time 19 07:45:00, sore on_time 19 15:00:00","pagi late +15 20 07:45:00, sore early -60 20 15:00:00"}'::text[],
  'from the first to the last day of the period, both inclusive');
select is((select s.due from hadir.plan_day d join hadir.plan_session s on s.pattern = d.pattern where d.person = 101 and d.day = '2026-02-19' and s.code = 'pagi'),
  timestamptz '2026-02-19 07:30+07', 'who has no hours for it keeps his own');
-- The moon is seen a day later than the decree thought.
insert into hadir.calendar_period (kind, name, first_day, last_day, dated) values ('RAMADAN', 'Ramadan 1447 H', '2026-02-19', '2026-03-20', '2026-02-17');
select t.compile('2026-02-16', '2026-03-25') \g /dev/null
select is(t.edges(), '{"pagi late +15 17 07:45:00, sore early -60 17 15:00:00","pagi late +15 18 07:45:00, sore early -60 18 15:00:00",
  "pagi on_time 19 07:45:00, sore on_time 19 15:00:00","pagi on_time 19 07:45:00, sore on_time 19 15:00:00","pagi on_time 20 07:45:00, sore on_time 20 15:00:00"}'::text[],
  'the later decree moves both edges');
select results_eq($$select d.day, c.dated from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern left join hadir.calendar_period c on c.id = any (p.periods)
  where d.person = 201 and d.day in ('2026-02-18', '2026-02-19') order by 1$$, $$values (date '2026-02-18', null::date), ('2026-02-19', '2026-02-17')$$, 'and is named where its hours hold');
select is((select count(*) from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.person = 101 and p.periods <> '{}'), 0::bigint, 'not where there are none');

-- -------------------------------------------------------------------------------------- a holiday after the fact
select t.compile('2026-05-03', '2026-05-06') \g /dev/null
select t.in(201, '2026-05-04 07:45+08'), t.in(201, '2026-05-04 16:10+08') \g /dev/null
select t.day(201, '2026-05-04') as before \gset
select is(:'before'::text, 'pagi late +15 04 07:45:00, sore on_time 04 16:10:00', 'a Monday like others');
insert into hadir.calendar_day (government, day, kind, name, dated) values (2, '2026-05-04', 'REGIONAL', 'Hari Jadi', '2026-05-05');
select t.compile('2026-05-03', '2026-05-06') \g /dev/null
select is(t.day(201, '2026-05-04'), '(Hari Jadi) not_expected 04 07:45:00', 'declared free on the day after: nobody was late');
insert into hadir.calendar_day (government, day, kind, name, dated) values (2, '2026-05-04', 'WORK', 'Hari Jadi dipindahkan', '2026-05-06');
select t.compile('2026-05-03', '2026-05-06') \g /dev/null
select is(t.day(201, '2026-05-04'), :'before'::text, 'taken back: everything as it was');

-- ------------------------------------------------------------------------------------------ a move in mid-month
select t.compile('2026-04-13', '2026-04-18') \g /dev/null
select t.in(202, '2026-04-14 08:00+08', 61), t.in(202, '2026-04-15 20:30+08', 61), t.in(202, '2026-04-16 06:59:59+08', 61),
       t.in(202, '2026-04-16 07:00+08', 61), t.in(202, '2026-04-16 08:20+08', 62) \g /dev/null
select is(t.day(202, '2026-04-14'), 'pagi late +30 14 08:00:00, sore', 'the old unit''s hours');
select is(t.day(202, '2026-04-15'), 'pagi on_time 15 20:30:00, sore early -1 16 06:59:59', 'the last night there, cut by the new unit''s morning');
select is(t.day(202, '2026-04-16'), 'pagi on_time 16 08:20:00, sore', 'the new unit''s hours and office: who is at the old one is not there');
select is((select array_agg(d.unit order by d.day) from hadir.plan_day d where d.person = 202 and d.day between '2026-04-14' and '2026-04-17'),
  '{21,21,22,22}', 'each day in the unit of that day');
select is((select array_agg(p.fences order by d.day)::text from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.person = 202 and d.day in ('2026-04-15', '2026-04-16')),
  '{{61},{62}}', 'with its office');

-- --------------------------------------------------------------------------- a head whose place an acting one takes
insert into hadir.posting (person, unit, valid_from, valid_to, kind) values (203, 21, '2026-01-01', null, 'head'), (204, 21, '2026-04-16', '2026-04-30', 'acting');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value
values (71, 2, 203, 'supervisor', 21, sha256('a'), '2026-01-01'), (72, 2, 204, 'supervisor', 21, sha256('b'), '2026-01-01');
create function t.capacity(p_access int, p_at timestamptz) returns text language plpgsql security definer as $$
begin
  perform set_config('hadir.actor', 'access:' || p_access, true);
  return coalesce(hadir.actor_capacity(21, p_at), 'none');
end $$;
grant execute on all functions in schema t to public;
alter function t.capacity(int, timestamptz) owner to hadir_writer;
set session authorization hadir_operator;
select is(array[t.capacity(71, at), t.capacity(72, at)], expected::text[], at || ': ' || expected) from (values
  (timestamptz '2026-04-15 23:59:59.999999+08', '{head,none}'), ('2026-04-16 00:00+08', '{none,acting}'),
  ('2026-04-30 23:59:59.999999+08', '{none,acting}'), ('2026-05-01 00:00+08', '{head,none}')) v (at, expected);
reset session authorization;

-- -------------------------------------------------------------------------------------- once more, the same answer
create function t.everything() returns text language sql as $$
  select md5(string_agg(d::text, E'\n' order by d::text))
  from hadir.government g, lateral (select to_jsonb(r) - 'pattern' as d from hadir.derive(g.id, '2025-12-29', '2026-05-06') r) x
$$;
select t.everything() as first \gset
select is(t.compile('2025-12-29', '2026-01-07') + t.compile('2026-02-16', '2026-03-25') + t.compile('2026-04-13', '2026-04-18'), 0::bigint, 'compiled again, nothing changes');
select is(t.everything(), :'first', 'derived again, every row is the same');
delete from hadir.plan_slot; delete from hadir.plan_member; delete from hadir.plan_pair; delete from hadir.plan_class; delete from hadir.plan_pattern;
select t.compile('2025-12-29', '2026-05-06') \g /dev/null
select ok((select count(*) from hadir.plan_day) > 700, 'compiled from nothing');
select is((select md5(string_agg(d::text, E'\n' order by d::text)) from hadir.government g, lateral (select to_jsonb(r) - 'pattern' as d
           from hadir.derive(g.id, '2025-12-29', '2026-05-06') r) x
           where (d ->> 'day')::date between '2025-12-29' and '2026-01-07' or (d ->> 'day')::date between '2026-02-16' and '2026-03-25'
              or (d ->> 'day')::date between '2026-04-13' and '2026-04-18' or (d ->> 'day')::date between '2026-05-03' and '2026-05-06'),
  :'first', 'and every row is the same');
select * from finish();
rollback;
