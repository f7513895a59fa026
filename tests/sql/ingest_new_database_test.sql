-- Ingest into tables that were empty when its plans were made and when statistics were taken, as in the first minutes of a new or
-- restored database: each row is looked up by its key, however many are there already.
begin;
\ir derive_fixture.psql
select plan(9);

create function t.batch(p_from int, p_count int, p_more jsonb default '{}') returns jsonb[] language sql as $$
  select array_agg(t.row(n, 101 + n % 3, t.at('2031-03-03', '6:30') + n * interval '1 second',
           jsonb_build_object('placements', jsonb_build_array(t.in_fence(31), t.in_fence(32, 'outside'))) || p_more))
  from generate_series(p_from, p_from + p_count - 1) n
$$;
-- The same keys with ids of another spool.
create function t.again(p_from int, p_count int) returns jsonb[] language sql as $$
  select array_agg(r || jsonb_build_object('seq', 5000 + (r ->> 'seq')::int, 'id', md5('again' || (r ->> 'id')))) from unnest(t.batch(p_from, p_count)) r
$$;
create function t.strangers(p_from int, p_count int) returns jsonb[] language sql as $$
  select array_agg(r || jsonb_build_object('kind', 'unattributed', 'person', 0, 'device', 0, 'channel', 'whatsapp', 'sender', '62811' || (r ->> 'seq')))
  from unnest(t.batch(p_from, p_count)) r
$$;
-- Rows read in this transaction of what ingest writes or compares with.
create function t.read() returns bigint language sql as $$
  select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables
  where schemaname = 'hadir' and relname ~ '^(checkin|placement|unattributed|directory_change|plan_slot|plan_member)'
$$;
-- Rows stored, and whether it took at most p_each rows read for each.
create function t.stored(p_each int, p_rows jsonb[]) returns text language plpgsql as $$
declare
  v_before constant bigint := t.read();
  v_stored constant bigint := t.put(variadic p_rows);
  v_read   constant bigint := t.read() - v_before;
begin
  return v_stored || case when v_read > p_each * cardinality(p_rows) then ', ' || v_read || ' rows read' else '' end;
end
$$;
grant execute on all functions in schema t to public;
analyze;

set session authorization hadir_intake;
select is(t.stored(1, t.batch(1, 10)), '10', 'the first rows: plans are made');
select is(t.stored(1, t.batch(11, 500)), '500', 'new rows read nothing');
select is(t.stored(1, t.batch(511, 500)), '500', 'nor do the next, by the same plans');
select is(t.stored(2, t.batch(511, 500)), '0', 'known ones are found by their ids');
select is(t.stored(12, t.again(1, 10)), '10', 'the first repeats by another spool: plans are made');
select is(t.stored(12, t.again(11, 500)), '500', 'the next are found by their keys');
select is(t.stored(12, t.strangers(2001, 10)), '10', 'the first senders nobody enrolled');
select is(t.stored(12, t.strangers(2011, 500)), '500', 'the next read nobody else''s rows');
reset session authorization;

-- Judged by a version that is older than the directory's: what changed since is looked up by person, and by pair and day.
insert into hadir.plan_slot (day, pair, pattern, number) select date '2031-03-02' + n % 3, 1000 + n / 3, 4003, 1 from generate_series(0, 2999) n;
insert into hadir.directory_change (kind, ref, number) select 'person', 10000 + n, 1 from generate_series(1, 3000) n;
update hadir.directory_state set number = 9;
select ('x' || substr(encode(sha256(convert_to(concat_ws(':', i.epoch_base, s.system_identifier, c.timeline_id,
  (select d.oid from pg_database d where d.datname = current_database())), 'UTF8')), 'hex'), 1, 15))::bit(60)::bigint as epoch
  from hadir.instance i, pg_control_system() s, pg_control_checkpoint() c \gset
set session authorization hadir_intake;
select is(t.stored(10, t.batch(3001, 500, jsonb_build_object('directory_epoch', :epoch, 'directory_number', 8))), '500',
  'whether a plan changed since is looked up, too');
reset session authorization;

select * from finish();
rollback;
