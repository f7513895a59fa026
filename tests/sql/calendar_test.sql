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

select * from finish();
rollback;
