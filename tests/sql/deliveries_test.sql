-- Targets of the export and what goes to them: who gets what, tries with their pauses, and who may ask.
begin;
\ir derive_fixture.psql
select plan(37);

create function t.add(p jsonb) returns jsonb language sql as $$
  select api.target_add('{"government": "town", "name": "a", "url": "file:///srv/a"}'::jsonb || p, t.at('2031-03-02', '9:00'))
$$;
create function t.record(p_period text, p_at timestamptz) returns void language sql as $$
  select api.export_record(1, p_period, 1, '/export/town/' || p_period, repeat('a', 64), p_at, p_at)
$$;
create function t.states() returns text[] language sql as $$
  select array_agg(concat_ws(' ', d ->> 'target', d ->> 'period', d ->> 'state', d ->> 'tries', d ->> 'next_at'))
  from jsonb_array_elements(api.deliveries('{"all": true}', now()) -> 'deliveries') d
$$;
create function t.reasons(p jsonb) returns text[] language sql as $$
  select array_agg(concat_ws(' ', q ->> 'field', q ->> 'reason')) from jsonb_array_elements(p #> '{error,problems}') q
$$;
grant execute on all functions in schema t to public;
set hadir.language = 'en';

-- ---- what a target must be
set session authorization hadir_admin;
select is(t.reasons(t.add('{"name": "A b"}')), '{"name must be small letters, digits and hyphens, at most 40"}', 'a name is plain');
select is(t.reasons(t.add('{"url": "http://example.go.id/x"}')), '{"url http:// only to this machine itself; use https://"}', 'nothing goes unencrypted');
select is(t.reasons(t.add('{"url": "http://127.0.0.1@example.go.id/"}')) is null, false, 'whatever the address pretends');
select is(t.reasons(t.add('{"url": "sftp://me:secret@host/x"}')), '{"url no password in it: that is kept in target_secrets, see hadird.conf(5)"}', 'no password is kept here');
select is(t.reasons(t.add(jsonb_build_object('url', u))) is null, false, 'no target: ' || u)
from unnest('{ftp://host/x,file://relative/x,file:///,https://host/?a=b,sftp://host/x,smtp://host/x,javascript:x}'::text[]) u;
select is(t.reasons(t.add('{"url": "smtp://host"}')), '{"from must be an address of mail","to must be addresses of mail, with commas between"}', 'mail is from and to somebody');
select is(t.reasons(t.add('{"url": "smtp://host", "from": "a@x", "to": "b@y, c"}')), '{"to must be addresses of mail, with commas between"}', 'each of them');
select is(t.reasons(t.add(jsonb_build_object('url', 'smtp://host', 'from', 'a@x', 'to', repeat('b@y,', 245) || 'bb@yyy'))),
  '{"to an address has at most 254 characters, all together 985; let a mailing list stand for many"}', 'as many as a line holds');
select is(t.reasons(t.add(jsonb_build_object('url', 'smtp://host', 'from', repeat('a', 253) || '@x', 'to', repeat('b', 253) || '@y'))),
  '{"from at most 254 characters","to an address has at most 254 characters, all together 985; let a mailing list stand for many"}', 'and as long as one may be');
select is(t.add(jsonb_build_object('name', 'line', 'government', 'nowhere', 'url', 'smtp://host', 'from', 'a@x', 'to', repeat('b@y,', 245) || 'bb@yy'))
  #>> '{error,code}', 'not_found', 'and no fewer');
select is(t.reasons(t.add('{"format": "pdf", "what": "year"}')), '{"what must be day, month or all","format only of mail: other targets get the whole folder"}', 'all at once');
select is(t.reasons(t.add('{"government": "nowhere"}')), '{"government the government is unknown"}', 'of a government');

-- ---- who gets what
select is(t.add('{}') - 'target', '{"status": 201, "deliveries": 0}', 'a folder, of days and months');
select is(t.add('{}') #>> '{error,code}', 'wrong_state', 'once');
select is(t.add('{"name": "m", "what": "month", "url": "smtp://host", "from": "a@x", "to": "b@y, c@z"}') ->> 'status', '201', 'mail, of months');
set session authorization hadir_nightly;
select t.record('2031-03-01', t.at('2031-03-02', '10:00')), t.record('2031-02', t.at('2031-03-02', '10:00')) \g /dev/null
select t.record('2031-02', t.at('2031-03-02', '11:00')) \g /dev/null
set session authorization hadir_admin;
select is(t.states(), '{"a 2031-03-01 waiting 0 2031-03-02T10:00:00+08:00","a 2031-02 waiting 0 2031-03-02T10:00:00+08:00","m 2031-02 waiting 0 2031-03-02T10:00:00+08:00"}',
  'what is published goes to whom it is for, once');
select is(t.add('{"name": "since", "since": "2031-02-10"}') ->> 'deliveries', '2', 'a new target may get what was published before');
select is(t.add('{"name": "later", "since": "2031-03-02"}') ->> 'deliveries', '0', 'since a day');
select is(api.target_remove('{"government": "town", "name": "since"}', now()) ->> 'status', '200', 'and is taken away');
select is((select array_agg(x ->> 'name') from jsonb_array_elements(api.targets('{"government": "town"}', now()) -> 'targets') x), '{a,later,m}', 'from the list');

-- ---- tries
set session authorization hadir_nightly;
select is((select array_agg(name || ' ' || mail_to || formats) from api.targets_due(t.at('2031-03-02', '10:00'))), '{"a ","m b@y,c@zpdf,xlsx"}', 'to whom something is due');
select is((select period from api.delivery_next((select min(target) from api.targets_due(t.at('2032-03-02', '10:00'))), t.at('2031-03-02', '10:00'))), '2031-03-01', 'the first published first');
select min(d.target) as target, min(n.run) as run
from api.targets_due(t.at('2032-03-02', '10:00')) d cross join lateral api.delivery_next(d.target, t.at('2032-03-02', '10:00')) n \gset
select is(api.delivery_failed(:target, :run, 'no', t.at('2031-03-02', '10:00')), 'failed', 'a try failed');
set session authorization hadir_admin;
select is((t.states())[1], 'a 2031-03-01 failed 1 2031-03-02T10:01:00+08:00', 'and is tried again in a minute');
reset session authorization;
select is(array(select extract(epoch from hadir.delivery_wait(n))::int / 60 from generate_series(1, 24) n),
  '{1,2,4,8,16,32,64,128,256,360,360,360,360,360,360,360,360,360,360,360,360,360,360,null}'::int[], 'twice as long each time, six hours at most, 24 times');
update hadir.export_delivery set tries = 23 where target = :target and run = :run;
set session authorization hadir_nightly;
select is(api.delivery_failed(:target, :run, 'no', t.at('2031-03-06', '10:00')), 'given_up', 'then it is given up');
select is((select period from api.delivery_next(:target, t.at('2032-03-06', '10:00'))), '2031-02', 'which keeps nothing else back');
set session authorization hadir_admin;
select is(api.delivery_again('{"government": "town", "name": "a"}', t.at('2031-03-07', '10:00')) ->> 'deliveries', '1', 'by hand it is tried again');
select is((t.states())[1], 'a 2031-03-01 waiting 0 2031-03-07T10:00:00+08:00', 'from the beginning');
reset session authorization;
select is((select array_agg(distinct action) from hadir.audit where action like 'target%' or action like 'delivery%'), '{delivery_again,target_add,target_remove}', 'what the console did is kept');
set session authorization hadir_query;
select throws_ok($$ select api.targets('{}', now()) $$, '42501', null, 'nobody else sees targets');
reset session authorization;
select * from finish();
rollback;
