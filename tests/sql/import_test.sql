-- Imports list every problem with line, field and reason, and then load nothing.
begin;
select no_plan();
\i tests/town.psql

select results_eq($$select line, field from api.import_units('[
  {"line": 2, "code": "baru", "name": "Baru", "parent": "kota"},
  {"line": 3, "code": null, "name": "X", "parent": "kota"},
  {"line": 4, "code": "a b", "name": "", "parent": "kota"},
  {"line": 5, "code": "baru", "name": "Lagi", "parent": "kota"},
  {"line": 6, "code": "yatim", "name": "Yatim", "parent": "entah"},
  {"line": 7, "code": "asing", "name": "Asing", "government": "entah"},
  {"line": 8, "code": "silang", "name": "Silang", "parent": "kota", "government": "timur"},
  {"line": 9, "code": "akar", "name": "Akar"}, {"line": 10, "code": "loket", "name": "Loket", "parent": "kota", "service": "umum"}]', '2025-12-29')$$,
  $$values (3, 'code'), (4, 'code'), (4, 'name'), (5, 'code'), (6, 'government'), (6, 'parent'), (7, 'government'), (8, 'government'), (9, 'government'), (10, 'service')$$,
  'units: every problem, in order');
select results_eq($$select line, field from api.import_units('[
  {"line": 2, "code": "dinas-a", "name": "Dinas A", "parent": "bidang-a1"}]', '2025-12-29')$$, $$values (2, 'parent')$$, 'units: a loop is seen');
select is_empty($$select * from api.import_units('[
  {"line": 3, "code": "seksi", "name": "Seksi", "parent": "bagian"}, {"line": 2, "code": "bagian", "name": "Bagian", "parent": "dinas-b"}]', '2025-12-29')$$,
  'units: a parent may come later in the file');
reset session authorization;
select is((select count(*) from hadir.unit), 8::bigint, 'only the good file was loaded');
select results_eq($$select a.code from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor join hadir.unit d on d.id = c.descendant
  where d.code = 'seksi' order by c.depth$$, $$values ('seksi'), ('bagian'), ('dinas-b'), ('kota')$$, 'the closure follows');
set session authorization hadir_admin;
select is_empty($$select * from api.import_units('[{"line": 2, "code": "bagian", "name": "Bagian", "parent": "dinas-a"}]', '2025-12-29')$$, 'a unit moves');
reset session authorization;
select results_eq($$select a.code from hadir.unit_closure c join hadir.unit a on a.id = c.ancestor join hadir.unit d on d.id = c.descendant
  where d.code = 'seksi' order by c.depth$$, $$values ('seksi'), ('bagian'), ('dinas-a'), ('kota')$$, 'with what is below it');
set session authorization hadir_admin;

-- NIP shapes.
reset session authorization;
select is(hadir.nip_problem(n) is null, good, 'NIP ' || n) from (values
  ('198001012005011001', true), ('200001012025212014', true), ('199502292020121001', false), ('198001012005131001', false),
  ('198001012005013001', false), ('198001012005011000', false), ('19800101200501100', false), ('1980010120050110011', false),
  ('198001011990011001', false), ('1980010120050110O1', false), ('198001012005211001', true)) v (n, good);
set session authorization hadir_admin;
select results_eq($$select line, field from api.import_people('[
  {"line": 2, "nip": "198001012005011009", "name": "Baik", "category": "PNS", "unit": "dinas-a", "from": "2025-01-01"},
  {"line": 3, "nip": "123", "name": "", "category": "HONORER", "unit": "entah", "from": "2025-02-30"},
  {"line": 4, "nip": "198001012005011009", "name": "Ganda", "category": "PNS", "unit": "dinas-a", "from": "2025-01-01"},
  {"line": 5, "nip": null, "name": "X", "category": null, "unit": null, "from": null, "echelon": "II.b"},
  {"line": 6, "nip": "198001012005011001", "name": "Pegawai 1", "category": "PNS", "unit": "dinas-b", "from": "2019-01-01"},
  {"line": 7, "nip": "198001012005011004", "name": "Pegawai 4", "category": "PNS", "unit": "dinas-b", "from": "2026-01-01"}]', '2025-12-29')$$,
  $$values (3, 'category'), (3, 'from'), (3, 'name'), (3, 'nip'), (3, 'unit'), (4, 'nip'), (5, 'category'), (5, 'echelon'), (5, 'from'), (5, 'nip'), (5, 'unit'), (6, 'from'), (7, 'unit')$$,
  'people: every problem');
select is((select reason from api.import_people('[{"line": 3, "nip": "198001012005011009", "name": "A", "category": "PNS", "unit": "entah", "from": "2025-01-01"}]', '2025-12-29')),
  'unit entah tidak dikenal', 'in words');
reset session authorization;
select is((select count(*) from hadir.person), 5::bigint, 'nobody was loaded');
select is((select count(*) from hadir.posting), 5::bigint, 'no posting changed');
set session authorization hadir_admin;
select is_empty($$select * from api.import_people('[{"line": 2, "nip": "198001012005011001", "name": "Pegawai Satu", "category": "PNS", "unit": "dinas-b", "from": "2026-01-15"}]', '2025-12-29')$$, 'a move');
select is_empty($$select * from api.import_people('[{"line": 2, "nip": "198001012005011001", "name": "Pegawai Satu", "category": "PNS", "unit": "dinas-b", "from": "2026-01-15"}]', '2025-12-29')$$, 'the same file again');
reset session authorization;
select results_eq($$select u.code, o.valid_from, o.valid_to from hadir.posting o join hadir.unit u on u.id = o.unit join hadir.person p on p.id = o.person
  where p.nip = '198001012005011001' order by 2$$, $$values ('bidang-a1', date '2020-01-01', date '2026-01-14'), ('dinas-b', '2026-01-15', null)$$, 'makes one new posting, the past stays');
select is((select name from hadir.person where nip = '198001012005011001'), 'Pegawai Satu', 'and the name is brought up to date');

-- What a unit serves and a person's echelon: a file that has no such column leaves them, an empty cell takes them away.
create function pg_temp.said() returns text language sql as $$
  select u.service || ' ' || p.echelon from hadir.unit u, hadir.person p where u.code = 'dinas-b' and p.nip = '198001012005011003'
$$;
create function pg_temp.load(p_unit text, p_person text) returns setof text language sql as $$
  select r.field || ': ' || r.reason from api.import_units(jsonb_build_array('{"line": 2, "code": "dinas-b", "name": "Dinas B", "kind": "opd", "parent": "kota"}'::jsonb || p_unit::jsonb), '2025-12-29') r
  union all
  select r.field || ': ' || r.reason from api.import_people(jsonb_build_array('{"line": 2, "nip": "198001012005011003", "name": "Pegawai 3", "category": "PNS", "unit": "dinas-b", "from": "2020-01-01"}'::jsonb || p_person::jsonb), '2025-12-29') r
$$;
grant execute on all functions in schema pg_temp to public;
set session authorization hadir_admin;
select is_empty($$select pg_temp.load('{"service": "public"}', '{"echelon": "II"}')$$, 'a service and an echelon');
select is_empty($$select pg_temp.load('{}', '{}')$$, 'a file without these columns');
reset session authorization;
select is(pg_temp.said(), 'public II', 'leaves them');
set session authorization hadir_admin;
select is_empty($$select pg_temp.load('{"service": null}', '{"echelon": null}')$$, 'empty cells');
reset session authorization;
select ok(pg_temp.said() is null and (select echelon from hadir.person where nip = '198001012005011003') = '', 'take them away');
set session authorization hadir_admin;

select results_eq($$select line, field from api.import_fences('[
  {"line": 1, "code": "f", "name": "F", "kind": "office", "unit": "dinas-b", "shape": "0102"},
  {"line": 2, "code": "g", "name": "", "kind": "kolam", "unit": "entah", "shape": "xyz"},
  {"line": 3, "code": "f", "name": "F", "kind": "office", "unit": "dinas-b", "shape": "01"},
  {"line": 4, "code": "h", "name": "H", "kind": "home", "unit": "dinas-b", "shape": "01"},
  {"line": 5, "code": "i", "name": "I", "kind": "area", "shape": "01"},
  {"line": 6, "code": "j", "name": "J", "kind": "office", "government": "kota", "shape": "01"}]', '2025-12-29')$$,
  $$values (2, 'kind'), (2, 'name'), (2, 'shape'), (2, 'unit'), (3, 'code'), (4, 'nip'), (5, 'government'), (6, 'unit')$$, 'fences: every problem');
select is_empty($$select * from api.import_fences('[{"line": 1, "code": "k-a", "name": "Kantor A", "kind": "office", "unit": "dinas-a", "shape": "0209"}]', '2025-12-29')$$, 'another shape');
select is_empty($$select * from api.import_fences('[{"line": 1, "code": "k-a", "name": "Kantor A baru", "kind": "office", "unit": "dinas-a", "shape": "0209"}]', '2025-12-29')$$, 'another name');
reset session authorization;
select results_eq($$select f.version, f.name, count(v)::int from hadir.fence f join hadir.fence_version v on v.fence = f.id where f.code = 'k-a' group by 1, 2$$,
  $$values (2, 'Kantor A baru', 2)$$, 'a new version for a new shape only');
set session authorization hadir_admin;

select results_eq($$select line, field from api.import_calendar('[
  {"line": 2, "day": "2028-02-29", "kind": "LN", "name": "Baik", "dated": "2027-09-01"},
  {"line": 3, "day": "2027-02-29", "kind": "XX", "name": "", "dated": "2027-09-31"},
  {"line": 4, "day": "2028-02-29", "kind": "LN", "name": "Ganda", "dated": "2027-09-01"},
  {"line": 5, "day": "2028-01-01", "kind": "LN", "name": "N", "dated": "2027-09-01", "government": "kota"},
  {"line": 6, "day": "2028-01-02", "kind": "REGIONAL", "name": "D", "dated": "2027-09-01"}]', '2025-12-29')$$,
  $$values (3, 'dated'), (3, 'day'), (3, 'kind'), (3, 'name'), (4, 'day'), (5, 'government'), (6, 'government')$$, 'calendar: every problem');
select results_eq($$select line, field from api.import_hours('[
  {"line": 2, "unit": "entah", "valid_from": "x", "valid_to": "2025-01-01", "weekdays": "0-5", "session": "Pagi", "counts_as": "masuk", "accept_from": "25", "accept_until": "12:00"},
  {"line": 3, "unit": "dinas-a", "valid_from": "2025-01-01", "weekdays": "1-5", "session": "pagi", "counts_as": "in", "accept_from": "08:00", "due": "07:30", "on_time_until": "09:00", "accept_until": "12:00"}]', '2025-12-29')$$,
  $$values (2, 'accept_from'), (2, 'counts_as'), (2, 'due'), (2, 'on_time_from'), (2, 'session'), (2, 'unit'), (2, 'valid_from'), (2, 'weekdays'), (3, 'accept_from')$$,
  'hours: every problem');
select throws_ok($$select * from api.import_units('{}', '2025-12-29')$$, '22023', null, 'not an array');
select throws_ok($$select api.government_add('x', 'X', 'Asia/Nowhere', null)$$, '22023', null, 'an unknown zone is refused');
select is(api.government_add('kota', 'Kota Contoh Baru', 'Asia/Makassar', null), api.government_add('kota', 'Kota Contoh', 'Asia/Makassar', null),
  'a known government keeps its id');
reset session authorization;
select is((select phone_number_id from hadir.government where code = 'kota'), '1000001', 'and its number');
select * from finish();
rollback;
