-- Reports: the figures of a day as it goes and as it was frozen, the month, who may ask, and why there is none.
begin;
select no_plan();
\ir derive_fixture.psql
insert into hadir.minute_class (government, valid_from, counts_as, code, from_minutes, percent)
select 1, '2031-01-01', c.counts_as, c.prefix || n, (array[1, 31, 61, 91])[n], (array[0.5, 1, 1.5, 2])[n]
from (values ('in', 'TL'), ('out', 'PSW')) c (counts_as, prefix), generate_series(1, 4) n;
insert into hadir.absence_code (government, code, name, working)
values (1, 'CT', 'Cuti tahunan', false), (1, 'I', 'Izin', false), (1, 'DL', 'Dinas luar', true);
insert into hadir.consequence (government, valid_from, absent_code, absent_percent, monthly_cap) values (1, '2031-01-01', 'TK', 3, 100);
update hadir.government set letterhead = 'PEMERINTAH KOTA CONTOH|{unit} |Jalan Contoh 1' where id = 1;
update hadir.government set signing_place = 'Kota Contoh', closes_after = '6 hours' where id = 1;
update hadir.person set grade = 'III/b', post = 'Analis' where id = 101;
insert into hadir.posting (person, unit, valid_from, kind) values (103, 11, '2031-01-01', 'head'), (102, 11, '2031-03-05', 'acting');
-- On Monday 201 has leave, 202 duty travel, 299 nothing to do.
select t.pattern(4101, '2031-03-03', null, false, '{}', 'Cuti tahunan'), t.pattern(4102, '2031-03-03', 'DL', false, '{}', 'Dinas luar'),
       t.pattern(4103, '2031-03-03', null, false, '{}', 'libur');
update hadir.plan_pattern set excuse = 'CT' where id = 4101;
update hadir.plan_pattern set excuse = 'DL' where id = 4102;
update hadir.plan_slot s set pattern = v.pattern from (values (201, 4101), (202, 4102), (299, 4103)) v (pair, pattern)
where s.pair = v.pair and s.day = '2031-03-03';

create function t.in(p_seq bigint, p_person bigint, p_day date, p_time interval) returns jsonb language sql stable as $$
  select t.row(p_seq, p_person, t.at(p_day, p_time), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31))))
$$;
-- unit people/expected/present percent | places | late early excused codes missing not_yet
create function t.daily(p_body jsonb, p_now timestamptz) returns setof text language sql as $$
  select format('%s@%s %s/%s/%s %s | %s %s %s %s %s | %s %s %s %s %s %s', r.unit, r.level, r.people, r.expected, r.present, r.percent, r.wfo, r.wfh, r.wfa,
    r.dl, r.elsewhere, r.late, r.early, r.excused, r.excuses, r.missing, r.not_yet)
  from api.report_daily(p_body, p_now) r
$$;
create function t.why(p_answer jsonb) returns text language sql as $$
  select concat_ws(' ', p_answer #>> '{error,status}', p_answer #>> '{error,code}', p_answer #>> '{error,problems,0,field}')
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;
select is(t.why(api.report_daily_head('{"unit": "A"}', t.at('2031-03-03', '9:00'))), '404 nothing_to_report date', 'before the first check-in there is nothing');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "2031-03"}', t.at('2031-03-03', '9:00'))), '404 nothing_to_report month', 'nor of the month');
reset session authorization;
set session authorization hadir_intake;
select isnt(t.put(
  t.in(1, 101, '2031-03-03', '7:45'), t.in(2, 101, '2031-03-03', '16:05'),   -- 15 minutes late
  t.in(3, 102, '2031-03-03', '7:20'), t.in(4, 102, '2031-03-03', '15:20')), -- 40 minutes early; 103: nothing
  0::bigint, 'Monday');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-03-20', '0:00');

-- ---- The morning edition: as known at 10:00; 103's morning is over, everybody's afternoon may still come.
set session authorization hadir_admin;
select is(api.report_daily_head('{"government": "town"}', t.at('2031-03-03', '10:30')),
  '{"status": 200, "government": "Town", "date": "2031-03-03", "codes": {"excuses": ["CT", "DL", "I"]}, "zone": "Asia/Makassar", "edition": "now",
    "as_of": "2031-03-03T10:30:00+08:00", "complete": true, "signature": {"place": "Kota Contoh", "date": "2031-03-03"},
    "print": {"paper": "F4", "letterhead": ["PEMERINTAH KOTA CONTOH", "", "Jalan Contoh 1"]}}', 'what it is about');
reset session authorization;
delete from hadir.ingest_mark;
insert into hadir.ingest_mark values ('00000000-0000-0000-0000-00000000000a', 4, t.at('2031-03-03', '16:06'), t.at('2031-03-03', '16:06'));
set session authorization hadir_admin;
select results_eq($$select t.daily('{"unit": "A"}', t.at('2031-03-03', '16:06'))$$, $$values
  ('A@0 3/3/2 66.67 | 2 0 0 0 0 | 1 1 0 {0,0,0} 1 0'), ('A1@1 1/1/0 0.00 | 0 0 0 0 0 | 0 0 0 {0,0,0} 1 0')$$,
  'in the afternoon 103 is missing for the morning, whatever may still come');
select is(api.report_daily_head('{"unit": "A"}', t.at('2031-03-03', '18:00')) - '{unit,government,signature,print,zone,codes}'::text[],
  '{"status": 200, "date": "2031-03-03", "edition": "now", "as_of": "2031-03-03T16:06:00+08:00", "complete": false}', 'it says up to when it is right');
select is((select r.missing || ' ' || r.not_yet from api.report_daily('{"unit": "A1"}', t.at('2031-03-03', '18:00')) r), '0 1', 'and calls nobody missing who may be there');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-03-20', '0:00');

-- ---- Frozen, and who stands behind the figures.
set session authorization hadir_admin;
select is(t.why(api.report_daily_head('{"unit": "A", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-03', '18:00'))), '409 not_closed date', 'not closed yet');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, d::date, t.at('2031-03-20', '12:00')), 1, d::date || ' is frozen') from generate_series(timestamp '2031-03-03', '2031-03-09', '1 day') d;
set session authorization hadir_admin;
select results_eq($$select t.daily('{"government": "town", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00'))$$, $$values
  ('town@0 6/5/3 60.00 | 2 0 0 1 0 | 1 1 1 {1,1,0} 1 0'), ('R@1 6/5/3 60.00 | 2 0 0 1 0 | 1 1 1 {1,1,0} 1 0'),
  ('A@2 3/3/2 66.67 | 2 0 0 0 0 | 1 1 0 {0,0,0} 1 0'), ('A1@3 1/1/0 0.00 | 0 0 0 0 0 | 0 0 0 {0,0,0} 1 0'),
  ('B@2 3/2/1 50.00 | 0 0 0 1 0 | 0 0 1 {1,1,0} 0 0')$$, 'the government, its units and those below them');
select results_eq($$select unit, right(nip, 3), state, late_minutes, early_minutes, codes, excuses
  from api.report_daily_people('{"government": "town", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00'))$$, $$values
  ('A', '101', 'late', 15, 0, 'TL1', ''), ('A', '102', 'early', 0, 40, 'PSW2', ''), ('A1', '103', 'missing', 0, 0, 'TK', ''),
  ('B', '201', 'excused', 0, 0, '', 'CT'), ('B', '202', 'present', 0, 0, '', 'DL')$$, 'with names');
select is(api.report_daily_head('{"unit": "A", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00')),
  api.report_daily_head('{"unit": "A", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-21', '12:00')), 'a closed day is the same whenever one asks');
select is(api.report_daily_head('{"unit": "A", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00')) ->> 'version', '1', 'and names its version');

-- ---- The month, so far and closed.
select results_eq($$select no, right(nip, 3), grade, post, unit, working_days, present_days, wfo_days, counts, minutes, excuses, absent_days, percent_in,
    percent_out, percent_absent, deduction, notes
  from api.report_monthly('{"unit": "A", "month": "2031-03"}', t.at('2031-03-05', '12:00'))$$, $$values
  (1::bigint, '101', 'III/b', 'Analis', 'A', 2, 1, 1, '{1,0,0,0,0,0,0,0}'::numeric[], '{15,0,0,0,0,0,0,0}'::numeric[], '{0,0,0}'::numeric[], 1, 0.5, 0::numeric, 3::numeric, 3.5, ''),
  (2, '102', '', '', 'A', 2, 1, 1, '{0,0,0,0,0,1,0,0}', '{0,0,0,0,0,40,0,0}', '{0,0,0}', 1, 0, 1, 3, 4, ''),
  (3, '103', '', '', 'A1', 2, 0, 0, '{0,0,0,0,0,0,0,0}', '{0,0,0,0,0,0,0,0}', '{0,0,0}', 2, 0, 0, 6, 6, '')$$, 'the days that are over');
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03"}', t.at('2031-03-05', '12:00')),
  '{"status": 200, "unit": {"code": "A", "name": "Unit A"}, "government": "Town", "month": "2031-03", "from": "2031-03-03", "to": "2031-03-04",
    "codes": {"counts": ["TL1", "TL2", "TL3", "TL4", "PSW1", "PSW2", "PSW3", "PSW4"], "minutes": ["TL1", "TL2", "TL3", "TL4", "PSW1", "PSW2", "PSW3", "PSW4"],
      "excuses": ["CT", "DL", "I"]}, "zone": "Asia/Makassar", "edition": "now", "as_of": "2031-03-05T12:00:00+08:00", "complete": true,
    "signature": {"place": "Kota Contoh", "date": "2031-03-05", "title": "Plt. Kepala Unit A", "name": "Pegawai 102", "nip": "999999999999999102"},
    "print": {"paper": "F4", "letterhead": ["PEMERINTAH KOTA CONTOH", "UNIT A", "Jalan Contoh 1"]}}',
  'who signs: the acting head');
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03"}', t.at('2031-03-04', '12:00')) #>> '{signature,title}', 'Kepala Unit A', 'before, the head');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-03-20', '12:00'))), '409 not_closed month', 'the month is not closed');
select string_agg(r::text, '|' order by r.no) as so_far from api.report_monthly('{"unit": "A", "month": "2031-03"}', t.at('2031-04-01', '12:00')) r \gset
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-02', '9:00')) -> 'version', '1', 'BKPSDM closes it');
select is((select string_agg(r::text, '|' order by r.no) from api.report_monthly('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r),
  :'so_far', 'what was kept is what was derived');
reset session authorization;
update hadir.person set grade = 'IV/a', name = 'Lain' where id = 101;
insert into hadir.absence_code (government, code, name) values (1, 'TB', 'Tugas belajar');
set session authorization hadir_admin;
select is((select string_agg(r::text, '|' order by r.no) from api.report_monthly('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r),
  :'so_far', 'for ever: another name, grade or code came later');
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) #> '{codes,excuses}', '["CT", "DL", "I"]', 'with its codes');
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03"}', t.at('2031-04-20', '12:00')) #> '{codes,excuses}', '["CT", "DL", "I", "TB"]', 'the month as of now has the new one');
select is((select r.name from api.report_daily_people('{"unit": "A", "date": "2031-03-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r where right(r.nip, 3) = '101'),
  'Pegawai 101', 'a frozen day has the names of then');
select is((select min(r.name) from api.report_monthly_days('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r where right(r.nip, 3) = '101'),
  'Pegawai 101', 'and so have the days of a closed month');
select is((select r.name from api.report_daily_people('{"unit": "A", "date": "2031-03-03"}', t.at('2031-04-20', '12:00')) r where right(r.nip, 3) = '101'), 'Lain', 'derived now, of now');
reset session authorization;
delete from hadir.absence_code where code = 'TB';
update hadir.person set name = 'Pegawai 101' where id = 101;
set session authorization hadir_admin;
select is(api.report_monthly_head('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) - '{codes,unit,government,signature,print,zone}'::text[],
  '{"status": 200, "month": "2031-03", "from": "2031-03-03", "to": "2031-03-31", "edition": "closed", "version": 1, "as_of": "2031-04-02T09:00:00+08:00", "complete": true}',
  'closed: by number, as of its closing');
select is((select string_agg(right(nip, 3) || ' ' || working_days || ' ' || deduction, ', ' order by no)
  from api.report_monthly('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00'))),
  '101 5 12.50, 102 5 13.00, 103 5 15.00', 'of its frozen days: Monday, and the others at 3 each');
select results_eq($$select right(nip, 3), day, weekday, time_in, time_out, places, codes, late_minutes, early_minutes, percent_in, percent_absent, percent
  from api.report_monthly_days('{"unit": "A", "month": "2031-03", "nip": "999999999999999101", "closed": "ya"}', t.at('2031-04-20', '12:00'))
  where day < '2031-03-05'$$, $$values
  ('101', date '2031-03-03', 'mon', '07:45', '16:05', 'WFO', 'TL1', 15, 0, 0.5, 0::numeric, 0.5), ('101', '2031-03-04', 'tue', null, null, '', 'TK', 0, 0, 0, 3, 3)$$, 'the days behind it');
select results_eq($$select * from api.report_monthly_days('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00'))$$,
  $$select * from api.report_monthly_days('{"unit": "A", "month": "2031-03"}', t.at('2031-04-20', '12:00')) where day <= '2031-03-07'$$, 'derived now they are the same');
-- By night the same, of everybody.
select string_agg(r::text, '|' order by r.no) as at_console from api.report_monthly('{"government": "town", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r \gset
select is((select string_agg(r::text, '|' order by r.no) from api.report_monthly('{"unit": "R", "month": "2031-03", "closed": "ya"}', t.at('2031-04-20', '12:00')) r),
  :'at_console', 'the government is its top unit');
set session authorization hadir_nightly;
select is((select string_agg(r::text, '|' order by r.no) from api.report_monthly('{"government": "town", "month": "2031-03", "closed": "ya"}', t.at('2031-04-21', '12:00')) r),
  :'at_console', 'by night the same');
select results_eq($$select t.daily('{"unit": "B", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00'))$$,
  $$values ('B@0 3/2/1 50.00 | 0 0 0 1 0 | 0 0 1 {1,1,0} 0 0')$$, 'of a unit, too');
reset session authorization;
update hadir.posting set valid_to = '2031-03-05' where person = 101;
set session authorization hadir_admin;
select is((select working_days || ' ' || notes from api.report_monthly('{"unit": "A", "month": "2031-03"}', t.at('2031-03-08', '12:00')) where right(nip, 3) = '101'),
  '5 pindah 2031-03-05', 'who left meanwhile is there, with a note');

-- ---- Who moved has a line in each unit, and one where both are asked for.
reset session authorization;
update hadir.attendance set unit = 13, unit_code = 'B' where person = 102 and day >= '2031-03-06';
insert into hadir.month_version (government, month, version, closed_at, days, codes)
select government, month, 2, closed_at, days, codes from hadir.month_version where version = 1;
select lives_ok($$select hadir.month_keep(1, '2031-03-01', 2)$$, 'closed again');
set session authorization hadir_admin;
select results_eq($$select u, r.working_days, r.present_days, r.absent_days, r.deduction, r.unit
  from unnest('{A,B,R}'::text[]) u, api.report_monthly(jsonb_build_object('unit', u, 'month', '2031-03', 'closed', 'ya'), t.at('2031-04-20', '12:00')) r
  where right(r.nip, 3) = '102' order by 1$$, $$values ('A', 3, 1, 2, 7.00, 'A'), ('B', 2, 0, 2, 6.00, 'B'), ('R', 5, 1, 4, 13.00, 'B')$$, 'three days here, two there');

-- ---- Who may ask, and why there is none.
select is(t.why(api.report_daily_head('{}', t.at('2031-03-20', '12:00'))), '422 invalid unit', 'of whom');
select is(t.why(api.report_daily_head('{"unit": "A", "government": "town"}', t.at('2031-03-20', '12:00'))), '422 invalid unit', 'not of two');
select is(t.why(api.report_daily_head('{"unit": "Q"}', t.at('2031-03-20', '12:00'))), '404 not_found unit', 'an unknown unit');
select is(t.why(api.report_daily_head('{"unit": "A", "date": "2031-03-21"}', t.at('2031-03-20', '12:00'))), '422 invalid date', 'tomorrow');
select is(t.why(api.report_daily_head('{"unit": "A", "date": "2031-02-28"}', t.at('2031-03-20', '12:00'))), '404 nothing_to_report date', 'before the service');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "2031-05"}', t.at('2031-03-20', '12:00'))), '422 invalid month', 'a month to come');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "2031-02"}', t.at('2031-03-20', '12:00'))), '404 nothing_to_report month', 'a month before the service');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "2031-03", "nip": "999999999999999201"}', t.at('2031-03-20', '12:00'))), '404 not_found nip', 'somebody else''s');
select is(t.why(api.report_monthly_head('{"unit": "A", "month": "Maret", "closed": "x"}', t.at('2031-03-20', '12:00'))), '422 invalid closed', 'every problem');
select is_empty($$select * from api.report_daily('{"unit": "Q"}', t.at('2031-03-20', '12:00'))$$, 'no head, no rows');
set session authorization hadir_query;
select set_config('hadir.actor', 'access:72', true);
select is(t.why(api.report_daily_head('{"unit": "A"}', t.at('2031-03-20', '12:00'))), '404 not_found unit', 'not of others');
select is(t.why(api.report_daily_head('{"government": "town"}', t.at('2031-03-20', '12:00'))), '404 not_found government', 'the government at the console only');
select results_eq($$select t.daily('{"unit": "B", "date": "2031-03-03", "closed": "ya"}', t.at('2031-03-20', '12:00'))$$,
  $$values ('B@0 3/2/1 50.00 | 0 0 0 1 0 | 0 0 1 {1,1,0} 0 0')$$, 'a superior has his unit''s');
select set_config('hadir.actor', 'device:1101', true);
select is(t.why(api.report_daily_head('{"unit": "A"}', t.at('2031-03-20', '12:00'))), '404 not_found unit', 'a phone has none');
reset session authorization;
select * from finish();
rollback;
