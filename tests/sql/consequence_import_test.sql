-- Tables of consequences and settings of a government: the reference files load, every problem is listed.
begin;
select no_plan();
\i tests/town.psql
reset session authorization;
create temporary table class_file (counts_as text, code text, from_minutes text, percent text, valid_from text, basis text);
create temporary table step_file (from_days text, consecutive text, level text, sanction text, valid_from text, basis text);
create temporary table rule_file (valid_from text, absent_code text, absent_percent text, monthly_cap text, minutes_per_day text, basis text);
\copy class_file from program 'grep -v ^# sql/reference/minute-classes-permentan-68-2012.csv' csv header
\copy step_file from program 'grep -v ^# sql/reference/discipline-pp-94-2021.csv' csv header
select jsonb_agg(to_jsonb(h) || jsonb_build_object('line', n)) as classes from (select *, row_number() over () as n from class_file) h \gset
\copy rule_file from program 'grep -v ^# sql/reference/consequences-permentan-68-2012.csv; grep ^2 sql/reference/consequences-kepmendagri-900-4700-2020.csv' csv header
select jsonb_agg(to_jsonb(h) || jsonb_build_object('line', n, 'government', (array['kota', 'timur'])[n])) as rules from (select *, row_number() over () as n from rule_file) h \gset
select jsonb_agg(to_jsonb(h) || jsonb_build_object('line', n)) as steps from (select *, row_number() over () as n from step_file) h \gset
truncate class_file;
\copy class_file from program 'grep -v ^# sql/reference/minute-classes-kepmendagri-900-4700-2020.csv' csv header
select jsonb_agg(to_jsonb(h) || jsonb_build_object('line', n, 'government', 'timur')) as eastern
  from (select *, row_number() over () as n from class_file) h \gset

set session authorization hadir_admin;
select is_empty(format('select * from api.import_minute_classes(%L, %L)', :'classes', '2025-12-01'), 'the ministry''s table loads for both governments');
select is_empty(format('select * from api.import_minute_classes(%L, %L)', :'eastern', '2025-12-01'), 'the regional pattern replaces it for one');
select is_empty(format('select * from api.import_discipline(%L, %L)', :'steps', '2025-12-01'), 'the steps of the regulation load');
reset session authorization;
select results_eq($$select g.code, m.code, m.percent from hadir.minute_class m join hadir.government g on g.id = m.government
  where m.code in ('TL3', 'PSW4') order by 1, 2$$,
  $$values ('kota', 'PSW4', 2::numeric), ('kota', 'TL3', 1.5), ('timur', 'PSW4', 1.5), ('timur', 'TL3', 1.25)$$, 'each has its own');
select is((select count(*) from hadir.discipline_step), 20::bigint, 'ten steps for each government');
set session authorization hadir_admin;
select is_empty($$select * from api.import_discipline('[{"line": 2, "from_days": "5", "level": "ringan", "sanction": "teguran", "valid_from": "2027-01-01", "government": "kota"}]', '2025-12-01')$$,
  'a later table');
reset session authorization;
select results_eq($$select (select count(*) from hadir.steps_on(g.id, '2026-12-31')), (select count(*) from hadir.steps_on(g.id, '2027-01-01')), (select count(*) from hadir.steps_on(g.id, '2024-12-31'))
  from hadir.government g order by g.code$$, $$values (10::bigint, 1::bigint, 0::bigint), (10, 10, 0)$$, 'leaves the older as it was, until its first day');
set session authorization hadir_admin;
select is_empty(format('select * from api.import_consequences(%L, %L)', :'rules', '2025-12-01'), 'what an unexcused day costs loads');
select is_empty($$select * from api.import_consequences('[{"line": 2, "valid_from": "2026-07-01", "absent_code": "M", "absent_percent": "2,5", "monthly_cap": "50", "minutes_per_day": "450", "government": "kota"}]', '2025-12-01')$$, 'and what it will cost');
reset session authorization;
select results_eq($$select c.absent_code, c.absent_percent, c.monthly_cap, c.minutes_per_day
  from (values ('kota', date '2024-12-31'), ('kota', '2026-06-30'), ('kota', '2026-07-01'), ('timur', '2026-07-01')) v (code, day)
  join hadir.government g on g.code = v.code cross join lateral hadir.consequence_on(g.id, v.day) c order by v.code, v.day$$,
  $$values ('TK', 0::numeric, 100::numeric, null::int), ('TK', 4, 100, null), ('M', 2.5, 50, 450), ('TK', 3, 100, null)$$, 'each from its day on; before the first TK, and nothing');
set session authorization hadir_admin;
select results_eq($$select line, field from api.import_consequences('[
  {"line": 2, "valid_from": "2026-13-01", "absent_code": "T K", "absent_percent": "101", "monthly_cap": null, "minutes_per_day": "0", "government": "entah"},
  {"line": 3, "valid_from": "2026-01-01", "absent_code": "TK", "absent_percent": "3", "monthly_cap": "100", "government": "kota"},
  {"line": 4, "valid_from": "2026-01-01", "absent_code": "TK", "absent_percent": "3", "monthly_cap": "100", "minutes_per_day": "x"}]', '2025-12-01')$$,
  $$values (2, 'absent_code'), (2, 'absent_percent'), (2, 'government'), (2, 'minutes_per_day'), (2, 'monthly_cap'), (2, 'valid_from'), (4, 'minutes_per_day'), (4, 'valid_from')$$,
  'consequences: every problem');

select results_eq($$select line, field from api.import_minute_classes('[
  {"line": 2, "counts_as": "in", "code": "TL1", "from_minutes": "1", "percent": "1,5", "valid_from": "2026-01-01"},
  {"line": 3, "counts_as": "in", "code": "TL1", "from_minutes": "31", "percent": "1", "valid_from": "2026-01-01"},
  {"line": 4, "counts_as": "masuk", "code": "T L", "from_minutes": "-1", "percent": "101", "valid_from": "2026-02-30"},
  {"line": 5, "counts_as": "in", "code": "TL2", "from_minutes": "31", "percent": "2", "valid_from": "2026-01-01"},
  {"line": 6, "counts_as": "presence", "code": "AP", "from_minutes": "5", "percent": "1", "valid_from": "2026-01-01", "government": "entah"}]', '2025-12-01')$$,
  $$values (3, 'code'), (3, 'percent'), (4, 'code'), (4, 'counts_as'), (4, 'from_minutes'), (4, 'percent'), (4, 'valid_from'), (5, 'from_minutes'),
    (6, 'from_minutes'), (6, 'government')$$,
  'classes: every problem');
select results_eq($$select line, field from api.import_discipline('[
  {"line": 2, "from_days": "3", "level": "ringan", "sanction": "teguran lisan", "valid_from": "2026-01-01"},
  {"line": 3, "from_days": "3", "level": "ringan", "sanction": "teguran lisan", "valid_from": "2026-01-01"},
  {"line": 4, "from_days": "0", "consecutive": "mungkin", "level": null, "sanction": ""},
  {"line": 5, "from_days": "3", "consecutive": "ya", "level": "berat", "sanction": "x", "government": "entah"}]', '2025-12-01')$$,
  $$values (3, 'from_days'), (4, 'consecutive'), (4, 'from_days'), (4, 'level'), (4, 'sanction'), (4, 'valid_from'), (5, 'government'), (5, 'valid_from')$$, 'steps: every problem');
reset session authorization;
select is((select count(*) from hadir.minute_class), 16::bigint, 'nothing of a faulty file was loaded');
set session authorization hadir_admin;

-- Settings.
select results_eq($$select p ->> 'field' from jsonb_array_elements(api.government_set('{"government": "entah", "warna": "biru", "closes_after": "6 jam",
    "confirms_corrections": "mungkin", "default_place": "RUMAH", "accuracy_cap_m": "jauh", "retention_days": "3", "absent_percent": "3",
    "correction_days": "x", "paper": "A5", "letterhead": "1|2|3|4|5|6|7|8|9"}', '2025-12-01') #> '{error,problems}') p where p ->> 'reason' <> ''$$,
  $$values ('absent_percent'), ('accuracy_cap_m'), ('closes_after'), ('confirms_corrections'), ('correction_days'), ('default_place'), ('government'),
    ('letterhead'), ('paper'), ('retention_days'), ('warna')$$, 'all of them are told; what has a date is no setting');
select is(api.government_set('{"government": "kota", "closes_after": "8:30", "confirms_corrections": "ya"}', '2025-12-01') - '{accuracy_cap_m,default_place,retention_days,signing_place,letterhead,paper}'::text[],
  '{"status": 200, "government": "kota", "closes_after": "08:30", "confirms_corrections": true, "correction_days": 5}', 'what is given changes');
select is(api.government_set('{"government": "kota", "correction_days": "3"}', '2025-12-01') - '{accuracy_cap_m,default_place,retention_days,signing_place,letterhead,paper}'::text[],
  '{"status": 200, "government": "kota", "closes_after": "08:30", "confirms_corrections": true, "correction_days": 3}', 'the rest stays');
select is(api.government_set('{"government": "kota", "paper": "A4-landscape", "letterhead": "PEMERINTAH KOTA CONTOH|{unit}"}', '2025-12-01') ->> 'paper', 'A4-landscape', 'paper, too');
select is(api.government_set('{"government": "kota", "correction_days": null}', '2025-12-01') #>> '{error,problems,0,field}', 'correction_days', 'null is no value');
reset session authorization;
select * from finish();
rollback;
