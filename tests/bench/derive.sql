-- How long deriving one closed day of 200,000 people with 400,000 placed check-ins takes, beside a plain INSERT … SELECT
-- of as many rows of the same width in the same run; and how long a supervisor waits for the day of one unit among them,
-- a large one and one as most are.
-- As in service: with row security, for hadir_nightly and hadir_query. The plan is written by hand, as the compiler would.
-- Run by a superuser on an empty migrated database: psql -d hadir -f tests/bench/derive.sql
-- (-v people=20000 for a smaller town.)
\set ON_ERROR_STOP on
\if :{?people}
\else
  \set people 200000
\endif
\timing off
set client_min_messages = warning;
set jit = off;
set work_mem = '64MB';
\o /dev/null
begin;
insert into hadir.government (code, name, zone) values ('bench', 'Kabupaten Ukur', 'Asia/Makassar');
insert into hadir.unit (government, code, name, parent)
  select g.id, 'bench', 'Kabupaten', null::bigint from hadir.government g where g.code = 'bench';
insert into hadir.unit (government, code, name, parent)
  select u.government, 'bench-' || n, 'Dinas ' || n, u.id from hadir.unit u, generate_series(1, 40) n where u.code = 'bench';
insert into hadir.unit (government, code, name, parent)
  select u.government, u.code || '-' || n, u.name || ' bagian ' || n, u.id from hadir.unit u, generate_series(1, 25) n
  where u.code like 'bench-%';
insert into hadir.fence (government, code, name, kind, unit)
  select government, code, 'Kantor ' || name, 'office', id from hadir.unit where code like 'bench-%-%';
insert into hadir.fence_version (fence, version, shape) select id, 1, '\x00' from hadir.fence;
insert into hadir.person (government, nip, name, category)
  select g.id, to_char(date '1970-01-01' + (n % 9000)::int, 'YYYYMMDD') || '201001' || '1' || lpad((n / 9000 + 1)::text, 3, '0'),
         'Pegawai ' || n, (array['PNS', 'PPPK', 'PPPK_PW'])[1 + n % 3]
  from hadir.government g, generate_series(0, :people - 1) n where g.code = 'bench';
insert into hadir.posting (person, unit, valid_from)
  select p.id, u.ids[1 + p.id % cardinality(u.ids)], date '2025-01-01'
  from hadir.person p, (select array_agg(id order by id) as ids from hadir.unit where code like 'bench-%-%') u;
-- A unit as most are: of its 200 people 50 stay, the others belong to the next.
update hadir.posting po set unit = n.id
from hadir.unit u, hadir.unit n
where u.code = 'bench-1-2' and n.code = 'bench-1-3' and po.unit = u.id and po.person / 1000 % 4 <> 0;
insert into hadir.access (government, person, role, unit, token_hash, granted_at)
  select u.government, (select min(id) from hadir.person), 'supervisor', u.id, sha256(u.code::bytea), '2025-01-01'
  from unnest(array['bench-1-1', 'bench', 'bench-1-2']) with ordinality c (code, n) join hadir.unit u on u.code = c.code order by c.n;
insert into hadir.ingest_mark (spool, last_seq, complete_to, seen_at)
  values ('00000000-0000-0000-0000-00000000000a', 1, 'infinity', '2025-12-29');

-- The plan of ten days: a pattern per office and day, a pair per office and category.
insert into hadir.plan_pattern (digest, government, day, starts_at, ends_at, place, anywhere, accuracy_cap_m, decides, sessions,
                                fences, hours, calendar)
  select sha256((f.id || ' ' || d)::bytea), f.government, d::date, d at time zone 'Asia/Makassar',
    (d + interval '1 day') at time zone 'Asia/Makassar', 'WFO', false, 100, '{fix,fix,fix,message}', '[]', array[f.id], '{}', '{}'
  from hadir.fence f, generate_series(timestamp '2025-12-21', '2025-12-30', '1 day') d;
insert into hadir.plan_session (pattern, position, government, session, code, label, counts_as, accept_from, on_time_from, due,
                                on_time_until, accept_until)
  select p.id, s.n, p.government, s.n, s.code, s.label, s.counts_as, p.starts_at + s.a, p.starts_at + s.b, p.starts_at + s.c,
    p.starts_at + s.d, p.starts_at + s.e
  from hadir.plan_pattern p, (values
    (1, 'pagi', 'Pagi', 'in', interval '6:00', interval '6:00', interval '7:30', interval '7:31', interval '12:00'),
    (2, 'sore', 'Sore', 'out', interval '12:00', interval '16:00', interval '16:00', interval '20:00', interval '20:00')
  ) s(n, code, label, counts_as, a, b, c, d, e);
insert into hadir.plan_class (unit, category, own)
  select f.unit, c, 0 from hadir.fence f, unnest(array['PNS', 'PPPK', 'PPPK_PW']) c;
insert into hadir.plan_pair (class, next) select id, id from hadir.plan_class;
insert into hadir.plan_slot (day, pair, pattern, number)
  select p.day, r.id, p.id, 1
  from hadir.plan_pair r
  join hadir.plan_class c on c.id = r.class
  join hadir.fence f on f.unit = c.unit
  join hadir.plan_pattern p on p.fences = array[f.id];
insert into hadir.plan_member (person, first_day, last_day, unit, pair)
  select p.id, '2025-12-21', 'infinity', c.unit, r.id
  from hadir.person p
  join hadir.posting po on po.person = p.id
  join hadir.plan_class c on c.unit = po.unit and c.category = p.category
  join hadir.plan_pair r on r.class = c.id;

-- Everybody comes between 6:40 and 7:40 and goes between 15:50 and 16:50; one in forty stands outside the fence.
insert into hadir.checkin (id, spool, seq, government, person, device, channel, fix_at, sent_at, received_at, decided_at,
                           decided_by, first_verdict, first_fence, first_relation, first_inside)
  select gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', p.id * 2 + n.n, p.government, p.id, p.id, 'native', t.at,
    t.at, t.at, t.at, 'fix', 'on_time', f.id, case when p.id / 1000 % 40 = 0 then 'outside' else 'inside' end,
    case when p.id / 1000 % 40 <> 0 then f.id end
  from hadir.person p
  join hadir.posting po on po.person = p.id
  join hadir.fence f on f.unit = po.unit
  cross join generate_series(0, 1) n
  cross join lateral (select (array[timestamptz '2025-12-29 06:40+08', '2025-12-29 15:50+08'])[1 + n.n]
                        + p.id * 7919 % 3600 * interval '1 s' as at) t
  order by t.at;
insert into hadir.placement (checkin, fence, fence_version, relation)
  select c.id, c.first_fence, 1, c.first_relation from hadir.checkin c;
commit;
vacuum analyze;

create schema bench;
grant usage on schema bench to public;
-- A row has its key, as attendance has: keyed and plain are the same table but for who fills it. The heaps have none.
create table bench.keyed as
  select * from hadir.derive((select id from hadir.government where code = 'bench'), '2025-12-29', '2025-12-29') limit 0;
create table bench.heap (like bench.keyed);
create table bench.plain_heap (like bench.keyed);
create unique index on bench.keyed (day, person, position);
create table bench.plain (like bench.keyed including all);
grant insert on bench.keyed, bench.heap to hadir_writer;
-- hadir_nightly derives through functions of hadir_writer, as here.
create function bench.derive(p_table regclass) returns bigint language plpgsql security definer as $$
declare
  v_rows bigint;
begin
  execute format('insert into %s select * from hadir.derive((select id from hadir.government where code = %L), %L, %L)',
                 p_table, 'bench', date '2025-12-29', date '2025-12-29');
  get diagnostics v_rows = row_count;
  return v_rows;
end
$$;
alter function bench.derive(regclass) owner to hadir_writer;
grant execute on function bench.derive(regclass) to hadir_nightly;
\o
set session authorization hadir_nightly;
set work_mem = '64MB';
\timing on
\echo '# one closed day of everybody, derived into a table with its key'
select bench.derive('bench.keyed') as rows;
\timing off
reset session authorization;
\timing on
\echo '# plain INSERT … SELECT of these rows into such a table, for comparison'
insert into bench.plain select * from bench.keyed;
\timing off
\echo '# the same once more'
truncate bench.keyed, bench.plain;
set session authorization hadir_nightly;
\timing on
select bench.derive('bench.keyed') as rows;
\timing off
reset session authorization;
\timing on
insert into bench.plain select * from bench.keyed;
\timing off
\echo '# derived into a table without a key, and a plain INSERT … SELECT of the same'
set session authorization hadir_nightly;
\timing on
select bench.derive('bench.heap') as rows;
\timing off
reset session authorization;
\timing on
insert into bench.plain_heap select * from bench.heap;
\timing off

\echo '# the day of a unit with its 200 people: a session''s first question, then six more'
set session authorization hadir_query;
select set_config('hadir.actor', 'access:1', false) \g /dev/null
\timing on
select count(*), count(*) filter (where state = 'on_time') as on_time from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
\timing off
\echo '# the day of a unit with 50 people'
select set_config('hadir.actor', 'access:3', false) \g /dev/null
\timing on
select count(*), count(*) filter (where state = 'on_time') as on_time from api.presence('bench-1-2', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-2', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-2', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-2', '2025-12-29', '2025-12-29 20:00+08');
\timing off
\echo '# the first unit for somebody whose right covers the whole government, then a dinas of 25 units'
select set_config('hadir.actor', 'access:2', false) \g /dev/null
\timing on
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1', '2025-12-29', '2025-12-29 20:00+08');
\timing off
reset session authorization;
drop schema bench cascade;

-- One person has 20,000 check-ins of this day, of fences that nobody knew: what the planner's calls cost until all are placed,
-- while no statistics know of them, and what a supervisor waits for his unit then. Last, everybody is on the list.
\o /dev/null
begin;
select hadir.partition_ensure('2025-12-29');
insert into hadir.checkin_position (checkin, received_at, government, lat, lon, salt)
  select id, received_at, government, -2.5, 120.3, '\x00' from hadir.checkin;
update hadir.directory_state set number = 1, first_day = '2025-12-21', days = 10;
create temporary table noisy as
  select po.person from hadir.posting po join hadir.unit u on u.id = po.unit where u.code = 'bench-1-1' order by po.person limit 1;
insert into hadir.checkin (id, spool, seq, government, person, device, channel, fix_at, sent_at, received_at, decided_at, decided_by)
  select gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', 10000000 + n, p.government, p.id, p.id, 'native', at, at, at, at, 'fix'
  from noisy x join hadir.person p on p.id = x.person, generate_series(1, 20000) n,
    lateral (select timestamptz '2025-12-29 06:00+08' + n * interval '1.5 seconds' as at) t;
insert into hadir.checkin_position (checkin, received_at, government, lat, lon, salt)
  select id, received_at, government, -2.5, 120.3, '\x00' from hadir.checkin where seq > 10000000;
insert into hadir.placement_dirt (person) select person from noisy;
commit;
create function pg_temp.place_all(out calls int, out placed bigint, out longest_ms numeric, out mean_ms numeric)
language plpgsql as $$
declare
  v_began timestamptz;
  v_rows  jsonb;
begin
  calls := 0; placed := 0; longest_ms := 0; mean_ms := 0;
  loop
    v_began := clock_timestamp();
    select jsonb_agg(jsonb_build_object('checkin', w.checkin, 'fence', w.fence, 'version', w.version, 'relation', 'inside', 'metres', 1))
      into v_rows from api.placements_wanted(200) w;
    calls := calls + 1;
    longest_ms := greatest(longest_ms, round(extract(epoch from clock_timestamp() - v_began) * 1000, 1));
    mean_ms := mean_ms + extract(epoch from clock_timestamp() - v_began) * 1000;
    exit when v_rows is null;
    placed := placed + api.placements_add(v_rows);
  end loop;
  mean_ms := round(mean_ms / calls, 1);
end
$$;
\o
set session authorization hadir_planner;
\echo '# one person with 20,000 check-ins to be placed: calls of api.placements_wanted'
\timing on
select * from pg_temp.place_all();
\timing off
reset session authorization;
set session authorization hadir_query;
select set_config('hadir.actor', 'access:1', false) \g /dev/null
\echo '# the day of his unit'
\timing on
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
select count(*) from api.presence('bench-1-1', '2025-12-29', '2025-12-29 20:00+08');
\timing off
reset session authorization;
insert into hadir.placement_dirt (person) select id from hadir.person on conflict do nothing;
set session authorization hadir_planner;
\echo '# everybody on the list, nothing missing: one call'
\timing on
select count(*) from api.placements_wanted(200);
\timing off
reset session authorization;
select :people - count(*) as people_looked_at from hadir.placement_dirt;
