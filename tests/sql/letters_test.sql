-- Letters and shift lists: how they are filed, what they breach, who confirms them, what they do to the plan.
begin;
\ir derive_fixture.psql
select no_plan();

-- ---- the class of service a unit has
update hadir.unit set service = 'public' where code = 'A';
select is((select string_agg(code || ' ' || serves, ', ' order by code) from hadir.unit where government = 1),
  'A public, A1 public, B administration, R administration', 'a unit serves as the nearest above it does');
update hadir.unit set service = 'support' where code = 'R';
update hadir.unit set parent = 13 where code = 'A1';
select is((select string_agg(code || ' ' || serves, ', ' order by code) from hadir.unit where government = 1),
  'A public, A1 support, B support, R support', 'also after a move');
update hadir.unit set service = null;
update hadir.unit set parent = 11 where code = 'A1';
select is((select count(*) from hadir.unit where serves <> 'administration'), 0::bigint, 'at the top administration');

-- ---- a town for letters: unit C with ten people 401 … 410 (401 its head), C1 below with 411 … 413; D serves the public, with
-- 421. Monday to Friday; 10 March 2031 is a Monday, Wednesday the 12th a holiday.
insert into hadir.unit (id, government, code, name, parent, service) overriding system value
values (14, 1, 'C', 'Unit C', 10, null), (15, 1, 'C1', 'Unit C1', 14, null), (16, 1, 'D', 'Unit D', 10, 'public');
insert into hadir.person (id, government, nip, name, category, echelon) overriding system value
select p, 1, lpad(p::text, 18, '9'), 'Pegawai ' || p, case when p = 410 then 'PPPK' else 'PNS' end,
       case when p = 401 then 'II' else '' end
from unnest(array[401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 421]) p;
insert into hadir.posting (person, unit, valid_from)
select p, case when p <= 410 then 14 when p <= 413 then 15 else 16 end, '2031-01-01'
from unnest(array[401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 421]) p;
insert into hadir.posting (person, unit, valid_from, kind) values (401, 14, '2031-01-01', 'head');
insert into hadir.working_hours (id, government, valid_from, weekdays, shift) overriding system value
values (1, 1, '2031-01-01', '{1,2,3,4,5}', null), (2, 1, '2031-01-01', '{1}', 'malam'), (9, 1, '2031-01-01', '{1}', 'lepas');
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
values (2, 'masuk', 'Masuk', 'in', '20:00', '20:00', '21:00', '21:01', '23:00');
insert into hadir.calendar_day (government, day, kind, name, dated) values (1, '2031-03-12', 'REGIONAL', 'Hari Contoh', '2031-01-01');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (81, 1, 401, 'supervisor', 14, sha256('m'), '2031-01-01'), (82, 1, 402, 'operator', 14, sha256('n'), '2031-01-01'),
  (83, 1, 299, 'supervisor', 10, sha256('o'), '2031-01-01'), (84, 1, 421, 'supervisor', 16, sha256('p'), '2031-01-01');
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');

create function t.nip(p_person int) returns text language sql immutable as $$ select lpad(p_person::text, 18, '9') $$;
create function t.who(p_persons int[], p_from text, p_to text default null) returns jsonb language sql immutable as
$$ select jsonb_agg(jsonb_build_object('nip', t.nip(p), 'from', p_from, 'to', coalesce(p_to, p_from)) order by p) from unnest(p_persons) p $$;
create function t.letter(p_number text, p_place text, p_persons int[], p_from text, p_to text default null, p_more jsonb default '{}')
returns jsonb language sql immutable as
$$ select jsonb_build_object('unit', 'C', 'kind', 'assignment', 'number', p_number, 'dated', '2031-03-01', 'orders',
     jsonb_build_array(jsonb_build_object('place', p_place, 'people', t.who(p_persons, p_from, p_to)))) || p_more $$;
create function t.now() returns timestamptz language sql immutable as $$ select timestamptz '2031-03-05 09:00+08' $$;
-- An answer's problems as 'field: reason'.
create function t.problems(p_answer jsonb) returns text language sql immutable as
$$ select string_agg(p ->> 'field' || ': ' || (p ->> 'reason'), E'\n' order by n)
   from jsonb_array_elements(p_answer -> 'error' -> 'problems') with ordinality e (p, n) $$;
-- Breaches without their words.
create function t.brief(p_breaches jsonb) returns text language sql immutable as
$$ select string_agg(concat_ws(' ', b ->> 'measure', b ->> 'unit', coalesce(b ->> 'day', 'W' || (b ->> 'week')), right(b ->> 'nip', 3),
     (b ->> 'have') || '/' || (b ->> 'limit') || '/' || (b ->> 'base'),
     (select '[' || string_agg(right(x ->> 'nip', 3), ' ') || ']' from jsonb_array_elements(b -> 'people') x)), E'\n' order by n)
   from jsonb_array_elements(p_breaches) with ordinality e (b, n) $$;
create function t.as(p_actor text) returns text language sql as $$ select set_config('hadir.actor', p_actor, true) $$;

create function t.file(p_body jsonb) returns text language sql as $$
  select case when a ? 'error' then t.problems(a) else coalesce(t.brief(a -> 'breaches'), '-') end from api.letter_file(p_body, t.now()) a $$;
create function t.decide(p_number text, p_step text, p_reason text default null) returns text language sql as $$
  select coalesce(a #>> '{error,code}' || coalesce(E'\n' || t.brief(a #> '{error,breaches}'), ''), a ->> 'step')
  from api.letter_decide(jsonb_strip_nulls(jsonb_build_object('letter', (select (l ->> 'letter')::bigint
    from jsonb_array_elements(api.letters('{}', t.now()) -> 'letters') l where l ->> 'number' = p_number), 'step', p_step, 'reason', p_reason)), t.now()) a $$;
-- What the first breach of a letter says, and the places it counts.
create function t.told(p_number text) returns text language sql as $$
  select (a #>> '{breaches,0,text}') || ' ' || (a #>> '{breaches,0,places}') from api.letter_breaches(jsonb_build_object('letter', (
    select (l ->> 'letter')::bigint from jsonb_array_elements(api.letters('{}', t.now()) -> 'letters') l where l ->> 'number' = p_number)), t.now()) a $$;
create function t.now_in(p_unit text, p_from text, p_to text) returns text language sql as $$
  select coalesce(t.brief(api.breaches(jsonb_build_object('unit', p_unit, 'from', p_from, 'to', p_to), t.now()) -> 'breaches'), '-') $$;

create function t.code(p_answer jsonb) returns text language sql immutable as $$ select coalesce(p_answer #>> '{error,code}', p_answer ->> 'status') $$;
grant execute on all functions in schema t to public;

-- ---- filing
set session authorization hadir_admin;
select is(t.problems(api.letter_file('{"kind": "pesta", "dated": "2031-02-30", "orders": [], "x": 1, "unit": "entah"}', t.now())),
  'dated: tanggal harus berbentuk TTTT-BB-HH dan ada di kalender
number: harus diisi
x: tidak dikenal
kind: harus assignment, travel, recall atau roster
orders: harus berisi perintah', 'every problem of a letter is named');
select is(t.problems(api.letter_file(jsonb_build_object('unit', 'C', 'kind', 'assignment', 'number', '1', 'dated', '2031-03-01', 'orders',
  jsonb_build_array('x', jsonb_build_object('place', 'RUMAH', 'shift', 'siang', 'zone', 'Asia/Makassar', 'anywhere', 'ya', 'fences', '["entah", 1, "home-101"]'::jsonb,
    'people', jsonb_build_array(jsonb_build_object('nip', t.nip(402), 'days', '["2031-03-10", "x", "2031-03-10"]'::jsonb),
      jsonb_build_object('nip', '123', 'from', '2031-03-10', 'to', '2031-03-11'),
      jsonb_build_object('nip', t.nip(403)), jsonb_build_object('nip', t.nip(403), 'from', '2031-03-10', 'to', '2031-03-09'),
      jsonb_build_object('nip', t.nip(404), 'from', '2031-03-10', 'to', '2031-03-11', 'weekdays', '[0]'::jsonb),
      jsonb_build_object('nip', t.nip(421), 'days', '["2031-03-10"]'::jsonb))))), t.now())),
  'orders[0]: harus berupa objek JSON
orders[1].anywhere: harus true atau false
orders[1].people[0].days[1]: tanggal harus berbentuk TTTT-BB-HH dan ada di kalender
orders[1].people[2].days: isi days, atau from dan to
orders[1].people[3].to: mendahului from
orders[1].people[4].weekdays: harus angka 1 (Senin) sampai 7
orders[0].place: harus diisi
orders[1].place: harus WFO, WFH, WFA atau DL
orders[1].shift: regu itu tidak ada pada jam kerja
orders[1].zone: hanya untuk perjalanan dinas
orders[1].fences[0]: pagar tidak dikenal
orders[1].fences[1]: pagar tidak dikenal
orders[1].fences[2]: pagar tidak dikenal
orders[1].people[0].days[2]: 999999999999999402 disebut dua kali pada 2031-03-10
orders[1].people[1].nip: NIP tidak dikenal
orders[1].people[5].nip: bukan pegawai unit ini pada 2031-03-10', 'and of its orders and people');
select is(api.letters('{}', t.now()) -> 'letters', '[]', 'and nothing is written');
select is(t.problems(api.letter_file('[]', t.now())), ': harus berupa objek JSON', 'a letter is an object');
select is(t.problems(api.letter_file(t.letter('P/1', 'WFO', '{402}', '2031-03-10', null, '{"kind": "travel"}'), t.now())),
  'orders[0].place: perjalanan dinas hanya DL', 'travel is duty');
select is(t.problems(api.letter_file(t.letter('P/1', 'WFA', '{402}', '2031-03-10', null, '{"kind": "recall"}'), t.now())),
  'orders[0].place: panggilan ke kantor hanya WFO', 'a recall is to the office');
select is(t.problems(api.letter_file(t.letter('P/1', 'WFA', '{402}', '2031-03-10', '2032-04-01'), t.now())),
  'orders[0].people[0].to: paling lama setahun sesudah from', 'a stretch of days is a year at most');

select is(t.problems(api.letter_file(t.letter(repeat('P', 201), 'WFA', '{402}', '2031-03-10'), t.now())),
  'number: paling panjang 200 huruf', 'a number is no essay');
select is(t.problems(api.letter_file(t.letter('P/1', 'WFA', '{}', '2031-03-10', null, '{"orders": [{"place": "WFA", "people":
  [{"nip": "999999999999999402", "days": ["2031-01-02", "2199-01-01"]}]}]}'), t.now())),
  'orders: hari terakhir paling lama 400 hari sesudah yang pertama', 'nor are its days a lifetime');
select is(t.problems(api.letter_file(t.letter('P/1', 'WFA', '{}', '2031-03-10', null, jsonb_build_object('orders',
  jsonb_build_array(jsonb_build_object('place', 'WFA', 'people', (select jsonb_agg(jsonb_build_object('nip', t.nip(402),
    'from', '2031-03-10', 'to', '2032-03-10')) from generate_series(1, 60)))))), t.now())),
  'orders: paling banyak 20000 orang-hari dalam satu surat', 'of too many days no others are told');
-- Shifts that are another unit's, one's own from a day on, or one person's.
reset session authorization;
insert into hadir.working_hours (id, government, unit, person, valid_from, valid_to, weekdays, shift) overriding system value values
  (3, 1, 16, null, '2031-01-01', null, '{1}', 'lain'), (4, 1, 14, null, '2031-03-11', '2031-03-12', '{1}', 'baru'),
  (5, 1, null, 403, '2031-01-01', null, '{1}', 'sendiri');
set session authorization hadir_admin;
select is(t.problems(api.letter_file(t.letter('P/1', null, '{}', '2031-03-10', null, jsonb_build_object('kind', 'roster', 'orders', jsonb_build_array(
  jsonb_build_object('shift', 'lain', 'people', t.who('{402}', '2031-03-10', '2031-03-11')),
  jsonb_build_object('shift', 'baru', 'people', t.who('{403,411}', '2031-03-10', '2031-03-12')),
  jsonb_build_object('shift', 'baru', 'people', t.who('{404}', '2031-03-12', '2031-03-13')),
  jsonb_build_object('shift', 'sendiri', 'people', t.who('{403,405}', '2031-03-17'))))), t.now())),
  'orders[0].people[0].nip: regu lain tidak berlaku bagi NIP 999999999999999402 pada tanggal 2031-03-10
orders[1].people[0].nip: regu baru tidak berlaku bagi NIP 999999999999999403 pada tanggal 2031-03-10
orders[1].people[1].nip: regu baru tidak berlaku bagi NIP 999999999999999411 pada tanggal 2031-03-10
orders[2].people[0].nip: regu baru tidak berlaku bagi NIP 999999999999999404 pada tanggal 2031-03-13
orders[3].people[1].nip: regu sendiri tidak berlaku bagi NIP 999999999999999405 pada tanggal 2031-03-17', 'a shift has hours for each of its people and days');
reset session authorization;
delete from hadir.working_hours where id in (3, 4, 5);
set session authorization hadir_admin;

-- What is left out: shifts are at the office, travel is duty, elsewhere is anywhere unless fences are named.
select is(api.letter_file(t.letter('R/1', null, '{402}', '2031-04-07', null, '{"kind": "roster", "orders": [{"shift": "malam", "people":
  [{"nip": "999999999999999402", "days": ["2031-04-05", "2031-04-06"]}]}, {"place": "WFA", "people": [{"nip": "999999999999999403",
  "from": "2031-04-01", "to": "2031-04-14", "weekdays": [2, 4]}]}]}'), t.now()) ->> 'status', '201', 'a shift list');
select is(api.letter_file(t.letter('T/1', null, '{402}', '2031-04-07', null, '{"kind": "travel", "title": "Rapat", "document": "map 3", "orders":
  [{"zone": "Asia/Jakarta", "fences": ["site"], "people": [{"nip": "999999999999999403", "days": ["2031-04-07"]}]}]}'), t.now()) ->> 'status',
  '201', 'travel with places and a zone of its own');
reset session authorization;
select results_eq($$select l.number, o.place, o.anywhere, o.shift, o.zone, o.fences, string_agg(right(p.nip, 3) || ' ' || a.day, ', ' order by a.day)
  from hadir.letter l join hadir.letter_order o on o.letter = l.id join hadir.assignment a on a.orders = o.id and a.letter = l.id
  join hadir.person p on p.id = a.person group by l.number, o.id order by 1, o.id$$,
  $$values ('R/1', 'WFO', false, 'malam', null, '{}'::bigint[], '402 2031-04-05, 402 2031-04-06'),
           ('R/1', 'WFA', true, null, null, '{}', '403 2031-04-01, 403 2031-04-03, 403 2031-04-08, 403 2031-04-10'),
           ('T/1', 'DL', false, null, 'Asia/Jakarta', '{32}', '403 2031-04-07')$$, 'are kept as rows');
set session authorization hadir_admin;
select is(t.problems(api.letter_file(t.letter('R/1', 'WFO', '{402}', '2031-04-07'), t.now())), 'number: sudah ada surat bernomor itu',
  'a number is used once');
select is(jsonb_path_query_array(api.letters('{"unit": "R", "from": "2031-04-11"}', t.now()), '$.letters[*].number'), '[]', 'letters by day');
select is(jsonb_path_query_array(api.letters('{"unit": "R", "from": "2031-04-10", "status": "filed"}', t.now()), '$.letters[*].number'), '["R/1"]', 'and state');
select is(jsonb_path_query_array(api.letters('{"unit": "A"}', t.now()), '$.letters[*].number'), '[]', 'and unit');
select is(t.problems(api.letters('{"unit": "entah", "status": "x"}', t.now())), 'status: harus filed, confirmed atau revoked', 'questions are checked, too');
select results_eq($$select t.code(a), t.problems(a) from unnest(array[api.letters('{"unit": "entah"}', t.now()),
    api.breaches('{"unit": "entah", "from": "2031-03-10", "to": "2031-03-10"}', t.now()),
    api.letter_file(t.letter('X', 'WFO', '{402}', '2031-04-07', null, '{"unit": "entah"}'), t.now()),
    api.outage_request('{"unit": "entah", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T08:00:00+08:00", "note": "x"}', t.now())]) a$$,
  $$select 'not_found', 'unit: unit tidak dikenal' from generate_series(1, 4)$$, 'an unknown unit is not found, wherever one asks');
select is((api.letters(jsonb_build_object('letter', (api.letters('{"from": "2031-04-10"}', t.now()) #>> '{letters,0,letter}')::bigint), t.now())
  #> '{letters,0}') - 'letter',
  '{"unit": "C", "kind": "roster", "number": "R/1", "dated": "2031-03-01", "title": "", "document": "", "status": "filed",
    "filed_at": "2031-03-05T09:00:00+08:00", "first_day": "2031-04-01", "last_day": "2031-04-10", "people": 2,
    "steps": [{"step": "filed", "at": "2031-03-05T09:00:00+08:00", "capacity": "console"}],
    "orders": [{"place": "WFO", "anywhere": false, "shift": "malam", "people": [{"nip": "999999999999999402", "name": "Pegawai 402", "days": ["2031-04-05", "2031-04-06"]}]},
      {"place": "WFA", "anywhere": true, "people": [{"nip": "999999999999999403", "name": "Pegawai 403", "days": ["2031-04-01", "2031-04-03", "2031-04-08", "2031-04-10"]}]}]}'::jsonb,
  'a letter whole');

-- ---- breaches. Circular S binds C and what is below, not officials of echelon II: elsewhere by letter, three days a week at the
-- office, at most 30 % of a unit elsewhere (down; units of three and less exempt).
reset session authorization;
delete from hadir.assignment;
delete from hadir.letter_order;
delete from hadir.decision;
delete from hadir.letter;
insert into hadir.policy (id, government, number, dated, valid_from, min_office_days, grants) overriding system value
values (51, 1, 'S', '2031-01-02', '2031-01-02', 3, 'letter');
insert into hadir.policy_scope (policy, unit, exclude, echelons) values (51, 14, false, null), (51, 14, true, '{I,II}');
insert into hadir.policy_day (policy, weekdays, place, granted) values (51, '{1,2,3,4,5}', 'WFA', true);
insert into hadir.policy_quota (policy, measure, percent, rounding, base, small) values (51, 'max_elsewhere', 30, 'down', 'posted', 3);
set session authorization hadir_admin;
-- Three of ten are 30 %, and one of three would be none: but three are exempt.
select is(t.file(t.letter('1', 'WFA', '{402,403,404,411}', '2031-03-10')), '-', 'as many as allowed');
select is(t.decide('1', 'confirmed'), 'confirmed', 'are confirmed without a reason');
select is(t.decide('1', 'confirmed'), 'wrong_state', 'once');
-- A fourth on the Monday; on the Tuesday he is alone. The week has four working days (Wednesday is a holiday): two are left for
-- the office, three are asked.
select is(t.file(t.letter('2', 'WFA', '{405}', '2031-03-10', '2031-03-11')),
  'max_elsewhere C 2031-03-10 4/3/10 [402 403 404 405]
min_office_days C W2031-03-10 405 2/3/4', 'a fourth breaches the share, two days his week');
select is(t.now_in('R', '2031-03-01', '2031-03-31'), '-', 'a filed letter does not hold yet');
select is(t.decide('2', 'confirmed'), 'breaches
max_elsewhere C 2031-03-10 4/3/10 [402 403 404 405]
min_office_days C W2031-03-10 405 2/3/4', 'confirming needs a reason');
select is(t.decide('2', 'confirmed', 'banjir'), 'confirmed', 'with a reason it is confirmed');
select is(t.now_in('C', '2031-03-01', '2031-03-31'), 'max_elsewhere C 2031-03-10 4/3/10 [402 403 404 405]
min_office_days C W2031-03-10 405 2/3/4', 'and stays reported');
select is(t.now_in('C', '2031-03-11', '2031-03-11'), 'min_office_days C W2031-03-10 405 2/3/4', 'day by day; a week counts whole');
select is(t.now_in('C1', '2031-03-01', '2031-03-31'), '-', 'not in the unit below');
select is((select b ->> 'text' from jsonb_array_elements(api.breaches('{"unit": "C", "from": "2031-03-10", "to": "2031-03-10"}', t.now()) -> 'breaches') b limit 1),
  'Unit C, 2031-03-10: 4 dari 10 orang di luar kantor (WFH/WFA), paling banyak 3 (S)', 'in words');
select set_config('hadir.language', 'en', true) is not null as set \gset
select is((select b ->> 'text' from jsonb_array_elements(api.breaches('{"unit": "C", "from": "2031-03-10", "to": "2031-03-10"}', t.now()) -> 'breaches') b offset 1),
  'Pegawai 405, week of 2031-03-10: 2 of 4 working days at the office (WFO), at least 3 (S)', 'in either language');
select set_config('hadir.language', 'id', true) is not null as set \gset
reset session authorization;
select results_eq($$select d.step, d.reason, t.brief(d.breaches) from hadir.decision d join hadir.letter l on l.id = d.ref where l.number = '2' order by d.id$$,
  $$values ('filed', '', null), ('confirmed', 'banjir', 'max_elsewhere C 2031-03-10 4/3/10 [402 403 404 405]
min_office_days C W2031-03-10 405 2/3/4')$$, 'reason and breaches are kept');
select results_eq($$select kind, right(p.nip, 3), first_day, last_day from hadir.plan_dirt d join hadir.person p on p.id = d.ref
  where d.kind = 'person' and d.first_day >= '2031-03-01' order by p.nip, d.id$$,
  $$values ('person', '402', date '2031-03-10', date '2031-03-10'), ('person', '403', '2031-03-10', '2031-03-10'), ('person', '404', '2031-03-10', '2031-03-10'),
           ('person', '405', '2031-03-10', '2031-03-11'), ('person', '411', '2031-03-10', '2031-03-10')$$, 'who is confirmed is compiled anew, filed letters are not');
set session authorization hadir_admin;

-- A recall takes one back, and revoking it sends him again.
select is(t.file(t.letter('3', null, '{402,405}', '2031-03-10', null, '{"kind": "recall"}')), '-', 'a recall mends both');
select is(t.decide('3', 'confirmed'), 'confirmed', 'and is confirmed');
select is(t.now_in('C', '2031-03-01', '2031-03-31'), '-', 'nothing is left');
select is(t.decide('3', 'revoked'), 'invalid', 'revoking needs a reason');
select is(t.decide('3', 'revoked', 'batal'), 'revoked', 'revoked');
select is(t.decide('3', 'confirmed'), 'wrong_state', 'for good');
select is(split_part(t.now_in('C', '2031-03-01', '2031-03-31'), ' ', 1), 'max_elsewhere', 'the breach is back');
select is(t.decide('2', 'revoked', 'banjir surut'), 'revoked', 'the other, too');

-- ---- who may be sent, and where
select is(t.file(t.letter('4', 'WFA', '{401}', '2031-03-11')), 'not_eligible C 2031-03-11 401 1/0/1', 'an official of an excluded echelon');
select is(t.file(t.letter('5', 'WFH', '{406}', '2031-03-11')), 'place_not_granted C 2031-03-11 406 1/0/1', 'a place that no circular allows');
select is(t.file(t.letter('6', 'WFA', '{421}', '2031-03-11', null, '{"unit": "D"}')), 'not_eligible D 2031-03-11 421 1/0/1', 'a unit that no circular allows it');
select is(t.told('4'), 'Pegawai 401, 2031-03-11: WFA, padahal tidak termasuk yang diizinkan S (1 dari 1 hari, paling banyak 0) ["WFA"]', 'whom, where');
select is(t.told('5'), 'Pegawai 406, 2031-03-11: WFH tidak diizinkan surat edaran mana pun pada hari itu (1 dari 1 hari, paling banyak 0) ["WFH"]',
  'the place, and how many, in words');
-- S grants elsewhere by letters for each person: a shift list does not give it.
select is(t.file(t.letter('R/2', 'WFA', '{407}', '2031-03-11', null, '{"kind": "roster"}')), 'place_not_granted C 2031-03-11 407 1/0/1',
  'what is granted by letter a shift list does not give');
select is(t.told('R/2'),
  'Pegawai 407, 2031-03-11: WFA menurut S diberikan dengan surat tugas, bukan daftar giliran (1 dari 1 hari, paling banyak 0) ["WFA"]', 'in words, too');
select is(t.file(t.letter('7', 'WFA', '{402}', '2031-03-12')), '-', 'on a holiday nobody is sent anywhere');
select is(t.file(t.letter('8', null, '{401,405,406,407,408,409}', '2031-03-11', null, '{"kind": "travel"}')), '-', 'duty travel is neither');
select is(t.file(t.letter('9', 'WFO', '{401,402}', '2031-03-11')), '-', 'the office needs no circular');
-- A shift on a holiday is work.
select is(t.file(t.letter('10', null, '{406}', '2031-03-12', null, '{"kind": "roster", "orders": [{"shift": "malam", "place": "WFH", "people":
  [{"nip": "999999999999999406", "days": ["2031-03-12"]}]}]}')), 'place_not_granted C 2031-03-12 406 1/0/1', 'on a shift a holiday is a working day');
select is(t.file(t.letter('10a', null, '{406}', '2031-03-11', null, '{"kind": "roster", "orders": [{"shift": "lepas", "place": "WFH", "people":
  [{"nip": "999999999999999406", "days": ["2031-03-11"]}]}]}')), '-', 'on a list''s day off nobody works, hence nobody is elsewhere');

-- ---- a circular in two halves, on top: Tuesday the 18th, at least half at home and half at the office, of those who work; not for
-- services to the public.
reset session authorization;
insert into hadir.policy (id, government, number, dated, valid_from, valid_to, grants) overriding system value
values (52, 1, 'H', '2031-03-01', '2031-03-18', '2031-03-18', 'roster');
insert into hadir.policy_scope (policy, exclude, services) values (52, false, null), (52, true, '{public}');
insert into hadir.policy_day (policy, weekdays, place, granted) values (52, '{1,2,3,4,5}', 'WFH', true);
insert into hadir.policy_quota (policy, measure, percent, rounding, base, services) values
  (52, 'min_wfh', 50, 'down', 'working', '{administration,support}'), (52, 'max_wfh', 60, 'up', 'working', null),
  (52, 'min_wfo', 50, 'nearest', 'posted', null);
set session authorization hadir_admin;
select is(t.now_in('C', '2031-03-17', '2031-03-19'), 'min_wfh C 2031-03-18 0/5/10
min_wfh C1 2031-03-18 0/1/3', 'as long as nobody is sent home, there are too few');
select is(t.now_in('D', '2031-03-17', '2031-03-19'), '-', 'not where it does not bind');
select is(t.file(t.letter('20', null, '{}', '2031-03-18', null, jsonb_build_object('kind', 'roster', 'orders', jsonb_build_array(
  jsonb_build_object('place', 'WFH', 'people', t.who('{401,402,403,404,405,411}', '2031-03-18')),
  jsonb_build_object('place', 'WFO', 'people', t.who('{406,407,408,409,410,412,413}', '2031-03-18')))))), '-', 'half and half; two of three at the office');
select is(t.decide('20', 'confirmed'), 'confirmed', 'the list is confirmed');
select is(t.now_in('C', '2031-03-17', '2031-03-23'), '-', 'and everything holds: S does not count what H decides');
select is(t.file(t.letter('20b', 'WFH', '{402}', '2031-03-18')), '-', 'what a list gives a letter for one person may give, too');
-- Then two at the office go on leave: eight work, half of them is four, half of those posted still five; three at the office.
reset session authorization;
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) values
  (1, 406, 'CT', '2031-03-17', '2031-03-21', 'approved', t.now()), (1, 407, 'CT', '2031-03-18', '2031-03-18', 'approved', t.now()),
  (1, 408, 'CT', '2031-03-18', '2031-03-18', 'requested', t.now());
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at, sessions) values
  (1, 409, 'CT', '2031-03-18', '2031-03-18', 'approved', t.now(), '{pagi}');
set session authorization hadir_admin;
select is(t.now_in('C', '2031-03-17', '2031-03-23'), 'min_wfo C 2031-03-18 3/5/10 [408 409 410]', 'what arises afterwards is reported');
reset session authorization;
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) values
  (1, 410, 'CT', '2031-03-18', '2031-03-18', 'approved', t.now()), (1, 409, 'CT', '2031-03-18', '2031-03-18', 'approved', t.now());
set session authorization hadir_admin;
select is(t.now_in('C', '2031-03-17', '2031-03-23'), 'max_wfh C 2031-03-18 5/4/6 [401 402 403 404 405]
min_wfo C 2031-03-18 1/5/10 [408]', 'each share by its own base and rounding');
-- The same week of somebody who is away most of it: one day is left, one is asked.
select is(t.file(t.letter('21', 'WFA', '{406}', '2031-03-24')), '-', 'a week later he may');
select is(t.file(t.letter('22', 'DL', '{409}', '2031-03-25', '2031-03-28', '{"kind": "travel"}')), '-', 'travel leaves one day, and asks one');

-- ---- at most two days elsewhere, everybody home on Fridays
reset session authorization;
insert into hadir.policy (id, government, number, dated, valid_from, valid_to, max_elsewhere_days) overriding system value
values (53, 1, 'W', '2031-03-02', '2031-03-31', '2031-04-06', 2);
insert into hadir.policy_scope (policy, unit) values (53, 15);
insert into hadir.policy_day (policy, weekdays, place, anywhere, granted) values (53, '{1,2,3,4}', 'WFH', true, true), (53, '{5}', 'WFH', true, false);
set session authorization hadir_admin;
select is(t.file(t.letter('23', 'WFH', '{411,412}', '2031-03-31')), '-', 'one more day at home');
select is(t.file(t.letter('24', 'WFH', '{411,412}', '2031-03-31', '2031-04-01')), 'max_elsewhere_days C1 W2031-03-31 411 3/2/5
max_elsewhere_days C1 W2031-03-31 412 3/2/5', 'two more are too many');
reset session authorization;
select is((select bool_and(o.anywhere) from hadir.letter_order o join hadir.letter l on l.id = o.letter where l.number = '23'), true,
  'at home means anywhere where the circular says so');
select is((select bool_or(o.anywhere) from hadir.letter_order o join hadir.letter l on l.id = o.letter where l.number = '5'), false, 'and nowhere else');
set session authorization hadir_admin;

-- Somebody moves after his letter was filed.
reset session authorization;
update hadir.posting set valid_to = '2031-03-31' where person = 413 and kind = 'main';
insert into hadir.posting (person, unit, valid_from) values (413, 13, '2031-04-01');
set session authorization hadir_admin;
select is(t.file(t.letter('25', 'WFH', '{413}', '2031-03-31', '2031-04-01')), 'orders[0].people[0].nip: bukan pegawai unit ini pada 2031-04-01',
  'who belongs elsewhere on one of the days is no people of the letter');
select is(t.file(t.letter('25', 'WFH', '{412}', '2031-04-03')), '-', 'one more day at home');
reset session authorization;
update hadir.posting set valid_to = '2031-04-02' where person = 412 and kind = 'main';
insert into hadir.posting (person, unit, valid_from) values (412, 13, '2031-04-03');
set session authorization hadir_admin;
select is(t.decide('25', 'confirmed', 'perlu'), 'wrong_state', 'whoever moved since is noticed when it is confirmed');
select is(t.decide('25', 'revoked', 'pindah'), 'revoked', 'the letter can only be revoked');

-- ---- who may
reset session authorization;
create function t.id(p_number text) returns bigint language sql as $$ select id from hadir.letter where number = p_number $$;
select t.id('21') as l21, t.id('22') as l22, t.id('4') as l4, t.id('20') as l20, t.id('6') as l6 \gset
set session authorization hadir_operator;
select t.as('access:82') as set \gset
select is(api.letter_file(t.letter('30', 'WFO', '{403}', '2031-03-25'), t.now()) ->> 'status', '201', 'an operator files');
select is(t.code(api.letter_decide(jsonb_build_object('letter', :l21, 'step', 'confirmed'), t.now())), 'not_yours', 'but does not confirm');
select is(t.problems(api.letter_file(t.letter('31', 'WFO', '{421}', '2031-03-25'), t.now())), 'orders[0].people[0].nip: NIP tidak dikenal', 'whom he may not see he does not know');
select is(t.problems(api.letter_file(t.letter('31', 'WFO', '{421}', '2031-03-25', null, '{"unit": "D"}'), t.now())), 'unit: unit tidak dikenal', 'nor units');
select t.as('access:81') as set \gset
select is(api.letter_decide(jsonb_build_object('letter', :l21, 'step', 'confirmed'), t.now()) ->> 'step', 'confirmed', 'the head confirms');
select is(t.code(api.letter_decide(jsonb_build_object('letter', :l4, 'step', 'confirmed', 'reason', 'mau'), t.now())), 'not_yours', 'but nothing about himself');
select is(t.code(api.letter_decide(jsonb_build_object('letter', :l6, 'step', 'confirmed'), t.now())), 'not_found', 'nor what is not his');
select is(t.code(api.letter_decide('{"letter": 999999, "step": "confirmed"}', t.now())), 'not_found', 'as if there were none');
select t.as('access:83') as set \gset
select is(api.letter_decide(jsonb_build_object('letter', :l4, 'step', 'confirmed', 'reason', 'perlu'), t.now()) ->> 'step', 'confirmed', 'the head above decides about him');
select t.as('device:1101') as set \gset
select is(t.code(api.letter_decide(jsonb_build_object('letter', :l22, 'step', 'confirmed'), t.now())), 'not_found', 'a phone decides nothing');
select is(t.problems(api.letter_file(t.letter('31', 'WFO', '{403}', '2031-03-25'), t.now())), 'unit: unit tidak dikenal', 'and files nothing');
reset session authorization;
select results_eq($$select d.capacity, d.actor, d.person from hadir.decision d join hadir.letter l on l.id = d.ref where l.number in ('4', '21', '30') order by d.id$$,
  $$values ('console', 'hadir', null::bigint), ('console', 'hadir', null), ('operator', 'access:82', 402), ('head', 'access:81', 401), ('head', 'access:83', 299)$$,
  'who did what as what is kept');

-- A delegate of C's head, and 202, who comes from B to C in May.
insert into hadir.posting (person, unit, valid_from, kind) values (403, 14, '2031-03-01', 'delegate');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (85, 1, 403, 'supervisor', 14, sha256('r'), '2031-01-01');
update hadir.posting set valid_to = '2031-04-30' where person = 202 and kind = 'main';
insert into hadir.posting (person, unit, valid_from) values (202, 14, '2031-05-01');
set session authorization hadir_admin;
select is(t.file(t.letter('40', 'WFO', '{401,402}', '2031-04-21')), '-', 'a letter that names the head');
select is(t.file(t.letter('41', 'WFO', '{402,403}', '2031-04-22')), '-', 'one that names his delegate');
select is(t.file(t.letter('42', 'WFO', '{202,402}', '2031-05-02')), '-', 'one of a newcomer');
select is(t.file(t.letter('43', 'WFO', '{202}', '2031-04-30', null, '{"unit": "R"}')), '-', 'one of the town, before he came');
reset session authorization;
select t.id('40') as l40, t.id('41') as l41, t.id('42') as l42 \gset
set session authorization hadir_operator;
select t.as('access:85') as set \gset
select is(t.problems(api.letter_decide(jsonb_build_object('letter', :l40, 'step', 'confirmed'), t.now())),
  'letter: surat ini menyebut orang yang bukan bawahan Anda; atasannya yang memutuskan', 'a delegate confirms nothing about his head');
select is(t.code(api.letter_decide(jsonb_build_object('letter', :l41, 'step', 'confirmed'), t.now())), 'not_yours', 'nor about himself');
select is(api.letter_decide(jsonb_build_object('letter', :l42, 'step', 'confirmed'), t.now()) ->> 'step', 'confirmed', 'but about a newcomer');
select t.as('access:81') as set \gset
select is(api.letter_decide(jsonb_build_object('letter', :l41, 'step', 'confirmed'), t.now()) ->> 'step', 'confirmed', 'the head about his delegate');
select t.as('access:83') as set \gset
select is(api.letter_decide(jsonb_build_object('letter', :l40, 'step', 'confirmed'), t.now()) ->> 'step', 'confirmed', 'and the head above about him');
set session authorization hadir_query;
select t.as('access:72') as set \gset
select is(jsonb_path_query_array(api.letters('{"from": "2031-04-25"}', t.now()), '$.letters[*].number'), '["43"]',
  'a former superior sees letters of his time only');
reset session authorization;

set session authorization hadir_query;
select t.as('access:81') as set \gset
select is(t.brief(api.breaches('{"unit": "C", "from": "2031-03-17", "to": "2031-03-23"}', t.now()) -> 'breaches'),
  'max_wfh C 2031-03-18 5/4/6 [401 402 403 404 405]
min_wfo C 2031-03-18 1/5/10 [408]', 'a head is told the same as the console');
select is(api.letter_breaches(jsonb_build_object('letter', :l20), t.now()) #>> '{breaches,0,measure}', 'max_wfh', 'about one letter, too');
select is(t.problems(api.breaches('{"unit": "D", "from": "2031-03-17", "to": "2031-03-23"}', t.now())), 'unit: unit tidak dikenal', 'but not about others');
select is(t.code(api.letter_breaches(jsonb_build_object('letter', :l6), t.now())), 'not_found', 'nor their letters');
select is(t.problems(api.letter_breaches(jsonb_build_object('letter', :l6), t.now())), 'letter: tidak ada surat nomor ' || :l6, 'in words');
select is(t.problems(api.letters('{"letter": 999999}', t.now())), 'letter: tidak ada surat nomor 999999', 'as of one that is none');
select is(jsonb_path_exists(api.letters('{}', t.now()), '$.letters[*] ? (@.number == "6")'), false, 'which he does not see');
select is(jsonb_path_query_array(api.letters('{}', t.now()), '$.letters[*] ? (@.number == "21")') #> '{0,steps,1}',
  '{"at": "2031-03-05T09:00:00+08:00", "by": "Pegawai 401", "step": "confirmed", "capacity": "head"}', 'but his own, with their steps');
select is(t.problems(api.breaches('{"unit": "C", "from": "2031-03-17", "to": "2031-05-18"}', t.now())), 'to: harus pada atau sesudah from, paling lama 62 hari', 'two months at once');
select t.as('access:84') as set \gset
select is(jsonb_array_length(api.letters('{}', t.now()) -> 'letters'), 1, 'another head sees his one');
select t.as('nobody') as set \gset
select is(api.letters('{}', t.now()) -> 'letters', '[]', 'nobody sees nothing');
select is(t.code(api.letters(jsonb_build_object('letter', :l20), t.now())), 'not_found', 'nor one by its id');
-- A phone: the letters that name its person, and in them him alone.
reset session authorization;
insert into hadir.device (id, government, person, channel, token_hash, enrolled_at) overriding system value
values (1412, 1, 412, 'native', sha256('q'), '2031-01-01');
set session authorization hadir_query;
select t.as('device:1412') as set \gset
select is(jsonb_path_query_array(api.letters('{}', t.now()), '$.letters[*].number'), '["25", "24", "23", "20"]', 'a person sees the letters that name him');
select is(jsonb_path_query_array(api.letters(jsonb_build_object('letter', :l20), t.now()), '$.letters[*].orders[*].people[*].nip'),
  jsonb_build_array(t.nip(412)), 'and himself in them');
select is(t.code(api.letter_breaches(jsonb_build_object('letter', :l20), t.now())), 'not_found', 'not what they breach');
select is(t.problems(api.breaches('{"unit": "C1", "from": "2031-03-17", "to": "2031-03-18"}', t.now())), 'unit: unit tidak dikenal', 'nor anybody''s breaches');

-- ---- two ways to the same places: the compiled plan, and the one that breaches are counted by
reset session authorization;
select hadir.plan_compile('2031-03-03', '2031-04-13', array(select id from hadir.person where id > 400)) > 0 as compiled \gset
select cmp_ok((select count(*) from hadir.plan_day d where d.person > 400 and d.day between '2031-03-03' and '2031-04-13'), '=', 14 * 42::bigint, 'compiled');
select is_empty($$
  select right(p.nip, 3), d.day, q.place, q.policy, w.place, w.policy
  from hadir.plan_day d
  join hadir.plan_pattern q on q.id = d.pattern
  join hadir.person p on p.id = d.person
  left join hadir.places_of(1, '2031-03-03', '2031-04-13', array(select id from hadir.person where id > 400), null) w
    on w.person = d.person and w.day = d.day
  where d.person > 400 and d.day between '2031-03-03' and '2031-04-13'
    and (q.place is distinct from w.place or w.works and q.policy is distinct from w.policy)$$, 'place and circular of every person and day agree');
select * from finish();
rollback;
