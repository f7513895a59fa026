-- Heads, acting heads, delegates: set by the console, one after the other, the past unchanged.
begin;
\ir derive_fixture.psql
select no_plan();
update hadir.posting set unit = 20 where person = 202;
update hadir.person set government = 2 where id = 202;
create function t.nip(p_person bigint) returns text language sql as $$ select lpad(p_person::text, 18, '9') $$;
create function t.head(p_person bigint, p_unit text, p_kind text, p_from text, p_to text default null) returns text language sql as $$
  select coalesce((select string_agg(p ->> 'field' || ': ' || (p ->> 'reason'), '; ') from jsonb_array_elements(a -> 'error' -> 'problems') p),
    a ->> 'status' || coalesce((select string_agg(' ended ' || right(e ->> 'nip', 3) || ' ' || (e ->> 'kind') || ' ' || (e ->> 'to'), '')
                                from jsonb_array_elements(a -> 'ended') e), ''))
  from api.head_set(jsonb_build_object('nip', t.nip(p_person), 'unit', p_unit, 'kind', p_kind, 'from', p_from, 'to', p_to),
                    '2031-03-03 08:00+08') a
$$;
create function t.heads(p_body jsonb) returns text language sql as $$
  select string_agg(right(h ->> 'nip', 3) || ' ' || (h ->> 'unit') || ' ' || (h ->> 'kind') || ' ' || (h ->> 'from') || '…' || coalesce(h ->> 'to', ''), ', ')
  from jsonb_array_elements(api.heads(p_body, '2031-03-03 08:00+08') -> 'heads') h
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_admin;
select is(t.head(101, 'A', 'head', '2031-01-01'), '201', 'a head');
select is(t.head(102, 'A', 'acting', '2031-03-10', '2031-03-20'), '201', 'somebody acts for him');
select is(t.head(103, 'A', 'delegate', '2031-03-12', '2031-03-12'), '201', 'a delegate');
select is(t.head(201, 'A', 'delegate', '2031-03-12', '2031-03-12'), '201', 'another beside him');
select is(t.heads('{"unit": "A", "day": "2031-03-12"}'),
  '101 A head 2031-01-01…, 102 A acting 2031-03-10…2031-03-20, 103 A delegate 2031-03-12…2031-03-12, 201 A delegate 2031-03-12…2031-03-12', 'in office that day');
select is(t.heads('{"unit": "R", "day": "2031-03-21"}'), '101 A head 2031-01-01…', 'and after');
select is(t.head(102, 'A', 'acting', '2031-03-10', '2031-03-18'), '201', 'the same first day corrects');
select is(t.head(103, 'A', 'acting', '2031-03-15'), '201 ended 102 acting 2031-03-14', 'another acts: the first ends');
select is(t.head(201, 'A', 'head', '2031-04-01'), '201 ended 103 acting 2031-03-31 ended 101 head 2031-03-31', 'a new head ends both');
select is(t.head(101, 'A', 'head', '2031-02-01'), 'to: sudah ada yang mulai 2031-04-01; akhiri sebelum itu', 'not into what is set already');
select is(t.head(101, 'A', 'head', '2031-02-01', '2031-03-31'), '201 ended 101 head 2031-01-31', 'but before it');
select is(t.heads('{}'), '101 A head 2031-01-01…2031-01-31, 101 A head 2031-02-01…2031-03-31, 102 A acting 2031-03-10…2031-03-14, 103 A delegate 2031-03-12…2031-03-12, '
  '201 A delegate 2031-03-12…2031-03-12, 103 A acting 2031-03-15…2031-03-31, 201 A head 2031-04-01…', 'all of them');
select is(t.head(998, 'nowhere', 'chief', '2031-13-01', '2031-01-00'),
  'from: tanggal harus berbentuk TTTT-BB-HH dan ada di kalender; to: tanggal harus berbentuk TTTT-BB-HH dan ada di kalender; nip: NIP tidak dikenal; '
  'kind: harus head, acting atau delegate', 'every problem at once');
select is(t.head(101, 'nowhere', 'head', '2031-05-01'), 'unit: unit tidak dikenal', 'then the unit');
select is(t.head(202, 'A', 'head', '2031-05-01', '2031-04-01'), 'unit: unit milik pemerintah lain; to: tidak boleh sebelum tanggal mulai', 'another government''s');
select is(api.head_set('{}', '2031-03-03') #>> '{error,status}', '422', 'an empty body is refused');
select is(api.heads('{"unit": "nowhere"}', '2031-03-03') #>> '{error,code}', 'not_found', 'an unknown unit');

-- Many at once.
select results_eq(format($$ select line, field, reason from api.import_heads('[
  {"line": 2, "nip": "%s", "unit": "B", "kind": "head", "from": "2031-01-01", "to": null},
  {"line": 3, "nip": "%s", "unit": "A", "kind": "head", "from": "2031-02-15"},
  {"line": 4, "nip": "1", "unit": "B", "kind": "boss", "from": null}]', '2031-03-03') $$, t.nip(201), t.nip(102)),
  $$ values (3, 'to', 'sudah ada yang mulai 2031-04-01; akhiri sebelum itu'), (4, 'from', 'harus diisi'), (4, 'kind', 'harus head, acting atau delegate'), (4, 'nip', 'NIP tidak dikenal') $$,
  'every problem of a file');
select is(t.heads('{"unit": "B"}'), null, 'and nothing was loaded');
prepare heads as select * from api.import_heads(format('[{"line": 2, "nip": "%s", "unit": "B", "kind": "head", "from": "2031-01-01"},
  {"line": 3, "nip": "%s", "unit": "B", "kind": "acting", "from": "2031-02-01", "to": "2031-02-03"}]', t.nip(201), t.nip(103))::jsonb, '2031-03-03');
select is_empty('heads', 'a good file');
select is(t.head(102, 'B', 'head', '2031-06-01'), '201 ended 201 head 2031-05-31', 'somebody follows');
select is_empty('heads', 'and again, changing nothing');
select is(t.heads('{"unit": "B"}'), '201 B head 2031-01-01…2031-05-31, 103 B acting 2031-02-01…2031-02-03, 102 B head 2031-06-01…', 'sets heads');

-- A token for BKPSDM is for the whole government.
select throws_like(format('select api.grant_access(%L, %L, %L, %L, %L)', t.nip(101), 'bkpsdm', 'A', repeat('aa', 32), '2031-03-03'), '%unit teratas%', 'BKPSDM of a part');
select lives_ok(format('select api.grant_access(%L, %L, %L, %L, %L)', t.nip(101), 'bkpsdm', 'R', repeat('aa', 32), '2031-03-03'), 'BKPSDM of the whole');

set session authorization hadir_query;
select set_config('hadir.actor', 'access:71', true) \g /dev/null
select is(t.heads('{"day": "2031-04-01"}'), '201 A head 2031-04-01…', 'a superior sees the heads of his units');
select set_config('hadir.actor', 'access:72', true) \g /dev/null
select is(t.heads('{"day": "2031-02-10"}'), '201 B head 2031-01-01…2031-05-31', 'and no others');
select throws_ok($$ select api.head_set('{}', '2031-03-03') $$, '42501', null, 'and sets none');
select * from finish();
rollback;
