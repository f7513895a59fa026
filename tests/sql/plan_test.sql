-- Compilation: who must be where and when, and what a change changes.
begin;
select no_plan();
\i tests/town.psql

-- The person's day as one line: place, sessions in local time of the zone, fences by code.
reset session authorization;
create function pg_temp.day_of(p_nip text, p_day date) returns text language sql as $$
  select concat_ws(' ', coalesce(p.place, '-'), case when p.anywhere then 'anywhere' end,
    (select string_agg(s.code || '=' || to_char(s.accept_from at time zone g.zone, 'HH24:MI') || '..'
       || to_char(s.accept_until at time zone g.zone, 'DD HH24:MI'), ' ' order by s.position) from hadir.plan_session s where s.pattern = p.id),
    (select '[' || string_agg(f.code, ',' order by n) || ']' from unnest(p.fences) with ordinality i (id, n) join hadir.fence f on f.id = i.id),
    case when p.reason is not null then '(' || p.reason || ')' end, case when p.conflict is not null then '!' || p.conflict end)
  from hadir.plan_day d
  join hadir.person e on e.id = d.person
  join hadir.plan_pattern p on p.id = d.pattern
  join hadir.government g on g.id = p.government
  where e.nip = p_nip and d.day = p_day
$$;

-- Who has a day that version p_number changed.
create function pg_temp.touched(p_number bigint) returns text[] language sql as $$
  select array_agg(distinct e.nip order by e.nip) from hadir.plan_slot s join hadir.plan_member m on m.pair = s.pair
    and s.day between m.first_day and m.last_day join hadir.person e on e.id = m.person where s.number = p_number
$$;

set session authorization hadir_planner;
select number as n0, epoch as e0 from api.plan_refresh('2025-12-29 06:50+08') \gset
select ok(:n0 > 0, 'the first refresh gives a version');
reset session authorization;
select is((select count(*) from hadir.plan_dirt), 0::bigint, 'and takes all that is dirty, however old the postings');
set session authorization hadir_planner;
select results_eq($$select number, changed_people, first_day, days from api.plan_refresh('2025-12-29 06:50:01+08')$$,
  format('values (%s::bigint, 0::bigint, date ''2025-12-21'', 10)', :n0), 'nothing dirty: the same version');
reset session authorization;

select is((select count(*) from hadir.plan_day), 50::bigint, 'five people, ten days');
select is(pg_temp.day_of('198001012005011001', '2025-12-29'), 'WFO pagi=06:00..29 12:00 sore=12:00..29 20:00 [k-a]', 'an ordinary Monday, office of the nearest unit above');
select is(pg_temp.day_of('198001012005011003', '2025-12-29'), 'WFO pagi=06:00..29 12:00 sore=12:00..29 20:00 [k-kota]', 'a unit without an office has that of its parent');
select is(pg_temp.day_of('198001012005011001', '2025-12-25'), '- [k-a] (Hari Raya Natal)', 'a national holiday');
select is(pg_temp.day_of('198001012005011001', '2025-12-26'), '- [k-a] (Cuti bersama Hari Raya Natal)', 'collective leave');
select is(pg_temp.day_of('198001012005011001', '2025-12-28'), '- [k-a] (Bukan hari kerja)', 'a Sunday');

-- Sessions as instants, to the second.
select results_eq($$select s.code, s.counts_as, s.accept_from, s.due, s.on_time_until, s.on_time_from, s.accept_until
  from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.plan_session s on s.pattern = d.pattern
  where e.nip = '198001012005011001' and d.day = '2025-12-22' order by s.position$$,
  $$values ('pagi', 'in', timestamptz '2025-12-21 22:00Z', timestamptz '2025-12-21 23:30Z', timestamptz '2025-12-21 23:31Z',
            timestamptz '2025-12-21 22:00Z', timestamptz '2025-12-22 04:00Z'),
           ('sore', 'out', '2025-12-22 04:00Z', '2025-12-22 08:00Z', '2025-12-22 12:00Z', '2025-12-22 08:00Z', '2025-12-22 12:00Z')$$,
  'WITA hours as UTC');
select is((select min(s.accept_from) from hadir.plan_day d join hadir.person e on e.id = d.person
           join hadir.plan_session s on s.pattern = d.pattern where e.nip = '198001012005011004' and d.day = '2025-12-22'),
  timestamptz '2025-12-21 21:00Z', 'WIT begins an hour earlier');
select is((select count(distinct pattern) from hadir.plan_day d join hadir.person e on e.id = d.person
           where e.nip in ('198001012005011001', '198001012005011002', '198001012005011005') and day = '2025-12-29'), 1::bigint,
  'people with the same day share its pattern');
select is((select count(*) from hadir.plan_pattern p where p.digest in (select digest from hadir.plan_pattern group by digest having count(*) > 1)),
  0::bigint, 'no pattern twice');

-- ------------------------------------------------------------------------------------------- the circular, as rows
set session authorization hadir_admin;
select is(api.policy_apply(:'circular', '2025-12-29') ->> 'status', '201', 'the circular applies');
set session authorization hadir_planner;
select number as n1, changed_people as c1 from api.plan_refresh('2025-12-29 06:51+08') \gset
select ok(:n1 > :n0, 'the version grows');
select is(:c1, 0, 'nobody belongs elsewhere');
reset session authorization;
select is(pg_temp.touched(:n1), '{198001012005011001,198001012005011002,198001012005011003,198001012005011005}', 'it touches the four of its government, not the other');
select is(pg_temp.day_of('198001012005011001', '2025-12-29'), 'WFA anywhere pagi=06:00..29 12:00 sore=12:00..29 20:00 [k-a]', 'WFA under the circular');
select is(pg_temp.day_of('198001012005011001', '2025-12-24'), 'WFO pagi=06:00..24 12:00 sore=12:00..24 20:00 [k-a]', 'not before it begins');
select is(pg_temp.day_of('198001012005011001', '2025-12-28'), '- [k-a] (Bukan hari kerja)', 'a circular makes no working day');
select is(pg_temp.day_of('198001012005011004', '2025-12-29'), 'WFO pagi=06:00..29 12:00 sore=12:00..29 20:00 [k-rsud]', 'nor binds another government');

-- Scope by category and subtree.
set session authorization hadir_admin;
select is(api.policy_apply(tap.policy_document($$
[policy]
number = 100.3.4.2/1031/BKPSDM/XII/2025
dated = 2025-12-18
valid_from = 2025-12-29
valid_to = 2025-12-31
[scope pppk]
units = dinas-a
categories = PPPK
[day semua]
weekdays = 1-7
place = WFA
anywhere = ya
$$), '2025-12-29') ->> 'revision', '2', 'the circular again, narrower');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:52+08')$$, 'refresh');
reset session authorization;
select alike(pg_temp.day_of('198001012005011002', '2025-12-29'), 'WFA anywhere %', 'PPPK below the unit: bound');
select alike(pg_temp.day_of('198001012005011001', '2025-12-29'), 'WFO %', 'PNS: not bound');
select alike(pg_temp.day_of('198001012005011003', '2025-12-29'), 'WFO %', 'another unit: not bound');
set session authorization hadir_admin;
select is(api.policy_remove('{"government": "kota", "number": "100.3.4.2/1031/BKPSDM/XII/2025"}', '2025-12-29') ->> 'status', '200', 'the circular is taken back');
set session authorization hadir_planner;
select number as n2 from api.plan_refresh('2025-12-29 06:53+08') \gset
reset session authorization;
select is(pg_temp.touched(:n2), '{198001012005011002}', 'and the one it bound changes');
select alike(pg_temp.day_of('198001012005011002', '2025-12-29'), 'WFO pagi%', 'back to the office');

-- A circular with its own sessions, and one on top of it that is dated later.
set session authorization hadir_admin;
select is(api.policy_apply(tap.policy_document($$
[policy]
number = 1
dated = 2025-12-01
valid_from = 2025-12-29
valid_to = 2025-12-30
government = kota
[day rumah]
weekdays = 1-7
place = WFH
[session lapor]
label = Lapor
counts_as = presence
accept_from = 07:00
due = 08:00
accept_until = 09:00
$$), '2025-12-29') ->> 'status', '201', 'a circular with a session of its own');
select is(api.policy_apply(tap.policy_document($$
[policy]
number = 2
dated = 2025-12-02
valid_from = 2025-12-30
valid_to = 2025-12-30
[scope b]
units = dinas-b
[day dinas]
weekdays = 1-7
place = DL
$$), '2025-12-29') ->> 'status', '201', 'and one on top of it');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:54+08')$$, 'refresh');
reset session authorization;
select is(pg_temp.day_of('198001012005011003', '2025-12-29'), 'WFH lapor=07:00..29 09:00 [k-kota]', 'own sessions replace the hours');
select is(pg_temp.day_of('198001012005011003', '2025-12-30'), 'DL lapor=07:00..30 09:00 [k-kota]', 'the later dated gives the place; of sessions only the other speaks');

-- --------------------------------------------------------------------------------------------- hours move half an hour
update hadir.session s set due = s.due + interval '30 min', on_time_until = s.on_time_until + interval '30 min'
from hadir.working_hours w join hadir.government g on g.id = w.government
where w.id = s.working_hours and g.code = 'timur' and s.code = 'pagi';
set session authorization hadir_planner;
select number as n3 from api.plan_refresh('2025-12-29 06:55+08') \gset
reset session authorization;
select is(pg_temp.touched(:n3), '{198001012005011004}', 'moved hours change who works them');
select is((select s.due from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.plan_session s on s.pattern = d.pattern
           where e.nip = '198001012005011004' and d.day = '2025-12-29' and s.code = 'pagi'), timestamptz '2025-12-28 23:00Z', 'by half an hour');

-- A unit's own hours, a person's own, and the level nearest to the person.
set session authorization hadir_admin;
select is_empty($$select * from api.import_hours('[
  {"line": 2, "unit": "dinas-a", "valid_from": "2025-12-01", "weekdays": "1-6", "session": "pagi", "label": "Pagi", "counts_as": "in",
   "accept_from": "06:30", "due": "07:00", "on_time_until": "07:01", "accept_until": "10:00"},
  {"line": 3, "nip": "198001012005011002", "valid_from": "2025-12-01", "weekdays": "1,3", "session": "siang", "label": "Siang", "counts_as": "in",
   "accept_from": "12:00", "due": "13:00", "on_time_until": "13:01", "accept_until": "14:00"}]', '2025-12-29')$$, 'own hours load');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:56+08')$$, 'refresh');
reset session authorization;
delete from hadir.policy;
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:56:30+08')$$, 'refresh');
reset session authorization;
select is(pg_temp.day_of('198001012005011001', '2025-12-27'), 'WFO pagi=06:30..27 10:00 [k-a]', 'the unit works on Saturday, with its own hours');
select is(pg_temp.day_of('198001012005011002', '2025-12-29'), 'WFO siang=12:00..29 14:00 [k-a]', 'a person''s own hours go before the unit''s');
select is(pg_temp.day_of('198001012005011002', '2025-12-30'), '- [k-a] (Bukan hari kerja)', 'and a weekday they do not name is free');
select is(pg_temp.day_of('198001012005011003', '2025-12-27'), '- [k-kota] (Bukan hari kerja)', 'other units keep the government''s');

-- A month with other hours (Ramadan): later valid_from, ends by itself.
set session authorization hadir_admin;
select is_empty($$select * from api.import_hours('[
  {"line": 2, "unit": "dinas-a", "valid_from": "2025-12-23", "valid_to": "2025-12-24", "weekdays": "1-5", "session": "pagi", "label": "Pagi",
   "counts_as": "in", "accept_from": "07:00", "due": "08:00", "on_time_until": "08:01", "accept_until": "12:00"}]', '2025-12-29')$$, 'special hours load');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:57+08')$$, 'refresh');
reset session authorization;
select alike(pg_temp.day_of('198001012005011001', '2025-12-22'), 'WFO pagi=06:30%', 'before');
select alike(pg_temp.day_of('198001012005011001', '2025-12-23'), 'WFO pagi=07:00%', 'during');
select alike(pg_temp.day_of('198001012005011001', '2025-12-29'), 'WFO pagi=06:30%', 'after');

-- ------------------------------------------------------------------------------------------------------- night shift
set session authorization hadir_admin;
select is_empty($$select * from api.import_hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2025-12-01", "weekdays": "1-7", "on_holidays": "ya", "session": "masuk", "label": "Masuk", "counts_as": "in",
   "accept_from": "20:00", "due": "21:00", "on_time_until": "21:01", "accept_until": "23:00"},
  {"line": 3, "unit": "rsud", "valid_from": "2025-12-01", "weekdays": "1-7", "on_holidays": "ya", "session": "pulang", "label": "Pulang", "counts_as": "out",
   "accept_from": "29:00", "due": "31:00", "accept_until": "46:00"}]', '2025-12-29')$$, 'a night shift loads');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:58+08')$$, 'refresh');
reset session authorization;
select is(pg_temp.day_of('198001012005011004', '2025-12-24'), 'WFO masuk=20:00..24 23:00 pulang=05:00..25 20:00 [k-rsud]',
  'the night''s end is cut where the next night begins (22:00 becomes 20:00)');
select alike(pg_temp.day_of('198001012005011004', '2025-12-25'), 'WFO masuk%', 'and works on holidays');
select is_empty($$select 1 from (select s.accept_until, lead(s.accept_from) over (partition by d.person order by s.accept_from) as next
  from hadir.plan_day d join hadir.plan_session s on s.pattern = d.pattern) x where next < accept_until$$, 'no person''s intervals overlap');

-- Overlaps that leave nothing are refused, and nothing of the file stays.
set session authorization hadir_admin;
select results_eq($$select line, field from api.import_hours('[
  {"line": 7, "unit": "dinas-b", "valid_from": "2025-12-01", "weekdays": "1-5", "session": "satu", "counts_as": "in",
   "accept_from": "07:00", "due": "08:00", "on_time_until": "08:01", "accept_until": "09:00"},
  {"line": 8, "unit": "dinas-b", "valid_from": "2025-12-01", "weekdays": "1-5", "session": "dua", "counts_as": "in",
   "accept_from": "07:00", "due": "08:00", "on_time_until": "08:01", "accept_until": "10:00"}]', '2025-12-29')$$,
  $$values (7, 'accept_from')$$, 'a session that another covers wholly is refused');
select results_eq($$select line, field from api.import_hours('[
  {"line": 2, "unit": "dinas-b", "valid_from": "2025-12-01", "weekdays": "1-7", "session": "masuk", "counts_as": "in",
   "accept_from": "07:00", "due": "08:00", "on_time_until": "08:01", "accept_until": "09:00"},
  {"line": 3, "unit": "dinas-b", "valid_from": "2025-12-01", "weekdays": "1-7", "session": "pulang", "counts_as": "out",
   "accept_from": "31:00", "due": "32:00", "accept_until": "33:00"}]', '2025-12-29')$$,
  $$values (2, 'accept_from')$$, 'also when the next day does it');
reset session authorization;
select is((select count(*) from hadir.working_hours w join hadir.unit u on u.id = w.unit where u.code = 'dinas-b'), 0::bigint, 'nothing of them was loaded');
set session authorization hadir_admin;
select is(api.policy_apply(tap.policy_document($$
[policy]
number = 9
dated = 2025-12-01
valid_from = 2025-12-29
[scope b]
units = dinas-b
[session a]
counts_as = presence
accept_from = 07:00
accept_until = 09:00
[session b]
counts_as = presence
accept_from = 07:00
accept_until = 09:00
$$), '2025-12-29') #>> '{error,problems,0,line}', '8', 'a circular that empties a session is refused, with its line');

-- ---------------------------------------------------------------------------------------------------- posting, calendar
select is_empty($$select * from api.import_people('[{"line": 2, "nip": "198001012005011001", "name": "Pegawai 1", "category": "PNS",
  "unit": "dinas-b", "from": "2025-12-24"}]', '2025-12-29')$$, 'a move loads');
set session authorization hadir_planner;
select is((select changed_people from api.plan_refresh('2025-12-29 06:59+08')), 1::bigint, 'one person changed');
reset session authorization;
select alike(pg_temp.day_of('198001012005011001', '2025-12-23'), '%[k-a]', 'before the move: the old unit');
select alike(pg_temp.day_of('198001012005011001', '2025-12-24'), '%[k-kota]', 'from that day: the new one');
select is((select string_agg(u.code, ',' order by d.day) from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.unit u on u.id = d.unit
           where e.nip = '198001012005011001' and d.day in ('2025-12-23', '2025-12-24')), 'bidang-a1,dinas-b', 'each day knows its unit');
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[{"line": 2, "day": "2025-12-30", "kind": "REGIONAL", "name": "Hari Jadi Kota", "dated": "2025-01-02", "government": "kota"}]', '2025-12-29')$$,
  'a regional holiday loads');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 07:00+08')$$, 'refresh');
reset session authorization;
select alike(pg_temp.day_of('198001012005011003', '2025-12-30'), '- % (Hari Jadi Kota)', 'off in that government');
select alike(pg_temp.day_of('198001012005011004', '2025-12-30'), 'WFO %', 'not in the other');

-- ------------------------------------------------------------------------------------------------- days and windows
set session authorization hadir_planner;
select results_eq($$select changed_people, first_day, days from api.plan_refresh('2025-12-30 00:00:01+08')$$,
  $$values (0::bigint, date '2025-12-22', 10)$$, 'the next day the window moves');
select results_eq($$select first_day, days from api.plan_refresh('2025-12-30 23:30+08')$$,
  $$values (date '2025-12-22', 11)$$, 'when one zone is a day ahead the window holds both');
reset session authorization;
select is((select count(*) from hadir.plan_day where day = '2025-12-21'), 5::bigint, 'days behind the window stay');
select is((select count(*) from hadir.plan_day where day between '2025-12-22' and '2026-01-01'), 55::bigint, 'every person has the whole window');
select is_empty($$select 1 from hadir.plan_member a join hadir.plan_member b on b.person = a.person and b.first_day > a.first_day and b.first_day <= a.last_day$$, 'nobody is in two classes on a day');
set session authorization hadir_planner;
select cmp_ok((select epoch from api.plan_refresh('2025-12-30 23:30+08')), '=', :e0::bigint, 'the same database, the same epoch');
reset session authorization;

-- Working days by the calendar, against the counts worked out by hand in the rules (five-day week).
select hadir.plan_compile('2025-01-01', '2025-12-31', array(select id from hadir.person where nip = '198001012005011003')) is not null as compiled \gset
delete from hadir.calendar_day where kind = 'REGIONAL';
select hadir.plan_compile('2025-01-01', '2027-12-31', array(select id from hadir.person where nip = '198001012005011003')) is not null as compiled \gset
select results_eq($$
  select extract(year from d.day)::int, string_agg(d.n::text, ' ' order by d.day)
  from (select date_trunc('month', d.day)::date as day, count(*) filter (where p.place is not null) as n
        from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern join hadir.person e on e.id = d.person
        where e.nip = '198001012005011003' and d.day between '2025-01-01' and '2027-12-31' group by 1) d group by 1 order by 1$$,
  $$values (2025, '19 20 19 16 17 18 23 20 21 23 20 21'), (2026, '20 18 17 21 16 20 23 19 22 22 21 21'), (2027, '19 19 15 22 16 21 22 21 22 21 22 22')$$,
  'working days of 2025, 2026, 2027 by month');

-- ------------------------------------------------------------------------------------------- who belongs where, when
-- A move that lies ahead is written now, and needs nothing when its day comes.
create function pg_temp.move(p_nip text, p_unit text, p_from date) returns void language sql as $$
  update hadir.posting o set valid_to = p_from - 1 from hadir.person e where e.id = o.person and e.nip = p_nip and o.valid_to is null;
  insert into hadir.posting (person, unit, valid_from) select e.id, u.id, p_from from hadir.person e, hadir.unit u where e.nip = p_nip and u.code = p_unit
$$;
select pg_temp.move('198001012005011003', 'rsud', '2026-01-10');
set session authorization hadir_planner;
select is((select changed_people from api.plan_refresh('2025-12-30 23:31+08')), 1::bigint, 'one person changed');
select is((select changed_people from api.plan_refresh('2026-01-09 12:00+08')), 0::bigint, 'the day before it nobody does');
reset session authorization;
select is(pg_temp.day_of('198001012005011003', '2026-01-09'), 'WFO pagi=06:00..09 12:00 sore=12:00..09 20:00 [k-kota]', 'the last day there');
select is(pg_temp.day_of('198001012005011003', '2026-01-10'), 'WFO masuk=20:00..10 23:00 pulang=05:00..11 20:00 [k-rsud]', 'the first night here');
select is((select count(distinct s.pattern) from hadir.plan_slot s join hadir.plan_member m on m.pair = s.pair and s.day between m.first_day and m.last_day
           join hadir.person e on e.id = m.person where e.nip = '198001012005011003' and s.day = '2026-01-09'), 1::bigint, 'one slot a day');
-- From the night shift to a day unit: the next day's own session ends the night's.
select pg_temp.move('198001012005011004', 'dinas-b', '2026-01-09');
set session authorization hadir_planner;
select is((select changed_people from api.plan_refresh('2026-01-09 12:01+08')), 1::bigint, 'one person changed');
reset session authorization;
select is((select to_char(max(s.accept_until) at time zone 'Asia/Jayapura', 'DD HH24:MI') from hadir.plan_day d join hadir.person e on e.id = d.person
           join hadir.plan_session s on s.pattern = d.pattern where e.nip = '198001012005011004' and d.day = '2026-01-08'), '09 07:00', 'his last night ends where the morning begins');
-- What lay before the window stays as it was, whatever a person is now.
update hadir.person set category = 'PPPK' where nip = '198001012005011005';
set session authorization hadir_planner;
select is((select changed_people from api.plan_refresh('2026-01-09 12:02+08')), 1::bigint, 'another category');
reset session authorization;
select is((select string_agg(k.category || ' ' || m.first_day || ' ' || m.last_day, ', ' order by m.first_day) from hadir.plan_member m
           join hadir.plan_pair q on q.id = m.pair join hadir.plan_class k on k.id = q.class join hadir.person e on e.id = m.person
           where e.nip = '198001012005011005'), 'PNS 2025-12-21 2025-12-31, PPPK 2026-01-01 infinity', 'counts from the window on');
-- Who leaves, leaves the directory.
update hadir.posting o set valid_to = '2026-01-05' from hadir.person e where e.id = o.person and e.nip = '198001012005011005';
set session authorization hadir_planner;
select number as n4 from api.plan_refresh('2026-01-09 12:03+08') \gset
select set_config('hadir.since', (:n4 - 1)::text, false) as since \gset
select is((select last_days[cardinality(last_days)] - (date '2026-01-05' - date '1970-01-01') from api.directory_person), 0, 'the delta ends him there');
select lives_ok($$select api.plan_refresh('2026-01-20 12:00+08')$$, 'a fortnight later');
select is((select count(*) from api.directory_person where removed), 1::bigint, 'a delta over that end says that he is gone');
select set_config('hadir.since', '0', false) as since \gset
select is((select count(*) from api.directory_person), 4::bigint, 'and the whole does not have him');
reset session authorization;
select is_empty($$select 1 from hadir.plan_member a join hadir.plan_member b on b.person = a.person and b.first_day > a.first_day and b.first_day <= a.last_day$$, 'nobody is in two classes on a day');

select * from finish();
rollback;
