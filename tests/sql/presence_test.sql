-- What supervisors and people are told, asked as hadir_query with hadir.actor: states by the minute, how far it is
-- right, and nobody else's people, through the functions and by direct questions.
begin;
\ir derive_fixture.psql
select plan(50);

select t.store('00000000-0000-0000-0000-00000000000a',
  t.row(1, 101, t.at('2031-03-03', '7:00'), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31)))),
  t.row(2, 102, t.at('2031-03-03', '7:45'), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31, 'outside')), 'flags', '["mock"]'::jsonb)),
  t.row(3, 201, t.at('2031-03-03', '7:10')),
  t.row(4, 102, t.at('2031-03-03', '12:00')), t.row(5, 102, t.at('2031-03-03', '12:30'))) \g /dev/null
insert into hadir.ingest_mark (spool, last_seq, complete_to, seen_at) values
  ('00000000-0000-0000-0000-00000000000a', 5, t.at('2031-03-03', '8:00'), now());

-- Asks as the desk does: who, then the question. Row security looks at the login role.
create function t.states(p_unit text, p_day date, p_now timestamptz) returns text[] language sql as $$
  select array_agg(right(p.nip, 3) || ' ' || coalesce(p.session_code, '-') || ' ' || p.state || coalesce(' ' || p.reason, ''))
  from api.presence(p_unit, p_day, p_now) p
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_query;
-- ---- nobody set, wrongly set, revoked
select is(t.states('A', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'no actor, no rows');
select is((select count(*) from api.presence_head('A', '2031-03-03', t.at('2031-03-03', '8:00'))), 0::bigint, 'no actor, no head');
select is((select count(*) from api.me(t.at('2031-03-03', '8:00'))), 0::bigint, 'no actor, no self');
select set_config('hadir.actor', 'access:73', true) \g /dev/null
select is(t.states('A', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'a revoked right sees nothing');
select set_config('hadir.actor', 'access:71 or true', true) \g /dev/null
select is(t.states('A', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'an actor that is none sees nothing');

-- ---- a supervisor of A: his subtree, nobody else
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is(t.states('A', '2031-03-03', t.at('2031-03-03', '8:00')),
  '{"101 pagi on_time","101 sore not_yet_due","102 pagi late","102 sore not_yet_due","102 - outside_window outside_window+1","103 pagi missing","103 sore not_yet_due"}',
  'A with its subtree, in order of unit, name and session');
select is(t.states('A1', '2031-03-03', t.at('2031-03-03', '8:00')), '{"103 pagi missing","103 sore not_yet_due"}', 'a unit below');
select is(t.states('B', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'B is not his');
select is(t.states('R', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'nor what is above');
select is(t.states('nowhere', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'nor what does not exist');
select is((select array_agg(u || ' ' || n order by u) from unnest(array['A', 'A1', 'B', 'R', 'Z', 'nowhere']) u
  cross join lateral (select count(*) as n from api.presence_head(u, '2031-03-03', t.at('2031-03-03', '8:00'))) h), '{"A 1","A1 1","B 0","R 0","Z 0","nowhere 0"}',
  'head: unknown and invisible units are the same');
select results_eq($$ select unit_name, government, zone, day, recorded_to, behind from api.presence_head('A', null, t.at('2031-03-03', '8:00')) $$,
  $$ values ('Unit A', 'town', 'Asia/Makassar', date '2031-03-03', t.at('2031-03-03', '8:00'), false) $$, 'head: today is the workplace''s day');
select is((select day from api.presence_head('A', null, t.at('2031-03-04', '0:00'))), '2031-03-04', 'head: which begins at its midnight');
select results_eq($$ select decided_at, late_minutes, place, fence, relation, flags, expected_place, session_label, unit_code
  from api.presence('A', '2031-03-03', t.at('2031-03-03', '8:00')) where session_code = 'pagi' and nip like '%102' $$,
  $$ values ('2031-03-03T07:45:00+08:00', 15, null, 'Office A', 'outside', 'mock', 'WFO', 'Pagi', 'A') $$, 'a row in full');

-- ---- the same by direct questions, without the function's own check: only row security
reset session authorization;
grant usage on schema hadir to hadir_query;
grant select on all tables in schema hadir to hadir_query;
grant execute on all functions in schema hadir to hadir_query;
set session authorization hadir_query;
select is((select array_agg(distinct person order by person) from hadir.checkin), '{101,102}'::bigint[], 'direct: only check-ins of his people');
select is((select array_agg(person order by person) from hadir.plan_day where day = '2031-03-03'), '{101,102,103,299}'::bigint[], 'direct: only their plan, and his own');
select is((select array_agg(id order by id) from hadir.person), '{101,102,103,299}'::bigint[], 'direct: only their names');
select is((select count(*) from hadir.checkin_position), 0::bigint, 'direct: nobody''s coordinates');
select is((select count(*) from hadir.checkin_key), 0::bigint, 'direct: nobody''s keys');
select is((select count(distinct checkin) from hadir.placement), 2::bigint, 'direct: placements of what he sees');
select is((select array_agg(id) from hadir.access), '{71}'::bigint[], 'direct: no right but his own');
select set_config('hadir.actor', '', true) \g /dev/null
select is((select (select count(*) from hadir.checkin) + (select count(*) from hadir.person) + (select count(*) from hadir.plan_day)
  + (select count(*) from hadir.unit) + (select count(*) from hadir.placement) + (select count(*) from hadir.attendance)
  + (select count(*) from hadir.fence)), 0::bigint, 'direct: no actor, no rows anywhere');
reset session authorization;
revoke all on all tables in schema hadir from hadir_query;
revoke usage on schema hadir from hadir_query;

-- ---- who is missing, and when that can be said
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is((t.states('A1', '2031-03-03', t.at('2031-03-03', '7:30:59.999')))[1], '103 pagi not_yet_due', 'before the limit: not yet due');
select is((t.states('A1', '2031-03-03', t.at('2031-03-03', '7:31')))[1], '103 pagi missing', 'from the limit on: missing');
select is((t.states('A1', '2031-03-03', t.at('2031-03-03', '8:00:01')))[1], '103 pagi missing', 'a second behind is borne');
select is((t.states('A1', '2031-03-03', t.at('2031-03-03', '8:00:01.001')))[1], '103 pagi not_yet_known', 'more is not: nobody is called missing');
select is((select behind from api.presence_head('A1', '2031-03-03', t.at('2031-03-03', '8:00:01.001'))), true, 'and the head says so');
select is((t.states('A', '2031-03-03', t.at('2031-03-03', '9:00')))[1], '101 pagi on_time', 'who is known stays known');
reset session authorization;
insert into hadir.ingest_mark values
  ('00000000-0000-0000-0000-00000000000b', 1, t.at('2031-03-03', '7:30'), now()),
  ('00000000-0000-0000-0000-00000000000c', 1, 'infinity', now()), ('00000000-0000-0000-0000-00000000000d', 1, t.at('2031-03-02', '7:59'), now());
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select results_eq($$ select recorded_to, behind from api.presence_head('A', null, t.at('2031-03-03', '8:00')) $$,
  $$ values (t.at('2031-03-03', '7:30'), true) $$, 'the slowest live spool decides; drained ones and one unheard for a day do not');
reset session authorization;
delete from hadir.ingest_mark;
set session authorization hadir_query;
select results_eq($$ select recorded_to, behind from api.presence_head('A', null, t.at('2031-03-03', '8:00')) $$,
  $$ values (null::timestamptz, true) $$, 'no spool was ever heard: nothing is known');

-- ---- a day off, no plan, a move
select is((t.states('A1', '2031-03-08', t.at('2031-03-08', '9:00')))[1], '103 - not_expected akhir pekan', 'a day off says why');
select is((t.states('A1', '2031-03-20', t.at('2031-03-08', '9:00')))[1], '103 - not_yet_known no_plan', 'a day that nobody compiled is not known');
reset session authorization;
update hadir.posting set valid_to = '2031-03-03' where person = 102;
insert into hadir.posting (person, unit, valid_from) values (102, 13, '2031-03-04');
set session authorization hadir_query;
select is((select array_agg(distinct right(nip, 3) order by right(nip, 3)) from api.presence('A', '2031-03-03', t.at('2031-03-04', '9:00'))), '{101,102,103}', 'who moved stays in the past of the old unit');
select is((select array_agg(distinct right(nip, 3) order by right(nip, 3)) from api.presence('A', '2031-03-04', t.at('2031-03-04', '9:00'))), '{101,103}', 'and leaves its present');

-- ---- a device: only oneself
select set_config('hadir.actor', 'device:1101', true) \g /dev/null
select is(t.states('A', '2031-03-03', t.at('2031-03-03', '8:00')), null, 'a device asks about no unit, not even its own');
select is((select array_agg(right(nip, 3) || ' ' || unit_name || ' ' || session_code || ' ' || state) from api.me(t.at('2031-03-03', '8:00'))),
  '{"101 Unit A pagi on_time","101 Unit A sore not_yet_due"}', 'me: one''s own today');
select is((select array_agg(day || ' ' || coalesce(session_code, '-') || ' ' || state) from api.my_attendance('2031-03-15', t.at('2031-03-04', '6:00')) where day >= '2031-03-03'),
  '{"2031-03-03 pagi on_time","2031-03-03 sore not_yet_known","2031-03-04 pagi not_yet_due","2031-03-04 sore not_yet_due"}', 'my attendance: the month up to today');
select results_eq($$ select state, received_at, verdict, place, fence, relation, session_code, day from api.checkin_status(md5('id1')::uuid) $$,
  $$ values ('recorded', '2031-03-03T07:00:00+08:00', 'on_time', 'WFO', 'Office A', 'inside', 'pagi', date '2031-03-03') $$, 'one''s own check-in, by id');
select is((select id from api.checkin_status(md5('key1')::uuid)), md5('id1')::uuid, 'and by the client''s own id');
select is((select count(*) from api.checkin_status(md5('id2')::uuid)), 0::bigint, 'not a colleague''s');
select is((select count(*) from api.checkin_status(md5('key2')::uuid)), 0::bigint, 'not by his key either');
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is((select count(*) from api.checkin_status(md5('id1')::uuid)), 0::bigint, 'a supervisor''s token is not the person''s');

-- ---- before the government used the service, and before a posting, nobody is missing
reset session authorization;
select t.pattern(4400, '2031-02-28', 'WFO', false, '{31,32}', null), t.session(4400, 1, 'pagi', 'in', '2031-02-28', '6:00', '6:00', '7:30', '7:31', '10:00') \g /dev/null
update hadir.plan_member set first_day = '2031-02-01';
insert into hadir.plan_slot (day, pair, pattern, number) select '2031-02-28', m.pair, 4400, 1 from hadir.plan_member m;
update hadir.posting set valid_from = '2031-02-27' where person = 103;
insert into hadir.ingest_mark values ('00000000-0000-0000-0000-00000000000a', 5, t.at('2031-03-04', '9:00'), now());
set session authorization hadir_query;
select is(t.states('A', '2031-02-28', t.at('2031-03-04', '9:00')), '{"101 pagi not_expected no_service","102 pagi not_expected no_service","103 pagi not_expected no_service"}',
  'before the first check-in: no service');
select is(t.states('A1', '2031-02-26', t.at('2031-03-04', '9:00')), null, 'before a posting: not there');
select set_config('hadir.actor', 'device:1103', true) \g /dev/null
select is((select array_agg(day || ' ' || state || ' ' || reason) from api.my_attendance('2031-02-01', t.at('2031-03-04', '9:00'))),
  '{"2031-02-27 not_expected no_service","2031-02-28 not_expected no_service"}', 'one''s own month the same');
select is((select array_agg(session_code || ' ' || state) from api.me(t.at('2031-03-03', '9:00'))), '{"pagi missing","sore not_yet_due"}', 'today one may be missing, whoever was there before');
reset session authorization;
insert into hadir.attendance_version (government, day, version, frozen_at, digest) values (1, '2031-02-28', 1, t.at('2031-03-01', '3:00'), '\x00');
set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is(t.states('A1', '2031-02-28', t.at('2031-03-04', '9:00')), '{"103 pagi missing"}', 'a day that a night has frozen counts');
reset session authorization;
delete from hadir.attendance_version;

-- ---- doubts that were found about the check-ins that count
insert into hadir.doubt (checkin, kind) values (md5('id2')::uuid, 'same_point'), (md5('id2')::uuid, 'mock'), (md5('id3')::uuid, 'mock'), (md5('id5')::uuid, 'stale_fix');
set session authorization hadir_query;
select is((select array_agg(right(nip, 3) || ' ' || coalesce(session_code, '-') || ' ' || doubts) from api.presence('A', '2031-03-03', t.at('2031-03-03', '9:00')) where doubts is not null),
  '{"102 pagi mock,same_point"}', 'by session, of one''s own people');
select set_config('hadir.actor', 'device:1101', true) \g /dev/null
select is((select count(*) from api.me(t.at('2031-03-03', '9:00')) where doubts is not null), 0::bigint, 'who has none is told none');

-- ---- roles
reset session authorization;
select is((select array_agg(distinct r.rolname || ' ' || p.proname) from pg_proc p cross join pg_roles r
  where p.pronamespace = 'api'::regnamespace and r.rolname like 'hadir\_%' and has_function_privilege(r.oid, p.oid, 'execute')
    and p.proname in ('ingest', 'ingest_poison', 'ingest_idle', 'ingest_position', 'presence', 'nightly_freeze', 'receipt')
    and r.rolname not in ('hadir_owner', 'hadir_reader', 'hadir_writer')),
  '{"hadir_admin receipt","hadir_intake ingest","hadir_intake ingest_idle","hadir_intake ingest_poison","hadir_intake ingest_position","hadir_nightly nightly_freeze","hadir_query presence"}',
  'each role may call its part only');
select * from finish();
rollback;
