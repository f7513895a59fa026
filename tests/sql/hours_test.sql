-- Working hours: national ones, seasons, breaks, shifts, three sessions, people with hours of their own; and what a decree
-- changes of days that are closed.
begin;
select no_plan();
\i tests/town.psql
reset session authorization;

-- The person's day as one line: sessions in local time of the zone, due times, reason.
create function pg_temp.day_of(p_nip text, p_day date) returns text language sql as $$
  select concat_ws(' ', coalesce(p.place, '-'),
    (select string_agg(s.code || '=' || to_char(s.accept_from at time zone g.zone, 'HH24:MI') || '..' || to_char(s.due at time zone g.zone, 'HH24:MI')
       || '..' || to_char(s.accept_until at time zone g.zone, 'HH24:MI'), ' ' order by s.position) from hadir.plan_session s where s.pattern = p.id),
    case when p.reason is not null then '(' || p.reason || ')' end, case when p.conflict is not null then '!' || p.conflict end)
  from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.plan_pattern p on p.id = d.pattern join hadir.government g on g.id = p.government
  where e.nip = '19800101200501100' || p_nip and d.day = p_day
$$;
create function pg_temp.compile(p_from date, p_to date) returns text language sql as $$
  select hadir.plan_compile(p_from, p_to)::text
$$;
create function pg_temp.hours(p_rows text) returns setof text language sql as $$
  select h.line || ' ' || h.field from api.import_hours(p_rows::jsonb, '2025-12-01') h
$$;
grant execute on all functions in schema pg_temp to public;

-- ------------------------------------------------------------------------------------------- a week of Perpres 21/2023
-- Minutes from due to due, less the break, Monday to Friday: 37 h 30 min, in Ramadan 32 h 30 min.
select results_eq($$select w.season, sum(cardinality(w.weekdays) * (extract(epoch from o.due - i.due) / 60 - w.break_minutes))::int
  from hadir.working_hours w join hadir.session i on i.working_hours = w.id and i.counts_as = 'in' join hadir.session o on o.working_hours = w.id and o.counts_as = 'out'
  where w.government = (select id from hadir.government where code = 'kota') group by 1 order by 1$$,
  $$values ('RAMADAN', 1950), (null, 2250)$$, 'the weekly minutes of the regulation, season by season');

-- --------------------------------------------------------------------------------------------------- Ramadan's edges
select pg_temp.compile('2026-02-16', '2026-03-26') as done \gset
select is(pg_temp.day_of('3', '2026-02-18'), 'WFO pagi=06:00..07:30..12:00 sore=12:00..16:00..20:00', 'the day before: ordinary hours');
select is(pg_temp.day_of('3', '2026-02-19'), 'WFO pagi=06:00..08:00..12:00 sore=12:00..15:00..20:00', 'the first day (Thursday)');
select is(pg_temp.day_of('3', '2026-02-20'), 'WFO pagi=06:00..08:00..12:00 sore=12:00..15:30..20:00', 'its Friday');
select is(pg_temp.day_of('3', '2026-02-21'), '- (Bukan hari kerja)', 'a season makes no working day');
select is(pg_temp.day_of('3', '2026-03-17'), 'WFO pagi=06:00..08:00..12:00 sore=12:00..15:00..20:00', 'the last working day of it');
select is(pg_temp.day_of('3', '2026-03-20'), '- (Cuti bersama Idulfitri)', 'its last day is off');
select is(pg_temp.day_of('3', '2026-03-25'), 'WFO pagi=06:00..07:30..12:00 sore=12:00..16:00..20:00', 'after it: ordinary hours');
select is(pg_temp.day_of('4', '2026-02-19'), 'WFO pagi=06:00..08:00..12:00 sore=12:00..15:00..20:00', 'in the other zone by its own clock');

-- Wednesday 7:30 to 16:00 less 60 minutes is 450. In Ramadan Monday to Thursday 8:00 to 15:00 less 30 is 390, Friday to 15:30 less 60 too.
select results_eq($$select d.day, p.work_minutes from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern join hadir.person e on e.id = d.person
  where e.nip = '198001012005011003' and (d.day between '2026-02-21' and '2026-02-27' or d.day = '2026-02-18') order by 1$$,
  $$values (date '2026-02-18', 450), ('2026-02-21', null), ('2026-02-22', null), ('2026-02-23', 390), ('2026-02-24', 390), ('2026-02-25', 390), ('2026-02-26', 390), ('2026-02-27', 390)$$,
  'a day''s working minutes are without its break');

-- The decree puts the beginning a day later: the planner notices, the first day has ordinary hours again.
set session authorization hadir_planner;
select number as n0 from api.plan_refresh('2026-02-19 06:00+08') \gset
set session authorization hadir_admin;
select is_empty($$select * from api.import_periods('[{"line": 2, "kind": "RAMADAN", "name": "Ramadan 1447 H", "first_day": "2026-02-20", "last_day": "2026-03-20", "dated": "2026-02-18", "basis": "contoh"}]', '2026-02-18')$$, 'another first day');
set session authorization hadir_planner;
select ok((select number from api.plan_refresh('2026-02-19 06:01+08')) > :n0, 'changes the plan');
reset session authorization;
select alike(pg_temp.day_of('3', '2026-02-19'), 'WFO pagi=06:00..07:30%', 'of the day that it frees');
select alike(pg_temp.day_of('3', '2026-02-20'), 'WFO pagi=06:00..08:00%', 'not of the others');

-- A unit with hours of its own keeps them in the season, until it has hours for the season, too.
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "unit": "dinas-b", "valid_from": "2025-01-01", "weekdays": "1-6", "session": "pagi", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:16", "accept_until": "09:00", "break_minutes": "60"},
  {"line": 3, "unit": "dinas-b", "valid_from": "2025-01-01", "weekdays": "1-6", "session": "siang", "counts_as": "presence", "accept_from": "12:00", "on_time_until": "13:30", "accept_until": "13:30", "break_minutes": "60"},
  {"line": 4, "unit": "dinas-b", "valid_from": "2025-01-01", "weekdays": "1-6", "session": "sore", "counts_as": "out", "accept_from": "13:30", "due": "14:00", "accept_until": "17:00", "break_minutes": "60"}]')$$,
  'six days, three sessions a day, a quarter of an hour''s grace');
reset session authorization;
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('3', '2026-02-21'), 'WFO pagi=06:00..07:00..09:00 siang=12:00..12:00..13:30 sore=13:30..14:00..17:00', 'Saturday, three times');
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "unit": "dinas-b", "valid_from": "2025-01-01", "weekdays": "1-5", "season": "RAMADAN", "session": "pagi", "counts_as": "in", "accept_from": "06:00", "due": "08:30", "on_time_until": "08:31", "accept_until": "12:00"}]')$$,
  'and for the season five days, in a file of its own');
reset session authorization;
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('3', '2026-02-20'), 'WFO pagi=06:00..08:30..12:00', 'in the season its own season''s hours');
select is(pg_temp.day_of('3', '2026-02-21'), '- (Bukan hari kerja)', 'on the weekdays they name');
select is(pg_temp.day_of('3', '2026-02-18'), 'WFO pagi=06:00..07:00..09:00 siang=12:00..12:00..13:30 sore=13:30..14:00..17:00', 'outside of it the ordinary ones, which the second file left alone');

-- Two seasons on one day: one of them holds, not both.
set session authorization hadir_admin;
select is_empty($$select * from api.import_periods('[{"line": 2, "kind": "BENCANA", "name": "Panen raya", "first_day": "2026-02-20", "last_day": "2026-02-20", "dated": "2026-01-01"}]', '2026-01-01')$$, 'another period');
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "unit": "dinas-b", "valid_from": "2025-01-01", "weekdays": "5", "season": "BENCANA", "session": "pagi", "counts_as": "in", "accept_from": "05:00", "due": "06:00", "on_time_until": "06:01", "accept_until": "08:00"}]')$$, 'with hours of its own');
reset session authorization;
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('3', '2026-02-20'), 'WFO pagi=05:00..06:00..08:00', 'the first by name, of the same first day');
delete from hadir.working_hours where season = 'BENCANA';
delete from hadir.calendar_period where kind = 'BENCANA';

-- ------------------------------------------------------------------------------------------- part-time, one by one
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "nip": "198001012005011002", "valid_from": "2026-02-01", "weekdays": "1,3", "session": "pagi", "counts_as": "in", "accept_from": "06:00", "due": "09:00", "on_time_until": "09:01", "accept_until": "10:00"},
  {"line": 3, "nip": "198001012005011002", "valid_from": "2026-02-01", "weekdays": "1,3", "session": "selesai", "counts_as": "out", "accept_from": "12:00", "due": "13:00", "accept_until": "15:00"},
  {"line": 4, "nip": "198001012005011001", "valid_from": "2026-02-01", "weekdays": "2", "session": "pagi", "counts_as": "in", "accept_from": "06:00", "due": "09:00", "on_time_until": "09:01", "accept_until": "10:00"}]')$$,
  'two people of the same unit, each with hours of his own');
reset session authorization;
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('2', '2026-02-18'), 'WFO pagi=06:00..09:00..10:00 selesai=12:00..13:00..15:00', 'four hours on Wednesday');
select is(pg_temp.day_of('2', '2026-02-24'), '- (Bukan hari kerja)', 'free on Tuesday');
select is(pg_temp.day_of('1', '2026-02-24'), 'WFO pagi=06:00..09:00..10:00', 'when his colleague works');
select is(pg_temp.day_of('5', '2026-02-18'), 'WFO pagi=06:00..07:30..12:00 sore=12:00..16:00..20:00', 'others as ever');

-- ----------------------------------------------------------------------------------------------------------- shifts
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "shift": "PAGI", "session": "masuk", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"},
  {"line": 3, "unit": "rsud", "valid_from": "2026-01-01", "shift": "PAGI", "session": "pulang", "counts_as": "out", "accept_from": "13:00", "due": "14:00", "accept_until": "16:00"},
  {"line": 4, "unit": "rsud", "valid_from": "2026-01-01", "shift": "MALAM", "session": "masuk", "counts_as": "in", "accept_from": "20:00", "due": "21:00", "on_time_until": "21:01", "accept_until": "23:00"},
  {"line": 5, "unit": "rsud", "valid_from": "2026-01-01", "shift": "MALAM", "session": "pulang", "counts_as": "out", "accept_from": "29:00", "due": "31:00", "accept_until": "33:00"}]')$$,
  'shifts load, the same session codes in each');
reset session authorization;
select is((select count(*) from hadir.working_hours w join hadir.unit u on u.id = w.unit where u.code = 'rsud' and w.shift is not null), 2::bigint, 'hours of each');
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('4', '2026-02-18'), 'WFO pagi=06:00..07:30..12:00 sore=12:00..16:00..20:00', 'who is on no roster works the ordinary hours');
insert into hadir.letter (government, unit, kind, number, dated, status, filed_at)
select u.government, u.id, 'roster', 'DJ-1', '2026-02-15', 'confirmed', '2026-02-15 08:00+09' from hadir.unit u where u.code = 'rsud';
insert into hadir.letter_order (letter, place, shift) select id, 'WFO', 'MALAM' from hadir.letter where number = 'DJ-1';
insert into hadir.assignment (letter, person, day, orders) select l.id, e.id, d.day, o.id from hadir.letter l join hadir.letter_order o on o.letter = l.id,
  hadir.person e, (values (date '2026-02-21'), ('2026-02-22')) d (day) where l.number = 'DJ-1' and e.nip like '%04';
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('4', '2026-02-21'), 'WFO masuk=20:00..21:00..23:00 pulang=05:00..07:00..09:00', 'who is on the night shift, on a Saturday, over midnight');
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "shift": "PAGI", "session": "masuk", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"}]')$$,
  'one shift again');
reset session authorization;
select results_eq($$select w.shift, count(*)::int from hadir.working_hours w join hadir.unit u on u.id = w.unit join hadir.session s on s.working_hours = w.id where u.code = 'rsud' group by 1 order by 1$$,
  $$values ('MALAM', 2), ('PAGI', 1)$$, 'replaces that shift alone');
-- A shift that is a day off: on Monday the 23rd, in place of the ordinary hours, which then do not cut Sunday's night.
set session authorization hadir_admin;
select is_empty($$select * from pg_temp.hours('[{"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "shift": "LEPAS"}]')$$, 'a day off loads');
select results_eq($$select h ->> 'shift', h ->> 'session', h ->> 'weekdays', h ->> 'on_holidays' from jsonb_array_elements(api.hours('{"unit": "rsud", "day": "2026-02-20"}', now()) -> 'hours') h
  where h ->> 'shift' in ('LEPAS', 'PAGI') order by 1$$, $$values ('LEPAS', null, null, null), ('PAGI', 'masuk', null, null)$$, 'and is listed as it was loaded');
select results_eq($$select string_agg(h, ', ' order by h) from pg_temp.hours('[{"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "shift": "X"},
  {"line": 3, "unit": "rsud", "valid_from": "2026-01-01", "shift": "X", "session": "masuk", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "accept_until": "09:00"},
  {"line": 4, "unit": "rsud", "valid_from": "2026-01-01", "shift": "Y", "due": "07:00"}, {"line": 5, "unit": "rsud", "valid_from": "2026-01-01", "weekdays": "1"}]') h$$,
  $$values ('3 session, 4 accept_from, 4 accept_until, 4 counts_as, 4 on_time_from, 4 on_time_until, 4 session, '
            '5 accept_from, 5 accept_until, 5 counts_as, 5 due, 5 on_time_from, 5 on_time_until, 5 session')$$, 'only a shift may be without sessions, and only without any');
reset session authorization;
insert into hadir.letter_order (letter, place, shift) select id, 'WFO', 'LEPAS' from hadir.letter where number = 'DJ-1';
insert into hadir.assignment (letter, person, day, orders) select l.id, e.id, '2026-02-23', o.id from hadir.letter l join hadir.letter_order o on o.letter = l.id and o.shift = 'LEPAS',
  hadir.person e where l.number = 'DJ-1' and e.nip like '%04';
select pg_temp.compile('2026-02-16', '2026-02-28') as done \gset
select is(pg_temp.day_of('4', '2026-02-22'), 'WFO masuk=20:00..21:00..23:00 pulang=05:00..07:00..09:00', 'nothing ends the night before the day off');
select alike(pg_temp.day_of('4', '2026-02-23'), '-%Bukan hari kerja%', 'on which nobody is expected');

-- --------------------------------------------------------------------------------------------------------- problems
set session authorization hadir_admin;
select results_eq($$select * from pg_temp.hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "weekdays": "1-5", "season": "PANEN", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00", "break_minutes": "721"},
  {"line": 3, "unit": "rsud", "valid_from": "2026-02-01", "weekdays": "1-5", "shift": "P", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"},
  {"line": 4, "unit": "rsud", "valid_from": "2026-02-01", "shift": "SIF 1", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00", "break_minutes": "x"},
  {"line": 5, "unit": "rsud", "valid_from": "2026-03-01", "shift": "M", "season": "RAMADAN", "on_holidays": "ya", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00", "break_minutes": "30"},
  {"line": 6, "unit": "rsud", "valid_from": "2026-04-01", "shift": "M", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00", "break_minutes": "30"},
  {"line": 7, "unit": "rsud", "valid_from": "2026-04-01", "shift": "M", "session": "b", "counts_as": "out", "accept_from": "30:00", "due": "31:00", "accept_until": "32:00", "break_minutes": "60"},
  {"line": 8, "unit": "rsud", "valid_from": "2026-04-01", "weekdays": "1-5", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"}]')$$,
  $$values ('2 break_minutes'), ('2 season'), ('3 shift'), ('4 break_minutes'), ('4 shift'), ('5 shift'), ('7 accept_from'), ('7 break_minutes')$$,
  'seasons, shifts, breaks: every problem');
select results_eq($$select * from pg_temp.hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2026-01-01", "weekdays": "1-5", "season": "RAMADAN", "session": "a", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"},
  {"line": 3, "unit": "rsud", "valid_from": "2026-01-01", "weekdays": "5", "season": "RAMADAN", "session": "b", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "10:00"}]')$$,
  $$values ('2 accept_from')$$, 'hours of a season are tried in the season');
select results_eq($$select * from pg_temp.hours('[
  {"line": 2, "unit": "rsud", "valid_from": "2026-03-01", "weekdays": "1-7", "session": "masuk", "counts_as": "in", "accept_from": "06:00", "due": "07:00", "on_time_until": "07:01", "accept_until": "09:00"},
  {"line": 3, "unit": "rsud", "valid_from": "2026-03-01", "weekdays": "1-7", "session": "pulang", "counts_as": "out", "accept_from": "31:00", "due": "32:00", "accept_until": "33:00"}]')$$,
  $$values ('2 accept_from')$$, 'a session that begins after the next day has begun');
reset session authorization;
-- Ten minutes each, one after the other: 20 on Mondays to Fridays and p_more besides on Fridays.
create function pg_temp.many(p_more int) returns jsonb language sql as $$
  select jsonb_agg(jsonb_build_object('line', n, 'nip', '198001012005011003', 'valid_from', '2026-05-01', 'weekdays', case when n <= 20 then '1-5' else '5' end,
    'session', 's' || n, 'counts_as', 'presence', 'accept_from', h.starts, 'on_time_from', h.starts, 'due', h.starts, 'on_time_until', h.ends, 'accept_until', h.ends) order by n)
  from generate_series(1, 20 + p_more) n
  cross join lateral (select to_char(interval '6 hours' + n * interval '10 minutes', 'HH24:MI') as starts, to_char(interval '6 hours' + (n + 1) * interval '10 minutes', 'HH24:MI') as ends) h
$$;
grant execute on function pg_temp.many(int) to public;
set session authorization hadir_admin;
select results_eq($$select * from pg_temp.hours(pg_temp.many(12)::text)$$, $$values ('31 session'), ('32 session')$$, 'no day has more than 30 sessions');
select is_empty($$select * from pg_temp.hours(pg_temp.many(10)::text)$$, '30 it may have');
reset session authorization;
select is((select count(*) from hadir.working_hours w join hadir.unit u on u.id = w.unit where u.code = 'rsud' and w.season is not null), 0::bigint, 'nothing of it was loaded');
-- Whatever came about: one more does not keep the plan from being compiled.
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
select min(working_hours), 'more', 'More', 'presence', '20:00', '20:00', '20:00', '20:10', '20:10' from hadir.session where code = 's30';
select pg_temp.compile('2026-05-01', '2026-05-15') as done \gset
select results_eq($$select count(*)::int, max(p.conflict) from hadir.plan_day d join hadir.plan_pattern p on p.id = d.pattern
  join hadir.person e on e.id = d.person join hadir.plan_session s on s.pattern = p.id where e.nip = '198001012005011003' and d.day = '2026-05-08'$$,
  $$values (30, 'more')$$, 'the last one is left out and named');

-- ----------------------------------------------------------------------------- a holiday declared after the fact
select pg_temp.compile('2026-04-20', '2026-04-30') as done \gset
insert into hadir.attendance_version (government, day, version, frozen_at, digest)
select id, '2026-04-22', 1, '2026-04-23 02:00+08', '\x00' from hadir.government where code = 'kota';
set session authorization hadir_planner;
select number as n1 from api.plan_refresh('2026-04-24 08:00+08') \gset
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[{"line": 2, "day": "2026-04-22", "kind": "LN", "name": "Hari susulan", "dated": "2026-04-24"},
  {"line": 3, "day": "2026-04-23", "kind": "LN", "name": "Hari susulan", "dated": "2026-04-24"}]', '2026-04-24')$$, 'two days of the past are declared off');
set session authorization hadir_planner;
select ok((select number from api.plan_refresh('2026-04-24 08:01+08')) > :n1, 'the plan changes');
reset session authorization;
select alike(pg_temp.day_of('5', '2026-04-22'), 'WFO pagi%', 'not of a closed day');
select is(pg_temp.day_of('4', '2026-04-22'), '- (Hari susulan)', 'where it is not closed, of that day, too');
select is(pg_temp.day_of('5', '2026-04-23'), '- (Hari susulan)', 'as is a day that nobody closed');
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[{"line": 2, "day": "2026-04-23", "kind": "WORK", "name": "Dicabut", "dated": "2026-04-25"}]', '2026-04-25')$$, 'one is taken back');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2026-04-25 08:00+08')$$, 'refresh');
reset session authorization;
select alike(pg_temp.day_of('5', '2026-04-23'), 'WFO pagi%', 'and is a working day again');

-- ------------------------------------------------------------------------------------------------------- the doctor
set session authorization hadir_admin;
select results_eq($$select p.at, d.ok from (values (date '2027-03-09'), ('2027-03-10')) p (at), api.doctor(p.at + interval '4 hours') d where d.name = 'periode' order by 1$$,
  $$values (date '2027-03-09', true), ('2027-03-10', false)$$, 'asks for the next period when the last one is over');
reset session authorization;

select * from finish();
rollback;
