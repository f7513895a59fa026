-- api.ingest and its siblings, as hadir_intake: nothing lost, nothing twice, nothing invented.
begin;
\ir derive_fixture.psql
select plan(63);

create function t.batch(p_from int, p_to int) returns jsonb language sql as $$
  select jsonb_agg(t.row(n, 101 + n % 3, t.at('2031-03-03', '6:30') + n * interval '1 second',
           jsonb_build_object('placements', jsonb_build_array(t.in_fence(31), t.in_fence(32, 'outside')))))
  from generate_series(p_from, p_to) n
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_intake;

-- ---- a batch, again, and interleaved
select is(api.ingest_position('00000000-0000-0000-0000-000000000001'), null, 'an unknown spool has no position');
select is(api.ingest('00000000-0000-0000-0000-000000000001', 10, '2031-03-03 01:00Z', t.batch(1, 10)), 10::bigint, 'ten rows are new');
select is(api.ingest('00000000-0000-0000-0000-000000000001', 10, '2031-03-03 01:00Z', t.batch(1, 10)), 0::bigint, 'again: none is');
select is(api.ingest('00000000-0000-0000-0000-000000000001', 15, '2031-03-03 01:01Z', t.batch(5, 15)), 5::bigint, 'overlapping: only what is new');
select is(api.ingest('00000000-0000-0000-0000-000000000001', 3, '2031-03-03 00:30Z', t.batch(1, 3)), 0::bigint, 'older ones again');
select is(api.ingest_position('00000000-0000-0000-0000-000000000001'), 15::bigint, 'the mark did not go back');
reset session authorization;
select results_eq($$ select count(*), count(distinct id) from hadir.checkin $$, $$ values (15::bigint, 15::bigint) $$, 'fifteen check-ins');
select results_eq($$ select count(*) from hadir.checkin_position $$, $$ values (15::bigint) $$, 'with coordinates');
select results_eq($$ select count(*) from hadir.placement $$, $$ values (30::bigint) $$, 'and two placements each');
select is((select complete_to from hadir.ingest_mark), '2031-03-03 01:01Z', 'complete_to neither');
-- A clock that was set back: what comes now arrives before the old claim.
set session authorization hadir_intake;
select api.ingest_idle('00000000-0000-0000-0000-000000000001', 15, '2031-03-03 00:45Z');
reset session authorization;
select is((select complete_to from hadir.ingest_mark), '2031-03-03 00:45Z', 'the newest claim counts, even when it is less');
select is((select coordinates_sha256 from hadir.checkin where seq = 1),
  sha256(decode(md5('salt1'), 'hex') || float8send(-2.5543215) || float8send(120.3312345)), 'the coordinates'' hash is the receipt''s');
select is((select format('%s %s %s', metres, fences, first_distance_m) from hadir.checkin_position p join hadir.checkin c on c.id = p.checkin
  where c.seq = 1), '{-5,-5} {31,32} -12.5', 'metres lie beside the coordinates');
select is((select tableoid::regclass::text from hadir.checkin_key limit 1), 'hadir.checkin_key_203103', 'the month''s partition was made');

-- ---- the same key by another spool: the first check-in stays, the second acknowledgement is kept with its receipt
set session authorization hadir_intake;
select is(api.ingest('00000000-0000-0000-0000-000000000002', 1, '2031-03-03 02:00Z', jsonb_build_array(
  t.batch(1, 1) -> 0 || '{"id":"99999999-0000-0000-0000-000000000001","seq":1,"salt":"000102030405060708090a0b0c0d0e0f"}'
  || '{"tree":{"size":1,"index":0,"path":"","root":"aa","signature":"bb","key":"k2"}}')), 1::bigint, 'a repeat by another spool is a new row');
select is(api.ingest('00000000-0000-0000-0000-000000000002', 1, '2031-03-03 02:00Z', jsonb_build_array(
  t.batch(1, 1) -> 0 || '{"id":"99999999-0000-0000-0000-000000000001","seq":1}')), 0::bigint, 'once');
reset session authorization;
select is((select count(*) from hadir.checkin), 15::bigint, 'but no new check-in');
select results_eq($$ select checkin, fact -> 'tree' ->> 'key', (fact ->> 'same_body')::boolean from hadir.checkin_ack $$,
  $$ values (md5('id1')::uuid, 'k2', true) $$, 'it is an acknowledgement of the first');
select ok((select not fact ?| '{lat,lon,salt,key,body_hash,raw,accuracy_m}' and not fact -> 'first' ? 'distance_m' from hadir.checkin_ack),
  'without anything that tells the place');
set session authorization hadir_admin;
select is((api.receipt('99999999-0000-0000-0000-000000000001') -> 'tree' ->> 'key'), 'k2', 'with its own receipt');
reset session authorization;

-- ---- within one batch, after 8 days and with another body
set session authorization hadir_intake;
select is(t.put(t.row(100, 102, t.at('2031-03-04', '7:00')), t.row(101, 102, t.at('2031-03-04', '7:00'),
  jsonb_build_object('key', md5('key100'), 'received_at', t.at('2031-03-14', '7:00'), 'body_hash', repeat('00', 32)))),
  2::bigint, 'first and repeat in one batch');
reset session authorization;
select is((select string_agg(a.seq || ' of ' || c.seq || ' ' || (a.fact ->> 'same_body'), ';') from hadir.checkin_ack a
  join hadir.checkin c on c.id = a.checkin where a.seq = 101), '101 of 100 false', 'the earlier one is the check-in');

-- ---- claims older than the keys, and from the future
set session authorization hadir_intake;
select is(t.put(t.row(110, 101, t.at('2031-03-04', '7:00'), '{"fix_at":"2029-01-01T00:00:00Z"}'),
  t.row(111, 101, t.at('2031-03-04', '7:00'), '{"fix_at":"2040-01-01T00:00:00Z"}')), 2::bigint, 'claims from afar are kept');
reset session authorization;
select results_eq($$ select seq, status, reason from hadir.checkin where seq in (110, 111) order by seq $$,
  $$ values (110::bigint, 'rejected', 'claim_older_than_retention'), (111, 'recorded', null) $$, 'too old a claim is rejected, with its reason');
select is((select count(*) from hadir.checkin_key where checkin = md5('id110')::uuid), 0::bigint, 'and has no key');
select is(to_regclass('hadir.checkin_key_204001'), null, 'a future claim makes no partition');

-- ---- a claim ahead of its month lies in the spare partition until the month comes, then moves
set session authorization hadir_intake;
select is(t.put(t.row(112, 101, '2031-03-31 23:50Z', '{"fix_at":"2031-04-01T00:10:00Z"}')), 1::bigint, 'a fix of next month');
reset session authorization;
select is((select tableoid::regclass::text from hadir.checkin_key where checkin = md5('id112')::uuid), 'hadir.checkin_key_other', 'has no month yet');
set session authorization hadir_intake;
select is(t.put(t.row(113, 101, '2031-04-01 00:00:01Z')), 1::bigint, 'the month turns');
reset session authorization;
select is((select tableoid::regclass::text from hadir.checkin_key where checkin = md5('id112')::uuid), 'hadir.checkin_key_203104', 'what waited for it is there');
set session authorization hadir_intake;
select is(t.put(t.row(112, 101, '2031-04-02 08:00Z', '{"fix_at":"2031-04-01T00:10:00Z","id":"99999999-0000-0000-0000-000000000112","seq":114}')),
  1::bigint, 'and its repeat, much later');
reset session authorization;
select is((select checkin from hadir.checkin_ack where id = '99999999-0000-0000-0000-000000000112'), md5('id112')::uuid, 'finds it');

-- ---- bad rows fail the batch, whole
set session authorization hadir_intake;
select throws_ok($$ select t.put(t.row(120, 101, t.at('2031-03-04', '7:00')), '{"seq":121,"kind":"wat"}') $$, '22023', null, 'an unknown kind is refused');
select throws_ok($$ select t.put(t.row(120, 101, t.at('2031-03-04', '7:00')), t.row(121, 101, null)) $$, '23502', null, 'a row without arrival is refused');
select throws_ok($$ select t.put(t.row(122, 101, t.at('2031-03-04', '7:00'), '{"lat":"x"}')) $$, '22P02', null, 'a latitude that is none is refused');
select throws_ok($$ select t.put(t.row(122, 101, t.at('2031-03-04', '7:00'), '{"placements":[{"fence":1,"version":1,"relation":"near"}]}')) $$,
  '23514', null, 'an unknown relation is refused');
reset session authorization;
select is((select count(*) from hadir.checkin where seq between 120 and 122), 0::bigint, 'and nothing of it stays');

-- ---- poison: recorded for ever, whatever it holds
set session authorization hadir_intake;
select lives_ok($$ select api.ingest_poison('00000000-0000-0000-0000-000000000001', 16, '2031-03-03 01:02Z',
  t.row(16, 101, t.at('2031-03-03', '7:00'), '{"placements":7,"tree":[1],"clock_offset_us":"x"}'), '22023', 'cannot') $$, 'a poisonous row');
select lives_ok($$ select api.ingest_poison('00000000-0000-0000-0000-000000000001', n::bigint, '2031-03-03 01:02Z', j, null, null)
  from (values (17, '[]'::jsonb), (18, null), (19, '"x"'), (20, '{"id":"nonsense","received_at":"yesterdayish","flags":[null,1,{"a":2}],"sent_at":"-infinity","lat":1e300,"lon":"NaN","salt":"zz"}'),
               (21, '{"id":12,"fix_at":"infinity","received_at":"infinity","first":5,"government":99999999999999999999}')) v(n, j) $$, 'and odder ones');
select lives_ok($$ select api.ingest_poison('00000000-0000-0000-0000-000000000001', 16, '2031-03-03 01:02Z', '{}', '22023', 'again') $$, 'again');
select is(api.ingest_position('00000000-0000-0000-0000-000000000001'), 21::bigint, 'the mark passed over them');
reset session authorization;
select results_eq($$ select seq, status, reason, person from hadir.checkin where seq between 16 and 21 order by seq $$,
  $$ values (16::bigint, 'rejected', 'cannot', 101::bigint), (17, 'rejected', '', null), (18, 'rejected', '', null),
     (19, 'rejected', '', null), (20, 'rejected', '', null), (21, 'rejected', '', null) $$, 'each has its row, status and reason');

-- ---- idle, and what a restored database must not say
set session authorization hadir_intake;
select api.ingest_idle('00000000-0000-0000-0000-000000000001', 30, '2031-03-03 09:00Z');
reset session authorization;
select is((select format('%s %s', last_seq, complete_to = '2031-03-03 01:02Z') from hadir.ingest_mark where spool = '00000000-0000-0000-0000-000000000001'),
  '21 t', 'idle with rows that the database has not got says nothing');
set session authorization hadir_intake;
select api.ingest_idle('00000000-0000-0000-0000-000000000001', 21, '2031-03-03 09:00Z');
select api.ingest_idle('00000000-0000-0000-0000-00000000000c', 0, '2031-03-03 09:00Z');
reset session authorization;
select results_eq($$ select last_seq from hadir.ingest_mark where complete_to = '2031-03-03 09:00Z' order by 1 $$, array[0, 21]::bigint[], 'idle moves complete_to');

-- Drained for ever; only a row that it never had before proves that the spool lives.
set session authorization hadir_intake;
select api.ingest_idle('00000000-0000-0000-0000-000000000001', 21, 'infinity');
select api.ingest_idle('00000000-0000-0000-0000-000000000001', 21, '2031-03-03 09:01Z');
select is(api.ingest('00000000-0000-0000-0000-000000000001', 15, '2031-03-03 09:02Z', t.batch(1, 15)), 0::bigint, 'old rows again');
reset session authorization;
select is((select complete_to from hadir.ingest_mark where spool = '00000000-0000-0000-0000-000000000001'), 'infinity', 'a drained spool stays so');
set session authorization hadir_intake;
select is(api.ingest('00000000-0000-0000-0000-000000000001', 22, '2031-03-03 09:03Z', jsonb_build_array(t.row(22, 103, t.at('2031-03-03', '7:10')))),
  1::bigint, 'a new row');
reset session authorization;
select is((select complete_to from hadir.ingest_mark where spool = '00000000-0000-0000-0000-000000000001'), '2031-03-03 09:03Z', 'and it is waited for again');

-- ---- senders nobody enrolled
set session authorization hadir_intake;
select is((select t.put(variadic array_agg(t.row(200 + n, 0, t.at('2031-03-04', '7:00'), '{"kind":"unattributed","device":0,
  "channel":"whatsapp","sender":"62811000111","sender_user_id":"ID.1"}'))) from generate_series(1, 12) n), 10::bigint, 'ten a sender and day');
select is(t.put(t.row(213, 0, t.at('2031-03-05', '7:00'), '{"kind":"unattributed","device":0,"channel":"whatsapp","sender":"62811000111"}'),
                t.row(214, 0, t.at('2031-03-04', '7:00'), '{"kind":"unattributed","device":0,"channel":"whatsapp","sender":"62811000222"}')),
  2::bigint, 'the next day and another sender are free');
reset session authorization;
insert into hadir.device (id, government, person, channel, number, enrolled_at) overriding system value
values (1900, 1, 102, 'whatsapp', '62811000333', '2031-03-01');
set session authorization hadir_intake;
select is(t.put(t.row(220, 0, t.at('2031-03-04', '7:05'), '{"kind":"unattributed","device":0,"channel":"whatsapp","sender":"62811000333"}')),
  1::bigint, 'enrolled meanwhile');
reset session authorization;
select results_eq($$ select person, device, received_at from hadir.checkin where seq = 220 $$,
  $$ values (102::bigint, 1900::bigint, t.at('2031-03-04', '7:05')) $$, 'is a check-in with its times');
select results_eq($$ select person from hadir.placement_dirt where person = 102 $$, array[102]::bigint[], 'and its fences are looked for');
update hadir.placement_dirt set after = '2031-03-05' where person = 102;
set session authorization hadir_intake;
select is(t.put(t.row(221, 0, t.at('2031-03-04', '7:05:30'), '{"kind":"unattributed","device":0,"channel":"whatsapp","sender":"62811000333"}')),
  1::bigint, 'another that arrived before what was looked at');
reset session authorization;
select ok((select after < t.at('2031-03-04', '7:05:30') from hadir.placement_dirt where person = 102), 'is not passed over');

-- ---- whether the plan that judged is still the person's: the planner looks for fences only where it may not be
delete from hadir.placement_dirt;
update hadir.directory_state set number = 9;
insert into hadir.directory_change (kind, ref, number) values ('person', 103, 8) on conflict (kind, ref) do update set number = 8;
delete from hadir.directory_change where kind = 'person' and ref <> 103;
select ('x' || substr(encode(sha256(convert_to(concat_ws(':', i.epoch_base, s.system_identifier, c.timeline_id,
  (select d.oid from pg_database d where d.datname = current_database())), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint as epoch
  from hadir.instance i, pg_control_system() s, pg_control_checkpoint() c \gset
create function t.judged(p_seq bigint, p_person bigint, p_epoch bigint, p_number bigint) returns jsonb language sql as $$
  select t.row(p_seq, p_person, t.at('2031-03-06', '7:00'), jsonb_build_object('directory_epoch', p_epoch, 'directory_number', p_number))
$$;
grant execute on function t.judged(bigint, bigint, bigint, bigint) to public;
set session authorization hadir_intake;
select is(t.put(t.judged(320, 101, :epoch, 9), t.judged(321, 103, :epoch, 9), t.judged(322, 101, :epoch, 7)), 3::bigint, 'judged now, and before nobody''s change');
reset session authorization;
select is((select count(*) from hadir.placement_dirt), 0::bigint, 'nobody is looked at again');
set session authorization hadir_intake;
select is(t.put(t.judged(323, 103, :epoch, 7), t.judged(324, 102, :epoch + 1, 9)), 2::bigint, 'before a change, and by another database');
reset session authorization;
select results_eq($$ select person from hadir.placement_dirt order by 1 $$, array[102, 103]::bigint[], 'they are');

-- ---- the door's fence is noted where the point lies inside of it, by the door's own placement
set session authorization hadir_intake;
select count(*) from (select t.put(t.row(300 + n::int, 101, t.at('2031-03-06', '7:00'), jsonb_build_object('placements', p)))
  from (values (1, jsonb_build_array(t.in_fence(32, 'outside'), t.in_fence(31))), (2, jsonb_build_array(t.in_fence(31, 'uncertain'), t.in_fence(32))),
               (3, jsonb_build_array(t.in_fence(32))), (4, '[]'), (5, null)) v(n, p)) x \gset done_
select is(t.put(t.row(306, 101, t.at('2031-03-06', '7:00'), '{"first":null,"placements":[{"fence":31,"version":1,"relation":"inside","metres":-5}]}')), 1::bigint, 'one that the door did not judge');
reset session authorization;
select results_eq($$ select seq - 300, first_fence, first_inside from hadir.checkin where seq between 301 and 306 order by 1 $$,
  $$ values (1::bigint, 31::bigint, 31::bigint), (2, 31, null), (3, 31, null), (4, 31, null), (5, 31, null), (6, null, null) $$, 'inside, uncertain, another fence, none, unknown, no verdict');

-- ---- events
set session authorization hadir_intake;
select is(api.ingest('00000000-0000-0000-0000-000000000003', 2, '2031-03-03 01:00Z', '[{"seq":2,"kind":"event","government":1,
  "event_kind":"user_changed_number","received_at":"2031-03-03T00:00:00Z","payload":{"wa_id":"1"}}]'), 1::bigint, 'an event is kept');
select is(api.ingest('00000000-0000-0000-0000-000000000003', 2, '2031-03-03 01:00Z', '[{"seq":2,"kind":"event","government":1,
  "event_kind":"user_changed_number","received_at":"2031-03-03T00:00:00Z","payload":{"wa_id":"1"}}]'), 0::bigint, 'once');

reset session authorization;
select * from finish();
rollback;
