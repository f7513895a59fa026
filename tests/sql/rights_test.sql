-- Who may do what: by token and posting, by date; and what every answer is made of. Asked as the low roles.
begin;
\ir derive_fixture.psql
select no_plan();

-- 299 is head of A from January, and belongs there; 102 acts for him 10 … 20 March; 103 is his delegate on the 12th. 201 leads
-- B by token alone. 301 heads the whole town.
insert into hadir.person (id, government, nip, name, category) overriding system value values
  (301, 1, '199001012015011301', 'Pegawai 301', 'PNS'), (302, 1, '199001012015011302', 'Pegawai 302', 'PNS');
insert into hadir.posting (person, unit, valid_from, valid_to, kind) values
  (301, 10, '2031-01-01', null, 'main'), (301, 10, '2031-01-01', null, 'head'), (302, 10, '2031-01-01', null, 'main'),
  (299, 11, '2031-01-01', null, 'head'), (102, 11, '2031-03-10', '2031-03-20', 'acting'),
  (103, 11, '2031-03-12', '2031-03-12', 'delegate');
update hadir.posting set unit = 11 where person = 299 and kind = 'main';
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (74, 1, 102, 'supervisor', 11, sha256('d'), '2031-01-01'), (75, 1, 103, 'supervisor', 11, sha256('e'), '2031-01-01'),
  (76, 1, 301, 'supervisor', 10, sha256('f'), '2031-01-01'), (77, 1, 302, 'bkpsdm', 10, sha256('g'), '2031-01-01'),
  (78, 1, 202, 'operator', 11, sha256('h'), '2031-01-01'), (79, 1, 299, 'operator', 11, sha256('i'), '2031-01-01');

-- The functions are no part of the api: one of the api's kind asks them for whoever logged in.
set role hadir_writer;
create function api.test_capacity(p_unit bigint, p_now timestamptz) returns text language sql security definer
set search_path = pg_catalog, pg_temp as $$ select hadir.actor_capacity(p_unit, p_now) $$;
create function api.test_ask(p_person bigint, p_now timestamptz) returns text language sql security definer
set search_path = pg_catalog, pg_temp as $$ select hadir.capacity_to_ask(p_person, p_now) $$;
create function api.test_decide(p_person bigint, p_now timestamptz) returns text language sql security definer
set search_path = pg_catalog, pg_temp as $$ select hadir.capacity_to_decide(p_person, p_now) $$;
create function api.test_step(p_capacity text) returns bigint language sql security definer
set search_path = pg_catalog, pg_temp as $$ select hadir.decide('absence', 901, 'requested', '2031-03-03 08:00+08', p_capacity, 'why') $$;
create function api.test_rewrite() returns void language sql security definer
set search_path = pg_catalog, pg_temp as $$ update hadir.decision set reason = 'otherwise' $$;
create function api.test_forget() returns void language sql security definer
set search_path = pg_catalog, pg_temp as $$ delete from hadir.decision $$;
grant execute on function api.test_capacity(bigint, timestamptz), api.test_ask(bigint, timestamptz), api.test_decide(bigint, timestamptz),
  api.test_step(text), api.test_rewrite(), api.test_forget() to hadir_operator, hadir_admin;
reset role;
-- As actor, for unit A at noon of each of these days.
create function t.days(p_actor text, p_unit bigint, variadic p_days int[]) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then
    (select string_agg(n || ' ' || coalesce(api.test_capacity(p_unit, t.at(date '2031-03-01' + n - 1, '12:00')), '-'), ', ' order by n)
     from unnest(p_days) n) end
$$;
create function t.over(p_actor text, p_day int, variadic p_persons bigint[]) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then
    (select string_agg(n || ' ' || coalesce(api.test_decide(n, t.at(date '2031-03-01' + p_day - 1, '12:00')), '-'), ', ' order by n)
     from unnest(p_persons) n) end
$$;
create function t.asks(p_actor text, p_day int, variadic p_persons bigint[]) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then
    (select string_agg(n || ' ' || coalesce(api.test_ask(n, t.at(date '2031-03-01' + p_day - 1, '12:00')), '-'), ', ' order by n)
     from unnest(p_persons) n) end
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_operator;
select is(t.days('access:71', 11, 9, 10, 20, 21), '9 head, 10 -, 20 -, 21 head', 'a head has no right while somebody acts for him');
select is(t.days('access:74', 11, 9, 10, 20, 21), '9 -, 10 acting, 20 acting, 21 -', 'who acts has it on his dates');
select is(t.days('access:75', 11, 11, 12, 13), '11 -, 12 delegate, 13 -', 'so has a delegate');
select is(t.days('access:74', 12, 9, 10), '9 -, 10 acting', 'and for the units below');
select is(t.days('access:74', 13, 10), '10 -', 'not for others');
select is(t.days('access:72', 13, 9), '9 head', 'a token without a posting counts as head');
select is(t.days('access:76', 13, 9), '9 head', 'who heads the unit above is head here, too');
select is(t.days('access:77', 13, 9), '9 bkpsdm', 'BKPSDM everywhere');
select is(t.days('access:78', 12, 9), '9 operator', 'an operator for his units');
select is(t.days('access:73', 11, 9), '9 -', 'a revoked token: nothing');
select is(t.days('device:1102', 11, 10), '10 -', 'a phone is never a superior''s, even the acting head''s');
select is(t.days('nobody', 11, 9), '9 -', 'nobody: nothing');
-- At midnight of the workplace.
select is(case when set_config('hadir.actor', 'access:74', true) is not null then api.test_capacity(11, t.at('2031-03-09', '23:59:59.999')) end, null,
  'until midnight there he does not act');
select is(api.test_capacity(11, t.at('2031-03-10', '0:00')), 'acting', 'from midnight on he does');

-- Somebody else becomes head of B: the token alone is no longer enough.
reset session authorization;
insert into hadir.posting (person, unit, valid_from, kind) values (202, 13, '2031-03-15', 'acting');
set session authorization hadir_operator;
select is(t.days('access:72', 13, 14, 15), '14 head, 15 -', 'a token alone gives way to whoever is named');

-- ---- about whom
select is(t.over('access:71', 9, 101, 103, 201, 299, 301), '101 head, 103 head, 201 -, 299 -, 301 -', 'a head decides about his people, nobody else''s, not himself');
select is(t.over('access:74', 10, 101, 102, 299), '101 acting, 102 -, 299 -', 'an acting head neither about himself nor about the head whom he stands in for');
select is(t.over('access:75', 12, 101, 299), '101 delegate, 299 -', 'a delegate not about his head');
select is(t.over('access:76', 9, 101, 299, 301), '101 head, 299 head, 301 -', 'who is above decides about heads');
select is(t.over('access:77', 9, 101, 301, 302), '101 bkpsdm, 301 bkpsdm, 302 -', 'BKPSDM about whom nobody stands above');
select is(t.over('access:78', 9, 101), '101 -', 'an operator about nobody');
select is(t.over('device:1101', 9, 101), '101 -', 'nobody about himself');
select is(t.asks('device:1101', 9, 101, 102), '101 self, 102 -', 'a phone asks for its person');
select is(t.asks('access:78', 9, 101, 103, 202, 201, 299), '101 operator, 103 operator, 201 -, 202 self, 299 operator', 'an operator for his people, the head too');

-- 101 acts for the whole town on the 25th; 301 has a token for A, too.
reset session authorization;
insert into hadir.posting (person, unit, valid_from, valid_to, kind) values (101, 10, '2031-03-25', '2031-03-25', 'acting');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (80, 1, 301, 'supervisor', 11, sha256('j'), '2031-01-01');
set session authorization hadir_operator;
select is(t.over('access:71', 24, 101, 102), '101 head, 102 head', 'a head decides about his officer');
select is(t.over('access:71', 25, 101, 102), '101 -, 102 head', 'but not on the day he acts for a unit above');
select is(t.over('access:76', 25, 101), '101 -', 'nor does the head he stands in for');
select is(t.over('access:77', 25, 101), '101 bkpsdm', 'but who is above the topmost unit he leads: BKPSDM');
select is(t.days('access:80', 11, 24, 25, 26), '24 head, 25 -, 26 head', 'a head above rests for units below, too, while somebody acts for him');

set session authorization hadir_admin;
select is(t.days('access:71', 20, 9), '9 console', 'the console everywhere, whatever the actor');
select is(t.over('', 9, 101), '101 console', 'and about everybody');

-- ---- lists: a token that was never taken back reads on the dates of its posting
reset session authorization;
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
insert into hadir.absence (government, person, code, first_day, last_day, asked_at) values (1, 103, 'CT', '2031-03-03', '2031-03-03', '2031-03-01');
create function t.lists(p_actor text, variadic p_days int[]) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then (
    select string_agg(n || ' ' || concat_ws('/',
             (select string_agg(coalesce(x.a #>> '{error,code}', 'yes'), ' ' order by x.o) from (values
                (1, api.absences('{}', w.at)), (2, api.corrections('{}', w.at)), (3, api.outages('{}', w.at)), (4, api.work_reports('{}', w.at)),
                (5, api.letters('{}', w.at)), (6, api.breaches('{"unit": "A", "from": "2031-03-10", "to": "2031-03-10"}', w.at))) x (o, a)),
             (select 'presence' from api.presence_head('A', '2031-03-10', w.at))), ', ' order by n)
    from unnest(p_days) n cross join lateral (select t.at(date '2031-03-01' + n - 1, '12:00') as at) w) end
$$;
create table t.other as select nip from hadir.person where id = 103;
grant select on t.other to public;
create function t.sums(p_actor text, variadic p_days int[]) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then (
    select string_agg(n || ' ' || (select string_agg(coalesce(nullif(x.a #>> '{error,code}', 'nothing_to_report'), 'yes'), ' ' order by x.o) from (values
                (1, api.report_monthly_head('{"unit": "A", "month": "2031-03"}', w.at)), (2, api.recap_days(jsonb_build_object('nip', p.nip, 'month', '2031-03'), w.at)),
                (3, api.report_discipline_head('{"unit": "A"}', w.at)), (4, api.notices('{"unit": "A"}', w.at)), (5, api.doubts('{"unit": "A"}', w.at))) x (o, a)), ', ' order by n)
    from unnest(p_days) n cross join lateral (select t.at(date '2031-03-01' + n - 1, '12:00') as at) w cross join t.other p) end
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_query;
select is(t.lists('access:74', 9, 10, 20, 21), '9 not_yours not_yours not_yours not_yours not_yours not_yours, 10 yes yes yes yes yes yes/presence, '
  '20 yes yes yes yes yes yes/presence, 21 not_yours not_yours not_yours not_yours not_yours not_yours', 'an acting head reads on his dates');
select is(t.lists('access:71', 9, 10), '9 yes yes yes yes yes yes/presence, 10 yes yes yes yes yes yes/presence', 'the head reads on while somebody acts for him');
select is(t.lists('access:76', 9), '9 yes yes yes yes yes yes/presence', 'who is above reads below');
select is(t.sums('access:71', 9, 10), '9 yes yes yes yes yes, 10 yes yes yes yes yes', 'reports, days, notices and doubts, too, while somebody acts');
select is(t.sums('access:74', 9, 20, 21), '9 not_found not_found not_found not_found not_found, 20 yes yes yes yes yes, 21 not_found not_found not_found not_found not_found',
  'an acting head, on his dates');
select is(t.sums('device:1102', 21), '21 not_found not_found not_found not_found not_found', 'with his phone nobody asks about units and others');
select is(t.lists('access:77', 9), '9 yes yes yes yes yes yes/presence', 'BKPSDM reads');
select is(t.lists('access:78', 9), '9 yes yes yes yes yes yes/presence', 'operators, too');
select is(t.lists('device:1102', 21), '21 yes yes yes yes yes not_found', 'with his phone he reads what is his');

-- ---- steps: only added to
reset session authorization;
insert into hadir.absence (id, government, person, code, first_day, last_day, asked_at) overriding system value
values (901, 1, 101, 'CT', '2031-03-03', '2031-03-03', '2031-03-01');
set session authorization hadir_operator;
select lives_ok($$ select set_config('hadir.actor', 'access:71', true), api.test_step('head') $$, 'a step is written');
select throws_ok('select api.test_rewrite()', '42501', null, 'and never rewritten');
select throws_ok('select api.test_forget()', '42501', null, 'nor forgotten');
set session authorization hadir_admin;
select lives_ok($$ select api.test_step('console') $$, 'the console writes steps, too');
select throws_ok('select api.test_rewrite()', '42501', null, 'and rewrites none');
reset session authorization;
select results_eq($$ select actor, person, capacity, reason from hadir.decision order by id $$,
  $$ values ('access:71', 299::bigint, 'head', 'why'), ('hadir', null, 'console', 'why') $$, 'with who it was');
select throws_ok($$ insert into hadir.posting (person, unit, valid_from, kind) values (101, 11, '2031-06-01', 'head') $$, '23P01', null,
  'a unit has one head at a time');

-- ---- row security alone: what a function of ours that had lost its checks could write
set role hadir_writer;
create function api.test_sql(p_sql text) returns text language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare v bigint;
begin
  execute p_sql;
  get diagnostics v = row_count;
  return v;
exception when insufficient_privilege then
  return 'refused';
end $$;
grant execute on function api.test_sql(text) to hadir_operator;
reset role;
create function t.writes(p_actor text, p_sql text) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then api.test_sql(p_sql) end
$$;
create function t.letter(p_government bigint, p_status text) returns text language sql as $$
  select format('insert into hadir.letter (government, unit, kind, number, dated, title, document, filed_at, status) '
                'values (%s, 11, ''assignment'', ''1/%s'', ''2031-03-01'', '''', '''', now(), %L)', p_government, p_status, p_status)
$$;
grant execute on all functions in schema t to public;
insert into hadir.government (id, code, name, zone) overriding system value values (900, 'lain', 'Pemerintah Contoh', 'Asia/Makassar');
insert into hadir.policy (id, government, number, dated, valid_from) overriding system value values (900, 900, 'X', '2031-01-01', '2031-01-01');
set session authorization hadir_operator;
select is(t.writes('access:78', t.letter(1, 'filed')), '1', 'an operator files a letter');
select is(t.writes('access:78', t.letter(1, 'confirmed')), 'refused', 'but none that counts as confirmed already');
select is(t.writes('access:78', t.letter(900, 'filed')), 'refused', 'nor one of another government');
select is(t.writes('access:79', $$update hadir.posting set valid_to = '2032-01-01' where kind = 'head' and unit = 11$$), '1',
  'an operator ends a head''s posting, his own, too');
select is(t.writes('access:78', $$update hadir.posting set person = 202 where kind = 'head' and unit = 11$$), 'refused', 'and puts nobody into it');
select is(t.writes('access:77', $$insert into hadir.decision (subject, ref, step, at, actor, person, capacity, reason)
  values ('policy', 900, 'revoked', now(), 'access:77', 302, 'bkpsdm', '')$$), 'refused', 'nobody takes a step about another government''s circular');
select is(t.writes('device:1101', $$insert into hadir.audit (at, action) values (now(), 'x')$$), 'refused', 'a phone writes no audit');
reset session authorization;

-- ---- answers
select is(hadir.say('ya', 'yes'), 'ya', 'Indonesian unless told otherwise');
select is(case when set_config('hadir.language', 'en', true) is not null then hadir.say('ya', 'yes') end, 'yes', 'English by the setting');
select is(hadir.refusal(409, 'wrong_state'), '{"error": {"status": 409, "code": "wrong_state", "problems": []}}', 'a refusal');
select is(hadir.problem_if(null, 'day', 'x') || hadir.problem_if(true, 'day', 'y'), '[{"field": "day", "reason": "y"}]', 'problems join');
create function t.form(p_body jsonb) returns text language sql as $$
  select string_agg(p ->> 'field' || ': ' || (p ->> 'reason'), '; ') from jsonb_array_elements(hadir.body_problems(p_body,
    '{"nip": "text!", "letter": "id", "day": "day", "from": "instant", "people": "list"}')) p
$$;
select is(t.form('{"nip": "1", "letter": 7, "day": "2032-02-29", "from": "2031-03-03T07:30:00+08:00", "people": []}'), null, 'a good body');
select is(t.form('{"nip": "1", "letter": null, "day": null}'), null, 'null is absent');
select is(t.form('[]'), ': must be a JSON object', 'no object');
select is(t.form(null), ': must be a JSON object', 'nothing');
select is(t.form('{"nip": "", "letters": 1}'), 'letters: is unknown; nip: must be there', 'unknown and missing members');
select is(t.form('{"nip": " \t\n"}'), 'nip: must be there', 'blanks say nothing');
select is(hadir.body_text('{"reason": "  "}', 'reason'), null, 'nor are they a reason');
select is(t.form('{"nip": 5, "letter": -1, "day": "2031-02-29", "from": "2031-03-03T07:30:00", "people": {}}'),
  'day: must be a date of the calendar, YYYY-MM-DD; from: must be an RFC 3339 time with a zone; letter: must be a whole positive number; '
  'nip: must be text of at most 4000 characters; people: must be a list', 'wrong types, all of them');
select is(t.form('{"nip": "1", "letter": 1.5}'), 'letter: must be a whole positive number', 'half an id');
select is(t.form('{"nip": "1", "letter": 1e30}'), 'letter: must be a whole positive number', 'a huge id');
select is(t.form('{"nip": "1", "from": "2031-02-30T07:30:00Z"}'), 'from: must be an RFC 3339 time with a zone', 'a moment that is none');
select is(t.form('{"nip": "1", "from": "2031-02-28T24:00:00Z"}'), 'from: must be an RFC 3339 time with a zone', 'an hour that is none');
select * from finish();
rollback;
