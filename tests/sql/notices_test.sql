-- Breaches that arise after a letter was confirmed: found by the nightly run, told once to whoever decides.
begin;
\ir derive_fixture.psql
select no_plan();
-- Unit A is 101, 102 and (from January) 299, its head; A1 below it 103. At most a third elsewhere, by letter. 10 March 2031 is a Monday.
insert into hadir.posting (person, unit, valid_from, kind) values (299, 11, '2031-01-01', 'head');
update hadir.posting set unit = 11 where person = 299 and kind = 'main';
insert into hadir.working_hours (government, valid_from, weekdays) values (1, '2031-01-01', '{1,2,3,4,5}');
insert into hadir.person (id, government, nip, name, category) overriding system value values (302, 1, '199001012015011302', 'Pegawai 302', 'PNS');
insert into hadir.posting (person, unit, valid_from) values (302, 10, '2031-01-01');
insert into hadir.access (id, government, person, role, unit, token_hash, granted_at) overriding system value values
  (77, 1, 302, 'bkpsdm', 10, sha256('g'), '2031-01-01'), (78, 1, 202, 'operator', 11, sha256('h'), '2031-01-01');
insert into hadir.absence_code (government, code, name) values (1, 'CT', 'Cuti tahunan');
insert into hadir.policy (id, government, number, dated, valid_from, grants) overriding system value values (51, 1, 'S', '2031-02-01', '2031-02-01', 'letter');
insert into hadir.policy_scope (policy) values (51);
insert into hadir.policy_day (policy, weekdays, place, granted) values (51, '{1,2,3,4,5}', 'WFA', true);
insert into hadir.policy_quota (policy, measure, percent, base) values (51, 'max_elsewhere', 40, 'working');

create function t.nip(p_person int) returns text language sql immutable as $$ select lpad(p_person::text, 18, '9') $$;
create function t.send(p_number text, p_person int, p_day date, p_reason text default null) returns text language plpgsql as $$
declare
  a jsonb;
begin
  a := api.letter_file(jsonb_build_object('unit', 'A', 'kind', 'assignment', 'number', p_number, 'dated', '2031-03-01', 'orders', jsonb_build_array(
    jsonb_build_object('place', 'WFA', 'people', jsonb_build_array(jsonb_build_object('nip', t.nip(p_person), 'days', jsonb_build_array(p_day)))))),
    t.at('2031-03-05', '9:00'));
  a := api.letter_decide(jsonb_strip_nulls(jsonb_build_object('letter', a -> 'letter', 'step', 'confirmed', 'reason', p_reason)), t.at('2031-03-05', '9:00'));
  return coalesce(a #>> '{error,code}', a ->> 'step');
end
$$;
-- What somebody reads: told or not, unit, day, who, text.
create function t.reads(p_actor text, p_unit text) returns text language sql as $$
  select case when set_config('hadir.actor', p_actor, true) is not null then coalesce(nullif((
    select string_agg(concat_ws(' ', case when n ->> 'told_at' is null then 'new' else 'told' end, n ->> 'unit', n ->> 'day', n ->> 'text'), E'\n' order by o)
    from jsonb_array_elements(api.notices(jsonb_build_object('unit', p_unit), t.at('2031-03-07', '9:00')) -> 'notices') with ordinality e (n, o)
    where n ->> 'kind' = 'breach'), ''), '-') end
$$;
grant execute on all functions in schema t to public;

set session authorization hadir_admin;
select is(t.send('1', 101, '2031-03-10'), 'confirmed', 'one of three may be away');
select is(t.send('2', 101, '2031-03-11'), 'confirmed', 'on another day, too');
select is(t.send('3', 102, '2031-03-11'), 'breaches', 'a second may not');
select is(t.send('4', 102, '2031-03-12', 'banjir'), 'confirmed', 'one');
select is(t.send('5', 101, '2031-03-12', 'banjir'), 'confirmed', 'two, with a reason');
select is(t.send('6', 101, '2031-03-04', 'lewat'), 'confirmed', 'a day that is over');
set session authorization hadir_nightly;
select is(api.breach_notice(t.at('2031-03-06', '1:00')), 0::bigint, 'what was confirmed over needs no notice');
-- Another takes leave: of two who work one is away. So on a day that is over.
reset session authorization;
insert into hadir.absence (government, person, code, first_day, last_day, status, asked_at) values
  (1, 102, 'CT', '2031-03-10', '2031-03-10', 'approved', '2031-03-06'), (1, 102, 'CT', '2031-03-04', '2031-03-04', 'approved', '2031-03-06');
set session authorization hadir_nightly;
select is(api.breach_notice(t.at('2031-03-07', '1:00')), 1::bigint, 'what arises later is found, for days from today on');
select is(api.breach_notice(t.at('2031-03-08', '1:00')), 0::bigint, 'once');
set session authorization hadir_query;
select is(t.reads('access:71', 'A'), 'new A 2031-03-10 Unit A, 2031-03-10: 1 dari 2 orang yang bekerja di luar kantor (WFH/WFA), paling banyak 0 (S): Pegawai 101', 'the head reads it');
select is(t.reads('access:77', 'R'), t.reads('access:71', 'A'), 'and BKPSDM');
select is(t.reads('access:78', 'A'), '-', 'not the operator');
select is(t.reads('access:72', 'B'), '-', 'nor another unit''s head');
reset session authorization;
select id as notice from hadir.notice \gset
set session authorization hadir_operator;
select set_config('hadir.actor', 'access:78', true) is not null as set \gset
select is(api.notice_seen(jsonb_build_object('notice', :notice), t.at('2031-03-07', '9:00')) #>> '{error,problems,0,reason}', 'tidak ada pemberitahuan nomor ' || :notice,
  'an operator has none of that number');
select set_config('hadir.actor', 'access:71', true) is not null as set \gset
select is(api.notice_seen(jsonb_build_object('notice', :notice), t.at('2031-03-07', '9:00')) ->> 'status', '200', 'the head has read it');
set session authorization hadir_query;
select is(split_part(t.reads('access:77', 'R'), ' ', 1), 'told', 'and BKPSDM sees that it was told');

-- A circular applied later: from the 17th on nobody is elsewhere. And somebody moves.
set session authorization hadir_admin;
select is(t.send('7', 101, '2031-03-17'), 'confirmed', 'allowed when it was confirmed');
select is(t.send('8', 299, '2031-03-24'), 'confirmed', 'likewise');
reset session authorization;
insert into hadir.policy (id, government, number, dated, valid_from, valid_to) overriding system value values (52, 1, 'K', '2031-03-06', '2031-03-17', '2031-03-18');
insert into hadir.policy_scope (policy) values (52);
insert into hadir.policy_day (policy, weekdays, place) values (52, '{1,2,3,4,5}', 'WFO');
update hadir.posting set valid_to = '2031-03-23' where person = 101 and kind = 'main';
insert into hadir.posting (person, unit, valid_from) values (101, 13, '2031-03-24');
set session authorization hadir_nightly;
select is(api.breach_notice(t.at('2031-03-09', '1:00')), 2::bigint, 'a circular applied later, and a move');
set session authorization hadir_query;
select set_config('hadir.language', 'en', true) is not null as set \gset
select is(t.reads('access:77', 'R'), 'new A 2031-03-24 Unit A, 2031-03-24: 1 of 2 people who work elsewhere (WFH/WFA), at most 0 (S): Pegawai 299
new A 2031-03-17 Pegawai 101, 2031-03-17: no circular allows WFA on that day (1 of 1 days, at most 0)
told A 2031-03-10 Unit A, 2031-03-10: 1 of 2 people who work elsewhere (WFH/WFA), at most 0 (S): Pegawai 101', 'untold ones first, the latest first');
select is(split_part(t.reads('access:71', 'A'), E'\n', 2), 'new A 2031-03-17 Pegawai 101, 2031-03-17: no circular allows WFA on that day (1 of 1 days, at most 0)',
  'of a person: who decides about him');
select throws_ok($$select api.breach_notice('2031-03-09')$$, '42501', null, 'only the nightly run looks');
select * from finish();
rollback;
