-- Leave and other excuses: who asks, who decides, what is refused, and that every step is kept. Asked as the low roles.
begin;
\ir derive_fixture.psql
select no_plan();

-- 299 heads A and belongs there; 102 acts for him 10 … 20 March. 201 leads B by token. 301 heads the town, 302 is BKPSDM, 202 the
-- operator of A. Hours of the town name the sessions.
insert into hadir.person (id, government, nip, name, category) overriding system value values
  (301, 1, '199001012015011301', 'Pegawai 301', 'PNS'), (302, 1, '199001012015011302', 'Pegawai 302', 'PNS');
insert into hadir.posting (person, unit, valid_from, valid_to, kind) values
  (301, 10, '2031-01-01', null, 'main'), (301, 10, '2031-01-01', null, 'head'), (302, 10, '2031-01-01', null, 'main'),
  (299, 11, '2031-01-01', null, 'head'), (102, 11, '2031-03-10', '2031-03-20', 'acting');
update hadir.posting set unit = 11 where person = 299 and kind = 'main';
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (74, 1, 102, 'supervisor', 11, sha256('d'), '2031-01-01'), (76, 1, 301, 'supervisor', 10, sha256('f'), '2031-01-01'),
  (77, 1, 302, 'bkpsdm', 10, sha256('g'), '2031-01-01'), (78, 1, 202, 'operator', 11, sha256('h'), '2031-01-01');
insert into hadir.working_hours (id, government, valid_from, weekdays) overriding system value values (9, 1, '2031-01-01', '{1,2,3,4,5}');
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
values (9, 'pagi', 'Pagi', 'in', '5:00', '5:00', '7:30', '7:31', '11:00'), (9, 'sore', 'Sore', 'out', '13:00', '16:00', '16:00', '22:00', '22:00');

-- Numbers of absences in the order of asking, for the tests to name them.
create table t.known (ids bigint[]);
insert into t.known values ('{}');
create function t.note() returns trigger language plpgsql security definer as $$ begin update t.known set ids = ids || new.id; return null; end $$;
create trigger note after insert on hadir.absence for each row execute function t.note();
create function t.nip(p_person bigint) returns text language sql as $$ select case when p_person > 300 then '199001012015011' || p_person else lpad(p_person::text, 18, '9') end $$;
-- An answer in one line.
create function t.said(p_answer jsonb) returns text language sql as $$
  select coalesce(p_answer #>> '{error,code}' || coalesce(': ' || (select string_agg(p ->> 'field' || ' ' || regexp_replace(p ->> 'reason', 'nomor [0-9]{1,5}$', 'nomor N'), '; ')
    from jsonb_array_elements(p_answer #> '{error,problems}') p), ''), p_answer ->> 'state')
$$;
create function t.ask(p_actor text, p_day date, p_body jsonb) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then t.said(api.absence_request(p_body, t.at(p_day, '9:00'))) end
$$;
create function t.step(p_actor text, p_day date, p_number int, p_step text, p_reason text default null) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then
    t.said(api.absence_decide(jsonb_build_object('absence', (select ids[p_number] from t.known), 'step', p_step, 'reason', p_reason), t.at(p_day, '9:00'))) end
$$;
create function t.list(p_actor text, p_body jsonb default '{}') returns text language plpgsql as $$
declare
  a jsonb;
begin
  perform set_config('hadir.actor', p_actor, true);
  a := api.absences(p_body, '2031-03-03 09:00+08');
  return coalesce((select string_agg(right(x ->> 'nip', 3) || ' ' || (x ->> 'unit') || ' ' || (x ->> 'code') || ' ' || (x ->> 'first_day') || ' ' || (x ->> 'status'), ', ')
    from jsonb_array_elements(a -> 'absences') x), t.said(a));
end
$$;
grant all on all tables in schema t to public;
grant execute on all functions in schema t to public;

-- ---- codes
create temporary table code_file (code text, name text, working text, percent text, needs_document text, valid_from text, max_days text);
\copy code_file from program 'grep -v ^# sql/reference/absence-codes.csv' csv header
select jsonb_agg(to_jsonb(c) || jsonb_build_object('line', 2)) as codes from code_file c \gset
set session authorization hadir_admin;
select is_empty(format('select * from api.import_absence_codes(%L, %L)', :'codes', '2031-01-01'), 'the codes of the file load');
select results_eq($$ select line, field, reason from api.import_absence_codes('[
  {"line": 2, "code": "X Y", "name": "", "working": "maybe", "percent": "101", "needs_document": "ya", "valid_from": "2031-01-01", "max_days": "-1"},
  {"line": 3, "code": "CT", "name": "Cuti", "working": "ya", "percent": "tiga", "needs_document": null, "valid_from": "2031-02-30", "government": "nowhere"},
  {"line": 4, "code": "CS", "name": "Cuti", "working": "ya", "percent": "0", "needs_document": "ya", "valid_from": "2031-01-01", "government": "town"},
  {"line": 5, "code": "CS", "name": "Cuti", "working": "ya", "percent": "0", "needs_document": "ya", "valid_from": "2031-01-01", "government": "town"}]', '2031-01-01') $$,
  $$ values (2, 'code', 'kode harus diisi: huruf dan angka, paling panjang 8'), (2, 'max_days', 'harus bilangan bulat positif, hari kalender; kosong: tanpa batas'),
     (2, 'name', 'nama harus diisi'), (2, 'percent', 'harus persen, 0 sampai 100'), (2, 'working', 'harus ya atau tidak'),
     (3, 'government', 'pemerintah nowhere tidak dikenal'), (3, 'needs_document', 'harus ya atau tidak'), (3, 'percent', 'harus persen, 0 sampai 100'), (3, 'valid_from', 'tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender'),
     (5, 'code', 'kode CS sudah ada di baris 4') $$, 'every problem of a file of codes');
select is_empty($$ select * from api.import_absence_codes('[{"line": 2, "code": "LK", "name": "Lain", "working": "tidak", "percent": "1.5", "needs_document": "tidak", "valid_from": "2031-01-01", "max_days": "3", "government": "town"}]', '2031-01-01') $$,
  'a government''s own code');
select is_empty($$ select * from api.import_absence_codes('[{"line": 2, "code": "DL", "name": "Dinas luar", "working": "ya", "percent": "0", "needs_document": "ya", "valid_from": "2031-01-01", "government": "other"}]', '2031-01-01') $$,
  'one of another government');
select is_empty($$ select * from api.import_absence_codes('[
  {"line": 2, "code": "LP", "name": "Lain-lain", "working": "tidak", "percent": "2", "needs_document": "ya", "valid_from": "2031-07-01", "government": "town"},
  {"line": 3, "code": "LP", "name": "Lain", "working": "tidak", "percent": "1,5", "needs_document": "tidak", "valid_from": "2031-01-01", "government": "town"}]', '2031-01-01') $$,
  'a code with another percent from another day');
reset session authorization;
select results_eq($$ select c.name, p.valid_from, p.percent from hadir.absence_code c join hadir.absence_percent p using (government, code) where c.code = 'LP' order by 2 $$,
  $$ values ('Lain-lain', date '2031-01-01', 1.5), ('Lain-lain', '2031-07-01', 2) $$, 'both percents are kept, and its latest name');
set session authorization hadir_admin;

select results_eq($$ select line, field, reason from api.import_absence_codes('[
  {"line": 2, "code": "LM", "name": "Lama", "working": "tidak", "percent": "0", "needs_document": "tidak", "valid_from": "2031-01-01", "max_days": "1502", "government": "town"}]', '2031-01-01') $$,
  $$ values (2, 'max_days', 'paling banyak 1501: seribu lima ratus hari sesudah yang pertama') $$, 'a code allows no more days than an absence may have');

-- ---- asking
set session authorization hadir_operator;
select is(t.ask('device:1101', '2031-03-03', '{"code": "CT", "first_day": "2031-03-04", "last_day": "2031-03-06"}'), 'requested', 'a person asks for himself');        -- 1
select is(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-06"}'),
  'invalid: first_day bertumpang tindih dengan CT 2031-03-04–2031-03-06 (nomor ' || (select ids[1] from t.known) || ')', 'not twice for the same day');
select is(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-07", "sessions": ["pagi"]}'), 'requested', 'a single session');   -- 2
select is(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-07", "sessions": ["sore"]}'), 'requested', 'and the other');      -- 3
select matches(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-07", "sessions": ["sore", "pagi"]}'), 'bertumpang tindih', 'but not one of them again');
select matches(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-07"}'), 'bertumpang tindih', 'nor the whole day');
select is(t.ask('device:1102', '2031-03-03', '{"code": "CS", "first_day": "2031-03-03", "last_day": "2031-03-01"}'),
  'invalid: last_day tidak boleh sebelum hari pertama; document Cuti sakit memerlukan nomor surat atau dokumen', 'a document is missing, and days are upside down');
select is(t.ask('device:1102', '2031-03-03', '{"code": "LK", "first_day": "2031-03-03", "last_day": "2031-03-06"}'), 'invalid: last_day Lain paling lama 3 hari kalender', 'a day too long');
select is(t.ask('device:1102', '2031-03-03', '{"code": "LK", "first_day": "2031-03-03", "last_day": "2031-03-05"}'), 'requested', 'as long as may be');      -- 4
select is(t.ask('device:1102', '2031-03-03', '{"code": "CT", "first_day": "2032-03-03", "last_day": "2036-04-12"}'), 'invalid: last_day lebih dari 1500 hari', 'years');
-- A code from before its days were bounded.
reset session authorization;
insert into hadir.absence_code (government, code, name, needs_document, max_days) values (1, 'LM', 'Lama', false, 3000);
set session authorization hadir_operator;
select is(t.ask('device:1102', '2031-03-03', '{"code": "LM", "first_day": "2032-03-03", "last_day": "2036-04-12"}'), 'invalid: last_day lebih dari 1500 hari', 'whatever the code allows');
select is(t.ask('device:1102', '2031-03-03', '{"code": "CT", "first_day": "2030-03-01"}'), 'invalid: first_day terlalu lama berlalu; paling awal 2030-03-02; first_day pegawai tidak mempunyai unit pada hari itu',
  'long ago, and before he came');
select is(t.ask('device:1102', '2031-03-03', '{"code": "ZZ", "first_day": "2031-03-10", "sessions": ["pagi", "malam"], "colour": 1}'),
  'invalid: colour tidak dikenal; code kode tidak dikenal; sessions sesi malam tidak dikenal', 'unknown code, session and member');
select is(t.ask('device:1102', '2031-03-03', '{"code": "CT", "first_day": "2031-03-10", "sessions": []}'), 'invalid: sessions harus daftar kode sesi', 'no session at all');
select is(t.ask('device:1102', '2031-03-03', '{"code": "CT", "first_day": "2031-03-10", "sessions": [1]}'), 'invalid: sessions harus daftar kode sesi', 'a session that is none');
select is(t.ask('device:1102', '2031-03-03', format('{"nip": "%s", "code": "CT", "first_day": "2031-03-10"}', t.nip(101))::jsonb), 'invalid: nip NIP tidak dikenal', 'not for somebody else');
select is(t.ask('nobody', '2031-03-03', '{"code": "CT", "first_day": "2031-03-10"}'), 'invalid: nip NIP tidak dikenal', 'nobody asks nothing');
select is(t.ask('access:78', '2031-03-03', format('{"nip": "%s", "code": "CS", "first_day": "2031-03-03", "number": "SKD-1"}', t.nip(103))::jsonb), 'requested', 'an operator for his people'); -- 5
select is(t.ask('access:78', '2031-03-03', format('{"nip": "%s", "code": "CS", "first_day": "2031-03-03", "number": "SKD-1"}', t.nip(201))::jsonb), 'invalid: nip NIP tidak dikenal', 'and not for others');
select is(t.ask('access:71', '2031-03-03', '{"code": "CT", "first_day": "2031-03-10", "last_day": "2031-03-20"}'), 'requested', 'a head for himself'); -- 6
select is(t.ask('device:1201', '2031-03-03', '{"code": "CT", "first_day": "2031-03-05"}'), 'requested', 'somebody of B'); -- 7

-- ---- deciding
select is(t.step('access:72', '2031-03-03', 1, 'approved'), 'not_found: absence tidak ada ketidakhadiran nomor N', 'another unit''s head finds nothing');
select is(t.step('device:1102', '2031-03-03', 1, 'approved'), 'not_found: absence tidak ada ketidakhadiran nomor N', 'nor a colleague');
select is(t.step('device:1101', '2031-03-03', 1, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'nobody decides about himself');
select is(t.step('access:78', '2031-03-03', 1, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'an operator decides nothing');
select is(t.step('access:71', '2031-03-03', 6, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'a head not about himself');
select is(t.step('access:74', '2031-03-12', 6, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'nor whoever stands in for him');
select is(t.step('access:76', '2031-03-03', 6, 'approved'), 'approved', 'his own head does');
select is(t.step('access:74', '2031-03-09', 1, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'before his dates a Plt. does not');
select is(t.step('access:71', '2031-03-10', 1, 'approved'), 'not_yours: absence hanya atasannya yang memutuskan', 'in them the head does not');
select is(t.step('access:74', '2031-03-10', 1, 'approved'), 'approved', 'the Plt. does');
select is(t.step('access:74', '2031-03-10', 1, 'approved'), 'wrong_state: step tidak mungkin: keadaannya disetujui', 'once');
select is(t.step('access:74', '2031-03-10', 4, 'rejected', 'x'), 'not_yours: absence hanya atasannya yang memutuskan', 'and not about himself');
select is(t.step('access:71', '2031-03-03', 2, 'rejected'), 'invalid: reason alasan harus diisi', 'a rejection needs a reason');
select is(t.step('access:71', '2031-03-03', 2, 'rejected', 'apel'), 'rejected', 'and is one with it');
select is(t.step('access:71', '2031-03-03', 2, 'approved'), 'wrong_state: step tidak mungkin: keadaannya ditolak', 'for good');
select is(t.step('access:71', '2031-03-03', 3, 'revoked', 'x'), 'wrong_state: step tidak mungkin: keadaannya diajukan', 'what is not approved cannot be revoked');
select is(t.step('device:1101', '2031-03-03', 3, 'revoked'), 'revoked', 'but withdrawn');
select is(t.step('device:1101', '2031-03-03', 1, 'revoked'), 'not_yours: absence hanya atasannya yang memutuskan', 'unless it is approved');
select is(t.step('access:71', '2031-03-21', 1, 'revoked', 'dibutuhkan'), 'revoked', 'the head, back again, revokes');
select is(t.step('access:77', '2031-03-03', 5, 'approved'), 'approved', 'BKPSDM decides, too');
select is(t.step('access:71', '2031-03-03', 5, 'shelved'), 'invalid: step harus approved, rejected atau revoked', 'a step that is none');
select is(t.said(api.absence_decide('{"absence": 999999, "step": "approved"}', '2031-03-03')), 'not_found: absence tidak ada ketidakhadiran nomor 999999', 'an absence that is none');
select is(t.said(api.absence_decide('{"absence": "1", "steps": "approved"}', '2031-03-03')),
  'invalid: absence harus bilangan bulat positif; step harus diisi; steps tidak dikenal', 'a body that is none');
select is(t.ask('device:1101', '2031-03-03', '{"code": "I", "first_day": "2031-03-07"}'), 'requested', 'what was rejected or withdrawn is in nobody''s way'); -- 8

-- ---- what of it the planner and the reader see
reset session authorization;
select results_eq($$ select step, actor, person, capacity, reason from hadir.decision where subject = 'absence' and ref = (select ids[1] from t.known) order by id $$,
  $$ values ('requested', 'device:1101', 101::bigint, 'self', ''), ('approved', 'access:74', 102, 'acting', ''), ('revoked', 'access:71', 299, 'head', 'dibutuhkan') $$,
  'every step, by whom and as what');
select results_eq($$ select ref, first_day, last_day from hadir.plan_dirt where kind = 'person' and ref in (101, 102, 103, 299) order by id desc limit 4 $$,
  $$ values (103::bigint, date '2031-03-03', date '2031-03-03'), (101, '2031-03-04', '2031-03-06'), (101, '2031-03-04', '2031-03-06'), (299, '2031-03-10', '2031-03-20') $$,
  'approved and revoked ones are compiled again, no others');

set session authorization hadir_query;
select is(t.list('device:1101'), '101 A I 2031-03-07 requested, 101 A I 2031-03-07 revoked, 101 A I 2031-03-07 rejected, 101 A CT 2031-03-04 revoked', 'a person sees his own');
select is(t.list('access:72'), '201 B CT 2031-03-05 requested', 'a head those of his unit');
select is(t.list('access:71', '{"status": "approved"}'), '299 A CT 2031-03-10 approved, 103 A1 CS 2031-03-03 approved', 'approved ones');
select is(t.list('access:71', '{"unit": "A1"}'), '103 A1 CS 2031-03-03 approved', 'of a unit');
select is(t.list('access:71', '{"from": "2031-03-05", "to": "2031-03-06"}'), '101 A CT 2031-03-04 revoked, 102 A LK 2031-03-03 requested', 'of some days');
select is(t.list('access:71', format('{"nip": "%s"}', t.nip(103))::jsonb), '103 A1 CS 2031-03-03 approved', 'of a person');
select is(t.list('access:71', '{"unit": "B"}'), 'not_found: unit unit tidak dikenal', 'not of another unit');
select is(t.list('access:71', format('{"nip": "%s"}', t.nip(201))::jsonb), 'not_found: nip NIP tidak dikenal', 'nor of its people');
select is(t.list('access:71', format('{"nip": "%s", "unit": "A", "from": "2031-03-05", "to": "2031-03-04"}', t.nip(103))::jsonb),
  'invalid: nip unit dan nip tidak boleh diisi bersama; to tidak boleh sebelum from', 'a question that is none');
select is(t.list('nobody'), null, 'nobody sees nothing');
select is((select string_agg(s ->> 'step' || ' ' || coalesce(s ->> 'by', '-') || ' ' || (s ->> 'capacity') || ' ' || (s ->> 'at'), ', ') from jsonb_array_elements(
    (select x -> 'steps' from jsonb_array_elements(api.absences('{"status": "approved"}', '2031-03-03') -> 'absences') x limit 1)) s), null, 'nor its steps');
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is((select string_agg(s ->> 'step' || ' ' || coalesce(s ->> 'by', '-') || ' ' || (s ->> 'capacity') || ' ' || (s ->> 'at'), ', ') from jsonb_array_elements(
    (select x -> 'steps' from jsonb_array_elements(api.absences('{"status": "approved"}', '2031-03-03') -> 'absences') x offset 1 limit 1)) s),
  'requested - operator 2031-03-03T09:00:00+08:00, approved - bkpsdm 2031-03-03T09:00:00+08:00', 'steps, with names of whom one may see');
select throws_ok($$ select api.absence_decide('{}', '2031-03-03') $$, '42501', null, 'the reading role decides nothing');

-- ---- many at once, by the console
set session authorization hadir_admin;
select results_eq(format($$ select line, field, reason from api.import_absences('[
  {"line": 2, "nip": "%s", "code": "CT", "first_day": "2031-04-01", "last_day": "2031-04-03"},
  {"line": 3, "nip": "%s", "code": "CS", "first_day": "2031-04-03", "last_day": null},
  {"line": 4, "nip": "1", "code": null, "first_day": "2031-04-31"},
  {"line": 5, "nip": "%s", "code": "DL", "first_day": "2031-04-03", "last_day": "x", "number": "ST-1"},
  {"line": 6, "nip": "%s", "code": "DL", "first_day": "2020-04-03", "number": "ST-1", "sessions": "pagi  malam"}]', '2031-03-03') $$, t.nip(201), t.nip(201), t.nip(202), t.nip(202)),
  $$ select 3, 'document', 'Cuti sakit memerlukan nomor surat atau dokumen' union all
     select 3, 'first_day', 'bertumpang tindih dengan CT 2031-04-01–2031-04-03 (nomor ' || (select ids[cardinality(ids)] + 1 from t.known) || ')' union all
     values (4, 'code', 'kode harus diisi'), (4, 'first_day', 'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender'), (4, 'nip', 'NIP tidak dikenal'),
     (5, 'last_day', 'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender'),
     (6, 'first_day', 'pegawai tidak mempunyai unit pada hari itu'), (6, 'sessions', 'sesi malam tidak dikenal') $$, 'every problem of a file');
select is((select count(*) from t.known, unnest(ids)), 8::bigint, 'and nothing was loaded');
prepare good as select * from api.import_absences(format('[
  {"line": 2, "nip": "%s", "code": "CT", "first_day": "2031-04-01", "last_day": "2031-04-03"},
  {"line": 3, "nip": "%s", "code": "DL", "first_day": "2031-04-04", "number": "ST-1", "sessions": "sore pagi"}]', t.nip(201), t.nip(201))::jsonb, '2031-03-03 09:00+08');
select is_empty('good', 'a good file loads');
select is_empty('good', 'and again, changing nothing');
select is(t.list('', '{"from": "2031-04-01"}'), '201 B DL 2031-04-04 approved, 201 B CT 2031-04-01 approved', 'approved');
reset session authorization;
select results_eq($$ select step, actor, capacity from hadir.decision where ref in (select ids[9] from t.known union select ids[10] from t.known) $$,
  $$ values ('approved', 'hadir', 'console'), ('approved', 'hadir', 'console') $$, 'by the console');
select is((select sessions from hadir.absence order by id desc limit 1), '{pagi,sore}', 'sessions in order');
set session authorization hadir_admin;
select is(t.ask('', '2031-03-03', format('{"nip": "%s", "code": "CT", "first_day": "2031-01-02"}', t.nip(202))::jsonb), 'requested', 'the console asks for anybody'); -- 11
select is(t.ask('', '2031-03-03', '{"code": "CT", "first_day": "2031-01-02"}'), 'invalid: nip NIP tidak dikenal', 'not for itself');
select is(t.step('', '2031-03-03', 11, 'approved'), 'approved', 'and approves');

-- ---- somebody who moved: the new head decides, the old one has nothing to do with it
reset session authorization;
update hadir.posting set valid_to = '2031-03-31' where person = 202 and kind = 'main';
insert into hadir.posting (person, unit, valid_from) values (202, 11, '2031-04-01');
set session authorization hadir_operator;
select is(t.ask('device:1202', '2031-04-02', '{"code": "CT", "first_day": "2031-04-10"}'), 'requested', 'he asks'); -- 12
select is(t.step('access:72', '2031-04-02', 12, 'approved'), 'not_found: absence tidak ada ketidakhadiran nomor N', 'the old head finds nothing');
select is(t.step('access:71', '2031-04-02', 12, 'approved'), 'approved', 'the new one approves');
set session authorization hadir_query;
select is(t.list('access:72', '{"from": "2031-01-01"}'), '201 B DL 2031-04-04 approved, 201 B CT 2031-04-01 approved, 201 B CT 2031-03-05 requested, 202 B CT 2031-01-02 approved', 'the old head keeps what was in his time');
select * from finish();
rollback;
