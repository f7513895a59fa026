-- What the planner copies out: everything, then only what changed; enrolment, revocation; placements that are missing.
begin;
select no_plan();
\i tests/town.psql
select device as d1 from api.enroll('198001012005011001', 'native', 'HP', repeat('b1', 32), null, null, '2025-12-01') \gset
select device as w2 from api.enroll('198001012005011002', 'whatsapp', '', null, '0812-3456-789', null, '2025-12-01') \gset
select api.grant_access('198001012005011005', 'supervisor', 'dinas-a', repeat('a1', 32), '2025-12-01') as access \gset
set session authorization hadir_planner;
select number as n0 from api.plan_refresh('2025-12-29 06:50+08') \gset

select set_config('hadir.since', '0', false) as since \gset
select is((select count(*) from api.directory_person p cross join unnest(p.first_days, p.last_days, p.pairs) i (first_day, last_day, pair)
  join api.directory_slot s on s.pair = i.pair and s.day between i.first_day and i.last_day where not p.removed), 50::bigint, 'all people, whole windows');
select is_empty($$select 1 from api.directory_slot s where s.pattern not in (select id from api.directory_pattern)$$, 'every pattern they name is there');
select is((select count(*) from api.directory_person where cardinality(homes) = 1), 1::bigint, 'homes hang on people');
select results_eq($$select token_hash, kind, channel, revoked from api.directory_token order by kind$$, $$values (repeat('b1', 32), 1, 1, false), (repeat('a1', 32), 2, 0, false)$$, 'tokens by hash');
select results_eq($$select value, is_user_id, revoked, removed from api.directory_number$$, $$values ('628123456789', false, false, false)$$, 'a number in the country''s form');
select is((select count(*) from api.directory_fence), 4::bigint, 'fences');
select is((select count(*) from api.directory_business), 1::bigint, 'the WhatsApp business number');
select results_eq($$select place, anywhere, accuracy_cap_m, decides, jsonb_array_length(sessions), sessions -> 0 ->> 'code', (sessions -> 0 ->> 'due_us')::bigint, ends_us - starts_us
  from api.directory_pattern where place is not null and starts_us = 1766937600000000 and fences = (select array[fence] from api.directory_fence where name = 'Kantor A')$$,
  $$values ('WFO', false, 100::float8, array['fix', 'fix', 'fix', 'message'], 2, 'pagi', 1766964600000000, 86400000000)$$, 'a pattern in microseconds');

select set_config('hadir.since', :'n0', false) as since \gset
select is((select count(*) from api.directory_person) + (select count(*) from api.directory_pattern) + (select count(*) from api.directory_slot) + (select count(*) from api.directory_token)
  + (select count(*) from api.directory_number) + (select count(*) from api.directory_fence), 0::bigint, 'nothing since');

set session authorization hadir_admin;
select is(api.revoke_device(:d1, '2025-12-29'), 1::bigint, 'revoked');
select is(api.revoke_device(:d1, '2025-12-29'), 0::bigint, 'once');
select is_empty($$select * from api.import_people('[{"line": 2, "nip": "198001012005011003", "name": "Pegawai 3", "category": "PNS", "unit": "dinas-a", "from": "2025-12-29"}]', '2025-12-29')$$, 'a move');
select ok(api.fence_remove('kota', 'r-1', '2025-12-29'), 'a home is taken away');
set session authorization hadir_planner;
select number as n1, changed_people as c1 from api.plan_refresh('2025-12-29 06:51+08') \gset
select cmp_ok(:n1, '>', :n0, 'the version grows');
select is(:c1, 2, 'two people');
select is((select count(*) from api.directory_person), 2::bigint, 'are the delta');
select results_eq($$select token_hash, revoked from api.directory_token$$, $$values (repeat('b1', 32), true)$$, 'the revoked token says so');
select results_eq($$select name, removed from api.directory_fence$$, $$values ('Rumah', true)$$, 'the fence goes');
select is((select count(*) from api.directory_number), 0::bigint, 'numbers did not change');
select set_config('hadir.since', '0', false) as since \gset
select is((select count(*) from api.directory_fence), 3::bigint, 'and is not in the whole any more');

-- A number goes from one person to another.
set session authorization hadir_admin;
select throws_ok($$select * from api.enroll('198001012005011003', 'whatsapp', '', null, '+62 812 3456 789', null, '2025-12-29')$$, '23505', null, 'a number has one holder');
select is((select device from api.enroll('198001012005011002', 'whatsapp', '', null, '628123456789', 'user-9', '2025-12-29')), :w2::bigint, 'its own holder may say it again');
select is(api.revoke_person('198001012005011002', 'whatsapp', '2025-12-29'), 1::bigint, 'it is taken back');
select device as w3 from api.enroll('198001012005011003', 'whatsapp', '', null, '628123456789', null, '2025-12-29') \gset
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:52+08')$$, 'refresh');
select results_eq($$select value, device, revoked from api.directory_number order by value$$, format($$values ('628123456789', %s::bigint, false), ('user-9', %s::bigint, true)$$, :w3, :w2), 'the living one speaks for it');
set session authorization hadir_admin;
select is_empty($$select * from api.enroll('198001012005011099', 'native', '', repeat('c1', 32), null, null, '2025-12-29')$$, 'an unknown NIP enrols nobody');
select throws_ok($$select * from api.enroll('198001012005011001', 'native', '', 'kurang', null, null, '2025-12-29')$$, '22023', null, 'a token is a SHA-256');
select throws_ok($$select * from api.enroll('198001012005011001', 'whatsapp', '', null, null, null, '2025-12-29')$$, '22023', null, 'WhatsApp needs a number');
select throws_ok($$select api.grant_access('198001012005011001', 'bupati', 'kota', repeat('a3', 32), '2025-12-29')$$, '22023', null, 'no such role');
select is(api.revoke_access(:access, '2025-12-29'), 1::bigint, 'a right is taken back');

-- A second phone stays beside the first; one that replaces it ends that one alone.
select device as d4 from api.enroll('198001012005011001', 'owntracks', '', repeat('c3', 32), null, null, '2025-12-29') \gset
select device as d5, earlier as e5 from api.enroll('198001012005011001', 'owntracks', '', repeat('c4', 32), null, null, '2025-12-29') \gset
select device as d6, earlier as e6 from api.enroll('198001012005011001', 'owntracks', '', repeat('c5', 32), null, null, '2025-12-29') \gset
select is(:'e5'::text, :'d4'::text, 'the earlier one is named');
select is(:'e6'::text, concat_ws(', ', :d4::bigint, :d5::bigint), 'and both');
select is(api.revoke_earlier(:d6, '2025-12-29 08:00+08'), 2::bigint, 'they are ended');
select is(api.revoke_earlier(:d6, '2025-12-29 08:01+08'), 0::bigint, 'once');
select is(api.revoke_earlier(:d4, '2025-12-29 08:01+08'), 0::bigint, 'and not by one that is revoked itself');
reset session authorization;
select results_eq(format('select id, revoked_at from hadir.device where id in (%s, %s, %s) order by id', :d4, :d5, :d6),
  format($$values (%s::bigint, timestamptz '2025-12-29 08:00+08'), (%s, timestamptz '2025-12-29 08:00+08'), (%s, null) order by 1$$, :d4, :d5, :d6),
  'the new one goes on');
select is((select detail from hadir.audit where action = 'revoke_earlier'), '{"devices": 2}'::jsonb, 'it is written down');
set session authorization hadir_admin;

-- Dirt wakes the planner, and is gone after its turn.
reset session authorization;
select cmp_ok((select count(*) from hadir.plan_dirt), '>', 0::bigint, 'a change leaves dirt');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 06:53+08')$$, 'refresh');
reset session authorization;
select is((select count(*) from hadir.plan_dirt), 0::bigint, 'a refresh takes it');

-- ------------------------------------------------------------------------------------------- a stranger's location
insert into hadir.unattributed (id, spool, seq, government, channel, sender, received_at, fact)
select '00000000-0000-4000-8000-0000000000aa', '00000000-0000-4000-8000-000000000009', 5, g.id, 'whatsapp', '62899000111', '2025-12-29 07:10:03+08',
  jsonb_build_object('seq', 5, 'kind', 'unattributed', 'id', '00000000-0000-4000-8000-0000000000aa', 'government', g.id, 'person', 0, 'device', 0, 'channel', 'whatsapp',
    'key', repeat('0a', 16), 'body_hash', repeat('0b', 32), 'salt', repeat('0c', 16), 'message_at', '2025-12-29T07:10:00+08:00', 'received_at', '2025-12-29T07:10:03+08:00',
    'clock_state', 'synchronised', 'decided_at', '2025-12-29T07:10:00+08:00', 'decided_by', 'message', 'lat', -2.5, 'lon', 120.3, 'flags', '["accuracy_unknown"]'::jsonb, 'sender', '62899000111')
from hadir.government g where g.code = 'kota';
set session authorization hadir_admin;
select results_eq($$select name, unit_code, attached from api.enroll('198001012005011001', 'whatsapp', '', null, '62899000111', null, '2025-12-29 09:00+08')$$,
  $$values ('Pegawai 1', 'bidang-a1', 1::bigint)$$, 'enrolment attaches it');
reset session authorization;
select results_eq($$select p.nip, c.channel, c.message_at, c.received_at, c.status, q.lat from hadir.checkin c join hadir.person p on p.id = c.person
  join hadir.checkin_position q on q.checkin = c.id$$, $$values ('198001012005011001', 'whatsapp', timestamptz '2025-12-29 07:10+08', timestamptz '2025-12-29 07:10:03+08', 'recorded', -2.5::float8)$$,
  'as a check-in with its original times');
select is((select count(*) from hadir.unattributed), 0::bigint, 'once');

-- ------------------------------------------------------------------------------------------------------- placements
set session authorization hadir_planner;
select results_eq($$select w.checkin, f.name, w.cap_m, w.version, w.shape from api.placements_wanted(10) w join api.directory_fence f on f.fence = w.fence$$,
  $$values ('00000000-0000-4000-8000-0000000000aa'::uuid, 'Kantor A', 100::float8, 1, '02')$$, 'the bound fence is asked for');
select fence as f from api.placements_wanted(10) \gset
select is(api.placements_add(jsonb_build_array(jsonb_build_object('checkin', '00000000-0000-4000-8000-0000000000aa', 'fence', :f, 'version', 1, 'relation', 'outside', 'metres', 12.5))), 1::bigint, 'and added');
select is_empty($$select * from api.placements_wanted(10)$$, 'then nothing is missing');
select is(api.placements_add(jsonb_build_array(jsonb_build_object('checkin', '00000000-0000-4000-8000-0000000000aa', 'fence', :f, 'version', 1, 'relation', 'outside', 'metres', 12.5))), 0::bigint, 'adding twice adds nothing');
reset session authorization;
select is((select metres from hadir.checkin_position), array[12.5::float8], 'metres lie beside the coordinates');
set session authorization hadir_admin;
select is_empty($$select * from api.import_fences('[{"line": 1, "code": "k-a1", "name": "Kantor A1", "kind": "office", "unit": "bidang-a1", "shape": "07"}]', '2025-12-29')$$, 'a nearer office comes');
set session authorization hadir_planner;
select lives_ok($$select api.plan_refresh('2025-12-29 10:00+08')$$, 'refresh');
select is((select shape from api.placements_wanted(10)), '07', 'and is wanted for what came in before');

-- A noisy phone: 3,000 check-ins of one person whose fences were not known, in tables without statistics. What a call reads
-- is bounded (once it compared each with each, a minute long), what is placed is not looked at for ever, and others are served.
reset session authorization;
savepoint noisy;
create function tap.rows_read() returns bigint language sql volatile as
  $$select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_all_tables where schemaname = 'hadir'$$;
create function tap.place(p_limit int) returns bigint language sql volatile as $$
  select api.placements_add(coalesce(jsonb_agg(jsonb_build_object('checkin', w.checkin, 'fence', w.fence, 'version', w.version, 'relation', 'outside', 'metres', 1)), '[]'))
  from api.placements_wanted(p_limit) w$$;
grant execute on function tap.rows_read(), tap.place(int) to public;
insert into hadir.checkin (id, spool, seq, government, person, device, channel, received_at, decided_at, decided_by)
select md5('noisy' || n)::uuid, '00000000-0000-4000-8000-000000000009', 1000 + n, p.government, p.id, 1, 'native', at, at, 'arrival'
from hadir.person p, generate_series(1, 3001) n, lateral (select timestamptz '2025-12-29 07:00+08' + n * interval '1 second' as at) t
where p.nip = case when n <= 3000 then '198001012005011001' else '198001012005011002' end;
insert into hadir.checkin_position (checkin, received_at, government, lat, lon, salt)
select c.id, c.received_at, c.government, -2.5, 120.3, '\x00' from hadir.checkin c where c.seq > 1000;
insert into hadir.placement_dirt (person) select p.id from hadir.person p where p.nip in ('198001012005011001', '198001012005011002')
on conflict (person) do update set after = '-infinity';
set session authorization hadir_planner;
select tap.rows_read() as read0 \gset
select is((select count(*) from api.placements_wanted(200)), 200::bigint, 'of very many, as many as asked for');
select cmp_ok(tap.rows_read() - :read0, '<', 20000::bigint, 'and not all of them are read for it');
select tap.rows_read() as read0 \gset
select cmp_ok((select sum(tap.place(200)) from generate_series(1, 25)), '>=', 3001::numeric, 'all are placed, step by step');
select cmp_ok(tap.rows_read() - :read0, '<', 800000::bigint, 'what was placed is passed over once, not each time');
select is_empty($$select * from api.placements_wanted(200)$$, 'then nothing is missing');
reset session authorization;
select is((select count(*) from hadir.placement_dirt), 0::bigint, 'and nobody is on the list');
rollback to savepoint noisy;

-- -------------------------------------------------------------------------------------------------------- retention
reset session authorization;
insert into hadir.unattributed (id, spool, seq, government, channel, sender, received_at, fact)
select gen_random_uuid(), '00000000-0000-4000-8000-000000000009', n, g.id, 'whatsapp', '6280000', timestamptz '2027-02-01' - n * interval '4 days', '{}'
from hadir.government g, generate_series(1, 3) n where g.code = 'kota';
set session authorization hadir_admin;
select results_eq($$select what, rows from api.retention(null, '2026-06-01')$$, $$values ('checkin_key', 0::bigint), ('checkin_position', 0::bigint), ('unattributed', 0::bigint)$$, 'nothing is old yet');
select results_eq($$select what, rows from api.retention('timur', '2027-02-01')$$, $$values ('checkin_key', 0::bigint), ('checkin_position', 0::bigint), ('unattributed', 0::bigint)$$, 'nor of the other government');
select results_eq($$select what, rows from api.retention(null, '2027-02-01')$$, $$values ('checkin_key', 1::bigint), ('checkin_position', 1::bigint), ('unattributed', 2::bigint)$$, 'a year later coordinates and keys go');
reset session authorization;
select is((select count(*) from hadir.checkin_position) + (select count(*) from hadir.checkin_key), 0::bigint, 'none is left');
select is((select count(*) from hadir.checkin), 1::bigint, 'the check-in stays');
select hasnt_table('hadir', 'checkin_position_202512', 'its month is dropped whole');
select is((select count(*) from hadir.placement), 1::bigint, 'and what it was worth');

-- ----------------------------------------------------------------------------------------------------------- doctor
set session authorization hadir_admin;
select is((select count(*) from api.doctor('2025-12-29 10:00+08') where ok is null or name is null or detail is null or advice is null), 0::bigint, 'the doctor answers every question');
select results_eq($$select name from api.doctor('2025-12-29 10:00+08') where not ok and name <> 'setelan'$$, $$values ('pendaftaran')$$, 'and finds who cannot send yet');
select results_eq($$select name from api.doctor('2031-12-20 10:00+08') where not ok and name in ('kalender', 'rencana')$$, $$values ('kalender'), ('rencana')$$, 'years later: no calendar, no plan');
reset session authorization;
select * from finish();
rollback;
