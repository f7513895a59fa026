-- Months over HTTP: how they stand for the people of a unit, asking for their closing, reopening; with the rights of the actor.
begin;
select no_plan();
\ir derive_fixture.psql
delete from hadir.plan_slot where day not in ('2031-03-03', '2031-03-04');
set session authorization hadir_intake;
select t.put(t.row(1, 101, t.at('2031-03-03', '7:10'))) as put \gset
select api.ingest_idle('00000000-0000-0000-0000-00000000000a', 4, t.at('2031-03-10', '0')) as idle \gset
set session authorization hadir_nightly;
select api.nightly_freeze(1, '2031-03-03', t.at('2031-03-05', '12:00')), api.nightly_freeze(1, '2031-03-04', t.at('2031-03-05', '12:00')) \g /dev/null
set session authorization hadir_admin;
select api.month_close('{"government": "town", "month": "2031-03"}', t.at('2031-04-02', '9:00')) as closed \gset
reset session authorization;
-- 71 leads A (with A1), 72 B; BKPSDM (82), an operator of all (81), of A (83), BKPSDM until February (84) and elsewhere (85).
insert into hadir.person (id, government, nip, name, category) overriding system value values (901, 2, lpad('901', 18, '9'), 'Pegawai 901', 'PNS');
insert into hadir.posting (person, unit, valid_from) values (901, 20, '2031-01-01');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at, revoked_at) overriding system value
values (81, 1, 202, 'operator', 10, sha256('d'), '2031-01-01', null), (82, 1, 103, 'bkpsdm', 10, sha256('e'), '2031-01-01', null),
       (83, 1, 102, 'operator', 11, sha256('f'), '2031-01-01', null), (84, 1, 103, 'bkpsdm', 10, sha256('g'), '2031-01-01', '2031-02-01'),
       (85, 2, 901, 'bkpsdm', 20, sha256('h'), '2031-01-01', null);
create function t.act(p_actor text) returns void language sql as $$ select set_config('hadir.actor', p_actor, false) $$;
create function t.asked(p_actor text, p_function text, p_body jsonb, p_at timestamptz default '2031-04-06 09:00+08') returns text language plpgsql as $$
declare v jsonb;
begin
  perform t.act(p_actor);
  execute format('select api.%I(%L, %L)', p_function, p_body, p_at) into v;
  return coalesce((v #>> '{error,status}') || ' ' || (v #>> '{error,problems,0,reason}'), v ->> 'state',
    nullif((select string_agg(right(d ->> 'day', 2) || ' ' || (d ->> 'state'), ', ') from jsonb_array_elements(v -> 'days') d where d ? 'version'), ''),
    (select string_agg(right(d ->> 'nip', 3) || ' ' || (d -> 'causes' ->> 0), ', ') from jsonb_array_elements(v -> 'differences') d), v ->> 'status');
end $$;
grant execute on all functions in schema t to public;
-- A letter for 201 of B, confirmed after the month was closed.
insert into hadir.letter (id, government, unit, kind, number, dated, filed_at, status) overriding system value values (5, 1, 13, 'travel', 'SPT-5', '2031-03-01', '2031-03-01', 'confirmed');
insert into hadir.letter_order (id, letter, place) overriding system value values (6, 5, 'DL');
insert into hadir.assignment (letter, person, day, orders) values (5, 201, '2031-03-03', 6);
insert into hadir.decision (subject, ref, step, at, actor, capacity) values ('letter', 5, 'confirmed', t.at('2031-04-04', '9:00'), 'hadir', 'console');
select t.pattern(4300, '2031-03-03', 'DL', true, '{32}', null);
update hadir.plan_pattern set orders = 6 where id = 4300;
select t.session(4300, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00');
update hadir.plan_slot set pattern = 4300 where pair = 201 and day = '2031-03-03';
set session authorization hadir_query;
select is(t.asked('access:82', 'month_state', '{"month": "2031-03", "unit": "R"}'), '03 pending, 04 frozen', 'BKPSDM sees what is pending');
select is(t.asked('access:72', 'month_state', '{"month": "2031-03", "unit": "B"}'), '03 pending, 04 frozen', 'so does who leads the unit');
select is(t.asked('access:71', 'month_state', '{"month": "2031-03", "unit": "A"}'), '03 frozen, 04 frozen', 'but not where nothing differs');
select is(t.asked('access:83', 'month_state', '{"month": "2031-03", "unit": "A1"}'), '03 frozen, 04 frozen', 'an operator, of a unit below');
select is(t.asked('access:72', 'day_differences', '{"day": "2031-03-03", "unit": "B"}'), '201 letter SPT-5, 201 letter SPT-5', 'with the cause');
select is(t.asked('access:82', 'day_differences', '{"day": "2031-03-03", "unit": "A"}'), '200', 'none in A');
select is(t.asked('access:72', 'month_state', '{"month": "2031-03", "unit": "A"}'), '404 unit tidak dikenal', 'another unit');
select is(t.asked('access:72', 'month_state', '{"month": "2031-03", "unit": "R"}'), '404 unit tidak dikenal', 'the unit above');
select is(t.asked('access:85', 'day_differences', '{"day": "2031-03-03", "unit": "B"}'), '404 unit tidak dikenal', 'another government');
select is(t.asked('access:84', 'month_state', '{"month": "2031-03", "unit": "B"}'), '404 unit tidak dikenal', 'a token that was taken back');
select is(t.asked('device:1201', 'month_state', '{"month": "2031-03", "unit": "B"}'), '404 unit tidak dikenal', 'a phone');
select is(t.asked('access:82', 'month_state', '{"month": "2031-03"}'), '422 harus diisi', 'which unit must be said');
select is(t.asked('access:82', 'month_state', '{"month": "2031-13", "unit": "R"}'), '422 bulan harus berbentuk TTTT-BB', 'a month is a month');
select throws_ok($$select api.month_ask('{}', now())$$, '42501', null, 'who asks closes nothing');
reset session authorization;
select is(hadir.person_days_most() / 31, 300, 'a month of 300 people');
create or replace function hadir.person_days_most() returns int language sql immutable as $$ select 93 $$;
set session authorization hadir_query;
select is(t.asked('access:82', 'month_state', '{"month": "2031-03", "unit": "R"}'), '422 unit R mempunyai 6 orang, paling banyak 3 sekali tanya: tanyakan unit-unit di bawahnya satu per satu', 'too many are told what to do');
select is(t.asked('access:82', 'day_differences', '{"day": "2031-03-03", "unit": "R"}'), '201 letter SPT-5, 201 letter SPT-5', 'a day is less');

-- Asked over HTTP, done at night.
set session authorization hadir_operator;
select is(t.asked('access:81', 'month_ask', '{"month": "2031-03", "reason": "x"}'), '403 hanya BKPSDM', 'an operator asks for no closing');
select is(t.asked('access:72', 'month_ask', '{"month": "2031-03", "reason": "x"}'), '403 hanya BKPSDM', 'nor a supervisor');
select is(t.asked('access:84', 'month_ask', '{"month": "2031-03", "reason": "x"}'), '404 sebutkan pemerintahnya', 'nor a token that was taken back');
select is(t.asked('device:1103', 'month_ask', '{"month": "2031-03", "reason": "x"}'), '403 hanya BKPSDM', 'nor the phone of who may');
select is(t.asked('access:85', 'month_ask', '{"month": "2031-03", "government": "town", "reason": "x"}'), '404 pemerintah tidak dikenal', 'nor another government');
select is(t.asked('access:82', 'month_ask', '{"month": "2031-03", "unit": "B", "reason": "x"}'), '422 hanya untuk seluruh pemerintah: sebutkan unit teratas', 'for the whole government');
select is(t.asked('access:82', 'month_ask', '{"month": "2031-03"}'), '422 harus diisi bila bulan ditutup lagi', 'again with a reason');
select is(t.asked('access:82', 'month_ask', '{"month": "2031-04"}'), '409 belum berakhir', 'not before its end');
select is(t.asked('access:82', 'month_ask', '{"month": "2031-03", "unit": "R", "reason": "surat menyusul"}'), 'asked', 'asked');
select is(t.asked('access:82', 'month_ask', '{"month": "2031-03", "reason": "x"}'), '409 sudah diminta; penutupan malam berikutnya mengerjakannya', 'once');
set session authorization hadir_nightly;
select results_eq('select code, month from api.nightly_months()', $$values ('town', '2031-03')$$, 'the nightly run hears of it');
select results_eq($$select m.version, m.refused from api.nightly_months() n, api.nightly_month(n.ref, t.at('2031-04-07', '1:00')) m$$, 'values (2, null::text)', 'and closes it');
select is_empty('select from api.nightly_months()', 'once');
select is_empty($$select * from api.nightly_month(1203103, t.at('2031-04-07', '1:00'))$$, 'what nobody asked is not done');
set session authorization hadir_operator;
select is(t.asked('access:82', 'month_ask', '{"month": "2031-03", "reason": "sekali lagi"}'), 'asked', 'asked again');
set session authorization hadir_nightly;
select results_eq($$select m.version, m.refused from api.nightly_months() n, api.nightly_month(n.ref, t.at('2031-04-08', '1:00')) m$$, $$values (null::int, 'sudah ditutup, dan tidak ada perbedaan')$$, 'nothing differs');
select is_empty('select from api.nightly_months()', 'that was the answer');
set session authorization hadir_query;
select t.act('access:82') as act \gset
select results_eq($$select s ->> 'step', s ->> 'capacity', s ->> 'reason', s ->> 'by' from jsonb_array_elements(api.month_state('{"month": "2031-03", "unit": "B"}', t.at('2031-04-08', '9:00')) -> 'steps') with ordinality x (s, n)
  where n > 1$$, $$values ('asked', 'bkpsdm', 'surat menyusul', 'Pegawai 103'), ('closed', 'bkpsdm', 'surat menyusul', 'Pegawai 103'), ('asked', 'bkpsdm', 'sekali lagi', 'Pegawai 103'),
  ('refused', 'console', 'sudah ditutup, dan tidak ada perbedaan', null)$$, 'every step is to be seen, in the name of whoever asked');
select t.act('access:85') as act \gset
select is(jsonb_array_length(api.month_state('{"month": "2031-03", "unit": "Z"}', t.at('2031-04-08', '9:00')) -> 'steps'), 0, 'but not elsewhere');
set session authorization hadir_operator;
select is(t.asked('access:81', 'plan_reopen', '{"from": "2031-03-03", "to": "2031-03-03", "reason": "x"}'), '403 hanya BKPSDM', 'an operator reopens nothing');
select is(t.asked('access:85', 'plan_reopen', '{"from": "2031-03-03", "to": "2031-03-03", "unit": "R", "reason": "x"}'), '404 unit tidak dikenal', 'nor another government');
select is(t.asked('access:82', 'plan_reopen', '{"from": "2031-03-03", "to": "2031-03-04", "unit": "R", "reason": "keputusan menyusul"}'), '200', 'BKPSDM does');
reset session authorization;
select is((select actor || ' ' || subject || ' ' || (detail ->> 'reason') from hadir.audit where action = 'plan_reopen' and actor is not null), 'access:82 town keputusan menyusul', 'the audit says who');
select is((select count(*) from hadir.plan_dirt where why = 'reopen' and ref = 1), 1::bigint, 'the planner hears of it');
-- The console may say in whose name.
update hadir.plan_slot set pattern = 4003 where pair = 201 and day = '2031-03-03';
set session authorization hadir_admin;
select is(api.month_close('{"government": "town", "month": "2031-03", "reason": "x", "as": "1"}', t.at('2031-04-09', '9:00')) #>> '{error,problems,0,field}', 'as', 'somebody known');
select is(api.month_close(jsonb_build_object('unit', 'R', 'month', '2031-03', 'reason', 'di konsol', 'as', lpad('103', 18, '9')), t.at('2031-04-09', '9:00')) ->> 'version', '3', 'closed in his name');
select is((select s -> 'by' from jsonb_array_elements(api.month_state('{"government": "town", "month": "2031-03"}', t.at('2031-04-09', '9:00')) -> 'steps') s where s ->> 'reason' = 'di konsol'), '"Pegawai 103"', 'which the step keeps');
select * from finish();
rollback;
