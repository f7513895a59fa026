-- Compliance with a circular, worked out by hand: one week of a small town, 3 … 9 March 2031.
--
-- The circular: Monday to Friday at home for whom a list names, at most half of a unit's people elsewhere (of all, down), at
-- least half at the office (of those who work, up), everybody three office days a week; who is at home sends a report.
-- Unit B has 201, 202, 299; A has 101, 102; A1 has 103.
--   G/1  list: 201 and 202 at home on Monday and Tuesday; confirmed on Wednesday: four days late
--   G/2  list: 201 at home on Wednesday; confirmed on Tuesday
--   P/3  recall: 202 to the office on Tuesday; confirmed on Monday
--   G/4  list: 202 at home on Friday; never confirmed
--   T/5  letter: 102 anywhere (WFA) on Friday, which the circular has not
-- 299 is on leave on Thursday. On Monday 201 and 202 are at home, only 201 reports; on Tuesday 202 is at the office. Nobody else
-- ever comes.
begin;
select no_plan();
\ir derive_fixture.psql
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
insert into hadir.working_hours (government, valid_from, weekdays) values (1, '2031-01-01', '{1,2,3,4,5}');
insert into hadir.policy (id, government, number, title, dated, valid_from, valid_to, grants, min_office_days, states_evidence)
overriding system value values (7, 1, 'SE 1', 'Bekerja dari rumah', '2031-02-01', '2031-03-01', '2031-03-31', 'roster', 3, true);
insert into hadir.policy_scope (policy) values (7);
insert into hadir.policy_day (policy, weekdays, place, granted) values (7, '{1,2,3,4,5}', 'WFH', true);
insert into hadir.policy_quota (policy, measure, percent, rounding, base) values (7, 'max_elsewhere', 50, 'down', 'posted'), (7, 'min_wfo', 50, 'up', 'working');
insert into hadir.policy_evidence (policy, places, kind) values (7, '{WFH}', 'work_report');

create function t.letter(p_id bigint, p_kind text, p_number text, p_place text, p_confirmed timestamptz, variadic p_days text[]) returns void language sql as $$
  insert into hadir.letter (id, government, unit, kind, number, dated, status, filed_at) overriding system value
  values (p_id, 1, 10, p_kind, p_number, '2031-03-01', case when p_confirmed is null then 'filed' else 'confirmed' end, '2031-03-01');
  insert into hadir.letter_order (id, letter, place) overriding system value values (p_id, p_id, p_place);
  insert into hadir.assignment (letter, person, day, orders)
  select p_id, split_part(d, ' ', 1)::bigint, split_part(d, ' ', 2)::date, p_id from unnest(p_days) d;
  insert into hadir.decision (subject, ref, step, at, actor, capacity)
  select 'letter', p_id, 'confirmed', p_confirmed, 'hadir', 'console' where p_confirmed is not null;
$$;
select t.letter(1, 'roster', 'G/1', 'WFH', t.at('2031-03-05', '9:00'), '201 2031-03-03', '201 2031-03-04', '202 2031-03-03', '202 2031-03-04'),
       t.letter(2, 'roster', 'G/2', 'WFH', t.at('2031-03-04', '9:00'), '201 2031-03-05'),
       t.letter(3, 'recall', 'P/3', 'WFO', t.at('2031-03-03', '9:00'), '202 2031-03-04'),
       t.letter(4, 'roster', 'G/4', 'WFH', null, '202 2031-03-07'),
       t.letter(5, 'assignment', 'T/5', 'WFA', t.at('2031-03-07', '23:00'), '102 2031-03-07');
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at)
values (1, 299, 'CT', '2031-03-06', '2031-03-06', 'approved', '2031-03-01');
-- The plan of those who are at home on Monday; of 299 on Thursday.
select t.pattern(4201, '2031-03-03', 'WFH', true, '{}', null), t.pattern(4202, '2031-03-06', null, false, '{}', 'Cuti tahunan');
update hadir.plan_pattern set policy = 7, policies = '{7}', evidence = '[{"kind": "work_report", "times": 1}]' where id = 4201;
update hadir.plan_pattern set excuse = 'CT' where id = 4202;
select t.session(4201, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00'),
       t.session(4201, 2, 'sore', 'out', '2031-03-03', '15:00', '16:00', '16:00', '20:00', '20:00');
update hadir.plan_slot s set pattern = v.pattern
from (values (201, date '2031-03-03', 4201), (202, '2031-03-03', 4201), (299, '2031-03-06', 4202)) v (pair, day, pattern)
where s.pair = v.pair and s.day = v.day;
insert into hadir.work_report (government, person, day, kind, text, sent_at) values (1, 201, '2031-03-03', 'work_report', 'selesai', t.at('2031-03-03', '17:00'));
set session authorization hadir_intake;
select isnt(t.put(
  t.row(1, 201, t.at('2031-03-03', '7:00')), t.row(2, 201, t.at('2031-03-03', '16:30')),
  t.row(3, 202, t.at('2031-03-03', '7:00')), t.row(4, 202, t.at('2031-03-03', '16:30')),
  t.row(5, 202, t.at('2031-03-04', '7:00'), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31))))), 0::bigint, 'who came');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-04-20', '0:00');

create function t.lines(p_body jsonb, p_now timestamptz default t.at('2031-03-10', '12:00')) returns setof text language sql as $$
  select concat_ws(' ', r.unit, to_char(r.day, 'Dy'), r.measure, concat_ws('/', r.have, r."limit", r.base) || coalesce(' ' || r.base_of, ''), case when r.met then 'met' when not r.met then 'NOT' end,
    'came ' || r.attended, '| ' || r.note)
  from api.report_compliance(p_body, p_now) r
$$;
create function t.names(p_body jsonb, p_now timestamptz default t.at('2031-03-10', '12:00')) returns setof text language sql as $$
  select concat_ws(' ', r.unit, right(r.nip, 3), coalesce(to_char(r.day, 'Dy'), 'W' || to_char(r.week, 'DD')), r.measure, nullif(concat_ws('/', r.have, r."limit", r.base), ''),
    case when r.met then 'met' when not r.met then 'NOT' end, 'came ' || r.attended, '| ' || r.note)
  from api.report_compliance_people(p_body, p_now) r
$$;
create function t.why(p_answer jsonb) returns text language sql as $$
  select concat_ws(' ', p_answer #>> '{error,status}', p_answer #>> '{error,code}', p_answer #>> '{error,problems,0,field}')
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;

select results_eq($$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}')$$, $$values
  ('B Mon bound 3/3 came 2'),
  -- Half of three who work is 1.5, up 2; half of three down 1.
  ('B Mon min_wfo 1/2/3 working NOT came 0'), ('B Mon max_elsewhere 2/1/3 posted NOT came 2'),
  ('B Mon min_office_days 1/0/3 NOT'), ('B Mon evidence 1/0/2 NOT | work_report 1'),
  ('B Mon late_letter 4/0/4 NOT | daftar giliran G/1 (2031-03-01), disahkan 2031-03-05 09:00'),
  -- The recall goes before the list.
  ('B Tue bound 3/3 came 1'), ('B Tue min_wfo 2/2/3 working met came 1'), ('B Tue max_elsewhere 1/1/3 posted met came 0'),
  ('B Tue recall 1 came 1 | panggilan P/3 (2031-03-01), disahkan 2031-03-03 09:00'),
  ('B Wed bound 3/3 came 0'), ('B Wed min_wfo 2/2/3 working met came 0'), ('B Wed max_elsewhere 1/1/3 posted met came 0'),
  -- Leave is no work.
  ('B Thu bound 2/3 came 0'), ('B Thu min_wfo 2/1/2 working met came 0'), ('B Thu max_elsewhere 0/1/3 posted met came 0'),
  -- A list that nobody confirmed puts nobody at home.
  ('B Fri bound 3/3 came 0'), ('B Fri min_wfo 3/2/3 working met came 0'), ('B Fri max_elsewhere 0/1/3 posted met came 0'),
  ('B Fri late_letter 1/0/1 NOT | daftar giliran G/4 (2031-03-01), belum disahkan')$$, 'a week of unit B');
select results_eq($$select * from t.lines('{"unit": "A", "from": "2031-03-07", "to": "2031-03-09"}')$$, $$values
  ('A Mon min_office_days 0/0/2 met'), ('A Fri bound 2/2 came 0'), ('A Fri min_wfo 1/1/2 working met came 0'),
  ('A Fri max_elsewhere 1/1/2 posted met came 0'), ('A Fri place_not_granted 1/0 NOT'),
  ('A1 Mon min_office_days 0/0/1 met'), ('A1 Fri bound 1/1 came 0'), ('A1 Fri min_wfo 1/1/1 working met came 0'),
  ('A1 Fri max_elsewhere 0/0/1 posted met came 0')$$, 'A and what is below it, each with its own people; the week that ends there whole');
select is_empty($$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-07"}') l where l like '%office_days%'$$,
  'a week is judged when it is over');
select is((select string_agg(distinct policy || ': ' || title, ', ') from api.report_compliance('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}', t.at('2031-03-10', '12:00'))),
  'SE 1: Bekerja dari rumah', 'by which circular');

-- have/limit/base of a share are the unit's; of a week days at the office, the least, working days; came: of attendance.
select results_eq($$select * from t.names('{"government": "town", "from": "2031-03-03", "to": "2031-03-09"}')$$, $$values
  ('A 101 W03 min_office_days 5/3/5 met came 0'), ('A 102 W03 min_office_days 4/3/5 met came 0'), ('A 102 Fri place_not_granted 1/0/1 NOT'),
  ('A1 103 W03 min_office_days 5/3/5 met came 0'),
  ('B 201 W03 min_office_days 2/3/5 NOT came 0'), ('B 201 Mon max_elsewhere 2/1/3 NOT'),
  ('B 201 Mon late_letter 2/0/2 NOT | daftar giliran G/1 (2031-03-01), disahkan 2031-03-05 09:00'),
  ('B 202 W03 min_office_days 4/3/5 met came 1'), ('B 202 Mon max_elsewhere 2/1/3 NOT'), ('B 202 Mon evidence NOT | work_report 0/1'),
  ('B 202 Mon late_letter 2/0/2 NOT | daftar giliran G/1 (2031-03-01), disahkan 2031-03-05 09:00'),
  ('B 202 Tue recall 1/1 came 1 | panggilan P/3 (2031-03-01), disahkan 2031-03-03 09:00'),
  ('B 202 Fri late_letter 1/0/1 NOT | daftar giliran G/4 (2031-03-01), belum disahkan'),
  -- On leave on Thursday: four working days. He is the one who counts as at the office on Monday.
  ('B 299 W03 min_office_days 4/3/4 met came 0'), ('B 299 Mon min_wfo 1/2/3 NOT')$$, 'with names');
select is(api.report_compliance_head('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}', t.at('2031-03-10', '12:00')) - '{signature,print,government}'::text[],
  '{"status": 200, "unit": {"code": "B", "name": "Unit B"}, "from": "2031-03-03", "to": "2031-03-09", "codes": {}, "zone": "Asia/Makassar",
    "edition": "now", "as_of": "2031-03-10T12:00:00+08:00", "complete": true}', 'what it is about');
select is(api.report_compliance_head('{"unit": "B", "from": "2031-03-03", "to": "2031-03-07"}', t.at('2031-03-07', '12:00')) ->> 'to', '2031-03-06', 'days that are over');

-- ---- Closed: presence and evidence as frozen.
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}', t.at('2031-03-10', '12:00'))), '409 not_closed to', 'not closed yet');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, d::date, t.at('2031-03-10', '12:00')), 1, d::date || ' is frozen') from generate_series(timestamp '2031-03-03', '2031-03-09', '1 day') d;
set session authorization hadir_admin;
select results_eq($$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}')$$,
  $$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}')$$, 'frozen it is the same');
select results_eq($$select * from t.names('{"unit": "R", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}')$$,
  $$select * from t.names('{"government": "town", "from": "2031-03-03", "to": "2031-03-09"}')$$, 'with names, too');
reset session authorization;
insert into hadir.work_report (government, person, day, kind, text, sent_at) values (1, 202, '2031-03-03', 'work_report', 'menyusul', t.at('2031-03-11', '8:00'));
set session authorization hadir_admin;
select results_eq($$select c, l from unnest('{tidak,ya}'::text[]) c, t.lines(jsonb_build_object('unit', 'B', 'from', '2031-03-03', 'to', '2031-03-09', 'closed', c)) l
  where l like '%evidence%'$$, $$values ('tidak', 'B Mon evidence 0/0/2 met'), ('ya', 'B Mon evidence 1/0/2 NOT | work_report 1')$$, 'a report that came later');
select is(api.report_compliance_head('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09", "closed": "ya"}', t.at('2031-03-20', '12:00')) - '{signature,print,government,unit,zone,codes}'::text[],
  '{"status": 200, "from": "2031-03-03", "to": "2031-03-09", "edition": "closed", "as_of": "2031-03-10T00:00:00+08:00", "complete": true,
    "note": "Kuota, pekan dan surat menurut aturan dan surat saat laporan dibuat; kehadiran dan bukti sebagaimana ditutup."}',
  'closed, as of the last closing, it says what of it is of now');
-- A letter taken back orders nobody.
reset session authorization;
update hadir.letter set status = 'revoked' where id in (3, 4);
set session authorization hadir_admin;
select results_eq($$select * from t.lines('{"unit": "B", "from": "2031-03-04", "to": "2031-03-07"}') l where l ~ 'Tue|late'$$, $$values
  ('B Tue bound 3/3 came 1'), ('B Tue min_wfo 1/2/3 working NOT came 1'), ('B Tue max_elsewhere 2/1/3 posted NOT came 0'),
  ('B Tue late_letter 2/0/2 NOT | daftar giliran G/1 (2031-03-01), disahkan 2031-03-05 09:00')$$, 'a recall that was revoked');

-- ---- Who may ask, and why there is none.
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-09", "to": "2031-03-03"}', t.at('2031-03-10', '12:00'))), '422 invalid to', 'backwards');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-01-01", "to": "2031-03-04"}', t.at('2031-03-10', '12:00'))), '422 invalid to', '63 days');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-11", "to": "2031-03-12"}', t.at('2031-03-10', '12:00'))), '422 invalid from', 'to come');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-09", "to": "2031-03-12"}', t.at('2031-03-10', '12:00'))), '422 invalid to', 'partly to come');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-02-01", "to": "2031-02-20"}', t.at('2031-03-10', '12:00'))), '404 nothing_to_report to', 'before the service');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-01"}', t.at('2031-03-10', '12:00'))), '422 invalid to', 'no end');
select is(t.why(api.report_compliance_head('{"unit": "B", "from": "2031-03-03", "to": "2031-03-04", "baseline": "2031-01-01"}', t.at('2031-03-10', '12:00'))), '422 invalid baseline', 'nothing to compare here');
select is(t.why(api.report_compliance_head('{"unit": "Q", "from": "2031-03-03", "to": "2031-03-04"}', t.at('2031-03-10', '12:00'))), '404 not_found unit', 'an unknown unit');
select is_empty($$select * from t.lines('{"unit": "Q", "from": "2031-03-03", "to": "2031-03-04"}')$$, 'no head, no rows');
set session authorization hadir_query;
select is_empty($$select * from t.lines('{"unit": "B", "from": "2031-03-03", "to": "2031-03-04"}')$$, 'nobody has none');
select set_config('hadir.actor', 'access:72', true);
select is(t.why(api.report_compliance_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-09"}', t.at('2031-03-10', '12:00'))), '404 not_found unit', 'not of others');
select results_eq($$select * from t.lines('{"unit": "B", "from": "2031-03-05", "to": "2031-03-09"}')$$, $$values
  -- 202, no longer recalled, has three days at the office, 201 two.
  ('B Mon min_office_days 1/0/3 NOT'), ('B Wed bound 3/3 came 0'), ('B Wed min_wfo 2/2/3 working met came 0'), ('B Wed max_elsewhere 1/1/3 posted met came 0'),
  ('B Thu bound 2/3 came 0'), ('B Thu min_wfo 2/1/2 working met came 0'), ('B Thu max_elsewhere 0/1/3 posted met came 0'),
  ('B Fri bound 3/3 came 0'), ('B Fri min_wfo 3/2/3 working met came 0'), ('B Fri max_elsewhere 0/1/3 posted met came 0')$$, 'a superior has his unit''s');
select results_eq($$select * from t.names('{"unit": "B", "from": "2031-03-03", "to": "2031-03-09"}') n where n like '%202%office%'$$,
  $$values ('B 202 W03 min_office_days 3/3/5 met came 1')$$, 'with names');
select set_config('hadir.actor', 'device:1101', true);
select is(t.why(api.report_compliance_head('{"unit": "A", "from": "2031-03-03", "to": "2031-03-04"}', t.at('2031-03-10', '12:00'))), '404 not_found unit', 'a phone has none');
reset session authorization;
select * from finish();
rollback;
