-- The yardstick of keepalive_vs_pgbench (-c 8 -M prepared -n): one row as wide as hadird's into the same table, with its indexes
-- and constraints, a transaction each, by a superuser. hadird writes a position, a placement and a key beside each, too.
-- Before: create schema bench; create sequence bench.seq cache 50
\set person random(1, 1000)
insert into hadir.checkin (id, government, person, device, received_at, fix_at, sent_at, channel, flags, first_fence, first_inside, spool,
  seq, clock_state, decided_at, decided_by, directory_epoch, directory_number, first_verdict, first_day, first_session, first_session_code,
  first_counts_as, first_late_minutes, first_early_minutes, first_place, first_relation, coordinates_sha256, tree_size, tree_index,
  tree_path, tree_root, tree_signature, tree_key)
values (gen_random_uuid(), 1, :person, :person, now(), now(), now(), 'native', '{clock_unsynchronised,stale_fix}', 1, 1,
  '00000000-0000-0000-0000-00000000000c', nextval('bench.seq'), 'unsynchronised', now(), 'arrival', 350533623526376217, 1795354776326423,
  'on_time', current_date, 10, 'pulang', 'out', 0, 0, 'WFO', 'inside', decode(repeat('5b', 32), 'hex'), 16, 7,
  decode(repeat('a7', 128), 'hex'), decode(repeat('21', 32), 'hex'), decode(repeat('81', 64), 'hex'), '62f6fdb34565a2d8');
