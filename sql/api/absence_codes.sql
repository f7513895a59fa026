-- Codes that excuse absence: code, name, working (counts as present), percent (deduction of a whole day from valid_from on),
-- needs_document, max_days (calendar days of one absence, 1501 at most; none: no bound of its own), government (code; none: every
-- government there is). A known code is brought up to date, a percent of the same first day replaced; none is removed, absences
-- name it. A code may stand there once per valid_from; the rest is then as its latest says. Returns every problem; with any, nothing is loaded.
-- Caller: hadir_admin.
drop function if exists api.import_absence_codes(jsonb, timestamptz);
create function api.import_absence_codes(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_code as
  select r.line, r.code, r.name, g.id as government, r.government as government_code, hadir.try_boolean(r.working) as working,
         hadir.try_percent(coalesce(r.percent, '0')) as percent, hadir.try_date(r.valid_from) as valid_from,
         hadir.try_boolean(r.needs_document) as needs_document,
         case when r.max_days ~ '^[0-9]{1,4}$' then nullif(r.max_days::int, 0) end as max_days, r.max_days as max_days_text
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, code text, name text, working text, percent text,
    needs_document text, valid_from text, max_days text, government text)
  left join hadir.government g on r.government is null or g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'government', case when i.government_code is null then hadir.say('belum ada pemerintah', 'there is no government yet')
                                      else format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code) end
    from pg_temp.import_code i where i.government is null
    union
    select i.line, 'code', hadir.say('kode harus diisi: huruf dan angka, paling panjang 8', 'a code must be there: letters and digits, at most 8')
    from pg_temp.import_code i where i.code is null or i.code !~ '^[A-Za-z0-9]{1,8}$'
    union
    select i.line, 'code', format(hadir.say('kode %s sudah ada di baris %s', 'code %s is in line %s already'), i.code, j.line)
    from pg_temp.import_code i
    join pg_temp.import_code j on j.government = i.government and j.code = i.code and j.valid_from = i.valid_from and j.line < i.line
    union
    select i.line, 'name', hadir.say('nama harus diisi', 'a name must be there') from pg_temp.import_code i where coalesce(i.name, '') = ''
    union
    select i.line, 'working', hadir.say('harus ya atau tidak', 'must be ya or tidak') from pg_temp.import_code i where i.working is null
    union
    select i.line, 'needs_document', hadir.say('harus ya atau tidak', 'must be ya or tidak') from pg_temp.import_code i where i.needs_document is null
    union
    select i.line, 'percent', hadir.say('harus persen, 0 sampai 100', 'must be percent, 0 to 100') from pg_temp.import_code i where i.percent is null
    union
    select i.line, 'valid_from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_code i where i.valid_from is null
    union
    select i.line, 'max_days', hadir.say('harus bilangan bulat positif, hari kalender; kosong: tanpa batas', 'must be a whole number from 1, calendar days; empty: no bound')
    from pg_temp.import_code i where i.max_days_text is not null and i.max_days is null
    union
    select i.line, 'max_days', hadir.say('paling banyak 1501: seribu lima ratus hari sesudah yang pertama', 'at most 1501: fifteen hundred days after the first')
    from pg_temp.import_code i where i.max_days > 1501
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.absence_code as c (government, code, name, working, needs_document, max_days)
    select distinct on (i.government, i.code) i.government, i.code, i.name, i.working, i.needs_document, i.max_days
    from pg_temp.import_code i order by i.government, i.code, i.valid_from desc
    on conflict (government, code) do update
      set name = excluded.name, working = excluded.working, needs_document = excluded.needs_document, max_days = excluded.max_days
      where (c.name, c.working, c.needs_document, c.max_days)
            is distinct from (excluded.name, excluded.working, excluded.needs_document, excluded.max_days);
    insert into hadir.absence_percent (government, code, valid_from, percent)
    select i.government, i.code, i.valid_from, i.percent from pg_temp.import_code i
    on conflict (government, code, valid_from) do update set percent = excluded.percent;
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_absence_codes', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_code;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_absence_codes(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_absence_codes(jsonb, timestamptz) from public;
grant execute on function api.import_absence_codes(jsonb, timestamptz) to hadir_admin;
