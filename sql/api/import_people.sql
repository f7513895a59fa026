-- People and where they belong: nip, name, category, unit (a code), from (a date), grade, post, echelon (I … IV; empty:
-- functional posts and staff; a file without this column leaves it). A known NIP in another unit is a move: the posting so
-- far ends the day before, so the past stays as it was. Returns every problem; with any, nothing is loaded. Caller:
-- hadir_admin.
drop function if exists api.import_people(jsonb, timestamptz);
create function api.import_people(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
  v_echelon  boolean;
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_person as
  select r.line, r.nip, r.name, r.category, r.unit as unit_code, r."from" as from_text, hadir.try_date(r."from") as starts,
         coalesce(r.grade, '') as grade, coalesce(r.post, '') as post,
         coalesce(r.echelon, '') as echelon, u.id as unit, u.government, p.id as person,
         p.government as known_government
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, nip text, name text, category text, unit text, "from" text,
                                                        grade text, post text, echelon text)
  left join hadir.unit u on u.code = r.unit
  left join hadir.person p on p.nip = r.nip;
  v_echelon := hadir.import_names(p_rows, 'echelon');
  create index on pg_temp.import_person (nip);
  analyze pg_temp.import_person;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'nip', hadir.nip_problem(i.nip)
    from pg_temp.import_person i where hadir.nip_problem(i.nip) is not null
    union all
    select i.line, 'nip', format(hadir.say('NIP sudah ada di baris %s', 'the NIP is in line %s already'), j.line)
    from pg_temp.import_person i
    join (select nip, min(line) as line from pg_temp.import_person group by nip having count(*) > 1) j
      on j.nip = i.nip and j.line < i.line
    union all
    select i.line, 'name', hadir.say('nama harus diisi', 'a name must be there') from pg_temp.import_person i where coalesce(i.name, '') = ''
    union all
    select i.line, 'category', hadir.say('kategori harus PNS, PPPK atau PPPK_PW', 'must be PNS, PPPK or PPPK_PW')
    from pg_temp.import_person i where i.category is null or i.category not in ('PNS', 'PPPK', 'PPPK_PW')
    union all
    select i.line, 'echelon', hadir.say('eselon harus I, II, III atau IV; kosong untuk jabatan fungsional dan pelaksana', 'must be I, II, III or IV; empty for functional posts and staff')
    from pg_temp.import_person i where i.echelon not in ('', 'I', 'II', 'III', 'IV')
    union all
    select i.line, 'unit', case when i.unit_code is null then hadir.say('unit harus diisi', 'a unit must be there')
                                    else format(hadir.say('unit %s tidak dikenal', 'unit %s is unknown'), i.unit_code) end
    from pg_temp.import_person i where i.unit is null
    union all
    select i.line, 'from', hadir.say('tanggal mulai harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_person i where i.starts is null
    union all
    select i.line, 'unit', hadir.say('pegawai ini milik pemerintah lain', 'the person belongs to another government')
    from pg_temp.import_person i where i.known_government <> i.government
    union all
    select i.line, 'from', format(hadir.say('pegawai sudah mempunyai penempatan yang mulai %s; yang lalu tidak diubah', 'has a posting from %s on already; the past is not changed'), o.valid_from)
    from pg_temp.import_person i
    join lateral (
      select max(o.valid_from) as valid_from from hadir.posting o
      where o.person = i.person and o.kind = 'main' and o.valid_from > i.starts
    ) o on o.valid_from is not null
    where not exists (select from hadir.posting n where n.person = i.person and n.kind = 'main' and n.unit = i.unit
                      and i.starts >= n.valid_from and (n.valid_to is null or i.starts <= n.valid_to))
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.person (government, nip, name, category, grade, post, echelon)
    select i.government, i.nip, i.name, i.category, i.grade, i.post, i.echelon from pg_temp.import_person i
    where i.person is null
    order by i.line;
    update hadir.person p
    set name = i.name, category = i.category, grade = i.grade, post = i.post,
        echelon = case when v_echelon then i.echelon else p.echelon end
    from pg_temp.import_person i
    where p.id = i.person and (p.name, p.category, p.grade, p.post, case when v_echelon then p.echelon else '' end)
                              is distinct from (i.name, i.category, i.grade, i.post, i.echelon);
    update pg_temp.import_person i set person = p.id from hadir.person p where p.nip = i.nip and i.person is null;

    -- Who is already there that day has nothing to move.
    delete from pg_temp.import_person i
    using hadir.posting o
    where o.person = i.person and o.kind = 'main' and o.unit = i.unit
      and i.starts >= o.valid_from and (o.valid_to is null or i.starts <= o.valid_to);
    -- The same first day again corrects the unit; any later day ends the posting before.
    update hadir.posting o set unit = i.unit
    from pg_temp.import_person i
    where o.person = i.person and o.kind = 'main' and o.valid_from = i.starts and o.unit <> i.unit;
    update hadir.posting o set valid_to = i.starts - 1
    from pg_temp.import_person i
    where o.person = i.person and o.kind = 'main' and o.valid_from < i.starts
      and (o.valid_to is null or o.valid_to >= i.starts);
    insert into hadir.posting (person, unit, valid_from)
    select i.person, i.unit, i.starts from pg_temp.import_person i
    where not exists (select from hadir.posting o where o.person = i.person and o.kind = 'main' and o.valid_from = i.starts);
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_people', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_person;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;
alter function api.import_people(jsonb, timestamptz) owner to hadir_writer;
revoke all on function api.import_people(jsonb, timestamptz) from public;
grant execute on function api.import_people(jsonb, timestamptz) to hadir_admin;
