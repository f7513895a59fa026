-- Evaluation of a period against an earlier one, worked out by hand. Monday to Friday from 24 February to 9 March 2031.
--
--   Unit A (101, 102; A1: 103), 3 … 7 March: 15 person-days. 101 comes every day, on Monday 15 minutes late; 102 on Monday and
--     Tuesday, both times at home; 103 is on leave on Monday and never comes.
--   The week before: 101 comes on Monday and Tuesday, both times 40 minutes late and leaves on Monday 30 minutes early; nobody else.
begin;
select no_plan();
\ir derive_fixture.psql
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
-- The week before, as the fixture has its own.
select t.pattern(5000 + n, date '2031-02-24' + n, case when n < 5 then 'WFO' end, false, array[31, 32], case when n >= 5 then 'akhir pekan' end)
from generate_series(0, 6) n;
select t.session(5000 + n, 1, 'pagi', 'in', date '2031-02-24' + n, '6:00', '6:00', '7:30', '7:31', '10:00'),
       t.session(5000 + n, 2, 'sore', 'out', date '2031-02-24' + n, '15:00', '16:00', '16:00', '20:00', '20:00')
from generate_series(0, 4) n;
update hadir.plan_member set first_day = '2031-02-24';
insert into hadir.plan_slot (day, pair, pattern, number) select date '2031-02-24' + n, po.person, 5000 + n, 1 from hadir.posting po, generate_series(0, 6) n;
select t.pattern(4101, '2031-03-03', null, false, '{}', 'Cuti tahunan');
update hadir.plan_pattern set excuse = 'CT' where id = 4101;
update hadir.plan_slot set pattern = 4101 where pair = 103 and day = '2031-03-03';
insert into hadir.fence (id, government, code, name, kind, unit, person, shared) overriding system value values (36, 1, 'home-102', 'Home', 'home', null, 102, false);
insert into hadir.fence_version (fence, version, shape) values (36, 1, '\x00');
update hadir.plan_pattern set fences = fences || 36::bigint where place = 'WFO';

create function t.in(p_seq bigint, p_person bigint, p_day date, p_time interval) returns jsonb language sql stable as $$
  select t.row(p_seq, p_person, t.at(p_day, p_time), jsonb_build_object('placements', jsonb_build_array(t.in_fence(case p_person when 102 then 36 else 31 end))))
$$;
set session authorization hadir_intake;
select isnt(t.put(variadic array(
  select t.in(row_number() over (order by w.day, w.person, w.time), w.person, w.day, w.time)
  from (values (101, date '2031-02-24', interval '8:10'), (101, '2031-02-24', '15:30'), (101, '2031-02-25', '8:10'), (101, '2031-02-25', '16:05'),
    (101, '2031-03-03', '7:45'), (101, '2031-03-03', '16:05'), (101, '2031-03-04', '7:00'), (101, '2031-03-04', '16:05'), (101, '2031-03-05', '7:00'),
    (101, '2031-03-06', '7:00'), (101, '2031-03-06', '16:05'), (101, '2031-03-07', '7:00'), (101, '2031-03-07', '16:05'),
    (102, '2031-03-03', '7:00'), (102, '2031-03-03', '16:05'), (102, '2031-03-04', '7:00'), (102, '2031-03-04', '16:05')) w (person, day, time))), 0::bigint, 'who came');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-04-20', '0:00');

-- unit measure value amount/sample in days | the same before | difference
create function t.lines(p_body jsonb, p_now timestamptz default t.at('2031-03-10', '12:00')) returns setof text language sql as $$
  select format('%s@%s %s %s %s/%s in %s | %s %s/%s in %s | %s', r.unit, r.level, r.measure, coalesce(r.value::text, '-'), r.amount, r.sample, r.days,
    coalesce(r.baseline::text, '-'), r.baseline_amount, r.baseline_sample, r.baseline_days, coalesce(r.difference::text, '-'))
  from api.report_evaluation(p_body, p_now) r
$$;
create function t.why(p_answer jsonb) returns text language sql as $$
  select concat_ws(' ', p_answer #>> '{error,status}', p_answer #>> '{error,code}', p_answer #>> '{error,problems,0,field}')
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;
select results_eq($$select * from t.lines('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09"}')$$, $$values
  -- 5 of 101 and 2 of 102; 102 missed three days, 103 four, and had leave on one.
  ('A@0 presence 46.67 7/15 in 5 | 13.33 2/15 in 5 | 33.34'), ('A@0 absent 46.67 7/15 in 5 | 86.67 13/15 in 5 | -40.00'),
  ('A@0 excuse 6.67 1/15 in 5 | 0.00 0/15 in 5 | 6.67'),
  ('A@0 wfo 71.43 5/7 in 5 | 100.00 2/2 in 5 | -28.57'), ('A@0 wfh 28.57 2/7 in 5 | 0.00 0/2 in 5 | 28.57'),
  ('A@0 wfa 0.00 0/7 in 5 | 0.00 0/2 in 5 | 0.00'), ('A@0 dl 0.00 0/7 in 5 | 0.00 0/2 in 5 | 0.00'), ('A@0 elsewhere 0.00 0/7 in 5 | 0.00 0/2 in 5 | 0.00'),
  ('A@0 late_days 14.29 1/7 in 5 | 100.00 2/2 in 5 | -85.71'), ('A@0 late_minutes 2.14 15/7 in 5 | 40.00 80/2 in 5 | -37.86'),
  ('A@0 early_days 0.00 0/7 in 5 | 50.00 1/2 in 5 | -50.00'), ('A@0 early_minutes 0.00 0/7 in 5 | 15.00 30/2 in 5 | -15.00'),
  ('A1@1 presence 0.00 0/5 in 5 | 0.00 0/5 in 5 | 0.00'), ('A1@1 absent 80.00 4/5 in 5 | 100.00 5/5 in 5 | -20.00'), ('A1@1 excuse 20.00 1/5 in 5 | 0.00 0/5 in 5 | 20.00'),
  ('A1@1 wfo - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 wfh - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 wfa - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 dl - 0/0 in 5 | - 0/0 in 5 | -'),
  ('A1@1 elsewhere - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 late_days - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 late_minutes - 0/0 in 5 | - 0/0 in 5 | -'),
  ('A1@1 early_days - 0/0 in 5 | - 0/0 in 5 | -'), ('A1@1 early_minutes - 0/0 in 5 | - 0/0 in 5 | -')$$,
  'a week against the one before; nothing of nothing is no figure');
select is(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09"}', t.at('2031-03-10', '12:00')) - '{signature,print,government,unit,zone,codes}'::text[],
  '{"status": 200, "from": "2031-03-03", "to": "2031-03-09", "baseline": {"from": "2031-02-24", "to": "2031-03-02"}, "edition": "now",
    "note": "Dibandingkan dengan 2031-02-24 sampai 2031-03-02.", "as_of": "2031-03-10T12:00:00+08:00", "complete": true}', 'which one');
-- Two days, of which one is over: against the one a week before.
select results_eq($$select * from t.lines('{"unit": "A", "from": "2031-03-05", "to": "2031-03-06"}', t.at('2031-03-06', '12:00')) l where l like 'A@0 presence%'$$,
  $$values ('A@0 presence 33.33 1/3 in 1 | 0.00 0/3 in 1 | 33.33')$$, 'the days that are over, on the same weekdays');
select results_eq($$select * from t.lines('{"unit": "A", "from": "2031-03-04", "to": "2031-03-04", "baseline": "2031-02-27"}') l where l ~ 'A@0 (presence|late_minutes)'$$,
  $$values ('A@0 presence 66.67 2/3 in 1 | 33.33 1/3 in 1 | 33.34'), ('A@0 late_minutes 0.00 0/2 in 1 | 40.00 40/1 in 1 | -40.00')$$, 'Tuesday against that of a week named by any of its days');
select results_eq($$select * from t.lines('{"government": "town", "from": "2031-02-24", "to": "2031-03-02"}') l where l ~ '@[01] presence'$$,
  $$values ('town@0 presence 6.67 2/30 in 5 | - 0/0 in 0 | -'), ('R@1 presence 6.67 2/30 in 5 | - 0/0 in 0 | -')$$, 'before the service there is nothing to compare');
select is(api.report_evaluation_head('{"government": "town", "from": "2031-02-24", "to": "2031-03-02"}', t.at('2031-03-10', '12:00')) -> 'baseline', 'null', 'and it says so');
select matches(api.report_evaluation_head('{"government": "town", "from": "2031-02-24", "to": "2031-03-02"}', t.at('2031-03-10', '12:00')) ->> 'note', 'Tidak ada pembanding', 'in words');
select is(api.report_evaluation_head('{"unit": "A", "from": "2031-03-06", "to": "2031-03-09", "baseline": "2031-02-24"}', t.at('2031-03-10', '12:00')) -> 'baseline',
  '{"from": "2031-02-27", "to": "2031-03-02"}', 'from the same weekday on');

-- ---- Frozen it is the same, both periods must be.
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, d::date, t.at('2031-03-10', '12:00')), 1, d::date || ' is frozen') from generate_series(timestamp '2031-03-03', '2031-03-09', '1 day') d;
set session authorization hadir_admin;
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}', t.at('2031-03-10', '12:00'))), '', 'frozen from here on, nothing is before');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, d::date, t.at('2031-03-10', '12:00')), 1, d::date || ' is frozen') from generate_series(timestamp '2031-02-24', '2031-03-01', '1 day') d;
set session authorization hadir_admin;
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}', t.at('2031-03-10', '12:00'))), '409 not_closed baseline', 'the earlier Sunday is not');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, '2031-03-02', t.at('2031-03-10', '12:00')), 1, 'now it is');
set session authorization hadir_admin;
select results_eq($$select * from t.lines('{"government": "town", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}')$$,
  $$select * from t.lines('{"government": "town", "from": "2031-03-03", "to": "2031-03-09"}')$$, 'closed: the same figures');

-- ---- Why there is none.
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09", "baseline": "2031-03-03"}', t.at('2031-03-10', '12:00'))), '422 invalid baseline', 'not with itself');
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2030-12-01", "to": "2031-03-09"}', t.at('2031-03-10', '12:00'))), '422 invalid to', 'too long');
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-02"}', t.at('2031-03-10', '12:00'))), '422 invalid to', 'backwards');
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-10", "to": "2031-03-10"}', t.at('2031-03-10', '12:00'))), '404 nothing_to_report to', 'no day is over');
select is_empty($$select * from t.lines('{"unit": "A", "from": "2031-03-03", "to": "2031-03-02"}')$$, 'no head, no rows');
set session authorization hadir_query;
select is_empty($$select * from t.lines('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09"}')$$, 'nobody has none');
select set_config('hadir.actor', 'access:72', true);
select is(t.why(api.report_evaluation_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09"}', t.at('2031-03-10', '12:00'))), '404 not_found unit', 'not of others');
select results_eq($$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}') l where l like '%presence%'$$,
  $$values ('B@0 presence 0.00 0/15 in 5 | 0.00 0/15 in 5 | 0.00')$$, 'a superior has his unit''s');
reset session authorization;
select * from finish();
rollback;
