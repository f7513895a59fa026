-- Corrections, outages, work reports: who asks, who decides, deadlines, states, and that every step is kept. Asked as the low roles.
begin;
\ir derive_fixture.psql
select no_plan();

-- 299 heads A and belongs there; 102 acts for him 5 … 6 March; 103 is his delegate on the 7th. 201 leads B by token. 301 heads the
-- town, 302 is BKPSDM, 202 the operator of A. Corrections are taken for 3 days.
update hadir.government set correction_days = 3 where id = 1;
insert into hadir.person (id, government, nip, name, category) overriding system value values
  (301, 1, '199001012015011301', 'Pegawai 301', 'PNS'), (302, 1, '199001012015011302', 'Pegawai 302', 'PNS');
insert into hadir.posting (person, unit, valid_from, valid_to, kind) values
  (301, 10, '2031-01-01', null, 'main'), (301, 10, '2031-01-01', null, 'head'), (302, 10, '2031-01-01', null, 'main'),
  (299, 11, '2031-01-01', null, 'head'), (102, 11, '2031-03-05', '2031-03-06', 'acting'), (103, 11, '2031-03-07', '2031-03-07', 'delegate');
update hadir.posting set unit = 11 where person = 299 and kind = 'main';
insert into hadir.plan_member (person, first_day, last_day, unit, pair) values (301, '2031-01-01', 'infinity', 10, 101);
insert into hadir.device (id, government, person, channel, token_hash, enrolled_at) overriding system value
values (1301, 1, 301, 'native', sha256('301'), '2031-01-01');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (74, 1, 102, 'supervisor', 11, sha256('d'), '2031-01-01'), (75, 1, 103, 'supervisor', 11, sha256('e'), '2031-01-01'),
  (76, 1, 301, 'supervisor', 10, sha256('f'), '2031-01-01'), (77, 1, 302, 'bkpsdm', 10, sha256('g'), '2031-01-01'),
  (78, 1, 202, 'operator', 11, sha256('h'), '2031-01-01');
select t.store('00000000-0000-0000-0000-00000000000a', t.row(1, 101, t.at('2031-03-04', '7:00'))) \g /dev/null

create table t.known (correction bigint[] default '{}', outage bigint[] default '{}');
insert into t.known default values;
create function t.note() returns trigger language plpgsql security definer as $$
begin
  update t.known set correction = correction || case tg_table_name when 'correction' then array[new.id] else '{}' end,
                     outage = outage || case tg_table_name when 'outage' then array[new.id] else '{}' end;
  return null;
end $$;
create trigger note after insert on hadir.correction for each row execute function t.note();
create trigger note after insert on hadir.outage for each row execute function t.note();
create function t.nip(p_person bigint) returns text language sql as $$ select case when p_person > 300 then '199001012015011' || p_person else lpad(p_person::text, 18, '9') end $$;
create function t.said(p_answer jsonb) returns text language sql as $$
  select coalesce(p_answer #>> '{error,code}' || coalesce(': ' || (select string_agg(p ->> 'field' || ' ' || regexp_replace(p ->> 'reason', 'nomor [0-9]{1,5}$', 'nomor N'), '; ')
    from jsonb_array_elements(p_answer #> '{error,problems}') p), ''), p_answer ->> 'state', p_answer ->> 'status')
$$;
-- Asks as that actor at noon of that day of March: what is a function of corrections or outages.
create function t.ask(p_actor text, p_day int, p_what text, p_body jsonb) returns text language plpgsql as $$
declare
  v_answer jsonb;
begin
  perform set_config('hadir.actor', p_actor, true);
  execute format('select api.%I($1, $2)', p_what) into v_answer using p_body, t.at(date '2031-03-01' + p_day - 1, '12:00');
  return t.said(v_answer);
end
$$;
create function t.correct(p_actor text, p_day int, p_body jsonb) returns text language sql as $$ select t.ask(p_actor, p_day, 'correction_request', p_body) $$;
create function t.step(p_actor text, p_day int, p_number int, p_step text, p_reason text default null) returns text language sql as $$
  select t.ask(p_actor, p_day, 'correction_decide',
    jsonb_build_object('correction', (select correction[p_number] from t.known), 'step', p_step, 'reason', p_reason)) $$;
create function t.outage(p_actor text, p_day int, p_number int, p_step text, p_reason text default null) returns text language sql as $$
  select t.ask(p_actor, p_day, 'outage_decide',
    jsonb_build_object('outage', (select outage[p_number] from t.known), 'step', p_step, 'reason', p_reason)) $$;
create function t.list(p_actor text, p_what text, p_body jsonb default '{}') returns text language plpgsql as $$
declare
  a jsonb;
begin
  perform set_config('hadir.actor', p_actor, true);
  execute format('select api.%I($1, $2)', p_what) into a using p_body, t.at('2031-03-08', '12:00');
  return coalesce((select string_agg(concat_ws(' ', right(x ->> 'nip', 3), x ->> 'unit', x ->> 'day', x ->> 'session', x ->> 'kind', x ->> 'status', x ->> 'counts'), ', ')
    from jsonb_array_elements(a -> p_what) x), case when a ? 'error' then t.said(a) end);
end
$$;
grant all on all tables in schema t to public;
grant execute on all functions in schema t to public;

set session authorization hadir_operator;
-- ---- asking
select is(t.correct('device:1101', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:15:00+08:00", "note": "ponsel tertinggal"}'),
  'requested', 'a person who forgot'); -- 1
select is(t.correct('device:1101', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "device", "claimed_at": "2031-03-03T07:15:00+08:00"}'),
  'invalid: session sudah ada koreksi untuk sesi itu', 'once for a session');
select is(t.correct('device:1101', 4, '{"day": "2031-03-03", "session": "sore", "kind": "device", "claimed_at": "2031-03-03T16:15:00+08:00", "place": "WFH"}'), 'requested',
  'another session, the phone was replaced'); -- 2
select is(t.correct('device:1102', 4, '{"day": "2031-03-03", "session": "malam", "kind": "forgotten", "claimed_at": "2031-03-03T22:00:00+08:00"}'),
  'invalid: session tidak ada sesi itu pada hari tersebut', 'a session that the day does not have');
select is(t.correct('device:1102', 9, '{"day": "2031-03-08", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-08T07:00:00+08:00"}'),
  'invalid: session tidak ada sesi itu pada hari tersebut', 'a Saturday');
select is(t.correct('device:1102', 4, '{"day": "2031-03-02", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-02T07:00:00+08:00"}'),
  'invalid: day tidak ada rencana kerja untuk hari itu', 'a day before the plan');
select matches(t.correct('device:1102', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T16:00:00+08:00"}'),
  '^invalid: claimed_at di luar waktu sesi, 2031-03-03T0.:00:00\+08:00 sampai sebelum 2031-03-03T1.:00:00\+08:00$', 'a time outside the session');
select is(t.correct('device:1102', 4, '{"day": "2031-03-04", "session": "sore", "kind": "forgotten", "claimed_at": "2031-03-04T16:00:00+08:00"}'),
  'invalid: claimed_at belum tiba', 'a time yet to come');
select is(t.correct('device:1102', 4, '{"day": "2031-03-05", "session": "pagi", "kind": "wrong_place", "claimed_at": "2031-03-05T07:00:00+08:00", "colour": 1}'),
  'invalid: colour tidak dikenal; place harus diisi; day belum tiba; claimed_at tidak diisi untuk tempat yang salah; session tidak ada presensi dalam sesi itu', 'everything wrong at once');
select is(t.correct('device:1102', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "guess", "place": "home"}'),
  'invalid: kind harus forgotten, wrong_place atau device; place harus WFO, WFH, WFA atau DL', 'words that are none');
select is(t.correct('device:1102', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten"}'), 'invalid: claimed_at harus diisi', 'when was it?');
select is(t.correct('device:1101', 4, '{"day": "2031-03-04", "session": "pagi", "kind": "wrong_place", "place": "DL", "document": "ST-9"}'), 'requested', 'a check-in at the wrong place'); -- 3
select is(t.correct('device:1102', 4, '{"day": "2031-03-04", "session": "pagi", "kind": "wrong_place", "place": "DL"}'), 'invalid: session tidak ada presensi dalam sesi itu', 'none without a check-in');
select is(t.correct('access:78', 4, format('{"nip": "%s", "day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}', t.nip(102))::jsonb),
  'requested', 'an operator for his people'); -- 4
select is(t.correct('access:78', 4, format('{"nip": "%s", "day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}', t.nip(201))::jsonb),
  'invalid: nip NIP tidak dikenal', 'and for nobody else');
select is(t.correct('device:1103', 6, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}'), 'requested', 'on the last day'); -- 5
select is(t.correct('device:1103', 7, '{"day": "2031-03-03", "session": "sore", "kind": "forgotten", "claimed_at": "2031-03-03T16:20:00+08:00"}'),
  'invalid: day batas pengajuan koreksi 3 hari, yaitu 2031-03-06; hubungi BKPSDM', 'after it');
select is(t.correct('access:71', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}'), 'requested', 'a head for himself'); -- 6
select is(t.correct('device:1301', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}'), 'requested', 'the head of all'); -- 7
set session authorization hadir_admin;
select is(t.correct('', 7, format('{"nip": "%s", "day": "2031-03-03", "session": "sore", "kind": "forgotten", "claimed_at": "2031-03-03T16:20:00+08:00"}', t.nip(103))::jsonb),
  'invalid: note lewat 3 hari: sebutkan alasannya', 'the console may be late, with a reason');
select is(t.correct('', 7, format('{"nip": "%s", "day": "2031-03-03", "session": "sore", "kind": "forgotten", "claimed_at": "2031-03-03T16:20:00+08:00", "note": "surat BKPSDM"}', t.nip(103))::jsonb),
  'requested', 'and is'); -- 8
set session authorization hadir_operator;

-- ---- deciding
select is(t.step('access:72', 4, 1, 'approved'), 'not_found: correction tidak ada koreksi nomor N', 'another unit''s head finds nothing');
select is(t.step('device:1102', 4, 1, 'approved'), 'not_found: correction tidak ada koreksi nomor N', 'nor a colleague');
select is(t.step('device:1101', 4, 1, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'nobody decides about himself');
select is(t.step('access:78', 4, 1, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'an operator decides nothing');
select is(t.step('access:77', 4, 1, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'BKPSDM does not go before the superior');
select is(t.step('access:74', 4, 1, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'a Plt. not before his dates');
select is(t.step('access:71', 5, 1, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'the head not in them');
select is(t.step('access:74', 5, 1, 'approved'), 'approved', 'the Plt. in them');
select is(t.step('access:74', 5, 4, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'not about himself');
select is(t.step('access:74', 7, 2, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'and not after');
select is(t.step('access:75', 7, 2, 'rejected'), 'invalid: reason alasan harus diisi', 'the delegate on his day, with a reason');
select is(t.step('access:75', 7, 2, 'rejected', 'tidak hadir'), 'rejected', 'rejects');
select is(t.step('access:75', 7, 6, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'but not about the head');
select is(t.step('access:76', 7, 6, 'approved'), 'approved', 'his own head does that');
select is(t.step('access:76', 7, 7, 'approved'), 'not_yours: correction hanya atasannya yang memutuskan', 'who has nobody above cannot decide himself');
select is(t.step('access:77', 7, 7, 'approved'), 'approved', 'BKPSDM does');
select is(t.step('access:71', 7, 1, 'approved'), 'wrong_state: step tidak mungkin: keadaannya disetujui', 'not twice');
select is(t.step('access:77', 7, 1, 'confirmed'), 'wrong_state: step tidak mungkin: keadaannya disetujui; pemerintah ini tidak memerlukan konfirmasi', 'no confirmation where none is wanted');
select is(t.step('access:71', 7, 2, 'approved'), 'wrong_state: step tidak mungkin: keadaannya ditolak', 'what was rejected stays so');
select is(t.correct('device:1101', 6, '{"day": "2031-03-03", "session": "sore", "kind": "device", "claimed_at": "2031-03-03T16:15:00+08:00"}'), 'requested', 'but may be asked again'); -- 9
select is(t.step('access:71', 7, 1, 'shelved'), 'invalid: step harus approved, confirmed, rejected atau revoked', 'a step that is none');
select is(t.ask('access:71', 7, 'correction_decide', '{"correction": 999999, "step": "approved"}'), 'not_found: correction tidak ada koreksi nomor 999999', 'a correction that is none');

-- Where nobody is named, neither in the unit nor above, requests do not wait for ever.
select is(t.correct('device:1201', 4, '{"day": "2031-03-03", "session": "pagi", "kind": "forgotten", "claimed_at": "2031-03-03T07:20:00+08:00"}'), 'requested', 'somebody of B'); -- 10
select is(t.step('access:77', 4, 10, 'rejected', 'x'), 'not_yours: correction hanya atasannya yang memutuskan', 'a head of all is enough to go first');
reset session authorization;
update hadir.posting set valid_to = '2031-02-28' where person = 301 and kind = 'head';
set session authorization hadir_operator;
select is(t.step('access:77', 4, 10, 'rejected', 'x'), 'rejected', 'without one BKPSDM does');
reset session authorization;
update hadir.posting set valid_to = null where person = 301 and kind = 'head';

-- ---- where BKPSDM confirms
reset session authorization;
update hadir.government set confirms_corrections = true where id = 1;
set session authorization hadir_operator;
select is(t.step('access:71', 7, 3, 'confirmed'), 'wrong_state: step tidak mungkin: keadaannya diajukan', 'first the superior');
select is(t.step('access:71', 7, 3, 'approved'), 'approved', 'approves');
select is(t.step('access:71', 7, 3, 'confirmed'), 'not_yours: correction hanya BKPSDM yang memutuskan tahap ini', 'BKPSDM confirms, nobody else');
select is(t.step('access:71', 7, 3, 'rejected', 'x'), 'not_yours: correction hanya BKPSDM yang memutuskan tahap ini', 'or rejects');
select is(t.step('access:77', 7, 3, 'confirmed'), 'confirmed', 'confirms');
select is(t.step('access:77', 7, 1, 'rejected', 'tanpa bukti'), 'rejected', 'rejects');
select is(t.step('access:77', 7, 3, 'rejected', 'x'), 'wrong_state: step tidak mungkin: keadaannya disahkan', 'once');
select is(t.step('access:71', 7, 3, 'revoked', 'x'), 'not_yours: correction hanya BKPSDM yang memutuskan tahap ini', 'the superior does not take back what is confirmed');
select is(t.step('device:1101', 7, 9, 'revoked'), 'revoked', 'who asked may withdraw it');
select is(t.step('access:71', 7, 5, 'revoked', 'x'), 'not_yours: correction hanya pemohon yang menariknya kembali', 'nobody else');
select is(t.step('access:76', 7, 6, 'revoked'), 'invalid: reason alasan harus diisi', 'what was approved can be taken back, with a reason');
select is(t.step('access:71', 7, 6, 'revoked', 'x'), 'not_yours: correction hanya atasannya yang memutuskan', 'not by himself');

reset session authorization;
select results_eq($$ select step, actor, person, capacity, reason from hadir.decision where subject = 'correction' and ref = (select correction[1] from t.known) order by id $$,
  $$ values ('requested', 'device:1101', 101::bigint, 'self', ''), ('approved', 'access:74', 102, 'acting', ''), ('rejected', 'access:77', 302, 'bkpsdm', 'tanpa bukti') $$,
  'every step, by whom and as what');
select is((select count(*) from hadir.decision where subject = 'correction'), 10 + 9::bigint, 'and no others');

set session authorization hadir_query;
select is(t.list('device:1101', 'corrections'), '101 A 2031-03-04 pagi wrong_place confirmed true, 101 A 2031-03-03 sore device revoked false, 101 A 2031-03-03 sore device rejected false, 101 A 2031-03-03 pagi forgotten rejected false',
  'a person sees his own');
select is(t.list('access:71', 'corrections', '{"unit": "A1"}'), '103 A1 2031-03-03 sore forgotten requested false, 103 A1 2031-03-03 pagi forgotten requested false', 'a head those of a unit');
select is(t.list('access:71', 'corrections', '{"status": "approved"}'), '299 A 2031-03-03 pagi forgotten approved true', 'approved while nobody wanted confirmation: goes on counting');
select is(t.list('access:71', 'corrections', '{"from": "2031-03-04"}'), '101 A 2031-03-04 pagi wrong_place confirmed true', 'of some days');
select is(t.list('access:72', 'corrections'), '201 B 2031-03-03 pagi forgotten rejected false', 'not those of others');
select is(t.list('access:72', 'corrections', '{"unit": "A"}'), 'not_found: unit unit tidak dikenal', 'nor of their unit');
select is(t.list('nobody', 'corrections'), null, 'nobody sees nothing');
select throws_ok($$ select api.correction_decide('{}', '2031-03-03') $$, '42501', null, 'the reading role decides nothing');

set session authorization hadir_operator;
select is(t.step('access:77', 7, 3, 'revoked', 'ternyata keliru'), 'revoked', 'BKPSDM takes back what it confirmed');
select is(t.step('access:76', 7, 6, 'revoked', 'ternyata keliru'), 'revoked', 'the superior what he approved');
select is(t.correct('device:1101', 6, '{"day": "2031-03-04", "session": "pagi", "kind": "wrong_place", "place": "WFH"}'), 'requested', 'and it may be asked again');

-- ---- outages
set session authorization hadir_operator;
select is(t.ask('access:78', 4, 'outage_request', '{"unit": "A", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T08:00:00+08:00", "note": "jaringan kantor putus"}'), 'requested',
  'an operator reports an outage'); -- 1
select is(t.ask('access:71', 4, 'outage_request', '{"unit": "A1", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T13:00:00+08:00", "note": "listrik"}'), 'requested', 'a head one below'); -- 2
select is(t.ask('access:71', 4, 'outage_request', '{"unit": "A", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T13:00:00+08:00", "note": "listrik"}'), 'requested', 'and of his own unit'); -- 3
select is(t.ask('access:77', 4, 'outage_request', '{"unit": "R", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T08:00:00+08:00", "note": "pemeliharaan"}'), 'requested', 'BKPSDM one of all'); -- 4
select is(t.ask('access:72', 4, 'outage_request', '{"unit": "A", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T08:00:00+08:00", "note": "x"}'), 'not_found: unit unit tidak dikenal', 'not of another unit');
select is(t.ask('device:1101', 4, 'outage_request', '{"unit": "A", "from": "2031-03-04T07:00:00+08:00", "to": "2031-03-04T08:00:00+08:00", "note": "x"}'), 'not_found: unit unit tidak dikenal', 'nor by a phone');
select is(t.ask('access:71', 4, 'outage_request', '{"unit": "A", "from": "2031-03-05T07:00:00+08:00", "to": "2031-03-05T06:00:00+08:00"}'),
  'invalid: note harus diisi; to harus sesudah from; from belum tiba', 'every problem');
select is(t.ask('access:71', 4, 'outage_request', '{"unit": "A", "from": "2031-01-05T07:00:00+08:00", "to": "2031-02-05T07:00:01+08:00", "note": "x"}'), 'invalid: to paling lama 31 hari', 'not for ever');
select is(t.outage('access:72', 4, 1, 'approved'), 'not_found: outage tidak ada gangguan nomor N', 'another unit''s head finds nothing');
select is(t.outage('device:1101', 4, 1, 'approved'), 'not_found: outage tidak ada gangguan nomor N', 'nor a phone');
select is(t.outage('access:71', 4, 1, 'approved'), 'not_yours: outage diputuskan oleh atasan unit itu atau BKPSDM, bukan oleh yang meminta', 'a head not about his own unit');
select is(t.outage('access:71', 4, 2, 'approved'), 'not_yours: outage diputuskan oleh atasan unit itu atau BKPSDM, bukan oleh yang meminta', 'nor what he requested himself');
select is(t.outage('access:76', 4, 1, 'approved'), 'approved', 'the head above does');
select is(t.outage('access:77', 4, 2, 'rejected'), 'invalid: reason alasan harus diisi', 'BKPSDM, too');
select is(t.outage('access:77', 4, 2, 'rejected', 'tidak benar'), 'rejected', 'with a reason');
select is(t.outage('access:71', 4, 3, 'revoked'), 'revoked', 'a request can be withdrawn');
select is(t.outage('access:77', 4, 4, 'approved'), 'not_yours: outage diputuskan oleh atasan unit itu atau BKPSDM, bukan oleh yang meminta', 'BKPSDM not its own either');
select is(t.outage('access:76', 4, 4, 'approved'), 'not_yours: outage diputuskan oleh atasan unit itu atau BKPSDM, bukan oleh yang meminta', 'nor the head of all, about all');
select is(t.outage('access:76', 4, 1, 'revoked', 'keliru'), 'revoked', 'what was approved can be revoked');
select is(t.outage('access:76', 4, 1, 'approved'), 'wrong_state: step tidak mungkin: keadaannya dicabut', 'for good');
set session authorization hadir_admin;
select is(t.outage('', 4, 4, 'approved'), 'approved', 'the console decides');
set session authorization hadir_query;
select is(t.list('access:71', 'outages', '{"unit": "A1"}'), 'approved, A revoked, A1 rejected, A revoked', 'outages of a unit: its own and those above it, without names of what he may not see');
select is(t.list('device:1101', 'outages', '{"status": "approved"}'), 'approved', 'a person sees that there was one');
select is(t.list('device:1101', 'outages', format('{"nip": "%s", "status": "approved"}', t.nip(101))::jsonb), 'approved', 'and that it was his');
select is(t.list('nobody', 'outages'), null, 'nobody sees nothing');

-- ---- work reports
set session authorization hadir_operator;
select is(t.ask('device:1101', 4, 'work_report_send', '{"day": "2031-03-04", "kind": "work_plan", "text": "menyusun laporan"}'), '201', 'a plan');
select is(t.ask('device:1101', 4, 'work_report_send', '{"day": "2031-03-04", "kind": "work_report", "document": "arsip/12"}'), '201', 'a report');
select is(t.ask('device:1101', 4, 'work_report_send', '{"day": "2031-03-10", "kind": "work_plan", "text": "rapat"}'), '201', 'a plan of a day to come');
select is(t.ask('device:1101', 4, 'work_report_send', '{"day": "2031-03-05", "kind": "work_report", "text": "x"}'), 'invalid: day terlalu jauh ke depan', 'no report of a day to come');
select is(t.ask('device:1101', 4, 'work_report_send', '{"day": "2030-03-01", "kind": "diary", "texts": "x"}'),
  'invalid: texts tidak dikenal; kind harus work_plan, work_report atau health_letter; text isi text atau document; day terlalu lama berlalu', 'every problem');
select is(t.ask('access:78', 4, 'work_report_send', format('{"nip": "%s", "day": "2031-03-04", "kind": "health_letter", "document": "SKD-3"}', t.nip(103))::jsonb), '201', 'an operator for his people');
select is(t.ask('access:78', 4, 'work_report_send', format('{"nip": "%s", "day": "2031-03-04", "kind": "health_letter", "document": "SKD-3"}', t.nip(201))::jsonb), 'invalid: nip NIP tidak dikenal', 'and nobody else');
set session authorization hadir_query;
select is(t.list('access:71', 'work_reports', '{"to": "2031-03-04"}'), '103 A1 2031-03-04 health_letter, 101 A 2031-03-04 work_report, 101 A 2031-03-04 work_plan', 'their head sees them');
select is(t.list('device:1101', 'work_reports', '{"kind": "work_plan"}'), '101 A 2031-03-10 work_plan, 101 A 2031-03-04 work_plan', 'and who sent them');
select is(t.list('access:72', 'work_reports'), null, 'nobody else');
select * from finish();
rollback;
