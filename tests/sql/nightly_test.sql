-- Closing days as hadir_nightly: when a day is due, what holds it up, versions that are never rewritten.
begin;
\ir derive_fixture.psql
select plan(46);

insert into hadir.policy (id, government, number, title, dated, valid_from) overriding system value
values (81, 1, 'SE 1/2031', 'Test', '2031-02-28', '2031-03-01');
insert into hadir.working_hours (id, government, valid_from, weekdays, basis) overriding system value
values (82, 1, '2031-01-01', '{1,2,3,4,5}', 'Perkada 1');
insert into hadir.calendar_period (id, kind, name, first_day, last_day, dated) overriding system value
values (83, 'RAMADAN', 'Ramadan contoh', '2031-03-01', '2031-03-20', '2030-12-01'), (84, 'RAMADAN', 'Ramadan contoh', '2031-03-02', '2031-03-20', '2031-02-01');
update hadir.plan_pattern set policy = 81, policies = '{81}', hours = '{82}', periods = '{83}' where id = 4003;
update hadir.fence set version = 2 where id = 31;
insert into hadir.fence_version (fence, version, shape) values (31, 2, '\x01');

-- Day 3 closes at 20:00 + 6 h = 2:00 of day 4 (18:00Z).
create function t.due(p_now timestamptz) returns text[] language sql as $$
  select array_agg(d.day::text || case when d.blocked is not null then ' blocked' else '' end
                   || case when d.late_spools <> '' then ' late ' || right(d.late_spools, 1) else '' end)
  from api.nightly_due(p_now) d
$$;
create function t.rows(p_day date, p_version int) returns text[] language sql as $$
  select array_agg(concat_ws(' ', r.unit_code, right(r.nip, 3), coalesce(r.session_code, '-'), r.state, r.late_minutes, r.place, r.reason))
  from api.nightly_rows(1, p_day, p_version) r
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-09', '9:00')), null, 'before its first check-in a government has no days to close');
reset session authorization;
select t.store('00000000-0000-0000-0000-00000000000a',
  t.row(1, 101, t.at('2031-03-03', '7:00'), jsonb_build_object('placements', jsonb_build_array(t.in_fence(31) || '{"version":2}'))),
  t.row(2, 102, t.at('2031-03-03', '7:45')), t.row(3, 201, t.at('2031-03-03', '21:00'))) \g /dev/null
insert into hadir.ingest_mark values ('00000000-0000-0000-0000-00000000000a', 3, t.at('2031-03-04', '2:00'), now());
set session authorization hadir_nightly;

-- ---- when
select is(t.due(t.at('2031-03-04', '1:59:59')), null, 'six hours after the last interval, not earlier');
select is(t.due(t.at('2031-03-04', '2:00')), '{2031-03-03}', 'then');
select throws_ok($$ select api.nightly_freeze(1, '2031-03-03', t.at('2031-03-04', '1:59:59')) $$, '55000', null, 'a day that has not closed is not frozen');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-03-04', '1:59:59');
insert into hadir.ingest_mark values ('00000000-0000-0000-0000-00000000000b', 1, t.at('2031-03-03', '12:00'), now()),
  ('00000000-0000-0000-0000-00000000000c', 1, 'infinity', now());
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-04', '5:00')), '{"2031-03-03 blocked"}', 'spools that are not complete hold it up');
select ok((select blocked like '%00000000000b (lengkap sampai 2031-03-03T04:00:00Z)%' from api.nightly_due(t.at('2031-03-04', '5:00'))), 'and are named');
select is(t.due(t.at('2031-03-04', '11:59:59')), '{"2031-03-03 blocked"}', 'for a day');
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-03-04', '12:00') where spool::text like '%a';
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-04', '12:00')), '{"2031-03-03 late b"}', 'then no longer; it is named as late');

-- ---- version 1
select is(api.nightly_freeze(1, '2031-03-03', t.at('2031-03-04', '12:00')), 1, 'the first version');
select is(api.nightly_freeze(1, '2031-03-03', t.at('2031-03-04', '12:30')), 1, 'again: the same');
select is(t.due(t.at('2031-03-04', '12:00')), null, 'nothing more is due');
select is(t.rows('2031-03-03', 1),
  '{"A 101 pagi on_time 0 WFO","A 101 sore missing","A 102 pagi late 15","A 102 sore missing","A1 103 pagi missing","A1 103 sore missing",'
  '"B 201 pagi missing","B 201 sore missing","B 201 - outside_window outside_window","B 202 pagi missing","B 202 sore missing","B 299 pagi missing","B 299 sore missing"}',
  'everybody, in order of unit, NIP and session');
select results_eq($$ select unit_name, name, category, day, expected_place, decided_at, early_minutes, fence, relation, flags, checkin_id
  from api.nightly_rows(1, '2031-03-03', 1) limit 1 $$,
  $$ values ('Unit A', 'Pegawai 101', 'PNS', date '2031-03-03', 'WFO', '2031-03-03T07:00:00+08:00', 0, 'Office A', 'inside', null::text, md5('id1')::uuid) $$,
  'a row in full');
select results_eq($$ select kind, name, version from api.nightly_versions(1, '2031-03-03', 1) $$,
  $$ values ('fence', 'office-a', '2'), ('period', 'RAMADAN Ramadan contoh', '2030-12-01'), ('policy', 'SE 1/2031', '2031-02-28.1'), ('working_hours', 'Perkada 1 #82', '2031-01-01') $$,
  'with the rules and fence versions that were used: the period as the plan took it, not a later decree');
select is((select count(*) from api.nightly_difference(1, '2031-03-03', 1)), 0::bigint, 'the first version differs from nothing');
select results_eq($$ select code, zone, period, version, closed_at, late_spools, frozen_at from api.export_pending(t.at('2031-03-04', '13:00')) $$,
  $$ values ('town', 'Asia/Makassar', '2031-03-03', 1, t.at('2031-03-04', '2:00'), '00000000-0000-0000-0000-00000000000b', t.at('2031-03-04', '12:00')) $$, 'to be published');

-- ---- exports, their signatures and their chain
select is(api.export_signature(1, '2031-03-03', 1, repeat('a', 64), null, t.at('2031-03-04', '13:00')), null, 'nothing is signed without a key');
select is(api.export_signature(1, '2031-03-03', 1, repeat('a', 64), '\x01', t.at('2031-03-04', '13:00')), '\x01', 'the first signature is kept');
select is(api.export_signature(1, '2031-03-03', 1, repeat('a', 64), '\x02', t.at('2031-03-04', '14:00')), '\x01', 'and given again, whatever is made later');
select is(api.export_signature(1, '2031-03-03', 1, repeat('a', 64), null, t.at('2031-03-04', '14:00')), '\x01', 'also when the key is gone');
select is(api.export_signature(1, '2031-03-03', 1, repeat('b', 64), '\x03', t.at('2031-03-04', '14:00')), '\x03', 'another manifest has its own');
select is(api.export_previous(1, '2031-03-03', 1), null, 'the first manifest has no predecessor');
select lives_ok($$ select api.export_record(1, '2031-03-03', 1, 'town/2031-03-03', repeat('a', 64), t.at('2031-03-04', '2:00'), t.at('2031-03-04', '13:00')) $$, 'recorded');
select lives_ok($$ select api.export_record(1, '2031-03-03', 1, 'town/2031-03-03', repeat('a', 64), t.at('2031-03-04', '2:00'), t.at('2031-03-04', '14:00')) $$, 'twice: the same');
select throws_ok($$ select api.export_record(1, '2031-03-03', 1, 'town/2031-03-03', repeat('b', 64), t.at('2031-03-04', '2:00'), t.at('2031-03-04', '14:00')) $$,
  '23505', null, 'another content under a published number is an error');
select is((select count(*) from api.export_pending(t.at('2031-03-09', '13:00'))), 0::bigint, 'nothing is pending');

-- ---- a later fact: version 2, with what changed
reset session authorization;
select t.store('00000000-0000-0000-0000-00000000000b', t.row(11, 103, t.at('2031-03-03', '7:20')),
  t.row(12, 102, t.at('2031-03-03', '7:15'))) \g /dev/null
select t.store('00000000-0000-0000-0000-00000000000b', t.row(13, 101, t.at('2031-03-03', '7:00'), jsonb_build_object('key', md5('key1')))) \g /dev/null
update hadir.ingest_mark set complete_to = t.at('2031-03-05', '1:00');
update hadir.person set name = 'Pegawai 201 baru' where id = 201;
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-05', '1:00')), '{2031-03-03}', 'later facts make the day due again');
select is(api.nightly_freeze(1, '2031-03-03', t.at('2031-03-05', '1:00')), 2, 'as the next version');
select is(t.due(t.at('2031-03-05', '1:00')), null, 'once');
select is((select array_agg(concat_ws(' ', right(nip, 3), session_code, state, late_minutes, change, why)) from api.nightly_difference(1, '2031-03-03', 2)),
  '{"102 pagi late 15 before checkin","102 pagi on_time 0 after checkin","103 pagi missing before checkin","103 pagi on_time 0 after checkin"}', 'the difference, before and after');
select is((t.rows('2031-03-03', 1))[3], 'A 102 pagi late 15', 'version 1 stands as it was');
select is((t.rows('2031-03-03', 2))[3], 'A 102 pagi on_time 0', 'version 2 has the new verdict');
select is((select name from api.nightly_rows(1, '2031-03-03', 1) where nip like '%201' limit 1), 'Pegawai 201', 'and the names as they were');
select is(api.export_previous(1, '2031-03-03', 2), repeat('a', 64), 'its manifest follows the first');
select lives_ok($$ select api.export_record(1, '2031-03-03', 2, 'town/2031-03-03.v2', repeat('c', 64), t.at('2031-03-04', '2:00'), t.at('2031-03-05', '1:00')) $$, 'recorded');
select is(api.export_previous(1, '2031-03-03', 2), repeat('a', 64), 'and again the same predecessor');
select is(api.export_previous(1, '2031-03-03', 1), null, 'as the first has none');
select is(api.export_previous(1, '2031-03-04', 1), repeat('c', 64), 'the next day follows the last');

-- ---- a renamed person changes nothing; a plan that changed does, a row with the same meaning does not
reset session authorization;
update hadir.person set name = 'Pegawai 202 baru' where id = 202;
select t.pattern(4200, '2031-03-03', 'WFO', false, '{31,32}', null), t.session(4200, 1, 'pagi', 'in', '2031-03-03', '6:00', '6:00', '7:30', '7:31', '10:00'),
  t.session(4200, 2, 'sore', 'out', '2031-03-03', '15:00', '16:00', '16:00', '20:00', '20:00') \g /dev/null
update hadir.plan_slot set pattern = 4200 where day = '2031-03-03' and pair in (101, 102);
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-05', '1:00')), null, 'names, or the same plan compiled anew, are no difference');
reset session authorization;
select t.pattern(4201, '2031-03-03', null, false, '{}', 'libur') \g /dev/null
update hadir.plan_slot set pattern = 4201 where day = '2031-03-03' and pair = 202;
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-05', '1:00')), '{2031-03-03}', 'another plan is');
select is(api.nightly_freeze(1, '2031-03-03', t.at('2031-03-05', '1:00')), 3, 'and makes a version');
select is((select array_agg(concat_ws(' ', right(nip, 3), coalesce(session_code, '-'), state, reason, change, why)) from api.nightly_difference(1, '2031-03-03', 3)),
  '{"202 pagi missing removed plan","202 sore missing removed plan","202 - not_expected libur added plan"}', 'with rows removed and added');

-- ---- more days, in order; a weekend closes too; long ago is not looked at
reset session authorization;
update hadir.ingest_mark set complete_to = t.at('2031-03-10', '3:00');
set session authorization hadir_nightly;
select is(t.due(t.at('2031-03-10', '3:00')), '{2031-03-04,2031-03-05,2031-03-06,2031-03-07,2031-03-08,2031-03-09}', 'all closed days, in order');
select is(t.due(t.at('2031-06-10', '3:00')), null, 'what lies further back than the look-back is left alone');
select is(t.due(t.at('2031-03-09', '0:00')), '{2031-03-04,2031-03-05,2031-03-06,2031-03-07,2031-03-08}', 'a day without sessions closes at its end');

-- ---- receipts after erasure
reset session authorization;
delete from hadir.checkin_position;
delete from hadir.checkin_key;
set session authorization hadir_admin;
select ok((select r ->> 'coordinates_sha256' = encode(sha256(decode(md5('salt1'), 'hex') || float8send(-2.5543215) || float8send(120.3312345)), 'hex')
    and r ->> 'received_at' = '2031-03-02T23:00:00.000000Z' and r -> 'first' ->> 'verdict' = 'on_time' and r -> 'tree' ->> 'path' = repeat('ab', 64)
    and not r ?| '{lat,lon,salt,key,body_hash}' from api.receipt(md5('id1')::uuid) r), 'a receipt is whole after erasure');
reset session authorization;

select * from finish();
rollback;
