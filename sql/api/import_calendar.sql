-- The calendar by decree. api.import_calendar loads days (holidays.csv), api.import_periods stretches of days with hours of
-- their own (periods.csv). Both only add: what a decree said stays, a later dated one supersedes it
-- (calendar_in_force.sql). The same file again changes nothing; a name may be corrected under the same decree.
-- Both return every problem; with any, nothing is loaded. Caller: hadir_admin.

-- day, kind (LN national holiday, CB collective leave, REGIONAL, WORK: taken back), name, dated (the decree's date),
-- basis (the decree), government (a code; for REGIONAL, and for WORK of one government).
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
  select r.line, hadir.try_date(r.day) as day, r.kind, r.name, hadir.try_date(r.dated) as dated, coalesce(r.basis, '') as basis,
         r.government as government_code,
         coalesce(g.id, case when r.kind = 'REGIONAL' and r.government is null then hadir.only_government() end) as government
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, day text, kind text, name text, dated text, basis text,
                                                        government text)
  left join hadir.government g on g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'day', hadir.say('tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_day i where i.day is null
    union all
    select i.line, 'dated', hadir.say('tanggal keputusan harus diisi, berbentuk TTTT-BB-HH, dan ada di kalender', 'must be there, the decree''s date, YYYY-MM-DD')
    from pg_temp.import_day i where i.dated is null
    union all
    select i.line, 'kind', hadir.say('jenis harus LN, CB, REGIONAL atau WORK', 'must be LN, CB, REGIONAL or WORK')
    from pg_temp.import_day i where i.kind is null or i.kind not in ('LN', 'CB', 'REGIONAL', 'WORK')
    union all
    select i.line, 'name', hadir.say('nama harus diisi', 'a name must be there') from pg_temp.import_day i where coalesce(i.name, '') = ''
    union all
    select i.line, 'government', format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code)
    from pg_temp.import_day i where i.government_code is not null and i.government is null
    union all
    select i.line, 'government', hadir.say('libur daerah (REGIONAL) memerlukan pemerintah', 'REGIONAL needs a government')
    from pg_temp.import_day i where i.kind = 'REGIONAL' and i.government_code is null and i.government is null
    union all
    select i.line, 'government', hadir.say('LN dan CB berlaku nasional; kosongkan pemerintah', 'LN and CB are national; leave the government empty')
    from pg_temp.import_day i where i.kind in ('LN', 'CB') and i.government_code is not null
    union all
    select i.line, 'day', format(hadir.say('hari, jenis dan tanggal keputusan yang sama sudah ada di baris %s', 'the same day, kind and date of decree are in line %s already'), j.line)
    from pg_temp.import_day i
    join lateral (select min(j.line) as line from pg_temp.import_day j
                  where j.day = i.day and j.kind = i.kind and j.dated = i.dated
                    and j.government is not distinct from i.government) j on j.line < i.line
    union all
    select i.line, 'dated', format(hadir.say('sudah ada dari keputusan lain bertanggal sama: %s', 'is there already, by another decree of the same date: %s'), c.basis)
    from pg_temp.import_day i
    join hadir.calendar_day c on c.day = i.day and c.kind = i.kind and c.dated = i.dated
      and c.government is not distinct from i.government and c.basis <> i.basis
    union all
    -- Two words of one date about one day: which of them would be the later?
    select distinct i.line, 'kind', format(hadir.say('hari ini libur dan hari kerja (WORK) menurut keputusan bertanggal sama, %s', 'the day is off and worked (WORK) by decrees of the same date, %s'), i.dated)
    from pg_temp.import_day i
    join (select j.government, j.day, j.kind, j.dated from pg_temp.import_day j
          union all
          select c.government, c.day, c.kind, c.dated from hadir.calendar_day c) o
      on o.day = i.day and o.dated = i.dated and o.government is not distinct from i.government
    where (o.kind = 'WORK') <> (i.kind = 'WORK')
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.calendar_day as c (government, day, kind, name, dated, basis)
    select i.government, i.day, i.kind, i.name, i.dated, i.basis from pg_temp.import_day i
    order by i.line
    on conflict (government, day, kind, dated) do update set name = excluded.name where c.name <> excluded.name;
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_calendar', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_day;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;

-- kind (the season that hours name), name, first_day, last_day, dated, basis, government (a code; empty: national).
-- The name says which periods are the same one, decreed again with other days.
drop function if exists api.import_periods(jsonb, timestamptz);
create function api.import_periods(p_rows jsonb, p_now timestamptz)
returns table (line int, field text, reason text)
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_problems hadir.import_problem[];
begin
  perform pg_advisory_xact_lock(hashtext('hadir.import'));
  create temporary table import_period as
  select r.line, r.kind, r.name, hadir.try_date(r.first_day) as first_day, hadir.try_date(r.last_day) as last_day,
         hadir.try_date(r.dated) as dated, coalesce(r.basis, '') as basis, r.government as government_code, g.id as government
  from jsonb_to_recordset(hadir.import_rows(p_rows)) r (line int, kind text, name text, first_day text, last_day text,
                                                        dated text, basis text, government text)
  left join hadir.government g on g.code = r.government;

  select array_agg(row(q.line, q.field, q.reason)::hadir.import_problem order by q.line, q.field) into v_problems
  from (
    select i.line, 'kind', hadir.say('jenis harus diisi: huruf besar saja, paling panjang 20', 'a kind must be there: capital letters, at most 20')
    from pg_temp.import_period i where i.kind is null or i.kind !~ '^[A-Z]{1,20}$'
    union all
    select i.line, 'name', hadir.say('nama harus diisi', 'a name must be there') from pg_temp.import_period i where coalesce(i.name, '') = ''
    union all
    select i.line, t.field, hadir.say('tanggal harus berbentuk TTTT-BB-HH dan ada di kalender', 'must be a date of the calendar, YYYY-MM-DD')
    from pg_temp.import_period i
    cross join lateral (values ('first_day', i.first_day), ('last_day', i.last_day), ('dated', i.dated)) t (field, day)
    where t.day is null
    union all
    select i.line, 'last_day', hadir.say('hari terakhir tidak boleh sebelum hari pertama, dan paling lama 366 hari', 'must not be before the first day, nor more than 366 days after')
    from pg_temp.import_period i where not i.last_day - i.first_day between 0 and 365
    union all
    select i.line, 'government', format(hadir.say('pemerintah %s tidak dikenal', 'government %s is unknown'), i.government_code)
    from pg_temp.import_period i where i.government_code is not null and i.government is null
    union all
    select i.line, 'name', format(hadir.say('jenis, nama dan tanggal keputusan yang sama sudah ada di baris %s', 'the same kind, name and date of decree are in line %s already'), j.line)
    from pg_temp.import_period i
    join lateral (select min(j.line) as line from pg_temp.import_period j
                  where j.kind = i.kind and j.name = i.name and j.dated = i.dated
                    and j.government is not distinct from i.government) j on j.line < i.line
    union all
    select i.line, 'dated', hadir.say('keputusan bertanggal sama sudah menetapkan hari-hari lain; keputusan yang mengubahnya bertanggal kemudian', 'a decree of the same date has set other days; one that changes them is dated later')
    from pg_temp.import_period i
    join hadir.calendar_period c on c.kind = i.kind and c.name = i.name and c.dated = i.dated
      and c.government is not distinct from i.government
      and (c.first_day, c.last_day, c.basis) is distinct from (i.first_day, i.last_day, i.basis)
    union all
    -- The same days under two names: one of them is misspelt, and neither would ever supersede the other.
    select distinct i.line, 'name', format(hadir.say('bertumpang tindih dengan %s dari jenis yang sama; pakai nama itu untuk mengubah harinya', 'overlaps %s of the same kind; use that name to change its days'), o.name)
    from pg_temp.import_period i
    join (select j.government, j.kind, j.name, j.first_day, j.last_day from pg_temp.import_period j
          union all
          select c.government, c.kind, c.name, c.first_day, c.last_day from hadir.calendar_period c
          where not exists (select from hadir.calendar_period n where n.kind = c.kind and n.name = c.name and n.dated > c.dated
                            and n.government is not distinct from c.government)
            and not exists (select from pg_temp.import_period n where n.kind = c.kind and n.name = c.name and n.dated > c.dated
                            and n.government is not distinct from c.government)) o
      on o.kind = i.kind and o.name <> i.name and o.government is not distinct from i.government
      and o.first_day <= i.last_day and o.last_day >= i.first_day
  ) q (line, field, reason);

  if v_problems is null then
    insert into hadir.calendar_period (government, kind, name, first_day, last_day, dated, basis)
    select i.government, i.kind, i.name, i.first_day, i.last_day, i.dated, i.basis from pg_temp.import_period i
    order by i.line
    on conflict (government, kind, name, dated) do nothing;
    insert into hadir.audit (at, action, detail)
    values (p_now, 'import_periods', jsonb_build_object('rows', jsonb_array_length(p_rows)));
  end if;
  drop table pg_temp.import_period;
  return query select p.line, p.field, p.reason from unnest(v_problems) p order by p.line, p.field;
end
$$;

do $do$
declare
  f text;
begin
  foreach f in array array['import_calendar', 'import_periods'] loop
    execute format('alter function api.%I(jsonb, timestamptz) owner to hadir_writer', f);
    execute format('revoke all on function api.%I(jsonb, timestamptz) from public', f);
    execute format('grant execute on function api.%I(jsonb, timestamptz) to hadir_admin', f);
  end loop;
end
$do$;
