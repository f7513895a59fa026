-- Over HTTP: who names heads, applies circulars, and reads the calendar and the hours.
begin;
select no_plan();
\ir derive_fixture.psql
insert into hadir.person (id, government, nip, name, category) overriding system value values (901, 2, lpad('901', 18, '9'), 'Pegawai 901', 'PNS');
insert into hadir.posting (person, unit, valid_from) values (901, 20, '2031-01-01');
-- 81 operator of the whole government, 82 BKPSDM, 83 operator of A, 84 as 81 but revoked, 85 BKPSDM elsewhere, 86 head of all.
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at, revoked_at) overriding system value
values (81, 1, 202, 'operator', 10, sha256('d'), '2031-01-01', null), (82, 1, 103, 'bkpsdm', 10, sha256('e'), '2031-01-01', null),
       (83, 1, 102, 'operator', 11, sha256('f'), '2031-01-01', null), (84, 1, 202, 'operator', 10, sha256('g'), '2031-01-01', '2031-02-01'),
       (85, 2, 901, 'bkpsdm', 20, sha256('h'), '2031-01-01', null), (86, 1, 201, 'supervisor', 10, sha256('i'), '2031-01-01', null);
insert into hadir.posting (person, unit, valid_from, kind) values (201, 10, '2031-01-01', 'head');
create function t.act(p_actor text) returns void language sql as $$ select set_config('hadir.actor', p_actor, false) $$;
create function t.nip(p_person bigint) returns text language sql as $$ select lpad(p_person::text, 18, '9') $$;
create function t.code(p_answer jsonb) returns text language sql as $$
  select coalesce((p_answer #>> '{error,status}') || ' ' || (p_answer #>> '{error,code}'), p_answer ->> 'status')
$$;
create function t.head(p_actor text, p_person bigint, p_unit text) returns text language sql volatile as $$
  select t.act(p_actor);
  select t.code(api.head_set(jsonb_build_object('nip', t.nip(p_person), 'unit', p_unit, 'kind', 'acting', 'from', '2031-03-03', 'to', '2031-03-04'), '2031-03-03 08:00+08'))
$$;
grant execute on all functions in schema t to public;

-- Heads.
set session authorization hadir_operator;
select is(t.head('access:83', 101, 'A1'), '201', 'an operator names who leads a unit below his');
select is(t.head('access:83', 101, 'A'), '403 not_yours', 'not who leads his own');
select is(t.head('access:81', 101, 'A'), '201', 'who acts for the unit above does');
select is(t.head('access:81', 101, 'R'), '403 not_yours', 'nor who leads the uppermost unit');
select is(t.head('access:82', 101, 'R'), '201', 'BKPSDM does');
select is(t.head('access:82', 103, 'R'), '403 not_yours', 'nobody names himself');
select is(t.head('access:83', 101, 'B'), '404 not_found', 'a unit of others is unknown');
select is(t.head('access:83', 201, 'A1'), '422 invalid', 'and so are their people');
select is(t.head('access:71', 101, 'A1'), '403 not_yours', 'a supervisor names none');
select is(t.head('access:86', 101, 'A1'), '403 not_yours', 'not even the head of all');
select is(t.head('access:84', 101, 'A1'), '422 invalid', 'a token that was taken back sees nothing');
select is(t.head('access:85', 101, 'A1'), '422 invalid', 'nor does another government');
select is(t.head('device:1103', 103, 'A1'), '403 not_yours', 'a phone names none');
select t.act('access:81') as act \gset
select is(api.head_set(jsonb_build_object('nip', t.nip(102), 'unit', 'A1', 'kind', 'acting', 'from', '2031-03-04'), '2031-03-03 08:00+08') #>> '{ended,0,nip}', t.nip(101), 'who is replaced ends');
select throws_ok($$insert into hadir.posting (person, unit, valid_from) values (101, 11, '2031-01-01')$$, '42501', null, 'and nothing goes past the function');
reset session authorization;
select is((select array_agg(actor || ' ' || subject order by id) from hadir.audit where action = 'head_set'),
  '{"access:83 A1","access:81 A","access:82 R","access:81 A1"}', 'the audit says who');

-- Circulars.
create table t.document (name text, body jsonb);
grant select on t.document to public;
insert into t.document values ('good', '{"sections": [
  {"section": "policy", "pairs": [{"key": "number", "value": "W/1"}, {"key": "dated", "value": "2031-02-01"}, {"key": "title", "value": "Uji"},
    {"key": "valid_from", "value": "2031-03-01"}, {"key": "valid_to", "value": "2031-03-31"}]},
  {"section": "scope satu", "pairs": [{"key": "units", "value": "A, B"}]},
  {"section": "day Jumat", "pairs": [{"key": "weekdays", "value": "Jumat"}, {"key": "place", "value": "WFH"}]}]}'),
  ('nonsense', '{"sections": [{"section": 5, "line": "x", "pairs": [{"key": "number"}, 7], "more": 1}, {"section": "day", "pairs": 5}, 6], "x": 1}');
create function t.circular(p_actor text, p_function text, p_name text) returns text language plpgsql as $$
declare v jsonb;
begin
  perform t.act(p_actor);
  execute format('select api.%I(d.body, %L) from t.document d where d.name = %L', p_function, '2031-03-03 08:00+08', p_name) into v;
  return t.code(v);
end $$;
grant execute on all functions in schema t to public;
set session authorization hadir_admin;
select api.policy_check((select body from t.document where name = 'good'), '2031-03-03 08:00+08') as at_console \gset
set session authorization hadir_operator;
select t.act('access:81') as act \gset
select is(api.policy_check((select body from t.document where name = 'good'), '2031-03-03 08:00+08'), :'at_console'::jsonb, 'checked over HTTP it says what the console says');
select matches(:'at_console'::text, 'Mengikat 6 orang', 'about everybody');
select is(t.circular('access:83', 'policy_check', 'good'), '403 not_yours', 'an operator of a part checks none');
select is(t.circular('access:86', 'policy_apply', 'good'), '403 not_yours', 'a supervisor applies none');
select is(t.circular('access:84', 'policy_apply', 'good'), '403 not_yours', 'nor a token that was taken back');
select is(t.circular('device:1101', 'policy_apply', 'good'), '403 not_yours', 'nor a phone');
select is(t.circular('access:85', 'policy_apply', 'good'), '422 invalid', 'elsewhere these units are unknown');
select is(t.circular('access:82', 'policy_apply', 'nonsense'), '422 invalid', 'what is no circular');
select results_eq($$select p ->> 'field' from jsonb_array_elements(api.policy_apply((select body from t.document where name = 'nonsense'), '2031-03-03') #> '{error,problems}') p order by 1$$,
  $$values ('sections[0].line'), ('sections[0].more'), ('sections[0].pairs[0].value'), ('sections[0].pairs[1]'), ('sections[0].section'), ('sections[1].pairs'), ('sections[2]'), ('x')$$,
  'every problem of its form');
select is(api.policy_apply('[]', '2031-03-03') #>> '{error,code}', 'invalid', 'no object');
select t.act('access:82') as act \gset
select is(t.circular('access:82', 'policy_apply', 'good'), '201', 'BKPSDM applies it');
select is(t.circular('access:81', 'policy_apply', 'good'), '200', 'again it changes nothing');
reset session authorization;
create function t.scope(p_actor text, p_body jsonb default '{}') returns text language sql as $$
  select t.act(p_actor);
  select string_agg(p ->> 'number' || ' ' || (p -> 'scope')::text, ';') from jsonb_array_elements(api.policies(p_body, '2031-03-03 08:00+08') -> 'policies') p
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_query;
select is(t.scope('access:82'), 'W/1 ["Lingkup: unit A, B"]', 'the list has the scope in words');
select is(t.scope('access:83', '{"in_force": "ya"}'), 'W/1 ["Lingkup: unit A, 1 unit lain"]', 'of what one may see');
select is(t.scope('device:1201'), 'W/1 ["Lingkup: unit B, 1 unit lain"]', 'a phone may read it, too');
select is(t.scope('access:85'), null, 'no other government');
select is(api.policies('{"in_force": "ya"}', '2031-04-03 08:00+08') -> 'policies', '[]', 'in force or not');
select t.act('access:82') as act \gset
select is(api.policies('{"in_force": "ya"}', '2031-04-03 08:00+08') -> 'policies', '[]', 'in force or not');
select is(api.policies('{"in_force": "besok", "x": "1"}', '2031-04-03') #> '{error,problems}' -> 1 ->> 'field', 'in_force', 'a strange question');
select throws_ok($$select api.policy_apply('{}', now())$$, '42501', null, 'who asks applies nothing');
reset session authorization;
select is((select array_agg(s.step || ' ' || s.actor || ' ' || s.capacity || ' ' || s.person) from hadir.decision s where s.subject = 'policy'),
  '{"applied access:82 bkpsdm 103"}', 'the step says who');
select is((select array_agg(actor) from hadir.audit where action = 'policy_apply'), '{access:82}', 'and so does the audit');
select isnt_empty($$select from hadir.plan_dirt where kind = 'unit' and ref in (11, 13) and first_day = '2031-03-01'$$, 'the planner hears of it');
delete from hadir.plan_dirt;
set session authorization hadir_operator;
select t.act('access:83') as act \gset
select is(t.code(api.policy_remove('{"number": "W/1"}', '2031-03-03')), '403 not_yours', 'an operator of a part takes none back');
select t.act('access:85') as act \gset
select is(t.code(api.policy_remove('{"number": "W/1"}', '2031-03-03')), '404 not_found', 'nor another government');
select t.act('access:81') as act \gset
select is(t.code(api.policy_remove('{"number": "W/1", "reason": "keliru"}', '2031-03-03')), '200', 'an operator of the whole does');
select is(t.code(api.policy_remove('{}', '2031-03-03')), '422 invalid', 'it has a number');
reset session authorization;
select is((select s.reason || ' ' || s.actor from hadir.decision s where s.subject = 'policy' and s.step = 'revoked'), 'keliru access:81', 'with a reason');
select is((select count(*) from hadir.policy) + (select count(*) from hadir.policy_day), 0::bigint, 'it is gone with its parts');
select isnt_empty($$select from hadir.plan_dirt where kind = 'unit' and ref in (11, 13)$$, 'the planner hears of that, too');

-- Calendar.
set session authorization hadir_admin;
select is_empty($$select * from api.import_calendar('[{"line": 2, "day": "2031-03-05", "kind": "LN", "name": "Libur", "dated": "2030-10-01", "basis": "SKB"},
  {"line": 3, "day": "2031-03-05", "kind": "WORK", "name": "Ditunda", "dated": "2031-01-01", "basis": "SKB 2"},
  {"line": 4, "day": "2031-03-07", "kind": "LN", "name": "Libur", "dated": "2030-10-01", "basis": "SKB"},
  {"line": 5, "day": "2031-03-07", "kind": "LN", "name": "Libur Baru", "dated": "2031-01-01", "basis": "SKB 2"},
  {"line": 6, "day": "2031-03-06", "kind": "REGIONAL", "name": "Hari Jadi", "dated": "2031-01-02", "government": "town"}]', '2031-01-05')$$, 'decrees');
select is_empty($$select * from api.import_periods('[{"line": 2, "kind": "PUASA", "name": "P", "first_day": "2031-03-01", "last_day": "2031-03-05", "dated": "2030-10-01"},
  {"line": 3, "kind": "PUASA", "name": "P", "first_day": "2031-03-04", "last_day": "2031-03-08", "dated": "2031-01-01"}]', '2031-01-05')$$, 'periods');
select is(api.calendar('{"from": "2031-03-01", "to": "2031-03-31"}', '2031-03-03') #>> '{error,code}', 'not_found', 'the console says which government');
select is(jsonb_array_length(api.calendar('{"from": "2031-03-01", "to": "2031-03-31", "government": "town"}', '2031-03-03') -> 'days'), 5, 'and has it');
select is(api.calendar('{"from": "2031-03-01", "to": "2031-03-31", "government": "other", "unit": "A"}', '2031-03-03') #>> '{error,code}', 'not_found', 'a unit of another');
set session authorization hadir_query;
select t.act('device:1101') as act \gset
select results_eq($$select d ->> 'day', d ->> 'kind', d ->> 'name', d ->> 'basis', (d ->> 'in_force')::boolean, d ->> 'government'
  from jsonb_array_elements(api.calendar('{"from": "2031-03-01", "to": "2031-03-31", "unit": "A"}', '2031-03-03') -> 'days') d$$,
  $$values ('2031-03-05', 'LN', 'Libur', 'SKB', false, null), ('2031-03-05', 'WORK', 'Ditunda', 'SKB 2', true, null), ('2031-03-06', 'REGIONAL', 'Hari Jadi', '', true, 'town'),
           ('2031-03-07', 'LN', 'Libur', 'SKB', false, null), ('2031-03-07', 'LN', 'Libur Baru', 'SKB 2', true, null)$$, 'every word about a day, and which holds');
select results_eq($$select p ->> 'from', p ->> 'to', (p ->> 'in_force')::boolean from jsonb_array_elements(api.calendar('{"from": "2031-03-01", "to": "2031-03-31"}', '2031-03-03') -> 'periods') p$$,
  $$values ('2031-03-01', '2031-03-05', false), ('2031-03-04', '2031-03-08', true)$$, 'periods likewise');
select t.act('access:85') as act \gset
select is(jsonb_array_length(api.calendar('{"from": "2031-03-01", "to": "2031-03-31"}', '2031-03-03') -> 'days'), 4, 'elsewhere what is national');
select is(api.calendar('{"from": "2031-03-01", "to": "2031-03-31", "unit": "A"}', '2031-03-03') #>> '{error,code}', 'not_found', 'and no unit of others');
select t.act('access:84') as act \gset
select is(api.calendar('{"from": "2031-03-01", "to": "2031-03-31"}', '2031-03-03') #>> '{error,code}', 'not_found', 'nothing for a token that was taken back');
select is(api.calendar('{"from": "2031-03-01", "to": "2032-03-31"}', '2031-03-03') #>> '{error,code}', 'invalid', 'a year at most');
select is(api.calendar('{"to": "x"}', '2031-03-03') #>> '{error,code}', 'invalid', 'and days');

-- Hours: the government's, A's own from 3 March, shifts, a season, a person's.
reset session authorization;
insert into hadir.working_hours (id, government, unit, person, valid_from, valid_to, weekdays, season, shift, basis) overriding system value
values (601, 1, null, null, '2031-01-01', null, '{1,2,3,4,5}', null, null, 'Perbup'), (602, 1, 11, null, '2031-03-03', '2031-12-31', '{1,2,3,4,5,6}', null, null, 'SK'),
       (603, 1, null, null, '2031-01-01', null, '{1,2,3,4,5,6,7}', null, 'malam', 'Perbup'), (604, 1, null, null, '2031-01-01', null, '{1,2,3,4,5}', 'PUASA', null, 'Perbup'),
       (605, 1, null, 101, '2031-01-01', null, '{1,2}', null, null, 'SK 101'), (606, 1, null, null, '2030-01-01', null, '{1,2,3}', null, null, 'lama');
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
select w, 'pagi', 'Pagi', 'in', '6:00', '6:00', '7:30', '7:31', '10:00' from generate_series(601, 606) w;
insert into hadir.session (working_hours, code, label, counts_as, accept_from, on_time_from, due, on_time_until, accept_until)
values (603, 'pulang', 'Pulang', 'out', '28:00', '30:00', '30:00', '34:00', '34:00');
create function t.hours(p_actor text, p_body jsonb) returns text language sql as $$
  select t.act(p_actor);
  select string_agg(concat_ws(' ', right(h ->> 'nip', 3), h ->> 'unit', h ->> 'government', h ->> 'basis', h ->> 'weekdays', h ->> 'season', h ->> 'shift', h ->> 'session', h ->> 'due'), '; ')
  from jsonb_array_elements(api.hours(p_body, '2031-03-03 08:00+08') -> 'hours') h
$$;
grant execute on all functions in schema t to public;
set session authorization hadir_query;
select is(t.hours('access:82', '{"unit": "A", "day": "2031-03-10"}'), 'A SK 1,2,3,4,5,6 pagi 07:30; town Perbup malam pagi 07:30; town Perbup malam pulang 30:00; 101 SK 101 1,2 pagi 07:30',
  'a unit''s own, shifts, a person''s');
select is(t.hours('access:71', '{"unit": "A1"}'), 'A SK 1,2,3,4,5,6 pagi 07:30; town Perbup malam pagi 07:30; town Perbup malam pulang 30:00', 'those of the unit above');
select is(t.hours('access:72', '{"unit": "B"}'), 'town Perbup 1,2,3,4,5 pagi 07:30; town Perbup malam pagi 07:30; town Perbup malam pulang 30:00', 'today''s');
select is(t.hours('access:72', '{"unit": "B", "day": "2031-03-04"}'), 'town Perbup 1,2,3,4,5 PUASA pagi 07:30; town Perbup malam pagi 07:30; town Perbup malam pulang 30:00', 'a season''s while it is on');
select is(t.hours('device:1102', '{"unit": "A", "day": "2031-03-10"}'), 'A SK 1,2,3,4,5,6 pagi 07:30; town Perbup malam pagi 07:30; town Perbup malam pulang 30:00', 'a phone: not those of others');
select is(t.hours('access:72', '{"unit": "A"}'), null, 'not those of another unit');
select is(api.hours('{"unit": "A"}', '2031-03-03') #>> '{error,code}', 'not_found', 'which is unknown');
select is(api.hours('{"day": "x"}', '2031-03-03') #>> '{error,code}', 'invalid', 'a unit and a day');
select * from finish();
rollback;
