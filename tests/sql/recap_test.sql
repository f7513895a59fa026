-- The recap: what a week of attendance counts for, worked out by hand. The table is Permentan 68/2012 (0.5, 1, 1.5, 2 from 1, 31,
-- 61, 91 minutes); an unexcused day costs 3; leave (CT) nothing, a permit (I) 3, duty travel (DL) nothing and is work.
begin;
select no_plan();
\ir derive_fixture.psql
create function t.classes(p_from date, p_percent numeric[]) returns void language sql as $$
  insert into hadir.minute_class (government, valid_from, counts_as, code, from_minutes, percent)
  select 1, p_from, c.counts_as, c.prefix || n, (array[1, 31, 61, 91])[n], p_percent[n]
  from (values ('in', 'TL'), ('out', 'PSW')) c (counts_as, prefix), generate_series(1, 4) n
$$;
select t.classes('2031-01-01', '{0.5,1,1.5,2}');
insert into hadir.absence_code (government, code, name, working)
values (1, 'CT', 'Cuti tahunan', false), (1, 'I', 'Izin', false), (1, 'DL', 'Dinas luar', true);
insert into hadir.absence_percent (government, code, valid_from, percent) values (1, 'CT', '2031-01-01', 0), (1, 'I', '2031-01-01', 3);
insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap) values (1, '2031-01-01', 'TK', 3, 100);

-- ---- Classes by minutes.
select results_eq($$select m, (select code || ' ' || percent from hadir.day_class(1, '2031-03-03', 'in', 'late', m))
  from unnest(array[0, 1, 30, 31, 60, 61, 90, 91, 400]) m$$,
  $$values (0, null), (1, 'TL1 0.5'), (30, 'TL1 0.5'), (31, 'TL2 1'), (60, 'TL2 1'), (61, 'TL3 1.5'), (90, 'TL3 1.5'), (91, 'TL4 2'), (400, 'TL4 2')$$,
  'lateness: from its first minute on each class holds until the next');
select is((select code from hadir.day_class(1, '2031-03-03', 'out', 'early', 61)), 'PSW3', 'early leave has its own codes');
select is((select code from hadir.day_class(1, '2031-03-03', 'out', 'missing', null)), 'PSW4', 'a missing session is of the worst class');
select is_empty($$select * from hadir.day_class(1, '2031-03-03', 'in', 'on_time', 0)$$, 'who is on time has none');
select is_empty($$select * from hadir.day_class(1, '2031-03-03', 'presence', 'missing', null)$$, 'nor a kind of session without classes');
select is_empty($$select * from hadir.day_class(2, '2031-03-03', 'in', 'late', 40)$$, 'nor a government without a table');
select is_empty($$select * from hadir.day_class(1, '2030-12-31', 'in', 'late', 40)$$, 'nor a day before the first');
select t.classes('2031-03-10', '{1,2,2.5,4}');
select is((select percent from hadir.day_class(1, '2031-03-09', 'in', 'late', 40)), 1::numeric, 'the old table holds to its last day');
select is((select percent from hadir.day_class(1, '2031-03-10', 'in', 'late', 40)), 2::numeric, 'a new one from its first');
-- A class that only missing sessions reach: 24 h.
insert into hadir.minute_class (government, valid_from, counts_as, code, from_minutes, percent) values (1, '2031-03-10', 'in', 'THM', 1440, 4.5),
  (1, '2031-03-10', 'presence', 'AP', 0, 0.5);
select is((select code from hadir.day_class(1, '2031-03-10', 'in', 'missing', null)), 'THM', 'missing may cost more than any lateness');
select is((select code from hadir.day_class(1, '2031-03-10', 'in', 'late', 500)), 'TL4', 'which stays what it is');
select is((select code from hadir.day_class(1, '2031-03-10', 'presence', 'missing', null)), 'AP', 'an assembly may have a class');

-- ---- The week of 101 and 102. Sessions: pagi 7:30 (late from 7:31), sore 16:00.
-- 102's Monday: permit for the morning. Tuesday: duty travel. 101's Friday: leave. Both codes take the sessions away.
select t.pattern(4101, '2031-03-03', 'WFO', false, array[31, 32], null), t.pattern(4102, '2031-03-04', 'DL', false, '{}', 'Dinas luar'),
       t.pattern(4103, '2031-03-07', null, false, '{}', 'Cuti tahunan');
select t.session(4101, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00'),
       t.session(4101, 2, 'sore', 'out', '2031-03-03', '15:00', '16:00', '16:00', '20:00', '20:00');
update hadir.plan_pattern set excuse = 'I:pagi', excused = '{pagi}' where id = 4101;
update hadir.plan_pattern set excuse = 'DL' where id = 4102;
update hadir.plan_pattern set excuse = 'CT' where id = 4103;
update hadir.plan_slot s set pattern = v.pattern
from (values (102, date '2031-03-03', 4101), (102, '2031-03-04', 4102), (101, '2031-03-07', 4103)) v (pair, day, pattern)
where s.pair = v.pair and s.day = v.day;

create function t.in(p_seq bigint, p_person bigint, p_day date, p_time interval, p_fence bigint default 31, p_more jsonb default '{}') returns jsonb
language sql stable as $$
  select t.row(p_seq, p_person, t.at(p_day, p_time), jsonb_build_object('placements', jsonb_build_array(t.in_fence(p_fence)),
    'lat', -2.5500001 - p_seq * 0.0001) || p_more)
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_intake;
select isnt(t.put(
  t.in(1, 101, '2031-03-03', '7:45'), t.in(2, 101, '2031-03-03', '16:05'),           -- 15 minutes late
  t.in(3, 101, '2031-03-04', '8:10'),                                                -- 40 minutes late, afternoon missing
                                                                                     -- Wednesday: nothing
  t.in(5, 101, '2031-03-06', '7:00'), t.in(6, 101, '2031-03-06', '15:20'),           -- 40 minutes early
  t.in(11, 102, '2031-03-03', '16:01'),                                              -- the afternoon of the half day
  t.in(19, 102, '2031-03-04', '9:00'),                                               -- at the office once, while on duty travel
  t.in(12, 102, '2031-03-05', '7:00', 31, '{"flags": ["mock"]}'), t.in(13, 102, '2031-03-05', '16:30', 32), -- office, then the site
  t.in(14, 102, '2031-03-06', '7:30:59'), t.in(15, 102, '2031-03-06', '16:00'),      -- on time to the minute
  t.in(16, 102, '2031-03-07', '7:31'), t.in(17, 102, '2031-03-07', '16:00'),         -- one minute late
  t.in(18, 103, '2031-03-03', '12:00')), 0::bigint, 'the week');                     -- between the windows
reset session authorization;

create function t.day(p_person bigint, p_day date, p_closed boolean default false) returns text language sql stable as $$
  select concat_ws(' ', case when d.present then 'present' when d.absent then 'absent' else '-' end, nullif(array_to_string(d.places, '+'), ''),
    (select string_agg(concat_ws(':', i ->> 'component', i ->> 'session', i ->> 'code', i ->> 'minutes', i ->> 'days', i ->> 'percent'), ' ')
     from jsonb_array_elements(d.counted) i), '=', trim_scale(round(d.percent, 4)))
  from hadir.recap_days(1, p_day, p_day, array[p_person], p_closed) d
$$;
grant execute on all functions in schema t to public;
select is(t.day(101, '2031-03-03'), 'present WFO in:pagi:TL1:15:0.5 = 0.5', '15 minutes are TL1');
select is(t.day(101, '2031-03-04'), 'present WFO in:pagi:TL2:40:1 out:sore:PSW4:2 = 3', '40 minutes are TL2, the missing afternoon PSW4');
select is(t.day(101, '2031-03-05'), 'absent absent:TK:1:3 = 3', 'no session at all is TK, once, not TL4 and PSW4');
select is(t.day(101, '2031-03-06'), 'present WFO out:sore:PSW2:40:1 = 1', '40 minutes early are PSW2');
select is(t.day(101, '2031-03-07'), '- excuse:CT:1:0 = 0', 'a day of leave costs nothing and is no presence');
select is(t.day(101, '2031-03-08'), null, 'Saturday is no working day');
select is(t.day(102, '2031-03-03'), 'present WFO excuse:pagi:I:0.5:1.5 = 1.5', 'half a day''s permit is half of its 3 percent');
select is(t.day(102, '2031-03-04'), 'present DL excuse:DL:1:0 = 0', 'duty travel is present, at its place, wherever a check-in was');
select is(t.day(102, '2031-03-05'), 'present DL+WFO = 0', 'office and site: a day of both');
select is(t.day(102, '2031-03-06'), 'present WFO = 0', 'on time to the second before the limit');
select is(t.day(102, '2031-03-07'), 'present WFO in:pagi:TL1:1:0.5 = 0.5', 'late from the limit on');
select is((select absent || ' ' || outside_window from hadir.recap_days(1, '2031-03-03', '2031-03-03', '{103}', false)), 'true 1',
  'who came between the windows is absent by the rules, and it is said that he came');

-- ---- Summed up. 101: 0.5 + (1 + 2) + 3 + 1 + 0 = 7.5 on five working days, of which three present, one absent, one on leave.
select results_eq($$select working_days, present_days, absent_days, wfo_days, dl_days, missing_sessions, late_minutes, early_minutes, counts, minutes,
    excuses, percents, deduction from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}')$$,
  $$values (5, 3, 1, 3, 0, 1, 55, 40, '{"TL1": 1, "TL2": 1, "PSW4": 1, "TK": 1, "PSW2": 1}'::jsonb, '{"TL1": 15, "TL2": 40, "PSW2": 40}'::jsonb,
    '{"CT": 1}'::jsonb, '{"in": 1.5, "out": 3, "absent": 3, "excuse": 0}'::jsonb, 7.5::numeric)$$, 'the month of 101');
-- 102: 1.5 + 0 + 0 + 0 + 0.5 = 2; all five days present; office on four of them, DL on two (travel, site). Doubts: none looked for yet.
select results_eq($$select working_days, present_days, absent_days, wfo_days, dl_days, missing_sessions, counts, excuses, percents, deduction, doubts
    from hadir.recap(1, '2031-03-01', '2031-03-31', '{102}')$$,
  $$values (5, 5, 0, 4, 2, 0, '{"TL1": 1}'::jsonb, '{"I": 0.5, "DL": 1}'::jsonb, '{"in": 0.5, "excuse": 1.5}'::jsonb, 2::numeric, 0)$$, 'the month of 102');
set session authorization hadir_nightly;
select is(api.doubts_find(1, '2031-03-05'), 1::bigint, 'a mock position');
reset session authorization;
select results_eq($$select deduction, doubts from hadir.recap(1, '2031-03-01', '2031-03-31', '{102}')$$, $$values (2::numeric, 1)$$, 'is shown, and costs nothing');
update hadir.consequence set monthly_cap = 5;
select is((select deduction from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}')), 5::numeric, 'capped: 7.5 becomes 5');
select is((select percents ->> 'out' from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}')), '3', 'its parts are not');
select is((select working_days from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}', false, '{13}')), null, 'days in another unit only');
update hadir.consequence set monthly_cap = 100, absent_code = 'M', absent_percent = 4.005;
select is((select counts ->> 'M' || ' ' || deduction from hadir.recap(1, '2031-03-05', '2031-03-05', '{101}')), '1 4.01', 'the government''s own code, percent, two decimals');

-- ---- What a later table says changes nothing before its first day; the cap is that of the month's first day.
update hadir.consequence set absent_code = 'TK', absent_percent = 3;
create temporary table before as select * from hadir.recap(1, '2031-03-01', '2031-03-31', null);
insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap) values (1, '2031-03-10', 'A', 5, 1), (1, '2031-04-01', 'A', 5, 2);
insert into hadir.absence_percent (government, code, valid_from, percent) values (1, 'I', '2031-03-08', 2);
select results_eq('select * from before order by person', $$select * from hadir.recap(1, '2031-03-01', '2031-03-31', null) order by person$$, 'a later table leaves the month');
update hadir.consequence set valid_from = '2031-03-05' where valid_from = '2031-03-10';
update hadir.absence_percent set valid_from = '2031-03-03' where valid_from = '2031-03-08';
select is(t.day(101, '2031-03-05'), 'absent absent:A:1:5 = 5', 'it holds from its first day on');
select is(t.day(102, '2031-03-03'), 'present WFO excuse:pagi:I:0.5:1 = 1', 'as a permit''s percent does');
select is((select deduction from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}')), 9.5::numeric, 'in the middle of a month: 7.5, and 5 for 3; the new cap is the next month''s');
delete from hadir.consequence where valid_from > '2031-01-01';
delete from hadir.absence_percent where percent = 2;
update hadir.consequence set absent_code = 'M', absent_percent = 4.005;

-- ---- Evidence: Thursday wants two check-ins inside a fence and a report. 101 was there twice, 102 twice, with a report.
update hadir.plan_pattern set evidence = '[{"kind": "fence", "times": 2}, {"kind": "work_report", "times": 1}]' where id = 4006;
insert into hadir.work_report (government, person, day, kind, text, sent_at) values (1, 102, '2031-03-06', 'work_report', 'rapat', '2031-03-06');
select results_eq($$select person, day, missing from hadir.evidence_gaps(1, '2031-03-01', '2031-03-31', '{101,102,103}', false)$$,
  $$values (101::bigint, date '2031-03-06', '[{"kind": "work_report", "times": 1, "have": 0}]'::jsonb)$$,
  'only 101 lacks one; 103, who was not there at all, is absent and lacks nothing besides');

-- ---- As frozen: the same arithmetic gives the same; a day that is not frozen is not there.
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, d::date, t.at('2031-03-20', '12:00')), 1, d::date || ' is frozen')
from generate_series(timestamp '2031-03-03', '2031-03-06', '1 day') d;
reset session authorization;
select results_eq($$select * from hadir.recap_days(1, '2031-03-03', '2031-03-06', null, true) order by person, day$$,
  $$select * from hadir.recap_days(1, '2031-03-03', '2031-03-06', null, false) order by person, day$$, 'frozen days count the same');
select is((select working_days from hadir.recap(1, '2031-03-01', '2031-03-31', '{101}', true)), 4, 'four of them');
set session authorization hadir_intake;
select isnt(t.put(t.in(21, 101, '2031-03-05', '7:00', 31, jsonb_build_object('received_at', t.at('2031-03-19', '9:00'), 'message_at', t.at('2031-03-05', '7:00'))),
                  t.in(22, 101, '2031-03-05', '16:00')), 0::bigint, 'something comes later');
reset session authorization;
select is(t.day(101, '2031-03-05', true), 'absent absent:M:1:4.005 = 4.005', 'the frozen day stays');
select isnt(t.day(101, '2031-03-05', false), t.day(101, '2031-03-05', true), 'the day as of now differs');

-- ---- Who may ask.
update hadir.consequence set absent_percent = 3, absent_code = 'TK';
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true);
-- 101: 0.5 + 3 + 2 + 1 + 0: of Wednesday the afternoon has come, the morning is missing, TL4. 102: 2. 103: five days absent.
select is((select string_agg(r.deduction || '/' || r.evidence_missing, ' ' order by r.no) from api.report_monthly('{"unit": "A", "month": "2031-03"}', t.at('2031-03-20', '12:00')) r),
  '6.50/1 2.00/0 15.00/0', 'a superior has the month of his unit');
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03"}', t.at('2031-03-20', '12:00')) #> '{codes,counts}',
  '["TL1", "TL2", "TL3", "TL4", "THM", "PSW1", "PSW2", "PSW3", "PSW4", "AP"]', 'with the codes in order');
select is(jsonb_path_query_first(api.recap_days('{"nip": "999999999999999101", "month": "2031-03"}', t.at('2031-03-20', '12:00')), '$.days[*] ? (@.day == "2031-03-04").counted'),
  '[{"code": "TL2", "component": "in", "session": "pagi", "minutes": 40, "percent": 1}, {"code": "PSW4", "component": "out", "session": "sore", "percent": 2}]',
  'and what stands behind each number');
select is(api.recap_days('{"nip": "999999999999999201", "month": "2031-03"}', t.at('2031-03-20', '12:00')) #>> '{error,code}', 'not_found', 'not behind others''');
select set_config('hadir.actor', 'device:1102', true);
select is(jsonb_array_length(api.recap_days('{"nip": "999999999999999102", "month": "2031-03"}', t.at('2031-03-20', '12:00')) -> 'days'), 5, 'everybody has his own days');
reset session authorization;
select * from finish();
rollback;
