-- How many rows of a file are new, changed, unchanged: what the database knows of each row's key, asked before the import and
-- after it, in its transaction. A key is what the import goes by; a row that cannot be read is known as nothing.

-- Row by row what is known, as a text that differs when anything of it does; null: nothing. p_kind: as the command names it.
create or replace function hadir.import_known(p_kind text, p_rows jsonb) returns table (line int, known text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  if p_kind = 'units' then
    return query
    select r.line, u::text
    from jsonb_to_recordset(p_rows) r (line int, code text) left join hadir.unit u on u.code = r.code;
  elsif p_kind = 'people' then
    return query
    select r.line, concat(e, o.text)
    from jsonb_to_recordset(p_rows) r (line int, nip text)
    left join hadir.person e on e.nip = r.nip
    left join lateral (select string_agg(p::text, ' ' order by p.valid_from) as text
                       from hadir.posting p where p.person = e.id and p.kind = 'main') o on true;
  elsif p_kind = 'heads' then
    return query
    select r.line, o::text
    from jsonb_to_recordset(p_rows) r (line int, nip text, unit text, kind text, "from" text)
    left join hadir.person e on e.nip = r.nip
    left join hadir.unit u on u.code = r.unit
    left join hadir.posting o on o.unit = u.id and o.kind = r.kind and o.valid_from = hadir.try_date(r."from")
      and (o.kind <> 'delegate' or o.person = e.id);
  elsif p_kind = 'calendar' then
    return query
    select r.line, c::text
    from jsonb_to_recordset(p_rows) r (line int, day text, kind text, dated text, government text)
    left join hadir.government g on g.code = r.government
    left join hadir.calendar_day c on c.day = hadir.try_date(r.day) and c.kind = r.kind and c.dated = hadir.try_date(r.dated)
      and c.government is not distinct from coalesce(g.id, case when r.kind = 'REGIONAL' then hadir.only_government() end);
  elsif p_kind = 'periods' then
    return query
    select r.line, c::text
    from jsonb_to_recordset(p_rows) r (line int, kind text, name text, dated text, government text)
    left join hadir.government g on g.code = r.government
    left join hadir.calendar_period c on c.kind = r.kind and c.name = r.name and c.dated = hadir.try_date(r.dated)
      and c.government is not distinct from g.id;
  elsif p_kind = 'hours' then
    return query
    -- (A shift without a session is a day off: its hours are known, and any session that they still have.)
    select r.line, case when s.id is not null or w.id is not null and r.shift is not null and r.session is null then concat(w, s) end
    from jsonb_to_recordset(p_rows) r (line int, weekdays text, session text, government text, unit text, nip text, valid_from text,
                                       season text, shift text)
    left join hadir.unit u on u.code = r.unit
    left join hadir.person e on e.nip = r.nip
    left join hadir.government g on g.code = r.government
    left join hadir.working_hours w on (r.government is null or w.government = g.id)
      and w.unit is not distinct from u.id and w.person is not distinct from e.id and w.valid_from = hadir.try_date(r.valid_from)
      and w.weekdays = case when r.weekdays is null then '{1,2,3,4,5,6,7}' else hadir.try_weekdays(r.weekdays) end
      and w.season is not distinct from r.season and w.shift is not distinct from r.shift
    left join hadir.session s on s.working_hours = w.id and (s.code = r.session or r.shift is not null and r.session is null);
  else
    return query select k.line, k.known from hadir.import_known_code(p_kind, p_rows) k;
  end if;
end
$$;

-- The same of what a government counts by, of absences and fences.
create or replace function hadir.import_known_code(p_kind text, p_rows jsonb) returns table (line int, known text)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  with row as (
    select r.*, g.id as land, hadir.try_date(r.valid_from) as since
    from jsonb_to_recordset(p_rows) r (line int, code text, counts_as text, from_minutes text, from_days text, consecutive text,
      valid_from text, nip text, unit text, first_day text, last_day text, sessions text, government text)
    left join hadir.government g on r.government is null or g.code = r.government
  )
  select r.line, m::text
  from row r left join hadir.minute_class m on m.government = r.land and m.valid_from = r.since and m.counts_as = r.counts_as
    and m.from_minutes = hadir.try_count(r.from_minutes)
  where p_kind = 'minute-classes'
  union all
  select r.line, c::text
  from row r left join hadir.consequence c on c.government = r.land and c.valid_from = r.since
  where p_kind = 'consequences'
  union all
  select r.line, s::text
  from row r left join hadir.discipline_step s on s.government = r.land and s.from_days = hadir.try_count(r.from_days)
    and s.valid_from = coalesce(r.since, s.valid_from) and s.consecutive = coalesce(hadir.try_boolean(r.consecutive), false)
  where p_kind = 'discipline'
  union all
  select r.line, c::text
  from row r left join hadir.absence_code c on c.government = r.land and c.code = r.code
  where p_kind = 'absence-codes'
  union all
  select r.line, (select min(a::text) from hadir.absence a
    where a.person = e.id and a.code = r.code and a.status = 'approved' and a.first_day = hadir.try_date(r.first_day)
      and a.last_day = coalesce(hadir.try_date(r.last_day), hadir.try_date(r.first_day))
      and a.sessions is not distinct from (select array_agg(distinct s order by s)
                                           from regexp_split_to_table(nullif(trim(r.sessions), ''), '\s+') s))
  from row r left join hadir.person e on e.nip = r.nip
  where p_kind = 'absences'
  union all
  select r.line, f::text
  from row r
  left join hadir.unit u on u.code = r.unit
  left join hadir.person e on e.nip = r.nip
  left join hadir.fence f on f.government = case when u.id is not null or e.id is not null then coalesce(u.government, e.government) else r.land end and f.code = r.code and f.removed_at is null
  where p_kind = 'fences';
end
$$;

-- Before an import, and after it: {"line": what is known, as a digest} of the rows that are known, kept by the caller. Caller: hadir_admin.
create or replace function api.import_before(p_kind text, p_rows jsonb) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(k.line, k.known), '{}')
  from (select k.line, md5(string_agg(k.known, ' ' order by k.known)) as known
        from hadir.import_known(p_kind, p_rows) k where k.known <> '' group by k.line) k
$$;

-- After it, in the same transaction: how many rows are new, changed, unchanged since p_before. Caller: hadir_admin.
create or replace function api.import_after(p_kind text, p_rows jsonb, p_before jsonb)
returns table (new bigint, changed bigint, unchanged bigint)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select count(*) filter (where b.value is null), count(*) filter (where b.value <> a.value), count(*) filter (where b.value = a.value)
  from jsonb_each_text(api.import_before(p_kind, p_rows)) a
  left join jsonb_each_text(p_before) b on b.key = a.key
$$;

revoke all on function hadir.import_known(text, jsonb), hadir.import_known_code(text, jsonb) from public;
grant execute on function hadir.import_known(text, jsonb), hadir.import_known_code(text, jsonb) to hadir_writer;
alter function api.import_before(text, jsonb) owner to hadir_writer;
alter function api.import_after(text, jsonb, jsonb) owner to hadir_writer;
revoke all on function api.import_before(text, jsonb), api.import_after(text, jsonb, jsonb) from public;
grant execute on function api.import_before(text, jsonb), api.import_after(text, jsonb, jsonb) to hadir_admin;
