-- Closing: what a frozen day would be now, and why; a month closed by BKPSDM, and closed again.
begin;
select no_plan();
\ir derive_fixture.psql
-- February has no plan at all; of March, days 3 … 9 have.
delete from hadir.plan_slot where day not in ('2031-03-03', '2031-03-04');
set session authorization hadir_intake;
select t.put(t.row(1, 101, t.at('2031-03-03', '7:10')), t.row(2, 101, t.at('2031-03-03', '16:10')), t.row(3, 102, t.at('2031-03-03', '7:40'))) as put \gset
select api.ingest_idle('00000000-0000-0000-0000-00000000000a', 4, t.at('2031-03-10', '0')) as idle \gset

set session authorization hadir_admin;
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-03-31', '12:00')) -> 'error' ->> 'status', '409', 'a month that is not over is not closed');
select is(api.month_close('{"government": "town", "month": "2033-03"}', t.at('2031-04-01', '12:00')) -> 'error' ->> 'status', '409', 'nor one that has not begun');
select is(api.month_close('{"government": "town", "month": "2031-01"}', t.at('2031-04-01', '12:00')) -> 'error' ->> 'status', '409', 'nor one before the service began');
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-01', '12:00')) -> 'error' ->> 'status', '409', 'nor one with days that no night has frozen');
select is((select string_agg(d ->> 'day' || ' ' || (d ->> 'state'), ', ') from jsonb_array_elements(api.month_state('{"government": "town", "month": "2031-03"}', t.at('2031-03-04', '12:00')) -> 'days') d
  where d ->> 'state' not in ('no_plan', 'no_service')), '2031-03-03 not_frozen, 2031-03-04 open', 'its state says which');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, '2031-03-03', t.at('2031-03-05', '12:00')) + api.nightly_freeze(1, '2031-03-04', t.at('2031-03-05', '12:00')), 2, 'the nightly run freezes both');
set session authorization hadir_admin;
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-02', '9:00')) - 'days', '{"status": 201, "month": "2031-03", "version": 1}', 'then it closes');
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'code', 'wrong_state', 'once');

-- Later facts: a check-in that was ingested late (its phone was dead).
set session authorization hadir_intake;
select t.put(t.row(4, 102, t.at('2031-03-03', '7:05'), jsonb_build_object('sent_at', t.at('2031-03-03', '7:05'), 'received_at', t.at('2031-03-04', '23:00'), 'channel', 'owntracks'))) as put \gset
reset session authorization;
select is((select count(*) from hadir.derive(1, '2031-03-03', '2031-03-03', '{102}') where verdict = 'on_time'), 1::bigint, 'derived now he was in time');
set session authorization hadir_nightly;
select is_empty($$select day from api.nightly_due(t.at('2031-04-02', '10:00')) where day between '2031-03-01' and '2031-03-31'$$, 'the nightly run leaves a closed month alone');
set session authorization hadir_admin;
select results_eq($$select d ->> 'nip', d ->> 'session', d -> 'before' ->> 'state', d -> 'after' ->> 'state', d -> 'causes'
  from jsonb_array_elements(api.day_differences('{"government": "town", "day": "2031-03-03"}', t.at('2031-04-02', '10:00')) -> 'differences') d$$,
  $$values (lpad('102', 18, '9'), 'pagi', 'late', 'on_time', '["checkin"]'::jsonb)$$, 'the difference is visible, with its cause');
select is(jsonb_path_query_array(api.month_state('{"government": "town", "month": "2031-03"}', t.at('2031-04-02', '10:00')), '$.days[*] ? (@.state == "pending").day'), '["2031-03-03"]', 'and the month says where');
select is(api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-03', '9:00')) -> 'error' -> 'problems' -> 0 ->> 'field', 'reason', 'to close again needs a reason');
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "presensi tertunda diterima"}', t.at('2031-04-03', '9:00')),
  '{"status": 201, "month": "2031-03", "version": 2, "days": {"2031-03-03": 2, "2031-03-04": 1}}', 'then the next version has it');
set session authorization hadir_nightly;
select is(api.nightly_freeze(1, '2031-03-04', t.at('2031-04-03', '9:00')), 1, 'the nightly run makes no version of a closed month''s day');
set session authorization hadir_admin;
select is(api.month_state('{"government": "town", "month": "2031-03"}', t.at('2031-04-03', '9:00')) ->> 'reason', 'presensi tertunda diterima', 'the reason is kept');
reset session authorization;
select is((select changes from hadir.attendance_version where government = 1 and day = '2031-03-03' and version = 2), '[{"person": 102, "session": "pagi", "causes": ["checkin"]}]', 'what it changed, too');
set session authorization hadir_nightly;
select is((select array_agg(concat_ws(' ', right(nip, 3), session_code, state, change, why)) from api.nightly_difference(1, '2031-03-03', 2)), '{"102 pagi late before checkin","102 pagi on_time after checkin"}', 'as the export writes it');

-- Another plan: a letter, a leave. What was decided since the day was frozen is named, for the days that it touches.
reset session authorization;
create function t.causes(p_now timestamptz) returns text[] language sql as $$
  select array_agg(distinct right(d ->> 'nip', 3) || ' ' || coalesce(d ->> 'session', '-') || ' ' || (select string_agg(c, ', ') from jsonb_array_elements_text(d -> 'causes') c))
  from jsonb_array_elements(api.day_differences('{"government": "town", "day": "2031-03-03"}', p_now) -> 'differences') d
$$;
grant execute on function t.causes(timestamptz) to public;
-- A frozen day decided before (then the planner was late), in force or not, is nobody's cause.
create function t.decided(p_subject text, p_ref bigint, p_step text, p_at timestamptz) returns void language sql as $$
  insert into hadir.decision (subject, ref, step, at, actor, capacity) values (p_subject, p_ref, p_step, p_at, 'hadir', 'console')
$$;
insert into hadir.letter (id, government, unit, kind, number, dated, filed_at, status) overriding system value values (5, 1, 11, 'travel', 'SPT-5', '2031-03-01', '2031-03-01', 'confirmed');
insert into hadir.letter_order (id, letter, place) overriding system value values (6, 5, 'DL');
insert into hadir.assignment (letter, person, day, orders) values (5, 101, '2031-03-03', 6), (5, 102, '2031-03-04', 6);
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan'), (1, 'S', 'Sakit');
insert into hadir.absence (id, government, person, code, first_day, last_day, status, asked_at) overriding system value
values (7, 1, 201, 'CT', '2031-03-03', '2031-03-04', 'approved', '2031-03-01'), (8, 1, 202, 'S', '2031-03-04', '2031-03-04', 'approved', '2031-03-01');
select t.pattern(4300, '2031-03-03', 'DL', true, '{32}', null);
update hadir.plan_pattern set orders = 6, hours = '{82}' where id = 4300;
select t.session(4300, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00'), t.session(4300, 2, 'sore', 'out', '2031-03-03', '15:00', '16:00', '16:00', '20:00', '20:00');
update hadir.plan_slot set pattern = 4300 where pair = 101 and day = '2031-03-03';
select t.pattern(4301, '2031-03-03', null, false, '{31}', 'Cuti tahunan');
update hadir.plan_pattern set excuse = 'CT' where id = 4301;
update hadir.plan_slot set pattern = 4301 where pair = 201 and day = '2031-03-03';
select t.pattern(4302, '2031-03-03', null, false, '{31}', 'Hari libur');
update hadir.plan_slot set pattern = 4302 where pair = 202 and day = '2031-03-03';
select t.decided('letter', 5, 'confirmed', t.at('2031-04-02', '9:00')), t.decided('absence', 8, 'approved', t.at('2031-04-04', '9:00'));
set session authorization hadir_admin;
select is(t.causes(t.at('2031-04-04', '10:00')), '{"101 pagi plan","101 sore plan","201 - plan","201 pagi plan","201 sore plan","202 - plan","202 pagi plan","202 sore plan"}',
  'a letter that was confirmed before is no cause, nor a leave of another day');
reset session authorization;
select t.decided('letter', 5, 'confirmed', t.at('2031-04-04', '9:00')), t.decided('absence', 7, 'approved', t.at('2031-04-04', '9:00'));
set session authorization hadir_admin;
select is(t.causes(t.at('2031-04-04', '10:00')), '{"101 pagi letter SPT-5","101 sore letter SPT-5","201 - absence CT","201 pagi absence CT","201 sore absence CT","202 - plan","202 pagi plan","202 sore plan"}',
  'what was decided since is, by name');
select is(api.plan_reopen('{"government": "town", "from": "2031-03-04", "to": "2031-03-05", "reason": "x"}', t.at('2031-04-04', '9:00')) ->> 'status', '200', 'another day is reopened');
select is(t.causes(t.at('2031-04-04', '10:00')) && '{"202 - plan"}', true, 'which changes nothing here');
select is(api.plan_reopen('{"government": "town", "from": "2031-03-01", "to": "2031-03-05", "reason": "jam kerja salah"}', t.at('2031-04-04', '9:00')) ->> 'status', '200', 'this day is reopened');
select is(t.causes(t.at('2031-04-04', '10:00')), '{"101 pagi letter SPT-5, rules","101 sore letter SPT-5, rules","201 - absence CT","201 pagi absence CT","201 sore absence CT","202 - rules","202 pagi rules","202 sore rules"}',
  'reopened: then other hours are rules, beside the letter; a leave alone is not');

reset session authorization;
update hadir.plan_pattern set work_minutes = 450 where id = 4003;
set session authorization hadir_admin;
select is(array(select c from unnest(t.causes(t.at('2031-04-04', '10:00'))) c where c ~ '^102 '), '{"102 pagi other","102 sore other"}', 'a break alone is a difference, too');
reset session authorization;
update hadir.plan_pattern set work_minutes = null where id = 4003;

set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is(array(select distinct right(d ->> 'nip', 3) || ' ' || (d -> 'causes')::text from jsonb_array_elements(api.day_differences('{"unit": "A", "day": "2031-03-03"}', t.at('2031-04-04', '10:00')) -> 'differences') d),
  '{"101 [\"letter SPT-5\", \"rules\"]"}', 'a superior is told the same about his people');
select set_config('hadir.actor', '', true) \g /dev/null
reset session authorization;

-- Facts about a session: a correction approved, an outage, another fence, a report.
reset session authorization;
insert into hadir.correction (id, government, person, day, session, kind, claimed_at, status, counts, asked_at) overriding system value
values (9, 1, 299, '2031-03-03', 'pagi', 'forgotten', t.at('2031-03-03', '7:00'), 'approved', true, '2031-03-05');
insert into hadir.outage (id, government, unit, starts_at, ends_at, note, status, asked_at) overriding system value
values (3, 1, 12, t.at('2031-03-03', '6:30'), t.at('2031-03-03', '8:00'), 'listrik', 'approved', '2031-03-05');
select t.decided('correction', 9, 'approved', t.at('2031-04-04', '9:00')), t.decided('outage', 3, 'approved', t.at('2031-04-04', '9:00'));
insert into hadir.placement (checkin, fence, fence_version, relation) select id, 31, 1, 'inside' from hadir.checkin where person = 102 and seq = 4;
set session authorization hadir_admin;
select is(array(select c from unnest(t.causes(t.at('2031-04-04', '10:00'))) c where c !~ '^(101|20.) '), '{"102 pagi placement","103 pagi outage","299 pagi correction"}', 'and each by its kind');
reset session authorization;
update hadir.correction set status = 'revoked', counts = false where id = 9;
select t.decided('correction', 9, 'revoked', t.at('2031-04-04', '9:30'));
set session authorization hadir_admin;
select is(array(select c from unnest(t.causes(t.at('2031-04-04', '10:00'))) c where c ~ '^299 '), '{}', 'what was decided and taken back is no difference');
reset session authorization;
update hadir.correction set status = 'approved', counts = true where id = 9;
set session authorization hadir_admin;
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "surat tugas dan cuti menyusul"}', t.at('2031-04-05', '9:00')) ->> 'version', '3', 'closed a third time');
set session authorization hadir_nightly;
select is((select array_agg(concat_ws(' ', right(nip, 3), coalesce(session_code, '-'), state, reason, change, why)) from api.nightly_difference(1, '2031-03-03', 3) where nip ~ '(201|299)$'),
  '{"201 pagi missing removed absence CT","201 sore missing removed absence CT","201 - excused CT Cuti tahunan added absence CT","299 pagi missing before correction","299 pagi on_time after correction"}',
  'the export says the same; a whole day''s absence reads excused, as presence has it');
reset session authorization;
update hadir.correction set status = 'revoked', counts = false where id = 9;
update hadir.outage set status = 'revoked' where id = 3;
select t.decided('correction', 9, 'revoked', t.at('2031-04-06', '9:00')), t.decided('outage', 3, 'revoked', t.at('2031-04-06', '9:00'));
set session authorization hadir_admin;
select is(t.causes(t.at('2031-04-06', '10:00')), '{"103 pagi outage","299 pagi correction"}', 'taking them back is a cause, too');
reset session authorization;
update hadir.correction set status = 'approved', counts = true where id = 9;
update hadir.outage set status = 'approved' where id = 3;

-- Evidence is frozen with the day; a report that comes later is a difference.
update hadir.plan_pattern set evidence = '[{"kind": "work_report", "times": 1}]' where id = 4300;
insert into hadir.doubt (checkin, kind) select id, 'mock' from hadir.checkin where person = 101 and seq = 1;
set session authorization hadir_admin;
select is(t.causes(t.at('2031-04-06', '10:00')), '{"101 pagi evidence, doubt","101 sore evidence, doubt"}', 'evidence that is wanted, a doubt that was found');
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "bukti"}', t.at('2031-04-07', '9:00')) ->> 'version', '4', 'closed with it');
select is((select r.evidence_missing || ' ' || r.doubts from api.report_monthly('{"unit": "A", "month": "2031-03", "closed": "ya"}', t.at('2031-04-08', '12:00')) r
  where r.nip = '999999999999999101'), '1 1', 'the closed month has both');
reset session authorization;
insert into hadir.work_report (government, person, day, kind, text, sent_at) values (1, 101, '2031-03-03', 'work_report', 'laporan menyusul', t.at('2031-04-08', '9:00'));
delete from hadir.doubt;
set session authorization hadir_admin;
select is(t.causes(t.at('2031-04-08', '10:00')), '{"101 pagi evidence, doubt","101 sore evidence, doubt"}', 'a report sent afterwards');
select is(jsonb_path_query_first(api.recap_days('{"nip": "999999999999999101", "month": "2031-03", "closed": "ya"}', t.at('2031-04-08', '12:00')), '$.days[0]') @>
  '{"evidence_missing": [{"kind": "work_report", "times": 1, "have": 0}], "doubts": 1}', true, 'the frozen day stays as it was');
select is(jsonb_path_query_first(api.recap_days('{"nip": "999999999999999101", "month": "2031-03"}', t.at('2031-04-08', '12:00')), '$.days[0]') @>
  '{"evidence_missing": [], "doubts": 0}', true, 'while now it is there');
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "laporan menyusul"}', t.at('2031-04-09', '9:00')) ->> 'version', '5', 'closed a fifth time');
set session authorization hadir_nightly;
select is((select array_agg(concat_ws(' ', right(nip, 3), session_code, evidence_missing, doubts, change)) from api.nightly_difference(1, '2031-03-03', 5)),
  '{"101 pagi work_report 0/1 mock before","101 pagi after","101 sore work_report 0/1 mock before","101 sore after"}', 'as the export writes it');
set session authorization hadir_admin;

-- Rights and bad bodies.
select is(api.month_close('{"government": "town", "month": "2031-13", "x": 1}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '422', 'a month is a month');
select is(api.month_state('{"government": "nowhere", "month": "2031-03"}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '404', 'an unknown government');
select is(api.day_differences('{"government": "town", "day": "2031-03-09"}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '404', 'a day that is not frozen');
set session authorization hadir_operator;
select throws_ok($$select api.month_close('{}', now())$$, '42501', null, 'closing is for the console');
select is(api.plan_reopen('{"from": "2031-03-03", "to": "2031-03-03", "reason": "x"}', now()) #>> '{error,code}', 'not_found', 'nobody reopens');
reset session authorization;
select is((select array_agg(capacity || ' ' || reason order by id) from hadir.decision where subject = 'month'), '{"console ","console presensi tertunda diterima","console surat tugas dan cuti menyusul","console bukti","console laporan menyusul"}', 'every closing is a step');
set session authorization hadir_admin;
select is(api.plan_reopen('{"government": "town", "from": "2031-03-03", "to": "2031-03-02", "reason": "x"}', t.at('2031-04-05', '9:00')) -> 'error' ->> 'status', '422', 'days in order');
select is(api.plan_reopen('{"government": "town", "from": "2031-02-01", "to": "2031-03-02", "reason": "x"}', t.at('2031-04-05', '9:00')) -> 'error' ->> 'status', '422', 'not for ever');
select is(api.plan_reopen('{"government": "town", "from": "2031-04-01", "to": "2031-04-06", "reason": "x"}', t.at('2031-04-05', '9:00')) #>> '{error,problems,0,field}', 'to', 'nor days to come');
select is(api.plan_reopen('{"government": "town", "from": "2031-03-03", "to": "2031-03-03", "reason": "jam kerja salah"}', t.at('2031-04-05', '9:00')) ->> 'status', '200', 'reopened');
reset session authorization;
select is((select count(*) from hadir.plan_dirt where why = 'reopen'), 3::bigint, 'the planner hears of it, each time');
select * from finish();
rollback;
