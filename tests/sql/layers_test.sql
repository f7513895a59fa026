-- Circulars in layers, letters and absences: what the compiler makes of them. Rows are written directly: the functions
-- that file them have tests of their own.
begin;
select no_plan();
\i tests/town.psql
reset session authorization;

create function pg_temp.day_of(p_nip text, p_day date) returns text language sql as $$
  select concat_ws(' ', coalesce(p.place, '-'), case when p.anywhere then 'anywhere' end,
    (select string_agg(s.code || '=' || to_char(s.accept_from at time zone g.zone, 'HH24:MI') || '..'
       || to_char(s.accept_until at time zone g.zone, 'DD HH24:MI'), ' ' order by s.position) from hadir.plan_session s where s.pattern = p.id),
    (select '[' || string_agg(f.code, ',' order by n) || ']' from unnest(p.fences) with ordinality i (id, n) join hadir.fence f on f.id = i.id),
    case when p.reason is not null then '(' || p.reason || ')' end, p.excuse, case when p.excused <> '{}' then 'excused ' || array_to_string(p.excused, ',') end,
    case when p.evidence <> '[]' then (select string_agg(concat_ws('×', e ->> 'kind', e ->> 'times'), '+') from jsonb_array_elements(p.evidence) e) end,
    case when p.policies <> '{}' then '<' || (select string_agg(o.number, ',' order by o.number) from hadir.policy o where o.id = any (p.policies)) || '>' end)
  from hadir.plan_day d
  join hadir.person e on e.id = d.person
  join hadir.plan_pattern p on p.id = d.pattern
  join hadir.government g on g.id = p.government
  where e.nip = p_nip and d.day = p_day
$$;
create function pg_temp.n(p int) returns text language sql as $$ select '19800101200501100' || p $$;
create function pg_temp.person(p int) returns bigint language sql as $$ select id from hadir.person where nip = pg_temp.n(p) $$;
create function pg_temp.policy(p_number text, p_dated date, p_rank int, p_from date, p_to date) returns bigint language sql as $$
  insert into hadir.policy (government, number, dated, rank, valid_from, valid_to)
  select id, p_number, p_dated, p_rank, p_from, p_to from hadir.government where code = 'kota' returning id
$$;
grant execute on all functions in schema pg_temp to public;

-- A standing circular: Thursday from home for everybody but dinas-b and heads; Tuesday by letter. It wants a report.
select pg_temp.policy('tetap', '2025-01-01', 0, '2025-01-01', null) as p1 \gset
insert into hadir.policy_scope (policy, unit, exclude, echelons) values (:p1, null, false, null),
  (:p1, (select id from hadir.unit where code = 'dinas-b'), true, null), (:p1, null, true, '{II,III}');
insert into hadir.policy_day values (:p1, '{4}', 'WFH', true, false), (:p1, '{2}', 'WFH', true, true), (:p1, '{1,3,5}', 'WFO', false, false);
insert into hadir.policy_evidence (policy, places, kind, times) values (:p1, '{WFH}', 'work_report', 1), (:p1, '{WFH,WFA}', 'location', 2);
update hadir.policy set states_evidence = true, accuracy_cap_m = 60 where id = :p1;
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:50+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-18'), 'WFH anywhere pagi=06:00..18 12:00 sore=12:00..18 20:00 [k-a] location×2+work_report×1 <tetap>', 'Thursday at home, with what it needs');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-16'), 'WFO pagi=06:00..16 12:00 sore=12:00..16 20:00 [k-a] <tetap>', 'Tuesday: who has no letter stays');
select is(pg_temp.day_of(pg_temp.n(3), '2025-12-18'), 'WFO pagi=06:00..18 12:00 sore=12:00..18 20:00 [k-kota]', 'an excluded unit is not bound');
update hadir.person set echelon = 'III' where nip = pg_temp.n(1);
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:51+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-18'), 'WFO pagi=06:00..18 12:00 sore=12:00..18 20:00 [k-a]', 'nor an excluded echelon');
update hadir.person set echelon = '' where nip = pg_temp.n(1);

-- An overlay of two days: place only. Evidence and cap stay those of the circular below.
select pg_temp.policy('susulan', '2025-12-10', 0, '2025-12-17', '2025-12-18') as p2 \gset
insert into hadir.policy_scope (policy) values (:p2);
insert into hadir.policy_day values (:p2, '{1,2,3,4,5}', 'WFA', true, false);
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:52+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-17'), 'WFA anywhere pagi=06:00..17 12:00 sore=12:00..17 20:00 [k-a] location×2 <susulan,tetap>', 'the later dated gives the place, the other the evidence');
select is((select distinct p.accuracy_cap_m from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.person = pg_temp.person(1) and d.day = '2025-12-17'), 60::float8, 'and the cap');
select is(pg_temp.day_of(pg_temp.n(3), '2025-12-17'), 'WFA anywhere pagi=06:00..17 12:00 sore=12:00..17 20:00 [k-kota] <susulan>', 'where only the overlay binds');
update hadir.policy set rank = 1 where id = :p1;
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:53+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-17'), 'WFO pagi=06:00..17 12:00 sore=12:00..17 20:00 [k-a] <tetap>', 'rank goes before date');
update hadir.policy set rank = 0 where id = :p1;
-- A circular's own sessions, channel times and its word on uncertain points.
insert into hadir.session (policy, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
values (:p2, 'apel', 'Apel daring', 'presence', '7:00', '7:00', '7:30', '8:00', '8:00');
insert into hadir.policy_channel values (:p2, 'whatsapp', 'arrival');
update hadir.policy set own_sessions = true, uncertain_counts = false where id = :p2;
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:54+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-17'), 'WFA anywhere apel=07:00..17 08:00 [k-a] location×2 <susulan,tetap>', 'own sessions');
select results_eq($$select p.decides, p.uncertain_counts from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern where d.person = pg_temp.person(1) and d.day = '2025-12-17'$$,
  $$values ('{fix,fix,fix,arrival}'::text[], false)$$, 'the channel it names, the others as before');

-- ---------------------------------------------------------------------------------------------------------- letters
insert into hadir.letter (government, unit, kind, number, dated, filed_at) select u.government, u.id, v.kind, v.number, v.dated, '2025-12-15 08:00+08'
from hadir.unit u, (values ('assignment', 'ST-1', date '2025-12-12'), ('travel', 'ST-2', '2025-12-13'), ('recall', 'PG-3', '2025-12-14'), ('roster', 'DJ-4', '2025-12-15')) v (kind, number, dated) where u.code = 'dinas-a';
insert into hadir.letter_order (letter, place, anywhere, fences, zone, shift)
select l.id, v.place, v.anywhere, array(select f.id from hadir.fence f where f.code = v.fence), v.zone, v.shift
from hadir.letter l join (values ('ST-1', 'WFH', true, '', null, null), ('ST-2', 'DL', false, 'k-rsud', 'Asia/Jayapura', null), ('PG-3', 'WFO', false, '', null, null), ('DJ-4', 'WFO', false, '', null, 'MALAM')) v (number, place, anywhere, fence, zone, shift) on v.number = l.number;
create function pg_temp.assign(p_number text, p_person int, variadic p_days date[]) returns void language sql as $$
  insert into hadir.assignment (letter, person, day, orders)
  select l.id, pg_temp.person(p_person), d, o.id from hadir.letter l join hadir.letter_order o on o.letter = l.id, unnest(p_days) d where l.number = p_number;
  insert into hadir.plan_dirt (kind, ref, first_day, last_day) select 'person', pg_temp.person(p_person), min(d), max(d) from unnest(p_days) d
$$;
select pg_temp.assign('ST-1', 1, '2025-12-16', '2025-12-22', '2025-12-23'), pg_temp.assign('ST-2', 1, '2025-12-22'), pg_temp.assign('PG-3', 1, '2025-12-23');
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:55+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(1), '2025-12-16'), 'WFO %', 'a filed letter does nothing');
update hadir.letter set status = 'confirmed';
insert into hadir.plan_dirt (kind, ref, first_day, last_day) values ('person', pg_temp.person(1), '2025-12-16', '2025-12-23');
set session authorization hadir_planner;
select number as n5 from api.plan_refresh('2025-12-22 06:56+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-16'), 'WFH anywhere pagi=06:00..16 12:00 sore=12:00..16 20:00 [k-a] location×2+work_report×1 <tetap>', 'a confirmed one gives the place of its day');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-15'), 'WFO pagi=06:00..15 12:00 sore=12:00..15 20:00 [k-a] <tetap>', 'not the day before');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-22'), 'DL pagi=05:00..22 11:00 sore=11:00..22 19:00 [k-rsud] <tetap>', 'travel goes before assignment: its place, its fences alone, its zone''s hours');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-23'), 'WFO pagi=06:00..23 12:00 sore=12:00..23 20:00 [k-a] <tetap>', 'recall goes before all');
select is((select count(*) from hadir.directory_change where kind = 'person' and number = :n5), 1::bigint, 'one person''s record changed');
select is((select string_agg(m.first_day || '..' || m.last_day, ' ' order by m.first_day) from hadir.plan_member m where m.person = pg_temp.person(1) and m.last_day >= '2025-12-15'),
  '2025-12-15..2025-12-15 2025-12-16..2025-12-16 2025-12-17..2025-12-20 2025-12-21..2025-12-21 2025-12-22..2025-12-22 2025-12-23..2025-12-23 2025-12-24..infinity', 'as stretches of days');

-- A shift of the roster: on a Sunday, over midnight, cut by the next day's own hours.
insert into hadir.working_hours (government, unit, valid_from, weekdays, shift) select government, id, '2025-01-01', '{1}', 'MALAM' from hadir.unit where code = 'dinas-a';
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
select w.id, v.* from hadir.working_hours w, (values ('masuk', 'Masuk', 'in', interval '20:00', interval '20:00', interval '21:00', interval '21:01', interval '23:00'),
  ('pulang', 'Pulang', 'out', interval '29:00', interval '31:00', interval '31:00', interval '34:00', interval '34:00')) v where w.shift = 'MALAM';
select pg_temp.assign('DJ-4', 2, '2025-12-21');
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:57+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(2), '2025-12-21'), 'WFO masuk=20:00..21 23:00 pulang=05:00..22 06:00 [k-a]', 'a night shift on a Sunday');
select alike(pg_temp.day_of(pg_temp.n(2), '2025-12-22'), 'WFO pagi%', 'the next day as ever');
select alike(pg_temp.day_of(pg_temp.n(5), '2025-12-21'), '- %(Bukan hari kerja)', 'shift hours bind nobody else');

-- --------------------------------------------------------------------------------------------------------- absences
insert into hadir.absence_code (government, code, name, working) select g.id, v.code, v.name, v.working from hadir.government g, (values ('CT', 'Cuti tahunan', false), ('DL', 'Dinas luar', true), ('I', 'Izin', false)) v (code, name, working);
insert into hadir.absence (government, person, code, first_day, last_day, sessions, status, asked_at)
select g.id, pg_temp.person(v.person), v.code, v.first_day, v.last_day, v.sessions, v.status, '2025-12-15 08:00+08' from hadir.government g, (values
  (1, 'CT', date '2025-12-23', date '2025-12-28', null::text[], 'approved'), (2, 'I', '2025-12-23', '2025-12-23', '{pagi}', 'approved'),
  (3, 'DL', '2025-12-22', '2025-12-22', null, 'approved'), (3, 'CT', '2025-12-23', '2025-12-23', null, 'requested')) v (person, code, first_day, last_day, sessions, status) where g.code = 'kota';
insert into hadir.plan_dirt (kind, ref, first_day, last_day) select 'person', pg_temp.person(n), '2025-12-22', '2025-12-28' from generate_series(1, 3) n;
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-22 06:58+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-23'), '- [k-a] (Cuti tahunan) CT <tetap>', 'leave goes before a letter');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-22'), 'DL pagi=05:00..22 11:00 sore=11:00..22 19:00 [k-rsud] <tetap>', 'the day before it as it was');
select is(pg_temp.day_of(pg_temp.n(2), '2025-12-23'), 'WFO pagi=06:00..23 12:00 sore=12:00..23 20:00 [k-a] I:pagi excused pagi <tetap>', 'a single session is excused, the day stays');
select is(pg_temp.day_of(pg_temp.n(3), '2025-12-22'), 'DL [k-kota] (Dinas luar) DL', 'a code that counts as work');
select alike(pg_temp.day_of(pg_temp.n(3), '2025-12-23'), 'WFO %', 'a mere request excuses nobody');
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-29 06:58+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-28'), '- [k-a] (Bukan hari kerja)', 'no leave on a Sunday');
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-25'), '- [k-a] (Hari Raya Natal)', 'nor on a holiday');
select alike(pg_temp.day_of(pg_temp.n(1), '2025-12-29'), 'WFO pagi%', 'back at work');
update hadir.absence set status = 'revoked' where person = pg_temp.person(1);
insert into hadir.plan_dirt (kind, ref, first_day, last_day) values ('person', pg_temp.person(1), '2025-12-23', '2025-12-28');
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-29 06:59+08') \gset
reset session authorization;
select is(pg_temp.day_of(pg_temp.n(1), '2025-12-23'), 'WFO pagi=06:00..23 12:00 sore=12:00..23 20:00 [k-a] <tetap>', 'leave taken back: the letter speaks again');
select is_empty($$select 1 from hadir.plan_member a join hadir.plan_member b on b.person = a.person and b.first_day > a.first_day and b.first_day <= a.last_day$$, 'nobody is in two classes on a day');
select is_empty($$select 1 from hadir.plan_member m join hadir.posting o on o.person = m.person and o.kind = 'main'
  where m.last_day = 'infinity' group by m.person having count(*) <> 1$$, 'and everybody in one for ever');

-- A late decree about a closed day waits; a letter for it does not.
insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, digest) select id, '2025-12-24', 1, '2025-12-25', '2025-12-25', '\x00' from hadir.government where code = 'kota';
insert into hadir.calendar_day (government, day, kind, name, dated) select id, d, 'REGIONAL', 'Hari Jadi', '2025-12-20' from hadir.government, unnest(array[date '2025-12-23', '2025-12-24']) d where code = 'kota';
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-29 07:00+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(1), '2025-12-23'), '- %(Hari Jadi)', 'an open day changes');
select alike(pg_temp.day_of(pg_temp.n(1), '2025-12-24'), 'WFO %', 'a closed one does not');
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) select government, id, 'CT', '2025-12-24', '2025-12-24', 'approved', '2025-12-29' from hadir.person where nip = pg_temp.n(2);
insert into hadir.plan_dirt (kind, ref, first_day, last_day) values ('person', pg_temp.person(2), '2025-12-24', '2025-12-24');
set session authorization hadir_planner;
select number as version from api.plan_refresh('2025-12-29 07:01+08') \gset
reset session authorization;
select isnt(pg_temp.day_of(pg_temp.n(2), '2025-12-24'), pg_temp.day_of(pg_temp.n(5), '2025-12-24'), 'a leave approved late does change its person''s');
-- A leave of two months ago.
set session authorization hadir_planner;
select number as version from api.plan_refresh('2026-02-20 07:00+08') \gset
reset session authorization;
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) select government, id, 'CT', '2025-12-22', '2025-12-22', 'approved', '2026-02-20' from hadir.person where nip = pg_temp.n(5);
set session authorization hadir_planner;
select number as version from api.plan_refresh('2026-02-20 07:01+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(5), '2025-12-22'), '-%(Cuti tahunan) CT%', 'a leave approved two months late still counts');
select is((select count(*) from hadir.plan_dirt), 0::bigint, 'nothing is left to do');
-- While nobody compiled for months a leave was approved: the window is new altogether, and the leave counts all the same.
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) select government, id, 'CT', '2025-12-30', '2025-12-30', 'approved', '2026-03-01' from hadir.person where nip = pg_temp.n(5);
set session authorization hadir_planner;
select number as version from api.plan_refresh('2026-05-20 07:00+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(5), '2025-12-30'), '-%(Cuti tahunan) CT%', 'a leave approved while the planner was away for long counts, too');
select is((select count(*) from hadir.plan_day where day = '2026-03-11'), (select count(*) from hadir.plan_day where day = '2026-05-20'),
  'and the days of the pause are everybody''s');
-- So does a closed day that was reopened meanwhile, by the decree that came after it.
insert into hadir.attendance_version (government, day, version, frozen_at, closed_at, digest) select id, '2026-05-13', 1, '2026-05-14', '2026-05-14', '\x00' from hadir.government where code = 'kota';
insert into hadir.calendar_day (government, day, kind, name, dated) select id, '2026-05-13', 'REGIONAL', 'Hari Susulan', '2026-05-20' from hadir.government where code = 'kota';
set session authorization hadir_planner;
select number as version from api.plan_refresh('2026-05-20 07:00+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(1), '2026-05-13'), 'WFO %', 'closed');
insert into hadir.plan_dirt (kind, ref, first_day, last_day, why) select 'government', id, '2026-05-13', '2026-05-13', 'reopen' from hadir.government where code = 'kota';
set session authorization hadir_planner;
select number as version from api.plan_refresh('2026-06-10 07:00+08') \gset
reset session authorization;
select alike(pg_temp.day_of(pg_temp.n(1), '2026-05-13'), '- %(Hari Susulan)', 'reopened while the planner was away');
select * from finish();
rollback;
