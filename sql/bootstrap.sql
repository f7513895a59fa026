-- Roles of hadir. Run once per cluster by a superuser (psql -f sql/bootstrap.sql), again at will: it is idempotent.
-- The database itself is made by whoever installs: create database hadir owner hadir_owner encoding 'UTF8'.
--
--   hadir_owner      owns schemas and tables; `hadir migrate` logs in as it. Row security binds it too (FORCE).
--   hadir_reader     owns the api functions and views that read.  Nobody logs in as it.
--   hadir_writer     owns the api functions that write.           Nobody logs in as it.
--   hadir_query … hadir_admin   log in, own nothing, see no table: they may call their part of schema api.
--
-- Time limits stand here and not in the client, so that a hung client cannot hold locks.
do $$
declare
  r text;
begin
  foreach r in array array['hadir_reader', 'hadir_writer'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = r) then
      execute format('create role %I nologin nosuperuser nocreatedb nocreaterole noinherit nobypassrls', r);
    end if;
  end loop;
  foreach r in array array['hadir_owner', 'hadir_query', 'hadir_operator', 'hadir_intake', 'hadir_planner',
                           'hadir_messenger', 'hadir_nightly', 'hadir_admin'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = r) then
      execute format('create role %I login nosuperuser nocreatedb nocreaterole noinherit nobypassrls', r);
    end if;
    execute format('alter role %I set timezone = ''UTC''', r);
    execute format('alter role %I set jit = off', r);
    execute format('alter role %I set idle_in_transaction_session_timeout = ''30s''', r);
    -- The server's log may show statements, never their parameters: coordinates and numbers are in those.
    execute format('alter role %I set log_parameter_max_length = 0', r);
    execute format('alter role %I set log_parameter_max_length_on_error = 0', r);
  end loop;
end
$$;

-- The owner makes the api objects over to these two: it must be a member, and have their rights, to do so.
alter role hadir_owner inherit;
grant hadir_reader, hadir_writer to hadir_owner;

alter role hadir_owner     set lock_timeout = '30s';
alter role hadir_query     set statement_timeout = '5s';
alter role hadir_query     set lock_timeout = '1s';
alter role hadir_operator  set statement_timeout = '10s';
alter role hadir_operator  set lock_timeout = '5s';
alter role hadir_intake    set statement_timeout = '30s';
alter role hadir_intake    set lock_timeout = '10s';
alter role hadir_planner   set statement_timeout = '5min';
alter role hadir_planner   set lock_timeout = '30s';
alter role hadir_messenger set statement_timeout = '10s';
alter role hadir_messenger set lock_timeout = '5s';
alter role hadir_nightly   set statement_timeout = '30min';
alter role hadir_nightly   set lock_timeout = '60s';
alter role hadir_admin     set statement_timeout = '10min';
alter role hadir_admin     set lock_timeout = '30s';
-- Big set-based statements of these two sort and hash whole governments.
alter role hadir_planner   set work_mem = '256MB';
alter role hadir_nightly   set work_mem = '64MB';
