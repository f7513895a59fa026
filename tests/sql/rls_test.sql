-- Row security alone, as the low roles: the function asked here has no filter of its own.
begin;
select no_plan();
\i tests/town.psql
select api.grant_access('198001012005011005', 'supervisor', 'dinas-a', repeat('a1', 32), '2025-12-01') as access \gset
select api.grant_access('198001012005011004', 'operator', 'rsud', repeat('a2', 32), '2025-12-01') as east \gset
select device as d1 from api.enroll('198001012005011001', 'native', '', repeat('b1', 32), null, null, '2025-12-01') \gset
select device as d3 from api.enroll('198001012005011003', 'native', '', repeat('b3', 32), null, null, '2025-12-01') \gset
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:50+08')$$, 'refresh');
reset session authorization;
insert into hadir.checkin (id, spool, seq, government, person, received_at, decided_at)
select gen_random_uuid(), '00000000-0000-4000-8000-000000000001', p.id, p.government, p.id, '2025-12-29 07:00+08', '2025-12-29 07:00+08' from hadir.person p;
select hadir.partition_ensure('2025-12-29') is not null as made \gset
insert into hadir.checkin_position (checkin, received_at, government, lat, lon, salt)
select id, received_at, government, -2.5, 120.3, '\x00' from hadir.checkin;

set role hadir_reader;
create function api.test_see(p_what text) returns bigint language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare n bigint;
begin
  execute 'select count(*) from hadir.' || quote_ident(p_what) into n;
  return n;
end $$;
grant execute on function api.test_see(text) to hadir_query, hadir_intake, hadir_messenger, hadir_planner;
-- Everybody's attendance is derived in halves, one of them by a worker where one is free.
create function api.test_derived() returns text language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select count(distinct d.person) || ' people, ' || count(d.checkin) || ' check-ins'
          from hadir.government g, hadir.derive(g.id, '2025-12-29', '2025-12-29') d);
end $$;
grant execute on function api.test_derived() to hadir_query;
reset role;
set session authorization hadir_query;

select is(api.test_see(t), 0::bigint, 'no actor, no ' || t) from unnest(array['person', 'unit', 'unit_closure', 'posting', 'plan_day', 'plan_member', 'plan_slot', 'checkin',
  'checkin_position', 'government', 'device', 'access', 'fence', 'plan_pattern', 'attendance', 'policy', 'unattributed', 'audit']) t;
select set_config('hadir.actor', 'access:' || :access, true) is not null as set \gset
select is(api.test_see('unit'), 2::bigint, 'a supervisor sees his unit and what is below');
select is(api.test_see('person'), 3::bigint, 'and its people');
select is(api.test_see('plan_day'), 30::bigint, 'and their plan');
select is(api.test_see('checkin'), 3::bigint, 'and their check-ins');
select is(api.test_see('checkin_position'), 1::bigint, 'but no coordinates, except his own');
select is(api.test_see('government'), 1::bigint, 'his government only');
select is(api.test_see('access'), 1::bigint, 'his own right only');
select is(api.test_see('device'), 0::bigint, 'no devices');
select is(api.test_see('fence'), 2::bigint + 1, 'fences of his government, homes only of his people');
select is(api.test_derived(), '3 people, 3 check-ins', 'the attendance of everybody is that of his people');
set local max_parallel_workers = 0;
select is(api.test_derived(), '3 people, 3 check-ins', 'whether a worker helps or none is free');
reset max_parallel_workers;
select set_config('hadir.actor', 'access:' || :east, true) is not null as set \gset
select is(api.test_see('person'), 1::bigint, 'the other government''s operator sees his one');
select is(api.test_see('fence'), 1::bigint, 'and his own fences');
select set_config('hadir.actor', 'device:' || :d1, true) is not null as set \gset
select is(api.test_see('person'), 1::bigint, 'a device sees its person');
select is(api.test_see('plan_day'), 10::bigint, 'his plan');
select is(api.test_see('checkin'), 1::bigint, 'his check-ins');
select is(api.test_see('checkin_position'), 1::bigint, 'and his own coordinates');
select is(api.test_see('unit'), 1::bigint, 'and his own unit');
select is(api.test_derived(), '1 people, 1 check-ins', 'the attendance of everybody is his own');
select is(api.test_see('unit_closure'), 11::bigint, 'and the tree, by number');
select is(case when set_config('hadir.actor', bad, true) is not null then api.test_see('person') end, 0::bigint, 'actor "' || bad || '" sees nobody')
from unnest(array['access:999999', 'access:' || :d1 || ' or 1=1', 'device:', 'access:-1', 'root', 'access:99999999999999999999']) bad;

reset session authorization;
update hadir.access set revoked_at = '2025-12-29' where id = :access;
update hadir.device set revoked_at = '2025-12-29' where id = :d3;
set session authorization hadir_query;
select set_config('hadir.actor', 'access:' || :access, true) is not null as set \gset
select is(api.test_see('person'), 0::bigint, 'a revoked right sees nobody');
select set_config('hadir.actor', 'device:' || :d3, true) is not null as set \gset
select is(api.test_see('person'), 0::bigint, 'nor does a revoked device');

-- The actor means nothing to system roles, and each of them sees only what it needs.
set session authorization hadir_intake;
select is(api.test_see('checkin'), 5::bigint, 'intake reads check-ins');
select is(api.test_see('access'), 0::bigint + 2, 'intake reads rights');
select is(api.test_see('audit'), 0::bigint, 'but not the audit');
set session authorization hadir_messenger;
select is(api.test_see('checkin'), 0::bigint, 'the messenger sees no check-in');
select is(api.test_see('person'), 0::bigint, 'and nobody');
reset session authorization;

-- A supervisor keeps what was in his time when somebody leaves, and gets nothing from before he came.
update hadir.posting set valid_to = '2025-12-31' where person = (select id from hadir.person where nip = '198001012005011001');
insert into hadir.posting (person, unit, valid_from) select p.id, u.id, '2026-01-01' from hadir.person p, hadir.unit u
where p.nip = '198001012005011001' and u.code = 'rsud';
insert into hadir.checkin (id, spool, seq, government, person, received_at, decided_at)
select gen_random_uuid(), '00000000-0000-4000-8000-000000000002', 1, p.government, p.id, '2026-02-02 07:00+08', '2026-02-02 07:00+08' from hadir.person p where nip = '198001012005011001';
set session authorization hadir_query;
select set_config('hadir.actor', 'access:' || :east, true) is not null as set \gset
select is(api.test_see('checkin'), 2::bigint, 'the new superior: his own, and the newcomer''s since');
-- Who only acted in a unit is not its own: his absences are not its head's to read.
reset session authorization;
insert into hadir.posting (person, unit, valid_from, valid_to, kind) select p.id, u.id, '2026-01-01', '2026-01-02', 'acting'
from hadir.person p, hadir.unit u where p.nip = '198001012005011002' and u.code = 'rsud';
insert into hadir.absence_code (government, code, name) select g.id, 'CT', 'Cuti' from hadir.government g;
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at)
select p.government, p.id, 'CT', '2026-01-05', '2026-01-05', 'approved', '2026-01-01' from hadir.person p
where p.nip in ('198001012005011001', '198001012005011002');
set session authorization hadir_query;
select is(api.test_see('absence'), 1::bigint, 'absences of who belongs there, not of who only acted there');

-- Heads of the units above are seen by number, and nothing else of them.
reset session authorization;
update hadir.access set revoked_at = null where id = :access;
set session authorization hadir_query;
select set_config('hadir.actor', 'access:' || :access, true) is not null as set \gset
select api.test_see('posting') as postings, api.test_see('person') as persons, api.test_see('unit') as units \gset
reset session authorization;
insert into hadir.posting (person, unit, valid_from, kind) select p.id, k.unit, '2026-02-01', k.kind
from hadir.person p, (select u.parent, 'acting' from hadir.unit u where u.code = 'dinas-a'
                      union all select u.id, 'acting' from hadir.unit u where u.code = 'rsud') k (unit, kind)
where p.nip = '198001012005011004';
insert into hadir.person (government, nip, name, category) select u.government, '198001012005011099', 'Atasan', 'PNS' from hadir.unit u where u.code = 'dinas-a';
insert into hadir.posting (person, unit, valid_from) select p.id, u.parent, '2026-01-01' from hadir.person p, hadir.unit u
where p.nip = '198001012005011099' and u.code = 'dinas-a';
set session authorization hadir_query;
select is(array[api.test_see('posting') - :postings, api.test_see('person') - :persons, api.test_see('unit') - :units], array[1, 0, 0]::bigint[],
  'of postings above and elsewhere the heads'' above, no person, no unit');
reset session authorization;
select * from finish();
rollback;
