-- What the desk's two connections may do: hadir_operator calls what files and decides, hadir_query what only reads, and
-- neither anything else; nor anything at all without an actor.
begin;
select no_plan();
\i tests/town.psql
select api.grant_access('198001012005011005', 'supervisor', 'dinas-a', repeat('a1', 32), '2025-12-01') as head \gset
reset session authorization;

-- daemon/desk/statement.c calls these.
create temporary table call (name text, writes boolean);
insert into call values ('letter_file', true), ('letter_decide', true), ('letters', false), ('letter_breaches', false), ('breaches', false),
  ('absence_request', true), ('absence_decide', true), ('absences', false), ('correction_request', true), ('correction_decide', true),
  ('corrections', false), ('outage_request', true), ('outage_decide', true), ('outages', false), ('work_report_send', true),
  ('work_reports', false), ('recap_days', false), ('notices', false), ('notice_seen', true),
  ('doubts', false), ('heads', false), ('head_set', true), ('policies', false), ('policy_check', true), ('policy_apply', true),
  ('policy_remove', true), ('calendar', false), ('hours', false), ('month_state', false), ('month_ask', true),
  ('day_differences', false), ('plan_reopen', true);
grant select on call to public;
create temporary view may as
select r.rolname as role, p.proname as name, p.proowner::regrole::text as owner, p.provolatile as volatile,
       pg_get_function_identity_arguments(p.oid) as arguments
from pg_proc p join pg_roles r on r.rolname in ('hadir_operator', 'hadir_query')
where p.pronamespace = 'api'::regnamespace and has_function_privilege(r.oid, p.oid, 'execute');

select is_empty($$select m.name from may m where m.role = 'hadir_operator' and not exists (select from call c where c.name = m.name and c.writes)$$,
  'the operator calls what files and decides, and nothing else');
select is_empty($$select m.name from may m where m.role = 'hadir_query' and (m.owner <> 'hadir_reader'
    -- (Those two derive into a temporary table.)
    or m.volatile = 'v' and m.name not in ('month_state', 'day_differences'))$$,
  'what hadir_query calls belongs to the reader and changes nothing');
select is_empty($$select c.name from call c join pg_proc p on p.proname = c.name and p.pronamespace = 'api'::regnamespace
  where not exists (select from may m where m.name = c.name and m.role = case when c.writes then 'hadir_operator' else 'hadir_query' end
                      and m.arguments ~ '^p_[a-z]+ jsonb, p_[a-z]+ timestamp with time zone$')$$, 'the desk may call every function it names, and they have its shape');
select is_empty($$select c.name from call c left join pg_proc p on p.proname = c.name and p.pronamespace = 'api'::regnamespace where p.oid is null$$,
  'and all of them are there');
select is_empty($$select p.proname from pg_proc p where p.pronamespace = 'hadir'::regnamespace and p.prosecdef
  and (has_function_privilege('hadir_operator', p.oid, 'execute') and has_schema_privilege('hadir_operator', 'hadir', 'usage'))$$,
  'the inside of the house is closed to it');

-- Without an actor, with one that is nobody, and with one that was revoked: every list is empty or not found, and nothing is written.
create function pg_temp.bodies() returns table (name text, body jsonb) language sql as $$
  values ('letter_file', '{"unit": "dinas-a", "kind": "assignment", "number": "1/X", "dated": "2025-12-20",
             "orders": [{"place": "WFH", "people": [{"nip": "198001012005011001", "days": ["2025-12-29"]}]}]}'::jsonb),
         ('letter_decide', '{"letter": 1, "step": "confirmed", "reason": "x"}'),
         ('absence_request', '{"nip": "198001012005011001", "code": "CT", "first_day": "2025-12-29", "number": "1"}'),
         ('absence_decide', '{"absence": 1, "step": "approved"}'),
         ('correction_request', '{"nip": "198001012005011001", "day": "2025-12-19", "session": "pagi", "kind": "forgotten", "claimed_at": "2025-12-19T07:00:00+08:00"}'),
         ('correction_decide', '{"correction": 1, "step": "approved"}'),
         ('outage_request', '{"unit": "dinas-a", "from": "2025-12-19T07:00:00+08:00", "to": "2025-12-19T08:00:00+08:00", "note": "x"}'),
         ('outage_decide', '{"outage": 1, "step": "approved"}'),
         ('notice_seen', '{"notice": 1}'),
         ('head_set', '{"nip": "198001012005011001", "unit": "dinas-a", "kind": "acting", "from": "2025-12-21"}'),
         ('policy_check', '{}'), ('policy_apply', '{}'), ('policy_remove', '{"number": "1"}'),
         ('month_ask', '{"unit": "dinas-a", "month": "2025-11"}'),
         ('plan_reopen', '{"unit": "dinas-a", "from": "2025-12-01", "to": "2025-12-02", "reason": "x"}'),
         ('work_report_send', '{"nip": "198001012005011001", "day": "2025-12-19", "kind": "work_plan", "text": "x"}') $$;
create function pg_temp.answer(p_name text, p_body jsonb) returns jsonb language plpgsql as $$
declare v jsonb;
begin
  execute format('select api.%I($1, $2)', p_name) into v using p_body, timestamptz '2025-12-20 09:00+08';
  return v;
end $$;
insert into hadir.absence_code (government, code, name) select id, 'CT', 'Cuti tahunan' from hadir.government on conflict do nothing;
insert into hadir.letter (id, government, unit, kind, number, dated, filed_at) overriding system value
select 1, u.government, u.id, 'assignment', '9/X', '2025-12-20', '2025-12-20' from hadir.unit u where u.code = 'dinas-a';
insert into hadir.absence (id, government, person, code, first_day, last_day, asked_at) overriding system value
select 1, p.government, p.id, 'CT', '2025-12-29', '2025-12-29', '2025-12-20' from hadir.person p where p.nip = '198001012005011001';
insert into hadir.correction (id, government, person, day, session, kind, claimed_at, asked_at) overriding system value
select 1, p.government, p.id, '2025-12-19', 'pagi', 'forgotten', '2025-12-19 07:00+08', '2025-12-20' from hadir.person p where p.nip = '198001012005011001';
insert into hadir.outage (id, government, unit, starts_at, ends_at, note, asked_at) overriding system value
select 1, u.government, u.id, '2025-12-19 07:00+08', '2025-12-19 08:00+08', 'x', '2025-12-20' from hadir.unit u where u.code = 'dinas-a';
create temporary view kept as
select (select count(*) from hadir.letter) || ' ' || (select count(*) from hadir.absence) || ' ' || (select count(*) from hadir.correction)
       || ' ' || (select count(*) from hadir.outage) || ' ' || (select count(*) from hadir.work_report) || ' ' || (select count(*) from hadir.decision)
       || ' ' || (select count(*) from hadir.posting where kind <> 'main') || ' ' || (select count(*) from hadir.audit where action in ('plan_reopen', 'policy_apply')) as n;
create temporary table kept_before as select * from kept;
create temporary table there as select c.name, c.writes from call c
where exists (select from pg_proc p where p.proname = c.name and p.pronamespace = 'api'::regnamespace);
grant select on there to public;

create temporary table actor (who text, means text);
insert into actor values ('', 'no actor'), ('access:999999', 'nobody''s actor'), ('access:' || :head, 'a revoked actor'), ('hadir', 'a word');
grant select on actor to public;
update hadir.access set revoked_at = '2025-12-02' where id = :head;

set session authorization hadir_operator;
select ok(x.a #>> '{error,status}' in ('403', '404', '422'), a.means || ' files and decides nothing: ' || b.name || ' ' || coalesce(x.a::text, ''))
from actor a cross join pg_temp.bodies() b join there t on t.name = b.name
cross join lateral (select case when t.name is not null and set_config('hadir.actor', a.who, true) is not null then pg_temp.answer(b.name, b.body) end as a) x;
select throws_ok('select * from hadir.letter', '42501', null, 'the operator''s connection touches no table');
select throws_ok($$insert into hadir.letter (government, unit, kind, number, dated, filed_at) values (1, 1, 'recall', 'x', '2025-12-20', '2025-12-20')$$, '42501', null, 'nor writes one');
select throws_ok($$select api.plan_refresh('2025-12-29')$$, '42501', null, 'nor refreshes the plan');
select throws_ok($$select * from api.presence('dinas-a', null, '2025-12-29')$$, '42501', null, 'nor asks questions');
select throws_ok($$select api.grant_access('198001012005011001', 'bkpsdm', 'kota', repeat('cc', 32), '2025-12-29')$$, '42501', null, 'nor grants rights');
select throws_ok('set role hadir_writer', '42501', null, 'nor becomes the writer');
reset session authorization;
select is((select n from kept), (select n from kept_before), 'nothing was written');

set session authorization hadir_query;
select ok(x.a #>> '{error,status}' in ('403', '404', '422') or not x.a::text ~ '1980|9/X|Pegawai', a.means || ' sees nothing: ' || t.name || ' ' || coalesce(x.a::text, ''))
from actor a cross join there t
cross join lateral (select case when set_config('hadir.actor', a.who, true) is not null then pg_temp.answer(t.name, case t.name
  when 'letter_breaches' then '{"letter": 1}' when 'breaches' then '{"unit": "dinas-a", "from": "2025-12-01", "to": "2025-12-31"}'
  when 'recap_days' then '{"nip": "198001012005011001", "month": "2025-12"}'
  when 'notices' then '{"unit": "dinas-a"}' when 'hours' then '{"unit": "dinas-a"}'
  when 'month_state' then '{"unit": "dinas-a", "month": "2025-12"}' when 'day_differences' then '{"unit": "dinas-a", "day": "2025-12-19"}' when 'doubts' then '{"unit": "dinas-a"}' else '{}' end::jsonb) end as a) x
where not t.writes;
reset session authorization;
select * from finish();
rollback;
