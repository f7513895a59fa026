-- Unexcused days of a year against the steps of PP 94/2021, worked out by hand. The town works Monday to Friday from 16 December
-- 2030 to 28 March 2031; everybody comes every day, unless it is said here that he does not.
begin;
select no_plan();
\ir derive_fixture.psql
create temporary table step_file (from_days int, consecutive text, level text, sanction text, valid_from date, basis text);
\copy step_file from program 'grep -v ^# sql/reference/discipline-pp-94-2021.csv' csv header
insert into hadir.discipline_step (government, valid_from, from_days, consecutive, level, sanction, basis)
select 1, valid_from, from_days, consecutive = 'ya', level, sanction, basis from step_file;
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap) values (1, '2030-01-01', 'TK', 3, 100);

-- The plan: a pattern per day, none on weekends; 103's 9 January is leave.
update hadir.posting set valid_from = '2030-01-01';
delete from hadir.plan_slot;
delete from hadir.plan_session;
delete from hadir.plan_pattern;
create temporary table calendar as
select d::date as day, 6000 + row_number() over (order by d) as pattern, extract(isodow from d) < 6 as works
from generate_series(timestamp '2030-12-16', '2031-03-28', '1 day') d;
select t.pattern(pattern, day, case when works then 'WFO' end, true, '{31}', case when not works then 'akhir pekan' end) from calendar;
select t.session(pattern, 1, 'pagi', 'in', day, '6:00', '6:00', '7:30', '7:31', '12:00'),
       t.session(pattern, 2, 'sore', 'out', day, '15:00', '16:00', '16:00', '20:00', '20:00') from calendar where works;
select t.pattern(5999, '2031-01-09', null, false, '{}', 'Cuti tahunan');
update hadir.plan_pattern set excuse = 'CT' where id = 5999;
update hadir.plan_member set first_day = '2030-12-01', last_day = '2031-12-31';
insert into hadir.plan_slot (day, pair, pattern, number)
select day, p, case when p = 103 and day = '2031-01-09' then 5999 else pattern end, 1
from calendar, unnest(array[101, 102, 103, 201, 202]) p;

create temporary table away (person bigint, first_day date, last_day date);
insert into away values
  -- 101: four days: 6 and 7 January, 10 February, 3 March.
  (101, '2031-01-06', '2031-01-07'), (101, '2031-02-10', '2031-02-10'), (101, '2031-03-03', '2031-03-03'),
  -- 102: 25, 26, 27, 30, 31 December, 1, 2, 3, 6, 7 January: ten working days in a row, five of them of the year 2031.
  (102, '2030-12-25', '2031-01-07'),
  -- 103: 6, 7, 8 January, leave on the 9th, away on 10, 13, 14, 15, 16, 17: nine days, six in a row at most.
  (103, '2031-01-06', '2031-01-08'), (103, '2031-01-10', '2031-01-17');
-- 201 comes 90 minutes late on 6, 7, 8, 9, 10 January: 5 × 90 = 450 minutes. 202 on the first four, and 89 on the fifth: 449.
create temporary table late (person bigint, day date, minutes int);
insert into late select p, d::date, case when p = 202 and d = '2031-01-10' then 89 else 90 end
from unnest(array[201, 202]) p, generate_series(timestamp '2031-01-06', '2031-01-10', '1 day') d;
select isnt(t.store('00000000-0000-0000-0000-00000000000a', variadic array(
  select t.row(row_number() over (order by c.day, p, h), p, t.at(c.day, case when h = 16 then '16:05'
    else interval '7:30' + coalesce((select l.minutes from late l where l.person = p and l.day = c.day), 0) * interval '1 minute' end))
  from calendar c, unnest(array[101, 102, 103, 201, 202]) p, unnest(array[7, 16]) h
  where c.works and not exists (select from away a where a.person = p and c.day between a.first_day and a.last_day)
    and not (p = 103 and c.day = '2031-01-09'))), 0::bigint, 'the check-ins of a quarter');

create function t.tally(p_person bigint, p_as_of date) returns text language sql stable as $$
  select concat_ws(' ', d.absent_days, d.minutes, d.minute_days, d.days, d.longest_run, d.step ->> 'from_days', d.step ->> 'reached_on',
    d.consecutive_step ->> 'from_days', d.consecutive_step ->> 'reached_on')
  from hadir.discipline(1, p_as_of, array[p_person]) d
$$;
-- absent days, minutes, days they make, both, longest run, then the step and its day, the step in a row and its day
select is(t.tally(101, '2031-01-31'), '2 0 0 2 2', 'two days are no step yet');
select is(t.tally(101, '2031-02-28'), '3 0 0 3 2 3 2031-02-10', 'the third is the first step');
select is(t.tally(101, '2031-03-28'), '4 0 0 4 2 4 2031-03-03', 'the fourth the second');
select is((select absent_dates from hadir.discipline(1, '2031-03-28', '{101}')), '{2031-01-06,2031-01-07,2031-02-10,2031-03-03}', 'with the dates');
select is(t.tally(102, '2031-03-28'), '5 0 0 5 10 4 2031-01-06 10 2031-01-07',
  'five days of this year (the fourth on 6 January), ten in a row over New Year');
select is(t.tally(102, '2031-01-06'), '4 0 0 4 9 4 2031-01-06', 'nine in a row are not ten');
select is(t.tally(102, '2030-12-31'), '5 0 0 5 5 4 2030-12-30', 'the old year has its own five');
select is(t.tally(103, '2031-03-28'), '9 0 0 9 6 7 2031-01-15', 'leave ends the row; the weekend does not: 10, 13 … 17 are six; the seventh day was the 15th');
select is(t.tally(201, '2031-03-28'), '0 450 0 0 0', 'minutes make no day while the rule is off');
update hadir.consequence set minutes_per_day = 450;
select is(t.tally(201, '2031-01-09'), '0 360 0 0 0', '360 minutes make none');
select is(t.tally(201, '2031-03-28'), '0 450 1 1 0', '450 make one');
select is(t.tally(202, '2031-03-28'), '0 449 0 0 0', '449 do not');
select is((select minute_dates from hadir.discipline(1, '2031-03-28', '{202}')),
  '{"2031-01-06": 90, "2031-01-07": 90, "2031-01-08": 90, "2031-01-09": 90, "2031-01-10": 89}', 'each day''s minutes are told');
update hadir.consequence set minutes_per_day = 150;
select is(t.tally(201, '2031-03-28'), '0 450 3 3 0 3 2031-01-10', 'days of minutes reach a step on the day that fills them: 90, 180, 270, 360, 450 → 0, 1, 1, 2, 3');
-- 450 a day until the 8th, 90 from the 9th on: 270/450 + 90/90 + 90/90 = 2.6.
update hadir.consequence set minutes_per_day = 450;
insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap, minutes_per_day) values (1, '2031-01-09', 'TK', 3, 100, 90);
select is(t.tally(201, '2031-01-08'), '0 270 0 0 0', 'a rule that changes leaves the days before');
select is(t.tally(201, '2031-03-28'), '0 450 2 2 0', 'and counts from its day on');
update hadir.consequence set minutes_per_day = null where valid_from = '2031-01-09';
select is(t.tally(201, '2031-03-28'), '0 450 0 0 0', 'switched off, nothing more is added');
delete from hadir.consequence where valid_from = '2031-01-09';
update hadir.consequence set minutes_per_day = null;
-- A day's minutes are at most its work: 7:30 to 16:00 less an hour is 450, a Friday to 16:30 less an hour and a half as well.
-- 202 comes at 11:59 on Thursday 20 March, 269 minutes late, and leaves at 12:00, 240 early: 509, of which 450 count. On Friday 30.
update hadir.plan_pattern set work_minutes = 450 where id between 6001 and 6999;
update hadir.consequence set minutes_per_day = 450;
create temporary table counted as select * from hadir.discipline(1, '2031-03-28', '{201,202}');
delete from hadir.checkin where person = 202 and received_at >= t.at('2031-03-20', '0') and received_at < t.at('2031-03-22', '0');
update hadir.plan_session set accept_from = t.at('2031-03-20', '12:00') where code = 'sore' and accept_from = t.at('2031-03-20', '15:00');
select isnt(t.store('00000000-0000-0000-0000-00000000000a', t.row(9001, 202, t.at('2031-03-20', '11:59')), t.row(9002, 202, t.at('2031-03-20', '12:00')),
  t.row(9003, 202, t.at('2031-03-21', '8:00')), t.row(9004, 202, t.at('2031-03-21', '16:00'))), 0::bigint, 'a day around noon');
select is((select late_minutes + early_minutes || ' ' || work_minutes from hadir.recap_days(1, '2031-03-20', '2031-03-20', '{202}', false)), '509 450', 'the recap has every minute');
select is((select minute_dates ->> '2031-03-20' from hadir.discipline(1, '2031-03-28', '{202}')), '450', 'the rule a working day');
select is(t.tally(202, '2031-03-20'), '0 899 1 1 0', '449 in January and 450 are 899: one day');
select is(t.tally(202, '2031-03-21'), '0 929 2 2 0', '30 more are 929: two');
select results_eq($$select * from hadir.discipline(1, '2031-03-28', '{201}')$$, 'select * from counted where person = 201', 'who is late by less is counted as before');
update hadir.consequence set minutes_per_day = null;
-- Other steps from the middle of February on: who reached one before keeps it.
insert into hadir.discipline_step (government, valid_from, from_days, level, sanction) values (1, '2031-02-15', 4, 'sedang', 'lain');
select is((select array_agg(concat_ws(' ', step ->> 'from_days', step ->> 'level', step ->> 'reached_on')) from hadir.discipline(1, '2031-03-28', '{101,102}') d),
  '{"4 sedang 2031-03-03","4 ringan 2031-01-06"}', 'a later table is for what is reached later');
delete from hadir.discipline_step where valid_from = '2031-02-15';

select is((select count(*) from hadir.recap_days(1, '2030-11-01', '2030-12-17', '{101}', false)), 2::bigint, 'nobody was missing before the first check-in of all');
select is((select count(*) from hadir.recap_days(2, '2030-11-01', '2031-12-17', null, false)), 0::bigint, 'nor where there never was one');

-- ---- Notices: after the nights, once each.
set session authorization hadir_nightly;
select is((select count(*) from (select api.nightly_freeze(1, d::date, t.at('2031-03-29', '12:00')) from generate_series(timestamp '2030-12-16', '2031-03-28', '1 day') d) f),
  103::bigint, 'the quarter is frozen');
-- Of 2030: 102's third and fourth day. (A later night's run finds what an earlier one missed: it looks at the year.)
select is(api.discipline_notice(1, '2030-12-31', t.at('2031-01-01', '3:00')), 2::bigint, 'the old year: 102');
-- 17 January: only 103 was away that day; nine days: steps 3, 4, 7.
select is(api.discipline_notice(1, '2031-01-17', t.at('2031-01-18', '3:00')), 3::bigint, 'who is away that day, with all his steps');
select is(api.discipline_notice(1, '2031-01-17', t.at('2031-01-19', '3:00')), 0::bigint, 'once');
-- 7 January: 101 (steps 3 and 4 by now), 102 (3, 4, ten in a row); 103 has his already.
select is(api.discipline_notice(1, '2031-01-07', t.at('2031-03-29', '3:00')), 5::bigint, '101 and 102');
select is(api.discipline_notice(1, '2031-03-28', t.at('2031-03-29', '3:00')), 0::bigint, 'nobody was away');
reset session authorization;
select results_eq($$select person, consecutive, from_days, days, reached_on, level from hadir.notice where year = 2031 order by 1, 2, 3$$,
  $$values (101::bigint, false, 3, 3, date '2031-02-10', 'ringan'), (101, false, 4, 4, '2031-03-03', 'ringan'),
    (102, false, 3, 3, '2031-01-03', 'ringan'), (102, false, 4, 4, '2031-01-06', 'ringan'), (102, true, 10, 10, '2031-01-07', 'berat'),
    (103, false, 3, 3, '2031-01-08', 'ringan'), (103, false, 4, 4, '2031-01-10', 'ringan'), (103, false, 7, 7, '2031-01-15', 'ringan')$$,
  'the day that reached each step');

-- ---- Who is told. 71 is 299's access to A; 72 201's to B. 101 and 102 belong to A, 103 to A1 below.
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true);
select is(jsonb_array_length(api.notices('{"unit": "A"}', t.at('2031-03-29', '12:00')) -> 'notices'), 10, 'the superior of A sees them all');
select is(jsonb_path_query_first(api.notices('{"unit": "A1"}', t.at('2031-03-29', '12:00')), '$.notices[0].text') #>> '{}',
  'Pegawai 103 tidak masuk kerja tanpa alasan yang sah 7 hari kerja tahun ini sampai 2031-01-15. PP 94/2021: hukuman ringan, '
  'pernyataan tidak puas secara tertulis. Atasan langsung wajib memanggil dan memeriksa.', 'in words');
reset session authorization;
select id as notice from hadir.notice where person = 103 and from_days = 7 \gset
set session authorization hadir_operator;
select set_config('hadir.actor', 'access:72', true);
select is(api.notice_seen(jsonb_build_object('notice', :notice), t.at('2031-03-29', '13:00')) #>> '{error,code}', 'not_found', 'another superior acknowledges nothing');
select set_config('hadir.actor', 'access:71', true);
select is(api.notice_seen(jsonb_build_object('notice', :notice), t.at('2031-03-29', '13:00')) ->> 'status', '200', 'his own does');
select is(api.notice_seen(jsonb_build_object('notice', :notice), t.at('2031-03-30', '13:00')) ->> 'status', '200', 'twice, if he likes');
reset session authorization;
select results_eq(format('select told_at, told_to from hadir.notice where id = %s', :notice),
  $$select t.at('2031-03-29', '13:00'), 'access:71'$$, 'the first time stays');
set session authorization hadir_query;
select set_config('hadir.actor', 'access:72', true);
select is(api.notices('{"unit": "B"}', t.at('2031-03-29', '12:00')) -> 'notices', '[]', 'B has none');
-- The direct superior is the nearest who leads: a head, a Plt., a delegate, or by his token alone while nobody is named.
reset session authorization;
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value
values (74, 1, 201, 'supervisor', 10, sha256('d'), '2031-01-01'), (75, 1, 202, 'supervisor', 12, sha256('e'), '2031-01-01');
create function t.told(p_actor text, p_unit text) returns text language sql as $$
  select coalesce((select string_agg(distinct right(n ->> 'nip', 3), ' ')
    from (select set_config('hadir.actor', p_actor, true)) s, jsonb_array_elements(api.notices(jsonb_build_object('unit', p_unit), t.at('2031-03-29', '12:00')) -> 'notices') n), '-')
$$;
grant execute on function t.told(text, text) to public;
insert into hadir.posting (person, unit, valid_from, kind) values (201, 10, '2031-01-01', 'head');
set session authorization hadir_query;
select is(t.told('access:71', 'A'), '101 102 103', 'A''s by his token is nearer than the head named above');
select is(t.told('access:74', 'R'), '101 102 103', 'and so is he: nobody else is named');
reset session authorization;
insert into hadir.posting (person, unit, valid_from, kind) values (299, 11, '2031-01-01', 'head'), (202, 12, '2031-01-01', 'delegate');
set session authorization hadir_query;
select is(t.told('access:74', 'R'), '-', 'with a head of A named the one above is told of nobody');
select is(t.told('access:75', 'A1'), '103', 'a delegate of a unit without head is told');
select is(t.told('access:71', 'A'), '101 102 103', 'beside the head who delegated');
reset session authorization;
insert into hadir.posting (person, unit, valid_from, kind) values (102, 12, '2031-03-01', 'acting');
set session authorization hadir_query;
select is(t.told('access:71', 'A'), '101 102', 'where a Plt. leads, the head above is not');
reset session authorization;
delete from hadir.posting where kind <> 'main';
delete from hadir.access where id in (74, 75);
-- Who moved before it was found is the new superior's.
update hadir.posting set valid_to = '2031-03-28' where person = 103;
insert into hadir.posting (person, unit, valid_from) values (103, 13, '2031-03-29');
delete from hadir.notice where person = 103;
set session authorization hadir_nightly;
select is(api.discipline_notice(1, '2031-01-17', t.at('2031-03-29', '3:00')), 3::bigint, 'found again');
set session authorization hadir_query;
select is(t.told('access:72', 'B') || ', ' || t.told('access:71', 'A'), '103, 101 102', 'after a move the new superior is told');
reset session authorization;
delete from hadir.posting where person = 103 and unit = 13;
update hadir.posting set valid_to = null where person = 103;
set session authorization hadir_intake;
select throws_ok($$select api.discipline_notice(1, '2031-03-03', '2031-03-04')$$, '42501', null, 'intake computes no consequence');
reset session authorization;

-- ---- The watch-list as a report: who, which step, the next one, and every date behind it.
create function t.list(p_body jsonb, p_now timestamptz default t.at('2031-03-29', '12:00')) returns setof text language sql as $$
  select format('%s %s %s: %s = %s + %s (%s minutes), %s %s, next %s %s | row %s %s, next %s | %s | %s | %s', r.no, r.unit, right(r.nip, 3), r.days, r.absent_days, r.minute_days,
    r.minutes, r.level, r.reached_on, r.next_days, left(r.next_sanction, 20), r.longest_run, r.run_reached_on, r.next_run, r.dates, r.minute_dates, r.run_dates)
  from api.report_discipline(p_body, p_now) r
$$;
create function t.listed(p_body jsonb) returns setof text language sql as $$
  select concat_ws(' ', r.unit, right(r.nip, 3), r.day, r.weekday, case when r.absent then 'absent' end, r.minutes, 'day ' || r.days, 'row ' || r.run)
  from api.report_discipline_days(p_body, t.at('2031-03-29', '12:00')) r
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;
select results_eq($$select * from t.list('{"government": "town"}')$$, $$values
  ('1 A1 103: 9 = 9 + 0 (0 minutes), ringan 2031-01-15, next 11 pemotongan tunjangan | row 6 , next 10'
   ' | 2031-01-06 2031-01-07 2031-01-08 2031-01-10 2031-01-13 2031-01-14 2031-01-15 2031-01-16 2031-01-17 |  | 2031-01-10 2031-01-13 2031-01-14 2031-01-15 2031-01-16 2031-01-17'),
  ('2 A 102: 5 = 5 + 0 (0 minutes), ringan 2031-01-06, next 7 pernyataan tidak pua | row 10 2031-01-07, next '
   ' | 2031-01-01 2031-01-02 2031-01-03 2031-01-06 2031-01-07 |  | 2030-12-25 2030-12-26 2030-12-27 2030-12-30 2030-12-31 2031-01-01 2031-01-02 2031-01-03 2031-01-06 2031-01-07'),
  ('3 A 101: 4 = 4 + 0 (0 minutes), ringan 2031-03-03, next 7 pernyataan tidak pua | row 2 , next 10'
   ' | 2031-01-06 2031-01-07 2031-02-10 2031-03-03 |  | 2031-01-06 2031-01-07')$$, 'everybody who has a day, most first; the row over New Year with the dates of the old year');
select results_eq($$select * from t.list('{"government": "town", "closed": "ya", "date": "2031-03-28"}')$$, $$select * from t.list('{"government": "town"}')$$, 'frozen they are the same');
select is((select count(*) from t.list('{"unit": "A", "date": "2031-01-05"}')), 1::bigint, 'by a day of the year: only 102 yet');
select results_eq($$select * from t.listed('{"unit": "A"}') l where l not like '%A1%'$$, $$values
  ('A 101 2031-01-06 mon absent day 1 row 1'), ('A 101 2031-01-07 tue absent day 2 row 2'), ('A 101 2031-02-10 mon absent day 3 row 1'),
  ('A 101 2031-03-03 mon absent day 4 row 1'),
  ('A 102 2030-12-25 wed absent day 0 row 1'), ('A 102 2030-12-26 thu absent day 0 row 2'), ('A 102 2030-12-27 fri absent day 0 row 3'),
  ('A 102 2030-12-30 mon absent day 0 row 4'), ('A 102 2030-12-31 tue absent day 0 row 5'), ('A 102 2031-01-01 wed absent day 1 row 6'),
  ('A 102 2031-01-02 thu absent day 2 row 7'), ('A 102 2031-01-03 fri absent day 3 row 8'), ('A 102 2031-01-06 mon absent day 4 row 9'),
  ('A 102 2031-01-07 tue absent day 5 row 10')$$, 'day by day');
select is(api.report_discipline_head('{"unit": "A"}', t.at('2031-03-29', '12:00')) - '{signature,government,unit,zone,codes,complete,as_of,print}'::text[],
  '{"status": 200, "from": "2031-01-01", "to": "2031-03-28", "minutes_per_day": null, "edition": "now",
    "note": "Bahan pemeriksaan bagi atasan langsung; laporan ini tidak menjatuhkan hukuman."}', 'of the year, as far as it is over; nothing is imposed');
reset session authorization;
update hadir.consequence set minutes_per_day = 450;
set session authorization hadir_admin;
-- 450 minutes make a day: 201 has one, 202 929 minutes and two.
select results_eq($$select * from t.list('{"unit": "B"}')$$, $$values
  ('1 B 202: 2 = 0 + 2 (929 minutes),  , next 3 teguran lisan | row 0 , next 10 |  | '
   '2031-01-06 90, 2031-01-07 90, 2031-01-08 90, 2031-01-09 90, 2031-01-10 89, 2031-03-20 450, 2031-03-21 30 | '),
  ('2 B 201: 1 = 0 + 1 (450 minutes),  , next 3 teguran lisan | row 0 , next 10 |  | 2031-01-06 90, 2031-01-07 90, 2031-01-08 90, 2031-01-09 90, 2031-01-10 90 | ')$$,
  'minutes that make days, with their dates');
select results_eq($$select * from t.listed('{"unit": "B"}') l where l like '%201 2031%'$$, $$values ('B 201 2031-01-06 mon 90 day 0 row 0'), ('B 201 2031-01-07 tue 90 day 0 row 0'),
  ('B 201 2031-01-08 wed 90 day 0 row 0'), ('B 201 2031-01-09 thu 90 day 0 row 0'), ('B 201 2031-01-10 fri 90 day 1 row 0')$$, 'and what they had come to');
select matches(api.report_discipline_head('{"unit": "A"}', t.at('2031-03-29', '12:00')) ->> 'note', '450 menit', 'the head says so');
reset session authorization;
create function t.why(p_answer jsonb) returns text language sql as $$
  select concat_ws(' ', p_answer #>> '{error,status}', p_answer #>> '{error,code}', p_answer #>> '{error,problems,0,field}')
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;
select is(t.why(api.report_discipline_head('{"unit": "A", "date": "2031-03-30"}', t.at('2031-03-29', '12:00'))), '422 invalid date', 'tomorrow');
select is(t.why(api.report_discipline_head('{"unit": "A", "date": "2030-12-15"}', t.at('2031-03-29', '12:00'))), '404 nothing_to_report date', 'before the service');
select is(t.why(api.report_discipline_head('{"unit": "A", "closed": "ya", "date": "2031-03-29"}', t.at('2031-03-29', '12:00'))), '', 'a day without a plan needs no freezing');
select is(api.report_discipline_head('{"unit": "A", "closed": "ya"}', t.at('2031-04-20', '12:00')) ->> 'to', '2031-03-28', 'closed, up to the last frozen day');
select is(t.why(api.report_discipline_head('{"unit": "A", "year": "2031"}', t.at('2031-03-29', '12:00'))), '422 invalid year', 'a day, not a year');
set session authorization hadir_query;
select set_config('hadir.actor', '', true);
select is_empty($$select * from t.list('{"unit": "A"}')$$, 'nobody has none');
select set_config('hadir.actor', 'access:72', true);
select is(t.why(api.report_discipline_head('{"unit": "A"}', t.at('2031-03-29', '12:00'))), '404 not_found unit', 'not of others');
select set_config('hadir.actor', 'access:71', true);
select is((select string_agg(right(nip, 3), ' ' order by no) from api.report_discipline('{"unit": "A"}', t.at('2031-03-29', '12:00'))), '103 102 101', 'a superior has his people''s');
reset session authorization;
select * from finish();
rollback;
