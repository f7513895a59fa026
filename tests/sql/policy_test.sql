-- Circulars from files: every problem with its line, what a file means in words, revisions, removal; and that the plan does
-- what the words say. The files in sql/policies are applied as they stand.
begin;
select no_plan();
\i tests/town.psql
reset session authorization;
update hadir.unit set service = 'public' where code = 'dinas-b';
update hadir.person set echelon = 'II' where name = 'Kepala A';

-- The lines of an answer as one text; its problems as line:field, in their order.
create function tap.lines(p_answer jsonb) returns text language sql as $$
  select string_agg(l, E'\n' order by n) from jsonb_array_elements_text(p_answer -> 'lines') with ordinality t (l, n)
$$;
create function tap.problems(p_answer jsonb) returns text language sql as $$
  select string_agg((e ->> 'line') || ':' || (e ->> 'field'), ' ' order by n)
  from jsonb_array_elements(p_answer #> '{error,problems}') with ordinality t (e, n)
$$;
create function tap.check_of(p_text text) returns jsonb language sql as $$
  select api.policy_check(tap.policy_document(p_text), '2025-12-22 08:00+08')
$$;
create function tap.place_of(p_name text, p_day date) returns text language sql as $$
  select concat_ws(' ', p.place, nullif((select string_agg(e ->> 'kind', ',') from jsonb_array_elements(p.evidence) e), ''))
  from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.plan_pattern p on p.id = d.pattern
  where e.name = p_name and d.day = p_day
$$;
grant execute on all functions in schema tap to public;
select tap.policy_document(pg_read_file(:'here' || '/sql/policies/sulsel-293-2025.conf'), 'kota') as standing \gset
select tap.policy_document(pg_read_file(:'here' || '/sql/policies/sulsel-19480-2025-12.conf'), 'kota') as overlay \gset
select tap.policy_document(pg_read_file(:'here' || '/sql/policies/sultra-1586-2024-04.conf'), 'kota') as split \gset
select tap.policy_document(pg_read_file(:'here' || '/sql/policies/malra-2737-2020.conf'), 'timur') as normal \gset
select tap.policy_document(pg_read_file(:'here' || '/sql/policies/ternate-84-2025.conf'), 'timur') as weekly \gset
set session authorization hadir_admin;

-- ---------------------------------------------------------------------------------------------------------- problems
select is(tap.problems(tap.check_of($$
[policy]
number =
dated = 2025-02-30
valid_from = 2025-03-01
valid_to = 2025-02-01
colour = red
grants = letter
grants = roster
min_office_days = 8
[scope a]
units = kota, entah, rsud
categories = PNS, HONORER
[scope a]
exclude = ya
[day]
weekdays = Senin-Hari
place = WFO
anywhere = ya
[hari libur]
x = 1
[quota q]
measure = max_wfh
percent = 101
[evidence e]
places = WFH
kind = session
[evidence f]
places = WFH
kind = work_plan
times = 2
session = pagi
[session Pagi]
counts_as = in
accept_from = 25
accept_until = 10:00
[channel c]
channel = whatsapp
decides = pesan
[channel d]
channel = whatsapp
decides = fix
$$)), '2:government 3:number 4:dated 6:valid_to 7:colour 9:grants 9:grants 10:min_office_days 12:units 13:categories '
  '14:[scope a] 14:[scope a] 16:[day] 17:weekdays 19:anywhere 20:[hari libur] 24:percent 25:session 31:times 32:session '
  '33:[session Pagi] 33:due 33:on_time_until 35:accept_from 39:decides 41:channel', 'every problem at once, by line');
select is(tap.problems(tap.check_of('[scope a]')), '1:[policy]', 'no [policy]');
select is(tap.problems(tap.check_of('[policy]')), '1:[policy] 1:dated 1:government 1:number 1:valid_from', 'an empty one');
select is(tap.problems(tap.check_of($$[policy]
number = 1
dated = 2025-12-01
valid_from = 2025-12-01
[scope x]
units = dinas-a, rsud$$)), '1:[policy] 1:government', 'units of two governments, and nothing ordered');
select is(tap.problems(tap.check_of($$[policy]
number = 1
dated = 2025-12-01
valid_from = 2025-12-01
government = kota
grants = letter
max_elsewhere_days = 2
[scope x]
units = rsud
[quota a]
measure = min_wfh
percent = 60
[quota b]
measure = min_wfo
percent = 50
[quota c]
measure = max_wfh
percent = 50
[quota d]
measure = min_wfo
percent = 100
services = public
[evidence e]
places = WFH
kind = session
session = apel
$$)), '6:grants 7:max_elsewhere_days 9:units 10:[quota a] 13:[quota b] 15:percent 16:[quota c] 18:percent 19:[quota d] 21:percent 26:session',
  'what does not go together');
select is(tap.problems(tap.check_of($$[policy]
number = 1
dated = 2025-12-01
valid_from = 2025-12-01
government = kota
[day a]
weekdays = 1-3
place = WFH
[day b]
weekdays = Wed, Thu
place = WFA
[day c]
weekdays = Rabu
place = WFO
granted = ya
[day d]
weekdays = jum'at
place = WFA
granted = tidak
[session s]
counts_as = in
accept_from = 08:00
due = 07:30
on_time_until = 09:00
accept_until = 10:00
[session t]
counts_as = out
accept_from = 16:00
accept_until = 18:00
$$)), '9:[day b] 15:granted 20:[session s] 26:due', 'one place a weekday, grants, hours in order');
select is(tap.check_of(E'[policy]\nnumber = 1\ndated = x\nvalid_from = 2025-12-01\ngovernment = kota\naccuracy_cap_m = 50')
  #>> '{error,problems,0,reason}', 'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'in words');
select set_config('hadir.language', 'en', true) as language \gset
select is(tap.check_of(E'[policy]\nnumber = 1\ndated = x\nvalid_from = 2025-12-01\ngovernment = kota\naccuracy_cap_m = 50')
  #>> '{error,problems,0,reason}', 'must be a day of the calendar, as YYYY-MM-DD', 'in English, too');
select alike(tap.check_of(E'[policy]\nnumber = ' || repeat('n', 201)) #>> '{error,problems}', '%is longer than 200 characters%', 'a number is no essay');
select is(tap.problems(tap.check_of(E'[policy]\nnumber = S\ndated = 2025-03-01\nvalid_from = 2025-03-01\n[scope]\n' || (
  select string_agg(format(E'[session s%s]\ncounts_as = presence\naccept_from = %s\naccept_until = %s', n, to_char(n * interval '10 minutes', 'HH24:MI'),
    to_char((n + 1) * interval '10 minutes', 'HH24:MI')), E'\n' order by n) from generate_series(1, 31) n))), '1:government 5:[scope] 126:[session s31]', 'a day has at most 30 sessions');
select is(api.policy_check('[]', '2025-12-22') #>> '{error,code}', 'invalid', 'what is no document is refused, too');
reset session authorization;
select is((select count(*) from hadir.policy), 0::bigint, 'nothing was stored');

-- ------------------------------------------------------------------------------------------------------------- words
set session authorization hadir_admin;
select is(tap.lines(api.policy_check(:'circular', '2025-12-22 08:00+08')), $$Circular 100.3.4.2/1031/BKPSDM/XII/2025, dated Thursday 18 December 2025: Penyesuaian tugas kedinasan ASN 29-31 Desember 2025
Basis: Surat Menteri PANRB B/531/M.KT.02/2025
In force in Kota Contoh (kota) from Monday 29 December 2025 to Wednesday 31 December 2025
Reported to kepala perangkat daerah
Binds 4 people (by the postings of Monday 29 December 2025): PNS 3, PPPK 1
  dinas-a Dinas A: 3 (PNS 2, PPPK 1)
  dinas-b Dinas B: 1 (PNS 1)
Scope: PNS, PPPK, PPPK_PW
Monday, Tuesday, Wednesday: WFA (elsewhere), any location
Working days from Monday 29 December 2025 to Wednesday 31 December 2025: 3
  Monday 29 December 2025: 4 people WFA
  Tuesday 30 December 2025: 4 people WFA
  Wednesday 31 December 2025: 4 people WFA
Evidence on a day of WFA: location 2 times
Channel whatsapp: the time of the message decides$$, 'a circular in words');
select set_config('hadir.language', 'id', true) as language \gset
reset session authorization;
select is((select count(*) from hadir.policy) + (select count(*) from hadir.decision) + (select count(*) from hadir.plan_dirt where kind in ('unit', 'government')
  and first_day = '2025-12-29'), 0::bigint, 'checking leaves nothing behind');
set session authorization hadir_admin;

-- bidang-a1 is of two, one of whom the circular binds: the share is of both, in the words as in a breach.
select is(substring(tap.lines(api.policy_check(tap.policy_document(E'[policy]\nnumber = U\ndated = 2026-01-01\nvalid_from = 2026-01-05\n[day x]\nweekdays = 1-5\nplace = WFA\n'
    '[scope a]\ncategories = PPPK\n[quota q]\nmeasure = max_elsewhere\npercent = 50', 'kota'), '2025-12-22 08:00+08')) from 'misalnya (.*?: \d)'),
  'bidang-a1, 2 orang: 1', 'a share is of all in the unit about whom no other circular decides');

-- The standing circular by letter, then the overlay of four days, which leaves the public services to the first.
select is(api.policy_apply(:'standing', '2025-12-22 08:00+08') - 'policy', '{"status": 201, "number": "293/II/Tahun 2025", "revision": 1, "changed": true}', 'a standing one applies');
select is(api.policy_apply(:'standing', '2025-12-22 08:01+08') - 'policy', '{"status": 200, "number": "293/II/Tahun 2025", "revision": 1, "changed": false}', 'the same file changes nothing');
select is(api.policy_apply(regexp_replace(:'standing', '"line": [0-9]+', '"line": 1', 'g')::jsonb, '2025-12-22 08:01+08') ->> 'changed', 'false', 'nor does it with other line numbers');
select is(api.policy_apply(regexp_replace(:'standing', ', "line": [0-9]+|"line": [0-9]+, ', '', 'g')::jsonb, '2025-12-22 08:01+08') ->> 'changed', 'false', 'or without, as over HTTP');
select tap.lines(api.policy_check(:'standing', '2025-12-22 08:02+08')) as words \gset
select alike(:'words'::text, '%Setiap orang paling sedikit 3 hari kantor seminggu%', 'weekly minimum in words');
select alike(:'words'::text, '%Kuota: di luar kantor paling banyak 30 \% dari pegawai setiap unit, dibulatkan ke bawah; misalnya bidang-a1, 2 orang: 0%', 'quota in words');
select alike(:'words'::text, E'%\n  Senin 22 Desember 2025: 4 orang WFO; WFA bila diberikan kepala\n%', 'what is granted stays at the office until it is');
select alike(:'words'::text, '%Kamis 25 Desember 2025: 4 orang libur: Hari Raya Natal%', 'a holiday');
select alike(:'words'::text, '%Hari kerja dari Senin 22 Desember 2025 sampai Minggu 18 Januari 2026: 16%', 'working days of four weeks');
select tap.lines(api.policy_check(:'overlay', '2025-12-22 08:02+08')) as words \gset
select alike(:'words'::text, '%Mengikat 3 orang%Dikecualikan: layanan masyarakat%', 'without the public services');
select alike(:'words'::text, '%Hari kerja dari Senin 29 Desember 2025 sampai Jumat 2 Januari 2026: 4%', 'four days, not the holiday between');
select alike(:'words'::text, '%Bersama 293/II/Tahun 2025 (%), 3 orang, 4 hari dari Senin 29 Desember 2025 sampai Jumat 2 Januari 2026: surat ini menentukan tempat%', 'which of two circulars goes before');
select is(api.policy_apply(:'overlay', '2025-12-22 08:03+08') ->> 'status', '201', 'the overlay applies');
select alike(tap.lines(api.policy_check(:'standing', '2025-12-22 08:04+08')), '%Senin 29 Desember 2025: 3 orang WFA (100.3.4/19480/Biro Org), 1 orang WFO; WFA bila diberikan kepala%',
  'the standing one says where another goes before it');

-- Which days are told: what is over for long still says its last four weeks.
select alike(tap.lines(tap.check_of(E'[policy]\nnumber = 8\ndated = 2025-01-01\nvalid_from = 2025-01-02\nvalid_to = 2025-06-30\naccuracy_cap_m = 30\ngovernment = kota')),
  '%Hari kerja dari Selasa 3 Juni 2025 sampai Senin 30 Juni 2025: 17%', 'one that is over');
select alike(tap.lines(tap.check_of(E'[policy]\nnumber = 8\ndated = 2025-01-01\nvalid_from = 2045-01-02\naccuracy_cap_m = 30\ngovernment = kota')),
  '%Hari kerja dari Senin 2 Januari 2045 sampai Minggu 29 Januari 2045: 20%', 'one that is far away');

-- A roster with three quotas that stand apart.
select tap.lines(api.policy_check(:'split', '2024-04-15 08:00+08')) as words \gset
select alike(:'words'::text, '%Selasa, Rabu: WFH (rumah), lokasi bebas, bagi yang disebut daftar giliran kepala%', 'a roster');
select alike(:'words'::text, '%WFH paling banyak 50 \%%ke atas%WFH paling sedikit 50 \%%ke bawah%WFO paling sedikit 50 \%%WFO paling sedikit 100 \%%hanya layanan masyarakat; misalnya dinas-b, 1 orang: 1%', 'its quotas');
select is(api.policy_apply(:'split', '2024-04-15 08:00+08') ->> 'status', '201', 'applies');
-- By letter, with reports; a weekly pattern with exclusions.
select is(api.policy_apply(:'normal', '2025-12-22 08:00+09') ->> 'status', '201', 'the one with reports applies');
select alike(tap.lines(api.policy_check(:'normal', '2025-12-22 08:00+09')), '%Dilaporkan kepada Bupati%Bukti pada hari WFH, WFO: surat keterangan kesehatan%rencana kerja%laporan hasil kerja%', 'in words');
select is(api.policy_apply(:'weekly', '2025-12-22 08:00+09') ->> 'status', '201', 'the weekly pattern applies');
select tap.lines(api.policy_check(:'weekly', '2025-12-22 08:00+09')) as words \gset
select alike(:'words'::text, E'%Dikecualikan: layanan masyarakat\nDikecualikan: eselon I, II, III, IV\nSenin, Jumat: WFO (kantor)\nSelasa, Rabu: WFH (rumah)%Kamis: WFA (tempat lain)%', 'its exclusions and days');
select alike(:'words'::text, '%Bersama 800/2737/SETDA%surat ini menentukan tempat, bukti', 'it replaces the older one while both are in force');
reset session authorization;
select results_eq($$select p.number, count(distinct s.id)::int, count(distinct d.place)::int, count(distinct q.ctid)::int, count(distinct e.kind)::int
  from hadir.policy p left join hadir.policy_scope s on s.policy = p.id left join hadir.policy_day d on d.policy = p.id
  left join hadir.policy_quota q on q.policy = p.id left join hadir.policy_evidence e on e.policy = p.id group by 1 order by 1$$,
  $$values ('000.8.6.1/1586', 1, 1, 4, 0), ('100.3.4/19480/Biro Org', 2, 1, 0, 0), ('293/II/Tahun 2025', 1, 1, 1, 0), ('800/2737/SETDA', 1, 1, 0, 3),
           ('800/84/2025', 3, 3, 0, 1)$$, 'what is stored: nothing but rows');
select results_eq($$select count(*)::int, count(distinct ref)::int, min(step), min(capacity) from hadir.decision where subject = 'policy'$$, $$values (5, 5, 'applied', 'console')$$,
  'each application is a decision');
select is((select count(*) from hadir.audit where action = 'policy_apply' and detail -> 'document' is not null), 5::bigint, 'and the audit keeps its document');

-- ---------------------------------------------------------------------------------------------------------- the plan
set session authorization hadir_planner;
select number as n from api.plan_refresh('2025-12-30 06:50+08') \gset
reset session authorization;
select is(tap.place_of('Pegawai 1', '2025-12-30'), 'WFA', 'the overlay in the plan');
select is(tap.place_of('Pegawai 3', '2025-12-30'), 'WFO', 'the public services stay');
select is(tap.place_of('Pegawai 4', '2025-12-30'), 'WFO health_letter,work_plan,work_report', 'reports at the office, too');
set session authorization hadir_planner;
select number as n from api.plan_refresh('2026-01-15 06:50+09') \gset
reset session authorization;
select is((select string_agg(coalesce(tap.place_of('Pegawai 4', d::date), '-'), '|' order by d) from generate_series(timestamp '2026-01-12', '2026-01-15', '1 day') d),
  'WFO|WFO|WFO|WFA', 'the weekly pattern in the plan: no roster yet, so at the office; its evidence in place of the older circular''s');

-- ------------------------------------------------------------------------------------------- a sixth, revised, taken back
set session authorization hadir_admin;
select is(api.policy_apply(tap.policy_document($$
; invented: three presences a day in one office, and the phone's own time counts
[policy]
number = 7/SE/2026
title = Tiga kali presensi
dated = 2026-01-05
valid_from = 2026-01-12
valid_to = 2026-01-16
uncertain_counts = tidak
accuracy_cap_m = 40
[scope a]
units = dinas-a
echelons = II, staf
[channel wa]
channel = whatsapp
decides = fix
[session pagi]
label = Pagi
counts_as = in
accept_from = 06:00
due = 07:30
on_time_until = 07:31
accept_until = 10:00
[session siang]
counts_as = presence
accept_from = 12:00
accept_until = 13:00
[session sore]
counts_as = out
accept_from = 15:00
due = 16:00
accept_until = 20:00
$$), '2026-01-06 08:00+08') ->> 'revision', '1', 'a sixth one');
reset session authorization;
select array_agg(s.id order by s.code) as sessions from hadir.session s join hadir.policy p on p.id = s.policy where p.number = '7/SE/2026' \gset
set session authorization hadir_planner;
select number as n from api.plan_refresh('2026-01-15 06:51+08') \gset
reset session authorization;
select results_eq($$select string_agg(s.code, ',' order by s.position), p.accuracy_cap_m, p.decides[4], p.uncertain_counts from hadir.plan_day d join hadir.person e on e.id = d.person
  join hadir.plan_pattern p on p.id = d.pattern join hadir.plan_session s on s.pattern = p.id where e.name = 'Pegawai 1' and d.day = '2026-01-15' group by 2, 3, 4$$,
  $$values ('pagi,siang,sore', 40::float8, 'fix', false)$$, 'in the plan');
select is((select report_by is null and document is not null and own_sessions and not states_evidence from hadir.policy where number = '7/SE/2026'), true, 'with its document');
set session authorization hadir_admin;
select is(api.policy_apply(tap.policy_document($$
[policy]
number = 7/SE/2026
dated = 2026-01-05
valid_from = 2026-01-12
report_to = Sekretaris Daerah
report_by = 17:00
[scope a]
units = dinas-a
[session pagi]
counts_as = in
accept_from = 06:00
due = 08:00
on_time_until = 08:01
accept_until = 10:00
[session sore]
counts_as = out
accept_from = 15:00
due = 16:00
accept_until = 20:00
$$), '2026-01-06 09:00+08') ->> 'revision', '2', 'the same number is a new revision');
reset session authorization;
select is((select array_agg(s.id order by s.code) from hadir.session s join hadir.policy p on p.id = s.policy where p.number = '7/SE/2026'),
  array[(:'sessions'::bigint[])[1], (:'sessions'::bigint[])[3]], 'sessions keep their ids');
select is((select accuracy_cap_m is null and uncertain_counts is null and title = '' and report_by = '17:00' from hadir.policy where number = '7/SE/2026'), true, 'what is not said any more is gone');
set session authorization hadir_admin;
select alike(tap.lines(tap.check_of(E'[policy]\nnumber = 8\ndated = 2026-01-01\nvalid_from = 2026-01-01\nvalid_to = 2026-01-02\naccuracy_cap_m = 30\n[scope x]\nunits = timur\ncategories = PPPK_PW')),
  '%Mengikat 0 orang%Hari kerja%: 0%', 'one that binds nobody');

-- ---------------------------------------------------------------------------------------------------------- warnings
reset session authorization;
create function tap.warnings(p_text text, p_now timestamptz default '2026-01-01 08:00+08') returns text language sql as $$
  select coalesce(a #>> '{error,problems}', (select string_agg(w, E'\n' order by n) from jsonb_array_elements_text(a -> 'warnings') with ordinality t (w, n)), '-')
  from api.policy_check(tap.policy_document(p_text, 'kota'), p_now) a
$$;
-- From Monday 5 January 2026, for Dinas A of three and Dinas B.
create function tap.circular(p_more text) returns text language sql as $$
  select E'[policy]\nnumber = U\ndated = 2026-01-01\nvalid_from = 2026-01-05\nvalid_to = 2026-01-11\n' || p_more $$;
grant execute on all functions in schema tap to public;
set session authorization hadir_admin;
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya')), '-', 'nothing to warn of');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya'), '2026-02-01 08:00+08'),
  'masa berlakunya sudah berakhir pada Minggu 11 Januari 2026: mulai hari ini tidak mengubah apa pun', 'a validity that is over');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya\n[scope a]\ncategories = PPPK_PW')),
  E'tidak mengikat seorang pun\nlingkup ini tidak mencakup seorang pun: PPPK_PW', 'nobody');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya\n[scope a]\ncategories = PNS\n[scope b]\nechelons = I\nexclude = ya')),
  'pengecualian ini tidak mengenai seorang pun: eselon I', 'nobody left out');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1, 7\nplace = WFA\nanywhere = ya')),
  'Minggu: tidak seorang pun bekerja pada hari itu; [day] tidak menjadikannya hari kerja', 'a weekday that is free');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 7\nplace = WFA\nanywhere = ya')),
  'dari Senin 5 Januari 2026 sampai Minggu 11 Januari 2026 tidak ada hari kerja baginya: libur, atau bukan hari yang disebutnya', 'no working day at all');
select is(tap.warnings(tap.circular(E'[session pagi]\ncounts_as = in\naccept_from = 06:00\ndue = 07:30\non_time_until = 07:31\naccept_until = 10:00')),
  'sesinya menggantikan semua sesi jam kerja, tetapi tidak ada yang menggantikan sore: 4 orang tidak lagi mempunyai presensi pulang', 'an afternoon taken away');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya\n[quota q]\nmeasure = max_elsewhere\npercent = 50')),
  'melanggar ketentuannya sendiri tanpa surat kepala: 3 unit, 4 orang; misalnya Unit bidang-a1, 2026-01-05: 2 dari 2 orang di luar kantor (WFH/WFA), paling banyak 1 (U)',
  'everybody elsewhere, and half at most');
select is(tap.warnings(E'[policy]\nnumber = U\ndated = 2026-01-01\nvalid_from = 2026-01-05\nvalid_to = 2026-01-11\nmin_office_days = 3\n[day x]\nweekdays = 1-3\nplace = WFA'),
  'melanggar ketentuannya sendiri tanpa surat kepala: 3 unit, 4 orang; misalnya Kepala A, pekan 2026-01-05: 0 dari 3 hari kerja di kantor (WFO), paling sedikit 3 (U)',
  'three days at the office, and three elsewhere');
select is(tap.warnings(E'[policy]\nnumber = U\ndated = 2026-01-01\nvalid_from = 2026-01-05\nvalid_to = 2026-01-11\ngrants = letter\n[day x]\nweekdays = 1-5\nplace = WFH\ngranted = ya\n[quota q]\nmeasure = min_wfh\npercent = 50'),
  '-', 'what letters are to give is no break');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya\n[evidence a]\nplaces = WFA\nkind = fence\n[evidence b]\nplaces = WFH\nkind = work_report')),
  E'bukti di dalam pagar pada hari WFA, padahal lokasinya bebas: hanya yang datang ke kantor memenuhinya, dari 4 orang\n'
  'bukti untuk WFH: surat ini tidak menetapkan tempat itu pada hari apa pun', 'evidence that does not come');
select is(tap.warnings(tap.circular(E'[day x]\nweekdays = 1-5\nplace = WFA\nanywhere = ya\n[channel w]\nchannel = whatsapp\ndecides = fix')),
  'lokasi WhatsApp tidak membawa waktu titiknya: yang dihitung waktu tiba di server', 'a time that a channel does not carry');
select is(api.policies('{}', '2026-01-13 08:00+08') #>> '{policies,0,number}', '7/SE/2026', 'the list');
select is(jsonb_array_length(api.policies('{"government": "timur"}', '2026-01-13 08:00+08') -> 'policies'), 2, 'by government');
select is(api.policy_remove('{"number": "entah"}', '2026-01-14') #>> '{error,code}', 'not_found', 'what is not there cannot be removed');
select is(api.policy_remove('{"number": "7/SE/2026", "government": "timur"}', '2026-01-14') #>> '{error,code}', 'not_found', 'nor from another government');
select is(api.policy_remove('{"number": "7/SE/2026"}', '2026-01-14 08:00+08') ->> 'status', '200', 'taken back');
set session authorization hadir_planner;
select number as n from api.plan_refresh('2026-01-15 06:52+08') \gset
reset session authorization;
select is((select string_agg(s.code, ',' order by s.position) from hadir.plan_day d join hadir.person e on e.id = d.person join hadir.plan_session s on s.pattern = d.pattern
  where e.name = 'Pegawai 1' and d.day = '2026-01-15'), 'pagi,sore', 'the plan follows');
select is((select detail #>> '{document,sections,0,section}' from hadir.audit where action = 'policy_remove'), 'policy', 'what it was stays in the audit');
set session authorization hadir_query;
select throws_ok($$select api.policy_apply('{}', '2026-01-14')$$, '42501', null, 'only the console applies');
select is(api.policies('{}', '2026-01-13'), '{"status": 200, "policies": []}', 'no actor, no circulars');
reset session authorization;
select * from finish();
rollback;
