-- Days off: day, kind (LN national holiday, CB collective leave, REGIONAL), name, basis, government (code; for REGIONAL).
-- Returns every problem; with any, nothing is loaded. Caller: hadir_admin.
drop function if exists api.import_calendar(jsonb, timestamptz);
create function api.import_calendar(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_day as
  select r.line, hadir.try_date(r.day) as day, r.kind, r.name, coalesce(r.basis, '') as basis, r.government as government_code,
         coalesce(g.id, case when r.kind = 'REGIONAL' and r.government is null then hadir.only_government() end) as government
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, day text, kind text, name text, basis text, government text)
  left join hadir.government g on g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'day', 'tanggal harus berbentuk TTTT-BB-HH dan ada di kalender'
    from pg_temp.import_day i where i.day is null
    union all
    select i.line, 'kind', 'jenis harus LN, CB atau REGIONAL'
    from pg_temp.import_day i where i.kind is null or i.kind not in ('LN', 'CB', 'REGIONAL')
    union all
    select i.line, 'name', 'nama harus diisi' from pg_temp.import_day i where coalesce(i.name, '') = ''
    union all
    select i.line, 'government', format('pemerintah %s tidak dikenal', i.government_code)
    from pg_temp.import_day i where i.government_code is not null and i.government is null
    union all
    select i.line, 'government', 'libur daerah (REGIONAL) memerlukan pemerintah'
    from pg_temp.import_day i where i.kind = 'REGIONAL' and i.government_code is null and i.government is null
    union all
    select i.line, 'government', 'LN dan CB berlaku nasional; kosongkan pemerintah'
    from pg_temp.import_day i where i.kind in ('LN', 'CB') and i.government_code is not null
    union all
    select i.line, 'day', format('hari dan jenis yang sama sudah ada di baris %s', j.line)
    from pg_temp.import_day i
    join lateral (select min(j.line) as line from pg_temp.import_day j
                  where j.day = i.day and j.kind = i.kind and j.government is not distinct from i.government) j on j.line < i.line
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.calendar_day as c (government, day, kind, name, basis)
    select i.government, i.day, i.kind, i.name, i.basis from pg_temp.import_day i
    order by i.line
    on conflict (government, day, kind, dated) do update set name = excluded.name, basis = excluded.basis
      where (c.name, c.basis) is distinct from (excluded.name, excluded.basis);
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_calendar', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_day;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_calendar(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_calendar(jsonb, timestamptz) from public;
grant execute on function api.import_calendar(jsonb, timestamptz) to hadir_admin;
