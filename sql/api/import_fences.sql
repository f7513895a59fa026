-- Fences, their shapes already converted and encoded by C: code, name, kind, unit or nip, shared, shape (hex),
-- government (code; may be left out). A known code with another shape gets a new version. Returns every problem; with
-- any, nothing is loaded. Caller: hadir_admin.
drop function if exists api.import_fences(jsonb, timestamptz);
create function api.import_fences(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_fence as
  select r.line, r.code, r.name, r.kind, r.unit as unit_code, r.nip, r.shared as shared_text,
         coalesce(hadir.try_boolean(r.shared), false) as shared, r.shape as shape_text,
         case when r.shape ~ '^([0-9a-fA-F]{2})+$' then decode(r.shape, 'hex') end as shape,
         r.government as government_code, u.id as unit, p.id as person,
         coalesce(u.government, p.government, g.id, case when r.government is null then hadir.only_government() end) as government
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, code text, name text, kind text, unit text, nip text,
                                                        shared text, shape text, government text)
  left join hadir.unit u on u.code = r.unit
  left join hadir.person p on p.nip = r.nip
  left join hadir.government g on g.code = r.government;
  analyze pg_temp.import_fence;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'code', hadir.say('kode pagar harus diisi', 'a code must be there')
    from pg_temp.import_fence i where coalesce(i.code, '') = ''
    union all
    select i.line, 'code', format(hadir.say('kode %s sudah ada di baris %s', 'code %s is in line %s already'), i.code, j.line)
    from pg_temp.import_fence i
    join lateral (select min(j.line) as line from pg_temp.import_fence j
                  where j.code = i.code and j.government is not distinct from i.government) j on j.line < i.line
    union all
    select i.line, 'name', hadir.say('nama harus diisi', 'a name must be there') from pg_temp.import_fence i where coalesce(i.name, '') = ''
    union all
    select i.line, 'kind', hadir.say('jenis harus office, site, home atau area', 'must be office, site, home or area')
    from pg_temp.import_fence i where i.kind is null or i.kind not in ('office', 'site', 'home', 'area')
    union all
    select i.line, 'unit', format(hadir.say('unit %s tidak dikenal', 'unit %s is unknown'), i.unit_code)
    from pg_temp.import_fence i where i.unit_code is not null and i.unit is null
    union all
    select i.line, 'nip', hadir.say('NIP tidak dikenal', 'the NIP is unknown') from pg_temp.import_fence i where i.nip is not null and i.person is null
    union all
    select i.line, 'nip', hadir.say('unit dan nip tidak boleh diisi bersama', 'not both unit and nip')
    from pg_temp.import_fence i where i.nip is not null and i.unit_code is not null
    union all
    select i.line, 'nip', hadir.say('rumah (home) memerlukan nip, dan hanya rumah', 'a home needs a nip, and nothing else has one')
    from pg_temp.import_fence i where (i.kind = 'home') <> (i.nip is not null)
    union all
    select i.line, 'unit', hadir.say('kantor (office) memerlukan unit', 'an office needs a unit')
    from pg_temp.import_fence i where i.kind = 'office' and i.unit_code is null
    union all
    select i.line, 'shared', hadir.say('harus ya atau tidak', 'must be ya or tidak')
    from pg_temp.import_fence i where i.shared_text is not null and hadir.try_boolean(i.shared_text) is null
    union all
    select i.line, 'shared', hadir.say('rumah tidak dapat dipakai bersama', 'a home is not shared') from pg_temp.import_fence i where i.shared and i.kind = 'home'
    union all
    select i.line, 'shape', hadir.say('bentuk tidak terbaca', 'the shape cannot be read') from pg_temp.import_fence i where i.shape is null
    union all
    select i.line, 'government', hadir.say('pemerintah tidak dapat ditentukan; isi government, unit atau nip', 'which government cannot be told; fill in government, unit or nip')
    from pg_temp.import_fence i
    where i.government is null and (i.unit_code is null or i.unit is not null) and (i.nip is null or i.person is not null)
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.fence as f (government, code, name, kind, unit, person, shared, version)
    select i.government, i.code, i.name, i.kind, i.unit, i.person, i.shared, 0 from pg_temp.import_fence i
    order by i.line
    on conflict (government, code) do update
      set name = excluded.name, kind = excluded.kind, unit = excluded.unit, person = excluded.person,
          shared = excluded.shared, removed_at = null
      where (f.name, f.kind, f.unit, f.person, f.shared, f.removed_at)
            is distinct from (excluded.name, excluded.kind, excluded.unit, excluded.person, excluded.shared, null);
    with newer as (
      insert into hadir.fence_version (fence, version, shape)
      select f.id, f.version + 1, i.shape
      from pg_temp.import_fence i
      join hadir.fence f on f.government = i.government and f.code = i.code
      left join hadir.fence_version v on v.fence = f.id and v.version = f.version
      where v.shape is distinct from i.shape
      returning fence, version
    )
    update hadir.fence f set version = n.version from newer n where f.id = n.fence;
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_fences', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_fence;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_fences(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_fences(jsonb, timestamptz) from public;
grant execute on function api.import_fences(jsonb, timestamptz) to hadir_admin;

-- Takes a fence out of use from now on; what was placed against it stays. Returns whether there was one.
create or replace function api.fence_remove(p_government text, p_code text, p_now timestamptz) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update hadir.fence f set removed_at = p_now
  from hadir.government g
  where g.id = f.government and g.code = p_government and f.code = p_code and f.removed_at is null;
  return found;
end
$$;
alter function api.fence_remove(text, text, timestamptz) owner to hadir_writer;
revoke all on function api.fence_remove(text, text, timestamptz) from public;
grant execute on function api.fence_remove(text, text, timestamptz) to hadir_admin;
