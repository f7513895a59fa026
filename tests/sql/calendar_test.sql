-- The calendar: decrees that supersede each other, days taken back, regional days, periods.
begin;
select no_plan();
set session authorization hadir_admin;
\o /dev/null
select api.government_add('kota', 'Kota Contoh', 'Asia/Makassar', null);
select api.government_add('timur', 'Kabupaten Timur', 'Asia/Jayapura', null);
\o
reset session authorization;

-- ------------------------------------------------------------------------------------------------ what is in force
select id as kota from hadir.government where code = 'kota' \gset
select id as timur from hadir.government where code = 'timur' \gset
insert into hadir.calendar_day (government, day, kind, name, dated) values
  (null, '2030-03-04', 'LN', 'Hari A', '2029-09-01'),
  (null, '2030-03-05', 'CB', 'Cuti A', '2029-09-01'), (null, '2030-03-05', 'WORK', 'Dicabut', '2029-12-01'),
  (null, '2030-03-06', 'LN', 'Hari B', '2029-12-01'), (:kota, '2030-03-06', 'REGIONAL', 'Hari kota', '2029-10-01'),
  (:kota, '2030-03-07', 'REGIONAL', 'Hari kota dua', '2029-10-01'),
  (null, '2030-03-08', 'CB', 'Cuti B', '2029-09-01'), (:timur, '2030-03-08', 'WORK', 'Tetap bekerja', '2029-10-01'),
  (null, '2030-03-11', 'LN', 'Kata pertama', '2029-09-01'), (null, '2030-03-11', 'CB', 'Kata kedua', '2029-12-01'),
  (null, '2030-03-12', 'LN', 'Dua', '2029-09-01'), (null, '2030-03-12', 'CB', 'Satu', '2029-09-01'),
  (null, '2030-03-13', 'LN', 'Lalu libur', '2030-01-01'), (:timur, '2030-03-13', 'WORK', 'Bekerja', '2029-10-01'),
  (null, '2030-03-14', 'WORK', 'Tidak libur nasional', '2030-01-01'), (:kota, '2030-03-14', 'REGIONAL', 'Hari kota tiga', '2029-10-01');
create function pg_temp.off(p_code text) returns text language sql as $$
  select string_agg(to_char(c.day, 'DD') || ' ' || c.names, '; ' order by c.day)
  from hadir.calendar_in_force('2030-03-01', '2030-03-31') c join hadir.government g on g.id = c.government where g.code = p_code
$$;
select is(pg_temp.off('kota'), '04 Hari A; 06 Hari B, Hari kota; 07 Hari kota dua; 08 Cuti B; 11 Kata kedua; 12 Satu, Dua; '
  '13 Lalu libur; 14 Hari kota tiga', 'a national word taken back, a regional one beside it');
select is(pg_temp.off('timur'), '04 Hari A; 06 Hari B; 11 Kata kedua; 12 Satu, Dua; 13 Lalu libur',
  'a government takes a national day back, until a later decree names it');
select is((select array_agg(d.kind order by i.n) from hadir.calendar_in_force('2030-03-12', '2030-03-12') c
           cross join unnest(c.ids) with ordinality i (id, n) join hadir.calendar_day d on d.id = i.id
           where c.government = :kota), '{CB,LN}', 'ids by kind');

insert into hadir.calendar_period (government, kind, name, first_day, last_day, dated) values
  (null, 'PUASA', 'Satu', '2030-01-10', '2030-01-20', '2029-01-01'), (null, 'PUASA', 'Satu', '2030-01-12', '2030-01-21', '2030-01-09'),
  (:kota, 'PUASA', 'Satu', '2030-01-13', '2030-01-13', '2030-01-09'), (:kota, 'PANEN', 'Panen', '2030-01-21', '2030-02-02', '2030-01-01'),
  (null, 'PUASA', 'Dua', '2030-01-20', '2030-01-20', '2029-01-01');
select results_eq($$select g.code, p.kind, min(p.day), max(p.day), count(*)::int from hadir.period_days('2030-01-01', '2030-01-31') p
  join hadir.government g on g.id = p.government group by 1, 2 order by 1, 2$$,
  $$values ('kota', 'PANEN', date '2030-01-21', date '2030-01-31', 11), ('kota', 'PUASA', '2030-01-13', '2030-01-20', 2),
           ('timur', 'PUASA', '2030-01-12', '2030-01-21', 10)$$, 'the latest word about a period; clipped; no day twice');
select is_empty($$select * from hadir.period_days('2031-01-01', '2031-01-31')$$, 'none outside');

-- --------------------------------------------------------------------------------------------------------- imports
delete from hadir.calendar_day;
delete from hadir.calendar_period;
delete from hadir.plan_dirt;
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[
  {"line": 2, "day": "2030-03-04", "kind": "LN", "name": "Hari A", "dated": "2029-09-01", "basis": "SKB 1"},
  {"line": 3, "day": "2030-03-05", "kind": "CB", "name": "Cuti A", "dated": "2029-09-01", "basis": "SKB 1"},
  {"line": 4, "day": "2030-03-07", "kind": "REGIONAL", "name": "Hari jadi", "dated": "2029-10-01", "basis": "SK 2", "government": "kota"}]', '2029-12-01')$$,
  'a decree, and a regional one');
reset session authorization;
select results_eq($$select d.kind, coalesce(g.code, '-'), d.first_day, d.last_day from hadir.plan_dirt d left join hadir.government g on g.id = d.ref order by 3$$,
  $$values ('all', '-', date '2030-03-04', date '2030-03-04'), ('all', '-', '2030-03-05', '2030-03-05'), ('government', 'kota', '2030-03-07', '2030-03-07')$$,
  'its days are dirty, of all governments or of one');
delete from hadir.plan_dirt;
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[
  {"line": 2, "day": "2030-03-04", "kind": "LN", "name": "Hari A", "dated": "2029-09-01", "basis": "SKB 1"}]', '2029-12-01')$$, 'the same again');
reset session authorization;
select is_empty($$select 1 from hadir.plan_dirt$$, 'changes nothing');
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[
  {"line": 2, "day": "2030-03-04", "kind": "LN", "name": "Hari Ah", "dated": "2029-09-01", "basis": "SKB 1"},
  {"line": 3, "day": "2030-03-05", "kind": "WORK", "name": "Cuti A dicabut", "dated": "2029-12-01", "basis": "SKB 3"},
  {"line": 4, "day": "2030-03-06", "kind": "CB", "name": "Cuti A", "dated": "2029-12-01", "basis": "SKB 3"},
  {"line": 5, "day": "2030-03-04", "kind": "WORK", "name": "Tetap bekerja", "dated": "2029-12-02", "basis": "SE 4", "government": "timur"}]', '2029-12-02')$$,
  'an amendment moves a day; a government takes one back; a name is corrected');
reset session authorization;
select is((select count(*) from hadir.calendar_day), 6::bigint, 'the first decree''s rows are all still there');
select is(pg_temp.off('kota'), '04 Hari Ah; 06 Cuti A; 07 Hari jadi', 'the amendment holds');
select is(pg_temp.off('timur'), '06 Cuti A', 'as do the government''s own words');
set session authorization hadir_admin;
select results_eq($$select line, field from api.import_calendar('[
  {"line": 2, "day": "2030-03-04", "kind": "LN", "name": "Hari A", "dated": "2029-09-01", "basis": "SKB lain"},
  {"line": 3, "day": "2030-03-05", "kind": "WORK", "name": "W", "dated": "2029-09-01", "basis": "SKB 1"},
  {"line": 4, "day": "2030-04-01", "kind": "LN", "name": "L", "dated": "2029-09-01"}, {"line": 5, "day": "2030-04-01", "kind": "WORK", "name": "W", "dated": "2029-09-01"},
  {"line": 6, "day": "2030-04-02", "kind": "LN", "name": "L"}]', '2029-12-02')$$,
  $$values (2, 'dated'), (3, 'kind'), (4, 'kind'), (5, 'kind'), (6, 'dated')$$, 'no row of another decree is replaced, no decree contradicts itself');
reset session authorization;
select is((select count(*) from hadir.calendar_day), 6::bigint, 'nothing was loaded');

delete from hadir.plan_dirt;
set session authorization hadir_admin;
select is_empty($$select * from api.import_periods('[
  {"line": 2, "kind": "PUASA", "name": "Puasa 1", "first_day": "2030-01-10", "last_day": "2030-02-08", "dated": "2029-09-01", "basis": "perkiraan"}]', '2029-12-01')$$,
  'an estimated period');
select is_empty($$select * from api.import_periods('[
  {"line": 2, "kind": "PUASA", "name": "Puasa 1", "first_day": "2030-01-10", "last_day": "2030-02-08", "dated": "2029-09-01", "basis": "perkiraan"}]', '2029-12-01')$$,
  'the same file again');
reset session authorization;
select results_eq($$select kind, ref, first_day, last_day from hadir.plan_dirt$$, $$values ('all', 0::bigint, date '2030-01-10', date '2030-02-08')$$,
  'makes its days dirty, once');
delete from hadir.plan_dirt;
set session authorization hadir_admin;
select is_empty($$select * from api.import_periods('[
  {"line": 2, "kind": "PUASA", "name": "Puasa 1", "first_day": "2030-01-11", "last_day": "2030-02-09", "dated": "2030-01-09", "basis": "isbat"}]', '2030-01-09')$$,
  'then it is fixed, a day later');
reset session authorization;
select bag_eq($$select kind, ref, first_day, last_day from hadir.plan_dirt$$,
  $$values ('all', 0::bigint, date '2030-01-10', date '2030-02-08'), ('all', 0, '2030-01-11', '2030-02-09')$$, 'the days it had are dirty, too');
select results_eq(format($$select min(day), max(day), count(*)::int from hadir.period_days('2030-01-01', '2030-12-31') where government = %s$$, :kota),
  $$values (date '2030-01-11', date '2030-02-09', 30)$$, 'the later decree holds');
set session authorization hadir_admin;
select results_eq($$select line, field from api.import_periods('[
  {"line": 2, "kind": "Puasa", "name": "", "first_day": "2030-13-01", "last_day": "x", "government": "entah"},
  {"line": 3, "kind": "PUASA", "name": "Puasa 2", "first_day": "2031-02-01", "last_day": "2031-01-01", "dated": "2029-09-01"},
  {"line": 4, "kind": "PUASA", "name": "Puasa 3", "first_day": "2031-12-20", "last_day": "2032-01-18", "dated": "2031-09-01"},
  {"line": 5, "kind": "PUASA", "name": "Puasa 3", "first_day": "2031-12-21", "last_day": "2032-01-19", "dated": "2031-09-01"},
  {"line": 6, "kind": "PUASA", "name": "Puasa 1", "first_day": "2030-01-12", "last_day": "2030-02-09", "dated": "2030-01-09", "basis": "isbat"},
  {"line": 7, "kind": "PUASA", "name": "Puasa Satu", "first_day": "2030-01-11", "last_day": "2030-02-09", "dated": "2030-01-10"}]', '2030-01-09')$$,
  $$values (2, 'dated'), (2, 'first_day'), (2, 'government'), (2, 'kind'), (2, 'last_day'), (2, 'name'), (3, 'last_day'), (5, 'name'), (6, 'dated'), (6, 'name'), (7, 'name')$$,
  'periods: every problem');
reset session authorization;
select is((select count(*) from hadir.calendar_period), 2::bigint, 'nothing was loaded');

select * from finish();
rollback;
