-- The unit tree of a government from a file: code, name, kind, parent (a code of the file or known), government (a code;
-- may be left out where the parent, the unit itself, its code or the only government tells), service (public, support,
-- administration; empty: that of the unit above). Known codes are updated; a file without the column service leaves it.
-- Returns every problem; with any, nothing is loaded. Caller: hadir_admin.
drop function if exists api.import_units(jsonb, timestamptz);
create function api.import_units(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
  v_service  boolean;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_unit as
  select r.line, r.code, r.name, coalesce(r.kind, '') as kind, r.parent, r.government, r.service,
         (select g.id from hadir.government g where g.code = r.government) as named,
         (select u.government from hadir.unit u where u.code = r.code) as known
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, code text, name text, kind text, parent text, government text,
                                                        service text);
  v_service := hadir.import_names(p_rows, 'service');
  create index on pg_temp.import_unit (code);
  analyze pg_temp.import_unit;

  create temporary table import_home as
  with recursive up (line, code, parent, land, depth) as (
    select i.line, i.code, i.parent, coalesce(i.named, i.known), 0 from pg_temp.import_unit i
    union all
    select up.line, p.code, p.parent, p.land, up.depth + 1
    from up
    cross join lateral (
      select i.code, i.parent, coalesce(i.named, i.known) as land from pg_temp.import_unit i where i.code = up.parent
      union all
      select u.code, null, u.government from hadir.unit u
      where u.code = up.parent and not exists (select from pg_temp.import_unit i where i.code = up.parent)
    ) p
    where up.land is null and up.depth < 40
  )
  select distinct on (up.line) up.line, up.depth,
         coalesce(up.land, (select g.id from hadir.government g where g.code = up.code), hadir.only_government()) as government
  from up
  order by up.line, up.depth desc;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'code', case when i.code is null then hadir.say('kode unit harus diisi', 'a code must be there')
                 else hadir.say('kode unit hanya huruf, angka, titik, garis bawah, garis miring, tanda hubung; paling panjang 60', 'only letters, digits, points, underscores, slashes, hyphens; at most 60') end

    from pg_temp.import_unit i where i.code is null or i.code !~ '^[A-Za-z0-9._/-]{1,60}$'
    union all
    select i.line, 'code', format(hadir.say('kode %s sudah ada di baris %s', 'code %s is in line %s already'), i.code, j.line)
    from pg_temp.import_unit i
    join lateral (select min(j.line) as line from pg_temp.import_unit j where j.code = i.code) j on j.line < i.line
    union all
    select i.line, 'name', hadir.say('nama unit harus diisi', 'a name must be there') from pg_temp.import_unit i where coalesce(i.name, '') = ''
    union all
    select i.line, 'service', hadir.say('layanan harus public, support atau administration; kosong: mengikuti unit induk', 'must be public, support or administration; empty: that of the unit above')
    from pg_temp.import_unit i where i.service not in ('public', 'support', 'administration')
    union all
    select i.line, 'parent', format(hadir.say('unit induk %s tidak dikenal', 'the unit above, %s, is unknown'), i.parent)
    from pg_temp.import_unit i
    where i.parent is not null and not exists (select from pg_temp.import_unit j where j.code = i.parent)
      and not exists (select from hadir.unit u where u.code = i.parent)
    union all
    select i.line, 'government', format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government)
    from pg_temp.import_unit i where i.government is not null and i.named is null
    union all
    select i.line, 'government', hadir.say('unit tidak dapat pindah ke pemerintah lain', 'a unit does not move to another government')
    from pg_temp.import_unit i where i.named <> i.known
    union all
    select i.line, 'government', hadir.say('unit induk milik pemerintah lain', 'the unit above belongs to another government')
    from pg_temp.import_unit i
    join pg_temp.import_home h on h.line = i.line
    left join pg_temp.import_unit j on j.code = i.parent
    left join pg_temp.import_home k on k.line = j.line
    left join hadir.unit u on u.code = i.parent
    where i.parent is not null and coalesce(k.government, u.government) <> h.government
    union all
    select i.line, 'government', hadir.say('pemerintah tidak dapat ditentukan; isi kolom government', 'which government cannot be told; fill in government')
    from pg_temp.import_unit i join pg_temp.import_home h on h.line = i.line
    where h.government is null and (i.government is null or i.named is not null)
  ) q (line, field, reason);

  if v_problems is null then
    -- The tree as it would become: the file's parents over the known ones.
    with recursive edge as (
      select i.code, i.parent, i.line from pg_temp.import_unit i
      union all
      select u.code, p.code, null from hadir.unit u left join hadir.unit p on p.id = u.parent
      where not exists (select from pg_temp.import_unit i where i.code = u.code)
    ),
    walk as (
      select e.code as start, e.line, e.parent as at from edge e where e.line is not null
      union all
      select w.start, w.line, e.parent from walk w join edge e on e.code = w.at where w.at <> w.start
    ) cycle at set looped using path
    select array_agg(distinct row(w.line, 'parent', hadir.say('unit induk membentuk lingkaran', 'the units above go round in a circle'))::hadir.import_problem) into v_problems
    from walk w where w.at = w.start or w.looped;
  end if;

  if v_problems is null then
    insert into hadir.unit (government, code, name, kind, service)
    select h.government, i.code, i.name, i.kind, i.service
    from pg_temp.import_unit i join pg_temp.import_home h on h.line = i.line
    where i.known is null
    order by i.line;
    update hadir.unit u
    set name = i.name, kind = i.kind, parent = p.id, service = case when v_service then i.service else u.service end
    from pg_temp.import_unit i left join hadir.unit p on p.code = i.parent
    where u.code = i.code and (u.name, u.kind, u.parent, case when v_service then u.service end)
                              is distinct from (i.name, i.kind, p.id, i.service);
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_units', jsonb_build_object('rows', (select count(*) from pg_temp.import_unit)));
  end if;
  drop table pg_temp.import_unit, pg_temp.import_home;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_units(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_units(jsonb, timestamptz) from public;
grant execute on function api.import_units(jsonb, timestamptz) to hadir_admin;
