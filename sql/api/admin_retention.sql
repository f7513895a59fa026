-- Erasure: coordinates and keys older than a government keeps them, and strangers' locations after 7 days. Check-ins,
-- verdicts and receipts stay.

-- Drops the months of checkin_key and checkin_position that ended before p_before; returns how many rows went.
-- Owned by the owner because it drops tables.
create or replace function hadir.partition_drop(p_before timestamptz)
returns table (parent text, rows bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC'
as $$
declare
  v_part record;
  v_rows bigint;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.partition'));
  for v_part in
    select c.relname, p.relname as parent_name
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    where p.oid in ('hadir.checkin_key'::regclass, 'hadir.checkin_position'::regclass)
      and c.relname ~ '_[0-9]{6}$'
      and to_timestamp(right(c.relname, 6), 'YYYYMM') + interval '1 month' <= p_before
    order by c.relname
  loop
    execute format('select count(*) from hadir.%I', v_part.relname) into v_rows;
    execute format('alter table hadir.%I detach partition hadir.%I', v_part.parent_name, v_part.relname);
    execute format('drop table hadir.%I', v_part.relname);
    parent := v_part.parent_name;
    rows := v_rows;
    return next;
  end loop;
end
$$;
grant execute on function hadir.partition_drop(timestamptz) to hadir_writer;

-- p_government: a code, or null for all. Returns what was erased and how many rows. Months that every government has
-- outlived are dropped whole; the rest goes row by row. Caller: hadir_admin.
drop function if exists api.retention(text, timestamptz);
create function api.retention(p_government text, p_now timestamptz)
returns table (what text, rows bigint)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_keys      bigint;
  v_positions bigint;
  v_strangers bigint;
  v_more      bigint;
begin
  if p_government is not null and not exists (select from hadir.government g where g.code = p_government) then
    raise exception 'pemerintah % tidak dikenal', p_government using errcode = 'invalid_parameter_value';
  end if;
  select coalesce(sum(d.rows) filter (where d.parent = 'checkin_key'), 0),
         coalesce(sum(d.rows) filter (where d.parent = 'checkin_position'), 0)
  into v_keys, v_positions
  from (select min(p_now - make_interval(days => g.retention_days)) as before from hadir.government g having count(*) > 0) o
  cross join lateral hadir.partition_drop(o.before) d
  where p_government is null or (select count(*) from hadir.government) = 1;

  delete from hadir.checkin_key k using hadir.government g
  where g.id = k.government and (p_government is null or g.code = p_government)
    and k.claimed_at < p_now - make_interval(days => g.retention_days);
  get diagnostics v_more = row_count;
  v_keys := v_keys + v_more;
  delete from hadir.checkin_position q using hadir.government g
  where g.id = q.government and (p_government is null or g.code = p_government)
    and q.received_at < p_now - make_interval(days => g.retention_days);
  get diagnostics v_more = row_count;
  v_positions := v_positions + v_more;
  delete from hadir.unattributed u using hadir.government g
  where g.id = u.government and (p_government is null or g.code = p_government)
    and u.received_at < p_now - interval '7 days';
  get diagnostics v_strangers = row_count;

  insert into hadir.audit (at, action, subject, detail)
  values (p_now, 'retention', coalesce(p_government, ''),
          jsonb_build_object('keys', v_keys, 'positions', v_positions, 'unattributed', v_strangers));
  return query values ('checkin_key', v_keys), ('checkin_position', v_positions), ('unattributed', v_strangers);
end
$$;
alter function api.retention(text, timestamptz) owner to hadir_writer;
revoke all on function api.retention(text, timestamptz) from public;
grant execute on function api.retention(text, timestamptz) to hadir_admin;
