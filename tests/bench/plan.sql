-- How long compiling the plan of 200,000 people takes, beside a plain INSERT … SELECT of as many rows of the same width
-- in the same run. Run by a superuser on an empty migrated database: psql -d hadir -f tests/bench/plan.sql
-- (-v people=20000 for a smaller town.)
\set ON_ERROR_STOP on
\if :{?people}
\else
  \set people 200000
\endif
\timing off
set client_min_messages = warning;
set statement_timeout = "120s";
set jit = off;                           -- as the role hadir_planner has it; session authorization does not bring that
\o /dev/null
insert into hadir.government (code, name, zone) values ('bench', 'Kabupaten Ukur', 'Asia/Makassar');
insert into hadir.channel_time select g.id, c, 'fix' from hadir.government g, unnest(array['native', 'owntracks', 'osmand']) c;
insert into hadir.unit (government, code, name, parent)
  select g.id, 'bench', 'Kabupaten', null::bigint from hadir.government g where g.code = 'bench';
insert into hadir.unit (government, code, name, parent)
  select u.government, 'bench-' || n, 'Dinas ' || n, u.id from hadir.unit u, generate_series(1, 40) n where u.code = 'bench';
insert into hadir.unit (government, code, name, parent)
  select u.government, u.code || '-' || n, u.name || ' bagian ' || n, u.id from hadir.unit u, generate_series(1, 25) n
  where u.code like 'bench-%';
insert into hadir.fence (government, code, name, kind, unit)
  select government, code, 'Kantor ' || name, 'office', id from hadir.unit where code like 'bench-%';
insert into hadir.fence_version (fence, version, shape) select id, 1, '\x00' from hadir.fence;
insert into hadir.working_hours (government, valid_from, weekdays)
  select id, date '2025-01-01', array[1, 2, 3, 4, 5] from hadir.government where code = 'bench';
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
  select w.id, s.* from hadir.working_hours w, (values
    ('pagi', 'Pagi', 'in', interval '6:00', interval '6:00', interval '7:30', interval '7:31', interval '12:00'),
    ('sore', 'Sore', 'out', interval '12:00', interval '16:00', interval '16:00', interval '20:00', interval '20:00')) s;
insert into hadir.person (government, nip, name, category)
  select g.id, to_char(date '1970-01-01' + (n % 9000)::int, 'YYYYMMDD') || '201001' || '1' || lpad((n / 9000 + 1)::text, 3, '0'),
         'Pegawai ' || n, (array['PNS', 'PPPK', 'PPPK_PW'])[1 + n % 3]
  from hadir.government g, generate_series(0, :people - 1) n where g.code = 'bench';
insert into hadir.posting (person, unit, valid_from)
  select p.id, u.ids[1 + p.id % cardinality(u.ids)], date '2025-01-01'
  from hadir.person p, (select array_agg(id) as ids from hadir.unit where code like 'bench-%-%') u;
analyze;
\o
\timing on
\echo '# first compilation: every person, the whole window'
set session authorization hadir_planner;
select number > 0 as ok, changed_people, changed_slots, days from api.plan_refresh('2025-12-29 06:50+08', false);
\echo '# the same again, everything: nothing differs'
select changed_people, changed_slots from api.plan_refresh('2025-12-29 06:50+08', true);
reset session authorization;
\timing off
update hadir.session set due = due + interval '30 min', on_time_until = on_time_until + interval '30 min' where code = 'pagi';
\timing on
\echo '# hours moved by half an hour: everybody changes'
set session authorization hadir_planner;
select changed_people, changed_slots from api.plan_refresh('2025-12-29 06:51+08', false);
\echo '# the next day'
select changed_people, changed_slots from api.plan_refresh('2025-12-30 00:00:01+08', false);
reset session authorization;
\timing off
insert into hadir.policy (government, number, dated, valid_from, valid_to)
  select id, 'bench', '2025-12-29', '2025-12-29', '2025-12-31' from hadir.government where code = 'bench';
insert into hadir.policy_day select id, '{1,2,3,4,5}', 'WFA', true, false from hadir.policy where number = 'bench';
insert into hadir.policy_scope (policy, unit) select p.id, u.id from hadir.policy p, hadir.unit u where p.number = 'bench' and u.code in ('bench-1', 'bench-2');
\timing on
\echo '# a circular for two offices in forty: 10,000 of 200,000'
set session authorization hadir_planner;
select changed_people, changed_slots from api.plan_refresh('2025-12-30 00:00:03+08', false);
reset session authorization;
\timing off
update hadir.posting set unit = (select min(id) from hadir.unit where code like 'bench-5-%') where person = (select max(id) from hadir.person);
\timing on
\echo '# one person moved'
set session authorization hadir_planner;
select changed_people, changed_slots from api.plan_refresh('2025-12-30 00:00:04+08', false);
\echo '# nothing to do'
select changed_people from api.plan_refresh('2025-12-30 00:00:06+08', false);
reset session authorization;
\timing off
update hadir.posting set unit = (select min(id) from hadir.unit where code like 'bench-6-%')
where person in (select id from hadir.person order by id limit 10000);
\timing on
\echo '# 10,000 people moved'
set session authorization hadir_planner;
select changed_people, changed_slots from api.plan_refresh('2025-12-30 00:00:07+08', false);
reset session authorization;
\timing off
update hadir.person set category = case category when 'PNS' then 'PPPK' else 'PNS' end;
\timing on
\echo '# everybody changes category: no rule, but every person'
set session authorization hadir_planner;
select changed_people, changed_slots from api.plan_refresh('2025-12-30 00:00:08+08', false);
\echo '# copying the directory''s people'
\o /dev/null
copy (select * from api.directory_person) to stdout;
copy (select * from api.directory_slot) to stdout;
copy (select * from api.directory_pattern) to stdout;
\o
reset session authorization;
\timing off
create table public.bench_plain (person bigint not null, day date not null, unit bigint not null, pattern bigint not null,
  primary key (day, person)) with (fillfactor = 80);
\timing on
\echo '# plain INSERT … SELECT of as many plan_day rows, for comparison'
insert into public.bench_plain select person, day, unit, pattern from hadir.plan_day;
\echo '# how many that were'
select count(*) from public.bench_plain;
\timing off
drop table public.bench_plain;
