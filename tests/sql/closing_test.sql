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

-- Another plan: a letter, a leave, other rules.
reset session authorization;
insert into hadir.letter (id, government, unit, kind, number, dated, filed_at, status) overriding system value values (5, 1, 11, 'travel', 'SPT-5', '2031-03-01', '2031-03-01', 'confirmed');
insert into hadir.letter_order (id, letter, place) overriding system value values (6, 5, 'DL');
select t.pattern(4300, '2031-03-03', 'DL', true, '{32}', null);
update hadir.plan_pattern set orders = 6 where id = 4300;
select t.session(4300, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00'), t.session(4300, 2, 'sore', 'out', '2031-03-03', '15:00', '16:00', '16:00', '20:00', '20:00');
update hadir.plan_slot set pattern = 4300 where pair = 101 and day = '2031-03-03';
select t.pattern(4301, '2031-03-03', null, false, '{31}', 'Cuti tahunan');
update hadir.plan_pattern set excuse = 'CT' where id = 4301;
update hadir.plan_slot set pattern = 4301 where pair = 201 and day = '2031-03-03';
set session authorization hadir_admin;
select results_eq($$select distinct right(d ->> 'nip', 3), d -> 'causes' from jsonb_array_elements(api.day_differences('{"government": "town", "day": "2031-03-03"}', t.at('2031-04-04', '10:00')) -> 'differences') d order by 1$$,
  $$values ('101', '["letter SPT-5"]'::jsonb), ('201', '["absence CT"]')$$, 'letters and absences are named');

-- Rights and bad bodies.
select is(api.month_close('{"government": "town", "month": "2031-13", "x": 1}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '422', 'a month is a month');
select is(api.month_state('{"government": "nowhere", "month": "2031-03"}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '404', 'an unknown government');
select is(api.day_differences('{"government": "town", "day": "2031-03-09"}', t.at('2031-04-02', '9:00')) -> 'error' ->> 'status', '404', 'a day that is not frozen');
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "surat tugas dan cuti menyusul"}', t.at('2031-04-05', '9:00')) ->> 'version', '3', 'closed a third time');
set session authorization hadir_operator;
select throws_ok($$select api.month_close('{}', now())$$, '42501', null, 'closing is for the console');
select throws_ok($$select api.plan_reopen('{}', now())$$, '42501', null, 'reopening is for the console');
reset session authorization;
select is((select array_agg(capacity || ' ' || reason order by id) from hadir.decision where subject = 'month'), '{"console ","console presensi tertunda diterima","console surat tugas dan cuti menyusul"}', 'every closing is a step');
set session authorization hadir_admin;
select is(api.plan_reopen('{"government": "town", "from": "2031-03-03", "to": "2031-03-02", "reason": "x"}', t.at('2031-04-05', '9:00')) -> 'error' ->> 'status', '422', 'days in order');
select is(api.plan_reopen('{"government": "town", "from": "2031-02-01", "to": "2031-03-02", "reason": "x"}', t.at('2031-04-05', '9:00')) -> 'error' ->> 'status', '422', 'not for ever');
select is(api.plan_reopen('{"government": "town", "from": "2031-03-03", "to": "2031-03-03", "reason": "jam kerja salah"}', t.at('2031-04-05', '9:00')) ->> 'status', '200', 'reopened');
reset session authorization;
select is((select count(*) from hadir.plan_dirt where why = 'reopen'), 1::bigint, 'the planner hears of it');
select * from finish();
rollback;
