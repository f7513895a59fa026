-- Roles, ownership and row security as the design has them: nothing here depends on data.
begin;
select no_plan();
select is((select count(*) from pg_roles where rolname like 'hadir\_%' and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)), 0::bigint, 'no role of ours is privileged');
select results_eq($$select rolname::text from pg_roles where rolname in ('hadir_reader', 'hadir_writer') and rolcanlogin$$, $$select ''::text where false$$, 'nobody logs in as owner of the api');
select is_empty($$select c.relname from pg_class c where c.relnamespace = 'hadir'::regnamespace and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)$$,
  'row security is forced on every table');
select is_empty($$select c.relname from pg_class c where c.relnamespace = 'hadir'::regnamespace and c.relkind in ('r', 'p')
  and not exists (select from pg_policy p where p.polrelid = c.oid)$$, 'and every table has a policy');
select is_empty($$select c.relname from pg_class c where c.relnamespace = 'hadir'::regnamespace and c.relkind in ('r', 'p') and c.relowner <> 'hadir_owner'::regrole$$,
  'tables belong to the owner');
select is_empty($$select p.proname from pg_proc p where p.pronamespace = 'api'::regnamespace and (p.proowner not in ('hadir_reader'::regrole, 'hadir_writer'::regrole) or not p.prosecdef)$$,
  'api functions run as reader or writer');
select is_empty($$select p.proname from pg_proc p where p.pronamespace in ('api'::regnamespace) and not exists (select from unnest(p.proconfig) c where c like 'search\_path=%')$$,
  'with their search path pinned');
select is_empty($$select p.proname from pg_proc p where p.pronamespace in ('hadir'::regnamespace) and p.prosecdef and not exists (select from unnest(p.proconfig) c where c like 'search\_path=%')$$,
  'as do the inner definer functions');
select is_empty($$select p.proname from pg_proc p where p.pronamespace = 'api'::regnamespace and has_function_privilege('public', p.oid, 'execute')$$, 'public may call none of them');
select is_empty($$select r.rolname, c.relname from pg_roles r, pg_class c where c.relnamespace = 'hadir'::regnamespace and c.relkind in ('r', 'p')
  and r.rolname in ('hadir_query', 'hadir_operator', 'hadir_intake', 'hadir_planner', 'hadir_messenger', 'hadir_nightly', 'hadir_admin')
  and (has_table_privilege(r.oid, c.oid, 'select') or has_table_privilege(r.oid, c.oid, 'insert') or has_table_privilege(r.oid, c.oid, 'update') or has_table_privilege(r.oid, c.oid, 'delete'))$$,
  'no login role touches a table');
select is_empty($$select c.relname from pg_class c where c.relname in ('checkin', 'checkin_ack', 'placement', 'event', 'fence_version', 'attendance', 'attendance_version', 'export_run', 'export_signature', 'audit')
  and c.relnamespace = 'hadir'::regnamespace and (has_table_privilege('hadir_writer', c.oid, 'update') or has_table_privilege('hadir_writer', c.oid, 'delete'))$$,
  'facts and results are only added to');
select is_empty($$select c.relname from pg_class c where c.relnamespace = 'hadir'::regnamespace and c.relkind in ('r', 'p') and (has_table_privilege('hadir_reader', c.oid, 'insert')
  or has_table_privilege('hadir_reader', c.oid, 'update') or has_table_privilege('hadir_reader', c.oid, 'delete'))$$, 'the reader only reads');
select is_empty($$select a.attname from pg_attribute a where a.attrelid = 'hadir.checkin'::regclass and a.attname in ('lat', 'lon', 'accuracy_m', 'salt', 'raw', 'key', 'body_hash', 'distance_m')$$,
  'a check-in holds no coordinates, keys or distances');
select is_empty($$select conname from pg_constraint where contype = 'f' and conrelid in ('hadir.checkin'::regclass, 'hadir.checkin_ack'::regclass, 'hadir.placement'::regclass)$$, 'nor foreign keys');
select cmp_ok((select count(*) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole where r.rolname like 'hadir\_%' and array_to_string(s.setconfig, ',') like '%statement_timeout%'), '>=', 7::bigint,
  'every login role has a statement timeout');

-- The rules know no case: no date, hour or number of any circular stands in a function.
select is_empty($$select p.proname from pg_proc p where p.pronamespace in ('hadir'::regnamespace, 'api'::regnamespace)
  and p.prosrc ~ '(20[0-9]{2}-[0-9]{2}-[0-9]{2}|BKPSDM/|100\.3\.4|7:30|07:31|16:00|Perpres)'$$, 'no date, hour or circular in SQL functions');
set session authorization hadir_query;
select throws_ok('select * from hadir.person', '42501', null, 'hadir_query sees no table');
select throws_ok($$select api.plan_refresh('2025-12-29', false)$$, '42501', null, 'nor calls the planner''s function');
set session authorization hadir_intake;
select throws_ok($$select * from api.import_units('[]', '2025-12-29')$$, '42501', null, 'intake imports nothing');
set session authorization hadir_planner;
select throws_ok($$select * from api.enroll('1', 'native', '', '', null, null, '2025-12-29')$$, '42501', null, 'the planner enrols nobody');
reset session authorization;
select * from finish();
rollback;
