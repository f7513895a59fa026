-- The functions that row security's policies ask, now in plpgsql: a policy stands in every scan, so one question asks
-- them dozens of times; plpgsql keeps their plans for the session, SQL functions were planned anew each time. Same
-- answers, same rights. And partitions are made without a gap for keys that are on their way into the spare one.

create or replace function hadir.actor_id(p_kind text) returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return substring(current_setting('hadir.actor', true) from '^' || p_kind || ':([0-9]{1,18})$')::bigint;
end
$$;

create or replace function hadir.actor_person() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select d.person from hadir.device d where d.id = hadir.actor_id('device') and d.revoked_at is null
          union all
          select a.person from hadir.access a where a.id = hadir.actor_id('access') and a.revoked_at is null);
end
$$;

create or replace function hadir.visible_units() returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select coalesce(array_agg(c.descendant), '{}')
          from hadir.access a
          join hadir.unit_closure c on c.ancestor = a.unit
          where a.id = hadir.actor_id('access') and a.revoked_at is null);
end
$$;

create or replace function hadir.actor_government() returns bigint
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return (select d.government from hadir.device d where d.id = hadir.actor_id('device') and d.revoked_at is null
          union all
          select a.government from hadir.access a where a.id = hadir.actor_id('access') and a.revoked_at is null);
end
$$;

-- Makes the month's partitions of checkin_key and checkin_position, if they are missing; for any time, any number of
-- times. Owned by the owner because it makes tables. What the spare partition holds of the month moves into the new
-- one. The spare is locked first (attaching locks it anyway): a row that another transaction is putting there would
-- otherwise be left behind, and attaching fail. The other months stay open to ingest.
create or replace function hadir.partition_ensure(p_at timestamptz) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  month  constant timestamptz := date_trunc('month', p_at);
  suffix constant text := to_char(month, 'YYYYMM');
  parent text;
  spare  text;
  part   text;
  stamp  text;
begin
  foreach parent in array array['checkin_key', 'checkin_position'] loop
    part := parent || '_' || suffix;
    continue when to_regclass(format('hadir.%I', part)) is not null;
    perform pg_advisory_xact_lock(hashtext('hadir.partition'));
    continue when to_regclass(format('hadir.%I', part)) is not null;
    spare := parent || '_other';
    stamp := case parent when 'checkin_key' then 'claimed_at' else 'received_at' end;
    execute format('lock table hadir.%I in access exclusive mode', spare);
    execute format('create table hadir.%I (like hadir.%I including defaults including constraints)', part, parent);
    execute format('insert into hadir.%I select * from hadir.%I where %I >= %L and %I < %L',
                   part, spare, stamp, month, stamp, month + interval '1 month');
    execute format('delete from hadir.%I where %I >= %L and %I < %L', spare, stamp, month, stamp, month + interval '1 month');
    if parent = 'checkin_key' then
      execute format('create unique index on hadir.%I (device, key)', part);
    end if;
    perform hadir.protect(format('hadir.%I', part)::regclass, '{}', '{hadir_intake,hadir_planner,hadir_admin}', null,
                          case parent when 'checkin_key' then 'insert, delete' else 'insert, update, delete' end);
    execute format('alter table hadir.%I attach partition hadir.%I for values from (%L) to (%L)',
                   parent, part, month, month + interval '1 month');
  end loop;
end
$$;
